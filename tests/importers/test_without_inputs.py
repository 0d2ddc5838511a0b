"""Model files without inputs: what they draw or hold themselves is counted as what they would be given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.onnx_bytes import onnx_graph, onnx_model, onnx_node, onnx_tensor, onnx_value

import convcost
from convcost import SpecError, UsageError
from convcost.spec.compact import compact

if TYPE_CHECKING:
    from helpers.cli import Cli

KERNEL = onnx_tensor("w", (3, 3, 3, 3))
MACS = 8 * 8 * 3 * 3 * 3 * 3
NO_SPEC = "net.onnx has no inputs, so that it cannot be written as a spec, which states at least one"
NOTHING = "the model has no inputs, and nothing in it is left to count"


def _conv(source: str) -> bytes:
    return onnx_node("Conv", [source, "w"], ["y"], "conv", pads=[1, 1, 1, 1])


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A generator that draws its noise itself."""
    noise = onnx_node("RandomNormal", [], ["z"], "noise", shape=[1, 3, 8, 8])
    (tmp_path / "net.onnx").write_bytes(onnx_model(onnx_graph([noise, _conv("z")], [], ["y"], [KERNEL])))
    monkeypatch.chdir(tmp_path)
    return "net.onnx"


def test_what_it_draws_is_counted_as_given(net: str) -> None:
    report = convcost.load(net).report()
    assert (report.totals.macs, report.totals.params, report.complete) == (MACS, 3 * 3 * 3 * 3, True)
    assert report.input_shape == convcost.load(net).graph.input_shape == ()


def test_an_input_with_a_default_is_held_by_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    default = onnx_tensor("x", (1, 3, 8, 8))
    path.write_bytes(onnx_model(onnx_graph([_conv("x")], [onnx_value("x", (1, 3, 8, 8))], ["y"], [KERNEL, default])))
    report = convcost.load(str(path)).report()
    assert (report.totals.macs, report.complete) == (MACS, True)


@pytest.mark.parametrize(
    "asked",
    [
        ("report", "--by", "layer"),
        ("report", "--training"),
        ("report", "--receptive"),
        ("report", "--energy"),
        ("report", "--deploy"),
        ("report", "-o", "report.html"),
        ("memory",),
        ("memory", "--runtime", "tflm"),
        ("memory", "-o", "memory.html"),
        ("memory", "-o", "memory.svg"),
        ("draw",),
        ("draw", "-o", "net.svg"),
        ("draw", "-o", "net.html"),
        ("explain",),
        ("explain", "conv"),
        ("reconcile",),
        ("check", "--max-macs", MACS),
        ("latency", "--device", "v100"),
    ],
    ids=lambda asked: " ".join(map(str, asked)),
)
def test_every_door_takes_it(cli: Cli, net: str, asked: tuple[str, ...]) -> None:
    command, *options = asked
    cli.ok(command, net, *options)


def test_its_inputs_are_said_to_be_none(cli: Cli, net: str) -> None:
    assert cli.ok("report", net).startswith("net.onnx · no inputs · batch 1\n")
    assert "\nno inputs · 81 params · " in cli.ok("draw", net)
    assert "\ninputs       none, as fp32\n" in cli.ok("diff", net, net)
    (row,) = (line for line in cli.ok("report", net, net).splitlines() if "(1)  " in line)
    assert row.split()[3:7] == ["no", "inputs", "81", "5,184"]
    found = json.loads(cli.ok("report", net, "--format", "json"))
    assert (found["input_shape"], found["inputs"], found["totals"]["macs"]) == ([], {}, MACS)


def test_it_cannot_be_a_spec(net: str, cli: Cli) -> None:
    assert cli.refused("spec", "resolve", net).strip() == NO_SPEC
    assert cli.refused("import", net, "--flat").strip() == NO_SPEC.replace("net.onnx", "net")
    with pytest.raises(UsageError, match=NO_SPEC):
        compact(convcost.load(net).graph, net)


def test_of_what_is_known_beforehand_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_model(onnx_graph([onnx_node("Neg", ["c"], ["y"], "n")], [], ["y"], [onnx_tensor("c", (3,))])))
    with pytest.raises(SpecError) as refused:
        convcost.load(str(path)).report()
    assert str(refused.value).endswith(f"net.onnx: {NOTHING}")
