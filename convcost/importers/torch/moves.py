"""Ops of PyTorch that read, cut or join elements without computing any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from convcost.core.axes import NAMES
from convcost.core.dims import Dim, ceil_div, product
from convcost.core.errors import Unfit
from convcost.importers import build, fixed
from convcost.importers.contents import joined, less, sliced
from convcost.importers.lower import Lowering, Unsupported, rest_filled
from convcost.importers.model import Op
from convcost.importers.torch.arguments import (
    RULES,
    axis_of,
    becomes_weights,
    behind,
    cut_off,
    data,
    fold,
    folds,
    made,
    named,
    number,
    numbers,
    of_vectors,
    optional,
    output,
    part,
    rule,
    stated_shape,
    tensor,
    tensors,
    word_of,
)
from convcost.importers.torch.calls import Ref, is_list, refs
from convcost.importers.torch.mutation import WRITE_BACK
from convcost.importers.torch.pointwise import check_grows, stretched
from convcost.importers.values import Value, axis_in, empty_along, is_one, is_zero

MOST_PARTS = 1000
SIZED = ("split_sizes", "split_size", "indices")
"""Arguments that say how large parts are, or where they end."""


# -- other shapes ------------------------------------------------------------------------------------------------------


@rule("view", "reshape", "_unsafe_view", "_reshape_alias", "view_copy")
def reshape(low: Lowering, op: Op) -> None:
    word = "size" if "size" in op.attrs else "shape"
    if word not in op.attrs:
        raise Unsupported("reads elements as ones of another type")
    x = tensor(low, op)
    low.reshape(op, x, low.fitted(op, x, numbers(low, op, word)))


@rule("view_as", "reshape_as")
def reshape_as(low: Lowering, op: Op) -> None:
    low.reshape(op, tensor(low, op), tensor(low, op, "other").shape)


@rule("flatten")
def flatten(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    if x.rank == 0:
        low.reshape(op, x, (1,))
        return
    start, end = (axis_of(low, op, x, word, default) for word, default in (("start_dim", 0), ("end_dim", -1)))
    if start > end:
        raise Unfit(f"merges axes from {start} to {end}")
    low.reshape(op, x, (*x.shape[:start], product(x.shape[start : end + 1]), *x.shape[end + 1 :]))


@rule("ravel")
def ravel(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    low.reshape(op, x, (product(x.shape),))


@rule("unflatten")
def unflatten(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    axis = axis_of(low, op, x)
    sizes = rest_filled(numbers(low, op, "sizes"), x.shape[axis])
    low.reshape(op, x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))


def _dims(op: Op, word: str) -> tuple[int, ...]:
    given = op.attrs[word_of(op, word)]
    return given if is_list(given) else (given,)


def _permuted(op: Op, channel: int | None) -> int | None:
    """The axis of what a permutation reads that it puts where the channels are wanted."""
    if channel is None or not isinstance(dims := op.attrs.get("dims"), tuple) or not -len(dims) <= channel < len(dims):
        return None
    found = dims[channel]
    return found if isinstance(found, int) else None


@rule("permute", "permute_copy", wants=_permuted)
def permute(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    low.transpose(op, x, [axis_in(axis, x.rank) for axis in _dims(op, "dims")])


def _swapped(op: Op, channel: int | None) -> int | None:
    """The axis of what a transposition reads that it puts where the channels are wanted."""
    given = [op.attrs[word] for word in ("dim0", "dim1", "axis0", "axis1") if word in op.attrs] or [-2, -1]
    return given[1 - given.index(channel)] if channel in given and len(given) == 2 else channel


@rule("transpose", "swapaxes", "swapdims", "t", "numpy_T", "adjoint", "mT", "transpose_copy", wants=_swapped)
def transpose(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    order = list(range(x.rank))
    given = [op.attrs[word] for word in ("dim0", "dim1", "axis0", "axis1") if word in op.attrs]
    if op.type == "aten.numpy_T":
        order.reverse()
    elif x.rank > 1:
        if len(given) == 1:
            raise Unfit("needs two axes to swap")
        a, b = (axis_in(axis, x.rank) for axis in (given or (-2, -1)))
        order[a], order[b] = order[b], order[a]
    low.transpose(op, x, order)


@rule("movedim", "moveaxis")
@of_vectors
def moved_axes(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    source, target = ([axis_in(axis, x.rank) for axis in _dims(op, word)] for word in ("source", "destination"))
    if not len({*source}) == len({*target}) == len(source) == len(target):
        raise Unfit(f"moves axes {tuple(source)} to {tuple(target)}")
    place = dict(zip(target, source))
    rest = iter(axis for axis in range(x.rank) if axis not in source)
    low.transpose(op, x, [place[at] if at in place else next(rest) for at in range(x.rank)])


@rule("squeeze")
def squeeze(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    given = op.attrs.get("dim")
    axes = range(x.rank) if given is None or not x.rank else [axis_in(axis, x.rank) for axis in _dims(op, "dim")]
    build.squeezed(low, op, x, [axis for axis in axes if is_one(x.shape[axis])])


@rule("unsqueeze")
def unsqueeze(low: Lowering, op: Op) -> None:
    build.unsqueezed(low, op, tensor(low, op), [number(low, op, "dim")])


@rule("expand", "expand_copy", "broadcast_to")
def expand(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    sizes = numbers(low, op, "size")
    check_grows(x, sizes)
    here = fixed.sizes_here(low, op.inputs[0], x, dict(enumerate(written(op, "size"))), len(sizes), grows=True)
    stretched(low, op, x, tuple(here.get(axis, size) for axis, size in enumerate(sizes)))


@rule("expand_as")
def expand_as(low: Lowering, op: Op) -> None:
    stretched(low, op, tensor(low, op), tensor(low, op, "other").shape)


@rule("repeat", "tile")
def repeat(low: Lowering, op: Op) -> None:
    """A tensor several times along its axes."""
    x = tensor(low, op)
    times = numbers(low, op, "repeats" if "repeats" in op.attrs else "dims")
    times = (*(1,) * (x.rank - len(times)), *times)
    lacks = len(times) - x.rank
    ones = {axis: one for axis, one in enumerate(times) if axis < lacks or is_one(x.shape[axis - lacks])}
    if not any(isinstance(one, Ref) for one in op.attrs[word_of(op, "repeats", "dims")]):
        here = fixed.sizes_here(low, op.inputs[0], x, ones, len(times), grows=True)
        times = tuple(here.get(axis, one) for axis, one in enumerate(times))
    lifted = part(low, op, "lifted")
    low.relabel(lifted, x, [None] * (len(times) - x.rank) + list(range(x.rank)))
    whole = made(low, lifted)
    shape = tuple(size * count for size, count in zip(whole.shape, times))
    if all(is_one(count) or is_one(size) for size, count in zip(whole.shape, times)):
        stretched(low, op, whole, shape)
    elif folds(low, op, [x]):
        fold(low, op, [x], shape)
    else:
        tiled(low, op, data(low, whole), times)


def tiled(low: Lowering, op: Op, x: Value, times: Sequence[Dim]) -> None:
    """A tensor so many times along each of its axes."""
    edge, order = build.with_axes(low, x, [axis for axis, count in enumerate(times) if not is_one(count)])
    counts = [1 if axis is None else times[axis] for axis in order]
    low.result(op, low.emit(op, "tile", [edge], {"repeats": counts}), order, x.rank)


@rule("repeat_interleave")
def repeat_interleave(low: Lowering, op: Op) -> None:
    if "self" not in op.attrs:
        raise Unsupported("places as often as data say")
    x, axis = tensor(low, op), number(low, op, "dim", None)
    if axis is None:
        flat, axis = part(low, op, "flat"), 0
        low.reshape(flat, x, (product(x.shape),))
        x = made(low, flat)
    axis = axis_in(axis, x.rank)
    shape = list(x.shape)
    shape[axis] = shape[axis] * number(low, op, "repeats")
    if folds(low, op, [x]):
        fold(low, op, [x], shape)
    else:
        _chosen_along(low, op, data(low, x), tuple(shape))


def _chosen_along(low: Lowering, op: Op, x: Value, shape: tuple[Dim, ...]) -> None:
    """Fixed elements along each axis that changes its size."""
    axes = [axis for axis in range(x.rank) if x.shape[axis] is not shape[axis] and x.shape[axis] != shape[axis]]
    if not axes:
        low.same(op, x)
    for i, axis in enumerate(axes):
        inner = op if i == len(axes) - 1 else part(low, op, f"axis{axis}")
        edge, order = build.with_axes(low, x, [axis])
        step = low.emit(inner, "gather", [edge], {"count": shape[axis], "axis": order.index(axis)})
        x = low.result(inner, step, order, x.rank)


# -- parts -------------------------------------------------------------------------------------------------------------


def taken(low: Lowering, op: Op, x: Value, axis: int, start: Dim, stop: Dim, step: int = 1) -> Value:
    """Every `step`-th element of an axis, from start to stop - 1, both within it."""
    known = low.known(x)
    if known is not None and all(type(one) is int for one in (start, stop)):
        low.computed(op, [x], sliced(known, axis, start, stop, step))
    elif x.is_constant and all(type(one) is int for one in (start, stop)) and becomes_weights(low, op):
        low.define(op, cut_off(low, x, axis, start, stop, step))
    elif less(start, stop) is False:
        low.define(op, empty_along(x, axis))
    elif folds(low, op, [x]):
        shape = list(x.shape)
        shape[axis] = -(-(stop - start) // step)
        fold(low, op, [x], shape)
    else:
        build.taken(low, op, data(low, x), axis, start, stop, step)
    return made(low, op)


def _within(at: Any, size: Dim) -> Dim:
    """A place on an axis, as Python counts it."""
    if type(at) is not int:
        return at
    if at < 0:
        return size + at if type(size) is not int else max(size + at, 0)
    return at if type(size) is not int else min(at, size)


def _place(at: Any, size: Dim, behind: int) -> Dim:
    """As `_within`, of a place that must be there, with so many elements behind it."""
    if type(at) is type(size) is int and not -size <= at <= size - behind:
        raise Unfit(f"chooses element {at} of an axis of {size}")
    return _within(at, size)


@rule("slice", wants="same")
def slice_(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    axis = axis_of(low, op, x, default=0)
    size = x.shape[axis]
    start, stop = number(low, op, "start", None), number(low, op, "end", None)
    ends = fixed.ends_there(low, op.inputs[0], x, axis, *written(op, "start"), *written(op, "end"))
    first = 0 if start is None else _within(start, size)
    last = size if stop is None or ends or (type(stop) is int and stop >= 2**62) else _within(stop, size)
    step = number(low, op, "step", 1)
    if less(step, 1):
        raise Unfit(f"step must be >= 1, got {step}")
    taken(low, op, x, axis, first, last, step)


def written(op: Op, word: str) -> tuple[Any, ...]:
    """The numbers of an argument as far as the program has written them down; None for those that it computes."""
    given = op.attrs.get(word)
    many = given if is_list(given) else (given,)
    return tuple(one if type(one) is int else None for one in many)


@rule("narrow", wants="same")
def narrow(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    axis = axis_of(low, op, x)
    start = _place(number(low, op, "start"), x.shape[axis], 0)
    stop = start + number(low, op, "length")
    places = (*written(op, "start"), stop if type(stop) is int else None)
    if fixed.ends_there(low, op.inputs[0], x, axis, *places) and None not in written(op, "length"):
        stop = x.shape[axis]
    taken(low, op, x, axis, start, stop)


@rule("select")
def select(low: Lowering, op: Op) -> None:
    x, inner = tensor(low, op), part(low, op, "slice")
    axis = axis_of(low, op, x)
    at = _place(number(low, op, "index"), x.shape[axis], 1)
    if becomes_weights(low, op):
        low.define(inner, cut_off(low, x, axis, at, at + 1) if x.is_constant else data(low, x))
    else:
        taken(low, inner, x, axis, at, at + 1)
    build.squeezed(low, op, made(low, inner), [axis])


@rule("split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split", "unsafe_chunk", wants="same")
def split(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    axis = axis_of(low, op, x, default=0)
    fixed.check_parts(low, op.inputs[0], x, axis, written(op, next(iter({*SIZED} & {*op.attrs}), "")))
    if "indices" in op.attrs:
        _cut_at(low, op, x, axis, numbers(low, op, "indices"))
    else:
        parted(low, op, x, axis, _sections(low, op, x.shape[axis]))


def _cut_at(low: Lowering, op: Op, x: Value, axis: int, places: Sequence[Any]) -> None:
    """The parts between places: one of them is empty where these fall, and those beside it overlap."""
    pairs = [*pairwise([0, *(_within(at, x.shape[axis]) for at in places), x.shape[axis]])]
    if not any(less(stop, start) for start, stop in pairs):
        parted(low, op, x, axis, [stop - start for start, stop in pairs])
        return
    _check_count(op, len(pairs))
    for i, (start, stop) in enumerate(pairs):
        taken(low, output(op, i), x, axis, start, stop)


def _check_count(op: Op, count: int) -> None:
    if count != len(op.outputs):
        raise Unfit(f"cuts into {count} parts, and makes {len(op.outputs)}")


def _sections(low: Lowering, op: Op, size: Dim) -> list[Dim]:
    """The sizes of the parts."""
    word = word_of(op, "split_sizes", "split_size", "chunks", "sections")
    given, many = numbers(low, op, word), len(op.outputs)
    if word == "split_sizes" or is_list(op.attrs[word]):
        return list(given)
    if many > MOST_PARTS:
        raise Unfit(f"cuts into {many:,} parts")
    if less(given[0], 1):
        raise Unfit(f"{word} must be >= 1, got {given[0]}")
    if word == "sections":
        _check_count(op, given[0])
        return [(size + many - 1 - at) // many for at in range(many)]
    each = given[0] if word == "split_size" else ceil_div(size, given[0])
    if less(each * (many - 1), size) is False or less(each * many, size):
        raise Unfit(f"cuts {size} into {many} parts of {each}")
    return [*[each] * (many - 1), size - each * (many - 1)]


def parted(low: Lowering, op: Op, x: Value, axis: int, sizes: Sequence[Dim]) -> None:
    """A tensor in parts along an axis; those without elements are none of the node's."""
    _check_count(op, len(sizes))
    real = [i for i, size in enumerate(sizes) if not is_zero(size)]
    for i in sorted({*range(len(sizes))} - {*real}):
        low.define(output(op, i), empty_along(x, axis))
    if not real:
        return
    if not x.is_constant or not (becomes_weights(low, op) or folds(low, op, [x])):
        cut = replace(op, outputs=tuple(op.outputs[i] for i in real))
        build.cut(low, cut, data(low, x), axis, [sizes[i] for i in real])
        return
    start = 0
    for i in real:
        taken(low, output(op, i), x, axis, start, start + sizes[i])
        start = start + sizes[i]


