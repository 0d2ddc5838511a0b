"""Proof by execution: the engine's outputs equal loops written here, and its counts equal the rules and brute force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
from helpers import brute_force
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convcost.alternatives import execution as engine
from convcost.alternatives.execution import Counter, conv2d, execute, pool
from convcost.alternatives.recipes import LayerToBuild, build
from convcost.core.errors import UsageError
from convcost.ops import OPS, failure

Array = np.ndarray[Any, np.dtype[Any]]
exactly = settings(deadline=None, derandomize=True, max_examples=200, database=None)


class Case(NamedTuple):
    """A convolution: the input's shape, and attributes as a spec writes them."""

    shape: tuple[int, int, int]
    attrs: dict[str, Any]

    @property
    def converted(self) -> dict[str, Any]:
        return OPS["conv2d"].convert(self.attrs)


SMALL = st.integers(1, 3)
PADDINGS = st.one_of(
    st.sampled_from(["same", "valid"]),
    st.integers(0, 2),
    st.lists(st.integers(0, 3), min_size=2, max_size=2),
    st.lists(st.integers(0, 3), min_size=4, max_size=4),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    groups = draw(SMALL)
    shape = (draw(st.integers(1, 7)), draw(st.integers(1, 7)), groups * draw(st.integers(1, 2)))
    attrs = {"channels": groups * draw(st.integers(1, 2)), "groups": groups, "padding": draw(PADDINGS), "bias": False}
    attrs |= {name: [draw(SMALL), draw(SMALL)] for name in ("kernel", "stride", "dilation")}
    case = Case(shape, attrs)
    assume(not any(map(failure, OPS["conv2d"].cost([shape], case.converted).checks)))
    return case


def run(case: Case) -> tuple[Array, Array, Array, Counter]:
    """Image, weights, what the engine makes of them, and what it counted."""
    random = np.random.default_rng(0)
    a = case.converted
    image = random.integers(-9, 10, case.shape)
    weights = random.integers(-9, 10, (*a["kernel"], case.shape[2] // a["groups"], a["channels"]))
    counter = Counter()
    names = ("stride", "padding", "dilation", "groups")
    return image, weights, conv2d(image, weights, **{name: a[name] for name in names}, counter=counter), counter


def zeros_of(case: Case) -> tuple[tuple[int, int], tuple[int, int]]:
    """The zeros (before, after) of both axes; for "same" those of TensorFlow, found by trying."""
    padding = case.attrs["padding"]
    pair = [tuple(case.attrs[name]) for name in ("kernel", "dilation", "stride")]
    taps = brute_force._taps(pair[0], pair[1])
    padding = tuple(padding) if isinstance(padding, list) else padding
    return brute_force._sides(padding, case.shape[:2], taps, pair[2])


def by_loops(case: Case, image: Array, weights: Array) -> list[tuple[tuple[int, int, int], int]]:
    """Each output element, where every window that fits is tried and every product is added in turn."""
    (top, bottom), (left, right) = zeros_of(case)
    (down, across), (far_y, far_x) = case.attrs["stride"], case.attrs["dilation"]
    height, width = case.shape[:2]
    taps_y, taps_x, inputs, filters = weights.shape
    outputs = []
    for y, row in enumerate(range(-top, height + bottom - far_y * (taps_y - 1), down)):
        for x, column in enumerate(range(-left, width + right - far_x * (taps_x - 1), across)):
            for filter_ in range(filters):
                first = filter_ * case.attrs["groups"] // filters * inputs  # the first channel of the filter's group
                total = 0
                for i, j, c in product(range(taps_y), range(taps_x), range(inputs)):
                    at = row + i * far_y, column + j * far_x
                    if 0 <= at[0] < height and 0 <= at[1] < width:
                        total += int(image[(*at, first + c)]) * int(weights[i, j, c, filter_])
                outputs.append(((y, x, filter_), total))
    return outputs


def wrong(case: Case) -> list[str]:
    """In what the engine differs from the loops, the rule, or the counter."""
    image, weights, output, counter = run(case)
    elements = by_loops(case, image, weights)
    cost = OPS["conv2d"].cost([case.shape], case.converted)
    (top, bottom), (left, right) = zeros_of(case)
    counted = brute_force.conv(
        case.shape, case.attrs["channels"], tuple(case.attrs["kernel"]), tuple(case.attrs["stride"]),
        (top, bottom, left, right), tuple(case.attrs["dilation"]), case.attrs["groups"], bias=False,
    )  # fmt: skip
    bad = []
    if output.shape != cost.out[0] or output.size != len(elements):
        bad.append("shape")
    elif any(output[at] != value for at, value in elements):
        bad.append("values")
    if not counter.multiplications == cost.macs == counted.macs:
        bad.append("multiplications")
    if not counter.with_padding == counted.padding_macs == OPS["conv2d"].padding_macs([case.shape], case.converted):
        bad.append("products with padding")
    return bad


@exactly
@given(cases())
def test_a_convolution_gives_what_loops_give_and_counts_what_the_rule_counts(case: Case) -> None:
    assert wrong(case) == []


COURSE = Case(
    (6, 6, 3), {"channels": 5, "kernel": [3, 3], "stride": [1, 1], "dilation": [1, 1], "groups": 1, "padding": 1}
)


@pytest.mark.parametrize(
    ("field", "change", "caught"),
    [
        ("macs", lambda macs: macs + 1, ["multiplications"]),
        ("out", lambda out: ((out[0][0] + 1, *out[0][1:]),), ["shape"]),
    ],
)
def test_a_wrong_rule_is_caught(
    monkeypatch: pytest.MonkeyPatch, field: str, change: Callable[[Any], Any], caught: Any
) -> None:
    def spoilt(*shapes: Any, **attrs: Any) -> Any:
        cost = right(*shapes, **attrs)
        return replace(cost, **{field: change(getattr(cost, field))})

    assert wrong(COURSE) == []
    right = OPS["conv2d"].rule
    monkeypatch.setitem(OPS, "conv2d", replace(OPS["conv2d"], rule=spoilt))
    assert wrong(COURSE) == caught


def test_a_wrong_engine_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = engine._starts, engine._pad
    monkeypatch.setattr(engine, "_starts", lambda *a: tuple(starts[1:] for starts in kept[0](*a)))
    assert wrong(COURSE) == ["shape", "multiplications", "products with padding"]
    monkeypatch.setattr(engine, "_starts", kept[0])
    monkeypatch.setattr(engine, "_pad", lambda *a: (kept[1](*a)[0][::-1], kept[1](*a)[1]))  # upside down
    assert wrong(COURSE) == ["values"]


@pytest.mark.parametrize("products", [1, 7, 60, 1000])
def test_bands_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch, products: int) -> None:
    strided = Case(
        (9, 8, 4), {**COURSE.attrs, "channels": 6, "groups": 2, "stride": [2, 1], "dilation": [2, 1], "padding": "same"}
    )
    for case in (COURSE, strided):
        monkeypatch.undo()
        *_, whole, counter = run(case)
        monkeypatch.setattr(engine, "_PRODUCTS", products)
        *_, banded, again = run(case)
        assert np.array_equal(whole, banded)
        assert counter == again
        assert wrong(case) == []


# The course's examples.


def test_the_vertical_edge_of_the_course() -> None:
    bright_left = np.array([[10, 10, 10, 0, 0, 0]] * 6)[:, :, None]
    vertical = np.array([[1, 0, -1]] * 3)[:, :, None, None]
    counter = Counter()
    edges = conv2d(bright_left, vertical, counter=counter)
    # Columns 2 and 3 see 3·10 on their left and zeros on their right.
    assert edges[:, :, 0].tolist() == [[0, 30, 30, 0]] * 4
    assert counter == Counter(4 * 4 * 9, 0)
    dark_left = bright_left[:, ::-1]
    assert conv2d(dark_left, vertical)[:, :, 0].tolist() == [[0, -30, -30, 0]] * 4
    horizontal = vertical.transpose(1, 0, 2, 3)
    assert conv2d(bright_left, horizontal)[:, :, 0].tolist() == [[0, 0, 0, 0]] * 4


def test_the_example_of_the_course_is_really_run() -> None:
    layer = LayerToBuild((6, 6, 3), 5, (3, 3))
    assert [run.multiplications for run in execute(layer, build(layer, "standard"))] == [4 * 4 * 5 * 27]
    depthwise, pointwise = execute(layer, build(layer, "separable"))
    assert (depthwise.name, depthwise.multiplications, depthwise.output.shape) == ("depthwise", 432, (4, 4, 3))
    assert (pointwise.name, pointwise.multiplications, pointwise.output.shape) == ("pointwise", 240, (4, 4, 5))


# All ways to build a layer, executed.


@settings(exactly, max_examples=40)
@given(
    st.tuples(st.integers(3, 6), st.integers(3, 6), SMALL), SMALL, st.tuples(SMALL, SMALL), st.tuples(SMALL, SMALL),
    st.sampled_from(["same", "valid", 1, [1, 2], [0, 1, 2, 0]]), SMALL,
)  # fmt: skip
def test_every_step_of_every_way_counts_what_its_rule_says(
    shape: tuple[int, int, int],
    filters: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: Any,
    amount: int,
) -> None:
    layer = LayerToBuild((*shape[:2], amount * shape[2]), amount * filters, kernel, stride, padding)
    for way in (
        "standard",
        "separable",
        "spatial",
        *(f"{way}:{amount}" for way in ("grouped", "bottleneck", "inverted")),
    ):
        built = build(layer, way)
        runs = execute(layer, built)
        assert [run.multiplications for run in runs] == [step.cost.macs for step in built.steps]
        assert [run.output.shape for run in runs] == [step.cost.out[0] for step in built.steps]
        zeros = [OPS[step.part.op].padding_macs([step.input_shape], step.part.converted()) for step in built.steps]
        assert [run.with_padding for run in runs] == zeros


# Pooling.


@exactly
@given(
    st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 2)), st.tuples(SMALL, SMALL),
    st.none() | st.tuples(SMALL, SMALL), st.sampled_from([np.max, np.mean]),
)  # fmt: skip
def test_pooling_gives_what_loops_give(shape: Any, kernel: Any, stride: Any, reduce: Callable[..., Any]) -> None:
    assume(all(size >= window for size, window in zip(shape, kernel, strict=False)))
    image = np.random.default_rng(1).integers(-9, 10, shape)
    down, across = stride or kernel
    rows, columns = range(0, shape[0] - kernel[0] + 1, down), range(0, shape[1] - kernel[1] + 1, across)
    expected = [[reduce(image[y : y + kernel[0], x : x + kernel[1]], axis=(0, 1)) for x in columns] for y in rows]
    pooled = pool(image, kernel, stride=stride, reduce=reduce)
    assert np.array_equal(pooled, np.array(expected))
    attrs = {"kernel": list(kernel)} if stride is None else {"kernel": list(kernel), "stride": list(stride)}
    assert pooled.shape == OPS["max_pool"].cost([shape], OPS["max_pool"].convert(attrs)).out[0]


def test_padding_is_never_the_largest_element() -> None:
    # Frameworks pad a maximum with minus infinity: a zero that is not in the image must not win.
    image = -np.arange(1, 10).reshape(3, 3, 1)  # -1 … -9
    pooled = pool(image, (3, 3), stride=(2, 2), padding=((1, 1), (1, 1)))
    assert pooled[:, :, 0].tolist() == [[-1, -2], [-4, -5]]


# What is too large.


def test_the_most_that_is_run_is_run_and_one_more_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = LayerToBuild((6, 6, 3), 5, (3, 3))
    monkeypatch.setattr(engine, "MOST", 2160)
    assert execute(layer, build(layer, "standard"))[0].multiplications == 2160
    monkeypatch.setattr(engine, "MOST", 2159)
    with pytest.raises(UsageError, match=r"^executing standard takes 2,160 multiplications"):
        execute(layer, build(layer, "standard"))
