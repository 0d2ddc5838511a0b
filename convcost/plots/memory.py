"""What is alive when, and where it lies: the timeline of memory and its arena, a band for each tensor.

plotly is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcost.core.errors import UsageError
from convcost.core.units import binary, exact, percent, shape_text
from convcost.memory.usage import MOST_MET, MOST_TENSORS, Usage, too_many
from convcost.plots.bands import (
    Column,
    Part,
    band_traces,
    byte_axis,
    columns,
    names_trace,
    roles,
    short_names,
    stacked,
    stage_axis,
    stage_places,
)
from convcost.plots.report import known_text
from convcost.plots.style import figure, titled
from convcost.render.palette import LIGHT
from convcost.results.memory import PICTURES
from convcost.results.report import Report, bound, changed_knobs
from convcost.results.settings import settings_text

if TYPE_CHECKING:
    import plotly.graph_objects as go


_MOST_NAMED = 4
_NEAR = 0.06
"""Of the height: lines on which words would meet."""
_LABELLED = 0.09
"""Above the highest of what is drawn, where a level is written on."""


def memory_figure(report: Report, usage: Usage, picture: str = "timeline", limit: int | None = None) -> go.Figure:
    """One of `PICTURES`; raises `UsageError` for another, and where it cannot be drawn."""
    if picture not in PICTURES:
        raise UsageError(f"there is no picture {picture!r} of memory; {' and '.join(PICTURES)} can be drawn")
    return (arena_plan if picture == "arena" else memory_timeline)(report, usage, limit)


def memory_timeline(report: Report, usage: Usage, limit: int | None = None) -> go.Figure:
    """Live memory at each layer: a band per tensor, as high as its bytes, over its live range.

    The colour of a band says what the tensor is kept for; what stays long lies below. The top of the stack is the total
    of live bytes, and the highest place is named with what is alive there.
    Raises `UsageError` for more tensors than can be drawn.
    """
    _check(usage)
    places = columns(usage)
    bands = stacked(usage, places)
    top = max(usage.peak, usage.needed, limit or 0)
    arena = usage.needed if usage.needed > usage.peak else None
    levels = {"arena": arena, "limit": limit}
    traces = [*band_traces(usage, bands, len(places)), *names_trace(usage, bands, len(places), top, levels.values())]
    made = _dressed(traces, report, usage, places, "activations alive at each layer", "")
    made.update_yaxes(byte_axis("bytes alive", top, room=_LABELLED if arena or limit else 0.04))
    _mark_peak(made, report, usage, places)
    return with_levels(made, levels, top)


def arena_plan(report: Report, usage: Usage, limit: int | None = None) -> go.Figure:
    """Where every tensor lies in one block of memory, from when to when: offsets of the smallest plan against time.

    Raises `UsageError` for a policy that considers single layers, and for more tensors than can be placed.
    """
    arena = usage.arena
    if arena is None:
        many = f"more than {MOST_TENSORS:,} tensors, or {MOST_MET:,} pairs of them alive together"
        why = many if usage.lives.windows is None else f"policy {usage.options.policy}"
        raise UsageError(f"there is no arena to draw: {why}; the timeline needs none")
    places = columns(usage)
    bands = {
        number: [
            Part(at, arena.offsets[number], arena.offsets[number] + usage.sizes[number])
            for at, column in enumerate(places)
            if tensor.first <= column.position <= tensor.last
        ]
        for number, tensor in enumerate(usage.lives.tensors)
    }
    top = max(arena.total, limit or 0)
    alive = usage.peak if usage.peak < arena.total else None
    levels = {"arena": arena.total, "alive at once": alive, "limit": limit}
    traces = [*band_traces(usage, bands, len(places)), *names_trace(usage, bands, len(places), top, levels.values())]
    lost = f"{exact(arena.wasted)} of them ({percent(arena.wasted, arena.total)}) lost" if arena.wasted else "none lost"
    what = f"where activations lie in an arena of {bound(report)}{binary(arena.total)}"
    made = _dressed(traces, report, usage, places, what, f" · {exact(arena.total)} bytes placed {arena.way}, {lost}")
    made.update_yaxes(byte_axis("offset in the arena", top, room=_LABELLED))
    with_levels(made, levels, top)
    return made.update_layout(height=560, margin={"t": 80})


def _check(usage: Usage) -> None:
    if many := too_many(usage):
        raise UsageError(f"a picture shows {many}")


_SIDES = ("top right", "top left", "bottom right")
"""Where words stand on lines that are so near to each other that they would meet; a drawing measures for itself."""


def with_levels(made: go.Figure, levels: Mapping[str, int | None], top: int) -> go.Figure:
    """Dashed lines at numbers of bytes, where they are known; lines of one height are one, with all its names."""
    named: dict[int, list[str]] = {}
    for name, size in levels.items():
        if size is not None:
            named.setdefault(size, []).append(name)
    above, side = float("inf"), 0
    for size in sorted(named, reverse=True):
        side = (side + 1) % len(_SIDES) if above - size < _NEAR * top else 0
        above = size
        made.add_hline(
            y=size,
            line={"dash": "dash", "width": 1.5, "color": LIGHT.ink},
            annotation_text=f"{' and '.join(named[size])} {binary(size)}",
            annotation_position=_SIDES[side],
        )
    return made


def _mark_peak(made: go.Figure, report: Report, usage: Usage, places: Sequence[Column]) -> None:
    """The highest column: what runs there, and the tensors that are alive, the largest first."""
    at = next((i for i, column in enumerate(places) if column.position == usage.peak_position), None)
    if at is None:
        return
    of = dict(zip(usage.lives.tensors, roles(usage), strict=True))
    short = short_names([tensor.name for tensor in usage.lives.tensors])
    named = usage.alive[:_MOST_NAMED]
    lines = [
        f'<span style="color:{of[tensor].color}">■</span> {short[tensor.name]} {shape_text(tensor.shape)}: {_whole(size)}'
        for tensor, size in named
    ]
    if len(usage.alive) > len(named):
        rest = sum(size for _, size in usage.alive[len(named) :])
        lines.append(f"and {len(usage.alive) - len(named)} more: {binary(rest)}")
    layer = report.layers[usage.running[usage.peak_position]].name if usage.peak_position >= 0 else ""
    runs = f" while {short.get(layer, layer)} runs" if layer else ""
    head = f"<b>peak {bound(report)}{binary(usage.peak)} ({exact(usage.peak)} bytes){runs}</b>"
    made.add_annotation(
        x=at,
        y=usage.peak,
        text="<br>".join([head, *lines]),
        showarrow=True,
        arrowhead=2,
        arrowwidth=1.5,
        ax=40 if at < len(places) / 2 else -40,
        ay=-18,
        xanchor="left" if at < len(places) / 2 else "right",
        yanchor="bottom",
        align="left",
        bgcolor=LIGHT.paper,
        bordercolor=LIGHT.ink,
        borderwidth=1,
        borderpad=5,
        font={"size": 12},
    )


def _whole(size: int) -> str:
    """A number of bytes and its unit, never on two lines."""
    return binary(size).replace(" ", "\N{NO-BREAK SPACE}")


def _otherwise(usage: Usage) -> str:
    """How the layers run and where tensors may lie, if not as usual."""
    options = usage.options
    asked = [f"order {options.order}"] if options.order != "given" else []
    asked += [f"blocks in {exact(options.parts)} parts"] if options.parts > 1 else []
    asked += [f"offsets multiples of {exact(options.align)}"] if options.align > 1 else []
    return "".join(f" · {one}" for one in asked)


def _dressed(
    traces: list[dict[str, Any]], report: Report, usage: Usage, places: Sequence[Column], what: str, more: str
) -> go.Figure:
    """The traces with title, x axis and legend."""
    said = (
        f"{report.network} · {settings_text(changed_knobs(report), report.inputs)} · {usage.dtype} · "
        f"batch {exact(usage.batch)} · policy {usage.options.policy}{_otherwise(usage)}{known_text(report)}{more}"
    )
    names = stage_places(report, usage, places)
    made = figure(
        traces,
        title=titled(f"{report.title or report.network}: {what}", said),
        xaxis=stage_axis(names, len(places)),
        meta={"names": names},
        yaxis={},
        height=680,
        margin={"t": 180, "l": 90, "r": 30, "b": 110},
        hovermode="closest",
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0, "traceorder": "normal", "tracegroupgap": 0},
        showlegend=True,
    )
    return made.update_layout(title={"y": 0.97, "yanchor": "top"})
