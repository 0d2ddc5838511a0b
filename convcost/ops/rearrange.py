"""Ops that hand on, reshape or reorder elements: none is computed, dropped or made up."""

from dataclasses import replace

from convcost.core.axes import kind, position, size_of
from convcost.core.cost import Check, OpCost
from convcost.core.dims import both, divides, either, equal, filled, product
from convcost.ops.attributes import (
    AnyInput,
    Axes,
    Grid,
    Map,
    Pair,
    Positions,
    Rate,
    ShapeWithRest,
    Shift,
    Size,
    WholeShape,
    Windows,
)
from convcost.ops.registry import op
from convcost.ops.traits import MOVE, POOL, VIEW


@op("identity", replace(VIEW, channels="alone"))
def identity(x: AnyInput) -> OpCost:
    """Return the tensor unchanged; nothing is written.

    >>> identity((7, 7, 512)).out
    ((7, 7, 512),)
    """
    return OpCost(out=(x,))


@op("dropout", replace(VIEW, channels="alone"))
def dropout(x: AnyInput, *, rate: Rate) -> OpCost:
    """Return the tensor unchanged: in evaluation mode dropout does nothing, and nothing is written.

    `rate` is the share of elements that training sets to zero; no count depends on it.

    >>> from fractions import Fraction
    >>> dropout((4096,), rate=Fraction(1, 2)).out
    ((4096,),)
    """
    return OpCost(out=(x,), saves=("mask",))


@op("flatten", VIEW)
def flatten(x: AnyInput) -> OpCost:
    """Read the map as one vector; nothing is written.

    (h, w, c) -> (h·w·c,).

    >>> flatten((7, 7, 40)).out
    ((1960,),)
    """
    return OpCost(out=((product(x),),))


@op("reshape", VIEW)
def reshape(x: AnyInput, *, shape: ShapeWithRest) -> OpCost:
    """Read the same elements, in the same order, as a tensor of another shape; nothing is written.

    (h, w, c) -> shape. The number of elements must stay. One size may be -1: it is what the others leave.

    The tokens of a 14×14 map, and a map of heads of one layer of attention (which transpose then puts first):

    >>> from convcost.ops import cost
    >>> cost("reshape", (14, 14, 768), shape=[-1, 768]).out
    ((196, 768),)
    >>> cost("reshape", (197, 768), shape=[197, 12, 64]).out
    ((197, 12, 64),)

    Source: torch.reshape.
    """
    out = filled(shape, product(x))
    had, has = product(x), product(out)
    need = "reshape keeps all elements, but {0} has {1}, and {2} has {3}"
    return OpCost(out=(out,), checks=(Check(equal(had, has), need, (x, had, out, has)),))


@op("transpose", replace(MOVE, drawn="not"))
def transpose(x: AnyInput, *, axes: Axes) -> OpCost:
    """Put the axes into another order: `axes` lists, by name or number, which axis of the input comes first, second, ….

    (t, heads, c) -> (heads, t, c) with `axes: [1, 0, 2]`. Every element is written to its new place. No params, no MACs.

    Heads before tokens, so that matmul multiplies them one by one:

    >>> transpose((197, 12, 64), axes=(1, 0, 2)).out
    ((12, 197, 64),)

    Source: torch.permute, numpy.transpose.
    """
    places = [position(len(x), axis) for axis in axes]
    need = kind(len(x)) + " of {0} has {1} axes: transpose needs each of them once, got " + ", ".join(map(str, axes))
    fit = both(len({*places} - {None}) == len(x), len(axes) == len(x))
    return OpCost(out=(tuple(size_of(x, axis) for axis in axes),), checks=(Check(fit, need, (x, len(x))),))


@op("expand", MOVE)
def expand(x: AnyInput, *, shape: WholeShape) -> OpCost:
    """Repeat a tensor along axes of size 1, or along new axes before the first; every repetition is written.

    (1, 1, c) -> (h, w, c). add with `broadcast: true` and multiply need no expand: they stretch their further inputs
    themselves, and write nothing for it.

    >>> expand((1, 1, 256), shape=(32, 32, 256)).out, expand((768,), shape=(16, 768)).out
    (((32, 32, 256),), ((16, 768),))

    Source: torch.Tensor.expand, numpy.broadcast_to.
    """
    need = "expand makes sizes of 1 larger and adds axes before the first, got {0} for {1}"
    shown = (shape, x)
    return OpCost(
        out=(shape,),
        checks=(
            Check(len(shape) >= len(x), need, shown),
            *(Check(either(equal(new, old), equal(old, 1)), need, shown) for new, old in zip(shape[::-1], x[::-1])),
        ),
    )


@op("tile", MOVE)
def tile(x: AnyInput, *, repeats: WholeShape) -> OpCost:
    """Repeat a tensor along each of its axes, as often as `repeats` says for each; every repetition is written.

    (h, w, c) -> (repeats_h·h, repeats_w·w, repeats_c·c). expand repeats what has size 1, or adds axes.

    >>> tile((1, 256), repeats=(100, 2)).out
    ((100, 512),)

    Source: numpy.tile, torch.Tensor.repeat.
    """
    need = "tile needs a number for each axis, got " + str(len(repeats)) + " for {0}"
    return OpCost(
        out=(tuple(times * size for times, size in zip(repeats, x)),),
        checks=(Check(len(repeats) == len(x), need, (x,)),),
    )


