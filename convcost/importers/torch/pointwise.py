"""Element-wise ops of PyTorch, and those that keep the shape along an axis."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from fractions import Fraction
from math import isfinite
from typing import Any

from convcost.core.errors import Unfit
from convcost.core.units import shape_text
from convcost.importers.build import alike, along, combined, cut, reduced, with_axes
from convcost.importers.contents import Known, exact, floored, is_round, less, negated
from convcost.importers.contents import same as equals
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.torch.arguments import (
    axis_of,
    careful,
    constant,
    data,
    fold,
    folds,
    made,
    number,
    numbers,
    of_vectors,
    operand,
    output,
    part,
    rule,
    stated_shape,
    tensor,
)
from convcost.importers.torch.calls import Ref
from convcost.importers.values import Value

#: Op of PyTorch -> that of convcost, for functions of one element that have no attributes that matter.
ACTIVATIONS = {
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "hardswish": "hard_swish",
    "hardsigmoid": "hard_sigmoid",
    "leaky_relu": "leaky_relu",
    "rrelu": "leaky_relu",
    "elu": "elu",
    "selu": "selu",
    "gelu": "gelu",
    "silu": "silu",
    "mish": "mish",
    "softplus": "softplus",
}
#: Op of PyTorch -> the word of `function`.
FUNCTIONS = {
    **{name: name for name in ("exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal")},
    **{name: name for name in ("square", "abs", "sign", "floor", "ceil", "round", "erf", "erfc", "celu", "threshold")},
    **{name: name for name in ("sin", "cos", "tan", "sinh", "cosh", "asin", "acos", "atan", "asinh", "acosh", "atanh")},
    **{name: name for name in ("logical_not", "bitwise_not", "log_sigmoid")},
    "neg": "negate",
    "negative": "negate",
    "absolute": "abs",
    "trunc": "truncate",
    "fix": "truncate",
    "hardshrink": "hard_shrink",
    "softshrink": "soft_shrink",
    "isnan": "is_nan",
    "isinf": "is_inf",
    "isfinite": "is_finite",
    "nan_to_num": "clip",
}
#: Op of PyTorch -> the word of `combine`, and what it makes of known numbers.
ARITHMETIC: dict[str, tuple[str, Any]] = {
    "add": ("add", operator.add),
    "sub": ("subtract", operator.sub),
    "subtract": ("subtract", operator.sub),
    "mul": ("multiply", operator.mul),
    "multiply": ("multiply", operator.mul),
    "div": ("divide", None),
    "divide": ("divide", None),
    "true_divide": ("divide", None),
    "floor_divide": ("floor_divide", floored),
    "remainder": ("modulo", None),
    "fmod": ("modulo", None),
    "pow": ("power", None),
    "minimum": ("minimum", min),
    "maximum": ("maximum", max),
    "fmin": ("minimum", min),
    "fmax": ("maximum", max),
    "atan2": ("atan2", None),
    "eq": ("equal", equals),
    "ne": ("not_equal", lambda a, b: negated(equals(a, b))),
    "lt": ("less", less),
    "gt": ("greater", lambda a, b: less(b, a)),
    "le": ("less_equal", lambda a, b: negated(less(b, a))),
    "ge": ("greater_equal", lambda a, b: negated(less(a, b))),
    **{word: (word, None) for word in ("logical_and", "logical_or", "logical_xor")},
    **{word: (word, None) for word in ("bitwise_and", "bitwise_or", "bitwise_xor")},
    "__and__": ("bitwise_and", None),
    "__or__": ("bitwise_or", None),
    "__xor__": ("bitwise_xor", None),
}


def elementwise(low: Lowering, op: Op, x: Value, kind: str, attrs: dict[str, Any] | None = None) -> Value:
    """An op that keeps the shape, with one node."""
    if folds(low, op, [x]):
        fold(low, op, [x], x.shape)
        return made(low, op)
    return low.pointwise(op, kind, data(low, x), attrs)


@rule(*ACTIVATIONS, wants="same")
def activation(low: Lowering, op: Op) -> None:
    elementwise(low, op, tensor(low, op), ACTIVATIONS[_word(op)])


@rule(*FUNCTIONS, wants="same")
def function(low: Lowering, op: Op) -> None:
    elementwise(low, op, tensor(low, op), "function", {"of": FUNCTIONS[_word(op)]})


def _word(op: Op) -> str:
    """The name of an op without its namespace, and without the mark of those that work in place."""
    word = op.type.partition(".")[2]
    return word if word.endswith("__") else word.removesuffix("_")


@rule(*ARITHMETIC, wants="same")
def arithmetic(low: Lowering, op: Op) -> None:
    word, compute = ARITHMETIC[_word(op)]
    other = operand(low, op, "other" if "other" in op.attrs else "exponent")
    joined(low, op, word, [operand(low, op, "self"), other], _without_factor(op, compute))


def _without_factor(op: Op, compute: Any) -> Any:
    """What a sum makes of known numbers; None if it takes one of them several times."""
    return compute if op.attrs.get("alpha", 1) == 1 else None


@rule("rsub", wants="same")
def reversed_subtraction(low: Lowering, op: Op) -> None:
    joined(low, op, "subtract", [operand(low, op), tensor(low, op)], _without_factor(op, operator.sub))


def joined(low: Lowering, op: Op, word: str, values: list[Value], compute: Any = None) -> Value:
    """A function of several tensors that stretch to each other; parameters are data, unless they become weights."""
    if all(value.is_constant for value in values) and not folds(low, op, values):
        values = [data(low, value) for value in values]
    combined(low, op, word, values, careful(compute) if compute else None)
    return made(low, op)


@rule("hardtanh", wants="same")
def hard_tanh(low: Lowering, op: Op) -> None:
    bounds = number(low, op, "min_val", -1), number(low, op, "max_val", 1)
    _clip(low, op, bounds, "hard_tanh")


@rule("clamp", "clip", "clamp_min", "clamp_max", wants="same")
def clamp(low: Lowering, op: Op) -> None:
    given = [op.attrs.get(word) for word in ("min", "max")]
    if any(isinstance(one, Ref) for one in given):
        x = tensor(low, op)
        for word, function in (("min", "maximum"), ("max", "minimum")):
            if op.attrs.get(word) is not None:
                x = joined(low, op, function, [x, operand(low, op, word)])
        return
    _clip(low, op, (given[0], given[1]), "clip")


def _clip(low: Lowering, op: Op, bounds: tuple[Any, Any], of: str) -> None:
    kind = {(0, 6): "relu6", (0, None): "relu"}.get(bounds)
    elementwise(low, op, tensor(low, op), kind or "function", {} if kind else {"of": of})


@rule("prelu", wants="same")
def prelu(low: Lowering, op: Op) -> None:
    x, slopes = tensor(low, op), tensor(low, op, "weight")
    channel = 1 if x.rank > 1 else 0
    if slopes.stored and slopes.shape == x.shape[channel : channel + 1]:
        order = low.any(x)[1]
        at = [axis for axis in range(x.rank) if axis != channel and axis in order]
        low.layer(op, "prelu", x, [*at, channel], {}, {"weights": (slopes,)})
        return
    slopes, lifted, negative = data(low, slopes), part(low, op, "channels"), part(low, op, "slope")
    if slopes.rank == 1 and x.rank > 1:
        low.relabel(lifted, slopes, [0, *[None] * (x.rank - 2)])
        slopes = made(low, lifted)
    joined(low, negative, "multiply", [x, slopes])
    joined(low, op, "maximum", [x, made(low, negative)])


@rule("softmax", "_softmax", "_safe_softmax", "log_softmax", "_log_softmax", wants="same")
@of_vectors
def softmax(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    if folds(low, op, [x]):
        fold(low, op, [x], x.shape)
    else:
        along(low, op, "log_softmax" if "log" in op.type else "softmax", data(low, x), number(low, op, "dim"))


@rule("cumsum", "cumprod", "cummax", "cummin")
@of_vectors
def cumulative(low: Lowering, op: Op) -> None:
    x, axis = tensor(low, op), number(low, op, "dim")
    word = {"cumsum": "sum", "cumprod": "product", "cummax": "max", "cummin": "min"}[_word(op)]
    if folds(low, op, [x]):
        fold(low, op, [x], x.shape)
        return
    made_ = along(low, output(op, 0), "cumulative", data(low, x), axis, {"function": word})
    if len(op.outputs) > 1:
        low.same(output(op, 1), made_)


@rule("glu")
def gated(low: Lowering, op: Op) -> None:
    x = data(low, tensor(low, op))
    axis = axis_of(low, op, x, default=-1)
    halves, gate = part(low, op, "values", "gates"), part(low, op, "gate")
    half = x.shape[axis] // 2
    cut(low, halves, x, axis, [half, half])
    low.pointwise(gate, "sigmoid", made(low, halves, 1))
    joined(low, op, "multiply", [made(low, halves), made(low, gate)])


@rule("where", wants="same")
def where(low: Lowering, op: Op) -> None:
    if "self" not in op.attrs:
        raise Unsupported("chooses elements by what they are")
    joined(low, op, "where", [operand(low, op, word) for word in ("condition", "self", "other")])


@rule("masked_fill", wants="same")
def masked_fill(low: Lowering, op: Op) -> None:
    joined(low, op, "where", [tensor(low, op), tensor(low, op, "mask")])


@rule("addcmul", "addcdiv", wants="same")
def add_product(low: Lowering, op: Op) -> None:
    inner = part(low, op, "product")
    word = "multiply" if "mul" in op.type else "divide"
    joined(low, inner, word, [tensor(low, op, "tensor1"), tensor(low, op, "tensor2")])
    joined(low, op, "add", [tensor(low, op), made(low, inner)])


@rule("lerp", wants="same")
def between(low: Lowering, op: Op) -> None:
    inner, weighted = part(low, op, "difference"), part(low, op, "weighted")
    joined(low, inner, "subtract", [tensor(low, op, "end"), tensor(low, op)])
    joined(low, weighted, "multiply", [made(low, inner), operand(low, op, "weight")])
    joined(low, op, "add", [tensor(low, op), made(low, weighted)])


# -- copies ------------------------------------------------------------------------------------------------------------


@rule(
    *(
        "clone",
        "contiguous",
        "detach",
        "alias",
        "lift_fresh_copy",
        "lift_fresh",
        "resolve_conj",
        "resolve_neg",
        "positive",
    ),
    *(
        "dropout",
        "feature_dropout",
        "alpha_dropout",
        "feature_alpha_dropout",
        "native_dropout",
        "requires_grad",
    ),
    wants="same",
)
def same(low: Lowering, op: Op) -> None:
    low.same(op, tensor(low, op, "input" if "input" in op.attrs else "self"))


@rule("fill", "zero", "bernoulli", wants="same")
def overwritten(low: Lowering, op: Op) -> None:
    """A tensor with other elements, of which a constant keeps nothing but its shape."""
    x, known = tensor(low, op), (0,) if _word(op) == "zero" else None
    if "value" in op.attrs:
        known = operand(low, op, "value").contents
    if x.is_constant:
        constant(low, op, x.shape, known[0] if known else None)
    else:
        low.same(op, x)


@rule("to", "_to_copy", "type_as", wants="same")
def cast(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    stated = low.body.stated.get(op.outputs[0])
    changes = stated is not None and stated.dtype and x.dtype and stated.dtype != x.dtype
    if changes and not x.is_constant:
        low.pointwise(op, "function", x, {"of": "cast"})
    else:
        low.same(op, x)
        if stated is not None and "int" in stated.dtype and x.contents is not None:
            made(low, op).contents = tuple(map(_whole, x.contents))


def _whole(element: Any) -> Any:
    """A known number as a whole one; None for a product of which only a computer of the same precision knows that."""
    value = exact(element) if not isinstance(element, float) or isfinite(element) else None
    return value if not isinstance(value, Fraction) else int(value) if is_round(value) else None


@rule("copy")
def copied(low: Lowering, op: Op) -> None:
    source, shape = tensor(low, op, "src"), tensor(low, op).shape
    if alike(source.shape, shape):
        low.same(op, source)
    else:
        stretched(low, op, source, shape)


def stretched(low: Lowering, op: Op, x: Value, shape: tuple[Any, ...]) -> None:
    """A tensor repeated along axes of size 1, and along new ones before the first."""
    check_grows(x, shape)
    lacks = len(shape) - x.rank
    sizes = [x.shape[at - lacks] if type(size) is int and size == -1 else size for at, size in enumerate(shape)]
    lifted = part(low, op, "lifted")
    low.relabel(lifted, x, [None] * lacks + list(range(x.rank)))
    whole = made(low, lifted)
    if all(now is wanted or (type(now) is int and now == wanted) for now, wanted in zip(whole.shape, sizes)):
        low.same(op, whole)
    elif folds(low, op, [x]):
        known = low.known(x)
        full = (
            low.mapped(lambda a, _: a, known, Known(tuple(sizes), (0,) * _count(sizes)))
            if known and _count(sizes)
            else None
        )
        fold(low, op, [x], sizes, full)
    else:
        _expanded(low, op, data(low, whole), sizes)


def check_grows(x: Value, shape: Sequence[Any]) -> None:
    """Raise `Unfit` if a tensor is to be stretched to one of fewer axes, or along a new axis to a size that is not said."""
    if len(shape) < x.rank or any(type(size) is int and size < 0 for size in shape[: len(shape) - x.rank]):
        raise Unfit(f"stretches {shape_text(x.shape)} to {shape_text(tuple(shape))}")


def _count(sizes: list[Any]) -> int:
    """The number of elements of a small tensor; 0 for one that is not, or whose sizes are open."""
    count = 1
    for size in sizes:
        count *= size if type(size) is int else 0
    return count if count <= 4096 else 0


def _expanded(low: Lowering, op: Op, x: Value, sizes: list[Any]) -> None:
    edge, order = low.any(x)
    present = [axis for axis in order if axis is not None]
    missing = [
        axis for axis in range(x.rank) if axis not in present and not (type(sizes[axis]) is int and sizes[axis] == 1)
    ]
    wanted = [*missing, *present]
    edge = low.present(x, wanted) if missing else edge
    whole = wanted if missing else order
    step = low.emit(op, "expand", [edge], {"shape": [1 if axis is None else sizes[axis] for axis in whole]})
    low.result(op, step, whole, x.rank)


# -- over axes ---------------------------------------------------------------------------------------------------------

REDUCTIONS = {
    **{word: word for word in ("mean", "sum", "max", "min", "argmax", "argmin", "norm", "any", "all")},
    "amax": "max",
    "amin": "min",
    "linalg_vector_norm": "norm",
    "logsumexp": "log_sum_exp",
    "prod": "product",
    "nansum": "sum",
    "nanmean": "mean",
}
"""Op of PyTorch -> the word of `reduce`."""


@rule(*REDUCTIONS, wants="same")
def reduction(low: Lowering, op: Op) -> None:
    if "other" in op.attrs:
        joined(low, op, "maximum" if _word(op) == "max" else "minimum", [tensor(low, op), tensor(low, op, "other")])
    else:
        _over_axes(low, op)


@of_vectors
def _over_axes(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    axes = _axes(low, op, x)
    if folds(low, op, [x]):
        for i, name in enumerate(op.outputs):
            if name:
                fold(low, output(op, i), [x], stated_shape(low, op, i))
        return
    keep = bool(op.attrs.get("keepdim", False))
    reduced(low, output(op, 0), data(low, x), axes, REDUCTIONS[_word(op)], keep=keep)
    if len(op.outputs) > 1 and op.outputs[1]:
        low.same(output(op, 1), made(low, op))


def _axes(low: Lowering, op: Op, x: Value) -> tuple[int, ...]:
    """The axes that are reduced over: all, if none is named."""
    given = op.attrs.get("dim")
    return tuple(range(x.rank)) if given is None or given == () else numbers(low, op, "dim")


@rule("var", "std", "var_mean", "std_mean", wants="same")
@of_vectors
def variance(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    axes = _axes(low, op, x)
    if folds(low, op, [x]):
        for i in range(len(op.outputs)):
            fold(low, output(op, i), [x], stated_shape(low, op, i))
        return
    x, keep = data(low, x), bool(op.attrs.get("keepdim", False))
    first = part(low, op, "variance") if "std" in op.type else output(op, 0)
    reduced(low, first, x, axes, "variance", keep=keep)
    if "std" in op.type:
        low.pointwise(output(op, 0), "function", made(low, first), {"of": "sqrt"})
    if len(op.outputs) > 1 and op.outputs[1]:
        reduced(low, output(op, 1), x, axes, "mean", keep=keep)


@rule("topk", "sort")
@of_vectors
def largest(low: Lowering, op: Op) -> None:
    x = data(low, tensor(low, op))
    axis = axis_of(low, op, x, default=-1)
    edge, order = with_axes(low, x, [axis])
    count = number(low, op, "k", x.shape[axis])
    step = low.emit(op, "top_k", [edge], {"count": count, "axis": order.index(axis)})
    for i in range(2):
        low.result(op, step, order, x.rank, i)
