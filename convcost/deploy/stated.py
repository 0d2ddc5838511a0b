"""The program that a TFLite file states: its own tensors in their order, its own kernels.

Unlike an import (`importers/tflite/file.py`), which asks what a network computes, this keeps whatever a device has: every
tensor by its number, every subgraph, and nothing renamed or left out.
"""

from __future__ import annotations

from convcost.core.dtypes import DTYPE_BITS
from convcost.core.errors import Problem, SpecError
from convcost.deploy.program import ABSENT, Kernel, Program, Tensor
from convcost.importers.tflite.raw import RawKernel, RawModel, RawTensor, read_raw


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
            kernels = tuple(self._kernel(each, tensors, (*above, index)) for each in graph.kernels)
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
