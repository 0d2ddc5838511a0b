"""Checks of arguments that several packages share."""

from __future__ import annotations

import os
from typing import Any

from convcost.core.errors import UsageError
from convcost.core.reading import python_int
from convcost.core.units import say

LARGEST_BATCH = 10**15


def check_path(given: str | os.PathLike[str] | None, what: str) -> str | None:
    """The path of a file, if one is given; raises `UsageError` for what is none, as for a number, which the system would
    take for a file that is open already.
    """
    return None if given is None else needed_path(given, what)


def needed_path(given: str | os.PathLike[str], what: str) -> str:
    """As `check_path`, where one is needed."""
    if isinstance(given, str | os.PathLike):
        return os.fspath(given)
    raise UsageError(f"{what} is the path of a file, got {type(given).__name__}")


def check_batch(batch: Any) -> int:
    """The batch size, if it is one; raises `UsageError`."""
    return check_integer(batch, "batch", LARGEST_BATCH)


def check_integer(given: Any, what: str, most: int, least: int = 1) -> int:
    """An integer of Python or of another library, within its bounds, as Python's; raises `UsageError`.

    >>> check_integer(7, "a filter size", 9)
    7
    """
    number = python_int(given)
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        bound = f"<= {most:,}" if isinstance(number, int) and number > most else f"an integer >= {least}"
        raise UsageError(f"{what} must be {bound}, got {say(number)}")
    return number
