"""Latencies as pictures: the layers of networks under the roofs of a device, or beside its rates, and where the time goes beside the MACs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.core.dtypes import DTYPE_BITS, as_text
from convcost.core.errors import UsageError
from convcost.core.metrics import METRICS
from convcost.core.units import counted, milliseconds, scaled
from convcost.devices.device import FEMTOSECONDS, SECOND, Device, Roofline, share_text
from convcost.devices.kernels import MULTIPLIED, rank, untyped
from convcost.networks.latencies import Latencies
from convcost.networks.latency import EXTRAPOLATED, KINDS, Latency, kind_of, place_text, time_text
from convcost.plots.style import count_axis, figure, titled
from convcost.render.escape import in_figure
from convcost.render.palette import LIGHT, look
from convcost.results.report import said

if TYPE_CHECKING:
    import plotly.graph_objects as go

COLORS: Mapping[str, str] = {
    "convolution": LIGHT.families[0],
    "pointwise": LIGHT.families[5],
    "depthwise": LIGHT.families[1],
    "linear": LIGHT.families[3],
    "matmul": LIGHT.families[6],
    "recurrent": LIGHT.families[7],
    "other": LIGHT.families[8],
    "elementwise": LIGHT.families[4],
    "moves": LIGHT.families[2],
    "overhead": LIGHT.series[6],
}
"""Kind of kernel -> its colour."""
_OF_NETWORKS = tuple(COLORS[kind] for kind in ("matmul", "other", "moves", "recurrent"))
"""Colours of networks, where those of kinds are the roofs': kinds that are seldom a roof."""
_LARGEST, _SMALLEST = 34.0, 5.0
"""Pixels across the point that takes longest, and across one that takes nearly nothing."""


class _Spot(NamedTuple):
    """Layers that do the same work in the same time."""

    intensity: float
    rate: float
    femtoseconds: int
    """Of all of them."""
    tip: str


def roofline_figure(found: Latencies | Sequence[Latency]) -> go.Figure:
    """MACs per second against MACs per byte of each layer, on the device that all have, under its roofs.

    The area of a point is the time of the layers that it stands for. Points are coloured by kind of kernel, of several
    networks by network. A roofline's roofs are its bandwidth and its peak. A calibrated device has no roofs, but rates: of
    each kind of kernel, and of moving activations; a layer may lie above one, whose weights are read faster than these, say.
    Raises `UsageError` for several devices.
    """
    every = list(found)
    device = every[0].device
    if any(one.device.name != device.name for one in every):
        raise UsageError("a roofline is of one device: ask for one at a time, or for --picture kinds")
    labels = [row.label for row in Latencies(tuple(every)).rows]
    series = (
        _by_kind(every[0])
        if len(every) == 1
        else [(in_figure(label), _spots(one)) for label, one in zip(labels, every)]
    )
    spots = [spot for _, some in series for spot in some]
    if not spots:
        raise UsageError(f"{labels[0]}: no layer multiplies, so that there is nothing to draw under a roof")
    most = max(spot.femtoseconds for spot in spots)
    traces = [
        _points(name, some, most, *_look(name, at, alone=len(every) == 1)) for at, (name, some) in enumerate(series)
    ]
    roofs = _roofs(every)
    frame = _frame(spots, roofs)
    lines = "under the roofs" if isinstance(device, Roofline) else "beside the rates"
    settings = f"{said(every[0].report, 'dtype')} · " if len(every) == 1 else ""
    return figure(
        [*traces, *_roof_traces(roofs, frame)],
        title=titled(f"{' and '.join(labels)} {lines} of {device.name}", settings + _aside(every)),
        xaxis={**count_axis("MACs per byte moved", log=True), "tickformat": "~g", "range": frame[0]},
        yaxis={**count_axis("MACs per second", log=True), "range": frame[1]},
        height=520,
    )


def has_roofs(every: Sequence[Latency]) -> bool:
    """Whether any layer multiplies, so that there is something to draw."""
    return any(_spots(one) for one in every)


