"""What a program stores as elements of tensors: kernels, biases, other parameters, constants of the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from convcost.core.dims import Dim
from convcost.deploy.program import ABSENT, Kernel, Program, Tensor

Part = Literal["kernels", "biases", "parameters", "constants"]
WEIGHTS: Final[tuple[Part, ...]] = ("kernels", "biases", "parameters")
"""What is trained; the rest says how the graph is wired: shapes, axes, paddings."""

#: Operators -> which of their inputs are kernels, and which biases.
_KERNELS: Final[Mapping[str, tuple[int, ...]]] = {
    "CONV_2D": (1,),
    "DEPTHWISE_CONV_2D": (1,),
    "CONV_3D": (1,),
    "FULLY_CONNECTED": (1,),
    "TRANSPOSE_CONV": (1,),
    "CONV_3D_TRANSPOSE": (1,),
    "BATCH_MATMUL": (0, 1),
    "EMBEDDING_LOOKUP": (1,),
    "SVDF": (1, 2),
    "RNN": (1, 2),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2),
    "BIDIRECTIONAL_SEQUENCE_RNN": (1, 2, 5, 6),
    "LSTM": (*range(1, 12), 16),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 12), 16),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 12), 16, *range(18, 29), 33),
}
_BIASES: Final[Mapping[str, tuple[int, ...]]] = {
    "CONV_2D": (2,),
    "DEPTHWISE_CONV_2D": (2,),
    "CONV_3D": (2,),
    "FULLY_CONNECTED": (2,),
    "TRANSPOSE_CONV": (3,),
    "CONV_3D_TRANSPOSE": (3,),
    "SVDF": (3,),
    "RNN": (3,),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (3,),
    "BIDIRECTIONAL_SEQUENCE_RNN": (3, 7),
    "LSTM": (12, 13, 14, 15, 17),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (12, 13, 14, 15, 17),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (12, 13, 14, 15, 17, 29, 30, 31, 32, 34),
}
_PLACES: Final[Mapping[Part, Mapping[str, tuple[int, ...]]]] = {"kernels": _KERNELS, "biases": _BIASES}
_FORMS: Final = ("DEQUANTIZE", "DENSIFY")
"""Operators that make kernels of what is stored smaller: as halves, or sparse."""


class StoredTensor(NamedTuple):
    """A tensor that lies in flash, and what it is there for."""

    number: int
    tensor: Tensor
    part: Part


def stored_parts(program: Program) -> tuple[StoredTensor, ...]:
    """Every stored tensor with what it is: what a kernel multiplies by, adds, or is told by."""
    read = {number: part for part, number in reversed([*_read(program)])}  # what reads it first says what it is
    return tuple(
        StoredTensor(number, tensor, read.get(number) or _otherwise(tensor)) for number, tensor in program.stored()
    )


def weight_bytes(program: Program) -> Dim:
    """Bytes of all that is trained: kernels, biases, other parameters."""
    return sum(found.tensor.bytes for found in stored_parts(program) if found.part in WEIGHTS)


def kernels_of(kernel: Kernel) -> tuple[int, ...]:
    """The numbers of the tensors that it multiplies by, stored or not."""
    places = _KERNELS.get(kernel.type, ())
    return tuple(
        kernel.inputs[place] for place in places if place < len(kernel.inputs) and kernel.inputs[place] != ABSENT
    )


def _read(program: Program) -> Iterator[tuple[Part, int]]:
    """Kernels and biases, by what reads them, in order; what is only another form of one is one too."""
    formed = [kernel for kernel in program.kernels if kernel.type in _FORMS and kernel.outputs and kernel.inputs]
    forms = {kernel.outputs[0]: kernel.inputs[0] for kernel in formed}
    for kernel in program.kernels:
        for part, places in _PLACES.items():
            for place in places.get(kernel.type, ()):
                number = kernel.inputs[place] if place < len(kernel.inputs) else ABSENT
                yield part, number
                while number in forms:
                    number = forms.pop(number)
                    yield part, number


def _otherwise(tensor: Tensor) -> Part:
    """What another stored tensor is: whole numbers without a scale are shapes, axes, paddings."""
    floating = tensor.dtype.startswith(("fp", "bf", "tf"))
    return "parameters" if floating or tensor.scales else "constants"


def item_of(found: StoredTensor) -> str:
    """The item of a model file that the elements of a tensor belong to.

    >>> item_of(StoredTensor(3, Tensor("conv", (8, 3, 3, 4), "int8"), "kernels"))
    'kernels int8'
    """
    return f"{found.part} {found.tensor.dtype}".strip()
