"""Reductions: some axes become one number each."""

from convcost.core.axes import position, reduced
from convcost.core.cost import Check, OpCost, Saved
from convcost.core.dims import either
from convcost.ops.attributes import AnyInput, Axes, Axis, Flag, Function, Scan
from convcost.ops.registry import op
from convcost.ops.select import has_axes, has_axis
from convcost.ops.traits import NOTHING

#: What the derivative needs: where the largest was; of a length, the tensor and the length; a factor's is the others.
_SAVES: dict[str, tuple[Saved, ...]] = {
    **dict.fromkeys(("max", "min"), ("mask",)),
    **dict.fromkeys(("norm", "product", "log_sum", "log_sum_exp"), ("inputs", "outputs")),
    **dict.fromkeys(("variance", "absolute_sum", "square_sum"), ("inputs",)),
}


#: Places, and answers that are true or false: no gradient passes.
_FLAT = dict.fromkeys(("argmax", "argmin", "any", "all"), True)
_SAVES_OF_SCAN: dict[str, tuple[Saved, ...]] = {"product": ("inputs", "outputs"), "max": ("mask",), "min": ("mask",)}


@op("reduce", NOTHING)
def reduce(x: AnyInput, *, axes: Axes, function: Function, keep: Flag = True) -> OpCost:
    """Take the mean, sum, max, min, norm (Euclidean length) or the like over some axes; or where the largest stands, argmax.

    (h, w, c) -> (h, w, 1) over the channels, (1, 1, c) over height and width. With `keep: false` the axes are left out
    instead. No params, no MACs.

    The mean over the channels, for the spatial gate of CBAM; the mean over all tokens, as a vector:

    >>> reduce((56, 56, 64), axes=("channels",), function="mean").out
    ((56, 56, 1),)
    >>> reduce((196, 512), axes=("length",), function="mean", keep=False).out
    ((512,),)

    Source: torch.mean, tf.reduce_mean and the like.
    """
    left = either(keep, len({position(len(x), axis) for axis in axes}) < len(x))
    need = "reduce must leave an axis, but {0} has no others; keep: true leaves each with size 1"
    return OpCost(
        out=(reduced(x, axes, keep=keep),),
        variant=function,
        saves=_SAVES.get(function, ()),
        flat=_FLAT.get(function, False),
        checks=(*has_axes(x, axes), Check(left, need, (x,))),
    )


@op("cumulative", NOTHING)
def cumulative(x: AnyInput, *, axis: Axis, function: Scan = "sum") -> OpCost:
    """Put out, for each element along an axis, the sum (product, max, min) of all up to it.

    Shape unchanged. No params, no MACs.

    >>> cumulative((77, 8), axis="length").out
    ((77, 8),)

    Source: numpy.cumsum, torch.cumsum.
    """
    return OpCost(out=(x,), variant=function, saves=_SAVES_OF_SCAN.get(function, ()), checks=(has_axis(x, axis),))
