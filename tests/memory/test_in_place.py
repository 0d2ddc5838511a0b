"""Depthwise convolutions in place: while one runs, the larger of its input and its output is in memory, not both."""

from __future__ import annotations

import pytest
from helpers.random_graphs import graph, node

import convcost
from convcost.graph.graph import INPUT, Graph
from convcost.graph.walk import walk
from convcost.memory.arena import PLANNERS, plan
from convcost.memory.lifetimes import count, lifetimes
from convcost.memory.order import best_order


def chain(stride: int, *more: str) -> Graph:
    """An input of 4×4×1 elements, 6 channels of these, a depthwise convolution, two channels; some nodes read `wide` too."""
    wide = node("wide", "conv2d", INPUT, channels=6, kernel=1)
    middle = node("middle", "conv2d", "wide", channels=6, kernel=3, stride=stride, padding=1, groups=6)
    last = node("last", "conv2d", "middle", channels=2, kernel=1)
    others = [node(name, "relu", "wide") for name in more]
    return Graph("chain", {INPUT: (4, 4, 1)}, (wide, middle, last, *others), ("last", *more))


@pytest.mark.parametrize(
    ("policy", "stride", "elements"),
    [
        ("inplace", 1, 96 + 96),  # wide and middle
        ("tinyengine", 1, 96 + 32),  # middle in the place of wide, and last
        ("mcunet", 1, 96 + 32),
        ("inplace", 2, 96 + 24),  # wide and a quarter of it
        ("tinyengine", 2, 16 + 96),  # the input and wide; then the larger of wide and middle alone
        ("mcunet", 2, 16 + 96),
    ],
)
def test_the_larger_counts(policy: str, stride: int, elements: int) -> None:
    assert lifetimes(walk(chain(stride)), policy).peak().elements == elements


def test_an_input_that_is_read_again_is_not_written_over() -> None:
    walked = walk(chain(1, "again"))
    # wide, which relu reads last, middle, and last
    assert lifetimes(walked, "tinyengine").peak().elements == 96 + 96 + 32
    # A policy that looks at single layers forgets who else reads it.
    assert lifetimes(walked, "mcunet").peak().elements == 96 + 32
    # No order helps: with relu before it, the depthwise convolution could write over wide, but relu's output is kept.
    assert best_order(walked, "tinyengine").peak == 96 + 96 + 32


def test_one_that_makes_two_channels_of_each_is_not_in_place() -> None:
    wide = node("wide", "conv2d", INPUT, channels=6, kernel=1)
    twice = node("twice", "conv2d", "wide", channels=12, kernel=3, padding=1, groups=6)
    walked = walk(graph([wide, twice]))
    # A map of 2×1: 6 and 12 channels.
    assert lifetimes(walked, "tinyengine").peak().elements == 2 * 6 + 2 * 12


@pytest.mark.parametrize("way", PLANNERS)
@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v1", "shufflenet_v2_x1_0"])
def test_what_is_written_over_an_input_begins_where_that_begins(name: str, way: str) -> None:
    lives = lifetimes(convcost.load(name).walked, "tinyengine")
    made = plan(lives, [count(tensor) for tensor in lives.tensors], way)
    assert made.overlaps() == []
    assert made.total >= made.bound
    assert lives.begins_over
    assert all(made.offsets[over] == made.offsets[under] for over, under in lives.begins_over.items())


def test_mobilenet_v2_per_layer_as_mcunet_v2_prints_it() -> None:
    """Table 1 of arXiv 2110.15352: 1372 kB. The expansion of the second bottleneck reads 112·112·16 and writes 112·112·96,
    1,404,928 bytes = 1372 · 1024; not in place, the depthwise convolution after it would need 112·112·96 + 56·56·96."""
    network = convcost.load("mobilenet_v2")
    for policy in ("mcunet", "tinyengine"):
        assert network.memory(policy, dtype="int8").peak == 112 * 112 * (16 + 96) == 1372 * 1024
    assert network.memory("fused", dtype="int8").peak == 112 * 112 * 96 + 56 * 56 * 96
