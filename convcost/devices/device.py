"""Devices: how long kernels take on one, and how far off that is.

A device is calibrated (a coefficient for each term of `kernels`, fitted to measured networks) or a roofline of a datasheet.
All times are whole femtoseconds until they are printed, linear in exact counts or the larger of two such.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import gcd
from typing import Any, Final, Literal, NamedTuple

from convcost.core.dims import Dim, ceil_div, maximum
from convcost.core.dtypes import DEFAULT
from convcost.core.errors import UsageError
from convcost.core.units import compact, milliseconds
from convcost.devices.kernels import ALIKE, Terms, kernels, untyped
from convcost.graph.typed import operands, states_types
from convcost.graph.walk import Walked
from convcost.memory.traffic import traffic

FEMTOSECONDS: Final = 10**12
"""In a millisecond."""
SECOND: Final = 10**15
"""Femtoseconds."""
Bound = Literal["compute", "memory", "overhead"]
"""What the time of a kernel goes into: multiplying, moving what is multiplied, starting it."""
BOUNDS: Final[tuple[Bound, ...]] = ("compute", "memory", "overhead")
_BOUND: Final[Mapping[str, Bound]] = {
    "vector": "memory",  # each weight is read for one multiplication
    "im2col": "memory",
    "winograd_transform": "memory",
    "weights": "memory",
    "activations": "memory",
    "elementwise": "memory",
    "moved": "memory",
    "kernels": "overhead",
}
"""Term -> what its time goes into; all others multiply."""
_ELEMENTS: Final = ("activations", "elementwise", "moved")
_SMALL: Final = ("exponentials", "moved", "elementwise")
"""Terms that may be missing where they are few: one in so many elements."""
_FEW: Final = 100
_TRACE: Final = 0.1
_POINTS: Final = 0.15
"""By how much a term's share of a network's time may exceed its largest share in a network of the calibration."""
_TIMES: Final = 3
"""By what factor a network may take longer, or less long, than all of these."""


class Time(NamedTuple):
    """How long one kernel takes."""

    parts: Mapping[str, Dim]
    """Term -> its femtoseconds; of a roofline `compute`, `memory` and `overhead`."""
    total: Dim
    """Femtoseconds. Those of the parts together; a roofline computes while it moves, so that the larger of the two counts."""

    @property
    def bound(self) -> Bound | None:
        """What most of the time goes into; None where nothing runs.

        >>> Time({"pointwise": 5, "activations": 3, "weights": 3}, 11).bound
        'memory'
        """
        sums: dict[Bound, Dim] = dict.fromkeys(BOUNDS, 0)
        for term, time in self.parts.items():
            sums[bound_of(term)] += time
        if not self.parts:
            return None
        return max(BOUNDS, key=lambda bound: sums[bound])


def bound_of(term: str) -> Bound:
    """What the time of a term goes into.

    >>> bound_of("vector_int8"), bound_of("pointwise"), bound_of("overhead")
    ('memory', 'compute', 'overhead')
    """
    if term in ("compute", "memory", "overhead"):
        return term  # type: ignore[return-value]  # mypy does not narrow a str to the three
    return _BOUND.get(untyped(term), "compute")


class Errors(NamedTuple):
    """How far off a calibration is for networks that it has not seen: relative errors, each network, or group of them, left out in turn."""

    median: float
    p90: float
    """The error that nine networks in ten do not exceed."""
    worst: float
    networks: int
    """How many were left out in turn."""
    of: str = "networks"
    """What was left out: `layers` where a single network was timed, layer by layer."""
    groups: int = 0
    """In so many groups, where they were too many to be left out one by one; else 0."""

    @property
    def in_groups(self) -> str:
        """How they were left out in turn, in words that end a sentence; empty for one by one."""
        return f" in {self.groups:,} groups" if self.groups else ""

    @property
    def text(self) -> str:
        """As it stands beside every time.

        >>> Errors(0.031, 0.062, 0.11, 19).text
        '±3.1 % median, 6.2 % for nine in ten, 11 % worst of 19 networks, each left out in turn'
        >>> Errors(0.031, 0.062, 0.11, 4000, groups=250).text
        '±3.1 % median, 6.2 % for nine in ten, 11 % worst of 4000 networks, left out in turn in 250 groups'
        """
        median, p90, worst = (share_text(share) for share in self[:3])
        how = f"left out in turn{self.in_groups}" if self.groups else "each left out in turn"
        return f"±{median} median, {p90} for nine in ten, {worst} worst of {self.networks} {self.of}, {how}"


class Fitted(NamedTuple):
    """A network that a device was fitted on, as it was measured."""

    network: str
    ms: float
    terms: Terms
    left_out_ms: float | None
    """What a device fitted on all the others says; None where these say nothing of one of its terms."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device with the runtime that its networks ran on, fitted to them."""

    name: str
    coefficients: Mapping[str, int] = field(hash=False)
    """Term -> femtoseconds that one of it takes."""
    error: Errors
    fitted: tuple[Fitted, ...] = field(repr=False, hash=False)
    title: str = ""
    runtime: str = ""
    threads: int | None = None
    source: str = ""
    note: str = ""
    tied: tuple[tuple[str, ...], ...] = ()
    """Terms that have one coefficient, as too few networks tell them apart."""
    dtype: str = ""
    """The type of networks that state none, where none is asked for; fp32 if empty."""
    winograd: bool = True
    """Whether its runtime knows Winograd's algorithm."""

    def asked(self, walked: Walked, dtype: str | None) -> str | None:
        """The type that a network runs as: the one that is asked for, or that it states, or the device's own."""
        return dtype or (None if states_types(walked.graph) else self.dtype or None)

    def kernels(self, walked: Walked, dtype: str | None = None, batch: int = 1) -> tuple[Terms, ...]:
        """The terms of each layer's kernel, as its runtime runs them."""
        return kernels(walked, self.asked(walked, dtype), batch, winograd=self.winograd)

    def times(self, walked: Walked, dtype: str | None = None, batch: int = 1) -> tuple[Time, ...]:
        """How long the kernel of each layer takes, in the layers' order; of terms that it lacks nothing.

        Over ints, grids and symbols: sums of coefficients times exact counts.
        """
        return tuple(self._time(terms) for terms in self.kernels(walked, dtype, batch))

    def _time(self, terms: Terms) -> Time:
        parts = {term: self.coefficients[term] * count for term, count in terms.items() if term in self.coefficients}
        return Time(parts, sum(parts.values()))

    def lacks(self, counts: Terms) -> tuple[str, ...]:
        """The terms that no network of the calibration has, or only a trace of them: a network that has them is of another kind.

        Not those that say little of its time: exponentials and moves of less than a hundredth of the elements that its
        kernels read and write, such as a softmax at the end. A trace is a tenth of the time of each of these networks, of
        what takes half of this one's: a first convolution says nothing of a network of convolutions.
        """
        return tuple(term for term, missing in self.missing(counts).items() if missing)

    def missing(self, counts: Terms) -> dict[str, Any]:
        """Term that no network of the calibration has, or only a trace -> whether this says much of a network's time.

        A bool, or where counts vary over a grid, one for each point.
        """
        moved = sum(counts.get(term, 0) for term in _ELEMENTS)
        unknown = {term: count for term, count in counts.items() if term not in self.coefficients}
        found = {term: _FEW * count > moved if term in _SMALL else count > 0 for term, count in unknown.items()}
        reach, (parts, whole) = self._reach(), self._time(counts)
        if reach is not None:
            traces = [term for term in parts if bound_of(term) == "compute" and reach.shares[term] < _TRACE]
            found |= {term: 2 * parts[term] > whole for term in traces}
        return found

    def beyond(self, counts: Mapping[str, int]) -> tuple[str, ...]:
        """By what a network differs from all those of the calibration, in words; nothing where it is among them."""
        reach = self._reach()
        if reach is None or not self.outside(counts):
            return ()
        parts, whole = self._time(counts)
        found = []
        if reach.other_time(whole):
            between = f"{milliseconds(reach.fastest)} to {milliseconds(reach.slowest)}"
            found.append(f"it takes {milliseconds(whole)}, and what was measured {between}")
        for term, time in parts.items() if whole else ():
            share, most = reach.shares[term], reach.counts[term]
            if reach.larger_share(term, time, whole):
                found.append(
                    f"{term}: {share_text(time / whole)} of its time, at most {share_text(share)} of what was measured"
                )
            elif reach.many_more(term, counts[term]):
                found.append(f"{term}: {compact(counts[term])} of them, at most {compact(most)} in what was measured")
        return tuple(found)

    def outside(self, counts: Terms) -> Any:
        """Whether a network of these counts differs from all those of the calibration, as `beyond` says in words.

        A bool, or where counts are arrays over a grid, one for each point.
        """
        reach, (parts, whole) = self._reach(), self._time(counts)
        if reach is None:
            return whole < 0
        found = reach.other_time(whole)
        for term, time in parts.items():
            found = found | reach.larger_share(term, time, whole) | reach.many_more(term, counts[term])
        return found & (counts.get("kernels", 0) > 0)

    def _reach(self) -> _Reach | None:
        """How far the networks of the calibration reach; None without any."""
        if not self.fitted:
            return None
        known = [self._time(one.terms) for one in self.fitted]
        times = [one.total for one in known]
        shares = {term: max(one.parts.get(term, 0) / one.total for one in known) for term in self.coefficients}
        counts = {term: max(one.terms.get(term, 0) for one in self.fitted) for term in self.coefficients}
        return _Reach(min(times), max(times), shares, counts)


