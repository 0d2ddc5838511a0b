"""Blocks in parts: by hand, on MobileNetV2, and Table 3 of its paper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.random_graphs import graph, node

import convcost
from convcost.graph.graph import INPUT, Graph
from convcost.graph.walk import walk
from convcost.memory.arena import PLANNERS, plan
from convcost.memory.lifetimes import Lifetimes, Sized, count, lifetimes
from convcost.memory.parts import SplitBlock, chains, largest_by_size, split_blocks


def inverted(*, squeeze: bool = False, shortcut: bool = False, expansion: int = 12) -> Graph:
    """A block on a map of 2×1: c channels are 2·c elements."""
    depthwise = node("depthwise", "conv2d", "act", channels=expansion, kernel=1, groups=expansion)
    nodes = [
        node("start", "conv2d", INPUT, channels=3, kernel=1),
        node("expand", "conv2d", "start", channels=expansion, kernel=1),
        node("act", "relu", "expand"),
        depthwise,
    ]
    inner = "depthwise"
    if squeeze:
        nodes += [
            node("squeeze", "global_avg_pool", "depthwise"),
            node("excite", "conv2d", "squeeze", channels=expansion, kernel=1),
            node("scaled", "multiply", "depthwise", "excite"),
        ]
        inner = "scaled"
    nodes.append(node("project", "conv2d", inner, channels=3, kernel=1))
    if shortcut:
        nodes.append(node("sum", "add", "project", "start"))
    return graph(nodes)


def lives(source: Graph) -> Lifetimes:
    return lifetimes(walk(source))


def in_parts(source: Graph, parts: int) -> tuple[int, tuple[SplitBlock, ...]]:
    smaller, done = split_blocks(walk(source), lives(source), "fused", parts)
    return smaller.peak().elements, done


@pytest.mark.parametrize(("parts", "channels"), [(2, 6), (3, 4), (5, 3), (12, 1), (100, 1)])
def test_a_block_needs_its_input_its_output_and_one_part(parts: int, channels: int) -> None:
    # Whole: expand 24 and depthwise 24. In parts: start 6, project 6, and of both inner maps some of the 12 channels.
    source = inverted()
    assert lives(source).peak().elements == 48
    expected = 6 + 6 + 2 * channels + 2 * channels
    assert in_parts(source, parts) == (expected, (SplitBlock("project", 48, expected, 12 // channels),))


def test_the_parts_of_a_depthwise_convolution_in_place_lie_side_by_side() -> None:
    # Whole, in place: 6 and 24 at expand, 24 and 6 at project. In 3 parts: 6, 8 of expand, 8 of depthwise and 6, all at once.
    network = walk(inverted())
    smaller, done = split_blocks(network, lifetimes(network, "tinyengine"), "tinyengine", 3)
    assert (smaller.peak().elements, done) == (28, (SplitBlock("project", 30, 28, 3),))
    placed = [plan(smaller, [*map(count, smaller.tensors)], way) for way in PLANNERS]
    assert [one.total for one in placed] == [28, 28, 28]


@pytest.mark.parametrize(("axes", "sizes"), [(1, (2,)), (3, (1, 2, 1)), (2, (2, 1, 1))])
def test_a_block_is_one_along_any_number_of_axes(axes: int, sizes: tuple[int, ...]) -> None:
    """The block above on two positions of a sequence, of a volume, and of two frames of one pixel."""
    conv = f"conv{axes}d"
    nodes = [
        node("start", conv, INPUT, channels=3, kernel=1),
        node("expand", conv, "start", channels=12, kernel=1),
        node("act", "relu", "expand"),
        node("depthwise", conv, "act", channels=12, kernel=1, groups=12),
        node("project", conv, "depthwise", channels=3, kernel=1),
    ]
    source = graph(nodes, input_shape=(*sizes, 2))
    assert in_parts(source, 3) == (6 + 6 + 2 * 4 + 2 * 4, (SplitBlock("project", 48, 28, 3),))


@pytest.mark.parametrize(
    ("op", "attrs", "shape", "positions"),
    [
        ("max_pool1d", {"kernel": 2}, (2, 2), 1),
        ("upsample1d", {"scale": 3}, (2, 2), 6),
        ("avg_pool3d", {"kernel": [1, 2, 1]}, (1, 2, 1, 2), 1),
        ("resize3d", {"size": [2, 2, 1]}, (1, 2, 1, 2), 4),
        ("global_avg_pool", {}, (1, 2, 1, 2), 1),
    ],
)
def test_windows_along_any_number_of_axes_may_stand_in_a_block(
    op: str, attrs: dict[str, Any], shape: tuple[int, ...], positions: int
) -> None:
    conv = f"conv{len(shape) - 1}d"
    nodes = [
        node("start", conv, INPUT, channels=3, kernel=1),
        node("expand", conv, "start", channels=12, kernel=1),
        node("between", op, "expand", **attrs),
        node("project", conv, "between", channels=3, kernel=1),
    ]
    source = graph(nodes, input_shape=shape)
    # Whole: 2·12 and what comes out of the op, 12 times its positions. In 4 parts: the start's 6, 3 channels of each of
    # the two, and what is projected.
    whole, parts = 12 * (2 + positions), 6 + 3 * (2 + positions) + 3 * positions
    assert in_parts(source, 4) == (parts, (SplitBlock("project", whole, parts, 4),))


#: Op -> its attributes on a map of 2×1, and the positions that it leaves.
CHANNEL_BY_CHANNEL = {
    "pad": ({"padding": [1, 1, 0, 0]}, 4),
    "adaptive_avg_pool": ({"size": [1, 1]}, 1),
    "adaptive_max_pool": ({"size": [1, 1]}, 1),
    "subsample": ({"kernel": [2, 1]}, 1),
    "upsample": ({"scale": [2, 1]}, 4),
    "resize": ({"size": [3, 1]}, 3),
    "max_pool": ({"kernel": [2, 1]}, 1),
}


@pytest.mark.parametrize("op", CHANNEL_BY_CHANNEL)
def test_whatever_acts_channel_by_channel_may_stand_in_a_block(op: str) -> None:
    attrs, positions = CHANNEL_BY_CHANNEL[op]
    start, expand, act, depthwise, project = inverted().nodes
    between = node("between", op, "act", **attrs)
    source = graph([start, expand, act, between, replace(depthwise, inputs=("between",)), project])
    # Whole: 2·12 of expand beside what comes out of the op, or that beside the depthwise convolution's.
    assert lives(source).peak().elements == 12 * max(2 + positions, 2 * positions)
    # In 4 parts of 3 channels: start 6, project 3 channels, and 3 channels of each of the inner maps.
    expected = 6 + 3 * positions + 3 * (2 + positions + positions)
    assert in_parts(source, 4) == (
        expected,
        (SplitBlock("project", 12 * max(2 + positions, 2 * positions), expected, 4),),
    )


def test_keras_idiom_of_padding_first_is_as_good_as_padding_inside(tmp_path: Path) -> None:
    """112×112×16, widened to 96, brought to 56×56 and to 24 channels, one byte each, in 4 parts of 24 channels."""

    def peak(layers: str) -> int:
        path = tmp_path / "block.yaml"
        path.write_text(
            f"convcost: 1\nname: block\ninput: [112, 112, 16]\nlayers:\n"
            f"  - conv2d: {{channels: 96, kernel: 1}}\n{layers}  - conv2d: {{channels: 24, kernel: 1}}\n"
        )
        return convcost.load(path).memory(dtype="int8", parts=4).peak

    depthwise = "  - conv2d: {channels: 96, kernel: 3, stride: 2, groups: 96, padding: PADDING}\n"
    ends = 112 * 112 * 16 + 56 * 56 * 24
    assert peak(depthwise.replace("PADDING", "1")) == ends + 24 * (112 * 112 + 56 * 56)
    padded = "  - pad: {padding: [0, 1, 0, 1]}\n" + depthwise.replace("PADDING", "valid")
    assert peak(padded) == ends + 24 * (112 * 112 + 113 * 113 + 56 * 56)


def test_a_shortcut_is_alive_anyway() -> None:
    source = inverted(shortcut=True)
    assert lives(source).peak().elements == 6 + 48
    assert in_parts(source, 4)[0] == 6 + 6 + 12  # no more than without a shortcut


def test_squeeze_and_excite_needs_the_whole_inner_tensor() -> None:
    source = inverted(squeeze=True)
    found = [chain.last for chain in chains(walk(source))]
    assert found == []
    assert in_parts(source, 4) == (lives(source).peak().elements, ())


def test_an_inner_tensor_that_something_else_reads_is_made_as_a_whole() -> None:
    source = inverted()
    nodes = [*source.nodes, node("tap", "conv2d", "depthwise", channels=1, kernel=1)]
    assert in_parts(graph(nodes, "project", "tap"), 4)[1] == ()
    assert in_parts(graph(source.nodes, "project", "expand"), 4)[1] == ()


def test_a_block_that_does_not_get_smaller_is_left_alone() -> None:
    # Narrow inside: start 6, expand 2, depthwise 2, project 6; whole: 8 at most, in parts: start and project at once.
    source = inverted(expansion=1)
    assert in_parts(source, 2)[1] == ()


def test_two_convolutions_are_no_block() -> None:
    nodes = [node("a", "conv2d", INPUT, channels=9, kernel=1), node("b", "conv2d", "a", channels=1, kernel=1)]
    assert chains(walk(graph(nodes, "b"))) == ()


def test_a_convolution_and_its_pool_are_a_block() -> None:
    nodes = [node("wide", "conv2d", INPUT, channels=9, kernel=1), node("pool", "global_avg_pool", "wide")]
    source = graph(nodes)
    # Whole: wide 18 and pool 9; in 3 parts: the input 4, a part of 2·3, and pool 9.
    assert lives(source).peak().elements == 27
    assert in_parts(source, 3)[0] == 4 + 6 + 9


def test_grouped_convolutions_and_a_shuffle_are_a_block() -> None:
    nodes = [
        node("expand", "conv2d", INPUT, channels=12, kernel=1, groups=2),
        node("shuffle", "channel_shuffle", "expand", groups=2),
        node("depthwise", "conv2d", "shuffle", channels=12, kernel=1, groups=12),
        node("project", "conv2d", "depthwise", channels=2, kernel=1, groups=2),
    ]
    source = graph(nodes, input_shape=(2, 1, 4))
    assert lives(source).peak().elements == 48
    assert in_parts(source, 4)[0] == 8 + 4 + 3 * 6  # three inner maps, a part of 3 channels of each


def test_mobilenet_v2_in_parts() -> None:
    network = convcost.load("mobilenet_v2")
    assert network.memory(dtype="int8").peak == 112 * 112 * 96 + 56 * 56 * 96
    # The paper's t is 6. The block that was largest: 112·112·16 in, 56·56·24 out, 16 of 96 channels inside.
    in_six = network.memory(dtype="int8", parts=6)
    (block,) = (done for done in in_six.splits if done.name == "stage2.block1.project.conv2d")
    assert block.before == 1_505_280
    assert block.after == 112 * 112 * 16 + 56 * 56 * 24 + 112 * 112 * 16 + 56 * 56 * 16
    assert in_six.peak == block.after
    assert (
        len(in_six.splits) == 18
    )  # 17 blocks - the stem is the first one's expansion - and the last 1×1 with its pool
    # However many parts, the block's input and output remain.
    many = network.memory(dtype="int8", parts=1000)
    # 96 channels make 96 parts of one; the 1280 of the last 1×1, two for each part, 640.
    assert {done.parts for done in many.splits if done.name.startswith(("stage2.block1", "global_avg_pool"))} == {
        96,
        640,
    }
    assert many.peak >= 112 * 112 * 16 + 56 * 56 * 24


@pytest.mark.parametrize(
    ("policy", "parts", "message"),
    [
        ("unfused", 2, "blocks can run in parts only under a policy that fuses and frees, not under unfused"),
        ("sum", 2, "blocks can run in parts only under a policy that fuses and frees, not under sum"),
        ("fused", 0, "a block runs as it is, 1, or in 2 to 1,000,000 parts, got 0"),
        ("fused", 10**7, "a block runs as it is, 1, or in 2 to 1,000,000 parts, got 10000000"),
    ],
)
def test_refusals(policy: str, parts: int, message: str) -> None:
    with pytest.raises(convcost.UsageError) as caught:
        convcost.load("mobilenet_v2").memory(policy, parts=parts)
    assert str(caught.value) == message


def widest(model: str, *, blocks_as_one: bool) -> dict[int, tuple[int, int]]:
    """Height -> channels and elements of the largest tensor that has to exist as a whole."""
    network = convcost.load(model)
    found = largest_by_size(network.walked, blocks_as_one=blocks_as_one)
    return {height: (tensor.shape[-1], count(tensor)) for (height, _), tensor in found.items()}


class TestTable3:
    """Sandler et al. (arXiv 1801.04381), Table 3: channels / kB of 1,000 bytes at 16 bits, per resolution."""

    def test_mobilenet_v1(self) -> None:
        printed = {112: (64, 1600), 56: (128, 800), 28: (256, 400), 14: (512, 200), 7: (1024, 199), 1: (1024, 2)}
        found = widest("mobilenet_v1", blocks_as_one=False)
        for size, (channels, kilobytes) in printed.items():
            assert found[size][0] == channels
            if size != 7:
                assert abs(2 * found[size][1] / 1000 - kilobytes) <= 0.005 * kilobytes + 0.5
        # 7·7·1024 elements of 2 bytes are 100 kB: the printed 199 stands for no tensor of the network.
        assert 2 * found[7][1] == 100_352
        assert max(2 * elements for _, elements in found.values()) == 1_605_632  # printed: 1600 K (800 K in version 1)

    def test_mobilenet_v2(self) -> None:
        found = widest("mobilenet_v2", blocks_as_one=True)
        # From 56 to 14 the table pairs the size of a row of Table 2, which is that of its *input*, with the channels of
        # its *output*, one stride of two later: 56²×32, 28²×64, 14²×160 exist nowhere in the network.
        printed = {112: (16, 400), 56: (32, 200), 28: (64, 100), 14: (160, 62), 7: (320, 32), 1: (1280, 2)}
        assert found == {
            224: (3, 150_528),
            112: (16, 200_704),  # printed 16/400
            56: (24, 75_264),
            28: (32, 25_088),
            14: (96, 18_816),
            7: (320, 15_680),  # printed 320/32
            1: (1280, 1_280),  # printed 1280/2
        }
        for size in (112, 7, 1):
            assert found[size][0] == printed[size][0]
        # What is printed is 2 bytes · size² · channels all the same, to the rounding of the table.
        for size, (channels, kilobytes) in printed.items():
            assert abs(2 * size * size * channels / 1000 - kilobytes) <= 0.005 * kilobytes + 1
        # The maximum, 400 K in the later version, is the output of the first block.
        assert max(2 * elements for size, (_, elements) in found.items() if size < 224) == 401_408

    def test_without_the_trick_the_inner_tensors_count(self) -> None:
        assert widest("mobilenet_v2", blocks_as_one=False)[112] == (96, 112 * 112 * 96)

    def test_shufflenet(self) -> None:
        # Printed under "2×, g = 3", the channels 400, 800, 1600 are those of g = 2; here they are 480, 960, 1920.
        found = widest("shufflenet_v1_x2_0", blocks_as_one=True)
        assert [found[size][0] for size in (28, 14, 7)] == [480, 960, 1920]
        assert [round(2 * found[size][1] / 1000, 1) for size in (28, 14, 7)] == [752.6, 376.3, 188.2]


@pytest.mark.parametrize(
    "layers",
    [
        [("conv2d", {"channels": 8, "kernel": 1}), *[("max_pool", {"kernel": 1, "stride": 1})] * 1200],
        [
            ("conv2d", {"channels": 8, "kernel": 1}),
            ("conv2d", {"channels": 8, "kernel": 1, "groups": 8}),
            ("conv2d", {"channels": 2, "kernel": 1}),
        ]
        * 400,
    ],
    ids=["many ends", "many blocks"],
)
def test_the_tensors_of_a_network_are_measured_a_few_times_each(layers: list[tuple[str, dict[str, Any]]]) -> None:
    names = [INPUT, *map(str, range(len(layers)))]
    source = graph([node(name, op, before, **attrs) for (op, attrs), before, name in zip(layers, names, names[1:])])
    measured = 0

    def size(tensor: Sized) -> int:
        nonlocal measured
        measured += 1
        return int(count(tensor))

    _, done = split_blocks(walk(source), lives(source), "fused", 8, size)
    assert done
    assert measured <= 20 * len(layers)
