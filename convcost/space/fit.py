"""`convcost.fit`: which configurations stay within a budget.

A configuration of the grid is *maximal* if it fits all budgets and no other one that fits is at least as large in every
knob.
The whole grid is searched, not just its boundary, because rounding makes costs non-monotonic: a wider network can be
cheaper. Knobs without an order (words, choices) are not traded against each other.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from convcost.core.checks import check_knobs
from convcost.core.dims import LARGEST, Array
from convcost.core.dtypes import DEFAULT
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.metrics import METRICS, TIMED, column_of, key_of
from convcost.core.reading import each
from convcost.core.units import decimal_text, exact
from convcost.core.version import __version__
from convcost.networks.load import Model, knobs_apart
from convcost.networks.network import Network
from convcost.networks.vary import varied
from convcost.render.escape import printable
from convcost.render.table import Table, Tabular
from convcost.results.report import json_value
from convcost.space.axes import MOST_VALUES, fraction_text, is_ordered, value_text
from convcost.space.budget import Budget, budgets_of
from convcost.space.evaluate import at_points, evaluate, feasible
from convcost.space.open import design_space, opened
from convcost.space.points_table import device_dict
from convcost.space.space import DesignSpace
from convcost.space.target import BEYOND, EXTRAPOLATED, HowDeployed, device_of, is_calibrated, latency_limit
from convcost.space.threshold import Threshold, edge
from convcost.spec.knobs import FIXED, no_knob
from convcost.spec.zoo import split_name

if TYPE_CHECKING:
    from convcost.devices.board import Board
    from convcost.devices.device import Device, Roofline

MOST_FITTED = 20_000_000
END = "end of the axis"
UNBUILDABLE = "cannot be built"


class Configuration(NamedTuple):
    """One network: its knobs, its costs, and what keeps each knob from growing by one step."""

    knobs: Mapping[str, Any]
    counts: Mapping[str, int]
    """Its costs as they are compared with budgets: whole numbers, of a latency femtoseconds."""
    binding: Mapping[str, tuple[str, ...]]
    """For each knob with an order: the metrics whose budget its next value breaks, or END, or UNBUILDABLE."""
    next: Mapping[str, Any]
    """For each of these knobs the next value at which a network can be built, if there is one."""
    extrapolated: bool | None = None
    """Whether it differs from all networks that the device was fitted on; None where no calibrated device is asked for."""

    @property
    def costs(self) -> Mapping[str, float]:
        """Its costs; a latency in milliseconds."""
        return {metric: METRICS[metric].value(count) for metric, count in self.counts.items()}

    @property
    def binds(self) -> tuple[str, ...]:
        """The budgets that some knob runs into."""
        return tuple(dict.fromkeys(one for found in self.binding.values() for one in found if one in METRICS))


@dataclass(frozen=True, eq=False)
class Fit(Tabular):
    """What fits a budget."""

    network: str
    budgets: tuple[Budget, ...]
    axes: Mapping[str, tuple[Any, ...]]
    maximal: tuple[Configuration, ...]
    """In the order of the axes; empty if nothing fits."""
    best: Configuration | None
    """The one that `maximise` picks."""
    nearest: Configuration | None
    """If nothing fits: the configuration that exceeds its worst budget by the smallest factor."""
    fitting: int
    """How many points of the grid fit."""
    tables: DesignSpace = field(repr=False)

    def __repr__(self) -> str:
        budgets = "; ".join(budget.text for budget in self.budgets)
        return printable(
            f"<Fit {self.tables.title} · {budgets} · {exact(self.fitting)} fit, {exact(len(self.maximal))} are maximal>"
        )

    def table(self, limit: int | None = None) -> Table:
        """The maximal configurations, or the one picked, as a table to show or to `render`; at most `limit` rows."""
        return fit_table(self, limit)

    def _repr_html_(self) -> str:
        """How a notebook shows what fits."""
        return self.table(40)._repr_html_()

    @property
    def fits(self) -> bool:
        return bool(self.fitting)

    @property
    def shown(self) -> tuple[str, ...]:
        """The metrics that a table shows: all that a budget can bound."""
        return tuple(metric for metric in self.tables.metrics if METRICS[metric].examples)

    @property
    def unbuildable(self) -> int:
        """The number of points of the grid at which no network can be built."""
        return sum(prod(region.shape) for region in self.tables.regions if region.reason)

    def edge(self, configuration: Configuration, knob: str) -> Threshold | None:
        """How far a decimal knob of a configuration can grow, exactly; None if its next value is not what limits it.

        Raises `UsageError` for a knob that is no axis.
        """
        if knob not in self.axes:
            raise UsageError(f"there is no axis {knob!r}{did_you_mean(knob, self.axes)}")
        values = self.axes[knob]
        at = values.index(configuration.knobs[knob])
        if values[at + 1 : at + 2] != (configuration.next.get(knob),) or not isinstance(values[at], Fraction):
            return None
        others = {name: value for name, value in configuration.knobs.items() if name != knob}

        def fits(candidates: Sequence[Fraction]) -> list[bool]:
            source, options = self.tables.source.at(others), self.tables.request.options()
            made = design_space(source, {}, over={knob: list(candidates)}, **options)
            return [bool(ok) for ok in within(made, self.budgets)]

        return edge(fits, values[at], values[at + 1])


@knobs_apart
def fit(
    model: Model,
    settings: Mapping[str, Any] | None = None,
    /,
    *,
    max_macs: Any = None,
    max_params: Any = None,
    max_peak: Any = None,
    dtype: str | None = None,
    over: Mapping[str, Any] | Iterable[str] | None = None,
    maximise: str | None = None,
    batch: int = 1,
    memory_policy: str = "fused",
    rewrite: str = "",
    max_ram: Any = None,
    max_flash: Any = None,
    runtime: str | None = None,
    deploy: str | bool | None = None,
    board: str | os.PathLike[str] | Board | None = None,
    pointers: int | None = None,
    kernels: str | None = None,
    max_latency: Any = None,
    device: str | os.PathLike[str] | Device | Roofline | None = None,
    **knobs: Any,
) -> Fit:
    """The maximal configurations within a budget: no knob of theirs can grow without breaking it.

    Budgets are numbers or text such as "300M" and "256KiB"; peak memory is that of activations, all as `dtype`
    or as the network states. `over` gives the axes, as for a sweep, or names them; without it, width runs in steps of 0.01, or of 1 if it is an integer, and resolution
    pixel by pixel, unless they are set; of a network that has neither, all integers and decimals run. `maximise` names a metric or an axis by which one is picked, `rewrite` states how convolutions are rebuilt.
    Knobs are set by name, or in a mapping. Raises `UsageError`, and `SpecError` if no network can be built.
    `max_ram` bounds the arena of a `runtime`, `max_flash` the model file, both of the network as a type (`deploy`, by
    default int8); a `board` bounds both by what it has. `max_latency` ("20ms") bounds the time on a `device`, a name or a file.

    >>> found = fit("mobilenet_v2", max_macs="300M", over={"width": "0.5:1.5:0.05"}, maximise="macs")
    >>> found.best.knobs["width"], found.best.binds  # at 1.0 it would take 300,774,272
    (Fraction(19, 20), ('macs',))
    """
    asked, on = HowDeployed(runtime, deploy, board, pointers, kernels), device_of(device)
    limits, time = asked.limits(max_ram, max_flash), latency_limit(max_latency, on)
    # What is wrong with budgets is said first.
    budgets_of(max_macs, max_params, max_peak, dtype or DEFAULT, **limits, **time)
    settings, over = check_knobs(settings, knobs), named_axes(over)
    network, rewrite = opened(model, settings, over, rewrite)
    axes = axes_over(network, over) if over else default_axes(network, _stated(model, settings))
    made = design_space(
        network,
        {},
        over=axes,
        batch=batch,
        dtype=dtype,
        memory_policy=memory_policy,
        rewrite=rewrite,
        target=asked.target(dtype, limited=any(limit is not None for limit in limits.values())),
        device=on,
        buildable=True,
        check=_check_points,
    )
    return _fitted(made, budgets_of(max_macs, max_params, max_peak, made.dtype, **limits, **time), maximise)


def _check_points(points: int) -> None:
    if points > MOST_FITTED:
        raise UsageError(
            f"fit looks at every point; {exact(points)} are more than {exact(MOST_FITTED)}: give fewer values"
        )


def _stated(model: Model, settings: Mapping[str, Any]) -> set[str]:
    """The knobs that are set, in the model's name too."""
    return {*settings} if isinstance(model, Network) else {*split_name(os.fspath(model))[1], *settings}


