"""What convolutions and pools share: a window that slides along height and width."""

from typing import Any

from convcost.cost import Check
from convcost.dims import Dim, Shape, Slide, dilated, slide

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
