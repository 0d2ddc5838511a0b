"""Text files of ncnn as models: what their lines say, and one line for each that is none."""

from __future__ import annotations

import resource
from io import BytesIO
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import pytest
from helpers.ncnn_layers import param
from helpers.paths import ROOT

import convcost
from convcost.core.errors import ConvcostError, SpecError
from convcost.importers.imported import Imported
from convcost.importers.model import Model, Op, Stated, Stored
from convcost.importers.ncnn.file import LONGEST_LINE, MOST_BYTES, MOST_LAYERS, parse, read
from convcost.importers.ncnn.given import BLOBS, KEPT

if TYPE_CHECKING:
    from helpers.cli import Cli

WRITTEN = ROOT / "tests" / "models"
IMAGE = "Input image 0 1 image 0=31 1=32 2=3"
CONV = "Convolution conv 1 1 image out 0=8 1=3 3=2 4=1 5=1 6=216 9=1"


def parsed(text: str) -> Model:
    return parse(BytesIO(text.encode()), "net.param")


def said(text: str | bytes) -> str:
    """What is said of a file that is refused when it is read, or when it is built."""
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(SpecError) as caught:
        built(data)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("net.param: ")
    return str(caught.value).removeprefix("net.param: ")


def built(data: bytes) -> None:
    imported = Imported(parse(BytesIO(data), "net.param"))
    imported.reference(imported.own_sizes(dict.fromkeys(imported.entries, (32, 31, 3))))


def outcome(path: Path, data: bytes, **sizes: object) -> str:
    """Whether a file is built or refused, in a line for people, or in one for each input whose size it asks for."""
    path.write_bytes(data)
    said_ = ""
    try:
        convcost.load(str(path), **sizes).report()
    except ConvcostError as error:
        said_ = str(error)
    assert all(path.name in line for line in said_.splitlines()), said_
    assert said_.count("\n") <= said_.count("has an open size")
    assert len(said_) < 2_000
    return "refused" if said_ else "built"


# -- what a file says --------------------------------------------------------------------------------------------------


def test_a_convolution_as_its_line_states_it():
    """216 weights are 8 filters of 3x3x3."""
    model = parsed(param(IMAGE, CONV + " -23330=4,3,16,16,8"))
    assert (model.format, model.file, model.name, model.producer) == ("ncnn", "net.param", "net", "ncnn, 2 layers")
    assert model.body.inputs == {"image": Stated((1, 3, 32, 31), "fp32")}
    assert model.body.outputs == ("out",)
    assert model.body.tensors == {
        "conv.weights": Stored("conv.weights", (216,), "fp32"),
        "conv.biases": Stored("conv.biases", (8,), "fp32"),
    }
    assert model.body.stated["out"] == Stated((1, 8, 16, 16), "")
    attrs = {"0": 8, "1": 3, "3": 2, "4": 1, "5": 1, "6": 216, "9": 1, "30": (3, 16, 16, 8)}
    attrs |= {BLOBS: 1, KEPT: ("weights", "biases")}
    assert model.body.ops == (Op("Convolution", "conv", ("image", "conv.weights", "conv.biases"), ("out",), attrs),)


def test_numbers_texts_and_lists():
    layer = 'Custom one 1 1 image out 0=-3 1=2.5e-01 2=1e3 3=.5 4="a" -23305=0 -23306=2,1,2.5'
    (op,) = parsed(param(IMAGE, layer)).body.ops
    expected = {"0": -3, "1": 0.25, "2": 1000.0, "3": 0.5, "4": "a", "5": (), "6": (1, 2.5)}
    assert op.attrs == expected | {BLOBS: 1, KEPT: ()}


def test_integers_have_their_types_and_no_scales():
    """Weights are of 8 bits; what a layer hands on is only where it has a scale for that (100 and more), through forks too."""
    fork = "Split fork 1 2 out a b"
    body = parsed(param(IMAGE, CONV + " 8=102", fork, "Convolution last 1 1 a end 0=2 1=1 6=16 8=2")).body
    assert {name: one.dtype for name, one in body.tensors.items()} == {
        "conv.weights": "int8", "conv.biases": "fp32", "last.weights": "int8",
    }  # fmt: skip
    dtypes = {"image": "fp32", "out": "int8", "a": "int8", "b": "int8", "end": ""}
    assert {name: one.dtype for name, one in body.stated.items()} == dtypes
    assert body.outputs == ("b", "end")


