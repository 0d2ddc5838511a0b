"""The syntax of a spec, parsed and checked but not yet bound to knob values: parse.py makes it, elaborate.py walks it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.core.errors import Where
from convcost.core.expr import Expr, Names
from convcost.core.limits import Limit

if TYPE_CHECKING:
    from convcost.importers.imported import Imported

_NOTHING: Mapping[str, Any] = {}  # a Mapping to all who read it; a read-only proxy could not be pickled
KnobValue = int | Fraction | bool | str | tuple[int, ...]


class Value(NamedTuple):
    """A constant, an expression, or a list of values, with its position."""

    where: Where
    content: Any
    """An `Expr`, a tuple of `Value`, or a constant."""

    def evaluate(self, env: Names) -> Any:
        """The value with names taken from `env`; raises `ExprError`."""
        content = self.content
        if isinstance(content, Expr):
            return content.evaluate(env)
        return tuple([part.evaluate(env) for part in content]) if isinstance(content, tuple) else content


class Knob(NamedTuple):
    """A hyper-parameter of the architecture: a named number or word that a caller may set."""

    name: str
    where: Where | None
    default: KnobValue | None
    """None for one that has to be said: an open size of a model file."""
    choices: tuple[KnobValue, ...] = ()
    about: str = ""


class Call(NamedTuple):
    """An op or a block with arguments: `{conv2d: {channels: 64, kernel: 3}}`."""

    where: Where
    target: str
    args: dict[str, Value]
    form: Value | None = None
    """The value of `as`: how the reference implementation writes the op."""


class Branch(NamedTuple):
    """One path of a `parallel`."""

    name: str
    where: Where
    items: tuple[Item, ...]
    condition: Value | None = None
    inputs: tuple[EdgeName, ...] = ()
    repeat: Value | None = None
    """How many equal branches it stands for; None for one without a scope of its own."""


class Parallel(NamedTuple):
    """Branches from the same input, joined by an op."""

    branches: tuple[Branch, ...]
    join: Call
    name: str | None = None
    """The name of the join, by which it can be read."""


class Each(NamedTuple):
    """A table as papers print it, whose rows are each built by the same items."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    items: tuple[Item, ...]


class LayerGroup(NamedTuple):
    """A sequence under one name."""

    items: tuple[Item, ...]


class Use(NamedTuple):
    """Another spec as a part of this one: `{use: mobilenet_v2, with: {width: 0.5}, until: stage6}`."""

    where: Where
    source: Value
    """A name of the zoo, a path, or what names one."""
    label: str
    """What it is called after where it has no name."""
    knobs: Mapping[str, Value] = _NOTHING
    until: Value | None = None
    """The name of the last of its layers that is built."""


class Broken:
    """Something that parse.py has already reported; what depends on it is not checked further."""


class BrokenCall(Broken):
    """A call of an op or a block that was reported: it reads its input, and nothing else."""


BROKEN: Any = Broken()
"""Replaces a knob's value that was reported."""
Body = Call | Parallel | Each | LayerGroup | Use | Broken
"""What an item builds."""


class EdgeName(NamedTuple):
    """The name of an earlier layer, and where it is written."""

    name: str
    where: Where


class Share(NamedTuple):
    """Whose parameters an item uses."""

    where: Where
    owner: EdgeName | None = None
    """An earlier layer or block; None for the first repetition of the item itself."""
    fields: Mapping[str, EdgeName] = _NOTHING
    """Owners of single fields of the ledger, where they differ."""


class Item(NamedTuple):
    """One entry of a sequence: what to build, and how often, under which name and condition, from which inputs."""

    where: Where
    body: Body
    name: str | None = None
    condition: Value | None = None
    inputs: tuple[EdgeName, ...] = ()
    repeat: Value | None = None
    then: Mapping[str, Value] = _NOTHING
    side: bool = False
    unused: bool = False
    """Whether it is a side output that does not leave the network: nothing reads what it puts out."""
    share: Share | None = None
    trainable: Value | None = None
    """Whether its parameters are trained; None for what holds around it."""
    dtypes: Mapping[str, Value] = _NOTHING
    """Role -> the type of the tensors of that role; one left out has that of what is around it."""
    bits: Mapping[str, Value] = _NOTHING
    """Role, or `kernels` -> how many bits, or a type: before `dtypes`."""
    alone: bool = False
    """Whether it is stated to read nothing: `in: []`."""
    glue: str = ""
    """What joins its name to those inside, which then stand in the scope around; empty for a dot and a scope of its own."""
    start: int | None = None
    """The number at the end of its name, that of its first repetition, from which the others count on; None where `name` is
    that of all of them."""


class Block(NamedTuple):
    """A named piece of network with arguments."""

    name: str
    where: Where
    args: dict[str, Value | None]
    """Name -> default; None if the caller must give it."""
    inputs: tuple[str, ...]
    items: tuple[Item, ...]
    outputs: tuple[EdgeName, ...] = ()
    """Its outputs, unless simply those of its last layer."""
    broken: bool = False
    """Whether its arguments could not be read."""
    source: str = ""
    about: str = ""


class Spec(NamedTuple):
    """A whole file."""

    file: str
    name: str
    inputs: Mapping[str, tuple[Value, ...]]
    """Name of each input -> its sizes; a single one without a name of its own is called `input`."""
    layers: tuple[Item, ...]
    knobs: Mapping[str, Knob] = _NOTHING
    presets: Mapping[str, Mapping[str, KnobValue]] = _NOTHING
    blocks: Mapping[str, Block] = _NOTHING
    outputs: tuple[EdgeName, ...] = ()
    """The network's outputs, unless simply its last layer and the side outputs."""
    title: str = ""
    year: int | None = None
    task: str = ""
    """One of `core.tasks.TASKS`; empty if it is not stated."""
    source: str = ""
    about: str = ""
    path: str = ""
    """The file, independent of the working directory: what a relative path in it starts from."""
    mentioned: frozenset[str] = frozenset()
    """Every name of a layer that is read or shared anywhere in the file, with its parts."""
    shares: bool = False
    """Whether a layer uses the parameters of another by name."""
    dtypes: Mapping[str, Value] = _NOTHING
    """Role -> the type of the tensors of that role in all layers that state no other."""
    input_dtypes: Mapping[str, Value] = _NOTHING
    """Name of an input -> its type."""
    bits: Mapping[str, Value] = _NOTHING
    """Role, or `kernels` -> how many bits, or a type, in all layers that state no other: before `dtypes`."""
    input_bits: Mapping[str, Value] = _NOTHING
    """Name of an input -> how many bits, or a type: before `input_dtypes`."""
    foreign: Imported | None = None
    """The model file whose layers these are, in place of `layers`."""
    scalars: Mapping[str, str] = _NOTHING
    """Of a model file: name of an input that is a single number -> the knob that says which; None leaves it open."""
    limits: Mapping[str, Limit] = _NOTHING
    """Name -> what the network may cost at most."""


def label(body: Body) -> str:
    """What an item without a name is called after; empty if it has nothing of the kind."""
    return body.target if isinstance(body, Call) else body.label if isinstance(body, Use) else ""


def sides(spec: Spec, knob: str, inputs: Container[str] | None = None) -> int:
    """The number of sizes in the shapes of all inputs, or only of some, that depend on a knob."""
    sizes = (size.content for name, shape in spec.inputs.items() if inputs is None or name in inputs for size in shape)
    return sum(isinstance(size, Expr) and knob in size.names for size in sizes)
