"""The program that a TFLite file states: its own tensors in their order, its own kernels.

Unlike an import (`importers/tflite/file.py`), which asks what a network computes, this keeps whatever a device has: every
tensor by its number, every subgraph, and nothing left out. Kernels, and the tensors that they make, are called as an import
calls the layers: converters join the names of all that became one.
"""

from __future__ import annotations

from typing import Final

from convcost.core.dtypes import DTYPE_BITS
from convcost.core.errors import Problem, SpecError
from convcost.deploy.program import ABSENT, Kernel, Program, Tensor
from convcost.importers.model import Op
from convcost.importers.names import Names
from convcost.importers.tflite.names import often, place
from convcost.importers.tflite.raw import RawKernel, RawModel, RawTensor, read_raw

_WEIGHTED: Final = ("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_3D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
"""Kernels that a module is called after, if it has others too."""


def stated_program(path: str) -> Program:
    """The program of a `.tflite` file as it stands; raises `SpecError` for a file that is none."""
    return _Stating(read_raw(path), path).program()


class _Stating:
    """The subgraphs of a file, as programs: each once, those that it runs before it."""

    def __init__(self, raw: RawModel, path: str) -> None:
        self._raw, self._path = raw, path
        self._done: dict[int, Program] = {}

    def program(self) -> Program:
        others = tuple(self._subgraph(index, (0,)) for index in range(1, len(self._raw.graphs)))
        return self._subgraph(0, (), others)

    def _subgraph(self, index: int, above: tuple[int, ...], others: tuple[Program, ...] = ()) -> Program:
        if index in above[1:] or (index == 0 and above):
            raise self._malformed(f"subgraph {index} runs itself")
        if index not in self._done:
            graph = self._raw.graphs[index]
            tensors = tuple(self._tensor(each) for each in graph.tensors)
            bare = tuple(self._kernel(each, tensors, (*above, index)) for each in graph.kernels)
            kernels, tensors = _called(bare, tensors, graph.inputs)
            offsets = self._raw.offsets if index == 0 else ()
            self._done[index] = Program(tensors, kernels, graph.inputs, graph.outputs, True, others, offsets)
        return self._done[index]

    def _tensor(self, raw: RawTensor) -> Tensor:
        if raw.dtype not in DTYPE_BITS:
            raise self._malformed(
                f"tensor {raw.name!r} has elements of a type that no device runs: complex numbers or texts"
            )
        return Tensor(raw.name, raw.shape, raw.dtype, raw.stored, raw.variable, raw.scales)

    def _kernel(self, raw: RawKernel, tensors: tuple[Tensor, ...], above: tuple[int, ...]) -> Kernel:
        bodies = tuple(self._subgraph(number, above) for number in raw.bodies)
        first = next((number for number in raw.outputs if number != ABSENT), None)
        name = tensors[first].name if first is not None else ""
        return Kernel(raw.type, name or raw.type, raw.inputs, raw.outputs, raw.attrs, bodies)

    def _malformed(self, what: str) -> SpecError:
        return SpecError([Problem(None, self._path, what)])


def _called(
    kernels: tuple[Kernel, ...], tensors: tuple[Tensor, ...], inputs: tuple[int, ...]
) -> tuple[tuple[Kernel, ...], tuple[Tensor, ...]]:
    """Kernels and what they make, under the names of layers; what is given or stored keeps the file's own."""
    made = often(kernel.name for kernel in kernels)
    places = [place(kernel.type, kernel.name, made) for kernel in kernels]
    ops = [Op(kernel.type, at.name, (), (), path=at.path) for kernel, at in zip(kernels, places, strict=True)]
    names = Names(ops, (tensors[number].name for number in inputs))
    found = [names.take(op, op.type.lower(), weighted=op.type in _WEIGHTED).path for op in ops]
    renamed = list(tensors)
    left = {number for kernel in kernels for number in kernel.outputs if number != ABSENT} - {*inputs}
    for kernel, name in zip(kernels, found, strict=True):
        for which, number in enumerate(kernel.outputs):
            if number in left:  # one that is written again keeps its first name
                renamed[number] = tensors[number]._replace(name=f"{name}:{which}" if which else name)
                left.remove(number)
    return tuple(kernel._replace(name=name) for kernel, name in zip(kernels, found, strict=True)), tuple(renamed)
