"""An op that is lowered in several steps, each of which makes a value with a name of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from convcost.core.dims import Dim
from convcost.importers.build import along, combined, concatenated, cut, linear, matrix_product, taken
from convcost.importers.lower import Lowering
from convcost.importers.model import Op
from convcost.importers.values import Value


class Steps:
    """The steps of an op. Values are referred to by name, so that reshapes can be followed to other input sizes."""

    def __init__(self, low: Lowering, op: Op) -> None:
        self.low, self.whole = low, op
        self.count = 0

    def op(self, *inputs: str, outputs: int = 1) -> Op:
        """The next step, which reads these values."""
        parts = [self.low.part(self.whole, f"step {self.count + i}", inputs) for i in range(outputs)]
        self.count += outputs
        return replace(parts[0], outputs=tuple(one.outputs[0] for one in parts), attrs={})

    def value(self, name: str) -> Value:
        """A value by name."""
        return self.low.values[name]

    def name(self, value: Value) -> str:
        """A name for a value that has none yet."""
        op = self.op()
        self.low.values[op.outputs[0]] = value
        return op.outputs[0]

    def done(self, name: str, i: int = 0) -> None:
        """This is the i-th result of the whole op."""
        self.low.define(self.whole, self.value(name), i)

    def transposed(self, name: str, order: Sequence[int]) -> str:
        if list(order) == list(range(len(order))):
            return name
        op = self.op(name)
        self.low.transpose(op, self.value(name), order)
        return op.outputs[0]

    def relabelled(self, name: str, order: Sequence[int | None]) -> str:
        """Without some axes of size 1, or with others (None)."""
        op = self.op(name)
        self.low.relabel(op, self.value(name), order)
        return op.outputs[0]

    def reshaped(self, name: str, shape: Sequence[Dim]) -> str:
        op = self.op(name)
        self.low.reshape(op, self.value(name), tuple(shape))
        return op.outputs[0]

    def combined(self, function: str, *names: str) -> str:
        op = self.op(*names)
        combined(self.low, op, function, [self.value(name) for name in names])
        return op.outputs[0]

    def product(self, first: str, second: str, *, flip: bool = False) -> str:
        """The product of two matrices, the second transposed with `flip`."""
        op = self.op(first, second)
        matrix_product(self.low, op, self.value(first), self.value(second), flip_y=flip)
        return op.outputs[0]

    def linear(self, name: str, channels: Dim, weights: Value, bias: Value | None = None) -> str:
        op = self.op(name)
        linear(self.low, op, self.value(name), -1, channels, weights, bias)
        return op.outputs[0]

    def along(self, name: str, kind: str, axis: int) -> str:
        op = self.op(name)
        along(self.low, op, kind, self.value(name), axis)
        return op.outputs[0]

    def pointwise(self, name: str, kind: str, attrs: dict[str, Any] | None = None) -> str:
        op = self.op(name)
        self.low.pointwise(op, kind, self.value(name), attrs)
        return op.outputs[0]

    def cut(self, name: str, axis: int, sizes: Sequence[Dim]) -> tuple[str, ...]:
        op = self.op(name, outputs=len(sizes))
        cut(self.low, op, self.value(name), axis, sizes)
        return op.outputs

    def taken(self, name: str, axis: int, start: Dim, stop: Dim) -> str:
        op = self.op(name)
        taken(self.low, op, self.value(name), axis, start, stop)
        return op.outputs[0]

    def joined(self, names: Sequence[str], axis: int) -> str:
        op = self.op(*names)
        concatenated(self.low, op, [self.value(name) for name in names], axis)
        return op.outputs[0]
