"""Exact thresholds at which a network changes: the rational numbers at which a rounding jumps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

_CLOSE = Fraction(1, 10**10)
_AT_ONCE = 15


class Threshold(NamedTuple):
    """The end of a range of values for which a condition holds."""

    value: Fraction
    included: bool
    """Whether it still holds at the value itself."""

    def __str__(self) -> str:
        return f"{'up to' if self.included else 'below'} {self.value}"


def edge(holds: Callable[[Sequence[Fraction]], list[bool]], low: Fraction, high: Fraction) -> Threshold | None:
    """Where a condition that holds at `low` and not at `high` first ceases to hold, as far as sampling can tell.

    The range is repeatedly divided by sixteen; the threshold is the simplest fraction in what remains, because roundings
    of knobs jump at fractions with small denominators. None if that fraction turns out not to be the threshold.

    >>> edge(lambda values: [7 * value < 5 for value in values], Fraction(0), Fraction(1))
    Threshold(value=Fraction(5, 7), included=False)
    """
    while high - low > _CLOSE:
        step = (high - low) / (_AT_ONCE + 1)
        cuts = [low + step * i for i in range(1, _AT_ONCE + 1)]
        answers = [*holds(cuts), False]
        first = answers.index(False)
        low, high = ([low, *cuts][first], [*cuts, high][first])
    place = simplest(low, high)
    before, at, after = holds([place - _CLOSE, place, place + _CLOSE])
    return Threshold(place, at) if before and not after else None


def simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the smallest denominator in a range, ends included.

    >>> simplest(Fraction("0.3333"), Fraction("0.3334"))
    Fraction(1, 3)
    """
    whole = low.numerator // low.denominator
    if low == whole:
        return Fraction(whole)
    if whole + 1 <= high:
        return Fraction(whole + 1)
    return whole + 1 / simplest(1 / (high - whole), 1 / (low - whole))
