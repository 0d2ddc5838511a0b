"""What an alignment promises of any two networks."""

from __future__ import annotations

import pytest
from helpers.random_graphs import graphs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import convcost
from convcost.graph.align import Alignment, Pair, align, tree
from convcost.graph.changes import changes, each
from convcost.graph.graph import Graph
from convcost.graph.items import Item, items
from convcost.graph.walk import walk
from convcost.networks.budgets.costs import as_written

TURNED = {"added": "removed", "removed": "added"}


def leaves(found: Alignment) -> list[tuple[list[str], list[str]]]:
    """The units on both sides of each pair that contains no others."""
    return [
        ([i.name for i in p.old.items] if p.old else [], [i.name for i in p.new.items] if p.new else [])
        for p in found.leaves
    ]


def turned(found: Alignment) -> list[tuple[list[str], list[str]]]:
    return sorted((new, old) for old, new in leaves(found))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(graphs(7), graphs(7))
def test_each_unit_is_in_one_pair_and_the_other_direction_is_the_mirror(one: Graph, other: Graph) -> None:
    old, new = items(walk(one)), items(walk(other))
    found, back = align(old, new), align(new, old)
    for at, side in enumerate((old, new)):
        assert sorted(name for pair in leaves(found) for name in pair[at]) == sorted(item.name for item in side)
    assert turned(found) == sorted(leaves(back))
    here = sorted((TURNED.get(change.kind, change.kind), change.macs, change.params) for change in each(found))
    assert here == sorted((change.kind, -change.macs, -change.params) for change in each(back))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(graphs(7), graphs(7))
def test_changes_add_up(one: Graph, other: Graph) -> None:
    old, new = items(walk(one)), items(walk(other))
    found = changes(align(old, new), (dict(one.inputs), dict(other.inputs)))
    assert sum(change.macs for change in found) == sum(i.macs for i in new) - sum(i.macs for i in old)
    assert sum(change.params for change in found) == sum(i.params for i in new) - sum(i.params for i in old)


@given(graphs(), st.data())
def test_nothing_differs_from_itself_and_a_unit_less_is_missing(one: Graph, data: st.DataObject) -> None:
    whole = items(walk(one))
    assert changes(align(whole, whole)) == ()
    at = data.draw(st.integers(0, len(whole) - 1))
    rest = [item for item in whole if item is not whole[at]]
    assert {change.kind for change in each(align(whole, rest))} <= {"removed", "same", "renamed", "changed", "moved"}
    assert len(align(whole, rest).units) <= len(rest)


def test_nothing_and_something() -> None:
    one = items(convcost.load("lenet5").walked)
    assert [change.kind for change in changes(align([], one))] == ["added"] * len(changes(align([], one)))
    assert changes(align([], [])) == ()


@pytest.mark.parametrize("model", ["mobilenet_v2", "nasnet_mobile", "vit_b_16"])
def test_items_are_the_layers_of_the_network(model: str) -> None:
    """No layer is lost, and none counted twice."""
    network = convcost.load(model)
    totals = network.report().totals
    found = items(network.walked)
    assert sorted(name for item in found for name in item.steps) == sorted(step.node.name for step in network.steps)
    assert sum(item.macs for item in found) == totals.macs
    assert sum(item.params for item in found) == totals.params


def test_depths_are_stages_and_blocks() -> None:
    one, other = (items(convcost.load(name).walked) for name in ("resnet18", "resnet34"))
    found = align(one, other)
    stages = [(old.name if old else None, new.name if new else None) for old, new in found.at(1)]
    assert stages == [
        (name, name) for name in ("conv1", "pool1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "global_avg_pool", "fc")
    ]
    added = [new.name for old, new in found.at(2) if old is None and new]
    blocks = {"conv2_x": (2, 3), "conv3_x": (2, 4), "conv4_x": (2, 6), "conv5_x": (2, 3)}  # the paper's Table 1
    assert added == [f"{stage}.block{at}" for stage, (few, many) in blocks.items() for at in range(few + 1, many + 1)]


def test_items_can_come_from_a_file_instead_of_a_network() -> None:
    """What a lock file keeps is enough: plain data."""
    one = items(convcost.load("lenet5").walked)
    again = [Item(**{key: getattr(item, key) for key in Item.__dataclass_fields__}) for item in one]
    assert changes(align(again, one)) == ()
    assert isinstance(align(again, one).root, Pair)


@pytest.mark.parametrize(("few", "many"), [(1, 2), (2, 2), (2, 3), (0, 2)])
@pytest.mark.parametrize("name", ["a", "a.b"])
def test_items_of_one_name_are_units_of_their_own(name: str, few: int, many: int) -> None:
    """No network has any, but aligning what somebody made by hand ends, too."""
    one = as_written(name, "conv2d 3×3", [(8, 8, 3)], (8, 8, 3), 64 * 81, 81)
    found = align([one] * few, [one] * many)
    assert len(found.units) == few
    assert sum(len(new.items) for old, new in found.at(3) if old is None and new) == many - few
    assert [len(part.items) for part in tree([one, one]).children] == [2]
