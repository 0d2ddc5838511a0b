"""What each layer of Keras becomes: nodes, shapes, products and parameters, all worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sympy
from helpers.foreign import lowered, network, steps
from helpers.keras_files import (
    DOTS,
    as_layer,
    call,
    entry,
    functional,
    layer,
    opened,
    operation,
    sequential,
    slice_,
    tensor,
)

from convcost.core.errors import SpecError
from convcost.graph.walk import Step
from convcost.importers.imported import Imported
from convcost.importers.keras.layers import IDENTITIES, RULES
from convcost.importers.keras.operations import ARITHMETIC

Open = Callable[[Any], Imported]


@pytest.fixture
def model(tmp_path: Path) -> Open:
    """The model of a configuration."""
    return lambda config: opened(tmp_path, config)


class Row(NamedTuple):
    """A layer on an input, and what it costs."""

    made: dict[str, Any]
    """It takes `x`."""
    shape: Sequence[int]
    """Of x, without the batch."""
    kinds: str
    out: tuple[int, ...]
    """Channels last, without the batch."""
    macs: int = 0
    params: int = 0
    buffers: int = 0


def of(kind: str, **config: Any) -> dict[str, Any]:
    return layer(kind, "it", "x", **config)


FIRST = {"data_format": "channels_first"}
SAME = {"padding": "same"}
DENSE = layer("Dense", "inner", units=4)
GRU = {"class_name": "GRU", "config": {"units": 4, "use_bias": True, "return_sequences": True}}
LSTM = {"class_name": "LSTM", "config": {"units": 4, "use_bias": True}}
CONV_LSTM = {
    "class_name": "ConvLSTM2D",
    "config": {"filters": 2, "kernel_size": [3, 3], "padding": "same", "return_sequences": True},
}
CELLS = [
    {"class_name": "LSTMCell", "config": {"units": 4}},
    {"class_name": "GRUCell", "config": {"units": 3, "reset_after": False}},
]
ROWS = {
    # convolutions
    "conv1d": Row(of("Conv1D", filters=5, kernel_size=[3]), (10, 4), "conv1d", (8, 5), 8 * 5 * 3 * 4, 5 * (12 + 1)),
    "conv1d causal": Row(
        of("Conv1D", filters=5, kernel_size=3, padding="causal", dilation_rate=2),
        (10, 4),
        "conv1d",
        (10, 5),
        10 * 5 * 12,
        65,
    ),
    "conv2d": Row(
        of("Conv2D", filters=6, kernel_size=[3, 3], strides=[2, 2], padding="same", use_bias=False, activation="relu"),
        (9, 8, 3),
        "conv2d relu",
        (5, 4, 6),
        5 * 4 * 6 * 27,
        6 * 27,
    ),
    "conv2d grouped, channels first": Row(
        of("Conv2D", filters=6, kernel_size=[3, 1], groups=2, **FIRST),
        (4, 9, 8),
        "conv2d",
        (7, 8, 6),
        7 * 8 * 6 * 3 * 2,
        6 * (3 * 2 + 1),
    ),
    "conv3d": Row(
        of("Conv3D", filters=2, kernel_size=2), (4, 4, 4, 3), "conv3d", (3, 3, 3, 2), 27 * 2 * 8 * 3, 2 * (24 + 1)
    ),
    "transposed, same": Row(
        of("Conv2DTranspose", filters=5, kernel_size=3, strides=2, padding="same"),
        (4, 6, 3),
        "conv_transpose2d",
        (8, 12, 5),
        4 * 6 * 3 * 9 * 5,
        5 * (27 + 1),
    ),
    "transposed, valid": Row(
        of("Conv1DTranspose", filters=5, kernel_size=4, strides=3), (6, 3), "conv_transpose1d", (19, 5), 6 * 3 * 4 * 5, 65
    ),
    "transposed, padded output": Row(
        of("Conv2DTranspose", filters=1, kernel_size=3, strides=2, padding="same", output_padding=1),
        (4, 4, 1),
        "conv_transpose2d",
        (8, 8, 1),  # (4 - 1)·2 + 3 - 2·1 + 1
        16 * 9,
        10,
    ),
    "depthwise": Row(
        of("DepthwiseConv2D", kernel_size=3, depth_multiplier=2, padding="same"),
        (6, 6, 4),
        "conv2d",
        (6, 6, 8),
        36 * 8 * 9,
        8 * 10,
    ),
    "depthwise, one axis": Row(
        of("DepthwiseConv1D", kernel_size=3, strides=2), (9, 4), "conv1d", (4, 4), 4 * 4 * 3, 4 * 4
    ),
    "separable": Row(
        of("SeparableConv2D", filters=7, kernel_size=3, strides=2, padding="same", activation="elu"),
        (8, 8, 4),
        "conv2d conv2d elu",
        (4, 4, 7),
        16 * 4 * 9 + 16 * 7 * 4,
        4 * 9 + 7 * (4 + 1),
    ),
    # dense layers
    "dense": Row(of("Dense", units=5, activation="softmax"), (7,), "linear softmax", (5,), 35, 40),
    "dense on a map": Row(of("Dense", units=5, use_bias=False), (2, 3, 7), "linear", (2, 3, 5), 6 * 35, 35),
    "einsum dense": Row(
        of("EinsumDense", equation="abc,cde->abde", output_shape=[None, 2, 3], bias_axes="de"),
        (5, 7),
        "linear reshape",
        (5, 2, 3),
        5 * 7 * 6,
        7 * 6 + 6,
    ),
    "einsum dense over two axes": Row(
        of("EinsumDense", equation="abcd,cde->abe", output_shape=[None, 8], bias_axes="e"),
        (5, 2, 3),
        "reshape linear",
        (5, 8),
        5 * 6 * 8,
        6 * 8 + 8,
    ),
    "einsum dense of leading axes": Row(
        of("EinsumDense", equation="...x,xy->...y", output_shape=4, bias_axes="y"),
        (2, 3, 5),
        "linear",
        (2, 3, 4),
        6 * 20,
        24,
    ),
    "einsum dense with a bias for each position": Row(
        of("EinsumDense", equation="ab,bc->ac", output_shape=3, bias_axes="c", activation="relu"),
        (5,),
        "linear relu",
        (3,),
        15,
        18,
    ),
    "einsum dense along the first axis": Row(
        of("EinsumDense", equation="abc,bd->adc", output_shape=[6, 4], bias_axes=None),
        (5, 4),
        "reshape linear",  # the same numbers, the axis that is summed over read last
        (4, 6),
        4 * 5 * 6,
        30,
    ),
    "einsum dense with other weights for each": Row(
        of("EinsumDense", equation="abc,bcd->abd", output_shape=[None, 6], bias_axes="bd"),
        (5, 4),
        "source reshape matmul source add",
        (5, 1, 6),
        5 * 4 * 6,
        5 * 4 * 6 + 5 * 6,
    ),
    "embedding": Row(of("Embedding", input_dim=100, output_dim=6), (9,), "embedding", (9, 6), 0, 600),
    # norms
    "batch norm": Row(of("BatchNormalization", axis=[3]), (4, 4, 5), "batch_norm", (4, 4, 5), 0, 10, 10),
    "batch norm, channels first, no scale": Row(
        of("BatchNormalization", axis=1, scale=False), (5, 4, 3), "batch_norm", (4, 3, 5), 0, 5, 10
    ),
    "frozen batch norm": Row(
        of("BatchNormalization", axis=-1, trainable=False), (4, 4, 5), "batch_norm", (4, 4, 5), 0, 0, 20
    ),
    "layer norm": Row(of("LayerNormalization", axis=-1), (7, 5), "layer_norm", (7, 5), 0, 10),
    "layer norm over two axes": Row(
        of("LayerNormalization", axis=[2, 3], center=False), (2, 7, 5), "layer_norm", (2, 7, 5), 0, 35
    ),
    "rms norm": Row(of("RMSNormalization", axis=-1), (7, 5), "layer_norm", (7, 5), 0, 5),
    "group norm": Row(of("GroupNormalization", groups=3, axis=-1), (4, 4, 6), "group_norm", (4, 4, 6), 0, 12),
    "instance norm": Row(
        of("GroupNormalization", groups=-1, axis=1, scale=False), (6, 4, 3), "group_norm", (4, 3, 6), 0, 6
    ),
    "unit norm": Row(of("UnitNormalization", axis=-1), (7, 5), "l2_normalize", (7, 5)),
    "normalization": Row(of("Normalization", axis=[-1]), (4, 4, 3), "batch_norm", (4, 4, 3), 0, 0, 6),
    "normalization by settings": Row(
        of("Normalization", axis=[-1], mean=[1, 2, 3], variance=[1, 1, 1]),
        (4, 4, 3),
        "function:shift function:scale",
        (4, 4, 3),
    ),
    "rescaling": Row(of("Rescaling", scale=0.5, offset=0.0), (4, 4, 3), "function:scale", (4, 4, 3)),
    "rescaling with an offset": Row(
        of("Rescaling", scale=0.5, offset=-1), (4, 4, 3), "function:scale function:shift", (4, 4, 3)
    ),
    "layer scale": Row(of("LayerScale", projection_dim=3), (4, 4, 3), "scale", (4, 4, 3), 0, 3),
    # activations
    "activation": Row(of("Activation", activation="hard_silu"), (7,), "hard_swish", (7,)),
    "linear activation": Row(of("Activation", activation="linear"), (7,), "", (7,)),
    "serialised activation": Row(
        of("Activation", activation={"class_name": "function", "config": "relu6"}), (7,), "relu6", (7,)
    ),
    "exponential": Row(of("Activation", activation="exponential"), (7,), "function:exp", (7,)),
    "log softmax": Row(of("Activation", activation="log_softmax"), (7,), "softmax function:log", (7,)),
    "relu": Row(of("ReLU"), (7,), "relu", (7,)),
    "relu up to 6": Row(of("ReLU", max_value=6.0), (7,), "relu6", (7,)),
    "relu up to 4": Row(of("ReLU", max_value=4.0), (7,), "function:clip", (7,)),
    "relu with a slope": Row(of("ReLU", negative_slope=0.1), (7,), "leaky_relu", (7,)),
    "leaky relu": Row(of("LeakyReLU", negative_slope=0.1), (7,), "leaky_relu", (7,)),
    "elu": Row(of("ELU"), (7,), "elu", (7,)),
    "softmax along another axis": Row(of("Softmax", axis=1), (7, 3), "softmax", (7, 3)),
    "prelu shared by positions": Row(of("PReLU", shared_axes=[1, 2]), (4, 4, 3), "prelu", (4, 4, 3), 0, 3),
    "prelu": Row(of("PReLU"), (4, 5, 3), "source combine:where", (4, 5, 3), 0, 60),
    # pools
    "max pool": Row(of("MaxPooling2D", pool_size=[2, 2]), (9, 8, 3), "max_pool2d", (4, 4, 3)),
    "max pool, same": Row(
        of("MaxPooling2D", pool_size=3, strides=[2, 2], padding="same"), (9, 8, 3), "max_pool2d", (5, 4, 3)
    ),
    "average pool, channels first": Row(
        of("AveragePooling2D", pool_size=2, **FIRST), (3, 8, 6), "avg_pool2d", (4, 3, 3)
    ),
    "average pool, one axis": Row(of("AveragePooling1D", pool_size=4), (9, 2), "avg_pool1d", (2, 2)),
    "global pool": Row(of("GlobalAveragePooling2D"), (4, 4, 3), "global_avg_pool", (1, 1, 3)),
    "global pool of a volume": Row(of("GlobalMaxPooling3D", keepdims=True), (2, 4, 4, 3), "global_max_pool", (1, 1, 1, 3)),
    "global pool, channels first": Row(
        of("GlobalAveragePooling1D", **FIRST), (3, 9), "global_avg_pool", (1, 3)
    ),
    "adaptive pool": Row(of("AdaptiveAveragePooling2D", output_size=[2, 3]), (8, 9, 4), "adaptive_avg_pool2d", (2, 3, 4)),
    # shapes
    "flatten": Row(of("Flatten"), (4, 4, 3), "flatten", (48,)),
    "reshape": Row(of("Reshape", target_shape=[-1, 6]), (4, 3), "reshape", (2, 6)),
    "permute": Row(layer("Dense", "d", call(tensor("p")), units=2), (4, 3), "transpose linear", (3, 2), 3 * 4 * 2, 10),
    "repeat vector": Row(of("RepeatVector", n=5), (4,), "expand", (5, 4)),
    "zeros around a map": Row(of("ZeroPadding2D", padding=[[1, 2], [0, 3]]), (4, 4, 3), "pad", (7, 7, 3)),
    "zeros around a sequence": Row(of("ZeroPadding1D", padding=2), (4, 3), "pad", (8, 3)),
    "zeros around a volume": Row(
        of("ZeroPadding3D", padding=[1, 0, 2], **FIRST), (3, 4, 4, 4), "pad", (6, 4, 8, 3)
    ),
    "no zeros": Row(of("ZeroPadding2D", padding=0), (4, 4, 3), "", (4, 4, 3)),
    "cropping": Row(of("Cropping2D", cropping=[[1, 0], [1, 1]]), (4, 4, 3), "crop", (3, 2, 3)),
    "up-sampling": Row(
        of("UpSampling2D", size=[2, 3], interpolation="bilinear"), (4, 4, 3), "upsample2d", (8, 12, 3)
    ),
    "up-sampling, one axis": Row(of("UpSampling1D", size=2), (4, 3), "upsample1d", (8, 3)),
    "resizing": Row(of("Resizing", height=6, width=5), (4, 4, 3), "resize2d", (6, 5, 3)),
    "center crop": Row(of("CenterCrop", height=2, width=3), (4, 4, 3), "crop", (2, 3, 3)),
    # 3 wide are 2 high of the ratio 4 to 6, and 10 high would be 15 wide
    "center crop of a narrow one": Row(of("CenterCrop", height=4, width=6), (10, 3, 3), "crop resize2d", (4, 6, 3)),
    "center crop of a small one": Row(of("CenterCrop", height=4, width=6), (2, 3, 3), "resize2d", (4, 6, 3)),
    "random crop of a small one, channels first": Row(
        of("RandomCrop", height=4, width=6, **FIRST), (3, 2, 3), "resize2d", (4, 6, 3)
    ),
    "dropout": Row(of("SpatialDropout2D", rate=0.5), (4, 4, 3), "", (4, 4, 3)),
    "augmentation": Row(of("RandomFlip", mode="horizontal"), (4, 4, 3), "", (4, 4, 3)),
    # recurrent layers
    "lstm": Row(of("LSTM", units=4), (5, 3), "lstm", (4,), 5 * 4 * 4 * (3 + 4), 4 * 4 * (3 + 4 + 1)),
    "lstm, all steps": Row(
        of("LSTM", units=4, return_sequences=True, use_bias=False), (5, 3), "lstm", (5, 4), 5 * 16 * 7, 16 * 7
    ),
    "gru": Row(of("GRU", units=4), (5, 3), "gru", (4,), 5 * 12 * 7, 12 * (7 + 2)),
    "gru of the paper": Row(of("GRU", units=4, reset_after=False), (5, 3), "gru", (4,), 5 * 12 * 7, 12 * (7 + 1)),
    "rnn": Row(of("SimpleRNN", units=4), (5, 3), "rnn", (4,), 5 * 4 * 7, 4 * (7 + 1)),
    "stacked cells": Row(
        of("RNN", cell={"class_name": "StackedRNNCells", "config": {"cells": CELLS}}),
        (5, 6),
        "lstm gru",
        (3,),
        5 * 16 * 10 + 5 * 9 * 7,
        16 * 11 + 9 * 8,
    ),
    "both directions": Row(
        of("Bidirectional", layer=LSTM, merge_mode="concat"), (5, 3), "lstm", (8,), 2 * 5 * 16 * 7, 2 * 16 * 8
    ),
    "both directions, summed": Row(
        of("Bidirectional", layer=GRU, merge_mode="sum"), (5, 3), "gru split add", (5, 4), 2 * 5 * 12 * 7, 2 * 12 * 9
    ),
    "two layers for the directions": Row(
        of("Bidirectional", layer=GRU, backward_layer={**LSTM, "config": {"units": 2, "return_sequences": True}}),
        (5, 3),
        "gru lstm concat",
        (5, 6),
        5 * 12 * 7 + 5 * 8 * 5,
        12 * 9 + 8 * 6,
    ),
    "convolutional lstm": Row(
        of("ConvLSTM2D", filters=2, kernel_size=3, padding="same"),
        (5, 4, 6, 3),
        "conv2d slice conv2d add sigmoid slice slice",
        (1, 4, 6, 2),
        5 * 24 * 8 * 9 * (3 + 2),
        8 * (9 * (3 + 2) + 1),
    ),
    # wrappers
    "dense at each step": Row(of("TimeDistributed", layer=DENSE), (5, 7), "linear", (5, 4), 5 * 28, 32),
    "a pool at each step": Row(
        of("TimeDistributed", layer=layer("GlobalAveragePooling2D", "p")), (5, 4, 4, 3), "reduce reshape", (5, 3)
    ),
}  # fmt: skip


def kind(step: Step) -> str:
    attrs = step.node.attrs
    return step.node.op + (
        f":{attrs['of']}" if "of" in attrs else f":{attrs['function']}" if step.node.op == "combine" else ""
    )


@pytest.mark.parametrize("name", ROWS)
def test_what_a_layer_costs(model: Open, name: str):
    row = ROWS[name]
    layers = [entry("x", None, *row.shape), row.made]
    if name == "permute":
        layers.insert(1, layer("Permute", "p", "x", dims=[2, 1]))
    made = steps(model(functional("net", layers)))
    assert " ".join(map(kind, made)) == row.kinds
    assert sum(step.cost.macs for step in made) == row.macs
    assert (sum(step.params for step in made), sum(step.buffers for step in made)) == (row.params, row.buffers)
    if made:
        assert made[-1].cost.out[0] == row.out


def test_a_crop_of_too_small_a_picture_is_of_the_wanted_ratio(model: Open):
    """Of 10 x 3 the middle 2 x 3 become 4 x 6."""
    crop, resize = steps(model(functional("net", [entry("x", None, 10, 3, 3), of("CenterCrop", height=4, width=6)])))
    assert (crop.cost.out[0], resize.cost.out[0], resize.node.attrs["mode"]) == ((2, 3, 3), (4, 6, 3), "bilinear")


def test_every_rule_is_costed_or_named_here():
    seen = {row.made["class_name"] for row in ROWS.values()}
    elsewhere = {
        *("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot", "CustomScaleLayer"),
        *("MultiHeadAttention", "GroupedQueryAttention", "GroupQueryAttention", "Attention", "AdditiveAttention"),
        "ReversibleEmbedding",
    }
    alike = {
        *("CuDNNLSTM", "CuDNNGRU", "SyncBatchNormalization", "ConvLSTM1D", "ConvLSTM3D"),
        *("SeparableConv1D", "Conv3DTranspose", "Cropping1D", "Cropping3D", "UpSampling3D", "RandomCrop", "Permute"),
    }
    pools = {name for name in RULES.rules if "Pool" in name}
    layers = {name for name in RULES.rules if not name.startswith(("ops.", "tf.", "idiom.", "keras_"))}
    assert layers - seen - elsewhere - alike - pools - {*IDENTITIES} == set()


# -- several tensors ------------------------------------------------------------------------------------------------


def pair(kind: str, first: Sequence[int], second: Sequence[int], **config: Any) -> dict[str, Any]:
    layers = [entry("a", None, *first), entry("b", None, *second)]
    return functional("net", [*layers, layer(kind, "it", call([tensor("a"), tensor("b")]), **config)])


@pytest.mark.parametrize(
    ("kind_", "first", "second", "config", "kinds", "out", "macs"),
    [
        ("Add", (4, 4, 3), (4, 4, 3), {}, "add", (4, 4, 3), 0),
        ("Subtract", (4, 4, 3), (4, 4, 3), {}, "combine:subtract", (4, 4, 3), 0),
        ("Multiply", (4, 4, 3), (1, 1, 3), {}, "multiply", (4, 4, 3), 0),
        ("Multiply", (4, 1, 3), (1, 5, 3), {}, "combine:multiply", (4, 5, 3), 0),
        ("Average", (4, 3), (4, 3), {}, "combine:mean", (4, 3), 0),
        ("Maximum", (4, 3), (4, 3), {}, "combine:maximum", (4, 3), 0),
        ("Minimum", (4, 3), (4, 3), {}, "combine:minimum", (4, 3), 0),
        ("Concatenate", (4, 3), (4, 5), {"axis": -1}, "concat", (4, 8), 0),
        ("Concatenate", (4, 3), (2, 3), {"axis": 1}, "concat", (6, 3), 0),
        ("Dot", (7,), (7,), {"axes": 1, "normalize": True}, "l2_normalize l2_normalize matmul", (1, 1), 7),
        ("Dot", (5, 3), (6, 3), {"axes": [2, 2]}, "matmul", (5, 6), 5 * 6 * 3),
        ("CustomScaleLayer", (4, 4, 3), (4, 4, 3), {"scale": 0.2}, "function:scale add", (4, 4, 3), 0),
        ("Attention", (5, 3), (6, 3), {"use_scale": False}, "matmul softmax matmul", (5, 3), 2 * 5 * 6 * 3),
        (
            "AdditiveAttention",
            (5, 3),
            (6, 3),
            {"use_scale": False},
            "combine:add tanh reduce softmax matmul",
            (5, 3),
            5 * 6 * 3,
        ),
    ],
)  # fmt: skip
def test_what_merges_two_tensors(
    model: Open,
    kind_: str,
    first: Sequence[int],
    second: Sequence[int],
    config: dict[str, Any],
    kinds: str,
    out: tuple[int, ...],
    macs: int,
):
    made = steps(model(pair(kind_, first, second, **config)))
    assert " ".join(kind(step) for step in made if step.node.op != "reshape") == kinds
    assert (made[-1].cost.out[0], sum(step.cost.macs for step in made)) == (out, macs)
    assert sum(step.params for step in made) == 0


def test_learnt_scales_of_attention(model: Open):
    """One number for all scores; or one for each channel, which makes the sum over them a product."""
    (scale,) = (
        step for step in steps(model(pair("Attention", (5, 3), (6, 3), use_scale=True))) if step.node.op == "source"
    )
    assert scale.params == 1
    made = steps(model(pair("AdditiveAttention", (5, 3), (6, 3), use_scale=True)))
    assert sum(step.params for step in made) == 3
    assert sum(step.cost.macs for step in made) == 5 * 6 * 3 + 5 * 6 * 3


def attention(*tensors: Any, **config: Any) -> dict[str, Any]:
    config = {"num_heads": 2, "key_dim": 4, "use_bias": True, **config}
    layers = [entry("q", None, 5, 6), entry("v", None, 7, 8), layer("MultiHeadAttention", "mha", *tensors, **config)]
    return functional("net", layers)


def test_attention_of_several_heads(model: Open):
    """Queries 5×6, values 7×8; 2 heads of 4 channels; values of 3."""
    made = model(attention(call(tensor("q"), tensor("v")), value_dim=3))
    by_name = {step.node.name: step for step in steps(made)}
    heads = {name: step for name, step in by_name.items() if step.node.op != "reshape"}
    assert {name: (step.cost.macs, step.params) for name, step in heads.items()} == {
        "mha.query": (5 * 6 * 8, 6 * 8 + 8),
        "mha.key": (7 * 8 * 8, 8 * 8 + 8),
        "mha.value": (7 * 8 * 6, 8 * 6 + 6),
        "mha.scores": (2 * 5 * 7 * 4, 0),
        "mha.softmax": (0, 0),
        "mha.mix": (2 * 5 * 7 * 3, 0),
        "mha.attention_output": (5 * 6 * 6, 6 * 6 + 6),
    }
    assert by_name["mha.scores"].cost.out[0] == (2, 5, 7)
    assert by_name["mha.mix"].cost.out[0] == (2, 5, 3)
    assert not any(step.node.op == "transpose" for step in steps(made)), "Keras moves nothing between its products"


def test_attention_puts_out_other_sizes_and_its_scores(model: Open):
    given = attention(call(tensor("q"), tensor("v"), return_attention_scores=True), output_shape=[3, 2])
    given["config"]["output_layers"] = [["mha", 0, 0], ["mha", 0, 1]]
    found = network(model(given)).walked
    shapes = {step.node.name: step.cost.out[0] for step in found.steps}
    assert [shapes[name] for name in found.outputs] == [(5, 3, 2), (2, 5, 7)]
    assert sum(step.cost.macs for step in found.steps if step.node.name == "mha.attention_output") == 5 * 8 * 6
    given = attention(call(tensor("q"), tensor("v"), return_attention_scores=False), output_shape=[3, 2])
    given["config"]["output_layers"] = [["mha", 0, 0], ["mha", 0, 1]]
    with pytest.raises(
        SpecError, match=r"MultiHeadAttention mha: makes 1 tensor, there is no number 1 \(the first is 0\)$"
    ):
        network(model(given)).report()


def test_attention_over_a_map_is_over_its_positions(model: Open):
    layers = [
        entry("x", None, 3, 4, 6),
        layer(
            "MultiHeadAttention", "mha", call(tensor("x"), tensor("x")), num_heads=1, key_dim=6, attention_axes=[1, 2]
        ),
    ]
    made = {step.node.name: step for step in steps(model(functional("net", layers)))}
    assert made["mha.scores"].cost.out[0] == (1, 12, 12)
    assert made["mha.output"].cost.out[0] == (3, 4, 6)


def test_grouped_queries(model: Open):
    """4 heads of 3 channels, keys and values of 2."""
    layers = [
        entry("x", None, 5, 6),
        layer(
            "GroupedQueryAttention",
            "gqa",
            call(tensor("x"), tensor("x")),
            head_dim=3,
            num_query_heads=4,
            num_key_value_heads=2,
            use_bias=False,
        ),
    ]
    made = {step.node.name: step for step in steps(model(functional("net", layers)))}
    assert {name: step.params for name, step in made.items() if step.params} == {
        "gqa.query": 6 * 12,
        "gqa.key": 6 * 6,
        "gqa.value": 6 * 6,
        "gqa.attention_output": 12 * 6,
    }
    assert made["gqa.scores"].cost.out[0] == (2, 2, 5, 5)
    assert made["gqa.scores"].cost.macs == made["gqa.mix"].cost.macs == 4 * 25 * 3


# -- shared, nested, frozen -----------------------------------------------------------------------------------------------


def test_weights_of_a_layer_that_is_called_twice_are_stored_once(model: Open):
    layers = [
        entry("a", None, 7),
        entry("b", None, 7),
        layer("Dense", "shared", "a", "b", units=4),
        layer("Add", "sum", call([tensor("shared", call=0), tensor("shared", call=1)])),
    ]
    report = network(model(functional("net", layers))).report()
    assert (report.totals.macs, report.totals.params) == (2 * 28, 28 + 4)


def test_a_layer_that_is_called_with_other_channels_is_refused(model: Open):
    layers = [
        entry("a", None, 7),
        entry("b", None, 8),
        layer("Dense", "shared", "a", "b", units=4),
        layer("Add", "sum", call([tensor("shared", call=0), tensor("shared", call=1)])),
    ]
    with pytest.raises(SpecError, match=r"Dense shared: shares the weights of shared, which has 28, but needs 32"):
        steps(model(functional("net", layers)))


def test_layers_of_a_model_stand_under_its_name(model: Open):
    inner = sequential(
        "trunk", [entry("y", None, 6, 6, 3), layer("Conv2D", "c", filters=2, kernel_size=3, activation="relu")]
    )
    layers = [entry("x", None, 6, 6, 3), as_layer(inner, "x"), layer("Flatten", "f", "trunk")]
    made = steps(model(functional("net", layers)))
    assert [(step.node.name, step.node.scope) for step in made[:2]] == [
        ("trunk.c", ("trunk",)),
        ("trunk.c_relu", ("trunk",)),
    ]


def test_frozen_layers_are_stored_and_not_trained(model: Open):
    made = layer("Dense", "d", "x", units=2, trainable=False)
    report = network(model(functional("net", [entry("x", None, 3), made]))).report()
    assert (report.totals.params, report.totals.buffers) == (0, 8)


def test_a_model_at_each_step(model: Open):
    inner = functional(
        "cnn",
        [
            entry("f", None, 6, 6, 3),
            layer("Conv2D", "c", "f", filters=2, kernel_size=3),
            layer("Flatten", "flat", "c"),
        ],
    )
    layers = [
        entry("x", None, 5, 6, 6, 3),
        layer("TimeDistributed", "td", "x", layer=inner),
        layer("LSTM", "l", "td", units=2),
    ]
    made = {step.node.name: step for step in steps(model(functional("net", layers)))}
    assert made["td.cnn.c"].cost.macs == 5 * 16 * 2 * 27
    assert made["td.cnn.c"].params == 2 * 28
    assert made["l"].input_shapes == ((5, 32),)


def _inner(made: dict[str, Any], *shape: int) -> dict[str, Any]:
    """A model of one layer."""
    return functional("inner", [entry("f", None, *shape), made])


SELF = call([tensor("f"), tensor("f")])
#: What is done at each of 5 steps, the shape of each -> the last node and what it puts out, all MACs, all parameters.
AT_EACH_STEP = {
    # scores of 6 tokens with 6 by 4 channels, and as many products for the mix
    "attention": (_inner(layer("Attention", "a", SELF), 6, 4), (6, 4), "matmul", (5, 6, 4), 5 * 2 * 36 * 4, 0),
    # a factor for each of 4 channels of 36 sums, and the mix
    "additive": (_inner(layer("AdditiveAttention", "a", SELF), 6, 4), (6, 4), "matmul", (5, 6, 4), 5 * 2 * 36 * 4, 4),
    "products of rows": (_inner(layer("Dot", "d", SELF, axes=2), 6, 4), (6, 4), "matmul", (5, 6, 6), 5 * 36 * 4, 0),
    "products of vectors": (_inner(layer("Dot", "d", SELF, axes=1), 4), (4,), "flatten", (5,), 5 * 4, 0),
    "a repeated vector": (layer("RepeatVector", "r", n=3), (4,), "expand", (5, 3, 4), 0, 0),
    "repeated rows": (_inner(operation("Repeat", "r", call(tensor("f")), repeats=2, axis=1), 6, 4), (6, 4), "reshape", (5, 12, 4), 0, 0),
    # 3 matrices of 4·2
    "other weights for each row": (layer("EinsumDense", "e", equation="abc,bcd->abd", output_shape=[3, 2]), (3, 4), "matmul", (3, 5, 2), 5 * 24, 24),
    "zeros around a volume": (layer("ZeroPadding3D", "z", padding=1), (2, 3, 4, 6), "pad", (5, 4, 5, 6, 6), 0, 0),
    # windows of several maps are no op of convcost
    "windows": (_inner(operation("ExtractPatches", "p", call(tensor("f")), "image", size=[2, 3], strides=[2, 3]), 4, 6, 3), (4, 6, 3), "unknown", (5, 2, 2, 18), 0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", AT_EACH_STEP)
def test_steps_of_a_sequence_are_each_computed_by_itself(model: Open, name: str):
    made, shape, last, out, macs, params = AT_EACH_STEP[name]
    layers = [entry("x", None, 5, *shape), layer("TimeDistributed", "td", "x", layer=made)]
    found = steps(model(functional("net", layers)))
    assert (found[-1].node.op, found[-1].cost.out[0]) == (last, out)
    assert sum(step.cost.macs for step in found) == macs
    assert sum(step.params for step in found) == params


def test_blocks_at_each_step(model: Open):
    """Five maps of 6·6·8, whose channels are spread: one move of all elements, and a convolution of 12·12·2."""
    made = operation("DepthToSpace", "d", call(tensor("f")), "nn", block_size=2)
    inner = functional("cnn", [entry("f", None, 6, 6, 8), made, layer("Conv2D", "c", "d", filters=3, kernel_size=1)])
    td = layer("TimeDistributed", "td", "x", layer=inner)
    found = steps(model(functional("net", [entry("x", None, 5, 6, 6, 8), td])))
    assert [step.node.op for step in found if step.node.op != "reshape"] == ["transpose", "conv2d"]
    assert found[-1].cost.out == ((5, 12, 12, 3),)
    assert found[-1].cost.macs == 5 * 144 * 2 * 3


# -- operations -------------------------------------------------------------------------------------------------------------


OPS = {
    "number": (operation("Add", "it", call(tensor("x"), 3.0)), "function:shift", (4, 6, 3)),
    "quotient": (operation("TrueDivide", "it", call(1.0, tensor("x"))), "function:reciprocal", (4, 6, 3)),
    "tensors": (operation("Multiply", "it", call(tensor("x"), tensor("x"))), "multiply", (4, 6, 3)),
    "compared": (operation("Greater", "it", call(tensor("x"), 0)), "source combine:greater", (4, 6, 3)),
    "mean": (operation("Mean", "it", call(tensor("x")), axis=[1, 2], keepdims=True), "global_avg_pool", (1, 1, 3)),
    "largest": (operation("Max", "it", call(tensor("x")), axis=-1), "reduce", (4, 6, 1)),
    "variance": (operation("Var", "it", call(tensor("x")), axis=-1), "function:square reduce", (4, 6, 1)),
    "axes moved": (operation("Transpose", "it", call(tensor("x")), axes=[0, 3, 1, 2]), "", ()),
    "reshaped": (operation("Reshape", "it", call(tensor("x")), newshape=[-1, 24, 3]), "reshape", (24, 3)),
    "joined": (operation("Concatenate", "it", call([tensor("x"), tensor("x")]), axis=-1), "concat", (4, 6, 6)),
    "stacked": (operation("Stack", "it", call([tensor("x"), tensor("x")]), axis=1), "reshape concat", (2, 4, 6, 3)),
    "indexed": (operation("GetItem", "it", call(tensor("x"), [slice_(), 0])), "slice", (1, 6, 3)),
    "sliced": (
        operation("GetItem", "it", call(tensor("x"), [DOTS, slice_(1, -1), slice_(0, 3, 2)])),
        "slice slice",
        (4, 4, 2),
    ),
    "all of it, and of one image": (operation("GetItem", "it", call(tensor("x"), [slice_(1), slice_(0, 4)])), "", ()),
    "all of it": (operation("GetItem", "it", call(tensor("x"), [slice_(), slice_(0, 4)])), "", ()),
    "padded": (
        operation("Pad", "it", call(tensor("x")), pad_width=[[0, 0], [1, 1], [0, 2], [0, 0]]),
        "pad",
        (6, 8, 3),
    ),
    "resized": (
        operation("Resize", "it", call(tensor("x")), "image", size=[8, 9], interpolation="nearest"),
        "resize2d",
        (8, 9, 3),
    ),
    "repeated": (operation("Repeat", "it", call(tensor("x")), repeats=2, axis=2), "reshape expand reshape", (4, 12, 3)),
    "chosen": (operation("Take", "it", call(tensor("x"), [0, 2, 2]), axis=1), "gather", (3, 6, 3)),
    "one-hot": (operation("OneHot", "it", call(tensor("x")), "nn", num_classes=5, axis=-1), "source combine:equal", (4, 6, 3, 5)),
    "gate": (operation("Glu", "it", call(tensor("x")), "nn", axis=1), "slice slice sigmoid multiply", (2, 6, 3)),
    "clipped": (operation("Clip", "it", call(tensor("x")), x_min=0, x_max=6), "relu6", (4, 6, 3)),
    "function": (operation("Sqrt", "it", call(tensor("x"))), "function:sqrt", (4, 6, 3)),
    "activation": (operation("HardSilu", "it", call(tensor("x")), "nn"), "hard_swish", (4, 6, 3)),
    "pooled": (operation("MaxPool", "it", call(tensor("x")), "nn", pool_size=2), "max_pool2d", (2, 3, 3)),
    "top": (operation("TopK", "it", call(tensor("x")), "math", k=2), "top_k", (4, 6, 2)),
    "patches": (
        operation("ExtractPatches", "it", call(tensor("x")), "image", size=[2, 3], strides=[2, 3]),
        "unfold reshape",
        (2, 2, 18),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPS)
def test_what_an_operation_becomes(model: Open, name: str):
    made, kinds, out = OPS[name]
    found = steps(model(functional("net", [entry("x", None, 4, 6, 3), made])))
    if name == "one-hot":  # the number is read at an axis more
        found = [step for step in found if step.node.op != "reshape"]
    assert " ".join(map(kind, found)) == kinds
    assert sum(step.cost.macs + step.params + step.buffers for step in found) == 0
    if out:
        assert found[-1].cost.out[0] == out


def test_sizes_are_read_from_the_last_on_and_given_an_axis_more(model: Open):
    """Of 4 by 6 by 3 the sizes are turned around, behind that of the batch; all four stand in a list of one list then."""
    made = [
        operation("Shape", "sizes", call(tensor("x"))),
        operation("GetItem", "first", call(tensor("sizes"), [slice_(0, 1)])),
        operation("GetItem", "turned", call(tensor("sizes"), [slice_(None, 0, -1)])),
        operation("Concatenate", "all", call([tensor("first"), tensor("turned")]), axis=0),
        operation("GetItem", "listed", call(tensor("all"), [None, slice_()])),
        operation("GetItem", "it", call(tensor("listed"), [0])),
        operation("Reshape", "as_said", call(tensor("x"), tensor("it"))),
    ]
    assert steps(model(functional("net", [entry("x", None, 4, 6, 3), *made])))[-1].cost.out == ((3, 6, 4),)


@pytest.mark.parametrize(
    ("equation", "first", "second", "out", "macs"),
    [
        ("bqc,bkc->bqk", (5, 4), (7, 4), (5, 7), 5 * 7 * 4),
        ("bhqc,bhkc->bhqk", (2, 5, 4), (2, 7, 4), (2, 5, 7), 2 * 5 * 7 * 4),
        ("bqhc,bkhc->bhqk", (5, 2, 4), (7, 2, 4), (2, 5, 7), 2 * 5 * 7 * 4),
    ],
)
def test_products_by_letters(
    model: Open, equation: str, first: Sequence[int], second: Sequence[int], out: tuple[int, ...], macs: int
):
    given = operation("Einsum", "it", call(tensor("a"), tensor("b")), subscripts=equation)
    found = steps(model(functional("net", [entry("a", None, *first), entry("b", None, *second), given])))
    (product,) = (step for step in found if step.node.op == "matmul")
    assert product.cost.macs == macs
    assert sorted(found[-1].cost.out[0]) == sorted(out)


def test_a_hard_sigmoid_that_is_spelled_out(model: Open):
    """relu6(x + 3) · 1/6, as Keras' MobileNetV3 writes it, and times x."""
    layers = [
        entry("x", None, 4, 4, 3),
        operation("Add", "shifted", call(tensor("x"), 3.0)),
        layer("ReLU", "clipped", "shifted", max_value=6.0),
        operation("Multiply", "gate", call(tensor("clipped"), 1 / 6)),
    ]
    assert [step.node.op for step in steps(model(functional("net", layers)))] == ["hard_sigmoid"]
    layers.append(layer("Multiply", "out", call([tensor("x"), tensor("gate")])))
    assert [step.node.op for step in steps(model(functional("net", layers)))] == ["hard_swish"]


