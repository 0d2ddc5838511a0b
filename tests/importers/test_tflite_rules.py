"""What each operator of TFLite becomes: nodes, shapes, products and parameters, all worked out by hand."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

import pytest
import sympy
from helpers.foreign import kinds, lowered, network, outs, steps, walked
from helpers.tflite_bytes import File, Graph, Scalar

import convcost
from convcost.core.errors import ConvcostError, SpecError
from convcost.graph.walk import Walk
from convcost.importers.imported import Imported, rules_of
from convcost.importers.lower import Lowering
from convcost.importers.tflite.file import parse
from convcost.importers.tflite.ops import RULES


class W(NamedTuple):
    """A stored tensor that an operator reads."""

    shape: Sequence[int]
    dtype: str = "fp32"
    data: Sequence[Any] | None = None


def ints(*values: int) -> W:
    return W([len(values)], "int32", values)


def one(kind: str, reads: Sequence[Any], makes: Sequence[Sequence[int]], **options: Any) -> Imported:
    """The model of `one_bytes`."""
    return Imported(parse(one_bytes(kind, reads, makes, **options), "net.tflite"))


def one_bytes(kind: str, reads: Sequence[Any], makes: Sequence[Sequence[int]], **options: Any) -> bytes:
    """A file of one operator, which reads inputs of these shapes, stored tensors, or nothing (None)."""
    file = File()
    graph = Graph(file)
    at, inputs = [], []
    for i, read in enumerate(reads):
        if isinstance(read, W):
            at.append(graph.stored(f"w{i}", *read))
        elif read is None:
            at.append(-1)
        else:
            at.append(graph.tensor(f"x{i}", read))
            inputs.append(at[-1])
    outputs = [graph.tensor(f"y{i}", shape) for i, shape in enumerate(makes)]
    graph.op(kind, at, outputs, **options)
    file.graphs.append(graph.table(inputs, outputs))
    return file.bytes()


HALF = {"stride_h": 2, "stride_w": 2}
WHOLE = {"stride_h": 1, "stride_w": 1}
MAP = (1, 8, 6, 3)
STATE = (1, 16)  # of an LSTM
GATES = [W((16, 5)) for _ in range(4)] + [W((16, 16)) for _ in range(4)]
PEEPHOLES = [None] * 3
BIASES = [W((16,)) for _ in range(4)]
LSTM = [(1, 10, 5), *GATES, *PEEPHOLES, *BIASES, None, None, STATE, STATE]
BOTH = [(1, 10, 5), *(GATES + PEEPHOLES + BIASES + [None, None]) * 2, STATE, STATE, STATE, STATE]

#: operator, what it reads, what it makes, options -> its nodes: op, shape that it puts out, MACs, parameters.
CASES: dict[str, tuple[str, Sequence[Any], Sequence[Sequence[int]], dict[str, Any], list[tuple[Any, ...]]]] = {
    "conv same /2": (
        "CONV_2D", [MAP, W((4, 3, 3, 3)), W((4,))], [(1, 4, 3, 4)], {"padding": "SAME", **HALF},
        [("conv2d", (4, 3, 4), 12 * 4 * 27, 4 * 27 + 4)],
    ),
    "conv valid without bias": (
        "CONV_2D", [MAP, W((4, 3, 3, 3)), None], [(1, 6, 4, 4)], {"padding": "VALID", **WHOLE},
        [("conv2d", (6, 4, 4), 24 * 4 * 27, 4 * 27)],
    ),
    "conv that is dilated": (
        "CONV_2D", [MAP, W((4, 3, 3, 3)), W((4,))], [(1, 2, 2, 4)],
        {"padding": "VALID", **WHOLE, "dilation_h_factor": 3, "dilation_w_factor": 2},
        [("conv2d", (2, 2, 4), 4 * 4 * 27, 112)],
    ),
    "conv in groups": (
        "CONV_2D", [(1, 8, 6, 6), W((4, 3, 3, 3))], [(1, 8, 6, 4)], {"padding": "SAME", **WHOLE},
        [("conv2d", (8, 6, 4), 48 * 4 * 27, 4 * 27)],
    ),
    "conv with a fused activation": (
        "CONV_2D", [MAP, W((4, 1, 1, 3))], [(1, 8, 6, 4)], {"padding": "SAME", **WHOLE, "fused_activation_function": "RELU6"},
        [("conv2d", (8, 6, 4), 48 * 12, 12), ("relu6", (8, 6, 4), 0, 0)],
    ),
    "depthwise": (
        "DEPTHWISE_CONV_2D", [MAP, W((1, 3, 3, 3)), W((3,))], [(1, 8, 6, 3)], {"padding": "SAME", **WHOLE, "depth_multiplier": 1},
        [("conv2d", (8, 6, 3), 48 * 3 * 9, 3 * 9 + 3)],
    ),
    "depthwise with a multiplier of 2": (
        "DEPTHWISE_CONV_2D", [MAP, W((1, 3, 3, 6)), W((6,))], [(1, 4, 3, 6)], {"padding": "SAME", **HALF, "depth_multiplier": 2},
        [("conv2d", (4, 3, 6), 12 * 6 * 9, 6 * 9 + 6)],
    ),
    "depthwise of a single channel": (
        "DEPTHWISE_CONV_2D", [(1, 8, 6, 1), W((1, 3, 3, 8))], [(1, 8, 6, 8)], {"padding": "SAME", **WHOLE, "depth_multiplier": 8},
        [("conv2d", (8, 6, 8), 48 * 8 * 9, 72)],
    ),
    "transposed conv same": (
        "TRANSPOSE_CONV", [ints(1, 16, 11, 4), W((4, 3, 3, 3)), MAP], [(1, 16, 11, 4)], {"padding": "SAME", **HALF},
        [("conv_transpose2d", (16, 11, 4), 48 * 9 * 3 * 4, 9 * 12)],
    ),
    "transposed conv valid, with bias": (
        "TRANSPOSE_CONV", [ints(1, 17, 13, 4), W((4, 3, 3, 3)), MAP, W((4,))], [(1, 17, 13, 4)], {"padding": "VALID", **HALF},
        [("conv_transpose2d", (17, 13, 4), 48 * 108, 112)],
    ),
    "MediaPipe's transposed conv": (
        "Convolution2DTransposeBias", [MAP, W((4, 2, 2, 3)), W((4,))], [(1, 16, 12, 4)],
        {"custom_options": struct.pack("<3i", 1, 2, 2)},
        [("conv_transpose2d", (16, 12, 4), 48 * 4 * 12, 48 + 4)],
    ),
    "conv of a volume": (
        "CONV_3D", [(1, 4, 8, 6, 3), W((3, 3, 3, 3, 5)), W((5,))], [(1, 4, 4, 3, 5)],
        {"padding": "SAME", "stride_d": 1, **HALF},
        [("conv3d", (4, 4, 3, 5), 48 * 5 * 81, 5 * 81 + 5)],
    ),
    "transposed conv of a volume": (
        "CONV_3D_TRANSPOSE", [ints(1, 8, 16, 12, 5), W((2, 2, 2, 5, 3)), (1, 4, 8, 6, 3)], [(1, 8, 16, 12, 5)],
        {"padding": "SAME", "stride_d": 2, **HALF},
        [("conv_transpose3d", (8, 16, 12, 5), 192 * 8 * 15, 8 * 15)],
    ),
    "average pool": (
        "AVERAGE_POOL_2D", [MAP], [(1, 4, 3, 3)], {"padding": "VALID", **HALF, "filter_height": 2, "filter_width": 2},
        [("avg_pool2d", (4, 3, 3), 0, 0)],
    ),
    "max pool, padded": (
        "MAX_POOL_2D", [MAP], [(1, 4, 3, 3)], {"padding": "SAME", **HALF, "filter_height": 3, "filter_width": 3},
        [("max_pool2d", (4, 3, 3), 0, 0)],
    ),
    "root of the mean square": (
        "L2_POOL_2D", [MAP], [(1, 4, 3, 3)], {"padding": "VALID", **HALF, "filter_height": 2, "filter_width": 2},
        [("function", (8, 6, 3), 0, 0), ("avg_pool2d", (4, 3, 3), 0, 0), ("function", (4, 3, 3), 0, 0)],
    ),
    "fully connected": (
        "FULLY_CONNECTED", [(1, 12), W((5, 12)), W((5,))], [(1, 5)], {}, [("linear", (5,), 60, 65)],
    ),
    "fully connected to a map": (
        "FULLY_CONNECTED", [MAP, W((5, 144)), W((5,))], [(1, 5)], {}, [("flatten", (144,), 0, 0), ("linear", (5,), 720, 725)],
    ),
    "fully connected to the last axis": (
        "FULLY_CONNECTED", [(1, 7, 12), W((5, 12))], [(1, 7, 5)], {"keep_num_dims": True}, [("linear", (7, 5), 420, 60)],
    ),
    "fully connected to rows": (
        "FULLY_CONNECTED", [(1, 7, 12), W((5, 12))], [(7, 5)], {}, [("linear", (7, 5), 420, 60)],
    ),
    "fully connected by what is computed, with a stored bias": (
        "FULLY_CONNECTED", [(6, 12), (5, 12), W((5,))], [(6, 5)], {}, [("matmul", (6, 5), 360, 0), ("source", (5,), 0, 5), ("add", (6, 5), 0, 0)],
    ),
    "fully connected by what is computed": (
        "FULLY_CONNECTED", [(6, 12), (5, 12)], [(6, 5)], {}, [("matmul", (6, 5), 360, 0)],
    ),
    "product": ("BATCH_MATMUL", [(1, 2, 7, 4), (1, 2, 4, 9)], [(1, 2, 7, 9)], {}, [("matmul", (2, 7, 9), 504, 0)]),
    "product with a transpose": (
        "BATCH_MATMUL", [(1, 2, 7, 4), (1, 2, 9, 4)], [(1, 2, 7, 9)], {"adj_y": True}, [("matmul", (2, 7, 9), 504, 0)],
    ),
    "product with weights": (
        "BATCH_MATMUL", [(1, 7, 4), W((4, 9))], [(1, 7, 9)], {}, [("linear", (7, 9), 252, 36)],
    ),
    "product with weights that are stored transposed": (
        "BATCH_MATMUL", [(1, 7, 4), W((9, 4))], [(1, 7, 9)], {"adj_y": True}, [("linear", (7, 9), 252, 36)],
    ),
    "embedding": ("EMBEDDING_LOOKUP", [(7,), W((100, 12))], [(7, 12)], {}, [("embedding", (7, 12), 0, 1200)]),
    "embedding as gather": ("GATHER", [W((100, 12)), (1, 7)], [(1, 7, 12)], {}, [("embedding", (7, 12), 0, 1200)]),
    "LSTM": (
        "UNIDIRECTIONAL_SEQUENCE_LSTM", LSTM, [(1, 10, 16)], {},
        [("lstm", (10, 16), 10 * 4 * 16 * (5 + 16), 4 * 16 * (5 + 16 + 1))],
    ),
    "LSTM, time first": (
        "UNIDIRECTIONAL_SEQUENCE_LSTM", [(10, 1, 5), *LSTM[1:]], [(10, 1, 16)], {"time_major": True},
        [("reshape", (10, 5), 0, 0), ("lstm", (10, 16), 10 * 64 * 21, 64 * 22)],
    ),
    "LSTM of a batch": (
        "UNIDIRECTIONAL_SEQUENCE_LSTM", [(10, 3, 5), *LSTM[1:]], [(10, 3, 16)], {"time_major": True},
        [("reshape", (3, 10, 5), 0, 0), ("lstm", (3, 10, 16), 30 * 64 * 21, 64 * 22)],
    ),
    "LSTM in both directions": (
        "BIDIRECTIONAL_SEQUENCE_LSTM", BOTH, [(1, 10, 32)], {"merge_outputs": True, "time_major": False},
        [("lstm", (10, 32), 2 * 10 * 64 * 21, 2 * 64 * 22)],
    ),
    "LSTM in both directions, apart": (
        "BIDIRECTIONAL_SEQUENCE_LSTM", BOTH, [(1, 10, 16), (1, 10, 16)], {"time_major": False},
        [("lstm", (10, 32), 2 * 10 * 64 * 21, 2 * 64 * 22), ("split", (10, 16), 0, 0)],
    ),
    "one step of an LSTM": (
        "LSTM", [(1, 5), (1, 16), W((64, 21)), W((64,)), (1, 16)], [(1, 16), (1, 16), (1, 21), (1, 64)], {"kernel_type": "BASIC"},
        [("reshape", (1, 5), 0, 0), ("lstm", (1, 16), 64 * 21, 64 * 22)],
    ),
    "RNN": (
        "UNIDIRECTIONAL_SEQUENCE_RNN", [(1, 10, 5), W((16, 5)), W((16, 16)), W((16,)), STATE], [(1, 10, 16)], {},
        [("rnn", (10, 16), 10 * 16 * 21, 16 * 22)],
    ),
    "RNN of a stored sequence": (
        "UNIDIRECTIONAL_SEQUENCE_RNN", [W((1, 10, 5)), W((16, 5)), W((16, 16)), W((16,)), STATE], [(1, 10, 16)], {},
        [("source", (10, 5), 0, 50), ("rnn", (10, 16), 10 * 16 * 21, 16 * 22)],
    ),
    "RNN in both directions": (
        "BIDIRECTIONAL_SEQUENCE_RNN",
        [(1, 10, 5), *[W((16, 5)), W((16, 16)), W((16,)), STATE] * 2], [(1, 10, 32)], {"merge_outputs": True},
        [("rnn", (10, 32), 2 * 10 * 16 * 21, 2 * 16 * 22)],
    ),
    "one step of an RNN": (
        "RNN", [(1, 5), W((16, 5)), W((16, 16)), W((16,)), STATE], [(1, 16)], {},
        [("reshape", (1, 5), 0, 0), ("rnn", (1, 16), 16 * 21, 16 * 22)],
    ),
    "SVDF of rank 1": (
        "SVDF", [(1, 40), W((6, 40)), W((6, 8)), W((6,)), (1, 48)], [(1, 6)], {"rank": 1},
        [("linear", (6,), 240, 240), ("reshape", (1, 6), 0, 0), ("source", (7, 6), 0, 0), ("concat", (8, 6), 0, 0),
         ("conv1d", (1, 6), 48, 48), ("source", (6,), 0, 6), ("add", (1, 6), 0, 0)],
    ),
    "SVDF of rank 2": (
        "SVDF", [(1, 40), W((6, 40)), W((6, 8)), None, (1, 48)], [(1, 3)], {"rank": 2},
        [("linear", (6,), 240, 240), ("reshape", (1, 6), 0, 0), ("source", (7, 6), 0, 0), ("concat", (8, 6), 0, 0),
         ("conv1d", (1, 6), 48, 48), ("reshape", (3, 2), 0, 0), ("reduce", (3, 1), 0, 0)],
    ),
    "relu": ("RELU", [MAP], [MAP], {}, [("relu", (8, 6, 3), 0, 0)]),
    "between -1 and 1": ("RELU_N1_TO_1", [MAP], [MAP], {}, [("function hard_tanh", (8, 6, 3), 0, 0)]),
    "hard swish": ("HARD_SWISH", [MAP], [MAP], {}, [("hard_swish", (8, 6, 3), 0, 0)]),
    "gelu": ("GELU", [MAP], [MAP], {}, [("gelu", (8, 6, 3), 0, 0)]),
    "exp": ("EXP", [MAP], [MAP], {}, [("function exp", (8, 6, 3), 0, 0)]),
    "error function of TensorFlow's own": ("FlexErf", [MAP], [MAP], {}, [("function erf", (8, 6, 3), 0, 0)]),
    "prelu": ("PRELU", [MAP, W((1, 1, 3))], [MAP], {}, [("prelu", (8, 6, 3), 0, 3)]),
    "prelu of one slope": ("PRELU", [MAP, W((1, 1, 1))], [MAP], {}, [("leaky_relu", (8, 6, 3), 0, 0)]),
    "prelu of a slope for each element": (
        "PRELU", [MAP, W((8, 6, 3))], [MAP], {}, [("source", (8, 6, 3), 0, 144), ("combine where", (8, 6, 3), 0, 0)],
    ),
    "sum": ("ADD", [MAP, MAP], [MAP], {}, [("add", (8, 6, 3), 0, 0)]),
    "sum with an activation": (
        "ADD", [MAP, MAP], [MAP], {"fused_activation_function": "RELU"}, [("add", (8, 6, 3), 0, 0), ("relu", (8, 6, 3), 0, 0)],
    ),
    "difference": ("SUB", [MAP, MAP], [MAP], {}, [("combine subtract", (8, 6, 3), 0, 0)]),
    "product with a number": ("MUL", [MAP, W((), "fp32", [2.0])], [MAP], {}, [("function scale", (8, 6, 3), 0, 0)]),
    "product with a number for each channel": ("MUL", [MAP, W((3,))], [MAP], {}, [("scale", (8, 6, 3), 0, 3)]),
    "product with a gate": ("MUL", [MAP, (1, 1, 1, 3)], [MAP], {}, [("multiply", (8, 6, 3), 0, 0)]),
    "larger one": ("MAXIMUM", [MAP, MAP], [MAP], {}, [("combine maximum", (8, 6, 3), 0, 0)]),
    "choice": ("SELECT_V2", [MAP, MAP, MAP], [MAP], {}, [("combine where", (8, 6, 3), 0, 0)]),
    "softmax": ("SOFTMAX", [(1, 12)], [(1, 12)], {"beta": 1.0}, [("softmax", (12,), 0, 0)]),
    "log softmax": ("LOG_SOFTMAX", [(1, 12)], [(1, 12)], {}, [("softmax", (12,), 0, 0), ("function log", (12,), 0, 0)]),
    "length": ("L2_NORMALIZATION", [(1, 12)], [(1, 12)], {}, [("l2_normalize", (12,), 0, 0)]),
    "neighbouring channels": ("LOCAL_RESPONSE_NORMALIZATION", [MAP], [MAP], {"radius": 2}, [("local_response_norm", (8, 6, 3), 0, 0)]),
    "quantise": ("QUANTIZE", [MAP], [MAP], {}, [("function quantize", (8, 6, 3), 0, 0)]),
    "dequantise": ("DEQUANTIZE", [MAP], [MAP], {}, [("function dequantize", (8, 6, 3), 0, 0)]),
    "cast": ("CAST", [MAP], [MAP], {}, [("function cast", (8, 6, 3), 0, 0)]),
    "reshape": ("RESHAPE", [MAP, ints(1, 144)], [(1, 144)], {}, [("flatten", (144,), 0, 0)]),
    "reshape by its options": ("RESHAPE", [MAP], [(1, 48, 3)], {"new_shape": (1, -1, 3)}, [("reshape", (48, 3), 0, 0)]),
    "reshape by its output alone": ("RESHAPE", [MAP], [(1, 48, 3)], {}, [("reshape", (48, 3), 0, 0)]),
    "transpose": ("TRANSPOSE", [MAP, ints(0, 2, 1, 3)], [(1, 6, 8, 3)], {}, []),
    "zeros around": ("PAD", [MAP, W((4, 2), "int32", (0, 0, 1, 2, 0, 3, 0, 0))], [(1, 11, 9, 3)], {}, [("pad", (11, 9, 3), 0, 0)]),
    "zeros behind the channels": (
        "PADV2", [MAP, W((4, 2), "int32", (0, 0, 0, 0, 0, 0, 0, 5)), W((), "fp32", [0.0])], [(1, 8, 6, 8)], {},
        [("pad", (8, 6, 8), 0, 0)],
    ),
    "mirrored": ("MIRROR_PAD", [MAP, W((4, 2), "int32", (0, 0, 1, 1, 1, 1, 0, 0))], [(1, 10, 8, 3)], {}, [("pad", (10, 8, 3), 0, 0)]),
    "slice": ("SLICE", [MAP, ints(0, 2, 0, 0), ints(1, 3, -1, 3)], [(1, 3, 6, 3)], {}, [("slice", (3, 6, 3), 0, 0)]),
    "strided slice": (
        "STRIDED_SLICE", [MAP, ints(0, 0, 1, 0), ints(0, 0, 0, 2), ints(1, 2, 2, 1)], [(1, 4, 3, 2)],
        {"begin_mask": 0b0011, "end_mask": 0b0111},
        [("slice", (4, 6, 3), 0, 0), ("slice", (4, 3, 3), 0, 0), ("slice", (4, 3, 2), 0, 0)],
    ),
    # rows 2 to 2 + 3, columns 6 - 4 to 6 - 4 + 3 in steps of 2, all channels: the end of those is left out
    "strided slice whose ends count from where it begins": (
        "STRIDED_SLICE", [MAP, ints(0, 2, -4, 0), ints(1, 3, 3, 0), ints(1, 1, 2, 1)], [(1, 3, 2, 3)],
        {"end_mask": 0b1000, "offset": Scalar("?", True)},
        [("slice", (3, 6, 3), 0, 0), ("slice", (3, 2, 3), 0, 0)],
    ),
    "strided slice of one element": (
        "STRIDED_SLICE", [MAP, ints(0, -1), ints(0, 0), ints(1, 1)], [(1, 6, 3)],
        {"begin_mask": 1, "end_mask": 1, "shrink_axis_mask": 2},
        [("slice", (1, 6, 3), 0, 0)],
    ),
    "strided slice with an ellipsis and a new axis": (
        "STRIDED_SLICE", [MAP, ints(0, 0, 1), ints(0, 0, 3), ints(1, 1, 1)], [(1, 8, 6, 1, 2)],
        {"ellipsis_mask": 1, "new_axis_mask": 2},
        [("slice", (8, 6, 2), 0, 0)],
    ),
    "equal parts": (
        "SPLIT", [W((), "int32", [3]), (1, 8, 6, 4)], [(1, 8, 6, 2), (1, 8, 6, 2)], {"num_splits": 2}, [("split", (8, 6, 2), 0, 0)],
    ),
    "unequal parts": (
        "SPLIT_V", [MAP, ints(3, -1), W((), "int32", [1])], [(1, 3, 6, 3), (1, 5, 6, 3)], {"num_splits": 2},
        [("split", (3, 6, 3), 0, 0)],
    ),
    "concatenation": ("CONCATENATION", [MAP, MAP], [(1, 8, 6, 6)], {"axis": -1}, [("concat", (8, 6, 6), 0, 0)]),
    "stack": (
        "PACK", [(1, 6), (1, 6)], [(1, 2, 6)], {"values_count": 2, "axis": 1},
        [("reshape", (1, 6), 0, 0), ("reshape", (1, 6), 0, 0), ("concat", (2, 6), 0, 0)],
    ),
    "unstack": ("UNPACK", [(1, 2, 6)], [(1, 6), (1, 6)], {"num": 2, "axis": 1}, [("split", (1, 6), 0, 0)]),
    "bilinear": ("RESIZE_BILINEAR", [MAP, ints(16, 9)], [(1, 16, 9, 3)], {}, [("resize2d", (16, 9, 3), 0, 0)]),
    "nearest": ("RESIZE_NEAREST_NEIGHBOR", [MAP, ints(16, 12)], [(1, 16, 12, 3)], {}, [("resize2d", (16, 12, 3), 0, 0)]),
    "depth to space": ("DEPTH_TO_SPACE", [(1, 8, 6, 12)], [(1, 16, 12, 3)], {"block_size": 2}, [("depth_to_space", (16, 12, 3), 0, 0)]),
    "space to depth": ("SPACE_TO_DEPTH", [MAP], [(1, 4, 3, 12)], {"block_size": 2}, [("space_to_depth", (4, 3, 12), 0, 0)]),
    "mean of a map": ("MEAN", [MAP, ints(1, 2)], [(1, 3)], {}, [("global_avg_pool", (1, 1, 3), 0, 0)]),
    "mean of a map, kept": ("MEAN", [MAP, ints(1, 2)], [(1, 1, 1, 3)], {"keep_dims": True}, [("global_avg_pool", (1, 1, 3), 0, 0)]),
    "largest channel": ("REDUCE_MAX", [MAP, ints(-1)], [(1, 8, 6, 1)], {"keep_dims": True}, [("reduce", (8, 6, 1), 0, 0)]),
    "sum over rows": ("SUM", [MAP, ints(1)], [(1, 6, 3)], {}, [("reduce", (1, 6, 3), 0, 0)]),
    "place of the largest": ("ARG_MAX", [(1, 12), ints(1)], [(1,)], {}, [("top_k", (1,), 0, 0)]),
    "largest ones": ("TOPK_V2", [(1, 12), W((), "int32", [5])], [(1, 5), (1, 5)], {}, [("top_k", (5,), 0, 0)]),
    "one hot": (
        "ONE_HOT", [(1, 7), W((), "int32", [10]), W(()), W(())], [(1, 7, 10)], {"axis": -1},
        [("reshape", (7, 1), 0, 0), ("source", (10,), 0, 0), ("combine equal", (7, 10), 0, 0)],
    ),
    "tiled": ("TILE", [MAP, ints(1, 2, 1, 1)], [(1, 16, 6, 3)], {}, [("gather", (16, 6, 3), 0, 0)]),
    "tiled along what there is once": ("TILE", [(1, 1, 6, 3), ints(1, 8, 1, 1)], [MAP], {}, [("expand", (8, 6, 3), 0, 0)]),
    "broadcast": ("BROADCAST_TO", [(1, 1, 1, 3), ints(1, 8, 6, 3)], [MAP], {}, [("expand", (8, 6, 3), 0, 0)]),
    "chosen rows": ("GATHER", [MAP, ints(5, 3, 0)], [(1, 3, 6, 3)], {"axis": 1}, [("gather", (3, 6, 3), 0, 0)]),
    "chosen rows of a matrix of indices": (
        "GATHER", [(1, 9, 3), W((2, 4), "int32", range(8))], [(1, 2, 4, 3)], {"axis": 1},
        [("gather", (8, 3), 0, 0), ("reshape", (2, 4, 3), 0, 0)],
    ),
    "one chosen row": ("GATHER", [MAP, W((), "int32", [5])], [(1, 6, 3)], {"axis": 1}, [("gather", (1, 6, 3), 0, 0)]),
    "chosen positions": (
        "GATHER_ND", [MAP, W((5, 3), "int32")], [(5, 3)], {}, [("reshape", (48, 3), 0, 0), ("gather", (5, 3), 0, 0)],
    ),
    "reversed": ("REVERSE_V2", [(1, 7, 3), ints(1)], [(1, 7, 3)], {}, [("gather", (7, 3), 0, 0)]),
    "fake quantisation": ("FAKE_QUANT", [MAP], [MAP], {}, [("function quantize", (8, 6, 3), 0, 0)]),
    "Fourier transform": ("RFFT2D", [(1, 9, 1, 512), ints(1, 512)], [(1, 9, 1, 257)], {}, [("unknown", (9, 1, 257), 0, 0)]),
    "an operator of somebody's own": ("TFLite_Detection_PostProcess", [(1, 100, 4), (1, 100, 91)], [(1, 10, 4), (1, 10)], {}, [("unknown", (10, 4), 0, 0)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_an_operator_becomes(name: str):
    kind, reads, makes, options, nodes = CASES[name]
    found = steps(one(kind, reads, makes, **options))
    assert [
        (
            f"{step.node.op} {step.cost.variant}" if " " in nodes[i][0] else step.node.op,
            step.cost.out[0],
            step.cost.macs,
            step.cost.params,
        )
        for i, step in enumerate(found[: len(nodes)])
    ] == nodes
    assert len(found) == len(nodes)


@pytest.mark.parametrize("name", CASES)
def test_what_it_makes_has_the_shape_that_the_file_states(name: str):
    kind, reads, makes, options, _ = CASES[name]
    imported = one(kind, reads, makes, **options)
    shapes = {name: entry.sizes for name, entry in imported.entries.items()}
    low = Lowering(imported.model, rules_of("tflite"), Walk(shapes))
    low.run({entry.source: entry.value(name, shapes[name]) for name, entry in imported.entries.items()})
    outputs = zip(imported.model.body.outputs, makes)
    made = {name: tuple(shape) for name, shape in outputs if not low.values[name].lost}
    assert {name: low.values[name].shape for name in made} == made
    assert imported.model.body.outputs[0] in made


def test_every_rule_has_a_case():
    without = {"STABLEHLO", "FlexE", "FlexL", "FlexT", "FlexA", "FlexS", "FlexC"}
    alike = {
        *("SQUARE LOG SQRT RSQRT ABS NEG SIGN FLOOR CEIL ROUND SIN COS LOGICAL_NOT".split()),  # noqa: SIM905 - as EXP
        *("RELU6 RELU_0_TO_1 TANH LOGISTIC LEAKY_RELU ELU".split()),  # noqa: SIM905 - as RELU
        *("DIV FLOOR_DIV FLOOR_MOD POW MINIMUM SQUARED_DIFFERENCE ATAN2 BITWISE_XOR RIGHT_SHIFT ADD_N".split()),  # noqa: SIM905
        *("EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL LOGICAL_AND LOGICAL_OR SELECT".split()),  # noqa: SIM905
        *("ARG_MIN REDUCE_MIN REVERSE_SEQUENCE".split()),  # noqa: SIM905
    }
    tested_below = {
        *("SHAPE", "RANK", "EXPAND_DIMS", "SQUEEZE", "FILL", "ZEROS_LIKE", "RANGE", "REDUCE_PROD", "REDUCE_ANY"),
        *("REDUCE_ALL", "DENSIFY", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "CALL", "STABLEHLO_COMPOSITE", "IF"),
        *("CALL_ONCE", "VAR_HANDLE", "WHILE", "READ_VARIABLE", "ASSIGN_VARIABLE"),
    }
    cases = {case[0] for case in CASES.values()}
    left = {name for name in RULES.rules if not any(name.startswith(word) for word in without)}
    assert left - cases - alike - tested_below - {name for name in left if name.startswith("idiom.")} == set()


class Net:
    """A model of several operators: tensors by name, of any shape until they are said to be stored."""

    def __init__(self) -> None:
        self.file = File()
        self.graph = Graph(self.file)
        self.at: dict[str, int] = {}

    def tensor(self, name: str, shape: Sequence[int], dtype: str = "fp32") -> Net:
        self.at[name] = self.graph.tensor(name, shape, dtype)
        return self

    def stored(self, name: str, shape: Sequence[int], dtype: str = "fp32", data: Sequence[Any] | None = None) -> Net:
        self.at[name] = self.graph.stored(name, shape, dtype, data)
        return self

    def ints(self, name: str, *values: int) -> Net:
        return self.stored(name, [len(values)], "int32", values)

    def numbers(self, names: str) -> Net:
        for name in names.split():
            self.tensor(name, (), "int32")
        return self

    def op(self, kind: str, reads: str, makes: str, **options: Any) -> Net:
        at = [-1 if name == "-" else self.at[name] for name in reads.split()]
        self.graph.op(kind, at, [self.at[name] for name in makes.split()], **options)
        return self

    def body(self, inputs: str, outputs: str) -> Net:
        self.file.graphs.append(
            self.graph.table(*([self.at[name] for name in one.split()] for one in (inputs, outputs)))
        )
        return self

    def done(self, inputs: str, outputs: str) -> Imported:
        self.body(inputs, outputs)
        return Imported(parse(self.file.bytes(), "net.tflite"))


# -- constants ---------------------------------------------------------------------------------------------------------


def shape_arithmetic() -> Net:
    """The target of a reshape as converters of TensorFlow write it: (shape[0], shape[1]·shape[2], 3), batch first."""
    net = Net().tensor("x", (1, 8, 6, 3)).tensor("y", (1, -1, 3))
    net.tensor("s", (4,), "int32").op("SHAPE", "x", "s", out_type="int32")
    net.ints("0", 0).ints("1", 1).ints("2", 2).ints("3", 3).stored("c", (), "int32", [3])
    for name, begin, end in (("b", "0", "1"), ("h", "1", "2"), ("w", "2", "3")):
        net.tensor(name, (), "int32").op("STRIDED_SLICE", f"s {begin} {end} 1", name, shrink_axis_mask=1)
    net.tensor("hw", (), "int32").op("MUL", "h w", "hw")
    return net.tensor("t", (3,), "int32").op("PACK", "b hw c", "t", values_count=3).op("RESHAPE", "x t", "y")


def test_shapes_that_are_computed_from_shapes_are_known():
    net = shape_arithmetic().done("x", "y")
    assert (kinds(net), outs(net)) == (["reshape"], [(48, 3)])


def test_a_computed_shape_follows_the_input():
    net = shape_arithmetic().done("x", "y")
    assert outs(net, height=5) == [(30, 3)]
    t = sympy.Symbol("t", positive=True, integer=True)
    walk = lowered(net, x=(t, 6, 3))
    assert walk.steps[-1].cost.out == ((6 * t, 3),)


FOLDED = {
    "rank": (lambda n: n.tensor("r", (), "int32").op("RANK", "x", "r"), "r", (4,)),
    "product": (
        lambda n: n.tensor("r", (), "int32").ints("axes", 0).op("REDUCE_PROD", "s axes", "r"), "r", (8 * 6 * 3,)
    ),
    "largest": (lambda n: n.tensor("r", (1,), "int32").ints("a", 0).op("REDUCE_MAX", "s a", "r", keep_dims=True), "r", (8,)),
    "quotient": (lambda n: n.tensor("r", (4,), "int32").ints("2", 2).op("FLOOR_DIV", "s 2", "r"), "r", (0, 4, 3, 1)),
    "rest": (lambda n: n.tensor("r", (4,), "int32").ints("4", 4).op("FLOOR_MOD", "s 4", "r"), "r", (1, 0, 2, 3)),
    "maximum": (lambda n: n.tensor("r", (4,), "int32").ints("5", 5).op("MAXIMUM", "s 5", "r"), "r", (5, 8, 6, 5)),
    "negative": (lambda n: n.tensor("r", (4,), "int32").op("NEG", "s", "r"), "r", (-1, -8, -6, -3)),
    "choice": (
        lambda n: n.tensor("q", (4,), "bool").ints("6", 6).op("EQUAL", "s 6", "q").tensor("r", (4,), "int32")
        .ints("0", 0).op("SELECT_V2", "q 0 s", "r"), "r", (1, 8, 0, 3),
    ),
    "chosen": (lambda n: n.tensor("r", (2,), "int32").ints("i", 2, 1).op("GATHER", "s i", "r"), "r", (6, 8)),
    "joined": (lambda n: n.tensor("r", (5,), "int32").ints("9", 9).op("CONCATENATION", "s 9", "r"), "r", (1, 8, 6, 3, 9)),
    "parts": (
        lambda n: n.tensor("a", (1,), "int32").tensor("r", (3,), "int32").ints("n", 1, 3).stored("d", (), "int32", [0])
        .op("SPLIT_V", "s n d", "a r", num_splits=2), "r", (8, 6, 3),
    ),
    "unstacked": (
        lambda n: n.numbers("u0 u1 u2 u3").op("UNPACK", "s", "u0 u1 u2 u3", num=4), "u2", (6,)
    ),
    "filled": (lambda n: n.tensor("r", (2,), "int32").ints("2", 2).stored("v", (), "int32", [7]).op("FILL", "2 v", "r"), "r", (7, 7)),
    "counted": (
        lambda n: n.stored("a", (), "int32", [2]).stored("b", (), "int32", [9]).stored("c", (), "int32", [3]).tensor("r", (3,), "int32")
        .op("RANGE", "a b c", "r"), "r", (2, 5, 8),
    ),
    "cast": (lambda n: n.stored("f", (2,), "fp32", [2.0, -3.7]).tensor("r", (2,), "int32").op("CAST", "f", "r"), "r", (2, -3)),
    # 100 times 0.29 of 32 bits is 28.999999165534973, which these round to 29
    "a product of 32 bits that is cut off": (
        lambda n: n.stored("f", (1,), "fp32", [100.0]).stored("k", (1,), "fp32", [0.29]).tensor("m", (1,), "fp32")
        .tensor("r", (1,), "int32").op("MUL", "f k", "m").op("CAST", "m", "r"), "r", (29,),
    ),
    "a product of 32 bits that is rounded down": (
        lambda n: n.stored("f", (1,), "fp32", [100.0]).stored("k", (1,), "fp32", [0.29]).tensor("m", (1,), "fp32")
        .tensor("r", (1,), "fp32").op("MUL", "f k", "m").op("FLOOR", "m", "r"), "r", (29.0,),
    ),
    "more axes": (lambda n: n.tensor("r", (1, 4), "int32").ints("0", 0).op("EXPAND_DIMS", "s 0", "r"), "r", (1, 8, 6, 3)),
    "fewer axes": (lambda n: n.stored("f", (1, 2), "int32", [4, 5]).tensor("r", (2,), "int32").op("SQUEEZE", "f", "r"), "r", (4, 5)),
    "a part": (lambda n: n.tensor("r", (2,), "int32").ints("1", 1).ints("2", 2).op("SLICE", "s 1 2", "r"), "r", (8, 6)),
}  # fmt: skip


@pytest.mark.parametrize("what", FOLDED)
def test_arithmetic_on_known_numbers(what: str):
    extend, name, elements = FOLDED[what]
    net = Net().tensor("x", (1, 8, 6, 3)).tensor("y", (1, 8, 6, 3)).tensor("s", (4,), "int32").op("SHAPE", "x", "s")
    extend(net)
    imported = net.op("RELU", "x", "y").done("x", f"y {name}")
    low = Lowering(imported.model, RULES, Walk({"x": (8, 6, 3)}))
    low.run({"x": imported.entries["x"].value("x", (8, 6, 3))})
    assert low.values[name].contents == elements
    assert [step.node.op for step in low.walk.steps][:1] == ["relu"]


def test_numbers_without_end_are_not_counted_out():
    net = Net().tensor("x", (1, 2)).tensor("y", (1, 2)).tensor("r", (-1,), "int32").op("RELU", "x", "y")
    for name, value in zip("abc", (0, 2**31 - 1, 1)):
        net.stored(name, (), "int32", [value])
    imported = net.op("RANGE", "a b c", "r").done("x", "y r")
    low = Lowering(imported.model, RULES, Walk({"x": (2,)}))
    low.run({"x": imported.entries["x"].value("x", (2,))})
    assert (low.values["r"].shape, low.values["r"].contents) == ((2**31 - 1,), None)


@pytest.mark.parametrize("kind", ["SQUARE", "MUL", "STABLEHLO_MULTIPLY", "REDUCE_PROD"])
@pytest.mark.parametrize(("times", "known"), [(5, True), (6, False), (40, False)])
def test_numbers_that_grow_beyond_64_bits_are_not_known(kind: str, times: int, known: bool):
    """3 squared five times is 3^32, of 51 bits; once more it has 102."""
    net = Net().tensor("x", (1, 2)).tensor("y", (1, 2)).op("RELU", "x", "y").stored("n0", (), "int32", [3])
    net.ints("0", 0)
    for i in range(times):
        before, made = f"n{i}", f"n{i + 1}"
        net.tensor(made, (), "int32")
        if kind == "REDUCE_PROD":
            net.tensor(f"pair{i}", (2,), "int32").op("PACK", f"{before} {before}", f"pair{i}", values_count=2)
            net.op(kind, f"pair{i} 0", made)
        else:
            net.op(kind, before if kind == "SQUARE" else f"{before} {before}", made)
    imported = net.done("x", f"y n{times}")
    low = Lowering(imported.model, RULES, Walk({"x": (2,)}))
    begun = process_time()
    low.run({"x": imported.entries["x"].value("x", (2,))})
    assert process_time() - begun < 4
    assert low.values[f"n{times}"].contents == ((3 ** (2**times),) if known else None)


def test_weights_that_are_stored_in_half_the_bits_or_sparse_are_weights():
    net = Net().tensor("x", (1, 8, 6, 3)).tensor("y", (1, 8, 6, 4)).stored("half", (4, 1, 1, 3), "fp16")
    net.tensor("w", (4, 1, 1, 3)).op("DENSIFY", "half", "w").tensor("v", (4, 1, 1, 3)).op("DEQUANTIZE", "w", "v")
    net.op("CONV_2D", "x v", "y", padding="SAME", **WHOLE)
    (step,) = steps(net.done("x", "y"))
    assert (step.cost.weights, step.node.dtypes) == (12, {"weights": "fp16"})


def test_types_are_those_of_the_file():
    """What it computes, the weights, and sums of 32 bits; a reading of a tensor has its type without saying so."""
    net = Net().tensor("x", (1, 8, 6, 3), "int8").tensor("y", (1, 5), "int8")
    net.stored("w", (5, 144), "int8").stored("b", (5,), "int32")
    net.op("FULLY_CONNECTED", "x w b", "y", fused_activation_function="RELU")
    found = walked(net.done("x", "y"))
    assert found.graph.dtypes == {"x": "int8"}
    assert [step.node.dtypes for step in found.steps] == [
        {},
        {"outputs": "int8", "weights": "int8", "biases": "int32"},
        {"outputs": "int8"},
    ]


# -- names, idioms, control --------------------------------------------------------------------------------------------


def test_layers_are_called_like_the_modules_of_the_file():
    net = Net().tensor("x", (1, 8, 6, 3)).tensor("m/act/Relu;m/bn/FusedBatchNormV3;m/conv/Conv2D", (1, 8, 6, 4))
    net.stored("w", (4, 1, 1, 3)).tensor("Identity", (1, 8, 6, 4))
    net.op(
        "CONV_2D",
        "x w",
        "m/act/Relu;m/bn/FusedBatchNormV3;m/conv/Conv2D",
        padding="SAME",
        **WHOLE,
        fused_activation_function="RELU",
    )
    net.op("SOFTMAX", "m/act/Relu;m/bn/FusedBatchNormV3;m/conv/Conv2D", "Identity")
    assert [step.node.name for step in steps(net.done("x", "Identity"))] == ["m.conv", "m.act", "softmax"]


def dilated(pads: Sequence[int], crops: Sequence[int], **options: Any) -> Net:
    """A 3×3 depthwise convolution on 2×2 blocks of a map of 8×6."""
    net = Net().tensor("x", (1, 8, 6, 3)).tensor("y", (1, 8, 6, 3)).ints("2", 2, 2)
    net.stored("pads", (2, 2), "int32", pads).stored("crops", (2, 2), "int32", crops).stored("w", (1, 3, 3, 3))
    net.tensor("blocks", (4, 6, 5, 3)).op("SPACE_TO_BATCH_ND", "x 2 pads", "blocks")
    net.tensor("made", (4, 4, 3, 3)).op(
        "DEPTHWISE_CONV_2D", "blocks w", "made", **{"padding": "VALID", **WHOLE, **options}
    )
    return net.op("BATCH_TO_SPACE_ND", "made 2 crops", "y")


def test_a_convolution_on_blocks_is_a_dilated_one():
    """Two zeros on every side keep the size of a map under 3 taps that are 2 apart."""
    (step,) = steps(dilated((2, 2, 2, 2), (0, 0, 0, 0)).done("x", "y"))
    assert step.node.attrs["dilation"] == (2, 2)
    assert step.node.attrs["padding"] == ((2, 2), (2, 2))
    assert (step.cost.out[0], step.cost.macs) == ((8, 6, 3), 48 * 3 * 9)


def test_what_is_cropped_behind_was_padding_before():
    (step,) = steps(dilated((2, 4, 2, 4), (0, 2, 0, 2)).done("x", "y"))
    assert step.node.attrs["padding"] == ((2, 2), (2, 2))


@pytest.mark.parametrize("options", [{"padding": "SAME"}, {"stride_h": 2, "stride_w": 2}, {"dilation_h_factor": 2}])
def test_other_convolutions_on_blocks_are_not_taken_for_one(options: dict[str, Any]):
    found = kinds(dilated((2, 2, 2, 2), (0, 0, 0, 0), **options).done("x", "y"))
    assert found == ["unknown", "conv2d", "unknown"]


def test_a_layer_norm_in_nine_operators_is_one():
    net = Net().tensor("x", (1, 7, 12)).tensor("y", (1, 7, 12)).ints("-1", -1).stored("eps", (), "fp32", [1e-3])
    net.stored("gamma", (12,)).stored("beta", (12,))
    for name in ("mean", "var", "sum", "root"):
        net.tensor(name, (1, 7, 1))
    for name in ("sq", "factor", "scaled", "off", "rest"):
        net.tensor(name, (1, 7, 12))
    net.op("MEAN", "x -1", "mean", keep_dims=True).op("SQUARED_DIFFERENCE", "x mean", "sq")
    net.op("MEAN", "sq -1", "var", keep_dims=True).op("ADD", "var eps", "sum").op("RSQRT", "sum", "root")
    net.op("MUL", "root gamma", "factor").op("MUL", "x factor", "scaled").op("MUL", "mean factor", "off")
    net.op("SUB", "beta off", "rest").op("ADD", "scaled rest", "y")
    (step,) = steps(net.done("x", "y"))
    assert (step.node.op, step.cost.weights, step.cost.biases) == ("layer_norm", 12, 12)


def test_quantised_numbers_are_no_numbers():
    """An int8 of 3 may stand for any number: x·relu6(x + 3)/6 is only that of floats."""
    for dtype, expected in (("fp32", ["hard_swish"]), ("int8", ["function", "relu6", "multiply", "function"])):
        net = Net().stored("3", (), dtype, [3]).stored("6", (), dtype, [6])
        for name in ("x", "a", "b", "c", "y"):
            net.tensor(name, (1, 7, 12), dtype)
        net.op("ADD", "x 3", "a").op("RELU6", "a", "b").op("MUL", "x b", "c").op("DIV", "c 6", "y")
        assert kinds(net.done("x", "y")) == expected


def calling(kind: str, options: dict[str, int], condition: bool | None = None) -> Imported:
    """The model of `calling_bytes`."""
    return Imported(parse(calling_bytes(kind, options, condition), "net.tflite"))


def calling_bytes(kind: str, options: dict[str, int], condition: bool | None = None) -> bytes:
    """A call of subgraph 1, a convolution with its own weights, and one of subgraph 2, which has none."""
    net = Net().tensor("x", (1, 8, 6, 3)).tensor("y", (1, 8, 6, 3)).tensor("z", (1, 8, 6, 3))
    reads = "x"
    if condition is not None:
        net.stored("which", (), "bool", [condition])
        reads = "which x"
    net.op(kind, reads, "y", **options).op("RELU", "y", "z").body("x", "z")
    for inner in ("CONV_2D", "TANH"):
        net.graph, net.at = Graph(net.file), {}
        net.tensor("x", (1, 8, 6, 3)).tensor("y", (1, 8, 6, 3)).stored("w", (3, 1, 1, 3))
        if inner == "CONV_2D":
            net.op(inner, "x w", "y", padding="SAME", **WHOLE)
        else:
            net.op(inner, "x", "y")
        net.body("x", "y")
    return net.file.bytes()


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (calling("CALL", {"subgraph": 1}), ["conv2d", "relu"]),
        (calling("STABLEHLO_COMPOSITE", {"decomposition_subgraph_index": 2}), ["tanh", "relu"]),
        (calling("IF", {"then_subgraph_index": 1, "else_subgraph_index": 2}, condition=True), ["conv2d", "relu"]),
        (calling("IF", {"then_subgraph_index": 1, "else_subgraph_index": 2}, condition=False), ["tanh", "relu"]),
    ],
)
def test_what_runs_a_subgraph_is_the_subgraph(net: Imported, expected: list[str]):
    assert kinds(net) == expected


def test_bodies_that_run_each_other_many_times_are_given_up():
    """16 subgraphs, each of which runs the next one ten times."""
    file = File()
    for number in range(16):
        graph = Graph(file)
        at = [graph.tensor(f"t{i}", (1, 2)) for i in range(11)]
        for i in range(10):
            graph.op("CALL", [at[i]], [at[i + 1]], subgraph=number + 1)
        file.graphs.append(graph.table([at[0]], [at[10]]))
    graph = Graph(file)
    x, y = graph.tensor("x", (1, 2)), graph.tensor("y", (1, 2))
    graph.op("RESHAPE", [x], [y])
    file.graphs.append(graph.table([x], [y]))
    found = steps(Imported(parse(file.bytes(), "net.tflite")))
    assert "more than 25,000 operators of subgraphs" in found[-1].node.attrs["why"]


def looping(limit: int, data: bool = False) -> Imported:
    """A recurrent layer as a loop: as long as a counter is below a limit, the state is multiplied with a matrix."""
    net = Net().tensor("x", (1, 8)).tensor("y", (1, 8)).tensor("n", (), "int32").stored("0", (), "int32", [0])
    net.tensor("i", (), "int32")
    net.op("WHILE", "i x" if data else "0 x", "n y", cond_subgraph_index=1, body_subgraph_index=2)
    net.body("x i" if data else "x", "y")
    net.graph, net.at = Graph(net.file), {}
    net.tensor("i", (), "int32").tensor("s", (1, 8)).tensor("more", (), "bool").stored("limit", (), "int32", [limit])
    net.op("LESS", "i limit", "more").body("i s", "more")
    net.graph, net.at = Graph(net.file), {}
    net.tensor("i", (), "int32").tensor("s", (1, 8)).tensor("j", (), "int32").tensor("t", (1, 8))
    net.stored("1", (), "int32", [1]).stored("w", (8, 8)).op("ADD", "i 1", "j").op("FULLY_CONNECTED", "s w", "t")
    net.body("i s", "j t")
    return Imported(parse(net.file.bytes(), "net.tflite"))


def test_a_loop_runs_as_often_as_its_counter_says_with_the_same_weights():
    found = walked(looping(5))
    assert [step.node.op for step in found.steps] == ["linear"] * 5
    assert [step.cost.macs for step in found.steps] == [64] * 5
    assert {step.node.shares.get("weights") for step in found.steps[1:]} == {found.steps[0].node.name}


def test_a_loop_of_unknown_length_is_unknown():
    found = steps(looping(5, data=True))
    assert [step.node.op for step in found if step.opaque] == ["unknown"]
    assert "one takes 64 MACs; decided by --input i=…" in found[-1].node.attrs["why"]
    assert sum(step.cost.macs for step in steps(looping(5, data=True), i=2)) == 3 * 64


def test_a_loop_without_end_is_given_up():
    found = steps(looping(2**31 - 1))
    assert "more than 25,000 operators" in found[-1].node.attrs["why"]


def test_the_state_of_a_layer_is_neither_input_nor_weights():
    """As converters write them: variables, which the runtime keeps."""
    net = Net().tensor("x", (1, 10, 5)).tensor("y", (1, 10, 16))
    net.at["a"] = net.graph.tensor("a", STATE, _5=Scalar("?", True))
    net.at["c"] = net.graph.tensor("c", STATE, _5=Scalar("?", True))
    for i, weight in enumerate([*GATES, *BIASES]):
        net.stored(f"w{i}", weight.shape)
    weights = " ".join(f"w{i}" for i in range(8)) + " - - - " + " ".join(f"w{i}" for i in range(8, 12))
    net.op("UNIDIRECTIONAL_SEQUENCE_LSTM", f"x {weights} - - a c", "y")
    assert kinds(net.done("x", "y")) == ["lstm"]


def streaming() -> Imported:
    """Keeps the last two columns from one run to the next, as keyword spotters do."""
    net = Net().tensor("x", (1, 1, 40)).tensor("y", (1, 1, 5)).tensor("handle", (1,), "int32")
    net.tensor("old", (1, 2, 40)).tensor("all", (1, 3, 40)).tensor("new", (1, 2, 40)).tensor("made", (1, 3, 40))
    net.graph.op("CALL_ONCE", [], [], init_subgraph_index=1)
    net.op("VAR_HANDLE", "", "handle", shared_name="state").op("READ_VARIABLE", "handle", "old")
    net.op("CONCATENATION", "old x", "all", axis=1)
    net.stored("w1", (40, 40)).op("FULLY_CONNECTED", "all w1", "made", keep_num_dims=True)
    for name, values in {"b": (0, 1, 0), "e": (0, 3, 0), "s": (1, 1, 1)}.items():
        net.ints(name, *values)
    net.op("STRIDED_SLICE", "made b e s", "new", begin_mask=5, end_mask=5)
    net.graph.op("ASSIGN_VARIABLE", [net.at["handle"], net.at["new"]], [])
    net.stored("w", (5, 40)).op("FULLY_CONNECTED", "x w", "y", keep_num_dims=True)
    net.file.graphs += [net.graph.table([net.at["x"]], [net.at["y"]]), Graph(net.file).table([], [])]
    return Imported(parse(net.file.bytes(), "net.tflite"))


def test_what_is_computed_only_for_the_next_run_is_part_of_this_one():
    found = steps(streaming())
    assert [step.node.op for step in found] == ["source", "concat", "linear", "slice", "linear"]
    assert [step.cost.macs for step in found] == [0, 0, 3 * 1600, 0, 200]
    assert sum(step.cost.params + step.cost.buffers for step in found) == 1600 + 200


UNKNOWN = {
    "an LSTM with coupled gates": (
        "UNIDIRECTIONAL_SEQUENCE_LSTM", [LSTM[0], None, *LSTM[2:]], (1, 10, 16), {}, "input gate is coupled to its forget gate"
    ),
    "an LSTM with peepholes": (
        "UNIDIRECTIONAL_SEQUENCE_LSTM", [*LSTM[:9], W((16,)), W((16,)), W((16,)), *LSTM[12:]], (1, 10, 16), {}, "peepholes"
    ),
    "an LSTM with a projection": (
        "UNIDIRECTIONAL_SEQUENCE_LSTM", [*LSTM[:16], W((8, 16)), *LSTM[17:]], (1, 10, 8), {}, "projection"
    ),
    "an LSTM that normalises its gates": (
        "UNIDIRECTIONAL_SEQUENCE_LSTM", [*LSTM, *BIASES], (1, 10, 16), {}, "normalises its gates"
    ),
    "an LSTM of diagonal states": (
        "UNIDIRECTIONAL_SEQUENCE_LSTM", [*LSTM[:5], *[W((16,))] * 4, *LSTM[9:]], (1, 10, 16),
        {"diagonal_recurrent_tensors": Scalar("?", True)}, "their own gates alone",
    ),
    "filters that are computed": (
        "CONV_2D", [MAP, (4, 3, 3, 3)], (1, 8, 6, 4), {"padding": "SAME", **WHOLE}, "a filter that is computed"
    ),
    "a product over rows": ("REDUCE_PROD", [MAP, ints(1)], (1, 6, 3), {}, "a product, or a question"),
    "a question to all elements": ("REDUCE_ANY", [MAP, ints(1)], (1, 6, 3), {}, "a product, or a question"),
    "steps backwards": (
        "STRIDED_SLICE", [(1, 8), ints(0, 0), ints(0, 0), ints(1, -1)], (1, 8), {"begin_mask": 3, "end_mask": 3}, "do not go forward"
    ),
    "blocks in the batch": (
        "SPACE_TO_BATCH_ND", [MAP, ints(2, 2), W((2, 2), "int32", (0, 0, 0, 0))], (4, 4, 3, 3), {}, "positions into the batch"
    ),
    "a resize that is computed": ("RESIZE_BILINEAR", [MAP, (2,)], (1, 16, 12, 3), {}, "is computed"),
    "an operator without a rule": ("NON_MAX_SUPPRESSION_V5", [(100, 4), (100,)], (10,), {}, "no rule for NON_MAX_SUPPRESSION_V5"),
}  # fmt: skip


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_cannot_be_said_is_unknown_with_the_shape_that_the_file_states(what: str):
    kind, reads, makes, options, why = UNKNOWN[what]
    (step,) = [step for step in steps(one(kind, reads, [makes], **options)) if step.node.op != "source"]
    assert (step.node.op, step.opaque, step.node.attrs["type"]) == ("unknown", True, kind)
    assert why in step.node.attrs["why"]
    assert step.cost.out[0] == (makes[1:] if makes[0] == 1 else makes)


REFUSED = {
    "filters of other channels": ("CONV_2D", [MAP, W((4, 3, 3, 2))], (1, 8, 6, 4), {"padding": "SAME", **WHOLE}, "see 2 channels of 3"),
    "filters of other axes": ("CONV_2D", [MAP, W((4, 3, 3))], (1, 8, 6, 4), {"padding": "SAME", **WHOLE}, "filters of 4 axes"),
    "no stride": ("CONV_2D", [MAP, W((4, 3, 3, 3))], (1, 8, 6, 4), {"padding": "SAME"}, "stride"),
    "a bias that is too long": ("CONV_2D", [MAP, W((4, 3, 3, 3)), W((5,))], (1, 8, 6, 4), {"padding": "SAME", **WHOLE}, "5 biases"),
    "a matrix of other channels": ("FULLY_CONNECTED", [(1, 12), W((5, 7))], (1, 5), {"keep_num_dims": True}, "35 weights"),
    "an axis that is not there for one": ("ONE_HOT", [(2, 3), W((), "int32", [4]), W(()), W(())], (2, 3, 4), {"axis": 3}, "there is no axis 3 of a tensor of 3"),
    "maps of other ranks": ("CONCATENATION", [MAP, (8, 6, 3)], MAP, {"axis": 3}, "joins tensors of 4 and 3 axes"),
    "a map that is a number": ("CONV_2D", [(), W((4, 3, 3, 3))], MAP, {"padding": "SAME", **WHOLE}, "there is no axis -1 of a tensor of 0"),
    "a depthwise map that is a number": ("DEPTHWISE_CONV_2D", [(), W((1, 3, 3, 3))], MAP, {"padding": "SAME", **WHOLE}, "there is no axis -1 of a tensor of 0"),
    "blocks of a number": ("SPACE_TO_DEPTH", [()], MAP, {"block_size": 2}, "takes a tensor with axes, got a single number"),
    "rows of a number": ("FULLY_CONNECTED", [(), W((5, 1))], (1, 5), {}, "there is no axis -1 of a tensor of 0"),
    "shares of a number": ("SOFTMAX", [()], (), {}, "there is no axis -1 of a tensor of 0"),
    "a step of a number": ("RNN", [(), W((4, 3)), W((4, 4)), W((4,)), (1, 4)], (1, 4), {}, "there is no axis -1 of a tensor of 0"),
    "filters over time of one axis": ("SVDF", [(1, 5), W((6, 5)), W((6,)), None, (1, 48)], (1, 6), {"rank": 1}, "needs a matrix of filters over time, got 1 axes"),
    "fewer axes": ("BROADCAST_TO", [(1, 8, 3), ints(8, 3)], (8, 3), {}, "stretches a tensor of 3 axes to one of 2"),
    "an axis that is not there": ("CONCATENATION", [MAP, MAP], MAP, {"axis": 7}, "there is no axis 7 of a tensor of 4"),
    "other elements": ("RESHAPE", [MAP, ints(1, 143)], (1, 143), {}, "has other elements"),
    "a shape of two unknowns": ("RESHAPE", [MAP, ints(-1, -1)], (1, 144), {}, "asks for a shape"),
    "an order of other axes": ("TRANSPOSE", [MAP, ints(0, 1)], MAP, {}, "into the order"),
    "a part beyond the end": ("SLICE", [MAP, ints(0, 7, 0, 0), ints(1, 2, 6, 3)], MAP, {}, "elements 7 to 9 of an axis of 8"),
    "parts that do not divide": ("SPLIT", [W((), "int32", [3]), (1, 8, 6, 5)], (1, 8, 6, 2), {}, None),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_contradicts_itself_is_refused_in_one_line(what: str):
    kind, reads, makes, options, message = REFUSED[what]
    if message is None:
        net = one(kind, reads, [makes, makes], **options)
        message = "cuts an axis of 5 into 2 equal parts"
    else:
        net = one(kind, reads, [makes], **options)
    with pytest.raises(SpecError, match=message) as refused:
        steps(net)
    assert str(refused.value).startswith("net.tflite: ")
    assert "\n" not in str(refused.value)


# -- other sizes -------------------------------------------------------------------------------------------------------


def test_a_fixed_resize_keeps_its_ratio_at_other_sizes():
    net = one("RESIZE_BILINEAR", [MAP, ints(16, 3)], [(1, 16, 3, 3)])
    assert outs(net, height=10, width=12) == [(20, 6, 3)]
    with pytest.raises(SpecError, match="the file fixes a size of 3, made from one of 6"):
        outs(net, width=7)


def test_a_fixed_transposed_convolution_keeps_its_ratio_at_other_sizes():
    net = one("TRANSPOSE_CONV", [ints(1, 16, 12, 4), W((4, 2, 2, 3)), MAP], [(1, 16, 12, 4)], padding="SAME", **HALF)
    assert outs(net, height=10, width=12) == [(20, 24, 4)]


def test_a_fixed_reshape_is_derived_again():
    net = Net().tensor("x", (1, 8, 6, 3)).tensor("y", (1, 48, 3)).ints("t", 1, 48, 3).op("RESHAPE", "x t", "y")
    assert outs(net.done("x", "y"), height=4) == [(24, 3)]


def test_symbols_and_single_sizes_agree():
    net = one("CONV_2D", [MAP, W((4, 3, 3, 3)), W((4,))], [(1, 4, 3, 4)], padding="SAME", **HALF)
    h = sympy.Symbol("h", positive=True, integer=True)
    cost = lowered(net, x0=(2 * h, 6, 3)).steps[0].cost
    assert cost.macs == 3 * h * 108
    assert steps(net, height=20)[0].cost.macs == 10 * 3 * 108


# -- hostile files -----------------------------------------------------------------------------------------------------

EDGES = (0, 1, 2, 4, 127, 255, 65_535, 1 << 31, (1 << 31) - 1, (1 << 32) - 1)


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """The file with a bit turned over, a byte or four others, or its end cut off."""
    draw = random.Random(seed)
    for _ in range(count):
        made = bytearray(data)
        at = draw.randrange(len(made))
        match draw.randrange(4):
            case 0:
                made[at] ^= 1 << draw.randrange(8)
            case 1:
                made[at] = draw.randrange(256)
            case 2:
                at &= ~3
                made[at : at + 4] = draw.choice(EDGES).to_bytes(4, "little")
            case 3:
                del made[at:]
        yield bytes(made)


@pytest.mark.parametrize("name", ["conv same /2", "LSTM", "SVDF of rank 2", "strided slice", "chosen positions", "if"])
def test_a_changed_byte_gives_a_network_or_one_line(name: str):
    """60 mutants of each file; what else is raised would be a traceback."""
    if name == "if":
        data = calling_bytes("IF", {"then_subgraph_index": 1, "else_subgraph_index": 2}, condition=True)
    else:
        kind, reads, makes, options, _ = CASES[name]
        data = one_bytes(kind, reads, makes, **options)
    for number, mutant in enumerate(mutants(data, 60, seed=15)):
        began = perf_counter()
        message = ""
        try:
            network(Imported(parse(mutant, "net.tflite"))).report()
        except ConvcostError as error:
            message = str(error)
        assert "\n" not in message, number
        assert perf_counter() - began < 2, number


def test_an_input_whose_sizes_are_all_open_takes_a_shape(tmp_path: Path):
    net = Net().tensor("x", (-1, -1)).tensor("y", (-1, -1)).op("RELU", "x", "y").body("x", "y")
    path = tmp_path / "net.tflite"
    path.write_bytes(net.file.bytes())
    for shape in (1760, (1, 1760)):
        assert convcost.load(str(path), input_shape=shape).walked.steps[-1].cost.out == ((1760,),)
    with pytest.raises(SpecError, match="open size"):
        convcost.load(str(path)).report()


def test_numbers_are_joined_as_long_as_they_are_few():
    """1,024 numbers four times are 4,096, which are known; five times are more, of which the shape alone is."""
    for times, known in ((4, 4096), (5, None)):
        net = (
            Net().tensor("x", (1, 2)).tensor("y", (1, 2)).op("RELU", "x", "y").stored("c", (1024,), "int32", [7] * 1024)
        )
        imported = (
            net.tensor("k", (1024 * times,), "int32")
            .op("CONCATENATION", " ".join("c" * times), "k", axis=0)
            .done("x", "y k")
        )
        low = Lowering(imported.model, RULES, Walk({"x": (2,)}))
        low.run({"x": imported.entries["x"].value("x", (2,))})
        assert low.values["k"].shape == (1024 * times,)
        assert low.values["k"].contents == ((7,) * known if known else None)


def test_numbers_of_other_shapes_are_not_joined():
    net = Net().tensor("x", (1, 2)).tensor("y", (1, 2)).op("RELU", "x", "y")
    net.stored("a", (1, 2), "int32", [1, 2]).stored("b", (1, 3), "int32", [1, 2, 3])
    with pytest.raises(SpecError, match=r"joins tensors of \[1, 2\] and \[1, 3\] along axis 0"):
        steps(net.tensor("k", (2, 2), "int32").op("CONCATENATION", "a b", "k", axis=0).done("x", "y k"))


def test_numbers_that_are_stored_for_layers_are_not_computed_with():
    """500 sums with 4,096 numbers each would be 2,048,000, more than a file may have computed with."""
    net = Net().tensor("x0", (1, 4096)).stored("c", (4096,))
    for i in range(500):
        net.tensor(f"x{i + 1}", (1, 4096)).op("ADD", f"x{i} c", f"x{i + 1}")
    assert kinds(net.done("x0", "x500")).count("add") == 500
