"""Which convcost model is compared with which network of which framework."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .frameworks import keras_network, plain_torch_network, pytorchcv_network, timm_network, torchvision_network
from .layers import Network
from .library import ROWS

WIDTHS_V1 = (1.0, 0.75, 0.5, 0.25)
WIDTHS_V2 = (1.4, 1.3, 1.0, 0.75, 0.5, 0.35)
EFFICIENTNET_RESOLUTIONS = (224, 240, 260, 300, 380, 456, 528, 600)


@dataclass(frozen=True)
class Case:
    """A convcost model with its knobs, and the function that builds the same network in a framework.

    ``ordered`` is False for networks with parallel branches: convcost and the framework may execute these in
    different orders, so their layers are compared as multisets.
    """

    framework: str
    model: str
    build: Callable[[], Network]
    knobs: dict[str, Any] = field(default_factory=dict)
    ordered: bool = True

    def __str__(self) -> str:
        return "-".join([self.framework, self.model, *(f"{knob}={value}" for knob, value in self.knobs.items())])


def torch_cases() -> Iterator[Case]:
    """Networks written with plain ``torch.nn``; the branches of GoogLeNet's modules have no common order."""

    def case(model: str, class_name: str, *, ordered: bool = True, **options: Any) -> Case:
        return Case("torch", model, partial(plain_torch_network, class_name, **options), ordered=ordered)

    yield case("lenet5", "LeNet5")
    yield case("alexnet", "AlexNet", groups=2)
    yield case("vgg16_c", "VGG16C")
    yield case("vgg11_lrn", "VGG11LRN")
    yield case("alexnet_ungrouped", "AlexNet", groups=1)
    yield case("nin_imagenet", "NetworkInNetwork")
    yield case("googlenet", "GoogLeNet", ordered=False)
    yield case("googlenet_aux", "GoogLeNet", ordered=False, auxiliary=True)


def authors_mobile_cases() -> Iterator[Case]:
    """Mobile networks that their authors have in a form that nothing here runs."""

    def case(model: str, class_name: str, **options: Any) -> Case:
        return Case(
            "torch", model, partial(plain_torch_network, class_name, module="plain_mobile", **options), ordered=False
        )

    for config in ("a", "b", "c"):
        yield case(f"fbnet_{config}", "FBNet", config=config)
    yield case("squeezenext_23", "SqueezeNext", units=(6, 6, 8, 1), kernel=7, chained=False)
    yield case("squeezenext_23v5", "SqueezeNext", units=(2, 4, 14, 1), kernel=5, chained=True)
    for size in ("small", "medium", "large"):
        yield case(f"shufflenet_v2_plus_{size}", "ShuffleNetV2Plus", size=size)


def torchvision_cases() -> Iterator[Case]:
    """Networks of torchvision, which runs ResNet's shortcut after the main path; others need not: multisets."""
    for depth in (11, 13, 16, 19):
        yield Case("torchvision", f"vgg{depth}", partial(torchvision_network, f"vgg{depth}"))
    for depth in (18, 34, 50, 101, 152):
        yield Case("torchvision", f"resnet{depth}", partial(torchvision_network, f"resnet{depth}"), ordered=False)
    for resolution in (225, 97):  # the sizes at which rounding matters
        build = partial(torchvision_network, "resnet50", resolution=resolution)
        yield Case("torchvision", "resnet50", build, {"resolution": resolution}, ordered=False)
    for width in WIDTHS_V2:
        for resolution in (224, 192, 160, 128, 96, 225, 97):
            build = partial(torchvision_network, "mobilenet_v2", resolution=resolution, width_mult=width)
            yield Case("torchvision", "mobilenet_v2", build, {"width": width, "resolution": resolution})
    for number, resolution in enumerate(EFFICIENTNET_RESOLUTIONS):
        name = f"efficientnet_b{number}"
        yield Case("torchvision", name, partial(torchvision_network, name, resolution=resolution))


def library_cases() -> Iterator[Case]:
    """The networks of ``library.py``, compared as multisets."""
    builders = {"torchvision": torchvision_network, "keras": keras_network, "timm": timm_network}
    for row in ROWS:
        build = partial(builders[row.framework], row.name, **row.options)
        yield Case(row.framework, row.model, build, row.knobs, ordered=False)


def keras_cases() -> Iterator[Case]:
    """Networks of keras, which pads as TensorFlow does: a second opinion on every output shape.

    MobileNet is left at even resolutions: on an odd map keras' explicit padding rounds down, "same" rounds up.
    keras' ResNets stride in the first 1x1 convolution (resnet50_v1 etc.) and have needless biases, left out here.
    """
    for depth in (16, 19):
        yield Case("keras", f"vgg{depth}", partial(keras_network, f"VGG{depth}"))
    for depth in (50, 101, 152):
        yield Case("keras", f"resnet{depth}_v1", partial(_keras_resnet, f"ResNet{depth}"), ordered=False)
    for width in WIDTHS_V1:
        for resolution in (224, 192, 160, 128):
            build = partial(keras_network, "MobileNet", resolution=resolution, alpha=width)
            yield Case("keras", "mobilenet_v1", build, {"width": width, "resolution": resolution})
    for width in WIDTHS_V2:
        for resolution in (224, 96, 225, 97):
            build = partial(keras_network, "MobileNetV2", resolution=resolution, alpha=width)
            yield Case("keras", "mobilenet_v2", build, {"width": width, "resolution": resolution})
    for number, resolution in enumerate(EFFICIENTNET_RESOLUTIONS):
        build = partial(keras_network, f"EfficientNetB{number}", resolution=resolution)
        yield Case("keras", f"efficientnet_b{number}", build)


