"""Arithmetic on the contents of small constants, in which model files hide their shapes.

Contents are the elements of a tensor in the file's order, the last axis fastest: plain numbers, or sizes over any number
system. Nothing here knows a format.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate, chain
from math import prod
from operator import mul
from typing import Any, Final, NamedTuple

from convcost.core.dims import ceil, equal, floor, is_array, is_symbolic, where
from convcost.core.errors import Unfit
from convcost.core.ratio import Ratio
from convcost.importers.model import MOST_CONTENTS


class Known(NamedTuple):
    """A tensor whose elements are known."""

    shape: tuple[int, ...]
    elements: tuple[Any, ...]


#: Numbers of files have at most 64 bits; so has what a file may compute of them.
_LARGEST: Final = 1 << 64


def fits(value: Any) -> bool:
    """Whether a number has at most 64 bits, as a fraction above and below; what is no plain number does.

    >>> fits(2**64 - 1), fits(2**64), fits(Fraction(1, 3**60)), fits("a")
    (True, False, False, True)
    """
    return not isinstance(value, (int, Fraction)) or max(abs(value.numerator), value.denominator) < _LARGEST


def scalar(value: Any) -> Known:
    """A single number, without axes."""
    return Known((), (value,))


def vector(values: Sequence[Any]) -> Known:
    """A list of numbers, such as a shape."""
    return Known((len(values),), tuple(values))


def places(*axes: Sequence[int]) -> list[int]:
    """The sums of one number of each: where elements stand, of the places along each axis, the last one fastest.

    >>> places(range(0, 20, 10), range(2))
    [0, 1, 10, 11]
    """
    found = [0] if all(map(len, axes)) else []
    for axis in axes if found else ():
        found = [at + one for at in found for one in axis]
    return found


def _along(shape: Sequence[int]) -> list[range]:
    """The places along each axis of a shape.

    >>> _along((2, 3))
    [range(0, 6, 3), range(0, 3)]
    """
    steps = [1, *accumulate(reversed(shape[1:]), mul)][len(shape) == 0 :]
    return [range(0, size * step, step) if step else range(size) for size, step in zip(shape, reversed(steps))]


def broadcast(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape that these stretch to; None if they do not.

    >>> broadcast([(3, 1), (4,)]), broadcast([(3,), (4,)])
    ((3, 4), None)
    """
    rank = max(map(len, shapes), default=0)
    found = [1] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, start=rank - len(shape)):
            if size not in (1, found[axis]) and found[axis] != 1:
                return None
            found[axis] = size if size != 1 else found[axis]
    return tuple(found)


def mapped(function: Callable[..., Any], *operands: Known) -> Known | None:
    """A function of each element, of tensors that are stretched to each other; None if that cannot be.

    >>> mapped(lambda a, b: a * b, vector([2, 3]), scalar(10))
    Known(shape=(2,), elements=(20, 30))
    """
    shape = broadcast([one.shape for one in operands])
    if shape is None or prod(shape) > MOST_CONTENTS:
        return None

    def reader(one: Known) -> Sequence[Any]:
        if one.shape == shape:
            return one.elements
        own = [[at[0]] * size if len(at) == 1 else at for at, size in zip(_along(one.shape), shape[-len(one.shape) :])]
        new = [[0] * size for size in shape[: len(shape) - len(one.shape)]]
        return [one.elements[at] for at in places(*new, *own)]

    return Known(shape, tuple(function(*some) for some in zip(*map(reader, operands))))


def gathered(x: Known, indices: Known, axis: int) -> Known:
    """Chosen elements of an axis; raises `IndexError` for one that it does not have.

    >>> gathered(vector([1, 3, 224, 160]), vector([2, -1]), 0)
    Known(shape=(2,), elements=(224, 160))
    """
    size = x.shape[axis]
    chosen = [int(one) for one in indices.elements]
    if any(not -size <= one < size for one in chosen):
        raise IndexError(f"index {next(one for one in chosen if not -size <= one < size)} of an axis of {size}")
    return _taken(x, axis, [one % size for one in chosen], indices.shape)


