"""Closed forms: the ops' own rules evaluated over sympy symbols, and written as a person would write them.

sympy is imported here and nowhere else above the rules.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sympy

from convcost.compare import Layer, assemble
from convcost.dims import Dim

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Law(NamedTuple):
    """A ratio of costs as a formula, and what it assumes."""

    expression: Any
    assumptions: tuple[str, ...]

    def __str__(self) -> str:
        return written(self.expression)

    @property
    def latex(self) -> str:
        """The formula in LaTeX."""
        return str(sympy.latex(self.expression))


def symbol(name: str) -> Any:
    """A symbol for a size: a positive integer."""
    return sympy.Symbol(name, integer=True, positive=True)


def ratio_law(way: str, stride: Dim = 1) -> Law:
    """MACs of a way to build a layer by those of the standard convolution, for f×f filters, n_c channels and n_c' filters.

    The recipe is that of `compare`, run over symbols; sympy only cancels. Where the size of the map does not cancel,
    `same` padding and sizes that the stride divides are assumed.

    >>> print(ratio_law("separable"), "|", ratio_law("grouped"), "|", ratio_law("inverted"))
    1/n_c' + 1/f² | 1/g | t/n_c' + t/f² + n_c·t/(f²·n_c')
    """
    height, width, channels, filters, kernel = (symbol(name) for name in ("h", "w", "n_c", "n_c'", "f"))
    amount = {"grouped": symbol("g"), "bottleneck": symbol("b"), "inverted": symbol("t")}.get(way, 1)
    assumptions = []
    if way == "grouped":
        channels, filters = amount * symbol("m"), amount * symbol("n")
        assumptions.append("g divides n_c and n_c'")
    shape, padding = (height, width, channels), "valid"
    found = _ratio(Layer(shape, filters, (kernel, kernel), (stride, stride), padding), way, amount)
    if found.has(height) or found.has(width):
        assumptions += ["padding same", *(["the stride divides h and w"] if stride != 1 else [])]
        shape = (stride * height, stride * width, channels)
        found = _ratio(Layer(shape, filters, (kernel, kernel), (stride, stride), "same"), way, amount)
    return Law(found, tuple(assumptions))


def _ratio(layer: Layer, way: str, amount: Dim) -> Any:
    ours, standard = (assemble(layer, name, amount, name).macs for name in (way, "standard"))
    return sympy.expand(sympy.cancel(ours / standard))


def written(expression: Any) -> str:
    """A sympy expression as text: 1/n_c' + 1/f², not 1/n_c' + f**(-2).

    >>> x, y = symbol("x"), symbol("y")
    >>> written(x**2 * y - 3 * x / y)
    'x²·y - 3·x/y'
    """
    terms = sympy.Add.make_args(sympy.sympify(expression))
    text = ""
    for term in sorted(terms, key=_order):
        body = _term(abs(term) if term.is_number else term)
        negative = term.could_extract_minus_sign()
        body = _term(-term) if negative else body
        text += (" - " if negative else " + ") + body if text else ("-" if negative else "") + body
    return text


def relation(condition: Any) -> str:
    """A condition on symbols as text.

    >>> relation(symbol("t") > 1), relation(sympy.Ne(symbol("a"), symbol("b")))
    ('t > 1', 'a ≠ b')
    """
    signs = {"!=": "≠", ">=": "≥", "<=": "≤", "==": "="}
    if not isinstance(condition, sympy.core.relational.Relational):
        return str(condition)
    return f"{written(condition.lhs)} {signs.get(condition.rel_op, condition.rel_op)} {written(condition.rhs)}"


def _order(term: Any) -> tuple[int, int, str]:
    """Highest powers first, fractions with the fewest factors first, then by name."""
    top, bottom = sympy.fraction(term)
    return (sympy.total_degree(bottom) if bottom.free_symbols else 0, -sympy.total_degree(top), str(term))


def _term(term: Any) -> str:
    top, bottom = sympy.fraction(term)
    if bottom == 1:
        return _product(top)
    below = _product(bottom)
    return f"{_product(top)}/({below})" if "·" in below else f"{_product(top)}/{below}"


def _product(term: Any) -> str:
    factors = sorted(sympy.Mul.make_args(term), key=lambda factor: (not factor.is_number, str(factor)))
    return "·".join(map(_factor, factors))


def _factor(factor: Any) -> str:
    base, exponent = factor.as_base_exp()
    if exponent.is_Integer and exponent != 1:
        return _atom(base) + str(exponent).translate(_SUPERSCRIPTS)
    return _atom(factor)


def _atom(value: Any) -> str:
    if isinstance(value, sympy.floor):
        return f"⌊{value.args[0]}⌋"
    if isinstance(value, sympy.ceiling):
        return f"⌈{value.args[0]}⌉"
    return str(value) if value.is_Atom else f"({written(value)})" if isinstance(value, sympy.Add) else str(value)
