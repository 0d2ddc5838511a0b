"""What each op of ONNX becomes: nodes, shapes, products and parameters, all worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import sympy
from helpers.foreign import integers, kinds, lowered, model, network, op, outs, steps, walked
from helpers.onnx_bytes import onnx_graph, onnx_model, onnx_node, onnx_tensor, onnx_value

from convcost.core.errors import SpecError, UsageError
from convcost.graph.walk import Walk
from convcost.importers.imported import Imported
from convcost.importers.lower import Lowering
from convcost.importers.model import Body, Op, Stated, Stored
from convcost.importers.onnx.file import read
from convcost.importers.onnx.ops import RULES
from convcost.spec.foreign import foreign_spec


class W(NamedTuple):
    """A stored tensor that an op reads."""

    shape: Sequence[int]
    dtype: str = "fp32"
    contents: tuple[Any, ...] | None = None


def ints(*values: int) -> W:
    return W((len(values),), "int64", values)


def one_int(value: int) -> W:
    return W((), "int64", (value,))


def floats(*values: float) -> W:
    return W((len(values),), "fp32", values)


def only(kind: str, reads: Sequence[Any], makes: int = 1, **attrs: Any) -> Imported:
    """A model of one op, which reads inputs of these shapes, stored tensors, or nothing (None)."""
    inputs: dict[str, Sequence[Any]] = {}
    tensors: list[Stored] = []
    names = []
    for i, one in enumerate(reads):
        names.append("-" if one is None else f"t{i}")
        if isinstance(one, W):
            tensors.append(Stored(f"t{i}", tuple(one.shape), one.dtype, one.contents))
        elif one is not None:
            inputs[f"t{i}"] = one
    results = " ".join(f"y{i}" for i in range(makes))
    return model(inputs, [op(kind, " ".join(names), results, **attrs)], tensors, outputs=results.split())


MAP = (1, 3, 8, 6)  # a batch, channels, height, width
WIDE = (1, 8, 8, 6)
TOKENS = (1, 5, 16)
ROWS = (1, 10, 7)
SEQUENCE = (10, "batch", 5)  # steps, an open batch, channels
LSTM = [SEQUENCE, W((1, 24, 5)), W((1, 24, 6)), W((1, 48))]
BOTH = [SEQUENCE, W((2, 24, 5)), W((2, 24, 6)), W((2, 48))]
SCALE = floats(0.5)
ZERO = W((1,), "uint8", (3,))
PADS = (1, 1, 1, 1)

#: op, what it reads, attributes -> its nodes: op, shape that it puts out, MACs, parameters.
CASES: dict[str, tuple[str, Sequence[Any], dict[str, Any], list[tuple[Any, ...]]]] = {
    # 8 maps of 8·6 positions, each from 3·3·3 taps
    "conv": ("Conv", [MAP, W((8, 3, 3, 3)), W((8,))], {"pads": PADS}, [("conv2d", (8, 6, 8), 48 * 8 * 27, 8 * 27 + 8)]),
    "conv of stride 2 without bias": (
        "Conv", [MAP, W((8, 3, 3, 3))], {"pads": PADS, "strides": (2, 2)}, [("conv2d", (4, 3, 8), 12 * 8 * 27, 216)],
    ),
    "conv by groups": ("Conv", [WIDE, W((8, 1, 3, 3))], {"group": 8}, [("conv2d", (6, 4, 8), 24 * 8 * 9, 72)]),
    "conv that is dilated": (
        "Conv", [MAP, W((4, 3, 3, 3))], {"dilations": (2, 2)}, [("conv2d", (4, 2, 4), 8 * 4 * 27, 108)],
    ),
    "conv with zeros at two sides": (
        "Conv", [MAP, W((4, 3, 2, 2))], {"pads": (0, 1, 1, 0)}, [("conv2d", (8, 6, 4), 48 * 4 * 12, 48)],
    ),
    "conv SAME_UPPER": (
        "Conv", [MAP, W((4, 3, 3, 3))], {"auto_pad": "SAME_UPPER", "strides": (2, 2)}, [("conv2d", (4, 3, 4), 12 * 108, 108)],
    ),
    "conv SAME_LOWER": (
        "Conv", [MAP, W((4, 3, 4, 4))], {"auto_pad": "SAME_LOWER"}, [("conv2d", (8, 6, 4), 48 * 192, 192)],
    ),
    "conv VALID": ("Conv", [MAP, W((4, 3, 3, 3))], {"auto_pad": "VALID"}, [("conv2d", (6, 4, 4), 24 * 108, 108)]),
    "conv along one axis": ("Conv", [(1, 3, 20), W((4, 3, 5))], {}, [("conv1d", (16, 4), 16 * 4 * 15, 60)]),
    "conv along an axis of one position": (
        "Conv", [(7, 3, 1), W((4, 3, 3))], {"pads": (1, 1)}, [("conv2d", (7, 1, 4), 7 * 36, 36)],
    ),
    "conv along three axes": (
        "Conv", [(1, 2, 4, 8, 6), W((4, 2, 3, 3, 3))], {}, [("conv3d", (2, 6, 4, 4), 48 * 4 * 54, 216)],
    ),
    "conv with a sum and an activation": (
        "com.microsoft.FusedConv", [MAP, W((8, 3, 1, 1)), W((8,)), (1, 8, 8, 6)], {"activation": "Relu"},
        [("conv2d", (8, 6, 8), 48 * 24, 32), ("add", (8, 6, 8), 0, 0), ("relu", (8, 6, 8), 0, 0)],
    ),
    # 8 rows of 6 elements of 3 channels, the filters of 3·3: 8 - 3 + 1 by 6 - 3 + 1 positions
    "merged conv with the channels last": (
        "com.microsoft.NhwcFusedConv", [(1, 8, 6, 3), W((4, 3, 3, 3)), W((4,)), (1, 6, 4, 4)], {"activation": "Relu"},
        [("conv2d", (6, 4, 4), 24 * 4 * 27, 112), ("add", (6, 4, 4), 0, 0), ("relu", (6, 4, 4), 0, 0)],
    ),
    # 100 rows of 8 bytes of two numbers each
    "rows of a table of 4 bits": (
        "com.microsoft.GatherBlockQuantized", [W((100, 8), "uint8"), (1, 5), W((100, 1))], {"bits": 4, "block_size": 16},
        [("embedding", (5, 16), 0, 1600)],
    ),
    "columns of a table of 8 bits": (
        "com.microsoft.GatherBlockQuantized", [W((100, 8), "uint8"), ints(1, 4, 6), W((100, 1))],
        {"bits": 8, "block_size": 16, "gather_axis": 1},
        [("source", (100, 8), 0, 0), ("gather", (100, 3), 0, 0)],  # bytes are no trained numbers
    ),
    "sum of magnitudes of all": ("GlobalLpPool", [MAP], {"p": 1}, [("reduce", (1, 1, 3), 0, 0)]),
    # each of 8·6 elements of 3 maps goes to 2·2 places of 4 maps
    "transposed conv": (
        "ConvTranspose", [MAP, W((3, 4, 2, 2)), W((4,))], {"strides": (2, 2)},
        [("conv_transpose2d", (16, 12, 4), 48 * 3 * 16, 52)],
    ),
    "transposed conv by groups": (
        "ConvTranspose", [WIDE, W((8, 2, 2, 2))], {"strides": (2, 2), "group": 4},
        [("conv_transpose2d", (16, 12, 8), 48 * 8 * 8, 64)],
    ),
    "transposed conv to a size": (
        "ConvTranspose", [MAP, W((3, 4, 3, 3))], {"strides": (2, 2), "output_shape": (16, 12)},
        [("conv_transpose2d", (16, 12, 4), 48 * 108, 108)],
    ),
    "transposed conv with more at the end": (
        "ConvTranspose", [MAP, W((3, 4, 3, 3))], {"strides": (2, 2), "pads": PADS, "output_padding": (1, 1)},
        [("conv_transpose2d", (16, 12, 4), 48 * 108, 108)],
    ),
    "transposed conv SAME_UPPER": (
        "ConvTranspose", [MAP, W((3, 4, 3, 3))], {"strides": (2, 2), "auto_pad": "SAME_UPPER"},
        [("conv_transpose2d", (16, 12, 4), 48 * 108, 108)],
    ),
    # output_shape[i] = input_shape[i] * strides[i], says ONNX; what is added is cropped again
    "transposed conv SAME_UPPER with more at the end": (
        "ConvTranspose", [MAP, W((3, 4, 4, 4))], {"strides": (2, 2), "auto_pad": "SAME_UPPER", "output_padding": (1, 1)},
        [("conv_transpose2d", (16, 12, 4), 48 * 192, 192)],
    ),
    "transposed conv VALID with more at the end": (
        "ConvTranspose", [MAP, W((3, 4, 4, 4))], {"strides": (2, 2), "auto_pad": "VALID", "output_padding": (1, 1)},
        [("conv_transpose2d", (7 * 2 + 4 + 1, 5 * 2 + 4 + 1, 4), 48 * 192, 192)],
    ),
    "deformable conv": (
        "DeformConv", [MAP, W((4, 3, 3, 3)), (1, 18, 6, 4), W((4,)), (1, 9, 6, 4)], {},
        [("deform_conv2d", (6, 4, 4), 24 * 108, 112)],
    ),
    "max pool": ("MaxPool", [MAP], {"kernel_shape": (2, 2), "strides": (2, 2)}, [("max_pool2d", (4, 3, 3), 0, 0)]),
    "max pool up to the ceiling": (
        "MaxPool", [(1, 3, 7, 5)], {"kernel_shape": (2, 2), "strides": (2, 2), "ceil_mode": 1}, [("max_pool2d", (4, 3, 3), 0, 0)],
    ),
    "max pool that is dilated": (
        "MaxPool", [MAP], {"kernel_shape": (2, 2), "dilations": (2, 2)}, [("max_pool2d", (6, 4, 3), 0, 0)],
    ),
    "avg pool along one axis": ("AveragePool", [(1, 3, 20)], {"kernel_shape": (5,)}, [("avg_pool1d", (16, 3), 0, 0)]),
    "global pools": ("GlobalAveragePool", [MAP], {}, [("global_avg_pool", (1, 1, 3), 0, 0)]),
    "global max pool": ("GlobalMaxPool", [MAP], {}, [("global_max_pool", (1, 1, 3), 0, 0)]),
    "batch norm": (
        "BatchNormalization", [MAP, *[W((3,))] * 4], {}, [("batch_norm", (8, 6, 3), 0, 6)],
    ),
    "instance norm": ("InstanceNormalization", [MAP, W((3,)), W((3,))], {}, [("group_norm", (8, 6, 3), 0, 6)]),
    "group norm": (
        "GroupNormalization", [WIDE, W((8,)), W((8,))], {"num_groups": 4}, [("group_norm", (8, 6, 8), 0, 16)],
    ),
    "layer norm": ("LayerNormalization", [TOKENS, W((16,)), W((16,))], {}, [("layer_norm", (5, 16), 0, 32)]),
    "layer norm without a shift": ("LayerNormalization", [TOKENS, W((16,))], {}, [("layer_norm", (5, 16), 0, 16)]),
    "layer norm over the map": (
        "LayerNormalization", [MAP, W((3, 8, 6)), W((3, 8, 6))], {"axis": 1}, [("layer_norm", (3, 8, 6), 0, 288)],
    ),
    "rms norm": ("RMSNormalization", [TOKENS, W((16,))], {}, [("rms_norm", (5, 16), 0, 16)]),
    "sum and norm": (
        "com.microsoft.SkipLayerNormalization", [TOKENS, TOKENS, W((16,)), W((16,))], {},
        [("add", (5, 16), 0, 0), ("layer_norm", (5, 16), 0, 32)],
    ),
    "local response norm": ("LRN", [MAP], {"size": 5}, [("local_response_norm", (8, 6, 3), 0, 0)]),
    "length 1": ("LpNormalization", [TOKENS], {}, [("l2_normalize", (5, 16), 0, 0)]),
    "softmax": ("Softmax", [TOKENS], {}, [("softmax", (5, 16), 0, 0)]),
    "log softmax": ("LogSoftmax", [TOKENS], {}, [("log_softmax", (5, 16), 0, 0)]),
    "gemm": ("Gemm", [(1, 20), W((10, 20)), W((10,))], {"transB": 1}, [("linear", (10,), 200, 210)]),
    "gemm that is not transposed": ("Gemm", [(1, 20), W((20, 10))], {}, [("linear", (10,), 200, 200)]),
    "gemm of two activations": (
        "Gemm", [(5, 20), (20, 10), (5, 10)], {}, [("matmul", (5, 10), 1000, 0), ("add", (5, 10), 0, 0)],
    ),
    "matmul with a stored matrix": ("MatMul", [TOKENS, W((16, 8))], {}, [("linear", (5, 8), 5 * 16 * 8, 128)]),
    "matmul of activations": (
        "MatMul", [(1, 4, 5, 16), (1, 4, 16, 7)], {}, [("matmul", (4, 5, 7), 4 * 5 * 7 * 16, 0)],
    ),
    "matmul with a vector": ("MatMul", [(5, 16), (16,)], {}, [("reshape", (16, 1), 0, 0), ("matmul", (5, 1), 80, 0)]),
    "einsum of attention": (
        "Einsum", [(1, 4, 5, 16), (1, 4, 7, 16)], {"equation": "bhid,bhjd->bhij"}, [("matmul", (4, 5, 7), 4 * 35 * 16, 0)],
    ),
    "einsum with a stored matrix": (
        "Einsum", [TOKENS, W((16, 8))], {"equation": "bti,io->bto"}, [("linear", (5, 8), 640, 128)],
    ),
    # 3 times 4·5 by 5·6: the one matrix of x serves all three
    "einsum that stretches the axes of an ellipsis": (
        "Einsum", [(1, 4, 5), (3, 5, 6)], {"equation": "...ij,...jk->...ik"}, [("matmul", (3, 4, 6), 3 * 4 * 5 * 6, 0)],
    ),
    "einsum that stretches stored weights": (
        "Einsum", [(3, 4, 5), W((1, 5, 6))], {"equation": "...ij,...jk->...ik"}, [("linear", (3, 4, 6), 360, 30)],
    ),
    "einsum that stretches without a sum": (
        "Einsum", [(3, 1, 5), (3, 4, 5)], {"equation": "...i,...i->...i"}, [("multiply", (3, 4, 5), 0, 0)],
    ),
    # one number of each row times the sum of 5 others: numpy stretches it
    "einsum that sums over a stretched axis": (
        "Einsum", [(1, 2, 1), (1, 2, 5)], {"equation": "bij,bij->bi"},
        [("reduce", (2, 1), 0, 0), ("flatten", (2,), 0, 0), ("flatten", (2,), 0, 0), ("multiply", (2,), 0, 0)],
    ),
    "einsum that sums stored weights over a stretched axis": (
        "Einsum", [(1, 4, 2), W((3, 2, 5))], {"equation": "bij,bjk->ik"},
        [("source", (3, 2, 5), 0, 30), ("reduce", (1, 2, 5), 0, 0), ("reshape", (2, 5), 0, 0), ("matmul", (4, 5), 4 * 2 * 5, 0)],
    ),
    "einsum that sums": ("Einsum", [TOKENS], {"equation": "bti->bt"}, [("reduce", (5, 1), 0, 0)]),
    # 10 steps of 4 gates of 6 channels, from 5 channels and 6 states; two biases a gate
    "lstm": ("LSTM", LSTM, {"hidden_size": 6}, [("lstm", (10, 6), 10 * 24 * 11, 24 * 11 + 48)]),
    "lstm both ways": (
        "LSTM", BOTH, {"direction": "bidirectional"}, [("lstm", (10, 12), 2 * 10 * 24 * 11, 2 * (24 * 11 + 48)), ("reshape", (10, 2, 6), 0, 0)],
    ),
    "gru": ("GRU", [SEQUENCE, W((1, 18, 5)), W((1, 18, 6))], {}, [("gru", (10, 6), 10 * 18 * 11, 18 * 11)]),
    "rnn": ("RNN", [SEQUENCE, W((1, 6, 5)), W((1, 6, 6)), W((1, 12))], {}, [("rnn", (10, 6), 10 * 66, 78)]),
    "lstm with the batch first": (
        "LSTM", [(1, 10, 5), *LSTM[1:]], {"layout": 1}, [("lstm", (10, 6), 2640, 312)],
    ),
    "embedding": ("Gather", [W((100, 16)), (1, 7)], {}, [("embedding", (7, 16), 0, 1600)]),
    "table spread by fixed numbers": (
        "Gather", [W((9, 4)), W((36,), "int64")], {}, [("source", (9, 4), 0, 36), ("gather", (36, 4), 0, 0)],
    ),
    "one element of an axis": ("Gather", [ROWS, one_int(2)], {"axis": 1}, [("slice", (1, 7), 0, 0)]),
    "elements in another order": ("Gather", [ROWS, ints(3, 1, 2)], {"axis": 1}, [("gather", (3, 7), 0, 0)]),
    "elements by computed numbers": ("Gather", [ROWS, (4,)], {"axis": 1}, [("gather", (4, 7), 0, 0)]),
    "slices": (
        "Slice", [ROWS, ints(1, 0), ints(9, 9999999999), ints(1, 2), ints(2, 3)], {},
        [("slice", (4, 7), 0, 0), ("slice", (4, 3), 0, 0)],
    ),
    "slices before opset 10": ("Slice", [ROWS], {"starts": (-3,), "ends": (-1,), "axes": (1,)}, [("slice", (2, 7), 0, 0)]),
    "a slice backwards": ("Slice", [ROWS, ints(-1), ints(-99), ints(1), ints(-1)], {}, [("gather", (10, 7), 0, 0)]),
    "pads": ("Pad", [MAP, ints(0, 0, 1, 2, 0, 0, 3, 4)], {}, [("pad", (12, 12, 3), 0, 0)]),
    "pads before opset 11": ("Pad", [MAP], {"pads": (0, 1, 0, 0, 0, 2, 0, 0)}, [("pad", (8, 6, 6), 0, 0)]),
    "pads that cut off": (
        "Pad", [MAP, ints(0, 0, -1, 0, 0, 0, 2, 0)], {}, [("slice", (7, 6, 3), 0, 0), ("pad", (9, 6, 3), 0, 0)],
    ),
    "expand": ("Expand", [(1, 1, 7), ints(1, 10, 7)], {}, [("expand", (10, 7), 0, 0)]),
    "tile": ("Tile", [ROWS, ints(1, 2, 3)], {}, [("tile", (20, 21), 0, 0)]),
    "resize by scales": (
        "Resize", [MAP, None, floats(1, 1, 2, 2)], {"mode": "linear"}, [("upsample2d", (16, 12, 3), 0, 0)],
    ),
    "resize by fractions": ("Resize", [MAP, None, floats(1, 1, 1.5, 0.5)], {}, [("resize2d", (12, 3, 3), 0, 0)]),
    "resize to sizes": (
        "Resize", [MAP, None, None, ints(1, 3, 9, 9)], {"mode": "cubic"}, [("resize2d", (9, 9, 3), 0, 0)],
    ),
    "resize along some axes": (
        "Resize", [MAP, None, None, ints(16, 16)], {"axes": (2, 3), "keep_aspect_ratio_policy": "not_larger"},
        [("resize2d", (16, 12, 3), 0, 0)],
    ),
    "upsample before opset 10": ("Upsample", [MAP, floats(1, 1, 2, 3)], {}, [("upsample2d", (16, 18, 3), 0, 0)]),
    "upsample before opset 9": ("Upsample", [MAP], {"scales": (1.0, 1.0, 2.0, 2.0)}, [("upsample2d", (16, 12, 3), 0, 0)]),
    "pixel shuffle": ("DepthToSpace", [WIDE], {"blocksize": 2}, [("depth_to_space", (16, 12, 2), 0, 0)]),
    "space to depth": ("SpaceToDepth", [MAP], {"blocksize": 2}, [("space_to_depth", (4, 3, 12), 0, 0)]),
    "regions": (
        "RoiAlign", [MAP, (20, 4), W((20,), "int64")], {"output_height": 7, "output_width": 5}, [("roi_align", (20, 7, 5, 3), 0, 0)],
    ),
    "samples": ("GridSample", [MAP, (1, 4, 4, 2)], {}, [("reshape", (4, 4, 2), 0, 0), ("grid_sample", (4, 4, 3), 0, 0)]),
    # maps that the file stores: a source puts out 3·8·6 numbers
    "deformable conv of a stored map": (
        "DeformConv", [W((1, 3, 8, 6)), W((4, 3, 3, 3)), (1, 18, 6, 4)], {},
        [("source", (8, 6, 3), 0, 144), ("deform_conv2d", (6, 4, 4), 24 * 108, 108)],
    ),
    "regions of a stored map": (
        "RoiAlign", [W((1, 3, 8, 6)), (20, 4), W((20,), "int64")], {"output_height": 7, "output_width": 5},
        [("source", (8, 6, 3), 0, 144), ("roi_align", (20, 7, 5, 3), 0, 0)],
    ),
    "samples of a stored map": (
        "GridSample", [W((1, 3, 8, 6)), (1, 4, 4, 2)], {},
        [("source", (8, 6, 3), 0, 144), ("reshape", (4, 4, 2), 0, 0), ("grid_sample", (4, 4, 3), 0, 0)],
    ),
    # a window for each of 7·5 places, of 2·2·6 numbers
    "a map of stored windows": (
        "Col2Im", [W((1, 24, 35)), ints(8, 6), ints(2, 2)], {}, [("source", (35, 24), 0, 840), ("fold", (8, 6, 6), 0, 0)],
    ),
    "mean over positions": ("ReduceMean", [MAP], {"axes": (2, 3)}, [("global_avg_pool", (1, 1, 3), 0, 0)]),
    "sum over channels": ("ReduceSum", [MAP, ints(1)], {"keepdims": 1}, [("reduce", (8, 6, 1), 0, 0)]),
    "largest of all": ("ReduceMax", [ROWS], {"keepdims": 0}, [("reduce", (1, 1), 0, 0)]),
    "place of the largest": ("ArgMax", [ROWS], {"axis": 2}, [("reduce", (10, 1), 0, 0)]),
    "running sums": ("CumSum", [ROWS, one_int(1)], {}, [("cumulative", (10, 7), 0, 0)]),
    "one hot": ("OneHot", [(1, 7), one_int(10), W((2,))], {}, [("one_hot", (7, 10), 0, 0)]),
    "elements put at places": ("ScatterND", [ROWS, W((2, 1), "int64"), (2, 10, 7)], {}, [("scatter", (10, 7), 0, 0)]),
    "activations": ("HardSwish", [MAP], {}, [("hard_swish", (8, 6, 3), 0, 0)]),
    "functions": ("Erf", [MAP], {}, [("function", (8, 6, 3), 0, 0)]),
    "clip to 6": ("Clip", [MAP, W((), "fp32", (0.0,)), W((), "fp32", (6.0,))], {}, [("relu6", (8, 6, 3), 0, 0)]),
    "clip before opset 11": ("Clip", [MAP], {"min": -1.0, "max": 1.0}, [("function", (8, 6, 3), 0, 0)]),
    "a slope for each channel": ("PRelu", [MAP, W((3, 1, 1))], {}, [("prelu", (8, 6, 3), 0, 3)]),
    "one slope": ("PRelu", [MAP, W((1,))], {}, [("leaky_relu", (8, 6, 3), 0, 0)]),
    "sum of two": ("Add", [MAP, MAP], {}, [("add", (8, 6, 3), 0, 0)]),
    "difference that is stretched": ("Sub", [MAP, (1, 3, 1, 1)], {}, [("combine", (8, 6, 3), 0, 0)]),
    "product with a number": ("Mul", [MAP, W((), "fp32", (0.5,))], {}, [("function", (8, 6, 3), 0, 0)]),
    "product with a number for each channel": ("Mul", [MAP, W((3, 1, 1))], {}, [("scale", (8, 6, 3), 0, 3)]),
    "sum along an axis before opset 7": (
        "Add", [MAP, W((3,))], {"broadcast": 1, "axis": 1}, [("source", (1, 1, 3), 0, 3), ("add", (8, 6, 3), 0, 0)],
    ),
    "sum of many": ("Sum", [MAP, MAP, MAP], {}, [("add", (8, 6, 3), 0, 0)]),
    "comparison": ("GreaterOrEqual", [MAP, MAP], {}, [("combine", (8, 6, 3), 0, 0)]),
    "choice": ("Where", [MAP, MAP, MAP], {}, [("combine", (8, 6, 3), 0, 0)]),
    # quantised: the layers that they would be without scales and zero points
    "quantised conv": (
        "QLinearConv", [MAP, SCALE, ZERO, W((8, 3, 3, 3), "int8"), W((8,)), W((8,), "int8"), SCALE, ZERO, W((8,), "int32")], {},
        [("conv2d", (6, 4, 8), 24 * 216, 224)],
    ),
    "conv of whole numbers": ("ConvInteger", [MAP, W((8, 3, 1, 1), "int8"), ZERO], {}, [("conv2d", (8, 6, 8), 48 * 24, 24)]),
    "matmul of whole numbers": ("MatMulInteger", [TOKENS, W((16, 8), "int8"), ZERO, ZERO], {}, [("linear", (5, 8), 640, 128)]),
    "quantised matmul": (
        "QLinearMatMul", [TOKENS, SCALE, ZERO, W((16, 8), "int8"), SCALE, ZERO, SCALE, ZERO], {}, [("linear", (5, 8), 640, 128)],
    ),
    "quantised gemm": (
        "com.microsoft.QGemm", [(1, 16), SCALE, ZERO, W((8, 16), "int8"), SCALE, ZERO, W((8,), "int32"), SCALE, ZERO],
        {"transB": 1}, [("linear", (8,), 128, 136)],
    ),
    "quantised sum": (
        "com.microsoft.QLinearAdd", [MAP, SCALE, ZERO, MAP, SCALE, ZERO, SCALE, ZERO], {}, [("add", (8, 6, 3), 0, 0)],
    ),
    "quantised pool": (
        "com.microsoft.QLinearGlobalAveragePool", [(1, 8, 6, 3), SCALE, ZERO, SCALE, ZERO], {"channels_last": 1},
        [("global_avg_pool", (1, 1, 3), 0, 0)],
    ),
    "quantised lstm": (
        "com.microsoft.DynamicQuantizeLSTM",
        [SEQUENCE, W((1, 5, 24), "int8"), W((1, 6, 24), "int8"), W((1, 48)), *[None] * 4, SCALE, ZERO, SCALE, ZERO], {},
        [("lstm", (10, 6), 2640, 312)],
    ),
    "product with weights of 4 bits": (
        "com.microsoft.MatMulNBits", [TOKENS, W((8, 1, 8), "uint8"), W((8,))], {"K": 16, "N": 8, "bits": 4},
        [("linear", (5, 8), 640, 128)],
    ),
    # 4 heads of 4 channels: scores of 5 tokens with 5, and the sum of values by them; 16 to 48 channels before
    "attention with its matrix": (
        "com.microsoft.Attention", [TOKENS, W((16, 48)), W((48,))], {"num_heads": 4},
        [
            ("linear", (5, 48), 5 * 16 * 48, 16 * 48 + 48), ("split", (5, 16), 0, 0), *[("reshape", (5, 4, 4), 0, 0), ("transpose", (4, 5, 4), 0, 0)] * 2,
            ("matmul", (4, 5, 5), 4 * 25 * 4, 0), ("softmax", (4, 5, 5), 0, 0), ("reshape", (5, 4, 4), 0, 0), ("transpose", (4, 5, 4), 0, 0),
            ("matmul", (4, 5, 4), 4 * 25 * 4, 0), ("transpose", (5, 4, 4), 0, 0), ("reshape", (5, 16), 0, 0),
        ],
    ),
    "attention": (
        "Attention", [(1, 4, 5, 8), (1, 4, 9, 8), (1, 4, 9, 8)], {},
        [("matmul", (4, 5, 9), 4 * 45 * 8, 0), ("softmax", (4, 5, 9), 0, 0), ("matmul", (4, 5, 8), 4 * 45 * 8, 0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_op_becomes_what_it_computes(case: str):
    kind, reads, attrs, nodes = CASES[case]
    found = [
        (step.node.op, step.cost.out[0], step.cost.macs, step.params) for step in steps(only(kind, reads, **attrs))
    ]
    assert found == nodes


@pytest.mark.parametrize(
    ("kind", "quantised"), [("GlobalAveragePool", ()), ("com.microsoft.QLinearGlobalAveragePool", ("s", "z", "s", "z"))]
)
def test_each_map_is_pooled_by_itself(kind: str, quantised: tuple[str, ...]):
    ops = [op("Reshape", "x two", "r"), op(kind, " ".join(("r", *quantised)), "p"), op("Relu", "p", "y")]
    stored = [
        Stored("two", (4,), "int64", (2, 4, 6, 6)),
        Stored("s", (1,), "fp32", (0.5,)),
        Stored("z", (1,), "uint8", (3,)),
    ]
    assert outs(model({"x": (1, 8, 6, 6)}, ops, stored))[-1] == (2, 1, 1, 4)


def test_windows_of_several_maps_are_put_together_to_maps_of_a_known_shape():
    stored = [
        Stored("r", (3,), "int64", (2, 27, 16)),
        Stored("s", (2,), "int64", (6, 6)),
        Stored("k", (2,), "int64", (3, 3)),
    ]
    net = model({"x": (1, 54, 16)}, [op("Reshape", "x r", "t"), op("Col2Im", "t s k", "y")], stored)
    assert (kinds(net)[-1], outs(net)[-1]) == ("unknown", (2, 3, 6, 6))


def test_a_scale_of_32_bits_is_the_same_in_a_sweep():
    """0.29 is 0.28999999 there, and 100 times it is 28.999999, which 32 bits round to 29; 99 times it is 28.7."""
    scales = Stored("s", (4,), "fp32", (1.0, 1.0, 0.28999999165534973, 0.28999999165534973))
    net = model({"x": ("batch", 3, "h", "w")}, [op("Resize", "x - s", "y")], [scales])
    assert network(net, resolution=100).report().totals.activations == 29 * 29 * 3
    assert network(net).sweep(resolution=[99, 100]).activations.tolist() == [28 * 28 * 3, 29 * 29 * 3]


#: A factor of 32 bits, what makes integers of the products, and what 99 and 100 become: 0.29 · 100 is 28.999999165534973, which
#: 32 bits round to 29, and 0.07 · 100 is 7.000000029802322, which they round to 7.
PRODUCTS: list[tuple[float, tuple[str, ...], int, int]] = [
    (0.28999999165534973, ("Floor",), 28, 29),
    (0.28999999165534973, (), 28, 29),  # cut off by the Cast
    (0.07000000029802322, ("Ceil",), 7, 7),
    (0.5, ("Floor",), 49, 50),
    (0.5, ("Ceil",), 50, 50),
]


@pytest.mark.parametrize(("factor", "rounding", "small", "large"), PRODUCTS)
def test_products_of_32_bits_are_rounded_as_scales_are(
    factor: float, rounding: tuple[str, ...], small: int, large: int
):
    ops = [
        op("Shape", "x", "s"), op("Slice", "s two four", "sizes"), op("Cast", "sizes", "f", to=1), op("Mul", "f k", "m0"),
        *(op(kind, "m0", "m1") for kind in rounding), op("Cast", f"m{len(rounding)}", "whole", to=7),
        op("Slice", "s zero two", "first"), op("Concat", "first whole", "new", axis=0), op("Resize", "x - - new", "y"),
    ]  # fmt: skip
    stored = [integers("zero", 0), integers("two", 2), integers("four", 4), Stored("k", (), "fp32", (factor,))]
    net = model({"x": ("batch", 3, "h", "w")}, ops, stored)
    assert lowered(net, x=(99, 100, 3)).steps[-1].cost.out == ((small, large, 3),)
    assert network(net).sweep(resolution=[99, 100]).activations.tolist() == [small**2 * 3, large**2 * 3]


def test_the_cases_are_of_most_rules():
    """Those without a row here are tested below, by the files of the onnx package (tests/oracle), or only rename others."""
    rows = {kind for kind, *_ in CASES.values()}
    ours = {name for name in RULES.rules if not name.startswith("idiom.")}
    assert rows <= ours
    assert len(rows) >= 60


# -- what is handed on, relabelled or known before -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Identity", "Dropout", "Cast"])
def test_what_does_nothing_is_no_node(kind: str):
    net = model({"x": MAP}, [op(kind, "x", "a", to=10), op("Relu", "a", "y")])
    assert kinds(net) == ["relu"]


@pytest.mark.parametrize(
    ("kind", "number", "nodes"),
    [
        ("Mul", 1.0, []), ("Add", 0.0, []), ("Div", 1.0, []), ("Pow", 1.0, []), ("Sub", 0.0, []),
        ("Add", 1.0, ["function"]), ("Pow", 2.0, ["function"]), ("Max", 0.0, ["function"]),
    ],
)  # fmt: skip
def test_arithmetic_that_changes_nothing_is_no_node(kind: str, number: float, nodes: list[str]):
    net = model({"x": MAP}, [op(kind, "x k", "a"), op("Relu", "a", "y")], [Stored("k", (), "fp32", (number,))])
    assert kinds(net) == [*nodes, "relu"]


def test_shapes_are_computed_and_followed():
    """What PyTorch writes for `x.view(x.shape[0], -1, x.shape[1] // 2)`, with every step an op."""
    net = model(
        {"x": (1, 6, 4, 4)},
        [
            op("Shape", "x", "s"), op("Gather", "s i0", "n", axis=0), op("Gather", "s i1", "c", axis=0),
            op("Div", "c two", "h"), op("Cast", "h", "hi", to=7), op("Floor", "hi", "hf"),
            op("Unsqueeze", "n", "nu", axes=(0,)), op("Unsqueeze", "hf", "hu", axes=(0,)),
            op("Concat", "nu rest hu", "t", axis=0), op("Reshape", "x t", "r"), op("Softmax", "r", "y"),
        ],
        [Stored("i0", (), "int64", (0,)), Stored("i1", (), "int64", (1,)), Stored("two", (), "int64", (2,)), Stored("rest", (1,), "int64", (-1,))],
    )  # fmt: skip
    assert outs(net)[-1] == (32, 3)  # 6·4·4 / 3 rows of 3


def test_a_shape_that_is_stretched_by_ones():
    """torch.expand is written as a choice between the given sizes and ones."""
    net = model(
        {"x": (1, 1, 7)},
        [
            op("ConstantOfShape", "three", "ones", value=Stored("", (1,), "int64", (1,))), op("Mul", "ones minus", "m"),
            op("Equal", "wanted m", "e"), op("Where", "e ones wanted", "s"), op("Expand", "x s", "b"), op("Relu", "b", "y"),
        ],
        [Stored("three", (1,), "int64", (3,)), Stored("minus", (), "int64", (-1,)), Stored("wanted", (3,), "int64", (-1, 9, -1))],
    )  # fmt: skip
    assert outs(net) == [(9, 7), (9, 7)]


def test_scales_of_fractions_and_sizes_go_together():
    """torch.nn.functional.interpolate with a factor: the size as a fraction, times the factor, rounded down."""
    ops = [
        op("Shape", "x", "s"), op("Slice", "s i2 i4", "hw"), op("Cast", "hw", "f", to=1), op("Mul", "f half", "g"),
        op("Floor", "g", "h"), op("Cast", "h", "i", to=7), op("Slice", "s i0 i2", "nc"), op("Concat", "nc i", "t", axis=0),
        op("Resize", "x - - t", "y"),
    ]  # fmt: skip
    tensors = [Stored(f"i{i}", (1,), "int64", (i,)) for i in (0, 2, 4)] + [Stored("half", (), "fp32", (0.5,))]
    assert outs(model({"x": (1, 3, 9, 8)}, ops, tensors)) == [(4, 4, 3)]
    h = sympy.Symbol("h", integer=True, positive=True)
    found = lowered(model({"x": (1, 3, "h", 8)}, ops, tensors), x=(h, 8, 3)).steps[-1].cost.out[0]
    assert [size.subs(h, 9) if isinstance(size, sympy.Basic) else size for size in found] == [4, 4, 3]


@pytest.mark.parametrize(
    ("kind", "values", "attrs", "result"),
    [
        ("Add", [(2, 3), (10, 20)], {}, (12, 23)), ("Div", [(7, -7), (2, 2)], {}, (3, -3)), ("Mod", [(7,), (4,)], {}, (3,)),
        ("Min", [(2, 9), (5, 5)], {}, (2, 5)), ("Max", [(2, 9), (5, 5), (7, 7)], {}, (7, 9)), ("Neg", [(2, -3)], {}, (-2, 3)),
        ("Equal", [(2, 3), (2, 4)], {}, (True, False)), ("Less", [(2, 3), (3, 3)], {}, (True, False)),
        ("ReduceProd", [(2, 3, 4)], {"keepdims": 1}, (24,)), ("ReduceSum", [(2, 3, 4)], {}, (9,)),
        ("CumSum", [(2, 3, 4), (0,)], {}, (2, 5, 9)), ("Range", [(0,), (6,), (2,)], {}, (0, 2, 4)),
        ("NonZero", [(0, 5, 7)], {}, (1, 2)), ("Tile", [(1, 2), (2,)], {}, (1, 2, 1, 2)), ("Pow", [(3,), (4,)], {}, (81,)),
        ("Squeeze", [(5,), (0,)], {}, (5,)), ("Concat", [(1, 2), (3,)], {"axis": 0}, (1, 2, 3)), ("Sqrt", [(16,)], {}, (4,)),
        ("Slice", [(1, 2, 3, 4), (3,), (0,), (0,), (-1,)], {}, (4, 3, 2)), ("Cast", [(0, 3)], {"to": 9}, (False, True)),
        ("Gather", [(5, 6, 7), (2, -3)], {}, (7, 5)), ("And", [(1, 1), (1, 0)], {}, (True, False)), ("Not", [(0,)], {}, (True,)),
    ],
)  # fmt: skip
def test_arithmetic_on_constants(
    kind: str, values: list[tuple[int, ...]], attrs: dict[str, Any], result: tuple[Any, ...]
):
    scalars = {"Range": range(3), "CumSum": (1,)}.get(kind, ())
    tensors = [Stored(f"k{i}", () if i in scalars else (len(one),), "int64", one) for i, one in enumerate(values)]
    ops = [op(kind, " ".join(one.name for one in tensors), "r", **attrs), op("Relu", "x", "y")]
    under_way = _values(model({"x": MAP}, ops, tensors, outputs=("y", "r")))
    assert under_way["r"].contents == result


def _values(imported: Imported) -> dict[str, Any]:
    """What the names of a model stand for after it was lowered."""
    shapes = {name: tuple(map(int, one.sizes)) for name, one in imported.entries.items()}
    low = Lowering(imported.whole, RULES, Walk(shapes))
    low.run({one.source: one.value(name, shapes[name]) for name, one in imported.entries.items()})
    return low.values


def test_numbers_that_grow_without_bound_are_dropped():
    """9 to the 9 to the 9: a few bytes of file that would be hundreds of millions of digits."""
    ops = [op("Pow", "n n", "a"), op("Pow", "a a", "b"), op("Mul", "b b", "c"), op("Reshape", "x c", "y")]
    net = model({"x": MAP}, ops, [Stored("n", (1,), "int64", (9,))])
    assert [step.node.op for step in steps(net)] == ["unknown"]


# -- recurrent layers, quantisation ----------------------------------------------------------------------------------


def test_the_last_state_alone_is_what_the_layer_puts_out():
    net = model(
        {"x": SEQUENCE},
        [op("LSTM", "x w r b - - -", "- h c"), op("Squeeze", "h", "s", axes=(0,)), op("Gemm", "s k", "y")],
        [Stored("w", (1, 24, 5), "fp32"), Stored("r", (1, 24, 6), "fp32"), Stored("b", (1, 48), "fp32"), Stored("k", (6, 2), "fp32")],
        outputs=("y",),
    )  # fmt: skip
    net = Imported(_with_outputs(net.model, "LSTM", ("", "h", "c")))
    assert outs(net) == [(6,), (2,)]
    assert steps(net)[0].node.attrs["last"] is True


def test_whether_a_sequence_is_read_is_asked_of_subgraphs_too_and_of_ops_that_count():
    """Of 10 steps with 6 channels: all if a branch reads them, the last alone if only an op does from which nothing follows."""
    branches = {
        "then_branch": body([], [op("Relu", "s", "t")], ["t"]),
        "else_branch": body([], [op("Tanh", "s", "e")], ["e"]),
    }
    tensors = [
        Stored("w", (1, 24, 5), "fp32"),
        Stored("r", (1, 24, 6), "fp32"),
        Stored("b", (1, 48), "fp32"),
        Stored("yes", (), "bool", (True,)),
    ]
    read = model({"x": SEQUENCE}, [op("LSTM", "x w r b", "s h"), op("If", "yes", "y", **branches)], tensors)
    assert outs(read)[0] == (10, 6)
    idle = model(
        {"x": SEQUENCE}, [op("LSTM", "x w r b", "s h"), op("Relu", "s", "idle"), op("Relu", "h", "y")], tensors
    )
    assert outs(idle)[0] == (6,)


def _with_outputs(whole: Any, kind: str, outputs: tuple[str, ...]) -> Any:
    ops = tuple(replace(one, outputs=outputs) if one.type == kind else one for one in whole.body.ops)
    return replace(whole, body=replace(whole.body, ops=ops))


def test_states_of_both_directions_become_channels_as_exporters_put_them():
    net = model(
        {"x": SEQUENCE},
        [op("LSTM", "x w r b", "s", direction="bidirectional"), op("Transpose", "s", "t", perm=(0, 2, 1, 3)), op("Reshape", "t shape", "m"), op("MatMul", "m k", "y")],
        [Stored("w", (2, 24, 5), "fp32"), Stored("r", (2, 24, 6), "fp32"), Stored("b", (2, 48), "fp32"), Stored("shape", (3,), "int64", (0, 0, -1)), Stored("k", (12, 4), "fp32")],
    )  # fmt: skip
    assert kinds(net) == ["lstm", "linear"]
    assert outs(net)[-1] == (10, 4)


def test_between_pairs_of_quantising_ops_tensors_are_whole_numbers(tmp_path):
    """A conv and a sum as onnxruntime's quantiser writes them: nothing is left of the pairs but the types."""

    def pair(name: str) -> list[bytes]:
        return [
            onnx_node("QuantizeLinear", [name, "s", "z"], [f"{name}q"]),
            onnx_node("DequantizeLinear", [f"{name}q", "s", "z"], [f"{name}d"]),
        ]

    nodes = [
        *pair("x"), onnx_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"]), onnx_node("DequantizeLinear", ["b", "ws", "bz"], ["bd"]),
        onnx_node("Conv", ["xd", "wd", "bd"], ["c"]), onnx_node("Relu", ["c"], ["r"]), *pair("r"),
        onnx_node("Add", ["rd", "rd"], ["a"]), *pair("a"),
    ]  # fmt: skip
    tensors = [
        onnx_tensor("s", (), "fp32", [0.1]), onnx_tensor("z", (), "uint8", [0]), onnx_tensor("ws", (4,)), onnx_tensor("wz", (4,), "int8"),
        onnx_tensor("w", (4, 3, 3, 3), "int8"), onnx_tensor("b", (4,), "int32"), onnx_tensor("bz", (4,), "int32"),
    ]  # fmt: skip
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_model(onnx_graph(nodes, [onnx_value("x", (1, 3, 8, 8))], ["ad"], tensors)))
    net = Imported(read(str(path)))
    found = [(step.node.op, step.node.attrs.get("of"), dict(step.node.dtypes)) for step in steps(net)]
    assert found == [
        ("function", "quantize", {"outputs": "uint8"}),
        ("conv2d", None, {"outputs": "uint8", "weights": "int8", "biases": "int32"}),
        ("relu", None, {"outputs": "uint8"}),
        ("add", None, {"outputs": "uint8"}),
        ("function", "dequantize", {}),
    ]
    assert not any("no layer" in note for note in lowered_notes(net)), "scales are no parameters"


