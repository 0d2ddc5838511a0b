"""Numbers that have a value at every point of a grid, exact, and kept apart by axis as long as they can be.

A rule that is written for ints runs over these unchanged. Two things make that safe. Arithmetic never wraps: every
number knows its extremes, and leaves int64 for Python's own integers before it could overflow. And whatever Python
code needs *one* answer - a condition, an index, a number of repeats - gets it, or the grid is split (`Split`) into
parts in which there is one. So no rule and no spec can get a wrong number out of a grid, only a finer one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any, NoReturn

import numpy as np

from convcost.grid.guards import LARGEST_INT64, Array, Split, bearable, plain, settled, wide


class Number:
    """What both kinds of number share: operators in terms of a few, and numpy's protocols for `maximum`, `where`."""

    __hash__ = None  # type: ignore[assignment]  # == compares point by point
    __array_priority__ = 1000

    key: Any
    """Equal for equal numbers."""

    def dense(self) -> Field:
        """All values as one array."""
        raise NotImplementedError

    def ends(self) -> tuple[Any, Any]:
        """Bounds that hold at every point."""
        field = self.dense()
        return field.low, field.high

    def min(self) -> Any:
        """The smallest value at any point."""
        return self.dense().low

    def max(self) -> Any:
        """The largest value at any point."""
        return self.dense().high

    def or_larger(self, other: Any) -> Any:
        """The larger of the two, point by point."""
        raise NotImplementedError

    def __add__(self, other: Any) -> Any:
        raise NotImplementedError

    def __mul__(self, other: Any) -> Any:
        raise NotImplementedError

    def __radd__(self, other: Any) -> Any:
        return self + other

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return (-self) + other

    def __rmul__(self, other: Any) -> Any:
        return self * other

    def __neg__(self) -> Any:
        return self * -1

    def __floordiv__(self, other: Any) -> Any:
        return _floordiv(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _floordiv(other, self)

    def __mod__(self, other: Any) -> Any:
        return self - _floordiv(self, other) * other

    def __rmod__(self, other: Any) -> Any:
        return other - _floordiv(other, self) * self

    def __eq__(self, other: object) -> Any:
        return _compare(np.equal, self, other) if is_number(other) else False

    def __ne__(self, other: object) -> Any:
        return _compare(np.not_equal, self, other) if is_number(other) else True

    def __lt__(self, other: Any) -> Any:
        return _compare(np.less, self, other)

    def __le__(self, other: Any) -> Any:
        return _compare(np.less_equal, self, other)

    def __gt__(self, other: Any) -> Any:
        return _compare(np.greater, self, other)

    def __ge__(self, other: Any) -> Any:
        return _compare(np.greater_equal, self, other)

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    def tobytes(self) -> Any:
        """As of a numpy array: equal for equal numbers."""
        return freeze(self)

    def __index__(self) -> int:
        """The one value it has; where there are several, the grid is split by value."""
        raise Split(self.dense().array)

    __int__ = __index__

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **_: Any) -> Any:
        if method != "__call__" or ufunc not in _UFUNCS:
            return NotImplemented
        return _UFUNCS[ufunc](*inputs)

    def __array_function__(self, function: Any, _types: Any, args: Any, _kwargs: Any) -> Any:
        return where(*args) if function is np.where else NotImplemented

    def __str__(self) -> str:
        field = self.dense()
        return f"{field.low} to {field.high}"

    __repr__ = __str__

    def __format__(self, _: str) -> str:
        return str(self)


class _Type:
    """The dtype of a number: whether it holds integers is found out only when asked, for it may split the grid."""

    def __init__(self, field: Field) -> None:
        self.field = field

    @property
    def kind(self) -> str:
        field = self.field
        return "i" if field.denominator == 1 or settled(field.array % field.denominator == 0) else "O"


