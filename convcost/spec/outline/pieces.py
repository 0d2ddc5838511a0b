"""The scopes of a graph as a tree of pieces: what a spec writes as one item.

A scope is a piece where its nodes stand together and nothing else has its name; where they do not, they keep their dotted
names and stand one by one in the scope around. The order of the nodes is never changed.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from convcost.core.dims import Shape
from convcost.graph.graph import Node, producer
from convcost.graph.walk import Walked, output_edges

DEEPEST = 10
"""Scopes within scopes that become pieces; what is deeper keeps dotted names."""


@dataclass(slots=True, eq=False)
class Leaf:
    """A node."""

    node: Node
    name: str
    """In the piece that it stands in."""
    at: int
    """Its place in the graph's order."""
    inputs: tuple[str, ...]
    output: str
    """Its edge; empty if it has none or several."""
    unused: bool = False
    """Whether nothing reads what it puts out, and it is no output of the network either."""

    @property
    def end(self) -> int:
        """The place behind it."""
        return self.at + 1


@dataclass(slots=True, eq=False)
class Piece:
    """Nodes of one scope, which stand together."""

    name: str
    """In the piece that it stands in; dotted where the scope between has none of its own."""
    path: str
    """Its dotted path; empty for the network itself."""
    at: int
    end: int
    items: list[Item]
    inputs: tuple[str, ...] = ()
    """Edges that it reads from outside, in the order in which it first does."""
    output: str = ""
    """The edge of its last item that is not unused; empty if that has none or several."""
    owner: str = ""
    """The scope whose parameters it uses, each node those of the node of the same name there."""
    closed: bool = True
    """Whether none of its nodes uses the parameters of one outside, but for those of its owner."""

    def has(self, name: str) -> bool:
        """Whether a node of this name would stand inside."""
        return not self.path or name.startswith(f"{self.path}.")

    def relative(self, name: str) -> str:
        """The name of a node or edge inside, seen from here."""
        return name[len(self.path) + 1 :] if self.path else name


@dataclass(slots=True, eq=False)
class Fork:
    """Branches from one edge, and the node that joins them."""

    branches: tuple[list[Item], ...]
    join: Leaf
    at: int
    inputs: tuple[str, ...]
    """The edge that all branches start from."""

    @property
    def end(self) -> int:
        return self.join.end

    @property
    def output(self) -> str:
        return self.join.output


Item = Leaf | Piece | Fork


@dataclass(slots=True)
class Wiring:
    """Who makes and who reads the edges of a walked graph, and their shapes."""

    walked: Walked
    made_at: dict[str, int] = field(default_factory=dict)
    """Node -> its place in the order."""
    shapes: dict[str, Shape] = field(default_factory=dict)
    readers: list[list[int]] = field(default_factory=list)
    """The places of the nodes that read an output of each node; an output of the network is read by the place behind all."""

    def __post_init__(self) -> None:
        graph = self.walked.graph
        self.shapes.update(graph.inputs)
        for at, step in enumerate(self.walked.steps):
            self.made_at[step.node.name] = at
            self.shapes.update(zip(output_edges(step.node, step.cost), step.cost.out))
        self.readers = [[] for _ in graph.nodes]
        for at, node in enumerate(graph.nodes):
            for edge in node.inputs:
                self._read(edge, at)
        for edge in graph.outputs:
            self._read(edge, len(graph.nodes))

    def _read(self, edge: str, at: int) -> None:
        made = self.maker(edge)
        if made >= 0:
            self.readers[made].append(at)

    def maker(self, edge: str) -> int:
        """The place of the node that makes an edge; -1 for an input of the network."""
        return self.made_at.get(producer(edge), -1)

    def channels(self, edges: Sequence[str]) -> int | None:
        """The channels of the first of these edges."""
        shape = self.shapes.get(edges[0]) if edges else None
        return shape[-1] if shape and type(shape[-1]) is int else None


