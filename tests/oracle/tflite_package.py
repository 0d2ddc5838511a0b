"""A TFLite file by the package `tflite`, as the schema's compiler generates it, beside the reader of convcost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from convcost.importers.model import Body, Model
from convcost.importers.tflite.schema import WORDS, dtype_of, fields


def camel(name: str) -> str:
    """How the generated code calls a field.

    >>> camel("stride_w"), camel("seed2")
    ('StrideW', 'Seed2')
    """
    return "".join(part.capitalize() for part in name.split("_"))


def stated(options: Any, name: str, kind: str) -> Any:
    """A field of a table of options, in the words of convcost's reader."""
    method = camel(name)
    if kind.endswith("[]"):
        return tuple(getattr(options, method)(i) for i in range(getattr(options, f"{method}Length")()))
    value = getattr(options, method)()
    if kind == "text":
        return (value or b"").decode()
    if kind == "type":
        return dtype_of(value)
    return WORDS[kind][value] if kind in WORDS else value


def options_class(tflite: ModuleType, name: str) -> type[Any]:
    """The generated class of a table of options."""
    return getattr(tflite, name if name.endswith("Options") else f"{name}Options")  # type: ignore[no-any-return]


def differences(tflite: ModuleType, data: bytes, model: Model) -> Iterator[str]:
    """Where a file is not what the model says of its first subgraph, field by field."""
    root = tflite.Model.GetRootAs(data, 0)
    graph = root.Subgraphs(0)
    names = [*_names(graph, model.body)]
    for i, op in enumerate(model.body.ops):
        table = graph.Operators(i)
        yield from (f"op {i}: {what}" for what in _operator(tflite, root, table, op, names))
    if len(model.body.ops) != graph.OperatorsLength():
        yield "another number of operators"
    for i, name in enumerate(names):
        yield from (f"tensor {i} {name}: {what}" for what in _tensor(root, graph.Tensors(i), name, model.body))
    inputs = [names[graph.Inputs(i)] for i in range(graph.InputsLength())]
    outputs = [names[graph.Outputs(i)] for i in range(graph.OutputsLength())]
    if inputs != [*model.body.inputs] or outputs != [*model.body.outputs]:
        yield "other inputs or outputs"


def _names(graph: Any, body: Body) -> Iterator[str]:
    """What the model calls each tensor: as the file does, but for inputs, and for names that occur twice."""
    inputs = dict(zip((graph.Inputs(i) for i in range(graph.InputsLength())), body.inputs))
    raw = [(graph.Tensors(i).Name() or b"").decode() for i in range(graph.TensorsLength())]
    for i, name in enumerate(raw):
        yield inputs.get(i) or (name if name and raw.count(name) == 1 else f"{name}#{i}")


def _operator(tflite: ModuleType, root: Any, table: Any, op: Any, names: list[str]) -> Iterator[str]:
    code = root.OperatorCodes(table.OpcodeIndex())
    number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    called = code.CustomCode().decode() if number == tflite.BuiltinOperator.CUSTOM else tflite.opcode2name(number)
    if op.type != called:
        yield f"{op.type}, not {called}"
    inputs = [names[at] if (at := table.Inputs(i)) >= 0 else "" for i in range(table.InputsLength())]
    outputs = [names[table.Outputs(i)] for i in range(table.OutputsLength())]
    if (inputs, outputs) != ([*op.inputs], [*op.outputs]):
        yield "other inputs or outputs"
    kind = table.BuiltinOptionsType()
    name = next((word for word, value in vars(tflite.BuiltinOptions).items() if value == kind), "NONE")
    if name == "NONE" or table.BuiltinOptions() is None:
        return
    options = options_class(tflite, name)()
    options.Init(table.BuiltinOptions().Bytes, table.BuiltinOptions().Pos)
    for field in fields(re.sub("Options$", "", name)):
        if field.kind != "body" and op.attrs[field.name] != (value := stated(options, field.name, field.kind)):
            yield f"{field.name} is {op.attrs[field.name]}, not {value}"


def _tensor(root: Any, table: Any, name: str, body: Body) -> Iterator[str]:
    shape = tuple(table.Shape(i) for i in range(table.ShapeLength()))
    signature = tuple(table.ShapeSignature(i) for i in range(table.ShapeSignatureLength()))
    buffer = root.Buffers(table.Buffer())
    dtype = dtype_of(table.Type())
    if buffer.DataLength():
        stored = body.tensors[name]
        if (stored.shape, stored.dtype) != (shape, dtype):
            yield f"stored as {stored.shape} {stored.dtype}, not {shape} {dtype}"
        if stored.contents is not None:
            letters = {"fp32": "<f4", "fp16": "<f2", "fp64": "<f8", "bool": "?"}
            read = np.frombuffer(buffer.DataAsNumpy().tobytes(), letters.get(dtype, dtype))
            if not np.array_equal(read, np.array(stored.contents, read.dtype), equal_nan=dtype[:2] == "fp"):
                yield "other contents"
        return
    if name in body.tensors:
        if 0 not in shape:
            yield "stored without a byte"
        return
    found = body.stated[name]
    open_ = tuple(None if size == -1 else size for size in signature or shape)
    if found.dtype != dtype or (found.shape is not None and found.shape != open_):
        yield f"stated as {found}, not {open_} {dtype}"
