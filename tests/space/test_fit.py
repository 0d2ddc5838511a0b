"""What fits a budget, against a search through every configuration; breakpoints against arithmetic by hand."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.space.fit import END, maximal

exactly = settings(deadline=None, derandomize=True, max_examples=30, database=None)
AXES = {"width": "0.2:1.1:0.05", "resolution": "48:112:8"}


def every_configuration(model, axes):
    grid = convcost.sweep(model, **axes)
    return [record for record in grid.records() if record["macs"] is not None]


def by_brute_force(records, axes, budgets):
    fits = [r for r in records if all(r[metric] <= limit for metric, limit in budgets.items())]
    return [
        r for r in fits if not any(all(q[a] >= r[a] for a in axes) and any(q[a] > r[a] for a in axes) for q in fits)
    ], fits


@cache
def records(model):
    return every_configuration(model, AXES)


@exactly
@given(
    st.sampled_from(["mobilenet_v1", "mobilenet_v2"]),
    st.integers(2_000_000, 80_000_000),
    st.one_of(st.none(), st.integers(300_000, 4_000_000)),
    st.one_of(st.none(), st.integers(30_000, 2_000_000)),
    st.sampled_from(["macs", "params", "resolution", "width"]),
)
def test_fit_is_what_a_search_through_all_configurations_finds(model, macs, params, peak, wanted):
    limits = {"macs": macs}
    limits |= {"params": params} if params else {}
    limits |= {"peak_activation_bytes": peak} if peak else {}
    expected, fits = by_brute_force(records(model), AXES, limits)
    found = convcost.fit(model, max_macs=macs, max_params=params, max_peak=peak, over=AXES, maximise=wanted)
    assert [dict(one.knobs) for one in found.maximal] == [{name: r[name] for name in AXES} for r in expected]
    assert found.fitting == len(fits)
    if fits:
        assert found.best.costs["macs"] <= macs
        best = found.best.costs.get(wanted, found.best.knobs.get(wanted))
        assert best == max(r[wanted] for r in fits)
        assert found.nearest is None
    else:
        worst = [max(r[m] / limit for m, limit in limits.items()) for r in records(model)]
        assert max(found.nearest.costs[m] / limit for m, limit in limits.items()) == min(worst)
    for one in found.maximal:
        for knob, stopped in one.binding.items():
            values = found.axes[knob]
            at = values.index(one.knobs[knob])
            if at + 1 == len(values):
                assert stopped == (END,)
                continue
            larger = next(
                r
                for r in records(model)
                if all(r[k] == (values[at + 1] if k == knob else v) for k, v in one.knobs.items())
            )
            assert stopped == tuple(m for m, limit in limits.items() if larger[m] > limit)


@exactly
@given(st.integers(1, 3), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_maximal_elements_of_any_set_even_one_that_is_not_monotone(dimensions, seed, share):
    fits = np.random.default_rng(seed).random((5,) * dimensions) < share
    points = [where for where in product(range(5), repeat=dimensions) if fits[where]]
    expected = [p for p in points if not any(q != p and all(a >= b for a, b in zip(q, p)) for q in points)]
    assert list(zip(*(at.tolist() for at in np.nonzero(maximal(fits, range(dimensions)))))) == expected


def test_the_default_axes_are_width_by_a_hundredth_and_resolution_by_a_pixel():
    found = convcost.fit("mobilenet_v2", max_macs="300M", maximise="macs")
    assert (found.best.knobs["width"], found.best.knobs["resolution"]) == (Fraction("0.98"), 224)
    assert found.best.binds == ("macs",)
    # 320 channels become 312 instead of 304 from 320·w = 308 on... and 316 is where 320 begins: 316/320 = 79/80.
    assert found.edge(found.best, "width") == (Fraction(79, 80), False)
    # At exactly 79/80 it is no longer below 300 M, and just below it still is.
    assert convcost.load("mobilenet_v2", width="0.9875").report().totals.macs > 300_000_000
    assert convcost.load("mobilenet_v2", width="0.98749").report().totals.macs <= 300_000_000


def test_a_knob_that_is_set_is_no_default_axis():
    found = convcost.fit("mobilenet_v2", max_macs="300M", width="0.5")
    assert set(found.axes) == {"resolution"}
    (one,) = found.maximal
    size = one.knobs["resolution"]
    macs = [convcost.load("mobilenet_v2", width="0.5", resolution=s).report().totals.macs for s in (size, size + 1)]
    assert macs[0] == one.costs["macs"] <= 300_000_000 < macs[1]


KEYWORDS = """convcost: 1
name: keywords
knobs: {WIDTH: 64, DEPTH: 4, classes: 12}
input: [49, 10, 1]
layers:
  - conv2d: {channels: WIDTH, kernel: [10, 4], stride: 2, padding: same}
  - {conv2d: {channels: WIDTH, kernel: 1}, repeat: DEPTH, name: mix}
  - global_avg_pool
  - flatten
  - linear: {channels: classes}
