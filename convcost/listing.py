"""The zoo as a table: every family and preset at its own default knobs."""

from __future__ import annotations

from typing import Any

from convcost.conventions import convention
from convcost.cost import PAPER
from convcost.network import load
from convcost.render import Table
from convcost.spec.zoo import all_specs, names_of
from convcost.units import exact, shape_text
from convcost.version import __version__


def list_table(counted: str = PAPER) -> Table:
    """One row per network of the zoo, family by family, with MACs or the operations that a convention counts.

    Raises `SpecError` if a file of the zoo is wrong, `UsageError` for an unknown convention.
    """
    chosen = convention(counted)
    records: list[dict[str, Any]] = []
    rows = []
    for spec in all_specs():
        for name in names_of(spec):
            report = load(name).report(counted)
            totals, shape = report.totals, report.input_shape
            rows.append(
                [name, shape_text(shape), exact(totals.params), exact(totals.operations), str(spec.year), spec.source]
            )
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
