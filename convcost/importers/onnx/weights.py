"""Inputs of a graph that carry weights: a file that was exported without its weights has them as inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from convcost.importers.model import Op, Stated, Stored

SLOTS: dict[str, frozenset[int]] = {
    "Conv": frozenset({1, 2}),
    "ConvTranspose": frozenset({1, 2}),
    "ConvInteger": frozenset({1, 3}),
    "DeformConv": frozenset({1, 3}),
    "QLinearConv": frozenset({1, 2, 3, 4, 5, 6, 7, 8}),
    "BatchNormalization": frozenset({1, 2, 3, 4}),
    "InstanceNormalization": frozenset({1, 2}),
    "GroupNormalization": frozenset({1, 2}),
    "LayerNormalization": frozenset({1, 2}),
    "RMSNormalization": frozenset({1}),
    "LSTM": frozenset({1, 2, 3, 7}),
    "GRU": frozenset({1, 2, 3}),
    "RNN": frozenset({1, 2, 3}),
    "PRelu": frozenset({1}),
}
"""Where only weights stand: positions among the inputs of an op."""
_PARAMETER = re.compile(
    r"(^|[./])((in_proj_|_?)?(weight|bias|kernel|gamma|beta)(_[a-z]+_l\d+\w*)?|running_(mean|var))$"
)
"""How frameworks call parameters."""


def split_inputs(given: Mapping[str, Stated], ops: Sequence[Op]) -> tuple[dict[str, Stated], dict[str, Stored]]:
    """The inputs of a graph that people give, and those that only carry weights, as stored tensors.

    The latter have fixed sizes and stand only where ops take weights, or are called as frameworks call parameters.

    >>> given = {"x": Stated((1, 3, 8, 8)), "w": Stated((4, 3, 3, 3), "fp32")}
    >>> inputs, weights = split_inputs(given, [Op("Conv", "", ("x", "w"), ("y",))])
    >>> list(inputs), weights["w"].shape
    (['x'], (4, 3, 3, 3))
    """
    elsewhere: set[str] = set()
    used: set[str] = set()
    for op in ops:
        slots = SLOTS.get(op.type, frozenset())
        for position, name in enumerate(op.inputs):
            if name in given:
                (used if position in slots else elsewhere).add(name)
    inputs: dict[str, Stated] = {}
    weights: dict[str, Stored] = {}
    for name, stated in given.items():
        shape = _fixed(stated)
        by_use = name in used and name not in elsewhere
        if shape is not None and (by_use or _PARAMETER.search(name)):
            weights[name] = Stored(name, shape, stated.dtype)
        else:
            inputs[name] = stated
    return inputs, weights


def _fixed(stated: Stated) -> tuple[int, ...] | None:
    if stated.shape is None:
        return None
    sizes = tuple(size for size in stated.shape if isinstance(size, int))
    return sizes if len(sizes) == len(stated.shape) else None
