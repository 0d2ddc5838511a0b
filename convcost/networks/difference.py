"""What differs between two networks: changes made, what follows from them, and what each costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from convcost.conventions.convention import PAPER
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.levels import DIFFERENCES, MOST_ROWS
from convcost.core.metrics import METRICS, Metric
from convcost.core.reading import two_names
from convcost.core.units import counted, exact, percent, say, shape_text, signed
from convcost.core.version import __version__
from convcost.graph.align import Alignment, Part, align, same_name
from convcost.graph.changes import FOLLOWS, Change, changes, each, placed
from convcost.graph.items import Item, items, same_layers
from convcost.graph.partial import AT_LEAST, UNKNOWN
from convcost.graph.typed import as_dtype
from convcost.graph.walk import depth
from convcost.memory.lifetimes import lifetimes, tensor_bytes
from convcost.networks.load import Model
from convcost.networks.network import Network
from convcost.networks.revision import opened_at
from convcost.render.escape import printable
from convcost.render.table import Table, Tabular
from convcost.results.report import (
    LayerCost,
    Report,
    inputs_dict,
    json_value,
    totals_dict,
    unit_text,
    unknown_notes,
)

SUMS = ("macs", "operations", "params", "activations")
"""What is added up over the units of a change."""
_TOTALS = ("params", "macs", "operations", "activations", "weight_bytes", "peak_activation_bytes", "depth", "layers")


class Costs(NamedTuple):
    """What some units of a network cost, at the batch and under the convention of the difference."""

    units: int = 0
    macs: int = 0
    operations: int = 0
    params: int = 0
    activations: int = 0
    unknown: int = 0
    """How many of its layers nobody can count: with any, the others are lower bounds."""


class Row(NamedTuple):
    """One difference, or one part of both networks, with its costs in each."""

    kind: str
    """`added`, `removed`, `changed`, `replaced`, `moved`, `renamed`, `widened`, `input`, `follows`; `same` if nothing differs."""
    mark: str
    """The sign of the kind."""
    name: str
    """The part, as the new network calls it; as the old one does where it was removed; empty for the whole network."""
    was: str
    """What the old network calls it; empty if it has none."""
    words: str
    places: int
    """How many units or parts it concerns."""
    old: Costs
    new: Costs
    units: tuple[str, ...] = ()
    """The names of its units, as the new network calls them, and of those that were removed."""
    of: int = 0
    """How many parts its name fits, if these are more than it concerns; else 0."""

    @property
    def known(self) -> bool:
        """Whether all of it is counted in both networks."""
        return not (self.old.unknown or self.new.unknown)

    def more(self, key: str) -> int:
        """How much more the new network has of it."""
        return int(getattr(self.new, key) - getattr(self.old, key))


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two networks, as plain data."""

    label: str
    network: str
    title: str
    source: str
    knobs: Mapping[str, Any] = field(hash=False)
    inputs: Mapping[str, tuple[int, ...]] = field(hash=False)
    totals: Mapping[str, int] = field(hash=False)
    """By the keys of metrics: `macs`, `params`, `peak_activation_bytes`, `depth`, `layers` …"""
    complete: bool
    """Whether every layer is counted; else the totals are lower bounds."""
    peak_at: str
    """The layer that runs while most memory is live; empty if the policy does not say."""
    unknown: tuple[tuple[str, str], ...] = ()
    """Notes on layers that nobody can count."""


