"""The timeline of memory as a plotly figure, with a band for each tensor; plotly is imported where it is used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.core.errors import UsageError
from convcost.core.units import binary, exact, inputs_text, shape_text
from convcost.memory.usage import MOST_TENSORS, Usage
from convcost.plots.report import known_text
from convcost.plots.style import template
from convcost.render.palette import LIGHT
from convcost.results.report import Report, bound

if TYPE_CHECKING:
    import plotly.graph_objects as go


_MOST_NAMED = 3
#: Above the highest band, for what is said about the peak.
_HEADROOM = 1.3


class _Column(NamedTuple):
    """One place on the x axis: a step that writes something."""

    position: int
    live: int


def memory_timeline(report: Report, usage: Usage, limit: int | None = None) -> go.Figure:
    """Live memory at each layer: a band per tensor, as high as its bytes, over its live range.

    Tensors are stacked by age and coloured by stage (in turns where colours would repeat); the top of the stack is the
    total of live bytes.
    Raises `UsageError` for more tensors than can be drawn.
    """
    import plotly.graph_objects as go

    if len(usage.sizes) > MOST_TENSORS:
        raise UsageError(f"a picture shows up to {MOST_TENSORS:,} tensors, not {len(usage.sizes):,}")
    columns = _columns(usage)
    figure = go.Figure()
    stages = _stages(report, usage)
    colours, unique = _colours(list(dict.fromkeys(stages.values())))
    seen: set[str] = set()
    for tensor, band in _bands(usage, columns).items():
        stage = stages[usage.lives.tensors[tensor].first]
        figure.add_trace(
            go.Scatter(
                **band,
                fill="toself",
                fillcolor=colours[stage],
                line={"width": 0.6 if len(columns) < 200 else 0.25, "color": LIGHT.paper},
                mode="lines",
                hoveron="fills",
                name=stage,
                legendgroup=stage,
                showlegend=unique and stage not in seen,
                text=_hover(usage, tensor),
                hoverinfo="text",
            )
        )
        seen.add(stage)
    _mark_peak(figure, usage, columns, bound(report))
    for size, name in ((usage.needed if usage.needed > usage.peak else None, "arena"), (limit, "limit")):
        if size is not None:
            figure.add_hline(
                y=size,
                line={"dash": "dash", "width": 1.5, "color": LIGHT.ink},
                annotation_text=f"{name} {binary(size)}",
                annotation_position="top right",
            )
    _dress(figure, report, usage, columns, max(usage.peak, usage.needed, limit or 0))
    if not unique:
        figure.update_layout(showlegend=False)
    return figure


def _colours(stages: Sequence[str]) -> tuple[dict[str, str], bool]:
    """Stage -> its colour, and whether no two share one; two tones take turns where there are too few colours.

    >>> _colours(["input", "a", "b"])
    ({'input': '#4d4d4d', 'a': '#0072b2', 'b': '#d55e00'}, True)
    """
    tones, own = LIGHT.series[:-1], LIGHT.series[-1]
    others = [stage for stage in stages if stage != "input"]
    unique = len(others) <= len(tones)
    tones = tones if unique else (LIGHT.series[0], LIGHT.series[5])
    return {"input": own} | {stage: tones[i % len(tones)] for i, stage in enumerate(others)}, unique


def _columns(usage: Usage) -> list[_Column]:
    """The positions at which a tensor is written; the live set does not grow at the others."""
    writers = {tensor.first for tensor in usage.lives.tensors}
    single = usage.lives.windows is not None
    return [_Column(m.position, m.live) for m in usage.timeline if single or m.position in writers]


def _stages(report: Report, usage: Usage) -> dict[int, str]:
    """Position -> the stage of the network that runs there, or the layer where there are no stages."""
    found = {-1: "input"}
    for position, step in enumerate(usage.running):
        layer = report.layers[step]
        found[position] = layer.scope[0] if layer.scope else layer.name
    return found


def _bands(usage: Usage, columns: Sequence[_Column]) -> dict[int, dict[str, list[Any]]]:
    """Tensor -> its outline: at each column as high as its bytes, stacked on all older ones."""
    edges: dict[int, list[tuple[int, int, int]]] = {}
    for at, column in enumerate(columns):
        height = 0
        alive = usage.lives.alive(column.position)
        for tensor in sorted(alive, key=lambda i: (usage.lives.tensors[i].first, i)):
            edges.setdefault(tensor, []).append((at, height, height + usage.sizes[tensor]))
            height += usage.sizes[tensor]
    return {tensor: _outline(parts) for tensor, parts in sorted(edges.items())}


def _outline(parts: Iterable[tuple[int, int, int]]) -> dict[str, list[Any]]:
    """Along the top to the right, and back along the bottom; a gap where a tensor is not counted for a while."""
    runs: list[list[tuple[int, int, int]]] = []
    for part in parts:
        if runs and runs[-1][-1][0] == part[0] - 1:
            runs[-1].append(part)
        else:
            runs.append([part])
    x: list[Any] = []
    y: list[Any] = []
    for run in runs:
        top = [(at + side, high) for at, _, high in run for side in (-0.5, 0.5)]
        bottom = [(at + side, low) for at, low, _ in reversed(run) for side in (0.5, -0.5)]
        x += [point[0] for point in (*top, *bottom, top[0])] + [None]
        y += [point[1] for point in (*top, *bottom, top[0])] + [None]
    return {"x": x[:-1], "y": y[:-1]}


def _hover(usage: Usage, number: int) -> str:
    tensor, size = usage.lives.tensors[number], usage.sizes[number]
    until = "the end" if tensor.last >= usage.lives.length else f"step {tensor.last + 1}"
    since = "the start" if tensor.first < 0 else f"step {tensor.first + 1}"
    return (
        f"<b>{tensor.name}</b><br>{shape_text(tensor.shape)}<br>{exact(size)} bytes ({binary(size)})"
        f"<br>from {since} to {until}"
    )


def _mark_peak(figure: go.Figure, usage: Usage, columns: Sequence[_Column], least: str) -> None:
    """An arrow to the highest column, with the tensors live there."""
    at = next((i for i, column in enumerate(columns) if column.position == usage.peak_position), None)
    if at is None:
        return
    named = usage.alive[:_MOST_NAMED]
    lines = [f"{tensor.name} {shape_text(tensor.shape)}: {binary(size)}" for tensor, size in named]
    if more := len(usage.alive) - len(named):
        lines.append(f"and {more} more")
    on_the_left = at < len(columns) / 2
    figure.add_annotation(
        x=at,
        y=usage.peak,
        text=f"<b>peak {least}{binary(usage.peak)}</b> ({exact(usage.peak)} bytes)<br>" + "<br>".join(lines),
        showarrow=True,
        arrowhead=2,
        arrowwidth=1.5,
        ax=40 if on_the_left else -40,
        ay=-22,
        xanchor="left" if on_the_left else "right",
        yanchor="bottom",
        align="left",
        bgcolor=LIGHT.paper,
        bordercolor=LIGHT.ink,
        borderwidth=1,
        borderpad=5,
        font={"size": 12},
    )


def _dress(figure: go.Figure, report: Report, usage: Usage, columns: Sequence[_Column], top: int) -> None:
    """Axes, title and legend."""
    marks, names = _stage_marks(report, usage, columns)
    unit = _tick(top)
    values = list(range(0, top + 1, unit))
    options = usage.options
    figure.update_layout(
        template=template(),
        title={
            "text": f"{report.title or report.network}: activations alive at each layer"
            f"<br><sup>{report.network} · {inputs_text(report.inputs)} · {usage.dtype} · batch "
            f"{exact(usage.batch)} · policy {options.policy}{known_text(report)}</sup>",
            "x": 0.01,
            "xanchor": "left",
        },
        height=640,
        margin={"t": 90, "l": 90, "r": 30, "b": 90},
        hovermode="closest",
        legend={"title": {"text": "written in"}, "traceorder": "normal", "tracegroupgap": 0},
        showlegend=len(names) > 1,
    )
    figure.update_xaxes(
        title="layers that write a tensor, in the order of execution",
        tickmode="array",
        tickvals=marks,
        ticktext=names,
        tickangle=-40,
        range=[-0.5, len(columns) - 0.5],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        title="bytes alive",
        tickmode="array",
        tickvals=values,
        ticktext=[binary(value) for value in values],
        range=[0, top * _HEADROOM or 1],
        zeroline=False,
    )


def _stage_marks(report: Report, usage: Usage, columns: Sequence[_Column]) -> tuple[list[float], list[str]]:
    """The position of each stage on the x axis, and its name; names that would overlap are left out."""
    stages = _stages(report, usage)
    spans: dict[str, list[int]] = {}
    for at, column in enumerate(columns):
        spans.setdefault(stages[column.position], []).append(at)
    marks: list[float] = []
    names: list[str] = []
    for name, span in sorted(spans.items(), key=lambda entry: sum(entry[1]) / len(entry[1])):
        middle = sum(span) / len(span)
        if not marks or middle - marks[-1] >= len(columns) / 40:
            marks.append(middle)
            names.append(name)
    return marks, names


def _tick(top: int) -> int:
    """A power of two that cuts the axis into four to eight."""
    unit = 1
    while unit * 8 < top:
        unit *= 2
    return unit
