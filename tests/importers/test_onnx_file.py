"""ONNX files written by hand, read as models."""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.onnx_bytes import (
    many,
    onnx_constant,
    onnx_function,
    onnx_graph,
    onnx_model,
    onnx_node,
    onnx_tensor,
    onnx_value,
    put,
    raw,
    varint,
)

from convcost.core.errors import SpecError
from convcost.importers.model import Body, Model, Stated, Stored
from convcost.importers.onnx import file as onnx_file
from convcost.importers.onnx.file import read as read_onnx
from convcost.importers.onnx.tensors import stored
from convcost.importers.onnx.wire import Wire

Read = Callable[[bytes], Model]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads the bytes of a file."""

    def reader(data: bytes) -> Model:
        path = tmp_path / "net.onnx"
        path.write_bytes(data)
        return read_onnx(str(path))

    return reader


def refused(read: Read, data: bytes) -> str:
    """The one line that a file is refused with, without its path."""
    with pytest.raises(SpecError) as raised:
        read(data)
    text = str(raised.value)
    assert "\n" not in text
    assert "net.onnx: " in text
    return text.partition("net.onnx: ")[2]


X = onnx_value("x", (1, 3, 8, 8))
RELU = onnx_node("Relu", ["x"], ["y"], "r")


# -- the whole ----------------------------------------------------------------------------------------------------


def test_a_small_network_with_everything_that_it_states(read: Read):
    conv = onnx_node("Conv", ["x", "w", ""], ["c"], "/stem/conv/Conv", pads=[1, 1, 1, 1], auto_pad="NOTSET", alpha=0.5)
    graph = onnx_graph(
        [conv, onnx_node("Relu", ["c"], ["y"])],
        [onnx_value("x", ("n", 3, None, 8)), onnx_value("w", (4, 3, 3, 3))],
        [onnx_value("y", (0, 4, -1, "?"))],
        [onnx_tensor("w", (4, 3, 3, 3))],
        [onnx_value("c", ("n", 4, 8, 8), "fp16"), onnx_value("z", None)],
        name="net",
    )
    model = read(onnx_model(graph, {"": 13, "com.microsoft": 1}) + put(3, "2.0"))
    assert (model.format, model.name, model.producer) == ("onnx", "net", "tests 2.0, opset 13")
    body = model.body
    assert dict(body.inputs) == {"x": Stated(("n", 3, None, 8), "fp32")}
    assert body.outputs == ("y",)
    assert body.tensors["w"] == Stored("w", (4, 3, 3, 3), "fp32", (0.0,) * 108)
    assert body.stated["c"] == Stated(("n", 4, 8, 8), "fp16")
    assert body.stated["y"] == Stated((None, 4, None, None), "fp32")
    assert body.stated["z"] == Stated(None, "fp32")
    first, second = body.ops
    assert (first.type, first.name, first.inputs, first.outputs) == ("Conv", "/stem/conv/Conv", ("x", "w", ""), ("c",))
    assert first.attrs == {"pads": (1, 1, 1, 1), "auto_pad": "NOTSET", "alpha": 0.5}
    assert (first.path, second.path) == (("stem", "conv"), ())


def test_a_graph_without_a_name_has_that_of_its_file(read: Read):
    assert read(onnx_model(onnx_graph([RELU], [X], ["y"], name=""))).name == "net"


def test_every_kind_of_attribute(read: Read):
    branch = onnx_graph([onnx_node("Neg", ["x"], ["b"])], [], ["b"])
    node = onnx_node(
        "Odd", ["x"], ["y"], i=-3, f=0.25, s="word", ints=[1, -2], floats=[0.5, 2.0], strings=["a", "b"],
        t=onnx_constant(7), ts=[onnx_constant(7), onnx_constant([8, 9])], g=branch, gs=[branch],
    )  # fmt: skip
    untyped = many(5, [put(1, "old") + put(3, 4), put(1, "zero") + put(20, 2), put(1, "none") + put(20, 7)])
    unread = put(5, put(1, "kind") + put(14, b"") + put(20, 13))
    (op,) = read(onnx_model(onnx_graph([node + untyped + unread], [X], ["y"]))).body.ops
    attrs = dict(op.attrs)
    assert [attrs.pop(name) for name in ("i", "f", "s", "ints", "floats", "strings")] == [
        -3, 0.25, "word", (1, -2), (0.5, 2.0), ("a", "b"),
    ]  # fmt: skip
    assert [attrs.pop(name) for name in ("old", "zero", "none")] == [4, 0, ()]
    assert attrs.pop("t") == Stored("", (), "int64", (7,))
    assert [one.contents for one in attrs.pop("ts")] == [(7,), (8, 9)]
    body, bodies = attrs.pop("g"), attrs.pop("gs")
    assert isinstance(body, Body)
    assert body.outputs == ("b",)
    assert bodies == (body,)
    assert not attrs


def test_constants_are_stored_tensors_whatever_they_hold(read: Read):
    nodes = [
        onnx_node("Constant", [], ["a"], value=onnx_constant([1, 2])),
        onnx_node("Constant", [], ["b"], value_int=5),
        onnx_node("Constant", [], ["c"], value_floats=[0.5]),
        onnx_node("Constant", [], ["d"], value_string="hi"),
        onnx_node("Constant", [], ["e"], domain="ai.onnx", value_ints=[3, 4]),
        onnx_node("Mix", ["a", "b", "c", "d", "e"], ["y"]),
    ]
    body = read(onnx_model(onnx_graph(nodes, [], ["y"]))).body
    assert [op.type for op in body.ops] == ["Mix"]
    assert list(body.tensors.values()) == [
        Stored("a", (2,), "int64", (1, 2)),
        Stored("b", (), "int64", (5,)),
        Stored("c", (1,), "fp32", (0.5,)),
        Stored("d", (), "", ("hi",)),
        Stored("e", (2,), "int64", (3, 4)),
    ]


def test_the_contents_of_a_constant_of_many_numbers_are_left(read: Read):
    nodes = [
        onnx_node("Constant", [], ["few"], value_ints=[1] * 4096),
        onnx_node("Constant", [], ["many"], value_ints=[1] * 4097),
    ]
    tensors = read(onnx_model(onnx_graph([*nodes, onnx_node("Sum", ["few", "many"], ["y"])], [], ["y"]))).body.tensors
    assert tensors["few"].contents == (1,) * 4096
    assert (tensors["many"].shape, tensors["many"].contents) == ((4097,), None)


def test_types_of_other_domains_have_theirs_before_them(read: Read):
    nodes = [onnx_node("Gelu", ["x"], ["a"], domain="com.microsoft"), onnx_node("Gelu", ["a"], ["y"], domain="ai.onnx")]
    assert [op.type for op in read(onnx_model(onnx_graph(nodes, [X], ["y"]))).body.ops] == [
        "com.microsoft.Gelu",
        "Gelu",
    ]


def test_a_softmax_says_its_axis_where_leaving_it_out_meant_another_one(read: Read):
    graph = onnx_graph([onnx_node("Softmax", ["x"], ["y"])], [X], ["y"])
    assert read(onnx_model(graph, 12)).body.ops[0].attrs == {"axis": 1}
    assert read(onnx_model(graph, 13)).body.ops[0].attrs == {}


def test_subgraphs_read_what_stands_outside_and_need_its_order(read: Read):
    branch = onnx_graph([onnx_node("Mul", ["late", "k"], ["b"])], [], ["b"], [onnx_constant(2, name="k")])
    other = onnx_graph([], [], ["x"])
    nodes = [
        onnx_node("If", ["on"], ["y"], "choose", then_branch=branch, else_branch=other),
        onnx_node("Relu", ["x"], ["late"], "before"),
    ]
    body = read(onnx_model(onnx_graph(nodes, [X, onnx_value("on", (), "bool")], ["y"]))).body
    assert [op.name for op in body.ops] == ["before", "choose"], "what the branch reads is made first"
    inner = body.ops[1].attrs["then_branch"]
    assert (list(inner.tensors), inner.ops[0].inputs) == (["k"], ("late", "k"))


# -- stored tensors ------------------------------------------------------------------------------------------------


def tensor_of(data: bytes) -> Stored:
    return stored(Wire(data, "net.onnx").message())


@pytest.mark.parametrize(
    ("kind", "dtype", "data", "contents"),
    [
        (1, "fp32", struct.pack("<2f", 0.5, -2), (0.5, -2.0)),
        (2, "uint8", b"\x01\xff", (1, 255)),
        (3, "int8", b"\x01\xff", (1, -1)),
        (4, "uint16", b"\x01\x00\xff\xff", (1, 65535)),
        (5, "int16", b"\x01\x00\xff\xff", (1, -1)),
        (6, "int32", struct.pack("<2i", 1, -1), (1, -1)),
        (7, "int64", struct.pack("<2q", 1, -1), (1, -1)),
        (9, "bool", b"\x01\x00", (True, False)),
        (10, "fp16", struct.pack("<2e", 0.5, -2), (0.5, -2.0)),
        (11, "fp64", struct.pack("<2d", 0.1, -2), (0.1, -2.0)),
        (12, "uint32", b"\xff\xff\xff\xff\x01\0\0\0", (2**32 - 1, 1)),
        (13, "uint64", b"\xff" * 8 + bytes(8), (2**64 - 1, 0)),
        # bfloat16 is the upper half of a float: 1.0 is 0x3f800000, -2.0 is 0xc0000000
        (16, "bf16", b"\x80\x3f\x00\xc0", (1.0, -2.0)),
        # sign, exponent of bias 7 and 3 bits: 0x38 = 0 0111 000 = 1, 0xfe = -(1 + 6/8)·2^8
        (17, "fp8", b"\x38\xfe", (1.0, -448.0)),
        # the same with bias 8, so half of it; 0x01 = 2^(1-8)/8
        (18, "fp8", b"\x38\x01", (0.5, 2.0**-10)),
        # exponent of bias 15 and 2 bits: 0x3c = 0 01111 00 = 1, 0x7c is infinite
        (19, "fp8", b"\x3c\x7c", (1.0, math.inf)),
        (20, "fp8", b"\x3c\x01", (0.5, 2.0**-17)),
        (21, "int4", b"\xf1", (1, 15)),
        (22, "int4", b"\xf1", (1, -1)),
        # sign, exponent of bias 1, 1 bit: 0111 = (1 + 1/2)·2^2, 1001 = -0.5
        (23, "int4", b"\x97", (6.0, -0.5)),
        (24, "fp8", b"\x7f\x80", (1.0, 2.0)),
        (26, "int2", b"\x0d", (1, -1)),
    ],
)  # fmt: skip
def test_the_contents_of_each_type(kind: int, dtype: str, data: bytes, contents: tuple[object, ...]):
    assert tensor_of(put(1, 2) + put(2, kind) + put(8, "t") + put(9, data)) == Stored("t", (2,), dtype, contents)


@pytest.mark.parametrize(
    ("kind", "data", "contents"),
    [
        (1, put(4, raw([0.5, -2.0])), (0.5, -2.0)),
        (1, put(4, 0.5) + put(4, -2.0), (0.5, -2.0)),
        (6, put(5, varint(1) + varint(-1)), (1, -1)),
        (3, many(5, [1, -1]), (1, -1)),
        (9, many(5, [1, 0]), (True, False)),
        (10, many(5, [0x3800, 0xC000]), (0.5, -2.0)),
        (16, many(5, [0x3F80, 0xC000]), (1.0, -2.0)),
        (22, many(5, [0xF1]), (1, -1)),
        (7, put(7, varint(1) + varint(-1)), (1, -1)),
        (11, put(10, raw([0.1, -2.0], "fp64")), (0.1, -2.0)),
        (13, many(11, [1, 2**64 - 1]), (1, 2**64 - 1)),
        (8, many(6, ["a", "b"]), ("a", "b")),
    ],
)  # fmt: skip
def test_the_contents_of_fields_of_numbers(kind: int, data: bytes, contents: tuple[object, ...]):
    assert tensor_of(put(1, 2) + put(2, kind) + data).contents == contents


def test_numbers_that_are_none():
    assert math.isnan(tensor_of(put(1, 1) + put(2, 17) + put(9, b"\x7f")).contents[0])
    assert math.isnan(tensor_of(put(1, 1) + put(2, 18) + put(9, b"\x80")).contents[0])
    assert math.isnan(tensor_of(put(1, 1) + put(2, 19) + put(9, b"\x7e")).contents[0])


def test_contents_of_large_tensors_and_of_those_stored_elsewhere_are_left():
    assert tensor_of(onnx_tensor("w", (4096,))).contents is not None
    assert tensor_of(onnx_tensor("w", (4097,))).contents is None
    assert tensor_of(put(1, 2) + put(2, 1) + put(14, 1)) == Stored("", (2,), "fp32")
    assert tensor_of(put(1, 2) + put(2, 1)).contents is None, "exported without its bytes"
    assert tensor_of(put(1, 0) + put(2, 1)).contents == ()
    assert tensor_of(put(1, 2) + put(2, 14) + put(9, bytes(16))) == Stored("", (2,), "")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (put(1, -4) + put(2, 1), "a stored tensor has no negative sizes, got [-4]"),
        (put(1, 2**62) + put(2, 1), "more than 1e+18 elements"),
        (many(1, [2**31] * 9) + put(2, 1), "more than 1e+18 elements"),
        (put(1, 2) + put(2, 99), "there is no type of number 99"),
        (put(1, 2) + put(2, 1) + put(9, b"12345"), "5 bytes are stored, its 2 elements need 8"),
        (put(1, 10**9) + put(2, 1) + put(9, b"1234"), "4 bytes are stored, its 1,000,000,000 elements need 4,000,000,000"),
        (put(1, 2) + put(2, 8) + put(9, b"ab"), "texts cannot be stored as raw bytes"),
        (put(1, 3) + put(2, 7) + put(7, b"\1\2"), "2 elements are stored, sizes [3] need 3"),
        (put(1, 1) + put(2, 10) + put(5, 70_000), "its elements do not fit their type"),
        (put(1, 2) + put(2, 22) + put(5, 300), "its elements do not fit their type"),
    ],
)  # fmt: skip
def test_tensors_that_lie(data: bytes, what: str):
    with pytest.raises(SpecError) as raised:
        tensor_of(data + put(8, "w"))
    assert str(raised.value).startswith(f"net.onnx: tensor 'w': {what}")


def test_sparse_tensors_stand_for_whole_ones(read: Read):
    sparse = put(1, onnx_tensor("w", (2,), "fp16", [1, 2])) + put(2, onnx_constant([0, 5])) + many(3, [3, 4])
    graph = onnx_graph([onnx_node("MatMul", ["x", "w"], ["y"])], [X], ["y"]) + put(15, sparse)
    assert read(onnx_model(graph)).body.tensors["w"] == Stored("w", (3, 4), "fp16")


def test_shapes_that_are_stored_beside_the_file_are_read_and_nothing_else(tmp_path: Path):
    (tmp_path / "data").write_bytes(b"pad" + struct.pack("<2q", 7, -1))
    (tmp_path.parent / "outside").write_bytes(bytes(16))

    def contents(location: str, offset: str = "3", kind: int = 7) -> object:
        entries = [put(1, "location") + put(2, location), put(1, "offset") + put(2, offset)]
        data = put(1, 2) + put(2, kind) + put(14, 1) + many(13, entries)
        return stored(Wire(data, str(tmp_path / "net.onnx")).message()).contents

    assert contents("data") == (7, -1)
    assert contents("data", kind=1) is None, "fractions are weights"
    assert contents("data", "4") is None, "too short"
    assert contents("data", "-1") is None
    for elsewhere in ("gone", "../outside", str(tmp_path.parent / "outside"), "", "."):
        assert contents(elsewhere, "0") is None


# -- inputs that carry weights --------------------------------------------------------------------------------------


def test_a_file_without_its_weights_has_them_as_inputs(read: Read):
    nodes = [
        onnx_node("Conv", ["x", "1", "2"], ["c"]),
        onnx_node("BatchNormalization", ["c", "g", "b", "m", "v"], ["n"]),
        onnx_node("Gemm", ["n", "fc.weight", "fc.bias"], ["y"], transB=1),
    ]
    given = {"x": (1, 3, 8, 8), "1": (4, 3, 1, 1), "2": (4,), "fc.weight": (10, 256), "fc.bias": (10,)}
    given |= dict.fromkeys("gbmv", (4,))
    body = read(onnx_model(onnx_graph(nodes, [onnx_value(*one) for one in given.items()], ["y"]))).body
    assert list(body.inputs) == ["x"]
    assert {name: one.shape for name, one in body.tensors.items()} == {k: v for k, v in given.items() if k != "x"}


def test_inputs_of_open_sizes_and_those_used_as_data_are_inputs(read: Read):
    nodes = [onnx_node("Conv", ["x", "w"], ["c"]), onnx_node("Conv", ["w", "k"], ["y"])]
    given = [X, onnx_value("w", (3, 3, 8, 8)), onnx_value("k", ("n", 3, 1, 1))]
    assert list(read(onnx_model(onnx_graph(nodes, given, ["y"]))).body.inputs) == ["x", "w", "k"]
    added = onnx_node("Gemm", ["a", "b", "c"], ["y"])
    given = [onnx_value(name, (4, 4)) for name in "abc"]
    assert list(read(onnx_model(onnx_graph([added], given, ["y"]))).body.inputs) == ["a", "b", "c"]


# -- functions ------------------------------------------------------------------------------------------------------

RENAMED = put(5, put(1, "alpha") + put(21, "slope") + put(20, 1))
"""An attribute that is called `slope` outside."""


def test_functions_are_written_out_where_they_are_called(read: Read):
    inner = onnx_function("own", "leaky", ["a"], ["b"], [
        onnx_node("LeakyRelu", ["a"], ["t"]) + RENAMED, onnx_node("Constant", [], ["k"], value=onnx_constant(3)),
        onnx_node("Mul", ["t", "k"], ["b"], "scale"),
    ], ["slope"])  # fmt: skip
    outer = onnx_function("own", "twice", ["p"], ["q"], [
        onnx_node("leaky", ["p"], ["m"], domain="own", slope=0.5), onnx_node("leaky", ["m"], ["q"], domain="own"),
    ])  # fmt: skip
    nodes = [onnx_node("twice", ["x"], ["y"], "block", "own"), onnx_node("twice", ["y"], ["z"], "block", "own")]
    body = read(onnx_model(onnx_graph(nodes, [X], ["z"]), functions=[inner, outer])).body
    assert [op.type for op in body.ops] == ["LeakyRelu", "Mul"] * 4
    assert [op.attrs for op in body.ops[::2]] == [{"alpha": 0.5}, {}] * 2
    assert body.ops[0].inputs == ("x",)
    assert body.ops[3].outputs == ("y",)
    assert body.ops[7].outputs == ("z",)
    assert {op.path for op in body.ops} == {("block",)}
    assert [one.contents for one in body.tensors.values()] == [(3,)] * 4, "each call has its own constant"
    names = [name for op in body.ops for name in op.outputs]
    assert len(set(names)) == len(names)


def test_many_calls_without_a_name_take_no_time(read: Read):
    function = onnx_function("own", "f", ["a"], ["b"], [onnx_node("Split", ["a"], ["b", "t"])])
    calls = [onnx_node("f", ["x"], [f"y{i}"], domain="own") for i in range(10_000)]
    data = onnx_model(onnx_graph(calls, [X], ["y0"]), functions=[function])
    begun = time.process_time()
    body = read(data).body
    assert time.process_time() - begun < 5
    assert [op.outputs[1] for op in body.ops[:3]] == ["own.f::t", "own.f_2::t", "own.f_3::t"]
    assert body.ops[-1].outputs == ("y9999", "own.f_10000::t")


def test_inputs_that_a_call_leaves_out_are_left_out_within(read: Read):
    function = onnx_function("own", "f", ["a", "b", "c"], ["y"], [onnx_node("Clip", ["a", "b", "c"], ["y"])])
    nodes = [onnx_node("f", ["x", "", "x"], ["u"], domain="own"), onnx_node("f", ["u"], ["y"], domain="own")]
    body = read(onnx_model(onnx_graph(nodes, [X], ["y"]), functions=[function])).body
    assert [op.inputs for op in body.ops] == [("x", "", "x"), ("u", "", "")]


def test_functions_that_call_each_other_for_ever_or_too_often(read: Read, monkeypatch: pytest.MonkeyPatch):
    again = onnx_function("own", "f", ["a"], ["b"], [onnx_node("f", ["a"], ["b"], domain="own")])
    graph = onnx_graph([onnx_node("f", ["x"], ["y"], domain="own")], [X], ["y"])
    assert (
        refused(read, onnx_model(graph, functions=[again]))
        == "subgraphs or functions stand more than 32 deep in each other"
    )
    doubling = [
        onnx_function("own", f"f{i}", ["a"], ["b"], [
            onnx_node(f"f{i + 1}", ["a"], ["t"], domain="own"), onnx_node(f"f{i + 1}", ["t"], ["b"], domain="own"),
        ])
        for i in range(30)
    ]  # fmt: skip
    monkeypatch.setattr(onnx_file, "MOST_OPS", 1000)
    graph = onnx_graph([onnx_node("f0", ["x"], ["y"], domain="own")], [X], ["y"])
    assert refused(read, onnx_model(graph, functions=doubling)).startswith("more than 1,000 ops, functions written out")


# -- modules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kept", "path"),
    [
        ("/layer1/layer1.0/conv1/Conv", {}, "layer1.0.conv1"),
        ("/features/features.1/conv/conv.0/conv.0.0/Conv_1", {}, "features.1.conv.0.0"),
        ("/Flatten", {}, ""),
        ("Conv_12", {}, ""),
        ("p2o.Conv.3", {}, ""),
        ("StatefulPartitionedCall/model/block1/conv/Conv2D__52", {}, "StatefulPartitionedCall.model.block1.conv"),
        ("m/bn/FusedBatchNormV3;m/conv/Conv2D;m/x/ReadVariableOp", {}, "m"),
        ("node_conv2d_1", {"pkg.torch.onnx.name_scopes": "['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d_1']"}, "layer1.0.conv1"),
        ("n", {"namespace": ": a.Net/layer1: torch.nn.Sequential/layer1.0: a.Block/conv2d: aten.conv2d.default"}, "layer1.0"),
        ("n", {"pkg.torch.onnx.name_scopes": "not a list"}, ""),
    ],
)  # fmt: skip
def test_the_modules_of_each_exporter(read: Read, name: str, kept: dict[str, str], path: str):
    (op,) = read(onnx_model(onnx_graph([onnx_node("Relu", ["x"], ["y"], name, kept=kept)], [X], ["y"]))).body.ops
    assert ".".join(op.path) == path


# -- order ----------------------------------------------------------------------------------------------------------


def test_ops_move_behind_what_they_need_and_no_farther(read: Read):
    def one(name: str, inputs: str) -> bytes:
        return onnx_node("Add", list(inputs), [name], name)

    body = read(onnx_model(onnx_graph([one("a", "x"), one("d", "cb"), one("b", "a"), one("c", "x")], [X], ["d"]))).body
    assert [op.name for op in body.ops] == ["a", "b", "c", "d"]


def test_a_chain_of_any_length_in_the_wrong_order(read: Read):
    nodes = [onnx_node("Relu", [str(i)], [str(i + 1)]) for i in reversed(range(20_000))]
    assert len(read(onnx_model(onnx_graph(nodes, [onnx_value("0", (1,))], ["20000"]))).body.ops) == 20_000


@pytest.mark.parametrize(
    ("nodes", "what"),
    [
        ([onnx_node("Add", ["x", "b"], ["a"], "p"), onnx_node("Relu", ["a"], ["b"], "q")], "op 'q': needs the result of op 'p', which needs its own; the ops form a circle"),
        ([onnx_node("Add", ["x", "y"], ["y"], "p")], "op 'p': needs the result of op 'p', which needs its own"),
        ([RELU, onnx_node("Neg", ["x"], ["y"])], "op Neg that makes 'y': makes 'y', which op 'r' makes, too"),
        ([onnx_node("Relu", ["gone"], ["y"], "r")], "op 'r': reads 'gone', which no op makes; the file is damaged"),
        ([onnx_node("Relu", ["x"], ["z"])], "output 'y': no op makes it"),
        ([onnx_node("", ["x"], ["y"], "r")], "op 'r': has no type"),
        ([onnx_node("Constant", [], ["y"])], "constant 'y': has no value"),
        ([RELU + put(5, put(1, "t") + put(20, 4))], "op 'r': attribute 't': has no value"),
        ([RELU + put(5, put(1, "t") + put(20, 77))], "op 'r': attribute 't': there is no kind 77 of attribute"),
    ],
)  # fmt: skip
def test_graphs_that_cannot_be(read: Read, nodes: list[bytes], what: str):
    assert refused(read, onnx_model(onnx_graph(nodes, [X], ["y"]))).startswith(what)


def test_tensors_that_are_stored_twice(read: Read):
    graph = onnx_graph([RELU], [X], ["y"], [onnx_constant(1, name="k"), onnx_constant(2, name="k")])
    assert refused(read, onnx_model(graph)) == "tensor 'k': is stored twice; names must differ"


def test_subgraphs_within_each_other_are_bounded(read: Read):
    def nested(depth: int) -> bytes:
        graph = onnx_graph([], [], ["x"])
        for _ in range(depth):
            graph = onnx_graph([onnx_node("If", ["on"], ["y"], then_branch=graph)], [], ["y"])
        return onnx_model(graph + many(11, [X, onnx_value("on", (), "bool")]))

    assert len(read(nested(4)).body.ops) == 1
    assert len(read(nested(32)).body.ops) == 1
    assert refused(read, nested(33)).startswith("subgraphs or functions stand more than 32 deep")
    assert refused(read, nested(500)).startswith("subgraphs or functions stand more than 32 deep")


def test_many_subgraphs_of_a_large_graph_take_no_longer_than_their_number(read: Read):
    branch = onnx_graph([onnx_node("Neg", ["0"], ["b"])], [], ["b"])
    nodes = [onnx_node("Relu", [str(i)], [str(i + 1)]) for i in range(10_000)]
    nodes += [onnx_node("If", ["0"], [f"if{i}"], then_branch=branch, else_branch=branch) for i in range(5_000)]
    data = onnx_model(onnx_graph(nodes, [onnx_value("0", (1,))], ["10000"]))
    begun = time.process_time()
    read(data)
    assert time.process_time() - begun < 5


# -- what is no ONNX file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a pointer of Git LFS"),
        (b"PK\x03\x04junk", "a zip archive"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"\x1f\x8b\x08", "compressed by gzip"),
        (b"\x80\x02}q", "a pickle"),
        (b"\x18\0\0\0ORTM", "a model in onnxruntime's own format"),
        (b"\x1c\0\0\0TFL3", "a TensorFlow Lite model"),
        (b"\n<!DOCTYPE html><html>", "a page of HTML"),
        (b'{"irVersion": "8"}', "JSON, not a binary ONNX model"),
        (b'ir_version: 8\nproducer_name: "x"', "an ONNX model written as text"),
        (b'<\n  ir_version: 8,\n  opset_import: ["" : 17]\n>', "an ONNX model written as text"),
        (put(1, 8), "not an ONNX model: there is no graph in it"),
        (b"\x0a\x05hello" + put(1, 8), "not an ONNX model"),
    ],
)  # fmt: skip
def test_other_files_are_named(read: Read, data: bytes, what: str):
    assert refused(read, data).startswith(what)


def test_classes_that_the_exporter_keeps_say_how_layers_are_written(read: Read):
    def kept(*classes: str, line: str = "") -> dict[str, str]:
        return {"pkg.torch.onnx.class_hierarchy": str(list(classes)), "pkg.torch.onnx.stack_trace": f"File\n  {line}"}

    conv = ["torch.nn.modules.conv.Conv2d", "aten.conv2d.default"]
    own = kept("net.Net", "net.OwnConv", "aten.conv2d.default") | {
        "pkg.torch.onnx.name_scopes": "['', 'own', 'conv2d']"
    }
    nodes = [
        onnx_node("Conv", ["x", "conv.weight"], ["a"], kept=kept("net.Net", *conv)),
        onnx_node("Conv", ["a", "own.weight"], ["b"], kept=own),
        onnx_node("Relu", ["b"], ["c"], kept=kept("net.Net", "aten.relu.default")),
        onnx_node("Add", ["c", "c"], ["d"], kept=kept("net.Net", "aten.add.Tensor", line="torch.add(x, x)")),
        onnx_node("Add", ["d", "c"], ["e"], kept=kept("net.Net", "aten.add.Tensor", line="x + y")),
        onnx_node("Relu", ["e"], ["f"]),
        onnx_node("Relu", ["f"], ["g"], kept=kept("pkg.Made")),
    ]
    weights = [onnx_tensor(name, (3, 3, 1, 1)) for name in ("conv.weight", "own.weight")]
    body = read(onnx_model(onnx_graph(nodes, [X], ["g"], weights))).body
    assert [op.form for op in body.ops] == ["module", "derived", "functional", "functional", "module", "", ""]
