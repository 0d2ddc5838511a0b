"""Compound scaling: it ends exactly where the budget does."""

from __future__ import annotations

from fractions import Fraction
from math import log

import pytest

import convcost
from convcost import UsageError
from convcost.space.budget import budgets_of
from convcost.space.compound import compound


@pytest.mark.parametrize(
    ("model", "budget"),
    [("efficientnet_b0", "4.2G"), ("mobilenet_v2", "1.3G"), ("efficientnet_b0", "390M"), ("mobilenet_v2", "250M")],
)
def test_compound_scaling_ends_exactly_at_its_breakpoint(model, budget):
    limit = budgets_of(budget, None, None)[0].limit
    found = compound(model, max_macs=budget)

    def macs(phi):
        knobs = {
            "depth": Fraction(1.2**phi).limit_denominator(10**9),
            "width": Fraction(1.1**phi).limit_denominator(10**9),
        }
        return convcost.load(model, resolution=round(1.15**phi * 224), **knobs).report().totals.macs

    assert macs(found.phi - 1e-6) == found.costs["macs"] <= limit
    assert macs(found.phi + 1e-6) > limit
    base, start = {"depth": (1.2, 1), "width": (1.1, 1), "resolution": (1.15, 224)}[found.ends]
    assert abs(found.phi - log(float(found.at) / start) / log(base)) < 1e-12
    assert found.binds == ("macs",)


@pytest.mark.slow
def test_compound_scaling_of_rewritten_networks():
    found = compound("efficientnet_b0", max_macs="4G", rewrite="separable")
    network = convcost.load("efficientnet_b0", **found.knobs).rewrite("separable")
    assert network.report().totals.macs == found.costs["macs"] <= 4_000_000_000
    with pytest.raises(UsageError, match="efficientnet has no layer that can become standard"):
        compound("efficientnet_b0", max_macs="4G", rewrite="standard")


def test_compound_scaling_that_never_fits_gives_nothing_and_needs_three_knobs():
    assert compound("efficientnet_b0", max_macs="100K") is None
    with pytest.raises(UsageError, match="googlenet has no depth and no width to scale"):
        compound("googlenet", max_macs="100M")
