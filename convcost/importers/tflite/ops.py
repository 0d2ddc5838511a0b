"""The operators of TFLite as nodes of a graph: the whole table of rules."""

from __future__ import annotations

from convcost.importers.tflite import control, matrices, pointwise, shapes, windows
from convcost.importers.tflite.rules import RULES

__all__ = ["RULES", "control", "matrices", "pointwise", "shapes", "windows"]
