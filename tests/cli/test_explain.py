"""`convcost explain`: layers, blocks, totals and closed forms, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import re
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import sympy
from helpers.written_formulas import evaluate
from helpers.zoo import loaded

import convcost
from convcost.core.errors import UsageError
from convcost.formulas import explain
from convcost.render.table import FORMATS
from convcost.results.report import Report

if TYPE_CHECKING:
    from helpers.cli import Cli


@cache
def report_of(model: str) -> Report:
    return loaded(model).report()


BLOCKS = ", ".join(f"conv{stage}_x.block{i}.conv2" for stage in (2, 3) for i in (1, 2, 3))

LISTS = "('convcost report resnet50 --by layer' lists them)"


@pytest.mark.parametrize(
    ("model", "name", "message"),
    [
        ("resnet50", "conv2", f"'conv2' fits 16 layers of resnet50: {BLOCKS}, …"),  # 3 + 4 + 6 + 3 blocks
        ("googlenet_aux", "fc", "'fc' fits 2 layers of googlenet_aux: aux1.fc, aux2.fc"),
        ("resnet50", "convl", f"resnet50 has no layer 'convl'. Did you mean conv1? {LISTS}"),
        ("resnet50", "nosuch", f"resnet50 has no layer 'nosuch' {LISTS}"),
    ],
)
def test_a_name_that_fits_no_layer_or_several_is_refused(cli: Cli, model: str, name: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        explain.find(report_of(model), name)
    assert str(raised.value) == message
    refused = cli("explain", model, name)
    assert (refused.exit_code, refused.stdout, refused.stderr) == (2, "", f"{message}\n")


def test_the_command_shows_formula_operands_value_and_source(cli: Cli) -> None:
    # conv2 of AlexNet: 27·27 positions, 256 filters of 5×5 over the 48 channels of one of two groups.
    text = cli.ok("explain", "alexnet", "conv2")
    assert 27 * 27 * 256 * 5 * 5 * (96 // 2) == 223_948_800
    macs = next(line for line in text.splitlines() if line.startswith("MACs"))
    assert macs.split()[1].startswith("h'·w'·channels·kernel")
    assert macs.split()[2:] == ["27·27·256·5·5·96/2", "223,948,800"]
    assert 256 * 5 * 5 * 48 + 256 == 307_456
    params = next(line for line in text.splitlines() if line.startswith("params"))
    assert params.split()[-4:] == ["256·5·5·96/2", "+", "256", "307,456"]
    assert "27×27×96 -> 27×27×256" in text
    assert "arXiv 1603.07285" in text  # the op's source
    assert "223948800" in cli.ok("explain", "alexnet", "conv2", "--format", "csv")


def test_json_of_a_layer_holds_each_quantity(cli: Cli) -> None:
    data = cli.json("explain", "lenet5", "c3")
    assert (data["schema"], data["network"], data["layer"]) == ("convcost.explain/1", "lenet5", "c3")
    (layer,) = data["layers"]
    found = {quantity["name"]: quantity for quantity in layer["quantities"]}
    # 16 filters of 5×5×6 on 14×14×6: 10·10 positions.
    assert found["MACs"]["value"] == layer["macs"] == 10 * 10 * 16 * 5 * 5 * 6 == 240_000
    assert found["params"]["value"] == layer["params"] == 16 * (5 * 5 * 6 + 1) == 2_416
    assert found["activations"]["value"] == 10 * 10 * 16
    assert all(evaluate(quantity["operands"]) == quantity["value"] for quantity in found.values())


@pytest.mark.parametrize("fmt", ["table", "csv", "markdown", "html", "latex"])
@pytest.mark.parametrize("layer", [[], ["conv2"]])
def test_every_format_has_the_number(cli: Cli, fmt: str, layer: list[str]) -> None:
    assert "223948800" in cli.ok("explain", "alexnet", *layer, "--format", fmt).replace(",", "")


def test_a_block_is_explained_layer_by_layer_and_in_total(cli: Cli) -> None:
    # GoogLeNet's Table 1, row 3a, on 28×28×192: six convolutions.
    macs = [28 * 28 * taps for taps in (192 * 64, 192 * 96, 9 * 96 * 128, 192 * 16, 25 * 16 * 32, 192 * 32)]
    text = cli.ok("explain", "googlenet", "inception_3a")
    shown = [int(line.split()[-3].replace(",", "")) for line in text.splitlines() if " conv2d " in line]
    assert shown == macs
    assert f"{sum(macs):,}" == "128,049,152"
    assert "128,049,152" in next(line for line in text.splitlines() if line.startswith("total"))


def test_the_scores_of_attention_read_as_in_its_paper(cli: Cli) -> None:
    # ViT-B/16: 14·14 patches and a class token, 12 heads of 768/12 channels.
    text = cli.ok("explain", "vit_b_16", "layer1.attention.scores")
    macs = next(line.split() for line in text.splitlines() if line.startswith("MACs"))
    assert macs == ["MACs", "heads·t·t·c/heads", "12·197·197·768/12", f"{12 * 197 * 197 * 64:,}"]
    assert "sizes        heads = 12, t = 197, c = 768" in text
    (layer,) = cli.json("explain", "vit_b_16", "layer1.attention.scores")["layers"]
    assert all(evaluate(q["operands"]) == q["value"] for q in layer["quantities"])
    assert all(evaluate(q["formula"], {"heads": 12, "t": 197, "c": 768}) == q["value"] for q in layer["quantities"])


def test_attention_is_explained_as_a_part(cli: Cli) -> None:
    text = cli.ok("explain", "vit_b_16", "layer12.attention")
    derived = [line.split()[3] for line in text.splitlines() if line.startswith("layer12.") and "·" in line.split()[3]]
    assert derived == ["197·768·2304", "12·197·197·768/12", "12·197·768/12·197", "197·768·768"]
    total = next(line.split() for line in text.splitlines() if line.startswith("total"))
    # Queries, keys, values and the projection; two products of 768 numbers for each pair of tokens.
    assert total[1:3] == [f"{768 * 4 * 769:,}", f"{197 * 4 * 768 * 768 + 2 * 197 * 197 * 768:,}"]


def test_the_closed_form_of_vit_says_what_is_quartic(cli: Cli) -> None:
    text = cli.ok("explain", "vit_b_16", "--symbols", "resolution")
    macs = next(line for line in text.splitlines() if line.startswith("MACs")).split(maxsplit=1)[1]
    assert macs.startswith(f"{12 * 2 * 768}·m⁴ + ")  # two products in each of 12 layers
    assert evaluate(macs, {"m": 14}) == 17_563_828_224
    assert "resolution = 16·m" in text


def test_the_totals_show_the_largest_layers_the_rest_and_where_maps_shrink(cli: Cli) -> None:
    data = cli.json("explain", "resnet50")
    assert data["totals"]["macs"] == 4_089_184_256  # Table 1 of the paper: 3.8 G, v1.5 strides: 4.09 G (torchvision)
    largest = {entry["name"]: entry["macs"] for entry in data["largest"]}
    assert next(iter(largest.items())) == ("conv1.conv2d", 112 * 112 * 64 * 7 * 7 * 3)
    assert list(largest.values()) == sorted((layer.macs for layer in report_of("resnet50").layers), reverse=True)[:8]
    assert all(evaluate(entry["operands"]) == entry["macs"] for entry in data["largest"])
    assert sum(op["macs"] for op in data["ops"]) == data["totals"]["macs"]
    assert sum(op["params"] for op in data["ops"]) == data["totals"]["params"] == 25_557_032
    drops = [(drop["layer"], drop["from"], drop["to"]) for drop in data["resolution_drops"]]
    assert [(a, b) for _, [a, _], [b, _] in drops] == [(224, 112), (112, 56), (56, 28), (28, 14), (14, 7)]
    strided = [f"conv{i}_x.block1.conv2.conv2d" for i in (3, 4, 5)]  # v1.5: the 3×3 strides
    assert [name for name, *_ in drops] == ["conv1.conv2d", "pool1", *strided]


@pytest.mark.parametrize(
    ("model", "sizes"),
    [
        ("alexnet", [55, 27, 13, 6]),  # (227 - 11)/4 + 1, then ⌊(n - 3)/2⌋ + 1 three times
        ("lenet5", [28, 14, 10, 5]),
        ("vgg16", [112, 56, 28, 14, 7]),
        ("mobilenet_v2", [112, 56, 28, 14, 7]),
    ],
)
def test_maps_shrink_where_the_papers_say(cli: Cli, model: str, sizes: list[int]) -> None:
    data = cli.json("explain", model)
    assert [drop["to"] for drop in data["resolution_drops"]] == [[size, size] for size in sizes]
    text = " ".join(cli.ok("explain", model).split())
    assert all(f"{a}×{a} -> {b}×{b} at" in text for a, b in pairwise(sizes))


def test_the_rows_of_the_totals_add_up(cli: Cli) -> None:
    lines = cli.ok("explain", "vgg16").splitlines()
    rule = [i for i, line in enumerate(lines) if set(line) == {"-"}]
    numbers = [int(line.split()[-3].replace(",", "")) for line in lines[rule[0] + 1 : rule[1]]]  # then 11.96 and %
    # Thirteen convolutions and fc6, fc7, fc8: Table 1 of the paper, column D.
    convolutions = [(224, 3, 64), (224, 64, 64), (112, 64, 128), (112, 128, 128), (56, 128, 256)] + [(56, 256, 256)] * 2
    convolutions += [(28, 256, 512)] + [(28, 512, 512)] * 2 + [(14, 512, 512)] * 3
    total = sum(n * n * 9 * c * filters for n, c, filters in convolutions)
    total += 25_088 * 4096 + 4096 * 4096 + 4096 * 1000
    assert sum(numbers) == total == 15_470_264_320
    assert f"{total:,}" in lines[rule[1] + 1]
    assert "conv2d 3×3 99.20 %, linear 0.80 %" in "\n".join(lines)  # 123,633,664 of them are linear
    first = next(iter(csv.DictReader(io.StringIO(cli.ok("explain", "vgg16", "--format", "csv")))))
    assert int(first["macs"]) == max(n * n * 9 * c * filters for n, c, filters in convolutions) == 1_849_688_064


def test_json_holds_formula_latex_and_assumptions(cli: Cli) -> None:
    data = cli.json("explain", "mobilenet_v1", "--symbols", "resolution,width")
    assert data["schema"] == "convcost.closed_form/1"
    assert data["symbols"] == ["resolution", "width"]
    assert data["assumptions"][0] == "resolution = 32·m"
    found = {quantity["quantity"]: quantity for quantity in data["quantities"]}
    # Width 1, resolution 224: Table 4 of the paper, 569 M and 4.2 M.
    assert evaluate(found["MACs"]["formula"], {"m": 7, "width": 1}) == 568_740_352
    assert sympy.sympify(found["params"]["sympy"]).subs("width", 1) == 4_231_976
    assert "m^{2}" in found["MACs"]["latex"]


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_has_the_polynomial(cli: Cli, fmt: str) -> None:
    # 13 convolutions on maps from 32·m down to 2·m; then, behind a pool to 7×7, three layers of fixed size.
    sizes = [(32, 3, 64), (32, 64, 64), (16, 64, 128), (16, 128, 128), (8, 128, 256)] + [(8, 256, 256)] * 2
    sizes += [(4, 256, 512)] + [(4, 512, 512)] * 2 + [(2, 512, 512)] * 3
    square = sum(n * n * 9 * c * filters for n, c, filters in sizes)
    text = cli.ok("explain", "vgg16", "--symbols", "resolution", "--format", fmt)
    assert str(square) in text
    assert str(7 * 7 * 512 * 4096 + 4096 * 4096 + 4096 * 1000) in text
    assert "32·m" in text or fmt == "csv"


def test_latex_is_set_as_formulas(cli: Cli) -> None:
    text = cli.ok("explain", "vgg16", "--symbols", "resolution", "--format", "latex")
    assert re.search(r"& \$\d+ m\^\{2\} \+ \d+\$", text)


def test_an_input_that_is_given_counts_or_is_refused(cli: Cli) -> None:
    result = cli("explain", "vgg16", "--symbols", "classes", "--input", "160", "--format", "json")
    if result.exit_code == 0:
        found = {entry["quantity"]: entry["formula"] for entry in json.loads(result.stdout)["quantities"]}
        assert evaluate(found["MACs"], {"classes": 1000}) == convcost.load("vgg16", resolution=160).report().totals.macs
    else:
        assert result.exit_code == 2
        assert "--input" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet50", "--symbols", "resolutoin"], r"resnet50 has no knob 'resolutoin'\. Did you mean resolution\?"),
        (["resnet50", "--symbols", "block"], "block is not a number and cannot be a symbol"),
        (["googlenet", "--symbols", "aux"], "aux is not a number and cannot be a symbol"),
        (["resnet50", "--symbols", "depth"], r"specs/resnet\.yaml:\d+:\d+: conv2_x: repeat must be a number, .+: depth is no symbol"),
        (["resnet50", "nopart", "--symbols", "resolution"], "resnet50 has no layer or block 'nopart'.*"),
        (["resnet50", "bottleneck", "--symbols", "h,w,c"], "the block bottleneck needs channels: give it in --symbols or with --set channels=…"),
        (["resnet50", "--symbols", "width", "--set", "wdith=2"], r"resnet50 has no knob 'wdith'\. Did you mean width\?"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_symbol_is_refused(cli: Cli, arguments: list[str], message: str) -> None:
    result = cli("explain", *arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.exception
    assert re.fullmatch(f"(?:.*/)?{message}\n", result.stderr), result.stderr


@pytest.mark.parametrize("width", [50, 60, 80, 100, 120])
def test_operands_stay_on_a_narrow_screen(width: int) -> None:
    """What one asks `explain` for; output, params and op give way before."""
    # 112·112 positions, 96 filters of 1·1 taps over 16 channels.
    text = convcost.explain("mobilenet_v2", "stage2.block1.expand").table().render(width=width)
    assert "112·112·96·1·1·16" in text
    assert max(map(len, text.splitlines())) <= width
    text = convcost.explain("mobilenet_v2").table().render(width=width)
    assert "7·7·1280·1·1·320" in text  # head: 7·7 positions, 1280 filters over 320 channels
    assert max(map(len, text.splitlines())) <= width
    assert re.search(r" 300,774,272 +100\.00 %", text)  # and no number is rounded for it
