"""A cost along one knob: steps where every value was counted, marks where only some were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcost.core.metrics import METRICS
from convcost.plots.style import BAR_HEIGHT, amount_axis, figure
from convcost.render.palette import LIGHT
from convcost.space.cliffs import Plateau

if TYPE_CHECKING:
    import plotly.graph_objects as go


def cliffs(
    steps: Sequence[Plateau | None],
    *,
    marked: Sequence[int] = (),
    title: str = "",
    metric: str = "macs",
    axis: str = "resolution",
) -> go.Figure:
    """Cost along a knob of whole numbers as steps; `marked` are values just before a cliff, the largest at their cost.

    A step reaches half a unit to either side, so that each value has its own; None is a gap: values that cannot be built.
    """
    word = METRICS[metric].column
    x: list[float | None] = []
    y: list[float | None] = []
    tips: list[str] = []
    for step in steps:
        tip = f"{axis} {_ends(step)}<br>{word} {METRICS[metric].shown(step.cost or 0)}" if step else ""
        x += [step.first - 0.5, step.last + 0.5] if step else [None]
        y += [step.cost, step.cost] if step else [None]
        tips += [tip, tip] if step else [""]
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": word,
        "x": x,
        "y": y,
        "line": {"color": LIGHT.series[0], "width": 2},
        "connectgaps": False,
        "hovertext": tips,
        "hoverinfo": "text",
    }
    alone = {step.first: step.cost for step in _alone(steps)}
    at = {step.last: step.cost for step in steps if step and step.last in set(marked)}
    traces = [line]
    traces += [_dots(word, alone, (metric, axis), LIGHT.series[0], 5, showlegend=False)] if alone else []
    traces += [_dots("last before a cliff", at, (metric, axis), LIGHT.series[1], 7)] if at else []
    return figure(
        traces,
        title=title or f"{word} at every {axis}",
        xaxis={"title": {"text": axis}},
        yaxis=amount_axis(METRICS[metric], max((n for n in y if n), default=1)),
    )


def samples(
    values: Sequence[float],
    counts: Sequence[float | None],
    *,
    title: str,
    metric: str = "macs",
    axis: str = "resolution",
) -> go.Figure:
    """Cost at some values of a knob: a mark each, and a thin line from one to the next to lead the eye.

    None is a value at which no network can be built; the line has a gap there.
    """
    word = METRICS[metric].column
    known = {value: count for value, count in zip(values, counts, strict=True) if count is not None}
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": word,
        "x": list(values),
        "y": list(counts),
        "line": {"color": LIGHT.muted, "width": 0.7},
        "connectgaps": False,
        "showlegend": False,
        "hoverinfo": "skip",
    }
    return figure(
        [line, _dots(word, known, (metric, axis), LIGHT.series[0], 8 if len(known) <= 60 else 4, showlegend=False)],
        title=title,
        xaxis={"title": {"text": axis}},
        yaxis=amount_axis(METRICS[metric], max(known.values(), default=1)),
    )


def bars(counts: Mapping[str, float], *, title: str, metric: str = "macs", axis: str = "config") -> go.Figure:
    """Cost at values that have no order, a bar each."""
    of = METRICS[metric]
    word = of.column
    most = max(counts.values(), default=1)
    bar = {
        "type": "bar",
        "orientation": "h",
        "name": word,
        "y": list(counts),
        "x": list(counts.values()),
        "marker": {"color": LIGHT.series[0]},
        "text": [of.brief(count) for count in counts.values()],
        "textposition": "outside",
        "hovertext": [f"{axis} {value}<br>{word} {of.shown(count)}" for value, count in counts.items()],
        "hoverinfo": "text",
    }
    return figure(
        [bar],
        title=title,
        xaxis={**amount_axis(of, most), "range": [0, most * 1.15 or 1]},
        yaxis={"autorange": "reversed", "type": "category", "title": {"text": axis}},
        showlegend=False,
        height=90 + BAR_HEIGHT * len(counts),
    )


def _dots(
    name: str, at: Mapping[Any, float | None], of: tuple[str, str], color: str, size: int, **other: Any
) -> dict[str, Any]:
    metric, axis = METRICS[of[0]], of[1]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(at),
        "y": list(at.values()),
        "marker": {"color": color, "size": size, "symbol": "circle"},
        "hovertext": [f"{axis} {r}<br>{metric.column} {metric.shown(n or 0)}" for r, n in at.items()],
        "hoverinfo": "text",
        **other,
    }


def _ends(step: Plateau) -> str:
    return str(step.first) if step.first == step.last else f"{step.first} to {step.last}"


def _alone(steps: Sequence[Plateau | None]) -> list[Plateau]:
    """The steps of a single value between gaps, which are too short to be seen as lines."""
    beside = [None, *steps, None]
    return [
        step
        for before, step, after in zip(beside, beside[1:], beside[2:])
        if step and not before and not after and step.first == step.last
    ]
