"""A walked network as a Keras model, layer by layer, and the program that TensorFlow's converter writes for it.

Names are numbered in the order of the graph, as `lowered` takes them to be; the batch is 1; linear layers have one scale, as
the files for microcontrollers that the converter is asked for.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from functools import reduce
from importlib import import_module
from operator import add, mul
from pathlib import Path
from typing import Any

import numpy as np

from convcost.core.axes import position
from convcost.deploy.program import Program
from convcost.deploy.stated import stated_program
from convcost.graph.walk import Step, Walked
from convcost.ops.window import slide_over

tf: Any = import_module("tensorflow")
L: Any = tf.keras.layers

Builder = Callable[[Step, str, list[Any]], Any]
ACTIVATIONS = ("relu", "sigmoid", "tanh", "gelu", "silu", "elu", "hard_swish", "hard_sigmoid")


class Function(L.Layer):  # type: ignore[misc]
    """A layer that is a function of tensors."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        super().__init__(name=name)
        self.function = function

    def call(self, *tensors: Any) -> Any:
        return self.function(*tensors)


def keras_model(walked: Walked) -> Any:
    """The model that has a layer for each step."""
    inputs = {
        name: tf.keras.Input(shape, batch_size=1, name=f"input{i}")
        for i, (name, shape) in enumerate(walked.inputs.items())
    }
    edges = dict(inputs)
    flattened = {step.node.inputs[0] for step in walked.steps if step.node.op in ("flatten", "dropout")}
    for at, step in enumerate(walked.steps):
        node = step.node
        build = _activation if node.op in ACTIVATIONS else BUILDERS[node.op]
        if node.op == "global_avg_pool" and node.name in flattened:
            build = _vector_pool
        made = build(step, f"n{at:05d}", [edges[edge] for edge in node.inputs])
        if isinstance(made, list | tuple):
            edges |= {f"{node.name}:{i}": part for i, part in enumerate(made)}
        else:
            assert tuple(made.shape[1:]) == step.cost.out[0], node.name
            edges[node.name] = made
    return tf.keras.Model(list(inputs.values()), [edges[edge] for edge in walked.outputs], name="functional")


def converted(walked: Walked, dtype: str, folder: Path) -> Program:
    """The program of the file that the converter writes, as int8 or fp32; weights and calibration are random."""
    model, random = keras_model(walked), np.random.default_rng(1)
    for weights in model.weights:
        wide = len(weights.shape) > 1
        weights.assign(
            random.standard_normal(weights.shape) / np.prod(weights.shape[:-1]) ** 0.5
            if wide
            else random.uniform(0.5, 1.5, weights.shape)
        )

    def examples() -> Iterator[list[Any]]:
        for _ in range(2):
            yield [random.standard_normal((1, *shape)).astype(np.float32) for shape in walked.inputs.values()]

    with contextlib.redirect_stdout(io.StringIO()):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if dtype == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = examples
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
            converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        path = folder / "net.tflite"
        path.write_bytes(converter.convert())
    return stated_program(str(path))


# -- layers ------------------------------------------------------------------------------------------------------------


def _activation(step: Step, name: str, x: list[Any]) -> Any:
    return L.Activation(step.node.op, name=name)(x[0])


def _padded(name: str, x: Any, padding: Any) -> tuple[Any, str]:
    """Zeros by a layer of their own, as a PyTorch network has them."""
    if "same" in padding:
        return x, "same"
    if not any(map(any, padding)):
        return x, "valid"
    return L.ZeroPadding2D(padding, name=f"{name}a")(x), "valid"


def _conv2d(step: Step, name: str, x: list[Any]) -> Any:
    a, channels = step.node.attrs, step.input_shapes[0][-1]
    y, word = _padded(name, x[0], a["padding"])
    options = {"dilation_rate": a["dilation"], "use_bias": a["bias"], "name": name}
    if a["groups"] == channels > 1:
        multiplier = a["channels"] // channels
        return L.DepthwiseConv2D(a["kernel"], a["stride"], word, depth_multiplier=multiplier, **options)(y)
    return L.Conv2D(a["channels"], a["kernel"], a["stride"], word, groups=a["groups"], **options)(y)


def _conv_transpose2d(step: Step, name: str, x: list[Any]) -> Any:
    a = step.node.attrs
    word = a["padding"][0] if isinstance(a["padding"][0], str) else "valid"
    return L.Conv2DTranspose(a["channels"], a["kernel"], a["stride"], word, use_bias=a["bias"], name=name)(x[0])


