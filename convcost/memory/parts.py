"""Blocks whose inner tensors never need to be materialised as a whole: the trick of the inverted residual block.

Where a convolution is followed by per-channel ops (a depthwise convolution, a pool, a channel shuffle) and these by a 1×1
convolution, the channels in between can be computed, used and freed part by part: each part accumulates into the
output, and no multiplication is done twice. Then only the block's input, its output and one part of the inner tensors
are live.

A squeeze-and-excite inside prevents it: it needs the whole inner tensor before it can scale the first element.

Source: Sandler et al., MobileNetV2 (arXiv 1801.04381), section 5.1, where the parts are the t of the expansion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, chain
from typing import Any, NamedTuple

from convcost.core.axes import spatial
from convcost.core.checks import integer_within, quoted
from convcost.core.dims import Dim, ceil_div
from convcost.core.errors import UsageError
from convcost.graph.walk import Step, Walked
from convcost.memory.layout import readers_of
from convcost.memory.lifetimes import Lifetimes, Measure, Tensor, count, lifetimes
from convcost.memory.policies import policy

MOST_SPLITS = 1_000_000


class Chain(NamedTuple):
    """A block of steps that can run in parts: expansion, per-channel ops, and projection, if there is one."""

    steps: tuple[int, ...]
    """The steps, the first and the last included."""
    last: str
    """The output edge of the block."""
    inner: tuple[str, ...]
    """The edges inside."""


class SplitBlock(NamedTuple):
    """A block that runs in parts, and the most that is live while it runs: elements, or what their sizes were taken as."""

    name: str
    before: int
    after: int
    parts: int
    """As many as requested, but no more than it has channels."""


def chains(walked: Walked) -> tuple[Chain, ...]:
    """Every block of a graph that can run in parts, in the order of its first step, the longest of each; they may overlap."""
    return tuple(Chain(run, names[-1], names[:-1]) for run, names, _ in _runs(walked))


def check_parts(parts: Any) -> int:
    """In how many parts blocks run, 1 for none; raises `UsageError`."""
    number = integer_within(parts, 1, MOST_SPLITS)
    if number is None:
        raise UsageError(f"a block runs as it is, 1, or in 2 to {MOST_SPLITS:,} parts, got {quoted(parts)}")
    return number


def split_blocks(
    walked: Walked, lives: Lifetimes, policy_name: str, parts: int, size: Measure = count
) -> tuple[Lifetimes, tuple[SplitBlock, ...]]:
    """Run every block in this many parts if that needs less memory; the others stay as they are.

    Of the blocks that begin with a step, the one that needs least runs in parts, the longest of several. Raises `UsageError` for a policy that does not fuse or frees nothing,
    """
    chosen = policy(policy_name)
    if chosen.fuse == "nothing" or chosen.keeps != "use":
        raise UsageError(f"blocks can run in parts only under a policy that fuses and frees, not under {policy_name}")
    splitting, taken = _Splitting(walked.steps, lives, parts, size), set[int]()
    for run in _runs(walked):
        if run.steps[0] not in taken:  # the end of a block that runs in parts; no other step is part of two
            taken.update(splitting.split(run))
    return splitting.lives(), tuple(splitting.done)


def largest_by_size(walked: Walked, *, blocks_as_one: bool = False) -> dict[tuple[int, ...], Tensor]:
    """The largest tensor that must be materialised at each height and width, with batch-norm and activations fused.

    With `blocks_as_one`, inner tensors of blocks that expand and project do not count: they can be computed in parts.
    A vector has height and width 1. This is MobileNetV2's Table 3.
    """
    hidden: set[str] = set()
    if blocks_as_one:
        taken: set[int] = set()
        for block in chains(walked):
            made = {step.node.name: step.cost.out[0] for step in (walked.steps[at] for at in block.steps)}
            wide = count(Tensor("", made[block.inner[0]], 0, 0)) > count(Tensor("", made[block.last], 0, 0))
            if wide and taken.isdisjoint(block.steps):
                taken.update(block.steps)
                hidden.update(block.inner)
    found: dict[tuple[int, ...], Tensor] = {}
    for tensor in lifetimes(walked, "fused").tensors:
        size = spatial(tensor.shape) if len(tensor.shape) > 1 else (1, 1)
        if tensor.name not in hidden and (size not in found or count(found[size]) < count(tensor)):
            found[size] = tensor
    return dict(sorted(found.items(), reverse=True))


class _Run(NamedTuple):
    """The longest block that begins with a step, and all ends at which it may stop."""

    steps: tuple[int, ...]
    names: tuple[str, ...]
    """The edge that each step makes."""
    lengths: tuple[int, ...]
    """Of the blocks, in steps, the shortest first."""


def _runs(walked: Walked) -> Iterator[_Run]:
    """For each step that begins blocks, these."""
    readers = readers_of(walked.steps)
    for at in range(len(walked.steps)):
        run, lengths = _followed(walked, at, readers)
        if lengths:
            steps = tuple(run[: lengths[-1]])
            yield _Run(steps, tuple(walked.steps[i].node.name for i in steps), tuple(lengths))


def _followed(walked: Walked, at: int, readers: dict[str, list[int]]) -> tuple[list[int], list[int]]:
    """The steps one behind the other that a block may consist of, and how many of them are one."""
    steps = walked.steps
    if not _mixes(steps[at]):
        return [], []
    run, lengths, resampled = [at], list[int](), False
    while True:
        edge = steps[run[-1]].node.name
        after = readers.get(edge, [])
        if len(after) != 1 or edge in walked.outputs:
            break
        step = steps[after[0]]
        if _mixes(step):
            if step.is_pointwise and resampled:
                run.append(after[0])
                lengths.append(len(run))
            break
        if not step.by_channel:
            break
        run.append(after[0])
        resampled = resampled or _resamples(step)
        if _resamples(step) and not step.traits.weighted:  # a pool or the like ends a block without a projection
            lengths.append(len(run))
    return run, lengths


def _resamples(step: Step) -> bool:
    """Whether a step is per-channel and resamples (a depthwise convolution, a pool): else a block is just two convolutions."""
    return step.by_channel and step.traits.resamples


def _mixes(step: Step) -> bool:
    """A convolution over several channels: it can compute some output channels at a time, or accumulate over some inputs."""
    return step.traits.weighted and step.traits.resamples and not step.by_channel


class _Weighed(NamedTuple):
    """A block that would need less in parts."""

    length: int
    """In steps of its run."""
    start: int
    """The position of its first step."""
    before: int
    after: int
    own: int
    """What of the block itself is alive all the while: what it reads and makes, and a part of what lies in between."""
    others: Mapping[int, int]
    """Position -> what else is alive there."""

    @property
    def end(self) -> int:
        """The position of its last step."""
        return self.start + self.length - 1


class _Splitting:
    """The lifetimes of a network, of which one block after the other comes to run in parts.

    Only what is alive while a block runs changes with it, and all ends of a block are weighed in one pass over its steps.
    """

    def __init__(self, steps: Sequence[Step], lives: Lifetimes, parts: int, size: Measure) -> None:
        self.steps, self.given, self.parts, self.size = steps, lives, parts, size
        self.tensors = list(lives.tensors)
        self.begins_over = dict(lives.begins_over)
        self.live = {at: int(live) for at, live in lives.timeline(size)}
        """Position -> what is alive there."""
        self.done: list[SplitBlock] = []

    def lives(self) -> Lifetimes:
        """The lifetimes with the blocks that were split."""
        return replace(self.given, tensors=tuple(self.tensors), begins_over=self.begins_over)

    def split(self, run: _Run) -> Sequence[int]:
        """Let the block of a run that needs least run in parts; its steps, none if no block needs less so."""
        tried = list(self._weighed(run))
        if not tried:
            return ()
        # What is alive from the first step to the end of the longest block tells them apart.
        last = tried[-1].end
        behind = [*accumulate((self.live[at] for at in range(last, tried[0].end, -1)), max, initial=0)]
        best = min(reversed(tried), key=lambda one: max(one.after, behind[last - one.end]))
        self._apply(run, best)
        return run.steps[: best.length]

    def _weighed(self, run: _Run) -> Iterator[_Weighed]:
        """The blocks of a run that need less in parts, the shortest first."""
        homes = [self.given.home[name] for name in run.names]
        read = self._read(run)
        start = min(self.tensors[tensor].first for tensor in homes[0])
        others = self._others(start, len(homes), {*read, *chain.from_iterable(homes)})
        own, inner = sum(self._size(tensor) for tensor in read), set[int]()
        before = around = 0
        ends = {*run.lengths}
        for length, home in enumerate(homes, 1):
            at = start + length - 1
            if not all(start <= self.tensors[tensor].first <= at for tensor in home):
                return  # something else runs in between
            before, around = max(before, self.live[at]), max(around, others[at])
            if length in ends and len(home) == 1:
                alive = own + self._size(home[0])
                if around + alive < before:
                    yield _Weighed(length, start, before, around + alive, alive, others)
            own += sum(int(self.size(self._part_of(run, tensor))) for tensor in {*home} - inner)
            inner.update(home)

    def _others(self, start: int, length: int, own: Collection[int]) -> Mapping[int, int]:
        """What is alive besides some tensors, at so many positions from one on."""
        less = Counter[int]()
        for tensor in own:
            first, last = self.tensors[tensor].first, self.tensors[tensor].last
            less[max(first, start)] += self._size(tensor)
            less[max(last + 1, start)] -= self._size(tensor)
            if tensor in self.begins_over:
                both = min(self._size(tensor), self._size(self.begins_over[tensor]))
                less[first] -= both
                less[first + 1] += both
        positions = range(start, min(start + length, self.given.length))
        return {at: self.live[at] - mine for at, mine in zip(positions, accumulate(map(less.__getitem__, positions)))}

    def _apply(self, run: _Run, one: _Weighed) -> None:
        (made,) = self.given.home[run.names[one.length - 1]]
        for tensor in {tensor for name in run.names[: one.length - 1] for tensor in self.given.home[name]}:
            self.tensors[tensor] = self._part_of(run, tensor)._replace(first=one.start, last=one.end)
            # What a depthwise convolution reads and writes lies side by side while the block runs, neither over the other.
            self.begins_over.pop(tensor, None)
        for tensor in self._read(run):
            self.tensors[tensor] = self.tensors[tensor]._replace(last=max(self.tensors[tensor].last, one.end))
        self.tensors[made] = self.tensors[made]._replace(first=one.start)
        self.live |= {at: one.others[at] + one.own for at in range(one.start, one.end + 1)}
        channels = self.steps[run.steps[0]].cost.out[0][-1]
        parts = ceil_div(channels, ceil_div(channels, self.parts))
        self.done.append(SplitBlock(run.names[one.length - 1], one.before, one.after, parts))

    def _read(self, run: _Run) -> tuple[int, ...]:
        """The tensors that a block reads."""
        return self.given.home[self.steps[run.steps[0]].node.inputs[0]]

    def _size(self, tensor: int) -> int:
        return int(self.size(self.tensors[tensor]))

    def _part_of(self, run: _Run, tensor: int) -> Tensor:
        """The largest part of an inner tensor."""
        whole, channels = self.tensors[tensor], self.steps[run.steps[0]].cost.out[0][-1]
        return whole._replace(shape=(*whole.shape[:-1], _part(channels, whole.shape[-1], self.parts)))


def _part(channels: Dim, inner: Dim, parts: int) -> Dim:
    """Channels of the largest part of an inner tensor; a depthwise convolution may make several of each."""
    return ceil_div(channels, parts) * (inner // channels)
