"""Numbers that have an exact value at every point of a grid, factorised by axis as far as possible.

A rule that is written for ints runs over these unchanged. Two things make that safe. Arithmetic never overflows: every
number knows its extremes, and switches from int64 to Python ints before it could overflow. And Python code that needs
*one* answer - a condition, an index, a number of repeats - gets it, or the grid is split (`Undecided`) into parts in
which there is one. So no rule and no spec can get a wrong number out of a grid, only a finer split.

A product of arrays along different axes stays a product, and a sum of such products stays a sum, not multiplied out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from functools import cached_property
from math import lcm, prod
from typing import Any, NoReturn

import numpy as np

from convcost.core.dims import LARGEST_INT64, Array

EXACT_FLOAT = 2**53
"""Integers up to here are exact in doubles, and so in the numbers of JavaScript."""
MOST_DENSE = 2**22
"""The most elements of an array over several axes at once; beyond, the grid is split."""
MOST_MADE = 2**25
"""The most elements of all arrays that one part of a grid is built with; beyond, it is split, whatever the network and axes.

So many take 256 MiB as int64, of which most are gone by the time that the last are made.
"""


class Undecided(Exception):
    """The grid must be split: points whose labels differ cannot be treated as one."""

    def __init__(self, labels: Array) -> None:
        super().__init__("points differ")
        self.labels = labels
        """An array over the grid (length 1 along axes that play no part)."""


def in_two(shape: Sequence[int]) -> Undecided:
    """What splits a grid of this shape into two halves along its longest axis.

    >>> in_two((1, 5)).labels
    array([[False, False,  True,  True,  True]])
    """
    longest = int(np.argmax(shape))
    halves = np.arange(shape[longest]) >= shape[longest] // 2
    return Undecided(halves.reshape([-1 if axis == longest else 1 for axis in range(len(shape))]))


class TooLarge(Undecided):
    """The grid must be split, because its numbers take too much memory together."""


class _Part:
    """A part of a grid that is being built, and how many elements it has taken."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape, self.made = shape, 0

    def count(self, array: Array) -> None:
        self.made += array.size * (1 if array.dtype != object else 5)  # a Python int takes four times its reference
        if self.made > MOST_MADE:
            raise TooLarge(in_two(self.shape).labels)


_PART: ContextVar[_Part | None] = ContextVar("part", default=None)


@contextmanager
def bounded(shape: Sequence[int]) -> Iterator[None]:
    """A part of a grid of this shape is built in here: it is split if its numbers take too much memory."""
    before = _PART.set(_Part(shape))
    try:
        yield
    finally:
        _PART.reset(before)


def settled(array: Array) -> bool:
    """The truth value that holds at all points; splits the grid where they differ."""
    if array.all():
        return True
    if array.any():
        raise Undecided(array)
    return False


def wide(reach: int, *arrays: Any) -> tuple[Any, ...]:
    """The arrays unchanged if no result can exceed `reach`, else with Python ints as elements."""
    if reach < LARGEST_INT64:
        return arrays
    return tuple(one.astype(object) if isinstance(one, np.ndarray) else one for one in arrays)


def bearable(*arrays: Any) -> None:
    """Split the grid where multiplying out would take too much memory."""
    shapes = {one.shape for one in arrays if isinstance(one, np.ndarray)}
    if len(shapes) < 2:
        return
    shape = tuple(map(max, *shapes))
    if prod(shape) > MOST_DENSE:
        raise in_two(shape)


def int_if_integral(value: Fraction) -> int | Fraction:
    """An int where the value is integral."""
    return value.numerator if value.denominator == 1 else value


