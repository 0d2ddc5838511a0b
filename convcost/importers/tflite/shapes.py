"""TFLite's operators that move, cut, join and choose elements, and those that compute shapes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from typing import Any, Final

from convcost.core.axes import NAMES
from convcost.core.dims import Dim, Shape, maximum, minimum, product
from convcost.core.errors import Unfit
from convcost.importers import fixed
from convcost.importers.build import (
    aligned,
    combined,
    concatenated,
    cut,
    reduced,
    squeezed,
    taken,
    unsqueezed,
    with_axes,
)
from convcost.importers.contents import Known, gathered, joined, over, scalar, sliced, vector
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import MOST_CONTENTS, Op
from convcost.importers.tflite.matrices import looked_up
from convcost.importers.tflite.rules import axes_of, fusing, made, numbers, rule, stated_shape
from convcost.importers.values import Value, axis_in, is_one

#: Operator -> the word of `reduce`, and what it makes of two numbers.
REDUCTIONS: Final[dict[str, tuple[str, Callable[[Any, Any], Any] | None]]] = {
    "MEAN": ("mean", None),
    "SUM": ("sum", operator.add),
    "REDUCE_MAX": ("max", maximum),
    "REDUCE_MIN": ("min", minimum),
    "REDUCE_PROD": ("", operator.mul),
    "REDUCE_ANY": ("", None),
    "REDUCE_ALL": ("", None),
}


# -- the shape of a tensor ---------------------------------------------------------------------------------------------


@rule("SHAPE")
def shape(low: Lowering, op: Op) -> None:
    low.constant(op, vector(low.read(op).shape))


@rule("RANK")
def rank(low: Lowering, op: Op) -> None:
    low.constant(op, scalar(low.read(op).rank))


@rule("RESHAPE", "STABLEHLO_RESHAPE")
def reshape(low: Lowering, op: Op) -> None:
    """To the shape that an input, the options or, where neither is known, the tensor that it makes states."""
    x = low.read(op)
    target = low.optional(op, 1) if len(op.inputs) > 1 else None
    if target is not None and target.contents is not None and target.rank == 1:
        wanted: Sequence[Any] = target.contents
    elif target is None and op.attrs.get("new_shape"):
        wanted = op.attrs["new_shape"]
        wanted = () if tuple(wanted) == (0,) else wanted
    else:
        stated = low.body.stated.get(op.outputs[0])
        if stated is None or stated.shape is None:
            raise Unsupported("its shape is computed, and the file does not state it")
        wanted = [size if isinstance(size, int) else -1 for size in stated.shape]
        if wanted.count(-1) > 1:
            wanted = stated_shape(low, op)
    low.reshape(op, x, low.fitted(op, x, wanted))


@rule("TRANSPOSE", "STABLEHLO_TRANSPOSE")
def transpose(low: Lowering, op: Op) -> None:
    x = low.read(op)
    order = op.attrs.get("permutation") or axes_of(low, op, 1, x.rank)
    low.transpose(op, x, order)


@rule("EXPAND_DIMS")
def expand_dims(low: Lowering, op: Op) -> None:
    x = low.read(op)
    unsqueezed(low, op, x, axes_of(low, op, 1, x.rank + 1))


@rule("SQUEEZE")
def squeeze(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axes = op.attrs["squeeze_dims"] or tuple(at for at, size in enumerate(x.shape) if is_one(size))
    squeezed(low, op, x, axes)


# -- joining and cutting -----------------------------------------------------------------------------------------------


@fusing("CONCATENATION", wants="same")
def concatenation(low: Lowering, op: Op) -> None:
    values = [low.read(op, i) for i in range(len(op.inputs))]
    joined_along(low, op, values, axis_in(op.attrs["axis"], values[0].rank))


def joined_along(low: Lowering, op: Op, values: list[Value], axis: int) -> None:
    """Tensors one after the other: numbers at once, if all of them are known."""
    if values[0].rank and (known := low.all_known(values)):
        low.computed(op, values, joined(known, axis))
        return
    concatenated(low, op, values, axis)


@rule("PACK")
def pack(low: Lowering, op: Op) -> None:
    """Tensors along a new axis."""
    values = [low.read(op, i) for i in range(len(op.inputs))]
    axis = axis_in(op.attrs["axis"], values[0].rank + 1)
    wider = []
    for i, value in enumerate(values):
        part = low.part(op, f"part {i}", (op.inputs[i],))
        if known := low.known(value):
            shape = (*known.shape[:axis], 1, *known.shape[axis:])
            low.computed(part, [value], Known(shape, known.elements))
        else:
            unsqueezed(low, part, value, [axis])
        wider.append(made(low, part))
    joined_along(low, op, wider, axis)


@rule("UNPACK")
def unpack(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axis = axis_in(op.attrs["axis"], x.rank)
    fixed.check_parts(low, op.inputs[0], x, axis, [1] * len(op.outputs))
    parts = replace(op, outputs=tuple(low.part(op, f"part {i}").outputs[0] for i in range(len(op.outputs))))
    divided(low, parts, x, axis, [1] * len(op.outputs))
    for name, part in zip(op.outputs, parts.outputs, strict=True):
        squeezed(low, replace(op, outputs=(name,)), low.values[part], [axis])


@rule("SPLIT")
def split(low: Lowering, op: Op) -> None:
    x = low.read(op, 1)
    (axis,) = axes_of(low, op, 0, x.rank)
    count = len(op.outputs)
    if type(x.shape[axis]) is int and x.shape[axis] % count:
        raise Unfit(f"cuts an axis of {x.shape[axis]} into {count} equal parts")
    divided(low, op, x, axis, [x.shape[axis] // count] * count)


@rule("SPLIT_V")
def split_v(low: Lowering, op: Op) -> None:
    x = low.read(op)
    (axis,) = axes_of(low, op, 2, x.rank)
    sizes = list(numbers(low, op, 1))
    if len(sizes) != len(op.outputs) or sizes.count(-1) > 1:
        raise Unfit(f"cuts into {len(op.outputs)} parts of {', '.join(map(str, sizes))}")
    fixed.check_parts(
        low, op.inputs[0], x, axis, fixed.literal(low, op.inputs[1], [one if one != -1 else None for one in sizes])
    )
    if -1 in sizes:
        at = sizes.index(-1)
        sizes[at] = x.shape[axis] - sum(sizes[:at] + sizes[at + 1 :])
    divided(low, op, x, axis, sizes)


def divided(low: Lowering, op: Op, x: Value, axis: int, sizes: Sequence[Dim]) -> None:
    """A tensor in parts: numbers at once, if they are known; and parts without elements are none of the tensor's."""
    known, ends = low.known(x), [0]
    for size in sizes:
        ends.append(ends[-1] + size)
    for i, (start, stop) in enumerate(pairwise(ends)):
        if known:
            low.constant(op, sliced(known, axis, start, stop, 1), i)
        elif type(stop - start) is int and stop == start:
            low.constant(op, Known((*x.shape[:axis], 0, *x.shape[axis + 1 :]), ()), i)
    if known:
        return
    full = [i for i, size in enumerate(sizes) if type(size) is not int or size != 0]
    if len(full) == 1:
        low.same(replace(op, outputs=(op.outputs[full[0]],)), x)
    elif full:
        cut(low, replace(op, outputs=tuple(op.outputs[i] for i in full)), x, axis, [sizes[i] for i in full])


