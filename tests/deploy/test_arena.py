"""The arena of TensorFlow Lite Micro: small programs by hand, and what the runtime itself prints for reference models.

Whether it is so for every kernel, the runtime says where it is installed: `tests/oracle/test_tflm.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.paths import ROOT
from helpers.tflm_files import FILES

from convcost.core.errors import UsageError
from convcost.deploy.arena import Arena, arena, by_pointers
from convcost.deploy.program import Kernel, Program, Tensor
from convcost.deploy.runtime import Deployment
from convcost.deploy.stated import stated_program

MODELS = ROOT.parent / "shared" / "models" / "mlperf_tiny"
REFERENCE = {
    # Printed by the Interpreter of tflite-micro 0.dev20261023, `print_allocations()`: head, total; and the total of the same
    # runtime where addresses have 32 bits, measured on an ESP32 (mcufit-bench, 2026-08-16: its wasm32 build less 2,128).
    "ad01_int8": (768, 3_984, 2_380),
    "kws_ref_model": (16_000, 24_272, 22_780),
    "pretrainedResnet_quant": (49_152, 55_984, 54_364),
    "vww_96_int8": (73_728, 103_680, 102_796 - 2_128),
}
X = Tensor("x", (1, 8, 8, 3), "int8", scales=1)
W = Tensor("w", (5, 1, 1, 3), "int8", stored=True, scales=5)
B = Tensor("b", (5,), "int32", stored=True, scales=5)
Y = Tensor("y", (1, 8, 8, 5), "int8", scales=1)
Z = Tensor("z", (1, 8, 8, 5), "int8", scales=1)


def chain() -> Program:
    """A convolution of 1×1 and a clip: x of 192 bytes, y and z of 320."""
    attrs = {"stride_h": 1, "stride_w": 1, "padding": "SAME"}
    kernels = (Kernel("CONV_2D", "conv", (0, 1, 2), (3,), attrs), Kernel("RELU", "relu", (3,), (4,)))
    return Program((X, W, B, Y, Z), kernels, (0,), (4,))


def test_the_head_of_a_chain():
    """At the tick of the clip y and z are alive, 320 bytes each; x, alive with y alone, lies in the place of z."""
    found = arena(chain())
    assert [(each.name, each.size, each.first, each.last, each.offset) for each in found.buffers] == [
        ("x", 192, 0, 1, 0), ("conv", 320, 1, 2, 320), ("relu", 320, 2, 2, 0)
    ]  # fmt: skip
    assert found.head == 640 == found.bound
    assert found.ticks == ("", "conv", "relu")
    assert found.peak_at == "conv"  # y lies at the top, and comes into being there
    assert found.most_alive_at == "relu"  # y and z are more than x and y


@pytest.mark.parametrize(
    ("pointers", "items"),
    [
        # Words of 8 bytes: 104 + 72 + 272, then 16 + 24 of the model; 5 tensors of 24; 2 nodes of 64; 28 of options: 764.
        # From here on what is asked ends at a multiple of 16: OpData of 80 at 848, of 28 at 880; 5 int32 at 912, and at 944.
        # A list of one pointer at 960, then 64 + 24 + 4 + 4 of the input; the same of the output from 1,056 to 1,168.
        (64, {"runtime": 488, "tensors": 120, "nodes": 128, "options": 28, "kernel data": 116, "channel scales": 64,
              "inputs and outputs": 224}),
        # Words of 4: 40 + 44 + 36, 8 + 8; 5 of 12, 2 of 32, 28: 288. OpData of 56 at 352, of 28 at 384; 416, 448; a pointer
        # at 464, 40 + 12 + 8 of the input to 524; a pointer at 528, and the output to 588.
        (32, {"runtime": 136, "tensors": 60, "nodes": 64, "options": 28, "kernel data": 96, "channel scales": 64,
              "inputs and outputs": 140}),
    ],
)  # fmt: skip
def test_the_persistent_part_of_a_chain(pointers: int, items: dict[str, int]):
    found = arena(chain(), Deployment(pointers=pointers))
    assert sum(items.values()) == found.persistent
    assert {item.name: item.bytes for item in found.items} == items


def test_pointers_change_only_what_stays():
    totals = by_pointers(chain(), arena(chain()))
    assert {bits: arena(chain(), Deployment(pointers=bits)).total for bits in (32, 64)} == totals
    assert totals[32] < totals[64]


def test_a_kernel_that_the_runtime_lacks_is_named():
    program = Program((X, Y), (Kernel("POW", "pow", (0,), (1,)),), (0,), (1,))
    assert arena(program).refused == ("the runtime has no kernel for POW: it refuses the model",)
    assert not arena(chain()).notes
    assert not arena(chain()).refused


def test_weights_of_another_sort_than_inputs_are_named():
    program = Program((X._replace(dtype="fp32"), W, B, Y), (Kernel("CONV_2D", "conv", (0, 1, 2), (3,)),), (0,), (3,))
    assert "CONV_2D" in arena(program).refused[0]
    half = Program((X._replace(dtype="fp16"), Y), (Kernel("DEQUANTIZE", "up", (0,), (1,)),), (0,), (1,))
    assert "fp16" in arena(half).refused[0]


@pytest.mark.parametrize(
    ("weights", "activations", "refused"),
    [
        ("int8", "int8", ""),
        ("int4", "int8", ""),
        ("int8", "int16", ""),
        ("int4", "int16", "no weights of int4 for {}"),
        ("int2", "int8", "no weights of int2 for {}"),
        ("binary", "int8", "no weights of binary for {}"),
        ("int8", "int4", "no activations of int4"),
        ("int8", "int7", "no activations of int7"),
        ("int8", "binary", "no activations of binary"),
    ],
)
@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_integers_that_no_kernel_computes_are_refused(kind: str, weights: str, activations: str, refused: str):
    """int4 is unpacked where it is weights of these three beside int8, and nothing else of less than a byte is known."""
    tensors = (X._replace(dtype=activations), W._replace(dtype=weights), B, Y._replace(dtype=activations))
    found = arena(Program(tensors, (Kernel(kind, "layer", (0, 1, 2), (3,)),), (0,), (3,))).refused
    assert len(found) == bool(refused)
    assert refused.format(kind) in "".join(found)


def test_int4_is_unpacked_by_three_kernels_alone():
    tensors = (X, W._replace(dtype="int4"), Y)
    for kind in ("ADD", "BATCH_MATMUL", "MUL"):
        (found,) = arena(Program(tensors, (Kernel(kind, "layer", (0, 1), (2,)),), (0,), (2,))).refused
        assert f"no weights of int4 for {kind}, only" in found


def test_boxes_are_sorted_in_scratch_buffers():
    """30 boxes with scores of 4 classes, of which 5 are kept: a byte, 4 corners, 4 scores each; 30 fp32 thrice; 30 · 5 fp32
    five times; each rounded up to 16."""
    boxes, scores = Tensor("boxes", (1, 30, 4), "fp32"), Tensor("scores", (1, 30, 4), "fp32")
    kept = Tensor("kept", (1, 5, 4), "fp32")
    kernel = Kernel("TFLite_Detection_PostProcess", "boxes", (0, 1), (2,))
    found = arena(Program((boxes, scores, kept), (kernel,), (0, 1), (2,)))
    sizes = [each.size for each in found.buffers if each.kind == "scratch"]
    assert sizes == [32, 480, 480, 128, 128, 608, 608, 128, 608, 608, 608]


def test_kernels_that_are_not_counted_are_named():
    program = Program((X, Y), (Kernel("SignalWindow", "window", (0,), (1,)),), (0,), (1,))
    assert "is not counted" in arena(program).notes[0]
    assert not arena(program).refused


def test_a_deployment_that_does_not_exist():
    with pytest.raises(UsageError, match="cmsis_nn"):
        arena(chain(), Deployment(kernels="cmsis"))


def file(tmp_path: Path, name: str) -> Arena:
    path = tmp_path / "file.tflite"
    path.write_bytes(FILES[name]())
    return arena(stated_program(str(path)))


def test_unused_tensors_take_their_place(tmp_path: Path):
    """2,800 bytes that nobody knows, alive at no tick with anything else, start at 0 and make the head."""
    assert file(tmp_path, "unused tensors").head == 2_800


def test_empty_and_stored_tensors_take_none(tmp_path: Path):
    """Input and output of 100 fp32 each, 400 bytes."""
    assert file(tmp_path, "empty tensors").head == 800


def test_variables_stay(tmp_path: Path):
    """Two of 12 fp32: 48 bytes each, and the records of them: 16, and 2 of 40."""
    found = {item.name: item.bytes for item in file(tmp_path, "variables").items}
    assert found["variables"] == 2 * 48 + 16 + 2 * 40


def test_a_file_may_place_its_tensors(tmp_path: Path):
    """The input at 64, the first output at 256, as the file says: 256 + 64 bytes."""
    found = file(tmp_path, "offline plan")
    assert [each.offset for each in found.buffers[:2]] == [64, 256]
    assert found.head == 320


def test_int4_weights_are_unpacked_while_the_kernel_runs(tmp_path: Path):
    """10 × 3 × 3 × 4 weights, a byte each, beside 192 bytes of input and 480 of output."""
    found = file(tmp_path, "CONV_2D int4 weights")
    assert [each.size for each in found.buffers if each.kind == "scratch"] == [368]
    assert found.head == 368 + 192 + 480


@pytest.mark.parametrize("name", FILES)
def test_buffers_alive_together_share_no_byte(tmp_path: Path, name: str):
    found = file(tmp_path, name)
    if name != "offline plan":
        for i, one in enumerate(found.buffers):
            for other in found.buffers[:i]:
                together = one.first <= other.last and other.first <= one.last
                assert not together or one.offset >= other.offset + other.size or other.offset >= one.offset + one.size
    assert found.head >= found.bound


@pytest.mark.skipif(not MODELS.is_dir(), reason="the models of MLPerf Tiny are not beside the project")
@pytest.mark.parametrize("name", REFERENCE)
def test_reference_models(name: str):
    program = stated_program(str(MODELS / f"{name}.tflite"))
    head, total, narrow = REFERENCE[name]
    assert (arena(program).head, arena(program).total) == (head, total)
    assert arena(program, Deployment(pointers=32)).total == narrow
