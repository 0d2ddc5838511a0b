"""A cost along one knob: steps where every value was counted, marks where only some were."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcost.core.metrics import METRICS
from convcost.plots.style import BAR_HEIGHT, amount_axis, figure
from convcost.render.palette import LIGHT
from convcost.space.cliffs import Plateau
from convcost.space.target import BEYOND, EXTRAPOLATED

if TYPE_CHECKING:
    import plotly.graph_objects as go


def cliffs(
    steps: Sequence[Plateau | None],
    *,
    marked: Sequence[int] = (),
    title: str = "",
    metric: str = "macs",
    axis: str = "resolution",
    far: Collection[Any] = (),
) -> go.Figure:
    """Cost along a knob of whole numbers as steps; `marked` are values just before a cliff, the largest at their cost.

    A step reaches half a unit to either side, so that each value has its own; None is a gap: values that cannot be built.
    Steps that begin at one of the values `far` are extrapolated: they are dotted.
    """
    word = METRICS[metric].column
    known = [None if step and step.first in far else step for step in steps]
    beyond = [step if step and step.first in far else None for step in steps]
    alone = {step.first: step.cost for step in _alone(steps)}
    at = {step.last: step.cost for step in steps if step and step.last in set(marked)}
    of = (metric, axis)
    traces = [_line(word, known, of, far)] if any(known) or not any(beyond) else []
    traces += [_line(EXTRAPOLATED, beyond, of, far)] if any(beyond) else []
    traces += [_dots(word, alone, of, LIGHT.series[0], 5, far, showlegend=False)] if alone else []
    traces += [_dots("last before a cliff", at, of, LIGHT.series[1], 7, far)] if at else []
    return figure(
        traces,
        title=title or f"{word} at every {axis}",
        xaxis={"title": {"text": axis}},
        yaxis=amount_axis(METRICS[metric], max((step.cost for step in steps if step and step.cost), default=1)),
    )


def _line(name: str, steps: Sequence[Plateau | None], of: tuple[str, str], far: Collection[Any]) -> dict[str, Any]:
    """Steps, dotted where they are extrapolated, with a gap for each None."""
    metric, axis = METRICS[of[0]], of[1]
    x: list[float | None] = []
    y: list[float | None] = []
    tips: list[str] = []
    for step in steps:
        cost = f"{_mark(step.first, far)}{metric.shown(step.cost or 0)}" if step else ""
        tip = f"{axis} {_ends(step)}<br>{metric.column} {cost}" if step else ""
        x += [step.first - 0.5, step.last + 0.5] if step else [None]
        y += [step.cost, step.cost] if step else [None]
        tips += [tip, tip] if step else [""]
    dash = {"dash": "dot"} if name == EXTRAPOLATED else {}
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "line": {"color": LIGHT.series[0], "width": 2, **dash},
        "connectgaps": False,
        "hovertext": tips,
        "hoverinfo": "text",
    }


def _mark(value: Any, far: Collection[Any]) -> str:
    """What is written before the cost of an extrapolated network."""
    return BEYOND if value in far else ""


def samples(
    values: Sequence[float],
    counts: Sequence[float | None],
    *,
    title: str,
    metric: str = "macs",
    axis: str = "resolution",
    far: Collection[Any] = (),
) -> go.Figure:
    """Cost at some values of a knob: a mark each, and a thin line from one to the next to lead the eye.

    None is a value at which no network can be built; the line has a gap there. Marks of the values `far`, whose networks are
    extrapolated, are hollow.
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
    size = 8 if len(known) <= 60 else 4
    return figure(
        [line, _dots(word, known, (metric, axis), LIGHT.series[0], size, far, showlegend=False)],
        title=title,
        xaxis={"title": {"text": axis}},
        yaxis=amount_axis(METRICS[metric], max(known.values(), default=1)),
    )


def bars(
    counts: Mapping[str, float],
    *,
    title: str,
    metric: str = "macs",
    axis: str = "config",
    far: Collection[Any] = (),
) -> go.Figure:
    """Cost at values that have no order, a bar each; `~` stands before those `far`, whose networks are extrapolated."""
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
        "text": [f"{_mark(value, far)}{of.brief(count)}" for value, count in counts.items()],
        "textposition": "outside",
        "hovertext": [
            f"{axis} {value}<br>{word} {_mark(value, far)}{of.shown(count)}" for value, count in counts.items()
        ],
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
    name: str,
    at: Mapping[Any, float | None],
    of: tuple[str, str],
    color: str,
    size: int,
    far: Collection[Any] = (),
    **other: Any,
) -> dict[str, Any]:
    """A mark for each value, hollow where it is `far`."""
    metric, axis = METRICS[of[0]], of[1]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": list(at),
        "y": list(at.values()),
        "marker": {
            "color": color,
            "size": size,
            "symbol": [f"circle{'-open' * (r in far)}" for r in at] if far else "circle",
        },
        "hovertext": [f"{axis} {r}<br>{metric.column} {_mark(r, far)}{metric.shown(n or 0)}" for r, n in at.items()],
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
