"""Networks that torchvision and keras lack in the wanted form, written with plain ``torch.nn`` from the papers."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn


class LeNet5(nn.Sequential):
    """LeNet-5 as it is usually taught: every map of the second convolution sees all six input maps."""

    input_shape = (1, 32, 32)

    def __init__(self, classes: int = 10) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120),
            nn.Tanh(),
            nn.Linear(120, 84),
            nn.Tanh(),
            nn.Linear(84, classes),
        )


class AlexNet(nn.Sequential):
    """AlexNet of Krizhevsky et al. (2012); two groups are its split over two GPUs, one group removes it.

    torchvision's AlexNet is a later variant with other widths.
    """

    input_shape = (3, 227, 227)

    def __init__(self, classes: int = 1000, *, groups: int = 2) -> None:
        super().__init__(
            nn.Conv2d(3, 96, 11, stride=4),
            nn.ReLU(),
            nn.LocalResponseNorm(5),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, padding=2, groups=groups),
            nn.ReLU(),
            nn.LocalResponseNorm(5),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, 3, padding=1, groups=groups),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1, groups=groups),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Flatten(),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, classes),
        )


class NetworkInNetwork(nn.Sequential):
    """The ImageNet model that the first author of network in network released for Caffe, which rounds pools up."""

    input_shape = (3, 224, 224)

    def __init__(self, classes: int = 1000) -> None:
        super().__init__(
            *_mlpconv(nn.Conv2d(3, 96, 11, stride=4), 96, 96),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            *_mlpconv(nn.Conv2d(96, 256, 5, padding=2), 256, 256),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            *_mlpconv(nn.Conv2d(256, 384, 3, padding=1), 384, 384),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Dropout(),
            *_mlpconv(nn.Conv2d(384, 1024, 3, padding=1), 1024, classes),
            nn.AvgPool2d(6),
            nn.Flatten(),
        )


def _mlpconv(conv: nn.Conv2d, hidden: int, outputs: int) -> list[nn.Module]:
    """A convolution, then two layers of a perceptron at each position."""
    first, second = nn.Conv2d(conv.out_channels, hidden, 1), nn.Conv2d(hidden, outputs, 1)
    return [conv, nn.ReLU(), first, nn.ReLU(), second, nn.ReLU()]


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """GoogLeNet's convolution: "same" padding, a bias, no batch normalisation."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2), nn.ReLU())


class Inception(nn.Module):
    """The inception module with dimension reduction, its four branches joined along the channels."""

    def __init__(self, inputs: int, c1: int, r3: int, c3: int, r5: int, c5: int, pool: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                _conv(inputs, c1, 1),
                nn.Sequential(_conv(inputs, r3, 1), _conv(r3, c3, 3)),
                nn.Sequential(_conv(inputs, r5, 1), _conv(r5, c5, 5)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), _conv(inputs, pool, 1)),
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the branches in the order of the paper's table."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class AuxiliaryHead(nn.Sequential):
    """A classifier that GoogLeNet has during training only, on a 14x14 map."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__(
            nn.AvgPool2d(5, stride=3),
            _conv(inputs, 128, 1),
            nn.Flatten(),
            nn.Linear(4 * 4 * 128, 1024),
            nn.ReLU(),
            nn.Dropout(0.7),
            nn.Linear(1024, classes),
        )


class GoogLeNet(nn.Module):
    """GoogLeNet of Szegedy et al. (2015): 5x5 branches, biases, no batch normalisation, pooling that rounds up.

    torchvision's GoogLeNet has 3x3 in place of 5x5 and batch normalisation.
    """

    input_shape = (3, 224, 224)

    def __init__(self, classes: int = 1000, *, auxiliary: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _conv(3, 64, 7, stride=2),
            _pool(),
            nn.LocalResponseNorm(5),
            _conv(64, 64, 1),
            _conv(64, 192, 3),
            nn.LocalResponseNorm(5),
            _pool(),
        )
        self.up_to_4a = nn.Sequential(
            Inception(192, 64, 96, 128, 16, 32, 32),
            Inception(256, 128, 128, 192, 32, 96, 64),
            _pool(),
            Inception(480, 192, 96, 208, 16, 48, 64),
        )
        self.up_to_4d = nn.Sequential(
            Inception(512, 160, 112, 224, 24, 64, 64),
            Inception(512, 128, 128, 256, 24, 64, 64),
            Inception(512, 112, 144, 288, 32, 64, 64),
        )
        self.rest = nn.Sequential(
            Inception(528, 256, 160, 320, 32, 128, 128),
            _pool(),
            Inception(832, 256, 160, 320, 32, 128, 128),
            Inception(832, 384, 192, 384, 48, 128, 128),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.4),
            nn.Linear(1024, classes),
        )
        self.heads = nn.ModuleList([AuxiliaryHead(512, classes), AuxiliaryHead(528, classes)] if auxiliary else [])

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the outputs of the auxiliary heads, if any, and of the main classifier."""
        x4a = self.up_to_4a(self.stem(x))
        x4d = self.up_to_4d(x4a)
        outputs = [head(x) for head, x in zip(self.heads, (x4a, x4d), strict=False)]
        return [*outputs, self.rest(x4d)]


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


class VGG16C(nn.Sequential):
    """Configuration C of the VGG paper's Table 1: the last convolution of stages 3 to 5 is 1x1."""

    input_shape = (3, 224, 224)

    def __init__(self, classes: int = 1000) -> None:
        super().__init__(
            *_vgg_stage(3, 64, 3, 3),
            *_vgg_stage(64, 128, 3, 3),
            *_vgg_stage(128, 256, 3, 3, 1),
            *_vgg_stage(256, 512, 3, 3, 1),
            *_vgg_stage(512, 512, 3, 3, 1),
            *_vgg_classifier(classes),
        )


class VGG11LRN(nn.Sequential):
    """Configuration A-LRN of the VGG paper's Table 1."""

    input_shape = (3, 224, 224)

    def __init__(self, classes: int = 1000) -> None:
        first = _vgg_stage(3, 64, 3)
        super().__init__(
            *first[:-1],
            nn.LocalResponseNorm(5),
            first[-1],
            *_vgg_stage(64, 128, 3),
            *_vgg_stage(128, 256, 3, 3),
            *_vgg_stage(256, 512, 3, 3),
            *_vgg_stage(512, 512, 3, 3),
            *_vgg_classifier(classes),
        )


def _vgg_stage(inputs: int, channels: int, *kernels: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for kernel in kernels:
        layers += [nn.Conv2d(inputs, channels, kernel, padding=kernel // 2), nn.ReLU()]
        inputs = channels
    return [*layers, nn.MaxPool2d(2)]


def _vgg_classifier(classes: int) -> list[nn.Module]:
    sizes = (512 * 7 * 7, 4096, 4096, classes)
    return [nn.Flatten(), *(nn.Linear(a, b) for a, b in pairwise(sizes))]


class CRNN(nn.Module):
    """The small CRNN of the zoo: three convolutions, two bidirectional LSTMs, and letters at each step."""

    def __init__(self, classes: int = 37) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            *(nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d((4, 2))),
            *(nn.Conv2d(128, 256, (4, 1), bias=False), nn.BatchNorm2d(256), nn.ReLU()),
        )
        self.lstm1 = nn.LSTM(256, 128, bidirectional=True, batch_first=True)
        self.lstm2 = nn.LSTM(256, 128, bidirectional=True, batch_first=True)
        self.letters = nn.Linear(256, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        columns = self.convs(x).squeeze(2).transpose(1, 2)
        states, _ = self.lstm1(columns)
        states, _ = self.lstm2(states)
        return self.letters(states)
