"""The knobs that are varied where a caller names none."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from convcost.networks.network import Network

_OF_THE_TASK = "classes"
"""A number that nobody would change to save costs."""


def varied(network: Network, usual: Sequence[str]) -> dict[str, int | Fraction]:
    """The usual ones of a network's knobs that are numbers, or else all its numbers but the classes; with their values.

    None of a knob that sets an input whose shape was given instead. Raises `UsageError` for a network without knobs.

    >>> from convcost import load
    >>> varied(load("mobilenet_v2"), ("width", "resolution"))
    {'width': Fraction(1, 1), 'resolution': 224}
    >>> [*varied(load("mobilenet_v2", input_shape=(224, 320)), ("width", "resolution"))]
    ['width']
    """
    spec = network.origin.of_spec().spec
    numbers = {
        name: value
        for name, value in network.knobs.items()
        if isinstance(value, (int, Fraction)) and not isinstance(value, bool) and value > 0
        if not spec.knobs[name].choices and not network.replaces(name) and name not in spec.scalars.values()
    }
    return {name: numbers[name] for name in usual if name in numbers} or {
        name: value for name, value in numbers.items() if name != _OF_THE_TASK
    }
