"""How all networks of a grid are deployed: what a runtime, a board and limits on RAM and flash say together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.core.units import binary

if TYPE_CHECKING:
    from convcost.deploy.runtime import Deployment


class Target(NamedTuple):
    """A runtime with the type that it runs, and what its own code takes of flash."""

    deployment: Deployment
    code: int = 0
    """Bytes of the runtime's code."""
    board: str = ""
    """The board that says so."""
    implied: bool = False
    """Whether nobody asked for this runtime: a limit on RAM or flash needs one."""

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
        code = f"model file and {binary(self.code)} of the runtime's code" if self.code else "the model file alone"
        implied = "; the default where RAM or flash is limited" if self.implied else ""
        return f"{self.said}, {self.deployment.kernels} kernels{implied}; flash is {code}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {**self.deployment._asdict(), "board": self.board or None, "code_bytes": self.code}


def target_of(
    runtime: str | None = None,
    deploy: str | bool | None = None,
    *,
    limited: bool = False,
    dtype: str | None = None,
    pointers: int | None = None,
    kernels: str | None = None,
) -> Target | None:
    """What a network is deployed on, if anything asks for that: a runtime, a type, or a limit on RAM or flash.

    The type is that of `deploy`, else `dtype`, else int8. Raises `UsageError` for what does not exist.

    >>> target_of() is None, target_of("tflm").deployment.dtype, target_of(limited=True).implied
    (True, 'int8', True)
    """
    asked = any((runtime, deploy, pointers, kernels))
    if not asked and not limited:
        return None
    from convcost.deploy.runtime import Deployment

    kind = deploy if isinstance(deploy, str) and deploy else dtype
    stated = {"runtime": runtime, "dtype": kind, "pointers": pointers, "kernels": kernels}
    deployment = Deployment(**{name: value for name, value in stated.items() if value})  # type: ignore[arg-type]
    return Target(deployment.checked(), implied=not asked)
