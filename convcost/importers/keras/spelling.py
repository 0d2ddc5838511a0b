"""Layers and operations of Keras in the vocabulary in which idioms are written."""

from __future__ import annotations

from typing import Any

from convcost.importers.keras.activations import name_of
from convcost.importers.keras.calls import argument
from convcost.importers.keras.operations import TF_ARITHMETIC
from convcost.importers.keras.values import Tensor, constant_name
from convcost.importers.lower import Spelled
from convcost.importers.model import Body, Op

_OPERATIONS = {"Add": "add", "Subtract": "sub", "Multiply": "mul", "Divide": "div", "TrueDivide": "div"}
_FUNCTIONS = {"ops.Relu6": "relu6", "ops.Sigmoid": "sigmoid", "ops.Tanh": "tanh", "ops.Softplus": "softplus"}
_FUNCTIONS |= {"ops.HardSigmoid": "hard_sigmoid", "ops.Erf": "erf", "ops.Sqrt": "sqrt", "ops.Square": "square"}
_FUNCTIONS |= {"tf.nn.relu6": "relu6", "tf.nn.sigmoid": "sigmoid", "tf.math.sigmoid": "sigmoid", "tf.math.erf": "erf"}
_ACTIVATIONS = ("relu6", "sigmoid", "tanh", "softplus", "hard_sigmoid")


def spell(op: Op, body: Body) -> Spelled | None:  # noqa: ARG001 - as idioms call it
    """An op as a word with what it reads; None if no idiom has it.

    >>> relu6 = Op("ReLU", "", ("x",), ("y",), {"config": {"max_value": 6.0}})
    >>> spell(relu6, Body({}, (), (), {}))
    Spelled(word='relu6', inputs=('x',))
    """
    if word := _FUNCTIONS.get(op.type):
        return Spelled(word, op.inputs[:1])
    if op.type == "ReLU":
        config = op.attrs["config"]
        plain = not config.get("negative_slope") and not config.get("threshold")
        return Spelled("relu6", op.inputs[:1]) if config.get("max_value") == 6 and plain else None
    if op.type == "Activation":
        name = name_of(op.attrs["config"].get("activation"))
        return Spelled(name, op.inputs[:1]) if name in _ACTIVATIONS else None
    if op.type in ("Multiply", "Add"):
        return Spelled({"Multiply": "mul", "Add": "add"}[op.type], op.inputs) if len(op.inputs) == 2 else None
    return _arithmetic(op)


def _arithmetic(op: Op) -> Spelled | None:
    kind, _, name = op.type.partition(".")
    names = ("x1", "x2")
    if kind == "tf" and name in TF_ARITHMETIC:
        name, names = TF_ARITHMETIC[name], ("x", "y")
    word = _OPERATIONS.get(name) if kind in ("ops", "tf") else None
    if word is None:
        return None
    inputs = [_operand(op, each, place) for place, each in enumerate(names)]
    return Spelled(word, tuple(inputs)) if all(inputs) else None


def _operand(op: Op, name: str, place: int) -> str:
    """The tensor that an operand is, also a number; empty if it is neither."""
    given: Any = argument(op, name, place)
    if isinstance(given, Tensor):
        return op.inputs[given.place]
    if isinstance(given, int | float):
        return constant_name(op.outputs[0], name if name in op.attrs["kwargs"] else place)
    return ""
