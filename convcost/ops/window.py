"""Arithmetic of sliding windows, shared by convolutions and pools."""

from __future__ import annotations

from typing import Any, NamedTuple

from convcost.core.cost import Check
from convcost.core.dims import Dim, Shape, ceil_div, floor_sum, maximum, minimum, where

_FITS = "the {0} window must fit into the padded input, got {1}"
#: What is said instead, by the number of axes.
_FITS_ALONG = {1: "the window of {0} must fit into the padded input, got {1}"}


def slide_over(
    x: Shape,
    kernel: tuple[Dim, ...],
    stride: tuple[Dim, ...],
    padding: tuple[Any, ...],
    dilation: tuple[Dim, ...],
    ceil_mode: bool = False,
) -> tuple[tuple[Slide, ...], tuple[Check, ...]]:
    """The slides along the axes before the channels, as many as the kernel has, and the checks that the window fits."""
    sizes = windowed(x, len(kernel))
    extents = tuple(map(dilated, kernel, dilation))
    slides = tuple([slide(*axis, ceil_mode) for axis in zip(sizes, extents, stride, padding)])
    need = _FITS_ALONG.get(len(kernel), _FITS)
    operands = extents, tuple([slid.before + size + slid.after for size, slid in zip(sizes, slides)])
    return slides, tuple([Check(slid.fits, need, operands) for slid in slides])


def windowed(x: Shape, axes: int) -> Shape:
    """The sizes of the axes that a window slides along: the last ones before the channels.

    >>> windowed((16, 112, 56, 3), 2)
    (112, 56)
    """
    return x[-1 - axes : -1]


def with_sizes(x: Shape, sizes: tuple[Dim, ...], channels: Dim) -> Shape:
    """The shape with other sizes along the axes of a window, and so many channels; what stands before them stays.

    >>> with_sizes((16, 112, 112, 3), (56, 56), 64)
    (16, 56, 56, 64)
    """
    return (*x[: -1 - len(sizes)], *sizes, channels)


class Slide(NamedTuple):
    """How a window slides along one axis: its number of positions, the zeros added before and after, and whether it fits."""

    out: Dim
    before: Dim
    after: Dim
    fits: Any


def dilated(kernel: Dim, dilation: Dim) -> Dim:
    """The extent of a kernel whose taps are `dilation` apart.

    >>> dilated(3, 2)
    5
    """
    return dilation * (kernel - 1) + 1


def slide(size: Dim, extent: Dim, stride: Dim, padding: Any, ceil_mode: bool = False) -> Slide:
    """Slide a window of the given extent along an axis of the given size.

    `padding` is the zeros (before, after), "same" (TensorFlow's rule: ceil(size / stride) positions, the odd
    zero at the end), or "causal" (Keras' Conv1D: all zeros before, so that no position looks ahead). With `ceil_mode` a last window may extend beyond the end, provided that it starts
    inside the input or the zeros before it (the rule of Caffe and PyTorch).

    >>> slide(6, 3, 1, (0, 0)).out, slide(224, 7, 2, (3, 3)).out
    (4, 112)
    >>> slide(224, 3, 2, "same")
    Slide(out=112, before=0, after=1, fits=True)
    >>> slide(20, dilated(5, 2), 1, "causal")
    Slide(out=20, before=8, after=0, fits=True)
    >>> slide(112, 3, 2, (0, 0)).out, slide(112, 3, 2, (0, 0), ceil_mode=True).out
    (55, 56)
    """
    if padding == "same":
        out = ceil_div(size, stride)
        total = maximum((out - 1) * stride + extent - size, 0)
        return Slide(out, total // 2, total - total // 2, fits=True)
    before, after = (extent - 1, 0) if padding == "causal" else padding
    room = size + before + after - extent
    if ceil_mode:
        out = ceil_div(room, stride) + 1
        out = where((out - 1) * stride >= size + before, out - 1, out)
        return Slide(out, before, after, fits=room > -stride)
    return Slide(room // stride + 1, before, after, fits=room >= 0)


def real_taps(size: Dim, slid: Slide, kernel: Dim, stride: Dim, dilation: Dim) -> Dim:
    """How often, along one axis, a tap of a sliding window falls on the input and not on the zeros around it.

    Tap i of position p lies at p·stride + i·dilation, and the input begins behind the zeros before it: the taps that end
    in or before it, without those before it.

    >>> real_taps(2, slide(2, 3, 1, (1, 1)), 3, 1, 1)  # two positions, each with one of three taps on a zero
    4
    """
    ends = slid.before + size, slid.before
    until_end, until_start = [_taps_before(end, slid.out, kernel, stride, dilation) for end in ends]
    return until_end - until_start


def _taps_before(end: Dim, positions: Dim, kernel: Dim, stride: Dim, dilation: Dim) -> Dim:
    """How many taps, over all positions, lie before `end`: all taps of the first positions, then fewer and fewer, then none.

    >>> _taps_before(5, 3, 3, 2, 1)  # taps at 0 1 2, 2 3 4, 4 5 6
    7
    """

    def beginning_by(last: Dim) -> Dim:
        return maximum(minimum(last // stride + 1, positions), 0)

    some = beginning_by(end - 1)
    whole = beginning_by(end - dilated(kernel, dilation))
    # From the last position that has taps before the end back to the first that has not all of them there.
    room = end - (some - 1) * stride
    return whole * kernel + floor_sum(some - whole, stride, room + dilation - 1, dilation)


class Spread(NamedTuple):
    """How far a transposed convolution spreads along one axis: its output size after cropping, and the sizes from which a
    convolution with the same window leads back: from `least` to `most`.
    """

    out: Dim
    least: Dim
    most: Dim


def unslide(
    size: Dim, extent: Dim, stride: Dim, padding: Any, extra: Dim | None = None, wanted: Dim | None = None
) -> Spread:
    """Spread `size` positions along one axis.

    Numbers crop what lies beyond, and `extra` adds at the end (PyTorch). "same" and "valid" are Keras' rules: without `extra`
    every position gets a stride, and "valid" keeps what the window has beyond it. `wanted` is the output size that is asked
    for.

    >>> unslide(16, 4, 2, (1, 1)).out, unslide(16, 3, 2, (0, 0)).out, unslide(4, 2, 3, (0, 0)).out
    (32, 33, 11)
    >>> unslide(16, 3, 2, "same").out, unslide(8, 3, 2, "same", 1).out, unslide(4, 2, 3, "valid").out
    (32, 16, 12)
    >>> unslide(7, 3, 2, (1, 1), wanted=14)
    Spread(out=14, least=13, most=14)
    """
    last = (size - 1) * stride
    if padding == "same":
        least, exact, given = last + 1, size * stride, last + extent - 2 * (extent // 2)
    elif padding == "valid":
        least = given = last + extent
        exact = size * stride + maximum(extent - stride, 0)
    else:
        before, after = padding
        least = exact = given = last + extent - before - after
    out = exact if extra is None else given + extra
    return Spread(out if wanted is None else wanted, least, least + stride - 1)
