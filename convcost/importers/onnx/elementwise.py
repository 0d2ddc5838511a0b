"""Ops that make an element of one element, or of those at one place of several tensors."""

from __future__ import annotations

from typing import Any

from convcost.core.dims import stretched
from convcost.core.errors import Unfit
from convcost.importers.accounts import FLOATS
from convcost.importers.build import combined
from convcost.importers.contents import Known, truncated
from convcost.importers.lower import Lowering
from convcost.importers.model import Op
from convcost.importers.onnx.arithmetic import digits, fold, numbers
from convcost.importers.onnx.table import handed_on, number, of_microsoft, rule, whole, word
from convcost.importers.onnx.tensors import DTYPES
from convcost.importers.values import Value, channels_at

#: Type -> the op of convcost, for functions of one element that have no attributes that matter.
ACTIVATIONS = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "HardSwish": "hard_swish",
    "HardSigmoid": "hard_sigmoid",
    "LeakyRelu": "leaky_relu",
    "Elu": "elu",
    "Selu": "selu",
    "Gelu": "gelu",
    "Softplus": "softplus",
    "Mish": "mish",
    "Swish": "swish",
    **dict.fromkeys(of_microsoft("Gelu", "FastGelu", "QuickGelu", "BiasGelu"), "gelu"),
}
#: Type -> the word of `function`.
FUNCTIONS = {
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "sqrt",
    "Reciprocal": "reciprocal",
    "Abs": "abs",
    "Neg": "negate",
    "Sign": "sign",
    "Erf": "erf",
    "Sin": "sin",
    "Cos": "cos",
    "Tan": "tan",
    "Asin": "asin",
    "Acos": "acos",
    "Atan": "atan",
    "Sinh": "sinh",
    "Cosh": "cosh",
    "Asinh": "asinh",
    "Acosh": "acosh",
    "Atanh": "atanh",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "Softsign": "softsign",
    "Celu": "celu",
    "ThresholdedRelu": "threshold",
    "Not": "logical_not",
    "BitwiseNot": "bitwise_not",
    "IsNaN": "is_nan",
    "IsInf": "is_inf",
}
#: Type -> the word of `combine`.
ARITHMETIC = {
    "Add": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "Div": "divide",
    "Pow": "power",
    "Mod": "modulo",
    "Min": "minimum",
    "Max": "maximum",
    "Sum": "add",
    "Mean": "mean",
    "Equal": "equal",
    "Less": "less",
    "LessOrEqual": "less_equal",
    "Greater": "greater",
    "GreaterOrEqual": "greater_equal",
    "And": "logical_and",
    "Or": "logical_or",
    "Xor": "logical_xor",
    "BitwiseAnd": "bitwise_and",
    "BitwiseOr": "bitwise_or",
    "BitwiseXor": "bitwise_xor",
    "Where": "where",
}


_OF_ANY = ("Min", "Max", "Sum", "Mean")
"""Ops of any number of tensors."""


