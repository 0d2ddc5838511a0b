"""Every picture: well formed, dark where it is asked to be, and as exact as what it shows."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

import convcost
from convcost import plots
from convcost.alternatives.recipes import LayerToBuild, compare
from convcost.render.palette import LIGHT

if TYPE_CHECKING:
    import plotly.graph_objects as go


NET = convcost.load("mobilenet_v2")
PICTURES = (
    "stage", "op", "cumulative", "memory", "sizes 0", "sizes 1", "ratio", "ways", "waterfall", "before_after",
)  # fmt: skip


@cache
def figures() -> dict[str, go.Figure]:
    report = NET.report()
    return {
        "stage": plots.cost_by(report),
        "op": plots.cost_by(report, "op"),
        "cumulative": plots.cumulative(report),
        "memory": plots.memory_timeline(report, NET.memory()),
        "sizes 0": plots.sizes(NET, report)[0],
        "sizes 1": plots.sizes(NET, report)[1],
        "ratio": plots.separable_ratio(marked=LayerToBuild((6, 6, 3), 5, (3, 3))),
        "ways": plots.ways(compare(LayerToBuild((6, 6, 3), 5, (3, 3)), ["separable", "inverted:6"])),
        "waterfall": plots.waterfall(NET.reconcile("paper", "ptflops")),
        "before_after": plots.before_after(report, NET.rewrite("standard").report()),
    }


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_well_formed_small_and_fits_its_frame(name: str) -> None:
    figure = figures()[name]
    for width in (860, 350):
        text = plots.svg(figure, width=width)
        root = ET.fromstring(text)
        assert root.attrib["viewBox"].startswith(f"0 0 {width} ")
        assert len(text) < 60_000
        for mark in root.iter("{http://www.w3.org/2000/svg}rect"):
            left, wide = float(mark.get("x", 0)), float(mark.get("width"))
            assert left >= -0.5
            assert left + wide <= width + 0.5
        assert plots.svg(figure, width=width) == text
        assert "NaN" not in text


@pytest.mark.parametrize("name", PICTURES)
def test_dark_pictures_have_no_light_colour_left(name: str) -> None:
    text = str(plots.dark(figures()[name]).to_json())
    data = json.dumps(json.loads(text)["data"])
    assert not any(color in data.lower() for color in (LIGHT.ink, LIGHT.paper, *LIGHT.series))


def test_every_picture_is_looked_at() -> None:
    assert set(figures()) == set(PICTURES)


def test_bars_hold_exact_shares() -> None:
    report = NET.report()
    (macs, *_) = plots.cost_by(report).data
    by_hand = {stage.name: 100 * stage.macs / report.totals.macs for stage in report.by("stage")}
    assert {y: x for y, x in zip(macs.y, macs.x, strict=True) if x} == {k: v for k, v in by_hand.items() if v}
    assert "MACs 10,838,016, 3.60 %" in macs.hovertext[0]  # the stem: 112·112·32·27


def test_the_waterfall_leads_from_one_total_to_the_other() -> None:
    found = convcost.load("resnet50").reconcile("paper", "thop")
    (bar,) = plots.waterfall(found).data
    assert bar.x[0] == 4_089_184_256
    assert bar.base[1:-1] == (4_089_184_256, 4_133_640_192, 4_133_740_544)
    assert bar.base[-2] + bar.x[-2] == bar.x[-1] == 4_133_742_592
    assert "does not begin at 0" in plots.waterfall(found).layout.xaxis.title.text


def test_the_ratio_is_the_law() -> None:
    for trace in plots.separable_ratio().data:
        kernel = int(trace.name.removeprefix("f = "))
        for n, ratio in zip(trace.x, trace.y, strict=True):
            assert ratio == float(Fraction(1, n) + Fraction(1, kernel**2))


@pytest.mark.parametrize("layer", [LayerToBuild((5000, 12), 32, 7), LayerToBuild((16, 112, 112, 3), 64, 3)])
def test_the_ratio_is_the_law_along_as_many_axes_as_the_layer_has(layer: LayerToBuild) -> None:
    figure = plots.separable_ratio(marked=layer)
    *lines, star = figure.data
    for trace in lines:
        kernel = int(trace.name.removeprefix("f = "))
        law = [Fraction(1, n) + Fraction(1, kernel**layer.axes) for n in trace.x]
        assert trace.y == tuple(map(float, law))
    assert star.y == (float(Fraction(1, layer.filters) + Fraction(1, layer.kernel[0] ** layer.axes)),)
    assert figure.layout.title.text.endswith({1: "1/n_c' + 1/f", 3: "1/n_c' + 1/f³"}[layer.axes])


def test_cliffs_are_the_report_at_every_size() -> None:
    line, marks = plots.sizes(NET, NET.report())[0].data
    steps = list(zip(line.x[::2], line.x[1::2], line.y[::2], line.y[1::2], strict=True))
    assert [first for first, *_ in steps] == [128 - 0.5, *(last for _, last, *_ in steps[:-1])]  # no value between
    assert steps[-1][1] == 320 + 0.5
    for first, last, macs, same in steps[::9]:
        assert macs == same
        for size in (first + 0.5, last - 0.5):
            assert convcost.load("mobilenet_v2", resolution=int(size)).report().totals.macs == macs
    assert 224 in marks.x  # 225 needs a row more in every stage: 112 -> 113, …, 7 -> 8


def test_budget_lines_part_what_fits_from_what_does_not() -> None:
    figure = plots.sizes(NET, NET.report())[1]
    widths, sizes = figure.layout.yaxis.ticktext, figure.layout.xaxis.ticktext

    def macs(row: float, column: float) -> int:
        one = convcost.load("mobilenet_v2", width=widths[int(row)], resolution=int(sizes[int(column)]))
        return one.report().totals.macs

    line = next(line for line in figure.data if "301 M" in (line.name or ""))
    for (x, y), (to_x, to_y) in pairwise(zip(line.x, line.y, strict=True)):
        if x != to_x:  # along the top of cells: those below fit, those above do not
            assert y == to_y
            column = min(x, to_x) + 0.5
            assert macs(y - 0.5, column) <= 300_774_272 < macs(y + 0.5, column)
        else:
            row = min(y, to_y) + 0.5
            assert macs(row, x - 0.5) <= 300_774_272 < macs(row, x + 0.5)
    assert not any(x == len(sizes) - 0.5 == to_x for x, to_x in pairwise(line.x))  # nothing along the map's edge
