"""One layer: an op, a block of the file or of the standard library, or another spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcost.core.errors import Problem, Where, did_you_mean
from convcost.core.units import say
from convcost.graph.graph import FORMS, MODULE, Node, form_need, producer
from convcost.graph.walk import Misfit
from convcost.ops import OPS, Op, Unfit
from convcost.spec.bits import around, of_op
from convcost.spec.hints import op_hint
from convcost.spec.lookup import Lookup, TooLarge
from convcost.spec.place import NOWHERE, UNKNOWN, Env, Flow, Layer, Place, Unknown, flow_of
from convcost.spec.reader import NOTHING
from convcost.spec.sharing import stored
from convcost.spec.syntax import Block, Broken, Call, EdgeName, Item, Parallel, Use
from convcost.spec.unit import Unit
from convcost.spec.uses import opened

MOST_NODES = 5_000
TOO_MANY_LAYERS = f"a network may have {MOST_NODES:,} layers, this one has more"
DEEPEST = 24
MOST_PARTS = 150
"""Parts of a layer's path: more than sequences inside each other make. Who follows the parts goes as deep."""


class Reached(Exception):
    """The layer is built at which a spec that is used ends."""

    def __init__(self, path: str, flow: Flow) -> None:
        super().__init__(path)
        self.path, self.flow = path, flow


