"""Receptive fields: by hand, against a published table, and against positions that are followed one by one."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from helpers.random_graphs import graph, node
from helpers.steps import lines_run
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.core.errors import UsageError
from convcost.graph.graph import Graph, Node
from convcost.graph.receptive import Field, receptive_fields
from convcost.graph.walk import Walked, walk

# A published table: Araujo et al., google-research/receptive_field, RECEPTIVE_FIELD_TABLE.md, of TF-slim's networks. Size,
# effective stride, effective padding; padding is for inputs of 224 where it depends on the size.
ARAUJO = {
    "vgg11": {"stage1.pool": (4, 2, 1), "stage3.pool": (30, 8, 11), "stage5.pool": (150, 32, 59)},
    "vgg16": {"stage1.pool": (6, 2, 2), "stage3.conv1.relu": (24, 4, 10), "stage5.pool": (212, 32, 90)},
    "mobilenet_v1": {
        "stage1.block1.pointwise.relu": (7, 2, 2),
        "stage6.block1.pointwise.relu": (59, 16, 14),
        "stage9.block1.pointwise.relu": (315, 32, 126),
    },
    "inception_v3": {
        "mixed_5d.concat": (127, 8, 50),
        "mixed_6e.concat": (927, 16, 442),
        "mixed_7a.concat": (1055, 32, 490),
        "mixed_7c.concat": (1311, 32, 618),
    },
    "inception_v4": {"inception_b.block7.concat": (1559, 16, 758), "inception_c.block3.concat_3": (2071, 32, 998)},
    "inception_resnet_v2": {
        "mixed_5b.concat": (63, 8, 18),
        "inception_resnet_b.block20.relu": (2335, 16, 1146),
        "mixed_7a.concat": (2399, 32, 1162),
        "inception_resnet_c.last.concat": (3039, 32, 1482),
    },
}


@pytest.mark.parametrize("name", ARAUJO)
def test_published_fields(name: str) -> None:
    found = receptive_fields(convcost.load(name).walked)
    for layer, (size, stride, padding) in ARAUJO[name].items():
        (axes,) = found[layer].values()
        assert axes == (Field(size, Fraction(stride), -padding),) * 2, layer


def resnet_v1(blocks: list[int], width: int = 1) -> Walked:
    """The bottlenecks of TF-slim: the last block of a stage, but of the fourth, strides in its 3×3; padding as PyTorch's."""
    nodes = [
        node("conv1", "conv2d", "input", channels=width, kernel=7, stride=2, padding=3),
        node("pool1", "max_pool", "conv1", kernel=3, stride=2, padding=1),
    ]
    for stage, repeats in enumerate(blocks, start=1):
        for block in range(1, repeats + 1):
            stride, before, name = 1 + (block == repeats and stage < 4), nodes[-1].name, f"stage{stage}.block{block}"
            short = [node(f"{name}.short", "max_pool", before, kernel=1, stride=stride)]
            deep = node(f"{name}.conv2", "conv2d", before, channels=width, kernel=3, stride=stride, padding=1)
            nodes += [*short, deep, node(f"{name}.add", "add", short[0].name, deep.name)]
    return walk(graph(nodes, input_shape=(224, 224, width)))


@pytest.mark.parametrize(
    ("blocks", "sizes"),
    [
        ([3, 4, 6, 3], (35, 99, 291, 483)),
        ([3, 4, 23, 3], (35, 99, 835, 1027)),
        ([3, 8, 36, 3], (35, 163, 1315, 1507)),
        ([3, 24, 36, 3], (35, 419, 1571, 1763)),
    ],
)
def test_published_fields_of_resnets_that_stride_last(blocks: list[int], sizes: tuple[int, ...]) -> None:
    found = receptive_fields(resnet_v1(blocks))
    ends = [found[f"stage{stage}.block{repeats}.add"]["input"][0] for stage, repeats in enumerate(blocks, start=1)]
    assert tuple(field.size for field in ends) == sizes
    assert [field.jump for field in ends] == [8, 16, 32, 32]


