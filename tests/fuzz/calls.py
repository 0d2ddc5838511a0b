"""Cases of Python calls: each public function with arguments of the kinds that its signature names, right or odd."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

import convcost
from fuzz.case import Case
from fuzz.commands import POOLS, near_front
from fuzz.tables import NET
from fuzz.values import value

_UNTRIED = {"from_torch", "calibrate", "deployable", "verify", "frontier", "published_latencies", "pareto"}
"""Those that need another package or a file of their own, or ask for the whole zoo; command lines try them."""
_MODELS = ("net.yaml", "net.yaml", "lenet5", "ds_cnn_s", "nosuch", "")
_WHOLE = (1, 2, 3, 7, 10**6, 10**15, 0, -1, 10**30)
_POLICIES = ("fused", "unfused", "inplace", "training", "largest", "nosuch", "")
_DTYPES = ("int8", "fp32", "int4", "fp16", "binary", "nosuch", "")
_AXES: tuple[Any, ...] = (
    "0.5:2:0.25",
    [0.5, 1, 2],
    [1],
    0.5,
    1.1,
    "1,2",
    [],
    [0],
    "1:0:1",
    ["a"],
    None,
    [1, 1],
    -1,
    True,
    float("nan"),
    1e300,
)
_SHAPES: tuple[Any, ...] = (
    20,
    [20, 20, 3],
    [24, 20],
    {"input": [16, 16, 3]},
    0,
    -1,
    [],
    [1] * 9,
    10**9,
    10**10,
    "20x20x3",
    {"x": 3},
    [20.5, 20, 3],
)
_WORDS: Mapping[str, tuple[Any, ...]] = {
    "memory_policy": _POLICIES, "dtype": _DTYPES, "device": POOLS["--device"], "board": POOLS["--board"], "models": _MODELS, "over": ({"width": "0.5:1:0.1"}, ["width"], {}, [], {"nosuch": [1]}),
    "baseline": _MODELS, "limits": ({"macs": "1M"}, {}, {"nosuch": 1}, {"peak": -1}, {"params": 10**6}, {"growth.macs": "1%"}), "deploy": (True, False, "int8", "fp32", "nosuch"),
    "table": POOLS["--energy"], "first": POOLS["--convention"], "second": POOLS["--convention"], "padding": ("same", "valid", 0, 1, [1, 2], [1, 2, 3, 4], -1, "x"), "stride": (1, 2, [1, 2], 0, 10**9),
    "kernel": (3, 1, [1, 5], 7, 0, -1, 10**9, [3, 3, 3]), "filters": (4, 6, 1, 0, 10**9), "by": ("macs", "params", "memory", "layer", "nosuch"), "columns": (["macs"], "params", ["nosuch"], [], 5), "digits": (3, 0, -1, 40),
    "convention": POOLS["--convention"], "pointers": (32, 64, 16), "kernels": ("reference", "cmsis_nn", "nosuch"), "runtime": ("tflm", "nosuch"), "lock": ("lock.yaml",), "called": (["a", "b"], ["a", "a"], [], "ab", ["a"], 5),
    "room": (860.0, 0.0, -1.0, 1e9), "devices": (["a100"], ["a100", "v100"], "a100", [], ["nosuch"], 5), "layer": ("stem", "head", "nosuch", ""), "settings": ({"width": 2}, {"width": [1, 2]}, {"self": 1}, {}, {"classes": "1:9"}),
    "knobs": ({"width": 2}, {}, {"nosuch": 1}, {"classes": 0}), "to": POOLS["--to"], "layers": POOLS["--layers"], "against": (["separable"], ["grouped:3"], "separable", [], ["x"], 5),
    "unfold": ("stem", ["block1"], ["nosuch"], [], 5), "excluded": ("stem", ["block*"], ["nosuch"], [], 5),
}  # fmt: skip


@cache
def functions() -> Mapping[str, Callable[..., Any]]:
    """The public functions that are tried."""
    found = {name: getattr(convcost, name) for name in sorted(convcost.__all__)}
    return {name: one for name, one in found.items() if inspect.isfunction(one) and name not in _UNTRIED}


_BY_KIND: tuple[tuple[str, Sequence[Any]], ...] = (
    ("GivenShape", _SHAPES),
    ("Shape", [shape for shape in _SHAPES if isinstance(shape, list)]),
    ("Model", _MODELS),
    ("Network", _MODELS),
    ("bool", (True, False)),
    ("int", _WHOLE),
    ("Sequence", ([],)),
)
"""What an annotation names -> values of that kind."""


def _drawn(rng: Random, one: inspect.Parameter) -> Any:
    """A value of a parameter's type: by its name, else by its annotation; anything where that says text or `Any`."""
    said, option = str(one.annotation), f"--{one.name.replace('_', '-')}"
    by_kind = (pool for kind, pool in _BY_KIND if kind in said)
    texts = "str" in said or "Any" in said
    pool = _WORDS.get(one.name) or (POOLS.get(option) if texts else ()) or next(by_kind, ())
    odd = texts and "Mapping" not in said and rng.random() < 0.05
    return near_front(rng, pool) if pool and not odd else value(rng)


def case(label: str, rng: Random) -> Case:
    """A call, about a small network."""
    name = rng.choice([*functions()])
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for one in inspect.signature(functions()[name]).parameters.values():
        if one.kind is one.VAR_POSITIONAL:
            positional += [
                _drawn(rng, one.replace(name="models", annotation="Model")) for _ in range(rng.choice((1, 1, 2, 0)))
            ]
        elif one.kind is one.VAR_KEYWORD:
            named |= {
                knob: near_front(rng, _AXES)
                for knob in rng.sample(("width", "classes", "nosuch"), rng.choice((0, 0, 1, 1, 2)))
            }
        elif one.default is one.empty:
            positional.append(_drawn(rng, one))
        elif one.kind is not one.POSITIONAL_ONLY and rng.random() < 0.2:
            named[one.name] = _drawn(rng, one)
        elif one.kind is one.POSITIONAL_ONLY and rng.random() < 0.3:
            positional.append(_drawn(rng, one))
    if name == "list_networks" and not positional:
        positional = ["lenet*"]  # the costs of the whole zoo take what they take where they are not kept yet
    return Case(label, ("call", name, positional, named), {"net.yaml": NET.encode()})
