"""The style of every plotly figure: template, axes, and the dark variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convcost.core.metrics import Metric
from convcost.core.units import binary
from convcost.render.escape import in_figure
from convcost.render.palette import DARK, FONT, LIGHT, Theme, twins

if TYPE_CHECKING:
    import plotly.graph_objects as go


def template(theme: Theme = LIGHT) -> go.layout.Template:
    """A plotly template with these colours: `figure.update_layout(template=template(DARK))` turns a picture dark.

    Colours that a figure's own traces name stay; see `restyle`.
    """
    import plotly.graph_objects as go

    axis = {
        "gridcolor": theme.grid,
        "linecolor": theme.muted,
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": theme.grid,
        "title": {"standoff": 8},
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": theme.ink},
            "title": {"font": {"size": 16}, "x": 0.01, "xanchor": "left"},
            "paper_bgcolor": theme.paper,
            "plot_bgcolor": theme.paper,
            "colorway": list(theme.series),
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {
                "align": "left",
                "bgcolor": theme.paper,
                "bordercolor": theme.muted,
                "font": {"color": theme.ink},
            },
            "legend": {"title": {"font": {"size": 12}}, "font": {"size": 12}},
            "margin": {"l": 60, "r": 20, "t": 60, "b": 50},
        }
    )


def dark(figure: go.Figure) -> go.Figure:
    """The same figure for a dark background: template and the colours of every trace."""
    import plotly.graph_objects as go

    return go.Figure(_swapped(figure.to_plotly_json())).update_layout(template=template(DARK))


def _swapped(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _swapped(value) for name, value in part.items() if name != "template"}
    if isinstance(part, (list, tuple)):
        return [_swapped(value) for value in part]
    return twins().get(part, part) if isinstance(part, str) else part


def count_axis(title: str, *, log: bool = False) -> dict[str, Any]:
    """An axis of counts that reads 10M, 100M, 1G - never 1B."""
    axis: dict[str, Any] = {"title": {"text": title}, "tickformat": "~s"}
    return {**axis, "type": "log", "dtick": "D2"} if log else axis


def amount_axis(metric: Metric, top: float, *, title: str = "") -> dict[str, Any]:
    """An axis from 0 on of a metric's values; bytes read 512 KiB, 1.00 MiB.

    >>> from convcost.core.metrics import METRICS
    >>> amount_axis(METRICS["peak_activation_bytes"], 3 * 2**20)["ticktext"]
    ['0 B', '512 KiB', '1.00 MiB', '1.50 MiB', '2.00 MiB', '2.50 MiB', '3.00 MiB']
    """
    shown = {"title": {"text": title or metric.column}, "rangemode": "tozero"}
    if metric.unit == "ms":
        return {**shown, "title": {"text": f"{title or metric.column} (ms)"}}
    if metric.unit != "bytes":
        return {**shown, "tickformat": "~s"}
    marks = byte_ticks(top)
    return {**shown, "tickvals": marks, "ticktext": list(map(binary, marks))}


def byte_ticks(top: float) -> list[int]:
    """Multiples of a power of two up to an amount of bytes, four to eight steps of them."""
    unit = 1
    while unit * 8 < top:
        unit *= 2
    return list(range(0, int(top) + 1, unit))


def percent_axis(title: str) -> dict[str, Any]:
    """An axis from 0 to 100 per cent."""
    return {"title": {"text": title}, "ticksuffix": " %", "range": [0, 100]}


def titled(first: str, second: str = "") -> str:
    """The title of a figure in plotly's markup, with a second, smaller line if there is one.

    >>> titled("a < b", "width 0.5"), titled("vgg11")
    ('a &lt; b<br><sup>width 0.5</sup>', 'vgg11')
    """
    return in_figure(first) + (f"<br><sup>{in_figure(second)}</sup>" if second else "")


def figure(traces: list[Any], *, title: str, xaxis: dict[str, Any], yaxis: dict[str, Any], **layout: Any) -> go.Figure:
    """A figure in convcost's style."""
    import plotly.graph_objects as go

    made = go.Figure(traces)
    return made.update_layout(template=template(), title={"text": title}, xaxis=xaxis, yaxis=yaxis, **layout)


BAR_HEIGHT = 26
