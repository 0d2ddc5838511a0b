"""A training step that is really run, layer by layer, with a tape as frameworks have it: products are counted, not derived.

Every op that multiplies is run by the engine on small integers, forward and backward; all others only hand shapes and gradients
on. What needs a gradient is found as autograd does it: a tensor does if it was made of one that does, or of trained weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from convcost.alternatives.execution import Counter, convolve, input_gradient, multiply, weight_gradient
from convcost.graph.walk import Step, Walked, output_edges

Array = np.ndarray[Any, np.dtype[Any]]


class Executed(NamedTuple):
    """Products of one layer."""

    forward: int
    to_inputs: int
    to_weights: int


class Products:
    """Products run so far, by what they are for."""

    def __init__(self) -> None:
        self.forward, self.to_inputs, self.to_weights = Counter(), Counter(), Counter()

    @property
    def executed(self) -> Executed:
        return Executed(*(one.multiplications for one in (self.forward, self.to_inputs, self.to_weights)))


def some(shape: tuple[int, ...]) -> Array:
    """Small integers."""
    return np.random.default_rng(sum(shape)).integers(-3, 4, shape)


def run_step(walked: Walked) -> dict[str, Executed]:
    """The products of each layer in a training step whose loss depends on every output."""
    needs = dict.fromkeys(walked.inputs, False)
    products: dict[str, Products] = {}
    tape: list[tuple[Step, Callable[[bool, list[bool]], None]]] = []
    for step in walked.steps:
        node, own = step.node, products.setdefault(step.node.name, Products())
        tape.append((step, _forward(step, own)))
        made = any(needs[edge] for edge in node.inputs) or bool(node.trainable and step.cost.params)
        needs |= dict.fromkeys(output_edges(node, step.cost), made)
    given = {*walked.outputs}
    for step, back in reversed(tape):
        node = step.node
        if not any(edge in given and needs[edge] for edge in output_edges(node, step.cost)):
            continue
        wanted = [needs[edge] for edge in node.inputs]
        back(bool(node.trainable and step.cost.weights), wanted)
        given |= {edge for edge, asked in zip(node.inputs, wanted) if asked}
    return {name: one.executed for name, one in products.items()}


def _forward(step: Step, own: Products) -> Callable[[bool, list[bool]], None]:
    """Run a step; what is returned runs its backward pass: whether weights, and which inputs, need a gradient."""
    op = step.node.op
    if op.startswith("conv_transpose"):
        return _spread(step, own)
    if op in ("conv1d", "conv2d", "conv3d"):
        return _convolved(step, own)
    if op == "linear":
        return _linear(step, own)
    if op == "matmul":
        return _matmul(step, own)
    if op == "rnn":
        return _rnn(step, own)
    assert step.cost.macs == 0, f"{op} multiplies, and this machine cannot run it"
    return _nothing


def _nothing(_trained: bool, _inputs: list[bool]) -> None:
    """What has no products forward has none backward."""


def _convolved(step: Step, own: Products) -> Callable[[bool, list[bool]], None]:
    attrs, (shape,) = step.node.attrs, step.input_shapes
    how = {name: attrs[name] for name in ("stride", "padding", "dilation", "groups")}
    x, weights = some(shape), some((*attrs["kernel"], shape[-1] // attrs["groups"], attrs["channels"]))
    y = convolve(x, weights, **how, counter=own.forward)
    assert y.shape == step.cost.out[0]

    def back(trained: bool, inputs: list[bool]) -> None:
        if inputs[0]:
            assert input_gradient(y, weights, shape, **how, counter=own.to_inputs).shape == shape
        if trained:
            found = weight_gradient(x, y, attrs["kernel"], **how, counter=own.to_weights)
            assert found.shape == weights.shape

    return back


def _spread(step: Step, own: Products) -> Callable[[bool, list[bool]], None]:
    """A transposed convolution: its forward pass is the gradient of a convolution, and its gradient a convolution."""
    attrs, (shape,), out = step.node.attrs, step.input_shapes, step.cost.out[0]
    how = {name: attrs[name] for name in ("stride", "padding", "dilation", "groups")}
    x, weights = some(shape), some((*attrs["kernel"], out[-1] // attrs["groups"], shape[-1]))
    y = input_gradient(x, weights, out, **how, counter=own.forward)

    def back(trained: bool, inputs: list[bool]) -> None:
        if inputs[0]:
            assert convolve(y, weights, **how, counter=own.to_inputs).shape == shape
        if trained:
            weight_gradient(y, x, attrs["kernel"], **how, counter=own.to_weights)

    return back


def _linear(step: Step, own: Products) -> Callable[[bool, list[bool]], None]:
    (shape,) = step.input_shapes
    x, weights = some(shape).reshape(-1, shape[-1]), some((shape[-1], step.node.attrs["channels"]))
    y = multiply(x, weights, own.forward)

    def back(trained: bool, inputs: list[bool]) -> None:
        if inputs[0]:
            multiply(y, weights.T, own.to_inputs)
        if trained:
            multiply(x.T, y, own.to_weights)

    return back


def _matmul(step: Step, own: Products) -> Callable[[bool, list[bool]], None]:
    x, y = map(some, step.input_shapes)
    y = np.swapaxes(y, -1, -2) if step.node.attrs["transpose"] else y
    z = multiply(x, y, own.forward)
    assert z.shape == step.cost.out[0]

    def back(_trained: bool, inputs: list[bool]) -> None:
        if inputs[0]:
            multiply(z, np.swapaxes(y, -1, -2), own.to_inputs)
        if inputs[1]:
            multiply(np.swapaxes(x, -1, -2), z, own.to_inputs)

    return back


def _rnn(step: Step, own: Products) -> Callable[[bool, list[bool]], None]:
    """One direction: each step multiplies what it reads and the state before, that before the first step included."""
    (tokens, width), channels = step.input_shapes[0], step.node.attrs["channels"]
    x, of_x, of_state = some((tokens, width)), some((width, channels)), some((channels, channels))
    state = np.zeros((1, channels), dtype=int)
    for at in range(tokens):
        state = np.sign(multiply(x[at : at + 1], of_x, own.forward) + multiply(state, of_state, own.forward))

    def back(trained: bool, inputs: list[bool]) -> None:
        for at in range(tokens):
            multiply(state, of_state.T, own.to_inputs)
            if inputs[0]:
                multiply(state, of_x.T, own.to_inputs)
            if trained:
                multiply(x[at : at + 1].T, state, own.to_weights)
                multiply(state.T, state, own.to_weights)

    return back
