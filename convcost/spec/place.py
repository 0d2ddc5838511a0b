"""The environment in which a layer is built: the values and names in scope, and its input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from convcost.core.cost import OpCost
from convcost.core.errors import Where, did_you_mean
from convcost.core.expr import ExprError
from convcost.graph.graph import Node
from convcost.graph.walk import Walk, output_edges
from convcost.ops import OPS
from convcost.spec.syntax import BROKEN
from convcost.spec.unit import Unit


@dataclass(frozen=True, slots=True)
class Flow:
    """The output of a layer: one edge, several after a split, none if its shape is not known, or unknown after an error."""

    edges: tuple[str, ...]
    shapeless: str = ""
    """Where there is no edge: the layer whose output has a shape that nobody knows."""

    @property
    def known(self) -> bool:
        return bool(self.edges or self.shapeless)


DOT = "."
"""Between the names of a path."""
UNKNOWN = Flow(())
NONE = Flow((), "in: []")
"""What a layer reads that is stated to read nothing."""
NOWHERE = Flow(())
"""The flow before the input: it has no shape."""
_MOST_WORDS = 100
"""Names of a dotted path that are told apart."""
_NO_LAYER = ", but no earlier layer here has this name"
_APART = ", which stands in a branch or group that only its neighbours see; give that a name and read it as NAME."


def flow_of(node: Node, cost: OpCost) -> Flow:
    """The output of a node."""
    edges = output_edges(node, cost)
    return Flow(edges, "" if edges else node.name)


class Unknown(Exception):
    """Something depends on a flow that is unknown because of an earlier error; no further problem is reported."""


class Layer(NamedTuple):
    """A layer that can be read by name: its output, and where it stands."""

    flow: Flow
    path: str = ""
    """Its dotted path, below which the layers inside it stand; empty for what a block is given, whose inside it does not see."""


@dataclass(slots=True)
class Built:
    """What has been built so far in the whole network, by dotted path: what stands inside a named layer is read by it."""

    walk: Walk
    flows: dict[str, Flow | None] = field(default_factory=dict)
    """Of layers that say their name; None for that of a single op, which the walk knows."""
    last: dict[str, str] = field(default_factory=dict)
    """The name of a repeated layer -> its last repetition, for which it stands."""
    nameless: dict[str, tuple[str, str, Where]] = field(default_factory=dict)
    """Unnamed blocks and specs, by their generated names: a name to give them, what they are, and where."""
    skipped: set[str] = field(default_factory=set)
    """Layers whose condition is false."""
    standard: dict[str, str] = field(default_factory=dict)
    """Blocks of the standard library: what stands inside is nothing that the user could name."""
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The first step of a layer, and the first after it."""
    torn: set[str] = field(default_factory=set)
    """Of these, those inside which something could not be built, so that nothing can be said of what they lack."""
    stored: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Owners of what is shared -> the layers inside that store anything."""

    def span(self, path: str, begun: int, *, torn: bool) -> None:
        """A layer stands from this step to the last one."""
        self.spans[path] = begun, len(self.walk.steps)
        if torn:
            self.torn.add(path)

    def of_standard(self, path: str) -> str:
        """The block of the standard library that a layer stands in; empty if in none."""
        while "." in path:
            path = path.rpartition(".")[0]
            if path in self.standard:
                return self.standard[path]
        return ""

    def layer(self, path: str) -> Layer | None:
        """The layer at a path, if it says its name."""
        if path not in self.flows:
            return None
        made = self.walk.made
        flow = self.flows[path] or flow_of(made[path].node, made[path].cost)
        return Layer(flow, path)

    def below(self, path: str, names: list[str]) -> str:
        """The path of a layer by its names inside another; empty if one of the names is a generated one.

        Generated names are renumbered when a layer is inserted before, so a reference to one could silently change.
        """
        for name in names:
            path = f"{path}.{name}"
            path = self.last.get(path, path)
            if path in self.nameless:
                return ""
        return path


@dataclass(slots=True)
class Sharing:
    """Whose parameters are used: layers inside `root` use those of the layers of the same relative path inside `owner`."""

    where: Where
    owner: str
    root: str = ""
    """Empty until what is built has a name."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Owners of single fields of the ledger of an op, instead of one for all."""


