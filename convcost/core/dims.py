"""Arithmetic on dimensions that means the same for three number systems.

A dimension (`Dim`) is a Python int, an int64 numpy array, or a sympy expression. A cost rule is written once,
with `+ - * // %` and the helpers below, and is evaluated over any of them. Neither numpy nor sympy is imported
unless a value of theirs comes in.

Fractions are allowed, since a knob such as `width: 0.75` is one; `floor`, `ceil` and `round_to` turn them into
integers without floating-point error.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

from convcost.core.ratio import Ratio, parts

if TYPE_CHECKING:
    import numpy as np

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
"""A numpy array of any shape and type of elements."""
LARGEST_INT64 = 2**63
"""From here on numbers do not fit the integers of numpy, which would wrap: arrays hold Python's then."""
#: An int, an int64 numpy array, or a sympy expression. mypy cannot check a union of the three; the tests, which
#: run every rule over each of them, do.
Dim: TypeAlias = Any
#: (height, width, channels) of a feature map, or (channels,) of a vector; batch is never part of a shape.
Shape: TypeAlias = tuple[Dim, ...]


def is_symbolic(value: Any) -> bool:
    """Whether a value is an expression with free symbols (a sympy number is not)."""
    return type(value) is not int and bool(getattr(value, "free_symbols", None))


def is_array(value: Any) -> bool:
    """Whether a value is a numpy array (or numpy scalar)."""
    return hasattr(value, "dtype")


def is_integral(array: Any) -> bool:
    """Whether an array holds integers. For a number over a grid the answer may split the grid.

    >>> import numpy as np
    >>> is_integral(np.array([1, 2])), is_integral(np.array([1.0, 2.0]))
    (True, False)
    """
    ask = getattr(array, "is_integral", None)
    return bool(ask() if ask else array.dtype.kind in "iu")


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
    """The larger of two, element-wise."""
    if type(a) is int and type(b) is int:  # by far the most frequent case, and nothing else needs to be asked
        return max(a, b)
    if isinstance(a, Ratio) or isinstance(b, Ratio):
        return where(a >= b, a, b)
    if is_symbolic(a) or is_symbolic(b):
        import sympy

        return sympy.Max(a, b)
    if is_array(a) or is_array(b):
        import numpy as np

        return np.maximum(a, b)
    return max(a, b)


def minimum(a: Dim, b: Dim) -> Dim:
    """The smaller of two, element-wise."""
    return -maximum(-a, -b)


def where(condition: Any, a: Dim, b: Dim) -> Dim:
    """`a` where the condition holds, else `b`."""
    if isinstance(a, Ratio) or isinstance(b, Ratio):
        (top_a, bottom_a), (top_b, bottom_b) = parts(a), parts(b)
        return Ratio(where(condition, top_a, top_b), where(condition, bottom_a, bottom_b))
    if is_symbolic(condition):
        from convcost.core.cases import chosen

        return chosen(condition, a, b)
    if is_array(condition):
        import numpy as np

        return np.where(condition, a, b)
    return a if condition else b


def equal(a: Dim, b: Dim) -> Any:
    """Whether two dimensions are equal: a bool, an array of bools, or an equation between symbols."""
    if is_symbolic(a) or is_symbolic(b):
        import sympy

        return sympy.Eq(a, b)
    return b == a if isinstance(b, Ratio) else a == b


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


def given(*values: Any) -> int:
    """How many of the values were given.

    >>> given(None, 3, 0)
    2
    """
    return sum(value is not None for value in values)


def product(factors: Iterable[Dim]) -> Dim:
    """The product of all factors; 1 for none."""
    result: Dim = 1
    for factor in factors:
        result = result * factor
    return result


