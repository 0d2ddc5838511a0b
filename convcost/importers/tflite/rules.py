"""The table of rules of TFLite, and how one is entered: with or without an activation that is fused into the operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, Final

from convcost.core.dims import Shape
from convcost.importers import fixed
from convcost.importers.lower import Lowering, Rule, Rules, Unsupported, Wants
from convcost.importers.model import Op
from convcost.importers.tflite.names import Place, activation
from convcost.importers.tflite.spelling import spell
from convcost.importers.values import Value, axis_in

RULES: Final = Rules(channels=-1)
RULES.spell = spell
rule = RULES.rule

#: Activation -> the op of convcost and its attributes.
ACTIVATIONS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "RELU": ("relu", {}),
    "RELU6": ("relu6", {}),
    "RELU_N1_TO_1": ("function", {"of": "hard_tanh"}),
    "RELU_0_TO_1": ("function", {"of": "clip"}),
    "SIGN_BIT": ("function", {"of": "sign"}),
    "TANH": ("tanh", {}),
    "LOGISTIC": ("sigmoid", {}),
    "HARD_SWISH": ("hard_swish", {}),
    "LEAKY_RELU": ("leaky_relu", {}),
    "ELU": ("elu", {}),
    "GELU": ("gelu", {}),
}


def fusing(*types: str, wants: Wants = None) -> Callable[[Rule], Rule]:
    """Enter a function as the rule of operators into which an activation may be fused: that becomes a node of its own."""

    def enter(function: Rule) -> Rule:
        @wraps(function)
        def both(low: Lowering, op: Op) -> None:
            function(low, op)
            kind = op.attrs.get("fused_activation_function", "NONE")
            if kind != "NONE":
                activated(low, op, kind)

        rule(*types, wants=wants)(both)
        return function

    return enter


def activated(low: Lowering, op: Op, kind: str) -> None:
    """An activation of what an operator makes, under its own name if the converter kept it."""
    word, attrs = ACTIVATIONS[kind]
    at = activation(kind, op.outputs[0], Place(op.path, f"{op.name}_{word}"))
    low.pointwise(replace(op, type=kind, name=at.name, path=at.path), word, low.values[op.outputs[0]], attrs)


def made(low: Lowering, op: Op) -> Value:
    """What an operator makes, as far as its rule has come."""
    return low.values[op.outputs[0]]


def numbers(low: Lowering, op: Op, i: int) -> tuple[Any, ...]:
    """The elements of an input on which a shape depends; raises `Unsupported` if they are not known."""
    found = low.contents(op, i)
    if found is None:
        raise Unsupported(f"input {i + 1}, on which its shape depends, is computed")
    return tuple(found)


def axes_of(low: Lowering, op: Op, i: int, rank: int) -> tuple[int, ...]:
    """Axes that an input lists, counted from the first; raises `Unfit` for one that a tensor of this rank does not have."""
    return tuple(axis_in(axis, rank) for axis in numbers(low, op, i))


def stated_shape(low: Lowering, op: Op, i: int = 0) -> tuple[int, ...]:
    """The shape that the file states for what an operator makes, an open batch as 1; raises `Unsupported` for other open sizes."""
    stated = low.body.stated.get(op.outputs[i])
    shape = stated.shape if stated else None
    if shape is None:
        raise Unsupported("the file does not state its shape")
    known = tuple(1 if at == 0 and size is None else size for at, size in enumerate(shape))
    if not all(isinstance(size, int) for size in known):
        raise Unsupported("its shape depends on what is computed")
    return tuple(size for size in known if isinstance(size, int))


def followed(low: Lowering, op: Op, i: int, axes: Sequence[int], at: int, sizes: Sequence[Any]) -> Shape:
    """Sizes of axes of what an operator makes, that the file fixes in its input `at`, where the sizes of its input `i` vary.

    They are those of other tensors, or keep their ratio to these; raises `Unfit` where that is none of whole numbers.
    """
    x = low.read(op, i)
    written = dict(zip(axes, fixed.literal(low, op.inputs[at], sizes), strict=True))
    here = fixed.sizes_here(low, op.inputs[i], x, written, scales=True)
    return tuple(here.get(axis, size) for axis, size in zip(axes, sizes))
