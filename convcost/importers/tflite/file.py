"""A TFLite file as a `Model`: its first subgraph, with those that its control flow runs as bodies of these operators.

What a file costs to read depends on its operators, not on its weights. Scales and zero points of quantised tensors are not
looked at: they say what the integers mean, and are no parameters. A tensor that is stored sparse has all its elements, as the
operator that makes it dense hands them on.
"""

from __future__ import annotations

import os
from dataclasses import replace
from mmap import ACCESS_READ, mmap
from typing import Any, Final, NamedTuple

from convcost.core.errors import Problem, SpecError, one_line
from convcost.importers.model import Body, Model, Op, Stored
from convcost.importers.tflite.dilated import dilated
from convcost.importers.tflite.flatbuffer import Bytes, FlatBuffer, Malformed, Span, Table
from convcost.importers.tflite.metadata import own_name, producer
from convcost.importers.tflite.names import often, place
from convcost.importers.tflite.schema import OPTIONS, OPTIONS_2, WORDS, Field, dtype_of, fields, operator_of, options_of
from convcost.importers.tflite.tensors import Buffers, Tensor, state, tensors

IDENTIFIER: Final = b"TFL3"
DEEPEST = 16
"""How many bodies may stand inside each other."""
_MOST_CUSTOM = 4096
_LONGEST_TYPE = 80


def read(path: str) -> Model:
    """The model that a TFLite file holds; raises `SpecError` if it is none."""
    with open(path, "rb") as opened:
        if not os.fstat(opened.fileno()).st_size:
            raise SpecError([Problem(None, path, "the file is empty, where a TFLite model is needed")])
        with mmap(opened.fileno(), 0, access=ACCESS_READ) as data:
            return parse(data, path)


def parse(data: Bytes, path: str) -> Model:
    """The model that the bytes of a TFLite file hold; raises `SpecError` that names the file."""
    try:
        return _Source(data).model(path)
    except Malformed as error:
        what = f"not a whole TFLite model: {error}; convert or download it again"
        raise SpecError([Problem(None, path, what)]) from None


class Operator(NamedTuple):
    """An entry of the list of operators that a file uses."""

    type: str
    options: str
    """The table of options that belongs to it."""


class _Source:
    """A file with its lists of operators, buffers and subgraphs."""

    def __init__(self, data: Bytes) -> None:
        self._file = FlatBuffer(data)
        self._root = self._file.root(IDENTIFIER)
        self._operators = [operator_entry(table) for table in self._root.tables(1)]
        self._graphs = self._root.tables(2)
        self._buffers = Buffers(self._file, self._root.tables(4))
        self._bodies: dict[int, Body] = {}
        self._sparse = 0

    def model(self, path: str) -> Model:
        if not self._graphs:
            raise Malformed("it has no subgraph")
        called, others = self._signatures()
        metadata = self._metadata()
        body = dilated(self._body(0, (), called))
        notes = [f"signature {name!r} is another graph of the file, and left out" for name in others]
        if self._sparse:
            notes.append(f"{self._sparse} of its tensors are stored sparse, and counted with all their elements")
        name = own_name(self._file, metadata, self._graphs[0])
        return Model(
            format="tflite",
            file=path,
            name=name or os.path.splitext(os.path.basename(path))[0],
            producer=one_line(producer(self._file, metadata, self._root.text(3))),
            body=body,
            notes=tuple(map(one_line, notes)),
        )

    def _signatures(self) -> tuple[dict[int, str], list[str]]:
        """What the first signature of the main subgraph calls its inputs, by number of tensor; and signatures of others."""
        called: dict[int, str] = {}
        others = []
        for table in self._root.tables(7):
            if table.number(4, "I"):
                others.append(table.text(2))
            elif not called:
                called = {entry.number(1, "I"): entry.text(0) for entry in table.tables(0)}
        return called, others

    def _metadata(self) -> dict[str, Span]:
        return {table.text(0): self._buffers[table.number(1, "I")] for table in self._root.tables(6)}

    def _body(self, index: int, above: tuple[int, ...], called: dict[int, str]) -> Body:
        """The subgraph of this number, inside the bodies of those above; each is read once."""
        if index in above or len(above) > DEEPEST:
            raise Malformed(f"subgraph {index} stands inside itself, or inside more than {DEEPEST} others")
        if not 0 <= index < len(self._graphs):
            raise Malformed(f"there is no subgraph {index} among {len(self._graphs)}")
        if index not in self._bodies:
            self._bodies[index] = self._read_body(index, above, called)
        return self._bodies[index]

    def _read_body(self, index: int, above: tuple[int, ...], called: dict[int, str]) -> Body:
        graph, where = self._graphs[index], f"subgraph {index}"
        every = tensors(graph, called)
        inputs = [_one_of(every, number, where) for number in graph.numbers(1, "i")]
        ops = _placed(
            [
                self._op(table, every, (*above, index), f"{where}, operator {number}")
                for number, table in enumerate(graph.tables(3))
            ]
        )
        outputs = tuple(_one_of(every, number, where).name for number in graph.numbers(2, "i"))
        stored = {tensor.name: found for tensor in every if (found := self._buffers.stored(tensor))}
        self._sparse += sum(tensor.sparse for tensor in every if tensor.name in stored)
        inputs = [tensor for tensor in inputs if tensor.name not in stored]
        stored |= _empty(
            every, {*stored, *(name for op in ops for name in op.outputs), *(given.name for given in inputs)}
        )
        kept = (tensor.name for tensor in every if tensor.variable)
        _check_order(ops, outputs, {*stored, *kept, *(tensor.name for tensor in inputs)}, where)
        stated = {tensor.name: state(tensor) for tensor in every if tensor.name not in stored}
        return Body({tensor.name: stated[tensor.name] for tensor in inputs}, outputs, ops, stored, stated)

    def _op(self, table: Table, every: list[Tensor], above: tuple[int, ...], where: str) -> Op:
        number = table.number(0, "I")
        if number >= len(self._operators):
            raise Malformed(f"{where}: there is no operator code {number} among {len(self._operators)}")
        type_, options = self._operators[number]
        where = f"{where} ({type_})"
        inputs = tuple("" if index == -1 else _one_of(every, index, where).name for index in table.numbers(1, "i"))
        outputs = tuple(_one_of(every, index, where).name for index in table.numbers(2, "i"))
        return Op(type_, "", inputs, outputs, self._attrs(table, options, above))

    def _attrs(self, table: Table, options: str, above: tuple[int, ...]) -> dict[str, Any]:
        """All the options of an operator, with the schema's values for those that the file does not state."""
        found = options_table(table, options)
        attrs = {field.name: self._attr(found, field, above) for field in fields(options)}
        custom = table.span(5)
        if custom and custom.length <= _MOST_CUSTOM:
            attrs["custom_options"] = self._file.data[custom.start : custom.start + custom.length]
        return attrs

    def _attr(self, table: Table | None, field: Field, above: tuple[int, ...]) -> Any:
        if field.kind == "body":
            return self._body(table.number(field.slot, "i") if table else 0, above, {})
        return plain_option(table, field)


