"""Reconciliations as tables and JSON: two conventions on one network, all conventions, and the origin of a printed figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from convcost.conventions.catalog import all_conventions
from convcost.conventions.convention import PAPER
from convcost.conventions.reconcile import (
    Reconciliation,
    convention_dict,
    described,
    header,
    pair_dict,
    partial_notes,
    share_text,
    terms_table,
)
from convcost.core.printed import HOW, Printed
from convcost.core.units import compact, exact, signed
from convcost.graph.partial import AT_LEAST, refuse_unknown, unknown_ops
from convcost.networks.network import Network
from convcost.render.table import Table
from convcost.results.report import inputs_dict, not_counted_notes, title


def pair_table(network: Network, first: str, second: str, batch: int = 1, dtype: str | None = None) -> Table:
    """The waterfall between two conventions, a row per term; raises `UsageError` for an unknown name."""
    found = network.reconcile(first, second, batch=batch, dtype=dtype)
    whole = f"{title(network.report(batch=batch))} · from {first} to {second}{_typed(found, dtype)}"
    return replace(terms_table(found), title=whole, data={**_head(network), **pair_dict(found), **_dtype(dtype)})


def _typed(found: Reconciliation, dtype: str | None) -> str:
    """What stands in a title where a convention counts bits and a type is asked for."""
    return f" · as {dtype}" if dtype and (found.first.by_type or found.second.by_type) else ""


def _dtype(dtype: str | None) -> dict[str, Any]:
    return {} if dtype is None else {"dtype": dtype}


def all_table(network: Network, batch: int = 1, dtype: str | None = None) -> Table:
    """The count of every convention for one network, compared with that of papers."""
    paper = network.report(PAPER, batch=batch).totals.operations
    unknown = unknown_ops(network.steps)
    least = AT_LEAST if unknown else ""
    conventions = all_conventions()
    counts = {name: network.report(name, batch=batch, dtype=dtype).totals.operations for name in conventions}
    records: list[dict[str, Any]] = [
        {"convention": name, "unit": conventions[name].unit, "operations": count, "difference": count - paper}
        for name, count in counts.items()
    ]
    return Table(
        title=f"{title(network.report(batch=batch))} · every convention{f' · as {dtype}' if dtype else ''}",
        headers=("convention", "operations", "", "unit", f"against {PAPER}", ""),
        numeric=(False, True, True, False, True, True),
        priority=(0, 0, 4, 1, 2, 3),
        rows=[
            [name, f"{least}{exact(n)}", compact(n), conventions[name].unit, signed(n - paper), share_text(n, paper)]
            for name, n in counts.items()
        ],
        records=records,
        data={
            **_head(network),
            "batch": batch,
            **_dtype(dtype),
            "complete": not unknown,
            "unknown": [op._asdict() for op in unknown],
            "conventions": [{**r, **convention_dict(r["convention"])} for r in records],
        },
        notes=[
            *((name, convention.counts) for name, convention in conventions.items()),
            *(note for name in conventions for note in not_counted_notes(network.report(name, batch=batch))),
            *partial_notes(unknown),
        ],
    )


def printed_table(network: Network, figures: Sequence[Printed]) -> Table:
    """Which convention, on which network of the family, gives the figure that a tool or a paper prints.

    Raises `UsageError` for a network with unknown ops.
    """
    refuse_unknown(network.steps, network.label, "no convention gives a figure that could be compared")
    # What a tool prints of another network of the family is MACs or FLOPs, if anything: bits and tiles would only chance on it.
    totals = {
        one.name: _totals(one, ("MACs", "FLOPs") if one.name != network.name else ()) for one in _relatives(network)
    }
    found = [match for figure in figures for match in _matches(figure, totals)]
    missing = [figure for figure in figures if not any(match.figure == figure for match in found)]
    named = dict.fromkeys(name for match in found for name in match.conventions)
    notes = [("not found", f"{figure.text}: {_nearest(figure, totals)}") for figure in missing]
    notes += [(name, described(all_conventions()[name])) for name in named]
    notes += [("about", network.caption.about)] if found and network.caption.about else []
    return Table(
        title=f"{network.caption.title or network.name} · whose figure is {' and '.join(figure.text for figure in figures)}?",
        headers=("printed", "network", "convention", "operations", "unit", "how"),
        numeric=(True, False, False, True, False, False),
        priority=(0, 0, 0, 0, 1, 2),
        wrap=(False, False, True, False, False, True),
        rows=[[m.figure.text, m.network, ", ".join(m.conventions), exact(m.operations), m.unit, m.how] for m in found],
        records=[{**m._asdict(), "figure": m.figure.text, "conventions": " ".join(m.conventions)} for m in found],
        data={
            **_head(network),
            "printed": [figure.text for figure in figures],
            "found": [{**m._asdict(), "figure": m.figure.text} for m in found],
            "missing": [figure.text for figure in missing],
        },
        notes=notes,
        fields=_Match._fields,
    )


class _Match(NamedTuple):
    """A network and conventions that give a printed figure."""

    figure: Printed
    network: str
    conventions: tuple[str, ...]
    operations: int
    unit: str
    how: str


def _matches(figure: Printed, totals: dict[str, dict[tuple[str, int], list[str]]]) -> list[_Match]:
    """The closest matches of the figure; conventions that agree on a network share a line."""
    found = [
        _Match(figure, network, tuple(names), count, unit, how)
        for network, counts in totals.items()
        for (unit, count), names in counts.items()
        if (how := figure.rounds(count))
    ]
    best = min((HOW.index(match.how) for match in found), default=0)
    return [match for match in found if HOW.index(match.how) == best]


def _nearest(figure: Printed, totals: dict[str, dict[tuple[str, int], list[str]]]) -> str:
    """The counts nearest to a figure that nothing matches; for one without a unit, what may have been meant."""
    none = "no convention gives it for a network of this family"
    if figure.value < 1000:
        return f"{none}; a figure needs its unit, as in {figure.text}G or {figure.text}M"
    counted = [(count, network, names) for network, counts in totals.items() for (_, count), names in counts.items()]
    count, network, names = min(counted, key=lambda one: abs(one[0] - figure.value))
    return f"{none}; nearest is {network}, {names[0]}: {exact(count)}"


def _totals(network: Network, units: Sequence[str] = ()) -> dict[tuple[str, int], list[str]]:
    """Unit and total -> the conventions that give it, of these units or of all."""
    totals: dict[tuple[str, int], list[str]] = {}
    for name, convention in all_conventions().items():
        if units and convention.unit not in units:
            continue
        total = network.report(name).totals.operations
        totals.setdefault((convention.unit, total), []).append(name)
    return totals


def _relatives(network: Network) -> list[Network]:
    """The network itself, then the others of its family."""
    return [network, *map(Network, network.origin.relatives())]


def _head(network: Network) -> dict[str, Any]:
    return {**header(network.name), **inputs_dict(network.graph.inputs)}
