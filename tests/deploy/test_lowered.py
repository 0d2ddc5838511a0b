"""Graphs as TFLite programs.

What is expected is what TensorFlow 2.21's converter wrote for Keras models of the same layers (`tests/oracle/test_lowered.py`
runs it where it is installed), read from its files and written down here.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.specs import spec
from helpers.zoo import loaded

from convcost.core.errors import UsageError
from convcost.deploy.lowered import lowered
from convcost.deploy.program import Program
from convcost.networks.network import Network

MAP = "input: [16, 16, 8]\nlayers:\n"


def program(folder: Path, layers: str, dtype: str = "int8", head: str = MAP) -> Program:
    """The program of a network of these layers, on a map of 16×16×8."""
    return lowered(spec(folder, head + layers).walked, dtype)


def kernels(program: Program) -> list[str]:
    """Each kernel with what it computes along with its own work, and the shape that it makes: `CONV_2D RELU 1×8×8×4`."""
    found = []
    for kernel in program.kernels:
        word = kernel.attrs.get("fused_activation_function", "NONE")
        shapes = ("×".join(map(str, program.tensors[number].shape)) for number in kernel.outputs)
        found.append(" ".join([kernel.type, *([word] if word != "NONE" else []), *shapes]))
    return found


CONV = "  - conv2d: {channels: 4, kernel: 3, padding: same, bias: false}\n"


# -- what is taken in --------------------------------------------------------------------------------------------------


def test_batch_norm_and_activation_go_into_the_convolution_before_them(tmp_path: Path):
    found = program(tmp_path, CONV + "  - batch_norm\n  - relu6\n")
    assert kernels(found) == ["CONV_2D RELU6 1×16×16×4"]
    x, weights, bias = (found.tensors[number] for number in found.kernels[0].inputs)
    assert (x.shape, x.dtype, x.scales) == ((1, 16, 16, 8), "int8", 1)
    assert (weights.shape, weights.dtype, weights.scales) == ((4, 3, 3, 8), "int8", 4)
    assert (bias.shape, bias.dtype, bias.scales) == ((4,), "int32", 4)


def test_depthwise_weights_have_one_filter_per_output_channel(tmp_path: Path):
    found = program(tmp_path, "  - conv2d: {channels: 16, kernel: 3, stride: 2, padding: same, groups: in.channels}\n")
    assert kernels(found) == ["DEPTHWISE_CONV_2D 1×8×8×16"]
    assert found.tensors[found.kernels[0].inputs[1]].shape == (1, 3, 3, 16)
    assert found.kernels[0].attrs["depth_multiplier"] == 2


def test_groups_leave_each_filter_a_part_of_the_channels(tmp_path: Path):
    found = program(tmp_path, "  - conv2d: {channels: 16, kernel: 3, padding: same, groups: 4}\n")
    assert kernels(found) == ["CONV_2D 1×16×16×16"]
    assert found.tensors[found.kernels[0].inputs[1]].shape == (16, 3, 3, 2)


def test_nothing_is_taken_in_that_something_else_reads(tmp_path: Path):
    layers = (
        "  - {conv2d: {channels: 8, kernel: 1}, name: a}\n  - {batch_norm: , name: b}\n  - {relu: , name: c}\n"
        "  - {add: , in: [a, c]}\n"
    )
    assert kernels(program(tmp_path, layers)) == [
        "CONV_2D 1×16×16×8",
        "MUL 1×16×16×8",
        "ADD RELU 1×16×16×8",
        "ADD 1×16×16×8",
    ]


def test_a_batch_norm_behind_an_activation_is_two_kernels(tmp_path: Path):
    found = program(tmp_path, CONV + "  - relu\n  - batch_norm\n")
    assert kernels(found) == ["CONV_2D RELU 1×16×16×4", "MUL 1×16×16×4", "ADD 1×16×16×4"]
    assert [found.tensors[kernel.inputs[1]].shape for kernel in found.kernels[1:]] == [(4,), (4,)]


def test_an_output_of_the_network_stays_as_it_is(tmp_path: Path):
    head = "input: [16, 16, 8]\noutputs: [a, b]\nlayers:\n"
    layers = "  - {conv2d: {channels: 8, kernel: 1}, name: a}\n  - {relu: , name: b}\n"
    found = program(tmp_path, layers, head=head)
    assert kernels(found) == ["CONV_2D 1×16×16×8", "RELU 1×16×16×8"]
    assert [found.tensors[number].name for number in found.outputs] == ["a", "b"]


def test_the_3_of_a_hard_sigmoid_goes_into_the_bias(tmp_path: Path):
    assert kernels(program(tmp_path, CONV + "  - hard_sigmoid\n")) == ["CONV_2D RELU6 1×16×16×4", "MUL 1×16×16×4"]
    behind = program(tmp_path, "  - {max_pool: {kernel: 2}}\n  - hard_sigmoid\n")
    assert kernels(behind) == ["MAX_POOL_2D 1×8×8×8", "ADD RELU6 1×8×8×8", "MUL 1×8×8×8"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hard_swish", ["HARD_SWISH"]),
        ("silu", ["LOGISTIC", "MUL"]),
        ("leaky_relu", ["LEAKY_RELU"]),
        ("sigmoid", ["LOGISTIC"]),
        ("prelu", ["PRELU"]),
    ],
)
def test_other_activations_are_kernels_of_their_own(name: str, expected: list[str], tmp_path: Path):
    assert [kernel.type for kernel in program(tmp_path, CONV + f"  - {name}\n").kernels] == ["CONV_2D", *expected]


def test_a_convolution_has_a_bias_always_and_a_linear_layer_only_its_own(tmp_path: Path):
    layers = CONV + CONV + "  - global_avg_pool\n  - flatten\n  - linear: {channels: 5, bias: false}\n"
    found, floats = program(tmp_path, layers), program(tmp_path, layers, "fp32")
    assert found.kernels[0].inputs[2] != found.kernels[1].inputs[2]  # zeros, with scales of their own
    assert floats.kernels[0].inputs[2] == floats.kernels[1].inputs[2]  # the same zeros
    assert found.kernels[-1].inputs[2] == floats.kernels[-1].inputs[2] == -1


# -- padding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conv", "expected"),
    [
        ("kernel: 3, padding: 1", ["CONV_2D 1×16×16×4"]),  # as SAME
        ("kernel: 3, padding: 1, stride: 2", ["PAD 1×18×18×8", "CONV_2D 1×8×8×4"]),  # SAME puts none before
        ("kernel: 3, padding: [0, 1, 0, 1], stride: 2", ["CONV_2D 1×8×8×4"]),
        ("kernel: 3, padding: 2, dilation: 2", ["CONV_2D 1×16×16×4"]),
        ("kernel: 3", ["CONV_2D 1×14×14×4"]),
    ],
)
def test_zeros_are_written_where_same_and_valid_do_not_have_them(conv: str, expected: list[str], tmp_path: Path):
    found = program(tmp_path, f"  - conv2d: {{channels: 4, {conv}}}\n")
    assert kernels(found) == expected
    assert found.kernels[-1].attrs["padding"] == ("VALID" if "PAD" in expected[0] or conv == "kernel: 3" else "SAME")


def test_at_an_odd_size_the_zeros_of_a_stride_are_those_of_same(tmp_path: Path):
    found = program(
        tmp_path, "  - conv2d: {channels: 4, kernel: 3, padding: 1, stride: 2}\n", head="input: [15, 15, 8]\nlayers:\n"
    )
    assert kernels(found) == ["CONV_2D 1×8×8×4"]


def test_a_pad_goes_into_the_convolution_but_not_into_a_pool(tmp_path: Path):
    conv = program(tmp_path, "  - pad: {padding: 1}\n  - conv2d: {channels: 4, kernel: 3}\n")
    assert kernels(conv) == ["CONV_2D 1×16×16×4"]
    pool = program(tmp_path, "  - pad: {padding: 1}\n  - max_pool: {kernel: 3, stride: 2}\n")
    assert kernels(pool) == ["PAD 1×18×18×8", "MAX_POOL_2D 1×8×8×8"]


def test_zeros_along_the_channels_are_written(tmp_path: Path):
    assert kernels(program(tmp_path, "  - pad: {channels: 4}\n")) == ["PAD 1×16×16×16"]


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ("max_pool: {kernel: 3, stride: 2, padding: 1}", ["PAD 1×18×18×8", "MAX_POOL_2D 1×8×8×8"]),
        ("max_pool: {kernel: 3, stride: 1, padding: 1}", ["MAX_POOL_2D 1×16×16×8"]),
        ("max_pool: {kernel: 3, stride: 2, ceil_mode: true}", ["MAX_POOL_2D 1×8×8×8"]),
        ("avg_pool: {kernel: 2}", ["AVERAGE_POOL_2D 1×8×8×8"]),
    ],
)
def test_pools(pool: str, expected: list[str], tmp_path: Path):
    assert kernels(program(tmp_path, f"  - {pool}\n")) == expected


# -- several kernels ---------------------------------------------------------------------------------------------------


def test_a_global_pool_leaves_axes_out_where_a_vector_is_read(tmp_path: Path):
    vector = "  - global_avg_pool\n  - {dropout: {rate: 0.5}}\n  - flatten\n  - linear: {channels: 5}\n"
    assert kernels(program(tmp_path, vector)) == ["MEAN 1×8", "FULLY_CONNECTED 1×5"]
    gate = "  - global_avg_pool\n  - conv2d: {channels: 5, kernel: 1}\n"
    assert kernels(program(tmp_path, gate)) == ["MEAN 1×1×1×8", "CONV_2D 1×1×1×5"]


def test_a_shuffle_is_three_kernels(tmp_path: Path):
    assert kernels(program(tmp_path, "  - channel_shuffle: {groups: 2}\n")) == [
        "RESHAPE 1×16×16×2×4",
        "TRANSPOSE 1×16×16×4×2",
        "RESHAPE 1×16×16×8",
    ]


def test_parts_are_split_or_sliced(tmp_path: Path):
    halves = "  - {split: {sections: 2}, name: s}\n  - {concat: , in: ['s:1', 's:0']}\n"
    assert kernels(program(tmp_path, halves)) == ["SPLIT 1×16×16×4 1×16×16×4", "CONCATENATION 1×16×16×8"]
    parts = "  - {split: {sections: [3, 5]}, name: s}\n  - {concat: , in: ['s:1', 's:0']}\n"
    assert kernels(program(tmp_path, parts)) == ["SPLIT_V 1×16×16×3 1×16×16×5", "CONCATENATION 1×16×16×8"]
    found = program(tmp_path, "  - slice: {start: 0, stop: 4, axis: channels}\n")
    assert kernels(found) == ["STRIDED_SLICE 1×16×16×4"]
    assert (found.kernels[0].attrs["begin_mask"], found.kernels[0].attrs["end_mask"]) == (0b0111, 0b0111)


@pytest.mark.parametrize(
    ("conv", "expected"),
    [
        ("kernel: 4, stride: 2, padding: 1", ["TRANSPOSE_CONV RELU 1×32×32×4"]),  # as SAME
        ("kernel: 2, stride: 2", ["TRANSPOSE_CONV RELU 1×32×32×4"]),
        ("kernel: 3, stride: 2, padding: valid", ["TRANSPOSE_CONV RELU 1×33×33×4"]),
        ("kernel: 2, stride: 2, bias: false", ["TRANSPOSE_CONV 1×32×32×4", "RELU 1×32×32×4"]),
        (  # PyTorch crops a row before it, SAME one behind it
            "kernel: 3, stride: 2, padding: 1, output_padding: 1",
            ["TRANSPOSE_CONV 1×33×33×4", "STRIDED_SLICE 1×32×32×4", "RELU 1×32×32×4"],
        ),
    ],
)
def test_transposed_convolutions(conv: str, expected: list[str], tmp_path: Path):
    found = program(tmp_path, f"  - conv_transpose2d: {{channels: 4, {conv}}}\n  - relu\n")
    assert kernels(found) == expected
    shape, weights = (found.tensors[number] for number in found.kernels[0].inputs[:2])
    assert (shape.dtype, shape.shape, weights.shape[0], weights.shape[3]) == ("int32", (4,), 4, 8)


def test_windows_along_one_axis_are_those_of_a_map_of_one_row(tmp_path: Path):
    layers = (
        "  - conv1d: {channels: 8, kernel: 3, padding: same}\n  - relu\n  - max_pool1d: {kernel: 2}\n"
        "  - conv1d: {channels: 8, kernel: 3, padding: causal, dilation: 2}\n  - global_avg_pool\n  - flatten\n"
    )
    assert kernels(program(tmp_path, layers, head="input: [64, 4]\nlayers:\n")) == [
        "RESHAPE 1×1×64×4",
        "CONV_2D RELU 1×1×64×8",
        "MAX_POOL_2D 1×1×32×8",
        "RESHAPE 1×32×8",
        "PAD 1×36×8",
        "RESHAPE 1×1×36×8",
        "CONV_2D 1×1×32×8",
        "RESHAPE 1×32×8",
        "MEAN 1×8",
    ]


def test_what_has_no_integer_kernel_runs_in_floats(tmp_path: Path):
    found = program(tmp_path, CONV + "  - relu\n  - local_response_norm: {size: 5}\n")
    assert kernels(found)[1:] == [
        "DEQUANTIZE 1×16×16×4",
        "LOCAL_RESPONSE_NORMALIZATION 1×16×16×4",
        "QUANTIZE 1×16×16×4",
    ]
    assert [found.tensors[kernel.outputs[0]].dtype for kernel in found.kernels] == ["int8", "fp32", "fp32", "int8"]
    floats = program(tmp_path, CONV + "  - relu\n  - local_response_norm: {size: 5}\n", "fp32")
    assert kernels(floats)[1:] == ["LOCAL_RESPONSE_NORMALIZATION 1×16×16×4"]


def test_a_layer_norm_is_a_dozen_kernels(tmp_path: Path):
    assert [kernel.type for kernel in program(tmp_path, "  - layer_norm\n").kernels] == [
        *("MEAN", "DEQUANTIZE", "NEG", "QUANTIZE", "SQUARED_DIFFERENCE", "MEAN", "ADD", "RSQRT"),
        *("MUL", "MUL", "ADD", "MUL", "ADD"),
    ]


def test_what_has_a_scale_of_its_own_is_quantised_anew_for_a_concat(tmp_path: Path):
    layers = (
        "  - {conv2d: {channels: 4, kernel: 1}, name: a}\n  - {sigmoid: , name: b}\n"
        "  - {conv2d: {channels: 2, kernel: 1}, in: a, name: c}\n  - {concat: , in: [b, c]}\n"
    )
    assert kernels(program(tmp_path, layers)) == [
        "CONV_2D 1×16×16×4",
        "LOGISTIC 1×16×16×4",
        "QUANTIZE 1×16×16×4",  # right behind it
        "CONV_2D 1×16×16×2",
        "CONCATENATION 1×16×16×6",
    ]


# -- the whole ---------------------------------------------------------------------------------------------------------


def test_branches_run_to_their_ends_one_after_the_other(tmp_path: Path):
    layers = (
        "  - {conv2d: {channels: 8, kernel: 1}, name: n0}\n"
        "  - {conv2d: {channels: 4, kernel: 1}, in: n0, name: n1}\n"
        "  - {conv2d: {channels: 5, kernel: 1}, in: n0, name: n2}\n"
        "  - {conv2d: {channels: 6, kernel: 1}, in: n1, name: n3}\n"
        "  - {conv2d: {channels: 7, kernel: 1}, in: n2, name: n4}\n"
        "  - {concat: , in: [n3, n4], name: n5}\n"
    )
    assert [kernel.name for kernel in program(tmp_path, layers).kernels] == ["n0", "n1", "n3", "n2", "n4", "n5"]


def test_numbers_go_to_inputs_then_to_what_is_stored_then_to_what_is_computed(tmp_path: Path):
    found = program(tmp_path, CONV + "  - {max_pool: {kernel: 2}}\n  - global_avg_pool\n  - flatten\n")
    assert found.inputs == (0,)
    assert [tensor.stored for tensor in found.tensors] == [False, True, True, True, False, False, False]
    assert [kernel.outputs for kernel in found.kernels] == [(4,), (5,), (6,)]
    assert found.outputs == (6,)


def test_an_op_without_a_counterpart_is_named(tmp_path: Path):
    with pytest.raises(UsageError) as refused:
        program(tmp_path, "  - {lstm: {channels: 4}, name: memory}\n", head="input: [16, 4]\nlayers:\n")
    assert str(refused.value) == (
        "memory: lstm is not lowered to TFLite's kernels by convcost, so that no TFLite program can be written for it"
    )


def test_other_types_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="lowered as int8, int16, fp32, got bf16"):
        program(tmp_path, CONV, "bf16")


def test_16_bit_activations_have_8_bit_weights_and_64_bit_biases(tmp_path: Path):
    found = program(tmp_path, CONV, "int16")
    assert [found.tensors[number].dtype for number in (*found.kernels[0].inputs, *found.outputs)] == [
        *("int16", "int8", "int64", "int16")
    ]


# -- MLPerf Tiny -------------------------------------------------------------------------------------------------------

#: Name -> trainable parameters and running means and variances, as Keras counts the models of mlcommons/tiny; MACs by hand
#: in the test below; bytes of weights and biases in the reference file; and head and whole arena that the runtime itself
#: (tflite-micro 0.dev20261023) prints for that file on a 64-bit computer.
TINY = {
    "resnet8": (78_186, 480, 78_744, 49_152, 55_984),
    "ds_cnn": (23_756, 1_152, 24_368, 16_000, 24_272),
    "mobilenet_v1": (216_322, 5_472, 219_064, 73_728, 103_680),
    "autoencoder": (267_928, 2_064, 270_880, 768, 3_984),
}


def tiny(name: str) -> Network:
    return loaded(f"mlperf_tiny_{name}")


@pytest.mark.parametrize("name", TINY)
def test_mlperf_tiny_takes_the_arena_of_its_reference_file(name: str):
    from convcost.deploy.arena import arena
    from convcost.deploy.runtime import Deployment

    params, buffers, weight_bytes, head, total = TINY[name]
    totals = tiny(name).report().totals
    assert (totals.params, totals.buffers) == (params, buffers)
    found = lowered(tiny(name).walked, "int8")
    planned = arena(found, Deployment(pointers=64))
    assert (planned.head, planned.total) == (head, total)
    weights = sum(tensor.bytes for _, tensor in found.stored() if not tensor.name.startswith("constant"))
    assert weights == weight_bytes


def test_macs_of_mlperf_tiny_by_hand():
    macs = {name: tiny(name).report().totals.macs for name in TINY}
    first, inner = 32 * 32 * 9 * 3 * 16, 32 * 32 * 9 * 16 * 16
    second = 16 * 16 * (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32)
    third = 8 * 8 * (9 * 32 * 64 + 9 * 64 * 64 + 32 * 64)
    assert macs["resnet8"] == first + 2 * inner + second + third + 64 * 10
    assert macs["ds_cnn"] == 25 * 5 * (40 * 64 + 4 * (9 * 64 + 64 * 64)) + 64 * 12
    assert macs["autoencoder"] == 2 * 640 * 128 + 6 * 128 * 128 + 2 * 128 * 8
    stages = [(48, 8, 16), (24, 16, 32), (24, 32, 32), (12, 32, 64), (12, 64, 64), (6, 64, 128)]
    stages += [(6, 128, 128)] * 5 + [(3, 128, 256), (3, 256, 256)]
    separable = sum(size * size * (9 * before + before * after) for size, before, after in stages)
    assert macs["mobilenet_v1"] == 48 * 48 * 27 * 8 + separable + 256 * 2
