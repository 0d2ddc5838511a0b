"""What kernels of TensorFlow Lite Micro set aside once, while they are prepared, and keep for as long as the model lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from convcost.core.dims import Dim
from convcost.deploy.tflm import cmsis
from convcost.deploy.tflm.node import Node, followed
from convcost.deploy.tflm.structures import EVAL_TENSOR


class Prepared(NamedTuple):
    """An allocation that a kernel makes while it is prepared."""

    channelled: bool
    """Whether it holds a number for each output channel."""
    size: Dim
    """Bytes."""


def prepared(node: Node) -> tuple[Prepared, ...]:
    """The allocations of a kernel, in its order.

    A convolution keeps a multiplier and a shift, int32 both, for each output channel:

    >>> from convcost.deploy.program import Kernel, Program, Tensor
    >>> x, w, y = Tensor("x", (1, 8, 8, 3), "fp32"), Tensor("w", (5, 1, 1, 3), "fp32"), Tensor("y", (1, 8, 8, 5), "fp32")
    >>> conv = Kernel("CONV_2D", "conv", (0, 1), (2,))
    >>> prepared(Node(conv, Program((x, w, y), (conv,), (0,), (2,)), wide=True))
    (Prepared(channelled=True, size=20), Prepared(channelled=True, size=20))
    """
    rule = _RULES.get(node.kernel.type)
    found = followed(rule, node) if rule else ()
    if node.library == "reference":
        return found
    return (*found, *(Prepared(*each) for each in followed(cmsis.kept, node)))


_Rule = Callable[[Node], Iterator[Prepared]]


def _channels(axis: int) -> _Rule:
    def rule(node: Node) -> Iterator[Prepared]:
        """The channels are this axis of the weights; that the layer is quantised is not asked."""
        for _ in ("multiplier", "shift"):
            yield Prepared(True, 4 * node.given(1).shape[axis])

    return rule


def _fully_connected(node: Node) -> Iterator[Prepared]:
    """As a convolution, where the weights have a scale for each channel."""
    weights = node.given(1)
    if node.made.dtype in ("int8", "int16") and _many(weights.scales):
        yield from _channels(0)(node)


def _many(scales: Dim) -> bool:
    """Whether there is a scale for each channel: over a grid, where channels are no plain number, there is."""
    return type(scales) is not int or scales > 1


def _softmax(node: Node) -> Iterator[Prepared]:
    """Two tables of 513 int16, of the exponential and of 1 / (1 + x)."""
    if node.given(0).dtype == "int16":
        yield from (Prepared(False, 2 * 513) for _ in ("exp", "one over"))


def _batch_matmul(node: Node) -> Iterator[Prepared]:
    """Seven int32 of quantisation; a transposed copy of each operand that does not lie as the kernel reads it; the
    shape of the output.
    """
    left, right = node.given(0), node.given(1)
    adjoint = bool(node.kernel.attrs.get("adj_x")), bool(node.kernel.attrs.get("adj_y"))
    if left.dtype in ("int8", "int16"):
        yield Prepared(False, 28)
    for tensor, transposed in ((left, adjoint[0]), (right, not adjoint[1])):
        if transposed:
            yield Prepared(False, EVAL_TENSOR.size(node.wide))
            yield Prepared(False, 4 + 4 * len(tensor.shape))
            yield Prepared(False, tensor.bytes)
    yield from _shape(node)


def _integer(size: int) -> _Rule:
    def rule(node: Node) -> Iterator[Prepared]:
        if node.given(0).dtype == "int8":
            yield Prepared(False, size)

    return rule


def _log_softmax(node: Node) -> Iterator[Prepared]:
    """Five int32, and two numbers of the width of an address."""
    if node.given(0).dtype == "int8":
        yield Prepared(False, 40 if node.wide else 28)


def _embedding_lookup(node: Node) -> Iterator[Prepared]:
    """A scale, and a number of the width of an address; the shape of the output."""
    yield Prepared(False, 16 if node.wide else 8)
    yield from _shape(node)


def _shape(node: Node) -> Iterator[Prepared]:
    """A copy of the output's shape that can be written to: how many axes, and the size of each."""
    yield Prepared(False, 4 + 4 * len(node.made.shape))


_RULES: Final[dict[str, _Rule]] = {
    "ADD_N": _integer(40),
    "BATCH_MATMUL": _batch_matmul,
    "CONV_2D": _channels(0),
    "CUMSUM": _integer(36),
    "DEPTHWISE_CONV_2D": _channels(3),
    "DEPTH_TO_SPACE": _shape,
    "EMBEDDING_LOOKUP": _embedding_lookup,
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _shape,
    "GATHER_ND": _shape,
    "L2_POOL_2D": _shape,
    "LOG_SOFTMAX": _log_softmax,
    "SOFTMAX": _softmax,
    "SPACE_TO_DEPTH": _shape,
    "TRANSPOSE_CONV": _channels(0),
}