@rule("SLICE", "STRIDED_SLICE")
def slice_(low: Lowering, op: Op) -> None:
    """Parts of several axes; a strided slice also leaves out axes of which one element is taken, and puts in new ones."""
    x = low.read(op)
    known = low.known(x)
    ranges = _sizes(low, op, x) if op.type == "SLICE" else _strides(low, op, x)
    for axis, (start, stop, step) in enumerate(ranges.kept):
        size = x.shape[axis]
        if known:
            known = sliced(known, axis, int(start), int(stop), step)
        elif type(stop - start) is int and stop <= start:
            shape = tuple(0 if at == axis else size for at, size in enumerate(x.shape))
            low.constant(op, Known(shape, ()))
            x = made(low, op)
        elif not (type(start) is int and start == 0 and step == 1 and type(stop - size) is int and stop == size):
            x = taken(low, op, x, axis, start, stop, step)
    if known:
        shape = ranges.shape(known.shape)
        low.computed(op, [x], Known(shape, known.elements))
        return
    if ranges.shape(x.shape) == x.shape:
        low.same(op, x)
        return
    low.relabel(op, x, ranges.order())


class Ranges:
    """What is taken of each axis, and how the axes of the result are made of these."""

    def __init__(self) -> None:
        self.kept: list[tuple[Any, Any, int]] = []
        """For each axis start, stop and step, within its size."""
        self.result: list[int | None] = []
        """The axes of the result; None is a new one."""

    def keep(self, start: Any, stop: Any, step: int) -> None:
        """Take a part of the next axis."""
        self.result.append(len(self.kept))
        self.kept.append((start, stop, step))

    def order(self) -> list[int | None]:
        return self.result

    def shape(self, shape: Shape) -> Any:
        """The shape of the result, where that of the part is known."""
        return tuple(1 if axis is None else shape[axis] for axis in self.result)