def floor_sum(count: Dim, slope: Dim, start: Dim, divisor: Dim) -> Dim:
    """The sum of (start + slope·i) // divisor over i = 0, …, count - 1, for a count and a slope that are not negative.

    It counts the lattice points under a line. Whole steps of the line are an arithmetic progression; what is left of it,
    seen from the other axis, is a line of the same kind with slope and divisor exchanged: Euclid's algorithm, so that the
    work is bounded by the digits of the two, whatever the count.

    >>> floor_sum(4, 3, 1, 2), [(1 + 3 * i) // 2 for i in range(4)]
    (10, [0, 2, 3, 5])
    """
    if is_symbolic(slope) or is_symbolic(divisor):
        import sympy

        index = sympy.Dummy("i", integer=True, nonnegative=True)
        return sympy.Sum((start + slope * index) // divisor, (index, 0, count - 1))
    found: Dim = 0
    while True:
        found = found + slope // divisor * (count * (count - 1) // 2) + start // divisor * count
        slope, start = slope % divisor, start % divisor
        if not (slope.max() if is_array(slope) else slope):
            return found
        end = start + slope * count
        # Of arrays, some may have come to their end before others: no point is left under them.
        count, start, slope, divisor = end // divisor, end % divisor, divisor, maximum(slope, 1)


def least_remainder(count: Dim, slope: int, start: Dim, divisor: int) -> Dim:
    """The least of (start + slope·i) % divisor over i = 0, …, count - 1; any number where the count is 0.

    As many of them are at most r as the sums of floors, with and without r + 1 less, differ by: r is searched for by halves.

    >>> least_remainder(3, 4, 3, 10), [(3 + 4 * i) % 10 for i in range(3)]
    (1, [3, 7, 1])
    """
    slope, start = slope % divisor, start % divisor
    low: Dim = 0
    high: Dim = divisor - 1
    for _ in range((divisor - 1).bit_length()):
        middle = (low + high) // 2
        all_, others = (floor_sum(count, slope, one, divisor) for one in (start, start - middle - 1))
        low, high = where(all_ > others, low, middle + 1), where(all_ > others, middle, high)
    return low


def elements(shapes: Iterable[Shape]) -> Dim:
    """How many elements tensors of these shapes hold together.

    >>> elements([(6, 6, 3), (10,)])
    118
    """
    return sum((product(shape) for shape in shapes), 0)


def filled(shape: Iterable[Dim | None], count: Dim) -> Shape:
    """A shape whose open size, if it has one (None), is what the others leave of `count` elements.

    >>> filled((196, None), 14 * 14 * 512), filled((196, 512), 0)
    ((196, 512), (196, 512))
    """
    sizes = tuple(shape)
    known = product(size for size in sizes if size is not None)
    return tuple(count // known if size is None else size for size in sizes)


def cut(size: Dim, sections: Dim | tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The sizes of the parts of an axis: as given, or equal ones (the number of parts is a plain int).

    >>> cut(116, 2), cut(116, (100, 16))
    ((58, 58), (100, 16))
    """
    return sections if isinstance(sections, tuple) else (size // sections,) * int(sections)


def each_of(value: Dim | tuple[Dim, ...], number: int) -> tuple[Dim, ...]:
    """The values as given, or a single one so many times.

    >>> each_of(7, 2), each_of((7, 6), 2)
    ((7, 7), (7, 6))
    """
    return value if isinstance(value, tuple) else (value,) * number


def stretched(shapes: Iterable[Shape]) -> Shape:
    """The shape that all shapes stretch to: in each axis, counted from the last, the largest size.

    >>> stretched([(8, 1, 3), (5, 1)])
    (8, 5, 3)
    """
    every = tuple(shapes)
    rank = max(map(len, every))
    aligned = ((1,) * (rank - len(shape)) + tuple(shape) for shape in every)
    return tuple(reduce(maximum, sizes) for sizes in zip(*aligned))


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
    return where(9 * value > 10 * nearest, nearest + divisor, nearest)


#: No size, kernel or stride may be larger; keeps a typing error from becoming a number with 300 digits.
LARGEST = 10**9
