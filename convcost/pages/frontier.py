"""The page of accuracy against cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from convcost.core.units import FEMTOSECONDS
from convcost.core.version import __version__
from convcost.published.frontier import Frontier, frontier_table
from convcost.render import html
from convcost.render.html import Section


def frontier_page(found: Frontier, facts: Sequence[tuple[str, str]] = ()) -> str:
    """A page with the picture to point at and zoom, all points as a table, and what was left out, by name."""
    from convcost.plots.frontier import title_of

    table = frontier_table(found)
    points = html.table(
        table.headers,
        table.numeric,
        table.rows,
        label="All points",
        key="points-table",
        sortable=True,
        records=table.records,
    )
    sections = [
        Section("picture", "", _landscape(found, table.title), about=_read(found)),
        Section("points", "All points", points),
        Section("how", "How to read it", html.notes(table.notes)),
    ]
    if found.omitted:
        rows = [[o.measured.item, o.measured.family, o.measured.tier, o.why] for o in found.omitted]
        body = html.table(("network", "family", "tier", "why"), (False,) * 4, rows, label="Left out")
        sections.append(Section("left-out", f"Left out: {len(rows)}", body))
    return html.page(
        title_of(found),
        sections,
        subtitle=table.title.partition(" · ")[2] if found.task else table.title,  # else its heading once more
        facts=[*facts, ("made by", f"convcost {__version__}")],
        scripts=(html.asset("landscape.js"),),
        style=html.asset("landscape.css"),
    )


def _landscape(found: Frontier, label: str) -> str:
    """The picture as it is without a script, and what a script draws it from."""
    from convcost.plots.frontier import frontier
    from convcost.render.svg import svg

    wide, narrow = (frontier(found, width=w, height=h, alone=False) for w, h in ((1110, 600), (360, 420)))
    drawn = html.chart(label, *(svg(figure, alone=False, tips=False) for figure in (wide, narrow)))
    kept = html.data("landscape-data", _data(found, wide.layout))
    return f'<div id="landscape" class="landscape">{drawn}</div>\n{kept}'


def _data(found: Frontier, layout: Any) -> dict[str, Any]:
    """The families with their looks, points and lines; costs are below 2^53, where a script's numbers are exact enough."""
    from convcost.plots.frontier import Series, said, series_of
    from convcost.published.point import Point
    from convcost.render.families import letters_of
    from convcost.render.palette import LIGHT, color_name
    from convcost.render.svg_marks import outline

    def place(point: Point) -> dict[str, Any]:
        return {"x": found.cost.value(point.cost), "y": float(point.accuracy)}

    def family(one: Series) -> dict[str, Any]:
        best = {id(point.measured) for point in one.line}
        return {
            "name": one.name,
            "yours": one.yours,
            "awake": one.awake,
            "color": color_name(one.look.color),
            "letters": color_name(LIGHT.ink if one.yours else letters_of(one.look)),
            "shape": outline(0, 0, one.look.symbol, 15 if one.yours else 9),
            "line": [place(point) for point in one.line],
            "points": [
                {
                    **place(point),
                    "hollow": point.hollow,
                    "best": id(point.measured) in best,
                    "says": said(found, point),
                }
                for point in one.points
            ],
        }

    every = series_of(found)
    listed = [*[one for one in every[::-1] if one.awake], *[one for one in every if not one.awake]]
    return {
        "x": {"title": _titled(found, layout), "range": _range(found, layout), "bytes": found.cost.unit == "bytes"},
        "y": {"title": layout.yaxis.title.text, "range": layout.yaxis.range},
        "front": [place(point) for point in found.front],
        "families": [*map(family, listed)],
    }


def _titled(found: Frontier, layout: Any) -> str:
    """The title of the x axis, with the unit of a time, which the script does not write."""
    return f"{layout.xaxis.title.text}{', ms' if found.on else ''}"


def _range(found: Frontier, layout: Any) -> list[float]:
    """The ends of the x axis as logarithms; of a time in milliseconds, which the picture has in femtoseconds."""
    return [end - math.log10(FEMTOSECONDS) if found.on else end for end in layout.xaxis.range]


def _read(found: Frontier) -> str:
    """How to read the picture."""
    if found.device:
        far = "hollow ones extrapolated, far from all networks that the device was fitted on"
        marks = f"Filled marks are predicted for {found.device.name}{f', {far}' if found.far else ''}"
    elif found.setup:
        marks = "Marks are latencies as their source prints them"
    else:
        marks = "Filled marks are counted by convcost, hollow ones printed by their source"
    return (
        f"{marks}; pale ones do no better than something cheaper of their own family. The grey band is the Pareto front. "
        "Point at a mark for its numbers, click it or choose a family below to wake it, drag to zoom, double-click to see all."
    )