def operator_entry(table: Table) -> Operator:
    """Old files state the number of a builtin in a byte, new ones in four; custom operators go by their own names."""
    number = max(table.number(0, "b"), table.number(3, "i"))
    type_ = operator_of(number)
    if type_ == "CUSTOM":
        return Operator(one_line(table.text(1))[:_LONGEST_TYPE] or type_, "")
    return Operator(type_, options_of(type_))


def options_table(table: Table, options: str) -> Table | None:
    """The options that an operator states, if they are those that belong to it."""
    for names, sort, slot in ((OPTIONS, 3, 4), (OPTIONS_2, 11, 12)):
        number = table.number(sort, "B")
        if number < len(names) and names[number] == options:
            return table.table(slot)
    return None


def plain_option(table: Table | None, field: Field) -> Any:
    """An option that is no subgraph; the schema's value if the file states none."""
    kind = field.kind
    if kind == "text":
        return table.text(field.slot) if table else ""
    if kind.endswith("[]"):
        return table.numbers(field.slot, kind[0]) if table else ()
    if kind == "?":
        return table.number(field.slot, kind, bool(field.default)) if table else bool(field.default)
    letter = "b" if kind in WORDS or kind == "type" else kind
    value = table.number(field.slot, letter, field.default) if table else field.default
    if kind == "type":
        return dtype_of(value)
    return _word(kind, value) if kind in WORDS else value


def _word(kind: str, number: int) -> str:
    words = WORDS[kind]
    if not 0 <= number < len(words):
        raise Malformed(f"{number} is no {kind}: there are {len(words)}")
    return words[number]


def _one_of(every: list[Tensor], index: int, where: str) -> Tensor:
    if not 0 <= index < len(every):
        raise Malformed(f"{where}: there is no tensor {index} among {len(every)}")
    return every[index]


def _placed(ops: list[Op]) -> tuple[Op, ...]:
    """The operators with names and modules, from the names of what they make."""
    made = [op.outputs[0] if op.outputs else "" for op in ops]
    common = often(made)
    found = (place(op.type, name, common) for op, name in zip(ops, made))
    return tuple(replace(op, name=at.name, path=at.path) for op, at in zip(ops, found))


def _empty(every: list[Tensor], known: set[str]) -> dict[str, Stored]:
    """Stored tensors without elements, like the target of a reshape to a scalar: they take no bytes that would show it."""
    return {
        tensor.name: Stored(tensor.name, tensor.shape, tensor.dtype, ())
        for tensor in every
        if 0 in tensor.shape and not tensor.variable and tensor.name not in known
    }


def _check_order(ops: tuple[Op, ...], outputs: tuple[str, ...], known: set[str], where: str) -> None:
    """That each tensor is there before it is read; raises `Malformed`."""
    made = set(known)
    for number, op in enumerate(ops):
        if lost := [name for name in op.inputs if name and name not in made]:
            raise Malformed(f"{where}, operator {number} ({op.type}): nothing before it makes its input {lost[0]!r}")
        if twice := [name for name in op.outputs if name in made]:
            raise Malformed(f"{where}, operator {number} ({op.type}): its output {twice[0]!r} is already there")
        made.update(op.outputs)
    if lost := [name for name in outputs if name not in made]:
        raise Malformed(f"{where}: nothing makes its output {lost[0]!r}")
