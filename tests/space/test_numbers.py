"""Numbers over a grid mean at every point what Fractions and ints mean, never wrap, and part where they differ."""

from __future__ import annotations

import operator
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.core import dims
from convcost.core.dims import is_integral, where
from convcost.space.numbers import (
    Field,
    Mask,
    Most,
    Number,
    Sum,
    Undecided,
    added,
    along,
    is_joint,
    parts_of_product,
    weighed,
)

exactly = settings(deadline=None, derandomize=True, max_examples=150, database=None)
INTS = st.lists(st.integers(-60, 60), min_size=2, max_size=4)
DECIMALS = st.lists(st.fractions(-20, 20, max_denominator=40), min_size=2, max_size=4)
HUGE = st.lists(st.integers(2**40, 2**70), min_size=2, max_size=3)


def at(number, *where):
    """The exact value of a number at a point."""
    if not hasattr(number, "dense"):
        return number
    field = number.dense()
    place = tuple(i if size > 1 else 0 for i, size in zip(where, field.array.shape, strict=True))
    return Fraction(int(field.array[place]), field.denominator)


def truth(condition, *where):
    if not isinstance(condition, Mask):
        return condition
    place = tuple(i if size > 1 else 0 for i, size in zip(where, condition.array.shape, strict=True))
    return bool(condition.array[place])


OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "max": dims.maximum,
    "min": dims.minimum,
    "round": lambda a, b: dims.round_to(a * 3 + b, 8),
    "ceil": lambda a, b: dims.ceil(a + b),
    "floor": lambda a, b: dims.floor(a - b),
    "where": lambda a, b: dims.where(a > b, a, b + 1),
    "square": lambda a, b: (a * b + a) * (b + 1) - a * b,
}


@exactly
@given(st.one_of(INTS, DECIMALS, HUGE), st.one_of(INTS, DECIMALS, HUGE), st.sampled_from(sorted(OPERATIONS)))
def test_arithmetic_over_two_axes_equals_arithmetic_at_each_point(xs, ys, name):
    result = OPERATIONS[name](along(xs, 0, 2), along(ys, 1, 2))
    for (i, x), (j, y) in product(enumerate(xs), enumerate(ys)):
        assert at(result, i, j) == OPERATIONS[name](Fraction(x), Fraction(y))


