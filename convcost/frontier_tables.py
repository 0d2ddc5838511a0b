"""The front as a table, as JSON, and as a page with a picture to look into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from convcost import html
from convcost.frontier import ACCURACIES, PRINTED, Frontier, Point
from convcost.html import Section
from convcost.render import Table
from convcost.units import counted, exact
from convcost.version import __version__

_HEADS = {"params": "params", "activations": "activations", "peak": "peak bytes", "weight_bytes": "weight bytes"}


def frontier_table(found: Frontier) -> Table:
    """A row per point in order of cost; a star where no other point does as well for less."""
    records = [_record(found, point) for point in found.points]
    other = next(score for score in ACCURACIES if score != found.y)
    rows = [
        [
            point.name,
            getattr(point.measured, found.y),
            exact(point.cost),
            *([] if found.front_only else ["*" if point.front else ""]),
            getattr(point.measured, other),
            "as printed" if point.how == PRINTED else point.how,
            str(point.measured.resolution or ""),
            point.measured.tier,
            point.measured.source,
        ]
        for point in found.points
    ]
    starred = () if found.front_only else ("front",)
    cost = _HEADS.get(found.x, found.convention.unit)
    return Table(
        title=f"Accuracy against {cost} · {counted(len(found.points), 'point', 'points')} of "
        f"{counted(len(found.families), 'family', 'families')}",
        headers=("network", found.y, cost, *starred, other, "cost is", "input", "tier", "source"),
        numeric=(False, True, True, *(False for _ in starred), True, False, True, False, False),
        rows=rows,
        records=records,
        data={
            "schema": "convcost.frontier/1",
            "version": __version__,
            "x": found.x,
            "y": found.y,
            "convention": {"name": found.convention.name, "unit": found.convention.unit},
            "selection": found.selection,
            "points": [{**record, "knobs": dict(p.measured.knobs)} for record, p in zip(records, found.points)],
            "left_out": [{"item": o.measured.item, "family": o.measured.family, "why": o.why} for o in found.omitted],
        },
        notes=frontier_notes(found),
    )


def frontier_notes(found: Frontier) -> list[tuple[str, str]]:
    """What was selected and left out, and what the marks mean."""
    star = "" if found.front_only else "* "
    notes = [
        ("front", f"{star}no other point is as accurate for less ({len(found.front)} of {found.considered})"),
        (
            "accuracy",
            "as each source prints it: ImageNet-1k, single crop unless its note says otherwise; not recomputed",
        ),
        ("cost", _cost_note(found)),
    ]
    if found.selection:
        notes.append(("selected", found.selection))
    if found.omitted:
        whys = Counter(omitted.why for omitted in found.omitted)
        notes.append(("left out", "; ".join(f"{count} {why}" for why, count in whys.most_common())))
        notes.append(("these are", _listed([omitted.measured.item for omitted in found.omitted])))
    return notes


def _listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more (.json and .html name all)"


def _cost_note(found: Frontier) -> str:
    counted = sum(point.how != PRINTED for point in found.points)
    said = f"{counted} counted by convcost at the resolution of the evaluation"
    if found.x == "macs":
        said += f", convention {found.convention.name}: {found.convention.counts}"
    rest = len(found.points) - counted
    return said + (f"; {rest} as printed, for networks that are not in the zoo" if rest else "")


def _record(found: Frontier, point: Point) -> dict[str, Any]:
    one = point.measured
    return {
        "family": one.family,
        "item": one.item,
        "model": one.model,
        "knobs": " ".join(f"{name}={value}" for name, value in one.knobs.items()),
        "resolution": one.resolution or None,
        "top1": one.top1 or None,
        "top5": one.top5 or None,
        found.x: point.cost,
        "cost_is": point.how,
        "front": point.front,
        "year": one.year or None,
        "tier": one.tier,
        "source": one.source,
        "locator": one.locator,
        "recipe": one.recipe,
        "note": one.note,
    }


def frontier_page(found: Frontier, facts: Sequence[tuple[str, str]] = ()) -> str:
    """A page with the picture to zoom and point at, all points as a table, and what was left out, by name."""
    from convcost.plots import dark
    from convcost.plots.landscape import frontier
    from convcost.plots.live import live

    figure = frontier(found)
    table = frontier_table(found)
    sections = [
        Section("picture", "", live(figure, dark(figure), "pareto", label=table.title), about=_READ),
        Section(
            "points",
            "All points",
            html.table(table.headers, table.numeric, table.rows, label="All points", sortable=True),
        ),
        Section("how", "How to read it", html.notes(table.notes)),
    ]
    if found.omitted:
        rows = [[o.measured.item, o.measured.family, o.measured.tier, o.why] for o in found.omitted]
        body = html.table(("network", "family", "tier", "why"), (False,) * 4, rows, label="Left out")
        sections.append(Section("left-out", f"Left out: {len(rows)}", body))
    title = str(figure.layout.title.text)
    return html.page(title, sections, subtitle=table.title, facts=[*facts, ("made by", f"convcost {__version__}")])


_READ = (
    "Filled marks are counted by convcost, hollow ones printed by their source; pale ones do no better than something "
    "cheaper. The steps are the front. Point at a mark for its numbers, drag to zoom; click a family to hide it, "
    "double-click it to see it alone."
)
