"""What a file stores, beside what the graph counts: no stored element is counted twice, and none is forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from convcost.core.dims import is_array, is_symbolic
from convcost.core.errors import Unfit
from convcost.graph.graph import STORED, TABLES
from convcost.graph.walk import Step
from convcost.importers.model import Stored
from convcost.importers.values import Value, is_zero

Weights: TypeAlias = "Mapping[str, Sequence[Value | None]]"
"""Field of the ledger, one of `STORED` -> the values whose elements it counts; None for one that is left out."""
FLOATS = ("fp64", "fp32", "fp16", "bf16", "fp8")


class Accounts:
    """The stored tensors that nodes use."""

    def __init__(self) -> None:
        self.owners: dict[tuple[str, tuple[str, ...]], Step] = {}
        """Kind of node and names of the tensors that it multiplies with -> the first node that does."""
        self.fields: dict[str, dict[str, tuple[str, ...]]] = {}
        """Node -> field -> names of the stored tensors that it uses."""
        self.used: dict[str, int] = {}
        """Name of a stored tensor -> how many elements nodes count for it, of those that share it one."""
        self.layers: dict[tuple[str, str], str] = {}
        """Kind of node and layer -> the first node of that kind with weights, where the file names layers alone."""
        self.folded = 0
        """MACs of products that depend on no input, which a runtime computes once."""
        self.dissolved = 0
        """Stored numbers that go into weights with fewer elements, which are computed before anything runs."""
        self.aside: set[str] = set()
        """Names of stored tensors that are no parameters of a layer."""
        self.parts: dict[str, dict[str, int]] = {}
        """Name of a stored tensor that is cut up before anything runs -> its parts, and their elements."""

    def shares(self, kind: str, weights: Weights, layer: str = "") -> dict[str, str]:
        """The fields whose stored tensors an earlier node of this kind uses, with its name.

        Layers that use the same matrix or the same filters share them. Where only vectors are the same - zeros, ones - an
        exporter has merged equal tensors of different layers: these are counted for each, unless the format knows parameters.
        """
        if first := self.layers.get((kind, layer)):
            return dict.fromkeys(STORED, first)
        matrices = stored_in(weights.get("weights", ()))
        alike = (kind, *(other for other in TABLES if kind in TABLES))
        owner = next((found for one in alike if (found := self.owners.get((one, _names(matrices))))), None)
        if any(map(is_computed, weights.values())):  # such as the parts of one matrix, of which each layer has another
            return {}
        if owner is None or not any(is_matrix(one) or one.trainable is not None for one in matrices):
            return {}
        theirs = self.fields[owner.node.name]
        return {
            name: owner.node.name
            for name in STORED
            if (ours := _names(stored_in(weights.get(name, ())))) and theirs.get(name) == ours
        }

    def use(self, step: Step, weights: Weights, layer: str = "") -> None:
        """Note what a node uses; raises `Unfit` if it counts other elements than the file stores for it."""
        if layer and any(not is_zero(getattr(step.cost, name)) for name in STORED):
            self.layers.setdefault((step.node.op, layer), step.node.name)
        for name in STORED:
            if name not in weights:
                continue
            stored = stored_in(weights[name])
            counted: Any = getattr(step.cost, name)
            has = sum(one.elements for one in stored)
            computed = is_computed(weights[name])
            if not computed and not _equal(counted, has):
                raise Unfit(f"the file stores {has:,} {name}, but its input takes {_number(counted)}")
            self.fields.setdefault(step.node.name, {})[name] = _names(stored)
            if name == "weights" and not computed:
                self.owners.setdefault((step.node.op, _names(stored)), step)
            if computed and isinstance(counted, int):
                self.dissolved += max(sum(one.elements for one in stored if one.elements > 1) - counted, 0)
            if name not in step.node.shares:
                part = counted if computed and len(stored) == 1 and isinstance(counted, int) else None
                for one in stored:
                    self.used[one.name] = self.used.get(one.name, 0) + (one.elements if part is None else part)

    def fold(self, macs: Any) -> None:
        """Note a product that depends on no input."""
        if isinstance(macs, int):
            self.folded += macs

    def set_aside(self, stored: Iterable[Stored]) -> None:
        """Note stored numbers that are no parameters of a layer, but say how it computes: scales of quantised numbers."""
        self.aside.update(one.name for one in stored)

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
            if one.dtype in FLOATS
            and one.elements > 1
            and one.name not in self.aside
            and not self.is_counted(one.name, one.elements)
        )

    def merged(self, stored: Iterable[Stored]) -> int:
        """Elements that are stored once, but counted again for other layers: equal tensors that an exporter merged."""
        return sum(max(self.used.get(one.name, 0) - one.elements, 0) for one in stored)


def stored_in(values: Iterable[Value | None]) -> tuple[Stored, ...]:
    """The stored tensors that values consist of."""
    return tuple(stored for value in values if value is not None for stored in value.stored)


def is_matrix(stored: Stored) -> bool:
    """Whether it has elements along more than one axis: a vector may be written with axes of size 1.

    >>> is_matrix(Stored("scale", (64, 1, 1), "fp32")), is_matrix(Stored("filters", (64, 3, 1, 1), "fp32"))
    (False, True)
    """
    return sum(size > 1 for size in stored.shape) > 1


def is_computed(values: Iterable[Value | None]) -> bool:
    """Whether one of these values is computed from stored tensors, or a part of one."""
    return any(value is not None and value.computed for value in values)


def _names(stored: Iterable[Stored]) -> tuple[str, ...]:
    return tuple(one.name for one in stored)


def _equal(counted: Any, stored: int) -> bool:
    if is_symbolic(counted):
        return bool((counted - stored).expand() == 0)
    same = counted == stored
    return bool(same.all()) if is_array(same) else bool(same)


def _number(counted: Any) -> str:
    return f"{counted:,}" if isinstance(counted, int) else str(counted) if is_symbolic(counted) else "others"
