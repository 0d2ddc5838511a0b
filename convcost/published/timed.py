"""Published latencies of one setup as costs of published accuracies: what the picture of accuracy against latency is made of.

The accuracy is that which the same table prints; where it prints none, and the network computes in floats as it was trained,
that which is cited for the network.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from convcost.core.axes import size_of
from convcost.core.kept import Answers, answers
from convcost.core.units import FEMTOSECONDS
from convcost.networks.load import open_network
from convcost.published.cited import accuracy_of
from convcost.published.data import Measured, accuracies, sources
from convcost.published.latency import Timing, Timings
from convcost.published.point import PRINTED, Omitted, Point
from convcost.spec.zoo import find

QUANTISED = "no accuracy of the quantised network is printed"
"""Why a latency of an int8 network may have no place in the picture."""


def measured(found: Timings) -> tuple[Measured, ...]:
    """Each latency as a row of accuracies, in the order of the data; `Measured.at` is that of the latency."""
    with answers("frontier") as known:
        return tuple(_row(one, known) for one in found.timings)


def _row(one: Timing, known: Answers) -> Measured:
    source, cited = sources()[one.source], _cited(one, known)
    if one.top1 or one.setup.dtype == "int8":
        cited |= {"top1": one.top1, "top5": "", "note": one.note}
    return Measured(
        at=one.at,
        family=_families().get(one.model) or find(one.model).spec.title,
        item=one.item,
        model=one.model,
        knobs=one.knobs,
        year=source.year,
        tier=source.kind,
        source=one.source,
        locator=one.locator,
        **cited,
    )


@lru_cache(maxsize=1)
def _families() -> dict[str, str]:
    """Network of the zoo -> its family among the accuracies."""
    return {one.model: one.family for one in reversed(accuracies())}


def _cited(one: Timing, known: Answers) -> dict[str, Any]:
    """The height of the input, and the accuracies that are cited for the network, with their source."""
    asked = ("cited", one.model, dict(sorted(one.knobs.items())))
    found: dict[str, Any] = known.of(asked, lambda: _accuracy(one), one.model)
    return dict(found)


def _accuracy(one: Timing) -> dict[str, Any]:
    network = open_network(one.model, one.knobs)
    found = accuracy_of(network, ["top1"])
    return {
        "resolution": size_of(network.graph.input_shape, "height"),
        "top1": found.measured.top1 if found else "",
        "top5": found.measured.top5 if found else "",
        "note": f"accuracy: {found.citation}" if found else "",
    }


def timed(rows: list[Measured], found: Timings, y: str) -> tuple[list[Point], list[Omitted]]:
    """Those of the rows that have an accuracy as points, with their latencies in femtoseconds; the others, and why."""
    of = {one.at: one for one in found.timings}
    points, omitted = [], []
    for row in rows:
        timing = of[row.at]
        if getattr(row, y):
            cost = round(timing.ms * FEMTOSECONDS)
            points.append(Point(row, Fraction(getattr(row, y)), cost, PRINTED, figure=timing.figure))
        else:
            omitted.append(Omitted(row, QUANTISED if timing.setup.dtype == "int8" else f"no {y} is printed"))
    return points, omitted
