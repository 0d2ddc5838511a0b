"""Graphs of the zoo under the names that exporters of PyTorch give their layers: paths of modules, counted from 0."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from convcost.graph.graph import Graph

Rename = Callable[[str], str]


def renamed(graph: Graph, rename: Rename) -> Graph:
    """The same graph with other names of nodes, and the scopes that these state."""
    names = {node.name: rename(node.name) for node in graph.nodes}
    assert len({*names.values()}) == len(names), "two nodes get one name"

    def edge(name: str) -> str:
        head, colon, part = name.partition(":")
        return names.get(head, head) + colon + part

    nodes = tuple(
        replace(
            node,
            name=names[node.name],
            scope=tuple(names[node.name].split(".")[:-1]),
            inputs=tuple(map(edge, node.inputs)),
            shares={field: names[owner] for field, owner in node.shares.items()},
            where=None,
        )
        for node in graph.nodes
    )
    return Graph(graph.name, graph.inputs, nodes, tuple(map(edge, graph.outputs)))


def _less(number: str) -> int:
    return int(number) - 1


def resnet(name: str) -> str:
    """`conv2_x.block1.conv1.batch_norm` as torchvision's `layer1.0.bn1`; the relu behind `bn1` as `relu`, the others numbered."""
    stem = {"conv1.conv2d": "conv1", "conv1.batch_norm": "bn1", "conv1.relu": "relu", "pool1": "maxpool"}
    tail = {"global_avg_pool": "avgpool"}
    found = re.fullmatch(r"conv(\d)_x\.block(\d+)\.(\w+)(?:\.(\w+))?", name)
    if found is None:
        return {**stem, **tail}.get(name, name)
    stage, block, part, op = found.groups()
    number = part.removeprefix("conv")
    inside = {
        "conv2d": f"conv{number}" if number != part else "downsample.0",
        "batch_norm": f"bn{number}" if number != part else "downsample.1",
        "relu": "relu" if number == "1" else f"relu_{number}",
        None: {"add": "add", "relu": "relu_3"}.get(part, part),
    }[op]
    return f"layer{_less(stage)}.{_less(block)}.{inside}"


def mobilenet_v2() -> Rename:
    """`stage2.block1.depthwise.conv2d` as torchvision's `features.2.conv.1.0`: blocks are numbered through all stages."""
    lengths = dict(zip(range(1, 8), (1, 2, 3, 4, 3, 3, 1), strict=True))  # Table 2 of the paper
    ops = {"conv2d": 0, "batch_norm": 1, "relu6": 2}

    def rename(name: str) -> str:
        if found := re.fullmatch(r"(stem|head)\.(\w+)", name):
            return f"features.{0 if found[1] == 'stem' else 18}.{ops[found[2]]}"
        found = re.fullmatch(r"stage(\d)\.block(\d)\.(\w+)(?:\.(\w+))?", name)
        if found is None:
            return {"dropout": "classifier.0", "classifier": "classifier.1"}.get(name, name)
        stage, block, part, op = int(found[1]), int(found[2]), found[3], found[4]
        at = sum(lengths[before] for before in range(1, stage)) + block
        if part == "add":
            return f"features.{at}.add"
        order = ("depthwise", "project") if at == 1 else ("expand", "depthwise", "project")
        inside = order.index(part)
        return f"features.{at}.conv." + (f"{inside + ops[op]}" if part == "project" else f"{inside}.{ops[op]}")

    return rename


def efficientnet(name: str) -> str:
    """`stage3.block2.se.reduce` as torchvision's `features.2.1.block.2.fc1`."""
    ops = {"conv2d": 0, "batch_norm": 1, "swish": 2}
    gate = {
        "global_avg_pool": "avgpool",
        "reduce": "fc1",
        "swish": "activation",
        "expand": "fc2",
        "sigmoid": "scale_activation",
    }
    if found := re.fullmatch(r"(stem|head)\.(\w+)", name):
        return f"features.{0 if found[1] == 'stem' else 8}.{ops[found[2]]}"
    found = re.fullmatch(r"stage(\d)\.block(\d+)\.(\w+)(?:\.(\w+))?", name)
    if found is None:
        return {"global_avg_pool": "avgpool", "dropout": "classifier.0", "classifier": "classifier.1"}.get(name, name)
    stage, block, part, op = found.groups()
    order = ("depthwise", "se", "project") if stage == "2" else ("expand", "depthwise", "se", "project")
    inside = part if part == "add" else f"block.{order.index(part)}.{gate.get(op, op) if part == 'se' else ops[op]}"
    return f"features.{_less(stage)}.{_less(block)}.{inside}"


def vit(name: str) -> str:
    """`layer1.mlp.hidden` as torchvision's `encoder.layers.encoder_layer_0.mlp.hidden`."""
    return re.sub(r"^layer(\d+)\.", lambda found: f"encoder.layers.encoder_layer_{_less(found[1])}.", name)


NAMERS: Mapping[str, Rename] = {
    "resnet18": resnet,
    "resnet50": resnet,
    "resnet152": resnet,
    "mobilenet_v2": mobilenet_v2(),
    "efficientnet_b0": efficientnet,
    "efficientnet_b4": efficientnet,
    "vit_b_16": vit,
}