def _fitted(made: DesignSpace, budgets: tuple[Budget, ...], maximise: str | None) -> Fit:
    """What fits of a design space, all of whose points are looked at; raises `UsageError`."""
    if not isinstance(maximise, str | None):
        raise UsageError(f"maximise is the name of a metric or axis, got {type(maximise).__name__}")
    maximise = maximise if maximise is None or maximise in made.axes else key_of(maximise)
    if maximise is not None and maximise not in (*made.metrics, *made.axes):
        raise UsageError(
            f"there is no metric or axis {maximise!r}{did_you_mean(maximise, [*made.metrics, *made.axes])}"
        )
    fits = within(made, budgets)
    ordered = [axis for axis, values in enumerate(made.axes.values()) if is_ordered(values)]
    found = [_configuration(made, budgets, where, ordered) for where in zip(*np.nonzero(maximal(fits, ordered)))]
    best = None
    if maximise is not None and found:
        best = _configuration(made, budgets, _best(made, fits, maximise), ordered)
    nearest = None if found else _nearest(made, budgets, ordered)
    return Fit(made.network, budgets, made.axes, tuple(found), best, nearest, int(fits.sum()), made)


def within(made: DesignSpace, budgets: Sequence[Budget]) -> Array:
    """Whether each point of a grid can be built and stays within all budgets."""
    fits = feasible(made)
    for budget in budgets:
        fits &= (evaluate(made, budget.metric) <= budget.limit).astype(bool)
    return fits


