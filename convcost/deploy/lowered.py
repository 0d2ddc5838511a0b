"""A graph as the program that TensorFlow's converter would write for it."""

from __future__ import annotations

from convcost.deploy.program import Program
from convcost.graph.walk import Walked


def lowered(walked: Walked, dtype: str) -> Program:
    """The `.tflite` program of a network; raises `UsageError` for a layer that has no counterpart in TFLite."""
    raise NotImplementedError
