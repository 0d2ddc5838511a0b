"""MACs of a training step, by hand and against a step that is really run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers.op_rows import ROWS
from helpers.random_graphs import graph, graphs, node
from helpers.run_training import Executed, run_step
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.graph.graph import Graph, Node
from convcost.graph.training import Backward, backward
from convcost.graph.walk import Walked, walk
from convcost.ops import OPS


def counted(walked: Walked) -> dict[str, Executed]:
    """What is counted, as what is executed."""
    found = backward(walked)
    steps = {step.node.name: step.cost.macs for step in walked.steps}
    return {name: Executed(macs, found[name].to_inputs, found[name].to_weights) for name, macs in steps.items()}


def frozen(source: Graph, *names: str) -> Walked:
    """The graph with some layers whose weights are not trained."""
    nodes = tuple(replace(one, trainable=one.name not in names) for one in source.nodes)
    return walk(replace(source, nodes=nodes))


# By hand.


def test_resnet18() -> None:
    """1,814,073,344 forward; three times that without the gradient of the first layer to its input,
    112·112·64·7·7·3 = 118,013,952.
    """
    walked = convcost.load("resnet18").walked
    forward = sum(one.forward for one in counted(walked).values())
    assert forward == 1_814_073_344
    assert sum(map(sum, counted(walked).values())) == 3 * forward - 118_013_952 == 5_324_206_080


def test_a_depthwise_convolution_costs_its_own_macs_again() -> None:
    """8·8 positions, 3·3 taps, 16 channels: 9,216; the convolution before it reads the image: no gradient to that."""
    found = counted(
        walk(
            graph(
                [
                    node("first", "conv2d", "input", channels=16, kernel=1),
                    node("depthwise", "conv2d", "first", channels=16, kernel=3, padding=1, groups=16),
                ],
                input_shape=(8, 8, 3),
            )
        )
    )
    assert found == {"first": Executed(3072, 0, 3072), "depthwise": Executed(9216, 9216, 9216)}


CHAIN = graph(
    [
        node("a", "linear", "input", channels=2),
        node("b", "linear", "a", channels=3),
        node("c", "linear", "b", channels=5),
    ],
    input_shape=(4,),
)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # 4·2, 2·3 and 3·5 products.
        ((), {"a": (8, 0, 8), "b": (6, 6, 6), "c": (15, 15, 15)}),
        # What is frozen hands the gradient on, if something behind it is trained.
        (("b",), {"a": (8, 0, 8), "b": (6, 6, 0), "c": (15, 15, 15)}),
        (("a",), {"a": (8, 0, 0), "b": (6, 0, 6), "c": (15, 15, 15)}),
        (("a", "b"), {"a": (8, 0, 0), "b": (6, 0, 0), "c": (15, 0, 15)}),
        (("a", "b", "c"), {"a": (8, 0, 0), "b": (6, 0, 0), "c": (15, 0, 0)}),
    ],
)
def test_frozen_layers(names: tuple[str, ...], expected: dict[str, tuple[int, int, int]]) -> None:
    walked = frozen(CHAIN, *names)
    assert counted(walked) == {name: Executed(*numbers) for name, numbers in expected.items()} == run_step(walked)


def test_weights_that_are_shared_have_a_gradient_at_each_use() -> None:
    nodes = [
        *CHAIN.nodes[:2],
        replace(node("again", "linear", "a", channels=3), shares={"weights": "b", "biases": "b"}),
    ]
    walked = walk(graph([*nodes, node("sum", "add", "b", "again")], input_shape=(4,)))
    assert counted(walked)["again"] == counted(walked)["b"] == Executed(6, 6, 6)


def test_both_factors_of_attention_have_a_gradient_unless_one_is_not_learnt() -> None:
    query = node("q", "linear", "input", channels=4)
    both = walk(graph([query, node("scores", "matmul", "q", "q", transpose=True)], input_shape=(5, 3)))
    assert counted(both)["scores"] == Executed(100, 200, 0) == run_step(both)["scores"]  # 5·5·4
    one = walk(
        graph([query, node("scores", "matmul", "q", "memory", transpose=True)], input_shape=(5, 3), memory=(7, 4))
    )
    assert counted(one)["scores"] == Executed(140, 140, 0) == run_step(one)["scores"]  # 5·7·4


def test_a_recurrent_layer_has_a_gradient_to_its_states_even_if_it_is_the_first() -> None:
    """6 tokens of 3 to 4: 6·4·(3 + 4) = 168, of which 6·4·4 = 96 are of states."""
    first = node("first", "rnn", "input", channels=4)
    walked = walk(graph([first, node("next", "rnn", "first", channels=4)], input_shape=(6, 3)))
    assert counted(walked) == {"first": Executed(168, 96, 168), "next": Executed(192, 192, 192)} == run_step(walked)
    lstm = walk(graph([node("it", "lstm", "input", channels=4, bidirectional=True, projection=2)], input_shape=(6, 3)))
    # Two directions of 6·(4·4·(3 + 2) + 4·2); without the 4·4·3 of the input.
    assert counted(lstm)["it"] == Executed(1056, 1056 - 2 * 6 * 48, 1056)
    untrained = frozen(graph([first], input_shape=(6, 3)), "first")
    assert counted(untrained) == {"first": Executed(168, 0, 0)}


def test_what_leads_to_no_output_has_no_gradient() -> None:
    nodes = [*CHAIN.nodes, node("aside", "linear", "a", channels=7)]
    found = backward(walk(graph(nodes, "c", input_shape=(4,))))
    assert found["aside"] == Backward()
    assert found["c"].runs


FOO = node("foo", "unknown", "b", type="Foo")
SHAPED = node("foo", "unknown", "b", type="Foo", shape=[3])


@pytest.mark.parametrize(
    ("nodes", "outputs"),
    [
        ([FOO], ()),
        ([FOO, node("bar", "unknown", type="Bar", behind=True)], ()),
        ([SHAPED], ("foo",)),
        ([SHAPED, node("bar", "unknown", "foo", type="Bar")], ()),
        ([SHAPED, node("c", "linear", "foo", channels=5)], ("c",)),
        ([FOO, node("c", "linear", "a", channels=5)], ("c",)),
    ],
)
def test_a_gradient_comes_from_an_op_that_nobody_knows(nodes: list[Node], outputs: tuple[str, ...]) -> None:
    """Whether it is the last, or something follows, what it reads has the gradients that it has before a known op."""
    source = replace(graph([*CHAIN.nodes[:2], *nodes], input_shape=(4,)), outputs=outputs)
    found = counted(walk(source))
    assert (found["a"], found["b"]) == (Executed(8, 0, 8), Executed(6, 6, 6))


def test_an_unknown_op_at_the_end_leaves_what_leads_elsewhere_alone() -> None:
    nodes = [*CHAIN.nodes, node("compared", "combine", "a", "a", function="less")]
    nodes.append(node("foo", "unknown", "compared", type="Foo"))
    found = counted(walk(graph(nodes, "c", input_shape=(4,))))
    assert found["a"] == Executed(8, 0, 8)  # by c; none comes through the comparison
    alone = counted(walk(graph([CHAIN.nodes[0], *nodes[3:]], "compared", input_shape=(4,))))
    assert alone["a"] == Executed(8, 0, 0)


def test_rows_are_looked_up_without_a_gradient_to_their_numbers() -> None:
    nodes = [
        node("number", "linear", "input", channels=3),
        node("words", "embedding", "number", rows=9, channels=4),
        node("out", "linear", "words", channels=2),
    ]
    found = counted(walk(graph(nodes, input_shape=(5,))))
    assert found == {"number": Executed(15, 0, 0), "words": Executed(0, 0, 0), "out": Executed(24, 24, 24)}


def test_a_gradient_passes_through_a_sign_but_not_through_a_comparison() -> None:
    def between(*nodes: Node) -> dict[str, Executed]:
        last = node("c", "linear", "it", channels=5)
        return counted(walk(graph([CHAIN.nodes[0], *nodes, last], input_shape=(4,))))

    assert between(node("it", "function", "a", of="sign"))["a"] == Executed(8, 0, 8)
    compared = between(node("it", "combine", "a", "a", function="less"))
    assert (compared["a"], compared["c"]) == (Executed(8, 0, 0), Executed(10, 0, 10))


def test_fixed_points_have_no_gradient() -> None:
    walked = walk(graph([CHAIN.nodes[0], node("points", "rbf", "a", channels=3)], input_shape=(4,)))
    assert counted(walked)["points"] == Executed(6, 6, 0)


# The trait.


def test_the_trait_says_of_every_op_that_multiplies_what_its_factors_are() -> None:
    """An op has MACs if and only if it has factors; weights are one of them where there are weights or stored points."""
    ops = {row.case.op for row in ROWS}
    assert {row.case.op for row in ROWS if row.counts.get("macs")} == {
        op for op in ops if OPS[op].traits.factors != "none"
    }


# Executed.


@settings(deadline=None, derandomize=True, max_examples=60, database=None)
@given(st.data())
def test_random_graphs_multiply_as_often_as_is_counted(data: st.DataObject) -> None:
    source = data.draw(graphs(stored=True))
    names = data.draw(st.lists(st.sampled_from([one.name for one in source.nodes]), max_size=4))
    walked = frozen(source, *names)
    assert counted(walked) == run_step(walked)


@pytest.mark.parametrize(
    "name", ["lenet5", "mobilenet_v2:width=0.35,resolution=32", "unet:width=0.125,resolution=32", "tcn:steps=40"]
)
def test_networks_multiply_as_often_as_is_counted(name: str) -> None:
    walked = convcost.load(name).walked
    assert counted(walked) == run_step(walked)
