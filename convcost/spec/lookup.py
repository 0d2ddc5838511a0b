"""Queries on a network under construction: values of expressions, edges by name, free names - and its problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from convcost.core.dims import is_symbolic
from convcost.core.errors import MOST_PROBLEMS, Problem, SpecError, Where
from convcost.core.expr import Expr, ExprError
from convcost.core.reading import whole_number
from convcost.core.units import say
from convcost.graph.graph import Node, producer
from convcost.graph.walk import Walk
from convcost.ops import Unfit
from convcost.spec.assumed import Assumed
from convcost.spec.bits import said as bits_said
from convcost.spec.dtypes import said as dtype_said
from convcost.spec.place import Built, Env, Flow, Place, Unknown
from convcost.spec.syntax import Broken, Call, EdgeName, Spec, Value
from convcost.spec.unit import Unit, Word

MOST_STEPS = 100_000
MOST_TENSORS = 100_000
"""Tensors that layers read and make, each as often as it is read: what a line repeats may read a thousand."""
_CONSTANTS = frozenset({int, bool})


class TooLarge(Exception):
    """The network outgrows its bounds; carries the problem."""


class Lookup:
    """The state of an elaboration, and queries on it.

    Problems are collected and do not stop the rest; at the maximal number of them, `SpecError` is raised.
    """

    def __init__(
        self, spec: Spec, knobs: Mapping[str, Any], most_problems: int = MOST_PROBLEMS, walk: Walk | None = None
    ) -> None:
        self.spec = spec
        self.unit = Unit(spec, dict(knobs), around=(spec.path,))
        self.problems: list[Problem] = []
        self.most_problems = most_problems
        self.said: set[Where] = set()
        self.assumed = Assumed()
        self.consumed: set[str] = set()
        """Edges that are read only by layers with problems."""
        self.failures = 0
        """How often something was not built, or is no layer of the network, for a problem of its own or an earlier one."""
        self.blind = False
        """Whether a problem leaves open which layer reads which, so that unread layers are not reported."""
        self.taken: dict[str, Where] = {}
        """Paths of layers and scopes -> where they were named."""
        self.used: dict[str, Where] = {}
        """Paths of other specs that are a part of this one -> where they are used."""
        self.cut: dict[str, tuple[str, Where]] = {}
        """Nodes that stand before one that reads nothing -> that one."""
        self.blame: Where | None = None
        """The call of a block of the standard library, while that is built: its layers are nothing that the user wrote."""
        self.steps, self.tensors = 0, 0
        self.walk = walk or Walk({})
        self.built = Built(self.walk)
        self.enter(self.unit)

    def enter(self, unit: Unit) -> None:
        """Called for each file before layers of it are built."""

    def mention(self, path: str) -> None:
        """Called for each layer that is meant by a path which no file states as such."""

    def refuse_missing(self, call: Call, target: str, required: Sequence[str], path: str) -> bool:
        """Whether required arguments are missing, after complaining."""
        missing = [arg for arg in required if arg not in call.args]
        if missing:
            self.complain(call.where, path, f"{target} needs {' and '.join(missing)}")
        return bool(missing)

    def evaluate(
        self,
        value: Value,
        place: Place,
        flow: Flow | Callable[[], Flow],
        what: str,
        convert: Any = None,
        label: str = "",
    ) -> Any:
        return self.evaluate_in(Env(place, flow, self.walk), value, place.path(label), what, convert)

    def evaluate_in(self, env: Env, value: Value, path: str, what: str, convert: Any = None) -> Any:
        """The value in an environment, of the kind wanted; raises `Unknown` after complaining."""
        content = value.content
        try:
            if type(content) is Expr:
                result = content.evaluate(env)
                if is_symbolic(result):
                    from convcost.core.cases import short_enough

                    short_enough(result)
            elif type(content) in _CONSTANTS:
                result = content
            elif _is_broken(value):
                raise Unknown
            else:
                result = value.evaluate(env)
            if convert is None:
                return result
            return convert(str(result) if type(result) is Word else result)
        except ExprError as error:
            self.complain(value.where, path, f"{what}: {error}")
        except Unfit as error:
            self.complain(value.where, path, f"{what} {error}")
        raise Unknown

    def dtypes(
        self,
        stated: Mapping[str, Value],
        bits: Mapping[str, Value],
        place: Place,
        flow: Flow | Callable[[], Flow],
        label: str = "",
    ) -> dict[str, str]:
        """The types that are stated for roles or inputs, as types and as bits."""
        found = {key: self.evaluate(value, place, flow, "dtype", dtype_said, label) for key, value in stated.items()}
        return found | {key: self.evaluate(value, place, flow, "bits", bits_said, label) for key, value in bits.items()}

    def decide(
        self, condition: Value, place: Place, flow: Flow | Callable[[], Flow], label: str, what: str = "if"
    ) -> bool:
        holds = self.evaluate(condition, place, flow, what, label=label)
        if is_symbolic(holds):
            return self.assumed.decide(holds)
        if not isinstance(holds, bool) and getattr(holds, "is_Boolean", False):
            holds = bool(holds)  # sympy's own true and false
        if not isinstance(holds, bool):
            self.complain(condition.where, place.path(label), f"{what} must be true or false, got {say(holds)}")
            raise Unknown
        return holds

    def edges(self, edges: Sequence[EdgeName], place: Place, label: str) -> list[Flow]:
        found: list[Flow] = []
        for edge in edges:
            self.count(edge.where, place)
            with suppress(Unknown):  # all of them are looked at before the layer is given up
                found.append(self.edge(edge, place, label))
        if len(found) < len(edges):
            self.blind = True
            raise Unknown
        return found

    def edge(self, edge: EdgeName, place: Place, label: str) -> Flow:
        """The flow that an edge names: an earlier layer here or around, or one part of a layer with several."""
        name, _, part = edge.name.partition(":")
        layer = place.find(name)
        if layer is None:
            self.complain(edge.where, place.path(label), f"reads {name!r}{place.missing(name)}")
            raise Unknown
        flow = layer.flow
        if not flow.edges or not part:
            return flow
        parts = len(flow.edges)
        at = whole_number(part)
        if parts == 1 or at is None or at >= parts:
            has = f"which has {parts} part{'s' * (parts > 1)} (the first is {name}:0)"
            self.complain(edge.where, place.path(label), f"reads part {part!r} of {name!r}, {has}")
            raise Unknown
        return Flow((flow.edges[at],))

    def take(self, name: str, place: Place, where: Where, *, made: bool = False) -> str:
        """Use a name that the spec states, or that was `made` from one by numbering."""
        path = place.path(name)
        if path in self.spec.inputs:
            self.complain(where, place.path(), f"the name {name!r} is taken by the input of the network")
        elif path in self.taken:
            hint = "; where its weights are used again, say another name" if place.sharing else ""
            hint = "; say name: to tell them apart" if made else hint
            self.blind = True
            self.complain(where, place.path(), f"the name {name!r} is taken by line {self.taken[path].line}{hint}")
        self.taken.setdefault(path, where)
        place.taken[name] = where
        return name

    def free(self, target: str, place: Place, written: str, where: Where) -> str:
        """A name for an unnamed layer: its op's or block's, numbered from the second on."""
        name, count = target, place.counts.get(target, 1)
        while name in place.taken or name in place.coming:
            count += 1
            name = f"{target}_{count}"
        place.counts[target] = count
        place.taken[name] = where
        place.nameless[name] = written, where
        return name

    def count(self, where: Where, place: Place) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooLarge(Problem(where, place.path(), f"building the network takes more than {MOST_STEPS:,} steps"))

    def count_tensors(self, where: Where, place: Place, tensors: int) -> None:
        """Count what a layer reads or makes."""
        self.tensors += tensors
        if self.tensors > MOST_TENSORS:
            many = f"layers read and make more than {MOST_TENSORS:,} tensors, each as often as it is read"
            raise TooLarge(Problem(where, place.path(), many))

    def complain(self, where: Where, path: str, what: str) -> None:
        """Record a problem, once per place in the file: a block that is used often is reported once."""
        where = self.blame or where
        if where not in self.said:
            self.said.add(where)
            self.add(Problem(where, path, what))

    def add(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) >= self.most_problems:
            raise SpecError(self.problems)

    def refuse_unread(self, nodes: Sequence[Node], outputs: Sequence[str]) -> None:
        read = {producer(edge) for edge in (*outputs, *self.consumed)}
        read |= {producer(edge) for node in nodes for edge in node.inputs}
        for node in nodes:
            if node.name not in read and node.where and self.walk.made[node.name].cost.out:
                self.refuse_node(node)

    def refuse_node(self, node: Node) -> None:
        """Say what to do about a node that nothing reads."""
        assert node.where is not None
        for path, where in self.used.items():
            if node.name.startswith(f"{path}."):
                what = f"nothing reads what {node.name} puts out; read it by this name, or build {path} only until a layer before"
                return self.complain(where, path, what)
        listed = ", or list it under outputs" if self.spec.outputs else ""
        hint = f"say side: true if it is an output of the network{listed}"
        if node.name in self.cut:
            target, where = self.cut[node.name]
            hint = f"{target} in line {where.line} reads nothing: read this layer by its name, or {hint}"
        return self.complain(node.where, node.name, f"nothing reads what this layer puts out; {hint}")


def _is_broken(value: Value) -> bool:
    content = value.content
    return isinstance(content, Broken) or (isinstance(content, tuple) and any(map(_is_broken, content)))
