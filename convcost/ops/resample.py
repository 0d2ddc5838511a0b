"""Ops that pad, crop and resample, without weights."""

from dataclasses import replace
from typing import Any

from convcost.core.axes import NAMES, has, kind, resized, size_of
from convcost.core.cost import Check, OpCost
from convcost.core.dims import both, divides, each_of, equal, first_given, given, maximum, product
from convcost.ops.attributes import (
    AllAround,
    AnyInput,
    AnyInputOrNone,
    Crop,
    Ends,
    Grid,
    Map,
    Margins,
    Mode,
    Padding,
    Pair,
    Positions,
    Sizes,
    Slid,
    Steps,
)
from convcost.ops.registry import cost, op  # noqa: F401 - the examples use cost
from convcost.ops.traits import MOVE, NOTHING, PART, POOL
from convcost.ops.window import slide_over, windowed, with_sizes


@op("pad", replace(POOL, computes="nothing"))
def pad(
    x: AnyInput,
    *,
    padding: Margins = None,
    channels: Ends = None,
    height: Ends = None,
    width: Ends = None,
    length: Ends = None,
    depth: Ends = None,
    around: AllAround = None,
) -> OpCost:
    """Put zeros around a map, or before and after each axis that is named, or all of them.

    (h, w, c) -> (top + h + bottom, left + w + right, c) with `padding`. A named axis takes one number, or [before, after].
    `around` has as much for every axis, in their order: for tensors whose axes have no names.

    >>> cost("pad", (224, 224, 3), padding=3).out, cost("pad", (20, 3), length=[8, 0]).out
    (((230, 230, 3),), ((28, 3),))

    Zeros along the channels, as on the shortcuts of ResNet for CIFAR (option A of arXiv 1512.03385, section 4.2):

    >>> cost("pad", (16, 16, 16), channels=8).out
    ((16, 16, 32),)
    >>> cost("pad", (8, 2, 14, 14, 64), around=[0, 0, [0, 2], [1, 1], 0]).out
    ((8, 2, 16, 16, 64),)
    """
    axes = {"channels": channels, "height": height, "width": width, "length": length, "depth": depth}
    ends = [(name, sides) for name, one in axes.items() for sides in first_given(one, ())]
    out = x
    every: tuple[Any, ...] = tuple(enumerate(first_given(around, ())))
    for name, (before, after) in (*zip(("height", "width"), first_given(padding, ())), *ends, *every):
        out = resized(out, name, before + size_of(out, name) + after)
    of_maps = f"padding is for maps: {kind(len(x))} names its axes, as in {NAMES.get(len(x), NAMES[1])[0]}: [1, 1]"
    of_all = f"around needs a number or [before, after] for each axis, got {len(every)} for " + "{0}"
    return OpCost(
        out=(out,),
        checks=(
            Check(
                given(padding, around, *axes.values()) > 0, "pad needs padding, or a named axis, as in channels: [1, 1]"
            ),
            *(Check(len(every) == len(x), of_all, (x,)) for _ in every[:1]),
            *(Check(both(len(x) >= 3, len(x) <= 3), of_maps) for _ in first_given(padding, ())[:1]),
            *(Check(has(len(x), name), kind(len(x)) + " of {0} has no " + name, (x,)) for name, _ in ends),
        ),
    )


@op("crop", PART)
def crop(x: Grid, *, size: Crop) -> OpCost:
    """Cut the middle out, of the given size along each axis but the channels; nothing is written.

    (h, w, c) -> (size_h, size_w, c).

    >>> cost("crop", (64, 64, 512), size=56).out, cost("crop", (8, 64, 64, 32), size=[8, 56, 48]).out
    (((56, 56, 512),), ((8, 56, 48, 32),))

    Source: Ronneberger et al., U-Net (arXiv 1505.04597), section 2.
    """
    positions = x[:-1]
    wanted = each_of(size, len(positions))
    listed = f"size must have one number for each axis before the channels, got {len(wanted)} for {kind(len(x))}"
    smaller = "size must be at most that of the input, got {0} of {1}"
    return OpCost(
        out=((*wanted, x[-1]),),
        checks=(
            Check(len(wanted) == len(positions), listed),
            *(Check(one <= all_, smaller, (wanted, positions)) for one, all_ in zip(wanted, positions)),
        ),
    )


@op("unfold", MOVE, axes=2, leading=False)
def unfold(x: Slid, *, kernel: Sizes, stride: Sizes = 1, padding: Padding = 0, dilation: Sizes = 1) -> OpCost:
    """Lay out the elements of each window as a row: the matrix that makes a convolution a product (im2col).

    (h, w, c) -> (h'·w', kernel_h·kernel_w·c), h' as in conv2d. An element is written once for each window that it is in.

    >>> cost("unfold", (6, 6, 3), kernel=3).out
    ((16, 27),)

    Source: torch.nn.Unfold.
    """
    slides, fits = slide_over(x, kernel, stride, padding, dilation)
    return OpCost(out=((product(slid.out for slid in slides), product(kernel) * x[-1]),), checks=fits)


