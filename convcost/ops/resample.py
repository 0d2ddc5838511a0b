"""Ops that pad, crop and resample, without weights."""

from convcost.core.cost import OpCost
from convcost.ops.attributes import Margins, Mode, Sizes, Slid
from convcost.ops.registry import cost, op  # noqa: F401 - the examples use cost
from convcost.ops.traits import POOL
from convcost.ops.window import windowed, with_sizes


@op("pad", POOL, axes=2, leading=False)
def pad(x: Slid, *, padding: Margins) -> OpCost:
    """Pad the map with zeros.

    (h, w, c) -> (top + h + bottom, left + w + right, c).

    >>> cost("pad", (224, 224, 3), padding=3).out
    ((230, 230, 3),)
    """
    sizes = zip(windowed(x, len(padding)), padding)
    return OpCost(out=(with_sizes(x, tuple(before + size + after for size, (before, after) in sizes), x[-1]),))


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
