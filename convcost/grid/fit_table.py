"""What fits a budget, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from convcost.grid.breakpoints import Edge
from convcost.grid.budget import PEAK, Budget
from convcost.grid.compound import COMPOUND, MOST_PHI, Scaled
from convcost.grid.fit import END, Configuration, Fit
from convcost.grid.sweep import value_text
from convcost.grid.sweep_tables import HEADERS
from convcost.render import Table
from convcost.rewrite import rewritten_name
from convcost.tables import json_value
from convcost.units import binary, exact
from convcost.version import __version__

METRICS = ("macs", "params", PEAK)
MOST_SHOWN = 40


def fit_table(found: Fit, limit: int | None = MOST_SHOWN) -> Table:
    """The maximal configurations, or the one picked, or the nearest if nothing fits."""
    best = found.best or found.nearest
    shown = [best] if best else list(found.maximal)[:limit]
    edges = {name: found.edge(best, name) for name in best.binding} if found.best and best else {}
    notes = [("budget", "; ".join(budget.text for budget in found.budgets))]
    points = f"{exact(found.tables.points)} configurations"
    if found.unbuildable:
        points += f", {exact(found.unbuildable)} of which cannot be built"
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
    return Table(
        title=f"{found.tables.title} · what fits {'; '.join(budget.text for budget in found.budgets)}",
        headers=(*found.axes, *(HEADERS.get(metric, metric) for metric in METRICS), "what stops a larger one"),
        numeric=(*(True for _ in found.axes), True, True, True, False),
        rows=[_row(one, found) for one in shown],
        records=[_record(one, found.axes) for one in (shown if best else found.maximal)],
        data=_data(found, edges),
        notes=notes,
    )


def _row(one: Configuration, found: Fit) -> list[str]:
    stops = "; ".join(f"{knob}: {_stops(one, knob, found)}" for knob, names in one.binding.items() if names)
    return [
        *(str(value_text(one.knobs[name])) for name in found.axes),
        *(binary(one.costs[metric]) if metric == PEAK else exact(one.costs[metric]) for metric in METRICS),
        stops,
    ]


def _stops(one: Configuration, knob: str, found: Fit) -> str:
    """What stops a knob, and where, if values in between are no networks."""
    said = ", ".join(map(_short, one.binding[knob]))
    values = found.axes[knob]
    gap = knob in one.next and values.index(one.next[knob]) > values.index(one.knobs[knob]) + 1
    return f"{said} at {value_text(one.next[knob])}, the next that can be built" if gap else said


def _record(one: Configuration, axes: Mapping[str, Any]) -> dict[str, Any]:
    flat = {f"{knob}_stopped_by": " ".join(names) for knob, names in one.binding.items()}
    return {name: json_value(one.knobs[name]) for name in axes} | dict(one.costs) | flat


def _data(found: Fit, edges: Mapping[str, Edge | None]) -> dict[str, Any]:
    return {
        "schema": "convcost.fit/1",
        "version": __version__,
        "network": found.network,
        **({"rewrite": found.tables.request.rewrite} if found.tables.request.rewrite else {}),
        "budgets": [{"metric": budget.metric, "limit": budget.limit} for budget in found.budgets],
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
        "stopped_by": {knob: list(names) for knob, names in one.binding.items()},
        "next": {knob: json_value(value) for knob, value in one.next.items()},
    }


def _edge_json(edge: Edge) -> dict[str, Any]:
    return {"value": str(edge.value), "included": edge.included}


def _edge_text(name: str, found: Fit, edge: Edge | None) -> str:
    assert found.best is not None
    names = ", ".join(map(_short, found.best.binding[name]))
    if found.best.binding[name] == (END,):
        return f"{name} {value_text(found.best.knobs[name])} is the end of the axis; --over {name}=… looks further"
    if edge:
        return f"{name} could grow to {'and including' if edge.included else 'just below'} {_as_decimal(edge.value)}; beyond it breaks: {names}"
    if name not in found.best.next:
        return f"{name}: no larger value can be built"
    return f"{name} {value_text(found.best.next[name])} breaks: {names}"


def _broken(found: Fit, one: Configuration) -> Sequence[str]:
    return [budget.metric for budget in found.budgets if one.costs[budget.metric] > budget.limit]


def _lack(budget: Budget, one: Configuration) -> str:
    over = one.costs[budget.metric] - budget.limit
    factor = f" ({one.costs[budget.metric] / budget.limit:.2f}×)" if budget.limit else ""
    return f"{_short(budget.metric)} {budget.amount(one.costs[budget.metric])} is {budget.amount(over)}{factor} over the budget"


def _short(metric: str) -> str:
    return {"macs": "MACs", PEAK: "peak"}.get(metric, metric)


def compound_table(model: str, found: Scaled | None, budgets: Sequence[Budget], rewrite: str = "") -> Table:
    """The largest network on the line of compound scaling that fits."""
    bases = ", ".join(f"{name} × {value_text(base)}^φ" for name, base in COMPOUND.items())
    notes = [("budget", "; ".join(budget.text for budget in budgets)), ("line", bases)]
    data: dict[str, Any] = {"schema": "convcost.compound/1", "version": __version__, "network": model}
    data |= {"rewrite": rewrite} if rewrite else {}
    data["budgets"] = [{"metric": budget.metric, "limit": budget.limit} for budget in budgets]
    names = ("phi", *COMPOUND, *METRICS)
    rows, records = [], []
    if found:
        notes.append(
            (
                "edge",
                f"φ below {found.phi:.6f}, where {found.ends} passes {_place(found)}; beyond it breaks: {', '.join(map(_short, found.binds))}",
            )
        )
        costs = [binary(found.costs[m]) if m == PEAK else exact(found.costs[m]) for m in METRICS]
        rows = [[f"< {found.phi:.4f}", *(str(value_text(found.knobs[name])) for name in COMPOUND), *costs]]
        records = [{"phi": found.phi, **{n: json_value(found.knobs[n]) for n in COMPOUND}, **found.costs}]
        data |= {"phi": found.phi, "ends": found.ends, "at": str(found.at), "binds": list(found.binds)}
        data |= {"knobs": {n: json_value(v) for n, v in found.knobs.items()}, "costs": dict(found.costs)}
    else:
        notes.append(("fits", f"nothing: even φ = -{MOST_PHI} is over the budget"))
        data["phi"] = None
    return Table(
        title=f"{rewritten_name(model, rewrite)} · compound scaling within {'; '.join(budget.text for budget in budgets)}",
        headers=tuple({"phi": "φ"}.get(name, HEADERS.get(name, name)) for name in names),
        numeric=(True,) * len(names),
        rows=rows,
        records=records,
        data=data,
        notes=notes,
    )


def _place(found: Scaled) -> str:
    return _as_decimal(found.at) if found.at.denominator > 1 else str(found.at)


def _as_decimal(value: Fraction) -> str:
    """A fraction, with the decimal that it is if it is one."""
    decimal = str(value_text(value))
    return f"{value} = {decimal}" if decimal != str(value) else decimal
