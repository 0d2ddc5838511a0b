"""What if: a network with its convolutions rebuilt - separable, standard again, grouped, or merged as inference merges them.

A rewrite maps a graph to a graph; shapes and costs then come from the walk, as for any other network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from convcost.core.dims import product
from convcost.core.errors import UsageError
from convcost.core.reading import whole_number
from convcost.graph.deployed import CONVOLUTIONS, deployed
from convcost.graph.graph import Graph, Node, producer
from convcost.graph.walk import Step, Walked
from convcost.ops import OPS

REWRITES = ("separable", "standard", "deployed", "grouped:G")


class NothingToRewrite(UsageError):
    """No layer of the network can be rewritten in the requested way."""


class Rewritten(NamedTuple):
    """The new graph, and what was rebuilt."""

    graph: Graph
    rebuilt: tuple[Rebuilt, ...]
    stays: Mapping[str, str]
    """Layers that inference would merge if it could -> why it cannot; only of `deployed`."""


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
    gives convolutions of several taps G groups where G divides their channels. `deployed` merges batch-norms, layer scales and
    sums of branches into the convolution that computes the same; what cannot be merged stays. Patterns are globs over names;
    layers that an excluded pattern matches stay as they are. Layers that share weights are rebuilt alike and share those of the new
    ones; `UsageError` if only some of them would be.
    """
    way, groups = way_of(to)
    if not isinstance(pattern, str):
        raise UsageError(f"layers is a glob over names, as stage2.*, got {type(pattern).__name__}")
    graph, steps = walked.graph, walked.steps
    chosen = {step.node.name for step in steps if fnmatchcase(step.node.name, pattern)}
    kept = _matching(graph, excluded)
    stays: Mapping[str, str] = {}
    if way == "grouped":
        rebuilt = [_grouped(step, groups) for step in steps if _can_group(step, groups)]
    elif way == "separable":
        rebuilt = [_separated(step) for step in steps if _is_plain(step)]
    elif way == "deployed":
        merged, stays = deployed(walked, kept)
        stays = {name: why for name, why in stays.items() if name in chosen}
        rebuilt = [Rebuilt(old, new) for old, new in merged]
        if kept and not any(chosen & one.names for one in rebuilt):  # to say whether it is for what is left out
            rebuilt = [Rebuilt(old, new) for old, new in deployed(walked).merged]
    else:
        rebuilt = list(_merged(steps, frozenset(graph.outputs)))
    rebuilt = [one for one in rebuilt if chosen & one.names]
    if not rebuilt:
        which = "" if pattern == "*" else f" matching {pattern!r}"
        raise NothingToRewrite(f"{graph.name} has no layer{which} that can become {to}")
    rebuilt = [one for one in rebuilt if not kept & one.names]
    if not rebuilt:
        raise NothingToRewrite(f"{graph.name}: what is left out leaves no layer that can become {to}")
    rebuilt = _sharing(graph, rebuilt, to)
    return Rewritten(_applied(graph, rebuilt), tuple(rebuilt), stays)


def way_of(to: str) -> tuple[str, int]:
    """A way to rebuild, and the number of groups; raises `UsageError`.

    >>> way_of("grouped:8")
    ('grouped', 8)
    """
    if not isinstance(to, str):
        raise UsageError(f"a rewrite goes to {', '.join(REWRITES)} (G > 1), got {type(to).__name__}")
    way, _, number = to.partition(":")
    groups = whole_number(number) or 0
    if to not in REWRITES[:-1] and not (way == "grouped" and groups > 1):
        raise UsageError(f"a rewrite goes to {', '.join(REWRITES)} (G > 1), got {to[:40]!r}")
    return way, groups


def may_be_nothing(to: str) -> bool:
    """Whether a network of a grid in which nothing can be rebuilt is itself what was asked for: it is deployed as it stands."""
    return way_of(to)[0] == "deployed"


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
    return bool(
        step.node.op in CONVOLUTIONS
        and step.input_shapes[0][-1] > 1
        and product(step.node.attrs["kernel"]) > 1
        and step.node.attrs["groups"] == 1
    )


def _can_group(step: Step, groups: int) -> bool:
    return _is_plain(step) and step.input_shapes[0][-1] % groups == step.node.attrs["channels"] % groups == 0


def _grouped(step: Step, groups: int) -> Rebuilt:
    return Rebuilt((step.node,), (_changed(step.node, groups=groups),))


def _separated(step: Step) -> Rebuilt:
    node, channels = step.node, step.input_shapes[0][-1]
    scope = (*node.scope, node.name.rpartition(".")[2])
    filters = {**node.attrs, "channels": channels, "groups": channels, "bias": False}
    depthwise = Node(f"{node.name}.depthwise", node.op, node.inputs, filters, scope, node.where)
    mix = {**node.attrs, **_point(node)}
    pointwise = Node(f"{node.name}.pointwise", node.op, (depthwise.name,), mix, scope, node.where)
    new = (
        replace(piece, form=node.form, trainable=node.trainable, dtypes=node.dtypes) for piece in (depthwise, pointwise)
    )
    return Rebuilt((node,), tuple(new))


