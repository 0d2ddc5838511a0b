"""A plotly figure on a page that works without a network: plotly.js and the data are part of the page."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from convcost.render import html

if TYPE_CHECKING:
    import plotly.graph_objects as go


def live(light: go.Figure, dark: go.Figure, key: str, *, label: str) -> str:
    """The figure as a piece of a page, under a fixed id, in the colours of the reader's surface."""
    from plotly.offline import get_plotlyjs

    figures = {name: json.loads(figure.to_json()) for name, figure in (("light", light), ("dark", dark))}
    height = int(light.layout.height or 560)
    return (
        f'<div id="{key}" class="live" role="img" aria-label="{escape(label)}" style="height:{height}px"></div>\n'
        f"{html.data(f'{key}-data', figures)}<script>{get_plotlyjs()}</script>\n"
        f"<script>{html.asset('live.js')}convcostLive({json.dumps(key)});</script>\n"
    )
