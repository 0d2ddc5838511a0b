"""What a network takes in energy: its operations and the bytes that it moves, times a cited table; a range, with its source.

The range is that of memory: at one end everything is moved from and to the nearest memory of the table, at the other from
and to the farthest. What a table has no number for is said, and none is made up.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from math import gcd
from typing import Any, Final, NamedTuple

import yaml

from convcost.conventions.catalog import named
from convcost.core.cost import entry
from convcost.core.dims import Dim, Shape, elements, product
from convcost.core.errors import UsageError, did_you_mean, is_one_of
from convcost.core.units import decimal_text
from convcost.graph.typed import Operands
from convcost.graph.walk import Step

DEFAULT_TABLE: Final = "horowitz_45nm"
#: A type -> the one whose circuits compute it: a sign takes none.
_AS: Final = {"uint8": "int8", "uint32": "int32"}
ACCESS: Final = 8
"""Bytes of an access of a memory, as the tables have it."""
_UNITS: Final = ("pJ", "nJ", "µJ", "mJ", "J", "kJ", "MJ")


class Range(NamedTuple):
    """Picojoules, from the least to the most."""

    low: Fraction
    high: Fraction

    def __add__(self, other: Any) -> Range:
        """Both: ends are added to ends.

        >>> Range(Fraction(1), Fraction(2)) + Range(Fraction(10), Fraction(20))
        Range(low=Fraction(11, 1), high=Fraction(22, 1))
        """
        return Range(self.low + other[0], self.high + other[1])


NOTHING: Final = Range(Fraction(0), Fraction(0))


@dataclass(frozen=True, slots=True)
class EnergyTable:
    """What one operation and one access take, in picojoules."""

    name: str
    title: str
    source: str
    read: str
    """Where the numbers were read."""
    add: Mapping[str, Fraction] = field(hash=False)
    """Type -> one addition."""
    multiply: Mapping[str, Fraction] = field(hash=False)
    """Type -> one multiplication."""
    memory: Mapping[str, Range] = field(hash=False)
    """Level -> an access of 64 bits; the nearest first."""

    @property
    def per_byte(self) -> Range:
        """A byte moved: from the nearest memory, and from the farthest.

        >>> find_table("horowitz_45nm").per_byte
        Range(low=Fraction(5, 4), high=Fraction(325, 1))
        """
        levels = self.memory.values()
        return Range(min(one.low for one in levels) / ACCESS, max(one.high for one in levels) / ACCESS)

    @property
    def levels(self) -> tuple[str, str]:
        """The names of the nearest and of the farthest memory."""
        by_low = min(self.memory, key=lambda level: self.memory[level].low)
        return by_low, max(self.memory, key=lambda level: self.memory[level].high)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data, numbers as decimal text."""
        return {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "read": self.read,
            "add_pj": {dtype: text(number) for dtype, number in self.add.items()},
            "multiply_pj": {dtype: text(number) for dtype, number in self.multiply.items()},
            "memory_pj_per_64_bits": {level: list(map(text, one)) for level, one in self.memory.items()},
        }


class LayerEnergy(NamedTuple):
    """What a layer takes, in picojoules, over the batch."""

    name: str
    multiplications: int
    additions: int
    """Comparisons among them."""
    bytes_moved: int
    compute: Fraction
    memory: Range
    lacking: str = ""
    """The types that it computes with and the table has no number for; its `compute` is then not known, and 0."""
    left_out: str = ""
    """Why some of what it does is not counted."""
    unknown: bool = False
    """Whether nobody knows what it does: its counts are 0, which is no number."""

    @property
    def complete(self) -> bool:
        """Whether all that it does has a number; else what it takes is a lower bound."""
        return not (self.unknown or self.lacking or self.left_out)

    @property
    def computes(self) -> bool:
        """Whether any of its operations has a number."""
        return not (self.unknown or self.lacking) and bool(self.multiplications or self.additions)

    @property
    def total(self) -> Range:
        """Operations and memory."""
        return Range(self.compute + self.memory.low, self.compute + self.memory.high)


@lru_cache(maxsize=1)
def _stated() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "energy.yaml"), encoding="utf-8") as file:
        stated: dict[str, Any] = yaml.safe_load(file)
    return stated


