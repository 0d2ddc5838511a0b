"""Every byte of a file belongs to an item."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from helpers.paths import ROOT
from helpers.tflite_bytes import File, Graph, Numbers, Scalar, single

from convcost.core.errors import SpecError
from convcost.deploy.filed import filed, tally
from convcost.deploy.flash import deployed_size
from convcost.deploy.items import Tally
from convcost.deploy.program import Program
from convcost.importers.tflite.flatbuffer import Malformed

MODELS = ROOT.parent / "shared" / "models" / "mlperf_tiny"
beside = pytest.mark.skipif(not MODELS.is_dir(), reason="the models of MLPerf Tiny are not beside the project")


def small_file() -> File:
    """A convolution of int8, with its scales, and the mean of what it makes."""
    file = File()
    graph = Graph(file)
    many = {2: Numbers("f", [0.1] * 4), 3: Numbers("q", [0] * 4)}
    x = graph.tensor("x", (1, 5, 5, 3), "int8")
    kernel = graph.stored("kernel", (4, 2, 2, 3), "int8")
    graph.tensors[-1][4] = many
    bias = graph.stored("bias", (4,), "int32")
    graph.tensors[-1][4] = {2: Numbers("f", [0.1] * 4)}
    y, z = graph.tensor("y", (1, 4, 4, 4), "int8"), graph.tensor("z", (1, 4), "int8")
    axes = graph.ints("axes", 1, 2)
    graph.op("CONV_2D", [x, kernel, bias], [y], padding="VALID", stride_w=1, stride_h=1)
    graph.op("MEAN", [y, axes], [z])
    file.graphs.append(graph.table([x], [z]))
    return file


def items(found: Tally) -> dict[str, tuple[int, int]]:
    return {item.name: (item.bytes, item.count) for item in found.items()}


def test_what_is_stored_belongs_to_what_reads_it():
    """2·2·3·4 bytes of kernel, 4 biases of 4 bytes, 2 axes; 8 scales in two vectors, 4 zero points in one."""
    data = small_file().bytes()
    found = items(tally(data))
    assert found["kernels int8"] == (48, 48)
    assert found["biases int32"] == (16, 4)
    assert found["constants int32"] == (8, 2)
    assert found["scales"] == (2 * 4 + 8 * 4, 8)
    assert found["zero points"] == (4 + 4 * 8, 4)
    names = ("x", "kernel", "bias", "y", "z", "axes")
    assert found["names"] == (sum(len(name) + 5 for name in names), len(names))
    assert sum(size for size, _ in found.values()) == len(data)


def test_a_kernel_that_is_stored_in_another_form_is_one():
    file = File()
    graph = Graph(file)
    x, half = graph.tensor("x", (1, 6)), graph.stored("half", (2, 6), "fp16")
    whole, y = graph.tensor("whole", (2, 6)), graph.tensor("y", (1, 2))
    graph.op("DEQUANTIZE", [half], [whole])
    graph.op("FULLY_CONNECTED", [x, whole, -1], [y])
    file.graphs.append(graph.table([x], [y]))
    assert items(tally(file.bytes()))["kernels fp16"] == (24, 12)


def test_what_nothing_reads_and_what_stands_behind_is_said():
    file = small_file()
    file.buffers.append({0: bytes(range(1, 100))})
    data = file.bytes() + b"PK" + bytes(30)
    found = items(tally(data))
    assert found["other"][0] == 99
    assert found["appended"][0] == 32
    assert sum(size for size, _ in found.values()) == len(data)


def test_metadata_are_no_weights():
    file = small_file()
    file.buffers.append({0: bytes(16)})
    root = file.root() | {6: [{0: "min_runtime_version", 1: Scalar("I", len(file.buffers) - 1)}]}
    from helpers.tflite_bytes import flatbuffer

    data = flatbuffer(root)
    found = items(tally(data))
    assert "other" not in found
    assert found["metadata"][0] > 16 + len("min_runtime_version")
    assert sum(size for size, _ in found.values()) == len(data)


@pytest.mark.parametrize("kind", ["RELU", "HARD_SWISH", "SOFTMAX"])
def test_items_of_any_file_are_its_bytes(kind: str):
    data = single(kind, [(1, 4)], (1, 4))
    assert sum(item.bytes for item in tally(data).items()) == len(data)


def test_a_broken_file_is_refused_or_counted_whole():
    """Whatever a byte becomes, the items are those of the file, or the file is none."""
    data = small_file().bytes()
    for place in range(0, len(data), 3):
        for value in (0, 1, 0x7F, 0xFF):
            broken = bytearray(data)
            broken[place] = value
            try:
                found = tally(bytes(broken))
            except Malformed:
                continue
            assert sum(item.bytes for item in found.items()) == len(data), (place, value)


def test_a_file_that_is_no_model_is_named(tmp_path: Path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"\0" * 64)
    with pytest.raises(SpecError, match=r"model\.tflite: not a whole TFLite model: bytes 4 to 7 must be TFL3"):
        filed(str(path))
    path.write_bytes(b"")
    with pytest.raises(SpecError, match="the file is empty, where a TFLite model is needed"):
        filed(str(path))


# -- the reference models of MLPerf Tiny -----------------------------------------------------------------------------------

WIDTHS = [8, 16, 32, 32, 64, 64, *[128] * 6, 256, 256]
"""Channels of MobileNetV1 at a width of 0.25, after the first convolution and after each pair."""


@beside
@pytest.mark.parametrize(
    "name", ["ad01_int8", "kws_ref_model", "kws_ref_model_float32", "pretrainedResnet_quant", "vww_96_int8"]
)
def test_items_of_a_reference_model_are_its_bytes(name: str):
    path = MODELS / f"{name}.tflite"
    found = deployed_size(Program((), (), (), ()), path=str(path))
    assert found.exact
    assert found.file_bytes == path.stat().st_size


@beside
def test_the_person_detector_has_its_kernels_and_biases():
    """A first convolution on three channels, 13 pairs, a linear layer of two classes: a bias for every channel of them."""
    pairs = [*pairwise(WIDTHS)]
    kernels = 9 * 3 * 8 + sum(9 * before + before * after for before, after in pairs) + 256 * 2
    biases = 8 + sum(before + after for before, after in pairs) + 2
    assert biases == 2738
    found = items(filed(str(MODELS / "vww_96_int8.tflite")))
    assert found["kernels int8"] == (kernels, kernels)
    assert found["biases int32"] == (4 * biases, biases)
    assert kernels == 207_968 + 2 * 72  # of three channels, where the zoo's acceptance line has one
