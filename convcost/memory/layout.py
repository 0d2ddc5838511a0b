"""Which tensor's memory each edge of a graph uses, as far as that does not depend on the execution order.

A view uses the memory of its input. Under a policy that fuses, a batch-norm or activation uses the tensor of the conv
before it. Under one that joins, a concat consists of the tensors of its branches, contiguous in one region. What does
depend on the order - an op that runs in place over an input that dies - is in `lifetimes.py`.

Sizes play no part, so that the same layout serves ints, arrays and symbols. Types do: what is fused writes the type of the
last op, and a branch can lie in its concat's output only if it has the same type.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from convcost.core import axes
from convcost.core.dims import Shape
from convcost.core.dtypes import DEFAULT
from convcost.core.errors import UsageError
from convcost.graph.typed import edge_dtypes
from convcost.graph.walk import Step, Walked, output_edges
from convcost.memory.policies import Fuses, Policy

MOST_IN_PLACE = 10_000_000
"""Pairs of a step and a tensor that it reads or writes, where concats consist of their branches: what reads a concat of a
thousand branches reads a thousand tensors, and what concatenates that with another writes a thousand and one."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A tensor with memory of its own: the name of its edge, the step that writes it (-1: the caller), its shape."""

    name: str
    step: int
    shape: Shape
    dtype: str | None = None
    """Of its elements, where the network states it."""

    @property
    def type(self) -> str:
        """The dtype, whether stated or not."""
        return self.dtype or DEFAULT


@dataclass(slots=True)
class MemoryLayout:
    """The memory of every edge. Tensors are numbered in the order in which the steps write them."""

    tensors: list[Placed]
    home: dict[str, tuple[int, ...]]
    """Edge -> the tensors whose memory it uses: one, or several for a concat that consists of its branches."""
    whole: set[str]
    """Edges that fill their tensors, so that these hold no other elements."""
    regions: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Tensor -> the tensors that it must be contiguous with, in this order, including itself."""
    axes: dict[int, int] = field(default_factory=dict)
    """Tensor -> the axis along which its region is concatenated, counted from the last one, -1."""

    runs_with: dict[int, int] = field(default_factory=dict)
    """Step that writes nothing because it is part of a later one -> that one, which needs all that it reads."""
    fused: dict[int, int] = field(default_factory=dict)
    """Step that is fused into an earlier one -> that one, which writes what it makes."""
    reads: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Step that does not read all its inputs from memory -> the positions of those that it does read: none for a view and
    for what is fused, the copied ones for a concat, those from outside for a part of an attention."""

    def placed(self, edge: str) -> bool:
        """Whether the edge is part of a region, so that it cannot be placed freely."""
        return any(tensor in self.regions for tensor in self.home[edge])

    def joined(self) -> Iterable[tuple[int, ...]]:
        """Each region once, in the order of their first tensors."""
        return {id(region): region for region in self.regions.values()}.values()

    def of(self, edges: Iterable[str]) -> Iterator[int]:
        """The tensors whose memory the edges use."""
        return (tensor for edge in edges for tensor in self.home[edge])


def layout(walked: Walked, policy: Policy) -> MemoryLayout:
    """Assign memory to each edge; raises `UsageError` where a policy that joins has too many branches to follow."""
    dtypes = edge_dtypes(walked)
    inputs = [Placed(name, -1, shape, dtypes.get(name)) for name, shape in walked.inputs.items()]
    found = MemoryLayout(inputs, {made.name: (at,) for at, made in enumerate(inputs)}, set())
    absorbed = _absorbed(walked, policy.fuse)
    found.runs_with = _attention(walked) if policy.attention else {}
    inside, pairs = set[str](), 0
    for at, step in enumerate(walked.steps):
        node, cost = step.node, step.cost
        edges = output_edges(node, cost)
        if not inside.isdisjoint(node.inputs):
            found.reads[at] = tuple(i for i, edge in enumerate(node.inputs) if edge not in inside)
        stored = not node.inputs and step.traits.view == "whole"  # what it hands on is stored with the weights
        if stored or at in found.runs_with:
            found.home |= dict.fromkeys(edges, ())
            inside.update(() if stored else edges)
        elif (node.name in absorbed and _written_as(found, node.inputs[0], dtypes.get(node.name))) or (
            step.traits.view != "none" and not (policy.keeps == "backward" and "mask" in cost.saves)
        ):
            whole = node.inputs[0] in found.whole and (node.name in absorbed or step.traits.view == "whole")
            found.reads[at] = ()
            if step.traits.view == "none":
                found.fused[at] = found.tensors[found.home[node.inputs[0]][0]].step
            for edge in edges:
                found.home[edge] = found.home[node.inputs[0]]
                found.whole |= {edge} if whole else set()
        elif policy.join and step.traits.joins:
            _join(found, at, step, dtypes.get(node.name))
        else:
            for edge, shape in zip(edges, cost.out):
                found.home[edge] = (_new(found, Placed(edge, at, shape, dtypes.get(edge))),)
                found.whole.add(edge)
        if policy.join:
            pairs = _counted(found, (*node.inputs, *edges), pairs)
    return found


def _counted(found: MemoryLayout, edges: Sequence[str], pairs: int) -> int:
    """The pairs so far, with those of one more step; raises `UsageError` where it is more than are followed."""
    pairs += sum(len(found.home[edge]) for edge in edges)
    if pairs > MOST_IN_PLACE:
        raise UsageError(
            f"what the steps read and write lies in more than {MOST_IN_PLACE:,} branches of concats, counted at each step; "
            "take a policy that copies branches, such as inplace"
        )
    return pairs


