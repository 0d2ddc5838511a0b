"""The zoo as a table: every family and preset at its own default knobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from convcost.conventions.convention import PAPER
from convcost.core.errors import UsageError
from convcost.core.kept import Answers, answers
from convcost.core.metrics import METRICS
from convcost.core.units import exact, input_shapes_text, inputs_cell
from convcost.core.version import __version__
from convcost.networks.selection import Entry, Selection
from convcost.render.table import Table

if TYPE_CHECKING:
    from convcost.networks.network import Network
    from convcost.spec.syntax import Spec


def list_table(
    patterns: str | Sequence[str] | None = (),
    counted: str = PAPER,
    *,
    family: str | Sequence[str] | None = (),
    task: str | Sequence[str] | None = (),
    year: str | int | None = "",
    max_macs: str | int | None = None,
    max_params: str | int | None = None,
) -> Table:
    """One row per network of the zoo, family by family, with MACs or the operations that a convention counts.

    `patterns` are globs over names and families, or words that these contain; without any, all networks. The rest are those of
    `list_networks`; `max_macs` is of the MACs that the convention counts. Raises `SpecError` if a file of the zoo is wrong,
    `UsageError` for a pattern that nothing matches, for a bound, year or task that is none, for an unknown convention, and for a
    bound on MACs beside one that counts something else.
    """
    asked = Selection.of(patterns, family, task, year, max_macs, max_params)
    with answers("list") as known:
        unit, counts = known.of(("convention", counted), partial(_unit, counted))
        if asked.max_macs is not None and unit != METRICS["macs"].heading:
            raise UsageError(
                f"a bound on MACs is none on what {counted} counts, {unit}: leave out the bound or the convention"
            )
        zoo = _entries(known)
        with nullcontext(known) if counted == PAPER else answers(_kind(counted)) as operations:
            costs = [_cost(name, counted, known, operations, _opening(name)) for name in asked.named(zoo)]
    records = [record for record in costs if asked.affords(record["operations"], record["params"])]
    selected = [("selected", f"{asked.words}: {exact(len(records))} of {exact(len(zoo))}")] if asked.words else []
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
        notes=[*selected, ("convention", f"{counted}: {counts}")],
        fields=_FIELDS,
    )


_FIELDS = (
    *("name", "family", "title", "input_shape", "params", "macs", "operations"),
    *("task", "year", "source"),
)


# The cache holds plain data; modules that counting needs are imported only in the functions that count.


def _unit(name: str) -> list[str]:
    """What a convention counts in, and what it counts."""
    from convcost.conventions.catalog import convention

    found = convention(name)
    return [found.unit, found.counts]


def list_networks(
    *patterns: str,
    family: str | Sequence[str] | None = (),
    task: str | Sequence[str] | None = (),
    year: str | int | None = "",
    max_macs: str | int | None = None,
    max_params: str | int | None = None,
) -> tuple[str, ...]:
    """The names of the zoo's networks, family by family; `patterns` are globs over names and families.

    `family` are globs over families and their titles. A pattern that is no name and no family matches what contains it. `task` is
    one or several of `convcost.core.tasks.TASKS`, `year` 2018 or "2019-2026"; networks have at most `max_macs` MACs and
    `max_params` parameters, "600M" too. Only what the others leave is counted for these two. Raises `UsageError` where no
    network fits a pattern, and for a task, year or bound that is none.

    >>> list_networks("alexnet_un*", "mobilenet_v1")
    ('alexnet_ungrouped', 'mobilenet_v1', 'mobilenet_v1_shallow')
    >>> list_networks("dense")[0]
    'densenet121'
    >>> list_networks(family="mobilenet*", year="2019-2020", max_macs="60M")  # of its paper, 56 M and 44 M
    ('mobilenet_v3_small', 'mobilenet_v3_small_1280', 'mobilenet_v3_small_minimalistic')
    """
    return tuple(known_networks(Selection.of(patterns, family, task, year, max_macs, max_params)))


def known_networks(asked: Selection) -> list[str]:
    """The names of the networks that are asked for; MACs and parameters are counted only where there are bounds."""
    if asked.max_macs is None and asked.max_params is None:
        return asked.named(map(Entry._make, _zoo()))
    with answers("list") as known:
        costs = [_cost(name, PAPER, known, known, _opening(name)) for name in asked.named(_entries(known))]
    return [one["name"] for one in costs if asked.affords(one["macs"], one["params"])]


def count_by_every_convention() -> None:
    """Let `list_table` know all that it may be asked of the zoo, by any convention; each network is built once."""
    from convcost.conventions.catalog import all_conventions

    with answers("list") as known, ExitStack() as kept:
        operations = {name: kept.enter_context(answers(_kind(name))) for name in all_conventions() if name != PAPER}
        for name in all_conventions():
            known.of(("convention", name), partial(_unit, name))
        for entry in _entries(known):
            opened = _opening(entry.name)
            for name, found in operations.items():
                _cost(entry.name, name, known, found, opened)


def _entries(known: Answers) -> list[Entry]:
    return [*map(Entry._make, known.of(("zoo",), _zoo))]


def _zoo() -> list[list[Any]]:
    """Name, family, title, task and year of every network, which a spec states."""
    from convcost.spec.zoo import all_specs, names_of

    return [[name, *said] for spec in all_specs() for said in [_said(spec)] for name in names_of(spec)]


def _said(spec: Spec) -> tuple[str, str, str, int | None]:
    return spec.name, spec.title, spec.task, spec.year


def _kind(counted: str) -> str:
    """Where the operations of a convention are kept: what is asked for often stays small."""
    return f"list-{counted}"


def _opening(name: str) -> Callable[[], Network]:
    """Builds a network when it is asked for, once."""

    @cache
    def opened() -> Network:
        from convcost.networks.load import load

        return load(name)

    return opened


def _cost(
    name: str, counted: str, known: Answers, operations: Answers, opened: Callable[[], Network]
) -> dict[str, Any]:
    """What a network is and costs, with the operations that a convention counts."""
    record: dict[str, Any] = known.of(("costs", name), lambda: _record(name, opened()), name)
    if counted == PAPER:
        return record
    found = operations.of(("operations", name), lambda: opened().report(counted).totals.operations, name)
    return {**record, "operations": found}


def _record(name: str, network: Network) -> dict[str, Any]:
    from convcost.results.report import inputs_dict

    caption, report = network.caption, network.report()
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
