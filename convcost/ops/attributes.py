"""Kinds of attribute: which values are valid, how they are written, and their JSON Schema.

A kind converts what a spec states (an int, a list, a word) into what a rule takes, over ints, arrays or symbols alike.
The aliases at the end annotate the keyword arguments of the rules; attributes are listed nowhere else.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import Annotated, Any, TypeAlias

from convcost.core import axes as core_axes
from convcost.core.axes import SIDES, kind, letters, spatial_names
from convcost.core.dims import LARGEST, Dim, Shape, is_array, is_integral, is_symbolic
from convcost.core.errors import Unfit, did_you_mean
from convcost.core.units import say

#: The most axes that a tensor may have.
MOST_AXES = 8
#: The most outputs that a split may have.
MOST_PARTS = 1000
#: So many words an error lists.
FEW = 12


def one_value(value: Any) -> Any:
    """A value that decides about structure: of a number that varies over a grid the one that it has, else the grid is split."""
    return int(value) if is_array(value) else value


class Kind:
    """A kind of attribute."""

    text = ""
    """The valid values, in words that continue `must be …`."""
    words: tuple[str, ...] = ()
    """The words that are valid values, if it takes words."""
    literal = False
    """Whether a value is a text as it stands, and no expression."""

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


def _is_rounded(value: Any) -> bool:
    """Whether it is a truth value, or a number of a kind that is written with a point."""
    return isinstance(value, (bool, Decimal)) or (isinstance(value, Real) and not isinstance(value, Rational))


class Integer(Kind):
    """An integer from `least` to `most`; arrays and symbols are integers by construction."""

    def __init__(self, least: int, most: int = LARGEST) -> None:
        self.least, self.most = least, most
        self.text = f"an integer >= {least}" if most == LARGEST else f"an integer from {least} to {most}"

    def convert(self, value: Any) -> Dim:
        if type(value) is int and self.least <= value <= self.most:  # nearly all are
            return value
        if not isinstance(value, int) and isinstance(value, Integral):
            value = int(value)  # another library's would wrap around
        if _is_rounded(value) or not hasattr(value, "__floordiv__"):  # as texts, bytes and lists have not
            raise Unfit(f"must be an integer, got {say(value)}")
        if isinstance(value, Fraction):
            if value.denominator != 1:
                raise Unfit(f"must be an integer, got {say(value)}; round it with round_to, floor or ceil")
            value = value.numerator
        if isinstance(value, int):
            if value < self.least:
                raise Unfit(f"must be >= {self.least}, got {value}")
            if value > self.most:
                raise Unfit(f"must be <= {self.most:,}, got {say(value)}")
        return self.convert_array(value) if is_array(value) else value

    def convert_array(self, values: Any) -> Any:
        """A numpy array of integers within the bounds, as int64."""
        if not is_integral(values):
            raise Unfit(f"must be integers, got an array of {values.dtype}")
        inside = (values >= self.least) & (values <= self.most)
        if not (inside.all() if is_array(inside) else inside):
            for worst in (values.min(), values.max()):
                self.convert(int(worst))
        return values.astype("int64", copy=False)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


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


class Around(Kind):
    """How much to add before and after each axis, in their order; its length is checked by the rule."""

    one = Sides(axes=1)
    text = "a list with an integer >= 0 or [before, after] for each axis"

    def convert(self, value: Any) -> tuple[tuple[Dim, Dim], ...]:
        if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= MOST_AXES:
            raise self.unfit(value)
        return tuple(self.one.convert(axis)[0] for axis in value)

    def show(self, value: Any) -> Any:
        return [self.one.show((axis,)) for axis in value]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.one.schema(), "minItems": 1, "maxItems": MOST_AXES}


class Parts(Kind):
    """How to cut an axis: a number of equal parts, or the size of each."""

    text = "an integer >= 2 or a list of sizes"

    def convert(self, value: Any) -> Dim | tuple[Dim, ...]:
        if isinstance(value, (list, tuple)):
            if len(value) < 2:
                raise self.unfit(value)
            return tuple(Integer(1).convert(part) for part in value)
        parts = Integer(2).convert(value)
        if is_symbolic(parts):
            raise Unfit(f"must be a number or a list, got {parts}: how many parts there are is no symbol")
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
        table = tuple(tuple(Integer(0).convert(one_value(channel)) for channel in row) for row in rows)
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
    """One of some words; of many, an error names a few and the one that was most likely meant."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.text = " or ".join(words) if len(words) <= FEW else ", ".join(words)

    def convert(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise self.unfit(value)
        return value

    def unfit(self, value: Any) -> Unfit:
        if len(self.words) <= FEW:
            return super().unfit(value)
        some, near = ", ".join(self.words[:3]), did_you_mean(str(value), self.words)
        return Unfit(f"must be {some} or another of {len(self.words)} words, got {say(value)}{near}")

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


class Words(Kind):
    """A text as it stands, of printable characters on one line."""

    literal = True

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.text = f"a text of 1 to {longest} printable characters"

    def convert(self, value: Any) -> str:
        if not isinstance(value, str) or not 1 <= len(value) <= self.longest or not value.isprintable():
            raise self.unfit(value)
        return value

    def unfit(self, value: Any) -> Unfit:
        return super().unfit(value if value != "" else "''")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": self.longest}


class OneAxis(Kind):
    """An axis by name, or by number: 0 is the first, -1 the last."""

    words = core_axes.WORDS
    text = f"{', '.join(core_axes.WORDS)}, or the number of an axis (0 is the first, -1 the last)"

    def convert(self, value: Any) -> core_axes.Axis:
        if isinstance(value, str) and value in self.words:
            return value
        if isinstance(value, (bool, str, list, tuple, dict)) or value is None or is_symbolic(value):
            raise self.unfit(value)
        number = one_value(value)
        if number != int(number) or not -MOST_AXES <= number < MOST_AXES:
            raise self.unfit(value)
        return int(number)

    def schema(self) -> dict[str, Any]:
        number = {"type": "integer", "minimum": -MOST_AXES, "maximum": MOST_AXES - 1}
        return {"anyOf": [{"enum": list(self.words)}, number]}


class SomeAxes(Kind):
    """An axis or a list of axes, each by name or by number."""

    one = OneAxis()
    words = one.words
    text = f"{one.text}, or a list of these"

    def convert(self, value: Any) -> tuple[core_axes.Axis, ...]:
        listed = list(value) if isinstance(value, (list, tuple)) else [value]
        if not 1 <= len(listed) <= MOST_AXES:
            raise self.unfit(value)
        try:
            return tuple(map(self.one.convert, listed))
        except Unfit:
            raise self.unfit(value) from None

    def show(self, value: Any) -> Any:
        return list(value) if len(value) > 1 else value[0]

    def schema(self) -> dict[str, Any]:
        one = self.one.schema()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_AXES}]}