def sliced(x: Known, axis: int, start: int | None, stop: int | None, step: int | None) -> Known:
    """Every `step`-th element of an axis, as Python slices it.

    >>> sliced(vector([1, 3, 224, 160]), 0, 2, None, 1).elements
    (224, 160)
    """
    chosen = range(x.shape[axis])[slice(start, stop, step)]
    return _taken(x, axis, chosen, (len(chosen),))


def _taken(x: Known, axis: int, chosen: Sequence[int], inner: Sequence[int]) -> Known:
    """The elements at these places of an axis, which become axes of this shape: none of them where they are too many."""
    shape = (*x.shape[:axis], *inner, *x.shape[axis + 1 :])
    if not 0 < prod(shape) <= MOST_CONTENTS:
        return Known(shape, ())
    along = _along(x.shape)
    before, behind, step = along[:axis], along[axis + 1 :], prod(x.shape[axis + 1 :])
    return Known(shape, tuple(x.elements[at] for at in places(*before, [one * step for one in chosen], *behind)))


def joined(parts: Sequence[Known], axis: int) -> Known:
    """Tensors one after the other along an axis, none of their elements where they are too many; raises `Unfit` if they differ.

    >>> joined([vector([1]), vector([2, 3])], 0).elements
    (1, 2, 3)
    """
    first = parts[0].shape
    for one in (part.shape for part in parts):
        if (*one[:axis], *one[axis + 1 :]) != (*first[:axis], *first[axis + 1 :]):
            raise Unfit(f"joins tensors of {list(first)} and {list(one)} along axis {axis}")
    shape = (*first[:axis], sum(part.shape[axis] for part in parts), *first[axis + 1 :])
    if not 0 < prod(shape) <= MOST_CONTENTS:
        return Known(shape, ())
    rows = [(part.elements, prod(part.shape[axis:])) for part in parts if part.elements]
    return Known(
        shape,
        tuple(
            chain.from_iterable(
                elements[i * row : (i + 1) * row] for i in range(prod(first[:axis])) for elements, row in rows
            )
        ),
    )


def over(function: Callable[[Sequence[Any]], Any], x: Known, axis: int) -> Known:
    """A function of the elements along each line of an axis, such as their sum; the axis is left with size 1.

    >>> over(sum, vector([2, 3]), 0)
    Known(shape=(1,), elements=(5,))
    """
    along = _along(x.shape)
    line = along[axis]
    begun = places(*along[:axis], *along[axis + 1 :])
    shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    return Known(shape, tuple(function([x.elements[at + i] for i in line]) for at in begun))


def exact(value: Any) -> Any:
    """A number as exact arithmetic takes it: a float is the decimal that it is written as.

    >>> exact(0.5), exact(3), exact(2.0)
    (Fraction(1, 2), 3, 2)
    """
    if isinstance(value, float):
        found = Fraction(str(value))
        return found.numerator if found.denominator == 1 else found
    return value


def is_round(value: Any) -> bool:
    """Whether products with a number are the same for computers and in exact arithmetic: it has few binary digits.

    A quotient of sizes is one of them if its divisor is a power of 2.

    >>> is_round(3), is_round(Fraction(3, 2)), is_round(Fraction("0.29"))
    (True, True, False)
    """
    if isinstance(value, Ratio):
        return type(value.bottom) is int and is_round(Fraction(1, value.bottom))
    return not isinstance(value, Fraction) or (
        value.denominator & (value.denominator - 1) == 0 and value.numerator < 256
    )


def scaled(size: Any, scale: Any, bits: int) -> Any:
    """A size times a scale, rounded down as computers do it, which keep so many binary digits of the product before.

    Symbols are multiplied exactly.

    >>> [scaled(size, Fraction(0.29), 53) for size in (100, 200, 300)], [int(size * 0.29) for size in (100, 200, 300)]
    ([28, 57, 87], [28, 57, 87])
    """
    return floor(size * scale) if is_round(scale) or is_symbolic(size) else rounded_down(size * scale, bits)


