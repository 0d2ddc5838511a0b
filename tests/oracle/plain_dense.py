"""Networks that put out pictures and that no package at hand has, written a second time with plain ``torch.nn``."""

from __future__ import annotations

import torch
from torch import nn

from .frameworks import import_timm, import_torchvision


class SRCNN(nn.Sequential):
    """Dong et al. 2014, section 3.1: 9, 1, 3 or 5, and 5 pixels; 64 and 32 channels, on the luminance."""

    def __init__(self, middle: int) -> None:
        super().__init__(
            nn.Conv2d(1, 64, 9, padding=4),
            nn.ReLU(),
            nn.Conv2d(64, 32, middle, padding=middle // 2),
            nn.ReLU(),
            nn.Conv2d(32, 1, 5, padding=2),
        )


class FSRCNN(nn.Sequential):
    """Dong, Loy and Tang 2016, section 3.2: Conv(5, d, 1), Conv(1, s, d), m × Conv(3, s, s), Conv(1, d, s), DeConv(9, 1, d)."""

    def __init__(self, d: int, s: int, m: int, times: int) -> None:
        inner = [part for _ in range(m) for part in (nn.Conv2d(s, s, 3, padding=1), nn.PReLU(s))]
        super().__init__(
            *(nn.Conv2d(1, d, 5, padding=2), nn.PReLU(d)),
            *(nn.Conv2d(d, s, 1), nn.PReLU(s)),
            *inner,
            *(nn.Conv2d(s, d, 1), nn.PReLU(d)),
            nn.ConvTranspose2d(d, 1, 9, times, padding=4, output_padding=times - 1),
        )


class ESPCN(nn.Sequential):
    """Shi et al. 2016, section 3.1: (5, 64), (3, 32), 3, and a pixel shuffle."""

    def __init__(self, times: int) -> None:
        super().__init__(
            nn.Conv2d(1, 64, 5, padding=2),
            nn.Tanh(),
            nn.Conv2d(64, 32, 3, padding=1),
            nn.Tanh(),
            nn.Conv2d(32, times**2, 3, padding=1),
            nn.PixelShuffle(times),
        )


class Distillation(nn.Module):
    """Hui et al. 2019, Figures 3 and 4: a quarter of the channels is kept each time."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        kept, rest = channels // 4, channels - channels // 4
        sizes = ((channels, channels), (rest, channels), (rest, channels), (rest, kept))
        self.convs = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in sizes])
        self.gate = nn.Sequential(
            nn.Conv2d(channels, channels // 16, 1), nn.ReLU(), nn.Conv2d(channels // 16, channels, 1)
        )
        self.mix = nn.Conv2d(channels, channels, 1)
        self.kept = kept

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, rest = x, []
        for conv_ in self.convs[:3]:
            found = nn.functional.leaky_relu(conv_(first), 0.05)
            rest.append(found[:, : self.kept])
            first = found[:, self.kept :]
        y = torch.cat([*rest, self.convs[3](first)], 1)
        contrast = y.var((2, 3), keepdim=True).sqrt() + y.mean((2, 3), keepdim=True)
        return self.mix(y * torch.sigmoid(self.gate(contrast))) + x


class IMDN(nn.Module):
    """Hui et al. 2019, Figure 2: six such blocks, all of whose outputs are mixed."""

    def __init__(self, times: int, channels: int = 64) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.ModuleList([Distillation(channels) for _ in range(6)])
        self.mix = nn.Conv2d(6 * channels, channels, 1)
        self.last = nn.Conv2d(channels, channels, 3, padding=1)
        self.tail = nn.Sequential(nn.Conv2d(channels, 3 * times**2, 3, padding=1), nn.PixelShuffle(times))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        head = self.head(x)
        maps = [head]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        joined = nn.functional.leaky_relu(self.mix(torch.cat(maps[1:], 1)), 0.05)
        return self.tail(self.last(joined) + head)


def conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, *, act: bool = True) -> nn.Sequential:
    """A convolution, batch-norm and, if asked to, ReLU."""
    parts = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*parts, *([nn.ReLU()] if act else []))


class Separable(nn.Sequential):
    """One 3×3 kernel a channel, then 1×1 with batch-norm."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, act: bool) -> None:
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
            conv(inputs, outputs, act=act),
        )


