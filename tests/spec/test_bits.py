"""`bits:` in a spec: how many bits the elements of kernels and activations have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.specs import assert_swept_like_walked

from convcost import load
from convcost.core.errors import SpecError
from convcost.graph.typed import Bits, operand_bits
from convcost.networks.network import Network
from convcost.spec.compact import compact
from convcost.spec.write import resolved

TEXT = """\
convcost: 1
name: net
input: [8, 8, 3]
{top}
layers:
  - {{conv2d: {{channels: 4, kernel: 3, padding: 1}}, name: first{first}}}
  - {{batch_norm: , name: norm}}
  - {{conv2d: {{channels: 6, kernel: 1, bias: false}}, name: mid{mid}}}
  - {{relu: , name: act}}
"""
EDGE = 8 * 8
FIRST, MID = 9 * 3 * 4, 4 * 6
"""Elements of the two kernels: 108 and 24."""


def net(tmp_path: Path, top: str = "", first: str = "", mid: str = "", **knobs: Any) -> Network:
    path = tmp_path / "net.yaml"
    path.write_text(TEXT.format(top=top, first=f", {first}" if first else "", mid=f", {mid}" if mid else ""))
    return load(str(path), **knobs)


def types(network: Network) -> dict[str, dict[str, str]]:
    return {step.node.name: dict(step.node.dtypes) for step in network.walked.steps}


def test_a_number_is_for_kernels_outputs_and_inputs(tmp_path: Path):
    found = net(tmp_path, "bits: 4")
    assert found.walked.graph.dtypes == {"input": "int4"}
    assert types(found) == {
        "first": {"outputs": "int4", "weights": "int4"},
        "norm": {"outputs": "int4"},
        "mid": {"outputs": "int4", "weights": "int4"},
        "act": {"outputs": "int4"},
    }


def test_weights_are_those_that_are_multiplied(tmp_path: Path):
    """A batch-norm's factors are no kernels, and biases are no weights: they keep four bytes."""
    found = net(tmp_path, "bits: {weights: 1}")
    assert types(found) == {"first": {"weights": "binary"}, "norm": {}, "mid": {"weights": "binary"}, "act": {}}
    assert found.report().totals.weight_bytes == -(-(FIRST + MID) // 8) + 4 * 4 + 2 * 4 * 4


def test_a_layer_says_its_own(tmp_path: Path):
    found = net(tmp_path, "bits: {weights: 1, outputs: 2}", first="bits: 8")
    assert types(found)["first"] == {"outputs": "int8", "weights": "int8"}
    assert types(found)["mid"] == {"outputs": "int2", "weights": "binary"}
    # 108 bytes, 24 bits, and 4 biases and 8 factors of a norm with 4 bytes each
    assert found.report().totals.weight_bytes == FIRST + MID // 8 + 4 * (4 + 8)


@pytest.mark.parametrize(
    ("bits", "dtype"),
    [
        (1, "binary"),
        (2, "int2"),
        (3, "int3"),
        (5, "int5"),
        (7, "int7"),
        (8, "int8"),
        (16, "int16"),
        (32, "int32"),
        ("fp16", "fp16"),
        ("half", "fp16"),
    ],
)
def test_bits_are_integers_and_types_are_themselves(tmp_path: Path, bits: int | str, dtype: str):
    assert types(net(tmp_path, mid=f"bits: {{weights: {bits}}}"))["mid"] == {"weights": dtype}


def test_bytes_of_odd_widths_are_packed(tmp_path: Path):
    """108 elements of 3 bits are 324 bits, 41 bytes; 24 of 5 bits are 15."""
    found = net(tmp_path, first="bits: {weights: 3}", mid="bits: {weights: 5}")
    assert found.report().weight_dtypes == {"int3": 41, "int5": 15, "fp32": 4 * (4 + 8)}


def test_both_words_of_papers_are_known(tmp_path: Path):
    one = net(tmp_path, "bits: {kernels: 2, activations: 4, inputs: 8}")
    other = net(tmp_path, "bits: {weights: 2, outputs: 4, inputs: 8}")
    assert types(one) == types(other)
    assert one.walked.graph.dtypes == other.walked.graph.dtypes == {"input": "int8"}


def test_bits_go_before_types_of_the_same_place_and_types_inside_before_bits_around(tmp_path: Path):
    found = net(tmp_path, "dtype: int8\nbits: {weights: 1}", mid="dtype: {weights: fp16}")
    assert types(found)["first"] == {"outputs": "int8", "weights": "binary", "biases": "int8"}
    assert types(found)["mid"]["weights"] == "fp16"


def test_a_knob_may_say_them(tmp_path: Path):
    found = net(tmp_path, "knobs: {w: {default: 8, choices: [1, 2, 4, 8]}}\nbits: {weights: w}", w=2)
    assert types(found)["mid"] == {"weights": "int2"}
    assert (
        net(tmp_path, "knobs: {bits: 4}\nbits: {weights: bits}").report().totals.weight_bytes == (FIRST + MID) // 2 + 48
    )


def test_memory_counts_them(tmp_path: Path):
    """At the first convolution: 8·8·3 elements of a byte are read, 8·8·4 of half a byte are written."""
    found = net(tmp_path, "bits: {inputs: 8, outputs: 4}").report()
    assert found.totals.peak_activation_bytes == max(EDGE * 3 + EDGE * 4 // 2, EDGE * 4 // 2 + EDGE * 6 // 2)


def test_the_whole_is_written_back(tmp_path: Path):
    found = net(tmp_path, "bits: {weights: 1, outputs: 2, inputs: 8}", first="bits: 8")
    for write in (resolved, compact):
        again = tmp_path / f"{write.__name__}.yaml"
        again.write_text(write(found.graph, "net", found.caption))
        assert types(load(str(again))) == types(found)


def test_a_dtype_that_is_asked_for_goes_before(tmp_path: Path):
    found = net(tmp_path, "bits: 1").report(dtype="int8")
    assert found.totals.weight_bytes == FIRST + MID + 4 + 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bits: 9", "net.yaml:4:7: bits: must be 1 to 8, 16, 32 or 64 bits, or the name of a type, got 9"),
        ("bits: true", "bits: needs 1 to 8, 16, 32 or 64 bits, or the name of a type, got true"),
        ("bits: {weight: 1}", "Did you mean weights?"),
        ("bits: {}", "bits: needs the bits of one of weights, kernels, outputs, activations, biases, inputs, got none"),
        ("bits: {weights: 1, kernels: 2}", "kernels says again whose bits another word says: leave one out"),
        ("bits: {weights: intt8}", "Did you mean int8?"),
        ("bits: [8, 4]", "bits: needs 1 to 8, 16, 32 or 64 bits, or the name of a type, got a list"),
        ("knobs: {w: 9}\nbits: {weights: w}", "bits must be 1 to 8, 16, 32 or 64 bits, or the name of a type, got 9"),
        ("bits: {weights: 0.5}", "must be 1 to 8, 16, 32 or 64 bits, or the name of a type, got 0.5"),
    ],
)
def test_what_is_refused_is_named(tmp_path: Path, text: str, message: str):
    with pytest.raises(SpecError) as caught:
        _ = net(tmp_path, text).walked
    assert message in str(caught.value)