class ShapeOf(Kind):
    """The sizes of all axes. Where `rest` is allowed, one may be -1, for what the others leave; a rule takes it as None."""

    def __init__(self, *, rest: bool = False) -> None:
        self.rest = rest
        self.one = Integer(1)
        self.text = f"a list of 1 to {MOST_AXES} sizes" + " (one of them may be -1: what the others leave)" * rest

    def convert(self, value: Any) -> tuple[Dim | None, ...]:
        sizes = list(value) if isinstance(value, (list, tuple)) else [value]
        if not 1 <= len(sizes) <= MOST_AXES:
            raise self.unfit(value)
        left = [i for i, size in enumerate(sizes) if _is_rest(size)] if self.rest else []
        if len(left) > 1:
            raise self.unfit(value)
        return tuple(None if i in left else self.one.convert(size) for i, size in enumerate(sizes))

    def show(self, value: Any) -> Any:
        return [-1 if size is None else size for size in value]

    def schema(self) -> dict[str, Any]:
        one = self.one.schema()
        item = {"anyOf": [one, {"const": -1}]} if self.rest else one
        return {"anyOf": [one, {"type": "array", "items": item, "minItems": 1, "maxItems": MOST_AXES}]}


class ShapesOf(Kind):
    """The shape of an output, or a list with the shape of each of several; a rule takes a tuple of shapes."""

    one = ShapeOf()
    text = f"{one.text}, or a list of such lists"

    def convert(self, value: Any) -> tuple[Shape, ...]:
        several = isinstance(value, (list, tuple)) and any(isinstance(part, (list, tuple)) for part in value)
        shapes = value if several else [value]
        if len(shapes) > MOST_PARTS:
            raise Unfit(f"must have at most {MOST_PARTS:,} shapes, got {len(shapes):,}")
        return tuple(map(self.one.convert, shapes))

    def show(self, value: Any) -> Any:
        shapes = [list(shape) for shape in value]
        return shapes if len(shapes) > 1 else shapes[0]

    def schema(self) -> dict[str, Any]:
        one = self.one.schema()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_PARTS}]}


