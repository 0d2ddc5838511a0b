"""Mobile networks that no package has, written with plain ``torch.nn`` from their authors' tables and Caffe files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

Act = Callable[[], nn.Module]


class Unit(nn.Sequential):
    """A convolution that keeps the size where it does not stride, a batch-norm and an activation."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int] = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        act: Act | None = None,
        bias: bool = False,
    ) -> None:
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2)
        conv = nn.Conv2d(inputs, outputs, (height, width), stride, padding, groups=groups, bias=bias)
        super().__init__(conv, nn.BatchNorm2d(outputs), *([act()] if act else []))


# --- FBNet: fbnet_modeldef_cls_fbnet.py -------------------------------------------------------------------------

FBNETS: dict[str, tuple[int, str]] = {
    "a": (
        1504,
        (
            "3.3.24.2 1.3.24.1 6.5.32.2 3.3.32.1 1.5.32.1 3.3.32.1 6.5.64.2 3.5.64.1 1.5.64.1.2 6.5.64.1 6.3.112.1 "
            "1.5.112.1.2 3.5.112.1 1.3.112.1.2 6.5.184.2 6.5.184.1 3.5.184.1 6.5.184.1 6.5.352.1"
        ),
    ),
    "b": (
        1984,
        (
            "1.3.16.1 6.3.24.2 1.5.24.1 1.3.24.1 1.3.24.1 6.5.32.2 3.5.32.1 6.3.32.1 6.5.32.1 6.5.64.2 6.5.64.1 3.5.64.1 "
            "6.5.112.1 1.3.112.1 1.5.112.1 3.5.112.1 6.5.184.2 1.5.184.1 6.5.184.1 6.5.184.1 6.3.352.1"
        ),
    ),
    "c": (
        1984,
        (
            "1.3.16.1 6.3.24.2 1.3.24.1 1.3.24.1 6.5.32.2 3.5.32.1 6.5.32.1 6.3.32.1 6.5.64.2 3.5.64.1 6.5.64.1 6.5.64.1 "
            "6.5.112.1 6.5.112.1 6.5.112.1 3.5.112.1 6.5.184.2 6.5.184.1 6.5.184.1 6.5.184.1 6.3.352.1"
        ),
    ),
}
"""Channels of the last convolution, and each block: expansion, kernel, channels, stride and groups if not one."""


class FBNet(nn.Sequential):
    """The network of one column; what a search left out is no block."""

    input_shape = (3, 224, 224)

    def __init__(self, config: str) -> None:
        last, text = FBNETS[config]
        layers: list[nn.Module] = [Unit(3, 16, 3, stride=2, act=nn.ReLU)]
        channels = 16
        for block in text.split():
            expansion, kernel, outputs, stride, *groups = map(int, block.split("."))
            layers += fbnet_block(channels, expansion, kernel, outputs, stride, *groups)
            channels = outputs
        layers += [Unit(channels, last, act=nn.ReLU), nn.AdaptiveAvgPool2d(1), nn.Conv2d(last, 1000, 1), nn.Flatten()]
        super().__init__(*layers)


def fbnet_block(
    inputs: int, expansion: int, kernel: int, outputs: int, stride: int, groups: int = 1
) -> list[nn.Module]:
    """A bottleneck without its sum, which nothing here compares; its convolutions have biases."""
    hidden = expansion * inputs
    layers: list[nn.Module] = []
    if hidden != inputs:
        layers += [Unit(inputs, hidden, groups=groups, act=nn.ReLU, bias=True)]
    layers += [Unit(hidden, hidden, kernel, stride=stride, groups=hidden, act=nn.ReLU, bias=True)]
    return [*layers, Unit(hidden, outputs, groups=groups, bias=True)]


# --- SqueezeNext: 1.0-SqNxt-23/train_val.prototxt and 1.0-SqNxt-23v5/train_val.prototxt -------------------------


