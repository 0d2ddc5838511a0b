"""What TensorFlow Lite Micro keeps in the arena for as long as a model lives."""

from __future__ import annotations

from typing import NamedTuple

from convcost.core.dims import Dim
from convcost.deploy.program import Program
from convcost.deploy.runtime import Deployment


class Item(NamedTuple):
    """A part of the persistent memory."""

    name: str
    bytes: Dim
    count: int
    """How many there are."""
    says: str
    """What it is."""


def persistent(program: Program, deployment: Deployment) -> tuple[Item, ...]:
    """The parts of the persistent memory, the largest first."""
    wide = deployment.pointers // 8
    graphs = (program, *program.subgraphs)
    tensors, kernels = sum(len(each.tensors) for each in graphs), sum(len(each.kernels) for each in graphs)
    return (
        Item("tensors", 3 * wide * tensors, tensors, "a TfLiteEvalTensor for each tensor"),
        Item("nodes", 8 * wide * kernels, kernels, "a NodeAndRegistration for each kernel"),
    )
