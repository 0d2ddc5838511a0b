"""The execution order with the lowest peak memory.

A set of executed ops that is closed under dependencies determines which tensors are live: those that are written and
still needed. So the orders of a graph are the paths through these sets, and the lowest peak is a minimax path: its
length is its highest point. The search (Dijkstra's) expands sets in order of their peak. It ends with an optimal order
or, when its budget of steps is spent, with a good order and a lower bound on the peak of any order.

Three things keep it small. At an op that every other op precedes or follows in any order, the graph is cut into segments
that are searched one after the other. An op that does not raise the peak so far and leaves no more memory in use
than before is run at once: delaying it never pays. And ops that read no input of the network - tables of positions,
computed anew from what is stored - are left out at first, because nothing would have to precede them: if the order of the
others stays the best when each of them runs right before it is needed, no order is better.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from convcost.core.errors import UsageError
from convcost.graph.graph import producer
from convcost.graph.walk import Step, Walked, output_edges
from convcost.memory.layout import MemoryLayout, layout
from convcost.memory.lifetimes import Measure, Overwriting, count, lifetimes
from convcost.memory.policies import Policy, policy

MOST_TRIED = 1_000_000
"""The steps of a search, about a second and 100 MB: a tensor of a unit that is tried, or 64 units of a set that is made by that.
The costliest network of the zoo, a NASNet in place, takes 0.7 of it; a fan-out of hundreds would take years."""
_FOR_GREEDY = 8
"""One step in so many is left to the greedy orders, which take over where a search has to end."""
_WORD = 64


class Order(NamedTuple):
    """An order of the steps, its peak, and a lower bound on the peak of any order."""

    steps: tuple[int, ...]
    peak: int
    bound: int
    tried: int = 0
    """The steps of the search."""

    @property
    def exact(self) -> bool:
        """Whether the order is proved optimal."""
        return self.peak == self.bound


class Unit(NamedTuple):
    """A step with the views and fused ops right after it, which the search runs as one."""

    steps: tuple[int, ...]
    before: int
    """The units that must have run, as bits; sets of units are ints throughout."""
    makes: tuple[int, ...]
    touches: tuple[int, ...]
    """Tensors that it reads or makes."""
    over: tuple[tuple[int, ...], ...]
    """Tensors that it may overwrite, one entry per input."""


@dataclass(frozen=True, slots=True)
class OrderProblem:
    """Units in the given order, and the tensors between them."""

    units: tuple[Unit, ...]
    sizes: tuple[int, ...]
    needed_by: tuple[int, ...]
    """Tensor -> units that read it; a bit beyond all units for what is kept to the end."""
    inputs: int = 1
    """The number of the network's inputs, which are the first tensors."""

    def start(self) -> tuple[int, int]:
        """Memory in use before the first unit runs: of all inputs, and of those that something reads."""
        given = range(self.inputs)
        return sum(self.sizes[t] for t in given), sum(self.sizes[t] for t in given if self.needed_by[t])

    def run(self, unit: int, done: int, live: int) -> tuple[int, int]:
        """Memory in use while a unit runs, and after it."""
        this = self.units[unit]
        made = live + sum(self.sizes[t] for t in this.makes)
        left = ~(done | 1 << unit)
        saved = max((self._shared(this, over) for over in this.over if self._die(over, left)), default=0)
        return made - saved, made - sum(self.sizes[t] for t in this.touches if not self.needed_by[t] & left)

    def _shared(self, unit: Unit, over: Iterable[int]) -> int:
        """What need not be there twice where a unit writes over an input: a depthwise convolution may make less than it reads."""
        return min(sum(self.sizes[t] for t in over), sum(self.sizes[t] for t in unit.makes))

    def _die(self, tensors: Iterable[int], left: int) -> bool:
        return not any(self.needed_by[t] & left for t in tensors)

    def peak(self, order: Iterable[int]) -> int:
        """The most memory in use while the units run in an order."""
        peak, live = self.start()
        done = 0
        for unit in order:
            during, live = self.run(unit, done, live)
            peak, done = max(peak, during), done | 1 << unit
        return peak

    def free(self) -> frozenset[int]:
        """The units that depend on no input of the network."""
        found = set[int]()
        for at, unit in enumerate(self.units):
            if all(t >= self.inputs for t in unit.touches) and found.issuperset(bits(unit.before)):
                found.add(at)
        return frozenset(found)

    def without(self, left_out: frozenset[int]) -> OrderProblem:
        """The other units alone, as if what these make took no memory."""
        rest = [at for at in range(len(self.units)) if at not in left_out]
        number = {unit: at for at, unit in enumerate([*rest, len(self.units)])}  # the last stands for the end

        def renumbered(units: int) -> int:
            return sum(1 << number[unit] for unit in bits(units) if unit in number)

        sizes = list(self.sizes)
        for unit in left_out:
            for tensor in self.units[unit].makes:
                sizes[tensor] = 0
        units = (self.units[at]._replace(before=renumbered(self.units[at].before)) for at in rest)
        return OrderProblem(tuple(units), tuple(sizes), tuple(map(renumbered, self.needed_by)), self.inputs)

    def least(self) -> int:
        """A lower bound for any order: the largest sum of a unit's own inputs and outputs."""
        alone = (
            sum(self.sizes[t] for t in unit.touches) - max((self._shared(unit, over) for over in unit.over), default=0)
            for unit in self.units
        )
        return max(alone, default=0)

    def segments(self) -> Iterator[range]:
        """Ranges of units that run one after the other in any order.

        A range ends with a unit that every earlier one leads to and every later one comes from.
        """
        count = len(self.units)
        following = [count] * count  # the earliest unit that waits for this one
        for at in reversed(range(count)):
            for before in bits(self.units[at].before):
                following[before] = min(following[before], at)
        latest = [unit.before.bit_length() - 1 for unit in self.units]
        lowest = [count] * (count + 1)  # of `latest`, over all units from here on
        for at in reversed(range(count)):
            lowest[at] = min(lowest[at + 1], latest[at])
        start = furthest = 0
        for at in range(count):
            if furthest <= at <= lowest[at + 1]:
                yield range(start, at + 1)
                start = at + 1
            furthest = max(furthest, following[at])
        if start < count:
            yield range(start, count)


