"""Symbols for sizes, and sympy expressions printed readably."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy
from sympy.core.relational import Relational

from convcost.core.cases import CONDITIONS, Case

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def symbol(name: str) -> Any:
    """A symbol for a size: a positive integer."""
    return sympy.Symbol(name, integer=True, positive=True)


@lru_cache(maxsize=4096)  # what is rounded stands in a formula many times
def written(expression: Any) -> str:
    """A sympy expression as text: 1/n_c' + 1/f², not 1/n_c' + f**(-2).

    >>> x, y = symbol("x"), symbol("y")
    >>> written(x**2 * y - 3 * x / y)
    'x²·y - 3·x/y'
    """
    terms = sympy.Add.make_args(sympy.sympify(expression))
    text = ""
    for term in sorted(terms, key=lambda term: (*degrees(term), _spelt(term))):
        body = _term(abs(term) if term.is_number else term)
        negative = term.could_extract_minus_sign()
        body = _term(-term) if negative else body
        text += (" - " if negative else " + ") + body if text else ("-" if negative else "") + body
    return text


def relation(condition: Any) -> str:
    """A condition on symbols as text.

    >>> relation(symbol("t") > 1), relation(sympy.Ne(symbol("a"), symbol("b")))
    ('t > 1', 'a ≠ b')
    >>> relation(((symbol("t") > 1) | (symbol("t") < 9)) & (symbol("a") > 2))
    '(t < 9 or t > 1) and a > 2'
    >>> relation(~((symbol("t") > 1) & (symbol("a") > 2)))
    'a ≤ 2 or t ≤ 1'
    """
    if isinstance(condition, sympy.Not):
        condition = condition.to_nnf(simplify=False)
    signs = {"!=": "≠", ">=": "≥", "<=": "≤", "==": "="}
    if isinstance(condition, (sympy.Or, sympy.And)):
        if isinstance(condition, sympy.Or):
            return " or ".join(sorted(map(relation, condition.args)))
        said = (f"({relation(part)})" if isinstance(part, sympy.Or) else relation(part) for part in condition.args)
        return " and ".join(sorted(said))
    if not isinstance(condition, Relational):
        return str(condition)
    return f"{written(condition.lhs)} {signs.get(condition.rel_op, condition.rel_op)} {written(condition.rhs)}"


def degrees(term: Any) -> tuple[int, int]:
    """What terms are ordered by: fractions with the fewest factors first, then the highest powers."""
    top, bottom = sympy.fraction(term)
    return _degree(bottom), -_degree(top)


@lru_cache(maxsize=4096)
def _spelt(expression: Any) -> str:
    """As sympy prints it: what is of the same degree goes by that."""
    return str(expression)


def _degree(expression: Any) -> int:
    """The degree of a polynomial in symbols, and in roundings and cases, which count like one."""
    if expression.is_number:
        return 0
    if isinstance(expression, sympy.Add):
        return max(map(_degree, expression.args))
    if isinstance(expression, sympy.Mul):
        return sum(map(_degree, expression.args))
    base, exponent = expression.as_base_exp()
    return int(exponent) * _degree(base) if exponent.is_Integer and exponent != 1 else 1


def _term(term: Any) -> str:
    top, bottom = sympy.fraction(term)
    if bottom == 1:
        return written(top) if isinstance(top, sympy.Add) else _product(top)
    below = _product(bottom)
    return f"{_product(top)}/({below})" if "·" in below else f"{_product(top)}/{below}"


def _product(term: Any) -> str:
    factors = sorted(sympy.Mul.make_args(term), key=lambda factor: (not factor.is_number, _spelt(factor)))
    return "·".join(map(_factor, factors))


def _factor(factor: Any) -> str:
    base, exponent = factor.as_base_exp()
    if exponent.is_Integer and exponent != 1:
        return _atom(base) + str(exponent).translate(_SUPERSCRIPTS)
    return _atom(factor)


def _atom(value: Any) -> str:
    """A factor that is not a power: a name, a number, a rounding, a sum in brackets."""
    if value.is_Atom:
        return str(value)
    parts = [relation(part) if isinstance(part, CONDITIONS) else written(part) for part in value.args]
    if isinstance(value, Case):
        return f"where({', '.join(parts)})"
    if isinstance(value, (sympy.floor, sympy.ceiling)):
        return "{}{}{}".format(*("⌊", parts[0], "⌋") if isinstance(value, sympy.floor) else ("⌈", parts[0], "⌉"))
    if isinstance(value, (sympy.Max, sympy.Min)):
        return f"{type(value).__name__.lower()}({', '.join(sorted(parts))})"
    if isinstance(value, sympy.Mod):
        return f"({' mod '.join(part if arg.is_Atom else f'({part})' for part, arg in zip(parts, value.args))})"
    return f"({written(value)})" if isinstance(value, sympy.Add) else str(value)
