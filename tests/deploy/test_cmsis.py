"""The buffers of CMSIS-NN, by the formulas of its source, on layers of MLPerf Tiny's keyword network."""

from __future__ import annotations

from typing import Any

import pytest

from convcost.deploy.arena import arena
from convcost.deploy.program import Kernel, Program, Tensor
from convcost.deploy.runtime import Deployment


def layer(
    kind: str, x: tuple[int, ...], w: tuple[int, ...], y: tuple[int, ...], dtype: str = "int8", **attrs: Any
) -> Program:
    """One kernel; a transposed convolution has its input behind the weights."""
    given, weights, out = Tensor("x", x, dtype), Tensor("w", w, "int8", stored=True, scales=2), Tensor("y", y, dtype)
    shape = Tensor("shape", (4,), "int32", stored=True)
    inputs = (3, 1, 0) if kind == "TRANSPOSE_CONV" else (0, 1)
    options = {"stride_h": 1, "stride_w": 1, "dilation_h_factor": 1, "dilation_w_factor": 1} | attrs
    return Program((given, weights, out, shape), (Kernel(kind, kind, inputs, (2,), options),), (0,), (2,))


def sizes(program: Program, kernels: str) -> list[int]:
    """The scratch buffers, rounded up to 16."""
    found = arena(program, Deployment(pointers=32, kernels=kernels))
    return [each.size for each in found.buffers if each.kind == "scratch"]


@pytest.mark.parametrize(
    ("program", "dsp", "mve"),
    [
        # Two columns of 10·4·1 int16; four of 40 int8 in registers of 16: 48 each.
        (layer("CONV_2D", (1, 49, 10, 1), (64, 10, 4, 1), (1, 25, 5, 64), stride_h=2, stride_w=2), [160], [192]),
        # A window of 3·3·3 = 27 takes 28 in columns of int16, 32 in registers.
        (layer("CONV_2D", (1, 32, 32, 3), (16, 3, 3, 3), (1, 32, 32, 16)), [112], [128]),
        # 1×1: nothing, whatever the stride.
        (layer("CONV_2D", (1, 25, 5, 64), (64, 1, 1, 64), (1, 25, 5, 64)), [], []),
        (layer("CONV_2D", (1, 32, 32, 16), (32, 1, 1, 16), (1, 16, 16, 32), stride_h=2, stride_w=2), [], []),
        # A row of 20 with 8 channels, windows of 5, two zeros at each end: 5·8 + 2·8 beats 4·8 + 2·8.
        (layer("CONV_2D", (1, 1, 20, 8), (6, 1, 5, 8), (1, 1, 20, 6)), [160], [64]),
        # int16, 3·3·4 = 36: two columns of int16; from 512 elements on nothing.
        (layer("CONV_2D", (1, 8, 8, 4), (6, 3, 3, 4), (1, 8, 8, 6), "int16"), [144], []),
        (layer("CONV_2D", (1, 8, 8, 64), (6, 3, 3, 64), (1, 8, 8, 6), "int16"), [], []),
        # Depthwise 3×3 with one row of zeros: nothing; 5×5: a column of int16 for each channel; 4 · 124 channels with vectors.
        (layer("DEPTHWISE_CONV_2D", (1, 25, 5, 64), (1, 3, 3, 64), (1, 25, 5, 64)), [], [4 * 124 * 9]),
        (layer("DEPTHWISE_CONV_2D", (1, 25, 5, 64), (1, 5, 5, 64), (1, 25, 5, 64)), [2 * 25 * 64], [4 * 124 * 25]),
        # With two outputs for each input, and with dilation: nothing.
        (layer("DEPTHWISE_CONV_2D", (1, 25, 5, 8), (1, 5, 5, 16), (1, 25, 5, 16)), [], []),
        (layer("DEPTHWISE_CONV_2D", (1, 25, 5, 8), (1, 5, 5, 8), (1, 25, 5, 8), dilation_h_factor=2), [], []),
        # An int32 for each channel.
        (layer("AVERAGE_POOL_2D", (1, 25, 5, 64), (1,), (1, 1, 1, 64)), [256], []),
        (layer("FULLY_CONNECTED", (1, 64), (12, 64), (1, 12)), [], []),
        # Few channels: ((4 - 1)·2 + 3) · 5 channels, 3 rows of int32; many: a convolution with reversed weights, 9 · 17 = 153.
        (layer("TRANSPOSE_CONV", (1, 4, 4, 16), (5, 3, 3, 16), (1, 8, 8, 5), stride_h=2, stride_w=2), [544, 0], [544, 0]),
        (layer("TRANSPOSE_CONV", (1, 4, 4, 17), (5, 3, 3, 17), (1, 8, 8, 5), stride_h=2, stride_w=2), [624, 768], [640, 768]),
    ],
)  # fmt: skip
def test_buffers(program: Program, dsp: list[int], mve: list[int]):
    assert sizes(program, "cmsis_nn") == dsp
    assert sizes(program, "cmsis_nn_mve") == mve


def test_with_vectors_a_dense_layer_keeps_the_sums_of_its_weights():
    """An int32 for each of 12 units, 48 bytes; per-channel scales take 2 · 48 in both."""
    program = layer("FULLY_CONNECTED", (1, 64), (12, 64), (1, 12))
    parts = [
        {item.name: item.bytes for item in arena(program, Deployment(pointers=32, kernels=kernels)).items}
        for kernels in ("cmsis_nn", "cmsis_nn_mve")
    ]
    assert "kernel buffers" not in parts[0]
    assert parts[1]["kernel buffers"] == 48
    assert parts[0]["channel scales"] == parts[1]["channel scales"] == 96


def test_that_nobody_has_run_it_is_said():
    program = layer("AVERAGE_POOL_2D", (1, 25, 5, 64), (1,), (1, 1, 1, 64))
    assert "CMSIS-NN" in arena(program, Deployment(kernels="cmsis_nn")).notes[0]