def _sizes(low: Lowering, op: Op, x: Value) -> Ranges:
    begins, sizes = numbers(low, op, 1), numbers(low, op, 2)
    if not len(begins) == len(sizes) == x.rank:
        raise Unfit(f"takes parts of {len(begins)} axes of {x.rank}")
    found = Ranges()
    for begin, size, whole in zip(begins, sizes, x.shape):
        end = whole if type(size) is int and size == -1 else begin + size
        axis = len(found.kept)
        places = (
            *fixed.literal(low, op.inputs[1], [begin]),
            *fixed.literal(low, op.inputs[2], [end if end is not whole else None]),
        )
        if fixed.ends_there(low, op.inputs[0], x, axis, *places):
            end = whole
        if all(type(number) is int for number in (begin, end, whole)) and not 0 <= begin <= end <= whole:
            raise Unfit(f"takes elements {begin} to {end} of an axis of {whole}")
        found.keep(begin, end, 1)
    return found


def _strides(low: Lowering, op: Op, x: Value) -> Ranges:
    begins, ends, steps = (numbers(low, op, i) for i in (1, 2, 3))
    if not len(begins) == len(ends) == len(steps):
        raise Unfit("has other numbers of begins, ends and strides")
    masks = {name: op.attrs.get(f"{name}_mask", 0) for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    bits = {name: [bool(mask >> i & 1) for i in range(len(begins))] for name, mask in masks.items()}
    new = sum(wanted and not rest for wanted, rest in zip(bits["new_axis"], bits["ellipsis"]))
    spare = x.rank - (len(begins) - new - sum(bits["ellipsis"]))
    if spare < 0 or sum(bits["ellipsis"]) > 1:
        raise Unfit(f"takes parts of {len(begins) - new} axes of {x.rank}")
    found = Ranges()
    for i, (begin, given, step) in enumerate(zip(begins, ends, steps)):
        if bits["ellipsis"][i]:
            for _ in range(spare):
                found.keep(0, x.shape[len(found.kept)], 1)
        elif bits["new_axis"][i]:
            found.result.append(None)
        else:
            size = x.shape[len(found.kept)]
            if bits["shrink_axis"][i]:
                start = _from_end(begin, size)
                found.kept.append((start, start + 1, 1))
            else:
                open_ = bits["begin"][i], bits["end"][i]
                start, stop = [
                    None if left else fixed.literal(low, op.inputs[at], [one])[0]
                    for at, one, left in ((1, begin, open_[0]), (2, given, open_[1]))
                ]
                end = given
                if op.attrs.get("offset") and not open_[0]:  # the end is counted from where it begins
                    end = _bounds(begin, 0, step, size, False, True)[0] + given
                    stop = None if start is None or stop is None else start + stop
                ends_there = fixed.ends_there(low, op.inputs[0], x, len(found.kept), start, stop)
                found.keep(*_bounds(begin, end, step, size, open_[0], open_[1] or ends_there))
    for at in range(len(found.kept), x.rank):
        found.keep(0, x.shape[at], 1)
    return found


def _from_end(at: Any, size: Dim) -> Any:
    if type(at) is int and type(size) is int and not -size <= at < size:
        raise Unfit(f"takes element {at} of an axis of {size}")
    return size + at if type(at) is int and at < 0 else at


def _bounds(begin: Any, end: Any, step: Any, size: Dim, *open_: bool) -> tuple[Any, Any, int]:
    """Start and stop of a range as Python has them, within an axis of this size; `open_` says which ends are left out."""
    if type(step) is not int or step < 1:
        raise Unsupported("elements in steps that do not go forward")
    if all(type(number) is int for number in (begin, end, size)):
        chosen: Any = slice(None if open_[0] else begin, None if open_[1] else end, step).indices(int(size))
        return chosen[0], max(chosen[1], chosen[0]), step
    start = 0 if open_[0] else _from_end(begin, size)
    stop = size if open_[1] else _from_end(end, size)
    is_far = type(stop) is int and stop >= 1 << 30  # an end that no axis reaches
    return start, size if is_far else stop, step


# -- more elements, or fewer -------------------------------------------------------------------------------------------


@rule("PAD", "PADV2", "MIRROR_PAD", wants="same")
def pad(low: Lowering, op: Op) -> None:
    x, ends = low.read(op), numbers(low, op, 1)
    if len(ends) != 2 * x.rank:
        raise Unfit(f"pads {len(ends) // 2} axes of {x.rank}")
    pairs = list(zip(ends[::2], ends[1::2]))
    wide = [axis for axis, (before, after) in enumerate(pairs) if before or after]
    if not wide:
        low.same(op, x)
        return
    if not fixed.is_derived(low, op.inputs[1]):
        fixed.note_padding(low, op.inputs[0], x, wide)
    edge, order = with_axes(low, x, wide)
    names = NAMES.get(len(order))
    if names is None:
        raise Unsupported(f"zeros around a tensor of {len(order)} axes")
    attrs = {names[order.index(axis)]: list(pairs[axis]) for axis in wide}
    low.result(op, low.emit(op, "pad", [edge], attrs), order, x.rank)


@rule("TILE")
def tile(low: Lowering, op: Op) -> None:
    x, times = low.read(op), numbers(low, op, 1)
    if len(times) != x.rank:
        raise Unfit(f"repeats {len(times)} axes of {x.rank}")
    written = fixed.literal(low, op.inputs[1], times)
    alone = {axis: one for axis, one in enumerate(written) if is_one(x.shape[axis])}
    here = fixed.sizes_here(low, op.inputs[0], x, alone, grows=True)
    times = tuple(here.get(axis, one) for axis, one in enumerate(times))
    broad = tuple(size * count for size, count in zip(x.shape, times))
    if x.is_constant:
        low.computed(op, [x], Known(broad, ()))
        return
    ones = tuple(size * count if is_one(size) else size for size, count in zip(x.shape, times))
    expanded(low, op, x, ones)
    for axis, count in enumerate(times):
        if not is_one(count) and not is_one(x.shape[axis]):
            chosen(low, op, made(low, op), axis, broad[axis])


@rule("BROADCAST_TO")
def broadcast_to(low: Lowering, op: Op) -> None:
    x, sizes = low.read(op), numbers(low, op, 1)
    if len(sizes) < x.rank:
        raise Unfit(f"stretches a tensor of {x.rank} axes to one of {len(sizes)}")
    written = dict(enumerate(fixed.literal(low, op.inputs[1], sizes)))
    here = fixed.sizes_here(low, op.inputs[0], x, written, len(sizes), grows=True)
    expanded(low, op, x, tuple(here.get(axis, size) for axis, size in enumerate(sizes)))


def expanded(low: Lowering, op: Op, x: Value, shape: Shape) -> None:
    """A tensor that is repeated along axes of size 1, and along new ones before the first."""
    if x.is_constant:
        low.computed(op, [x], Known(tuple(shape), ()))
        return
    lacks = len(shape) - x.rank
    order = [axis for axis in range(len(shape)) if axis or not is_one(shape[axis])]
    if lacks == 0 and all(is_one(new) or not is_one(old) for new, old in zip(shape, x.shape)):
        low.same(op, x)
        return
    edge = low.present(x, aligned(x, order, len(shape)))
    step = low.emit(op, "expand", [edge], {"shape": [shape[axis] for axis in order]})
    low.result(op, step, order, len(shape))
    assert lacks >= 0


@rule("FILL", "ZEROS_LIKE")
def fill(low: Lowering, op: Op) -> None:
    if op.type == "ZEROS_LIKE":
        low.computed(op, [], Known(low.read(op).shape, ()))
        return
    sizes, value = numbers(low, op, 0), low.read(op, 1)
    small = all(type(size) is int and size >= 0 for size in sizes) and product(sizes) <= MOST_CONTENTS
    elements = value.contents * int(product(sizes)) if small and value.is_number and value.contents else ()
    low.computed(op, [], Known(tuple(sizes), elements))


@rule("RANGE")
def range_(low: Lowering, op: Op) -> None:
    start, limit, delta = (numbers(low, op, i)[0] for i in range(3))
    if not all(isinstance(number, int | float) for number in (start, limit, delta)) or not delta:
        raise Unsupported("numbers whose count depends on an input's size")
    count = max(0, int(-((start - limit) // delta)))
    elements = tuple(start + i * delta for i in range(count)) if count <= MOST_CONTENTS else ()
    low.computed(op, [], Known((count,), elements))


# -- chosen elements ---------------------------------------------------------------------------------------------------


def chosen(low: Lowering, op: Op, x: Value, axis: int, count: Dim, indices: Value | None = None) -> Value:
    """So many elements of an axis, in any order."""
    edge, order = with_axes(low, x, [axis])
    edges = [edge] if indices is None else [edge, low.any(indices)[0]]
    step = low.emit(op, "gather", edges, {"count": count, "axis": order.index(axis)})
    return low.result(op, step, order, x.rank)


@rule("GATHER")
def gather(low: Lowering, op: Op) -> None:
    x, indices = low.read(op), low.read(op, 1)
    axis, batch = axis_in(op.attrs.get("axis", 0), max(x.rank, 1)), op.attrs.get("batch_dims", 0)
    known, which = low.known(x), low.known(indices)
    if known and which and not batch:
        low.computed(op, [x], _gathered(known, which, axis))
    elif batch and not all(is_one(size) for size in indices.shape[:batch]):
        raise Unsupported("other elements of each member of a batch")
    elif x.stored and x.rank == 2 and axis == 0 and not indices.is_constant:
        looked_up(low, op, indices, x)
    else:
        _gather(low, op, x, indices, axis, batch)


def _gathered(known: Known, which: Known, axis: int) -> Known:
    try:
        return gathered(known, which, axis)
    except IndexError as error:
        raise Unfit(str(error)) from None


def _gather(low: Lowering, op: Op, x: Value, indices: Value, axis: int, batch: int) -> None:
    """Chosen elements of an activation; the axes of the indices stand in the place of the one that they choose from."""
    inner = indices.shape[batch:]
    if indices.is_constant:
        fixed.check_chosen(low, op.inputs[0], x, axis, op.inputs[1], product(inner))
    part = low.part(op, "chosen")
    value = chosen(low, part, x, axis, product(inner), None if indices.is_constant else indices)
    wanted = (*x.shape[:axis], *inner, *x.shape[axis + 1 :])
    if len(inner) == 1:
        low.same(op, value)
    elif not inner:
        squeezed(low, op, value, [axis])
    else:
        low.reshape(replace(op, inputs=part.outputs), value, wanted)


@rule("GATHER_ND")
def gather_nd(low: Lowering, op: Op) -> None:
    """Elements, or parts, that are chosen by several axes at once: these are read as one."""
    x, indices = low.read(op), low.read(op, 1)
    depth = indices.shape[-1] if indices.rank else 0
    if type(depth) is not int or not 1 <= depth <= x.rank or x.is_constant:
        raise Unsupported("elements chosen by a number of axes that is computed")
    count = product(indices.shape[:-1])
    flat = low.part(op, "axes")
    low.reshape(flat, x, (product(x.shape[:depth]), *x.shape[depth:]))
    part = low.part(op, "chosen", flat.outputs)
    chosen(low, part, made(low, flat), 0, count)
    low.reshape(replace(op, inputs=part.outputs), made(low, part), (*indices.shape[:-1], *x.shape[depth:]))


@rule("REVERSE_V2", "REVERSE_SEQUENCE")
def reverse(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axes = axes_of(low, op, 1, x.rank) if op.type == "REVERSE_V2" else (axis_in(op.attrs["seq_dim"], x.rank),)
    if x.is_constant:
        low.computed(op, [x], Known(x.shape, ()))
        return
    low.same(op, x)
    for axis in axes:
        chosen(low, op, made(low, op), axis, x.shape[axis])


@rule("ONE_HOT")
def one_hot(low: Lowering, op: Op) -> None:
    """A comparison of each index with all numbers below `depth`, along a new axis."""
    x, (depth,) = low.read(op), numbers(low, op, 1)
    axis = axis_in(op.attrs["axis"], x.rank + 1)
    wide, classes = low.part(op, "wide"), low.part(op, "classes")
    unsqueezed(low, wide, x, [axis])
    low.computed(classes, [], Known((depth, *(1,) * (x.rank - axis)), ()))
    combined(low, op, "equal", [made(low, wide), made(low, classes)])


@rule("TOPK_V2")
def top_k(low: Lowering, op: Op) -> None:
    x, (count,) = low.read(op), numbers(low, op, 1)
    edge, order = with_axes(low, x, [-1])
    step = low.emit(op, "top_k", [edge], {"count": count, "axis": order.index(x.rank - 1)})
    for i in range(2):
        low.result(op, step, order, x.rank, i)


@rule("ARG_MAX", "ARG_MIN")
def arg_max(low: Lowering, op: Op) -> None:
    """Where the largest element stands; the smallest is found alike."""
    x = low.read(op)
    (axis,) = axes_of(low, op, 1, x.rank)
    edge, order = with_axes(low, x, [axis])
    step = low.emit(op, "top_k", [edge], {"count": 1, "axis": order.index(axis)})
    value = low.result(replace(op, outputs=("", op.outputs[0])), step, order, x.rank, 1)
    squeezed(low, op, value, [axis])


@rule(*REDUCTIONS)
def reduction(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axes = sorted({*axes_of(low, op, 1, x.rank)})
    word, compute = REDUCTIONS[op.type]
    known = low.known(x)
    if known and compute and all(known.shape[axis] for axis in axes):
        for axis in axes:
            known = over(lambda line: reduce(compute, line), known, axis)
        keep = op.attrs.get("keep_dims")
        shape = known.shape if keep else tuple(size for at, size in enumerate(known.shape) if at not in axes)
        low.computed(op, [x], Known(shape, known.elements))
    elif not word:
        raise Unsupported("a product, or a question to all elements")
    elif not axes:
        low.same(op, x)
    else:
        reduced(low, op, x, axes, word, keep=bool(op.attrs.get("keep_dims")))


@rule("STABLEHLO_CONCATENATE")
def stablehlo_concatenate(low: Lowering, op: Op) -> None:
    values = [low.read(op, i) for i in range(len(op.inputs))]
    joined_along(low, op, values, axis_in(op.attrs["dimension"], values[0].rank))


@rule("RFFT2D")
def rfft2d(low: Lowering, op: Op) -> None:
    """A transform of which nobody counts products; how many frequencies it has is known."""
    x, (rows, columns) = low.read(op), numbers(low, op, 1)
    raise Unsupported("a Fourier transform", [(*x.shape[:-2], rows, columns // 2 + 1)])
