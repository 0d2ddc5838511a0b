"""The multiply-accumulates of a training step: forward, and backward the gradients to the inputs and to the weights.

What an op multiplies are two factors (its trait `factors`), and the gradient to each of them takes as many multiply-accumulates
as the forward pass, those on padding zeros included: for y = W·x the gradient to x is Wᵀ·g, and that to W is g·xᵀ. What is
not trained, and has nothing behind it that is, needs no gradient: the first layer none to its input, a frozen one none to its
weights. The loss is taken to depend on all outputs of the network, and on what ends in an unknown op. A gradient is taken to
pass through unknown ops, and nothing in them to be trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from convcost.core.dims import Dim
from convcost.graph.graph import producer
from convcost.graph.walk import Step, Walked, output_edges
from convcost.ops import OPS


class Backward(NamedTuple):
    """What the backward pass computes for a layer, batch 1."""

    to_inputs: Dim = 0
    """Multiply-accumulates of the gradients to its inputs; of a recurrent layer, to its states too."""
    to_weights: Dim = 0
    """Multiply-accumulates of the gradient to its weights."""
    inputs: tuple[bool, ...] = ()
    """Which of its inputs need a gradient."""
    trained: bool = False
    """Whether its weights, biases, scales need one."""

    @property
    def runs(self) -> bool:
        """Whether the backward pass goes through it."""
        return self.trained or any(self.inputs)


def backward(walked: Walked) -> Mapping[str, Backward]:
    """What the backward pass computes for each layer, by its name.

    The first convolution of ResNet-18 multiplies 112·112·64·7·7·3 times; its input is no parameter.

    >>> from convcost import load
    >>> found = backward(load("resnet18").walked)
    >>> found["conv1.conv2d"], found["fc"]
    (Backward(to_inputs=0, to_weights=118013952, inputs=(False,), trained=True), \
Backward(to_inputs=512000, to_weights=512000, inputs=(True,), trained=True))
    """
    wanted = _with_a_loss(walked)
    depends = dict.fromkeys(walked.inputs, False)
    """Edge -> whether it depends on anything that is trained."""
    found: dict[str, Backward] = {}
    for step in walked.steps:
        node = step.node
        needs = tuple(depends.get(edge, False) and differentiable(step, at) for at, edge in enumerate(node.inputs))
        trained = _some(step.used_params)
        depends |= dict.fromkeys(output_edges(node, step.cost), trained or any(needs))
        found[node.name] = _of(step, needs, trained=trained) if node.name in wanted else Backward()
    return found


def differentiable(step: Step, at: int) -> bool:
    """Whether a gradient passes to one of the inputs of a step: not to the numbers of rows that it looks up, nor through a
    comparison.
    """
    return not step.cost.flat and (not step.traits.looks_up or (at == 0 and not _some(step.cost.weights)))


def _with_a_loss(walked: Walked) -> set[str]:
    """The steps that an output of the network depends on, or an unknown op whose result has no shape: that is none of the
    outputs, and what it reads is what the loss is of.
    """
    wanted = {producer(edge) for edge in walked.outputs}
    wanted |= {step.node.name for step in walked.steps if step.opaque and not step.cost.out}
    for step in reversed(walked.steps):
        if step.node.name in wanted:
            wanted |= {producer(edge) for at, edge in enumerate(step.node.inputs) if differentiable(step, at)}
    return wanted


def _of(step: Step, needs: tuple[bool, ...], *, trained: bool) -> Backward:
    macs, factors = step.cost.macs, step.traits.factors
    to_weights = macs if trained and factors in ("weights", "state") else 0
    to_inputs: Dim = 0
    if factors == "weights":
        to_inputs = macs if any(needs) else 0
    elif factors == "inputs":
        to_inputs = macs * sum(needs)
    elif factors == "state":
        of_states = _of_states(step)
        to_inputs = (of_states if trained or any(needs) else 0) + (macs - of_states if any(needs) else 0)
    return Backward(to_inputs, to_weights, needs, trained)


def _of_states(step: Step) -> Dim:
    """The multiply-accumulates of a recurrent layer with its states: what its rule counts without any input channel."""
    shape = step.input_shapes[0]
    return OPS[step.node.op].cost([(*shape[:-1], 0)], step.node.attrs).macs


def _some(count: Dim) -> bool:
    """Whether there is any: a count of symbols stands for some."""
    return count is not None and count != 0
