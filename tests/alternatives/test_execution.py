"""Proof by execution: the engine's outputs equal loops written here, and its counts equal the rules and brute force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from helpers import brute_force
from helpers.convolutions import LARGEST, SMALL, Array, Case, cases, exactly, run
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.alternatives import execution as engine
from convcost.alternatives.execution import Counter, conv2d, convolve, execute, pool
from convcost.alternatives.recipes import LayerToBuild, build
from convcost.core.errors import UsageError
from convcost.ops import OPS


def zeros_of(case: Case) -> list[tuple[int, int]]:
    """The zeros (before, after) of each axis; for "same" those of TensorFlow, found by trying."""
    padding = case.attrs["padding"]
    kernel, dilation, stride = (tuple(case.attrs[name]) for name in ("kernel", "dilation", "stride"))
    padding = tuple(padding) if isinstance(padding, list) else padding
    return brute_force._sides(padding, case.shape[:-1], brute_force._taps(kernel, dilation), stride)


def by_loops(case: Case, image: Array, weights: Array) -> list[tuple[tuple[int, ...], int]]:
    """Each output element, where every window that fits is tried and every product is added in turn."""
    *taps, inputs, filters = weights.shape
    strides, apart, sizes = case.attrs["stride"], case.attrs["dilation"], case.shape[:-1]
    axes = zip(zeros_of(case), sizes, apart, taps, strides, strict=True)
    starts = [range(-low, size + high - far * (tap - 1), step) for (low, high), size, far, tap, step in axes]
    outputs = []
    for place in product(*map(enumerate, starts)):
        for filter_ in range(filters):
            first = filter_ * case.attrs["groups"] // filters * inputs  # the first channel of the filter's group
            total = 0
            for *tap, c in product(*map(range, (*taps, inputs))):
                at = tuple(start + i * far for (_, start), i, far in zip(place, tap, apart, strict=True))
                if all(0 <= one < size for one, size in zip(at, sizes, strict=True)):
                    total += int(image[(*at, first + c)]) * int(weights[(*tap, c, filter_)])
            outputs.append(((*(number for number, _ in place), filter_), total))
    return outputs


def wrong(case: Case) -> list[str]:
    """In what the engine differs from the loops, the rule, or the counter."""
    image, weights, output, counter = run(case)
    elements = by_loops(case, image, weights)
    cost = OPS[case.op].cost([case.shape], case.converted)
    counted = brute_force.conv(
        case.shape, case.attrs["channels"], tuple(case.attrs["kernel"]), tuple(case.attrs["stride"]),
        tuple(side for axis in zeros_of(case) for side in axis), tuple(case.attrs["dilation"]), case.attrs["groups"],
        bias=False,
    )  # fmt: skip
    bad = []
    if output.shape != cost.out[0] or output.size != len(elements):
        bad.append("shape")
    elif any(output[at] != value for at, value in elements):
        bad.append("values")
    if not counter.multiplications == cost.macs == counted.macs:
        bad.append("multiplications")
    if not counter.with_padding == counted.padding_macs == OPS[case.op].padding_macs([case.shape], case.converted):
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


SEQUENCE = Case(
    (9, 3), {"channels": 2, "kernel": [4], "stride": [1], "dilation": [2], "groups": 1, "padding": "causal"}
)
VOLUME = Case(
    (3, 4, 5, 2), {"channels": 2, "kernel": [2, 3, 1], "stride": [1, 2, 1], "dilation": [1, 1, 1], "groups": 2, "padding": 1}
)  # fmt: skip


@pytest.mark.parametrize("products", [1, 7, 60, 1000])
def test_bands_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch, products: int) -> None:
    strided = Case(
        (9, 8, 4), {**COURSE.attrs, "channels": 6, "groups": 2, "stride": [2, 1], "dilation": [2, 1], "padding": "same"}
    )
    for case in (COURSE, strided, SEQUENCE, VOLUME):
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


def test_a_moving_average_sees_what_came_before_only() -> None:
    # Twice the mean of two neighbours, with a zero before the first: 1, 1 + 4, 4 + 9.
    counter = Counter()
    sums = convolve(np.array([[1], [4], [9]]), np.ones((2, 1, 1), dtype=int), padding=["causal"], counter=counter)
    assert sums[:, 0].tolist() == [1, 5, 13]
    assert counter == Counter(3 * 2, 1)


def test_a_filter_over_frames_finds_what_moves() -> None:
    # A point that is one column further in each of three frames of 1×3: the filter sees (here, now) - (here, before).
    frames = np.eye(3, dtype=int)[:, None, :, None]
    moved = convolve(frames, np.array([-1, 1])[:, None, None, None, None])
    assert moved[:, 0, :, 0].tolist() == [[-1, 1, 0], [0, -1, 1]]


# All ways to build a layer, executed.


@st.composite
def layers(draw: st.DrawFn) -> tuple[LayerToBuild, list[str]]:
    """A layer along one to three axes, and the ways in which it can be built."""
    axes, amount = draw(SMALL), draw(SMALL)
    sizes = [draw(st.integers(3, 6 if axes < 3 else 4)) for _ in range(axes)]
    kernel, stride = ([draw(SMALL) for _ in range(axes)] for _ in range(2))
    lists = [list(range(1, axes + 1)), [0, 1, 2, 0, 1, 1][: 2 * axes]]
    padding = draw(st.sampled_from(["same", "valid", 1, *lists, *(["causal"] if axes == 1 else [])]))
    layer = LayerToBuild((*sizes, amount * draw(SMALL)), amount * draw(SMALL), kernel, stride, padding)
    ways = ["standard", "separable", *(["spatial"] if axes > 1 else [])]
    return layer, [*ways, *(f"{way}:{amount}" for way in ("grouped", "bottleneck", "inverted"))]


@settings(exactly, max_examples=60)
@given(layers())
def test_every_step_of_every_way_counts_what_its_rule_says(case: tuple[LayerToBuild, list[str]]) -> None:
    layer, ways = case
    for way in ways:
        built = build(layer, way)
        runs = execute(layer, built)
        assert [run.multiplications for run in runs] == [step.cost.macs for step in built.steps]
        assert [run.output.shape for run in runs] == [step.cost.out[0] for step in built.steps]
        zeros = [OPS[step.part.op].padding_macs([step.input_shape], step.part.converted()) for step in built.steps]
        assert [run.with_padding for run in runs] == zeros


# Pooling.


@st.composite
def pools(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]:
    """The shape of an image of one to three axes, a window that fits, and perhaps a stride."""
    axes = draw(SMALL)
    shape = tuple(draw(st.integers(1, LARGEST[axes])) for _ in range(axes))
    kernel = tuple(draw(st.integers(1, min(3, size))) for size in shape)
    stride = draw(st.none() | st.tuples(*[SMALL] * axes))
    return (*shape, draw(st.integers(1, 2))), kernel, stride


@exactly
@given(pools(), st.sampled_from([np.max, np.mean]))
def test_pooling_gives_what_loops_give(case: Any, reduce: Callable[..., Any]) -> None:
    shape, kernel, stride = case
    image, axes = np.random.default_rng(1).integers(-9, 10, shape), len(kernel)
    starts = [range(0, n - k + 1, s) for n, k, s in zip(shape, kernel, stride or kernel, strict=False)]
    pooled = pool(image, kernel, stride=stride, reduce=reduce)
    for place in product(*map(enumerate, starts)):
        window = tuple(slice(start, start + k) for (_, start), k in zip(place, kernel, strict=True))
        expected = reduce(image[window], axis=tuple(range(axes)))
        assert np.array_equal(pooled[tuple(number for number, _ in place)], expected)
    op = OPS[f"max_pool{axes}d"]
    attrs = {"kernel": list(kernel)} if stride is None else {"kernel": list(kernel), "stride": list(stride)}
    assert pooled.shape == op.cost([shape], op.convert(attrs)).out[0]


def test_padding_is_never_the_largest_element() -> None:
    # Frameworks pad a maximum with minus infinity: a zero that is not in the image must not win.
    image = -np.arange(1, 10).reshape(3, 3, 1)  # -1 … -9
    pooled = pool(image, (3, 3), stride=(2, 2), padding=((1, 1), (1, 1)))
    assert pooled[:, :, 0].tolist() == [[-1, -2], [-4, -5]]


# What is too large.


# The course: 2160 multiplications; at each of 4·4 positions 9 taps read 3 channels, each as long as 10 of them; 9 passes, as
# long as 2000. With products of 60 elements a pass is of one row of 4·3·5, so that there are four times as many.
COURSE_WORK = {8_000_000: 2160 + 10 * 16 * 27 + 2000 * 9, 60: 2160 + 10 * 16 * 27 + 2000 * 9 * 4}


@pytest.mark.parametrize(("products", "work"), COURSE_WORK.items())
def test_the_most_that_is_run_is_run_and_one_more_is_not(
    monkeypatch: pytest.MonkeyPatch, products: int, work: int
) -> None:
    layer = LayerToBuild((6, 6, 3), 5, (3, 3))
    monkeypatch.setattr(engine, "_PRODUCTS", products)
    monkeypatch.setattr(engine, "MOST", work)
    assert execute(layer, build(layer, "standard"))[0].multiplications == 2160
    monkeypatch.setattr(engine, "MOST", work - 1)
    with pytest.raises(UsageError, match=rf"^executing standard takes as long as {work:,} multiplications"):
        execute(layer, build(layer, "standard"))


# Few multiplications, and many of what takes longer: a million taps, a map that is read once, twenty thousand groups.
SLOW = [
    (LayerToBuild((1000, 1000, 1), 1, 1000), "standard", 10**6 + 10 * 10**6 + 2000 * 10**6),
    (LayerToBuild((10_000, 10_000, 1), 1, 1), "standard", 10**8 + 10 * 10**8 + 2000 * 13),  # 800 rows at a time
    (LayerToBuild((3, 3, 200_000), 200_000, 3), "grouped:200000", 1_800_000 * 11 + 2000 * 1_800_000),
]


@pytest.mark.parametrize(("layer", "way", "work"), SLOW, ids=["taps", "reads", "groups"])
def test_what_takes_long_with_few_multiplications_is_refused(layer: LayerToBuild, way: str, work: int) -> None:
    with pytest.raises(UsageError, match=f"{work:,} multiplications"):
        execute(layer, build(layer, way))


def test_ways_are_run_if_all_of_them_together_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = LayerToBuild((6, 6, 3), 5, (3, 3))
    ways = [build(layer, "standard"), build(layer, "grouped:1")]
    monkeypatch.setattr(engine, "MOST", 2 * COURSE_WORK[8_000_000] - 1)
    assert execute(layer, ways[1])[0].multiplications == 2160
    with pytest.raises(UsageError) as refused:
        engine.check_work(ways)
    assert str(refused.value) == (
        "executing these 2 ways takes as long as 48,960 multiplications, about 0 s; the most that is run is 48,959. "
        "Give a smaller --input or --kernel, or fewer --filters"
    )


def test_weights_and_outputs_are_held_as_maps_are() -> None:
    for layer in (LayerToBuild((1, 1, 8000), 8000, 1), LayerToBuild((1000, 1000, 1), 64, 1)):  # 64,000,000 of each
        with pytest.raises(UsageError, match=r"^executing standard holds 64,000,000 elements at once; "):
            execute(layer, build(layer, "standard"))
