"""Case distinctions over symbols: what `where` is until its condition is decided.

sympy's own `Piecewise` rewrites conditions that contain others, for minutes, even where it is told not to evaluate; its terms
have no degree. A `Case` is a function of a condition and two values, and nothing is done to it before the condition is decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import sympy
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom, BooleanFunction

from convcost.core.errors import Unfit

CONDITIONS = (bool, Relational, BooleanFunction, BooleanAtom)  # not sympy's Boolean: a symbol is one, too
MOST_OPERATIONS = 100
"""Of the formula of a size or of another value over symbols, those of what it is made of included."""


class Case(sympy.Function):  # type: ignore[misc]  # sympy has no types
    """The first value where the condition holds, else the second.

    >>> n = sympy.Symbol("n", integer=True, positive=True)
    >>> case = Case(n > 7, 2 * n, n + 1)
    >>> case, case.subs(n, 8), case.subs(n, 7)
    (Piecewise((2*n, n > 7), (n + 1, True)), 16, 8)
    """

    nargs = 3

    @classmethod
    def eval(cls, condition: Any, first: Any, second: Any) -> Any:
        """What it is at once, if anything: sympy asks whenever it makes or changes one."""
        if first == second or condition == sympy.true:
            return first
        return second if condition == sympy.false else None

    def _both(self, kind: str) -> bool | None:
        return all(getattr(value, kind) for value in self.args[1:]) or None

    def _eval_is_integer(self) -> bool | None:
        return self._both("is_integer")

    def _eval_is_real(self) -> bool | None:
        return self._both("is_real")

    def _eval_is_positive(self) -> bool | None:
        return self._both("is_positive")

    def _sympystr(self, printer: Any) -> str:
        """As sympy reads it."""
        condition, first, second = map(printer.doprint, self.args)
        return f"Piecewise(({first}, {condition}), ({second}, True))"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        condition, first, second = map(printer.doprint, self.args)
        cases = rf"\begin{{cases}} {first} & \text{{for}}\: {condition} \\ {second} & \text{{otherwise}} \end{{cases}}"
        return cases if exp is None else rf"\left({cases}\right)^{{{exp}}}"


def chosen(condition: Any, a: Any, b: Any) -> Any:
    """The first where the condition holds, else the second; of two conditions, a condition. Raises `Unfit` for what is too long.

    >>> n = sympy.Symbol("n", integer=True, positive=True)
    >>> chosen(n > 7, n, 8), chosen(n > 7, n > 9, False)
    (Piecewise((n, n > 7), (8, True)), (n > 7) & (n > 9))
    """
    if isinstance(a, CONDITIONS) and isinstance(b, CONDITIONS):
        return short_enough(sympy.Or(sympy.And(condition, a), sympy.And(sympy.Not(condition), b)))
    return short_enough(Case(condition, a, b))


def short_enough(value: Any, what: str = "") -> Any:
    """A value, unless its formula is too long to be worked with; raises `Unfit`, which says what it is."""
    if next(islice(_operations(value), MOST_OPERATIONS, None), None):
        raise Unfit(
            f"{what}must be a formula of at most {MOST_OPERATIONS} operations in a closed form: leave fewer knobs as symbols, or others"
        )
    return value


def _operations(value: Any) -> Iterator[Any]:
    """Each function, sum, product and power of a formula, as often as it is written."""
    left = [value]
    while left:
        if args := left.pop().args:
            yield args
            left += args
