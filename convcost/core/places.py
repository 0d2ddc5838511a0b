"""Where convcost and its zoo are on disk."""

from __future__ import annotations

import os

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder that this package is installed in, or that of a checkout."""


def zoo_directory() -> str:
    """The folder of the zoo's specs: inside the installed package, or next to it in a checkout."""
    inside = os.path.join(PACKAGE, "specs")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(PACKAGE), "specs")


def of_zoo(model: str) -> bool:
    """Whether a name, with or without knobs, cannot be a file: of all specs, only the zoo is part of the fingerprint.

    >>> of_zoo("resnet50"), of_zoo("resnet50:width=2"), of_zoo("nets/mine.yaml")
    (True, True, False)
    """
    words = (model, model.rpartition(":")[0])
    return not any(os.sep in word or word.endswith((".yaml", ".yml")) or os.path.isfile(word) for word in words)
