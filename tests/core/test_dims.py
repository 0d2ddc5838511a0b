"""The helpers of dims.py mean the same over ints, fractions, arrays and symbols, and what their names say."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from helpers.steps import lines_run
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from convcost.core import dims
from convcost.space.numbers import along, dense_of

exactly = settings(deadline=None, derandomize=True, max_examples=150, database=None)
INTEGERS = st.integers(-1000, 1000)
SIZES = st.integers(1, 1000)
LISTS = st.lists(st.tuples(INTEGERS, st.integers(1, 50)), min_size=1, max_size=8)
FRACTIONS = st.fractions(-1000, 1000, max_denominator=1000)
#: Widths as papers write them: 0.75, 1.4, 0.125.
DECIMALS = st.integers(1, 4000).map(lambda thousandths: Fraction(thousandths, 1000))

A, B = sympy.symbols("a b", integer=True)
N = sympy.Symbol("n", integer=True, positive=True)


def columns(points: list[tuple[int, ...]]) -> list[np.ndarray]:
    return [np.array(column, dtype=np.int64) for column in zip(*points, strict=True)]


def put(expression: Any, *numbers: int) -> Any:
    """A symbolic result with numbers for a and b (or for n)."""
    first = dict(zip((A, B), map(sympy.Integer, numbers), strict=False))
    return sympy.sympify(expression).xreplace({**first, N: sympy.Integer(numbers[-1])})


# Rounding.


def least_integer_not_below(value: Fraction) -> int:
    """The reference for rounding up: try integers one by one."""
    candidate = int(value) - 1
    while candidate < value:
        candidate += 1
    return candidate


@exactly
@given(st.fractions(-40, 40, max_denominator=50), st.fractions(Fraction(1, 20), 20, max_denominator=50))
def test_ceil_and_floor_find_the_next_integers_and_ceil_div_is_ceil_of_the_quotient(a, b):
    assert dims.ceil_div(a, b) == least_integer_not_below(a / b)
    assert dims.ceil(a) == least_integer_not_below(a)
    assert dims.floor(a) == -least_integer_not_below(-a)
    assert all(type(rounded) is int for rounded in (dims.ceil_div(a, b), dims.ceil(a), dims.floor(a)))


@exactly
@given(LISTS)
def test_ceil_div_is_the_same_over_ints_arrays_and_symbols(points):
    expected = [least_integer_not_below(Fraction(a, b)) for a, b in points]
    assert [dims.ceil_div(a, b) for a, b in points] == expected
    assert dims.ceil_div(*columns(points)).tolist() == expected
    assert [put(dims.ceil_div(A, N), a, b) for a, b in points] == expected
    assert [put(dims.ceil_div(A, b), a) for a, b in points] == expected
    assert [put(dims.ceil_div(a, N), a, b) for a, b in points] == expected


@exactly
@given(FRACTIONS, st.lists(SIZES, min_size=1, max_size=5))
def test_ceil_and_floor_of_a_width_times_channels_are_the_same_over_ints_and_symbols(width, channels):
    exact = sympy.Rational(width.numerator, width.denominator)
    for c in channels:
        assert put(dims.ceil(exact * A), c) == dims.ceil(width * c)
        assert put(dims.floor(exact * A), c) == dims.floor(width * c)


def make_divisible(value: Any, divisor: int, tenth: Any, half: Any) -> int:
    """TensorFlow's own lines; `tenth` and `half` say whether in floats, as there, or exactly."""
    rounded = max(divisor, int(value + divisor * half) // divisor * divisor)
    if rounded < 9 * tenth * value:
        rounded += divisor
    return rounded


@exactly
@given(SIZES, DECIMALS, st.integers(1, 20))
@example(channels=10, width=Fraction(1), divisor=9)  # 9 is not below 90 % of 10, so it stays
def test_round_to_is_make_divisible_in_exact_arithmetic(channels, width, divisor):
    value = channels * width
    assert dims.round_to(value, divisor) == make_divisible(value, divisor, Fraction(1, 10), Fraction(1, 2))


@exactly
@given(SIZES, DECIMALS, st.sampled_from([4, 8, 16]))
def test_round_to_is_make_divisible_in_floats_except_where_a_float_error_could_tip_the_balance(
    channels, width, divisor
):
    value = channels * width
    rounded = make_divisible(value, divisor, Fraction(1, 10), Fraction(1, 2))
    nearest = max(divisor, int(value + Fraction(divisor, 2)) // divisor * divisor)
    assume((value + Fraction(divisor, 2)) % divisor != 0)
    assume(nearest * 10 != value * 9)
    assert rounded == make_divisible(channels * float(width), divisor, 0.1, 0.5) == dims.round_to(value, divisor)


@exactly
@given(st.lists(SIZES, min_size=1, max_size=6), st.sampled_from([1, 2, 4, 8, 16]))
def test_round_to_is_the_same_over_ints_arrays_and_symbols(values, divisor):
    expected = [dims.round_to(value, divisor) for value in values]
    assert dims.round_to(np.array(values), divisor).tolist() == expected
    closed = dims.round_to(N, divisor)
    assert [put(closed, value) for value in values] == expected


@exactly
@given(DECIMALS.map(lambda width: width * 320), st.sampled_from([1, 8, 16]))
def test_round_to_gives_a_near_multiple_and_never_loses_more_than_a_tenth(value, divisor):
    rounded = dims.round_to(value, divisor)
    assert type(rounded) is int
    assert rounded % divisor == 0
    assert rounded >= divisor
    assert 10 * rounded >= 9 * value
    assert rounded - value <= divisor


# Choice and logic.


@exactly
@given(st.lists(st.tuples(INTEGERS, INTEGERS), min_size=1, max_size=8))
def test_maximum_minimum_and_where_are_the_same_over_ints_arrays_and_symbols(points):
    for function, reference in ((dims.maximum, max), (dims.minimum, min), (larger_by_where, max)):
        expected = [reference(a, b) for a, b in points]
        assert [function(a, b) for a, b in points] == expected
        assert function(*columns(points)).tolist() == expected
        assert [put(function(A, B), a, b) for a, b in points] == expected
        assert [put(function(A, b), a) for a, b in points] == expected
        assert function(np.array([a for a, _ in points]), points[0][1]).tolist() == [
            reference(a, points[0][1]) for a, _ in points
        ]


def larger_by_where(a: Any, b: Any) -> Any:
    return dims.where(a > b, a, b)


@exactly
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3)), min_size=1, max_size=8))
def test_conditions_are_the_same_over_ints_arrays_and_symbols(points):
    def conditions(a: Any, b: Any) -> list[Any]:
        same, divisible = dims.equal(a, b), dims.divides(b, a)
        return [same, divisible, dims.negate(same), dims.either(same, a < 2), dims.both(divisible, dims.negate(same))]

    def by_hand(a: int, b: int) -> list[bool]:
        return [a == b, a % b == 0, a != b, a == b or a < 2, a % b == 0 and a != b]

    expected = [by_hand(a, b) for a, b in points]
    assert [conditions(a, b) for a, b in points] == expected
    over_arrays = conditions(*columns(points))
    assert [[bool(each[at]) for each in over_arrays] for at in range(len(points))] == expected
    over_symbols = conditions(A, N)
    assert [[bool(put(each, a, b)) for each in over_symbols] for a, b in points] == expected


