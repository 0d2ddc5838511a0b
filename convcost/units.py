"""How numbers are written for people: counts in decimal, bytes in binary, the two never mixed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from convcost.amounts import read_amount
from convcost.errors import UsageError, did_you_mean

_DECIMAL = ("", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")

#: Bits that one element takes, by the name that frameworks give the type.
DTYPE_BITS = {
    "fp64": 64,
    "fp32": 32,
    "tf32": 32,
    "fp16": 16,
    "bf16": 16,
    "fp8": 8,
    "int32": 32,
    "int16": 16,
    "int8": 8,
    "uint8": 8,
    "int4": 4,
    "int2": 2,
    "binary": 1,
}


def storage(elements: int, dtype: str) -> int:
    """Bytes that so many elements take when packed, rounded up to whole bytes.

    >>> storage(3, "int4"), storage(10, "fp32")
    (2, 40)
    """
    return -(-elements * DTYPE_BITS[dtype] // 8)


def check_dtype(name: str) -> str:
    """The name of a type, if there is one; raises `UsageError`."""
    if name not in DTYPE_BITS:
        raise UsageError(f"there is no dtype {name!r}{did_you_mean(name, DTYPE_BITS)}")
    return name


def parse_bytes(text: str) -> int:
    """A number of bytes as people write it, exactly; raises `UsageError`.

    >>> parse_bytes("256KiB"), parse_bytes("1.5 MiB"), parse_bytes("100000")
    (262144, 1572864, 100000)
    """
    found = read_amount(text)
    scale = {name.lower(): 1024**power for power, name in enumerate(_BINARY)} | {"": 1}
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


def exact(count: int) -> str:
    """A count with every digit.

    >>> exact(300774272)
    '300,774,272'
    """
    return f"{count:,}"


def counted(count: int, one: str, many: str = "") -> str:
    """A count with what is counted.

    >>> counted(1, "point"), counted(2000, "point"), counted(0, "family", "families")
    ('1 point', '2,000 points', '0 families')
    """
    return f"{exact(count)} {one if count == 1 else many or one + 's'}"


def signed(count: int) -> str:
    """A difference with every digit and its sign.

    >>> signed(1000), signed(-5), signed(0)
    ('+1,000', '-5', '0')
    """
    return f"{count:+,}" if count else "0"


def plus(terms: Iterable[str]) -> str:
    """A sum of terms, each of which may begin with a minus sign.

    >>> plus(["3 × 8", "-1 × 2"])
    '3 × 8 - 1 × 2'
    """
    return " + ".join(terms).replace("+ -", "- ")


def compact(count: int) -> str:
    """A count to three significant digits, in powers of 1,000.

    >>> compact(300_774_272), compact(4_089_184_256), compact(672), compact(999_999)
    ('301 M', '4.09 G', '672', '1.00 M')
    """
    return _scaled(count, 1000, _DECIMAL, digits=3 if abs(count) >= 1000 else None)


def binary(size: int) -> str:
    """Bytes to three significant digits, in powers of 1,024.

    >>> binary(6_291_456), binary(1000)
    ('6.00 MiB', '1000 B')
    """
    return _scaled(size, 1024, _BINARY, digits=3 if abs(size) >= 1024 else None)


def _scaled(number: int, base: int, names: Sequence[str], digits: int | None) -> str:
    power, unit = 0, 1
    # The step up is taken where the *rounded* figure would reach the base: 999,999 is 1.00 M, not 1000 k.
    while power + 1 < len(names) and abs(number) * 2 >= unit * (2 * base - 1):
        power, unit = power + 1, unit * base
    if digits is None or power == 0:
        return f"{number} {names[0]}".rstrip()
    decimals = next((d for d in (2, 1) if abs(number) * 10**d * 2 < (2 * 1000 - 1) * unit), 0)
    tenths = (abs(number) * 10**decimals * 2 + unit) // (2 * unit)  # integers: floats would fail beyond 2**53
    whole, rest = divmod(tenths, 10**decimals)
    text = f"{whole}.{rest:0{decimals}d}" if decimals else str(whole)
    return f"{'-' * (number < 0)}{text} {names[power]}"


def percent(part: int, whole: int) -> str:
    """A share in per cent with two decimals; a dash where there is no whole.

    >>> percent(1, 3), percent(0, 5), percent(0, 0)
    ('33.33 %', '0.00 %', '-')
    """
    if whole == 0:
        return "-"
    hundredths = (abs(part) * 20000 + whole) // (2 * whole)
    return f"{'-' * (part < 0)}{hundredths // 100}.{hundredths % 100:02d} %"


def shape_text(shape: Sequence[Any]) -> str:
    """A shape as papers write it.

    >>> shape_text((224, 224, 3)), shape_text((1000,))
    ('224×224×3', '1000')
    """
    return "×".join(map(str, shape))


def decimal_text(value: Fraction) -> str:
    """A knob's value as a decimal, with at least one decimal place; a fraction where it has no finite decimal.

    >>> decimal_text(Fraction("0.75")), decimal_text(Fraction(2)), decimal_text(Fraction(1, 3))
    ('0.75', '2.0', '1/3')
    """
    twos = fives = 0
    rest = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return str(value)
    places = max(twos, fives, 1)
    digits = abs(value.numerator) * 10**places // value.denominator
    return f"{'-' * (value < 0)}{digits // 10**places}.{digits % 10**places:0{places}d}"
