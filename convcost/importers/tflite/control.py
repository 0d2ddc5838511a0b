"""TFLite's operators that run other subgraphs, or keep tensors from one run to the next."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from convcost.core.errors import Unfit
from convcost.importers.bodies import run
from convcost.importers.branches import either, holds, uncounted
from convcost.importers.contents import Known
from convcost.importers.lower import Lowering
from convcost.importers.model import Body, Op
from convcost.importers.tflite.rules import RULES, rule, stated_shape
from convcost.importers.values import is_one


def inlined(low: Lowering, op: Op, body: Body, inputs: Sequence[str]) -> None:
    """A subgraph in the place of an operator that runs it once."""
    if len(op.outputs) != len(body.outputs):
        raise Unfit(f"takes {len(op.outputs)} tensors from a subgraph that makes {len(body.outputs)}")
    for i, value in enumerate(run(low, op, body, inputs)):
        low.same(op, value, i)


@rule("CALL")
def call(low: Lowering, op: Op) -> None:
    inlined(low, op, op.attrs["subgraph"], op.inputs)


@rule("STABLEHLO_COMPOSITE")
def composite(low: Lowering, op: Op) -> None:
    inlined(low, op, op.attrs["decomposition_subgraph_index"], op.inputs)


@rule("IF")
def if_(low: Lowering, op: Op) -> None:
    """The branch that is taken, if that is known before anything runs."""
    taken = holds(low.read(op))
    words = ("then_subgraph_index", "else_subgraph_index")
    if taken is not None:
        inlined(low, op, op.attrs[words[0] if taken else words[1]], op.inputs[1:])
        return
    branches = [partial(run, op=op, body=op.attrs[word], inputs=op.inputs[1:]) for word in words]
    for i, value in enumerate(either(low, op, op.inputs[0], branches, op.inputs)):
        low.same(op, value, i)


@rule("WHILE", "STABLEHLO_WHILE")
def while_(low: Lowering, op: Op) -> None:
    """Its body, as often as it runs, if that is known before anything runs: a step of a recurrent layer, as a rule."""
    names = list(op.inputs)
    while True:
        (condition,) = run(low, op, op.attrs["cond_subgraph_index"], names)
        turn = partial(run, op=op, body=op.attrs["body_subgraph_index"], inputs=names)
        taken = holds(condition)
        if taken is None:
            raise uncounted(low, condition, turn, names)
        if not taken:
            break
        values = turn(low)
        names = [f"{op.outputs[0]}/{low.inlined}/{i} made" for i in range(len(values))]
        low.values.update(zip(names, values))
    for i, name in enumerate(names[: len(op.outputs)]):
        low.same(op, low.values[name], i)


@rule("CALL_ONCE")
def call_once(low: Lowering, op: Op) -> None:
    """What runs once, before the first run, is no part of one."""


@rule("VAR_HANDLE")
def handle(low: Lowering, op: Op) -> None:
    low.computed(op, [], Known((1,), ()))


@rule("READ_VARIABLE")
def read_variable(low: Lowering, op: Op) -> None:
    """What an earlier run has kept."""
    shape = stated_shape(low, op)
    order = [axis for axis, size in enumerate(shape) if axis or len(shape) == 1 or not is_one(size)]
    attrs = {"shape": [shape[axis] for axis in order] or [1], "stored": False}
    low.result(op, low.emit(op, "source", [], attrs), order, len(shape))


RULES.effects.add("ASSIGN_VARIABLE")


@rule("ASSIGN_VARIABLE")
def assign_variable(low: Lowering, op: Op) -> None:
    """Keeps a tensor for the next run: nothing is computed."""
