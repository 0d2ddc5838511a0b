"""One layer built in several ways: the course's example, the papers' formulas, and counting.

Every number is derived here: by hand, from a paper, or by counting in nested loops (brute_force.py).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from helpers import brute_force
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.alternatives.recipes import RECIPES, Alternative, LayerToBuild, build, compare, ratio
from convcost.core.errors import UsageError
from convcost.ops import OPS

if TYPE_CHECKING:
    from helpers.cli import Cli

COURSE = ("--input", "6x6x3", "--filters", "5", "--kernel", "3")


def counts(alternative: Alternative) -> tuple[Any, ...]:
    return alternative.macs, alternative.params, alternative.activations


# The course: 6×6×3, five 3×3 filters, valid, so 4·4 positions.


def test_the_example_of_the_course() -> None:
    standard, separable = compare(LayerToBuild((6, 6, 3), 5, (3, 3)))
    assert counts(standard) == (4 * 4 * 5 * 27, 5 * 27, 4 * 4 * 5) == (2160, 135, 80)
    depthwise, pointwise = separable.steps
    assert (depthwise.name, depthwise.cost.macs, depthwise.cost.params) == ("depthwise", 4 * 4 * 3 * 9, 3 * 9)
    assert (pointwise.name, pointwise.cost.macs, pointwise.cost.params) == ("pointwise", 4 * 4 * 5 * 3, 5 * 3)
    assert counts(separable) == (432 + 240, 27 + 15, 48 + 80) == (672, 42, 128)
    assert ratio(separable, standard) == Fraction(672, 2160) == Fraction(14, 45) == Fraction(1, 5) + Fraction(1, 9)
    assert standard.output_shape == separable.output_shape == (4, 4, 5)


def test_a_bias_is_one_number_per_filter_of_every_convolution(cli: Cli) -> None:
    # As the layers of all frameworks have it by default: five filters have 5, and of the separable pair the three
    # depthwise filters have 3 of their own beside the 5 pointwise ones. Biases are added: no multiplication more.
    standard, separable = compare(LayerToBuild((6, 6, 3), 5, (3, 3), bias=True))
    assert (standard.params, standard.macs) == (135 + 5, 2160)
    assert [step.cost.params for step in separable.steps] == [27 + 3, 15 + 5]
    assert (separable.params, separable.macs) == (50, 672)
    shown = {way["name"]: way for way in cli.json("compare", *COURSE, "--bias")["alternatives"]}
    assert (shown["standard"]["params"], shown["separable"]["params"]) == (140, 50)


def test_a_rule_that_is_wrong_by_one_changes_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    right = OPS["conv2d"].rule

    def one_more(*shapes: Any, **attrs: Any) -> Any:
        cost = right(*shapes, **attrs)
        return replace(cost, macs=cost.macs + 1)

    monkeypatch.setitem(OPS, "conv2d", replace(OPS["conv2d"], rule=one_more))
    standard, separable = compare(LayerToBuild((6, 6, 3), 5, (3, 3)))
    assert (standard.macs, separable.macs) == (2161, 674)
    assert ratio(separable, standard) != Fraction(14, 45)


# The other ways.


def test_the_inception_motivation() -> None:
    # 28·28 positions, same padding: 5·5·192 taps to 32 filters; or 192 to 16 first, and from there 5·5·16 taps.
    standard, bottleneck = compare(LayerToBuild((28, 28, 192), 32, (5, 5), padding="same"), ["bottleneck:16"])
    assert standard.macs == 28 * 28 * 32 * 25 * 192 == 120_422_400
    assert [step.cost.macs for step in bottleneck.steps] == [28 * 28 * 192 * 16, 28 * 28 * 32 * 25 * 16]
    assert bottleneck.macs == 2_408_448 + 10_035_200 == 12_443_648
    assert bottleneck.output_shape == (28, 28, 32)
    assert bottleneck.params == 192 * 16 + 25 * 16 * 32


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_groups_divide_multiplications_and_weights(groups: int) -> None:
    standard, grouped = compare(LayerToBuild((9, 9, 8), 16, (3, 3)), [f"grouped:{groups}"])
    assert standard.macs == 7 * 7 * 16 * 9 * 8
    assert counts(grouped) == (standard.macs // groups, standard.params // groups, standard.activations)
    assert ratio(grouped, standard) == Fraction(1, groups)


BLOCK = st.tuples(*[st.integers(1, 9)] * 6)


@settings(deadline=None, derandomize=True, max_examples=100, database=None)
@given(BLOCK)
def test_the_inverted_bottleneck_costs_what_the_mobilenet_v2_paper_says(sizes: tuple[int, ...]) -> None:
    height, width, channels, filters, kernel, expansion = sizes
    layer = LayerToBuild((height, width, channels), filters, (kernel, kernel), padding="same")
    # Section 3.2: h · w · d' · t (d' + k² + d'').
    paper = height * width * channels * expansion * (channels + kernel**2 + filters)
    assert build(layer, f"inverted:{expansion}").macs == paper


def test_the_inverted_bottleneck_at_stride_2_expands_on_the_larger_map() -> None:
    inverted = build(LayerToBuild((56, 56, 24), 32, (3, 3), (2, 2), "same"), "inverted:6")
    wide = 6 * 24
    expand, depthwise, project = (step.cost for step in inverted.steps)
    assert (expand.macs, expand.out[0]) == (56 * 56 * 24 * wide, (56, 56, wide))
    assert (depthwise.macs, depthwise.out[0]) == (28 * 28 * wide * 9, (28, 28, wide))
    assert (project.macs, project.out[0]) == (28 * 28 * wide * 32, (28, 28, 32))
    assert inverted.params == 24 * wide + 9 * wide + wide * 32
    assert inverted.activations == 56 * 56 * wide + 28 * 28 * wide + 28 * 28 * 32


def test_the_spatial_pair_steps_and_pads_along_one_axis_each() -> None:
    # 8×8×3, 3×5 filters, stride 2×1, one zero above and below: 4 rows of 8 columns, then 4 of 4.
    spatial = build(LayerToBuild((8, 8, 3), 4, (3, 5), (2, 1), [1, 0]), "spatial")
    first, second = spatial.steps
    assert (first.name, first.cost.out[0], first.cost.macs) == ("3×1", (4, 8, 4), 4 * 8 * 4 * 3 * 3)
    assert (second.name, second.cost.out[0], second.cost.macs) == ("1×5", (4, 4, 4), 4 * 4 * 4 * 5 * 4)
    assert spatial.output_shape == build(LayerToBuild((8, 8, 3), 4, (3, 5), (2, 1), [1, 0]), "standard").output_shape


@pytest.mark.parametrize(
    "layer",
    [
        *(LayerToBuild((11, 9, 4), 8, (3, 5), (2, 3), padding) for padding in ("same", "valid", 2, [1, 2], [0, 1, 2, 3])),
        *(LayerToBuild((5, 11, 9, 4), 8, (2, 3, 5), (1, 2, 3), padding) for padding in ("same", 2, [1, 2, 0], [0, 1, 2, 3, 1, 0])),
        *(LayerToBuild((50, 4), 8, 5, 3, padding) for padding in ("same", "causal", "valid", 2, [1, 2])),
    ],
)  # fmt: skip
def test_all_ways_give_the_same_shape(layer: LayerToBuild) -> None:
    ways = ["separable", "grouped:2", "bottleneck:3", "inverted:2", "spatial"]
    assert {way.partition(":")[0] for way in ways} == set(RECIPES) - {"standard"}
    assert (
        len({alternative.output_shape for alternative in compare(layer, ways[: -1 if layer.axes == 1 else None])}) == 1
    )


# Along one axis, and along three.


def test_a_layer_over_a_sequence_by_hand() -> None:
    # An ECG: 5000 samples of 12 leads, 32 filters of 7, so 4994 positions.
    standard, separable = compare(LayerToBuild((5000, 12), 32, 7))
    assert counts(standard) == (4994 * 32 * 7 * 12, 32 * 7 * 12, 4994 * 32)
    assert [step.cost.macs for step in separable.steps] == [4994 * 12 * 7, 4994 * 32 * 12]
    assert counts(separable) == (4994 * 12 * (7 + 32), 12 * 7 + 32 * 12, 4994 * (12 + 32))
    assert ratio(separable, standard) == Fraction(1, 32) + Fraction(1, 7)


def test_causal_padding_goes_to_the_step_that_looks_at_several_samples() -> None:
    depthwise, pointwise = build(LayerToBuild((500, 12), 32, 7, padding="causal"), "separable").steps
    assert depthwise.cost.out == ((500, 12),)
    assert pointwise.cost.out == ((500, 32),)
    # Of the first six windows 6, 5, … 1 taps lie before the first sample: 21, on 12 channels; no other tap does.
    assert OPS["conv1d"].padding_macs([(500, 12)], depthwise.part.converted()) == 21 * 12
    assert OPS["conv1d"].padding_macs([(500, 12)], pointwise.part.converted()) == 0


def test_a_layer_over_frames_by_hand() -> None:
    # The first layer of a C3D: 16 frames of 112×112, 64 filters of 3·3·3, and a zero on all sides.
    standard, separable, spatial = compare(LayerToBuild((16, 112, 112, 3), 64, 3, padding=1), ["separable", "spatial"])
    positions = 16 * 112 * 112
    assert counts(standard) == (positions * 64 * 27 * 3, 64 * 27 * 3, positions * 64)
    assert [step.cost.macs for step in separable.steps] == [positions * 3 * 27, positions * 64 * 3]
    assert ratio(separable, standard) == Fraction(1, 64) + Fraction(1, 27)
    # One axis after the other, 3 taps each: the first sees 3 channels, the others the 64 filters of the one before.
    assert [step.name for step in spatial.steps] == ["3×1×1", "1×3×1", "1×1×3"]
    assert [step.cost.macs for step in spatial.steps] == [positions * 64 * 3 * n for n in (3, 64, 64)]
    assert spatial.params == 64 * 3 * (3 + 64 + 64)


def test_each_step_of_spatial_strides_and_pads_along_its_own_axis() -> None:
    # Frames keep their number, rows and columns are halved; two zeros before and after the columns.
    layer = LayerToBuild((4, 8, 8, 2), 5, (1, 2, 4), (1, 2, 2), [0, 0, 2])
    shapes = [step.cost.out[0] for step in build(layer, "spatial").steps]
    # 8 rows: (8 - 2)/2 + 1 = 4; 8 columns: (8 + 4 - 4)/2 + 1 = 5.
    assert shapes == [(4, 8, 8, 5), (4, 4, 8, 5), (4, 4, 5, 5)]


def test_there_is_no_way_to_do_one_axis_after_the_other_along_a_single_one() -> None:
    message = r"^spatial needs two axes or three to slide along, one after the other; a sequence of 5000×12 has one$"
    with pytest.raises(UsageError, match=message):
        build(LayerToBuild((5000, 12), 32, 7), "spatial")


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "message"),
    [
        ((5000, 12), (7, 7), 1, "kernel must be one number for a sequence of 5000×12, got 7×7"),
        ((6, 6, 3), 3, (1, 1, 1), "stride must be one number or 2 for a map of 6×6×3, got 1×1×1"),
        ((4, 6, 6, 3), (3, 3), 1, "kernel must be one number or 3 for a volume of 4×6×6×3, got 3×3"),
        (
            (10,), 3, 1,
            ("a layer's input must be a sequence (length×channels), a map (height×width×channels) or a volume "
            "(depth×height×width×channels), got a vector of 10"),
        ),
    ],
)  # fmt: skip
def test_sizes_must_be_those_of_the_axes(shape: Any, kernel: Any, stride: Any, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        convcost.compare(shape, 5, kernel, stride=stride)
    assert str(raised.value) == message


# Against counting, step by step.

SMALL = st.integers(1, 3)


@st.composite
def layers(draw: st.DrawFn) -> tuple[LayerToBuild, list[str]]:
    """A small layer along one to three axes, and the ways in which it can be built."""
    axes, amount = draw(SMALL), draw(SMALL)
    sizes, kernel, stride = ([draw(SMALL) for _ in range(axes)] for _ in range(3))
    words = ["same", *(["causal"] if axes == 1 else [])]
    padding = draw(st.sampled_from([*words, 2, [2, 3, 2][:axes], [2, 3, 4, 2, 2, 3][: 2 * axes]]))
    shape = (*sizes, amount * draw(SMALL))
    layer = LayerToBuild(shape, amount * draw(SMALL), kernel, stride, padding, draw(st.booleans()))
    ways = ["separable", *(["spatial"] if axes > 1 else [])]
    return layer, [*ways, *(f"{way}:{amount}" for way in ("grouped", "bottleneck", "inverted"))]


@settings(deadline=None, derandomize=True, max_examples=100, database=None)
@given(layers())
def test_every_step_costs_what_counting_gives(case: tuple[LayerToBuild, list[str]]) -> None:
    layer, ways = case
    ones = (1,) * layer.axes
    for alternative in compare(layer, ways):
        for step in alternative.steps:
            a = step.part.attrs
            counted = brute_force.conv(
                step.input_shape,
                a["channels"],
                a["kernel"] if isinstance(a["kernel"], tuple) else (a["kernel"],) * layer.axes,
                a.get("stride", ones),
                tuple(a["padding"]) if isinstance(a.get("padding"), list) else a.get("padding", "valid"),
                groups=a["groups"],
                bias=layer.bias,
            )
            assert step.cost.out == counted.out
            assert (step.cost.macs, step.cost.params) == (counted.macs, counted.weights + counted.biases)


def test_the_library_raises_what_the_command_says() -> None:
    with pytest.raises(UsageError, match=r"^there is no way 'seperable' .* Did you mean separable\?$"):
        compare(LayerToBuild((6, 6, 3), 5, (3, 3)), ["seperable"])