@dataclass(frozen=True, slots=True)
class Difference(Tabular):
    """What differs between two networks."""

    old: Side
    new: Side
    changes: tuple[Row, ...] = field(hash=False)
    """Every change once, those of the same kind in many places as one, and what follows from them as the last."""
    parts: Mapping[str, tuple[Row, ...]] = field(hash=False)
    """Level (`unit`, `block`, `stage`) -> all of both networks, aligned; `same` where nothing differs."""
    convention: str
    unit: str
    """What the convention counts in."""
    batch: int
    dtype: str
    memory_policy: str

    @property
    def differs(self) -> bool:
        """Whether anything differs, be it only a name."""
        return bool(self.changes)

    def more(self, key: str) -> int:
        """How much more the new network has of a total: `macs`, `params`, `peak_activation_bytes`, `depth` …"""
        return self.new.totals[key] - self.old.totals[key]

    def rows(self, by: str = "change", *, all: bool = False) -> tuple[Row, ...]:  # noqa: A002 - as the option is called
        """The changes; or the parts of both networks at a level, those that differ or all of them. Raises `UsageError`."""
        if by not in DIFFERENCES:
            raise UsageError(f"cannot show differences by {by!r}{did_you_mean(by, DIFFERENCES)}")
        found = self.changes if by == "change" and not all else self.parts["unit" if by == "change" else by]
        return found if all else tuple(row for row in found if row.kind != "same")

    def table(self, by: str | None = None, *, all: bool = False) -> Table:  # noqa: A002
        """The difference as a table; with `all`, parts in which nothing differs have a row too. Raises `UsageError`.

        A row is a change; of more than a screen of them, where nothing else is asked for, a block or a stage. Exact records
        are of the changes even then.
        """
        rows, changed = self.rows(by or "change", all=all), by or "change"
        if by is not None or all or len(rows) <= MOST_ROWS:
            return _table(self, rows, changed)
        level = next((one for one in ("block", "stage") if len(self.rows(one)) <= MOST_ROWS), "stage")
        shown = _table(self, self.rows(level), level)
        word = f"by {level}, because there are {counted(len(rows), 'change')}; --by change shows each"
        exact_rows = _table(self, rows, changed)
        return replace(shown, records=exact_rows.records, data=exact_rows.data, notes=[("shown", word), *shown.notes])

    def to_dict(self) -> dict[str, Any]:
        """The difference as JSON-ready data, schema convcost.diff/1."""
        return _to_dict(self, self.changes)

    def __repr__(self) -> str:
        return printable(f"<Difference {self.old.label} -> {self.new.label} · {counted(len(self.changes), 'change')}>")


def diff(
    old: Model,
    new: Model,
    *,
    convention: str = PAPER,
    batch: int = 1,
    dtype: str | None = None,
    memory_policy: str = "fused",
    called: tuple[str, str] | None = None,
) -> Difference:
    """What differs between two networks: names, with knobs or without, files, files of git revisions (`main:net.yaml`), or
    `Network` objects.

    Networks with the same label are `called` something else to tell them apart. Parts are aligned by what they are, never by name or number (`convcost.graph.align`). Raises `UsageError`, `SpecError`.

    >>> found = diff("resnet50", "resnet101")
    >>> [(row.mark, row.name, row.words, row.more("macs")) for row in found.changes]  # 17 × 4 × 256 × 256 × 14 × 14 × (1 + 9/4 + 1)
    [('+', 'conv4_x.block7 … block23', 'repeats 6 -> 23 (+ 17 blocks)', 3712221184)]
    """
    names = (old, new) if called is None else two_names(called, "called", "('before', 'after')")
    networks = opened_at(old), opened_at(new)
    reports = [one.report(convention, batch=batch, dtype=dtype, memory_policy=memory_policy) for one in networks]
    walked = [as_dtype(one.walked, report.asked_dtype) for one, report in zip(networks, reports)]
    found = align(items(walked[0]), items(walked[1]))
    ledgers = _ledger(reports[0]), _ledger(reports[1])
    inputs = {**walked[0].inputs}, {**walked[1].inputs}
    rows = _told_apart(list(_with_knobs(changes(found, inputs), networks)), ledgers)
    labels = _labels(networks, names)
    sides = [_side(*parts) for parts in zip(labels, networks, reports)]
    first = reports[0]
    return Difference(
        old=sides[0],
        new=sides[1],
        changes=tuple(rows),
        parts=_parts(found, ledgers),
        convention=first.convention.name,
        unit=unit_text(first),
        batch=first.batch,
        dtype=first.dtype if first.dtype == reports[1].dtype else f"{first.dtype} -> {reports[1].dtype}",
        memory_policy=first.memory_policy,
    )


def _labels(networks: Sequence[Network], given: Sequence[Model]) -> tuple[str, str]:
    """Name and changed knobs of each; where these are equal, as the caller called them."""
    labels = [one.label for one in networks]
    if labels[0] == labels[1]:
        labels = [one.label if isinstance(one, Network) else str(one) for one in given]
    return labels[0], labels[1]


