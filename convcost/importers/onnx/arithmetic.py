"""What ops of ONNX make of numbers that are known before anything runs: sizes, over any number system, and constants.

Whole numbers are exact, and so are fractions, which here are those that a float is written as. None is a number that is not
known: one that is not finite, or has more than 64 bits, or depends on a condition over what varies.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

from convcost.core.dims import is_symbolic, maximum, minimum, where
from convcost.core.ratio import Ratio, quotient
from convcost.importers.accounts import FLOATS
from convcost.importers.contents import Known, divided, exact, less, negated, rounded_down, rounded_up, same
from convcost.importers.lower import Lowering
from convcost.importers.model import MOST_CONTENTS, Op
from convcost.importers.values import Value

MOST_FRACTIONS = 256
"""Elements of the largest constant of fractions that is computed with: what says something about sizes has few."""
_LARGEST = 1 << 63
_MOST_DIGITS = 1 << 64


def bounded(value: Any) -> Any:
    """A number if it has at most 64 bits; None otherwise.

    >>> bounded(2**62), bounded(2**64), bounded(Fraction(1, 3**60))
    (4611686018427387904, None, None)
    """
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_LARGEST <= value < _LARGEST else None
    if isinstance(value, Fraction):
        if abs(value.numerator) >= _MOST_DIGITS or value.denominator >= _MOST_DIGITS:
            return None
        return value.numerator if value.denominator == 1 else value
    return value


def element(value: Any) -> Any:
    """An element of a constant as a number to compute with; None for infinities, texts and what is no number.

    >>> element(0.5), element(3.0), element(float("inf")), element("a")
    (Fraction(1, 2), 3, None, None)
    """
    if isinstance(value, float):
        return bounded(exact(value)) if math.isfinite(value) else None
    return None if isinstance(value, str) else value


def power(a: Any, b: Any) -> Any:
    """A to the b, as far as it has 64 bits.

    >>> power(9, 2), power(9, 9**9), power(2, -1)
    (81, None, Fraction(1, 2))
    """
    if not isinstance(b, int) or abs(b) > 64 or (b < 0 and same(a, 0) is not False):
        return None
    if b < 0:
        return quotient(1, power(a, -b)) if power(a, -b) is not None else None
    return a**b if not isinstance(a, Ratio) else None


def digits(dtype: str) -> int:
    """The binary digits that numbers of a type keep."""
    return {"fp64": 53, "fp16": 11, "bf16": 8}.get(dtype, 24)


def alike(a: Any, b: Any) -> Any:
    """Whether two are equal, where that can be said; a size is never negative."""
    for one, other in ((a, b), (b, a)):
        if is_symbolic(one) and type(other) is int and other < 0:
            return False
    return same(a, b)


def _both(a: Any, b: Any) -> Any:
    return None if None in (a, b) else bool(a) and bool(b)


def _either(a: Any, b: Any) -> Any:
    return None if None in (a, b) else bool(a) or bool(b)


def _picked(condition: Any, a: Any, b: Any) -> Any:
    if isinstance(condition, (bool, int)):
        return a if condition else b
    return where(condition, a, b)


def _modulo(a: Any, b: Any) -> Any:
    return None if type(b) is int and b == 0 else a % b


def _over(a: Any, b: Any) -> Any:
    return None if type(b) is int and b == 0 else quotient(a, b)


def _root(value: Any) -> Any:
    """An exact square root, if it has one."""
    if not isinstance(value, (int, Fraction)) or value < 0:
        return None
    top, bottom = (math.isqrt(part) for part in (Fraction(value).numerator, Fraction(value).denominator))
    return Fraction(top, bottom) if Fraction(top * top, bottom * bottom) == value else None


def _sign(value: Any) -> Any:
    return (value > 0) - (value < 0) if isinstance(value, (int, Fraction)) else None


#: What an op makes of whole numbers; of fractions those below differ.
FOLDED: dict[str, Callable[..., Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mul": operator.mul, "Div": divided, "Pow": power, "Mod": _modulo,
    "Min": minimum, "Max": maximum, "Sum": operator.add, "Neg": operator.neg, "Abs": abs, "Sign": _sign,
    "Equal": alike, "Less": less, "Greater": lambda a, b: less(b, a),
    "LessOrEqual": lambda a, b: negated(less(b, a)), "GreaterOrEqual": lambda a, b: negated(less(a, b)),
    "Not": negated, "And": _both, "Or": _either, "Xor": lambda a, b: negated(same(bool(a), bool(b))), "Where": _picked,
    "Round": lambda x: round(x) if isinstance(x, (int, Fraction)) else None,
    "Sqrt": _root, "Reciprocal": lambda x: _over(1, x), "Identity": lambda x: x,
}  # fmt: skip
#: What an op makes of fractions, where that is not the same.
EXACT: dict[str, Callable[..., Any]] = {"Div": _over}
#: What an op makes of a number, of which computers keep so many binary digits.
ROUNDED: dict[str, Callable[..., Any]] = {"Floor": rounded_down, "Ceil": rounded_up}
#: Ops whose results are truth values.
TRUTHS = ("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Not", "And", "Or", "Xor")


def numbers(low: Lowering, value: Value | None) -> Known | None:
    """The elements of a value as numbers to compute with, if all are known and are few enough for their kind."""
    if value is None or (value.dtype in FLOATS and len(value.contents or ()) > MOST_FRACTIONS):
        return None
    known = low.known(value)
    return Known(known.shape, tuple(map(element, known.elements))) if known is not None else None


def compute(low: Lowering, kind: str, values: Sequence[Value], known: Sequence[Known]) -> Known | None:
    """What an op makes of known numbers; None if it is not known of all of them."""
    function = FOLDED.get(kind)
    if kind in ROUNDED:
        function = partial(ROUNDED[kind], bits=digits(values[0].dtype))
    if function is None or any(one is None for operand in known for one in operand.elements):
        return None
    if any(value.dtype in FLOATS for value in values) or any(
        isinstance(one, (Fraction, Ratio)) for operand in known for one in operand.elements
    ):
        function = EXACT.get(kind, function)
    first, *rest = known
    found: Known | None = first
    try:
        if kind in ("Min", "Max", "Sum", "Add", "Mul") and len(known) != 2:
            for other in rest:
                found = low.mapped(function, found, other) if found else None
        else:
            found = low.mapped(function, *known)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):  # of number systems that do not go together
        return None
    if found is None:
        return None
    elements = tuple(map(bounded, found.elements))
    return None if any(one is None for one in elements) else Known(found.shape, elements)


def fold(low: Lowering, op: Op, values: Sequence[Value], shape: Any, dtype: str = "") -> None:
    """An op over constants, computed before anything runs: with its elements where they are known, else its shape alone."""
    known = [numbers(low, value) for value in values]
    found = None
    if all(known):
        found = compute(low, op.type, values, [one for one in known if one])
    fits = found is not None and len(found.elements) <= MOST_CONTENTS
    low.computed(op, values, found if found is not None and fits else Known(shape, ()))
    if op.outputs and op.outputs[0]:
        result = low.values[op.outputs[0]]
        result.dtype = "bool" if op.type in TRUTHS else dtype or result.dtype or next((v.dtype for v in values), "")
