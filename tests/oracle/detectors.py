"""Detectors of ultralytics, YOLOX and torchvision: without what turns their numbers into boxes, and with earlier heads if asked.

Their packages want much more than it takes to build a network: ``pip install --no-deps ultralytics yolox`` and what their
imports name (OpenCV, psutil, requests; loguru, tabulate) will do.
"""

from __future__ import annotations

import importlib
import logging
import os
import tempfile
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .frameworks import import_torchvision, torchvision_module

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import nn


def import_ultralytics() -> ModuleType:
    """Import what builds networks of ultralytics; it writes its settings into a folder of its own, and asks no server."""
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp(prefix="ultralytics"))
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    tasks = importlib.import_module("ultralytics.nn.tasks")
    logging.getLogger("ultralytics").setLevel(logging.ERROR)
    return tasks


def ultralytics_module(name: str, *, anchors: int = 0, pointwise: bool = False) -> nn.Module:
    """Build a detector from the YAML of this name; it runs once to find its strides, and so is no network of meta tensors.

    The weights of the mean of a distribution, which are fixed, become a buffer. With `anchors` the heads are those that
    YOLOv3 and YOLOv5 had before: a convolution for so many boxes of four sides, an objectness and the classes. In its YOLOv3 the
    first convolution of a bottleneck is 3×3; `pointwise` makes it 1×1, as in darknet.
    """
    from torch import nn

    net: Any = import_ultralytics().DetectionModel(f"{name}.yaml", verbose=False)
    head = net.model[-1]
    fixed = head.dfl.conv
    weight = fixed.weight
    del fixed.weight
    fixed.register_buffer("weight", weight.detach())
    for module in net.modules():
        if pointwise and type(module).__name__ == "Bottleneck":
            wide = module.cv1.conv
            module.cv1.conv = nn.Conv2d(wide.in_channels, wide.out_channels, 1, bias=False)
    if anchors:
        channels = [convs[0].conv.in_channels for convs in head.cv2]
        heads: Any = nn.ModuleList(nn.Conv2d(c, anchors * (head.nc + 5), 1) for c in channels)
        heads.f = head.f
        net.model[-1] = heads
    built: nn.Module = net
    return built


def import_yolox() -> ModuleType:
    """Import the networks of YOLOX, which import torchvision; they compare versions in a way that is deprecated."""
    import_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("yolox.models")


def yolox_module(name: str, *, depth: float, width: float, depthwise: bool = False) -> nn.Module:
    """Build a network of YOLOX, as its experiment of this name does; it puts out the numbers, not boxes."""
    import torch

    models = import_yolox()
    with torch.device("meta"):
        pyramid = models.YOLOPAFPN(depth, width, depthwise=depthwise)
        head = models.YOLOXHead(80, width, depthwise=depthwise)
        net: nn.Module = getattr(models, name)(pyramid, head)
    head.decode_in_inference = False
    return net


def yolo(net: Any) -> Callable[[torch.Tensor], Any]:
    """A forward pass of a detector of ultralytics that ends before boxes: with sides and scores, or with what the anchors get."""

    def forward(image: torch.Tensor) -> Any:
        maps: list[torch.Tensor] = []
        for layer in net.model[:-1]:
            maps.append(layer(read(layer, maps) if maps else image))
        head = net.model[-1]
        last = read(head, maps)
        if not hasattr(head, "dfl"):
            return [convolution(one) for convolution, one in zip(head, last, strict=True)]
        found = head.forward_head(last, **head.one2many)
        return head.dfl(found["boxes"]), found["scores"]

    return forward


def read(layer: Any, maps: list[torch.Tensor]) -> Any:
    """What a layer reads, a map or several: its `f` has their numbers, -1 for the one before."""
    return maps[layer.f] if isinstance(layer.f, int) else [maps[number] for number in layer.f]


def ssdlite_of_torchvision(classes: int) -> nn.Module:
    """SSDLite on MobileNetV2, which torchvision has the parts of: extra layers and heads, which it puts on MobileNetV3.

    The first map is behind the first layer, the expansion, of the block that strides last: features[14].
    """
    import torch
    from torch import nn

    parts = import_torchvision().models.detection.ssdlite
    features: Any = torchvision_module("mobilenet_v2").features
    features[14].block = features[14].conv  # as MobileNetV3 calls it

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.extractor = parts.SSDLiteFeatureExtractorMobileNet(features, 14, nn.BatchNorm2d)
            self.head = parts.SSDLiteHead([576, 1280, 512, 256, 256, 128], [3, 6, 6, 6, 6, 6], classes, nn.BatchNorm2d)

        def forward(self, image: torch.Tensor) -> Any:
            return self.head([*self.extractor(image).values()])

    with torch.device("meta"):
        return Net()
