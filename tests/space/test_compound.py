"""Compound scaling: it ends exactly where the budget does."""

from __future__ import annotations

from fractions import Fraction
from math import log
from pathlib import Path
from textwrap import dedent

import pytest
from helpers.specs import written

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


NET = """
    knobs: {width: 1.0, depth: 1.0, resolution: 8}
    input: [resolution, resolution, 4]
    layers:
      - {conv2d: {channels: floor(8 * width), kernel: 1}, repeat: ceil(2 * depth)}
"""
DEVICE = """
    title: A board
    runtime: A runtime
    threads: 2
    source: measured in a test
    femtoseconds: {direct: 3, im2col: 5, pointwise: 7, vector: 2, weights: 11, activations: 13, kernels: 10000}
    error: {median: 0.01, p90: 0.05, worst: 0.2, networks: 7}
    networks:
      - network: small
        ms: 1
        terms: {direct: 1, im2col: 1, pointwise: POINTWISE, vector: 100, weights: 800, activations: 4500, kernels: 3}
"""


@pytest.mark.parametrize(("pointwise", "beyond"), [(19_800, False), (1_900, True)])
def test_it_says_whether_the_device_was_fitted_on_anything_near(tmp_path: Path, pointwise: int, beyond: bool):
    """Three convolutions of 9 channels over 10×10 multiply 100 · 9 · (4 + 9 + 9) times; a device that knows a tenth of that is asked for far more."""
    device = tmp_path / "own.yaml"
    device.write_text(dedent(DEVICE).replace("POINTWISE", str(pointwise)), encoding="utf-8")
    path = str(written(tmp_path, NET))
    found = compound(path, max_macs="20K", device=str(device))
    assert found.costs["macs"] == 100 * 9 * (4 + 9 + 9) == 19_800
    assert found.extrapolated is beyond
    assert convcost.latency(path, device=str(device), **found.knobs).extrapolated is beyond
    assert compound(path, max_macs="20K").extrapolated is None
