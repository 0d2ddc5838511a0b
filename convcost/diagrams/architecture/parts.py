"""A network as a tree of parts: stages, blocks, units - and runs of parts that are alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from convcost.core.dims import Shape
from convcost.graph.drawn import Unit, is_hidden, units
from convcost.graph.graph import producer
from convcost.graph.walk import Walked

LONGEST_PERIOD = 12
"""Of how many parts the pattern of a run may consist: Swin's blocks alternate, flat names make long patterns."""

_MOST_OPEN = 16
"""Pieces of a run of which some are still read further behind: looking ahead for an end of that costs at every part."""


@dataclass(frozen=True)
class Wiring:
    """The units of a network by number, and which tensors they read from each other."""

    units: tuple[Unit, ...]
    inputs: Mapping[str, Shape]
    reads: tuple[tuple[tuple[int, Shape], ...], ...]
    """Unit -> where each tensor that it reads comes from, with its shape: a unit's number, or -1, -2, … for an input."""
    outputs: tuple[int, ...]
    """The units that make the network's outputs."""

    @cached_property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """Unit -> the units that read it."""
        found: list[list[int]] = [[] for _ in self.units]
        for reader, reads in enumerate(self.reads):
            for source, _ in reads:
                if source >= 0:
                    found[source].append(reader)
        return tuple(map(tuple, found))

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Unit -> its text without strides."""
        return tuple(unit.text.replace(unit.anchor.text, unit.anchor.kind, 1) for unit in self.units)

    def out(self, unit: int) -> Shape:
        """The shape that a unit makes, before any view of it."""
        steps = self.units[unit].steps
        made = next((step for step in reversed(steps) if not is_hidden(step)), steps[-1]).cost.out
        return made[0] if made else ()


def wiring(walked: Walked) -> Wiring:
    """The wiring of a walked graph's units."""
    found = units(walked)
    owner = {step.node.name: at for at, unit in enumerate(found) for step in unit.steps}
    given = {name: -1 - at for at, name in enumerate(walked.inputs)}
    reads = []
    for at, unit in enumerate(found):
        own: dict[int, Shape] = {}
        for step in unit.steps:
            for edge, shape in zip(step.node.inputs, step.input_shapes):
                source = owner.get(producer(edge), given.get(producer(edge), at))
                if source != at:
                    own.setdefault(source, shape)
        reads.append(tuple(own.items()))
    outputs = dict.fromkeys(owner[producer(edge)] for edge in walked.outputs if producer(edge) in owner)
    return Wiring(found, dict(walked.inputs), tuple(reads), tuple(outputs))


@dataclass(frozen=True)
class Part:
    """A unit, a scope, or a run of parts that are alike."""

    name: str
    path: tuple[str, ...]
    units: tuple[int, ...]
    parts: tuple[Part, ...] = ()
    """What it contains; empty for a unit. Of a run, the parts that are alike."""
    repeats: int = 1
    """Above 1 for a run."""

    @property
    def is_unit(self) -> bool:
        """Whether it is a single unit."""
        return not self.parts

    @property
    def is_run(self) -> bool:
        """Whether it stands for several parts that are alike."""
        return self.repeats > 1

    @property
    def first(self) -> Part:
        """What is repeated; itself unless it is a run."""
        return self.parts[0] if self.is_run else self


def tree(wired: Wiring) -> Part:
    """The whole network as a part, its scopes as parts of it."""
    homes = [_home(unit) for unit in wired.units]
    return Part("", (), tuple(range(len(homes))), tuple(_inside((), range(len(homes)), homes, wired)))


def _home(unit: Unit) -> tuple[tuple[str, ...], str]:
    """The scopes that contain a unit, and its own name there."""
    scope = unit.scope
    whole = bool(scope) and unit.name == ".".join(scope)
    above = scope[:-1] if whole else scope
    prefix = ".".join(above)
    return above, unit.name.removeprefix(f"{prefix}.") if prefix else unit.name


def _inside(
    path: tuple[str, ...], members: Iterable[int], homes: Sequence[tuple[tuple[str, ...], str]], wired: Wiring
) -> list[Part]:
    """The parts of a scope, in the order of their first units; a scope of one part is that part."""
    deep = len(path)
    groups: dict[str, list[int]] = {}
    for unit in members:
        scope, own = homes[unit]
        groups.setdefault(f"/{scope[deep]}" if len(scope) > deep else own, []).append(unit)
    found = []
    for name, inside in groups.items():
        if not name.startswith("/"):
            found += [Part(name, (*path, name), (unit,)) for unit in inside]
            continue
        below = (*path, name[1:])
        pieces = _convex(inside, wired)
        for number, piece in enumerate(pieces, start=1):
            parts = tuple(_inside(below, piece, homes, wired))
            label = name[1:] if len(pieces) == 1 else f"{name[1:]} ({number})"
            if len(parts) == 1:  # a scope around one thing is that thing by the outer name
                found.append(replace(parts[0], name=label, path=below))
            else:
                found.append(Part(label, below, tuple(piece), parts))
    return sorted(found, key=lambda part: part.units[0])


def _convex(inside: Sequence[int], wired: Wiring) -> list[list[int]]:
    """The units of a scope in pieces, such that no way leaves a piece and comes back to it."""
    own = set(inside)
    phase: dict[int, int] = {}
    for unit in range(inside[0], inside[-1] + 1):
        before = [(source, phase[source]) for source, _ in wired.reads[unit] if source in phase]
        if unit in own:
            phase[unit] = max((at + (source not in own) for source, at in before), default=0)
        elif before:
            phase[unit] = max(at for _, at in before)
    pieces: dict[int, list[int]] = defaultdict(list)
    for unit in inside:
        pieces[phase[unit]].append(unit)
    return [pieces[at] for at in sorted(pieces)]


