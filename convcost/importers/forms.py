"""How the author of a model wrote each call, as far as its exporter keeps it: as a module of PyTorch's, or as a function.

Counters that hook modules, or patch functions, see one and not the other; conventions named after them need to know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from convcost.graph.graph import MODULE
from convcost.importers.model import Op

_ATTENTION = "torch.nn.modules.activation.MultiheadAttention"
_MODULES = "torch.nn.modules."
_HOLDERS = ("container", "module", "transformer")
"""Where in torch.nn.modules there are classes that call functions of others."""
_OF_OTHERS = frozenset({"torchvision.ops.deform_conv.DeformConv2d"})
"""Classes that counters know beside PyTorch's own."""
_DERIVED = frozenset({"NonDynamicallyQuantizableLinear"})
"""Classes within torch.nn.modules that are derived from others there."""

_WEIGHTED = frozenset(
    (
        *(f"{name}{axes}d" for name in ("conv", "conv_transpose") for axes in (1, 2, 3)),
        *("convolution", "linear", "bilinear", "deform_conv2d", "embedding"),
        *("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "prelu"),
    )
)
_ACTIVATIONS = frozenset(
    (
        *("relu", "relu6", "hardtanh", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "hardswish", "hardsigmoid"),
        *("sigmoid", "tanh", "softplus", "softmax", "log_softmax"),
    )
)
_SLIDING = tuple(f"{name}_pool{axes}d" for axes in (1, 2, 3) for name in ("max", "avg", "adaptive_avg", "adaptive_max"))
_FUNCTIONS = _WEIGHTED | _ACTIVATIONS | frozenset(_SLIDING)
_PRODUCTS = frozenset(("mm", "bmm", "addmm", "baddbmm"))
"""Products of matrices that no operator stands for."""
_OPERATORS = frozenset(("matmul", "add", "mul"))
"""Functions that Python has operators for."""
_ATTENDS = "scaled_dot_product_attention"
_FUNCTION, _METHOD = "builtin_function_or_method", "method_descriptor"
"""Kinds of what is called: functions of torch or torch.nn.functional written in C++, and methods of tensors."""


class Call(NamedTuple):
    """What is kept of a call."""

    word: str
    """The operator of PyTorch, without namespace and overload: conv2d."""
    module: str
    """The class of the innermost module that the call stands in, with the Python module that defines it; empty if not kept."""
    function: str = ""
    """The kind and name of what was called, as torch.export keeps it: builtin_function_or_method.add."""
    line: str = ""
    """The line of Python that it stands in."""
    own: bool = False
    """Whether it reads weights that are that module's own."""


def form(call: Call) -> str:  # noqa: PLR0911 - a line for each case
    """How a call is written: one of `FORMS`, or `MODULE`; empty if that is not known.

    >>> form(Call("conv2d", "torch.nn.modules.conv.Conv2d")), form(Call("conv2d", "net.Net"))
    ('module', 'functional')
    >>> form(Call("conv2d", "net.PaddedConv", own=True)), form(Call("linear", _ATTENTION)), form(Call("linear", ""))
    ('derived', 'fused', '')
    """
    word = call.word.strip("_")
    if not call.module:
        return ""
    if call.module == _ATTENTION:
        return _within_attention(word)
    if _is_layer(call.module):
        return MODULE
    if word in ("mean", _ATTENDS):
        return "mean" if word == "mean" else "attention"
    if word in _OPERATORS:
        return _by_operator(word, call)
    if word in _PRODUCTS:
        return "functional"
    if word in _ACTIVATIONS and _is_method(word, call.function):
        return "method"
    if word in _FUNCTIONS or word.startswith("upsample_"):
        return "derived" if call.own and word in _WEIGHTED else "functional"
    return ""


def _within_attention(word: str) -> str:
    if word in ("linear", _ATTENDS):
        return "fused"
    return "unfused" if word in _PRODUCTS or word == "softmax" else ""


def _is_layer(module: str) -> bool:
    """Whether a class is a layer of PyTorch's, not one that holds others."""
    place, _, name = module.rpartition(".")
    is_torch = place.startswith(_MODULES) and place.removeprefix(_MODULES) not in _HOLDERS
    return (is_torch and name not in _DERIVED) or module in _OF_OTHERS


def _is_method(word: str, function: str) -> bool:
    """Whether a function of torch itself, or a method of the tensor, was called, not one of torch.nn.functional.

    Of what torch.nn.functional has these are written in Python, if torch has them, too.
    """
    kind, _, name = function.partition(".")
    return name.strip("_") == word and (kind == _METHOD or (kind == _FUNCTION and word in ("relu", "softmax")))


def _by_operator(word: str, call: Call) -> str:
    """Of what Python has an operator for: `torch.add(a, b)` is a function, `a + b` is none.

    PyTorch calls the method for an operator; only the line of source tells `a @ b` from `a.matmul(b)`.
    """
    kind, _, name = call.function.partition(".")
    is_called = kind == _FUNCTION or f".{word}(" in call.line
    return "functional" if name == word and is_called else MODULE if name else ""


def holders(names: Iterable[str]) -> frozenset[str]:
    """Of modules that store the tensors of these names, those that hold no other of them.

    >>> sorted(holders(["conv.weight", "block.weight", "block.conv.weight"]))
    ['block.conv', 'conv']
    """
    found = {name.rpartition(".")[0] for name in names}
    around = {".".join(path[:at]) for path in (one.split(".") for one in found) for at in range(len(path))}
    return frozenset(found - around)


def written_alike(ops: Iterable[Op]) -> str:
    """The form of what several ops spell out; empty if they differ."""
    found = {op.form for op in ops}
    return found.pop() if len(found) == 1 else ""
