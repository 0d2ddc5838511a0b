"""Printed figures: a decimal text with a unit represents every value that rounds to it."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from convcost.core.dims import Shape
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.metrics import METRICS
from convcost.core.printed import TWICE, UP, Printed
from convcost.core.reading import BYTES, COUNTS, SHARES, Measure, read
from convcost.core.units import shape_text

#: What kB means in print is looked up before a figure becomes a claim, so that it is not ambiguous here.
PRINTED_BYTES = BYTES.settling({"kB": 10**3})
#: What a claim may be about -> as tables name it; docs/published.md says what each is.
_COUNTED = ("macs", "params", "activations", "conv_activations", "weight_bytes", "activation_bytes", "layers")
#: Quantities that are what a convention of that name counts -> as tables name it.
COUNTED_AS = {
    "bops": "BOPs",
    "bops_baskin": "BOPs (Baskin)",
    "ace": "ACE",
    "cpu64": "CPU64",
    "winograd": "Winograd MULs",
    "tf_profiler": "TensorFlow FLOPs",
}
_RUN = ("peak_activation_bytes", "ram_bytes", "arena_head_bytes", "deployed_weight_bytes", "flash_bytes")
QUANTITIES = {key: METRICS[key].claimed for key in _COUNTED} | {
    "macs_share": f"share of {METRICS['macs'].claimed}",
    "params_share": f"share of {METRICS['params'].claimed}",
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
    **{key: METRICS[key].claimed for key in _RUN},
    **COUNTED_AS,
    "patched_macs": "MACs in patches",
    "overhead_share": "further MACs in patches",
    "patch": "largest patch of the input",
}
SHAPES = ("input_shape", "output_shape", "patch")
FigureValue = Fraction | Shape


def measure_of(quantity: str) -> Measure:
    """The measure (units) of a quantity other than a shape."""
    return SHARES if quantity.endswith("_share") else PRINTED_BYTES if "bytes" in quantity else COUNTS


_SHAPE = re.compile(r"\d{1,9}²?(?:×\d{1,9}²?)*", re.ASCII)
_ROUNDING = re.compile(r"(down)?(?: ?to (\d{1,9}))?", re.ASCII)
HABITS = {"": "rounded", "down": "cut off", "up": UP, "twice": TWICE}
"""How a row becomes a figure, by the word of the data: a column has the first two, an explanation the last three."""


class Figure(NamedTuple):
    """A figure in print."""

    quantity: str
    printed: str
    unit: str
    rounding: str
    means: Printed | Shape
    """The amount in ones, as exact as the source rounds it; or the shape."""

    @property
    def text(self) -> str:
        """The figure with its unit, as people read it."""
        return f"{self.printed} {self.unit}".rstrip()

    @property
    def how(self) -> str:
        """How the source rounds, if not to the nearest last digit.

        >>> figure("macs", "300", "M", "down").how, figure("macs", "15300", "M", "to 100").how
        ('cut off', 'rounded to 100 M')
        """
        _, _, step = self.rounding.rpartition("to ")
        cut = "down" in self.rounding
        if not step.isdecimal():
            return "cut off" if cut else ""
        return f"{'cut off' if cut else 'rounded'} to {step} {self.unit}".rstrip()

    def fits(self, value: FigureValue, habit: str = "") -> bool:
        """Whether a value is printed like this; `habit` is a word of `HABITS`, if not that of the figure itself.

        Rounded to nearest, a value exactly between two figures may become either.

        >>> figure("macs", "569", "M", "").fits(Fraction(568_740_352))
        True
        >>> figure("macs", "300", "M", "down").fits(Fraction(300_774_272))
        True
        """
        if not isinstance(self.means, Printed):
            return isinstance(value, tuple) and value[: len(self.means)] == self.means
        how = HABITS[habit or ("down" if self.rounding.startswith("down") else "")]
        return not isinstance(value, tuple) and self.means.stands_for(value, how)

    def written(self, value: FigureValue) -> str:
        """A value in the figure's unit, with one digit more than is printed.

        >>> figure("macs", "569", "M", "").written(Fraction(568_740_352))
        '568.7'
        """
        if isinstance(value, tuple):
            return shape_text(value)
        scaled = value / (measure_of(self.quantity).worth(self.unit) or 1)
        if scaled.denominator == 1 and self.unit == "":
            return f"{scaled.numerator:,}"
        return _decimal(scaled, _places(self.printed) + 1)

    def states(self, text: str, value: FigureValue) -> bool:
        """Whether the value rounds to a text in the figure's unit that has at least one digit more than the figure."""
        if isinstance(value, tuple):
            return text == shape_text(value)
        finer = figure(self.quantity, text, self.unit, "").means
        assert isinstance(finer, Printed)
        rounded = finer.stands_for(value, "rounded") and _places(text) > _places(self.printed)
        return rounded or finer.stands_for(value, "exactly")

    def less(self, computed: str) -> tuple[Fraction, ...]:
        """The figure less what convcost finds, both as they are written: one number, or one for each axis of a shape.

        Raises `UsageError` if they have not as many axes.

        >>> figure("macs", "529", "M", "").less("568.7")
        (Fraction(-397, 10),)
        >>> figure("input_shape", "224×224×3", "", "").less("227×227×3")
        (Fraction(-3, 1), Fraction(-3, 1), Fraction(0, 1))
        """
        printed = [self.printed.removeprefix("~")] if isinstance(self.means, Printed) else [*map(str, self.means)]
        found = computed.split("×")
        if len(printed) != len(found):
            raise UsageError(
                f"difference: {self.printed} and {computed} have not as many axes; state both with all of theirs"
            )
        return tuple(_plain(one) - _plain(other) for one, other in zip(printed, found, strict=True))


