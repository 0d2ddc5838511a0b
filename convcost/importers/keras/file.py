"""Keras files: the configuration out of a `.keras` archive, a legacy `.h5` file or a `.json` file.

Weights are never read and need not be there: the layers say how many there are.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Callable
from io import BufferedReader, FileIO
from typing import Any

from convcost.core.units import say
from convcost.importers.keras.network import Reader, Writer
from convcost.importers.keras.values import Fail, failing
from convcost.importers.model import Model

LARGEST_CONFIG = 8 << 20
"""Bytes of a configuration; that of the largest network of keras.applications has one million."""
MOST_VALUES = 600_000
"""Commas and opening brackets of a configuration, which bound its values; the same network has 65,000."""
_LARGEST_INDEX = 1 << 20
"""Bytes of an archive's list of files; that of a Keras model has 200."""
_ZIP, _HDF5 = b"PK", b"\x89HDF\r\n\x1a\n"
_KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read(path: str) -> Model:
    """The model in a Keras file; raises `SpecError` if it is none that can be read."""
    fail = failing(path)
    text, producer = _text(path, fail)
    config = _parsed(text, fail)
    spec, version = _model_spec(config, fail)
    model = Reader(path).model(spec)
    body = Writer(path).body(model, ())
    name = model.name or os.path.splitext(os.path.basename(path))[0]
    return Model("keras", path, name, producer or version, body)


def _text(path: str, fail: Fail) -> tuple[bytes | str, str]:
    """The configuration as text, and what wrote the file, if the file says so beside the configuration."""
    try:
        with _Pieces(FileIO(path)) as file:
            start = file.read(8)
            if start.startswith(_ZIP):
                return _archive(file, fail)
            if start != _HDF5:
                file.most = LARGEST_CONFIG + 1
                return _bounded(start + file.read(LARGEST_CONFIG + 1), fail), ""
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise fail(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return _hdf5(path, fail)


def _bounded(data: bytes, fail: Fail) -> bytes:
    """The bytes of a configuration, if they are no more than one may have."""
    if len(data) > LARGEST_CONFIG:
        raise fail(f"is larger than a configuration may be ({LARGEST_CONFIG:,} bytes)")
    return data


class _Pieces(BufferedReader):
    """A file of which no large piece is read at once, whatever the archive in it says of its own sizes."""

    most = _LARGEST_INDEX

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(self.most + 1 if size is None or size < 0 else min(size, self.most + 1))
        if len(data) > self.most:
            raise zipfile.BadZipFile("its list of files is too large")
        return data


def _archive(file: _Pieces, fail: Fail) -> tuple[bytes, str]:
    """The configuration out of an archive, and the version of Keras that wrote it."""
    try:
        with zipfile.ZipFile(file) as archive:
            file.most = LARGEST_CONFIG
            names = set(archive.namelist())
            if "config.json" not in names:
                raise fail(
                    "the archive holds no config.json, so it is no Keras model; write one by model.save('net.keras')"
                )
            config = _member(archive, "config.json", fail)
            metadata = _member(archive, "metadata.json", fail) if "metadata.json" in names else b"{}"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError) as error:
        raise fail(f"the archive is damaged: {error or type(error).__name__}") from None
    stated = _parsed(metadata, fail)
    version = stated.get("keras_version") if isinstance(stated, dict) else None
    return config, f"Keras {version}" if isinstance(version, str) else "Keras"


def _member(archive: zipfile.ZipFile, name: str, fail: Fail) -> bytes:
    """A file of an archive; never more of it than a configuration may have is unpacked."""
    info = archive.getinfo(name)
    if info.compress_type not in _KINDS:
        raise fail(f"{name} is packed by method {info.compress_type}; Keras stores or deflates it")
    with archive.open(info) as member:
        return _bounded(member.read(LARGEST_CONFIG + 1), fail)


def _hdf5(path: str, fail: Fail) -> tuple[bytes | str, str]:
    """The configuration out of a legacy file, and what wrote it."""
    try:
        import h5py
    except ImportError:
        raise fail(
            "is an HDF5 file, and h5py is not installed: pip install h5py, "
            "or write the model anew by keras.saving.load_model(path).save('net.keras')"
        ) from None
    try:
        with h5py.File(path, "r") as file:
            config, version = file.attrs.get("model_config"), file.attrs.get("keras_version")
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise fail(f"the HDF5 file is damaged: {error}") from None
    if not isinstance(config, bytes | str):
        raise fail(
            "the HDF5 file holds no model_config, only weights; write the model by model.save, not by save_weights"
        )
    if len(config) > LARGEST_CONFIG:
        raise fail(f"its configuration is larger than one may be ({LARGEST_CONFIG:,} bytes)")
    version = version.decode("utf-8", "replace") if isinstance(version, bytes) else version
    return config, f"Keras {version}" if isinstance(version, str) else "Keras"


def _parsed(text: bytes | str, fail: Fail) -> Any:
    """The values of a JSON text."""
    counted: Callable[[Any], int] = text.count
    marks = (b"[", b"{", b",") if isinstance(text, bytes) else ("[", "{", ",")
    if sum(map(counted, marks)) > MOST_VALUES:
        raise fail(f"the configuration holds more than {MOST_VALUES:,} values")
    try:
        return json.loads(text)
    except RecursionError:
        raise fail("lists and mappings of the configuration nest too deep") from None
    except ValueError as error:
        raise fail(f"the configuration is not valid JSON: {error}") from None


def _model_spec(config: Any, fail: Fail) -> tuple[Any, str]:
    """The serialised model, inside of what else a file may hold around it, and the version of Keras, if it is there."""
    version = "Keras"
    for _ in range(3):
        if not isinstance(config, dict):
            raise fail(f"the configuration must be a mapping, got {say(config)}")
        if isinstance(config.get("keras_version"), str):
            version = f"Keras {config['keras_version']}"
        # A model of TensorFlow.js holds the same configuration under these names.
        inner = config.get("modelTopology") or config.get("model_config")
        if inner is None:
            break
        config = inner
    if not isinstance(config, dict):
        raise fail(f"the configuration must be a mapping, got {say(config)}")
    if "class_name" not in config and "layers" in config:  # as model.get_config() gives it
        config = {"class_name": "Functional", "config": config}
    if "class_name" not in config:
        raise fail(
            "the JSON is no configuration of a Keras model, which has class_name and config; write one by model.to_json()"
        )
    return config, version
