"""Figures as they stand in print: a decimal text with a unit stands for every value that rounds to it."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from convcost.dims import Shape
from convcost.errors import UsageError, did_you_mean
from convcost.units import shape_text

#: What one of a unit is; counts in print are decimal, and so is kB; KiB, MiB and Ki are binary.
UNITS = {
    "": 1,
    "%": 1,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "B": 10**9,
    "Ki": 2**10,
    "Mi": 2**20,
    "kB": 10**3,
    "KiB": 2**10,
    "MiB": 2**20,
}
#: What a claim may be about -> as tables name it; docs/published.md says what each is.
QUANTITIES = {
    "macs": "MACs",
    "params": "params",
    "macs_share": "share of MACs",
    "params_share": "share of params",
    "activations": "activations",
    "conv_activations": "activations of conv and linear layers",
    "weight_bytes": "weights in memory",
    "activation_bytes": "activations in memory",
    "layers": "layers",
    "blocks": "blocks",
    "channels_at": "channels at",
    "half_bytes_at": "16-bit memory at",
    "connections": "connections",
    "input_shape": "input",
    "output_shape": "output",
    "channels": "channels",
    "kernel": "kernel",
    "stride": "stride",
    "groups": "groups",
}
SHAPES = ("input_shape", "output_shape")
Value = Fraction | Shape

_NUMBER = re.compile(r"~?(\d{1,18}(?:\.\d{1,18})?)", re.ASCII)
_WITH_UNIT = re.compile(r"(.*\d) ?([A-Za-z]+)", re.ASCII)
_SHAPE = re.compile(r"\d{1,9}²?(?:×\d{1,9}²?)*", re.ASCII)
_ROUNDING = re.compile(r"(down)?(?: ?to (\d{1,9}))?", re.ASCII)


class Figure(NamedTuple):
    """A figure in print."""

    quantity: str
    printed: str
    unit: str
    rounding: str
    value: Value
    """In the unit in which it is printed."""
    quantum: Fraction = Fraction(0)
    """What the last printed digit is worth, in that unit."""

    @property
    def text(self) -> str:
        """The figure with its unit, as people read it."""
        return f"{self.printed} {self.unit}".rstrip()

    @property
    def how(self) -> str:
        """How the source rounds, where it is not to the nearest last digit.

        >>> figure("macs", "300", "M", "down").how, figure("macs", "15300", "M", "to 100").how
        ('cut off', 'rounded to 100 M')
        """
        _, _, step = self.rounding.rpartition("to ")
        cut = "down" in self.rounding
        if not step.isdecimal():
            return "cut off" if cut else ""
        return f"{'cut off' if cut else 'rounded'} to {step} {self.unit}".rstrip()

    def fits(self, value: Value) -> bool:
        """Whether a value is printed like this.

        Rounded to nearest, a value exactly between two figures may become either.

        >>> figure("macs", "569", "M", "").fits(Fraction(568_740_352))
        True
        >>> figure("macs", "300", "M", "down").fits(Fraction(300_774_272))
        True
        """
        if isinstance(value, tuple) or isinstance(self.value, tuple):
            return isinstance(value, tuple) and isinstance(self.value, tuple) and value[: len(self.value)] == self.value
        scaled = value / UNITS[self.unit]
        if self.rounding.startswith("down"):
            return self.value <= scaled < self.value + self.quantum
        return abs(scaled - self.value) * 2 <= self.quantum if self.quantum else scaled == self.value

    def written(self, value: Value) -> str:
        """A value in the figure's unit, with one digit more than is printed.

        >>> figure("macs", "569", "M", "").written(Fraction(568_740_352))
        '568.7'
        """
        if isinstance(value, tuple):
            return shape_text(value)
        scaled = value / UNITS[self.unit]
        if scaled.denominator == 1 and self.unit == "":
            return f"{scaled.numerator:,}"
        return _decimal(scaled, _places(self.printed) + 1)

    def states(self, text: str, value: Value) -> bool:
        """Whether a text, in the figure's unit and with at least one digit more than it, is what the value rounds to."""
        if isinstance(value, tuple):
            return text == shape_text(value)
        finer = figure(self.quantity, text, self.unit, "")
        exactly = finer.value == value / UNITS[self.unit]
        return exactly or (_places(text) > _places(self.printed) and finer.fits(value))


def figure(quantity: str, printed: str, unit: str, rounding: str) -> Figure:
    """A figure from its text; raises `UsageError`.

    `rounding` is empty (to nearest), `down` (cut off), `to 100` (a multiple of 100) or `down to 100`. A unit may stand
    behind the number instead of in a column of its own.

    >>> figure("macs", "3.8G", "", "").text, figure("params", "25.6 M", "", "").text
    ('3.8 G', '25.6 M')
    """
    if not unit and (together := _WITH_UNIT.fullmatch(printed)) and together[2] in UNITS:
        printed, unit = together[1], together[2]
    if quantity not in QUANTITIES:
        raise UsageError(f"quantity: there is no {quantity!r}{did_you_mean(quantity, QUANTITIES)}")
    if unit not in UNITS:
        raise UsageError(f"unit: there is no {unit!r}{did_you_mean(unit, [name for name in UNITS if name])}")
    text = printed.replace("x", "×")
    if quantity in SHAPES:
        if not _SHAPE.fullmatch(text):
            raise UsageError(f"printed: {printed!r} is not a shape, e.g. 112×112×64 or 112²×64")
        return Figure(quantity, printed, unit, rounding, _shape(text))
    number, how = _NUMBER.fullmatch(printed.replace(",", "")), _ROUNDING.fullmatch(rounding)
    if not number:
        raise UsageError(f"printed: {printed!r} is not a number, e.g. 569 or 4.24")
    if not how or how[2] == "0":
        raise UsageError(f"rounding: {rounding!r} is not empty, down, to N or down to N")
    quantum = Fraction(how[2] or 1) / (1 if how[2] else 10 ** _places(printed))
    # A count in ones is not rounded at all, unless the source says so.
    exact = unit == "" and not rounding and _places(printed) == 0
    return Figure(quantity, printed, unit, rounding, Fraction(number[1]), Fraction(0) if exact else quantum)


def _shape(text: str) -> Shape:
    sizes: list[int] = []
    for part in text.split("×"):
        size = int(part.rstrip("²"))
        sizes += [size, size] if part.endswith("²") else [size]
    return tuple(sizes)


def _places(text: str) -> int:
    return len(text.partition(".")[2])


def _decimal(value: Fraction, places: int) -> str:
    """Rounded to so many decimal places, halves up, with commas in the whole part."""
    whole, rest = divmod((value * 10**places * 2 + 1) // 2, 10**places)
    return f"{whole:,}.{rest:0{places}d}" if places else f"{whole:,}"
