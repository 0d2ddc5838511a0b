"""Formatting numbers for people: counts with decimal prefixes, bytes with binary ones, never mixed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

FEMTOSECONDS: Final = 10**12
"""In a millisecond: what times are counted in."""
DECIMAL_UNITS = ("", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q")
BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")


def exact(count: int) -> str:
    """A count with every digit.

    >>> exact(300774272)
    '300,774,272'
    """
    return f"{count:,}"


def inputs_text(inputs: Mapping[str, Sequence[Any]]) -> str:
    """The shapes of a network's inputs, each with its name, but for one that is just called `input`.

    >>> inputs_text({"input": (224, 224, 3)}), inputs_text({"image": (224, 224, 3), "tokens": (77,)})
    ('input 224×224×3', 'inputs image 224×224×3, tokens 77')
    """
    word = {0: "", 1: "input "}.get(len(inputs), "inputs ")
    return f"{word}{input_shapes_text(inputs)}"


def input_shapes_text(inputs: Mapping[str, Sequence[Any]]) -> str:
    """The same without the word.

    >>> input_shapes_text({"input": (224, 224, 3)}), input_shapes_text({"image": (224, 224, 3), "tokens": (77,)})
    ('224×224×3', 'image 224×224×3, tokens 77')
    >>> input_shapes_text({"input": (16000,), "state": (2, 128)}), input_shapes_text({})
    ('input 16000, state 2×128', 'no inputs')
    """
    if not inputs:
        return "no inputs"
    alone = len(inputs) == 1
    return ", ".join(
        shape_text(s) if alone and name == "input" else f"{name} {shape_text(s)}" for name, s in inputs.items()
    )


def inputs_cell(inputs: Mapping[str, Sequence[Any]]) -> str:
    """The same as `--input` takes them, apart by spaces.

    >>> inputs_cell({"input": (224, 224, 3)}), inputs_cell({"image": (224, 224, 3), "tokens": (77,)})
    ('224x224x3', 'image=224x224x3 tokens=77')
    """
    texts = {name: "x".join(map(str, shape)) for name, shape in inputs.items()}
    return " ".join(text if name == "input" else f"{name}={text}" for name, text in texts.items())


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


def compact(count: int, digits: int = 3) -> str:
    """A count to so many significant digits, in powers of 1,000.

    >>> compact(300_774_272), compact(4_089_184_256), compact(672), compact(999_999)
    ('301 M', '4.09 G', '672', '1.00 M')
    >>> compact(300_774_272, digits=5), compact(999_999, digits=4)
    ('300.77 M', '1.000 M')
    """
    return _scaled(count, 1000, DECIMAL_UNITS, digits if abs(count) >= 1000 else None)


def binary(size: int, digits: int = 3) -> str:
    """Bytes to so many significant digits, in powers of 1,024.

    >>> binary(6_291_456), binary(1000), binary(6_291_456, digits=2)
    ('6.00 MiB', '1000 B', '6.0 MiB')
    """
    return _scaled(size, 1024, BINARY_UNITS, digits if abs(size) >= 1024 else None)


def _scaled(number: int, base: int, names: Sequence[str], digits: int | None) -> str:
    power, unit, fine = 0, 1, 10 ** max(0, (digits or 0) - 3)
    # The step up is taken where the *rounded* figure would reach the base: 999,999 is 1.00 M, not 1000 k.
    while power + 1 < len(names) and abs(number) * 2 * fine >= unit * (2 * base * fine - 1):
        power, unit = power + 1, unit * base
    if digits is None or power == 0:
        return f"{number} {names[0]}".rstrip()
    return f"{scaled(number, unit, digits).replace(',', '')} {names[power]}"  # 1023 KiB


def scaled(number: int, unit: int, digits: int) -> str:
    """A number in multiples of a unit, to so many significant digits; those before the point are all kept.

    >>> scaled(300_774_272, 10**6, 3), scaled(300_774_272, 10**9, 3), scaled(300_774_272, 10**3, 3), scaled(0, 10**6, 3)
    ('301', '0.301', '300,774', '0')
    >>> scaled(9_996, 10**3, 3), scaled(-1_500, 10**3, 2)
    ('10.0', '-1.5')
    """
    if number == 0:
        return "0"
    places, tenths = 0, _nearest(abs(number), unit)
    while tenths < 10 ** (digits - 1):  # integers: floats would fail beyond 2**53
        places += 1
        tenths = _nearest(abs(number) * 10**places, unit)
    finer = _nearest(abs(number) * 10 ** (places + 1), unit)
    if finer < 10**digits:  # 9,994 is 9.99 k, though it would round to 10.0
        places, tenths = places + 1, finer
    whole, rest = divmod(tenths, 10**places)
    return f"{'-' * (number < 0)}{exact(whole)}{f'.{rest:0{places}d}' if places else ''}"


def _nearest(number: int, unit: int) -> int:
    """How many units come nearest, halves up."""
    return (number * 2 + unit) // (2 * unit)


def milliseconds(femtoseconds: int, digits: int = 3) -> str:
    """A time in milliseconds, to so many significant digits.

    >>> milliseconds(20_742 * 10**9), milliseconds(842 * 10**9), milliseconds(1_234_500 * 10**9), milliseconds(0)
    ('20.7 ms', '0.842 ms', '1,235 ms', '0 ms')
    """
    return f"{scaled(femtoseconds, FEMTOSECONDS, digits)} ms"


def duration(femtoseconds: int) -> str:
    """A time in milliseconds, exactly.

    >>> duration(20 * 10**12), duration(300 * 10**9), duration(1_500 * 10**12), duration(1)
    ('20 ms', '0.3 ms', '1500 ms', '0.000000000001 ms')
    """
    return f"{decimal_text(Fraction(femtoseconds, FEMTOSECONDS)).removesuffix('.0')} ms"


def percent(part: int, whole: int) -> str:
    """A share in per cent with two decimals; a dash if the whole is 0.

    >>> percent(1, 3), percent(0, 5), percent(0, 0), percent(-6911, 1)
    ('33.33 %', '0.00 %', '-', '-691,100.00 %')
    """
    if whole == 0:
        return "-"
    hundredths = (abs(part) * 20000 + whole) // (2 * whole)
    return f"{'-' * (part < 0)}{exact(hundredths // 100)}.{hundredths % 100:02d} %"


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


def say(value: Any) -> str:
    """A value as the user might have written it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    if isinstance(value, dict):
        return "a table row"
    if isinstance(value, Fraction):
        return f"{float(value):g}" if abs(value) < 10**300 else "a larger number"
    if isinstance(value, int) and abs(value) >= 10**20:
        return say(Fraction(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(say, value))}]"
    return str(value)
