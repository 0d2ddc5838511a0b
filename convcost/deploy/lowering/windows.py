"""Windows: convolutions, transposed ones, pools, zeros around a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcost.core.axes import WORDS, position
from convcost.core.dims import Dim, Shape, ceil_div, equal, first_given, maximum
from convcost.deploy.lowering.rules import Lowering, batched, refused, rule
from convcost.deploy.program import ABSENT
from convcost.graph.walk import Step
from convcost.ops.window import Slide, dilated, slide, slide_over, windowed

Zeros = tuple[tuple[Dim, Dim], ...]
"""Of each axis of a window, how many zeros stand before and after it."""


@rule("conv2d")
def conv2d(low: Lowering, step: Step) -> None:
    """CONV_2D, or DEPTHWISE_CONV_2D for one input channel per group; each has a bias, zeros where the network has none."""
    attrs, node = step.node.attrs, step.node
    (shape,) = step.input_shapes
    if len(shape) != 3:
        raise refused(step, f"its windows slide over each of {len(shape) - 2} axes more")
    x, word = padded(low, step, low.read(step), attrs["kernel"], attrs["stride"], attrs["padding"], attrs["dilation"])
    kernel, channels, groups = attrs["kernel"], attrs["channels"], attrs["groups"]
    options = strides(attrs["stride"]) | dilations(attrs["dilation"])
    depthwise = bool(equal(groups, shape[-1])) and bool(groups > 1)
    if depthwise:
        weights = low.weights(f"{node.name}.weights", (1, *kernel, channels), channels)
        options["depth_multiplier"] = channels // groups
    else:
        weights = low.weights(f"{node.name}.weights", (channels, *kernel, shape[-1] // groups), channels)
    edge, folds = low.folded(node.name)
    bias = low.bias(f"{node.name}.bias", channels, zero=not (attrs["bias"] or folds))
    operator = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    operands, out = (x, weights, bias), batched(step.cost.out[0])
    options |= {"padding": word}

    def convolution(edge: str, word: str) -> int:
        return low.emit(operator, step, operands, out, edge=edge, **options, fused_activation_function=word)

    low.finished(edge, convolution)


@rule("conv_transpose2d")
def conv_transpose2d(low: Lowering, step: Step) -> None:
    """TRANSPOSE_CONV, whose first input is the shape of its output; where its padding crops otherwise than SAME and VALID
    do, the whole output and a STRIDED_SLICE of it.

    Without a bias it has none, and then no activation either.
    """
    attrs, node, x = step.node.attrs, step.node, low.read(step)
    sizes, out = low.shape(x)[1:-1], batched(step.cost.out[0])
    if len(sizes) != 2 or any(bool(one != 1) for one in (attrs["groups"], *attrs["dilation"])):
        raise refused(step, "TFLite's transposed convolution is of maps, without groups and gaps")
    axes = tuple(zip(sizes, attrs["kernel"], attrs["stride"], attrs["padding"], out[1:-1]))
    crops = tuple(_cropped(*axis) for axis in axes)
    word = "SAME" if all(_is_same_transpose(*axis[:3], axis[4], crop) for axis, crop in zip(axes, crops)) else "VALID"
    cut_after = word == "VALID" and any(
        bool(crop > 0) or bool(size < reach)
        for crop, size, reach in zip(crops, out[1:-1], (_reach(*axis[:3]) for axis in axes))
    )
    edge, folds = (node.name, False) if cut_after else low.folded(node.name)
    channels = attrs["channels"]
    whole = out
    if cut_after:
        ends = [maximum(_reach(*axis[:3]), crop + axis[4]) for axis, crop in zip(axes, crops)]
        whole = (1, *ends, channels)
    weights = low.weights(f"{node.name}.weights", (channels, *attrs["kernel"], low.shape(x)[-1]), channels)
    inputs = [low.numbers(*whole), weights, x]
    activation = "NONE"
    if attrs["bias"] or folds:
        inputs.append(low.bias(f"{node.name}.bias", channels, zero=False))
        edge, activation = (edge, "NONE") if cut_after else low.activated(edge)
    options = {"padding": word, **strides(attrs["stride"]), "fused_activation_function": activation}
    made = low.emit("TRANSPOSE_CONV", step, inputs, whole, edge="" if cut_after else edge, **options)
    if cut_after:
        begins = (0, *crops, 0)
        cut(low, step, made, begins, (0, *(crop + size for crop, size in zip(crops, out[1:-1])), 0))


def _reach(size: Dim, kernel: Dim, stride: Dim) -> Dim:
    """How far a transposed convolution reaches along an axis, uncropped."""
    return (size - 1) * stride + kernel


def _cropped(size: Dim, kernel: Dim, stride: Dim, padding: Any, out: Dim) -> Dim:
    """How much is cropped before an axis: as the padding says, or as the words do."""
    if padding == "same":
        return maximum(_reach(size, kernel, stride) - out, 0) // 2
    return 0 if padding == "valid" else padding[0]


def _is_same_transpose(size: Dim, kernel: Dim, stride: Dim, out: Dim, crop: Dim) -> bool:
    """Whether SAME crops as much: then a SAME convolution leads back from the output, and crops half of what is too much."""
    if bool(ceil_div(out, stride) != size):
        return False
    return bool(equal(crop, maximum(_reach(size, kernel, stride) - out, 0) // 2))


def cut(
    low: Lowering, step: Step, x: int, begins: Sequence[Dim], ends: Sequence[Dim], steps: Sequence[Dim] = ()
) -> int:
    """STRIDED_SLICE: a part of a tensor; what begins at 0 and ends at 0 is the whole axis."""
    whole = [bool(equal(begin, 0)) and bool(equal(end, 0)) for begin, end in zip(begins, ends)]
    to_end = [every or bool(equal(end, 0)) for every, end in zip(whole, ends)]
    steps = steps or (1,) * len(whole)
    return low.emit(
        "STRIDED_SLICE",
        step,
        (x, low.numbers(*begins), low.numbers(*ends), low.numbers(*steps)),
        batched(step.cost.out[0]),
        edge=step.node.name,
        begin_mask=sum(1 << i for i, every in enumerate(whole) if every),
        end_mask=sum(1 << i for i, open_end in enumerate(to_end) if open_end),
        ellipsis_mask=0,
        new_axis_mask=0,
        shrink_axis_mask=0,
    )


@rule("conv3d")
def conv3d(low: Lowering, step: Step) -> None:
    """CONV_3D, which computes with floats only; neither a batch-norm nor a bias goes into it."""
    attrs, node = step.node.attrs, step.node
    if len(step.input_shapes[0]) != 4 or bool(attrs["groups"] != 1):
        raise refused(step, "TFLite's 3D convolution is of volumes, without groups")
    x, word = padded(low, step, low.read(step), attrs["kernel"], attrs["stride"], attrs["padding"], attrs["dilation"])
    channels, out = attrs["channels"], batched(step.cost.out[0])
    weights = low.floats(f"{node.name}.weights", (*attrs["kernel"], step.input_shapes[0][-1], channels))
    depth, height, width = attrs["stride"]
    options = {"padding": word, "stride_d": depth, "stride_h": height, "stride_w": width}
    inputs = (x, weights, ABSENT)
    if not attrs["bias"]:
        low.in_floats("CONV_3D", step, inputs, out, edge=node.name, **options, fused_activation_function="NONE")
        return
    made = low.in_floats("CONV_3D", step, inputs, out, **options, fused_activation_function="NONE")
    bias = low.factors(f"{node.name}.bias", (channels,))
    edge, activation = low.activated(node.name)
    low.emit("ADD", step, (made, bias), out, edge=edge, fused_activation_function=activation)


@rule("max_pool", "max_pool2d", "avg_pool", "avg_pool2d")
def pool2d(low: Lowering, step: Step) -> None:
    """MAX_POOL_2D or AVERAGE_POOL_2D."""
    attrs = step.node.attrs
    kernel, stride = attrs["kernel"], first_given(attrs["stride"], attrs["kernel"])
    apart = attrs.get("dilation", (1, 1))
    if any(bool(one != 1) for one in apart):
        raise refused(step, "its window has gaps")
    if len(step.input_shapes[0]) != 3:
        raise refused(step, f"its windows slide over each of {len(step.input_shapes[0]) - 2} axes more")
    x, word = padded(low, step, low.read(step), kernel, stride, attrs["padding"], (1, 1), attrs["ceil_mode"])
    average = not step.node.op.startswith("max")
    pooled(low, step, x, kernel, stride, word, average=average)


@rule("adaptive_avg_pool", "adaptive_avg_pool2d", "adaptive_max_pool", "adaptive_max_pool2d")
def adaptive_pool2d(low: Lowering, step: Step) -> None:
    """A pool whose windows stand side by side; nothing where there is a window for each position."""
    x, wanted = low.read(step), step.node.attrs["size"]
    sizes = low.shape(x)[1:-1]
    if any(bool(size % left != 0) for size, left in zip(sizes, wanted)):
        raise refused(step, "its windows overlap or are of several sizes")
    kernel = tuple(size // left for size, left in zip(sizes, wanted))
    if all(bool(equal(size, 1)) for size in kernel):
        low.same(step, x)
    else:
        pooled(low, step, x, kernel, kernel, "VALID", average="avg" in step.node.op)


@rule("subsample")
def subsample(low: Lowering, step: Step) -> None:
    """AVERAGE_POOL_2D, MUL and ADD per channel; the size of the window goes into the factors."""
    x, name, channels = low.read(step), step.node.name, step.cost.out[0][-1]
    made = pooled(
        low, step, x, step.node.attrs["kernel"], step.node.attrs["kernel"], "VALID", average=True, named=False
    )
    factors, shift = (low.factors(f"{name}.{role}", (channels,)) for role in ("weights", "biases"))
    scaled = low.emit("MUL", step, (made, factors), low.shape(made), fused_activation_function="NONE")
    edge, word = low.activated(name)
    low.emit("ADD", step, (scaled, shift), low.shape(made), edge=edge, fused_activation_function=word)


def pooled(
    low: Lowering,
    step: Step,
    x: int,
    kernel: Sequence[Dim],
    stride: Sequence[Dim],
    padding: str,
    *,
    average: bool,
    named: bool = True,
) -> int:
    """A pool of maps, with an activation that follows it where it makes the step's own output."""
    edge, activation = low.activated(step.node.name) if named else ("", "NONE")
    return low.emit(
        "AVERAGE_POOL_2D" if average else "MAX_POOL_2D",
        step,
        (x,),
        batched(step.cost.out[0]),
        edge=edge,
        padding=padding,
        **strides(stride),
        filter_height=kernel[0],
        filter_width=kernel[1],
        fused_activation_function=activation,
    )


