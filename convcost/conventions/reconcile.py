"""Why two conventions disagree on one network: term by term, from the total of one to the total of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from convcost.conventions.catalog import all_conventions
from convcost.conventions.convention import Convention
from convcost.conventions.written import unsaid
from convcost.core.cost import LEDGER, USUAL, Factors, entry
from convcost.core.units import exact, percent, signed
from convcost.core.version import __version__
from convcost.graph.partial import AT_LEAST, UnknownOp, unknown_ops, unknown_text
from convcost.graph.walk import Step
from convcost.render.escape import printable
from convcost.render.table import Table, Tabular

_UNSAID = "the file does not say how it was written; it is taken as a module, or an operator between tensors"


class Written(NamedTuple):
    """An op with its variant and form, as far as conventions distinguish them."""

    op: str
    variant: str = ""
    form: str = ""

    @property
    def text(self) -> str:
        """Its name in conventions.yaml.

        >>> Written("upsample", "bilinear", "functional").text
        'upsample bilinear as functional'
        """
        return f"{self.op}{' ' * bool(self.variant)}{self.variant}{' as ' * bool(self.form)}{self.form}"


class Difference(NamedTuple):
    """What one kind of op contributes through one entry of its ledger, under two conventions."""

    op: str
    form: str
    """How the reference implementation writes the op, where a convention distinguishes the forms."""
    entry: str
    """An entry of the ledger: `macs`, `bias_adds`, `elements_in`, …"""
    amount: int
    """The sum of that entry over all such layers of the network."""
    before: int
    """Its coefficient under the first convention."""
    after: int
    """Its coefficient under the second."""
    variant: str = ""
    """The variant of the op, where a convention distinguishes variants: the mode of an interpolation."""

    @property
    def difference(self) -> int:
        """What the term adds, from the first total to the second."""
        return (self.after - self.before) * self.amount

    @property
    def what(self) -> str:
        """The op, its variant and how it is written, where that matters."""
        return Written(self.op, self.variant, self.form).text


@dataclass(frozen=True, slots=True)
class Reconciliation(Tabular):
    """The terms that lead from a network's total under one convention to its total under another."""

    network: str
    batch: int
    first: Convention
    second: Convention
    start: int
    """Operations under the first convention."""
    end: int
    """Operations under the second."""
    terms: tuple[Difference, ...]
    """Every term that differs, in the order in which the ops appear."""
    left_out: tuple[tuple[str, ...], tuple[str, ...]]
    """The network's ops of which each convention counts nothing, except those that compute nothing, such as flatten."""
    limits: tuple[tuple[str, str, str], ...]
    """A convention, an op of the network, and why the convention does not match its tool exactly there."""
    unknown: tuple[UnknownOp, ...] = ()
    """The network's unknown ops: with any, both totals are lower bounds."""

    def __repr__(self) -> str:
        ends = (
            f"{one.name} {self.least}{exact(count)}"
            for one, count in ((self.first, self.start), (self.second, self.end))
        )
        return printable(
            f"<Reconciliation {self.network} · {' -> '.join(ends)} · {len(self.terms)} term{'s' * (len(self.terms) != 1)}>"
        )

    @property
    def least(self) -> str:
        """What stands before the totals: nothing, or that they are lower bounds."""
        return AT_LEAST if self.unknown else ""

    def table(self) -> Table:
        """The terms as a table, to show or to `render`."""
        return terms_table(self)


