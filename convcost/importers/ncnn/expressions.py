"""Sizes that a layer computes from those of the blobs that it reads: `*(0h,2),1w`, an operator before what it takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Final

from convcost.core.dims import Dim, ceil, floor, maximum, minimum
from convcost.core.errors import Unfit
from convcost.importers.lower import Unsupported
from convcost.importers.values import Value

_SIZE: Final = re.compile(r"(\d)([whdc])")
_WHOLE: Final = re.compile(r"[+-]?\d{1,10}")
_BETWEEN: Final = re.compile(r"[(),]")
_LONGEST: Final = 1_000
"""Words of an expression."""
_LARGEST: Final = 1 << 63
"""No number on the way to a size has more than 64 bits, nor has the denominator of a fraction."""


def _is_zero(value: Any) -> bool:
    return isinstance(value, (int, Fraction)) and value == 0


def _quotient(a: Any, b: Any) -> Any:
    if _is_zero(b):
        raise Unfit("divides by 0")
    return Fraction(a, b) if type(a) is int and type(b) is int else a * Fraction(1, b) if type(b) is int else a / b


def _floored(a: Any, b: Any) -> Any:
    if _is_zero(b):
        raise Unfit("divides by 0")
    return _truncated(Fraction(a, b)) if type(a) is int and type(b) is int else a // b


def _truncated(a: Any) -> Any:
    """A number rounded towards 0, as C does; symbols are of sizes, which are not negative.

    >>> _truncated(Fraction(-7, 2)), _truncated(Fraction(7, 2))
    (-3, 3)
    """
    return ceil(a) if isinstance(a, (int, Fraction)) and a < 0 else floor(a)


def _bounded(word: str, value: Any) -> Any:
    """What an operator made; raises `Unfit` for a number too large to be on the way to a size.

    >>> _bounded("*", 6), _bounded("/", Fraction(1, 3))
    (6, Fraction(1, 3))
    """
    if isinstance(value, (int, Fraction)) and max(abs(value.numerator), value.denominator) >= _LARGEST:
        raise Unfit(f"computes sizes by a number that takes more than 64 bits, which {word} makes")
    return value


#: Word -> how many operands it takes, and what it makes of them.
_WORDS: Final[dict[str, tuple[int, Callable[..., Any]]]] = {
    "+": (2, lambda a, b: a + b),
    "-": (2, lambda a, b: a - b),
    "*": (2, lambda a, b: a * b),
    "//": (2, _floored),
    "/": (2, _quotient),
    "max": (2, maximum),
    "min": (2, minimum),
    "neg": (1, lambda a: -a),
    "square": (1, lambda a: a * a),
    "floor": (1, floor),
    "trunc": (1, _truncated),
    "ceil": (1, ceil),
}


def names_others(*texts: Any) -> bool:
    """Whether lists of expressions name sizes of other blobs than the first.

    >>> names_others("*(0w,2),1h"), names_others("*(0w,11)", None)
    (True, False)
    """
    words = (word for text in texts if isinstance(text, str) for word in _BETWEEN.split(text))
    return any((found := _SIZE.fullmatch(word)) and found[1] != "0" for word in words)


def evaluated(text: str, blobs: Sequence[Value]) -> list[Dim]:
    """The sizes of a list of expressions over blobs, each with a batch of 1 before its axes; raises `Unfit`.

    >>> evaluated("1w,*(0h,2),//(0c,2),-1", [Value((1, 6, 4, 5)), Value((1, 7))])
    [7, 8, 3, -1]
    """
    words = [word for word in _BETWEEN.split(text) if word]
    if not words or len(words) > _LONGEST:
        raise Unfit(f"computes sizes by {len(words)} words")
    stack: list[Any] = []
    for word in reversed(words):
        if word in _WORDS:
            count, compute = _WORDS[word]
            if len(stack) < count:
                raise Unfit(f"computes {word} of {len(stack)} operands")
            stack.append(_bounded(word, compute(*(stack.pop() for _ in range(count)))))
        elif found := _SIZE.fullmatch(word):
            stack.append(_size(int(found[1]), found[2], blobs))
        elif _WHOLE.fullmatch(word):
            stack.append(int(word))
        else:
            raise Unsupported(f"sizes that are computed by {word!r}")
    return [_truncated(one) if isinstance(one, Fraction) else one for one in reversed(stack)]


def _size(at: int, letter: str, blobs: Sequence[Value]) -> Dim:
    """A size of a blob, 1 for an axis that it does not have."""
    if at >= len(blobs):
        raise Unfit(f"computes a size of blob {at} of {len(blobs)}")
    shape = blobs[at].shape
    axes = {2: "w", 3: "hw", 4: "chw", 5: "cdhw"}[len(shape)]
    return shape[1 + axes.index(letter)] if letter in axes else 1
