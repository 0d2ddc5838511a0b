"""The receptive field of each row of a report: columns, notes and JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from convcost.core.units import exact
from convcost.graph.partial import AT_MOST
from convcost.graph.receptive import Field, Fields
from convcost.results.costs import Group, LayerCost, Part, Totals
from convcost.results.rows import Column

NOTE = (
    "size and jump along each axis, padding included; a jump of 0 is what all positions see alike; "
    f"{AT_MOST.strip()} where an op was not followed position by position"
)


def field_columns(fields: Mapping[str, Fields]) -> list[Column]:
    """The columns of `report --receptive`: of a part, those of its last layer."""

    def said(key: str, heading: str, text: Callable[[Field], str]) -> Column:
        return Column(key, heading, True, 0, lambda part: _text(fields.get(_last(part), {}), text))

    return [
        said(
            "receptive_field", "receptive field", lambda field: f"{AT_MOST if field.bound else ''}{exact(field.size)}"
        ),
        said("jump", "jump", lambda field: "" if field.jump is None else str(field.jump)),
        said("start", "start", lambda field: "" if field.start is None else exact(field.start)),
    ]


def _last(part: Part | Totals) -> str:
    """The layer whose output is that of a part; none of what is no part of a network in order."""
    if isinstance(part, LayerCost):
        return part.name
    return part.last if isinstance(part, Group) else ""


def _text(fields: Fields, text: Callable[[Field], str]) -> str:
    """One number where it is the same along all axes; of several inputs each with its name."""
    if len(fields) == 1:
        return _along([text(field) for field in next(iter(fields.values()))])
    each = ((name, _along([text(field) for field in axes])) for name, axes in fields.items())
    return ", ".join(f"{name} {said}" for name, said in each if said)


def _along(said: Sequence[str]) -> str:
    """One text if it is the same along all axes.

    >>> _along(["212", "212"]), _along(["3", "5"])
    ('212', '3×5')
    """
    return said[0] if len(set(said)) == 1 else "×".join(said)


def fields_dict(fields: Fields) -> dict[str, Any]:
    """The receptive field of a layer as JSON: input -> a list for each axis; jumps and centres are exact, as text if no integer.

    >>> fields_dict({"image": (Field(6, Fraction(2), -2),)})["image"]["centre"], fields_dict({})
    (['1/2'], {})
    """
    return {
        name: {
            "size": [field.size for field in axes],
            "jump": [_number(field.jump) for field in axes],
            "start": [field.start for field in axes],
            "centre": [_number(field.centre) for field in axes],
            "at_most": [field.bound for field in axes],
        }
        for name, axes in fields.items()
    }


def _number(value: Fraction | None) -> int | str | None:
    if value is None:
        return None
    return int(value) if value.denominator == 1 else str(value)
