"""The networks that libraries ship under names of their own, as data: which one is which of convcost's.

``cases.py`` makes a comparison of each row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

SIZES_X = ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")
SIZES_Y = (*SIZES_X, "128gf")
ODD = (225, 193)
"""Resolutions at which rounding matters."""


class Row(NamedTuple):
    """A network of a library: convcost's name and knobs, the library's name and options."""

    framework: str
    model: str
    name: str
    knobs: dict[str, Any]
    options: dict[str, Any]


SAME_NAME = (
    *(f"vgg{depth}_bn" for depth in (11, 13, 16, 19)),
    *(f"squeezenet{version}" for version in ("1_0", "1_1")),
    *(f"shufflenet_v2_x{width}" for width in ("0_5", "1_0", "1_5", "2_0")),
    *(f"mnasnet{width}" for width in ("0_5", "0_75", "1_0", "1_3")),
    *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"),
    *(f"densenet{depth}" for depth in (121, 161, 169, 201)),
    *("mobilenet_v3_large", "mobilenet_v3_small"),
    *(f"regnet_x_{size}" for size in SIZES_X),
    *(f"regnet_y_{size}" for size in SIZES_Y),
    *(f"convnext_{size}" for size in ("tiny", "small", "base", "large")),
)
"""Networks of torchvision whose names convcost shares, at 224x224."""

AT_ODD_SIZES = (
    *("vgg16_bn", "squeezenet1_0", "squeezenet1_1", "shufflenet_v2_x1_0", "mnasnet1_0", "resnext50_32x4d"),
    *("wide_resnet50_2", "densenet121", "convnext_tiny", "mobilenet_v3_large", "mobilenet_v3_small"),
    *("regnet_x_8gf", "regnet_y_400mf", "efficientnet_v2_s", "alexnet_one_tower", "googlenet_torchvision"),
    "inception_v3",
)
RENAMED = {"alexnet_one_tower": "alexnet", "googlenet_torchvision": "googlenet"}
"""convcost's name -> torchvision's, where they differ."""

NO_HEADS = {"aux_logits": False, "init_weights": False}
HEADS = {"aux_logits": True, "init_weights": False}
INCEPTIONS = ("googlenet", "inception_v3")


def torchvision_rows() -> Iterator[Row]:
    """Networks of torchvision; a name in capitals is that of a class, which takes settings that functions do not."""

    def row(model: str, name: str, knobs: dict[str, Any] | None = None, **options: Any) -> Row:
        return Row("torchvision", model, name, knobs or {}, options)

    yield from (row(name, name) for name in SAME_NAME)
    for model in AT_ODD_SIZES:
        name = RENAMED.get(model, model)
        for size in ODD:
            yield row(model, name, {"resolution": size}, resolution=size, **(NO_HEADS if name in INCEPTIONS else {}))
    yield row("alexnet_one_tower", "alexnet")
    yield row("googlenet_torchvision", "googlenet", **NO_HEADS)
    yield row("googlenet_torchvision_aux", "googlenet", **HEADS)
    yield row("inception_v3", "inception_v3", resolution=299, **NO_HEADS)
    yield row("inception_v3_aux", "inception_v3", resolution=299, **HEADS)
    for size, resolution in (("s", 384), ("m", 480), ("l", 480)):
        yield row(f"efficientnet_v2_{size}", f"efficientnet_v2_{size}", resolution=resolution)
    yield row("densenet264", "DenseNet", block_config=(6, 12, 64, 48))
    yield row("densenet121", "DenseNet", {"depth": 2}, block_config=(12, 24, 48, 32))
    yield row("densenet121", "DenseNet", {"width": 0.5}, growth_rate=16, num_init_features=32)
    widths = (24, 116, 232, 464, 1024)
    yield row("shufflenet_v2", "ShuffleNetV2", {"depth": 2}, stages_repeats=(8, 16, 8), stages_out_channels=widths)
    for width in (0.35, 1.4):
        yield row("mnasnet", "MNASNet", {"width": width}, alpha=width)
    for name in ("mobilenet_v3_large", "mobilenet_v3_small"):
        for width in (0.35, 0.75, 1.25):
            yield row(name, name, {"width": width, "scaling": "torchvision"}, width_mult=width)


def keras_rows() -> Iterator[Row]:
    """A second opinion on networks that torchvision has, too; keras never scales MobileNetV3's stem."""

    def row(model: str, name: str, knobs: dict[str, Any] | None = None, **options: Any) -> Row:
        return Row("keras", model, name, knobs or {}, options)

    for depth in (121, 169, 201):
        yield row(f"densenet{depth}", f"DenseNet{depth}")
    for size, resolution in (("S", 384), ("M", 480), ("L", 480)):
        yield row(f"efficientnet_v2_{size.lower()}", f"EfficientNetV2{size}", resolution=resolution)
    for model, name in (("mobilenet_v3_large", "MobileNetV3Large"), ("mobilenet_v3_small", "MobileNetV3Small")):
        yield row(model, name)
        yield row(model, name, {"resolution": 193}, resolution=193)
        yield row(model, name, {"width": 0.75}, alpha=0.75)
        yield row(f"{model}_minimalistic", name, minimalistic=True)
        yield row(f"{model}_minimalistic", name, {"width": 0.75}, alpha=0.75, minimalistic=True)


