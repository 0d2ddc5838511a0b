"""Input shapes as a caller gives them, in place of what a spec states: whole or in part, by name where there are several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from convcost.core import axes
from convcost.core.dims import LARGEST, Shape
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.expr import Expr, ExprError
from convcost.core.reading import python_int
from convcost.core.units import say
from convcost.spec.knobs import knob_values
from convcost.spec.syntax import KnobValue, Spec, Value, sides

GivenShape: TypeAlias = "Shape | int | Mapping[str, Shape | int]"
"""The shape of the only input - one size, (height, width) or all sizes - or name of an input -> its shape.

Of an input of a model file that is a single number - a rate, a flag - an int is its value.
"""
RESOLUTION = "resolution"


class Set(NamedTuple):
    """What input shapes come to: values of knobs where these say the same, and shapes by name."""

    knobs: Mapping[str, KnobValue]
    shapes: Mapping[str, Shape]


def set_inputs(spec: Spec, values: Mapping[str, KnobValue], chosen: Mapping[str, Any], given: GivenShape) -> Set:
    """The input shapes of a spec at some knob values, the knobs `chosen` by the caller among them.

    Raises `UsageError` for a shape that does not fit, and for a knob that is chosen and sets a size that is given.
    """
    shapes, scalars = {}, dict[str, KnobValue]()
    for name, shape in by_name(spec, given).items():
        knob = spec.scalars.get(name)
        if knob and isinstance(python_int(shape), int):
            scalars |= _scalar(spec, name, chosen, python_int(shape))
            continue
        shapes[name], own = _whole(spec, name, values, shape)
        for knob in chosen:
            if any(isinstance(size.content, Expr) and knob in size.content.names for size in own):
                raise UsageError(f"give {knob} or an input shape, not both")
    of_knob = [name for name in spec.inputs if sides(spec, RESOLUTION, (name,))]
    if RESOLUTION not in values or not of_knob or not set(of_knob) <= shapes.keys():
        return Set(scalars, shapes)
    knobs: dict[str, KnobValue] = {RESOLUTION: axes.size_of(shapes[of_knob[0]], "height")}
    if any(_evaluated(spec.inputs[name], {**values, **knobs}) != shapes[name] for name in of_knob):
        return Set(scalars, shapes)
    return Set(scalars | knobs, {name: shape for name, shape in shapes.items() if name not in of_knob})


def _scalar(spec: Spec, name: str, chosen: Mapping[str, Any], value: int) -> dict[str, KnobValue]:
    """The knob of an input that is a single number, at the value that is given for it; of a flag, 0 and 1 are truth values."""
    knob = spec.knobs[spec.scalars[name]]
    if knob.name in chosen:
        raise UsageError(f"{name} is given twice, as an input and as the knob {knob.name}")
    if knob.choices and value in (0, 1):
        value = bool(value)
    return knob_values(spec.name, spec, {knob.name: value})


def by_name(spec: Spec, given: GivenShape) -> dict[str, Any]:
    """The shapes given by the name of their input; a plain one is that of the only input. Raises `UsageError`."""
    if isinstance(given, Mapping):
        for name in given:
            if name not in spec.inputs:
                raise UsageError(f"{spec.name} has no input {name!r}{did_you_mean(name, spec.inputs)}")
        return dict(given)
    if not spec.inputs:
        raise UsageError(f"{spec.name} has no inputs, so that none has another shape")
    first, *others = spec.inputs
    if others:
        raise UsageError(
            f"{spec.name} has several inputs, {_listed(spec.inputs)}: say whose shape it is, as in --input {first}=…, "
            f"in Python input_shape={{'{first}': …}}"
        )
    return {first: given}


def _listed(names: Sequence[str] | Mapping[str, Any]) -> str:
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def _whole(spec: Spec, name: str, values: Mapping[str, KnobValue], given: Any) -> tuple[Shape, Sequence[Value]]:
    """An input shape with the sizes filled in that were left out, and the sizes of the spec that it replaces.

    One size is height and width, or the length; what stands before and after those given is as the spec states it.
    """
    stated = spec.inputs[name]
    given = python_int(given)
    if not isinstance(given, (int, tuple, list)):
        raise UsageError(f"an input shape is a size, (height, width) or (height, width, channels), got {say(given)}")
    if not stated:
        raise ExprError("the input is wrong")  # the spec itself is, and elaborating says where
    sizes = (given,) if isinstance(given, int) else tuple(map(python_int, given))
    if spec.foreign is not None and all(isinstance(size, int) for size in sizes):
        sizes = spec.foreign.entries[name].presented(sizes) or sizes
    if len(sizes) == 1 and len(stated) > 2:
        sizes = sizes * 2
    called = "input" if len(spec.inputs) == 1 else f"input {name}"
    if not 1 <= len(sizes) <= len(stated):
        raise UsageError(
            f"the {called} of {spec.name} is {_forms(len(stated))}, got {say(given)}{_batch(sizes, stated)}"
        )
    first = len(stated) - 1 - len(sizes) if len(sizes) < len(stated) else 0
    last = first + len(sizes)
    whole = (*_evaluated(stated[:first], values), *sizes, *_evaluated(stated[last:], values))
    for size in whole:
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST:
            raise UsageError(f"an input size must be an integer from 1 to {LARGEST:,}, got {say(size)}")
    if len(sizes) == len(stated) > 1 and whole[0] == stated[-1].evaluate(values) != whole[-1]:
        raise UsageError(axes.channels_first_text(whole, spec.name, called))
    return whole, stated[first:last]


def _evaluated(sizes: Sequence[Value], values: Mapping[str, KnobValue]) -> Shape:
    return tuple(size.evaluate(values) for size in sizes)


def _forms(rank: int) -> str:
    """The ways to give a shape of this rank.

    >>> _forms(3), _forms(2), _forms(1)
    ('a size, [height, width] or [height, width, channels]', '[length] or [length, channels]', 'one number')
    """
    names = axes.NAMES.get(rank, axes.letters(rank))
    if rank == 1:
        return "one number"
    parts = [names[-3:-1]] if rank > 3 else []
    *before, last = (f"[{', '.join(part)}]" for part in (*parts, names[:-1], names))
    return f"{'a size, ' if rank > 2 else ''}{', '.join(before)} or {last}"


def _batch(sizes: Sequence[Any], stated: Sequence[Value]) -> str:
    """What may have been meant by one size too many: a batch before the others."""
    if len(sizes) != len(stated) + 1:
        return ""
    if sizes[0] != 1:
        image = stated[-1].content in (sizes[1], sizes[-1])
        return f". A batch is no part of it, but said by --batch {sizes[0]}" if image else ""
    rest = sizes[1:]
    meant = (*rest[1:], rest[0]) if axes.channels_first(rest) else rest
    return f". The batch is no part of it, and channels come last: {'x'.join(map(str, meant))}"
