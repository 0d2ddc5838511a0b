"""TFLite's operators that compute each element for itself: activations, functions, arithmetic, changes of type."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from convcost.core.dims import maximum, minimum, where
from convcost.importers.build import combined
from convcost.importers.contents import Known, divided, exact, floored, rounded_down, same, truncated
from convcost.importers.lower import Lowering
from convcost.importers.model import Op
from convcost.importers.tflite.rules import ACTIVATIONS, fusing, rule
from convcost.importers.values import channels_at

#: Operator -> the word of `function`.
FUNCTIONS: Final = {
    "EXP": "exp",
    "LOG": "log",
    "SQRT": "sqrt",
    "RSQRT": "rsqrt",
    "SQUARE": "square",
    "ABS": "abs",
    "NEG": "negate",
    "SIGN": "sign",
    "FLOOR": "floor",
    "CEIL": "ceil",
    "ROUND": "round",
    "SIN": "sin",
    "COS": "cos",
    "LOGICAL_NOT": "logical_not",
    "FlexErf": "erf",
    "FlexErfc": "erfc",
    "FlexExpm1": "expm1",
    "FlexLog1p": "log1p",
    "FlexTan": "tan",
    "FlexAtan": "atan",
    "FlexSinh": "sinh",
    "FlexCosh": "cosh",
    "STABLEHLO_ABS": "abs",
    "STABLEHLO_CBRT": "power",
    "STABLEHLO_COSINE": "cos",
    "STABLEHLO_EXPONENTIAL": "exp",
    "STABLEHLO_FLOOR": "floor",
    "STABLEHLO_LOG": "log",
    "STABLEHLO_NEGATE": "negate",
    "STABLEHLO_RSQRT": "rsqrt",
}
#: What functions make of numbers from which shapes are computed.
_OF_ONE: Final[dict[str, Callable[[Any], Any]]] = {
    "ABS": abs,
    "NEG": operator.neg,
    "SQUARE": lambda a: a * a,
    "FLOOR": lambda a: float(rounded_down(exact(a), 24)) if isinstance(a, float) else a // 1,
}


def _quotient(a: Any, b: Any) -> Any:
    """The quotient of two numbers: of integers as computers divide them; None for one by 0."""
    if isinstance(a, float) or isinstance(b, float):
        return a / b if b else None
    return divided(a, b)


def _rest(a: Any, b: Any) -> Any:
    return None if type(b) is int and b == 0 else a % b


def _different(a: Any, b: Any) -> Any:
    equal = same(a, b)
    return None if equal is None else not equal


#: Operator -> the word of `combine`, and what it makes of numbers.
ARITHMETIC: Final[dict[str, tuple[str, Callable[..., Any] | None]]] = {
    "ADD": ("add", operator.add),
    "SUB": ("subtract", operator.sub),
    "MUL": ("multiply", operator.mul),
    "DIV": ("divide", _quotient),
}
_MORE: Final[dict[str, tuple[str, Callable[..., Any] | None]]] = {
    "FLOOR_DIV": ("floor_divide", floored),
    "FLOOR_MOD": ("modulo", _rest),
    "POW": ("power", None),
    "MAXIMUM": ("maximum", maximum),
    "MINIMUM": ("minimum", minimum),
    "SQUARED_DIFFERENCE": ("squared_difference", None),
    "ATAN2": ("atan2", None),
    "EQUAL": ("equal", same),
    "NOT_EQUAL": ("not_equal", _different),
    "LESS": ("less", operator.lt),
    "LESS_EQUAL": ("less_equal", operator.le),
    "GREATER": ("greater", operator.gt),
    "GREATER_EQUAL": ("greater_equal", operator.ge),
    "LOGICAL_AND": ("logical_and", None),
    "LOGICAL_OR": ("logical_or", None),
    "BITWISE_XOR": ("bitwise_xor", None),
    "RIGHT_SHIFT": ("shift_right", None),
    "SELECT": ("where", where),
    "SELECT_V2": ("where", where),
    "ADD_N": ("add", None),
    "STABLEHLO_ADD": ("add", operator.add),
    "STABLEHLO_SUBTRACT": ("subtract", operator.sub),
    "STABLEHLO_MULTIPLY": ("multiply", operator.mul),
    "STABLEHLO_DIVIDE": ("divide", _quotient),
    "STABLEHLO_MAXIMUM": ("maximum", maximum),
    "STABLEHLO_MINIMUM": ("minimum", minimum),
    "STABLEHLO_POWER": ("power", None),
    "STABLEHLO_REMAINDER": ("modulo", None),
    "STABLEHLO_AND": ("logical_and", None),
    "STABLEHLO_OR": ("logical_or", None),
    "STABLEHLO_SELECT": ("where", where),
}


@rule(*(name for name in ACTIVATIONS if name != "SIGN_BIT"), wants="same")
def activation(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if x.is_constant:
        low.computed(op, [x], Known(x.shape, ()))
        return
    kind, attrs = ACTIVATIONS[op.type]
    low.pointwise(op, kind, x, attrs)


@rule("STABLEHLO_LOGISTIC", "STABLEHLO_TANH", wants="same")
def stablehlo_activation(low: Lowering, op: Op) -> None:
    low.pointwise(op, "sigmoid" if op.type == "STABLEHLO_LOGISTIC" else "tanh", low.read(op))


@rule(*FUNCTIONS, wants="same")
def function(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if x.is_constant:
        known, compute = low.known(x), _OF_ONE.get(op.type)
        low.computed(op, [x], (low.mapped(compute, known) if compute and known else None) or Known(x.shape, ()))
        return
    low.pointwise(op, "function", x, {"of": FUNCTIONS[op.type]})


@fusing(*ARITHMETIC, wants="same")
def arithmetic(low: Lowering, op: Op) -> None:
    word, compute = ARITHMETIC[op.type]
    combined(low, op, word, [low.read(op, i) for i in range(len(op.inputs))], compute)


@rule(*_MORE, wants="same")
def more(low: Lowering, op: Op) -> None:
    word, compute = _MORE[op.type]
    combined(low, op, word, [low.read(op, i) for i in range(len(op.inputs))], compute)


@rule("QUANTIZE", "DEQUANTIZE", "FAKE_QUANT", wants="same")
def quantised(low: Lowering, op: Op) -> None:
    """A change between numbers and what stands for them; stored weights are what they are, in either."""
    x = low.read(op)
    if x.is_constant:
        low.same(op, x)
        return
    low.pointwise(op, "function", x, {"of": "dequantize" if op.type == "DEQUANTIZE" else "quantize"})


@rule("DENSIFY")
def densify(low: Lowering, op: Op) -> None:
    low.same(op, low.read(op))


@rule("CAST", "STABLEHLO_CONVERT", wants="same")
def cast(low: Lowering, op: Op) -> None:
    x = low.read(op)
    known = low.known(x)
    stated = low.body.stated.get(op.outputs[0])
    if known and stated and stated.dtype[:1] in ("i", "u"):
        low.computed(op, [x], Known(known.shape, tuple(map(_whole, known.elements))))
    elif x.is_constant:
        low.same(op, x)
    else:
        low.pointwise(op, "function", x, {"of": "cast"})


def _whole(number: Any) -> Any:
    """A number as an integer; None for one that is none."""
    if isinstance(number, float):
        return truncated(exact(number), 24) if abs(number) < 1 << 63 else None
    return number


@rule("PRELU", wants=-1)
def prelu(low: Lowering, op: Op) -> None:
    x, slope = low.read(op), low.read(op, 1)
    if slope.stored and not slope.is_number and all(size == 1 for size in slope.shape[:-1]):
        low.layer(op, "prelu", x, channels_at(x, -1), {}, {"weights": (slope,)})
    elif slope.is_number:
        low.pointwise(op, "leaky_relu", x)
    else:
        combined(low, op, "where", [x, slope])
