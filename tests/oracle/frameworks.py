"""Build networks in torch, torchvision and keras and list their layer calls.

Frameworks are imported inside functions, so that this module imports where they are absent.
Results are cached: the tests ask for some networks more than once.
"""

from __future__ import annotations

import importlib
import inspect
import math
import os
import sys
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from .layers import Layer, Network

if TYPE_CHECKING:
    import torch
    from torch import nn


# --- torch ------------------------------------------------------------------------------------------------------


@cache
def plain_torch_network(class_name: str, *, module: str = "plain_torch", **options: Any) -> Network:
    """Build and list a network of ``plain_torch.py``, or of another module beside it, at its own input shape."""
    import torch

    nets = importlib.import_module(f".{module}", __package__)
    with torch.device("meta"):
        net = getattr(nets, class_name)(**options)
    return trace_torch(net, net.input_shape)


@cache
def torchvision_network(name: str, *, resolution: int = 224, **options: Any) -> Network:
    """Build and list a network of ``torchvision.models`` on square colour images, with its auxiliary heads if any."""
    net = torchvision_module(name, **options)
    return trace_torch(net, (3, resolution, resolution), heads=options.get("aux_logits", False))


def torchvision_module(name: str, **options: Any) -> nn.Module:
    """Build a network of ``torchvision.models`` on the meta device; the name is a function's or a class's.

    Functions of its packages for segmentation, detection and video have names of their own. Some of them load the weights
    of a backbone unless told not to.
    """
    import torch

    models = import_torchvision().models
    build = getattr(models, name, None) or models.get_model_builder(name)
    if "weights_backbone" in inspect.signature(build).parameters:
        options.setdefault("weights_backbone", None)
    rule = models.regnet.BlockParams.from_init_params

    def on_cpu(**settings: Any) -> Any:  # RegNet computes its widths with tensors
        with torch.device("cpu"):
            return rule(**settings)

    with patch.object(models.regnet.BlockParams, "from_init_params", on_cpu), torch.device("meta"):
        net: nn.Module = build(**options)
    return net


def timm_module(name: str, **options: Any) -> nn.Module:
    """Build a network of timm on the meta device."""
    import torch

    with torch.device("meta"):
        net: nn.Module = import_timm().create_model(name, pretrained=False, **options)
    return net


@cache
def timm_network(name: str, *, resolution: int = 224, **options: Any) -> Network:
    """Build and list a network of timm on square colour images."""
    return trace_torch(timm_module(name, **options), (3, resolution, resolution))


PER_CHANNEL = {"layer_scale", "gamma"}
"""Parameters that modules hold themselves and that are, as those of normalisations, no layers of their own."""


def trace_torch(net: nn.Module, input_shape: tuple[int, int, int], *, heads: bool = False) -> Network:
    """List the layer calls of one forward pass on the meta device; ``input_shape`` is (channels, height, width).

    ``heads`` also runs what a network of torchvision runs only where it is trained itself (its modules are not).
    """
    import torch

    layers: list[Layer] = []
    for name, module in net.named_modules():
        own = {key for key, _ in module.named_parameters(recurse=False)}
        if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Linear)):
            module.register_forward_hook(_recorder(name, layers))
        elif own - PER_CHANNEL and not isinstance(module, (torch.nn.BatchNorm2d, torch.nn.LayerNorm)):
            raise TypeError(f"{name}: parameters of a {type(module).__name__} would go uncounted")
    net.to("meta").eval()
    net.training = heads
    net(torch.empty(1, *input_shape, device="meta"))
    return Network(tuple(layers), sum(p.numel() for p in net.parameters() if p.requires_grad))


