"""Formatters never fail, keep the order of numbers, and are off by at most half a unit of the last digit shown."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from helpers.magnitudes import COUNTS, HUGE
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convcost.core import units

exactly = settings(deadline=None, derandomize=True, max_examples=300, database=None)
POWERS = {name: power for power, name in enumerate(("", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q"))}
BINARY_POWERS = {
    name: power for power, name in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"))
}
SIGNED = st.builds(lambda count, sign: count * sign, COUNTS, st.sampled_from([1, -1]))


def read(text: str, base: int, powers: dict[str, int]) -> tuple[Fraction, Fraction]:
    """The number that a text shows, and the worth of its last digit."""
    digits, _, unit = text.partition(" ")
    assert re.fullmatch(r"-?\d+(\.\d+)?", digits), text
    worth = base ** powers[unit]
    return Fraction(digits) * worth, Fraction(worth, 10 ** len(digits.partition(".")[2]))


@exactly
@given(SIGNED)
@example(999_499)
@example(999_500)
@example(9_995_000)
def test_compact_is_off_by_at_most_half_a_unit_of_its_last_digit(count):
    shown, unit = read(units.compact(count), 1000, POWERS)
    assert 2 * abs(shown - count) <= unit


@exactly
@given(SIGNED)
@example(1023)
@example(1024 * 1024 - 1)
def test_binary_is_off_by_at_most_half_a_unit_of_its_last_digit(size):
    shown, unit = read(units.binary(size), 1024, BINARY_POWERS)
    assert 2 * abs(shown - size) <= unit


@exactly
@given(SIGNED, SIGNED)
def test_compact_and_binary_keep_the_order_of_numbers(a, b):
    low, high = sorted((a, b))
    assert read(units.compact(low), 1000, POWERS)[0] <= read(units.compact(high), 1000, POWERS)[0]
    assert read(units.binary(low), 1024, BINARY_POWERS)[0] <= read(units.binary(high), 1024, BINARY_POWERS)[0]


@exactly
@given(SIGNED)
def test_compact_has_three_digits_and_never_shows_a_thousand_of_a_unit(count):
    digits, _, unit = units.compact(count).lstrip("-").partition(" ")
    if unit:
        assert len(digits.replace(".", "")) == 3
        assert 1 <= Fraction(digits) <= 999
    else:
        assert digits == str(abs(count))
        assert abs(count) < 1000


@exactly
@given(SIGNED)
def test_binary_never_shows_a_step_of_a_unit_but_of_the_last(size):
    digits, _, unit = units.binary(size).lstrip("-").partition(" ")
    assert unit == "YiB" or Fraction(digits) < 1024
    assert len(digits.replace(".", "")) >= 3 or unit == "B"


@exactly
@given(COUNTS.filter(bool))
def test_a_negative_number_is_shown_like_its_opposite_with_a_minus(count):
    assert units.compact(-count) == "-" + units.compact(count)
    assert units.binary(-count) == "-" + units.binary(count)
    assert units.exact(-count) == "-" + units.exact(count)


@exactly
@given(SIGNED)
def test_exact_has_every_digit_in_groups_of_three(count):
    text = units.exact(count)
    assert int(text.replace(",", "")) == count
    assert re.fullmatch(r"-?\d{1,3}(,\d{3})*", text)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (1005, "1.01 k"),
        (9_994, "9.99 k"),
        (9_995, "10.0 k"),
        (99_949, "99.9 k"),
        (99_950, "100 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (-999_500, "-1.00 M"),
        (HUGE - 1, "1.00 Q"),
    ],
)
def test_compact_at_the_steps(count, text):
    assert units.compact(count) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (262_144, "256 KiB"),  # 256 · 1024
        (1_047_552, "1023 KiB"),  # 1023 · 1024
        (1_048_063, "1023 KiB"),  # a byte below 1023.5 · 1024
        (1_048_064, "1.00 MiB"),
        (1024**8 * 1000, "1000 YiB"),
    ],
)
def test_binary_at_the_steps(size, text):
    assert units.binary(size) == text


@exactly
@given(COUNTS, COUNTS.filter(bool))
def test_percent_is_off_by_at_most_half_a_hundredth(part, whole):
    number, sign = units.percent(part, whole).split(" ")
    assert sign == "%"
    assert re.fullmatch(r"\d{1,3}(,\d{3})*\.\d\d", number)
    assert abs(Fraction(number.replace(",", "")) - Fraction(100 * part, whole)) <= Fraction(1, 200)


@exactly
@given(COUNTS)
def test_percent_of_nothing_is_a_dash(part):
    assert units.percent(part, 0) == "-"


def test_percent_of_a_negative_part_has_a_minus():
    assert units.percent(-1, 3) == "-33.33 %"


@exactly
@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=3))
def test_shape_is_written_as_papers_do(shape):
    assert [int(size) for size in units.shape_text(shape).split("×")] == shape


@exactly
@given(st.decimals(-1000, 1000, places=9))
def test_decimal_text_shows_every_decimal_exactly_and_no_zero_too_many(value):
    text = units.decimal_text(Fraction(value))
    assert Fraction(text) == Fraction(value)
    assert re.fullmatch(r"-?\d+\.(\d|\d*[1-9])", text)


@exactly
@given(st.fractions(max_denominator=10**6))
def test_decimal_text_can_be_read_back_whatever_the_fraction(value):
    assert Fraction(units.decimal_text(value)) == value
    finite = 10**20 % value.denominator == 0  # 2**20 is above the largest denominator
    assert ("/" in units.decimal_text(value)) != finite


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "true"),
        (False, "false"),
        (None, "nothing"),
        ({"channels": 4}, "a table row"),
        (Fraction(3, 4), "0.75"),
        (Fraction(10**300), "a larger number"),
        (10**20 - 1, "99999999999999999999"),
        (10**20, "1e+20"),
        ([1, (True, None)], "[1, [true, nothing]]"),
        ("same", "same"),
    ],
)
def test_a_value_is_said_as_a_spec_writes_it(value, said):
    assert units.say(value) == said
