"""Names of TFLite's operators, which have none: they go by what the converter called the tensor that they make.

The converter joins the names of all the ops that became one, in an order that says nothing: the convolution of
`net/act/Relu;net/bn/FusedBatchNormV3;net/conv/Conv2D` is the last of them. Ops that share a constant get each other's names
as well, so that of several that could be meant it is the one that fewest tensors are called after.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

#: Operators -> how the ops are called, in lower case without digits, that TensorFlow or JAX has in their place.
_CALLED: Final = {
    "CONV_2D": ("convd", "convolution", "conv_general_dilated"),
    "DEPTHWISE_CONV_2D": ("depthwise", "depthwiseconvdnative", "separable_convd", "convolution"),
    "CONV_3D": ("convd", "convolution"),
    "TRANSPOSE_CONV": ("conv_d_transpose", "convd_transpose", "convdtranspose", "conv_transpose"),
    "FULLY_CONNECTED": ("matmul", "tensordot", "dense"),
    "BATCH_MATMUL": ("matmul", "batchmatmulv", "einsum", "matmulv"),
    "LOGISTIC": ("sigmoid",),
    "ADD": ("add", "addv", "biasadd"),
    "AVERAGE_POOL_2D": ("avgpool",),
    "MAX_POOL_2D": ("maxpool",),
    "RELU_N1_TO_1": ("clip_by_value", "relu"),
}
#: Ends of names that say where a stored tensor came from, not what is done with it.
_SOURCES: Final = ("ReadVariableOp", "resource", "Const")
#: Names that converters give to whatever is an output.
_OUTPUT: Final = re.compile(r"(Identity|(Stateful)?PartitionedCall)(_\d+)?(_u?int\d+)?")


class Place(NamedTuple):
    """Where an operator stands in the model that was converted."""

    path: tuple[str, ...]
    """The modules that contain it, outermost first."""
    name: str
    """Its own name in them; empty if it has none."""


def pieces(tensor: str) -> list[str]:
    """The names that were joined to that of a tensor, without the numbers of outputs, and without those that say nothing.

    >>> pieces("net/add/add;net/act/Relu:0;"), pieces("StatefulPartitionedCall:0")
    (['net/add/add', 'net/act/Relu'], [])
    """
    plain = (re.sub(r":\d+$", "", piece.strip()) for piece in tensor.split(";"))
    return [piece for piece in plain if piece and not _OUTPUT.fullmatch(piece)]


def often(tensors: Iterable[str]) -> Counter[str]:
    """Name -> how many of these tensors are called after it."""
    return Counter(piece for tensor in tensors for piece in {*pieces(tensor)})


def place(operator: str, tensor: str, common: Mapping[str, int]) -> Place:
    """Where an operator stands, from the name of the tensor that it makes; `common` is as `often` counts.

    >>> place("CONV_2D", "net/act/Relu;net/bn/FusedBatchNormV3;net/conv/Conv2D", {})
    Place(path=('net', 'conv'), name='Conv2D')
    """
    joined = pieces(tensor)
    fitting = fits(operator, joined)
    if not fitting:
        said = [piece for piece in joined if not piece.endswith(_SOURCES)] or joined or [""]
        return _place(said[0])
    modules = Counter(module for piece in joined for module in _modules(piece))
    return _place(max(fitting, key=lambda piece: (-common.get(piece, 0), modules[piece.rpartition("/")[0]])))


def fits(operator: str, joined: Iterable[str]) -> list[str]:
    """The names among those that were joined that an operator of this type would have."""
    called = (*_CALLED.get(operator, ()), _letters(operator))
    return [piece for piece in joined if _letters(piece.rpartition("/")[2]) in called]


def activation(operator: str, tensor: str, otherwise: Place) -> Place:
    """Where the activation stands that was fused into an operator: under its own name, if it kept one.

    >>> activation("RELU6", "net/conv/Conv2D;net/act/Relu6", Place(("net", "conv"), "Conv2D"))
    Place(path=('net', 'act'), name='Relu6')
    """
    found = fits(operator, pieces(tensor))
    return _place(found[0]) if found else otherwise


def _place(piece: str) -> Place:
    *path, name = piece.split("/")
    return Place(tuple(filter(None, path)), name)


def _modules(piece: str) -> list[str]:
    """All the modules that contain an op.

    >>> _modules("net/conv/Conv2D")
    ['net/conv', 'net']
    """
    found = []
    while piece := piece.rpartition("/")[0]:
        found.append(piece)
    return found


def _letters(word: str) -> str:
    """A word in lower case, without the digits that tell it from others.

    >>> _letters("Conv2D_1"), _letters("AddV2")
    ('convd', 'addv')
    """
    return "".join(char for char in word.lower() if not char.isdigit()).strip("_")
