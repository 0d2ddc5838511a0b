"""Ops that make one element of all along some axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from convcost.importers.build import reduced, squeezed
from convcost.importers.contents import Known, over
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.onnx.arithmetic import bounded, numbers
from convcost.importers.onnx.steps import Steps
from convcost.importers.onnx.table import axes_of, axis_in, handed_on, rule, whole
from convcost.importers.values import Value, is_one

#: Type -> the function of each element before, the reduction, and the function of its result.
REDUCTIONS: dict[str, tuple[str, str, str]] = {
    "ReduceMean": ("", "mean", ""),
    "ReduceSum": ("", "sum", ""),
    "ReduceMax": ("", "max", ""),
    "ReduceMin": ("", "min", ""),
    "ReduceL2": ("", "norm", ""),
    "ReduceL1": ("abs", "sum", ""),
    "ReduceSumSquare": ("square", "sum", ""),
    "ReduceLogSum": ("", "sum", "log"),
    "ReduceLogSumExp": ("exp", "sum", "log"),
    "ReduceProd": ("", "", ""),
    "ArgMax": ("", "max", ""),
    "ArgMin": ("", "min", ""),
}
_FOLDED: dict[str, Callable[[Sequence[Any]], Any]] = {
    "ReduceSum": sum,
    "ReduceProd": prod,
    "ReduceMax": max,
    "ReduceMin": min,
}


@rule(*REDUCTIONS)
def reduce(low: Lowering, op: Op) -> None:
    x = low.read(op)
    keep = bool(whole(op, "keepdims", 1))
    if op.type.startswith("Arg"):
        axes: tuple[int, ...] = (whole(op, "axis", 0),)
    else:
        given = axes_of(low, op)
        if not given and whole(op, "noop_with_empty_axes", 0):
            handed_on(low, op, x)
            return
        axes = given or tuple(range(x.rank))
    gone = sorted({axis_in(axis, x.rank) for axis in axes})
    if x.is_constant:
        _fold(low, op, x, gone, keep)
    else:
        over_axes(low, op, x, gone, keep)


def over_axes(low: Lowering, op: Op, x: Value, gone: Sequence[int], keep: bool) -> None:
    """A reduction over axes of an activation; over those of one element there is nothing to do."""
    before, function, after = REDUCTIONS[op.type]
    if op.type == "ReduceProd":
        raise Unsupported("the product along an axis", [_shape_after(x, gone, keep)])
    steps = Steps(low, op)
    name = op.inputs[0]
    if before:
        name = steps.pointwise(name, "function", {"of": before})
        x = steps.value(name)
    real = [axis for axis in gone if x.axes[axis] is not None and not is_one(x.shape[axis])]
    last = steps.op(name)
    if real:
        reduced(low, last, x, real, function, keep=True)
    else:
        handed_on(low, last, x)
    name = last.outputs[0]
    if after:
        name = steps.pointwise(name, "function", {"of": after})
    if op.type.startswith("Arg"):
        steps.value(name).dtype = "int64"
    if keep:
        steps.done(name)
    else:
        squeezed(low, op, steps.value(name), gone)


def _shape_after(x: Value, gone: Sequence[int], keep: bool) -> tuple[Any, ...]:
    return tuple(1 if axis in gone else size for axis, size in enumerate(x.shape) if keep or axis not in gone)


def _fold(low: Lowering, op: Op, x: Value, gone: Sequence[int], keep: bool) -> None:
    known, function = numbers(low, x), _FOLDED.get(op.type)
    if known and function and all(type(one) is int for one in known.elements) and 0 not in known.shape:
        for axis in gone:
            known = over(function, known, axis)
        elements = tuple(map(bounded, known.elements))
        if None not in elements:
            low.computed(op, [x], Known(_shape_after(x, gone, keep), elements))
            low.values[op.outputs[0]].dtype = x.dtype
            return
    low.computed(op, [x], Known(_shape_after(x, gone, keep), ()))
    low.values[op.outputs[0]].dtype = "int64" if op.type.startswith("Arg") else x.dtype