@rule("unbind")
def unbind(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    axis = axis_of(low, op, x, default=0)
    if len(op.outputs) > MOST_PARTS:
        raise Unfit(f"cuts into {len(op.outputs):,} parts")
    fixed.check_parts(low, op.inputs[0], x, axis, [1] * len(op.outputs))
    inner = part(low, op, *(f"part{i}" for i in range(len(op.outputs))))
    weights = [i for i, name in enumerate(op.outputs) if becomes_weights(low, output(op, i)) and name]
    if weights and x.is_constant:
        for i in range(len(op.outputs)):
            low.define(output(inner, i), cut_off(low, x, axis, i, i + 1))
    else:
        parted(low, inner, x, axis, [1] * len(op.outputs))
    for i in range(len(op.outputs)):
        build.squeezed(low, output(op, i), made(low, inner, i), [axis])


@rule("index_select")
@of_vectors
def index_select(low: Lowering, op: Op) -> None:
    x, indices = tensor(low, op), tensor(low, op, "index")
    _chosen(low, op, x, axis_of(low, op, x), indices)


def _chosen(low: Lowering, op: Op, x: Value, axis: int, indices: Value) -> None:
    """Elements of an axis by the numbers in another tensor, whose axes stand in its place."""
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    if folds(low, op, [x, indices]):
        fold(low, op, [x], shape)
        return
    if indices.is_constant:
        fixed.check_chosen(low, op.inputs[0], x, axis, op.inputs[-1], product(indices.shape))
    inner = op if indices.rank == 1 else part(low, op, "chosen")
    x = data(low, x)
    edge, order = build.with_axes(low, x, [axis])
    count = product(indices.shape)
    is_made = indices.is_constant and not indices.stored
    edges = [edge] if is_made else [edge, low.any(data(low, indices))[0]]
    step = low.emit(inner, "gather", edges, {"count": count, "axis": order.index(axis)})
    low.result(inner, step, order, x.rank)
    if inner is not op:
        low.reshape(behind(op, inner), made(low, inner), shape)


@rule("index")
def index(low: Lowering, op: Op) -> None:
    """Elements by the numbers in other tensors, as numpy's advanced indexing takes them."""
    x = tensor(low, op)
    given = [named(low, one.name) if isinstance(one, Ref) else None for one in op.attrs.get("indices", ())]
    used = [(axis, one) for axis, one in enumerate(given) if one is not None]
    if any(one.dtype == "bool" for _, one in used):
        raise Unsupported("chooses elements by what they are")
    if len(used) == 1:
        _chosen(low, op, x, *used[0])
    elif folds(low, op, [x, *(one for _, one in used)]):
        fold(low, op, [x], stated_shape(low, op))
    else:
        rearranged(low, op, x, stated_shape(low, op))


@rule("flip", "fliplr", "flipud", "tril", "triu")
def turned(low: Lowering, op: Op) -> None:
    """As many elements as there are, each written to a place."""
    x = tensor(low, op)
    if folds(low, op, [x]):
        fold(low, op, [x], x.shape)
        return
    edge, order = low.any(data(low, x))
    count = low.walk.shapes[edge][0]
    low.result(op, low.emit(op, "gather", [edge], {"count": count, "axis": 0}), order, x.rank)


@rule("rot90", "gather", "take", "take_along_dim", "unfold", "as_strided")
@of_vectors
def picked(low: Lowering, op: Op) -> None:
    """Elements in another order, or some of them: counted as what they are, so many elements that are copied."""
    x, places = tensor(low, op), optional(low, op, "index") or optional(low, op, "indices")
    if places is not None:
        _placed(low, op, x, places)
    elif folds(low, op, [x]):
        fold(low, op, [x], _shape_of_picked(low, op, x))
    else:
        rearranged(low, op, x, _shape_of_picked(low, op, x))


def _shape_of_picked(low: Lowering, op: Op, x: Value) -> tuple[Dim, ...]:
    """The shape of windows along an axis, which come last, and of a turned map; of others that which the program states."""
    shape = list(x.shape)
    if op.type == "aten.unfold":
        axis, size, step = axis_of(low, op, x, "dimension"), number(low, op, "size"), number(low, op, "step")
        if less(step, 1) or less(size, 0) or less(shape[axis], size):
            raise Unfit(f"takes windows of {size} in steps of {step} along an axis of {shape[axis]}")
        shape[axis] = (shape[axis] - size) // step + 1
        return (*shape, size)
    if op.type == "aten.rot90":
        plane = [axis_in(axis, x.rank) for axis in numbers(low, op, "dims", (0, 1))]
        if len({*plane}) != 2 or len(plane) != 2:
            raise Unfit(f"turns a plane of two axes, got {tuple(plane)}")
        first, second = plane
        if number(low, op, "k", 1) % 2:
            shape[first], shape[second] = shape[second], shape[first]
        return tuple(shape)
    return stated_shape(low, op)


def _placed(low: Lowering, op: Op, x: Value, places: Value) -> None:
    """An element for each number in another tensor, whose shape it has."""
    if folds(low, op, [x, places]):
        fold(low, op, [x], places.shape)
    else:
        rearranged(low, op, x, places.shape, places)


def rearranged(low: Lowering, op: Op, x: Value, shape: Sequence[Dim], places: Value | None = None) -> None:
    """Chosen elements of a tensor, in any order, as a tensor of this shape; which ones may be said by another."""
    flat, chosen = part(low, op, "flat"), part(low, op, "chosen")
    low.reshape(flat, data(low, x), (product(x.shape),))
    edge, order = low.any(made(low, flat))
    edges = [edge] if places is None else [edge, low.any(data(low, places))[0]]
    step = low.emit(chosen, "gather", edges, {"count": product(shape), "axis": 0})
    low.result(chosen, step, order, 1)
    low.reshape(behind(op, chosen), made(low, chosen), tuple(shape))


@rule("roll")
def roll(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    if folds(low, op, [x]):
        fold(low, op, [x], x.shape)
        return
    x = data(low, x)
    dims = [axis_in(axis, x.rank) for axis in numbers(low, op, "dims", ())]
    shifts = dict(zip(dims, numbers(low, op, "shifts")))
    edge, order = build.with_axes(low, x, dims)
    if not dims or order[-1] in shifts or len(order) < 2:
        rearranged(low, op, x, x.shape)
        return
    shift = [shifts.get(axis, 0) if axis is not None else 0 for axis in order[:-1]]
    low.result(op, low.emit(op, "roll", [edge], {"shift": shift}), order, x.rank)


# -- joined ------------------------------------------------------------------------------------------------------------


@rule("cat", "concat", "concatenate", wants="same")
def concatenate(low: Lowering, op: Op) -> None:
    _joined(low, op, tensors(low, op), number(low, op, "dim", 0))


@rule("stack")
def stack(low: Lowering, op: Op) -> None:
    values, axis = tensors(low, op), number(low, op, "dim", 0)
    for i, value in enumerate(values):
        inner = part(low, op, f"part{i}")
        build.unsqueezed(low, inner, value, [axis])
        values[i] = made(low, inner)
    _joined(low, op, values, axis)


def _joined(low: Lowering, op: Op, values: list[Value], axis: int) -> None:
    if not values:
        raise Unfit("joins no tensors")
    values = [value for value in values if value.shape != (0,)] or values[:1]
    axis = axis_in(axis, values[0].rank)
    values = [value for value in values if axis >= value.rank or not is_zero(value.shape[axis])] or values[:1]
    if folds(low, op, values):
        known = low.all_known(values) if values[0].rank else None
        whole = joined(known, axis) if known else None
        shape = list(values[0].shape)
        if values[0].rank:
            shape[axis] = sum((value.shape[axis] for value in values[1:]), values[0].shape[axis])
        fold(low, op, values, shape, whole)
    elif len({id(value) for value in values}) == 1 and len(values) > 1:
        tiled(low, op, data(low, values[0]), [len(values) if at == axis else 1 for at in range(values[0].rank)])
    else:
        build.concatenated(low, op, [data(low, value) for value in values], axis)


@rule("pad", "constant_pad_nd", *(f"{kind}_pad{axes}d" for kind in ("reflection", "replication") for axes in (1, 2, 3)))
def pad(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    ends = numbers(low, op, "pad" if "pad" in op.attrs else "padding")
    if len(ends) % 2 or len(ends) > 2 * x.rank:
        raise Unfit(f"takes two numbers for each axis that is padded, got {len(ends)} for a tensor of {x.rank}")
    sides = {x.rank - 1 - i: (ends[2 * i], ends[2 * i + 1]) for i in range(len(ends) // 2)}
    padded(low, op, x, {axis: pair for axis, pair in sides.items() if any(not is_zero(one) for one in pair)})


def padded(low: Lowering, op: Op, x: Value, sides: dict[int, tuple[Dim, Dim]]) -> None:
    """A tensor with zeros before and after some axes; with fewer elements where that is negative."""
    if folds(low, op, [x]):
        fold(low, op, [x], [size + sum(sides.get(axis, (0, 0))) for axis, size in enumerate(x.shape)])
        return
    x = data(low, x)
    cropped = {axis: pair for axis, pair in sides.items() if any(type(one) is int and one < 0 for one in pair)}
    for axis, (before, after) in cropped.items():
        inner = part(low, op, f"cropped{axis}")
        x = build.taken(low, inner, x, axis, max(-before, 0), x.shape[axis] - max(-after, 0))
        sides = {**sides, axis: (max(before, 0), max(after, 0))}
    sides = {axis: pair for axis, pair in sides.items() if not all(map(is_zero, pair))}
    if all(type(one) is int for pair in sides.values() for one in pair):
        fixed.note_padding(low, op.inputs[0], x, list(sides))
    if not sides:
        low.same(op, x)
        return
    edge, order = build.with_axes(low, x, list(sides))
    names = NAMES.get(len(order), ())
    ends = [(0, 0) if axis is None else sides.get(axis, (0, 0)) for axis in order]
    if len(names) == len(order):
        attrs: dict[str, Any] = {name: list(pair) for name, pair in zip(names, ends) if pair != (0, 0)}
    else:
        attrs = {"around": [list(pair) for pair in ends]}
    low.result(op, low.emit(op, "pad", [edge], attrs), order, x.rank)


# -- written back ------------------------------------------------------------------------------------------------------


@rule("slice_scatter", "select_scatter", "index_put", "scatter", "scatter_add", "index_add", "index_copy", "index_fill")
def scattered(low: Lowering, op: Op) -> None:
    places = [named(low, name) for word in ("index", "indices") for name in refs(op.attrs.get(word))]
    word = next((word for word in ("src", "source", "values", "value") if isinstance(op.attrs.get(word), Ref)), "")
    _written(low, op, tensor(low, op), tensor(low, op, word) if word else None, next(iter(places), None))


@RULES.rule(WRITE_BACK)
def write_back(low: Lowering, op: Op) -> None:
    _written(low, op, tensor(low, op), tensor(low, op, "source"))


def _written(low: Lowering, op: Op, x: Value, source: Value | None, places: Value | None = None) -> None:
    """A tensor some of whose elements are written: it is there, and is written where they are."""
    read = [one for one in (x, places, source) if one is not None]
    if folds(low, op, read):
        # What was cut out of the tensor, and is put back into it, is stored with it.
        own = tuple(f"{one.name}[" for one in x.stored)
        others = [value for value in read[1:] if not all(one.name.startswith(own) for one in value.stored)]
        fold(low, op, [x, *others], x.shape)
        return
    edge, order = low.any(data(low, x))
    edges = [edge, *(low.any(data(low, value))[0] for value in read[1:])]
    low.result(op, low.emit(op, "scatter", edges, {}), order, x.rank)


@rule("meshgrid")
def meshgrid(low: Lowering, op: Op) -> None:
    values = tensors(low, op)
    shape = [value.shape[0] if value.rank else 1 for value in values]
    if op.attrs.get("indexing") == "xy" and len(shape) > 1:
        shape[0], shape[1] = shape[1], shape[0]
    if not all(folds(low, op, [value]) for value in values):
        raise Unsupported("a grid of data")
    for i in range(len(values)):
        fold(low, output(op, i), [values[i]], shape)
