"""Keras files written by hand, read as models."""

from __future__ import annotations

import builtins
import json
import re
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from helpers.keras_files import (
    DOTS,
    archive,
    as_layer,
    call,
    entry,
    functional,
    layer,
    operation,
    sequential,
    slice_,
    tensor,
)
from helpers.keras_samples import SAMPLES

from convcost import load
from convcost.core.errors import SpecError
from convcost.importers.keras import file as keras_file
from convcost.importers.keras.file import read as read_keras
from convcost.importers.keras.network import FUNCTIONAL, Writer
from convcost.importers.keras.values import Slice, Tensor
from convcost.importers.model import Model, Op, Stated

Read = Callable[..., Model]
IMAGE = entry("image", None, 8, 8, 3)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a configuration, or the bytes of a file."""

    def reader(data: Any, name: str = "net.keras") -> Model:
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
        return read_keras(str(path))

    return reader


def refused(read: Read, data: Any, name: str = "net.keras") -> str:
    """The one line that a file is refused with, without its path."""
    with pytest.raises(SpecError) as raised:
        read(data, name)
    text = str(raised.value)
    assert "\n" not in text
    assert f"{name}: " in text
    return text.partition(f"{name}: ")[2]


def row(op: Op) -> tuple[Any, ...]:
    return op.type, ".".join(op.path), op.inputs, op.outputs


DENSE = functional("net", [entry("x", None, 4), layer("Dense", "out", "x", units=2)])


# -- containers -----------------------------------------------------------------------------------------------------


def test_the_configuration_of_an_archive_without_weights(read: Read):
    model = read(archive(DENSE))
    assert (model.format, model.name, model.producer) == ("keras", "net", "Keras 3.15.1")
    assert dict(model.body.inputs) == {"x": Stated(("batch", 4), "fp32")}
    assert model.body.outputs == ("out",)
    assert [row(op) for op in model.body.ops] == [("Dense", "out", ("x",), ("out",))]
    (op,) = model.body.ops
    assert op.attrs["config"]["units"] == 2
    assert (op.layer, op.trainable) == ("out", True)


def test_weights_are_not_looked_at(read: Read):
    """Were they, this would be no HDF5 file."""
    assert read(archive(DENSE, names={"model.weights.h5": b"no weights"})).name == "net"


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda config: config,
        lambda config: {**config, "keras_version": "2.4.0", "backend": "tensorflow"},
        lambda config: {"format": "layers-model", "modelTopology": config},
        lambda config: {"modelTopology": {"keras_version": "2.4.0", "model_config": config}},
        lambda config: config["config"],  # as get_config() gives it
    ],
)
def test_a_bare_configuration_as_several_tools_write_it(read: Read, wrapped: Callable[[Any], Any]):
    model = read(wrapped(DENSE), "net.json")
    assert [op.type for op in model.body.ops] == ["Dense"]
    assert model.producer in ("Keras", "Keras 2.4.0")


def test_a_legacy_file(read: Read, monkeypatch: pytest.MonkeyPatch):
    """The package that reads HDF5 stands in for itself: what it would return is all that is asked of it."""
    attrs = {"model_config": json.dumps(DENSE), "keras_version": b"2.4.0"}

    class File:
        def __init__(self, path: str, mode: str) -> None:
            assert (Path(path).name, mode) == ("net.h5", "r")
            self.attrs = attrs

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setitem(sys.modules, "h5py", SimpleNamespace(File=File))
    signature = b"\x89HDF\r\n\x1a\n"
    model = read(signature, "net.h5")
    assert ([op.type for op in model.body.ops], model.producer) == (["Dense"], "Keras 2.4.0")
    del attrs["model_config"]
    assert "no model_config, only weights" in refused(read, signature, "net.h5")


def test_a_legacy_file_without_the_package_for_it(read: Read, monkeypatch: pytest.MonkeyPatch):
    found = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "h5py is not installed: pip install h5py" in refused(read, b"\x89HDF\r\n\x1a\n", "net.h5")


# -- calls ------------------------------------------------------------------------------------------------------------


def test_arguments_by_place_and_by_name_lists_and_constants(read: Read):
    layers = [
        entry("a", None, 4),
        entry("b", None, 4),
        layer("MultiHeadAttention", "mha", call(tensor("a"), tensor("b"), key=tensor("a"), use_causal_mask=True)),
        layer("Add", "sum", call([tensor("mha", [None, 4]), tensor("b")])),
        operation("GetItem", "part", call(tensor("sum"), [slice_(1), DOTS, None, -1])),
        operation("Multiply", "twice", call(2.0, tensor("part"))),
    ]
    ops = read(functional("net", layers)).body.ops
    assert [row(op) for op in ops] == [
        ("MultiHeadAttention", "mha", ("a", "b", "a"), ("mha",)),
        ("Add", "sum", ("mha", "b"), ("sum",)),
        ("ops.GetItem", "part", ("sum",), ("part",)),
        ("ops.Multiply", "twice", ("part",), ("twice",)),
    ]
    mha, add, part, twice = (op.attrs for op in ops)
    assert mha["args"] == (Tensor(0), Tensor(1))
    assert mha["kwargs"] == {"key": Tensor(2), "use_causal_mask": True}
    assert add["args"] == ((Tensor(0), Tensor(1)),)
    assert part["args"] == (Tensor(0), (Slice(1, None, None), ..., None, -1))
    assert twice["args"] == (2.0, Tensor(0))


def test_what_consumers_say_of_a_tensor(read: Read):
    made = functional("net", [IMAGE, layer("Custom", "c", "image"), layer("ReLU", "r", call(tensor("c", [None, 5])))])
    assert read(made).body.stated["c"] == Stated(("batch", 5), "fp32")


def test_a_layer_that_is_called_twice_is_one_layer(read: Read):
    layers = [
        entry("left", None, 4),
        entry("right", None, 4),
        layer("Dense", "shared", "left", "right", units=2),
        layer("Subtract", "sub", call([tensor("shared", call=0), tensor("shared", call=1)])),
    ]
    body = read(functional("net", layers)).body
    assert [row(op) for op in body.ops] == [
        ("Dense", "shared", ("left",), ("shared",)),
        ("Dense", "shared", ("right",), ("shared (2)",)),
        ("Subtract", "sub", ("shared", "shared (2)"), ("sub",)),
    ]
    assert [op.layer for op in body.ops] == ["shared", "shared", "sub"]


def test_several_outputs_of_a_layer_and_of_a_model(read: Read):
    layers = [
        entry("x", None, 5, 4),
        layer("LSTM", "lstm", "x", units=3, return_state=True),
        layer("Dense", "out", call(tensor("lstm", output=2)), units=2),
    ]
    outputs = {"state": ["out", 0, 0], "last": ["lstm", 0, 0]}
    body = read(functional("net", layers, outputs=outputs)).body
    assert body.ops[0].outputs == ("lstm", "lstm:1", "lstm:2")
    assert body.ops[1].inputs == ("lstm:2",)
    assert body.outputs == ("lstm", "out"), "by their names, sorted, as Keras flattens mappings"


def test_layers_that_stand_before_those_they_read_are_put_in_order(read: Read):
    layers = [layer("ReLU", "last", "first"), layer("Dense", "first", "x", units=2), entry("x", None, 4)]
    made = functional("net", layers, outputs=[["last", 0, 0]])
    assert [op.path for op in read(made).body.ops] == [("first",), ("last",)]


def test_what_is_behind_the_outputs_does_not_disturb(read: Read):
    layers = [entry("x", None, 4), layer("Dense", "out", "x", units=2), layer("Mystery", "loss", "out")]
    body = read(functional("net", layers, outputs=["out", 0, 0])).body
    assert body.outputs == ("out",)


# -- models inside models -----------------------------------------------------------------------------------------------


def test_models_are_written_out_under_their_names(read: Read):
    inner = functional("inner", [entry("y", None, 4), layer("Dense", "d", "y", units=4)])
    outer = sequential("outer", [entry("z", None, 4), as_layer(inner), layer("ReLU", "r")])
    layers = [entry("x", None, 4), as_layer(outer, "x"), layer("Dense", "d", "outer", units=2)]
    body = read(functional("net", layers)).body
    assert [row(op) for op in body.ops] == [
        ("Dense", "outer.inner.d", ("x",), ("outer/inner/d",)),
        ("ReLU", "outer.r", ("outer/inner/d",), ("outer/r",)),
        ("Dense", "d", ("outer/r",), ("d",)),
    ]
    assert body.ops[0].layer == "outer/inner/d"


def twice(outputs: Any, calls: tuple[int, int], kind: str = "Functional") -> dict[str, Any]:
    """A model that is called with both inputs, the second call's tensor put out; how calls are counted is the versions'."""
    inner = functional("inner", [entry("y", None, 4), layer("Dense", "d", "y", units=4)])
    if kind == "Sequential":
        inner = sequential("inner", [entry("y", None, 4), layer("Dense", "d", units=4)])
    layers = [
        entry("left", None, 4),
        entry("right", None, 4),
        as_layer(inner, "left", "right"),
        layer("Add", "sum", call([tensor("inner", call=calls[0]), tensor("inner", call=calls[1])])),
    ]
    return functional("net", layers, outputs=outputs)


@pytest.mark.parametrize(("kind", "put"), [("Functional", 2), ("Sequential", 1)])
def test_a_model_that_is_called_twice_shares_its_layers(read: Read, kind: str, put: int):
    """Keras 3 counts the calls of a model from 0 where they are arguments, and where they are outputs those of a Functional from 1."""
    body = read(twice([["sum", 0, 0], ["inner", put, 0]], (0, 1), kind)).body
    assert [op.inputs for op in body.ops if op.type == "Dense"] == [("left",), ("right",)]
    assert [op.layer for op in body.ops if op.type == "Dense"] == ["inner/d", "inner/d"]
    first, second = (op.outputs[0] for op in body.ops if op.type == "Dense")
    assert body.ops[-1].inputs == (first, second)
    assert body.outputs == (body.ops[-1].outputs[0], second)


def test_a_model_of_several_inputs_is_given_them_by_name(read: Read):
    sources = [entry("a", None, 4), entry("b", None, 4)]
    inner = functional("inner", [*sources, layer("Subtract", "s", call([tensor("a"), tensor("b")]))])
    given = call({"b": tensor("x"), "a": tensor("y")})
    layers = [entry("x", None, 4), entry("y", None, 4), as_layer(inner, given)]
    assert read(functional("net", layers)).body.ops[0].inputs == ("y", "x")


def test_an_input_says_the_shape_of_what_its_model_is_called_with(read: Read):
    inner = functional("inner", [entry("y", None, 7), layer("ReLU", "r", "y")])
    layers = [entry("x", None, 4), layer("Custom", "c", "x"), as_layer(inner, "c")]
    assert read(functional("net", layers)).body.stated["c"] == Stated(("batch", 7), "fp32")


def test_a_frozen_model_freezes_its_layers(read: Read):
    inner = functional("inner", [entry("y", None, 4), layer("Dense", "d", "y", units=4)])
    inner["config"]["trainable"] = False
    layers = [entry("x", None, 4), as_layer(inner, "x"), layer("Dense", "d", "inner", units=2)]
    assert [op.trainable for op in read(functional("net", layers)).body.ops] == [False, True]


def test_layers_of_a_wrapper_are_a_body(read: Read):
    inner = layer("Dense", "d", units=4)
    layers = [entry("x", None, 5, 4), layer("TimeDistributed", "td", "x", layer=inner)]
    (op,) = read(functional("net", layers)).body.ops
    body = op.attrs["body"]
    assert [row(each)[:2] for each in body.ops] == [("Dense", "td.d")]
    assert body.ops[0].layer == "td/d"
    assert dict(body.stated) == {}, "its shapes are those of a step, and the batch holds all steps"


# -- Sequential -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "config"),
    [
        ([entry("x", None, 4)], {}),
        ([], {"build_input_shape": [None, 4]}),
    ],
)
def test_a_row_of_layers(read: Read, first: list[Any], config: dict[str, Any]):
    made = sequential("net", [*first, layer("Dense", "a", units=3), layer("Dense", "b", units=2)], **config)
    body = read(made).body
    name = "x" if first else "a_input"
    assert dict(body.inputs) == {name: Stated(("batch", 4), "fp32" if first else "")}
    assert [row(op) for op in body.ops] == [("Dense", "a", (name,), ("a",)), ("Dense", "b", ("a",), ("b",))]


def test_the_first_layer_may_say_the_shape(read: Read):
    made = sequential("net", [layer("Dense", "a", units=3, batch_input_shape=[None, 6])])
    assert read(made).body.inputs["a_input"].shape == ("batch", 6)


def test_the_next_layer_says_the_shape_of_a_foreign_one(read: Read):
    made = sequential("net", [entry("x", None, 4), layer("Custom", "c"), layer("Dense", "d", build=[None, 9], units=2)])
    assert read(made).body.stated["c"] == Stated(("batch", 9), "")


# -- versions before 3 ------------------------------------------------------------------------------------------------------


def old(kind: str, name: str, nodes: Any, **config: Any) -> dict[str, Any]:
    return {
        "class_name": kind,
        "config": {"name": name, "trainable": True, "dtype": "float32", **config},
        "name": name,
        "inbound_nodes": nodes,
    }


def old_input(name: str, *shape: int | None) -> dict[str, Any]:
    return old("InputLayer", name, [], batch_input_shape=list(shape))


def old_function(function: str, nodes: Any) -> dict[str, Any]:
    return old("TFOpLambda", f"tf.{function}", nodes, function=function)


def old_model(layers: list[Any], outputs: Any, kind: str = "Functional") -> dict[str, Any]:
    sources = [[each["name"], 0, 0] for each in layers if each["class_name"] == "InputLayer"]
    config = {"name": "net", "layers": layers, "input_layers": sources, "output_layers": outputs}
    return {"class_name": kind, "config": config, "keras_version": "2.4.0", "backend": "tensorflow"}


@pytest.mark.parametrize("kind", FUNCTIONAL)
def test_calls_as_lists_of_tensors(read: Read, kind: str):
    layers = [
        old_input("a", None, 4),
        old_input("b", None, 4),
        old("Dense", "d", [[["a", 0, 0, {}]], [["b", 0, 0, {}]]], units=4),
        old("Add", "sum", [[["d", 0, 0, {}], ["d", 1, 0, {}]]]),
    ]
    body = read(old_model(layers, [["sum", 0, 0]], kind), "net.json").body
    assert [row(op) for op in body.ops] == [
        ("Dense", "d", ("a",), ("d",)),
        ("Dense", "d", ("b",), ("d (2)",)),
        ("Add", "sum", ("d", "d (2)"), ("sum",)),
    ]
    assert body.ops[2].attrs["args"] == ((Tensor(0), Tensor(1)),)


def test_a_name_wanted_many_times_has_the_next_number_at_once():
    """Each number is tried once, and not all of those before: n calls look up names 2n - 1 times, not n²/2 times."""

    class Asked(dict[str, int]):
        times = 0

        def __contains__(self, name: object) -> bool:
            self.times += 1
            return super().__contains__(name)

    writer = Writer("net.json")
    asked = writer.taken = Asked()
    names = [writer.name("x") for _ in range(500)]
    assert (names[:3], names[-1], len(set(names))) == (["x", "x [2]", "x [3]"], "x [500]", 500)
    assert asked.times == 1 + 499 * 2
    assert [writer.name("y [2]"), writer.name("y"), writer.name("y"), writer.name("y [2]")] == [
        "y [2]",
        "y",
        "y [3]",
        "y [2] [2]",
    ]


def test_functions_with_tensors_and_constants_by_name(read: Read):
    layers = [
        old_input("x", None, 4),
        old_function("math.add", [["x", 0, 0, {"y": 3.0, "name": None}]]),
        old_function("math.multiply", [["x", 0, 0, {"y": ["tf.math.add", 0, 0], "name": None}]]),
        old_function("math.truediv", [["_CONSTANT_VALUE", -1, 6.0, {"y": ["tf.math.multiply", 0, 0]}]]),
        old_function("concat", [[["x", 0, 0, {"axis": -1}], ["tf.math.truediv", 0, 0, {"axis": -1}]]]),
    ]
    ops = read(old_model(layers, [["tf.concat", 0, 0]]), "net.json").body.ops
    assert [op.type for op in ops] == ["tf.math.add", "tf.math.multiply", "tf.math.truediv", "tf.concat"]
    assert [op.inputs for op in ops] == [
        ("x",),
        ("x", "tf.math.add"),
        ("tf.math.multiply",),
        ("x", "tf.math.truediv"),
    ]
    assert [op.attrs["args"] for op in ops] == [(Tensor(0),), (Tensor(0),), (6.0,), ((Tensor(0), Tensor(1)),)]
    assert ops[0].attrs["kwargs"] == {"y": 3.0, "name": None}
    assert ops[1].attrs["kwargs"] == {"y": Tensor(1), "name": None}
    assert ops[2].attrs["kwargs"] == {"y": Tensor(0)}
    assert ops[3].attrs["kwargs"] == {"axis": -1}


@pytest.mark.parametrize("count", [1, 2])
def test_calls_of_models_were_counted_from_one(read: Read, count: int):
    inner = old_model([old_input("y", None, 4), old("Dense", "d", [[["y", 0, 0, {}]]], units=4)], [["d", 0, 0]])
    nested = {**inner, "name": "inner", "inbound_nodes": [[["a", 0, 0, {}]], [["b", 0, 0, {}]]][:count]}
    nested["config"] = {**inner["config"], "name": "inner"}
    layers = [
        old_input("a", None, 4),
        old_input("b", None, 4),
        nested,
        old("Add", "sum", [[["inner", 1, 0, {}], ["inner", count, 0, {}]]]),
    ]
    body = read(old_model(layers, [["sum", 0, 0], ["inner", count, 0]]), "net.json").body
    dense = [op for op in body.ops if op.type == "Dense"]
    assert [op.inputs for op in dense] == [("a",), ("b",)][:count]
    assert body.ops[-1].inputs == (dense[0].outputs[0], dense[-1].outputs[0])
    assert body.outputs[1] == dense[-1].outputs[0]


def test_a_list_of_layers_is_a_model_of_the_first_versions(read: Read):
    layers = [{"class_name": "Dense", "config": {"name": "d", "units": 2, "batch_input_shape": [None, 3]}}]
    body = read({"class_name": "Sequential", "config": layers}, "net.json").body
    assert [row(op) for op in body.ops] == [("Dense", "d", ("d_input",), ("d",))]


# -- classes and types ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "kind", "registered", "type_"),
    [
        ("keras.layers", "Dense", None, "Dense"),
        ("keras.src.layers.core.dense", "Dense", None, "Dense"),
        ("keras.src.ops.nn", "Softmax", "Softmax", "ops.Softmax"),
        ("my.layers", "Dense", "mine>Dense", "mine>Dense"),
        ("my.layers", "Dense", "Dense", "my.layers>Dense"),
        ("__main__", "Attention", None, "__main__>Attention"),
        ("kerasx", "Dense", None, "kerasx>Dense"),
        ("tensorflow.keras.layers", "Dense", None, "Dense"),
    ],
)
def test_a_class_that_is_not_of_keras_is_not_taken_for_it(
    read: Read, module: str, kind: str, registered: str | None, type_: str
):
    made = layer(kind, "x1", "x")
    made |= {"module": module, "registered_name": registered}
    (op,) = read(functional("net", [entry("x", None, 4), made])).body.ops
    assert op.type == type_


def test_a_class_of_ones_own_is_told_by_its_settings_where_nothing_says_where_it_is_from(read: Read):
    layers = [
        old_input("x", None, 5, 4),
        old("Attention", "mine", [[["x", 0, 0, {}]]], units=3),
        old("Attention", "theirs", [[["mine", 0, 0, {}], ["mine", 0, 0, {}]]], use_scale=False),
    ]
    ops = read(old_model(layers, [["theirs", 0, 0]]), "net.json").body.ops
    assert [op.type for op in ops] == ["custom>Attention", "Attention"]


@pytest.mark.parametrize(
    ("policy", "dtypes"),
    [
        ("float32", {"outputs": "fp32", "weights": "fp32", "biases": "fp32", "buffers": "fp32"}),
        (
            {"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}},
            {"outputs": "bf16", "weights": "fp32", "biases": "fp32", "buffers": "fp32"},
        ),
        (
            {"class_name": "Policy", "config": {"name": "float16"}},
            {"outputs": "fp16", "weights": "fp16", "biases": "fp16", "buffers": "fp16"},
        ),
        (
            {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "float32"}},
            {"outputs": "fp32", "weights": "int8", "biases": "fp32", "buffers": "fp32"},
        ),
        ("int4/128_from_bfloat16", {"outputs": "bf16", "weights": "int4", "biases": "bf16", "buffers": "bf16"}),
        ("float8_from_float32", {"outputs": "fp32", "weights": "fp32", "biases": "fp32", "buffers": "fp32"}),
        (
            {"class_name": "GPTQDTypePolicy", "config": {"mode": "gptq/8/128", "source_name": "float32"}},
            {"outputs": "fp32", "weights": "uint8", "biases": "fp32", "buffers": "fp32"},
        ),
        (
            {"class_name": "DTypePolicyMap", "config": {"default_policy": "mixed_bfloat16", "policy_map": {"e": "float16"}}},
            {"outputs": "bf16", "weights": "fp32", "biases": "fp32", "buffers": "fp32"},
        ),
        (
            {"class_name": "DTypePolicyMap", "config": {"default_policy": None, "policy_map": {
                "d": {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "float32"}},
            }}},
            {"outputs": "fp32", "weights": "int8", "biases": "fp32", "buffers": "fp32"},
        ),
        (
            {"class_name": "DTypePolicyMap", "config": {"default_policy": "float32", "policy_map": {"d": "float16", "e": "bfloat16"}}},
            {"outputs": "fp16", "weights": "fp16", "biases": "fp16", "buffers": "fp16"},
        ),
        (None, {}),
        (7, {}),
    ],
)  # fmt: skip
def test_dtype_policies(read: Read, policy: Any, dtypes: dict[str, str]):
    made = layer("Dense", "d", "x", units=2)
    made["config"]["dtype"] = policy
    (op,) = read(functional("net", [entry("x", None, 4), made])).body.ops
    assert dict(op.dtypes) == dtypes


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ({"dens": "float16"}, ""),
        ({"d.*": "float16"}, "net.keras: dense_2: states dtypes by a pattern, d.*, which is not followed: state them by names of layers"),
        ({"dense": "float16", "se_2": "float32"}, "net.keras: dense_2: states several dtypes: dense, se_2 are all found in its name"),
    ],
)  # fmt: skip
def test_patterns_of_a_policy_map_that_are_plain_words_are_found_in_names(
    read: Read, policies: dict[str, str], said: str
):
    """Keras looks for each pattern in the path of a layer, wherever that begins."""
    made = layer("Dense", "dense_2", "x", units=2)
    made["config"]["dtype"] = {
        "class_name": "DTypePolicyMap",
        "config": {"default_policy": "float32", "policy_map": policies},
    }
    model = functional("net", [entry("x", None, 4), made])
    if said:
        with pytest.raises(SpecError, match=re.escape(said)):
            read(model)
    else:
        assert read(model).body.ops[0].dtypes["weights"] == "fp16"


def test_convolutions_have_no_kernels_that_a_policy_quantises(read: Read):
    made = layer("Conv1D", "c", "x", filters=2, kernel_size=3)
    made["config"]["dtype"] = "int8_from_float32"
    (op,) = read(functional("net", [entry("x", None, 4, 3), made])).body.ops
    assert dict(op.dtypes) == dict.fromkeys(("outputs", "weights", "biases", "buffers"), "fp32")


def test_a_fixed_batch_is_a_batch(read: Read):
    body = read(functional("net", [entry("x", 8, 4), layer("Dense", "d", call(tensor("x", [8, 4])), units=2)])).body
    assert body.inputs["x"].shape == ("batch", 4)


# -- what is refused ----------------------------------------------------------------------------------------------------------


SUBCLASSED = {"module": "my", "class_name": "MyModel", "config": {"width": 3}, "registered_name": "my>MyModel"}
TWO = [entry("x", None, 4), layer("Dense", "d", "x", units=2)]
CASES: dict[str, tuple[Any, str]] = {
    "a subclassed model": (SUBCLASSED, "the file holds no layers of MyModel"),
    "a class without a name": ({"class_name": 3, "config": {}}, "a layer needs a class_name, got 3"),
    "no configuration": ({"weights": []}, "the JSON is no configuration of a Keras model"),
    "a list": ([1, 2], "the configuration must be a mapping"),
    "not JSON": (b"{", "the configuration is not valid JSON"),
    "no text": (b"\xff\xfe\xff", "the configuration is not valid JSON"),
    "two of a name": (functional("n", [*TWO, TWO[1]]), "two layers are called d"),
    "a layer that is not there": (functional("n", [*TWO, layer("ReLU", "r", "e")]), "there is no layer e"),
    "a call that is not there": (
        functional("n", [*TWO, layer("ReLU", "r", call(tensor("d", call=1)))]),
        "d is called 1 times, there is no call 1",
    ),
    "a call of a model that is called once": (
        functional("n", [*TWO, as_layer(sequential("s", TWO), "d"), layer("ReLU", "r", call(tensor("s", call=2)))]),
        "s is called 1 times, there is no call 2",
    ),
    "an output of a number": (
        functional("n", [*TWO, layer("ReLU", "r", call(tensor("d", output=10**6)))]),
        "a call makes at most 4,096 tensors",
    ),
    "a second tensor of an input": (
        functional("n", [*TWO, layer("ReLU", "r", call(tensor("x", output=1)))]),
        "the input layer x makes one tensor",
    ),
    "a circle": (
        functional("n", [entry("x", None, 4), layer("ReLU", "a", "b"), layer("ReLU", "b", "a")]),
        "layers take tensors of each other in a circle: a, b",
    ),
    "its own tensor": (functional("n", [entry("x", None, 4), layer("ReLU", "a", "a")]), "in a circle: a"),
    "a negative size": (functional("n", [entry("x", None, -2), TWO[1]]), "a size must be an integer from 0"),
    "a size of 2^62": (functional("n", [entry("x", None, 2**62), TWO[1]]), "a size must be an integer from 0"),
    "a size that is true": (functional("n", [entry("x", None, True), TWO[1]]), "a size must be an integer from 0"),
    "too many axes": (functional("n", [entry("x", *([None] * 33)), TWO[1]]), "a list of at most 32 sizes"),
    "an input that is none": (
        functional("n", TWO, inputs=[["d", 0, 0]]),
        "the input d is no input layer, but a Dense",
    ),
    "an input that is not listed": (
        functional("n", [*TWO, entry("y", None, 4)], inputs=[["x", 0, 0]], outputs=[["y", 0, 0]]),
        "the input layer y is none of the model's inputs",
    ),
    "no inputs": (functional("n", TWO[1:], inputs=[]), "there is no layer x"),
    "a model without layers": (sequential("n", []), "the model has no layers"),
    "tensors of another form": (functional("n", TWO, outputs=[["d", "0"]]), "a tensor must be of the form"),
    "a long class": (functional("n", [*TWO, layer("X" * 81, "r", "d")]), "at most 80 printable characters"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_refused(read: Read, name: str):
    made, message = CASES[name]
    assert message in refused(read, made, "net.json")


def test_an_archive_of_something_else(read: Read):
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("data.pkl", b"")
    assert "the archive holds no config.json" in refused(read, made.getvalue())


@pytest.mark.parametrize("cut", [10, 200, -30, -1])
def test_a_damaged_archive(read: Read, cut: int):
    assert "the archive is damaged" in refused(read, archive(DENSE)[:cut])


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        read_keras(str(tmp_path / "gone.keras"))


# -- bounds ---------------------------------------------------------------------------------------------------------------------


def test_no_more_of_an_archive_is_unpacked_than_a_configuration_may_have(read: Read, monkeypatch: pytest.MonkeyPatch):
    """200 MB of spaces, packed to 200 KB."""
    unpacked = []
    found = zipfile.ZipExtFile.read

    def counted(self: zipfile.ZipExtFile, n: int = -1) -> bytes:
        data = found(self, n)
        unpacked.append(len(data))
        return data

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    bomb = archive(b" " * 200_000_000)
    assert len(bomb) < 300_000
    assert "larger than a configuration may be" in refused(read, bomb)
    assert sum(unpacked) <= keras_file.LARGEST_CONFIG + 1


def test_no_list_of_files_is_read_that_is_no_models(read: Read):
    """An archive with so many empty files that their list has more than a megabyte."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for i in range(8_000):
            file.writestr(f"{i:0100}", b"")
    assert "its list of files is too large" in refused(read, made.getvalue())


