"""Kernels and activations of fewer bits: what a network states of them holds when it is deployed.

Integers of up to eight bits do (`bits:` in a spec, or `dtype:`); everything else has the type of the deployment, and biases are
those of the kernels that add them. TFLite has types for four and two bits; binary kernels it has not, so that what is counted of
them is what runtimes that have store: packed, with a scale for each channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from convcost.deploy.program import Kernel, Program, Tensor
from convcost.deploy.weights import kernels_of
from convcost.graph.typed import edge_dtypes, states_types
from convcost.graph.walk import Walked

NARROW: Final = frozenset({"binary", *(f"int{n}" for n in range(2, 9))})
_IN_TFLITE: Final = frozenset({"int8", "int4", "int2"})


def with_stated(program: Program, walked: Walked) -> Program:
    """The program of a network with the narrow integers that the network states for kernels and activations."""
    if not states_types(walked.graph):
        return program
    tensors = list(program.tensors)
    weights = {step.node.name: step.node.dtypes.get("weights", "") for step in walked.steps}
    owners = {step.node.name: step.node.shares.get("weights", step.node.name) for step in walked.steps}
    edges = edge_dtypes(walked)
    for number in program.inputs:
        tensors[number] = _activation(tensors[number], edges.get(tensors[number].name, ""))
    for kernel in program.kernels:
        for number in kernels_of(kernel):
            if tensors[number].stored:
                dtype = weights.get(owners.get(kernel.name, ""), "")
                tensors[number] = _kernel(tensors[number], dtype, kernel)
        _made(kernel, tensors, edges)
    kinds = {tensor.dtype for tensor in tensors} & NARROW
    notes = (*program.notes, *(_note(kind) for kind in sorted(kinds - _IN_TFLITE)))
    return replace(program, tensors=tuple(tensors), notes=notes)


def _note(dtype: str) -> str:
    return f"TFLite has no type for {dtype}: counted packed, as runtimes that have it store it"


def _made(kernel: Kernel, tensors: list[Tensor], edges: Mapping[str, str]) -> None:
    """The types of what a kernel writes: as stated, or that of what it reads where the network has no name for it."""
    for number in kernel.outputs:
        tensor = tensors[number]
        before = tensors[kernel.inputs[0]].dtype if kernel.inputs else ""
        named = "/" not in tensor.name
        tensors[number] = _activation(tensor, edges.get(tensor.name, "") if named else before)


def _activation(tensor: Tensor, dtype: str) -> Tensor:
    """A computed tensor of a narrow type, which has one scale; any other stays."""
    if dtype not in NARROW or tensor.dtype in ("int32", "int64", "bool"):
        return tensor
    return tensor._replace(dtype=dtype, scales=1)


def _kernel(tensor: Tensor, dtype: str, kernel: Kernel) -> Tensor:
    """A stored kernel of a narrow type, with a scale for each output channel; of a linear layer, with one."""
    if dtype not in NARROW:
        return tensor
    channels = 1 if kernel.type == "FULLY_CONNECTED" else tensor.shape[-1 if kernel.type == "DEPTHWISE_CONV_2D" else 0]
    scaled = not isinstance(tensor.scales, int) or tensor.scales > 0
    return tensor._replace(dtype=dtype, scales=tensor.scales if scaled else channels)
