"""The live range of each tensor for one execution order, and what is live at each step.

A tensor is live from the step that writes it to the last step that reads it; while an op runs, its inputs and outputs
are live; the network's input is live until its last use, its outputs until the end. Weights and workspaces are not
counted.

All of this is structure: it is determined once, over step numbers, and sizes are put in afterwards. They may be ints,
numpy arrays (a sweep) or sympy symbols (a closed form).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any, NamedTuple, Protocol

from convcost.core.dims import Dim, Shape, elements, is_array, maximum, minimum, product
from convcost.core.dtypes import DEFAULT, DTYPE_BITS, storage
from convcost.graph.typed import as_dtype
from convcost.graph.walk import Step, Walked, output_edges
from convcost.memory.layout import MemoryLayout, layout
from convcost.memory.policies import Policy, policy


class Tensor(NamedTuple):
    """A tensor in memory and its live range: positions in the execution order, inclusive."""

    name: str
    """The edge that it is first written for."""
    shape: Shape
    first: int
    """Position of the step that writes it; -1 for the network's input."""
    last: int
    """Position of the last step that needs it; the number of steps if it is kept to the end."""
    dtype: str | None = None
    """Of its elements, where it is known: as the network states, and masks are bytes."""


class Sized(Protocol):
    """What has a size in memory."""

    @property
    def shape(self) -> Shape: ...

    @property
    def dtype(self) -> str | None: ...


class Lived(Protocol):
    """What is alive from a first to a last position, inclusive."""

    @property
    def first(self) -> int: ...

    @property
    def last(self) -> int: ...


SizeOf = Callable[[Tensor], Dim]
Measure = Callable[[Sized], Dim]


def count(tensor: Sized) -> Dim:
    """The elements of a tensor."""
    return product(tensor.shape)


class Peak(NamedTuple):
    """The most that is live at once, and the position at which it is (-1: before the first step)."""

    elements: Dim
    step: int


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """All tensors of a network under a policy and an order of execution."""

    tensors: tuple[Tensor, ...]
    length: int
    """Number of steps."""
    home: dict[str, tuple[int, ...]]
    """Edge -> the tensors whose memory it uses."""
    regions: tuple[tuple[int, ...], ...] = ()
    """Tensors that must be contiguous, in this order."""
    windows: tuple[tuple[int, tuple[int, ...]], ...] | None = None
    """Where a policy considers single steps: each position and the tensors counted there, whatever else is live."""
    over: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Tensor -> the edges that are later written over it, in place, in this order."""
    outputs: tuple[int, ...] = ()
    """The tensors of the network's outputs."""
    begins_over: dict[int, int] = field(default_factory=dict)
    """Tensor -> the tensor over which it is written from the first byte on, at its first position, though both need not be of
    one size: what a depthwise convolution in place reads, and what it writes. While it runs, the larger is counted."""

    def alive(self, position: int) -> tuple[int, ...]:
        """The tensors live at a position, or counted there."""
        if self.windows is not None:
            return dict(self.windows).get(position, ())
        return tuple(i for i, tensor in enumerate(self.tensors) if tensor.first <= position <= tensor.last)

    def timeline(self, size: SizeOf = count, only: Container[int] | None = None) -> Iterator[tuple[int, Dim]]:
        """Each position, from -1 on, or `only` some, and the sum of the sizes of all tensors live there.

        Sizes that are one object are counted between positions, and multiplied.
        """
        shared: dict[int, Dim] = {}
        for over, under in self.begins_over.items():
            shared[self.tensors[over].first] = minimum(size(self.tensors[over]), size(self.tensors[under]))
        if self.windows is not None:
            for at, held in (each for each in self.windows if only is None or each[0] in only):
                needed = sum((size(self.tensors[i]) for i in held), 0)
                yield at, needed - shared[at] if at in shared else needed
            return
        born: dict[int, list[Dim]] = {}
        dead: dict[int, list[Dim]] = {}
        for tensor in self.tensors:
            amount = size(tensor)
            born.setdefault(tensor.first, []).append(amount)
            dead.setdefault(tensor.last, []).append(amount)
        for at, live in _sums(born, dead, self.length, only):
            yield at, live - shared[at] if at in shared else live

    def peak(self, size: SizeOf = count) -> Peak:
        """The most that is live at once, and the first position at which it is; for ints."""
        best = Peak(0, -1)
        for at, live in self.timeline(size):
            if live > best.elements:
                best = Peak(live, at)
        return best

    def highest(self, size: Measure = count) -> Dim:
        """The most that is live at once, over any number system; `size` is one of shape and type."""
        known: dict[tuple[int, str | None], Dim] = {}

        def once(tensor: Tensor) -> Dim:
            """Its size, of shapes that are one object and of one type the very same."""
            key = id(tensor.shape), tensor.dtype
            if key not in known:
                known[key] = size(tensor)
            return known[key]

        values = {_key(live): live for _, live in self.timeline(once, self._tops())}
        return reduce(maximum, values.values()) if values else 0

    def _tops(self) -> frozenset[int]:
        """Positions with a maximal live set: no other position's live set includes it, so that the peak is at one of them.

        The live set of a position is a subset of the next one's unless a tensor dies in between, and after that the
        next candidate is where a new tensor is written.
        """
        if self.windows is not None:
            return frozenset(at for at, _ in self.windows)
        born, dead = ({getattr(tensor, end) for tensor in self.tensors} for end in ("first", "last"))
        found, new = set(), False
        for at in range(-1, self.length):
            new = new or at in born
            if new and (at in dead or at == self.length - 1):
                found.add(at)
                new = False
        return frozenset(found)


