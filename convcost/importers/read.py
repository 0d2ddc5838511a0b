"""Which files are models of other frameworks, and how each is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib import import_module

from convcost.core.errors import Problem, SpecError
from convcost.core.files import state_to_read
from convcost.graph.walk import Walk
from convcost.importers.imported import Imported
from convcost.importers.model import MALFORMED, Model

READERS = {
    ".onnx": "onnx.file:read",
    ".tflite": "tflite.file:read",
    ".lite": "tflite.file:read",
    ".keras": "keras.file:read",
    ".h5": "keras.file:read",
    ".hdf5": "keras.file:read",
    ".json": "keras.file:read",
    ".pt2": "torch.archive:read",
    ".param": "ncnn.file:read",
}
"""What a file's name ends with -> the function that reads it."""
_EXPORT = (
    "export the module: torch.onnx.export(module, args, 'net.onnx'), or convcost.from_torch(module, shape) in Python"
)
OTHERS = {
    ".pt": f"weights or a script of PyTorch, which say nothing that could be read without running them; {_EXPORT}",
    ".pth": f"weights of PyTorch, without an architecture; {_EXPORT}",
    ".ckpt": f"a checkpoint: weights without an architecture; {_EXPORT}",
    ".safetensors": f"weights without an architecture; {_EXPORT}",
    ".pb": "a graph of TensorFlow; convert it: python -m tf2onnx.convert --saved-model DIR --output net.onnx",
    ".mlmodel": "a Core ML model, which convcost does not read; export the network as ONNX or TFLite",
    ".mlpackage": "a Core ML model, which convcost does not read; export the network as ONNX or TFLite",
    ".ort": "a model in onnxruntime's own format; give the .onnx file that it was made of",
    ".engine": "an engine of TensorRT; give the .onnx file that it was made of",
    ".caffemodel": "weights of Caffe; convert the network to ONNX",
    ".prototxt": "a network of Caffe, which convcost does not read; convert it to ONNX",
    ".gguf": "weights of llama.cpp, without an architecture",
    ".bin": "weights without an architecture; those of ncnn have a .param file beside them, which is read instead",
}
"""What other files of networks are, and what to do with them."""


def read(path: str, shown: str) -> Imported:
    """The model of a file; raises `SpecError`, in one line, for whatever cannot be read. `shown` is the path in messages."""
    suffix = os.path.splitext(path)[1].lower()
    if what := OTHERS.get(suffix):
        raise SpecError([Problem(None, shown, what)])
    try:
        found = state_to_read(path)
    except OSError as error:
        raise SpecError([Problem(None, shown, f"cannot be read: {error.strerror or error}")]) from None
    return _read(path, shown, READERS[suffix], (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=8)
def _read(path: str, shown: str, reader: str, _state: tuple[int, int, int]) -> Imported:
    """Read a file once for each state that it is in."""
    module, name = reader.split(":")
    function: Callable[[str], Model] = getattr(import_module(f"convcost.importers.{module}"), name)
    try:
        model = function(path)
    except OSError as error:
        raise SpecError([Problem(None, shown, f"cannot be read: {error.strerror}")]) from None
    except MALFORMED as error:
        what = f"malformed: {type(error).__name__} {str(error)[:100]}".rstrip()
        raise SpecError([Problem(None, shown, what)]) from None
    imported = Imported(model)
    if not model.body.inputs and not _has_layers(imported):  # all that it puts out is known before it runs
        raise SpecError([Problem(None, shown, "the model has no inputs, and nothing in it is left to count")])
    return imported


def _has_layers(imported: Imported) -> bool:
    """Whether a layer of a model without inputs depends on what is drawn or read while it runs; True if that is refused."""
    walk = Walk({})
    with suppress(SpecError):
        imported.lower(walk, {})
        return bool(walk.steps)
    return True
