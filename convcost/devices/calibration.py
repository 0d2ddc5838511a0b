"""Fitting a device to networks that were measured on it, and telling how far off it is for those that were not.

The coefficients are those for which the relative errors have the least sum of squares and none is negative, since no work
takes less than no time: non-negative least squares (Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23).
The error is that of predictions: each network in turn is left out, the rest fitted, and the one that was left out predicted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcost.core.errors import UsageError
from convcost.core.units import counted
from convcost.devices.device import FEMTOSECONDS, Errors, Fitted, bound_of, telling
from convcost.devices.kernels import Terms, rank, untyped

FEWEST: Final = 4
"""Networks from which on anything is fitted."""
MOST_FITTED: Final = 1_000_000
"""Rows of all fits that leave others out; a fit to a thousand networks without each of these reads as many."""
_FEWEST_GROUPS: Final = 10
_EACH: Final = 2
"""Networks for each coefficient at the least."""
_TIES: Final = (  # terms that always have one coefficient
    ("direct_int8", "pointwise_int8"),  # both unfold, and multiply
    ("direct_int16", "pointwise_int16"),
    ("direct_fp16", "pointwise_fp16"),
    ("transposed", "depthwise"),  # a few upsampling layers, channel by channel
)
_SLOWER: Final = ("depthwise", "vector")
"""Products of vectors: their MACs never take less time than those of a product of matrices, which reads each operand for
many. Without this, terms that grow together would share their time as chance has it."""
_COARSER: Final = (
    ("vector_int8", "pointwise_int8"),
    ("depthwise_int8", "pointwise_int8"),
    ("moved", "elementwise"),
    ("exponentials", ""),
    ("winograd_transform", ""),
    ("im2col", ""),
    ("elementwise", "activations"),
    ("direct", "pointwise"),
    ("depthwise", "pointwise"),
    ("weights", ""),
    ("winograd", "pointwise"),
    ("transposed", "pointwise"),
    ("vector", "pointwise"),
    ("matmul", "pointwise"),
)
"""A term, and the one that it is tied to where networks are few, in this order; without one it counts nothing then. Terms of
integers among networks of floats are the first."""
_LAST: Final = ("kernels", "activations")
"""What is given up, in this order, where they are so few that all that multiplies has one coefficient."""
Matrix = NDArray[np.float64]


class Measured(NamedTuple):
    """A network, how long it took, and what it is made of."""

    network: str
    ms: float
    terms: Terms


class Calibration(NamedTuple):
    """What a table of measurements says of a device."""

    coefficients: Mapping[str, int]
    """Term -> femtoseconds; terms that are tied or given up included."""
    error: Errors
    fitted: tuple[Fitted, ...]
    tied: tuple[tuple[str, ...], ...]
    left: Mapping[str, str]
    """Network that is not in the fit -> why."""


def calibrated(table: Iterable[Measured]) -> Calibration:
    """Fit a device to measured networks; raises `UsageError` where they are too few to say anything.

    Work of two kinds, 2 ms and 5 ms for a thousand of one:

    >>> table = [Measured(f"net{a}{b}", 2 * a + 5 * b, {"pointwise": 1000 * a, "depthwise": 1000 * b})
    ...          for a, b in ((1, 1), (2, 1), (1, 3), (4, 1), (3, 3))]
    >>> found = calibrated(table)
    >>> found.coefficients  # femtoseconds
    {'pointwise': 2000000000, 'depthwise': 5000000000}
    >>> found.error.networks, round(found.error.worst, 6)
    (5, 0.0)
    """
    kept, left = _alike(tuple(table))
    if len(kept) < FEWEST:
        why = "".join(f"; {name}: {reason}" for name, reason in left.items())
        raise UsageError(f"a calibration needs at least {FEWEST} networks, got {counted(len(kept), 'network')}{why}")
    columns = columns_of(kept)
    matrix = np.array([[work(one.terms, column) for column in columns] for one in kept], float)
    ms = np.array([one.ms for one in kept])
    # Those of the same counts are left out together.
    alike = np.unique(matrix, axis=0, return_inverse=True)[1].ravel()
    groups = fits(len(kept))
    predicted = _left_out(matrix, ms, alike % groups)
    if all(guess is None for guess in predicted):
        raise UsageError("all networks have the same counts, from which nothing can be told apart")
    fitted = tuple(Fitted(*one, guess) for one, guess in zip(kept, predicted))
    tied = tuple(column.terms for column in columns if len(column.terms) > 1)
    coefficients = timed(spread(fit(matrix, ms), columns, kept), fitted)
    error = errors_of(fitted)._replace(groups=groups if groups <= alike.max() else 0)
    return Calibration(coefficients, error, fitted, tied, left)


def timed(coefficients: dict[str, int], fitted: Iterable[Fitted]) -> dict[str, int]:
    """Femtoseconds of terms, by which each of these networks takes time; raises `UsageError` for one that takes none.

    >>> timed({"pointwise": 0, "kernels": 1}, [Fitted("net", 1e-9, {"pointwise": 10**9}, None)])
    Traceback (most recent call last):
    ...
    convcost.core.errors.UsageError: net takes no time by what was fitted (0 fs for each of pointwise): leave it out
    """
    for one in fitted:
        if not any(coefficients.get(term, 0) * count for term, count in one.terms.items()):
            what = f"0 fs for each of {', '.join(one.terms)}"
            raise UsageError(f"{one.network} takes no time by what was fitted ({what}): leave it out")
    return coefficients


def spread(times: Matrix, columns: Sequence[Column], kept: Sequence[Measured]) -> dict[str, int]:
    """The femtoseconds of each term, from the milliseconds of the columns that it is part of; 0 of those in none."""
    found = dict.fromkeys((term for one in kept for term in one.terms), 0)
    for time, column in zip(times, columns):
        for term in column.terms + column.slower:
            found[term] = found.get(term, 0) + round(float(time) * FEMTOSECONDS)
    return {term: found[term] for term in sorted(found, key=rank)}


def fit(matrix: Matrix, ms: Matrix) -> Matrix:
    """The milliseconds for one of each column, such that no other choice that has none below 0 has relative errors with a
    smaller sum of squares.

    >>> fit(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([2.0, 5.0, 7.0])).round(6).tolist()
    [2.0, 5.0]
    """
    relative = matrix / ms[:, None]
    largest = np.maximum(relative.max(axis=0), np.finfo(float).tiny)
    return np.asarray(nonnegative(relative / largest, np.ones(len(ms))) / largest)


def nonnegative(matrix: Matrix, target: Matrix) -> Matrix:
    """The x >= 0 for which |matrix·x - target| is smallest.

    Minus one would be best, and is not allowed:

    >>> nonnegative(np.array([[1.0], [1.0]]), np.array([-1.0, -1.0])).tolist()
    [0.0]
    """
    width = matrix.shape[1]
    x, free = np.zeros(width), np.zeros(width, bool)
    gradient = matrix.T @ target
    small = 1e-12 * max(float(np.abs(gradient).max(initial=0.0)), 1.0)
    for _ in range(10 * width + 10):
        if free.all() or (gradient[~free] <= small).all():
            break
        free[int(np.argmax(np.where(free, -np.inf, gradient)))] = True
        while True:
            best = np.zeros(width)
            best[free] = np.linalg.lstsq(matrix[:, free], target, rcond=None)[0]
            low = free & (best <= 0)
            if not low.any():
                break
            step = float(np.min(x[low] / (x[low] - best[low])))
            x = x + step * (best - x)
            free &= x > 1e-14 * float(x.max(initial=0.0))
            x[~free] = 0.0
            if not free.any():
                best = np.zeros(width)
                break
        x = best
        gradient = matrix.T @ (target - matrix @ x)
    return x


def errors_of(fitted: Iterable[Fitted]) -> Errors:
    """How far off predictions of networks that were left out are.

    >>> found = errors_of([Fitted("a", 10.0, {}, 11.0), Fitted("b", 10.0, {}, 7.5), Fitted("c", 10.0, {}, 10.0)])
    >>> round(found.median, 6), found.worst
    (0.1, 0.25)
    """
    relative = np.array([abs(one.left_out_ms / one.ms - 1) for one in fitted if one.left_out_ms is not None])
    if not len(relative):
        return Errors(float("inf"), float("inf"), float("inf"), 0)
    median, high = (float(np.quantile(relative, share)) for share in (0.5, 0.9))
    return Errors(median, high, float(relative.max()), len(relative))


def _alike(table: Sequence[Measured]) -> tuple[list[Measured], dict[str, str]]:
    """The networks whose every term some other one has as well, and why the others are not among them.

    A network has a term if it says something of its time. What then says nothing in any network counts for nothing: a fit
    would take its few elements for whatever else these networks have in common.
    """
    kept, left = list(table), dict[str, str]()
    while True:
        having = Counter(term for one in kept for term in telling(one.terms))
        alone = {
            one.network: [term for term in one.terms if term in telling(one.terms) and having[term] == 1]
            for one in kept
        }
        if not any(alone.values()):
            break
        left |= {name: f"no other network has {' or '.join(terms)}" for name, terms in alone.items() if terms}
        kept = [one for one in kept if not alone[one.network]]
    said = (({term: count for term, count in one.terms.items() if having[term]}, one) for one in kept)
    return [one._replace(terms=terms) for terms, one in said], left


class Column(NamedTuple):
    """What one number is fitted for."""

    terms: tuple[str, ...]
    """Those that have one coefficient."""
    slower: tuple[str, ...] = ()
    """Terms that take this time, too, and more."""


def work(terms: Terms, column: Column) -> int:
    """How much of a column there is."""
    return sum(int(terms.get(term, 0)) for term in column.terms + column.slower)


def columns_of(kept: Sequence[Measured]) -> list[Column]:
    """What is fitted: at most one number for two networks, when one of them is left out, too."""
    terms = sorted({term for one in kept for term in one.terms}, key=rank)
    most = max(1, (len(kept) - 1) // _EACH)
    groups: list[tuple[str, ...]] = [(term,) for term in terms]
    for together in _TIES:
        groups = _tied(groups, together)
    for term, into in _coarser(terms):
        if len(groups) > most:
            groups = _without(groups, term, into)
    if len(groups) > most:
        groups = _tied(groups, [term for group in groups for term in group if bound_of(term) == "compute"])
    for term in _LAST:
        if len(groups) > most:
            groups = [group for group in groups if term not in group]
    return [Column(group, tuple(_slower(group, groups))) for group in groups]


def _coarser(terms: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What can be tied or given up, step by step: of the terms that there are, those of other types included."""
    for name, into in _COARSER:
        if untyped(name) not in terms and untyped(name) != name:
            continue  # networks of integers alone: what kinds of them there are matters more
        for term in terms:
            if term == name or (untyped(term) == name and into):
                other = into + term.removeprefix(name)
                if not into or other in terms:
                    yield term, other


