"""TFLite files as models: written here table by table, as the schema numbers them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from helpers.tflite_bytes import File, Graph, Numbers, Scalar, flatbuffer, single

from convcost.core.errors import SpecError
from convcost.importers.model import MOST_CONTENTS, Body, Model, Stated, Stored
from convcost.importers.tflite.file import DEEPEST, parse, read
from convcost.importers.tflite.names import often, pieces, place
from convcost.importers.tflite.tensors import MOST_AXES


def conv() -> tuple[File, Graph]:
    """A 3×3 convolution of 8×6×3 to 4 channels, batch open, with what the schema numbers 0 to 6 in its options."""
    file = File()
    graph = Graph(file)
    x = graph.tensor("serving_default_image:0", (-1, 8, 6, 3), "int8")
    w = graph.stored("net/conv/Conv2D", (4, 3, 3, 3), "int8")
    b = graph.stored("net/conv/BiasAdd/ReadVariableOp", (4,), "int32", [1, 2, 3, 4])
    y = graph.tensor("net/act/Relu;net/conv/BiasAdd;net/conv/Conv2D", (-1, 4, 6, 4), "int8")
    options = {0: Scalar("b", 1), 1: Scalar("i", 1), 2: Scalar("i", 2), 3: Scalar("b", 1), 5: Scalar("i", 3)}
    graph.ops.append(
        {0: Scalar("I", file.code("CONV_2D")), 1: Numbers("i", [x, w, b]), 2: Numbers("i", [y])}
        | {3: Scalar("B", 1), 4: options}
    )
    file.graphs.append(graph.table([x], [y]))
    return file, graph


def parsed(file: File) -> Model:
    return parse(file.bytes(), "net.tflite")


def test_a_convolution_as_its_file_states_it():
    model = parsed(conv()[0])
    (op,) = model.body.ops
    assert (model.format, model.file, model.name) == ("tflite", "net.tflite", "net")
    assert model.producer == "Written by hand"
    assert op.type == "CONV_2D"
    assert (op.path, op.name) == (("net", "conv"), "Conv2D")
    assert op.inputs == ("serving_default_image:0", "net/conv/Conv2D", "net/conv/BiasAdd/ReadVariableOp")
    assert model.body.inputs == {"serving_default_image:0": Stated((None, 8, 6, 3), "int8")}
    assert model.body.outputs == op.outputs
    assert op.attrs == {
        "padding": "VALID",
        "stride_w": 1,
        "stride_h": 2,
        "fused_activation_function": "RELU",
        "dilation_w_factor": 1,
        "dilation_h_factor": 3,
        "quantized_bias_type": "fp32",
    }
    assert model.body.tensors["net/conv/BiasAdd/ReadVariableOp"] == Stored(op.inputs[2], (4,), "int32", (1, 2, 3, 4))
    assert model.body.stated[op.outputs[0]] == Stated((None, 4, 6, 4), "int8")


def test_options_of_another_operator_are_not_believed():
    """Runtimes ask the union for the table of the operator, and get none."""
    file, graph = conv()
    assert parsed(file).body.ops[0].attrs["padding"] == "VALID"
    graph.ops[0][3] = Scalar("B", 5)
    assert parsed(file).body.ops[0].attrs["padding"] == "SAME"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ({0: Scalar("b", 3)}, "CONV_2D"),
        ({3: Scalar("i", 3)}, "CONV_2D"),
        ({0: Scalar("b", 127), 3: Scalar("i", 150)}, "GELU"),
        ({0: Scalar("b", 32), 1: "Convolution2DTransposeBias", 3: Scalar("i", 32)}, "Convolution2DTransposeBias"),
        ({0: Scalar("b", 32)}, "CUSTOM"),
        ({0: Scalar("b", 127), 3: Scalar("i", 4000)}, "BUILTIN_4000"),
    ],
)
def test_the_number_of_an_operator_is_the_larger_of_two_fields(code: dict[int, Any], name: str):
    file = conv()[0]
    file.codes[0] = code
    assert parsed(file).body.ops[0].type == name


def test_contents_of_small_tensors_are_read_and_weights_are_not():
    file = File()
    graph = Graph(file)
    at = [
        graph.stored("few", [MOST_CONTENTS], "int8", [7] * MOST_CONTENTS),
        graph.stored("many", [MOST_CONTENTS + 1], "int8"),
        graph.stored("half", [2], "fp16", [0.5, -2]),
        graph.stored("flags", [2], "bool", [True, False]),
        graph.stored("one", [], "int64", [1 << 40]),
    ]
    y = graph.tensor("y", [1])
    graph.op("CUSTOM", at, [y])
    file.graphs.append(graph.table([], [y]))
    found = parsed(file).body.tensors
    assert found["few"].contents == (7,) * MOST_CONTENTS
    assert found["many"] == Stored("many", (MOST_CONTENTS + 1,), "int8", None)
    assert found["half"].contents == (0.5, -2.0)
    assert found["flags"].contents == (True, False)
    assert found["one"] == Stored("one", (), "int64", (1 << 40,))


@pytest.mark.parametrize(("shape", "bytes_"), [((4, 3, 3, 3), 107), ((4, 3, 3, 3), 109), ((1 << 16, 1 << 16), 4)])
def test_a_stored_tensor_has_as_many_bytes_as_its_shape_needs(shape: tuple[int, ...], bytes_: int):
    file, graph = conv()
    file.buffers[1] = {0: bytes(bytes_)}
    graph.tensors[1][0] = Numbers("i", shape)
    with pytest.raises(SpecError, match=f"the file stores {bytes_} bytes, not the"):
        parsed(file)


def test_two_elements_of_four_bits_share_a_byte():
    file = File()
    graph = Graph(file)
    file.buffers.append({0: bytes(5)})
    w = graph.tensor("w", [3, 3], "int4", _2=Scalar("I", 1))
    y = graph.tensor("y", [1])
    graph.op("CUSTOM", [w], [y])
    file.graphs.append(graph.table([], [y]))
    assert parsed(file).body.tensors["w"] == Stored("w", (3, 3), "int4", None)


def test_buffers_behind_the_tables_are_found_where_they_say():
    """Files of more than 2 GB keep their weights so: place and length from the start of the file."""
    file = conv()[0]
    file.buffers[2] = {1: Scalar("Q", 1 << 20), 2: Scalar("Q", 16)}
    data = file.bytes()
    data += bytes((1 << 20) - len(data)) + struct.pack("<4i", 5, 6, 7, 8)
    assert parse(data, "net.tflite").body.tensors["net/conv/BiasAdd/ReadVariableOp"].contents == (5, 6, 7, 8)
    with pytest.raises(SpecError, match="buffer 2: bytes 1048576 to 1048592 lie outside"):
        parse(data[:-1], "net.tflite")


def test_weights_in_another_file_are_stored_and_not_looked_for():
    file, graph = conv()
    graph.tensors[1] |= {2: Scalar("I", 0), 10: Scalar("I", 1 << 31)}
    found = parsed(file).body.tensors["net/conv/Conv2D"]
    assert found == Stored("net/conv/Conv2D", (4, 3, 3, 3), "int8", None)


def test_sparse_tensors_have_all_their_elements():
    file, graph = conv()
    file.buffers[1] = {0: bytes(30)}
    graph.tensors[1][6] = {0: Numbers("i", [0, 1, 2, 3])}
    model = parsed(file)
    assert model.body.tensors["net/conv/Conv2D"].elements == 108
    assert model.notes == ("1 of its tensors are stored sparse, and counted with all their elements",)


def test_an_empty_tensor_is_stored_although_it_takes_no_bytes():
    """The target of a reshape to a scalar."""
    file = File()
    graph = Graph(file)
    x, target, y = graph.tensor("x", [1]), graph.tensor("target", [0], "int32"), graph.tensor("y", [])
    graph.tensors[target][0] = Numbers("i", [0])
    graph.op("RESHAPE", [x, target], [y])
    file.graphs.append(graph.table([x], [y]))
    assert parsed(file).body.tensors["target"] == Stored("target", (0,), "int32", ())


def test_a_left_out_input_has_no_name():
    file, graph = conv()
    graph.ops[0][1] = Numbers("i", [0, 1, -1])
    assert parsed(file).body.ops[0].inputs[2] == ""


def test_names_that_several_tensors_have_are_told_apart():
    file = File()
    graph = Graph(file)
    x, y, z = graph.tensor("x", [1]), graph.tensor("x", [1]), graph.tensor("", [1])
    graph.op("RELU", [x], [y])
    graph.op("RELU", [y], [z])
    file.graphs.append(graph.table([x], [z]))
    body = parsed(file).body
    assert ([*body.inputs], [op.outputs for op in body.ops]) == (["x#0"], [("x#1",), ("#2",)])


def test_a_shape_without_axes_is_a_number_only_if_the_file_says_so():
    file = File()
    graph = Graph(file)
    x, y = graph.tensor("x", []), graph.tensor("y", [])
    graph.tensors[y][8] = Scalar("?", False)
    graph.op("RELU", [x], [y])
    file.graphs.append(graph.table([x], [y]))
    stated = parsed(file).body.stated
    assert (stated["x"].shape, stated["y"].shape) == ((), None)


def signed(file: File, *signatures: tuple[str, int, dict[str, int]]) -> Model:
    """The file with signatures: name, subgraph and what each calls its inputs."""
    table = [
        {0: [{0: name, 1: Scalar("I", at)} for name, at in inputs.items()], 2: key, 4: Scalar("I", graph)}
        for key, graph, inputs in signatures
    ]
    return parse(flatbuffer(file.root() | {7: table}), "net.tflite")


def test_inputs_go_by_the_names_of_the_signature():
    model = signed(conv()[0], ("serving_default", 0, {"image": 0}))
    assert [*model.body.inputs] == ["image"]
    assert model.body.ops[0].inputs[0] == "image"
    assert model.notes == ()


def test_signatures_of_other_subgraphs_are_named():
    file = conv()[0]
    file.graphs.append(conv()[0].graphs[0])
    model = signed(file, ("infer", 0, {}), ("train", 1, {}))
    assert model.notes == ("signature 'train' is another graph of the file, and left out",)


def test_metadata_name_the_model_and_what_made_it():
    file = conv()[0]
    file.buffers += [
        {0: b"1.5.0".ljust(16, b"\0")},
        {0: flatbuffer({0: "Palm detector"}, b"M001")},
        {0: flatbuffer({0: {0: "2.11.0"}}, b"\0\0\0\0")},
        {0: b"no table at all"},
    ]
    names = ["min_runtime_version", "TFLITE_METADATA", "CONVERSION_METADATA"]
    entries = [{0: name, 1: Scalar("I", 3 + i)} for i, name in enumerate(names)]
    model = parse(flatbuffer(file.root() | {6: entries}), "net.tflite")
    assert model.name == "Palm detector"
    assert model.producer == "Written by hand, TensorFlow 2.11.0, runtime 1.5.0 or later"
    entries = [{0: name, 1: Scalar("I", 6)} for name in names[1:]]
    model = parse(flatbuffer(file.root() | {6: entries}), "net.tflite")
    assert (model.name, model.producer) == ("net", "Written by hand")


def branching(then: int = 1, other: int = 2) -> File:
    """An If whose branches, relu and tanh, are the subgraphs 1 and 2."""
    file = File()
    graph = Graph(file)
    which, x, y = graph.tensor("which", [], "bool"), graph.tensor("x", [4]), graph.tensor("y", [4])
    graph.op("IF", [which, x], [y], then_subgraph_index=then, else_subgraph_index=other)
    file.graphs.append(graph.table([which, x], [y]))
    for kind in ("RELU", "TANH"):
        inner = Graph(file)
        x, y = inner.tensor("a", [4]), inner.tensor("b", [4])
        inner.op(kind, [x], [y])
        file.graphs.append(inner.table([x], [y]))
    return file


def test_subgraphs_are_bodies_of_what_runs_them():
    (op,) = parsed(branching()).body.ops
    bodies = [op.attrs["then_subgraph_index"], op.attrs["else_subgraph_index"]]
    assert all(isinstance(body, Body) for body in bodies)
    assert [body.ops[0].type for body in bodies] == ["RELU", "TANH"]
    assert [*bodies[0].inputs] == ["a"]
    assert bodies[0].outputs == ("b",)


@pytest.mark.parametrize(
    ("then", "message"),
    [(0, "subgraph 0 stands inside itself"), (3, "there is no subgraph 3 among 3"), (-1, "there is no subgraph -1")],
)
def test_bodies_that_are_not_there_or_contain_themselves(then: int, message: str):
    with pytest.raises(SpecError, match=message):
        parsed(branching(then))


def test_bodies_stand_inside_each_other_only_so_deep():
    file = File()
    for number in range(DEEPEST + 2):
        graph = Graph(file)
        graph.op("CALL", [], [], subgraph=number + 1)
        file.graphs.append(graph.table([], []))
    file.graphs.append(Graph(file).table([], []))
    with pytest.raises(SpecError, match=f"more than {DEEPEST} others"):
        parsed(file)
    file.graphs[DEEPEST] = file.graphs[-1]
    assert parsed(file).body.ops[0].type == "CALL"


def test_a_body_that_many_run_is_read_once():
    """2^16 calls in 16 steps of two."""
    file = File()
    for number in range(DEEPEST):
        graph = Graph(file)
        graph.op(
            "IF", [graph.tensor("x", [], "bool")], [], then_subgraph_index=number + 1, else_subgraph_index=number + 1
        )
        file.graphs.append(graph.table([0], []))
    file.graphs.append(Graph(file).table([], []))
    op = parsed(file).body.ops[0]
    assert op.attrs["then_subgraph_index"] is op.attrs["else_subgraph_index"]


BROKEN = {
    "no subgraph": (lambda file, _: file.graphs.clear(), "it has no subgraph"),
    "a code that is not there": (
        lambda _, graph: graph.ops[0].update({0: Scalar("I", 9)}),
        "no operator code 9 among 1",
    ),
    "a tensor that is not there": (
        lambda _, graph: graph.ops[0].update({1: Numbers("i", [0, 1, 40])}),
        r"subgraph 0, operator 0 \(CONV_2D\): there is no tensor 40 among 4",
    ),
    "a buffer that is not there": (
        lambda _, graph: graph.tensors[1].update({2: Scalar("I", 7)}),
        "no buffer 7 among 3",
    ),
    "an output that nothing makes": (lambda _, graph: graph.ops.clear(), "nothing makes its output 'net/act"),
    "an input that nothing makes": (
        lambda _, graph: graph.ops[0].update({1: Numbers("i", [3, 1, 2])}),
        "nothing before it makes its input 'net/act",
    ),
    "an output twice": (lambda _, graph: graph.ops.append(graph.ops[0]), "its output 'net/act.*' is already there"),
    "a padding that is none": (lambda _, graph: graph.ops[0][4].update({0: Scalar("b", 2)}), "2 is no padding"),
    "a negative size": (lambda _, graph: graph.tensors[0].update({0: Numbers("i", [1, -5, 6, 3])}), "a size of -5"),
    "too many axes": (
        lambda _, graph: graph.tensors[0].update({0: Numbers("i", [1] * 99)}),
        f"more than {MOST_AXES} axes",
    ),
    "too many elements": (lambda _, graph: graph.tensors[0].update({0: Numbers("i", [1 << 30] * 4)}), "elements"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_contradicts_itself_is_refused_in_one_line(what: str):
    break_, message = BROKEN[what]
    file, graph = conv()
    for tensor in graph.tensors:
        tensor.pop(7, None)
    break_(file, graph)
    with pytest.raises(SpecError, match=message) as refused:
        parsed(file)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("net.tflite: ")


def test_a_name_that_is_no_line_is_quoted_as_one():
    file, graph = conv()
    graph.tensors[3][3] = "two\nlines" * 1000
    graph.ops.clear()
    with pytest.raises(SpecError) as refused:
        parsed(file)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_a_file_is_read_from_its_path(tmp_path: Path):
    (tmp_path / "kws.tflite").write_bytes(single("SOFTMAX", [(1, 12)], (1, 12), beta=1.0))
    model = read(str(tmp_path / "kws.tflite"))
    assert (model.name, model.body.ops[0].attrs) == ("kws", {"beta": 1.0})
    (tmp_path / "empty.tflite").write_bytes(b"")
    with pytest.raises(SpecError, match=r"empty\.tflite: the file is empty"):
        read(str(tmp_path / "empty.tflite"))


def test_of_joined_names_the_one_that_fits_the_operator_is_taken():
    """As TensorFlow's converter writes them: with the names of other layers whose zeros are the same constant."""
    names = [
        "net/act/Relu;net/bn/FusedBatchNormV3;net/conv_9/Conv2D;net/conv_1/Conv2D",
        "net/act_2/Relu;net/conv_9/Conv2D;net/conv_2/Conv2D",
        "net/conv_9/BiasAdd;net/conv_9/Conv2D",
    ]
    common = often(names)
    assert [place("CONV_2D", name, common).path[-1] for name in names] == ["conv_1", "conv_2", "conv_9"]


def test_where_no_name_fits_the_first_is_taken_that_is_no_variable():
    variable, other = "net/dense/ReadVariableOp", "net/head/Other"
    assert place("ADD", f"{variable};{other}", {}).path[-1] == "head"
    assert place("ADD", variable, {}).path[-1] == "dense"


@pytest.mark.parametrize("tensor", ["", ";;", "Identity", "Identity_3", "StatefulPartitionedCall:0", "Identity_int8"])
def test_names_that_say_nothing_are_none(tensor: str):
    assert (pieces(tensor), place("ADD", tensor, {})) == ([], ((), ""))