@op("fold", NOTHING, axes=2)
def fold(
    x: Steps, *, size: Sizes, kernel: Sizes, stride: Sizes = 1, padding: Padding = 0, dilation: Sizes = 1
) -> OpCost:
    """Sum rows that are windows into a map: the inverse of unfold, where windows do not overlap (col2im).

    (t, c) -> (size_h, size_w, c / (kernel_h·kernel_w)); t must be the number of windows on a map of that size.

    >>> cost("fold", (16, 27), size=6, kernel=3).out
    ((6, 6, 3),)

    Source: torch.nn.Fold.
    """
    slides, fits = slide_over((*size, x[-1]), kernel, stride, padding, dilation)
    windows = product(maximum(slid.out, 1) for slid in slides)  # where no window fits, that alone is said
    taps = product(kernel)
    return OpCost(
        out=((*size, x[-1] // taps),),
        checks=(
            *fits,
            Check(equal(x[0], windows), "fold needs a row for each of the {1} windows, got {0}", (x[0], windows)),
            Check(divides(taps, x[-1]), "the {0} taps of the kernel must divide the channels, got {1}", (taps, x[-1])),
        ),
    )


@op("upsample", POOL, axes=2, leading=False)
@op("upsample1d", POOL, axes=1)
@op("upsample2d", POOL, axes=2)
@op("upsample3d", POOL, axes=3)
def upsample(x: Slid, *, scale: Sizes, mode: Mode = "nearest") -> OpCost:
    """Upsample the map by an integer factor, by repetition or interpolation.

    (h, w, c) -> (scale_h·h, scale_w·w, c). `mode` says how many input elements make an output element: 1 (nearest),
    2 along each axis (linear, bilinear, trilinear) or 4·4 (bicubic). No MACs; the conventions of some tools count each mode
    differently.

    >>> cost("upsample", (16, 16, 64), scale=2).out
    ((32, 32, 64),)

    Source: torch.nn.Upsample.
    """
    sizes = zip(scale, windowed(x, len(scale)))
    return OpCost(out=(with_sizes(x, tuple(factor * size for factor, size in sizes), x[-1]),), variant=mode)


@op("resize", POOL, axes=2, leading=False)
@op("resize1d", POOL, axes=1)
@op("resize2d", POOL, axes=2)
@op("resize3d", POOL, axes=3)
def resize(x: Slid, *, size: Sizes, mode: Mode = "nearest") -> OpCost:
    """Interpolate the map to a given size.

    (h, w, c) -> (size_h, size_w, c). `mode` as in upsample. No MACs.

    >>> cost("resize", (33, 33, 256), size=65).out
    ((65, 65, 256),)

    Source: torch.nn.functional.interpolate.
    """
    return OpCost(out=(with_sizes(x, size, x[-1]),), variant=mode)


@op("grid_sample", replace(NOTHING, resamples=True))
def grid_sample(x: Map, grid: Map, *, mode: Mode = "bilinear") -> OpCost:
    """Read the map at places between its elements that a second input says: two numbers for each position of the output.

    (h, w, c), (h', w', 2) -> (h', w', c). `mode` as in upsample. No MACs, no params. Optical flow warps an image so.

    >>> grid_sample((55, 128, 3), (110, 256, 2)).out
    ((110, 256, 3),)

    Source: Jaderberg et al., Spatial Transformer Networks (arXiv 1506.02025); torch.nn.functional.grid_sample.
    """
    need = "the grid needs 2 channels, a place in height and width, got {0}"
    return OpCost(
        out=((grid[0], grid[1], x[2]),),
        variant=mode,
        saves=("inputs",),
        checks=(Check(equal(grid[2], 2), need, (grid,)),),
    )


@op("roi_align", replace(NOTHING, resamples=True))
def roi_align(x: Map, boxes: Positions, images: AnyInputOrNone = None, *, size: Pair) -> OpCost:
    """Interpolate the map inside of each box to one size: what detectors look at box by box.

    (h, w, c), (n, 4) -> (n, size_h, size_w, c): each box has four numbers. A third input may say of each box which image it is in. No MACs, no params.

    >>> roi_align((50, 68, 256), (1000, 4), size=(7, 7)).out
    ((1000, 7, 7, 256),)

    Source: He et al., Mask R-CNN (arXiv 1703.06870), section 3; torchvision.ops.roi_align.
    """
    number = product(boxes[:-1])
    of_each = first_given(images, (number,))
    need = "roi_align takes the image of each box, got {0} for {1} boxes"
    return OpCost(
        out=((*boxes[:-1], *size, x[2]),),
        saves=("inputs",),
        checks=(Check(equal(product(of_each), number), need, (of_each, number)),),
    )
