"""The zoo as a table: every family and preset at its own default knobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from convcost.conventions.convention import PAPER
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.kept import answers
from convcost.core.metrics import METRICS
from convcost.core.patterns import fitting
from convcost.core.units import exact, input_shapes_text, inputs_cell
from convcost.core.version import __version__
from convcost.render.table import Table


def list_table(patterns: Sequence[str] = (), counted: str = PAPER) -> Table:
    """One row per network of the zoo, family by family, with MACs or the operations that a convention counts.

    `patterns` are globs over names and families, or words that these contain; without any, all networks. Raises `SpecError` if a file of the zoo is
    wrong, `UsageError` for a pattern that nothing matches and for an unknown convention.
    """
    with answers("list") as known:
        unit, counts = known.of(("convention", counted), partial(_unit, counted))
        names = _chosen(patterns, known.of(("zoo",), _zoo))
        records = [known.of(("costs", name, counted), partial(_record, name, counted), name) for name in names]
    return Table(
        title="",
        heading="Networks of the zoo",
        headers=("network", "task", "input", METRICS["params"].heading, unit, "year", "source"),
        numeric=(False, False, False, True, True, True, False),
        priority=(0, 4, 3, 0, 0, 2, 1),
        rows=[
            [
                record["name"],
                record["task"],
                input_shapes_text(record["inputs"]),
                exact(record["params"]),
                exact(record["operations"]),
                str(record["year"]),
                record["source"],
            ]
            for record in records
        ],
        records=[_flat(record) for record in records],
        data={"schema": "convcost.list/1", "version": __version__, "convention": counted, "networks": records},
        notes=[("convention", f"{counted}: {counts}")],
    )


# The cache holds plain data; modules that counting needs are imported only in the functions that count.


def _unit(name: str) -> list[str]:
    """What a convention counts in, and what it counts."""
    from convcost.conventions.catalog import convention

    found = convention(name)
    return [found.unit, found.counts]


def list_networks(*patterns: str) -> tuple[str, ...]:
    """The names of the zoo's networks, family by family; `patterns` are globs over names and families.

    A pattern that is no name and no family matches what contains it. Raises `UsageError` where nothing matches.

    >>> list_networks("alexnet_un*", "mobilenet_v1")
    ('alexnet_ungrouped', 'mobilenet_v1', 'mobilenet_v1_shallow')
    >>> list_networks("dense")[0]
    'densenet121'
    """
    return tuple(_chosen(patterns, _zoo()))


def _zoo() -> list[list[str]]:
    """Name and family of every network."""
    from convcost.spec.zoo import all_specs, names_of

    return [[name, spec.name] for spec in all_specs() for name in names_of(spec)]


def _record(name: str, counted: str) -> dict[str, Any]:
    from convcost.networks.load import load
    from convcost.results.report import inputs_dict

    network = load(name)
    caption, report = network.caption, network.report(counted)
    return {
        "name": name,
        "family": network.origin.family,
        "title": caption.title,
        **inputs_dict(report.inputs),
        "params": report.totals.params,
        "macs": report.totals.macs,
        "operations": report.totals.operations,
        "task": caption.task,
        "year": caption.year,
        "source": caption.source,
    }


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """A network's record with its inputs in one cell."""
    shapes = {"input_shape": inputs_cell(record["inputs"])}
    return {name: shapes.get(name, value) for name, value in record.items() if name != "inputs"}


def _chosen(patterns: Sequence[str], zoo: Iterable[Sequence[str]]) -> list[str]:
    """Every network of the zoo whose name or family fits one of the patterns."""
    every = list(zoo)
    chosen: set[str] = set()
    for pattern in patterns:
        found = [name for name, _ in fitting(pattern, every, tuple)]
        if not found:
            near = did_you_mean(pattern, [name for name, _ in every])
            raise UsageError(f"no network of the zoo matches {pattern!r}{near}")
        chosen.update(found)
    return [name for name, _ in every if not patterns or name in chosen]