class Number:
    """The base of both kinds of number: all operators in terms of a few, and numpy's protocols for `maximum`, `where`."""

    __hash__ = None  # type: ignore[assignment]  # == compares point by point
    __array_priority__ = 1000

    key: Any
    """Equal for equal numbers."""
    dtype = np.dtype(object)
    """As of a numpy array: object where it may be a fraction at some point, which `is_integral` determines."""

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

    def is_integral(self) -> bool:
        """Whether it is an integer at every point; splits the grid where points differ in that."""
        return self.dense().is_integral()

    def astype(self, dtype: Any, copy: bool = False) -> Any:
        """As of a numpy array: itself, with an integral value as an integer."""
        found = dense_of(self)
        return found.astype(dtype, copy) if isinstance(found, Number) else found

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
        return self - _floordiv(self, other) * other if is_number(other) else NotImplemented

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
        """The one integer it is; where there are several values, the grid is split. Raises `TypeError` for a fraction."""
        field = self.dense()
        if field.low != field.high:
            raise Undecided(field.array)
        if field.denominator != 1:
            raise TypeError(f"{field.low} is no integer")
        return field.lowest  # terms may cancel: x·y + (3 - x)·y is a sum of products, and 3·y

    __int__ = __index__

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **_: Any) -> Any:
        if method != "__call__" or ufunc not in _UFUNCS:
            return NotImplemented
        return _UFUNCS[ufunc](*inputs)

    def __array_function__(self, function: Any, _types: Any, args: Any, _kwargs: Any) -> Any:
        return select(*args) if function is np.where else NotImplemented

    def __str__(self) -> str:
        field = self.dense()
        return f"{field.low} to {field.high}"

    __repr__ = __str__

    def __format__(self, _: str) -> str:
        return str(self)


class Field(Number):
    """Numerators over one denominator, as an array that has length 1 along the axes it does not depend on."""

    def __init__(self, array: Array, denominator: int, lowest: int, highest: int) -> None:
        self.array = array
        self.denominator = denominator
        self.lowest, self.highest = lowest, highest
        """Of the numerators."""
        self.reach = max(abs(lowest), abs(highest))
        if part := _PART.get():
            part.count(array)

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
    def dtype(self) -> Any:  # type: ignore[override]
        return np.dtype(np.int64 if self.denominator == 1 else object)

    def is_integral(self) -> bool:
        return self.denominator == 1 or settled(self.array % self.denominator == 0)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    def astype(self, dtype: Any, copy: bool = False) -> Any:
        del dtype, copy
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
        raise Undecided(self.array)

    any = all = __bool__

    def __and__(self, other: Any) -> Any:
        return _mask(self.array & _truth(other))

    def __or__(self, other: Any) -> Any:
        return _mask(self.array | _truth(other))

    __rand__, __ror__ = __and__, __or__

    def __eq__(self, other: object) -> Any:
        return _mask(self.array == _truth(other)) if isinstance(other, (bool, Mask)) else False

    def __ne__(self, other: object) -> Any:
        return _mask(self.array != _truth(other)) if isinstance(other, (bool, Mask)) else True

    def __invert__(self) -> Mask:
        return Mask(~self.array)

    def __array_function__(self, function: Any, _types: Any, args: Any, _kwargs: Any) -> Any:
        return select(*args) if function is np.where else NotImplemented


def make(array: Array, denominator: int = 1) -> Any:
    """A number from numerators; a plain int or fraction where all points have the same."""
    lowest, highest = int(array.min()), int(array.max())
    if lowest == highest:
        return int_if_integral(Fraction(lowest, denominator))
    if array.dtype == object and max(abs(lowest), abs(highest)) < LARGEST_INT64:
        array = array.astype(np.int64)
    return Field(array, denominator, lowest, highest)


