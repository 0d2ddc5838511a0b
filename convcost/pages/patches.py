"""The page of a network in patches: they are drawn on its input, and below stands what each layer costs."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.core.version import __version__
from convcost.plots.patches import patch_picture
from convcost.render import html
from convcost.render.table import heading_of, table_html
from convcost.results.patches import Patches

_SCREEN, _PHONE = 420, 150
"""The longest side of the input, in pixels."""


def patches_page(found: Patches, facts: Sequence[tuple[str, str]] = ()) -> str:
    """A self-contained page."""
    table = found.table()
    name, subtitle = heading_of(table.title)
    wide, narrow = (patch_picture(found, side=side, titled=False) for side in (_SCREEN, _PHONE))
    drawn = html.chart(wide.title, wide.svg(alone=False), narrow.svg(alone=False))
    sections = [
        html.Section("patches", wide.title.rpartition(": ")[2].capitalize(), drawn),
        html.Section("layers", "Layers", table_html(table, "layers")),
    ]
    return html.page(name, sections, subtitle=subtitle, facts=[*facts, ("made by", f"convcost {__version__}")])
