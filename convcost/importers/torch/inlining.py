"""Ops that only run a program inside the program, as the ops of that program.

torch.export puts what is run without gradients, under autocast, or again in the backward pass into a program of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from convcost.importers.model import Body, Op, Stated
from convcost.importers.torch.calls import Ref, refs

WRAPPERS = frozenset(
    f"higher_order.{name}"
    for name in (
        *("wrap_with_set_grad_enabled", "wrap_with_autocast", "wrap", "wrap_activation_checkpoint", "invoke_subgraph"),
        *("tag_activation_checkpoint", "hints_wrapper"),
    )
)


def inlined(body: Body) -> Body:
    """The body with the programs that it only runs in the place where it runs them.

    >>> inner = Body({"y": Stated((8,))}, ("relu",), (Op("aten.relu", "relu", ("y",), ("relu",), {"self": Ref("y")}),), {})
    >>> run = {"0": False, "1": inner, "2": Ref("x")}
    >>> outer = Op("higher_order.wrap_with_set_grad_enabled", "wrap", ("x",), ("getitem",), run)
    >>> [(op.name, op.inputs, op.outputs) for op in inlined(Body({"x": Stated((8,))}, ("getitem",), (outer,), {})).ops]
    [('wrap.relu', ('x',), ('getitem',))]
    """
    if not any(op.type in WRAPPERS for op in body.ops):
        return body
    stated = dict(body.stated)
    same: dict[str, str] = {}
    ops = tuple(_renamed(new, same) for op in body.ops for new in _opened(op, stated, same))
    return replace(body, ops=ops, outputs=tuple(same.get(name, name) for name in body.outputs), stated=stated)


def _opened(op: Op, stated: dict[str, Stated], same: dict[str, str]) -> Iterator[Op]:
    """An op, or the ops that it runs; `same` is what its results are called where they are a tensor that it was given."""
    given = list(op.attrs.values())
    at = next((at for at, value in enumerate(given) if isinstance(value, Body)), None)
    if op.type not in WRAPPERS or at is None:
        yield op
        return
    inner = inlined(given[at])
    passed = [value for value in given[at + 1 :] if not isinstance(value, str)]
    if len(passed) != len(inner.inputs) or len(inner.outputs) != len(op.outputs):
        yield op  # a way of calling that is not known: it stays what it is, an op without a meaning
        return
    names = {name: f"{op.name}.{name}" for each in inner.ops for name in each.outputs if name}
    names |= {name: value.name for name, value in zip(inner.inputs, passed) if isinstance(value, Ref)}
    for inside, outside in zip(inner.outputs, op.outputs):
        if inside in inner.inputs or names[inside] in op.outputs:
            same[outside] = names[inside]
        else:
            names[inside] = outside
    stated |= {names[name]: each for name, each in inner.stated.items() if name in names and name not in inner.inputs}
    for each in inner.ops:
        outputs = tuple(names.get(name, "") for name in each.outputs)
        yield replace(_renamed(each, names), name=f"{op.name}.{each.name}", outputs=outputs, path=each.path or op.path)


def _renamed(op: Op, names: Mapping[str, str]) -> Op:
    """The op, reading tensors by other names."""
    if not any(name in names for name in op.inputs):
        return op
    attrs = {word: renamed(value, names) for word, value in op.attrs.items()}
    return replace(op, inputs=tuple(names.get(name, name) for name in op.inputs), attrs=attrs)


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """An argument with other names in it.

    >>> renamed((Ref("x"), 2), {"x": "y"})
    (Ref(name='y'), 2)
    """
    if isinstance(value, Ref):
        return Ref(names.get(value.name, value.name))
    if isinstance(value, tuple) and any(True for _ in refs(value)):
        return tuple(renamed(item, names) for item in value)
    return value
