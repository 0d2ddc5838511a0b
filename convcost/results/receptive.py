"""The receptive field of each row of a report: columns, notes and JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from convcost.core.axes import spatial_names
from convcost.core.units import exact
from convcost.graph.graph import producer
from convcost.graph.partial import AT_MOST
from convcost.graph.reach import NotLocal, Reads, Window, routes
from convcost.graph.receptive import Field, Fields
from convcost.graph.walk import Step
from convcost.results.costs import Group, LayerCost, Part, Totals
from convcost.results.rows import Column


def note(fields: Mapping[str, Fields]) -> str:
    """What the columns are, and what of them is an average in this network."""
    every = (field for each in fields.values() for axes in each.values() for field in axes)
    average = "behind upsampling a jump is an average; " if any((field.period or 1) > 1 for field in every) else ""
    return (
        f"size and jump along each axis, padding included; a jump of 0 is what all positions see alike; {average}"
        f"{AT_MOST.strip()} where an op was not followed position by position"
    )


def field_columns(fields: Mapping[str, Fields]) -> list[Column]:
    """The columns of `report --receptive`: of a part, those of its last layer; none where no fields were asked for."""
    if not fields:
        return []

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


def derivation(fields: Mapping[str, Fields], step: Step) -> str:
    """How the field of a layer that slides a window follows from that of what it reads; empty for any other layer.

    >>> from convcost import load
    >>> net = load("vgg16")
    >>> pool = next(step for step in net.steps if step.node.name == "stage5.pool")
    >>> derivation(net.report(receptive=True).fields, pool)
    '196 + (2 - 1)·16 = 212 positions, jump 16·2 = 32, from -90'
    """
    if not step.window("kernel") or len(step.input_shapes) != 1 or len(fields[step.node.name]) != 1:
        return ""
    ((name, made),) = fields[step.node.name].items()
    before = fields.get(producer(step.node.inputs[0]), {name: (Field(1, Fraction(1), 0),) * len(made)})[name]
    try:
        (way,) = routes(step)
    except NotLocal:
        return ""
    texts = [_derived(*axis) for axis in zip(before, way.reads, made)] if len(way.reads) == len(made) + 1 else []
    if not all(texts):
        return ""
    if len(set(texts)) <= 1:
        return "".join(texts[:1])
    return "; ".join(f"{axis}: {text}" for axis, text in zip(spatial_names(len(made)), texts))


def _derived(before: Field, read: Reads, made: Field) -> str:
    """The recursion along one axis, where everything in it is an integer: sizes grow by the jump, and jumps by the stride."""
    jump, start = before.jump, before.start
    simple = isinstance(read, Window) and read.scale == 1 and not made.bound and read.stride > 0
    if not simple or jump is None or start is None or jump.denominator > 1 or not isinstance(read, Window):
        return ""
    taps, grown = (read.extent - 1) // read.apart + 1, before.size + (read.extent - 1) * jump
    if grown != made.size or jump * read.stride != made.jump or start - read.before * jump != made.start:
        return ""  # behind upsampling, where neighbours see alike
    apart = f"{read.apart}·" if read.apart > 1 else ""
    size = f"{exact(before.size)} + ({taps} - 1)·{apart}{jump} = {exact(made.size)} positions"
    ahead = f"{start} - {read.before}·{jump} = {made.start}" if read.before else str(start)
    return f"{size}, jump {jump}·{read.stride} = {made.jump}, from {ahead}"


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
            "period": [field.period for field in axes],
            "at_most": [field.bound for field in axes],
        }
        for name, axes in fields.items()
    }


def _number(value: Fraction | None) -> int | str | None:
    if value is None:
        return None
    return int(value) if value.denominator == 1 else str(value)
