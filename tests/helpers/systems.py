"""Run one op in three number systems - ints, numpy arrays, sympy symbols - and give back plain data to compare.

Every number of a case (the axes of its input shapes, kernel, stride, padding, ...) is replaced by an array or by a
symbol; what decides the structure (booleans, words, tables, the number of inputs, of list entries and of sections)
stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import sympy

from convcost.core.cost import Check, OpCost
from convcost.ops import OPS, failure
from convcost.ops.attributes import (
    Connections,
    EachAxis,
    Extent,
    Integer,
    OneAxis,
    Parts,
    ShapeOf,
    ShapesOf,
    Shifts,
    Sides,
    SomeAxes,
)

#: Kinds whose numbers are no sizes: they say which axis or which channel is meant.
STRUCTURE = (Connections, OneAxis, SomeAxes)
#: The fields of an OpCost that are counts.
COUNTS = ("macs", "bias_adds", "weights", "biases", "buffers", "elementwise", "zeros")


class Case(NamedTuple):
    """An op, the shapes it reads, and its attributes as a spec writes them."""

    op: str
    shapes: Sequence[tuple[Any, ...]]
    attrs: Mapping[str, Any]


class Numbers(NamedTuple):
    """An OpCost in plain Python ints and bools; `holds` has a bool for each check."""

    out: tuple[tuple[int, ...], ...]
    macs: int
    bias_adds: int
    weights: int
    biases: int
    buffers: int
    elementwise: int
    zeros: int
    variant: str
    holds: tuple[bool, ...]


class Slot(NamedTuple):
    """Where a number stands in a case: an axis of an input, or an attribute (an entry of it, where it is a list)."""

    name: str
    index: int | None
    least: int


def evaluate(case: Case) -> OpCost:
    """Convert the attributes and apply the rule, as convcost does."""
    op = OPS[case.op]
    return op.cost(case.shapes, op.convert(case.attrs))


def rebuild(case: Case, put: Callable[[Slot, int], Any]) -> Case:
    """The case with every number that is a size replaced by `put(slot, number)`."""
    shapes = [
        tuple(put(Slot(f"input{i}", axis, least=1), size) for axis, size in enumerate(shape))
        for i, shape in enumerate(case.shapes)
    ]
    attrs = {}
    for name, value in case.attrs.items():
        kind = OPS[case.op].attrs[name].kind
        if isinstance(value, list) and any(isinstance(one, list) for one in value) and not isinstance(kind, STRUCTURE):
            attrs[name] = [_inner(put, f"{name}{at}", one, _least(kind)) for at, one in enumerate(value)]
        elif isinstance(value, list) and not isinstance(kind, STRUCTURE):
            # In a shape, -1 stands for no number.
            attrs[name] = [
                -1 if isinstance(kind, ShapeOf) and number == -1 else put(Slot(name, at, _least(kind)), number)
                for at, number in enumerate(value)
            ]
        elif isinstance(kind, (Integer, EachAxis, Extent, Sides, ShapeOf, ShapesOf, Shifts)) and isinstance(value, int):
            attrs[name] = put(Slot(name, None, _least(kind)), value)
        else:
            attrs[name] = value  # structure, a word, a truth value, a rate, a number of sections
    return Case(case.op, shapes, attrs)


def _inner(put: Callable[[Slot, int], Any], name: str, one: Any, least: int) -> Any:
    """An entry of a list of lists, or of lists and numbers."""
    if isinstance(one, list):
        return [put(Slot(name, at, least), number) for at, number in enumerate(one)]
    return put(Slot(name, None, least), one)


def _least(kind: Any) -> int:
    if isinstance(kind, Parts):
        return 1
    return _least(kind.one) if hasattr(kind, "one") else int(kind.least)


def numbers_of(case: Case) -> dict[Slot, int]:
    """Every number of a case that is a size, by where it stands."""
    found: dict[Slot, int] = {}
    rebuild(case, found.setdefault)
    return found


def structure(case: Case) -> str:
    """All of a case but its numbers: cases of one structure can be stacked into arrays, and share a closed form."""
    return repr(rebuild(case, lambda _slot, _number: ...))


def over_ints(case: Case) -> Numbers:
    """What the rule says of ints."""
    return _plain(evaluate(case), _exact_int, _exact_bool)


def over_arrays(cases: Sequence[Case]) -> list[Numbers]:
    """What the rule says of all cases at once, stacked into int64 arrays; they must have one structure."""
    cost = evaluate(stacked(cases))
    return [_plain(cost, partial(_item, at), partial(_truth, at)) for at in range(len(cases))]


def over_symbols(case: Case) -> Numbers:
    """What the rule says of symbols, with the numbers of the case put into the result."""
    values = {_symbol(slot): sympy.Integer(number) for slot, number in numbers_of(case).items()}
    cost = closed_form(case)
    return _plain(
        cost,
        lambda dim: _exact_int(_substituted(dim, values)),
        lambda relation: _exact_bool(_substituted(relation, values)),
    )


def stacked(cases: Sequence[Case]) -> Case:
    """One case whose numbers are arrays with an entry for each of the cases."""
    assert len({structure(case) for case in cases}) == 1, "only cases of one structure can be stacked"
    points = [numbers_of(case) for case in cases]
    return rebuild(cases[0], lambda slot, _number: np.array([point[slot] for point in points], dtype=np.int64))


def closed_form(case: Case) -> OpCost:
    """What the rule says if every number is a symbol of its own; found once for each structure."""
    key = (OPS[case.op].rule, structure(case))
    if key not in _CLOSED_FORMS:
        _CLOSED_FORMS[key] = evaluate(rebuild(case, lambda slot, _number: _symbol(slot)))
    return _CLOSED_FORMS[key]


_CLOSED_FORMS: dict[tuple[Callable[..., OpCost], str], OpCost] = {}


@cache
def _symbol(slot: Slot) -> sympy.Symbol:
    name = slot.name if slot.index is None else f"{slot.name}_{slot.index}"
    return sympy.Symbol(name, integer=True, positive=slot.least > 0 or None, nonnegative=slot.least >= 0 or None)


def _plain(cost: OpCost, dim: Callable[[Any], int], truth: Callable[[Any], bool]) -> Numbers:
    return Numbers(
        out=tuple(tuple(map(dim, shape)) for shape in cost.out),
        **{count: dim(getattr(cost, count)) for count in COUNTS},
        variant=cost.variant,
        holds=tuple(truth(check.holds) for check in cost.checks),
    )


def _exact_int(value: Any) -> int:
    """An int of Python or sympy, and nothing that merely equals one: a float would not be exact."""
    assert type(value) is int or isinstance(value, sympy.Integer), f"{value!r} is no exact integer"
    return int(value)


def _exact_bool(value: Any) -> bool:
    assert value in (True, False), f"{value!r} is undecided"
    return bool(value)


def _item(at: int, dim: Any) -> int:
    if not isinstance(dim, np.ndarray):
        return _exact_int(dim)
    assert dim.dtype == np.int64, f"an array of {dim.dtype}"
    return int(dim[at])


def _truth(at: int, holds: Any) -> bool:
    return _exact_bool(bool(holds[at]) if isinstance(holds, np.ndarray) else holds)


def _substituted(value: Any, values: Mapping[sympy.Symbol, sympy.Integer]) -> Any:
    return value.xreplace(values) if isinstance(value, sympy.Basic) else value


def complaint(checks: Sequence[Check]) -> str:
    """What a user reads if checks do not hold; nothing if they do, or if symbols leave them open."""
    return "; ".join(dict.fromkeys(said for check in checks if (said := failure(check))))


def companions(case: Case) -> list[Case]:
    """Cases of the same structure with other numbers, so that an array has different values at its points."""
    doubled = rebuild(case, lambda _slot, number: 2 * number)
    grown = rebuild(case, lambda _slot, number: number + 1)
    return [doubled, case, grown, case]


@dataclass(frozen=True)
class Row:
    """A case and the cost that was derived for it by hand, as `why` says."""

    case: Case
    why: str
    out: list[tuple[int, ...]]
    counts: dict[str, int] = field(default_factory=dict)
    view: bool = False
    variant: str = ""

    def assert_holds_over(self, system: str) -> None:
        """Compare every field of the rule's result in one number system: ints, arrays or symbols."""
        got = SYSTEMS[system](self.case)
        counts = {count: getattr(got, count) for count in COUNTS}
        assert list(got.out) == self.out, self.why
        assert counts == {**dict.fromkeys(COUNTS, 0), **self.counts}, self.why
        assert got.variant == self.variant, self.why
        assert (OPS[self.case.op].traits.view != "none") == self.view, self.why
        assert all(got.holds), complaint(evaluate(self.case).checks)