def along(values: Sequence[int | Fraction], axis: int, axes: int) -> Any:
    """The number that has these values along one axis of a grid of a given rank."""
    denominator, numerators = 1, values
    if set(map(type, values)) != {int}:
        denominator = lcm(*{value.denominator for value in values})
        numerators = [value.numerator * (denominator // value.denominator) for value in values]
    shape = [1] * axes
    shape[axis] = len(values)
    lowest, highest = min(numerators), max(numerators)
    dtype = object if max(highest, -lowest) >= LARGEST_INT64 else np.int64
    return make(np.array(numerators, dtype=dtype).reshape(shape), denominator)


def freeze(value: Any) -> Any:
    """A hashable stand-in, equal for equal values: of a number, or of lists and mappings of them."""
    if isinstance(value, dict):
        value = tuple(value.items())
    if isinstance(value, (tuple, list)):
        return tuple(map(freeze, value))
    return value.key if isinstance(value, Number) else value


def select(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`."""
    if not isinstance(condition, Mask):
        return a if condition else b
    if not (is_number(a) and is_number(b)):
        raise Undecided(condition.array)  # a word, a list or a truth value is no number, at any point
    if any(isinstance(one, Sum) or (isinstance(one, Field) and _along_others(condition, one)) for one in (a, b)):
        # A product stays a product: times 1 where it counts, times 0 elsewhere.
        return a * make(condition.array.astype(np.int64)) + b * make((~condition.array).astype(np.int64))
    (left, down_a, *ends_a), (right, down_b, *ends_b) = _flat(a), _flat(b)
    common = lcm(down_a, down_b)
    mine, yours = common // down_a, common // down_b
    reach = max(max(map(abs, ends_a)) * mine, max(map(abs, ends_b)) * yours)
    bearable(condition.array, left, right)
    left, right = wide(reach, left, right)
    dtype = np.int64 if reach < LARGEST_INT64 else object  # of plain numbers numpy would make a type of its own choice
    chosen = np.where(condition.array, np.asarray(left * mine, dtype), np.asarray(right * yours, dtype))
    return make(chosen, common)


def _maximum(a: Any, b: Any) -> Any:
    lazy = next((one for one in (a, b) if isinstance(one, Number) and not isinstance(one, Field)), None)
    if lazy is not None:
        return lazy.or_larger(b if lazy is a else a)
    return select(a > b, a, b)


def _minimum(a: Any, b: Any) -> Any:
    return select(a < b, a, b)


_UFUNCS: dict[Any, Callable[..., Any]] = {np.maximum: _maximum, np.minimum: _minimum}


def is_number(value: object) -> bool:
    return isinstance(value, (int, Number, Fraction)) and not isinstance(value, bool)


def _constant(value: Any, dimensions: int) -> Field:
    """A plain integer or fraction as a number over a grid of a given rank."""
    top = value.numerator
    dtype = object if abs(top) >= LARGEST_INT64 else np.int64
    return Field(np.full((1,) * dimensions, top, dtype=dtype), value.denominator, top, top)


def dense_of(value: Any) -> Any:
    """A number as one array, or as a plain number where it is the same everywhere: x·y + (3 - x)·y comes to 3·y.

    What is multiplied on is made of these: a product keeps every factor that has no axis in common with another, so that an
    array without axes would stay in it, and so would all after it.
    """
    if isinstance(value, Sum):
        return value.multiplied
    return value.decided if isinstance(value, Most) else value


def is_joint(value: Any) -> bool:
    """Whether a number has a table over several axes at once."""
    terms = _terms(value)
    return terms is None or any(len(field.axes) > 1 for _, fields in terms for field in fields)


def axes_of(value: Any) -> set[int]:
    """The axes along which a number varies."""
    if isinstance(value, Field):
        return set(value.axes)
    if isinstance(value, Sum):
        return {axis for _, fields in value.terms for field in fields for axis in field.axes}
    return set().union(*map(axes_of, value.candidates)) if isinstance(value, Most) else set()


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
    product, down = left * right, down_a * down_b
    return make(product, down) if isinstance(product, np.ndarray) else int_if_integral(Fraction(product, down))


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


def _apart(a: Field, b: Number) -> bool:
    """Whether two integers vary along different axes, so that their product is better not multiplied out."""
    return isinstance(b, Field) and a.denominator == b.denominator == 1 and not set(a.axes) & set(b.axes)


def _along_others(condition: Mask, number: Field) -> bool:
    """Whether an integer varies along none of the axes that a condition depends on."""
    shapes = zip(condition.array.shape, number.array.shape, strict=True)
    return number.denominator == 1 and not any(size > 1 and other > 1 for size, other in shapes)


def _mask(array: Array) -> Any:
    if array.all():
        return True
    return Mask(array) if array.any() else False


def _truth(value: Any) -> Any:
    return value.array if isinstance(value, Mask) else bool(value)


Product = tuple[int, tuple[Field, ...]]
"""A factor, and numbers no two of which vary along the same axis."""
_MOST_TERMS = 256


class Sum(Number):
    """A sum of products of integers that vary along different axes: h'(r) · w'(r) · channels(w), not multiplied out.

    Anything but + and * multiplies it out.
    """

    def __init__(self, terms: Iterable[Product]) -> None:
        self.terms = tuple(terms)
        """Factor, and numbers no two of which vary along the same axis."""

    @cached_property
    def multiplied(self) -> Any:
        total: Any = 0
        for factor, fields in self.terms:
            product: Any = factor
            for field in fields:
                product = dense_product(product, field)
            total = product + total
        return total

    def ends(self) -> tuple[int, int]:
        """Bounds that hold at every point, found without multiplying out."""
        low = high = 0
        for factor, fields in self.terms:
            least = most = factor
            for field in fields:
                ends = [end * other for end in (least, most) for other in (field.lowest, field.highest)]
                least, most = min(ends), max(ends)
            low, high = low + least, high + most
        return low, high

    def dense(self) -> Field:
        found = self.multiplied
        if isinstance(found, Field):
            return found
        return _constant(found, next(fields[0].array.ndim for _, fields in self.terms if fields))

    def or_larger(self, other: Any) -> Any:
        return Most([self, other])

    @cached_property
    def key(self) -> tuple[Any, ...]:
        return tuple((factor, *(field.key for field in fields)) for factor, fields in self.terms)

    dtype = np.dtype(np.int64)

    def is_integral(self) -> bool:
        return True

    def astype(self, dtype: Any, copy: bool = False) -> Any:
        del dtype, copy
        return self

    def __add__(self, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        if isinstance(other, (int, Fraction)) and other == 0:
            return self
        terms = _terms(other)
        if terms is None or len(self.terms) + len(terms) > _MOST_TERMS:
            return dense_of(self) + dense_of(other)
        return _sum([*self.terms, *terms])

    def __mul__(self, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        if isinstance(other, (int, Fraction)) and other in (0, 1):
            return self if other == 1 else 0
        terms = _terms(other)
        if terms is None or len(self.terms) * len(terms) > _MOST_TERMS:
            return dense_of(self) * dense_of(other)
        return _sum(_term_product(a, b) for a in self.terms for b in terms)


class Most(Number):
    """The pointwise maximum of several numbers, not yet evaluated: a peak, until all candidates are known."""

    def __init__(self, candidates: Iterable[Any]) -> None:
        found = {freeze(each): each for one in candidates for each in _candidates(one)}
        self.candidates: tuple[Any, ...] = tuple(found.values())

    @cached_property
    def decided(self) -> Any:
        highest = dense_of(self.candidates[0])
        for candidate in map(dense_of, self.candidates[1:]):
            highest = dense_of(select(highest > candidate, highest, candidate))
        return highest

    def dense(self) -> Field:
        found = self.decided
        if isinstance(found, Field):
            return found
        return _constant(found, next(one.dense().array.ndim for one in self.candidates if isinstance(one, Number)))

    def or_larger(self, other: Any) -> Any:
        return Most([self, other])

    @cached_property
    def key(self) -> tuple[Any, ...]:
        return tuple(map(freeze, self.candidates))

    def __add__(self, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        other = dense_of(other) if isinstance(other, Most) else other  # all pairs of candidates would be too many
        return Most(candidate + other for candidate in self.candidates)

    def __mul__(self, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        if isinstance(other, int) and other > 0:
            return Most(candidate * other for candidate in self.candidates)
        return dense_of(self) * other


def _candidates(value: Any) -> tuple[Any, ...]:
    return value.candidates if isinstance(value, Most) else (value,)


def merged(terms: Iterable[Product]) -> list[Product]:
    """Like terms collected: those that differ in a plain factor, or in the last of their fields."""
    rest: dict[Any, tuple[Field, ...]] = {}
    last: dict[Any, Any] = {}
    for factor, fields in terms:
        first, end = fields[:-1], fields[-1] if fields else None
        key = (end.axes, *[field.key for field in first]) if end is not None else None
        rest[key] = first
        amount = factor if end is None else end if factor == 1 else end * factor
        last[key] = last[key] + amount if key in last else amount
    return [_term(rest[key], end) for key, end in last.items() if isinstance(end, Field) or end]


def added(numbers: Iterable[Any]) -> Any:
    """The sum of many numbers, products not multiplied out, with like terms collected into as few as possible."""
    return weighed((1, number) for number in numbers)


def weighed(numbers: Iterable[tuple[int, Any]]) -> Any:
    """The same of numbers that each count so many times; equal objects are counted before anything is multiplied."""
    constant: Any = 0
    factors: Counter[tuple[int, ...]] = Counter()
    products: dict[tuple[int, ...], tuple[Field, ...]] = {}
    for times, number in numbers:
        found = _terms(number) if isinstance(number, Number) else None
        if found is None:
            constant = constant + number * times
            continue
        for factor, fields in found:
            key = tuple(map(id, fields))
            products[key] = fields
            factors[key] += factor * times
    terms = merged((factors[key], fields) for key, fields in products.items() if factors[key])
    for axis in sorted({axis for _, fields in terms for field in fields for axis in field.axes}):
        terms = _merged_along(axis, terms)
    return _sum(terms) + constant


def parts_of_product(a: Any, b: Any) -> Iterator[Any]:
    """Numbers that add up to a product, so many that none of them has to be multiplied out for its many terms."""
    if isinstance(a, Sum) and len(a.terms) * len(_terms(b) or ()) > _MOST_TERMS:
        yield from (Sum([term]) * b for term in a.terms)
    else:
        yield a * b


def total(numbers: Sequence[Any]) -> Any:
    """A sum of numbers with few distinct values: equal ones are counted and multiplied, not added one by one."""
    once = {id(number): number for number in numbers}
    return sum((once[key] * times for key, times in Counter(map(id, numbers)).items()), 0)


def _merged_along(axis: int, terms: list[Product]) -> list[Product]:
    """Terms collected that differ along one axis only, in the way that leaves the fewest."""
    rest: dict[Any, tuple[Field, ...]] = {}
    amounts: dict[Any, Any] = {}
    for factor, fields in terms:
        others = tuple(field for field in fields if field.axes != (axis,))
        key = tuple(field.key for field in others)
        mine = next((field for field in fields if field.axes == (axis,)), None)
        rest[key] = others
        amounts[key] = amounts.get(key, 0) + (factor if mine is None else mine * factor)
    return [_term(rest[key], amount) for key, amount in amounts.items() if isinstance(amount, Field) or amount]


def _term(fields: tuple[Field, ...], last: Any) -> Product:
    if not isinstance(last, Field):
        return (int(last), fields)
    return (1, tuple(sorted((*fields, last), key=lambda field: field.axes)))


def _sum(terms: Iterable[Product]) -> Any:
    """A sum of terms; a plain int where nothing varies."""
    found = merged(terms)
    return Sum(found) if any(fields for _, fields in found) else sum(factor for factor, _ in found)


def _terms(value: Any) -> Sequence[Product] | None:
    """A number as terms; None for one that is not an integer, or a maximum that is not yet evaluated."""
    if isinstance(value, Sum):
        return value.terms
    if isinstance(value, Most):
        return None
    if isinstance(value, Field):
        return [(1, (value,))] if value.denominator == 1 else None
    return [(value.numerator, ())] if value.denominator == 1 else None


def _term_product(a: Product, b: Product) -> Product:
    """The product of two terms: numbers that vary along a common axis are multiplied out, the others are not."""
    factor, fields = a[0] * b[0], [*a[1]]
    for field in b[1]:
        joined: Any = field
        for other in [one for one in fields if set(one.axes) & set(field.axes)]:
            fields = [one for one in fields if one is not other]
            joined = dense_product(joined, other)
        if isinstance(joined, Field):
            fields.append(joined)
        else:
            factor *= joined
    return factor, tuple(sorted(fields, key=lambda one: one.axes))