def _side(label: str, network: Network, report: Report) -> Side:
    return Side(
        label=label,
        network=report.network,
        title=report.title,
        source=report.source,
        knobs={name: json_value(value) for name, value in report.knobs.items()},
        inputs=dict(report.inputs),
        totals={**totals_dict(report.totals), "depth": depth(network.graph), "layers": len(report.layers)},
        complete=report.complete,
        peak_at=_peak_at(network, report),
        unknown=tuple(unknown_notes(report)),
    )


def _peak_at(network: Network, report: Report) -> str:
    """The first layer while which most is live; empty where the policy looks at layers one by one."""
    lives = lifetimes(as_dtype(network.walked, report.asked_dtype), report.memory_policy)
    at = lives.peak(lambda tensor: tensor_bytes(tensor, report.asked_dtype, report.batch)).step
    return report.layers[at].name if 0 <= at < len(report.layers) else ""


def _with_knobs(found: Iterable[Change], networks: Sequence[Network]) -> Iterator[Change]:
    """The changes; one of the whole network says which knob it comes from, where both come from one family."""
    said = ", ".join(_knobs_changed(networks))
    for change in found:
        whole = change.kind in ("widened", "input") and said
        yield replace(change, words=f"{change.words} ({said})") if whole else change


def _knobs_changed(networks: Sequence[Network]) -> Iterator[str]:
    old, new = (one.origin for one in networks)
    if old.family == new.family:
        for name, value in new.knobs.items():
            if name in old.knobs and old.knobs[name] != value:
                yield f"{name} {say(old.knobs[name])} -> {say(value)}"


_Ledger = Mapping[str, LayerCost]


def _ledger(report: Report) -> _Ledger:
    return {layer.name: layer for layer in report.layers}


def _costs(members: Iterable[Item], ledger: _Ledger) -> Costs:
    members = tuple(members)
    return _added(len(members), [ledger[name] for item in members for name in item.steps])


def _row(change: Change, ledgers: tuple[_Ledger, _Ledger]) -> Row:
    return Row(
        change.kind,
        change.mark,
        change.name,
        change.was,
        change.words,
        change.places,
        _costs(change.old, ledgers[0]),
        _costs(change.new, ledgers[1]),
        tuple(item.name for item in (change.new or change.old)),
        change.of,
    )


def _told_apart(found: list[Change], ledgers: tuple[_Ledger, _Ledger]) -> list[Row]:
    """A row for each change. Where only an activation or a norm was changed, but the unit also reads another shape, what its
    other layers cost more or less counts with what follows.
    """
    rows = [_row(change, ledgers) for change in found]
    moved = [_that_follow(change, ledgers) for change in found]
    rows = [row._replace(old=_less(row.old, old), new=_less(row.new, new)) for row, (old, new) in zip(rows, moved)]
    rest = [_sum(costs) for costs in zip(*moved)]
    if not moved or rest[0] == rest[1]:
        return [_row(change, ledgers) for change in found]
    kinds = [row.kind for row in rows]
    at = next((kinds.index(kind) for kind in ("follows", "widened", "input") if kind in kinds), None)
    if at is None:
        follows = Change("follows", "", "", FOLLOWS, places=0)
        rows.append(_row(follows, ledgers))
        at = len(rows) - 1
    rows[at] = rows[at]._replace(old=_sum([rows[at].old, rest[0]]), new=_sum([rows[at].new, rest[1]]))
    return rows


def _that_follow(change: Change, ledgers: tuple[_Ledger, _Ledger]) -> tuple[Costs, Costs]:
    """What those layers cost that stayed as they are in units of which only activations or norms were changed."""
    beside = set(change.beside)
    units = [(old, new) for old, new in zip(change.old, change.new) if new.name in beside] if beside else []
    layers = [pair for old, new in units for pair in same_layers(old, new)]
    old, new = ([ledger[pair[at]] for pair in layers] for at, ledger in enumerate(ledgers))
    return _added(0, old), _added(0, new)


