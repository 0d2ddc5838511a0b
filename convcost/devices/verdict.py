"""Whether a network fits a board: its arena in RAM, its model file and the runtime's code in flash, as one verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convcost.core.units import exact, percent
from convcost.devices.board import Board, Code

_NO_CODE = Code(0, "", "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a network needs of a board, and what the board has."""

    board: Board
    runtime: str
    ram: int
    """Bytes of the arena."""
    file: int
    """Bytes of the model file."""
    refused: tuple[str, ...] = ()
    """Why the runtime would not load the network, whatever memory there is."""

    @property
    def code(self) -> Code:
        """What the runtime's own code takes in flash."""
        return self.board.code.get(self.runtime, _NO_CODE)

    @property
    def flash(self) -> int:
        """Bytes of the model file and of the runtime's code."""
        return self.file + self.code.bytes

    @property
    def ram_left(self) -> int:
        """Bytes of the largest region that are left for stack and application; negative if the arena does not fit."""
        return self.board.ram - self.ram

    @property
    def flash_left(self) -> int:
        """Bytes of flash that are left for the application; negative if model and runtime do not fit."""
        return self.board.flash - self.flash

    @property
    def fits(self) -> bool:
        """Whether RAM and flash are enough for what is counted, and the runtime does not refuse the network.

        >>> from convcost.devices.board import find
        >>> verdict = Verdict(find("nucleo_f411re"), "tflm", 131_072, 500_000)
        >>> verdict.fits, verdict.ram_left, verdict.flash_left
        (False, 0, -60240)
        """
        return self.ram_left >= 0 and self.flash_left >= 0 and not self.refused

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            "board": self.board.name,
            "fits": self.fits,
            "refused": list(self.refused),
            "ram": {"needed": self.ram, "has": self.board.ram, "left": self.ram_left, "region": self.board.region},
            "flash": {
                "needed": self.flash,
                "file": self.file,
                "code": self.code.bytes,
                "code_source": self.code.source,
                "has": self.board.flash,
                "left": self.flash_left,
            },
        }

    @property
    def text(self) -> str:
        """In words: whether it fits, and by how much it does not.

        >>> from convcost.devices.board import find
        >>> Verdict(find("nucleo_f411re"), "tflm", 140_000, 100_000).text
        'does not fit nucleo_f411re: RAM is over by 8,928 bytes (6.81 %); flash is enough'
        """
        if self.refused:
            return f"does not run on {self.board.name}: {'; '.join(self.refused)}"
        if self.fits:
            return f"fits {self.board.name}: {exact(self.ram_left)} bytes of RAM and {exact(self.flash_left)} of flash are left"
        said = f"{_over('RAM', self.ram_left, self.board.ram)}; {_over('flash', self.flash_left, self.board.flash)}"
        return f"does not fit {self.board.name}: {said}"

    def notes(self) -> list[tuple[str, str]]:
        """Lines below a table: the verdict, RAM and flash with what they consist of."""
        return [("verdict", self.text), ("RAM", self._ram()), ("flash", self._flash())]

    def _ram(self) -> str:
        board = self.board
        said = f"the arena takes {exact(self.ram)} of {exact(board.ram)} bytes"
        if len(board.regions) > 1:
            said += f" in {board.region}, the largest region"
            others = f"{exact(board.ram_total)} in {exact(len(board.regions))} regions"
            if self.ram_left < 0 <= board.ram_total - self.ram:
                return f"{said}; the board has {others}, but an arena is one array"
            said += f" of {others}"
        return f"{said}; stack and application come on top" if self.ram_left >= 0 else said

    def _flash(self) -> str:
        said = f"the model file takes {exact(self.file)}"
        if self.code.bytes:
            said += f", the runtime's code {exact(self.code.bytes)} ({self.code.says}; {self.code.source})"
        said += f" of {exact(self.board.flash)} bytes{' beside the chip' if self.board.flash_external else ''}"
        if self.flash_left < 0 <= self.board.flash - self.file:
            return f"{said}; the file alone would fit"
        return f"{said}; the application comes on top" if self.flash_left >= 0 else said


def _over(what: str, left: int, has: int) -> str:
    """Whether there is enough of something, or how much is missing."""
    return f"{what} is enough" if left >= 0 else f"{what} is over by {exact(-left)} bytes ({percent(-left, has)})"
