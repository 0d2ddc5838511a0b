"""The framework side on its own: were it wrong, agreement with it would mean nothing.  Needs no convcost."""

from __future__ import annotations

from itertools import combinations

import pytest

from .cases import CASES, Case
from .frameworks import plain_torch_network, trace_keras, trace_torch
from .layers import Layer, first_difference
from .require import require

pytestmark = pytest.mark.oracle

KNOWN_TOTALS = {
    "lenet5": (61_706, 416_520),
    "alexnet": (60_965_224, 724_406_816),
    "alexnet_ungrouped": (62_378_344, 1_135_256_096),
    "vgg11": (132_863_336, 7_609_090_048),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
    "googlenet": (6_998_552, 1_582_671_872),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet152": (60_192_808, 11_513_626_624),
    "resnet50_v1": (25_557_032, 3_857_973_248),
    "efficientnet_b0": (5_288_548, 385_814_752),
    "efficientnet_b1": (7_794_184, 686_802_832),
    "efficientnet_b4": (19_341_616, 4_393_771_024),
    "efficientnet_b7": (66_347_960, 37_745_884_192),
}
"""Trainable parameters and multiply-accumulates, known before this oracle was written."""

KNOWN_TOTALS_BY_WIDTH = {
    ("mobilenet_v1", 1.0): (4_231_976, 568_740_352),
    ("mobilenet_v1", 0.75): (2_585_560, 325_400_448),
    ("mobilenet_v1", 0.5): (1_331_592, 149_497_088),
    ("mobilenet_v1", 0.25): (470_072, 41_030_272),
    ("mobilenet_v2", 1.4): (6_108_776, 582_195_824),
    ("mobilenet_v2", 1.0): (3_504_872, 300_774_272),
    ("mobilenet_v2", 0.75): (2_636_424, 209_069_792),
    ("mobilenet_v2", 0.5): (1_968_680, 97_131_840),
    ("mobilenet_v2", 0.35): (1_677_128, 59_285_808),
}
"""The same at 224x224 pixels."""


def known_totals(case: Case) -> tuple[int, int] | None:
    """Return what is known about a case, if anything."""
    if case.knobs.get("resolution", 224) != 224:
        return None
    if "width" in case.knobs:
        return KNOWN_TOTALS_BY_WIDTH.get((case.model, case.knobs["width"]))
    return KNOWN_TOTALS.get(case.model)


def cases_in_two_frameworks() -> list[tuple[Case, Case]]:
    """Pairs of cases that describe the same network."""
    return [(a, b) for a, b in combinations(CASES, 2) if (a.model, a.knobs) == (b.model, b.knobs)]


@pytest.mark.parametrize("case", [case for case in CASES if known_totals(case)], ids=str)
def test_known_totals(case: Case) -> None:
    """The oracle's networks have the sizes they are known to have."""
    require(case.framework)
    network = case.build()
    assert (network.params, network.macs) == known_totals(case)


def test_googlenet_heads() -> None:
    """The auxiliary heads add parameters, and their layers are listed."""
    require("torch")
    plain, with_heads = plain_torch_network("GoogLeNet"), plain_torch_network("GoogLeNet", auxiliary=True)
    assert with_heads.params == 13_378_280
    assert len(with_heads.layers) == len(plain.layers) + 6


@pytest.mark.parametrize("pair", cases_in_two_frameworks(), ids=lambda pair: f"{pair[0]}-and-{pair[1].framework}")
def test_frameworks_agree(pair: tuple[Case, Case]) -> None:
    """Where torchvision and keras both have a network, their independent implementations agree."""
    for case in pair:
        require(case.framework)
    first, second = (case.build() for case in pair)
    assert first_difference(first.layers, second.layers, ordered=True) is None
    assert (first.params, first.macs) == (second.params, second.macs)


def test_torch_layers_by_hand() -> None:
    """Grouped, transposed and repeated layers, in numbers small enough to check by hand."""
    require("torch")
    from torch import nn

    shared = nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
    net = nn.Sequential(shared, shared, nn.ConvTranspose2d(4, 6, 2, stride=2), nn.Flatten(), nn.Linear(384, 5))
    network = trace_torch(net, (4, 4, 4))
    grouped = Layer("conv", (4, 4, 4), params=72, macs=16 * 72, weights=72, name="0")
    assert network.layers == (
        grouped,
        grouped,
        Layer("conv", (8, 8, 6), params=4 * 6 * 4 + 6, macs=16 * 4 * 6 * 4, weights=96, name="2"),
        Layer("linear", (5,), params=384 * 5 + 5, macs=384 * 5, weights=1920, name="4"),
    )
    assert network.params == 72 + 102 + 1925


def test_keras_layers_by_hand() -> None:
    """Grouped, transposed, depthwise and separable layers, in numbers small enough to check by hand."""
    require("keras")
    from keras import Sequential, layers

    model = Sequential(
        [
            layers.Input((4, 4, 4)),
            layers.Conv2D(4, 3, padding="same", groups=2, use_bias=False, name="grouped"),
            layers.Conv2DTranspose(6, 2, strides=2, name="transposed"),
            layers.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise"),
            layers.SeparableConv2D(8, 3, name="separable"),
            layers.Flatten(),
            layers.Dense(5, name="dense"),
        ]
    )
    network = trace_keras(model)
    assert network.layers == (
        Layer("conv", (4, 4, 4), params=72, macs=16 * 72, weights=72, name="grouped"),
        Layer("conv", (8, 8, 6), params=102, macs=16 * 4 * 6 * 4, weights=96, name="transposed"),
        Layer("conv", (4, 4, 6), params=60, macs=16 * 54, weights=54, name="depthwise"),
        Layer("conv", (2, 2, 6), params=54, macs=4 * 54, weights=54, name="separable/depthwise"),
        Layer("conv", (2, 2, 8), params=56, macs=4 * 48, weights=48, name="separable/pw"),
        Layer("linear", (5,), params=165, macs=160, weights=160, name="dense"),
    )
    assert network.params == sum(layer.params for layer in network.layers)


def test_uncounted_parameters_are_refused() -> None:
    """A layer the oracle does not know must not silently go missing from its list."""
    require("torch")
    from torch import nn

    with pytest.raises(TypeError, match="Conv1d"):
        trace_torch(nn.Sequential(nn.Conv1d(1, 1, 1)), (1, 1, 1))
