"""What a network takes in flash: the items of the model file, and what the runtime adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from convcost.core.dims import Dim
from convcost.deploy.program import Program
from convcost.deploy.weights import weight_bytes


class Item(NamedTuple):
    """A part of a model file."""

    name: str
    bytes: Dim
    count: Dim
    """How many of them there are: tensors, names, tables."""
    says: str


@dataclass(frozen=True, slots=True)
class DeployedSize:
    """What a network takes in flash, item by item; the items add up to the file."""

    weight_bytes: Dim
    """Kernels, biases and other parameters."""
    items: tuple[Item, ...]
    exact: bool
    """Whether the items are those of a file that exists; else what a converter would write, an estimate beyond the weights."""
    runtime: Dim = 0
    """Bytes of the runtime's own code, where a board or its file states them."""

    @property
    def file_bytes(self) -> Dim:
        """Bytes of the model file."""
        return sum(item.bytes for item in self.items)

    @property
    def flash_bytes(self) -> Dim:
        """The file with the runtime's code."""
        return self.file_bytes + self.runtime

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            "weight_bytes": self.weight_bytes,
            "file_bytes": self.file_bytes,
            "runtime_bytes": self.runtime,
            "flash_bytes": self.flash_bytes,
            "exact": self.exact,
            "items": [item._asdict() for item in self.items],
        }


def deployed_size(program: Program, *, path: str = "", runtime: Dim = 0) -> DeployedSize:
    """What a program takes in flash; with the `path` of the .tflite file that states it, every byte of that file."""
    raise NotImplementedError
