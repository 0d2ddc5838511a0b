"""What each layer of ncnn becomes: nodes, shapes, products and parameters, all worked out by hand."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import pytest
import sympy
from helpers.foreign import kinds, lowered, network, outs, steps, walked
from helpers.ncnn_layers import KINDS, drawn, given, param

from convcost.core.errors import ConvcostError
from convcost.graph.walk import Walk
from convcost.importers.imported import Imported
from convcost.importers.ncnn.file import parse
from convcost.importers.ncnn.ops import RULES


def net(*lines: str) -> Imported:
    """The model of these layers."""
    return Imported(parse(BytesIO(param(*lines).encode()), "net.param"))


def one(layer: str, *shapes: Sequence[int], makes: int = 1) -> Imported:
    """The model of one layer, over inputs x0, x1, … of these shapes, channels first."""
    inputs = [f"x{i}" for i in range(len(shapes))]
    outputs = [f"y{i}" for i in range(makes)]
    kind, _, rest = layer.partition(" ")
    lines = [given(tuple(shape), name) for name, shape in zip(inputs, shapes)]
    return net(*lines, " ".join((kind, "one", str(len(inputs)), str(makes), *inputs, *outputs, rest)))


MAP = (3, 8, 6)
"""Channels, height, width."""
TOKENS = (10, 8)

#: What a layer is given, shapes that it reads -> its nodes: op, shape that it puts out, MACs, parameters.
CASES: dict[str, tuple[str, list[Sequence[int]], list[tuple[Any, ...]]]] = {
    "conv": ("Convolution 0=4 1=3 6=108", [MAP], [("conv2d", (6, 4, 4), 24 * 108, 108)]),
    "conv with biases, /2, padded": (
        "Convolution 0=4 1=3 3=2 4=1 5=1 6=108", [MAP], [("conv2d", (4, 3, 4), 12 * 108, 112)],
    ),
    "conv with other numbers along the height": (
        "Convolution 0=4 1=3 11=5 3=1 13=2 4=1 14=0 15=0 16=2 6=180", [MAP],
        # width 6 + 1 - 3 + 1; height (8 + 2 - 5) // 2 + 1
        [("conv2d", (3, 5, 4), 15 * 180, 180)],
    ),
    "conv that is dilated": ("Convolution 0=4 1=2 2=3 12=2 6=48", [MAP], [("conv2d", (6, 3, 4), 18 * 48, 48)]),
    "conv padded as it comes out": ("Convolution 0=4 1=3 3=2 4=-233 6=108", [MAP], [("conv2d", (4, 3, 4), 12 * 108, 108)]),
    "conv padded before": ("Convolution 0=4 1=3 3=2 4=-234 6=108", [MAP], [("conv2d", (4, 3, 4), 12 * 108, 108)]),
    "conv with a merged ReLU6": (
        "Convolution 0=4 1=1 6=12 9=3 -23310=2,0.0,6.0", [MAP],
        [("conv2d", (8, 6, 4), 48 * 12, 12), ("relu6", (8, 6, 4), 0, 0)],
    ),
    "conv with other merged bounds": (
        "Convolution 0=4 1=1 6=12 9=3 -23310=2,-1.0,1.0", [MAP],
        [("conv2d", (8, 6, 4), 48 * 12, 12), ("function", (8, 6, 4), 0, 0)],
    ),
    "conv of a vector": ("Convolution 0=4 1=1 5=1 6=20", [(5,)], [("linear", (4,), 20, 24)]),
    "depthwise": ("ConvolutionDepthWise 0=3 1=3 4=1 5=1 6=27 7=3", [MAP], [("conv2d", (8, 6, 3), 48 * 27, 30)]),
    "conv in groups": ("ConvolutionDepthWise 0=6 1=1 6=9 7=2", [(3 * 2 // 2, 8, 6)], []),
    "conv in two groups": ("ConvolutionDepthWise 0=6 1=3 6=108 7=2", [(4, 8, 6)], [("conv2d", (6, 4, 6), 24 * 108, 108)]),
    "conv of a line": ("Convolution1D 0=4 1=3 4=1 5=1 6=24", [(2, 10)], [("conv1d", (10, 4), 240, 28)]),
    "depthwise of a line": ("ConvolutionDepthWise1D 0=2 1=3 6=6 7=2", [(2, 10)], [("conv1d", (8, 2), 8 * 6, 6)]),
    "conv of a volume": (
        "Convolution3D 0=4 1=3 11=2 21=1 6=72", [(3, 4, 8, 6)], [("conv3d", (4, 7, 4, 4), 4 * 7 * 4 * 72, 72)],
    ),
    "transposed conv": ("Deconvolution 0=4 1=4 3=2 4=1 5=1 6=192", [MAP], [("conv_transpose2d", (16, 12, 4), 48 * 192, 196)]),
    "transposed conv to a size": (
        "Deconvolution 0=4 1=3 3=2 4=-233 20=12 21=16 6=108", [MAP], [("conv_transpose2d", (16, 12, 4), 48 * 108, 108)],
    ),
    "transposed conv with more behind": (
        "Deconvolution 0=4 1=3 3=2 4=1 18=1 6=108", [MAP], [("conv_transpose2d", (16, 12, 4), 48 * 108, 108)],
    ),
    # (8 - 1) · 2 + 4 + 1 and (6 - 1) · 2 + 4 + 1: nothing is cropped without a size
    "transposed conv with more behind, as it comes out": (
        "Deconvolution 0=4 1=4 3=2 4=-233 18=1 6=192", [MAP], [("conv_transpose2d", (19, 15, 4), 48 * 192, 192)],
    ),
    "transposed conv with more behind, to a size": (
        "Deconvolution 0=4 1=3 3=2 4=-233 18=1 19=1 20=12 21=18 6=108", [MAP],
        [("conv_transpose2d", (18, 12, 4), 48 * 108, 108)],
    ),
    "transposed depthwise": ("DeconvolutionDepthWise 0=3 1=2 3=2 6=12 7=3", [MAP], [("conv_transpose2d", (16, 12, 3), 48 * 12, 12)]),
    "transposed conv of a line": ("Deconvolution1D 0=4 1=2 3=2 6=16", [(2, 10)], [("conv_transpose1d", (20, 4), 160, 16)]),
    "deformable conv": (
        "DeformableConv2D 0=4 1=3 4=1 5=1 6=108", [MAP, (18, 8, 6)], [("deform_conv2d", (8, 6, 4), 48 * 108, 112)],
    ),
    "largest of windows": ("Pooling 0=0 1=2 2=2", [MAP], [("max_pool2d", (4, 3, 3), 0, 0)]),
    # (8 - 3) / 2 and (6 - 3) / 2, rounded up, and one more
    "mean of windows, the last one filled": ("Pooling 0=1 1=3 2=2", [MAP], [("avg_pool2d", (4, 3, 3), 0, 0)]),
    "mean of whole windows": ("Pooling 0=1 1=3 2=2 5=1", [MAP], [("avg_pool2d", (3, 2, 3), 0, 0)]),
    "pool padded as it comes out": ("Pooling 0=0 1=3 2=2 5=2", [MAP], [("max_pool2d", (4, 3, 3), 0, 0)]),
    "pool with windows behind the end": (
        # a pool of single elements at 0, 2, 4, and one more in the padding that fills the last step
        "Pooling 0=0 1=1 2=2", [(3, 6, 6)], [("pad", (7, 7, 3), 0, 0), ("max_pool2d", (4, 4, 3), 0, 0)],
    ),
    "pool of all of a map": ("Pooling 0=1 4=1", [MAP], [("global_avg_pool", (1, 1, 3), 0, 0)]),
    "pool to a size": ("Pooling 0=0 7=1 8=3 18=4", [MAP], [("adaptive_max_pool2d", (4, 3, 3), 0, 0)]),
    "pool to a height": ("Pooling 0=1 7=1 8=-233 18=2", [MAP], [("adaptive_avg_pool2d", (2, 6, 3), 0, 0)]),
    "pool of a line": ("Pooling1D 0=0 1=2 2=2", [(2, 10)], [("max_pool1d", (5, 2), 0, 0)]),
    "pool of a volume": ("Pooling3D 0=1 1=2 2=2 21=1 22=1", [(3, 4, 8, 6)], [("avg_pool3d", (4, 4, 3, 3), 0, 0)]),
    "nearest by a scale": ("Interp 0=1 1=2.0 2=3.0", [MAP], [("upsample2d", (16, 18, 3), 0, 0)]),
    "bilinear by half": ("Interp 0=2 1=0.5 2=0.5", [MAP], [("resize2d", (4, 3, 3), 0, 0)]),
    "bicubic to a size": ("Interp 0=3 3=5 4=7", [MAP], [("resize2d", (5, 7, 3), 0, 0)]),
    "a vector as a map": ("Interp 0=2 3=5 4=7", [(3,)], [("reshape", (1, 1, 3), 0, 0), ("resize2d", (5, 7, 3), 0, 0)]),
    "rows of which one size of two is given": ("Interp 0=1 4=20", [(10, 12)], [("upsample1d", (12, 10), 0, 0)]),
    "rows to a size": ("Interp 0=1 3=1 4=20", [(10, 12)], [("resize1d", (20, 10), 0, 0)]),
    "rows by a scale": ("Interp 0=1 2=2.0", [(2, 10)], [("upsample1d", (20, 2), 0, 0)]),
    "shuffle": ("ShuffleChannel 0=2", [(6, 8, 6)], [("channel_shuffle", (8, 6, 6), 0, 0)]),
    "depth to space": ("PixelShuffle 0=2", [(8, 4, 3)], [("depth_to_space", (8, 6, 2), 0, 0)]),
    "space to depth": ("Reorg 0=2", [MAP], [("space_to_depth", (4, 3, 12), 0, 0)]),
    "columns": ("Unfold 1=3", [MAP], [("unfold", (24, 27), 0, 0)]),
    "samples": ("GridSample 0=1", [MAP, (5, 4, 2)], [("reshape", (5, 4, 2), 0, 0), ("grid_sample", (5, 4, 3), 0, 0)]),
    # -- products
    "inner product": ("InnerProduct 0=4 1=1 2=32", [(8,)], [("linear", (4,), 32, 36)]),
    "inner product of all elements": (
        "InnerProduct 0=4 2=576", [MAP], [("flatten", (144,), 0, 0), ("linear", (4,), 576, 576)],
    ),
    "inner product of rows": ("InnerProduct 0=4 1=1 2=32 9=1", [TOKENS], [("linear", (10, 4), 320, 36), ("relu", (10, 4), 0, 0)]),
    "product with a stored matrix": ("Gemm 3=1 5=1 6=1 8=4 9=8 10=4", [TOKENS], [("linear", (10, 4), 320, 36)]),
    "product with a stored matrix of one column": ("Gemm 3=1 5=1 6=1 8=1 9=8 10=4", [TOKENS], [("linear", (10, 1), 80, 9)]),
    "product of the rows of a map": (
        "Gemm 3=1 5=1 8=4 9=8", [(10, 1, 8)], [("reshape", (10, 8), 0, 0), ("linear", (10, 4), 320, 32)],
    ),
    "product of the columns of a map": (
        "Gemm 2=1 3=1 5=1 8=4 9=8", [(8, 1, 10)],
        [("transpose", (1, 10, 8), 0, 0), ("reshape", (10, 8), 0, 0), ("linear", (10, 4), 320, 32)],
    ),
    "product of a vector": ("Gemm 3=1 5=1 8=4 9=8", [(8,)], [("linear", (4,), 32, 32)]),
    # 8 x 4 weights, and 10 numbers that are added to the 10 rows
    "product and a stored number for each row": (
        "Gemm 3=1 5=1 6=1 7=10 8=4 9=8 10=1", [TOKENS],
        [("linear", (10, 4), 320, 32), ("source", (10, 1), 0, 10), ("add", (10, 4), 0, 0)],
    ),
    "product and a number for each row": (
        "Gemm 3=1 5=1 8=4 9=8", [TOKENS, (10,)],
        [("linear", (10, 4), 320, 32), ("reshape", (10, 1), 0, 0), ("add", (10, 4), 0, 0)],
    ),
    "product and a number for each column": (
        "Gemm 3=1 5=1 8=4 9=8", [TOKENS, (4,)], [("linear", (10, 4), 320, 32), ("add", (10, 4), 0, 0)],
    ),
    "product as a map of its rows": ("Gemm 3=1 5=1 8=4 9=8 11=1", [TOKENS], [("linear", (10, 4), 320, 32)]),
    "product of two": ("Gemm 3=1", [TOKENS, (4, 8)], [("matmul", (10, 4), 320, 0)]),
    "product of matrices": ("MatMul", [(2, 10, 8), (2, 8, 4)], [("matmul", (2, 10, 4), 640, 0)]),
    "row of a table": ("Embed 0=5 1=7 3=35", [(10,)], [("embedding", (10, 5), 0, 35)]),
    # -- sequences: gates of (inner + outer) products each, one bias
    "LSTM": ("LSTM 0=5 1=160", [TOKENS], [("lstm", (10, 5), 10 * 4 * 5 * 13, 4 * 5 * 14)]),
    "LSTM both ways": ("LSTM 0=5 1=320 2=2", [TOKENS], [("lstm", (10, 10), 2 * 10 * 4 * 5 * 13, 2 * 4 * 5 * 14)]),
    "LSTM with a projection": (  # 6 cells, projected to 3
        "LSTM 0=3 1=192 3=6", [TOKENS], [("lstm", (10, 3), 10 * (4 * 6 * (8 + 3) + 6 * 3), 4 * 6 * 12 + 18)],
    ),
    "RNN": ("RNN 0=5 1=40", [TOKENS], [("rnn", (10, 5), 10 * 5 * 13, 5 * 14)]),
    # -- norms
    "batch norm": ("BatchNorm 0=3", [MAP], [("batch_norm", (8, 6, 3), 0, 6)]),
    "layer norm": ("LayerNorm 0=8", [TOKENS], [("layer_norm", (10, 8), 0, 16)]),
    "layer norm over two axes": ("LayerNorm 0=48", [MAP], [("layer_norm", (3, 8, 6), 0, 96)]),
    "RMS norm": ("RMSNorm 0=8", [TOKENS], [("rms_norm", (10, 8), 0, 8)]),
    "instance norm": ("InstanceNorm 0=3", [MAP], [("group_norm", (8, 6, 3), 0, 6)]),
    "group norm without parameters": ("GroupNorm 0=2 1=4 3=0", [(4, 8, 6)], [("group_norm", (8, 6, 4), 0, 0)]),
    "LRN": ("LRN 1=5", [MAP], [("local_response_norm", (8, 6, 3), 0, 0)]),
    "L2 norm with factors": (
        "Normalize 3=3", [MAP], [("l2_normalize", (8, 6, 3), 0, 0), ("scale", (8, 6, 3), 0, 3)],
    ),
    "L2 norm with one factor": (
        "Normalize 3=1 4=1", [MAP], [("l2_normalize", (8, 6, 3), 0, 0), ("function", (8, 6, 3), 0, 0)],
    ),
    "softmax": ("Softmax 0=0 1=1", [MAP], [("softmax", (8, 6, 3), 0, 0)]),
    "sums so far": ("CumulativeSum 0=1", [TOKENS], [("cumulative", (10, 8), 0, 0)]),
    # -- element-wise
    "ReLU": ("ReLU", [MAP], [("relu", (8, 6, 3), 0, 0)]),
    "leaky ReLU": ("ReLU 0=0.1", [MAP], [("leaky_relu", (8, 6, 3), 0, 0)]),
    "ReLU6": ("Clip 0=0.0 1=6.0", [MAP], [("relu6", (8, 6, 3), 0, 0)]),
    "clip": ("Clip 1=1.0", [MAP], [("function", (8, 6, 3), 0, 0)]),
    "PReLU": ("PReLU 0=3", [MAP], [("prelu", (8, 6, 3), 0, 3)]),
    "PReLU with one slope": ("PReLU 0=1", [MAP], [("leaky_relu", (8, 6, 3), 0, 0)]),
    "tanh": ("UnaryOp 0=16", [MAP], [("tanh", (8, 6, 3), 0, 0)]),
    "square root": ("UnaryOp 0=5", [MAP], [("function", (8, 6, 3), 0, 0)]),
    "power of a multiple": ("Power 0=2.0 1=3.0", [MAP], [("function", (8, 6, 3), 0, 0)] * 2),
    "dropout": ("Dropout", [MAP], []),
    "a cast": ("Cast 0=1 1=2", [MAP], [("function", (8, 6, 3), 0, 0)]),
    "sum": ("BinaryOp 0=0", [MAP, MAP], [("add", (8, 6, 3), 0, 0)]),
    "difference": ("BinaryOp 0=1", [MAP, MAP], [("combine", (8, 6, 3), 0, 0)]),
    "gates": ("BinaryOp 0=2", [MAP, (3,)], [("multiply", (8, 6, 3), 0, 0)]),
    "times a number": ("BinaryOp 0=2 1=1 2=3.0", [MAP], [("function", (8, 6, 3), 0, 0)]),
    "sum of three": ("Eltwise 0=1", [MAP, MAP, MAP], [("add", (8, 6, 3), 0, 0)]),
    "sum of a multiple": ("Eltwise 0=1 -23301=2,1.0,-0.5", [MAP, MAP], [("function", (8, 6, 3), 0, 0), ("add", (8, 6, 3), 0, 0)]),
    "largest": ("Eltwise 0=2", [MAP, MAP], [("combine", (8, 6, 3), 0, 0)]),
    "scale": ("Scale 0=3 1=1", [MAP], [("scale", (8, 6, 3), 0, 6)]),
    "scale by a tensor": ("Scale 0=-233", [MAP, (3,)], [("multiply", (8, 6, 3), 0, 0)]),
    "bias": ("Bias 0=3", [MAP], [("source", (1, 1, 3), 0, 3), ("add", (8, 6, 3), 0, 0)]),
    "gated half": (
        "GLU 0=0", [(6, 8, 6)],
        [("split", (8, 6, 3), 0, 0), ("sigmoid", (8, 6, 3), 0, 0), ("multiply", (8, 6, 3), 0, 0)],
    ),
    # -- shapes
    "concat": ("Concat 0=0", [MAP, MAP], [("concat", (8, 6, 6), 0, 0)]),
    "concat along the width": ("Concat 0=-1", [MAP, MAP], [("concat", (8, 12, 3), 0, 0)]),
    "flatten": ("Flatten", [MAP], [("flatten", (144,), 0, 0)]),
    "tile": ("Tile 0=1 1=2", [MAP], [("tile", (16, 6, 3), 0, 0)]),
    "crop": ("Crop -23309=1,1 -23310=1,-1 -23311=1,2", [MAP], [("slice", (8, 4, 3), 0, 0)]),
    # without offsets of height and channels the others are theirs: 3 of 8 rows, 1 of 3 channels from the second on
    "crop of the channels": ("Crop 0=1 1=-233 2=-233 3=1", [MAP], [("slice", (8, 6, 1), 0, 0)]),
    "crop of the channels and rows": (
        "Crop 0=2 1=1 2=-233 3=3 4=1", [MAP], [("slice", (8, 6, 1), 0, 0), ("slice", (3, 6, 1), 0, 0)],
    ),
    "crop to a size": ("Crop 0=1 1=2 3=3 4=4 5=-233", [MAP], [("slice", (4, 6, 3), 0, 0), ("slice", (4, 3, 3), 0, 0)]),
    "pad": ("Padding 0=1 1=2 2=3 3=4", [MAP], [("pad", (11, 13, 3), 0, 0)]),
    "pad the channels": ("Padding 7=1 8=4", [MAP], [("pad", (8, 6, 8), 0, 0)]),
    "mean": ("Reduction 0=3 1=0 -23303=2,1,2 4=1 5=1", [MAP], [("global_avg_pool", (1, 1, 3), 0, 0)]),
    "largest of the channels": ("Reduction 0=4 1=0 -23303=1,0 5=1", [MAP], [("reduce", (8, 6, 1), 0, 0)]),
}  # fmt: skip
del CASES["conv in groups"]


@pytest.mark.parametrize("case", CASES)
def test_a_layer_becomes_these_nodes(case: str):
    layer, shapes, expected = CASES[case]
    found = steps(one(layer, *shapes))
    assert [
        (step.node.op, step.cost.out[0], step.cost.macs, step.cost.params)
        for step in found
        if step.node.op != "identity"
    ] == expected


@pytest.mark.parametrize(
    ("keys", "shape"), [("11=1", (10, 1, 4)), ("14=1", (4, 10)), ("11=1 14=1", (4, 1, 10)), ("11=0 14=0", (10, 4))]
)
def test_a_product_may_be_put_out_transposed_and_as_a_map(keys: str, shape: tuple[int, ...]):
    model = one(f"Gemm 3=1 5=1 6=1 8=4 9=8 10=4 {keys}", TOKENS)
    walk = Walk({"x0": (10, 8)})
    low = model.lowering(walk, {})
    low.run(model.values({"x0": (10, 8)}, {}))
    assert low.values["y0"].shape == (1, *shape)
    assert sum(step.cost.macs for step in walk.steps) == 320


@pytest.mark.parametrize(
    ("shapes", "shape", "macs"),
    [
        ([(8,), (8,)], (1,), 8),
        ([(8,), (8, 4)], (4,), 32),
        ([(10, 8), (8,)], (10,), 80),
        ([(8,), (2, 8, 4)], (2, 4), 64),
        ([(8,), (2, 3, 8, 4)], (2, 3, 4), 192),
        ([(3, 10, 8), (8,)], (3, 10), 240),
        ([(2, 3, 10, 8), (8,)], (2, 3, 10), 480),
    ],
)
@pytest.mark.parametrize("flip", [0, 1])
def test_a_vector_is_a_row_before_a_product_and_a_column_behind(
    shapes: list[tuple[int, ...]], shape: tuple[int, ...], macs: int, flip: int
):
    """A second matrix may be transposed; a vector is the same whether it is or not."""
    first, second = shapes
    if flip and len(second) > 1:
        second = (*second[:-2], second[-1], second[-2])
    model = net(given(first, "a"), given(second, "b"), f"MatMul m 2 1 a b y 0={flip}")
    values: dict[str, Any] = {name: tuple(entry.sizes) for name, entry in model.entries.items()}
    low = model.lowering(walk := Walk(values), {})
    low.run(model.values(values, {}))
    assert low.values["y"].shape == (1, *shape)
    assert sum(step.cost.macs for step in walk.steps) == macs


def test_every_layer_with_a_rule_is_known_to_a_test():
    """By hand here, or against the runtime: tests/oracle/test_ncnn.py."""
    rng = random.Random(0)
    by_hand = {case[0].split()[0] for case in CASES.values()}
    against = {line.split()[0] for kind in KINDS for _ in range(20) for line in drawn(rng, kind).text.splitlines()[2:]}
    rest = {
        "Split", "Noop", "Packing", "DeepCopy", "MultiHeadAttention", "Quantize", "Dequantize", "Requantize", "MVN", "ArgMax", "Flip",
        "DetectionOutput", "YoloDetectionOutput", "Yolov3DetectionOutput", "Proposal", "PSROIPooling",
    }  # fmt: skip
    plain = {"Sigmoid", "TanH", "Swish", "Mish", "GELU", "ELU", "SELU", "HardSwish", "HardSigmoid", "Softplus", "BNLL"}
    functions = {"AbsVal", "Exp", "Log", "CELU", "Erf", "Shrink", "Threshold", "Cast"}
    own = {name for name in RULES.rules if name[0].isupper()}  # idioms of all formats stand in lower case
    assert own - by_hand - against - rest - plain - functions - {"DeconvolutionDepthWise1D"} <= {
        "ConvolutionDepthWise3D", "DeconvolutionDepthWise3D",
    }  # fmt: skip


@pytest.mark.parametrize(
    "layer",
    [
        "Sigmoid",
        "TanH",
        "Swish",
        "Mish",
        "GELU",
        "ELU",
        "SELU",
        "HardSwish",
        "HardSigmoid",
        "Softplus",
        "BNLL",
        "AbsVal",
        "Exp",
    ],
)
def test_activations_keep_the_shape(layer: str):
    assert outs(one(layer, MAP)) == [(8, 6, 3)]


def test_attention_is_four_products_with_weights_and_two_of_tokens():
    """10 tokens of 8 channels in 2 heads: 4 matrices of 8x8 with biases; 10x10 scores of 8, and as many of the values."""
    found = steps(one("MultiHeadAttention 0=8 1=2 2=64", TOKENS, TOKENS, TOKENS))
    linear = [step.cost for step in found if step.node.op == "linear"]
    products = [step.cost for step in found if step.node.op == "matmul"]
    assert [(cost.macs, cost.params) for cost in linear] == [(640, 72)] * 4
    assert [cost.macs for cost in products] == [2 * 100 * 4] * 2
    assert "softmax" in {step.node.op for step in found}


def test_attention_to_other_tokens_of_another_width():
    """Queries of 8, keys of 5, values of 3 channels; 6 tokens to look at."""
    found = steps(one("MultiHeadAttention 0=8 1=2 2=64 3=5 4=3", TOKENS, (6, 5), (6, 3)))
    macs = [step.cost.macs for step in found if step.cost.macs]
    assert sorted(macs) == sorted([10 * 64, 6 * 5 * 8, 6 * 3 * 8, 10 * 6 * 8, 10 * 6 * 8, 10 * 64])


def test_attention_that_hands_on_its_keys_is_unknown():
    layer = "MultiHeadAttention 0=8 1=2 2=64"
    assert kinds(one(f"{layer} 7=1", TOKENS, (8, 5), (8, 5), makes=3)) == ["unknown"]
    with pytest.raises(ConvcostError, match="makes 3 blobs, where 1 is needed"):
        walked(one(layer, TOKENS, makes=3))


def test_heads_that_do_not_divide_are_refused():
    with pytest.raises(ConvcostError, match="has 3 heads of 8 channels"):
        walked(one("MultiHeadAttention 0=8 1=3 2=64", TOKENS))


def attention(*, groups: int = 2, mask: bool = False, past: int = 0) -> list[Any]:
    """The steps of attention of 4 heads of 10 queries of 8 channels, to 6 keys of 8 and values of 3."""
    shapes: list[tuple[int, ...]] = [(4, 10, 8), (groups, 6, 8), (groups, 6, 3)]
    shapes += [(10, 6 + past)] if mask else []
    shapes += [(groups, past, 8), (groups, past, 3)] if past else []
    return steps(one(f"SDPA 5={int(mask)} 7={int(past > 0)}", *shapes, makes=3 if past else 1))


@pytest.mark.parametrize("groups", [4, 2, 1])
def test_heads_that_share_keys_have_as_many_products(groups: int):
    macs = [step.cost.macs for step in attention(groups=groups) if step.cost.macs]
    assert macs == [4 * 10 * 6 * 8, 4 * 10 * 6 * 3]


def test_a_mask_is_a_sum_and_earlier_tokens_are_joined():
    """5 earlier tokens: 11 keys."""
    found = attention(mask=True, past=5)
    assert [step.cost.macs for step in found if step.cost.macs] == [4 * 10 * 11 * 8, 4 * 10 * 11 * 3]
    assert [step.node.op for step in found].count("concat") == 2
    assert "add" in {step.node.op for step in found}


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ('Reshape 6="1w,1h,*(0c,2),//(0h,8)"', (1, 6, 2, 12)),
        ('Reshape 6="*(0w,0h),-1"', (3, 48)),
        ('Interp 0=1 5=1 9="max(0w,1w),+(0h,2)"', (3, 10, 12)),
        ("Interp 0=1 5=1", (3, 2, 12)),
        ("Interp 0=1 3=5 4=7 5=1", (3, 2, 12)),
        ('Crop 19="//(-7,2)" 20="0w" 21="2"', (3, 8, 3)),
        ('Crop 19="trunc(/(-7,2))" 20="0w" 21="2"', (3, 8, 3)),
        ('Crop 19="/(-7,2)" 20="0w" 21="2"', (3, 8, 3)),
        ('Crop 19="//(/(-7,1),2)" 20="0w" 21="2"', (3, 8, 4)),
        ('Crop 19="0,1" 20="-(0h,2),-1" 21="1,2"', (3, 6, 4)),
    ],
)
def test_sizes_may_be_those_of_other_blobs(layer: str, shape: tuple[int, ...]):
    """x is 3 x 8 x 6, the other one 1 x 2 x 12; where only x is named, only x is read."""
    kind, _, rest = layer.partition(" ")
    two = "1w" in rest or '"' not in rest
    lines = [
        given(MAP),
        "MemoryData z 0 1 z 0=12 1=2 2=1",
        f"{kind} r {2 if two else 1} 1 x {'z ' if two else ''}y {rest}",
    ]
    assert made(net(*lines), "y") == shape


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("*(0w", "computes \\* of 1 operands"),
        ("3w", "computes a size of blob 3 of 1"),
        ("//(0w,0)", "divides by 0"),
        ("/(0w,-(0w,0w))", "divides by 0"),
        ("/(4,/(0,3))", "divides by 0"),  # a third of nothing is a fraction
        ("//(4,/(0,3))", "divides by 0"),
        (f"{'square(' * 26}9999999999{')' * 26}", "by a number that takes more than 64 bits, which square makes"),
        (f"{'square(' * 26}/(1,9999999999){')' * 26}", "by a number that takes more than 64 bits, which square makes"),
        ("neg(*(4294967296,2147483648))", "by a number that takes more than 64 bits, which \\* makes"),  # 2^32 and 2^31
        (",", "by 0 words"),
    ],
)
def test_sizes_that_cannot_be_computed_are_refused(text: str, what: str):
    with pytest.raises(ConvcostError, match=what):
        walked(net(given(MAP), f'Reshape r 1 1 x y 6="{text}"', "ReLU a 1 1 y z"))


def test_a_crop_to_places_that_another_tensor_holds_is_unknown():
    assert kinds(one("Crop 0=-233 1=-233 2=-233", MAP, (6,))) == ["unknown"]


@pytest.mark.parametrize(
    ("layer", "shapes", "what"),
    [
        ("Tile -23302=5,1,1,1,1,2", [MAP], "repeats 5 axes, and a blob has at most 4"),
        ("ExpandDims -23303=2,7,7", [TOKENS], "puts axes 7, 7 into a blob that then has 4"),
        ("ExpandDims -23303=1,-6", [(3, 4, 8, 6)], "puts axes -6 into a blob that then has 5"),
        ("ExpandDims -23303=1,0", [(3, 4, 8, 6)], "makes a blob of 5 axes, and one has at most 4"),
        ('Reshape 6="1,2,3,8,3"', [MAP], "makes a blob of 5 axes, and one has at most 4"),
        ("Eltwise 0=1", [MAP, (3, 1, 1)], "takes tensors of one shape, got 3×8×6 and 3×1×1 \\(channels first\\)"),
        ("Gemm 3=1 5=1 8=4 9=8", [(10, 3, 8)], "multiplies matrices, got a blob of 10×3×8 \\(channels first\\)"),
        ("Gemm 3=1 5=1 8=4 9=8", [(2, 3, 1, 8)], "multiplies matrices, got a blob of 2×3×1×8 \\(channels first\\)"),
        ("Gemm 3=1", [TOKENS], "needs two matrices"),
        ("Gemm 3=1 5=1 8=4 9=8", [TOKENS, (5,)], "adds 5 to a product of 10×4"),
        ("Gemm 3=1 5=1 8=4 9=8", [(1, 8), (5, 4)], "adds 5×4 to a product of 1×4"),
        ("Gemm 3=1 5=1 8=4 9=8", [TOKENS, (2, 10, 4)], "adds 2×10×4 to a product of 10×4"),
        ("Gemm 3=1 5=1 6=1 7=9 8=4 9=8 10=1", [TOKENS], "adds 9×1 to a product of 10×4"),
        ("Eltwise 0=0", [MAP, (3, 8)], "takes tensors of one shape, got 3×8×6 and 3×8 \\(channels first\\)"),
    ],
)
def test_layers_that_ncnn_does_not_run_are_refused(layer: str, shapes: list[Sequence[int]], what: str):
    with pytest.raises(ConvcostError, match=what):
        walked(one(layer, *shapes))


@pytest.mark.parametrize(("scale", "shown"), [("1e300", "1e\\+300"), ("1e999", "inf"), ("-3.5e38", "-3.5e\\+38")])
def test_a_scale_that_32_bits_do_not_hold_is_refused(scale: str, shown: str):
    """The largest number of 32 bits is a little less than 2^128, 3.4028e38."""
    with pytest.raises(ConvcostError, match=f"scales by a number that 32 bits do not hold: {shown}"):
        walked(net(given(MAP), f"Interp i 1 1 x y 0=1 1={scale} 2={scale}"))


def test_computed_sizes_follow_the_input():
    t = sympy.Symbol("t", positive=True, integer=True)
    model = net(given(MAP), 'Interp i 1 1 x y 0=1 9="*(0w,2),//(0h,2)"', "Convolution c 1 1 y z 0=1 1=1 6=3")
    walk = lowered(model, x=(2 * t, 6, 3))
    assert walk.steps[-1].cost.macs == t * 12 * 3


# -- several outputs ---------------------------------------------------------------------------------------------------


def test_a_fork_is_no_node():
    model = net(given(MAP), "Split fork 1 2 x a b", "ReLU r 1 1 a c", "BinaryOp sum 2 1 b c y")
    assert kinds(model) == ["relu", "add"]


def test_parts_are_equal_shares_of_what_is_left():
    """Of 10: 3 as it says, then a half of 7 rounded down, then the rest."""
    model = one("Slice -23300=3,3,-233,-233 1=0", (10, 4, 4), makes=3)
    assert [*steps(model)[0].cost.out] == [(4, 4, 3), (4, 4, 3), (4, 4, 4)]


def test_what_no_part_takes_is_left_out():
    """Of 9 the first 2 and 5 more."""
    model = net(given((9, 4, 4)), "Slice s 1 2 x a b -23300=2,2,5 1=0", "ReLU r 1 1 b c")
    assert (made(model, "a", (4, 4, 9)), made(model, "c", (4, 4, 9))) == ((2, 4, 4), (5, 4, 4))


def test_parts_between_places():
    model = one("Slice -23302=2,2,5 1=0", (9, 4, 4), makes=3)
    assert [shape[-1] for shape in steps(model)[0].cost.out] == [2, 3, 4]


def test_parts_up_to_places_from_the_end():
    """Of 9: 1, up to 3 before the end, and these 3. Of another size only what lies between grows."""
    model = one("Slice -23302=2,1,-3 1=2", (4, 4, 9), makes=3)
    assert [shape[1] for shape in steps(model)[0].cost.out] == [1, 5, 3]
    walk = lowered(model, x0=(4, 12, 4))
    assert [shape[1] for shape in walk.steps[0].cost.out] == [1, 8, 3]


def test_the_last_states_of_an_lstm_are_those_of_its_last_token():
    model = net(given(TOKENS), "LSTM l 1 3 x y h c 0=5 1=160", "BinaryOp s 2 1 h c z")
    assert made(model, "z", (10, 8)) == (1, 5)


def made(model: Imported, name: str, shape: tuple[int, ...] = (8, 6, 3)) -> tuple[Any, ...]:
    """The shape of a blob as ncnn has it, where the input is the map, or of another shape."""
    (source,) = model.entries
    sizes = {source: shape}
    lowering = model.lowering(Walk(sizes), {})
    lowering.run(model.values(sizes, {}))
    return tuple(lowering.values[name].shape[1:])


# -- what moves --------------------------------------------------------------------------------------------------------

#: Order of Permute -> where the axes of (channels 3, height 8, width 6) come to stand, as ncnn's names say it backwards.
ORDERS = {0: (3, 8, 6), 1: (3, 6, 8), 2: (8, 3, 6), 3: (8, 6, 3), 4: (6, 3, 8), 5: (6, 8, 3)}


@pytest.mark.parametrize("kind", ORDERS)
def test_orders_of_axes(kind: int):
    model = one(f"Permute 0={kind}", MAP)
    lowering = model.lowering(walk := walked(model) and lowered(model, x0=(8, 6, 3)), {})
    del walk
    lowering.run(model.values({"x0": (8, 6, 3)}, {}))
    assert tuple(lowering.values["y0"].shape[1:]) == ORDERS[kind]


@pytest.mark.parametrize(
    ("keys", "shape"),
    [
        ("0=-1", (144,)),
        ("0=6 1=-1", (24, 6)),
        ("0=0 1=-1", (24, 6)),
        ("0=-1 1=0 2=3", (3, 8, 6)),
        ("0=2 1=3 2=-1", (24, 3, 2)),
        ("0=2 1=3 11=4 2=-1", (6, 4, 3, 2)),
    ],
)
def test_shapes_of_which_one_size_is_left(keys: str, shape: tuple[int, ...]):
    model = net(given(MAP), f"Reshape r 1 1 x y {keys}", "ReLU act 1 1 y z")
    assert made(model, "z") == shape


# -- detectors ---------------------------------------------------------------------------------------------------------


def test_boxes_are_known_from_sizes():
    """For each of 48 positions one box of each smallest and largest size, and two of each ratio: 4 numbers, twice."""
    layer = "PriorBox -23300=1,30.0 -23301=1,60.0 -23302=2,2.0,3.0 9=-233 10=-233"
    found = steps(net(given(MAP), f"{layer.replace('PriorBox', 'PriorBox p 1 1 x b')}", "ReLU r 1 1 b y"))
    assert (found[0].node.op, found[0].cost.out[0], found[0].cost.params) == (
        "source",
        (2, 48 * 4 * (1 + 1 + 4)),
        0,
    )


@pytest.mark.parametrize("kind", ["DetectionOutput", "YoloDetectionOutput", "Yolov3DetectionOutput"])
def test_what_depends_on_data_is_unknown_whatever_a_hint_says(kind: str):
    model = net(given(MAP), f"{kind} d 1 1 x y -23330=4,2,6,100,1")
    (step,) = steps(model)
    assert step.node.op == "unknown"
    assert step.node.attrs["shape"] is None
    assert "depends on data" in step.node.attrs["why"]


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        ("Whatever 0=1", "convcost has no rule for Whatever"),
        ('Reshape 6="exp(0w),-1"', "sizes that are computed by 'exp'"),
        ("Reshape 0=6 1=24 12=0", "a batch put into or taken out of the axes"),
        ("Reshape 0=6 1=24 13=0", "a batch put into or taken out of the axes"),
        ("MVN", "a norm over all of a blob, or of a channel"),
        ("Convolution 0=4 1=3 19=1", "filters that are computed"),
        ("Deconvolution 0=4 1=3 28=1", "filters that are computed"),
        ("Deconvolution 0=4 1=3 6=108 28=1", "filters that are computed"),
        ("Convolution 0=4 1=3 6=108 19=1", "filters that are computed"),
    ],
)
def test_what_has_no_rule_is_unknown(layer: str, why: str):
    (step,) = steps(one(layer, MAP))
    assert (step.node.op, step.node.attrs["why"]) == ("unknown", why)


@pytest.mark.parametrize(
    "layer",
    [
        "Interp 0=1 1=2.0 2=2.0",
        'Interp 0=1 9="0w,0h"',
        "Reshape 0=6 1=24",
        'Reshape 6="0w,-1"',
        "Crop 3=2 4=2",
        "Crop 8=1",
        "Crop -23309=1,0 -23310=1,2 -23311=1,1",
        'Crop 19="0" 20="0h" 21="1"',
        "Padding 0=1 1=1 2=1 3=1",
        "Convolution 0=4 1=3 6=108",
        "Deconvolution 0=4 1=3 6=108",
        "Scale 0=3",
        "BinaryOp 0=2 1=1 2=2.0",
    ],
)
def test_a_blob_that_no_parameter_asks_for_is_refused_as_ncnn_does(layer: str):
    with pytest.raises(ConvcostError, match=f"{layer.split(maxsplit=1)[0]} one: reads 2 blobs, where 1 is needed"):
        walked(one(layer, MAP, (4, 3, 3, 3)))


def test_a_transposed_convolution_by_filters_that_are_read_is_unknown():
    assert kinds(one("Deconvolution 0=4 1=3 28=1", MAP, (3, 3, 3))) == ["unknown"]


def test_values_to_pad_each_channel_with_are_named():
    model = one("Padding 0=1 1=1 2=1 3=1 6=3", MAP)
    assert outs(model) == [(10, 8, 3)]
    assert network(model).report().remarks[-1] == "3 stored numbers in 1 tensors are in no layer: one.values"


def test_a_hint_gives_an_unknown_layer_its_shape():
    model = net(
        given(MAP) + " -23330=4,3,6,8,3", "Whatever w 1 1 x y -23330=4,3,3,4,3", "Convolution c 1 1 y z 0=2 1=1 6=6"
    )
    assert (kinds(model), outs(model)[-1]) == (["unknown", "reshape", "conv2d"], (4, 3, 2))


# -- other sizes -------------------------------------------------------------------------------------------------------


def test_sizes_may_be_symbols():
    """A map of t x 6: a convolution of 3, /2, padded by 1 makes t/2 x 3, and a gate from all of it."""
    lines = ["Convolution c 1 1 x y 0=4 1=3 3=2 4=1 6=108", "Split s 1 2 y a b", "Pooling p 1 1 a g 0=1 4=1"]
    model = net(given(MAP), *lines, "InnerProduct f 1 1 g f 0=4 2=16", "BinaryOp m 2 1 b f z 0=2")
    t = sympy.Symbol("t", positive=True, integer=True)
    walk = lowered(model, x=(4 * t, 6, 3))
    assert [step.cost.macs for step in walk.steps if step.cost.macs != 0] == [2 * t * 3 * 108, 16]


def test_parts_that_the_file_fixes_are_refused_at_another_size():
    model = one("Crop -23309=1,0 -23310=1,4 -23311=1,1", MAP)
    assert outs(model) == [(4, 6, 3)]
    with pytest.raises(ConvcostError, match="the file fixes place 4 on an axis that has 8 elements there"):
        walked(model, height=16)


@pytest.mark.parametrize(
    ("shape", "reference", "wanted"),
    [
        ((8, 10, 12), (5, 6), (5, 6, 8)),
        ((8, 10, 12), (3, 5, 6), (5, 6, 3)),
        ((8, 10, 12), (6,), (1, 6, 8)),
        ((10, 12), (3, 5, 6), (5, 6)),
    ],
)
def test_a_crop_has_the_last_sizes_of_another_blob(
    shape: tuple[int, ...], reference: tuple[int, ...], wanted: tuple[int, ...]
):
    assert outs(one("Crop", shape, reference))[-1] == wanted


def test_a_crop_of_the_channels_is_the_same_at_any_size():
    model = one("Crop 2=1 3=6 4=8 5=2", MAP)
    assert outs(model, height=16, width=12)[-1] == (16, 12, 2)


# -- integers ----------------------------------------------------------------------------------------------------------


def typed(model: Imported) -> Iterator[tuple[str, dict[str, str]]]:
    for step in steps(model):
        yield step.node.op, dict(step.node.dtypes)


def test_integers_are_stated_where_ncnn_has_them():
    """8=2: weights of 8 bits, and 32 bits out; 8=102: 8 bits out as well, after the merged activation."""
    model = net(
        given(MAP), "Convolution a 1 1 x y 0=4 1=1 5=1 6=12 8=102 9=1", "Convolution b 1 1 y z 0=4 1=1 6=16 8=2"
    )
    assert list(typed(model)) == [
        ("conv2d", {"outputs": "int8", "weights": "int8"}),
        ("relu", {"outputs": "int8"}),
        ("conv2d", {"weights": "int8"}),
    ]


@pytest.mark.parametrize(("term", "dtype"), [(2, "int8"), (400, "int4"), (612, "int6"), (801, "int8")])
def test_weights_in_blocks_have_the_bits_that_their_term_says(term: int, dtype: str):
    """A product of 8 to 4; and attention of 8 channels, of whose four matrices each has 8 x 8."""
    product = one(f"Gemm 3=1 5=1 8=4 9=8 18={term}", TOKENS)
    assert list(typed(product)) == [("linear", {"weights": dtype})]
    assert sum(step.cost.params for step in steps(product)) == 32
    heads = one(f"MultiHeadAttention 0=8 1=2 2=64 18={term}", TOKENS)
    assert [dtypes for op, dtypes in typed(heads) if op == "linear"] == [{"weights": dtype}] * 4
    assert sum(step.cost.params for step in steps(heads)) == 4 * (64 + 8)


def test_quantisation_of_its_own():
    model = net(given(MAP), "Quantize q 1 1 x y 0=1", "Dequantize d 1 1 y z 0=1")
    assert list(typed(model)) == [("function", {"outputs": "int8"}), ("function", {})]
    assert sum(step.cost.params for step in steps(model)) == 0
