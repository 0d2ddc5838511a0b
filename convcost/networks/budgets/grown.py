"""What grew between two networks: the changes between their aligned parts that cost something."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from math import prod
from typing import NamedTuple

from convcost.core.errors import Where
from convcost.core.limits import Kind
from convcost.core.units import exact, milliseconds, signed
from convcost.graph.align import align
from convcost.graph.changes import changes, placed
from convcost.graph.items import Item
from convcost.networks.budgets.costs import Measured, Recorded, reduced

_NAMED = 3
"""Parts that a line names."""
_MICROSECOND = 10**9
"""Femtoseconds."""


class Grown(NamedTuple):
    """A change by which a network costs more than before, or a part that costs much."""

    name: str
    """The part, or what contains all that was changed; empty for what follows all over the network."""
    kind: str
    """What was done, in a word of `graph.changes`; `largest` of a part that costs much."""
    words: str
    """What was done: `channels 96 -> 144`; of a part that costs much, what it is."""
    before: int | None
    """None for what is new."""
    after: int
    unit: str
    """What the numbers count: MACs, params or elements."""
    where: Where | None = None
    """Where the spec states the first part that it concerns."""
    places: int = 1
    """How many parts it concerns."""
    of: int = 0
    """How many its name fits, if these are more; else 0."""

    @property
    def by(self) -> int:
        """So much."""
        return self.after - (self.before or 0)

    @property
    def text(self) -> str:
        """For people: `stage2.expand: channels 96 -> 144 (+1,728 params)`."""
        by = f"({signed(self.by)} {self.unit})"
        if self.kind == "follows":
            return f"what follows from that {by}"
        is_new = self.kind == "added" and not self.words.startswith("repeats")
        what = f"new: {self.words}" if is_new else self.words
        return f"{placed(self.name, self.places, self.of)}: {what} {by}" if self.name else f"{what} {by}"

    @property
    def short(self) -> str:
        """For a narrow column: `stage2.expand +1,728 params`."""
        return f"{placed(self.name, self.places, self.of) or self.words} {signed(self.by)} {self.unit}"


def grown(old: Recorded, new: Measured, kind: Kind, among: Collection[str] = ()) -> tuple[Grown, ...]:
    """The changes that cost more of what is limited than what was there before, those that cost most first.

    With `among`, only those of these parts, if there are any.
    """
    if kind.key not in _COSTS:
        return ()
    unit, cost = _COSTS[kind.key]
    after = new.parts if old.whole else tuple(map(reduced, new.parts))
    found = changes(align(old.parts, after), (dict(old.inputs), dict(new.report.inputs)))
    if among:
        found = tuple(one for one in found if any(part.name in among for part in one.new)) or found

    def total(parts: Iterable[Item]) -> int:
        return sum(map(cost, parts)) * _times(kind, new)

    made = [
        Grown(
            one.name,
            one.kind,
            one.words,
            total(one.old) if one.old else None,
            total(one.new),
            unit,
            next((new.places.get(part.name) for part in one.new), None),
            one.places,
            one.of,
        )
        for one in found
    ]
    return tuple(sorted((one for one in made if one.by > 0), key=lambda one: (one.kind == "follows", -one.by)))


def _times(kind: Kind, new: Measured) -> int:
    """How often a part costs what it does at batch 1."""
    return 1 if kind.key in ("params", "weight_bytes") else new.under.batch


def largest(new: Measured, kind: Kind) -> tuple[Grown, ...]:
    """The parts that cost most of what is limited: what to look at where no earlier network is known."""
    if kind.timed:
        return _longest(new)
    if kind.key not in _COSTS:
        return ()
    unit, cost = _COSTS[kind.key]
    found = sorted(new.parts, key=lambda part: -cost(part))[:_NAMED]
    times = _times(kind, new)
    return tuple(
        Grown(part.name, "largest", part.text, None, cost(part) * times, unit, new.places.get(part.name))
        for part in found
        if cost(part)
    )


def _longest(new: Measured) -> tuple[Grown, ...]:
    """The parts that take longest on the device."""
    found = sorted(new.parts, key=lambda part: -new.times(part))[:_NAMED]
    return tuple(
        Grown(part.name, "largest", part.text, None, time, "µs", new.places.get(part.name))
        for part in found
        if (time := round(new.times(part) / _MICROSECOND))
    )


def grown_text(parts: Sequence[Grown]) -> str:
    """What grew, in words; empty if nothing did."""
    more = len(parts) - _NAMED
    rest = f"; and {exact(more)} more" if more > 0 else ""
    return f"grew: {'; '.join(part.text for part in parts[:_NAMED])}{rest}" if parts else ""


def largest_text(parts: Sequence[Grown]) -> str:
    """What costs most, in words; empty if nothing costs anything."""
    return f"largest: {', '.join(f'{part.name} {_amount(part)}' for part in parts)}" if parts else ""


def _amount(part: Grown) -> str:
    """What a part costs; a time in milliseconds, as limits on it are written."""
    return milliseconds(part.after * _MICROSECOND) if part.unit == "µs" else f"{exact(part.after)} {part.unit}"


def _size(part: Item) -> int:
    return prod(part.makes) if part.makes else 0


_COSTS: dict[str, tuple[str, Callable[[Item], int]]] = {
    **dict.fromkeys(("macs", "flops", "latency_ms"), ("MACs", lambda part: part.macs)),
    **dict.fromkeys(("params", "weight_bytes"), ("params", lambda part: part.params)),
    **dict.fromkeys(("activations", "peak_activation_bytes"), ("elements", _size)),
}
"""Key of a metric -> what of a part tells where it grew."""