def lowered_notes(net: Imported) -> tuple[str, ...]:
    shapes = {name: tuple(map(int, one.sizes)) for name, one in net.entries.items()}
    return net.lower(Walk(shapes), shapes).notes


def test_weights_quantised_as_they_run():
    """DynamicQuantizeLinear, a product of whole numbers, and what makes fractions of it."""
    net = model(
        {"x": TOKENS},
        [op("DynamicQuantizeLinear", "x", "q s z"), op("MatMulInteger", "q w z wz", "m"), op("Cast", "m", "f", to=1), op("Mul", "s ws", "t"), op("Mul", "f t", "y")],
        [Stored("w", (16, 8), "int8"), Stored("wz", (1,), "int8"), Stored("ws", (1,), "fp32")],
    )  # fmt: skip
    macs = {step.node.op: step.cost.macs for step in steps(net)}
    assert macs["linear"] == 5 * 16 * 8
    assert sum(macs.values()) == macs["linear"]


# -- parts of stored tensors ---------------------------------------------------------------------------------------


def test_parts_of_one_matrix_are_the_weights_of_different_layers():
    net = model(
        {"x": TOKENS},
        [op("Split", "w", "q k", axis=1), op("MatMul", "x q", "a"), op("MatMul", "x k", "b"), op("Add", "a b", "y")],
        [Stored("w", (16, 20), "fp32")],
    )
    assert [(step.node.op, step.params) for step in steps(net)][:2] == [("linear", 160), ("linear", 160)]
    assert not lowered_notes(net)


