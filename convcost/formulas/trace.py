"""The formulas of a layer's numbers: its op's own rule, run over ints that record how they were computed.

A `Traced` is an int - for the rule there is no difference - that also holds its name or the operations that made it. So
the formula that `explain` prints is the rule itself, and there is no second one.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple, Self

from convcost.core.axes import LETTERS, SIDES, WORDS, letters, spatial_names
from convcost.core.cost import OpCost
from convcost.core.dims import Shape, elements
from convcost.graph.graph import STORED
from convcost.memory.traffic import Traffic
from convcost.ops import OPS
from convcost.ops.attributes import Connections, OneAxis, ShapesOf, SomeAxes
from convcost.ops.window import dilated, slide, windowed

_TIGHTNESS = {"+": 1, "-": 1, "*": 2, "%": 2}
_SIGNS = {"+": " + ", "-": " - ", "*": "·", "%": " mod "}


class Traced(int):
    """An int with its history: a name, or an operation on other ints.

    >>> h, s = Traced(7, "h"), Traced(2, "stride")
    >>> half = (h + 1) // s
    >>> half, write(half), write(half, names=False)
    (4, '⌊(h + 1)/stride⌋', '⌊(7 + 1)/2⌋')
    """

    name: str
    sign: str
    operands: tuple[int, ...]

    def __new__(cls, value: int, name: str = "", sign: str = "", operands: tuple[int, ...] = ()) -> Self:
        self = super().__new__(cls, value)
        self.name, self.sign, self.operands = name, sign, operands
        return self

    def __add__(self, other: Any) -> Any:
        if _is(other, 0):
            return self
        if self.sign == "-" and _is(other, int(self.operands[1])) and not isinstance(self.operands[1], Traced):
            return self.operands[0]  # kernel - 1 + 1
        if self.sign == "+" and _are_one(self.operands[1], other):
            return _made("+", int(self) + int(other), self.operands[0], _times(2, other))  # h + 2·padding
        return _made("+", int(self) + int(other), self, other)

    def __radd__(self, other: Any) -> Any:
        return self if _is(other, 0) else _made("+", int(other) + int(self), other, self)

    def __sub__(self, other: Any) -> Any:
        return self if _is(other, 0) else _made("-", int(self) - int(other), self, other)

    def __rsub__(self, other: Any) -> Any:
        return _made("-", int(other) - int(self), other, self)

    def __mul__(self, other: Any) -> Any:
        return _times(self, other)

    def __rmul__(self, other: Any) -> Any:
        return _times(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return self if _is(other, 1) else _made("//", int(self) // int(other), self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _made("//", int(other) // int(self), other, self)

    def __mod__(self, other: Any) -> Any:
        return _made("%", int(self) % int(other), self, other)

    def __rmod__(self, other: Any) -> Any:
        return _made("%", int(other) % int(self), other, self)

    def __neg__(self) -> Any:
        if self.sign == "neg":
            return self.operands[0]
        return _made("neg", -int(self), self)


class Quantity(NamedTuple):
    """One number of a layer: its name, its formula, the formula with values, and the result."""

    name: str
    formula: str
    operands: str
    value: int


def quantities(
    op: str,
    input_shapes: Sequence[Shape],
    attrs: Mapping[str, Any],
    cost: OpCost | None = None,
    moved: Traffic | None = None,
) -> list[Quantity]:
    """The numbers of one layer, batch 1, each derived by running its op's rule over traced ints.

    Output sizes come first. Those that the op makes have names of their own (h', w', c'), which the later formulas use. Sizes
    of the inputs that are traced keep their names. Of an unknown op there are no others. The bytes `moved`, where they are
    wanted too, are of a traced `cost`, of the same sizes.

    >>> conv = {**OPS["conv2d"].convert({"channels": 5, "kernel": 3})}
    >>> print(*quantities("conv2d", [(6, 6, 3)], conv)[3][1:], sep=" = ")
    h'·w'·channels·kernel·kernel·c = 4·4·5·3·3·3 = 2160
    """
    read = named(input_shapes)
    cost = cost or traced_cost(op, read, attrs)
    ours = {id(size) for shape in read for size in shape}
    outputs = [_output_names(shape, ours, OPS[op].letters or letters(len(shape))) for shape in cost.out]
    made = {
        id(size): name
        for shape, names in zip(cost.out, outputs)
        for size, name in zip(shape, names)
        if _has_history(size) and id(size) not in ours
    }
    sizes = [_quantity(name, size, {}) for names, out in zip(outputs[:1], cost.out) for name, size in zip(names, out)]
    if OPS[op].traits.opaque:
        return sizes
    written = elements(cost.out) if OPS[op].traits.view == "none" else 0
    return [
        *sizes,
        _quantity("MACs", cost.macs, made),
        _quantity("bias additions", cost.bias_adds, made),
        _quantity("params", cost.params, made),
        _quantity("buffers", cost.buffers, made),
        _quantity("activations", written, made),
        *(_moved(moved, cost, made) if moved is not None else ()),
    ]


def _moved(moved: Traffic, cost: OpCost, made: Mapping[int, str]) -> Iterator[Quantity]:
    """The bytes of what a layer reads, of what it writes, and of what it stores, in counts that have names of their own."""
    yield _quantity("bytes read", moved.inputs, made)
    yield _quantity("bytes written", moved.outputs, made)
    stored = {id(getattr(cost, role)): role for role in STORED}
    yield _quantity("weight bytes", moved.weights, stored)


def _output_names(shape: Shape, ours: Container[int], axes: Sequence[str]) -> list[str]:
    """Names for the sizes of an output: of one that the op hands on, that of the input's; else by the axis."""
    kept = [next(names_in(size))[0] if id(size) in ours else "" for size in shape]
    free = (f"x{at}" if letter in kept else letter for at, letter in enumerate(axes, start=1))
    return [f"{name or letter}'" for name, letter in zip(kept, free)]


def named(shapes: Sequence[Shape]) -> tuple[Shape, ...]:
    """Shapes with a name for each size that has none: the letter of its axis, by the rank of the tensor.

    A letter that stands for several sizes is numbered by the input; but sizes of 1, which stretch, number only themselves.

    >>> [[size.name for size in shape] for shape in named([(28, 28, 64), (28, 28, 32)])]
    [['h', 'w', 'c1'], ['h', 'w', 'c2']]
    >>> [[size.name for size in shape] for shape in named([(14, 14, 672), (1, 1, 672)])]
    [['h', 'w', 'c'], ['h2', 'w2', 'c']]
    """
    lettered = [_lettered(shape) for shape in shapes]
    meant: dict[str, set[int]] = {}
    for name, value in (pair for shape in lettered for size in shape for pair in names_in(size)):
        meant.setdefault(name, set()).add(value)
    before = {name: _before(name, meant, len(shapes)) for name, values in meant.items() if len(values) > 1}
    return tuple(
        tuple(_renamed(size, _numbered(size, meant, before, at)) for size in shape)
        for at, shape in enumerate(lettered, start=1)
    )


def _before(name: str, taken: Container[str], inputs: int) -> int:
    """The number before the first one of a name: if one of as many as there are inputs is taken, the next ones are tried."""
    numbers = range(1, inputs + 1)
    return next(n for n in count(0, inputs) if not any(f"{name}{n + number}" in taken for number in numbers))


def _lettered(shape: Shape) -> tuple[Traced, ...]:
    """Names for sizes that have none; not one that the tensor has already for another size."""
    taken = {name: value for size in shape for name, value in names_in(size)}
    axes = enumerate(zip(shape, letters(len(shape))), start=1)
    free = ((size, letter if taken.get(letter, size) == size else f"x{at}") for at, (size, letter) in axes)
    return tuple(size if isinstance(size, Traced) else Traced(size, name) for size, name in free)


def names_in(size: Any) -> Iterator[tuple[str, int]]:
    """The names in a size, with what they stand for."""
    if isinstance(size, Traced):
        if not size.sign:
            yield size.name, int(size)
        for operand in size.operands:
            yield from names_in(operand)


def _numbered(size: Traced, meant: Mapping[str, set[int]], before: Mapping[str, int], at: int) -> dict[str, str]:
    """New names for those in a size of an input that stand for other sizes as well, but for sizes of 1."""
    return {
        name: f"{name}{before[name] + at}"
        for name, value in names_in(size)
        if len(meant[name]) > (1 if value == 1 or 1 not in meant[name] else 2)
    }


def _renamed(size: Any, new: Mapping[str, str]) -> Any:
    """A size with other names."""
    if not isinstance(size, Traced) or not new:
        return size
    return Traced(size, new.get(size.name, size.name), size.sign, tuple(_renamed(one, new) for one in size.operands))


def traced_cost(op: str, input_shapes: Sequence[Shape], attrs: Mapping[str, Any]) -> OpCost:
    """The rule's own result over traced ints."""
    attributes = OPS[op].attrs
    # Attributes at their default (stride 1, no padding, one group) leave no trace in the formula; nor do a table, axes, and
    # shapes that are only stated.
    plain = {
        name
        for name, value in attrs.items()
        if value == attributes[name].default or isinstance(attributes[name].kind, _PLAIN)
    }
    traced = {name: value if name in plain else _traced(name, value) for name, value in attrs.items()}
    return OPS[op].cost(named(input_shapes), traced)


_PLAIN = (Connections, OneAxis, SomeAxes, ShapesOf)


def _traced(name: str, value: Any) -> Any:
    """Numbers with their names; words and flags as they are.

    Equal parts share a name (`kernel`), others get one each: kernel_h and kernel_w, padding_top and so on.
    """
    if isinstance(value, bool) or not isinstance(value, (int, tuple)):
        return value
    if isinstance(value, int):
        return Traced(value, name)
    numbers = [n for part in value for n in (part if isinstance(part, tuple) else (part,))]
    if all(number == numbers[0] for number in numbers) and not isinstance(numbers[0], str):
        parts = [name] * len(value)
    elif name in _ENDS:
        parts = list(_ENDS[name])
    elif name.startswith("around_"):
        parts = [f"{name}_before", f"{name}_after"]
    elif name in ("sections", "shape", "repeats", "around"):
        parts = [f"{name}_{number}" for number in range(1, len(value) + 1)]
    else:
        parts = [f"{name}_{letter}" for letter in letters(len(value) + 1)]
    return tuple(_traced(part, one) for part, one in zip(parts, value))


#: The zeros along one axis -> those at its two ends.
_ENDS = {f"padding_{LETTERS[axis]}": tuple(f"padding_{side}" for side in sides) for axis, sides in SIDES.items()}
_ENDS |= {f"{axis}_t": (f"{axis}_before", f"{axis}_after") for axis in WORDS}


def _quantity(name: str, value: Any, named: Mapping[int, str]) -> Quantity:
    return Quantity(name, write(value, named=named), write(value, names=False, named=named), int(value))


def write(number: int, *, names: bool = True, named: Mapping[int, str] | None = None) -> str:
    """A number's history as a formula: with names, or with values.

    `named` gives names to intermediate results, by identity.
    """
    return _Writer(names, named or {}).text(number, 0)


class _Writer:
    """Writes a history; brackets only where they are needed."""

    def __init__(self, names: bool, named: Mapping[int, str]) -> None:
        self.names = names
        self.named = named

    def text(self, number: int, tightness: int) -> str:
        """The history, in brackets where its operation binds less than `tightness`.

        What stands left of a sign may be as long as a network is wide, as the channels of a concatenation: it is gone
        through, not into.
        """
        behind: list[tuple[str, str, bool]] = []
        while isinstance(number, Traced) and number.sign in _SIGNS and id(number) not in self.named:
            own, (left, right) = _TIGHTNESS[number.sign], number.operands
            # a - (b - c) needs its brackets, a·(b·c) does not; a·(b mod c) does.
            tight = {"-": (1, 2), "%": (2, 3)}.get(number.sign, (own, own))
            if number.sign == "*":
                tight = (own, own + _is_mod(right))
            behind.append((_SIGNS[number.sign], self.text(right, tight[1]), own < tightness))
            number, tightness = left, tight[0]
        parts = [self.operand(number, tightness)]
        for sign, right_text, bracketed in reversed(behind):
            parts += sign, right_text
            parts = [f"({''.join(parts)})"] if bracketed else parts
        return "".join(parts)

    def operand(self, number: int, tightness: int) -> str:
        """What is no sum, difference, product or remainder: a name, a value, a quotient or something negative."""
        if not isinstance(number, Traced):
            return str(number)
        if id(number) in self.named or not number.sign:
            return self.named.get(id(number), number.name) if self.names else str(int(number))
        return self.negative(number, tightness) if number.sign == "neg" else self.quotient(number, tightness)

    def negative(self, number: Traced, tightness: int) -> str:
        """-x; and -(-x // y), which is how the rules round up."""
        inner = number.operands[0]
        if isinstance(inner, Traced) and inner.sign == "//":
            top = inner.operands[0]
            if isinstance(top, Traced) and top.sign == "neg":
                return f"⌈{self.text(top.operands[0], 2)}/{self.text(inner.operands[1], 3)}⌉"
        body = f"-{self.text(inner, 3)}"
        return f"({body})" if tightness > 1 else body

    def quotient(self, number: Traced, tightness: int) -> str:
        """A plain fraction where one size divides another exactly (groups); rounded down otherwise."""
        top, bottom = number.operands
        body = f"{self.text(top, 2)}/{self.text(bottom, 3)}"
        plain = isinstance(top, Traced) and not top.sign and int(top) % int(bottom) == 0
        if not plain:
            return f"⌊{body}⌋"
        return f"({body})" if tightness > 2 else body


def _is_mod(value: Any) -> bool:
    return isinstance(value, Traced) and value.sign == "%"


def _made(sign: str, value: int, *operands: Any) -> Traced:
    return Traced(value, "", sign, operands)


def _times(left: Any, right: Any) -> Any:
    """A product; factors of 0 and 1 that are switches of the rule, not sizes of the layer, leave no trace."""
    if _is(left, 1):
        return right
    if _is(right, 1):
        return left
    if _is(left, 0) or _is(right, 0):
        return 0
    return _made("*", int(left) * int(right), left, right)


def _are_one(a: Any, b: Any) -> bool:
    """Whether two values are the same named size."""
    return isinstance(a, Traced) and isinstance(b, Traced) and bool(a.name) and a.name == b.name


def _is(value: Any, number: int) -> bool:
    """Whether a value is this plain number, not a traced size that happens to equal it."""
    return not isinstance(value, Traced) and value == number


def _has_history(size: Any) -> bool:
    return isinstance(size, Traced) and bool(size.sign)


def same_text(shape: Shape, attrs: Mapping[str, Any]) -> str:
    """The zeros that a padding in words adds for a window on a tensor of this shape.

    >>> attrs = {"kernel": (3, 3), "stride": (2, 2), "padding": ("same", "same")}
    >>> same_text((224, 224, 3), attrs)
    'zeros: top 0, bottom 1, left 0, right 1'
    """
    kernel, axes = attrs["kernel"], len(attrs["kernel"])
    each = zip(windowed(shape, axes), kernel, attrs["stride"] or kernel, attrs["padding"])
    dilation = attrs.get("dilation", (1,) * axes)
    slides = [slide(size, dilated(k, apart), step, word) for (size, k, step, word), apart in zip(each, dilation)]
    sides = (side for name in spatial_names(axes) for side in SIDES[name])
    counts = (n for slid in slides for n in (slid.before, slid.after))
    return "zeros: " + ", ".join(f"{side} {count}" for side, count in zip(sides, counts))
