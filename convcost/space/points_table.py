"""Points of a design space as a table or as JSON-ready records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convcost.core.dtypes import as_text
from convcost.core.metrics import METRICS, MOVED, RATIOS, TIMED, column_of
from convcost.core.units import exact, inputs_text
from convcost.core.version import __version__
from convcost.render.table import Table
from convcost.results.costs import MOVED_ONCE
from convcost.results.report import inputs_dict, json_value
from convcost.space.axes import axis_array, value_text
from convcost.space.build import Request
from convcost.space.space import DesignSpace
from convcost.space.target import BEYOND, EXTRAPOLATED, INFEASIBLE

MOST_SHOWN = 40


def points_table(
    made: DesignSpace,
    points: Sequence[Mapping[str, Any]],
    metrics: Sequence[str],
    title: str,
    notes: list[tuple[str, str]],
) -> Table:
    """Points as a table: knobs, then metrics."""
    holes = any(point.get(INFEASIBLE) for point in points)
    marked = any(EXTRAPOLATED in point for point in points) and bool({*TIMED} & {*metrics})
    names = [*made.axes, *metrics, *([INFEASIBLE] if holes else [])]
    numeric = [
        name in metrics or (name in made.axes and axis_array(made.axes[name]).dtype.kind in "if") for name in names
    ]
    kept = [*made.axes, *metrics, *([EXTRAPOLATED] if marked else []), *names[len(made.axes) + len(metrics) :]]
    records = [record({name: point.get(name) for name in kept}) for point in points]
    reasons = list(dict.fromkeys(why for point in points if (why := point.get(INFEASIBLE))))
    marks = {why: f"[{at}]" for at, why in enumerate(reasons, start=1)}
    return Table(
        title=title,
        heading=f"{made.heading}{title.removeprefix(made.title)}",
        headers=tuple(map(column_of, names)),
        numeric=tuple(numeric),
        rows=[[marks.get(str(point.get(name))) or _cell(point, name) for name in names] for point in points],
        records=records,
        data={**meta(made), "points": records},
        notes=[*notes, *((mark, why) for why, mark in marks.items()), *about(made, metrics)],
    )


def about(made: DesignSpace, metrics: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Notes on fixed knobs and on the settings of the count."""
    fixed = [f"{name} {value_text(value)}" for name, value in made.knobs.items()]
    if made.request.input_shapes:
        fixed.append(inputs_text(made.request.input_shapes))
    if fixed:
        yield "fixed", ", ".join(fixed)
    dtype, policy = as_text(made.dtype), made.request.memory_policy
    if any(METRICS[metric].over == "peak" for metric in metrics):
        yield "peak", f"of activations alive at once, as {dtype}, policy {policy}"
    if {*MOVED, *RATIOS} & {*metrics}:
        yield "bytes moved", f"as {dtype}; {MOVED_ONCE} {policy}"
    if made.request.batch > 1:
        yield "batch", exact(made.request.batch)
    if made.request.target and any("deployment" in METRICS[metric].needs for metric in metrics):
        yield "deployed", made.request.target.note
    if made.request.device and {*TIMED} & {*metrics}:
        from convcost.space.extrapolated import notes_on

        yield from notes_on(made)
    yield "convention", "MACs of conv, linear, recurrent layers and matmul; no bias, norm, activation or pooling"


def _cell(point: Mapping[str, Any], name: str) -> str:
    value = point.get(name)
    if value is None:
        return "-"
    if name in TIMED:
        return f"{BEYOND if point.get(EXTRAPOLATED) else ''}{METRICS[name].shown(value)}"
    if name in RATIOS:
        return METRICS[name].shown(value)
    return exact(value) if isinstance(value, int) and not isinstance(value, bool) else str(value_text(value))


def meta(made: DesignSpace) -> dict[str, Any]:
    """The network, knobs and settings of a sweep, for JSON."""
    request = made.request
    return {
        "schema": "convcost.sweep/1",
        "version": __version__,
        "network": made.network,
        "knobs": {name: json_value(value) for name, value in made.knobs.items()},
        "axes": {name: _json_values(values) for name, values in made.axes.items()},
        **(inputs_dict(request.input_shapes) if request.input_shapes else {}),
        "batch": request.batch,
        "dtype": made.dtype,
        "memory_policy": request.memory_policy,
        **({"rewrite": request.rewrite} if request.rewrite else {}),
        **({"deployment": request.target.to_dict()} if request.target else {}),
        **device_dict(request),
    }


def _json_values(values: Sequence[Any]) -> list[Any]:
    return list(values) if {*map(type, values)} == {int} else list(map(json_value, values))


def device_dict(request: Request) -> dict[str, Any]:
    """What JSON says of the device that latencies are of, with how far off they are; nothing without one."""
    if request.device is None:
        return {}
    from convcost.networks.latency import device_summary

    return {"device": device_summary(request.device)}


def record(point: Mapping[str, Any]) -> dict[str, Any]:
    """A point as JSON-ready data: decimals as text, exact integers, null where no network can be built."""
    return {name: json_value(value) for name, value in point.items()}
