"""Exact quotients over any number system: a numerator and a denominator, until a rounding makes an integer of them.

Two ints have a fraction as their quotient, and symbols an expression. An array of integers, or a number that has a value at
each point of a grid, has no exact quotient of its own kind where the divisor varies too.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any


class Ratio:
    """An exact quotient; the divisor is not zero, but may be negative."""

    __hash__ = None  # type: ignore[assignment]  # == compares point by point
    __array_ufunc__ = None  # an array leaves the arithmetic to it

    def __init__(self, top: Any, bottom: Any) -> None:
        self.top, self.bottom = top, bottom

    def __add__(self, other: Any) -> Ratio:
        top, bottom = parts(other)
        return Ratio(self.top * bottom + top * self.bottom, self.bottom * bottom)

    def __mul__(self, other: Any) -> Ratio:
        top, bottom = parts(other)
        return Ratio(self.top * top, self.bottom * bottom)

    def __neg__(self) -> Ratio:
        return Ratio(-self.top, self.bottom)

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    __radd__, __rmul__ = __add__, __mul__

    def __floordiv__(self, other: Any) -> Any:
        top, bottom = parts(other)
        return (self.top * bottom) // (self.bottom * top)

    def __rfloordiv__(self, other: Any) -> Any:
        return (other * self.bottom) // self.top

    def __mod__(self, other: Any) -> Any:
        return self + -(self // other) * other

    def __rmod__(self, other: Any) -> Any:
        return self * -(other // self) + other

    def _above(self, other: Any) -> Any:
        """A number that is above, at or below zero as this is above, at or below the other."""
        difference = self - other
        return difference.top * difference.bottom

    def __eq__(self, other: object) -> Any:
        return self._above(other) == 0

    def __ne__(self, other: object) -> Any:
        return self._above(other) != 0

    def __lt__(self, other: Any) -> Any:
        return self._above(other) < 0

    def __le__(self, other: Any) -> Any:
        return self._above(other) <= 0

    def __gt__(self, other: Any) -> Any:
        return self._above(other) > 0

    def __ge__(self, other: Any) -> Any:
        return self._above(other) >= 0


def parts(value: Any) -> tuple[Any, Any]:
    """Numerator and denominator; of a plain number, itself and 1."""
    return (value.top, value.bottom) if isinstance(value, Ratio) else (value, 1)


def quotient(a: Any, b: Any) -> Any:
    """The exact quotient; raises `ZeroDivisionError`.

    >>> quotient(7, 2), quotient(Fraction(1, 3), 2)
    (Fraction(7, 2), Fraction(1, 6))
    >>> import numpy as np
    >>> (quotient(np.array([7, 9]), np.array([2, 3])) // 1).tolist()
    [3, 3]
    """
    if isinstance(a, (int, Fraction)) and isinstance(b, (int, Fraction)):
        return Fraction(a) / b
    (top_a, bottom_a), (top_b, bottom_b) = parts(a), parts(b)
    top, bottom = top_a * bottom_b, bottom_a * top_b
    zero = bottom == 0
    if zero.any() if hasattr(zero, "any") else zero:
        raise ZeroDivisionError
    if any(getattr(value, "free_symbols", None) for value in (top, bottom)):
        import sympy

        return sympy.sympify(top) / bottom
    return Ratio(top, bottom)
