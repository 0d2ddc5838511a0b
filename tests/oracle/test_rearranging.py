"""Ops that rearrange or normalise against torch: shapes, parameters, and what torch refuses."""

from __future__ import annotations

from typing import Any

import pytest

from convcost.ops import OPS, Unfit, failure

from .require import require

pytestmark = pytest.mark.oracle

#: op, attributes, the module of torch and its arguments for c channels.
CASES: list[tuple[str, dict[str, Any], str, Any]] = [
    ("depth_to_space", {"block": 2}, "PixelShuffle", lambda _c: (2,)),
    ("depth_to_space", {"block": 3}, "PixelShuffle", lambda _c: (3,)),
    ("space_to_depth", {"block": 2}, "PixelUnshuffle", lambda _c: (2,)),
    ("space_to_depth", {"block": 3}, "PixelUnshuffle", lambda _c: (3,)),
    ("group_norm", {"groups": 1}, "GroupNorm", lambda c: (1, c)),
    ("group_norm", {"groups": 3}, "GroupNorm", lambda c: (3, c)),
    ("group_norm", {"groups": 4, "scale": False, "shift": False}, "GroupNorm", lambda c: (4, c, 1e-5, False)),
]
SHAPES = [(4, 6, 12), (6, 9, 18), (3, 5, 8), (6, 6, 36)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("op", "attrs", "module", "arguments"), CASES, ids=lambda value: str(value)[:24])
def test_as_torch_does(
    op: str, attrs: dict[str, Any], module: str, arguments: Any, shape: tuple[int, int, int]
) -> None:
    require("torch")
    import torch

    height, width, channels = shape
    cost = OPS[op].cost([shape], OPS[op].convert(attrs))
    fits = not any(map(failure, cost.checks))
    try:
        made = getattr(torch.nn, module)(*arguments(channels))
        out = made(torch.zeros(1, channels, height, width))
    except (RuntimeError, ValueError):
        assert not fits
        return
    assert fits
    assert (*out.shape[2:], out.shape[1]) == cost.out[0]
    assert sum(p.numel() for p in made.parameters()) == cost.params
    assert sum(b.numel() for b in made.buffers()) == cost.buffers


def test_a_wrong_attribute_is_refused() -> None:
    with pytest.raises(Unfit):
        OPS["depth_to_space"].convert({"block": 0})
