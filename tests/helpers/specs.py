"""Specs that a test writes in a line or two, loaded; and their sweeps against themselves, point by point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from textwrap import dedent
from typing import Any

import convcost
from convcost.networks.load import open_network, validate
from convcost.networks.network import Network
from convcost.results.report import Totals
from convcost.spec.write import resolved

HEAD = "convcost: 1\nname: net\n"


def written(folder: Path, text: str, name: str = "net") -> Path:
    """A file with this text, behind the head that every spec has."""
    path = folder / f"{name}.yaml"
    path.write_text(HEAD.replace("net", name) + dedent(text), encoding="utf-8")
    return path


def spec(folder: Path, text: str, **knobs: Any) -> Network:
    """The network that the text says, at these knobs."""
    return open_network(str(written(folder, text)), knobs)


def totals(folder: Path, text: str, **knobs: Any) -> Totals:
    """What it costs."""
    return spec(folder, text, **knobs).report().totals


def told(network: Network) -> tuple[Any, ...]:
    """All that is told of a network, but for the lines of its file."""
    graph = network.graph
    steps = [step._replace(node=replace(step.node, where=None)) for step in network.walked.steps]
    return network.caption, [*graph.inputs.items()], graph.dtypes, steps, graph.outputs, network.report().totals


def assert_resolves_to_itself(network: Network, folder: Path) -> None:
    """The resolved form has no problem, is the same network in all that is told of one, and its own resolved form."""
    text = resolved(network.graph, network.name, network.caption)
    flat = folder / "flat.yaml"
    flat.write_text(text, encoding="utf-8")
    assert validate(str(flat)) == []
    again = open_network(str(flat), {})
    assert told(again) == told(network)
    assert len({*again.graph.outputs}) == len(again.graph.outputs)
    assert resolved(again.graph, network.name, again.caption) == text


def assert_swept_like_walked(path: Path, **axes: Sequence[Any]) -> None:
    """A sweep has what each of its networks has alone, at every point, or cannot be built where that cannot."""
    grid = convcost.sweep(str(path), **axes)
    for point in product(*axes.values()):
        knobs: Mapping[str, Any] = dict(zip(axes, point))
        swept = grid.at(**knobs)
        try:
            found = open_network(str(path), knobs).report().totals
        except convcost.ConvcostError:
            assert set(swept.values()) == {None}, knobs
            continue
        for metric in ("macs", "params", "activations", "peak_activation_bytes"):
            assert swept[metric] == getattr(found, metric), (knobs, metric)
