"""A model as its file states it: ops in order, stored tensors without their bytes, and the shapes that the file states.

Nothing here gives an op a meaning; the table of rules of the format does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple, TypeAlias

Size: TypeAlias = int | str | None
"""A size of an axis; open sizes are a name, or None where the file gives them none."""
MOST_CONTENTS = 4096
"""Elements of the largest stored tensor whose contents are read: shapes, axes, bounds and factors, never weights."""

#: What malformed bytes, and attributes of unexpected types, end in.
MALFORMED = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    RecursionError,
    TypeError,
    UnicodeError,
    ValueError,
    ZeroDivisionError,
    struct.error,
)


class Stored(NamedTuple):
    """A stored tensor: a weight, or a constant."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """The name that reports use for the type of its elements; empty for texts and other things that are no numbers."""
    contents: tuple[Any, ...] | None = None
    """Its elements, the last axis fastest, if there are few enough that they may say something about shapes."""
    trainable: bool | None = None
    """Whether it is a parameter (True) or a buffer (False), if the format says so."""

    @property
    def elements(self) -> int:
        """The number of its elements.

        >>> Stored("w", (64, 3, 7, 7), "fp32").elements
        9408
        """
        return prod(self.shape)


class Stated(NamedTuple):
    """What a file states about a tensor that is computed."""

    shape: tuple[Size, ...] | None
    """In the file's own order of axes, the batch included; None if it states none."""
    dtype: str = ""
    """Empty if it states none."""


@dataclass(frozen=True, slots=True)
class Op:
    """An op of the file, with the names of the tensors that it reads and makes."""

    type: str
    """As the format calls it: Conv, CONV_2D, aten.conv2d."""
    name: str
    """The file's own name; empty if it has none."""
    inputs: tuple[str, ...]
    """Names of tensors; empty for an optional one that is left out."""
    outputs: tuple[str, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Plain numbers, texts, tuples of these, stored tensors, and bodies."""
    path: tuple[str, ...] = ()
    """The modules that contain it, outermost first, as the exporter kept them; empty if it did not."""
    layer: str = ""
    """Where the file does not store the weights themselves: whose they are. Ops of one layer use the same ones."""
    trainable: bool = True
    """Whether its weights are trained, where the file says so of the op and not of what it stores."""
    dtypes: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Role of a tensor, `outputs` or one of `STORED` -> its type, where the file says so of the op."""
    form: str = ""
    """How its author wrote it, one of `FORMS`, or `MODULE`; empty if the file does not say so."""


@dataclass(frozen=True, slots=True)
class Body:
    """Ops with what they read from outside and what they put out: a whole model, or a branch of one of its ops."""

    inputs: Mapping[str, Stated] = field(hash=False)
    """By name, in the file's order, without those that only carry weights."""
    outputs: tuple[str, ...]
    ops: tuple[Op, ...]
    """In an order in which each op follows those that make its inputs."""
    tensors: Mapping[str, Stored] = field(hash=False)
    stated: Mapping[str, Stated] = field(default_factory=dict, hash=False)
    """What the file states about tensors that are computed."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model file that was read."""

    format: str
    """onnx, tflite, keras, torch or ncnn: whose table of rules its ops are written in."""
    file: str
    """The path as it was given."""
    name: str
    """The model's own name, or the file's."""
    producer: str
    """What wrote it, with version and opset where the file says so: one line for people."""
    body: Body
    notes: tuple[str, ...] = ()
    """What the reader noticed that people should know."""
    alone: bool = True
    """Whether all of it stands in this file: no file beside it was read."""


def reads(op: Op, known: dict[int, tuple[str, ...]] | None = None) -> Iterator[str]:
    """The names that an op reads, those that its subgraphs read from outside included; `known` is kept from call to call."""
    known = {} if known is None else known
    yield from filter(None, op.inputs)
    for body in bodies(op):
        if id(body) not in known:  # many ops may have one body, which is looked through once
            made = {*body.inputs, *body.tensors, *(name for inner in body.ops for name in inner.outputs)}
            inner = (name for one in body.ops for name in reads(one, known))
            read = (name for name in (*inner, *body.outputs) if name and name not in made)
            known[id(body)] = tuple(dict.fromkeys(read))
        yield from known[id(body)]


def stored_within(body: Body) -> Iterator[Stored]:
    """The stored tensors of a body and of all subgraphs in it, each of which may stand in many ops."""
    left, seen = [body], {id(body)}
    while left:
        one = left.pop()
        yield from one.tensors.values()
        for op in one.ops:
            new = [inner for inner in bodies(op) if id(inner) not in seen]
            seen.update(map(id, new))
            left += new


def bodies(op: Op) -> Iterator[Body]:
    """The subgraphs of an op."""
    for value in op.attrs.values():
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Body):
                yield one