def _as_one_point_of_arrays(case: Case) -> Numbers:
    cases = companions(case)
    points = over_arrays(cases)
    assert points == [over_ints(each) for each in cases]
    return points[1]


#: Name of the number system -> a function that gives what the rule says of a case.
SYSTEMS: dict[str, Callable[[Case], Numbers]] = {
    "ints": over_ints,
    "arrays": _as_one_point_of_arrays,
    "symbols": over_symbols,
}


@dataclass(frozen=True)
class Refusal:
    """A case that does not fit, what must be said, and what cures it: other shapes (a list) or attributes (a dict).

    What no other numbers can cure - a vector has no height - is decided in every number system and has no cure.
    """

    case: Case
    message: str
    cure: list[tuple[int, ...]] | dict[str, Any] | None

    @property
    def cured(self) -> Case:
        op, shapes, attrs = self.case
        if isinstance(self.cure, dict):
            return Case(op, shapes, {**attrs, **self.cure})
        return Case(op, self.cure or shapes, attrs)

    def assert_refused_over(self, system: str) -> None:
        """The case is refused with the message, and its cure is not refused."""
        {"ints": self._over_ints, "arrays": self._over_arrays, "symbols": self._over_symbols}[system]()

    def _over_ints(self) -> None:
        assert complaint(evaluate(self.case).checks) == self.message
        if self.cure:
            assert not complaint(evaluate(self.cured).checks)

    def _over_arrays(self) -> None:
        said = complaint(evaluate(stacked([self.cured, self.case, self.cured])).checks)
        assert words(said.removesuffix(" (first at point 1)")) == words(self.message)
        assert said.endswith(" (first at point 1)") == bool(self.cure)

    def _over_symbols(self) -> None:
        said = complaint(closed_form(self.case).checks)
        assert words(said) == words("" if self.cure else self.message)
        assert not all(over_symbols(self.case).holds)
        if self.cure:
            assert all(over_symbols(self.cured).holds)


def words(message: str) -> str:
    """A message without its numbers, which are arrays or symbols in the other number systems."""
    return re.sub(r"[-\[\]×\s]*\d[-\[\]×\s\d]*", " # ", re.sub(r"(input\d|shape)_\d", "0", message))
