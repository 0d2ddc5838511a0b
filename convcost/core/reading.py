"""How people write amounts: digits, perhaps in groups of three, a decimal point, an exponent, a unit. Read exactly, and never at length."""

from __future__ import annotations

import re
from fractions import Fraction
from operator import index
from typing import Any, NamedTuple

from convcost.core.errors import UsageError
from convcost.core.units import BINARY_UNITS

_AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3}){1,9}|\d{1,30})(?:\.(\d{1,30}))?(?:[eE](\d{1,2}))?\s*([A-Za-z]*|%)", re.ASCII)
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
#: Counts as people write them, in any case: 300M, 4.1G, 5B.
COUNTS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}


class Amount(NamedTuple):
    """A number with its unit."""

    number: Fraction
    """In that unit."""
    last: Fraction
    """What its last digit is worth, in that unit."""
    unit: str


def whole(text: str) -> int | None:
    """A whole number written in at most eighteen digits, and nothing else; None for any other text.

    >>> whole("64"), whole("-1"), whole("²")
    (64, None, None)
    """
    return int(text) if _WHOLE.fullmatch(text) else None


def plain(value: Any) -> Any:
    """An integer of another library, such as numpy's, as Python's; anything else as it is.

    >>> plain(True), plain("64"), plain(64)
    (True, '64', 64)
    """
    return index(value) if hasattr(value, "__index__") and not isinstance(value, bool) else value


def read_amount(text: str) -> Amount | None:
    """An amount, None if the text is not one.

    >>> read_amount("4.13 G")
    Amount(number=Fraction(413, 100), last=Fraction(1, 100), unit='G')
    >>> read_amount("4,089,184,256").number, read_amount("4,13G")
    (Fraction(4089184256, 1), None)
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return None
    whole, part, power, unit = found.groups()
    last = Fraction(10 ** int(power or 0), 10 ** len(part or ""))
    return Amount(int(whole.replace(",", "") + (part or "")) * last, last, unit)


def parse_count(given: Any, what: str) -> int:
    """A count as people write it: 300M, 4.1G, 300e6; raises `UsageError`.

    >>> parse_count("4.1G", "it")
    4100000000
    """
    amount = None if isinstance(given, bool) else read_amount(str(given))
    if amount is None or amount.unit.lower() not in COUNTS:
        raise UsageError(f"{what} must be a number such as 300M or 4.1G, got {str(given)[:40]!r}")
    return int(amount.number * COUNTS[amount.unit.lower()])


def parse_bytes(text: str) -> int:
    """A number of bytes as people write it, exactly; raises `UsageError`.

    >>> parse_bytes("256KiB"), parse_bytes("1.5 MiB"), parse_bytes("100000")
    (262144, 1572864, 100000)
    """
    found = read_amount(text)
    scale = {name.lower(): 1024**power for power, name in enumerate(BINARY_UNITS)} | {"": 1}
    if not found or found.unit.lower() not in scale:
        if found and found.unit.lower() in ("k", "kb", "m", "mb", "g", "gb", "t", "tb"):
            meant = text.strip().removesuffix(found.unit).rstrip() + found.unit[0].upper() + "iB"
            why = f"{found.unit} may mean powers of 1,000 or of 1,024"
            raise UsageError(f"{text!r}: {why}; write {meant}, or the bytes")
        raise UsageError(f"{text!r} is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000")
    size = found.number * scale[found.unit.lower()]
    if size.denominator != 1:
        raise UsageError(f"{text!r} is not a whole number of bytes")
    return int(size)
