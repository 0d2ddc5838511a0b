"""Sizes of the structures that TensorFlow Lite Micro keeps in its arena, where pointers have 64 and 32 bits.

With 64 bits they are those of the build that `tflite-micro` from PyPI has, which records what it allocates and can unpack
compressed tensors; with 32 bits those of a firmware, which does neither. Alignment is that of the widest member.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Struct(NamedTuple):
    """Bytes of a structure."""

    wide: int
    """With pointers of 64 bits."""
    narrow: int
    """With pointers of 32 bits."""
    pointers: bool = False
    """Whether a pointer, or another number of its width, is the widest member; else it is one of `align` bytes."""
    align: int = 4

    def size(self, wide: bool) -> int:
        """Bytes with pointers of 64 bits or of 32."""
        return self.wide if wide else self.narrow

    def aligned(self, wide: bool) -> int:
        """What its address is a multiple of.

        >>> EVAL_TENSOR.aligned(True), EVAL_TENSOR.aligned(False)
        (8, 4)
        """
        return (8 if wide else 4) if self.pointers else self.align


def _plain(size: int, align: int = 4) -> Struct:
    """A structure without pointers: the same everywhere."""
    return Struct(size, size, align=align)


ALLOCATOR: Final = Struct(104, 40, pointers=True)
"""RecordingSingleArenaBufferAllocator: 13 words; SingleArenaBufferAllocator: 10."""
PLANNER: Final = Struct(72, 44, pointers=True)
"""GreedyMemoryPlanner."""
MICRO_ALLOCATOR: Final = Struct(272, 36, pointers=True)
"""RecordingMicroAllocator: 10 words and 8 records of 3; MicroAllocator: 9 words."""
BUILTIN_ALLOCATOR: Final = Struct(16, 8, pointers=True)
"""MicroBuiltinDataAllocator."""
SUBGRAPH: Final = Struct(24, 8, pointers=True)
"""SubgraphAllocations: nodes and tensors, and the list of compressed tensors."""
EVAL_TENSOR: Final = Struct(24, 12, pointers=True)
"""TfLiteEvalTensor: data, dims, type."""
NODE: Final = Struct(64, 32, pointers=True)
"""NodeAndRegistration."""
TENSOR: Final = Struct(64, 40, pointers=True)
"""TfLiteTensor."""
QUANTIZATION: Final = Struct(24, 12, pointers=True)
"""TfLiteAffineQuantization: scales, zero points, the axis."""
SCRATCH: Final = Struct(8, 4, pointers=True)
"""ScratchBufferHandle."""
RESOURCES: Final = Struct(16, 12, pointers=True)
"""MicroResourceVariables."""
RESOURCE: Final = Struct(40, 20, pointers=True)
"""MicroResourceVariable: its two names, its elements, their bytes, its number."""
POINTER: Final = Struct(8, 4, pointers=True)

OPTIONS: Final = {
    "ADD": _plain(8),
    "ARG_MAX": _plain(4),
    "ARG_MIN": _plain(4),
    "AVERAGE_POOL_2D": _plain(40),
    "BATCH_MATMUL": _plain(3, 1),
    "CALL_ONCE": _plain(4),
    "CAST": _plain(8),
    "CONCATENATION": _plain(8),
    "CONV_2D": _plain(28),
    "CUMSUM": _plain(2, 1),
    "DEPTHWISE_CONV_2D": _plain(28),
    "DEPTH_TO_SPACE": _plain(4),
    "DIV": _plain(4),
    "FULLY_CONNECTED": Struct(32, 16, pointers=True),
    "GATHER": _plain(8),
    "IF": _plain(8),
    "L2_NORMALIZATION": _plain(4),
    "L2_POOL_2D": _plain(40),
    "LEAKY_RELU": _plain(4),
    "MAX_POOL_2D": _plain(40),
    "MEAN": _plain(1, 1),
    "MIRROR_PAD": _plain(4),
    "MUL": _plain(4),
    "PACK": _plain(8),
    "REDUCE_ALL": _plain(1, 1),
    "REDUCE_MAX": _plain(1, 1),
    "REDUCE_MIN": _plain(1, 1),
    "RESHAPE": _plain(36),
    "RESIZE_BILINEAR": _plain(2, 1),
    "RESIZE_NEAREST_NEIGHBOR": _plain(2, 1),
    "SHAPE": _plain(4),
    "SOFTMAX": _plain(4),
    "SPACE_TO_DEPTH": _plain(4),
    "SPLIT": _plain(4),
    "SPLIT_V": _plain(4),
    "SQUEEZE": _plain(36),
    "STRIDED_SLICE": _plain(24),
    "SUB": _plain(8),
    "SUM": _plain(1, 1),
    "SVDF": _plain(12),
    "TRANSPOSE_CONV": _plain(20),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _plain(16),
    "UNPACK": _plain(8),
    "VAR_HANDLE": Struct(16, 8, pointers=True),
    "WHILE": _plain(8),
}
"""Kernel -> the structure that holds its options; kernels that are not listed have none."""

DATA: Final = {
    "ABS": _plain(28),
    "ADD": _plain(60),
    "ASSIGN_VARIABLE": _plain(4),
    "AVERAGE_POOL_2D": _plain(32),
    "BATCH_MATMUL": Struct(32, 16),
    "CALL_ONCE": _plain(8),
    "CONCATENATION": Struct(80, 24),
    "CONV_2D": Struct(80, 56),
    "DEPTHWISE_CONV_2D": Struct(80, 56),
    "DEQUANTIZE": _plain(32),
    "DIV": _plain(28),
    "ELU": _plain(256),
    "EQUAL": _plain(32),
    "FULLY_CONNECTED": Struct(72, 48),
    "GREATER": _plain(32),
    "GREATER_EQUAL": _plain(32),
    "HARD_SWISH": _plain(20),
    "IF": _plain(8),
    "L2_NORMALIZATION": _plain(4),
    "LEAKY_RELU": _plain(24),
    "LESS": _plain(32),
    "LESS_EQUAL": _plain(32),
    "LOGISTIC": _plain(16),
    "MAX_POOL_2D": _plain(32),
    "MEAN": _plain(44),
    "MIRROR_PAD": _plain(20),
    "MUL": _plain(36),
    "NOT_EQUAL": _plain(32),
    "PAD": _plain(56),
    "PADV2": _plain(56),
    "PRELU": _plain(28),
    "QUANTIZE": _plain(32),
    "REDUCE_ALL": _plain(44),
    "REDUCE_MAX": _plain(44),
    "REDUCE_MIN": _plain(44),
    "RELU": _plain(28),
    "RELU6": _plain(8),
    "RSQRT": _plain(28),
    "SELECT_V2": _plain(1),
    "SOFTMAX": Struct(80, 56),
    "SPACE_TO_BATCH_ND": _plain(4),
    "SQUARED_DIFFERENCE": _plain(112),
    "STRIDED_SLICE": _plain(84),
    "SUB": _plain(52),
    "SUM": _plain(44),
    "SVDF": _plain(36),
    "TANH": _plain(16),
    "TFLite_Detection_PostProcess": _plain(112),
    "TRANSPOSE_CONV": Struct(88, 72),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _plain(688),
    "VAR_HANDLE": _plain(4),
    "WHILE": _plain(8),
}
"""Kernel -> its OpData; kernels that are not listed have none."""

CMSIS: Final = {
    "AVERAGE_POOL_2D": _plain(36),
    "CONV_2D": Struct(88, 60),
    "DEPTHWISE_CONV_2D": Struct(88, 60),
    "FULLY_CONNECTED": Struct(96, 68),
    "MAX_POOL_2D": _plain(36),
    "SOFTMAX": Struct(88, 64),
    "SVDF": Struct(56, 44),
    "TRANSPOSE_CONV": Struct(96, 76),
}
"""Kernel of CMSIS-NN -> its OpData, where it is not that of the reference: the number of a buffer, pointers, sizes."""

OTHERS: Final = frozenset(
    [
        "ADD_N",
        "ARG_MAX",
        "ARG_MIN",
        "BATCH_TO_SPACE_ND",
        "BROADCAST_ARGS",
        "BROADCAST_TO",
        "CAST",
        "CEIL",
        "COS",
        "CUMSUM",
        "DEPTH_TO_SPACE",
        "DYNAMIC_UPDATE_SLICE",
        "EMBEDDING_LOOKUP",
        "EXP",
        "EXPAND_DIMS",
        "FILL",
        "FLOOR",
        "FLOOR_DIV",
        "FLOOR_MOD",
        "GATHER",
        "GATHER_ND",
        "L2_POOL_2D",
        "LOG",
        "LOGICAL_AND",
        "LOGICAL_NOT",
        "LOGICAL_OR",
        "LOG_SOFTMAX",
        "MAXIMUM",
        "MINIMUM",
        "NEG",
        "PACK",
        "READ_VARIABLE",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "REVERSE_V2",
        "ROUND",
        "SHAPE",
        "SIN",
        "SLICE",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SPLIT_V",
        "SQRT",
        "SQUARE",
        "SQUEEZE",
        "TRANSPOSE",
        "UNPACK",
        "ZEROS_LIKE",
    ]
)
"""Kernels without OpData."""


def data(kernel: str, library: str) -> Struct | None:
    """The OpData of a kernel of a library; None if it has none.

    >>> data("CONV_2D", "cmsis_nn").size(wide=False), data("RESHAPE", "reference")
    (60, None)
    """
    return (CMSIS.get(kernel) if library != "reference" else None) or DATA.get(kernel)


def known(kernel: str) -> bool:
    """Whether the runtime has this kernel.

    >>> known("CONV_2D"), known("POW")
    (True, False)
    """
    return kernel in DATA or kernel in OTHERS