class CallBuilder:
    """Builds single layers: what is inside a block or another spec is built by `sequence`."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.spec, self.walk = lookup.spec, lookup.walk
        self.nesting = 0
        self.ends: set[str] = set()
        """Paths of the layers at which a spec that is used ends."""

    def sequence(self, items: Sequence[Item], place: Place, flow: Flow) -> Flow:
        """Build items one after the other; returns the output of the last."""
        raise NotImplementedError

    def call(
        self, where: Where, call: Call, place: Place, inputs: list[Flow], name: str | None, *, made: bool = False
    ) -> Flow:
        """Build an op or a block; an argument used as an op is replaced by the op or block that it names."""
        target = place.values.get(call.target, call.target)
        if target is not call.target:
            place.unit.read.add(call.target)
        if target == NOTHING:
            return inputs[0]
        is_op = isinstance(target, str) and target in OPS
        found = None if is_op else self.find(target, call, place)
        if not is_op and (found is None or found[0].broken):
            return UNKNOWN
        known_args = found[0].args if found else OPS[target].attrs
        for arg, value in call.args.items():
            if arg not in known_args:
                self.lookup.complain(
                    value.where, place.path(name or target), f"{target} has no {arg!r}{did_you_mean(arg, known_args)}"
                )
                return UNKNOWN
        if name:
            local = self.lookup.take(name, place, where, made=made)
        else:
            local = self.lookup.free(target, place, call.target, call.where)
        if found is None:
            return self.op(where, target, call, place, inputs, local)
        if not name:
            place.built.nameless[place.path(local)] = local, call.target, call.where
        return self.block(where, *found, call, place, inputs, local)

    def find(self, target: Any, call: Call, place: Place) -> tuple[Block, Unit] | None:
        """The block that a call means, with the unit of its layers; None if there is none, after complaining."""
        found = place.unit.block(target) if isinstance(target, str) else None
        if found is None and not isinstance(target, Broken):
            hint = op_hint(str(target), place.unit.targets())
            self.lookup.complain(
                call.where, place.path(), f"{call.target} must name an op or a block, got {say(target)}{hint}"
            )
        return found

    def op(self, where: Where, target: str, call: Call, place: Place, inputs: list[Flow], name: str) -> Flow:
        env, op, path = Env(place, inputs[0], self.walk), OPS[target], place.path(name)
        broken = self.lookup.refuse_missing(call, target, op.required, path)
        attrs = dict(op.defaults)
        for arg, value in call.args.items():
            try:
                attrs[arg] = self.lookup.evaluate_in(env, value, path, arg, op.attrs[arg].kind.convert)
            except Unknown:
                broken = True
        if not op.inputs:  # what stands before it is there for expressions only
            self.lookup.cut |= dict.fromkeys(map(producer, inputs[0].edges), (target, where))
            inputs = []
        if path.count(".") >= MOST_PARTS:
            many = f"a layer's path may have {MOST_PARTS} parts, with a dot between two, this one has more"
            raise TooLarge(Problem(where, place.path(), many))
        edges = self.read(where, path, op, inputs)
        if broken or edges is None:
            return UNKNOWN
        self.lookup.count_tensors(where, place, len(edges))
        scope = tuple(path.split(".")[:-1]) if "." in name else place.scope
        form = self.lookup.evaluate_in(env, call.form, path, "as", form_said) if call.form else ""
        blame = self.lookup.blame or where
        node = Node(path, target, edges, attrs, scope, blame, form, dtypes=of_op(place.dtypes, target))
        if len(self.walk.steps) >= MOST_NODES:
            raise TooLarge(Problem(where, place.path(), TOO_MANY_LAYERS))
        try:
            if place.sharing or not place.trainable:
                place.shared(name)
                needed = self.walk.cost(node, tuple(self.walk.shapes[edge] for edge in edges))
                node = stored(node, needed, place, self.lookup)
            step = self.walk.step(node)
        except Unfit as error:
            self.lookup.complain(where, path, str(error))
            self.lookup.consumed.update(node.inputs)
            self.lookup.failures += 1
            cost = error.cost if isinstance(error, Misfit) else None
            if cost is None:
                return UNKNOWN
            self.walk.remember(node, cost)
            return flow_of(node, cost)
        self.lookup.count_tensors(where, place, len(step.cost.out))
        return flow_of(node, step.cost)

    def read(self, where: Where, path: str, op: Op, inputs: list[Flow]) -> tuple[str, ...] | None:
        """The edges that an op reads, one of each flow; None where that is not possible, after complaining."""
        for flow in inputs:
            if flow.shapeless and not op.traits.opaque:
                remedy = f"state it with shape: …, or let {op.name} be an unknown, too"
                self.lookup.complain(where, path, f"reads {flow.shapeless}, whose output shape is not known; {remedy}")
            if len(flow.edges) > 1:
                self.lookup.complain(where, path, f"the input has {len(flow.edges)} parts; say which, as in: name:0")
        possible = all(len(flow.edges) == 1 or (flow.shapeless and op.traits.opaque) for flow in inputs)
        return tuple(edge for flow in inputs for edge in flow.edges) if possible else None

    def block(
        self,
        where: Where,
        block: Block,
        unit: Unit,
        call: Call,
        place: Place,
        inputs: list[Flow],
        name: str,
    ) -> Flow:
        if place.depth >= DEEPEST:
            raise TooLarge(Problem(where, place.path(), f"blocks nest deeper than {DEEPEST}"))
        self.lookup.enter(unit)
        if place.sharing and place.sharing.fields:
            what = (
                f"share names single tensors of an op, and {block.name} is a block: share: NAME uses all that is inside"
            )
            self.lookup.complain(place.sharing.where, place.path(name), what)
            return UNKNOWN
        if call.form:
            self.lookup.complain(
                call.form.where, place.path(name), f"as says how an op is written; {block.name} is a block"
            )
        given = self.given(where, block.name, block.inputs, inputs, place.path(name))
        if not given:
            return UNKNOWN
        args = self.arguments(block, unit, call, place, given[0], name)
        if args is None:
            return UNKNOWN
        inner = self.inside(place, name, unit, {**unit.knobs, **args}, dict(zip(block.inputs, given)), block.items)
        if unit.standard:
            place.built.standard[place.path(name)] = block.name
        blamed, self.lookup.blame = self.lookup.blame, (self.lookup.blame or where) if unit.standard else None
        try:
            flow = self.sequence(block.items, inner, given[0])
            return self.stated(block.outputs, inner) if block.outputs else flow
        finally:
            self.lookup.blame = blamed

    def given(self, where: Where, target: str, names: Sequence[str], inputs: list[Flow], path: str) -> list[Flow]:
        """One flow for each input of a block or spec: of a single one with several parts, these; empty after an error."""
        if len(inputs) == 1 < len(names):
            if not inputs[0].known:
                return []
            inputs = [Flow((edge,)) for edge in inputs[0].edges] or [inputs[0]] * len(names)
        if len(inputs) != len(names):
            need = f"{len(names)} input{'s' * (len(names) > 1)} ({', '.join(names)})"
            self.lookup.complain(where, path, f"{target} takes {need}, got {len(inputs)}")
            return []
        return inputs

    def inside(
        self,
        place: Place,
        name: str,
        unit: Unit,
        values: Mapping[str, Any],
        inputs: Mapping[str, Flow],
        items: Sequence[Item],
    ) -> Place:
        """The place of the layers of a block or spec, which sees nothing outside but what it is given."""
        return Place(
            values=values,
            unit=unit,
            built=place.built,
            taken={},
            layers={given: Layer(flow) for given, flow in inputs.items()},
            coming=names_in(items),
            depth=place.depth + 1,
            shares=place.shares or unit.spec.shares,
            sharing=place.shared(name),
            trainable=place.trainable,
            dtypes=place.dtypes,
            **place.below(name),
        )

    def stated(self, outputs: Sequence[EdgeName], place: Place) -> Flow:
        """The outputs that a block or spec states, as one flow."""
        found = self.lookup.edges(outputs, place, "outputs")
        if shapeless := next((each for each in found if each.shapeless), None):
            return shapeless
        return Flow(tuple(edge for each in found for edge in each.edges)) if all(e.known for e in found) else UNKNOWN

    def arguments(
        self, block: Block, unit: Unit, call: Call, place: Place, flow: Flow, name: str
    ) -> dict[str, Any] | None:
        """The values of a block's arguments; None if one is missing or cannot be found."""
        env, args = Env(place, flow, self.walk), dict[str, Any]()
        path, stated = place.path(name), block.args
        values = dict(unit.knobs)  # a default may use the knobs and the arguments before it
        inside: Env | None = None
        broken = self.lookup.refuse_missing(
            call, block.name, [arg for arg, default in stated.items() if default is None], path
        )
        for arg, default in stated.items():
            try:
                if arg in call.args:
                    values[arg] = args[arg] = self.lookup.evaluate_in(env, call.args[arg], path, arg)
                elif default is not None:
                    inside = inside or Env(place.inner(values=values, layers={}, unit=unit), flow, self.walk)
                    values[arg] = args[arg] = self.lookup.evaluate_in(inside, default, path, arg)
            except Unknown:
                broken = True
        return None if broken else args

    def use(
        self, where: Where, use: Use, place: Place, inputs: list[Flow], name: str | None, *, made: bool = False
    ) -> Flow:
        """Build another spec as a part of this one, to its end or until one of its layers."""
        unit = opened(use, place, inputs[0], self.lookup, name or use.label)
        if place.depth >= DEEPEST:
            raise TooLarge(Problem(where, place.path(), f"specs nest deeper than {DEEPEST}"))
        spec = unit.spec
        path = place.path(name or self.lookup.free(use.label, place, "use", use.where))
        if name:
            self.lookup.take(name, place, where, made=made)
        else:
            place.built.nameless[path] = use.label, "use", use.where
            name = path.rpartition(".")[2]
        given = self.given(where, spec.name, tuple(spec.inputs), inputs, path)
        end = self.lookup.evaluate(use.until, place, inputs[0], "until", label=name) if use.until else ""
        if not given:
            return UNKNOWN
        self.lookup.used.setdefault(path, where)
        self.lookup.enter(unit)
        inner = self.inside(place, name, unit, unit.knobs, dict(zip(spec.inputs, given)), spec.layers)
        inner.dtypes = around(place.dtypes, self.lookup.dtypes(spec.dtypes, spec.bits, inner, NOWHERE))
        if end:
            return self.until(use, str(end), inner, given[0], place.unit)
        flow = self.sequence(spec.layers, inner, given[0])
        return self.stated(spec.outputs, inner) if spec.outputs else flow

    def until(self, use: Use, end: str, place: Place, flow: Flow, around: Unit) -> Flow:
        """Build a spec that is used until its layer of this name, dotted where that is inside another."""
        assert use.until is not None
        path, nesting = place.path(end), self.nesting
        self.ends.add(path)
        self.lookup.mention(end)
        try:
            self.sequence(place.unit.spec.layers, place, flow)
        except Reached as reached:
            if reached.path != path:
                raise
            if place.built.below(place.path(), end.split(".")):
                return reached.flow
        finally:
            self.nesting = nesting
            self.ends.discard(path)
        name = place.path().rpartition(".")[2]
        outside = place.inner(unit=around, layers={name: Layer(flow, place.path())}, coming=frozenset(), skipped=set())
        why = outside.missing(f"{name}.{end}")
        self.lookup.complain(use.until.where, place.path(), f"until {end!r}{why}")
        raise Unknown


def form_said(word: Any) -> str:
    """The form that a word means; raises `Unfit`.

    >>> form_said("functional"), form_said("module")
    ('functional', '')
    """
    if word == MODULE:
        return ""
    if not (isinstance(word, str) and word in FORMS):
        raise Unfit(form_need(say(word)))
    return word


def names_in(items: Sequence[Item]) -> frozenset[str]:
    """The names that these items define in their scope."""
    names = {item.name for item in items if item.name}
    for item in items:
        if isinstance(item.body, Parallel):
            names |= {item.body.name} if item.body.name else set()
            for branch in item.body.branches:
                names |= names_in(branch.items)
    return frozenset(names)


def numbered(base: str, i: int) -> str:
    """A name with a number, counted from 1.

    >>> numbered("block", 0), numbered("conv1", 0)
    ('block1', 'conv1_1')
    """
    return f"{base}{'_' if base[-1].isdigit() else ''}{i + 1}"
