"""Types of tensors that a file does not state, and tensors that are whole numbers although the file calls them fractions.

A network that was quantised by pairs of ops (QuantizeLinear, DequantizeLinear) states fractions between them; runtimes keep
whole numbers there, and compute with these. So does a tensor that only QuantizeLinear reads have its type.
"""

from __future__ import annotations

from collections import ChainMap, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from convcost.importers.model import Body, Op, Stated, Stored, bodies
from convcost.importers.onnx.tensors import DTYPES

TRUTHS = frozenset({
    "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor", "Not", "IsNaN", "IsInf",
})  # fmt: skip
"""Ops that make truth values."""
_FIXED = {
    **dict.fromkeys(TRUTHS, "bool"),
    **dict.fromkeys(("Shape", "Size", "NonZero", "ArgMax", "ArgMin", "SequenceLength"), "int64"),
    **dict.fromkeys(("ConvInteger", "MatMulInteger"), "int32"),
    "DynamicQuantizeLinear": "uint8",
    **dict.fromkeys(("com.microsoft.MatMulIntegerToFloat", "com.microsoft.DynamicQuantizeMatMul"), "fp32"),
}
"""Type of op -> the type of what it makes, whatever it reads."""
_LIKE = {
    "Where": 1, "CastLike": 1, "OneHot": 2, "DequantizeLinear": 1, "QLinearConv": 7, "QLinearMatMul": 7,
    "com.microsoft.QLinearConv": 7, "com.microsoft.QLinearMatMul": 7, "com.microsoft.QLinearAdd": 7,
    "com.microsoft.QLinearMul": 7, "com.microsoft.QGemm": 8, "com.microsoft.QLinearSigmoid": 4,
    "com.microsoft.QLinearLeakyRelu": 4, "com.microsoft.QLinearGlobalAveragePool": 4, "com.microsoft.QLinearSoftmax": 4,
    "com.microsoft.QLinearAveragePool": 4, "com.microsoft.QLinearConcat": 1, "com.microsoft.DequantizeLinear": 1,
}  # fmt: skip
"""Type of op -> the input that has the type of what it makes, where that is not the first one."""
_SECOND = {"TopK": "int64", "MaxPool": "int64", "Dropout": "bool", "DynamicQuantizeLinear": "fp32"}
"""Type of op -> the type of its second result."""
QUANTISE = ("QuantizeLinear", "com.microsoft.QuantizeLinear")
DEQUANTISE = ("DequantizeLinear", "com.microsoft.DequantizeLinear")
_MERGED = ("Relu", "Clip")
"""Ops that runtimes for whole numbers compute within the op before them."""


def complete(body: Body, stated: dict[str, Stated], around: ChainMap[str, str] | None = None) -> None:
    """Add to what is stated of a body's tensors the types that follow from its ops."""
    types = around.new_child() if around is not None else ChainMap({})
    types.update({name: one.dtype for name, one in body.tensors.items()})
    types.update({name: one.dtype for name, one in body.inputs.items()})
    for op in body.ops:
        for i, name in enumerate(op.outputs):
            if name:
                known = stated.get(name)
                types[name] = known.dtype if known is not None and known.dtype else type_made(op, i, types)
        for inner in bodies(op):
            if isinstance(inner.stated, dict):
                complete(inner, inner.stated, types)
    types.update(kept_whole(body, types))
    for name in (name for op in body.ops for name in op.outputs if name and types[name]):
        known = stated.get(name)
        if known is None or known.dtype != types[name]:
            stated[name] = Stated(known.shape if known is not None else None, types[name])


def type_made(op: Op, i: int, types: Mapping[str, str]) -> str:
    """The type of the i-th result of an op; empty if it is not known.

    >>> type_made(Op("Cast", "", ("x",), ("y",), {"to": 10}), 0, {"x": "fp32"})
    'fp16'
    """
    if i and op.type in _SECOND:
        return _SECOND[op.type] if i == 1 else "uint8"
    if op.type in _FIXED:
        return _FIXED[op.type]
    if said := _said(op):
        return said
    if op.type in QUANTISE:
        return _read(op, 2, types) or "uint8"
    if op.type in _LIKE:
        return _read(op, _LIKE[op.type], types)
    return next((dtype for name in op.inputs if (dtype := types.get(name, ""))), "")


def _said(op: Op) -> str:
    """The type that an attribute says."""
    number = op.attrs.get({"Cast": "to"}.get(op.type, "output_dtype" if op.type in QUANTISE else ""))
    value = op.attrs.get("value")
    if op.type == "ConstantOfShape":
        return value.dtype if isinstance(value, Stored) else "fp32"
    return DTYPES.get(number, "") if isinstance(number, int) else ""


def _read(op: Op, i: int, types: Mapping[str, str]) -> str:
    return types.get(op.inputs[i], "") if i < len(op.inputs) else ""


def kept_whole(body: Body, types: Mapping[str, str]) -> dict[str, str]:
    """The tensors that a runtime keeps as whole numbers, between pairs of ops that make fractions of them and back."""
    readers: dict[str, list[Op]] = defaultdict(list)
    for op in body.ops:
        for name in {*op.inputs, *(name for inner in bodies(op) for one in inner.ops for name in one.inputs)}:
            readers[name].append(op)
    outside = {*body.inputs, *body.outputs, *body.tensors, ""}
    whole: dict[str, str] = {}
    for op in reversed(body.ops):
        for name in op.outputs:
            if name not in outside and (dtype := _stays(op, readers[name], whole, types)):
                whole[name] = dtype
    return whole


def _stays(op: Op, readers: Sequence[Op], whole: Mapping[str, str], types: Mapping[str, str]) -> str:
    """The type of whole numbers that all readers of what an op makes take it as; empty if one takes fractions."""
    if op.type in DEQUANTISE:
        stays = readers and all(one.type in QUANTISE or all(name in whole for name in one.outputs) for one in readers)
        return _read(op, 0, types) if stays else ""
    taken = {*(_taken(readers, whole, types))}
    return taken.pop() if len(taken) == 1 else ""


def _taken(readers: Sequence[Op], whole: Mapping[str, str], types: Mapping[str, str]) -> Iterator[str]:
    for one in readers:
        if one.type in QUANTISE:
            yield types.get(one.outputs[0], "")
        elif one.type in _MERGED:
            yield whole.get(one.outputs[0], "")
        else:
            yield ""
