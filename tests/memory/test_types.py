"""Tensors of stated types: against counting references, against a machine whose cells are bytes, and by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers.random_graphs import (
    BYTES,
    Machine,
    Overwritten,
    graph,
    graphs,
    node,
    peak_by_counting,
    typed_graphs,
    widths,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.graph.graph import INPUT, Graph, Node
from convcost.graph.walk import walk
from convcost.memory.arena import plan
from convcost.memory.lifetimes import Lifetimes, Sized, count, lifetimes, peak_bytes, tensor_bytes
from convcost.memory.order import best_order
from convcost.memory.policies import POLICIES
from convcost.memory.usage import Options, Usage, usage


def in_bytes(tensor: Sized) -> int:
    return tensor_bytes(tensor, None, 1)


def peak(source: Graph, policy: str, order: tuple[int, ...] | None = None) -> int:
    return int(lifetimes(walk(source), policy, order).peak(in_bytes).elements)


def used(source: Graph, **options: object) -> Usage:
    return usage(walk(source), Options()._replace(**options))  # type: ignore[arg-type]


def writes(dtype: str, name: str, op: str, *inputs: str, **attrs: object) -> Node:
    """A node that states what it writes."""
    return replace(node(name, op, *inputs, **attrs), dtypes={"outputs": dtype})


def places(lives: Lifetimes, offsets: tuple[int, ...]) -> tuple[dict[str, list[int]], dict[str, int]]:
    """Where the elements of each edge begin, and how many bytes each has."""
    wide = [BYTES[tensor.dtype or "fp32"] for tensor in lives.tensors]
    starts = {
        edge: [offsets[t] + i * wide[t] for t in tensors for i in range(count(lives.tensors[t]))]
        for edge, tensors in lives.home.items()
    }
    return starts, {edge: wide[tensors[0]] for edge, tensors in lives.home.items()}


@given(typed_graphs())
@settings(max_examples=80, deadline=None)
def test_peaks_equal_counting_references(source: Graph) -> None:
    for policy in ("unfused", "fused", "inplace"):
        assert peak(source, policy) == peak_by_counting(source, walk(source).steps, policy, widths(source))


@pytest.mark.parametrize("policy", ["unfused", "fused", "inplace", "concat_alias", "sum"])
@given(source=typed_graphs())
@settings(max_examples=40, deadline=None)
def test_a_graph_runs_in_the_bytes_it_was_given(policy: str, source: Graph) -> None:
    lives = lifetimes(walk(source), policy)
    made = plan(lives, list(map(in_bytes, lives.tensors)))
    starts, wide = places(lives, made.offsets)
    Machine(made.total, wide).run(source, walk(source).steps, starts)


def test_the_machine_notices_a_wide_sum_over_a_narrow_summand() -> None:
    source = graph([writes("int8", "a", "relu", INPUT), writes("fp32", "b", "add", "a", INPUT)])
    steps, wide = walk(source).steps, {INPUT: 4, "a": 1, "b": 4}
    starts = {INPUT: [0, 4, 8, 12], "a": [16, 17, 18, 19], "b": [20, 24, 28, 32]}
    Machine(36, wide).run(source, steps, starts)
    with pytest.raises(Overwritten):
        Machine(36, wide).run(source, steps, {**starts, "b": [16, 20, 24, 28]})


@pytest.mark.parametrize("policy", POLICIES)
@given(source=graphs(), dtype=st.sampled_from(["int8", "fp16", "fp64", "int4"]))
@settings(max_examples=30, deadline=None)
def test_the_same_type_stated_everywhere_is_that_dtype(policy: str, source: Graph, dtype: str) -> None:
    nodes = tuple(replace(one, dtypes={"outputs": dtype}) for one in source.nodes)
    stated = replace(source, nodes=nodes, dtypes=dict.fromkeys(source.inputs, dtype))
    assert peak_bytes(walk(stated), policy, None, 3) == peak_bytes(walk(source), policy, dtype, 3)


@pytest.mark.parametrize("policy", POLICIES)
@given(source=typed_graphs())
@settings(max_examples=30, deadline=None)
def test_a_dtype_that_is_asked_for_goes_before_stated_ones(policy: str, source: Graph) -> None:
    plain = replace(source, nodes=tuple(replace(one, dtypes={}) for one in source.nodes), dtypes={})
    assert peak_bytes(walk(source), policy, "int4", 3) == peak_bytes(walk(plain), policy, "int4", 3)


@pytest.mark.parametrize("policy", [name for name, policy in POLICIES.items() if policy.keeps == "use"])
@given(source=typed_graphs(most=5))
@settings(max_examples=30, deadline=None)
def test_the_best_order_equals_trying_all_orders_in_bytes(policy: str, source: Graph) -> None:
    found = best_order(walk(source), policy, size=in_bytes)
    assert found.exact
    assert found.peak == min(peak(source, policy, order) for order in orders(source))


def orders(source: Graph) -> list[tuple[int, ...]]:
    """Every order in which each node runs after those that it reads."""
    made = {one.name: at for at, one in enumerate(source.nodes)}
    needs = [
        {made[edge.partition(":")[0]] for edge in one.inputs if edge.partition(":")[0] in made} for one in source.nodes
    ]
    found = [()]
    for _ in source.nodes:
        found = [(*done, at) for done in found for at in range(len(needs)) if at not in done and needs[at] <= {*done}]
    return found


class TestByHand:
    """Bytes counted on paper: maps of 2×1, so that c channels are 2·c elements."""

    def test_what_is_fused_into_a_convolution_writes_its_own_type(self) -> None:
        # input 4·1, wide 10·4 as the convolution alone would write it, act 10·1, narrow 2·1.
        source = replace(
            graph(
                [
                    node("wide", "conv2d", INPUT, channels=5, kernel=1),
                    writes("int8", "act", "relu", "wide"),
                    writes("int8", "narrow", "conv2d", "act", channels=1, kernel=1),
                ]
            ),
            dtypes={INPUT: "int8"},
        )
        assert peak(source, "fused") == 4 + 10
        assert peak(source, "sum") == 4 + 10 + 2
        assert peak(source, "largest") == 4 + 10
        assert peak(source, "unfused") == 40 + 10

    @pytest.mark.parametrize(
        ("a", "b", "over"),
        [("int8", "int8", "a"), ("uint8", "fp16", "a"), ("fp16", "int8", "b"), ("fp16", "fp32", None)],
    )
    def test_a_sum_lies_over_a_summand_that_is_as_wide(self, a: str, b: str, over: str | None) -> None:
        nodes = [
            writes(a, "a", "conv2d", INPUT, channels=2, kernel=1),
            writes(b, "b", "conv2d", "a", channels=2, kernel=1),
            writes("int8", "sum", "add", "a", "b"),
            writes("int8", "end", "conv2d", "sum", channels=9, kernel=1),
        ]
        home = lifetimes(walk(graph(nodes)), "inplace").home
        assert next((one for one in ("a", "b") if home[one] == home["sum"]), None) == over

    def test_a_view_has_the_type_of_what_it_views(self) -> None:
        # input 4·1; flat states fp32 and is a view; end 3·4.
        nodes = [writes("fp32", "flat", "flatten", INPUT), node("end", "linear", "flat", channels=3)]
        assert peak(replace(graph(nodes), dtypes={INPUT: "int8"}), "unfused") == 4 + 12

    def test_a_dropout_in_training_has_the_type_of_what_it_reads(self) -> None:
        # input 4·2, dropped 4·2 and its mask 4·1, end 3·4; all kept but what the loss reads first.
        nodes = [node("drop", "dropout", "flat"), node("end", "linear", "drop", channels=3)]
        source = replace(graph([node("flat", "flatten", INPUT), *nodes]), dtypes={INPUT: "fp16"})
        found = {tensor.name: in_bytes(tensor) for tensor in lifetimes(walk(source), "training").tensors}
        assert found == {INPUT: 8, "drop": 8, "end": 12, "drop (mask)": 4}

    def test_a_branch_of_another_type_is_copied_into_its_concat(self) -> None:
        # input 4·1; a 4·1, b 4·4, both 8·1: a lies in place, b is copied into 4·1; end 2·1.
        source = replace(
            graph(
                [
                    writes("int8", "a", "conv2d", INPUT, channels=2, kernel=1),
                    writes("fp32", "b", "conv2d", INPUT, channels=2, kernel=1),
                    writes("int8", "both", "concat", "a", "b"),
                    writes("int8", "end", "conv2d", "both", channels=1, kernel=1),
                ]
            ),
            dtypes={INPUT: "int8"},
        )
        assert peak(source, "inplace") == 4 + 16 + 8
        assert peak(source, "concat_alias") == max(4 + 4 + 16, 4 + 16 + 4)

    def test_the_best_order_is_that_of_bytes(self) -> None:
        # x 20·1. a1 200·1, a2 40·1; b1 180·4, b2 20·1; all 60·1.
        #   a first: a2 is alive beside b1: 20 + 40 + 720, then 40 + 720 + 20: 780 both times
        #   b first: 20 + 720 + 20 = 760, where x is still needed
        # In elements it does not matter: 20 + 200 + 40 = 260 either way.
        nodes = [
            writes("int8", "a1", "conv2d", INPUT, channels=100, kernel=1),
            writes("int8", "a2", "conv2d", "a1", channels=20, kernel=1),
            writes("fp32", "b1", "conv2d", INPUT, channels=90, kernel=1),
            writes("int8", "b2", "conv2d", "b1", channels=10, kernel=1),
            writes("int8", "all", "concat", "a2", "b2"),
        ]
        source = replace(graph(nodes, input_shape=(2, 1, 10)), dtypes={INPUT: "int8"})
        given, best, asked = used(source), used(source, order="best"), used(source, order="best", dtype="int8")
        assert (given.peak, best.peak) == (780, 760)
        assert best.order is not None
        assert (best.order.peak, best.order.exact, best.unit) == (760, True, "bytes")
        assert asked.order is not None
        assert (asked.order.peak, asked.order.exact, asked.unit) == (260, True, "elements")
        assert (given.dtype, asked.dtype) == ("mixed", "int8")

    def test_a_block_in_parts_is_counted_in_bytes(self) -> None:
        # input 4·1; expand and depthwise 24·2 each, project 4·1. Whole: both inner tensors, 96. In 6 parts of 2 channels, 4·2
        # each: input 4 + 8 + 8 + output 4 = 24.
        nodes = [
            writes("fp16", "expand", "conv2d", INPUT, channels=12, kernel=1),
            writes("fp16", "depthwise", "conv2d", "expand", channels=12, groups=12, kernel=3, padding=1),
            writes("int8", "project", "conv2d", "depthwise", channels=2, kernel=1),
        ]
        source = replace(graph(nodes), dtypes={INPUT: "int8"})
        found = used(source, parts=6)
        assert [(split.before, split.after, split.parts) for split in found.splits] == [(96, 24, 6)]
        assert (used(source).peak, found.peak, found.unit) == (96, 24, "bytes")