@dataclass(slots=True)
class Place:
    """Where a sequence is built: its names, its scope, and what has been built so far."""

    values: Mapping[str, Any]
    """Knobs, arguments and columns."""
    unit: Unit
    """The file whose words they are."""
    built: Built
    scope: tuple[str, ...]
    taken: dict[str, Where]
    """Names used in this scope."""
    layers: dict[str, Layer] = field(default_factory=dict)
    """Earlier layers that an edge may name."""
    nameless: dict[str, tuple[str, Where]] = field(default_factory=dict)
    """Earlier unnamed layers, by their generated name: what they are, and where."""
    coming: frozenset[str] = frozenset()
    """All names that the sequence will define, to distinguish a forward reference from a misspelling."""
    counts: dict[str, int] = field(default_factory=dict)
    """Op or block -> how many layers here are named after it."""
    skipped: set[str] = field(default_factory=set)
    """Names of layers that are not built here, because their condition is false."""
    depth: int = 0
    shares: bool = False
    """Whether layers of a file around here may use the parameters of what is built here."""
    sharing: Sharing | None = None
    trainable: bool = True
    dtypes: Mapping[str, str] = field(default_factory=dict)
    """Role -> the type of the tensors of that role."""
    glue: str = DOT
    """What joins the name of what is built next to the names inside it."""
    glued: tuple[tuple[dict[str, Layer], str], ...] = ()
    """The layers of places around that see what is built here, each with what stands before its name there."""
    prefix: str = ""
    """The path of the place and what joins it to names, before the name of a layer."""

    def path(self, name: str = "") -> str:
        """The dotted path of a layer here, or of the place itself."""
        return self.prefix + name if name else self.prefix[:-1]

    def inner(self, **changes: Any) -> Place:
        """A place inside this one; mutable state is shared unless changed."""
        place: Place = object.__new__(Place)
        for name in Place.__slots__:
            setattr(place, name, changes[name] if name in changes else getattr(self, name))
        return place

    def sequence(self, coming: frozenset[str], **changes: Any) -> Place:
        """A place for a nested sequence, whose names are not visible outside."""
        own = {"layers": dict(self.layers), "nameless": dict(self.nameless), "coming": coming}
        return self.inner(**{**own, **changes})

    def named(self, name: str) -> Place:
        """A place inside a named layer, with a scope of its own."""
        return self.inner(taken={}, counts={}, sharing=self.shared(name), **self.below(name))

    def below(self, name: str) -> dict[str, Any]:
        """What a place inside a named layer is called: with a dot between a scope of its own, else in the scope here."""
        prefix = f"{self.prefix}{name}{self.glue}"
        scope, glued = tuple(prefix.split(DOT)[:-1]), tuple[tuple[dict[str, Layer], str], ...]()
        if self.glue != DOT:
            glued = tuple((seen, f"{before}{name}{self.glue}") for seen, before in ((self.layers, ""), *self.glued))
        return {"scope": scope, "prefix": prefix, "glue": DOT, "glued": glued}

    def shared(self, name: str) -> Sharing | None:
        """The sharing for what is built under this name: it corresponds to the owner if nothing around does already."""
        if self.sharing and not self.sharing.root:
            self.sharing.root = self.path(name)
        return self.sharing

    def find(self, name: str) -> Layer | None:
        """An earlier layer by name, or one inside it by its dotted path."""
        if name in self.layers:
            return self.layers[name]
        words = name.split(".", _MOST_WORDS)
        for at in range(len(words) - 1, 0, -1):
            head = self.layers.get(".".join(words[:at]))
            if head is not None and head.path:
                found = self.built.layer(self.built.below(head.path, words[at:]))
                return found or (None if head.flow.known else Layer(UNKNOWN))  # of what is wrong not all has been built
        return None

    def missing(self, name: str) -> str:
        """Why there is no earlier layer of this name, continuing a sentence that ends with it."""
        words = name.split(".", _MOST_WORDS)
        for at in range(len(words), 0, -1):
            head = ".".join(words[:at])
            if head in self.skipped:
                return ", which is not built here: its condition is false"
            if at == 1 and head not in self.layers and self.path(head) in self.built.flows:
                return f"{_APART}{name}"
            if head in self.coming and head not in self.layers:
                return ", which comes later; a layer can only read earlier ones"
            if unreadable := self.unreadable(head):
                return f", but {unreadable}"
            if head in self.layers and at < len(words):
                return self._missing_inside(head, words[at:])
        return f"{_NO_LAYER}{did_you_mean(name, self.layers)}"

    def _missing_inside(self, head: str, words: list[str]) -> str:
        """Why there is no such layer inside one that can be read."""
        path, built = self.layers[head].path, self.built
        words = ["…" if "." in word else word for word in words]  # what is left of a path that is too long
        if not path:
            return f", but {head} is given from outside, and only its output is seen here"
        for at in range(1, len(words) + 1):
            inside = f"{built.below(path, words[: at - 1])}.{words[at - 1]}"
            if inside in built.skipped:
                return ", which is not built here: its condition is false"
            around = built.of_standard(inside)
            if around and inside not in built.flows and (inside in built.nameless or inside in built.walk.made):
                return f", but only layers that say name: can be read; inside {around}, this one says none"
            if inside in built.nameless:
                return f", but {self._name_it(*built.nameless[inside])}"
            if inside not in built.flows and (op := built.walk.made.get(inside)) and op.node.where:
                return f", but {self._name_it(words[at - 1], op.node.op, op.node.where)}"
        known = [at.removeprefix(f"{path}.") for at in (*built.flows, *built.last) if at.startswith(f"{path}.")]
        near = did_you_mean(".".join(words), [name for name in known if "." not in name], also=known)
        return f", but {head} has no layer {'.'.join(words)!r}{near}"

    def unreadable(self, name: str) -> str:
        """What to do about a reference to an earlier layer by its generated name; empty if there is none."""
        return self._name_it(name, *self.nameless[name]) if name in self.nameless else ""

    def _name_it(self, name: str, written: str, where: Where) -> str:
        if where.file != self.unit.spec.file:
            return f"only layers that say name: can be read; line {where.line} of {where.file} says none"
        arguments = "…" if written == "use" else "{…}" if written not in OPS or OPS[written].attrs else ""
        layer = f"{{{written}: {arguments}, name: {name}}}"
        return f"only layers that say name: can be read; give line {where.line} one: {layer}"


