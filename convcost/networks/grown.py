"""What grew between two networks: their parts, aligned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from math import prod
from typing import NamedTuple

from convcost.core.errors import Where
from convcost.core.limits import Kind
from convcost.core.units import exact, signed
from convcost.networks.costs import Measured, Part, Recorded

_NAMED = 3
"""Parts that a line names."""


class Grown(NamedTuple):
    """A part that costs more than before."""

    name: str
    kind: str
    """What it is, as a report writes it."""
    before: int | None
    """None for a part that is new."""
    after: int
    unit: str
    """What the numbers count: MACs, params or elements."""
    where: Where | None = None
    """Where the spec states it."""

    @property
    def by(self) -> int:
        """So much."""
        return self.after - (self.before or 0)

    @property
    def text(self) -> str:
        """For people: `stage2.expand +1,728 params (864 -> 2,592)`."""
        if self.before is None:
            return f"new {self.name} ({self.kind}) {signed(self.by)} {self.unit}"
        return f"{self.name} {signed(self.by)} {self.unit} ({exact(self.before)} -> {exact(self.after)})"


def pairs(old: Sequence[Part], new: Sequence[Part]) -> Iterator[tuple[Part | None, Part | None]]:
    """The parts of two networks side by side, None where one has no counterpart.

    Runs of parts that cost the same belong together, whatever they are called; between these, parts of one name do, and
    the rest as they follow each other.
    """
    matcher = SequenceMatcher(None, [part.cost for part in old], [part.cost for part in new], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(old[a:b], new[c:d], strict=True)
        else:
            yield from _between(old[a:b], new[c:d])


def _between(old: Sequence[Part], new: Sequence[Part]) -> Iterator[tuple[Part | None, Part | None]]:
    named = {part.name: part for part in old}
    for part in new:
        yield named.pop(part.name, None), part
    for part in named.values():
        yield part, None


def grown(old: Recorded, new: Measured, kind: Kind) -> tuple[Grown, ...]:
    """The parts that cost more of what is limited than they did, those that grew most first."""
    if kind.key not in _COSTS:
        return ()
    unit, cost = _COSTS[kind.key]
    found = [
        Grown(part.name, part.kind, None if was is None else cost(was), cost(part), unit, part.where)
        for was, part in pairs(old.parts, new.parts)
        if part is not None and cost(part) > (0 if was is None else cost(was))
    ]
    return tuple(sorted(found, key=lambda one: -one.by))


def largest(new: Measured, kind: Kind) -> tuple[Grown, ...]:
    """The parts that cost most of what is limited, as if they were all new: what to look at where no earlier network is known."""
    if kind.key not in _COSTS:
        return ()
    unit, cost = _COSTS[kind.key]
    found = sorted(new.parts, key=lambda part: -cost(part))
    return tuple(
        Grown(part.name, part.kind, None, cost(part), unit, part.where) for part in found[:_NAMED] if cost(part)
    )


def grown_text(parts: Sequence[Grown]) -> str:
    """What grew, in words; empty if nothing did."""
    more = len(parts) - _NAMED
    rest = f" and {exact(more)} more" if more > 0 else ""
    return f"grew: {', '.join(part.text for part in parts[:_NAMED])}{rest}" if parts else ""


def largest_text(parts: Sequence[Grown]) -> str:
    """What costs most, in words; empty if nothing costs anything."""
    return f"largest: {', '.join(f'{part.name} {exact(part.after)} {part.unit}' for part in parts)}" if parts else ""


def _size(part: Part) -> int:
    return prod(part.shape) if part.shape else 0


_COSTS: dict[str, tuple[str, Callable[[Part], int]]] = {
    **dict.fromkeys(("macs", "flops"), ("MACs", lambda part: part.macs)),
    **dict.fromkeys(("params", "weight_bytes"), ("params", lambda part: part.params)),
    **dict.fromkeys(("activations", "peak_activation_bytes"), ("elements", _size)),
}
"""Key of a metric -> what of a part tells where it grew."""