def _recorder(name: str, layers: list[Layer]) -> Any:
    def record(module: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        layers.append(_torch_layer(name, module, inputs[0], output))

    return record


def _torch_layer(name: str, module: Any, x: torch.Tensor, y: torch.Tensor) -> Layer:
    """Describe one call; the multiply-accumulates follow from the module's attributes and the maps it saw."""
    import torch

    weights = module.weight.numel()
    params = weights + (0 if module.bias is None else module.bias.numel())
    if isinstance(module, torch.nn.Linear):
        return Layer("linear", tuple(y.shape[1:]), params, y.numel() * module.in_features, weights, name)
    kernel = math.prod(module.kernel_size)
    if isinstance(module, torch.nn.ConvTranspose2d):  # every input value is multiplied with a kernel per output map
        macs = x.numel() * kernel * module.out_channels // module.groups
    else:
        macs = y.numel() * kernel * module.in_channels // module.groups
    _, channels, height, width = y.shape
    return Layer("conv", (height, width, channels), params, macs, weights, name)


def import_torchvision() -> ModuleType:
    """Import torchvision, also where its compiled operators do not fit the installed torch.

    Only boxes and deformable convolutions need these operators, but importing torchvision registers shape rules for two
    of them and fails if they do not exist.  In that case this declares them, without an implementation that computes.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[module]
    _declare_torchvision_operators()
    package = importlib.import_module("torchvision")
    deformable: Any = importlib.import_module("torchvision.ops.deform_conv")
    deformable._assert_has_ops = lambda: None  # it looks for the compiled operators
    return package


def import_timm() -> ModuleType:
    """Import timm, which itself imports torchvision."""
    import_torchvision()
    return importlib.import_module("timm")


def import_torchsr() -> ModuleType:
    """Import the networks of torchsr, which itself imports torchvision."""
    import_torchvision()
    return importlib.import_module("torchsr.models")


@cache
def _declare_torchvision_operators() -> Any:
    """Declare the operators; the result is cached because they vanish with the returned object.

    Deformable convolutions also get an implementation, without values: they have the output that their offsets cover.
    """
    import torch

    new_library: Any = torch.library.Library  # untyped in torch
    library = new_library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    pairs = ", ".join(f"int {name}_{axis}" for name in ("stride", "pad", "dilation") for axis in "hw")
    tensors = ", ".join(f"Tensor {name}" for name in ("input", "weight", "offset", "mask", "bias"))
    library.define(f"deform_conv2d({tensors}, {pairs}, int groups, int offset_groups, bool use_mask) -> Tensor")
    for device in ("Meta", "CPU"):
        library.impl("deform_conv2d", _deformed, device)
    return library


def _deformed(x: torch.Tensor, weight: torch.Tensor, offset: torch.Tensor, *_others: Any) -> torch.Tensor:
    return x.new_empty(x.shape[0], weight.shape[0], *offset.shape[2:])


@cache
def pytorchcv_network(module: str, name: str, *, resolution: int = 224, **options: Any) -> Network:
    """Build and list a network of ``pytorchcv.models`` on square colour images.

    Its networks end in a pool of one fixed size (and some say so again in a flatten or view); a pool over the whole
    map in its place lets other resolutions through.
    """
    import torch

    with torch.device("meta"):
        net = getattr(importlib.import_module(f"pytorchcv.models.{module}"), name)(**options)
    if hasattr(net.features, "final_pool"):
        net.features.final_pool = torch.nn.AdaptiveAvgPool2d(1)
    return trace_torch(net, (3, resolution, resolution))


# --- keras ------------------------------------------------------------------------------------------------------


def import_keras() -> ModuleType:
    """Import keras, on torch unless the environment names another backend."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = importlib.import_module("keras")
    keras.config.set_image_data_format("channels_last")
    return keras


@cache
def keras_network(name: str, *, resolution: int = 224, **options: Any) -> Network:
    """Build and list a network of ``keras.applications`` on square colour images.

    Its general NASNet is not public, and its NASNetMobile refuses torch, for a reason that does not touch shapes.
    """
    package = import_keras()
    device = "meta" if package.backend.backend() == "torch" else "cpu"
    with package.device(device):
        home = importlib.import_module("keras.src.applications.nasnet") if name == "NASNet" else package.applications
        build = getattr(home, name)
        model = build(weights=None, input_shape=(resolution, resolution, 3), **options)
        return trace_keras(model)


def trace_keras(model: Any) -> Network:
    """List the layer calls of a functional model, whose ``layers`` are sorted so that inputs come first."""
    layers = tuple(call for layer in model.layers for call in _keras_layers(layer))
    return Network(layers, sum(math.prod(variable.shape) for variable in model.trainable_variables))


def _keras_layers(layer: Any) -> list[Layer]:
    """List the layer calls of one keras layer: a separable convolution is two, an activation none."""
    kinds = importlib.import_module("keras").layers
    if isinstance(layer, kinds.SeparableConv2D):
        return _keras_separable(layer)
    if isinstance(layer, kinds.Dense):
        shape = tuple(layer.output.shape[1:])
        return [_keras_layer("linear", layer, math.prod(shape) * layer.input.shape[-1])]
    if isinstance(layer, kinds.Conv2DTranspose):
        maps = math.prod(layer.input.shape[1:])
        return [_keras_layer("conv", layer, maps * math.prod(layer.kernel_size) * layer.filters)]
    if isinstance(layer, kinds.DepthwiseConv2D):
        return [_keras_layer("conv", layer, math.prod(layer.output.shape[1:]) * math.prod(layer.kernel_size))]
    if isinstance(layer, kinds.Conv2D):
        inputs = layer.input.shape[-1] // layer.groups
        return [_keras_layer("conv", layer, math.prod(layer.output.shape[1:]) * math.prod(layer.kernel_size) * inputs)]
    if layer.trainable_variables and not isinstance(layer, kinds.BatchNormalization):
        raise TypeError(f"{layer.name}: parameters of a {type(layer).__name__} would go uncounted")
    return []


def _keras_layer(kind: Any, layer: Any, macs: int) -> Layer:
    """Describe a layer with one kernel and perhaps one bias."""
    params = sum(math.prod(variable.shape) for variable in layer.trainable_variables)
    bias = math.prod(layer.bias.shape) if layer.use_bias else 0
    return Layer(kind, tuple(layer.output.shape[1:]), params, macs, params - bias, layer.name)


def _keras_separable(layer: Any) -> list[Layer]:
    """Split a separable convolution; strides belong to its depthwise half, the bias to its pointwise half."""
    height, width, filters = layer.output.shape[1:]
    channels = layer.input.shape[-1] * layer.depth_multiplier
    depthwise, pointwise = channels * math.prod(layer.kernel_size), channels * filters
    bias = filters if layer.use_bias else 0
    pixels = height * width
    return [
        Layer("conv", (height, width, channels), depthwise, pixels * depthwise, depthwise, f"{layer.name}/depthwise"),
        Layer("conv", (height, width, filters), pointwise + bias, pixels * pointwise, pointwise, f"{layer.name}/pw"),
    ]
