"""A network as a runtime has it: kernels in execution order, and the tensors between them in the order of the model file.

Two ways lead here: a TFLite file is read as it stands (`deploy/stated.py`), and a graph is lowered to the file that a
converter would write (`deploy/lowered.py`). Whatever a device needs - arena, flash - follows from the program alone.

Sizes are ints, or numbers over a grid: a program has one structure, whatever its sizes are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from convcost.core.dims import Dim, Shape, product
from convcost.core.dtypes import storage

ABSENT = -1
"""The number of an optional tensor that a kernel does without."""


class Tensor(NamedTuple):
    """A tensor of the program: one with elements in the file, or one that is computed."""

    name: str
    shape: Shape
    """As the file has it: the batch first, channels last; of kernels the output channels first."""
    dtype: str
    stored: bool = False
    """Whether its elements lie in the file, and so in flash: weights, biases, constants."""
    variable: bool = False
    """Whether it keeps its elements from one run to the next: the state of a recurrent layer."""
    scales: Dim = 0
    """Scales that quantise it: none, one for all elements, or one per channel."""

    @property
    def bytes(self) -> Dim:
        """Packed, rounded up to whole bytes.

        >>> Tensor("x", (1, 48, 48, 8), "int8").bytes
        18432
        """
        return storage(product(self.shape), self.dtype)


class Kernel(NamedTuple):
    """An operator of the program, by its name in TFLite's schema."""

    type: str
    """CONV_2D, ADD, …"""
    name: str
    """The layer of the network that it computes."""
    inputs: tuple[int, ...]
    """Numbers of tensors; `ABSENT` for an optional one that is left out."""
    outputs: tuple[int, ...]
    attrs: Mapping[str, Any] = {}
    """The options of the operator, by their names in the schema."""
    bodies: tuple[Program, ...] = ()
    """The programs that control flow runs, in the order in which it states them; all of them are among `subgraphs`."""


@dataclass(frozen=True, slots=True)
class Program:
    """Kernels and tensors; `tensors[i]` is the tensor of number `i`."""

    tensors: tuple[Tensor, ...]
    kernels: tuple[Kernel, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    stated: bool = False
    """Whether it stands in a file; else it is what a converter would write."""
    subgraphs: tuple[Program, ...] = ()
    """The other subgraphs of the file in its order, whether something runs them or not."""
    offsets: tuple[int, ...] = ()
    """Where the file itself says that tensors lie in the arena, one for each tensor of all subgraphs; `ABSENT` for one that
    the runtime shall place. None of them, as a rule."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What people should know: what was assumed, and what could differ."""

    def stored(self) -> Iterator[tuple[int, Tensor]]:
        """The tensors that lie in flash, each with its number."""
        return ((i, tensor) for i, tensor in enumerate(self.tensors) if tensor.stored)