def lifetimes(
    walked: Walked,
    policy_name: str = "fused",
    order: Sequence[int] | None = None,
    where: MemoryLayout | None = None,
) -> Lifetimes:
    """The live range of every tensor; `order` lists the steps in execution order, by default the graph's.

    `where` is the layout under the policy, where that is known already. Raises `UsageError` for an unknown policy.

    >>> from convcost import load
    >>> lifetimes(load("vgg16").walked).peak()
    Peak(elements=6422528, step=2)
    """
    chosen = policy(policy_name)
    steps, where = walked.steps, where or layout(walked, chosen)
    running = order if order is not None else range(len(steps))
    ends = _ends(walked, where, running)
    written = _overwritten(steps, where, running, ends, chosen)
    return _assembled(walked, where, running, ends, written, chosen)


def peak_elements(walked: Walked, policy_name: str = "fused") -> Dim:
    """The peak of live elements, batch 1, over ints, arrays or symbols; raises `UsageError`."""
    return lifetimes(walked, policy_name).highest()


def tensor_bytes(tensor: Sized, dtype: str | None, batch: int) -> int:
    """Bytes of a tensor over the batch, rounded up; `dtype` is that of a tensor without one of its own."""
    return storage(count(tensor) * batch, tensor.dtype or dtype or DEFAULT)


def peak_bytes(walked: Walked, policy: str, dtype: str | None, batch: int, where: MemoryLayout | None = None) -> int:
    """The peak of live bytes, every tensor rounded up to whole bytes; all as `dtype`, or each as the network states."""
    lives = lifetimes(as_dtype(walked, dtype), policy, where=where)
    return int(lives.peak(lambda tensor: tensor_bytes(tensor, dtype, batch)).elements)


def _sums(
    born: Mapping[int, list[Dim]], dead: Mapping[int, list[Dim]], length: int, only: Container[int] | None
) -> Iterator[tuple[int, Dim]]:
    """Each position, or `only` some, and the sum of what is born before and not dead; what dies at a position counts there.

    >>> list(_sums({-1: [3], 0: [5, 7]}, {0: [3], 1: [5]}, 2, None)), list(_sums({-1: [3], 0: [5, 7]}, {0: [3], 1: [5]}, 2, {1}))
    ([(-1, 3), (0, 15), (1, 12)], [(1, 12)])
    """
    live: Dim = 0
    changed: dict[int, list[Any]] = {}  # size, by its identity -> it, and how many more are alive than at the last sum
    for at in range(-1, length):
        for amount in born.get(at, ()):
            changed.setdefault(id(amount), [amount, 0])[1] += 1
        if only is None or at in only:
            for amount, times in changed.values():
                if times:
                    live = live + (amount if times == 1 else -amount if times == -1 else amount * times)
            changed.clear()
            yield at, live
        for amount in dead.get(at, ()):
            changed.setdefault(id(amount), [amount, 0])[1] -= 1