class Env(Mapping[str, Any]):
    """The names in an expression: values, the shape of the current input (`in`), shapes of earlier layers, and words."""

    __slots__ = ("flow", "place", "walk")

    def __init__(self, place: Place, flow: Flow | Callable[[], Flow], walk: Walk) -> None:
        self.place, self.flow, self.walk = place, flow, walk

    def __getitem__(self, name: str) -> Any:
        if name == ".in":
            flow = self.flow() if callable(self.flow) else self.flow
        elif name[0] == ".":
            flow = self.of(name[1:])
        else:
            return self.value(name)
        if not flow.known:
            if flow is NOWHERE:
                raise ExprError(f"{name[1:]!r} asks for the size of the input itself")
            raise Unknown
        if flow.shapeless:
            raise ExprError(f"{name[1:]!r} asks for a size, and the shape of {flow.shapeless} is not known")
        if len(flow.edges) > 1:
            raise ExprError(f"{name[1:]} has {len(flow.edges)} parts; say which, as {name[1:]}:0")
        return self.walk.shapes[flow.edges[0]]

    def value(self, name: str) -> Any:
        """The value of a knob, an argument or a column; a word stands for itself."""
        unit, values = self.place.unit, self.place.values
        if name not in values:
            return unit.meant(name)  # every other name was refused when the file was read
        unit.read.add(name)
        value = values[name]
        if value is BROKEN:
            raise Unknown
        return unit.meant(value) if type(value) is str else value

    def of(self, name: str) -> Flow:
        """The flow of an earlier layer."""
        layer = None if self.flow is NOWHERE else self.place.find(name)
        if layer is None and self.flow is NOWHERE:
            return NOWHERE
        if layer is None:
            why = (
                self.place.missing(name)
                .removeprefix(_NO_LAYER)
                .replace(", but ", "; ", 1)
                .replace(", which ", "; it ", 1)
            )
            raise ExprError(f"no earlier layer here is called {name!r}{why}")
        return layer.flow

    def __iter__(self) -> Iterator[str]:
        return iter(self.place.values)

    def __len__(self) -> int:
        return len(self.place.values)
