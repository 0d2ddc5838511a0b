"""One accuracy with its cost: what a picture of accuracy against cost is made of."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from convcost.published.data import Measured, sources

COUNTED, PRINTED, GIVEN, YOURS, PREDICTED = "counted", "printed", "given", "yours", "predicted"
"""Where a cost comes from: counted here, printed by the source, given in a table that names no convention, counted for a
network of the caller's own, or predicted for a device."""


class Point(NamedTuple):
    """One published accuracy and what the network costs."""

    measured: Measured
    accuracy: Fraction
    """Per cent."""
    cost: int
    """A latency in femtoseconds."""
    how: str
    """`counted` here, `printed` in the source, `given` in a table of one's own, `yours`, or `predicted` for a device."""
    yours: bool = False
    """Whether it is the caller's own, beside the published ones."""
    front: bool = False
    """Whether it is on the Pareto front: no other point is as accurate at less cost, or more accurate at the same cost."""
    figure: str = ""
    """The cost as its source prints it, of a latency, or as it is predicted."""
    extrapolated: bool = False
    """Whether the network is far from all that the device was fitted on."""

    @property
    def hollow(self) -> bool:
        """Whether its mark in a picture is: of a cost that is printed elsewhere, and of one that is extrapolated."""
        return self.extrapolated or self.how in (PRINTED, GIVEN)

    @property
    def series(self) -> tuple[str, bool]:
        """What is joined in a picture: the family, and whether it is the caller's own."""
        return self.measured.family, self.yours

    @property
    def name(self) -> str:
        """The network in the words of its source, with its family where that says nothing of it."""
        one = self.measured
        return one.item if one.family.lower()[:4] in one.item.lower() else f"{one.family} {one.item}"

    @property
    def source(self) -> str:
        """Where the accuracy is printed."""
        known = sources().get(self.measured.source)
        return ", ".join(filter(None, (known.where if known else self.measured.source, self.measured.locator)))


class Omitted(NamedTuple):
    """An accuracy that is left out, and why."""

    measured: Measured
    why: str