def _pool2d(step: Step, name: str, x: list[Any]) -> Any:
    """A pool; zeros that are those of `same` are written so, because a maximum over them is the same."""
    a, sizes = step.node.attrs, step.input_shapes[0][:2]
    kernel, stride = a["kernel"], a["stride"] or a["kernel"]
    slides, _ = slide_over(step.input_shapes[0], kernel, stride, a["padding"], (1, 1), a["ceil_mode"])
    zeros, own = [], []
    for slid, size, extent, step_ in zip(slides, sizes, kernel, stride):
        zeros.append((slid.before, max(slid.after, (slid.out - 1) * step_ + extent - size - slid.before)))
        total = max((-(-size // step_) - 1) * step_ + extent - size, 0)
        own.append((total // 2, total - total // 2))
    same = "same" in a["padding"] or (any(map(any, zeros)) and zeros == own)
    y, word = (x[0], "same") if same else _padded(name, x[0], tuple(zeros))
    layer = L.MaxPooling2D if step.node.op.startswith("max") else L.AveragePooling2D
    return layer(kernel, stride, word, name=name)(y)


def _global_avg_pool(step: Step, name: str, x: list[Any]) -> Any:
    axes = list(range(1, len(step.input_shapes[0])))
    return Function(lambda t: tf.reduce_mean(t, axes, keepdims=True), name)(x[0])


def _vector_pool(step: Step, name: str, x: list[Any]) -> Any:
    """As GlobalAveragePooling2D: the axes are left out, and what makes them anew goes when they are flattened."""
    axes = list(range(1, len(step.input_shapes[0])))
    return L.Reshape(step.cost.out[0])(Function(lambda t: tf.reduce_mean(t, axes), name)(x[0]))


def _flatten(step: Step, name: str, x: list[Any]) -> Any:
    return L.Reshape(step.cost.out[0], name=name)(x[0])


def _shuffle(step: Step, name: str, x: list[Any]) -> Any:
    groups, (height, width, channels) = step.node.attrs["groups"], step.cost.out[0]

    def shuffled(t: Any) -> Any:
        apart = tf.reshape(t, (1, height, width, groups, channels // groups))
        return tf.reshape(tf.transpose(apart, (0, 1, 2, 4, 3)), (1, height, width, channels))

    return Function(shuffled, name)(x[0])


def _split(step: Step, name: str, x: list[Any]) -> Any:
    axis = 1 + (position(len(step.input_shapes[0]), step.node.attrs["axis"]) or 0)
    sizes = [shape[axis - 1] for shape in step.cost.out]
    return Function(lambda t: tf.split(t, len(sizes) if len(set(sizes)) == 1 else sizes, axis), name)(x[0])


def _slice(step: Step, name: str, x: list[Any]) -> Any:
    a, rank = step.node.attrs, len(step.input_shapes[0])
    taken = [slice(None)] * (rank + 1)
    taken[1 + (position(rank, a["axis"]) or 0)] = slice(a["start"], a["stop"], a["step"])
    return Function(lambda t: t[tuple(taken)], name)(x[0])


def _pad(step: Step, name: str, x: list[Any]) -> Any:
    grown = [after - before for before, after in zip(step.input_shapes[0], step.cost.out[0])]
    margins = [(0, 0), *((more // 2, more - more // 2) for more in grown)]
    return Function(lambda t: tf.pad(t, margins), name)(x[0])


def _resize(step: Step, name: str, x: list[Any]) -> Any:
    size, mode = step.cost.out[0][:2], step.node.attrs["mode"]
    return Function(lambda t: tf.image.resize(t, size, method=mode), name)(x[0])


def _concat(step: Step, name: str, x: list[Any]) -> Any:
    return L.Concatenate(axis=1 + (position(len(step.cost.out[0]), step.node.attrs["axis"]) or 0), name=name)(x)


BUILDERS: dict[str, Builder] = {
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "max_pool": _pool2d,
    "avg_pool": _pool2d,
    "global_avg_pool": _global_avg_pool,
    "flatten": _flatten,
    "channel_shuffle": _shuffle,
    "split": _split,
    "slice": _slice,
    "pad": _pad,
    "upsample": _resize,
    "resize": _resize,
    "concat": _concat,
    "dropout": lambda _, __, x: x[0],
    "add": lambda _, name, x: Function(lambda *t: reduce(add, t), name)(*x),
    "multiply": lambda _, name, x: Function(lambda *t: reduce(mul, t), name)(*x),
    "relu6": lambda _, name, x: L.ReLU(6.0, name=name)(x[0]),
    "leaky_relu": lambda _, name, x: L.LeakyReLU(name=name)(x[0]),
    "softmax": lambda _, name, x: L.Softmax(name=name)(x[0]),
    "batch_norm": lambda step, name, x: L.BatchNormalization(
        scale=step.node.attrs["scale"], center=step.node.attrs["shift"], name=name
    )(x[0]),
    "swish": lambda _, name, x: L.Activation("silu", name=name)(x[0]),
    "linear": lambda step, name, x: L.Dense(step.node.attrs["channels"], use_bias=step.node.attrs["bias"], name=name)(
        x[0]
    ),
}
"""Op -> what builds its layer from the step, a name and what it reads."""
