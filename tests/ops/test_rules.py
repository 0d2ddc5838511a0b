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
    Around,
    Boolean,
    Connections,
    EachAxis,
    Extent,
    Integer,
    Kind,
    OneAxis,
    OneOf,
    Parts,
    ShapeOf,
    ShapesOf,
    Share,
    Shifts,
    Sides,
    SomeAxes,
    Words,
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
NUMBERS = {
    **dict.fromkeys(["add", "multiply", "concat", "combine"], ("2 or more inputs", [0, 1])),
    "matmul": ("2 inputs", [0, 1, 3]),
    "scatter": ("1 to 3 inputs", [0, 4]),
    "roi_align": ("2 or 3 inputs", [0, 1, 4]),
    "grid_sample": ("2 inputs", [0, 1, 3]),
    "unknown": ("any number", []),
    "gather": ("1 or 2 inputs", [0, 3]),
    "deform_conv2d": ("2 or 3 inputs", [0, 1, 4]),
    "source": ("no inputs", [1, 2]),
}
#: What an op takes, in its own words, and the ranks of that; all others take anything.
TAKES = {
    "a vector": ([1], {"rbf"}),
    "a sequence (t×c)": ([2], {"fold"}),
    "a stack of windows (n×t×c)": ([3], {"window_reverse"}),
    "a tensor of 2 to 8 axes": (range(2, 9), {"matmul", "lstm", "gru", "rnn", "roll", "global_response_norm"}),
    "a tensor of 1 to 7 axes": (range(1, 8), {"embedding", "one_hot"}),
    "a map (h×w×c)": ([3], {
        "adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "deform_conv2d", "depth_to_space", "grid_sample", "max_pool",
        "resize", "roi_align",
        "space_to_depth", "subsample", "unfold", "upsample", "window_partition",
    }),
    "a sequence, a map or a volume": (range(2, 9), {
        "channel_shuffle", "crop", "global_avg_pool", "global_max_pool", "group_norm", "local_response_norm",
    }),
}  # fmt: skip
WINDOWED = {
    "conv", "conv_transpose", "max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool", "upsample", "resize",
}  # fmt: skip
for _axes, _words in ((1, "a sequence (t×c)"), (2, "a map (h×w×c)"), (3, "a volume (d×h×w×c)")):
    TAKES[f"{_words} or more axes"] = (range(_axes + 1, 9), {f"{stem}{_axes}d" for stem in WINDOWED})
TAKES["a map (h×w×c) or more axes"][1].add("conv2d_table")
SHAPES = [(512,), (2500, 32), (28, 14, 3), (4, 28, 14, 3), (2, 4, 28, 14, 3), (2,) * 8]
GOT = ["a vector of 512", "a sequence of 2500×32", "a map of 28×14×3", "a volume of 4×28×14×3"]
REMEDIES = {
    ("max_pool", 2): "Here it is max_pool1d; a map is [height, width, channels]",
    ("max_pool", 4): "Here it is max_pool3d, or max_pool2d at each position of the first axis",
    ("resize", 4): "Here it is resize3d, or resize2d at each position of the first axis",
    ("conv2d", 2): "Here it is conv1d; a map is [height, width, channels]",
    ("conv3d", 2): "Here it is conv1d; a volume is [depth, height, width, channels]",
    ("conv3d", 3): "Here it is conv2d; a volume is [depth, height, width, channels]",
    ("conv1d", 1): "reshape: {shape: [512, 1]} makes it a sequence",
    ("conv2d_table", 2): "A map is [height, width, channels]",
    ("depth_to_space", 2): "A map is [height, width, channels]",
    ("rbf", 3): "Put flatten or global_avg_pool and flatten before it",
}


def row_of(op: str) -> Case:
    return next(derived.case for derived in ROWS if derived.case.op == op)


@pytest.mark.parametrize("op", OPS)
def test_too_few_or_too_many_inputs_are_refused(op):
    _, shapes, attrs = row_of(op)
    takes, wrong = NUMBERS.get(op, ("1 input", [0, 2, 3]))
    for number in wrong:
        with pytest.raises(Unfit) as caught:
            evaluate(Case(op, [*shapes, (4, 5)][:1] * number, attrs))
        hint = OPS[op].hint if number < 2 else ""
        assert str(caught.value) == f"{op} takes {takes}, got {number}{hint}"


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("shape", SHAPES, ids=len)
def test_an_input_of_another_rank_is_refused_in_the_words_of_the_op(op, shape):
    words, ranks = next(((words, ranks) for words, (ranks, ops) in TAKES.items() if op in ops), ("", range(1, 9)))
    _, shapes, attrs = row_of(op)
    said = ""
    try:
        evaluate(Case(op, [shape] * len(shapes), attrs))
    except Unfit as error:
        said = str(error)
    needs, _, remedy = said.partition(". ")
    if len(shape) in ranks:
        assert said == ""
    elif len(shape) <= len(GOT):
        assert needs == f"{op} needs {words.removesuffix(' or more axes')}, got {GOT[len(shape) - 1]}"
    if (op, len(shape)) in REMEDIES:
        assert remedy == REMEDIES[op, len(shape)]


