"""Matrix products, and what stands with them: linear layers, softmax, means."""

from __future__ import annotations

from typing import Any

from convcost.core.axes import position
from convcost.core.dims import Dim
from convcost.deploy.lowering.rules import Lowering, batched, refused, rule
from convcost.deploy.program import ABSENT
from convcost.graph.walk import Step


@rule("linear")
def linear(low: Lowering, step: Step) -> None:
    """FULLY_CONNECTED; without a bias it has none.

    Its weights have one scale. Newer converters give them one per channel, unless it is told
    `_experimental_disable_per_channel_quantization_for_dense_layers`, as files for microcontrollers are made: their runtime
    refused several scales at first (tflite-micro #2602), and takes memory for each of them since (#2673).
    """
    node, attrs, x = step.node, step.node.attrs, low.read(step)
    channels, before, out = attrs["channels"], low.shape(x), batched(step.cost.out[0])
    weights = low.weights(f"{node.name}.weights", (channels, before[-1]), 1)
    edge, folds = low.folded(node.name)
    bias = low.bias(f"{node.name}.bias", channels, zero=False, scales=1) if attrs["bias"] or folds else ABSENT
    keeps = len(out) > 2

    def product(edge: str, word: str) -> int:
        options: dict[str, Any] = {"fused_activation_function": word, "keep_num_dims": keeps}
        if not keeps or len(before) == len(out):
            return low.emit("FULLY_CONNECTED", step, (x, weights, bias), out, edge=edge, **options)
        # What was left out before it, where positions had other axes, stands behind it.
        made = low.emit("FULLY_CONNECTED", step, (x, weights, bias), (*before[:-1], channels), **options)
        return low.emit("RESHAPE", step, (made, low.numbers(*out)), out, edge=edge)

    low.finished(edge, product)


@rule("softmax")
def softmax(low: Lowering, step: Step) -> None:
    """SOFTMAX, which is over the last axis only."""
    x = low.read(step)
    rank = len(step.input_shapes[0])
    if position(rank, step.node.attrs["axis"]) != rank - 1:
        raise refused(step, "TFLite's softmax is over the last axis, and this one is not")
    low.emit("SOFTMAX", step, (x,), low.shape(x), edge=step.node.name)


@rule("global_avg_pool")
def global_avg_pool(low: Lowering, step: Step) -> None:
    """MEAN over the spatial axes; it leaves them out at once where a flatten follows."""
    mean(low, step, "MEAN", tuple(range(1, len(step.input_shapes[0]))))


@rule("global_max_pool")
def global_max_pool(low: Lowering, step: Step) -> None:
    """REDUCE_MAX over the spatial axes."""
    mean(low, step, "REDUCE_MAX", tuple(range(1, len(step.input_shapes[0]))))


def mean(low: Lowering, step: Step, kernel: str, axes: tuple[int, ...]) -> None:
    """A reduction over axes, the batch being the first."""
    x, edge, channels = low.read(step), step.node.name, low.shape(low.read(step))[-1]
    after = low.after(edge)
    flat = after is not None and after.node.op in ("flatten", "reshape") and len(after.cost.out[0]) == 1
    if after is not None and flat:
        low.done.add(after.node.name)
        edge = after.node.name
    shape: tuple[Dim, ...] = (1, channels) if flat else (1, *(1,) * len(axes), channels)
    listed = low.numbers(*axes, shape=() if len(axes) == 1 else None)
    low.emit(kernel, step, (x, listed), shape, edge=edge, keep_dims=not flat)


#: Word of `reduce` -> its kernel.
REDUCTIONS = {"mean": "MEAN", "sum": "SUM", "max": "REDUCE_MAX", "min": "REDUCE_MIN"}


@rule("reduce")
def reduce(low: Lowering, step: Step) -> None:
    """A reduction over any axes."""
    x, attrs, rank = low.read(step), step.node.attrs, len(step.input_shapes[0])
    if attrs["function"] not in REDUCTIONS:
        raise refused(step, f"{attrs['function']} over axes is not lowered to TFLite's kernels by convcost")
    axes = sorted({(position(rank, axis) or 0) + 1 for axis in attrs["axes"]})
    inputs = (x, low.numbers(*axes))
    out = batched(step.cost.out[0])
    low.emit(REDUCTIONS[attrs["function"]], step, inputs, out, edge=step.node.name, keep_dims=bool(attrs["keep"]))


@rule("matmul")
def matmul(low: Lowering, step: Step) -> None:
    """BATCH_MATMUL of two activations."""
    inputs = (low.read(step), low.read(step, 1))
    out = batched(step.cost.out[0])
    low.emit(
        "BATCH_MATMUL", step, inputs, out, edge=step.node.name, adj_x=False, adj_y=bool(step.node.attrs["transpose"])
    )


@rule("log_softmax")
def log_softmax(low: Lowering, step: Step) -> None:
    """LOG_SOFTMAX, which is over the last axis only."""
    x, rank = low.read(step), len(step.input_shapes[0])
    if position(rank, step.node.attrs["axis"]) != rank - 1:
        raise refused(step, "TFLite's softmax is over the last axis, and this one is not")
    low.emit("LOG_SOFTMAX", step, (x,), low.shape(x), edge=step.node.name)


@rule("embedding")
def embedding(low: Lowering, step: Step) -> None:
    """GATHER of rows of a stored table."""
    attrs, name = step.node.attrs, step.node.name
    table = low.factors(f"{name}.weights", (attrs["rows"], attrs["channels"]))
    low.emit("GATHER", step, (table, low.read(step)), batched(step.cost.out[0]), edge=name, axis=0, batch_dims=0)
