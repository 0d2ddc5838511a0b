"""A network as a device has it: its program, the arena that the runtime takes, its size in flash."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from convcost.deploy.arena import Arena, Asked, arena, asked, by_pointers
from convcost.deploy.flash import DeployedSize, deployed_size
from convcost.deploy.lowered import lowered
from convcost.deploy.program import ABSENT, Program
from convcost.deploy.runtime import Deployment
from convcost.deploy.stated import stated_program
from convcost.devices.board import Board
from convcost.devices.verdict import Verdict
from convcost.networks.network import Network
from convcost.networks.origin import FromSpec

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


def program_of(network: Network, dtype: str | None = None) -> Program:
    """The program of kernels: that of the TFLite file which the network is, else the one that TensorFlow would write.

    A file is taken as it stands where no type is asked for; all else is int8 then, but for narrow integers that a network
    states. A type that is asked for goes before all that is stated. Raises `UsageError` for a layer without a counterpart.

    >>> from convcost import load
    >>> program_of(load("ds_cnn_s")).kernels[0].type
    'CONV_2D'
    """
    if dtype is None and (path := stated_file(network)):
        return stated_program(path)
    return lowered(network.walked, Deployment(dtype=dtype or DTYPE).checked().dtype, everywhere=dtype is not None)


def dtype_of(program: Program) -> str:
    """The type of most of the bytes that kernels make.

    >>> from convcost import load
    >>> dtype_of(program_of(load("ds_cnn_s"), "fp32"))
    'fp32'
    """
    sizes: Counter[str] = Counter()
    for kernel in program.kernels:
        for number in kernel.outputs:
            if number != ABSENT:
                sizes[program.tensors[number].dtype] += int(program.tensors[number].bytes)
    return max(sizes, key=sizes.__getitem__, default=DTYPE)


@dataclass(frozen=True)
class OnDevice:
    """A network under a runtime, and on a board if one is named; every number is computed when it is asked for."""

    network: Network
    program: Program = field(repr=False, hash=False)
    deployment: Deployment
    board: Board | None = None
    limit: int | None = None
    """The most bytes that the arena may take."""
    stated: bool = False
    """Whether the program is that of the file which the network is."""
    asked: bool = False
    """Whether the type was asked for: then it goes before all that the network states."""

    @cached_property
    def arena(self) -> Arena:
        """What the runtime takes in RAM."""
        return arena(self.program, needs=self._needs)

    @cached_property
    def _needs(self) -> Asked:
        return asked(self.program, self.deployment)

    @cached_property
    def by_pointers(self) -> dict[int, int]:
        """Bits of an address -> bytes of the whole arena."""
        return by_pointers(self.program, self.arena)

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
        return Verdict(
            self.board, self.deployment.runtime, self.arena.total, int(self.size.file_bytes), self.arena.refused
        )

    @property
    def fits(self) -> bool:
        """Whether it fits the board and stays within the limit, and the runtime does not refuse it; true where neither is named.

        What is soonest known is asked first: the planner takes its time, and a search asks it of network after network.
        """
        most = [size for size in (self.limit, self.board.ram if self.board else None) if size is not None]
        if not most:
            return True
        # Where a file says that tensors lie, it may let them overlap.
        if not self.program.offsets and self._needs.least > min(most):
            return False
        if self.board and self.size.flash_bytes > self.board.flash:
            return False
        return self.arena.total <= min(most) and not self.arena.refused


def on_device(
    network: Network,
    deployment: Deployment,
    board: Board | None = None,
    limit: int | None = None,
    *,
    dtype: str | None = None,
) -> OnDevice:
    """A network deployed: everywhere as a `dtype` that is asked for; else as its TFLite file stands, or as the deployment
    says, but for narrow integers that the network states.
    """
    if dtype is not None:
        return OnDevice(network, program_of(network, dtype), deployment, board, limit, asked=True)
    if stated_file(network):
        return OnDevice(network, program_of(network), deployment, board, limit, stated=True)
    return OnDevice(network, lowered(network.walked, deployment.dtype), deployment, board, limit)