def function(name: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """A function of TensorFlow, on `x`, as Keras 2 writes it down."""
    return {**layer("TFOpLambda", "it", call(tensor("x"), *args, **kwargs), function=name), "module": "keras"}


FUNCTIONS = {
    # Rows 2 to 4 of 8; columns 1, 3 and 5 of 6; the last 3 rows; column 5 of channel 0; 4 rows with an axis behind them.
    "sliced": (function("strided_slice", [0, 2], [0, 5], [1, 1], begin_mask=1, end_mask=1), (8, 6, 4), (3, 6, 4)),
    "sliced by name": (
        function("strided_slice", begin=[0, 0, 1], end=[0, 8, 6], strides=[1, 1, 2], begin_mask=1, end_mask=1),
        (8, 6, 4),
        (8, 3, 4),
    ),
    "sliced, without strides": (function("strided_slice", [0, 2], [1, 5], begin_mask=1), (8, 6, 4), (3, 6, 4)),
    "sliced, from the end": (
        function("strided_slice", [0, -3], [0, 0], [1, 1], begin_mask=1, end_mask=3),
        (8, 6, 4),
        (3, 6, 4),
    ),
    "sliced, masked": (
        function("strided_slice", [0, 5, 0], [0, 6, 1], ellipsis_mask=1, new_axis_mask=0, shrink_axis_mask=4),
        (8, 6, 4),
        (8, 1),
    ),
    "sliced, with a new axis": (
        function("strided_slice", [0, 0, 0], [0, 4, 0], begin_mask=1, end_mask=1, new_axis_mask=4),
        (8, 6, 4),
        (4, 6, 4),  # an axis of 1 is none of a dense layer
    ),
    "squeezed, TensorFlow 1": (function("compat.v1.squeeze", squeeze_dims=[1]), (1, 1, 4), (1, 4)),
    "squeezed": (function("compat.v1.squeeze", axis=[2]), (1, 1, 4), (1, 4)),
    "chosen": (function("gather", [0, 2], None, 1), (8, 6, 4), (2, 6, 4)),
    "place of the largest": (function("math.argmax", 1, "int32"), (8, 6, 4), (6, 4)),
    "resized": (function("image.resize", [4, 3], preserve_aspect_ratio=False), (8, 6, 4), (4, 3, 4)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_of_tensorflow_makes(model: Open, name: str):
    made, shape, out = FUNCTIONS[name]
    behind = layer("Dense", "d", "it", units=2)
    report = network(model(functional("net", [entry("x", None, *shape), made, behind]))).report()
    assert report.layers[-1].input_shapes == (out,)
    assert (report.totals.macs, report.totals.unknown) == (2 * math.prod(out), 0)


@pytest.mark.parametrize(
    ("made", "sizes"),
    [
        (operation("ArraySplit", "it", call(tensor("x")), indices_or_sections=3, axis=1), (4, 3, 3)),
        (operation("ArraySplit", "it", call(tensor("x")), indices_or_sections=5, axis=1), (2, 2, 2, 2, 2)),
        (operation("ArraySplit", "it", call(tensor("x")), indices_or_sections=[3, 4], axis=1), (3, 1, 6)),
        (operation("Split", "it", call(tensor("x")), indices_or_sections=2, axis=1), (5, 5)),
        (function("split", num_or_size_splits=[3, -1], axis=1), (3, 7)),
        (function("split", [-1, 3, 2], 1), (5, 3, 2)),
        (function("split", [6, 4], 1), (6, 4)),
    ],
)
def test_parts_of_an_axis_of_ten(model: Open, made: dict[str, Any], sizes: tuple[int, ...]):
    parts = [["it", 0, i] for i in range(len(sizes))]
    found = network(model(functional("net", [entry("x", None, 10, 4), made], outputs=parts))).report()
    assert found.layers[-1].output_shapes == tuple((size, 4) for size in sizes)


@pytest.mark.parametrize(
    "made",
    [
        operation("Split", "it", call(tensor("x")), indices_or_sections=3, axis=1),
        function("split", [3, -1, -1], 1),
        function("split", [11, -1], 1),
        function("math.top_k", 0),
        operation("TopK", "it", call(tensor("x")), "math"),
    ],
)
def test_parts_that_there_are_not_are_refused(model: Open, made: dict[str, Any]):
    with pytest.raises(SpecError, match=" it: "):
        steps(model(functional("net", [entry("x", None, 10, 4), made])))


@pytest.mark.parametrize(
    ("args", "kwargs", "out", "macs"),
    [
        ((), {"transpose_b": True}, (5, 5), 5 * 5 * 3),
        ((), {"adjoint_b": True}, (5, 5), 5 * 5 * 3),
        ((), {"adjoint_a": True}, (3, 3), 3 * 3 * 5),
        ((True,), {}, (3, 3), 3 * 3 * 5),
        ((False, True), {}, (5, 5), 5 * 5 * 3),
        ((False, False, True), {}, (3, 3), 3 * 3 * 5),
        ((False, False, False, True), {}, (5, 5), 5 * 5 * 3),
    ],
)
def test_products_of_transposed_matrices(
    model: Open, args: tuple[bool, ...], kwargs: dict[str, Any], out: tuple[int, ...], macs: int
):
    made = function("linalg.matmul", tensor("x"), *args, **kwargs)
    found = steps(model(functional("net", [entry("x", None, 5, 3), made])))[-1]
    assert (found.node.op, found.cost.out, found.cost.macs) == ("matmul", (out,), macs)


@pytest.mark.parametrize(("made", "count"), [(function("math.top_k"), 1), (function("math.top_k", 3), 3)])
def test_the_largest_alone_is_what_top_k_takes_unless_told(model: Open, made: dict[str, Any], count: int):
    (found,) = steps(model(functional("net", [entry("x", None, 5, 4), made])))
    assert (found.node.op, found.cost.out[0]) == ("top_k", (5, count))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (function("strided_slice", [0, 1], tensor("x")), "bounds that are not written down"),
        (function("gather", [0, 2], None, 1, 1), "other elements for each of a batch (batch_dims)"),
        (function("image.resize", [4, 4], preserve_aspect_ratio=True),
         "a size that keeps the form of the map (preserve_aspect_ratio)"),
        (function("image.resize", [4, 4], "bilinear", True),
         "a size that keeps the form of the map (preserve_aspect_ratio)"),
    ],
)  # fmt: skip
def test_functions_of_tensorflow_whose_shapes_are_not_known(model: Open, made: dict[str, Any], why: str):
    (step,) = steps(model(functional("net", [entry("x", None, 8, 6, 4), made])))
    assert (step.opaque, step.node.attrs["why"]) == (True, why)


def test_a_slice_has_as_many_ends_as_begins(model: Open):
    made = function("strided_slice", [0, 1], [0], [1, 1])
    with pytest.raises(SpecError, match=r"it: has 2 begins, 1 end and 2 strides$"):
        steps(model(functional("net", [entry("x", None, 8, 6, 4), made])))


# -- what is not known ---------------------------------------------------------------------------------------------------------


def test_a_foreign_layer_is_unknown_and_what_follows_is_exact(model: Open):
    foreign = layer("Mix", "mix", "x")
    foreign |= {"module": "my.layers", "registered_name": "mine>Mix"}
    layers = [entry("x", None, 6), foreign, layer("Dense", "d", call(tensor("mix", [None, 9])), units=2)]
    mix, dense = steps(model(functional("net", layers)))
    assert (mix.node.attrs["type"], mix.opaque, mix.cost.out) == ("mine>Mix", True, ((9,),))
    assert (dense.cost.macs, dense.params) == (18, 20)


@pytest.mark.parametrize(
    ("made", "shape", "out"),
    [
        (of("Dense", units=10, activation="relu"), (16,), (10,)),
        (of("Conv2D", filters=6, kernel_size=3), (9, 8, 3), (7, 6, 6)),
        (of("Conv2D", filters=6, kernel_size=3, **FIRST), (3, 9, 8), (6, 7, 6)),
        (of("Embedding", input_dim=50, output_dim=6), (5,), (5, 6)),
        (of("EinsumDense", equation="abc,cde->abde", output_shape=[None, 2, 3], bias_axes="de"), (5, 4), (5, 2, 3)),
    ],
    ids=["dense", "conv", "conv, channels first", "embedding", "einsum"],
)
def test_weights_of_a_low_rank_are_not_known(
    model: Open, made: dict[str, Any], shape: tuple[int, ...], out: tuple[int, ...]
):
    """`enable_lora(4)` on a Dense of 10 by 16 adds 16 x 4 + 4 x 10 parameters; what follows is exact."""
    low = {**made, "config": {**made["config"], "lora_rank": 4}}
    report = network(model(functional("net", [entry("x", None, *shape), low, layer("ReLU", "r", "it")]))).report()
    assert (report.totals.unknown, report.totals.macs, report.layers[0].output_shapes) == (1, 0, (out,))
    step = steps(model(functional("net", [entry("x", None, *shape), low])))[0]
    assert step.node.attrs["why"] == "weights of a low rank beside its own (lora_rank)"
    for none in (None, 0):
        usual = {**made, "config": {**made["config"], "lora_rank": none}}
        assert not any(step.opaque for step in steps(model(functional("net", [entry("x", None, *shape), usual]))))


def test_lambdas_are_unknown(model: Open):
    layers = [
        entry("x", None, 6),
        layer("Lambda", "f", "x", function={"class_name": "__lambda__", "config": {"code": "…"}}),
    ]
    (step,) = steps(model(functional("net", layers)))
    assert (step.node.attrs["type"], step.opaque) == ("Lambda", True)


def test_an_activation_of_ones_own_keeps_the_shape(model: Open):
    made = layer("Dense", "d", "x", units=4, activation={"class_name": "function", "config": "mine>squash"})
    dense, own = steps(model(functional("net", [entry("x", None, 6), made])))
    assert dense.cost.macs == 24
    assert (own.node.attrs["type"], own.opaque, own.cost.out) == ("activation squash", True, ((4,),))


def test_a_cell_of_ones_own_is_unknown(model: Open):
    made = layer("RNN", "r", "x", cell={"class_name": "Minimal", "config": {"units": 3}})
    (step,) = steps(model(functional("net", [entry("x", None, 5, 6), made])))
    assert (step.opaque, step.node.attrs["why"]) == (True, "a cell of class Minimal")


@pytest.mark.parametrize(
    ("made", "shape"),
    [
        (of("LSTM", units=4, time_major=True), (5, 6)),
        (of("RNN", cell=CELLS[0], time_major=True), (5, 6)),
        (of("Bidirectional", layer=layer("GRU", "g", units=4, time_major=True)), (5, 6)),
        (of("Bidirectional", layer=layer("GRU", "g", units=4), backward_layer=layer("GRU", "h", units=4, time_major=True)),
         (5, 6)),
        (of("ConvLSTM2D", filters=2, kernel_size=3, time_major=True), (5, 8, 8, 3)),
    ],
    ids=["layer", "cell", "both directions", "backward", "convolutional"],
)  # fmt: skip
def test_time_before_the_batch_is_not_known(model: Open, made: dict[str, Any], shape: tuple[int, ...]):
    """Keras 2 reads (5, batch, 6) as 5 steps then, where the file says batches of 5 steps elsewhere."""
    (step,) = steps(model(functional("net", [entry("x", None, *shape), made])))
    assert (step.opaque, step.node.attrs["why"]) == (True, "time before the batch (time_major)")


# -- other sizes ------------------------------------------------------------------------------------------------------------------


def cnn(*size: int | None) -> dict[str, Any]:
    return functional(
        "net",
        [
            entry("x", None, *size, 3),
            layer("Conv2D", "c", "x", filters=4, kernel_size=3, strides=2, padding="same"),
            layer("GlobalAveragePooling2D", "p", "c"),
            layer("Reshape", "r", "p", target_shape=[1, 1, 4]),
            layer("Dense", "d", "r", units=2),
        ],
    )


def test_open_sizes_and_other_sizes(model: Open):
    for size in (cnn(None, None), cnn(32, 32)):
        walk = lowered(model(size), x=(8, 10, 3))
        assert sum(step.cost.macs for step in walk.steps) == 4 * 5 * 4 * 27 + 8


def test_a_layer_that_was_built_for_a_size_is_held_to_it(model: Open):
    layers = [
        entry("x", None, 4, 4, 3),
        layer("Flatten", "f", "x"),
        layer("Dense", "d", "f", units=2, build=[None, 48]),
    ]
    made = model(functional("net", layers))
    assert lowered(made, x=(4, 4, 3)).steps[-1].params == 2 * 49
    with pytest.raises(SpecError, match=r"Dense d: the layer was built for 48 channels, and its input has 75"):
        lowered(made, x=(5, 5, 3))


@pytest.mark.parametrize(
    "made",
    [
        layer("LSTM", "l", "r", units=2, build=[None, 4, 12]),
        layer("Bidirectional", "l", "r", layer=layer("GRU", "g", units=2), build=[None, 4, 12]),
        layer("LayerNormalization", "l", "r", build=[None, 4, 12]),
    ],
    ids=lambda made: made["class_name"],
)
def test_rows_that_become_channels_are_those_a_layer_was_built_for(model: Open, made: dict[str, Any]):
    """4 x 3 channels of each row are read as 12; of 5 columns they are 15."""
    layers = [entry("x", None, 4, 4, 3), layer("TimeDistributed", "r", "x", layer=layer("Flatten", "f")), made]
    net = model(functional("net", layers))
    assert lowered(net, x=(4, 4, 3)).steps[-1].params > 0
    with pytest.raises(SpecError, match="built for 12 channels, and its input has 15"):
        lowered(net, x=(4, 5, 3))


def test_each_point_of_a_sweep_is_held_to_what_a_layer_was_built_for(model: Open):
    """Pools of 2 leave 4 x 4 x 3 = 48 numbers of 8 and of 9 rows and columns; symbols stand for all sizes, most of them wrong."""
    layers = [
        entry("x", None, 8, 8, 3),
        layer("MaxPooling2D", "p", "x", pool_size=2),
        layer("Flatten", "f", "p"),
        layer("Dense", "d", "f", units=2, build=[None, 48]),
    ]
    made = model(functional("net", layers))
    swept = network(made).sweep(resolution=[6, 7, 8, 9, 10, 11])
    assert [macs is None for macs in swept.macs.tolist()] == [True, True, False, False, True, True]
    assert swept.macs.compressed().tolist() == [96, 96]
    size = sympy.Symbol("n", positive=True, integer=True)
    with pytest.raises(SpecError, match=r"built for 48 channels, and its input has as many as another size says"):
        lowered(made, x=(2 * size, 2 * size, 3))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (of("Conv2D", filters=0, kernel_size=3), "filters must be an integer >= 1, got 0"),
        (of("Conv2D", filters=2, kernel_size=[3, 3, 3]), "kernel_size needs 2 sizes"),
        (of("Conv2D", filters=2, kernel_size=3, padding="full"), "padding must be valid or same, got full"),
        (of("Conv3D", filters=2, kernel_size=3), "takes a tensor of 5 axes, got 4"),
        (of("Conv2D", filters=2, kernel_size=3, data_format="nhwc"), "data_format must be"),
        (of("BatchNormalization", axis=7), "axis must be an axis of a tensor of 4, got 7"),
        (of("Dense", units=2, use_bias="yes"), "use_bias must be true or false"),
        (of("Reshape", target_shape=[5]), "reshapes"),
        (of("Permute", dims=[1, 1, 2]), "puts axes into the order"),
        (of("ZeroPadding2D", padding=[[1, -1], [0, 0]]), "must be pairs of integers >= 0"),
        (of("Cropping2D", cropping=3), "leaves nothing of an axis"),
        (of("EinsumDense", equation="ab", output_shape=3), "an equation must be of the form"),
        (of("LSTM", units=4), "takes a tensor of 3 axes, got 4"),
        (of("Bidirectional", layer=3), "a layer must be a mapping with class_name and config"),
        (of("Concatenate", axis=1.5), "axis must be an integer"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_one_line(model: Open, made: dict[str, Any], message: str):
    with pytest.raises(SpecError) as raised:
        steps(model(functional("net", [entry("x", None, 4, 4, 3), made])))
    assert message in str(raised.value)
    assert f"{made['class_name']} it: " in str(raised.value)
    assert "\n" not in str(raised.value)


# -- transformers of KerasHub --------------------------------------------------------------------------------------------------


def hub(kind_: str, name: str, *calls: Any, **config: Any) -> dict[str, Any]:
    made = layer(kind_, name, *calls, **config)
    return {**made, "module": "keras_hub.src.layers", "registered_name": f"keras_hub>{kind_}"}


def test_a_layer_of_an_encoder(model: Open):
    """5 tokens of 6 channels, 2 heads of 3; 8 channels between the dense layers."""
    config = {"intermediate_dim": 8, "num_heads": 2, "activation": "gelu", "normalize_first": False}
    layers = [entry("x", None, 5, 6), hub("TransformerEncoder", "layer", "x", **config)]
    made = steps(model(functional("net", layers)))
    assert sum(step.params for step in made) == 4 * (6 * 6 + 6) + (6 * 8 + 8) + (8 * 6 + 6) + 2 * 12
    assert sum(step.cost.macs for step in made) == 4 * 5 * 36 + 2 * (2 * 5 * 5 * 3) + 2 * 5 * 6 * 8
    order = [step.node.name for step in made if step.node.op in ("add", "layer_norm", "gelu")]
    assert order == [
        "layer.self_attention_sum",
        "layer.self_attention_layer_norm",
        "layer.feedforward_intermediate_dense_gelu",
        "layer.feedforward_sum",
        "layer.feedforward_layer_norm",
    ]


def test_a_layer_of_a_decoder_that_reads_an_encoder(model: Open):
    config = {"intermediate_dim": 8, "num_heads": 2, "activation": "relu", "normalize_first": True}
    layers = [
        entry("x", None, 5, 6),
        entry("y", None, 7, 6),
        hub("TransformerDecoder", "layer", call(tensor("x"), tensor("y")), **config),
    ]
    made = {step.node.name: step for step in steps(model(functional("net", layers)))}
    assert sum(step.params for step in made.values()) == 8 * (36 + 6) + (48 + 8) + (48 + 6) + 3 * 12
    assert made["layer.self_attention.scores"].cost.out[0] == (2, 5, 5)
    assert made["layer.cross_attention.scores"].cost.out[0] == (2, 5, 7)
    assert next(iter(made)) == "layer.self_attention_layer_norm"


def test_embeddings_of_words_and_positions(model: Open):
    config = {"vocabulary_size": 50, "sequence_length": 12, "embedding_dim": 6, "tie_weights": True}
    both = hub("TokenAndPositionEmbedding", "both", "x", **config)
    made = steps(model(functional("net", [entry("x", None, 5), both])))
    assert [(kind(step), step.params) for step in made] == [
        ("embedding", 300),
        ("source", 72),
        ("slice", 0),
        ("add", 0),
    ]
    assert made[-1].cost.out[0] == (5, 6)
    with pytest.raises(SpecError, match="the layer has 12 positions, and its input 13"):
        steps(model(functional("net", [entry("x", None, 13), both])))


def test_an_embedding_in_reverse_uses_the_table_once_more(model: Open):
    layers = [
        entry("x", None, 5),
        layer("ReversibleEmbedding", "e", "x", call(tensor("r"), reverse=True), input_dim=50, output_dim=6),
        layer("ReLU", "r", call(tensor("e", call=0))),
    ]
    made = steps(model(functional("net", layers, outputs=[["e", 1, 0]])))
    assert sum(step.params for step in made) == 300
    assert (made[-1].node.op, made[-1].cost.macs, made[-1].cost.out) == ("matmul", 5 * 6 * 50, ((5, 50),))


@pytest.mark.parametrize(
    ("made", "number", "said"),
    [
        (layer("LSTM", "it", "x", units=3), 3, "LSTM it: makes 1 tensor, there is no number 3"),
        (layer("LSTM", "it", "x", units=3), 1, "LSTM it: makes 1 tensor, there is no number 1"),
        (layer("LSTM", "it", "x", units=3, return_state=True), 3, "LSTM it: makes 3 tensors, there is no number 3"),
        (layer("GRU", "it", "x", units=3, return_state=True), 2, "GRU it: makes 2 tensors, there is no number 2"),
        (layer("Dense", "it", "x", units=3), 1, "Dense it: makes 1 tensor, there is no number 1"),
        (layer("Bidirectional", "it", "x", layer=layer("GRU", "g", units=3)), 1,
         "Bidirectional it: makes 1 tensor, there is no number 1"),
        (layer("Bidirectional", "it", "x", layer=layer("GRU", "g", units=3, return_state=True)), 3,
         "Bidirectional it: makes 3 tensors, there is no number 3"),
        (layer("Bidirectional", "it", "x", layer=layer("GRU", "g", units=3), merge_mode=None), 2,
         "Bidirectional it: makes 2 tensors, there is no number 2"),
    ],
)  # fmt: skip
def test_a_tensor_that_a_layer_does_not_make_is_none_of_the_model_and_is_not_read(
    model: Open, made: dict[str, Any], number: int, said: str
) -> None:
    read = [entry("x", None, 5, 4), made, layer("ReLU", "r", call(tensor("it", output=number)))]
    for config in (functional("n", [entry("x", None, 5, 4), made], outputs=["it", 0, number]), functional("n", read)):
        with pytest.raises(SpecError) as refused:
            network(model(config)).report()
        assert str(refused.value).partition(".json: ")[2] == f"{said} (the first is 0)"
    count = int(said.partition("makes ")[2].split()[0])
    last = functional("n", [entry("x", None, 5, 4), made], outputs=["it", 0, count - 1])
    assert len(network(model(last)).graph.outputs) == 1


PAIR = [entry("x", None, 5, 4), entry("y", None, 10)]
PICTURES = [entry("x", None, 8, 8, 3), entry("y", None, 10)]
LABELLED = {"labels": tensor("y"), "images": tensor("x")}
"""Keras counts what a mapping holds by its sorted keys."""


@pytest.mark.parametrize(
    ("inputs", "made", "number", "read"),
    [
        (PAIR, layer("Identity", "it", call([tensor("x"), tensor("y")])), 0, (5, 4)),
        (PAIR, layer("Identity", "it", call([tensor("x"), tensor("y")])), 1, (10,)),
        (PAIR, layer("Identity", "it", call(inputs=[tensor("x"), tensor("y")])), 1, (10,)),
        (PAIR, layer("Dropout", "it", call([[tensor("y")], tensor("x")]), rate=0.5), 1, (5, 4)),
        (PICTURES, layer("MixUp", "it", call(LABELLED)), 0, (8, 8, 3)),
        (PICTURES, layer("MixUp", "it", call(LABELLED)), 1, (10,)),
        (PICTURES, layer("Resizing", "it", call(LABELLED), height=4, width=2), 0, (4, 2, 3)),
        (PICTURES, layer("CenterCrop", "it", call({"images": tensor("x"), "bounding_boxes": tensor("y")}),
                         height=4, width=2), 1, (4, 2, 3)),
    ],
)  # fmt: skip
def test_what_is_handed_on_has_the_numbers_that_keras_gives_it(
    model: Open, inputs: list[Any], made: dict[str, Any], number: int, read: tuple[int, ...]
) -> None:
    layers = [*inputs, made, layer("Dense", "d", call(tensor("it", output=number)), units=7)]
    report = network(model(functional("n", layers))).report()
    assert report.layers[-1].input_shapes == (read,)
    assert (report.totals.macs, report.complete) == (7 * math.prod(read), True)
    with pytest.raises(SpecError, match=r"it: makes 2 tensors, there is no number 2 \(the first is 0\)$"):
        network(model(functional("n", [*inputs, made, layer("ReLU", "r", call(tensor("it", output=2)))]))).report()


@pytest.mark.parametrize(
    ("made", "macs"),
    [
        (layer("TimeDistributed", "it", "x", layer=layer("Dense", "d", units=3)), 5 * 4 * 3),
        (layer("TimeDistributed", "it", "x", layer=layer("Identity", "d")), 0),
        # 5 tokens: queries, keys, values and what is mixed are projected; scores and the mix; two dense layers.
        (hub("TransformerEncoder", "it", call(tensor("x"), return_attention_scores=True), num_heads=2,
             intermediate_dim=8), 5 * (4 * 4 * 4) + 2 * 5 * 5 * 4 + 2 * 5 * 4 * 8),
    ],
)  # fmt: skip
def test_a_tensor_that_a_layer_may_make_beside_what_is_known_is_not_known(
    model: Open, made: dict[str, Any], macs: int
) -> None:
    behind = layer("Dense", "r", call(tensor("it", output=1)), units=9)
    before = [entry("x", None, 5, 4), made]
    alone = network(model(functional("n", [*before, behind]))).report()
    assert (alone.totals.macs, alone.totals.unknown) == (macs, 1)
    both = functional("n", [*before, behind, layer("ReLU", "f", "it")], outputs=[["f", 0, 0], ["r", 0, 0]])
    found = network(model(both))
    totals = found.report().totals
    assert (totals.macs, totals.unknown, len(found.walked.outputs)) == (macs, 1, 1)
    (unknown,) = (step.node for step in found.steps if step.opaque)
    assert (unknown.attrs["type"], unknown.attrs["behind"]) == ("Dense", False)  # behind no other one that is unknown
    itself = functional("n", before, outputs=["it", 0, 1])
    with pytest.raises(SpecError, match=r"convcost does not know this tensor of .*, and there is no other output$"):
        network(model(itself)).report()


@pytest.mark.parametrize(("number", "by", "down"), [(7, 2, 3), (-7, 2, -4), (7, -2, -4), (-7, -2, 3), (7, 0, None)])
def test_a_quotient_of_known_numbers_is_rounded_down(number: int, by: int, down: int | None):
    """As in numpy, and so in Keras."""
    word, compute = ARITHMETIC["FloorDivide"]
    assert (word, compute(number, by)) == ("floor_divide", down)