def _aside(every: Sequence[Latency]) -> str:
    """What the picture does not show: kernels that do not multiply."""
    lines = []
    for one in every:
        silent = [at for at, terms in enumerate(one.terms) if terms and not one.report.layers[at].macs]
        time = sum(int(one.times[at].total) for at in silent)
        whole = one.femtoseconds or 1
        name = f"{one.network.label}: " if len(every) > 1 else ""
        lines.append(
            f"{name}{time_text(one)} ms, of which {share_text(time / whole)} in {counted(len(silent), 'kernel')} without MACs"
        )
    return f"{'; '.join(lines)} · area: time{_far(every)}"


def _far(every: Iterable[Latency]) -> str:
    """That no error is known of a time, where it is extrapolated."""
    return f" · {EXTRAPOLATED} far from all that was measured" if any(one.extrapolated for one in every) else ""


def _by_kind(found: Latency) -> list[tuple[str, list[_Spot]]]:
    kinds = {kind: [at for at, terms in enumerate(found.terms) if terms and found.kind(at) == kind] for kind in KINDS}
    made = [(kind, _spots(found, at)) for kind, at in kinds.items()]
    return [(kind, spots) for kind, spots in made if spots]


def _spots(found: Latency, positions: Iterable[int] | None = None) -> list[_Spot]:
    """The layers that multiply, those alike as one."""
    alike: dict[tuple[int, int, int], list[str]] = {}
    for at in range(len(found.terms)) if positions is None else positions:
        layer, time = found.report.layers[at], int(found.times[at].total)
        if layer.macs and layer.bytes_moved and time:
            alike.setdefault((layer.macs, layer.bytes_moved, time), []).append(layer.name)
    return [
        _Spot(macs / moved, macs * SECOND / time, time * len(names), _tip(names, macs, moved, time))
        for (macs, moved, time), names in alike.items()
    ]


def _tip(names: Sequence[str], macs: int, moved: int, time: int) -> str:
    more = f" and {len(names) - 1} alike" if len(names) > 1 else ""
    each = " each" if more else ""
    rate = scaled(macs * 10**6, time, 3)
    return (
        f"{names[0]}{more}<br>{milliseconds(time)}{each}, {METRICS['macs'].rounded(macs)} MACs, "
        f"{METRICS['bytes_moved'].rounded(moved)} moved<br>{scaled(macs, moved, 3)} MAC/B, {rate} MAC/ns"
    )


def _look(name: str, at: int, *, alone: bool) -> tuple[str, str]:
    return COLORS[name] if alone else _OF_NETWORKS[at % len(_OF_NETWORKS)], look(at).symbol


def _points(name: str, spots: Sequence[_Spot], most: int, color: str, symbol: str) -> dict[str, Any]:
    ordered = sorted(spots, key=lambda spot: -spot.femtoseconds)  # small ones on top
    sizes = [max(_SMALLEST, _LARGEST * math.sqrt(spot.femtoseconds / most)) for spot in ordered]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [spot.intensity for spot in ordered],
        "y": [spot.rate for spot in ordered],
        "marker": {
            "color": color,
            "symbol": symbol,
            "size": [round(size, 1) for size in sizes],
            "opacity": 0.65,
            "line": {"width": 0},
        },
        "hovertext": [spot.tip for spot in ordered],
        "hoverinfo": "text",
    }


class _Roof(NamedTuple):
    """A line: a rate that no layer can exceed, or of a calibrated device one of a kind of its kernels, of MACs or of bytes."""

    text: str
    macs: float | None
    """In a second; None for one of bytes."""
    bytes: float | None
    kind: str = ""
    """Of a calibrated device, of which kind of kernel."""
    effective: bool = False
    """Whether it is of more MACs than are multiplied."""


def _roofs(every: Sequence[Latency]) -> list[_Roof]:
    device = every[0].device
    if isinstance(device, Roofline):
        width = DTYPE_BITS.get(every[0].report.dtype)
        peaks = [(dtype, peak) for dtype, peak in device.macs.items() if DTYPE_BITS[dtype] == width or width is None]
        text = f"{scaled(device.bandwidth, 10**9, 3)} GB/s"
        roofs = [_Roof(f"{dtype} {scaled(peak, 10**9, 3)} MAC/ns", peak, None) for dtype, peak in peaks[:1]]
        return [*roofs, _Roof(text, None, device.bandwidth)]
    return _rates(device, every)


