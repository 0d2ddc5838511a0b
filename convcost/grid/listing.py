"""Fronts, cliffs and fits as tables, and grids written to files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, BinaryIO

from convcost.executors import results
from convcost.grid.cliffs import Run, cliffs, steepest
from convcost.grid.evaluate import prepare
from convcost.grid.frontier import Objective, grid_front, objectives_of, points_at
from convcost.grid.product import Window
from convcost.grid.rows import meta, points_table, writer
from convcost.grid.sweep import PIECE, Sweep, piece, value_text, windows
from convcost.grid.tables import Tables
from convcost.render import Table
from convcost.tables import json_value
from convcost.units import counted, exact

Progress = Callable[[int], None]


def write(
    made: Tables, fmt: str, file: BinaryIO, metrics: Sequence[str], progress: Progress | None = None, **engine: Any
) -> None:
    """Write every point of a grid, in order, a piece at a time; keywords as in `executors.results`."""
    size = min(PIECE, 100_000) if fmt == "json" else PIECE // 4
    prepare(made, metrics)  # so that no worker has to, window after window
    out = writer(fmt, file, made, metrics)
    try:
        for done in results(partial(_piece, made, metrics), windows(made.shape, size), **engine):
            out.write(done)
            if progress:
                progress(len(done))
        out.close()
    except BaseException:
        out.abandon()
        raise


def _piece(made: Tables, metrics: Sequence[str], window: Window) -> Sweep:
    return piece(made, window, metrics)


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
    title = f"{made.network} · front of {counted(made.points, 'point')}: {said}"
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
        title=f"{made.network} · {metric} along {axis}",
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
