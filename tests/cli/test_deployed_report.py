"""`report --deploy`: what a network takes in flash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.tflite_bytes import File, Graph

import convcost

if TYPE_CHECKING:
    from helpers.cli import Cli

DETECTOR = ("mobilenet_v1:width=0.25,classes=2", "--input", "96x96x1")


def test_the_person_detector_takes_218920_bytes(cli: Cli):
    """207,968 elements of kernels of one byte, 2,738 biases of four: batch-norms are folded into them."""
    found = cli.json("report", *DETECTOR, "--deploy")
    assert found["totals"]["deployed_weight_bytes"] == 207_968 + 4 * 2_738 == 218_920
    assert found["deployed"]["weight_bytes"] == 218_920
    assert found["deployed"]["dtype"] == "int8"
    items = {item["name"]: item["bytes"] for item in found["deployed"]["items"]}
    assert (items["kernels int8"], items["biases int32"]) == (207_968, 4 * 2_738)
    assert sum(items.values()) == found["deployed"]["file_bytes"]
    assert found["totals"]["weight_bytes"] == 4 * 213_442  # as before: with batch-norms, as fp32


def test_a_type_may_be_said(cli: Cli):
    """As fp32, a kernel and a bias take four bytes each; no scales."""
    found = cli.json("report", *DETECTOR, "--deploy", "float32")
    assert found["totals"]["deployed_weight_bytes"] == 4 * (207_968 + 2_738)
    assert not [item for item in found["deployed"]["items"] if item["name"] == "scales"]


def test_without_it_nothing_is_said(cli: Cli):
    found = cli.json("report", "ds_cnn_s")
    assert "deployed" not in found
    assert "deployed_weight_bytes" not in found["totals"]


def test_the_text_says_both(cli: Cli):
    text = cli.ok("report", *DETECTOR, "--deploy")
    assert "deployed     218,920 bytes of weights and biases (214 KiB) as int8" in text
    assert "kernels int8 207,968" in text


def test_a_tflite_file_is_taken_as_it_stands(cli: Cli, tmp_path: Path):
    file = File()
    graph = Graph(file)
    x, kernel = graph.tensor("x", (1, 6)), graph.stored("kernel", (3, 6))
    y = graph.tensor("y", (1, 3))
    graph.op("FULLY_CONNECTED", [x, kernel, -1], [y])
    file.graphs.append(graph.table([x], [y]))
    path = tmp_path / "net.tflite"
    path.write_bytes(file.bytes())
    found = cli.json("report", path, "--deploy")["deployed"]
    assert (found["exact"], found["dtype"]) == (True, "fp32")
    assert (found["file_bytes"], found["weight_bytes"]) == (path.stat().st_size, 4 * 18)
    other = cli.json("report", path, "--deploy", "int8")["deployed"]
    assert (other["exact"], other["weight_bytes"]) == (False, 18)


def test_the_same_from_python():
    size = convcost.report("mobilenet_v1", width=0.25, classes=2, input_shape=(96, 96, 1), deploy=True).deployed
    assert size is not None
    assert size.weight_bytes == 218_920


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--deploy", "ds_cnn_s"),
            "'ds_cnn_s' is not one of 'int8', 'int16', 'fp32'; without a type it stands behind MODEL.",
        ),
        (("ds_cnn_s", "--deploy", "int4"), "'int4' is not one of 'int8', 'int16', 'fp32'"),
        (
            ("ds_cnn_s", "resnet20", "--deploy"),
            "--deploy says the items of one network, not of 2: ask for one at a time",
        ),
    ],
)
def test_what_is_refused_is_said(cli: Cli, arguments: tuple[str, ...], message: str):
    assert message in cli.refused("report", *arguments)


@pytest.mark.parametrize("command", [("report", "lenet5"), ("sweep", "lenet5", "--over", "classes=10:12")])
def test_a_type_of_reports_that_nothing_is_deployed_as_is_refused_with_the_way_out(cli: Cli, command: tuple[str, ...]):
    asked = (*command, "--runtime", "tflm", "--dtype", "fp16")
    said = "a TFLite program is lowered as int8, int16, fp32, got fp16; give --deploy int8 as well"
    assert cli.refused_in_a_line(*asked) == said
    assert cli.ok(*asked, "--deploy", "int8")
