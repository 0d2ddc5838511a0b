"""ONNX files written by hand, field by field, so that tests need no package to make one.

The numbers are those of onnx.proto3. `onnx_model` takes what the helpers beside it make.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

TYPES = {"fp32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "fp16": 10, "fp64": 11}
CODES = {"fp32": "f", "uint8": "B", "int8": "b", "int32": "i", "int64": "q", "bool": "?", "fp16": "e", "fp64": "d"}


def varint(value: int) -> bytes:
    """A whole number of 64 bits in the form of protobuf: seven bits a byte, the lowest first."""
    value &= (1 << 64) - 1
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def put(number: int, value: float | str | bytes | None) -> bytes:
    """A field; nothing for None."""
    if value is None:
        return b""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def many(number: int, values: Iterable[float | str | bytes]) -> bytes:
    """A field that occurs several times."""
    return b"".join(put(number, value) for value in values)


def raw(values: Sequence[Any], dtype: str = "fp32") -> bytes:
    """Elements as bytes, the lowest first."""
    return struct.pack(f"<{len(values)}{CODES[dtype]}", *values)


class TensorBytes(bytes):
    """A TensorProto."""


class GraphBytes(bytes):
    """A GraphProto."""


def onnx_tensor(
    name: str, shape: Sequence[int], dtype: str | int = "fp32", values: Sequence[Any] | None = None
) -> TensorBytes:
    """A stored tensor; without values it has as many zeros as its shape says."""
    kind = TYPES[dtype] if isinstance(dtype, str) else dtype
    data = b""
    if isinstance(dtype, str):
        data = put(9, raw([0] * prod(shape) if values is None else values, dtype))
    return TensorBytes(many(1, shape) + put(2, kind) + put(8, name) + data)


def onnx_constant(values: Sequence[int] | int, dtype: str = "int64", name: str = "") -> TensorBytes:
    """A list of numbers, or a single one, as a tensor."""
    if isinstance(values, (int, float)):
        return onnx_tensor(name, (), dtype, [values])
    return onnx_tensor(name, (len(values),), dtype, values)


#: What a value is in Python, its number as a kind of attribute, and the fields of one and of several such values.
KINDS = (
    (TensorBytes, 4, 5, 10),
    (GraphBytes, 5, 6, 11),
    (str, 3, 4, 9),
    (float, 1, 2, 7),
    ((int, list, tuple), 2, 3, 8),
)


def onnx_attribute(name: str, value: Any) -> bytes:
    """An attribute of the kind that its value says; an empty list is one of whole numbers."""
    first = value[0] if isinstance(value, (list, tuple)) and value else value
    kind, one, several = next(found for sort, *found in KINDS if isinstance(first, sort))
    if not isinstance(value, (list, tuple)):
        return put(1, name) + put(one, value) + put(20, kind)
    return put(1, name) + many(several, value) + put(20, kind + 5)


def onnx_node(
    kind: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    name: str = "",
    domain: str = "",
    kept: Mapping[str, str] | None = None,
    **attrs: Any,
) -> bytes:
    """An op."""
    return (
        many(1, inputs)
        + many(2, outputs)
        + put(3, name or None)
        + put(4, kind)
        + many(5, (onnx_attribute(key, value) for key, value in attrs.items()))
        + put(7, domain or None)
        + many(9, (put(1, key) + put(2, value) for key, value in (kept or {}).items()))
    )


def onnx_value(name: str, shape: Sequence[int | str | None] | None, dtype: str | int = "fp32") -> bytes:
    """What is stated of a tensor: sizes, names of open sizes, None for nothing."""
    kind = TYPES[dtype] if isinstance(dtype, str) else dtype
    stated = b""
    if shape is not None:
        dims = (put(2, size) if isinstance(size, str) else put(1, size) for size in shape)
        stated = put(2, many(1, dims))
    return put(1, name) + put(2, put(1, put(1, kind) + stated))


def onnx_graph(
    nodes: Iterable[bytes],
    inputs: Iterable[bytes] = (),
    outputs: Iterable[str | bytes] = (),
    tensors: Iterable[bytes] = (),
    stated: Iterable[bytes] = (),
    name: str = "g",
) -> GraphBytes:
    """A graph; outputs may be names alone."""
    results = (put(1, one) if isinstance(one, str) else one for one in outputs)
    return GraphBytes(
        many(1, nodes) + put(2, name) + many(5, tensors) + many(11, inputs) + many(12, results) + many(13, stated)
    )


def onnx_function(
    domain: str,
    name: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    nodes: Iterable[bytes],
    attrs: Sequence[str] = (),
) -> bytes:
    """A function of the file's own."""
    return put(1, name) + many(4, inputs) + many(5, outputs) + many(6, attrs) + many(7, nodes) + put(10, domain)


def onnx_model(
    graph: bytes, opset: int | Mapping[str, int] = 17, producer: str = "tests", functions: Iterable[bytes] = ()
) -> bytes:
    """A file."""
    opsets = {"": opset} if isinstance(opset, int) else opset
    versions = (put(1, domain) + put(2, version) for domain, version in opsets.items())
    return put(1, 8) + put(2, producer) + put(7, bytes(graph)) + many(8, versions) + many(25, functions)
