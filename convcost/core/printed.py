"""Printed figures: a text represents every count that rounds, or is truncated, to it."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from convcost.core.reading import COUNTS, Measure, not_whole, read

HOW = ("exactly", "rounded", "cut off")
"""How a count may become a printed figure, the closest first."""
UP, TWICE = "rounded up", "rounded twice"
"""Two more ways that sources have, which nobody looks for: to the next figure above, and first to one digit more."""


class Printed(NamedTuple):
    """A figure as a tool or paper prints it: its value, and the value of one unit in its last digit."""

    text: str
    value: Fraction
    last: Fraction

    @classmethod
    def parse(cls, text: str, measure: Measure = COUNTS) -> Printed:
        """Read a figure such as `4.13G`, `300 M` or `4,089,184,256`, optionally with a leading ~.

        Raises `UsageError` if it is no figure, or if no whole number rounds to it: "4.1" without its unit.

        >>> Printed.parse("4.13G").value, Printed.parse("4.13G").last
        (Fraction(4130000000, 1), Fraction(10000000, 1))
        """
        amount = read(text.strip().removeprefix("~"), measure)
        figure = cls(text.strip(), amount.value, amount.last)
        if measure.whole and not any(map(figure.rounds, (ceil(amount.value), int(amount.value)))):
            raise not_whole(text, amount, measure)
        return figure

    def stands_for(self, value: int | Fraction, how: str) -> bool:
        """Whether a value becomes the figure in a way of `HOW`, or `UP` or `TWICE`.

        Half way between two figures, either one counts; of a value that is rounded twice, the upper one.

        >>> figure = Printed.parse("300M")
        >>> figure.stands_for(300_774_272, "rounded"), figure.stands_for(300_774_272, "cut off")
        (False, True)
        >>> Printed.parse("150M").stands_for(149_497_000, "rounded twice")  # to 149.5, and that to 150
        True
        """
        beyond = value - self.value
        if how == "rounded":
            return abs(beyond) * 2 <= self.last
        if how == "cut off":
            return 0 <= beyond < self.last
        if how == UP:
            return -self.last < beyond <= 0
        if how == TWICE and self.last:
            return _to(_to(Fraction(value), self.last / 10), self.last) == self.value
        return beyond == 0

    def rounds(self, count: int) -> str | None:
        """How the count becomes the figure: `exactly`, `rounded` or `cut off`; None if it does not.

        >>> Printed("4.13 G", Fraction(4_130_000_000), Fraction(10_000_000)).rounds(4_132_436_968)
        'rounded'
        """
        return next((how for how in HOW if self.stands_for(count, how)), None)


def _to(value: Fraction, step: Fraction) -> Fraction:
    """The multiple of a step that is nearest, halves up."""
    return floor(value / step + Fraction(1, 2)) * step
