"""Names of TFLite's operators, which have none: they go by what the converter called the tensor that they make.

The converter joins the names of all the ops that became one, in an order that says nothing: the convolution of
`net/act/Relu;net/bn/FusedBatchNormV3;net/conv/Conv2D` is the last of them.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

#: Operators -> how the ops are called, in lower case without digits, that TensorFlow or JAX has in their place.
_CALLED: Final = {
    "CONV_2D": ("conv_d", "convd", "convolution", "conv_general_dilated"),
    "DEPTHWISE_CONV_2D": ("depthwise", "depthwiseconvdnative", "separable_convd", "convolution"),
    "CONV_3D": ("convd", "convolution"),
    "TRANSPOSE_CONV": ("conv_d_transpose", "convd_transpose", "convdtranspose", "conv_transpose"),
    "FULLY_CONNECTED": ("matmul", "tensordot", "dense"),
    "BATCH_MATMUL": ("matmul", "batchmatmulv", "einsum", "matmulv"),
    "LOGISTIC": ("sigmoid",),
    "ADD": ("add", "addv", "biasadd"),
    "MUL": ("mul",),
    "AVERAGE_POOL_2D": ("avgpool",),
    "MAX_POOL_2D": ("maxpool",),
}
#: Ends of names that say where a stored tensor came from, not what is done with it.
_SOURCES: Final = ("ReadVariableOp", "resource", "ReadVariableOp/resource", "Const", "value")


def place(operator: str, tensor: str) -> tuple[tuple[str, ...], str]:
    """The modules that contain an operator, and its full name, from the name of the tensor that it makes.

    >>> place("CONV_2D", "net/act/Relu;net/bn/FusedBatchNormV3;net/conv/Conv2D")
    (('net', 'conv'), 'net/conv/Conv2D')
    >>> place("RESHAPE", "Identity:0")
    ((), 'Identity')
    """
    pieces = [_plain(piece) for piece in tensor.split(";")]
    pieces = [piece for piece in pieces if piece]
    if not pieces:
        return (), ""
    chosen = pieces[0] if len(pieces) == 1 else _chosen(operator, pieces)
    return tuple(part for part in chosen.split("/")[:-1] if part), chosen


def _chosen(operator: str, pieces: list[str]) -> str:
    """The piece that is called like the operator, of several the one whose module the others name most often."""
    called = (*_CALLED.get(operator, ()), _letters(operator))
    fitting = [piece for piece in pieces if _letters(piece.rpartition("/")[2]) in called]
    named = Counter(module for piece in pieces for module in _modules(piece))
    candidates = fitting or [piece for piece in pieces if not piece.endswith(_SOURCES)] or pieces
    return max(candidates, key=lambda piece: named[piece.rpartition("/")[0]]) if fitting else candidates[0]


def _modules(piece: str) -> list[str]:
    """All the modules that contain an op.

    >>> _modules("net/conv/Conv2D")
    ['net/conv', 'net']
    """
    found = []
    while piece := piece.rpartition("/")[0]:
        found.append(piece)
    return found


def _plain(piece: str) -> str:
    """A name without the number of the output.

    >>> _plain("StatefulPartitionedCall:0 ")
    'StatefulPartitionedCall'
    """
    name, colon, number = piece.strip().rpartition(":")
    return name if colon and number.isdigit() else piece.strip()


def _letters(word: str) -> str:
    """A word in lower case, without the digits that tell it from others.

    >>> _letters("Conv2D_1"), _letters("AddV2")
    ('convd', 'addv')
    """
    return "".join(char for char in word.lower() if not char.isdigit()).strip("_")