def test_resnet50_that_strides_first() -> None:
    """torchvision's strides in the 3×3 of the first block. 7, and 11 behind the pool; three 3×3 at jump 4: 35. The next stage
    reads at jump 4 once and then at 8: 35 + 8 + 3·16 = 91; 91 + 16 + 5·32 = 267; 267 + 32 + 2·64 = 427.
    """
    found = receptive_fields(convcost.load("resnet50").walked)
    sizes = [
        found[f"conv{stage}_x.block{last}.add"]["input"][0].size for stage, last in ((2, 3), (3, 4), (4, 6), (5, 3))
    ]
    assert sizes == [35, 91, 267, 427]


# Sequences.


def wavenet(first: bool = False) -> Walked:
    """Ten convolutions of kernel 2 and dilations 1 to 512, causal; behind one of the input, also of 2, with `first`."""
    nodes = [node("first", "conv1d", "input", channels=4, kernel=2, padding="causal")] if first else []
    for level in range(10):
        before = nodes[-1].name if nodes else "input"
        conv = node(f"dilated{level}", "conv1d", before, channels=4, kernel=2, dilation=2**level, padding="causal")
        nodes += [conv, node(f"sum{level}", "add", conv.name, before)]
    return walk(graph(nodes, input_shape=(16000, 4)))


def test_a_wavenet_stack_sees_1024_samples_and_1025_by_its_input_layer() -> None:
    """1 + (1 + 2 + … + 512) = 1,024; van den Oord et al., arXiv 1609.03499, section 2.1."""
    assert receptive_fields(wavenet())["sum9"] == {"input": (Field(1024, Fraction(1), -1023),)}
    assert receptive_fields(wavenet(first=True))["sum9"] == {"input": (Field(1025, Fraction(1), -1024),)}


def test_a_tcn_sees_what_its_paper_says() -> None:
    """Two convolutions of 7 taps a level, dilations 1 to 128: 1 + 2·6·255 = 3,061 (Bai et al., arXiv 1803.01271)."""
    found = receptive_fields(convcost.load("tcn").walked)
    assert max(axes[0].size for fields in found.values() for axes in fields.values()) == 3061


def test_axes_are_told_apart() -> None:
    """A kernel of 3 frames, and 5×1 positions by a stride of 2×1."""
    attrs: dict[str, Any] = {"channels": 2, "kernel": [3, 5, 1], "stride": [1, 2, 1], "padding": [1, 2, 0]}
    walked = walk(graph([node("it", "conv3d", "input", **attrs)], input_shape=(8, 12, 12, 3)))
    assert receptive_fields(walked)["it"]["input"] == (
        Field(3, Fraction(1), -1),
        Field(5, Fraction(2), -2),
        Field(1, Fraction(1), 0),
    )


# Inputs.


def test_each_input_has_its_own_field() -> None:
    nodes = [
        node("left3", "conv1d", "left", channels=2, kernel=3, padding=1),
        node("both", "concat", "left3", "right"),
        node("out", "conv1d", "both", channels=1, kernel=3, padding=1),
    ]
    source = Graph("two", {"left": (9, 2), "right": (9, 2)}, tuple(nodes), ("out",))
    found = receptive_fields(walk(source))
    assert found["left3"] == {"left": (Field(3, Fraction(1), -1),)}
    assert found["out"] == {"left": (Field(5, Fraction(1), -2),), "right": (Field(3, Fraction(1), -1),)}


def test_what_depends_on_no_input_has_no_field() -> None:
    found = receptive_fields(
        walk(graph([node("table", "source", shape=(4, 2)), node("it", "add", "input", "table")], input_shape=(4, 2)))
    )
    assert found == {"table": {}, "it": {"input": (Field(1, Fraction(1), 0),)}}


def test_a_graph_without_inputs_has_no_field() -> None:
    alone = Graph("alone", {}, (node("table", "source", shape=(4, 2)),), ("table",))
    assert receptive_fields(walk(alone)) == {"table": {}}


def test_the_numbers_of_a_vector_stand_along_an_axis() -> None:
    words = [
        node("words", "embedding", "input", rows=9, channels=4),
        node("pairs", "conv1d", "words", channels=4, kernel=2),
    ]
    assert receptive_fields(walk(graph(words, input_shape=(7,))))["pairs"] == {"input": (Field(2, Fraction(1), 0),)}


# What sees everything.

WHOLE = Field(12, Fraction(0), 0)


