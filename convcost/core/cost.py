"""What one operation costs: the ledger entry that every rule returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from convcost.core.dims import Dim, Shape, elements, product
from convcost.core.units import shape_text

#: A tensor that must be kept for the backward pass. A mask takes one byte per output element: which elements a dropout
#: kept, or where in its window the maximum was.
Saved = Literal["inputs", "outputs", "mask"]


@dataclass(frozen=True, slots=True)
class Check:
    """A precondition as data: whether it holds, and what to say if not.

    Over ints, `holds` is a bool and False is an error; over arrays, it is an array of bools; over symbols, it is a
    relation, which becomes an assumption printed under the formula if it cannot be decided.
    `need` is a format string over the operands.
    """

    holds: Any
    need: str
    operands: tuple[Any, ...] = ()
    of_shape: bool = True
    """Whether the output shapes are meaningless if the check fails; otherwise the layers after it can still be checked."""

    def __str__(self) -> str:
        return self.need.format(*(shape_text(o) if isinstance(o, tuple) else o for o in self.operands))


@dataclass(frozen=True, slots=True)
class OpCost:
    """The cost of one op on one image (batch 1), in exact counts; no bytes and no FLOPs here.

    Bits per element and the meaning of an "operation" (a `Convention`) are applied once, above.
    """

    out: tuple[Shape, ...]
    """Shapes of the outputs, (h, w, c) or (c,)."""
    macs: Dim = 0
    """Multiply-accumulates, without bias; multiplications of padding zeros included."""
    bias_adds: Dim = 0
    """Additions of a bias, one per output element that has one."""
    weights: Dim = 0
    """Trainable elements that multiply: filters, matrices, the scale of a normalisation."""
    biases: Dim = 0
    """Trainable elements that are added: biases, the shift of a normalisation."""
    buffers: Dim = 0
    """Elements that are stored but not trained: running mean and variance."""
    elementwise: Dim = 0
    """Sums or products of two elements, in element-wise ops on several tensors."""
    zeros: Dim = 0
    """Zeros with which a normalisation over neighbouring channels pads the channel axis."""
    variant: str = ""
    """The variant of the op that an attribute or the number of axes selects, where conventions count variants differently:
    the mode of an interpolation."""
    saves: tuple[Saved, ...] = ()
    """What the backward pass needs from the forward pass, besides weights: nothing, inputs, outputs, or a mask."""
    checks: tuple[Check, ...] = ()
    """Preconditions: the entry is valid only if all of them hold."""

    @property
    def params(self) -> Dim:
        """Trainable elements."""
        return self.weights + self.biases


LEDGER = {
    "macs": "multiply-accumulates",
    "bias_adds": "bias additions",
    "weights": "weights",
    "biases": "biases",
    "buffers": "running statistics",
    "weight_positions": "weights times output positions",
    "elements_in": "elements read",
    "elements_out": "elements written",
    "positions_out": "output positions",
    "elementwise": "element-wise sums and products",
    "zeros": "zeros written for padding",
    "states": "positions read times channels written",
}
"""What a convention can count of an op: field -> in words."""


def entry(field: str, cost: OpCost, inputs: Sequence[Shape]) -> Dim:
    """One entry of an op's ledger.

    >>> entry("elements_out", OpCost(out=((4, 4, 5),)), [(6, 6, 3)])
    80
    """
    if field == "elements_in":
        return elements(inputs)
    if field == "weight_positions":
        return cost.weights * product(cost.out[0][:-1])
    if field == "positions_out":
        return product(cost.out[0][:-1])
    if field == "states":
        return product(inputs[0][:-1]) * cost.out[0][-1]
    if field == "elements_out":
        return elements(cost.out)
    count: Dim = getattr(cost, field)
    return count
