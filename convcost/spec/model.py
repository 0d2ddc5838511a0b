"""The human form of a spec, read and checked but not yet bound to knob values: what parse.py makes and elaborate.py walks."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from convcost.errors import Where
from convcost.expr import Env, Expr

KnobValue = int | Fraction | bool | str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A constant, an expression, or a list of values, and where it stands."""

    where: Where
    content: Any
    """An `Expr`, a tuple of `Value`, or a constant."""

    def evaluate(self, env: Env) -> Any:
        """The value with names taken from `env`; raises `ExprError`."""
        if isinstance(self.content, Expr):
            return self.content.evaluate(env)
        if isinstance(self.content, tuple):
            return tuple(part.evaluate(env) for part in self.content)
        return self.content


@dataclass(frozen=True, slots=True)
class Knob:
    """A named number or word that a caller may set."""

    name: str
    where: Where
    default: KnobValue
    choices: tuple[KnobValue, ...] = ()
    about: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """An op or a block with arguments: `{conv2d: {channels: 64, kernel: 3}}`."""

    where: Where
    target: str
    args: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Branch:
    """One path of a `parallel`."""

    name: str
    where: Where
    items: tuple[Item, ...]
    condition: Value | None = None
    inputs: tuple[Edge, ...] = ()


@dataclass(frozen=True, slots=True)
class Parallel:
    """Branches from the same input, joined by an op."""

    branches: tuple[Branch, ...]
    join: Call


@dataclass(frozen=True, slots=True)
class Table:
    """The paper's own rows, each built by the same items."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A sequence under one name."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that parse.py has already complained about; what depends on it is not checked further."""


@dataclass(frozen=True, slots=True)
class Edge:
    """The name of an earlier layer, and where it is written."""

    name: str
    where: Where


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a sequence: what to build, and how often, under which name and condition, from which inputs."""

    where: Where
    body: Call | Parallel | Table | Group | Broken
    name: str | None = None
    condition: Value | None = None
    inputs: tuple[Edge, ...] = ()
    repeat: Value | None = None
    then: dict[str, Value] = field(default_factory=dict)
    side: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A named piece of network with arguments."""

    name: str
    where: Where
    args: dict[str, Value | None]
    """Name -> default; None if the caller must give it."""
    inputs: tuple[str, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole file."""

    file: str
    name: str
    input: tuple[Value, ...]
    layers: tuple[Item, ...]
    knobs: dict[str, Knob] = field(default_factory=dict)
    presets: dict[str, dict[str, KnobValue]] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    title: str = ""
    year: int | None = None
    source: str = ""
    about: str = ""
