"""What a network takes in flash: the items of the model file, and what the runtime adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convcost.core.dims import Dim
from convcost.core.units import exact, percent
from convcost.deploy.filed import filed
from convcost.deploy.items import Item
from convcost.deploy.program import Program
from convcost.deploy.weights import WEIGHTS
from convcost.deploy.written import written
from convcost.render.table import Table, Tabular


@dataclass(frozen=True, slots=True)
class DeployedSize(Tabular):
    """What a network takes in flash, item by item; the items add up to the file."""

    items: tuple[Item, ...]
    exact: bool
    """Whether the items are those of a file that exists; else what TensorFlow would write, with shorter names."""
    runtime: Dim = 0
    """Bytes of the runtime's own code, where a board or its file states them."""
    notes: tuple[str, ...] = ()
    """What people should know: what was assumed."""
    dtype: str = ""
    """Of kernels and activations, but for those that state another."""

    @property
    def weight_bytes(self) -> Dim:
        """Kernels, biases and other parameters."""
        return sum(item.bytes for item in self.items if item.name.split()[0] in WEIGHTS)

    @property
    def file_bytes(self) -> Dim:
        """Bytes of the model file."""
        return sum(item.bytes for item in self.items)

    @property
    def flash_bytes(self) -> Dim:
        """The file with the runtime's code."""
        return self.file_bytes + self.runtime

    def table(self) -> Table:
        """A row for each item of the file."""
        whole = int(self.file_bytes)
        records = [{**item._asdict(), "says": item.says} for item in self.items]
        return Table(
            title=f"{exact(whole)} bytes of model file, {exact(int(self.weight_bytes))} of them weights and biases",
            headers=("item", "bytes", "share", "count", "what it is"),
            numeric=(False, True, True, True, False),
            rows=[
                [item.name, exact(int(item.bytes)), percent(int(item.bytes), whole), exact(int(item.count)), item.says]
                for item in self.items
            ],
            records=records,
            data=self.to_dict(),
            total=["total", exact(whole), percent(whole, whole), "", ""],
            notes=[("assumed", note) for note in self.notes],
            priority=(0, 0, 2, 3, 1),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            **({"dtype": self.dtype} if self.dtype else {}),
            "weight_bytes": self.weight_bytes,
            "file_bytes": self.file_bytes,
            "runtime_bytes": self.runtime,
            "flash_bytes": self.flash_bytes,
            "exact": self.exact,
            "items": [{**item._asdict(), "says": item.says} for item in self.items],
            "notes": list(self.notes),
        }


def deployed_size(program: Program, *, path: str = "", runtime: Dim = 0) -> DeployedSize:
    """What a program takes in flash; with the `path` of the .tflite file that states it, every byte of that file.

    Raises `SpecError` for a file that is no model.
    """
    if path:
        return DeployedSize(filed(path).items(), exact=True, runtime=runtime)
    return DeployedSize(written(program).items(), exact=False, runtime=runtime, notes=program.notes)