class SqueezeNextUnit(nn.Module):
    """Five convolutions and a shortcut, which in version 5 comes before them where it is a convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, projects: bool, chained: bool) -> None:
        super().__init__()
        self.chained = chained
        self.projection = Unit(inputs, outputs, stride=stride, act=nn.ReLU) if projects else None
        half, quarter = outputs // 2, outputs // 4
        first, step = (outputs, 1) if chained else (inputs, stride)
        self.main = nn.Sequential(
            Unit(first, half, stride=step, act=nn.ReLU),
            Unit(half, quarter, act=nn.ReLU),
            Unit(quarter, half, (3, 1), act=nn.ReLU),
            Unit(half, half, (1, 3), act=nn.ReLU),
            Unit(half, outputs, act=nn.ReLU),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut: torch.Tensor = x if self.projection is None else self.projection(x)
        return torch.relu(shortcut + self.main(shortcut if self.chained else x))


class SqueezeNext(nn.Sequential):
    """The authors' networks with 23 layers; Caffe rounds pools up."""

    input_shape = (3, 227, 227)

    def __init__(self, units: Sequence[int], kernel: int, *, chained: bool) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(3, 64, kernel, 2, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, ceil_mode=True),
        ]
        channels = 64
        for stage, (count, outputs) in enumerate(zip(units, (32, 64, 128, 256), strict=True)):
            for number in range(count):
                stride = 2 if stage and not number else 1
                layers.append(SqueezeNextUnit(channels, outputs, stride, projects=not number, chained=chained))
                channels = outputs
        layers += [Unit(256, 128, act=nn.ReLU), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 1000, bias=False)]
        super().__init__(*layers)


# --- ShuffleNetV2+: ShuffleNetV2+/network.py and blocks.py ------------------------------------------------------

SHUFFLENETS = {
    "small": (36, 104, 208, 416),
    "medium": (48, 128, 256, 512),
    "large": (68, 168, 336, 672),
}
SHUFFLENET_KERNELS = ((3, 3, 0, 5), (5, 5, 3, 3), (7, 3, 7, 5, 5, 3, 7, 3), (7, 5, 0, 7))
"""The kernels of each stage's units; 0 for three depthwise convolutions of 3x3."""


class Gate(nn.Module):
    """Squeeze-and-excitation with a batch-norm and without biases."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced = channels // 4
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            Unit(channels, reduced, act=nn.ReLU),
            nn.Conv2d(reduced, channels, 1, bias=False),
            nn.Hardsigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(x)


class ShuffleUnit(nn.Module):
    """Half of the channels pass by, or where it strides all of them by way of a branch that keeps their number."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, strides: bool, gated: bool, act: Act) -> None:
        super().__init__()
        self.beside: nn.Module = nn.Identity()
        middle, made, stride = outputs // 2, outputs - inputs, 2 if strides else 1
        if strides:
            side = Unit(inputs, inputs, kernel or 3, stride=2, groups=inputs)
            self.beside = nn.Sequential(side, Unit(inputs, inputs, act=act))
        self.strides = strides
        depthwise = [Unit(middle, middle, kernel or 3, stride=stride, groups=middle)]
        before: list[nn.Module] = []
        if not kernel:
            before = [Unit(inputs, inputs, 3, stride=stride, groups=inputs)]
            depthwise += [Unit(middle, middle, act=act), Unit(middle, middle, 3, stride=stride, groups=middle)]
        after: list[nn.Module] = [Gate(made)] if gated else []
        self.main = nn.Sequential(
            *before, Unit(inputs, middle, act=act), *depthwise, Unit(middle, made, act=act), *after
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        passing, worked = (x, x) if self.strides else (x[:, ::2], x[:, 1::2])
        return torch.cat([self.beside(passing), self.main(worked)], 1)


class ShuffleNetV2Plus(nn.Sequential):
    """The network of one size."""

    input_shape = (3, 224, 224)

    def __init__(self, size: str) -> None:
        layers: list[nn.Module] = [Unit(3, 16, 3, stride=2, act=nn.Hardswish)]
        channels = 16
        for stage, (outputs, kernels) in enumerate(zip(SHUFFLENETS[size], SHUFFLENET_KERNELS, strict=True)):
            act: Act = nn.Hardswish if stage else nn.ReLU
            for number, kernel in enumerate(kernels):
                inputs = channels // 2 if number else channels
                layers.append(ShuffleUnit(inputs, outputs, kernel, strides=not number, gated=stage > 1, act=act))
                channels = outputs
        layers += [Unit(channels, 1280, act=nn.Hardswish), nn.AdaptiveAvgPool2d(1), Gate(1280), nn.Flatten()]
        layers += [nn.Linear(1280, 1280, bias=False), nn.Hardswish(), nn.Linear(1280, 1000, bias=False)]
        super().__init__(*layers)
