"""Checks of arguments that several packages share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from convcost.core.errors import UsageError
from convcost.core.reading import parse_bytes, python_int
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
    number = integer_within(given, least, most)
    if number is None:
        given = python_int(given)
        bound = f"<= {most:,}" if isinstance(given, int) and given > most else f"an integer >= {least}"
        raise UsageError(f"{what} must be {bound}, got {quoted(given)}")
    return number


def quoted(given: Any) -> str:
    """What is refused as no number; a text in quotes, so that 16 and '16' differ.

    >>> quoted(16), quoted("16"), quoted(True)
    ('16', "'16'", 'true')
    """
    return repr(given) if isinstance(given, str) else say(given)


def integer_within(given: Any, least: int, most: int) -> int | None:
    """An integer of Python or of another library, as Python's, if it is within these bounds; None for anything else.

    >>> integer_within(7, 1, 9), integer_within(10, 1, 9), integer_within(True, 1, 9), integer_within("7", 1, 9)
    (7, None, None, None)
    """
    number = python_int(given)
    return number if isinstance(number, int) and not isinstance(number, bool) and least <= number <= most else None


def check_bytes(given: Any, what: str) -> int | None:
    """A number of bytes as people write it, or as a number, if one is given; raises `UsageError`.

    >>> check_bytes("16KiB", "limit"), check_bytes(None, "limit")
    (16384, None)
    """
    try:
        return None if given is None else parse_bytes(given)
    except UsageError as error:
        raise UsageError(f"{what}: {error}") from None


def check_switch(given: Any, what: str) -> bool:
    """Whether something is so, of Python or of another library; raises `UsageError` for what is no truth value.

    >>> check_switch(True, "stream")
    True
    """
    if type(given).__name__ in ("bool", "bool_"):  # bool_ is numpy's, which is slow to import
        return bool(given)
    raise UsageError(f"{what} must be true or false, got {say(given)}")


def check_knobs(given: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    """Knobs in a mapping, if one is given, and more by name; raises `UsageError`.

    >>> check_knobs({"width": 0.5}, {"resolution": 96})
    {'width': 0.5, 'resolution': 96}
    """
    if not isinstance(given, Mapping | None):
        raise UsageError(f"knobs are a mapping, as {{'width': 0.5}}, or given by name, got {type(given).__name__}")
    for name in given or {}:
        if not isinstance(name, str):
            raise UsageError(f"the name of a knob is a text, got {say(name)}")
        if name in more:
            raise UsageError(f"{name} is set twice, in the mapping and by name")
    return {**(given or {}), **more}
