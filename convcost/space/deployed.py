"""What the networks of one structure take of a device, over the grid: arena, weights, flash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from convcost.core.dims import Dim
from convcost.core.errors import UsageError
from convcost.deploy.arena import asked
from convcost.deploy.flash import deployed_size
from convcost.deploy.lowered import lowered
from convcost.deploy.program import Program
from convcost.deploy.tflm.lifetimes import Request as Buffer
from convcost.deploy.tflm.refused import refusals
from convcost.graph.walk import Walked
from convcost.memory.lifetimes import met
from convcost.space.numbers import Number, added, in_two, make
from convcost.space.planner import heads
from convcost.space.tally import Tally
from convcost.space.target import Target

_MOST_SIZES = 2**25
"""The most sizes of buffers that are held at once, 8 bytes each; beyond, the grid is split."""


def deployed_costs(walked: Walked, target: Target, shape: Sequence[int], tally: Tally) -> Mapping[str, Dim]:
    """The metrics of `core.metrics.DEPLOYED` for the networks of a box of this shape; what is done for them is counted.

    Raises `UsageError` for a layer without a counterpart, and for a program that the runtime would refuse; `TooMany` where the
    grid has more of them than are planned.
    """
    tally.lower(len(walked.steps))
    program = lowered(walked, target.deployment.dtype, everywhere=target.everywhere)
    tally.lower(max(0, len(program.kernels) - len(walked.steps)))
    if refused := next(refusals(program), ""):
        raise UsageError(f"{refused}; `convcost memory --runtime {target.deployment.runtime}` shows what it would take")
    _holdable(program, shape)
    needs = asked(program, target.deployment)
    tally.meet(met(needs.buffers), prod(shape))
    head, stays = head_of(needs.buffers), [item.bytes for item in needs.items]
    size = deployed_size(program, runtime=target.code)
    return {
        "ram_bytes": added([head, *stays]),
        "arena_head_bytes": head,
        "deployed_weight_bytes": size.weight_bytes,
        "flash_bytes": size.flash_bytes,
    }


def head_of(buffers: Sequence[Buffer]) -> Dim:
    """The bytes of the arena's head, at every point of the grid that the sizes vary over.

    >>> from convcost.space.numbers import along
    >>> first = Buffer("x", along([16, 64], 0, 1), 0, 1, "tensor")
    >>> head = head_of([first, Buffer("y", 32, 1, 2, "tensor"), Buffer("z", 48, 2, 3, "tensor")])
    >>> head.dense().array.tolist()  # 32 + 48, or 64 + 32 with 48 in the place of 64
    [80, 96]
    """
    sizes = [_array(buffer.size) for buffer in buffers]
    varying = [size.shape for size in sizes if size.ndim]
    shape = np.broadcast_shapes(*varying) if varying else ()
    table = np.empty((len(sizes), prod(shape)), dtype=np.result_type(np.int64, *sizes))
    for row, size in zip(table, sizes, strict=True):
        row[:] = np.broadcast_to(size, shape).ravel()
    found = heads(table, [buffer.first for buffer in buffers], [buffer.last for buffer in buffers])
    return make(found.reshape(shape)) if varying else int(found[0])


def _array(size: Dim) -> Any:
    if not isinstance(size, Number):
        return np.asarray(size)
    field = size.dense()
    assert field.denominator == 1, "sizes are whole"
    return field.array


def _holdable(program: Program, shape: Sequence[int]) -> None:
    """Split a box whose sizes are too many to be held at once, along its longest axis."""
    if prod(shape) * len(program.tensors) > _MOST_SIZES:
        raise in_two(shape)