@rule(*ACTIVATIONS, wants="same")
def activation(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if x.is_constant:
        low.computed(op, [x], Known(x.shape, ()))
        return
    bias = low.optional(op, 1)
    if bias is not None:  # onnxruntime merges the bias before a gelu into it
        added = low.part(op, "bias")
        combined(low, added, "add", [x, bias])
        x = low.values[added.outputs[0]]
    low.pointwise(op, ACTIVATIONS[op.type], x)


@rule(*FUNCTIONS, wants="same")
def function(low: Lowering, op: Op) -> None:
    one_of(low, op, FUNCTIONS[op.type])


def one_of(low: Lowering, op: Op, name: str) -> None:
    """A function of each element that has no op of its own."""
    x = low.read(op)
    if x.is_constant:
        fold(low, op, [x], x.shape)
    else:
        low.pointwise(op, "function", x, {"of": name})


@rule("Shrink", wants="same")
def shrink(low: Lowering, op: Op) -> None:
    one_of(low, op, "soft_shrink" if number(op, "bias", 0.0) else "hard_shrink")


@rule(*ARITHMETIC, wants="same")
def arithmetic(low: Lowering, op: Op) -> None:
    values = [low.read(op, i) for i in range(len(op.inputs))]
    fixed = 3 if op.type == "Where" else 2
    if not values or (op.type not in _OF_ANY and len(values) != fixed):
        raise Unfit(f"takes {fixed} inputs, got {len(values)}")
    if len(values) == 1:
        handed_on(low, op, values[0])
        return
    values = _placed(low, op, values)
    if all(value.is_constant for value in values):
        _fold(low, op, values)
    elif not _unchanged(low, op, values):
        combined(low, op, ARITHMETIC[op.type], values)


def _fold(low: Lowering, op: Op, values: list[Value]) -> None:
    if len(values) == 2 and _is_plain_zero_sum(op, values):
        handed_on(low, op, values[0])
        return
    dtype = values[1].dtype if op.type == "Where" else ""
    fold(low, op, values, stretched([value.shape for value in values]), dtype)


def _is_plain_zero_sum(op: Op, values: list[Value]) -> bool:
    """Whether nothing is added to a stored tensor, which then stays one."""
    first, second = values
    return op.type == "Add" and bool(first.stored) and second.is_number and second.contents == (0,)


def _placed(low: Lowering, op: Op, values: list[Value]) -> list[Value]:
    """Before opset 7 the second operand was placed along an axis of the first."""
    if not op.attrs.get("broadcast") or "axis" not in op.attrs or len(values) != 2:
        return values
    first, second = values
    axis = whole(op, "axis")
    axis += first.rank if axis < 0 else 0
    behind = first.rank - axis - second.rank
    if axis < 0 or behind < 0:
        raise Unfit(f"there is no place for {second.rank} axes at axis {axis} of {first.rank}")
    placed = low.part(op, "placed")
    low.relabel(placed, second, [*range(second.rank), *(None,) * behind])
    return [first, low.values[placed.outputs[0]]]


#: Type -> the number that leaves the other operand as it is.
_NEUTRAL = {"Add": 0, "Sub": 0, "Mul": 1, "Div": 1, "Pow": 1}


def _unchanged(low: Lowering, op: Op, values: list[Value]) -> bool:
    """Whether an op leaves its first operand as it is: times one, plus nothing."""
    first, second = values[0], values[-1]
    neutral = _NEUTRAL.get(op.type)
    if neutral is None or len(values) != 2 or not second.is_number or second.contents is None:
        return False
    if second.contents[0] != neutral or second.rank > first.rank:
        return False
    handed_on(low, op, first)
    return True


@rule("PRelu", wants="same")
def prelu(low: Lowering, op: Op) -> None:
    x, slope = low.read(op), low.read(op, 1)
    wide = [axis for axis, size in enumerate(slope.shape) if size != 1]
    if not slope.is_constant or len(wide) > 1:
        combined(low, op, "multiply", [x, slope]) if not slope.is_constant else _elementwise_slope(low, op, x, slope)
        return
    channel = 1 if not wide else wide[0] + x.rank - slope.rank
    if not wide:  # one slope for all is a leaky ReLU whose slope is stored
        low.accounts.set_aside(slope.stored)
        low.pointwise(op, "leaky_relu", x)
        return
    if slope.rank == 1 and x.rank > 2 and low.rules.channels == 1 and x.shape[-1] != slope.shape[0]:
        channel = 1  # torch's older exporter leaves out the axes behind the channels
    low.layer(op, "prelu", x, channels_at(x, channel), {}, {"weights": (slope,)})


def _elementwise_slope(low: Lowering, op: Op, x: Value, slope: Value) -> None:
    """A slope for each element, as Keras has without shared axes: the same sum and product as one by hand."""
    combined(low, op, "multiply", [x, slope])


@rule("Clip", wants="same")
def clip(low: Lowering, op: Op) -> None:
    x = low.read(op)
    bounds: list[Any] = [op.attrs.get("min"), op.attrs.get("max")]
    for i in (1, 2):
        value = low.optional(op, i)
        if value is not None:
            found = numbers(low, value)
            bounds[i - 1] = found.elements[0] if found and found.elements else "varies"
    if x.is_constant:
        low.computed(op, [x], Known(x.shape, ()))
        return
    kind = {(0, 6): "relu6", (0, None): "relu"}.get((bounds[0], bounds[1]))
    low.pointwise(op, kind or "function", x, {} if kind else {"of": "clip"})


@rule("Identity", "Optional", "OptionalGetElement", wants="same")
def identity(low: Lowering, op: Op) -> None:
    handed_on(low, op, low.read(op))


@rule("Dropout", wants="same")
def dropout(low: Lowering, op: Op) -> None:
    x = low.read(op)
    handed_on(low, op, x)
    handed_on(low, op, x, "bool", 1)  # the mask, which nobody reads where nothing is dropped


@rule("Cast", "CastLike", "BitCast", wants="same")
def cast(low: Lowering, op: Op) -> None:
    x = low.read(op)
    dtype = low.read(op, 1).dtype if op.type == "CastLike" else DTYPES.get(whole(op, "to"), "")
    known = numbers(low, x)
    if known is None or not x.is_constant:
        handed_on(low, op, x, dtype)
        if x.contents is not None and op.outputs[0] in low.values:
            low.values[op.outputs[0]].contents = None
        return
    elements = known.elements
    if dtype == "bool":
        elements = tuple(one is not None and one != 0 for one in elements)
    elif dtype not in FLOATS and dtype:
        elements = tuple(None if one is None else truncated(one, digits(x.dtype)) for one in elements)
    whole_known = all(one is not None for one in elements)
    low.define(
        op, Value(x.shape, dtype, contents=elements if whole_known else None, stored=x.stored, computed=x.computed)
    )


@rule("BitShift", wants="same")
def bit_shift(low: Lowering, op: Op) -> None:
    direction = {"LEFT": "shift_left", "RIGHT": "shift_right"}.get(word(op, "direction", ""))
    if direction is None:
        raise Unfit("direction must be LEFT or RIGHT")
    combined(low, op, direction, [low.read(op), low.read(op, 1)])