class XceptionUnit(nn.Module):
    """Three separable convolutions beside one, where the map is halved, or nothing."""

    def __init__(self, inputs: int, inner: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            Separable(inputs, inner, stride, act=True),
            Separable(inner, inner, 1, act=True),
            Separable(inner, 4 * inner, 1, act=False),
        )
        self.projection = Separable(inputs, 4 * inner, stride, act=False) if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.main(x) + self.projection(x))


class ENetBlock(nn.Module):
    """A bottleneck of ENet's encoder: 2×2 where it strides, a middle layer, and 1×1, beside a pool and zero channels."""

    def __init__(self, inputs: int, outputs: int, middle: str = "plain") -> None:
        super().__init__()
        inner = outputs // 4
        step = 2 if inputs != outputs else 1
        rate = int(middle) if middle.isdigit() else 1
        layers: list[nn.Module] = [nn.Conv2d(inner, inner, 3, padding=rate, dilation=rate)]
        if middle == "pair":
            first = nn.Conv2d(inner, inner, (1, 5), padding=(0, 2), bias=False)
            layers = [first, nn.Conv2d(inner, inner, (5, 1), padding=(2, 0))]
        self.main = nn.Sequential(
            *(nn.Conv2d(inputs, inner, step, step, bias=False), nn.BatchNorm2d(inner), nn.PReLU(inner)),
            *(*layers, nn.BatchNorm2d(inner), nn.PReLU(inner)),
            *(nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs)),
        )
        self.act = nn.PReLU(outputs)
        self.zeros = outputs - inputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.zeros == 0 else nn.functional.max_pool2d(x, 2)
        return self.act(self.main(x) + nn.functional.pad(shortcut, (0, 0, 0, 0, 0, self.zeros)))


class ENetDecoding(nn.Module):
    """A bottleneck of ENet's decoder; what is unpooled is enlarged here, which multiplies as little."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        inner = outputs // 4
        self.up = inputs != outputs
        middle = nn.Conv2d(inner, inner, 3, padding=1)
        if self.up:
            middle = nn.ConvTranspose2d(inner, inner, 3, 2, padding=1, output_padding=1)
        relu = nn.ReLU()
        reduce = (conv(inputs, inner), middle, nn.BatchNorm2d(inner), relu)
        self.main = nn.Sequential(*reduce, conv(inner, outputs, act=False))
        self.project = nn.Sequential(conv(inputs, outputs, act=False), nn.Upsample(scale_factor=2)) if self.up else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.main(x) + (x if self.project is None else self.project(x)))


class ENet(nn.Module):
    """Paszke et al. 2016, Table 1, as the authors' code has it."""

    def __init__(self, classes: int = 20) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 13, 3, 2, 1)
        self.norm = nn.Sequential(nn.BatchNorm2d(16), nn.PReLU(16))
        section = ["plain", "2", "pair", "4", "plain", "8", "pair", "16"]
        self.body = nn.Sequential(
            *(ENetBlock(16, 64), *(ENetBlock(64, 64) for _ in range(4))),
            *(ENetBlock(64, 128), *(ENetBlock(128, 128, middle) for middle in 2 * section)),
            *(ENetDecoding(128, 64), ENetDecoding(64, 64), ENetDecoding(64, 64)),
            *(ENetDecoding(64, 16), ENetDecoding(16, 16)),
            nn.ConvTranspose2d(16, classes, 2, 2),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(self.norm(torch.cat([self.first(x), nn.functional.max_pool2d(x, 2)], 1)))


class Xception39(nn.Module):
    """The authors' backbone: three stages of 4, 8 and 4 units, which put out an eighth, a 16th and a 32nd of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 8, 3, 2), nn.MaxPool2d(3, 2, 1))
        stages, channels = [], 8
        for inner, units in ((16, 4), (32, 8), (64, 4)):
            first, rest = (
                XceptionUnit(channels, inner, 2),
                [XceptionUnit(4 * inner, inner, 1) for _ in range(units - 1)],
            )
            stages.append(nn.Sequential(first, *rest))
            channels = 4 * inner
        self.stages = nn.ModuleList(stages)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps = [self.stem(x)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return maps[1:]


class ResNet18(nn.Module):
    """The maps of torchvision's ResNet-18 that are an eighth, a 16th and a 32nd of the picture."""

    def __init__(self) -> None:
        super().__init__()
        net = import_torchvision().models.resnet18()
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1)
        self.stages = nn.ModuleList([net.layer2, net.layer3, net.layer4])

    forward = Xception39.forward


