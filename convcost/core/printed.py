from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from convcost.core.errors import UsageError
from convcost.core.reading import COUNTS, read_amount

HOW = ("exactly", "rounded", "cut off")
"""How a count may become a printed figure, the closest first."""


class Printed(NamedTuple):
    """A figure as some tool or paper prints it: its value, and the value of its last digit."""

    text: str
    value: Fraction
    last: Fraction

    @classmethod
    def parse(cls, text: str) -> Printed:
        """Read a figure such as `4.13G`, `300 M` or `4,089,184,256`; raises `UsageError`.

        >>> Printed.parse("4.13G").value, Printed.parse("4.13G").last
        (Fraction(4130000000, 1), Fraction(10000000, 1))
        """
        found = read_amount(text)
        if found is None or found.unit.lower() not in COUNTS:
            shown = text if len(text) <= 40 else f"{text[:40]}…"
            raise UsageError(f"{shown!r} is no figure; write it as printed, e.g. 4.13G, 300M or 4,089,184,256")
        scale = COUNTS[found.unit.lower()]
        return cls(text.strip(), found.number * scale, found.last * scale)

    def rounds(self, count: int) -> str | None:
        """How the count becomes the figure: `exactly`, `rounded` or `cut off`; None if it does not.

        >>> Printed("4.13 G", Fraction(4_130_000_000), Fraction(10_000_000)).rounds(4_132_436_968)
        'rounded'
        """
        exactly, rounded, cut_off = HOW
        if count == self.value:
            return exactly
        if abs(count - self.value) * 2 <= self.last:
            return rounded
        return cut_off if 0 <= count - self.value < self.last else None
