"""The environment in which a layer is built: the values and names in scope, and its input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from convcost.core.errors import Where, did_you_mean
from convcost.core.expr import ExprError
from convcost.graph.walk import Walk
from convcost.ops import OPS
from convcost.spec.syntax import BROKEN


@dataclass(frozen=True, slots=True)
class Flow:
    """The output of a layer: one edge, several after a split, or unknown after an error."""

    edges: tuple[str, ...]

    @property
    def known(self) -> bool:
        return bool(self.edges)


UNKNOWN = Flow(())
NOWHERE = Flow(())
"""The flow before the input: it has no shape."""


class Unknown(Exception):
    """Something depends on a flow that is unknown because of an earlier error; no further problem is reported."""


@dataclass(slots=True)
class Place:
    """Where a sequence is built: its names, its scope, and what has been built so far."""

    values: Mapping[str, Any]
    """Knobs, arguments and columns."""
    scope: tuple[str, ...]
    taken: dict[str, Where]
    """Names used in this scope."""
    layers: dict[str, Flow] = field(default_factory=dict)
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

    def path(self, name: str = "") -> str:
        """The dotted path of a layer here, or of the place itself."""
        return ".".join((*self.scope, *([name] if name else [])))

    def inner(self, **changes: Any) -> Place:
        """A place inside this one; mutable state is shared unless changed."""
        kept = {name: getattr(self, name) for name in self.__slots__}
        return Place(**{**kept, **changes})

    def sequence(self, coming: frozenset[str], **changes: Any) -> Place:
        """A place for a nested sequence, whose names are not visible outside."""
        own = {"layers": dict(self.layers), "nameless": dict(self.nameless), "coming": coming}
        return self.inner(**{**own, **changes})

    def unreadable(self, name: str) -> str:
        """What to do about a reference to an earlier layer by its generated name; empty if there is none.

        Generated names are renumbered when a layer is inserted before, so a reference to one could silently change.
        """
        if name not in self.nameless:
            return ""
        written, where = self.nameless[name]
        arguments = "{…}" if written not in OPS or OPS[written].attrs else ""
        return f"only layers that say name: can be read; give line {where.line} one: {{{written}: {arguments}, name: {name}}}"


class Env(Mapping[str, Any]):
    """The names in an expression: values, the shape of the current input (`in`), shapes of earlier layers, and words."""

    __slots__ = ("flow", "place", "read", "walk")

    def __init__(self, place: Place, flow: Flow, walk: Walk, read: set[str]) -> None:
        self.place, self.flow, self.walk, self.read = place, flow, walk, read

    def __getitem__(self, name: str) -> Any:
        if not name.startswith("."):
            if name not in self.place.values:
                return name  # a word: every other name was refused when the file was read
            self.read.add(name)
            if self.place.values[name] is BROKEN:
                raise Unknown
            return self.place.values[name]
        name = name[1:]
        if self.flow is NOWHERE:
            raise ExprError(f"{name!r} asks for the size of the input itself")
        flow = self.flow if name == "in" else self.place.layers.get(name)
        if flow is None:
            unreadable = self.place.unreadable(name)
            hint = f"; {unreadable}" if unreadable else did_you_mean(name, self.place.layers)
            raise ExprError(f"no earlier layer here is called {name!r}{hint}")
        if not flow.known:
            raise Unknown
        if len(flow.edges) > 1:
            raise ExprError(f"{name} has {len(flow.edges)} parts; say which, as {name}:0")
        return self.walk.shapes[flow.edges[0]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.place.values)

    def __len__(self) -> int:
        return len(self.place.values)
