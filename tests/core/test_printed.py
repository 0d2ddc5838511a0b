"""Printed figures: what they are read as, and how a count becomes one."""

from __future__ import annotations

from fractions import Fraction

import pytest

from convcost.core.errors import UsageError
from convcost.core.printed import HOW, Printed


@pytest.mark.parametrize(
    ("text", "value", "last"),
    [
        ("4.13G", 4_130_000_000, 10**7),
        ("300 M", 300_000_000, 10**6),
        ("0.39B", 390_000_000, 10**7),
        ("4,089,184,256", 4_089_184_256, 1),
        ("13k", 13_000, 1000),
        ("1.5T", 1_500_000_000_000, 10**11),
    ],
)
def test_printed_figures(text: str, value: int, last: int) -> None:
    assert Printed.parse(text) == Printed(text, Fraction(value), Fraction(last))


@pytest.mark.parametrize("text", ["", "G", "4.13X", "-3M", "4.1.3G", "4,13G", "9" * 5000, "٣M", "4.G", "4MiB"])
def test_no_figure(text: str) -> None:
    memory = "; MiB is memory" if text == "4MiB" else ""
    with pytest.raises(UsageError, match=rf"' is not a count, e\.g\. 300M, 4\.1G or 4,089,184,256{memory}$"):
        Printed.parse(text)


@pytest.mark.parametrize("text", ["2.7Ki", "~0.30M", "1.9k"])  # 2,764.8 is rounded from 2,765 and others
def test_a_figure_need_not_be_whole_itself(text: str) -> None:
    figure = Printed.parse(text)
    assert figure.text == text
    assert [count for count in range(2_713, 2_818) if figure.rounds(count) == "rounded"] == (
        # 1,024 · (2.7 ± 0.05) is 2,713.6 to 2,816
        [*range(2_714, 2_817)] if text == "2.7Ki" else []
    )


@pytest.mark.parametrize(
    ("count", "how"),
    [
        (4_130_000_000, "exactly"),
        (4_134_999_999, "rounded"),
        (4_135_000_000, "rounded"),  # half way: some round it down
        (4_125_000_000, "rounded"),
        (4_135_000_001, "cut off"),
        (4_139_999_999, "cut off"),
        (4_140_000_000, None),
        (4_124_999_999, None),
    ],
)
def test_how_a_count_becomes_a_figure(count: int, how: str | None) -> None:
    assert Printed.parse("4.13G").rounds(count) == how
    assert how is None or how in HOW
