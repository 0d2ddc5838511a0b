"""A spec elaborated over many knob values at once: like a single network, but in parts of the grid within which every
condition has one answer, and with repeated blocks built at most three times, whatever the number of repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from math import prod
from operator import ge
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from convcost.core.dims import Array, Dim, Shape
from convcost.core.dtypes import DEFAULT, DTYPE_BITS
from convcost.core.errors import SpecError, UsageError, Where, one_line
from convcost.core.units import say
from convcost.graph.graph import Node
from convcost.graph.partial import refuse_unknown
from convcost.graph.rewrite import NothingToRewrite, may_be_nothing, rewrite
from convcost.graph.typed import as_dtype, used_dtypes
from convcost.graph.walk import Step, Walk, Walked
from convcost.memory.layout import MemoryLayout, layout
from convcost.memory.lifetimes import lifetimes, tensor_bytes
from convcost.memory.policies import policy
from convcost.memory.traffic import moves
from convcost.space.axes import is_ordered
from convcost.space.kinds import kinds_along
from convcost.space.numbers import Mask, TooLarge, Undecided, added, along, bounded, freeze, in_two, total
from convcost.space.tally import Tally, TooMany, too_many
from convcost.space.target import Target
from convcost.spec.calls import MOST_NODES, TOO_MANY_LAYERS
from convcost.spec.elaborate import Builder, repeated_name
from convcost.spec.lookup import MOST_STEPS, Lookup
from convcost.spec.place import Env, Flow, Place
from convcost.spec.syntax import Item, Spec, Value
from convcost.spec.unit import Unit

if TYPE_CHECKING:
    from convcost.devices.device import Device, Roofline

Box = tuple[Array, ...]
"""A sub-grid: for each axis of the grid, the positions of the values in it."""


class Costs(NamedTuple):
    """The costs of the networks of one box: plain ints if all are equal, else numbers over the grid."""

    macs: Dim
    params: Dim
    activations: Dim
    peak_activation_elements: Dim
    peak_activation_bytes: Dim
    bytes_moved: Dim


MOST_STRUCTURES = 2_000
"""The most parts of a grid; each is built as a network is, which takes milliseconds, and holds tables.

