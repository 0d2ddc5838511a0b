"""What the time of a kernel is made of: counts derived by hand, and the same over grids and symbols."""

import numpy as np
import pytest
from convcost import load
from convcost.devices.kernels import TERMS, kernels, rank, total, untyped


def of(network, layer, dtype=None, batch=1):
    """The terms of one layer's kernel."""
    names = [step.node.name for step in network.steps]
    return kernels(network.walked, dtype, batch)[names.index(layer)]


def test_winograd_counts_whole_tiles():
    # 56×56×64 to 64: 14·14 tiles of 6·6 products for each pair of channels. Reads and writes 56·56·64 elements each.
    assert of(load("resnet18"), "stage1.block1.conv1.conv2d") == {
        "winograd": 14 * 14 * 36 * 64 * 64,
        "activations": 2 * 56 * 56 * 64,
        "winograd_transform": 2 * 56 * 56 * 64,
        "weights": 4 * 9 * 64 * 64,
        "kernels": 1,
    }
    # 7×7×512: two tiles of four along each axis, of which one is partly empty.
    assert of(load("resnet18"), "stage4.block1.conv2.conv2d")["winograd"] == 2 * 2 * 36 * 512 * 512


def test_other_windows_are_unfolded():
    # 7×7 /2 on 224×224×3 to 64: 112·112 windows of 7·7·3 elements.
    assert of(load("resnet18"), "stem.conv2d") == {
        "direct": 112 * 112 * 147 * 64,
        "im2col": 112 * 112 * 147,
        "activations": 224 * 224 * 3 + 112 * 112 * 64,
        "weights": 4 * 147 * 64,
        "kernels": 1,
    }
