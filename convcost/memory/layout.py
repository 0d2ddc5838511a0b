"""Which memory each edge of a graph lies in, as far as that does not depend on the order of execution.

Views lie in the tensor that they look at. Under a policy that fuses, a batch-norm or activation lies in the tensor of
the conv before it. Under one that joins, a concat lies in the tensors of its branches, and these in one region, side by
side. What remains - that an op may write over an input that dies - depends on the order; `lifetimes.py` knows.

No size is looked at, so that the same layout serves ints, arrays and symbols.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from convcost.core.dims import Shape
from convcost.core.policies import Fuses, Policy
from convcost.graph.graph import INPUT
from convcost.graph.walk import Step, output_edges
from convcost.ops import WEIGHTED
from convcost.ops.activation import ACTIVATIONS

#: Ops of one input whose every element follows from the element at its place: a deployed conv or linear layer absorbs
#: them, and alone they may write over what they read.
ELEMENTWISE = frozenset({"batch_norm", "scale", "prelu", *ACTIVATIONS} - {"softmax"})
#: Views of the whole of their input; slices and splits look at parts of it.
_WHOLE_VIEWS = frozenset({"identity", "dropout", "flatten"})


@dataclass(frozen=True, slots=True)
class Placed:
    """A tensor that gets memory: the name of the edge, who writes it (-1: the caller), its shape."""

    name: str
    step: int
    shape: Shape
    dtype: str | None = None
    """Of its elements, where not the network's dtype: masks are bytes."""


@dataclass(slots=True)
class MemoryLayout:
    """Where edges lie. Tensors are numbered in the order in which the steps write them."""

    tensors: list[Placed]
    home: dict[str, tuple[int, ...]]
    """Edge -> the tensors whose memory it lies in: one, or several for a concat that lies in its branches."""
    whole: set[str]
    """Edges that fill their tensors, so that nobody else's elements lie there."""
    regions: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Tensor -> the tensors that it must lie side by side with, in this order, itself among them."""
    axes: dict[int, str] = field(default_factory=dict)
    """Tensor -> the axis along which its region is put together."""

    def placed(self, edge: str) -> bool:
        """Whether the edge lies in a region, so that its place is not its own to choose."""
        return any(tensor in self.regions for tensor in self.home[edge])

    def of(self, edges: Iterable[str]) -> Iterator[int]:
        """The tensors that edges lie in."""
        return (tensor for edge in edges for tensor in self.home[edge])


def layout(steps: Sequence[Step], input_shape: Shape, outputs: Sequence[str], policy: Policy) -> MemoryLayout:
    """Give each edge its memory."""
    found = MemoryLayout([Placed(INPUT, -1, input_shape)], {INPUT: (0,)}, set())
    absorbed = _absorbed(steps, outputs, policy.fuse)
    for at, step in enumerate(steps):
        node, cost = step.node, step.cost
        edges = output_edges(node, cost)
        if node.name in absorbed or (cost.view and not (policy.keeps == "backward" and "mask" in cost.saves)):
            whole = node.inputs[0] in found.whole and (node.name in absorbed or node.op in _WHOLE_VIEWS)
            for edge in edges:
                found.home[edge] = found.home[node.inputs[0]]
                found.whole |= {edge} if whole else set()
        elif policy.join and node.op == "concat":
            _join(found, at, step)
        else:
            for edge, shape in zip(edges, cost.out):
                found.home[edge] = (_new(found, Placed(edge, at, shape)),)
                found.whole.add(edge)
    return found


def readers_of(steps: Sequence[Step]) -> dict[str, list[int]]:
    """Edge -> the steps that read it, one entry for each reading."""
    found: dict[str, list[int]] = {}
    for at, step in enumerate(steps):
        for edge in step.node.inputs:
            found.setdefault(edge, []).append(at)
    return found


def _absorbed(steps: Sequence[Step], outputs: Sequence[str], fuses: Fuses) -> frozenset[str]:
    """Names of the nodes that are computed inside the op before them."""
    absorbing, absorbed = set[str](), set[str]()
    if fuses == "nothing":
        return frozenset()
    readers = readers_of(steps)
    for step in steps:
        node, before = step.node, step.node.inputs[0]
        if node.op in ELEMENTWISE and before in absorbing and len(readers[before]) == 1 and before not in outputs:
            absorbing.add(node.name)
            absorbed.add(node.name)
        elif node.op in WEIGHTED or (fuses == "any" and not step.cost.view):
            absorbing.add(node.name)
    return frozenset(absorbed)


def _new(found: MemoryLayout, made: Placed) -> int:
    found.tensors.append(made)
    return len(found.tensors) - 1


def _join(found: MemoryLayout, at: int, step: Step) -> None:
    """Let a concat lie in its inputs where that is possible; it copies the others.

    Possible is what a real allocator can do with contiguous memory: inputs that are, one after the other, the whole of
    what lies side by side so far. A tensor alone is a region of its own, so that a branch of an inception module is
    one, and so is everything that a dense block has concatenated before. A part of a region, a slice, the network's
    input, or a tensor that is concatenated elsewhere too has to be copied.
    """
    node, axis = step.node, step.node.attrs["axis"]
    inputs, parts, pieces = list(node.inputs), list(step.input_shapes), list[int]()
    copied: list[tuple[int, Placed]] = []
    while inputs:
        count = _joinable(found, inputs, axis, pieces)
        if count:
            pieces.extend(found.of(inputs[:count]))
        else:
            copied.append((len(pieces), Placed(f"{node.name}[{len(node.inputs) - len(inputs)}]", at, parts[0])))
            pieces.append(-1)
        del inputs[: max(count, 1)], parts[: max(count, 1)]
    if len(copied) == len(pieces):  # nothing lies in place: one tensor, as any other op writes it
        copied, pieces = [(0, Placed(node.name, at, step.cost.out[0]))], [-1]
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


def _joinable(found: MemoryLayout, inputs: Sequence[str], axis: str, taken: Sequence[int]) -> int:
    """How many of the first inputs make up a whole region; 0 if they do not."""
    first = found.home[inputs[0]][0]
    region = found.regions.get(first, (first,))
    if first in taken or found.axes.get(first, axis) != axis:
        return 0
    covered: tuple[int, ...] = ()
    for count, edge in enumerate(inputs, 1):
        covered += found.home[edge]
        if edge not in found.whole or region[: len(covered)] != covered:
            return 0
        if covered == region:
            return count
    return 0
