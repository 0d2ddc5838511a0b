"""Bodies that know nothing of what is around them: what they read is handed to them, one tensor for each of their inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from convcost.core.errors import Unfit
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Body, Op
from convcost.importers.values import Value

MOST_OPS = 25_000
"""The most operators of subgraphs that are run in the place of others: loops, and bodies that run each other, are many soon."""
Rename: TypeAlias = "Callable[[Any, Mapping[str, str]], Any]"
"""An attribute of an op with other names of tensors in it."""


def untouched(value: Any, _names: Mapping[str, str]) -> Any:
    """An attribute in which no names are."""
    return value


def run(low: Lowering, op: Op, body: Body, inputs: Sequence[str], rename: Rename = untouched) -> list[Value]:
    """What a subgraph makes of these inputs, once, in the place of an operator that runs it.

    Its stored tensors are the same at each run; `rename` is about names in attributes. Raises `Unsupported` if there are
    too many runs.
    """
    if len(inputs) != len(body.inputs):
        raise Unfit(f"hands {len(inputs)} tensors to a subgraph that reads {len(body.inputs)}")
    low.inlined += 1 + len(body.ops)
    if low.inlined > MOST_OPS:
        raise Unsupported(f"it runs more than {MOST_OPS:,} operators of subgraphs")
    own = low.bodies.setdefault(id(body), len(low.bodies))
    prefix = f"{op.outputs[0] if op.outputs else op.name}/{low.inlined}/"
    names = {name: prefix + name for name in _names(body)}
    for inner, given in zip(body.inputs, inputs):
        low.values[names[inner]], low.reads[names[inner]] = low.values[given], (given,)
    outer, low.body = low.body, _renamed(body, names, f"subgraph {own}/", op, rename)
    try:
        low.ops(low.body)
    finally:
        low.body = outer
    return [low.values[names[name]] for name in body.outputs]


def _names(body: Body) -> set[str]:
    return {
        *body.inputs,
        *body.outputs,
        *body.tensors,
        *body.stated,
        *(name for op in body.ops for name in (*op.inputs, *op.outputs)),
    }


def _renamed(body: Body, names: Mapping[str, str], stored: str, outer: Op, rename: Rename) -> Body:
    """The body with other names of its tensors, inside the modules of what runs it; `stored` leads those of stored tensors."""
    names = {**names, "": ""}

    def renamed(op: Op) -> Op:
        inputs, outputs = (tuple(names[name] for name in given) for given in (op.inputs, op.outputs))
        attrs = {word: rename(value, names) for word, value in op.attrs.items()}
        return replace(op, inputs=inputs, outputs=outputs, attrs=attrs, path=op.path or outer.path)

    return Body(
        {names[name]: stated for name, stated in body.inputs.items()},
        tuple(names[name] for name in body.outputs),
        tuple(map(renamed, body.ops)),
        {names[name]: one._replace(name=stored + name) for name, one in body.tensors.items()},
        {names[name]: stated for name, stated in body.stated.items()},
    )
