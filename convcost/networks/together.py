"""Networks together: what several networks cost in all, each with its ratio to the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

from convcost.conventions.convention import PAPER
from convcost.core.display import AUTO, EVERY_DIGIT, Display, unit_named
from convcost.core.dtypes import MIXED, as_text
from convcost.core.errors import UsageError
from convcost.core.metrics import METRICS, MOVED, RATIOS, TIMED, Metric, key_of
from convcost.core.reading import several
from convcost.core.units import exact, input_shapes_text, inputs_cell
from convcost.core.version import __version__
from convcost.graph.partial import UNKNOWN
from convcost.graph.walk import depth
from convcost.networks.load import Model, load
from convcost.networks.network import Network
from convcost.render.table import Table
from convcost.results.costs import MOVED_ONCE, per_byte, ratio
from convcost.results.report import (
    Report,
    Totals,
    bound,
    inputs_dict,
    json_value,
    metrics_of,
    not_counted_notes,
    totals_dict,
    unit_text,
    unknown_notes,
)
from convcost.results.rows import instead


class Side(NamedTuple):
    """One of the networks, under a unique label."""

    label: str
    report: Report
    depth: int

    @property
    def totals(self) -> dict[str, int]:
        """What is compared, by name."""
        return {"depth": self.depth, "layers": len(self.report.layers), **totals_dict(self.report.totals)}

    def number(self, key: str) -> int | Fraction | None:
        """One of the totals, or a ratio of two; None if nobody knows that."""
        return ratio(self.report.totals, key) if key in RATIOS else self.totals[key]

    @property
    def written_totals(self) -> dict[str, Any]:
        """The totals and their ratios, for JSON and CSV."""
        return {**self.totals, "intensity": per_byte(self.report.totals)}

    def least(self, metric: Metric) -> str:
        """The mark of a lower bound, if one of the totals is one."""
        return "" if metric.key == "layers" else bound(self.report)

    def written(self, metric: Metric) -> str:
        """One of the totals, for people; a lower bound is marked."""
        return f"{self.least(metric)}{metric.written(self.totals[metric.key])}"

    def ratio(self, key: str, first: Side) -> float | None:
        """One of the totals as a multiple of the first network's; None of nothing, and where one of both is a lower bound."""
        known = key == "layers" or (self.report.complete and first.report.complete)
        mine, other = self.number(key), first.number(key)
        return float(mine / other) if known and mine is not None and other else None


def sides_of(
    models: Sequence[Model], *, convention: str, batch: int, dtype: str | None, memory_policy: str
) -> list[Side]:
    """The networks with their reports; raises `UsageError` for fewer than two."""
    if len(models) < 2:
        raise UsageError(f"side by side stand two networks or more, got {len(models)}")
    opened = list(map(load, models))
    reports = [one.report(convention, batch=batch, dtype=dtype, memory_policy=memory_policy) for one in opened]
    return [Side(*found) for found in zip(labels_of(opened), reports, (depth(one.graph) for one in opened))]


def labels_of(networks: Sequence[Network]) -> list[str]:
    """Name and changed knobs of each; equal names are distinguished by file, else by number."""
    labels = [one.label for one in networks]
    alike = Counter(labels)
    labels = [f"{one.origin.file}: {was}" if alike[was] > 1 else was for one, was in zip(networks, labels)]
    alike = Counter(labels)
    return [f"{was} ({labels[: at + 1].count(was)})" if alike[was] > 1 else was for at, was in enumerate(labels)]


class Beside(NamedTuple):
    """What stands beside the costs of the networks and is not counted here: their published accuracies."""

    columns: Mapping[str, tuple[str, tuple[str, ...]]]
    """Name of a column -> its heading, and its cells."""
    records: Sequence[Mapping[str, Any]]
    """Of each network, for CSV."""
    data: Sequence[Mapping[str, Any]]
    """Of each network, for JSON."""
    notes: Sequence[tuple[str, str]]


def totals_table(
    sides: Sequence[Side],
    columns: str | Sequence[str] | None = None,
    asked: Display = EVERY_DIGIT,
    beside: Beside | None = None,
) -> Table:
    """A row per network: its input, totals, and their ratio to the first; JSON holds all totals, and so does CSV unless `columns` are asked for.

    `columns` are keys of metrics, `weights` and `peak` for short, with `_ratio` behind them for the ratio to the first
    network; `input`; and those `beside`. Raises `UsageError` for another one.
    """
    names = several(columns) or _default(sides[0].report)
    check_columns(names, beside.columns if beside else ())
    made = [_column(name, sides, asked, beside) for name in names]
    data, records = data_of(sides), [_record(side) for side in sides]
    if beside is not None:
        data["networks"] = [{**one, **more} for one, more in zip(data["networks"], beside.data, strict=True)]
        records = [{**one, **more} for one, more in zip(records, beside.records, strict=True)]
    if several(columns):
        records = [_chosen(side, names, sides[0], record) for side, record in zip(sides, records, strict=True)]
    return Table(
        title=title_of(sides),
        headers=("network", *(column.heading for column in made)),
        numeric=(False, *(column.numeric for column in made)),
        rows=[[side.label, *cells] for side, *cells in zip(sides, *(column.cells for column in made), strict=True)],
        records=records,
        data=data,
        notes=[
            *unknown_in(sides),
            *(beside.notes if beside else ()),
            *_totals_notes(sides, names),
            *not_counted_in(sides),
        ],
        priority=() if several(columns) else (0, *map(_PRIORITY.index, names)),
    )


