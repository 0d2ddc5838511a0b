"""Patches and kept rows, executed: the result is that of the whole map, and the products are as many as convcost says."""

from __future__ import annotations

from itertools import product as pairs

import numpy as np
import pytest
from helpers.random_graphs import node
from helpers.run_patches import Layers
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.graph.graph import INPUT, Graph, Node
from convcost.graph.walk import walk
from convcost.memory.patches import Grid, Rules, candidates, on_grid
from convcost.memory.region import until as until_end
from convcost.memory.rows import RingBuffers, on_rows
from convcost.ops import OPS
from convcost.results.patches import Patcher, Patches, PatchOptions, deepest


def run(found: Patches, network: convcost.Network) -> tuple[Layers, list[int]]:
    """Run each patch, and compare its tile with the whole; what is alive in each."""
    layers = Layers(network.walked, found.end)
    wanted = layers.whole()[found.end]
    assert layers.products == found.stage_macs
    layers.products, alive = 0, []
    for patch in found.patches:
        tile = tuple(slice(*side) for side in patch.tile)
        before = layers.products
        made, most = layers.patch(tile)  # type: ignore[arg-type]
        assert np.array_equal(made, wanted[tile])
        assert layers.products - before == patch.macs
        assert most == patch.bytes
        alive.append(most)
    return layers, alive


def covers_once(found: Patches) -> bool:
    """Whether the tiles are the output, each position once."""
    count = np.zeros(found.shape[:-1], dtype=int)
    for patch in found.patches:
        count[tuple(slice(*side) for side in patch.tile)] += 1
    return bool((count == 1).all())


@pytest.mark.parametrize(
    ("resolution", "grid", "until"),
    [
        (144, "3x3", "stage3.block1"),
        (144, "2x4", "stage4.block1"),
        (224, "4x4", "stage3.block1"),
        (224, "3x3", "stage3"),
    ],
)
def test_mobilenet_v2_of_width_035(resolution: int, grid: str, until: str) -> None:
    network = convcost.load("mobilenet_v2", width=0.35, resolution=resolution)
    found = network.patches(grid, until, dtype="int8")
    layers, alive = run(found, network)
    assert covers_once(found)
    assert layers.products == found.patched_macs
    assert found.macs == network.report().totals.macs - found.stage_macs + layers.products
    assert found.stage_bytes == max(alive) + np.prod(found.shape)


@pytest.mark.parametrize(
    ("name", "knobs", "grid", "until"),
    [
        ("resnet18", {"resolution": 64}, "3x2", "layer2"),  # 7×7 /2, a padded pool, shortcuts that are convolutions
        ("googlenet", {"resolution": 96}, "2x3", "inception3b"),  # branches, pools that hang over the end
        ("densenet121", {"resolution": 64}, "2x2", "denseblock1"),  # a tensor that many layers read
        ("vgg11", {"resolution": 48}, "5x5", "features.5"),
    ],
)
def test_other_networks(name: str, knobs: dict[str, int], grid: str, until: str) -> None:
    network = convcost.load(name, **knobs)
    report = network.report(dtype="int8")
    ends = [end.edge for end in Patcher(network.walked, report, PatchOptions(dtype="int8")).ends]
    named = [end for end in ends if end.startswith(until)]
    found = network.patches(grid, (named or ends[:4])[-1], dtype="int8")
    layers, alive = run(found, network)
    assert covers_once(found)
    assert layers.products == found.patched_macs
    assert max(alive) == found.inside_bytes


@st.composite
def layers_in_space(draw: st.DrawFn) -> Graph:
    """Convolutions and pools of all sorts, one after the other, with a shortcut or a second branch here and there."""
    shape = (draw(st.integers(9, 16)), draw(st.integers(9, 16)), 2)
    nodes, edges, shapes = list[Node](), [INPUT], {INPUT: shape}

    def put(op: str, *inputs: str, **attrs: object) -> None:
        made = node(f"n{len(nodes)}", op, *inputs, **attrs)
        out = OPS[op].cost([shapes[edge] for edge in inputs], made.attrs)
        if all(check.holds for check in out.checks) and min(out.out[0]) >= 1:
            nodes.append(made)
            edges.append(made.name)
            shapes[made.name] = out.out[0]

    sides, paddings = st.tuples(st.integers(1, 3), st.integers(1, 3)), st.integers(0, 2)
    for _ in range(draw(st.integers(2, 7))):
        kind, last = draw(st.sampled_from(["conv", "conv", "same", "pool", "relu", "join"])), edges[-1]
        if kind == "conv":
            attrs = {"kernel": draw(sides), "stride": draw(sides), "dilation": draw(sides)}
            # Every window sees something of the map.
            attrs["padding"] = min(draw(paddings), *(d * (k - 1) for k, d in zip(attrs["kernel"], attrs["dilation"])))
            put("conv2d", last, channels=draw(st.integers(1, 3)), **attrs)
        elif kind == "same":
            put("conv2d", last, channels=2, kernel=draw(sides), stride=draw(sides), padding="same")
        elif kind == "pool":
            put("max_pool", last, kernel=draw(sides), stride=draw(sides), padding=0, ceil_mode=draw(st.booleans()))
        elif kind == "relu":
            put("relu", last)
        else:
            other = draw(st.sampled_from([edge for edge in edges if shapes[edge][:2] == shapes[last][:2]]))
            put("add" if shapes[other] == shapes[last] else "concat", last, other)
    if not nodes:
        put("relu", INPUT)
    return Graph("space", {INPUT: shape}, tuple(nodes), (edges[-1],))


