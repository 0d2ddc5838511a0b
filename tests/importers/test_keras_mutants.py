"""Keras files with mistakes in them, at random: each is read and lowered, or refused in one line, and soon."""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.foreign import lowered
from helpers.keras_files import (
    DOTS,
    archive,
    as_layer,
    call,
    entry,
    functional,
    layer,
    operation,
    sequential,
    slice_,
    tensor,
)

from convcost.core.errors import SpecError
from convcost.importers.imported import Imported
from convcost.importers.keras.file import read
from convcost.importers.lower import Lowering

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
MODELS = (MAPS, SEQUENCES, OLD)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 7, 10**9, 2**31, 2**62, 1.5, float("nan"), float("inf"), "", "x", "same", "é" * 300),
    *([], {}, [1, 2], [[1, 2], [3, 4]], [None], ["x", 0, 0], [[[[]]]], "\ud800", {"class_name": "Dense", "config": {}}),
    *({"class_name": "__keras_tensor__"}, slice_(1), DOTS, {"class_name": "__tuple__", "items": [1]}),
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value in lists and mappings."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


PLACES = [[*places(model)] for model in MODELS]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def mutant(seed: int) -> Any:
    """A model with a few values replaced, left out, taken from elsewhere, or multiplied."""
    chance = random.Random(seed)
    which = seed % len(MODELS)
    model = copy.deepcopy(MODELS[which])
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        *path, key = chance.choice(PLACES[which])
        try:
            inside = at(model, tuple(path))
            sort = chance.randrange(5)
            if sort == 0:
                del inside[key]
            elif sort == 1:
                inside[key] = copy.deepcopy(at(model, chance.choice(PLACES[which])))
            elif sort == 2:
                inside[key] = inside[key] * chance.choice((-1, 0, 2, 1000))
            else:
                inside[key] = copy.deepcopy(chance.choice(VALUES))
        except (KeyError, IndexError, TypeError):
            continue  # an earlier mistake took the place away
    return model


def tried(path: Path) -> str:
    """What becomes of a file: nothing, or the line that it is refused with."""
    begun = time.perf_counter()
    try:
        imported = Imported(read(str(path)))
        shapes = {
            name: tuple(size if isinstance(size, int) else 8 for size in one.sizes)
            for name, one in imported.entries.items()
        }
        lowered(imported, **shapes)
    except SpecError as error:
        found = str(error)
        assert found
        assert "\n" not in found
        assert "malformed" not in found, "a rule met a value of a type that it does not expect"
    else:
        found = ""
    assert time.perf_counter() - begun < 2
    return found


@pytest.mark.parametrize("part", range(6))
def test_mutants_are_refused_in_one_line_or_read(tmp_path: Path, part: int):
    path, refused = tmp_path / "net.json", 0
    for seed in range(100 * part, 100 * (part + 1)):
        path.write_text(json.dumps(mutant(seed)))
        refused += bool(tried(path))
    assert 0 < refused < 100, "some mistakes are met, and some do not matter"


def test_archives_with_wrong_bytes(tmp_path: Path):
    chance, data, path = random.Random(0), archive(MAPS), tmp_path / "net.keras"
    for _ in range(200):
        wrong = bytearray(data)
        for _ in range(chance.choice((1, 1, 3))):
            wrong[chance.randrange(len(wrong))] = chance.randrange(256)
        path.write_bytes(wrong[: chance.choice((len(wrong), len(wrong), chance.randrange(len(wrong))))])
        tried(path)


def test_the_models_themselves_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen = []
    monkeypatch.setattr(Lowering, "unknown", lambda _self, op, *_: seen.append(op.type))
    for model in MODELS:
        (tmp_path / "net.json").write_text(json.dumps(model))
        assert tried(tmp_path / "net.json") == ""
    assert seen == []
