"""Sequences of tensors, whose number is known before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from convcost.core.errors import Unfit
from convcost.importers.build import concatenated, cut, unsqueezed
from convcost.importers.contents import scalar
from convcost.importers.lower import Lost, Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.onnx.steps import Steps
from convcost.importers.onnx.table import rule, whole
from convcost.importers.values import Value, axis_in

MOST_TENSORS = 10_000
"""Tensors of the longest sequence."""


@dataclass(eq=False, slots=True)
class Several(Value):
    """A sequence; to an op that wants a tensor its shape is not known."""

    tensors: tuple[Value, ...] = ()


def several(*tensors: Value) -> Several:
    """A sequence of these tensors."""
    if len(tensors) > MOST_TENSORS:
        raise Unfit(f"a sequence may have at most {MOST_TENSORS:,} tensors")
    return Several((), lost="a sequence of tensors, not a tensor", tensors=tensors)


def any_value(low: Lowering, op: Op, i: int) -> Value:
    """What an op reads, be it a tensor or a sequence."""
    value = low.find(op.inputs[i]) if i < len(op.inputs) else None
    if isinstance(value, Several):
        return value
    return low.read(op, i)


def sequence(low: Lowering, op: Op) -> tuple[Value, ...]:
    """The tensors of a sequence that an op reads."""
    value = any_value(low, op, 0)
    if not isinstance(value, Several):
        raise Unfit("reads a tensor where it wants a sequence")
    return value.tensors


def place(low: Lowering, op: Op, i: int, default: int, most: int) -> int:
    """A place in a sequence, which an input may say, at most so far back."""
    given = low.contents(op, i)
    at = default if given is None else given[0] if given else None
    if type(at) is not int:
        raise Unsupported("its place in a sequence depends on data")
    at += most if at < 0 else 0
    if not 0 <= at <= most:
        raise Unfit(f"there is no place {at} in a sequence of {most}")
    return at


@rule("SequenceEmpty")
def empty(low: Lowering, op: Op) -> None:
    low.define(op, several())


@rule("SequenceConstruct")
def construct(low: Lowering, op: Op) -> None:
    low.define(op, several(*(low.read(op, i) for i in range(len(op.inputs)))))


@rule("SequenceInsert")
def insert(low: Lowering, op: Op) -> None:
    tensors, new = sequence(low, op), low.read(op, 1)
    at = place(low, op, 2, len(tensors), len(tensors))
    low.define(op, several(*tensors[:at], new, *tensors[at:]))


@rule("SequenceErase")
def erase(low: Lowering, op: Op) -> None:
    tensors = sequence(low, op)
    at = place(low, op, 1, len(tensors) - 1, len(tensors))
    low.define(op, several(*tensors[:at], *tensors[at + 1 :]))


@rule("SequenceAt")
def at_place(low: Lowering, op: Op) -> None:
    tensors = sequence(low, op)
    at = place(low, op, 1, 0, len(tensors))
    if at == len(tensors):
        raise Unfit(f"there is no place {at} in a sequence of {at}")
    low.define(op, replace(tensors[at]))


@rule("SequenceLength")
def length(low: Lowering, op: Op) -> None:
    low.constant(op, scalar(len(sequence(low, op))))
    low.values[op.outputs[0]].dtype = "int64"


@rule("SplitToSequence")
def split(low: Lowering, op: Op) -> None:
    x, given = low.read(op), low.contents(op, 1)
    axis = axis_in(whole(op, "axis", 0), x.rank)
    size = x.shape[axis]
    alone = given is None and not whole(op, "keepdims", 1)
    if given is not None and low.read(op, 1).rank:
        sizes = list(given)
    else:
        each = given[0] if given else 1
        if type(size) is not int or type(each) is not int or each < 1:
            raise Unsupported("into how many parts it splits depends on data")
        sizes = [min(each, size - at) for at in range(0, size, each)]
    if len(sizes) > MOST_TENSORS or any(type(one) is int and one < 1 for one in sizes):
        raise Unfit(f"splits {size} into {len(sizes)} parts")
    steps = Steps(low, op)
    parts = steps.op(op.inputs[0], outputs=len(sizes))
    cut(low, parts, x, axis, sizes)
    names = list(parts.outputs)
    if alone:
        names = [steps.relabelled(name, [at for at in range(x.rank) if at != axis]) for name in names]
    low.define(op, several(*map(steps.value, names)))


@rule("ConcatFromSequence")
def concat(low: Lowering, op: Op) -> None:
    tensors = list(sequence(low, op))
    axis = whole(op, "axis")
    if not tensors:
        raise Unfit("joins a sequence without tensors")
    if any(one.lost for one in tensors):
        raise Lost(next(one.lost for one in tensors if one.lost))
    steps = Steps(low, op)
    if whole(op, "new_axis", 0):
        for i, one in enumerate(tensors):
            lifted = steps.op(steps.name(one))
            unsqueezed(low, lifted, one, [axis])
            tensors[i] = steps.value(lifted.outputs[0])
    concatenated(low, op, tensors, axis_in(axis, tensors[0].rank))
