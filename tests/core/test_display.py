"""Units and digits that people ask for: integers in, rounded half up, whatever their size."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost.core.display import Display, display
from convcost.core.errors import UsageError
from convcost.core.units import scaled


def by_decimal(number: int, unit: int, digits: int) -> str:
    """The same by decimal arithmetic: as many places as leave so many digits, once it is rounded."""
    exact = Decimal(number) / Decimal(unit)
    for places in range(60, -1, -1):
        rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        if abs(rounded).scaleb(places) < 10**digits or places == 0:
            return f"{rounded:,f}"
    raise AssertionError


@given(st.integers(1, 10**15), st.sampled_from([1, 10**3, 10**6, 10**9, 2**10, 2**20]), st.integers(1, 9))
def test_scaled_agrees_with_decimal_arithmetic(number: int, unit: int, digits: int) -> None:
    from decimal import localcontext

    with localcontext() as context:
        context.prec = 120
        assert scaled(number, unit, digits) == by_decimal(number, unit, digits)
        assert scaled(-number, unit, digits) == f"-{by_decimal(number, unit, digits)}"


@pytest.mark.parametrize(
    ("units", "digits", "text"),
    [
        ("", None, "3,504,872"),
        ("M", None, "3.50 M"),
        ("G", 2, "0.0035 G"),
        ("k", 3, "3,505 k"),
        ("auto", None, "3.50 M"),
        ("", 5, "3.5049 M"),
        ("exact", 3, "3,504,872"),
        ("1", 3, "3,504,872"),
        ("G,params=k", 6, "3,504.87 k"),
    ],
)
def test_counts(units: str, digits: int | None, text: str) -> None:
    assert display(units, digits).count(3_504_872, "params") == text


@pytest.mark.parametrize(("number", "text"), [(300_774_272, "<0.000000001 Q"), (10**21, "0.00000000100 Q"), (0, "0")])
def test_what_leaves_no_figure_is_less_than_a_billionth(number: int, text: str) -> None:
    assert display("Q").count(number) == text  # a quetta is 10**30
    assert display("Y").bytes(1) == "<0.000000001 YiB"
    assert display("G").count(1) == "0.00000000100 G"


def test_bytes_have_binary_units_of_the_same_name() -> None:
    assert display("M").bytes(14_019_488) == "13.4 MiB"  # 14,019,488 / 1,048,576 = 13.370…
    assert display("MiB").bytes(14_019_488) == "13.4 MiB"
    assert display("k", 2).bytes(512) == "0.50 KiB"


@pytest.mark.parametrize(
    ("units", "digits", "said"),
    [
        ("X", None, "there is no unit 'X'. Known: 1, E, G, M, P, Q, R, T, Y, Z, auto, exact, k"),
        ("exac", None, "there is no unit 'exac'. Did you mean exact?"),
        ("M,G", None, "units takes one unit"),
        ("macs=", None, "units: 'macs=' lacks a unit, as in macs=G,params=M"),
        ("G,", None, "units: 'G,' lacks a unit"),
        ("=G", None, "units: '=G' lacks a metric"),
        ("macs=G,MACS=M", None, "units: macs has two units, G and M, in 'macs=G,MACS=M'; give one"),
        ("M", 0, "digits must be an integer from 1 to 30, got 0"),
        ("M", 31, "digits must be an integer from 1 to 30, got 31"),
    ],
)
def test_what_is_wrong_is_said(units: str, digits: int | None, said: str) -> None:
    with pytest.raises(UsageError) as error:
        display(units, digits)
    assert str(error.value).startswith(said)


def test_nothing_asked_is_every_digit() -> None:
    assert Display().count(10**40) == f"{10**40:,}"
