"""Syntax + knob values -> graph.

Structure and shapes are elaborated together, because a condition may depend on the current shape; so the result
includes its costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from convcost.core import axes
from convcost.core.dims import Dim, Shape, is_symbolic
from convcost.core.errors import MOST_PROBLEMS, Problem, SpecError, Where, did_you_mean
from convcost.core.reading import whole_number
from convcost.core.units import say
from convcost.graph.graph import INPUT, Graph, Node
from convcost.graph.walk import Misfit, Walked, output_edges
from convcost.ops import OPS, Unfit
from convcost.ops.attributes import Integer
from convcost.spec.hints import op_hint
from convcost.spec.lookup import Lookup, TooLarge
from convcost.spec.place import NOWHERE, UNKNOWN, Env, Flow, Place, Unknown
from convcost.spec.reader import NOTHING
from convcost.spec.syntax import Branch, Broken, BrokenCall, Call, Each, Item, LayerGroup, Parallel, Spec

MOST_NODES = 5_000
DEEPEST = 24
MOST_NESTED = 100
_SIZE = Integer(1)


@dataclass(frozen=True, slots=True)
class Elaborated:
    """A network with every choice made: the graph, and the walk that was needed to make it."""

    walked: Walked
    knobs: Mapping[str, Any]
    """The knob values that the network depends on."""
    assumptions: tuple[Any, ...] = ()
    """Over symbols: the assumptions made where a condition could not be decided."""


class Attempt(NamedTuple):
    """A network, or the problems found instead, and the number of steps that it took."""

    network: Elaborated | None
    problems: list[Problem]
    steps: int


def elaborate(spec: Spec, knobs: Mapping[str, Any], inputs: Mapping[str, Shape] | None = None) -> Elaborated:
    """Build the network for these knob values; raises `SpecError` with every problem found.

    `inputs` replaces the shapes that the spec states for inputs of these names; a single one without a name is `INPUT`.
    """
    network, problems, _ = attempt(spec, knobs, inputs)
    if network is None or problems:
        raise SpecError(problems)
    return network


def attempt(
    spec: Spec,
    knobs: Mapping[str, Any],
    inputs: Mapping[str, Shape] | None = None,
    most_problems: int = MOST_PROBLEMS,
) -> Attempt:
    """As `elaborate`, but return the problems, so that those of reading the file can be added.

    Raises `SpecError` if there are as many as `most_problems`.
    """
    lookup = Lookup(spec, knobs, most_problems)
    return Attempt(Builder(lookup).build(inputs), lookup.problems, lookup.steps)


class Builder:
    """Builds a network item by item."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.spec, self.walk = lookup.spec, lookup.walk
        self.sides: list[str] = []
        """Edges that are outputs of the network in addition to the end of its main path."""
        self.nesting = 0

    def build(self, inputs: Mapping[str, Shape] | None = None) -> Elaborated | None:
        place = Place(self.lookup.knobs, (), {}, coming=_names(self.spec.layers))
        for name in self.spec.inputs:
            place.layers[name] = self.input(name, place, (inputs or {}).get(name))
        flow = place.layers[next(iter(self.spec.inputs))]
        try:
            flow = self.sequence(self.spec.layers, place, flow)
        except TooLarge as error:
            self.lookup.problems.append(error.args[0])
            self.lookup.blind = True
        nodes = tuple(step.node for step in self.walk.steps)
        outputs = () if self.lookup.blind else self.outputs(place, flow)
        if not self.lookup.blind:
            self.lookup.refuse_unread(nodes, outputs)
        if self.lookup.problems or not flow.known:
            return None
        shapes = {name: self.walk.shapes[name] for name in self.spec.inputs}
        graph = Graph(self.spec.name, shapes, nodes, outputs)
        read = {name: value for name, value in self.lookup.knobs.items() if name in self.lookup.read}
        return Elaborated(Walked(graph, tuple(self.walk.steps)), read, tuple(self.lookup.assumptions))

    def outputs(self, place: Place, flow: Flow) -> tuple[str, ...]:
        """The outputs that the spec states, else the end of the main path and the side outputs."""
        if not self.spec.outputs:
            return (*flow.edges, *self.sides)
        names = [edge.name for edge in self.spec.outputs]
        for i, edge in enumerate(self.spec.outputs):
            if edge.name in names[:i]:
                self.lookup.complain(edge.where, "outputs", f"the name {edge.name!r} stands twice")
        with suppress(Unknown):
            return tuple(e for stated in self.lookup.edges(self.spec.outputs, place, "outputs") for e in stated.edges)
        return ()

    def input(self, name: str, place: Place, shape: Shape | None) -> Flow:
        """The flow of an input: of the shape that the spec states, or of another one instead."""
        stated, sizes, read = self.spec.inputs[name], [], set(self.lookup.read)
        names = axes.NAMES.get(len(stated), [f"size {i}" for i, _ in enumerate(stated, start=1)])
        for axis, value in zip(names, stated):
            what = f"input {axis}" if name == INPUT else f"inputs {name} {axis}"
            with suppress(Unknown):
                sizes.append(self.lookup.evaluate(value, place, NOWHERE, what, _SIZE.convert))
        if shape is None:
            shape = tuple(sizes) if len(sizes) == len(stated) else ()
        else:
            self.lookup.read.intersection_update(read)  # the knobs that only the replaced input reads play no part
        self.walk.shapes[name] = shape
        return Flow((name,)) if shape else UNKNOWN

    # -- sequences ---------------------------------------------------------------------------------------------

    def sequence(self, items: Sequence[Item], place: Place, flow: Flow) -> Flow:
        self.nesting += 1
        if self.nesting > MOST_NESTED:
            raise TooLarge(Problem(items[0].where, place.path(), f"sequences nest deeper than {MOST_NESTED}"))
        for item in items:
            flow = self.item(item, place, flow)
        self.nesting -= 1
        return flow

    def item(self, item: Item, place: Place, flow: Flow) -> Flow:
        """Build an item and return its output."""
        self.lookup.count(item.where, place)
        label = item.name or (item.body.target if isinstance(item.body, Call) else "")
        inputs = [flow]
        try:
            inputs = self.lookup.edges(item.inputs, place, label) if item.inputs else inputs
            current = inputs[0]
            if item.condition is not None and not self.lookup.decide(item.condition, place, current, label):
                place.skipped.add(item.name or "")
                return flow
            if item.repeat is None:
                result = self.body(item, item.body, place, inputs, item.name)
            else:
                result = self.repeated(item, place, inputs, label)
        except Unknown:
            result = UNKNOWN
            self.lookup.blind |= not isinstance(item.body, (Call, BrokenCall))  # what it would have read is not known
        if not result.known:
            self.lookup.consumed.update(edge for read in inputs for edge in read.edges)
        if item.name:
            place.layers[item.name] = result
        if item.side:
            self.sides += result.edges
            return flow
        return result

    def repeated(self, item: Item, place: Place, inputs: list[Flow], label: str) -> Flow:
        assert item.repeat is not None
        times = self.lookup.evaluate(item.repeat, place, inputs[0], "repeat", Integer(0).convert, label)
        if is_symbolic(times):
            self.lookup.complain(
                item.repeat.where, place.path(), f"repeat must be a number, got {times}: depth is no symbol"
            )
            raise Unknown
        if times > MOST_NODES:
            what = f"repeat must be <= {MOST_NODES:,}, got {times:,}"
            raise TooLarge(Problem(item.repeat.where, place.path(label), what))
        return self.repetitions(item, place, inputs, times)[0]

    def repetitions(self, item: Item, place: Place, inputs: list[Flow], times: Dim, first: int = 0) -> list[Flow]:
        """Build an item `times` times in sequence, starting with number `first`, the first that is not built yet."""
        for i in range(first, times):
            inputs = self.repetition(item, place, inputs, i)
        return inputs

    def repetition(self, item: Item, place: Place, inputs: list[Flow], i: int) -> list[Flow]:
        """Build the i-th repetition of an item; returns the inputs of the next one."""
        self.lookup.count(item.where, place)
        body = item.body
        if i > 0 and isinstance(body, Call):
            body = body._replace(args={**body.args, **item.then})
        result = self.body(item, body, place, inputs, repeated_name(item, i), made=True)
        # A result of several parts is all that the next one reads: the state that a cell passes on.
        return [result] if len(result.edges) > 1 else [result, *inputs[1:]]

    def body(
        self, item: Item, body: object, place: Place, inputs: list[Flow], name: str | None, *, made: bool = False
    ) -> Flow:
        if isinstance(body, Call):
            return self.call(item.where, body, place, inputs, name, made=made)
        if isinstance(body, Broken):
            self.lookup.blind |= not isinstance(body, BrokenCall)
            return UNKNOWN
        # A name makes a scope of its own; without one the content belongs to the scope around it.
        inner = place
        if name:
            self.lookup.take(name, place, item.where, made=made)
            inner = place.inner(scope=(*place.scope, name), taken={}, counts={})
        if isinstance(body, LayerGroup):
            return self.sequence(body.items, inner.sequence(_names(body.items)), inputs[0])
        if isinstance(body, Each):
            return self.table(body, inner, inputs[0])
        assert isinstance(body, Parallel)
        return self.parallel(item, body, inner, inputs[0])

    def table(self, table: Each, place: Place, flow: Flow) -> Flow:
        for i, cells in enumerate(table.rows, start=1):
            row = {}
            for column, cell in zip(table.columns, cells):
                try:
                    row[column] = self.lookup.evaluate(cell, place, flow, f"column {column}")
                except Unknown:
                    self.lookup.blind = True
                    return UNKNOWN
            labelled = {label if (n := whole_number(label)) is None else n: value for label, value in row.items()}
            name = str(row.get("name", f"stage{i}"))
            made = "name" not in row
            values = {**place.values, **row, "row": labelled}
            if _is_single(table.items):
                inner, items = place.inner(values=values), [table.items[0]._replace(name=name)]
            else:
                self.lookup.take(name, place, cells[0].where, made=made)
                changes = {"values": values, "scope": (*place.scope, name), "taken": {}, "counts": {}}
                inner = place.sequence(_names(table.items), **changes)
                items = list(table.items)
            flow = self.sequence(items, inner, flow)
            place.layers[name] = flow
        return flow

    def parallel(self, item: Item, body: Parallel, place: Place, flow: Flow) -> Flow:
        """Build the branches whose condition holds, and join them; a single one needs no join."""
        ends = []
        for branch in body.branches:
            start = self.lookup.edges(branch.inputs, place, branch.name)[0] if branch.inputs else flow
            if branch.condition is None or self.lookup.decide(branch.condition, place, start, branch.name):
                ends.append(self.branch(branch, place, start))
        if not ends:
            self.lookup.complain(item.where, place.path(), "no branch is left: the condition of each is false")
            return UNKNOWN
        if len(ends) == 1:
            return ends[0]
        self.lookup.consumed.update(edge for end in ends for edge in end.edges)
        joined = self.call(body.join.where, body.join, place, ends, None)
        here = [name for name, (_, where) in place.nameless.items() if where == body.join.where]
        place.nameless.update(dict.fromkeys(here, ("parallel", item.where)))  # what a name can be given to
        return joined

    def branch(self, branch: Branch, place: Place, start: Flow) -> Flow:
        names = place.coming | _names(branch.items)
        return self.sequence(branch.items, place.sequence(names), start)

    # -- calls -------------------------------------------------------------------------------------------------

    def call(
        self, where: Where, call: Call, place: Place, inputs: list[Flow], name: str | None, *, made: bool = False
    ) -> Flow:
        """Build an op or a block; an argument used as an op is replaced by the op or block that it names."""
        target = place.values.get(call.target, call.target)
        if target is not call.target:
            self.lookup.read.add(call.target)
        if target == NOTHING:
            return inputs[0]
        if isinstance(target, Broken):
            return UNKNOWN
        if not isinstance(target, str) or (target not in OPS and target not in self.spec.blocks):
            hint = op_hint(str(target), [*OPS, *self.spec.blocks])
            self.lookup.complain(
                call.where, place.path(), f"{call.target} must name an op or a block, got {say(target)}{hint}"
            )
            return UNKNOWN
        if target in self.spec.blocks and self.spec.blocks[target].broken:
            return UNKNOWN
        known_args = OPS[target].attrs if target in OPS else self.spec.blocks[target].args
        for arg, value in call.args.items():
            if arg not in known_args:
                self.lookup.complain(
                    value.where, place.path(name or target), f"{target} has no {arg!r}{did_you_mean(arg, known_args)}"
                )
                return UNKNOWN
        local = self.lookup.take(name, place, where, made=made) if name else self.lookup.free(target, place, call)
        build = self.op if target in OPS else self.block
        return build(where, target, call, place, inputs, local)

    def op(self, where: Where, target: str, call: Call, place: Place, inputs: list[Flow], name: str) -> Flow:
        env = Env(place, inputs[0], self.walk, self.lookup.read)
        attributes = OPS[target].attrs
        broken = self.lookup.refuse_missing(
            call, target, [a.name for a in attributes.values() if a.required], place.path(name)
        )
        attrs = {arg: attr.default for arg, attr in attributes.items()}
        for arg in call.args:
            attr = attributes[arg]
            try:
                attrs[arg] = self.lookup.evaluate_in(env, call.args[arg], place.path(name), arg, attr.kind.convert)
            except Unknown:
                broken = True
        if not OPS[target].inputs and not OPS[target].variadic:
            inputs = []  # what stands before it is there for expressions only
        if broken or not all(flow.known for flow in inputs):
            return UNKNOWN
        edges: list[str] = []
        for flow in inputs:
            if len(flow.edges) > 1:
                self.lookup.complain(
                    where, place.path(name), f"the input has {len(flow.edges)} parts; say which, as in: name:0"
                )
                return UNKNOWN
            edges += flow.edges
        *scope, local = (*place.scope, *name.split("."))
        node = Node(".".join((*scope, local)), target, tuple(edges), attrs, tuple(scope), where, call.form)
        if len(self.walk.steps) >= MOST_NODES:
            raise TooLarge(Problem(where, place.path(), f"a network may have {MOST_NODES:,} layers, this one has more"))
        try:
            step = self.walk.step(node)
        except Unfit as error:
            self.lookup.complain(where, place.path(name), str(error))
            self.lookup.consumed.update(node.inputs)
            cost = error.cost if isinstance(error, Misfit) else None
            return Flow(output_edges(node, cost)) if cost else UNKNOWN
        return Flow(output_edges(node, step.cost))

    def block(self, where: Where, target: str, call: Call, place: Place, inputs: list[Flow], name: str) -> Flow:
        block = self.spec.blocks[target]
        if place.depth >= DEEPEST:
            raise TooLarge(Problem(where, place.path(), f"blocks nest deeper than {DEEPEST}"))
        if call.form:
            self.lookup.complain(call.where, place.path(name), f"as says how an op is written; {target} is a block")
        if len(inputs) == 1 < len(block.inputs):
            if not inputs[0].known:
                return UNKNOWN
            inputs = [Flow((edge,)) for edge in inputs[0].edges]
        if len(inputs) != len(block.inputs):
            need = f"{len(block.inputs)} input{'s' * (len(block.inputs) > 1)} ({', '.join(block.inputs)})"
            self.lookup.complain(where, place.path(name), f"{target} takes {need}, got {len(inputs)}")
            return UNKNOWN
        args = self.arguments(target, call, place, inputs[0], name)
        if args is None:
            return UNKNOWN
        inner = Place(
            values={**self.lookup.knobs, **args},
            scope=(*place.scope, *name.split(".")),
            taken={},
            layers=dict(zip(block.inputs, inputs)),
            coming=_names(block.items),
            depth=place.depth + 1,
        )
        flow = self.sequence(block.items, inner, inputs[0])
        if not block.outputs:
            return flow
        stated = self.lookup.edges(block.outputs, inner, "outputs")
        return Flow(tuple(edge for each in stated for edge in each.edges)) if all(e.known for e in stated) else UNKNOWN

    def arguments(self, target: str, call: Call, place: Place, flow: Flow, name: str) -> dict[str, Any] | None:
        """The values of a block's arguments; None if one is missing or cannot be found."""
        env, args = Env(place, flow, self.walk, self.lookup.read), {}
        path, stated = place.path(name), self.spec.blocks[target].args
        broken = self.lookup.refuse_missing(
            call, target, [arg for arg, default in stated.items() if default is None], path
        )
        for arg, default in stated.items():
            try:
                if arg in call.args:
                    args[arg] = self.lookup.evaluate_in(env, call.args[arg], path, arg)
                elif default is not None:
                    inside = Env(
                        place.inner(values={**self.lookup.knobs, **args}, layers={}),
                        flow,
                        self.walk,
                        self.lookup.read,
                    )
                    args[arg] = self.lookup.evaluate_in(inside, default, path, arg)
            except Unknown:
                broken = True
        return None if broken else args


def repeated_name(item: Item, i: int) -> str:
    """The name of the i-th repetition of an item, counted from 1 in names."""
    base = item.name or (item.body.target if isinstance(item.body, Call) else "part")
    return f"{base}{'_' if base[-1].isdigit() else ''}{i + 1}"


def _is_single(items: Sequence[Item]) -> bool:
    """Whether a table builds one op or block for each row, which then gets the row's name."""
    item = items[0]
    return len(items) == 1 and isinstance(item.body, Call) and item.name is None and item.repeat is None


def _names(items: Sequence[Item]) -> frozenset[str]:
    """The names that these items define in their scope."""
    names = {item.name for item in items if item.name}
    for item in items:
        if isinstance(item.body, Parallel):
            for branch in item.body.branches:
                names |= _names(branch.items)
    return frozenset(names)
