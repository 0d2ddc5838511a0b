"""Cases of model files: small ones of each format with something wrong, in their bytes and in what they say."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from io import BytesIO
from itertools import compress
from random import Random
from typing import Any

from helpers import keras_samples, onnx_samples, tflm_files, torch_archives
from helpers.ncnn_layers import KINDS
from helpers.ncnn_layers import drawn as ncnn_layer
from helpers.paths import TESTS

from fuzz import mutants
from fuzz.case import Case
from fuzz.protobuf import mutated as protobuf
from fuzz.values import NUMBERS, value

_FILES = TESTS / "models"
_FIRST = 24
"""Nodes of a large program that are kept, with the tensors that they name."""
_NAME = re.compile('"name": "(\\w+)"')
_JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3, 7, 10**9, 2**31, 2**62, 2**70, 1.5, float("nan"), "", "x", "same", "é" * 300, "a\nb", "\x1b[31m"),
    *([], {}, [1, 2], [[1, 2], [3, 4]], [None], [0], ["x", 0, 0], [[[[]]]], {"class_name": "Dense", "config": {}}, {"as_none": True}),
    *({"class_name": "__keras_tensor__"}, {"class_name": "__tuple__", "items": [1]}, {"as_int": -3}, {"as_tensor": {}}, {"as_ints": [0]}),
)  # fmt: skip


def zipped(members: Mapping[str, bytes | str]) -> bytes:
    """An archive that is the same on every day and with every zlib."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return made.getvalue()


def _junk(rng: Random) -> Any:
    return rng.choice(_JUNK) if rng.random() < 0.7 else value(rng)


# -- formats -----------------------------------------------------------------------------------------------------------


def onnx(rng: Random) -> bytes:
    """A field or a byte that is another."""
    source = rng.choice(_onnx())
    return protobuf(rng, source) if rng.random() < 0.7 else mutants.data(rng, source)


@cache
def _onnx() -> tuple[bytes, ...]:
    return (*onnx_samples.samples(), *[(_FILES / "mobilenet_v3_small.onnx").read_bytes()][:1])


def tflite(rng: Random) -> bytes:
    """A byte or a number that is another."""
    return mutants.data(rng, tflm_files.FILES[rng.choice([*tflm_files.FILES])]())


def keras(rng: Random) -> bytes:
    """A value of its configuration that is another; seldom, a byte of its archive."""
    config = mutants.tree(rng, rng.choice(keras_samples.SAMPLES), _junk)
    made = zipped({"metadata.json": '{"keras_version": "3.15.1"}', "config.json": json.dumps(config)})
    return mutants.data(rng, made) if rng.random() < 0.1 else made


def torch(rng: Random) -> bytes:
    """A value of its program that is another; seldom, a byte of its archive."""
    program = mutants.tree(rng, rng.choice(_programs()), _junk)
    configs = {f"net/data/{kind}/model_{kind}_config.json": '{"config": {}}' for kind in ("weights", "constants")}
    made = zipped({"net/models/model.json": json.dumps(program), **configs})
    return mutants.data(rng, made) if rng.random() < 0.1 else made


@cache
def _programs() -> tuple[Any, ...]:
    with zipfile.ZipFile(_FILES / "mobilenet_v3_small.pt2") as archive:
        large = json.loads(archive.read("f/models/model.json"))
    module = large["graph_module"]
    graph, signature = module["graph"], module["signature"]
    graph["nodes"] = graph["nodes"][:_FIRST]
    last = graph["nodes"][-1]["outputs"][0]["as_tensor"]
    graph["outputs"] = [{"as_tensor": last}]
    signature["output_specs"] = [{"user_output": {"arg": {"as_tensor": last}}}]
    named = set(_NAME.findall(json.dumps(graph["nodes"])))
    kept = [each["as_tensor"]["name"] in named for each in graph["inputs"]]
    graph["inputs"] = [*compress(graph["inputs"], kept)]
    signature["input_specs"] = [*compress(signature["input_specs"], kept)]
    graph["tensor_values"] = {name: value for name, value in graph["tensor_values"].items() if name in named}
    return torch_archives.small(), large


def ncnn(rng: Random) -> bytes:
    """A word, or a byte, that is another."""
    source = rng.choice(_written()) if rng.random() < 0.4 else ncnn_layer(rng, rng.choice(KINDS)).text
    words = source.replace("\n", " \n ").split(" ")
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(words))
        match rng.randrange(5):
            case 0:
                words[at] = rng.choice(words)
            case 1:
                words[at : at + 1] = []
            case 2:
                words.insert(at, words[at])
            case 3:
                words[at] = f"{words[at].partition('=')[0]}={rng.choice(NUMBERS)}"
            case _:
                words[at] = value(rng)
    data = " ".join(words).encode("utf-8", "replace")
    return mutants.data(rng, data) if rng.random() < 0.1 else data


@cache
def _written() -> tuple[str, ...]:
    return tuple(path.read_text(encoding="utf-8") for path in sorted(_FILES.glob("*.param")))


FORMATS: Mapping[str, Callable[[Random], bytes]] = {
    "onnx": onnx,
    "tflite": tflite,
    "keras": keras,
    "pt2": torch,
    "param": ncnn,
}
"""What such a file's name ends with, which is the kind of its cases -> its generator."""
_OTHER = ("resolved", "imported", "remembered", "drawn", "explained", "deployed", "shown")
_WORDS: Sequence[Sequence[str]] = (
    ("report", "--partial"),
    ("report", "--partial", "--input", "64"),
    ("report", "--by", "layer", "--format", "json"),
    ("memory", "--partial", "--by", "tensor"),
    ("memory", "--runtime", "tflm"),
    ("import", "--partial"),
    ("draw", "--format", "svg", "-o", "out.svg"),
    ("report", "-o", "out.html"),
    ("diff", "lenet5"),
)


def case(label: str, rng: Random) -> Case:
    """A file of the format that the label begins with, and one thing asked of it."""
    kind = label.partition(":")[0]
    name, data, roll = f"net.{kind}", FORMATS[kind](rng), rng.random()
    ask: tuple[Any, ...] = ("network", name)
    if roll > 0.85:
        ask = (rng.choice(_OTHER), name)
    elif roll > 0.7:
        command, *options = rng.choice(_WORDS)
        ask = ("convcost", command, name, *options)
    return Case(label, ask, {name: data})
