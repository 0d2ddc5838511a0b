"""EfficientNet's compound scaling: depth, width and resolution grow together along one line.

    depth = alpha^phi, width = beta^phi, resolution = gamma^phi · its base, rounded to the nearest pixel

Source: Tan and Le, arXiv 1905.11946, equation 3; alpha 1.2, beta 1.1, gamma 1.15 (section 3.3).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from convcost.core.checks import check_knobs
from convcost.core.dims import Array
from convcost.core.dtypes import DEFAULT
from convcost.core.errors import UsageError
from convcost.core.metrics import BUDGETED, METRICS, TIMED, column_of
from convcost.core.version import __version__
from convcost.graph.rewrite import rewritten_name
from convcost.networks.load import Model, knobs_apart
from convcost.networks.network import Network
from convcost.render.table import Table
from convcost.results.report import json_value
from convcost.space.axes import fraction_text, value_text
from convcost.space.budget import Budget, budgets_of
from convcost.space.build import Request
from convcost.space.evaluate import at_points
from convcost.space.open import design_space, opened
from convcost.space.points_table import device_dict
from convcost.space.space import DesignSpace
from convcost.space.target import BEYOND, EXTRAPOLATED, device_of, is_calibrated, latency_limit
from convcost.space.threshold import simplest

if TYPE_CHECKING:
    from convcost.devices.device import Device, Roofline

COMPOUND: Mapping[str, Fraction] = {"depth": Fraction("1.2"), "width": Fraction("1.1"), "resolution": Fraction("1.15")}
"""Knob -> what it is multiplied by when phi grows by one."""
MOST_PHI = 12
"""The largest absolute phi; negative ones are for networks that are too large at phi = 0."""
_SAMPLES = 2400
"""Samples of the line in either direction."""
_EXACT = Context(prec=40)
_DIGITS = 12
"""Digits to which knobs are truncated, so that arithmetic over many of them stays within 64 bits."""
_SHOWN_DIGITS = range(4, _DIGITS + 1)
_CLOSE = Fraction(1, 10**10)


class Scaled(NamedTuple):
    """The largest network along the line that fits."""

    phi: float
    """The supremum of phi for this network: from there on it is the next one, which does not fit."""
    knobs: Mapping[str, Any]
    """Knob values that give this network, with few digits."""
    counts: Mapping[str, int]
    """Its costs as they are compared with budgets: whole numbers, of a latency femtoseconds."""
    ends: str
    """The knob that grows there."""
    at: Fraction
    """The value of that knob at which the network changes, exactly: phi = log(at / start) / log(base)."""
    binds: tuple[str, ...]
    """The metrics whose budget the next network breaks."""
    request: Request = Request()
    """What all networks of the line have in common."""
    extrapolated: bool | None = None
    """Whether it differs from all networks that the device was fitted on; None where no calibrated device is asked for."""

    @property
    def costs(self) -> Mapping[str, float]:
        """Its costs; a latency in milliseconds."""
        return {metric: METRICS[metric].value(count) for metric, count in self.counts.items()}


@knobs_apart
def compound(
    model: Model,
    settings: Mapping[str, Any] | None = None,
    /,
    *,
    max_macs: Any = None,
    max_params: Any = None,
    max_peak: Any = None,
    dtype: str | None = None,
    batch: int = 1,
    memory_policy: str = "fused",
    rewrite: str = "",
    max_latency: Any = None,
    device: str | os.PathLike[str] | Device | Roofline | None = None,
    **knobs: Any,
) -> Scaled | None:
    """The largest phi whose network stays within the budgets, exactly at its breakpoint; None if nothing fits.

    Below zero the network shrinks. Costs need not be monotonic in phi; the result is the last phi that fits. Raises
    `UsageError`.
    """
    on = device_of(device)
    budgets = budgets_of(max_macs, max_params, max_peak, dtype or DEFAULT, **latency_limit(max_latency, on))
    settings = check_knobs(settings, knobs)
    network, rewrite = opened(model, settings, (), rewrite)
    start = {name: network.knobs.get(name) for name in COMPOUND}
    scaled = {name: Fraction(value) for name, value in start.items() if isinstance(value, (int, Fraction))}
    missing = [name for name in COMPOUND if name not in scaled]
    if missing:
        raise UsageError(f"{network.name} has no {' and no '.join(missing)} to scale")
    line = _Line(network, scaled, Request(batch, dtype, memory_policy, rewrite=rewrite, device=on))
    phis = [Fraction(MOST_PHI * i, _SAMPLES) for i in range(-_SAMPLES, _SAMPLES + 1)]
    fits = [bool(ok) for ok in line.within(phis, budgets)]
    if not any(fits):
        return None
    last = max(i for i, ok in enumerate(fits) if ok)
    if last + 1 == len(phis):
        raise UsageError(f"the budgets allow more than phi = {MOST_PHI}; this is no budget for {network.name}")
    low, high = phis[last], phis[last + 1]
    while high - low > _CLOSE:
        cuts = [low + (high - low) * i / 16 for i in range(17)]
        answers = [bool(ok) for ok in line.within(cuts, budgets)]
        first = next(i for i in range(1, 17) if not answers[i])
        low, high = cuts[first - 1], cuts[first]
    return line.found(low, high, budgets)


class _Line(NamedTuple):
    """The scaling line through a network, and the networks on it."""

    network: Network
    start: dict[str, Fraction]
    request: Request

    def value(self, name: str, phi: Fraction) -> Fraction:
        """A knob at phi, truncated to twelve digits."""
        log = _EXACT.ln(_decimal(COMPOUND[name]))
        grown = self.start[name] * Fraction(_EXACT.exp(_EXACT.multiply(log, _decimal(phi))))
        return Fraction(int(grown * 10**_DIGITS), 10**_DIGITS)

    def knobs(self, phi: Fraction) -> dict[str, Any]:
        found: dict[str, Any] = {name: self.value(name, phi) for name in self.start}
        found["resolution"] = int(found["resolution"] + Fraction(1, 2))
        return found

    def costs(self, points: Sequence[Mapping[str, Any]]) -> dict[str, list[int | None]]:
        """The metrics at points of the line; None where none can be built."""
        made, at = self.placed(points)
        return {metric: at_points(made, metric, at) for metric in made.metrics}

    def placed(self, points: Sequence[Mapping[str, Any]]) -> tuple[DesignSpace, list[Array]]:
        """A design space that has these points of the line, and their positions along each of its axes."""
        axes = {name: sorted({point[name] for point in points}) for name in self.start}
        made = design_space(self.network, axes, **self.request.options(), buildable=True)
        places = {name: {value: i for i, value in enumerate(values)} for name, values in made.axes.items()}
        return made, [np.array([places[name][point[name]] for point in points]) for name in made.axes]

    def extrapolated(self, point: Mapping[str, Any]) -> bool | None:
        """Whether a network differs from all that the device was fitted on; None without such a device."""
        if not is_calibrated(self.request.device):
            return None
        from convcost.space.extrapolated import at_each

        found = at_each(*self.placed([point]))
        return None if found is None else bool(found[0])

    def within(self, phis: Sequence[Fraction], budgets: Sequence[Budget]) -> list[bool]:
        costs = self.costs([self.knobs(phi) for phi in phis])
        return [
            all((value := costs[budget.metric][i]) is not None and value <= budget.limit for budget in budgets)
            for i in range(len(phis))
        ]

    def found(self, low: Fraction, high: Fraction, budgets: Sequence[Budget]) -> Scaled:
        """The change between two adjacent values of phi."""
        before, after = self.knobs(low), self.knobs(high)
        steps = [before, after, *({**before, name: after[name]} for name in self.start)]
        costs = self.costs(steps)
        here = {metric: values[0] for metric, values in costs.items()}
        changed = [name for i, name in enumerate(self.start, 2) if any(v[i] != v[0] for v in costs.values())]
        name = changed[0] if changed else "resolution"
        at = (
            Fraction(2 * after[name] - 1, 2)
            if name == "resolution"
            else simplest(self.value(name, low), self.value(name, high) + Fraction(1, 10**_DIGITS))
        )
        ratio = _EXACT.ln(_decimal(at / self.start[name]))
        phi = float(_EXACT.divide(ratio, _EXACT.ln(_decimal(COMPOUND[name]))))
        broken = tuple(b.metric for b in budgets if (value := costs[b.metric][1]) is None or value > b.limit)
        known = {metric: cost for metric, cost in here.items() if cost is not None}
        beyond = self.extrapolated(before)
        return Scaled(phi, self.short(before), known, name, at, broken, self.request, beyond)

    def short(self, knobs: Mapping[str, Any]) -> dict[str, Any]:
        """Decimals not above the knobs, with as few digits as give the same network, but at least four."""
        cuts = [{name: _cut(value, 10**digits) for name, value in knobs.items()} for digits in _SHOWN_DIGITS]
        costs = self.costs([knobs, *cuts])
        return next(cut for i, cut in enumerate(cuts, 1) if all(found[i] == found[0] for found in costs.values()))


def _cut(value: Any, parts: int) -> Any:
    return value if isinstance(value, int) else Fraction(int(value * parts), parts)


def _decimal(value: Fraction) -> Decimal:
    return _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


def compound_table(model: str, found: Scaled | None, budgets: Sequence[Budget], rewrite: str = "") -> Table:
    """The largest network on the line of compound scaling that fits."""
    bases = ", ".join(f"{name} × {value_text(base)}^φ" for name, base in COMPOUND.items())
    notes = [("budget", "; ".join(budget.text for budget in budgets)), ("line", bases)]
    data: dict[str, Any] = {"schema": "convcost.compound/1", "version": __version__, "network": model}
    data |= {"rewrite": rewrite} if rewrite else {}
    data |= device_dict(found.request) if found else {}
    data["budgets"] = [budget.to_dict() for budget in budgets]
    shown = (*BUDGETED, *(TIMED if found and found.request.device else ()))
    headers = ("φ", *COMPOUND, *map(column_of, shown))
    rows, records = [], []
    if found:
        notes.append(
            (
                "edge",
                f"φ below {found.phi:.6f}, where {found.ends} passes {_place(found)}; beyond it breaks: {', '.join(METRICS[metric].short for metric in found.binds)}",
            )
        )
        costs = [_written(found, metric) for metric in shown]
        beyond = {} if found.extrapolated is None else {EXTRAPOLATED: found.extrapolated}
        rows = [[f"< {found.phi:.4f}", *(str(value_text(found.knobs[name])) for name in COMPOUND), *costs]]
        records = [{"phi": found.phi, **{n: json_value(found.knobs[n]) for n in COMPOUND}, **found.costs, **beyond}]
        notes += _latency_notes(found)
        data |= {"phi": found.phi, "ends": found.ends, "at": str(found.at), "binds": list(found.binds)}
        data |= {"knobs": {n: json_value(v) for n, v in found.knobs.items()}, "costs": dict(found.costs), **beyond}
    else:
        notes.append(("fits", f"nothing: even φ = -{MOST_PHI} is over the budget"))
        data["phi"] = None
    return Table(
        title=f"{rewritten_name(model, rewrite)} · compound scaling within {'; '.join(budget.text for budget in budgets)}",
        headers=headers,
        numeric=(True,) * len(headers),
        rows=rows,
        records=records,
        data=data,
        notes=notes,
    )


def _written(found: Scaled, metric: str) -> str:
    return f"{BEYOND if found.extrapolated and metric in TIMED else ''}{METRICS[metric].written(found.counts[metric])}"


def _latency_notes(found: Scaled) -> list[tuple[str, str]]:
    if found.request.device is None:
        return []
    from convcost.space.extrapolated import device_note
    from convcost.space.timed import FAR

    far = [(BEYOND, f"it is {FAR}")] if found.extrapolated else []
    return [(METRICS["latency_ms"].heading, device_note(found.request.device)), *far]


def _place(found: Scaled) -> str:
    return fraction_text(found.at) if found.at.denominator > 1 else str(found.at)
