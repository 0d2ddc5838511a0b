"""Every op of a torch network, with its output shape and whether it is a module or a function call.

Counters differ in which calls they see: some hook modules, some patch functions. So it has to be right not only that
a ReLU is there, but also how the reference implementation writes it (`as:` in a spec).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .frameworks import torchvision_module

if TYPE_CHECKING:
    import torch
    from torch import nn

Calls = Counter[tuple[str, tuple[int, ...], str]]
"""(op, output shape without 1×1 in front, form) -> how often."""

MODULES = {
    "Conv2d": "conv2d",
    "Conv3d": "conv3d",
    "Conv3DSimple": "conv3d",
    "Conv3DNoTemporal": "conv3d",
    "Linear": "linear",
    "BatchNorm2d": "batch_norm",
    "BatchNorm3d": "batch_norm",
    "LayerNorm": "layer_norm",
    "LayerNorm2d": "layer_norm",
    "ReLU": "relu",
    "ReLU6": "relu6",
    "SiLU": "swish",
    "GELU": "gelu",
    "Hardswish": "hard_swish",
    "Hardsigmoid": "hard_sigmoid",
    "Sigmoid": "sigmoid",
    "MaxPool2d": "max_pool",
    "AvgPool2d": "avg_pool",
    "AdaptiveAvgPool2d": "adaptive_avg_pool",
    "AdaptiveAvgPool3d": "adaptive_avg_pool",
    "Dropout": "dropout",
}
#: Modules that do on a map what another op is called: ConvNeXt's norm is a class of its own, which calls a function.
ON_MAPS = {"Linear": "linear", "LayerNorm2d": "functional"}
#: Modules of a class derived from PyTorch's.
DERIVED = {"Conv3DSimple", "Conv3DNoTemporal"}
FUNCTIONS = {
    "relu": "relu",
    "relu_": "relu",
    "max_pool2d": "max_pool",
    "boolean_dispatch": "max_pool",
    "avg_pool2d": "avg_pool",
    "adaptive_avg_pool2d": "adaptive_avg_pool",
    "interpolate": "resize",
}
JOINS = {"cat": "concat", "add": "add", "add_": "add", "iadd": "add", "__iadd__": "add", "__add__": "add"}
JOINS |= {"mul": "multiply", "__mul__": "multiply"}
#: What ConvNeXt calls on maps whose channels are the last axis.
CHANNELS_LAST = {"linear", "layer_norm", "gelu"}
#: Different names or notations of the same thing: a linear layer at each position is a 1×1 convolution.
SAME = {"silu": "swish", "global_avg_pool": "adaptive_avg_pool", "scale": "multiply", "linear": "conv2d"}
#: Views and rearrangements are not written alike anywhere, and none of the counters counts them.
UNCOUNTED = {"flatten", "split", "channel_shuffle", "slice"}


def convcost_calls(nodes: Any, layers: Any) -> Calls:
    """The same of a network of convcost: the nodes of its graph, and the layers of its report."""
    found: Calls = Counter()
    for node, layer in zip(nodes, layers, strict=True):
        if node.op not in UNCOUNTED:
            found[SAME.get(node.op, node.op), _bare(layer.output_shape), node.form] += 1
    return found


def torchvision_calls(name: str, *, shape: tuple[int, ...], **options: Any) -> Calls:
    """All calls of one forward pass of a network of torchvision in evaluation mode."""
    return torch_calls(torchvision_module(name, **options).eval(), shape)


def torch_calls(net: nn.Module, input_shape: tuple[int, ...]) -> Calls:
    """All calls of one forward pass; a module without submodules that is not known is an error."""
    import torch

    found: Calls = Counter()
    inside: list[nn.Module] = []

    def enter(module: nn.Module, _inputs: Any) -> None:
        inside.append(module)

    def leave(module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        inside.pop()
        name = type(module).__name__
        op = MODULES[name]
        form = "derived" if name in DERIVED else ON_MAPS.get(name, "") if output.dim() == 4 else ""
        found[SAME.get(op, op), _shape(output, last=op in CHANNELS_LAST), form] += 1

    for module in net.modules():
        if type(module).__name__ in MODULES:
            module.register_forward_pre_hook(enter)
            module.register_forward_hook(leave)
    with _watched(found, inside):
        net(torch.empty(1, *input_shape, device="meta"))
    return found


@contextmanager
def _watched(found: Calls, inside: list[Any]) -> Iterator[None]:
    """Enter function calls that are not part of a module's into the counter."""
    from torch.overrides import TorchFunctionMode

    class Watch(TorchFunctionMode):  # type: ignore[misc, unused-ignore]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            name = getattr(function, "__name__", "")
            if inside:
                return result
            if name in FUNCTIONS:
                found[FUNCTIONS[name], _shape(result), "functional"] += 1
            elif name == "mean":
                found["adaptive_avg_pool", _shape(result), "mean"] += 1
            elif name in JOINS and not (name == "cat" and len(args[0]) == 1):
                found[JOINS[name], _shape(result), ""] += 1
            return result

    with Watch():
        yield


def _shape(tensor: torch.Tensor, *, last: bool = False) -> tuple[int, ...]:
    """The shape as convcost writes it; with `last`, a map whose first two axes agree has its channels last already."""
    shape = tuple(tensor.shape[1:])
    return _bare(shape if len(shape) == 1 or (last and shape[0] == shape[1]) else (*shape[1:], shape[0]))


def _bare(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[-1:] if len(shape) > 2 and {*shape[:-1]} == {1} else shape