@pytest.mark.parametrize(
    ("keys", "shape"),
    [("0=9", (1, 9)), ("0=9 1=4", (1, 4, 9)), ("0=9 1=4 2=3", (1, 3, 4, 9)), ("0=9 1=4 11=2 2=3", (1, 3, 2, 4, 9))],
)
def test_sizes_are_written_from_the_last_axis(keys: str, shape: tuple[int, ...]):
    body = parsed(param(f"Input x 0 1 x {keys}", f"MemoryData m 0 1 m {keys}", "BinaryOp add 2 1 x m y")).body
    assert body.inputs["x"].shape == shape
    assert body.tensors["m"] == Stored("m", shape, "fp32")


def test_names_that_layers_share_do_not_share_what_they_store():
    body = parsed(param(IMAGE, CONV, "Convolution conv 1 1 out end 0=4 1=1 6=32", "ReLU r 1 1 end conv.weights#2")).body
    assert [(one.name, one.elements) for one in body.tensors.values()] == [
        ("conv.weights", 216), ("conv.biases", 8), ("conv.weights#3", 32),
    ]  # fmt: skip


def test_a_layer_that_only_ends_branches_is_no_output():
    body = parsed(param(IMAGE, "Split s 1 2 image a b", "ReLU r 1 1 a c", "Noop end 2 1 b c d")).body
    assert body.outputs == ("b", "c")


def test_lines_behind_the_last_layer_are_not_read():
    """As ncnn does not; one of its own files has such a line."""
    model = parsed(param(IMAGE, CONV) + "\nNoop more 1 1 out end\n")
    assert model.body.outputs == ("out",)
    assert model.notes == ("lines follow behind the 2 layers that the file says: not read, as ncnn does not",)


def test_line_feeds_of_windows_and_empty_lines_are_read():
    assert parsed(param(IMAGE, CONV).replace("\n", "\r\n\r\n")).body == parsed(param(IMAGE, CONV)).body


# -- sizes -------------------------------------------------------------------------------------------------------------


def test_an_input_without_sizes_has_those_of_its_hint():
    assert parsed(param("Input x 0 1 x -23330=4,3,5,4,3", "ReLU r 1 1 x y")).body.inputs["x"].shape == (1, 3, 4, 5)


def test_an_input_without_any_size_has_the_channels_that_its_first_convolution_takes():
    """72 weights of 3 filters of 3x2: 4 channels."""
    lines = ("Input x 0 1 x", "Split s 1 2 x a b", "Padding p 1 1 b c 0=1", "Convolution v 1 1 c d 0=3 1=3 11=2 6=72")
    assert parsed(param(*lines)).body.inputs["x"].shape == (1, 4, None, None)
    assert parsed(param("Input x 0 1 x", "ReLU r 1 1 x y")).body.inputs["x"].shape == (1, None, None, None)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("Convolution1D 0=4 1=3 6=24", (2, None)),
        ("Convolution3D 0=4 1=3 11=2 21=1 6=72", (3, None, None, None)),
        ("LayerNorm 0=768", (None, 768)),
        ("Gemm 3=1 5=1 8=10 9=64", (None, 64)),
        ("Gemm 2=1 3=1 5=1 8=10 9=64", (64, None)),
        ("MultiHeadAttention 0=8 1=2 2=64", (None, 8)),
        ("LSTM 0=5 1=160", (None, 8)),
        ("GRU 0=5 1=240 2=2", (None, 8)),
        ("Embed 0=5 1=7 3=35", (None,)),
        ("Convolution 0=0 1=3 6=24", (None, None, None)),
        ("Sigmoid", (None, None, None)),
    ],
)
def test_an_input_without_any_size_is_what_its_first_layer_takes(layer: str, shape: tuple[int | None, ...]):
    """24 weights of 4 filters of 3: 2 channels; 160 of 4 gates of 5: 8; 240 of 3 gates of 5, both ways: 8."""
    kind, _, rest = layer.partition(" ")
    model = parsed(param("Input x 0 1 x", f"{kind} one 1 1 x y {rest}"))
    assert model.body.inputs["x"].shape == (1, *shape)


def test_many_inputs_without_a_size_take_no_time():
    begun = process_time()
    model = parsed(param(*[f"Input x{i} 0 1 x{i}" for i in range(30_000)]))
    assert {stated.shape for stated in model.body.inputs.values()} == {(1, None, None, None)}
    assert process_time() - begun < 5


