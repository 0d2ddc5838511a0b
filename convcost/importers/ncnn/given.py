"""What a layer of an ncnn file is given: numbers, texts and lists behind numbers of parameters, `0=64` or `-23303=2,1,2`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from convcost.core.errors import Unfit

DROPPED: Final = -233
"""The number that stands for "none", "all of it" or "as it comes out", as each layer has it."""
SAME_LOWER: Final = -234
"""Padding that is derived from the size, an odd zero before the first element; `DROPPED` has it behind the last."""
LISTS: Final = 23300
"""Lists have the number of their parameter, negative and below this: `-23303` is a list of parameter 3."""
BLOBS: Final = "blobs"
"""How many blobs a layer reads: the first of its inputs, before what it stores itself."""
KEPT: Final = "kept"
"""What each of the inputs behind the blobs is to the layer, which stores it itself."""
MOST_PARAMETERS: Final = 64
MOST: Final = 1 << 31
"""Whole numbers have 32 bits."""
_LONGEST: Final = 40
_WHOLE: Final = re.compile(r"[+-]?\d+")
_FLOAT: Final = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def parameters(words: list[str]) -> dict[str, Any]:
    """The parameters of a layer by number, as its line writes them; raises `Unfit`.

    >>> parameters(["0=64", "1=2.5e-01", "-23303=2,1,2"])
    {'0': 64, '1': 0.25, '3': (1, 2)}
    """
    found: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not _WHOLE.fullmatch(key) or len(key) > _LONGEST:
            raise Unfit(f"needs number=value, got {word[:_LONGEST]!r}")
        number = int(key)
        is_list = number <= -LISTS
        number = -number - LISTS if is_list else number
        if not 0 <= number < MOST_PARAMETERS:
            raise Unfit(f"has no parameter {key}")
        found[str(number)] = _listed(key, text) if is_list else _value(key, text)
    return found


def _listed(key: str, text: str) -> tuple[Any, ...]:
    count, *values = text.split(",")
    if not _WHOLE.fullmatch(count) or len(count) > _LONGEST or int(count) != len(values):
        raise Unfit(f"parameter {key} says that it lists {count[:_LONGEST]} values, and lists {len(values)}")
    return tuple(_value(key, value) for value in values)


def _value(key: str, text: str) -> int | float | str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    if len(text) <= _LONGEST:
        if _WHOLE.fullmatch(text) and -MOST <= int(text) < MOST:
            return int(text)
        if _FLOAT.fullmatch(text) and not _WHOLE.fullmatch(text):
            return float(text)
    raise Unfit(f"parameter {key} must be a number of 32 bits or a text in quotes, got {text[:_LONGEST]!r}")


def whole(attrs: Mapping[str, Any], number: int, default: int) -> int:
    """A parameter that is a whole number; raises `Unfit` for any other.

    >>> whole({"0": 64, "1": 3.0}, 0, 1), whole({"0": 64, "1": 3.0}, 1, 1), whole({}, 11, 3)
    (64, 3, 3)
    """
    value = attrs.get(str(number), default)
    if isinstance(value, float) and value.is_integer() and abs(value) < MOST:
        return int(value)
    if not isinstance(value, int):
        raise Unfit(f"parameter {number} must be a whole number, got {value!r}")
    return value


def number(attrs: Mapping[str, Any], at: int, default: float) -> float:
    """A parameter that is any number; raises `Unfit` for a text or a list."""
    value = attrs.get(str(at), default)
    if not isinstance(value, int | float):
        raise Unfit(f"parameter {at} must be a number, got {value!r}")
    return value


def listed(attrs: Mapping[str, Any], at: int) -> tuple[Any, ...] | None:
    """A parameter that is a list of numbers, None if it is not given; raises `Unfit` for any other."""
    value = attrs.get(str(at))
    if value is not None and not (isinstance(value, tuple) and all(isinstance(one, int | float) for one in value)):
        raise Unfit(f"parameter {at} must be a list of numbers, got {value!r}")
    return value


def wholes(attrs: Mapping[str, Any], at: int) -> tuple[int, ...] | None:
    """A parameter that is a list of whole numbers, None if it is not given; raises `Unfit` for any other."""
    found = listed(attrs, at)
    return None if found is None else tuple(whole({str(at): one}, at, 0) for one in found)