_PRIORITY = ("operations", "macs", "params", "peak", "ratio", "input")
"""The usual columns, those first that stay longest where there is no room."""


def _default(report: Report) -> tuple[str, ...]:
    """The usual columns: operations stand beside MACs only where a convention counts other things."""
    counts = ("macs",) if report.convention.name == PAPER else ("macs", "operations")
    return ("input", "params", *counts, "ratio", "peak")


class _Column(NamedTuple):
    heading: str
    numeric: bool
    cells: Sequence[str]


def check_columns(names: Iterable[str], also: Iterable[str] = ()) -> None:
    """Raise `UsageError` for the first name that is no column, nor one of those that are `also` there."""
    known = (*_COMPARED, "input", "ratio", *also)
    for name in names:
        if name not in known and name.removesuffix(_RATIO) not in _COMPARED:
            every = [*dict.fromkeys(known), *(f"{key}{_RATIO}" for key in _COMPARED)]
            if key_of(name) in TIMED:
                raise UsageError(
                    f"{name} is of a device: convcost latency MODEL... --device NAME shows that of several networks"
                )
            raise UsageError(f"there is no column {name!r}{instead(name, every)}")


_RATIO = "_ratio"
_COUNTED = {"macs", "flops", "padding_macs", "operations"}
"""The metrics that a convention says something of."""
_COMPARED = {
    **{key: key for key in METRICS if key in {"depth", "layers", *Totals._fields, *RATIOS}},
    "weights": "weight_bytes",
    "peak": "peak_activation_bytes",
}
"""Name of a column -> the metric that it shows."""


def _column(name: str, sides: Sequence[Side], asked: Display, beside: Beside | None) -> _Column:
    if name == "input":
        return _Column("input", False, [input_shapes_text(side.report.inputs) for side in sides])
    if beside is not None and name in beside.columns:
        heading, cells = beside.columns[name]
        return _Column(heading, heading != CITED, cells)
    key = "operations" if name == "ratio" else name.removesuffix(_RATIO)
    metric = METRICS[_COMPARED[key]].under(unit_text(sides[0].report))
    if name != key:
        heading = "ratio" if name == "ratio" else f"{metric.short} ratio"
        return _Column(heading, True, [ratio_text(side, metric, sides[0]) for side in sides])
    if metric.key in RATIOS:
        return _Column(metric.heading, True, [_ratio_cell(side, metric, asked) for side in sides])
    return _counts(metric, sides, _of_column(metric, sides, asked))


CITED = "cited"
"""The heading of a column of references."""


def _of_column(metric: Metric, sides: Sequence[Side], asked: Display) -> Display:
    """How a column is written: of what is to fit each number, in the unit that fits the largest; layers as they are."""
    unit = asked.unit_of(metric.key)
    if metric.unit == "layers" and metric.key not in dict(asked.of):
        return EVERY_DIGIT
    if unit != AUTO:
        return replace(asked, unit=unit or "exact", of=())
    fitting = metric.text(max(side.totals[metric.key] for side in sides), Display(AUTO, digits=asked.digits))
    return replace(asked, unit=unit_named(fitting.partition(" ")[2] or "1"), of=())


def _counts(metric: Metric, sides: Sequence[Side], written: Display) -> _Column:
    """A column of counts, the unit in its heading if all have one."""
    cells = [metric.text(side.totals[metric.key], written) for side in sides]
    numbers, _, units = zip(*(cell.partition(" ") for cell in cells))
    shared = written.unit not in ("", "exact")
    heading = f"{metric.short} ({units[0]})" if shared and units[0] else metric.short
    return _Column(
        heading, True, [f"{side.least(metric)}{cell}" for side, cell in zip(sides, numbers if shared else cells)]
    )


def _ratio_cell(side: Side, metric: Metric, asked: Display) -> str:
    number = side.number(metric.key)
    return metric.text(number, asked) if number is not None else "-" if side.report.complete else UNKNOWN


_ROWS = ("depth", "layers", "params", "macs", "operations", "activations", "weight_bytes", "peak_activation_bytes")


def totals_shown(report: Report) -> list[Metric]:
    """The totals that are compared, as the convention calls them."""
    return [metric.under(unit_text(report)) for metric in metrics_of(report, _ROWS)]


def ratio_text(side: Side, metric: Metric, first: Side) -> str:
    ratio = side.ratio(metric.key, first)
    known = side.report.complete and first.report.complete
    return f"{ratio:.4f}" if ratio is not None else "-" if known else UNKNOWN