def figure(quantity: str, printed: str, unit: str, rounding: str) -> Figure:
    """A figure from its text; raises `UsageError`.

    `rounding` is empty (to nearest), `down` (truncated), `to 100` (a multiple of 100) or `down to 100`. The unit may
    follow the number instead of being in a column of its own.

    >>> figure("macs", "3.8G", "", "").text, figure("params", "25.6 M", "", "").text
    ('3.8 G', '25.6 M')
    """
    if quantity not in QUANTITIES:
        raise UsageError(f"quantity: there is no {quantity!r}{did_you_mean(quantity, QUANTITIES)}")
    if quantity in SHAPES:
        text = printed.replace("x", "×")
        if not _SHAPE.fullmatch(text):
            raise UsageError(f"printed: {printed!r} is not a shape, e.g. 112×112×64 or 112²×64")
        if unit or rounding:
            raise UsageError(f"{'unit' if unit else 'rounding'}: a shape has none, got {unit or rounding!r}")
        return Figure(quantity, printed, unit, rounding, _shape(text))
    measure, how = measure_of(quantity), _ROUNDING.fullmatch(rounding)
    if measure.worth(unit) is None and not measure.may_mean_two(unit):
        known = did_you_mean(unit, [name for name in (*measure.units, *measure.settled) if name])
        raise UsageError(f"unit: there is no {unit!r} for {QUANTITIES[quantity]}{known}")
    text = f"{printed} {unit}" if unit else printed
    try:
        amount, means = read(text.removeprefix("~"), measure), Printed.parse(text, measure)
    except UsageError as error:
        raise UsageError(f"printed: {error}") from None
    if not how or (how[2] and not int(how[2])):
        raise UsageError(f"rounding: {rounding!r} is not empty, down, to N or down to N")
    one = measure.worth(amount.unit) or 1
    # A count in ones is not rounded at all, unless the source says so.
    exact = amount.unit == "" and not rounding and amount.last == 1
    last = one * Fraction(how[2]) if how[2] else Fraction(0) if exact else amount.last
    number = text.removesuffix(amount.unit).rstrip()
    if how[2] and amount.value % last:
        raise UsageError(f"printed: {text} is no multiple of {how[2]} {amount.unit}".rstrip() + ", as rounding says")
    means = means._replace(text=f"{number} {amount.unit}".rstrip(), last=last)
    return Figure(quantity, number, amount.unit, rounding, means)


def _shape(text: str) -> Shape:
    sizes: list[int] = []
    for part in text.split("×"):
        size = int(part.rstrip("²"))
        sizes += [size, size] if part.endswith("²") else [size]
    return tuple(sizes)


def _plain(number: str) -> Fraction:
    return Fraction(number.replace(",", ""))


def _places(text: str) -> int:
    return len(text.partition(".")[2])


def _decimal(value: Fraction, places: int) -> str:
    """Rounded to a number of decimal places, halves up, with commas in the integer part."""
    whole, rest = divmod((value * 10**places * 2 + 1) // 2, 10**places)
    return f"{whole:,}.{rest:0{places}d}" if places else f"{whole:,}"
