"""Networks whose output is a picture - segmenters and super-resolution - against running implementations.

Each product is compared as in ``test_running.py``, and the parameters of the whole network. Packages for these networks are
few: torchsr for super-resolution, pytorchcv and mmsegmentation for segmenters (``pip install --no-deps``; the latter with
mmcv-lite 2.1, mmengine and what these import). What none of them has is written a second time in ``plain_dense.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import pytest

import convcost

from .layers import Layer, first_difference, from_report
from .mmseg_networks import mmseg_network
from .require import require
from .running import Run, run

pytestmark = pytest.mark.oracle


@dataclass(frozen=True)
class Row:
    """A network of the zoo with its knobs, and how another library builds it.

    `without` are modules of theirs that are none of the zoo's: their products and parameters are left out.
    """

    model: str
    library: str
    build: Callable[[], Any]
    knobs: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "-".join([self.library, self.model, *(f"{knob}={value}" for knob, value in self.knobs.items())])


def torchsr(name: str, **options: Any) -> Callable[[], Any]:
    """A network of torchsr, which mixes devices where it is built; the mean colour is a 1×1 convolution with fixed weights."""
    return lambda: getattr(import_module("torchsr.models"), name)(**options)


def pytorchcv(module: str, name: str, **options: Any) -> Callable[[], Any]:
    return on_meta(lambda: getattr(import_module(f"pytorchcv.models.{module}"), name)(**options))


def plain(name: str, **options: Any) -> Callable[[], Any]:
    return on_meta(lambda: getattr(import_module("tests.oracle.plain_dense"), name)(**options))


def mmseg(config: str, *, auxiliary: bool = False) -> Callable[[], Any]:
    return on_meta(lambda: mmseg_network(config, auxiliary=auxiliary))


def on_meta(build: Callable[[], Any]) -> Callable[[], Any]:
    def built() -> Any:
        import torch

        with torch.device("meta"):
            return build()

    return built


SMALL = {"height": 96, "resolution": 120}
MEANS = ("sub_mean", "add_mean")
TIMES = (2, 3, 4)
PID_TRAINING = tuple(f"decode_head.{name}" for name in ("p_head", "d_head", "p_cls_seg", "d_cls_seg"))
DDR_TRAINING = ("decode_head.aux_head", "decode_head.aux_cls_seg")
"""What mmsegmentation stores of PIDNet and DDRNet, and runs in training only."""

SUPER_RESOLUTION = (
    *(Row(f"edsr_baseline_x{n}", "torchsr", torchsr("edsr_baseline", scale=n), SMALL, MEANS) for n in TIMES),
    *(Row(f"edsr_x{n}", "torchsr", torchsr("edsr", scale=n), SMALL, MEANS) for n in TIMES),
    *(Row(f"carn_x{n}", "torchsr", torchsr("carn", scale=n), SMALL, MEANS) for n in TIMES),
    *(Row(f"carn_m_x{n}", "torchsr", torchsr("carn_m", scale=n), SMALL, MEANS) for n in TIMES),
    Row("vdsr", "torchsr", torchsr("vdsr", scale=1), {**SMALL, "image_channels": 3}, MEANS),
    *(Row(f"srcnn_9_{k}_5", "torch", plain("SRCNN", middle=k), SMALL) for k in (1, 3, 5)),
    *(Row(f"fsrcnn_x{n}", "torch", plain("FSRCNN", d=56, s=12, m=4, times=n), SMALL) for n in TIMES),
    *(Row(f"fsrcnn_s_x{n}", "torch", plain("FSRCNN", d=32, s=5, m=1, times=n), SMALL) for n in TIMES),
    *(Row(f"imdn_x{n}", "torch", plain("IMDN", times=n), SMALL) for n in TIMES),
    *(Row(f"espcn_x{n}", "torch", plain("ESPCN", times=n), SMALL) for n in TIMES),
)

ROWS = (
    *SUPER_RESOLUTION,
    Row(
        "erfnet",
        "pytorchcv",
        pytorchcv("erfnet", "erfnet_cityscapes", num_classes=20, in_size=(360, 640), fixed_size=False),
        {"height": 360, "resolution": 640},
    ),
    Row("bisenet_resnet18_mmseg", "mmseg", mmseg("bisenetv1/bisenetv1_r18")),
    Row("bisenet_resnet18_mmseg", "mmseg", mmseg("bisenetv1/bisenetv1_r18", auxiliary=True), {"aux": True}),
    Row("bisenet_resnet18", "torch", plain("BiSeNet", backbone="resnet18", aux=0), SMALL),
    Row("bisenet_resnet18", "torch", plain("BiSeNet", backbone="resnet18", aux=256), {**SMALL, "aux": True}),
    Row("bisenet_xception39", "torch", plain("BiSeNet", backbone="xception39", aux=0), SMALL),
    Row("bisenet_xception39", "torch", plain("BiSeNet", backbone="xception39", aux=128), {**SMALL, "aux": True}),
    Row("bisenet_v2", "mmseg", mmseg("bisenetv2/")),
    Row("enet", "torch", plain("ENet"), {"height": 360, "resolution": 640}),
    Row("unet", "torch", plain("UNet", colours=3, paper=False)),
    Row("unet_2015", "torch", plain("UNet", colours=1, paper=True)),
    Row("fast_scnn", "pytorchcv", pytorchcv("fastscnn", "fastscnn_cityscapes", aux=False, in_size=(1024, 2048))),
    Row("fast_scnn_mmseg", "mmseg", mmseg("fastscnn/")),
    *(
        Row(
            f"ddrnet{size.replace('-', '_')}",
            "mmseg",
            mmseg(f"ddrnet/ddrnet_{size}_"),
            {"stem_bias": False},
            DDR_TRAINING,
        )
        for size in ("23-slim", "23")
    ),
    Row(
        "deeplabv3plus_resnet101_mmseg", "mmseg", mmseg("deeplabv3plus/deeplabv3plus_r101b-d8_4xb2-80k_cityscapes-512")
    ),
    Row("deeplabv3plus_mobilenet_v2_mmseg", "mmseg", mmseg("mobilenet_v2/mobilenet-v2-d8_deeplabv3plus_4xb2")),
    *(
        Row(f"deeplabv3plus_{name}", library, plain("DeepLabV3Plus", backbone=name), knobs)
        for name, library in (
            ("xception65", "timm"),
            ("resnet50", "torchvision"),
            ("resnet101", "torchvision"),
            ("mobilenet_v2", "torchvision"),
        )
        for knobs in ({}, {"height": 193, "resolution": 225})
    ),
    Row("deeplabv3_mobilenet_v2", "torchvision", plain("DeepLabV3Plus", backbone="mobilenet_v2", plus=False)),
    *(
        Row(f"pidnet_{size}", "mmseg", mmseg(f"pidnet/pidnet-{size}"), {"stem_bias": False}, PID_TRAINING)
        for size in ("s", "m", "l")
    ),
    Row("bisenet_v2_aux", "mmseg", mmseg("bisenetv2/", auxiliary=True)),
)


def layers(ran: Run, without: tuple[str, ...]) -> list[Layer]:
    """What ran, as layers that ``layers.py`` compares; weights that run again are stored once."""
    found: list[Layer] = []
    for product in ran.products:
        if not product.path.startswith(without):
            again = any(product.path == layer.name for layer in found)
            found.append(Layer("conv", product.shape, 0 if again else product.params, product.macs, name=product.path))
    return found


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_products_and_totals(row: Row) -> None:
    require(row.library)
    report = convcost.load(row.model, **row.knobs).report()
    net = row.build()
    height, width, channels = report.input_shape
    ran = run(net, (channels, height, width))
    without = row.without or ("(nothing)",)
    theirs = layers(ran, without)
    difference = first_difference(from_report(report), theirs, ordered=False)
    if difference:
        pytest.fail(f"{row} {difference}")
    left_out = [tensor for name, tensor in net.named_parameters() if name.startswith(without)]
    assert report.totals.macs == sum(layer.macs for layer in theirs)
    assert report.totals.params == ran.params - sum(tensor.numel() for tensor in left_out)
