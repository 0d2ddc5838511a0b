"""What is asked of the networks of the zoo: what it selects, what is no such word, and that nothing needless is counted."""

from __future__ import annotations

from typing import Any

import pytest

from convcost import list_networks
from convcost.core.errors import UsageError
from convcost.networks import listing
from convcost.networks.selection import Entry, Selection
from convcost.spec.zoo import all_specs, names_of

ZOO = (
    Entry("a_small", "a", "The A", "classification", 2018),
    Entry("a_large", "a", "The A", "classification", 2020),
    Entry("b", "b", "Bee", "detection", 2020),
    Entry("undated", "undated"),
)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["a_small", "a_large", "b", "undated"]),
        ({"patterns": ["*_small", "b"]}, ["a_small", "b"]),
        ({"family": "a"}, ["a_small", "a_large"]),
        ({"family": "Bee"}, ["b"]),
        ({"family": ["bee", "the*"]}, ["a_small", "a_large", "b"]),
        ({"task": "detection"}, ["b"]),
        ({"task": ["detection", "classification"], "year": "2020"}, ["a_large", "b"]),
        ({"year": 2018}, ["a_small"]),
        ({"year": "2018-2020"}, ["a_small", "a_large", "b"]),
        ({"year": "2021-2026"}, []),
        ({"patterns": ["a*"], "family": "b"}, []),
    ],
)
def test_what_is_asked_for_is_what_is_found(asked: dict[str, Any], found: list[str]) -> None:
    assert Selection.of(**asked).named(ZOO) == found


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"task": "detectoin"}, "there is no task 'detectoin'. Did you mean detection?"),
        ({"year": "19"}, "'19' is no year or span of years, e.g. 2018 or 2015-2019"),
        ({"year": "2019-2020-2021"}, "'2019-2020-2021' is no year or span of years, e.g. 2018 or 2015-2019"),
        ({"max_macs": "lots"}, "'lots' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
        ({"max_params": "5MB"}, "'5MB' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
        ({"family": "resnat"}, "there is no family 'resnat'. Did you mean resnet?"),
        ({"family": "resnet50"}, "there is no family 'resnet50'. Did you mean resnet?"),
    ],
)
def test_what_is_no_such_word_is_said(asked: dict[str, Any], error: str) -> None:
    with pytest.raises(UsageError) as raised:
        list_networks(**asked)
    assert str(raised.value) == error


def test_bounds_are_of_counts_and_at_most() -> None:
    """LeNet-5 as it is taught: 61,706 parameters, 416,520 MACs (both by hand in tests/spec/test_zoo.py)."""
    bounds: list[tuple[dict[str, Any], bool]] = [
        ({"max_macs": 416_520, "max_params": "61.706k"}, True),
        ({"max_macs": 416_519}, False),
        ({"max_params": 61_705}, False),
    ]
    for asked, inside in bounds:
        assert ("lenet5" in list_networks("lenet5", **asked)) == inside


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The networks that are counted, nothing being kept."""
    monkeypatch.setenv("CONVCOST_CACHE", "0")
    names: list[str] = []
    record = listing._record

    def noted(name: str, convention: str) -> dict[str, Any]:
        names.append(name)
        return record(name, convention)

    monkeypatch.setattr(listing, "_record", noted)
    return names


def test_only_what_task_year_and_family_leave_is_counted(counted: list[str]) -> None:
    assert list_networks(task="detection", year="2015-2017")
    assert counted == []
    table = listing.list_table(task="keyword spotting", max_params="100k")
    spotting = [name for spec in all_specs() if spec.task == "keyword spotting" for name in names_of(spec)]
    assert counted == spotting
    # Hello Edge, Table 9: DS-CNN of 38.6 KB (small), 189.2 KB and 497.6 KB, a byte for each weight
    assert {"ds_cnn_s"} <= {row["name"] for row in table.records} < {*spotting}


def test_a_table_says_what_was_selected() -> None:
    table = listing.list_table(family="lenet*", year=1998, max_macs="400k")
    assert [row["name"] for row in table.records] == ["lenet5_1998"]
    zoo = sum(len(names_of(spec)) for spec in all_specs())
    assert table.notes[0] == ("selected", f"family lenet*; year 1998; at most 400,000 MACs: 1 of {zoo}")
    assert [row["title"] for row in table.records] == ["LeNet-5 (as published)"]
