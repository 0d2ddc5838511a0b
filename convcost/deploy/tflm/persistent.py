"""What TensorFlow Lite Micro keeps in the arena for as long as a model lives: in the order in which it allocates.

The persistent part grows from the end of the arena downwards, which is taken to be a multiple of 16; each allocation begins at
a multiple of its alignment, so that a part's bytes include the gap to the one before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from convcost.core.dims import Dim, ceil_div
from convcost.deploy.program import Kernel, Program, Tensor
from convcost.deploy.runtime import Deployment
from convcost.deploy.tflm import structures
from convcost.deploy.tflm.node import Node, followed, nodes
from convcost.deploy.tflm.planner import ALIGNMENT
from convcost.deploy.tflm.prepared import prepared
from convcost.deploy.tflm.structures import Struct

SAYS = {
    "runtime": "the allocator, the planner and the records of the subgraphs",
    "tensors": "a TfLiteEvalTensor for each tensor of the file, weights included",
    "nodes": "a NodeAndRegistration for each kernel",
    "options": "the options of each kernel, unpacked from the file",
    "kernel data": "what each kernel keeps: its OpData",
    "channel scales": "multiplier and shift of each output channel, of convolutions even without quantisation",
    "kernel buffers": "tables and copies that kernels make once",
    "variables": "tensors that keep their elements from one run to the next",
    "scratch handles": "a pointer to each scratch buffer of the head",
    "inputs and outputs": "a TfLiteTensor with its quantisation for each input and output",
}
"""Parts of the persistent memory -> what they are."""


class Item(NamedTuple):
    """A part of the persistent memory."""

    name: str
    bytes: Dim
    number: int
    """How many allocations it is."""
    says: str
    """What it is."""


class Allocation(NamedTuple):
    """Bytes that the runtime takes at once."""

    part: str
    """One of `SAYS`."""
    size: Dim
    align: int = ALIGNMENT


def persistent(program: Program, deployment: Deployment, handles: int) -> tuple[Item, ...]:
    """The parts of the persistent memory in the order of `SAYS`, with `handles` to so many scratch buffers of the head;
    those that are empty are left out.
    """
    taken: dict[str, Dim] = dict.fromkeys(SAYS, 0)
    numbers = dict.fromkeys(SAYS, 0)
    used: Dim = 0
    for part, size, align in allocations(program, deployment, handles):
        end = ceil_div(used + size, align) * align
        taken[part] += end - used
        numbers[part] += 1
        used = end
    return tuple(Item(part, taken[part], numbers[part], says) for part, says in SAYS.items() if numbers[part])


def allocations(program: Program, deployment: Deployment, handles: int) -> Iterator[Allocation]:
    """Everything that the runtime takes, in its order: itself, all graphs, then the kernels in three rounds, then the rest."""
    wide = deployment.pointers == 64
    graphs = (program, *program.subgraphs)
    every = nodes(program, wide, deployment.kernels)
    yield from _runtime(graphs, wide)
    yield from (_array("tensors", structures.EVAL_TENSOR, len(graph.tensors), wide) for graph in graphs)
    yield from (_array("nodes", structures.NODE, len(graph.kernels), wide) for graph in graphs)
    yield from _kernels(every)
    if handles:
        yield _array("scratch handles", structures.SCRATCH, handles, wide)
    for tensor in (tensor for graph in graphs for tensor in graph.tensors):
        if tensor.variable:
            yield Allocation("variables", tensor.bytes)
    for numbers in (program.inputs, program.outputs):
        yield from _ends([program.tensors[number] for number in numbers], wide)


def _kernels(every: tuple[Node, ...]) -> Iterator[Allocation]:
    """The options of all kernels, the data of all, and what each sets aside when it is prepared."""
    for kernel, _, wide, _ in every:
        if options := structures.OPTIONS.get(kernel.type):
            yield _array("options", options, 1, wide)
    for kernel, _, wide, library in every:
        if data := structures.data(kernel.type, library):
            yield Allocation("kernel data", data.size(wide))
    written: set[str] = set()
    for node in every:
        for channelled, size in prepared(node):
            yield Allocation("channel scales" if channelled else "kernel buffers", size)
        yield from followed(partial(_assigned, written=written), node)


def _runtime(graphs: tuple[Program, ...], wide: bool) -> Iterator[Allocation]:
    for struct in (structures.ALLOCATOR, structures.PLANNER, structures.MICRO_ALLOCATOR):
        yield _array("runtime", struct, 1, wide)
    if names := {name for graph in graphs for kernel in graph.kernels if (name := handle(kernel)) is not None}:
        yield Allocation("variables", structures.RESOURCES.size(wide))
        yield Allocation("variables", structures.RESOURCE.size(wide) * len(names))
    yield _array("runtime", structures.BUILTIN_ALLOCATOR, 1, wide)
    yield _array("runtime", structures.SUBGRAPH, len(graphs), wide)


def handle(kernel: Kernel) -> str | None:
    """The name of the variable that a kernel gives a handle to; None for all other kernels."""
    return str(kernel.attrs.get("shared_name", "")) if kernel.type == "VAR_HANDLE" else None


def _assigned(node: Node, written: set[str]) -> Iterator[Allocation]:
    """The elements of a variable, which are set aside where it is first written."""
    kernel, graph = node.kernel, node.graph
    if kernel.type != "ASSIGN_VARIABLE":
        return
    made = {number: each for each in graph.kernels for number in each.outputs}
    source = made.get(kernel.inputs[0])
    name = handle(source) if source else None
    if name is None or name not in written:
        written.add(name or "")
        yield Allocation("variables", node.given(1).bytes)


def _ends(tensors: list[Tensor], wide: bool) -> Iterator[Allocation]:
    """A list of pointers, and the structures of each input, or of each output."""
    part = "inputs and outputs"
    yield Allocation(part, structures.POINTER.size(wide) * len(tensors))
    for tensor in tensors:
        yield _array(part, structures.TENSOR, 1, wide)
        if type(tensor.scales) is not int or tensor.scales:
            yield _array(part, structures.QUANTIZATION, 1, wide)
            yield Allocation(part, 4 + 4 * tensor.scales, 4)


def _array(part: str, struct: Struct, length: int, wide: bool) -> Allocation:
    return Allocation(part, struct.size(wide) * length, struct.aligned(wide))