They are counted while they are found: a grid may be refused only after nearly so many are built.
"""
#: The values of `Policy.keeps` under which a repetition's peak does not depend on the number of repetitions before it.
_LOCAL = frozenset({"use", "layer"})


_AS_STATED: Mapping[str, Shape] = {}  # a Mapping to all who read it; a read-only proxy could not be pickled


class Request(NamedTuple):
    """The settings shared by every network of a grid."""

    batch: int = 1
    dtype: str | None = None
    """Of every element; None for what the networks state."""
    memory_policy: str = "fused"
    input_shapes: Mapping[str, Shape] = _AS_STATED
    """Name of an input -> the shape that replaces the one that the spec states."""
    rewrite: str = ""
    """How its convolutions are rewritten; empty for not at all."""
    target: Target | None = None
    """How they are deployed, if it is asked what that takes."""
    device: Device | Roofline | None = None
    """What they run on, if it is asked how long that takes."""

    def options(self) -> dict[str, Any]:
        """As keyword arguments of `design_space` for a network that has the input shapes itself."""
        return {name: value for name, value in self._asdict().items() if name != "input_shapes"}


class SpacePart(NamedTuple):
    """A box of the grid with its costs, or with the reason why its networks cannot be built."""

    box: Box
    costs: Costs | None
    reason: str
    """The message for the first point of the box."""
    dtypes: frozenset[str] = frozenset()
    """Every type that the networks have tensors of."""
    more: Mapping[str, Dim] = {}
    """What they take where they are deployed, and how long on a device, by metric."""
    later: Mapping[str, Callable[[], Dim]] = {}
    """Costs that few ask for, each with what finds it."""
    refused: bool = False
    """Whether they can be built, but not deployed."""


class _Grid(NamedTuple):
    """What is built, for all boxes of one grid."""

    spec: Spec
    knobs: Mapping[str, Any]
    """Name -> value, of the knobs that are no axis."""
    axes: Mapping[str, Sequence[Any]]
    request: Request
    tally: Tally


def parts(
    spec: Spec, knobs: Mapping[str, Any], axes: Mapping[str, Sequence[Any]], request: Request
) -> Iterator[SpacePart]:
    """The grid as disjoint boxes, within each of which all networks have one structure."""
    waiting: list[Box] = [tuple(np.arange(len(values)) for values in axes.values())]
    for position, values in enumerate(axes.values()):
        if not is_ordered(values):  # words and lists are structure: each value is a grid of its own
            refuse_many(len(waiting) * len(values))
            waiting = [_with(box, position, box[position][[i]]) for box in waiting for i in range(len(values))]
    waiting.reverse()
    done, tally = 0, Tally(prod(map(len, axes.values())))
    grid = _Grid(spec, knobs, axes, request, tally)
    too_large: list[tuple[int, ...]] = []
    while waiting:
        box = waiting.pop()
        shape = tuple(map(len, box))
        try:
            if any(all(map(ge, shape, known)) for known in too_large):
                raise in_two(shape)
            with bounded(shape):
                part = _at(grid, box)
        except Undecided as split:
            if isinstance(split, TooLarge):
                too_large.append(shape)
            waiting.extend(reversed(divided(box, split.labels)))
            refuse_many(done + len(waiting))
            tally.refuse_many()
        else:
            done += 1
            tally.refuse_many()
            yield part


def refuse_many(structures: int) -> None:
    """Raises `TooMany` where a grid has so many parts of one structure that building each would take too long."""
    if structures > MOST_STRUCTURES:
        raise TooMany(too_many(f"{MOST_STRUCTURES:,} structures, each of which is built by itself"))


def _at(grid: _Grid, box: Box) -> SpacePart:
    """The networks of one box; raises `Undecided` where they cannot be treated as one."""
    values, request = dict(grid.knobs), grid.request
    for position, (name, known) in enumerate(grid.axes.items()):
        chosen = [known[i] for i in box[position].tolist()]
        values[name] = along(chosen, position, len(grid.axes)) if len(chosen) > 1 else chosen[0]
    try:
        built = _part(grid.spec, values, request, grid.tally)
        if built is None or isinstance(built, str):
            return SpacePart(box, None, built or _reason(grid, box))
        walked, weights = built
        dtypes = used_dtypes(walked, request.dtype)
        time, later = _timed(walked, weights, grid, box)
        more = {**_deployed(walked, grid, box), **time}
        costs = _costs(as_dtype(walked, request.dtype), weights, request)
        return SpacePart(box, costs, "", dtypes, more, later)
    except NothingToRewrite as error:
        return SpacePart(box, None, str(error))
    except NotDeployable as error:
        return SpacePart(box, None, str(error), refused=True)


def _with(box: Box, position: int, chosen: Array) -> Box:
    return (*box[:position], chosen, *box[position + 1 :])


def divided(box: Box, labels: Array) -> list[Box]:
    """Cut a box along the axis that needs the fewest pieces to separate points with different labels.

    >>> two, three = np.arange(2), np.arange(3)
    >>> [part[1].tolist() for part in divided((two, three), np.array([[7, 9, 7], [7, 9, 7]]))]
    [[0, 2], [1]]
    >>> [part[0].tolist() for part in divided((two, three), np.array([[7, 9, 7], [6, 9, 8]]))]
    [[0], [1]]
    """
    kinds = {axis: kinds_along(axis, [labels], size) for axis, size in enumerate(labels.shape) if size > 1}
    varying = [axis for axis in kinds if kinds[axis].any()]
    if not varying:
        raise AssertionError("a grid is split where points differ, and none do")
    axis = min(varying, key=lambda axis: int(kinds[axis].max()))
    order = np.argsort(kinds[axis], kind="stable")
    ends = np.flatnonzero(np.diff(kinds[axis][order])) + 1
    return [_with(box, axis, box[axis][piece]) for piece in np.split(order, ends)]


def _part(
    spec: Spec, values: Mapping[str, Any], request: Request, tally: Tally
) -> tuple[Walked, Sequence[Dim]] | str | None:
    """The networks of one box as one, with the multiplicity of each step; None if they cannot be built, or why none of them can.

    Equal repetitions are built once if no peak depends on their number, no rewrite spans two of them, and no runtime
    shall have each of their tensors.
    """
    local = policy(request.memory_policy).keeps in _LOCAL and not request.target
    for compress in (True, False) if local else (False,):
        builder = GridBuilder(spec, values, compress=compress)
        try:
            with tally.of(builder.lookup):
                built = builder.build(request.input_shapes)
        except SpecError:
            return None
        if built is None or builder.takes_too_many_steps():
            # Building the first of these networks again, to say which layer is one too many, would take long.
            return TOO_MANY_LAYERS if any(one.what == TOO_MANY_LAYERS for one in builder.lookup.problems) else None
        if builder.has_too_many_layers():
            return TOO_MANY_LAYERS
        walked, weights = built.walked, builder.walk.weights
        found = rewritten(walked, weights, request.rewrite) if request.rewrite else (walked, weights)
        if found:
            refuse_unknown(walked.steps, spec.name, "other values of its knobs would only give lower bounds")
            return found
    raise AssertionError("where every repetition is built, each layer stands there once")


def rewritten(walked: Walked, weights: Sequence[Dim], to: str) -> tuple[Walked, Sequence[Dim]] | None:
    """The network with its convolutions rebuilt, and the multiplicity of each step: that of the step it replaces.

    The same network if inference merges nothing of it; None if layers that are merged span two repetitions of a block.
    """
    try:
        made = rewrite(walked, to)
    except NothingToRewrite:
        if may_be_nothing(to):
            return walked, weights
        raise
    weight_of = {step.node.name: weight for step, weight in zip(walked.steps, weights, strict=True)}
    for one in made.rebuilt:
        if len({freeze(weight_of[node.name]) for node in one.old}) > 1:
            return None
        weight_of |= {node.name: weight_of[one.name] for node in one.new}
    walk = GridWalk(walked.inputs)
    for node in made.graph.nodes:
        walk.weight = weight_of[node.name]
        walk.step(node)
    return Walked(made.graph, tuple(walk.steps)), walk.weights


def _reason(grid: _Grid, box: Box) -> str:
    """Why the networks of a box cannot be built: the message for its first point.

    Those in the middle of every axis and at the last point must be infeasible too.
    """
    said = []
    places = (tuple(int(chosen[(len(chosen) - 1) * half // 2]) for chosen in box) for half in range(3))
    for place in dict.fromkeys(places):
        point = {name: grid.axes[name][at] for name, at in zip(grid.axes, place, strict=True)}
        try:
            lookup = Lookup(grid.spec, {**grid.knobs, **point}, most_problems=1)
            with grid.tally.of(lookup):
                network, problems = Builder(lookup).build(grid.request.input_shapes), lookup.problems
        except SpecError as error:
            network, problems = None, list(error.problems)
        if network is not None and not problems:
            longest = max(range(len(box)), key=lambda position: len(box[position]))
            # Costs of 0 would be worse than none.
            assert len(box[longest]) > 1, f"the grid refuses what can be built, at {point}"
            shape = [len(box[longest]) if position == longest else 1 for position in range(len(box))]
            raise Undecided(np.arange(len(box[longest])).reshape(shape))
        said += [(point, ": ".join(filter(None, (problem.scope, problem.what)))) for problem in problems]
    point, text = said[0]
    where = ", ".join(
        f"{name} {say(point[name])}" for name, chosen in zip(grid.axes, box, strict=True) if len(chosen) > 1
    )
    return one_line(f"at {where}: {text}" if where else text)


def _costs(walked: Walked, weights: Sequence[Dim], request: Request) -> Costs:
    """Sums over all layers; equal layers are costed once and counted."""
    steps, batch = walked.steps, request.batch
    once = {_alike(step): step for step in steps}
    standing: dict[Any, list[Dim]] = {key: [] for key in once}
    for step, weight in zip(steps, weights, strict=True):
        standing[_alike(step)].append(weight)
    found = [(step, total(standing[key])) for key, step in once.items()]
    where = layout(walked, policy(request.memory_policy))
    return Costs(
        added(step.cost.macs * times for step, times in found) * batch,
        added(step.params * times for step, times in found),
        added(step.written * times for step, times in found) * batch,
        *_peaks(walked, where, request),
        _moved(walked, weights, where, request),
    )


def _moved(walked: Walked, weights: Sequence[Dim], where: MemoryLayout, request: Request) -> Dim:
    """The bytes that all layers move; equal amounts are counted, then multiplied."""
    masks = policy(request.memory_policy).keeps == "backward"
    found: dict[int, Dim] = {}
    standing: dict[int, list[Dim]] = {}
    for one, weight in zip(moves(walked, where, request.dtype, request.batch, masks=masks), weights, strict=True):
        for amount in (*one.inputs, *one.outputs, *one.weights):
            found[id(amount)] = amount
            standing.setdefault(id(amount), []).append(weight)
    return added(amount * total(standing[key]) for key, amount in found.items())


def _deployed(walked: Walked, grid: _Grid, box: Box) -> Mapping[str, Dim]:
    """What the networks take where they are deployed, nothing if that is not asked; raises `NotDeployable`."""
    target = grid.request.target
    if target is None:
        return {}
    from convcost.space.deployed import deployed_costs

    try:
        return deployed_costs(walked, target, tuple(map(len, box)), grid.tally)
    except TooMany:
        raise
    except UsageError as error:
        raise NotDeployable(str(error)) from None


def _timed(
    walked: Walked, weights: Sequence[Dim], grid: _Grid, box: Box
) -> tuple[Mapping[str, Dim], Mapping[str, Callable[[], Dim]]]:
    """How long the networks take on a device, nothing if that is not asked; raises `UsageError` if it cannot be told."""
    request, axes = grid.request, grid.axes
    if request.device is None:
        return {}, {}
    from convcost.space.timed import Lacking, lacks_text, timed_costs

    try:
        timed = timed_costs(walked, weights, request.device, tuple(map(len, box)), request.dtype, request.batch)
    except Lacking as lacking:
        sizes = zip(axes, box, lacking.position, strict=True)
        point = ", ".join(f"{name} {say(axes[name][chosen[at]])}" for name, chosen, at in sizes)
        raise UsageError(f"at {point}: {lacks_text(request.device, lacking.term)}") from None
    return timed.costs, timed.later


class NotDeployable(UsageError):
    """A layer has no kernel on the target."""


def _alike(step: Step) -> tuple[int, bool, tuple[str, ...]]:
    """Equal for steps that cost and store the same."""
    return id(step.cost), step.node.trainable, tuple(step.node.shares)


def _peaks(walked: Walked, where: MemoryLayout, request: Request) -> tuple[Dim, Dim]:
    """The peaks of live elements and of live bytes."""
    batch = request.batch
    lives = lifetimes(walked, request.memory_policy, where=where)
    most = lives.highest()
    bits = DTYPE_BITS[request.dtype or DEFAULT]
    if bits % 8 == 0 and all(tensor.dtype is None for tensor in lives.tensors):
        return most * batch, most * (batch * bits // 8)
    return most * batch, lives.highest(lambda tensor: tensor_bytes(tensor, request.dtype, batch))


class GridWalk(Walk):
    """A walk that knows the multiplicity of each step."""

    def __init__(self, inputs: Mapping[str, Shape]) -> None:
        super().__init__(inputs)
        self.weight: Dim = 1
        self.weights: list[Dim] = []
        self.frozen: dict[int, tuple[Shape, Any]] = {}
        """Shape over the grid, by its identity -> it, so that it lives as long, and its stand-in."""

    def step(self, node: Node) -> Step:
        step = super().step(node)
        self.weights.append(self.weight)
        return step

    def forget(self, names: Collection[str]) -> None:
        kept = (step.node.name not in names for step in self.steps)
        self.weights = [weight for weight, keep in zip(self.weights, kept, strict=True) if keep]
        super().forget(names)

    def key(self, node: Node, shapes: tuple[Shape, ...]) -> Any:
        key = super().key(node, shapes)
        try:
            hash(key)
        except TypeError:  # numbers over the grid, or lists
            op, _, attrs = key
            return op, tuple([self.of_shape(shape) for shape in shapes]), freeze(attrs)
        return key

    def of_shape(self, shape: Shape) -> Any:
        """A shape that can be looked up: a map is read by some layers, and repetitions have the very same."""
        found = self.frozen.get(id(shape))
        if found is None:
            found = self.frozen[id(shape)] = shape, freeze(shape)
        return found[1]


class GridLookup(Lookup):
    """The state of an elaboration over a grid: whatever needs a single answer gets it, or the grid is split."""

    walk: GridWalk

    def __init__(self, spec: Spec, knobs: Mapping[str, Any]) -> None:
        self.mentioned: set[str] = set()
        """Names of layers that the files read so far may read."""
        super().__init__(spec, knobs, most_problems=1, walk=GridWalk({}))
        self.counted: list[Dim] = []
        """Multiplicity of each step that has one."""

    def enter(self, unit: Unit) -> None:
        self.mentioned |= unit.spec.mentioned

    def mention(self, path: str) -> None:
        self.mentioned.update(path.split("."))

    def evaluate_in(self, env: Env, value: Value, path: str, what: str, convert: Any = None) -> Any:
        def decided(found: Any) -> Any:
            return bool(found) if isinstance(found, Mask) else found

        if convert is None:  # the word for a block of a file goes on meaning that file's
            return decided(super().evaluate_in(env, value, path, what))
        return super().evaluate_in(env, value, path, what, lambda found: convert(decided(found)))

    def count(self, where: Where, place: Place) -> None:
        super().count(where, place)
        self.counted.append(self.walk.weight)


class GridBuilder(Builder):
    """Builds the networks of a box as one; of a block repeated n times, only the first, the second and the last.

    All repetitions but the first have the same arguments. If the second returns the shapes that it got, all after it are
    equal to it, and it represents all of them but the last. The last is built too, because a tensor may be live through
    all repetitions but the last. If the second returns other shapes, the repetitions differ, and each is built. So it is
    where a layer may read a repetition by its number, or use its parameters, which go by names.
    """

    lookup: GridLookup
    walk: GridWalk

    def __init__(self, spec: Spec, knobs: Mapping[str, Any], *, compress: bool) -> None:
        super().__init__(GridLookup(spec, knobs))
        self.compress = compress

    def has_too_many_layers(self) -> bool:
        """Whether the networks, with every repetition, have more layers than a single network may have."""
        return bool(total(self.walk.weights) > MOST_NODES)

    def takes_too_many_steps(self) -> bool:
        """Whether building them, with every repetition, takes more steps than that of a single network may take."""
        return bool(total(self.lookup.counted) > MOST_STEPS)

    def repetitions(self, item: Item, place: Place, inputs: list[Flow], times: Dim, first: int = 0) -> list[Flow]:
        if not self.compress:
            return super().repetitions(item, place, inputs, times, first)
        self.compress = item.share is None  # what is inside has to be the same in each repetition, one by one
        try:
            if place.shares or times < 3 or self._by_name(item, place):
                return super().repetitions(item, place, inputs, times, first)
            return self._compressed(item, place, inputs, times)
        finally:
            self.compress = True

    def _compressed(self, item: Item, place: Place, inputs: list[Flow], times: Dim) -> list[Flow]:
        inputs = self.repetition(item, place, inputs, 0)
        before, sides = self._shapes(inputs), len(self.sides)
        begun = len(self.lookup.counted), len(self.walk.weights)
        inputs = self.repetition(item, place, inputs, 1)
        if before != self._shapes(inputs) or len(self.sides) > sides:
            return super().repetitions(item, place, inputs, times, first=2)
        for weights, start in zip((self.lookup.counted, self.walk.weights), begun, strict=True):
            scaled = {id(weight): weight * (times - 2) for weight in weights[start:]}  # few differ, as in `total`
            weights[start:] = [scaled[id(weight)] for weight in weights[start:]]
        return self.repetition(item, place, inputs, 2)

    def _shapes(self, inputs: Sequence[Flow]) -> Any:
        return freeze([[self.walk.shapes[edge] for edge in flow.edges] for flow in inputs])

    def _by_name(self, item: Item, place: Place) -> bool:
        """Whether each repetition must be built: its name may already be taken, or something may read it by name."""
        base = repeated_name(item, 0).rpartition(".")[2].rstrip("0123456789")
        names = {part for name in (*place.taken, *place.coming, *self.lookup.mentioned) for part in name.split(".")}
        if item.glue and any(name.startswith(base) for name in names):
            return True
        return any(name.startswith(base) and name[len(base) :].isdecimal() for name in names)
