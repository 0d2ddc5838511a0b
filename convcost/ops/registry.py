"""The table of ops, and the decorator that enters a rule into it.

A rule's signature is its specification: positional parameters are input shapes, keyword-only parameters are the
attributes of the spec language, and the docstring is the manual page.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from convcost.core import axes
from convcost.core.cost import Check, OpCost
from convcost.core.dims import Dim, Shape, is_array, is_symbolic
from convcost.core.errors import Unfit
from convcost.core.units import shape_text
from convcost.ops.attributes import Kind, Rank
from convcost.ops.traits import Traits

Rule = Callable[..., OpCost]
REQUIRED: Final = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Attr:
    """One attribute of an op: its kind and its default."""

    name: str
    kind: Kind
    default: Any

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@dataclass(frozen=True, slots=True)
class Op:
    """An op: its rule, and what the rule's signature says of inputs and attributes."""

    name: str
    rule: Rule
    doc: str
    inputs: tuple[Rank, ...]
    """Ranks of the inputs; the last one applies to all further inputs if `variadic`."""
    optional: int
    """How many of the inputs, the last ones, may be left out."""
    variadic: bool
    attrs: Mapping[str, Attr]
    traits: Traits
    """What is true of it besides its cost."""

    @property
    def reads_nothing(self) -> bool:
        """Whether it has no inputs."""
        return not self.inputs

    def convert(self, attrs: Mapping[str, Any]) -> dict[str, Any]:
        """All attributes as the rule takes them, defaults filled in; raises `Unfit`."""
        return {
            name: attr.kind.convert(attrs[name]) if name in attrs else attr.default for name, attr in self.attrs.items()
        }

    def cost(self, shapes: Sequence[Shape], attrs: Mapping[str, Any]) -> OpCost:
        """Apply the rule to inputs of these shapes; raises `Unfit` if their number or ranks are wrong.

        >>> from convcost.ops import OPS
        >>> conv = OPS["conv2d"]
        >>> conv.cost([(6, 6, 3)], conv.convert({"channels": 5, "kernel": 3})).macs  # 4·4 · 5 · 3·3·3
        2160
        """
        least = len(self.inputs) - self.optional
        most = None if self.variadic else len(self.inputs)
        if len(shapes) < least or (most is not None and len(shapes) > most):
            count = (
                f"{least} or more" if most is None else f"{least} or {most}" if least != most else str(least or "no")
            )
            raise Unfit(f"{self.name} takes {count} input{'s' * (count != '1')}, got {len(shapes)}")
        for position, shape in enumerate(shapes):
            rank = self.inputs[min(position, len(self.inputs) - 1)]
            if not rank.fits(shape):
                got = axes.kind(len(shape))
                raise Unfit(f"{self.name} needs {rank.text}, got {got} of {shape_text(shape)}{_remedy(shape)}")
        return self.rule(*shapes, **attrs)

    def padding_macs(self, shapes: Sequence[Shape], attrs: Mapping[str, Any]) -> Dim:
        """The MACs that multiply a padding zero: counted, but without effect on the result.

        Not an entry of the ledger, because only explanations and reports need it.
        """
        count = self.traits.padding_macs
        return count(*shapes, **attrs) if count else 0


OPS: dict[str, Op] = {}


def cost(name: str, *shapes: Shape, **attrs: Any) -> OpCost:
    """The cost of an op on inputs of these shapes, with attributes as a spec writes them; raises `Unfit`.

    >>> from convcost.ops import cost
    >>> cost("conv2d", (6, 6, 3), channels=5, kernel=3).macs  # 4·4 · 5 · 3·3·3
    2160
    """
    return OPS[name].cost(shapes, OPS[name].convert(attrs))


def op(name: str, traits: Traits, doc: str | None = None) -> Callable[[Rule], Rule]:
    """Register a rule and its traits under the name that specs use; raises `ValueError` if the name is taken."""

    def enter(rule: Rule) -> Rule:
        if name in OPS:
            raise ValueError(f"op {name!r} is registered twice")
        parameters = inspect.signature(rule, eval_str=True).parameters.values()
        shapes = [p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        attrs = {
            p.name: Attr(p.name, p.annotation.__metadata__[0], p.default)
            for p in parameters
            if p.kind is inspect.Parameter.KEYWORD_ONLY
        }
        OPS[name] = Op(
            name,
            rule,
            inspect.cleandoc(doc or rule.__doc__ or ""),
            tuple(p.annotation.__metadata__[0] for p in shapes),
            sum(p.default is not REQUIRED for p in shapes),
            any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in shapes),
            attrs,
            traits,
        )
        return rule

    return enter


def failure(check: Check) -> str | None:
    """The message of a failed check; None if it holds, or if symbols leave it undecided.

    >>> failure(Check(False, "{0} must divide {1}", (3, 64)))
    '3 must divide 64'
    """
    if is_symbolic(check.holds):
        return None
    if is_array(check.holds):
        if check.holds.all():
            return None
        return _at_first_failure(check)
    return None if check.holds else str(check)


def _at_first_failure(check: Check) -> str:
    """The message for the first point at which an array of checks fails."""
    import numpy as np

    at = tuple(int(i) for i in np.argwhere(~check.holds)[0])

    def there(operand: Any) -> Any:
        if isinstance(operand, tuple):
            return tuple(map(there, operand))
        return np.broadcast_to(operand, check.holds.shape)[at] if is_array(operand) else operand

    point = ", ".join(map(str, at))
    return f"{Check(False, check.need, tuple(map(there, check.operands)))} (first at point {point})"


def _remedy(shape: Shape) -> str:
    if len(shape) == 2:
        return ". A map is [height, width, channels]"
    return ". Put flatten or global_avg_pool and flatten before it" if len(shape) == 3 else ""
