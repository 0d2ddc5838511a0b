"""Pooling: one number from each window, per channel; nothing is multiplied by a weight."""

from convcost.core.cost import Check, OpCost
from convcost.core.dims import Shape, divides, first_given, maximum, product
from convcost.ops.attributes import Flag, Map, Padding, Pair, PairOrNone
from convcost.ops.registry import op
from convcost.ops.traits import POOL
from convcost.ops.window import VALID, dilated, slide_both


@op("max_pool", POOL)
def max_pool(
    x: Map,
    *,
    kernel: Pair,
    stride: PairOrNone = None,
    padding: Padding = VALID,
    dilation: Pair = (1, 1),
    ceil_mode: Flag = False,
) -> OpCost:
    """Keep the largest element of each window; windows step by their own size unless a stride is given.

    (h, w, c) -> (h', w', c), h' as in conv2d. With `ceil_mode` the division is rounded up: a last window may hang
    over the bottom or right edge if it starts inside the input or the zeros before it (Caffe, PyTorch).

    >>> max_pool((112, 112, 64), kernel=(3, 3), stride=(2, 2)).out
    ((55, 55, 64),)
    >>> max_pool((112, 112, 64), kernel=(3, 3), stride=(2, 2), ceil_mode=True).out
    ((56, 56, 64),)
    """
    out, checks = _pooled(x, kernel, first_given(stride, kernel), padding, dilation, ceil_mode)
    return OpCost(out=(out,), saves=("mask",), checks=checks)


def _pooled(
    x: Map, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair, ceil_mode: Flag
) -> tuple[Shape, tuple[Check, ...]]:
    """The output shape of a window op, and its preconditions."""
    rows, columns, fits = slide_both(x, kernel, stride, padding, dilation, ceil_mode)
    need = "padding must be smaller than the window, got {0} for a window of {1}"
    extents = dilated(kernel[0], dilation[0]), dilated(kernel[1], dilation[1])
    zeros = (maximum(axis.before, axis.after) for axis in (rows, columns))
    smaller = (Check(around < extent, need, (around, extent)) for around, extent in zip(zeros, extents))
    return (rows.out, columns.out, x[2]), (*fits, *smaller)


@op("avg_pool", POOL)
def avg_pool(
    x: Map, *, kernel: Pair, stride: PairOrNone = None, padding: Padding = VALID, ceil_mode: Flag = False
) -> OpCost:
    """Average each window; windows step by their own size unless a stride is given.

    (h, w, c) -> (h', w', c), as in max_pool.

    >>> avg_pool((28, 28, 6), kernel=(2, 2)).out
    ((14, 14, 6),)
    """
    out, checks = _pooled(x, kernel, first_given(stride, kernel), padding, (1, 1), ceil_mode)
    return OpCost(out=(out,), checks=checks)


@op("subsample", POOL)
def subsample(x: Map, *, kernel: Pair) -> OpCost:
    """Sum each window, multiply the sum by a learnt coefficient and add a learnt bias, per channel.

    (h, w, c) -> (h / kernel_h, w / kernel_w, c); windows do not overlap and must cover the map.
    Params: a coefficient and a bias per channel.

    >>> subsample((28, 28, 6), kernel=(2, 2)).params
    12

    Source: LeCun et al. 1998, section II.B (layers S2 and S4 of LeNet-5).
    """
    out = x[0] // kernel[0], x[1] // kernel[1], x[2]
    need = "the {1} window must divide the map, got {0}"
    sizes = ((x[0], x[1]), kernel)
    return OpCost(
        out=(out,),
        bias_adds=product(out),
        weights=x[2],
        biases=x[2],
        saves=("inputs",),
        checks=tuple(Check(divides(k, size), need, sizes) for k, size in zip(kernel, x)),
    )


@op("global_avg_pool", POOL)
def global_avg_pool(x: Map) -> OpCost:
    """Average each channel over the whole map.

    (h, w, c) -> (1, 1, c); add `flatten` after it to get a vector.

    >>> global_avg_pool((7, 7, 1280)).out
    ((1, 1, 1280),)
    """
    return OpCost(out=((1, 1, x[2]),))


@op("global_max_pool", POOL)
def global_max_pool(x: Map) -> OpCost:
    """Keep the largest element of each channel.

    (h, w, c) -> (1, 1, c).

    >>> global_max_pool((7, 7, 1280)).out
    ((1, 1, 1280),)
    """
    return OpCost(out=((1, 1, x[2]),), saves=("mask",))


@op("adaptive_avg_pool", POOL)
def adaptive_avg_pool(x: Map, *, size: Pair) -> OpCost:
    """Average over a grid of windows chosen so that the output has the given size.

    (h, w, c) -> (size_h, size_w, c).

    >>> adaptive_avg_pool((8, 8, 512), size=(7, 7)).out
    ((7, 7, 512),)

    Source: torch.nn.AdaptiveAvgPool2d.
    """
    return OpCost(out=((*size, x[2]),))


@op("adaptive_max_pool", POOL)
def adaptive_max_pool(x: Map, *, size: Pair) -> OpCost:
    """Keep the largest element in each of a grid of windows chosen so that the output has the given size.

    (h, w, c) -> (size_h, size_w, c).

    >>> adaptive_max_pool((8, 8, 512), size=(7, 7)).out
    ((7, 7, 512),)
    """
    return OpCost(out=((*size, x[2]),), saves=("mask",))
