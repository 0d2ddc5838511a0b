"""A network as a device has it, as a result: with what would make it fit, its tables and its JSON."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from convcost.core.checks import check_bytes
from convcost.deploy.runtime import Deployment
from convcost.devices.board import Board, as_board
from convcost.networks.deployed import DTYPE, OnDevice, dtype_of, program_of, stated_file
from convcost.networks.deployed_tables import deployed_table, notes
from convcost.networks.load import Model, knobs_apart, load
from convcost.networks.within_board import Remedy, Searched, searched
from convcost.render.table import Table, Tabular


@dataclass(frozen=True)
class Deployed(OnDevice, Tabular):
    """A network under a runtime, and on a board if one is named."""

    @cached_property
    def searched(self) -> Searched:
        """If it does not fit: what would make it fit, and whether all was tried; nothing for what the runtime refuses."""
        return Searched() if self.fits or self.arena.refused else searched(self)

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """If it does not fit: changes that would make it fit, each with what is needed then; none for what the runtime refuses."""
        return self.searched.remedies

    def table(self, level: str = "step", data: dict[str, Any] | None = None) -> Table:
        """A row per kernel (`step`) or per buffer (`tensor`), with notes on arena, flash and board.

        `data` is what JSON says beside the deployment.
        """
        return deployed_table(self, self.searched, level, data)

    @property
    def notes(self) -> list[tuple[str, str]]:
        """The lines below its tables: arena, flash, verdict, what would fit."""
        return notes(self, self.searched)


@knobs_apart
def deployed(
    model: Model,
    /,
    *,
    dtype: str | None = None,
    board: str | os.PathLike[str] | Board | None = None,
    limit: int | str | None = None,
    runtime: str = "tflm",
    pointers: int | None = None,
    kernels: str = "reference",
    **knobs: Any,
) -> Deployed:
    """A network under a runtime: its arena in RAM, its size in flash; with a `board`, a name or a file, whether it fits.

    `dtype` is int8 where nothing is said, and a TFLite file is taken as it stands; one that is said goes before all types
    that the network states. Addresses have the `pointers` of the
    board, else 64 bits. It `fits` a `limit` of RAM, 262144 or "256KiB". Raises `UsageError` for what does not exist, and for a layer without a counterpart.

    >>> found = deployed("ds_cnn_s", board="arduino_nano_33_ble")
    >>> found.arena.head, found.fits
    (16000, True)
    """
    bound, network = check_bytes(limit, "limit"), load(model, knobs)
    place = None if board is None else as_board(board)
    bits = pointers if pointers is not None else place.pointers if place else 64
    stated = dtype is None and bool(stated_file(network))
    deployment = Deployment(runtime, DTYPE if dtype is None else dtype, bits, kernels).checked(
        place.core if place else ""
    )
    program = program_of(network, dtype)
    if stated:
        deployment = deployment._replace(dtype=dtype_of(program))
    return Deployed(network, program, deployment, place, bound, stated, dtype is not None)