_WINOGRAD = 4
"""MACs of a tile, 3 × 3 for each of 4 × 4 outputs, for each of its 6 × 6 multiplications."""


def _rates(device: Device, every: Sequence[Latency]) -> list[_Roof]:
    """What a calibrated device multiplies in a second, kind by kind of those that the networks have, and what it moves.

    Kinds of one rate are one line. By Winograd's algorithm it is the MACs that a layer has, of which few are multiplied.
    """
    lines: dict[str, list[tuple[str, int, bool]]] = {}
    for term in sorted({term for one in every for term in one.counts}, key=rank):
        time, base = device.coefficients.get(term, 0), untyped(term)
        if time and base in MULTIPLIED:
            effective = base == "winograd"
            shown = scaled((_WINOGRAD if effective else 1) * 10**6, time, 3)
            lines.setdefault(shown, []).append((term, time, effective))
    roofs = []
    for shown, alike in lines.items():
        names = [f"{term} (effective)" if effective else term for term, _, effective in alike]
        term, time, effective = alike[0]
        rate = (_WINOGRAD if effective else 1) * SECOND / time
        roofs.append(_Roof(f"{', '.join(names)} {shown} MAC/ns", rate, None, kind_of({term: 1}), effective))
    moves = device.coefficients.get("activations", 0)
    if moves:
        rate = SECOND / moves * DTYPE_BITS.get(every[0].report.dtype, 32) / 8
        roofs.append(_Roof(f"activations {scaled(round(rate), 10**9, 3)} GB/s", None, rate))
    return roofs


_Frame = tuple[list[float], list[float]]


def _frame(spots: Sequence[_Spot], roofs: Sequence[_Roof]) -> _Frame:
    """The ranges of both axes, as logarithms: all points, and the roofs above them."""
    across = [math.log10(spot.intensity) for spot in spots]
    up = [math.log10(spot.rate) for spot in spots] + [math.log10(roof.macs) for roof in roofs if roof.macs]
    wide = max(max(across) - min(across), 1.0)
    return [min(across) - 0.12 * wide, max(across) + 0.12 * wide], [min(up) - 0.3, max(up) + 0.3]


def _roof_traces(roofs: Sequence[_Roof], frame: _Frame) -> list[dict[str, Any]]:
    """A line for each roof, from the slope of the memory on; the legend says its rate."""
    (left, right), (low, high) = frame
    peak = max((math.log10(roof.macs) for roof in roofs if roof.macs), default=high)
    bandwidth = next((math.log10(roof.bytes) for roof in roofs if roof.bytes), None)
    traces = []
    for roof in roofs:
        if roof.bytes is not None:  # MACs per second = MACs per byte × bytes per second: a slope of one
            slope = math.log10(roof.bytes)
            ends = [(at, at + slope) for at in (max(left, low - slope), min(right, peak - slope))]
        else:
            at = math.log10(roof.macs or 1)
            begins = left if bandwidth is None or roof.kind else max(left, at - bandwidth)
            ends = [(begins, at), (right, at)]
        if ends[0][0] < ends[1][0]:
            dash = "" if not roof.kind and roof.macs else "dot" if roof.effective else "dash"
            traces.append(_line(roof.text, ends, COLORS.get(roof.kind, LIGHT.muted), dash))
    return traces


def _line(name: str, ends: Sequence[tuple[float, float]], color: str, dash: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [10**x for x, _ in ends],
        "y": [10**y for _, y in ends],
        "line": {"color": color, "width": 1.5, **({"dash": dash} if dash else {})},
        "hoverinfo": "skip",
    }


# Time beside MACs.