def reconcile(
    network: str,
    steps: Iterable[Step],
    first: Convention,
    second: Convention,
    batch: int = 1,
    factors: Mapping[str, Factors] | None = None,
) -> Reconciliation:
    """The terms by which two conventions differ on a walk; they sum to the difference of the totals.

    `factors` are the types of what each layer multiplies, for conventions that count bits; without them all is fp32.

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
        start=_operations(steps, first, factors or {}) * batch,
        end=_operations(steps, second, factors or {}) * batch,
        terms=tuple(term._replace(amount=term.amount * batch) for term in _terms(steps, first, second, factors or {})),
        left_out=(_left_out(steps, first), _left_out(steps, second)),
        limits=(
            *((one.name, op, one.limits[op]) for one in ends.values() for op in has if op in one.limits),
            *((one.name, op, _UNSAID) for one in ends.values() for op in unsaid(steps, one)),
        ),
        unknown=unknown_ops(steps),
    )


def _operations(steps: Sequence[Step], convention: Convention, factors: Mapping[str, Factors]) -> int:
    return sum(convention.of(step, factors.get(step.node.name, USUAL)) for step in steps)


def _terms(
    steps: Sequence[Step], first: Convention, second: Convention, factors: Mapping[str, Factors]
) -> list[Difference]:
    amounts: Counter[tuple[Written, str]] = Counter()
    for step in steps:
        written = _written(step, (first, second))
        for name in {**_factors(step, first), **_factors(step, second)}:
            types = factors.get(step.node.name, USUAL)
            amounts[written, name] += entry(name, step.cost, step.input_shapes, step.node.attrs, types)
    terms = [_term(written, name, amount, first, second) for (written, name), amount in amounts.items()]
    return [term for term in terms if term.difference]


def _term(written: Written, name: str, amount: int, first: Convention, second: Convention) -> Difference:
    op, variant, form = written
    before, after = (convention.factors(op, form, variant).get(name, 0) for convention in (first, second))
    return Difference(op, form, name, amount, before, after, variant)


def _factors(step: Step, convention: Convention) -> dict[str, int]:
    return convention.factors(step.node.op, step.node.form, step.cost.variant)


def _written(step: Step, conventions: Sequence[Convention]) -> Written:
    """The op of a step, with its variant and form if one of the conventions distinguishes them."""
    op, form, variant = step.node.op, step.node.form, step.cost.variant
    factors = [_factors(step, convention) for convention in conventions]
    if factors == [convention.factors(op, form) for convention in conventions]:
        variant = ""
    if factors == [convention.factors(op, "", variant) for convention in conventions]:
        form = ""
    return Written(op, variant, form)


def _left_out(steps: Sequence[Step], convention: Convention) -> tuple[str, ...]:
    """The ops that a convention counts nothing of, in the order in which they first appear; of unknown ones nobody could."""
    seen = (step for step in steps if step.traits.view == "none" and not step.opaque)
    unseen = (step for step in seen if not _factors(step, convention))
    return tuple(dict.fromkeys(_written(step, (convention,)).text for step in unseen))


def terms_table(found: Reconciliation) -> Table:
    """The terms as a table, from the reconciliation alone."""
    first, second = found.first.name, found.second.name
    ends = found.first, found.second
    running, least = found.start, found.least
    rows = [[found.first.name, "", "", "", "", "", f"{least}{exact(found.start)}"]]
    for term in found.terms:
        running += term.difference
        factors = [exact(term.before), exact(term.after)]
        rows.append(
            [
                term.what,
                LEDGER[term.entry],
                exact(term.amount),
                *factors,
                signed(term.difference),
                f"{least}{exact(running)}",
            ]
        )
    return Table(
        title=f"{found.network} · from {first} to {second} · batch {exact(found.batch)}",
        headers=("op", "what", "amount", f"× {first}", f"× {second}", "adds", "total"),
        numeric=(False, False, True, True, True, True, True),
        priority=(0, 1, 3, 4, 4, 0, 2),
        rows=rows,
        total=[second, "", "", "", "", signed(found.end - found.start), f"{least}{exact(found.end)}"],
        records=_records(found),
        data={**header(found.network), **pair_dict(found)},
        notes=[
            ("difference", f"{signed(found.end - found.start)}, {share_text(found.end, found.start)} of {first}"),
            *((convention.name, described(convention)) for convention in ends[: 1 + (first != second)]),
            *_left_notes(found),
            *partial_notes(found.unknown),
        ],
        fields=(*Difference._fields, "difference"),
    )


def pair_dict(found: Reconciliation) -> dict[str, Any]:
    """A reconciliation as JSON-ready data."""
    return {
        "batch": found.batch,
        "complete": not found.unknown,
        "unknown": [op._asdict() for op in found.unknown],
        "first": {
            **convention_dict(found.first.name),
            "operations": found.start,
            "left_out": list(found.left_out[0]),
            "not_counted": _strange(found.first, found.left_out[0]),
        },
        "second": {
            **convention_dict(found.second.name),
            "operations": found.end,
            "left_out": list(found.left_out[1]),
            "not_counted": _strange(found.second, found.left_out[1]),
        },
        "terms": _records(found),
    }


def _records(found: Reconciliation) -> list[dict[str, Any]]:
    return [{**term._asdict(), "difference": term.difference} for term in found.terms]


def header(network: str) -> dict[str, Any]:
    return {"schema": "convcost.reconcile/1", "version": __version__, "network": network}


def _strange(convention: Convention, ops: Iterable[str]) -> list[str]:
    """Of some ops, as they are written, those that a convention does not know."""
    return [op for op in ops if not convention.knows(op.split(" ")[0])]


def partial_notes(ops: Sequence[UnknownOp]) -> list[tuple[str, str]]:
    """A note on unknown ops, which no convention can count."""
    said = "totals are lower bounds, differences those of what is known"
    return [("unknown", f"{unknown_text(ops)}: {said}")] if ops else []


def _left_notes(found: Reconciliation) -> list[tuple[str, str]]:
    """Notes on what each convention leaves out or does not know, and where it does not match its tool exactly."""
    ends = {convention.name: (convention, ops) for convention, ops in zip((found.first, found.second), found.left_out)}
    notes = []
    for name, (convention, ops) in ends.items():
        strange = _strange(convention, ops)
        ignored = [op for op in ops if op not in strange]
        notes += [("left out", f"{name}: {', '.join(ignored)}")] if ignored else []
        notes += [("not counted", f"{', '.join(strange)}: the convention {name} does not know it")] if strange else []
    return notes + [("to the unit?", f"{name}, {op}: {limit}") for name, op, limit in found.limits]


def convention_dict(name: str) -> dict[str, str]:
    convention = all_conventions()[name]
    return {"name": name, "unit": convention.unit, "counts": convention.counts, "source": convention.source}


def described(convention: Convention) -> str:
    return f"{convention.counts} ({convention.unit}; {convention.source})"


def share_text(count: int, whole: int) -> str:
    """How far a count is above or below another, in per cent of it."""
    sign = "+" if count > whole else ""
    return sign + percent(count - whole, whole)
