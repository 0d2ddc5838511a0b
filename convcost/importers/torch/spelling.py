"""PyTorch's ops in the vocabulary in which idioms are written."""

from __future__ import annotations

from typing import Any

from convcost.importers.lower import NUMBER, Spelled
from convcost.importers.model import Body, Op
from convcost.importers.torch.calls import Ref

_OF_TWO = {"add": "add", "sub": "sub", "mul": "mul", "div": "div", "true_divide": "div", "matmul": "matmul"}
_OF_ONE = ("sqrt", "rsqrt", "erf", "tanh", "sigmoid", "softplus", "relu", "relu6", "square")
_CLAMPS: dict[tuple[Any, ...], str] = {(0, 6): "relu6", (0, None): "relu", (None, 6): "below_6"}
_SAME = ("clone", "contiguous", "detach", "dropout")


def spell(op: Op, body: Body) -> Spelled | None:  # noqa: ARG001 - as idioms call it
    """An op as a word with what it reads; None if no idiom has it.

    >>> hardtanh = Op("aten.hardtanh", "y", ("x",), ("y",), {"self": Ref("x"), "min_val": 0, "max_val": 6})
    >>> spell(hardtanh, Body({}, (), (), {}))
    Spelled(word='relu6', inputs=('x',))
    >>> spell(Op("aten.add", "y", ("x",), ("y",), {"self": Ref("x"), "other": 3}), Body({}, (), (), {}))
    Spelled(word='add', inputs=('x', 'number 3'))
    """
    namespace, _, name = op.type.partition(".")
    name = name.removesuffix("_")
    first = op.attrs.get("self", op.attrs.get("input"))
    if namespace != "aten" or not isinstance(first, Ref) or op.attrs.get("alpha", 1) != 1:
        return None
    if name in _OF_TWO and "rounding_mode" not in op.attrs:
        other = _operand(op.attrs.get("other"))
        return Spelled(_OF_TWO[name], (first.name, other)) if other else None
    if name in _OF_ONE:
        return Spelled(name, (first.name,))
    if name in _SAME:
        return Spelled("same", (first.name,))
    return _with_settings(op, name, first.name)


def _with_settings(op: Op, name: str, first: str) -> Spelled | None:
    """Ops that are a word of the vocabulary with some attributes only."""
    words = {"hardtanh": ("min_val", "max_val"), "clamp": ("min", "max"), "clip": ("min", "max")}.get(name, ())
    if word := _CLAMPS.get(tuple(op.attrs.get(word) for word in words)):
        return Spelled(word, (first,))
    if name == "hardsigmoid":
        return Spelled("hard_sigmoid", (first,))
    if name == "pow":
        exponent = op.attrs.get("exponent")
        return Spelled("square", (first,)) if exponent == 2 else Spelled("pow", (first, _operand(exponent)))
    is_last = op.attrs.get("dim") in (-1, (-1,)) and op.attrs.get("keepdim")
    return Spelled("mean", (first,)) if name == "mean" and is_last else None


def _operand(given: Any) -> str:
    """The name of a tensor, also of one that is a number; empty if it is neither."""
    if isinstance(given, Ref):
        return given.name
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    return f"{NUMBER}{given}" if is_number else ""