class Shifts(Kind):
    """How far to move along each axis before the channels, in either direction; a single number applies to all of them."""

    one = Integer(-LARGEST)
    text = "an integer or a list of integers, one for each axis before the channels"

    def convert(self, value: Any) -> tuple[Dim, ...]:
        amounts = list(value) if isinstance(value, (list, tuple)) else [value]
        if not 1 <= len(amounts) < MOST_AXES:
            raise self.unfit(value)
        return tuple(map(self.one.convert, amounts))

    def show(self, value: Any) -> Any:
        return list(value) if len(value) > 1 else value[0]

    def schema(self) -> dict[str, Any]:
        one = self.one.schema()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_AXES - 1}]}


class Interpolation(OneOf):
    """How an element between others is found: in words that say along how many axes."""

    def __init__(self, axes: int = 2) -> None:
        super().__init__(*_MODES[axes])

    def over(self, axes: int) -> Interpolation:
        return Interpolation(axes)


_MODES = {1: ("nearest", "linear"), 2: ("nearest", "bilinear", "bicubic"), 3: ("nearest", "trilinear")}


class Share(Kind):
    """A decimal in [0, 1), or one at every point of a grid."""

    text = ">= 0 and < 1"

    def convert(self, value: Any) -> Any:
        if is_array(value):
            inside = (value >= 0) & (value < 1)
            if not (inside.all() if is_array(inside) else inside):
                raise self.unfit(value)
            return value
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


class Slidable(Rank):
    """The axes that a window slides along, then the channels; what stands before them is more positions."""

    def __init__(self, axes: int = 2, *, leading: bool = True) -> None:
        rank = axes + 1
        text = f"{kind(rank)} ({'×'.join(letters(rank))})"
        super().__init__(text, *range(rank, MOST_AXES + 1 if leading else rank + 1))

    def over(self, axes: int, *, leading: bool) -> Rank:
        return Slidable(axes, leading=leading)


def _is_rest(size: Any) -> bool:
    """Whether a size is -1; one that is so at some points of a grid alone splits it."""
    found = size == -1
    return bool(found.all() if is_array(found) else found)


def _array_of(item: dict[str, Any], length: int) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": length, "maxItems": length}


