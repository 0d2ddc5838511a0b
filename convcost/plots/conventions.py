"""Plots of conventions: the difference between two of them as a waterfall."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from convcost.conventions.reconcile import Reconciliation
from convcost.core.cost import LEDGER
from convcost.core.units import compact, counted, exact, signed
from convcost.plots.style import BAR_HEIGHT, count_axis, figure, titled
from convcost.render.palette import LIGHT

if TYPE_CHECKING:
    import plotly.graph_objects as go


def operations_figure(data: Mapping[str, Any], about: str = "") -> go.Figure:
    """What a network's operations are under each convention, from the data of a reconciliation with all of them.

    The colour of a bar says what is counted; `about` is what was counted, below the title.
    """
    rows = data["conventions"]
    units = list(dict.fromkeys(row["unit"] for row in rows))
    traces: list[dict[str, Any]] = []
    for unit, color in zip(units, LIGHT.series, strict=False):
        some = [row for row in rows if row["unit"] == unit]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": unit,
                "y": [row["convention"] for row in some],
                "x": [row["operations"] for row in some],
                "marker": {"color": color},
                "text": [compact(row["operations"]) for row in some],
                "textposition": "outside",
                "hovertext": [
                    f"{row['convention']}<br>{exact(row['operations'])} {unit}<br>{row['counts']}" for row in some
                ],
                "hoverinfo": "text",
            }
        )
    most = max(row["operations"] for row in rows)
    names = [row["convention"] for row in rows]
    without = f", without {counted(len(data['unknown']), 'unknown op')}" if data["unknown"] else ""
    return figure(
        traces,
        title=titled(f"{data['network']}: operations under each convention{without}", about),
        xaxis={**count_axis(f"operations of {data['network']}"), "range": [0, most * 1.15 or 1]},
        yaxis={"autorange": "reversed", "categoryorder": "array", "categoryarray": names},
        barmode="overlay",
        height=70 + BAR_HEIGHT * len(names),
    )


def waterfall(found: Reconciliation, about: str = "") -> go.Figure:
    """From a network's total under one convention to its total under another, a bar per term that differs.

    The axis begins near the smaller total if the terms would be invisible next to it, and says so. `about`
    is what was counted, below the title.
    """
    names, bases, lengths, colors, texts = (
        [found.first.name],
        [0],
        [found.start],
        [LIGHT.series[6]],
        [exact(found.start)],
    )
    running, seen = found.start, [found.start]
    for term in found.terms:
        names.append(f"{term.what}: {LEDGER[term.entry]}")
        bases.append(running)
        lengths.append(term.difference)
        colors.append(LIGHT.series[0] if term.difference > 0 else LIGHT.series[1])
        texts.append(signed(term.difference))
        running += term.difference
        seen.append(running)
    names.append(found.second.name if found.second.name != found.first.name else f"{found.second.name} ")
    bases, lengths, texts = [*bases, 0], [*lengths, found.end], [*texts, exact(found.end)]
    colors.append(LIGHT.series[6])
    low, high = min(seen), max(seen)
    axis = count_axis(f"operations of {found.network}")
    if high - low < low / 2:
        margin = (high - low) * 0.25 or high * 0.01
        axis["range"] = [max(0, low - margin), high + margin]
        axis["title"]["text"] += " (the axis does not begin at 0)"
    else:
        axis["range"] = [min(0, low), high * 1.15 or 1]
    bar = {
        "type": "bar",
        "orientation": "h",
        "name": "operations",
        "y": names,
        "x": lengths,
        "base": bases,
        "marker": {"color": colors},
        "text": texts,
        "textposition": "auto",
        "hovertext": [f"{name}<br>{text}" for name, text in zip(names, texts, strict=True)],
        "hoverinfo": "text",
    }
    without = f", without {counted(len(found.unknown), 'unknown op')}" if found.unknown else ""
    return figure(
        [bar],
        title=titled(f"{found.network}: from {found.first.name} to {found.second.name}{without}", about),
        xaxis=axis,
        yaxis={"autorange": "reversed"},
        showlegend=False,
        height=90 + BAR_HEIGHT * len(names),
    )
