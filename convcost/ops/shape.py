"""Ops that pad or upsample maps, without weights."""

from convcost.core.cost import OpCost
from convcost.ops.attributes import Map, Margins, Mode, Pair
from convcost.ops.registry import op
from convcost.ops.traits import POOL


@op("pad", POOL)
def pad(x: Map, *, padding: Margins) -> OpCost:
    """Pad the map with zeros.

    (h, w, c) -> (top + h + bottom, left + w + right, c).

    >>> pad((224, 224, 3), padding=((3, 3), (3, 3))).out
    ((230, 230, 3),)
    """
    (top, bottom), (left, right) = padding
    return OpCost(out=((top + x[0] + bottom, left + x[1] + right, x[2]),))


@op("upsample", POOL)
def upsample(x: Map, *, scale: Pair, mode: Mode = "nearest") -> OpCost:
    """Upsample the map by an integer factor, by repetition or interpolation.

    (h, w, c) -> (scale_h·h, scale_w·w, c). `mode` says how many input elements make an output element: 1 (nearest),
    2·2 (bilinear) or 4·4 (bicubic). No MACs; the conventions of some tools count each mode differently.

    >>> upsample((16, 16, 64), scale=(2, 2)).out
    ((32, 32, 64),)

    Source: torch.nn.Upsample.
    """
    return OpCost(out=((scale[0] * x[0], scale[1] * x[1], x[2]),), variant=mode)


@op("resize", POOL)
def resize(x: Map, *, size: Pair, mode: Mode = "nearest") -> OpCost:
    """Interpolate the map to a given height and width.

    (h, w, c) -> (size_h, size_w, c). `mode` as in upsample. No MACs.

    >>> resize((33, 33, 256), size=(65, 65)).out
    ((65, 65, 256),)

    Source: torch.nn.functional.interpolate.
    """
    return OpCost(out=((*size, x[2]),), variant=mode)
