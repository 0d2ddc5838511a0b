"""Where something stops to hold, as the simplest fraction."""

from __future__ import annotations

from fractions import Fraction

from convcost.space.threshold import edge, simplest


def test_edges_are_the_simplest_fractions():
    assert edge(lambda values: [3 * v <= 1 for v in values], Fraction(0), Fraction(1)) == (Fraction(1, 3), True)
    assert edge(lambda values: [8 * v < 3 for v in values], Fraction(0), Fraction(2)) == (Fraction(3, 8), False)
    assert simplest(Fraction("0.24"), Fraction("0.26")) == Fraction(1, 4)
    assert simplest(Fraction(2), Fraction(3)) == 2
