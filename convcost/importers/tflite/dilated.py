"""Dilated convolutions, which converters write as three operators: blocks of the map moved into the batch, a convolution, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from convcost.importers.model import Body, Op

_CONVOLUTIONS: Final = ("CONV_2D", "DEPTHWISE_CONV_2D")


def dilated(body: Body) -> Body:
    """The body with each such group of three as one convolution, that has the dilation and the padding of the blocks."""
    makers = {name: op for op in body.ops for name in op.outputs}
    uses = Counter(name for op in body.ops for name in op.inputs) + Counter(body.outputs)
    placed: dict[int, Op] = {}
    gone: set[int] = set()
    for last in body.ops:
        if last.type == "BATCH_TO_SPACE_ND" and (found := _found(last, makers, uses, body)):
            first, conv, made = found
            gone.update((id(first), id(conv)))
            placed[id(last)] = made
    if not placed:
        return body
    return replace(body, ops=tuple(placed.get(id(op), op) for op in body.ops if id(op) not in gone))


def _found(last: Op, makers: Mapping[str, Op], uses: Counter[str], body: Body) -> tuple[Op, Op, Op] | None:
    """The two operators before one that moves blocks back, and the convolution that the three are."""
    conv = makers.get(next(iter(last.inputs), ""))
    first = makers.get(next(iter(conv.inputs), "")) if conv and conv.type in _CONVOLUTIONS else None
    if conv is None or first is None or first.type != "SPACE_TO_BATCH_ND":
        return None
    if uses[conv.outputs[0]] > 1 or uses[first.outputs[0]] > 1:
        return None
    (blocks, pads), (back, crops) = (_numbers(op, body) for op in (first, last))
    plain = conv.attrs["padding"] == "VALID" and conv.attrs["stride_h"] == conv.attrs["stride_w"] == 1
    undilated = conv.attrs["dilation_h_factor"] == conv.attrs["dilation_w_factor"] == 1
    if not plain or not undilated or blocks != back or len(blocks) != 2 or not len(pads) == len(crops) == 4:
        return None
    around = tuple(pad - crop for pad, crop in zip(pads, crops))
    if min(around) < 0 or min(blocks) < 1:
        return None
    attrs = {**conv.attrs, "padding": around, "dilation_h_factor": blocks[0], "dilation_w_factor": blocks[1]}
    inputs = (first.inputs[0], *conv.inputs[1:])
    return first, conv, replace(conv, inputs=inputs, outputs=last.outputs, attrs=attrs)


def _numbers(op: Op, body: Body) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The blocks, and what is added or taken away at the ends of both axes; none of both where they are computed."""
    found = [body.tensors[name].contents or () for name in op.inputs[1:3] if name in body.tensors]
    return (found[0], found[1]) if len(found) == 2 else ((), ())
