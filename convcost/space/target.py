"""How all networks of a grid are deployed: what a runtime, a board and limits on RAM and flash say together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.core.errors import UsageError
from convcost.core.units import exact

if TYPE_CHECKING:
    from convcost.deploy.runtime import Deployment
    from convcost.devices.board import Board
    from convcost.devices.device import Device, Roofline

EXTRAPOLATED = "extrapolated"
"""The name of what says whether a network differs from all that its device was fitted on."""
INFEASIBLE = "infeasible"
"""The name of what says why no network can be built."""
BEYOND = "~"
"""Printed before the latency of one that does."""


class Target(NamedTuple):
    """A runtime with the type that it runs, and what its own code takes of flash."""

    deployment: Deployment
    code: int = 0
    """Bytes of the runtime's code."""
    board: str = ""
    """The name of the board that says so."""
    implied: bool = False
    """Whether nobody asked for this runtime: a limit on RAM or flash needs one."""
    everywhere: bool = False
    """Whether the type was asked for, and so goes before all that networks state."""

    @property
    def said(self) -> str:
        """In words, for pictures and notes.

        >>> from convcost.deploy.runtime import Deployment
        >>> Target(Deployment()).said
        'tflm, int8, 64-bit addresses'
        """
        runtime, dtype, pointers, *_ = self.deployment
        return f"{runtime}, {dtype}, {pointers}-bit addresses{f', {self.board}' if self.board else ''}"

    @property
    def note(self) -> str:
        """The same, with what else the numbers depend on."""
        code = f"model file and {exact(self.code)} bytes of the runtime's code" if self.code else "the model file alone"
        implied = ", as nothing else is said" if self.implied else ""
        return f"{self.said}, {self.deployment.kernels} kernels{implied}; RAM is the arena, flash {code}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {**self.deployment._asdict(), "board": self.board or None, "code_bytes": self.code}


class HowDeployed(NamedTuple):
    """What is said of how networks are deployed; nothing by default."""

    runtime: str | None = None
    deploy: str | bool | None = None
    """The type as which they are; True for int8."""
    board: str | os.PathLike[str] | Board | None = None
    """A board, its name, or a file that states one."""
    pointers: int | None = None
    kernels: str | None = None

    def target(self, dtype: str | None = None, *, limited: bool = False) -> Target | None:
        """What the networks are deployed on, if anything asks for that, or RAM or flash is limited.

        The type is that of `deploy`, else `dtype`, else int8; addresses have the bits of the board, else 64. Raises
        `UsageError` for what does not exist.

        >>> HowDeployed().target() is None, HowDeployed("tflm").target().deployment.dtype, HowDeployed().target(limited=True).implied
        (True, 'int8', True)
        >>> HowDeployed(board="nucleo_h743zi").target().said
        'tflm, int8, 32-bit addresses, nucleo_h743zi'
        """
        asked = any(said is not None and said is not False for said in self)
        if not asked and not limited:
            return None
        from convcost.deploy.lowered import deployed_as
        from convcost.deploy.runtime import Deployment

        board = self.on()
        kind = deployed_as(self.deploy, dtype)
        bits = self.pointers if self.pointers is not None else board.pointers if board else None
        stated = {"runtime": self.runtime, "dtype": kind, "pointers": bits, "kernels": self.kernels}
        deployment = Deployment(**{name: value for name, value in stated.items() if value is not None})  # type: ignore[arg-type]
        deployment = deployment.checked(board.core if board else "")
        code = board.code.get(deployment.runtime) if board else None
        place = board.name if board else ""
        return Target(deployment, code.bytes if code else 0, place, implied=not asked, everywhere=bool(kind))

    def on(self) -> Board | None:
        """The board, if one is named."""
        if self.board is None:
            return None
        from convcost.devices.board import as_board

        return as_board(self.board)

    def limits(self, max_ram: Any, max_flash: Any) -> dict[str, Any]:
        """The limits on RAM and flash: those that are given, else what the board has."""
        board = self.on()
        return {
            "max_ram": max_ram if max_ram is not None or board is None else board.ram,
            "max_flash": max_flash if max_flash is not None or board is None else board.flash,
        }


def device_of(device: str | os.PathLike[str] | Device | Roofline | None) -> Device | Roofline | None:
    """A device by name, as a file, or as it is; raises `UsageError`, and `SpecError` for all that is wrong with a file."""
    if device is None:
        return None
    from convcost.devices.stored import as_device

    return as_device(device)


def is_calibrated(device: Device | Roofline | None) -> bool:
    """Whether a device was fitted to networks, so that others may be far from these."""
    return bool(getattr(device, "fitted", ()))


def latency_limit(max_latency: Any, device: Device | Roofline | None) -> dict[str, Any]:
    """The limit on latency that is given, and what it is of; raises `UsageError` for one without a device."""
    if max_latency is not None and device is None:
        raise UsageError("a latency is of a device: give device=NAME, --device NAME; `convcost devices` lists all")
    return {"max_latency": max_latency, "device": device.name if device else ""}
