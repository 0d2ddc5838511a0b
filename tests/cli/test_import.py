"""`convcost import`: the spec that is written, whole or not at all, stands for the network that was named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import convcost

if TYPE_CHECKING:
    from helpers.cli import Cli


@pytest.mark.parametrize("flat", [False, True])
def test_the_spec_reports_what_the_network_does(cli: Cli, flat: bool, tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    more = ["--flat"] if flat else []
    assert cli.ok("import", "mobilenet_v2:width=0.5", "--input", "160", *more, "-o", file) == ""
    network = convcost.load("mobilenet_v2", input_shape=160, width=0.5)
    found = convcost.load(file)
    assert found.report().totals == network.report().totals
    assert [node.name for node in found.graph.nodes] == [node.name for node in network.graph.nodes]
    lines = file.read_text().splitlines()
    assert lines[0] == f"# made by convcost import mobilenet_v2:width=0.5 --input 160{' --flat' * flat} -o FILE.yaml"
    assert (len(lines) > 150) is flat


def test_a_spec_of_ones_own_is_a_model_too(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "convcost: 1\nname: mine\ntitle: Mine\nknobs: {n: 3}\ninput: [8, 8, 4]\n"
        "layers: [{conv_bn_act: {channels: 8, kernel: 1}, repeat: n, name: conv}]\n"
    )
    assert cli.ok("import", file, "--set", "n=2").splitlines()[1:] == [
        "convcost: 1",
        "name: mine",
        "title: Mine",
        "input: [8, 8, 4]",
        "layers:",
        "  - {conv2d: {channels: 8, kernel: 1, padding: same, bias: false}, name: conv1.conv}",
        "  - {batch_norm: , name: conv1.norm}",
        "  - {relu: , name: conv1.act}",
        "  - {conv2d: {channels: 8, kernel: 1, padding: same, bias: false}, name: conv2.conv}",
        "  - {batch_norm: , name: conv2.norm}",
        "  - {relu: , name: conv2.act}",
    ]


def test_what_cannot_be_written_leaves_nothing_behind(cli: Cli, tmp_path: Path) -> None:
    assert "no/net.yaml" in cli("import", "vgg11", "-o", tmp_path / "no" / "net.yaml", code=2).stderr
    assert cli("import", "no_such_network", "-o", tmp_path / "net.yaml", code=2).stdout == ""
    assert [*tmp_path.iterdir()] == []


def test_the_command_is_one_of_models(cli: Cli) -> None:
    text = cli.ok("--help")
    assert text.index("Models:") < text.index("  import  ") < text.index("  spec  ")
