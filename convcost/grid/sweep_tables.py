"""Sweeps, fronts and cliffs as tables, of which people read the first rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from convcost.grid.cliffs import Run, cliffs, steepest
from convcost.grid.frontier import Objective, grid_front, objectives_of, points_at
from convcost.grid.sweep import Sweep, axis_array, value_text
from convcost.grid.tables import METRICS, Tables
from convcost.grid.writers import Progress, meta, record
from convcost.render import Table
from convcost.tables import json_value
from convcost.units import counted, exact, shape_text

MOST_SHOWN = 40
HEADERS = {"macs": "MACs", "peak_activation_elements": "peak elements", "peak_activation_bytes": "peak bytes"}


def sweep_table(made: Tables, pieces: Iterable[Sweep], metrics: Sequence[str], limit: int = MOST_SHOWN) -> Table:
    """The first points of a sweep as a table that says how many there are."""
    shown = list(islice((point for piece in pieces for point in piece.records()), limit))
    notes = [("points", exact(made.points) + _more(len(shown), made.points))]
    return points_table(made, shown, metrics, f"{made.title} · {counted(made.points, 'point')}", notes)


def points_table(
    made: Tables, points: Sequence[Mapping[str, Any]], metrics: Sequence[str], title: str, notes: list[tuple[str, str]]
) -> Table:
    """Points as a table: knobs, then metrics."""
    holes = any(point.get("infeasible") for point in points)
    names = [*made.axes, *metrics, *(["infeasible"] if holes else [])]
    numeric = [
        name in metrics or (name in made.axes and axis_array(made.axes[name]).dtype.kind in "if") for name in names
    ]
    records = [record({name: point.get(name) for name in names}) for point in points]
    return Table(
        title=title,
        headers=tuple(HEADERS.get(name, name) for name in names),
        numeric=tuple(numeric),
        rows=[[_cell(point.get(name)) for name in names] for point in points],
        records=records,
        data={**meta(made), "points": records},
        notes=[*notes, *about(made, metrics)],
    )


def about(made: Tables, metrics: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What does not vary, and what was counted."""
    fixed = [f"{name} {value_text(value)}" for name, value in made.knobs.items()]
    if made.request.input_shape:
        fixed.append(f"input {shape_text(made.request.input_shape)}")
    if fixed:
        yield "fixed", ", ".join(fixed)
    if any(metric.startswith("peak") for metric in metrics):
        yield "peak", f"of activations alive at once, as {made.request.dtype}, policy {made.request.memory_policy}"
    if made.request.batch > 1:
        yield "batch", exact(made.request.batch)
    yield "convention", "MACs of conv and linear layers; no bias, batch-norm, activation or pooling"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return exact(value) if isinstance(value, int) and not isinstance(value, bool) else str(value_text(value))


def _more(shown: int, points: int) -> str:
    return "" if shown == points else f", of which the first {exact(shown)} are shown; -o FILE.csv writes all"


DEFAULT_METRICS = tuple(metric for metric in METRICS if metric != "peak_activation_elements")


def front_table(
    made: Tables,
    objectives: Sequence[str],
    metrics: Sequence[str],
    limit: int | None,
    progress: Progress | None = None,
    **engine: Any,
) -> Table:
    """The non-dominated points of a grid."""
    wanted = objectives_of(objectives, made.axes)
    found = grid_front(made, wanted, progress=progress, **engine)
    shown = list(points_at(made, found if limit is None else found[:limit]))
    said = ", ".join(map(_direction, wanted))
    more = "" if len(shown) == len(found) else f", of which the first {exact(len(shown))} are shown (--limit)"
    title = f"{made.title} · front of {counted(made.points, 'point')}: {said}"
    notes = [
        (
            "front",
            f"{counted(len(found), 'point')} that no other one dominates{more}; of equal points the first is kept",
        )
    ]
    table = points_table(made, shown, metrics, title, notes)
    table.data["objectives"] = [{"name": one.name, "best": "largest" if one.largest else "smallest"} for one in wanted]
    table.data["front_size"] = len(found)
    return table


def _direction(one: Objective) -> str:
    return f"{'most' if one.largest else 'fewest'} {one.name}"


def cliffs_table(made: Tables, metric: str, limit: int) -> Table:
    """The runs of equal cost along an axis, with the jump from each to the next."""
    runs = cliffs(made, metric)
    steep = set(steepest(runs))
    (axis,) = made.axes
    shown = runs[:limit]
    records = [_run_record(axis, metric, run, run in steep) for run in runs]
    notes = [("free", f"the last {axis} of a run costs no more than the first; '=' says that it is the same network")]
    if steep:
        said = [
            f"{value_text(run.first)} ({_percent(run.jump)})" for run in sorted(steep, key=lambda r: -(r.jump or 0))
        ]
        notes.insert(0, ("cliffs", f"{', '.join(said[:12])}: at least four times what a smooth cost would have grown"))
    if len(shown) < len(runs):
        notes.append(("runs", f"{len(runs)}, of which the first {len(shown)} are shown (--limit)"))
    return Table(
        title=f"{made.title} · {metric} along {axis}",
        headers=(axis, "values", metric, "jump", "smooth", ""),
        numeric=(True, True, True, True, True, False),
        rows=[_run_row(run, run in steep, made.axes[axis]) for run in shown],
        records=records,
        data={**meta(made), "metric": metric, "runs": records},
        notes=notes,
    )


def _run_row(run: Run, is_cliff: bool, values: Sequence[Any]) -> list[str]:
    count = values.index(run.last) - values.index(run.first) + 1
    ends = str(value_text(run.first)) if count == 1 else f"{value_text(run.first)}-{value_text(run.last)}"
    equal = f"{'=' if run.identical else ''}{count}" if count > 1 else "1"
    return [
        ends,
        equal,
        "-" if run.cost is None else exact(run.cost),
        _percent(run.jump),
        _percent(run.growth),
        "cliff" if is_cliff else "",
    ]


def _run_record(axis: str, metric: str, run: Run, is_cliff: bool) -> dict[str, Any]:
    return {
        f"{axis}_first": json_value(run.first),
        f"{axis}_last": json_value(run.last),
        metric: run.cost,
        "jump": None if run.jump is None else float(run.jump),
        "smooth": None if run.growth is None else float(run.growth),
        "cliff": is_cliff,
        "identical": run.identical,
    }


def _percent(share: Any) -> str:
    return "" if share is None else f"{float(share) * 100:+.2f} %"
