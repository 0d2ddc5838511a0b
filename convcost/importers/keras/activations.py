"""Activations of Keras: as layers, as operations, and as a setting of other layers."""

from __future__ import annotations

from typing import Any

from convcost.core.errors import Unfit
from convcost.core.units import say
from convcost.importers.build import along
from convcost.importers.keras.calls import axes_of, rule, setting
from convcost.importers.lower import Lowering
from convcost.importers.model import Op
from convcost.importers.values import Value, channels_at

#: Name of an activation -> the op of convcost.
KINDS = {
    "relu": "relu",
    "relu6": "relu6",
    "leaky_relu": "leaky_relu",
    "elu": "elu",
    "selu": "selu",
    "gelu": "gelu",
    "gelu_approximate": "gelu",
    "silu": "silu",
    "swish": "silu",
    "mish": "mish",
    "hard_silu": "hard_swish",
    "hard_swish": "hard_swish",
    "hard_sigmoid": "hard_sigmoid",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "softplus": "softplus",
}
#: Name of an activation -> the word of `function`.
WORDS = {
    "exponential": "exp",
    "softsign": "softsign",
    "celu": "celu",
    "hard_tanh": "hard_tanh",
    "log_sigmoid": "log_sigmoid",
    "threshold": "threshold",
    "hard_shrink": "hard_shrink",
    "soft_shrink": "soft_shrink",
}
#: Class of an activation that is a layer of its own -> its name as a setting.
LAYERS = {"ELU": "elu", "LeakyReLU": "leaky_relu"}


def name_of(given: Any) -> str:
    """The name of an activation as a setting states it; `linear` for none.

    >>> name_of(None), name_of({"class_name": "function", "config": "relu", "registered_name": "function"})
    ('linear', 'relu')
    """
    if isinstance(given, dict):
        config = given.get("config")
        inner = config.get("activation") if isinstance(config, dict) else config
        given = inner if isinstance(inner, str) else str(given.get("class_name", "")).lower()
    return given.rpartition(">")[2] if isinstance(given, str) else "linear" if given is None else say(given)


def activated(low: Lowering, op: Op, x: Value, given: Any) -> Value:
    """A node for an activation, unless it does nothing."""
    name = name_of(given)
    if name == "linear":
        low.same(op, x)
        return low.values[op.outputs[0]]
    if name in KINDS:
        return low.pointwise(op, KINDS[name], x)
    if name in WORDS:
        return low.pointwise(op, "function", x, {"of": WORDS[name]})
    if name in ("softmax", "log_softmax"):
        return softmax(low, op, x, -1, log=name == "log_softmax")
    # An activation keeps the shape, also one that nobody knows.
    edge, order = low.any(x)
    attrs = {"type": f"activation {name}", "shape": [list(low.walk.shapes[edge])], "why": "a function of its own"}
    return low.result(op, low.emit(op, "unknown", [edge], attrs), order, x.rank)


def softmax(low: Lowering, op: Op, x: Value, axis: Any, *, log: bool = False) -> Value:
    """A softmax along one axis, or its logarithm."""
    axes = axes_of(-1 if axis is None else axis, x.rank)
    if len(axes) != 1:
        raise Unfit(f"a softmax runs along one axis, got {say(axis)}")
    made = along(low, op, "softmax", x, axes[0])
    return low.pointwise(op, "function", made, {"of": "log"}) if log else made


@rule("Activation", wants="same")
def activation(low: Lowering, op: Op) -> None:
    activated(low, op, low.read(op), setting(op, "activation"))


@rule(*LAYERS, wants="same")
def named(low: Lowering, op: Op) -> None:
    activated(low, op, low.read(op), LAYERS[op.type])


@rule("Softmax", wants="same")
def softmax_layer(low: Lowering, op: Op) -> None:
    softmax(low, op, low.read(op), setting(op, "axis", -1))


@rule("ReLU", wants="same")
def relu(low: Lowering, op: Op) -> None:
    x, most = low.read(op), setting(op, "max_value")
    slope, threshold = setting(op, "negative_slope", 0), setting(op, "threshold", 0)
    if slope:
        x = low.pointwise(op, "leaky_relu", x)
        if most is not None:
            low.pointwise(op, "function", x, {"of": "clip"})
    elif threshold:
        low.pointwise(op, "function", x, {"of": "threshold"})
    elif most is None:
        low.pointwise(op, "relu", x)
    elif most == 6:
        low.pointwise(op, "relu6", x)
    else:
        low.pointwise(op, "function", x, {"of": "clip"})


@rule("PReLU", wants="same")
def prelu(low: Lowering, op: Op) -> None:
    x = low.read(op)
    shared = axes_of(setting(op, "shared_axes", ()), x.rank, "shared_axes") if setting(op, "shared_axes") else ()
    own = [axis for axis in range(1, x.rank) if axis not in shared]
    if len(own) == 1:
        low.layer(op, "prelu", x, channels_at(x, own[0]))
        return
    # A slope for each place: stored as a tensor, and one of two products chosen.
    edge, order = low.any(x)
    slopes = [x.shape[axis] if axis in own else 1 for axis in order if axis is not None]
    source = low.emit(op, "source", [], {"shape": slopes})
    step = low.emit(op, "combine", [edge, source.node.name], {"function": "where"})
    low.result(op, step, order, x.rank)
