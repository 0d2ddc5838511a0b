"""A graph as the program that TensorFlow's converter would write for it.

What was found out about the converter, 2.21, stands where it is followed: what it folds, in `lowering/rules.py`; padding, in
`lowering/windows.py`; what needs several kernels, with its op. In general:

- Tensors stand in the order inputs, stored ones, computed ones; the latter in the order in which kernels compute them.
- Kernels run depth first, each branch to its end (`lowering/order.py`).
- The batch is 1, and fixed: with an open one the converter adds kernels that compute shapes before each RESHAPE.
"""

from __future__ import annotations

from convcost.core.dtypes import check_dtype
from convcost.core.errors import UsageError
from convcost.core.units import say
from convcost.deploy.lowering import matrices, moves, norms, pointwise, sequences, windows
from convcost.deploy.lowering.order import depth_first
from convcost.deploy.lowering.rules import RULES, TYPES, Lowering, refused
from convcost.deploy.narrow import with_stated
from convcost.deploy.program import Program
from convcost.graph.walk import Walked

__all__ = ["deployed_as", "lowered", "matrices", "moves", "norms", "pointwise", "sequences", "windows"]


def deployed_as(deploy: str | bool | None, dtype: str | None) -> str | None:
    """The type of a network once deployed: that of `deploy`, else the `dtype` of all that is counted, which may be one that no
    program is lowered as; then this raises `UsageError` with the way out.

    >>> deployed_as("int16", "fp16"), deployed_as(True, "float32"), deployed_as(None, None)
    ('int16', 'float32', None)
    """
    if isinstance(deploy, str):
        return deploy
    if not isinstance(deploy, bool | None):
        raise UsageError(f"deploy is a type, as int8, or true or false, got {say(deploy)}")
    if dtype is not None and (name := check_dtype(dtype)) not in TYPES:
        raise UsageError(f"{_unlowered(name)}; give --deploy int8 as well")
    return dtype


def _unlowered(dtype: str) -> UsageError:
    return UsageError(f"a TFLite program is lowered as {', '.join(TYPES)}, got {dtype}")


def lowered(walked: Walked, dtype: str, *, everywhere: bool = False) -> Program:
    """The `.tflite` program of a network; raises `UsageError` for a layer that convcost does not lower.

    Narrow integers that the network states hold, unless the type is to be had `everywhere`.

    >>> from convcost import load
    >>> [kernel.type for kernel in lowered(load("ds_cnn_s").walked, "int8").kernels][-4:]
    ['DEPTHWISE_CONV_2D', 'CONV_2D', 'MEAN', 'FULLY_CONNECTED']
    """
    if dtype not in TYPES:
        raise _unlowered(dtype)
    low = Lowering(walked, TYPES[dtype])
    for step in depth_first(walked):
        if step.node.name in low.done:
            continue
        rule = RULES.get(step.node.op)
        if rule is None:
            raise refused(step, f"{step.kind} is not lowered to TFLite's kernels by convcost")
        if low.is_constant(step):
            low.store(step)
        else:
            rule(low, step)
    return low.program() if everywhere else with_stated(low.program(), walked)