def maximal(fits: Array, ordered: Sequence[int]) -> Array:
    """The maximal points: they fit, and no other point that fits is at least as large along all ordered axes."""
    above = fits.copy()  # whether the point itself or any one at least as large fits
    for axis in ordered:
        above = np.flip(np.logical_or.accumulate(np.flip(above, axis), axis=axis), axis)
    larger = np.zeros_like(fits)
    for axis in ordered:
        here, next_ = [slice(None)] * fits.ndim, [slice(None)] * fits.ndim
        here[axis], next_[axis] = slice(None, -1), slice(1, None)
        larger[tuple(here)] |= above[tuple(next_)]
    return np.asarray(fits & ~larger)


_USUAL = ("width", "resolution")
_HUNDREDTH = Fraction(1, 100)
_MOST_STEPS = 512
"""The most values of an integer knob that fit looks at unasked."""


def default_axes(network: Network, fixed: Collection[str] = ()) -> dict[str, Any]:
    """Width in steps of 0.01, resolution pixel by pixel, up to twice the network's (at least 2, 512), except fixed knobs.

    A width that is an integer runs from 1 to twice itself; so does every other integer of a network that has neither.
    Raises `UsageError` if none is left.
    """
    axes = {name: _default_axis(name, value) for name, value in varied(network, _USUAL).items()}
    free = {name: values for name, values in axes.items() if name not in fixed}
    if not free:
        why = f"every default axis is set ({', '.join(axes)})" if axes else "it has neither width nor resolution"
        others = [name for name in network.knobs if name not in fixed and not network.replaces(name)]
        over = f"say over which of its knobs: {', '.join(others)}" if others else FIXED
        raise UsageError(f"{network.origin.family}: {why}; {over}")
    return free


def named_axes(over: Mapping[str, Any] | Iterable[str] | None) -> dict[str, Any]:
    """Axes with their values, None for one that is only named: a list of names, or text as `width,resolution`.

    >>> named_axes("width,resolution"), named_axes({"width": "0.5:1:0.25"})
    ({'width': None, 'resolution': None}, {'width': '0.5:1:0.25'})
    """
    if isinstance(over, str):
        over = [name.strip() for name in over.split(",")]
    return (
        check_knobs(over, {})
        if isinstance(over, Mapping)
        else dict.fromkeys(() if over is None else map(str, each(over)))
    )


