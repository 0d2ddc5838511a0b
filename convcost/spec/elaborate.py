"""Syntax + knob values -> graph.

Structure and shapes are elaborated together, because a condition may depend on the current shape; so the result
includes its costs.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.core import axes
from convcost.core.dims import Dim, Shape, is_array, is_symbolic
from convcost.core.errors import MOST_PROBLEMS, Problem, SpecError
from convcost.core.reading import whole_number
from convcost.graph.graph import INPUT, Graph
from convcost.graph.walk import Walked, not_usual
from convcost.ops import OPS
from convcost.ops.attributes import Integer
from convcost.spec.assumed import Assumed
from convcost.spec.bits import around
from convcost.spec.calls import MOST_NODES, CallBuilder, Reached, names_in, numbered
from convcost.spec.knobs import unsaid
from convcost.spec.lookup import Lookup, TooLarge
from convcost.spec.place import NONE, NOWHERE, UNKNOWN, Flow, Layer, Place, Sharing, Unknown
from convcost.spec.sharing import begin, refuse_rest
from convcost.spec.syntax import (
    Body,
    Branch,
    Broken,
    BrokenCall,
    Call,
    Each,
    EdgeName,
    Item,
    LayerGroup,
    Parallel,
    Spec,
    Use,
    Value,
    label,
)

if TYPE_CHECKING:
    from convcost.importers.imported import Imported

MOST_NESTED = 100
_SIZE = Integer(1)


@dataclass(frozen=True, slots=True)
class Elaborated:
    """A network with every choice made: the graph, and the walk that was needed to make it."""

    walked: Walked
    knobs: Mapping[str, Any]
    """The knob values that the network depends on."""
    assumed: Assumed
    """Over symbols: what was assumed where a condition could not be decided."""
    notes: tuple[str, ...] = ()
    """Of a model file: what people should know about its numbers."""


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


class Builder(CallBuilder):
    """Builds a network item by item."""

    def __init__(self, lookup: Lookup) -> None:
        super().__init__(lookup)
        self.sides: list[str] = []
        """Edges that are outputs of the network in addition to the end of its main path."""

    def build(self, inputs: Mapping[str, Shape] | None = None) -> Elaborated | None:
        unit = self.lookup.unit
        names, shares = names_in(self.spec.layers), self.spec.shares
        place = Place(unit.knobs, unit, self.lookup.built, (), {}, coming=names, shares=shares)
        if self.spec.foreign is not None:
            return self.foreign(self.spec.foreign, place, inputs or {})
        given = dict[str, str]()
        with suppress(Unknown):
            place.dtypes = self.lookup.dtypes(self.spec.dtypes, self.spec.bits, place, NOWHERE)
            given = not_usual(self.lookup.dtypes(self.spec.input_dtypes, self.spec.input_bits, place, NOWHERE))
        for name in self.spec.inputs:
            place.layers[name] = Layer(self.input(name, place, (inputs or {}).get(name)))
        flow = place.layers[next(iter(self.spec.inputs))].flow
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
        graph = Graph(self.spec.name, shapes, nodes, outputs, given)
        read = {name: value for name, value in unit.knobs.items() if name in unit.read}
        return Elaborated(Walked(graph, tuple(self.walk.steps)), read, self.lookup.assumed)

    def foreign(self, model: Imported, place: Place, given: Mapping[str, Shape]) -> Elaborated | None:
        """Build the network of a model file, whose inputs are the spec's."""
        self.lookup.problems += unsaid(self.spec, place.values, given)
        if self.lookup.problems:
            return None
        for name in self.spec.inputs:
            if shape := given.get(name):
                self.walk.shapes[name] = shape  # its own sizes may be open
            else:
                self.input(name, place, None)
        if self.lookup.problems:
            return None
        shapes = {name: self.walk.shapes[name] for name in self.spec.inputs}
        made = model.lower(self.walk, shapes, self.scalars(place))
        nodes = tuple(step.node for step in self.walk.steps)
        graph = Graph(self.spec.name, shapes, nodes, made.outputs, dtypes=made.dtypes)
        unit = self.lookup.unit
        read = {name: value for name, value in unit.knobs.items() if name in unit.read}
        walked = Walked(graph, tuple(self.walk.steps))
        return Elaborated(walked, read, self.lookup.assumed, made.notes)

    def scalars(self, place: Place) -> dict[str, int]:
        """The inputs of a model file whose value is said; what depends on it is another network at each."""
        said = {name: (knob, place.values[knob]) for name, knob in self.spec.scalars.items()}
        said = {name: (knob, value) for name, (knob, value) in said.items() if value is not None}
        place.unit.read.update(knob for knob, _ in said.values())
        return {name: operator.index(value) if is_array(value) else value for name, (_, value) in said.items()}

    def outputs(self, place: Place, flow: Flow) -> tuple[str, ...]:
        """The outputs that the spec states, else the end of the main path and the side outputs; each tensor once."""
        if not self.spec.outputs:
            return tuple(dict.fromkeys((*flow.edges, *self.sides)))
        names = [edge.name for edge in self.spec.outputs]
        for i, edge in enumerate(self.spec.outputs):
            if edge.name in names[:i]:
                self.lookup.complain(edge.where, "outputs", f"the name {edge.name!r} stands twice")
        with suppress(Unknown):
            stated = self.lookup.edges(self.spec.outputs, place, "outputs")
            return tuple(
                dict.fromkeys(edge for flow in stated for edge in flow.edges)
            )  # two names may be of one tensor
        return ()

    def input(self, name: str, place: Place, shape: Shape | None) -> Flow:
        """The flow of an input: of the shape that the spec states, or of another one instead."""
        stated, sizes, read = self.spec.inputs[name], [], set(place.unit.read)
        names = axes.NAMES.get(len(stated), [f"size {i}" for i, _ in enumerate(stated, start=1)])
        for axis, value in zip(names, stated):
            what = f"input {axis}" if name == INPUT else f"inputs {name} {axis}"
            with suppress(Unknown):
                sizes.append(self.lookup.evaluate(value, place, NOWHERE, what, _SIZE.convert))
        if shape is None:
            shape = tuple(sizes) if len(sizes) == len(stated) else ()
        else:
            place.unit.read.intersection_update(read)  # the knobs that only the replaced input reads play no part
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
        word = item.name or label(item.body)
        inputs = [flow]
        try:
            if item.condition is not None and not self.holds(item.condition, item.inputs, place, flow, word):
                self.skip(item, place)
                return flow
            inputs = self.lookup.edges(item.inputs, place, word) if item.inputs else [NONE] if item.alone else inputs
            if item.repeat is None:
                result = self.build_one(item, item.body, place, inputs, item.name)
            else:
                result = self.repeated(item, place, inputs, word)
        except Unknown:
            result = UNKNOWN
            self.lookup.blind |= not isinstance(item.body, (Call, BrokenCall))  # what it would have read is not known
            inputs = [flow, *(layer.flow for edge in item.inputs if (layer := place.find(edge.name.partition(":")[0])))]
        if not result.known:
            self.lookup.failures += 1
            self.lookup.consumed.update(edge for read in inputs for edge in read.edges)
        if item.name and item.start is None:
            self.name(item.name, place, result)
        if item.unused:
            self.lookup.consumed.update(result.edges)
        elif item.side:
            self.sides += result.edges
        if item.side:
            return flow
        return result

    def holds(self, condition: Value, inputs: Sequence[EdgeName], place: Place, flow: Flow, word: str) -> bool:
        """Whether to build something; what it reads is looked up only if the condition asks for its size."""
        first = (lambda: self.lookup.edges(inputs, place, word)[0]) if inputs else flow
        return self.lookup.decide(condition, place, first, word)

    def skip(self, item: Item, place: Place) -> None:
        if item.name:
            place.skipped.add(item.name)
            place.built.skipped.add(place.path(item.name))

    def name(self, name: str, place: Place, flow: Flow) -> None:
        """Let later layers read a layer by its name, and from outside by its path."""
        path = place.path(name)
        stands = place.built.last.get(path, path)
        place.layers[name] = Layer(flow, stands)
        for seen, before in place.glued:
            seen[before + name] = place.layers[name]
        place.built.flows[stands] = None if stands in self.walk.made else flow
        if path in self.ends:
            raise Reached(path, flow)

    def build_one(
        self, item: Item, body: Body, place: Place, inputs: list[Flow], name: str | None, first: str = ""
    ) -> Flow:
        """Build an item once, under a name; `first` is the path of its first repetition where this is a later one."""
        begun, failures = len(self.walk.steps), self.lookup.failures
        sharing = None
        if item.share is not None:
            sharing = begin(item.share, place, self.lookup, item.name or label(body))
            if first and sharing is None:
                sharing = Sharing(item.share.where, first)
            place = place.inner(sharing=sharing) if sharing else place
        if item.trainable is not None:
            word = item.name or label(body)
            if not self.lookup.decide(item.trainable, place, inputs[0], word, "trainable"):
                place = place.inner(trainable=False)
        if item.dtypes or item.bits:
            word = item.name or label(body)
            own = self.lookup.dtypes(item.dtypes, item.bits, place, inputs[0], word)
            place = place.inner(dtypes=around(place.dtypes, own))
        if item.glue:
            place = place.inner(glue=item.glue)
        made = item.repeat is not None
        if isinstance(body, Call) and not item.inputs:
            flow = self.call(item.where, body, place, inputs, name, made=made)
        else:
            flow = self.body(item, body, place, inputs, name, made=made)
        if name and (place.shares or item.share):
            place.built.span(place.path(name), begun, torn=self.lookup.failures > failures)
        if sharing and flow.known and self.lookup.failures == failures:
            refuse_rest(sharing, (begun, len(self.walk.steps)), self.lookup)
        return flow

    def repeated(self, item: Item, place: Place, inputs: list[Flow], word: str) -> Flow:
        assert item.repeat is not None
        return self.repetitions(item, place, inputs, self.times(item.repeat, place, inputs[0], word))[0]

    def times(self, repeat: Value, place: Place, flow: Flow, word: str) -> Dim:
        """How often to build something."""
        times = self.lookup.evaluate(repeat, place, flow, "repeat", Integer(0).convert, word)
        if is_symbolic(times):
            self.lookup.complain(
                repeat.where, place.path(), f"repeat must be a number, got {times}: depth is no symbol"
            )
            raise Unknown
        if times > MOST_NODES:
            raise TooLarge(Problem(repeat.where, place.path(word), f"repeat must be <= {MOST_NODES:,}, got {times:,}"))
        return times

    def repetitions(self, item: Item, place: Place, inputs: list[Flow], times: Dim, first: int = 0) -> list[Flow]:
        """Build an item `times` times in sequence, starting with number `first`, the first that is not built yet."""
        for i in range(first, times):
            before, found = inputs, () if inputs[0].known else self._found()
            inputs = self.repetition(item, place, inputs, i)
            # Behind a problem, those that follow one that says nothing say no more.
            if i and found and inputs == before and self._found() == found and not self.ends:
                for rest in range(i + 1, times):
                    self.lookup.take(repeated_name(item, rest), place, item.where, made=True)
                    self._stands(item, place, rest, UNKNOWN)
                break
        return inputs

    def _found(self) -> tuple[int, ...]:
        """How much has been built, and has been said to be wrong."""
        return len(self.walk.steps), len(self.lookup.problems), len(self.sides)

    def repetition(self, item: Item, place: Place, inputs: list[Flow], i: int) -> list[Flow]:
        """Build the i-th repetition of an item; returns the inputs of the next one."""
        self.lookup.count(item.where, place)
        body = item.body
        if i > 0 and isinstance(body, Call):
            body = body._replace(args={**body.args, **item.then})
        name = repeated_name(item, i)
        first = place.path(repeated_name(item, 0)) if i > 0 else ""
        result = self.build_one(item, body, place, inputs, name, first)
        self._stands(item, place, i, result)
        # A result of several parts is all that the next one reads: the state that a cell passes on.
        return [result] if len(result.edges) > 1 else [result, *inputs[1:]]

    def _stands(self, item: Item, place: Place, i: int, result: Flow) -> None:
        """Let later layers read the i-th repetition of an item, or know why they cannot."""
        name = repeated_name(item, i)
        if item.name:
            self.name(name, place, result)
            if item.start is None:
                place.built.last[place.path(item.name)] = place.path(name)
        else:
            base = label(item.body)
            place.built.nameless[place.path(name)] = base, base, item.where

    def body(
        self, item: Item, body: Body, place: Place, inputs: list[Flow], name: str | None, *, made: bool = False
    ) -> Flow:
        if isinstance(body, Call):
            if item.inputs:
                self.refuse_inputs(item, body, place)
            return self.call(item.where, body, place, inputs, name, made=made)
        if isinstance(body, Use):
            return self.use(item.where, body, place, inputs, name, made=made)
        if isinstance(body, Broken):
            self.lookup.blind |= not isinstance(body, BrokenCall)
            return UNKNOWN
        # A name makes a scope of its own; without one the content belongs to the scope around it.
        inner = place
        if name:
            self.lookup.take(name, place, item.where, made=made)
            inner = place.named(name)
        if isinstance(body, LayerGroup):
            return self.sequence(body.items, inner.sequence(names_in(body.items)), inputs[0])
        if isinstance(body, Each):
            return self.table(body, inner, inputs[0])
        return self.parallel(item, body, inner, inputs[0])

    def refuse_inputs(self, item: Item, call: Call, place: Place) -> None:
        """Complain about edges into an op that reads nothing."""
        target = place.values.get(call.target, call.target)
        if isinstance(target, str) and target in OPS and OPS[target].reads_nothing:
            what = f"{target} reads nothing: leave in out"
            self.lookup.complain(item.inputs[0].where, place.path(item.name or target), what)
            raise Unknown

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
                inner = place.named(name).sequence(names_in(table.items), values=values)
                items = list(table.items)
            flow = self.sequence(items, inner, flow)
            self.name(name, place, flow)
        return flow

    def parallel(self, item: Item, body: Parallel, place: Place, flow: Flow) -> Flow:
        """Build the branches whose condition holds, and join them; a single one needs no join."""
        ends: list[Flow] = []
        for branch in body.branches:
            self.lookup.count(branch.where, place)
            condition = branch.condition
            if condition is not None and not self.holds(condition, branch.inputs, place, flow, branch.name):
                continue
            start = self.lookup.edges(branch.inputs, place, branch.name)[0] if branch.inputs else flow
            ends += self.branches(branch, place, start)
        if not ends:
            self.lookup.complain(item.where, place.path(), "no branch is left: the condition of each is false")
            return UNKNOWN
        if len(ends) == 1:
            if body.name:
                place.skipped.add(body.name)
            return ends[0]
        self.lookup.consumed.update(edge for end in ends for edge in end.edges)
        joined = self.call(body.join.where, body.join, place, ends, body.name)
        if body.name:
            self.name(body.name, place, joined)
            return joined
        here = [name for name, (_, where) in place.nameless.items() if where == body.join.where]
        place.nameless.update(dict.fromkeys(here, ("parallel", item.where)))  # what a name can be given to
        return joined

    def branches(self, branch: Branch, place: Place, start: Flow) -> list[Flow]:
        """The ends of a branch: one, or as many as it is repeated, each then in a scope of its own."""
        if branch.repeat is None:
            return [self.branch(branch, place, start)]
        ends = []
        for i in range(self.times(branch.repeat, place, start, branch.name)):
            self.lookup.count(branch.where, place)
            name = numbered(branch.name, i)
            self.lookup.take(name, place, branch.where, made=True)
            ends.append(self.branch(branch, place.named(name), start))
            self.name(name, place, ends[-1])
        return ends

    def branch(self, branch: Branch, place: Place, start: Flow) -> Flow:
        names = place.coming | names_in(branch.items)
        return self.sequence(branch.items, place.sequence(names), start)


def repeated_name(item: Item, i: int) -> str:
    """The name of the i-th repetition of an item: counted from 1, or from the number that its first one has."""
    if item.name and item.start is not None:
        return f"{item.name.removesuffix(str(item.start))}{item.start + i}"
    return numbered(item.name or label(item.body) or "part", i)


def _is_single(items: Sequence[Item]) -> bool:
    """Whether a table builds one op or block for each row, which then gets the row's name."""
    item = items[0]
    return len(items) == 1 and isinstance(item.body, Call) and item.name is None and item.repeat is None
