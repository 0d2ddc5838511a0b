"""Lowering: the ops of a model file, one by one, into nodes of a graph, by the rules of its format.

A rule reads the values that its op reads, emits nodes, and defines what its op makes. It never computes a cost. The walk
under it may be over ints, a grid or symbols, so that sizes are only combined by `+ - * // %` and the helpers of
`convcost.core.dims`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeAlias

from convcost.core.dims import Dim, Shape, is_symbolic, product
from convcost.core.errors import Problem, SpecError, Unfit, one_line
from convcost.core.units import counted, shape_text
from convcost.graph.graph import MODULE, Node, producer
from convcost.graph.typed import edge_dtype
from convcost.graph.walk import Step, Walk, output_edges
from convcost.importers.accounts import FLOATS, Accounts, Weights, stored_in
from convcost.importers.contents import Known, broadcast, fits, mapped, same
from convcost.importers.model import MALFORMED, MOST_CONTENTS, Body, Model, Op, Stated, reads
from convcost.importers.names import Name, Names
from convcost.importers.values import (
    Cut,
    Key,
    Tensor,
    Value,
    channels_at,
    cuts,
    is_one,
    is_view,
    reshaped,
    shuffle,
    stored_value,
    transposed,
)
from convcost.ops import OPS

Wants: TypeAlias = "int | Literal['same'] | Callable[[Op, int | None], int | None] | None"
"""Which axis of what an op reads holds the channels: a number, that of what it makes, or a function of the latter."""
DEFAULT_DTYPE = "fp32"
"""The type that a tensor has where nothing is said."""
LONGEST_TYPE, LONGEST_WHY = 100, 300
"""Characters of the type of an unknown op, and of the reason why it is."""
MOST_NODES = 100_000
"""The most nodes that a file becomes: loops that are unrolled are bounded by it."""
MOST_COMPUTED = 2_000_000
"""Elements of constants that a file has computed with, each time that an op reads or makes them."""
MOST_FOLLOWED = 1_000_000
"""Values that are looked at to tell what sizes that a file fixes are at another input size."""


class Unsupported(Exception):
    """Raised by a rule that cannot say what its op does: the op becomes an unknown one, perhaps of known shapes."""

    def __init__(self, why: str, shapes: Sequence[Shape] | None = None) -> None:
        super().__init__(why)
        self.shapes = shapes
        """The native shapes of all that it makes, where these are known."""


class Depends(Unsupported):
    """Raised by a rule of an op whose result is as large as its data say: a size that the file leaves open is no batch."""


class Lost(Unsupported):
    """An op reads what an op of unknown shape makes."""


class Spelled(NamedTuple):
    """An op in the vocabulary in which idioms are written: a word, and the tensors that it reads."""

    word: str
    inputs: tuple[str, ...]


NUMBER = "number "
"""What the name of an operand begins with that is no tensor but a number, which follows."""
Spell: TypeAlias = Callable[[Op, Body], "Spelled | None"]
"""What an op of a format is in the vocabulary of idioms; None if it is not part of any."""


def unspelled(_op: Op, _body: Body) -> None:
    """That an op is part of no idiom."""


class Rules:
    """The table of a format: type of op -> its rule, and where it expects channels."""

    def __init__(self, channels: int, *, numbered: bool = False) -> None:
        self.channels = channels
        """The axis of channels where nothing says which it is: 1 or -1."""
        self.numbered = numbered
        """Whether files say which tensor of an op they mean by its number, so that one that no rule makes does not exist."""
        self.rules: dict[str, Callable[[Lowering, Op], None]] = {}
        self.wants: dict[str, Wants] = {}
        self.of_all: set[str] = set()
        """Types of op of which all inputs have their channels where `wants` says."""
        self.effects: set[str] = set()
        """Types of op that make nothing, but keep something for the next run."""
        self.spell: Spell = unspelled

    def rule(self, *types: str, wants: Wants = None, of_all: bool = False) -> Callable[[Rule], Rule]:
        """Enter a function as the rule of these types of op; `wants` is about the first input, or `of_all`."""

        def enter(function: Rule) -> Rule:
            for name in types:
                if name in self.rules:
                    raise ValueError(f"{name} has two rules")
                self.rules[name], self.wants[name] = function, wants
                if of_all or wants == "same":
                    self.of_all.add(name)
            return function

        return enter


class Tried:
    """What is known of bodies that an op may run, or not, as data say: they are looked at beside the model."""

    def __init__(self) -> None:
        self.choices: dict[tuple[int, int], Any] = {}
        """Identity of an op's first body, and how many ops had been inlined before -> which body stands for them."""
        self.shapes: dict[str, Shape] = {}
        """Values -> their native shapes in all bodies that were looked at, also those that are not taken."""
        self.reads: dict[int, tuple[str, ...]] = {}
        """Identity of a body -> the values around it that it reads."""
        self.ops = 0
        """How many ops have been looked at."""
        self.elements = 0
        """How many elements of constants ops have read and made, in these bodies and in the model."""
        self.followed = 0
        """How many values have been looked at to tell what sizes are away from the file's own."""


