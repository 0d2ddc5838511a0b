"""Pictures of design spaces: nothing is drawn of what was not counted, and what is drawn is named and numbered."""

from __future__ import annotations

import re
from itertools import pairwise, product
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import convcost
from convcost import plots
from convcost.core.errors import UsageError
from convcost.devices.stored import find
from convcost.networks.latency import latency
from convcost.plots.maps import contour
from convcost.plots.points import MOST_POINTS, spread
from convcost.space.axes import is_dense
from convcost.space.open import design_space

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from helpers.cli import Cli


def swept(model: str, **axes: str) -> go.Figure:
    return plots.sweep_figure(design_space(model, {}, over=axes))


def macs(**knobs: object) -> int:
    return convcost.load("mobilenet_v2", **knobs).report().totals.macs


@pytest.mark.parametrize(
    ("axes", "title", "values"),
    [
        ({"resolution": "96:224:32"}, "MACs at 5 resolutions", [96, 128, 160, 192, 224]),
        ({"resolution": "223,225"}, "MACs at 2 resolutions", [223, 225]),
        ({"width": "1:3"}, "MACs at 3 widths", [1, 2, 3]),  # whole, but decimals lie between
        ({"classes": "10,100"}, "MACs at 2 values of classes", [10, 100]),
    ],
)
def test_some_values_are_marks_and_nothing_else_is_said(axes: dict[str, str], title: str, values: list[int]) -> None:
    figure = swept("mobilenet_v2", **axes)
    line, marks = figure.data
    assert figure.layout.title.text == f"mobilenet_v2: {title}"
    assert marks.mode == "markers"
    assert list(marks.x) == list(line.x) == values
    assert list(marks.y) == list(line.y) == [macs(**{next(iter(axes)): value}) for value in values]
    assert line.line.shape is None  # straight, thin and grey: no steps
    assert line.line.width < 1
    drawn = plots.svg(figure)
    assert drawn.count("<circle") == len(values)
    (path,) = re.findall(r'class="l-muted" stroke-width="0.7" d="([^"]*)"', drawn)
    assert path.count("l") + path.count("h") + path.count("v") == len(values) - 1


def test_every_value_is_a_step() -> None:
    figure = swept("mobilenet_v2", resolution="219:228")
    line, cliff = figure.data
    assert figure.layout.title.text == "mobilenet_v2: MACs at every resolution from 219 to 228"
    ends = [218.5, 220.5, 220.5, 222.5, 222.5, 224.5, 224.5, 226.5, 226.5, 228.5]  # runs of two: docs/sweep.md
    assert list(line.x) == ends
    assert [*line.y[::2]] == [macs(resolution=size) for size in (219, 221, 223, 225, 227)]
    assert list(line.y[1::2]) == list(line.y[::2])
    assert list(cliff.x) == [224]


def test_of_more_values_than_there_may_be_steps_some_are_marks() -> None:
    """A linear layer at the end costs something else at each of 100,002 values: every 26th of them is shown."""
    figure = swept("mobilenet_v2", classes="1:100002")
    assert figure.layout.title.text == "mobilenet_v2: MACs at 3,847 of 100,002 values of classes"
    marks = figure.data[1]
    assert [*marks.x] == [*range(1, 100_003, 26)]
    assert [*marks.y[:2]] == [macs(classes=1), macs(classes=27)]


def test_many_values_in_fewer_steps_are_steps_with_cliffs() -> None:
    """Runs are 32, 33 to 34, …, 150029 to 150030, 150031: 75,001, of which every 19th is drawn, 3,948.

    Each multiple of 16 is a cliff, 9,375 of them, of which every third is marked, 3,125; at 24 runs from one to the next, every
    19th of these is among the 3,948 already.
    """
    figure = swept("mobilenet_v2", resolution="32:150031")
    said = f"{3_948 + 3_125 - 165:,} of 75,001 steps drawn"
    assert figure.layout.title.text == f"mobilenet_v2: MACs at every resolution from 32 to 150031, {said}"
    assert [*figure.data[1].x] == [*range(32, 150_032, 48)]


def test_a_metric_that_no_space_has_is_refused() -> None:
    made = design_space("mobilenet_v2", {"resolution": [32, 64, 128]})
    with pytest.raises(UsageError) as refused:
        plots.cliff_figure(made, "latency_ms")
    assert str(refused.value).startswith("there is no metric 'latency_ms'")
    two = design_space("mobilenet_v2", {"resolution": [32, 64], "width": [1, 2]})
    with pytest.raises(UsageError, match="cliffs are sought along one axis, got 2: resolution, width"):
        plots.cliff_figure(two)


