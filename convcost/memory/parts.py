"""Blocks whose inner tensors never need to be materialised as a whole: the trick of the inverted residual block.

Where a convolution is followed by per-channel ops (a depthwise convolution, a pool, a channel shuffle) and these by a 1×1
convolution, the channels in between can be computed, used and freed part by part: each part accumulates into the
output, and no multiplication is done twice. Then only the block's input, its output and one part of the inner tensors
are live.

A squeeze-and-excite inside prevents it: it needs the whole inner tensor before it can scale the first element.

Source: Sandler et al., MobileNetV2 (arXiv 1801.04381), section 5.1, where the parts are the t of the expansion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from convcost.core.axes import spatial
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
    return tuple(ends[-1] for ends in _every_chain(walked))


def _every_chain(walked: Walked) -> Iterator[list[Chain]]:
    """For each step that begins blocks, all of them, the shortest first."""
    readers = readers_of(walked.steps)
    for at in range(len(walked.steps)):
        if ends := _chains(walked, at, readers):
            yield ends


def split_blocks(
    walked: Walked, lives: Lifetimes, policy_name: str, parts: int, size: Measure = count
) -> tuple[Lifetimes, tuple[SplitBlock, ...]]:
    """Run every block in this many parts if that needs less memory; the others stay as they are.

    Of the blocks that begin with a step, the one that needs least runs in parts, the longest of several. Raises `UsageError` for a policy that does not fuse or frees nothing, and for fewer than two parts.
    """
    chosen = policy(policy_name)
    if chosen.fuse == "nothing" or chosen.keeps != "use":
        raise UsageError(f"blocks can run in parts only under a policy that fuses and frees, not under {policy_name}")
    if not 2 <= parts <= MOST_SPLITS:
        raise UsageError(f"a block is split into 2 to {MOST_SPLITS:,} parts, got {parts}")
    done, taken = [], set[int]()
    for ends in _every_chain(walked):
        free = [chain for chain in ends if taken.isdisjoint(chain.steps)]
        tried = [(chain, found) for chain in free if (found := _in_parts(walked.steps, lives, chain, parts, size))]
        if tried:
            # What is alive from the first step to the end of the longest block tells them apart.
            last = max(lives.tensors[tensor].last for chain, _ in tried for tensor in lives.home[chain.inner[-1]])
            start = min(lives.tensors[tensor].first for tensor in lives.home[tried[0][0].inner[0]])
            chain, (lives, saved) = min(reversed(tried), key=lambda one: _most(one[1][0], start, last, size))
            taken.update(chain.steps)
            done.append(saved)
    return lives, tuple(done)


def largest_by_size(walked: Walked, *, blocks_as_one: bool = False) -> dict[tuple[int, ...], Tensor]:
    """The largest tensor that must be materialised at each height and width, with batch-norm and activations fused.

    With `blocks_as_one`, inner tensors of blocks that expand and project do not count: they can be computed in parts.
    A vector has height and width 1. This is MobileNetV2's Table 3.
    """
    hidden: set[str] = set()
    if blocks_as_one:
        taken: set[int] = set()
        for chain in chains(walked):
            made = {step.node.name: step.cost.out[0] for step in (walked.steps[at] for at in chain.steps)}
            wide = count(Tensor("", made[chain.inner[0]], 0, 0)) > count(Tensor("", made[chain.last], 0, 0))
            if wide and taken.isdisjoint(chain.steps):
                taken.update(chain.steps)
                hidden.update(chain.inner)
    found: dict[tuple[int, ...], Tensor] = {}
    for tensor in lifetimes(walked, "fused").tensors:
        size = spatial(tensor.shape) if len(tensor.shape) > 1 else (1, 1)
        if tensor.name not in hidden and (size not in found or count(found[size]) < count(tensor)):
            found[size] = tensor
    return dict(sorted(found.items(), reverse=True))


def _chains(walked: Walked, at: int, readers: dict[str, list[int]]) -> list[Chain]:
    """The blocks that begin with a step, the shortest first."""
    steps = walked.steps
    if not _mixes(steps[at]):
        return []
    run, lengths = [at], list[int]()
    while True:
        edge = steps[run[-1]].node.name
        after = readers.get(edge, [])
        if len(after) != 1 or edge in walked.outputs:
            break
        step = steps[after[0]]
        if _mixes(step):
            if step.is_pointwise and any(map(_resamples, (steps[i] for i in run[1:]))):
                run.append(after[0])
                lengths.append(len(run))
            break
        if not step.by_channel:
            break
        run.append(after[0])
        if _resamples(step) and not step.traits.weighted:  # a pool or the like ends a block without a projection
            lengths.append(len(run))
    names = [steps[i].node.name for i in run]
    return [Chain(tuple(run[:length]), names[length - 1], tuple(names[: length - 1])) for length in lengths]


def _resamples(step: Step) -> bool:
    """Whether a step is per-channel and resamples (a depthwise convolution, a pool): else a block is just two convolutions."""
    return step.by_channel and step.traits.resamples


def _mixes(step: Step) -> bool:
    """A convolution over several channels: it can compute some output channels at a time, or accumulate over some inputs."""
    return step.traits.weighted and step.traits.resamples and not step.by_channel


def _in_parts(
    steps: Sequence[Step], lives: Lifetimes, chain: Chain, parts: int, size: Measure
) -> tuple[Lifetimes, SplitBlock] | None:
    """The lifetimes with one block in parts, if that needs less while the block runs."""
    inner = {tensor for edge in chain.inner for tensor in lives.home[edge]}
    start = min(lives.tensors[tensor].first for tensor in inner)
    outgoing = lives.home[chain.last]
    end = start + len(chain.steps) - 1
    expand = steps[chain.steps[0]]
    if len(outgoing) != 1 or not all(start <= lives.tensors[t].first <= end for t in (*inner, *outgoing)):
        return None  # something else runs in between
    tensors = list(lives.tensors)
    channels = expand.cost.out[0][-1]
    for tensor in inner:
        shape = tensors[tensor].shape
        part = (*shape[:-1], _part(channels, shape[-1], parts))
        tensors[tensor] = tensors[tensor]._replace(shape=part, first=start, last=end)
    for tensor in lives.home[expand.node.inputs[0]]:
        tensors[tensor] = tensors[tensor]._replace(last=max(tensors[tensor].last, end))
    tensors[outgoing[0]] = tensors[outgoing[0]]._replace(first=start)
    # What a depthwise convolution reads and writes lies in parts side by side while the block runs, neither over the other.
    begins = {over: under for over, under in lives.begins_over.items() if over not in inner}
    smaller = replace(lives, tensors=tuple(tensors), begins_over=begins)
    before, after = (_most(each, start, end, size) for each in (lives, smaller))
    made = ceil_div(channels, ceil_div(channels, parts))
    return (smaller, SplitBlock(chain.last, before, after, made)) if after < before else None


def _part(channels: Dim, inner: Dim, parts: int) -> Dim:
    """Channels of the largest part of an inner tensor; a depthwise convolution may make several of each."""
    return ceil_div(channels, parts) * (inner // channels)


def _most(lives: Lifetimes, start: int, end: int, size: Measure) -> int:
    return int(max(live for at, live in lives.timeline(size) if start <= at <= end))
