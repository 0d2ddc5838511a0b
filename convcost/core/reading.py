"""Parsing amounts as people write them: digits, optionally in groups of three, a decimal point, an exponent, a unit.

Every budget, limit and printed figure is read here, exactly:

- Units may be written in any case, with or without a space: `300M`, `300 m`, `4.1g`. A count has no milli, so that `m`
  is mega; `B` is 10⁹ of counts (a billion), and of memory a byte.
- `k M G B T P` are powers of 1,000, `Ki Mi Gi Ti Pi` powers of 1,024 in any context: `25Mi` is 26,214,400 of
  whatever is counted, and of memory the same as `25MiB`. A count has no bytes.
- Of memory, `256K` and `256KB` may mean either power, and are refused with both readings.
- Counts are whole numbers: `4.1` is refused, since `4.1G` was probably meant. A limit must be whole as written; a printed
  figure may be the rounded form of a whole number (`core.printed`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from numbers import Real
from operator import index
from typing import Any, NamedTuple

from convcost.core.errors import UsageError
from convcost.core.units import BINARY_UNITS, say

_AMOUNT = re.compile(r"(\d{1,3}(?:,\d{3}){1,9}|\d{1,30})(?:\.(\d{1,30}))?(?:[eE](\d{1,2}))?\s*([A-Za-z]*|%)", re.ASCII)
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_DIGITS = 150  # of an amount: more than thirty digits, an exponent and a unit can say
_BRACKETS = {"[": 1, "]": -1}
_SHOWN = 40
"""Characters of what was given that a message quotes."""


def whole_number(text: str) -> int | None:
    """A whole number of at most eighteen digits; None for any other text.

    >>> whole_number("64"), whole_number("-1"), whole_number("²")
    (64, None, None)
    """
    return int(text) if _WHOLE.fullmatch(text) else None


def listed(text: str) -> list[str]:
    """The parts of a text between its commas; a comma in brackets is one of a list inside.

    >>> listed("width=1,sizes=[4,5]"), listed("")
    (['width=1', 'sizes=[4,5]'], [''])
    """
    parts, start, depth = [], 0, 0
    for at, sign in enumerate(text):
        if sign == "," and not depth:
            parts.append(text[start:at])
            start = at + 1
        depth = max(depth + _BRACKETS.get(sign, 0), 0)
    return [*parts, text[start:]]


def python_int(value: Any) -> Any:
    """Another library's integer, such as numpy's, as a Python int; anything else unchanged.

    >>> python_int(True), python_int("64"), python_int(64)
    (True, '64', 64)
    """
    try:
        return value if isinstance(value, bool) else index(value)
    except TypeError:
        return value


class Amount(NamedTuple):
    """An amount as written, and its value."""

    value: Fraction
    """In ones: counts, bytes, per cent."""
    last: Fraction
    """The value of one unit in its last digit, in ones."""
    number: str
    """As written, without its unit."""
    unit: str
    """As written; empty where there is none."""


class Measure:
    """A quantity that amounts measure: its units, and the words for it in messages."""

    def __init__(self, name: str, examples: str, units: Mapping[str, int], *, whole: str, ambiguous: str = "") -> None:
        self.name, self.examples, self.whole = name, examples, whole
        self.units = units
        """Unit, as it is usually written -> its value; it may be written in any case."""
        self.ambiguous = ambiguous
        """Letters of units that some read as powers of 1,000 and others as powers of 1,024."""
        self.settled: Mapping[str, int] = {}
        """Units that are not ambiguous here, if they are written exactly so."""

    def settling(self, units: Mapping[str, int]) -> Measure:
        """The same measure for a file that defines what these ambiguous units mean."""
        measure = Measure(self.name, self.examples, self.units, whole=self.whole, ambiguous=self.ambiguous)
        measure.settled = units
        return measure

    @cached_property
    def _any_case(self) -> dict[str, int]:
        return {unit.lower(): worth for unit, worth in self.units.items()}

    def worth(self, unit: str) -> int | None:
        """The value of a unit in ones; None for an unknown unit.

        >>> COUNTS.worth("m"), COUNTS.worth("Mi"), BYTES.worth("Mi"), BYTES.worth("MB"), COUNTS.worth("MB")
        (1000000, 1048576, 1048576, None, None)
        """
        return self.settled.get(unit, self._any_case.get(unit.lower()))

    def may_mean_two(self, unit: str) -> bool:
        """Whether a unit is ambiguous.

        >>> BYTES.may_mean_two("kB"), BYTES.may_mean_two("KiB"), COUNTS.may_mean_two("k")
        (True, False, False)
        """
        letter = unit.lower().removesuffix("b")
        return len(letter) == 1 and letter in self.ambiguous


_DECIMAL = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_BINARY = {f"{letter}i": 1024**power for power, letter in enumerate(_DECIMAL, start=1)}
COUNTS = Measure(
    "a count",
    "300M, 4.1G or 4,089,184,256",
    {"": 1, **_DECIMAL, "B": 10**9, **_BINARY},
    whole="a whole number",
)
BYTES = Measure(
    "a number of bytes",
    "256KiB, 1.5MiB or 100000",
    {"": 1, **{name: 1024**power for power, name in enumerate(BINARY_UNITS)}, **_BINARY},
    whole="a whole number of bytes",
    ambiguous="kmgtpezy",
)
DURATIONS = Measure(
    "a time",
    "20ms, 1.5s or 300us",
    {"fs": 1, "ps": 10**3, "ns": 10**6, "us": 10**9, "µs": 10**9, "ms": 10**12, "s": 10**15},
    whole="a whole number of femtoseconds",
)
SHARES = Measure("a share in per cent", "94.86 %", {"": 1, "%": 1}, whole="")


def read(given: Any, measure: Measure) -> Amount:
    """An amount as a caller gives it, a text or a number of any library; raises `UsageError`.

    >>> read("4.13 g", COUNTS)
    Amount(value=Fraction(4130000000, 1), last=Fraction(10000000, 1), number='4.13', unit='g')
    >>> read(3e8, COUNTS).value, read("25Mi", COUNTS).value, read("25Mi", BYTES) == read("25Mi", COUNTS)
    (Fraction(300000000, 1), Fraction(26214400, 1), True)
    """
    if not isinstance(given, str):
        return _of_number(given, measure)
    found = _AMOUNT.fullmatch(given.strip())
    if found is None:
        raise _no_amount(given, measure)
    digits, decimals, power, unit = found.groups()
    worth = measure.worth(unit)
    if worth is None:
        if measure.may_mean_two(unit):
            meant = given.strip().removesuffix(unit).rstrip() + unit[0].upper() + "iB"
            why = f"{unit} may mean powers of 1,000 or of 1,024"
            raise UsageError(f"{_quoted(given)}: {why}; write {meant}, or the bytes")
        raise _no_amount(given, measure)
    last = Fraction(worth * 10 ** int(power or 0), 10 ** len(decimals or ""))
    number = int(digits.replace(",", "") + (decimals or ""))
    return Amount(number * last, last, given.strip().removesuffix(unit).rstrip(), unit)


def _of_number(given: Any, measure: Measure) -> Amount:
    """A number as an amount in ones, exactly: 3e8 is a whole number, 4.1 is none."""
    number = python_int(given)
    if isinstance(number, Real) and not isinstance(number, (int, Fraction)):
        number = float(number)  # as of numpy; it is what it is, not what it is written as
    counts = measure.worth("") is not None  # else it needs a unit, as a text does
    known = isinstance(number, (int, Fraction, float, Decimal)) and not isinstance(number, bool)
    if counts and known and _has_value(number):
        return Amount(Fraction(number), Fraction(1), say(number), "")
    raise _no_amount(given, measure)


def _has_value(number: Fraction | float | Decimal) -> bool:
    """Whether a number can be an amount: finite, not negative, and of a sane magnitude."""
    if isinstance(number, Decimal) and not (number.is_finite() and abs(number.adjusted()) < _DIGITS):
        return False
    return bool(0 <= number < 10**_DIGITS)


def _quoted(given: Any) -> str:
    text = given if isinstance(given, str) else say(given)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _no_amount(given: Any, measure: Measure) -> UsageError:
    found = _AMOUNT.fullmatch(given.strip()) if isinstance(given, str) else None
    bytes_too = measure is COUNTS and found and BYTES.worth(found[4])
    memory = f"; {found[4]} is memory" if found and bytes_too else ""
    return UsageError(f"{_quoted(given)} is not {measure.name}, e.g. {measure.examples}{memory}")


def not_whole(given: Any, amount: Amount, measure: Measure) -> UsageError:
    """The error that an amount is not, and cannot be rounded from, a whole number; probably its unit is missing.

    >>> print(not_whole("4.1", read("4.1", COUNTS), COUNTS))
    '4.1' is not a whole number; a unit goes with it, as in 4.1M or 4.1G
    """
    hint = ""
    if measure is COUNTS and not amount.unit and amount.number.replace(".", "", 1).isdecimal():
        hint = f"; a unit goes with it, as in {amount.number}M or {amount.number}G"
    return UsageError(f"{_quoted(given)} is not {measure.whole}{hint}")


def _whole(given: Any, measure: Measure) -> int:
    amount = read(given, measure)
    if amount.value.denominator != 1:
        raise not_whole(given, amount, measure)
    return amount.value.numerator


def parse_count(given: Any) -> int:
    """A count as people write it: 300M, 4.1G, 300e6, or a number that is whole; raises `UsageError`.

    >>> parse_count("4.1G"), parse_count("300 m"), parse_count(3e8)
    (4100000000, 300000000, 300000000)
    """
    return _whole(given, COUNTS)


def parse_bytes(given: Any) -> int:
    """A number of bytes as people write it, exactly; raises `UsageError`.

    >>> parse_bytes("256KiB"), parse_bytes("1.5 MiB"), parse_bytes("100000")
    (262144, 1572864, 100000)
    """
    return _whole(given, BYTES)


def twice(names: Iterable[Any]) -> list[Any]:
    """Those of the names that stand more than once, each as often, in their order.

    >>> twice(["a", "b", "c", "b"]), twice("abc")
    (['b', 'b'], [])
    """
    names = list(names)
    often = Counter(names)
    return [name for name in names if often[name] > 1]


def several(given: Any) -> tuple[str, ...]:
    """One word, or several, as texts; none for None and for an empty text.

    >>> several("yolo*"), several(["unet", 224]), several(224), several(None), several("")
    (('yolo*',), ('unet', '224'), ('224',), (), ())
    """
    return () if given is None or (isinstance(given, str) and not given) else tuple(map(str, each(given)))


def each(given: Any) -> list[Any]:
    """One thing, or several, as a list; a text is one, and no list of letters.

    >>> each("a100"), each(["a100", "v100"]), each(5)
    (['a100'], ['a100', 'v100'], [5])
    """
    return [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)


def two_names(given: Any, what: str, example: str) -> tuple[str, str]:
    """A name for each of two; raises `UsageError` for anything else.

    >>> two_names(["old", "new"], "called", "('before', 'after')")
    ('old', 'new')
    """
    names = list(given) if isinstance(given, (list, tuple)) else []
    if len(names) != 2 or not all(isinstance(name, str) for name in names):
        raise UsageError(f"{what} takes two names, as {example}, got {given!r:.60}")
    return names[0], names[1]


def parse_years(given: Any) -> tuple[int, int] | None:
    """The first and the last year of a span, 2018 or 2015-2019; None for None and an empty text; raises `UsageError`.

    >>> parse_years(2018), parse_years("2015-2019"), parse_years("")
    ((2018, 2018), (2015, 2019), None)
    """
    text = "" if given is None else str(given)
    ends = text.split("-")
    if text and (len(ends) > 2 or not all(end.isascii() and end.isdigit() and len(end) == 4 for end in ends)):
        raise UsageError(f"{text!r} is no year or span of years, e.g. 2018 or 2015-2019")
    return _rising("years", *map(int, (ends[0], ends[-1]))) if text else None


class Sizes(NamedTuple):
    """Sizes of pictures, from one to another: of squares by their side, of others by height and width."""

    first: tuple[int, int]
    last: tuple[int, int]

    def hold(self, height: int, width: int) -> bool:
        """Whether a picture is of these sizes; what is no square is of its own size alone."""
        if self.first == self.last or height != width:
            return self.first == (height, width)
        return self.first[0] <= height <= self.last[0]


_SIDE = "[0-9]{1,9}"


def parse_sizes(given: Any) -> Sizes | None:
    """Sizes of pictures: 224 and 192-256 of squares, 1024x2048 and 1024×2048 of height and width; raises `UsageError`.

    >>> parse_sizes(224), parse_sizes("1024x2048"), parse_sizes("")
    (Sizes(first=(224, 224), last=(224, 224)), Sizes(first=(1024, 2048), last=(1024, 2048)), None)
    """
    text = "" if given is None else str(given)
    if not text:
        return None
    if found := re.fullmatch(f"({_SIDE})[x×]({_SIDE})", text):
        size = (int(found[1]), int(found[2]))
        return Sizes(size, size)
    if not (found := re.fullmatch(f"({_SIDE})(?:-({_SIDE}))?", text)):
        raise UsageError(f"{text!r} is no resolution or span of resolutions, e.g. 224, 192-256 or 1024x2048")
    first, last = _rising("resolutions", int(found[1]), int(found[2] or found[1]))
    return Sizes((first, first), (last, last))


def _rising(what: str, first: int, last: int) -> tuple[int, int]:
    """Both ends of a span; raises `UsageError` if nothing can be between them."""
    if first > last:
        raise UsageError(f"the span of {what} {first}-{last} begins at {first} and ends before it, at {last}")
    return first, last


def parse_duration(given: Any) -> int:
    """A time as people write it, with its unit, in femtoseconds; raises `UsageError`.

    >>> parse_duration("20ms"), parse_duration("1.5 s"), parse_duration("300us")
    (20000000000000, 1500000000000000, 300000000000)
    """
    return _whole(given, DURATIONS)
