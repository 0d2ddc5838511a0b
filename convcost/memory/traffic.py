"""The bytes that each layer moves between memory and the processor: what it reads, what it writes, and its weights.

Every tensor is moved once by each layer that uses it: no cache keeps it for the next layer, and none is too small for this
one. What a memory policy fuses moves less: an activation that is part of a convolution neither reads nor writes a map. What an
unknown op moves is left out, whatever its shapes: it may be a view.
"""

from __future__ import annotations

from typing import NamedTuple

from convcost.core.dims import Dim, Shape, elements, minimum, product
from convcost.core.dtypes import DEFAULT, storage
from convcost.graph.graph import STORED, Node, producer
from convcost.graph.typed import as_dtype, edge_dtypes
from convcost.graph.walk import Step, Walked
from convcost.memory.layout import MemoryLayout, Placed, layout
from convcost.memory.policies import policy


class Traffic(NamedTuple):
    """The bytes that one layer moves."""

    inputs: Dim
    """Of the tensors that it reads, over the batch; one that a `source` puts out, stored with the weights, is one of them."""
    outputs: Dim
    """Of the tensors that it writes, over the batch."""
    weights: Dim
    """Of the weights, biases and buffers that it uses, once per batch; shared ones at each use."""

    @property
    def bytes_moved(self) -> Dim:
        """All of it.

        >>> Traffic(401_408, 401_408, 18_432).bytes_moved
        821248
        """
        return self.inputs + self.outputs + self.weights


class Moves(NamedTuple):
    """The bytes of each tensor that one layer moves. Over a grid, equal amounts are mostly one object."""

    inputs: tuple[Dim, ...]
    outputs: tuple[Dim, ...]
    weights: tuple[Dim, ...]

    @property
    def traffic(self) -> Traffic:
        """The sums."""
        return Traffic(sum(self.inputs, 0), sum(self.outputs, 0), sum(self.weights, 0))


def traffic(
    walked: Walked,
    policy_name: str = "fused",
    dtype: str | None = None,
    batch: int = 1,
    where: MemoryLayout | None = None,
) -> tuple[Traffic, ...]:
    """What each step of a network moves, in bytes, over ints, grids or symbols.

    All tensors as `dtype`, or each as the network states. `where` is the layout of its memory under the policy, where that is
    known already. Raises `UsageError` for an unknown policy.

    MobileNetV1's depthwise convolutions of 14×14×512, and the batch-norms fused into them:

    >>> from convcost import load
    >>> net = load("mobilenet_v1").walked
    >>> at = [step.node.name for step in net.steps].index("stage7.block1.depthwise.conv2d")
    >>> traffic(net)[at], traffic(net)[at + 1]  # 14·14·512·4 read and written, 3·3·512·4 of weights
    (Traffic(inputs=401408, outputs=401408, weights=18432), Traffic(inputs=0, outputs=0, weights=8192))
    """
    walked, chosen = as_dtype(walked, dtype), policy(policy_name)
    found = moves(walked, where or layout(walked, chosen), dtype, batch, masks=chosen.keeps == "backward")
    return tuple(one.traffic for one in found)


def moves(
    walked: Walked, where: MemoryLayout, dtype: str | None = None, batch: int = 1, *, masks: bool = False
) -> tuple[Moves, ...]:
    """What each step moves, tensor by tensor, where its memory is laid out; with `masks` those for the backward pass too."""
    written: dict[int, list[Placed]] = {}
    for tensor in where.tensors:
        written.setdefault(tensor.step, []).append(tensor)
    sizes = _Sizes(walked, dtype or DEFAULT, batch)

    def of(at: int, step: Step) -> Moves:
        if step.opaque:
            return Moves((), (), ())
        reads = where.reads.get(at, range(len(step.node.inputs)))
        mask = (sizes.of(step.cost.out[0], "uint8"),) if masks and "mask" in step.cost.saves else ()
        return Moves(
            tuple(sizes.read(step, position) for position in reads),
            (*(sizes.of(made.shape, made.dtype or sizes.other) for made in written.get(at, ())), *mask),
            sizes.stored(step),
        )

    return tuple(of(at, step) for at, step in enumerate(walked.steps))


class _Sizes:
    """The bytes of what a network reads and stores, each computed once."""

    def __init__(self, walked: Walked, other: str, batch: int) -> None:
        self.other = other
        """The type of a tensor for which the network states none."""
        self.batch = batch
        self._others = (other,) * len(STORED)
        self._edges = edge_dtypes(walked)
        self._nodes = {step.node.name: step.node for step in walked.steps}
        self._known: dict[tuple[int, str], Dim] = {}
        self._stored: dict[tuple[int, tuple[str, ...]], tuple[Dim, ...]] = {}

    def of(self, shape: Shape, dtype: str) -> Dim:
        """Of an activation, over the batch."""
        key = id(shape), dtype
        if key not in self._known:
            self._known[key] = storage(product(shape) * self.batch, dtype)
        return self._known[key]

    def read(self, step: Step, position: int) -> Dim:
        """Of what a step reads of one of its inputs: of a table only the rows that it looks up."""
        shape, dtype = step.input_shapes[position], self._of_edge(step.node.inputs[position])
        if step.traits.looks_up and position == 0 and _is_nothing(step.cost.weights):
            return storage(minimum(product(shape), elements(step.cost.out)) * self.batch, dtype)
        return self.of(shape, dtype)

    def stored(self, step: Step) -> tuple[Dim, ...]:
        """Of each role that a step uses; what a `source` stores is read by whoever reads its output."""
        if step.traits.view != "none":
            return ()
        node = step.node
        types = tuple(self._type(node, role) for role in STORED) if node.dtypes or node.shares else self._others
        key = id(step.cost), types
        if key not in self._stored:
            counts: list[Dim] = [getattr(step.cost, role) for role in STORED]
            if step.traits.looks_up:
                counts[0] = minimum(counts[0], elements(step.cost.out) * self.batch)
            some = (pair for pair in zip(counts, types, strict=True) if not _is_nothing(pair[0]))
            self._stored[key] = tuple(storage(count, dtype) for count, dtype in some)
        return self._stored[key]

    def _of_edge(self, edge: str) -> str:
        """The type of what is read; what a `source` puts out is stored, so that it has that of weights."""
        made = self._nodes.get(producer(edge))
        if made is not None and not made.inputs and "outputs" not in made.dtypes:
            return self._type(made, "weights")
        return self._edges.get(edge, self.other)

    def _type(self, node: Node, role: str) -> str:
        """The type of what a node stores, or of what the node stores with which it shares it."""
        owner = self._nodes[node.shares.get(role, node.name)]
        return owner.dtypes.get(role, self.other)


def _is_nothing(count: Dim) -> bool:
    """Whether there is none of a role; a count over a grid or of symbols stands for some."""
    return type(count) is int and count == 0