@pytest.mark.parametrize(
    ("nodes", "fields"),
    [
        ([node("it", "global_avg_pool", "conv")], (WHOLE, WHOLE)),
        ([node("it", "group_norm", "conv", groups=2)], (WHOLE, WHOLE)),
        ([node("it", "reduce", "conv", axes=["height"], function="mean")], (WHOLE, Field(3, Fraction(1), -1))),
        ([node("it", "softmax", "conv", axis="width")], (Field(3, Fraction(1), -1), WHOLE)),
        # A gate that sees all: what it multiplies does then too.
        ([node("gate", "global_avg_pool", "conv"), node("it", "multiply", "conv", "gate")], (WHOLE, WHOLE)),
        # Each element of the vector has seen one window; what reads all of them has seen everything.
        ([node("it", "flatten", "conv")], (Field(3, None, None, period=None), Field(3, None, None, period=None))),
        ([node("flat", "flatten", "conv"), node("it", "linear", "flat", channels=2)], (WHOLE, WHOLE)),
        # 12 positions in 4 shares of 3.
        ([node("it", "adaptive_avg_pool", "conv", size=4)], (Field(5, Fraction(3), -1), Field(5, Fraction(3), -1))),
        # Tokens, of which attention sees all.
        (
            [
                node("tokens", "reshape", "conv", shape=[144, 4]),
                node("scores", "matmul", "tokens", "tokens", transpose=True),
                node("weights", "softmax", "scores"),
                node("it", "matmul", "weights", "tokens"),
            ],
            (WHOLE, WHOLE),
        ),
        # A class token before the tokens; each of these has seen its window.
        (
            [
                node("tokens", "reshape", "conv", shape=[144, 4]),
                node("token", "source", shape=[1, 4]),
                node("it", "concat", "token", "tokens", axis=0),
            ],
            (Field(3, None, None, period=None), Field(3, None, None, period=None)),
        ),
        # Boxes of two maps one after the other: the larger of both fields.
        (
            [
                node("deeper", "conv2d", "conv", channels=4, kernel=3, padding=1),
                node("one", "reshape", "conv", shape=[144, 4]),
                node("other", "reshape", "deeper", shape=[144, 4]),
                node("it", "concat", "one", "other", axis=0),
            ],
            (Field(5, None, None, period=None), Field(5, None, None, period=None)),
        ),
        # Windows of attention are not followed: at most everything.
        (
            [
                node("windows", "window_partition", "conv", window=[3, 3]),
                node("scores", "matmul", "windows", "windows", transpose=True),
                node("it", "matmul", "scores", "windows"),
            ],
            (Field(12, Fraction(0), 0, bound=True),) * 2,
        ),
    ],
)
def test_what_sees_more_than_windows(nodes: list[Node], fields: tuple[Field, ...]) -> None:
    conv = node("conv", "conv2d", "input", channels=4, kernel=3, padding=1)
    assert receptive_fields(walk(graph([conv, *nodes], input_shape=(12, 12, 3))))["it"]["input"] == fields


def test_a_sequence_that_goes_through_a_recurrent_layer_is_seen_whole() -> None:
    walked = walk(graph([node("it", "lstm", "input", channels=4, bidirectional=True)], input_shape=(12, 3)))
    assert receptive_fields(walked)["it"] == {"input": (WHOLE,)}


def test_axes_that_change_places_take_their_fields_along() -> None:
    nodes = [
        node("rows", "conv2d", "input", channels=4, kernel=[3, 1], padding=[1, 0]),
        node("turned", "transpose", "rows", axes=["width", "height", "channels"]),
        node("it", "conv2d", "turned", channels=4, kernel=[5, 1], padding=[2, 0]),
    ]
    found = receptive_fields(walk(graph(nodes, input_shape=(12, 10, 3))))
    assert found["it"]["input"] == (Field(3, Fraction(1), -1), Field(5, Fraction(1), -2))


# Branches whose jumps differ.


def test_branches_of_other_jumps_are_enclosed() -> None:
    """9 positions, and 5 of every second one, resized to 9: position 8 of the branch sees place 4·2, the same."""
    nodes = [
        node("half", "max_pool1d", "input", kernel=1, stride=2),
        node("back", "resize1d", "half", size=9),
        node("it", "add", "input", "back"),
    ]
    (field,) = receptive_fields(walk(graph(nodes, input_shape=(9, 2))))["it"]["input"]
    # floor(p·5/9)·2 for p = 0 … 8: 0 0 2 2 4 4 6 6 8, one behind p at most.
    assert field == Field(2, Fraction(1), -1, bound=True)


