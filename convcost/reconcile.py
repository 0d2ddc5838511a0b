"""Why two conventions disagree on one network: term by term, from the total of one to the total of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from convcost.amounts import COUNTS, read_amount
from convcost.cost import Convention, entry
from convcost.errors import UsageError
from convcost.units import exact
from convcost.walk import Step

if TYPE_CHECKING:
    from convcost.render import Table


class Written(NamedTuple):
    """An op as far as conventions tell its ways apart."""

    op: str
    variant: str = ""
    form: str = ""

    @property
    def text(self) -> str:
        """The name under which conventions.yaml has it.

        >>> Written("upsample", "bilinear", "functional").text
        'upsample bilinear as functional'
        """
        return f"{self.op}{' ' * bool(self.variant)}{self.variant}{' as ' * bool(self.form)}{self.form}"


class Term(NamedTuple):
    """What one kind of op contributes through one entry of its ledger, under two conventions."""

    op: str
    form: str
    """How the reference implementation writes the op, where a convention tells the ways apart."""
    entry: str
    """An entry of the ledger: `macs`, `bias_adds`, `elements_in`, …"""
    amount: int
    """The sum of that entry over all such layers of the network."""
    before: int
    """Its coefficient under the first convention."""
    after: int
    """Its coefficient under the second."""
    variant: str = ""
    """Which of its ways the op computes, where a convention tells them apart: the mode of an interpolation."""

    @property
    def difference(self) -> int:
        """What the term adds on the way from the first total to the second."""
        return (self.after - self.before) * self.amount

    @property
    def what(self) -> str:
        """The op, its variant and how it is written, where that matters."""
        return Written(self.op, self.variant, self.form).text


class Reconciliation(NamedTuple):
    """The way from a network's total under one convention to its total under another."""

    network: str
    batch: int
    first: Convention
    second: Convention
    start: int
    """Operations under the first convention."""
    end: int
    """Operations under the second."""
    terms: tuple[Term, ...]
    """Every term that differs, in the order in which the ops appear."""
    left_out: tuple[tuple[str, ...], tuple[str, ...]]
    """What the network has and each convention counts nothing of; ops that compute nothing, such as flatten, aside."""
    limits: tuple[tuple[str, str, str], ...]
    """A convention, an op of the network, and why the convention is not equal to its tool there to the unit."""

    def __repr__(self) -> str:
        ends = (f"{one.name} {exact(count)}" for one, count in ((self.first, self.start), (self.second, self.end)))
        return f"<Reconciliation {self.network} · {' -> '.join(ends)} · {len(self.terms)} term{'s' * (len(self.terms) != 1)}>"

    def table(self) -> Table:
        """The terms as a table, to show or to `render`."""
        from convcost.reconciliation import terms_table

        return terms_table(self)

    def _repr_html_(self) -> str:
        """How a notebook shows the terms."""
        return self.table()._repr_html_()


def reconcile(
    network: str, steps: Iterable[Step], first: Convention, second: Convention, batch: int = 1
) -> Reconciliation:
    """The terms by which two conventions differ on a walk; they sum to the difference of the totals.

    >>> from convcost import load
    >>> [term.difference for term in load("resnet50").reconcile("paper", "ptflops_aten").terms]  # the 1000 biases of fc
    [1000]
    """
    steps = tuple(steps)
    ends = {one.name: one for one in (first, second)}
    has = dict.fromkeys(step.node.op for step in steps)
    return Reconciliation(
        network=network,
        batch=batch,
        first=first,
        second=second,
        start=_operations(steps, first) * batch,
        end=_operations(steps, second) * batch,
        terms=tuple(term._replace(amount=term.amount * batch) for term in _terms(steps, first, second)),
        left_out=(_left_out(steps, first), _left_out(steps, second)),
        limits=tuple((one.name, op, one.limits[op]) for one in ends.values() for op in has if op in one.limits),
    )


def _operations(steps: Sequence[Step], convention: Convention) -> int:
    return sum(convention.operations(s.node.op, s.cost, s.input_shapes, s.node.form) for s in steps)


def _terms(steps: Sequence[Step], first: Convention, second: Convention) -> list[Term]:
    amounts: Counter[tuple[Written, str]] = Counter()
    for step in steps:
        written = _written(step, (first, second))
        for name in {**_factors(step, first), **_factors(step, second)}:
            amounts[written, name] += entry(name, step.cost, step.input_shapes)
    terms = [_term(written, name, amount, first, second) for (written, name), amount in amounts.items()]
    return [term for term in terms if term.difference]


def _term(written: Written, name: str, amount: int, first: Convention, second: Convention) -> Term:
    op, variant, form = written
    before, after = (convention.factors(op, form, variant).get(name, 0) for convention in (first, second))
    return Term(op, form, name, amount, before, after, variant)


def _factors(step: Step, convention: Convention) -> dict[str, int]:
    return convention.factors(step.node.op, step.node.form, step.cost.variant)


def _written(step: Step, conventions: Sequence[Convention]) -> Written:
    """The op of a step, with its variant and form if one of the conventions tells them apart."""
    op, form, variant = step.node.op, step.node.form, step.cost.variant
    factors = [_factors(step, convention) for convention in conventions]
    if factors == [convention.factors(op, form) for convention in conventions]:
        variant = ""
    if factors == [convention.factors(op, "", variant) for convention in conventions]:
        form = ""
    return Written(op, variant, form)


def _left_out(steps: Sequence[Step], convention: Convention) -> tuple[str, ...]:
    """The ops that a convention counts nothing of, in the order in which they first appear."""
    unseen = (step for step in steps if not step.cost.view and not _factors(step, convention))
    return tuple(dict.fromkeys(_written(step, (convention,)).text for step in unseen))


HOW = ("exactly", "rounded", "cut off")
"""How a count may become a printed figure, the closest first."""


class Printed(NamedTuple):
    """A figure as some tool or paper prints it: its value, and the value of its last digit."""

    text: str
    value: Fraction
    last: Fraction

    @classmethod
    def parse(cls, text: str) -> Printed:
        """Read a figure such as `4.13G`, `300 M` or `4,089,184,256`; raises `UsageError`.

        >>> Printed.parse("4.13G").value, Printed.parse("4.13G").last
        (Fraction(4130000000, 1), Fraction(10000000, 1))
        """
        found = read_amount(text)
        if found is None or found.unit.lower() not in COUNTS:
            shown = text if len(text) <= 40 else f"{text[:40]}…"
            raise UsageError(f"{shown!r} is no figure; write it as printed, e.g. 4.13G, 300M or 4,089,184,256")
        scale = COUNTS[found.unit.lower()]
        return cls(text.strip(), found.number * scale, found.last * scale)

    def rounds(self, count: int) -> str | None:
        """How the count becomes the figure: `exactly`, `rounded` or `cut off`; None if it does not.

        >>> Printed("4.13 G", Fraction(4_130_000_000), Fraction(10_000_000)).rounds(4_132_436_968)
        'rounded'
        """
        exactly, rounded, cut_off = HOW
        if count == self.value:
            return exactly
        if abs(count - self.value) * 2 <= self.last:
            return rounded
        return cut_off if 0 <= count - self.value < self.last else None
