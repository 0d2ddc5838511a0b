"""What a network that is deployed merges: batch-norms, and branches that are linear in one tensor, into one convolution.

A tensor that follows from another by convolutions, factors and shifts per channel, and sums of these, is one convolution of
that other with a bias, if one window covers those of all branches (Ding et al., RepVGG, arXiv 2101.03697, section 3.3). The
same holds of linear layers, and of factors and shifts before a product that adds no zeros. Two products one behind the other
are left as they are: that is cheaper. No family is known here, only that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
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
_LINEAR = PRODUCTS | PER_CHANNEL | _PASSES
_MOST, _LARGEST = 16, 500
"""A tensor is looked at as a function of so many before it, through so many nodes: bounds on repeated growth."""


class Affine(NamedTuple):
    """A tensor as a sum of convolutions, of factors per channel and of shifts of one earlier tensor."""

    nodes: frozenset[str]
    """The nodes between the two."""
    convs: tuple[Step, ...] = ()
    """The convolutions of which no window covers another's; none if each channel is multiplied alone."""
    bias: bool = False
    point: bool = False
    """Whether one of several branches multiplies each channel alone."""
    trained: frozenset[bool] = frozenset()
    """Whether the branches are trained: both, if some are and others are fixed."""
    types: frozenset[str | None] = frozenset()
    """The types that are stated of their kernels."""

    @property
    def conv(self) -> Step | None:
        """The one whose window covers all others, and the position itself where that takes a tap; None if there is none."""
        if len(self.convs) != 1 or (self.point and not _covers_point(self.convs[0])):
            return None
        return self.convs[0]

    def refused(self, source: str) -> str:
        """Why no convolution stands for branches of a tensor; empty if one does."""
        if self.convs and self.conv is None:
            return f"no single convolution stands for its branches of {source}"
        if len(self.trained) > 1:
            return "some of what would merge is fixed, some trained"
        return "the kernels of its branches are stated to be of different types" if len(self.types) > 1 else ""


_SAME = Affine(frozenset())
"""A tensor as a function of itself."""


class Merged(NamedTuple):
    """Nodes in their order, the last of which puts out what the last of the new ones does."""

    old: tuple[Node, ...]
    new: tuple[Node, ...]
    """A convolution, and the sum of it and what it does not stand for, if there is such."""


class Deployed(NamedTuple):
    """All that can be merged, and what cannot."""

    merged: tuple[Merged, ...]
    stays: Mapping[str, str]
    """A batch-norm, layer scale or sum of branches that stays -> why."""


def deployed(walked: Walked, kept: Collection[str] = ()) -> Deployed:
    """Merge as much as one convolution, transposed convolution or linear layer each can stand for.

    A tensor that something else reads, too, is still made, and so is an output of the network. Types other than floating point,
    in which a factor cannot be taken into a kernel, and shared weights are left alone; so are the nodes that are to be kept.
    """
    reach = _Reach(walked, kept)
    taken: set[str] = set()
    merged = []
    for step in reversed(walked.steps):
        if step.node.name in taken:
            continue
        one = reach.whole(step.node) or reach.part(step)
        if one:
            taken |= {node.name for node in one.old}
            merged.append(one)
    reach.now = {one.old[-1].name: one.new[-1].name for one in merged}
    stays = {
        step.node.name: reach.why(step.node)
        for step in walked.steps
        if step.node.name not in taken and step.node.name not in reach.kept
        if step.node.op in PER_CHANNEL or step.node.name in reach.apart
    }
    return Deployed(tuple(merged[::-1]), stays)