def test_equality_of_symbols_is_left_open_and_of_one_symbol_with_itself_is_decided():
    assert dims.is_symbolic(dims.equal(A, B))
    assert dims.equal(A, A) == True  # noqa: E712 - sympy's own true
    assert not dims.is_symbolic(dims.equal(sympy.Integer(3), 3))


# Products and parts.


@exactly
@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple), max_size=4))
def test_elements_are_as_many_as_numpy_has(shapes):
    assert dims.elements(shapes) == sum(np.zeros(shape).size for shape in shapes)


def test_product_of_nothing_is_one_and_nothing_has_no_elements():
    assert (dims.product([]), dims.elements([])) == (1, 0)


@exactly
@given(SIZES, st.integers(2, 9))
def test_equal_parts_are_as_many_as_asked_and_make_up_what_they_divide(size, sections):
    parts = dims.cut(size * sections, sections)
    assert parts == (size,) * sections
    assert dims.cut(size, parts) is parts


def test_first_given_takes_a_zero_for_given():
    assert (dims.first_given(0, 3), dims.first_given(None, 3)) == (0, 3)


@pytest.mark.parametrize("value", [3, Fraction(1, 2), sympy.Integer(3), np.int64(3), np.array([3]), "3", None])
def test_only_what_has_free_symbols_is_symbolic_and_only_numpy_has_arrays(value):
    assert not dims.is_symbolic(value)
    assert dims.is_array(value) == isinstance(value, (np.ndarray, np.generic))
    assert dims.is_symbolic(A + 1)
    assert not dims.is_array(A + 1)


