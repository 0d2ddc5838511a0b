"""Ops that move, join, cut and repeat elements."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.core.axes import position
from convcost.core.dims import Dim, Shape, equal
from convcost.deploy.lowering.rules import NOTHING, Lowering, batched, outputs, refused, rule
from convcost.deploy.lowering.windows import cut
from convcost.graph.walk import Step


@rule(*NOTHING)
def nothing(low: Lowering, step: Step) -> None:
    """The tensor itself."""
    if step.node.inputs[0] in low.home:  # else it stands within what is computed as one
        low.same(step, low.read(step))


@rule("flatten", "reshape")
def reshape(low: Lowering, step: Step) -> None:
    """RESHAPE, if the shape changes.

    Before a linear layer of several positions it is left out where the last axis stays: there the others only count
    positions. Before one of a vector it stays, as in the reference files of MLPerf Tiny and wherever the batch is open;
    the converter, since 2.21 or earlier, leaves it out where the batch is fixed.
    """
    x, out = low.read(step), batched(step.cost.out[0])
    before, after = low.shape(x), low.after(step.node.name)
    positions = after is not None and after.node.op == "linear" and len(out) > 2 and bool(equal(before[-1], out[-1]))
    if positions or (len(before) == len(out) and all(bool(equal(one, other)) for one, other in zip(before, out))):
        low.same(step, x)
    else:
        low.emit("RESHAPE", step, (x, low.numbers(*out)), out, edge=step.node.name)


@rule("concat")
def concat(low: Lowering, step: Step) -> None:
    """CONCATENATION; its axis is counted from the last one."""
    rank = len(step.cost.out[0])
    axis = (position(rank, step.node.attrs["axis"]) or 0) - rank
    parts = _of_one_scale(low, step, [low.read(step, at) for at in range(len(step.node.inputs))])
    low.emit(
        "CONCATENATION",
        step,
        parts,
        batched(step.cost.out[0]),
        edge=step.node.name,
        axis=axis,
        fused_activation_function="NONE",
    )


#: Kernels that write integers of a fixed scale.
FIXED = frozenset({"LOGISTIC", "SOFTMAX", "TANH"})


def _of_one_scale(low: Lowering, step: Step, parts: Sequence[int]) -> tuple[int, ...]:
    """What is joined must have one scale: others take over that of the result, those of a fixed scale are quantised anew."""
    makers = [maker.type if (maker := low.maker(part)) else "" for part in parts]
    if not low.types.quantised or len(set(makers)) == 1:
        return tuple(parts)
    dtype = low.types.activations
    return tuple(
        low.converted("QUANTIZE", step, part, dtype) if maker in FIXED else part for part, maker in zip(parts, makers)
    )


@rule("channel_shuffle")
def channel_shuffle(low: Lowering, step: Step) -> None:
    """RESHAPE to groups and their channels, TRANSPOSE of both, RESHAPE back."""
    x, groups = low.read(step), step.node.attrs["groups"]
    shape = low.shape(x)
    apart = (*shape[:-1], groups, shape[-1] // groups)
    swapped = (*shape[:-1], shape[-1] // groups, groups)
    rank = len(shape)
    grouped = low.emit("RESHAPE", step, (x, low.numbers(*apart)), apart)
    order = low.numbers(*range(rank - 1), rank, rank - 1)
    mixed = low.emit("TRANSPOSE", step, (grouped, order), swapped)
    low.emit("RESHAPE", step, (mixed, low.numbers(*shape)), shape, edge=step.node.name)


@rule("transpose")
def transpose(low: Lowering, step: Step) -> None:
    """TRANSPOSE of all axes but the batch."""
    x, rank = low.read(step), len(step.input_shapes[0])
    order = [(position(rank, axis) or 0) + 1 for axis in step.node.attrs["axes"]]
    low.emit("TRANSPOSE", step, (x, low.numbers(0, *order)), batched(step.cost.out[0]), edge=step.node.name)


@rule("split")
def split(low: Lowering, step: Step) -> None:
    """SPLIT into equal parts, else SPLIT_V."""
    x, parts = low.read(step), outputs(step)
    rank = len(step.input_shapes[0])
    axis = (position(rank, step.node.attrs["axis"]) or 0) + 1
    shapes = [batched(shape) for shape in step.cost.out]
    if len(parts) == 1:
        low.same(step, x)
    elif all(bool(equal(shape[axis], shapes[0][axis])) for shape in shapes):
        low.emit_all("SPLIT", step, (low.numbers(axis, shape=()), x), shapes, edges=parts, num_splits=len(parts))
    else:
        sizes = low.numbers(*(shape[axis] for shape in shapes))
        of_axis = low.numbers(axis, shape=())
        low.emit_all("SPLIT_V", step, (x, sizes, of_axis), shapes, edges=parts, num_splits=len(parts))


@rule("slice")
def slice_(low: Lowering, step: Step) -> None:
    """STRIDED_SLICE along one axis."""
    attrs, rank = step.node.attrs, len(step.input_shapes[0])
    axis = (position(rank, attrs["axis"]) or 0) + 1
    stop = attrs["stop"]
    open_end = stop is None or bool(equal(stop, step.input_shapes[0][axis - 1]))
    begins, ends, steps = [0] * (rank + 1), [0] * (rank + 1), [1] * (rank + 1)
    begins[axis], ends[axis], steps[axis] = attrs["start"], 0 if open_end else stop, attrs["step"]
    cut(low, step, low.read(step), begins, ends, steps)


@rule("crop")
def crop(low: Lowering, step: Step) -> None:
    """STRIDED_SLICE along all spatial axes: the middle, with the odd element at the end."""
    before, after = step.input_shapes[0], step.cost.out[0]
    begins = [(size - left) // 2 for size, left in zip(before, after)]
    ends = [
        0 if bool(equal(size, left)) else begin + left for begin, size, left in zip(begins, before, after, strict=True)
    ]
    cut(low, step, low.read(step), (0, *begins), (0, *ends))


@rule("depth_to_space")
def depth_to_space(low: Lowering, step: Step) -> None:
    """DEPTH_TO_SPACE."""
    _block(low, step, "DEPTH_TO_SPACE")


@rule("space_to_depth")
def space_to_depth(low: Lowering, step: Step) -> None:
    """SPACE_TO_DEPTH."""
    _block(low, step, "SPACE_TO_DEPTH")


def _block(low: Lowering, step: Step, kernel: str) -> None:
    out = batched(step.cost.out[0])
    low.emit(kernel, step, (low.read(step),), out, edge=step.node.name, block_size=step.node.attrs["block"])


@rule("upsample", "upsample2d", "resize", "resize2d")
def resize(low: Lowering, step: Step) -> None:
    """RESIZE_BILINEAR or RESIZE_NEAREST_NEIGHBOR, as tf.image.resize is written."""
    kernels = {"nearest": "RESIZE_NEAREST_NEIGHBOR", "bilinear": "RESIZE_BILINEAR"}
    mode, out = step.node.attrs["mode"], batched(step.cost.out[0])
    if mode not in kernels or len(out) != 4:
        raise refused(step, f"TFLite resizes maps, nearest or bilinear, and not a tensor of {len(out)} axes as {mode}")
    sizes = low.numbers(*out[1:3])
    low.emit(
        kernels[mode],
        step,
        (low.read(step), sizes),
        out,
        edge=step.node.name,
        align_corners=False,
        half_pixel_centers=True,
    )


@rule("source")
def source(low: Lowering, step: Step) -> None:
    """A stored tensor, which no kernel makes."""
    low.same(step, low.factors(step.node.name, batched(step.cost.out[0])))


@rule("expand")
def expand(low: Lowering, step: Step) -> None:
    """BROADCAST_TO."""
    out = batched(step.cost.out[0])
    low.emit("BROADCAST_TO", step, (low.read(step), low.numbers(*out)), out, edge=step.node.name)


@rule("tile")
def tile(low: Lowering, step: Step) -> None:
    """TILE of all axes but the batch."""
    times = low.numbers(1, *step.node.attrs["repeats"])
    low.emit("TILE", step, (low.read(step), times), batched(step.cost.out[0]), edge=step.node.name)


@rule("roll")
def roll(low: Lowering, step: Step) -> None:
    """For each axis two SLICEs and their CONCATENATION in the other order."""
    x, shift = low.read(step), step.node.attrs["shift"]
    shape = low.shape(x)
    shifts = shift if len(shift) > 1 else shift * (len(shape) - 2)
    moved = [(axis, by) for axis, by in enumerate(shifts, 1) if bool(by % shape[axis] != 0)]
    for axis, by in moved:
        left = by % shape[axis]
        parts = [_sliced(low, step, x, axis, *ends) for ends in ((shape[axis] - left, left), (0, shape[axis] - left))]
        edge = step.node.name if axis == moved[-1][0] else ""
        x = low.emit("CONCATENATION", step, parts, shape, edge=edge, axis=axis, fused_activation_function="NONE")
    if not moved:
        low.same(step, x)


def _sliced(low: Lowering, step: Step, x: int, axis: int, begin: Dim, size: Dim) -> int:
    """So many elements of an axis."""
    shape = low.shape(x)
    part = (*shape[:axis], size, *shape[axis + 1 :])
    begins = (0,) * axis + (begin,) + (0,) * (len(shape) - axis - 1)
    return low.emit("SLICE", step, (x, low.numbers(*begins), low.numbers(*part)), part)


@rule("window_partition")
def window_partition(low: Lowering, step: Step) -> None:
    """RESHAPE to windows and their positions, TRANSPOSE, RESHAPE."""
    x, (rows, columns) = low.read(step), step.node.attrs["window"]
    _, height, width, channels = low.shape(x)
    apart = (1, height // rows, rows, width // columns, columns, channels)
    _rearranged(low, step, x, apart)


@rule("window_reverse")
def window_reverse(low: Lowering, step: Step) -> None:
    """The same back."""
    x, (rows, columns), (height, width) = low.read(step), step.node.attrs["window"], step.node.attrs["size"]
    apart = (1, height // rows, width // columns, rows, columns, low.shape(x)[-1])
    _rearranged(low, step, x, apart)


def _rearranged(low: Lowering, step: Step, x: int, apart: Shape) -> None:
    """A tensor with its six axes apart, the third and the fourth exchanged."""
    swapped = (*apart[:2], apart[3], apart[2], *apart[4:])
    out = batched(step.cost.out[0])
    wide = low.emit("RESHAPE", step, (x, low.numbers(*apart)), apart)
    mixed = low.emit("TRANSPOSE", step, (wide, low.numbers(0, 1, 3, 2, 4, 5)), swapped)
    low.emit("RESHAPE", step, (mixed, low.numbers(*out)), out, edge=step.node.name)


@rule("gather")
def gather(low: Lowering, step: Step) -> None:
    """GATHER of elements that are fixed, or that another tensor names."""
    x, rank = low.read(step), len(step.input_shapes[0])
    axis = (position(rank, step.node.attrs["axis"]) or 0) + 1
    fixed = len(step.node.inputs) == 1
    indices = low.numbers(step.node.name, shape=(step.node.attrs["count"],)) if fixed else low.read(step, 1)
    low.emit("GATHER", step, (x, indices), batched(step.cost.out[0]), edge=step.node.name, axis=axis, batch_dims=0)