def test_an_open_size_is_asked_for(cli: Cli):
    path = WRITTEN / "detector.param"
    assert "its input in0 has an open size: say it with --input" in cli.refused_in_a_line("report", path)
    found = cli.json("report", path, "--input", 64, "--partial")
    # 3x3 /2 to 8 channels on 32x32, and 1x1 to 12 and to 6 of them
    assert found["totals"]["macs"] == 32 * 32 * (27 * 8 + 8 * 12 + 8 * 6)
    assert cli("report", path, "--input", 64).exit_code == 3


def test_hints_of_another_input_are_not_used():
    model = parsed(param(IMAGE + " -23330=4,3,224,224,3", CONV + " -23330=4,3,112,112,8"))
    assert model.body.stated["out"].shape is None
    assert model.notes == (
        "the input image is of another size than its shape hint: the hints of the file are not used",
    )


def test_a_hint_that_is_wrong_names_the_layer():
    assert said(param(IMAGE, CONV + " -23330=4,3,16,15,8")) == (
        "Convolution conv: makes 8×16×16 (channels first), but the hint in its line says 8×15×16; convert the model again, "
        "or take the hints -23330=... out of it"
    )


def test_hints_hold_at_the_files_own_size_alone(cli: Cli, tmp_path: Path):
    path = tmp_path / "net.param"
    path.write_text(param(IMAGE + " -23330=4,3,31,32,3", CONV + " -23330=4,3,16,16,8"))
    assert cli.json("report", path, "--input", "64x62x3")["totals"]["macs"] == 32 * 31 * 216


