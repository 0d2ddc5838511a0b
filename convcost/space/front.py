"""The Pareto front of a whole grid, with one piece of it in memory at a time and no network evaluated twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convcost.core.dims import Array
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.metrics import RATIOS, SWEPT, TIMED, key_of
from convcost.core.units import counted, exact
from convcost.render.table import Table
from convcost.space.axes import is_ordered
from convcost.space.evaluate import evaluate, feasible, prepare, values_at
from convcost.space.pareto import MOST_OBJECTIVES, front, not_behind
from convcost.space.points_table import points_table
from convcost.space.space import DesignSpace
from convcost.space.target import EXTRAPOLATED, is_calibrated
from convcost.space.windows import PIECE, Progress, Window, windows
from convcost.space.workers import results


class Objective(NamedTuple):
    """A metric or a numeric axis, and whether more of it is better."""

    name: str
    largest: bool


class FrontPoints(NamedTuple):
    """Non-dominated points: their positions in the grid, and their objectives, smallest best."""

    positions: Array
    objectives: tuple[Array, ...]


def objectives_of(
    texts: Sequence[str], axes: Mapping[str, Sequence[Any]], metrics: Collection[str] = SWEPT
) -> tuple[Objective, ...]:
    """Objectives as written: `macs`, `max:macs`, `min:width`; costs are minimised and knobs maximised unless said.

    Raises `UsageError`.
    """
    if not 1 <= len(texts) <= MOST_OBJECTIVES:
        raise UsageError(f"a front needs one to {MOST_OBJECTIVES} objectives, got {len(texts)}")
    found: list[Objective] = []
    for text in texts:
        way, _, word = text.strip().rpartition(":")
        name = word if word in axes else key_of(word)
        if way not in {"", "min", "max"}:
            raise UsageError(f"{text!r}: say min:{name} or max:{name}")
        if name not in metrics and name not in axes:
            raise UsageError(f"there is no metric or axis {name!r}{did_you_mean(name, [*metrics, *axes])}")
        if name in axes and not is_ordered(axes[name]):
            raise UsageError(f"{name} is not a number and cannot be an objective")
        if name in [one.name for one in found]:
            raise UsageError(f"{name} is an objective twice")
        found.append(Objective(name, way == "max" or (not way and name not in metrics)))
    return tuple(found)


def grid_front(
    made: DesignSpace, objectives: Sequence[Objective], *, size: int = PIECE, progress: Any = None, **engine: Any
) -> list[dict[str, int]]:
    """The points of a grid that none dominates, as positions along each axis, in the order of the grid.

    Of points that are equal in every objective the first is kept. Of values of an axis with equal costs only one is
    evaluated. Keywords as in `workers.results`.
    """
    chosen = [_looked_at(made, axis, objectives) for axis in range(len(made.axes))]
    metrics = [one.name for one in objectives if one.name in made.metrics]
    small = made.only(metrics).taken(chosen)
    prepare(small, metrics)
    best = FrontPoints(np.zeros(0, dtype=np.int64), tuple(np.zeros(0, dtype=np.int64) for _ in objectives))

    def work() -> Iterator[tuple[Window, FrontPoints]]:
        """Each window, with the front known when it is dispatched; the result does not depend on what is known."""
        for window in windows(small.shape, size):
            yield window, _thinned(best)

    with closing(results(partial(_on_window, small, objectives), work(), **engine)) as fronts:
        for window, found in zip(windows(small.shape, size), fronts, strict=True):
            best = merge(best, found)
            if progress:
                progress(prod(part.stop - part.start for part in window))
    where = np.unravel_index(best.positions, small.shape)
    rows = zip(*(picked[at].tolist() for picked, at in zip(chosen, where, strict=True)), strict=True)
    return [dict(zip(made.axes, row, strict=True)) for row in sorted(rows)]


def _on_window(made: DesignSpace, objectives: Sequence[Objective], work: tuple[Window, FrontPoints]) -> FrontPoints:
    return local_front(made, objectives, *work)


def _thinned(known: FrontPoints, most: int = 4096) -> FrontPoints:
    """Some points of a front, enough to exclude most of the points that it dominates."""
    some = slice(None, None, max(1, len(known.positions) // most))
    return FrontPoints(known.positions[some], tuple(column[some] for column in known.objectives))


def merge(a: FrontPoints, b: FrontPoints) -> FrontPoints:
    """The front of the union of two fronts; associative and commutative."""
    positions = np.concatenate([a.positions, b.positions])
    columns = [np.concatenate(pair) for pair in zip(a.objectives, b.objectives, strict=True)]
    order = np.argsort(positions)
    found = order[front([column[order] for column in columns])]
    return FrontPoints(positions[found], tuple(column[found] for column in columns))


def local_front(
    made: DesignSpace, objectives: Sequence[Objective], window: Window, known: FrontPoints | None = None
) -> FrontPoints:
    """The front of one window of a grid; points that a `known` front dominates may be left out early."""
    shape = tuple(part.stop - part.start for part in window)
    columns = [_values(made, one, window, shape) for one in objectives]
    kept: Array = np.arange(columns[0].size)
    if any(region.reason for region in made.regions):
        kept = np.flatnonzero(feasible(made, window))
        columns = [column[kept] for column in columns]
    if known is not None and len(columns) == 2 and len(known.positions):
        order = np.argsort(known.objectives[0])
        ahead = not_behind(known.objectives[0][order], known.objectives[1][order], *columns)
        kept, columns = kept[ahead], [column[ahead] for column in columns]
    found = front(columns)
    inside = np.unravel_index(kept[found], shape)
    positions = np.ravel_multi_index([at + part.start for at, part in zip(inside, window, strict=True)], made.shape)
    return FrontPoints(np.asarray(positions), tuple(column[found] for column in columns))


def _values(made: DesignSpace, one: Objective, window: Window, shape: tuple[int, ...]) -> Array:
    if one.name in made.metrics:
        values = evaluate(made, one.name, window)
    else:
        axis = list(made.axes).index(one.name)
        ranks = np.arange(window[axis].start, window[axis].stop)  # values of an axis ascend
        values = np.broadcast_to(ranks.reshape([-1 if i == axis else 1 for i in range(len(shape))]), shape)
    values = values.ravel()
    return -values if one.largest else values


def _looked_at(made: DesignSpace, axis: int, objectives: Sequence[Objective]) -> Array:
    """Positions along an axis, one for each kind of equal costs: the best or the first."""
    name = list(made.axes)[axis]
    kinds = made.kinds(axis, [one.name for one in objectives if one.name in made.metrics])
    last = any(one.name == name and one.largest for one in objectives)
    if last:
        return len(kinds) - 1 - np.sort(np.unique(kinds[::-1], return_index=True)[1])[::-1]
    return np.sort(np.unique(kinds, return_index=True)[1])


def points_at(made: DesignSpace, positions: Sequence[Mapping[str, int]]) -> Iterator[dict[str, Any]]:
    """Knob values and all metrics of points of a grid, given by position, and their ratios."""
    metrics = (*made.metrics, *RATIOS)
    columns = [np.array([where[name] for where in positions], dtype=np.intp) for name in made.axes]
    costs = [values_at(made, metric, columns) for metric in metrics]
    beyond = _extrapolated(made, columns)
    for at, (where, *found) in enumerate(zip(positions, *costs, strict=True)):
        values = dict(zip(metrics, found, strict=True))
        yield (
            {name: made.axes[name][at] for name, at in where.items()}
            | values
            | {name: some[at] for name, some in beyond.items()}
        )


def _extrapolated(made: DesignSpace, positions: Sequence[Array]) -> dict[str, list[bool]]:
    """For each point whether its latency is extrapolated; nothing where that is not asked."""
    if not is_calibrated(made.request.device):
        return {}
    from convcost.space.extrapolated import at_each

    found = at_each(made, positions)
    return {} if found is None else {EXTRAPOLATED: found.tolist()}


def front_table(
    made: DesignSpace,
    objectives: Sequence[str],
    metrics: Sequence[str],
    limit: int | None,
    progress: Progress | None = None,
    **engine: Any,
) -> Table:
    """The non-dominated points of a grid."""
    wanted = objectives_of(objectives, made.axes, made.metrics)
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
    least = "least" if one.name in TIMED else "fewest"
    return f"{'most' if one.largest else least} {one.name}"
