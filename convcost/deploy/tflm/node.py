"""A kernel where it stands: with the graph whose tensors its numbers mean, and the width of addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from convcost.core.errors import UsageError
from convcost.deploy.program import ABSENT, Kernel, Program, Tensor


class Node(NamedTuple):
    """A kernel of a (sub)graph, as rules of the runtime look at it."""

    kernel: Kernel
    graph: Program
    wide: bool
    """Whether pointers have 64 bits; else they have 32."""
    library: str = "reference"
    """The library of kernels."""

    def given(self, place: int) -> Tensor:
        """An input by its place; raises `IndexError` if the kernel does without it."""
        return self._tensor(self.kernel.inputs[place])

    @property
    def made(self) -> Tensor:
        """The first output; raises `IndexError` if the kernel has none."""
        return self._tensor(self.kernel.outputs[0])

    def _tensor(self, number: int) -> Tensor:
        if number == ABSENT:
            raise IndexError
        return self.graph.tensors[number]


T = TypeVar("T")


def followed(rule: Callable[[Node], Iterable[T]], node: Node) -> tuple[T, ...]:
    """What a rule finds; raises `UsageError` for a kernel that lacks an input, an output or an axis that the rule reads."""
    try:
        return tuple(rule(node))
    except IndexError:
        type_, name, *_ = node.kernel
        raise UsageError(
            f"{name} ({type_}) lacks an input, an output or an axis that the runtime reads: convert the model again"
        ) from None


def nodes(program: Program, wide: bool, library: str) -> tuple[Node, ...]:
    """The kernels of all subgraphs, each graph in its order."""
    graphs = (program, *program.subgraphs)
    return tuple(Node(kernel, graph, wide, library) for graph in graphs for kernel in graph.kernels)
