"""What sizes are called: by their axes, and through a network by where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from helpers.random_graphs import graph, node

from convcost.core.dims import Shape
from convcost.formulas.letters import named_inputs
from convcost.formulas.trace import Traced, named, quantities, write
from convcost.graph.graph import INPUT, Node
from convcost.graph.walk import Walked, walk


def texts(shapes: Sequence[Shape]) -> list[str]:
    return [" ".join(map(write, shape)) for shape in shapes]


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(10,)], ["c"]),
        ([(5000, 12)], ["t c"]),
        ([(6, 6, 3)], ["h w c"]),
        ([(16, 112, 112, 3)], ["d h w c"]),
        ([(2, 16, 112, 112, 3)], ["x1 x2 x3 x4 c"]),
        ([(7, 7, 64), (7, 7, 64)], ["h w c", "h w c"]),
        ([(7, 7, 64), (7, 7, 64), (7, 7, 32)], ["h w c1", "h w c2", "h w c3"]),
        ([(7, 5, 64), (7, 6, 64)], ["h w1 c", "h w2 c"]),
        ([(7, 7, 64), (1, 1, 64)], ["h w c", "h2 w2 c"]),
        ([(1, 1, 64), (1, 7, 64)], ["h w1 c", "h w c"]),
        ([(7, 7, 64), (1, 1, 64), (1, 7, 1)], ["h w c", "h2 w2 c", "h3 w c3"]),
        ([(7, 7, 64), (64,)], ["h w c", "c"]),
        ([(49, 64), (7, 7, 64)], ["t c", "h w c"]),
    ],
)
def test_by_itself_a_size_is_called_by_its_axis(shapes: list[Shape], expected: list[str]) -> None:
    assert texts(named(shapes)) == expected


def test_sizes_that_have_a_name_keep_it_and_no_other_gets_it() -> None:
    t, w = Traced(7, "t"), Traced(5, "w")
    assert texts(named([(9, t, 64)])) == ["h t c"]
    assert texts(named([(w, 6, 64)])) == ["w x2 c"]
    assert texts(named([(w, 5, 64)])) == ["w w c"]
    assert texts(named([(t, 64), (9, 64)])) == ["t1 c", "t2 c"]
    # A number that is taken is not given again.
    assert texts(named([(Traced(3, "t1"), Traced(4, "t")), (Traced(5, "t"), 9)])) == ["t1 t3", "t4 c"]


def walked(nodes: Sequence[Node], shape: Shape) -> Walked:
    return walk(graph(nodes, input_shape=shape))


def formulas(done: Walked) -> dict[str, str]:
    """Node -> the formula of its MACs, or of the elements that it writes if it has none."""
    read = named_inputs(done.steps, {step.node.name for step in done.steps})
    found = {}
    for step in done.steps:
        of = {q.name: q for q in quantities(step.node.op, read[step.node.name], step.node.attrs)}
        found[step.node.name] = of["MACs" if of["MACs"].value else "activations"].formula
    return found


def by_head(name: str, edge: str, tokens: int, heads: int, channels: int) -> list[Node]:
    cut = node(f"{name}_cut", "reshape", edge, shape=[tokens, heads, channels // heads])
    return [cut, node(name, "transpose", cut.name, axes=[1, 0, 2])]


def attention(queries: int, keys: str, number: int, heads: int = 3, channels: int = 12) -> list[Node]:
    """From a sequence of queries to what they find among keys of another edge, put together again."""
    return [
        node("q", "linear", INPUT, channels=channels),
        node("k", "linear", keys, channels=channels),
        node("v", "linear", keys, channels=channels),
        *by_head("queries", "q", queries, heads, channels),
        *by_head("keys", "k", number, heads, channels),
        *by_head("values", "v", number, heads, channels),
        node("scores", "matmul", "queries", "keys", transpose=True),
        node("softmax", "softmax", "scores"),
        node("found", "matmul", "softmax", "values"),
        node("back", "transpose", "found", axes=[1, 0, 2]),
        node("whole", "reshape", "back", shape=[queries, channels]),
        node("out", "linear", "whole", channels=channels),
    ]


def test_attention_reads_as_in_its_paper() -> None:
    done = walked(attention(7, INPUT, 7), (7, 12))
    found = formulas(done)
    assert found["q"] == found["out"] == "t·c·channels"
    assert found["scores"] == "heads·t·t·c/heads"
    assert found["softmax"] == "heads·t·t"
    assert found["found"] == "heads·t·c/heads·t"
    assert found["back"] == "t·heads·c/heads"
    read = named_inputs(done.steps, ["scores"])["scores"]
    (macs,) = (q for q in quantities("matmul", read, {"transpose": True}) if q.name == "MACs")
    assert (macs.operands, macs.value) == ("3·7·7·12/3", 3 * 7 * 7 * 4)


def test_queries_and_keys_of_different_number_are_told_apart() -> None:
    # Seven queries look at the means of pairs: three keys.
    fewer = node("fewer", "avg_pool1d", INPUT, kernel=2)
    found = formulas(walked([fewer, *attention(7, "fewer", 3)], (7, 12)))
    assert found["scores"] == "heads·t1·t2·c/heads"
    assert found["softmax"] == "heads·t1·t2"
    assert found["out"] == "t1·c·channels"


def test_a_single_head_has_all_channels() -> None:
    found = formulas(walked(attention(7, INPUT, 7, heads=1), (7, 12)))
    assert found["scores"] == "heads·t·t·c/heads"


def test_keys_times_values_is_quadratic_in_the_channels_of_a_head() -> None:
    # Linear attention: each head multiplies c/heads by t with t by c/heads.
    nodes = [
        *by_head("keys", INPUT, 7, 3, 12),
        *by_head("values", INPUT, 7, 3, 12),
        node("turned", "transpose", "keys", axes=[0, 2, 1]),
        node("product", "matmul", "turned", "values"),
        node("found", "matmul", "values", "product"),
    ]
    found = formulas(walked(nodes, (7, 12)))
    assert found["turned"] == "heads·c/heads·t"
    assert found["product"] == "heads·c/heads·c/heads·t"
    assert found["found"] == "heads·t·c/heads·c/heads"


def test_queries_keys_and_values_in_one_matrix() -> None:
    nodes = [
        node("qkv", "linear", INPUT, channels=36),
        node("cut", "reshape", "qkv", shape=[7, 3, 4, 3]),
        node("first", "transpose", "cut", axes=[1, 2, 0, 3]),
        node("queries", "slice", "first", axis=0, start=0, stop=1),
        node("heads", "reshape", "queries", shape=[4, 7, 3]),
        node("scores", "matmul", "heads", "heads", transpose=True),
    ]
    found = formulas(walked(nodes, (7, 12)))
    assert found["first"] == "parts·heads·t·c/(parts·heads)"
    assert found["scores"] == "heads·t·t·c/(parts·heads)"


def test_windows_have_tokens() -> None:
    nodes = [
        node("windows", "window_partition", INPUT, window=[2, 3]),
        *by_windows(),
        node("scores", "matmul", "heads", "heads", transpose=True),
    ]
    found = formulas(walked(nodes, (4, 9, 12)))
    assert found["scores"] == "n·heads·t·t·c/heads"


def by_windows() -> list[Node]:
    cut = node("cut", "reshape", "windows", shape=[6, 6, 4, 3])
    return [cut, node("heads", "transpose", "cut", axes=[0, 2, 1, 3])]


@pytest.mark.parametrize(
    ("op", "attrs", "shape", "formula"),
    [
        ("conv1d", {"channels": 5, "kernel": 3}, (9, 4), "t'·channels·kernel·c"),
        (
            "conv3d",
            {"channels": 5, "kernel": [3, 2, 2]},
            (5, 6, 6, 4),
            "d'·h'·w'·channels·kernel_d·kernel_h·kernel_w·c",
        ),
        ("conv2d", {"channels": 5, "kernel": 3}, (5, 6, 6, 4), "d·h'·w'·channels·kernel·kernel·c"),  # on each frame
        ("linear", {"channels": 5}, (9, 4), "t·c·channels"),
    ],
)
def test_windows_slide_along_the_letters_of_their_axes(
    op: str, attrs: dict[str, Any], shape: Shape, formula: str
) -> None:
    assert formulas(walked([node("layer", op, INPUT, **attrs)], shape)) == {"layer": formula}


def test_what_an_op_makes_anew_is_called_by_its_axis_again() -> None:
    nodes = [
        *by_head("stack", INPUT, 7, 3, 12),
        node("joined", "concat", "stack", "stack", axis=1),
        node("convolved", "conv2d", "joined", channels=5, kernel=3),
        node("tokens", "reshape", "convolved", shape=[12, 5]),
        node("out", "linear", "tokens", channels=2),
    ]
    done = walked(nodes, (7, 12))
    assert done.steps[-3].cost.out == ((1, 12, 5),)
    found = formulas(done)
    assert found["joined"] == "heads·w'·c/heads"
    assert found["convolved"] == "h'·w'·channels·kernel·kernel·c/heads"
    assert found["out"] == "w·c·channels"  # the columns of a map of one row


def test_positions_of_a_map_that_are_read_as_a_sequence_are_tokens() -> None:
    nodes = [node("tokens", "reshape", INPUT, shape=[-1, 12]), node("out", "linear", "tokens", channels=2)]
    assert formulas(walked(nodes, (3, 4, 12)))["out"] == "t·c·channels"


def test_only_what_is_asked_for_is_named() -> None:
    done = walked(attention(7, INPUT, 7), (7, 12))
    assert named_inputs(done.steps, []) == {}
    assert list(named_inputs(done.steps, ["softmax", "scores"])) == ["scores", "softmax"]
