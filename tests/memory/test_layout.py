"""What concats consist of is followed to a bound, beyond which a policy that joins is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from helpers.by_hand import network as by_hand
from helpers.random_graphs import graph, node

import convcost
from convcost.core.errors import UsageError
from convcost.graph.graph import INPUT, Graph
from convcost.graph.walk import walk
from convcost.memory import layout
from convcost.memory.lifetimes import lifetimes
from convcost.memory.usage import Options
from convcost.networks.within_memory import remedies


def joined(branches: int, readings: int) -> Graph:
    """Convolutions of the input, concatenated, and a sum of that with itself, so many times."""
    convs = [node(f"c{i}", "conv2d", INPUT, channels=1, kernel=1) for i in range(branches)]
    names = [conv.name for conv in convs]
    return graph([*convs, node("all", "concat", *names), node("sum", "add", *["all"] * readings)])


def test_each_reading_of_a_branch_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    walked = walk(joined(2, 3))
    # Each convolution reads the input and writes itself, 2 · 2; the concat reads two and writes these two; the sum reads
    # two three times, and writes itself: 4 + 4 + 7.
    monkeypatch.setattr(layout, "MOST_IN_PLACE", 15)
    lifetimes(walked, "concat_alias")
    monkeypatch.setattr(layout, "MOST_IN_PLACE", 14)
    with pytest.raises(
        UsageError, match="lies in more than 14 branches of concats, counted at each step; take a policy"
    ):
        lifetimes(walked, "concat_alias")
    lifetimes(walked, "inplace")  # joins nothing


def test_what_reads_a_wide_concat_thousands_of_times_is_refused_at_once() -> None:
    network = by_hand(joined(2000, 5100))  # the sum alone reads 10,200,000
    began = time.process_time()
    with pytest.raises(UsageError, match="lies in more than 10,000,000 branches"):
        network.memory(policy="concat_alias")
    assert time.process_time() - began < 2


FOUR = """
convcost: 1
name: four
input: [2, 1, 2]
layers:
  - parallel:
      a: [{conv2d: {channels: 1, kernel: 1}}]
      b: [{conv2d: {channels: 1, kernel: 1}}]
      c: [{conv2d: {channels: 1, kernel: 1}}]
      d: [{conv2d: {channels: 1, kernel: 1}}]
    join: concat
  - {relu: }
"""


def test_a_limit_is_answered_without_the_policy_that_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "four.yaml"
    path.write_text(FOUR, encoding="utf-8")
    network = convcost.load(path)

    def policies() -> list[tuple[str, int]]:
        found = remedies(network, Options(), 48)
        return [(change, needed) for change, needed in found if change.startswith("--policy")]

    # The input's 4 elements and the four branches' 2 each, and what the relu writes lies over them: 12 of 4 bytes. Any
    # other policy copies the branches, so that 8 elements are there twice.
    assert policies() == [("--policy concat_alias", 48)]
    monkeypatch.setattr(layout, "MOST_IN_PLACE", 14)
    assert policies() == []


def test_what_a_view_hands_on_is_alive_until_it_is_read() -> None:
    wide = node("wide", "conv2d", INPUT, channels=8, kernel=1)
    nodes = [wide, node("flat", "flatten", "wide"), node("last", "linear", "flat", channels=20)]
    # A map of 2×1 of 8 channels, and 20 numbers made of it.
    assert lifetimes(walk(graph(nodes)), "fused").peak().elements == 16 + 20
