"""Ops that choose elements by numbers, and put elements at chosen places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from convcost.core.dims import Dim, product
from convcost.core.errors import Unfit
from convcost.importers import fixed
from convcost.importers.accounts import FLOATS
from convcost.importers.build import taken, with_axes
from convcost.importers.contents import Known, gathered
from convcost.importers.lower import Depends, Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.onnx.arithmetic import MOST_FRACTIONS
from convcost.importers.onnx.table import made, rule, whole
from convcost.importers.values import Value, axis_in


@rule("Gather")
def gather(low: Lowering, op: Op) -> None:
    x, indices = low.read(op), low.read(op, 1)
    axis = axis_in(whole(op, "axis", 0), x.rank)
    known, which = low.known(x), low.known(indices)
    if known and which and _is_shape_arithmetic(x):
        try:
            found = gathered(known, which, axis)
        except (IndexError, TypeError, ValueError) as error:
            raise Unfit(f"chooses {error}") from None
        if len(found.elements) == product(found.shape):
            low.computed(op, [x], found)
            made(low, op).dtype = x.dtype
            return
    if is_table(x, axis) and not indices.is_constant:
        embedded(low, op, x, indices)
    elif x.is_constant and indices.is_constant and not _is_learnt(x):
        shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
        low.computed(op, [x], Known(shape, ()))
        made(low, op).dtype = x.dtype
    else:
        picked(low, op, x, indices, axis)


def _is_shape_arithmetic(x: Value) -> bool:
    return not _is_learnt(x) or (x.contents is not None and len(x.contents) <= MOST_FRACTIONS and x.rank < 2)


def _is_learnt(x: Value) -> bool:
    """Whether a constant is a stored table of fractions, as learnt ones are."""
    return bool(x.stored) and not x.computed and x.dtype in FLOATS


def is_table(x: Value, axis: int) -> bool:
    """Whether rows of a stored table are looked up."""
    return bool(x.stored) and x.is_constant and x.rank == 2 and axis == 0


def embedded(low: Lowering, op: Op, table: Value, indices: Value) -> Value:
    """A row of a stored table for each number."""
    edge, order = low.any(indices)
    rows, channels = table.shape
    attrs = {"rows": rows, "channels": channels}
    step = low.emit(op, "embedding", [edge], attrs, {"weights": (table,)})
    return low.result(op, step, (*(order or (None,)), indices.rank)[-len(step.cost.out[0]) :], indices.rank + 1)


def picked(low: Lowering, op: Op, x: Value, indices: Value, axis: int) -> None:
    """Chosen elements of an axis of an activation: by numbers that are fixed, or computed."""
    which = low.known(indices)
    plain = which.elements if which and all(type(one) is int for one in which.elements) else None
    last = low.part(op, "picked") if indices.rank != 1 else op
    size = x.shape[axis]
    if plain and type(size) is int and any(not -size <= one < size for one in plain):
        raise Unfit(f"chooses element {next(one for one in plain if not -size <= one < size)} of an axis of {size}")
    if indices.is_constant:
        fixed.check_chosen(low, op.inputs[0], x, axis, op.inputs[1], product(indices.shape))
    run = _run(plain, size) if plain else None
    if run is not None:
        start, count, step = run
        taken(low, last, x, axis, start, start + (count - 1) * step + 1, step)
    else:
        edge, order = with_axes(low, x, [axis])
        edges = [edge] if indices.is_constant else [edge, low.any(indices)[0]]
        attrs = {"count": product(indices.shape), "axis": order.index(axis)}
        low.result(last, low.emit(op, "gather", edges, attrs), order, x.rank)
    if indices.rank == 1:
        return
    value = low.values[last.outputs[0]]
    if indices.rank == 0:
        low.relabel(op, value, [at for at in range(x.rank) if at != axis])
    else:
        low.reshape(replace(op, inputs=last.outputs), value, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def _run(chosen: Sequence[int], size: Dim) -> tuple[Dim, int, int] | None:
    """Numbers that count up in equal steps, as where they begin, how many they are, and the step."""
    first = chosen[0]
    start = size + first if first < 0 else first
    if len(chosen) == 1:
        return start, 1, 1
    step = chosen[1] - first
    if step < 1 or any(b - a != step for a, b in pairwise(chosen)) or (first < 0 <= chosen[-1]):
        return None
    return start, len(chosen), step


@rule("GatherElements")
def gather_elements(low: Lowering, op: Op) -> None:
    x, indices = low.read(op), low.read(op, 1)
    axis = axis_in(whole(op, "axis", 0), x.rank)
    if indices.rank != x.rank:
        raise Unfit("needs as many axes of numbers as of elements")
    if x.is_constant and indices.is_constant:
        low.computed(op, [x], Known(indices.shape, ()))
        return
    if x.is_constant or any(not _same(a, b) for at, (a, b) in enumerate(zip(x.shape, indices.shape)) if at != axis):
        raise Unsupported("elements that are chosen one by one", [indices.shape])
    edge, order = with_axes(low, x, [axis])
    step = low.emit(op, "gather", [edge], {"count": indices.shape[axis], "axis": order.index(axis)})
    low.result(op, step, order, x.rank)


@rule("GatherND")
def gather_nd(low: Lowering, op: Op) -> None:
    x, indices = low.read(op), low.read(op, 1)
    depth, outer = indices.shape[-1] if indices.rank else 1, whole(op, "batch_dims", 0)
    if type(depth) is not int or not 1 <= depth <= x.rank - outer:
        raise Unfit(f"chooses along {depth} axes of a tensor of {x.rank}")
    shape = (*indices.shape[:-1], *x.shape[outer + depth :])
    if x.is_constant and indices.is_constant:
        low.computed(op, [x], Known(shape, ()))
        return
    if outer:
        raise Unsupported("elements that are chosen one by one", [shape])
    merged = low.part(op, "merged")
    low.reshape(merged, x, (product(x.shape[:depth]), *x.shape[depth:]))
    value = low.values[merged.outputs[0]]
    edge, order = with_axes(low, value, [0])
    chosen = low.part(op, "picked")
    count = product(indices.shape[:-1])
    step = low.emit(op, "gather", [edge], {"count": count, "axis": order.index(0)})
    found = low.result(chosen, step, order, value.rank)
    low.reshape(replace(op, inputs=chosen.outputs), found, shape)


def _same(a: Dim, b: Dim) -> bool:
    same = a == b
    return bool(same.all()) if hasattr(same, "all") else bool(same)


@rule("ScatterND", "ScatterElements", "Scatter", "TensorScatter")
def scatter(low: Lowering, op: Op) -> None:
    x, indices, updates = (low.read(op, i) for i in range(3))
    if all(value.is_constant for value in (x, indices, updates)):
        low.computed(op, [x, updates], Known(x.shape, ()))
        made(low, op).dtype = x.dtype
        return
    edge, order = low.any(x)
    others = [low.any(value)[0] for value in (indices, updates) if not value.is_constant]
    low.result(op, low.emit(op, "scatter", [edge, *others]), order, x.rank, like=x)


@rule("TopK")
def top_k(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axis = axis_in(whole(op, "axis", -1), x.rank)
    count = (whole(op, "k"),) if "k" in op.attrs else low.contents(op, 1)
    if not count:
        raise Unfit("needs how many to take")
    edge, order = with_axes(low, x, [axis])
    step = low.emit(op, "top_k", [edge], {"count": count[0], "axis": order.index(axis)})
    for i in range(2):
        low.result(op, step, order, x.rank, i)
    if len(op.outputs) > 1 and op.outputs[1]:
        low.values[op.outputs[1]].dtype = "int64"


@rule("NonZero")
def non_zero(low: Lowering, op: Op) -> None:
    x = low.read(op)
    known = low.known(x)
    if not known or x.rank != 1:
        raise Depends("how many elements are not zero depends on data")
    places = [at for at, one in enumerate(known.elements) if one]
    low.constant(op, Known((1, len(places)), tuple(places)))
    made(low, op).dtype = "int64"


@rule("NonMaxSuppression", "Unique", "Compress", "StringNormalizer", "TfIdfVectorizer", "StringSplit", "RegexFullMatch")
def depends(low: Lowering, op: Op) -> None:
    del low, op
    raise Depends("how large its result is depends on data")
