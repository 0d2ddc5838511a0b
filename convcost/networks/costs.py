"""What a check measures of a network, and compares: totals, and the parts that a person would draw as one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from convcost.core.dims import Shape
from convcost.core.errors import Where
from convcost.core.limits import LOCKED, Kind
from convcost.core.units import inputs_cell
from convcost.graph.drawn import Unit, is_hidden, units
from convcost.networks.budgets import Conditions
from convcost.networks.network import Network


class Part(NamedTuple):
    """What a person would draw as one, with what it costs."""

    name: str
    kind: str
    """As it would be written: `conv2d 3×3 /2 + bn + relu6`."""
    shape: Shape
    """Of what it puts out; empty where nobody knows it."""
    macs: int
    params: int
    where: Where | None = None
    """Where the spec states it."""

    @property
    def cost(self) -> tuple[str, Shape, int, int]:
        """All of it but its name and its place."""
        return self.kind, self.shape, self.macs, self.params


class Recorded(NamedTuple):
    """What a network cost: what a lock file holds of it, or what is known of a baseline."""

    source: str
    """The lock file, or the name of the baseline."""
    batch: int
    memory: str
    dtype: str
    input: str
    totals: Mapping[str, int]
    """Of each of `LOCKED`, by its name there."""
    unknown: int
    """How many layers nobody could count, so that the totals are lower bounds."""
    parts: tuple[Part, ...]

    @property
    def costs(self) -> tuple[object, ...]:
        """All of it but names of parts, and where it was read."""
        return (*self[1:-1], tuple(part.cost for part in self.parts))


class Measured:
    """A network under some conditions; its parts are looked at only where they are asked for."""

    def __init__(self, name: str, network: Network, under: Conditions) -> None:
        self.name = name
        self.network = network
        self.under = under
        self.report = network.report(under.convention, batch=under.batch, dtype=under.dtype, memory_policy=under.memory)

    @property
    def complete(self) -> bool:
        """Whether every layer is counted; else all is a lower bound."""
        return self.report.complete

    @cached_property
    def _units(self) -> tuple[Unit, ...]:
        return units(self.network.walked)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """In the order of the graph."""
        return tuple(_part(unit, self.under.batch) for unit in self._units)

    @property
    def owners(self) -> dict[str, str]:
        """Name of a layer -> that of the part which it belongs to."""
        return {step.node.name: unit.name for unit in self._units for step in unit.steps}

    def amount(self, kind: Kind) -> int:
        """So much of what is limited: in total, or of the layer that has most of it."""
        if kind.of == "layer":
            return max((int(getattr(layer, kind.key)) for layer in self.report.layers), default=0)
        return int(getattr(self.report.totals, kind.key))

    def recorded(self, source: str) -> Recorded:
        """As a lock file holds it."""
        totals = self.report.totals
        return Recorded(
            source=source,
            batch=self.under.batch,
            memory=self.under.memory,
            dtype=self.report.dtype,
            input=inputs_cell(self.report.inputs),
            totals={name: int(getattr(totals, key)) for name, key in LOCKED.items()},
            unknown=totals.unknown,
            parts=self.parts,
        )


def _part(unit: Unit, batch: int) -> Part:
    last = next((step for step in reversed(unit.steps) if not is_hidden(step)), unit.anchor)
    return Part(
        unit.name,
        unit.text,
        next(iter(last.cost.out), ()),
        sum(int(step.cost.macs * batch) for step in unit.steps),
        sum(int(step.params) for step in unit.steps),
        unit.anchor.node.where,
    )