def best_order(
    walked: Walked,
    policy_name: str = "fused",
    most_tried: int = MOST_TRIED,
    size: Measure = count,
) -> Order:
    """The order with the lowest peak, or a good one with a bound; the given order if none is better.

    Peaks are elements, or what `size` makes of each tensor. Raises `UsageError` for a policy under which the order does not matter.
    """
    chosen = policy(policy_name)
    if chosen.keeps != "use":
        raise UsageError(f"policy {policy_name} frees nothing while the network runs, so that there is no best order")
    where = layout(walked, chosen)  # the same in any order
    given = lifetimes(walked, policy_name, where=where).peak(size).elements
    problem = compiled(walked, where, chosen, size)
    budget = _Budget(most_tried)
    order, bound = _searched(problem, budget)
    found, as_given = (
        tuple(step for unit in order for step in problem.units[unit].steps),
        tuple(range(len(walked.steps))),
    )
    peak = given if found == as_given else lifetimes(walked, policy_name, found, where).peak(size).elements
    if peak >= given:
        return Order(as_given, given, min(bound, given), budget.spent)
    return Order(found, peak, bound, budget.spent)


def compiled(walked: Walked, where: MemoryLayout, chosen: Policy, size: Measure = count) -> OrderProblem:
    """The steps as units over numbered tensors."""
    steps = walked.steps
    unit_of, groups = _grouped(steps, where)
    made: list[list[int]] = [[] for _ in groups]
    for tensor, each in enumerate(where.tensors):
        if each.step >= 0:
            made[unit_of[each.step]].append(tensor)
    kept = 1 << len(groups)
    needed = [0] * len(where.tensors)
    for tensor in where.of(walked.outputs):
        needed[tensor] = kept
    may = Overwriting(steps, where, chosen).over
    makers = {step.node.name: unit_of[at] for at, step in enumerate(steps)}
    units = []
    for number, group in enumerate(groups):
        edges = [edge for at in group for edge in steps[at].node.inputs]
        before = 0
        for edge in edges:
            maker = makers.get(producer(edge), number)
            before |= (1 << maker) if maker != number else 0
        reads = dict.fromkeys(t for t in where.of(edges) if t not in made[number])
        for tensor in reads:
            needed[tensor] |= 1 << number
        over = tuple(where.home[edge] for edge in may[group[0]])
        units.append(Unit(tuple(group), before, tuple(made[number]), (*reads, *made[number]), over))
    sizes = tuple(int(size(tensor)) for tensor in where.tensors)
    return OrderProblem(tuple(units), sizes, tuple(needed), len(walked.inputs))


