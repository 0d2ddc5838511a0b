"""Kept rows of maps of any height: what repeats is left out, and gives what the plain loop over all rows does."""

from __future__ import annotations

import pytest
from helpers.random_graphs import node
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.core.errors import UsageError
from convcost.graph.graph import INPUT, Graph, Node
from convcost.graph.walk import walk
from convcost.memory import rows
from convcost.memory.patches import Rules, ranges, tiles
from convcost.memory.region import Region, region
from convcost.memory.rows import MOST_FOLLOWED, RingBuffers, Segment, strips


def chain(height: int, *nodes: Node) -> Region:
    return region(walk(Graph("tall", {INPUT: (height, 8, 3)}, nodes, (nodes[-1].name,))), "fused")


def conv(name: str, before: str, kernel: int, stride: int = 1, dilation: int = 1, padding: int = 0) -> Node:
    attrs = {"stride": [stride, 1], "dilation": [dilation, 1], "padding": [padding, 0]}
    return node(name, "conv2d", before, channels=3, kernel=[kernel, 1], **attrs)


def kept(found: Region) -> dict[str, int]:
    buffers = RingBuffers(found, "fused")
    return {buffers.where.tensors[at].name: count for end in found.ends for at, count in buffers.up_to(end).items()}


def test_a_map_of_many_rows_takes_as_many_steps_as_a_low_one() -> None:
    spent = []
    for height in (1_000, 100_000_000):
        found = chain(height, conv("one", INPUT, 3, padding=1), conv("two", "one", 3, 2, padding=1))
        assert kept(found) == {INPUT: 3, "one": 3}
        spent.append(MOST_FOLLOWED - RingBuffers(found, "fused").segments[-1].left)
    assert spent[0] == spent[1] < 100


def test_rows_of_what_nothing_computes_come_at_once() -> None:
    """A kernel of a million rows reads a million, and keeps them."""
    assert kept(chain(100_000_000, conv("one", INPUT, 1_000_000))) == {INPUT: 1_000_000}


def plain(found: Region) -> list[dict[str, list[tuple[int, int]]]]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Segment, "_period", lambda _, height: (height, []))
        return [segment.most for segment in RingBuffers(found, "fused").segments]


sides = st.integers(1, 3)


@given(
    st.integers(40, 200),
    st.lists(
        st.tuples(st.sampled_from(["conv", "conv", "up", "pad", "join"]), sides, sides, sides), min_size=2, max_size=6
    ),
)
@settings(max_examples=50, deadline=None)
def test_what_repeats_is_what_every_row_comes_to(height: int, drawn: list[tuple[str, int, int, int]]) -> None:
    """Branches wait for each other: one of two convolutions, one of which is dilated; scales make periods of many rows."""
    nodes, last = list[Node](), INPUT
    for at, (kind, kernel, stride, dilation) in enumerate(drawn):
        name = f"n{at}"
        if kind == "conv":
            nodes.append(conv(name, last, kernel, stride, dilation, dilation * (kernel - 1)))
        elif kind == "up":
            nodes.append(node(name, "upsample", last, scale=[stride, 1]))
        elif kind == "pad":
            nodes.append(node(name, "pad", last, height=[kernel, stride]))
        else:
            middle = f"{name}.conv"
            nodes += [conv(middle, last, 3, dilation=dilation, padding=dilation), node(name, "add", middle, last)]
        last = name
    found = chain(height, *nodes)
    assert [segment.most for segment in RingBuffers(found, "fused").segments] == plain(found)


def test_what_never_repeats_is_refused_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """One way to the input has a stride of 2, the other leaves half of it out: they are ever further apart."""
    nodes = (
        conv("half", INPUT, 1, 2),
        node("cut", "slice", INPUT, start=0, stop=1_000, step=1, axis="height"),
        node("both", "add", "half", "cut"),
    )
    assert kept(chain(2_000, *nodes))[INPUT] > 500
    monkeypatch.setattr(rows, "MOST_FOLLOWED", 1_000)
    with pytest.raises(
        UsageError, match=r"^the rows that are kept are not known after 1,000 windows .* without --stream"
    ):
        kept(chain(2_000, *nodes))


def test_strips_of_maps_beyond_a_million_positions_are_whole_numbers() -> None:
    """Positions from 2^19 on are followed in Python's integers; strips of 300,000 read one column more, and three rows each."""
    nodes = [conv("one", INPUT, 3, padding=1), node("two", "conv2d", "one", channels=3, kernel=[1, 3], padding=[0, 1])]
    found = region(walk(Graph("wide", {INPUT: (8, 600_000, 3)}, tuple(nodes), ("two",))), "fused")
    every = strips(RingBuffers(found, "fused"), found.ends, Rules("int8"), [[1], [2]])
    last = [one for one in every if one.end.edge == "two"]
    assert [(one.counts, one.live) for one in last] == [((1, 2), 3 * (3 + 1) * 300_001)]


def test_the_rings_of_many_ends_at_once_are_those_of_each() -> None:
    found = chain(60, *[conv(f"n{at}", f"n{at - 1}" if at else INPUT, 3, 1 + at % 2, padding=1) for at in range(5)])
    buffers = RingBuffers(found, "fused")
    needed = ranges(found, found.ends, 0, tiles([end.shape[0] for end in found.ends], [1]))
    every = buffers.up_to_each(found.ends, needed)
    for at, end in enumerate(found.ends):
        assert {number: rows[at] for number, rows in every.items() if rows[at]} == buffers.up_to(end) != {}