def _key(value: Dim) -> object:
    """A key that equal amounts share, so that none is compared twice."""
    return (value.shape, value.tobytes()) if is_array(value) else value


def _ends(walked: Walked, where: MemoryLayout, running: Sequence[int]) -> list[int]:
    """The last position at which each tensor is written or read."""
    ends = [-1] * len(where.tensors)
    for position, at in enumerate(running):
        node, cost = walked.steps[at].node, walked.steps[at].cost
        for tensor in where.of((*node.inputs, *output_edges(node, cost))):
            ends[tensor] = position
    if where.runs_with:
        positions = {at: position for position, at in enumerate(running)}
        for at, later in where.runs_with.items():
            for tensor in where.of(walked.steps[at].node.inputs):
                ends[tensor] = max(ends[tensor], positions[later])
    for tensor in where.of(walked.outputs):
        ends[tensor] = len(walked.steps)
    return ends


def targets(step: Step) -> tuple[str, ...]:
    """The inputs over which an op may run in place: of as many elements as its output, and read only where it writes."""
    inputs, overwrites = step.node.inputs, step.traits.overwrites
    if overwrites == "any" and step.node.attrs.get("broadcast"):
        overwrites = "first"
    return {"nothing": (), "first": inputs[:1], "any": tuple(dict.fromkeys(inputs))}[overwrites]


def is_depthwise(step: Step) -> bool:
    """Whether a step is a depthwise convolution that makes one channel of each: it can run in place, a channel at a time."""
    return step.traits.weighted and step.by_channel and bool(step.cost.out[0][-1] == step.input_shapes[0][-1])


class Overwriting:
    """Which ops may run in place over which inputs, once these have no other readers left, for any order."""

    def __init__(self, steps: Sequence[Step], where: MemoryLayout, chosen: Policy) -> None:
        self.over: list[tuple[str, ...]] = []
        """Step -> inputs that it may overwrite."""
        held: set[str] = set()
        for step in steps:
            edges = output_edges(step.node, step.cost)
            if not edges:
                self.over.append(())
                continue
            out = edges[0]
            writes = any(where.tensors[t].name == out for t in where.home[out])
            over = targets(step) if chosen.overwrite else ()
            over = step.node.inputs[:1] if chosen.depthwise and is_depthwise(step) else over
            readings = Counter(where.of(dict.fromkeys(step.node.inputs))) if over else Counter()
            fits = partial(self._fits, out=out, where=where, held=held, readings=readings)
            allowed = [edge for edge in over if writes and fits(edge)]
            self.over.append(tuple(allowed))
            # A tensor placed over a region may not become part of another region.
            if where.placed(out) or any(edge in held for edge in (*allowed, *(() if writes else step.node.inputs[:1]))):
                held.update(edges)

    @staticmethod
    def _fits(edge: str, out: str, where: MemoryLayout, held: set[str], readings: Mapping[int, int]) -> bool:
        """Whether the first output can take the place of an input; `readings` says how many inputs lie in each tensor."""
        alone = all(readings[tensor] == 1 for tensor in where.home[edge])
        wide = {DTYPE_BITS[where.tensors[tensor].type] for tensor in (*where.home[edge], *where.home[out])}
        return edge in where.whole and alone and len(wide) == 1 and not (edge in held and where.placed(out))


class _Written(NamedTuple):
    """What is written in place: tensor -> those of an input that die at the step that writes it."""

    over: dict[int, tuple[int, ...]]
    """Where both are of one size, so that it takes their place."""
    begins: dict[int, int]
    """Of a depthwise convolution, which may write less than it reads."""


