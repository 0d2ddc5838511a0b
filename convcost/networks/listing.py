"""The zoo as a table: every family and preset at its own default knobs."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from convcost.conventions.catalog import convention
from convcost.conventions.convention import PAPER
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.units import exact, shape_text
from convcost.core.version import __version__
from convcost.networks.load import load
from convcost.render.table import Table
from convcost.spec.syntax import Spec
from convcost.spec.zoo import all_specs, names_of


def list_table(patterns: Sequence[str] = (), counted: str = PAPER) -> Table:
    """One row per network of the zoo, family by family, with MACs or the operations that a convention counts.

    `patterns` are globs over names and families; without any, all networks. Raises `SpecError` if a file of the zoo is
    wrong, `UsageError` for a pattern that nothing matches and for an unknown convention.
    """
    chosen = convention(counted)
    records: list[dict[str, Any]] = []
    rows = []
    for spec, name in _chosen(patterns):
        report = load(name).report(counted)
        totals, shape = report.totals, report.input_shape
        counts = exact(totals.params), exact(totals.operations)
        rows.append([name, shape_text(shape), *counts, str(spec.year), spec.source])
        records.append(
            {
                "name": name,
                "family": spec.name,
                "title": spec.title,
                "input_shape": list(shape),
                "params": totals.params,
                "macs": totals.macs,
                "operations": totals.operations,
                "year": spec.year,
                "source": spec.source,
            }
        )
    return Table(
        title="",
        headers=("network", "input", "params", chosen.unit, "year", "source"),
        numeric=(False, False, True, True, True, False),
        rows=rows,
        records=[{**record, "input_shape": "x".join(map(str, record["input_shape"]))} for record in records],
        data={"schema": "convcost.list/1", "version": __version__, "convention": counted, "networks": records},
        notes=[("convention", f"{counted}: {chosen.counts}")],
    )


def _chosen(patterns: Sequence[str]) -> list[tuple[Spec, str]]:
    """Every network of the zoo whose name or family fits one of the patterns, with its spec."""
    named = [(spec, name) for spec in all_specs() for name in names_of(spec)]
    fitting = {pattern: [one for one in named if _fits(pattern, *one)] for pattern in patterns}
    for pattern, found in fitting.items():
        if not found:
            near = did_you_mean(pattern, [name for _, name in named])
            raise UsageError(f"no network of the zoo matches {pattern!r}{near}")
    return [one for one in named if not patterns or any(one in found for found in fitting.values())]


def _fits(pattern: str, spec: Spec, name: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(spec.name, pattern)