class _Reach:
    """How each tensor of a network follows from those before it."""

    def __init__(self, walked: Walked, kept: Collection[str]) -> None:
        self.kept = frozenset(kept)
        self.steps = {step.node.name: step for step in walked.steps}
        self.place = {name: place for place, name in enumerate(self.steps)}
        self.outputs = frozenset(walked.outputs)
        self.readers: dict[str, list[str]] = {}
        self.forms: dict[str, dict[str, Affine]] = {}
        self.apart: dict[str, tuple[str, Affine]] = {}
        """Sums of branches of one tensor that no single convolution stands for -> that tensor, and what they are of it."""
        self.now: Mapping[str, str] = {}
        """Nodes that are merged -> what puts out the same."""
        for step in walked.steps:
            for edge in step.node.inputs:
                self.readers.setdefault(edge, []).append(step.node.name)
        owners = {owner for step in walked.steps for owner in step.node.shares.values()}
        self.shared = owners | {name for name, step in self.steps.items() if step.node.shares}
        for step in walked.steps:
            found = () if step.node.name in self.kept else self._before(step)
            before = [(source, form) for source, form in found if len(form.nodes) <= _LARGEST]
            if len(before) > _MOST:
                before.sort(key=lambda found: (not found[1].convs, self._is_link(found[0])))
            self.forms[step.node.name] = {step.node.name: _SAME, **dict(before[:_MOST])}

    def of(self, edge: str) -> Mapping[str, Affine]:
        """A tensor as a function of each of those before it, itself first."""
        return self.forms.get(edge) or {edge: _SAME}

    def _refuse(self, node: Node, forms: Mapping[str, Affine]) -> None:
        """Keep in mind why no convolution stands for what a sum adds, if they are branches of one tensor."""
        for source, form in forms.items():
            if form.refused(source) and all(conv.node.op in _ADDED for conv in form.convs):
                self.apart.setdefault(node.name, (source, form))

    def _is_link(self, name: str) -> bool:
        """Whether a tensor is amid a chain, so that no branches begin at it."""
        inner = name in self.steps and self.steps[name].node.op in PER_CHANNEL | _PASSES
        return inner and name not in self.outputs and len(self.readers.get(name, ())) == 1

    def _before(self, step: Step) -> Iterator[tuple[str, Affine]]:
        node = step.node
        own = frozenset({node.name})
        if node.op in PRODUCTS:
            yield node.inputs[0], _product(own, step, bool(node.attrs["bias"]))
            yield from self._behind(step)
        elif node.op in PER_CHANNEL | _PASSES:
            # A norm always takes something away: the mean that it has seen.
            shifts = node.op == "batch_norm" or bool(node.attrs.get("shift"))
            for source, form in self.of(node.inputs[0]).items():
                fixed = form.trained | ({node.trainable} if node.op in PER_CHANNEL and not form.convs else set())
                yield source, form._replace(nodes=form.nodes | own, bias=form.bias or shifts, trained=fixed)
        elif _is_sum(step):
            branches = [self.of(edge) for edge in node.inputs]
            for source in branches[0]:
                if all(source in branch for branch in branches):
                    forms = [branch[source] for branch in branches]
                    joined = _joined(forms)
                    self._refuse(node, {source: joined})
                    yield source, joined._replace(nodes=joined.nodes | own)

    def _behind(self, step: Step) -> Iterator[tuple[str, Affine]]:
        """A product as a function of what stands before the factors and shifts that it reads.

        Not where these follow a product themselves, which takes them in; and zeros around a map have no shift.
        """
        node, (edge, *_) = step.node, step.node.inputs
        before = self.of(edge)
        if any(self._merges(form, edge) for form in before.values()):
            return
        for source, form in before.items():
            if not form.convs and form.nodes and not (form.bias and _pads(step)):
                yield source, _product(form.nodes | {node.name}, step, bool(node.attrs["bias"]) or form.bias)

    def whole(self, node: Node) -> Merged | None:
        """The largest part that ends in a node and that one op can stand for; None if there is none."""
        found = None if node.op in _PASSES else self._largest(self.forms[node.name], node.name)
        return Merged(self._old(found[1]), (self._one(node, *found),)) if found else None

    def _largest(self, forms: Mapping[str, Affine], last: str) -> tuple[str, Affine] | None:
        ranks = self._ranks(forms, last)
        source = max(ranks, key=ranks.__getitem__, default=None)
        return (source, forms[source]) if source else None

    def _ranks(self, forms: Mapping[str, Affine], last: str) -> dict[str, tuple[int, int]]:
        """Of those that one op can stand for, how much it would stand for."""
        fit = {source: form for source, form in forms.items() if self._merges(form, last)}
        return {source: (self._work(form), -len(form.nodes)) for source, form in fit.items()}

    def part(self, step: Step) -> Merged | None:
        """Those operands of a sum that follow from one tensor, each such group as one op; None if there are none."""
        node = step.node
        if len(node.inputs) < 3 or node.name in self.kept or not _is_sum(step):
            return None
        left, ops, gone = list(node.inputs), list[Node](), {node.name}
        groups: dict[str, list[str]] = {}
        for edge in left:
            for source in self.of(edge):
                groups.setdefault(source, []).append(edge)
        forms, ranks, again = dict[str, Affine](), dict[str, tuple[int, int]](), [*groups]
        while len(left) > 2:
            for source in again:  # of the others, nothing was taken away
                forms.pop(source, None)
                ranks.pop(source, None)
            some = {source: groups[source] for source in again if 1 < len(groups[source]) < min(len(left), _LARGEST)}
            made = {source: _joined([self.of(edge)[source] for edge in edges]) for source, edges in some.items()}
            made = {source: form._replace(nodes=form.nodes | {node.name}) for source, form in made.items()}
            forms |= made
            ranks |= self._ranks(made, node.name)
            if not ranks:
                self._refuse(node, forms)
                break
            source = max(ranks, key=ranks.__getitem__)
            ops.append(self._one(node, source, forms[source]))
            gone |= forms[source].nodes
            at, taken = left.index(groups[source][0]), set(groups[source])
            left = [ops[-1].name if i == at else edge for i, edge in enumerate(left) if i == at or edge not in taken]
            again = [*dict.fromkeys(other for edge in groups[source] for other in self.of(edge))]
            for other in again:
                groups[other] = [edge for edge in groups[other] if edge not in taken]
        old = self._old(Affine(frozenset(gone)))
        return Merged(old, (*ops, replace(node, inputs=tuple(left)))) if ops else None

    def _work(self, form: Affine) -> int:
        """How many nodes compute something."""
        return sum(self.steps[name].node.op not in _PASSES for name in form.nodes)

    def _merges(self, form: Affine, last: str) -> bool:
        if form.conv is None or form.refused("") or form.nodes & self.shared or self._work(form) < 2:
            return False
        inner = form.nodes - {last}
        alone = all(name not in self.outputs and form.nodes.issuperset(self.readers[name]) for name in inner)
        return alone and all(_floats(self.steps[name].node) for name in form.nodes)

    def _old(self, form: Affine) -> tuple[Node, ...]:
        return tuple(self.steps[name].node for name in sorted(form.nodes, key=self.place.__getitem__))

    def _one(self, last: Node, source: str, form: Affine) -> Node:
        """The node that stands for a part."""
        assert form.conv is not None
        conv = form.conv.node
        types = {**conv.dtypes, "outputs": last.dtypes.get("outputs", DEFAULT)}
        if form.bias and "weights" in types:
            types.setdefault("biases", types["weights"])
        return replace(conv, inputs=(source,), attrs={**conv.attrs, "bias": form.bias}, dtypes=types)

    def why(self, node: Node) -> str:
        """Why a node stays."""
        if node.name in self.apart:
            source, form = self.apart[node.name]
            return form.refused(self._now(source))
        before = producer(node.inputs[0])
        called = self._now(before)
        if before in self.kept and (self.steps[before].node.op in _LINEAR or _is_sum(self.steps[before])):
            return f"{called} is left out"
        if {node.name, before} & self.shared:
            return f"weights of {node.name if node.name in self.shared else called} are shared"
        if before not in self.steps or not any(form.convs for form in self.of(node.inputs[0]).values()):
            padded = self._padded(node)
            return (
                f"no shift reaches the zeros with which {padded} pads"
                if padded
                else f"no convolution before it, but {called}"
            )
        return self._why_behind(node, before, called)

    def _why_behind(self, node: Node, before: str, called: str) -> str:
        """Why what follows a convolution stays."""
        if before in self.outputs or len(self.readers[before]) > 1:
            return f"{called} is needed as it is"
        if not all(_floats(self.steps[name].node) for name in (before, node.name)):
            return "its type is none of floating point"
        return f"what leads to {called} stays"

    def _now(self, name: str) -> str:
        return self.now.get(producer(name), name)

    def _padded(self, node: Node) -> str:
        """The padded convolution that alone reads a node, through others that it could take in but for its zeros; or none."""
        shifts = False
        while node.op in PER_CHANNEL | _PASSES:
            shifts |= node.op == "batch_norm" or bool(node.attrs.get("shift"))
            readers = self.readers.get(node.name, ())
            if len(readers) != 1 or {node.name, *readers} & (self.outputs - {*readers} | self.kept):
                return ""
            node = self.steps[readers[0]].node
        return node.name if shifts and node.op in CONVOLUTIONS and _pads(self.steps[node.name]) else ""


