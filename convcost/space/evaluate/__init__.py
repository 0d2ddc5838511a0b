"""Evaluating a design space: at all points of the grid, in a window of it, or at a few points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from convcost.core.dims import LARGEST_INT64, Array
from convcost.core.metrics import METRICS, RATIOS, counted
from convcost.core.units import FEMTOSECONDS
from convcost.space.evaluate.product import Product
from convcost.space.numbers import EXACT_FLOAT
from convcost.space.space import DesignSpace, Region
from convcost.space.windows import Window


def evaluate(tables: DesignSpace, metric: str, window: Window | None = None, out: Array | None = None) -> Array:
    """The exact integers of one metric over the grid or a window of it; 0 where no network can be built.

    Axes are in the order of the tables. `out` is an array to write into, as `empty` gives it: int64, or object if
    some value may not fit.
    """
    window = _whole(window, tables.shape)
    out = empty(tables, metric, window) if out is None else out
    product = _product(tables, metric)
    if out.dtype != product.dtype:
        raise TypeError(f"{metric} are of {np.dtype(product.dtype)} here, as in an array of `empty`; got {out.dtype}")
    product.write(window, out)
    return out


def values(tables: DesignSpace, metric: str, window: Window | None = None) -> Array:
    """The same as code, CSV and JSON have it: of a time, which is counted in femtoseconds, its milliseconds; ratios of two.

    Each is the double that is next to it, as of a single network; of a ratio by 0 there is none.
    """
    if metric in RATIOS:
        return _ratios(*(evaluate(tables, one, window) for one in counted([metric])))
    counts, value = evaluate(tables, metric, window), METRICS[metric].value
    if METRICS[metric].unit != "ms":
        return counts
    found = np.asarray(counts / FEMTOSECONDS, dtype=np.float64)
    if tables.bound(metric) > EXACT_FLOAT:
        large = counts > EXACT_FLOAT  # these, of nine seconds and more, were rounded before they were divided
        found[large] = [value(count) for count in counts[large].tolist()]
    return found


def _ratios(top: Array, bottom: Array) -> Array:
    """Counts divided by others, point by point."""
    if max(map(_most, (top, bottom))) <= EXACT_FLOAT:
        return np.asarray(np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom != 0))
    pairs = zip(top.ravel().tolist(), bottom.ravel().tolist(), strict=True)
    return np.array([a / b if b else np.nan for a, b in pairs]).reshape(top.shape)


def _most(counts: Array) -> int:
    return int(counts.max()) if counts.size else 0


def empty(tables: DesignSpace, metric: str, window: Window | None = None) -> Array:
    """An array for the values of a metric, laid out so that it is written in long runs."""
    window = _whole(window, tables.shape)
    product = _product(tables, metric)
    order = product.layout.order
    laid_out = np.empty([_length(window[axis]) for axis in order], dtype=product.dtype)
    return laid_out.transpose(np.argsort(order))


def prepare(tables: DesignSpace, metrics: Sequence[str]) -> None:
    """Prepare metrics now, so that no worker has to."""
    for metric in counted(metrics):
        _product(tables, metric)


def feasible(tables: DesignSpace, window: Window | None = None) -> Array:
    """Whether a network is feasible (can be built), at every point of the grid or of a window of it."""
    window = _whole(window, tables.shape)
    out = np.ones([_length(part) for part in window], dtype=bool)
    for region in tables.regions:
        if region.reason:
            out[np.ix_(*inside(region, window)[1])] = False
    return out


def at_points(tables: DesignSpace, metric: str, positions: Sequence[Array]) -> list[int | None]:
    """One metric at points of the grid given by their positions along each axis; None where none can be built."""
    found: list[int | None] = [None] * len(positions[0])
    for region in tables.regions:
        local = [np.searchsorted(values, at) for values, at in zip(region.box, positions, strict=True)]
        inside = np.ones(len(found), dtype=bool)
        for values, at, place in zip(region.box, positions, local, strict=True):
            inside &= values[np.minimum(place, len(values) - 1)] == at
        here = np.flatnonzero(inside)
        if not region.reason and len(here):
            picked = [place[here] for place in local]
            for i, value in zip(here, _sum_at(region, metric, picked), strict=True):
                found[i] = int(value)
    return found


def values_at(tables: DesignSpace, metric: str, positions: Sequence[Array]) -> list[float | None]:
    """The same as code, CSV and JSON have it, as `values` does."""
    if metric in RATIOS:
        pairs = zip(*(at_points(tables, one, positions) for one in counted([metric])), strict=True)
        return [a / b if a is not None and b else None for a, b in pairs]
    value = METRICS[metric].value
    return [None if count is None else value(count) for count in at_points(tables, metric, positions)]


def _sum_at(region: Region, metric: str, picked: Sequence[Array]) -> Array:
    dtype: Any = np.int64 if region.bound(metric) < LARGEST_INT64 else object
    highest: Any = None
    for terms in region.costs[metric]:
        total: Any = np.zeros(len(picked[0]), dtype=dtype)
        for factor, tables in terms:
            product: Any = np.full(len(picked[0]), factor, dtype=dtype)
            for table in tables:
                at = tuple(place if size > 1 else 0 for place, size in zip(picked, table.shape, strict=True))
                product = product * np.atleast_1d(table[at]).astype(dtype)
            total = total + product
        highest = total if highest is None else np.maximum(highest, total)
    return np.asarray(highest)


def inside(region: Region, window: Window) -> tuple[list[Array], list[Array]]:
    """Positions in the region's tables that are in the window, and their positions in the window."""
    chosen, at = [], []
    for values, part in zip(region.box, window, strict=True):
        low, high = np.searchsorted(values, (part.start, part.stop))
        chosen.append(np.arange(low, high))
        at.append(values[low:high] - part.start)
    return chosen, at


def _whole(window: Window | None, shape: Sequence[int]) -> Window:
    """A window with its ends in numbers; the whole grid if there is none."""
    parts = window or (slice(None),) * len(shape)
    ends = [part.indices(size)[:2] for part, size in zip(parts, shape, strict=True)]
    return tuple(slice(low, max(low, high)) for low, high in ends)


def _length(part: slice) -> int:
    return int(part.stop - part.start)


def _product(tables: DesignSpace, metric: str) -> Product:
    """The metric prepared for evaluation, cached with the tables that it is made from."""
    product: Product = tables.products.get(metric, lambda: Product(tables, metric))
    return product
