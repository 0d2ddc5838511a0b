"""From a network to its picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, inf
from typing import TypeVar

from convcost.core.errors import UsageError, did_you_mean
from convcost.core.metrics import METRICS
from convcost.core.reading import python_int, several
from convcost.core.units import binary, compact, input_shapes_text, say
from convcost.diagrams.architecture.blocks import Block, place_blocks
from convcost.diagrams.architecture.boxes import Chosen, choose
from convcost.diagrams.architecture.diagram import Diagram
from convcost.diagrams.architecture.extents import box_extent, edge_extents, label_extent
from convcost.diagrams.architecture.layout import Point
from convcost.diagrams.architecture.parts import Wiring, wiring
from convcost.diagrams.architecture.picture import BY, SCALE_WIDTH, Box, Label, Panel
from convcost.diagrams.architecture.row import Row
from convcost.diagrams.architecture.sheet import MARGIN, SIZE, Costs, Sheet
from convcost.diagrams.architecture.words import share_text
from convcost.networks.load import load
from convcost.networks.network import Network
from convcost.render.lettering import shortened, text_width
from convcost.render.rectangle import Rectangle
from convcost.results.report import Report, bound, changed_knobs, title
from convcost.results.settings import settings_text

WIDTH = 860.0
"""What a line of boxes may take, in pixels; what cannot be broken takes more."""
_TITLE, _FACTS = 15.0, 11.0
"""Sizes of letters: the title, and the line below it."""
_TOP = 64.0
"""Where the row begins."""
_UNTITLED = 34.0
"""The same on a page, whose buttons to save a picture stand above it."""
_NARROWEST = 400.0
"""Of a row with blocks beside it."""
_TOLERANCE = 1.05
"""By which a picture may be wider than asked for, where that makes it lower."""
_LEAST = 320.0
"""What the legend takes."""
_APART = 16.0
_Framed = TypeVar("_Framed", Box, Panel)


def draw(
    network: Network | str,
    *,
    by: str = "macs",
    depth: int | None = None,
    unfold: str | Sequence[str] = (),
    room: float = WIDTH,
) -> Diagram:
    """The picture of a network: its stages as boxes, and each repeated block once, within forty boxes.

    `by` is what colours show: `macs`, `params`, or `memory`: what is alive there in shares of the peak. `depth` is the
    number of scopes to go into instead, `unfold` is the name of a stage or block to show inside, or several. `room` is the width in
    pixels that lines of boxes may take. Raises `UsageError`.

    >>> [box.name for box in draw("lenet5").boxes]
    ['input', 'c1', 's2', 'c3', 's4', 'c5', 'f6', 'output']
    """
    if isinstance(room, bool) or not isinstance(python_int(room), (int, float)) or not 0 < room < inf:
        raise UsageError(f"room must be a number of pixels above 0, got {say(room)}")
    return plan(network, by=by, depth=depth, unfold=unfold).diagram(room)


@dataclass(frozen=True)
class Plan:
    """What is drawn, before it has a place."""

    network: str
    named: str
    facts: str
    by: str
    chosen: Chosen
    costs: Costs

    def diagram(self, room: float = WIDTH, *, titled: bool = True) -> Diagram:
        """The picture, in lines of at most so many pixels where they can be broken; `titled` unless a page has a title."""
        return _composed(self, room, titled=titled)


def plan(
    network: Network | str,
    *,
    by: str = "macs",
    depth: int | None = None,
    unfold: str | Sequence[str] = (),
    report: Report | None = None,
) -> Plan:
    """Which boxes `draw` draws; raises `UsageError`."""
    if by not in BY:
        raise UsageError(f"by must be one of {', '.join(BY)}, got {by!r}{did_you_mean(by, BY)}")
    if depth is not None and not (isinstance(python_int(depth), int) and depth >= 1):
        raise UsageError(f"depth must be 1 or more, got {say(depth)}")
    network = load(network)
    report = report or network.report()
    wired = wiring(network.walked)
    costs = _costs(network, report, wired, by)
    chosen = choose(wired, _weigh(costs), depth=depth, unfold=several(unfold))
    return Plan(network.label, *_titles(report), by, chosen, costs)


def _costs(network: Network, report: Report, wired: Wiring, by: str) -> Costs:
    place = {layer.name: layer for layer in report.layers}
    layers = [[place[step.node.name] for step in unit.steps] for unit in wired.units]
    macs = [sum(layer.macs for layer in own) for own in layers]
    params = [sum(layer.params for layer in own) for own in layers]
    known = [not any(layer.step.opaque for layer in own) for own in layers]
    share = _alive(network, wired) if by == "memory" else _part(macs if by == "macs" else params)
    return Costs(macs, params, share, known)


def _part(counts: Sequence[int]) -> Callable[[Sequence[int]], float]:
    whole = sum(counts) or 1
    return lambda units: sum(counts[unit] for unit in units) / whole


def _alive(network: Network, wired: Wiring) -> Callable[[Sequence[int]], float]:
    """The most that is alive while one of the units runs, in shares of the peak."""
    usage = network.memory()
    order = {step.node.name: at for at, step in enumerate(network.steps)}
    live = [0] * len(order)
    for moment in usage.timeline:
        if moment.step >= 0:
            live[moment.step] = max(live[moment.step], moment.live)
    most = [max(live[order[step.node.name]] for step in unit.steps) for unit in wired.units]
    return lambda units: max((most[unit] for unit in units), default=0) / (usage.peak or 1)


def _weigh(costs: Costs) -> Callable[[int], float]:
    whole = sum(costs.macs) or 1
    return lambda unit: costs.macs[unit] / whole


def _composed(plan: Plan, room: float, *, titled: bool) -> Diagram:
    """Title, row, blocks and legend; the blocks beside the row where that makes a lower picture, else below it."""
    blocks = [Block(cell, plan.chosen, plan.costs) for cell in plan.chosen.cells]
    row = Row(plan.chosen, plan.costs)
    top = _TOP if titled else _UNTITLED
    arrangements = [_below(row, blocks, room, top)]
    wide = sum(block.width for block in blocks) + _APART * len(blocks)
    if blocks and room - wide > _NARROWEST:
        arrangements.append(_beside(row, blocks, _TOLERANCE * room - wide, top))
    if blocks and row.is_valley:
        arrangements.append(_in_corner(row, blocks, room, top))
    sheet, right, low = min(arrangements, key=lambda made: (max(0.0, made[1] - _TOLERANCE * room), made[2]))
    most = max([box.share for box in sheet.boxes], default=0.0)
    sheet.boxes[:] = [replace(box, tint=round(box.share / most, 3) if most else 0.0) for box in sheet.boxes]
    wide = max(right + MARGIN, min(room, _title_width(plan)) if titled else 0.0, _LEAST)
    if titled:
        sheet.labels += [
            Label(shortened(plan.named, wide - 2 * MARGIN, _TITLE, bold=True), MARGIN, 26, _TITLE, bold=True),
            Label(shortened(plan.facts, wide - 2 * MARGIN, _FACTS), MARGIN, 44, _FACTS, tone="muted"),
        ]
    low = _legend(plan.by, most, sheet, wide, low + 30)
    return Diagram(
        plan.network,
        plan.named,
        plan.facts,
        plan.by,
        ceil(wide),
        ceil(low + MARGIN),
        tuple(map(_crisp, sheet.boxes)),
        tuple(replace(edge, points=tuple(map(_on_grid, edge.points))) for edge in sheet.edges),
        tuple(replace(label, x=round(label.x, 1), y=round(label.y, 1)) for label in sheet.labels),
        tuple(map(_crisp, sheet.panels)),
        sheet.legend,
    )


_Arranged = tuple[Sheet, float, float]
"""What is placed, and where it ends to the right and below."""


def _below(row: Row, blocks: Sequence[Block], room: float, start: float) -> _Arranged:
    sheet = Sheet()
    right, low = row.place(sheet, start, room - 2 * MARGIN)
    if blocks:
        across, low = place_blocks(blocks, sheet, (MARGIN, low + 18), max(room, right))
        right = max(right, across)
    return sheet, right, low


def _beside(row: Row, blocks: Sequence[Block], room: float, start: float) -> _Arranged:
    """The blocks to the right of the row, which may take so much room."""
    sheet = Sheet()
    right, low = row.place(sheet, start, room - MARGIN)
    across, lowest = place_blocks(blocks, sheet, (right + 1.5 * _APART, start - 8), inf)
    return sheet, across, max(low, lowest)


def _in_corner(row: Row, blocks: Sequence[Block], room: float, start: float) -> _Arranged:
    """The blocks beside the bottom of a U, to its left or right, as high as there is room; else below."""
    sheet = Sheet()
    right, low = row.place(sheet, start, room - 2 * MARGIN)
    wide = sum(block.width for block in blocks) + _APART * (len(blocks) - 1)
    high = max(block.height for block in blocks)
    filled = [*map(box_extent, sheet.boxes), *map(label_extent, sheet.labels), *edge_extents(sheet.edges)]
    for top in range(int(start), int(low), 4):
        for left in (MARGIN, right - wide):
            place = Rectangle(left, top, left + wide, top + high).wider(10)
            if not any(place.meets(other) for other in filled):
                place_blocks(blocks, sheet, (left, top), inf)
                return sheet, right, max(low, top + high)
    return _below(row, blocks, room, start)


def _on_grid(point: Point) -> Point:
    """In the middle of a pixel, where a thin line is sharp."""
    return floor(point[0]) + 0.5, floor(point[1]) + 0.5


def _crisp(one: _Framed) -> _Framed:
    """A box or a frame with its sides in the middle of pixels."""
    x, y = _on_grid((one.x, one.y))
    right, low = _on_grid((one.x + one.width, one.y + one.height))
    return replace(one, x=x, y=y, width=right - x, height=low - y)


def _title_width(plan: Plan) -> float:
    return 2 * MARGIN + max(text_width(plan.named, _TITLE, bold=True), text_width(plan.facts, _FACTS))


def _titles(report: Report) -> tuple[str, str]:
    """The network, and what it costs."""
    t, least = report.totals, bound(report)
    name = title(report).partition(" · ")[0]
    said = [
        *filter(None, [settings_text(changed_knobs(report))]),
        input_shapes_text(report.inputs),
        f"{least}{compact(t.params)} {METRICS['params'].heading}",
        f"{least}{compact(t.macs)} {METRICS['macs'].heading}",
        f"{least}{binary(t.peak_activation_bytes)} peak",
    ]
    return name, " · ".join(said)


def _legend(by: str, most: float, sheet: Sheet, wide: float, base: float) -> float:
    """The scale of colours and what sizes mean; where it ends below."""
    said = "alive, in shares of the peak" if by == "memory" else f"share of the {METRICS[by].full}"
    many = [panel.letter for panel in sheet.panels if panel.places > 1]
    texts = [f"{said}, up to {share_text(most)}", "height: map, width: channels, both logarithmic"]
    texts += [f"{' and '.join(many) if len(many) < 3 else f'{many[0]} to {many[-1]}'}: all of a kind together"] * bool(
        many
    )
    texts += ["/s: the stride that the sizes show"] * any(
        label.text.endswith("/s") or "/s " in label.text for label in sheet.labels
    )
    sheet.legend = (MARGIN, base)
    at = MARGIN + SCALE_WIDTH + 10
    for text in texts:
        if at > MARGIN + SCALE_WIDTH + 10 and at + text_width(text, SIZE) > wide - MARGIN:
            at, base = MARGIN, base + 16
        sheet.labels.append(Label(shortened(text, wide - at - MARGIN, SIZE), at, base, SIZE, tone="muted"))
        at += text_width(text, SIZE) + 18
    return base