def test_a_product_of_stored_tensors_is_said_and_not_counted():
    net = model(
        {"x": TOKENS},
        [op("MatMul", "a b", "w"), op("MatMul", "x w", "y")],
        [Stored("a", (16, 4), "fp32"), Stored("b", (4, 8), "fp32")],
    )
    assert walked(net).steps[-1].cost.macs == 5 * 16 * 8
    assert any(note.startswith("512 MACs depend on no input") for note in lowered_notes(net))  # 16·4·8


# -- branches, loops, sequences -------------------------------------------------------------------------------------


def body(inputs: Sequence[str], ops: Sequence[Op], outputs: Sequence[str], tensors: Sequence[Stored] = ()) -> Body:
    return Body(dict.fromkeys(inputs, Stated(None)), tuple(outputs), tuple(ops), {one.name: one for one in tensors})


def test_a_branch_whose_condition_is_known_is_taken():
    branches = {
        "then_branch": body([], [op("Relu", "x", "t")], ["t"]),
        "else_branch": body([], [op("Conv", "x w", "e")], ["e"], [Stored("w", (4, 3, 1, 1), "fp32")]),
    }
    ops = [
        op("Shape", "x", "s"),
        op("Gather", "s one", "c"),
        op("Equal", "c four", "on"),
        op("If", "on", "y", **branches),
    ]
    tensors = [Stored("one", (), "int64", (1,)), Stored("four", (), "int64", (4,))]
    assert kinds(model({"x": (1, 4, 8, 8)}, ops, tensors)) == ["relu"]
    assert kinds(model({"x": MAP}, ops, tensors)) == ["conv2d"]
    taken = model({"x": MAP, "on": (1,)}, [op("If", "on", "y", **branches)])
    assert kinds(taken) == ["unknown"]


