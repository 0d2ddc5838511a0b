"""How long the networks of a grid take on a device: exact femtoseconds, as one more cost of each point.

On a calibrated device a latency is linear in exact counts, so it is a sum of products of tables as MACs are. The count of each
term is kept beside it, for the points that differ from all networks of the calibration. On a roofline each layer takes the
larger of two times, which is found at every point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from convcost.core.dims import Dim
from convcost.devices.device import Device, Roofline
from convcost.devices.kernels import TERMS, Terms, untyped
from convcost.graph.walk import Walked
from convcost.space.numbers import Mask, Undecided, added, dense_of, total

LATENCY = "latency_ms"
FAR = "far from all networks that the device was fitted on, in time or in what it goes into: extrapolated, of unknown error"
"""What is said of a network that is."""
_MOST_TIMES = 2**25
"""The most times of layers that are held at once, 8 bytes each; beyond, the grid is split."""


class Lacking(Exception):
    """A device knows nothing of a term that networks of a grid have."""

    def __init__(self, term: str, position: Sequence[int]) -> None:
        super().__init__(term)
        self.term = term
        self.position = position
        """In the box, of the first of these networks."""


def timed_costs(
    walked: Walked,
    weights: Sequence[Dim],
    device: Device | Roofline,
    shape: Sequence[int],
    dtype: str | None,
    batch: int,
) -> Mapping[str, Dim]:
    """The latency of the networks of a box of this shape, each step standing for so many; raises `Lacking`."""
    if isinstance(device, Roofline):
        return {LATENCY: _roofline(walked, weights, device, shape, dtype, batch)}
    counts = _counts(device.kernels(walked, dtype, batch), weights)
    for term, missing in device.missing(counts).items():
        _refuse(term, missing, len(shape))
    known = {term: counts.get(term, 0) for term in device.coefficients}
    time = added(count * device.coefficients[term] for term, count in known.items())
    return {LATENCY: time, **{count_of(term): count for term, count in known.items()}}


def count_of(term: str) -> str:
    """What the count of a term is called among the costs of a region, where it is kept beside the time."""
    return f"{LATENCY}:{term}"


def _counts(every: Sequence[Terms], weights: Sequence[Dim]) -> dict[str, Dim]:
    """The terms of all kernels together; equal kernels are counted, then multiplied."""
    once = {id(terms): terms for terms in every}
    standing: dict[int, list[Dim]] = {key: [] for key in once}
    for terms, weight in zip(every, weights, strict=True):
        standing[id(terms)].append(weight)
    found: dict[str, list[Dim]] = {}
    for key, terms in once.items():
        times = total(standing[key])
        for term, count in terms.items():
            found.setdefault(term, []).append(count * times)
    return {term: added(each) for term, each in found.items()}


def _refuse(term: str, missing: Any, axes: int) -> None:
    """Raises `Lacking` if a term says much of the time of any network."""
    if isinstance(missing, Mask):
        first = np.unravel_index(int(np.argmax(missing.array)), missing.array.shape)
        raise Lacking(term, tuple(map(int, first)))
    if missing:
        raise Lacking(term, (0,) * axes)


def lacks_text(device: Device | Roofline, term: str) -> str:
    """What is said of networks that have a term of which a device knows nothing."""
    meant = f" ({TERMS[untyped(term)]})" if untyped(term) in TERMS else ""
    return (
        f"no network that {device.name} was fitted on has {term}{meant}, so that the time there is not known: choose another "
        "device, `convcost devices` lists all, or calibrate one on networks that have it"
    )


def _roofline(
    walked: Walked,
    weights: Sequence[Dim],
    device: Roofline,
    shape: Sequence[int],
    dtype: str | None,
    batch: int,
) -> Dim:
    if prod(shape) * len(walked.steps) > _MOST_TIMES:
        longest = int(np.argmax(shape))
        halves = np.arange(shape[longest]) >= shape[longest] // 2
        raise Undecided(halves.reshape([-1 if axis == longest else 1 for axis in range(len(shape))]))
    times = device.times(walked, dtype, batch)
    return added(dense_of(time.total) * weight for time, weight in zip(times, weights, strict=True))
