"""Several networks, or devices, side by side: how long each takes, by kind of kernel, and why one takes longer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from convcost.core.doors import public
from convcost.core.dtypes import as_text
from convcost.core.errors import UsageError
from convcost.core.metrics import METRICS
from convcost.core.reading import each, twice
from convcost.core.units import exact, scaled
from convcost.core.version import __version__
from convcost.devices.device import FEMTOSECONDS, Device, share_text
from convcost.devices.stored import as_device, is_file
from convcost.graph.partial import UNKNOWN
from convcost.networks.latency import (
    EXTRAPOLATED,
    KINDS,
    Latency,
    Place,
    device_notes,
    error_text,
    far_text,
    latency,
    latency_dict,
    measured,
    measured_notes,
    rate_text,
    time_text,
)
from convcost.networks.load import Model, load
from convcost.networks.together import labels_of
from convcost.render.table import Table, Tabular
from convcost.results.report import bound, unknown_notes
from convcost.spec.tree import shown_path


class Row(NamedTuple):
    """A network on a device, with what it is compared with."""

    label: str
    found: Latency
    first: Latency
    """The first network on the same device; of a single network, the first device."""

    @property
    def ratio(self) -> float | None:
        """Its time as a multiple of the first's; None of nothing, and where one of both is a lower bound of unknown ops."""
        known = self.found.report.complete and self.first.report.complete
        return self.found.femtoseconds / self.first.femtoseconds if known and self.first.femtoseconds else None

    @property
    def macs_ratio(self) -> float | None:
        """Its MACs as a multiple of the first's."""
        known = self.found.report.complete and self.first.report.complete
        first = self.first.whole.macs
        return self.found.whole.macs / first if known and first else None