# Sums of floors.

LINES = st.tuples(st.integers(0, 30), st.integers(0, 40), st.integers(-60, 60), st.integers(1, 20))
LARGE = st.integers(0, 10**9)


def added_up(count: int, slope: int, start: int, divisor: int) -> int:
    return sum((start + slope * i) // divisor for i in range(count))


@exactly
@given(LINES)
def test_floor_sum_is_what_adding_up_gives(line):
    assert dims.floor_sum(*line) == added_up(*line)


@exactly
@given(st.lists(LINES, min_size=1, max_size=8))
def test_floor_sum_is_the_same_over_arrays_and_numbers_of_a_grid(lines):
    expected = [added_up(*line) for line in lines]
    assert np.broadcast_to(dims.floor_sum(*columns(lines)), len(lines)).tolist() == expected
    for at, values in enumerate(zip(*lines, strict=True)):  # one of the four along an axis, the others as of the first
        numbers = [*lines[0][:at], along(values, 0, 1), *lines[0][at + 1 :]]
        each = [added_up(*lines[0][:at], value, *lines[0][at + 1 :]) for value in values]
        found = dense_of(dims.floor_sum(*numbers))
        assert np.broadcast_to(getattr(found, "array", found), len(lines)).tolist() == each


@settings(exactly, max_examples=40)
@given(LINES, st.integers(0, 3))
def test_floor_sum_is_the_same_over_symbols(line, at):
    symbolic = sympy.Symbol("x", integer=True)
    form = dims.floor_sum(*line[:at], symbolic, *line[at + 1 :])
    assert sympy.sympify(form).subs(symbolic, line[at]).doit() == added_up(*line)


@exactly
@given(LARGE, LARGE, LARGE, LARGE, st.integers(1, 10**9))
def test_floor_sum_of_two_stretches_is_that_of_both(first, second, slope, start, divisor):
    both = dims.floor_sum(first + second, slope, start, divisor)
    behind = dims.floor_sum(second, slope, start + slope * first, divisor)
    assert both == dims.floor_sum(first, slope, start, divisor) + behind


@exactly
@given(LARGE, LARGE, st.integers(1, 10**9))
def test_floor_sum_over_a_period_is_gauss_s(slope, start, divisor):
    # Over as many steps as the divisor has, prime to the slope, every remainder comes once.
    assume(math.gcd(slope, divisor) == 1)
    remainders = divisor * (divisor - 1) // 2
    assert dims.floor_sum(divisor, slope, start, divisor) * divisor == slope * remainders + start * divisor - remainders


def test_floor_sum_takes_no_more_rounds_than_euclid_s_algorithm():
    # Two Fibonacci numbers below 10^9 that follow on each other are the worst case: 42 divisions.
    slope, divisor = 701_408_733, 433_494_437
    short, long = (lines_run(lambda count=count: dims.floor_sum(count, slope, 0, divisor)) for count in (10, 10**9))
    assert long == short
    assert long < 43 * 30


@exactly
@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(-60, 60)), min_size=1, max_size=6),
    st.integers(0, 40),
    st.integers(1, 30),
)
def test_least_remainder_is_the_least_of_all(lines, slope, divisor):
    expected = [min((start + slope * i) % divisor for i in range(count)) for count, start in lines]
    assert [dims.least_remainder(count, slope, start, divisor) for count, start in lines] == expected
    counts, starts = columns(lines)
    assert np.broadcast_to(dims.least_remainder(counts, slope, starts, divisor), len(lines)).tolist() == expected


def test_least_remainder_of_large_numbers_by_hand():
    # 3·i modulo 10^9 + 7 begins at 0; from 1 on the least is that of the first turn past it: 3 · 333,333,336 = 10^9 + 8.
    assert dims.least_remainder(10**9, 3, 0, 10**9 + 7) == 0
    assert dims.least_remainder(333_333_336, 3, 3, 10**9 + 7) == 1
