"""A model file as a network: its inputs in the order of axes that networks have, and the graph at any of their sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple

from convcost.core.dims import Dim, Shape, is_array, is_symbolic, product
from convcost.core.errors import Problem, SpecError, one_line
from convcost.core.units import counted
from convcost.graph.graph import producer
from convcost.graph.walk import Step, Walk
from convcost.importers.contents import same
from convcost.importers.idioms import IDIOM_WANTS, IDIOMS, recognised
from convcost.importers.lower import DEFAULT_DTYPE, Lowering, Rules, wanted_channels
from convcost.importers.model import Model, Size, Stated, stored_within
from convcost.importers.names import free, plain
from convcost.importers.values import Tensor, Value, is_one

_BATCH = re.compile(r"(?i)(^|[^a-z])batch")
"""Names of open sizes that are batches, wherever they stand."""
_LENGTH = re.compile(r"(?i)(^|[^a-z])(seq\w*|len\w*|time\w*|frame\w*|sample\w*|token\w*|t|l)($|[^a-z])")
"""Names of open first sizes that are not."""
_SCALARS = ("int64", "int32", "uint64", "uint32", "bool")
"""Types of numbers that shapes and branches depend on."""
_NONE: Mapping[str, int] = MappingProxyType({})
_REPRESENTATIVE = (224, 256, 640, 32)
"""Sizes to look at the structure of a model with open sizes, where it is asked for over symbols."""


_TAKEN = frozenset({"null", "true", "false", "none", "in", "row", "and", "or", "not"})
"""Words of the spec language, which no input can be called."""


_FOLDED = ("onnx", "tflite", "ncnn")
"""Formats whose exporters fold batch-norms."""


class Entry(NamedTuple):
    """An input of the file as an input of a network."""

    source: str
    """The file's name of it."""
    sizes: tuple[Size, ...]
    """Channels last, without the batch; open ones as the file names them."""
    order: tuple[int, ...]
    """For each of these sizes the axis of the file."""
    rank: int
    """How many axes it has in the file."""
    dtype: str
    batch: int = 1
    """The size that the file fixes for the batch; 1 where it leaves that open."""

    def whole(self) -> Entry:
        """The same with the batch that the file fixes as a first size."""
        if self.batch == 1:
            return self
        missing = next(axis for axis in range(self.rank) if axis not in self.order)
        return self._replace(sizes=(self.batch, *self.sizes), order=(missing, *self.order))

    def presented(self, sizes: Sequence[int]) -> tuple[int, ...] | None:
        """Sizes as the file writes them, with the batch or channels first, as a network's; None if they are none of that.

        >>> Entry("x", ("h", "w", 3), (2, 3, 1), 4, "fp32").presented((1, 3, 480, 640))
        (480, 640, 3)
        >>> Entry("x", ("h", "w", 3), (2, 3, 1), 4, "fp32").presented((3, 480, 640))
        (480, 640, 3)
        """
        if len(sizes) == self.rank > len(self.order):
            batch = [axis for axis in range(self.rank) if axis not in self.order]
            fits = all(sizes[axis] == 1 for axis in batch)
            return tuple(sizes[axis] for axis in self.order) if fits else None
        ascending = sorted(self.order)
        if len(sizes) != len(self.order) or list(self.order) == ascending:
            return None
        moved = tuple(sizes[ascending.index(axis)] for axis in self.order)
        channels = self.sizes[-1]
        return moved if moved[-1] == channels != sizes[-1] else None

    @property
    def is_scalar(self) -> bool:
        """Whether it is a single whole number or truth value, such as a rate or a flag, which shapes and branches may depend on.

        A sequence of one token, which has a batch, is none.

        >>> Entry("sr", (1,), (), 0, "int64").is_scalar, Entry("ids", (1,), (1,), 2, "int64").is_scalar
        (True, False)
        """
        return len(self.order) == self.rank < 2 and all(map(is_one, self.sizes)) and self.dtype in _SCALARS

    def value(self, name: str, shape: Shape, given: int | None = None) -> Value:
        """The input of this shape, in the file's order of axes; of a scalar, the value that is given."""
        native: list[Dim] = [1] * self.rank
        axes: list[int | None] = [None] * self.rank
        for at, axis in enumerate(self.order):
            native[axis], axes[axis] = shape[at], at
        key = tuple(range(len(shape)))
        memory = tuple(axis for axis in axes if axis is not None) or key
        if given is not None and all(map(is_one, native)):
            return Value(tuple(native), self.dtype, contents=(given,), computed=True)
        return Value(tuple(native), self.dtype, Tensor(shape, memory, key, {key: name}), tuple(axes))


