"""Quantised networks: what stands between whole numbers and fractions, and the ops over whole numbers.

A quantised tensor is the tensor with another type; scales and zero points are no parameters. Ops that hold them among their
inputs are the ops that they would be without.
"""

from __future__ import annotations

from dataclasses import replace

from convcost.core.errors import Unfit
from convcost.importers.accounts import FLOATS
from convcost.importers.build import combined, linear, whole_pooled
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.onnx.choosing import embedded, is_table, picked
from convcost.importers.onnx.elementwise import ACTIVATIONS
from convcost.importers.onnx.matrices import multiplied, product_of, unpacked
from convcost.importers.onnx.reductions import over_axes
from convcost.importers.onnx.shapes import join
from convcost.importers.onnx.steps import Steps
from convcost.importers.onnx.table import axes_of, of_microsoft, rule, whole
from convcost.importers.onnx.tensors import DTYPES
from convcost.importers.onnx.types import DEQUANTISE, QUANTISE
from convcost.importers.onnx.windows import convolved, image, of_filters, pooled
from convcost.importers.values import axis_in

_QUANT = tuple(
    f"{domain}.{kind}"
    for domain in ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
    for kind in ("Quant", "IntQuant", "FloatQuant", "BipolarQuant", "Trunc", "MultiThreshold")
)
"""Ops of QONNX and Brevitas, that round to few bits."""


def aside(low: Lowering, op: Op, *positions: int) -> None:
    """Note scales and zero points, which are no parameters."""
    for i in positions:
        value = low.find(op.inputs[i]) if i < len(op.inputs) else None
        if value is not None:
            low.accounts.set_aside(value.stored)


def type_of(low: Lowering, op: Op, position: int, default: str) -> str:
    """The type of an input, which says that of the result."""
    value = low.find(op.inputs[position]) if position < len(op.inputs) else None
    return value.dtype if value is not None and value.dtype else default


@rule(*QUANTISE, wants="same")
def quantize(low: Lowering, op: Op) -> None:
    """Nothing, where the tensor is one of whole numbers from the start; else they are made here."""
    aside(low, op, 1, 2)
    given = DTYPES.get(whole(op, "output_dtype", 0), "")
    converted(low, op, "quantize", given or type_of(low, op, 2, "uint8"), op.inputs[0])


@rule(*DEQUANTISE, wants="same")
def dequantize(low: Lowering, op: Op) -> None:
    aside(low, op, 1, 2)
    given = DTYPES.get(whole(op, "output_dtype", 0), "")
    converted(low, op, "dequantize", given or type_of(low, op, 1, "fp32"), op.outputs[0])


def converted(low: Lowering, op: Op, function: str, dtype: str, other: str) -> None:
    """Whole numbers made of fractions, or fractions of them, unless the fractions are whole numbers themselves."""
    x, stated = low.read(op), low.stated(other)
    if x.is_constant or (stated is not None and stated.dtype not in FLOATS):
        rounded(low, op, dtype)
    else:
        low.pointwise(op, "function", x, {"of": function})


@rule(*_QUANT, wants="same")
def quant(low: Lowering, op: Op) -> None:
    aside(low, op, *range(1, len(op.inputs)))
    rounded(low, op, low.read(op).dtype)


def rounded(low: Lowering, op: Op, dtype: str) -> None:
    """The same tensor as another type; its elements are others."""
    x = low.read(op)
    low.define(op, replace(x, dtype=dtype, contents=None if x.stored else x.contents))


@rule("DynamicQuantizeLinear", wants="same")
def quantize_by_range(low: Lowering, op: Op) -> None:
    """Whole numbers by the smallest and the largest element, which are looked for first."""
    x = low.read(op)
    low.pointwise(op, "function", x, {"of": "quantize"})
    steps = Steps(low, op)
    largest = Op("ReduceMax", op.name, op.inputs, steps.op(op.inputs[0]).outputs, {}, op.path)
    over_axes(low, largest, x, range(x.rank), keep=False)
    for i in (1, 2):
        steps.done(largest.outputs[0], i)


# -- convolutions and products -----------------------------------------------------------------------------------------


@rule("ConvInteger", wants=1)
def conv_integer(low: Lowering, op: Op) -> None:
    aside(low, op, 2, 3)
    weights = low.read(op, 1)
    convolved(low, op, low.read(op), of_filters(low, op, weights), weights, None)


@rule("QLinearConv", *of_microsoft("QLinearConv"), wants=1)
def qlinear_conv(low: Lowering, op: Op) -> None:
    aside(low, op, 1, 2, 4, 5, 6, 7)
    if whole(op, "channels_last", 0):
        raise Unsupported("a quantised convolution with channels last")
    weights = low.read(op, 3)
    convolved(low, op, low.read(op), of_filters(low, op, weights), weights, low.optional(op, 8))


@rule("MatMulInteger", wants=-1)
def matmul_integer(low: Lowering, op: Op) -> None:
    aside(low, op, 2, 3)
    multiplied(low, op, low.read(op), low.read(op, 1))


@rule(*of_microsoft("MatMulInteger16"), wants=-1)
def matmul_wide(low: Lowering, op: Op) -> None:
    multiplied(low, op, low.read(op), low.read(op, 1))


