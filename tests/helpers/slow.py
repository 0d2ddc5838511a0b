"""Which of a test's parameters take seconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slow(values: Iterable[Any], *which: Any) -> list[Any]:
    """The values for `parametrize`, those named marked `slow`.

    >>> plain, marked = slow(["relu", "max_pool"], "max_pool")
    >>> plain, marked.values, [mark.name for mark in marked.marks]
    ('relu', ('max_pool',), ['slow'])
    """
    known = list(values)
    unknown = [each for each in which if each not in known]
    assert not unknown, f"no parameter is {unknown}"
    return [pytest.param(value, marks=pytest.mark.slow) if value in which else value for value in known]
