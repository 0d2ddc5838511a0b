"""A kernel where it stands: with the graph whose tensors its numbers mean, and the width of addresses."""

from __future__ import annotations

from typing import NamedTuple

from convcost.deploy.program import Kernel, Program, Tensor


class Node(NamedTuple):
    """A kernel of a (sub)graph, as rules of the runtime look at it."""

    kernel: Kernel
    graph: Program
    wide: bool
    """Whether pointers have 64 bits; else they have 32."""
    library: str = "reference"
    """The library of kernels."""

    def given(self, number: int) -> Tensor:
        """An input by its place."""
        return self.graph.tensors[self.kernel.inputs[number]]

    @property
    def made(self) -> Tensor:
        """The first output."""
        return self.graph.tensors[self.kernel.outputs[0]]


def nodes(program: Program, wide: bool, library: str) -> tuple[Node, ...]:
    """The kernels of all subgraphs, each graph in its order."""
    graphs = (program, *program.subgraphs)
    return tuple(Node(kernel, graph, wide, library) for graph in graphs for kernel in graph.kernels)
