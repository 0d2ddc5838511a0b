"""Tensors as bands of a picture: what each is kept for, the colour that says so, where it lies, and what is written on it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from convcost.core.units import binary, exact, shape_text
from convcost.memory.policies import POLICIES
from convcost.memory.usage import Usage
from convcost.plots.style import byte_ticks
from convcost.render.lettering import text_width
from convcost.render.palette import LIGHT
from convcost.render.svg_room import in_rows
from convcost.results.report import Report

LETTERS = 13
"""Size of what is written on bands."""
WIDTH, HEIGHT = 880, 480
"""Of the plot itself in a PNG; a drawing measures for itself what fits."""


class Role(NamedTuple):
    """What a tensor is kept for."""

    says: str
    color: str
    ink: str
    """Of what is written on it: legible on light and on dark paper."""


_BLACK = "#000000"
NEXT = Role("read by the next layer", LIGHT.series[5], _BLACK)
WAITS = Role("waits for a later layer (skip, branch)", LIGHT.series[1], _BLACK)
IN_PLACE = Role("written over in place", LIGHT.series[3], _BLACK)
INPUT = Role("network input", LIGHT.series[6], LIGHT.paper)
OUTPUT = Role("network output", LIGHT.series[2], _BLACK)
BACKWARD = Role("kept for the backward pass", LIGHT.series[4], _BLACK)
KEPT = Role("kept to the end", LIGHT.series[4], _BLACK)
ROLES = (INPUT, NEXT, WAITS, IN_PLACE, BACKWARD, KEPT, OUTPUT)


def roles(usage: Usage) -> list[Role]:
    """The role of every tensor.

    >>> from convcost import load
    >>> [role.says for role in roles(load("lenet5").memory())][:2]
    ['network input', 'read by the next layer']
    """
    writers = sorted({tensor.first for tensor in usage.lives.tensors})
    return [_role(usage, number, writers) for number in range(len(usage.lives.tensors))]


def _role(usage: Usage, number: int, writers: Sequence[int]) -> Role:
    lives, tensor = usage.lives, usage.lives.tensors[number]
    if tensor.first < 0:
        return INPUT
    if number in lives.outputs:
        return OUTPUT
    if tensor.last >= lives.length:
        return BACKWARD if POLICIES[usage.options.policy].keeps == "backward" else KEPT
    if number in lives.over:
        return IN_PLACE
    after = bisect_right(writers, tensor.first)
    waits = after < len(writers) and writers[after] < tensor.last
    return WAITS if waits else NEXT


class Column(NamedTuple):
    """One place on the x axis: a step that writes something."""

    position: int
    live: int


def columns(usage: Usage) -> list[Column]:
    """The positions at which a tensor is written; the live set does not grow at the others."""
    writers = {tensor.first for tensor in usage.lives.tensors}
    single = usage.lives.windows is not None
    return [Column(m.position, m.live) for m in usage.timeline if single or m.position in writers]


class Part(NamedTuple):
    """A band over one column."""

    at: int
    low: int
    high: int


def stacked(usage: Usage, places: Sequence[Column]) -> dict[int, list[Part]]:
    """Tensor -> its parts, stacked on each other without gaps.

    Those that stay long lie below, what dies last at the bottom, so that others come and go above them; of the others a
    new one takes the place of one that has just died, so that as few as can be move while they live.
    """
    tensors, lives = usage.lives.tensors, usage.lives
    writers = sorted({tensor.first for tensor in tensors})
    settled = {
        number
        for number, tensor in enumerate(tensors)
        if (after := bisect_right(writers, tensor.first)) < len(writers) and writers[after] < tensor.last
    }
    found: dict[int, list[Part]] = {}
    below: list[int] = []
    above: list[int] = []
    for at, column in enumerate(places):
        alive = lives.alive(column.position)
        held = set(alive)
        free = next((place for place, number in enumerate(above) if number not in held), len(above))
        below, above = ([number for number in some if number in held] for some in (below, above))
        for number in sorted(held.difference(below, above), key=lambda number: (tensors[number].first, number)):
            if number in settled:
                ends = [-tensors[one].last for one in below]
                below.insert(bisect_left(ends, -tensors[number].last + 0.5), number)
            else:
                above.insert(min(free, len(above)), number)
                free += 1
        height = 0
        for number in (*below, *above):
            found.setdefault(number, []).append(Part(at, height, height + usage.sizes[number]))
            height += usage.sizes[number]
    return dict(sorted(found.items()))


def outline(parts: Iterable[Part]) -> dict[str, list[Any]]:
    """Along the top to the right, and back along the bottom; a gap where a tensor is not counted for a while.

    Columns over which it stays where it is are one stretch, so that what lies long takes no more points than what dies soon.

    >>> outline([Part(0, 0, 8), Part(1, 0, 8), Part(3, 2, 10)])
    {'x': [-0.5, 1.5, 1.5, -0.5, -0.5, None, 2.5, 3.5, 3.5, 2.5, 2.5], 'y': [8, 8, 0, 0, 8, None, 10, 10, 2, 2, 10]}
    """
    runs: list[list[tuple[float, float, int, int]]] = []
    for at, low, high in parts:
        left, right = at - 0.5, at + 0.5
        if not runs or runs[-1][-1][1] != left:
            runs.append([])
        if runs[-1] and runs[-1][-1][2:] == (low, high):
            left = runs[-1].pop()[0]
        runs[-1].append((left, right, low, high))
    x: list[Any] = []
    y: list[Any] = []
    for run in runs:
        top = [(side, high) for left, right, _, high in run for side in (left, right)]
        bottom = [(side, low) for left, right, low, _ in reversed(run) for side in (right, left)]
        x += [point[0] for point in (*top, *bottom, top[0])] + [None]
        y += [point[1] for point in (*top, *bottom, top[0])] + [None]
    return {"x": x[:-1], "y": y[:-1]}


def band_traces(usage: Usage, bands: Mapping[int, Sequence[Part]], count: int) -> list[dict[str, Any]]:
    """The bands, role by role, with a legend; without edges where there are too many columns to see them."""
    of = roles(usage)
    wide = 1.0 if count <= 80 else 0.5 if count <= 160 else 0
    traces: list[dict[str, Any]] = []
    for role in ROLES:
        for number in (number for number in bands if of[number] is role):
            traces.append(
                {
                    "type": "scatter",
                    **outline(bands[number]),
                    "fill": "toself",
                    "fillcolor": role.color,
                    "line": {"width": wide, "color": LIGHT.paper},
                    "mode": "lines",
                    "hoveron": "fills",
                    "name": role.says,
                    "legendgroup": role.says,
                    "showlegend": not traces or traces[-1]["name"] != role.says,
                    "text": _hover(usage, number),
                    "hoverinfo": "text",
                }
            )
    return traces


def _hover(usage: Usage, number: int) -> str:
    tensor, size = usage.lives.tensors[number], usage.sizes[number]
    until = "the end" if tensor.last >= usage.lives.length else f"step {tensor.last + 1}"
    since = "the start" if tensor.first < 0 else f"step {tensor.first + 1}"
    over = usage.lives.over.get(number, ())
    written = f"<br>later written over it: {', '.join(over[:3])}{' …' * (len(over) > 3)}" if over else ""
    return (
        f"<b>{tensor.name}</b><br>{shape_text(tensor.shape)}<br>{exact(size)} bytes ({binary(size)})"
        f"<br>from {since} to {until}{written}"
    )


class Label(NamedTuple):
    """What may be written on a band: the room that it has, and its wordings, the longest first."""

    room: tuple[float, float, int, int]
    """Left, right, low, high."""
    texts: Sequence[str]
    ink: str


def names_trace(
    usage: Usage, bands: Mapping[int, Sequence[Part]], count: int, top: int, levels: Iterable[int | None] = ()
) -> list[dict[str, Any]]:
    """What is written on the bands that have room for it, off the lines at `levels`: name, shape, size, as much as fits."""
    of = roles(usage)
    least = least_high(top)
    short = short_names([tensor.name for tensor in usage.lives.tensors])
    labels = []
    for number, parts in bands.items():
        room = _room(parts, least) if usage.sizes[number] >= least else None
        if room is None:
            continue
        tensor, size = usage.lives.tensors[number], binary(usage.sizes[number])
        name = short[tensor.name]
        texts = (f"{name} · {shape_text(tensor.shape)} · {size}", f"{name} · {size}", name)
        labels.append(Label(room, texts, of[number].ink))
    return labels_trace(off_lines(labels, levels, least), count)


def off_lines(labels: Iterable[Label], levels: Iterable[int | None], least: float) -> list[Label]:
    """Labels in the highest part of their rooms that no line at one of the levels crosses, if it is as high as letters need.

    >>> [label.room for label in off_lines([Label((0, 1, 10, 90), ("a",), "#000"), Label((0, 1, 90, 99), ("b",), "#000")], [30, None, 95], 8)]
    [(0, 1, 30, 90)]
    """
    lines = sorted({level for level in levels if level is not None})
    found = []
    for label in labels:
        left, right, low, high = label.room
        edges = [low, *(level for level in lines if low < level < high), high]
        low, high = max(pairwise(edges), key=lambda part: part[1] - part[0])
        if high - low >= least:
            found.append(label._replace(room=(left, right, low, high)))
    return found


def least_high(top: int) -> float:
    """The bytes that letters need, where so many are the height of the picture."""
    return top * (LETTERS + 4) / HEIGHT


def labels_trace(labels: Sequence[Label], count: int) -> list[dict[str, Any]]:
    """Labels of bands over so many columns, each as long as it has room; a drawing measures for itself."""
    if not labels:
        return []
    wide = [(right - left) / count * WIDTH - 8 for (left, right, _, _), _, _ in labels]
    return [
        {
            "type": "scatter",
            "mode": "text",
            "x": [(left + right) / 2 for (left, right, _, _), _, _ in labels],
            "y": [(low + high) / 2 for (_, _, low, high), _, _ in labels],
            "text": [
                next((text for text in one.texts if text_width(text, LETTERS) <= room), "")
                for one, room in zip(labels, wide)
            ],
            "textfont": {"size": LETTERS, "color": [one.ink for one in labels]},
            "meta": {"rooms": [one.room for one in labels], "wordings": [list(one.texts) for one in labels]},
            "showlegend": False,
            "hoverinfo": "skip",
        }
    ]


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Names of tensors without what only says of which op they are: the scope, where nothing else in it has a tensor.

    >>> short_names(["block1.expand.conv2d", "block1.add", "conv2d"])
    {'block1.expand.conv2d': 'block1.expand', 'block1.add': 'block1.add', 'conv2d': 'conv2d'}
    """
    parts = [name.split(".") for name in names]
    inside = Counter(".".join(some[:deep]) for some in parts for deep in range(1, len(some)))
    scopes = (".".join(some[:-1]) for some in parts)
    return {name: scope if inside[scope] == 1 else name for name, scope in zip(names, scopes, strict=True)}