@exactly
@given(st.one_of(INTS, DECIMALS), st.lists(st.fractions(Fraction(1, 9), 9, max_denominator=9), min_size=2, max_size=4))
def test_division_rounds_down_and_leaves_python_s_remainder(xs, ys):
    a, b = along(xs, 0, 2), along(ys, 1, 2)
    for (i, x), (j, y) in product(enumerate(xs), enumerate(ys)):
        assert at(a // b, i, j) == Fraction(x) // y
        assert at(a % b, i, j) == Fraction(x) % y
        assert truth(a < b, i, j) == (x < y)
        assert truth(a == b, i, j) == (x == y)


@exactly
@given(st.lists(st.tuples(st.integers(0, 1), INTS), min_size=1, max_size=6))
def test_sums_put_together_are_the_sums_added_one_by_one(parts):
    size = max(len(values) for _, values in parts)
    numbers = [
        along((values * size)[:size], axis, 2) * along(range(1, size + 1), 1 - axis, 2) for axis, values in parts
    ]
    total = added(numbers)
    for i, j in product(range(size), repeat=2):
        assert at(total, i, j) == sum(at(number, i, j) for number in numbers)


def test_products_over_different_axes_stay_apart_and_like_terms_meet():
    height, channels = along([7, 14], 0, 2), along([8, 16, 24], 1, 2)
    product_ = height * channels
    assert isinstance(product_, Sum)
    assert isinstance(product_ + height * 3 * channels, Sum)
    assert len((product_ + product_).terms) == 1
    assert product_ - product_ == 0
    assert isinstance(dims.maximum(product_, height), Most)


def test_nothing_wraps_at_64_bits():
    batch = 10**10
    macs = along([10**9, 2 * 10**9], 0, 1) * batch * batch
    assert [at(macs, i) for i in range(2)] == [10**29, 2 * 10**29]
    assert at(along([2**62, 2**62 - 1], 0, 1) + along([2**62, 5], 0, 1), 0) == 2**63
    wide = along([2**40, 1], 0, 2) * along([2**40, 3], 1, 2)
    assert at(wide, 0, 0) == 2**80


def test_python_code_that_needs_one_answer_splits_the_grid():
    depth = along([1, 2, 2, 3], 0, 1)
    for ask in (bool, int, range, lambda n: [0, 1, 2, 3][n]):
        with pytest.raises(Undecided):
            ask(depth - 1)
    with pytest.raises(Undecided) as split:
        assert depth > 1
    assert split.value.labels.ravel().tolist() == [False, True, True, True]
    assert (depth > 0) is True
    assert (depth == 7) is False


def test_a_number_that_is_the_same_everywhere_is_a_plain_one():
    channels = along([8, 16, 24], 0, 1)
    assert channels // channels == 1
    assert type(channels - channels) is int
    assert isinstance(along([Fraction(1, 2)] * 3, 0, 1), Fraction)


def test_division_by_zero_at_some_points_splits_and_at_all_points_is_an_error():
    with pytest.raises(Undecided):
        8 // along([0, 1], 0, 1)
    with pytest.raises(ZeroDivisionError):
        along([3, 4], 0, 1) // 0


def test_what_would_fill_the_memory_splits_the_grid():
    rows, columns = (along(range(1, 3001), axis, 2) for axis in (0, 1))
    with pytest.raises(Undecided):
        (rows * columns).dense()
    assert isinstance(rows, Field)


def test_whether_a_number_is_integral_is_asked_and_looking_at_its_type_splits_nothing():
    """Halves of 2, 4 are integral, those of 1, 3 are not; of 1, 2 only one is, so that the grid must be split."""
    half = Fraction(1, 2)
    even, odd, mixed = (along(values, 0, 1) * half for values in ([2, 4], [1, 3], [1, 2]))
    assert is_integral(even)
    assert not is_integral(odd)
    assert mixed.dtype.kind == "O"
    with pytest.raises(Undecided) as split:
        is_integral(mixed)
    assert split.value.labels.tolist() == [False, True]
    assert is_integral(along([1, 2], 0, 2) * along([3, 4], 1, 2))


def test_a_choice_along_another_axis_stays_a_product() -> None:
    rows, columns = along([1, 5, 9], 0, 2), along([2, 3, 4, 7], 1, 2)
    chosen = where(rows >= 5, columns, 10)
    assert not is_joint(chosen)
    assert chosen.dense().array.tolist() == [[10, 10, 10, 10], [2, 3, 4, 7], [2, 3, 4, 7]]


def test_a_product_of_many_terms_in_parts_is_the_product() -> None:
    rows = [along([i, i * i, 7 * i + 1], 0, 2) for i in range(1, 30)]
    columns = [along([i + 1, 3 * i * i + 2], 1, 2) for i in range(1, 30)]
    many = Sum([(1, pair) for pair in zip(rows, columns, strict=True)])
    few = added([rows[0], columns[1], *(a * b for a, b in zip(rows[:15], columns[3:18], strict=True))])
    parts = [*parts_of_product(many, few)]
    assert len(parts) > 1
    expected = many.dense().array * few.dense().array
    assert sum(part.dense().array for part in parts).tolist() == expected.tolist()


def test_weighed_counts_each_number_so_often() -> None:
    rows, columns = along([1, 5, 9], 0, 2), along([2, 3], 1, 2)
    found = weighed([(3, rows), (2, rows * columns), (4, rows * columns), (5, 7)])
    assert found.dense().array.tolist() == [[3 * r + 6 * r * c + 35 for c in (2, 3)] for r in (1, 5, 9)]


def test_a_maximum_is_a_number_whatever_it_is_of():
    """Of one product, of what is the same everywhere; and multiplied with a sum of products."""
    a, b = along([1, 2, 3], 0, 2), along([5, 7], 1, 2)
    product_ = a * b
    assert isinstance(product_, Sum)
    assert Most([product_, product_]).dense().array.tolist() == [[5, 7], [10, 14], [15, 21]]
    assert Most([a, 9]).dense().ends() == (9, 9)
    assert (product_ * Most([a, b])).dense().array.tolist() == [[25, 49], [50, 98], [75, 147]]


def test_what_turns_out_the_same_everywhere_is_no_factor_of_a_product():
    """The larger of 1 - x·y and 1 is 1, and x·y + (3 - x)·y is 3·y: however often they are multiplied, nothing is left of it."""
    x, y, z = along([1, 2], 0, 3), along([5, 7], 1, 3), along([3, 4], 2, 3)
    size = z * y
    for _ in range(100):
        size = size * dims.maximum(1 - x * y, 1)
        assert size.ends() == (3 * 5, 4 * 7)
    assert size == z * y
    three = Sum([(1, (x, y)), (1, (3 - x, y))])
    assert Most([three, three]) * z == z * y * 3
    assert Most([three]).astype("int64") == y * 3
    assert Most([x - x, 9]).astype("int64") == 9


HALF = Fraction(1, 2)
ROWS, COLUMNS = (1, 2, 3), (4, 7)
NUMBERS = {
    "one table": (lambda r, c: (r + c).dense(), lambda r, c: r + c),
    "one table of fractions": (lambda r, c: ((r + c) * HALF).dense(), lambda r, c: (r + c) * HALF),
    "whole fractions": (lambda r, c: ((r * 4 + c * 2) * HALF).dense(), lambda r, c: 2 * r + c),
    "a product": (lambda r, c: r * c, lambda r, c: r * c),
    "a product that is above 64 bits": (lambda r, c: r * 2**40 * (c * 2**40), lambda r, c: r * c * 2**80),
    "a product less itself": (lambda r, c: r * c + (4 - r) * c - c * 4 + 9, lambda *_: 9),
    "a maximum": (lambda r, c: dims.maximum(r * c, 10), lambda r, c: max(r * c, 10)),
    "a maximum with a fraction": (lambda r, c: dims.maximum(r * c, 21 * HALF), lambda r, c: max(r * c, 21 * HALF)),
    "a fraction that is the largest": (lambda r, c: dims.maximum(r * c, 99 * HALF), lambda *_: 99 * HALF),
    "an integer that is the largest": (lambda r, c: dims.maximum(r * c, 2**63), lambda *_: 2**63),
    "a maximum of fractions": (
        lambda r, c: dims.maximum(r * c, (r + c) * HALF * 5),
        lambda r, c: max(r * c, (r + c) * HALF * 5),
    ),
    "a sum of maxima": (
        lambda r, c: dims.maximum(r * c, 9 * HALF) + dims.maximum(r * c, c * 2),
        lambda r, c: max(r * c, 9 * HALF) + max(r * c, c * 2),
    ),
    "a minimum": (lambda r, c: dims.minimum(r * c, 21 * HALF), lambda r, c: min(r * c, 21 * HALF)),
}
"""What stands for numbers, as numbers over a grid of three by two are made of it, and at a point."""
BETWEEN = {
    **{
        name: getattr(operator, name)
        for name in ("add", "sub", "mul", "floordiv", "mod", "eq", "ne", "lt", "le", "gt", "ge")
    },
    "maximum": dims.maximum,
    "minimum": dims.minimum,
    "where": lambda a, b: dims.where(b > 5, a, b),
    "one of two plain numbers": lambda a, b: dims.where(a > b, 2**63 + 1, -5),
}
ALONE = {
    "neg": operator.neg,
    "ceil": dims.ceil,
    "floor": dims.floor,
    "round_to": dims.round_to,
}


def test_numbers_of_every_class_are_tried() -> None:
    r, c = along(ROWS, 0, 2), along(COLUMNS, 1, 2)
    assert {type(make(r, c)) for make, _ in NUMBERS.values()} >= {*Number.__subclasses__()} == {Field, Sum, Most}


def same(number):
    """A plain number as an entry of `NUMBERS`."""
    return (lambda _r, _c: number,) * 2


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("other", [*NUMBERS, 3, -2, 0, 7 * HALF])
def test_what_stands_between_two_numbers_of_any_classes_is_what_it_is_at_each_point(name, other):
    r, c = along(ROWS, 0, 2), along(COLUMNS, 1, 2)
    (make, value), (make_other, value_other) = (NUMBERS.get(one) or same(one) for one in (name, other))
    for asked, function in BETWEEN.items():
        for turned in (False, True):
            pair, values = (make, make_other), (value, value_other)
            (a, b), (x, y) = (pair[::-1], values[::-1]) if turned else (pair, values)
            points = [(i, j, x(p, q), y(p, q)) for i, p in enumerate(ROWS) for j, q in enumerate(COLUMNS)]
            if asked in ("floordiv", "mod") and not all(down for *_, down in points):
                continue
            found = function(a(r, c), b(r, c))
            for i, j, left, right in points:
                expected = function(Fraction(left), Fraction(right))
                got = truth(found, i, j) if isinstance(expected, bool) else at(found, i, j)
                assert got == expected, (asked, turned)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_of_any_class_answers_whatever_is_asked_of_one(name):
    make, value = NUMBERS[name]
    number = make(along(ROWS, 0, 2), along(COLUMNS, 1, 2))
    values = [value(r, c) for r in ROWS for c in COLUMNS]
    whole = [Fraction(one).denominator == 1 for one in values]
    for function in ALONE.values():
        found = function(number)
        assert [at(found, i, j) for i in range(3) for j in range(2)] == [function(Fraction(one)) for one in values]
    assert (number.min(), number.max()) == (min(values), max(values))
    assert number.ends()[0] <= min(values) <= max(values) <= number.ends()[1]
    assert all(whole) or number.dtype.kind == "O"
    assert number.tobytes() == make(along(ROWS, 0, 2), along(COLUMNS, 1, 2)).tobytes()
    assert str(number) == repr(number) == f"{number}" == f"{min(values)} to {max(values)}"
    if len({*whole}) == 1:
        assert is_integral(number) is whole[0]
    else:
        with pytest.raises(Undecided):
            is_integral(number)
    if all(whole):
        found = number.astype("int64", copy=False)
        assert [at(found, i, j) for i in range(3) for j in range(2)] == values
        assert isinstance(found, int) or found.dtype.kind == "i"
    for ask in (int, operator.index, range):
        if len({*values}) > 1:
            with pytest.raises(Undecided):
                ask(number)
        elif not all(whole):
            with pytest.raises(TypeError):
                ask(number)
        else:
            assert operator.index(number) == int(number) == values[0]
    assert bool(number) is True