class Field(Number):
    """Numerators over one denominator, as an array that has length 1 along the axes it does not depend on."""

    def __init__(self, array: Array, denominator: int, lowest: int, highest: int) -> None:
        self.array = array
        self.denominator = denominator
        self.lowest, self.highest = lowest, highest
        """Of the numerators."""
        self.reach = max(abs(lowest), abs(highest))

    @property
    def low(self) -> int | Fraction:
        return self.lowest if self.denominator == 1 else Fraction(self.lowest, self.denominator)

    @property
    def high(self) -> int | Fraction:
        return self.highest if self.denominator == 1 else Fraction(self.highest, self.denominator)

    @cached_property
    def axes(self) -> tuple[int, ...]:
        """The axes along which it varies."""
        return tuple(i for i, size in enumerate(self.array.shape) if size > 1)

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """Equal for equal numbers."""
        content = self.array.tobytes() if self.array.dtype != object else tuple(self.array.ravel().tolist())
        return (self.array.shape, self.denominator, content)

    @property
    def dtype(self) -> _Type:
        """As of a numpy array."""
        return _Type(self)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    def astype(self, _dtype: Any, copy: bool = False) -> Field:
        """Itself, with an integral value as an integer."""
        del copy
        return self if self.denominator == 1 else make(self.array // self.denominator)

    def dense(self) -> Field:
        return self

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Number) and not isinstance(other, Field):
            return other + self
        if not is_number(other):
            return NotImplemented
        array, denominator, low, high = _parts(other)
        if array is None and low == 0:
            return self
        left, right = self.array, low if array is None else array
        if self.denominator == denominator:
            left, right = wide(self.reach + max(abs(low), abs(high)), left, right)
            bearable(left, right)
            return make(left + right, denominator)
        common = lcm(self.denominator, denominator)
        mine, yours = common // self.denominator, common // denominator
        left, right = wide(self.reach * mine + max(abs(low), abs(high)) * yours, left, right)
        bearable(left, right)
        return make(left * mine + right * yours, common)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Number) and not isinstance(other, Field):
            return other * self
        if not is_number(other):
            return NotImplemented
        array, denominator, low, high = _parts(other)
        if array is None and low in {0, denominator}:
            return 0 if low == 0 else self
        if array is not None and _apart(self, other):
            from convcost.grid.sums import Sum  # which is made of fields

            return Sum([(1, (self, other))])
        reach = self.reach * max(abs(low), abs(high))
        left, right = wide(reach, self.array, low if array is None else array)
        bearable(left, right)
        return make(left * right, self.denominator * denominator)


class Mask:
    """A truth value at every point of a grid; points differ (a value that is the same everywhere is a plain bool)."""

    dtype = np.dtype(bool)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: Array) -> None:
        self.array = array

    def __bool__(self) -> NoReturn:
        raise Split(self.array)

    any = all = __bool__

    def __and__(self, other: Any) -> Any:
        return _mask(self.array & _truth(other))

    def __or__(self, other: Any) -> Any:
        return _mask(self.array | _truth(other))

    __rand__, __ror__ = __and__, __or__

    def __invert__(self) -> Mask:
        return Mask(~self.array)

    def __array_function__(self, function: Any, _types: Any, args: Any, _kwargs: Any) -> Any:
        return where(*args) if function is np.where else NotImplemented


def make(array: Array, denominator: int = 1) -> Any:
    """A number from numerators; a plain int or fraction where all points have the same."""
    lowest, highest = int(array.min()), int(array.max())
    if lowest == highest:
        return plain(Fraction(lowest, denominator))
    if array.dtype == object and max(abs(lowest), abs(highest)) < LARGEST_INT64:
        array = array.astype(np.int64)
    return Field(array, denominator, lowest, highest)


def along(values: Sequence[int | Fraction], axis: int, axes: int) -> Any:
    """The number that has these values along one axis of a grid with so many axes."""
    whole = set(map(type, values)) == {int}
    denominator = 1 if whole else lcm(*(Fraction(value).denominator for value in values))
    numerators = [int(value * denominator) for value in values]
    shape = [1] * axes
    shape[axis] = len(values)
    wide = max(map(abs, numerators)) >= LARGEST_INT64
    return make(np.array(numerators, dtype=object if wide else np.int64).reshape(shape), denominator)