def axes_over(network: Network, over: Mapping[str, Any]) -> dict[str, Any]:
    """Axes with the values of those that are only named: as by default for these knobs; raises `UsageError`."""
    return {name: _only_named(network, name) if values is None else values for name, values in over.items()}


def _only_named(network: Network, name: str) -> str:
    if name not in network.knobs:
        raise no_knob(network.name, name, network.knobs)
    if name not in (usual := varied(network, (name,))):
        raise UsageError(f"{name} of {network.name} is no number: say over which of its values, --over {name}=VALUES")
    return _default_axis(name, usual[name])


def _default_axis(name: str, value: int | Fraction) -> str:
    """The values of a knob, as an axis is written: no more than one may have, none larger than a knob may be.

    >>> _default_axis("width", Fraction(1)), _default_axis("resolution", 224), _default_axis("depth", 4)
    ('0.05:2.0:0.01', '16:512', '1:8:1')
    >>> _default_axis("resolution", 10**9), _default_axis("depth", 10**9), _default_axis("width", Fraction(10**6))
    ('16:1000000000:1000', '1953125:1000000000:1953125', '0.05:2000000.0:2.0')
    """
    if isinstance(value, Fraction):
        end = min(max(Fraction(2), 2 * value), Fraction(LARGEST))
        apart = _HUNDREDTH * max(1, ceil(end / _HUNDREDTH / MOST_VALUES))
        return f"0.05:{decimal_text(end)}:{decimal_text(apart)}"
    last = min(2 * value, LARGEST)
    if name == "resolution":
        last = max(512, last)
        step = -(-last // MOST_VALUES)
        return f"16:{last}:{step}" if step > 1 else f"16:{last}"
    step = -(-last // _MOST_STEPS)
    return f"{step}:{last}:{step}"


def _configuration(
    made: DesignSpace, budgets: Sequence[Budget], where: Sequence[int], ordered: Sequence[int]
) -> Configuration:
    names = list(made.axes)
    knobs = {name: values[int(i)] for (name, values), i in zip(made.axes.items(), where, strict=True)}
    binding: dict[str, tuple[str, ...]] = {}
    following: dict[str, Any] = {}
    for axis in ordered:
        line = tuple(
            slice(int(at) + 1, made.shape[i]) if i == axis else slice(int(at), int(at) + 1)
            for i, at in enumerate(where)
        )
        ahead = feasible(made, line).ravel()
        if not ahead.any():
            binding[names[axis]] = (UNBUILDABLE,) if len(ahead) else (END,)
            continue
        place = int(where[axis]) + 1 + int(ahead.argmax())
        following[names[axis]] = made.axes[names[axis]][place]
        costs = _costs_at(made, [place if i == axis else int(at) for i, at in enumerate(where)]) or {}
        binding[names[axis]] = tuple(budget.metric for budget in budgets if costs[budget.metric] > budget.limit)
    return Configuration(knobs, _costs_at(made, where) or {}, binding, following, _extrapolated(made, where))


def _extrapolated(made: DesignSpace, where: Sequence[int]) -> bool | None:
    if not is_calibrated(made.request.device):
        return None
    from convcost.space.extrapolated import at_each

    found = at_each(made, [np.array([at]) for at in where])
    return None if found is None else bool(found[0])


def _costs_at(made: DesignSpace, where: Sequence[int]) -> dict[str, int] | None:
    point = [np.array([at]) for at in where]
    costs = {metric: at_points(made, metric, point)[0] for metric in made.metrics}
    return {metric: cost for metric, cost in costs.items() if cost is not None} or None


def _best(made: DesignSpace, fits: Array, maximise: str) -> tuple[int, ...]:
    """The point that fits and maximises a metric or an axis; of equal ones the one with the most MACs, then the last."""
    places = np.flatnonzero(fits)
    values = _wanted(made, maximise).ravel()[places]
    places = places[values == values.max()]
    macs = evaluate(made, "macs").ravel()[places]
    return tuple(map(int, np.unravel_index(places[macs == macs.max()][-1], fits.shape)))


def _wanted(made: DesignSpace, maximise: str) -> Array:
    if maximise in made.metrics:
        return evaluate(made, maximise)
    axis = list(made.axes).index(maximise)
    shape = [-1 if position == axis else 1 for position in range(len(made.shape))]
    return np.broadcast_to(np.arange(made.shape[axis]).reshape(shape), made.shape)


def _nearest(made: DesignSpace, budgets: Sequence[Budget], ordered: Sequence[int]) -> Configuration:
    """The configuration that exceeds its worst budget by the smallest factor; of equal ones the last."""
    worst = np.zeros(made.shape)
    for budget in budgets:
        worst = np.maximum(worst, evaluate(made, budget.metric).astype(float) / max(1, budget.limit))
    worst[~feasible(made)] = np.inf
    places = np.flatnonzero(worst == worst.min())
    return _configuration(made, budgets, np.unravel_index(places[-1], made.shape), ordered)


MOST_SHOWN = 40


def fit_table(found: Fit, limit: int | None = MOST_SHOWN) -> Table:
    """The maximal configurations, or the one picked, or the nearest if nothing fits."""
    best = found.best or found.nearest
    shown = [best] if best else list(found.maximal)[:limit]
    edges = {name: found.edge(best, name) for name in best.binding} if found.best and best else {}
    notes = [("budget", "; ".join(budget.text for budget in found.budgets))]
    points = f"{exact(found.tables.points)} configurations"
    if found.unbuildable:
        deployed = " or deployed" if found.tables.request.target else ""
        points += f", {exact(found.unbuildable)} of which cannot be built{deployed}"
    if found.best:
        notes.append(("fits", f"{exact(found.fitting)} of {points}; this one has most of what was asked for"))
        notes += [("edge", _edge_text(name, found, edge)) for name, edge in edges.items()]
    elif found.fits:
        more = "" if len(shown) == len(found.maximal) else f", the first {len(shown)} shown (--limit)"
        notes.append(
            (
                "fits",
                (
                    f"{exact(found.fitting)} of {points}; {exact(len(found.maximal))} "
                    f"{'is' if len(found.maximal) == 1 else 'are'} maximal{more}: "
                    "none that fits is at least as large in every knob"
                ),
            )
        )
    else:
        assert found.nearest is not None
        notes.append(("fits", f"none of {points}; the nearest is shown"))
        notes += [
            ("lacks", _lack(budget, found.nearest))
            for budget in found.budgets
            if budget.metric in _broken(found, found.nearest)
        ]
    if found.tables.request.target:
        notes.append(("deployed", found.tables.request.target.note))
    if found.tables.request.device:
        notes += _latency_notes(found.tables.request.device, shown)
    budgets = "; ".join(budget.text for budget in found.budgets)
    metrics = found.shown
    return Table(
        title=f"{found.tables.title} · what fits {budgets}",
        heading=f"{found.tables.heading} · what fits {budgets}",
        headers=(*found.axes, *map(column_of, metrics), "what stops a larger one"),
        numeric=(*(True for _ in (*found.axes, *metrics)), False),
        priority=(*(0 for _ in (*found.axes, *metrics)), 1),
        wrap=(*(False for _ in (*found.axes, *metrics)), True),
        rows=[_row(one, found) for one in shown],
        records=[_record(one, found.axes) for one in (shown if best else found.maximal)],
        data=_data(found, edges),
        notes=notes,
    )


def _latency_notes(device: Device | Roofline, shown: Sequence[Configuration]) -> list[tuple[str, str]]:
    """What latencies are of, and whether those that are shown are extrapolated: of all others nobody asks here."""
    from convcost.space.extrapolated import device_note
    from convcost.space.timed import FAR

    far = sum(bool(one.extrapolated) for one in shown)
    many = (
        "it is" if len(shown) == 1 else f"{exact(far)} of the {exact(len(shown))} shown {'is' if far == 1 else 'are'}"
    )
    return [(METRICS[TIMED[0]].heading, device_note(device)), *([(BEYOND, f"{many} {FAR}")] if far else [])]


def _row(one: Configuration, found: Fit) -> list[str]:
    stops = "; ".join(f"{knob}: {_stops(one, knob, found)}" for knob, names in one.binding.items() if names)
    return [
        *(str(value_text(one.knobs[name])) for name in found.axes),
        *(_written(one, metric) for metric in found.shown),
        stops,
    ]


def _written(one: Configuration, metric: str) -> str:
    return f"{BEYOND if one.extrapolated and metric in TIMED else ''}{METRICS[metric].written(one.counts[metric])}"


def _stops(one: Configuration, knob: str, found: Fit) -> str:
    """What stops a knob, and where, if values in between are no networks."""
    said = ", ".join(map(_stop, one.binding[knob]))
    values = found.axes[knob]
    gap = knob in one.next and values.index(one.next[knob]) > values.index(one.knobs[knob]) + 1
    return f"{said} at {value_text(one.next[knob])}, the next that can be built" if gap else said


def _stop(name: str) -> str:
    """What stops a knob, in words: a metric's short name, or the end of what can be built as it is said."""
    return METRICS[name].short if name in METRICS else name


def _record(one: Configuration, axes: Mapping[str, Any]) -> dict[str, Any]:
    flat = {f"{knob}_stopped_by": " ".join(names) for knob, names in one.binding.items()}
    return {name: json_value(one.knobs[name]) for name in axes} | dict(one.costs) | _beyond_dict(one) | flat


def _beyond_dict(one: Configuration) -> dict[str, bool]:
    return {} if one.extrapolated is None else {EXTRAPOLATED: one.extrapolated}


def _data(found: Fit, edges: Mapping[str, Threshold | None]) -> dict[str, Any]:
    return {
        "schema": "convcost.fit/1",
        "version": __version__,
        "network": found.network,
        **({"rewrite": found.tables.request.rewrite} if found.tables.request.rewrite else {}),
        **({"deployment": found.tables.request.target.to_dict()} if found.tables.request.target else {}),
        **device_dict(found.tables.request),
        "budgets": [budget.to_dict() for budget in found.budgets],
        "fits": found.fits,
        "fitting": found.fitting,
        "points": found.tables.points,
        "maximal": [_json(one) for one in found.maximal],
        "best": _json(found.best) if found.best else None,
        "edges": {name: _edge_json(edge) for name, edge in edges.items() if edge},
        "nearest": _json(found.nearest) if found.nearest else None,
    }


def _json(one: Configuration) -> dict[str, Any]:
    return {
        "knobs": {name: json_value(value) for name, value in one.knobs.items()},
        "costs": dict(one.costs),
        **_beyond_dict(one),
        "stopped_by": {knob: list(names) for knob, names in one.binding.items()},
        "next": {knob: json_value(value) for knob, value in one.next.items()},
    }


def _edge_json(edge: Threshold) -> dict[str, Any]:
    return {"value": str(edge.value), "included": edge.included}


def _edge_text(name: str, found: Fit, edge: Threshold | None) -> str:
    assert found.best is not None
    names = ", ".join(map(_stop, found.best.binding[name]))
    if found.best.binding[name] == (END,):
        return f"{name} {value_text(found.best.knobs[name])} is the end of the axis; --over {name}=… looks further"
    if edge:
        return f"{name} could grow to {'and including' if edge.included else 'just below'} {fraction_text(edge.value)}; beyond it breaks: {names}"
    if name not in found.best.next:
        return f"{name}: no larger value can be built"
    return f"{name} {value_text(found.best.next[name])} breaks: {names}"


def _broken(found: Fit, one: Configuration) -> Sequence[str]:
    return [budget.metric for budget in found.budgets if one.counts[budget.metric] > budget.limit]


def _lack(budget: Budget, one: Configuration) -> str:
    count = one.counts[budget.metric]
    over = count - budget.limit
    factor = f" ({count / budget.limit:.2f}×)" if budget.limit else ""
    return f"{METRICS[budget.metric].short} {budget.amount(count)} is {budget.amount(over)}{factor} over the budget"
