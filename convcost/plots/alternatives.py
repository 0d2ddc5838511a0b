"""Plots of ways to build a layer: the law of the separable convolution, and the steps of each alternative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from convcost.alternatives.ratios import FILTERS, KERNELS, Ratios, ratios
from convcost.alternatives.recipes import Alternative, LayerToBuild, ratio_to_standard
from convcost.core.units import exact
from convcost.plots.style import BAR_HEIGHT, count_axis, figure
from convcost.render.palette import LIGHT, look

if TYPE_CHECKING:
    import plotly.graph_objects as go


def separable_ratio(
    kernels: Sequence[int] = KERNELS,
    filters: Sequence[int] = FILTERS,
    *,
    axes: int | None = None,
    marked: LayerToBuild | None = None,
) -> go.Figure:
    """MACs of a depthwise separable convolution divided by those of the normal one, over n_c' for each filter size f.

    Every point is counted by the ops' rules on an input of 16 positions along each of one, two or three `axes` and 16
    channels; the ratio depends on n_c' and f alone. `marked` is a layer of your own, marked in the plot; without `axes`,
    its number of axes is that of the plot, else two.
    """
    axes = axes or (marked.axes if marked else 2)
    return ratio_figure(ratios(LayerToBuild((16,) * (axes + 1), 1, 1), "separable", kernels, filters), marked)


def ratio_figure(found: Ratios, marked: LayerToBuild | None = None) -> go.Figure:
    """The ratio of a way to the normal convolution over n_c', a line for each filter size f; `marked` is a layer of your own."""
    traces = [_line(index, found, kernel) for index, kernel in enumerate(found.kernels)]
    if marked is not None:
        share = ratio_to_standard(marked, found.way)
        traces.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "name": "this layer",
                "x": [marked.filters],
                "y": [float(share)],
                "text": [f"{float(share):.4f}"],
                "textposition": ["top right"],
                "marker": {"color": LIGHT.ink, "symbol": "star", "size": 13},
                "hovertext": [f"n_c' = {marked.filters}<br>ratio {share} = {float(share):.4f}"],
                "hoverinfo": "text",
            }
        )
    values = [value for trace in traces for value in trace["y"] if value is not None]
    parts = [n for n in (1000, 500, 200, 100, 50, 20, 10, 5, 2) if min(values) < 1.5 / n]
    wholes = [1, *(n for n in (2, 5, 10, 20, 50, 100) if max(values) > n / 1.5)]
    name = "Depthwise separable" if found.way == "separable" else found.way.capitalize()
    return figure(
        traces,
        title=f"{name} against normal convolution{f': {found.law}' if found.applies else ''}",
        xaxis={
            "title": {"text": "filters n_c'"},
            "type": "log",
            "tickvals": list(found.filters),
            "ticktext": [f"{n}" for n in found.filters],
        },
        yaxis={
            "title": {"text": f"MACs, {found.way} / normal"},
            "type": "log",
            "tickvals": [*(1 / n for n in parts), *wholes],
            "ticktext": [*(f"1/{n}" for n in parts), *map(str, wholes)],
        },
    )


def _line(index: int, found: Ratios, kernel: int) -> dict[str, Any]:
    """The ratios for one filter size."""
    at = found.kernels.index(kernel)
    values = [(n, points[at]) for n, points in zip(found.filters, found.points, strict=True) if points[at] is not None]
    color, symbol = look(index)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"f = {kernel}",
        "x": [n for n, _ in values],
        "y": [float(r) for _, r in values if r is not None],
        "line": {"color": color, "width": 2},
        "marker": {"color": color, "symbol": symbol, "size": 6},
        "hovertext": [f"f = {kernel}, n_c' = {n}<br>ratio {r} = {float(r or 0):.4f}" for n, r in values],
        "hoverinfo": "text",
    }


def ways(alternatives: Sequence[Alternative]) -> go.Figure:
    """Multiplications of the steps of each way to build a layer, as stacked bars, coloured by what a step does."""
    names = [a.name for a in alternatives]
    traces = []
    for index, (name, places) in enumerate(_kinds(alternatives).items()):
        have = [alternatives[way] for way, _ in places]
        steps = [alternatives[way].steps[at] for way, at in places]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": name,
                "y": [a.name for a in have],
                "x": [step.cost.macs for step in steps],
                "base": [sum(step.cost.macs for step in alternatives[way].steps[:at]) for way, at in places],
                "marker": {"color": LIGHT.series[index]},
                "hovertext": [f"{a.name}: {s.name}<br>{exact(s.cost.macs)} MACs" for a, s in zip(have, steps)],
                "hoverinfo": "text",
                "text": [exact(a.macs) if at + 1 == len(a.steps) else "" for a, (_, at) in zip(have, places)],
                "textposition": "outside",
            }
        )
    return figure(
        traces,
        title="Multiplications of each way to build the layer",
        xaxis={**count_axis("multiplications"), "range": [0, 1.2 * max(a.macs for a in alternatives)]},
        yaxis={"autorange": "reversed", "categoryorder": "array", "categoryarray": names},
        barmode="overlay",
        height=110 + 2 * BAR_HEIGHT * len(names),
    )


def _kinds(alternatives: Sequence[Alternative]) -> dict[str, list[tuple[int, int]]]:
    """Name of a step -> its positions, as (way, step); first, second, … if there are more names than colours."""
    steps = [(way, at, step.name) for way, a in enumerate(alternatives) for at, step in enumerate(a.steps)]
    named = len({name for _, _, name in steps}) <= len(LIGHT.series)
    found: dict[str, list[tuple[int, int]]] = {}
    for way, at, name in steps if named else sorted(steps, key=lambda step: step[1]):
        found.setdefault(name if named else f"{('first', 'second', 'third')[at]} step", []).append((way, at))
    return found
