"""How long the networks of a grid take on a device: exact femtoseconds, as one more cost of each point.

On a calibrated device a latency is linear in exact counts, so it is a sum of products of tables as MACs are, in which the
coefficients are factors. The count of each term is added up only where it is asked for, to find the points that differ from
all networks of the calibration.On a
roofline each layer takes the larger of two times, which is found at every value of the axes that its sizes depend on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from convcost.core.dims import Dim
from convcost.devices.device import Device, Roofline
from convcost.devices.kernels import TERMS, Terms, untyped
from convcost.graph.walk import Step, Walked
from convcost.space.numbers import Mask, added, axes_of, dense_of, in_two, is_joint, parts_of_product, weighed

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


class Timed(NamedTuple):
    """How long the networks of a box take, in one sum, and what it is made of, not yet added up."""

    costs: Mapping[str, Dim]
    later: Mapping[str, Callable[[], Dim]] = {}
    """The name of the count of each term -> what finds it: few ask."""


def timed_costs(
    walked: Walked,
    weights: Sequence[Dim],
    device: Device | Roofline,
    shape: Sequence[int],
    dtype: str | None,
    batch: int,
) -> Timed:
    """The latency of the networks of a box of this shape, each step standing for so many; raises `Lacking`."""
    if isinstance(device, Roofline):
        return Timed({LATENCY: _roofline(walked, weights, device, shape, dtype, batch)})
    standing = _standing(device.kernels(walked, dtype, batch), weights)
    _refuse_unknown(device, standing, len(shape))
    # What costs no time is no part of the sum, in which tables over several axes would be found to need a smaller box.
    free = [term for term, time in device.coefficients.items() if not time and _is_joint(term, standing)]
    counts = {count_of(term): _total({term: 1}, standing) for term in free}
    later = {count_of(term): partial(_total, {term: 1}, standing) for term in device.coefficients if term not in free}
    return Timed({LATENCY: _total(device.coefficients, standing), **counts}, later)


def count_of(term: str) -> str:
    """What the count of a term is called among the costs of a region, where it is kept beside the time."""
    return f"{LATENCY}:{term}"


Standing = Sequence[tuple[Dim, Sequence[tuple[Terms, int]]]]
"""For each number of repetitions the kernels that are repeated so often, with how many of each there are."""


def _standing(every: Sequence[Terms], weights: Sequence[Dim]) -> Standing:
    """All kernels of a network, equal ones counted; few numbers of repetitions differ."""
    times = {id(weight): weight for weight in weights}
    once = {id(terms): terms for terms in every}
    often: dict[int, Counter[int]] = {key: Counter() for key in times}
    for terms, weight in zip(every, weights, strict=True):
        if terms:
            often[id(weight)][id(terms)] += 1
    return [(times[key], [(once[kind], count) for kind, count in kinds.items()]) for key, kinds in often.items()]


def _total(coefficients: Mapping[str, int], standing: Standing) -> Dim:
    """The counts of some terms in all kernels, each times its coefficient; others are left out."""
    return added(
        part
        for weight, kinds in standing
        for part in parts_of_product(
            weighed(
                (coefficients[term] * often, count)
                for terms, often in kinds
                for term, count in terms.items()
                if term in coefficients
            ),
            weight,
        )
    )


def _is_joint(term: str, standing: Standing) -> bool:
    """Whether a count varies along several axes together, so that times a number of repetitions it may be multiplied out."""
    counts = (kernel[term] for _, kinds in standing for kernel, _ in kinds if term in kernel)
    return any(is_joint(count) for count in counts) or any(is_joint(weight) for weight, _ in standing)


def _refuse_unknown(device: Device, standing: Standing, axes: int) -> None:
    """Raises `Lacking` if a term of which the device knows nothing says much of the time of any network."""
    terms = dict.fromkeys(term for _, kinds in standing for kernel, _ in kinds for term in kernel)
    if all(term in device.coefficients for term in terms):
        return
    for term, missing in device.missing({term: _total({term: 1}, standing) for term in terms}).items():
        _refuse(term, missing, axes)


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
        f"no network that {device.name} was fitted on has more than a trace of {term}{meant}, so that the time there is not known: choose another "
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
    if sum(_points_of(step, shape) for step in walked.steps) > _MOST_TIMES:
        raise in_two(shape)
    often = {id(weight): weight for weight in weights}
    repeated: dict[int, list[Dim]] = {key: [] for key in often}
    for time, weight in zip(device.times(walked, dtype, batch), weights, strict=True):
        repeated[id(weight)].append(dense_of(time.total))
    return added(added(times) * often[key] for key, times in repeated.items())


def _points_of(step: Step, shape: Sequence[int]) -> int:
    """How many times a layer may take in a box: one for each value of the axes that its sizes depend on."""
    sizes = [step.cost.macs, step.cost.weights, *(size for one in (*step.input_shapes, *step.cost.out) for size in one)]
    axes = {axis for size in sizes for axis in axes_of(size)}
    return prod(shape[axis] for axis in axes)
