"""Expressions mean what they mean in Python, but exactly; and say in full what is wrong with those that mean nothing."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from helpers.limits import at_most
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convcost.core import dims
from convcost.core.expr import HELPERS, ExprError, number, parse
from convcost.space.numbers import Number, Undecided, along, dense_of

exactly = settings(deadline=None, derandomize=True, max_examples=400, database=None)
ENV: dict[str, Any] = {
    "a": 7, "b": -3, "n": 0, "half": Fraction(1, 2), "yes": True, "word": "same", "list": (4, 5),
    "table": {"small": (1, 2), "large": 3}, "word2": "small", ".in": (8, 6, 512), ".code": (64,),
}  # fmt: skip


def value(text: str, **more: Any) -> Any:
    return parse(text).evaluate({**ENV, **more})


# Random expressions as texts, flat wherever Python's precedence decides.


def joined(operands: st.SearchStrategy[str], *signs: str) -> st.SearchStrategy[str]:
    """Operands with signs between them and no brackets: what binds what is left to the parser."""
    further = st.lists(st.tuples(st.sampled_from(signs), operands), max_size=3)
    return st.builds(
        lambda first, rest: " ".join([first, *(f"{sign} {each}" for sign, each in rest)]), operands, further
    )


def calls(arguments: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    quotient = st.builds("({}) / ({})".format, arguments, arguments)
    rounded = arguments | quotient | st.builds("{} + {}".format, quotient, arguments)
    one = st.builds("{}({})".format, st.sampled_from(["ceil", "floor", "round_to"]), rounded)
    two = st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), arguments, arguments)
    return one | two | st.builds("round_to({}, {})".format, arguments, st.integers(1, 16))


def sums(atoms: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signed = atoms | atoms.map("-{}".format) | atoms.map("- -{}".format)
    return joined(signed, "+", "-", "*", "//", "%")


ATOMS = st.integers(0, 30).map(str) | st.sampled_from(["a", "b", "n"])
NUMERIC = st.recursive(ATOMS, lambda inner: sums(inner | inner.map("({})".format) | calls(inner)), max_leaves=12)
COMPARED = st.builds("{} {} {}".format, NUMERIC, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), NUMERIC)
TRUTHS = COMPARED | st.sampled_from(["true", "false", "yes"])
LOGICAL = st.recursive(
    TRUTHS | TRUTHS.map("not {}".format) | TRUTHS.map("not not {}".format),
    lambda inner: joined(inner | inner.map("({})".format) | inner.map("not ({})".format), "and", "or"),
    max_leaves=6,
)


def by_python(text: str, **more: Any) -> Any:
    """What Python makes of it, with its own min, max, ceil and floor; None for a division by zero."""
    known = {"min": min, "max": max, "ceil": math.ceil, "floor": math.floor, "round_to": dims.round_to}
    known["one"] = Fraction(1)  # Python's own quotient is not exact
    text = re.sub("(?<!/)/(?!/)", "* one /", text)
    try:
        return eval(text, {"__builtins__": {}}, {**ENV, **known, "true": True, "false": False, **more})
    except ZeroDivisionError:
        return None


@exactly
@given(NUMERIC | LOGICAL)
def test_an_expression_over_integers_has_the_value_that_python_gives_it(text):
    assume(len(text) <= 400)
    expected = by_python(text)
    if expected is None:
        with pytest.raises(ExprError, match=r"^division by zero in "):
            value(text)
    else:
        assert value(text) == expected
        assert type(value(text)) is type(expected)


@exactly
@given(NUMERIC | COMPARED, st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_an_expression_has_the_same_value_over_ints_and_arrays(text, numbers):
    expected = [by_python(text, a=each) for each in numbers]
    assume(len(text) <= 400 and None not in expected)
    got = value(text, a=np.array(numbers))
    assert np.broadcast_to(got, len(numbers)).tolist() == expected


@exactly
@given(NUMERIC, st.lists(st.integers(1, 30), min_size=2, max_size=4, unique=True), st.integers(1, 3))
def test_an_expression_has_the_same_value_over_ints_and_a_grid(text, numbers, step):
    steps = [step, step + 4]
    expected = [[by_python(text, a=a, b=b) for b in steps] for a in numbers]
    assume(len(text) <= 400 and not any(None in row for row in expected))
    try:
        got = value(text, a=along(numbers, 0, 2), b=along(steps, 1, 2))
    except Undecided:  # points differ in something that needs one answer
        assume(False)
    assert (
        np.broadcast_to(dense_of(got).array if isinstance(got, Number) else got, (len(numbers), 2)).tolist() == expected
    )


@pytest.mark.parametrize(
    ("text", "a", "b", "expected"),
    [
        ("ceil(a / 32)", 224, 0, 7),
        ("ceil(a / 32)", 225, 0, 8),
        ("round_to(a / 3, 8)", 64, 0, 24),  # 21.33 is nearer to 24 than to 16
        ("floor(a / b + 0.5)", 7, 2, 4),
        ("floor(max(a / b, b / a) * 2)", 7, 2, 7),
        ("ceil(where(a / b > 3, a / b, 0.5))", 7, 2, 4),
        ("ceil(a / b % 1 * 4)", 7, 2, 2),
        ("floor(a % (b / 3) * 9)", 7, 2, 3),  # 7 - 10 · 2/3 = 1/3
    ],
)
def test_a_quotient_is_exact_until_it_is_rounded(text, a, b, expected):
    assert value(text, a=a, b=b) == expected
    assert value(text, a=np.array([a]), b=np.array([b])).tolist() == [expected]
    several = value(text, a=along([a, 10 * a], 0, 2), b=along([b, 10 * b], 1, 2))
    assert dense_of(several).array[0, 0] == expected
    symbols = sympy.symbols("a b", integer=True, positive=True)
    if "%" not in text:
        assert value(text, a=symbols[0], b=symbols[1]).subs(dict(zip(symbols, (a, b)))) == expected


def test_a_quotient_by_zero_is_none_over_any_number_system():
    for zero in (0, np.array([1, 0])):
        with pytest.raises(ExprError, match=r"^division by zero in "):
            value("floor(a / b)", b=zero)
    with pytest.raises(Undecided):
        value("floor(where(a / b > 1, 1, 2))", b=along([1, 0], 0, 1))


@pytest.mark.parametrize("text", ["a / 2", "max(a / 2, 1)", "round_to(8, a / 2)", "floor(list[a / 7])", "ceil(a) / 2"])
def test_a_quotient_that_is_not_rounded_is_refused(text):
    with pytest.raises(ExprError, match="'/' is not expected there"):
        value(text)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("a * 3 + 1", lambda a: 3 * a + 1),
        ("ceil(a * 0.75) % 5", lambda a: -(-3 * a // 4) % 5),
        ("round_to(a * 1.4)", lambda a: dims.round_to(a * Fraction(7, 5))),
        ("max(a, 10) - min(a, 20)", lambda a: max(a, 10) - min(a, 20)),
        ("where(a > 10 and a % 2 == 0, 1, -1)", lambda a: 1 if a > 10 and a % 2 == 0 else -1),
        ("where(not a == 4 or a < 4, a // 2, 0)", lambda a: a // 2 if a != 4 else 0),
    ],
)
def test_an_expression_has_the_same_value_over_arrays_and_over_a_symbol_that_is_put_in(text, reference):
    numbers = range(1, 30)
    symbol = sympy.Symbol("a", integer=True, positive=True)
    closed = value(text, a=symbol)
    expected = [reference(each) for each in numbers]
    assert [closed.subs(symbol, each) for each in numbers] == expected
    assert value(text, a=np.array(numbers)).tolist() == expected


# Exact numbers.

DECIMALS = st.decimals(0, 10**6, places=6).map(str)


@exactly
@given(DECIMALS, DECIMALS, DECIMALS)
def test_decimals_are_exact(a, b, c):
    exact = Fraction(a) * Fraction(b) - Fraction(c)
    assert value(f"{a} * {b} - {c}") == exact
    assert value(f"ceil({a} * {b} - {c})") == math.ceil(exact)
    assert value(f"floor({a} * {b} - {c})") == math.floor(exact)
    assert value(f"{a} + {b} - {b} == {a}") is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1 + 0.2 == 0.3", True),
        ("ceil(1.1 * 10)", 11),
        ("1.1 * 10", 11),
        ("0.5 + 0.5", 1),
        ("a * half", Fraction(7, 2)),
        ("2.0", 2),
        ("1e3", 1000),
        ("1.5E+1", 15),
        ("25e-2", Fraction(1, 4)),
        ("010", 10),
        ("-7 // 2", -4),
        ("-7 % 4", 1),
        ("2 - -3", 5),
        ("100 - 10 - 1", 89),
        ("100 // 7 // 2", 7),
        ("not true or true", True),
        ("true or true and false", True),
        ("1 + 1 == 2 and not 1 > 2", True),
        ("max(1, 2, 3, 4, 5, 6, 7, 8)", 8),
        ("round_to(18)", 24),  # 16 would be below 0.9 · 18 = 16.2
        ("round_to(18, 4)", 20),  # 18 is as near to 16 as to 20: up
        ("in.height * in.width * in.channels", 24_576),  # 8 · 6 · 512
        ("code.channels", 64),
        ("list[0] + list[1]", 9),
        ("list[4 - 3]", 5),
        ("table[word2][1]", 2),
        ("word == word", True),
        ("word != word2", True),
        ("word == 3", False),
        ("where(yes, word, 3)", "same"),
    ],
)
def test_value(text, expected):
    assert value(text) == expected
    assert type(value(text)) is type(expected)


def test_names_and_shapes_that_an_expression_reads_are_known_beforehand():
    parsed = parse("t * in.channels + max(classes, list[t]) // skip.width")
    assert (parsed.names, parsed.shapes) == ({"t", "classes", "list"}, {"in", "skip"})
    assert parse("stem.conv1.channels + a.channels.height").shapes == {"stem.conv1", "a.channels"}
    assert parse("true and 1 < 2").names == frozenset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n == 0 or 8 % n == 0", True),
        ("n != 0 and 8 % n == 0", False),
        ("n == 0 or n == 1 or 8 // n > 0", True),
        ("not (n != 0 and 8 // n > 0)", True),
    ],
)
def test_and_and_or_leave_the_right_side_alone_where_the_left_decides(text, expected):
    assert value(text) is expected


def test_the_right_side_is_evaluated_where_the_left_does_not_decide():
    for text in ("n != 0 or 8 % n == 0", "n == 0 and 8 % n == 0"):
        with pytest.raises(ExprError, match=r"^division by zero"):
            value(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12", 12), ("-3", -3), ("+4", 4), ("1e3", 1000), ("1E+2", 100), ("0.75", Fraction(3, 4)), ("1.0", Fraction(1)),
     ("5e-1", Fraction(1, 2)), (".5", Fraction(1, 2)), ("2.", Fraction(2)), ("9" * 18, 10**18 - 1), ("1e99", 10**99)],
)  # fmt: skip
def test_number_is_exact_and_whole_only_without_a_point(text, expected):
    assert number(text) == expected
    assert type(number(text)) is type(expected)


@pytest.mark.parametrize(
    "text", ["", "12:30", "1_000", "0x10", "1e", "e3", "one", "1 ", ".", "1.2.3", "nan", "inf", "½"]
)
def test_what_is_no_decimal_is_no_number(text):
    assert number(text) is None


# Everything that can be wrong, with the whole message.

TOO_MANY_DIGITS = "has too many digits (at most 18, exponents up to 99)"
UNREADABLE = [
    ("", "cannot read '': it ends too early", 0),
    ("1 +", "cannot read '1 +': it ends too early", 3),
    ("not", "cannot read 'not': it ends too early", 3),
    ("a[0", "cannot read 'a[0': it ends too early", 3),
    ("max(1", "cannot read 'max(1': it ends too early; inside { } a comma ends a value, so quote it", 5),
    (
        "1/2",
        "cannot read '1/2': '/' is not expected there; // divides and rounds down, ceil(a / b) rounds up, * 0.25 takes an exact quarter",
        1,
    ),
    ("2 ** 3", "cannot read '2 ** 3': '**' is not expected there; a power is written out, as x * x", 3),
    ("x^2", "cannot read 'x^2': '^' is not expected there; a power is written out, as x * x", 1),
    ("1 + round(x)", "'round' is not a function; floor(x + 0.5) is the nearest integer", 4),
    ("pow(x, 2)", "'pow' is not a function; a power is written out, as x * x", 0),
    ("+3", "cannot read '+3': '+' is not expected there", 0),
    ("a b", "cannot read 'a b': 'b' is not expected there", 2),
    ("2(3)", "cannot read '2(3)': '(' is not expected there", 1),
    ("(3", "cannot read '(3': it ends too early; inside { } a comma ends a value, so quote it", 2),
    ("3)", "cannot read '3)': ')' is not expected there", 1),
    ("()", "cannot read '()': ')' is not expected there", 1),
    ("max(, 1)", "cannot read 'max(, 1)': ',' is not expected there", 4),
    ("1 < 2 < 3", "cannot read '1 < 2 < 3': '<' is not expected there", 6),
    ("1 == not true", "cannot read '1 == not true': 'not' is not expected there", 5),
    ("a = 3", "cannot read 'a = 3': '=' is not expected there; == compares", 2),
    ("'a' * 3", 'cannot read "\'a\' * 3": "\'" is not expected there', 0),
    ("x.y()", "after 'x'. comes channels, height, width, length or depth", 2),
    ("in.area", "after 'in'. comes channels, height, width, length or depth", 3),
    ("1 + eval(2)", "'eval' is not a function; there are round_to, ceil, floor, min, max, where", 4),
    ("round_to()", "round_to takes 1 to 2 arguments, got 0", 0),
    ("1 + round_to(1, 2, 3)", "round_to takes 1 to 2 arguments, got 3", 4),
    ("min(1)", "min takes 2 to 8 arguments, got 1", 0),
    ("where(true, 1)", "where takes 3 arguments, got 2", 0),
    ("1" * 21, f"the number {'1' * 21} {TOO_MANY_DIGITS}", 0),
    ("1" * 30, f"the number {'1' * 24}… {TOO_MANY_DIGITS}", 0),
    ("1e1000", f"the number 1e1000 {TOO_MANY_DIGITS}", 0),
    ("1e-100", f"the number 1e-100 {TOO_MANY_DIGITS}", 0),
    ("(" * 41 + "1" + ")" * 41, "brackets nest deeper than 40", 0),
    ("-" * 41 + "1", "brackets nest deeper than 40", 0),
    ("not " * 41 + "true", "brackets nest deeper than 40", 0),
    ("a[" * 41 + "0" + "]" * 41, "brackets nest deeper than 40", 0),
    ("ceil(" * 41 + "1" + ")" * 41, "brackets nest deeper than 40", 0),
    ("1 + " * 100 + "1", "an expression may have 400 characters, this one has 401", 0),
]


@pytest.mark.parametrize(("text", "message", "offset"), UNREADABLE)
def test_what_cannot_be_read_is_refused_with_the_whole_message_and_its_place(text, message, offset):
    with pytest.raises(ExprError) as caught:
        parse(text)
    assert (str(caught.value), caught.value.offset) == (message, offset)


def test_the_deepest_and_the_longest_that_may_be_are_read():
    assert value("(" * 40 + "1" + ")" * 40) == 1
    assert value("-" * 40 + "1") == 1
    assert value("1+" * 199 + "11") == 210


MIXED = [
    "word * 3", "3 * word", "word + word", "word - 1", "word // 2", "word % 2", "-word", "word < word", "list + list",
    "list * 2", "yes + 1", "1 - yes", "yes < 2", "min(yes, 2)", "max(word, word2)", "ceil(word)", "floor(list)",
    "round_to(word)", "not a", "not word", "a or yes", "yes and a", "where(a, 1, 2)", "table + 1",
]  # fmt: skip


@pytest.mark.parametrize("text", MIXED)
def test_words_lists_and_truth_values_are_kept_out_of_arithmetic_and_numbers_out_of_logic(text):
    with pytest.raises(ExprError) as caught:
        value(text)
    assert str(caught.value) == f"{text!r} mixes numbers, words, lists or truth values"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 // n", "division by zero in '1 // n'"),
        ("a % (1 - 1)", "division by zero in 'a % (1 - 1)'"),
        ("round_to(a, 0)", "division by zero in 'round_to(a, 0)'"),
        ("list[2]", "'list[2]' asks for item 2 of a list of 2 (the first is item 0)"),
        ("list[-1]", "'list[-1]' asks for item -1 of a list of 2 (the first is item 0)"),
        ("list[yes]", "'list[yes]': only a list can be indexed, and only by an integer"),
        ("list[half]", "'list[half]': only a list can be indexed, and only by an integer"),
        ("list[word]", "'list[word]': only a list can be indexed, and only by an integer"),
        ("word[0]", "'word[0]': only a list can be indexed, and only by an integer"),
        ("table[word]", "'table[word]' asks for same, but there are small, large"),
        ("code.height", "code is a vector of 64; it has channels, but no height"),
        ("code.width", "code is a vector of 64; it has channels, but no width"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_the_whole_message(text, message):
    with pytest.raises(ExprError) as caught:
        value(text)
    assert str(caught.value) == message


@exactly
@given(st.text(st.sampled_from("01.e+-*/%<>=!()[], anor_tis"), max_size=40) | st.text(max_size=20))
def test_whatever_is_written_there_is_a_value_or_an_expr_error(text):
    try:
        parsed = parse(text)
        parsed.evaluate({**dict.fromkeys(parsed.names, 3), **{"." + name: (8, 6, 512) for name in parsed.shapes}})
    except ExprError as error:
        said, offset = str(error), error.offset
    else:
        said, offset = "nothing", 0
    assert said
    assert 0 <= offset <= len(text)


def test_nothing_can_be_called_but_the_helpers():
    assert set(HELPERS) == {"round_to", "ceil", "floor", "min", "max", "where"}


@pytest.mark.parametrize("text", ["-yes", "ceil(yes)", "floor(yes)", "round_to(yes)", "round_to(8, yes)"])
def test_truth_values_are_kept_out_of_the_sign_and_of_rounding_too(text):
    with pytest.raises(ExprError):
        value(text)


@pytest.mark.parametrize("text", ["1e100", "1e999", "1" * 19, "1" * 20])
def test_numbers_beyond_the_limits_that_the_message_names_are_refused(text):
    with pytest.raises(ExprError):
        number(text)


def test_the_work_of_reading_a_number_grows_with_its_digits_alone():
    """A word of digits that ends in a letter is no number; the pattern must find so without trying all ways to cut it."""
    for behind in ("x", ".x", "e", ".5.", " 1"):
        with at_most(seconds=1):
            assert number("9" * 10**6 + behind) is None
    with pytest.raises(ExprError, match="too many digits"):
        number("9" * 10**6)
