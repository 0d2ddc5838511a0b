"""Normalisations: shape unchanged; the parameters are a scale and a shift, as a rule one per channel."""

from dataclasses import replace
from typing import Any

from convcost.core.axes import size_of
from convcost.core.cost import Check, OpCost
from convcost.core.dims import Dim, divides, product
from convcost.ops.attributes import AnyInput, Axes, Axis, Flag, Grid, Positions, Size
from convcost.ops.registry import op
from convcost.ops.select import has_axes, has_axis
from convcost.ops.traits import ELEMENTWISE, NORM

#: (scale, shift) -> the variant for conventions; tools only distinguish whether a norm has learnt parameters at all.
_VARIANTS = {(False, False): "non-affine"}


def _learnt(each: Dim, scale: Flag, shift: Flag) -> dict[str, Any]:
    """The parameters of a norm: a scale and a shift for each of so many, which can both be switched off."""
    return {
        "weights": each * int(scale),
        "biases": each * int(shift),
        "variant": _VARIANTS.get((scale, shift), ""),
        "saves": ("inputs",),
    }


@op("batch_norm", replace(ELEMENTWISE, drawn="around"))
def batch_norm(x: AnyInput, *, scale: Flag = True, shift: Flag = True) -> OpCost:
    """Normalise each channel by the mean and variance seen in training, then scale and shift it.

    Shape unchanged. Params: a scale and a shift per channel (each can be switched off); buffers: the running mean
    and variance. When deployed it is folded into the convolution before it; no convention counts it by default.

    >>> batch_norm((112, 112, 32)).params, batch_norm((112, 112, 32)).buffers
    (64, 64)

    Source: Ioffe and Szegedy (arXiv 1502.03167).
    """
    return OpCost(
        out=(x,),
        buffers=2 * x[-1],
        **_learnt(x[-1], scale, shift),
    )


@op("layer_norm", NORM)
def layer_norm(x: AnyInput, *, axes: Axes = ("channels",), scale: Flag = True, shift: Flag = True) -> OpCost:
    """Normalise over some axes, by default the channels of each position, by their own mean and variance; scale and shift.

    Shape unchanged. Params: a scale and a shift for each element of these axes together, so one per channel by
    default; no buffers. `axes: [height, width, channels]` takes the whole map.

    >>> layer_norm((56, 56, 96)).params
    192
    >>> layer_norm((7, 7, 96), axes=("height", "width", "channels")).params  # 2·7·7·96
    9408

    Source: Ba, Kiros and Hinton (arXiv 1607.06450), over channels as in ConvNeXt; torch.nn.LayerNorm.
    """
    return OpCost(
        out=(x,),
        **_learnt(product(size_of(x, axis) for axis in axes), scale, shift),
        checks=has_axes(x, axes),
    )


@op("rms_norm", NORM)
def rms_norm(x: AnyInput, *, axes: Axes = ("channels",), scale: Flag = True) -> OpCost:
    """Divide by the root of the mean square over some axes, by default the channels of each position; then scale.

    Shape unchanged. Params: a scale for each element of these axes together; no shift, no buffers.

    >>> rms_norm((512, 4096)).params
    4096

    Source: Zhang and Sennrich (arXiv 1910.07467); torch.nn.RMSNorm.
    """
    learnt = _learnt(product(size_of(x, axis) for axis in axes), scale, False)
    return OpCost(out=(x,), **learnt, checks=has_axes(x, axes))


@op("group_norm", replace(NORM, channels="grouped"))
def group_norm(x: Grid, *, groups: Size, scale: Flag = True, shift: Flag = True) -> OpCost:
    """Normalise each group of channels by its own mean and variance over all positions, then scale and shift each channel.

    Shape unchanged; groups must divide the channels. Params: a scale and a shift per channel (each can be switched
    off); no buffers. `groups: in.channels` is instance normalisation, `groups: 1` takes all elements.

    >>> group_norm((56, 56, 64), groups=32).params
    128

    Source: Wu and He, Group Normalization (arXiv 1803.08494); torch.nn.GroupNorm.
    """
    need = "groups must divide the channels, got groups {0} for {1} channels"
    return OpCost(
        out=(x,),
        **_learnt(x[-1], scale, shift),
        checks=(Check(divides(groups, x[-1]), need, (groups, x[-1]), of_shape=False),),
    )


@op("scale", ELEMENTWISE)
def scale(x: AnyInput, *, shift: Flag = False) -> OpCost:
    """Multiply each channel by a learnt factor (layer scale), and add a learnt shift if asked to.

    Shape unchanged. Params: a factor per channel, and a shift per channel with `shift`.

    >>> scale((56, 56, 96)).params
    96

    Source: Touvron et al. (arXiv 2103.17239), section 2; ConvNeXt (arXiv 2201.03545).
    """
    shifts = x[-1] * int(shift)
    return OpCost(out=(x,), bias_adds=product(x[:-1]) * shifts, weights=x[-1], biases=shifts, saves=("inputs",))


@op("local_response_norm", replace(NORM, computes="exponentials"))
def local_response_norm(x: Grid, *, size: Size = 5) -> OpCost:
    """Divide each element by the energy of `size` neighbouring channels at its position.

    Shape unchanged; no parameters.

    >>> local_response_norm((55, 55, 96)).params
    0

    Source: Krizhevsky et al. 2012 (AlexNet), section 3.3.
    """
    # A window of `size` channels around each: size - 1 channels of zeros.
    return OpCost(out=(x,), zeros=product(x[:-1]) * (size - 1), saves=("inputs",))


@op("l2_normalize", NORM)
def l2_normalize(x: AnyInput, *, axis: Axis = "channels") -> OpCost:
    """Divide by the Euclidean length along an axis, by default the channels of each position.

    Shape unchanged; no parameters.

    >>> l2_normalize((197, 512)).out
    ((197, 512),)

    Source: torch.nn.functional.normalize; embeddings of faces (arXiv 1503.03832), cosine attention (arXiv 2111.09883).
    """
    return OpCost(out=(x,), saves=("inputs",), checks=(has_axis(x, axis),))


@op("global_response_norm", NORM)
def global_response_norm(x: Positions) -> OpCost:
    """Scale each channel by its share in the energy of the map, with a learnt factor and shift, and add the input.

    Shape unchanged. Params: a factor and a shift per channel.

    >>> global_response_norm((14, 14, 384)).params
    768

    Source: Woo et al., ConvNeXt V2 (arXiv 2301.00808), algorithm 1.
    """
    return OpCost(out=(x,), **_learnt(x[-1], True, True))
