"""ONNX files as models: graph, ops with attributes and subgraphs, stored tensors, stated shapes, local functions.

Weights are not read, and files beside this one, which may hold them, need not be there. Constants count as stored tensors; so do inputs
that only carry weights. Ops of the standard's own domain are called by their type, those of others `domain.type`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from convcost.core.errors import SpecError
from convcost.importers.forms import holders
from convcost.importers.model import MOST_CONTENTS, Body, Model, Op, Size, Stated, Stored
from convcost.importers.names import free
from convcost.importers.onnx.order import in_order, shown
from convcost.importers.onnx.paths import module_path, written
from convcost.importers.onnx.tensors import DTYPES, sparse, stored
from convcost.importers.onnx.types import complete
from convcost.importers.onnx.weights import split_inputs
from convcost.importers.onnx.wire import Message, Wire, malformed, mapped

MOST_OPS = 100_000
"""Ops of one model, with those of its subgraphs and of the functions that are written out."""
DEEPEST = 32
"""Subgraphs and functions within each other."""
_FIELDS = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 7: 8, 8: 9, 9: 10, 10: 11, 11: 22, 12: 23}
"""Where an attribute of each kind has its value, by the numbers that ONNX gives both."""
_SEVERAL = {6, 7, 8, 9, 10, 12}
_ZEROS: dict[int, Any] = {1: 0.0, 2: 0, 3: ""}
"""What is not written because it is nothing."""
_NOTHING = {13, 14}
"""Kinds of attributes that say what types of values are."""
_SCALARS = {"value_float": "fp32", "value_int": "int64", "value_string": ""}
_FLAT_SOFTMAX = {"Softmax", "LogSoftmax", "Hardmax"}
"""Before opset 13 these flattened what follows an axis, which was 1 if left out; since then it is the last one."""


def read(path: str) -> Model:
    """The model of an ONNX file; raises `SpecError`, in one line, for whatever is none."""
    with mapped(path) as data:
        if other := what_else(data[:512]):
            raise malformed(path, "", other)
        return _Reader(Wire(data, path)).model()


def what_else(head: bytes) -> str | None:
    """What a file is that is no ONNX file, and what to do about it, from its first bytes; None if nothing speaks against it.

    >>> what_else(b"version https://git-lfs.github.com/spec/v1")
    'a pointer of Git LFS, not the model itself; fetch it with `git lfs pull`'
    """
    if not head:
        return "an empty file"
    text = head.lstrip().lower()
    return next(
        (what for start, what in _OTHERS.items() if start in {head[: len(start)], head[4 : 4 + len(start)]}), None
    ) or next((what for start, what in _TEXTS.items() if text.startswith(start)), None)


_OTHERS = {
    b"version https://git-lfs": "a pointer of Git LFS, not the model itself; fetch it with `git lfs pull`",
    b"PK\x03\x04": "a zip archive, not an ONNX model; .keras and .pt2 files are read by their own names",
    b"\x89HDF": "an HDF5 file, not an ONNX model; name it .h5",
    b"\x1f\x8b": "compressed by gzip; unpack it first",
    b"\x80\x02": "a pickle, not an ONNX model; export the module with torch.onnx.export",
    b"ORTM": "a model in onnxruntime's own format (.ort); give the .onnx file that it was made of",
    b"TFL3": "a TensorFlow Lite model; name it .tflite",
}
"""How other files begin; the format of flatbuffers stands behind four bytes."""
_BINARY = "save it in binary form: onnx.save(onnx.load(FILE, format=FORMAT), 'net.onnx')"
_TEXTS = {
    b"<!doctype": "a page of HTML, not a model; the download went wrong",
    b"<html": "a page of HTML, not a model; the download went wrong",
    b"ir_version:": f"an ONNX model written as text; {_BINARY}",
    b"<ir_version": f"an ONNX model written as text; {_BINARY}",
    b"<\n": f"an ONNX model written as text; {_BINARY}",
    b"{": f"JSON, not a binary ONNX model; if it is one, {_BINARY}",
}


@dataclass(slots=True)
class _Scope:
    """Where ops are read: what may be read from outside, and, within a function, what its names are called outside."""

    known: tuple[set[str], ...] = ()
    """Names of tensors, one set for each graph around."""
    prefix: str = ""
    """Stands before the names of tensors that are the function's own."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What the function's inputs and outputs are called outside."""
    attrs: Mapping[str, Any] = field(default_factory=dict)
    """The attributes that the function is called with."""
    path: tuple[str, ...] = ()
    depth: int = 0
    """Subgraphs and functions around."""

    def name(self, inner: str) -> str:
        """A name that stands in the file, as the body calls it."""
        return self.names.get(inner, self.prefix + inner) if inner else ""

    def inside(self, names: set[str]) -> _Scope:
        """The scope of a graph within."""
        return replace(self, known=(*self.known, names), depth=self.depth + 1)


@dataclass(slots=True)
class _Parts:
    """What becomes a body."""

    subgraph: int
    """Its number in the file; 0 for the graph itself."""
    ops: list[Op] = field(default_factory=list)
    tensors: dict[str, Stored] = field(default_factory=dict)
    stated: dict[str, Stated] = field(default_factory=dict)


class _Reader:
    """One file that is being read."""

    def __init__(self, wire: Wire) -> None:
        self.file = wire.file
        self.wire, self.message = wire, wire.message()
        self.opsets = {_domain(one.text(1)): one.whole(2) for one in self.message.messages(8)}
        self.functions: dict[tuple[str, str, str], Message] = {}
        for function in self.message.messages(25):
            self.functions.setdefault((_domain(function.text(10)), function.text(1), function.text(13)), function)
        self.ops = 0
        self.prefixes: dict[str, int] = {}
        self.holders: frozenset[str] = frozenset()
        """Modules that store tensors and hold no others, as far as the names of these say."""
        self.stored: set[str] = set()
        self.subgraphs = 0

    def wrong(self, place: str, what: str) -> SpecError:
        return malformed(self.file, place, what)

    def model(self) -> Model:
        graph = self.message.first(7)
        if graph is None:
            raise self.wrong("", "not an ONNX model: there is no graph in it")
        name = graph.text(2) or self.file.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
        made_by = " ".join(filter(None, (self.message.text(2), self.message.text(3))))
        opset = f"opset {self.opsets['']}" if "" in self.opsets else ""
        body = self.body(graph, _Scope())
        return Model("onnx", self.file, name, ", ".join(filter(None, (made_by, opset))), body, alone=self.wire.alone)

    def body(self, graph: Message, scope: _Scope) -> Body:
        """The body of a graph."""
        self.check_depth(scope)
        parts = _Parts(self.subgraphs)
        self.subgraphs += 1
        for tensor in (*map(stored, graph.messages(5)), *map(sparse, graph.messages(15))):
            self.keep(parts, tensor._replace(name=scope.name(tensor.name)))
        given, results = (_values(graph, number, scope) for number in (11, 12))
        parts.stated |= {**_values(graph, 13, scope), **results}
        names = {*given, *parts.tensors}
        self.holders = self.holders or holders(parts.tensors)
        self.nodes(graph.messages(1), parts, scope.inside(names))
        inputs: Mapping[str, Stated] = {name: one for name, one in given.items() if name not in parts.tensors}
        if not scope.depth:
            inputs, weights = split_inputs(inputs, parts.ops)
            parts.tensors |= weights
        around = (names, *scope.known)
        ops = in_order(parts.ops, lambda name: name in parts.tensors or any(name in one for one in around), self.file)
        if missing := next((name for name in results if not any(name in one for one in (names, *around))), None):
            raise self.wrong(f"output {missing!r}", "no op makes it; the file is damaged or was cut from a larger one")
        outputs = tuple(scope.name(value.text(1)) for value in graph.messages(12))
        body = Body(inputs, outputs, ops, parts.tensors, parts.stated)
        if not scope.depth:
            complete(body, parts.stated)
        return body

    def check_depth(self, scope: _Scope) -> None:
        if scope.depth > DEEPEST:
            raise self.wrong("", f"subgraphs or functions stand more than {DEEPEST} deep in each other")

    def keep(self, parts: _Parts, tensor: Stored) -> None:
        if tensor.name in parts.tensors:
            raise self.wrong(f"tensor {tensor.name!r}", "is stored twice; names must differ")
        # Subgraphs beside each other may call different tensors the same: these are not shared.
        own = f"subgraph {parts.subgraph}/{tensor.name}" if tensor.name in self.stored else tensor.name
        self.stored.add(own)
        parts.tensors[tensor.name] = tensor._replace(name=own)

    def nodes(self, nodes: Iterable[Message], parts: _Parts, scope: _Scope) -> None:
        """Ops, added to the parts of a body."""
        read = list(nodes)
        scope.known[-1].update(scope.name(name) for node in read for name in node.texts(2))
        for node in read:
            self.ops += 1
            if self.ops > MOST_OPS:
                raise self.wrong(
                    "", f"more than {MOST_OPS:,} ops, functions written out; convcost reads no larger models"
                )
            self.node(node, parts, scope)

    def node(self, node: Message, parts: _Parts, scope: _Scope) -> None:
        """One op: a constant becomes a stored tensor, the call of a function its ops."""
        kind, domain, name = node.text(4), _domain(node.text(7)), node.text(3)
        if not kind:
            raise self.wrong(f"op {name!r}", "has no type; the file is damaged")
        inputs, outputs = (tuple(map(scope.name, node.texts(number))) for number in (1, 2))
        attrs = self.attributes(node.messages(5), scope, Op(kind, name, inputs, outputs))
        if kind == "Constant" and not domain and len(outputs) == 1:
            self.keep(parts, self.constant(outputs[0], attrs))
            return
        kept = {one.text(1): one.text(2) for one in node.messages(9)}
        path = scope.path + module_path(name, kept)
        function = self.functions.get((domain, kind, node.text(8))) if domain else None
        op = Op(
            f"{domain}.{kind}" if domain else kind,
            name,
            inputs,
            outputs,
            attrs,
            path,
            form=self.written(kept, path, inputs),
        )
        if function is not None:
            self.write_out(op, function, parts, scope)
            return
        if kind in _FLAT_SOFTMAX and not domain and 0 < self.opsets.get("", 0) < 13:
            attrs.setdefault("axis", 1)
        parts.ops.append(op)

    def written(self, kept: Mapping[str, str], path: tuple[str, ...], inputs: tuple[str, ...]) -> str:
        """How the author of the model wrote what an op stands for; empty if the file does not say."""
        module = ".".join(path)
        own = module in self.holders and any(name.rpartition(".")[0] == module for name in inputs[1:])
        return written(kept, own)

    def write_out(self, op: Op, function: Message, parts: _Parts, scope: _Scope) -> None:
        """The ops of a function where it is called."""
        names = dict(zip_longest(function.texts(4), op.inputs[: len(function.texts(4))], fillvalue=""))
        names |= {inner: outer for inner, outer in zip(function.texts(5), op.outputs) if outer}
        prefix = free(op.name or op.type, self.prefixes)
        defaults = self.attributes(function.messages(11), scope, op)
        path = (*op.path, op.name) if op.name else op.path
        inner = _Scope(scope.known, f"{prefix}::", names, {**defaults, **op.attrs}, path, scope.depth + 1)
        self.check_depth(inner)
        parts.stated |= _values(function, 12, inner)
        self.nodes(function.messages(7), parts, inner)

    def constant(self, name: str, attrs: Mapping[str, Any]) -> Stored:
        """What a constant holds, as a stored tensor."""
        for key, value in attrs.items():
            if key in {"value", "sparse_value"} and isinstance(value, Stored):
                return value._replace(name=name)
            if key in _SCALARS and isinstance(value, (int, float, str)):
                return Stored(name, (), _SCALARS[key], (value,))
            if key.removesuffix("s") in _SCALARS and isinstance(value, tuple):
                few = len(value) <= MOST_CONTENTS
                return Stored(name, (len(value),), _SCALARS[key.removesuffix("s")], value if few else None)
        raise self.wrong(f"constant {name!r}", "has no value; the file is damaged")

    def attributes(self, messages: Iterable[Message], scope: _Scope, op: Op) -> dict[str, Any]:
        """Attributes by name; those that refer to one of the function's are what it is called with, or absent."""
        found: dict[str, Any] = {}
        for message in messages:
            name, other = message.text(1), message.text(21)
            value = scope.attrs.get(other) if other else self.attribute(message, scope, op)
            if value is not None:
                found[name] = value
        return found

    def attribute(self, message: Message, scope: _Scope, op: Op) -> Any:
        """The value of an attribute as what it says to be; None for the types of values, which say nothing here."""
        kind = message.whole(20) or next((kind for kind, field in _FIELDS.items() if message.has(field)), 0)
        if kind in _NOTHING:
            return None
        if kind not in _FIELDS:
            raise self.wrong(
                _place(op, message), f"there is no kind {kind} of attribute; the file is damaged or newer than convcost"
            )
        values = self.attribute_values(message, kind, scope)
        if kind in _SEVERAL:
            return values
        if not values and kind not in _ZEROS:
            raise self.wrong(_place(op, message), "has no value; the file is damaged")
        return values[-1] if values else _ZEROS[kind]

    def attribute_values(self, message: Message, kind: int, scope: _Scope) -> tuple[Any, ...]:
        """All values of an attribute, also of one that has only one."""
        number = _FIELDS[kind]
        match kind:
            case 1 | 6:
                return message.fractions(number)
            case 2 | 7:
                return message.wholes(number)
            case 3 | 8:
                return message.texts(number)
            case 4 | 9:
                return tuple(map(stored, message.messages(number)))
            case 5 | 10:
                return tuple(self.body(graph, scope) for graph in message.messages(number))
            case _:
                return tuple(map(sparse, message.messages(number)))


def _place(op: Op, attribute: Message) -> str:
    return f"{shown(op)}: attribute {attribute.text(1)!r}"


def _domain(name: str) -> str:
    """A set of ops by its name; empty for the standard's own."""
    return "" if name == "ai.onnx" else name


def _values(graph: Message, number: int, scope: _Scope) -> dict[str, Stated]:
    """What a graph states about tensors, by name."""
    return {scope.name(value.text(1)): _stated(value.first(2)) for value in graph.messages(number)}


def _stated(kind: Message | None) -> Stated:
    """What a TypeProto says of a tensor; nothing of sequences and maps."""
    tensor = (kind.first(1) or kind.first(8)) if kind else None
    if tensor is None:
        return Stated(None)
    shape = tensor.first(2)
    return Stated(tuple(map(_size, shape.messages(1))) if shape else None, DTYPES.get(tensor.whole(1), ""))


def _size(dim: Message) -> Size:
    """The size of an axis: exporters write open ones as names, nothing, ?, 0 and -1."""
    name, value = dim.text(2), dim.whole(1)
    if value > 0:
        return value
    return name if name and name not in {"?", "-1", "None"} else None
