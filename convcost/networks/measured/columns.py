"""What the columns of a table of measurements mean, and which of its rows are those of one device."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Final, NamedTuple

from convcost.core.errors import UsageError, did_you_mean
from convcost.networks.measured.sheet import Row, Sheet

UNITS: Final[Mapping[str, float]] = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
"""Unit of time -> milliseconds."""
RATES: Final = ("inf/s", "img/s")
"""Units of rates: in a second so many runs, or so many images, of which a run has as many as its batch."""
_SPELLED: Final = {
    "sec": "s", "secs": "s", "seconds": "s", "msec": "ms", "milliseconds": "ms", "usec": "us", "µs": "us", "μs": "us",
    "microseconds": "us", "nsec": "ns", "nanoseconds": "ns",
    "inf s": "inf/s", "qps": "inf/s", "ips": "inf/s", "img s": "img/s", "images s": "img/s", "fps": "img/s",
}  # fmt: skip
_NETWORK: Final = ("network", "model", "model name", "net", "architecture", "arch", "name", "bench", "benchmark")
_LAYER: Final = ("layer", "layer name", "node", "node name", "op name", "name", "operator", "op", "kernel", "tensor")
_STATISTICS: Final = ("", "min", "median", "p50", "mean", "avg", "average")
"""Of several columns of times, which goes first."""
_OF_TIME: Final = frozenset({"latency", "time", "runtime", "duration", "inference", "elapsed", "throughput", "real"})
THREADS: Final = ("threads", "num threads", "n threads", "nthreads", "numthreads", "thread", "thread count", "nthr")
_SETUP: Final = frozenset(
    {
        "device", "board", "phone", "soc", "chip", "chipset", "system", "processor", "cpu", "gpu", "npu", "machine", "host",
        "hardware", "platform", "target", "setup", "runtime", "framework", "backend", "engine", "delegate", "provider",
        "compiler", *THREADS, "powersave", "precision", "quantization", "accelerator", "mode",
    }
)  # fmt: skip
"""Columns that say what was measured on: rows that differ in one are never put together."""
_RUNS: Final = frozenset(
    {
        "run", "runs", "repeat", "repeats", "repetition", "rep", "trial", "iteration", "iter", "attempt", "round", "loop",
        "index", "idx", "id", "no", "nr", "number", "line", "row", "date", "day", "time", "stamp", "timestamp", "datetime",
        "file", "seed",
    }
)  # fmt: skip
"""Words of columns that tell runs of one network apart, such as run or run_id."""
_MORE_STATISTICS: Final = frozenset(
    {"max", "maximum", "minimum", "std", "stddev", "stdev", "sd", "var", "variance", "p90", "p95", "p99"}
)
"""Statistics of times that never stand for a network, but may stand beside the one that does."""
_SHOWN: Final = 4
"""Values of a column that a message lists."""
_SHOWN_COLUMNS: Final = 4


class Time(NamedTuple):
    """The column that has the times."""

    column: str
    unit: str


def plain(heading: str) -> str:
    """A heading in small letters, its words separated by spaces.

    >>> plain("Latency (ms)"), plain("min_ms"), plain("throughput_inf_s")
    ('latency ms', 'min ms', 'throughput inf s')
    """
    return " ".join(re.findall(r"[^\W_]+", heading.lower()))


def network_column(sheet: Sheet, asked: str | None = None) -> str:
    """The column that names networks; raises `UsageError`."""
    return _naming(sheet, asked, _NETWORK, "networks; it is called network, model or name")


def layer_column(sheet: Sheet, asked: str | None = None) -> str:
    """The column that names the layers of one network; raises `UsageError`."""
    return _naming(sheet, asked, _LAYER, "layers; it is called layer, op, node or name")


def _naming(sheet: Sheet, asked: str | None, words: Sequence[str], what: str) -> str:
    if asked is not None:
        return _asked(sheet, asked, "--network")
    named = {plain(column): column for column in reversed(sheet.columns)}
    for name in words:
        if name in named:
            return named[name]
    raise UsageError(
        f"{sheet.file}:1: no column names {what}, or given by --network; columns: {_listed(sheet.columns)}"
    )


def time_column(sheet: Sheet, asked: str | None = None, unit: str | None = None) -> Time:
    r"""The column that has the times, and its unit; of several the least time goes first. Raises `UsageError`.

    >>> from convcost.networks.measured.sheet import sheet
    >>> time_column(sheet("model,max_ms,min_ms\na,2,1", "t.csv"))
    Time(column='min_ms', unit='ms')
    """
    if unit is not None and unit not in (*UNITS, *RATES):
        raise UsageError(f"there is no unit {unit!r}{did_you_mean(unit, [*UNITS, *RATES])}")
    if asked is not None:
        return _with_unit(sheet, _asked(sheet, asked, "--time"), unit)
    found = [(rank, column) for column in sheet.columns if (rank := _rank(column)) is not None]
    if not found:
        raise UsageError(
            f"{sheet.file}:1: no column has times; it is called ms, latency_ms, min_ms, time_us …, or given by --time; "
            f"columns: {_listed(sheet.columns)}"
        )
    return _with_unit(sheet, min(found, key=lambda one: (not (unit_of(one[1])[1] or unit), one[0]))[1], unit)


def _with_unit(sheet: Sheet, column: str, unit: str | None) -> Time:
    """A column of times with its unit: that of its heading, or the one that is given where it has none."""
    said = unit_of(column)[1]
    if said and unit not in (None, said):
        raise UsageError(f"{sheet.file}:1: the column {column} is in {said} by its heading, and in {unit} by --unit")
    if not (said or unit):
        raise UsageError(f"{sheet.file}:1: the column {column} states no unit; --unit ms says it")
    return Time(column, said or str(unit))


def unit_of(heading: str) -> tuple[str, str]:
    """A heading without its unit, and the unit; empty if it has none.

    >>> unit_of("Latency (ms)"), unit_of("avg_us"), unit_of("ms"), unit_of("throughput_inf_s"), unit_of("latency")
    (('latency', 'ms'), ('avg', 'us'), ('', 'ms'), ('throughput', 'inf/s'), ('latency', ''))
    """
    words = plain(heading).split()
    for number in (2, 1):
        last = " ".join(words[-number:])
        unit = _SPELLED.get(last, last if last in UNITS else "")
        if unit:
            return " ".join(words[:-number]), unit
    return " ".join(words), ""


def milliseconds(row: Row, time: Time, decimal: str = ".", batch: int = 1) -> float | None:
    """The time of a run of so many images in milliseconds; None if its cell is empty. Raises `UsageError` for all that is no time.

    >>> milliseconds(Row("t.csv:2", {"us": "1250"}), Time("us", "us")), milliseconds(Row("", {"f": "50"}), Time("f", "img/s"), batch=8)
    (1.25, 160.0)
    """
    text = row.cells[time.column]
    if text.lower() in ("", "-", "n/a", "na", "none", "null"):
        return None
    if decimal == "," and "." not in text:
        text = text.replace(",", ".", 1)
    value = _number(text)
    at_once = batch if time.unit == "img/s" else 1
    ms = 1000 * at_once / value if time.unit in RATES and value else value * UNITS.get(time.unit, 1.0)
    if not _LEAST <= ms <= _MOST:
        meant = "" if value <= 0 else " and a time from 1 ps to 12 days"
        raise UsageError(
            f"{row.at}: {time.column} must be a number above 0{meant}, got {row.cells[time.column][:_LONGEST]!r}"
        )
    return ms


def wrong(row: Row, time: Time, decimal: str = ".") -> str:
    """What is wrong with the time of a row; empty if nothing is.

    >>> wrong(Row("t.csv:2", {"ms": "fast"}), Time("ms", "ms")), wrong(Row("t.csv:3", {"ms": ""}), Time("ms", "ms"))
    ("t.csv:2: ms must be a number above 0, got 'fast'", '')
    """
    try:
        milliseconds(row, time, decimal)
    except UsageError as error:
        return str(error)
    return ""


def _number(text: str) -> float:
    """The number of a cell; 0 for all that is none, or too large."""
    try:
        value = float(text) if len(text) <= _LONGEST and "_" not in text else 0.0
    except ValueError:
        value = 0.0
    return value if isfinite(value) else 0.0


_LONGEST = 40
"""Characters of a number, and of a value that a message quotes."""
_LEAST, _MOST = 1e-9, 1e9
"""Milliseconds that a network may take."""


def chosen(sheet: Sheet, where: Mapping[str, str]) -> Sheet:
    """The rows in which columns have the given values, in whole or at their beginning; `*` takes every value.

    Raises `UsageError` for a column that there is not, and for values that no row has.
    """
    rows = sheet.rows
    for name, value in where.items():
        column = _asked(sheet, name, "--where")
        rows = _having(rows, column, value)
        if not rows:
            values = _values(_having_all(sheet.rows, where, before=name, sheet=sheet), column)
            raise UsageError(
                f"{sheet.file}: no row has {column}={value}{did_you_mean(value, values) or f'; there are {_some(values)}'}"
            )
    return sheet._replace(rows=rows)


def _having_all(rows: tuple[Row, ...], where: Mapping[str, str], before: str, sheet: Sheet) -> tuple[Row, ...]:
    """The rows that meet the conditions that stand before one."""
    for name, value in where.items():
        if name == before:
            break
        rows = _having(rows, _asked(sheet, name, "--where"), value)
    return rows


def _having(rows: tuple[Row, ...], column: str, value: str) -> tuple[Row, ...]:
    if value == "*":
        return rows
    low = value.lower()
    whole = tuple(row for row in rows if row.cells[column].lower() == low)
    return whole or tuple(row for row in rows if row.cells[column].lower().startswith(low))


def check_one_setup(
    sheet: Sheet, taken: Iterable[str], where: Mapping[str, str], same: Sequence[Sequence[Row]]
) -> None:
    """Raise `UsageError` if rows are of several devices, or of one that ran in several ways.

    `taken` are columns that mean something else; `same` are rows of one network each. Rows tell such ways apart in columns
    that are called so; in those of words that differ between rows of the same network; and in those of numbers that do, if
    other networks have one of these numbers too: what was measured in a run hardly recurs, and what was set does.
    """
    settled = {_asked(sheet, name, "--where") for name, value in where.items() if value == "*"} | set(taken)
    apart = dict[str, list[str]]()
    for column in sheet.columns:
        if column in settled or _of_a_run(column):
            continue
        values = _values(sheet.rows, column) if plain(column) in _SETUP else _settings(column, same)
        if len(values) > 1:
            apart[column] = values
    if apart:
        first = next(iter(apart))
        listed = "; ".join(f"{column}: {_some(values)}" for column, values in list(apart.items())[:_SHOWN_COLUMNS])
        raise UsageError(
            f"{sheet.file}: its rows are not of one device run in one way, but differ in {listed}; "
            f"choose, as in --where {_quoted(first)}={_quoted(apart[first][0][:_LONGEST])}; "
            f"--where {_quoted(first)}=* takes all together"
        )


def _of_a_run(column: str) -> bool:
    """Whether a column has times, or tells runs of a network apart.

    >>> [_of_a_run(name) for name in ("max_ms", "std", "run_id", "Inference time", "nthreads", "clock_mhz", "runtime")]
    [True, True, True, True, False, False, False]
    """
    rest, unit = unit_of(column)
    words = set(rest.split())
    if plain(column) in _SETUP:
        return False
    return bool(unit) or words <= _RUNS or words <= {*_OF_TIME, *_STATISTICS, *_MORE_STATISTICS}


def _settings(column: str, same: Sequence[Sequence[Row]]) -> list[str]:
    """The values of a column in which rows of one network were set differently; none if they were not."""
    found = [_values(rows, column) for rows in same]
    different = [{_number(value) or value for value in values} for values in found]  # 4 is 4.0
    networks = Counter(value for values in different for value in values)
    for values, known in zip(found, different):
        if len(known) > 1 and (not _numbers(values) or any(networks[value] > 1 for value in known)):
            return values
    return []


def _values(rows: Iterable[Row], column: str) -> list[str]:
    return list(dict.fromkeys(row.cells[column] for row in rows))


def _numbers(values: Iterable[str]) -> bool:
    return all(re.fullmatch(r"[-+0-9.eE%]*", value) for value in values)


def _some(values: Sequence[str]) -> str:
    """The first values, and how many others there are."""
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    shown = (value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…" for value in values[:_SHOWN])
    return ", ".join(value or "(empty)" for value in shown) + more


def _quoted(value: str) -> str:
    return f'"{value}"' if re.search(r"[^\w.,:+-]", value) or not value else value


def _asked(sheet: Sheet, name: str, option: str) -> str:
    """The column that is meant by a name, in any case; raises `UsageError`."""
    for column in sheet.columns:
        if name == column or plain(name) == plain(column):
            return column
    raise UsageError(f"{sheet.file}:1: {option}: there is no column {name!r}{did_you_mean(name, sheet.columns)}")


def _rank(column: str) -> int | None:
    """How well a column says how long something took; None if it says no such thing."""
    rest, unit = unit_of(column)
    words = [word for word in rest.split() if word not in _OF_TIME]
    if (not unit and (words == rest.split() or rest == "runtime")) or len(words) > 1:
        return None
    word = words[0] if words else ""
    return _STATISTICS.index(word) if word in _STATISTICS else None


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns[:12]) + (" …" if len(columns) > 12 else "")