class Gated(nn.Module):
    """A map times a gate that follows from its mean, and, where `keep`, that added to the map."""

    def __init__(self, gate: nn.Module, *, keep: bool) -> None:
        super().__init__()
        self.gate, self.keep = gate, keep

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gated = x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))
        return x + gated if self.keep else gated


class BiSeNet(nn.Module):
    """Yu et al. 2018, Figure 2, with the sizes of the authors' code; `aux` channels in the heads for training, if any."""

    def __init__(self, backbone: str, aux: int, classes: int = 19) -> None:
        super().__init__()
        self.spatial = nn.Sequential(conv(3, 64, 7, 2), conv(64, 64, 3, 2), conv(64, 64, 3, 2), conv(64, 128))
        self.context = ResNet18() if backbone == "resnet18" else Xception39()
        middle, last = (256, 512) if backbone == "resnet18" else (128, 256)
        self.tail = conv(last, 128)
        self.refine32 = nn.Sequential(conv(last, 128, 3), Gated(conv(128, 128, act=False), keep=False))
        self.refine16 = nn.Sequential(conv(middle, 128, 3), Gated(conv(128, 128, act=False), keep=False))
        self.conv32, self.conv16 = conv(128, 128, 3), conv(128, 128, 3)
        layers = [nn.Conv2d(256, 256, 1, bias=False), nn.ReLU(), nn.Conv2d(256, 256, 1, bias=False)]
        self.fuse = nn.Sequential(conv(256, 256), Gated(nn.Sequential(*layers), keep=True))
        self.head = nn.Sequential(conv(256, 64, 3), nn.Conv2d(64, classes, 1))
        heads = [nn.Sequential(conv(128, aux, 3), nn.Conv2d(aux, classes, 1)) for _ in range(2 if aux else 0)]
        self.heads = nn.ModuleList(heads)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        eighth, middle, last = self.context(x)
        x32 = self.conv32(resized(self.refine32(last) + self.tail(last.mean((2, 3), keepdim=True)), middle))
        x16 = self.conv16(resized(self.refine16(middle) + x32, eighth))
        joined = self.fuse(torch.cat([self.spatial(x), x16], 1))
        return [self.head(joined), *(head(y) for head, y in zip(self.heads, (x16, x32), strict=False))]


