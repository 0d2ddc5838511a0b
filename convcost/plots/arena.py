"""The arena of a runtime, drawn: where every buffer lies from when to when, what pins the head, and what stays.

plotly is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from convcost.core.errors import UsageError
from convcost.core.units import binary, exact
from convcost.deploy.arena import Arena, Buffer
from convcost.deploy.pins import pins
from convcost.networks.deployed import OnDevice
from convcost.networks.deployed_tables import pinned, title
from convcost.plots.bands import (
    INPUT,
    NEXT,
    OUTPUT,
    WAITS,
    Label,
    Part,
    Role,
    byte_axis,
    labels_trace,
    least_high,
    off_lines,
    outline,
    short_names,
    stage_axis,
)
from convcost.plots.memory import with_levels
from convcost.plots.style import figure, titled
from convcost.render.palette import LIGHT

if TYPE_CHECKING:
    import plotly.graph_objects as go

SCRATCH = Role("scratch of one kernel", LIGHT.grid, LIGHT.ink)
STAYS = Role("persistent: stays with the model", LIGHT.series[4], "#000000")
_PINS = "pins the head"
_ROLES = (INPUT, NEXT, WAITS, OUTPUT, SCRATCH)
_MOST = 2_500
"""Buffers that are drawn."""
_ROOM = 0.09
"""Above the highest of what is drawn, where a level is written on."""


def arena_figure(found: OnDevice) -> go.Figure:
    """Where every buffer of a deployed network's arena lies, from the kernel that makes it to the last one that reads it.

    The buffers that pin the head are outlined: no plan with them where they are can be lower. What stays as long as the model
    does is a band above the head. White is free. Raises `UsageError` for more buffers than can be drawn.
    """
    arena = found.arena
    if len(arena.buffers) > _MOST:
        raise UsageError(f"a picture shows up to {_MOST:,} buffers, not {len(arena.buffers):,}")
    ram = found.board.ram if found.board else None
    count = len(arena.ticks)
    levels = {"head": arena.head, "arena": arena.total, "limit": found.limit, "RAM": _near(ram, arena.total)}
    top = max(size for size in levels.values() if size is not None)
    traces = [*_bands(arena), *_outlines(arena), *labels_trace(_labels(arena, top, levels.values()), count)]
    said = (
        f"{title(found)} · head {exact(arena.head)} + persistent {exact(arena.persistent)} = {exact(arena.total)} bytes · "
        f"{arena.pointers}-bit addresses · {pinned(found)}"
    )
    names = scopes(arena.ticks)
    heading = found.network.caption.title or found.network.label
    made = figure(
        traces,
        title=titled(f"{heading}: the arena of {binary(arena.total)}, kernel by kernel", said),
        xaxis=stage_axis(names, count) | {"title": {"text": "kernels, in the order in which they run"}},
        meta={"names": names},
        yaxis=byte_axis("offset in the arena", top, room=_ROOM),
        height=620,
        margin={"t": 110, "l": 90, "r": 30, "b": 110},
        hovermode="closest",
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0, "traceorder": "normal", "tracegroupgap": 0},
        showlegend=True,
    )
    with_levels(made, levels, top)
    return made.update_layout(title={"y": 0.97, "yanchor": "top"})


def _near(ram: int | None, total: int) -> int | None:
    """RAM that is so large that the arena would be a line below it is not drawn; it is said in words."""
    return ram if ram is not None and ram <= 3 * total else None


def _drawn(arena: Arena) -> Iterator[tuple[Buffer, Role]]:
    """The buffers that some kernel knows, each with what it is for."""
    last = len(arena.ticks) - 1
    for buffer in arena.buffers:
        if buffer.size and buffer.first >= 0:
            yield buffer, _role(buffer, last)


def _role(buffer: Buffer, last: int) -> Role:
    if buffer.kind == "scratch":
        return SCRATCH
    if buffer.first == 0:
        return INPUT
    if buffer.last == last and buffer.first == last:
        return OUTPUT
    return NEXT if buffer.last <= buffer.first + 1 else WAITS


def _bands(arena: Arena) -> list[dict[str, Any]]:
    """A rectangle for every buffer, role by role, and one for what stays."""
    short = _names(arena)
    drawn = list(_drawn(arena))
    traces = [
        _band(role, _parts(buffer), _hover(arena, buffer, short[buffer.name]))
        for role in _ROLES
        for buffer, its in drawn
        if its is role
    ]
    if arena.persistent:
        whole = [Part(at, arena.head, arena.total) for at in range(len(arena.ticks))]
        items = "".join(f"<br>{item.name}: {exact(item.bytes)}" for item in arena.items)
        traces.append(_band(STAYS, whole, f"<b>persistent</b><br>{exact(arena.persistent)} bytes{items}"))
    seen = set[str]()
    for trace in traces:
        trace["showlegend"] = trace["name"] not in seen
        seen.add(trace["name"])
    return traces


def _band(role: Role, parts: Sequence[Part], text: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        **outline(parts),
        "fill": "toself",
        "fillcolor": role.color,
        "line": {"width": 1.0, "color": LIGHT.paper},
        "mode": "lines",
        "hoveron": "fills",
        "name": role.says,
        "legendgroup": role.says,
        "text": text,
        "hoverinfo": "text",
    }


def _parts(buffer: Buffer) -> list[Part]:
    return [Part(at, buffer.offset, buffer.offset + buffer.size) for at in range(buffer.first, buffer.last + 1)]


def _hover(arena: Arena, buffer: Buffer, name: str) -> str:
    since, until = (arena.ticks[tick] or "the start" for tick in (buffer.first, buffer.last))
    return (
        f"<b>{name}</b><br>{exact(buffer.size)} bytes ({binary(buffer.size)}) at {exact(buffer.offset)}"
        f"<br>from {since} to {until}"
    )


def _outlines(arena: Arena) -> list[dict[str, Any]]:
    """A frame around each buffer that pins the head."""
    frames = [outline(_parts(buffer)) for buffer in pins(arena) if buffer.first >= 0]
    if not frames:
        return []
    x: list[Any] = []
    y: list[Any] = []
    for frame in frames:
        x += [*frame["x"], None]
        y += [*frame["y"], None]
    look = {"width": 2.5, "color": LIGHT.ink}
    return [
        {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": look, "name": _PINS, "hoverinfo": "skip"},
    ]


def _labels(arena: Arena, top: int, levels: Iterable[int | None]) -> list[Label]:
    """Name and size on every buffer that has room for them, on what stays, and on what is free where the head is pinned."""
    least = least_high(top)
    return off_lines(_wanted(arena, least), levels, least)


def _wanted(arena: Arena, least: float) -> Iterator[Label]:
    short = _names(arena)
    for buffer, role in _drawn(arena):
        if buffer.size >= least:
            room = (buffer.first - 0.5, buffer.last + 0.5, buffer.offset, buffer.offset + buffer.size)
            yield Label(room, _wordings(short[buffer.name], binary(buffer.size)), role.ink)
    if arena.persistent >= least:
        room = (-0.5, len(arena.ticks) - 0.5, arena.head, arena.total)
        yield Label(room, (f"persistent · {binary(arena.persistent)}", "persistent"), STAYS.ink)
    for room in _free(arena):
        if room[3] - room[2] >= least:
            yield Label(room, (f"free · {binary(room[3] - room[2])}", "free"), LIGHT.muted)


def _names(arena: Arena) -> dict[str, str]:
    """Of each buffer what is written on it: a tensor's layer, where nothing else in it has one; scratch as it is."""
    tensors = short_names([buffer.name for buffer in arena.buffers if buffer.kind == "tensor"])
    return {buffer.name: tensors.get(buffer.name, buffer.name) for buffer in arena.buffers}