def outline(part: Part, wired: Wiring, of: Callable[[int], Hashable]) -> Hashable:
    """Equal for parts whose units are equal under `of` and read each other alike."""
    place = {unit: at for at, unit in enumerate(part.units)}
    return tuple(
        (of(unit), tuple(sorted(place.get(source, -1) for source, _ in wired.reads[unit]))) for unit in part.units
    )


def folded(parts: Sequence[Part], wired: Wiring, sign: Callable[[Part], Hashable], period: int = 1) -> list[Part]:
    """The parts with consecutive ones that are alike, each reading the one before, as runs.

    `period` is the most parts that a repeated pattern may have.
    """
    row = _Row(parts, wired, sign)
    found: list[Part] = []
    at = 0
    while at < len(parts):
        lengths = range(1, min(period, (len(parts) - at) // 2) + 1)
        repeated = [(times, length) for length in lengths if (times := row.repeats(at, length)) > 1]
        times, length = max(repeated, key=lambda each: each[0] * each[1], default=(1, 1))
        found.append(_run(parts[at : at + length * times], length) if times > 1 else parts[at])
        at += length * times
    return found


class _Row:
    """Parts in a row, of which neighbours may be alike."""

    def __init__(self, parts: Sequence[Part], wired: Wiring, sign: Callable[[Part], Hashable]) -> None:
        self.signs = [sign(part) for part in parts]
        place = {unit: at for at, part in enumerate(parts) for unit in part.units}
        self.reads = [
            {place.get(source, -1) for unit in part.units for source, _ in wired.reads[unit]} for part in parts
        ]
        """Part -> the parts that it reads; -1 for what is not in the row."""
        readers = [{place.get(one, -1) for unit in part.units for one in wired.readers[unit]} for part in parts]
        self.first_readers = [min(found, default=len(parts)) for found in readers]
        self.last_readers = [max(found, default=-1) for found in readers]

    def repeats(self, at: int, length: int) -> int:
        """How often the pattern of so many parts stands here, each piece reading the one before, and only the last read from
        outside. In one pass, which ends where pieces are read further and further behind.
        """
        times, furthest, pattern = 1, 0, self.signs[at : at + length]
        for piece in range((len(self.signs) - at) // length):
            start = at + piece * length
            stop = start + length
            if self.signs[start:stop] != pattern:
                break
            if piece and not any(start - length <= read < start for reads in self.reads[start:stop] for read in reads):
                break
            if furthest <= piece:  # nothing reads the pieces before this one but those up to it
                times = piece + 1
            elif piece - times >= _MOST_OPEN:
                break
            if min(self.first_readers[start:stop]) < at:
                break
            furthest = max(furthest, (max(self.last_readers[start:stop]) - at) // length)
        return times


def _run(parts: Sequence[Part], length: int) -> Part:
    """Parts as a run; several that repeat together are one part of it."""
    pieces = [group(parts[at : at + length]) for at in range(0, len(parts), length)]
    together = group(parts)
    return replace(together, parts=tuple(pieces), repeats=len(pieces))


def group(parts: Sequence[Part], name: str = "") -> Part:
    """Neighbouring parts as one."""
    if len(parts) == 1:
        return parts[0]
    members = tuple(unit for part in parts for unit in part.units)
    own = name or span(parts[0].name, parts[-1].name)
    return Part(own, (*parts[0].path[:-1], own), members, tuple(parts))


def span(first: str, last: str) -> str:
    """The name of several parts, from the first to the last.

    >>> span("layer1", "layer12"), span("block2", "block2"), span("inception_4a", "inception_4e"), span("5", "6")
    ('layer1–12', 'block2', 'inception_4a–4e', '5–6')
    >>> span("stage2_1", "stage2_3"), span("stage2_1", "stage3_2")
    ('stage2_1–3', 'stage2_1 – stage3_2')
    """
    if first == last:
        return first
    begin = _common([first, last])
    while begin and begin[-1].isdigit():
        begin = begin[:-1]
    ends = first[len(begin) :], last[len(begin) :]
    if begin and all(end.isalnum() and len(end) <= 3 for end in ends):
        return f"{begin}{ends[0]}–{ends[1]}"
    return f"{first}–{last}" if first.isdigit() and last.isdigit() else f"{first} – {last}"


def stem(names: Sequence[str]) -> str:
    """What several names have in common, without the numbers that tell them apart; empty where that is little.

    >>> stem(["block1", "block2"]), stem(["inception_3a", "inception_4b"]), stem(["left", "right"]), stem(["0", "1"])
    ('block', 'inception', '', '')
    >>> stem(["stage2_1", "stage2_2"]), stem(["stage2_10", "stage2_11"]), stem(["stage1_2", "stage2_2"])
    ('stage2', 'stage2', 'stage')
    """
    found = _common(names).rstrip("0123456789").rstrip("_.-")
    return found if len(found) > 2 else ""


def _common(names: Sequence[str]) -> str:
    """What all names begin with."""
    low, high = min(names), max(names)
    same = next((at for at, (a, b) in enumerate(zip(low, high)) if a != b), min(len(low), len(high)))
    return low[:same]
