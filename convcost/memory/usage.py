"""The activation memory of one network in bytes: the timeline, the peak and what is live there, and arena plans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from convcost.core.dtypes import DTYPE_BITS, asked_dtype, one_word
from convcost.core.errors import UsageError, did_you_mean
from convcost.graph.typed import as_dtype, states_types, used_dtypes
from convcost.graph.walk import Walked
from convcost.memory.arena import PLANNERS, Plan, check_align, plan
from convcost.memory.lifetimes import Lifetimes, Sized, Tensor, count, lifetimes, met, tensor_bytes
from convcost.memory.order import Order, best_order
from convcost.memory.parts import SplitBlock, check_parts, split_blocks

Runs = Literal["given", "best"]
MOST_TENSORS = 2_500
"""The most tensors that are placed in an arena or drawn."""
MOST_MET = 700_000
"""The most pairs of tensors live at the same time that are placed, for planners compare them all: a second. No network of the
zoo has more than 620,000."""


class Options(NamedTuple):
    """How memory is used: what `usage` assumes, and the command line sets."""

    policy: str = "fused"
    dtype: str | None = None
    """Of every element; None for what the network states, fp32 where it states nothing."""
    order: Runs = "given"
    parts: int = 1
    """The number of parts into which inner tensors of blocks are split; 1 for no split."""
    align: int = 1

    def arguments(self) -> dict[str, Any]:
        """As keyword arguments of `Network.memory`."""
        return self._asdict()


class Moment(NamedTuple):
    """One step of the timeline."""

    position: int
    """In the order of execution; -1 before the first step."""
    step: int
    """Number of the step in the graph; -1 for the network's input."""
    live: int
    """Live bytes."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a network needs, under `options`."""

    options: Options
    batch: int
    dtype: str
    """Of the elements, or `mixed` where the network states several."""
    typed: bool
    """Whether tensors have the types that the network states."""
    lives: Lifetimes = field(hash=False)
    sizes: tuple[int, ...]
    """Tensor -> bytes."""
    running: tuple[int, ...]
    """The steps of the graph in execution order."""
    timeline: tuple[Moment, ...]
    peak: int
    """The most bytes live at once."""
    peak_position: int
    order: Order | None
    """What the search for the best order found, if it was asked for."""
    splits: tuple[SplitBlock, ...]
    """Blocks that run in parts."""
    unit: Literal["elements", "bytes"]
    """What the peaks of `order` and `splits` are: bytes where types of different widths are stated."""
    plans: tuple[Plan, ...] = field(hash=False)
    """One per arena planner; none for a policy that considers single layers, or for too many tensors."""

    def __repr__(self) -> str:
        policy, _, order, *_ = self.options
        return f"<Usage {policy} · {self.dtype} · order {order} · peak {self.peak:,} bytes · {len(self.sizes)} tensors>"

    @property
    def arena(self) -> Plan | None:
        """The smallest plan."""
        return min(self.plans, key=lambda plan: plan.total, default=None)

    @property
    def needed(self) -> int:
        """Bytes to set aside: the smallest arena, or the peak where there is none."""
        return self.arena.total if self.arena else self.peak

    @property
    def alive(self) -> tuple[tuple[Tensor, int], ...]:
        """The tensors live at the peak and their bytes, the largest first; of two that share their bytes, the larger."""
        at, begins = self.peak_position, self.lives.begins_over
        held = [*self.lives.alive(at)]
        for over in [i for i in held if i in begins and self.lives.tensors[i].first == at]:
            held.remove(min(over, begins[over], key=lambda i: self.sizes[i]))
        found = [(self.lives.tensors[i], self.sizes[i]) for i in held]
        return tuple(sorted(found, key=lambda entry: -entry[1]))


def usage(walked: Walked, options: Options, *, batch: int = 1) -> Usage:
    """The memory usage of a network; raises `UsageError` for an invalid option.

    >>> from convcost import load
    >>> load("mobilenet_v2").memory(dtype="int8").peak  # 112·112·96 and 56·56·96
    1505280
    """
    dtype, align, parts = asked_dtype(options.dtype), check_align(options.align), check_parts(options.parts)
    options = options._replace(dtype=dtype, align=align, parts=parts)
    if options.order not in get_args(Runs):
        raise UsageError(f"there is no order {options.order!r}{did_you_mean(options.order, get_args(Runs))}")
    walked, dtypes = as_dtype(walked, options.dtype), used_dtypes(walked, options.dtype)

    def in_bytes(tensor: Sized) -> int:
        return tensor_bytes(tensor, options.dtype, batch)

    alike = len({DTYPE_BITS[dtype] for dtype in dtypes}) == 1
    size = count if alike else in_bytes
    order = best_order(walked, options.policy, size=size) if options.order == "best" else None
    running = order.steps if order else tuple(range(len(walked.steps)))
    lives = lifetimes(walked, options.policy, running)
    splits: tuple[SplitBlock, ...] = ()
    if options.parts != 1:
        lives, splits = split_blocks(walked, lives, options.policy, options.parts, size)
    sizes = tuple(map(in_bytes, lives.tensors))
    size_of = dict(zip(lives.tensors, sizes)).__getitem__
    peak, at = lives.peak(size_of)
    timeline = tuple(
        Moment(position, running[position] if position >= 0 else -1, live) for position, live in lives.timeline(size_of)
    )
    placed = lives.windows is None and len(sizes) <= MOST_TENSORS and met(lives.tensors) <= MOST_MET
    plans = tuple(plan(lives, sizes, way, options.align, peak) for way in PLANNERS) if placed else ()
    unit: Literal["elements", "bytes"] = "elements" if alike else "bytes"
    dtype, typed = one_word(dtypes), states_types(walked.graph)
    return Usage(options, batch, dtype, typed, lives, sizes, running, timeline, peak, at, order, splits, unit, plans)


def too_many(usage: Usage) -> str:
    """Of what a picture shows fewer, in words; empty where it shows all.

    >>> from convcost import load
    >>> too_many(load("vgg16").memory())
    ''
    """
    if len(usage.sizes) > MOST_TENSORS:
        return f"up to {MOST_TENSORS:,} tensors, not {len(usage.sizes):,}"
    pairs = met(usage.lives.tensors) if usage.lives.windows is None else 0
    return f"up to {MOST_MET:,} pairs of tensors alive together, not {pairs:,}" if pairs > MOST_MET else ""
