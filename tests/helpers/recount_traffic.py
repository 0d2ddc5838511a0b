"""Bytes moved, counted again: kernel by kernel over the nodes of a graph, from shapes and ledgers alone.

Nothing here uses convcost.memory. A kernel is a list of nodes that run as one: what it reads is what its nodes read and none
of them makes, what it writes is what others read of it. It knows neither layouts nor tensors, only who reads what.
"""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Literal

from convcost.graph.graph import STORED
from convcost.graph.walk import Step, Walked, output_edges

VIEWS = ("identity", "dropout", "flatten", "reshape", "slice", "split", "crop", "source")
"""What moves nothing."""
WEIGHTED = ("conv1d", "conv2d", "conv3d", "conv_transpose2d", "linear")
FUSED = (
    *("batch_norm", "scale", "relu", "relu6", "silu", "swish", "gelu", "sigmoid", "hard_swish", "hard_sigmoid", "tanh"),
    *("leaky_relu", "prelu", "elu"),
)
Fuses = Literal["nothing", "weighted", "any", "attention"]


def recount(walked: Walked, fuses: Fuses, bits: int, batch: int = 1) -> int:
    """All bytes that a network moves, every element of so many bits; whole bytes per tensor."""
    readers = Counter(edge for step in walked.steps for edge in step.node.inputs)
    readers.update(walked.outputs)
    kernels = _kernels(walked, fuses, readers)

    def size(shape: tuple[int, ...]) -> int:
        return -(-prod(shape) * batch * bits // 8)

    moved = 0
    for kernel in kernels:
        made = {edge: shape for step in kernel for edge, shape in _outputs(step)}
        inside = Counter(edge for step in kernel for edge in step.node.inputs if edge in made)
        for step in kernel:
            moved += sum(_weights(step, bits, batch))
            for edge, shape in zip(step.node.inputs, step.input_shapes, strict=True):
                moved += 0 if edge in made else size(shape)
        moved += sum(size(shape) for edge, shape in made.items() if readers[edge] > inside[edge] or not readers[edge])
    return moved


def _weights(step: Step, bits: int, batch: int) -> list[int]:
    """A table is read a row at a time, for each thing that is looked up."""
    counts = [getattr(step.cost, role) for role in STORED]
    if step.node.op == "embedding":
        counts[0] = min(counts[0], prod(step.cost.out[0]) * batch)
    return [-(-count * bits // 8) for count in counts]


def _outputs(step: Step) -> list[tuple[str, tuple[int, ...]]]:
    return list(zip(output_edges(step.node, step.cost), step.cost.out, strict=True))


def _kernels(walked: Walked, fuses: Fuses, readers: Counter[str]) -> list[list[Step]]:
    """Each step with those that run as part of it."""
    kernels: list[list[Step]] = []
    ends: dict[str, list[Step]] = {}
    """Last node of a kernel that takes another one in -> the kernel."""
    for step in walked.steps:
        op, before = step.node.op, next(iter(step.node.inputs), "")
        if op in VIEWS:
            continue
        if op in FUSED and before in ends and readers[before] == 1:
            kernel = ends.pop(before)
            kernel.append(step)
            ends[step.node.name] = kernel
            continue
        kernels.append([step])
        if (op in WEIGHTED and fuses != "nothing") or fuses == "any":
            ends[step.node.name] = kernels[-1]
    return _with_attention(kernels, readers) if fuses == "attention" else kernels


def _with_attention(kernels: list[list[Step]], readers: Counter[str]) -> list[list[Step]]:
    """The two products of a head as one kernel with what stands between them, if that is a softmax and element-wise."""
    result: list[list[Step]] = []
    open_: list[list[Step]] = []
    for kernel in kernels:
        op, inputs = kernel[0].node.op, kernel[0].node.inputs
        found = next((one for one in open_ if one[-1].node.name in inputs), None)
        if found is not None and (op in ("softmax", "add", "multiply", "matmul") or op in FUSED):
            assert readers[found[-1].node.name] == 1
            found += kernel
            if op == "matmul":
                open_.remove(found)
            continue
        result.append(kernel)
        if op == "matmul":
            open_.append(kernel)
    return result