# Bounds of work.


def upsampled(by: int, convolutions: int) -> Walked:
    """So many windows of 3 behind an upsampling, whose fields repeat after as many positions as it makes of one."""
    names = ["up", *(f"conv{at}" for at in range(convolutions))]
    windows = [node(name, "conv1d", before, channels=1, kernel=3, padding=1) for before, name in pairwise(names)]
    return walk(graph([node("up", "upsample1d", "input", scale=by), *windows], input_shape=(8, 1)))


def test_fields_that_repeat_late_are_exact_up_to_a_budget_of_work_and_bounds_from_there_on() -> None:
    found = [fields["input"][0] for fields in receptive_fields(upsampled(4093, 200)).values()]
    exact = [field for field in found if not field.bound]
    # Up to 2,046 windows of 3 see no more than what stands beside a position: two of 8.
    assert {field.size for field in exact} == {1, 2}
    assert 20 < len(exact) < 100  # 4,093 fields of three positions, and two more for each, of 2^20
    assert all(field.size >= 2 for field in found if field.bound)


def test_what_repeats_too_late_to_be_kept_takes_no_work() -> None:
    assert lines_run(lambda: receptive_fields(upsampled(10**9, 200))) < 100_000


def test_branches_that_repeat_after_other_numbers_of_positions_are_bounds_where_both_do_too_late() -> None:
    # 61 · 67 = 4,087 positions are compared, 4,093 · 4,091 are not.
    def joined(first: int, second: int) -> Field:
        nodes = [
            node("a", "resize1d", "input", size=first),
            node("b", "resize1d", "input", size=second),
            *(node(f"{one}8", "conv1d", one, channels=1, kernel=1, padding=[0, 9000 - size])
              for one, size in (("a", first), ("b", second))),
            node("it", "add", "a8", "b8"),
        ]  # fmt: skip
        return receptive_fields(walk(graph(nodes, input_shape=(8, 1))))["it"]["input"][0]

    assert joined(4093, 4091).size == 8
    assert joined(4093, 4091).bound


def many_inputs(inputs: int, convolutions: int) -> Walked:
    """So many inputs in one tensor, and windows of 3 behind each other."""
    names = ["all", *(f"conv{at}" for at in range(convolutions))]
    windows = [node(name, "conv1d", before, channels=1, kernel=3, padding=1) for before, name in pairwise(names)]
    more = {f"in{at}": (8, 1) for at in range(inputs - 1)}
    return walk(graph([node("all", "concat", "input", *more), *windows], input_shape=(8, 1), **more))


def test_inputs_that_are_seen_alike_are_followed_once() -> None:
    walked = many_inputs(100, 200)
    assert receptive_fields(walked)["conv199"] == dict.fromkeys(walked.inputs, (Field(401, Fraction(1), -200),))
    assert lines_run(lambda: receptive_fields(walked)) < 1_000_000  # some 25 for each of 200 · 100 fields


def test_more_fields_than_are_followed_are_refused() -> None:
    # 500 are read by the concat, and by each window.
    assert len(receptive_fields(many_inputs(500, 999))) == 1_000
    said = "up to conv999 they read more than 500,000, each along one axis of one input"
    with pytest.raises(
        UsageError, match=f"^layers depend on too many of the 500 inputs for their receptive fields: {said}$"
    ):
        receptive_fields(many_inputs(500, 1_000))


# Position by position.

Sees = Callable[[int], frozenset[int]]


def followed(source: Graph, edge: str) -> Sees:
    """The positions of the input that a position of an edge sees, on an axis without ends, by the definition of each op."""
    nodes = {one.name: one for one in source.nodes}

    @cache
    def sees(name: str, at: int) -> frozenset[int]:
        if name not in nodes:
            return frozenset({at})
        one = nodes[name]
        return frozenset().union(*(sees(edge, place) for edge in one.inputs for place in read(one, at)))

    return lambda at: sees(edge, at)