def _keras_resnet(name: str) -> Network:
    return keras_network(name).without_conv_biases()


def pytorchcv_cases() -> Iterator[Case]:
    """Networks of pytorchcv, an independent collection of implementations."""
    for groups in (1, 2, 3, 4, 8):
        yield _shufflenet(groups, 1.0)
    for groups, width in ((1, 0.75), (3, 0.75), (1, 0.5), (3, 0.5), (1, 0.25), (3, 0.25), (3, 2.0), (8, 2.0)):
        yield _shufflenet(groups, width)
    for resolution in (225, 193):
        yield _shufflenet(3, 1.0, resolution=resolution)
    for resolution in (224, 225, 256):  # its concatenations fit where the maps are even
        build = partial(pytorchcv_network, "bninception", "bninception", resolution=resolution)
        yield Case("pytorchcv", "bn_inception", build, {"resolution": resolution}, ordered=False)
    for resolution in (299, 225, 193):
        build = partial(pytorchcv_network, "inceptionv4", "inceptionv4", resolution=resolution)
        yield Case("pytorchcv", "inception_v4", build, {"resolution": resolution}, ordered=False)
    for classes in (10, 100):
        build = partial(pytorchcv_network, "nin_cifar", f"nin_cifar{classes}", resolution=32)
        yield Case("pytorchcv", f"nin_cifar{classes}", build)


def pytorchcv_mobile_cases() -> Iterator[Case]:
    """Small networks that timm lacks."""
    for name in ("proxylessnas_cpu", "proxylessnas_gpu", "proxylessnas_mobile", "proxylessnas_mobile14"):
        for resolution in (224, 225):
            build = partial(pytorchcv_network, "proxylessnas", name, resolution=resolution)
            yield Case("pytorchcv", name, build, {"resolution": resolution})
    for name in (f"sqnxt{version}_{width}" for version in ("23", "23v5") for width in ("w1", "w3d2", "w2")):
        yield Case("pytorchcv", name, partial(pytorchcv_network, "squeezenext", name), ordered=False)


def _shufflenet(groups: int, width: float, **knobs: Any) -> Case:
    build = partial(pytorchcv_network, "shufflenet", "get_shufflenet", groups=groups, width_scale=width, **knobs)
    return Case("pytorchcv", "shufflenet_v1", build, {"groups": groups, "width": width, **knobs})


def timm_inception_cases() -> Iterator[Case]:
    """A second opinion on the inception line; timm's batch-norm has a scale everywhere."""
    for resolution in (299, 225, 193):
        build = partial(timm_network, "inception_v4", resolution=resolution)
        yield Case("timm", "inception_v4", build, {"resolution": resolution}, ordered=False)
        build = partial(timm_network, "inception_resnet_v2", resolution=resolution)
        yield Case("timm", "inception_resnet_v2", build, {"resolution": resolution, "bn_scale": True}, ordered=False)


def keras_inception_cases() -> Iterator[Case]:
    """The later networks of keras' inception line; their parallel branches have no common order.

    pytorchcv's NASNet is no second opinion: where maps are even it convolves a larger map and crops the result.
    """
    for resolution in (299, 225, 193):
        yield _inception("xception", "Xception", resolution)
        yield _inception("inception_resnet_v2", "InceptionResNetV2", resolution)
    for depth in (50, 101, 152):
        yield _inception(f"resnet{depth}_v2", f"ResNet{depth}V2", 224)
    for resolution in (225, 193):
        yield _inception("resnet50_v2", "ResNet50V2", resolution)
    for model, options, resolutions in (
        ("nasnet_mobile", (4, 1056, 32, False), (224, 225, 193)),
        ("nasnet_5_1538", (5, 1536, 96, True), (299,)),
        ("nasnet_7_1920", (7, 1920, 96, True), (299,)),
        ("nasnet_large", (6, 4032, 96, True), (331, 224)),
    ):
        for resolution in resolutions:
            yield _nasnet(model, options, resolution)


def _nasnet(model: str, options: tuple[int, int, int, bool], resolution: int) -> Case:
    names = ("num_blocks", "penultimate_filters", "stem_block_filters", "skip_reduction")
    build = partial(keras_network, "NASNet", resolution=resolution, **dict(zip(names, options, strict=True)))
    return Case("keras", model, build, {"resolution": resolution}, ordered=False)


def _inception(model: str, name: str, resolution: int) -> Case:
    build = partial(keras_network, name, resolution=resolution)
    return Case("keras", model, build, {"resolution": resolution}, ordered=False)


CASES = (
    *torch_cases(),
    *authors_mobile_cases(),
    *torchvision_cases(),
    *keras_cases(),
    *library_cases(),
    *pytorchcv_cases(),
    *pytorchcv_mobile_cases(),
    *keras_inception_cases(),
    *timm_inception_cases(),
)