def resized(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return nn.functional.interpolate(x, size=like.shape[2:], mode="bilinear")


class UNet(nn.Module):
    """Ronneberger et al. 2015, Figure 1: as in the paper, or padded, with batch-norms and colours, as most write it today."""

    def __init__(self, colours: int, classes: int = 2, *, paper: bool) -> None:
        super().__init__()

        def pair(inputs: int, outputs: int) -> nn.Sequential:
            sizes = ((inputs, outputs), (outputs, outputs))
            if paper:
                return nn.Sequential(*(part for a, b in sizes for part in (nn.Conv2d(a, b, 3), nn.ReLU())))
            return nn.Sequential(*(conv(a, b, 3) for a, b in sizes))

        channels = (64, 128, 256, 512, 1024)
        self.down = nn.ModuleList([pair(a, b) for a, b in zip((colours, *channels), channels, strict=False)])
        self.up = nn.ModuleList([nn.ConvTranspose2d(2 * n, n, 2, 2) for n in channels[-2::-1]])
        self.mix = nn.ModuleList([pair(2 * n, n) for n in channels[-2::-1]])
        self.head = nn.Conv2d(64, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = []
        for n, down in enumerate(self.down):
            x = down(x if n == 0 else nn.functional.max_pool2d(x, 2))
            maps.append(x)
        for up, mix, early in zip(self.up, self.mix, maps[-2::-1], strict=True):
            x = up(x)
            top, left = (early.shape[2] - x.shape[2]) // 2, (early.shape[3] - x.shape[3]) // 2
            x = mix(torch.cat([early[:, :, top : top + x.shape[2], left : left + x.shape[3]], x], 1))
        return self.head(x)


class XceptionMaps(nn.Module):
    """timm's Xception-65: the map before the stride that leads to an eighth of the picture, and the last one."""

    channels = (256, 2048)

    def __init__(self) -> None:
        super().__init__()
        net = import_timm().create_model("xception65", pretrained=False, output_stride=16)
        self.stem, self.blocks = net.stem, net.blocks

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.blocks[0](self.stem(x))
        x, early = self.blocks[1].forward_with_tap(x)
        for block in self.blocks[2:]:
            x = block(x)
        return early, x


class ResNetMaps(nn.Module):
    """torchvision's ResNet-50 or -101, which dilates in its last stage."""

    channels = (256, 2048)

    def __init__(self, name: str) -> None:
        super().__init__()
        models = import_torchvision().models
        net = getattr(models, name)(replace_stride_with_dilation=[False, False, True])
        self.early = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1)
        self.rest = nn.Sequential(net.layer2, net.layer3, net.layer4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        early = self.early(x)
        return early, self.rest(early)


class MobileNetV2Maps(ResNetMaps):
    """torchvision's MobileNetV2, whose last stage strides no more, up to its 320 channels."""

    channels = (24, 320)

    def __init__(self) -> None:
        nn.Module.__init__(self)
        blocks = import_torchvision().models.mobilenet_v2().features
        (strided,) = [conv for conv in blocks[14].modules() if isinstance(conv, nn.Conv2d) and conv.stride == (2, 2)]
        strided.stride = (1, 1)
        self.early, self.rest = blocks[:4], blocks[4:18]


def separable(inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    """Depthwise and pointwise, a batch-norm and ReLU behind each."""
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=dilation, dilation=dilation, groups=inputs, bias=False)
    return nn.Sequential(depthwise, nn.BatchNorm2d(inputs), nn.ReLU(), conv(inputs, outputs))


class DeepLabV3Plus(nn.Module):
    """Chen et al. 2018, Figure 2, with 256 channels; without `plus`, as the authors have it on MobileNetV2."""

    def __init__(self, backbone: str, classes: int = 21, *, plus: bool = True) -> None:
        super().__init__()
        maps = {"xception65": XceptionMaps, "mobilenet_v2": MobileNetV2Maps}
        self.backbone = maps[backbone]() if backbone in maps else ResNetMaps(backbone)
        early, last = self.backbone.channels
        self.one, self.image = conv(last, 256), conv(last, 256)
        self.atrous = nn.ModuleList([separable(last, 256, rate) for rate in ((6, 12, 18) if plus else ())])
        self.project = conv((2 + len(self.atrous)) * 256, 256)
        self.reduce = conv(early, 48) if plus else None
        self.decoder = nn.Sequential(separable(256 + 48, 256), separable(256, 256)) if plus else nn.Identity()
        self.classifier = nn.Conv2d(256, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        early, last = self.backbone(x)
        pooled = self.image(last.mean((2, 3), keepdim=True)).expand(-1, -1, *last.shape[2:])
        x = self.project(torch.cat([self.one(last), *(atrous(last) for atrous in self.atrous), pooled], 1))
        if self.reduce is not None:
            x = torch.cat([resized(x, early), self.reduce(early)], 1)
        return self.classifier(self.decoder(x))
