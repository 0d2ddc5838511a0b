"""The bytes of a training step: what it holds in memory, and what it moves.

Held are the weights, their gradients, what the optimizer remembers, and the activations that the backward pass reads, as each
op declares (`OpCost.saves`, the policy `training`). What is not trained and has nothing behind it that is keeps nothing; a
frozen convolution needs its weights, and not its input. Gradients of activations live for a moment only and are not counted.

Moved is each tensor once by each kernel that uses it, nothing fused. Forward as `memory/traffic.py` says. Backward a kernel reads
the gradient of the layer's output and what was kept, and writes the gradients; a layer that multiplies runs one kernel for
the gradient to its inputs, which reads the weights, and one for that to its weights, which reads what was kept. Where several
layers read a tensor, each but the last adds its gradient to the sum so far. The optimizer reads weights, gradients and its state,
and writes weights and state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from convcost.core.dims import Dim, elements
from convcost.core.dtypes import storage
from convcost.graph.training import Backward, backward
from convcost.graph.typed import as_dtype
from convcost.graph.walk import Step, Walked, output_edges
from convcost.memory.layout import MemoryLayout, layout
from convcost.memory.optimizers import optimizer, trained_as
from convcost.memory.policies import policy
from convcost.memory.traffic import traffic


class StepBytes(NamedTuple):
    """The bytes of one layer in a training step, over the batch."""

    kept: Dim
    """Activations that its backward pass reads and that no earlier layer keeps."""
    forward: Dim
    """Moved by the forward pass."""
    backward: Dim
    """Moved by the backward pass."""
    update: Dim
    """Moved by the optimizer."""

    @property
    def moved(self) -> Dim:
        """All that is moved."""
        return self.forward + self.backward + self.update


def training_bytes(
    walked: Walked, optimizer_name: str = "sgd", dtype: str | None = None, batch: int = 1
) -> tuple[StepBytes, ...]:
    """What each layer keeps and moves in a training step, all tensors as `dtype`; raises `UsageError`.

    The classifier of ResNet-18 keeps the 512 numbers that it reads; its 512·1000 weights and 1000 biases are read forward and
    backward, their gradient is written, and updated they are read with it and written.

    >>> from convcost import load
    >>> fc = training_bytes(load("resnet18").walked)[-1]
    >>> fc.kept == 512 * 4, fc.forward == (512 + 513_000 + 1000) * 4, fc.update == 3 * 513_000 * 4
    (True, True, True)
    >>> fc.backward == (1000 + 512_000 + 512) * 4 + (1000 + 512 + 513_000) * 4
    True
    """
    copies, dtype = optimizer(optimizer_name).copies, trained_as(dtype)
    walked = as_dtype(walked, dtype)
    where = layout(walked, policy("training"))
    forward = traffic(walked, "training", dtype, batch)
    passes = backward(walked)
    sizes = _Sizes(walked, where, passes, dtype, batch)
    seen: set[int] = set()
    found = []
    for at, step in enumerate(walked.steps):
        saved = sizes.saved(step)
        new = [tensor for tensor in saved if tensor not in seen]
        seen.update(new)
        mask = sizes.mask(step)
        kept = sum((sizes.tensor(tensor) for tensor in new), 0) + mask
        update = (3 + 2 * copies) * storage(step.params, dtype) if passes[step.node.name].trained else 0
        found.append(StepBytes(kept, forward[at].bytes_moved, sizes.moved_back(at, step, saved), update))
    return tuple(found)


def _by_weights_alone(step: Step) -> bool:
    """Whether the gradient to the input is a product with the weights, so that it needs nothing of the forward pass: not of a
    distance from fixed points, nor where another input says what is read.
    """
    return step.traits.factors == "weights" and len(step.input_shapes) == 1 and bool(step.cost.weights != 0)


class _Sizes:
    """The bytes of the tensors of a training step."""

    def __init__(
        self, walked: Walked, where: MemoryLayout, passes: Mapping[str, Backward], dtype: str, batch: int
    ) -> None:
        self.where, self.passes, self.dtype, self.batch = where, passes, dtype, batch
        self.writes = {tensor.step for tensor in where.tensors}
        """The steps that write a tensor of their own: all but views."""
        self.sums = Counter(
            edge
            for step in walked.steps
            for edge, needed in zip(step.node.inputs, passes[step.node.name].inputs)
            if needed
        )
        """Edge -> how many layers put a gradient to it."""
        self.summed: Counter[str] = Counter()

    def of(self, count: Dim) -> Dim:
        """Of elements of an activation, over the batch."""
        return storage(count * self.batch, self.dtype)

    def tensor(self, tensor: int) -> Dim:
        return self.of(elements((self.where.tensors[tensor].shape,)))

    def mask(self, step: Step) -> Dim:
        """A byte for each element."""
        runs = self.passes[step.node.name].runs and "mask" in step.cost.saves
        return storage(elements(step.cost.out) * self.batch, "uint8") if runs else 0

    def saved(self, step: Step) -> Sequence[int]:
        """The tensors that the backward pass of a step reads."""
        one = self.passes[step.node.name]
        if not one.runs:
            return ()
        edges: list[str] = []
        if "inputs" in step.cost.saves and (one.trained or not _by_weights_alone(step)):
            edges += step.node.inputs
        if "outputs" in step.cost.saves:
            edges += output_edges(step.node, step.cost)
        return tuple(dict.fromkeys(self.where.of(edges)))

    def moved_back(self, at: int, step: Step, saved: Sequence[int]) -> Dim:
        """What the kernels of a step's backward pass read and write."""
        one = self.passes[step.node.name]
        if not one.runs or step.opaque or at not in self.writes:
            return 0
        given = self.of(elements(step.cost.out))
        kept = sum((self.tensor(tensor) for tensor in saved), 0) + self.mask(step)
        weights = storage(step.cost.weights, self.dtype)
        gradients = storage(step.used_params, self.dtype) if one.trained else 0
        to_inputs = sum((self._added(step, place) for place, needed in enumerate(one.inputs) if needed), 0)
        if step.traits.factors == "weights":
            fixed = storage(step.cost.buffers, self.dtype)  # points that are stored, and not trained
            read = given + weights + fixed + (0 if _by_weights_alone(step) else kept)
            return (read + to_inputs if any(one.inputs) else 0) + (given + kept + gradients if one.trained else 0)
        return given + kept + (weights if any(one.inputs) else 0) + to_inputs + gradients

    def _added(self, step: Step, place: int) -> Dim:
        """The gradient to one input: written, and where others have put theirs before, read."""
        edge = step.node.inputs[place]
        self.summed[edge] += 1
        size = self.of(elements((step.input_shapes[place],)))
        return size if self.summed[edge] == self.sums[edge] else 2 * size
