"""What a TFLite file says about itself: its name, and what wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from convcost.importers.tflite.flatbuffer import FlatBuffer, Malformed, Span, Table

_LONGEST: Final = 1 << 20
_NO_NAMES: Final = ("main", "subgraph_0", "")


def own_name(file: FlatBuffer, metadata: Mapping[str, Span], graph: Table) -> str:
    """The name that the metadata give the model, else that of its subgraph unless all have it; empty if there is none."""
    inner = _inside(file, metadata.get("TFLITE_METADATA"))
    if inner and (name := _text(inner, 0)):
        return name
    name = graph.text(4).strip()
    return "" if name in _NO_NAMES else name


def producer(file: FlatBuffer, metadata: Mapping[str, Span], description: str) -> str:
    """The converter, the version of TensorFlow that it came with, and the oldest runtime, as far as the file says."""
    words = [description.strip().rstrip(".") or "TFLite"]
    inner = _inside(file, metadata.get("CONVERSION_METADATA"))
    environment = inner.table(0) if inner else None
    if environment and (version := _text(environment, 0)):
        words.append(f"TensorFlow {version}")
    if oldest := metadata.get("min_runtime_version"):
        words.append(f"runtime {file.text(oldest).rstrip(chr(0))} or later")
    return ", ".join(words)


def _inside(file: FlatBuffer, span: Span | None) -> Table | None:
    """The root of a FlatBuffers file that stands in a buffer; None if it is none, for nothing depends on it."""
    if span is None or not 8 <= span.length <= _LONGEST:
        return None
    inner = FlatBuffer(file.data[span.start : span.start + span.length])
    try:
        return Table(inner, inner.number("I", 0))
    except Malformed:
        return None


def _text(table: Table, slot: int) -> str:
    try:
        return table.text(slot).strip()
    except Malformed:
        return ""
