"""Ops that read, cut, join and stretch tensors, and the arithmetic on shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from convcost.core.axes import NAMES
from convcost.core.dims import Dim, Shape, ceil_div, is_symbolic, minimum, product, stretched
from convcost.core.errors import Unfit
from convcost.importers import fixed
from convcost.importers.accounts import FLOATS
from convcost.importers.build import (
    aligned,
    concatenated,
    cut,
    flattened,
    squeezed,
    taken,
    unsqueezed,
    with_axes,
)
from convcost.importers.contents import Known, joined, scalar, sliced, vector
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import MOST_CONTENTS, Op, Stored
from convcost.importers.onnx.arithmetic import bounded, element, numbers
from convcost.importers.onnx.table import (
    axes_of,
    handed_on,
    made,
    rule,
    whole,
    whole_contents,
    wholes,
)
from convcost.importers.onnx.tensors import DTYPES
from convcost.importers.values import Value, axis_in, empty_along, is_one, is_zero

_FAR = 1 << 31
"""What says `to the end` when it stands for a place."""


def known_vector(low: Lowering, op: Op, sizes: Sequence[Any]) -> None:
    """An op that makes a list of sizes."""
    low.constant(op, vector(sizes))
    made(low, op).dtype = "int64"


@rule("Shape")
def shape(low: Lowering, op: Op) -> None:
    x = low.read(op)
    known_vector(low, op, x.shape[slice(whole(op, "start", 0), whole(op, "end", x.rank))])


@rule("Size")
def size(low: Lowering, op: Op) -> None:
    x = low.read(op)
    low.constant(op, Known((), (product(x.shape),)))
    made(low, op).dtype = "int64"


@rule("Reshape")
def reshape(low: Lowering, op: Op) -> None:
    x = low.read(op)
    target = wholes(op, "shape") if "shape" in op.attrs else low.contents(op, 1)
    if target is None:
        raise Unfit("needs a shape")
    target = tuple(map(element, target))
    copies = not whole(op, "allowzero", 0)
    sizes = [
        x.shape[at] if copies and type(size) is int and size == 0 and at < x.rank else size
        for at, size in enumerate(target)
    ]
    if any(type(size) is int and size == 0 for size in x.shape):
        low.define(op, Value(tuple(sizes), x.dtype, contents=(), computed=True))
        return
    low.reshape(op, x, low.fitted(op, x, sizes))
    keep_dtype(low, op, x)


def keep_dtype(low: Lowering, op: Op, x: Value) -> None:
    """What is only read in another shape keeps the type of its elements."""
    result = low.values.get(op.outputs[0])
    if result is not None and not result.dtype:
        result.dtype = x.dtype


@rule("Flatten")
def flatten(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axis = whole(op, "axis", 1)
    if not -x.rank <= axis <= x.rank:
        raise Unfit(f"there is no axis {axis} of a tensor of {x.rank}")
    flattened(low, op, x, axis)


def _moved(op: Op, made_: int | None) -> int | None:
    """The axis of what a transposition reads for one of what it makes."""
    order = op.attrs.get("perm")
    if made_ is None or not isinstance(order, tuple) or not -len(order) <= made_ < len(order):
        return None
    axis = order[made_]
    return axis if isinstance(axis, int) else None


@rule("Transpose", wants=_moved)
def transpose(low: Lowering, op: Op) -> None:
    x = low.read(op)
    low.transpose(op, x, wholes(op, "perm", tuple(reversed(range(x.rank)))))


@rule("Unsqueeze")
def unsqueeze(low: Lowering, op: Op) -> None:
    x, axes = low.read(op), axes_of(low, op) or ()
    rank = x.rank + len(axes)
    if len({axis_in(axis, rank) for axis in axes}) < len(axes):
        raise Unfit(f"puts in an axis twice: {axes}")
    unsqueezed(low, op, x, axes)
    keep_dtype(low, op, x)


@rule("Squeeze")
def squeeze(low: Lowering, op: Op) -> None:
    x, axes = low.read(op), axes_of(low, op)
    if axes is None:
        axes = tuple(at for at, size in enumerate(x.shape) if is_one(size))
    squeezed(low, op, x, [axis_in(axis, x.rank) for axis in axes])
    keep_dtype(low, op, x)


@rule("Concat", wants="same")
def concat(low: Lowering, op: Op) -> None:
    join(low, op, [low.read(op, i) for i in range(len(op.inputs))], whole(op, "axis", 1))


def join(low: Lowering, op: Op, values: Sequence[Value], axis: int) -> None:
    """Tensors one after the other."""
    if not values:
        raise Unfit("joins nothing")
    rank = max(value.rank for value in values)
    axis = axis_in(axis, rank)
    if all(value.rank == rank for value in values) and (known := low.all_known(values)):
        low.computed(op, values, joined(known, axis))
        made(low, op).dtype = values[0].dtype
        return
    if all(value.is_constant for value in values):
        low.computed(op, values, Known(_joined_shape(values, axis), ()))
        made(low, op).dtype = values[0].dtype
        return
    concatenated(low, op, values, axis)


def _joined_shape(values: Sequence[Value], axis: int) -> Shape:
    first = values[0].shape
    total: Dim = 0
    for value in values:
        if value.rank != len(first):
            raise Unfit("joins tensors of different numbers of axes")
        total = total + value.shape[axis]
    return (*first[:axis], total, *first[axis + 1 :])


# -- parts -------------------------------------------------------------------------------------------------------------


@rule("Split")
def split(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axis = axis_in(whole(op, "axis", 0), x.rank)
    parts = len(op.outputs)
    if (wanted := whole(op, "num_outputs", parts)) != parts:
        raise Unfit(f"splits into {wanted} parts, and puts out {parts}")
    given = wholes(op, "split") if "split" in op.attrs else low.contents(op, 1)
    size = x.shape[axis]
    if given is not None:
        sizes: list[Dim] = list(given)
    elif type(size) is int:
        each = -(-size // parts)
        sizes = [max(min(each, size - i * each), 0) for i in range(parts)]
    else:
        sizes = [size // parts] * parts
    if len(sizes) != parts or any(type(one) is int and one < 0 for one in sizes):
        raise Unfit(f"splits {size} into {len(sizes)} parts of {sizes[:8]}, and puts out {parts}")
    if type(size) is int and all(type(one) is int for one in sizes) and sum(sizes) != size:
        raise Unfit(f"splits {size} into parts of {sizes[:8]}, which are {sum(sizes)}")
    if (known := low.known(x)) and all(type(one) is int for one in sizes):
        _split_known(low, op, x, known, axis, sizes)
    elif x.is_constant:
        begun: Dim = 0
        for i, one in enumerate(sizes):
            low.define(op, cut_off(low, x, axis, begun, begun + one), i)
            begun = begun + one
    else:
        if given is not None:
            fixed.check_parts(low, op.inputs[0], x, axis, fixed.literal(low, (*op.inputs, "")[1], sizes))
        _cut(low, op, x, axis, sizes)


def _cut(low: Lowering, op: Op, x: Value, axis: int, sizes: Sequence[Dim]) -> None:
    """An activation in parts; those without elements are none of the node's."""
    real = [i for i, one in enumerate(sizes) if not is_zero(one)]
    for i in range(len(sizes)):
        if i not in real:
            low.define(op, empty_along(x, axis), i)
    if len(real) == 1:
        handed_on(low, replace(op, outputs=(op.outputs[real[0]],)), x)
    elif real:
        cut(low, replace(op, outputs=tuple(op.outputs[i] for i in real)), x, axis, [sizes[i] for i in real])


