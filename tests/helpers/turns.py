"""Which of many like cases every run looks at; the others are marked `repeats`, and run with `-m repeats`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def in_turns(values: Iterable[Any], of: int, first: int = 0, every: Collection[Any] = ()) -> list[Any]:
    """The values for `parametrize`: each `of`-th from that at `first` on, and those of `every`, run always.

    >>> [[mark.name for mark in value.marks] for value in in_turns("abcd", 3, first=1, every="d")]
    [['repeats'], [], ['repeats'], []]
    """
    return [turned(value, repeats=at % of != first and value not in every) for at, value in enumerate(values)]


def turned(value: Any, *, repeats: bool) -> Any:
    """A value, a tuple of several, or one that has marks of its own."""
    marks: list[Any] = [pytest.mark.repeats] if repeats else []
    if hasattr(value, "marks"):
        return pytest.param(*value.values, marks=[*value.marks, *marks], id=value.id)
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=marks)
