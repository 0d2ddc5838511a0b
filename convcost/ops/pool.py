"""Pooling: one number from each window, per channel; nothing is multiplied by a weight."""

from convcost.core.cost import Check, OpCost
from convcost.core.dims import Shape, divides, first_given, maximum, product
from convcost.ops.attributes import Flag, Grid, Padding, Sizes, SizesOrNone, Slid
from convcost.ops.registry import cost, op  # noqa: F401 - the examples use cost
from convcost.ops.traits import POOL
from convcost.ops.window import dilated, slide_over, windowed, with_sizes


@op("max_pool", POOL, axes=2, leading=False)
@op("max_pool1d", POOL, axes=1)
@op("max_pool2d", POOL, axes=2)
@op("max_pool3d", POOL, axes=3)
def max_pool(
    x: Slid,
    *,
    kernel: Sizes,
    stride: SizesOrNone = None,
    padding: Padding = 0,
    dilation: Sizes = 1,
    ceil_mode: Flag = False,
) -> OpCost:
    """Keep the largest element of each window of the map; windows step by their own size unless a stride is given.

    (h, w, c) -> (h', w', c), h' as in a convolution. With `ceil_mode` the division is rounded up: a last window may hang
    over the end of an axis if it starts inside the input or the zeros before it (Caffe, PyTorch).

    >>> cost("max_pool", (112, 112, 64), kernel=3, stride=2).out
    ((55, 55, 64),)
    >>> cost("max_pool", (112, 112, 64), kernel=3, stride=2, ceil_mode=True).out
    ((56, 56, 64),)
    >>> cost("max_pool1d", (2500, 32), kernel=2).out
    ((1250, 32),)
    """
    out, checks = _pooled(x, kernel, first_given(stride, kernel), padding, dilation, ceil_mode)
    return OpCost(out=(out,), saves=("mask",), checks=checks)


def _pooled(
    x: Shape, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, ceil_mode: Flag
) -> tuple[Shape, tuple[Check, ...]]:
    """The output shape of a window op, and its preconditions."""
    slides, fits = slide_over(x, kernel, stride, padding, dilation, ceil_mode)
    need = "padding must be smaller than the window, got {0} for a window of {1}"
    zeros = (maximum(slid.before, slid.after) for slid in slides)
    smaller = (
        Check(around < extent, need, (around, extent)) for around, extent in zip(zeros, map(dilated, kernel, dilation))
    )
    return with_sizes(x, tuple(slid.out for slid in slides), x[-1]), (*fits, *smaller)


@op("avg_pool", POOL, axes=2, leading=False)
@op("avg_pool1d", POOL, axes=1)
@op("avg_pool2d", POOL, axes=2)
@op("avg_pool3d", POOL, axes=3)
def avg_pool(
    x: Slid, *, kernel: Sizes, stride: SizesOrNone = None, padding: Padding = 0, ceil_mode: Flag = False
) -> OpCost:
    """Average each window of the map; windows step by their own size unless a stride is given.

    (h, w, c) -> (h', w', c), as in max_pool.

    >>> cost("avg_pool", (28, 28, 6), kernel=2).out, cost("avg_pool3d", (16, 28, 28, 6), kernel=2).out
    (((14, 14, 6),), ((8, 14, 14, 6),))
    """
    out, checks = _pooled(x, kernel, first_given(stride, kernel), padding, (1,) * len(kernel), ceil_mode)
    return OpCost(out=(out,), checks=checks)


@op("subsample", POOL, axes=2, leading=False)
def subsample(x: Slid, *, kernel: Sizes) -> OpCost:
    """Sum each window, multiply the sum by a learnt coefficient and add a learnt bias, per channel.

    (h, w, c) -> (h / kernel_h, w / kernel_w, c); windows do not overlap and must cover the map.
    Params: a coefficient and a bias per channel.

    >>> cost("subsample", (28, 28, 6), kernel=2).params
    12

    Source: LeCun et al. 1998, section II.B (layers S2 and S4 of LeNet-5).
    """
    sizes = windowed(x, len(kernel))
    out = with_sizes(x, tuple(size // k for size, k in zip(sizes, kernel)), x[-1])
    need = "the {1} window must divide the map, got {0}"
    operands = (sizes, kernel)
    return OpCost(
        out=(out,),
        bias_adds=product(out),
        weights=x[-1],
        biases=x[-1],
        saves=("inputs",),
        checks=tuple(Check(divides(k, size), need, operands) for k, size in zip(kernel, sizes)),
    )


#: Axes of what a global pool reads -> the variant for conventions; some tools only know those of maps.
_NO_MAP = {2: "1d", 4: "3d"}


@op("global_avg_pool", POOL)
def global_avg_pool(x: Grid) -> OpCost:
    """Average each channel over all positions.

    (h, w, c) -> (1, 1, c); add `flatten` after it to get a vector.

    >>> global_avg_pool((7, 7, 1280)).out, global_avg_pool((4, 7, 7, 512)).out
    (((1, 1, 1280),), ((1, 1, 1, 512),))
    """
    return OpCost(out=((*(1,) * len(x[:-1]), x[-1]),), variant=_NO_MAP.get(len(x), ""))


@op("global_max_pool", POOL)
def global_max_pool(x: Grid) -> OpCost:
    """Keep the largest element of each channel.

    (h, w, c) -> (1, 1, c).

    >>> global_max_pool((7, 7, 1280)).out, global_max_pool((2500, 32)).out
    (((1, 1, 1280),), ((1, 32),))
    """
    return OpCost(out=((*(1,) * len(x[:-1]), x[-1]),), saves=("mask",))


@op("adaptive_avg_pool", POOL, axes=2, leading=False)
@op("adaptive_avg_pool1d", POOL, axes=1)
@op("adaptive_avg_pool2d", POOL, axes=2)
@op("adaptive_avg_pool3d", POOL, axes=3)
def adaptive_avg_pool(x: Slid, *, size: Sizes) -> OpCost:
    """Average windows of the map that are chosen so that the output has the given size.

    (h, w, c) -> (size_h, size_w, c).

    >>> cost("adaptive_avg_pool", (8, 8, 512), size=7).out
    ((7, 7, 512),)

    Source: torch.nn.AdaptiveAvgPool2d.
    """
    return OpCost(out=(with_sizes(x, size, x[-1]),))


@op("adaptive_max_pool", POOL, axes=2, leading=False)
@op("adaptive_max_pool1d", POOL, axes=1)
@op("adaptive_max_pool2d", POOL, axes=2)
@op("adaptive_max_pool3d", POOL, axes=3)
def adaptive_max_pool(x: Slid, *, size: Sizes) -> OpCost:
    """Keep the largest element in each of the windows that are chosen so that the output has the given size.

    (h, w, c) -> (size_h, size_w, c).

    >>> cost("adaptive_max_pool", (8, 8, 512), size=7).out
    ((7, 7, 512),)
    """
    return OpCost(out=(with_sizes(x, size, x[-1]),), saves=("mask",))
