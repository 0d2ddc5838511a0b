"""TFLite's operators that run other subgraphs, or keep tensors from one run to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from convcost.core.errors import Unfit
from convcost.importers.contents import Known
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Body, Op
from convcost.importers.tflite.rules import RULES, rule, stated_shape
from convcost.importers.values import is_one

MOST_OPS = 100_000
"""The most operators of subgraphs that are run in the place of others: bodies that run each other are many soon."""


def inlined(low: Lowering, op: Op, body: Body, inputs: tuple[str, ...]) -> None:
    """A subgraph in the place of an operator that runs it once, with these inputs."""
    if len(inputs) != len(body.inputs) or len(op.outputs) != len(body.outputs):
        raise Unfit(f"hands {len(inputs)} tensors to a subgraph that reads {len(body.inputs)}")
    low.inlined += len(body.ops)
    if low.inlined > MOST_OPS:
        raise Unfit(f"a model may run at most {MOST_OPS:,} operators of subgraphs")
    names = {name: f"{op.outputs[0] if op.outputs else op.name}/{name}" for name in _names(body)}
    low.values.update({names[inner]: low.values[outer] for inner, outer in zip(body.inputs, inputs)})
    outer, low.body = low.body, _renamed(body, names, op)
    low.ops(low.body)
    low.body = outer
    for i, name in enumerate(body.outputs):
        low.same(op, low.values[names[name]], i)


def _names(body: Body) -> set[str]:
    return {
        *body.inputs,
        *body.outputs,
        *body.tensors,
        *body.stated,
        *(name for op in body.ops for name in (*op.inputs, *op.outputs)),
    }


def _renamed(body: Body, names: Mapping[str, str], outer: Op) -> Body:
    """The body with other names of its tensors, inside the modules of what runs it."""
    names = {**names, "": ""}

    def renamed(op: Op) -> Op:
        inputs, outputs = (tuple(names[name] for name in given) for given in (op.inputs, op.outputs))
        return replace(op, inputs=inputs, outputs=outputs, path=op.path or outer.path)

    return Body(
        {names[name]: stated for name, stated in body.inputs.items()},
        tuple(names[name] for name in body.outputs),
        tuple(map(renamed, body.ops)),
        {names[name]: stored._replace(name=names[name]) for name, stored in body.tensors.items()},
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
    condition = low.read(op)
    if not condition.contents or type(condition.contents[0]) not in (bool, int):
        raise Unsupported("which branch is taken depends on what is computed")
    branch = "then_subgraph_index" if condition.contents[0] else "else_subgraph_index"
    inlined(low, op, op.attrs[branch], op.inputs[1:])


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