@rule("QLinearMatMul", *of_microsoft("QLinearMatMul"), wants=-1)
def qlinear_matmul(low: Lowering, op: Op) -> None:
    aside(low, op, 1, 2, 4, 5, 6, 7)
    multiplied(low, op, low.read(op), low.read(op, 3))


@rule(*of_microsoft("QGemm"), wants=-1)
def qgemm(low: Lowering, op: Op) -> None:
    aside(low, op, 1, 2, 4, 5, 7, 8)
    flips = bool(whole(op, "transA", 0)), bool(whole(op, "transB", 0))
    product_of(low, op, low.read(op), low.read(op, 3), low.optional(op, 6), *flips)


@rule(*of_microsoft("MatMulIntegerToFloat", "DynamicQuantizeMatMul"), wants=-1)
def matmul_to_fractions(low: Lowering, op: Op) -> None:
    dynamic = op.type.endswith("DynamicQuantizeMatMul")
    aside(low, op, *((2, 3) if dynamic else (2, 3, 4, 5)))
    x, weights, bias = low.read(op), low.read(op, 1), low.optional(op, 4 if dynamic else 6)
    if weights.is_constant and weights.rank == 2 and (bias is None or bias.is_constant):
        linear(low, op, x, -1, weights.shape[1], weights, bias)
    elif bias is None:
        multiplied(low, op, x, weights)
    else:
        raise Unsupported("a product of two activations with a bias")


# -- other ops over whole numbers ----------------------------------------------------------------------------------------


@rule(*of_microsoft("QLinearAdd", "QLinearMul"), wants="same")
def qlinear_binary(low: Lowering, op: Op) -> None:
    aside(low, op, 1, 2, 4, 5, 6, 7)
    function = "add" if op.type.endswith("Add") else "multiply"
    combined(low, op, function, [low.read(op), low.read(op, 3)])


@rule(*of_microsoft("GatherBlockQuantized"))
def gather_packed(low: Lowering, op: Op) -> None:
    """Chosen parts of a stored table of a few bits each, of which a byte holds several, with a scale for each block."""
    aside(low, op, 2, 3)
    x, indices, bits = low.read(op), low.read(op, 1), whole(op, "bits", 4)
    if bits not in (4, 8):
        raise Unfit(f"bits must be 4 or 8, got {bits}")
    if x.dtype == "uint8" and len(x.stored) == 1 and bits == 4:
        x = unpacked(low, x, (*x.stored[0].shape[:-1], 2 * x.stored[0].shape[-1]), "int4")
    axis = axis_in(whole(op, "gather_axis", 0), x.rank)
    if is_table(x, axis) and not indices.is_constant:
        embedded(low, op, x, indices)
    else:
        picked(low, op, x, indices, axis)


@rule(*of_microsoft("QLinearConcat"), wants=None)
def qlinear_concat(low: Lowering, op: Op) -> None:
    places = range(2, len(op.inputs), 3)
    aside(low, op, *(i for i in range(len(op.inputs)) if i not in places))
    join(low, op, [low.read(op, i) for i in places], whole(op, "axis"))


@rule(*of_microsoft("QLinearSigmoid", "QLinearLeakyRelu"), wants="same")
def qlinear_activation(low: Lowering, op: Op) -> None:
    aside(low, op, 1, 2, 3, 4)
    low.pointwise(op, ACTIVATIONS[op.type.rpartition("QLinear")[2]], low.read(op))


def _channels(op: Op, _made: int | None) -> int:
    """Where an op that may have its channels last has them."""
    return -1 if op.attrs.get("channels_last") else 1


@rule(*of_microsoft("QLinearGlobalAveragePool", "QLinearAveragePool"), wants=_channels)
def qlinear_pool(low: Lowering, op: Op) -> None:
    aside(low, op, 1, 2, 3, 4)
    x = image(low, op)
    channel = x.rank - 1 if whole(op, "channels_last", 0) else 1
    if op.type.endswith("QLinearAveragePool"):
        pooled(low, op, x, "avg_pool", channel)
    else:
        whole_pooled(low, op, x, channel, x.rank - 2, "mean")


@rule(*of_microsoft("QLinearReduceMean"))
def qlinear_mean(low: Lowering, op: Op) -> None:
    aside(low, op, 1, 2, 3, 4)
    x = low.read(op)
    gone = [axis_in(axis, x.rank) for axis in axes_of(low, replace(op, inputs=op.inputs[:1])) or range(x.rank)]
    over_axes(low, replace(op, type="ReduceMean"), x, gone, bool(whole(op, "keepdims", 1)))


@rule(*of_microsoft("QLinearWhere"), wants=None)
def qlinear_where(low: Lowering, op: Op) -> None:
    aside(low, op, 2, 3, 5, 6, 7, 8)
    combined(low, op, "where", [low.read(op), low.read(op, 1), low.read(op, 4)])


@rule(*of_microsoft("QEmbedLayerNormalization", "QOrderedMatMul"))
def ordered(low: Lowering, op: Op) -> None:
    del low, op
    raise Unsupported("a layout of onnxruntime for one kind of device")