class Lowered(NamedTuple):
    """A model at some sizes of its inputs."""

    outputs: tuple[str, ...]
    dtypes: Mapping[str, str]
    """Name of an input -> the type of its elements, where the file states one."""
    notes: tuple[str, ...]


def rules_of(format_: str) -> Rules:
    """The table of rules of a format."""
    # Tables are imported when they are needed: a report of one format reads no other's.
    module = {
        "onnx": "onnx.ops",
        "tflite": "tflite.ops",
        "keras": "keras.layers",
        "torch": "torch.aten",
        "ncnn": "ncnn.ops",
    }[format_]
    rules: Rules = import_module(f"convcost.importers.{module}").RULES
    rules.rules.update(IDIOMS)
    rules.wants.update(IDIOM_WANTS)
    return rules


@dataclass(frozen=True)
class Imported:
    """A model that was read from a file, and can be lowered at any sizes of its inputs."""

    model: Model
    _own: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def whole(self) -> Model:
        """The model with idioms as one op each."""
        return replace(self.model, body=recognised(self.model.body, rules_of(self.model.format).spell))

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """Name of each input, as networks call it -> what it is in the file."""
        rules = rules_of(self.model.format)
        wanted = wanted_channels(self.whole.body, rules)
        found: dict[str, Entry] = {}
        taken: dict[str, int] = {}
        images = (one.shape for one in self.model.body.inputs.values() if one.shape is not None and len(one.shape) > 2)
        firsts = {shape[0] for shape in images}
        for source, stated in self.model.body.inputs.items():
            base = plain(source) or "input"
            name = free(f"{base}_" if base.lower() in _TAKEN else base, taken)
            usual = rules.channels if len(stated.shape or ()) > 3 else -1
            found[name] = _entry(source, stated, wanted.get(source, usual), batched=len(firsts) == 1)
        return found

    def lower(self, walk: Walk, inputs: Mapping[str, Shape], scalars: Mapping[str, int] = _NONE) -> Lowered:
        """Step through the model with inputs of these shapes, some of which are these numbers; raises `SpecError`."""
        lowering, outputs = self._run(walk, inputs, scalars)
        dtypes = {name: one.dtype for name, one in self.entries.items() if one.dtype not in ("", DEFAULT_DTYPE)}
        return Lowered(
            outputs,
            dtypes,
            tuple(map(one_line, filter(None, [self.model.producer, *self.model.notes, *self.notes(lowering)]))),
        )

    def makers(self, inputs: Mapping[str, Shape], scalars: Mapping[str, int] = _NONE) -> dict[str, str]:
        """Value of the file -> the node of the network that makes it; of an idiom, the last one. Raises `SpecError`."""
        lowering, _ = self._run(Walk(dict(inputs)), inputs, scalars)
        found = {}
        for name, value in lowering.values.items():
            edges = [] if value.tensor is None else [*value.tensor.edges.values()]
            if edges and producer(edges[0]) not in inputs:
                found[name] = producer(edges[0])
        return found

    def _run(
        self, walk: Walk, inputs: Mapping[str, Shape], scalars: Mapping[str, int]
    ) -> tuple[Lowering, tuple[str, ...]]:
        """The model, lowered, and the edges of its outputs."""
        own = self.own_sizes(inputs)
        # Over a grid this cuts off the file's own size, where nothing has to be derived again.
        apart = [
            same(given, size) is not True
            for name, entry in self.entries.items()
            for given, size in zip(inputs[name], entry.sizes, strict=True)
            if isinstance(size, int)
        ]
        known = all(type(size) is int for shape in inputs.values() for size in shape)
        batched = any(entry.batch > 1 for entry in self.entries.values())
        reference = self.referred(own, inputs, scalars) if any(apart) or not known or batched else None
        lowering = self.lowering(walk, scalars, reference)
        return lowering, lowering.run(self.values(inputs, scalars))

    def own_sizes(self, inputs: Mapping[str, Shape]) -> dict[str, tuple[int, ...]]:
        """The sizes that the file states; where it leaves them open, those given, or else sizes of that kind."""
        return {
            name: tuple(
                size if isinstance(size, int) else _example(given)
                for size, given in zip(entry.sizes, inputs[name], strict=True)
            )
            for name, entry in self.entries.items()
        }

    def lowering(
        self, walk: Walk, scalars: Mapping[str, int], reference: Mapping[str, Shape] | None = None
    ) -> Lowering:
        """The model, ready to be lowered; `reference` are the shapes at the file's own sizes, where these are others."""
        lowering = Lowering(self.whole, rules_of(self.model.format), walk, reference)
        lowering.open = {
            one.source: name for name, one in self.entries.items() if one.is_scalar and name not in scalars
        }
        return lowering

    def values(self, inputs: Mapping[str, Shape], scalars: Mapping[str, int]) -> dict[str, Value]:
        """The inputs by the file's names of them."""
        return {one.source: one.value(name, inputs[name], scalars.get(name)) for name, one in self.entries.items()}

    def referred(
        self, own: Mapping[str, tuple[int, ...]], inputs: Mapping[str, Shape], scalars: Mapping[str, int]
    ) -> dict[str, Shape]:
        """The native shapes at the file's own sizes; a grid is cut where the example that was taken of it cannot be built."""
        try:
            return self.reference(own, scalars)
        except SpecError:
            for name, sizes in own.items():
                for given, size in zip(inputs[name], sizes, strict=True):
                    if is_array(given):
                        same(given, size)
            raise

    def reference(self, own: Mapping[str, tuple[int, ...]], scalars: Mapping[str, int] = _NONE) -> dict[str, Shape]:
        """The native shapes of all values at the file's own sizes; raises `SpecError`."""
        key = repr((sorted(own.items()), sorted(scalars.items())))
        if key not in self._own:
            entries = {name: entry.whole() for name, entry in self.entries.items()}
            sizes = {
                name: (*entry.sizes[: len(entry.order) - len(own[name])], *own[name]) for name, entry in entries.items()
            }
            lowering = self.lowering(Walk(sizes), scalars)
            lowering.run({one.source: one.value(name, sizes[name], scalars.get(name)) for name, one in entries.items()})
            shapes = lowering.tried.shapes | {name: one.shape for name, one in lowering.values.items()}
            self._check_batch(own, scalars, shapes)
            self._own[key] = shapes
        found: dict[str, Shape] = self._own[key]
        return found

    def _check_batch(
        self, own: Mapping[str, tuple[int, ...]], scalars: Mapping[str, int], shapes: Mapping[str, Shape]
    ) -> None:
        """Raise `SpecError` if a batch that the file fixes is more than so many images, each computed by itself."""
        batches = {entry.batch for entry in self.entries.values()} - {1}
        if not batches:
            return
        lowering = self.lowering(Walk(own), scalars, shapes)
        lowering.run(self.values(own, scalars))
        for name, value in lowering.values.items():
            if value.tensor is None or value.is_constant or value.lost or name not in shapes:
                continue
            if product(shapes[name]) not in {batch * product(value.shape) for batch in batches}:
                what = (
                    f"the file fixes a batch of {max(batches)}, and does more with it than to compute so many images: "
                    "export it with a batch of 1"
                )
                raise SpecError([Problem(None, f"{self.model.file}: {name}", what)])

    def notes(self, lowering: Lowering) -> tuple[str, ...]:
        """What people should know about the numbers: what is stored but not counted, or counted more than once."""
        found = list(lowering.notes)
        stored = [*stored_within(self.model.body)]
        if self.model.format in _FOLDED and _may_have_folded(lowering.walk.steps):
            found.append(
                "no batch-norm is in it: exporters fold each into the convolution before it, which gets a bias"
            )
        if idle := lowering.idle(self.whole.body):
            found.append(f"{counted(idle, 'op')} of the file from which no output follows: not counted")
        if left := lowering.accounts.left(stored):
            count = sum(one.elements for one in left)
            found.append(f"{count:,} stored numbers in {len(left)} tensors are in no layer: {_listed(left)}")
        if folded := lowering.accounts.folded:
            found.append(f"{folded:,} MACs depend on no input, and are not counted: runtimes compute such parts once")
        if dissolved := lowering.accounts.dissolved:
            found.append(f"{dissolved:,} stored numbers go into weights that are computed before anything runs")
        if merged := lowering.accounts.merged(stored):
            found.append(
                f"{merged:,} stored numbers are counted in more than one layer: equal ones that the exporter merged, or tied ones"
            )
        return tuple(found)