def test_matrices_of_two_subgraphs_are_two_also_if_they_are_called_the_same(tmp_path):
    branches = [
        onnx_graph([onnx_node("MatMul", [x, "wb"], ["b"])], [], ["b"], [onnx_tensor("wb", (8, 8))]) for x in "xt"
    ]
    nodes = [
        onnx_node("If", ["yes"], [y], y, then_branch=branch, else_branch=branch) for y, branch in zip("ty", branches)
    ]
    graph = onnx_graph(nodes, [onnx_value("x", (1, 8))], ["y"], [onnx_tensor("yes", (), "bool", b"\1")])
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_model(graph))
    found = steps(Imported(read(str(path))))
    assert [(step.node.op, step.params) for step in found] == [("linear", 64), ("linear", 64)]


def test_a_loop_is_written_out_as_often_as_it_runs():
    turn = body(
        ["i", "on", "h"],
        [op("MatMul", "h w", "n"), op("Identity", "on", "go"), op("Identity", "n", "each")],
        ["go", "n", "each"],
    )
    net = model(
        {"x": (5, 16)}, [op("Loop", "count yes x", "last all", body=turn), op("Relu", "all", "y")],
        [Stored("count", (), "int64", (3,)), Stored("yes", (), "bool", (True,)), Stored("w", (16, 16), "fp32")],
        outputs=("last", "y"),
    )  # fmt: skip
    found = steps(net)
    assert [step.node.op for step in found if step.cost.macs] == ["linear"] * 3
    assert [step.params for step in found if step.cost.macs] == [256, 0, 0], "one matrix, stored once"
    assert found[-1].cost.out == ((3, 5, 16),)


