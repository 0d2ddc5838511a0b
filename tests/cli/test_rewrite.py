"""`convcost rewrite`: which layers, before and after in every format, the spec that is written, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import convcost
from convcost.core.errors import UsageError
from convcost.memory.policies import POLICIES
from convcost.networks.load import validate
from convcost.networks.network import Network
from convcost.render.table import FORMATS
from convcost.results.report import LayerCost
from convcost.spec.write import resolved

if TYPE_CHECKING:
    from helpers.cli import Cli


@pytest.mark.parametrize(
    ("pattern", "rebuilt"),
    [
        ("conv1", ["conv1"]),
        ("conv[13]", ["conv1", "conv3"]),
        ("*", ["conv1", "conv2", "conv3", "conv4", "conv5"]),
        ("*4", ["conv4"]),
        ("CONV1", []),
    ],
)
def test_a_pattern_chooses_layers(cli: Cli, pattern: str, rebuilt: list[str]) -> None:
    before = convcost.load("alexnet_ungrouped")
    if not rebuilt:
        with pytest.raises(UsageError, match="has no layer matching 'CONV1'"):
            before.rewrite("separable", pattern)
        return
    after = before.rewrite("separable", pattern)
    assert [name.removesuffix(".depthwise") for name in layers(after) if name.endswith(".depthwise")] == rebuilt
    assert [
        entry["layer"]
        for entry in data_of(cli, "alexnet_ungrouped", "--to", "separable", "--layers", pattern)["layers"]
    ] == rebuilt


def test_layers_can_be_left_out(cli: Cli) -> None:
    def rebuilt(*arguments: str) -> list[str]:
        return [
            entry["layer"] for entry in data_of(cli, "alexnet_ungrouped", "--to", "separable", *arguments)["layers"]
        ]

    assert rebuilt("--except", "conv1") == ["conv2", "conv3", "conv4", "conv5"]
    assert rebuilt("--except", "conv1", "--except", "conv[45]") == ["conv2", "conv3"]
    assert rebuilt("--layers", "conv[123]", "--except", "*2") == ["conv1", "conv3"]
    after = layers(convcost.load("mobilenet_v1").rewrite("standard", excluded=["stage1.block1.depthwise.*"]))
    assert "stage1.block1.pointwise.conv2d" in after  # a pair stays if either of it is left out
    assert after["stage1.block1.pointwise.conv2d"].attrs["kernel"] == (1, 1)
    assert "stage2.block1.depthwise.conv2d" not in after


@pytest.mark.parametrize(
    ("excluded", "message"),
    [
        ("cnov1", "alexnet has no layer matching 'cnov1' to leave out"),
        ("*", "alexnet: what is left out leaves no layer that can become separable"),
    ],
)
def test_what_cannot_be_left_out_is_refused(cli: Cli, excluded: str, message: str) -> None:
    result = cli("rewrite", "alexnet", "--to", "separable", "--except", excluded)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{message}\n")


def test_memory_is_of_the_dtype_and_the_policy_asked_for(cli: Cli) -> None:
    data = data_of(cli, "lenet5", "--to", "separable", "--dtype", "int8", "--memory", "largest")
    assert (data["dtype"], data["memory_policy"], data["convention"]) == ("int8", "largest", "paper")
    (layer,) = data["layers"]  # c3 as below, at one byte and layer by layer
    assert layer["before"]["peak_activation_bytes"] == 1176 + 1600
    assert layer["after"]["peak_activation_bytes"] == 600 + 1600
    # c1 reads 32·32 and writes 28·28·6, which is more than any other layer.
    assert data["totals"]["before"]["peak_activation_bytes"] == data["totals"]["after"]["peak_activation_bytes"]
    assert data["totals"]["before"]["peak_activation_bytes"] == 32 * 32 + 28 * 28 * 6
    assert "as int8" in cli.ok("rewrite", "lenet5", "--to", "separable", "--dtype", "int8")


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_is_followed(cli: Cli, policy: str) -> None:
    before = convcost.load("mobilenet_v1")
    totals = data_of(cli, "mobilenet_v1", "--to", "standard", "--memory", policy)["totals"]
    for when, network in (("before", before), ("after", before.rewrite("standard"))):
        assert totals[when]["peak_activation_bytes"] == network.memory(policy).peak


def data_of(cli: Cli, *arguments: str) -> dict[str, Any]:
    data = cli.json("rewrite", *arguments)
    assert data["schema"] == "convcost.rewrite/1"
    return data


def test_json_has_before_and_after_of_layers_and_totals(cli: Cli) -> None:
    data = data_of(cli, "lenet5", "--to", "separable")
    (layer,) = data["layers"]  # c1 has one input channel: nothing to separate
    # c3: 16 filters of 5×5×6 at 10·10 positions; then 25 taps for each of 6 channels, and 6 to 16.
    assert layer["layer"] == "c3"
    # Alive, at 4 bytes: its input of 14·14·6 with 1,600 outputs; depthwise, the input with 600, then these with 1,600.
    assert layer["before"] == {
        "macs": 100 * 16 * 150,
        "params": 16 * 151,
        "activations": 1600,
        "peak_activation_bytes": 4 * (1176 + 1600),
    }
    assert layer["after"] == {
        "macs": 100 * 6 * 25 + 100 * 16 * 6,
        "params": 6 * 25 + 16 * 7,
        "activations": 600 + 1600,
        "peak_activation_bytes": 4 * (600 + 1600),
    }
    # c1 28·28·6 · 25, then 400 to 120 to 84 to 10.
    rest = 28 * 28 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10
    before, after = data["totals"]["before"], data["totals"]["after"]
    assert (before["macs"], after["macs"]) == (rest + 240_000, rest + 24_600)
    assert before["params"] - after["params"] == 2416 - 262
    assert after["activations"] - before["activations"] == 600
    assert before["largest_tensor"] == after["largest_tensor"] == {"layer": "c1", "shape": [28, 28, 6]}
    report = convcost.load("lenet5").rewrite("separable").report().totals
    assert after["peak_activation_bytes"] == report.peak_activation_bytes


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_has_a_row_per_rebuilt_layer(cli: Cli, fmt: str) -> None:
    text = cli.ok("rewrite", "lenet5", "--to", "separable", "--format", fmt).replace(",", "")
    assert "240000" in text
    assert "24600" in text
    assert "c3" in text


def test_the_text_has_the_totals(cli: Cli) -> None:
    text = cli.ok("rewrite", "mobilenet_v1", "--to", "standard")
    assert "568,740,352 -> 4,867,293,184 (569 M -> 4.87 G)" in text
    assert "112×112×64" in text  # the largest tensor: what block 1 puts out
    last = next(line for line in text.splitlines() if line.startswith("all layers"))
    assert last.split()[2:5] == ["568,740,352", "4,867,293,184", "8.5580"]  # 4,867,293,184 / 568,740,352


def test_what_stays_is_named_with_the_reason(cli: Cli, tmp_path: Path) -> None:
    lines = [
        "{conv2d: {channels: 6, kernel: 3, padding: 1, bias: false}, name: conv}",
        "{batch_norm: , name: norm}",
        "relu",
    ]
    lines += [f"{{batch_norm: , name: late{i}}}" if i % 2 else f"{{relu: , name: act{i}}}" for i in range(1, 9)]
    path = written(
        tmp_path, "convcost: 1\nname: x\ninput: [8, 8, 4]\nlayers:\n" + "".join(f"  - {line}\n" for line in lines)
    )
    data = data_of(cli, path, "--to", "deployed")
    assert [entry["layer"] for entry in data["layers"]] == ["conv"]
    # 9·4·6 weights; a scale and a shift of each of 6 filters become its bias
    assert [data["layers"][0][when]["params"] for when in ("before", "after")] == [216 + 12, 216 + 6]
    assert data["stays"] == [
        {"layer": f"late{i}", "why": f"no convolution before it, but {'relu' if i == 1 else f'act{i - 1}'}"}
        for i in (1, 3, 5, 7)
    ]
    text = " ".join(cli.ok("rewrite", path, "--to", "deployed").split())
    assert "stays 4 layers: late1 (no convolution before it, but relu); late3 (" in text
    assert text.endswith("and 1 more")
    assert "stays" not in data_of(cli, "repvgg_a0", "--set", "form=training", "--to", "deployed")
    assert "stays" not in cli.ok("rewrite", "repvgg_a0", "--set", "form=training", "--to", "deployed")


def layers(network: Network) -> dict[str, LayerCost]:
    return {layer.name: layer for layer in network.report().layers}


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_each_of_two_neighbours_has_a_row_of_its_own(cli: Cli, tmp_path: Path) -> None:
    convs = "".join(
        f"  - {{conv2d: {{channels: 6, kernel: 3, padding: 1}}, name: {name}}}\n" for name in ("one", "two")
    )
    path = written(tmp_path, f"convcost: 1\nname: neighbours\ninput: [8, 8, 4]\nlayers:\n{convs}")
    rows = {entry["layer"]: entry["after"]["macs"] for entry in data_of(cli, path, "--to", "separable")["layers"]}
    assert rows == {"one": 64 * (9 * 4 + 4 * 6), "two": 64 * (9 * 6 + 6 * 6)}


def numbers(network: Network) -> list[Any]:
    kept = ("name", "op", "input_shapes", "output_shapes", "macs", "params", "buffers", "activations", "attrs")
    return [[getattr(layer, field) for field in kept] for layer in network.report().layers]


@pytest.mark.parametrize(
    ("model", "to"),
    [
        ("vgg16", "separable"), ("alexnet", "separable"), ("googlenet_aux", "separable"), ("efficientnet_b0", "separable"),
        ("mobilenet_v1", "standard"), ("mobilenet_v2", "standard"), ("resnet50", "grouped:32"),
        ("fastvit_sa12", "deployed"),
    ],
)  # fmt: skip
def test_a_written_spec_is_the_rewritten_network(cli: Cli, tmp_path: Path, model: str, to: str) -> None:
    path = str(tmp_path / "new.yaml")
    table = cli.ok("rewrite", model, "--to", to, "-o", path)
    assert table == cli.ok("rewrite", model, "--to", to)
    assert validate(path) == []
    again, rewritten = convcost.load(path), convcost.load(model).rewrite(to)
    assert numbers(again) == numbers(rewritten)
    assert again.graph.outputs == rewritten.graph.outputs
    assert again.report().totals == rewritten.report().totals
    assert resolved(again.graph, again.name, again.caption) == Path(path).read_text(encoding="utf-8")


def test_a_written_spec_says_that_it_has_no_knobs(cli: Cli, tmp_path: Path) -> None:
    path = str(tmp_path / "new.yaml")
    cli.ok("rewrite", "lenet5", "--to", "separable", "-o", path)
    way_out = "knobs stand in a spec under knobs, and are set before it is resolved or rewritten"
    for arguments, said in {
        ("sweep", path, "--over", "resolution=28:40"): f"no knob 'resolution', and no other: {way_out}",
        ("report", path, "--set", "width=2"): f"no knob 'width', and no other: {way_out}",
        ("fit", path, "--max-macs", "1M"): f"it has neither width nor resolution; {way_out}",
    }.items():
        result = cli(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.endswith(f"{said}\n")
    # The way out: the knob first, then the rewrite.
    macs = [convcost.load("lenet5", resolution=r).rewrite("separable").report().totals.macs for r in (28, 32)]
    assert macs[1] == convcost.load(path).report().totals.macs
    assert macs[0] < macs[1]


WAYS = "a rewrite goes to separable, standard, deployed, grouped:G (G > 1), got"


@pytest.mark.parametrize("way", ["seperable", "grouped", "grouped:1", "grouped:two", "separable:2", ""])
def test_a_way_that_does_not_exist_is_refused(cli: Cli, way: str) -> None:
    result = cli("rewrite", "lenet5", "--to", way)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{WAYS} {way!r}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alexnet", "--to", "standard"], "alexnet has no layer that can become standard"),
        (["efficientnet_b0", "--to", "standard"], "efficientnet_b0 has no layer that can become standard"),
        (["lenet5", "--to", "separable", "--layers", "conv*"], "lenet5 has no layer matching 'conv*' that can become separable"),
        (["lenet5", "--to", "separable", "--layers", "c1"], "lenet5 has no layer matching 'c1' that can become separable"),
        (["lenet5", "--to", "grouped:7"], "lenet5 has no layer that can become grouped:7"),
        (["lenet5", "--to", "separable", "--set", "width=2"], "lenet5 has no knob 'width'. Known: classes, resolution"),
    ],
)  # fmt: skip
def test_what_cannot_be_rewritten_is_refused_in_one_line(cli: Cli, arguments: list[str], message: str) -> None:
    result = cli("rewrite", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{message}\n")


def test_what_is_alive_stands_in_the_table_where_it_changes(cli: Cli) -> None:
    # A layer beside a shortcut: 56·56·64 three times instead of twice, in MiB of 4 bytes.
    text = cli.ok("rewrite", "resnet18", "--to", "separable", "--layers", "conv2_x.block1.conv1.conv2d")
    assert "alive before  alive after" in text
    assert "1.53 MiB     2.30 MiB" in text
    assert "alive" not in cli.ok("rewrite", "vgg16", "--to", "separable").partition("MACs   ")[0]


@pytest.mark.parametrize("name", ["lenet5.svg", "lenet5.html"])
def test_a_picture_or_page_leaves_the_terminal_alone(cli: Cli, tmp_path: Path, name: str) -> None:
    assert cli("rewrite", "lenet5", "--to", "separable", "-o", str(tmp_path / name)).stdout == ""
    assert (tmp_path / name).is_file()


def test_nothing_is_told_where_the_spec_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    result = cli("rewrite", "lenet5_1998", "--to", "separable", "-o", tmp_path / "no folder" / "out.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no folder" in result.stderr
