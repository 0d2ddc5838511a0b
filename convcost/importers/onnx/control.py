"""Branches and loops whose conditions and counts are known before anything runs, and sequences of tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from convcost.core.errors import Unfit
from convcost.importers.branches import either, holds, uncounted
from convcost.importers.build import concatenated
from convcost.importers.contents import decided, scalar
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Body, Op, reads
from convcost.importers.onnx.sequences import any_value
from convcost.importers.onnx.steps import Steps
from convcost.importers.onnx.table import rule, whole, wholes
from convcost.importers.values import Value

MOST_TURNS = 10_000
"""Turns of a loop that are written out."""
MOST_OPS = 30_000
"""Ops of all its turns."""


def body_of(op: Op, name: str) -> Body:
    """A subgraph of an op."""
    body = op.attrs.get(name)
    if not isinstance(body, Body):
        raise Unfit(f"has no {name}")
    return body


def inside(low: Lowering, op: Op, body: Body, given: Mapping[str, Value]) -> list[Value]:
    """What the ops of a subgraph make, as ops of the graph around it."""
    low.inlined += len(body.ops)
    if low.inlined > MOST_OPS:
        raise Unfit(f"branches and loops that are written out may have {MOST_OPS:,} ops in all")
    around = low.body
    stated = {**around.stated, **body.stated}
    ops = tuple(replace(one, path=(*op.path, *one.path), name=one.name or op.name) for one in body.ops)
    low.values.update(given)
    low.body = replace(body, ops=ops, stated=stated)
    try:
        low.ops(low.body)
    finally:
        low.body = around
    results = [low.find(name) for name in body.outputs]
    if any(one is None for one in results):
        raise Unfit("a subgraph puts out what nothing makes")
    return [one for one in results if one is not None]


@rule("If")
def branch(low: Lowering, op: Op) -> None:
    taken = holds(low.read(op))
    first, second = (
        partial(inside, op=op, body=body_of(op, name), given={}) for name in ("then_branch", "else_branch")
    )
    if taken is None:
        results = either(low, op, op.inputs[0], (first, second), reads(op, low.tried.reads))
    else:
        results = (first if taken else second)(low)
    for i, value in enumerate(results):
        low.define(op, replace(value), i)


@rule("Loop")
def loop(low: Lowering, op: Op) -> None:
    body = body_of(op, "body")
    names = list(body.inputs)
    carried = [any_value(low, op, i) for i in range(2, len(op.inputs))]
    if len(names) < 2 + len(carried) or len(body.outputs) < 1 + len(carried):
        raise Unfit("its body takes other inputs than it is given")
    turns = turns_of(low, op, body)
    check_turns(turns, body)
    scanned: list[list[Value]] = [[] for _ in body.outputs[1 + len(carried) :]]
    for turn in range(turns):
        counter = Value((), "int64", contents=scalar(turn).elements, computed=True)
        going = Value((), "bool", contents=(True,), computed=True)
        given = dict(zip(names, [counter, going, *carried]))
        on, *results = inside(low, op, body, given)
        for parts, value in zip(scanned, results[len(carried) :]):
            parts.append(value)
        carried = results[: len(carried)]
        if turn == turns - 1:  # whether it would go on makes no difference
            break
        if on.contents is None:
            raise uncounted(low, on, partial(first_turn, op=op, body=body), reads(op, low.tried.reads))
        if not on.contents[0]:
            break
    for i, value in enumerate(carried):
        low.define(op, replace(value), i)
    stacked(low, op, scanned, len(carried), [0] * len(scanned))


def turns_of(low: Lowering, op: Op, body: Body) -> int:
    """The most turns that a loop takes; raises `Unsupported` if nobody knows."""
    turns, condition = low.optional(op, 0), low.optional(op, 1)
    goes = True if condition is None else holds(condition)
    if goes is False:
        return 0
    count = decided(turns.contents[0]) if turns is not None and turns.contents else None
    if goes is None or type(count) is not int:
        decides = condition if goes is None else turns
        raise uncounted(low, decides, partial(first_turn, op=op, body=body), reads(op, low.tried.reads))
    return count


def first_turn(low: Lowering, op: Op, body: Body) -> list[Value]:
    """What the body of a loop makes of the values that the loop begins with."""
    counter = Value((), "int64", computed=True)
    going = Value((), "bool", contents=(True,), computed=True)
    begun = [low.values[name] for name in op.inputs[2:]]
    return inside(low, op, body, dict(zip(body.inputs, [counter, going, *begun])))


def check_turns(turns: int, body: Body) -> None:
    """Refuse loops that would be written out at too great a length."""
    if not 0 <= turns <= MOST_TURNS or turns * len(body.ops) > MOST_OPS:
        raise Unsupported(f"{turns:,} turns of {len(body.ops):,} ops are more than convcost writes out")


def stacked(low: Lowering, op: Op, scanned: Sequence[Sequence[Value]], before: int, axes: Sequence[int]) -> None:
    """What the turns of a loop put out, one behind the other along a new axis."""
    steps = Steps(low, op)
    for i, (parts, axis) in enumerate(zip(scanned, axes)):
        if before + i >= len(op.outputs) or not op.outputs[before + i]:
            continue
        if not parts:
            raise Unsupported("a loop without turns")
        names = []
        for value in parts:
            if value.lost:
                raise Unsupported(value.lost)
            place = axis % (value.rank + 1)
            names.append(steps.relabelled(steps.name(value), [*range(place), None, *range(place, value.rank)]))
        together = steps.op(*names)
        values = [steps.value(name) for name in names]
        concatenated(low, together, values, axis % values[0].rank)
        steps.done(together.outputs[0], before + i)


@rule("Scan")
def scan(low: Lowering, op: Op) -> None:
    body = body_of(op, "body")
    number = whole(op, "num_scan_inputs")
    if op.inputs and not op.inputs[0]:
        raise Unsupported("batches of sequences, as before opset 9")
    values = [low.read(op, i) for i in range(len(op.inputs))]
    carried, sequences = values[: len(values) - number], values[len(values) - number :]
    names = list(body.inputs)
    if number < 1 or len(names) != len(values) or len(body.outputs) < len(carried):
        raise Unfit("its body takes other inputs than it is given")
    axes = wholes(op, "scan_input_axes", (0,) * number)
    outs = len(body.outputs) - len(carried)
    out_axes = wholes(op, "scan_output_axes", (0,) * outs)
    directions = wholes(op, "scan_input_directions", (0,) * number)
    if len(axes) != number or len(out_axes) != outs or len(directions) != number:
        raise Unfit("needs an axis and a direction for each sequence")
    turns = decided(sequences[0].shape[axes[0]])
    if type(turns) is not int:
        raise Unsupported("how many turns it takes depends on the size of an input")
    check_turns(turns, body)
    scanned: list[list[Value]] = [[] for _ in range(outs)]
    steps = Steps(low, op)
    for turn in range(turns):
        slices = [
            _element(steps, name, axis, turns - 1 - turn if backwards else turn)
            for name, axis, backwards in zip(op.inputs[len(carried) :], axes, directions)
        ]
        results = inside(low, op, body, dict(zip(names, [*carried, *slices])))
        carried = results[: len(carried)]
        for parts, value in zip(scanned, results[len(carried) :]):
            parts.append(value)
    for i, value in enumerate(carried):
        low.define(op, replace(value), i)
    stacked(low, op, scanned, len(carried), out_axes)


def _element(steps: Steps, name: str, axis: int, at: int) -> Value:
    """One element of an axis, which is left out."""
    value = steps.value(name)
    axis %= value.rank
    taken = steps.taken(name, axis, at, at + 1)
    return steps.value(steps.relabelled(taken, [one for one in range(value.rank) if one != axis]))
