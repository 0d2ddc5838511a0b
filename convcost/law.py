"""Closed forms: the ops' own rules evaluated over sympy symbols, and written as a person would write them.

Above the rules, sympy is imported here and in `closed_form.py`, and by nothing else.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import sympy

from convcost.compare import WAYS, Layer, assemble
from convcost.dims import Dim

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Law(NamedTuple):
    """The MACs of each step of a way to build a layer, as shares of the standard convolution's."""

    terms: tuple[Any, ...]
    """One expression per step."""
    assumptions: tuple[str, ...]
    """What must hold for the law to be more than a rule of thumb."""
    operands: dict[Any, int]
    """The layer's own sizes for the symbols."""

    @property
    def expression(self) -> Any:
        """The sum of the terms."""
        return sympy.expand(sum(self.terms))

    def value(self) -> Fraction:
        """The law with the layer's sizes put in."""
        number = self.expression.subs(self.operands)
        return Fraction(int(number.p), int(number.q))

    def __str__(self) -> str:
        return written(self.expression)

    def written_terms(self) -> list[str]:
        """Each step's share as text."""
        return [written(term) for term in self.terms]

    @property
    def latex(self) -> str:
        """The formula in LaTeX."""
        return str(sympy.latex(self.expression))


def symbol(name: str) -> Any:
    """A symbol for a size: a positive integer."""
    return sympy.Symbol(name, integer=True, positive=True)


def ratio_law(way: str, stride: Dim = 1) -> Law:
    """The law for f×f filters, n_c channels, n_c' filters, and a stride.

    >>> print(ratio_law("separable"), "|", ratio_law("grouped"), "|", ratio_law("inverted"))
    1/n_c' + 1/f² | 1/g | t/n_c' + t/f² + n_c·t/(f²·n_c')
    """
    return law_of(Layer((0, 0, 0), 0, (0, 0), (stride, stride)), way, 0)


def law_of(layer: Layer, way: str, amount: int) -> Law:
    """The law for a layer's kernel and stride, by the recipe of `compare` run over symbols; sympy only cancels.

    Where the size of the map does not cancel, `same` padding and sizes that the stride divides are assumed.
    """
    (height, width), (down, right) = layer.kernel, layer.stride
    map_h, map_w, channels, filters = (symbol(name) for name in ("h", "w", "n_c", "n_c'"))
    kernel = (symbol("f"), symbol("f")) if height == width else (symbol("f_h"), symbol("f_w"))
    taken = WAYS[way].amount
    number = symbol(taken.letter) if taken else 1
    operands = {channels: layer.input_shape[2], filters: layer.filters, number: amount}
    operands |= {kernel[0]: height, kernel[1]: width}
    assumptions = []
    if way == "grouped":
        channels, filters = number * symbol("m"), number * symbol("n")
        assumptions.append("g divides n_c and n_c'")
    terms = _shares(Layer((map_h, map_w, channels), filters, kernel, layer.stride, "valid"), way, number)
    if any(term.has(map_h) or term.has(map_w) for term in terms):
        assumptions += ["padding same", *(["the stride divides h and w"] if (down, right) != (1, 1) else [])]
        shape = (down * map_h, right * map_w, channels)
        terms = _shares(Layer(shape, filters, kernel, layer.stride, "same"), way, number)
    return Law(terms, tuple(assumptions), operands)


def _shares(layer: Layer, way: str, amount: Dim) -> tuple[Any, ...]:
    standard = assemble(layer, "standard", 1, "standard").macs
    steps = assemble(layer, way, amount, way).steps
    return tuple(sympy.expand(sympy.cancel(step.cost.macs / standard)) for step in steps)


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
    if isinstance(condition, (sympy.Or, sympy.And)):
        word = " or " if isinstance(condition, sympy.Or) else " and "
        return word.join(sorted(map(relation, condition.args)))
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
        return written(top) if isinstance(top, sympy.Add) else _product(top)
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
    """A factor that is no power: a name, a number, a rounding, a sum in brackets."""
    if value.is_Atom:
        return str(value)
    parts = [written(part) for part in value.args]
    if isinstance(value, sympy.floor):
        return f"⌊{parts[0]}⌋"
    if isinstance(value, sympy.ceiling):
        return f"⌈{parts[0]}⌉"
    if isinstance(value, (sympy.Max, sympy.Min)):
        return f"{type(value).__name__.lower()}({', '.join(sorted(parts))})"
    if isinstance(value, sympy.Mod):
        return f"({' mod '.join(part if arg.is_Atom else f'({part})' for part, arg in zip(parts, value.args))})"
    return f"({written(value)})" if isinstance(value, sympy.Add) else str(value)
