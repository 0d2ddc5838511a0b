"""A unit as plain data: what its author chose, the shapes that it reads and makes, and what it costs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from fractions import Fraction
from functools import cached_property
from typing import Any

from convcost.core.dims import Shape
from convcost.core.units import decimal_text
from convcost.graph.drawn import Unit, units
from convcost.graph.graph import STORED
from convcost.graph.walk import Step, Walked

Choices = Mapping[str, str]
PER_CHANNEL = "one for each channel"
"""The groups of a depthwise convolution."""
FROM_SHAPES = ("shape", "size", "start", "stop", "sections", "rows", "repeats")
"""Attributes that are sizes, so that they follow where what the unit reads has another size."""


@dataclass(frozen=True)
class Item:
    """One unit as plain, picklable data, all that an alignment asks about it."""

    name: str
    scope: tuple[str, ...]
    """The stages and blocks that contain it, outermost first."""
    text: str
    """As it is drawn: `conv2d 3×3 /2 + bn + relu6`."""
    core: str
    """The same without norms and activations: `conv2d 3×3 /2`."""
    kind: str
    """The op, and whether it is depthwise."""
    ops: tuple[str, ...]
    """All of its ops, those that are not drawn included, in the order in which they run."""
    choices: Choices = field(hash=False)
    """What its author chose, as text: `{"kernel": "3×3", "channels": "32"}`; nothing that follows from what it reads."""
    reads: tuple[Shape, ...]
    makes: Shape
    """The shape of its (first) output; empty if nobody knows it."""
    inputs: tuple[str, ...] = ()
    """The units that it reads, and inputs of the network."""
    steps: tuple[str, ...] = ()
    """The names of its layers."""
    weighted: bool = False
    """Whether it is a convolution or linear layer."""
    macs: int = 0
    """At batch 1."""
    params: int = 0
    shares: tuple[tuple[str, int, str], ...] = ()
    """Of each tensor that it does not store itself: its role, the place of its layer in the unit, and the unit that does."""
    finish: tuple[str, ...] = ()
    """Its ops beside the one that it is named after, as drawn."""

    @cached_property
    def own(self) -> tuple[Any, ...]:
        """What its author chose, to compare: equal for layers that would be written alike."""
        return self.ops, tuple(sorted(self.choices.items()))

    @cached_property
    def exact(self) -> tuple[Any, ...]:
        """The same with all shapes, in whatever order they are read: equal for layers that cost the same."""
        return self.own, tuple(sorted(self.reads)), self.makes

    @property
    def channels_in(self) -> int:
        """The channels of what it reads first; 0 if it reads nothing."""
        return self.reads[0][-1] if self.reads and self.reads[0] else 0


def items(walked: Walked) -> tuple[Item, ...]:
    """The units of a walked graph as items, in the order of their anchors.

    >>> from convcost import load
    >>> first = items(load("mobilenet_v2").walked)[0]
    >>> first.name, first.text, first.choices["channels"], first.makes
    ('stem', 'conv2d 3×3 /2 + bn + relu6', '32', (112, 112, 32))
    """
    read = {edge for step in walked.steps for edge in step.node.inputs}
    kept = {edge.partition(":")[0] for edge in walked.outputs if edge in read}
    every = units(walked)
    owners = {step.node.name: unit.name for unit in every for step in unit.steps}
    return tuple(_item(unit, kept, owners) for unit in every)


def same_layers(old: Item, new: Item) -> Iterator[tuple[str, str]]:
    """The layers of two units that are of the same op, in order."""
    for block in SequenceMatcher(None, old.ops, new.ops, autojunk=False).get_matching_blocks():
        yield from zip(old.steps[block.a :][: block.size], new.steps[block.b :][: block.size])


def _item(unit: Unit, kept: Collection[str], owners: Mapping[str, str]) -> Item:
    anchor = unit.anchor
    outside = [shape for step in unit.steps for shape in _from_outside(step, unit)]
    return Item(
        name=unit.name,
        scope=unit.scope,
        text=unit.text,
        core=anchor.text,
        kind=f"{anchor.node.op}{' depthwise' if _is_depthwise(anchor) else ''}",
        ops=tuple(step.node.op for step in unit.steps),
        choices=dict(_choices(unit, kept)),
        reads=tuple(outside),
        makes=next(iter(unit.steps[-1].cost.out), ()),
        inputs=unit.inputs,
        steps=tuple(step.node.name for step in unit.steps),
        weighted=anchor.traits.weighted,
        macs=sum(int(step.cost.macs) for step in unit.steps),
        params=sum(int(step.params) for step in unit.steps),
        shares=tuple(
            (role, at, owners[owner]) for at, step in enumerate(unit.steps) for role, owner in step.node.shares.items()
        ),
        finish=tuple(step.kind for step in unit.steps if step is not anchor),
    )


def _from_outside(step: Step, unit: Unit) -> Iterator[Shape]:
    inside = {one.node.name for one in unit.steps}
    for edge, shape in zip(step.node.inputs, step.input_shapes):
        if edge.partition(":")[0] not in inside:
            yield shape


def _choices(unit: Unit, kept: Collection[str]) -> Iterator[tuple[str, str]]:
    """The attributes of the anchor by their names, those of other ops as `op.name`, numbered where there are several.

    `kept` are the layers that are outputs of the network though others read them.
    """
    seen: dict[str, int] = {}
    for step in unit.steps:
        op = step.node.op
        seen[op] = seen.get(op, 0) + 1
        before = "" if step is unit.anchor else f"{op}{seen[op] if seen[op] > 1 else ''}."
        for key, value in _of_step(step):
            yield before + key, value
        if step.node.name in kept:
            yield f"{before}output", "yes"


def _of_step(step: Step) -> Iterator[tuple[str, str]]:
    node = step.node
    attrs = dict(node.attrs)
    if _is_depthwise(step):
        channels, groups = attrs.pop("channels"), attrs.pop("groups")
        yield "groups", PER_CHANNEL
        if channels != groups:
            yield "multiplier", _written(Fraction(int(channels), int(groups)))
    yield from ((key, _written(value)) for key, value in attrs.items() if value is not None)
    yield from _beside(step)


def _beside(step: Step) -> Iterator[tuple[str, str]]:
    """What a node says beside its attributes."""
    node = step.node
    if step.type:
        yield "function", step.type
    if node.form:
        yield "written as", node.form
    if node.shares:
        yield "shares", " and ".join(role for role in STORED if role in node.shares)
    if not node.trainable:
        yield "trained", "no"
    for role, dtype in node.dtypes.items():
        yield f"dtype of {role}", dtype


def _both_sides(zeros: tuple[Any, ...]) -> str:
    """Zeros before and after an axis: one number where there are as many."""
    return str(zeros[0]) if len(set(zeros)) == 1 else ":".join(map(str, zeros))


def _is_depthwise(step: Step) -> bool:
    return step.traits.weighted and step.by_channel


def _written(value: Any) -> str:
    """An attribute's value; of one number for each axis a single one where they agree, but for a kernel's `3×3`.

    >>> _written((3, 3)), _written((1, 7)), _written(("same", "same")), _written(((1, 1), (1, 1))), _written(((0, 1), (0, 1)))
    ('3×3', '1×7', 'same', '1', '0:1')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Fraction):
        return decimal_text(value)
    if isinstance(value, tuple):
        sides = [isinstance(one, tuple) for one in value]
        parts = [_both_sides(one) if isinstance(one, tuple) else _written(one) for one in value]
        alike = len(set(parts)) == 1 and (any(sides) or not parts[0].isdecimal())
        return parts[0] if alike else "×".join(parts)
    return str(value)
