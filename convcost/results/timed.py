"""How long each row of a report takes on a device: a column, a note and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from convcost.core.display import Display
from convcost.core.metrics import METRICS
from convcost.graph.partial import AT_LEAST, UNKNOWN
from convcost.results.costs import LayerCost, Part, Totals, is_unknown
from convcost.results.rows import Column

LATENCY = METRICS["latency_ms"]


@dataclass(frozen=True, slots=True)
class Timed:
    """What the times of a report are of."""

    said: str
    """The device, with how far off it is, in words."""
    times: Mapping[str, int] = field(hash=False, repr=False)
    """Layer -> its femtoseconds."""
    data: Mapping[str, Any] = field(hash=False, repr=False)
    """The device in JSON."""
    extrapolated: tuple[str, ...] = ()
    """In words, by what the network differs from all that the device was fitted on."""
    brief: str = ""
    """The device by its name, with how far off it is, in a few words."""


def time_columns(timed: Timed | None, display: Display) -> list[Column]:
    """The column of `report --device`; none where no device was asked for."""
    if timed is None:
        return []
    return [Column(LATENCY.key, LATENCY.heading, True, 0, lambda part: cell(timed, part, display))]


FAR = "~"
"""Printed before a whole time that is extrapolated."""


def cell(timed: Timed, part: Part | Totals, display: Display) -> str:
    """The time of a row; of the total marked where it is extrapolated."""
    if is_unknown(part):
        return UNKNOWN
    least = AT_LEAST if not isinstance(part, LayerCost) and part.unknown else ""
    mark = FAR if timed.extrapolated and isinstance(part, Totals) else ""
    return f"{least}{mark}{LATENCY.text(part.femtoseconds, display)}"


def time_dict(timed: Timed | None, part: Part | Totals) -> dict[str, Any]:
    """The time of a row in JSON, in milliseconds; null where nobody knows it, and nothing where no device was asked for."""
    if timed is None:
        return {}
    return {LATENCY.key: None if is_unknown(part) else LATENCY.value(part.femtoseconds)}


def device_dict(timed: Timed | None) -> dict[str, Any]:
    """The device in JSON, and whether the network is far from all that it was fitted on; nothing where none was asked for."""
    if timed is None:
        return {}
    return {"device": dict(timed.data), "extrapolated": bool(timed.extrapolated), "reasons": list(timed.extrapolated)}


def time_notes(timed: Timed | None, totals: Totals, display: Display) -> list[tuple[str, str]]:
    """The whole time with how far off it is, by what it is extrapolated, and where the device's times are from."""
    if timed is None:
        return []
    far = [("extrapolated", why) for why in timed.extrapolated]
    source = [("times from", timed.data["source"])] if timed.data.get("source") else []
    return [(LATENCY.heading, f"{cell(timed, totals, display)} on {timed.said}"), *far, *source]
