"""Small models of the format whose ops are the plainest, ONNX, written down as a reader would return them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcost.graph.walk import Step, Walk, Walked
from convcost.importers.imported import Imported
from convcost.importers.model import Body, Model, Op, Stated, Stored
from convcost.networks.network import Network
from convcost.networks.origin import FromSpec
from convcost.spec.foreign import foreign_spec
from convcost.spec.uses import defaults


def op(type_: str, inputs: str, output: str, /, name: str = "", path: str = "", **attrs: Any) -> Op:
    """An op that reads and makes the tensors of these names, with spaces between them (- for one that is left out)."""
    reads = tuple("" if one == "-" else one for one in inputs.split())
    return Op(type_, name, reads, tuple(output.split()), attrs, tuple(path.split(".")) if path else ())


def stored(name: str, *shape: int, dtype: str = "fp32") -> Stored:
    """A weight."""
    return Stored(name, shape, dtype)


def number(name: str, value: float) -> Stored:
    """A single stored number."""
    return Stored(name, (), "fp32", (value,))


def integers(name: str, *values: int) -> Stored:
    """A stored list of integers, such as a shape."""
    return Stored(name, (len(values),), "int64", values)


def model(
    inputs: Mapping[str, Sequence[Any]],
    ops: Sequence[Op],
    tensors: Sequence[Stored] = (),
    outputs: Sequence[str] = (),
    stated: Mapping[str, Stated] | None = None,
) -> Imported:
    """A model whose outputs are, if none is named, those of its last op."""
    ports = {name: Stated(tuple(shape), "fp32") for name, shape in inputs.items()}
    made = {one.name: one for one in tensors}
    body = Body(ports, tuple(outputs) or ops[-1].outputs, tuple(ops), made, stated or {})
    return Imported(Model("onnx", "net.onnx", "net", "", body))


def network(imported: Imported, **knobs: Any) -> Network:
    """The network of a model."""
    spec = foreign_spec(imported, "net.onnx")
    return Network(FromSpec(spec, spec.name, defaults(spec, None) | knobs))


def walked(imported: Imported, **knobs: Any) -> Walked:
    """The graph of a model, with every cost."""
    return network(imported, **knobs).walked


def steps(imported: Imported, **knobs: Any) -> list[Step]:
    """Its steps."""
    return [*walked(imported, **knobs).steps]


def kinds(imported: Imported, **knobs: Any) -> list[str]:
    """What kinds of nodes the model became."""
    return [step.node.op for step in steps(imported, **knobs)]


def outs(imported: Imported, **knobs: Any) -> list[tuple[int, ...]]:
    """The shapes that its nodes put out, channels last."""
    return [step.cost.out[0] for step in steps(imported, **knobs)]


def lowered(imported: Imported, **shapes: Any) -> Walk:
    """A walk through the model with inputs of these shapes, in any number system."""
    walk = Walk(shapes)
    imported.lower(walk, shapes)
    return walk
