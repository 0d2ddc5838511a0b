"""A network as a device has it: its program, the arena that the runtime takes, its size in flash, whether a board has both."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from convcost.deploy.arena import Arena, arena, by_pointers
from convcost.deploy.flash import DeployedSize, deployed_size
from convcost.deploy.lowered import lowered
from convcost.deploy.program import Program
from convcost.deploy.runtime import Deployment
from convcost.deploy.stated import stated_program
from convcost.devices.board import Board, find
from convcost.devices.verdict import Verdict
from convcost.graph.typed import used_dtypes
from convcost.networks.network import Network
from convcost.networks.origin import FromSpec
from convcost.render.table import Table, Tabular

DTYPE = "int8"
"""What kernels and activations are deployed as, where nothing is said."""


def stated_file(network: Network) -> str:
    """The path of the TFLite file that a network is, unchanged; empty for all others.

    >>> from convcost import load
    >>> stated_file(load("mobilenet_v2"))
    ''
    """
    origin = network.origin
    foreign = origin.spec.foreign if isinstance(origin, FromSpec) else None
    if foreign is None or foreign.model.format != "tflite" or network.changed or network.input_shapes:
        return ""
    return foreign.model.file


def deployed_dtype(network: Network, dtype: str | None = None) -> str:
    """The type that a network is deployed as: the one asked for, that of its TFLite file, else int8."""
    if dtype is not None:
        return Deployment(dtype=dtype).checked().dtype
    if not stated_file(network):
        return DTYPE
    stated = {name for name in used_dtypes(network.walked) if name != "int32"}
    return stated.pop() if len(stated) == 1 else DTYPE


def program_of(network: Network, dtype: str | None = None) -> Program:
    """The program of kernels: that of the TFLite file which the network is, else the one that TensorFlow would write.

    A file is taken as it stands where no type is asked for. Raises `UsageError` for a layer without a counterpart.

    >>> from convcost import load
    >>> program_of(load("ds_cnn_s")).kernels[0].type
    'CONV_2D'
    """
    if dtype is None and (path := stated_file(network)):
        return stated_program(path)
    return lowered(network.walked, deployed_dtype(network, dtype))


@dataclass(frozen=True)
class Deployed(Tabular):
    """A network under a runtime, and on a board if one is named."""

    network: Network
    deployment: Deployment
    board: Board | None = None
    limit: int | None = None
    """The most bytes that the arena may take, where no board says so."""
    stated: bool = False
    """Whether the program is that of the file which the network is."""
    program: Program = field(repr=False, kw_only=True)

    @cached_property
    def arena(self) -> Arena:
        """What the runtime takes in RAM."""
        return arena(self.program, self.deployment)

    @cached_property
    def by_pointers(self) -> dict[int, int]:
        """Bits of an address -> bytes of the whole arena."""
        return by_pointers(self.program, self.deployment)

    @cached_property
    def size(self) -> DeployedSize:
        """What it takes in flash; with a board, the runtime's code too."""
        code = self.board.code.get(self.deployment.runtime) if self.board else None
        path = stated_file(self.network) if self.stated else ""
        return deployed_size(self.program, path=path, runtime=code.bytes if code else 0)

    @cached_property
    def verdict(self) -> Verdict | None:
        """Whether it fits the board, if one is named."""
        if self.board is None:
            return None
        return Verdict(self.board, self.deployment.runtime, int(self.arena.total), int(self.size.file_bytes))

    @property
    def fits(self) -> bool:
        """Whether it fits the board and stays within the limit; true where neither is named."""
        within = self.limit is None or self.arena.total <= self.limit
        return within and (self.verdict is None or self.verdict.fits)

    @cached_property
    def remedies(self) -> tuple[Remedy, ...]:
        """If it does not fit: changes that would make it fit, each with what is needed then."""
        from convcost.networks.within_board import remedies

        return () if self.fits else remedies(self)

    def at(self, network: Network, *, dtype: str | None = None) -> Deployed:
        """Another network, or another type, deployed like this one."""
        dtype = dtype or self.deployment.dtype
        return Deployed(
            network,
            self.deployment._replace(dtype=dtype),
            self.board,
            self.limit,
            program=lowered(network.walked, dtype),
        )

    def table(self) -> Table:
        """What is alive at each kernel, with notes on arena, flash and board."""
        return self.table_of("step")

    def table_of(self, level: str) -> Table:
        """A row per kernel (`step`) or per buffer (`tensor`)."""
        from convcost.networks.deployed_tables import deployed_table

        return deployed_table(self, level)

    def notes(self) -> list[tuple[str, str]]:
        """The lines below its tables."""
        from convcost.networks.deployed_tables import notes

        return notes(self)


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change of the network, and what it needs then."""

    change: str
    """As on the command line."""
    ram: int
    flash: int
    """Bytes of the model file, and of the runtime's code where a board says it."""


def deployed(
    network: Network,
    *,
    dtype: str | None = None,
    board: str | os.PathLike[str] | Board | None = None,
    limit: int | None = None,
    runtime: str = "tflm",
    pointers: int | None = None,
    kernels: str = "reference",
) -> Deployed:
    """A network under a runtime; with a `board`, a name or a file, on that.

    `dtype` is int8 where nothing is said, and a TFLite file is taken as it stands. Addresses have the `pointers` of the
    board, else 64 bits. Raises `UsageError` for what does not exist, and for a layer without a counterpart.

    >>> from convcost import load
    >>> found = deployed(load("ds_cnn_s"), board="arduino_nano_33_ble")
    >>> found.arena.head, found.fits
    (16000, True)
    """
    place = board if board is None or isinstance(board, Board) else find(os.fspath(board))
    bits = pointers or (place.pointers if place else 64)
    deployment = Deployment(runtime, deployed_dtype(network, dtype), bits, kernels).checked()
    stated = dtype is None and bool(stated_file(network))
    return Deployed(network, deployment, place, limit, stated, program=program_of(network, dtype))
