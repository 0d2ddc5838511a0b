"""TFLite files against the package `tflite`, which the compiler of the schema generates: every word, every option, whole files."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from helpers.tflite_bytes import File, Graph, Scalar, flatbuffer

from convcost.importers.tflite.file import parse
from convcost.importers.tflite.schema import OPERATORS, OPTIONS, OPTIONS_2, TYPES, WORDS, Field, fields, options_of

from .tflite_package import camel, differences, options_class, stated

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def tflite() -> ModuleType:
    return pytest.importorskip("tflite", reason="pip install tflite")  # type: ignore[no-any-return]


def numbered(enumeration: type[Any]) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def test_operators_and_unions_have_their_numbers(tflite: ModuleType):
    assert dict(enumerate(OPERATORS)) == numbered(tflite.BuiltinOperator)
    for ours, theirs in ((OPTIONS, tflite.BuiltinOptions), (OPTIONS_2, tflite.BuiltinOptions2)):
        assert dict(enumerate(ours)) == {at: name.removesuffix("Options") for at, name in numbered(theirs).items()}


def test_types_have_their_numbers(tflite: ModuleType):
    short = {"FLOAT": "fp", "BFLOAT": "bf", "INT": "int", "UINT": "uint", "BOOL": "bool"}
    for at, name in numbered(tflite.TensorType).items():
        letters = name.rstrip("0123456789")
        assert TYPES[at] == (short[letters] + name[len(letters) :] if letters in short else "-")


def test_words_have_their_numbers(tflite: ModuleType):
    theirs = {
        "padding": tflite.Padding,
        "activation": tflite.ActivationFunctionType,
        "weights": tflite.FullyConnectedOptionsWeightsFormat,
        "mirror": tflite.MirrorPadMode,
        "kernel": tflite.LSTMKernelType,
        "combiner": tflite.CombinerType,
        "window": tflite.ReduceWindowFunction,
        "direction": tflite.StablehloComparisonDirection,
    }
    assert {*theirs} == {*WORDS}
    for kind, enumeration in theirs.items():
        prefix = "STABLEHLO_COMPARISON_DIRECTION_"
        assert dict(enumerate(WORDS[kind])) == {
            at: name.removeprefix(prefix) for at, name in numbered(enumeration).items()
        }


def value_of(field: Field, seed: int) -> Any:
    """A value that no other field of the table has, and that is not the default."""
    if field.kind.endswith("[]"):
        return [seed % 2 == 0, True] if field.kind[0] == "?" else [seed + 1, seed + 2]
    if field.kind == "text":
        return f"text {seed}"
    if field.kind == "?":
        return not field.default
    if field.kind in WORDS:
        return WORDS[field.kind][1]
    if field.kind == "type":
        return "int8"
    return seed + 2


TABLES = sorted({name for name in (*OPTIONS, *OPTIONS_2) if fields(name)})


@pytest.mark.parametrize("name", TABLES)
def test_each_option_is_where_the_schema_has_it(tflite: ModuleType, name: str):
    """A file that convcost's table of fields wrote, one field after the other, read by the generated code; and empty tables."""
    kind = next(kind for kind in OPERATORS if options_of(kind) == name)
    for seed, field in enumerate(fields(name)):
        if field.kind == "body":
            continue
        value = value_of(field, seed)
        data = written(kind, {field.name: value})
        options = their_options(tflite, data, name)
        ours = parse(data, "options.tflite").body.ops[0].attrs
        for other in fields(name):
            if other.kind != "body":
                assert stated(options, other.name, other.kind) == ours[other.name], other.name
        assert ours[field.name] == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize("name", TABLES)
def test_no_option_that_costs_depend_on_is_left_out(tflite: ModuleType, name: str):
    known = {camel(field.name) for field in fields(name)}
    theirs = {
        method
        for method in vars(options_class(tflite, name))
        if method[0].isupper() and not method.startswith(("GetRoot", "Init")) and "BufferHas" not in method
    }
    theirs = {m for m in theirs if not m.endswith(("AsNumpy", "Length", "IsNone"))}
    left_out = {"PrecisionConfig", "CompareType", "Algorithm", "CalledComputations", "CustomAttributes"}
    assert theirs - known <= left_out | {"CompositeAttributes", "CompositeAttributesFormat", "Version"}


def written(kind: str, options: dict[str, Any]) -> bytes:
    file = File()
    graph = Graph(file)
    x, y = graph.tensor("x", [1]), graph.tensor("y", [1])
    graph.op(kind, [x], [y], **options)
    file.graphs += [graph.table([x], [y]), Graph(file).table([], [])]
    for table in graph.ops:
        inner = table.get(4, table.get(12))
        inner.update({field.slot: Scalar("i", 1) for field in fields(options_of(kind)) if field.kind == "body"})
    return file.bytes()


def their_options(tflite: ModuleType, data: bytes, name: str) -> Any:
    op = tflite.Model.GetRootAs(data, 0).Subgraphs(0).Operators(0)
    table = op.BuiltinOptions() if name in OPTIONS else op.BuiltinOptions2()
    options = options_class(tflite, name)()
    options.Init(table.Bytes, table.Pos)
    return options


def test_a_whole_file(tflite: ModuleType):
    file = File()
    graph = Graph(file)
    x = graph.tensor("image", (-1, 8, 8, 3), "int8")
    w, b = graph.stored("w", (4, 3, 3, 3), "int8", range(108)), graph.stored("b", (4,), "int32", [1, 2, 3, 4])
    y, z = graph.tensor("", (-1, 4, 4, 4), "int8"), graph.tensor("z", (-1, 4), "fp32")
    graph.op("CONV_2D", [x, w, b], [y], padding="SAME", stride_w=2, stride_h=2, fused_activation_function="RELU6")
    graph.op("Mix", [y, -1, graph.ints("axes", 1, 2)], [z])
    file.graphs.append(graph.table([x], [z]))
    data = flatbuffer(file.root())
    assert [*differences(tflite, data, parse(data, "whole.tflite"))] == []


def test_a_difference_is_found(tflite: ModuleType):
    data, other = (written("SOFTMAX", {"beta": beta}) for beta in (1.0, 2.0))
    assert [*differences(tflite, data, parse(other, "other.tflite"))] == ["op 0: beta is 2.0, not 1.0"]
