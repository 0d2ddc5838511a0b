"""Bytes moved: by hand, by a second count kernel by kernel, over grids and over symbols."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy
from helpers.random_graphs import graph, graphs, node, typed_graphs, widths
from helpers.recount_traffic import Fuses, recount
from helpers.zoo import loaded
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.conventions.catalog import convention
from convcost.core.metrics import METRICS
from convcost.graph.graph import INPUT, Graph, Node
from convcost.graph.walk import walk
from convcost.memory.policies import POLICIES
from convcost.memory.traffic import Traffic, traffic
from convcost.results.report import cells, count, report

T, C = 10, 2
"""Tokens and channels of a head: queries have 20 elements, scores 100."""


def moved(source: Graph, policy: str = "fused", dtype: str | None = "int8", batch: int = 1) -> dict[str, Traffic]:
    """Step -> what it moves; a byte per element, unless another dtype is asked for."""
    walked = walk(source)
    found = traffic(walked, policy, dtype, batch)
    return {step.node.name: one for step, one in zip(walked.steps, found, strict=True)}


def total(source: Graph, policy: str = "fused", dtype: str | None = "int8") -> int:
    return sum(one.bytes_moved for one in moved(source, policy, dtype).values())


def writes(name: str, op: str, *inputs: str, dtypes: dict[str, str], **attrs: object) -> Node:
    """A node that states types."""
    return replace(node(name, op, *inputs, **attrs), dtypes=dtypes)


def test_mobilenet_s_pair_of_convolutions() -> None:
    report = convcost.load("mobilenet_v1").report()
    layers = {layer.name: layer for layer in report.layers}
    depthwise, pointwise = (layers[f"stage7.block1.{name}.conv2d"] for name in ("depthwise", "pointwise"))
    assert depthwise.output_shape == pointwise.output_shape == (14, 14, 512)
    assert depthwise.bytes_moved == 2 * 14 * 14 * 512 * 4 + 9 * 512 * 4 == 821_248
    assert pointwise.bytes_moved == 2 * 401_408 + 512 * 512 * 4 == 1_851_392
    assert [f"{float(one.intensity or 0):.1f}" for one in (depthwise, pointwise)] == ["1.1", "27.8"]


def test_a_dtype_and_a_batch_scale_what_they_should() -> None:
    net = loaded("mobilenet_v1")
    at = [step.node.name for step in net.steps].index("stage7.block1.depthwise.conv2d")
    map_, filters = 14 * 14 * 512, 9 * 512
    assert traffic(net.walked, dtype="int8")[at] == (map_, map_, filters)
    assert traffic(net.walked, dtype="fp16", batch=8)[at] == (16 * map_, 16 * map_, 2 * filters)


def test_what_is_fused_moves_only_its_own_parameters() -> None:
    source = graph(
        [
            node("conv", "conv2d", INPUT, channels=3, kernel=1, bias=True),
            node("norm", "batch_norm", "conv"),
            node("act", "relu", "norm"),
        ]
    )
    # 2·1·2 in, 2·1·3 out; 2·3 weights and 3 biases; a scale, a shift, a mean and a variance for each of 3 channels.
    assert moved(source) == {"conv": (4, 6, 9), "norm": (0, 0, 12), "act": (0, 0, 0)}
    assert moved(source, "unfused") == {"conv": (4, 6, 9), "norm": (6, 6, 12), "act": (6, 6, 0)}


def test_an_activation_is_not_fused_where_something_else_reads_what_it_reads() -> None:
    conv = node("conv", "conv2d", INPUT, channels=3, kernel=1, bias=False)
    source = graph([conv, node("act", "relu", "conv"), node("sum", "add", "conv", "act")])
    assert moved(source) == {"conv": (4, 6, 6), "act": (6, 6, 0), "sum": (12, 6, 0)}
    alone = graph([conv, node("act", "relu", "conv")], "conv", "act")
    assert moved(alone)["act"] == (6, 6, 0)


def test_only_sum_fuses_an_activation_into_an_add() -> None:
    source = graph([node("sum", "add", INPUT, "second"), node("act", "relu", "sum")], second=(2, 1, 2))
    assert moved(source) == {"sum": (8, 4, 0), "act": (4, 4, 0)}
    assert moved(source, "sum") == {"sum": (8, 4, 0), "act": (0, 0, 0)}


def test_two_operands_are_read_twice_even_if_they_are_one_tensor() -> None:
    assert moved(graph([node("twice", "add", INPUT, INPUT)]))["twice"] == (8, 4, 0)


def test_views_move_nothing_and_their_readers_read_the_part() -> None:
    source = graph(
        [
            node("halves", "split", INPUT, sections=[1, 3]),
            node("left", "relu", "halves:0"),
            node("right", "relu", "halves:1"),
            node("flat", "flatten", "right"),
            node("head", "linear", "flat", channels=5, bias=False),
        ],
        input_shape=(2, 1, 4),
    )
    assert moved(source) == {
        "halves": (0, 0, 0),
        "left": (2, 2, 0),
        "right": (6, 6, 0),
        "flat": (0, 0, 0),
        "head": (6, 5, 30),
    }


def test_a_concat_moves_what_is_not_written_into_it() -> None:
    source = graph(
        [
            node("a", "conv2d", INPUT, channels=3, kernel=1, bias=False),
            node("b", "conv2d", INPUT, channels=5, kernel=1, bias=False),
            node("all", "concat", "a", "b"),
            node("more", "concat", "all", INPUT),
        ]
    )
    assert moved(source)["all"] == (6 + 10, 16, 0)
    assert moved(source)["more"] == (16 + 4, 20, 0)
    joined = moved(source, "concat_alias")
    assert joined["all"] == (0, 0, 0)
    assert joined["more"] == (4, 4, 0)  # the network's input is no part of another tensor: it is copied
    assert {joined[name].outputs for name in "ab"} == {6, 10}


def test_a_branch_that_a_concat_has_twice_is_copied_once() -> None:
    source = graph([node("a", "avg_pool", INPUT, kernel=1), node("all", "concat", "a", "a")])
    assert moved(source, "concat_alias")["all"] == (4, 4, 0)


def test_attention_in_one_kernel_reads_what_comes_from_outside() -> None:
    heads = [node(name, "linear", INPUT, channels=C, bias=False) for name in ("q", "k", "v")]
    source = graph(
        [
            *heads,
            node("table", "source", shape=[T, T]),
            node("scores", "matmul", "q", "k", transpose=True),
            node("biased", "add", "scores", "table"),
            node("softmax", "softmax", "biased"),
            node("out", "matmul", "softmax", "v"),
        ],
        input_shape=(T, C),
    )
    plain = moved(source)
    assert [plain[name] for name in ("table", "scores", "biased", "softmax", "out")] == [
        (0, 0, 0),
        (20 + 20, 100, 0),
        (100 + 100, 100, 0),
        (100, 100, 0),
        (100 + 20, 20, 0),
    ]
    one = moved(source, "fused_attention")
    assert [one[name] for name in ("table", "scores", "biased", "softmax", "out")] == [
        (0, 0, 0),
        (40, 0, 0),
        (100, 0, 0),
        (0, 0, 0),
        (20, 20, 0),
    ]


def test_a_stored_tensor_is_read_by_each_layer_that_uses_it_as_it_is_stored() -> None:
    source = graph(
        [
            writes("table", "source", dtypes={"weights": "fp16"}, shape=[2, 1, 2]),
            node("a", "add", INPUT, "table"),
            node("b", "multiply", "a", "table"),
        ]
    )
    assert moved(source, dtype=None) == {"table": (0, 0, 0), "a": (16 + 8, 16, 0), "b": (16 + 8, 16, 0)}


def test_shared_weights_count_at_each_use_in_their_owner_s_type() -> None:
    first = writes("a", "conv2d", INPUT, dtypes={"weights": "int4", "biases": "int32"}, channels=2, kernel=1)
    second = node("b", "conv2d", "a", channels=2, kernel=1)
    source = graph([first, replace(second, shares={"weights": "a", "biases": "a"})])
    found = moved(source, dtype=None)
    assert found["a"].weights == found["b"].weights == 2 * 2 // 2 + 2 * 4
    own = graph([first, replace(second, shares={"weights": "a"})])
    assert moved(own, dtype=None)["b"].weights == 2 + 2 * 4  # its own biases, of fp32


def test_bits_are_rounded_up_to_bytes_once_for_each_tensor() -> None:
    source = graph([node("conv", "conv2d", INPUT, channels=3, kernel=1, bias=True)], input_shape=(3, 1, 1))
    # Three elements of four bits are two bytes; nine outputs five; three weights two, and three biases two.
    assert moved(source, dtype="int4")["conv"] == (2, 5, 2 + 2)
    assert moved(source, dtype="int4", batch=2)["conv"] == (3, 9, 2 + 2)
    assert moved(source, dtype="binary", batch=3)["conv"] == (2, 4, 1 + 1)


def test_each_tensor_is_of_its_own_type() -> None:
    """A convolution of int8 whose sums are int32 writes int8 where what requantises them is fused."""
    source = replace(
        graph(
            [
                writes(
                    "conv",
                    "conv2d",
                    INPUT,
                    dtypes={"outputs": "int32", "weights": "int8", "biases": "int32"},
                    channels=3,
                    kernel=1,
                ),
                writes("act", "relu", "conv", dtypes={"outputs": "int8"}),
                node("pool", "global_avg_pool", "act"),
            ]
        ),
        dtypes={INPUT: "int8"},
    )
    assert moved(source, dtype=None) == {"conv": (4, 6, 6 + 12), "act": (0, 0, 0), "pool": (6, 12, 0)}
    assert moved(source, "unfused", None) == {"conv": (4, 24, 18), "act": (24, 6, 0), "pool": (6, 12, 0)}
    assert moved(source, dtype="fp16")["conv"] == (8, 12, 2 * 9)


def test_tables_are_read_where_they_are_looked_up() -> None:
    source = graph([node("words", "embedding", INPUT, rows=1000, channels=8)], input_shape=(5,))
    assert moved(source)["words"] == (5, 40, 40)
    assert moved(source, batch=4)["words"] == (20, 160, 160)
    small = graph([node("words", "embedding", INPUT, rows=3, channels=8)], input_shape=(5,))
    assert moved(small)["words"] == (5, 40, 24)  # all of it, once
    some = graph([node("first", "gather", INPUT, count=2, axis=0)], input_shape=(9, 4))
    assert moved(some)["first"] == (8, 8, 0)


def test_training_writes_masks_and_dropped_maps() -> None:
    source = graph([node("pool", "max_pool", INPUT, kernel=1), node("drop", "dropout", "pool", rate=Fraction(1, 2))])
    assert moved(source, "training", "fp32") == {"pool": (16, 16 + 4, 0), "drop": (16, 16 + 4, 0)}
    assert moved(source, "unfused", "fp32") == {"pool": (16, 16, 0), "drop": (0, 0, 0)}


@pytest.mark.parametrize("policy", ["inplace", "tinyengine", "largest", "mcunet"])
def test_where_results_lie_does_not_change_what_is_moved(policy: str) -> None:
    net = loaded("mobilenet_v2").walked
    assert traffic(net, policy) == traffic(net, "fused")


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(convcost.UsageError, match="there is no memory policy 'fuse'"):
        traffic(loaded("lenet5").walked, "fuse")


FAMILIES = (
    "mobilenet_v3_small",
    "resnet18",
    "squeezenet1_1",
    "efficientnet_b0",
    "densenet121",
    "vit_b_16",
    "swin_t",
    "drrn_b1u9",
)
COUNTED: dict[str, Fuses] = {
    "unfused": "nothing",
    "fused": "weighted",
    "sum": "any",
    "fused_attention": "attention",
}


@pytest.mark.parametrize("policy", COUNTED)
@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize(("dtype", "bits", "batch"), [("fp32", 32, 1), ("int4", 4, 3)])
def test_a_second_count_kernel_by_kernel_agrees(model: str, policy: str, dtype: str, bits: int, batch: int) -> None:
    totals = loaded(model).report(dtype=dtype, batch=batch, memory_policy=policy).totals
    assert totals.bytes_moved == recount(loaded(model).walked, COUNTED[policy], bits, batch)
    assert totals.bytes_moved == totals.bytes_read + totals.bytes_written + totals.weight_bytes_read


@given(graphs(stored=True), st.sampled_from(["unfused", "fused", "sum"]))
@settings(max_examples=150, deadline=None)
def test_random_graphs_move_what_a_second_count_says(source: Graph, policy: str) -> None:
    assert total(source, policy) == recount(walk(source), COUNTED[policy], 8)


@given(typed_graphs(views=False))
@settings(max_examples=80, deadline=None)
def test_unfused_graphs_of_stated_types_read_and_write_each_tensor_as_it_is(source: Graph) -> None:
    wide = widths(source)
    walked = walk(source)
    for step, one in zip(walked.steps, traffic(walked, "unfused"), strict=True):
        sizes = [wide[edge] * int(np.prod(shape)) for edge, shape in zip(step.node.inputs, step.input_shapes)]
        assert one.inputs == sum(sizes)
        assert one.outputs == wide[step.node.name] * int(np.prod(step.cost.out[0]))


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_concats_in_place_move_no_more_and_the_rest_the_same(source: Graph) -> None:
    before, after = moved(source, "inplace"), moved(source, "concat_alias")
    ops = {one.name: one.op for one in source.nodes}
    for name, one in before.items():
        if ops[name] == "concat":
            assert after[name].inputs == after[name].outputs <= one.outputs
        else:
            assert after[name] == one


@pytest.mark.parametrize("policy", [*POLICIES])
def test_arrays_and_symbols_equal_ints(policy: str) -> None:
    net = loaded("shufflenet_v2_x1_0" if policy != "fused_attention" else "mobilenet_v2")
    sides = (64, 128)
    ints = [[one.bytes_moved for one in traffic(walk(_at(net, side)), policy, "int8", 2)] for side in sides]
    arrays = traffic(walk(_at(net, np.array(sides))), policy, "int8", 2)
    for at in range(len(sides)):
        assert [int(np.broadcast_to(one.bytes_moved, len(sides))[at]) for one in arrays] == ints[at]
    m = sympy.Symbol("m", integer=True, positive=True)
    forms = traffic(walk(_at(net, 64 * m)), policy, "int8", 2)
    for at, times in enumerate((1, 2)):
        assert [int(sympy.sympify(one.bytes_moved).subs(m, times)) for one in forms] == ints[at]


def _at(net: convcost.Network, side: object) -> Graph:
    """A network's graph with an input of another size."""
    return Graph("other", {INPUT: (side, side, 3)}, net.graph.nodes, net.graph.outputs)


