"""Ops on tensors of any rank against torch: shapes, parameters, and what torch refuses.

torch has channels first in convolutions only, so that all of these work on the last axis as here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from convcost.ops import OPS, failure

from .require import require

pytestmark = pytest.mark.oracle

Built = Callable[[Any, Any], Any]
"""(torch, tensors) -> the output, or (module, output)."""


def module(name: str, *arguments: Any, **options: Any) -> Built:
    """A module of torch.nn, applied to the first tensor; of several outputs the first counts."""

    def build(torch: Any, tensors: Any) -> Any:
        made = getattr(torch.nn, name)(*arguments, **options)
        out = made(*tensors)
        return made, out[0] if isinstance(out, tuple) else out

    return build


def function(call: Callable[..., Any]) -> Built:
    return lambda torch, tensors: (None, call(torch, *tensors))


RECURRENT = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
#: op, shapes, attributes, what torch does. Batches and sequences come first: torch's recurrent layers want both.
CASES: list[tuple[str, list[tuple[int, ...]], dict[str, Any], Built]] = [
    ("linear", [(25, 6)], {"channels": 4}, module("Linear", 6, 4)),
    ("linear", [(3, 5, 6)], {"channels": 4, "bias": False, "at": "positions"}, module("Linear", 6, 4, bias=False)),
    ("layer_norm", [(3, 5, 6)], {}, module("LayerNorm", 6)),
    ("layer_norm", [(3, 5, 6)], {"axes": [1, 2]}, module("LayerNorm", (5, 6))),
    ("layer_norm", [(3, 5, 6)], {"axes": [1, 2], "shift": False}, module("LayerNorm", (5, 6), bias=False)),
    *(
        (op, [(2, 7, 5)], {"channels": 3, **attrs}, module(name, 5, 3, batch_first=True, **options))
        for op, name in RECURRENT.items()
        for attrs, options in (
            ({}, {}),
            ({"biases": 0}, {"bias": False}),
            ({"bidirectional": True}, {"bidirectional": True}),
        )
    ),
    ("matmul", [(2, 5, 4), (2, 4, 3)], {}, function(lambda _, x, y: x @ y)),
    ("matmul", [(2, 5, 4), (2, 3, 4)], {"transpose": True}, function(lambda _, x, y: x @ y.transpose(-1, -2))),
    ("matmul", [(5, 4), (6, 4, 3)], {}, function(lambda _, x, y: x @ y)),
    ("matmul", [(6, 1, 5, 4), (7, 4, 3)], {}, function(lambda _, x, y: x @ y)),
    ("matmul", [(2, 5, 4), (3, 4, 3)], {}, function(lambda _, x, y: x @ y)),
    ("matmul", [(5, 4), (3, 4)], {}, function(lambda _, x, y: x @ y)),
    ("reshape", [(4, 6)], {"shape": [-1, 3]}, function(lambda _, x: x.reshape(-1, 3))),
    ("reshape", [(4, 6)], {"shape": [5, 5]}, function(lambda _, x: x.reshape(5, 5))),
    ("reshape", [(4, 6)], {"shape": [-1, 5]}, function(lambda _, x: x.reshape(-1, 5))),
    ("transpose", [(4, 5, 6)], {"axes": [2, 0, 1]}, function(lambda _, x: x.permute(2, 0, 1))),
    ("transpose", [(4, 5, 6)], {"axes": [2, 0]}, function(lambda _, x: x.permute(2, 0))),
    ("transpose", [(4, 5, 6)], {"axes": [2, 0, -1]}, function(lambda _, x: x.permute(2, 0, -1))),
    ("expand", [(1, 6)], {"shape": [3, 4, 6]}, function(lambda _, x: x.expand(3, 4, 6))),
    ("expand", [(2, 6)], {"shape": [4, 6]}, function(lambda _, x: x.expand(4, 6))),
    ("roll", [(4, 5, 6)], {"shift": [-1, 2]}, function(lambda torch, x: torch.roll(x, (-1, 2), (0, 1)))),
    ("reduce", [(4, 5, 6)], {"axes": [0, 1], "function": "mean"}, function(lambda _, x: x.mean((0, 1), keepdim=True))),
    ("reduce", [(4, 5, 6)], {"axes": 1, "function": "sum", "keep": False}, function(lambda _, x: x.sum(1))),
    (
        "reduce",
        [(4, 5, 6)],
        {"axes": [1, -1], "function": "norm", "keep": False},
        function(lambda _, x: x.norm(dim=(1, -1))),
    ),
    ("reduce", [(4, 5, 6)], {"axes": 3, "function": "sum"}, function(lambda _, x: x.sum(3, keepdim=True))),
    ("softmax", [(4, 5)], {"axis": 0}, function(lambda _, x: x.softmax(0))),
    ("softmax", [(4, 5)], {"axis": 2}, function(lambda _, x: x.softmax(2))),
    ("l2_normalize", [(4, 5)], {"axis": 0}, function(lambda torch, x: torch.nn.functional.normalize(x, dim=0))),
    ("top_k", [(4, 5)], {"count": 3, "axis": 0}, function(lambda _, x: x.topk(3, 0)[0])),
    ("top_k", [(4, 5)], {"count": 6}, function(lambda _, x: x.topk(6)[0])),
    (
        "gather",
        [(4, 5)],
        {"count": 3, "axis": 0},
        function(lambda torch, x: x.index_select(0, torch.tensor([3, 0, 3]))),
    ),
    ("slice", [(7, 5)], {"start": 1, "step": 3, "axis": 0}, function(lambda _, x: x[1::3])),
    ("concat", [(1, 6), (4, 6)], {"axis": 0}, function(lambda torch, *xs: torch.cat(xs, 0))),
    ("concat", [(1, 6), (4, 6)], {}, function(lambda torch, *xs: torch.cat(xs, -1))),
    ("split", [(6, 5)], {"sections": [2, 4], "axis": 0}, function(lambda _, x: x.split([2, 4], 0)[0])),
    ("multiply", [(4, 5, 6), (6,)], {}, function(lambda _, x, y: x.mul_(y))),
    ("multiply", [(4, 5, 6), (4, 5, 1)], {}, function(lambda _, x, y: x.mul_(y))),
    ("multiply", [(4, 1, 6), (4, 5, 1)], {}, function(lambda _, x, y: x.mul_(y))),
    ("add", [(4, 5, 6), (5, 1)], {"broadcast": True}, function(lambda _, x, y: x.add_(y))),
    ("add", [(4, 5, 6), (4, 1)], {"broadcast": True}, function(lambda _, x, y: x.add_(y))),
]


@pytest.mark.parametrize(("op", "shapes", "attrs", "build"), CASES, ids=lambda value: str(value)[:30])
def test_as_torch_does(op: str, shapes: list[tuple[int, ...]], attrs: dict[str, Any], build: Built) -> None:
    require("torch")
    import torch

    cost = OPS[op].cost(shapes, OPS[op].convert(attrs))
    fits = not any(map(failure, cost.checks))
    try:
        made, out = build(torch, [torch.zeros(shape) for shape in shapes])
    except (RuntimeError, IndexError):
        assert not fits
        return
    assert fits
    assert tuple(out.shape) == cost.out[0]
    assert (sum(p.numel() for p in made.parameters()) if made else 0) == cost.params


def test_an_embedding_as_torch_has_it() -> None:
    require("torch")
    import torch

    made = torch.nn.Embedding(10, 6)
    cost = OPS["embedding"].cost([(4, 5)], OPS["embedding"].convert({"rows": 10, "channels": 6}))
    assert tuple(made(torch.zeros(4, 5, dtype=torch.long)).shape) == cost.out[0]
    assert sum(p.numel() for p in made.parameters()) == cost.params
