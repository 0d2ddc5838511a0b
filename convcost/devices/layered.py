"""Fitting a device to layers that a runtime timed one by one, so that few networks say much.

The rows of the fit are layers. What is to be predicted are networks, so that a whole network is left out in turn, with all its
layers, where several were timed; of a single one each layer is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from convcost.core.errors import UsageError
from convcost.core.units import counted
from convcost.devices.calibration import (
    Calibration,
    Column,
    Matrix,
    Measured,
    columns_of,
    errors_of,
    fits,
    nonnegative,
    spread,
    timed,
    work,
)
from convcost.devices.device import Errors, Fitted, telling
from convcost.devices.kernels import total

FEWEST: Final = 8
"""Layers from which on anything is fitted."""
_FLOOR: Final = 0.01
"""The share of its network's time below which a layer's error counts as if it took that share: clocks tell microseconds."""


class Timed(NamedTuple):
    """A network whose layers were timed."""

    network: str
    layers: tuple[Measured, ...]

    @property
    def ms(self) -> float:
        """Of all its layers."""
        return sum(layer.ms for layer in self.layers)


def calibrated_layers(networks: Sequence[Timed]) -> Calibration:
    """Fit a device to the layers of networks; raises `UsageError` where they are too few to say anything.

    >>> rows = [Measured(f"l{at}", 0.5 + 2 * at + at % 3, {"pointwise": 1000 * at, "moved": at % 3, "kernels": 1}) for at in range(9)]
    >>> found = calibrated_layers([Timed("net", tuple(rows))])
    >>> found.coefficients["pointwise"], found.error.networks, found.error.of, round(found.error.worst, 6)
    (2000000000, 9, 'layers', 0.0)
    """
    rows = [layer for one in networks for layer in one.layers]
    if len(rows) < FEWEST:
        raise UsageError(f"a calibration needs at least {FEWEST} layers, got {counted(len(rows), 'layer')}")
    columns = columns_of(rows)
    matrix = np.array([[work(row.terms, column) for column in columns] for row in rows], float)
    ms = np.array([row.ms for row in rows])
    scale = np.maximum(ms, [_FLOOR * one.ms for one in networks for _ in one.layers])
    guesses = _networks_left_out(networks, columns, matrix, ms, scale)
    if any(guess.left_out_ms is not None for guess in guesses):
        error = errors_of(guesses)
    else:  # a single network, or such that no other says anything of
        error = _layers_left_out(matrix, ms, scale)
    coefficients = timed(spread(_fit(matrix, ms, scale), columns, rows), guesses)
    tied = tuple(column.terms for column in columns if len(column.terms) > 1)
    return Calibration(coefficients, error, guesses, tied, {})


def _fit(matrix: Matrix, ms: Matrix, scale: Matrix) -> Matrix:
    """The milliseconds for one of each column, none below 0, for which errors as shares of `scale` are smallest."""
    relative = matrix / scale[:, None]
    largest = np.maximum(relative.max(axis=0), np.finfo(float).tiny)
    return np.asarray(nonnegative(relative / largest, ms / scale) / largest)


def _networks_left_out(
    networks: Sequence[Timed], columns: Sequence[Column], matrix: Matrix, ms: Matrix, scale: Matrix
) -> tuple[Fitted, ...]:
    """What the layers of all other networks say of each; nothing where it has terms that these lack."""
    of = np.array([at for at, one in enumerate(networks) for _ in one.layers])
    found, counts = [], [total(row.terms for row in one.layers) for one in networks]
    for one, terms in zip(networks, counts):
        apart = np.array([other != terms for other in counts])  # one that was measured twice is left out twice
        known = frozenset[str]().union(*(telling(other) for other in counts if other != terms))
        guess = None
        if telling(terms) <= known:
            others = apart[of]
            x = _fit(matrix[others], ms[others], scale[others])
            guess = float((np.array([[work(row.terms, column) for column in columns] for row in one.layers]) @ x).sum())
        found.append(Fitted(one.network, one.ms, terms, guess))
    return tuple(found)


def _layers_left_out(matrix: Matrix, ms: Matrix, scale: Matrix) -> Errors:
    """How far off predictions of single layers are, each left out in turn, those too short for the clock as shares of its floor."""
    count = fits(len(ms))
    off, groups = np.zeros(len(ms)), np.arange(len(ms)) % count
    for group in np.unique(groups):
        own, others = groups == group, groups != group
        guesses = matrix[own] @ _fit(matrix[others], ms[others], scale[others])
        off[own] = abs(guesses - ms[own]) / scale[own]
    median, high = (float(np.quantile(off, share)) for share in (0.5, 0.9))
    return Errors(median, high, float(off.max()), len(off), "layers", count if count < len(ms) else 0)
