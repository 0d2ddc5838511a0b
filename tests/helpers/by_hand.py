"""Networks of graphs that a test writes itself, node by node, without the language of specs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from convcost.core.dims import Shape
from convcost.graph.graph import STORED, Caption, Graph, Node
from convcost.graph.walk import walk
from convcost.networks.network import Network
from convcost.networks.origin import Built, FromSpec, Origin
from convcost.results.report import NO_CAPTION


@dataclass(frozen=True)
class ByHand:
    """The origin of such a network: it has no knobs and no relatives."""

    graph: Graph
    knobs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    input_shapes: Mapping[str, Shape] = field(default_factory=dict, hash=False)
    changed: tuple[str, ...] = ()
    file: str = ""
    caption: Caption = NO_CAPTION

    @property
    def name(self) -> str:
        return self.graph.name

    @property
    def family(self) -> str:
        return self.graph.name

    def build(self) -> Built:
        return Built(walk(self.graph), {})

    def relatives(self) -> Iterator[Origin]:
        return iter(())

    def of_spec(self) -> FromSpec:
        raise NotImplementedError

    def at(self, **_: Any) -> Origin:
        raise NotImplementedError


def network(graph: Graph) -> Network:
    """The network of a graph."""
    return Network(ByHand(graph))


def sharing(node: Node, owner: str, *fields: str) -> Node:
    """A node that uses the weights of another one, or only some of its fields."""
    return replace(node, shares=dict.fromkeys(fields or STORED, owner))