def test_the_second_input_must_have_a_rank_that_fits_too():
    with pytest.raises(Unfit, match=r"^add needs a tensor of 1 to 8 axes, got a tensor of 9 axes"):
        evaluate(Case("add", [(4, 5, 8), (1,) * 9], {}))


SIDES = "same, valid, an integer >= 0, [height, width] or [top, bottom, left, right], got "
VOLUME_SIDES = "same, valid, an integer >= 0, [depth, height, width] or [front, back, top, bottom, left, right], got "
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
    ("conv1d", "kernel", [3, 3], "must be an integer >= 1 or [length], got [3, 3]"),
    ("conv1d", "padding", [1, 2, 3], "must be same, causal, valid, an integer >= 0 or [before, after], got [1, 2, 3]"),
    ("conv2d", "padding", "causal", "must be " + SIDES + "causal"),
    ("conv3d", "stride", [1, 2], "must be an integer >= 1 or [depth, height, width], got [1, 2]"),
    ("conv3d", "padding", [1, 2], "must be " + VOLUME_SIDES + "[1, 2]"),
    ("upsample1d", "mode", "bilinear", "must be nearest or linear, got bilinear"),
    ("upsample3d", "mode", "bilinear", "must be nearest or trilinear, got bilinear"),
    ("conv_transpose2d", "output_padding", -1, "must be >= 0, got -1"),
    ("conv_transpose2d", "output_padding", [1, 2, 3], "must be an integer >= 0 or [height, width], got [1, 2, 3]"),
    ("crop", "size", [], "must be an integer >= 1 or a list with the size of each axis but the channels, got []"),
    ("crop", "size", [0, 1], "must be >= 1, got 0"),
    ("pad", "length", [1, 2, 3], "must be an integer >= 0 or [before, after], got [1, 2, 3]"),
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
    ("reduce", "function", "median", "must be mean, sum, max or another of 15 words, got median. Did you mean mean?"),
    ("cumulative", "function", "mean", "must be sum or product or max or min, got mean"),
    ("function", "of", "sqr", "must be exp, log, sqrt or another of 50 words, got sqr. Did you mean sqrt?"),
    ("function", "of", 3, "must be exp, log, sqrt or another of 50 words, got 3"),
    ("combine", "function", "minus", "must be add, subtract, multiply or another of 27 words, got minus. Did you mean minimum?"),
    ("pad", "around", 1, "must be a list with an integer >= 0 or [before, after] for each axis, got 1"),
    ("pad", "around", [[1, 2, 3]], "must be an integer >= 0 or [before, after], got [1, 2, 3]"),
    ("pad", "around", [0, -1], "must be >= 0, got -1"),
    ("pad", "around", [0] * 9, "must be a list with an integer >= 0 or [before, after] for each axis, got [0, 0, 0, 0, 0, 0, 0, 0, 0]"),
    ("unknown", "type", "", "must be a text of 1 to 100 printable characters, got ''"),
    ("unknown", "type", "a\nb", "must be a text of 1 to 100 printable characters, got a\nb"),
    ("unknown", "type", 3, "must be a text of 1 to 100 printable characters, got 3"),
    ("unknown", "why", "x" * 301, "must be a text of 1 to 300 printable characters, got " + "x" * 301),
    ("unknown", "shape", [], "must be " + SIZES + ", got []"),
    ("unknown", "shape", [[4, 0]], "must be >= 1, got 0"),
    ("unknown", "shape", [[4], []], "must be " + SIZES + ", got []"),
    ("unknown", "shape", [[1]] * 1001, "must have at most 1,000 shapes, got 1,001"),
    ("unknown", "shape", "wide", "must be an integer, got wide"),
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


def lists_of(*lengths: int) -> st.SearchStrategy[Any]:
    return st.one_of(st.lists(NATURAL | st.integers(0, 1), min_size=n, max_size=n) for n in lengths)


WORDS = st.sampled_from(["same", "valid", 0])
KINDS: list[tuple[Kind, st.SearchStrategy[Any]]] = [
    (Integer(1), POSITIVE),
    *((EachAxis(1, n), POSITIVE | st.lists(POSITIVE, min_size=n, max_size=n)) for n in (1, 2, 3)),
    *((EachAxis(0, n), NATURAL | lists_of(n)) for n in (1, 2, 3)),
    *(
        (Sides("same", none="valid", along_one=("causal",), axes=n), WORDS | NATURAL | lists_of(n, 2 * n))
        for n in (1, 2, 3)
    ),
    (Sides("same", none="valid", along_one=("causal",), axes=1), st.just("causal")),
    (Sides("same", "valid"), st.sampled_from([[0, 0], [1, 1, 2, 2]]) | WORDS | NATURAL | lists_of(2, 4)),
    (Sides(), NATURAL | lists_of(2, 4)),
    (Extent(), POSITIVE | st.lists(POSITIVE, min_size=1, max_size=7)),
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
    (ShapesOf(), POSITIVE | st.lists(st.lists(POSITIVE, min_size=1, max_size=8), min_size=1, max_size=4)),
    (Around(), st.lists(NATURAL | st.lists(NATURAL, min_size=2, max_size=2), min_size=1, max_size=8)),
    (Words(20), st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)),
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
