"""Networks that put out pictures - segmenters and super-resolution - by hand; layer by layer they stand in tests/oracle."""

from __future__ import annotations

import pytest
from helpers.sweeps import assert_a_sweep_is_the_network_at_each_point
from helpers.zoo import loaded

import convcost

PIXELS = 1280 * 720


def test_erfnet_for_twenty_classes() -> None:
    """The last layer is a transposed 2×2 convolution, 64 weights and a bias a class, at a quarter of the pixels."""
    at = {"height": 360, "resolution": 640}
    twenty = convcost.load("erfnet", **at).report().totals
    assert (twenty.params, twenty.macs) == (2_064_256, 11_695_046_400)
    nineteen = convcost.load("erfnet", classes=19, **at).report().totals
    assert twenty.params - nineteen.params == 4 * 16 + 1
    assert twenty.macs - nineteen.macs == 180 * 320 * 4 * 16


@pytest.mark.parametrize("middle", [1, 3, 5])
def test_srcnn(middle: int) -> None:
    """9·9 from 1 to 64 channels, the middle kernel from 64 to 32, 5·5 from 32 to 1; and 64 + 32 + 1 biases."""
    totals = loaded(f"srcnn_9_{middle}_5").report().totals
    weights = 81 * 64 + middle**2 * 64 * 32 + 25 * 32
    assert weights == {1: 8_032, 3: 24_416, 5: 57_184}[middle]
    assert (totals.params, totals.macs) == (weights + 97, PIXELS * weights)


@pytest.mark.parametrize(("model", "d", "s", "m"), [("fsrcnn", 56, 12, 4), ("fsrcnn_s", 32, 5, 1)])
@pytest.mark.parametrize("times", [2, 4])
def test_fsrcnn(model: str, d: int, s: int, m: int, times: int) -> None:
    """All weights meet each pixel of the small picture once, those of the transposed convolution, too."""
    totals = loaded(f"{model}_x{times}").report().totals
    weights = 25 * d + 2 * d * s + m * 9 * s * s + 81 * d
    biases, slopes = d + s + m * s + d + 1, d + s + m * s + d
    assert totals.macs == PIXELS // times**2 * weights
    assert totals.params == weights + biases + slopes


def test_espcn() -> None:
    """Three times larger: nine channels for the nine pixels that each position becomes."""
    report = loaded("espcn_x3").report()
    weights = 25 * 64 + 9 * 64 * 32 + 9 * 32 * 9
    assert report.totals.params == weights + 64 + 32 + 9
    assert report.totals.macs == 240 * 426 * weights
    assert report.layers[-1].output_shape == (720, 1278, 1)


def test_vdsr() -> None:
    """18 convolutions among 64 channels, one from 1 and one to 1."""
    totals = loaded("vdsr").report().totals
    weights = 18 * 9 * 64 * 64 + 2 * 9 * 64
    assert (totals.params, totals.macs) == (weights + 19 * 64 + 1, PIXELS * weights)


@pytest.mark.parametrize(("model", "f", "b"), [("edsr_baseline", 64, 16), ("edsr", 256, 32)])
@pytest.mark.parametrize("times", [2, 4])
def test_edsr(model: str, f: int, b: int, times: int) -> None:
    """2·b + 1 convolutions at the small size; one from f to 4·f channels at it, and for four times one at twice the size."""
    totals = loaded(f"{model}_x{times}").report().totals
    ends, inner, up, small = 9 * 3 * f, 9 * f * f, 9 * f * 4 * f, PIXELS // times**2
    steps = times // 2
    assert totals.params == 2 * ends + f + 3 + (2 * b + 1) * (inner + f) + steps * (up + 4 * f)
    assert totals.macs == small * (ends + (2 * b + 1) * inner + (1 + 4 * (steps - 1)) * up) + PIXELS * ends