def _may_have_folded(steps: Sequence[Step]) -> bool:
    """Whether all that batch-norms of the model can have become stands there: convolutions with biases, and no batch-norm."""
    convolutions = [step for step in steps if step.traits.channels == "grouped" and step.traits.weighted]
    return any(step.node.attrs.get("bias") for step in convolutions) and all(
        step.node.op != "batch_norm" for step in steps
    )


def _listed(tensors: Any) -> str:
    names = [one.name for one in tensors[:3]]
    return ", ".join(names) + (", …" if len(tensors) > 3 else "")


def _example(size: Dim) -> int:
    """A number for a size of a grid or over symbols, to look at a model's structure."""
    if is_array(size):
        first: int = int(next(iter(size.reshape(-1).tolist()))) if hasattr(size, "reshape") else int(size.min())
        return first
    return _REPRESENTATIVE[0] if is_symbolic(size) else int(size)


def _entry(source: str, stated: Stated, channel: int, *, batched: bool) -> Entry:
    """An input, its channels last and its batch left out; `batched` says that all images have the same first size."""
    if stated.shape is None:
        raise SpecError([Problem(None, source, "the file does not state how many axes this input has")])
    rank = len(stated.shape)
    batch = _batch(stated.shape, batched=batched)
    channel = channel % rank if -rank <= channel < rank else rank - 1
    if channel == batch:
        channel = rank - 1
    order = [axis for axis in range(rank) if axis not in (batch, channel)]
    if rank and channel != batch:
        order.append(channel)
    sizes = tuple(stated.shape[axis] for axis in order) or (1,)
    fixed = stated.shape[batch] if batch is not None else 1
    return Entry(source, sizes, tuple(order), rank, stated.dtype, fixed if isinstance(fixed, int) and fixed > 1 else 1)


def _batch(shape: tuple[Size, ...], *, batched: bool = True) -> int | None:
    """The axis of the batch: one that is named so, or else the first, unless it has a size of its own.

    The states of recurrent layers have theirs in the middle: (2·layers, batch, channels).

    >>> _batch((1, 3, 224, 224)), _batch(("T", "batch", 40)), _batch((2, None, 128)), _batch((77,))
    (0, 1, 1, None)
    """
    named = [axis for axis, size in enumerate(shape) if isinstance(size, str) and _BATCH.search(size)]
    if named:
        return named[0]
    if len(shape) < 2:
        return None
    first = shape[0]
    is_length = isinstance(first, str) and _LENGTH.search(first)
    if is_one(first) or (not isinstance(first, int) and not is_length) or (batched and len(shape) > 3):
        return 0
    fixed = [isinstance(size, int) for size in shape]
    return 1 if fixed == [True, False, True] and shape[1] is None else None