def _wordings(name: str, size: str) -> tuple[str, ...]:
    """A name with its size, and shorter and shorter: without what is around its layer.

    >>> _wordings("stage2.expand", "8.00 KiB")
    ('stage2.expand · 8.00 KiB', 'stage2.expand', 'expand')
    """
    parts = name.split(".")
    return (f"{name} · {size}", *(".".join(parts[at:]) for at in range(len(parts))))


def _free(arena: Arena) -> Iterator[tuple[float, float, int, int]]:
    """What is free at the tick that pins the head, each gap from as early to as late as it stays so."""
    alive = sorted(arena.alive(arena.peak_tick), key=lambda buffer: buffer.offset)
    edge = 0
    for low, high in [*((one.offset, one.offset + one.size) for one in alive), (arena.head, arena.head)]:
        if low > edge:
            yield (*_span(arena, edge, low), edge, low)
        edge = max(edge, high)


def _span(arena: Arena, low: int, high: int) -> tuple[float, float]:
    """The edges of the ticks around the peak at which no buffer lies between two offsets."""
    others = [one for one in arena.buffers if one.size and one.offset < high and low < one.offset + one.size]
    before = max((one.last for one in others if one.last < arena.peak_tick), default=-1)
    after = min((one.first for one in others if one.first > arena.peak_tick), default=len(arena.ticks))
    return before + 0.5, after - 0.5


def scopes(ticks: Sequence[str]) -> list[tuple[float, str]]:
    """The middle of each run of kernels of one scope, with its name: of the first part of names that tells them apart.

    >>> scopes(("", "net/stem/Relu;net/bn", "net/block/conv", "net/block/add", "net/fc"))
    [(0.0, 'input'), (1.0, 'stem'), (2.5, 'block'), (4.0, 'fc')]
    """
    names = ["input", *(name.split(";")[0].replace("/", ".") for name in ticks[1:])]
    deepest = 1 + max((name.count(".") for name in names), default=0)
    for depth in range(1, deepest + 1):
        runs: list[tuple[str, list[int]]] = []
        for at, name in enumerate(names):
            scope = ".".join(name.split(".")[:depth])
            if runs and runs[-1][0] == scope:
                runs[-1][1].append(at)
            else:
                runs.append((scope, [at]))
        if len(runs) > 2:
            break
    return [(sum(run) / len(run), scope.split(".")[-1]) for scope, run in runs]