def test_a_page_claims_nothing_about_what_was_not_counted(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    cli.ok("sweep", "mobilenet_v2", "--over", "resolution=96:224:32", "-o", path)
    page = path.read_text(encoding="utf-8")
    assert "223" not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "at every" not in page
    assert "cliff" not in page.split("<main")[1]


def test_words_are_bars() -> None:
    (bar,) = swept("vgg16", config="A,D,E").data
    assert bar.y == ("A", "D", "E")
    assert bar.x == tuple(convcost.load(name).report().totals.macs for name in ("vgg11", "vgg16", "vgg19"))


def test_an_axis_is_dense_if_nothing_lies_between() -> None:
    assert is_dense(range(96, 225))
    assert not is_dense((96, 97, 99))
    assert not is_dense((96,))
    assert not is_dense((True, False))


def test_a_map_has_a_scale_and_its_numbers() -> None:
    figure = swept("mobilenet_v2", width="0.5:1:0.25", resolution="96:224:32")
    (cells,) = figure.data
    assert figure.layout.title.text == "mobilenet_v2: MACs at 3 widths × 5 resolutions"
    for (row, width), (column, size) in product(enumerate((0.5, 0.75, 1)), enumerate(range(96, 225, 32))):
        assert cells.z[row][column] == log10(macs(width=width, resolution=size))
    assert cells.showscale
    assert len(cells.colorbar.tickvals) >= 4
    drawn = plots.svg(figure)
    for text in (*cells.colorbar.ticktext, "301 M", "width", "resolution", "0.75", "160"):
        assert f">{text}</text>" in drawn


def test_a_map_of_bytes_is_numbered_in_bytes() -> None:
    made = design_space("mobilenet_v2", {}, over={"width": "0.5:1:0.25", "resolution": "96:224:32"})
    cells = plots.grid_figure(made, "peak_activation_bytes").data[0]
    assert all(text.endswith("iB") for row in cells.text for text in row)
    assert all(text.endswith("iB") for text in cells.colorbar.ticktext)


def test_a_contour_parts_inside_from_outside() -> None:
    """Each piece between two neighbours that differ is there once, whatever shape they make."""
    inside = [[True, True, False, True], [True, False, False, None], [False, True, True, True]]
    wanted = set()
    for row, column in product(range(3), range(4)):
        here = inside[row][column]
        for down, right in ((0, 1), (1, 0)):
            there = inside[row + down][column + right] if row + down < 3 and column + right < 4 else None
            if here is not None and there is not None and here != there:
                x, y = column + right / 2, row + down / 2
                wanted.add(((x - down / 2, y - right / 2), (x + down / 2, y + right / 2)))
    found = []
    for line in contour(inside):
        for (x, y), (to_x, to_y) in pairwise(line):
            steps = round(abs(to_x - x) + abs(to_y - y))
            spots = [(x + (to_x - x) * at / steps, y + (to_y - y) * at / steps) for at in range(steps + 1)]
            found += [tuple(sorted(pair)) for pair in pairwise(spots)]
    assert len(found) == len(set(found))
    assert set(found) == {tuple(sorted(pair)) for pair in wanted}


def test_points_of_many_axes_are_networks() -> None:
    figure = swept("mobilenet_v2", resolution="96,224", width="0.5,1", depth="1,2")
    assert figure.layout.title.text == "mobilenet_v2: MACs and params of 8 networks, coloured by resolution"
    points = {(x, y) for trace in figure.data for x, y in zip(trace.x, trace.y, strict=True)}
    wanted = set()
    for size, width, depth in product((96, 224), (0.5, 1), (1, 2)):
        totals = convcost.load("mobilenet_v2", resolution=size, width=width, depth=depth).report().totals
        wanted.add((totals.macs, totals.params))
    assert points == wanted
    assert [trace.name for trace in figure.data] == ["resolution 96", "resolution 224"]
    assert max(figure.data[0].x) == macs(resolution=96, depth=2)


def test_a_picture_says_how_many_of_how_many_it_shows() -> None:
    over = {"resolution": "64:263", "width": "0.5:1.5:0.05", "depth": "1,2"}
    made = design_space("mobilenet_v2", {}, over=over)
    figure = plots.points_figure(made)
    assert sum(len(trace.x) for trace in figure.data) == MOST_POINTS
    assert f"of 2,000 of {200 * 21 * 2:,} networks" in figure.layout.title.text
    assert plots.points_figure(made) == figure
    with pytest.raises(UsageError, match="there is no axis 'height'; the axes are resolution, width, depth"):
        plots.points_figure(made, knob="height")


@pytest.mark.parametrize("shape", [(200, 21, 2), (7, 300, 3), (1, 5000), (40, 40, 40)])
def test_points_are_spread_over_every_axis(shape: tuple[int, ...]) -> None:
    """No value is met more than twice as often as another, and none is left out."""
    total = 1
    for size in shape:
        total *= size
    chosen = spread(total, 2000)
    assert len(set(chosen)) == 2000
    below = total
    for size in shape:
        below //= size
        if size <= 300:
            counts = [sum(one // below % size == value for one in chosen) for value in range(size)]
            assert min(counts) > 0
            assert max(counts) <= 2 * min(counts) + 1


def test_a_page_holds_every_row(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    cli.ok("sweep", "mobilenet_v2", "--over", "resolution=27:224", "-o", path)
    page = path.read_text(encoding="utf-8")
    table = page[page.index("<tbody") :]
    assert table.count("<tr") >= 198
    assert "are shown" not in page
    cli.ok("sweep", "mobilenet_v2", "--over", "resolution=27:224", "--limit", 10, "-o", path)
    assert "of which the first 10 are shown" in path.read_text(encoding="utf-8")
    shown = cli.ok("sweep", "mobilenet_v2", "--over", "resolution=27:224")
    assert "198, of which the first 40 are shown" in shown


def alone(**knobs: object) -> tuple[float, bool]:
    """The latency of one network in milliseconds, and whether it is extrapolated."""
    found = latency(convcost.load("mobilenet_v2", **knobs), "pixel1")
    return found.ms, found.extrapolated


def on_pixel1(axes: dict[str, str]) -> go.Figure:
    return plots.sweep_figure(design_space("mobilenet_v2", {}, over=axes, device=find("pixel1")), "latency_ms")


def test_a_map_marks_times_that_are_extrapolated_and_says_what_they_are_of() -> None:
    figure = on_pixel1({"width": "1,2", "resolution": "96,288"})
    (cells,) = figure.data
    single = [[alone(width=width, resolution=size) for size in (96, 288)] for width in (1, 2)]
    assert [[text.startswith("~") for text in line] for line in cells.text] == [
        [far for _, far in one] for one in single
    ]
    assert {far for line in single for _, far in line} == {True, False}
    assert all(
        ("latency ~" in tip) == far for line, one in zip(cells.hovertext, single) for tip, (_, far) in zip(line, one)
    )
    said = figure.layout.title.text
    assert "TensorFlow Lite of 2018, 1 thread; ±" in said
    assert said.endswith("~: extrapolated</sup>")
    turned = on_pixel1({"resolution": "96,288", "width": "1,2"})
    assert turned.data[0].text == cells.text


def test_curves_marks_and_points_tell_extrapolated_times_from_others() -> None:
    far = {size for size in (96, 224, 512) if alone(resolution=size)[1]}
    assert far == {512}
    _, marks = on_pixel1({"resolution": "96,224,512"}).data
    assert [size for size, symbol in zip(marks.x, marks.marker.symbol) if symbol == "circle-open"] == [512]
    assert [tip for tip in marks.hovertext if "~" in tip] == [marks.hovertext[2]]
    steps, beyond = on_pixel1({"resolution": "224:512"}).data[:2]
    assert (beyond.name, beyond.line.dash) == ("extrapolated", "dot")
    drawn = {size for size in beyond.x if size is not None}
    assert 512.5 in drawn
    assert min(drawn) > max(size for size in steps.x if size is not None) - 1
    points = on_pixel1({"width": "1,2", "resolution": "96,288", "classes": "10,1000"})
    hollow = [tip for one in points.data for tip, s in zip(one.hovertext, one.marker.symbol) if s.endswith("-open")]
    assert hollow
    assert all("latency ~" in tip for tip in hollow)
    assert "hollow: extrapolated" in points.layout.title.text


@pytest.mark.parametrize("axes", ["ab", ("width",), 5])
def test_a_map_has_two_axes_by_name(axes: object) -> None:
    with pytest.raises(UsageError, match=r"^axes takes two names, as \('width', 'resolution'\), got "):
        plots.heat_map(["1"], ["2"], [[3.0]], axes=axes)  # type: ignore[arg-type]
