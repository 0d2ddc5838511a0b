"""What kernels of Arm's CMSIS-NN need beside their tensors, as its source states it (version 7, 2026, built by GCC or clang).

Each rule is the function of CMSIS-NN that it names, for cores with DSP instructions and for those with vectors (MVE); kernels
without a rule are the reference ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from convcost.core.dims import Dim, ceil_div, maximum, product
from convcost.deploy.tflm.node import Node

MVE: Final = "cmsis_nn_mve"
_BLOCK: Final = 124
"""Channels that a depthwise convolution with vectors takes at once."""
_REVERSED: Final = 16
"""With more input channels a transposed convolution runs as a convolution with reversed weights."""
_FAST: Final = 512
"""Elements of a window up to which the fast convolutions of int16 are taken."""
_ONES: Final = (1, 1)

Pair = tuple[Dim, Dim]


def buffers(node: Node) -> Iterator[tuple[str, Dim]]:
    """What a kernel needs while it runs: what for, and bytes. Nothing for a kernel that needs nothing."""
    rule = _RULES.get((node.kernel.type, _data_type(node)))
    for what, size in rule(node) if rule else ():
        if type(size) is not int or size or node.kernel.type == "TRANSPOSE_CONV":  # it asks even for nothing
            yield what, size


def covers(node: Node) -> bool:
    """Whether the library has a kernel of its own for this one, so that the reference's buffers do not count."""
    return (node.kernel.type, _data_type(node)) in _RULES


def kept(node: Node) -> Iterator[tuple[bool, Dim]]:
    """What a kernel keeps beside what the reference keeps: whether it is for each channel, and bytes.

    A dense layer on more than two axes runs as a 1×1 convolution, if its inputs are a multiple of 4. With vectors the sums of
    the weights of a dense layer, and of an SVDF, are computed once.
    """
    type_, dtype = node.kernel.type, _data_type(node)
    if (type_, dtype) not in (("FULLY_CONNECTED", "int8"), ("SVDF", "int8")):
        return
    weights = node.given(1)
    if type_ == "FULLY_CONNECTED" and _as_convolution(node):
        yield from ((True, 4 * node.made.shape[-1]) for _ in ("multiplier", "shift"))
    elif node.library == MVE and weights.stored:
        yield False, 4 * weights.shape[0]


def _as_convolution(node: Node) -> bool:
    return len(node.made.shape) > 2 and bool(node.given(1).shape[-1] % 4 == 0)


def _data_type(node: Node) -> str:
    place = 2 if node.kernel.type == "TRANSPOSE_CONV" else 0
    return node.given(place).dtype if len(node.kernel.inputs) > place and node.kernel.inputs[place] >= 0 else ""


def _attr(node: Node, name: str, default: int = 1) -> Dim:
    return node.kernel.attrs.get(name, default)


def _pair(node: Node, name: str) -> Pair:
    """Options of both axes: that of the height, and that of the width."""
    if name == "stride":
        return _attr(node, "stride_h"), _attr(node, "stride_w")
    return _attr(node, "dilation_h_factor"), _attr(node, "dilation_w_factor")


