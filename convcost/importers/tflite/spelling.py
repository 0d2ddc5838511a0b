"""TFLite's operators in the vocabulary in which idioms are written."""

from __future__ import annotations

from typing import Any, Final

from convcost.importers.accounts import FLOATS
from convcost.importers.lower import Spelled
from convcost.importers.model import Body, Op

_WORDS: Final = {
    "ADD": "add",
    "SUB": "sub",
    "MUL": "mul",
    "DIV": "div",
    "SQRT": "sqrt",
    "RSQRT": "rsqrt",
    "SQUARE": "square",
    "SQUARED_DIFFERENCE": "squared_difference",
    "FlexErf": "erf",
    "TANH": "tanh",
    "LOGISTIC": "sigmoid",
    "RELU6": "relu6",
}


def spell(op: Op, body: Body) -> Spelled | None:
    """An operator as a word with what it reads; None if no idiom has it.

    Quantised numbers stand for others, and an activation that is fused into a sum makes it another function:

    >>> spell(Op("ADD", "", ("x", "y"), ("z",), {"fused_activation_function": "NONE"}), Body({}, (), (), {}))
    Spelled(word='add', inputs=('x', 'y'))
    >>> spell(Op("ADD", "", ("x", "y"), ("z",), {"fused_activation_function": "RELU"}), Body({}, (), (), {}))
    """
    if op.attrs.get("fused_activation_function", "NONE") != "NONE":
        return None
    if any(name in body.tensors and body.tensors[name].dtype not in FLOATS for name in op.inputs[:2]):
        return _mean(op, body)
    if op.type == "POW":
        return Spelled("square", op.inputs[:1]) if _number(op.inputs[1], body) == 2 else Spelled("pow", op.inputs)
    word = _WORDS.get(op.type)
    return Spelled(word, op.inputs) if word else None


def _mean(op: Op, body: Body) -> Spelled | None:
    """A mean over the last axis, which is left with size 1."""
    if op.type != "MEAN" or not op.attrs.get("keep_dims") or len(op.inputs) != 2:
        return None
    axes, x = body.tensors.get(op.inputs[1]), body.stated.get(op.inputs[0])
    last = {-1} if x is None or x.shape is None else {-1, len(x.shape) - 1}
    fits = axes is not None and axes.contents is not None and len(axes.contents) == 1 and axes.contents[0] in last
    return Spelled("mean", op.inputs[:1]) if fits else None


def _number(name: str, body: Body) -> Any:
    stored = body.tensors.get(name)
    return stored.contents[0] if stored is not None and stored.contents and stored.elements == 1 else None
