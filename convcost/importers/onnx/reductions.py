"""Ops that make one element of all along some axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from convcost.importers.build import reduced, squeezed
from convcost.importers.contents import Known, over
from convcost.importers.lower import Lowering
from convcost.importers.model import Op
from convcost.importers.onnx.arithmetic import bounded, numbers
from convcost.importers.onnx.steps import Steps
from convcost.importers.onnx.table import axes_of, handed_on, rule, whole
from convcost.importers.values import Value, axis_in, is_one

#: Type -> the word of `reduce`.
REDUCTIONS = {
    "ReduceMean": "mean",
    "ReduceSum": "sum",
    "ReduceMax": "max",
    "ReduceMin": "min",
    "ReduceProd": "product",
    "ReduceL1": "absolute_sum",
    "ReduceL2": "norm",
    "ReduceSumSquare": "square_sum",
    "ReduceLogSum": "log_sum",
    "ReduceLogSumExp": "log_sum_exp",
    "ArgMax": "argmax",
    "ArgMin": "argmin",
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
    steps = Steps(low, op)
    real = [axis for axis in gone if x.axes[axis] is not None and not is_one(x.shape[axis])]
    last = steps.op(op.inputs[0])
    if real:
        reduced(low, last, x, real, REDUCTIONS[op.type], keep=True)
    else:
        handed_on(low, last, x)
    if keep:
        steps.done(last.outputs[0])
    else:
        squeezed(low, op, steps.value(last.outputs[0]), gone)


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
