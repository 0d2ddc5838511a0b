"""`convcost compare`: the course's example in text and JSON, the law beside each ratio, and what is refused."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from helpers.written_formulas import evaluate
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.alternatives import execution as engine
from convcost.alternatives.recipes import LayerToBuild, build, ratio
from convcost.diagrams.course import course
from convcost.render.table import FORMATS

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.cli import Cli

COURSE = ("--input", "6x6x3", "--filters", "5", "--kernel", "3")

INCEPTION = ("--input", "28x28x192", "--filters", "32", "--kernel", "5", "--padding", "same")


def data_of(cli: Cli, *arguments: str) -> dict[str, Any]:
    """The JSON of a comparison, each alternative and step by its name."""
    data = cli.json("compare", *arguments)
    for alternative in data["alternatives"]:
        alternative["steps"] = {step["name"]: step for step in alternative["steps"]}
    return {**data, "alternatives": {alternative["name"]: alternative for alternative in data["alternatives"]}}


SMALL = st.integers(1, 3)


def test_the_picture_of_the_course_is_written_and_stands_on_the_page(cli: Cli, tmp_path: Path) -> None:
    drawn, page = tmp_path / "course.svg", tmp_path / "course.html"
    for file in (drawn, page):
        assert cli.ok("compare", *COURSE, "--against", "separable", "--against", "grouped:1", "-o", file) == ""
    assert drawn.read_text() == course(LayerToBuild((6, 6, 3), 5, 3), ("separable", "grouped:1")).svg()
    for said in ("3·3·3 × 4·4 × 5 = 2,160", "432 + 240 = 672 multiplications", "grouped:1"):
        assert said in drawn.read_text()
        assert page.read_text().count(said) >= 2  # for a screen and for a phone
    assert "<table" in page.read_text()
    assert page.read_text().count("against normal convolution") >= 2  # a law for each way


def test_the_law_over_filters_and_their_sizes_is_counted_at_each(cli: Cli, tmp_path: Path) -> None:
    data = cli.json("compare", *COURSE, "--law")
    assert (data["schema"], data["law"]) == ("convcost.ratios/1", "1/n_c' + 1/f²")
    for number, ratios in zip(data["filters"], data["ratios"], strict=True):
        assert [Fraction(one) for one in ratios] == [Fraction(1, number) + Fraction(1, f * f) for f in data["kernels"]]
    rows = {line.split()[0]: line.split()[1:] for line in cli.ok("compare", *COURSE, "--law").splitlines() if line}
    assert rows["8"] == [f"{1 / 8 + 1 / f**2:.4f}" for f in (1, 3, 5, 7)]
    file = tmp_path / "law.svg"
    cli.ok("compare", *COURSE, "--law", "-o", file)
    assert "0.3111" in file.read_text()  # the star: this layer
    only = cli.json("compare", "--input", "8x8x6", "--filters", "4", "--kernel", "3", "--against", "grouped:2", "--law")
    assert only["ratios"][:2] == [[None] * 4, ["1/2"] * 4]  # one filter cannot be split into two groups


def test_the_law_is_of_one_way_that_fits(cli: Cli) -> None:
    both = cli.refused("compare", *COURSE, "--law", "--against", "separable", "--against", "spatial")
    assert both.endswith("--law shows one way at a time, got separable, spatial\n")
    assert "grouped:2" in cli.refused_in_a_line("compare", *COURSE, "--law", "--against", "grouped:2")


UNEVEN = ("--input", "7x7x3", "--filters", "5", "--kernel", "3", "--against", "bottleneck:4")


def test_a_law_is_said_where_every_ratio_keeps_it(cli: Cli, tmp_path: Path) -> None:
    # Stride 1, one filter of 3×3: 49·3·4 + 49·9·4 multiplications against 49·9·3, that is 4/3 + 4/9.
    data = cli.json("compare", *UNEVEN, "--law")
    assert (data["law"], data["assumptions"], data["applies"]) == ("b/n_c + b/(f²·n_c')", ["padding same"], True)
    assert data["ratios"][0][1] == "16/9"
    # Stride 2 leaves 4×4 of 7×7: 49·3·4 + 16·9·4 against 16·9·3, where the law says 4/3 + 4·4/9.
    data = cli.json("compare", *UNEVEN, "--law", "--stride", "2")
    assert (data["law"], data["applies"]) == ("b/n_c + 4·b/(f²·n_c')", False)
    assert data["assumptions"] == ["padding same", "the stride divides h and w"]
    assert data["ratios"][0][1] == "97/36"
    text = cli.ok("compare", *UNEVEN, "--law", "--stride", "2")
    assert text.startswith("bottleneck:4 / standard, over n_c' and f, input 7×7×3\n")
    assert "(with padding same and the stride divides h and w) is not the ratio for" in text
    for stride, said in (("1", True), ("2", False)):
        cli.ok("compare", *UNEVEN, "--law", "--stride", stride, "-o", tmp_path / "law.svg")
        assert ("against normal convolution: b/n_c" in (tmp_path / "law.svg").read_text()) is said
    # The separable convolution's holds wherever it is, as its map cancels.
    assert cli.json("compare", *UNEVEN[:-1], "separable", "--law", "--stride", "2")["applies"] is True


def test_the_law_of_the_standard_convolution_itself_is_one(cli: Cli, tmp_path: Path) -> None:
    data = cli.json("compare", *COURSE, "--law", "--against", "standard")
    assert (data["law"], data["applies"]) == ("1", True)
    assert data["ratios"] == [["1"] * 4] * 11
    cli.ok("compare", *COURSE, "--law", "--against", "standard", "-o", tmp_path / "law.svg")
    assert "Standard against normal convolution: 1" in (tmp_path / "law.svg").read_text()


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


def test_a_sequence_is_compared_along_one_axis(cli: Cli) -> None:
    text = cli.ok("compare", "--input", "5000x12", "--filters", "32", "--kernel", "7")
    rows = [line.split() for line in text.splitlines()[4:8]]
    macs = [4994 * 32 * 7 * 12, 4994 * 12 * 7, 4994 * 32 * 12, 4994 * 12 * (7 + 32)]
    assert [row[-4] for row in rows] == [f"{number:,}" for number in macs]
    words = " ".join(text.split())
    assert text.startswith("5000×12 input, 32 filters of 7, stride 1, padding valid -> 4994×32\n")
    assert "input a sequence: length 5000, channels 12" in words
    assert "t' = t - kernel + 1 = 5000 - 7 + 1 = 4994" in words
    assert f"standard convolution: t'·channels·kernel·c = 4994·32·7·12 = {macs[0]:,}" in words
    assert "39/224 = 0.1741 = 1/n_c' + 1/f" in words
    assert Fraction(39, 224) == Fraction(1, 32) + Fraction(1, 7)


def test_a_volume_is_compared_along_three_axes(cli: Cli) -> None:
    layer = (
        "--input",
        "16x112x112x3",
        "--filters",
        "64",
        "--kernel",
        "3x7x7",
        "--stride",
        "1x2x2",
        "--padding",
        "1x3x3",
    )
    data = data_of(cli, *layer, "--against", "separable", "--against", "spatial")
    assert (data["kernel"], data["stride"], data["output_shape"]) == ([3, 7, 7], [1, 2, 2], [16, 56, 56, 64])
    ways = data["alternatives"]
    positions = 16 * 56 * 56
    # The stem of R3D-18: 64 filters of 3·7·7 on three channels.
    assert ways["standard"]["macs"] == positions * 64 * 3 * 7 * 7 * 3
    assert [step["macs"] for step in ways["separable"]["steps"].values()] == [positions * 3 * 147, positions * 64 * 3]
    assert (ways["separable"]["ratio"]["exact"], ways["separable"]["ratio"]["formula"]) == (
        str(Fraction(1, 64) + Fraction(1, 147)), "1/n_c' + 1/(f_d·f_h·f_w)",
    )  # fmt: skip
    # Frames first, on all 112·112 positions; then rows, which halves them; then columns.
    macs = [4 * positions * 64 * 3 * 3, 2 * positions * 64 * 7 * 64, positions * 64 * 7 * 64]
    assert [step["macs"] for step in ways["spatial"]["steps"].values()] == macs
    words = " ".join(cli.ok("compare", *layer).split())
    assert "input a volume: depth 16, height 112, width 112, channels 3" in words
    assert "64 filters of 3×7×7, stride 1×2×2, padding 1×3×3 -> 16×56×56×64" in words


def test_axes_with_the_same_derivation_stand_together(cli: Cli) -> None:
    layer = ("--filters", "2", "--kernel", "3")
    words = " ".join(cli.ok("compare", "--input", "6x6x6x3", *layer).split())
    assert "output d' = h' = w' = d - kernel + 1 = 6 - 3 + 1 = 4" in words
    words = " ".join(cli.ok("compare", "--input", "4x6x6x3", *layer).split())
    assert "output d' = d - kernel + 1 = 4 - 3 + 1 = 2, h' = w' = h - kernel + 1 = 6 - 3 + 1 = 4" in words


def test_zeros_that_a_word_adds_are_named_by_the_ends_of_the_axes(cli: Cli) -> None:
    layer = ("--filters", "2", "--kernel", "3", "--against", "standard", "--execute")
    text = cli.ok("compare", "--input", "9x3", *layer, "--padding", "causal")
    assert text.startswith("9×3 input, 2 filters of 3, stride 1, padding causal (zeros: before 2, after 0) -> 9×2\n")
    # Two taps of the first window and one of the second lie before the first sample: 3 taps · 2 filters · 3 channels.
    words = " ".join(text.split())
    assert f"{9 * 2 * 3 * 3} multiplications, as the rule says; {3 * 2 * 3} of them multiplied padding zeros" in words
    text = cli.ok("compare", "--input", "2x4x4x3", *layer, "--padding", "same", "--stride", "1x2x2")
    zeros = "front 1, back 1, top 0, bottom 1, left 0, right 1"
    assert text.startswith(
        f"2×4×4×3 input, 2 filters of 3×3×3, stride 1×2×2, padding same (zeros: {zeros}) -> 2×2×2×2\n"
    )


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
        (
            ["--input", "6"],
            (f"{LATER}Invalid value for '--input': needs height, width and channels, e.g. 6x6x3; length and channels of a "
            "sequence, e.g. 5000x12; or depth, height, width and channels of a volume, e.g. 16x112x112x3"),
        ),
        (["--filters", "0"], f"{LATER}Invalid value for '--filters': 0 is not in the range x>=1."),
        (["--kernel", "3x3x3"], "kernel must be one number or 2 for a map of 6×6×3, got 3×3×3"),
        (["--kernel", "3x3x3x3"], f"{LATER}Invalid value for '--kernel': '3x3x3x3' {NUMBERS}"),
        (["--input", "6x3", "--stride", "1x1"], "stride must be one number for a sequence of 6×3, got 1×1"),
        (
            ["--input", "6x3", "--against", "spatial"],
            "spatial needs two axes or three to slide along, one after the other; a sequence of 6×3 has one",
        ),
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
        (["--padding", "causal"], "padding"),  # along one axis only
        (["--padding", "1x2x3x4x5x6x7"], "padding"),
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


def test_the_command_says_that_it_counted_what_the_rule_says(cli: Cli) -> None:
    text = cli.ok("compare", "--input", "6x6x3", "--filters", "5", "--kernel", "3", "--execute")
    assert "standard: 2,160 multiplications, as the rule says" in text
    assert "separable: 672 multiplications, as the rule says" in text


def test_products_with_padding_are_told_apart(cli: Cli) -> None:
    # 3×3 on 2×2: each of 4 windows has 5 of its 9 taps on zeros. The pointwise convolution multiplies no zeros.
    arguments = ("--input", "2x2x1", "--filters", "1", "--kernel", "3", "--padding", "same")
    data = cli.json("compare", *arguments, "--execute")
    assert [entry["executed"] for entry in data["alternatives"]] == [
        {"multiplications": 36, "with_padding": 20},
        {"multiplications": 36 + 4, "with_padding": 20},
    ]
    text = " ".join(cli.ok("compare", *arguments, "--execute").split())
    assert "20 (55.56 %) multiply padding zeros" in text
    assert "36 multiplications, as the rule says; 20 of them" in text


def test_a_count_that_is_not_the_rules_is_said(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = engine._starts
    monkeypatch.setattr(engine, "_starts", lambda *a: (kept(*a)[0][1:], *kept(*a)[1:]))  # a row is left out
    text = cli.ok("compare", "--input", "6x6x3", "--filters", "5", "--kernel", "3", "--execute")
    assert f"standard: {3 * 4 * 5 * 27:,} multiplications, but the rule says 2,160" in text


def test_what_would_take_too_long_is_refused_with_an_estimate(cli: Cli) -> None:
    # 1000·1000 positions · 64 filters · 3·3·64 taps, each of which is read in the time of ten, in 1000·9 passes, each in that
    # of two thousand: at 100 million in a second.
    assert 10**6 * 64 * 9 * 64 + 10 * 10**6 * 9 * 64 + 2000 * 9000 == 42_642_000_000
    message = (
        "executing standard takes as long as 42,642,000,000 multiplications, about 426 s; the most that is run is "
        "1,000,000,000. Give a smaller --input or --kernel, or fewer --filters\n"
    )
    layer = ("--input", "1002x1002x64", "--filters", "64", "--kernel", "3")
    result = cli("compare", *layer, "--against", "standard", "--execute")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", message)


#: An input of 10¹⁸ elements with 10·10 positions of a 1×1 filter, and one that padding makes so large.
HUGE = [("1000000000x1000000000x1", "100000000", "0"), ("1x1x1", "100000000", "500000000")]


@pytest.mark.parametrize(("shape", "stride", "padding"), HUGE, ids=["input", "padding"])
def test_what_would_not_fit_into_memory_is_refused(cli: Cli, shape: str, stride: str, padding: str) -> None:
    result = cli(
        "compare",
        "--input",
        shape,
        "--filters=1",
        "--kernel=1",
        f"--stride={stride}",
        f"--padding={padding}",
        "--execute",
    )
    assert (result.exit_code, result.stdout) == (2, ""), repr(result.exception)[:200]
    assert result.stderr.startswith("executing standard holds ")