def _is_sum(step: Step) -> bool:
    """Whether a node adds or subtracts tensors of one shape, place by place."""
    if step.node.op != "add" and (step.node.op != "combine" or step.node.attrs["function"] not in ("add", "subtract")):
        return False
    return all(shape == step.input_shapes[0] for shape in step.input_shapes)


def _product(nodes: frozenset[str], step: Step, bias: bool) -> Affine:
    """A convolution, and what it takes in."""
    trained, types = frozenset({step.node.trainable}), frozenset({step.node.dtypes.get("weights")})
    return Affine(nodes, (step,), bias, trained=trained, types=types)


def _joined(forms: Sequence[Affine]) -> Affine:
    """The sum of several functions of one tensor; windows that another covers are none of it."""
    widest: list[Step] = []
    for conv in (conv for form in forms for conv in form.convs):
        if not any(_covers(other, conv) for other in widest):
            widest = [*(other for other in widest if not _covers(conv, other)), conv]
    return Affine(
        frozenset[str]().union(*(form.nodes for form in forms)),
        tuple(widest),
        any(form.bias for form in forms),
        any(form.point or not form.convs for form in forms),
        frozenset[bool]().union(*(form.trained for form in forms)),
        frozenset[str | None]().union(*(form.types for form in forms)),
    )


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
