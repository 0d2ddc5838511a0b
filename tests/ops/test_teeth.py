"""The rows and refusals of test_rules.py have teeth: a rule that is wrong by one anywhere does not get past them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import pytest
from helpers.op_rows import REFUSALS, ROWS
from helpers.systems import COUNTS, SYSTEMS, Refusal, Row, evaluate

from convcost.core.cost import OpCost
from convcost.ops import OPS

Change = Callable[[OpCost], OpCost]


def rows_of(op: str) -> list[Row]:
    return [row for row in ROWS if row.case.op == op]


def refusals_of(op: str) -> list[Refusal]:
    return [refusal for refusal in REFUSALS if refusal.case.op == op]


def spoil(monkeypatch: pytest.MonkeyPatch, op: str, change: Change) -> None:
    """Let the rule of an op give a changed result from now on."""
    right = OPS[op].rule
    monkeypatch.setitem(OPS, op, replace(OPS[op], rule=lambda *shapes, **attrs: change(right(*shapes, **attrs))))


def passes(entry: Row | Refusal, system: str) -> bool:
    """Whether the assertions of test_rules.py hold; an error of any other sort is no answer."""
    try:
        entry.assert_holds_over(system) if isinstance(entry, Row) else entry.assert_refused_over(system)
    except AssertionError:
        return False
    return True


def unchanged(cost: OpCost) -> OpCost:
    return replace(cost)


def one_more(field: str) -> Change:
    return lambda cost: replace(cost, **{field: getattr(cost, field) + 1})


def other_variant(cost: OpCost) -> OpCost:
    return replace(cost, variant=f"{cost.variant}?")


def longer_axis(output: int, axis: int) -> Change:
    """Make one axis of one output longer by one; results that lack it stay as they are."""

    def change(cost: OpCost) -> OpCost:
        shapes = [
            tuple(size + 1 if (i, j) == (output, axis) else size for j, size in enumerate(shape))
            for i, shape in enumerate(cost.out)
        ]
        return replace(cost, out=tuple(shapes))

    return change


def output_missing(cost: OpCost) -> OpCost:
    return replace(cost, out=cost.out[:-1])


def check_dropped(at: int) -> Change:
    """Let the check at one place always hold."""

    def change(cost: OpCost) -> OpCost:
        return replace(
            cost, checks=tuple(replace(check, holds=True) if i == at else check for i, check in enumerate(cost.checks))
        )

    return change


def checks_after(first: int) -> Change:
    """Drop the checks of the third and further inputs."""
    return lambda cost: replace(cost, checks=cost.checks[:first])


def spoilt_costs() -> Iterator[tuple[str, str, Change]]:
    for op in OPS:
        for field in COUNTS:
            yield op, f"{field}+1", one_more(field)
        yield op, "variant", other_variant
        yield op, "output-missing", output_missing
        shapes = {(i, j) for row in rows_of(op) for i, shape in enumerate(row.out) for j in range(len(shape))}
        for output, axis in sorted(shapes):
            yield op, f"out[{output}][{axis}]+1", longer_axis(output, axis)


def spoilt_checks() -> Iterator[tuple[str, str, Change]]:
    for op in OPS:
        refusals = refusals_of(op)
        number = max((checks_of(each) for each in refusals if len(each.case.shapes) < 3), default=0)
        for at in range(number):
            yield op, f"check-{at}-dropped", check_dropped(at)
        if any(checks_of(each) > number for each in refusals):
            yield op, "checks-of-third-input-dropped", checks_after(number)


def checks_of(refusal: Refusal) -> int:
    return len(evaluate(refusal.case).checks)


def params(spoilt: Iterator[tuple[str, str, Change]]) -> list[object]:
    return [
        pytest.param(op, change, system, id=f"{op}-{what}-{system}")
        for (op, what, change), system in product(spoilt, SYSTEMS)
    ]


@pytest.mark.parametrize(("op", "change", "system"), params(spoilt_costs()))
def test_a_field_that_is_wrong_by_one_fails_a_row(monkeypatch, op, change, system):
    spoil(monkeypatch, op, change)
    assert not all(passes(row, system) for row in rows_of(op))


@pytest.mark.parametrize(("op", "change", "system"), params(spoilt_checks()))
def test_a_dropped_check_fails_a_refusal(monkeypatch, op, change, system):
    spoil(monkeypatch, op, change)
    assert not all(passes(refusal, system) for refusal in refusals_of(op))


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("op", OPS)
def test_a_rule_that_is_wrapped_but_not_spoilt_passes_everything(monkeypatch, op, system):
    spoil(monkeypatch, op, unchanged)
    assert all(passes(entry, system) for entry in (*rows_of(op), *refusals_of(op)))


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_check_that_is_always_false_fails_a_row(monkeypatch, system):
    for op in {refusal.case.op for refusal in REFUSALS}:
        spoil(monkeypatch, op, lambda cost: replace(cost, checks=tuple(replace(c, holds=False) for c in cost.checks)))
        assert not all(passes(row, system) for row in rows_of(op) if evaluate(row.case).checks)


def test_a_count_that_is_equal_but_no_exact_integer_fails_a_row(monkeypatch):
    spoil(monkeypatch, "conv2d", lambda cost: replace(cost, macs=cost.macs * 1.0))
    assert not any(passes(row, system) for row in rows_of("conv2d") for system in SYSTEMS)
