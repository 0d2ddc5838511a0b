"""The page of latencies: where the time goes, layers under the roofs or beside the rates of each device, and every number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcost.networks.latencies import Latencies
from convcost.networks.latency import Latency
from convcost.pages.files import page
from convcost.plots.roofline import has_roofs, kinds_figure, roofline_figure
from convcost.render.table import Table

if TYPE_CHECKING:
    import plotly.graph_objects as go


def latency_page(found: Latencies, command: str, by: str | None = None) -> str:
    """A page of one network on a device, by some level, or of several beside each other."""
    places: dict[str, list[Latency]] = {}
    for one in found:
        places.setdefault(one.device.name, []).append(one)
    roofs: list[go.Figure | Table] = [roofline_figure(some) for some in places.values() if has_roofs(some)]
    parts: list[go.Figure | Table]
    if len(found) == 1:
        parts = [kinds_figure(found), *roofs, found[0].table(by)]
        return page(found[0].table().title, parts, [("command", command)])
    whole = found.table()
    parts = [kinds_figure(found), *roofs, whole, *(one.table() for one in found)]
    return page(whole.title, parts, [("command", command)])
