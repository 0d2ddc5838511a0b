"""Convolutions: sliding filters that multiply and accumulate."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from convcost.core.axes import spatial_names
from convcost.core.cost import Check, OpCost
from convcost.core.dims import Dim, Shape, both, divides, either, equal, first_given, given, maximum, negate, product
from convcost.ops.attributes import (
    AmountsOrNone,
    ConnectionTable,
    Cropping,
    Flag,
    Padding,
    Size,
    Sizes,
    SizesOrNone,
    Slid,
)
from convcost.ops.registry import cost, op  # noqa: F401 - the examples use cost
from convcost.ops.traits import CONVOLUTION
from convcost.ops.window import Spread, dilated, real_taps, slide_over, unslide, windowed, with_sizes


def _group_checks(c: Dim, channels: Dim, groups: Dim) -> tuple[Check, ...]:
    return (
        Check(
            divides(groups, c),
            "groups must divide the input channels, got groups {0} for {1} channels",
            (groups, c),
            of_shape=False,
        ),
        Check(
            divides(groups, channels),
            "groups must divide the output channels, got groups {0} for {1} channels",
            (groups, channels),
            of_shape=False,
        ),
    )


#: Axes that a window slides along -> how often it is asked whether another axis could have been meant.
_ALONG_ONE = {1: 1}


def _position_checks(x: Shape, kernel: Sizes) -> tuple[Check, ...]:
    """That a window along one axis has more than one position to see, where axes before it could have been meant."""
    need = (
        "conv1d slides along the axis before the channels, which has one position in {0}: to slide across the channels, put "
        "reshape: {{shape: [{1}, 1]}} before it, as the block eca does"
    )
    seen = either(len(x) < 3, either(negate(equal(x[-2], 1)), equal(kernel[0], 1)))
    return (Check(seen, need, (x, x[-1]), of_shape=False),) * _ALONG_ONE.get(len(kernel), 0)


def _padding_taps(x: Shape, kernel: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Dim:
    """How many taps of a window, over all its positions, fall on padding zeros.

    A 3×3 window with `same` padding on 2×2: each of the 4 windows has 5 of its 9 taps on zeros.

    >>> _padding_taps((2, 2, 1), (3, 3), (1, 1), ("same", "same"), (1, 1))
    20
    """
    slides, _ = slide_over(x, kernel, stride, padding, dilation)
    axes = zip(windowed(x, len(kernel)), slides, kernel, stride, dilation)
    taps = product(slid.out for slid in slides) * product(kernel)
    return product(x[: -1 - len(kernel)]) * (taps - product(real_taps(*axis) for axis in axes))


def conv_padding_macs(
    x: Slid,
    *,
    channels: Size,
    kernel: Sizes,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: Size,
    bias: Flag,
) -> Dim:
    """The MACs of a convolution with these attributes that multiply a padding zero."""
    return _padding_taps(x, kernel, stride, padding, dilation) * channels * (x[-1] // groups)


def table_padding_macs(
    x: Slid,
    *,
    connections: ConnectionTable,
    kernel: Sizes,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    bias: Flag,
) -> Dim:
    """As `conv_padding_macs`, for filters that see the channels of a table."""
    return _padding_taps(x, kernel, stride, padding, dilation) * sum(map(len, connections))


@op("conv1d", replace(CONVOLUTION, padding_macs=conv_padding_macs), axes=1)
@op("conv2d", replace(CONVOLUTION, padding_macs=conv_padding_macs), axes=2)
@op("conv3d", replace(CONVOLUTION, padding_macs=conv_padding_macs), axes=3)
def conv(
    x: Slid,
    *,
    channels: Size,
    kernel: Sizes,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: Size = 1,
    bias: Flag = True,
) -> OpCost:
    """Slide `channels` filters over the map; each output element is one dot product with a filter.

    (h, w, c) -> (h', w', channels), where h' = floor((h + before + after - extent) / stride) + 1 and
    extent = dilation·(kernel - 1) + 1; with `padding: same`, h' = ceil(h / stride), and the odd zero goes to the end
    (TensorFlow); `padding: causal`, along one axis, puts extent - 1 zeros before it, so that no position looks ahead
    (Keras). Axes before those are more positions. Each filter sees c / groups channels; `groups: in.channels` makes
    the convolution depthwise.

    MACs h'·w'·channels · kernel_h·kernel_w·c/groups, taps on padding zeros included; the bias is counted apart.
    Params channels · (kernel_h·kernel_w·c/groups + bias).

    A 6×6×3 input and five 3×3 filters: 4·4 positions · 5 filters · 3·3·3 taps. Of 5000 samples of 12 channels, half:
    2500 positions · 32 filters · 7·12 taps.

    >>> cost("conv2d", (6, 6, 3), channels=5, kernel=3).macs
    2160
    >>> cost("conv1d", (5000, 12), channels=32, kernel=7, stride=2, padding=3).macs
    6720000

    Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning (arXiv 1603.07285).
    """
    slides, fits = slide_over(x, kernel, stride, padding, dilation)
    weights = channels * (product(kernel) * (x[-1] // groups))
    biases = channels * int(bias)
    out = with_sizes(x, tuple([slid.out for slid in slides]), channels)
    positions = product(out[:-1])
    return OpCost(
        out=(out,),
        macs=positions * weights,
        bias_adds=positions * biases,
        weights=weights,
        biases=biases,
        saves=("inputs",),
        checks=(*fits, *_position_checks(x, kernel), *_group_checks(x[-1], channels, groups)),
    )


@op("conv_transpose1d", CONVOLUTION, axes=1)
@op("conv_transpose2d", CONVOLUTION, axes=2)
@op("conv_transpose3d", CONVOLUTION, axes=3)
def conv_transpose(
    x: Slid,
    *,
    channels: Size,
    kernel: Sizes,
    stride: Sizes = 1,
    padding: Cropping = 0,
    output_padding: AmountsOrNone = None,
    size: SizesOrNone = None,
    dilation: Sizes = 1,
    groups: Size = 1,
    bias: Flag = True,
) -> OpCost:
    """Spread each input element over the output through a filter: the transpose of a strided convolution.

    (h, w, c) -> (h', w', channels), where h' = (h - 1)·stride + extent - before - after + output_padding; the padding
    crops (PyTorch). The words are Keras' rules: `padding: valid` gives h' = h·stride + max(extent - stride, 0), and
    `padding: same` h' = h·stride, or with an output_padding, 0 as well, (h - 1)·stride + extent - 2·floor(extent / 2) +
    output_padding. A strided convolution maps several sizes to h; output_padding selects one of them, and is therefore
    smaller than stride or dilation. `size` says which one instead.

    MACs h·w·c · kernel_h·kernel_w·channels/groups: each *input* element is multiplied with each tap once. Counting
    output positions instead gives as many times too much as a stride has positions. Params as in a convolution.

    16×16×64 to 32 channels, kernel 4, stride 2: 16·16·64 · 4·4·32.

    >>> cost("conv_transpose2d", (16, 16, 64), channels=32, kernel=4, stride=2, padding=1).macs
    8388608
    >>> cost("conv_transpose2d", (7, 7, 8), channels=4, kernel=3, stride=2, padding=1, size=14).out
    ((14, 14, 4),)

    Source: Dumoulin and Visin (arXiv 1603.07285), chapter 4; torch.nn.ConvTranspose2d; deconv_output_length of Keras.
    """
    axes = len(kernel)
    extras, wanted = first_given(output_padding, (None,) * axes), first_given(size, (None,) * axes)
    spreads = tuple(map(unslide, windowed(x, axes), map(dilated, kernel, dilation), stride, padding, extras, wanted))
    weights = product(kernel) * (x[-1] // groups) * channels
    biases = channels * int(bias)
    out = with_sizes(x, tuple(spread.out for spread in spreads), channels)
    return OpCost(
        out=(out,),
        macs=product(x[:-1]) * weights,
        bias_adds=product(out[:-1]) * biases,
        weights=weights,
        biases=biases,
        saves=("inputs",),
        checks=(
            Check(given(output_padding, size) <= 1, "give output_padding or size, not both"),
            *_group_checks(x[-1], channels, groups),
            *_spread_checks(spreads, windowed(x, axes), first_given(size, ())),
            # Where both are given, nothing more is said of the output_padding.
            *_extra_checks(first_given(output_padding, ())[given(size) * axes :], stride, dilation),
        ),
    )


def _spread_checks(spreads: Sequence[Spread], before: Shape, sizes: Sequence[Dim]) -> Iterator[Check]:
    """That something is left of a transposed convolution, and that a size that was asked for can be reached."""
    for spread, name in zip(spreads, spatial_names(len(before))):
        yield Check(spread.out >= 1, "padding crops the whole output, got " + name + " {0}", (spread.out,))
    need = "size must be from {1} to {2}, which the window leads back to {3}, got {0}"
    for size, (_, least, most), positions in zip(sizes, spreads, before):
        yield Check(both(least <= size, size <= most), need, (size, least, most, positions))


def _extra_checks(extras: Sequence[Dim], stride: Sizes, dilation: Sizes) -> Iterator[Check]:
    """That no more is added at the end than a strided convolution could have left out."""
    need = "output_padding must be smaller than stride or dilation, got {0} for stride {1} and dilation {2}"
    for extra, step, apart in zip(extras, stride, dilation):
        yield Check(extra < maximum(step, apart), need, (extra, step, apart))


@op(
    "deform_conv2d",
    CONVOLUTION,
    axes=2,
    leading=False,
    hint=": the second are the offsets of the taps, the third a mask; the block deformable_conv2d computes them itself",
)
def deform_conv2d(
    x: Slid,
    offsets: Slid,
    mask: Slid = (),
    *,
    channels: Size,
    kernel: Sizes,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: Size = 1,
    bias: Flag = True,
) -> OpCost:
    """Slide filters whose taps are moved: for each position and tap the second input says by how much, along both axes.

    (h, w, c), (h', w', 2·n·kernel_h·kernel_w) -> (h', w', channels), h' as in conv2d; each of n groups of input channels has
    its own offsets. A third input of n·kernel_h·kernel_w channels, if there is one, weighs each tap (version 2).

    MACs and params as in conv2d. What the interpolation between elements and the mask multiply is not counted, nor is the
    convolution that computes the offsets: that is a layer of its own.

    64×64×64 to 64 channels, kernel 3, padding 1: 64·64 · 64·9·64.

    >>> cost("deform_conv2d", (64, 64, 64), (64, 64, 18), channels=64, kernel=3, padding=1).macs
    150994944

    Source: Dai et al. (arXiv 1703.06211); Zhu et al. (arXiv 1811.11168) for the mask; torchvision.ops.deform_conv2d.
    """
    made = conv(
        x, channels=channels, kernel=kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=bias
    )
    taps = product(kernel)
    need = "offsets must be {0} with a multiple of {1} channels, got {2}"
    parts, whole = offsets[-1] // (2 * taps), divides(2 * taps, offsets[-1])
    positions = tuple(maximum(size, 1) for size in made.out[0][:-1])  # where no window fits, that alone is said
    weighed = (*positions, parts * taps)
    need = "offsets must be {0} with a multiple of {1} channels, got {2}"
    grouped = "the groups of offsets must divide the input channels, got {0} for {1} channels"
    return replace(
        made,
        checks=(
            *made.checks,
            *(Check(equal(*pair), need, (positions, 2 * taps, offsets)) for pair in zip(positions, offsets)),
            Check(whole, need, (positions, 2 * taps, offsets)),
            Check(either(negate(whole), divides(offsets[-1], 2 * taps * x[-1])), grouped, (parts, x[-1])),
            *(Check(equal(*pair), "mask must be {0}, got {1}", (weighed, mask)) for pair in zip(weighed, mask)),
        ),
    )


@op("conv2d_table", replace(CONVOLUTION, channels="mixed", padding_macs=table_padding_macs), axes=2)
def conv2d_table(
    x: Slid,
    *,
    connections: ConnectionTable,
    kernel: Sizes,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    bias: Flag = True,
) -> OpCost:
    """Slide one filter per row of a table over the map; row k lists the input channels, from 0, that filter k sees.

    (h, w, c) -> (h', w', rows), h' as in conv2d. With n the number of entries of the whole table:
    MACs h'·w'·kernel_h·kernel_w·n. Params kernel_h·kernel_w·n + rows (the biases).

    Two filters on 6×6×3, the first sees two channels, the second one: 4·4 positions · 3·3 taps · 3 entries.

    >>> cost("conv2d_table", (6, 6, 3), connections=[[0, 1], [2]], kernel=3).macs
    432

    Source: LeCun et al. 1998, Table I (layer C3 of LeNet-5).
    """
    slides, fits = slide_over(x, kernel, stride, padding, dilation)
    filters = len(connections)
    seen = tuple(dict.fromkeys(channel for row in connections for channel in row))
    weights = product(kernel) * sum(map(len, connections))
    biases = filters * int(bias)
    out = with_sizes(x, tuple(slid.out for slid in slides), filters)
    positions = product(out[:-1])
    need = "connections must name channels below {1}, got {0}"
    return OpCost(
        out=(out,),
        macs=positions * weights,
        bias_adds=positions * biases,
        weights=weights,
        biases=biases,
        saves=("inputs",),
        checks=(*fits, *(Check(channel < x[-1], need, (channel, x[-1]), of_shape=False) for channel in seen)),
    )
