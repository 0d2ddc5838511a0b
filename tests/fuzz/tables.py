"""Cases of tables and of files beside a network: claims, accuracies, measurements, budgets, locks, devices, boards."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from random import Random
from typing import Any

import yaml
from helpers.paths import ROOT, TESTS

from fuzz import mutants
from fuzz.case import Case
from fuzz.specs import written
from fuzz.values import value

NET = """\
convcost: 1
name: net
knobs: {width: 1.0, classes: 10}
input: [20, 20, 3]
limits: {macs: 3M, params: 30k, peak: 64KiB}
layers:
  - {conv2d: {channels: round_to(16 * width), kernel: 3, stride: 2, padding: same}, name: stem}
  - relu
  - {depthwise_separable: {channels: 24, kernel: 3}, repeat: 2, name: block}
  - global_avg_pool
  - flatten
  - {linear: {channels: classes}, name: head}
"""
"""A small network that files beside it are about."""
_MINE = """\
source,locator,item,model,knobs,quantity,part,printed,unit,rounding,counting
mine,p. 1,net,net.yaml,width=0.5,macs,,1.2,M,,
mine,p. 1,net,net.yaml,,params,head,250,,,no_bn
mine,p. 2,lenet,lenet5,,params,,61.7,K,,
mine,p. 2,first,mobilenet_v1,,macs,stem*,10.8,M,down,
"""
TIMES = """\
network,resolution,threads,run,ms,energy
net.yaml,20,1,0,0.31,a
net.yaml:width=0.5,,1,0,0.2,b
net.yaml:width=2,,1,1,0.9,c
net.yaml:width=3,24,1,0,1.4,c
net.yaml:width=4,32,1,0,3.1,c
lenet5,,1,0,0.6,
lenet5_1998,,1,0,0.5,
"""
_LOCK = """\
convcost-lock: 1
networks:
  net.yaml:
    input: 20x20x3
    dtype: fp32
    batch: 1
    memory: fused
    macs: 175440
    params: 2194
    peak: 19200
    weights: 8776
    parts:
      - stem | conv2d 3×3 /2 + relu | 20x20x3 -> 10x10x16 | 43200 MACs | 448 params
      - block1.depthwise | conv2d 3×3 depthwise + bn + relu | 10x10x16 -> 10x10x16 | 14400 MACs | 176 params
"""
_BUDGETS = {
    "defaults": {"limits": {"growth": "1%"}, "convention": "thop"},
    "networks": [
        "net.yaml",
        {"model": "net.yaml:width=0.5", "baseline": "net.yaml", "dtype": "int8", "input": "16x16", "limits": {"macs": "55M", "peak": "400KiB", "layer_macs": "6M"}},
        {"model": "lenet5", "name": "old", "memory": "inplace", "batch": 2, "baseline": "lenet5", "limits": {"ram": "1MiB", "board": "nucleo_f446re"}},
        {"model": "lenet5", "baseline": "net.yaml", "device": "a100", "limits": {"latency": "20ms", "growth": {"macs": "1%", "params": "0%"}}},
    ],
}  # fmt: skip
_ROOFLINE = {
    "title": "mine", "macs_per_second": {"fp32": "7.85e12", "int8": "62.5e12"}, "bytes_per_second": "900e9",
    "overhead_us": "3", "cache": "6291456", "source": "a datasheet",
}  # fmt: skip
_BOARD = {
    "title": "mine", "vendor": "me", "chip": "stm32", "core": "Cortex-M4", "clock": "180", "ram": {"SRAM1+SRAM2": "128KiB", "CCM": "64KiB"},
    "flash": "512KiB", "flash_is": "external", "external_ram": "8MiB", "pointers": "32", "note": "a note", "sources": ["a page"],
}  # fmt: skip
_CELLS = (
    *(
        "macs",
        "params",
        "macs_share",
        "activations",
        "weight_bytes",
        "layers",
        "blocks",
        "input_shape",
        "output_shape",
        "channels",
    ),
    *(
        "net.yaml",
        "lenet5",
        "net.yaml:width=0.5",
        "width=0.5",
        "width=0",
        "kernel",
        "112×112×64",
        "7×7",
        "conv*",
        "[!a]",
        "thop",
        "no_bn",
    ),
    *(
        "K",
        "M",
        "G",
        "%",
        "KiB",
        "ms",
        "down to 100",
        "to 0",
        "2018",
        "99.99",
        "-1",
        "1/3",
        "image",
        "paper",
        "stem",
        "Conv2D",
    ),
)
_FORMATS = ("table", "json", "csv", "markdown", "html", "latex")


def _cell(rng: Random) -> str:
    return rng.choice(_CELLS) if rng.random() < 0.5 else value(rng)


@cache
def _published(name: str) -> str:
    return (ROOT / "specs" / "published" / name).read_text(encoding="utf-8")


@cache
def _device() -> Any:
    text = (ROOT / "convcost/devices/calibrated/pixel1.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CBaseLoader)


@cache
def _profile() -> list[Any]:
    found: list[Any] = json.loads((TESTS / "measured/mobilenet_v3_small_profile.json").read_text(encoding="utf-8"))
    return found[:60]


@cache
def _beside(name: str) -> Mapping[str, bytes]:
    """What a file needs beside it."""
    if name == "profile.json":
        return {"net.onnx": (TESTS / "models/mobilenet_v3_small.onnx").read_bytes()}
    return {"net.yaml": NET.encode(), **({"convcost-lock.yaml": _LOCK.encode()} if name.startswith("convcost") else {})}


def _yaml(source: Any) -> Callable[[Random], str]:
    return lambda rng: written(mutants.tree(rng, source))


FILES: Mapping[str, tuple[Callable[[Random], str], tuple[str, ...]]] = {
    "mine.csv": (lambda rng: mutants.table(rng, _MINE, cell=_cell), ("verify", "--data", "mine.csv")),
    "claims.csv": (lambda rng: mutants.table(rng, _published("claims.csv"), 2, _cell), ("verify", "--data", "claims.csv")),
    "accuracy.csv": (lambda rng: mutants.table(rng, _published("accuracy.csv"), 2, _cell), ("frontier", "--data", "accuracy.csv")),
    "times.csv": (lambda rng: mutants.table(rng, TIMES, 7, _cell), ("calibrate", "times.csv")),
    "profile.json": (lambda rng: json.dumps(mutants.tree(rng, _profile())), ("calibrate", "profile.json", "net.onnx")),
    "convcost-budgets.yaml": (_yaml(_BUDGETS), ("check",)),
    "device.yaml": (_yaml(_ROOFLINE), ("latency", "net.yaml", "--device", "device.yaml")),
    "calibrated.yaml": (lambda rng: written(mutants.tree(rng, _device())), ("latency", "net.yaml", "--device", "calibrated.yaml")),
    "board.yaml": (_yaml(_BOARD), ("memory", "net.yaml", "--runtime", "tflm", "--board", "board.yaml")),
    "convcost-lock.yaml": (lambda rng: mutants.text(rng, _LOCK, (_LOCK,)), ("check", "net.yaml", "--tolerance", "1%")),
}  # fmt: skip
"""Name of a file -> what makes one, and the command that reads it."""


def case(label: str, rng: Random) -> Case:
    """A file with something wrong, and the command that reads it."""
    name = rng.choice([*FILES])
    make, words = FILES[name]
    form = ("--format", rng.choice(_FORMATS)) if words[0] != "check" and rng.random() < 0.5 else ()
    data = make(rng).encode("utf-8", "replace")
    return Case(label, ("convcost", *words, *form), {**_beside(name), name: data})
