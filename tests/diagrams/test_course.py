"""The course's picture: every number in it, and its geometry over shapes from 1×1 to 224×224, on a screen and on a phone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from functools import cache
from itertools import combinations, pairwise
from math import prod

import pytest
from helpers.geometry import corners, touch

from convcost.alternatives.recipes import LayerToBuild, compare
from convcost.core.errors import UsageError
from convcost.diagrams.course import course, multiplied
from convcost.diagrams.solids import scale_of, solid
from convcost.render.canvas import Drawing, Polygon
from convcost.render.rectangle import Rectangle

#: Name -> layer and the ways to build it beside the normal one.
LAYERS = {
    "course": (LayerToBuild((6, 6, 3), 5, 3), ("separable",)),
    "all ways": (LayerToBuild((12, 12, 8), 16, 3, 1, "same"), ("separable", "grouped:4", "bottleneck:2", "inverted:6", "spatial")),
    "large": (LayerToBuild((224, 224, 3), 512, 3), ("separable", "inverted:6")),
    "no map": (LayerToBuild((1, 1, 2048), 1000, 1), ("separable", "grouped:8")),
    "deep": (LayerToBuild((7, 7, 2048), 2048, 3, 2, "same"), ("separable", "grouped:32", "bottleneck:512")),
    "one of all": (LayerToBuild((1, 1, 1), 1, 1), ("separable",)),
    "flat filter": (LayerToBuild((1, 100, 40), 7, (1, 9)), ("separable", "spatial")),
    "tall": (LayerToBuild((1000, 2, 4), 3, (5, 2)), ("separable",)),
    "whole map": (LayerToBuild((14, 14, 4), 2, 14), ("separable",)),
    "beyond the map": (LayerToBuild((2, 2, 3), 4, 5, 1, 2), ("separable",)),
    "sequence": (LayerToBuild((5000, 12), 32, 7), ("separable", "inverted:4")),
    "short sequence": (LayerToBuild((9, 4), 3, 3, 2), ("separable",)),
    "volume": (LayerToBuild((8, 10, 10, 3), 4, 3), ("separable", "spatial")),
    "clip": (LayerToBuild((16, 112, 112, 3), 64, (3, 7, 7), (1, 2, 2), "same"), ("separable",)),
    "huge": (LayerToBuild((99_999, 99_999, 12_345), 54_321, 11), ("separable",)),
}  # fmt: skip
WIDTHS = (350, 860, 960)
CASES = pytest.mark.parametrize(("name", "width"), [(name, width) for name in LAYERS for width in WIDTHS])


@cache
def picture(name: str, width: int) -> Drawing:
    layer, ways = LAYERS[name]
    return course(layer, ways, width=width)


@CASES
def test_nothing_leaves_the_canvas(name: str, width: int) -> None:
    drawn = picture(name, width)
    whole = Rectangle(0, 0, drawn.width, drawn.height)
    assert [mark for mark in drawn.marks if not whole.holds(mark.box)] == []


@CASES
def test_no_label_touches_another_label_or_a_shape(name: str, width: int) -> None:
    drawn = picture(name, width)
    labels = [(label.text, label.box) for label in drawn.labels]
    assert [(one, other) for (one, a), (other, b) in combinations(labels, 2) if a.meets(b)] == []
    shapes = [(mark.box, mark.points) for mark in drawn.marks if isinstance(mark, Polygon) and len(mark.points) > 2]
    near = [(one, covered, points) for one, covered in labels for box, points in shapes if box.meets(covered)]
    assert [(one, points) for one, covered, points in near if touch(corners(covered), points)] == []


@CASES
def test_it_is_as_wide_as_asked_unless_a_step_needs_more(name: str, width: int) -> None:
    drawn = picture(name, width)
    assert width <= drawn.width
    assert drawn.width <= 1.1 * width or name in {"huge", "clip", "deep"}


@CASES
def test_it_is_svg_of_its_own_and_the_same_each_time(name: str, width: int) -> None:
    text = picture(name, width).svg()
    layer, ways = LAYERS[name]
    assert text == course(layer, ways, width=width).svg()
    root = ET.fromstring(text)
    assert [float(n) for n in root.get("viewBox", "").split()][2:] == [
        picture(name, width).width,
        picture(name, width).height,
    ]
    assert "href" not in text
    assert "script" not in text


@pytest.mark.parametrize("name", LAYERS)
def test_the_multiplications_under_each_step_are_those_that_are_counted(name: str) -> None:
    layer, ways = LAYERS[name]
    for way in compare(layer, ways):
        for step in way.steps:
            product, result = multiplied(step).split(" = ")
            assert (
                prod(int(number) for number in re.findall(r"\d+", product))
                == int(result.replace(",", ""))
                == step.cost.macs
            )


def test_the_courses_numbers_stand_where_a_teacher_points() -> None:
    texts = [label.text for label in picture("course", 860).labels]
    for said in (
        "6×6×3 input, 5 filters of 3×3, stride 1, padding valid -> 4×4×5",
        "5 filters of 3×3×3",
        "3·3·3 × 4·4 × 5 = 2,160",
        "2,160 multiplications",
        "3·3·1 × 4·4 × 3 = 432",
        "1·1·3 × 4·4 × 5 = 240",
        "432 + 240 = 672 multiplications",
        "separable / standard = 672/2,160 = 14/45 = 0.3111 = 1/n_c' + 1/f²",
        "Drawn to scale, cell by cell.",
    ):
        assert said in texts
    assert texts.index("2,160 multiplications") < texts.index("432 + 240 = 672 multiplications")


def test_boxes_are_to_scale_and_all_filters_are_there() -> None:
    fronts = [
        mark.box
        for mark in picture("course", 860).marks
        if isinstance(mark, Polygon) and len(mark.points) == 4 and mark.points[0][1] == mark.points[1][1]
        and mark.points[1][0] == mark.points[2][0] and mark.fill in {"s5", "s4"} and mark.opacity < 0.8
    ]  # fmt: skip
    sizes = [(round(box.right - box.left), round(box.bottom - box.top)) for box in fronts]
    cell = sizes[0][0] // 6
    assert sizes == [
        (n * cell, n * cell)
        for n in (6, *[3] * 5, 4, 6, *[3] * 3, 4, *[1] * 5, 4)  # normal; separable: depthwise, pointwise
    ]


def test_bars_are_as_long_as_the_multiplications() -> None:
    bars = [
        mark.box for mark in picture("course", 860).marks if isinstance(mark, Polygon) and mark.fill in {"s0", "s2"}
    ]
    standard, depthwise, pointwise = (box.right - box.left for box in bars)
    assert depthwise / standard == pytest.approx(432 / 2160)
    assert pointwise / standard == pytest.approx(240 / 2160)


def test_what_is_too_large_for_cells_is_drawn_by_logarithms_and_says_so() -> None:
    texts = " ".join(label.text for label in picture("large", 860).labels)
    assert "Edges on a logarithmic scale, since sizes go from 1 to 512; areas cannot be compared." in texts
    scale = scale_of([solid((224, 224, 3)), solid((3, 3, 3))], 84)
    lengths = [scale.length(size) for size in (1, 3, 9, 27, 81)]
    steps = [b - a for a, b in pairwise(lengths)]
    assert steps == pytest.approx([steps[0]] * 4)  # equal ratios, equal steps
    assert lengths[0] >= 9


def test_it_refuses_what_compare_refuses() -> None:
    with pytest.raises(UsageError, match="there is no way 'seperable'"):
        course(LayerToBuild((6, 6, 3), 5, 3), ("seperable",))