def freeze(value: Any) -> Any:
    """A hashable stand-in, equal for equal values: of a number, or of lists and mappings of them."""
    if isinstance(value, dict):
        value = tuple(value.items())
    if isinstance(value, (tuple, list)):
        return tuple(map(freeze, value))
    return value.key if isinstance(value, Number) else value


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`."""
    if not isinstance(condition, Mask):
        return a if condition else b
    (left, down_a, *_), (right, down_b, *_) = _flat(a), _flat(b)
    common = lcm(down_a, down_b)
    bearable(condition.array, *(one for one in (left, right) if isinstance(one, np.ndarray)))
    chosen = np.where(condition.array, *_scaled(left, common // down_a, right, common // down_b))
    return make(chosen, common)


def _maximum(a: Any, b: Any) -> Any:
    lazy = next((one for one in (a, b) if isinstance(one, Number) and not isinstance(one, Field)), None)
    if lazy is not None:
        return lazy.or_larger(b if lazy is a else a)
    return where(a > b, a, b)


def _minimum(a: Any, b: Any) -> Any:
    return where(a < b, a, b)


_UFUNCS: dict[Any, Callable[..., Any]] = {np.maximum: _maximum, np.minimum: _minimum}


def is_number(value: object) -> bool:
    return isinstance(value, (int, Number, Fraction)) and not isinstance(value, bool)


def dense_of(value: Any) -> Any:
    return value.dense() if isinstance(value, Number) else value


def _parts(value: Any) -> tuple[Array | None, int, int, int]:
    """Numerators (None for a plain number), denominator, and the extremes of the numerators."""
    if isinstance(value, Number):
        field = value.dense()
        return field.array, field.denominator, field.lowest, field.highest
    return None, value.denominator, value.numerator, value.numerator


def _flat(value: Any) -> tuple[Any, int, int, int]:
    """As `_parts`, a plain number as itself."""
    array, denominator, low, high = _parts(value)
    return (low if array is None else array), denominator, low, high


def dense_product(a: Any, b: Any) -> Any:
    """The product of two numbers as one array."""
    (left, down_a, *ends_a), (right, down_b, *ends_b) = _flat(a), _flat(b)
    left, right = wide(max(map(abs, ends_a)) * max(map(abs, ends_b)), left, right)
    bearable(left, right)
    product = left * right
    return make(product, down_a * down_b) if isinstance(product, np.ndarray) else plain(Fraction(product))


def _floordiv(a: Any, b: Any) -> Any:
    if not (is_number(a) and is_number(b)):
        return NotImplemented
    (left, down_a, *ends_a), (right, down_b, low_b, high_b) = _flat(a), _flat(b)
    if low_b <= 0 <= high_b and settled(np.asarray(right) == 0):
        raise ZeroDivisionError
    reach = max(max(map(abs, ends_a)) * down_b, max(abs(low_b), abs(high_b)) * down_a)
    left, right = wide(reach, left, right)
    bearable(left, right)
    return make(np.asarray(left * down_b) // (right * down_a))


def _compare(ufunc: Any, a: Any, b: Any) -> Any:
    if not (is_number(a) and is_number(b)):
        return NotImplemented
    if a is b:
        return bool(ufunc(0, 0))
    (low_a, high_a), (low_b, high_b) = _ends(a), _ends(b)
    if high_a < low_b or high_b < low_a:  # the ranges do not even touch
        return bool(ufunc(*((0, 1) if high_a < low_b else (1, 0))))
    if (ufunc is np.greater_equal and low_a >= high_b) or (ufunc is np.less_equal and high_a <= low_b):
        return True
    (left, down_a, *ends_a), (right, down_b, *ends_b) = _flat(a), _flat(b)
    reach = max(*(abs(end) * down_b for end in ends_a), *(abs(end) * down_a for end in ends_b))
    left, right = wide(reach, left, right)
    bearable(left, right)
    return _mask(ufunc(left * down_b, right * down_a))


def _ends(value: Any) -> tuple[Any, Any]:
    """The extremes of a number, or bounds of them."""
    return value.ends() if isinstance(value, Number) else (value, value)


def _scaled(a: Any, factor_a: int, b: Any, factor_b: int) -> tuple[Any, Any]:
    reach = max(int(np.abs(a).max()) * factor_a, int(np.abs(b).max()) * factor_b)
    left, right = wide(reach, a, b)
    return left * factor_a, right * factor_b


def _apart(a: Field, b: Number) -> bool:
    """Whether two integers vary along different axes, so that their product is better not multiplied out."""
    return isinstance(b, Field) and a.denominator == b.denominator == 1 and not set(a.axes) & set(b.axes)


def _mask(array: Array) -> Any:
    if array.all():
        return True
    return Mask(array) if array.any() else False


def _truth(value: Any) -> Any:
    return value.array if isinstance(value, Mask) else bool(value)