@rule("pad")
def pad(low: Lowering, step: Step) -> None:
    """PAD, but not where a convolution after it can write these zeros itself, as SAME."""
    x, zeros = low.read(step), margins_of(step)
    conv = low.after(step.node.name)
    if (
        conv is not None
        and conv.node.op == "conv2d"
        and len(zeros) == 3
        and _folds_into(conv, zeros, low.shape(x)[1:-1])
    ):
        low.same(step, x)
        low.padded.add(conv.node.name)
        return
    pad_by(low, step, x, ((0, 0), *zeros), step.node.name)


def _folds_into(conv: Step, zeros: Zeros, sizes: Shape) -> bool:
    """Whether zeros around a map of these sizes are those that SAME puts there for a convolution that has none of its own."""
    attrs = conv.node.attrs
    if any(end != (0, 0) for end in attrs["padding"]) or any(bool(one > 0) for one in zeros[-1]):
        return False
    extents = map(dilated, attrs["kernel"], attrs["dilation"])
    return is_same(zeros[:-1], tuple(zip(sizes, extents, attrs["stride"])))


def margins_of(step: Step) -> Zeros:
    """The zeros that a pad puts before and after each axis of what it reads."""
    rank, attrs = len(step.input_shapes[0]), step.node.attrs
    if attrs["around"] is not None:
        return tuple(attrs["around"])
    ends: list[tuple[Dim, Dim]] = [(0, 0)] * rank
    named = {name: attrs[name][0] for name in WORDS if attrs[name] is not None}
    for name, pair in (*zip(("height", "width"), attrs["padding"] or ()), *named.items()):
        ends[position(rank, name) or 0] = pair
    return tuple(ends)


