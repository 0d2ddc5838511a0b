"""What inference merges: layers by hand, windows, what stays and why, families in both forms, and the arithmetic itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations, product
from time import process_time
from typing import Any

import numpy as np
import pytest
from helpers.random_graphs import graph, node
from helpers.turns import in_turns
from helpers.zoo import ends_of_families, loaded

import convcost
from convcost.core.errors import UsageError
from convcost.graph.deployed import deployed
from convcost.graph.graph import INPUT, Node
from convcost.graph.rewrite import NothingToRewrite, Rewritten, rewrite
from convcost.graph.walk import Walked, walk
from convcost.networks.network import Network

Array = Any


def walked(*nodes: Node, outputs: Sequence[str] = (), shape: tuple[int, ...] = (8, 8, 4)) -> Walked:
    return walk(graph(nodes, *outputs, input_shape=shape))


def merged(*nodes: Node, outputs: Sequence[str] = (), shape: tuple[int, ...] = (8, 8, 4)) -> Rewritten:
    return rewrite(walked(*nodes, outputs=outputs, shape=shape), "deployed")


def conv(name: str, source: str = INPUT, **attrs: Any) -> Node:
    """A 3×3 convolution to 4 channels that keeps the size, without a bias, but for what is said."""
    op = attrs.pop("op", "conv2d")
    return node(name, op, source, **{"channels": 4, "kernel": 3, "padding": 1, "bias": False, **attrs})


def norm(name: str, source: str = INPUT, **attrs: Any) -> Node:
    return node(name, "batch_norm", source, **attrs)


# A convolution and what follows it.


def test_a_batch_norm_becomes_a_bias() -> None:
    before = walked(conv("conv", channels=6), norm("norm", "conv"), node("relu", "relu", "norm"))
    assert sum(step.params for step in before.steps) == 9 * 4 * 6 + 2 * 6
    after = walk(rewrite(before, "deployed").graph)
    assert [(step.node.name, step.params, step.cost.macs) for step in after.steps] == [
        ("conv", 9 * 4 * 6 + 6, 64 * 9 * 4 * 6),
        ("relu", 0, 0),
    ]
    assert after.steps[0].node.attrs == {**before.steps[0].node.attrs, "bias": True}
    assert after.outputs == ("relu",)
    assert sum(step.buffers for step in after.steps) == 0


@pytest.mark.parametrize(
    ("follows", "biases"),
    [
        ([("scale", {})], 0),  # a factor goes into the kernel
        ([("scale", {"shift": True})], 6),
        ([("batch_norm", {"scale": False, "shift": False})], 6),  # of it the mean remains
        ([("scale", {}), ("batch_norm", {}), ("scale", {})], 6),
        ([("dropout", {}), ("batch_norm", {})], 6),
        ([("batch_norm", {}), ("dropout", {})], 6),
    ],
    ids=lambda value: "+".join(op for op, _ in value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("op", ["conv2d", "conv_transpose2d", "linear"])
def test_what_follows_a_product(op: str, follows: list[tuple[str, dict[str, Any]]], biases: int) -> None:
    window = {} if op == "linear" else {"kernel": 3}
    shape = (5, 4) if op == "linear" else (8, 8, 4)
    nodes = [node("product", op, INPUT, channels=6, bias=False, **window)]
    for number, (what, attrs) in enumerate(follows):
        nodes.append(node(f"n{number}", what, nodes[-1].name, **attrs))
    after = walk(merged(*nodes, shape=shape).graph)
    assert after.steps[0].node.name == "product"
    assert [step.node.op for step in after.steps[1:]] == ["dropout"] * (follows[-1][0] == "dropout")
    assert after.steps[0].params == (1 if op == "linear" else 9) * 4 * 6 + biases


# Sums of branches.


def test_a_block_of_repvgg_by_hand() -> None:
    nodes = [
        conv("dense"), norm("dense_norm", "dense"),
        conv("point", kernel=1, padding=0), norm("point_norm", "point"),
        norm("identity"),
        node("sum", "add", "dense_norm", "point_norm", "identity"),
    ]  # fmt: skip
    before = walked(*nodes)
    assert sum(step.cost.macs for step in before.steps) == 64 * (9 + 1) * 16
    assert sum(step.params for step in before.steps) == (9 + 1) * 16 + 3 * 8
    made = rewrite(before, "deployed")
    (new,) = made.graph.nodes
    assert (new.name, new.op, new.inputs, made.graph.outputs) == ("dense", "conv2d", (INPUT,), ("dense",))
    (step,) = walk(made.graph).steps
    assert (step.cost.macs, step.params) == (64 * 9 * 16, 9 * 16 + 4)
    assert [node.name for node in made.rebuilt[0].old] == [node.name for node in nodes]
    assert not made.stays


def repmixer() -> list[Node]:
    """x + scale · (branches of x - norm of x), depthwise (arXiv 2303.14189, section 3.2)."""
    return [
        conv("point", kernel=1, padding=0, groups=4), norm("point_norm", "point"),
        conv("look", groups=4), norm("look_norm", "look"), norm("identity"),
        node("mixer", "add", "point_norm", "look_norm", "identity"),
        norm("norm"),
        node("less", "combine", "mixer", "norm", function="subtract"),
        node("layer_scale", "scale", "less"),
        node("sum", "add", INPUT, "layer_scale"),
    ]  # fmt: skip


def test_sums_within_sums() -> None:
    (step,) = walk(merged(*repmixer()).graph).steps
    assert (step.node.name, step.cost.macs, step.params) == ("look", 64 * 9 * 4, 9 * 4 + 4)


def test_only_the_inner_sum_is_merged_where_something_else_reads_it() -> None:
    nodes = [*repmixer(), node("relu", "relu", "mixer"), node("both", "add", "sum", "relu")]
    after = merged(*nodes)
    assert [node.name for node in after.graph.nodes] == ["look", "norm", "less", "layer_scale", "sum", "relu", "both"]
    assert after.stays == {
        "norm": f"no convolution before it, but {INPUT}",
        "layer_scale": "what leads to less stays",
    }


@pytest.mark.parametrize(
    ("one", "other", "kernel"),
    [
        ({"kernel": 3, "padding": 1}, {"kernel": 1, "padding": 0}, (3, 3)),
        ({"kernel": 3, "padding": 1}, {"kernel": [1, 3], "padding": [0, 1]}, (3, 3)),
        ({"kernel": 7, "padding": 3, "stride": 2}, {"kernel": 3, "padding": 1, "stride": 2}, (7, 7)),
        ({"kernel": 5, "padding": 2}, {"kernel": 2, "dilation": 2, "padding": 1}, (5, 5)),  # taps at -1 and 1
        ({"kernel": 5, "padding": 2}, {"kernel": 3, "dilation": 2, "padding": 2}, (5, 5)),  # at -2, 0 and 2
        ({"kernel": 3, "dilation": 2, "padding": 2}, {"kernel": 1, "padding": 0}, (3, 3)),
        ({"kernel": 3, "padding": "same"}, {"kernel": 3, "padding": 1}, (3, 3)),
        ({"kernel": 4, "padding": [2, 1, 2, 1]}, {"kernel": 2, "padding": [1, 0, 1, 0]}, (4, 4)),
        ({"kernel": 4, "padding": [0, 3, 0, 3]}, {"kernel": 3, "padding": [0, 2, 0, 2]}, (4, 4)),
        ({"kernel": [1, 3], "padding": [0, 1]}, {"kernel": [3, 1], "padding": [1, 0]}, None),  # neither covers the other
        ({"kernel": 3, "padding": 1}, {"kernel": 2, "dilation": 2, "padding": 1}, (3, 3)),
        ({"kernel": 3, "dilation": 2, "padding": 2}, {"kernel": 3, "padding": 1}, None),  # 1 is between 0 and 2
        ({"kernel": 5, "padding": 2}, {"kernel": 2, "dilation": 3, "padding": [1, 2, 1, 2]}, (5, 5)),
        ({"kernel": 3, "padding": 1}, {"kernel": 2, "dilation": 3, "padding": [1, 2, 1, 2]}, None),  # at -1 and 2
        ({"kernel": 3, "padding": 1, "groups": 2}, {"kernel": 1, "padding": 0, "groups": 2}, (3, 3)),
        ({"kernel": 3, "padding": 1, "groups": 2}, {"kernel": 1, "padding": 0}, None),
        ({"kernel": 3, "padding": 1, "stride": 2}, {"kernel": 2, "padding": 0, "stride": 2}, (3, 3)),
        ({"kernel": 2, "padding": 0, "stride": 2}, {"kernel": 2, "padding": [1, 0, 1, 0], "stride": 2}, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("swapped", [False, True])
def test_windows_that_cover_one_another(
    one: dict[str, Any], other: dict[str, Any], kernel: tuple[int, int] | None, swapped: bool
) -> None:
    branches = [conv("a", **one), conv("b", **other)][:: -1 if swapped else 1]
    before = walked(*branches, node("sum", "add", "a", "b"))
    if kernel is None:
        assert deployed(before).merged == ()
        assert deployed(before).stays == {"sum": f"no single convolution stands for its branches of {INPUT}"}
        return
    made = rewrite(before, "deployed")
    (new,) = made.graph.nodes
    assert new.attrs["kernel"] == kernel
    assert_same_result(before, made)


HOR, VER, SQUARE = (
    {"kernel": [1, 3], "padding": [0, 1]}, {"kernel": [3, 1], "padding": [1, 0]}, {"kernel": 3, "padding": 1},
)  # fmt: skip


@pytest.mark.parametrize("order", list(permutations("abc")), ids="".join)
@pytest.mark.parametrize("bracket", ["flat", "left", "right"])
def test_a_window_covers_those_that_do_not_cover_each_other(order: tuple[str, ...], bracket: str) -> None:
    """The blocks of ACNet (arXiv 1908.03930): 3 + 3 + 9 taps of 16 weights at 64 places become 9."""
    first, second, third = order
    branches = [conv("a", **HOR), conv("b", **VER), conv("c", **SQUARE)]
    inner = {"flat": [], "left": [node("inner", "add", first, second)], "right": [node("inner", "add", second, third)]}
    last = {"flat": order, "left": ("inner", third), "right": (first, "inner")}
    before = walked(*branches, *inner[bracket], node("sum", "add", *last[bracket]))
    assert sum(step.cost.macs for step in before.steps) == 15_360
    made = rewrite(before, "deployed")
    (new,) = made.graph.nodes
    assert (new.name, new.attrs["kernel"], made.stays) == ("c", (3, 3), {})
    assert [step.cost.macs for step in walk(made.graph).steps] == [9_216]
    assert_same_result(before, made)


def test_a_sum_of_sums_that_no_window_covers() -> None:
    nodes = [conv("a", **HOR), conv("b", **VER), node("inner", "add", "a", "b"), norm("norm", "inner")]
    found = deployed(walked(*nodes, node("sum", "add", INPUT, "norm")))
    why = f"no single convolution stands for its branches of {INPUT}"
    assert found == ((), {"inner": why, "norm": "what leads to inner stays", "sum": why})


@pytest.mark.parametrize("function", ["add", "subtract"])
def test_sums_by_another_name(function: str) -> None:
    before = walked(conv("a"), conv("b", kernel=1, padding=0), node("sum", "combine", "a", "b", function=function))
    (step,) = walk(rewrite(before, "deployed").graph).steps
    assert (step.node.name, step.cost.macs, step.params) == ("a", 9_216, 144)


# Sums of branches of several tensors: relu is one that is none of the input.


@pytest.mark.parametrize("order", list(permutations(("a_norm", "b_norm", "relu"))), ids="-".join)
def test_branches_of_one_tensor_are_merged_where_another_is_added(order: tuple[str, ...]) -> None:
    nodes = [
        conv("a"), norm("a_norm", "a"), conv("b", kernel=1, padding=0), norm("b_norm", "b"), node("relu", "relu", INPUT)
    ]  # fmt: skip
    before = walked(*nodes, node("sum", "add", *order))
    assert sum(step.cost.macs for step in before.steps) == 10_240
    made = rewrite(before, "deployed")
    after = walk(made.graph)
    steps = {step.node.name: step for step in after.steps}
    assert sorted(steps) == ["a", "relu", "sum"]
    assert (steps["a"].cost.macs, steps["a"].params) == (9_216, 9 * 16 + 4)
    assert sorted(steps["sum"].node.inputs) == ["a", "relu"]
    assert (after.outputs, made.stays) == (("sum",), {})
    assert made.rebuilt[0].names == {"a", "a_norm", "b", "b_norm", "sum"}


def test_branches_of_each_of_two_tensors() -> None:
    nodes = [
        node("relu", "relu", INPUT), conv("a"), conv("b", kernel=1, padding=0),
        conv("c", "relu"), conv("d", "relu", kernel=1, padding=0), node("sum", "add", "a", "c", "b", "d"),
    ]  # fmt: skip
    after = walk(merged(*nodes).graph)
    kept = {step.node.name: step.node.inputs for step in after.steps}
    assert kept == {"relu": (INPUT,), "a": (INPUT,), "c": ("relu",), "sum": ("a", "c")}
    assert sum(step.cost.macs for step in after.steps) == 2 * 9_216


def test_what_is_merged_is_not_merged_again() -> None:
    """All but the activation follow from the input, but the norm is read twice, and so it is still made."""
    nodes = [
        norm("norm"), conv("a", "norm", padding=0, kernel=1), conv("b", "norm"), conv("c", kernel=1, padding=0),
        node("relu", "relu", "norm"), node("sum", "add", "a", "b", "c", "relu"),
    ]  # fmt: skip
    after = walk(merged(*nodes).graph)
    kept = {step.node.name: step.node.inputs for step in after.steps}
    assert kept == {"norm": (INPUT,), "b": ("norm",), "c": (INPUT,), "relu": ("norm",), "sum": ("b", "c", "relu")}


def test_branches_that_no_window_covers_are_named_where_another_is_added() -> None:
    nodes = [conv("a", **HOR), conv("b", **VER), node("relu", "relu", INPUT), node("sum", "add", "a", "b", "relu")]
    why = f"no single convolution stands for its branches of {INPUT}"
    assert deployed(walked(*nodes)) == ((), {"sum": why})


@pytest.mark.parametrize(
    ("attrs", "why"),
    [
        ({"trainable": False}, "some of what would merge is fixed, some trained"),
        ({"dtypes": {"weights": "fp16"}}, "the kernels of its branches are stated to be of different types"),
    ],
)
@pytest.mark.parametrize("more", [(), ("relu",)], ids=["alone", "and another"])
def test_branches_that_are_no_one_kernel(attrs: dict[str, Any], why: str, more: tuple[str, ...]) -> None:
    other = replace(conv("b", kernel=1, padding=0), **attrs)
    nodes = [conv("a"), norm("a_norm", "a"), other, *(node(name, "relu", INPUT) for name in more)]
    made = merged(*nodes, node("sum", "add", "a_norm", "b", *more))
    assert [one.names for one in made.rebuilt] == [{"a", "a_norm"}]
    assert made.stays == {"sum": why}
    alike = [replace(one, **attrs) if one.op == "conv2d" else one for one in nodes]
    both = merged(*alike, node("sum", "add", "a_norm", "b", *more))
    assert both.rebuilt[0].names == {"a", "a_norm", "b", "sum"}
    assert [getattr(both.rebuilt[0].new[0], name) for name in attrs] != [None]
    assert both.rebuilt[0].new[0].trainable == attrs.get("trainable", True)


@pytest.mark.parametrize(
    ("attrs", "merges"),
    [
        ({}, True),
        ({"kernel": 1, "padding": 0}, True),
        ({"kernel": 4, "padding": [3, 0, 3, 0]}, True),
        ({"kernel": 3, "dilation": 2, "padding": 2}, True),
        ({"kernel": 2, "dilation": 2, "padding": 1}, False),  # its taps are beside the position
        ({"kernel": [3, 2], "dilation": [1, 2], "padding": 1}, False),  # and here along one axis
        ({"groups": 4}, True),
        ({"groups": 2}, True),
    ],
)
@pytest.mark.parametrize("kept", ["identity", "norm"])
def test_an_identity_needs_a_tap_on_the_position(attrs: dict[str, Any], merges: bool, kept: str) -> None:
    nodes = [conv("conv", **attrs), *([norm("norm")] if kept == "norm" else [])]
    before = walked(*nodes, node("sum", "add", "conv", "norm" if kept == "norm" else INPUT))
    if not merges:
        assert "sum" in deployed(before).stays
        return
    made = rewrite(before, "deployed")
    assert [node.name for node in made.graph.nodes] == ["conv"]
    assert_same_result(before, made)


@pytest.mark.parametrize(
    ("op", "shape", "padding"),
    [("conv1d", (8, 4), 1), ("conv1d", (8, 4), "causal"), ("conv2d", (2, 8, 8, 4), 1), ("conv3d", (4, 4, 4, 4), 1)],
)
def test_any_number_of_axes(op: str, shape: tuple[int, ...], padding: Any) -> None:
    nodes = [conv("a", op=op, padding=padding), conv("b", op=op, kernel=1, padding=0), norm("c")]
    (new,) = merged(*nodes, node("sum", "add", "a", "b", "c"), shape=shape).graph.nodes
    assert (new.op, new.attrs["kernel"]) == (op, nodes[0].attrs["kernel"])


def test_a_sum_of_branches_of_many_tensors_is_merged_in_time() -> None:
    """Of each of 800 tensors two 1×1 convolutions become one, which stands where the first of them stood."""
    heads = [node(f"relu{at}", "relu", INPUT) for at in range(800)]
    convs = [conv(f"{way}{at}", f"relu{at}", kernel=1, padding=0) for way in "ab" for at in range(800)]
    before = walked(*heads, *convs, node("sum", "add", *(one.name for one in convs)), shape=(2, 2, 4))
    begun = process_time()
    after = rewrite(before, "deployed").graph
    assert process_time() - begun < 2
    assert after.nodes[-1].inputs == tuple(f"a{at}" for at in range(800))
    assert sum(step.params for step in before.steps) == 1600 * 16
    assert sum(step.params for step in walk(after).steps) == 800 * 16


def test_sums_that_are_none_of_one_tensor_stay() -> None:
    nodes = [conv("a"), node("relu", "relu", "a"), conv("b", "relu"), conv("c")]
    assert deployed(walked(*nodes, node("sum", "add", "b", "c"))) == ((), {})
    stretched = [node("a", "conv2d", INPUT, channels=4, kernel=8), node("sum", "add", INPUT, "a", broadcast=True)]
    assert deployed(walked(*stretched)) == ((), {})
    assert deployed(walked(conv("a"), conv("b"), node("max", "combine", "a", "b", function="maximum"))) == ((), {})


@pytest.mark.parametrize(
    ("op", "attrs", "before", "bias"),
    [
        ("linear", {}, [("batch_norm", {})], True),
        ("linear", {}, [("scale", {})], False),
        ("linear", {}, [("scale", {}), ("batch_norm", {})], True),
        ("conv2d", {"kernel": 1}, [("batch_norm", {})], True),
        ("conv2d", {"kernel": 3}, [("batch_norm", {})], True),
        ("conv2d", {"kernel": 2, "stride": 2, "padding": "same"}, [("batch_norm", {})], True),  # 8 is whole twos
        ("conv2d", {"kernel": 3, "padding": 1}, [("scale", {})], False),
        ("conv2d", {"kernel": 3, "padding": 1}, [("scale", {"shift": True})], None),  # a shift at the rim, of zeros
        ("conv2d", {"kernel": 3, "padding": 1}, [("batch_norm", {})], None),
        ("conv_transpose2d", {"kernel": 2, "stride": 2}, [("scale", {})], False),
        ("conv_transpose2d", {"kernel": 3, "stride": 2}, [("batch_norm", {})], None),  # its windows overlap in places
    ],
)
def test_what_stands_before_a_product(
    op: str, attrs: dict[str, Any], before: list[tuple[str, dict[str, Any]]], bias: bool | None
) -> None:
    nodes: list[Node] = []
    for number, (what, own) in enumerate(before):
        nodes.append(node(f"n{number}", what, nodes[-1].name if nodes else INPUT, **own))
    net = walked(*nodes, node("product", op, nodes[-1].name, channels=6, bias=False, **attrs),
                 shape=(5, 4) if op == "linear" else (8, 8, 4))  # fmt: skip
    if bias is None:
        assert deployed(net).merged == ()
        return
    (new,) = rewrite(net, "deployed").graph.nodes
    assert (new.name, new.inputs, new.attrs["bias"]) == ("product", (INPUT,), bias)


def test_a_norm_between_two_convolutions_goes_to_the_first() -> None:
    nodes = [conv("look", groups=4), norm("norm", "look"), conv("mix", "norm", kernel=1, padding=0)]
    after = merged(*nodes).graph.nodes
    assert [(node.name, node.attrs["bias"]) for node in after] == [("look", True), ("mix", False)]


def test_heads_that_are_added_are_one() -> None:
    nodes = [
        node("drop", "dropout", INPUT), norm("a_norm", "drop"), node("a", "linear", "a_norm", channels=10),
        norm("b_norm", "drop"), node("b", "linear", "b_norm", channels=10), node("sum", "add", "a", "b"),
    ]  # fmt: skip
    after = walk(merged(*nodes, shape=(4,)).graph)
    assert [(step.node.op, step.cost.macs, step.params) for step in after.steps] == [
        ("dropout", 0, 0),
        ("linear", 40, 50),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("conv_transpose2d", {"kernel": 2, "stride": 2}), ("conv_transpose2d", {"kernel": 2, "stride": 2})),
        (("conv2d", {"kernel": 1}), ("linear", {"at": "positions"})),
    ],
)
def test_products_of_another_kind_are_not_added(one: tuple[str, Any], other: tuple[str, Any]) -> None:
    nodes = [node(name, op, INPUT, channels=4, **attrs) for name, (op, attrs) in (("a", one), ("b", other))]
    assert deployed(walked(*nodes, node("sum", "add", "a", "b"))).merged == ()


def test_as_many_branches_as_are_looked_at() -> None:
    for many in (498, 499, 500):
        nodes = [conv(f"b{number}", kernel=1, padding=0) for number in range(many)]
        merged_ = deployed(walked(*nodes, node("sum", "add", *(each.name for each in nodes)))).merged
        assert len(merged_) == (many < 500)  # with the sum 500 nodes


# What stays.


@pytest.mark.parametrize(
    ("nodes", "outputs", "stays"),
    [
        ([norm("norm"), node("relu", "relu", "norm")], [], {"norm": f"no convolution before it, but {INPUT}"}),
        ([norm("norm"), conv("conv", "norm")], [], {"norm": "no shift reaches the zeros with which conv pads"}),
        (
            [norm("norm"), norm("second", "norm"), conv("conv", "second")],
            [],
            dict.fromkeys(("norm", "second"), "no shift reaches the zeros with which conv pads"),
        ),
        (
            [norm("norm"), conv("conv", "norm"), node("relu", "relu", "norm")],
            ["conv", "relu"],
            {"norm": f"no convolution before it, but {INPUT}"},
        ),
        (
            [conv("conv"), node("relu", "relu", "conv"), norm("norm", "relu")],
            [],
            {"norm": "no convolution before it, but relu"},
        ),
        (
            [conv("conv"), norm("norm", "conv"), node("relu", "relu", "conv")],
            ["norm", "relu"],
            {"norm": "conv is needed as it is"},
        ),
        ([conv("conv"), norm("norm", "conv")], ["conv", "norm"], {"norm": "conv is needed as it is"}),
        (
            [conv("conv"), node("pool", "max_pool", "conv", kernel=2), norm("norm", "pool")],
            [],
            {"norm": "no convolution before it, but pool"},
        ),
    ],
    ids=[
        "none",
        "before zeros",
        "two before zeros",
        "before another as well",
        "relu between",
        "read twice",
        "an output itself",
        "pooled between",
    ],
)
def test_norms_that_stay(nodes: list[Node], outputs: list[str], stays: dict[str, str]) -> None:
    found = deployed(walked(*nodes, outputs=outputs))
    assert (found.merged, found.stays) == ((), stays)
    with pytest.raises(NothingToRewrite, match="random has no layer that can become deployed"):
        merged(*nodes, outputs=outputs)


def typed(one: Node, **dtypes: str) -> Node:
    return Node(one.name, one.op, one.inputs, one.attrs, dtypes=dtypes)


def test_no_factor_goes_into_a_kernel_of_signs() -> None:
    found = deployed(walked(typed(conv("conv"), weights="binary"), norm("norm", "conv")))
    assert (found.merged, found.stays) == ((), {"norm": "its type is none of floating point"})


def test_a_bias_has_the_type_of_the_kernel_and_the_output_that_of_the_norm() -> None:
    half = typed(conv("conv"), weights="fp16", outputs="fp16")
    (new,) = walk(merged(half, norm("norm", "conv")).graph).graph.nodes
    assert new.dtypes == {"weights": "fp16", "biases": "fp16"}


def test_shared_weights_are_left_alone() -> None:
    shared = Node(
        "b", "conv2d", ("relu",), conv("a").attrs, shares=dict.fromkeys(("weights", "biases", "buffers"), "a")
    )
    nodes = [conv("a"), norm("a_norm", "a"), node("relu", "relu", "a_norm"), shared, norm("b_norm", "b")]
    found = deployed(walked(*nodes))
    assert (found.merged, found.stays) == ((), {f"{name}_norm": f"weights of {name} are shared" for name in "ab"})


def test_what_is_not_trained_is_merged_into_what_is() -> None:
    frozen = Node("norm", "batch_norm", ("conv",), norm("norm").attrs, trainable=False)
    (step,) = walk(merged(conv("conv"), frozen).graph).steps
    assert (step.params, step.buffers) == (9 * 16 + 4, 0)


def test_patterns_choose_and_leave_out() -> None:
    nodes = [conv("a"), norm("a_norm", "a"), node("relu", "relu", "a_norm"), conv("b", "relu"), norm("b_norm", "b")]
    one = rewrite(walked(*nodes), "deployed", "b*")
    assert [node.name for node in one.graph.nodes] == ["a", "a_norm", "relu", "b"]
    other = rewrite(walked(*nodes), "deployed", excluded=["b_norm"])
    assert [node.name for node in other.graph.nodes] == ["a", "relu", "b", "b_norm"]


def test_what_is_left_out_leaves_the_rest() -> None:
    nodes = [
        conv("a"), norm("a_norm", "a"), conv("b", kernel=1, padding=0), norm("b_norm", "b"),
        conv("c"), norm("c_norm", "c"), node("sum", "add", "a_norm", "b_norm", "c_norm"),
        node("relu", "relu", "sum"), norm("last", "relu"),
    ]  # fmt: skip
    made = rewrite(walked(*nodes), "deployed", excluded=["b_norm"])
    assert [node.name for node in made.graph.nodes] == ["b", "b_norm", "a", "sum", "relu", "last"]
    assert made.stays == {"last": "no convolution before it, but relu"}
    assert rewrite(walked(*nodes), "deployed", "b*").stays == {}
    behind = rewrite(walked(*nodes, norm("more", "b_norm")), "deployed", excluded=["b_norm"])
    assert behind.stays["more"] == "b_norm is left out"
    assert rewrite(walked(*nodes), "deployed", excluded=["relu"]).stays == {
        "last": "no convolution before it, but relu"
    }
    with pytest.raises(NothingToRewrite, match="random: what is left out leaves no layer that can become deployed"):
        rewrite(walked(*nodes[:2]), "deployed", excluded=["a_norm"])
    with pytest.raises(NothingToRewrite, match="random has no layer matching 'last' that can become deployed"):
        rewrite(walked(*nodes), "deployed", "last", ["b_norm"])


@pytest.mark.parametrize("many", [15, 16, 17, 18, 200])
def test_a_chain_of_any_length_is_one_convolution(many: int) -> None:
    chain = [conv("conv"), *(norm(f"n{i}", f"n{i - 1}" if i else "conv") for i in range(many))]
    (step,) = walk(merged(*chain).graph).steps
    assert (step.node.name, step.params) == ("conv", 9 * 16 + 4)
    before = [norm(f"n{i}", f"n{i - 1}" if i else INPUT) for i in range(many)]
    (step,) = walk(merged(*before, conv("conv", f"n{many - 1}", padding=0)).graph).steps
    assert (step.node.name, step.params) == ("conv", 9 * 16 + 4)


def test_no_reason_names_what_is_gone() -> None:
    nodes = [conv("conv"), norm("one", "conv"), node("relu", "relu", "one"), norm("two", "one")]
    made = merged(*nodes, outputs=["relu", "two"])
    assert made.stays == {"two": "conv is needed as it is"}


def test_long_chains_take_no_long_time() -> None:
    chain = [conv("n0"), *(norm(f"n{number}", f"n{number - 1}") for number in range(1, 3000))]
    assert len(deployed(walked(*chain)).merged) == 1
    sums = [conv("s0")]
    for number in range(1, 1500):
        sums += [conv(f"c{number}"), node(f"s{number}", "add", f"s{number - 1}", f"c{number}")]
    assert deployed(walked(*sums)).merged


# The arithmetic: the merged kernel, found from the answers to single ones, gives what the branches give.


def run(nodes: Sequence[Node], weights: Mapping[str, Mapping[str, Array]], x: Array) -> Array:
    """What a graph of convolutions, norms and sums puts out, by loops over taps."""
    made = {INPUT: x}
    for one in nodes:
        first, own = made[one.inputs[0]], weights.get(one.name, {})
        if one.op == "conv2d":
            made[one.name] = slide(first, own["kernel"], own.get("bias", 0), one.attrs)
        elif one.op in ("batch_norm", "scale"):
            made[one.name] = first * own["factor"] + own["shift"]
        else:
            sign = -1 if one.op == "combine" else 1
            made[one.name] = first + sign * sum(made[edge] for edge in one.inputs[1:])
    return made[nodes[-1].name]


def slide(x: Array, kernel: Array, bias: Array, attrs: Mapping[str, Any]) -> Array:
    """A convolution; the kernel has height, width, channels of a group, filters."""
    (stride, _), (dilation, _), groups = attrs["stride"], attrs["dilation"], attrs["groups"]
    height, width = attrs["kernel"]
    if "same" in attrs["padding"]:
        padding = [((size - 1) // 2, size // 2) for size in (height, width)]
    else:
        padding = attrs["padding"]
    padded = np.pad(x, [*padding, (0, 0)])
    out = [(padded.shape[i] - dilation * (attrs["kernel"][i] - 1) - 1) // stride + 1 for i in range(2)]
    filters, each = kernel.shape[3] // groups, kernel.shape[2]
    made = np.zeros((*out, kernel.shape[3]))
    for i, j, group in product(range(height), range(width), range(groups)):
        rows = slice(i * dilation, i * dilation + stride * (out[0] - 1) + 1, stride)
        columns = slice(j * dilation, j * dilation + stride * (out[1] - 1) + 1, stride)
        part, kept = slice(group * each, (group + 1) * each), slice(group * filters, (group + 1) * filters)
        made[:, :, kept] += padded[rows, columns, part] @ kernel[i, j][:, kept]
    return made + bias


def drawn(nodes: Sequence[Node], channels: int, numbers: Any) -> dict[str, dict[str, Array]]:
    """Numbers for all that a graph stores; all tensors have as many channels."""
    weights: dict[str, dict[str, Array]] = {}
    for one in nodes:
        if one.op == "conv2d":
            size = (*one.attrs["kernel"], channels // one.attrs["groups"], channels)
            weights[one.name] = {"kernel": numbers.normal(size=size)}
        elif one.op in ("batch_norm", "scale"):
            shift = numbers.normal(size=channels) * (one.op == "batch_norm")
            weights[one.name] = {"factor": numbers.normal(size=channels), "shift": shift}
    return weights


def assert_same_result(before: Walked, made: Rewritten) -> None:
    """Read the one merged kernel off the old graph, and run it: equal everywhere, at the rim as well."""
    numbers = np.random.default_rng(7)
    nodes, (new,) = before.graph.nodes, made.graph.nodes
    size, channels = before.graph.input_shape[0], 4
    weights = drawn(nodes, channels, numbers)
    zero = run(nodes, weights, np.zeros((size, size, channels)))
    shift = zero[0, 0]
    assert np.allclose(zero, shift)
    groups, (height, width) = new.attrs["groups"], new.attrs["kernel"]
    (stride, _), (dilation, _) = new.attrs["stride"], new.attrs["dilation"]
    same = "same" in new.attrs["padding"]
    top, left = ((height - 1) // 2, (width - 1) // 2) if same else (new.attrs["padding"][i][0] for i in range(2))
    middle = size // 2 // stride
    kernel = np.zeros((height, width, channels // groups, channels))
    each = channels // groups
    for i, j, channel in product(range(height), range(width), range(channels)):
        impulse = np.zeros((size, size, channels))
        impulse[middle * stride - top + i * dilation, middle * stride - left + j * dilation, channel] = 1
        answer = run(nodes, weights, impulse)[middle, middle] - shift
        group = slice(channel // each * each, (channel // each + 1) * each)
        kernel[i, j, channel % each, group] = answer[group]
        assert np.allclose(np.delete(answer, np.r_[group]), 0)
    x = numbers.normal(size=(size, size, channels))
    assert np.allclose(run(nodes, weights, x), slide(x, kernel, shift, new.attrs))


def test_the_mixer_of_fastvit_is_one_convolution_in_numbers() -> None:
    before = walked(*repmixer())
    assert_same_result(before, rewrite(before, "deployed"))


def test_a_wrong_window_is_noticed() -> None:
    before = walked(conv("a", kernel=5, padding=2), conv("b"), node("sum", "add", "a", "b"))
    small = rewrite(walked(conv("a"), conv("b"), node("sum", "add", "a", "b")), "deployed")
    with pytest.raises(AssertionError):
        assert_same_result(before, small)


# Families that are trained in another form than they are deployed in.

REPVGG = ("a0", "a1", "a2", "b0", "b1", "b1g2", "b1g4", "b2", "b2g2", "b2g4", "b3", "b3g2", "b3g4", "d2se")
REPVIT = ("m0_9", "m1_0", "m1_1", "m1_5", "m2_3", "m1", "m2", "m3")
IN_TWO_FORMS = (
    *(f"repvgg_{name}" for name in REPVGG),
    *(f"mobileone_s{size}" for size in range(5)),
    *(f"repvit_{name}" for name in REPVIT),
)
FASTVIT = ("t8", "t12", "s12", "sa12", "sa24", "sa36", "ma36")


def costs(network: Network) -> list[Any]:
    """Op, window, MACs, parameters and output of each layer."""
    kept = ("kernel", "stride", "groups")
    return [
        (layer.op, [layer.attrs.get(key) for key in kept], layer.macs, layer.params, layer.output_shape)
        for layer in network.report().layers
    ]


@pytest.mark.parametrize("model", IN_TWO_FORMS)
def test_the_trained_form_becomes_the_deployed_one(model: str) -> None:
    after = convcost.load(model, form="training").rewrite("deployed")
    assert costs(after) == costs(loaded(model))
    assert after.stays == {}
    with pytest.raises(UsageError, match="no layer that can become deployed"):
        loaded(model).rewrite("deployed")


@pytest.mark.parametrize("name", FASTVIT)
def test_both_forms_of_fastvit_become_the_same(name: str) -> None:
    """The authors leave the batch-norm and the layer scale of each feed-forward part, which are merged as well here.

    Between attention and its layer scale the map is put together again.
    """
    trained, deployed_ = (convcost.load(f"fastvit_{name}", form=form) for form in ("training", "inference"))
    after = trained.rewrite("deployed")
    assert costs(after) == costs(deployed_.rewrite("deployed"))
    assert after.report().totals.macs == deployed_.report().totals.macs
    blocks = 6 if name.endswith("36") else 4 if name.endswith("24") else 2
    stay = {f"stage4.block{i}.mixer.layer_scale" for i in range(1, blocks + 1)}
    assert set(after.stays) == (stay if "a" in name else set())


@pytest.mark.parametrize(
    ("model", "knobs", "trained", "merged_"),
    [
        # mmpretrain configs/mobileone/metafile.yml and configs/repvgg/metafile.yml have the deployed parameters
        ("mobileone_s0", {"stem_k": 4}, (5_297_448, 1_100_706_304), (2_078_504, 275_110_400)),
        ("repvgg_a0", {}, (9_108_968, 1_512_581_120), (8_309_384, 1_361_451_008)),
    ],
)
def test_totals_as_they_are_published(
    model: str, knobs: dict[str, Any], trained: tuple[int, int], merged_: tuple[int, int]
) -> None:
    before = convcost.load(model, form="training", **knobs)
    totals = [one.report().totals for one in (before, before.rewrite("deployed"))]
    assert [(each.params, each.macs) for each in totals] == [trained, merged_]


def test_a_sweep_of_deployed_networks() -> None:
    swept = convcost.sweep("repvgg", {"form": "training"}, rewrite="deployed", a=[0.75, 1, 1.5])
    assert swept.params.tolist() == [convcost.load("repvgg", a=a).report().totals.params for a in (0.75, 1, 1.5)]


@pytest.mark.parametrize("model", in_turns(ends_of_families(), 3))
def test_nothing_but_what_is_merged_changes(model: str) -> None:
    before = loaded(model)
    try:
        after = before.rewrite("deployed")
    except NothingToRewrite:
        return
    old, new = ({layer.name: layer for layer in one.report().layers} for one in (before, after))
    gone = {node.name for one in after.rebuilt for node in one.old}
    made = {node.name for one in after.rebuilt for node in one.new}
    assert [name for name in old if name not in gone] == [name for name in new if name not in made]
    for name in set(old) - gone:
        assert (old[name].macs, old[name].params, old[name].output_shapes) == (
            new[name].macs, new[name].params, new[name].output_shapes,
        )  # fmt: skip
    for one in after.rebuilt:
        (merged_,) = one.new
        assert old[one.name].output_shapes == new[merged_.name].output_shapes
        assert new[merged_.name].macs <= sum(old[node.name].macs for node in one.old)
    with pytest.raises(NothingToRewrite):
        after.rewrite("deployed")
