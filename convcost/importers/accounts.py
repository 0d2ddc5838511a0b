"""What a file stores, beside what the graph counts: no stored element is counted twice, and none is forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from convcost.core.dims import is_array, is_symbolic
from convcost.core.errors import Unfit
from convcost.graph.graph import STORED
from convcost.graph.walk import Step
from convcost.importers.model import Stored
from convcost.importers.values import Value

Weights: TypeAlias = "Mapping[str, Sequence[Value | None]]"
"""Field of the ledger, one of `STORED` -> the values whose elements it counts; None for one that is left out."""
FLOATS = ("fp64", "fp32", "fp16", "bf16", "fp8")


class Accounts:
    """The stored tensors that nodes use."""

    def __init__(self) -> None:
        self.owners: dict[tuple[str, str, tuple[str, ...]], str] = {}
        """Kind of node, field and names of stored tensors -> the first node that uses them so."""
        self.used: dict[str, int] = {}
        """Name of a stored tensor -> how many nodes count its elements, of those that share it one."""
        self.parts: dict[str, dict[str, int]] = {}
        """Name of a stored tensor that is cut up before anything runs -> its parts, and their elements."""

    def shares(self, kind: str, weights: Weights) -> dict[str, str]:
        """The fields whose stored tensors an earlier node of this kind uses, with its name."""
        found = {}
        for name in STORED:
            stored = tuple(one.name for one in stored_in(weights.get(name, ())))
            if stored and (owner := self.owners.get((kind, name, stored))):
                found[name] = owner
        return found

    def use(self, step: Step, weights: Weights) -> None:
        """Note what a node uses; raises `Unfit` if it counts other elements than the file stores for it."""
        for name in STORED:
            if name not in weights:
                continue
            stored = stored_in(weights[name])
            counted: Any = getattr(step.cost, name)
            has = sum(one.elements for one in stored)
            computed = any(value is not None and value.computed for value in weights[name])
            if not computed and not is_symbolic(counted) and not _equal(counted, has):
                raise Unfit(f"the file stores {has:,} {name}, but its input takes {_number(counted)}")
            if stored and name not in step.node.shares:
                self.owners[step.node.op, name, tuple(one.name for one in stored)] = step.node.name
                for one in stored:
                    self.used[one.name] = self.used.get(one.name, 0) + 1

    def cut(self, whole: Stored, part: Stored) -> None:
        """Note that a part of a stored tensor is read as one of its own."""
        self.parts.setdefault(whole.name, {})[part.name] = part.elements

    def is_counted(self, name: str, elements: int) -> bool:
        """Whether nodes count all of so many elements of a stored tensor, or of the parts that it is cut into."""
        parts = self.parts.get(name, {})
        return name in self.used or sum(size for part, size in parts.items() if self.is_counted(part, size)) >= elements

    def left(self, stored: Iterable[Stored]) -> tuple[Stored, ...]:
        """Of the stored tensors, those of several floating-point numbers that no node counts."""
        return tuple(
            one
            for one in stored
            if one.dtype in FLOATS and one.elements > 1 and not self.is_counted(one.name, one.elements)
        )

    def merged(self, stored: Iterable[Stored]) -> int:
        """Elements that are stored once, but counted again for other layers: equal tensors that an exporter merged."""
        return sum((self.used.get(one.name, 1) - 1) * one.elements for one in stored)


def stored_in(values: Iterable[Value | None]) -> tuple[Stored, ...]:
    """The stored tensors that values consist of."""
    return tuple(stored for value in values if value is not None for stored in value.stored)


def _equal(counted: Any, stored: int) -> bool:
    same = counted == stored
    return bool(same.all()) if is_array(same) else bool(same)


def _number(counted: Any) -> str:
    return f"{counted:,}" if isinstance(counted, int) else "others"