def _added(units: int, layers: Sequence[LayerCost]) -> Costs:
    sums = {key: sum(getattr(layer, key) for layer in layers) for key in SUMS}
    return Costs(units)._replace(**sums, unknown=sum(layer.step.opaque for layer in layers))


def _sum(costs: Iterable[Costs]) -> Costs:
    return Costs(*map(sum, zip(*costs)))


def _less(costs: Costs, other: Costs) -> Costs:
    return Costs(*(mine - theirs for mine, theirs in zip(costs, other)))


def _parts(found: Alignment, ledgers: tuple[_Ledger, _Ledger]) -> dict[str, tuple[Row, ...]]:
    single = [change for change in each(found) if change.old or change.new]
    by_unit: dict[tuple[int, str], Change] = {}
    for change in single:
        by_unit |= {(0, item.name): change for item in change.old} | {(1, item.name): change for item in change.new}
    levels = {
        level: tuple(_part_row(old, new, by_unit, ledgers) for old, new in found.at(deep))
        for level, deep in (("stage", 1), ("block", 2))
    }
    return {"unit": tuple(_row(change, ledgers) for change in single), **levels}


def _part_row(
    old: Part | None, new: Part | None, by_unit: Mapping[tuple[int, str], Change], ledgers: tuple[_Ledger, _Ledger]
) -> Row:
    """Two parts that stand for each other, with what differs in them."""
    here = new or old
    assert here is not None
    inside = {
        id(one): one for at, part in enumerate((old, new)) if part for one in (by_unit[at, i.name] for i in part.items)
    }
    differing = [one for one in inside.values() if one.kind != "same"]
    made = [one for one in differing if one.kind not in ("follows", "widened")]
    kind = "added" if old is None else "removed" if new is None else _kind_of(made, differing)
    words = list(dict.fromkeys(one.words for one in (made or differing) if one.words))
    return Row(
        kind,
        Change(kind, "", "", "").mark,
        here.name,
        old.name if old else "",
        "; ".join(words) if len(words) < 3 else f"{len(words)} changes: {words[0]}; …",
        1,
        _costs(old.items if old else (), ledgers[0]),
        _costs(new.items if new else (), ledgers[1]),
        tuple(item.name for item in here.items),
    )


def _kind_of(made: Sequence[Change], differing: Sequence[Change]) -> str:
    kinds = {one.kind for one in made or differing}
    return (
        kinds.pop()
        if len(kinds) == 1 and kinds <= {"moved", "replaced", "follows", "widened"}
        else "changed"
        if kinds
        else "same"
    )


def _table(found: Difference, rows: Sequence[Row], by: str) -> Table:
    wanted = [METRICS["macs"].under(found.unit) if found.convention != PAPER else METRICS["macs"], METRICS["params"]]
    keys = ["macs" if found.convention == PAPER else "operations", "params"]
    known = found.old.complete and found.new.complete
    lines = [
        [row.mark, _where(row), row.words or _plain(row), *(_signed(row.more(key), known=row.known) for key in keys)]
        for row in rows
    ]
    if not found.differs and not rows:
        lines = [["=", "", "nothing differs", *("0" for _ in keys)]]
    total = ["", "total", "", *(_signed(found.more(key), known=known) for key in keys)]
    return Table(
        title=f"{found.old.label} -> {found.new.label}",
        headers=("", by if by != "change" else "where", "what differs", *(metric.heading for metric in wanted)),
        numeric=(False, False, False, True, True),
        rows=lines,
        total=total if rows else None,
        records=[_record(row) for row in rows],
        data={
            **_to_dict(found, found.changes),
            **({} if by == "change" else {"by": by, "rows": list(map(_row_dict, rows))}),
        },
        notes=_notes(found),
        priority=(0, 0, 0, 1, 2),
        bars=_bars([row.more(keys[0]) for row in rows]),
        shorten=(False, True, True, False, False),
        fields=_FIELDS,
    )


def _bars(numbers: Sequence[int]) -> tuple[float, ...]:
    """Bars as long as each is of the largest; none for a single row."""
    largest = max(map(abs, numbers), default=0)
    return tuple(abs(number) / largest for number in numbers) if largest and len(numbers) > 1 else ()


def _plain(row: Row) -> str:
    """A row without words of its own."""
    return {"follows": FOLLOWS, "same": ""}.get(row.kind, row.kind)


