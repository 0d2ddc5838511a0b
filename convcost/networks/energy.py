"""A network's energy, part by part: as a table beside its report, a frame and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from convcost.core.units import binary, counted, exact, percent
from convcost.core.version import __version__
from convcost.devices.energy import (
    ACCESS,
    DEFAULT_TABLE,
    NOTHING,
    EnergyTable,
    LayerEnergy,
    Range,
    energy_text,
    find_table,
    layer_energy,
    range_text,
    text,
)
from convcost.graph.partial import AT_LEAST, AT_MOST, UNKNOWN
from convcost.networks.load import Model, knobs_apart, open_network
from convcost.render.escape import printable
from convcost.render.table import Table, Tabular
from convcost.results.costs import LayerCost
from convcost.results.report import Report, bound, title, to_dict, unknown_notes, usual_level

LACKING = "no number"
"""Printed for operations that the table has no number for: of their types, or of their kinds."""


@dataclass(frozen=True, slots=True)
class Energy(Tabular):
    """What a network takes in picojoules, from a cited table: a range between the nearest memory and the farthest."""

    report: Report
    source: EnergyTable
    layers: tuple[LayerEnergy, ...] = field(hash=False)
    """One for each layer of the report, in its order."""

    @property
    def compute(self) -> Fraction:
        """Of all operations that the table has a number for."""
        return sum((layer.compute for layer in self.layers), Fraction(0))

    @property
    def memory(self) -> Range:
        """Of all bytes that are moved."""
        return sum((layer.memory for layer in self.layers), NOTHING)

    @property
    def total(self) -> Range:
        """Of both, over the batch."""
        return sum((layer.total for layer in self.layers), NOTHING)

    @property
    def lacking(self) -> Mapping[str, int]:
        """The types that the table has no number for -> how many layers compute with them; their operations are left out."""
        return Counter(layer.lacking for layer in self.layers if layer.lacking)

    @property
    def complete(self) -> bool:
        """Whether all that every layer does has a number; else sums are lower bounds."""
        return all(layer.complete for layer in self.layers)

    def __repr__(self) -> str:
        return printable(
            f"<Energy {self.report.network} · {_least(self)}{range_text(self.total)} ({self.source.name})>"
        )

    def table(self, by: str | int | None = None) -> Table:
        """A row per unit, layer, block, stage or op, or for the first so many scopes; raises `UsageError`."""
        return energy_table(self, by)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data, schema convcost.energy/1: picojoules as exact decimal text."""
        return {
            "schema": "convcost.energy/1",
            "version": __version__,
            "network": self.report.network,
            **energy_dict(self),
        }


@knobs_apart
def energy(
    model: Model,
    /,
    table: str = DEFAULT_TABLE,
    *,
    batch: int = 1,
    dtype: str | None = None,
    memory_policy: str = "fused",
    **knobs: Any,
) -> Energy:
    """What a network takes in energy, after a cited table; raises `UsageError` for a table that there is not.

    In int8, a multiply-accumulate takes 0.2 + 0.03 pJ and a bias 0.03 pJ; the layer F6 has 10,080 and 84 of them:

    >>> [layer.compute for layer in energy("lenet5", dtype="int8").layers if layer.name == "f6"]
    [Fraction(58023, 25)]
    """
    report = open_network(model, knobs).report(batch=batch, dtype=dtype, memory_policy=memory_policy)
    return of_report(report, table)


def of_report(report: Report, table: str = DEFAULT_TABLE) -> Energy:
    """The energy of a network whose costs are known; raises `UsageError` for a table that there is not."""
    source = find_table(table)
    layers = (
        layer_energy(one.step, one.operands, int(one.traffic.bytes_moved), one.batch, source) for one in report.layers
    )
    return Energy(report, source, tuple(layers))


def _least(found: Energy) -> str:
    return "" if found.complete else AT_LEAST


def energy_dict(found: Energy) -> dict[str, Any]:
    """The energy as JSON-ready data."""
    return {
        "table": found.source.to_dict(),
        "complete": found.complete,
        "lacking": dict(found.lacking),
        "left_out": dict(_left_out(found)),
        "memory_pj": {level: list(map(text, one)) for level, one in levels(found).items()},
        **_numbers(found.layers),
        "layers": [{"name": layer.name, **_numbers([layer])} for layer in found.layers],
    }


_NUMBERS = (
    *("multiplications", "additions", "bytes_moved", "compute_pj"),
    *("memory_low_pj", "memory_high_pj", "low_pj", "high_pj"),
)


def _numbers(layers: Sequence[LayerEnergy]) -> dict[str, Any]:
    """Of a part as JSON-ready data: null where nobody knows anything of it, or where none of its operations has a number."""
    if layers and all(layer.unknown for layer in layers):
        return dict.fromkeys(_NUMBERS)
    memory = sum((layer.memory for layer in layers), NOTHING)
    compute = sum((layer.compute for layer in layers), Fraction(0))
    return {
        "multiplications": sum(layer.multiplications for layer in layers),
        "additions": sum(layer.additions for layer in layers),
        "bytes_moved": sum(layer.bytes_moved for layer in layers),
        "compute_pj": None if _has_no_number(layers) else text(compute),
        "memory_low_pj": text(memory.low),
        "memory_high_pj": text(memory.high),
        "low_pj": text(compute + memory.low),
        "high_pj": text(compute + memory.high),
    }


def _has_no_number(layers: Sequence[LayerEnergy]) -> bool:
    """Whether layers compute something, and none of it has a number."""
    return not any(layer.computes for layer in layers) and not all(layer.complete for layer in layers)


