"""What kernels of TensorFlow Lite Micro need of the arena's head while they run, beside their tensors."""

from __future__ import annotations

from typing import NamedTuple

from convcost.core.dims import Dim
from convcost.deploy.program import Kernel, Program


class Scratch(NamedTuple):
    """A buffer that a kernel has to itself while it runs."""

    what: str
    size: Dim
    """Bytes."""


def scratch(kernel: Kernel, program: Program, kernels: str = "reference") -> tuple[Scratch, ...]:
    """The buffers of a kernel of this program, in the order in which it asks for them."""
    return ()