def kinds_figure(found: Latencies | Sequence[Latency]) -> go.Figure:
    """For each network two bars, its MACs and its time on each device, divided by kind of kernel; each as a share of the
    largest, with the number at its end.
    """
    every = found if isinstance(found, Latencies) else Latencies(tuple(found))
    rows = every.rows
    several = len({row.found.device.name for row in rows}) > 1
    types = len({row.found.report.dtype for row in rows}) > 1
    bars: list[tuple[str, Mapping[str, int], int, str]] = []
    macs = max(row.found.whole.macs for row in rows) or 1
    time = max(row.found.femtoseconds for row in rows) or 1
    for label in dict.fromkeys(row.label for row in rows):
        mine = [row for row in rows if row.label == label]
        whole = mine[0].found.whole.macs
        bars.append((in_figure(f"{label}: MACs"), _macs_by_kind(mine[0].found), macs, METRICS["macs"].rounded(whole)))
        for row in mine:
            on = f" on {row.found.device.name}" if several else ""
            on += f" as {as_text(row.found.report.dtype)}" if types else ""
            bars.append((in_figure(f"{label}: time{on}"), row.found.whole.kinds, time, f"{time_text(row.found)} ms"))
    names = list(dict.fromkeys(row.label for row in rows))
    return figure(
        [trace for kind in KINDS for trace in _stack(kind, bars)],
        title=titled(
            f"{' beside '.join([names[0], ', '.join(names[1:])]) if names[1:] else names[0]}: MACs and time by kind of kernel",
            f"each as a share of the largest · {_settings(every)}{_far(every)}",
        ),
        xaxis={
            "title": {"text": "share of the largest"},
            "tickvals": [0, 25, 50, 75, 100],
            "ticktext": ["0 %", "25 %", "50 %", "75 %", "100 %"],
            "range": [0, 150],
        },
        yaxis={"autorange": "reversed"},
        barmode="overlay",
        height=100 + max(34 * len(bars), 50 + 19 * len({kind for _, kinds, _, _ in bars for kind in kinds})),
    )


def _settings(every: Latencies) -> str:
    """Batch and type, where all have one, and the devices by name."""
    reports = [one.report for one in every]
    batch = f"batch {reports[0].batch} · " if reports[0].batch > 1 else ""
    dtypes = list(dict.fromkeys(as_text(report.dtype) for report in reports))
    devices = list({one.device.name: one.device for one in every}.values())
    names = " and ".join(device.name for device in devices) if len(devices) <= _NAMED else f"{len(devices)} devices"
    place = names if len(devices) > 1 else place_text(devices[0])
    return f"{batch}as {' and '.join(dtypes)} · {place}"


_NAMED = 3
"""Devices that a subtitle names; the bars name each."""


def _macs_by_kind(found: Latency) -> dict[str, int]:
    sums: dict[str, int] = {}
    for at, layer in enumerate(found.report.layers):
        if found.terms[at] and layer.macs:
            kind = found.kind(at)
            sums[kind] = sums.get(kind, 0) + layer.macs
    return {kind: sums[kind] for kind in KINDS if kind in sums}


def _stack(kind: str, bars: Sequence[tuple[str, Mapping[str, int], int, str]]) -> Iterable[dict[str, Any]]:
    """The part of one kind in every bar; the last part of a bar has its number."""
    shown = [bar for bar in bars if bar[1].get(kind)]
    if not shown:
        return
    parts, bases, texts, tips = [], [], [], []
    for name, kinds, largest, text in shown:
        before = sum(count for one, count in kinds.items() if KINDS.index(one) < KINDS.index(kind))
        parts.append(100 * kinds[kind] / largest)
        bases.append(100 * before / largest)
        texts.append(text if kind == [*kinds][-1] else "")
        tips.append(f"{name}<br>{kind} {_amount(name, kinds[kind])}, {share_text(kinds[kind] / sum(kinds.values()))}")
    yield {
        "type": "bar",
        "orientation": "h",
        "name": kind,
        "y": [bar[0] for bar in shown],
        "x": parts,
        "base": bases,
        "marker": {"color": COLORS[kind]},
        "text": texts,
        "textposition": "outside",
        "hovertext": tips,
        "hoverinfo": "text",
    }


def _amount(name: str, count: int) -> str:
    return METRICS["macs"].rounded(count) if name.endswith(": MACs") else f"{scaled(count, FEMTOSECONDS, 3)} ms"
