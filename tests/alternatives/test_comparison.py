"""One layer built in several ways: the course's example, the papers' formulas, counting, and what is refused.

Every number is derived here: by hand, from a paper, or by counting in nested loops (brute_force.py).
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from helpers import brute_force
from helpers.written_formulas import evaluate
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.alternatives.recipes import RECIPES, Alternative, LayerToBuild, build, compare, ratio
from convcost.core.errors import UsageError
from convcost.ops import OPS
from convcost.render.table import FORMATS

if TYPE_CHECKING:
    from helpers.cli import Cli

COURSE = ("--input", "6x6x3", "--filters", "5", "--kernel", "3")
INCEPTION = ("--input", "28x28x192", "--filters", "32", "--kernel", "5", "--padding", "same")


def data_of(cli: Cli, *arguments: str) -> dict[str, Any]:
    """The JSON of a comparison, each alternative and step by its name."""
    data = cli.json("compare", *arguments)
    for alternative in data["alternatives"]:
        alternative["steps"] = {step["name"]: step for step in alternative["steps"]}
    return {**data, "alternatives": {alternative["name"]: alternative for alternative in data["alternatives"]}}


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
    shown = data_of(cli, *COURSE, "--bias")["alternatives"]
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


@pytest.mark.parametrize("padding", ["same", "valid", 2, [1, 2], [0, 1, 2, 3]])
def test_all_ways_give_the_same_shape(padding: Any) -> None:
    layer = LayerToBuild((11, 9, 4), 8, (3, 5), (2, 3), padding)
    ways = ["separable", "grouped:2", "bottleneck:3", "inverted:2", "spatial"]
    assert {way.partition(":")[0] for way in ways} == set(RECIPES) - {"standard"}
    assert len({alternative.output_shape for alternative in compare(layer, ways)}) == 1


# Against counting, step by step.

SMALL = st.integers(1, 3)
PADDINGS = st.sampled_from(["same", 2, [2, 3], [2, 3, 4, 2]])


@settings(deadline=None, derandomize=True, max_examples=60, database=None)
@given(
    st.tuples(SMALL, SMALL, SMALL), SMALL, st.tuples(SMALL, SMALL), st.tuples(SMALL, SMALL), PADDINGS, SMALL, st.booleans()
)  # fmt: skip
def test_every_step_costs_what_counting_gives(
    shape: tuple[int, int, int],
    filters: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: Any,
    amount: int,
    bias: bool,
) -> None:
    layer = LayerToBuild((*shape[:2], amount * shape[2]), amount * filters, kernel, stride, padding, bias)
    ways = ["separable", "spatial", *(f"{way}:{amount}" for way in ("grouped", "bottleneck", "inverted"))]
    for alternative in compare(layer, ways):
        for step in alternative.steps:
            a = step.part.attrs
            sides = tuple(a["padding"]) if isinstance(a.get("padding"), list) else a.get("padding", "valid")
            counted = brute_force.conv2d(
                step.input_shape,
                a["channels"],
                a["kernel"] if isinstance(a["kernel"], tuple) else (a["kernel"],) * 2,
                a.get("stride", (1, 1)),
                sides,
                groups=a["groups"],
                bias=bias,
            )
            assert step.cost.out == counted.out
            assert (step.cost.macs, step.cost.params) == (counted.macs, counted.weights + counted.biases)


# The command.


def test_the_text_shows_the_example_its_derivation_and_its_law(cli: Cli) -> None:
    text = cli.ok("compare", *COURSE)
    rows = [line.split() for line in text.splitlines()[4:8]]
    assert [row[:-1] for row in rows] == [
        ["standard", "convolution", "4×4×5", "2,160", "135", "80"],
        ["separable", "depthwise", "4×4×3", "432", "27", "48"],
        ["pointwise", "4×4×5", "240", "15", "80"],
        ["=", "together", "4×4×5", "672", "42", "128"],
    ]
    assert [rows[0][-1], rows[3][-1]] == ["1.0000", "0.3111"]
    assert all(part in text for part in ("4·4·5·3·3·3", "4·4·3·3·3·3/3", "4·4·5·1·1·3", "14/45", "1/n_c' + 1/f²"))


def test_json_keeps_its_contract(cli: Cli) -> None:
    data = cli.json("compare", *COURSE)
    assert data["schema"] == "convcost.compare/1"
    assert (data["input_shape"], data["output_shape"]) == ([6, 6, 3], [4, 4, 5])
    standard, separable = data["alternatives"]
    kept = ("name", "macs", "params", "activations")
    assert [standard[key] for key in kept] == ["standard", 2160, 135, 80]
    assert [separable[key] for key in kept] == ["separable", 672, 42, 128]
    assert [[step[key] for key in kept] for step in separable["steps"]] == [
        ["depthwise", 432, 27, 48],
        ["pointwise", 240, 15, 80],
    ]
    shares = separable["ratio"]
    assert (shares["value"], shares["exact"], shares["formula"]) == (14 / 45, "14/45", "1/n_c' + 1/f²")
    assert (standard["ratio"]["value"], standard["ratio"]["exact"], standard["ratio"]["formula"]) == (1, "1", "1")


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_has_all_numbers(cli: Cli, fmt: str) -> None:
    text = cli.ok("compare", *INCEPTION, "--against", "bottleneck:16", "--format", fmt).replace(",", "")
    assert all(number in text for number in ("120422400", "2408448", "10035200"))
    assert "12443648" in text or fmt == "csv"  # CSV has a row per step and no sums


def test_a_files_ending_chooses_the_format(cli: Cli, tmp_path: Any) -> None:
    target = tmp_path / "compare.json"
    assert cli.ok("compare", *COURSE, "-o", target) == ""
    assert json.loads(target.read_text(encoding="utf-8")) == cli.json("compare", *COURSE)


def test_each_way_is_shown_once_and_in_the_order_asked_for(cli: Cli) -> None:
    asked = ["spatial", "standard", "grouped:3", "spatial"]
    data = data_of(cli, *COURSE[:2], "--filters", "6", "--kernel", "3", *(f"--against={way}" for way in asked))
    assert list(data["alternatives"]) == ["standard", "spatial", "grouped:3"]


def test_rectangular_kernels_and_strides(cli: Cli) -> None:
    # 6×6×3, five 1×3 filters, stride 2×1, a zero left and right: rows 0 2 4; columns 6 + 2 - 3 + 1 = 6.
    layer = ("--input", "6x6x3", "--filters", "5", "--kernel", "1x3", "--stride", "2x1", "--padding", "0x1")
    data = data_of(cli, *layer, "--against", "separable", "--against", "spatial")
    assert (data["kernel"], data["stride"], data["output_shape"]) == ([1, 3], [2, 1], [3, 6, 5])
    ways = data["alternatives"]
    assert ways["standard"]["macs"] == 3 * 6 * 5 * 3 * 3
    assert [step["macs"] for step in ways["separable"]["steps"].values()] == [3 * 6 * 3 * 3, 3 * 6 * 5 * 3]
    assert [step["macs"] for step in ways["spatial"]["steps"].values()] == [3 * 6 * 5 * 3, 3 * 6 * 5 * 3 * 5]
    assert "1×3" in cli.ok("compare", *layer)


# The law that is printed beside a ratio is the layer's own.

HOLDS = {
    "padding same": lambda layer: layer.padding == "same",
    "the stride divides h and w": lambda layer: not any(a % s for a, s in zip(layer.input_shape, layer.stride)),
    "g divides n_c and n_c'": lambda _layer: True,  # else the way is refused
}


@settings(deadline=None, derandomize=True, max_examples=25, database=None)
@given(
    st.tuples(st.integers(5, 12), st.integers(5, 12), SMALL), SMALL, st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(SMALL, SMALL), st.sampled_from(["same", "valid", 1]), st.integers(2, 3),
)  # fmt: skip
def test_a_law_whose_assumptions_hold_gives_the_ratio(
    cli: Cli,
    shape: tuple[int, int, int],
    filters: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: Any,
    amount: int,
) -> None:
    layer = LayerToBuild((*shape[:2], amount * shape[2]), amount * filters, kernel, stride, padding)
    texts = {
        "input": layer.input_shape,
        "filters": [layer.filters],
        "kernel": kernel,
        "stride": stride,
        "padding": [padding],
    }
    options = [text for name, sizes in texts.items() for text in (f"--{name}", "x".join(map(str, sizes)))]
    ways = ["separable", "spatial", *(f"{way}:{amount}" for way in ("grouped", "bottleneck", "inverted"))]
    sizes = {"n_c": layer.input_shape[2], "n_c'": layer.filters, **dict.fromkeys("gbt", amount)}
    sizes |= {"f": kernel[0]} if kernel[0] == kernel[1] else {"f_h": kernel[0], "f_w": kernel[1]}
    data = data_of(cli, *options, *(f"--against={way}" for way in ways))
    for way in ways:
        law = data["alternatives"][way]["ratio"]
        share = ratio(build(layer, way), build(layer, "standard"))
        assert law["exact"] == str(share)
        if all(HOLDS[assumption](layer) for assumption in law["assumptions"]):
            assert evaluate(law["formula"], sizes) == share, (way, law)
        assert law["applies"] is (evaluate(law["formula"], sizes) == share)


# What is refused, in full.

LATER = "Usage: convcost compare [OPTIONS]\nTry 'convcost compare --help' for help.\n\nError: "
KNOWN = "bottleneck, grouped, inverted, separable, spatial, standard"
NUMBERS = "is not a number or numbers with x between them, e.g. 3 or 1x7"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--against", "seperable"], "there is no way 'seperable' to build a layer. Did you mean separable?"),
        (["--against", "foo:3"], f"there is no way 'foo' to build a layer. Known: {KNOWN}"),
        (["--against", "grouped"], "grouped needs its groups, as grouped:4, got grouped"),
        (["--against", "grouped:" + "9" * 5000], "grouped needs its groups, as grouped:4, got grouped:" + "9" * 32),
        (["--against", "bottleneck:many"], "bottleneck needs its channels, as bottleneck:4, got bottleneck:many"),
        (["--against", "inverted:-1"], "inverted needs its expansion, as inverted:4, got inverted:-1"),
        (["--against", "separable:2"], "separable takes no number, got separable:2"),
        (
            ["--against", "grouped:2"],
            "grouped:2: grouped convolution: groups must divide the input channels, got groups 2 for 3 channels",
        ),
        (
            ["--against", "grouped:3"],
            "grouped:3: grouped convolution: groups must divide the output channels, got groups 3 for 5 channels",
        ),
        (["--kernel", "7"], "standard: convolution: the 7×7 window must fit into the padded input, got 6×6"),
        (["--input", "6x6"], f"{LATER}Invalid value for '--input': needs height, width and channels, e.g. 6x6x3"),
        (["--filters", "0"], f"{LATER}Invalid value for '--filters': 0 is not in the range x>=1."),
        (["--kernel", "3x3x3"], f"{LATER}Invalid value for '--kernel': '3x3x3' {NUMBERS}"),
        (["--stride", "two"], f"{LATER}Invalid value for '--stride': 'two' {NUMBERS}"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_message(cli: Cli, arguments: list[str], message: str) -> None:
    result = cli("compare", *COURSE, *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{message}\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kernel", "0"], "kernel"),
        (["--stride", "0"], "stride"),
        (["--padding", "smae"], "padding"),
        (["--padding", "1x2x3"], "padding"),
        (["--against", "grouped:0"], "groups"),
        (["--against", "bottleneck:0"], "channels|bottleneck:0"),
        (["--input", "6x6x0", "--against", "spatial"], "input|channels"),
        (["--input", "0x6x3"], "input"),
        (["--filters", "9999999999"], "filters|channels"),
    ],
)
def test_a_message_names_the_option_that_is_wrong(cli: Cli, arguments: list[str], words: str) -> None:
    result = cli("compare", *COURSE, *arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.exception
    assert re.search(words, result.stderr)


def test_the_library_raises_what_the_command_says() -> None:
    with pytest.raises(UsageError, match=r"^there is no way 'seperable' .* Did you mean separable\?$"):
        compare(LayerToBuild((6, 6, 3), 5, (3, 3)), ["seperable"])


@pytest.mark.parametrize(
    ("way", "said", "inside"),
    [
        ("grouped:2", "g = 2 groups", [8]),
        ("bottleneck:4", "b = 4 channels that the 1×1 leaves; their number, not a factor", [4, 8]),
        ("inverted:6", "t = 6 times as many channels inside as the input has", [6 * 6, 6 * 6, 8]),
    ],
)
def test_the_number_of_a_way_is_explained(cli: Cli, way: str, said: str, inside: list[int]) -> None:
    layer = ("--input", "8x8x6", "--filters", "8", "--kernel", "3", "--against", way)
    assert f"{way}: {said}" in " ".join(cli.ok("compare", *layer).split())
    found = data_of(cli, *layer)["alternatives"][way]
    assert [step["output_shape"][2] for step in found["steps"].values()] == inside
    amount = found["amount"]
    assert f"{amount['letter']} = {amount['value']} {amount['says']}".startswith(said)


def test_a_way_without_a_number_explains_none(cli: Cli) -> None:
    layer = ("--input", "8x8x6", "--filters", "8", "--kernel", "3")
    assert not [
        line
        for line in cli.ok("compare", *layer, "--against", "spatial").splitlines()
        if line.startswith("way    ") and ":" in line
    ]
    assert all("amount" not in entry for entry in data_of(cli, *layer)["alternatives"].values())
