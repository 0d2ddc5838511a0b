"""Where convcost and its zoo are on disk."""

from __future__ import annotations

import os
import re

MODEL_FILE = re.compile(
    r"\.(onnx|ort|tflite|lite|keras|h5|hdf5|json|pt2|pt|pth|ckpt|safetensors|pb|mlmodel|mlpackage|engine|caffemodel"
    r"|prototxt|gguf|param|bin)$",
    re.IGNORECASE,
)
"""Names of files that are models of other frameworks, or mistaken for them: what `importers.read` knows."""
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder that this package is installed in, or that of a checkout."""


def zoo_directory() -> str:
    """The folder of the zoo's specs: inside the installed package, or next to it in a checkout."""
    inside = os.path.join(PACKAGE, "specs")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(PACKAGE), "specs")


def of_zoo(model: str) -> bool:
    """Whether a name, with or without knobs, cannot be a file: of all specs, only the zoo is part of the fingerprint.

    Nor may a knob name one: a spec can be built on another.

    >>> of_zoo("resnet50"), of_zoo("resnet50:width=2"), of_zoo("nets/mine.yaml"), of_zoo("mine.yaml:small:width=2")
    (True, True, False, False)
    """
    words = (model, model.rpartition(":")[0])
    named = os.sep in model or ".yaml" in model or ".yml" in model or any(map(MODEL_FILE.search, words))
    return not named and not any(map(os.path.isfile, words))
