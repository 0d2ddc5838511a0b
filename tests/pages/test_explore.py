"""The explorer, and pictures along sizes of which some cannot be built: multiples of 8 only, channels not rounded."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers.paths import SPECS

import convcost
from convcost import plots
from convcost.core.errors import SpecError
from convcost.pages.explore import explore_page
from convcost.pages.report import report_page

if TYPE_CHECKING:
    from helpers.cli import Cli

UNET, UNET_WIDE, UNROUNDED = (str(SPECS / name) for name in ("unet.yaml", "unet_wide.yaml", "unrounded.yaml"))


def test_a_curve_has_gaps_where_no_network_can_be_built() -> None:
    """Three poolings by two and three upsamplings: the sides of the skips agree at multiples of eight, and only there."""
    network = convcost.load(UNET)
    figure = plots.sizes(network, network.report())[0]
    line, dots = figure.data
    steps = [(line.x[at], line.x[at + 1]) for at, x in enumerate(line.x) if x is not None and at % 3 == 0]
    assert [(first + 0.5, last - 0.5) for first, last in steps] == [(size, size) for size in dots.x]
    assert set(dots.x) == {x for x in range(256 - 96, 256 + 97) if x % 8 == 0}
    assert line.x[2::3] == (None,) * (len(steps) - 1)
    assert figure.layout.title.text.endswith("at every resolution from 160 to 352 that can be built")
    assert plots.svg(figure).count("<circle") == len(dots.x)


def test_a_budget_line_does_not_pass_over_what_cannot_be_built() -> None:
    """It runs between cells that are there, on halves, and ends where there is no other side."""
    line = [None, 1, 2, 3]
    figure = plots.heat_map(["a", "b", "c"], ["1", "2", "3", "4"], [line, [None] * 4, line], budgets=[2])
    assert list(zip(figure.data[1].x, figure.data[1].y)) == [
        (2.5, -0.5),
        (2.5, 0.5),
        (None, None),
        (2.5, 1.5),
        (2.5, 2.5),
    ]
    figure = plots.heat_map(["a", "b"], ["1", "2", "3", "4"], [line, [1, None, None, 4]], budgets=[3])
    assert list(zip(figure.data[1].x, figure.data[1].y)) == [(2.5, 0.5), (3.5, 0.5)]
    figure = plots.heat_map(["a", "b"], ["1", "2", "3", "4"], [line, line], budgets=[3])
    assert len(figure.data) == 1  # everything fits: there is nothing to part


def test_the_map_of_a_report_has_sizes_that_can_be_built() -> None:
    network = convcost.load(UNET_WIDE)
    sizes = [int(text) for text in plots.sizes(network, network.report())[1].layout.xaxis.ticktext]
    assert 256 in sizes
    assert len(sizes) > 10
    assert all(size % 8 == 0 for size in sizes)


def test_a_page_speaks_only_of_what_it_shows() -> None:
    network, wide = convcost.load(UNET), convcost.load(UNROUNDED)
    page = report_page(network, network.report())
    assert "MACs at every resolution: what a change of size costs. Sizes that cannot be built are left out.</p>" in page
    assert "against width" not in page
    page = report_page(wide, wide.report())
    assert "and against width: what a change of size costs, and what a budget allows.</p>" in page
    assert "left out" not in page


def space(page: str) -> Any:
    return json.loads(re.search(r'id="space">(.*?)</script>', page)[1])


def test_the_explorer_knows_why_what_cannot_be_built() -> None:
    network = convcost.load(UNET)
    found = space(explore_page(network, network.report()))
    sizes = [int(size) for size in found["axes"]["resolution"]]
    lacking = set()
    for part in found["missing"]:
        lacking |= {sizes[at] for first, last, _ in part["values"][0] for at in range(first, last + 1)}
        with pytest.raises(SpecError, match=re.escape(part["reason"].partition(": ")[2])):
            convcost.load(UNET, resolution=sizes[part["first"][0]]).report()
    assert lacking == {size for size in sizes if size % 8}


def test_knobs_without_a_slider_are_named(cli: Cli, tmp_path: Path) -> None:
    network = convcost.load("vgg16")
    page = explore_page(network, network.report())
    said = "Without a slider: config D, norm none, lrn false, ceil_mode false, classes 1000. With <code>--over KNOB=VALUES</code> you name"
    assert said in page
    assert "for example <code>--over config=A,B,C,D,E</code>" in page
    out = tmp_path / "x.html"
    cli.ok("explore", "vgg16", "--over", "config=A,B,C,D,E", "-o", out)
    page = out.read_text(encoding="utf-8")
    assert (
        "Without a slider: norm none, lrn false, ceil_mode false, width 1.0, depth 1.0, resolution 224, classes 1000."
        in page
    )


@pytest.mark.parametrize(
    ("model", "first", "last"), [(UNROUNDED, 8, 64), ("mobilenet_v2", 32, 448), ("efficientnet_b7", 101, 1100)]
)
def test_a_resolution_slides_down_as_well_as_up(model: str, first: int, last: int) -> None:
    """From a quarter, or 32 where that is less; to twice, or 500 more; a thousand values at most."""
    network = convcost.load(model)
    sizes = space(explore_page(network, network.report()))["axes"]["resolution"]
    assert (sizes[0], sizes[-1]) == (str(first), str(last))


@pytest.mark.parametrize(
    ("knob", "values"), [("depth: 3", range(1, 7)), ("blocks: 3", range(1, 7)), ("width: 40", range(10, 81))]
)
def test_integers_slide_from_a_quarter_to_twice(tmp_path: Path, knob: str, values: range) -> None:
    name = knob.partition(":")[0]
    spec = tmp_path / "whole.yaml"
    conv = "conv2d: {channels: %s, kernel: 1}" % ("width" if name == "width" else 3)
    layers = f"[{conv}]" if name == "width" else f"[{{{conv}, repeat: {name}}}]"
    spec.write_text(f"convcost: 1\nname: whole\nknobs: {{{knob}, classes: 10}}\ninput: [8, 8, 3]\nlayers: {layers}\n")
    network = convcost.load(spec)
    axes = space(explore_page(network, network.report()))["axes"]
    assert axes == {name: list(map(str, values))}


def test_explored_bytes_say_of_which_type_and_policy(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    cli("explore", "mobilenet_v2", "--dtype", "int8", "--memory", "inplace", "-o", path)
    page = path.read_text(encoding="utf-8")
    assert "<li>peak memory as int8, policy inplace<b" in page
    assert "peak memory as int8, policy inplace</p>" in page.split("</header>")[0]
    assert "begins with this network&#x27;s own MACs" in page


def test_what_cannot_be_explored_is_told(cli: Cli, tmp_path: Path) -> None:
    spec = tmp_path / "fixed.yaml"
    spec.write_text("convcost: 1\nname: fixed\ninput: [8, 8, 3]\nlayers: [flatten]\n")
    path = tmp_path / "x.html"
    done = cli("explore", spec, "-o", path)
    assert done.stderr == "fixed has no width, depth or resolution to slide; name knobs with --over KNOB=VALUES\n"
    done = cli("explore", "mobilenet_v2", "--over", "resolution=32:2000:1", "-o", path)
    assert done.stderr == "the axis resolution has 1,969 values; a slider takes 1,000\n"
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "size", "channels", "first"),
    [("w", "4", "w", 250_000_000), ("resolution", "resolution", "1", 10**9 - 999)],
)
def test_usual_sliders_stay_within_what_a_knob_may_be(
    cli: Cli, tmp_path: Path, name: str, size: str, channels: str, first: int
) -> None:
    """From a quarter of 10^9, the largest of all sizes, up to it; of resolutions the last thousand."""
    spec = tmp_path / "large.yaml"
    spec.write_text(
        f"convcost: 1\nname: large\nknobs: {{{name}: 1000000000}}\ninput: [{size}, 1, 1]\n"
        f"layers: [conv2d: {{channels: {channels}, kernel: 1}}]\n",
        encoding="utf-8",
    )
    network = convcost.load(spec)
    values = list(map(int, space(explore_page(network, network.report()))["axes"][name]))
    assert (values[0], values[-1]) == (first, 10**9)
    assert len(values) <= 1000
    cli.ok("report", spec, "-o", tmp_path / "large.html")  # whose pictures are of other sizes, too