def output(items: Sequence[Item], before: str = "") -> str:
    """What the item behind these reads unless it says otherwise; `before` if all are unused."""
    last = (item for item in reversed(items) if not (isinstance(item, Leaf) and item.unused))
    return next((item.output for item in last), before)


def pieces(wiring: Wiring, plain: Container[str] = ()) -> Piece:
    """The whole graph as one piece; of the `plain` scopes, and of those inside them, no pieces are made."""
    return _Scopes(wiring, plain).root()


class _Scopes:
    def __init__(self, wiring: Wiring, plain: Container[str]) -> None:
        self.wiring, self.plain = wiring, plain
        self.nodes = wiring.walked.graph.nodes
        self.shares = any(node.shares for node in self.nodes)
        self.words = [node.name.split(".") for node in self.nodes]
        self.whole = self._together(wiring.walked.graph.inputs)

    def _together(self, inputs: Container[str]) -> dict[str, bool]:
        """Path of each scope -> whether its nodes stand together and no node or input has its name."""
        runs: dict[str, int] = {}
        before: list[str] = []
        for words in self.words:
            same = True
            for depth in range(1, min(len(words), DEEPEST + 1)):
                same = same and len(before) > depth and before[depth - 1] == words[depth - 1]
                if not same:
                    path = ".".join(words[:depth])
                    runs[path] = runs.get(path, 0) + 1
            before = words
        names = self.wiring.made_at
        return {path: many == 1 and path not in names and path not in inputs for path, many in runs.items()}

    def root(self) -> Piece:
        return self.piece("", (), 0, len(self.nodes))

    def piece(self, name: str, words: tuple[str, ...], at: int, end: int) -> Piece:
        """The piece of the scope with these words, which stands from one place to another."""
        items = list(self.items(at, end, len(words), len(words)))
        inputs = dict[str, None]()
        for node in self.nodes[at:end]:
            inputs |= dict.fromkeys(edge for edge in node.inputs if not at <= self.wiring.maker(edge) < end)
        piece = Piece(name, ".".join(words), at, end, items, tuple(inputs), output(items))
        owners = {self.owner(at, piece) for at in range(at, end) if self.shares} - {None}
        if owners and owners != {""}:
            piece.owner = (owners.pop() or "") if len(owners) == 1 and "?" not in owners else ""
            piece.closed = bool(piece.owner)
        return piece

    def owner(self, at: int, piece: Piece) -> str | None:
        """The scope whose parameters a node of a piece uses; empty if it has its own, None if it needs none."""
        step = self.wiring.walked.steps[at]
        node, inside = step.node, f".{piece.relative(step.node.name)}"
        if not any((step.cost.weights, step.cost.biases, step.cost.buffers)):
            return None
        if all(piece.has(owner) for owner in node.shares.values()):
            return ""
        return node.owner.removesuffix(inside) if node.owner.endswith(inside) else "?"

    def items(self, at: int, end: int, depth: int, named: int) -> Iterator[Item]:
        """What stands from one place to another in a scope of `depth` words; names start with the word `named`."""
        while at < end:
            words = self.words[at]
            stop = at + 1
            if len(words) > depth + 1 and depth < DEEPEST and ".".join(words[: depth + 1]) not in self.plain:
                while stop < end and len(self.words[stop]) > depth + 1 and self.words[stop][depth] == words[depth]:
                    stop += 1
                if stop > at + 1:
                    inside = words[: depth + 1]
                    if self.whole[".".join(inside)]:
                        yield self.piece(".".join(inside[named:]), tuple(inside), at, stop)
                    else:
                        yield from self.items(at, stop, depth + 1, named)
                    at = stop
                    continue
            yield self.leaf(at, ".".join(words[named:]))
            at = stop

    def leaf(self, at: int, name: str) -> Leaf:
        step = self.wiring.walked.steps[at]
        edges = output_edges(step.node, step.cost)
        unused = bool(edges) and not self.wiring.readers[at]
        return Leaf(step.node, name, at, step.node.inputs, edges[0] if len(edges) == 1 else "", unused)