# -- what a layer multiplies -----------------------------------------------------------------------------------------------


def test_a_layer_knows_the_bits_of_its_operands(tmp_path: Path):
    found = operand_bits(net(tmp_path, "bits: {weights: 1, outputs: 2, inputs: 8}", first="bits: 8").walked)
    assert found == {
        "first": Bits(8, (8,), 8),
        "norm": Bits(32, (8,), 2),
        "mid": Bits(1, (2,), 2),
        "act": Bits(0, (2,), 2),
    }


def test_shared_weights_have_the_bits_of_their_owner(tmp_path: Path):
    path = tmp_path / "twice.yaml"
    path.write_text(
        "convcost: 1\nname: twice\ninput: [10]\nlayers:\n"
        "  - {linear: {channels: 10}, name: one, bits: {weights: 1}}\n"
        "  - {linear: {channels: 10}, name: two, share: one}\n"
    )
    assert {name: bits.weights for name, bits in operand_bits(load(str(path)).walked).items()} == {"one": 1, "two": 1}


def test_a_dtype_that_is_asked_for_is_that_of_all_operands(tmp_path: Path):
    found = operand_bits(net(tmp_path, "bits: 1").walked, "int8")
    assert found["mid"] == Bits(8, (8,), 8)


def test_a_sweep_over_bits_is_each_of_them(tmp_path: Path):
    """Bits differ from point to point, so that the grid is split: each has what it has alone."""
    net(tmp_path, "knobs: {w: {default: 8, choices: [1, 2, 4, 8]}, a: 8}\nbits: {weights: w, outputs: a}")
    assert_swept_like_walked(tmp_path / "net.yaml", w=[1, 2, 4, 8], a=[4, 8])
