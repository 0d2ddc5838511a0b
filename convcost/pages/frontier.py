"""The page of accuracy against cost."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.core.version import __version__
from convcost.published.frontier import Frontier, frontier_table
from convcost.render import html
from convcost.render.html import Section


def frontier_page(found: Frontier, facts: Sequence[tuple[str, str]] = ()) -> str:
    """A page with the picture to zoom and point at, all points as a table, and what was left out, by name."""
    from convcost.plots import dark
    from convcost.plots.frontier import frontier
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
