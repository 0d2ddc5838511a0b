"""The ops of ONNX as nodes of a graph: the rules of all rooms of this package."""

from __future__ import annotations

from convcost.importers.onnx import (
    attention,
    choosing,
    control,
    elementwise,
    matrices,
    norms,
    quantized,
    recurrent,
    reductions,
    sequences,
    shapes,
    windows,
)
from convcost.importers.onnx.spelling import spell
from convcost.importers.onnx.table import RULES

ROOMS = (
    attention,
    choosing,
    control,
    elementwise,
    matrices,
    norms,
    quantized,
    recurrent,
    reductions,
    sequences,
    shapes,
    windows,
)
"""The modules that enter their rules into the table when they are imported."""
RULES.spell = spell
