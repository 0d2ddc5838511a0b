"""The table of rules of ONNX, and how a rule reads what its op is given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from convcost.core.errors import Unfit
from convcost.importers.lower import Lowering, Rules
from convcost.importers.model import Op, Stored
from convcost.importers.values import Value

RULES = Rules(channels=1)
rule = RULES.rule
MICROSOFT = "com.microsoft."


def of_microsoft(*types: str) -> tuple[str, ...]:
    """Types of onnxruntime's own ops.

    >>> of_microsoft("BiasGelu")
    ('com.microsoft.BiasGelu',)
    """
    return tuple(MICROSOFT + name for name in types)


def whole(op: Op, name: str, default: int | None = None) -> int:
    """An attribute that is a whole number; raises `Unfit` if it is not, or is missing without a default.

    >>> whole(Op("Concat", "", (), (), {"axis": -1}), "axis")
    -1
    """
    value = op.attrs.get(name, default)
    if type(value) is not int:
        raise Unfit(f"{name} must be a whole number, got {_shown(value)}")
    return value


def wholes(op: Op, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
    """An attribute that is a list of whole numbers; raises `Unfit` if it is something else."""
    value = op.attrs.get(name, default)
    if not isinstance(value, tuple) or any(type(one) is not int for one in value):
        raise Unfit(f"{name} must be a list of whole numbers, got {_shown(value)}")
    return value


def number(op: Op, name: str, default: float) -> float:
    """An attribute that is a number."""
    value = op.attrs.get(name, default)
    if type(value) not in (int, float):
        raise Unfit(f"{name} must be a number, got {_shown(value)}")
    return float(value)


def word(op: Op, name: str, default: str) -> str:
    """An attribute that is a word."""
    value = op.attrs.get(name, default)
    if not isinstance(value, str):
        raise Unfit(f"{name} must be a word, got {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"tensor {value.name!r}" if isinstance(value, Stored) else repr(value)[:60]


def axes_of(low: Lowering, op: Op, position: int = 1) -> tuple[int, ...] | None:
    """Axes as an attribute or, since opset 13, as an input; None if left out."""
    if "axes" in op.attrs:
        return wholes(op, "axes")
    return whole_contents(low, op, position)


def whole_contents(low: Lowering, op: Op, position: int) -> tuple[int, ...] | None:
    """The elements of an input that must be known whole numbers; None if it is left out."""
    found = low.contents(op, position)
    if found is not None and any(type(one) is not int for one in found):
        raise Unfit(f"input {position + 1} must hold whole numbers")
    return found


def made(low: Lowering, op: Op) -> Value:
    """What an op has made."""
    return low.values[op.outputs[0]]


def handed_on(low: Lowering, op: Op, value: Value, dtype: str = "", i: int = 0) -> None:
    """An op that hands on what it reads, perhaps as another type."""
    low.define(op, replace(value, dtype=dtype or value.dtype), i)
