"""ONNX's ops in the vocabulary in which idioms are written."""

from __future__ import annotations

from typing import Any

from convcost.importers.lower import Spelled
from convcost.importers.model import Body, Op

_WORDS = {
    "Add": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Div": "div",
    "Sqrt": "sqrt",
    "Erf": "erf",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "MatMul": "matmul",
    "Identity": "same",
}
#: What hard_sigmoid has to have for a hard swish, in ONNX: max(0, min(1, alpha·x + beta)).
_ALPHA, _BETA = 1 / 6, 0.5


def spell(op: Op, body: Body) -> Spelled | None:
    """An op as a word with what it reads; None if no idiom has it.

    >>> spell(Op("Clip", "", ("x",), ("y",), {"min": 0.0, "max": 6.0}), Body({}, (), (), {}))
    Spelled(word='relu6', inputs=('x',))
    """
    if word := _WORDS.get(op.type):
        return Spelled(word, op.inputs)
    first = op.inputs[:1]
    if op.type == "Clip" and _bounds(op, body) == (0, 6):
        return Spelled("relu6", first)
    if op.type == "Pow" and len(op.inputs) == 2:
        return Spelled("square", first) if _number(op.inputs[1], body) == 2 else Spelled("pow", op.inputs)
    if op.type == "HardSigmoid":
        alpha = op.attrs.get("alpha", 0.2)
        fits = isinstance(alpha, float) and abs(alpha - _ALPHA) < 1e-3 and op.attrs.get("beta", 0.5) == _BETA
        return Spelled("hard_sigmoid", first) if fits else None
    if op.type == "ReduceMean":
        axes = op.attrs.get("axes") or (_contents(op.inputs[1], body) if len(op.inputs) > 1 else None)
        return Spelled("mean", first) if axes == (-1,) and op.attrs.get("keepdims", 1) else None
    return None


def _bounds(op: Op, body: Body) -> tuple[Any, Any]:
    """The limits of a Clip: attributes, or since opset 11 inputs."""
    inputs = (*op.inputs[1:], "", "")
    low, high = (_number(name, body) if name else op.attrs.get(key) for name, key in zip(inputs, ("min", "max")))
    return low, high


def _number(name: str, body: Body) -> Any:
    contents = _contents(name, body)
    return contents[0] if contents is not None and len(contents) == 1 else None


def _contents(name: str, body: Body) -> tuple[Any, ...] | None:
    stored = body.tensors.get(name)
    return stored.contents if stored is not None else None