def _split_known(low: Lowering, op: Op, x: Value, known: Known, axis: int, sizes: Sequence[int]) -> None:
    begun = 0
    for i, one in enumerate(sizes):
        piece = sliced(known, axis, begun, begun + one, 1)
        low.define(op, Value(piece.shape, x.dtype, contents=piece.elements, stored=x.stored, computed=True), i)
        begun += one


@rule("Slice")
def slices(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if "starts" in op.attrs:
        starts: Any = wholes(op, "starts")
        ends: Any = wholes(op, "ends")
        axes, steps = wholes(op, "axes") or tuple(range(len(starts))), (1,) * len(starts)
    else:
        starts, ends = low.contents(op, 1), low.contents(op, 2)
        if starts is None or ends is None:
            raise Unfit("needs where to start and to end")
        axes = whole_contents(low, op, 3) or tuple(range(len(starts)))
        steps = whole_contents(low, op, 4) or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise Unfit("starts, ends, axes and steps must be of one length, and steps not 0")
    value = x
    cuts = list(zip(axes, starts, ends, steps))
    written = [fixed.literal(low, (*op.inputs, "", "")[i], places) for i, places in ((1, starts), (2, ends))]
    for i, (axis, start, end, step) in enumerate(cuts):
        one = op if i == len(cuts) - 1 else low.part(op, f"axis{i}")
        at = axis_in(axis, x.rank)
        whole_ = fixed.ends_there(low, op.inputs[0], x, at, written[0][i], written[1][i], step)
        sliced_along(low, one, value, at, start, x.shape[at] if whole_ else end, step)
        value = low.values[one.outputs[0]]
    if not cuts:
        handed_on(low, op, x)


def sliced_along(low: Lowering, op: Op, x: Value, axis: int, start: Dim, end: Dim, step: int) -> None:
    """Every `step`-th element of an axis between two places, as Python slices it."""
    size = x.shape[axis]
    known = low.known(x)
    if type(start) is int and type(end) is int and type(size) is int:
        first, last, step = (
            slice(start, end, step).indices(size)
            if abs(step) <= size
            else (*slice(start, end, step).indices(size)[:2], step)
        )
        if known:
            piece = sliced(known, axis, start, end, step)
            low.define(
                op,
                Value(
                    piece.shape,
                    x.dtype,
                    contents=piece.elements,
                    stored=x.stored,
                    computed=x.computed or x.shape != piece.shape,
                ),
            )
            return
        count = len(range(first, last, step))
        if step < 0:
            _chosen(low, op, x, axis, count)
            return
        begin, stop = first, max(last, first)
        if not count:
            low.define(op, empty_along(x, axis))
            return
    else:
        if step < 0:
            if not (type(start) is type(end) is int and start == -1 and end <= -_FAR + 1):
                raise Unsupported("a part read backwards, away from the file's own size")
            _chosen(low, op, x, axis, ceil_div(size, -step))
            return
        begin, stop = _place(start, size), _place(end, size)
        count = ceil_div(stop - begin, step)
    if x.is_constant:
        low.define(op, cut_off(low, x, axis, begin, stop, step))
        return
    taken(low, op, x, axis, begin, stop, step)


def cut_off(low: Lowering, x: Value, axis: int, begin: Dim, stop: Dim, step: int = 1) -> Value:
    """A part of a constant; of a stored tensor it is one of its own, so that each part is counted where it is used."""
    shape_ = (*x.shape[:axis], ceil_div(stop - begin, step), *x.shape[axis + 1 :])
    if len(x.stored) != 1 or x.computed or x.tensor is not None or not all(type(size) is int for size in shape_):
        return Value(shape_, x.dtype, stored=x.stored, computed=True)
    whole_ = x.stored[0]
    part = Stored(f"{whole_.name}[{axis}, {begin}:{stop}:{step}]", shape_, whole_.dtype)
    low.accounts.cut(whole_, part)
    return Value(shape_, x.dtype, stored=(part,))


def _place(at: Dim, size: Dim) -> Dim:
    """A place on an axis: negative ones count from the end, and none is beyond it."""
    if type(at) is int and at < 0:
        return size + at if at > -_FAR else 0
    if type(at) is int and at >= _FAR:
        return size
    if is_symbolic(at) or is_symbolic(size):
        return at
    return minimum(at, size)


def _chosen(low: Lowering, op: Op, x: Value, axis: int, count: Dim) -> None:
    """Fixed elements of an axis, in another order than they stand."""
    if x.is_constant:
        low.computed(op, [x], Known((*x.shape[:axis], count, *x.shape[axis + 1 :]), ()))
        return
    edge, order = with_axes(low, x, [axis])
    step = low.emit(op, "gather", [edge], {"count": count, "axis": order.index(axis)})
    low.result(op, step, order, x.rank)


# -- larger ------------------------------------------------------------------------------------------------------------


@rule("Expand", wants=None)
def expand(low: Lowering, op: Op) -> None:
    x, wanted = low.read(op), low.contents(op, 1)
    if wanted is None:
        raise Unfit("needs a shape")
    sizes = tuple(1 if type(size) is int and size < 0 else size for size in wanted)
    rank = max(x.rank, len(sizes))
    written = dict(enumerate(fixed.literal(low, op.inputs[1], sizes), start=rank - len(sizes)))
    here = fixed.sizes_here(low, op.inputs[0], x, written, rank, grows=True)
    sizes = tuple(here.get(axis, size) for axis, size in enumerate(sizes, start=rank - len(sizes)))
    expanded(low, op, x, _stretched(x.shape, sizes))


def _stretched(*shapes: Shape) -> Shape:
    """The shape that all stretch to; an axis of no elements stays one.

    >>> _stretched((3, 1, 1), (0, 4))
    (3, 0, 4)
    """
    rank = max(map(len, shapes))
    empty = {at - len(one) for one in shapes for at, size in enumerate(one) if type(size) is int and size == 0}
    return tuple(0 if at - rank in empty else size for at, size in enumerate(stretched(shapes)))


def expanded(low: Lowering, op: Op, x: Value, shape_: Shape) -> None:
    """A tensor repeated along axes of size 1, and along new ones."""
    rank = len(shape_)
    if any(type(size) is int and size == 0 for size in shape_):
        low.define(op, Value(shape_, x.dtype, contents=(), computed=True))
        return
    lacks = rank - x.rank
    grown = [
        at
        for at, size in enumerate(shape_)
        if (at < lacks and not is_one(size))
        or (at >= lacks and size is not x.shape[at - lacks] and not _equal(size, x.shape[at - lacks]))
    ]
    if x.is_constant:
        known = low.known(x)
        fits = known and all(type(size) is int for size in shape_) and product(shape_) <= MOST_CONTENTS
        if known and fits:
            low.computed(op, [x], _repeated(low, known, shape_))
        elif not grown and not lacks:
            handed_on(low, op, x)
        else:
            low.computed(op, [x], Known(shape_, ()))
        made(low, op).dtype = x.dtype
        return
    if not grown:
        low.relabel(op, x, [at - lacks if at >= lacks else None for at in range(rank)])
        return
    have = [axis + lacks for axis in low.any(x)[1] if axis is not None]
    order = (*(at for at in range(rank) if at in grown and at not in have), *have)
    edge = low.present(x, aligned(x, order, rank))
    step = low.emit(op, "expand", [edge], {"shape": [shape_[at] for at in order]})
    low.result(op, step, order, rank)


def _equal(a: Any, b: Any) -> bool:
    same = a == b
    return bool(same.all()) if hasattr(same, "all") else bool(same)


def _repeated(low: Lowering, known: Known, shape_: tuple[int, ...]) -> Known:
    zeros = Known(shape_, (0,) * int(product(shape_)))
    return low.mapped(lambda one, _zero: one, known, zeros) or scalar(None)


@rule("Tile", wants="same")
def tile(low: Lowering, op: Op) -> None:
    x = low.read(op)
    repeats = low.contents(op, 1)
    if repeats is None and "repeats" in op.attrs:
        repeats = wholes(op, "repeats")
    if repeats is None or len(repeats) != x.rank:
        raise Unfit(f"needs a number of copies for each of {x.rank} axes")
    written = fixed.literal(low, (*op.inputs, "")[1], repeats)
    ones = {axis: times for axis, times in enumerate(written) if is_one(x.shape[axis])}
    here = fixed.sizes_here(low, op.inputs[0], x, ones, grows=True)
    repeats = tuple(here.get(axis, times) for axis, times in enumerate(repeats))
    tiled(low, op, x, repeats)


def tiled(low: Lowering, op: Op, x: Value, repeats: Sequence[Dim]) -> None:
    """Copies of a tensor side by side."""
    shape_ = tuple(size * times for size, times in zip(x.shape, repeats))
    if x.is_constant:
        known = low.known(x)
        if (
            known
            and all(type(times) is int for times in repeats)
            and product(shape_) <= MOST_CONTENTS
            and product(shape_)
        ):
            for axis, times in enumerate(repeats):
                known = joined([known] * times, axis)
            low.computed(op, [x], known)
        else:
            low.computed(op, [x], Known(shape_, ()))
        made(low, op).dtype = x.dtype
        return
    grown = [axis for axis, times in enumerate(repeats) if not is_one(times)]
    if all(is_one(x.shape[axis]) for axis in grown):
        expanded(low, op, x, shape_)
        return
    edge, order = with_axes(low, x, grown)
    times = [1 if axis is None else repeats[axis] for axis in order]
    low.result(op, low.emit(op, "tile", [edge], {"repeats": times}), order, x.rank, like=x)


@rule("Pad", wants="same")
def pad(low: Lowering, op: Op) -> None:
    x = low.read(op)
    sides = (
        wholes(op, "pads", wholes(op, "paddings")) if op.attrs.keys() & {"pads", "paddings"} else low.contents(op, 1)
    )
    axes = whole_contents(low, op, 3) or tuple(range(x.rank))
    if sides is None or len(sides) != 2 * len(axes):
        raise Unfit(f"pads must have a number for each end of {len(axes)} axes")
    ends = {axis_in(axis, x.rank): (sides[i], sides[i + len(axes)]) for i, axis in enumerate(axes)}
    ends = {axis: pair for axis, pair in ends.items() if not all(is_zero(side) for side in pair)}
    if any(side is not None for side in fixed.literal(low, (*op.inputs, "")[1], sides)):
        fixed.note_padding(low, op.inputs[0], x, list(ends))
    padded(low, op, x, ends)


def padded(low: Lowering, op: Op, x: Value, ends: dict[int, tuple[Dim, Dim]]) -> None:
    """A tensor with elements before and behind along some axes; negative numbers cut off instead."""
    if not ends:
        handed_on(low, op, x)
        return
    value = x
    shape_ = tuple(size + sum(ends[axis]) if axis in ends else size for axis, size in enumerate(x.shape))
    if x.is_constant:
        low.computed(op, [x], Known(shape_, ()))
        made(low, op).dtype = x.dtype
        return
    for axis, pair in ends.items():
        if any(type(side) is int and side < 0 for side in pair):
            before, after = (-side if type(side) is int and side < 0 else 0 for side in pair)
            one = low.part(op, f"cut{axis}")
            taken(low, one, value, axis, before, value.shape[axis] - after)
            value = low.values[one.outputs[0]]
    larger = {axis: [0 if type(side) is int and side < 0 else side for side in pair] for axis, pair in ends.items()}
    larger = {axis: pair for axis, pair in larger.items() if not all(map(is_zero, pair))}
    if not larger:
        handed_on(low, op, value)
        return
    edge, order = with_axes(low, value, list(larger))
    names = NAMES.get(len(order))
    if names is None:
        raise Unsupported(f"padding of a tensor of {len(order)} axes", [shape_])
    attrs = {names[order.index(axis)]: pair for axis, pair in larger.items()}
    low.result(op, low.emit(op, "pad", [edge], attrs), order, x.rank)


# -- made from nothing -------------------------------------------------------------------------------------------------


@rule("ConstantOfShape")
def constant_of_shape(low: Lowering, op: Op) -> None:
    sizes = low.contents(op, 0)
    value = op.attrs.get("value")
    filling: Any = 0
    dtype = "fp32"
    if isinstance(value, Stored):
        dtype = value.dtype
        filling = value.contents[0] if value.contents else None
    filled_with(low, op, tuple(sizes or ()), filling, dtype)


def filled_with(low: Lowering, op: Op, shape_: Shape, filling: Any, dtype: str) -> None:
    """A constant of one number everywhere."""
    if any(type(size) is int and size < 0 for size in shape_):
        raise Unfit(f"asks for a shape of {', '.join(map(str, shape_))}")
    few = all(type(size) is int for size in shape_) and product(shape_) <= MOST_CONTENTS
    contents = (filling,) * int(product(shape_)) if few and filling is not None else None
    low.define(op, Value(shape_, dtype, contents=contents, computed=True))


@rule("Range")
def range_(low: Lowering, op: Op) -> None:
    known = [numbers(low, low.read(op, i)) for i in range(3)]
    parts: list[Any] = [one.elements[0] if one and one.elements else None for one in known]
    dtype = low.read(op).dtype
    if any(one is None for one in parts):
        raise Unsupported("how long it is depends on data")
    start, limit, step = parts
    if type(step) is int and step == 0:
        raise Unfit("a range needs a step that is not 0")
    count = ceil_div(limit - start, step) if type(step) is int and step > 0 else -((limit - start) // -step)
    if type(count) is int:
        count = max(count, 0)
        few = count <= MOST_CONTENTS and dtype not in FLOATS
        contents = tuple(bounded(start + i * step) for i in range(count)) if few else None
        low.define(op, Value((count,), dtype, contents=contents, computed=True))
    else:
        low.define(op, Value((count,), dtype, computed=True))


@rule("EyeLike", "RandomNormalLike", "RandomUniformLike", "Bernoulli")
def like(low: Lowering, op: Op) -> None:
    x = low.read(op)
    dtype = DTYPES.get(whole(op, "dtype", 0), "") or x.dtype
    low.define(op, Value(x.shape, dtype, computed=True))


@rule("HannWindow", "HammingWindow", "BlackmanWindow")
def window_function(low: Lowering, op: Op) -> None:
    count = low.contents(op, 0)
    low.define(op, Value(tuple(count or (1,)), DTYPES.get(whole(op, "output_datatype", 1), ""), computed=True))


@rule("MelWeightMatrix")
def mel_weights(low: Lowering, op: Op) -> None:
    bins, length = low.contents(op, 0), low.contents(op, 1)
    if not bins or not length:
        raise Unfit("needs its numbers of bins")
    dtype = DTYPES.get(whole(op, "output_datatype", 1), "")
    low.define(op, Value((length[0] // 2 + 1, bins[0]), dtype, computed=True))


@rule("RandomNormal", "RandomUniform")
def random(low: Lowering, op: Op) -> None:
    low.define(op, Value(wholes(op, "shape"), DTYPES.get(whole(op, "dtype", 1), ""), computed=True))


@rule("OneHot")
def one_hot(low: Lowering, op: Op) -> None:
    x, depth = low.read(op), low.contents(op, 1)
    axis = axis_in(whole(op, "axis", -1), x.rank + 1)
    if not depth:
        raise Unfit("needs how many numbers there are")
    shape_ = (*x.shape[:axis], depth[0], *x.shape[axis:])
    if x.is_constant:
        low.computed(op, [x], Known(shape_, ()))
        return
    edge, order = low.any(x)
    step = low.emit(op, "one_hot", [edge], {"channels": depth[0]})
    there = [None if at is None else at + (at >= axis) for at in (order or (None,))]
    low.result(op, step, (*there, axis)[-len(step.cost.out[0]) :], x.rank + 1)


@rule("Trilu")
def triangle(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if x.is_constant:
        low.computed(op, [x], Known(x.shape, ()))
        return
    low.pointwise(op, "function", x, {"of": "scale"})


@rule("CumSum", "CumProd")
def cumulative(low: Lowering, op: Op) -> None:
    x = low.read(op)
    known, where = numbers(low, x), low.contents(op, 1)
    if not where or type(where[0]) is not int:
        raise Unfit("needs the axis")
    axis = axis_in(where[0], x.rank)
    if known and op.type == "CumSum" and x.rank == 1 and not op.attrs.keys() & {"exclusive", "reverse"}:
        sums = tuple(map(bounded, accumulate(known.elements))) if None not in known.elements else (None,)
        if None not in sums:
            low.computed(op, [x], vector(sums))
            return
    if x.is_constant:
        low.computed(op, [x], Known(x.shape, ()))
        return
    edge, order = with_axes(low, x, [axis])
    attrs = {"axis": order.index(axis), "function": "sum" if op.type == "CumSum" else "product"}
    low.result(op, low.emit(op, "cumulative", [edge], attrs), order, x.rank, like=x)


@rule("CenterCropPad")
def center_crop_pad(low: Lowering, op: Op) -> None:
    """The middle of some axes, or zeros around it, so that each has the size that is asked for."""
    x, sizes = low.read(op), low.contents(op, 1)
    axes = wholes(op, "axes", tuple(range(x.rank)))
    if sizes is None or len(sizes) != len(axes):
        raise Unfit(f"needs a size for each of {len(axes)} axes")
    ends: dict[int, tuple[Dim, Dim]] = {}
    for axis, size in zip(axes, sizes):
        place = axis_in(axis, x.rank)
        if type(size) is not int or type(x.shape[place]) is not int:
            raise Unsupported("a size that is cut to, away from the file's own")
        more = size - x.shape[place]
        before = more // 2 if more > 0 else -(-more // 2)
        if more:
            ends[place] = (before, more - before)
    padded(low, op, x, ends)


@rule("ReverseSequence")
def reverse(low: Lowering, op: Op) -> None:
    x = low.read(op)
    _chosen(low, op, x, axis_in(whole(op, "time_axis", 0), x.rank), x.shape[whole(op, "time_axis", 0)])
