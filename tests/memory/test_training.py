"""The bytes of a training step, by hand, and what is kept against the policy `training`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers.random_graphs import graph, graphs, node
from hypothesis import given, settings

import convcost
from convcost.core.errors import UsageError
from convcost.graph.walk import walk
from convcost.memory.lifetimes import lifetimes, tensor_bytes
from convcost.memory.training import StepBytes, training_bytes

# 6×6×3 to 4×4×8 by 3×3: 216 weights and 8 biases; 128 elements made of 108.
NODES = [
    node("conv", "conv2d", "input", channels=8, kernel=3),
    node("norm", "batch_norm", "conv"),
    node("relu", "relu", "norm"),
    node("pool", "max_pool", "relu", kernel=2),
    node("flat", "flatten", "pool"),
    node("fc", "linear", "flat", channels=5),
]
NET = graph(NODES, input_shape=(6, 6, 3))


def test_each_layer_by_hand() -> None:
    """fp32, batch 2, Adam: parameters four bytes each, activations eight."""
    conv, norm, relu, pool, flat, fc = training_bytes(walk(NET), "adam", batch=2)
    # The image is kept for the gradient to the weights; the image itself has none. Adam reads and writes 3, and reads a gradient.
    assert conv == StepBytes(108 * 8, (108 + 128) * 8 + 224 * 4, (128 + 108) * 8 + 224 * 4, 7 * 224 * 4)
    # It keeps what it reads; forward its running statistics, too; backward it reads the gradient and what it kept, and its
    # scale, and writes gradients.
    assert norm == StepBytes(128 * 8, 256 * 8 + 32 * 4, (128 + 128) * 8 + 8 * 4 + 128 * 8 + 16 * 4, 7 * 16 * 4)
    # Its output says where it was above 0.
    assert relu == StepBytes(128 * 8, 256 * 8, 3 * 128 * 8, 0)
    # A byte for each of 32 elements: where the largest stood.
    assert pool == StepBytes(32 * 2, (128 + 32) * 8 + 32 * 2, (32 + 128) * 8 + 32 * 2, 0)
    assert flat == StepBytes(0, 0, 0, 0)
    # 160 weights, 5 biases; one kernel for each gradient: (5 read, 160, 32 written) and (5, 32 kept, 165 written).
    assert fc == StepBytes(32 * 8, (32 + 5) * 8 + 165 * 4, (5 + 32) * 8 + 160 * 4 + (5 + 32) * 8 + 165 * 4, 7 * 165 * 4)


@pytest.mark.parametrize(("optimizer", "times"), [("sgd", 3), ("momentum", 5), ("adam", 7)])
def test_what_an_optimizer_moves(optimizer: str, times: int) -> None:
    """Weight and gradient are read and the weight is written; what it remembers is read and written."""
    updates = sum(one.update for one in training_bytes(walk(NET), optimizer))
    assert updates == times * (224 + 16 + 165) * 4


def test_what_several_layers_read_has_its_gradients_summed() -> None:
    """Two layers put a gradient to one tensor of 10: one writes it, the other reads and writes the sum."""
    nodes = [
        node("a", "linear", "input", channels=10),
        node("left", "relu", "a"),
        node("right", "tanh", "a"),
        node("sum", "add", "left", "right"),
    ]
    found = dict(zip("a left right sum".split(), training_bytes(walk(graph(nodes, input_shape=(3,))))))  # noqa: SIM905
    assert found["sum"].backward == (10 + 10 + 10) * 4
    assert {found["left"].backward, found["right"].backward} == {(10 + 10 + 10) * 4, (10 + 10 + 20) * 4}


def test_a_frozen_net_keeps_and_moves_nothing_back() -> None:
    """Up to its last layer, which alone is trained: that keeps what it reads."""
    nodes = tuple(replace(one, trainable=one.name == "fc") for one in NODES)
    found = training_bytes(walk(replace(NET, nodes=nodes)))
    assert [one.kept for one in found] == [0, 0, 0, 0, 0, 32 * 4]
    assert [one.backward for one in found] == [0, 0, 0, 0, 0, (5 + 32 + 165) * 4]
    assert [one.update for one in found] == [0, 0, 0, 0, 0, 3 * 165 * 4]


def test_a_frozen_convolution_before_a_trained_one_keeps_its_output_alone() -> None:
    """The gradient goes through it by its weights: what it read is not needed."""
    nodes = [
        node("first", "conv2d", "input", channels=4, kernel=1),
        replace(node("frozen", "conv2d", "first", channels=6, kernel=1), trainable=False),
        node("last", "conv2d", "frozen", channels=2, kernel=1),
    ]
    found = training_bytes(walk(graph(nodes, input_shape=(5, 5, 3))))
    assert [one.kept for one in found] == [25 * 3 * 4, 0, 25 * 6 * 4]


def test_distances_from_fixed_points_need_what_they_are_of() -> None:
    """(x - point)² has the derivative 2·(x - point): x, 4 numbers, is kept, and 3 points of 4 numbers are read again."""
    nodes = [node("a", "linear", "input", channels=4), node("points", "rbf", "a", channels=3)]
    points = training_bytes(walk(graph(nodes, input_shape=(2,))))[1]
    assert points == StepBytes(4 * 4, (4 + 3 + 12) * 4, (3 + 12 + 4 + 4) * 4, 0)


def test_types_that_a_network_states_are_not_those_it_is_trained_in() -> None:
    walked = walk(
        replace(NET, nodes=tuple(replace(one, dtypes={"outputs": "int8", "weights": "int8"}) for one in NODES))
    )
    assert training_bytes(walked) == training_bytes(walk(NET))
    halves = training_bytes(walk(NET), dtype="bf16")
    assert halves[0] == StepBytes(*(number // 2 for number in training_bytes(walk(NET))[0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer_name": "adan"}, "there is no optimizer 'adan'. Did you mean adam?"),
        (
            {"dtype": "int8"},
            "training needs a type that has gradients, fp64, fp32, tf32, fp16, bf16, got int8: ask for dtype fp32",
        ),
        ({"dtype": "float23"}, "float23"),
    ],
)
def test_what_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        training_bytes(walk(NET), **options)
    assert message in str(refused.value)


def kept_by_policy(walked: convcost.Walked, batch: int) -> int:
    """What the policy `training` keeps to the end, without the outputs that no layer keeps."""
    lives = lifetimes(walked, "training")
    saved = set()
    for step in walked.steps:
        edges = (
            *(step.node.inputs if "inputs" in step.cost.saves else ()),
            *((step.node.name,) if "outputs" in step.cost.saves else ()),
        )
        saved |= {tensor for edge in edges for tensor in lives.home[edge]}
    ends = [
        tensor
        for number, tensor in enumerate(lives.tensors)
        if tensor.last == lives.length and (number in saved or "(mask)" in tensor.name)
    ]
    return sum(tensor_bytes(tensor, None, batch) for tensor in ends)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "unet"])
def test_what_is_kept_is_what_the_policy_keeps(name: str) -> None:
    walked = convcost.load(name).walked
    assert sum(one.kept for one in training_bytes(walked, batch=3)) == kept_by_policy(walked, 3)


@settings(deadline=None, derandomize=True, max_examples=40, database=None)
@given(graphs())
def test_nothing_that_runs_backward_moves_less_than_it_keeps(source: convcost.Graph) -> None:
    """What a layer keeps it reads, or the policy `training` would not keep it."""
    walked = walk(source)
    found = training_bytes(walked)
    assert all(one.backward == 0 or one.backward > one.kept for one in found)
    assert sum(one.kept for one in found) <= kept_by_policy(walked, 1)
