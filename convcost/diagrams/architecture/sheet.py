"""What is placed so far, and what both the row and the blocks place: boxes with their costs, labels, sizes of tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from convcost.core.dims import Shape
from convcost.diagrams.architecture.parts import Part, Wiring
from convcost.diagrams.architecture.picture import Box, Edge, Label, Panel
from convcost.diagrams.architecture.words import contents

NAME, TEXT, SIZE = 11.0, 10.0, 9.5
"""Sizes of letters: what a box is called, what it does, and how large a tensor is."""
MARGIN = 14.0


@dataclass
class Sheet:
    """What is placed so far."""

    boxes: list[Box] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    legend: tuple[float, float] | None = None


@dataclass(frozen=True)
class Costs:
    """What the units of a network cost, and how that is shown."""

    macs: Sequence[int]
    params: Sequence[int]
    share: Callable[[Sequence[int]], float]
    """Some units -> their share."""
    known: Sequence[bool]

    def all_known(self, units: Sequence[int]) -> bool:
        """Whether the costs of all of some units are known."""
        return all(self.known[unit] for unit in units)


def box_of(
    part: Part,
    units: Sequence[int],
    costs: Costs,
    wired: Wiring,
    letters: dict[tuple[int, ...], str],
    panel: str = "",
) -> Box:
    """The box of a part, which has no place yet; its costs are those of `units`."""
    return Box(
        name=".".join(part.path),
        kind="unit" if part.is_unit else "run" if part.is_run else "scope",
        text=contents(part, wired, letters),
        repeats=part.repeats,
        shape=wired.out(part.units[-1]),
        macs=sum(costs.macs[unit] for unit in units),
        params=sum(costs.params[unit] for unit in units),
        share=costs.share(units),
        tint=0.0,
        panel=panel,
        known=costs.all_known(units),
        x=0.0,
        y=0.0,
        width=0.0,
        height=0.0,
    )


def input_box(name: str, shape: Shape) -> Box:
    """The box of an input, which has no place yet."""
    return Box(name, "input", "input", 1, shape, 0, 0, 0.0, 0.0, "", True, 0.0, 0.0, 0.0, 0.0)
