"""Which networks of a grid differ from all those that a device was fitted on, so that its error says nothing of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

import numpy as np

from convcost.core.dims import LARGEST_INT64, Array
from convcost.core.metrics import METRICS
from convcost.core.units import counted, exact
from convcost.devices.device import Device, Roofline
from convcost.networks.latency import error_text, place_text
from convcost.space.evaluate import at_points, evaluate
from convcost.space.space import DesignSpace
from convcost.space.target import BEYOND, is_calibrated
from convcost.space.timed import FAR, LATENCY, count_of
from convcost.space.windows import Window, windows

MOST_COUNTED = 2**25
"""The most points that are looked at to say how many are extrapolated: so many take seconds."""
_TOGETHER = 2**17
"""So many at a time, whose counts of all terms take few MB."""


def extrapolated(made: DesignSpace, window: Window) -> Array | None:
    """Whether each point of a window does, as `Device.beyond` has it; None where no calibrated device was asked for.

    False where no network can be built.
    """
    return _beyond(made, lambda metric: evaluate(made, metric, window))


def _beyond(made: DesignSpace, count: Callable[[str], Array]) -> Array | None:
    device = made.request.device
    if not isinstance(device, Device) or not is_calibrated(device):
        return None
    counts = {term: count(count_of(term)) for term in device.coefficients}
    if made.bound(LATENCY) >= LARGEST_INT64:
        counts = {term: array.astype(object) for term, array in counts.items()}
    return np.asarray(device.outside(counts), dtype=bool)


def how_many(made: DesignSpace) -> int | None:
    """How many points of a grid do: of values of an axis with equal times, one is looked at and counted as often as they are.

    None where more than `MOST_COUNTED` would have to be looked at.
    """
    device = made.request.device
    if not isinstance(device, Device) or not is_calibrated(device):
        return 0
    metrics = [LATENCY, *map(count_of, device.coefficients)]
    firsts, often = [], []
    for axis in range(len(made.axes)):
        _, first, counts = np.unique(made.kinds(axis, metrics), return_index=True, return_counts=True)
        order = np.argsort(first)
        firsts.append(first[order])
        often.append(counts[order])
    if prod(map(len, firsts)) > MOST_COUNTED:
        return None
    small = made.only(metrics).taken(firsts)
    found = 0
    for window in windows(small.shape, _TOGETHER):
        differ = extrapolated(small, window)
        assert differ is not None, "the device is that of the whole grid"
        found += _weighed(differ, [counts[part] for counts, part in zip(often, window, strict=True)])
    return found


def device_note(device: Device | Roofline) -> str:
    """What latencies are of, and how far off they are."""
    return f"on {place_text(device)}; {error_text(device)}"


def notes_on(made: DesignSpace) -> Iterator[tuple[str, str]]:
    """Notes on the latencies of a grid: what they are of, and how many of them are extrapolated."""
    assert made.request.device is not None, "asked of a grid with a device alone"
    yield METRICS[LATENCY].heading, device_note(made.request.device)
    number = how_many(made)
    if number is None:
        yield BEYOND, f"what is marked so is {FAR}; so many points, {exact(made.points)}, are not counted"
    elif number:
        points = f"{counted(number, 'point')} of {exact(made.points)}"
        yield BEYOND, f"{points} {'is' if number == 1 else 'are'} {FAR}"


def at_each(made: DesignSpace, positions: Sequence[Array]) -> Array | None:
    """Whether points of the grid do that are given by their positions along each axis; None as of `extrapolated`."""
    return _beyond(made, lambda metric: np.array([count or 0 for count in at_points(made, metric, positions)]))


def _weighed(differ: Array, often: list[Array]) -> int:
    """The sum of an array's elements, each as often as the product of the counts of its positions.

    >>> _weighed(np.array([[True, False], [True, True]]), [np.array([2, 1]), np.array([1, 10])])  # 2 + 1 + 10
    13
    """
    assert prod(map(len, often)) == differ.size
    found = differ.astype(np.int64)
    for counts in reversed(often):
        found = found @ counts
    return int(found)