@op("roll", replace(POOL, computes="nothing"))
def roll(x: Positions, *, shift: Shift) -> OpCost:
    """Move all positions along their axes by `shift`; what leaves at one end comes in at the other.

    Shape unchanged. No params, no MACs. `shift` is one number for all axes before the channels, or one for each.
    Windows of attention are shifted so, and shifted back.

    >>> roll((56, 56, 96), shift=(-3, -3)).out
    ((56, 56, 96),)

    Source: Liu et al., Swin Transformer (arXiv 2103.14030), section 3.2; torch.roll.
    """
    need = "shift needs one number, or one for each axis before the channels, got " + str(len(shift)) + " for {0}"
    fit = either(len(shift) == len((1,)), len(shift) == len(x[:-1]))
    return OpCost(out=(x,), checks=(Check(fit, need, (x,)),))


@op("window_partition", replace(POOL, computes="nothing"), letters=("n", "t", "c"))
def window_partition(x: Map, *, window: Pair) -> OpCost:
    """Cut the map into windows and make each a sequence of its positions.

    (h, w, c) -> (h/window_h · w/window_w, window_h·window_w, c): windows, tokens of each, channels. The windows must
    divide the map. Every element is written to its new place. No params, no MACs.

    >>> window_partition((56, 56, 96), window=(7, 7)).out
    ((64, 49, 96),)

    Source: Liu et al., Swin Transformer (arXiv 2103.14030), section 3.2.
    """
    across = (x[0] // window[0]) * (x[1] // window[1])
    return OpCost(out=((across, window[0] * window[1], x[2]),), checks=_tiled((x[0], x[1]), window))


@op("window_reverse", replace(POOL, computes="nothing"))
def window_reverse(x: Windows, *, size: Pair, window: Pair) -> OpCost:
    """Put the windows of window_partition back together to a map of height and width `size`.

    (size_h/window_h · size_w/window_w, window_h·window_w, c) -> (size_h, size_w, c). Every element is written to its
    place. No params, no MACs.

    >>> window_reverse((64, 49, 96), size=(56, 56), window=(7, 7)).out
    ((56, 56, 96),)
    """
    across, inside = (size[0] // window[0]) * (size[1] // window[1]), window[0] * window[1]
    need = "a map of {0} in windows of {1} has {2} windows of {3} positions, got {4} of {5}"
    shown = (size, window, across, inside, x[0], x[1])
    return OpCost(
        out=((*size, x[2]),),
        checks=(
            *_tiled(size, window),
            Check(equal(x[0], across), need, shown),
            Check(equal(x[1], inside), need, shown),
        ),
    )


def _tiled(size: Pair, window: Pair) -> tuple[Check, ...]:
    """That windows side by side fill a map."""
    need = "the {0} window must divide the map, got {1}; pad it before"
    return tuple(Check(divides(step, extent), need, (window, size)) for extent, step in zip(size, window))


@op("channel_shuffle", replace(MOVE, channels="alone"))
def channel_shuffle(x: Grid, *, groups: Size) -> OpCost:
    """Interleave the channels of `groups` groups, so that the next grouped convolution sees all of them.

    Shape unchanged; groups must divide the channels.

    >>> channel_shuffle((28, 28, 240), groups=3).out
    ((28, 28, 240),)

    Source: Zhang et al., ShuffleNet (arXiv 1707.01083), section 3.1.
    """
    need = "groups must divide the channels, got groups {0} for {1} channels"
    return OpCost(out=(x,), checks=(Check(divides(groups, x[-1]), need, (groups, x[-1]), of_shape=False),))


@op("depth_to_space", MOVE)
def depth_to_space(x: Map, *, block: Size) -> OpCost:
    """Spread the channels of each position over block·block positions: pixel shuffle.

    (h, w, c) -> (block·h, block·w, c / block²); block² must divide the channels.

    >>> depth_to_space((28, 28, 36), block=3).out
    ((84, 84, 4),)

    Source: Shi et al. (arXiv 1609.05158), equation 4; torch.nn.PixelShuffle.
    """
    area = block * block
    need = "block² must divide the channels, got {0} for {1} channels"
    return OpCost(
        out=((block * x[0], block * x[1], x[2] // area),),
        checks=(Check(divides(area, x[2]), need, (area, x[2])),),
    )


@op("space_to_depth", MOVE)
def space_to_depth(x: Map, *, block: Size) -> OpCost:
    """Stack the channels of block·block positions into those of one: the inverse of depth_to_space.

    (h, w, c) -> (h / block, w / block, block²·c); block must divide height and width.

    >>> space_to_depth((84, 84, 4), block=3).out
    ((28, 28, 36),)

    Source: torch.nn.PixelUnshuffle; the passthrough of YOLOv2 (arXiv 1612.08242), the stem of TResNet (arXiv 2003.13630).
    """
    need = "block must divide the map, got block {0} for {1}"
    sizes = (block, (x[0], x[1]))
    return OpCost(
        out=((x[0] // block, x[1] // block, block * block * x[2]),),
        checks=(Check(divides(block, x[0]), need, sizes), Check(divides(block, x[1]), need, sizes)),
    )