def padded(
    low: Lowering,
    step: Step,
    x: int,
    kernel: Sequence[Dim],
    stride: Sequence[Dim],
    padding: Sequence[Any],
    dilation: Sequence[Dim],
    ceil_mode: bool = False,
) -> tuple[int, str]:
    """The tensor that a window slides over, and the word for its padding, SAME or VALID; where neither does, PAD writes
    the zeros.

    The converter folds a PAD into a convolution where the zeros are those of SAME.
    """
    sizes = low.shape(x)[1:]
    slides, _ = slide_over(sizes, tuple(kernel), tuple(stride), tuple(padding), tuple(dilation), ceil_mode)
    if step.node.name in low.padded or all(words == "same" for words in padding):
        return x, "SAME"
    axes = tuple(zip(windowed(sizes, len(kernel)), map(dilated, kernel, dilation), stride))
    zeros = tuple(around(slid, *axis) for slid, axis in zip(slides, axes))
    if not any(bool(one > 0) for pair in zeros for one in pair):
        return x, "VALID"
    if is_same(zeros, axes):
        return x, "SAME"
    return pad_by(low, step, x, ((0, 0), *zeros, (0, 0))), "VALID"


def around(slid: Slide, size: Dim, extent: Dim, stride: Dim) -> tuple[Dim, Dim]:
    """The zeros that a window needs before and after an axis: none after it that no window reads.

    With 5 positions of a window of 3 at stride 2, over 10 elements and a zero before them, none are needed:

    >>> around(Slide(5, 1, 1, True), 10, 3, 2), around(Slide(5, 0, 0, True), 10, 3, 2)
    ((1, 1), (0, 1))
    """
    reach = (slid.out - 1) * stride + extent - size - slid.before
    return slid.before, reach if bool(reach > slid.after) else slid.after


