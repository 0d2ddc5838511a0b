"""The axes of a grid: values of knobs, exact, checked and without duplicates."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence, Sized
from fractions import Fraction
from itertools import islice
from math import lcm, prod
from typing import Any

import numpy as np

from convcost.core.dims import Array
from convcost.core.errors import Unfit, UsageError
from convcost.core.expr import ExprError, number
from convcost.core.metrics import DEPLOYED, RATIOS, SWEPT, TIMED
from convcost.core.reading import listed
from convcost.core.units import decimal_text, exact, say
from convcost.space.numbers import int_if_integral
from convcost.space.target import EXTRAPOLATED, INFEASIBLE
from convcost.spec.knobs import knob_value, no_knob
from convcost.spec.syntax import Knob, KnobValue, Spec, sides

MOST_VALUES = 1_000_000
"""The most values of one axis."""
COLUMNS = frozenset((*SWEPT, *RATIOS, *DEPLOYED, *TIMED, EXTRAPOLATED, INFEASIBLE))
"""What else is said of each point, by these names."""
MOST_POINTS = 10**13
"""The most points of a grid, however it is read: even at memory speed this takes hours."""


def axes_of(
    spec: Spec, name: str, given: Mapping[str, Any], *, shaped: Container[str] = ()
) -> dict[str, tuple[KnobValue, ...]]:
    """The values of each axis, in the order given; raises `UsageError`.

    An axis is a list of values, or text: `start:stop:step` with both ends included, or comma-separated values. A knob
    that sets one of the inputs whose shapes are given explicitly (`shaped`) cannot be an axis.
    """
    if not given:
        raise UsageError(f"a sweep needs at least one axis; {name} has the knobs {', '.join(spec.knobs)}")
    for knob in given:
        if knob not in spec.knobs:
            raise no_knob(name, knob, spec.knobs)
        if knob in COLUMNS:
            raise UsageError(
                f"{knob} cannot be an axis: points have a column of this name; call the knob something else"
            )
        if sides(spec, knob, shaped) or any(knob == spec.scalars.get(name) for name in spec.inputs if name in shaped):
            raise UsageError(f"{knob} sets the input: give it as an axis or an input shape, not both")
    stated = {knob: _stated(knob, values) for knob, values in given.items()}
    points = prod(map(len, stated.values()))
    if points > MOST_POINTS:
        sizes = " × ".join(exact(len(values)) for values in stated.values())
        raise UsageError(f"{sizes} are {exact(points)} points; the most that is swept is {exact(MOST_POINTS)}")
    return {knob: _converted(spec.knobs[knob], values) for knob, values in stated.items()}


def is_ordered(values: Sequence[Any]) -> bool:
    """Whether values are numbers, which have an order; true and false count as words."""
    return set(map(type, values)) <= {int, Fraction}


def is_dense(values: Sequence[Any]) -> bool:
    """Whether an axis has every value that there is between its ends: whole numbers, none of them left out.

    >>> is_dense([96, 97, 98]), is_dense([96, 128, 160]), is_dense([Fraction(1), Fraction(2)])
    (True, False, False)
    """
    whole = set(map(type, values)) == {int}
    return whole and len(values) > 1 and max(values) - min(values) + 1 == len(values)


def values_of(knob: Knob, given: Any) -> tuple[KnobValue, ...]:
    """The values of one axis as the knob takes them; raises `UsageError`.

    >>> from convcost.spec.syntax import Knob
    >>> [str(value) for value in values_of(Knob("width", None, Fraction(1)), "0.5:1:0.25")]
    ['1/2', '3/4', '1']
    """
    return _converted(knob, _stated(knob.name, given))


class _Steps(Sequence[int | Fraction]):
    """Values at equal distances, each made when it is asked for: whole numbers of parts of one."""

    def __init__(self, steps: range, parts: int = 1) -> None:
        self.steps, self.parts = steps, parts

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, at: Any) -> Any:
        return int_if_integral(Fraction(self.steps[at], self.parts))


def _stated(name: str, given: Any) -> Sequence[Any]:
    """The values of an axis, not yet made; raises `UsageError` for none, and for too many."""
    values = _from_text(name, given) if isinstance(given, str) else _listed(name, given)
    if not values:
        raise UsageError(f"the axis {name} has no values")
    _refuse_many(name, len(values))
    return values


def _refuse_many(name: str, count: int) -> None:
    if count > MOST_VALUES:
        raise UsageError(f"the axis {name} has {exact(count)} values; the most is {exact(MOST_VALUES)}")


def _converted(knob: Knob, stated: Sequence[Any]) -> tuple[KnobValue, ...]:
    """The values as the knob takes them."""
    try:
        if isinstance(stated, _Steps) and _takes_all(knob, stated):
            return tuple(stated.steps) if isinstance(knob.default, int) else tuple(map(Fraction, stated))
        values = tuple(knob_value(knob, value) for value in stated)
    except Unfit as error:
        raise UsageError(str(error)) from None
    seen: set[KnobValue] = set()
    for value in values:
        if value in seen:
            raise UsageError(f"the axis {knob.name} has {say(value)} twice")
        seen.add(value)
    return tuple(sorted(values)) if is_ordered(values) else values


def split_settings(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings split into axes (lists, ranges, `a:b:c`, `a,b`) and single values of knobs."""
    axes = {name: value for name, value in given.items() if _is_axis(value)}
    return axes, {name: value for name, value in given.items() if name not in axes}