def _where(row: Row) -> str:
    """The place; with the old name where that is another one, shifted numbers aside."""
    if not row.name:
        return counted(row.places, "unit") if row.kind != "input" or row.places else ""
    said = placed(row.name, row.places, row.of)
    if row.was and row.kind != "renamed" and not same_name(row.was, row.name):
        return f"{row.was} -> {said}"
    return said


def _signed(number: int, *, known: bool) -> str:
    return signed(number) if known else UNKNOWN if not number else f"{signed(number)} {UNKNOWN}"


def _notes(found: Difference) -> list[tuple[str, str]]:
    """The totals of both, with their change."""
    old, new = found.old, found.new
    lines = [*old.unknown, *(note for note in new.unknown if note not in old.unknown)]
    for key in _TOTALS:
        metric = METRICS[key].under(found.unit)
        if key == "operations" and found.convention == PAPER:
            continue  # they are the MACs
        lines.append((metric.heading, _total_text(found, metric)))
    lines.append(("inputs", _both_inputs(found)))
    if found.convention != PAPER or found.batch != 1:
        lines.append(("convention", f"{found.convention}, batch {exact(found.batch)}"))
    return lines


def _total_text(found: Difference, metric: Metric) -> str:
    """`3,504,872 -> 3,518,000 (+13,128, +0.37 %)`; of the peak also where it is."""
    old, new = (side.totals[metric.key] for side in (found.old, found.new))
    least = ["" if side.complete else AT_LEAST for side in (found.old, found.new)]
    where = ""
    if metric.key == "peak_activation_bytes":
        places = list(dict.fromkeys(filter(None, (found.old.peak_at, found.new.peak_at))))
        where = f", at {' -> '.join(places)}" if places else ""
        where += f", policy {found.memory_policy}"
    if old == new:
        return f"{least[1]}{metric.written(new)}, unchanged{where}"
    share = f", {'+' if new > old else '-'}{percent(abs(new - old), old)}" if old else ""
    more = f"{'+' if new > old else '-'}{metric.written(abs(new - old))}"
    return f"{least[0]}{metric.written(old)} -> {least[1]}{metric.written(new)} ({more}{share}){where}"


def _both_inputs(found: Difference) -> str:
    said = [", ".join(shape_text(shape) for shape in side.inputs.values()) or "none" for side in (found.old, found.new)]
    return " -> ".join(dict.fromkeys(said)) + f", as {found.dtype}"


_FIELDS = (
    *("kind", "name", "was", "words", "places"),
    *(f"{key}_{when}" for key in SUMS for when in ("old", "new")),
    *(f"{key}_difference" for key in SUMS),
)


def _record(row: Row) -> dict[str, Any]:
    sums = [getattr(side, key) for key in SUMS for side in (row.old, row.new)]
    said = (row.kind, row.name, row.was, row.words, row.places, *sums, *map(row.more, SUMS))
    return dict(zip(_FIELDS, said, strict=True))


def _row_dict(row: Row) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "name": row.name,
        "was": row.was or None,
        "words": row.words,
        "places": row.places,
        "of": row.of or None,
        "made": row.kind not in ("follows", "same"),
        "old": row.old._asdict(),
        "new": row.new._asdict(),
        "difference": {key: row.more(key) for key in SUMS},
        "units": list(row.units),
    }


def _to_dict(found: Difference, rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "schema": "convcost.diff/1",
        "version": __version__,
        "differs": found.differs,
        "convention": found.convention,
        "batch": found.batch,
        "dtype": found.dtype,
        "memory_policy": found.memory_policy,
        **{when: _side_dict(side) for when, side in (("old", found.old), ("new", found.new))},
        "difference": {key: found.more(key) for key in found.new.totals},
        "changes": list(map(_row_dict, rows)),
    }


def _side_dict(side: Side) -> dict[str, Any]:
    return {
        "label": side.label,
        "network": side.network,
        "title": side.title,
        "source": side.source,
        "knobs": dict(side.knobs),
        **inputs_dict(side.inputs),
        "complete": side.complete,
        "totals": dict(side.totals),
        "peak_at": side.peak_at or None,
    }
