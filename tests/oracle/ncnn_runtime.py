"""What ncnn itself makes of a `.param` file: the shape and type of every blob, with weights that are all zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

Shape = tuple[int, ...]
"""Channels first, without a batch."""
_SIZES = {1: "w", 2: "hw", 3: "chw", 4: "cdhw"}


def shapes(ncnn: ModuleType, path: Path, inputs: Mapping[str, Shape], wanted: Sequence[str]) -> dict[str, Shape | None]:
    """The shapes of blobs of a network, run on inputs of these shapes; None for one that it cannot make."""
    return {name: _shape(blob) for name, blob in _run(ncnn, path, inputs, wanted)}


def integers(ncnn: ModuleType, path: Path, inputs: Mapping[str, Shape], wanted: Sequence[str]) -> set[str]:
    """Which of the blobs have elements of one byte."""
    return {name for name, blob in _run(ncnn, path, inputs, wanted) if blob is not None and blob.elemsize == 1}


def _run(
    ncnn: ModuleType, path: Path, inputs: Mapping[str, Shape], wanted: Sequence[str]
) -> Iterator[tuple[str, Any | None]]:
    net = ncnn.Net()
    net.opt.lightmode = False
    for option in ("packing_layout", "fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{option}", False)
    net.opt.num_threads = 1
    nothing = ncnn.DataReaderFromEmpty()
    if net.load_param(str(path)) or net.load_model(nothing):
        yield from dict.fromkeys(wanted).items()
        return
    run = net.create_extractor()
    given = {name: ncnn.Mat(*reversed(shape)) for name, shape in inputs.items()}
    for name, blob in given.items():
        blob.fill(0.0)
        run.input(name, blob)
    for name in wanted:
        error, blob = run.extract(name, 1)  # as it is, not as 32 bits
        yield name, None if error or not blob.dims else blob


def _shape(blob: Any | None) -> Shape | None:
    return None if blob is None else tuple(int(getattr(blob, size)) for size in _SIZES[blob.dims])
