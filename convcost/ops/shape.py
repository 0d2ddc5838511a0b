"""Ops that move, slice or reshape, without weights."""

from dataclasses import replace

from convcost.core.axes import resized, size_of
from convcost.core.cost import Check, OpCost
from convcost.core.dims import cut, divides, equal, product
from convcost.ops.attributes import AnyInput, AxisName, Grid, Map, Position, Rate, Sections, Size
from convcost.ops.join import has_axis
from convcost.ops.registry import op
from convcost.ops.traits import NOTHING, PART, VIEW


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


@op("channel_shuffle", replace(NOTHING, channels="alone"))
def channel_shuffle(x: Grid, *, groups: Size) -> OpCost:
    """Interleave the channels of `groups` groups, so that the next grouped convolution sees all of them.

    Shape unchanged; groups must divide the channels.

    >>> channel_shuffle((28, 28, 240), groups=3).out
    ((28, 28, 240),)

    Source: Zhang et al., ShuffleNet (arXiv 1707.01083), section 3.1.
    """
    need = "groups must divide the channels, got groups {0} for {1} channels"
    return OpCost(out=(x,), checks=(Check(divides(groups, x[-1]), need, (groups, x[-1]), of_shape=False),))


@op("depth_to_space", NOTHING)
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


@op("space_to_depth", NOTHING)
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


@op("slice", PART)
def slice_(x: AnyInput, *, start: Position, stop: Size, axis: AxisName = "channels") -> OpCost:
    """Take the elements start, …, stop - 1 of an axis, by default the channels; nothing is written.

    (h, w, c) -> (h, w, stop - start).

    >>> slice_((28, 28, 116), start=58, stop=116).out
    ((28, 28, 58),)
    """
    size = size_of(x, axis)
    return OpCost(
        out=(resized(x, axis, stop - start),),
        checks=(
            has_axis(x, axis),
            Check(start < stop, "start must be below stop, got {0} and {1}", (start, stop)),
            Check(stop <= size, "stop must be at most the size of the axis, got {0} of {1}", (stop, size)),
        ),
    )


@op("split", PART)
def split(x: AnyInput, *, sections: Sections, axis: AxisName = "channels") -> OpCost:
    """Split an axis, by default the channels, into parts that are read as `name:0`, `name:1`, …; nothing is written.

    (h, w, c) -> (h, w, c1), (h, w, c2), …; `sections` is a number of equal parts or the size of each.

    >>> split((28, 28, 116), sections=2).out
    ((28, 28, 58), (28, 28, 58))
    """
    size = size_of(x, axis)
    parts = cut(size, sections)
    once = {id(part): part for part in parts}  # parts may be thousands, of one size
    shapes = {key: resized(x, axis, part) for key, part in once.items()}
    return OpCost(
        out=tuple([shapes[id(part)] for part in parts]),
        checks=(
            has_axis(x, axis),
            Check(equal(sum(parts), size), "the parts must make up the axis, got {0} of {1}", (sum(parts), size)),
        ),
    )
