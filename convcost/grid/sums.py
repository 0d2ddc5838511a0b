"""Sums of products and largest of sums over a grid, not multiplied out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from convcost.grid.points import Field, Number, dense_of, dense_product, freeze, is_number, where

Term = tuple[int, tuple[Field, ...]]
"""A factor, and numbers no two of which vary along the same axis."""
_MOST_TERMS = 256


class Sum(Number):
    """A sum of products of integers that vary along different axes: h'(r) · w'(r) · channels(w), not multiplied out.

    Anything but + and * multiplies it out.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = tuple(terms)
        """Factor, and numbers no two of which vary along the same axis."""

    @cached_property
    def _multiplied(self) -> Any:
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
            ends = [factor]
            for field in fields:
                ends = [end * other for end in ends for other in (field.lowest, field.highest)]
            low, high = low + min(ends), high + max(ends)
        return low, high

    def dense(self) -> Field:
        found = self._multiplied
        if isinstance(found, Field):
            return found
        dimensions = next(fields[0].array.ndim for _, fields in self.terms if fields)
        return Field(np.array(found).reshape((1,) * dimensions), 1, int(found), int(found))

    def or_larger(self, other: Any) -> Any:
        return Most([self, *(other.candidates if isinstance(other, Most) else [other])])

    @cached_property
    def key(self) -> tuple[Any, ...]:
        return tuple((factor, *(field.key for field in fields)) for factor, fields in self.terms)

    dtype = np.dtype(np.int64)

    def astype(self, _dtype: Any, copy: bool = False) -> Any:
        del copy
        return self

    def __add__(self, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        if isinstance(other, (int, Fraction)) and other == 0:
            return self
        terms = _terms(other)
        if terms is None or len(self.terms) + len(terms) > _MOST_TERMS:
            return self.dense() + (other.dense() if isinstance(other, Sum) else other)
        return _sum([*self.terms, *terms])

    def __mul__(self, other: Any) -> Any:
        if not is_number(other):
            return NotImplemented
        if isinstance(other, (int, Fraction)) and other in (0, 1):
            return self if other == 1 else 0
        terms = _terms(other)
        if terms is None or len(self.terms) * len(terms) > _MOST_TERMS:
            return self.dense() * (other.dense() if isinstance(other, Sum) else other)
        return _sum(_term_product(a, b) for a in self.terms for b in terms)


class Most(Number):
    """The largest of several numbers, point by point, not yet decided: what a peak is, until all candidates are known."""

    dtype = np.dtype(np.int64)

    def __init__(self, candidates: Iterable[Any]) -> None:
        found = {freeze(one): one for one in candidates}
        self.candidates: tuple[Any, ...] = tuple(found.values())

    @cached_property
    def _decided(self) -> Any:
        highest = self.candidates[0]
        for candidate in self.candidates[1:]:
            highest = where(dense_of(highest) > dense_of(candidate), dense_of(highest), dense_of(candidate))
        return highest

    def dense(self) -> Field:
        found: Field = self._decided
        return found

    def or_larger(self, other: Any) -> Any:
        return Most([*self.candidates, *(other.candidates if isinstance(other, Most) else [other])])

    @cached_property
    def key(self) -> tuple[Any, ...]:
        return tuple(map(freeze, self.candidates))

    def __add__(self, other: Any) -> Any:
        return Most(candidate + other for candidate in self.candidates)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, int) and other > 0:
            return Most(candidate * other for candidate in self.candidates)
        return self.dense() * other


def merged(terms: Iterable[Term]) -> list[Term]:
    """Like terms put together: those that differ in a plain factor, or in the last of their fields."""
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
    """The sum of many numbers, products kept apart, in the fewest terms that putting like terms together gives."""
    plain: Any = 0
    terms: list[Term] = []
    for number in numbers:
        found = _terms(number) if isinstance(number, Number) else None
        if found is None:
            plain = plain + number
        else:
            terms += found
    terms = merged(terms)
    for axis in sorted({axis for _, fields in terms for field in fields for axis in field.axes}):
        terms = _merged_along(axis, terms)
    return _sum(terms) + plain


def _merged_along(axis: int, terms: list[Term]) -> list[Term]:
    """Terms put together that differ along one axis only, in whichever way leaves fewer."""
    rest: dict[Any, tuple[Field, ...]] = {}
    amounts: dict[Any, Any] = {}
    for factor, fields in terms:
        others = tuple(field for field in fields if field.axes != (axis,))
        key = tuple(field.key for field in others)
        mine = next((field for field in fields if field.axes == (axis,)), None)
        rest[key] = others
        amounts[key] = amounts.get(key, 0) + (factor if mine is None else mine * factor)
    return [_term(rest[key], amount) for key, amount in amounts.items() if isinstance(amount, Field) or amount]


def _term(fields: tuple[Field, ...], last: Any) -> Term:
    if not isinstance(last, Field):
        return (int(last), fields)
    return (1, tuple(sorted((*fields, last), key=lambda field: field.axes)))


def _sum(terms: Iterable[Term]) -> Any:
    """A sum of terms; a plain int where nothing varies."""
    found = merged(terms)
    return Sum(found) if any(fields for _, fields in found) else sum(factor for factor, _ in found)


def _terms(value: Any) -> Sequence[Term] | None:
    """A number as terms; None for one that is not an integer."""
    if isinstance(value, Sum):
        return value.terms
    if isinstance(value, Field):
        return [(1, (value,))] if value.denominator == 1 else None
    return [(value.numerator, ())] if value.denominator == 1 else None


def _term_product(a: Term, b: Term) -> Term:
    """The product of two terms: what varies along a common axis is multiplied out, the rest stays apart."""
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