def is_same(zeros: Zeros, axes: Sequence[tuple[Dim, Dim, Dim]]) -> bool:
    """Whether zeros are those that SAME puts around axes of (size, extent of the window, stride).

    >>> is_same(((1, 1),), [(14, 3, 1)]), is_same(((1, 1),), [(14, 3, 2)]), is_same(((0, 1),), [(14, 3, 2)])
    (True, False, True)
    """
    own = [slide(size, extent, stride, "same") for size, extent, stride in axes]
    return all(
        bool(equal(before, slid.before)) and bool(equal(after, slid.after)) for (before, after), slid in zip(zeros, own)
    )


def pad_by(low: Lowering, step: Step, x: int, zeros: Zeros, edge: str = "") -> int:
    """A tensor with zeros around each axis, the batch included."""
    shape = tuple(before + size + after for size, (before, after) in zip(low.shape(x), zeros))
    margins = low.numbers(*(one for pair in zeros for one in pair), shape=(len(zeros), 2))
    return low.emit("PAD", step, (x, margins), shape, edge=edge)


def strides(stride: Sequence[Dim]) -> dict[str, Any]:
    """The strides of a map, as options have them."""
    return {"stride_h": stride[0], "stride_w": stride[1]}


def dilations(dilation: Sequence[Dim]) -> dict[str, Any]:
    """How far apart the taps of a window are, as options have it."""
    return {"dilation_h_factor": dilation[0], "dilation_w_factor": dilation[1]}
