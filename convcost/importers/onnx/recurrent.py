"""Recurrent layers."""

from __future__ import annotations

from typing import Any

from convcost.core.errors import Unfit
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.onnx.steps import Steps
from convcost.importers.onnx.table import of_microsoft, rule, whole, word
from convcost.importers.values import Value, is_one

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1, "com.microsoft.DynamicQuantizeLSTM": 4}


@rule(*_GATES, wants=-1)
def recurrent(low: Lowering, op: Op) -> None:
    """A sequence of (steps, batch, channels) - or with `layout` (batch, steps, channels) -> states and the last of them."""
    x = low.read(op)
    weights, states, biases = low.read(op, 1), low.read(op, 2), low.optional(op, 3)
    if x.rank != 3 or weights.rank != 3 or states.rank != 3:
        raise Unfit("needs a sequence, and matrices for each direction")
    if not (weights.is_constant and states.is_constant and (biases is None or biases.is_constant)):
        raise Unsupported("weights that are computed from data")
    if low.optional(op, 7) is not None:
        raise Unsupported("peepholes")
    for i in range(8, 12):
        scale = low.optional(op, i)
        low.accounts.set_aside(scale.stored if scale is not None else ())
    quantised = op.type == of_microsoft("DynamicQuantizeLSTM")[0]
    hidden = states.shape[1] if quantised else states.shape[2]
    both = word(op, "direction", "forward") == "bidirectional"
    last = not _is_read(low, op, 0)
    attrs: dict[str, Any] = {
        "channels": hidden,
        "bidirectional": both,
        "biases": 2 if biases is not None else 0,
        "last": last,
    }
    used: dict[str, tuple[Value, ...]] = {"weights": (weights, states)}
    used |= {"biases": (biases,)} if biases is not None else {}
    kind = "lstm" if quantised else op.type.lower()
    first = bool(whole(op, "layout", 0))
    _states(low, op, x, kind, attrs, used, first)


def _is_read(low: Lowering, op: Op, i: int) -> bool:
    """Whether an output depends on the i-th result of an op."""
    return i < len(op.outputs) and op.outputs[i] in low.needed


def _states(
    low: Lowering, op: Op, x: Value, kind: str, attrs: dict[str, Any], used: dict[str, tuple[Value, ...]], first: bool
) -> None:
    """The node, and its states in the orders of axes that ONNX has: a direction stands before the batch."""
    batch, tokens = (0, 1) if first else (1, 0)
    hidden, ways = attrs["channels"], 2 if attrs["bidirectional"] else 1
    alone = is_one(x.shape[batch])
    order = (tokens, 2) if alone else (batch, tokens, 2)
    steps = Steps(low, op)
    source = steps.op(op.inputs[0])
    step = low.emit(source, kind, [low.present(x, order)], attrs, used)
    if attrs["last"]:
        low.result(source, step, [1] if alone else [0, 1], 2)
        ends = source.outputs[0]
    else:
        low.result(source, step, order, 3)
        made = source.outputs[0]
        shape = list(steps.value(made).shape)
        wide = (
            steps.reshaped(made, [*shape[:2], ways, hidden]) if ways == 2 else steps.relabelled(made, [0, 1, None, 2])
        )
        # (batch, tokens, ways, hidden) keeps its order with `layout`, else the ways stand before the batch
        steps.done(wide if first else steps.transposed(wide, (0, 2, 1, 3)), 0)
        if not any(_is_read(low, op, i) for i in range(1, len(op.outputs))):
            return
        size = x.shape[tokens]
        end = steps.taken(made, tokens, size - 1, size)
        ends = steps.relabelled(end, [batch, 2])
    rows = steps.value(ends).shape[0]
    split = steps.reshaped(ends, [rows, ways, hidden])
    ordered = split if first else steps.transposed(split, (1, 0, 2))
    for i in range(1, len(op.outputs)):
        steps.done(ordered, i)
