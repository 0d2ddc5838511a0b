"""The caller's own networks and tables, beside what is published."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from fractions import Fraction
from typing import Any, NamedTuple

from convcost.conventions.convention import Convention
from convcost.core.axes import size_of
from convcost.core.errors import UsageError
from convcost.core.reading import each
from convcost.devices.device import Device, Roofline
from convcost.graph.partial import refuse_unknown
from convcost.networks.load import open_network
from convcost.networks.origin import label
from convcost.published.choices import ACCURACIES
from convcost.published.cost import LOWER_BOUND, cost_of, costed, on_device, timed
from convcost.published.data import Measured, per_cent, read_accuracies
from convcost.published.point import YOURS, Omitted, Point


class Own(NamedTuple):
    """A network of one's own: what `load` takes, its accuracy in per cent, and what it is called in the picture."""

    model: str
    accuracy: str
    label: str = ""


Yours = Mapping[str, str] | Iterable[Sequence[str]]
"""Model -> accuracy, or (model, accuracy) and (model, accuracy, label) one by one."""


def read_own(text: str) -> Own:
    """`MODEL=ACCURACY` or `MODEL=ACCURACY=LABEL`, where the name of a model may carry knobs; raises `UsageError`.

    Behind the knobs, the first number between two `=`, or at the end, is the accuracy; a label may have any sign.

    >>> read_own("mobilenet_v2:width=2,resolution=96=66")
    Own(model='mobilenet_v2:width=2,resolution=96', accuracy='66', label='')
    >>> read_own("net.yaml=73.9=MyNet, lr=0.1")
    Own(model='net.yaml', accuracy='73.9', label='MyNet, lr=0.1')
    """
    parts = text.split("=")
    first = 1
    if re.search(r":\w+$", parts[0]):
        first = next((at for at, part in enumerate(parts) if at and not re.search(r",\s*\w+$", part)), 0) + 1
    numbers = [at for at in range(first, len(parts)) if _number(parts[at])]
    at = numbers[0] if numbers else first
    model, accuracy, label = "=".join(parts[:at]), "=".join(parts[at : at + 1]), "=".join(parts[at + 1 :])
    if not model or not accuracy:
        raise UsageError(
            f"{text!r} is not MODEL=ACCURACY or MODEL=ACCURACY=LABEL, e.g. my.yaml=72.3=MyNet; the accuracy is that of --y"
        )
    return Own(model, accuracy.strip(), label)


def _number(text: str) -> bool:
    return text.strip().replace(".", "", 1).isdigit()


def listed(yours: Yours | None, y: str = "top1") -> list[Own]:
    """Every network of one's own with its accuracy, `y` in the messages; raises `UsageError` for what is none.

    >>> listed({"my.yaml": "72.3"}) == listed([("my.yaml", "72.3")])
    True
    """
    found = []
    for pair in one_by_one(yours):
        row = _row(pair)
        if not 2 <= len(row) <= 3:
            raise UsageError(f"yours: {pair!r} is not (model, accuracy) or (model, accuracy, label)")
        own = Own(*row)
        per_cent(own.accuracy, f"{own.model}, {y}")
        found.append(own)
    return found


def one_by_one(yours: Yours | None) -> list[Any]:
    """What is given of every network, as it is given, in a list; an array of any library has no truth value."""
    return [] if yours is None else list(yours.items()) if isinstance(yours, Mapping) else each(yours)


def _row(pair: Any) -> tuple[Any, ...]:
    """The parts of a row, which may be of any library's table; none of what has no order or is no row at all."""
    if isinstance(pair, (str, bytes, Mapping, AbstractSet)):
        return ()
    try:
        return tuple(pair)
    except TypeError:
        return ()


def beside(
    own: Iterable[Own],
    tables: Iterable[str],
    x: str,
    y: str,
    chosen: Convention,
    device: Device | Roofline | None = None,
) -> tuple[list[Point], list[Omitted]]:
    """All points of the caller's own, from tables and one by one; and the rows without cost or accuracy, and why."""
    found = [_table(path, x, y, chosen, device) for path in tables]
    points = [point for points, _ in found for point in points]
    mine = (_point(one, x, y, chosen, device) for one in own)
    return [*points, *mine], [row for _, lacking in found for row in lacking]


def _point(own: Own, x: str, y: str, chosen: Convention, device: Device | Roofline | None) -> Point:
    """The point of a caller's own network; only the given accuracy is known.

    Networks of one family are joined, and called by its title; a label joins what has the same label.
    """
    network = open_network(own.model, {})
    refuse_unknown(network.steps, own.model, LOWER_BOUND)
    report = network.report(chosen.name)
    if report.not_counted and x == "macs":
        ops = ", ".join(report.not_counted)
        raise UsageError(
            f"{own.model}: the convention {chosen.name} does not know {ops}, so that the cost is not known"
        )
    height, width = (size_of(report.input_shape, side) for side in ("height", "width"))
    known: dict[str, Any] = {y if y in ACCURACIES else "score": own.accuracy}
    row = Measured(
        at="--your",
        family=own.label or network.caption.title or network.origin.family,
        item=label(network.origin),
        model=network.name,
        resolution=height,
        width=width if width != height else 0,
        tier=YOURS,
        source="you",
        **known,
    )
    if device is not None:
        found = timed(network, device)
        if "why" in found:
            raise UsageError(f"{own.model} is {found['why']}: choose another device, or leave it out")
        return on_device(row, Fraction(own.accuracy), found, YOURS)._replace(yours=True)
    return Point(row, Fraction(own.accuracy), cost_of(report.totals, x), YOURS, yours=True)


def _table(
    path: str, x: str, y: str, chosen: Convention, device: Device | Roofline | None
) -> tuple[list[Point], list[Omitted]]:
    """The rows of a table of one's own as points beside the published ones; those without cost or accuracy, and why."""
    rows = [row._replace(tier=row.tier or YOURS, source=row.source or "you") for row in read_accuracies(path)]
    points, omitted = costed([row for row in rows if getattr(row, y)], x, y, chosen, as_given=True, device=device)
    omitted += [Omitted(row, f"no {y} is printed") for row in rows if not getattr(row, y)]
    return [point._replace(yours=True) for point in points], omitted