@given(source=layers_in_space(), grid=st.tuples(st.integers(1, 4), st.integers(1, 4)))
@settings(max_examples=60, deadline=None)
def test_random_layers(source: Graph, grid: tuple[int, int]) -> None:
    walked = walk(source)
    found, end = until_end(walked, "fused", source.nodes[-1].name)
    counts = tuple(min(n, size) for n, size in zip(grid, end.shape))
    made = on_grid(found, end, counts, Rules("int8"))
    layers = Layers(walked, end.edge)
    wanted = layers.whole()[end.edge]
    for place in np.ndindex(counts):
        tile = tuple(
            slice(int(of[end.edge].start[at]), int(of[end.edge].stop[at])) for at, of in zip(place, made.along)
        )
        before = layers.products
        result, alive = layers.patch(tile)  # type: ignore[arg-type]
        assert np.array_equal(result, wanted[tile])
        assert (layers.products - before, alive) == (made.macs[place], made.live[place])
    (one,) = candidates(found, [end], Rules("int8"), [[n] for n in counts])
    assert (one.counts, one.macs, one.live) == (counts, *_of(made))
    kept = on_rows(RingBuffers(found, "fused"), end, (1, 1), Rules("int8"))
    assert np.array_equal(layers.rows(kept.rings or {}), wanted)


def _of(grid: Grid) -> tuple[int, int]:
    return int(grid.macs.sum()), int(grid.live.max())


@pytest.mark.parametrize("until", ["stage2", "stage3"])
def test_rows_are_kept_as_long_as_needed_and_no_longer(until: str) -> None:
    network = convcost.load("mobilenet_v2", width=0.35, resolution=96)
    found = network.patches(1, until, dtype="int8", stream=True)
    layers = Layers(network.walked, found.end)
    wanted = layers.whole()[found.end]
    layers.products = 0
    assert found.rings is not None
    assert np.array_equal(layers.rows(found.rings), wanted)
    assert layers.products == found.stage_macs == found.patched_macs  # nothing twice
    for edge, rows in found.rings.items():
        with pytest.raises((LookupError, IndexError)):
            layers.rows({**found.rings, edge: rows - 1})


def test_strips_of_kept_rows_overlap_as_patches_of_one_row_of_the_grid_do() -> None:
    """Rows are kept, so that only the columns are computed several times: as in as many patches side by side."""
    network = convcost.load("mobilenet_v2", width=0.35, resolution=96)
    strips = network.patches("1x4", "stage3", dtype="int8", stream=True)
    patches = network.patches("1x4", "stage3", dtype="int8")
    assert strips.patched_macs == patches.patched_macs > patches.stage_macs
    assert [patch.reads for patch in strips.patches] == [patch.reads for patch in patches.patches]


def test_every_grid_and_depth_that_is_tried_is_what_a_single_one_comes_to() -> None:
    network = convcost.load("mobilenet_v2", width=0.35, resolution=64)
    for stream, equal in ((False, False), (False, True), (True, False)):
        report = network.report(dtype="int8", memory_policy="tinyengine")
        patcher = Patcher(network.walked, report, PatchOptions("tinyengine", "int8", stream, equal=equal))
        every = list(patcher.tried(patcher.ends))
        assert {one.counts for one, _, _ in every} >= ({(1, 3)} if stream else {*pairs((1, 2, 3), repeat=2), (8, 1)})
        for one, peak, macs in every[::7]:
            single = patcher.measured(one.end, one.counts)
            assert (single.peak, single.macs) == (peak, macs)


@pytest.mark.parametrize(("grid", "stream"), [((3, 3), False), ((2, 4), False), ((1, 3), True)])
def test_the_depth_that_is_chosen_for_a_grid_is_the_best_of_all(grid: tuple[int, ...], stream: bool) -> None:
    network = convcost.load("mobilenet_v2", width=0.35, resolution=64)
    report = network.report(dtype="int8", memory_policy="tinyengine")
    patcher = Patcher(network.walked, report, PatchOptions("tinyengine", "int8", stream))
    every = [
        patcher.measured(end, grid)
        for end in patcher.ends
        if all(n <= size for n, size in zip(grid, end.shape, strict=False))
    ]
    best = min(every, key=lambda one: (one.peak, one.macs))
    found = deepest(patcher, "x".join(map(str, grid)))
    assert (found.end, found.peak, found.macs) == (best.end, best.peak, best.macs)
