"""The first layers of a network that can run in patches: which they are, and after which of them the patches may end.

Steps run in patches as long as they are local in space. The patches end at a tensor through which all later steps see what
was computed, so that this one alone has to be put together in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from convcost.core.dims import Shape
from convcost.core.errors import UsageError, did_you_mean
from convcost.graph.graph import producer
from convcost.graph.reach import NotLocal, Windows, reach
from convcost.graph.walk import Step, Walked, output_edges
from convcost.memory.lifetimes import Lifetimes, lifetimes
from convcost.memory.policies import policy


class End(NamedTuple):
    """Where patches may end: with the step at this position, whose tensor `edge` is put together."""

    position: int
    edge: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Region:
    """A network in an order in which the steps that may run in patches come first."""

    walked: Walked
    """Its steps in execution order."""
    lives: Lifetimes
    windows: tuple[tuple[Windows, ...], ...]
    """Of each step that can run on a patch, from the first on: what it needs of each input."""
    obstacle: str
    """The first step that cannot run on a patch, and why; empty if all can."""
    ends: tuple[End, ...]
    """Where the patches may end, in order."""

    @property
    def steps(self) -> Sequence[Step]:
        """The steps that can run on patches."""
        return self.walked.steps[: len(self.windows)]

    def macs(self) -> int:
        """Multiply-accumulates of the whole network, without patches."""
        return sum(int(step.cost.macs) for step in self.walked.steps)


def region(walked: Walked, policy_name: str) -> Region:
    """What can run in patches, in the order of the network; raises `UsageError` for a policy that frees nothing.

    >>> from convcost import load
    >>> found = region(load("efficientnet_b0").walked, "fused")
    >>> found.obstacle
    'stage2.block1.se.global_avg_pool looks at all positions'
    >>> [end.edge for end in found.ends]
    ['stem.swish', 'stage2.block1.depthwise.swish']
    """
    if policy(policy_name).keeps not in ("use", "layer"):
        raise UsageError(f"patches need a policy that frees memory while the network runs, not {policy_name}")
    lives = lifetimes(walked, policy_name)
    windows, obstacle = _local(walked)
    return Region(walked, lives, windows, obstacle, tuple(_ends(walked, lives, len(windows))))


def until(walked: Walked, policy_name: str, name: str) -> tuple[Region, End]:
    """The same up to the end of a stage, block or layer, which runs before all that it does not need.

    Raises `UsageError` if no part has this name, if something in it cannot run on patches, or if later layers read more of
    it than what it ends with.
    """
    at = _last(walked, name)
    before = _needed(walked.steps, at)
    if len(before) <= at:
        rest = [i for i in range(len(walked.steps)) if i not in before]
        walked = _reordered(walked, [*sorted(before), *rest])
    found = region(walked, policy_name)
    at = len(before) - 1
    if at >= len(found.windows):
        stop = f"; the patches can end with {found.ends[-1].edge}" if found.ends else ""
        raise UsageError(f"patches cannot reach the end of {name}: {found.obstacle}{stop}")
    end = next((end for end in found.ends if end.position >= at), None)
    made = {edge for step in walked.steps[: at + 1] for edge in output_edges(step.node, step.cost)}
    if end is None or not _same_tensor(found, at, end):
        read = _read_later(walked, at) & (made | {*walked.inputs})
        last = walked.steps[at].node.name
        more = ", ".join(sorted(read - {last})) or "nothing"
        near = f"; {_nearest(found, at)}" if found.ends else ""
        raise UsageError(f"patches cannot end with {name}: what follows reads more than {last}, also {more}{near}")
    return found, end


def _nearest(found: Region, at: int) -> str:
    """The ends before and after a position, in words."""
    before = [end.edge for end in found.ends if end.position < at][-1:]
    after = [end.edge for end in found.ends if end.position > at][:1]
    return f"they can end with {' or '.join([*before, *after])}"


def _same_tensor(found: Region, at: int, end: End) -> bool:
    """Whether an end is the step at a position, or what is fused into it or runs in place over it right after."""
    edges = output_edges(found.walked.steps[at].node, found.walked.steps[at].cost)
    return end.position == at or (len(edges) == 1 and found.lives.home[edges[0]] == found.lives.home[end.edge])


def _last(walked: Walked, name: str) -> int:
    """The last step of a part of a network, by the name of a step or of what contains it."""
    steps = walked.steps
    inside = [at for at, step in enumerate(steps) if step.node.name == name or step.node.name.startswith(f"{name}.")]
    if not inside:
        names = {step.node.name for step in steps}
        parts = {".".join(each.split(".")[:deep]) for each in names for deep in range(1, each.count(".") + 2)}
        near = did_you_mean(name, sorted(parts)) or "; --patches all lists where patches can end"
        raise UsageError(f"there is no stage, block or layer {name!r}{near}")
    return inside[-1]


def _needed(steps: Sequence[Step], at: int) -> set[int]:
    """The steps that lead to a step, and itself."""
    makers = {step.node.name: i for i, step in enumerate(steps)}
    found, open_ones = {at}, [at]
    while open_ones:
        for edge in steps[open_ones.pop()].node.inputs:
            maker = makers.get(producer(edge))
            if maker is not None and maker not in found:
                found.add(maker)
                open_ones.append(maker)
    return found


def _reordered(walked: Walked, order: Sequence[int]) -> Walked:
    steps = tuple(walked.steps[at] for at in order)
    return Walked(replace(walked.graph, nodes=tuple(step.node for step in steps)), steps)


def _local(walked: Walked) -> tuple[tuple[tuple[Windows, ...], ...], str]:
    """The windows of every step up to the first that cannot run on a patch, and why that one cannot."""
    found, stored = list[tuple[Windows, ...]](), set[str]()
    for step in walked.steps:
        node = step.node
        try:
            if not node.inputs and step.traits.view == "whole":
                stored.add(node.name)
                found.append(())
                continue
            if stored.issuperset(node.inputs):
                raise NotLocal("reads no input of the network")
            found.append(reach(step))
        except NotLocal as why:
            return tuple(found), f"{node.name} {why}"
    return tuple(found), ""


def _ends(walked: Walked, lives: Lifetimes, length: int) -> Iterator[End]:
    """Positions after which a single tensor is read."""
    last, shapes = _last_readers(walked), dict[str, Shape]()
    stored: set[str] = set()
    alive: set[str] = set()
    for at, step in enumerate(walked.steps[:length]):
        edges = output_edges(step.node, step.cost)
        if not step.node.inputs:
            stored.update(edges)
        shapes.update(zip(edges, step.cost.out))
        seen = [edge for edge in step.node.inputs if edge in walked.inputs]
        alive.update(edge for edge in (*edges, *seen) if last.get(edge, at) > at and edge not in stored)
        alive.difference_update(edge for edge in step.node.inputs if last[edge] == at)
        if len(alive) == 1:
            (edge,) = alive
            if edge in shapes and not _goes_on(walked, lives, at, edge, length):
                yield End(at, edge, shapes[edge])


def _goes_on(walked: Walked, lives: Lifetimes, at: int, edge: str, length: int) -> bool:
    """Whether the next step is fused into this one, or writes over all that it made, and can run on patches too."""
    following = walked.steps[at + 1 : min(at + 2, length)]
    return any(
        edge in step.node.inputs and lives.home[made] == lives.home[edge]
        for step in following
        for made in output_edges(step.node, step.cost)
    )


def _last_readers(walked: Walked) -> dict[str, int]:
    """Edge -> the last position that reads it; beyond all for the network's outputs."""
    found = {edge: at for at, step in enumerate(walked.steps) for edge in step.node.inputs}
    return found | dict.fromkeys(walked.outputs, len(walked.steps))


def _read_later(walked: Walked, at: int) -> set[str]:
    return {edge for edge, last in _last_readers(walked).items() if last > at}
