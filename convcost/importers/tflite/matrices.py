"""TFLite's operators that multiply matrices or look up rows: fully connected layers, products, embeddings, recurrent layers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from convcost.core.dims import Dim, product
from convcost.core.errors import Unfit
from convcost.importers.build import combined, cut, linear, matrix_product, reduced
from convcost.importers.contents import same
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.tflite.rules import fusing, made, rule
from convcost.importers.values import Value, axis_in, is_one


def stored(low: Lowering, op: Op, i: int) -> Value | None:
    """An input that is weights; None if it is left out. Raises `Unsupported` if it is computed."""
    value = low.optional(op, i)
    if value is not None and not value.stored:
        raise Unsupported("weights that are computed")
    return value


def needed(low: Lowering, op: Op, i: int) -> Value:
    """An input that is weights, and must be there."""
    value = stored(low, op, i)
    if value is None:
        raise Unfit(f"{op.type} needs an input number {i + 1}")
    return value


@fusing("FULLY_CONNECTED", wants=-1)
def fully_connected(low: Lowering, op: Op) -> None:
    """Weights are stored as output, input channels; what is read is rows of the latter, however many axes it has."""
    x, weights, bias = low.read(op), low.read(op, 1), low.optional(op, 2)
    if weights.rank != 2:
        raise Unfit(f"needs a matrix of weights, got {weights.rank} axes")
    channels, inner = weights.shape
    if not op.attrs.get("keep_num_dims") and not (x.rank == 2 and _equal(x.shape[1], inner)):
        flat = low.part(op, "rows")
        low.reshape(flat, x, (_rows(x, inner), inner))
        x = made(low, flat)
    if not weights.stored:
        matrix_product(low, op, x, weights, flip_y=True)
        if bias is not None:
            combined(low, op, "add", [made(low, op), bias])
        return
    linear(low, op, x, -1, channels, weights, bias)


def _rows(x: Value, inner: Dim) -> Dim:
    """How many rows of so many elements there are: the batch, unless the channels are other ones."""
    last = axis_in(-1, x.rank)
    if _equal(product(x.shape[1:]), inner):
        return x.shape[0]
    if _equal(x.shape[last], inner):
        return product(x.shape[:last])
    return product(x.shape) // inner


def _equal(a: Any, b: Any) -> bool:
    return same(a, b) is True


@rule("BATCH_MATMUL", wants=-1)
def batch_matmul(low: Lowering, op: Op) -> None:
    flips = {"flip_x": bool(op.attrs.get("adj_x")), "flip_y": bool(op.attrs.get("adj_y"))}
    matrix_product(low, op, low.read(op), low.read(op, 1), **flips)


def looked_up(low: Lowering, op: Op, indices: Value, table: Value) -> None:
    """A row of a stored table for each index."""
    edge, order = low.any(indices)
    rows, channels = table.shape
    step = low.emit(op, "embedding", [edge], {"rows": rows, "channels": channels}, {"weights": (table,)})
    low.result(op, step, (*(order or (None,)), indices.rank), indices.rank + 1)


@rule("EMBEDDING_LOOKUP")
def embedding_lookup(low: Lowering, op: Op) -> None:
    indices, table = low.read(op), low.read(op, 1)
    if not table.stored or table.rank != 2 or indices.is_constant:
        raise Unsupported("a table that is computed, or has more than rows of channels")
    looked_up(low, op, indices, table)


# -- recurrent layers --------------------------------------------------------------------------------------------------


def steps_of(x: Value, *, time_major: bool) -> list[int | None]:
    """The axes of a sequence: the batch if it is more than one, time, channels."""
    if x.rank != 3:
        raise Unfit(f"needs batch, time and channels, got {x.rank} axes")
    time = 0 if time_major else 1
    batch = 1 - time
    alone = is_one(x.shape[batch]) or (x.tensor is not None and x.axes[batch] is None)
    return [*([] if alone else [batch]), time, 2]


def recurrent(
    low: Lowering, op: Op, kind: str, order: list[int | None], weights: list[Value], biases: list[Value], **attrs: Any
) -> Value:
    """A recurrent layer whose width its biases tell: as many as gates and directions, each with one for every channel."""
    gates = {"lstm": 4, "rnn": 1}[kind] * (1 + attrs.get("bidirectional", False))
    width = sum(product(one.shape) for one in biases) // gates
    x = low.read(op)
    step = low.emit(
        op,
        kind,
        [low.present(x, order)],
        {"channels": width, "biases": 1, **attrs},
        {"weights": tuple(weights), "biases": tuple(biases)},
    )
    return low.result(op, step, order, x.rank)


def gates_of(low: Lowering, op: Op, first: int) -> tuple[list[Value], list[Value]]:
    """The weights and biases of an LSTM whose inputs start at this one; raises `Unsupported` for what changes its cost."""
    if op.attrs.get("diagonal_recurrent_tensors"):
        raise Unsupported("an LSTM whose states each go into their own gates alone")
    if low.optional(op, first) is None or low.optional(op, first + 4) is None:
        raise Unsupported("an LSTM whose input gate is coupled to its forget gate")
    if any(low.optional(op, first + i) is not None for i in (8, 9, 10)):
        raise Unsupported("an LSTM with peepholes")
    if low.optional(op, first + 15) is not None:
        raise Unsupported("an LSTM with a projection")
    return [needed(low, op, first + i) for i in range(8)], [needed(low, op, first + i) for i in range(11, 15)]


@rule("UNIDIRECTIONAL_SEQUENCE_LSTM", wants=-1)
def sequence_lstm(low: Lowering, op: Op) -> None:
    if any(low.optional(op, i) is not None for i in range(20, 24)):
        raise Unsupported("an LSTM that normalises its gates")
    order = steps_of(low.read(op), time_major=op.attrs["time_major"])
    recurrent(low, op, "lstm", order, *gates_of(low, op, 1))


@rule("BIDIRECTIONAL_SEQUENCE_LSTM", wants=-1)
def bidirectional_lstm(low: Lowering, op: Op) -> None:
    if any(low.optional(op, i) is not None for i in range(39, len(op.inputs))):
        raise Unsupported("an LSTM with auxiliary inputs")
    order = steps_of(low.read(op), time_major=op.attrs["time_major"])
    (forward, first), (back, second) = gates_of(low, op, 1), gates_of(low, op, 18)
    value = recurrent(low, op, "lstm", order, [*forward, *back], [*first, *second], bidirectional=True)
    parted(low, op, value)


def parted(low: Lowering, op: Op, value: Value) -> None:
    """The two directions of a layer, each a tensor of its own unless they are merged."""
    if not op.attrs["merge_outputs"]:
        cut(low, op, value, -1, [value.shape[-1] // 2] * 2)


@rule("LSTM", wants=-1)
def lstm(low: Lowering, op: Op) -> None:
    """One step: with all weights in one matrix (basic), or as the sequence layers have them."""
    x = low.read(op)
    order: list[int | None] = [None, axis_in(-1, x.rank)]
    gates = gates_of(low, op, 1) if op.attrs["kernel_type"] == "FULL" else ([needed(low, op, 2)], [needed(low, op, 3)])
    value = recurrent(low, op, "lstm", order, *gates)
    low.same(op, value, 1)  # the state of the cells, which has this shape as well


@rule("UNIDIRECTIONAL_SEQUENCE_RNN", wants=-1)
def sequence_rnn(low: Lowering, op: Op) -> None:
    order = steps_of(low.read(op), time_major=op.attrs["time_major"])
    recurrent(low, op, "rnn", order, [needed(low, op, i) for i in (1, 2)], [needed(low, op, 3)])


@rule("BIDIRECTIONAL_SEQUENCE_RNN", wants=-1)
def bidirectional_rnn(low: Lowering, op: Op) -> None:
    if any(low.optional(op, i) is not None for i in range(9, len(op.inputs))):
        raise Unsupported("a recurrent layer with auxiliary inputs")
    order = steps_of(low.read(op), time_major=op.attrs["time_major"])
    weights, biases = [needed(low, op, i) for i in (1, 2, 5, 6)], [needed(low, op, i) for i in (3, 7)]
    parted(low, op, recurrent(low, op, "rnn", order, weights, biases, bidirectional=True))


@rule("RNN", wants=-1)
def rnn(low: Lowering, op: Op) -> None:
    x = low.read(op)
    weights = [needed(low, op, i) for i in (1, 2)]
    recurrent(low, op, "rnn", [None, axis_in(-1, x.rank)], weights, [needed(low, op, 3)])


@fusing("SVDF", wants=-1)
def svdf(low: Lowering, op: Op) -> None:
    """A matrix that is nearly a sum of `rank` products: of a vector over the channels, and one over the steps that are kept.

    Each step is projected on all vectors over channels; of the projections of the last steps, which are kept from one run
    to the next, each channel is then filtered by its own vector over time; the filters of a unit are summed.
    """
    x, feature, time = low.read(op), needed(low, op, 1), needed(low, op, 2)
    if time.rank != 2:
        raise Unfit(f"needs a matrix of filters over time, got {time.rank} axes")
    filters, memory = time.shape
    rank = op.attrs["rank"]
    if rank < 1 or filters % rank or feature.rank != 2 or feature.shape[0] != filters:
        raise Unfit(f"has {filters} filters of rank {rank}")
    projected = linear(low, low.part(op, "features"), x, -1, filters, feature)
    edge = low.present(projected, [None, projected.rank - 1])
    if memory > 1:
        kept = low.emit(
            replace(op, name=f"{op.name}_state"), "source", [], {"shape": [memory - 1, filters], "stored": False}
        )
        edge = low.emit(op, "concat", [kept.node.name, edge], {"axis": 0}).node.name
    attrs = {"channels": filters, "kernel": memory, "groups": filters, "bias": False}
    filtered = low.part(op, "filters")
    value = low.result(filtered, low.emit(op, "conv1d", [edge], attrs, {"weights": (time,)}), [0, 1], 2)
    if rank > 1:
        parts = low.part(op, "ranks", filtered.outputs)
        low.reshape(parts, value, (1, filters // rank, rank))
        reduced(low, op, made(low, parts), [2], "sum", keep=False)
        value = made(low, op)
    bias = low.optional(op, 3)
    if bias is not None:
        combined(low, op, "add", [value, bias])
    else:
        low.same(op, value)
