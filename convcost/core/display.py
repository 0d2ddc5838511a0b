"""In which unit, and to how many digits, people want numbers: `--units` and `--digits`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from convcost.core.checks import integer_within, quoted
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.units import BINARY_UNITS, DECIMAL_UNITS, binary, compact, exact, scaled

AUTO = "auto"
"""The unit of each number that leaves one to three digits before the point."""
UNIT_NAMES = ("exact", AUTO, "1", *DECIMAL_UNITS[1:])
"""What `--units` takes: every digit, the unit that fits each number, or one for all; bytes have the binary one of that name."""


_MOST_DIGITS = 30
_LEAST = "0.000000001"
"""Of a unit: what is less leaves no figure to read in it."""


@dataclass(frozen=True, slots=True)
class Display:
    """How people want numbers to be written: in which unit, of everything or of one column, and to how many digits.

    Text alone changes: JSON and CSV hold every digit.
    """

    unit: str = ""
    """One of `UNIT_NAMES`; empty where nothing is asked."""
    of: tuple[tuple[str, str], ...] = ()
    """Key of a metric -> its own unit."""
    digits: int | None = None
    """Significant digits; three where only a unit is asked."""

    def unit_of(self, key: str = "") -> str:
        """The unit that a metric is asked in; empty for every digit.

        >>> Display("M", (("macs", "G"),)).unit_of("macs"), Display("M").unit_of("params"), Display(digits=4).unit_of()
        ('G', 'M', 'auto')
        """
        asked = dict(self.of).get(key, self.unit) or (AUTO if self.digits is not None else "")
        return "" if asked == "exact" else asked

    def count(self, number: int, key: str = "") -> str:
        """A count, with its unit.

        >>> Display("M").count(3_504_872), Display().count(3_504_872), Display(digits=2).count(3_504_872)
        ('3.50 M', '3,504,872', '3.5 M')
        """
        unit = self.unit_of(key)
        if unit in ("", AUTO):
            return compact(number, self.digits or 3) if unit else exact(number)
        if number == 0:
            return "0"
        return f"{self.figure(number, key)} {'' if unit == '1' else unit}".rstrip()

    def bytes(self, number: int, key: str = "") -> str:
        """Bytes, with their unit; in the one that fits where nothing is asked.

        >>> Display("M").bytes(6_291_456), Display().bytes(1_536), Display("k", digits=5).bytes(1_536)
        ('6.00 MiB', '1.50 KiB', '1.5000 KiB')
        """
        unit = self.unit_of(key)
        if unit in ("", AUTO):
            return binary(number, self.digits or 3)
        name = BINARY_UNITS[_power(unit)]
        return f"{_figure(number, 1024 ** _power(unit), self.digits or 3)} {name}"

    def ratio(self, number: Fraction) -> str:
        """A ratio, which has no unit.

        >>> Display("M").ratio(Fraction(903_168, 821_248)), Display(digits=2).ratio(Fraction(1, 3))
        ('1.10', '0.33')
        """
        return _figure(number.numerator, number.denominator, self.digits or 3)

    def figure(self, number: int, key: str = "") -> str:
        """A count without its unit, as under a heading that says it: `MACs (M)`.

        >>> Display("G", digits=3).figure(300_774_272), Display().figure(300_774_272)
        ('0.301', '300,774,272')
        """
        unit = self.unit_of(key)
        return exact(number) if unit in ("", AUTO) else _figure(number, 1000 ** _power(unit), self.digits or 3)


def _figure(number: int, unit: int, digits: int) -> str:
    """So many units; of a number that one would have to count zeros of, only that it is less than a billionth.

    >>> _figure(301, 10**9, 3), _figure(300_774_272, 10**30, 3)
    ('0.000000301', '<0.000000001')
    """
    return f"<{_LEAST}" if 0 < number * 10**9 < unit else scaled(number, unit, digits)


EVERY_DIGIT = Display()
"""Numbers as they are where nothing is asked."""


def _power(unit: str) -> int:
    """Of the base: 1 of k, 2 of M."""
    return DECIMAL_UNITS.index("" if unit == "1" else unit)


def display(units: str = "", digits: int | None = None) -> Display:
    """What `--units` and `--digits` ask for: M, or MACS=G,PARAMS=M with keys of metrics; raises `UsageError`.

    >>> display("m"), display("G,params=M").of
    (Display(unit='M', of=(), digits=None), (('params', 'M'),))
    """
    shown = None if digits is None else integer_within(digits, 1, _MOST_DIGITS)
    if digits is not None and shown is None:
        raise UsageError(f"digits must be an integer from 1 to {_MOST_DIGITS}, got {quoted(digits)}")
    if not isinstance(units, str):
        raise UsageError(f"units is a text, as M or macs=G,params=M, got {type(units).__name__}")
    every, of = "", dict[str, str]()
    for part in units.split(",") if units.strip() else ():
        key, sign, name = (word.strip() for word in part.rpartition("="))
        key = key.lower()
        if not name or (sign and not key):
            raise UsageError(
                f"units: {part.strip() or units.strip()!r} lacks {'a metric' if name else 'a unit'}, as in macs=G,params=M"
            )
        unit = unit_named(name)
        if key in of:
            raise UsageError(f"units: {key} has two units, {of[key]} and {unit}, in {units!r}; give one")
        if sign:
            of[key] = unit
        elif every:
            raise UsageError(f"units takes one unit, or one for each column as in macs=G,params=M; got {units!r}")
        else:
            every = unit
    return Display(every, tuple(of.items()), shown)


def unit_named(name: str) -> str:
    """The unit of a name, in whatever letters; bytes' names say the decimal unit that they stand beside. Raises `UsageError`.

    >>> unit_named("m"), unit_named("KiB"), unit_named("B")
    ('M', 'k', '1')
    """
    known = {unit.lower(): unit for unit in UNIT_NAMES} | {"b": "1", "raw": "exact", "": "exact"}
    known |= {f"{unit.lower()}{end}": unit for unit in DECIMAL_UNITS[1:] for end in ("b", "ib")}
    if name.lower() not in known:
        raise UsageError(f"there is no unit {name!r}{did_you_mean(name, UNIT_NAMES)}")
    return known[name.lower()]