"""


def keywords(path: Path, width: str, depth: str) -> str:
    """A network whose knobs are integers, of these names."""
    file = path / "keywords.yaml"
    file.write_text(KEYWORDS.replace("WIDTH", width).replace("DEPTH", depth), encoding="utf-8")
    return str(file)


def macs_of_keywords(width: int, depth: int) -> int:
    """Maps are 25×5: 40 taps for each channel of the first layer, all channels for each of the others; 12 classes."""
    return 125 * 40 * width + depth * 125 * width**2 + 12 * width


def test_integers_are_knobs_like_others(tmp_path: Path) -> None:
    found = convcost.fit(keywords(tmp_path, "width", "depth"), max_macs="1M", maximise="macs")
    # 500·w² + 5,012·w
    assert (macs_of_keywords(39, 4), macs_of_keywords(40, 4)) == (955968, 1000480)
    assert (dict(found.best.knobs), found.best.costs["macs"]) == ({"width": 39}, 955968)
    assert found.axes["width"] == tuple(range(1, 129))
    assert found.best.binding == {"width": ("macs",)}


def test_without_a_width_or_resolution_every_number_but_the_classes_is_fitted(tmp_path: Path) -> None:
    found = convcost.fit(keywords(tmp_path, "filters", "blocks"), max_macs="1M")
    assert found.axes == {"filters": tuple(range(1, 129)), "blocks": tuple(range(1, 9))}
    most = {depth: max(w for w in range(1, 129) if macs_of_keywords(w, depth) <= 10**6) for depth in range(1, 9)}
    # Of depths at which equally many filters fit, only the largest is maximal.
    maximal_ones = {(width, depth) for depth, width in most.items() if most.get(depth + 1) != width}
    assert {(one.knobs["filters"], one.knobs["blocks"]) for one in found.maximal} == maximal_ones


def test_a_depth_that_is_rounded_up_may_reach_its_breakpoint():
    """ceil(4·d) of the fourth stage grows just above d = 5/4, so that 5/4 itself still fits."""
    limit = convcost.load("mobilenet_v2", depth="1.25").report().totals.macs
    found = convcost.fit("mobilenet_v2", max_macs=limit, over={"depth": "0.9:2:0.1"}, maximise="depth")
    assert found.best.knobs["depth"] == Fraction("1.2")
    assert found.edge(found.best, "depth") == (Fraction(5, 4), True)


def test_words_are_not_traded_against_each_other():
    found = convcost.fit("resnet", max_params="30M", over={"block": "basic,bottleneck", "config": "18,34,50"})
    assert {one.knobs["block"] for one in found.maximal} == {"basic", "bottleneck"}


def test_what_fits_of_a_rewritten_network_is_what_fits_when_each_is_rewritten():
    widths = [Fraction(i, 20) for i in range(2, 21)]
    found = convcost.fit("vgg16", max_macs="700M", over={"width": widths}, rewrite="separable")
    macs = {w: convcost.load("vgg16", width=w).rewrite("separable").report().totals.macs for w in widths}
    assert [one.knobs["width"] for one in found.maximal] == [max(w for w in widths if macs[w] <= 700_000_000)]
    (one,) = found.maximal
    edge = found.edge(one, "width")
    for width, fits in ((edge.value - Fraction(1, 10**6), True), (edge.value, False)):
        macs = convcost.load("vgg16", width=width).rewrite("separable").report().totals.macs
        assert (macs <= 700_000_000) == fits


def test_a_default_axis_has_no_more_values_than_one_may_have_and_none_too_large(tmp_path: Path) -> None:
    """A map of resolution x 1 with a filter of one tap: as many MACs as positions, of which every thousandth is tried."""
    file = tmp_path / "large.yaml"
    file.write_text(
        "convcost: 1\nname: large\nknobs: {resolution: 1000000000}\ninput: [resolution, 1, 1]\n"
        "layers: [conv2d: {channels: 1, kernel: 1}]\n",
        encoding="utf-8",
    )
    found = convcost.fit(str(file), max_macs="1M", maximise="resolution")
    assert found.best.knobs["resolution"] == 16 + 999 * 1000
    assert len(found.axes["resolution"]) == 1_000_000