# -- laws --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (CONV.replace("216", "215"), "Convolution conv: the file stores 215 weights, but its input takes 216"),
        (CONV.replace("1=3", "1=5"), "Convolution conv: the file stores 216 weights, but its input takes 600"),
        (
            "InnerProduct fc 1 1 image y 0=10 2=100",
            "InnerProduct fc: the file stores 100 weights, but its input takes 29,760",
        ),
        ("BatchNorm bn 1 1 image y 0=4", "BatchNorm bn: the file stores 4 weights, but its input takes 3"),
        ("Scale s 1 1 image y 0=2", "Scale s: the file stores 2 weights, but its input takes 3"),
        ("LayerNorm n 1 1 image y 0=30", "LayerNorm n: norms 30 elements of 3 x 32 x 31"),
    ],
)
def test_weights_are_those_that_the_input_takes(layer: str, what: str):
    assert said(param(IMAGE, layer)) == what


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (["Split s 1 2 image a b", "ReLU r 2 1 a b y"], "ReLU r: reads 2 blobs, where 1 is needed"),
        (["ReLU r 1 2 image a b"], "ReLU r: makes 2 blobs, where 1 is needed"),
        (["BinaryOp b 1 1 image y"], "BinaryOp b: BinaryOp needs an input number 2"),
        (["Slice s 1 2 image a b -23300=3,1,1,-233"], "Slice s: cuts 3 parts for 2 outputs"),
        (["Permute p 1 1 image y 0=6"], "Permute p: puts 3 axes into order 6, where there are 6"),
        (["Concat c 1 1 image y 0=3"], "Concat c: names axis 3 of 3"),
        (["Pooling p 1 1 image y 1=2 2=0"], "Pooling p: stride must be at least 1, got 0"),
        (["Convolution c 1 1 image y 0=x"], "line 4: Convolution c: parameter 0 must be a number of 32 bits or a text in quotes, got 'x'"),
        (["ReLU r 1 1 nowhere y"], "line 4: ReLU r: nothing before it makes its input 'nowhere'"),
        (["ReLU r 1 1 image y", "ReLU q 1 1 image y"], "line 5: ReLU q: its output 'y' is already there"),
        (["ReLU r 1 2 image y y"], "line 4: ReLU r: its output 'y' is already there"),
        (["ReLU r 1 1 image"], "line 4: ReLU r: says that it reads 1 and makes 1 blobs, and names 1"),
        (["ReLU r 1 1 image 0=1"], "line 4: ReLU r: says that it reads 1 and makes 1 blobs, and names 1"),
        (["ReLU r 1 -1 image"], "line 4: ReLU r: needs a type, a name, and how many blobs it reads and makes"),
        (["ReLU"], "line 4: ReLU: needs a type, a name, and how many blobs it reads and makes"),
        (["ReLU r 1 1000000 image"], "line 4: ReLU r: reads 1 blobs and makes 1,000,000; a layer may have 1,000"),
        (["ReLU r 1 1 image y z"], "line 4: ReLU r: needs number=value, got 'z'"),
        (["ReLU r 1 1 image y 99=1"], "line 4: ReLU r: has no parameter 99"),
        (["ReLU r 1 1 image y -23303=3,1"], "line 4: ReLU r: parameter -23303 says that it lists 3 values, and lists 1"),
        (["ReLU r 1 1 image y 0=99999999999"], "line 4: ReLU r: parameter 0 must be a number of 32 bits or a text in quotes, got '99999999999'"),
        (["ReLU r 1 1 image y -23330=3,3,1,1"], "line 4: ReLU r: hints at shapes by 3 numbers, where 4 are needed"),
        (["MemoryData m 0 1 m", "BinaryOp b 2 1 image m y"], "line 4: MemoryData m: does not say how much it stores"),
        (["Gemm g 1 1 image y 5=1 8=4 9=8 18=500"], "line 4: Gemm g: quantises its weights in way 500, which ncnn does not have"),
        (["Gemm g 1 1 image y 5=1 8=4 9=8 18=403"], "line 4: Gemm g: quantises its weights in way 403, which ncnn does not have"),
        (["MultiHeadAttention a 1 1 image y 0=8 2=64 18=4"], "line 4: MultiHeadAttention a: quantises its weights in way 4, which ncnn does not have"),
        (["Convolution c 1 1 image y 0=8 1=3 6=-5"], "line 4: Convolution c: states -5 weights"),
        (["Convolution c 1 1 image y 0=8 1=3 6=216.5"], "line 4: Convolution c: parameter 6 must be a whole number, got 216.5"),
    ],
)  # fmt: skip
def test_layers_that_are_none(lines: list[str], what: str):
    made = sum(max(int(words[3]), 0) if len(words := line.split()) > 3 else 0 for line in lines) + 1
    text = "\n".join(("7767517", f"{len(lines) + 1} {made}", IMAGE, *lines))
    start, end = "not a whole .param file of ncnn: ", "; convert or download it again"
    assert said(text) in (what, f"{start}{what}{end}")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "line 1 must be 7767517, got ''"),
        (b"7767518\n1 1\n", "line 1 must be 7767517, got '7767518'"),
        (b"layer {\n", "line 1 must be 7767517, got 'layer {'"),
        (b"7767517", "line 2 must say how many layers and blobs there are, got ''"),
        (b"7767517\nmany layers\n", "line 2 must say how many layers and blobs there are, got 'many layers'"),
        (b"7767517\n0 0\n", f"line 2 says 0 layers, and there may be 1 to {MOST_LAYERS:,}"),
        (b"7767517\n999999999 9\n", f"line 2 says 999,999,999 layers, and there may be 1 to {MOST_LAYERS:,}"),
        (b"7767517\n3 3\nInput x 0 1 x 0=8\n", "line 2 says 3 layers, and there are 1"),
        (b"7767517\n1 0\nInput x 0 1 x 0=8\n", "line 2 says 0 blobs, and its layers make 1"),
        (b"7767517\n1 1\nMemoryData x 0 1 x 0=8\n", "it has no layer Input"),
        ((7767517).to_bytes(4, "little") + b"\x1f\0\0\0", "it is a binary one (.param.bin), which has no names; give the .param file that it was made of"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "line 1 is no text"),
        (b"7767517\n1 1\nInput \0\1\2 0 1 x\n", "line 3 is no text"),
        (b"7767517\n1 1\nInput x 0 1 \xff\xfe\n", "line 3 is no text"),
        (b"7767517\n1 1\nInput x 0 1 " + b"x" * 300 + b"\n", f"line 3: Input x: names a blob '{'x' * 40}'… of 300 letters"),
        (b"7767517\n1 1\n" + b" " * LONGEST_LINE + b"Input x 0 1 x\n", f"line 3 has more than {LONGEST_LINE:,} bytes"),
    ],
)  # fmt: skip
def test_files_that_are_none(data: bytes, what: str):
    assert said(data) == f"not a whole .param file of ncnn: {what}; convert or download it again"


