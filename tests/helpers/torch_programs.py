"""Small programs of PyTorch, as a reader would return them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcost.importers.imported import Imported
from convcost.importers.model import Body, Model, Op, Stated, Stored
from convcost.importers.torch.calls import Place, Ref, call
from convcost.importers.torch.inlining import inlined
from convcost.importers.torch.mutation import without_mutation
from convcost.importers.torch.owners import at_their_owners


def op(target: str, outputs: str, /, path: str = "", **arguments: Any) -> Op:
    """A call of `aten.conv2d.default` or the like that makes these tensors, with spaces between their names."""
    names = outputs.split()
    return call(f"torch.ops.{target}", names[0], arguments, names, Place(tuple(path.split(".")) if path else ()))


def refs(*names: str) -> tuple[Ref, ...]:
    return tuple(map(Ref, names))


def weight(name: str, *shape: int, dtype: str = "fp32") -> Stored:
    return Stored(name, shape, dtype, None, trainable=True)


def buffer(name: str, *shape: int, dtype: str = "fp32", contents: tuple[Any, ...] | None = None) -> Stored:
    return Stored(name, shape, dtype, contents, trainable=False)


def program(
    inputs: Mapping[str, Sequence[Any]],
    ops: Sequence[Op],
    tensors: Sequence[Stored] = (),
    outputs: Sequence[str] = (),
    stated: Mapping[str, Sequence[Any]] | None = None,
) -> Imported:
    """A program whose outputs are, if none is named, those of its last op; `stated` are shapes of what is computed."""
    ports = {name: Stated(tuple(shape), "fp32") for name, shape in inputs.items()}
    shapes = {name: Stated(tuple(shape), "fp32") for name, shape in (stated or {}).items()}
    body = Body(ports, tuple(outputs) or ops[-1].outputs, tuple(ops), {one.name: one for one in tensors}, shapes)
    return Imported(Model("torch", "net.pt2", "net", "", at_their_owners(without_mutation(inlined(body)))))
