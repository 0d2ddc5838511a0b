"""Windows along one axis: as those of a map that is one row, between RESHAPEs.

A RESHAPE from a row and one back to it cancel: windows that follow each other stay in rows, but for a PAD, which is written
for the sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcost.core.dims import Dim, Shape, equal, first_given
from convcost.deploy.lowering.rules import Lowering, batched, refused, rule
from convcost.deploy.lowering.windows import padded
from convcost.graph.walk import Step

WINDOWS = ("conv1d", "max_pool1d", "avg_pool1d")


@rule("conv1d")
def conv1d(low: Lowering, step: Step) -> None:
    """CONV_2D or DEPTHWISE_CONV_2D with a kernel of one row."""
    attrs, node, channels = step.node.attrs, step.node, step.node.attrs["channels"]
    row, word = _row(low, step, attrs["kernel"], attrs["stride"], attrs["padding"], attrs["dilation"])
    before, groups = step.input_shapes[0][-1], attrs["groups"]
    options: dict[str, Any] = {
        "padding": word,
        "stride_h": 1,
        "stride_w": attrs["stride"][0],
        "dilation_h_factor": 1,
        "dilation_w_factor": attrs["dilation"][0],
    }
    depthwise = bool(equal(groups, before)) and bool(groups > 1)
    if depthwise:
        weights = low.weights(f"{node.name}.weights", (1, 1, *attrs["kernel"], channels), channels)
        options["depth_multiplier"] = channels // groups
    else:
        weights = low.weights(f"{node.name}.weights", (channels, 1, *attrs["kernel"], before // groups), channels)
    edge, folds = low.folded(node.name)
    bias = low.bias(f"{node.name}.bias", channels, zero=not (attrs["bias"] or folds))
    edge, activation = low.activated(edge)
    operator = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    out = (1, 1, *step.cost.out[0])
    made = low.emit(operator, step, (row, weights, bias), out, **options, fused_activation_function=activation)
    _back(low, step, made, edge)


@rule("max_pool1d", "avg_pool1d")
def pool1d(low: Lowering, step: Step) -> None:
    """MAX_POOL_2D or AVERAGE_POOL_2D with a window of one row."""
    attrs = step.node.attrs
    kernel, stride = attrs["kernel"], first_given(attrs["stride"], attrs["kernel"])
    if attrs["ceil_mode"] or bool(first_given(attrs.get("dilation"), (1,))[0] != 1):
        raise refused(step, "TFLite's pools have no gaps, and no windows that hang over")
    row, word = _row(low, step, kernel, stride, attrs["padding"], (1,))
    edge, activation = low.activated(step.node.name)
    made = low.emit(
        "MAX_POOL_2D" if step.node.op.startswith("max") else "AVERAGE_POOL_2D",
        step,
        (row,),
        (1, 1, *step.cost.out[0]),
        padding=word,
        stride_h=1,
        stride_w=stride[0],
        filter_height=1,
        filter_width=kernel[0],
        fused_activation_function=activation,
    )
    _back(low, step, made, edge)


def _row(
    low: Lowering,
    step: Step,
    kernel: Sequence[Dim],
    stride: Sequence[Dim],
    padding: Sequence[Any],
    apart: Sequence[Dim],
) -> tuple[int, str]:
    """What a window reads, as a map of one row, and its padding: zeros other than SAME's are written before."""
    x = low.read(step)
    if len(step.input_shapes[0]) != 2:
        raise refused(step, f"its windows slide over each of {len(step.input_shapes[0]) - 1} axes more")
    sequence, word = padded(low, step, x, kernel, stride, padding, apart)
    if sequence in low.rows:
        return low.rows[sequence], word
    shape: Shape = (1, 1, *low.shape(sequence)[1:])
    return low.emit("RESHAPE", step, (sequence, low.numbers(*shape)), shape), word


def _back(low: Lowering, step: Step, row: int, edge: str) -> None:
    """The sequence that a row is: only written where something else than windows reads it."""
    shape = batched(step.cost.out[0])
    if all(reader is not None and _reads_rows(reader) for reader in low.readers(edge)):
        sequence = low.unwritten(edge, shape)
    else:
        sequence = low.emit("RESHAPE", step, (row, low.numbers(*shape)), shape, edge=edge)
    low.rows[sequence] = row


def _reads_rows(step: Step) -> bool:
    """Whether a step is a window that needs no PAD; one with zeros of its own is taken to need it."""
    if step.node.op not in WINDOWS:
        return False
    return all(end in ("same", (0, 0)) for end in step.node.attrs["padding"])
