"""The boards as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcost.core.errors import UsageError, did_you_mean
from convcost.core.patterns import fitting
from convcost.core.units import binary
from convcost.core.version import __version__
from convcost.devices.board import Board, all_boards
from convcost.render.table import Table

_NOTES = (
    ("RAM", "the largest region, in which an arena can lie, and all regions of the chip together, where that is more"),
    ("flash", "of the chip, or + beside it on the board"),
    ("sources", "stand in --format json: pages of the boards, and files with memory maps"),
)


def boards_table(patterns: Sequence[str] = (), least_ram: int = 0, least_flash: int = 0) -> Table:
    """A row per board, vendor by vendor; `patterns` are globs over names, chips and vendors, or words in these.

    Only boards whose largest region and flash have so many bytes. Raises `UsageError` for a pattern that nothing matches.
    """
    boards = [one for one in _chosen(patterns) if one.ram >= least_ram and one.flash >= least_flash]
    return Table(
        title="",
        heading="Boards",
        headers=("board", "chip", "core", "MHz", "RAM", "in all", "flash", "accelerator"),
        numeric=(False, False, False, True, True, True, True, False),
        priority=(0, 3, 4, 5, 0, 6, 0, 7),
        rows=[_row(board) for board in boards],
        records=[_flat(board) for board in boards],
        data={"schema": "convcost.boards/1", "version": __version__, "boards": [board.to_dict() for board in boards]},
        notes=[*_NOTES],
    )


def _row(board: Board) -> list[str]:
    return [
        board.name,
        board.chip,
        board.core,
        str(board.clock or ""),
        binary(board.ram),
        binary(board.ram_total) if len(board.regions) > 1 else "",
        f"{binary(board.flash)}{' +' if board.flash_external else '  '}",
        board.accelerator.partition(",")[0],
    ]


def _flat(board: Board) -> dict[str, Any]:
    """A board as a row of CSV."""
    record = board.to_dict()
    record["ram_regions"] = "; ".join(f"{name} {size}" for name, size in board.regions.items())
    record["sources"] = " ".join(board.sources)
    code = record.pop("code")
    return {**record, **{f"{runtime}_code_bytes": one["bytes"] for runtime, one in code.items()}}


def _chosen(patterns: Sequence[str]) -> list[Board]:
    boards = all_boards()
    every = list(boards.values())
    chosen: set[str] = set()
    for pattern in map(str, patterns):
        found = fitting(pattern, every, lambda one: (one.name, one.chip, one.vendor))
        if not found:
            raise UsageError(f"no board matches {pattern!r}{did_you_mean(pattern, boards)}")
        chosen.update(one.name for one in found)
    return [one for one in every if not patterns or one.name in chosen]


def boards(*patterns: str) -> tuple[Board, ...]:
    """The boards that convcost knows, vendor by vendor; `patterns` are globs over names, chips and vendors.

    >>> [board.name for board in boards("rpi*")]
    ['rpi_pico', 'rpi_pico2']
    """
    return tuple(_chosen(patterns))
