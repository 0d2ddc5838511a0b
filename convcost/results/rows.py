"""Which rows and columns of a report are shown, in which order, and how: for tables at every level."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from convcost.core.display import EVERY_DIGIT, Display
from convcost.core.errors import UsageError, did_you_mean, nearest
from convcost.core.metrics import METRICS, RATIOS, TIMED, TRAFFIC, Metric, key_of
from convcost.core.units import exact, shape_text
from convcost.graph.partial import UNKNOWN
from convcost.results.costs import (
    OF_LAYERS,
    Group,
    LayerCost,
    Part,
    Totals,
    cells,
    count,
    group,
    input_text,
    op_text,
    output_text,
    ratio,
    share,
)


@dataclass(frozen=True, slots=True)
class Showing:
    """What people ask of a table of one network; nothing of it changes what JSON says."""

    sort: str | None = None
    """A metric, the largest first, or `name`; None for the order of the network."""
    top: int | None = None
    """So many rows, and the rest as one; they are the largest where no order is asked."""
    only: str | None = None
    """Ops, names of layers or parts, or globs of them, apart by commas."""
    columns: tuple[str, ...] | None = None
    """Keys of columns, in their order; None for those of the level."""
    display: Display = EVERY_DIGIT
    """In which unit, and to how many digits, numbers are written."""
    traffic: bool = False
    """The columns of what is moved, in place of those of the level, or beside those that are asked for."""


AS_USUAL = Showing()
"""Every row in the order of the network, with every digit."""


class Column(NamedTuple):
    """A column of a report."""

    key: str
    heading: str
    numeric: bool
    priority: int
    """How it gives way on a narrow screen; see `render.table.Table`."""
    text: Callable[[Part | Totals], str]
    """What it says of a row; of the total, only numbers do."""


NAME, OP, LAYERS, INPUT, OUTPUT, SHARE = "name", "op", "layers", "input", "output", "share"
_GIVES_WAY = (SHARE, OP, OUTPUT, LAYERS, INPUT)
"""The columns that a narrow screen can spare: the last one goes first."""


def columns(
    level: str,
    metrics: Sequence[Metric],
    totals: Totals,
    showing: Showing,
    *,
    of_layers: bool,
    more: Sequence[Column] = (),
) -> list[Column]:
    """The columns of a level, with the metrics that a convention gives a meaning to, and `more`; raises `UsageError`."""
    for key, _ in showing.display.of:
        if key not in METRICS:
            raise UsageError(f"units: there is no metric {key!r}{did_you_mean(key, METRICS)}")
    own = _every(level, metrics, totals, showing.display, of_layers=of_layers)
    every = {column.key: column for column in (*own, *more)}
    if showing.columns is None:
        added = [column.key for column in more]
        *usual, share_ = _usual(level, metrics)
        return [every[key] for key in ([*_of_traffic(level), *added] if showing.traffic else [*usual, *added, share_])]
    asked = (*showing.columns, *(TRAFFIC if showing.traffic else ()))
    wanted = list(dict.fromkeys(_known(key, every, level) for key in asked))
    return [every[key] for key in ([] if NAME in wanted else [NAME]) + wanted]


def _usual(level: str, metrics: Iterable[Metric]) -> list[str]:
    """The keys of what is shown where nothing is asked."""
    first = [OP] if level in ("layer", "unit") else [LAYERS]
    ends = [] if level == "op" else [INPUT, OUTPUT]
    shown = [metric.key for metric in metrics if metric.key in USUAL]
    return [NAME, *first, *ends, *shown, SHARE]


def _of_traffic(level: str) -> list[str]:
    """The keys of what is shown of what is moved."""
    return [NAME, *([OP] if level in ("layer", "unit") else []), *([] if level == "op" else [OUTPUT]), *TRAFFIC]


USUAL = ("params", "macs", "operations")
"""The metrics of every table."""


def _every(
    level: str, metrics: Sequence[Metric], totals: Totals, display: Display, *, of_layers: bool
) -> Iterable[Column]:
    def said(key: str, heading: str, text: Callable[[Part | Totals], str], *, numeric: bool = False) -> Column:
        priority = _GIVES_WAY.index(key) + 1 if key in _GIVES_WAY else 0
        return Column(key, heading, numeric, priority, text)

    yield said(NAME, level, lambda part: getattr(part, "name", ""))
    yield said(OP, "op", _op)
    if not of_layers:
        yield said(LAYERS, "layers", lambda part: exact(part.layers) if isinstance(part, Group) else "", numeric=True)
    if level != "op":
        yield said(INPUT, "input", _input)
        yield said(OUTPUT, "output", _output)
    for metric in metrics:
        yield said(metric.key, metric.heading, _cell_of(metric, display), numeric=True)
    yield said(SHARE, "share", lambda part: share(part, totals), numeric=True)


def _cell_of(metric: Metric, display: Display) -> Callable[[Part | Totals], str]:
    return lambda part: cells(part, [metric], display)[0]


def _op(part: Part | Totals) -> str:
    return op_text(part) if isinstance(part, LayerCost) else getattr(part, "text", "")


def _input(part: Part | Totals) -> str:
    if isinstance(part, Group):
        return " + ".join(map(shape_text, part.read)) or shape_text(part.input_shape or ())
    return input_text(part) if isinstance(part, LayerCost) else ""


def _output(part: Part | Totals) -> str:
    if isinstance(part, Group):
        return shape_text(part.output_shape or ()) or (UNKNOWN if part.consecutive else "")
    return output_text(part) if isinstance(part, LayerCost) else ""


def instead(asked: str, every: Iterable[str]) -> str:
    """What to say of a column that is not there: one that is near, and all that there are.

    >>> instead("parms", ["params", "macs"])
    '. Did you mean params? There are: params, macs'
    """
    known = list(every)
    if key_of(asked) in TIMED:
        return ": it is of a device, give --device NAME; `convcost devices` lists all"
    near = f". Did you mean {found}?" if (found := nearest(asked, known)) else "."
    return f"{near} There are: {', '.join(known)}"


def _as_key(name: str) -> str:
    """A key as people may write it.

    >>> _as_key(" Receptive-field ")
    'receptive_field'
    """
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _known(name: str, every: Mapping[str, Column], level: str) -> str:
    """The key of a column, by key or heading, in whatever letters; raises `UsageError`."""
    names = {column.heading.lower(): key for key, column in every.items()} | {key: key for key in every}
    key = names.get(name.strip().lower()) or names.get(_as_key(name))
    if key is None:
        raise UsageError(
            f"a table by {level} has no column {name!r}{_left_out(name) or instead(name.strip().lower(), every)}"
        )
    return key


FIELDS = ("receptive_field", "jump", "start")
"""The columns of receptive fields."""
#: What a report has where it is asked for: the option that asks, and what it is called.
_ASKED_FOR = {
    "--receptive (in Python, receptive=True)": FIELDS,
    "--device NAME (in Python, device=NAME)": ("latency", *TIMED),
}


def _left_out(name: str) -> str:
    """How to have a column, or an order, that this report has not; empty for what no report has.

    >>> _left_out("receptive field"), _left_out("parms")
    (': give --receptive (in Python, receptive=True) as well', '')
    """
    key = _as_key(name)
    return next((f": give {option} as well" for option, keys in _ASKED_FOR.items() if key in keys), "")


# Which rows.


def selected(layers: Sequence[LayerCost], only: str | None, *, singly: bool) -> Sequence[LayerCost]:
    """The layers that are asked for: `singly` each for itself, else all that is drawn together with one.

    A unit is of the op that it is drawn as; an op that is never drawn as itself, such as an activation, selects the units
    that it is in. Raises `UsageError` if there is none.
    """
    if only is None:
        return layers
    words = [word.strip() for word in only.split(",") if word.strip()]
    for word in words:
        if not any(_is_of(layer, word) for layer in layers):
            ops = {layer.op for layer in layers}
            places = {layer.part(depth) for layer in layers for depth in (1, 2)}
            raise UsageError(f"no layer, op or part of this network is {word!r}{did_you_mean(word, ops, places)}")
    if singly:
        return [layer for layer in layers if any(_is_of(layer, word) for word in words)]
    names: set[str] = set()
    for word in words:
        found = [layer for layer in layers if _is_of(layer, word)]
        drawn = [layer for layer in found if layer.step is layer.unit.anchor]
        names |= {layer.unit.name for layer in drawn or found}
    return [layer for layer in layers if layer.unit.name in names]


def _is_of(layer: LayerCost, word: str) -> bool:
    """Whether a layer is of this op or kind, or has this name or is below it; globs go too, and x for ×."""
    from fnmatch import fnmatchcase

    within = [".".join(layer.within[:depth]) for depth in range(1, len(layer.within) + 1)]
    plain = word.replace("×", "x")
    return any(fnmatchcase(name, word) for name in (layer.op, layer.name, layer.unit.name, *within)) or fnmatchcase(
        layer.kind.replace("×", "x"), plain
    )


def ordered(parts: Sequence[Part], sort: str | None, top: int | None, *, timed: bool = False) -> list[Part]:
    """The rows in the order that is asked for, the largest first; where only the top ones are asked, by operations.

    They have times if they are `timed`.

    Raises `UsageError` for what rows cannot be sorted by.
    """
    by = sort if sort is not None or top is None else "operations"
    if by is None:
        return list(parts)
    asked = _as_key(by)
    key = {SHARE: "operations", "flops": "macs"}.get(asked, asked)
    if key == NAME:
        return sorted(parts, key=lambda part: part.name)
    if key == LAYERS:
        return sorted(parts, key=lambda part: -getattr(part, LAYERS, 1))
    if key_of(key) in TIMED and timed:
        return sorted(parts, key=lambda part: -part.femtoseconds)
    if key in FIELDS:
        what = "which is a number for each axis; the columns of --receptive say it row by row"
        raise UsageError(f"rows cannot be sorted by {by!r}, {what}")
    if key not in (*OF_LAYERS, *RATIOS):
        known = (NAME, LAYERS, SHARE, *OF_LAYERS, *RATIOS, *(TIMED if timed else ()))
        raise UsageError(f"rows cannot be sorted by {by!r}{_left_out(by) or did_you_mean(key, known)}")
    return sorted(parts, key=lambda part: -_number(part, key))


def _number(part: Part, metric: str) -> int | Fraction:
    """A count or a ratio; what nobody knows comes last."""
    number = ratio(part, metric) if metric in RATIOS else count(part, metric)
    return -1 if number is None else number


def cut(parts: Sequence[Part], top: int | None, layers_of: Callable[[Part], Sequence[LayerCost]]) -> list[Part]:
    """The first rows, and the rest as one; raises `UsageError`."""
    if top is None:
        return list(parts)
    if top < 1:
        raise UsageError(f"top must be an integer >= 1, got {top}")
    rest = parts[top:]
    if not rest:
        return list(parts)
    layers = [layer for part in rest for layer in layers_of(part)]
    return [*parts[:top], group(f"all others ({exact(len(rest))})", layers, ends=False)]


def bars(parts: Sequence[Part], shown: int) -> tuple[float, ...]:
    """The length of each row's bar: its operations, of those of the largest of the first so many; none without any."""
    numbers = [count(part, "operations") or 0 for part in parts]
    most = max(numbers[:shown], default=0)
    return tuple(number / most if at < shown else 0.0 for at, number in enumerate(numbers)) if most else ()


def levels_that_fit(rows: Mapping[str, int], most: int) -> str:
    """The first of the levels, with how many rows each has, that has no more than `most`; else the last.

    >>> levels_that_fit({"unit": 64, "block": 21, "stage": 11}, 40)
    'block'
    """
    return next((level for level, number in rows.items() if number <= most), [*rows][-1])