#: convcost's name -> timm's, of networks that torchvision lacks
TIMM = {
    "resnext101_32x4d": "resnext101_32x4d",
    "convnext_xlarge": "convnext_xlarge",
    "mnasnet_a1": "semnasnet_100",
    "regnet_x_200mf": "regnetx_002",
    "regnet_x_400mf_paper": "regnetx_004",
    "regnet_x_600mf": "regnetx_006",
    "regnet_x_4gf": "regnetx_040",
    "regnet_x_6_4gf": "regnetx_064",
    "regnet_x_12gf": "regnetx_120",
    "regnet_y_200mf": "regnety_002",
    "regnet_y_600mf": "regnety_006",
    "regnet_y_800mf_paper": "regnety_008",
    "regnet_y_4gf": "regnety_040",
    "regnet_y_6_4gf": "regnety_064",
    "regnet_y_8gf_paper": "regnety_080",
    "regnet_y_12gf": "regnety_120",
}

DEPTHS_SE = (50, 101, 152)
RES2NETS = ("50_26w_4s", "50_26w_6s", "50_26w_8s", "50_48w_2s", "50_14w_8s", "101_26w_4s", "50d", "101d")
DLAS = ("34", "46_c", "46x_c", "60x_c", "60", "60x", "60_res2net", "60_res2next", "102", "102x", "102x2", "169")
VOVNETS = (
    "vovnet39a",
    "vovnet57a",
    *(f"ese_vovnet{name}" for name in ("19b_slim_dw", "19b_dw", "19b_slim", "39b", "99b")),
)

#: resolution -> networks whose names timm and convcost share
TIMM_SAME_NAME = {
    106: ("tinynet_e",),
    152: ("tinynet_d",),
    184: ("tinynet_c",),
    188: ("tinynet_b",),
    192: ("tinynet_a",),
    224: (
        *(f"mobilenetv4_conv_{size}" for size in ("small", "small_035", "small_050", "medium")),
        *(f"mixnet_{size}" for size in ("s", "m", "l", "xl", "xxl")),
        *(f"lcnet_{percent}" for percent in ("035", "050", "075", "100", "150")),
        *(f"hardcorenas_{letter}" for letter in "abcdef"),
        *("fbnetc_100", "spnasnet_100", "fbnetv3_b", "fbnetv3_d"),
        *("mobilenet_edgetpu_100", *(f"mobilenet_edgetpu_v2_{size}" for size in ("xs", "s", "m", "l"))),
        *(f"rexnet{r}_{percent}" for r in ("", "r") for percent in (100, 130, 150, 200, 300)),
        *(f"seresnet{depth}" for depth in DEPTHS_SE),
        *(
            "seresnet50t",
            "seresnet152d",
            "seresnext50_32x4d",
            "seresnext101_32x4d",
            "seresnext101_32x8d",
            "seresnext101_64x4d",
        ),
        *("senet154", *(f"res2net{name}" for name in RES2NETS), "res2next50"),
        *(f"resnet{depth}d" for depth in (18, 34, 50, 101, 152)),
        *("resnest14d", "resnest26d", "resnest50d", "resnest50d_1s4x24d", "resnest50d_4s2x40d"),
        *("hrnet_w18_small", "hrnet_w18_small_v2", *(f"hrnet_w{width}" for width in (18, 30, 32, 40, 44, 48, 64))),
        *(f"dla{name}" for name in DLAS),
        *(*VOVNETS, "ese_vovnet57b"),
        *(f"dpn{name}" for name in ("68", "68b", "92", "98", "107", "131")),
    ),
    240: ("fbnetv3_g",),
    256: (
        *("mobilenetv4_conv_large", "mobilenetv4_conv_aa_medium"),
        *("resnest101e", "cspresnet50", "cspresnet50d", "cspresnet50w", "cspresnext50", "cspdarknet53"),
    ),
    320: ("resnest200e",),
    384: ("mobilenetv4_conv_aa_large",),
    416: ("resnest269e",),
}
TIMM_AT_ODD_SIZES = (
    *("seresnet50", "senet154", "seresnet152d", "res2net50_26w_4s", "resnest50d", "resnest50d_4s2x40d"),
    *("dpn68b", "cspresnet50", "cspdarknet53", "vovnet39a", "ese_vovnet19b_dw"),
    *("mobilenetv4_conv_small", "mixnet_s", "lcnet_100", "tinynet_e", "hardcorenas_a", "fbnetc_100", "fbnetv3_b"),
    *("mobilenet_edgetpu_v2_xs", "rexnet_100"),
)


def timm_rows() -> Iterator[Row]:
    """Networks of timm, and MnasNet-A1 at other widths."""
    for model, name in TIMM.items():
        yield Row("timm", model, name, {}, {})
    for resolution, names in TIMM_SAME_NAME.items():
        for name in names:
            yield Row("timm", name, name, {}, {"resolution": resolution})
    for name in TIMM_AT_ODD_SIZES:
        for resolution in ODD:
            yield Row("timm", name, name, {"resolution": resolution}, {"resolution": resolution})
    for depth in (18, 34):  # timm's later ones round the squeeze of 64 channels to 8
        yield Row("timm", f"seresnet{depth}", f"legacy_seresnet{depth}", {}, {})
    for name, resolution in (("b0", 224), ("b1", 240), ("b2", 260), ("b3", 300), ("xl", 512)):
        yield Row("timm", f"efficientnet_v2_{name}", f"tf_efficientnetv2_{name}", {}, {"resolution": resolution})
    for width, percent in ((0.5, "050"), (0.75, "075"), (1.4, "140")):
        yield Row("timm", "mnasnet_a1", f"semnasnet_{percent}", {"width": width}, {})


def aligned_xception_rows() -> Iterator[Row]:
    """At a stride of 8, timm's xception71 loses a projection that the authors' network has."""
    for name, strides in (("xception41", (32, 16, 8)), ("xception65", (32, 16, 8)), ("xception71", (32, 16))):
        for stride in strides:
            yield Row("timm", name, name, {"output_stride": stride}, {"resolution": 299, "output_stride": stride})


ROWS = (*torchvision_rows(), *keras_rows(), *timm_rows(), *aligned_xception_rows())