def readers_of(steps: Sequence[Step]) -> dict[str, list[int]]:
    """Edge -> the steps that read it, one entry for each reading."""
    found: dict[str, list[int]] = {}
    for at, step in enumerate(steps):
        for edge in step.node.inputs:
            found.setdefault(edge, []).append(at)
    return found


def _attention(walked: Walked) -> dict[int, int]:
    """Every step of an attention but its second product -> that product, the step as part of which it runs.

    From a product of activations on, each step is the only reader of the one before, up to the next product; one of those
    in between is a softmax.
    """
    readers, found = readers_of(walked.steps), dict[int, int]()
    for at in reversed(range(len(walked.steps))):
        chain, here, softmax = [at], walked.steps[at], False
        if here.traits.attends != "product":
            continue
        while len(after := readers.get(here.node.name, [])) == 1 and here.node.name not in walked.outputs:
            here = walked.steps[after[0]]
            if here.traits.attends == "product" or not _passes(here):
                break
            softmax = softmax or here.traits.attends == "softmax"
            chain.append(after[0])
        if softmax and here.traits.attends == "product":
            found |= dict.fromkeys(chain, found.get(after[0], after[0]))
    return found


def _passes(step: Step) -> bool:
    """Whether scores can pass through a step as they are made: element-wise ops, the softmax, views of all of them."""
    return step.traits.attends == "softmax" or step.traits.overwrites != "nothing" or step.traits.view == "whole"


def _absorbed(walked: Walked, fuses: Fuses) -> frozenset[str]:
    """Names of the nodes that are fused into the op before them."""
    absorbing, absorbed = set[str](), set[str]()
    if fuses == "nothing":
        return frozenset()
    readers = readers_of(walked.steps)
    for step in walked.steps:
        node, before = step.node, next(iter(step.node.inputs), "")
        if (
            step.traits.elementwise
            and before in absorbing
            and len(readers[before]) == 1
            and before not in walked.outputs
        ):
            absorbing.add(node.name)
            absorbed.add(node.name)
        elif step.traits.weighted or (fuses == "any" and step.traits.view == "none"):
            absorbing.add(node.name)
    return frozenset(absorbed)


def _written_as(found: MemoryLayout, edge: str, dtype: str | None) -> bool:
    """Let what is fused into the op that makes an edge write it as its own type; not where the edge is part of a region."""
    tensors = found.home[edge]
    if all(found.tensors[tensor].type == (dtype or DEFAULT) for tensor in tensors):
        return True
    if len(tensors) > 1 or found.placed(edge):
        return False
    (tensor,) = tensors
    found.tensors[tensor] = replace(found.tensors[tensor], dtype=dtype)
    return True


def _new(found: MemoryLayout, made: Placed) -> int:
    found.tensors.append(made)
    return len(found.tensors) - 1


def _join(found: MemoryLayout, at: int, step: Step, dtype: str | None) -> None:
    """Let a concat use the memory of its inputs where that is possible; the other inputs are copied.

    It is possible where a real allocator could do it with contiguous memory: the inputs are, in order, whole regions so
    far. A single tensor is a region of its own, so that a branch of an inception module is one, and so is everything
    that a dense block has concatenated before. A part of a region, a slice, the network's input, a tensor that is
    concatenated elsewhere too, or one of another type than the output has to be copied.
    """
    node, axis = step.node, _axis(step)
    pieces, taken = list[int](), set[int]()
    copied: list[tuple[int, Placed]] = []
    read: list[int] = []
    begin = 0
    while begin < len(node.inputs):
        count = _joinable(found, node.inputs, begin, axis, taken, dtype)
        if count:
            joined = [*found.of(node.inputs[begin : begin + count])]
            pieces.extend(joined)
            taken.update(joined)
        else:
            read.append(begin)
            copied.append((len(pieces), Placed(f"{node.name}[{begin}]", at, step.input_shapes[begin], dtype)))
            pieces.append(-1)
        begin += max(count, 1)
    if len(copied) == len(pieces):  # no input is in place: a tensor of its own, as for any other op
        copied, pieces = [(0, Placed(node.name, at, step.cost.out[0], dtype))], [-1]
    found.reads[at] = tuple(read)
    for position, made in copied:
        pieces[position] = _new(found, made)
    region = tuple(pieces)
    found.home[node.name] = region
    found.whole.add(node.name)
    if len(region) == 1:
        return
    for tensor in region:
        found.regions[tensor] = region
        found.axes[tensor] = axis


def _axis(step: Step) -> int:
    """The axis of a concat, whether by name or by number, counted from the last one, -1."""
    rank = len(step.cost.out[0])
    return (axes.position(rank, step.node.attrs["axis"]) or 0) - rank


def _joinable(
    found: MemoryLayout, inputs: Sequence[str], begin: int, axis: int, taken: Collection[int], dtype: str | None
) -> int:
    """How many of the inputs from one on form a whole region; 0 if none do."""
    if not found.home[inputs[begin]]:  # stored with the weights
        return 0
    first = found.home[inputs[begin]][0]
    region = found.regions.get(first, (first,))
    if first in taken or first != region[0] or found.axes.get(first, axis) != axis:
        return 0
    if any(found.tensors[tensor].type != (dtype or DEFAULT) for tensor in region):
        return 0
    covered = 0
    for count, edge in enumerate(islice(inputs, begin, None), 1):
        home = found.home[edge]
        if edge not in found.whole or region[covered : covered + len(home)] != home:
            return 0
        covered += len(home)
        if covered == len(region):
            return count
    return 0
