"""The layers of ncnn as nodes of a graph: the whole table of rules."""

from __future__ import annotations

from convcost.importers.ncnn import detection, matrices, norms, pointwise, shapes, windows
from convcost.importers.ncnn.rules import RULES

__all__ = ["RULES", "detection", "matrices", "norms", "pointwise", "shapes", "windows"]
