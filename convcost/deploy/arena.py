"""The memory that a runtime takes for a program: its head, where tensors lie, and what stays for as long as the model does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal, NamedTuple

from convcost.core.dims import Dim
from convcost.deploy.program import Program
from convcost.deploy.runtime import Deployment
from convcost.deploy.tflm.lifetimes import Request, handles, requests, ticks
from convcost.deploy.tflm.persistent import Item, persistent
from convcost.deploy.tflm.planner import height, placed
from convcost.deploy.tflm.refused import refusals, uncounted


class Buffer(NamedTuple):
    """A part of the head: a tensor, or what a kernel needs while it runs."""

    name: str
    size: int
    """Bytes, rounded up to what the planner takes."""
    first: int
    """The first tick at which it is alive; see `Arena.ticks`."""
    last: int
    offset: int
    kind: Literal["tensor", "scratch"]


@dataclass(frozen=True)
class Arena:
    """What `deployment.runtime` takes of the arena for a program."""

    deployment: Deployment
    buffers: tuple[Buffer, ...]
    """In the order in which the planner has them."""
    ticks: tuple[str, ...]
    """What runs at each tick: 0 stands for the inputs, then one for each kernel, by its name."""
    items: tuple[Item, ...]
    """The persistent part, the largest first."""
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    """Why the runtime would not load the program, whatever memory there is: then this is what it would take if it did."""

    @property
    def runtime(self) -> str:
        """Name of the runtime."""
        return self.deployment.runtime

    @property
    def pointers(self) -> int:
        """Bits of an address."""
        return self.deployment.pointers

    @cached_property
    def head(self) -> int:
        """Bytes of the part in which tensors lie, planned by their lives."""
        return height([each.size for each in self.buffers], [each.offset for each in self.buffers])

    @cached_property
    def persistent(self) -> int:
        """Bytes of the part that stays: structures of the runtime, of tensors, kernels and variables."""
        return sum(item.bytes for item in self.items)

    @property
    def total(self) -> int:
        """Bytes of the whole arena."""
        return self.head + self.persistent

    @cached_property
    def _live(self) -> list[int]:
        """Tick -> the bytes alive."""
        return _alive(self.buffers, len(self.ticks))

    @property
    def bound(self) -> int:
        """The most bytes alive at once: no plan needs less."""
        return max(self._live)

    @cached_property
    def peak_tick(self) -> int:
        """The first tick at which a buffer is alive that reaches to the end of the head."""
        return min(
            (each.first for each in self.buffers if each.offset + each.size == self.head and each.first >= 0), default=0
        )

    @property
    def peak_at(self) -> str:
        """What runs there: the kernel that sets how large the head is, which need not be the one at which most is alive."""
        return self.ticks[self.peak_tick]

    @cached_property
    def most_alive_tick(self) -> int:
        """The first tick at which the most bytes are alive, `bound`."""
        return self._live.index(self.bound)

    @property
    def most_alive_at(self) -> str:
        """What runs there."""
        return self.ticks[self.most_alive_tick]

    def alive(self, tick: int) -> tuple[Buffer, ...]:
        """The buffers alive at a tick, the largest first."""
        return tuple(
            sorted((each for each in self.buffers if each.first <= tick <= each.last), key=lambda each: -each.size)
        )

    def alive_bytes(self, tick: int) -> int:
        """Their bytes."""
        return self._live[tick]


class Asked(NamedTuple):
    """What a program asks of the arena, before anything is placed."""

    deployment: Deployment
    buffers: tuple[Request, ...]
    """Of the head."""
    items: tuple[Item, ...]
    """Of the persistent part."""

    @property
    def least(self) -> Dim:
        """The most bytes alive at once, and those that stay: no plan needs less.

        >>> first, second = Request("a", 32, 0, 1, "tensor"), Request("b", 16, 1, 2, "tensor")
        >>> third = Request("c", 32, 2, 3, "tensor")
        >>> Asked(Deployment(), (first, second, third), (Item("nodes", 64, 1, ""),)).least  # 32 + 16, and 64
        112
        """
        ticks = max((each.last for each in self.buffers), default=0) + 1
        return max(_alive(self.buffers, ticks)) + sum(item.bytes for item in self.items)


def asked(program: Program, deployment: Deployment) -> Asked:
    """What a program asks for; raises `UsageError` for a deployment that does not exist."""
    deployment = deployment.checked()
    buffers = requests(program, deployment)
    return Asked(deployment, buffers, persistent(program, deployment, handles(buffers)))


def arena(program: Program, deployment: Deployment | None = None, needs: Asked | None = None) -> Arena:
    """The arena of a program, of which may be known what it asks for; raises `UsageError` for a deployment that does not exist."""
    needs = needs or asked(program, deployment or Deployment())
    offsets = planned(needs.buffers)
    buffers = tuple(
        Buffer(each.name, each.size, each.first, each.last, at, each.kind) for each, at in zip(needs.buffers, offsets)
    )
    notes = (*program.notes, *_notes(program, needs.deployment))
    return Arena(needs.deployment, buffers, ticks(program), needs.items, notes, tuple(refusals(program)))


def _notes(program: Program, deployment: Deployment) -> Iterator[str]:
    """What is not counted, and what nobody has run."""
    yield from uncounted(program)
    if deployment.kernels != "reference":
        yield "buffers of CMSIS-NN are those that its source states; other kernels are the reference's"


def by_pointers(program: Program, found: Arena) -> dict[int, int]:
    """Bits of an address -> bytes of the whole arena of a program, which was `found` for one of them."""
    own = found.deployment
    arenas = {bits: found if bits == own.pointers else arena(program, own._replace(pointers=bits)) for bits in (32, 64)}
    return {bits: one.total for bits, one in arenas.items()}


def _alive(buffers: Sequence[Request | Buffer], ticks: int) -> list[int]:
    """Tick -> the bytes alive, for so many ticks."""
    changes = [0] * (ticks + 1)
    for each in buffers:
        if each.last >= 0:
            changes[max(each.first, 0)] += each.size
            changes[each.last + 1] -= each.size
    return [*accumulate(changes)]


def planned(buffers: tuple[Request, ...]) -> list[int]:
    """The offset of each buffer that is asked for."""
    return placed(
        [each.size for each in buffers],
        [each.first for each in buffers],
        [each.last for each in buffers],
        [each.offset for each in buffers],
    )
