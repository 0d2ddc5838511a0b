"""What a person would draw as one."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.onnx_bytes import onnx_graph, onnx_model, onnx_node, onnx_tensor, onnx_value
from helpers.zoo import ends_of_families, loaded

from convcost import load
from convcost.graph.drawn import Unit, units


def drawn(name: str) -> list[str]:
    return [f"{unit.name}: {unit.text}" for unit in units(load(name).walked)]


def of(tmp_path: Path, layers: str) -> tuple[Unit, ...]:
    file = tmp_path / "net.yaml"
    file.write_text(f"convcost: 1\nname: net\ninput: [8, 8, 4]\nlayers:\n{layers}")
    return units(load(str(file)).walked)


@pytest.mark.parametrize("name", ends_of_families())
def test_each_layer_is_in_one_unit_and_units_read_units(name: str) -> None:
    network = loaded(name)
    found = units(network.walked)
    assert sorted(step.node.name for unit in found for step in unit.steps) == sorted(s.node.name for s in network.steps)
    names = [*network.graph.inputs, *(unit.name for unit in found)]
    assert len({*names}) == len(names)
    assert all(one in names for unit in found for one in unit.inputs)


def test_a_convolution_is_drawn_with_what_runs_on_its_output() -> None:
    assert drawn("alexnet")[0] == "conv1: conv2d 11×11 /4 + relu + lrn"
    assert drawn("mobilenet_v2")[-1] == "classifier: linear"  # and no flatten, no dropout


def test_a_norm_before_a_convolution_belongs_to_it() -> None:
    assert "conv2_x.block2.conv1: bn + relu + conv2d 1×1 + bn + relu" in drawn("resnet50_v2")
    assert "conv5_x.last.add: add + bn + relu" in drawn("resnet50_v2")  # followed by a pool
    assert "conv2_x.block1.add: add + relu" in drawn("resnet50")


def test_what_two_layers_read_is_not_hidden_in_one(tmp_path: Path) -> None:
    found = of(
        tmp_path, "  - {conv2d: {channels: 4, kernel: 1}, name: a}\n  - {relu: , name: r}\n  - {add: , in: [a, r]}\n"
    )
    assert [(unit.text, unit.inputs) for unit in found] == [
        ("conv2d 1×1", ("input",)),
        ("relu", ("a",)),
        ("add", ("a", "r")),
    ]


def test_views_are_drawn_with_what_made_them_and_never_said(tmp_path: Path) -> None:
    found = of(tmp_path, "  - flatten\n  - {linear: {channels: 3}, name: fc}\n  - dropout: {rate: 0.5}\n  - softmax\n")
    assert [(unit.name, unit.text, len(unit.steps)) for unit in found] == [("fc", "linear + softmax", 4)]


@pytest.mark.parametrize(
    ("given", "names", "called"),
    [
        ("x", ["block1", "block1/proj/Conv", "head/Conv"], ["block1", "block1.proj", "head"]),
        ("x", ["a", "/a/b/Conv"], ["a", "a.b"]),
        ("x", ["a", "a/b/Conv"], ["a", "a.b"]),
        ("x", ["/a/b/Conv", "a"], ["a.b", "a"]),
        ("a", ["/a/b/Conv", "c"], ["a.b", "c"]),
        ("x", ["/a/b/Conv", "c"], ["a", "c"]),
    ],
)
def test_no_unit_is_called_like_another_one_or_an_input(
    given: str, names: list[str], called: list[str], tmp_path: Path
) -> None:
    edges = [given, *(f"made{at}" for at in range(len(names)))]
    nodes = [onnx_node("Conv", [x, "w"], [y], name, pads=[1] * 4) for x, y, name in zip(edges, edges[1:], names)]
    graph = onnx_graph(nodes, [onnx_value(given, (1, 3, 8, 8))], edges[-1:], [onnx_tensor("w", (3, 3, 3, 3))])
    (tmp_path / "net.onnx").write_bytes(onnx_model(graph))
    found = units(load(str(tmp_path / "net.onnx")).walked)
    assert [unit.name for unit in found] == called
    assert [unit.inputs for unit in found] == [(before,) for before in [given, *called[:-1]]]
