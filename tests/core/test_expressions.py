"""No regular expression of the package takes more than linear time on any text: files and command lines bring long ones."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator

import pytest
from helpers.expressions import Used, every_use
from helpers.limits import TooSlow, at_most

LONG = 50_000
"""Characters: a quadratic search takes over a second of them, a linear one less than a hundredth."""


def hostile(pattern: str) -> list[str]:
    """Long words of one letter that the pattern speaks of, each with ends that it may not."""
    letters = sorted({*"9a .", *(letter for letter in pattern if letter not in r"\^$*?{}|")})
    return [letter * LONG + end for letter in letters for end in "!x"]


def test_the_uses_are_found() -> None:
    found = {(used.where.partition(":")[0], used.use) for used in every_use()}
    assert {
        ("core/expr.py", "finditer"),
        ("core/expr.py", "fullmatch"),
        ("importers/ncnn/given.py", "fullmatch"),
    } <= found


def test_a_quadratic_one_would_be_noticed() -> None:
    used = Used("", re.compile(r"\d+\.?\d*"), "fullmatch")
    with pytest.raises(TooSlow), at_most(0.5):
        used.run("9" * LONG + "!")


@pytest.fixture
def uncollected() -> Iterator[None]:
    """A collection of all that other tests hold may take longer than any expression."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_no_expression_is_quadratic() -> None:
    slow = []
    for used in {(used.pattern, used.use): used for used in every_use()}.values():
        for text in hostile(used.pattern.pattern):
            try:
                with at_most(0.5):
                    used.run(text)
            except TooSlow:
                slow.append(f"{used.where} {used.pattern.pattern!r}, {used.use} of {text[0]!r} ... {text[-1]!r}")
                break
    assert slow == []
