"""The landscape: accuracy against cost, families as series, the Pareto front as a step line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convcost.core.units import binary, compact, exact
from convcost.plots.style import figure
from convcost.published.frontier import PRINTED, YOURS, Frontier, Point, mark_front
from convcost.render.palette import LIGHT, look

if TYPE_CHECKING:
    import plotly.graph_objects as go


_DIMMED = 0.4
_SCORES = {"top1": "ImageNet top-1 accuracy", "top5": "ImageNet top-5 accuracy"}


def frontier(found: Frontier) -> go.Figure:
    """Accuracy against cost.

    A mark per accuracy: filled if the cost was counted here, hollow if it is the printed one, pale if the point is
    dominated. A thin line joins each family's own Pareto front; the steps are the front of all.
    """
    traces: list[dict[str, Any]] = []
    for index, family in enumerate(found.families):
        points = [point for point in found.points if point.measured.family == family]
        if points[0].how != YOURS:
            traces += _family(found, family, points, index)
    front = found.front
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "front",
            "x": [point.cost for point in front],
            "y": [float(point.accuracy) for point in front],
            "line": {"color": LIGHT.ink, "width": 1.5, "shape": "hv"},
            "hoverinfo": "skip",
        }
    )
    own = [point for point in found.points if point.how == YOURS]
    if own:
        traces.append(_own(found, own))
    return figure(
        traces,
        title=f"{_SCORES[found.y]} against {found.cost.full}",
        xaxis=_cost_axis(found),
        yaxis={"title": {"text": f"{_SCORES[found.y]}, %"}},
        legend={"itemsizing": "constant"},
        hovermode="closest",
        height=640,
    )


def _family(found: Frontier, family: str, points: list[Point], index: int) -> list[dict[str, Any]]:
    """A family's best as a line, all its points as marks, and an entry of the legend that is never pale."""
    color, symbol = look(index)
    entry = {
        "type": "scatter",
        "mode": "markers",
        "name": family,
        "legendgroup": family,
        "x": [None],
        "y": [None],
        "marker": {"color": color, "symbol": symbol, "size": 8},
    }
    best = [point for point in mark_front(points) if point.front]
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": family,
        "legendgroup": family,
        "showlegend": False,
        "x": [point.cost for point in best],
        "y": [float(point.accuracy) for point in best],
        "line": {"color": color, "width": 1},
        "opacity": 0.6,
        "hoverinfo": "skip",
    }
    marks = {
        "type": "scatter",
        "mode": "markers",
        "name": family,
        "legendgroup": family,
        "showlegend": False,
        "x": [point.cost for point in points],
        "y": [float(point.accuracy) for point in points],
        "marker": {
            "color": color,
            "symbol": [f"{symbol}-open" if point.how == PRINTED else symbol for point in points],
            "size": 8,
            "opacity": [1 if point.front else _DIMMED for point in points],
        },
        "hovertext": [hover(found, point) for point in points],
        "hoverinfo": "text",
    }
    return [entry, line, marks]


def _own(found: Frontier, points: list[Point]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": "yours",
        "x": [point.cost for point in points],
        "y": [float(point.accuracy) for point in points],
        "marker": {"color": LIGHT.ink, "symbol": "star", "size": 15},
        "text": [point.measured.item for point in points],
        "textposition": "bottom right",
        "hovertext": [hover(found, point) for point in points],
        "hoverinfo": "text",
    }


def hover(found: Frontier, point: Point) -> str:
    """The hover text of a point: network, knobs, numbers, source."""
    one = point.measured
    knobs = " ".join(f"{name}={value}" for name, value in one.knobs.items())
    scores = " · ".join(f"{word} {value} %" for word, value in (("top-1", one.top1), ("top-5", one.top5)) if value)
    size = f"{one.resolution} px" if one.resolution else ""
    lines = [
        f"<b>{_plain(point.name)}</b>",
        _plain(" · ".join(filter(None, (one.model, knobs, size)))),
        scores if point.how != YOURS else f"{found.y} {one.top1} %",
        f"{cost_text(found, point)} ({how_text(found, point)})",
        _plain(" · ".join(filter(None, (one.tier, point.source, str(one.year or ""), one.recipe)))),
    ]
    return "<br>".join(filter(None, lines))


def cost_text(found: Frontier, point: Point) -> str:
    """The cost of a point, exact and short."""
    if found.cost.unit == "bytes":
        return f"{exact(point.cost)} bytes, {binary(point.cost)}"
    short = compact(point.cost)
    return f"{exact(point.cost)} {found.cost.heading}" + (f", {short}" if point.cost >= 1000 else "")


def how_text(found: Frontier, point: Point) -> str:
    """Where the cost of a point comes from."""
    if point.how != PRINTED:
        return "counted by convcost"
    if "convention" in found.cost.needs and point.measured.convention != found.convention.name:
        return f"as printed, converted from {point.measured.convention}"
    return "as printed"


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _cost_axis(found: Frontier) -> dict[str, Any]:
    """A log axis with SI steps of 1, 2, 5, or binary ones for bytes."""
    counted = f" (convention {found.convention.name})" if "convention" in found.cost.needs else ""
    costs = [point.cost for point in found.points if point.cost]
    low, high = min(costs, default=1), max(costs, default=1)
    if found.cost.unit == "bytes":
        ticks = [2**power for power in range(70) if low / 2 <= 2**power <= high * 2]
        texts = [binary(tick).replace(".00", "").replace(".0 ", " ") for tick in ticks]
        title = f"{found.cost.full} as fp32"
    else:
        ticks = [digit * 10**power for power in range(25) for digit in (1, 2, 5)]
        ticks = [tick for tick in ticks if low / 2.5 <= tick <= high * 2.5]
        texts = [compact(tick).replace(".00", "").replace(".0 ", " ").replace(" ", "") for tick in ticks]
        title = f"{found.cost.full}{counted}"
    return {"title": {"text": title}, "type": "log", "tickvals": ticks, "ticktext": texts}
