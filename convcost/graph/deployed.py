"""What a network that is deployed merges: batch-norms, and branches that are linear in one tensor, into one convolution.

A tensor that follows from another by convolutions, factors and shifts per channel, and sums of these, is one convolution of
that other with a bias, if one window covers those of all branches (Ding et al., RepVGG, arXiv 2101.03697, section 3.3). The
same holds of linear layers, and of factors and shifts before a product that adds no zeros. Two products one behind the other
are left as they are: that is cheaper. No family is known here, only that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from convcost.core.dims import Dim
from convcost.core.dtypes import DEFAULT, is_float
from convcost.graph.graph import STORED, Node, producer
from convcost.graph.walk import Step, Walked
from convcost.ops.window import dilated, slide_over

CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
"""The convolutions."""
PRODUCTS = CONVOLUTIONS | {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear"}
"""The ops with a bias per channel, which take in a factor and a shift that follow."""
_ADDED = CONVOLUTIONS | {"linear"}
"""Those of which one can stand for the sum of several."""
PER_CHANNEL = frozenset({"batch_norm", "scale"})
"""The ops that multiply each channel by a number that is stored, and may add one."""
_PASSES = frozenset({"dropout", "identity"})
"""The ops that change nothing once a network is trained."""
_MOST, _LARGEST = 16, 500
"""A tensor is looked at as a function of so many before it, through so many nodes: bounds on repeated growth."""


class Affine(NamedTuple):
    """A tensor as a sum of convolutions, of factors per channel and of shifts of one earlier tensor."""

    nodes: frozenset[str]
    """The nodes between the two."""
    conv: Step | None = None
    """The convolution whose window covers the others; None if each channel is multiplied alone."""
    bias: bool = False


_SAME = Affine(frozenset())
"""A tensor as a function of itself."""


class Merged(NamedTuple):
    """Nodes in their order, the last of which puts out what the new one does."""

    old: tuple[Node, ...]
    new: Node


class Deployed(NamedTuple):
    """All that can be merged, and what cannot."""

    merged: tuple[Merged, ...]
    stays: Mapping[str, str]
    """A batch-norm, layer scale or sum of branches that stays -> why."""


def deployed(walked: Walked) -> Deployed:
    """Merge as much as one convolution, transposed convolution or linear layer each can stand for.

    A tensor that something else reads, too, is still made, and so is an output of the network. Types other than floating point,
    in which a factor cannot be taken into a kernel, and shared weights are left alone.
    """
    reach = _Reach(walked)
    taken: set[str] = set()
    merged = []
    for step in reversed(walked.steps):
        if step.node.name not in taken and (found := reach.largest(step.node)):
            source, form = found
            taken |= form.nodes
            merged.append(reach.one(step.node, source, form))
    stays = {
        step.node.name: reach.why(step.node)
        for step in walked.steps
        if step.node.name not in taken and (step.node.op in PER_CHANNEL or step.node.name in reach.apart)
    }
    return Deployed(tuple(merged[::-1]), stays)


class _Reach:
    """How each tensor of a network follows from those before it."""

    def __init__(self, walked: Walked) -> None:
        self.steps = {step.node.name: step for step in walked.steps}
        self.place = {name: place for place, name in enumerate(self.steps)}
        self.outputs = frozenset(walked.outputs)
        self.readers: dict[str, list[str]] = {}
        self.forms: dict[str, dict[str, Affine]] = {}
        self.apart: dict[str, str] = {}
        """Sums of branches of one tensor that no single convolution stands for -> that tensor."""
        for step in walked.steps:
            for edge in step.node.inputs:
                self.readers.setdefault(edge, []).append(step.node.name)
        owners = {owner for step in walked.steps for owner in step.node.shares.values()}
        self.shared = owners | {name for name, step in self.steps.items() if step.node.shares}
        for step in walked.steps:
            before = ((source, form) for source, form in self._before(step) if len(form.nodes) <= _LARGEST)
            self.forms[step.node.name] = {step.node.name: _SAME, **dict(islice(before, _MOST))}

    def of(self, edge: str) -> Mapping[str, Affine]:
        """A tensor as a function of each of those before it, itself first."""
        return self.forms.get(edge) or {edge: _SAME}

    def _before(self, step: Step) -> Iterator[tuple[str, Affine]]:
        node = step.node
        own = frozenset({node.name})
        if node.op in PRODUCTS:
            yield node.inputs[0], Affine(own, step, bool(node.attrs["bias"]))
            yield from self._behind(step)
        elif node.op in PER_CHANNEL | _PASSES:
            # A norm always takes something away: the mean that it has seen.
            shifts = node.op == "batch_norm" or bool(node.attrs.get("shift"))
            for source, form in self.of(node.inputs[0]).items():
                yield source, Affine(form.nodes | own, form.conv, form.bias or shifts)
        elif _is_sum(step):
            branches = [self.of(edge) for edge in node.inputs]
            for source in branches[0]:
                if all(source in branch for branch in branches):
                    forms = [branch[source] for branch in branches]
                    if (joined := _joined(forms)) is not None:
                        yield source, Affine(joined.nodes | own, joined.conv, joined.bias)
                    elif all(form.conv is None or form.conv.node.op in _ADDED for form in forms):
                        self.apart.setdefault(node.name, source)

    def _behind(self, step: Step) -> Iterator[tuple[str, Affine]]:
        """A product as a function of what stands before the factors and shifts that it reads.

        Not where these follow a product themselves, which takes them in; and zeros around a map have no shift.
        """
        node, (edge, *_) = step.node, step.node.inputs
        before = self.of(edge)
        if any(self._merges(form, edge) for form in before.values()):
            return
        for source, form in before.items():
            if form.conv is None and form.nodes and not (form.bias and _pads(step)):
                yield source, Affine(form.nodes | {node.name}, step, bool(node.attrs["bias"]) or form.bias)

    def largest(self, node: Node) -> tuple[str, Affine] | None:
        """The largest part that ends in a node and that one op can stand for, and what it reads; None if there is none."""
        if node.op in _PASSES:
            return None
        fit = [(source, form) for source, form in self.forms[node.name].items() if self._merges(form, node.name)]
        return max(fit, key=lambda found: (self._work(found[1]), -len(found[1].nodes)), default=None)

    def _work(self, form: Affine) -> int:
        """How many nodes compute something."""
        return sum(self.steps[name].node.op not in _PASSES for name in form.nodes)

    def _merges(self, form: Affine, last: str) -> bool:
        if form.conv is None or form.nodes & self.shared or self._work(form) < 2:
            return False
        inner = form.nodes - {last}
        alone = all(name not in self.outputs and form.nodes.issuperset(self.readers[name]) for name in inner)
        return alone and all(_floats(self.steps[name].node) for name in form.nodes)

    def one(self, last: Node, source: str, form: Affine) -> Merged:
        """The node that stands for a part."""
        assert form.conv is not None
        old = tuple(self.steps[name].node for name in sorted(form.nodes, key=self.place.__getitem__))
        conv = form.conv.node
        types = {**conv.dtypes, "outputs": last.dtypes.get("outputs", DEFAULT)}
        if form.bias and "weights" in types:
            types.setdefault("biases", types["weights"])
        trainable = any(node.trainable for node in old if node.op in PRODUCTS)
        attrs = {**conv.attrs, "bias": form.bias}
        new = replace(conv, inputs=(source,), attrs=attrs, trainable=trainable, dtypes=types)
        return Merged(old, new)

    def why(self, node: Node) -> str:
        """Why a node stays."""
        if node.name in self.apart:
            return f"no single convolution stands for its branches of {self.apart[node.name]}"
        before = producer(node.inputs[0])
        if {node.name, before} & self.shared:
            return f"weights of {node.name if node.name in self.shared else before} are shared"
        if before not in self.steps or all(form.conv is None for form in self.of(node.inputs[0]).values()):
            return f"no convolution before it, but {before}"
        if before in self.outputs or len(self.readers[before]) > 1:
            return f"{before} is needed as it is"
        if not all(_floats(self.steps[name].node) for name in (before, node.name)):
            return "its type is none of floating point"
        return f"what leads to {before} stays"


def _is_sum(step: Step) -> bool:
    """Whether a node adds or subtracts tensors of one shape, place by place."""
    if step.node.op != "add" and (step.node.op != "combine" or step.node.attrs["function"] != "subtract"):
        return False
    return all(shape == step.input_shapes[0] for shape in step.input_shapes)


def _joined(forms: Sequence[Affine]) -> Affine | None:
    """The sum of several functions of one tensor as one; None if no window of theirs covers all others."""
    convs = [form.conv for form in forms if form.conv is not None]
    nodes, bias = frozenset[str]().union(*(form.nodes for form in forms)), any(form.bias for form in forms)
    if not convs:
        return Affine(nodes, None, bias)
    largest = convs[0]
    for conv in convs[1:]:
        if not _covers(largest, conv):
            if not _covers(conv, largest):
                return None
            largest = conv
    if len(convs) < len(forms) and not _covers_point(largest):
        return None
    return Affine(nodes, largest, bias)


class _Taps(NamedTuple):
    """Along one axis: the position of the first tap, seen from the output's, and the distance of so many."""

    first: Dim
    apart: Dim
    count: Dim

    def has(self, first: Dim, last: Dim) -> bool:
        """Whether two positions are those of taps."""
        ahead, behind = first - self.first, last - self.first
        return bool(
            ahead >= 0 and behind <= self.apart * (self.count - 1) and ahead % self.apart == behind % self.apart == 0
        )

    def covers(self, other: _Taps) -> bool:
        """Whether all taps of another window are among these."""
        last = other.first + dilated(other.count, other.apart) - 1
        return self.has(other.first, last) and bool(other.count < 3 or other.apart % self.apart == 0)