def _overwritten(
    steps: Sequence[Step], where: MemoryLayout, running: Sequence[int], ends: Sequence[int], chosen: Policy
) -> _Written:
    roots, begins = dict[int, tuple[int, ...]](), dict[int, int]()
    if not (chosen.overwrite or chosen.depthwise):
        return _Written(roots, begins)
    may = Overwriting(steps, where, chosen)
    for position, at in enumerate(running):
        for edge in may.over[at]:
            if chosen.keeps == "layer" or all(ends[tensor] == position for tensor in where.home[edge]):
                (mine,) = where.home[steps[at].node.name]
                under = tuple(root for tensor in where.home[edge] for root in roots.get(tensor, (tensor,)))
                if chosen.depthwise and is_depthwise(steps[at]):
                    begins |= {mine: under[0]} if len(under) == 1 else {}
                else:
                    roots[mine] = under
                break
    return _Written(roots, begins)


def _assembled(
    walked: Walked,
    where: MemoryLayout,
    running: Sequence[int],
    ends: Sequence[int],
    written: _Written,
    chosen: Policy,
) -> Lifetimes:
    steps, roots = walked.steps, written.over
    position = {at: position for position, at in enumerate(running)}
    last = list(ends)
    for tensor, under in roots.items():
        for root in under:
            last[root] = max(last[root], ends[tensor])
    if chosen.keeps == "end":
        last = [len(steps)] * len(last)
    masks: list[Tensor] = []
    if chosen.keeps == "backward":
        for tensor in _saved(steps, where):
            last[tensor] = len(steps)
        masks = [
            Tensor(f"{step.node.name} (mask)", (elements(step.cost.out),), position[at], len(steps), "uint8")
            for at, step in enumerate(steps)
            if "mask" in step.cost.saves
        ]
    own = [tensor for tensor in range(len(last)) if tensor not in roots]
    number = {tensor: i for i, tensor in enumerate(own)}
    made = [(where.tensors[i], last[i]) for i in own]

    def lies(tensors: Iterable[int]) -> tuple[int, ...]:
        return tuple(number[root] for tensor in tensors for root in roots.get(tensor, (tensor,)))

    over: dict[int, list[str]] = {}
    for tensor in sorted(roots, key=lambda tensor: position.get(where.tensors[tensor].step, -1)):
        for root in lies((tensor,)):
            over.setdefault(root, []).append(where.tensors[tensor].name)
    home = {edge: lies(tensors) for edge, tensors in where.home.items()}
    return Lifetimes(
        tuple(Tensor(m.name, m.shape, position.get(m.step, -1), end, m.dtype) for m, end in made) + tuple(masks),
        len(steps),
        home,
        tuple(dict.fromkeys(map(lies, where.joined()))),
        _windows(steps, where, position) if chosen.keeps == "layer" else None,
        {root: tuple(names) for root, names in over.items()},
        tuple(dict.fromkeys(tensor for edge in walked.outputs for tensor in home[edge])),
        {number[tensor]: number[under] for tensor, under in written.begins.items()},
    )


def _saved(steps: Sequence[Step], where: MemoryLayout) -> Iterator[int]:
    """The tensors that the backward pass reads, as each op declares."""
    for step in steps:
        if "inputs" in step.cost.saves:
            yield from where.of(step.node.inputs)
        if "outputs" in step.cost.saves:
            yield from where.of(output_edges(step.node, step.cost))


def _windows(
    steps: Sequence[Step], where: MemoryLayout, position: dict[int, int]
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Each conv and linear layer with the tensors that it reads and writes."""
    return tuple(
        (position[at], tuple(dict.fromkeys(where.of((*step.node.inputs, step.node.name)))))
        for at, step in enumerate(steps)
        if step.traits.weighted
    )


def met(lived: Sequence[Lived]) -> int:
    """How many pairs are alive at the same time.

    >>> from convcost import load
    >>> met(load("vgg16").memory().lives.tensors)  # a chain of the input, 13 convolutions, 6 pools and 3 linear layers
    22
    """
    begun, ended = sorted(one.first for one in lived), sorted(one.last for one in lived)
    return sum(later - bisect_left(ended, first) for later, first in enumerate(begun))