SWEPT = {
    # a sum over one row is none; of several, 4 numbers are put out
    "a sum over rows, of which there may be one": ([op("ReduceSum", "x", "y", axes=(1,))], [], [0, 0, 0], [0, 4, 4]),
    "rows backwards": (
        [op("Slice", "x start end axis step", "b"), op("MatMul", "b w", "y")],
        [Stored("start", (1,), "int64", (-1,)), Stored("end", (1,), "int64", (-(2**63) + 1,)), Stored("axis", (1,), "int64", (1,)), Stored("step", (1,), "int64", (-2,))],
        [1 * 32, 2 * 32, 3 * 32], [4 + 8, 8 + 16, 12 + 24],
    ),
    "a turn for each row": (
        [op("Scan", "h x", "y all", num_scan_inputs=1, scan_input_axes=(1,), body=body(["s", "row"], [op("MatMul", "row w", "m"), op("Add", "s m", "t"), op("Identity", "t", "each")], ["t", "each"]))],
        [], [32, 3 * 32, 5 * 32], None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SWEPT)
def test_what_depends_on_a_size_is_asked_at_each_point_of_a_sweep(case: str):
    """Rows of 4 numbers, and a matrix of 4 x 8: 32 products for each that is multiplied."""
    ops, tensors, macs, activations = SWEPT[case]
    inputs = {"x": (1, "rows", 4)} | ({"h": (1, 8)} if "h" in ops[0].inputs else {})
    net = model(inputs, ops, [*tensors, Stored("w", (4, 8), "fp32")])
    swept = network(net, rows=3).sweep(rows=[1, 3, 5])
    assert swept.macs.tolist() == macs
    assert activations is None or swept.activations.tolist() == activations
    singles = [network(net, rows=rows).report().totals for rows in (1, 3, 5)]
    assert swept.macs.tolist() == [one.macs for one in singles]
    assert swept.activations.tolist() == [one.activations for one in singles]


def test_a_window_that_does_not_fit_the_smallest_size_of_a_sweep_may_fit_others():
    """The file leaves its length open: 4 numbers at each of 3 and 5 places in windows of 3."""
    net = model(
        {"x": (1, 4, "t")},
        [op("AveragePool", "x", "p", kernel_shape=(3,)), op("Conv", "p w", "y")],
        [Stored("w", (8, 4, 1), "fp32")],
    )
    swept = network(net, t=5).sweep(t=[2, 5, 7])
    assert swept.macs.tolist() == [None, 3 * 32, 5 * 32]


@pytest.mark.parametrize(("count", "ops"), [(1, ["relu", "reduce", "combine", "relu"]), (2, ["unknown", "unknown"])])
def test_whether_a_loop_goes_on_after_its_last_turn_makes_no_difference(count: int, ops: list[str]):
    """It goes on as long as a sum of what it made is small, but at most so often."""
    inner = [op("Relu", "h", "n"), op("ReduceSum", "n", "s", keepdims=0), op("Less", "s one", "go")]
    turn = body(["i", "on", "h"], inner, ["go", "n"])
    tensors = [Stored("count", (), "int64", (count,)), Stored("one", (), "fp32", (1.0,))]
    net = model({"x": (5, 16)}, [op("Loop", "count - x", "y", body=turn), op("Relu", "y", "z")], tensors)
    assert [kind for kind in kinds(net) if kind not in ("flatten", "source")] == ops


def test_loops_that_are_too_long_or_open_are_unknown():
    turn = body(["i", "on", "h"], [op("Relu", "h", "n"), op("Identity", "on", "go")], ["go", "n"])
    for count in (Stored("count", (), "int64", (10**9,)), Stored("count", (), "int64", (-1,))):
        net = model(
            {"x": (5, 16)}, [op("Loop", "count yes x", "y", body=turn)], [count, Stored("yes", (), "bool", (True,))]
        )
        assert kinds(net) == ["unknown"]
    assert kinds(model({"x": (5, 16), "n": (1,)}, [op("Loop", "n - x", "y", body=turn)])) == ["unknown"]


def test_a_scan_goes_along_the_steps_of_a_sequence():
    turn = body(["h", "e"], [op("Add", "h e", "n"), op("MatMul", "n w", "o")], ["n", "o"])
    net = model(
        {"h": (1, 16), "x": (7, 1, 16)}, [op("Scan", "h x", "last all", body=turn, num_scan_inputs=1)],
        [Stored("w", (16, 4), "fp32")], outputs=("all",),
    )  # fmt: skip
    found = steps(net)
    assert sum(step.cost.macs for step in found) == 7 * 16 * 4
    assert found[-1].cost.out == ((7, 4),)


def test_sequences_hold_tensors_until_one_is_taken_out():
    ops = [
        op("SplitToSequence", "x two", "s", axis=2), op("SequenceLength", "s", "n"), op("SequenceAt", "s last", "b"),
        op("SequenceEmpty", "", "e"), op("SequenceInsert", "e b", "f"), op("SequenceInsert", "f b", "g"),
        op("ConcatFromSequence", "g", "y", axis=2),
    ]  # fmt: skip
    tensors = [Stored("two", (), "int64", (5,)), Stored("last", (), "int64", (-1,))]
    net = model({"x": ROWS}, ops, tensors)
    assert outs(net)[-1] == (10, 4)  # 7 channels are 5 and 2; twice the last part
    assert kinds(model({"x": ROWS}, [op("SequenceConstruct", "x", "s"), op("Relu", "s", "y")])) == ["unknown"]


# -- unknown, refused -----------------------------------------------------------------------------------------------


def test_how_much_is_left_of_boxes_depends_on_data():
    net = model(
        {"b": (1, 100, 4), "s": (1, 80, 100)}, [op("NonMaxSuppression", "b s", "k"), op("Gather", "b k", "y", axis=1)],
        stated={"k": Stated(("kept", 3), "int64")},
    )  # fmt: skip
    assert [(step.node.op, step.cost.out) for step in steps(net)] == [("unknown", ()), ("unknown", ())]


def test_a_rule_that_knows_a_shape_keeps_what_follows_exact():
    net = model({"x": TOKENS}, [op("Hardmax", "x", "h"), op("MatMul", "h w", "y")], [Stored("w", (16, 8), "fp32")])
    assert [(step.node.op, step.cost.out) for step in steps(net)] == [("unknown", ((5, 16),)), ("linear", ((5, 8),))]


@pytest.mark.parametrize(
    ("kind", "between"),
    [("com.microsoft.Attention", 1), ("com.microsoft.QAttention", 5)],
    ids=["floats", "whole numbers"],
)
def test_attention_to_earlier_tokens_is_unknown_as_a_whole(kind: str, between: int):
    """Of 4 heads with 4 channels, 3 earlier tokens and 5 new ones; the values have 16 channels again."""
    reads = [TOKENS, W((16, 48)), W((48,)), *[None] * between, (2, 1, 4, 3, 4)]
    assert [(step.node.op, step.cost.out) for step in steps(only(kind, reads, num_heads=4))] == [
        ("unknown", ((5, 16),))
    ]
    kept = only(kind, [TOKENS, W((16, 48)), W((48,))], makes=2, num_heads=4)
    assert kinds(kept) == ["unknown"]


@pytest.mark.parametrize(
    ("shape", "said"), [((20, 4), "20×4 to a product of 1×4"), ((3, 1, 4), "3×1×4 to a product of 1×4")]
)
def test_what_does_not_stretch_to_a_product_is_not_added_to_it(shape: tuple[int, ...], said: str):
    with pytest.raises(SpecError, match=f"Gemm y0: adds {said}"):
        walked(only("Gemm", [(1, 8), W((8, 4)), shape]))


def test_a_bias_that_is_computed_is_added_behind_a_convolution():
    """One for each of 4 channels; what onnxruntime merges behind it follows. 24 places of 27 products each, 4 channels."""
    inputs = {"x": (1, 3, 8, 6), "b": (4,), "z": (1, 4, 6, 4)}
    ops = [op("Relu", "b", "c"), op("com.microsoft.FusedConv", "x w c z", "y", activation="Relu")]
    made = steps(model(inputs, ops, [Stored("w", (4, 3, 3, 3), "fp32")]))
    assert [(step.node.op, step.cost.out[0]) for step in made] == [
        ("relu", (4,)), ("conv2d", (6, 4, 4)), ("add", (6, 4, 4)), ("add", (6, 4, 4)), ("relu", (6, 4, 4)),
    ]  # fmt: skip
    assert sum(step.cost.macs for step in made) == 24 * 27 * 4


@pytest.mark.parametrize(("shape", "said"), [((3,), "3"), ((4, 1), "4×1")])
def test_a_bias_that_is_computed_has_one_number_for_each_channel(shape: tuple[int, ...], said: str):
    ops = [op("Relu", "b", "c"), op("Conv", "x w c", "y")]
    net = model({"x": (1, 3, 8, 6), "b": shape}, ops, [Stored("w", (4, 3, 3, 3), "fp32")])
    with pytest.raises(SpecError, match=f"Conv y: has a bias of {said} for 4 channels"):
        walked(net)


@pytest.mark.parametrize(
    ("kind", "reads", "attrs", "params"),
    [
        ("MatMulNBits", [TOKENS, W((8, 1, 8), "uint8"), W((8,))], {"K": 16, "N": 8, "bits": 4}, 128),
        ("GatherBlockQuantized", [W((100, 8), "uint8"), (1, 5), W((100, 1))], {"bits": 4, "block_size": 16}, 1600),
    ],
)
def test_packed_weights_are_counted_once(kind: str, reads: list[Any], attrs: dict[str, Any], params: int):
    """Twice as many of 4 bits as there are bytes, which nothing says to be in several layers."""
    report = network(only(f"com.microsoft.{kind}", reads, **attrs)).report()
    assert (report.totals.params, report.remarks) == (params, ())


def test_scales_for_groups_are_in_no_layer_and_the_notes_say_so():
    """Before opset 21, 4 groups of 8 channels have 4 scales and 4 shifts."""
    report = network(only("GroupNormalization", [WIDE, W((4,)), W((4,))], num_groups=4)).report()
    assert report.totals.params == 0
    assert report.remarks == ("8 stored numbers in 2 tensors are in no layer: t1, t2",)


REFUSED = {
    "groups that lie": ("Conv", [MAP, W((8, 3, 3, 3))], {"group": 2}, "groups must divide"),
    "stride 0": ("Conv", [MAP, W((8, 3, 3, 3))], {"strides": (0, 0)}, "stride"),
    "filters of another window": ("Conv", [MAP, W((8, 3, 3, 3))], {"kernel_shape": (5, 5)}, "kernel_shape says (5, 5)"),
    "transposed filters of another window": (
        "ConvTranspose", [MAP, W((3, 4, 3, 3))], {"kernel_shape": (5, 5)}, "kernel_shape says (5, 5), but the filters are of (3, 3)",
    ),
    "other parts than it says": ("Split", [ROWS], {"axis": 1, "num_outputs": 3}, "splits into 3 parts, and puts out 2"),
    "filters for other channels": ("Conv", [MAP, W((8, 4, 3, 3))], {}, "the file stores 288 weights"),
    "a word that is none": ("Conv", [MAP, W((8, 3, 3, 3))], {"auto_pad": "SOMEHOW"}, "auto_pad must be"),
    "an attribute of another type": ("Conv", [MAP, W((8, 3, 3, 3))], {"pads": "1"}, "pads must be a list of whole numbers"),
    "too few numbers": ("Conv", [MAP, W((8, 3, 3, 3))], {"pads": (1, 1)}, "must have numbers for 2 axes"),
    "an axis that is not there": ("Softmax", [TOKENS], {"axis": 3}, "there is no axis 3 of a tensor of 3"),
    "an axis left out that is not 1": ("Squeeze", [ROWS, ints(1)], {}, "leaves out axis 1, which has 10 elements"),
    "an order that is none": ("Transpose", [ROWS], {"perm": (0, 0, 1)}, "puts axes into the order (0, 0, 1)"),
    "a shape of other elements": ("Reshape", [ROWS, ints(3, 3)], {}, "which has other elements"),
    "two rests": ("Reshape", [ROWS, ints(-1, -1)], {}, "asks for a shape of -1, -1"),
    "an element that is not there": ("Gather", [ROWS, one_int(10)], {"axis": 1}, "chooses element 10 of an axis of 10"),
    "parts that do not fit": ("Split", [ROWS, ints(3, 3)], {"axis": 1}, "splits 10 into parts of [3, 3], which are 6"),
    "other parts than it puts out": ("Split", [ROWS, ints(3, 3, 4)], {"axis": 1}, "splits 10 into 3 parts"),
    "a step of 0": ("Slice", [ROWS, ints(0), ints(5), ints(1), ints(0)], {}, "steps not 0"),
    "a missing input": ("Gemm", [(1, 20)], {}, "needs an input number 2"),
    "scales for neither channels nor groups": (
        "GroupNormalization", [WIDE, W((2,)), W((8,))], {"num_groups": 4}, "has a scale or shift of 2 for 8 channels in 4 groups",
    ),
    "letters of other sizes": ("Einsum", [(1, 2, 5), (1, 3, 5)], {"equation": "bij,bij->bij"}, "axis 'i' has sizes 2 and 3"),
    "a sum over letters of other sizes": ("Einsum", [(1, 2, 3), (1, 2, 5)], {"equation": "bij,bij->bi"}, "axis 'j' has sizes 3 and 5"),
    "an equation for others": ("Einsum", [TOKENS], {"equation": "ij,jk->ik"}, "is for 2 operands, not 1"),
    "too many from an axis": ("TopK", [ROWS, ints(99)], {"axis": 1}, "count must be at most"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_contradict_themselves_are_refused_with_the_op(case: str):
    kind, reads, attrs, what = REFUSED[case]
    with pytest.raises(SpecError) as raised:
        walked(only(kind, reads, makes=2 if kind == "Split" else 1, **attrs))
    text = str(raised.value)
    assert what in text
    assert f"net.onnx: {kind}" in text
    assert "\n" not in text


SIZES = {
    "a range of 10^12": [op("Range", "zero many one", "r"), op("ReduceSum", "r", "s", keepdims=0), op("Add", "x s", "y")],
    "a constant of 2^60": [op("ConstantOfShape", "huge", "r"), op("ReduceSum", "r", "s", keepdims=0), op("Add", "x s", "y")],
    "2^40 copies": [op("Tile", "k huge", "r"), op("ReduceSum", "r", "s", keepdims=0), op("Add", "x s", "y")],
}  # fmt: skip


@pytest.mark.parametrize("case", SIZES)
def test_constants_of_absurd_sizes_are_never_made(case: str):
    tensors = [
        Stored("zero", (), "int64", (0,)), Stored("many", (), "int64", (10**12,)), Stored("one", (), "int64", (1,)),
        Stored("shape", (2,), "int64", (10**6, 10**6)), Stored("huge", (2,), "int64", (2**30, 2**30)), Stored("k", (1, 1), "fp32", (1.0,)),
    ]  # fmt: skip
    found = walked(model({"x": MAP}, SIZES[case], tensors))
    assert len(found.steps) <= 4


# -- any size of the input -------------------------------------------------------------------------------------------


def test_open_sizes_go_through_shape_arithmetic_over_symbols():
    """A pyramid: upsampled to the size of a finer map, joined with it, and cut in half again."""
    ops = [
        op("Conv", "x w", "c", strides=(2, 2), pads=(1, 1, 1, 1)), op("Shape", "x", "s"), op("Slice", "s i2 i4", "hw"),
        op("Shape", "c", "cs"), op("Slice", "cs i0 i2", "nc"), op("Concat", "nc hw", "t", axis=0), op("Resize", "c - - t", "u"),
        op("Concat", "x u", "j", axis=1), op("Split", "j", "a b", axis=1), op("Mul", "a b", "y"),
    ]  # fmt: skip
    tensors = [Stored("w", (3, 3, 3, 3), "fp32"), *(Stored(f"i{i}", (1,), "int64", (i,)) for i in (0, 2, 4))]
    net = model({"x": (1, 3, "h", "w")}, ops, tensors)
    h = sympy.Symbol("h", integer=True, positive=True)
    walk = lowered(net, x=(2 * h, 6, 3))
    assert walk.steps[0].cost.macs.subs(h, 4) == 4 * 3 * 3 * 27
    assert [size.subs(h, 4) if isinstance(size, sympy.Basic) else size for size in walk.steps[-1].cost.out[0]] == [
        8,
        6,
        3,
    ]
    at_eight = network(net, **dict.fromkeys(network_knobs(net), 8))
    assert at_eight.walked.steps[0].cost.macs == 4 * 4 * 3 * 27


def network_knobs(net: Imported) -> list[str]:
    return [*foreign_spec(net, "net.onnx").knobs]


# -- what is not as it should be --------------------------------------------------------------------------------------

WEIRD: tuple[Any, ...] = (
    -1,
    0,
    2**40,
    1.5,
    "x",
    (),
    (0,),
    (-1, -1),
    (1, 2, 3, 4, 5),
    ("a",),
    Stored("q", (2,), "fp32", (1.0, 2.0)),
)
ATTRIBUTES = (
    "axis",
    "axes",
    "group",
    "kernel_shape",
    "to",
    "perm",
    "auto_pad",
    "num_heads",
    "keepdims",
    "pads",
    "strides",
)
OTHERS: tuple[Any, ...] = (None, (), (3,), (2, 3), (1, 2, 3, 4, 5, 6), W(()), W((0,)), W((2, 0, 3)), ints(), ints(5), floats(1.5, 2.5))  # fmt: skip


def spoilt(case: str) -> Iterator[Imported]:
    """A case with one attribute of another type or size, and with one input that is absent or another."""
    kind, reads, attrs, _ = CASES[case]
    for name in (*attrs, *ATTRIBUTES):
        yield from (only(kind, reads, **{**attrs, name: value}) for value in WEIRD)
    for i in range(len(reads)):
        yield only(kind, reads[:i], **attrs)
        yield from (only(kind, [*reads[:i], one, *reads[i + 1 :]], **attrs) for one in OTHERS)


@pytest.mark.parametrize("case", [*CASES][::3])
def test_what_a_rule_does_not_expect_is_refused_in_words(case: str):
    for net in spoilt(case):
        try:
            walked(net)
        except (SpecError, UsageError) as error:
            text = str(error)
            assert "malformed" not in text, text


def test_an_output_that_no_rule_makes_is_said_where_there_is_no_other() -> None:
    ops = [op("Relu", "t0", "y0 y1")]
    assert walked(model({"t0": MAP}, ops, [], outputs=["y0", "y1"])).graph.outputs == ("relu",)
    with pytest.raises(SpecError) as refused:
        walked(model({"t0": MAP}, ops, [], outputs=["y1"]))
    what = "convcost does not know this tensor of Relu, and there is no other output"
    assert str(refused.value).endswith(f": output y1: {what}")