def bits(number: int) -> Iterator[int]:
    """The positions of the ones in a set.

    >>> list(bits(0b1010))
    [1, 3]
    """
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _grouped(steps: Sequence[Step], where: MemoryLayout) -> tuple[list[int], list[list[int]]]:
    """Step -> its unit, and unit -> its steps: a step that writes no tensor of its own runs right after its input's step.

    What is part of a later step runs right before that.
    """
    writers = {tensor.step for tensor in where.tensors}
    unit_of, groups, makers = [0] * len(steps), list[list[int]](), dict[str, int]()
    earlier: dict[int, list[int]] = {}
    for at, later in sorted(where.runs_with.items()):
        earlier.setdefault(later, []).append(at)
    for at, step in enumerate(steps):
        if at in where.runs_with:
            continue
        follows = at not in writers and len(step.node.inputs) == 1 and step.node.inputs[0] in makers
        if follows:
            unit = makers[step.node.inputs[0]]
        else:
            unit = len(groups)
            groups.append([])
        for one in (*earlier.get(at, ()), at):
            groups[unit].append(one)
            unit_of[one] = unit
        makers.update(dict.fromkeys(output_edges(step.node, step.cost), unit))
    return unit_of, groups


class _Spent(Exception):
    """No step is left."""


class _Budget:
    """Steps that a search may take."""

    def __init__(self, most: int) -> None:
        self.left = most
        self.spent = 0

    def spend(self, steps: int, keep: int = 0) -> None:
        """Take steps; raises `_Spent`, and takes none, if fewer than `keep` would be left."""
        if self.left - steps < keep:
            raise _Spent
        self.left, self.spent = self.left - steps, self.spent + steps


def _searched(problem: OrderProblem, budget: _Budget) -> tuple[list[int], int]:
    """An order of the units, and a bound on the peak of all orders."""
    free = problem.free()
    if not free:
        return _by_segments(problem, budget)
    rest = [at for at in range(len(problem.units)) if at not in free]
    order, bound = _by_segments(problem.without(free), budget)
    late = _with_free(problem, [rest[unit] for unit in order], free)
    if problem.peak(late) == bound:
        return late, bound
    order, other = _by_segments(problem, budget)
    return min(late, order, key=problem.peak), max(bound, other)


def _with_free(problem: OrderProblem, order: Iterable[int], free: frozenset[int]) -> list[int]:
    """An order with each free unit right before the first unit that needs it; at the end those that none needs."""
    found, done = list[int](), 0
    for unit in (*order, *sorted(free)):
        waiting = [] if done >> unit & 1 else [unit]
        while waiting:
            missing = problem.units[waiting[-1]].before & ~done
            if missing:
                waiting.append(next(bits(missing)))
                continue
            done |= 1 << waiting[-1]
            found.append(waiting.pop())
    return found