def test_other_packings_than_those_of_keras_are_refused(read: Read):
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("config.json", "{}")
    assert "config.json is packed by method 14" in refused(read, made.getvalue())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 300_000, "nest too deep"),
        ('{"a":' * 300_000, "nest too deep"),
        ("[" + "[]," * 500_000 + "[]]", "more than 600,000 values"),
        ("[" + "9" * 10_000 + "]", "not valid JSON"),
        (" " * (1 + (8 << 20)), "larger than a configuration may be"),
    ],
)
def test_texts_that_would_take_long(read: Read, text: str, message: str):
    assert message in refused(read, text.encode(), "net.json")


def nested(depth: int, calls: int = 1) -> dict[str, Any]:
    """Models inside models, each calling the one below it several times."""
    model = functional("m0", [entry("x0", None, 4)], outputs=[["x0", 0, 0]])
    for i in range(1, depth):
        below = as_layer(model, *[f"x{i}"] * calls)
        model = functional(f"m{i}", [entry(f"x{i}", None, 4), below], outputs=[[f"m{i - 1}", 1, 0]])
    return model


def test_layers_without_end_are_refused(read: Read):
    layers = [{"class_name": "ReLU", "config": {"name": f"r{i}"}} for i in range(30_000)]
    assert "more than 20,000 layers" in refused(read, {"class_name": "Sequential", "config": layers}, "net.json")