def _padding(node: Node, axis: int) -> Dim:
    """Zeros before the first element of an axis."""
    stride, dilation = _pair(node, "stride")[axis], _pair(node, "dilation")[axis]
    size, out, kernel = (tensor.shape[1 + axis] for tensor in (node.given(0), node.made, node.given(1)))
    return maximum((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0) // 2


def _window(node: Node, channels: Dim) -> Dim:
    return product(node.given(1).shape[1:3]) * channels


def _columns(node: Node, window: Dim) -> Dim:
    """`arm_convolve_s8_get_buffer_size`: two columns of int16, or with vectors four of int8 in whole registers."""
    return 4 * 16 * ceil_div(window, 16) if node.library == MVE else 2 * 2 * 4 * ceil_div(window, 4)


def _conv(node: Node) -> Iterator[tuple[str, Dim]]:
    """`arm_convolve_wrapper_s8_get_buffer_size`: a 1×1 convolution reads its input as it lies."""
    x, weights, dilation = node.given(0), node.given(1), _pair(node, "dilation")
    channels = x.shape[3]
    if weights.shape[1:3] == _ONES and dilation == _ONES and weights.shape[3] == channels:
        return
    flat = x.shape[1] == 1 and weights.shape[1] == 1 and dilation[1] == 1 and weights.shape[3] == channels
    if node.library == MVE and flat and _pair(node, "stride")[1] * channels % 4 == 0:
        yield "columns", _row(node, channels)
    else:
        yield "columns", _columns(node, _window(node, channels))


def _row(node: Node, channels: Dim) -> Dim:
    """`arm_convolve_1_x_n_s8_get_buffer_size_mve`: the windows at both ends of a row, with their zeros."""
    kernel, stride, pad = node.given(1).shape[2], _pair(node, "stride")[1], _padding(node, 1)
    out = node.made.shape[2]
    odd = ((out - 1) * stride + kernel - node.given(0).shape[2]) % 2
    right = maximum(1, ceil_div(pad + odd, stride)) if pad + odd != 0 else 0
    left = maximum(1, ceil_div(pad, stride)) if pad != 0 else 0
    if left + right + maximum(out - left - right, 0) != out:
        return _columns(node, _window(node, channels))
    first, last = (kernel + pad) * channels, (kernel - 1 + (right if odd else pad)) * channels
    return maximum(first, last)


def _conv_int16(node: Node) -> Iterator[tuple[str, Dim]]:
    """`arm_convolve_wrapper_s16_get_buffer_size`: two columns of int16 for small windows; nothing with vectors."""
    window = _window(node, node.given(0).shape[3])
    if node.library != MVE and _pair(node, "dilation") == _ONES and window < _FAST:
        yield "columns", 2 * 2 * window


def _depthwise(node: Node) -> Iterator[tuple[str, Dim]]:
    """`arm_depthwise_conv_wrapper_s8_get_buffer_size`: 3×3 with at most one row of zeros needs nothing without vectors."""
    x, weights = node.given(0), node.given(1)
    window = product(weights.shape[1:3])
    if x.shape[0] != 1 or x.shape[3] != node.made.shape[3] or _pair(node, "dilation") != _ONES:
        return
    if node.library == MVE:
        yield "columns", 4 * _BLOCK * window
    elif weights.shape[1:3] != (3, 3) or _padding(node, 0) > 1 or _padding(node, 1) > 1:
        yield "columns", 2 * window * x.shape[3]


def _average(node: Node) -> Iterator[tuple[str, Dim]]:
    """`arm_avgpool_s8_get_buffer_size`: an int32 sum for each channel; nothing with vectors."""
    if node.library != MVE:
        yield "sums", 4 * node.given(0).shape[3]


def _dense(node: Node) -> Iterator[tuple[str, Dim]]:
    """`arm_fully_connected_s8_get_buffer_size`: with vectors the sums of weights that are not known beforehand."""
    if node.library == MVE and not node.given(1).stored and not _as_convolution(node):
        yield "sums", 4 * node.given(1).shape[0]


def _transposed(node: Node) -> Iterator[tuple[str, Dim]]:
    """`arm_transpose_conv_s8_get_buffer_size`, and `arm_transpose_conv_s8_get_reverse_conv_buffer_size`."""
    x, weights, (stride_h, stride_w) = node.given(2), node.given(1), _pair(node, "stride")
    filters, height, width, channels = weights.shape
    if stride_h <= 2 and stride_w <= 2 and channels > _REVERSED:
        yield "columns", _columns(node, _window(node, channels))
        yield "reversed weights", product(weights.shape)
        return
    row = ((x.shape[2] - 1) * stride_w + maximum(width, stride_h)) * filters
    yield "rows", 4 * row * maximum(height, stride_h)
    yield "reversed weights", 0


_RULES: Final[dict[tuple[str, str], Callable[[Node], Iterator[tuple[str, Dim]]]]] = {
    ("AVERAGE_POOL_2D", "int8"): _average,
    ("CONV_2D", "int8"): _conv,
    ("CONV_2D", "int16"): _conv_int16,
    ("DEPTHWISE_CONV_2D", "int8"): _depthwise,
    ("FULLY_CONNECTED", "int8"): _dense,
    ("TRANSPOSE_CONV", "int8"): _transposed,
}
