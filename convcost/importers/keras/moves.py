"""Operations of Keras that hand on, reorder, put together or take apart, and those over windows and maps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from convcost.core.dims import Dim, ceil_div, product
from convcost.core.errors import Unfit
from convcost.core.units import say
from convcost.importers import fixed
from convcost.importers.build import blocks, concatenated, cut, squeezed, taken, unsqueezed, with_axes
from convcost.importers.contents import joined, vector
from convcost.importers.keras.calls import (
    Steps,
    argument,
    as_count,
    as_int,
    axes_of,
    axis_of,
    batch_of,
    operation,
    same_rank,
    values_of,
)
from convcost.importers.keras.operations import is_single
from convcost.importers.keras.values import Tensor
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.values import Value, channels_at, transposed

# -- several tensors ---------------------------------------------------------------------------------------------------


@operation("Concatenate", tf=("concat",), wants="same")
def concatenate(low: Lowering, op: Op) -> None:
    values = _listed(low, op)
    axis = argument(op, "axis", 1)
    if values[0].rank == 1 and (known := low.all_known(values)):
        low.computed(op, values, joined(known, 0))
        return
    concatenated(low, op, values, axis_of(-1 if axis is None else axis, same_rank(values)))


@operation("Stack", tf=("stack",))
def stack(low: Lowering, op: Op) -> None:
    values, steps = _listed(low, op), Steps(low, op)
    given = argument(op, "axis", 1)
    axis = axis_of(0 if given is None else given, same_rank(values) + 1)
    if values[0].rank == 0 and (known := low.all_known(values)):
        low.computed(op, values, vector([one.elements[0] for one in known]))
        return
    if axis == 0 and values[0].rank:
        raise Unsupported("tensors put beside each other along the batch")
    rows = []
    for i, value in enumerate(values):
        step = steps.step(f"row_{i}", value, scope=False)
        unsqueezed(low, step, value, [axis])
        rows.append(steps.made(step))
    concatenated(low, op, rows, axis)


def _listed(low: Lowering, op: Op) -> list[Value]:
    given = next((argument(op, name, 0) for name in ("xs", "x", "values", "arrays") if argument(op, name, 0)), ())
    values = values_of(low, op, given)
    if not values:
        raise Unfit("takes a list of tensors, got none")
    return values


@operation("Split", "ArraySplit", tf=("split",))
def split(low: Lowering, op: Op) -> None:
    x = low.read(op)
    is_tf = op.type.startswith("tf.")
    given = argument(op, "num_or_size_splits" if is_tf else "indices_or_sections", 1)
    axis = axis_of(argument(op, "axis", 2) or 0, x.rank)
    size = x.shape[axis]
    if isinstance(given, tuple):
        marks = [as_int(mark, "a place to split at") for mark in given]
        sizes: list[Dim] = list(marks)
        fixed.check_parts(low, op.inputs[0], x, axis, marks)
        if not is_tf:
            ends = [0, *marks, size]
            sizes = [after - before for before, after in pairwise(ends)]
        elif marks.count(-1) == 1:  # what is left of the axis
            sizes[marks.index(-1)] = size - (sum(marks) + 1)
    else:
        parts = as_count(given, "the number of parts")
        if parts > len(op.outputs) + 4096:
            raise Unfit(f"splits into {parts:,} parts")
        longer = size % parts if op.type == "ops.ArraySplit" and type(size) is int else 0
        sizes = [size // parts + (i < longer) for i in range(parts)]
    if axis == 0:
        raise Unsupported("a split of the batch")
    cut(low, op, x, axis, sizes)


@operation("Unstack", tf=("unstack",))
def unstack(low: Lowering, op: Op) -> None:
    x, steps = low.read(op), Steps(low, op)
    axis = axis_of(argument(op, "axis", 2) or 0, x.rank)
    if axis == 0 or type(x.shape[axis]) is not int:
        raise Unsupported("a split of the batch")
    fixed.check_parts(low, op.inputs[0], x, axis, [1] * len(op.outputs))
    for i in range(min(len(op.outputs), x.shape[axis])):
        step = steps.step(f"part_{i}", x, scope=False)
        part = taken(low, step, x, axis, i, i + 1)
        squeezed(low, step, part, [axis])
        steps.put(steps.made(step), i)


# -- shapes ------------------------------------------------------------------------------------------------------------


def sizes_of(low: Lowering, op: Op, given: Any) -> list[Any]:
    """The sizes of a list, some of which may be computed from shapes; raises `Unsupported` if they depend on data."""
    if isinstance(given, Tensor):
        return list(low.contents(op, given.place) or ())
    listed = given if isinstance(given, tuple) else (given,)
    found: list[Any] = []
    for each in listed:
        if isinstance(each, Tensor):
            found += low.contents(op, each.place) or ()
        else:
            found.append(-1 if each is None else as_int(each, "a size"))
    return found


@operation("Shape", tf=("shape", "compat.v1.shape"))
def shape(low: Lowering, op: Op) -> None:
    low.constant(op, vector(low.read(op).shape))


@operation("Reshape", tf=("reshape",))
def reshape(low: Lowering, op: Op) -> None:
    x = low.read(op)
    wanted = sizes_of(low, op, argument(op, "shape" if op.type.startswith("tf.") else "newshape", 1))
    if wanted and wanted[0] == -1 and wanted.count(-1) > 1:
        wanted[0] = x.shape[0]
    low.reshape(op, x, low.fitted(op, x, wanted))


@operation("Ravel")
def ravel(low: Lowering, op: Op) -> None:
    x = low.read(op)
    low.reshape(op, x, (product(x.shape),))


@operation("Transpose", tf=("transpose", "compat.v1.transpose"))
def transpose(low: Lowering, op: Op) -> None:
    x = low.read(op)
    given = argument(op, "perm" if op.type.startswith("tf.") else "axes", 1)
    order = tuple(reversed(range(x.rank))) if given is None else axes_of(given, x.rank, "axes")
    low.transpose(op, x, order)


@operation("Swapaxes")
def swap(low: Lowering, op: Op) -> None:
    x = low.read(op)
    first, second = (axis_of(argument(op, name, place), x.rank) for place, name in ((1, "axis1"), (2, "axis2")))
    order = list(range(x.rank))
    order[first], order[second] = order[second], order[first]
    low.transpose(op, x, order)


@operation("Moveaxis")
def move(low: Lowering, op: Op) -> None:
    x = low.read(op)
    sources, places = (axes_of(argument(op, name, at), x.rank) for at, name in ((1, "source"), (2, "destination")))
    if len(sources) != len(places):
        raise Unfit(f"moves {len(sources)} axes to {len(places)} places")
    there = dict(zip(places, sources))
    rest = iter(axis for axis in range(x.rank) if axis not in sources)
    low.transpose(op, x, [there[at] if at in there else next(rest) for at in range(x.rank)])


@operation("ExpandDims", tf=("expand_dims",))
def expand_dims(low: Lowering, op: Op) -> None:
    x = low.read(op)
    given = argument(op, "axis", 1)
    axes = given if isinstance(given, tuple) else (given,)
    unsqueezed(low, op, x, axes_of(tuple(axes), x.rank + len(axes)))


@operation("Squeeze", tf=("squeeze", "compat.v1.squeeze"))
def squeeze(low: Lowering, op: Op) -> None:
    x = low.read(op)
    given = argument(op, "axis", 1)
    if given is None:
        given = argument(op, "squeeze_dims", 3)  # its name in TensorFlow 1
    if given is None or given == ():
        given = tuple(axis for axis, size in enumerate(x.shape) if axis > 0 and is_single(size))
    squeezed(low, op, x, axes_of(given, x.rank) if given != () else ())


@operation("BroadcastTo", tf=("broadcast_to",))
def broadcast_to(low: Lowering, op: Op) -> None:
    x = low.read(op)
    wanted = sizes_of(low, op, argument(op, "shape", 1))
    here = _sizes_here(low, op, x, argument(op, "shape", 1), wanted, grows=True)
    stretched(
        low, op, x, [x.shape[0] if at == 0 and size == -1 else here.get(at, size) for at, size in enumerate(wanted)]
    )


def _sizes_here(
    low: Lowering, op: Op, x: Value, given: Any, wanted: Sequence[Any], first: int = 0, *, grows: bool = False
) -> dict[int, Dim]:
    """Sizes for the axes from the first one on as they are here, as far as the file has written them down."""
    listed = given if isinstance(given, tuple) else ()
    written = {at: one for at, one in enumerate(listed, start=first) if type(one) is int}
    return fixed.sizes_here(low, op.inputs[0], x, written, len(wanted) if grows else x.rank, grows=grows)


def stretched(low: Lowering, op: Op, x: Value, wanted: Sequence[Dim]) -> None:
    """A tensor repeated along axes of size 1; raises `Unsupported` if it would be repeated along the batch."""
    if len(wanted) != x.rank or not _is_same(wanted[0], x.shape[0]):
        raise Unsupported("repetition along the batch")
    order = channels_at(x, -1)
    if x.rank > 1 and any(x.axes[axis] is None for axis in range(1, x.rank)):
        order = tuple(range(0 if batch_of(x) else 1, x.rank))
    step = low.emit(op, "expand", [low.present(x, order)], {"shape": [wanted[axis] for axis in order]})
    low.result(op, step, order, x.rank)


def _is_same(a: Dim, b: Dim) -> bool:
    return a is b or (type(a) is int and type(b) is int and a == b)


@operation("Repeat", "Tile", tf=("repeat", "tile"))
def repeat(low: Lowering, op: Op) -> None:
    """Copies beside each other: each element or the whole several times, which costs the same."""
    x = low.read(op)
    if op.type in ("ops.Repeat", "tf.repeat"):
        axis = axis_of(argument(op, "axis", 2), x.rank)
        times = [1] * x.rank
        times[axis] = as_count(argument(op, "repeats", 1), "repeats")
    else:
        name = "multiples" if op.type.startswith("tf.") else "repeats"
        times = [as_count(size, "repeats") for size in sizes_of(low, op, argument(op, name, 1))]
    if len(times) != x.rank or times[0] != 1:
        raise Unsupported("repetition along the batch")
    steps, shape = Steps(low, op), list(x.shape)
    for axis, count in enumerate(times):
        if count > 1:
            # An axis of its own for the copies, merged afterwards.
            step = steps.step(f"axis_{axis}", x, scope=False)
            unsqueezed(low, step, x, [axis])
            put = steps.made(step)
            step = steps.step(f"copies_{axis}", put, scope=False)
            stretched(low, step, put, [*put.shape[:axis], count, *put.shape[axis + 1 :]])
            shape[axis] = x.shape[axis] * count
            x = steps.reshape(f"merged_{axis}", steps.made(step), tuple(shape))
    low.same(op, x)


@operation("Flip", "Roll", tf=("reverse", "roll"))
def reordered(low: Lowering, op: Op) -> None:
    """The same elements in another order along an axis: as many are gathered as there are."""
    x = low.read(op)
    name, place = ("axis", 2) if "oll" in op.type else ("axis", 1)
    axes = axes_of(argument(op, name, place), x.rank)
    if 0 in axes:
        raise Unsupported("another order of the batch")
    for axis in axes:
        edge, order = with_axes(low, x, [axis])
        step = low.emit(op, "gather", [edge], {"count": x.shape[axis], "axis": order.index(axis)})
        x = low.result(op, step, order, x.rank)


@operation("Pad", tf=("pad", "compat.v1.pad"))
def pad(low: Lowering, op: Op) -> None:
    x = low.read(op)
    given = argument(op, "paddings" if op.type.startswith("tf.") else "pad_width", 1)
    pairs = given if isinstance(given, tuple) else ((given, given),) * x.rank
    if len(pairs) == 1:
        pairs = pairs * x.rank
    if len(pairs) != x.rank or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise Unfit(f"needs a pair for each of {x.rank} axes, got {say(given)}")
    sides = {axis: (as_int(pair[0], "padding"), as_int(pair[1], "padding")) for axis, pair in enumerate(pairs)}
    if any(side < 0 for pair in sides.values() for side in pair) or any(sides[0]):
        raise Unsupported("padding of the batch, or a negative one")
    padded(low, op, x, {axis: pair for axis, pair in sides.items() if axis > 0}, x.rank - 1)


def padded(low: Lowering, op: Op, x: Value, pairs: dict[int, tuple[int, int]], channel: int) -> None:
    """Zeros before and after some axes."""
    order = channels_at(x, channel, windows=min(max(len(pairs), 1), x.rank - 2))
    names = {1: ("channels",), 2: ("length", "channels"), 3: ("height", "width", "channels")}
    named = {**names, 4: ("depth", "height", "width", "channels")}.get(len(order))
    real = {axis: list(pair) for axis, pair in pairs.items() if any(pair)}
    fixed.note_padding(low, op.inputs[0], x, list(real))
    if not real:
        low.same(op, x)
    elif named is None:
        low.layer(op, "pad", x, order, {"around": [real.get(axis, [0, 0]) for axis in order]})
    else:
        low.layer(op, "pad", x, order, {named[order.index(axis)]: pair for axis, pair in real.items()})


# -- windows and maps --------------------------------------------------------------------------------------------------


def _is_first(op: Op) -> bool:
    return argument(op, "data_format", 99) in ("channels_first", "NCHW", "NCW", "NCDHW")


def _each(given: Any, axes: int) -> list[int]:
    """A size for each axis, given as one for all or one for each."""
    sizes = given if isinstance(given, tuple) else (given,) * axes
    return [as_count(size, "a size of a window") for size in sizes]


@operation("MaxPool", "AveragePool", wants=lambda op, _made: 1 if _is_first(op) else -1)
def pool(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axes, channel = x.rank - 2, 1 if _is_first(op) else x.rank - 1
    if not 1 <= axes <= 3:
        raise Unsupported(f"windows along {axes} axes")
    kernel, stride = argument(op, "pool_size", 1), argument(op, "strides", 2)
    attrs = {"kernel": _each(kernel, axes), "padding": argument(op, "padding", 3) or "valid"}
    slid = [axis for axis in range(1, x.rank) if axis != channel]
    fixed.note_window(low, op.inputs[0], x, slid, attrs["kernel"])
    if stride is not None:
        attrs["stride"] = _each(stride, axes)
    kind = "max_pool" if op.type == "ops.MaxPool" else "avg_pool"
    low.layer(op, f"{kind}{axes}d", x, channels_at(x, channel, windows=axes), attrs)


@operation("Resize", tf=("image.resize", "compat.v1.image.resize_bilinear", "compat.v1.image.resize_nearest_neighbor"))
def resize(low: Lowering, op: Op) -> None:
    x = low.read(op)
    sizes = [as_count(size, "size") for size in sizes_of(low, op, argument(op, "size", 1))]
    first = 2 if _is_first(op) else 1
    here = _sizes_here(low, op, x, argument(op, "size", 1), sizes, first)
    sizes = [here.get(axis, size) for axis, size in enumerate(sizes, start=first)]
    mode = argument(op, "interpolation", 2) or argument(op, "method", 2) or "bilinear"
    if "nearest" in op.type:
        mode = "nearest"
    if op.type == "tf.image.resize" and argument(op, "preserve_aspect_ratio", 3):
        raise Unsupported("a size that keeps the form of the map (preserve_aspect_ratio)")
    if x.rank != 4 or len(sizes) != 2 or mode not in ("nearest", "bilinear", "bicubic"):
        raise Unsupported(f"interpolation {say(mode)} of a tensor of {x.rank} axes")
    order = channels_at(x, 1 if _is_first(op) else 3, windows=2)
    low.layer(op, "resize2d", x, order, {"size": sizes, "mode": mode})


@operation("DepthToSpace", "SpaceToDepth", tf=("nn.depth_to_space", "nn.space_to_depth"))
def depth_to_space(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if x.rank != 4:
        raise Unfit(f"takes a tensor of 4 axes, got {x.rank}")
    block = as_count(argument(op, "block_size", 1), "block_size")
    is_spread = op.type in ("ops.DepthToSpace", "tf.nn.depth_to_space")
    blocks(low, op, x, 1 if _is_first(op) else 3, block, spread=is_spread)


@operation("ExtractPatches", wants=lambda op, _made: 1 if _is_first(op) else -1)
def extract_patches(low: Lowering, op: Op) -> None:
    """The elements of each window as channels of a map."""
    x, steps = low.read(op), Steps(low, op)
    if x.rank != 4 or argument(op, "dilation_rate", 3) not in (None, 1, (1, 1)):
        raise Unsupported("windows that are not of a map, or have gaps")
    size = _each(argument(op, "size", 1), 2)
    stride = _each(argument(op, "strides", 2) or tuple(size), 2)
    padding, channel = argument(op, "padding", 4) or "valid", 1 if _is_first(op) else 3
    order = channels_at(x, channel, windows=2)
    attrs = {"kernel": size, "stride": stride, "padding": padding}
    map_ = [
        ceil_div(x.shape[axis] if padding == "same" else x.shape[axis] - one + 1, by)
        for axis, one, by in zip(order[-3:], size, stride)
    ]
    if batch_of(x):
        sizes = (x.shape[0], *map_, product(size) * x.shape[channel])
        shape = tuple(sizes[axis] for axis in (0, 3, 1, 2)) if channel == 1 else sizes
        raise Unsupported("the windows of several maps at once", [shape])
    step = steps.step("rows", x, scope=False)
    rows = low.result(step, low.emit(step, "unfold", [low.present(x, order)], attrs), [1, 2], 3)
    made = steps.reshape("map", rows, (x.shape[0], *map_, rows.shape[-1]))
    steps.put(transposed(made, (0, 3, 1, 2)) if channel == 1 else made)
