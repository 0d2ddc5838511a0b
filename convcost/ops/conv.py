"""Convolutions: sliding filters that multiply and accumulate."""

from dataclasses import replace

from convcost.core.cost import Check, OpCost
from convcost.core.dims import Dim, Shape, divides, maximum
from convcost.ops.attributes import Amounts, ConnectionTable, Flag, Map, Padding, Pair, Size
from convcost.ops.registry import op
from convcost.ops.traits import CONVOLUTION
from convcost.ops.window import VALID, dilated, real_taps, slide_both, unslide


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


def _padding_taps(x: Shape, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair) -> Dim:
    """How many taps of a window, over all its positions, fall on padding zeros.

    A 3×3 window with `same` padding on 2×2: each of the 4 windows has 5 of its 9 taps on zeros.

    >>> _padding_taps((2, 2, 1), (3, 3), (1, 1), ("same", "same"), (1, 1))
    20
    """
    rows, columns, _ = slide_both(x, kernel, stride, padding, dilation)
    real = real_taps(x[0], rows, kernel[0], stride[0], dilation[0])
    real = real * real_taps(x[1], columns, kernel[1], stride[1], dilation[1])
    return rows.out * columns.out * kernel[0] * kernel[1] - real


def conv2d_padding_macs(
    x: Map, *, channels: Size, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: Size, bias: Flag
) -> Dim:
    """The MACs of a conv2d with these attributes that multiply a padding zero."""
    return _padding_taps(x, kernel, stride, padding, dilation) * channels * (x[2] // groups)


def table_padding_macs(
    x: Map, *, connections: ConnectionTable, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair, bias: Flag
) -> Dim:
    """As `conv2d_padding_macs`, for filters that see the channels of a table."""
    return _padding_taps(x, kernel, stride, padding, dilation) * sum(map(len, connections))


@op("conv2d", replace(CONVOLUTION, padding_macs=conv2d_padding_macs))
def conv2d(
    x: Map,
    *,
    channels: Size,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = VALID,
    dilation: Pair = (1, 1),
    groups: Size = 1,
    bias: Flag = True,
) -> OpCost:
    """Slide `channels` filters over the map; each output element is one dot product with a filter.

    (h, w, c) -> (h', w', channels), where h' = floor((h + top + bottom - extent) / stride) + 1 and
    extent = dilation·(kernel - 1) + 1; with `padding: same`, h' = ceil(h / stride) and the odd zero goes to
    the bottom and right (TensorFlow). Each filter sees c / groups channels; `groups: in.channels` makes the
    convolution depthwise.

    MACs h'·w'·channels · kernel_h·kernel_w·c/groups, taps on padding zeros included; the bias is counted apart.
    Params channels · (kernel_h·kernel_w·c/groups + bias).

    A 6×6×3 input and five 3×3 filters: 4·4 positions · 5 filters · 3·3·3 taps.

    >>> conv2d((6, 6, 3), channels=5, kernel=(3, 3)).macs
    2160

    Source: Dumoulin and Visin, A guide to convolution arithmetic for deep learning (arXiv 1603.07285).
    """
    rows, columns, fits = slide_both(x, kernel, stride, padding, dilation)
    weights = channels * (kernel[0] * kernel[1] * (x[2] // groups))
    biases = channels * int(bias)
    positions = rows.out * columns.out
    return OpCost(
        out=((rows.out, columns.out, channels),),
        macs=positions * weights,
        bias_adds=positions * biases,
        weights=weights,
        biases=biases,
        saves=("inputs",),
        checks=(*fits, *_group_checks(x[2], channels, groups)),
    )


@op("conv_transpose2d", CONVOLUTION)
def conv_transpose2d(
    x: Map,
    *,
    channels: Size,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = VALID,
    output_padding: Amounts = (0, 0),
    dilation: Pair = (1, 1),
    groups: Size = 1,
    bias: Flag = True,
) -> OpCost:
    """Spread each input element over the output through a filter: the transpose of a strided convolution.

    (h, w, c) -> (h', w', channels), where h' = (h - 1)·stride + extent - top - bottom + output_padding;
    with `padding: same`, h' = h·stride + output_padding. A strided convolution maps several sizes to h; output_padding
    selects one of them, and is therefore smaller than stride or dilation.

    MACs h·w·c · kernel_h·kernel_w·channels/groups: each *input* element is multiplied with each tap once. Counting
    output positions instead gives stride_h·stride_w times too much. Params as in conv2d.

    16×16×64 to 32 channels, kernel 4, stride 2: 16·16·64 · 4·4·32.

    >>> conv_transpose2d((16, 16, 64), channels=32, kernel=(4, 4), stride=(2, 2), padding=((1, 1), (1, 1))).macs
    8388608

    Source: Dumoulin and Visin (arXiv 1603.07285), chapter 4; torch.nn.ConvTranspose2d for output_padding.
    """
    out_h = unslide(x[0], dilated(kernel[0], dilation[0]), stride[0], padding[0]) + output_padding[0]
    out_w = unslide(x[1], dilated(kernel[1], dilation[1]), stride[1], padding[1]) + output_padding[1]
    weights = kernel[0] * kernel[1] * (x[2] // groups) * channels
    biases = channels * int(bias)
    need = "output_padding must be smaller than stride or dilation, got {0} for stride {1} and dilation {2}"
    return OpCost(
        out=((out_h, out_w, channels),),
        macs=x[0] * x[1] * weights,
        bias_adds=out_h * out_w * biases,
        weights=weights,
        biases=biases,
        saves=("inputs",),
        checks=(
            *(
                Check(extra < maximum(step, apart), need, (extra, step, apart))
                for extra, step, apart in zip(output_padding, stride, dilation)
            ),
            Check(out_h >= 1, "padding crops the whole output, got height {0}", (out_h,)),
            Check(out_w >= 1, "padding crops the whole output, got width {0}", (out_w,)),
            *_group_checks(x[2], channels, groups),
        ),
    )


@op("conv2d_table", replace(CONVOLUTION, channels="mixed", padding_macs=table_padding_macs))
def conv2d_table(
    x: Map,
    *,
    connections: ConnectionTable,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = VALID,
    dilation: Pair = (1, 1),
    bias: Flag = True,
) -> OpCost:
    """Slide one filter per row of a table over the map; row k lists the input channels, from 0, that filter k sees.

    (h, w, c) -> (h', w', rows), h' as in conv2d. With n the number of entries of the whole table:
    MACs h'·w'·kernel_h·kernel_w·n. Params kernel_h·kernel_w·n + rows (the biases).

    Two filters on 6×6×3, the first sees two channels, the second one: 4·4 positions · 3·3 taps · 3 entries.

    >>> conv2d_table((6, 6, 3), connections=((0, 1), (2,)), kernel=(3, 3)).macs
    432

    Source: LeCun et al. 1998, Table I (layer C3 of LeNet-5).
    """
    rows, columns, fits = slide_both(x, kernel, stride, padding, dilation)
    filters = len(connections)
    seen = tuple(dict.fromkeys(channel for row in connections for channel in row))
    weights = kernel[0] * kernel[1] * sum(map(len, connections))
    biases = filters * int(bias)
    positions = rows.out * columns.out
    need = "connections must name channels below {1}, got {0}"
    return OpCost(
        out=((rows.out, columns.out, filters),),
        macs=positions * weights,
        bias_adds=positions * biases,
        weights=weights,
        biases=biases,
        saves=("inputs",),
        checks=(*fits, *(Check(channel < x[2], need, (channel, x[2]), of_shape=False) for channel in seen)),
    )
