"""Attention and recurrence over a design space: the same at each point as the network there, and as its closed form."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

import convcost
from convcost.formulas.closed_form import closed_form
from convcost.formulas.symbols import written

SPEC = """
convcost: 1
name: small
knobs: {size: 32, patch: 4, width: 48, heads: 4, depth: 2, hidden: 8, classes: 10}
input: [size, size, 3]
layers:
  - {conv2d: {channels: width, kernel: patch, stride: patch}, name: patches}
  - {reshape: {shape: [-1, width]}, name: tokens}
  - {source: {shape: [1, width]}, name: class}
  - {concat: {axis: 0}, in: [class, tokens], name: all}
  - {source: {shape: [all.length, width]}, name: places}
  - {add: , in: [all, places]}
  - repeat: depth
    name: block
    layers:
      - linear: {channels: 3 * width}
      - {reshape: {shape: [in.length, 3 * heads, width // heads]}, name: parted}
      - transpose: {axes: [1, 0, 2]}
      - {split: {sections: 3, axis: 0}, name: three}
      - {matmul: {transpose: true}, in: ["three:0", "three:1"]}
      - {softmax: , name: weighed}
      - {matmul: , in: [weighed, "three:2"]}
      - {transpose: {axes: [1, 0, 2]}, name: back}
      - {reshape: {shape: [-1, width]}, name: joined}
      - {linear: {channels: width}, name: mixed}
  - {lstm: {channels: hidden, bidirectional: true, last: true}}
  - {linear: {channels: classes}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return str(path)


def macs(size: int, width: int, heads: int, depth: int, hidden: int) -> int:
    """By hand, for patches of 4×4 and 10 classes."""
    patches = (size // 4) ** 2
    tokens = patches + 1
    stem = patches * 4 * 4 * 3 * width
    block = tokens * width * 3 * width + 2 * heads * tokens * tokens * (width // heads) + tokens * width * width
    return stem + depth * block + 2 * tokens * 4 * hidden * (width + hidden) + 2 * hidden * 10


def test_every_point_of_a_grid_is_the_network_there(spec: str) -> None:
    axes = {"size": [32, 48, 64], "width": [48, 96], "heads": [2, 4], "depth": [1, 2, 3], "hidden": [4, 5]}
    swept = convcost.sweep(spec, **axes)
    for at in product(*(range(len(values)) for values in axes.values())):
        knobs = {name: values[i] for (name, values), i in zip(axes.items(), at, strict=True)}
        totals = convcost.report(spec, **knobs).totals
        assert totals.macs == macs(**knobs)
        assert (swept.macs[at], swept.params[at], swept.activations[at]) == (
            totals.macs,
            totals.params,
            totals.activations,
        )


def test_what_is_quartic_in_the_size_is_attention(spec: str) -> None:
    # n = size²/16 patches and t = n + 1 tokens: 2304·n for the stem, 9216·t and 96·t² for each of two blocks,
    # 3584·t for the LSTM, 160: together 192·t² + 22,016·t + 2304·n + 160.
    form = closed_form(spec, None, ["size"], {})
    assert written(form.quantities["MACs"]) == "3·size⁴/4 + 1544·size² + 22368"
    assert 192 / 256 == 3 / 4
    assert 192 / 8 + 22_016 / 16 + 2304 / 16 == 1544
    assert 192 + 22_016 + 160 == 22_368
    assert form.assumptions == ("size is a multiple of 4",)
