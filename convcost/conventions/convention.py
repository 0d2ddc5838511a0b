"""What counts as an operation: a linear function over the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convcost.core.cost import BY_TYPE, USUAL, Factors, OpCost, entry
from convcost.core.dims import Dim, Shape
from convcost.graph.graph import LIKE

if TYPE_CHECKING:
    from convcost.graph.walk import Step

PAPER = "paper"
"""The default convention."""


@dataclass(frozen=True, slots=True)
class Convention:
    """What counts as an operation: a named linear function over the ledger, kept as data in conventions.yaml."""

    name: str
    unit: str
    """The unit of the count: MACs or FLOPs."""
    counts: str
    """What is counted, in words for people."""
    source: str
    terms: dict[str, dict[str, int]] = field(hash=False)
    """op name, "op variant", "op as form" or "op variant as form" -> ledger field -> coefficient."""
    ignored: dict[str, str] = field(hash=False)
    """op name -> why it is not counted, in words for people."""
    limits: dict[str, str] = field(hash=False)
    """op name -> where the tool's own count is not a linear function over the ledger, in words for people."""

    def knows(self, op: str) -> bool:
        """Whether it states what it counts of an op, even if that is nothing; an op that it does not know is "not counted"."""
        return op in self.terms or op in self.ignored

    def factors(self, op: str, form: str = "", variant: str = "") -> dict[str, int]:
        """The coefficients of an op's ledger, by field; those stated for its form take precedence over those of its variant.

        `form` is how the reference implementation writes the op; a tool may see only one of the forms. Of a form that is not
        stated, those of the form that it is `LIKE` hold, and so on. `variant` is that of its `OpCost`.

        >>> Convention("a", "MACs", "", "", {"conv2d": {"macs": 1}, "conv2d as functional": {}}, {}, {}).factors("conv2d", "fused")
        {}
        """
        if not form and not variant:
            return self.terms.get(op, {})
        forms = [form]
        while forms[-1] in LIKE:
            forms.append(LIKE[forms[-1]])
        written = [name for each in forms for name in (f"{op} {variant} as {each}", f"{op} as {each}")]
        return next((self.terms[name] for name in (*written, f"{op} {variant}", op) if name in self.terms), {})

    @property
    def by_type(self) -> bool:
        """Whether what it counts depends on the types of weights and activations."""
        return any(name in BY_TYPE for factors in self.terms.values() for name in factors)

    def operations(
        self,
        op: str,
        cost: OpCost,
        inputs: Sequence[Shape] = (),
        form: str = "",
        attrs: Mapping[str, Any] | None = None,
        factors: Factors = USUAL,
    ) -> Dim:
        """The operations of one op under this convention, batch 1."""
        terms = self.factors(op, form, cost.variant).items()
        return sum((n * entry(field, cost, inputs, attrs or {}, factors) for field, n in terms), 0)

    def of(self, step: Step, factors: Factors = USUAL) -> Dim:
        """The operations of a layer whose factors have these types, batch 1."""
        node = step.node
        return self.operations(node.op, step.cost, step.input_shapes, node.form, node.attrs, factors)
