"""The devices that convcost knows as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcost.core.errors import UsageError
from convcost.core.patterns import fitting, plain
from convcost.core.units import exact, scaled
from convcost.core.version import __version__
from convcost.devices import stored
from convcost.devices.device import FEMTOSECONDS, Device, Roofline, share_text
from convcost.devices.kernels import untyped
from convcost.render.table import Table

_NOTES = (
    ("calibrated", "fitted to measured networks; a network of another kind is refused, a larger one marked"),
    ("roofline", "peak figures of a datasheet, of which runtimes reach a part; no error is known"),
    (
        "median",
        "of the errors for networks that were left out in turn; 9 in 10: the error that nine in ten do not exceed",
    ),
    ("sources", "stand in --format json, and below each latency"),
)


def list_devices(*patterns: str) -> tuple[str, ...]:
    """The names of the devices that convcost knows, calibrated ones first; `patterns` are globs over names, titles and
    runtimes, or words in these. Raises `UsageError` for a pattern that nothing matches.
    """
    return tuple(device.name for device in chosen(patterns))


def chosen(patterns: Sequence[str]) -> list[Device | Roofline]:
    """The devices themselves: all that a word is in, not only the one of that very name."""
    names = stored.list_devices()
    every = [stored.find(name) for name in names]
    kept: set[str] = set()
    for pattern in map(str, patterns):
        bare = plain(pattern) and not set("*?[") & set(pattern)
        asked = f"*{pattern}*" if bare else pattern  # the name of a device is often a part of others
        found = fitting(asked, every, lambda one: (one.name, one.title, getattr(one, "runtime", "")))
        if not found:
            raise UsageError(f"no device matches {pattern!r}{stored.hint(pattern)}")
        kept.update(one.name for one in found)
    return [one for one in every if not patterns or one.name in kept]


def devices_table(patterns: Sequence[str] = ()) -> Table:
    """A row per device: what it is, what it was fitted on, and how far off it is."""
    found = chosen(patterns)
    return Table(
        title="",
        heading="Devices",
        headers=("device", "kind", "runtime", "threads", "networks", "median", "9 in 10", "is"),
        numeric=(False, False, False, True, True, True, True, False),
        priority=(0, 4, 2, 3, 3, 0, 0, 1),
        rows=[_row(device) for device in found],
        records=[_record(device) for device in found],
        data={
            "schema": "convcost.devices/1",
            "version": __version__,
            "devices": [device_dict(device) for device in found],
        },
        notes=[*_NOTES],
    )


def _row(device: Device | Roofline) -> list[str]:
    name = _short(device.title)
    if isinstance(device, Roofline):
        dtype, peak = next(iter(device.macs.items()))
        return [device.name, "roofline", f"{dtype} {scaled(peak, 10**9, 3)} MAC/ns", "", "", "", "", name]
    error = (share_text(device.error.median), share_text(device.error.p90))
    threads = str(device.threads or "")
    return [device.name, "calibrated", device.runtime, threads, exact(len(device.fitted)), *error, name]


_MOST = 60
"""Characters of a title in a table; all of it is in JSON."""


def _short(title: str) -> str:
    return title if len(title) <= _MOST else f"{title[: _MOST - 1].rstrip()}…"


_NOTHING: Mapping[str, Any] = {
    "runtime": "",
    **dict.fromkeys(("threads", "networks", "least_ms", "most_ms", "error_median", "error_p90", "error_worst")),
    "macs_per_second": "",
    "bytes_per_second": None,
}
"""What is said of one kind of device alone."""


def _record(device: Device | Roofline) -> dict[str, Any]:
    """A device as a row of CSV."""
    kind = "calibrated" if isinstance(device, Device) else "roofline"
    known: dict[str, Any]
    if isinstance(device, Roofline):
        peaks = " ".join(f"{dtype}={peak}" for dtype, peak in device.macs.items())
        known = {"macs_per_second": peaks, "bytes_per_second": device.bandwidth}
    else:
        times, error = [one.ms for one in device.fitted], device.error
        known = {"runtime": device.runtime, "threads": device.threads, "networks": len(times)}
        known |= {"least_ms": min(times, default=None), "most_ms": max(times, default=None)}
        known |= {"error_median": error.median, "error_p90": error.p90, "error_worst": error.worst}
    named = {"name": device.name, "kind": kind, "title": device.title}
    return {**named, **_NOTHING, **known, "source": device.source}


_PRODUCTS_OF_VECTORS = ("depthwise", "vector")


def at_least(device: Device) -> dict[str, list[str]]:
    """Products of matrices -> those of vectors that have their coefficient, though no terms are tied: in a fit they take no
    less, and nothing says that they take more.

    >>> from convcost.devices.device import Errors
    >>> at_least(Device("own", {"pointwise": 7, "depthwise": 7, "vector": 9}, Errors(0, 0, 0, 0), ()))
    {'pointwise': ['depthwise']}
    """
    found: dict[str, list[str]] = {}
    for term, time in device.coefficients.items():
        base = untyped(term)
        of = "pointwise" + term.removeprefix(base)
        tied = any(term in terms and of in terms for terms in device.tied)
        if base in _PRODUCTS_OF_VECTORS and not tied and device.coefficients.get(of) == time:
            found.setdefault(of, []).append(term)
    return found


def device_dict(device: Device | Roofline) -> dict[str, Any]:
    """What a device is, as JSON-ready data."""
    data: dict[str, Any] = {
        "name": device.name,
        "kind": "calibrated" if isinstance(device, Device) else "roofline",
        "title": device.title,
        "source": device.source,
        "note": device.note,
    }
    if isinstance(device, Roofline):
        peaks = {"macs_per_second": dict(device.macs), "bytes_per_second": device.bandwidth}
        return {
            **data,
            **peaks,
            "overhead_us": device.overhead * 10**3 / FEMTOSECONDS,
            "cache_bytes": device.cache or None,
        }
    return {
        **data,
        "runtime": device.runtime,
        "threads": device.threads,
        "error": device.error._asdict(),
        "femtoseconds": dict(device.coefficients),
        "tied": [list(terms) for terms in device.tied],
        "at_least": at_least(device),
        "fitted_on": [{"network": one.network, "ms": one.ms, "left_out_ms": one.left_out_ms} for one in device.fitted],
    }
