"""What kernels of TensorFlow Lite Micro need of the arena's head while they run, beside their tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from convcost.core.dims import Dim, product
from convcost.deploy.tflm import cmsis
from convcost.deploy.tflm.node import Node, followed
from convcost.deploy.tflm.structures import POINTER


class Scratch(NamedTuple):
    """A buffer that a kernel has to itself while it runs."""

    what: str
    size: Dim
    """Bytes."""


_Rule = Callable[[Node], Iterator[Scratch]]


def scratch(node: Node) -> tuple[Scratch, ...]:
    """The buffers of a kernel, in the order in which it asks for them.

    The mean of 6×8×4 over the first two axes: an int32 sum for each of 4, a counter for each of 4 axes, and the two axes.

    >>> from convcost.deploy.program import Kernel, Program, Tensor
    >>> x, axes, y = Tensor("x", (1, 6, 8, 4), "int8"), Tensor("axes", (2,), "int32", True), Tensor("y", (1, 4), "int8")
    >>> mean = Kernel("MEAN", "mean", (0, 1), (2,))
    >>> [each.size for each in scratch(Node(mean, Program((x, axes, y), (mean,), (0,), (2,)), wide=True))]
    [16, 16, 8]
    """
    if node.library != "reference" and cmsis.covers(node):
        return tuple(Scratch(what, size) for what, size in followed(cmsis.buffers, node))
    rule = _REFERENCE.get(node.kernel.type)
    return followed(rule, node) if rule else ()


def _reduced(node: Node) -> Iterator[Scratch]:
    """A counter for each axis of the input, and the axes that are reduced."""
    yield Scratch("indices", 4 * len(node.given(0).shape))
    yield Scratch("axes", 4 * product(node.given(1).shape))


def _summed(node: Node) -> Iterator[Scratch]:
    """Sums of int8 and int16 are int32, one for each element of the output."""
    if node.given(0).dtype in ("int8", "int16"):
        yield Scratch("sums", 4 * product(node.made.shape))
    yield from _reduced(node)


def _mirror_pad(node: Node) -> Iterator[Scratch]:
    """The steps of the axes of output and input."""
    rank = len(node.given(0).shape)
    yield from (Scratch(f"{which} steps", 4 * rank) for which in ("output", "input"))


def _add_n(node: Node) -> Iterator[Scratch]:
    """A pointer to each input."""
    yield Scratch("inputs", POINTER.size(node.wide) * len(node.kernel.inputs))


def _transpose_conv(node: Node) -> Iterator[Scratch]:
    """The sums of integer kernels, one for each element of the output: int32, and int64 for int16."""
    dtype = node.given(2).dtype
    if dtype in ("int8", "int16"):
        yield Scratch("sums", (4 if dtype == "int8" else 8) * product(node.made.shape))


def _svdf(node: Node) -> Iterator[Scratch]:
    """A product for each filter, and for integers a sum for each unit, of 4 bytes and for each of the batch."""
    batch, filters = node.given(0).shape[0], node.given(1).shape[0]
    yield Scratch("products", 4 * batch * filters)
    if node.given(0).dtype == "int8":
        yield Scratch("sums", 4 * product(node.made.shape))


def _lstm(node: Node) -> Iterator[Scratch]:
    """The four gates of one step, of the type of the cell."""
    size = node.given(_CELL).bytes
    yield from (Scratch(f"gate {gate}", size) for gate in range(4))


def _detection(node: Node) -> Iterator[Scratch]:
    """Boxes are decoded and sorted as fp32: for each box whether it is left, its corners, its scores, and lists of the best."""
    boxes, kept = node.given(0).shape[1], node.made.shape[1]
    yield Scratch("left", boxes)
    yield Scratch("corners", 4 * 4 * boxes)
    yield Scratch("scores", 4 * boxes * node.given(1).shape[2])
    yield from (Scratch(what, 4 * boxes) for what in ("scores of a class", "scores kept"))
    yield from (Scratch(what, 4 * boxes * kept) for what in ("scores, before", "scores, after"))
    yield Scratch("order", 4 * boxes)
    yield from (Scratch(what, 4 * boxes * kept) for what in ("boxes, before", "boxes, after", "classes"))


def _weights(node: Node) -> Iterator[Scratch]:
    """Weights of less than a byte are unpacked to int8."""
    weights = node.given(1)
    if weights.dtype == "int4":
        yield Scratch("weights", product(weights.shape))


_CELL: Final = 19
"""Which input of a UNIDIRECTIONAL_SEQUENCE_LSTM holds the state of its cell."""
_REFERENCE: Final[dict[str, _Rule]] = {
    "ADD_N": _add_n,
    "CONV_2D": _weights,
    "DEPTHWISE_CONV_2D": _weights,
    "FULLY_CONNECTED": _weights,
    "MEAN": _summed,
    "MIRROR_PAD": _mirror_pad,
    "REDUCE_ALL": _reduced,
    "REDUCE_MAX": _reduced,
    "REDUCE_MIN": _reduced,
    "SUM": _summed,
    "SVDF": _svdf,
    "TFLite_Detection_PostProcess": _detection,
    "TRANSPOSE_CONV": _transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}