def test_carn_stores_what_enlarges_for_each_scale() -> None:
    """From 64 to 256 channels once (for 2) and twice (for 4), to 576 for 3; which of them runs decides nothing of what is stored."""
    one, two, three, four = (convcost.load("carn_x2", stored="one"), *(loaded(f"carn_x{n}") for n in (2, 3, 4)))
    up2, up3 = 9 * 64 * 256 + 256, 9 * 64 * 576 + 576
    assert two.report().totals.params - one.report().totals.params == up3 + 2 * up2
    assert two.report().totals.macs == one.report().totals.macs
    assert {net.report().totals.params for net in (two, three, four)} == {1_591_939}


def test_carn_m_applies_one_unit_three_times() -> None:
    """Two 3×3 convolutions of four groups and a 1×1 among 64 channels, in each of three blocks: stored once, run thrice."""
    shared, apart = (convcost.load("carn_m_x2", recursive=recursive).report().totals for recursive in (True, False))
    unit = 2 * (9 * 64 * 16 + 64) + 64 * 64 + 64
    assert apart.params - shared.params == 3 * 2 * unit
    assert apart.macs == shared.macs


def test_what_is_left_out_of_deeplab_on_mobilenet_v2() -> None:
    """Without atrous convolutions 3·256 fewer channels are mixed; without the decoder its three layers are gone."""
    plus, light = (loaded(f"deeplabv3{plus}_mobilenet_v2").report().totals for plus in ("plus", ""))
    atrous = 3 * (9 * 320 + 2 * 320 + 320 * 256 + 2 * 256)
    mixed = 3 * 256 * 256
    decoder = 24 * 48 + 2 * 48 + sum(9 * c + 2 * c + 256 * c + 2 * 256 for c in (304, 256))
    assert plus.params - light.params == atrous + mixed + decoder


def test_mobilenet_v2_strides_or_dilates() -> None:
    """At half or a quarter of its stride the last maps are four or 16 times as many positions; the weights are the same."""
    nets = {stride: convcost.load("mobilenet_v2_dilated", output_stride=stride).report() for stride in (32, 16, 8)}
    said = [
        [(layer.name, layer.op, layer.output_shape, layer.params, layer.macs) for layer in net.layers]
        for net in (nets[32], convcost.load("mobilenet_v2").report())
    ]
    assert said[0] == said[1]  # two files that must not part
    assert len({net.totals.params for net in nets.values()}) == 1
    for stride, net in nets.items():
        (last,) = [layer for layer in net.layers if layer.name == "head.conv2d"]
        assert last.output_shape == (224 // stride, 224 // stride, 1280)


SWEPT = {
    "erfnet": {"width": ["0.5", "1"], "resolution": [320, 640], "classes": [2, 20]},
    "bisenet_xception39": {"width": ["0.5", "1"], "resolution": [512, 1024]},
    "bisenet_v2_aux": {"width": ["0.5", "1"], "resolution": [512, 1024]},
    "pidnet_s": {"width": ["0.5", "1"], "resolution": [512, 1024]},
    "pidnet_l": {"width": ["0.5", "1"], "height": [512, 1024]},
    "ddrnet23_slim": {"width": ["0.5", "1"], "resolution": [512, 1024]},
    "fast_scnn": {"width": ["0.5", "1"], "resolution": [512, 1024]},
    "deeplabv3plus_xception65": {"resolution": [257, 513], "classes": [2, 21]},
    "deeplabv3plus_mobilenet_v2": {"width": ["0.5", "1"], "resolution": [257, 513]},
    "srcnn": {"width": ["0.5", "1"], "resolution": [320, 1280]},
    "fsrcnn_x3": {"width": ["0.5", "1"], "resolution": [321, 1280]},
    "espcn_x3": {"width": ["0.5", "1"], "resolution": [321, 1280]},
    "vdsr": {"width": ["0.5", "1"], "resolution": [320, 1280]},
    "edsr_x4": {"width": ["0.5", "1"], "resolution": [320, 1280]},
    "carn_m_x3": {"width": ["0.5", "1"], "resolution": [321, 1280]},
    "imdn_x2": {"width": ["0.5", "1"], "resolution": [320, 1280]},
}


@pytest.mark.parametrize("model", SWEPT)
def test_a_sweep_is_the_network_at_each_point(model: str) -> None:
    assert_a_sweep_is_the_network_at_each_point(model, SWEPT[model])
