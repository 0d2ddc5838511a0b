"""TFLite's operators that run other subgraphs, or keep tensors from one run to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from convcost.core.errors import Unfit
from convcost.importers.contents import Known
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Body, Op
from convcost.importers.tflite.rules import RULES, rule, stated_shape
from convcost.importers.values import Value, is_one

MOST_OPS = 25_000
"""The most operators of subgraphs that are run in the place of others: loops, and bodies that run each other, are many soon."""


def run(low: Lowering, op: Op, body: Body, inputs: Sequence[str]) -> list[Value]:
    """What a subgraph makes of these inputs, once, in the place of an operator that runs it.

    Its stored tensors are the same at each run; raises `Unsupported` if there are too many runs.
    """
    if len(inputs) != len(body.inputs):
        raise Unfit(f"hands {len(inputs)} tensors to a subgraph that reads {len(body.inputs)}")
    low.inlined += 1 + len(body.ops)
    if low.inlined > MOST_OPS:
        raise Unsupported(f"it runs more than {MOST_OPS:,} operators of subgraphs")
    own = low.bodies.setdefault(id(body), len(low.bodies))
    prefix = f"{op.outputs[0] if op.outputs else op.name}/{low.inlined}/"
    names = {name: prefix + name for name in _names(body)}
    low.values.update({names[inner]: low.values[outer] for inner, outer in zip(body.inputs, inputs)})
    outer, low.body = low.body, _renamed(body, names, f"subgraph {own}/", op)
    try:
        low.ops(low.body)
    finally:
        low.body = outer
    return [low.values[names[name]] for name in body.outputs]


def inlined(low: Lowering, op: Op, body: Body, inputs: Sequence[str]) -> None:
    """A subgraph in the place of an operator that runs it once."""
    if len(op.outputs) != len(body.outputs):
        raise Unfit(f"takes {len(op.outputs)} tensors from a subgraph that makes {len(body.outputs)}")
    for i, value in enumerate(run(low, op, body, inputs)):
        low.same(op, value, i)


def _names(body: Body) -> set[str]:
    return {
        *body.inputs,
        *body.outputs,
        *body.tensors,
        *body.stated,
        *(name for op in body.ops for name in (*op.inputs, *op.outputs)),
    }


def _renamed(body: Body, names: Mapping[str, str], stored: str, outer: Op) -> Body:
    """The body with other names of its tensors, inside the modules of what runs it; `stored` leads those of stored tensors."""
    names = {**names, "": ""}

    def renamed(op: Op) -> Op:
        inputs, outputs = (tuple(names[name] for name in given) for given in (op.inputs, op.outputs))
        return replace(op, inputs=inputs, outputs=outputs, path=op.path or outer.path)

    return Body(
        {names[name]: stated for name, stated in body.inputs.items()},
        tuple(names[name] for name in body.outputs),
        tuple(map(renamed, body.ops)),
        {names[name]: one._replace(name=stored + name) for name, one in body.tensors.items()},
        {names[name]: stated for name, stated in body.stated.items()},
    )


@rule("CALL")
def call(low: Lowering, op: Op) -> None:
    inlined(low, op, op.attrs["subgraph"], op.inputs)


@rule("STABLEHLO_COMPOSITE")
def composite(low: Lowering, op: Op) -> None:
    inlined(low, op, op.attrs["decomposition_subgraph_index"], op.inputs)


@rule("IF")
def if_(low: Lowering, op: Op) -> None:
    """The branch that is taken, if that is known before anything runs."""
    taken = _holds(low.read(op))
    if taken is None:
        raise Unsupported("which branch is taken depends on what is computed")
    inlined(low, op, op.attrs["then_subgraph_index" if taken else "else_subgraph_index"], op.inputs[1:])


def _holds(condition: Value) -> bool | None:
    """Whether a condition holds; None if that is not known before anything runs."""
    elements = condition.contents or ()
    return bool(elements[0]) if len(elements) == 1 and type(elements[0]) in (bool, int) else None


@rule("WHILE", "STABLEHLO_WHILE")
def while_(low: Lowering, op: Op) -> None:
    """Its body, as often as it runs, if that is known before anything runs: a step of a recurrent layer, as a rule."""
    names = list(op.inputs)
    while True:
        (holds,) = run(low, op, op.attrs["cond_subgraph_index"], names)
        taken = _holds(holds)
        if taken is None:
            raise Unsupported("how often it runs depends on what is computed")
        if not taken:
            break
        values = run(low, op, op.attrs["body_subgraph_index"], names)
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
