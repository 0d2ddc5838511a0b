"""Keras' own networks, and some of its layers, through their files: the shapes that Keras states, its parameters, its products."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from convcost.graph.walk import Step, Walk
from convcost.importers.imported import Imported, rules_of
from convcost.importers.keras.file import read
from convcost.importers.keras.values import is_count
from convcost.importers.lower import Lowering

from .frameworks import import_keras
from .require import require

pytestmark = pytest.mark.oracle

APPLICATIONS = {
    "ConvNeXtTiny": 64,
    "DenseNet121": 64,
    "EfficientNetB0": 64,
    "EfficientNetV2B0": 64,
    "EfficientNetV2S": 64,
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "MobileNet": 64,
    "MobileNetV2": 64,
    "MobileNetV3Large": 64,
    "MobileNetV3Small": 64,
    "NASNetMobile": 64,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "VGG16": 64,
    "Xception": 75,
}
"""Networks of keras.applications, one of each family, at small sizes."""


@pytest.fixture(autouse=True)
def _keras() -> None:
    require("keras")


@cache
def application(name: str, size: int, *, top: bool) -> Any:
    keras = import_keras()
    home = keras.applications
    if name == "NASNetMobile":  # refuses torch, for a reason that does not touch shapes
        from keras.src.applications import nasnet

        options = {"penultimate_filters": 1056, "num_blocks": 4, "stem_block_filters": 32, "skip_reduction": False}
        options |= {"filter_multiplier": 2, "default_size": 224}
        return on_meta(lambda: nasnet.NASNet((size, size, 3), weights=None, include_top=top, **options))
    return on_meta(lambda: getattr(home, name)(weights=None, include_top=top, input_shape=(size, size, 3)))


def on_meta(build: Callable[[], Any]) -> Any:
    """A model whose weights take no memory, where the backend can do without."""
    keras = import_keras()
    with keras.device("meta" if keras.backend.backend() == "torch" else "cpu"):
        return build()


class Read:
    """A model of Keras, through its file."""

    def __init__(self, folder: Path, model: Any, **sizes: int) -> None:
        path = folder / "net.json"
        path.write_text(model.to_json())
        self.model, self.imported = model, Imported(read(str(path)))
        entries = self.imported.entries
        self.inputs = {
            name: tuple(size if is_count(size) else sizes[name] for size in entry.sizes)
            for name, entry in entries.items()
        }
        self.low = Lowering(self.imported.model, rules_of("keras"), Walk(self.inputs))
        self.low.run({entry.source: entry.value(name, self.inputs[name]) for name, entry in entries.items()})
        self.steps: list[Step] = self.low.walk.steps

    def stored(self) -> dict[str, int]:
        """Layer -> the numbers that its nodes store."""
        found: Counter[str] = Counter()
        for step in self.steps:
            found[step.node.name.partition(".")[0]] += step.params + step.buffers
        return {name: count for name, count in found.items() if count}


def expected(model: Any) -> dict[str, int]:
    """Layer -> the numbers that it stores, as Keras counts them, but for the counter that normalisation layers keep."""
    keras = import_keras()
    found = {}
    for layer in model.layers:
        count = layer.count_params()
        if isinstance(layer, keras.layers.Normalization) and count:
            count -= 1
        if count:
            found[layer.name] = count
    return found


def differing_shapes(net: Read) -> dict[str, Any]:
    """The values whose shape is not the one that the file states, open sizes apart."""
    found, seen = {}, 0
    for name, stated in net.imported.model.body.stated.items():
        value = net.low.values.get(name)
        if value is None or stated.shape is None:
            continue
        seen += 1
        pairs = zip(stated.shape, value.shape, strict=False)
        if len(stated.shape) != value.rank or any(is_count(size) and size != own for size, own in pairs):
            found[name] = (stated.shape, value.shape)
    assert seen or len(net.steps) < 2
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_application_as_keras_counts_it(tmp_path: Path, name: str):
    model = application(name, APPLICATIONS[name], top=True)
    net = Read(tmp_path, model)
    assert not [step.node.name for step in net.steps if step.opaque]
    assert differing_shapes(net) == {}
    assert net.stored() == expected(model)
    assert sum(step.params for step in net.steps) == sum(math.prod(v.shape) for v in model.trainable_variables)
    assert products(net) == products_of(model)


def products(net: Read) -> Counter[tuple[int, int]]:
    """How many layers have these MACs and weights."""
    return Counter((step.cost.macs, step.cost.weights) for step in net.steps if step.traits.weighted)


def products_of(model: Any) -> Counter[tuple[int, int]]:
    """The same, from kernels and from the shapes that Keras states: each position of the output takes a product with a filter."""
    layers = import_keras().layers
    found: Counter[tuple[int, int]] = Counter()
    for layer in flat(model):
        if isinstance(layer, layers.SeparableConv2D):
            positions = math.prod(layer.output.shape[1:-1])
            for kernel in (layer.depthwise_kernel, layer.pointwise_kernel):
                found[positions * math.prod(kernel.shape), math.prod(kernel.shape)] += 1
        elif isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D | layers.Dense):
            weights = math.prod(layer.kernel.shape)
            found[math.prod(layer.output.shape[1:-1]) * weights, weights] += 1
    return found


def flat(model: Any) -> list[Any]:
    """The layers of a model, and of the models in it."""
    return [each for layer in model.layers for each in (flat(layer) if hasattr(layer, "layers") else [layer])]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV2", "EfficientNetB0", "ConvNeXtTiny", "Xception", "DenseNet121"])
def test_a_file_at_another_size_is_the_network_built_at_that_size(tmp_path: Path, name: str):
    """Its classifier included: it pools globally before."""
    here = Read(tmp_path, application(name, 96, top=True))
    there = Walk({next(iter(here.inputs)): (128, 128, 3)})
    here.imported.lower(there, there.shapes.copy())
    built = Read(tmp_path, application(name, 128, top=True))
    assert [(s.node.op, s.cost.out, s.cost.macs, s.cost.params) for s in there.steps] == [
        (s.node.op, s.cost.out, s.cost.macs, s.cost.params) for s in built.steps
    ]


# -- layers that no application has --------------------------------------------------------------------------------------------


def attention(layers: Any, ops: Any, entry: Any) -> Any:  # noqa: ARG001 - the same for each network
    x, y = entry((10, 24)), entry((7, 16))
    z = layers.MultiHeadAttention(3, 8, value_dim=5, name="mha")(x, y)
    z = layers.LayerNormalization()(layers.Add()([x, z]))
    z = layers.GroupQueryAttention(6, 4, 2, name="gqa")(z, z)
    a = layers.Attention(use_scale=True)([z, z])
    b = layers.AdditiveAttention()([z, a])
    return [x, y], layers.MultiHeadAttention(2, 4, output_shape=9, use_bias=False)(b, y, use_causal_mask=True)


def recurrent(layers: Any, ops: Any, entry: Any) -> Any:
    tokens = entry((12,), "int32")
    x = layers.Embedding(50, 6, mask_zero=True)(tokens)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    x = layers.Bidirectional(layers.GRU(4, return_sequences=True), merge_mode="mul")(x)
    x, h, c = layers.LSTM(5, return_sequences=True, return_state=True)(x)
    x = layers.RNN([layers.GRUCell(4, reset_after=False), layers.SimpleRNNCell(3)], return_sequences=True)(x)
    x = layers.TimeDistributed(layers.Dense(7))(x)
    return tokens, layers.Dense(2)(layers.Concatenate()([layers.SimpleRNN(3, use_bias=False)(x), ops.tanh(h), c]))


def windows(layers: Any, ops: Any, entry: Any) -> Any:  # noqa: ARG001 - the same for each network
    x = entry((13, 11, 6))
    a = layers.Conv2DTranspose(4, 3, strides=2, padding="same")(x)
    b = layers.Conv2DTranspose(4, (2, 4), strides=(3, 2))(x)
    c = layers.DepthwiseConv2D(3, strides=2, depth_multiplier=3, padding="same")(x)
    d = layers.SeparableConv2D(5, 3, dilation_rate=2)(x)
    e = layers.Conv2D(6, 3, groups=3, strides=(2, 1), padding="same")(x)
    f = layers.ZeroPadding2D(((1, 2), (0, 3)))(layers.Cropping2D(((1, 0), (2, 1)))(x))
    g = layers.UpSampling2D((2, 3))(layers.MaxPooling2D(3, strides=2, padding="same")(x))
    h = layers.Conv1D(3, 4, padding="causal", dilation_rate=2)(layers.Reshape((-1, 6))(x))
    i = layers.Permute((3, 1, 2))(layers.AveragePooling2D((2, 3))(x))
    flats = [layers.Flatten()(each) for each in (a, b, c, d, e, f, g, h, i)]
    return x, layers.Dense(3)(layers.Concatenate()(flats))


def volumes(layers: Any, ops: Any, entry: Any) -> Any:
    x = entry((6, 8, 9, 10, 2))
    a = layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True)(ops.mean(x, axis=1))
    b = layers.Conv3D(4, (1, 2, 3), strides=2)(ops.max(x, axis=1))
    c = layers.GlobalMaxPooling3D()(b)
    d = layers.TimeDistributed(layers.Conv2D(4, 3))(a)
    return x, layers.Dense(2)(layers.Concatenate()([c, layers.GlobalAveragePooling3D()(d)]))


def operations(layers: Any, ops: Any, entry: Any) -> Any:
    x = entry((8, 6, 4))
    parts = [
        x[:, 1:-1, ::2],
        ops.transpose(ops.split(x, 2, axis=-1)[1], (0, 2, 1, 3)),
        ops.stack([x, x * 2.0, ops.relu6(x)], axis=2),
        ops.pad(x, ((0, 0), (1, 1), (2, 0), (0, 0))),
        ops.matmul(x, ops.swapaxes(x, -1, -2)),
        ops.einsum("bhwc,bhvc->bhwv", x, x),
        ops.one_hot(ops.argmax(x, axis=-1), 5),
        ops.tile(ops.repeat(x, 2, axis=1), (1, 2, 1, 1)),
        ops.where(x > 0, x, 0.0) / (1.0 + ops.exp(-x)),
        ops.squeeze(ops.expand_dims(ops.var(x, axis=(1, 2)), 1), 1),
        ops.moveaxis(ops.flip(x, 1), -1, 1),
        ops.image.extract_patches(x, (2, 3)),
        layers.EinsumDense("abcd,de->abce", output_shape=(None, None, 7), bias_axes="e")(x),
        ops.take(x, [0, 2, 5], axis=2),
        layers.UnitNormalization()(ops.logsumexp(x, axis=-1, keepdims=True)),
    ]
    return x, layers.Concatenate()([layers.Flatten()(each) for each in parts])


def norms(layers: Any, ops: Any, entry: Any) -> Any:  # noqa: ARG001 - the same for each network
    x = layers.Normalization(axis=-1)(entry((8, 6, 12)))
    source = x
    x = layers.BatchNormalization(scale=False)(x)
    x = layers.GroupNormalization(groups=4, center=False)(x)
    x = layers.LayerNormalization(axis=(2, 3))(x)
    x = layers.RMSNormalization()(x)
    x = layers.PReLU()(layers.PReLU(shared_axes=(1, 2))(x))
    return source, x


NETWORKS = [attention, recurrent, windows, volumes, operations]


@pytest.mark.parametrize("build", NETWORKS)
def test_layers_as_keras_counts_them(tmp_path: Path, build: Callable[..., Any]):
    keras = import_keras()

    def made() -> Any:
        inputs, outputs = build(keras.layers, keras.ops, lambda shape, dtype="float32": keras.Input(shape, dtype=dtype))
        return keras.Model(inputs, outputs)

    model = made()
    net = Read(tmp_path, model)
    assert not [(step.node.attrs["type"], step.node.attrs["why"]) for step in net.steps if step.opaque]
    assert differing_shapes(net) == {}
    assert net.stored() == expected(model)
    (output,) = model.outputs
    value = net.low.values[net.imported.model.body.outputs[0]]
    assert all(theirs in (None, ours) for ours, theirs in zip(value.shape[1:], output.shape[1:], strict=True))


def test_norms_as_keras_counts_them(tmp_path: Path):
    keras = import_keras()
    x = keras.Input((8, 6, 12))
    _, y = norms(keras.layers, keras.ops, lambda _shape: x)
    model = keras.Model(x, y)
    net = Read(tmp_path, model)
    assert differing_shapes(net) == {}
    assert net.stored() == expected(model)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_archive_says_what_the_configuration_says(tmp_path: Path):
    """`model.save` writes what `to_json` does, and when each layer was built."""
    keras = import_keras()
    model = keras.Sequential(
        [keras.Input((9, 9, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.save(tmp_path / "net.keras")
    found = read(str(tmp_path / "net.keras"))
    assert found.producer == f"Keras {keras.__version__}"
    (tmp_path / "net.json").write_text(model.to_json())
    other = read(str(tmp_path / "net.json"))
    for ours, theirs in zip(found.body.ops, other.body.ops, strict=True):
        assert (ours.type, ours.inputs, ours.dtypes) == (theirs.type, theirs.inputs, theirs.dtypes)
        settings = [
            {key: value for key, value in op.attrs["config"].items() if key != "dtype"} for op in (ours, theirs)
        ]
        assert settings[0] == settings[1]
    assert json.loads(model.to_json())["class_name"] == "Sequential"
