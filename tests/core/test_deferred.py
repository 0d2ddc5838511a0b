"""Records of which some fields are computed when they are first asked for."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

import convcost
from convcost.core.deferred import Deferred
from convcost.results import report as results


@dataclass(frozen=True)
class Pair(Deferred):
    first: int
    second: int


@dataclass(frozen=True)
class Timed(Pair):
    _apart = frozenset({"seconds"})
    seconds: int


def doubled(asked: list[str]) -> Pair:
    def compute(field: str) -> int:
        asked.append(field)
        return 2 * made.first

    made = Pair.deferred(compute, first=3)
    return made


def test_a_field_is_computed_once_and_only_if_asked_for() -> None:
    asked: list[str] = []
    pair = doubled(asked)
    assert pair.first == 3
    assert asked == []
    assert (pair.second, pair.second, asked) == (6, 6, ["second"])


def test_values_are_what_is_compared_shown_copied_and_pickled() -> None:
    whole = Pair(3, 6)
    for seen in (copy.copy(doubled([])), pickle.loads(pickle.dumps(doubled([]))), replace(doubled([])), doubled([])):
        assert seen == whole
        assert hash(seen) == hash(whole)
        assert repr(seen) == repr(whole)
    assert doubled([])._asdict() == {"first": 3, "second": 6}
    assert Pair._fields == ("first", "second")
    assert doubled([])._replace(second=1) == Pair(3, 1)


def test_a_field_that_others_may_follow_from_is_not_replaced_before_they_are_computed() -> None:
    said = "Pair: first cannot be replaced before second, which may follow from it, is computed"
    with pytest.raises(ValueError, match=said):
        doubled([])._replace(first=1)
    computed = doubled([])
    assert computed.second == 6
    for changed in (computed._replace(first=1), replace(doubled([]), first=1), Pair(3, 6)._replace(first=1)):
        assert changed == Pair(1, 6)


def test_a_field_that_no_other_follows_from_is_replaced_before_any_is_computed() -> None:
    asked: list[str] = []
    changed = Timed.deferred(lambda field: asked.append(field) or 6, first=3, seconds=0)._replace(seconds=5)
    assert asked == []
    assert changed == Timed(3, 6, 5)


def test_it_is_frozen_and_has_no_other_fields() -> None:
    with pytest.raises(FrozenInstanceError):
        doubled([]).first = 1  # type: ignore[misc]
    for pair in (Pair(1, 2), doubled([])):
        with pytest.raises(AttributeError, match=r"'Pair' object has no attribute 'third'"):
            _ = pair.third  # type: ignore[attr-defined]


def test_a_report_counts_what_its_table_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Types of operands and bytes that are moved are in JSON, and in no table that does not ask for them."""
    asked = []
    for name in ("operands", "traffic"):
        real = getattr(results, name)
        monkeypatch.setattr(results, name, lambda *given, real=real, name=name: asked.append(name) or real(*given))
    made = convcost.load("lenet5").report()
    table = made.table()
    assert str(table)
    assert made.totals.macs
    assert asked == []
    assert table.data["totals"]["bytes_moved"] == sum(layer.bytes_moved for layer in made.layers)
    assert asked == ["traffic"]
