"""The engine that proves counts by execution computes what torch computes, on integers, to the last digit."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from convcost.alternatives import execution as engine
from convcost.alternatives.execution import conv2d, convolve, execute, pool
from convcost.alternatives.recipes import LayerToBuild, build

from .require import require

pytestmark = pytest.mark.oracle

Pair = tuple[int, int]
Array = np.ndarray[Any, np.dtype[Any]]

KERNELS: list[Pair] = [(1, 1), (3, 3), (2, 3), (5, 1)]
STRIDES: list[Pair] = [(1, 1), (2, 2), (1, 3)]
PADDINGS: list[Pair] = [(0, 0), (1, 1), (2, 0)]
DILATIONS: list[Pair] = [(1, 1), (2, 1)]
GROUPS = [1, 2, 6]


def drawn(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).integers(-99, 100, shape)


def by_torch(image: Array, weights: Array, **options: Any) -> Array:
    """torch's convolution of an (h, w, c) image with (kernel_h, kernel_w, c / groups, filters) weights."""
    import torch

    channels_first = torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float64))
    filters_first = torch.from_numpy(weights.transpose(3, 2, 0, 1).astype(np.float64))
    found = torch.nn.functional.conv2d(channels_first, filters_first, **options)
    # Doubles hold these sums exactly: 5·3·6 products below 10⁴ stay far below 2⁵³.
    return found[0].numpy().transpose(1, 2, 0).astype(np.int64)


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("dilation", DILATIONS, ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_convolutions_are_torchs(kernel: Pair, dilation: Pair, groups: int) -> None:
    require("torch")
    for seed, (stride, (rows, columns)) in enumerate(product(STRIDES, PADDINGS)):
        image, weights = drawn((11, 9, 6), seed), drawn((*kernel, 6 // groups, 12), seed + 100)
        padding = ((rows, rows), (columns, columns))
        ours = conv2d(image, weights, stride=stride, padding=padding, dilation=dilation, groups=groups)
        theirs = by_torch(image, weights, stride=stride, padding=(rows, columns), dilation=dilation, groups=groups)
        assert np.array_equal(ours, theirs), (stride, padding)


@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [((4,), (1,), (2,), (3,)), ((3,), (2,), (0,), (1,)), ((3, 2, 1), (1, 2, 3), (1, 0, 2), (1, 2, 1)), ((2, 3, 3), (2, 1, 1), (0, 1, 1), (1, 1, 1))],
    ids=str,
)  # fmt: skip
def test_convolutions_along_one_and_three_axes_are_torchs(
    kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...], dilation: tuple[int, ...], groups: int
) -> None:
    require("torch")
    import torch

    axes = len(kernel)
    image, weights = drawn((*(15, 7, 8)[:axes], 6), 0), drawn((*kernel, 6 // groups, 12), 1)
    zeros = [(n, n) for n in padding]
    ours = convolve(image, weights, stride=stride, padding=zeros, dilation=dilation, groups=groups)
    channels_first = torch.from_numpy(np.moveaxis(image, -1, 0)[None].astype(np.float64))
    filters_first = torch.from_numpy(np.moveaxis(weights, (-1, -2), (0, 1)).astype(np.float64))
    convolution = {1: torch.nn.functional.conv1d, 3: torch.nn.functional.conv3d}[axes]
    theirs = convolution(channels_first, filters_first, None, stride, padding, dilation, groups)
    assert np.array_equal(ours, np.moveaxis(theirs[0].numpy(), 0, -1))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (4, 2), (5, 3)], ids=str)
@pytest.mark.parametrize("dilation", DILATIONS, ids=str)
def test_same_padding_at_stride_1_is_torchs(kernel: Pair, dilation: Pair) -> None:
    require("torch")
    image, weights = drawn((8, 7, 3), 0), drawn((*kernel, 3, 4), 1)
    ours = conv2d(image, weights, padding=("same", "same"), dilation=dilation)
    assert np.array_equal(ours, by_torch(image, weights, padding="same", dilation=dilation))


@pytest.mark.parametrize("products", [1, 100])
def test_bands_of_rows_are_torchs_too(monkeypatch: pytest.MonkeyPatch, products: int) -> None:
    require("torch")
    monkeypatch.setattr(engine, "_PRODUCTS", products)
    image, weights = drawn((11, 9, 6), 0), drawn((3, 3, 3, 4), 1)
    ours = conv2d(image, weights, stride=(2, 1), groups=2)
    assert np.array_equal(ours, by_torch(image, weights, stride=(2, 1), groups=2))


@pytest.mark.parametrize("padding", [0, 1])
def test_pools_are_torchs(padding: int) -> None:
    require("torch")
    import torch

    image = drawn((9, 8, 3), 0) - 100  # all below 0, so that a padding zero that won would be seen
    channels_first = torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float64))
    for kernel, stride in product([(2, 2), (3, 2)], [(1, 1), (2, 3)]):
        sides = ((padding, padding), (padding, padding))
        theirs = torch.nn.functional.max_pool2d(channels_first, kernel, stride, padding)
        ours = pool(image, kernel, stride=stride, padding=sides)
        assert np.array_equal(ours, theirs[0].numpy().transpose(1, 2, 0)), (kernel, stride)


def test_the_separable_layer_of_the_course_is_two_convolutions_of_torch() -> None:
    require("torch")
    layer = LayerToBuild((6, 6, 3), 5, (3, 3))
    depthwise, pointwise = execute(layer, build(layer, "separable"), seed=7)
    random = np.random.default_rng(7)  # the engine draws the image, then the weights of each step
    image, first, second = (random.integers(-9, 10, shape) for shape in ((6, 6, 3), (3, 3, 1, 3), (1, 1, 3, 5)))
    assert np.array_equal(depthwise.output, by_torch(image, first, groups=3))
    assert np.array_equal(pointwise.output, by_torch(depthwise.output, second))


# --- the comparison can fail ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mistake", ["flipped", "transposed", "unpadded"])
def test_a_wrong_engine_is_caught(mistake: str) -> None:
    require("torch")
    image, weights = drawn((7, 7, 2), 0), drawn((3, 3, 2, 2), 1)
    right = by_torch(image, weights, padding=1)
    assert np.array_equal(conv2d(image, weights, padding=((1, 1), (1, 1))), right)
    spoilt = {"flipped": weights[::-1, ::-1], "transposed": weights.transpose(1, 0, 2, 3), "unpadded": weights}[mistake]
    sides = ((0, 2), (0, 2)) if mistake == "unpadded" else ((1, 1), (1, 1))
    assert not np.array_equal(conv2d(image, spoilt, padding=sides), right)
