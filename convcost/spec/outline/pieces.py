"""The scopes of a graph as a tree of pieces: what a spec writes as one item.

A scope is a piece where its nodes stand together and nothing else has its name; where they do not, they keep their dotted
names and stand one by one in the scope around. The order of the nodes is never changed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from convcost.core.dims import Shape
from convcost.graph.graph import Node, producer
from convcost.graph.walk import Walked, output_edges

CROWDED = 16
"""Nodes directly in one scope, from which on the joints of their names may part it."""
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
    glue: str = "."
    """What joins its name to those inside: a dot, or where it is no scope to the graph, something else."""
    closed: bool = True
    """Whether none of its nodes uses the parameters of one outside, but for those of its owner."""

    def has(self, name: str) -> bool:
        """Whether a node of this name would stand inside."""
        return not self.path or name.startswith(f"{self.path}{self.glue}")

    def inside(self, name: str) -> str:
        """What a name inside is called in the network."""
        return f"{self.path}{self.glue}{name}" if self.path else name

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


def pieces(wiring: Wiring, plain: Container[str] = (), joints: str = "") -> Piece:
    """The whole graph as one piece; of the `plain` scopes, and of those inside them, no pieces are made.

    With `joints`, these characters are looked at as well as dots.
    """
    return _Scopes(wiring, plain, joints).root()


class _Scopes:
    """Makes the pieces of a graph.

    The scopes of a name are what stands before its dots. Where many nodes stand in one scope, what stands before the other
    joints of their own names is looked at as well: Keras has `block_1_expand` and no scopes. A scope is known by all that
    stands before a name, the dot or joint included.
    """

    def __init__(self, wiring: Wiring, plain: Container[str], joints: str) -> None:
        self.wiring, self.plain = wiring, plain
        self.nodes = wiring.walked.graph.nodes
        self.shares = any(node.shares for node in self.nodes)
        self.cuts = self._cuts(joints)
        """Of each node, the places in its name behind which what is inside a scope starts."""
        self.whole = self._together(wiring.walked.graph.inputs)

    def _cuts(self, joints: str) -> list[list[int]]:
        crowd = Counter(node.name.rpartition(".")[0] for node in self.nodes)
        cuts = []
        for node in self.nodes:
            found = [at + 1 for at, char in enumerate(node.name) if char == "."]
            around, _, own = node.name.rpartition(".")
            if joints and crowd[around] >= CROWDED and not re.fullmatch(rf"{node.op}(_\d+)?", own):
                start = len(node.name) - len(own)
                found += [start + joint.end() for joint in re.finditer(rf"(?<=[^\W_])[{joints}](?=[^\W_])", own)]
            cuts.append(found[:DEEPEST])
        return cuts

    def _together(self, inputs: Container[str]) -> dict[str, bool]:
        """Each scope -> whether its nodes stand together, and no node, input or other scope has its name."""
        runs = Counter[str]()
        before: set[str] = set()
        for node, cuts in zip(self.nodes, self.cuts):
            scopes = {node.name[:cut] for cut in cuts}
            runs.update(scopes - before)
            before = scopes
        names, called = self.wiring.made_at, Counter(scope[:-1] for scope in runs)
        dotted = {scope[:-1] for scope in runs if scope[-1] == "."}
        return {
            scope: many == 1
            and scope[:-1] not in names
            and scope[:-1] not in inputs
            and (called[scope[:-1]] == 1 or (scope[-1] == "." and scope[:-1] in dotted))
            for scope, many in runs.items()
        }

    def root(self) -> Piece:
        return self.piece("", 0, 0, len(self.nodes), 0)

    def piece(self, scope: str, start: int, at: int, end: int, depth: int) -> Piece:
        """The piece of a scope, which stands from one place to another; its own name starts at `start`."""
        items = list(self.items(at, end, depth, len(scope)))
        inputs = dict[str, None]()
        for node in self.nodes[at:end]:
            inputs |= dict.fromkeys(edge for edge in node.inputs if not at <= self.wiring.maker(edge) < end)
        path, glue = scope[:-1], scope[-1:] or "."
        piece = Piece(path[start:], path, at, end, items, tuple(inputs), output(items), glue=glue)
        owners = {self.owner(at, piece) for at in range(at, end) if self.shares} - {None}
        if owners and owners != {""}:
            piece.owner = (owners.pop() or "") if len(owners) == 1 and "?" not in owners else ""
            piece.closed = bool(piece.owner)
        return piece

    def owner(self, at: int, piece: Piece) -> str | None:
        """The scope whose parameters a node of a piece uses; empty if it has its own, None if it needs none."""
        step = self.wiring.walked.steps[at]
        node, inside = step.node, f"{piece.glue}{piece.relative(step.node.name)}"
        if not any((step.cost.weights, step.cost.biases, step.cost.buffers)):
            return None
        if all(piece.has(owner) for owner in node.shares.values()):
            return ""
        return node.owner.removesuffix(inside) if node.owner.endswith(inside) else "?"

    def items(self, at: int, end: int, depth: int, start: int) -> Iterator[Item]:
        """What stands from one place to another, `depth` scopes deep; names start at `start`."""
        while at < end:
            scope = self.scope(at, depth)
            stop = at + 1
            while scope and stop < end and self.scope(stop, depth) == scope:
                stop += 1
            if stop == at + 1 or scope[:-1] in self.plain:
                yield self.leaf(at, start)
                at += 1
                continue
            if self.whole[scope]:
                yield self.piece(scope, start, at, stop, depth + 1)
            else:
                yield from self.items(at, stop, depth + 1, start)
            at = stop

    def scope(self, at: int, depth: int) -> str:
        """The scope of a node at a depth; empty if it has none."""
        cuts = self.cuts[at]
        return self.nodes[at].name[: cuts[depth]] if depth < len(cuts) else ""

    def leaf(self, at: int, start: int) -> Leaf:
        step = self.wiring.walked.steps[at]
        edges = output_edges(step.node, step.cost)
        unused = bool(edges) and not self.wiring.readers[at]
        return Leaf(
            step.node, step.node.name[start:], at, step.node.inputs, edges[0] if len(edges) == 1 else "", unused
        )
