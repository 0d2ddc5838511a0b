"""The page of a comparison: the picture of the course, all ways step by step, and what their ratio depends on."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.alternatives.ratios import ratios
from convcost.alternatives.recipes import LayerToBuild
from convcost.core.version import __version__
from convcost.diagrams.course import course
from convcost.pages.files import WHOLE, drawing, figure_title
from convcost.plots import ratio_figure
from convcost.render import html
from convcost.render.table import Table, table_html

_PHONE = 350
"""Width of the picture on a phone, in pixels."""


def compare_page(layer: LayerToBuild, against: Sequence[str], table: Table, command: str) -> str:
    """A self-contained page; raises `UsageError` as the table does."""
    wide, narrow = (course(layer, against, width=width, titled=False).svg(alone=False) for width in (WHOLE, _PHONE))
    sections = [
        html.Section("picture", "What is convolved", html.chart(table.title, wide, narrow)),
        html.Section("steps", "Step by step", table_html(table, "steps-table")),
    ]
    for at, way in enumerate(way for way in against if way != "standard"):
        figure = ratio_figure(ratios(layer, way), layer)
        about = "The star is this layer; every point is counted by the rules, with padding same."
        sections.append(html.Section(f"law{at}", figure_title(figure), drawing(figure, wide=WHOLE), about=about))
    return html.page(table.title, sections, facts=[("command", command), ("made by", f"convcost {__version__}")])