def rounded_down(value: Any, bits: int) -> Any:
    """A number rounded down by computers, which keep so many binary digits of it before.

    That makes an integer of what is at most half a digit below one.

    >>> rounded_down(100 * Fraction(0.29), 53), rounded_down(100 * Fraction(0.28999999165534973), 24)
    (28, 29)
    """
    whole = floor(value)
    if is_symbolic(value) or _is_whole(value):
        return whole
    above = whole + 1
    digit = where(above > 0, Fraction(1, 2), 0)
    return where((above - value) * 2**bits <= _digit(above, digit, bits), above, whole)


def rounded_up(value: Any, bits: int) -> Any:
    """As `rounded_down`: an integer of what is at most half a digit above one.

    >>> rounded_up(100 * Fraction(0.07), 53), rounded_up(100 * Fraction(0.07000000029802322), 24), rounded_up(Fraction(1, 9**9), 24)
    (8, 7, 1)
    """
    whole = ceil(value)
    if is_symbolic(value) or _is_whole(value):
        return whole
    return where((value - (whole - 1)) * 2**bits <= _digit(whole, 0, bits), whole - 1, whole)


def truncated(value: Any, bits: int) -> Any:
    """As `rounded_down`, towards zero; what varies is a size, and not negative.

    >>> truncated(Fraction(7, 2), 24), truncated(Fraction(-7, 2), 24)
    (3, -3)
    """
    is_negative = isinstance(value, (int, Fraction)) and value < 0
    return -rounded_down(-value, bits) if is_negative else rounded_down(value, bits)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (is_array(value) and value.dtype.kind in "iu")


def _digit(above: Any, least: Any, bits: int) -> Any:
    """Half of the last of so many binary digits of numbers just below a positive integer, times 2 to the number of digits."""
    digit = least
    for exponent in range(min(int(above.max() if is_array(above) else above).bit_length(), bits)):
        digit = where(above > 2**exponent, 2**exponent, digit)
    return digit


def divided(a: Any, b: Any) -> Any:
    """A quotient of integers, rounded towards zero as computers do; None where the divisor is 0.

    >>> divided(7, 2), divided(-7, 2), divided(7, 0)
    (3, -3, None)
    """
    if type(b) is int and b == 0:
        return None
    if type(a) is int and type(b) is int and (a < 0) != (b < 0):
        return -(-a // b)
    return a // b


def floored(a: Any, b: Any) -> Any:
    """A quotient rounded down, as what frameworks call floor division; None where the divisor is 0.

    >>> floored(7, 2), floored(-7, 2), floored(7, 0)
    (3, -4, None)
    """
    return None if type(b) is int and b == 0 else a // b


def same(a: Any, b: Any) -> Any:
    """Whether two elements are equal, where that can be said; None for what depends on symbols."""
    found = equal(a, b)
    if is_symbolic(found):
        return None
    return bool(found.all()) if is_array(found) else bool(found)


def decided(size: Any) -> Any:
    """A size on which more depends than other sizes, as an int: a grid is split by it. Symbols stay as they are.

    A quotient of sizes is a double, and so is a fraction.

    >>> decided(7), decided(Ratio(7, 2)), decided(Fraction(7, 2))
    (7, 3.5, 3.5)
    """
    if isinstance(size, Ratio):
        return decided(size.top) / decided(size.bottom)
    return float(size) if isinstance(size, Fraction) else int(size) if is_array(size) else size


def less(a: Any, b: Any) -> Any:
    """Whether a is below b, where that can be said; None where it depends."""
    found = a < b
    if is_symbolic(found):
        return None
    if is_array(found):
        return True if found.all() else False if not found.any() else None
    return bool(found) if isinstance(found, (bool, int)) or hasattr(found, "__bool__") else None


def negated(value: Any) -> Any:
    """The opposite of a truth value, where that is known."""
    return None if value is None else not value
