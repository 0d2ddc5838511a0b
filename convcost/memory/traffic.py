"""The bytes that each layer moves between memory and the processor: what it reads, what it writes, and its weights.

Every tensor is moved once by each layer that uses it: no cache keeps it for the next layer, and none is too small for this
one. What a memory policy fuses moves less: an activation that is part of a convolution neither reads nor writes a map.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from convcost.core.dims import Dim, elements, minimum, product
from convcost.core.dtypes import DEFAULT, storage
from convcost.graph.graph import STORED, Node, producer
from convcost.graph.typed import as_dtype, edge_dtypes
from convcost.graph.walk import Step, Walked
from convcost.memory.layout import MemoryLayout, Placed, layout
from convcost.memory.policies import policy


class Traffic(NamedTuple):
    """The bytes that one layer moves."""

    inputs: Dim
    """Of the tensors that it reads, over the batch; what is stored and put out by a `source` is one of them."""
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


def traffic(
    walked: Walked,
    policy_name: str = "fused",
    dtype: str | None = None,
    batch: int = 1,
    where: MemoryLayout | None = None,
) -> tuple[Traffic, ...]:
    """What each step of a network moves, in bytes, over ints, arrays, grids or symbols.

    All tensors as `dtype`, or each as the network states. `where` is their layout under the policy, if that is known already.
    Raises `UsageError` for an unknown policy.

    MobileNetV1's depthwise convolutions of 14×14×512, and the pointwise ones behind them:

    >>> from convcost import load
    >>> net = load("mobilenet_v1").walked
    >>> at = [step.node.name for step in net.steps].index("stage7.block1.depthwise.conv2d")
    >>> traffic(net)[at], traffic(net)[at + 1]  # 14·14·512·4 read and written, 3·3·512·4 of weights; then batch-norm
    (Traffic(inputs=401408, outputs=401408, weights=18432), Traffic(inputs=0, outputs=0, weights=8192))
    """
    walked, chosen = as_dtype(walked, dtype), policy(policy_name)
    found = where or layout(walked, chosen)
    written: dict[int, list[Placed]] = {}
    for tensor in found.tensors:
        written.setdefault(tensor.step, []).append(tensor)
    types = _Types(walked, dtype or DEFAULT)

    def of(at: int, step: Step) -> Traffic:
        outputs = (storage(product(made.shape) * batch, made.dtype or types.other) for made in written.get(at, ()))
        reads = found.reads.get(at, range(len(step.node.inputs)))
        inputs = (storage(_read(step, i) * batch, types.of_edge(step.node.inputs[i])) for i in reads)
        masks = elements(step.cost.out) * batch if chosen.keeps == "backward" and "mask" in step.cost.saves else 0
        return Traffic(sum(inputs, 0), sum(outputs, masks), sum(_stored(step, types, batch), 0))

    return tuple(of(at, step) for at, step in enumerate(walked.steps))


def _read(step: Step, position: int) -> Dim:
    """The elements of an input that a step reads, of one image: of a table only the rows that it looks up."""
    shape = step.input_shapes[position]
    if step.traits.looks_up and position == 0 and not _has_table(step):
        return minimum(product(shape), elements(step.cost.out))
    return product(shape)


def _stored(step: Step, types: _Types, batch: int) -> Iterator[Dim]:
    """The bytes of each role that a step uses; what a `source` stores is read by whoever reads its output."""
    if step.traits.view != "none":
        return
    for role in STORED:
        count: Dim = getattr(step.cost, role)
        if step.traits.looks_up:
            count = minimum(count, elements(step.cost.out) * batch)
        yield storage(count, types.of_role(step.node, role))


def _has_table(step: Step) -> bool:
    """Whether a step that looks up rows has a table of its own, so that its input says which."""
    return "weights" in step.roles or "weights" in step.node.shares


class _Types:
    """The types of what a network reads and stores."""

    def __init__(self, walked: Walked, other: str) -> None:
        self.other = other
        """Of a tensor for which the network states none."""
        self.edges = edge_dtypes(walked)
        self.nodes = {step.node.name: step.node for step in walked.steps}

    def of_edge(self, edge: str) -> str:
        """Of a tensor that is read; one that a `source` puts out is stored, so that its type is that of weights."""
        made = self.nodes.get(producer(edge))
        if made is not None and not made.inputs and "outputs" not in made.dtypes:
            return self.of_role(made, "weights")
        return self.edges.get(edge, self.other)

    def of_role(self, node: Node, role: str) -> str:
        """Of what a node stores, or of what the node stores with which it shares it."""
        return self.nodes[node.shares.get(role, node.name)].dtypes.get(role, self.other)