def _by_segments(problem: OrderProblem, budget: _Budget) -> tuple[list[int], int]:
    """The same, one segment after the other; each may take its share of the budget, by its units."""
    given, live = problem.start()
    bound = floor = max(problem.least(), given)
    order, done = list[int](), 0
    segments = [*problem.segments()]
    units = sum(len(segment) for segment in segments if len(segment) > 1)
    for segment in segments:
        share = _Budget(0)
        if len(segment) > 1:
            share = _Budget(budget.left * len(segment) // units)
            units -= len(segment)
        found = _Segment(problem, segment, done, live, floor, share).search()
        budget.spend(share.spent)
        order += found.order
        bound = max(bound, found.bound)
        floor = max(floor, found.peak)
        done |= ((1 << len(segment)) - 1) << segment.start
        live = found.live
    return order, bound


class _Found(NamedTuple):
    order: list[int]
    peak: int
    bound: int
    live: int


class _State(NamedTuple):
    """A set of executed units: expanded in order of peak, larger sets first."""

    peak: int
    left: int
    done: int
    live: int
    ready: int
    """The units that may run next."""


class _Segment:
    """The search through one segment."""

    def __init__(self, problem: OrderProblem, units: range, done: int, live: int, floor: int, budget: _Budget) -> None:
        self.problem, self.units, self.budget = problem, units, budget
        self.after: dict[int, list[int]] = {unit: [] for unit in units}
        """Unit -> those of the segment that wait for it."""
        for unit in units:
            for before in bits(problem.units[unit].before & ~done):
                self.after[before].append(unit)
        ready = sum(1 << unit for unit in units if not problem.units[unit].before & ~done)
        self.start = _State(floor, len(units), done, live, ready)
        self.came: dict[int, tuple[int, int]] = {}
        """Set -> the set before it and the unit run."""
        self.words = len(problem.units) // _WORD

    def search(self) -> _Found:
        """The best order of the segment, or a good one and a bound."""
        if len(self.units) == 1:
            peak, live = self.problem.run(self.units[0], self.start.done, self.start.live)
            peak = max(peak, self.start.peak)
            return _Found([self.units[0]], peak, peak if peak > self.start.peak else 0, live)
        heap, best, opened = [self.start], {self.start.done: self.start.peak}, set[int]()
        furthest, keep = self.start, self.budget.left // _FOR_GREEDY
        while heap:
            state = heapq.heappop(heap)
            if state.done in opened:
                continue
            if state.left == 0:
                bound = state.peak if state.peak > self.start.peak else 0
                return _Found(self._path(state.done), state.peak, bound, state.live)
            opened.add(state.done)
            try:
                moves = self._moves(state, keep)
            except _Spent:
                return self._settled(furthest, state.peak)
            furthest = min(furthest, state, key=lambda s: (s.left, s.peak))
            for unit, following in moves:
                if following.peak < best.get(following.done, following.peak + 1):
                    best[following.done] = following.peak
                    self.came[following.done] = (state.done, unit)
                    heapq.heappush(heap, following)
        raise AssertionError("a graph without an order")  # a Graph is in order, so that one always exists

    def _moves(self, state: _State, keep: int) -> list[tuple[int, _State]]:
        """The units that may run next; only one where delaying it never pays. Raises `_Spent` if fewer than `keep` steps are left."""
        moves = []
        for unit in bits(state.ready):
            self.budget.spend(len(self.problem.units[unit].touches) + 1 + self.words, keep)
            during, after = self.problem.run(unit, state.done, state.live)
            following = self._ran(unit, state, max(state.peak, during), after)
            if during <= state.peak and after <= state.live:
                return [(unit, following)]
            moves.append((unit, following))
        return moves

    def _ran(self, unit: int, state: _State, peak: int, live: int) -> _State:
        """The state after a unit has run."""
        done = state.done | 1 << unit
        ready = state.ready ^ 1 << unit
        for later in self.after[unit]:
            if not self.problem.units[later].before & ~done:
                ready |= 1 << later
        return _State(peak, state.left - 1, done, live, ready)

    def _path(self, done: int) -> list[int]:
        order = []
        while done != self.start.done:
            done, unit = self.came[done]
            order.append(unit)
        return order[::-1]

    def _settled(self, furthest: _State, reached: int) -> _Found:
        """The best of the given order and greedy ones; the peak that the search had reached is a lower bound for any order."""
        half = self.budget.left // 2
        peak, order, live = min(self._given(self.start, []), self._greedy(self.start, half), self._greedy(furthest, 0))
        return _Found(order, peak, min(reached, peak) if reached > self.start.peak else 0, live)

    def _given(self, state: _State, order: list[int]) -> tuple[int, list[int], int]:
        """After an order of units that leads to a set, all others as given."""
        peak, _, done, live, _ = state
        for unit in self.units:
            if not done >> unit & 1:
                during, live = self.problem.run(unit, done, live)
                peak, done = max(peak, during), done | 1 << unit
                order.append(unit)
        return peak, order, live

    def _greedy(self, state: _State, keep: int) -> tuple[int, list[int], int]:
        """From a set on the unit that raises the peak least, then the one that leaves the least in use, while steps are left."""
        order = self._path(state.done)
        with suppress(_Spent):
            while state.left:
                unit, state = min(self._moves(state, keep), key=lambda move: (move[1].peak, move[1].live))
                order.append(unit)
        return self._given(state, order)
