"""Attention in one kernel: its scores are never written, and all that it reads is alive until it is done."""

from __future__ import annotations

import pytest
from helpers.random_graphs import graph, node

from convcost.graph.graph import Graph, Node
from convcost.graph.walk import walk
from convcost.memory.lifetimes import lifetimes
from convcost.memory.order import best_order
from convcost.memory.parts import largest_by_size

T, C = 10, 2
"""Tokens and channels: a sequence has 20 elements, its scores 100."""


def attention(*between: Node, last: str = "softmax", outputs: tuple[str, ...] = ()) -> Graph:
    """One head: three linear layers, the scores, what is between them and the output, and the output."""
    heads = [node(name, "linear", "input", channels=C) for name in ("q", "k", "v")]
    scores = node("scores", "matmul", "q", "k", transpose=True)
    return graph([*heads, scores, *between, node("out", "matmul", last, "v")], *outputs, input_shape=(T, C))


SOFTMAX = node("softmax", "softmax", "scores")


def peak(source: Graph, policy: str) -> tuple[int, int]:
    """The most elements alive, and at which step."""
    return lifetimes(walk(source), policy).peak()


def written(source: Graph) -> list[str]:
    return [tensor.name for tensor in lifetimes(walk(source), "fused_attention").tensors]


def test_one_head_by_hand() -> None:
    source = attention(SOFTMAX)
    # While the softmax runs: scores before and after it, and v.
    assert peak(source, "fused") == (100 + 100 + 20, 4)
    # While v is made: the input and q, k, v. While the kernel runs: q, k, v, and its output.
    assert peak(source, "fused_attention") == (4 * 20, 2)
    assert lifetimes(walk(source), "fused_attention").alive(5) == (1, 2, 3, 4)
    assert written(source) == ["input", "q", "k", "v", "out"]


def test_what_stands_around_the_softmax_is_part_of_the_kernel() -> None:
    """A bias that is stored and a mask that is computed, as windows of attention add them; dropout behind the softmax."""
    source = attention(
        node("bias", "source", shape=[1, T, T]),
        node("mask", "linear", "k", channels=T),
        node("stacked_mask", "reshape", "mask", shape=[1, T, T]),
        node("stacked", "reshape", "scores", shape=[1, T, T]),
        node("biased", "add", "stacked", "bias"),
        node("masked", "add", "stacked_mask", "biased"),
        node("softmax", "softmax", "masked"),
        node("flat", "reshape", "softmax", shape=[T, T]),
        node("dropped", "dropout", "flat", rate=0),
        last="dropped",
    )
    assert written(source) == ["input", "q", "k", "v", "mask", "out"]
    # While the kernel runs: q, k, v, the mask, and the output.
    assert peak(source, "fused_attention") == (20 + 20 + 20 + 100 + 20, 13)


@pytest.mark.parametrize(
    ("between", "last", "outputs"),
    [
        ((node("softmax", "softmax", "scores"), node("seen", "relu", "softmax")), "softmax", ("out", "seen")),
        ((SOFTMAX,), "softmax", ("out", "softmax")),
        ((SOFTMAX,), "softmax", ("out", "scores")),
        ((node("relu", "relu", "scores"),), "relu", ()),
        ((SOFTMAX, node("turned", "transpose", "softmax", axes=[1, 0])), "turned", ()),
        ((SOFTMAX, node("mixed", "linear", "softmax", channels=T)), "mixed", ()),
    ],
    ids=["read twice", "an output", "scores an output", "no softmax", "moved", "multiplied by weights"],
)
def test_scores_that_somebody_else_needs_are_written(
    between: tuple[Node, ...], last: str, outputs: tuple[str, ...]
) -> None:
    source = attention(*between, last=last, outputs=outputs)
    fused, plain = (lifetimes(walk(source), policy) for policy in ("fused_attention", "fused"))
    assert fused.tensors == plain.tensors
    assert "scores" in written(source)


def test_two_layers_in_any_order_of_execution() -> None:
    """Two heads side by side: running one after the other keeps fewer queries, keys and values alive."""
    nodes = []
    for head in "ab":
        nodes += [node(f"{name}{head}", "linear", "input", channels=C) for name in ("q", "k", "v")]
    for head in "ab":
        nodes.append(node(f"scores{head}", "matmul", f"q{head}", f"k{head}", transpose=True))
    for head in "ab":
        nodes.append(node(f"softmax{head}", "softmax", f"scores{head}"))
        nodes.append(node(f"out{head}", "matmul", f"softmax{head}", f"v{head}"))
    source = graph([*nodes, node("both", "concat", "outa", "outb")], input_shape=(T, C))
    # The last value: the input, six sequences. The first kernel: these, less the input, and its output.
    assert peak(source, "fused_attention") == (7 * 20, 5)
    # One head first: then its output, the input, and three sequences of the other are alive.
    found = best_order(walk(source), "fused_attention")
    assert (found.peak, found.exact) == (5 * 20, True)
    assert lifetimes(walk(source), "fused_attention", found.steps).peak().elements == 5 * 20
    assert sorted(found.steps) == list(range(len(source.nodes)))


def test_products_without_a_softmax_before_the_next_are_not_skipped() -> None:
    """Linear attention: keys times values first, so that there are no scores; each product is written."""
    source = graph(
        [
            node("k", "linear", "input", channels=C),
            node("softmax", "softmax", "k", axis=0),
            node("turned", "transpose", "softmax", axes=[1, 0]),
            node("context", "matmul", "turned", "input"),
            node("out", "matmul", "input", "context"),
        ],
        input_shape=(T, C),
    )
    assert written(source) == ["input", "k", "softmax", "turned", "context", "out"]


def test_the_largest_tensor_of_a_sequence_stands_under_its_length() -> None:
    found = largest_by_size(walk(graph([node("a", "linear", "input", channels=7)], input_shape=(T, C))))
    assert {size: tensor.name for size, tensor in found.items()} == {(T,): "a"}