def test_as_many_layers_and_calls_as_there_may_be_are_read(read: Read, monkeypatch: pytest.MonkeyPatch):
    """A model of an input and three calls of one that is an input alone: 1 + 3 · 2 calls."""
    relus = [{"class_name": "ReLU", "config": {"name": f"r{i}"}} for i in range(5)]
    rows = {
        "class_name": "Sequential",
        "config": [{"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 4]}}, *relus],
    }
    monkeypatch.setattr("convcost.importers.keras.network.MOST_CALLS", 6)
    assert len(read(rows, "net.json").body.ops) == 5
    assert "more than 6 calls of layers" in refused(read, nested(2, calls=3), "net.json")
    monkeypatch.setattr("convcost.importers.keras.network.MOST_CALLS", 7)
    assert read(nested(2, calls=3), "net.json").body.ops == ()
    monkeypatch.setattr("convcost.importers.keras.network.MOST_CALLS", 5)
    assert "more than 5 layers" in refused(read, rows, "net.json")


def test_models_nest_as_deep_as_they_may(read: Read):
    assert read(nested(30), "net.json").body.ops == ()
    assert "models nest deeper than 32" in refused(read, nested(40), "net.json")


def test_calls_that_double_at_each_level_end(read: Read):
    """2^30 calls of nothing."""
    assert "more than 20,000 calls of layers" in refused(read, nested(31, calls=2), "net.json")


def test_settings_nest_as_deep_as_they_may(read: Read):
    value: Any = 1
    for _ in range(100):
        value = [value]
    assert "nest deeper than 64" in refused(
        read, functional("n", [TWO[0], layer("Dense", "d", "x", units=value)]), "net.json"
    )


def test_names_with_slashes_are_scopes(read: Read):
    """As versions before 3 allow, and its MobileNetV3 has them."""
    layers = [
        old_input("x", None, 4),
        old("Dense", "block/expand/dense", [[["x", 0, 0, {}]]], units=4),
        old("ReLU", "block/", [[["block/expand/dense", 0, 0, {}]]]),
    ]
    ops = read(old_model(layers, [["block/", 0, 0]]), "net.json").body.ops
    assert [(op.path, op.name) for op in ops] == [(("block", "expand", "dense"), "dense"), (("block",), "block")]


@pytest.mark.parametrize("model", SAMPLES)
def test_what_the_fuzzer_changes_is_whole_before(tmp_path: Path, model: dict[str, Any]):
    (tmp_path / "net.json").write_text(json.dumps(model))
    assert load(tmp_path / "net.json").report().complete