@dataclass(frozen=True)
class Latencies(Tabular):
    """Networks on devices, network by network on each device."""

    found: tuple[Latency, ...]

    def __iter__(self) -> Any:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, at: int) -> Latency:
        return self.found[at]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Each with its label, beside what it is compared with."""
        places = list(dict.fromkeys(one.device.name for one in self.found))
        networks = [one.network for one in self.found if one.device.name == places[0]]
        labels = labels_of(networks)
        firsts = {place: next(one for one in self.found if one.device.name == place) for place in places}
        if len(networks) == 1:
            firsts = dict.fromkeys(places, self.found[0])
        seen = dict.fromkeys(places, 0)
        rows = []
        for one in self.found:
            rows.append(Row(labels[seen[one.device.name]], one, firsts[one.device.name]))
            seen[one.device.name] += 1
        return tuple(rows)

    def table(self) -> Table:
        """A row per network and device: MACs, time, how many MACs in a nanosecond, the share of each kind of kernel."""
        return _table(self)

    def figure(self) -> Any:
        """Bars of the time of each, divided by kind of kernel, a plotly figure."""
        return public("plots").kinds_figure(self)


def latencies(
    models: Model | Sequence[Model],
    devices: Place | str | os.PathLike[str] | Sequence[Place | str | os.PathLike[str]],
    dtype: str | None = None,
    batch: int = 1,
) -> Latencies:
    """How long networks take on devices: each as `latency` has it. Raises `UsageError`."""
    opened, found = [load(model) for model in each(models)], _told_apart(each(devices))
    if not opened or not found:
        raise UsageError("a latency is of a network on a device: give one of each at least")
    return Latencies(tuple(latency(one, device, dtype, batch) for device in found for one in opened))


def _told_apart(devices: Sequence[Place | str | os.PathLike[str]]) -> list[Place]:
    """The devices, of which files of one name are called by their paths; raises `UsageError` for one that is given twice."""
    found = [as_device(device) for device in devices]
    paths = [os.fspath(one) if isinstance(one, (str, os.PathLike)) else "" for one in devices]
    files = [os.path.realpath(path) if is_file(path) else "" for path in paths]
    given = [file or one.name for one, file in zip(found, files)]
    if again := twice(given):
        raise UsageError(f"the device {found[given.index(again[0])].name} is given twice")
    alike = {*twice(one.name for one in found)}
    return [
        replace(one, name=shown_path(path)) if file and one.name in alike else one
        for one, path, file in zip(found, paths, files)
    ]


_RATIO = "×"


def _table(all_of: Latencies) -> Table:
    rows = all_of.rows
    several = len({row.found.device.name for row in rows}) > 1
    networks = len({row.label for row in rows}) > 1
    types = _types(rows) if len(_types(rows)) > 1 else ()
    kinds = [kind for kind in KINDS if any(kind in row.found.whole.kinds for row in rows)]
    large = sorted(kinds, key=lambda kind: -max(_share(row.found, kind) for row in rows))  # those stay longest
    place = [*(["device"] if several else []), *(["as"] if types else [])]
    ratio = [_RATIO] if networks else []
    headers = ("network", *place, "MACs", *ratio, "ms", _RATIO, "MAC/ns", *kinds)
    longest = max(row.found.femtoseconds for row in rows)
    return Table(
        title=_title(rows, several=several),
        heading="Latency",
        headers=headers,
        numeric=tuple(heading not in ("network", "device", "as") for heading in headers),
        priority=(0, *(0 for _ in place), 0, *(2 for _ in ratio), 0, 1, 1, *(3 + large.index(kind) for kind in kinds)),
        rows=[_cells(row, kinds, place, networks=networks) for row in rows],
        records=[_record(row, kinds) for row in rows],
        data={
            "schema": "convcost.latencies/1",
            "version": __version__,
            "latencies": [
                {**latency_dict(row.found), "label": row.label, "ratio": row.ratio, "macs_ratio": row.macs_ratio}
                for row in rows
            ],
        },
        notes=_notes(rows, several=several),
        bars=tuple(row.found.femtoseconds / longest for row in rows) if longest else (),
    )


def _title(rows: Sequence[Row], *, several: bool) -> str:
    labels = list(dict.fromkeys(row.label for row in rows))
    places = list(dict.fromkeys(row.found.device.name for row in rows))
    said = f"{labels[0]} beside {', '.join(labels[1:])}" if len(labels) > 1 else labels[0]
    first = rows[0].found.report
    kind = f"as {' and '.join(_types(rows))}"
    return f"{said} · batch {exact(first.batch)} · {kind} · {' and '.join(places) if several else places[0]}"


def _types(rows: Sequence[Row]) -> tuple[str, ...]:
    """The types that the networks run as."""
    return tuple(dict.fromkeys(as_text(row.found.report.dtype) for row in rows))


def _cells(row: Row, kinds: Sequence[str], place: Sequence[str], *, networks: bool) -> list[str]:
    found, whole = row.found, row.found.whole
    said = {"device": found.device.name, "as": as_text(found.report.dtype)}
    least = bound(found.report)
    return [
        row.label,
        *(said[heading] for heading in place),
        f"{least}{METRICS['macs'].rounded(whole.macs)}",
        *([_times(row.macs_ratio)] if networks else []),
        time_text(found),
        _times(row.ratio),
        UNKNOWN if whole.unknown else rate_text(whole),
        *(share_text(whole.kinds[kind] / found.femtoseconds) if kind in whole.kinds else "-" for kind in kinds),
    ]


def _share(found: Latency, kind: str) -> float:
    return found.whole.kinds.get(kind, 0) / (found.femtoseconds or 1)


def _times(ratio: float | None) -> str:
    """A multiple, to three digits.

    >>> _times(0.0942), _times(1.0), _times(None)
    ('0.0942', '1.00', '?')
    """
    return UNKNOWN if ratio is None else scaled(round(ratio * 10**9), 10**9, 3)


def _record(row: Row, kinds: Sequence[str]) -> dict[str, Any]:
    found, device = row.found, row.found.device
    known = measured(found)
    return {
        "network": row.label,
        "device": device.name,
        "macs": found.whole.macs,
        "bytes_moved": found.whole.bytes_moved,
        "latency_ms": found.ms,
        "ratio": row.ratio,
        "macs_ratio": row.macs_ratio,
        **{f"{kind}_ms": found.whole.kinds.get(kind, 0) / FEMTOSECONDS for kind in kinds},
        "error_median": device.error.median if isinstance(device, Device) else None,
        "error_p90": device.error.p90 if isinstance(device, Device) else None,
        "extrapolated": found.extrapolated,
        "measured_ms": known.ms if known else None,
        "batch": found.report.batch,
        "dtype": found.report.dtype,
        "source": device.source,
    }


def _notes(rows: Sequence[Row], *, several: bool) -> list[tuple[str, str]]:
    devices = list({row.found.device.name: row.found.device for row in rows}.values())
    unknown = [(word, f"{row.label}: {said}") for row in rows for word, said in unknown_notes(row.found.report)]
    beyond = [("extrapolated", f"{_who(row, several=several)}: {why}") for row in rows for why in row.found.beyond]
    real = [(word, f"{_who(row, several=several)} {said}") for row in rows for word, said in measured_notes(row.found)]
    return [
        *dict.fromkeys(unknown),
        *(("why", why(row, several=several)) for row in _asked_why(rows)),
        *[(EXTRAPOLATED, _FAR)][: len(beyond)],
        *beyond,
        *real,
        *(note for device in devices for note in _device_notes(device, rows)),
    ]


_FAR = "far from all that the device was fitted on, as below: the error of the device is not that of this time, which nobody knows"
_MOST_WHYS = 4


def _asked_why(rows: Sequence[Row]) -> list[Row]:
    """The rows that are explained: all others than the first; of many, those that are slower with fewer MACs, or the reverse."""
    others = [row for row in rows if row.found is not row.first and row.ratio is not None]
    if len(others) <= _MOST_WHYS:
        return others
    return [row for row in others if ((row.macs_ratio or 1) - 1) * ((row.ratio or 1) - 1) < 0]


def _device_notes(device: Place, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """What a device is; its error stands as it is where it holds for a row at least."""
    error = (
        far_text(device)
        if all(row.found.extrapolated for row in rows if row.found.device == device)
        else error_text(device)
    )
    place, *rest = device_notes(device)
    return [place, ("error", error), *rest]


def _who(row: Row, *, several: bool) -> str:
    return f"{row.label} on {row.found.device.name}" if several else row.label


def why(row: Row, *, several: bool = False) -> str:
    """Why a network takes longer, or less long, than the first: the times of each kind of kernel, beside those of the first.

    The differences add up to that of the totals.
    """
    found, first = row.found, row.first
    more = found.femtoseconds - first.femtoseconds
    mine, other = found.whole.kinds, first.whole.kinds
    apart = {kind: mine.get(kind, 0) - other.get(kind, 0) for kind in KINDS if kind in mine or kind in other}
    ordered = sorted(apart.items(), key=lambda entry: -abs(entry[1]))
    parts = ", ".join(f"{kind} {_signed(time)}" for kind, time in ordered if time)
    same = found.network is first.network
    here, there = (as_text(one.report.dtype) for one in (found, first))
    types = (f" as {here}", f" as {there}") if here != there else ("", "")
    where = f" on {found.device.name}"
    subject = f"{row.label}{where if same else ''}{types[0]}"
    macs = "" if same else f"has {_times(row.macs_ratio)} × the MACs of {first.network.label}{types[1]} and "
    than = f" as on {first.device.name}{types[1]}" if same else where if several else ""
    return f"{subject} {macs}takes {_times(row.ratio)} × as long{than}: {_signed(more)} ms, {parts}"


def _signed(femtoseconds: int) -> str:
    sign = "-" if femtoseconds < 0 else "+"
    return f"{sign}{scaled(abs(femtoseconds), FEMTOSECONDS, 3)}"