class Lowering:
    """A model while it is lowered. Rules use its methods; `run` goes through all ops."""

    def __init__(self, model: Model, rules: Rules, walk: Walk, own: Mapping[str, Shape] | None = None) -> None:
        self.model, self.rules, self.walk = model, rules, walk
        self.own = own
        """Value -> its native shape at the file's own size, where this walk is at another one; else None."""
        self.body = model.body
        self.values: dict[str, Value] = {}
        self.names = Names(model.body.ops, model.body.inputs)
        self.accounts = Accounts()
        self.input_dtypes: dict[str, str] = {}
        """Edge of an input -> the type that the file states for it."""
        self.abandoned: set[str] = set()
        """Nodes that were made for ops that turned out to be unknown."""
        self.notes: dict[str, None] = {}
        self.path: tuple[str, ...] = ()
        """The module of the op that is being lowered."""
        self.parts: dict[str, str] = {}
        """Name of a step on the way to a value of the file -> that value."""
        self.inlined = 0
        """How many ops of bodies have been lowered in the place of what runs them."""
        self.kept: set[str] = set()
        """Edges of what is kept for the next run."""
        self.bodies: dict[int, int] = {}
        """Bodies that were run, by identity -> their numbers."""
        self.needed: set[str] = set()
        """Names of the values of the body on which one of its outputs depends."""
        self.wanted = wanted_channels(model.body, rules)
        """Name of a value -> the axis that its readers take for the channels."""
        self.open: Mapping[str, str] = {}
        """Inputs of the model that are a single number, and of which nobody has said which -> their names."""
        self.reads: dict[str, tuple[str, ...]] = {}
        """Value -> the values that the op reads which makes it."""
        self.unmade: dict[str, str] = {}
        """Why a value is not known, though the op is that makes it -> the type of that op."""
        self.tried = Tried()
        self.merged: dict[tuple[int, ...], Shape] = {}
        """Away from the file's own size: sizes there of axes that a reshape merged -> their sizes here."""

    # -- the whole -----------------------------------------------------------------------------------------------

    def run(self, inputs: Mapping[str, Value]) -> tuple[str, ...]:
        """Lower all ops that an output depends on; returns the edges of the outputs."""
        self.values.update(inputs)
        for given in inputs.values():
            self.input_dtypes |= dict.fromkeys(given.tensor.edges.values() if given.tensor else (), given.dtype)
        self.ops(self.body)
        found = []
        for name in self.body.outputs:
            value = self.find(name)
            if value is not None and not value.lost and value.tensor is not None:
                try:
                    found.append(self.any(value)[0])
                except Unfit as error:
                    raise SpecError([Problem(None, f"{self.model.file}: output {name}", str(error))]) from None
        self.refuse_unmade(found)
        outputs = tuple(dict.fromkeys(found))
        self.walk.forget(self.unread(outputs, self.abandoned))
        return outputs

    def refuse_unmade(self, found: Sequence[str]) -> None:
        """Raise `SpecError` for a model all of whose outputs are lost, though the ops are known: it would seem to have none."""
        for name in () if found else self.body.outputs:
            value = self.find(name)
            if value is not None and value.lost in self.unmade:
                what = f"convcost does not know this tensor of {self.unmade[value.lost]}, and there is no other output"
                raise SpecError([Problem(None, f"{self.model.file}: output {name}", what)])

    def unread(self, outputs: Sequence[str], among: Collection[str] | None = None) -> set[str]:
        """Nodes that nothing reads, of those that are named.

        What was made for an op that then turned out to be unknown is left out; anything else has a reason to be there: a
        rule may read a tensor without an edge of its own for it, as recurrent layers do with their first state.
        """
        read, unread = {*map(producer, (*outputs, *self.kept))}, set()
        for step in reversed(self.walk.steps):
            is_there = among is not None and step.node.name not in among
            if step.node.name in read or step.opaque or is_there:
                read.update(map(producer, step.node.inputs))
                read.update(step.node.shares.values())
            else:
                unread.add(step.node.name)
        return unread

    def ops(self, body: Body) -> None:
        """Lower the ops of a body, in order."""
        self.values.update({name: stored_value(stored) for name, stored in body.tensors.items()})
        needed = _needed(body, self.rules.effects, self.tried.reads)
        for op in body.ops:
            self.needed = needed  # again, as the op before may have had a body
            if op.type and needed.intersection(op.outputs):
                self.op(op)
            elif op.type in self.rules.effects:
                for value in map(self.find, op.inputs):
                    self.kept.update(() if value is None or value.tensor is None else _edges(value.tensor))

    def idle(self, body: Body) -> int:
        """How many ops of a body compute something that no output depends on."""
        needed = _needed(body, self.rules.effects, self.tried.reads)
        return sum(1 for op in body.ops if op.inputs and op.outputs and not needed.intersection(op.outputs))

    def op(self, op: Op) -> None:
        """Lower an op; raises `SpecError` if the file contradicts itself there."""
        self.path = op.path
        rule = self.rules.rules.get(op.type)
        self.reads |= dict.fromkeys(op.outputs, tuple(reads(op, self.tried.reads)))
        begun = len(self.walk.steps)
        try:
            try:
                if rule is None:
                    raise Unsupported(f"convcost has no rule for {op.type}")
                rule(self, op)
                self.check_made(op)
            except Unsupported as error:
                self.abandoned.update(step.node.name for step in self.walk.steps[begun:])
                self.unknown(
                    op,
                    str(error),
                    error.shapes or (),
                    batched=not isinstance(error, (Depends, Lost)),
                    behind=isinstance(error, Lost) and str(error) not in self.unmade,  # else the first that is unknown
                )
        except Unfit as error:
            raise self.refusal(op, str(error)) from None
        except MALFORMED as error:
            raise self.refusal(op, f"malformed: {type(error).__name__} {str(error)[:100]}".rstrip()) from None
        self.not_made(op, op.outputs)

    def not_made(self, op: Op, names: Iterable[str]) -> None:
        """Of these, what an op makes and its rule does not is not known; a rule says so of tensors that it may have."""
        for name in filter(None, names):
            if name not in self.values:
                lost = f"behind {op.type}, which convcost does not know to make it"
                self.unmade[lost] = op.type
                self.values[name] = Value((), lost=lost)

    def check_made(self, op: Op) -> None:
        """Raise `Unfit` if a file means a tensor of an op that there is not, by its number: rules say what else there may be."""
        missing = [i for i, name in enumerate(op.outputs) if name not in self.values] if self.rules.numbered else []
        if missing:
            made = counted(len(op.outputs) - len(missing), "tensor")
            raise Unfit(f"makes {made}, there is no number {missing[-1]} (the first is 0)")

    def beside(self, names: Iterable[str]) -> Lowering:
        """A lowering that starts where this one is, and leaves no trace in it: it knows these values, as inputs of its own."""
        inputs: dict[str, Shape] = {}
        made = copy(self)
        made.values = {}
        for name in dict.fromkeys(names):
            value = self.find(name)
            if value is not None and value.lost:
                made.values[name] = Value((), lost=value.lost)
            elif value is not None and value.tensor is None:
                made.values[name] = replace(value)
            elif value is not None and value.tensor is not None:
                tensor, edge = value.tensor, f"value {len(inputs)}"
                key = next(iter(tensor.edges), tensor.preferred)
                inputs[edge] = tensor.shown(key)
                made.values[name] = replace(value, tensor=Tensor(tensor.sizes, tensor.memory, key, {key: edge}))
        made.walk, made.names, made.accounts = Walk(inputs), Names((), inputs), Accounts()
        made.kept, made.abandoned, made.unmade = set(), set(), {}
        made.input_dtypes, made.notes, made.parts, made.merged = {}, {}, {**self.parts}, {**self.merged}
        return made

    def deciding(self, name: str) -> tuple[str, ...]:
        """The inputs that are a single number, left open, and that alone a value depends on; none if it depends on data."""
        found: dict[str, None] = {}
        seen, left = {name}, [name]
        while left:
            one = left.pop()
            value = self.find(one)
            if one in self.open:
                found[self.open[one]] = None
            elif value is not None and not value.is_constant:
                if one not in self.reads:
                    return ()
                new = {*self.reads[one]} - seen
                seen |= new
                left += sorted(new)
        return tuple(found)

    def refusal(self, op: Op, what: str) -> SpecError:
        """What is wrong with the file, at an op of it."""
        path = op.path if op.path[-1:] == (op.name,) else (*op.path, op.name)
        place = op.name if "/" in op.name else ".".join(path) or next(iter(op.outputs), "")
        return SpecError([Problem(None, f"{self.model.file}: {op.type} {place}".rstrip(), what)])

    # -- what an op reads ----------------------------------------------------------------------------------------

    def find(self, name: str) -> Value | None:
        """A value by name; None for an optional one that is left out, or that nothing makes."""
        return self.values.get(name) if name else None

    def optional(self, op: Op, i: int) -> Value | None:
        """The i-th value that an op reads, or None if it is left out; raises `Unsupported` if its shape is not known."""
        name = op.inputs[i] if i < len(op.inputs) else ""
        value = self.find(name)
        if name and value is None:
            raise Unfit(f"reads {name!r}, which nothing makes")
        if value is not None and value.lost:
            raise Lost(value.lost)
        return value

    def read(self, op: Op, i: int = 0) -> Value:
        """The i-th value that an op reads; raises `Unfit` if it is left out."""
        value = self.optional(op, i)
        if value is None:
            raise Unfit(f"{op.type} needs an input number {i + 1}")
        return value

    def contents(self, op: Op, i: int) -> tuple[Any, ...] | None:
        """The elements of the i-th value, None if it is left out; raises `Unsupported` if they are not known."""
        value = self.optional(op, i)
        if value is None:
            return None
        if value.contents is None:
            raise Unsupported(f"input {i + 1} decides the shape, and is computed from data")
        self._computes(len(value.contents))
        return value.contents

    def known(self, value: Value | None) -> Known | None:
        """A value whose elements are known, to compute with."""
        if value is None or value.contents is None or not all(type(size) is int for size in value.shape):
            return None
        self._computes(len(value.contents))
        return Known(value.shape, value.contents)

    def all_known(self, values: Iterable[Value]) -> list[Known] | None:
        """Values all of whose elements are known, to compute with them; None if those of one are not."""
        values = list(values)
        if any(value.contents is None for value in values):
            return None
        found = [one for value in values if (one := self.known(value)) is not None]
        return found if len(found) == len(values) else None

    def mapped(self, function: Callable[..., Any], *operands: Known) -> Known | None:
        """As `contents.mapped`; what it makes is counted before it is made, as it may be thrown away, or fail half-way."""
        shape = broadcast([one.shape for one in operands])
        if shape is None or product(shape) > MOST_CONTENTS:
            return None
        self._computes(int(product(shape)))
        return mapped(function, *operands)

    def _computes(self, elements: int) -> None:
        """Count elements that are read or made; raises `Unfit` if they become too many, as turns of a loop multiply them."""
        self.tried.elements += elements
        if self.tried.elements > MOST_COMPUTED:
            raise Unfit(f"a file may have {MOST_COMPUTED:,} elements of constants computed with, read or made")

    def follows(self) -> None:
        """Count a value that is looked at to tell what a size is here; raises `Unfit` if they become too many."""
        self.tried.followed += 1
        if self.tried.followed > MOST_FOLLOWED:
            raise Unfit(
                f"at another input size, a file may have {MOST_FOLLOWED:,} values looked at to tell what its sizes are there; "
                "export it with open sizes"
            )

    # -- presentations -------------------------------------------------------------------------------------------

    def present(self, value: Value, order: Sequence[int | None]) -> str:
        """The edge with these axes of a value, in this order (None: an axis of size 1), made if there is none yet."""
        tensor = self.tensor_of(value, [axis for axis in order if axis is not None])
        key = value.native(order)
        if edge := tensor.edges.get(key):
            return edge
        if not tensor.edges and not self.is_contiguous(value):
            self.present_key(tensor, tensor.preferred)
        return self.present_key(tensor, key, moved=not self.is_contiguous(value))

    def present_key(self, tensor: Tensor, key: Key, *, moved: bool = False) -> str:
        """The edge of a tensor with these axes: there already, another reading of one, or a transposition."""
        if edge := tensor.edges.get(key):
            return edge
        shape = tensor.shown(key)
        near = next((at for at in tensor.edges if tensor.plain(at) == tensor.plain(key)), None)
        if near is not None and tensor.shown(near) == shape:
            edge = tensor.edges[near]
        elif near is None and moved:
            edge = self._transposition(tensor, key)
        else:
            made = tensor.edges.get(near) if near is not None else next(iter(tensor.edges.values()), None)
            edge = self._reading(made or self.any(_viewed(tensor))[0], shape, None if made else tensor.read_by)
        tensor.edges[key] = edge
        return edge

    def _reading(self, base: str, shape: Shape, op: Op | None) -> str:
        """An edge that reads another in a shape, for an op of the file if it stands for one."""
        if self.walk.shapes[base] == shape:
            return base
        kind = "flatten" if len(shape) == 1 else "reshape"
        attrs = {"shape": list(shape)} if kind == "reshape" else {}
        return self.emit(op, kind, [base], attrs).node.name if op else self.node(base, kind, [base], attrs)

    def _transposition(self, tensor: Tensor, key: Key) -> str:
        """A node that really moves a tensor's elements; from there on they are stored so."""
        known, base = next(iter(tensor.edges.items()))
        kept = [axis for axis in known if axis is not None]
        wanted = [axis for axis in key if axis in kept]
        order = [known.index(axis) for axis in (*(at for at in known if at not in wanted), *wanted)]
        edge = self.node(base, "transpose", [base], {"axes": order})
        if self.walk.shapes[edge] == tensor.shown(key):
            return edge
        return self.node(base, "reshape", [edge], {"shape": list(tensor.shown(key))})

    def is_read_as_data(self, value: Value) -> bool:
        """Whether a constant has been put out by a source already."""
        return value.tensor is not None

    def is_stored_before(self, value: Value, axis: int, other: int) -> bool:
        """Whether an axis stands before another in the order in which a value is presented, or will be."""
        tensor = self.tensor_of(value)
        memory = next(iter(tensor.edges), None) or tensor.memory
        here, there = value.axes[axis], value.axes[other]
        return here in memory and there in memory and memory.index(here) < memory.index(there)

    def is_contiguous(self, value: Value) -> bool:
        """Whether the file's runtime stores the value in its own order of axes: no transposition is pending."""
        tensor = self.tensor_of(value)
        memory = tensor.in_memory()
        return tuple(axis for axis in value.axes if axis in memory) == memory

    def any(self, value: Value) -> tuple[str, tuple[int | None, ...]]:
        """An edge of a value, whichever there is, and its axes in the value's order (None: one that the value lacks)."""
        tensor = self.tensor_of(value)
        key = next(iter(tensor.edges), None)
        if key is None:
            key = tensor.preferred
            self.present_key(tensor, key)
        where = {axis: at for at, axis in enumerate(value.axes) if axis is not None}
        return tensor.edges[key], tuple(None if axis is None else where.get(axis) for axis in key)

    def tensor_of(self, value: Value, wanted: Sequence[int] | None = None) -> Tensor:
        """The tensor of a value; a constant that is read as data becomes a source of it, in the order that is wanted."""
        if value.tensor is None:
            channel = 1 if self.rules.channels == 1 and value.rank > 3 else -1
            order = wanted if wanted is not None else channels_at(value, channel) if value.rank else ()
            place = {axis: i for i, axis in enumerate(order)}
            sizes = tuple(value.shape[axis] for axis in order)
            key = tuple(range(len(order)))
            value.tensor = Tensor(sizes, tuple(place[axis] for axis in sorted(order)), key)
            value.axes = tuple(place.get(axis) for axis in range(value.rank))
            value.tensor.edges[key] = self._source(value, sizes or (1,))
        return value.tensor

    def count(self, value: Value) -> None:
        """Have a source count a stored tensor from which something is computed before anything runs, and that none reads."""
        self.tensor_of(value)

    def _source(self, value: Value, shape: Shape) -> str:
        """A node that puts out a constant: stored and counted there, or computed without anything stored.

        What is computed from several stored tensors, or from one of another size, has each of them counted by itself. Single
        numbers say how something is computed, and are not learnt unless the format says so.
        """
        stored = tuple(one for one in value.stored if one.elements > 1 or one.trainable)
        is_whole = sum(one.elements for one in stored) == product(value.shape)
        if value.computed and not (is_whole and len({one.trainable for one in stored}) == 1):
            for one in stored:
                if one.name not in self.accounts.used and one.name not in self.accounts.aside:
                    self.count(stored_value(one))
            stored = ()
        trains = all(one.trainable is not False and one.dtype in FLOATS for one in stored)
        name = self.names.stored(value.stored[0].name if value.stored else "constant", self.path)
        attrs: dict[str, Any] = {"shape": list(shape)} | ({} if stored else {"stored": False})
        weights = {"weights": (value,)} if stored else {}
        return self.emit(Op("", "", (), ()), "source", [], attrs, weights, trainable=trains, name=name).node.name

    # -- nodes ---------------------------------------------------------------------------------------------------

    def emit(
        self,
        op: Op,
        kind: str,
        edges: Sequence[str],
        attrs: Mapping[str, Any] | None = None,
        weights: Weights | None = None,
        *,
        trainable: bool = True,
        name: Name | None = None,
    ) -> Step:
        """Add a node for an op; `weights` are the stored tensors that it uses: field of the ledger -> values.

        Raises `Unfit` if it cannot be built, or if it needs other weights than the file stores for it.
        """
        if len(self.walk.steps) >= MOST_NODES:
            raise Unfit(f"a model may have at most {MOST_NODES:,} nodes")
        name = name or self.names.take(op, kind, weighted=bool(weights or op.layer))
        learnt = stored_in(one for field in ("weights", "biases") for one in (weights or {}).get(field, ()))
        is_frozen = bool(learnt) and all(one.trainable is False for one in learnt)
        shares = self.accounts.shares(kind, weights or {}, op.layer)
        node = Node(
            name.path,
            kind,
            tuple(edges),
            _converted(kind, attrs or {}),
            name.scope,
            form=_form(op, kind),
            form_known=bool(op.form),
            shares=shares,
            trainable=trainable and op.trainable and not is_frozen,
            dtypes=self.dtypes(op, weights or {}),
        )
        step = self.walk.step(node)
        self.accounts.use(step, weights or {}, op.layer)
        return step

    def part(self, op: Op, what: str, reads: Sequence[str] = ()) -> Op:
        """A step on the way to what an op makes, that no tensor of the file stands for; its elements are of the same type."""
        name = f"{op.outputs[0]} {what}"
        self.parts[name] = op.outputs[0]
        return replace(op, inputs=tuple(reads) or op.inputs, outputs=(name,))

    def stated(self, name: str) -> Stated | None:
        """What the file states about a value, or about what it is a part of."""
        return self.body.stated.get(self.parts.get(name, name))

    def dtypes(self, op: Op, weights: Weights) -> dict[str, str]:
        """The types of a node's tensors that are not the usual one: of what it makes as the file states, of its weights."""
        made = self.stated(op.outputs[0]) if op.outputs else None
        found = dict(op.dtypes)
        if made is not None and made.dtype:
            found["outputs"] = made.dtype
        for name, values in weights.items():
            found[name] = next((one.dtype for one in stored_in(values)), "")
        return {role: dtype for role, dtype in found.items() if dtype not in ("", DEFAULT_DTYPE)}

    def node(self, base: str, kind: str, edges: Sequence[str], attrs: Mapping[str, Any]) -> str:
        """Add a node that no op of the file stands for, named after the edge that it reads, and of its type."""
        made = self.walk.made.get(base.partition(":")[0])
        scope = made.node.scope if made else ()
        leaf = base.replace(":", "_").removeprefix(".".join(scope)).lstrip(".")
        name = self.names.unique(scope, f"{leaf}_{kind}")
        node = Node(name.path, kind, tuple(edges), OPS[kind].convert(attrs), name.scope)
        dtype = edge_dtype(base, self.walk.made, self.input_dtypes)
        typed = replace(node, dtypes={"outputs": dtype}) if dtype not in ("", DEFAULT_DTYPE) else node
        return self.walk.step(typed).node.name

    # -- what an op makes ----------------------------------------------------------------------------------------

    def define(self, op: Op, value: Value, i: int = 0) -> None:
        """The i-th value that an op makes."""
        self._computes(len(value.contents) if value.computed and value.contents else 0)
        if i < len(op.outputs) and op.outputs[i]:
            stated = self.stated(op.outputs[i])
            if not value.dtype and stated is not None:
                value.dtype = stated.dtype
            self.values[op.outputs[i]] = value

    def result(
        self, op: Op, step: Step, order: Sequence[int | None], rank: int, i: int = 0, like: Value | None = None
    ) -> Value:
        """Define the i-th output of an op by an output of a node, whose axes are these of the file's; others have size 1.

        It is stored in the file's order of axes, or in that of a value `like` it, whose axes may still have to be moved.
        """
        edge, out = output_edges(step.node, step.cost)[i], step.cost.out[i]
        shape: list[Dim] = [1] * rank
        axes: list[int | None] = [None] * rank
        for at, axis in enumerate(order):
            if axis is not None:
                shape[axis], axes[axis] = out[at], at
        memory = tuple(axis for axis in axes if axis is not None)
        if like is not None and like.tensor is not None and like.rank == rank:
            place = {axis: like.tensor.memory.index(one) for axis, one in enumerate(like.axes) if one is not None}
            moved = sorted(
                (axis for axis in range(rank) if axes[axis] is not None), key=lambda axis: place.get(axis, -1)
            )
            memory = tuple(one for axis in moved if (one := axes[axis]) is not None)
        left = tuple(at for at in range(len(out)) if at not in memory)
        key = tuple(range(len(out)))
        value = Value(tuple(shape), "", Tensor(out, (*left, *memory), key, {key: edge}), tuple(axes))
        self.define(op, value, i)
        return value

    def layer(
        self,
        op: Op,
        kind: str,
        value: Value,
        order: Sequence[int | None],
        attrs: Mapping[str, Any] | None = None,
        weights: Weights | None = None,
    ) -> Value:
        """An op with one node that keeps the axes of what it reads, in this order: most of them."""
        step = self.emit(op, kind, [self.present(value, order)], attrs, weights)
        return self.result(op, step, order, value.rank, like=None if OPS[kind].axes else value)

    def pointwise(
        self, op: Op, kind: str, value: Value, attrs: Mapping[str, Any] | None = None, weights: Weights | None = None
    ) -> Value:
        """An op with one node that keeps the shape, and does not mind the order of axes."""
        edge, order = self.any(value)
        step = self.emit(op, kind, [edge], attrs, weights)
        return self.result(op, step, order, value.rank, like=value)

    def same(self, op: Op, value: Value, i: int = 0) -> None:
        """An op that hands on what it reads."""
        self.define(op, replace(value, dtype=""), i)

    def constant(self, op: Op, known: Known, i: int = 0) -> None:
        """An op whose result is known before anything runs: a shape, or computed from one."""
        self.define(op, Value(known.shape, contents=known.elements, computed=True), i)

    def computed(self, op: Op, values: Iterable[Value], known: Known) -> None:
        """An op whose result is computed from constants before anything runs; its elements, where they are known.

        Those of more than 64 bits are not: squares of squares would soon have more digits than memory holds.
        """
        whole = product(known.shape) == len(known.elements) <= MOST_CONTENTS
        stored = tuple(dict.fromkeys(one for value in values for one in value.stored))
        contents = known.elements if whole and all(map(fits, known.elements)) else None
        self.define(op, Value(known.shape, contents=contents, stored=stored, computed=True))

    def relabel(self, op: Op, value: Value, order: Sequence[int | None]) -> None:
        """An op that leaves out axes of size 1, or puts in some (None)."""
        shape = tuple(1 if axis is None else value.shape[axis] for axis in order)
        axes = value.native(order) if value.tensor is not None else ()
        self.define(op, replace(value, shape=shape, dtype="", axes=axes))

    def transpose(self, op: Op, value: Value, order: Sequence[int]) -> None:
        """An op that puts the axes into another order."""
        if sorted(order) != list(range(value.rank)):
            raise Unfit(f"puts axes into the order {tuple(order)}, but its input has {value.rank}")
        self._computes(len(value.contents or ()))
        self.define(op, transposed(value, order))

    def reshape(self, op: Op, value: Value, shape: Sequence[Dim]) -> None:
        """An op that reads the same elements in another shape, every size of which is known."""
        had, has = product(value.shape), product(shape)
        if any(type(size) is int and size < 0 for size in shape):
            raise Unfit(f"reshapes {shape_text(value.shape)} to {shape_text(tuple(shape))}, which is no shape")
        if not is_symbolic(had - has) and not _all(had == has):
            raise Unfit(f"reshapes {shape_text(value.shape)} to {shape_text(tuple(shape))}, which has other elements")
        if value.tensor is None:
            self.define(op, replace(value, shape=tuple(shape), dtype=""))
            return
        groups = self.cuts(op, value.shape, shape)
        if not is_view(value, groups) and self._shuffled(op, value, tuple(shape), groups):
            return
        if not is_view(value, groups):
            self.present(value, channels_at(value, -1))
            order = channels_at(value, -1)
            value = self._settled(value, order)
        made = reshaped(value, tuple(shape), groups)
        assert made.tensor is not None
        made.tensor.read_by = op
        channel = self.wanted.get(op.outputs[0])
        if channel is not None and self.is_contiguous(made) and -made.rank <= channel < made.rank:
            made.tensor.preferred = made.native(channels_at(made, channel))
        self.define(op, made)

    def _shuffled(self, op: Op, value: Value, shape: Shape, groups: Sequence[Cut]) -> bool:
        """Whether a reshape is the last of three ops that shuffle channels, which then become one."""
        found = shuffle(value, groups)
        if found is None:
            return False
        whole, parts = found
        (at,) = (group.new[0] for group in groups if len(group.old) > 1)
        if len(whole.shape) != len(shape) or not all(same(a, b) is True for a, b in zip(whole.shape, shape)):
            return False
        order = channels_at(whole, at)
        if len(order) < 2:
            return False
        self.layer(op, "channel_shuffle", whole, order, {"groups": parts})
        return True

    def _settled(self, value: Value, order: Sequence[int]) -> Value:
        """A value whose elements have been moved into this order of axes."""
        edge = self.present(value, order)
        sizes = tuple(value.shape[axis] for axis in order)
        key = tuple(range(len(order)))
        place = {axis: i for i, axis in enumerate(order)}
        return Value(
            value.shape, value.dtype, Tensor(sizes, key, key, {key: edge}), tuple(map(place.get, range(value.rank)))
        )

    def cuts(self, op: Op, old: Shape, new: Sequence[Dim]) -> tuple[Cut, ...]:
        """The groups of axes of a reshape: those at the file's own size, where this is another one."""
        if self.own is None:
            return cuts(old, new)
        was, became = self.own_shape(op.inputs[0]), self.own_shape(op.outputs[0])
        found = cuts(was, became)
        for group in found:
            if len(group.old) > 1:
                self.merged[tuple(was[at] for at in group.old)] = tuple(old[at] for at in group.old)
        return found

    def own_shape(self, name: str) -> tuple[int, ...]:
        """The native shape of a value at the file's own size; raises `Unsupported` if it does not occur there."""
        if self.own is None or name not in self.own:
            raise Unsupported("at the file's own size it does not run")
        return self.own[name]

    def fitted(self, op: Op, value: Value, wanted: Sequence[Any]) -> tuple[Dim, ...]:
        """The shape that a reshape asks for: -1 is what the others leave.

        Sizes that the file has fixed at its own size are derived again from what they were made of: an axis that stays,
        axes that are merged, axes that were merged before. Raises `Unfit` for any other.
        """
        if all(type(size) is int for size in wanted) and self.own is not None:
            was = self.own_shape(op.inputs[0])
            if any(same(now, then) is not True for now, then in zip(value.shape, was)):
                return self._derived(op, value.shape, was, wanted)
        return rest_filled(wanted, product(value.shape))

    def _derived(self, op: Op, now: Shape, was: tuple[int, ...], wanted: Sequence[int]) -> tuple[Dim, ...]:
        became = self.own_shape(op.outputs[0])
        sizes: list[Dim] = list(became)
        for group in cuts(was, became):
            before = tuple(was[at] for at in group.old)
            here = tuple(now[at] for at in group.old)
            if all(same(a, b) for a, b in zip(before, here)):
                continue
            parts = tuple(became[at] for at in group.new)
            rest = [at for at in group.new if wanted[at] == -1]
            if len(parts) == 1:
                found: Shape = (product(here),)
            elif before == parts:
                found = here
            elif parts in self.merged and same(product(self.merged[parts]), product(here)) is not False:
                found = self.merged[parts]
            elif rest:
                others = product(became[at] for at in group.new if at not in rest)
                found = tuple(product(here) // others if at in rest else became[at] for at in group.new)
            else:
                raise Unfit(
                    f"the file fixes a reshape of {shape_text(was)} to {shape_text(became)}, so that it cannot be read at "
                    "another input size; export it with open sizes"
                )
            for at, size in zip(group.new, found):
                sizes[at] = size
        return tuple(sizes)

    def unknown(
        self, op: Op, why: str, shapes: Sequence[Shape] = (), *, batched: bool = True, behind: bool = False
    ) -> None:
        """An op that convcost cannot tell the cost of: of shapes that its rule knows, or the file states, or of unknown ones.

        It may be unknown only because it stands `behind` one.
        """
        edges = []
        for name in op.inputs:
            value = self.find(name)
            if value is not None and not value.lost and value.tensor is not None:
                edges.append(self.any(value)[0])
        found = shapes or self._stated_shapes(op, batched)
        attrs: dict[str, Any] = {
            "type": one_line(op.type)[:LONGEST_TYPE],
            "why": one_line(why)[:LONGEST_WHY],
            "behind": behind,
        }
        if not found:
            step = self.emit(op, "unknown", edges, attrs)
            first = why if behind else f"behind {op.type} {step.node.name}, whose shape is not known"
            self.values.update({name: Value((), lost=first) for name in op.outputs if name})
            return
        orders = [tuple(range(1 if len(shape) > 1 and is_one(shape[0]) else 0, len(shape))) for shape in found]
        attrs["shape"] = [[shape[at] for at in order] or [1] for shape, order in zip(found, orders)]
        step = self.emit(op, "unknown", edges, attrs)
        made = replace(op, outputs=tuple(filter(None, op.outputs)))
        for i, (shape, order) in enumerate(zip(found, orders)):
            self.result(made, step, order, len(shape), i)

    def _stated_shapes(self, op: Op, batched: bool) -> list[Shape] | None:
        """The shapes that the file states for all that an op makes, an open batch as 1; None if it does not, or elsewhere."""
        found: list[Shape] = []
        batches = {one.shape[0] for one in self.model.body.inputs.values() if one.shape} - {None}
        for name in filter(None, op.outputs):
            stated = self.stated(name)
            shape = stated.shape if stated is not None else None
            if shape is None or self.own is not None:
                return None
            known = [
                1 if i == 0 < len(shape) - 1 and not isinstance(size, int) and (batched or size in batches) else size
                for i, size in enumerate(shape)
            ]
            if not all(isinstance(size, int) and size > 0 for size in known):
                return None
            found.append(tuple(known))
        return found


def _form(op: Op, kind: str) -> str:
    """How a node is written that stands for an op: what only reads elements otherwise has no form, and a mean only as a pool."""
    has_none = op.form == MODULE or OPS[kind].traits.view != "none"
    return "" if has_none or (op.form == "mean" and kind != "global_avg_pool") else op.form


def _converted(kind: str, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as an op takes them; raises `Unfit` that names the one that it does not."""
    try:
        return OPS[kind].convert(attrs)
    except Unfit:
        for name, value in attrs.items():
            try:
                OPS[kind].attrs[name].kind.convert(value)
            except Unfit as error:
                raise Unfit(f"{name} {error}") from None
        raise


Rule: TypeAlias = Callable[[Lowering, Op], None]


def rest_filled(wanted: Sequence[Any], count: Dim) -> tuple[Dim, ...]:
    """A shape with its -1, if it has one, as what the other sizes leave of so many elements."""
    rest = [at for at, size in enumerate(wanted) if type(size) is int and size == -1]
    if len(rest) > 1 or any(type(size) is int and size < 0 and at not in rest for at, size in enumerate(wanted)):
        raise Unfit(f"asks for a shape of {', '.join(map(str, wanted))}")
    others = product(size for at, size in enumerate(wanted) if at not in rest)
    if type(others) is int and others == 0:
        raise Unfit(f"asks for a shape of {', '.join(map(str, wanted))}, which has no elements")
    return tuple(count // others if at in rest else size for at, size in enumerate(wanted))


def _edges(tensor: Tensor) -> Iterable[str]:
    """The edges of a tensor, or of the one that it is a reading of."""
    if not tensor.edges and tensor.view_of is not None:
        tensor = _viewed(tensor).tensor or tensor
    return tensor.edges.values()


def _viewed(tensor: Tensor) -> Value:
    """The value that a tensor without edges is a reading of, or what that is a reading of in turn."""
    assert tensor.view_of is not None, "a tensor without edges is another reading of one that has some"
    value = tensor.view_of
    while value.tensor is not None and not value.tensor.edges and value.tensor.view_of is not None:
        value = value.tensor.view_of
    return value


def _all(holds: Any) -> bool:
    return bool(holds.all()) if hasattr(holds, "all") else bool(holds)


def _needed(body: Body, effects: Iterable[str], known: dict[int, tuple[str, ...]]) -> set[str]:
    """The names of all values that an output, or what is kept for the next run, depends on."""
    needed = {*body.outputs, *(name for op in body.ops if op.type in effects for name in op.inputs if name)}
    for op in reversed(body.ops):
        if needed.intersection(op.outputs):
            needed.update(reads(op, known))
    return needed


def wanted_channels(body: Body, rules: Rules) -> dict[str, int]:
    """Value -> the axis that those that read it take for its channels, where one of them says so."""
    wanted: dict[str, int] = {}
    for op in reversed(body.ops):
        wants = rules.wants.get(op.type)
        made = wanted.get(op.outputs[0]) if op.outputs else None
        channel = made if wants == "same" else wants(op, made) if callable(wants) else wants
        if isinstance(channel, int):
            for name in op.inputs if wants == "same" or op.type in rules.of_all else op.inputs[:1]:
                wanted[name] = channel
    return wanted