# -- files that are made to harm ---------------------------------------------------------------------------------------


def test_a_line_of_100_megabytes_is_not_read(cli: Cli, tmp_path: Path):
    path = tmp_path / "net.param"
    path.write_bytes(b"7767517\n1 1\nInput x 0 1 x 0=" + b"9" * (100 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert f"and a text of layers has at most {MOST_BYTES:,}" in cli.within(1).refused_in_a_line("report", path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10


HOSTILE = {
    "weights of 2^31": param(IMAGE, "Convolution c 1 1 image y 0=2147483647 1=2147483647 6=2147483647"),
    "a window of 2^31": param(IMAGE, "Pooling p 1 1 image y 1=2147483647 2=1 3=2147483646"),
    "sizes of 2^31": param("Input x 0 1 x 0=2147483647 1=2147483647 2=2147483647", "Flatten f 1 1 x y"),
    "a pad of 2^31": param(IMAGE, "Padding p 1 1 image y 0=2147483647 1=2147483647"),
    "a tile of 2^31": param(IMAGE, "Tile t 1 1 image y 0=0 1=2147483647"),
    "an interpolation to 2^31": param(IMAGE, "Interp i 1 1 image y 0=2 3=2147483647 4=2147483647"),
    "a scale of 10^38": param(IMAGE, "Interp i 1 1 image y 0=2 1=1e38 2=1e38"),
    "a scale without an end": param(IMAGE, "Interp i 1 1 image y 0=2 1=1e99 2=1e99"),
    "a tower of squares": param(IMAGE, f'Interp i 1 1 image y 0=1 9="{"square(" * 26}9999999999{")" * 26},8"'),
    "a tower of squared fractions": param(IMAGE, f'Reshape r 1 1 image y 6="{"square(" * 26}/(1,9999999999){")" * 26},8"'),
    "a long product": param(IMAGE, f'Interp i 1 1 image y 0=1 9="{"*(9999999999," * 490}1{")" * 490},8"'),
    "boxes of 100,000 sizes": param(IMAGE, f"PriorBox p 1 1 image y -23300=100000,{','.join('1' * 100_000)}"),
    "heads of 2^31": param("Input x 0 1 x 0=8 1=4", "MultiHeadAttention m 1 1 x y 0=2147483647 1=2147483647 2=64"),
    "1,000 forks": param("Input x 0 1 x 0=8", f"Split s 1 1000 x {' '.join(f'y{i}' for i in range(1000))}"),
    "a sum that doubles 200 times": param("Input x0 0 1 x0 0=8", *[line for i in range(200) for line in (f"Split s{i} 1 2 x{i} a{i} b{i}", f"Concat c{i} 2 1 a{i} b{i} x{i + 1}")]),
    "20,000 layers": param("Input x0 0 1 x0 0=8", *[f"ReLU r{i} 1 1 x{i} x{i + 1}" for i in range(20_000)]),
    "20,000 norms": param("Input x0 0 1 x0 0=8", *[f"LayerNorm n{i} 1 1 x{i} x{i + 1} 0=8 2=0" for i in range(20_000)]),
    "10,000 names that are one": param("Input x0 0 1 x0 0=8", *[f"Bias b 1 1 x{i} x{i + 1} 0=8" for i in range(10_000)]),
    "names of other layers": param("Input x 0 1 x 0=8 1=4", "MemoryData m.q.weights 0 1 m.q.weights 0=8 1=8", "MultiHeadAttention m 2 1 x m.q.weights y 0=8 1=2 2=64"),
    "100,000 empty lines": param(IMAGE, CONV).replace("\n", "\n" * 100_000),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_files_that_are_made_to_harm_do_not(case: str, tmp_path: Path):
    begun = process_time()
    outcome(tmp_path / "net.param", HOSTILE[case].encode())
    assert process_time() - begun < 10


def test_written_files_are_read():
    assert {one.stem for one in WRITTEN.glob("*.param")} == {"gated", "integers", "detector"}
    assert all(read(str(one)).body.ops for one in WRITTEN.glob("*.param"))


def test_weights_alone_are_no_model(cli: Cli, tmp_path: Path):
    weights = tmp_path / "net.bin"
    weights.write_bytes(b"\0" * 64)
    assert "weights without an architecture" in cli.refused_in_a_line("report", weights)
