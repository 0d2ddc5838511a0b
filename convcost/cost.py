"""What one operation costs: the ledger entry that every rule returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from convcost.dims import Dim, Shape, elements, product
from convcost.units import shape_text

#: A tensor that must be kept for the backward pass. A mask is one byte per output element: which elements a dropout
#: has kept, or where in its window a maximum was found.
Saved = Literal["inputs", "outputs", "mask"]
PAPER = "paper"
"""The default convention."""


@dataclass(frozen=True, slots=True)
class Check:
    """A precondition as data: whether it holds, and what to say if not.

    Over ints `holds` is a bool and False is an error; over arrays it is an array of bools; over symbols it is a
    relation, and an undecided one becomes an assumption printed under the formula.
    `need` is a format string over the operands.
    """

    holds: Any
    need: str
    operands: tuple[Any, ...] = ()
    of_shape: bool = True
    """Whether the output's shape means nothing where this does not hold; else what follows can still be looked at."""

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
    """Sums or products of two elements, where tensors are joined element by element."""
    zeros: Dim = 0
    """Zeros that a normalisation over neighbouring channels writes beside the first and the last one."""
    variant: str = ""
    """Which of its ways to compute an attribute chose, where conventions tell them apart: the mode of an interpolation."""
    view: bool = False
    """Whether the output is the input's memory under another shape, so that nothing is written."""
    saves: tuple[Saved, ...] = ()
    """What the backward pass needs of the forward pass, weights apart: nothing, inputs, outputs, or a mask."""
    checks: tuple[Check, ...] = ()
    """What must hold for this entry to mean anything."""

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
    if field == "elements_out":
        return elements(cost.out)
    count: Dim = getattr(cost, field)
    return count


@dataclass(frozen=True, slots=True)
class Convention:
    """What counts as an operation: a named linear function over the ledger, kept as data in conventions.yaml."""

    name: str
    unit: str
    """What one counted operation is called: MACs or FLOPs."""
    counts: str
    """What is counted, in words for people."""
    source: str
    terms: dict[str, dict[str, int]]
    """op name, "op variant", "op as form" or "op variant as form" -> ledger field -> coefficient."""
    limits: dict[str, str]
    """op name -> where the tool's own count of it is no linear function over the ledger, in words for people."""

    def factors(self, op: str, form: str = "", variant: str = "") -> dict[str, int]:
        """The coefficients of an op's ledger, by field: those of its form before those of its variant.

        `form` is how the reference implementation writes the op; a tool may see only one of the ways.
        `variant` is that of its `OpCost`.
        """
        names = (f"{op} {variant} as {form}", f"{op} as {form}", f"{op} {variant}", op)
        return next((self.terms[name] for name in names if name in self.terms), {})

    def operations(self, op: str, cost: OpCost, inputs: Sequence[Shape] = (), form: str = "") -> Dim:
        """The operations of one op under this convention, batch 1."""
        return sum((n * entry(field, cost, inputs) for field, n in self.factors(op, form, cost.variant).items()), 0)
