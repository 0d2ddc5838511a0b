"""What if: a network with its convolutions rebuilt - separable, standard again, or grouped.

A rewrite maps a graph to a graph; shapes and costs then come from the walk, as for any other network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from convcost.core.dims import Dim
from convcost.core.errors import UsageError
from convcost.core.reading import whole_number
from convcost.graph.graph import Graph, Node, producer
from convcost.graph.walk import Step, Walked
from convcost.ops import OPS

REWRITES = ("separable", "standard", "grouped:G")
_POINT: Mapping[str, Any] = {
    name: value
    for name, value in OPS["conv2d"].convert({"channels": 1, "kernel": 1}).items()
    if name in ("kernel", "stride", "padding", "dilation")
}


class NothingToRewrite(UsageError):
    """No layer of the network can be rewritten in the requested way."""


class Rewritten(NamedTuple):
    """The new graph, and what was rebuilt."""

    graph: Graph
    rebuilt: tuple[Rebuilt, ...]


class Rebuilt(NamedTuple):
    """Nodes of the old graph and the nodes that replace them in the new one."""

    old: tuple[Node, ...]
    new: tuple[Node, ...]

    @property
    def name(self) -> str:
        """The old node whose consumers now read the last of the new ones."""
        return self.old[-1].name

    @property
    def names(self) -> set[str]:
        """Of the old nodes."""
        return {node.name for node in self.old}


def rewrite(walked: Walked, to: str, pattern: str = "*", excluded: Sequence[str] = ()) -> Rewritten:
    """Rebuild the matching convolutions of a graph; raises `UsageError` if there is none.

    `separable` turns each convolution of one group, several channels and several taps into depthwise and pointwise;
    the bias goes to the pointwise. `standard` undoes that: a depthwise convolution, what follows it (batch-norm,
    activation), and the 1×1 that reads it become one convolution with the depthwise kernel and stride. `grouped:G`
    gives convolutions of several taps G groups where G divides their channels. Patterns are globs over names; layers that an
    excluded pattern matches stay as they are.
    """
    way, groups = way_of(to)
    graph, steps = walked.graph, walked.steps
    chosen = {step.node.name for step in steps if fnmatchcase(step.node.name, pattern)}
    kept = _matching(graph, excluded)
    if way == "grouped":
        rebuilt = [_grouped(step, groups) for step in steps if _can_group(step, groups)]
    elif way == "separable":
        rebuilt = [_separated(step) for step in steps if _is_plain(step)]
    else:
        rebuilt = list(_merged(steps, frozenset(graph.outputs)))
    rebuilt = [one for one in rebuilt if chosen & one.names]
    if not rebuilt:
        which = "" if pattern == "*" else f" matching {pattern!r}"
        raise NothingToRewrite(f"{graph.name} has no layer{which} that can become {to}")
    rebuilt = [one for one in rebuilt if not kept & one.names]
    if not rebuilt:
        raise NothingToRewrite(f"{graph.name}: what is left out leaves no layer that can become {to}")
    return Rewritten(_applied(graph, rebuilt), tuple(rebuilt))


def way_of(to: str) -> tuple[str, int]:
    """A way to rebuild, and the number of groups; raises `UsageError`.

    >>> way_of("grouped:8")
    ('grouped', 8)
    """
    way, _, number = to.partition(":")
    groups = whole_number(number) or 0
    if to not in ("separable", "standard") and not (way == "grouped" and groups > 1):
        raise UsageError(f"a rewrite goes to {', '.join(REWRITES)} (G > 1), got {to[:40]!r}")
    return way, groups


def rewritten_name(name: str, to: str) -> str:
    """What a rewritten network is called; its own name if nothing is rewritten.

    >>> rewritten_name("vgg16", "grouped:8")
    'vgg16_grouped8'
    """
    return f"{name}_{to.replace(':', '')}" if to else name


def _matching(graph: Graph, patterns: Sequence[str]) -> set[str]:
    """The names that one of the patterns matches; raises `UsageError` for a pattern that matches none."""
    found: set[str] = set()
    for pattern in patterns:
        names = {node.name for node in graph.nodes if fnmatchcase(node.name, pattern)}
        if not names:
            raise UsageError(f"{graph.name} has no layer matching {pattern!r} to leave out")
        found |= names
    return found


def _is_plain(step: Step) -> bool:
    """A convolution that a separable one can replace."""
    several = step.node.op == "conv2d" and step.input_shapes[0][-1] > 1 and _taps(step.node) > 1
    return bool(several and step.node.attrs["groups"] == 1)


def _can_group(step: Step, groups: int) -> bool:
    return _is_plain(step) and step.input_shapes[0][-1] % groups == step.node.attrs["channels"] % groups == 0


def _taps(node: Node) -> Dim:
    height, width = node.attrs["kernel"]
    return height * width


def _grouped(step: Step, groups: int) -> Rebuilt:
    return Rebuilt((step.node,), (_changed(step.node, groups=groups),))


def _separated(step: Step) -> Rebuilt:
    node, channels = step.node, step.input_shapes[0][-1]
    scope = (*node.scope, node.name.rpartition(".")[2])
    filters = {**node.attrs, "channels": channels, "groups": channels, "bias": False}
    depthwise = Node(f"{node.name}.depthwise", "conv2d", node.inputs, filters, scope, node.where)
    mix = {**node.attrs, **_POINT}
    pointwise = Node(f"{node.name}.pointwise", "conv2d", (depthwise.name,), mix, scope, node.where)
    return Rebuilt((node,), (depthwise, pointwise))


def _merged(steps: tuple[Step, ...], outputs: frozenset[str]) -> Iterable[Rebuilt]:
    """Depthwise convolutions with the pointwise ones that read them, alone or through a batch-norm and activation."""
    readers: dict[str, list[Node]] = {}
    for step in steps:
        for edge in step.node.inputs:
            readers.setdefault(edge, []).append(step.node)
    for step in steps:
        channels = step.input_shapes[0][-1]
        if step.node.op != "conv2d" or not step.node.attrs["groups"] == channels == step.node.attrs["channels"] > 1:
            continue
        chain = [step.node]
        while len(following := readers.get(chain[-1].name, [])) == 1 and chain[-1].name not in outputs:
            chain.append(following[0])
            if not OPS[chain[-1].op].traits.elementwise:
                break
        if len(chain) > 1 and _is_pointwise(chain[-1]):
            yield Rebuilt(tuple(chain), (_standard(chain[0], chain[-1]),))


def _is_pointwise(node: Node) -> bool:
    plain = all(node.attrs.get(name) == value for name, value in _POINT.items() if name != "padding")
    unpadded = node.attrs.get("padding") in (_POINT["padding"], ("same", "same"))
    return bool(node.op == "conv2d" and plain and unpadded and node.attrs["groups"] == 1)


def _standard(depthwise: Node, pointwise: Node) -> Node:
    """One convolution over all channels; what `separable` made gets its old name back."""
    window = {name: depthwise.attrs[name] for name in _POINT}
    parent, _, local = pointwise.name.rpartition(".")
    ours = local == "pointwise" and depthwise.name == f"{parent}.depthwise"
    name, scope = (parent, pointwise.scope[:-1]) if ours else (pointwise.name, pointwise.scope)
    return Node(name, "conv2d", depthwise.inputs, {**pointwise.attrs, **window}, scope, pointwise.where)


def _changed(node: Node, **attrs: Any) -> Node:
    return replace(node, attrs={**node.attrs, **attrs})


def _applied(graph: Graph, rebuilt: Iterable[Rebuilt]) -> Graph:
    """The graph with nodes replaced, each in the position of its last old node, and edges redirected to the new ones."""
    gone = {node.name for one in rebuilt for node in one.old}
    at = {one.name: one.new for one in rebuilt}
    moved = {one.name: one.new[-1].name for one in rebuilt}

    def led(edge: str) -> str:
        return moved.get(producer(edge), producer(edge)) + edge[len(producer(edge)) :]

    def placed(node: Node) -> Node:
        return replace(node, inputs=tuple(map(led, node.inputs)))

    kept = (at.get(node.name, () if node.name in gone else (node,)) for node in graph.nodes)
    nodes = tuple(placed(node) for group in kept for node in group)
    return Graph(graph.name, graph.inputs, nodes, tuple(map(led, graph.outputs)))
