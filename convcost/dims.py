"""Arithmetic on dimensions that means the same for three number systems.

A dimension (`Dim`) is a Python int, an int64 numpy array, or a sympy expression. A cost rule is written once,
with `+ - * // %` and the helpers below, and is evaluated over any of them. Neither numpy nor sympy is imported
unless a value of theirs comes in.

Fractions are welcome where a knob such as `width: 0.75` enters; `floor`, `ceil` and `round_to` bring them back
to integers without rounding errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, TypeAlias

#: An int, an int64 numpy array, or a sympy expression. mypy cannot check a union of the three; the tests, which
#: run every rule over each of them, do.
Dim: TypeAlias = Any
#: (height, width, channels) of a feature map, or (channels,) of a vector; batch is never part of a shape.
Shape: TypeAlias = tuple[Dim, ...]


def is_symbolic(value: Any) -> bool:
    """Whether a value is an expression with free symbols (a sympy number is not)."""
    return bool(getattr(value, "free_symbols", None))


def is_array(value: Any) -> bool:
    """Whether a value is a numpy array (or numpy scalar)."""
    return hasattr(value, "dtype")


def ceil_div(a: Dim, b: Dim) -> Dim:
    """The quotient rounded up.

    >>> ceil_div(7, 2), ceil_div(8, 2)
    (4, 4)
    """
    if is_symbolic(a) or is_symbolic(b):
        import sympy

        return sympy.ceiling(sympy.sympify(a) / b)
    return -(-a // b)


def floor(value: Dim) -> Dim:
    """The largest integer that is not above the value.

    >>> from fractions import Fraction
    >>> floor(Fraction("22.4"))
    22
    """
    return value // 1


def ceil(value: Dim) -> Dim:
    """The smallest integer that is not below the value; exact, so that 1.1 * 10 gives 11.

    >>> from fractions import Fraction
    >>> ceil(Fraction("1.1") * 10)
    11
    """
    return ceil_div(value, 1)


def maximum(a: Dim, b: Dim) -> Dim:
    """The larger of two, element by element."""
    if is_symbolic(a) or is_symbolic(b):
        import sympy

        return sympy.Max(a, b)
    if is_array(a) or is_array(b):
        import numpy as np

        return np.maximum(a, b)
    return max(a, b)


def minimum(a: Dim, b: Dim) -> Dim:
    """The smaller of two, element by element."""
    return -maximum(-a, -b)


def where(condition: Any, a: Dim, b: Dim) -> Dim:
    """`a` where the condition holds, else `b`."""
    if is_symbolic(condition):
        import sympy

        # Unevaluated: sympy would simplify the conditions of nested pieces for minutes.
        return sympy.Piecewise((a, condition), (b, True), evaluate=False)
    if is_array(condition):
        import numpy as np

        return np.where(condition, a, b)
    return a if condition else b


def equal(a: Dim, b: Dim) -> Any:
    """Whether two dimensions are equal: a bool, an array of bools, or an equation between symbols."""
    if is_symbolic(a) or is_symbolic(b):
        import sympy

        return sympy.Eq(a, b)
    return a == b


def negate(condition: Any) -> Any:
    """The opposite of a condition, in any of the three systems."""
    return ~condition if is_symbolic(condition) or is_array(condition) else not condition


def either(a: Any, b: Any) -> Any:
    """Whether one condition or the other holds."""
    return a | b


def both(a: Any, b: Any) -> Any:
    """Whether both conditions hold."""
    return a & b


def divides(divisor: Dim, value: Dim) -> Any:
    """Whether the divisor divides the value without remainder."""
    return equal(value % divisor, 0)


def first_given(value: Any, default: Any) -> Any:
    """The value, or the default where none was given."""
    return default if value is None else value


def product(factors: Iterable[Dim]) -> Dim:
    """The product of all factors; 1 for none."""
    result: Dim = 1
    for factor in factors:
        result = result * factor
    return result


def elements(shapes: Iterable[Shape]) -> Dim:
    """How many elements tensors of these shapes hold together.

    >>> elements([(6, 6, 3), (10,)])
    118
    """
    return sum((product(shape) for shape in shapes), 0)


def cut(size: Dim, sections: Dim | tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The sizes of the parts of an axis: as given, or so many equal ones (the number of parts is a plain int).

    >>> cut(116, 2), cut(116, (100, 16))
    ((58, 58), (100, 16))
    """
    return sections if isinstance(sections, tuple) else (size // sections,) * int(sections)


def round_to(value: Dim, divisor: Dim = 8) -> Dim:
    """The nearest multiple of the divisor, at least one divisor, and never below 90 % of the value.

    The rule of the MobileNets and EfficientNets for scaled channel counts ("make_divisible";
    tensorflow/tpu, efficientnet_model.py), in exact arithmetic.

    >>> from fractions import Fraction
    >>> round_to(24 * Fraction("0.75"))  # 16 would be below 0.9 * 18
    24
    >>> round_to(32 * Fraction("1.3")), round_to(3)
    (40, 8)
    """
    nearest = maximum(divisor, (2 * value + divisor) // (2 * divisor) * divisor)
    return where(10 * nearest < 9 * value, nearest + divisor, nearest)


class Slide(NamedTuple):
    """How a window slides along one axis: positions it takes, zeros added before and after, whether it fits at all."""

    out: Dim
    before: Dim
    after: Dim
    fits: Any


def dilated(kernel: Dim, dilation: Dim) -> Dim:
    """The extent of a kernel whose taps stand `dilation` apart.

    >>> dilated(3, 2)
    5
    """
    return dilation * (kernel - 1) + 1


def slide(
    size: Dim, extent: Dim, stride: Dim, padding: tuple[Dim, Dim] | Literal["same"], ceil_mode: bool = False
) -> Slide:
    """Slide a window of the given extent along an axis of the given size.

    `padding` is the zeros (before, after), or "same" (TensorFlow's rule: ceil(size / stride) positions, the odd
    zero at the end). With `ceil_mode` a last window may hang over the end, provided that it starts
    inside the input or the zeros before it (the rule of Caffe and PyTorch).

    >>> slide(6, 3, 1, (0, 0)).out, slide(224, 7, 2, (3, 3)).out
    (4, 112)
    >>> slide(224, 3, 2, "same")
    Slide(out=112, before=0, after=1, fits=True)
    >>> slide(112, 3, 2, (0, 0)).out, slide(112, 3, 2, (0, 0), ceil_mode=True).out
    (55, 56)
    """
    if padding == "same":
        out = ceil_div(size, stride)
        total = maximum((out - 1) * stride + extent - size, 0)
        return Slide(out, total // 2, total - total // 2, fits=True)
    before, after = padding
    room = size + before + after - extent
    if ceil_mode:
        out = ceil_div(room, stride) + 1
        out = where((out - 1) * stride >= size + before, out - 1, out)
        return Slide(out, before, after, fits=room > -stride)
    return Slide(room // stride + 1, before, after, fits=room >= 0)


def total(count: Dim, term: Callable[[Dim], Dim]) -> Dim:
    """The sum of term(0), …, term(count - 1).

    >>> total(3, lambda i: 10 * i)
    30
    """
    if is_symbolic(count):
        import sympy

        index = sympy.Dummy("i", integer=True, nonnegative=True)
        return sympy.Sum(term(index), (index, 0, count - 1))
    if is_array(count):
        return sum((where(i < count, term(i), 0) for i in range(int(count.max()))), 0 * count)
    return sum((term(i) for i in range(count)), 0)


def real_taps(size: Dim, slid: Slide, kernel: Dim, stride: Dim, dilation: Dim) -> Dim:
    """How often, along one axis, a tap of a sliding window falls on the input and not on the zeros around it.

    Tap i lies on the input from the first position p with p·stride + i·dilation >= before to the last one with
    p·stride + i·dilation < before + size.

    >>> real_taps(2, slide(2, 3, 1, (1, 1)), 3, 1, 1)  # two positions, each with one of three taps on a zero
    4
    """

    def positions(tap: Dim) -> Dim:
        ahead = slid.before - tap * dilation
        last = minimum((size - 1 + ahead) // stride, slid.out - 1)
        return maximum(last - maximum(ceil_div(ahead, stride), 0) + 1, 0)

    return total(kernel, positions)


def unslide(size: Dim, extent: Dim, stride: Dim, padding: tuple[Dim, Dim] | Literal["same"]) -> Dim:
    """The size that a transposed convolution spreads `size` positions over, after cropping.

    >>> unslide(16, 4, 2, (1, 1)), unslide(16, 3, 2, "same"), unslide(16, 3, 2, (0, 0))
    (32, 32, 33)
    """
    if padding == "same":
        return size * stride
    before, after = padding
    return (size - 1) * stride + extent - before - after
