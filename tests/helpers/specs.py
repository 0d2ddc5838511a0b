"""Specs that a test writes in a line or two, loaded; and their sweeps against themselves, point by point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from textwrap import dedent
from typing import Any

import convcost
from convcost.networks.load import open_network
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


def assert_resolves_to_itself(network: Network, folder: Path) -> None:
    """The resolved form is the same network: every layer with its shapes and what it stores and uses."""
    flat = folder / "flat.yaml"
    flat.write_text(resolved(network.graph, network.name, network.caption), encoding="utf-8")
    again = open_network(str(flat), {})
    for one, other in zip(network.walked.steps, again.walked.steps, strict=True):
        assert (one.node.name, one.node.op, one.input_shapes) == (other.node.name, other.node.op, other.input_shapes)
        assert (one.params, one.buffers, one.used_params) == (other.params, other.buffers, other.used_params)
        assert dict(one.node.shares) == dict(other.node.shares)
    assert again.graph.outputs == network.graph.outputs
    assert again.report().totals == network.report().totals


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
