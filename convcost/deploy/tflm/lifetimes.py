"""Which buffers of the arena's head TensorFlow Lite Micro asks its planner for, and how long each is alive.

Its rule (`micro/micro_allocation_info.cc`): time runs in ticks. Tick 0 holds the inputs, and each kernel is one tick, the
kernels of a subgraph between those of the kernel that runs it. A tensor is alive from the tick that makes it to the last one
that reads it; an output of a (sub)graph to its end. Tensors that lie in the file, variables, handles to them and empty tensors
ask for nothing; all others do, even if no kernel knows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from convcost.core.dims import Dim, ceil_div
from convcost.deploy.program import ABSENT, Kernel, Program, Tensor
from convcost.deploy.runtime import Deployment
from convcost.deploy.tflm.node import nodes
from convcost.deploy.tflm.planner import ALIGNMENT, ONLINE
from convcost.deploy.tflm.scratch import scratch

UNKNOWN = -1
"""The tick of what nothing makes."""


class Request(NamedTuple):
    """A buffer of the head that the planner places."""

    name: str
    """Of a computed tensor, that of the kernel that writes it, as `ticks` have it."""
    size: Dim
    """Bytes, a multiple of `ALIGNMENT`."""
    first: int
    last: int
    kind: Literal["tensor", "scratch"]
    tensor: int = ABSENT
    """Its number, if it is a tensor of the main graph."""
    offset: int = ONLINE
    """Where the file says that it lies."""


def requests(program: Program, deployment: Deployment) -> tuple[Request, ...]:
    """All buffers in the planner's order: the tensors of all subgraphs by number, then what kernels need beside them."""
    lives = _Lives(program)
    found = []
    offsets = iter(program.offsets)
    for graph in lives.graphs:
        handles = {number for kernel in graph.kernels if kernel.type == "VAR_HANDLE" for number in kernel.outputs}
        names = _names(graph)
        for number, tensor in enumerate(graph.tensors):
            offset = next(offsets, ONLINE)
            if number not in handles and _asks(tensor, offset):
                first, last = lives.of(graph, number)
                own = number if graph is program else ABSENT
                found.append(Request(names[number], _rounded(tensor.bytes), first, last, "tensor", own, offset))
    for kernel, what, size in scratches(program, deployment):
        first, last = lives.runs.get(id(kernel), (UNKNOWN, UNKNOWN))
        found.append(Request(f"{kernel.name} ({what})", _rounded(size), first, last, "scratch"))
    return tuple(found)


def handles(asked: tuple[Request, ...]) -> int:
    """How many handles kernels keep: one to each buffer that is no tensor."""
    return sum(each.kind == "scratch" for each in asked)


def scratches(program: Program, deployment: Deployment) -> list[tuple[Kernel, str, Dim]]:
    """What all kernels of all subgraphs need while they run: the kernel, what for, and how many bytes."""
    every = nodes(program, deployment.pointers == 64, deployment.kernels)
    return [(node.kernel, what, size) for node in every for what, size in scratch(node)]


def ticks(program: Program) -> tuple[str, ...]:
    """What runs at each tick: nothing while the inputs of a (sub)graph come, then each kernel by its name."""
    return ("", *_names_of_ticks(program))


def _names_of_ticks(graph: Program) -> Iterator[str]:
    for kernel in graph.kernels:
        yield kernel.name
        for body in kernel.bodies:
            yield kernel.name
            yield from _names_of_ticks(body)


def _names(graph: Program) -> list[str]:
    """What each tensor is called: one that is computed after its kernel, though an activation may be the last that it holds.

    What several kernels of a layer hand on keeps a name of its own, which begins with that of the layer.
    """
    names = [tensor.name for tensor in graph.tensors]
    left = {*range(len(names))} - {*graph.inputs}
    for kernel in graph.kernels:
        for which, number in enumerate(kernel.outputs):
            if number in left and not names[number].startswith((f"{kernel.name}/", f"{kernel.name}:")):
                names[number] = f"{kernel.name}:{which}" if which else kernel.name
            left.discard(number)
    return names


class _Lives:
    """The first and last tick of each tensor and kernel, as one walk through a program marks them."""

    def __init__(self, program: Program) -> None:
        self.graphs = (program, *program.subgraphs)
        self.runs: dict[int, tuple[int, int]] = {}
        """Kernel, by its identity -> its first and last tick."""
        self._first: dict[int, dict[int, int]] = {id(graph): {} for graph in self.graphs}
        """(Sub)graph, by its identity -> tensor -> its first tick."""
        self._last: dict[int, dict[int, int]] = {id(graph): {} for graph in self.graphs}
        self._tick = 0
        self._mark(program)

    def of(self, graph: Program, number: int) -> tuple[int, int]:
        """First and last tick of a tensor of a (sub)graph."""
        return self._first[id(graph)].get(number, UNKNOWN), self._last[id(graph)].get(number, UNKNOWN)

    def _mark(self, graph: Program) -> None:
        first, last = self._first[id(graph)], self._last[id(graph)]
        self._alive(first, last, graph.inputs)
        for kernel in graph.kernels:
            self._tick += 1
            start = self._tick
            for number in kernel.outputs:
                first.setdefault(number, start)
            for body in kernel.bodies:
                self._tick += 1
                self._mark(body)
            for number in (*kernel.inputs, *kernel.outputs):
                last[number] = self._tick
            self.runs[id(kernel)] = self.runs.get(id(kernel), (start, start))[0], self._tick
        self._alive(first, last, graph.outputs)

    def _alive(self, first: dict[int, int], last: dict[int, int], numbers: tuple[int, ...]) -> None:
        """What lies there at the first tick of a (sub)graph, or at its last."""
        for number in numbers:
            first.setdefault(number, self._tick)
            last[number] = self._tick


def _asks(tensor: Tensor, offset: int) -> bool:
    """Whether a tensor lies in the head: a variable only where the file says so."""
    if tensor.stored or (tensor.variable and offset == ONLINE):
        return False
    return not any(type(size) is int and size == 0 for size in tensor.shape)


def _rounded(size: Dim) -> Dim:
    return ceil_div(size, ALIGNMENT) * ALIGNMENT