def test_a_formula_of_one_layer() -> None:
    h = sympy.Symbol("h", integer=True, positive=True)
    source = graph([node("conv", "conv2d", INPUT, channels=8, kernel=1, bias=False)], input_shape=(h, h, 4))
    (one,) = traffic(walk(source), "fused", "fp16")
    assert sympy.expand(one.bytes_moved - (2 * 4 * h**2 + 2 * 8 * h**2 + 2 * 32)) == 0


def test_a_model_file_moves_what_its_network_moves() -> None:
    """Without the batch-norms, which the exporter folded into the convolutions: their scales, means and variances."""
    path = Path(__file__).parents[1] / "models" / "mobilenet_v3_small.onnx"
    file, spec = convcost.load(path).report(), loaded("mobilenet_v3_small").report()
    assert file.totals.bytes_moved == recount(convcost.load(path).walked, "weighted", 32)
    largest = [max(one.layers, key=lambda layer: layer.bytes_moved).bytes_moved for one in (file, spec)]
    assert largest[0] - largest[1] in (0, 16 * 4)  # perhaps a bias for each of 16 channels


def test_a_grid_is_what_its_points_are_alone() -> None:
    grid = convcost.sweep("mobilenet_v2", width=["0.5", "0.75", "1"], resolution=[96, 97, 224], dtype="int4", batch=3)
    for at in np.ndindex(grid.shape):
        knobs = {name: values[i] for (name, values), i in zip(grid.axes.items(), at, strict=True)}
        alone = convcost.load("mobilenet_v2", **knobs).report(dtype="int4", batch=3).totals.bytes_moved
        assert int(grid.bytes_moved[at]) == alone, knobs


def test_of_what_nobody_knows_there_is_no_intensity_and_sums_are_lower_bounds() -> None:
    source = graph([node("strange", "unknown", INPUT, type="Strange", shape=[2, 1, 2]), node("act", "relu", "strange")])
    found = report(walk(source), convention("paper"), network="partial")
    strange, act = found.layers
    assert [count(strange, key) for key in ("bytes_moved", "bytes_read", "weight_bytes_read")] == [None] * 3
    assert act.bytes_moved == 2 * 16
    assert found.totals.bytes_moved == act.bytes_moved
    assert cells(found.totals, [METRICS["bytes_moved"], METRICS["intensity"]]) == [">= 32 B", "?"]
    assert found.to_dict()["totals"]["intensity"] is None