def _room(parts: Sequence[Part], least: float) -> tuple[float, float, int, int] | None:
    """The widest stretch over which a band has a level strip high enough for letters: left, right, low, high."""
    best: tuple[float, float, int, int] | None = None
    for start, part in enumerate(parts):
        low, high, end = part.low, part.high, start
        for after in range(start + 1, len(parts)):
            lower, higher = max(low, parts[after].low), min(high, parts[after].high)
            if parts[after].at != parts[after - 1].at + 1 or higher - lower < least:
                break
            low, high, end = lower, higher, after
        if high - low >= least and (best is None or parts[end].at - part.at + 1 > best[1] - best[0]):
            best = (part.at - 0.5, parts[end].at + 0.5, low, high)
        if end == len(parts) - 1:
            break
    return best


def stages(report: Report, usage: Usage) -> dict[int, str]:
    """Position -> the stage of the network that runs there, or the layer where there are no stages."""
    found = {-1: "input"}
    for position, step in enumerate(usage.running):
        layer = report.layers[step]
        found[position] = layer.scope[0] if layer.scope else layer.name
    return found


def stage_places(report: Report, usage: Usage, places: Sequence[Column]) -> list[tuple[float, str]]:
    """The middle of each stage along the x axis, with its name."""
    named = stages(report, usage)
    spans: dict[str, list[int]] = {}
    for at, column in enumerate(places):
        spans.setdefault(named[column.position], []).append(at)
    return sorted((sum(span) / len(span), name) for name, span in spans.items())


def stage_axis(names: Sequence[tuple[float, str]], count: int) -> dict[str, Any]:
    """The x axis of so many places: names below their places, in rows, as many as have room; a drawing measures itself."""
    wide = WIDTH / count
    fitting = {
        name.text: name.row for name in in_rows([((at + 0.5) * wide, name) for at, name in names], 0, WIDTH, LETTERS)
    }
    shown = [(at, f"{'<br>' * fitting[name]}{name}") for at, name in names if name in fitting]
    return {
        "title": {"text": "layers that write a tensor, in the order of execution"},
        "tickmode": "array",
        "tickangle": 0,
        "tickvals": [at for at, _ in shown],
        "ticktext": [text for _, text in shown],
        "range": [-0.5, count - 0.5],
        "showgrid": False,
        "zeroline": False,
    }


def byte_axis(title: str, top: int, *, room: float = 0.04) -> dict[str, Any]:
    """The y axis, from 0 to a little above the top."""
    marks = byte_ticks(top)
    return {
        "title": {"text": title},
        "tickmode": "array",
        "tickvals": marks,
        "ticktext": list(map(binary, marks)),
        "range": [0, top * (1 + room) or 1],
        "zeroline": False,
    }
