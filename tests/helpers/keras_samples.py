"""Small models of Keras with something of everything, for tests that change them."""

from __future__ import annotations

from typing import Any

from helpers.keras_files import DOTS, as_layer, call, entry, functional, layer, operation, sequential, slice_, tensor

CELL = {"class_name": "GRU", "config": {"units": 4, "use_bias": True, "return_sequences": True}}
CONV = {
    "filters": 4,
    "kernel_size": [3, 3],
    "strides": [1, 1],
    "padding": "same",
    "activation": "relu",
    "use_bias": True,
}
TRUNK = sequential("trunk", [entry("y", None, 8, 8, 3), layer("Conv2D", "c", build=[None, 8, 8, 3], **CONV)])
MAPS = functional(
    "maps",
    [
        entry("x", None, 8, 8, 3),
        as_layer(TRUNK, "x", "x"),
        layer("BatchNormalization", "bn", call(tensor("trunk", [None, 8, 8, 4])), axis=[3]),
        layer("SeparableConv2D", "s", "bn", **CONV),
        layer("Add", "sum", call([tensor("s"), tensor("trunk", call=1)])),
        operation("GetItem", "part", call(tensor("sum"), [slice_(), slice_(1, None, 2), DOTS])),
        operation("Multiply", "twice", call(tensor("part"), 2.0)),
        layer("ZeroPadding2D", "pad", "twice", padding=[[1, 1], [0, 2]]),
        layer("MaxPooling2D", "pool", "pad", pool_size=[2, 2], strides=None, padding="valid"),
        layer("Flatten", "flat", "pool"),
        layer("Dense", "out", "flat", units=3, activation="softmax"),
    ],
)
SEQUENCES = functional(
    "sequences",
    [
        entry("tokens", None, 6, dtype="int32"),
        layer("Embedding", "e", "tokens", input_dim=20, output_dim=8),
        layer("MultiHeadAttention", "mha", call(tensor("e"), tensor("e")), num_heads=2, key_dim=4),
        layer("LayerNormalization", "ln", "mha", axis=[-1]),
        layer("Bidirectional", "bi", "ln", layer=CELL, merge_mode="sum"),
        layer("EinsumDense", "ed", "bi", equation="abc,cd->abd", output_shape=[None, 5], bias_axes="d"),
        layer("TimeDistributed", "td", "ed", layer=layer("Dense", "d", units=2)),
        layer("Permute", "p", "td", dims=[2, 1]),
        layer("Reshape", "r", "p", target_shape=[-1, 3]),
        layer("Concatenate", "cat", call([tensor("r"), tensor("r")]), axis=-1),
        layer("GlobalAveragePooling1D", "out", "cat"),
    ],
)


def old(kind: str, name: str, nodes: Any, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes}


OLD = {
    "class_name": "Model",
    "config": {
        "name": "old",
        "layers": [
            old("InputLayer", "x", [], batch_input_shape=[None, 8, 8, 3]),
            old("Conv2D", "c", [[["x", 0, 0, {}]], [["x", 0, 0, {}]]], **CONV),
            old("TFOpLambda", "tf.math.add", [["c", 0, 0, {"y": ["c", 1, 0]}]], function="math.add"),
            old("TFOpLambda", "tf.reshape", [["tf.math.add", 0, 0, {"shape": [-1, 64, 4]}]], function="reshape"),
            old("LSTM", "l", [[["tf.reshape", 0, 0, {}]]], units=3),
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["l", 0, 0]],
    },
}
SAMPLES = (MAPS, SEQUENCES, OLD)
