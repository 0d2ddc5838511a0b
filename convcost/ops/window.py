"""Arithmetic of sliding windows, shared by convolutions and pools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from convcost.core.cost import Check
from convcost.core.dims import Dim, Shape, ceil_div, is_array, is_symbolic, maximum, minimum, where

#: No padding, as rules take it: the zeros (before, after) of each axis.
VALID = ((0, 0), (0, 0))


def slide_both(
    x: Shape,
    kernel: tuple[Dim, Dim],
    stride: tuple[Dim, Dim],
    padding: tuple[Any, Any],
    dilation: tuple[Dim, Dim] = (1, 1),
    ceil_mode: bool = False,
) -> tuple[Slide, Slide, tuple[Check, ...]]:
    """The slides along height and width, and the checks that the window fits."""
    extents = dilated(kernel[0], dilation[0]), dilated(kernel[1], dilation[1])
    rows = slide(x[0], extents[0], stride[0], padding[0], ceil_mode)
    columns = slide(x[1], extents[1], stride[1], padding[1], ceil_mode)
    need = "the {0}×{1} window must fit into the padded input, got {2}×{3}"
    padded = x[0] + rows.before + rows.after, x[1] + columns.before + columns.after
    operands = (*extents, *padded)
    return rows, columns, (Check(rows.fits, need, operands), Check(columns.fits, need, operands))


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


def slide(
    size: Dim, extent: Dim, stride: Dim, padding: tuple[Dim, Dim] | Literal["same"], ceil_mode: bool = False
) -> Slide:
    """Slide a window of the given extent along an axis of the given size.

    `padding` is the zeros (before, after), or "same" (TensorFlow's rule: ceil(size / stride) positions, the odd
    zero at the end). With `ceil_mode` a last window may extend beyond the end, provided that it starts
    inside the input or the zeros before it (the rule of Caffe and PyTorch).

    >>> slide(6, 3, 1, (0, 0)).out, slide(224, 7, 2, (3, 3)).out
    (4, 112)
    >>> slide(224, 3, 2, "same")
    Slide(out=112, before=0, after=1, fits=True)
    >>> slide(112, 3, 2, (0, 0)).out, slide(112, 3, 2, (0, 0), ceil_mode=True).out
    (55, 56)
    """
    if padding == "same":
        out = ceil_div(size, stride)
        total = maximum((out - 1) * stride + extent - size, 0)
        return Slide(out, total // 2, total - total // 2, fits=True)
    before, after = padding
    room = size + before + after - extent
    if ceil_mode:
        out = ceil_div(room, stride) + 1
        out = where((out - 1) * stride >= size + before, out - 1, out)
        return Slide(out, before, after, fits=room > -stride)
    return Slide(room // stride + 1, before, after, fits=room >= 0)


def total(count: Dim, term: Callable[[Dim], Dim]) -> Dim:
    """The sum of term(0), …, term(count - 1).

    >>> total(3, lambda i: 10 * i)
    30
    """
    if is_symbolic(count):
        import sympy

        index = sympy.Dummy("i", integer=True, nonnegative=True)
        return sympy.Sum(term(index), (index, 0, count - 1))
    if is_array(count):
        return sum((where(i < count, term(i), 0) for i in range(int(count.max()))), 0 * count)
    return sum((term(i) for i in range(count)), 0)


def real_taps(size: Dim, slid: Slide, kernel: Dim, stride: Dim, dilation: Dim) -> Dim:
    """How often, along one axis, a tap of a sliding window falls on the input and not on the zeros around it.

    Tap i lies on the input from the first position p with p·stride + i·dilation >= before to the last one with
    p·stride + i·dilation < before + size.

    >>> real_taps(2, slide(2, 3, 1, (1, 1)), 3, 1, 1)  # two positions, each with one of three taps on a zero
    4
    """

    def positions(tap: Dim) -> Dim:
        ahead = slid.before - tap * dilation
        last = minimum((size - 1 + ahead) // stride, slid.out - 1)
        return maximum(last - maximum(ceil_div(ahead, stride), 0) + 1, 0)

    return total(kernel, positions)


def unslide(size: Dim, extent: Dim, stride: Dim, padding: tuple[Dim, Dim] | Literal["same"]) -> Dim:
    """The output size of a transposed convolution over `size` positions, after cropping.

    >>> unslide(16, 4, 2, (1, 1)), unslide(16, 3, 2, "same"), unslide(16, 3, 2, (0, 0))
    (32, 32, 33)
    """
    if padding == "same":
        return size * stride
    before, after = padding
    return (size - 1) * stride + extent - before - after