@lru_cache(maxsize=1)
def all_tables() -> Mapping[str, EnergyTable]:
    """Every table of energy.yaml, by name."""
    return {name: _table(name, one) for name, one in _stated()["tables"].items()}


def _table(name: str, stated: Mapping[str, Any]) -> EnergyTable:
    title, source, read = (str(stated[key]) for key in ("title", "source", "read"))
    add, multiply = ({dtype: _number(n) for dtype, n in stated[key].items()} for key in ("add", "multiply"))
    return EnergyTable(
        name, title, source, read, add, multiply, {k: _range(one) for k, one in stated["memory"].items()}
    )


def _number(stated: float) -> Fraction:
    """As it is written: 0.1 is a tenth."""
    return Fraction(str(stated))


def _range(stated: Any) -> Range:
    low, high = stated if isinstance(stated, list) else (stated, stated)
    return Range(_number(low), _number(high))


def find_table(name: str) -> EnergyTable:
    """A table by name; raises `UsageError`.

    >>> find_table("jouppi_7nm").multiply["int8"]
    Fraction(7, 100)
    """
    known = all_tables()
    if not is_one_of(name, known):
        raise UsageError(f"there is no table of energies {name!r}{did_you_mean(name, known)}")
    return known[name]


@lru_cache(maxsize=1)
def _terms() -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    """Addition or multiplication -> op or "op variant" -> entry of the ledger -> how many."""
    operations = _stated()["operations"]
    return {
        kind: {op: each for words, each in operations[kind].items() for op in named(words)}
        for kind in ("add", "multiply")
    }


@lru_cache(maxsize=1)
def _left_out() -> Mapping[str, str]:
    """Op -> why what it does is not counted."""
    return {op: why for words, why in _stated()["left_out"].items() for op in named(words)}


@lru_cache(maxsize=1)
def _none() -> frozenset[str]:
    return frozenset(op for words in _stated()["none"] for op in named(words))


def counted_ops() -> frozenset[str]:
    """Every op, or "op variant", of which it is said what it does, or why that is not counted."""
    terms = _terms()
    return frozenset({*terms["add"], *terms["multiply"], *_left_out(), *_none()})


def layer_energy(step: Step, types: Operands, bytes_moved: int, batch: int, table: EnergyTable) -> LayerEnergy:
    """What a layer takes at the types of its operands, `batch` images at once.

    A 1×1 convolution of 2×2×3 to 5 channels in int8: 60 multiply-accumulates of 0.2 + 0.03 pJ, and 20 biases.

    >>> from convcost.graph.graph import Node
    >>> from convcost.ops import OPS
    >>> attrs = OPS["conv2d"].convert({"channels": 5, "kernel": 1})
    >>> node = Node("conv", "conv2d", ("input",), attrs)
    >>> step = Step(node, ((2, 2, 3),), OPS["conv2d"].cost([(2, 2, 3)], attrs))
    >>> found = layer_energy(step, Operands("int8", ("int8",), "int8"), 12 + 20 + 15 + 5, 1, find_table("horowitz_45nm"))
    >>> float(found.compute), float(found.memory.low)
    (14.4, 65.0)
    """
    cost, node = step.cost, step.node
    macs, biases = int(cost.macs) * batch, int(cost.bias_adds) * batch if cost.macs else 0
    more = {kind: _more(kind, step) * batch for kind in ("multiply", "add")}
    first, second = (_AS.get(dtype, dtype) for dtype in types.factors)
    product_type = first if first == second else f"{first} by {second}"
    read = types.inputs[0] if types.inputs else types.outputs
    done = [
        (product_type, macs, macs + biases),
        (_AS.get(read, read), more["multiply"], more["add"]),
    ]
    done = [one for one in done if one[1] or one[2]]
    lacking = ", ".join(dict.fromkeys(dtype for dtype, *_ in done if dtype not in table.add))
    compute = sum((n * table.multiply[t] + m * table.add[t] for t, n, m in done if not lacking), Fraction(0))
    per_byte = table.per_byte
    return LayerEnergy(
        name=node.name,
        multiplications=macs + more["multiply"],
        additions=macs + biases + more["add"],
        bytes_moved=bytes_moved,
        compute=compute,
        memory=Range(bytes_moved * per_byte.low, bytes_moved * per_byte.high),
        lacking=lacking,
        left_out=_why_left_out(step),
        unknown=step.opaque,
    )