# What the keyword arguments of a rule are annotated with.
Size: TypeAlias = Annotated[Dim, Integer(1)]
SizeOrNone: TypeAlias = Annotated[Dim | None, Integer(1)]
# One entry for each axis that windows slide along. The types are Any, because a default is written as a spec writes it.
Sizes: TypeAlias = Annotated[Any, EachAxis(1)]
Pair: TypeAlias = Annotated[tuple[Dim, Dim], EachAxis(1)]  # of ops on maps only
SizesOrNone: TypeAlias = Annotated[Any, EachAxis(1)]
AmountsOrNone: TypeAlias = Annotated[Any, EachAxis(0)]
Padding: TypeAlias = Annotated[Any, Sides("same", none="valid", along_one=("causal",))]
Cropping: TypeAlias = Annotated[Any, Sides("same", "valid")]
Margins: TypeAlias = Annotated[Any, Sides()]
AllAround: TypeAlias = Annotated[Any, Around()]
Ends: TypeAlias = Annotated[Any, Sides(axes=1)]
Crop: TypeAlias = Annotated[Dim | tuple[Dim, ...], Extent()]
Sections: TypeAlias = Annotated[Dim | tuple[Dim, ...], Parts()]
ConnectionTable: TypeAlias = Annotated[tuple[tuple[int, ...], ...], Connections()]
Flag: TypeAlias = Annotated[bool, Boolean()]
Rate: TypeAlias = Annotated[Fraction, Share()]
Axis: TypeAlias = Annotated[core_axes.Axis, OneAxis()]
Axes: TypeAlias = Annotated[tuple[core_axes.Axis, ...], SomeAxes()]
WholeShape: TypeAlias = Annotated[Shape, ShapeOf()]
Shapes: TypeAlias = Annotated[Any, ShapesOf()]
Word: TypeAlias = Annotated[str, Words(100)]
Text: TypeAlias = Annotated[Any, Words(300)]
ShapeWithRest: TypeAlias = Annotated[tuple[Dim | None, ...], ShapeOf(rest=True)]
Shift: TypeAlias = Annotated[tuple[Dim, ...], Shifts()]
Function: TypeAlias = Annotated[
    str,
    OneOf(
        *("mean", "sum", "max", "min", "norm", "product", "variance", "absolute_sum", "square_sum"),
        *("log_sum", "log_sum_exp", "argmax", "argmin", "any", "all"),
    ),
]
Scan: TypeAlias = Annotated[str, OneOf("sum", "product", "max", "min")]
OfOne: TypeAlias = Annotated[
    str,
    OneOf(
        *("exp", "log", "sqrt", "rsqrt", "reciprocal", "square", "power", "abs", "negate", "sign"),
        *("floor", "ceil", "round", "truncate", "clip", "scale", "shift", "cast", "quantize", "dequantize"),
        *("erf", "erfc", "exp2", "expm1", "log1p", "log2", "log10"),
        *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"),
        *("celu", "hard_tanh", "softsign", "log_sigmoid", "threshold", "hard_shrink", "soft_shrink"),
        *("logical_not", "bitwise_not", "is_nan", "is_inf", "is_finite"),
    ),
]
OfSeveral: TypeAlias = Annotated[
    str,
    OneOf(
        *("add", "subtract", "multiply", "divide", "floor_divide", "modulo", "power", "minimum", "maximum", "mean"),
        *("squared_difference", "atan2", "where"),
        *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
        *("logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"),
        *("shift_left", "shift_right"),
    ),
]
At: TypeAlias = Annotated[str, OneOf("tokens", "positions")]
Mode: TypeAlias = Annotated[str, Interpolation()]
BiasCount: TypeAlias = Annotated[Dim, Integer(0, most=2)]
Position: TypeAlias = Annotated[Dim, Integer(0)]
# What the positional arguments are annotated with.
Slid: TypeAlias = Annotated[Shape, Slidable()]
Map: TypeAlias = Annotated[Shape, Rank("a map (h×w×c)", 3)]
Steps: TypeAlias = Annotated[Shape, Rank("a sequence (t×c)", 2)]
Windows: TypeAlias = Annotated[Shape, Rank("a stack of windows (n×t×c)", 3)]
Positions: TypeAlias = Annotated[Shape, Rank(f"a tensor of 2 to {MOST_AXES} axes", *range(2, MOST_AXES + 1))]
Numbers: TypeAlias = Annotated[Shape, Rank(f"a tensor of 1 to {MOST_AXES - 1} axes", *range(1, MOST_AXES))]
Vector: TypeAlias = Annotated[Shape, Rank("a vector", 1)]
Grid: TypeAlias = Annotated[Shape, Rank("a sequence, a map or a volume", *range(2, MOST_AXES + 1))]
_ANY = Rank(f"a tensor of 1 to {MOST_AXES} axes", *range(1, MOST_AXES + 1))
AnyInput: TypeAlias = Annotated[Shape, _ANY]
AnyInputOrNone: TypeAlias = Annotated[Shape | None, _ANY]
