"""Every rule against an independent counter that knows no formula, on drawn shapes and attributes, in three systems.

What the counter cannot carry out, the rule's checks must refuse, and the other way round; `STRICTER` lists where a
rule refuses by design what the counter, which follows the frameworks, would do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any

import pytest
from helpers import brute_force, brute_tensors, drawn_tensors
from helpers.brute_force import Count
from helpers.slow import slow
from helpers.systems import COUNTS, Case, Numbers, over_arrays, over_ints, over_symbols
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.ops import OPS
from convcost.ops.activation import ACTIVATIONS

Draw = st.DrawFn
#: An attribute is absent, one number, or a list of so many numbers for each axis that a window slides along.
ABSENT, ONE, EACH, BOTH, ENDS, AROUND = None, "one", "each", "both", "ends", "around"
LISTS = {ONE: 0, EACH: 1, BOTH: 2, ENDS: 2}

# How one op's cases are drawn: first the form, shared by all cases that are stacked, then the numbers of each.

SMALL = st.integers(1, 6)
#: Along three axes, what is counted one by one grows with the cube.
TINY = st.integers(1, 3)
CHANNELS = st.sampled_from([1, 2, 3, 4, 6])
NUMBERS = {
    "channels": CHANNELS,
    "kernel": st.integers(1, 3),
    "stride": st.integers(1, 3),
    "padding": st.sampled_from([0, 0, 1, 1, 2]),
    "output_padding": st.integers(0, 2),
    "dilation": st.sampled_from([1, 1, 2]),
    "groups": st.sampled_from([1, 1, 2, 3]),
    "block": st.sampled_from([1, 1, 2, 3]),
    "size": SMALL,
    "scale": st.integers(1, 3),
    **dict.fromkeys(("height", "width", "length", "depth"), st.integers(0, 2)),
}
PAIR = st.sampled_from([ONE, EACH])
PAIR_OR_NOT = st.sampled_from([ABSENT, ONE, EACH])
PADDINGS = st.sampled_from([ABSENT, "valid", "same", "same", "causal", ONE, ONE, EACH, BOTH])
ONE_OR_NOT = st.sampled_from([ABSENT, ONE])
FLAG = st.sampled_from([ABSENT, True, False])
CONV = {"channels": st.just(ONE), "kernel": PAIR, "stride": PAIR_OR_NOT, "dilation": PAIR_OR_NOT, "bias": FLAG}
MODE = st.sampled_from([ABSENT, "nearest"])
POOL = {"kernel": PAIR, "stride": PAIR_OR_NOT, "padding": PADDINGS, "ceil_mode": FLAG}
NORM = {"scale": FLAG, "shift": FLAG}
#: Of a family of ops that differ in the number of axes.
FORMS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "conv": {**CONV, "padding": PADDINGS, "groups": st.sampled_from([ABSENT, ONE, "depthwise"])},
    "conv_transpose": {
        **CONV,
        "padding": PADDINGS,
        "groups": ONE_OR_NOT,
        "output_padding": PAIR_OR_NOT,
        "size": st.sampled_from([ABSENT, ABSENT, "near"]),
    },
    "conv2d_table": {
        **{name: form for name, form in CONV.items() if name != "channels"},
        "connections": st.lists(
            st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True), min_size=1, max_size=3
        ),
        "padding": PADDINGS,
    },
    "rbf": {"channels": st.just(ONE)},
    "scale": {"shift": FLAG},
    "subsample": {"kernel": PAIR},
    "batch_norm": NORM,
    "group_norm": {"groups": st.just(ONE), **NORM},
    "local_response_norm": {"size": ONE_OR_NOT},
    "max_pool": {**POOL, "dilation": PAIR_OR_NOT},
    "avg_pool": POOL,
    "adaptive_avg_pool": {"size": PAIR},
    "adaptive_max_pool": {"size": PAIR},
    "dropout": {"rate": st.just(Fraction(1, 2))},
    "deform_conv": {
        **CONV,
        "padding": PADDINGS,
        "groups": st.sampled_from([ABSENT, ONE, "depthwise"]),
        "mask": st.sampled_from([ABSENT, True]),
    },
    "pad": {
        "padding": st.sampled_from([ABSENT, ABSENT, ONE, EACH, BOTH]),
        **dict.fromkeys(
            ("channels", "height", "width", "length", "depth"), st.sampled_from([ABSENT, ABSENT, ONE, ENDS])
        ),
        "around": st.sampled_from([ABSENT, ABSENT, AROUND, AROUND, "fewer"]),
    },
    "crop": {"size": PAIR},
    "unfold": {"kernel": PAIR, "stride": PAIR_OR_NOT, "padding": PADDINGS, "dilation": PAIR_OR_NOT},
    "fold": {"size": PAIR, "kernel": PAIR, "stride": PAIR_OR_NOT, "padding": PADDINGS, "dilation": PAIR_OR_NOT},
    "upsample": {"scale": PAIR, "mode": MODE},
    "resize": {"size": PAIR, "mode": MODE},
    "channel_shuffle": {"groups": st.just(ONE)},
    "depth_to_space": {"block": st.just(ONE)},
    "space_to_depth": {"block": st.just(ONE)},
}
VECTORS = {"rbf"}
TENSORS = {"batch_norm", "flatten", "identity", "dropout", "prelu", "scale", *ACTIVATIONS}
#: Anything that has positions and channels.
GRIDS = {"global_avg_pool", "global_max_pool", "group_norm", "local_response_norm", "channel_shuffle", "crop"}
RANKS = {"pad": [3, 3, 3, 3, 1, 2, 4, 5], "fold": [2], "deform_conv2d": [3]}


def family(op: str) -> str:
    """What ops that differ in the number of axes have in common.

    >>> family("conv_transpose3d"), family("conv2d_table")
    ('conv_transpose', 'conv2d_table')
    """
    return re.sub(r"\dd$", "", op)


def ranks_of(op: str) -> list[int]:
    """The ranks of its first input, as often as they are to be drawn."""
    axes = OPS[op].axes
    if op in RANKS:
        return RANKS[op]
    if axes:
        more = [axes + 2] if axes + 2 in OPS[op].inputs[0].ranks else []
        return [axes + 1] * 3 + more
    if op in GRIDS:
        return [2, 3, 3, 4]
    return [1] if op in VECTORS else [3, 3, 3, 1] if op in TENSORS else [3]


def drawn_form(draw: Draw, op: str) -> tuple[int, dict[str, Any]]:
    """The rank of the input, and for each attribute its form, or its value where that is no number."""
    rank = draw(st.sampled_from(ranks_of(op)))
    form = {name: draw(forms) for name, forms in FORMS.get(family(op), {}).items()}
    if op == "pad" and rank != 3 and form["padding"] in (EACH, BOTH):
        form["padding"] = ONE  # is for maps only, and takes lists for these
    if form.get("padding") == "causal" and "causal" not in OPS[op].attrs["padding"].kind.words:
        form["padding"] = "same"
    if form.get("size") == "near" and draw(st.integers(0, 9)):
        form["output_padding"] = ABSENT  # both together are refused
    return rank, {name: value for name, value in form.items() if value is not ABSENT}


def drawn_case(draw: Draw, op: str, rank: int, form: dict[str, Any]) -> Case:
    """Numbers for a form; most of the drawn cases fit, some do not."""
    shapes = [drawn_shape(draw, rank)]
    axes = OPS[op].axes or max(1, rank - 1)
    attrs = {name: drawn_value(draw, name, value, shapes[0], axes) for name, value in form.items()}
    if form.get("groups") == "depthwise":
        attrs["channels"] = shapes[0][-1] * draw(st.integers(1, 2))
    if form.get("size") == "near":
        attrs["size"] = [draw(st.sampled_from(sizes)) for sizes in sizes_near(Case(op, shapes, attrs))]
    masked = attrs.pop("mask", False)
    if op == "fold":
        shapes = [made_to_fold(draw, Case(op, shapes, attrs))]
    if op == "deform_conv2d":
        shapes += made_to_deform(draw, Case(op, shapes, attrs))[: 1 + masked]
    return Case(op, shapes, attrs)


def made_to_fold(draw: Draw, case: Case) -> tuple[int, ...]:
    """Rows that mostly make up a map."""
    attrs = {name: value for name, value in arguments(case).items() if name != "size"}
    try:
        rows, elements = brute_force.unfold((*each_axis(case, "size"), draw(st.integers(1, 3))), **attrs).out[0]
    except ValueError:
        return case.shapes[0]
    return rows + draw(SELDOM), elements + draw(SELDOM)


def made_to_deform(draw: Draw, case: Case) -> list[tuple[int, ...]]:
    """Offsets and a mask that mostly fit the convolution."""
    taps, groups = prod(each_axis(case, "kernel")), draw(st.sampled_from([1, 1, 1, 2]))
    try:
        rows, columns, _ = brute_force.conv(case.shapes[0], **arguments(case)).out[0]
    except ValueError:
        rows = columns = 1
    offsets = (rows + draw(SELDOM), columns + draw(SELDOM), 2 * groups * taps + draw(SELDOM))
    return [offsets, (rows + draw(SELDOM), columns, groups * taps + draw(SELDOM))]


#: What makes a size that fits one that does not.
SELDOM = st.sampled_from([0] * 12 + [1])


def sizes_near(case: Case) -> list[list[int]]:
    """For each axis, all sizes that a convolution leads back from, and those next to them."""
    kernel, stride, dilation = (each_axis(case, name) for name in ("kernel", "stride", "dilation"))
    padding = brute_force._cropped(as_tuple(case.attrs.get("padding", 0)), len(kernel))
    taps = brute_force._taps(kernel, dilation)
    near = []
    for axis in zip(case.shapes[0][-1 - len(kernel) : -1], stride, taps, padding, strict=True):
        fit = [wanted for wanted in range(1, 40) if brute_force._leads_back(wanted, *axis)]
        near.append([*fit * 3, *(size for size in (min(fit) - 1, max(fit) + 1) if size > 0)] if fit else [1])
    return near


def drawn_shape(draw: Draw, rank: int) -> tuple[int, ...]:
    sizes = SMALL if rank < 4 else TINY
    return (*(draw(sizes) for _ in range(rank - 1)), draw(CHANNELS if rank < 4 else st.integers(1, 2)))


def drawn_value(draw: Draw, name: str, form: Any, shape: tuple[int, ...], axes: int) -> Any:
    if form == "depthwise":
        return shape[-1]
    if name == "around":
        axes_with = [*shape[form == "fewer" :]]
        return [[draw(NUMBERS["height"]), draw(NUMBERS["height"])] for _ in axes_with]
    if name in NUMBERS and form in LISTS:
        return (
            [draw(NUMBERS[name]) for _ in range(2 if form is ENDS else LISTS[form] * axes)]
            if LISTS[form]
            else draw(NUMBERS[name])
        )
    return form


@st.composite
def batches(draw: Draw, op: str) -> list[Case]:
    """Cases of one structure, to be stacked into arrays."""
    rank, form = drawn_form(draw, op)
    return [drawn_case(draw, op, rank, form) for _ in range(3)]


# What the counter says of a case.


def unchanged(x: brute_force.Shape, **_attrs: Any) -> Count:
    return Count((x,))


def prelu(x: brute_force.Shape) -> Count:
    slopes = {position[-1] for position in product(*map(range, x))}
    return Count((x,), weights=len(slopes))


COUNTERS: dict[str, Callable[..., Count]] = {
    **dict.fromkeys([*ACTIVATIONS, "identity", "dropout"], unchanged),
    "prelu": prelu,
    "adaptive_max_pool": brute_force.adaptive_avg_pool,
}


def arguments(case: Case) -> dict[str, Any]:
    """The attributes as the counter takes them."""
    return {
        name: each_axis(case, name) if name in PER_AXIS and OPS[case.op].axes else as_tuple(value)
        for name, value in case.attrs.items()
        if name != "mode"  # no count of the ledger depends on it
    }


def counted(case: Case) -> Count | None:
    """What the counter finds; None if it cannot be done."""
    try:
        name = case.op if hasattr(brute_force, case.op) else family(case.op)
        if name in drawn_tensors.STRUCTURES:
            return getattr(brute_tensors, name)(*case.shapes, **arguments(case))
        return (COUNTERS.get(name) or getattr(brute_force, name))(*case.shapes, **arguments(case))
    except (ValueError, LookupError):
        return None


PER_AXIS = ("kernel", "stride", "dilation", "output_padding", "size", "scale")


def each_axis(case: Case, name: str, default: int = 1) -> tuple[int, ...]:
    """An attribute for each axis of a window."""
    value = case.attrs.get(name, default)
    return (value,) * (OPS[case.op].axes or 1) if isinstance(value, int) else tuple(value)


def as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# Where the rule refuses by design what the counter would do.


def pool_axes(case: Case) -> list[tuple[int, int, int]]:
    """For each axis: zeros before and behind, extent of the window; nothing for words."""
    padding = case.attrs.get("padding", 0)
    if padding in ("same", "causal"):
        return []
    kernel, dilation = each_axis(case, "kernel"), each_axis(case, "dilation")
    sides = brute_force._explicit_sides(as_tuple(padding), len(kernel))
    return [(*side, apart * (k - 1) + 1) for side, apart, k in zip(sides, dilation, kernel, strict=True)]


def refused_pool(case: Case) -> bool:
    """Zeros on one side of the map that fill a window: its result would not come from the map."""
    return any(max(before, after) >= extent for before, after, extent in pool_axes(case))


def refused_output_padding(case: Case) -> bool:
    """More rows or columns at the end than a strided convolution could have left out, as PyTorch refuses them."""
    axes = zip(*(each_axis(case, *each) for each in (("output_padding", 0), ("stride",), ("dilation",))), strict=True)
    return any(more >= max(step, apart) for more, step, apart in axes)


STRICTER: dict[str, Callable[[Case], bool]] = {
    "conv_transpose": refused_output_padding,
    "max_pool": refused_pool,
    "avg_pool": refused_pool,
}


# The comparison.

CAN_BE_REFUSED = {
    "conv", "conv2d_table", "subsample", "group_norm", "channel_shuffle", "depth_to_space", "space_to_depth",
    "pad", "crop", "unfold", "fold", "deform_conv", *STRICTER, *{*drawn_tensors.STRUCTURES} - drawn_tensors.NEVER_REFUSED,
}  # fmt: skip
EXAMPLES = {"conv1d": 60, "conv2d": 120, "conv_transpose2d": 100, "max_pool": 100, "avg_pool": 60, "conv3d": 30}
EXAMPLES |= {"conv_transpose3d": 30, "max_pool3d": 30, "avg_pool3d": 30}


@pytest.mark.parametrize(
    "op",
    slow(
        OPS,
        "max_pool",
        "avg_pool",
        "conv2d",
        "conv3d",
        "conv_transpose2d",
        "conv_transpose3d",
        "max_pool2d",
        "max_pool3d",
    ),
)
def test_rule_counts_and_refuses_what_the_counter_does_in_every_number_system(op):
    refusals = set()

    drawn = drawn_tensors.batches(op) if op in drawn_tensors.STRUCTURES else batches(op)
    least = 60 if family(op) in FORMS or op in drawn_tensors.STRUCTURES else 20

    @settings(deadline=None, derandomize=True, max_examples=EXAMPLES.get(op, least), database=None)
    @given(drawn)
    def compare(cases: list[Case]) -> None:
        for case, at_point in zip(cases, over_arrays(cases), strict=True):
            numbers = over_ints(case)
            assert at_point == numbers
            assert over_symbols(case) == numbers
            refusals.add(compared_with_count(case, numbers))

    compare()
    assert refusals == ({True, False} if family(op) in CAN_BE_REFUSED else {False}), (
        "the cases drawn are too much alike"
    )


def compared_with_count(case: Case, numbers: Numbers) -> bool:
    """Whether rule and counter refuse the case, after they were found to agree."""
    count = counted(case)
    refused = count is None or STRICTER.get(family(case.op), lambda _case: False)(case)
    assert all(numbers.holds) != refused
    if count and not refused:
        assert numbers.out == count.out
        assert {name: getattr(numbers, name) for name in COUNTS} == {name: getattr(count, name) for name in COUNTS}
    return refused


@pytest.mark.parametrize("field", COUNTS)
def test_a_rule_that_is_wrong_by_one_differs_from_the_counter(field: str) -> None:
    case = Case("conv2d", [(6, 6, 3)], {"channels": 5, "kernel": 3})
    right = over_ints(case)
    assert compared_with_count(case, right) is False
    with pytest.raises(AssertionError):
        compared_with_count(case, right._replace(**{field: getattr(right, field) + 1}))


def test_a_shape_or_a_refusal_that_is_wrong_differs_from_the_counter() -> None:
    case = Case("conv2d", [(6, 6, 3)], {"channels": 5, "kernel": 3})
    right = over_ints(case)
    for wrong in ({"out": ((4, 5, 5),)}, {"holds": (*right.holds, False)}):
        with pytest.raises(AssertionError):
            compared_with_count(case, right._replace(**wrong))
    too_small = Case("conv2d", [(2, 6, 3)], {"channels": 5, "kernel": 3})
    refused = over_ints(too_small)
    assert compared_with_count(too_small, refused) is True
    with pytest.raises(AssertionError):
        compared_with_count(too_small, refused._replace(holds=tuple(True for _ in refused.holds)))