def _without(groups: Sequence[tuple[str, ...]], term: str, into: str) -> list[tuple[str, ...]]:
    """The groups, two of them as one, or without that of a term."""
    if not into:
        return [group for group in groups if term not in group]
    return _tied(groups, [one for group in groups if term in group or into in group for one in group])


def _tied(groups: Sequence[tuple[str, ...]], together: Sequence[str]) -> list[tuple[str, ...]]:
    """The groups, those of some terms as one."""
    found = tuple(term for group in groups for term in group if term in together)
    rest = [group for group in groups if group[0] not in together]
    return [found, *rest] if found else rest


def _slower(group: tuple[str, ...], groups: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The terms, if they are fitted by themselves, of which one never takes less time than one of the group."""
    for term in group:
        if untyped(term) == "pointwise":
            for name in _SLOWER:
                other = name + term.removeprefix("pointwise")
                if (other,) in groups:
                    yield other


def fits(rows: int) -> int:
    """How many fits tell what others say of each row: one for each, or where these are too many, for each group of rows.

    >>> fits(1000), fits(4000), fits(200_000)
    (1000, 250, 10)
    """
    return min(rows, max(_FEWEST_GROUPS, MOST_FITTED // max(1, rows)))


def _left_out(matrix: Matrix, ms: Matrix, groups: NDArray[np.int64]) -> list[float | None]:
    """What those of all other groups say of each network, in milliseconds."""
    found: list[float | None] = [None] * len(ms)
    for group in np.unique(groups):
        others = groups != group
        if others.any():
            x = fit(matrix[others], ms[others])
            for at in np.flatnonzero(~others):
                found[at] = float(matrix[at] @ x)
    return found
