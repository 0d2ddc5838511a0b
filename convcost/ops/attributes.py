"""Kinds of attribute: which values are valid, how they are written, and their JSON Schema.

A kind converts what a spec states (an int, a list, a word) into what a rule takes, over ints, arrays or symbols alike.
The aliases at the end annotate the keyword arguments of the rules; attributes are listed nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Any, TypeAlias

from convcost.core.axes import SIDES, kind, letters, spatial_names
from convcost.core.dims import LARGEST, Dim, Shape, is_array, is_integral
from convcost.core.errors import Unfit
from convcost.core.units import say

#: The most axes that a tensor may have.
MOST_AXES = 8
#: The most outputs that a split may have.
MOST_PARTS = 1000


class Kind:
    """A kind of attribute."""

    text = ""
    """The valid values, in words that continue `must be …`."""
    words: tuple[str, ...] = ()
    """The words that are valid values, if it takes words."""

    def over(self, axes: int) -> Kind:  # noqa: ARG002 - for the kinds that have something for each axis
        """The kind for an op whose windows slide along so many axes."""
        return self

    def convert(self, value: Any) -> Any:
        """The value as a rule takes it; raises `Unfit`."""
        raise NotImplementedError

    def show(self, value: Any) -> Any:
        """The shortest way to write a converted value in a spec; the inverse of `convert`."""
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the literal values; the spec language also takes an expression in place of any number."""
        raise NotImplementedError

    def unfit(self, value: Any) -> Unfit:
        return Unfit(f"must be {self.text}, got {say(value)}")


class Integer(Kind):
    """An integer from `least` to `LARGEST`; arrays and symbols are integers by construction."""

    def __init__(self, least: int) -> None:
        self.least = least
        self.text = f"an integer >= {least}"

    def convert(self, value: Any) -> Dim:
        if type(value) is int and self.least <= value <= LARGEST:  # nearly all are
            return value
        if isinstance(value, (bool, str, list, tuple, dict)) or value is None:
            raise Unfit(f"must be an integer, got {say(value)}")
        if isinstance(value, Fraction):
            if value.denominator != 1:
                raise Unfit(f"must be an integer, got {say(value)}; round it with round_to, floor or ceil")
            value = value.numerator
        if isinstance(value, int):
            if value < self.least:
                raise Unfit(f"must be >= {self.least}, got {value}")
            if value > LARGEST:
                raise Unfit(f"must be <= {LARGEST:,}, got {say(value)}")
        return self.convert_array(value) if is_array(value) else value

    def convert_array(self, values: Any) -> Any:
        """A numpy array of integers within the bounds, as int64."""
        if not is_integral(values):
            raise Unfit(f"must be integers, got an array of {values.dtype}")
        inside = (values >= self.least) & (values <= LARGEST)
        if not (inside.all() if is_array(inside) else inside):
            for worst in (values.min(), values.max()):
                self.convert(int(worst))
        return values.astype("int64", copy=False)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": LARGEST}


class EachAxis(Kind):
    """An integer for each axis that a window slides along; a single one applies to all."""

    def __init__(self, least: int, axes: int = 2) -> None:
        self.one = Integer(least)
        self.axes = axes
        self.text = f"{self.one.text} or [{', '.join(spatial_names(axes))}]"

    def over(self, axes: int) -> EachAxis:
        return EachAxis(self.one.least, axes)

    def convert(self, value: Any) -> tuple[Dim, ...]:
        if isinstance(value, (list, tuple)):
            if len(value) != self.axes:
                raise self.unfit(value)
            return tuple(map(self.one.convert, value))
        return (self.one.convert(value),) * self.axes

    def show(self, value: Any) -> Any:
        return value[0] if all(one == value[0] for one in value) else list(value)

    def schema(self) -> dict[str, Any]:
        one = self.one.schema()
        return {"anyOf": [one, _array_of(one, self.axes)]}


class Extent(Kind):
    """The size of each axis but the channels; a single one applies to all. Its length is checked by the rule."""

    one = Integer(1)
    text = "an integer >= 1 or a list with the size of each axis but the channels"

    def convert(self, value: Any) -> Dim | tuple[Dim, ...]:
        if isinstance(value, (list, tuple)):
            if not 0 < len(value) < MOST_AXES:
                raise self.unfit(value)
            return tuple(map(self.one.convert, value))
        return self.one.convert(value)

    def show(self, value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else value

    def schema(self) -> dict[str, Any]:
        one = self.one.schema()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_AXES - 1}]}