def energy_table(found: Energy, by: str | int | None = None) -> Table:
    """The energy of each part, in total, and what it was taken from."""
    report = found.report
    level = usual_level(report) if by is None else by
    places = {layer.name: place for place, layer in enumerate(report.layers)}
    parts = {
        name: [found.layers[places[layer.name]] for layer in layers] for name, layers in report.parts(level).items()
    }
    nearest, farthest = found.source.levels
    data = to_dict(report, "layer" if by is None else level)
    return Table(
        title=f"{title(report)} · energy",
        headers=(
            str(level) if isinstance(level, str) else "part",
            "MACs",
            "moved",
            "compute",
            f"with {nearest}",
            f"with {farthest}",
            "share",
        ),
        numeric=(False, True, True, True, True, True, True),
        rows=[_row(name, layers, report.parts(level)[name], found) for name, layers in parts.items()],
        records=[{"name": name, **_numbers(layers), "table": found.source.name} for name, layers in parts.items()],
        data={**data, "energy": energy_dict(found)},
        total=[*_row("total", found.layers, report.layers, found)[:-1], percent(1, 1)],
        notes=_notes(found),
        priority=(0, 3, 4, 0, 0, 0, 2),
    )


def _row(name: str, layers: Sequence[LayerEnergy], costs: Sequence[LayerCost], found: Energy) -> list[str]:
    """A part: its MACs and bytes, its operations, and with these what it takes at either end; its share of the most."""
    compute = sum((layer.compute for layer in layers), Fraction(0))
    whole = sum((layer.total for layer in layers), NOTHING)
    if layers and all(layer.unknown for layer in layers):
        return [name, *[UNKNOWN] * 6]
    least = "" if all(layer.complete for layer in layers) else AT_LEAST
    some = AT_LEAST if any(layer.unknown for layer in layers) else ""
    return [
        name,
        f"{some}{exact(sum(one.macs for one in costs))}",
        f"{some}{binary(sum(layer.bytes_moved for layer in layers))}",
        LACKING if _has_no_number(layers) else f"{least}{energy_text(compute)}",
        f"{least}{energy_text(whole.low)}",
        f"{least}{energy_text(whole.high)}",
        _share(whole, least, found),
    ]


def _share(part: Range, least: str, found: Energy) -> str:
    """A part's share of the most that is counted: beside unknown ops an upper bound, of a partial sum then none."""
    if least and not found.report.complete:
        return UNKNOWN
    most = AT_MOST if part.high and not found.report.complete else ""
    return f"{most}{percent(int(part.high), max(1, int(found.total.high)))}"


def _notes(found: Energy) -> list[tuple[str, str]]:
    source = found.source
    notes = [
        *unknown_notes(found.report),
        ("energy", f"{_least(found)}{range_text(found.total)} for {_images(found.report.batch)}"),
        ("compute", f"{_least(found)}{energy_text(found.compute)}: {_operations(found)}"),
        ("memory", _memory_text(found)),
        ("policy", f"{found.report.memory_policy}, as in bytes moved: no cache keeps a tensor for the next layer"),
    ]
    if found.lacking:
        kinds = ", ".join(f"{kind} ({counted(n, 'layer')})" for kind, n in found.lacking.items())
        has = ", ".join(source.add)
        notes.append((LACKING, f"{kinds}: {source.name} has {has} only, so that their operations are left out"))
    for why, ops in _left_out(found).items():
        notes.append(("left out", f"{', '.join(ops)}: {why}; the bytes that they move are counted"))
    if found.report.complete and not found.complete:
        notes.append(("share", "of what is counted: energies are lower bounds where operations are left out"))
    notes.append(("table", f"{source.name}, {source.title}: {source.source}"))
    notes.append(
        ("not in it", "instructions, registers, wires, clocks, idle current: a chip takes more, often many times")
    )
    return notes


def _memory_text(found: Energy) -> str:
    """What the bytes take from each memory of the table."""
    moved = sum(layer.bytes_moved for layer in found.layers)
    each = (f"{level} {range_text(one)}" for level, one in levels(found).items())
    return f"all of {bound(found.report)}{binary(moved)} from and to {', '.join(each)}"


def levels(found: Energy) -> Mapping[str, Range]:
    """Memory -> what it takes if all bytes come from it and go to it.

    >>> found = energy("lenet5", dtype="int8")
    >>> levels(found)["SRAM of 32 KB"].low == Fraction(20, 8) * sum(layer.bytes_moved for layer in found.layers)
    True
    """
    moved = sum(layer.bytes_moved for layer in found.layers)
    known = found.source.memory.items()
    return {name: Range(moved * one.low / ACCESS, moved * one.high / ACCESS) for name, one in known}


def _images(batch: int) -> str:
    return "one image" if batch == 1 else f"{exact(batch)} images"


def _operations(found: Energy) -> str:
    """All that are counted, and how many of them have no number."""
    lacking = [layer for layer in found.layers if layer.lacking]
    multiplications, additions = _both(found.layers)
    without = f", of which {' and '.join(_both(lacking))} have no number" if lacking else ""
    return f"{multiplications} multiplications, {additions} additions and comparisons{without}"


def _both(layers: Sequence[LayerEnergy]) -> tuple[str, str]:
    return exact(sum(one.multiplications for one in layers)), exact(sum(one.additions for one in layers))


def _left_out(found: Energy) -> Mapping[str, list[str]]:
    """Reason -> the ops whose own operations are not counted."""
    whys: dict[str, dict[str, None]] = {}
    for layer, cost in zip(found.layers, found.report.layers, strict=True):
        if layer.left_out:
            whys.setdefault(layer.left_out, {})[cost.op] = None
    return {why: list(ops) for why, ops in whys.items()}
