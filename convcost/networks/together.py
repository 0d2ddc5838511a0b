"""Networks together: what several networks cost in all, each with its ratio to the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from convcost.core.dtypes import MIXED, as_text
from convcost.core.metrics import Metric
from convcost.core.units import exact, input_shapes_text, inputs_cell
from convcost.core.version import __version__
from convcost.graph.partial import UNKNOWN
from convcost.networks.network import Network
from convcost.render.table import Table
from convcost.results.report import (
    Report,
    bound,
    inputs_dict,
    json_value,
    metrics_of,
    not_counted_notes,
    totals_dict,
    unit_text,
    unknown_notes,
)


class Side(NamedTuple):
    """One of the networks, under a unique label."""

    label: str
    report: Report
    depth: int

    @property
    def totals(self) -> dict[str, int]:
        """What is compared, by name."""
        return {"depth": self.depth, "layers": len(self.report.layers), **totals_dict(self.report.totals)}

    def written(self, metric: Metric) -> str:
        """One of the totals, for people; a lower bound is marked."""
        least = "" if metric.key == "layers" else bound(self.report)
        return f"{least}{metric.written(self.totals[metric.key])}"

    def ratio(self, key: str, first: Side) -> float | None:
        """One of the totals as a multiple of the first network's; None of nothing, and where one of both is a lower bound."""
        known = key == "layers" or (self.report.complete and first.report.complete)
        return self.totals[key] / first.totals[key] if known and first.totals[key] else None


def labels_of(networks: Sequence[Network]) -> list[str]:
    """Name and changed knobs of each; equal names are distinguished by file, else by number."""
    labels = [one.label for one in networks]
    alike = Counter(labels)
    labels = [f"{one.origin.file}: {was}" if alike[was] > 1 else was for one, was in zip(networks, labels)]
    alike = Counter(labels)
    return [f"{was} ({labels[: at + 1].count(was)})" if alike[was] > 1 else was for at, was in enumerate(labels)]


def totals_table(sides: Sequence[Side]) -> Table:
    first, *others = sides
    rows = [["input", _input(first), *(cell for side in others for cell in (_input(side), ""))]]
    for metric in totals_shown(first.report):
        row = [metric.heading, first.written(metric)]
        for side in others:
            row += [side.written(metric), ratio_text(side, metric, first)]
        rows.append(row)
    return Table(
        title=title_of(sides),
        headers=("", first.label, *(cell for side in others for cell in (side.label, "ratio"))),
        numeric=(False, *(True for _ in rows[0][1:])),
        rows=rows,
        records=[_record(side) for side in sides],
        data=data_of(sides),
        notes=[*unknown_in(sides), *notes_of(sides), *not_counted_in(sides)],
    )


_ROWS = ("depth", "layers", "params", "macs", "operations", "activations", "weight_bytes", "peak_activation_bytes")


def totals_shown(report: Report) -> list[Metric]:
    """The totals that are compared, as the convention calls them."""
    return [metric.under(unit_text(report)) for metric in metrics_of(report, _ROWS)]


def ratio_text(side: Side, metric: Metric, first: Side) -> str:
    ratio = side.ratio(metric.key, first)
    known = side.report.complete and first.report.complete
    return f"{ratio:.4f}" if ratio is not None else "-" if known else UNKNOWN


def _input(side: Side) -> str:
    return input_shapes_text(side.report.inputs)


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
        **side.totals,
        "batch": report.batch,
        "dtype": report.dtype,
        "memory_policy": report.memory_policy,
        "convention": report.convention.name,
    }


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
                "totals": side.totals,
                "not_counted": dict(side.report.not_counted),
                "ratios": {name: side.ratio(name, first) for name in side.totals},
            }
            for side in sides
        ],
    }