def _is_axis(value: Any) -> bool:
    if isinstance(value, str):
        return ":" in value or ("," in value and not value.startswith("["))
    return isinstance(value, Iterable)


def _takes_all(knob: Knob, stated: _Steps) -> bool:
    """Whether what is between the ends fits as they do; raises `Unfit` if they do not."""
    numbers = (Fraction, int) if stated.parts == 1 else Fraction
    if knob.choices or isinstance(knob.default, bool) or not isinstance(knob.default, numbers):
        return False
    for end in (stated[0], stated[-1]):
        knob_value(knob, end)
    return True


def _listed(name: str, given: Any) -> Sequence[Any]:
    if not isinstance(given, Iterable):
        return [given]
    if isinstance(given, (bytes, bytearray)) or getattr(given, "ndim", 1) != 1:
        raise UsageError(
            f"{name} must be a list of values, a range, or text like 0.5:1:0.1, got {type(given).__name__}"
        )
    if isinstance(given, range):
        _refuse_many(name, -((given.start - given.stop) // given.step))  # `len` takes no more than 64 bits
        if given.step > 0:
            return _Steps(given)
    elif isinstance(given, Sized):
        _refuse_many(name, len(given))
    values = list(islice(given, MOST_VALUES + 1))
    return [value.item() if hasattr(value, "item") else value for value in values]


def _from_text(name: str, text: str) -> Sequence[Any]:
    if ":" not in text:
        return [part.strip() for part in listed(text)]
    parts = text.split(":")
    try:
        ends = [number(part.strip()) for part in parts]
    except ExprError as error:
        raise UsageError(f"{name}: {error}") from None
    if len(ends) not in {2, 3} or None in ends:
        raise UsageError(f"{name}: {text!r} is not START:STOP or START:STOP:STEP, e.g. 96:320:32")
    start, stop, *rest = (Fraction(end) for end in ends if end is not None)
    step = rest[0] if rest else Fraction(1)
    if not rest and (stop - start).denominator != 1:
        raise UsageError(f"{name}: {text} goes up by 1 and misses its end; give a step: {text}:0.05")
    if step <= 0 or stop < start:
        need = "the step must be above 0" if step <= 0 else "the start must not be above the stop"
        raise UsageError(f"{name}: {need}, got {text}")
    count = int((stop - start) // step) + 1
    _refuse_many(name, count)
    unit = lcm(start.denominator, step.denominator)
    return _Steps(range(int(start * unit), int((start + step * (count - 1)) * unit) + 1, int(step * unit)), unit)


def fraction_text(value: Fraction) -> str:
    """A fraction, with its decimal form if that is finite."""
    decimal = str(value_text(value))
    return f"{value} = {decimal}" if decimal != str(value) else decimal


def axis_array(values: Sequence[Any]) -> Array:
    """The values of an axis as a numpy array: of ints, floats (the nearest to each decimal), or strings."""
    if is_ordered(values):
        whole = set(map(type, values)) == {int}
        return np.array(values, dtype=np.int64) if whole else np.array([float(value) for value in values])
    if set(map(type, values)) == {bool}:
        return np.array(values)
    found = np.empty(len(values), dtype=object)
    found[:] = [say(value) if isinstance(value, tuple) else value for value in values]
    return found


def value_text(value: Any) -> Any:
    """A knob's value as it is written: decimals exact, ints as they are."""
    return (
        decimal_text(value)
        if isinstance(value, Fraction)
        else say(value)
        if isinstance(value, (bool, tuple))
        else value
    )
