"""Narrow integers that a network states hold where it is deployed."""

from __future__ import annotations

from pathlib import Path

from convcost import load
from convcost.deploy.flash import deployed_size
from convcost.deploy.lowered import lowered
from convcost.deploy.program import Program, Tensor

TEXT = """\
convcost: 1
name: net
input: [8, 8, 4]
bits: {weights: 1, outputs: 2, inputs: 8}
layers:
  - {conv2d: {channels: 16, kernel: 3, padding: 1, bias: false}, name: first, bits: 8}
  - {batch_norm: , name: norm, bits: {outputs: 8}}
  - {conv2d: {channels: 16, kernel: 3, padding: 1, groups: 16, bias: false}, name: deep, bits: {weights: 4}}
  - {relu: , name: act}
  - {conv2d: {channels: 12, kernel: 1}, name: mid}
  - {global_avg_pool: , name: mean}
  - flatten
  - {linear: {channels: 10}, name: last, dtype: {weights: fp16}}
"""


def program(tmp_path: Path, text: str = TEXT, dtype: str = "int8") -> Program:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    return lowered(load(str(path)).walked, dtype)


def tensor(found: Program, name: str) -> Tensor:
    return next(one for one in found.tensors if one.name == name)


def test_kernels_have_the_bits_of_their_layers(tmp_path: Path):
    """What states no narrow integer is of the deployment's type."""
    found = program(tmp_path)
    kinds = {name: tensor(found, f"{name}.weights").dtype for name in ("first", "deep", "mid", "last")}
    assert kinds == {"first": "int8", "deep": "int4", "mid": "binary", "last": "int8"}


def test_weights_are_packed_and_biases_are_not(tmp_path: Path):
    """9·4·16 bytes; 9·16 halves of a byte; 16·12 bits; 12·10 bytes; 16 + 16 + 12 + 10 biases, the folded one too."""
    found = deployed_size(program(tmp_path))
    assert found.weight_bytes == 576 + 144 // 2 + 192 // 8 + 120 + 4 * (16 + 16 + 12 + 10)
    assert {item.name: item.bytes for item in found.items if item.name.startswith("kernels")} == {
        "kernels binary": 24,
        "kernels int4": 72,
        "kernels int8": 576 + 120,
    }


def test_each_channel_of_a_convolution_keeps_its_scale(tmp_path: Path):
    """A linear layer has one."""
    found = program(tmp_path)
    assert [tensor(found, f"{name}.weights").scales for name in ("first", "deep", "mid", "last")] == [16, 16, 12, 1]


def test_activations_have_their_bits(tmp_path: Path):
    found = program(tmp_path)
    assert tensor(found, "input").dtype == "int8"
    assert (tensor(found, "norm").dtype, tensor(found, "act").dtype) == ("int8", "int2")
    assert tensor(found, "act").bytes == 8 * 8 * 16 * 2 // 8


def test_that_tflite_has_no_type_is_said(tmp_path: Path):
    assert "TFLite has no type for binary: counted packed, as runtimes that have it store it" in program(tmp_path).notes


def test_kernels_alone_may_be_narrow(tmp_path: Path):
    """In a network of fp32, kernels of int8 get a scale for each channel, and biases stay fp32."""
    text = "convcost: 1\nname: net\ninput: [8, 8, 4]\nlayers:\n  - {conv2d: {channels: 6, kernel: 1}, name: one, bits: {weights: 8}}\n"
    found = program(tmp_path, text, "fp32")
    assert tensor(found, "one.weights")[2:] == ("int8", True, False, 6)
    assert tensor(found, "one.bias").dtype == "fp32"


def test_a_network_that_states_nothing_is_lowered_as_asked(tmp_path: Path):
    found = program(tmp_path, TEXT.replace("bits: {weights: 1, outputs: 2, inputs: 8}\n", "").replace(", bits: 8", "")
                    .replace(", bits: {outputs: 8}", "").replace(", bits: {weights: 4}", ""))  # fmt: skip
    assert {one.dtype for one in found.tensors} == {"int8", "int32"}
