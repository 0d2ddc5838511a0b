"""Normalisations: shape unchanged; the parameters are a scale and a shift per channel."""

from dataclasses import replace
from typing import Any

from convcost.core.cost import Check, OpCost
from convcost.core.dims import divides, product
from convcost.ops.attributes import AnyInput, Flag, Grid, Size
from convcost.ops.registry import op
from convcost.ops.traits import ELEMENTWISE, NOTHING

#: (scale, shift) -> the variant for conventions; tools only distinguish whether a norm has learnt parameters at all.
_VARIANTS = {(False, False): "non-affine"}


def _learnt(x: AnyInput, scale: bool, shift: bool) -> dict[str, Any]:
    """The parameters of a norm: a scale and a shift per channel, each of which can be switched off."""
    return {
        "weights": x[-1] * int(scale),
        "biases": x[-1] * int(shift),
        "variant": _VARIANTS.get((scale, shift), ""),
        "saves": ("inputs",),
    }


@op("batch_norm", ELEMENTWISE)
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
        **_learnt(x, scale, shift),
    )


@op("layer_norm", NOTHING)
def layer_norm(x: AnyInput, *, scale: Flag = True, shift: Flag = True) -> OpCost:
    """Normalise the channels of each position by their own mean and variance, then scale and shift them.

    Shape unchanged. Params: a scale and a shift per channel; no buffers.

    >>> layer_norm((56, 56, 96)).params
    192

    Source: Ba, Kiros and Hinton (arXiv 1607.06450), over channels as in ConvNeXt.
    """
    return OpCost(
        out=(x,),
        **_learnt(x, scale, shift),
    )


@op("group_norm", replace(NOTHING, channels="grouped"))
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
        **_learnt(x, scale, shift),
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


@op("local_response_norm", NOTHING)
def local_response_norm(x: Grid, *, size: Size = 5) -> OpCost:
    """Divide each element by the energy of `size` neighbouring channels at its position.

    Shape unchanged; no parameters.

    >>> local_response_norm((55, 55, 96)).params
    0

    Source: Krizhevsky et al. 2012 (AlexNet), section 3.3.
    """
    # A window of `size` channels around each: size - 1 channels of zeros.
    return OpCost(out=(x,), zeros=product(x[:-1]) * (size - 1), saves=("inputs",))
