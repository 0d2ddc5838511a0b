"""Every rule against numbers derived by hand, in three number systems, and every refusal against its message."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from helpers.op_rows import (
    REFUSALS,
    ROWS,
    name_of,
)
from helpers.systems import SYSTEMS, Case, evaluate
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.core.dims import LARGEST
from convcost.ops import OPS, Unfit
from convcost.ops.attributes import (
    MOST_PARTS,
    Boolean,
    Connections,
    Integer,
    Kind,
    OneAxis,
    OneOf,
    PairOf,
    Parts,
    ShapeOf,
    Share,
    Shifts,
    Sides,
    SomeAxes,
)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("derived", ROWS, ids=name_of)
def test_rule_gives_what_was_derived_by_hand(derived, system):
    derived.assert_holds_over(system)


def test_every_op_has_a_row():
    assert {derived.case.op for derived in ROWS} == set(OPS)


def test_every_attribute_has_a_row_that_gives_it_another_value_than_its_default():
    used = {
        (derived.case.op, name)
        for derived in ROWS
        for name, value in OPS[derived.case.op].convert(derived.case.attrs).items()
        if value != OPS[derived.case.op].attrs[name].default
    }
    assert used == {(name, attr) for name, op in OPS.items() for attr in op.attrs}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("refused", REFUSALS, ids=name_of)
def test_what_does_not_fit_is_refused_with_the_whole_message_and_left_open_over_symbols(refused, system):
    refused.assert_refused_over(system)


def test_every_op_with_a_check_has_a_refusal():
    checked = {derived.case.op for derived in ROWS if evaluate(derived.case).checks}
    assert {refused.case.op for refused in REFUSALS} == checked


#: Op -> how many inputs it takes, in words, and numbers that it refuses; all others take one.
TAKES = {
    **dict.fromkeys(["add", "multiply", "concat"], ("2 or more inputs", [0, 1])),
    "matmul": ("2 inputs", [0, 1, 3]),
    "gather": ("1 or 2 inputs", [0, 3]),
    "source": ("no inputs", [1, 2]),
}
TAKES_A_MAP_ONLY = {
    "adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "conv2d", "conv2d_table", "conv_transpose2d", "depth_to_space",
    "global_avg_pool", "global_max_pool", "max_pool", "pad", "resize", "space_to_depth", "subsample", "upsample",
    "window_partition",
}  # fmt: skip
TAKES_WINDOWS = {"window_reverse"}
TAKES_POSITIONS = {"matmul", "lstm", "gru", "rnn", "roll", "channel_shuffle", "group_norm", "global_response_norm"}
TAKES_A_VECTOR_ONLY = {"rbf"}


def row_of(op: str) -> Case:
    return next(derived.case for derived in ROWS if derived.case.op == op)


@pytest.mark.parametrize("op", OPS)
def test_too_few_or_too_many_inputs_are_refused(op):
    _, shapes, attrs = row_of(op)
    takes, wrong = TAKES.get(op, ("1 input", [0, 2, 3]))
    for number in wrong:
        with pytest.raises(Unfit) as caught:
            evaluate(Case(op, [*shapes, (4, 5)][:1] * number, attrs))
        assert str(caught.value) == f"{op} takes {takes}, got {number}"


@pytest.mark.parametrize("op", OPS)
def test_only_ops_on_maps_refuse_a_vector_and_only_ops_on_vectors_refuse_a_map(op):
    _, shapes, attrs = row_of(op)

    def said_of(shape: tuple[int, ...]) -> str:
        try:
            evaluate(Case(op, [shape] * len(shapes), attrs))
        except Unfit as error:
            return str(error)
        return ""

    vector, a_map = said_of((512,)), said_of((7, 6, 512))
    needs = {
        **dict.fromkeys(TAKES_A_MAP_ONLY, "a map (h×w×c)"),
        **dict.fromkeys(TAKES_WINDOWS, "a stack of windows (n×t×c)"),
        **dict.fromkeys(TAKES_POSITIONS, "a tensor of 2 or more axes"),
    }
    assert vector == (f"{op} needs {needs[op]}, got a vector of 512" if op in needs else "")
    remedy = "Put flatten or global_avg_pool and flatten before it"
    assert a_map == (f"{op} needs a vector, got a map of 7×6×512. {remedy}" if op in TAKES_A_VECTOR_ONLY else "")


def test_the_second_input_must_have_a_rank_that_fits_too():
    with pytest.raises(Unfit, match=r"^matmul needs a tensor of 2 or more axes, got a vector of 8$"):
        evaluate(Case("matmul", [(4, 5, 8), (8,)], {}))


def test_an_embedding_makes_one_axis_more():
    attrs = {"rows": 10, "channels": 3}
    assert evaluate(Case("embedding", [(2,) * 7], attrs)).out == ((2,) * 7 + (3,),)
    with pytest.raises(Unfit, match=r"^embedding needs a tensor of 1 to 7 axes, got a tensor of 8 axes of 2×2×2"):
        evaluate(Case("embedding", [(2,) * 8], attrs))


SIDES = "same, valid, an integer >= 0, [height, width] or [top, bottom, left, right], got "
AXES = "channels, height, width, length, depth, or the number of an axis (0 is the first, -1 the last)"
SIZES = "a list of 1 to 8 sizes"
TABLE = "a list of lists of channels, as in [[0, 1], [1, 2]], got "
# fmt: off
UNFIT = [
    ("conv2d", "channels", True, "must be an integer, got true"),
    ("conv2d", "channels", "many", "must be an integer, got many"),
    ("conv2d", "channels", [3, 4], "must be an integer, got [3, 4]"),
    ("conv2d", "channels", None, "must be an integer, got nothing"),
    ("conv2d", "channels", Fraction("22.4"), "must be an integer, got 22.4; round it with round_to, floor or ceil"),
    ("conv2d", "channels", 0, "must be >= 1, got 0"),
    ("conv2d", "channels", LARGEST + 1, "must be <= 1,000,000,000, got 1000000001"),
    ("conv2d", "channels", 10**300, "must be <= 1,000,000,000, got a larger number"),
    ("conv2d", "channels", np.array([8, 0, -3]), "must be >= 1, got -3"),
    ("conv2d", "channels", np.array([8, 2 * 10**9]), "must be <= 1,000,000,000, got 2000000000"),
    ("conv2d", "channels", np.array([2.5]), "must be integers, got an array of float64"),
    ("conv2d", "stride", 0, "must be >= 1, got 0"),
    ("conv2d", "stride", [1, 0], "must be >= 1, got 0"),
    ("conv2d", "dilation", False, "must be an integer, got false"),
    ("conv2d", "kernel", [3], "must be an integer >= 1 or [height, width], got [3]"),
    ("conv2d", "kernel", [1, 2, 3], "must be an integer >= 1 or [height, width], got [1, 2, 3]"),
    ("conv2d", "kernel", [3, True], "must be an integer, got true"),
    ("conv2d", "padding", "half", "must be " + SIDES + "half"),
    ("conv2d", "padding", [1, 2, 3], "must be " + SIDES + "[1, 2, 3]"),
    ("conv2d", "padding", [], "must be " + SIDES + "[]"),
    ("conv2d", "padding", -1, "must be >= 0, got -1"),
    ("conv2d", "padding", [0, 0, 0, True], "must be an integer, got true"),
    ("conv2d", "bias", 1, "must be true or false, got 1"),
    ("conv2d", "bias", "yes", "must be true or false, got yes"),
    ("conv_transpose2d", "output_padding", -1, "must be >= 0, got -1"),
    ("conv_transpose2d", "output_padding", [1, 2, 3], "must be an integer >= 0 or [height, width], got [1, 2, 3]"),
    ("pad", "padding", "same", "must be an integer >= 0, [height, width] or [top, bottom, left, right], got same"),
    ("split", "sections", 1, "must be >= 2, got 1"),
    ("split", "sections", [8], "must be an integer >= 2 or a list of sizes, got [8]"),
    ("split", "sections", [8, 0], "must be >= 1, got 0"),
    ("conv2d_table", "connections", 3, "must be " + TABLE + "3"),
    ("conv2d_table", "connections", [], "must be " + TABLE + "[]"),
    ("conv2d_table", "connections", [0, 1], "must be " + TABLE + "[0, 1]"),
    ("conv2d_table", "connections", [[0], []], "must be " + TABLE + "[[0], []]"),
    ("conv2d_table", "connections", [[0]] * (MOST_PARTS + 1), "must have at most 1,000 rows, got 1,001"),
    ("conv2d_table", "connections", [[0, -1]], "must be >= 0, got -1"),
    ("conv2d_table", "connections", [["a"]], "must be an integer, got a"),
    ("conv2d_table", "connections", [[0], [2, 1, 2]], "must name each channel of a row once, got [2, 1, 2]"),
    ("slice", "start", -1, "must be >= 0, got -1"),
    ("slice", "stop", 0, "must be >= 1, got 0"),
    ("slice", "axis", "time", "must be " + AXES + ", got time"),
    ("slice", "axis", 8, "must be " + AXES + ", got 8"),
    ("slice", "axis", -9, "must be " + AXES + ", got -9"),
    ("slice", "axis", True, "must be " + AXES + ", got true"),
    ("slice", "axis", Fraction(1, 2), "must be " + AXES + ", got 0.5"),
    ("slice", "axis", ["width"], "must be " + AXES + ", got [width]"),
    ("slice", "axis", sympy.Symbol("a", integer=True), "must be " + AXES + ", got a"),
    ("slice", "step", 0, "must be >= 1, got 0"),
    ("reduce", "axes", [], "must be " + AXES + ", or a list of these, got []"),
    ("reduce", "axes", [0] * 9, "must be " + AXES + ", or a list of these, got [0, 0, 0, 0, 0, 0, 0, 0, 0]"),
    ("reduce", "axes", ["width", "time"], "must be " + AXES + ", or a list of these, got [width, time]"),
    ("reduce", "axes", "time", "must be " + AXES + ", or a list of these, got time"),
    ("reduce", "function", "median", "must be mean or sum or max or min or norm, got median"),
    ("reshape", "shape", [], "must be " + SIZES + " (one of them may be -1: what the others leave), got []"),
    ("reshape", "shape", [-1, 4, -1], "must be " + SIZES + " (one of them may be -1: what the others leave), got [-1, 4, -1]"),
    ("reshape", "shape", [1] * 9, "must be " + SIZES + " (one of them may be -1: what the others leave), got [1, 1, 1, 1, 1, 1, 1, 1, 1]"),
    ("reshape", "shape", [4, 0], "must be >= 1, got 0"),
    ("reshape", "shape", [4, -2], "must be >= 1, got -2"),
    ("expand", "shape", [-1, 4], "must be >= 1, got -1"),
    ("expand", "shape", [], "must be " + SIZES + ", got []"),
    ("source", "shape", "wide", "must be an integer, got wide"),
    ("roll", "shift", [], "must be an integer or a list of integers, one for each axis before the channels, got []"),
    ("roll", "shift", "up", "must be an integer, got up"),
    ("lstm", "biases", 3, "must be <= 2, got 3"),
    ("lstm", "biases", np.array([0, 3]), "must be <= 2, got 3"),
    ("lstm", "biases", -1, "must be >= 0, got -1"),
    ("linear", "at", "each", "must be tokens or positions, got each"),
    ("dropout", "rate", 1, "must be >= 0 and < 1, got 1"),
    ("dropout", "rate", Fraction(-1, 2), "must be >= 0 and < 1, got -0.5"),
    ("dropout", "rate", False, "must be >= 0 and < 1, got false"),
    ("dropout", "rate", "half", "must be >= 0 and < 1, got half"),
]
# fmt: on


@pytest.mark.parametrize(("op", "attr", "value", "message"), UNFIT, ids=str)
def test_value_that_does_not_fit_its_kind_is_refused_with_the_whole_message(op, attr, value, message):
    with pytest.raises(Unfit) as caught:
        OPS[op].convert({attr: value})
    assert str(caught.value) == message


def test_whole_fraction_is_an_integer():
    assert evaluate(Case("linear", [(10,)], {"channels": Fraction(20, 2)})).macs == 100


def test_largest_size_is_allowed():
    assert evaluate(Case("linear", [(10,)], {"channels": LARGEST})).macs == 10 * LARGEST


NATURAL, POSITIVE = st.integers(0, LARGEST), st.integers(1, LARGEST)
AXIS = st.sampled_from(["channels", "height", "width", "length", "depth"]) | st.integers(-8, 7)
SIDE_FORMS = NATURAL | st.lists(NATURAL, min_size=2, max_size=2) | st.lists(NATURAL, min_size=4, max_size=4)
KINDS: list[tuple[Kind, st.SearchStrategy[Any]]] = [
    (Integer(1), POSITIVE),
    (PairOf(1), POSITIVE | st.lists(POSITIVE, min_size=2, max_size=2)),
    (PairOf(0), NATURAL | st.lists(st.integers(0, 1), min_size=2, max_size=2)),
    (Sides("same", "valid"), st.sampled_from(["same", "valid", 0, [0, 0], [1, 1, 2, 2]]) | SIDE_FORMS),
    (Sides(), SIDE_FORMS),
    (
        Connections(),
        st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True), min_size=1, max_size=5),
    ),
    (Parts(), st.integers(2, MOST_PARTS) | st.lists(POSITIVE, min_size=2)),
    (Boolean(), st.booleans()),
    (OneOf("channels", "height"), st.sampled_from(["channels", "height"])),
    (OneAxis(), AXIS),
    (SomeAxes(), AXIS | st.lists(AXIS, min_size=1, max_size=8)),
    (ShapeOf(), POSITIVE | st.lists(POSITIVE, min_size=1, max_size=8)),
    (ShapeOf(rest=True), st.lists(POSITIVE, max_size=7).flatmap(lambda sizes: st.permutations([*sizes, -1]))),
    (Shifts(), st.integers(-LARGEST, LARGEST) | st.lists(st.integers(-LARGEST, LARGEST), min_size=1, max_size=7)),
]


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=lambda each: type(each).__name__)
@settings(deadline=None, derandomize=True)
@given(data=st.data())
def test_what_a_kind_shows_converts_back_to_the_same_value_and_is_shown_the_same(kind, values, data):
    said = data.draw(values)
    converted = kind.convert(said)
    shown = kind.show(converted)
    assert kind.convert(shown) == converted
    assert kind.show(kind.convert(shown)) == shown


@settings(deadline=None, derandomize=True)
@given(st.decimals(0, 1, places=6).filter(lambda rate: rate < 1))
def test_rate_is_shown_as_the_decimal_that_a_spec_would_have(rate):
    converted = Share().convert(Fraction(rate))
    assert Fraction(str(Share().show(converted))) == converted