class _Reach(NamedTuple):
    """How the networks that a device was fitted on spend their time; with some room, others are asked the same."""

    fastest: int
    slowest: int
    """Femtoseconds."""
    shares: Mapping[str, float]
    """Term -> its largest share of any network's time."""
    counts: Mapping[str, int]
    """Term -> the most of it that any network has."""

    def other_time(self, whole: Dim) -> Any:
        """Whether a network takes much longer than all of these, or less long."""
        return (whole > _TIMES * self.slowest) | (whole < ceil_div(self.fastest, _TIMES))

    def larger_share(self, term: str, time: Dim, whole: Dim) -> Any:
        """Whether a term takes a much larger share of a network's time than of any of these."""
        return time > (self.shares[term] + _POINTS) * whole

    def many_more(self, term: str, count: Dim) -> Any:
        """Whether a network has many times as much of a term as any of these."""
        return count > _TIMES * self.counts[term]


@dataclass(frozen=True, slots=True)
class Roofline:
    """A device by its datasheet: a kernel takes as long as its MACs or its bytes do, whichever is longer (Williams et al.,
    CACM 52(4), 2009). Runtimes mostly take longer; less only where a cache keeps tensors between kernels, or Winograd's
    algorithm multiplies less.
    """

    name: str
    macs: Mapping[str, int] = field(hash=False)
    """dtype -> MACs in a second at the most."""
    bandwidth: int
    """Bytes in a second, of the main memory."""
    overhead: int = 0
    """Femtoseconds to start a kernel."""
    cache: int = 0
    """Bytes of the last cache."""
    title: str = ""
    source: str = ""
    note: str = ""

    def times(self, walked: Walked, dtype: str | None = None, batch: int = 1) -> tuple[Time, ...]:
        """How long the kernel of each layer takes at peak speed, in the layers' order; raises `UsageError` for a type that the
        datasheet does not have.
        """
        dtype = self.asked(walked, dtype)
        types = operands(walked, dtype)
        moved = traffic(walked, "fused", dtype, batch)
        runs = kernels(walked, dtype, batch)
        return tuple(
            self._time(batch * step.cost.macs, one.bytes_moved, types[step.node.name].factors.first, "kernels" in terms)
            for step, one, terms in zip(walked.steps, moved, runs)
        )

    def _time(self, macs: Dim, moved: Dim, dtype: str, runs: bool) -> Time:
        if not runs:  # what is fused into another kernel is computed by it, and a view by nothing
            return Time({}, 0)
        compute = 0 if isinstance(macs, int) and macs == 0 else _lasts(macs, self._peak(dtype))
        memory = _lasts(moved, self.bandwidth)
        parts = {"compute": compute, "memory": memory, "overhead": self.overhead}
        return Time(parts, maximum(compute, memory) + self.overhead)

    def asked(self, walked: Walked, dtype: str | None) -> str | None:
        """The type that a network runs as: the one that is asked for, or that it states, or one that the device has."""
        return dtype or (None if states_types(walked.graph) or DEFAULT in self.macs else next(iter(self.macs)))

    def _peak(self, dtype: str) -> int:
        alike = ALIKE.get(dtype, dtype)
        if alike in self.macs:
            return self.macs[alike]
        known = " and ".join(self.macs)
        raise UsageError(
            f"{self.name} states its speed for {known}, and none for {dtype}: give --dtype {next(iter(self.macs))}"
        )


def _lasts(amount: Dim, speed: int) -> Dim:
    """The femtoseconds that an amount takes, so many of which are done in a second.

    >>> _lasts(3, 2 * 10**9), _lasts(1, 3)
    (1500000, 333333333333334)
    """
    common = gcd(SECOND, speed)  # over a grid the smaller factors leave numbers in 64 bits
    return ceil_div(amount * (SECOND // common), speed // common)


def telling(counts: Mapping[str, int]) -> frozenset[str]:
    """The terms that say something of a network's time: all but exponentials, moves and the like that are few.

    >>> sorted(telling({"pointwise": 10**6, "activations": 10**5, "exponentials": 1000}))
    ['activations', 'pointwise']
    """
    moved = sum(counts.get(term, 0) for term in _ELEMENTS)
    return frozenset(term for term, count in counts.items() if term not in _SMALL or _FEW * count > moved)


def share_text(share: float) -> str:
    """A relative error or a share, as a device prints it.

    >>> share_text(0.0312), share_text(0.117), share_text(3.2)
    ('3.1 %', '12 %', '320 %')
    """
    return f"{100 * share:.1f} %" if abs(share) < 0.0995 else f"{100 * share:.0f} %"
