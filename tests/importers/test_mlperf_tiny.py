"""The reference models of MLPerf Tiny, where they are at hand beside the project: layer by layer as their papers have them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from helpers.paths import ROOT

import convcost

MODELS = ROOT.parent / "shared" / "models" / "mlperf_tiny"
pytestmark = pytest.mark.skipif(not MODELS.is_dir(), reason="the models of MLPerf Tiny are not beside the project")

Layer = tuple[int, int]
"""MACs and parameters."""


def conv(out: int, kernel: int, channels: int, before: int, *, bias: bool = True) -> Layer:
    """A convolution: positions of the output, taps of the filter, channels behind and before it."""
    return out * kernel * channels * before, kernel * channels * before + bias * channels


def depthwise(out: int, channels: int) -> Layer:
    return out * 9 * channels, 9 * channels + channels


def separable(out: int, channels: int, before: int) -> list[Layer]:
    """A depthwise convolution, and one of 1×1."""
    return [depthwise(out, before), conv(out, 1, channels, before)]


RESNET_8 = [
    conv(32 * 32, 9, 16, 3),
    *[conv(32 * 32, 9, 16, 16)] * 2,
    conv(16 * 16, 9, 32, 16), conv(16 * 16, 9, 32, 32), conv(16 * 16, 1, 32, 16),
    conv(8 * 8, 9, 64, 32), conv(8 * 8, 9, 64, 64), conv(8 * 8, 1, 64, 32),
    conv(1, 1, 10, 64),
]  # fmt: skip
DS_CNN = [conv(25 * 5, 10 * 4, 64, 1), *separable(25 * 5, 64, 64) * 4, conv(1, 1, 12, 64)]
MOBILENET_V1 = [
    conv(48 * 48, 9, 8, 3),
    *separable(48 * 48, 16, 8),
    *separable(24 * 24, 32, 16), *separable(24 * 24, 32, 32),
    *separable(12 * 12, 64, 32), *separable(12 * 12, 64, 64),
    *separable(6 * 6, 128, 64), *separable(6 * 6, 128, 128) * 5,
    *separable(3 * 3, 256, 128), *separable(3 * 3, 256, 256),
    conv(1, 1, 2, 256),
]  # fmt: skip
WIDTHS = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640]
AUTOENCODER = [conv(1, 1, after, before) for before, after in pairwise(WIDTHS)]

CASES = {
    "pretrainedResnet_quant": (RESNET_8, 12_501_632),
    "kws_ref_model": (DS_CNN, 2_656_768),
    "kws_ref_model_float32": (DS_CNN, 2_656_768),
    "vww_96_int8": (MOBILENET_V1, 7_489_664),
    "ad01_int8": (AUTOENCODER, 264_192),
}


@pytest.mark.parametrize("name", CASES)
def test_each_layer(name: str):
    layers, total = CASES[name]
    net = convcost.load(str(MODELS / f"{name}.tflite"))
    found = [(step.cost.macs, step.cost.params) for step in net.walked.steps if step.cost.macs]
    assert found == layers
    assert sum(macs for macs, _ in found) == total
    assert net.report().complete


def test_weights_take_a_byte_and_biases_four():
    """22,016 weights and 588 biases; the inputs and outputs of the second layer are 25·5·64 bytes each."""
    totals = convcost.load(str(MODELS / "kws_ref_model.tflite")).report().totals
    assert totals.params == 22_016 + 588
    assert totals.weight_bytes == 22_016 + 4 * 588
    assert totals.peak_activation_bytes == 2 * 25 * 5 * 64
