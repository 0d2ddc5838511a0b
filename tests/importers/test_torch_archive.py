"""Archives of torch.export are read from their JSON alone: what they state, and what is refused in one line."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from helpers.torch_archives import LONG, meta, node, program, save, small, tensor

from convcost.core.errors import SpecError
from convcost.importers.model import Stated, Stored
from convcost.importers.torch import archive
from convcost.importers.torch.archive import read
from convcost.importers.torch.calls import Ref


def test_an_archive_is_ops_tensors_and_stated_shapes(tmp_path: Path):
    model = read(save(tmp_path / "net.pt2", small()))
    assert (model.format, model.name, model.producer) == ("torch", "net", "torch 2.13.0")
    body = model.body
    assert body.inputs == {"x": Stated((1, 3, 32, 32), "fp32")}
    assert body.outputs == ("relu_",)
    assert [(op.type, op.name, op.path) for op in body.ops] == [
        ("aten.conv2d", "conv2d", ("conv",)),
        ("aten.batch_norm", "batch_norm", ("bn",)),
        ("aten.relu_", "relu_", ("act",)),  # called a second time, it is still the module `act`
    ]
    conv = body.ops[0]
    assert conv.inputs == ("x", "conv.weight")
    assert conv.attrs == {
        "input": Ref("x"),
        "weight": Ref("conv.weight"),
        "bias": None,
        "stride": (1, 1),
        "padding": (1, 1),
    }
    assert body.tensors["conv.weight"] == Stored("conv.weight", (8, 3, 3, 3), "fp32", trainable=True)
    assert {name for name, each in body.tensors.items() if each.trainable} == {"conv.weight", "bn.weight", "bn.bias"}
    assert body.stated["conv2d"] == Stated((1, 8, 32, 32), "fp32")


def test_open_sizes_have_their_names(tmp_path: Path):
    batch = "Symbol('s31', positive=True, integer=True)"
    values = {"x": meta(batch, 3, f"Mul(Integer(32), {batch})"), "relu": meta(batch, 3, f"Add({batch}, Integer(-2))")}
    written = program([node("aten.relu.default", "relu", self="x")], values, {"x": "user_input"}, ["relu"])
    body = read(save(tmp_path / "net.pt2", written)).body
    assert body.inputs["x"].shape == ("s31", 3, "32*s31")
    assert body.stated["relu"].shape == ("s31", 3, "s31 - 2")


def test_the_older_layout_is_read(tmp_path: Path):
    path = save(tmp_path / "net.pt2", small(), where="serialized_exported_program.json")
    assert len(read(path).body.ops) == 3


def test_two_names_of_one_tensor_are_one_tensor(tmp_path: Path):
    values = {"p_a": meta(16, 16), "p_b": meta(16, 16), "p_c": meta(16, 16), "x": meta(1, 16), "y": meta(1, 16)}
    kinds = {name: ("parameter", name.removeprefix("p_")) for name in ("p_a", "p_b", "p_c")}
    nodes = [node("aten.linear.default", "y", input="x", weight="p_b")]
    weights = {
        "a": ("weight_0", meta(16, 16), False),
        "b": ("weight_0", meta(16, 16), False),
        "c": ("weight_1", meta(16, 16), False),
    }
    body = read(save(tmp_path / "n.pt2", program(nodes, values, kinds | {"x": "user_input"}, ["y"]), weights)).body
    assert set(body.tensors) == {"a", "c"}
    assert body.ops[0].inputs == ("x", "a")


def with_constants(tmp_path: Path, constants: dict, members: dict) -> dict[str, Stored]:
    values = {f"c_{name}": of for name, (_, of, _) in constants.items()}
    kinds = {f"c_{name}": ("tensor_constant", name) for name in constants}
    written = program([], values | {"x": meta(1)}, kinds | {"x": "user_input"}, ["x"])
    placed = {f"net/data/constants/{name}": data for name, data in members.items()}
    return dict(read(save(tmp_path / "net.pt2", written, constants=constants, members=placed)).body.tensors)


def test_small_integers_are_read_and_weights_are_not(tmp_path: Path):
    constants = {
        "sizes": ("tensor_0", meta(2, dtype=LONG), False),
        "factor": ("tensor_1", meta(), False),
        "weights": ("tensor_2", meta(2), False),
        "pickled": ("custom_obj_0", meta(1, dtype=LONG), True),
        "missing": ("tensor_9", meta(1, dtype=LONG), False),
        "short": ("tensor_1", meta(5, dtype=LONG), False),
    }
    members = {
        "tensor_0": struct.pack("<2q", 7, -1),
        "tensor_1": struct.pack("<f", 0.5),
        "tensor_2": struct.pack("<2f", 1, 2),
        "custom_obj_0": struct.pack("<q", 1),
    }
    found = with_constants(tmp_path, constants, members)
    contents = {name: each.contents for name, each in found.items()}
    assert contents == {"sizes": (7, -1), "factor": (0.5,), **dict.fromkeys(["weights", "pickled", "missing", "short"])}
    assert not any(each.trainable for each in found.values())


def test_what_is_changed_in_place_is_read_as_changed(tmp_path: Path):
    """z = zeros; z[:, :4] = x; the sum of z depends on x."""
    ints = {word: {"as_int": value} for word, value in {"dim": 1, "start": 0, "end": 4}.items()}
    nodes = [
        node("aten.zeros.default", "zeros", size={"as_ints": [1, 8]}),
        node("aten.slice.Tensor", "slice_1", self="zeros", **ints),
        node("aten.copy_.default", "copy_", self="slice_1", src="x"),
        node("aten.relu_.default", "relu_", self="zeros"),
        node("aten.sum.default", "sum_1", self="zeros"),
    ]
    values = {"x": meta(1, 4), "zeros": meta(1, 8), "slice_1": meta(1, 4), "copy_": meta(1, 4), "sum_1": meta(),
              "relu_": meta(1, 8)}  # fmt: skip
    body = read(save(tmp_path / "n.pt2", program(nodes, values, {"x": "user_input"}, ["sum_1"]))).body
    reads = {op.outputs[0]: op.inputs for op in body.ops}
    assert reads["sum_1"] == ("relu_",)
    assert reads["relu_"] == ("copy_.zeros",)
    assert reads["copy_.zeros"] == ("zeros", "copy_")
    assert body.stated["copy_.zeros"].shape == (1, 8)


def test_what_runs_without_gradients_is_part_of_the_program(tmp_path: Path):
    inner = program([node("aten.relu.default", "relu", "act", self="y")], {"y": meta(1, 4), "relu": meta(1, 4)}, {"y": "user_input"}, ["relu"])  # fmt: skip
    graph = {"as_graph": {"name": "submod_1", "graph": inner["graph_module"]["graph"]}}
    run = node("higher_order.wrap_with_set_grad_enabled", "wrap", outputs=[{"as_tensors": [{"name": "getitem"}]}])
    run["inputs"] = [{"name": "", "arg": arg} for arg in ({"as_bool": False}, graph, tensor("x"))]
    nodes = [run, node("aten.neg.default", "neg", self="getitem")]
    values = {"x": meta(1, 4), "getitem": meta(1, 4), "neg": meta(1, 4)}
    body = read(save(tmp_path / "n.pt2", program(nodes, values, {"x": "user_input"}, ["neg"]))).body
    assert [(op.type, op.inputs, op.outputs) for op in body.ops] == [
        ("aten.relu", ("x",), ("getitem",)),
        ("aten.neg", ("getitem",), ("neg",)),
    ]


ARGUMENTS = [
    ({"as_none": True}, None),
    ({"as_float": "Infinity"}, float("inf")),
    ({"as_string": "same"}, "same"),
    ({"as_tensors": [{"name": "x"}, {"name": "x"}]}, (Ref("x"), Ref("x"))),
    ({"as_optional_tensors": [{"as_none": True}, {"as_tensor": {"name": "x"}}]}, (None, Ref("x"))),
    ({"as_sym_ints": [{"as_name": "x"}, {"as_int": 64}]}, (Ref("x"), 64)),
    ({"as_scalar_type": 6}, "fp16"),
    ({"as_memory_format": 2}, "channels_last"),
    ({"as_layout": 7}, "strided"),
    ({"as_device": {"type": "cuda", "index": 0}}, "cuda"),
    ({"as_int_lists": [[1, 2], [3]]}, ((1, 2), (3,))),
]


@pytest.mark.parametrize(("written", "expected"), ARGUMENTS)
def test_arguments_of_all_kinds_are_read(tmp_path: Path, written: dict, expected: object):
    nodes = [node("aten.some.default", "y", value=written)]
    values = {"x": meta(1), "y": meta(1)}
    body = read(save(tmp_path / "n.pt2", program(nodes, values, {"x": "user_input"}, ["y"]))).body
    assert body.ops[0].attrs["value"] == expected


# ---- what is refused -------------------------------------------------------------------------------------------------


def refused(path: Path | str) -> str:
    with pytest.raises(SpecError) as error:
        read(str(path))
    said = str(error.value)
    assert "\n" not in said
    assert said.startswith(f"{path}: ")
    return said.removeprefix(f"{path}: ")


def zipped(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"net/data.pkl": b"", "net/data/0": b""}, "weights or a module saved by torch.save, which do not say what"),
        ({"net/code/x.py": "", "net/constants.pkl": b"", "net/data.pkl": b""}, "a TorchScript program, which has no shapes"),
        ({"net/data/aotinductor/model/a.so": b""}, "a network compiled by AOTInductor, without the program"),
        ({"word/document.xml": ""}, "a zip file without an exported program in it (no models/*.json)"),
        ({"n/models/a.json": "{}", "n/models/b.json": "{}"}, "has several models (a, b); save each to a file of its own"),
        ({"n/models/model.json": "{"}, "malformed archive: n/models/model.json is not JSON"),
        ({"n/models/model.json": "[]"}, "malformed archive: 'graph_module' must be an object, got nothing"),
    ],
)  # fmt: skip
def test_other_zip_files_are_refused_with_the_remedy(tmp_path: Path, members: dict, said: str):
    got = refused(zipped(tmp_path / "net.pt2", members))
    assert got.startswith(said)
    assert "malformed" in said or "several" in said or "torch.export.save(" in got


def test_what_is_no_archive_is_refused(tmp_path: Path):
    pickled, text, empty = tmp_path / "old.pth", tmp_path / "a.pt2", tmp_path / "empty.pt2"
    pickled.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
    text.write_text("hello")
    empty.write_bytes(b"")
    assert refused(pickled).startswith("weights pickled by an old torch.save, which do not say what")
    assert refused(text).startswith("not a .pt2 archive (no zip file); write the network with torch.export.save(")
    assert refused(empty).startswith("not a .pt2 archive")
    assert refused(tmp_path / "missing.pt2") == "cannot be read: No such file or directory"
    cut = tmp_path / "cut.pt2"
    cut.write_bytes(Path(save(tmp_path / "net.pt2", small())).read_bytes()[:-30])
    assert refused(cut).startswith("damaged archive")


def changed(path: Path, change) -> Path:
    written = small()
    change(written["graph_module"])
    return Path(save(path, written))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda g: g.pop("signature"), "'signature' must be an object, got nothing"),
        (lambda g: g["graph"]["tensor_values"].update(p_bn_bias=meta(2**63)), "a size must be an integer from 0 to 2^62, got 9223372036854775808"),
        (lambda g: g["graph"]["tensor_values"].update(x=meta(-1)), "a size must be an integer from 0 to 2^62, got -1"),
        (lambda g: g["graph"]["tensor_values"].update(p_bn_bias=meta("s0")), "bn.bias: a stored tensor has the open size s0"),
        (lambda g: g["graph"]["nodes"].reverse(), "relu_ reads 'batch_norm', which nothing before it makes"),
        (lambda g: g["graph"].update(outputs=[tensor("gone")]), "the output 'gone' is made by nothing"),
        (lambda g: g["graph"].update(outputs=[]), "the signature has 1 outputs, the graph 0"),
        (lambda g: g["graph"]["nodes"][0]["inputs"][0].update(arg={"as_magic": 1}), "an argument of the unknown kind as_magic"),
        (lambda g: g["graph"]["nodes"][0]["inputs"][0].update(arg=7), "'arg' must be an object, got 7"),
        (lambda g: g["graph"]["nodes"][0].update(target=None), "'target' must be a text, got nothing"),
    ],
)  # fmt: skip
def test_what_pytorch_would_not_write_is_refused(tmp_path: Path, change, said: str):
    assert refused(changed(tmp_path / "n.pt2", change)) == f"malformed archive: {said}"


def test_old_signatures_ask_for_another_export(tmp_path: Path):
    got = refused(changed(tmp_path / "n.pt2", lambda g: g["signature"].pop("input_specs")))
    assert got.startswith("written by PyTorch 2.1 or older; write the network with torch.export.save(")


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path):
    spaces = save(tmp_path / "spaces.pt2", b" " * (archive.LARGEST_TEXT + 1))
    commas = save(tmp_path / "commas.pt2", b"[" + b"0," * archive.MOST_ITEMS + b"0]")
    deep = save(tmp_path / "deep.pt2", b"[" * 100_000 + b"]" * 100_000)
    assert refused(spaces) == "malformed archive: net/models/model.json is larger than 67,108,864 bytes"
    assert refused(commas) == "malformed archive: net/models/model.json has more than 4,000,000 items"
    assert refused(deep) == "malformed archive: nested too deeply"


def test_programs_inside_programs_have_a_deepest_level(tmp_path: Path):
    graph = {"inputs": [], "outputs": [], "nodes": [], "tensor_values": {}}
    for _ in range(60):
        call = {"target": "torch.ops.higher_order.cond", "outputs": [], "inputs": [{"name": "", "arg": {"as_graph": {"name": "g", "graph": graph}}}]}  # fmt: skip
        graph = {"inputs": [], "outputs": [], "nodes": [call], "tensor_values": {}}
    written = small()
    written["graph_module"]["graph"]["nodes"] += graph["nodes"]
    said = refused(save(tmp_path / "n.pt2", written))
    assert said == "malformed archive: programs inside programs, more than 40 levels deep"


def test_a_member_as_large_as_a_disk_is_not_read(tmp_path: Path):
    """64 MiB of weights that the archive says to be small."""
    constants = {"c": ("tensor_0", meta(3, dtype=LONG), False)}
    tracemalloc.start()
    found = with_constants_of(tmp_path, constants, bytes(1 << 26))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "tensor_0 is larger than" in found
    assert peak < 1 << 24


def with_constants_of(tmp_path: Path, constants: dict, data: bytes) -> str:
    values = {"c_c": constants["c"][1], "x": meta(1)}
    written = program([], values, {"c_c": ("tensor_constant", "c"), "x": "user_input"}, ["x"])
    path = save(tmp_path / "net.pt2", written, constants=constants, members={"net/data/constants/tensor_0": data})
    del data
    tracemalloc.reset_peak()
    return refused(path)


def test_calls_keep_how_they_are_written(tmp_path: Path):
    kept = ("net.Net", "relu_1;function.relu", "File x.py, line 3\n    return F.relu(x)")
    values = {name: meta(1, 8) for name in ("x", "a", "b", "c", "p_w")} | {"p_w": meta(8, 8)}
    nodes = [
        node("aten.relu.default", "a", self="x", kept=kept),
        node(
            "aten.matmul.default", "b", self="a", other="a", kept=("net.Net", "m;method_descriptor.matmul", "  q @ k\n")
        ),
        node("aten.linear.default", "c", "net.fc", input="b", weight="p_w", kept=("net.OwnLinear",)),
    ]
    written = program(nodes, values, {"p_w": ("parameter", "net.fc.weight"), "x": "user_input"}, ["c"])
    body = read(save(tmp_path / "net.pt2", written)).body
    assert [op.form for op in body.ops] == ["functional", "module", "derived"]
