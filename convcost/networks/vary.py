"""The knobs that are varied where a caller names none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from convcost.spec.syntax import KnobValue, Spec

_OF_THE_TASK = "classes"
"""A number that nobody would change to save costs."""


def varied(spec: Spec, knobs: Mapping[str, KnobValue], usual: Sequence[str]) -> dict[str, int | Fraction]:
    """The usual ones of a network's knobs that are numbers, or else all its numbers but the classes; with their values.

    >>> from convcost import load
    >>> from convcost.spec.zoo import find
    >>> net = load("mobilenet_v2")
    >>> [*varied(find("mobilenet_v2").spec, net.knobs, ("width", "resolution"))]
    ['width', 'resolution']
    """
    numbers = {
        name: value
        for name, value in knobs.items()
        if isinstance(value, (int, Fraction)) and not isinstance(value, bool) and value > 0
        if name in spec.knobs and not spec.knobs[name].choices
    }
    return {name: numbers[name] for name in usual if name in numbers} or {
        name: value for name, value in numbers.items() if name != _OF_THE_TASK
    }