def _point(node: Node) -> Mapping[str, Any]:
    """The window of a pointwise convolution along as many axes as that of a node."""
    ones = (1,) * len(node.attrs["kernel"])
    return {"kernel": ones, "stride": ones, "padding": ((0, 0),) * len(ones), "dilation": ones}


def _merged(steps: tuple[Step, ...], outputs: frozenset[str]) -> Iterable[Rebuilt]:
    """Depthwise convolutions with the pointwise ones that read them, alone or through a batch-norm and activation."""
    readers: dict[str, list[Node]] = {}
    for step in steps:
        for edge in step.node.inputs:
            readers.setdefault(edge, []).append(step.node)
    for step in steps:
        if step.node.op not in CONVOLUTIONS:
            continue
        channels = step.input_shapes[0][-1]
        if not step.node.attrs["groups"] == channels == step.node.attrs["channels"] > 1:
            continue
        chain = [step.node]
        while len(following := readers.get(chain[-1].name, [])) == 1 and chain[-1].name not in outputs:
            chain.append(following[0])
            if not OPS[chain[-1].op].traits.elementwise:
                break
        # A pair of which one is fixed and the other trained is no convolution that is either.
        if len(chain) > 1 and _mixes(chain[-1], step.node.op) and chain[-1].trainable == step.node.trainable:
            yield Rebuilt(tuple(chain), (_standard(chain[0], chain[-1]),))


def _mixes(node: Node, op: str) -> bool:
    """Whether a node is a pointwise convolution of this op, and so mixes the channels of each position alone."""
    if node.op != op:
        return False
    point = _point(node)
    plain = all(node.attrs[name] == value for name, value in point.items() if name != "padding")
    words = all(isinstance(axis, str) for axis in node.attrs["padding"])  # no word adds a zero around one tap
    return bool(plain and (words or node.attrs["padding"] == point["padding"]) and node.attrs["groups"] == 1)


def _standard(depthwise: Node, pointwise: Node) -> Node:
    """One convolution over all channels; what `separable` made gets its old name back."""
    window = {name: depthwise.attrs[name] for name in _point(depthwise)}
    parent, _, local = pointwise.name.rpartition(".")
    ours = local == "pointwise" and depthwise.name == f"{parent}.depthwise"
    name, scope = (parent, pointwise.scope[:-1]) if ours else (pointwise.name, pointwise.scope)
    attrs = {**pointwise.attrs, **window}
    made = Node(name, pointwise.op, depthwise.inputs, attrs, scope, pointwise.where)
    return replace(made, form=depthwise.form, trainable=pointwise.trainable, dtypes=pointwise.dtypes)


def _sharing(graph: Graph, rebuilt: Sequence[Rebuilt], to: str) -> list[Rebuilt]:
    """The rebuilt nodes, each new one sharing the weights of its counterpart where the old ones did.

    Raises `UsageError` where weights are shared by a node that is rebuilt and one that is not, or not alike.
    """
    of = {node.name: one for one in rebuilt for node in one.old}
    lost = {node.name for one in rebuilt for node in one.old} - {conv.name for one in rebuilt for conv in _convs(one)}
    for node in graph.nodes:
        for owner in node.shares.values():
            if (node.name in of) != (owner in of) and node.name not in lost:
                said = f"{node.name} uses the weights of {owner}, so that both become {to} or neither does"
                raise UsageError(f"{graph.name}: {said}; choose both, or leave both out")
    return [_shared(graph, one, of, to) for one in rebuilt]


def _shared(graph: Graph, one: Rebuilt, of: Mapping[str, Rebuilt], to: str) -> Rebuilt:
    """One rebuilt part whose new nodes share the weights of another's if its old ones do; raises `UsageError`."""
    convs = _convs(one)
    owners = [owner for conv in convs for owner in conv.shares.values()]
    if not owners:
        return one
    other = of[owners[0]]
    theirs = [conv.name for conv in _convs(other)]
    alike = [{*conv.shares.values()} for conv in convs] == [{name} for name in theirs]
    if not alike or _sizes(one.new) != _sizes(other.new):
        said = f"{one.name} uses weights of {owners[0]}, but as {to} they would not have the same; leave both out"
        raise UsageError(f"{graph.name}: {said}")
    fields = convs[-1].shares
    new = (replace(node, shares=dict.fromkeys(fields, their.name)) for node, their in zip(one.new, other.new))
    return Rebuilt(one.old, tuple(new))


def _sizes(nodes: Iterable[Node]) -> list[Any]:
    """What tells the weights of convolutions apart, besides how many there are."""
    return [(node.op, *(node.attrs[name] for name in ("channels", "kernel", "groups"))) for node in nodes]


def _convs(one: Rebuilt) -> tuple[Node, ...]:
    """The convolutions among the old nodes."""
    return tuple(node for node in one.old if node.op in CONVOLUTIONS)


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
    return replace(graph, nodes=nodes, outputs=tuple(map(led, graph.outputs)))