def _more(kind: str, step: Step) -> int:
    """What an op does beside multiply-accumulates, of one kind of operation, batch 1."""
    terms, op = _terms()[kind], step.node.op
    each = terms.get(f"{op} {step.cost.variant}", terms.get(op, {}))
    return sum(n * _entry(name, step) for name, n in each.items())


def _entry(name: str, step: Step) -> int:
    """An entry of the ledger, or of energy.yaml's own."""
    if name in ("windows", "joined"):
        return int(getattr(_windows(step), name))
    return int(entry(name, step.cost, step.input_shapes, step.node.attrs))


class _Windows(NamedTuple):
    """What a pool or a reduction makes one of."""

    windows: Dim
    """How many have more than one element."""
    joined: Dim
    """The elements in these."""


def _windows(step: Step) -> _Windows:
    """The windows of a pool or a reduction; what overlaps is in each of them."""
    node, read, made = step.node, elements(step.input_shapes), elements(step.cost.out)
    if node.op.startswith("adaptive_"):
        return _adaptive(step.input_shapes[0], step.cost.out[0])
    if kernel := step.window("kernel"):
        read = made * product(kernel)
    return _Windows(0, 0) if read == made else _Windows(made, read)


def _adaptive(read: Shape, made: Shape) -> _Windows:
    """The windows of an adaptive pool, from i·n / k, rounded down, to (i + 1)·n / k, rounded up.

    Each two neighbours have an element in common unless k divides their border i·n, which it does gcd(n, k) - 1 times. So k
    windows have n + k - gcd(n, k) elements; where n < k, n - gcd(n, k) have two and the others one.

    >>> _adaptive((13, 13, 2), (6, 6, 2))  # 6 windows of 3 along each axis
    _Windows(windows=72, joined=648)
    >>> _adaptive((2, 5), (3, 5)), _adaptive((7, 7, 2), (7, 7, 2))  # one of two elements, between two of one; each of one
    (_Windows(windows=5, joined=10), _Windows(windows=0, joined=0))
    """
    axes = [(int(n), int(k), gcd(int(n), int(k))) for n, k in zip(read[:-1], made[:-1])]
    alone = product(k - n + common if n <= k else 0 for n, k, common in axes)
    joined = product(n + k - common for n, k, common in axes)
    return _Windows((product(made[:-1]) - alone) * made[-1], (joined - alone) * made[-1])


def _why_left_out(step: Step) -> str:
    """Why what an op does is not counted; empty if it is."""
    op, variant = step.node.op, f"{step.node.op} {step.cost.variant}"
    terms = _terms()
    if any(name in terms[kind] for kind in terms for name in (op, variant)) or {op, variant} & _none():
        return ""
    return _left_out().get(op, "")


def text(number: Fraction) -> str:
    """A number of picojoules with every digit.

    >>> text(Fraction("0.07")), text(Fraction(1300))
    ('0.07', '1300')
    """
    if number.denominator == 1:
        return str(number.numerator)
    return decimal_text(number)


def energy_text(picojoules: Fraction) -> str:
    """Picojoules for people, to three digits.

    >>> energy_text(Fraction("0.93")), energy_text(Fraction(1_234_567)), energy_text(Fraction(10**10))
    ('0.930 pJ', '1.23 µJ', '10.0 mJ')
    """
    if not picojoules:
        return f"0 {_UNITS[0]}"
    place = 0
    scaled = picojoules
    while scaled >= Fraction("999.5") and place < len(_UNITS) - 1:
        scaled, place = scaled / 1000, place + 1
    return f"{float(scaled):#.3g} {_UNITS[place]}".replace(". ", " ")


def range_text(found: Range) -> str:
    """A range for people.

    >>> range_text(Range(Fraction(1500), Fraction(2_000_000)))
    '1.50 nJ to 2.00 µJ'
    """
    low, high = energy_text(found.low), energy_text(found.high)
    return low if low == high else f"{low} to {high}"
