"""ONNX against the onnx package: its own files field by field, and each of its single-op models shape by shape."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convcost.core.errors import SpecError
from convcost.graph.walk import Walk
from convcost.importers.imported import Imported
from convcost.importers.lower import Lowering
from convcost.importers.model import Body, Model, Op, Stated, Stored
from convcost.importers.onnx.file import read
from convcost.importers.onnx.ops import RULES
from convcost.importers.values import Tensor, Value

onnx = pytest.importorskip("onnx", reason="pip install onnx")
np = pytest.importorskip("numpy")
pytestmark = pytest.mark.oracle

FOLDER = Path(onnx.__file__).parent / "backend" / "test" / "data"
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.onnx"))


# -- field by field ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_the_files_of_the_package_are_read_as_the_package_reads_them(file: str):
    path = str(FOLDER / file)
    assert [*differences(read(path).body, onnx.load(path, load_external_data=False).graph)] == []


def differences(body: Body, graph: Any) -> Iterator[str]:
    """What a graph has otherwise than the package says."""
    stored = {one.name: one for one in graph.initializer}
    constants = {node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == "Constant"}
    for name, tensor in {**stored, **constants}.items():
        yield from tensor_differences(body.tensors[name], tensor)
    ours = {op.outputs: op for op in body.ops}
    theirs = {tuple(node.output): node for node in graph.node if node.op_type != "Constant"}
    if ours.keys() != theirs.keys():
        yield f"ops {ours.keys() ^ theirs.keys()}"
    for outputs, node in theirs.items():
        yield from op_differences(ours[outputs], node)
    if body.outputs != tuple(one.name for one in graph.output):
        yield "outputs"
    if [*body.inputs] != [one.name for one in graph.input if one.name not in body.tensors]:
        yield "inputs"
    for one in (*graph.input, *graph.value_info, *graph.output):
        stated = body.inputs.get(one.name) or body.stated.get(one.name)
        if stated is not None and one.type.tensor_type.HasField("shape"):
            yield from [f"shape of {one.name}"] * (stated.shape != dims_of(one.type.tensor_type.shape))


def dims_of(shape: Any) -> tuple[int | str | None, ...]:
    return tuple(dim.dim_value if dim.dim_value > 0 else dim.dim_param or None for dim in shape.dim)


def op_differences(op: Op, node: Any) -> Iterator[str]:
    if (op.name, op.inputs) != (node.name, tuple(node.input)) or not op.type.endswith(node.op_type):
        yield f"op {op}"
    values = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    if missing := values.keys() - op.attrs.keys():
        yield f"attributes {missing} of {op.name}"
    for name, value in values.items():
        ours = op.attrs[name]
        if isinstance(ours, Body):
            yield from differences(ours, value)
        elif isinstance(ours, Stored):
            yield from tensor_differences(ours, value)
        elif isinstance(ours, tuple):
            yield from [f"{name} of {op.name}"] * ([*ours] != [plain(one) for one in value])
        else:
            yield from [f"{name} of {op.name}"] * (ours != plain(value))


def plain(value: Any) -> Any:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def tensor_differences(ours: Stored, tensor: Any) -> Iterator[str]:
    if ours.shape != tuple(tensor.dims):
        yield f"shape of {ours.name}"
    if ours.contents is not None:
        found = [plain(one) for one in onnx.numpy_helper.to_array(tensor).reshape(-1).tolist()]
        yield from [f"contents of {ours.name}"] * ([*ours.contents] != found)


# -- shape by shape -----------------------------------------------------------------------------------------------

WEIGHTED = {
    "Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "DeformConv", "LSTM", "GRU", "RNN", "BatchNormalization",
    "LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization", "PRelu",
}  # fmt: skip
DATA = {("DeformConv", 2), ("DeformConv", 4)}
"""Inputs of these ops that are no weights."""


@pytest.fixture(scope="module")
def cases() -> list[Any]:
    """The single-op models with which the package tests runtimes: about 1,800, made on the spot."""
    node = pytest.importorskip("onnx.backend.test.case.node")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy, about numbers that overflow on purpose
        found = node.collect_testcases(None)
    return [case for case in found if case.data_sets and "_training_" not in case.name]


@pytest.mark.slow
def test_single_ops_make_the_shapes_that_the_package_says(cases: list[Any], tmp_path: Path):
    """Known shapes are the package's; none is refused; and all but the rarest ops are known."""
    path = tmp_path / "case.onnx"
    wrong, known = [], 0
    for case in cases:
        given, made = case.data_sets[0]
        if not all(hasattr(one, "dtype") for one in (*given, *made)):
            continue  # sequences, tensors that may be absent, and types that numpy does not have
        path.write_bytes(case.model.SerializeToString())
        graph = case.model.graph
        arrays = {one.name: np.asarray(array) for one, array in zip(graph.input, given)}
        try:
            values = lowered(with_data(read(os.fspath(path)).body, arrays))
        except SpecError as error:
            wrong.append(f"{case.name}: {error}")
            continue
        for one, array in zip(graph.output, made):
            value = values[one.name]
            known += not value.lost
            if not value.lost and tuple(value.shape) != array.shape:
                wrong.append(f"{case.name}: {value.shape}, not {array.shape}")
    assert wrong == []
    assert known > 0.8 * len(cases)


def with_data(body: Body, arrays: Mapping[str, Any]) -> Body:
    """The body with its small whole numbers and its weights as stored tensors: here they are inputs, in files they are not."""
    tensors, inputs = dict(body.tensors), dict(body.inputs)
    weights = {
        name
        for op in body.ops
        for i, name in enumerate(op.inputs)
        if op.type in WEIGHTED and i and (op.type, i) not in DATA
    }
    first = next(iter(inputs), None)
    alone = {op.type for op in body.ops} & {"ConstantOfShape", "Range"}
    for name in [*inputs]:
        array = arrays[name]
        small = array.dtype.kind in "iub" and array.ndim <= 1 and array.size <= 32
        factors = array.dtype.kind == "f" and array.ndim <= 1 and name in ("scales", "roi", "min", "max")
        if name in weights or alone or (name != first and (small or factors)):
            dtype = {"f": "fp32", "b": "bool"}.get(array.dtype.kind, "int64")
            contents = tuple(array.reshape(-1).tolist()) if array.size <= 64 else None
            tensors[name] = Stored(name, array.shape, dtype, contents)
            del inputs[name]
        else:
            inputs[name] = Stated(array.shape, inputs[name].dtype)
    return replace(body, inputs=inputs, tensors=tensors)


def lowered(body: Body) -> Mapping[str, Value]:
    """What the names of a body stand for, with every axis of the inputs kept, the first one too."""
    walk = Walk({f"in{i}": tuple(one.shape or ()) or (1,) for i, one in enumerate(body.inputs.values())})
    low = Lowering(Imported(Model("onnx", "case.onnx", "case", "", body)).whole, RULES, walk)
    given = {}
    for i, (name, stated) in enumerate(body.inputs.items()):
        shape = tuple(size for size in stated.shape or () if isinstance(size, int))
        axes = tuple(range(len(shape) or 1))
        tensor = Tensor(shape or (1,), axes, axes, {axes: f"in{i}"})
        given[name] = Value(shape, stated.dtype, tensor, tuple(range(len(shape))))
    low.run(given)
    return low.values
