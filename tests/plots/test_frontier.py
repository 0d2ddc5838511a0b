"""The landscape: what stands out, who is named where, and that no line runs above the front."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost import plots
from convcost.plots.frontier import series_of
from convcost.plots.labels import Obstacle, Spot, place
from convcost.published.data import accuracies
from convcost.published.frontier import Frontier, frontier
from convcost.published.highlight import MOST
from convcost.render.families import family_look
from convcost.render.lettering import text_width
from convcost.render.rectangle import Rectangle
from convcost.render.svg import axes
from convcost.render.svg_axes import PlotAxis

if TYPE_CHECKING:
    import plotly.graph_objects as go

pytestmark = pytest.mark.usefixtures("costs_once")
MINE = """item,label,top1,macs,params
s,OurNet,76.1,180M,3.4
m,OurNet,79,420M,5
l,OurNet,82,1.3G,9
t,Teacher,84.2,9G,60
"""
SELECTIONS: dict[str, dict[str, Any]] = {
    "all": {},
    "mobilenets": {"family": ["mobilenet_v[12]"], "tier": ["authors"]},
    "params": {"x": "params"},
    "activations": {"x": "activations"},
    "peak": {"x": "peak"},
    "weight bytes": {"x": "weight_bytes"},
    "top5": {"y": "top5"},
    "every tier": {"tier": ()},
    "front": {"front_only": True},
    "cheap": {"most": "1G", "least": "60"},
    "dear": {"least": "75"},
    "awake": {"highlight": ["*"]},
    "one": {"source": ["mobilenet_v1"]},
    "own": {"yours": [("mobilenet_v2:width=0.5", "66"), ("mobilenet_v2:width=0.6", "68"), ("resnet18", "72", "Mine")]},
}
SIZES = ((860, 540), (1110, 600), (360, 420))


@cache
def selection(name: str) -> Frontier:
    return frontier(**SELECTIONS[name])


@cache
def picture(name: str, width: int = 860, height: int = 540) -> go.Figure:
    return plots.frontier(selection(name), width=width, height=height)


class Text:
    """A text of a drawing with the room that it takes in the widest font."""

    def __init__(self, element: ET.Element, group: ET.Element | None) -> None:
        self.text = element.text or ""
        bold = "font-weight" in element.attrib
        size = float(element.get("font-size", 13))
        wide = text_width(self.text, size, bold=bold)
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        around = group.get("text-anchor", "start") if group is not None else "start"
        left = {"middle": x - wide / 2, "end": x - wide}.get(element.get("text-anchor", around), x)
        self.box = Rectangle(left, y - 0.78 * size, left + wide, y + 0.22 * size)
        if turned := re.match(r"translate\((\S+) (\S+)\) rotate\(-90\)", element.get("transform", "")):
            x, y = float(turned[1]), float(turned[2])
            self.box = Rectangle(x - 0.78 * size, y - wide / 2, x + 0.22 * size, y + wide / 2)


def texts(drawing: str) -> list[Text]:
    root = ET.fromstring(drawing)
    groups = {element: group for group in root.iter("{http://www.w3.org/2000/svg}g") for element in group}
    return [Text(element, groups.get(element)) for element in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", SELECTIONS)
def test_no_text_meets_another_or_leaves_the_picture(name: str, size: tuple[int, int]) -> None:
    shown = texts(plots.svg(picture(name, *size), tips=False))
    assert len(shown) > 8
    for one in shown:
        assert one.box.left >= 0, one.text
        assert one.box.top >= 0, one.text
        assert one.box.right <= size[0], one.text
        assert one.box.bottom <= size[1], one.text
    met = [(one.text, two.text) for one, two in combinations(shown, 2) if one.box.meets(two.box)]
    assert met == []


@pytest.mark.parametrize("name", ["accuracy", "mobilenets"])
def test_the_pictures_of_the_gallery_have_no_text_on_another(name: str) -> None:
    drawing = (Path(__file__).parents[2] / "reports" / f"{name}.svg").read_text(encoding="utf-8")
    shown = texts(drawing)
    assert [(a.text, b.text) for a, b in combinations(shown, 2) if a.box.meets(b.box)] == []


@pytest.mark.parametrize("name", [name for name in SELECTIONS if name != "awake"])
def test_who_stands_out_is_named_on_the_picture(name: str) -> None:
    named = [trace.text[0] for trace in picture(name).data if trace.mode == "text"]
    awake = [one.name for one in series_of(selection(name)) if one.awake]
    assert sorted(named) == sorted([*awake, "Pareto front"])


def test_a_name_stands_beside_its_own_line() -> None:
    """Nearer to a point of its family than to the ends of three quarters of the other families that stand out."""
    figure = picture("all")
    x, y = figure.layout.xaxis.range, figure.layout.yaxis.range

    def pixels(cost: float, accuracy: float) -> tuple[float, float]:
        from math import log10

        return (log10(cost) - x[0]) / (x[1] - x[0]) * 800, (accuracy - y[0]) / (y[1] - y[0]) * 430

    marks = {
        trace.name: [pixels(*one) for one in zip(trace.x, trace.y, strict=True)]
        for trace in figure.data
        if trace.mode == "lines"
    }
    for trace in figure.data:
        if trace.mode == "text" and trace.name in marks:
            at = pixels(trace.x[0], trace.y[0])
            half = text_width(trace.text[0], 13, bold=True) / 2
            assert min(abs(at[1] - b) + max(0, abs(at[0] - a) - half) for a, b in marks[trace.name]) < 40, trace.name


def runs(x: PlotAxis, y: PlotAxis, line: go.Scatter) -> list[tuple[float, float]]:
    """Places every two pixels along the steps of a line."""
    corners = [(x.at(cost), y.at(accuracy)) for cost, accuracy in zip(line.x, line.y, strict=True)]
    found = corners[:1]
    for (left, low), (right, high) in pairwise(corners):
        found += [(left + 2 * at, low) for at in range(int((right - left) / 2) + 1)]
        found += [(right, low - 2 * at) for at in range(int((low - high) / 2) + 1)]
    return found


@pytest.mark.parametrize("size", [(860, 540), (1110, 600)], ids=str)
@pytest.mark.parametrize("name", ["all", "mobilenets", "params", "activations", "peak", "one", "own"])
def test_no_name_lies_across_the_line_of_another_family(name: str, size: tuple[int, int]) -> None:
    figure = picture(name, *size)
    x, y = axes(figure)
    drawn = {text.text: text.box for text in texts(plots.svg(figure, tips=False))}
    lines = {t.name: runs(x, y, t) for t in figure.data if t.mode == "lines" and t.name != "front" and t.x}
    names = {trace.text[0]: trace.name for trace in figure.data if trace.mode == "text"}
    for word, family in names.items():
        box = drawn[word]
        across = [other for other, places in lines.items() if other != family and any(on(box, at) for at in places)]
        assert across == [], word


def on(box: Rectangle, place: tuple[float, float]) -> bool:
    return box.left < place[0] < box.right and box.top < place[1] < box.bottom


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", SELECTIONS)
def test_a_name_is_near_to_its_line_or_a_line_leads_there(name: str, size: tuple[int, int]) -> None:
    """A lead begins at the name and ends at a point of the family."""
    figure = picture(name, *size)
    x, y = axes(figure)
    leads = [((x.at(s.x0), y.at(s.y0)), (x.at(s.x1), y.at(s.y1))) for s in figure.layout.shapes]
    for trace in figure.data:
        if trace.mode != "text":
            continue
        half = text_width(trace.text[0], 13, bold=True) / 2
        middle = x.at(trace.x[0]), y.at(trace.y[0])
        points = [
            (x.at(a), y.at(b))
            for t in figure.data
            if t.name == trace.name and t.mode != "text"
            for a, b in zip(t.x, t.y)
        ]
        apart = min(max(abs(a - middle[0]) - half, abs(b - middle[1]) - 7.5) for a, b in points)
        led = [
            there
            for here, there in leads
            if abs(here[0] - middle[0]) < half + 1 and abs(here[1] - middle[1]) < 9 and there != here
        ]
        ends = any(abs(a - there[0]) + abs(b - there[1]) < 1 for there in led for a, b in points)
        assert apart < 18 or ends, trace.text[0]


@pytest.mark.parametrize("name", SELECTIONS)
def test_no_line_runs_above_the_front(name: str) -> None:
    """Every line is steps that go across first; on each step, some point of the front is as good and as cheap."""
    front = [(point.cost, float(point.accuracy)) for point in selection(name).front]
    lines = [trace for trace in picture(name).data if trace.mode == "lines"]
    assert len(lines) > 1
    for trace in lines:
        assert trace.line.shape == "hv"
        points = list(zip(trace.x, trace.y, strict=True))
        assert points == sorted(points)
        assert all(low[1] < high[1] for low, high in pairwise(points))
        assert all(any(c <= cost and a >= accuracy for c, a in front) for cost, accuracy in points)


def test_an_ablation_is_left_out_and_never_on_a_line() -> None:
    ablations = {row.item for row in accuracies() if row.ablation}
    assert "MobileNetV1 Conv (full convolutions)" in ablations
    usual, asked = frontier(family=["mobilenet*"]), frontier(family=["mobilenet*"], ablations=True)
    assert not ablations & {point.measured.item for point in usual.points}
    assert {"MobileNetV1 Conv (full convolutions)", "MobileNetV1 Shallow"} <= {
        one.measured.item for one in usual.omitted
    }
    assert max(point.cost for point in usual.points) < 10**9  # which full convolutions stretched to 4.87 G
    assert ablations & {point.measured.item for point in asked.points}
    on_lines = {point.measured.item for one in series_of(asked) for point in one.line}
    assert not ablations & on_lines


def test_by_rule_half_hold_most_of_the_front_and_the_rest_most_sources() -> None:
    found = selection("all")
    assert len(found.highlighted) == MOST
    held = Counter(point.measured.family for point in found.front)
    half = MOST // 2  # in this picture, without two of one colour
    rest = set(held) - set(found.highlighted[:half])
    assert min(held[family] for family in found.highlighted[:half]) >= max(held[family] for family in rest)
    sources = {family: len({row.source for row in accuracies() if row.family == family}) for family in found.families}
    colors = {family_look(family).color for family in found.highlighted}
    unknown = {family for family in found.families if family_look(family).color not in colors}
    assert min(sources[f] for f in found.highlighted[half:]) >= max((sources[f] for f in unknown), default=0)


def test_few_families_all_stand_out_and_those_that_are_asked_for() -> None:
    assert set(selection("mobilenets").highlighted) == {"MobileNetV1", "MobileNetV2"}
    asked = frontier(highlight=["mobilenet_v2", "efficientnet"])
    assert asked.highlighted == ("MobileNetV2", "EfficientNet")
    awake = {one.name for one in series_of(asked) if one.awake}
    assert awake == {"MobileNetV2", "EfficientNet"}


def colors(figure: go.Figure) -> dict[str, set[tuple[str, str]]]:
    seen: dict[str, set[tuple[str, str]]] = {}
    for trace in figure.data:
        if trace.mode == "markers" and trace.marker.size > 5:
            seen.setdefault(trace.name, set()).update(
                (trace.marker.color, s.removesuffix("-open")) for s in trace.marker.symbol
            )
    return seen


def test_a_family_looks_the_same_in_all_pictures_and_like_no_other_in_one() -> None:
    everywhere: dict[str, set[tuple[str, str]]] = {}
    for name in ("all", "mobilenets", "params", "peak", "activations", "top5", "every tier", "awake"):
        looks = colors(picture(name))
        assert len({next(iter(look)) for look in looks.values()}) == len(looks)
        for family, look in looks.items():
            everywhere.setdefault(family, set()).update(look)
    assert everywhere
    for family, looks in everywhere.items():
        assert looks == {tuple(family_look(family))}


@pytest.mark.parametrize("name", ["all", "mobilenets", "params", "peak", "activations", "every tier", "cheap", "dear"])
def test_those_that_stand_out_by_rule_differ_in_colour_and_in_mark(name: str) -> None:
    looks = [family_look(family) for family in selection(name).highlighted]
    assert len({look.color for look in looks}) == len(looks)
    assert len({look.symbol for look in looks}) >= len(looks) - 2


def test_own_points_are_joined_and_called_as_their_owner_says(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text(MINE, encoding="utf-8")
    found = frontier(add=[str(table)], yours=[("mobilenet_v2:width=0.5", "66"), ("mobilenet_v2:width=0.6", "68")])
    assert len(found.points) == len(frontier().points) + 6  # beside the published ones
    own = {one.name: one for one in series_of(found) if one.yours}
    assert set(own) == {"OurNet", "Teacher", "MobileNetV2 (yours)"}
    assert [point.cost for point in own["OurNet"].line] == [180_000_000, 420_000_000, 1_300_000_000]
    assert len(own["MobileNetV2 (yours)"].line) == 2
    figure = plots.frontier(found)
    assert {"OurNet", "Teacher", "MobileNetV2 (yours)"} <= {t.text[0] for t in figure.data if t.mode == "text"}
    stars = {t.name for t in figure.data if t.mode == "markers" and "star" in t.marker.symbol[0]}
    assert stars == set(own)
    assert "★ yours" in figure.layout.title.text


boxes = st.tuples(st.integers(0, 400), st.integers(0, 300))


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "ResNet", "EfficientNetV2"]), st.lists(boxes, min_size=1, max_size=4)),
        max_size=9,
    ),
    st.lists(boxes, max_size=30),
)
def test_names_never_meet_and_stay_inside(
    wishes: list[tuple[str, list[tuple[int, int]]]], marks: list[tuple[int, int]]
) -> None:
    frame = Rectangle(0, 0, 400, 300)
    names = [(text, [Spot(*spot) for spot in spots]) for text, spots in wishes]
    found = place(names, frame, [Obstacle(*mark, 1.0) for mark in marks], 13)
    placed = [one.box for one in found if one is not None]
    assert not any(one.meets(two) for one, two in combinations(placed, 2))
    assert all(b.left > 0 and b.top > 0 and b.right < 400 and b.bottom < 300 for b in placed)


@pytest.mark.parametrize("outside", [499, 500])
def test_of_many_places_the_likeliest_are_tried(outside: int) -> None:
    """500 are; only one that is liked least lies where there is room."""
    spots = [Spot(50, 50, 9.0), *[Spot(-500, -500)] * outside]
    (found,) = place([("a", spots)], Rectangle(0, 0, 100, 100), [], 10)
    assert (found is None) == (outside == 500)


def test_of_many_families_of_ones_own_forty_are_named(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    rows = [f"net{at},{40 + at / 2},{10 + at},family {at:02}" for at in range(80)]
    path.write_text("\n".join(["item,top1,macs,family", *rows, ""]), encoding="utf-8")
    drawn = plots.frontier(frontier(add=[str(path)]), width=4000, height=3000)
    names = [trace["text"][0] for trace in drawn.to_dict()["data"] if trace["mode"] == "text"]
    assert sum(name.startswith("family") for name in names) == 40
    assert "Pareto front" in names


@pytest.mark.parametrize(
    ("x", "first", "second", "marks"),
    [
        # from 3.1 to 3.3 M, with a little room: every 0.02 M
        ("macs", "3.1", "3.3", [f"3.{at}M" for at in range(10, 32, 2)]),
        # alone, the axis is from a half of a decade below to one above: 1.01 to 10.1 M
        ("macs", "3.2", "", [f"{at}M" for at in range(2, 11)]),
        # 1 to 1.004 M: there is room for 11 marks, so for the 9 of 0.0005 M and not for the 21 of 0.0002; 1 needs no zeros
        ("macs", "1.0", "1.004", ["1M", *(f"1.00{at:02}M" for at in range(5, 45, 5))]),
        # 3.1 M and 3.100001 M: three digits tell no two of them apart
        ("params", "3.1", "3.100001", ["3.100000M", "3.100001M"]),
        # 4 bytes each: 11.44 and 12.21 MiB; of eighths of a MiB there is room for 11 marks, of sixteenths not
        ("weight_bytes", "3", "3.2", ["11.5 MiB", "11.6 MiB", "11.8 MiB", "11.9 MiB", "12 MiB", "12.1 MiB"]),
    ],
)
def test_points_that_lie_close_have_marks_between_them(
    tmp_path: Path, x: str, first: str, second: str, marks: list[str]
) -> None:
    path = tmp_path / "close.csv"
    figures = [f"{at},{70 + at},{figure}" for at, figure in enumerate((first, second)) if figure]
    path.write_text("\n".join([f"item,top1,{'macs' if x == 'macs' else 'params'}", *figures, ""]), encoding="utf-8")
    drawn = plots.frontier(frontier(x=x, data=str(path)))
    low, high = (10**end for end in drawn.layout.xaxis.range)
    assert list(drawn.layout.xaxis.ticktext) == marks
    assert all(low <= tick <= high for tick in drawn.layout.xaxis.tickvals)