class Sides(Kind):
    """Zeros around a tensor: one number, one for each axis, both sides of each axis, or a word where words are given.

    A rule takes one entry per axis: the zeros (before, after), or the word where they depend on the size. `none` is the
    word for no zeros at all; `along_one` are words that a single axis has.
    """

    def __init__(self, *words: str, none: str = "", along_one: tuple[str, ...] = (), axes: int = 2) -> None:
        self.general, self.none, self.along_one, self.axes = words, none, along_one, axes
        self.words = (*words, *(along_one if axes == 1 else ()), *([none] if none else []))
        self.one = Integer(0)
        names = spatial_names(axes)
        lists = [f"[{', '.join(names)}]"] if axes > 1 else []
        lists += [f"[{', '.join(side for name in names for side in SIDES[name])}]"]
        forms = [*self.words, self.one.text, *lists]
        self.text = f"{', '.join(forms[:-1])} or {forms[-1]}"

    def over(self, axes: int) -> Sides:
        return Sides(*self.general, none=self.none, along_one=self.along_one, axes=axes)

    def convert(self, value: Any) -> tuple[Any, ...]:
        if isinstance(value, str):
            if value not in self.words:
                raise self.unfit(value)
            return ((0, 0) if value == self.none else value,) * self.axes
        sides = list(value) if isinstance(value, (list, tuple)) else [value]
        if len(sides) not in (1, self.axes, 2 * self.axes):
            raise self.unfit(value)
        sides = [self.one.convert(side) for side in sides]
        if len(sides) == 2 * self.axes:
            return tuple(zip(sides[::2], sides[1::2]))
        return tuple((side, side) for side in sides * (self.axes // len(sides)))

    def show(self, value: Any) -> Any:
        if isinstance(value[0], str):
            return value[0]
        sides = [side for axis in value for side in axis]
        if all(side == sides[0] for side in sides):
            return self.none if sides[0] == 0 and self.none else sides[0]
        return sides if any(before != after for before, after in value) else sides[::2]

    def schema(self) -> dict[str, Any]:
        one = self.one.schema()
        words = [{"enum": list(self.words)}] if self.words else []
        lengths = sorted({self.axes, 2 * self.axes})
        return {"anyOf": [*words, one, *(_array_of(one, length) for length in lengths)]}


class Parts(Kind):
    """How to cut an axis: a number of equal parts, or the size of each."""

    text = "an integer >= 2 or a list of sizes"

    def convert(self, value: Any) -> Dim | tuple[Dim, ...]:
        if isinstance(value, (list, tuple)):
            if len(value) < 2:
                raise self.unfit(value)
            return tuple(Integer(1).convert(part) for part in value)
        parts = Integer(2).convert(value)
        if isinstance(parts, int) and parts > MOST_PARTS:
            raise Unfit(f"must be <= {MOST_PARTS:,}, got {parts}")
        return parts

    def show(self, value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else value

    def schema(self) -> dict[str, Any]:
        one = Integer(1).schema()
        return {"anyOf": [Integer(2).schema(), {"type": "array", "items": one, "minItems": 2}]}


class Connections(Kind):
    """Which input channels each filter sees: a list of lists of channels, counted from 0."""

    text = "a list of lists of channels, as in [[0, 1], [1, 2]]"

    def convert(self, value: Any) -> tuple[tuple[int, ...], ...]:
        rows = value if isinstance(value, (list, tuple)) else ()
        if not rows or not all(isinstance(row, (list, tuple)) and row for row in rows):
            raise self.unfit(value)
        if len(rows) > MOST_PARTS:
            raise Unfit(f"must have at most {MOST_PARTS:,} rows, got {len(rows):,}")
        table = tuple(tuple(Integer(0).convert(channel) for channel in row) for row in rows)
        for row in table:
            if len(set(row)) < len(row):
                raise Unfit(f"must name each channel of a row once, got {say(row)}")
        return table

    def show(self, value: Any) -> Any:
        return [list(row) for row in value]

    def schema(self) -> dict[str, Any]:
        row = {"type": "array", "items": Integer(0).schema(), "minItems": 1, "uniqueItems": True}
        return {"type": "array", "items": row, "minItems": 1, "maxItems": MOST_PARTS}


class Boolean(Kind):
    """true or false."""

    text = "true or false"

    def convert(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.unfit(value)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class OneOf(Kind):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.text = " or ".join(words)

    def convert(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise self.unfit(value)
        return value

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


class Interpolation(OneOf):
    """How an element between others is found: in words that say along how many axes."""

    def __init__(self, axes: int = 2) -> None:
        super().__init__(*_MODES[axes])

    def over(self, axes: int) -> Interpolation:
        return Interpolation(axes)


_MODES = {1: ("nearest", "linear"), 2: ("nearest", "bilinear", "bicubic"), 3: ("nearest", "trilinear")}


class Share(Kind):
    """A decimal in [0, 1)."""

    text = ">= 0 and < 1"

    def convert(self, value: Any) -> Fraction:
        if isinstance(value, bool) or not isinstance(value, (int, Fraction)) or not 0 <= value < 1:
            raise self.unfit(value)
        return Fraction(value)

    def show(self, value: Any) -> Any:
        return float(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": 0, "exclusiveMaximum": 1}


class Rank:
    """How many axes an input must have."""

    def __init__(self, text: str, *ranks: int) -> None:
        self.text = text
        self.ranks = ranks

    def over(self, axes: int, *, leading: bool) -> Rank:  # noqa: ARG002 - for inputs of ops that slide windows
        """The rank for an op whose windows slide along so many axes, with or without `leading` axes before them."""
        return self

    def fits(self, shape: Sequence[Any]) -> bool:
        return len(shape) in self.ranks


class Slidable(Rank):
    """The axes that a window slides along, then the channels; what stands before them is more positions."""

    def __init__(self, axes: int = 2, *, leading: bool = True) -> None:
        rank = axes + 1
        text = f"{kind(rank)} ({'×'.join(letters(rank))})"
        super().__init__(text, *range(rank, MOST_AXES + 1 if leading else rank + 1))

    def over(self, axes: int, *, leading: bool) -> Rank:
        return Slidable(axes, leading=leading)


def _array_of(item: dict[str, Any], length: int) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": length, "maxItems": length}


# What the keyword arguments of a rule are annotated with.
Size: TypeAlias = Annotated[Dim, Integer(1)]
# One entry for each axis that windows slide along. The types are Any, because a default is written as a spec writes it.
Sizes: TypeAlias = Annotated[Any, EachAxis(1)]
Pair: TypeAlias = Annotated[tuple[Dim, Dim], EachAxis(1)]  # of ops on maps only
SizesOrNone: TypeAlias = Annotated[Any, EachAxis(1)]
AmountsOrNone: TypeAlias = Annotated[Any, EachAxis(0)]
Padding: TypeAlias = Annotated[Any, Sides("same", none="valid", along_one=("causal",))]
Cropping: TypeAlias = Annotated[Any, Sides("same", "valid")]
Margins: TypeAlias = Annotated[Any, Sides()]
Ends: TypeAlias = Annotated[Any, Sides(axes=1)]
Crop: TypeAlias = Annotated[Dim | tuple[Dim, ...], Extent()]
Sections: TypeAlias = Annotated[Dim | tuple[Dim, ...], Parts()]
ConnectionTable: TypeAlias = Annotated[tuple[tuple[int, ...], ...], Connections()]
Flag: TypeAlias = Annotated[bool, Boolean()]
Rate: TypeAlias = Annotated[Fraction, Share()]
AxisName: TypeAlias = Annotated[str, OneOf("channels", "height", "width")]
Mode: TypeAlias = Annotated[str, Interpolation()]
Position: TypeAlias = Annotated[Dim, Integer(0)]
# What the positional arguments are annotated with.
Slid: TypeAlias = Annotated[Shape, Slidable()]
Map: TypeAlias = Annotated[Shape, Rank("a map (h×w×c)", 3)]
Steps: TypeAlias = Annotated[Shape, Rank("a sequence (t×c)", 2)]
Vector: TypeAlias = Annotated[Shape, Rank("a vector", 1)]
Grid: TypeAlias = Annotated[Shape, Rank("a sequence, a map or a volume", *range(2, MOST_AXES + 1))]
AnyInput: TypeAlias = Annotated[Shape, Rank(f"a tensor of 1 to {MOST_AXES} axes", *range(1, MOST_AXES + 1))]