def read(one: Node, at: int) -> list[int]:
    """The positions of its input that a position reads."""
    attrs = one.attrs
    if one.op in ("conv1d", "max_pool1d"):
        (kernel,), (dilation,) = attrs["kernel"], attrs["dilation"]
        (stride,), ((before, _),) = attrs["stride"] or attrs["kernel"], attrs["padding"]
        return [at * stride - before + tap * dilation for tap in range(kernel)]
    if one.op == "conv_transpose1d":
        (kernel,), (stride,), (dilation,), ((before, _),) = (
            attrs[name] for name in ("kernel", "stride", "dilation", "padding")
        )
        near = range((at + before) // stride - kernel * dilation, (at + before) // stride + 2)
        taps = {tap * dilation for tap in range(kernel)}
        return [place for place in near if at + before - place * stride in taps]
    if one.op == "upsample1d":
        (scale,) = attrs["scale"]
        if attrs["mode"] == "nearest":
            return [at // scale]
        middle = Fraction(2 * at + 1, 2 * scale) - Fraction(1, 2)  # centres lie on each other
        return [middle.__floor__(), middle.__floor__() + 1]
    return [at]  # element-wise ops and joins


@st.composite
def sequences(draw: st.DrawFn) -> Graph:
    """A graph of sequences: windows, upsampling, and joins of what is of one length."""
    lengths = {"input": 64}
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 9))):
        name, before = f"n{number}", draw(st.sampled_from([*lengths]))
        same = [edge for edge in lengths if lengths[edge] == lengths[before]]
        small = st.integers(1, 3)
        conv = {"channels": 2, "kernel": draw(small), "stride": draw(small), "dilation": draw(st.integers(1, 2))}
        conv["padding"] = draw(st.integers(0, 2))
        new = draw(
            st.sampled_from(
                [
                    node(name, "conv1d", before, **conv),
                    node(name, "max_pool1d", before, kernel=2),
                    node(
                        name,
                        "upsample1d",
                        before,
                        scale=draw(st.integers(2, 3)),
                        mode=draw(st.sampled_from(["nearest", "linear"])),
                    ),
                    node(name, "conv_transpose1d", before, **(conv | {"padding": 0})),
                    node(name, "add", before, draw(st.sampled_from(same))),
                    node(name, "relu", before),
                ]
            )
        )
        try:
            made = walk(graph([*nodes, new], input_shape=(64, 2))).steps[-1].cost.out[0][0]
        except convcost.SpecError:
            continue
        if 4 <= made <= 300:
            nodes.append(new)
            lengths[name] = made
    return graph(nodes or [node("it", "relu", "input")], input_shape=(64, 2))


@settings(deadline=None, derandomize=True, max_examples=150, database=None)
@given(sequences())
def test_every_position_sees_what_it_reads_step_by_step(source: Graph) -> None:
    walked = walk(source)
    found = receptive_fields(walked)
    for step in walked.steps:
        (field,), sees = found[step.node.name]["input"], followed(source, step.node.name)
        assert field.jump is not None
        period = field.jump.denominator * 36  # of all scales up to 3, several times over
        spans = [(min(seen), max(seen) + 1) for at in range(period) if (seen := sees(at))]
        size = max(stop - first for first, stop in spans)
        if field.bound:
            few = [sees(at) for at in range(step.cost.out[0][0])]
            assert field.size >= max(max(seen) + 1 - min(seen) for seen in few if seen)
            continue
        assert field.size == size
        if sees(0):
            assert field.start == min(sees(0))
            assert field.jump == Fraction(min(sees(period)) - min(sees(0)), period)
        repeats = [each for each in range(1, period + 1) if period % each == 0 and _repeats(sees, each, period)]
        assert field.period == repeats[0], step.node.name


def _repeats(sees: Callable[[int], frozenset[int]], each: int, period: int) -> bool:
    """Whether the ends of what is seen move alike from each position to the one so many further."""
    ends = [(min(seen), max(seen)) if (seen := sees(at)) else None for at in range(2 * period)]
    ahead = {
        (b[0] - a[0], b[1] - a[1]) if a and b else (a, b)
        for a, b in zip(ends, ends[each:])
        if a is not None or b is not None
    }
    return len(ahead) <= 1 and all(len({*pair}) == 1 for pair in ahead)