def _taps(step: Step) -> tuple[_Taps, ...]:
    """The taps along each axis of a window; a linear layer has none."""
    if step.node.op == "linear":
        return ()
    window = [step.node.attrs[name] for name in ("kernel", "stride", "padding", "dilation")]
    slides, _ = slide_over(step.input_shapes[0], *window)
    return tuple(_Taps(-slid.before, apart, count) for slid, apart, count in zip(slides, window[3], window[0]))


def _covers(conv: Step, other: Step) -> bool:
    """Whether the kernel of a convolution has a place for each number of another's."""
    if conv.node.op != other.node.op or conv.node.op not in _ADDED:
        return False
    if any(conv.node.attrs.get(name) != other.node.attrs.get(name) for name in ("stride", "groups", "at")):
        return False
    return all(taps.covers(inner) for taps, inner in zip(_taps(conv), _taps(other)))


def _covers_point(conv: Step) -> bool:
    """Whether the kernel has a place for a factor per channel: a tap on the position itself, at each position."""
    if conv.node.op not in _ADDED or any(stride != 1 for stride in conv.node.attrs.get("stride", ())):
        return False
    return all(taps.has(0, 0) for taps in _taps(conv))


def _pads(step: Step) -> bool:
    """Whether the result of a product depends on zeros that are no elements of its input."""
    if step.node.op not in CONVOLUTIONS:
        return step.node.op != "linear"
    window = [step.node.attrs[name] for name in ("kernel", "stride", "padding", "dilation")]
    slides, _ = slide_over(step.input_shapes[0], *window)
    return any(slid.before != 0 or slid.after != 0 for slid in slides)


def _floats(node: Node) -> bool:
    """Whether all that a node stores and writes is of floating point."""
    return all(is_float(node.dtypes.get(role, DEFAULT)) for role in ("outputs", *STORED))
