"""Networks side by side: their totals with ratios, and the differences between their stages, blocks, ops or layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from convcost.conventions.convention import PAPER
from convcost.core.dims import Shape
from convcost.core.errors import UsageError, did_you_mean, is_one_of
from convcost.core.levels import LEVELS
from convcost.core.units import exact, percent, shape_text, signed
from convcost.graph.partial import AT_LEAST, UNKNOWN
from convcost.graph.walk import Walked
from convcost.networks.beside import Beside, beside
from convcost.networks.load import Model, load
from convcost.networks.together import (
    Side,
    data_of,
    not_counted_in,
    notes_of,
    ratio_text,
    sides_of,
    title_of,
    totals_shown,
    totals_table,
    unknown_in,
)
from convcost.render.table import Table
from convcost.results.costs import NO_LAYERS, Group, count

_PLAIN = ("macs", "operations", "params", "activations")


def side_by_side(
    *networks: Model,
    by: str | None = None,
    convention: str = PAPER,
    batch: int = 1,
    dtype: str | None = None,
    memory_policy: str = "fused",
) -> Table:
    """Two networks or more as a table: totals and their ratio to the first, or rows `by` stage, block, op or layer.

    What stands in one row is aligned by what it is, never by its name or number; an op has one row.

    A network is a name, optionally with knobs, or a `Network`. Raises `UsageError` for fewer than two networks, and for an
    unknown level or option.

    >>> table = side_by_side("mobilenet_v2", "mobilenet_v2:resolution=225", by="stage")
    >>> [row["name"] for row in table.data["rows"] if row["differences"][1] > 5_000_000]  # where one more row weighs most
    ['stage4', 'stage5', 'stage6', 'stage7', 'head']
    """
    opened = list(map(load, networks))
    sides = sides_of(opened, convention=convention, batch=batch, dtype=dtype, memory_policy=memory_policy)
    return totals_table(sides) if by is None else _rows_table(sides, [one.walked for one in opened], by)


def _rows_table(sides: Sequence[Side], walked: Sequence[Walked], level: str) -> Table:
    """A row for the groups that stand for each other, in an order compatible with all networks."""
    if not is_one_of(level, LEVELS):
        raise UsageError(f"cannot group by {level!r}{did_you_mean(level, LEVELS)}")
    found = [{group.name: group for group in side.report.by(level)} for side in sides]
    aligned = beside([side.report for side in sides], walked, level)
    lines = [(row, [groups.get(name or "") for groups, name in zip(found, row.names)]) for row in aligned]
    wholes = [_Counted(side.report.totals.operations, not side.report.complete) for side in sides]
    gains = [_more(whole, wholes[0]) for whole in wholes]
    with_shapes = level != "op"
    with_params = any(len({group.params if group else 0 for group in groups}) > 1 for _, groups in lines)
    rows = []
    for row, groups in lines:
        counts = [_Counted(_operations(group), _lacks(group)) for group in groups]
        shapes = [_shapes(group.output_shape if group else None for group in groups)] if with_shapes else []
        params = [_differ(_stored(group), _stored(groups[0])) for group in groups[1:]] if with_params else []
        rows.append([row.text, *shapes, *_cells(counts, gains), *params])
    params = [
        _differ(*(_Counted(one.report.totals.params, not one.report.complete) for one in (side, sides[0])))
        for side in sides[1:]
    ]
    total = ["total", *([""] if with_shapes else []), *_cells(wholes, gains), *(params if with_params else [])]
    columns = [cell for side in sides[1:] for cell in (side.label, "ratio", "difference", "share")]
    headers = (level, *(["output"] if with_shapes else []), sides[0].label, *columns)
    headers = (*headers, *(["params differ by"] * (len(sides) - 1) if with_params else []))
    return Table(
        title=f"{title_of(sides)} · {sides[0].report.convention.unit} by {level}",
        headers=headers,
        numeric=tuple(at > with_shapes for at in range(len(headers))),
        priority=(
            *((0, 4) if with_shapes else (0,)),
            0,
            *(0, 2, 1, 3) * (len(sides) - 1),
            *((5,) * (len(sides) - 1) if with_params else ()),
        ),
        rows=rows,
        total=total,
        records=[
            {"network": side.label, **_flat(row.name, group), "difference": _difference(group, groups[0])}
            for row, groups in lines
            for side, group in zip(sides, (group or NO_LAYERS for group in groups))
        ],
        data={**data_of(sides), "by": level, "rows": [_row_dict(row, groups, gains) for row, groups in lines]},
        notes=[*unknown_in(sides), *_total_notes(sides), *notes_of(sides), *not_counted_in(sides)],
    )


class _Counted(NamedTuple):
    """So much, None where nothing is counted; more than that if some of it is unknown."""

    number: int | None
    partial: bool

    @property
    def text(self) -> str:
        """For people."""
        if self.number is None:
            return UNKNOWN if self.partial else "-"
        return f"{AT_LEAST if self.partial else ''}{exact(self.number)}"


def _cells(counts: Sequence[_Counted], gains: Sequence[int | None]) -> list[str]:
    """The count of the first network; of each other one its count, ratio, difference, and share of the total difference."""
    first = counts[0]
    cells = [first.text]
    for other, gain in zip(counts[1:], gains[1:]):
        more = _more(other, first)
        if more is None:
            cells += [other.text, *[UNKNOWN] * 3]
            continue
        ratio = f"{other.number / first.number:.4f}" if other.number is not None and first.number else "-"
        share = UNKNOWN if gain is None else percent(-more if gain < 0 else more, abs(gain))
        cells += [other.text, ratio, signed(more), share]
    return cells


def _more(counted: _Counted, first: _Counted) -> int | None:
    """How much more it is; None where one of both is not known."""
    return None if counted.partial or first.partial else (counted.number or 0) - (first.number or 0)


def _lacks(group: Group | None) -> bool:
    """Whether some of a group is unknown."""
    return group is not None and group.unknown > 0


def _stored(group: Group | None) -> _Counted:
    return _Counted(group.params if group else 0, _lacks(group))


def _differ(counted: _Counted, first: _Counted) -> str:
    more = _more(counted, first)
    return UNKNOWN if more is None else signed(more)


def _operations(group: Group | None) -> int | None:
    """None where there is no such group, or nothing of it is counted."""
    return count(group, "operations") if group else None


def _difference(group: Group | None, first: Group | None) -> int | None:
    """How many operations a group has more; none of a missing one, and unknown where one of two is not counted."""
    if any(one and (not one.counted or one.unknown) for one in (group, first)):
        return None
    return (_operations(group) or 0) - (_operations(first) or 0)


def _shapes(shapes: Iterable[Shape | None]) -> str:
    """The shapes of the networks in this row, listed once where they agree."""
    return " -> ".join(dict.fromkeys(shape_text(shape) for shape in shapes if shape))


def _total_notes(sides: Sequence[Side]) -> list[tuple[str, str]]:
    """The totals that no row shows."""
    first, *others = sides
    lines = []
    for metric in totals_shown(first.report):
        rest = [f"{side.written(metric)} ({ratio_text(side, metric, first)})" for side in others]
        lines.append((metric.heading, " -> ".join([first.written(metric), *rest])))
    return lines


def _flat(name: str, group: Group) -> dict[str, Any]:
    shapes = {"input_shape": group.input_shape, "output_shape": group.output_shape}
    flat = {name: "x".join(map(str, shape)) if shape else None for name, shape in shapes.items()}
    counts = {field: count(group, field) for field in _PLAIN}
    return {"name": name, "called": group.name or None, "layers": group.layers, **flat, **counts}


def _row_dict(row: Beside, groups: Sequence[Group | None], gains: Sequence[int | None]) -> dict[str, Any]:
    """A row as JSON-ready data; null for a network without this group."""
    differences = [_difference(group, groups[0]) for group in groups]
    return {
        "name": row.name,
        "names": list(row.names),
        "networks": [
            group and {"layers": group.layers, **{f: count(group, f) for f in _PLAIN}, **_ends(group)}
            for group in groups
        ],
        "differences": differences,
        "shares": [_part(n, gain) for n, gain in zip(differences, gains)],
    }


def _part(more: int | None, gain: int | None) -> float | None:
    """The share of a total difference; plain zero for no difference, whichever sign the total has.

    >>> _part(5, -20), _part(0, -20), _part(0, 0)
    (-0.25, 0.0, None)
    """
    if more is None or not gain:
        return None
    return more / gain if more else 0.0


def _ends(group: Group) -> dict[str, Any]:
    shapes = {"input_shape": group.input_shape, "output_shape": group.output_shape}
    return {name: list(shape) if shape else None for name, shape in shapes.items()}
