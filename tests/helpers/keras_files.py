"""Keras configurations written down by hand, as Keras 3 and the versions before it write them, and files that hold them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from convcost.importers.imported import Imported
from convcost.importers.keras.file import read

Shape = Sequence[int | None]
POLICY = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}


def tensor(name: str, shape: Shape | None = None, call: int = 0, output: int = 0) -> dict[str, Any]:
    """A tensor among the arguments of a call."""
    config = {"shape": shape, "dtype": "float32", "keras_history": [name, call, output]}
    return {"class_name": "__keras_tensor__", "config": config}


def slice_(start: Any = None, stop: Any = None, step: Any = None) -> dict[str, Any]:
    return {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}}


DOTS = {"class_name": "__ellipsis__", "config": {}}


def call(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """A call of a layer."""
    return {"args": list(args), "kwargs": kwargs}


def entry(name: str, *shape: int | None, dtype: str = "float32") -> dict[str, Any]:
    """An input layer; the shape includes the batch."""
    config = {"batch_shape": list(shape), "dtype": dtype, "sparse": False, "name": name}
    made = {"module": "keras.layers", "class_name": "InputLayer", "config": config, "registered_name": None}
    return {**made, "name": name, "inbound_nodes": []}


def layer(kind: str, name: str, *calls: Any, build: Any = None, **config: Any) -> dict[str, Any]:
    """A layer of Keras; a call that is a word takes the tensor of that layer alone."""
    nodes = [call(tensor(each)) if isinstance(each, str) else each for each in calls]
    made = {
        "module": "keras.layers",
        "class_name": kind,
        "config": {"name": name, "trainable": True, "dtype": POLICY, **config},
        "registered_name": None,
        "name": name,
        "inbound_nodes": nodes,
    }
    return made if build is None else {**made, "build_config": {"input_shape": list(build)}}


def operation(kind: str, name: str, made: Any, room: str = "numpy", **config: Any) -> dict[str, Any]:
    """An operation of `keras.ops`, and its call."""
    return {
        "module": f"keras.src.ops.{room}",
        "class_name": kind,
        "config": {"name": name, **config},
        "registered_name": kind,
        "name": name,
        "inbound_nodes": [made],
    }


def functional(name: str, layers: Sequence[Any], inputs: Any = None, outputs: Any = None) -> dict[str, Any]:
    """A model of layers that take each other's tensors; its inputs are its input layers, its output the last layer's tensor."""
    sources = [each["name"] for each in layers if each["class_name"] == "InputLayer"]
    config = {
        "name": name,
        "trainable": True,
        "layers": list(layers),
        "input_layers": [[source, 0, 0] for source in sources] if inputs is None else inputs,
        "output_layers": [[layers[-1]["name"], 0, 0]] if outputs is None else outputs,
    }
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": config}


def sequential(name: str, layers: Sequence[Any], **config: Any) -> dict[str, Any]:
    """A model of layers in a row."""
    kept = [{key: value for key, value in each.items() if key not in ("name", "inbound_nodes")} for each in layers]
    config = {"name": name, "trainable": True, "layers": kept, **config}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}


def as_layer(model: Mapping[str, Any], *calls: Any, name: str = "") -> dict[str, Any]:
    """A model as a layer of another."""
    name = name or model["config"]["name"]
    nodes = [call(tensor(each)) if isinstance(each, str) else each for each in calls]
    return {**model, "name": name, "inbound_nodes": nodes}


def archive(config: Any, version: str = "3.15.1", names: Mapping[str, bytes] | None = None) -> bytes:
    """The bytes of a `.keras` file."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("metadata.json", json.dumps({"keras_version": version}))
        file.writestr("config.json", config if isinstance(config, str | bytes) else json.dumps(config))
        for name, data in (names or {}).items():
            file.writestr(name, data)
    return made.getvalue()


def opened(folder: Path, config: Any) -> Imported:
    """The model of a configuration, through a file."""
    path = folder / "net.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return Imported(read(str(path)))