def title_of(sides: Sequence[Side]) -> str:
    first, *others = (side.label for side in sides)
    return f"{first} beside {', '.join(others)} · batch {exact(sides[0].report.batch)}"


def unknown_in(sides: Sequence[Side]) -> list[tuple[str, str]]:
    """Notes, per network, on unknown ops, so that its totals are lower bounds."""
    found = [(side.label, unknown_notes(side.report)) for side in sides]
    return [(name, f"{label}: {text}") for label, notes in found for name, text in notes]


def not_counted_in(sides: Sequence[Side]) -> list[tuple[str, str]]:
    """Notes, per network, on ops that the convention does not know, so that the operations leave them out."""
    found = [(side.label, not_counted_notes(side.report)) for side in sides]
    return [(name, f"{label}: {text}") for label, notes in found for name, text in notes]


def _totals_notes(sides: Sequence[Side], columns: Sequence[str]) -> list[tuple[str, str]]:
    """What the columns that are shown mean."""
    report = sides[0].report
    said = dict(notes_of(sides))
    of = {
        "ratio": f"of {METRICS['operations'].under(unit_text(report)).heading} "
        if report.convention.name != PAPER
        else "of MACs "
    }
    ratios = [name for name in columns if name.endswith("ratio")]
    notes = [("ratio", f"{of.get(ratios[0], '') if len(ratios) == 1 else ''}to the first network")] if ratios else []
    if any(name.startswith("depth") for name in columns):
        notes.append(("depth", "conv and linear layers on the longest way"))
    keys = {"operations" if name == "ratio" else _COMPARED.get(name.removesuffix(_RATIO), name) for name in columns}
    if any(key in METRICS and METRICS[key].unit == "bytes" for key in keys):
        stored, _, _ = said["memory"].rpartition("; ")
        notes.append(("memory", said["memory"] if "peak_activation_bytes" in keys else stored))
    if keys & {*MOVED, *RATIOS}:
        notes.append(("bytes moved", f"{MOVED_ONCE} {report.memory_policy}"))
    return [*notes, *([("convention", said["convention"])] if keys & _COUNTED else [])]


def notes_of(sides: Sequence[Side]) -> list[tuple[str, str]]:
    report = sides[0].report
    each = [f"{side.label} as {as_text(side.report.dtype)}" for side in sides]
    stored = ", ".join(each) if _types_differ(sides) else f"as {as_text(report.dtype)}"
    return [
        ("ratio", "to the first network, as are differences; depth: conv and linear layers on the longest way"),
        ("memory", f"{stored}; peak memory is of activations at once, policy {report.memory_policy}"),
        ("convention", f"{report.convention.name}: {report.convention.counts}"),
    ]


def _types_differ(sides: Sequence[Side]) -> bool:
    """Whether the networks state different types."""
    return len({side.report.dtype for side in sides}) > 1


def _record(side: Side) -> dict[str, Any]:
    report = side.report
    return {
        "network": side.label,
        "input_shape": inputs_cell(report.inputs),
        **side.written_totals,
        "batch": report.batch,
        "dtype": report.dtype,
        "memory_policy": report.memory_policy,
        "convention": report.convention.name,
    }


def _chosen(side: Side, names: Sequence[str], first: Side, record: Mapping[str, Any]) -> dict[str, Any]:
    """The exact values of the columns that are asked for; of an accuracy that is cited, all that its record says of it."""
    chosen: dict[str, Any] = {"network": side.label}
    for name in names:
        if name == "input":
            chosen["input_shape"] = record["input_shape"]
        elif name == CITED:
            chosen |= {key: value for key, value in record.items() if key.startswith("accuracy_")}
        elif name in record:
            chosen[name] = record[name]
        elif name in _COMPARED:
            chosen[_COMPARED[name]] = record[_COMPARED[name]]
        else:
            key = "operations" if name == "ratio" else _COMPARED[name.removesuffix(_RATIO)]
            chosen[name] = side.ratio(key, first)
    return chosen


def data_of(sides: Sequence[Side]) -> dict[str, Any]:
    first = sides[0]
    return {
        "schema": "convcost.side_by_side/1",
        "version": __version__,
        "batch": first.report.batch,
        "dtype": MIXED if _types_differ(sides) else first.report.dtype,
        "memory_policy": first.report.memory_policy,
        "convention": first.report.convention.name,
        "networks": [
            {
                "label": side.label,
                "network": side.report.network,
                "title": side.report.title,
                "source": side.report.source,
                "knobs": {name: json_value(value) for name, value in side.report.knobs.items()},
                **inputs_dict(side.report.inputs),
                **({"dtype": side.report.dtype} if _types_differ(sides) else {}),
                "complete": side.report.complete,
                "unknown": [layer._asdict() for layer in side.report.unknown],
                "totals": side.written_totals,
                "not_counted": dict(side.report.not_counted),
                "ratios": {name: side.ratio(name, first) for name in side.written_totals},
            }
            for side in sides
        ],
    }
