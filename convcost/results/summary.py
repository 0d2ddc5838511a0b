"""Where a network's cost lies: its largest parts, the share of each kind of op, where its maps shrink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from convcost.core.axes import spatial
from convcost.core.dims import Shape
from convcost.core.units import percent, shape_text
from convcost.graph.partial import AT_MOST
from convcost.results.costs import Group, LayerCost, Part, Totals, count, is_unknown, share

Some = TypeVar("Some", LayerCost, Group)
_LARGEST, _KINDS = 3, 4
"""How many parts, and kinds of op, a note names."""


class Drop(NamedTuple):
    """Where height and width of the map fall below the smallest so far."""

    layer: LayerCost
    before: tuple[int, ...]
    after: tuple[int, ...]


def largest(parts: Sequence[Some], metric: str, most: int) -> list[Some]:
    """The parts that have most of a metric, the first of equals first, of those that are known."""
    known = [part for part in parts if not is_unknown(part)]
    return sorted(known, key=lambda part: -(count(part, metric) or 0))[:most]


def drops(layers: Sequence[LayerCost], inputs: Sequence[Shape]) -> list[Drop]:
    """Where the map shrinks.

    The map is what begins as the input of the most axes. A tensor made of something smaller, such as heads and tokens of
    attention, is none.
    """
    found, least = [], spatial(max(inputs, key=len, default=()))
    for layer in layers:
        size, read = spatial(layer.output_shape), spatial(next(iter(layer.input_shapes), ()))
        is_map = len(size) == len(read) == len(least) and all(was >= before for was, before in zip(read, least))
        if is_map and least != size != (1,) * len(size) and all(now <= before for now, before in zip(size, least)):
            found.append(Drop(layer, least, size))
            least = size
    return found


def summary_notes(
    units: Sequence[Group], ops: Sequence[Group], shrinks: Sequence[Drop], totals: Totals
) -> list[tuple[str, str]]:
    """The notes that close a report: where most of the operations are, of which kind, and where maps shrink."""
    if not totals.operations:
        return []
    most = [part for part in largest(units, "operations", _LARGEST) if part.operations]
    first = [f"{part.name} ({part.text}) {share(part, totals)}" for part in most]
    sizes = [f"{shape_text(one.after)} at {one.layer.unit.name}" for one in shrinks]
    notes = [("largest", ", ".join(first)), ("by op", _by_op(ops, totals))]
    return [*notes, *([("maps shrink", f"to {', '.join(sizes)}")] if sizes else [])]


def _by_op(ops: Sequence[Group], totals: Totals) -> str:
    """The kinds of op with most operations, and what all others come to."""
    shown: list[Part] = [part for part in largest(ops, "operations", _KINDS) if count(part, "operations")]
    said = [f"{part.name} {share(part, totals)}" for part in shown]
    rest = totals.operations - sum(count(part, "operations") or 0 for part in shown)
    most = AT_MOST if totals.unknown else ""
    return ", ".join([*said, *([f"all others {most}{percent(rest, totals.operations)}"] if rest else [])])
