"""A design space as small exact tables: every cost is a sum of products of tables that run along one axis each.

    MACs[r, w, d] = sum_j HW_j(r) · A_j(w, d)

where j runs over the sizes of feature maps. Tables take a few kilobytes however large the grid is; they are computed
once, sent to workers unchanged, and contain every number that any point of the grid needs.

Regions, terms, kinds, profiles and candidates are explained in docs/space.md, on a grid of 36 networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod
from operator import index
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from convcost.core.dims import Array
from convcost.core.dtypes import one_word
from convcost.core.errors import UsageError
from convcost.core.metrics import DEPLOYED, METRICS, SWEPT, TIMED, counted
from convcost.graph.rewrite import rewritten_name
from convcost.networks.network import Network
from convcost.results.settings import settings_text
from convcost.space.axes import is_ordered
from convcost.space.build import Box, Request, SpacePart, parts
from convcost.space.kinds import kinds_along
from convcost.space.numbers import Field, Most, Sum
from convcost.spec.syntax import Spec, sides


class TableTerm(NamedTuple):
    """An integer times one table for each group of axes; tables are arrays over the box, of length 1 along others."""

    factor: int
    tables: tuple[Array, ...]

    @property
    def bound(self) -> int:
        """An upper bound on the absolute value of the term and of every partial product."""
        return max(1, abs(self.factor)) * prod(max(1, -int(table.min()), int(table.max())) for table in self.tables)


MOST_TABLES = 2**28
"""The most bytes that the tables of a grid may take: they are held as long as it is, and sent to every worker."""

TableTerms = tuple[TableTerm, ...]
Kept = TypeVar("Kept")


class Cache(Generic[Kept]):
    """Intermediate results per metric, the only mutable state of a region or a design space.

    It is not part of their value - not compared, not copied by `replace` - but is pickled with them.
    """

    def __init__(self) -> None:
        self.by_metric: dict[str, Kept] = {}

    def get(self, metric: str, make: Callable[[], Kept]) -> Kept:
        """The cached result for a metric, computed on first use."""
        if metric not in self.by_metric:
            self.by_metric[metric] = make()
        return self.by_metric[metric]


class LazyCosts(Mapping[str, tuple[TableTerms, ...]]):
    """The costs of a region; those that few ask for are found when they are first asked for."""

    def __init__(
        self,
        known: Mapping[str, tuple[TableTerms, ...]],
        later: Mapping[str, Callable[[], tuple[TableTerms, ...]]],
    ) -> None:
        self.known, self.later = dict(known), later

    def __getitem__(self, metric: str) -> tuple[TableTerms, ...]:
        if metric not in self.known:
            self.known[metric] = self.later[metric]()
        return self.known[metric]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self.known, *self.later]))

    def __len__(self) -> int:
        return len({*self.known, *self.later})


@dataclass(frozen=True)
class Region:
    """A part of the grid whose networks all have one structure, or are all infeasible."""

    box: Box
    costs: Mapping[str, tuple[TableTerms, ...]]
    """Metric -> sums of terms, the largest of which counts (a peak has several candidates); none if infeasible."""
    reason: str
    """Why the first network of the region cannot be built."""
    dtypes: frozenset[str] = frozenset()
    """Every type that the networks of the region have tensors of."""
    _kinds: Cache[tuple[Array, ...]] = field(init=False, repr=False, compare=False, default_factory=Cache)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(map(len, self.box))

    @property
    def held(self) -> int:
        """About how many bytes its box and the tables of its known costs take."""
        return sum(map(len, self.box)) * 8 + self.held_at([1] * len(self.box))

    def held_at(self, times: Sequence[int]) -> int:
        """About how many bytes the tables of its known costs take, if there are so many times the values along each axis."""
        known = self.costs.known if isinstance(self.costs, LazyCosts) else self.costs
        tables = [table for sums in known.values() for terms in sums for term in terms for table in term.tables]
        once = {id(one): one for one in tables}
        return sum(
            prod(size * (more if size > 1 else 1) for size, more in zip(one.shape, times, strict=True))
            * (8 if one.dtype != object else 44)
            for one in once.values()
        )

    def bound(self, metric: str) -> int:
        """An upper bound on the cost at any point and on every partial sum."""
        return max((sum(term.bound for term in terms) for terms in self.costs.get(metric, ())), default=0)

    def kinds(self, metric: str) -> tuple[Array, ...]:
        """For each axis, a number for each value: values with the same number cost the same, all else being equal."""

        def along_each_axis() -> tuple[Array, ...]:
            tables = self._tables(metric)
            return tuple(kinds_along(axis, tables, size) for axis, size in enumerate(self.shape))

        return self._kinds.get(metric, along_each_axis)

    def taken(self, chosen: Sequence[Array]) -> Region | None:
        """The region at some of the grid's values of each axis; None if it has none of them."""
        local, box = [], []
        for values, some in zip(self.box, chosen, strict=True):
            at = np.flatnonzero(np.isin(some, values))
            box.append(at)
            local.append(np.searchsorted(values, some[at]))
        if not all(map(len, box)):
            return None

        def cut(term: TableTerm) -> TableTerm:
            return TableTerm(term.factor, tuple(taken(table, local) for table in term.tables))

        costs = {metric: tuple(tuple(map(cut, terms)) for terms in sums) for metric, sums in self.costs.items()}
        return Region(tuple(box), costs, self.reason, self.dtypes)

    def profiles(self, metric: str) -> tuple[int, ...]:
        """For each axis, how many different tables run along it."""
        tables = self._tables(metric)
        return tuple(
            len({freeze_table(table) for table in tables if table.shape[axis] > 1}) for axis in range(len(self.shape))
        )

    def _tables(self, metric: str) -> list[Array]:
        return [table for terms in self.costs[metric] for term in terms for table in term.tables]


@dataclass(frozen=True, eq=False)
class DesignSpace:
    """All costs of a grid as factorised tables, not yet multiplied out."""

    source: Network
    """The network whose knobs vary."""
    knobs: Mapping[str, Any]
    """The knobs that do not vary."""
    axes: Mapping[str, tuple[Any, ...]]
    regions: tuple[Region, ...]
    sides: Mapping[str, int]
    """For axes that the input shape depends on: the number of its sizes that do."""
    request: Request
    products: Cache[Any] = field(init=False, repr=False, compare=False, default_factory=Cache)
    """Metrics that have been prepared for evaluation (`evaluate`)."""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(map(len, self.axes.values()))

    @property
    def points(self) -> int:
        return prod(self.shape)

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is computed at every point."""
        request = self.request
        return (*SWEPT, *(DEPLOYED if request.target else ()), *(TIMED if request.device else ()))

    def bound(self, metric: str) -> int:
        """An upper bound on the cost at any point and on every partial sum."""
        return max((region.bound(metric) for region in self.regions), default=0)

    def kinds(self, axis: int, metrics: Sequence[str]) -> Array:
        """A number for each value of an axis: values with the same number cost the same, all else being equal."""

        def columns() -> Iterator[Array]:
            for region in self.regions:
                for metric in metrics if not region.reason else ():
                    column = np.full(self.shape[axis], -1, dtype=np.intp)
                    column[region.box[axis]] = region.kinds(metric)[axis]
                    yield column
                if region.reason:
                    yield np.isin(np.arange(self.shape[axis]), region.box[axis]).astype(np.intp)

        return kinds_along(0, columns(), self.shape[axis])

    @property
    def network(self) -> str:
        """The name of the network whose knobs vary."""
        return self.source.name

    @property
    def dtype(self) -> str:
        """The type of the elements, asked for or stated: `mixed` if networks of the grid state several."""
        return self.request.dtype or one_word(frozenset().union(*(region.dtypes for region in self.regions)))

    @property
    def title(self) -> str:
        """What the networks are called."""
        return rewritten_name(self.network, self.request.rewrite)

    @property
    def heading(self) -> str:
        """What the networks are called where there is room: the title, and the name in brackets."""
        called = self.source.caption.title
        return f"{called} ({self.title})" if called else self.title

    def said(self, *metrics: str) -> str:
        """What no axis says of the networks, and these metrics depend on: changed knobs, a changed input, batch, dtype, policy."""
        own = self.source.knobs
        fixed = {name: own[name] for name in self.source.changed if name not in self.axes}
        needs = {need for metric in metrics for need in METRICS[metric].needs}
        request = self.request
        said = settings_text(
            fixed,
            request.input_shapes or None,
            batch=request.batch,
            dtype=self.dtype,
            policy=request.memory_policy,
            needs=needs,
        )
        deployed = request.target.said if request.target and "deployment" in needs else ""
        return " · ".join(filter(None, (said, deployed, self._timed() if "device" in needs else "")))

    def _timed(self) -> str:
        """The device that latencies are of, with its runtime and threads, and how far off they are."""
        device = self.request.device
        if device is None:
            return ""
        from convcost.networks.latency import error_text, place_text

        return f"{place_text(device)}; {error_text(device)}"

    def only(self, metrics: Sequence[str]) -> DesignSpace:
        """The design space with the tables of these metrics only."""
        needed = counted(metrics)
        regions = [
            replace(region, costs={metric: region.costs[metric] for metric in needed if not region.reason})
            for region in self.regions
        ]
        return replace(self, regions=tuple(regions))

    def taken(self, chosen: Sequence[Array]) -> DesignSpace:
        """The grid at some of the values of each axis (ascending positions)."""
        axes = {
            name: tuple(values[i] for i in some) for (name, values), some in zip(self.axes.items(), chosen, strict=True)
        }
        regions = tuple(found for region in self.regions if (found := region.taken(chosen)) is not None)
        return replace(self, axes=axes, regions=regions)

    def to_dict(self, metric: str = "macs") -> list[dict[str, Any]]:
        """The tables of a metric as JSON-ready data: regions with the values they cover, and terms, in exact integers.

        Summed over its terms, each the product of its factor and of one entry of each table, a candidate is a cost;
        the largest candidate counts.
        """
        return [
            {
                "values": {name: chosen.tolist() for name, chosen in zip(self.axes, region.box, strict=True)},
                "candidates": [[self._term(term) for term in terms] for terms in region.costs[metric]],
            }
            for region in self.regions
            if not region.reason
        ]

    def _term(self, term: TableTerm) -> dict[str, Any]:
        names = list(self.axes)
        tables = [
            {
                "axes": [name for name, size in zip(names, table.shape, strict=True) if size > 1],
                "values": table.squeeze().tolist(),
            }
            for table in term.tables
        ]
        return {"factor": term.factor, "tables": tables}


def build_space(network: Network, axes: Mapping[str, tuple[Any, ...]], request: Request) -> DesignSpace:
    """Build every structure of the grid, once.

    Raises `UsageError` for a network without knobs, and where none that can be built can be deployed.
    """
    origin = network.origin.of_spec()
    spec, knobs = origin.spec, origin.knobs
    # Axes along which sizes of maps vary go first, so that equal sizes are added up.
    read = {axis: count for axis in axes if (count := sides(spec, axis))}
    ordered = {axis: axes[axis] for axis in sorted(axes, key=lambda axis: axis not in read)}
    back = [list(ordered).index(axis) for axis in axes]
    _refuse_beforehand(spec, knobs, ordered, request)
    found: list[Region] = []
    refused, held = "", 0
    for part in parts(spec, knobs, ordered, request):
        found.append(_region(part, back))
        held += found[-1].held
        _refuse_large(held, ordered)
        refused = refused or (part.reason if part.refused else "")
    if refused and all(region.reason for region in found):
        raise UsageError(refused)
    if sum(prod(region.shape) for region in found) != prod(map(len, axes.values())):
        raise AssertionError("the regions are not the whole grid")  # what no region has would cost nothing
    idle = {knob for knob in knobs if sides(spec, knob, request.input_shapes)}  # what the input given replaces
    fixed = {knob: value for knob, value in knobs.items() if knob not in axes and knob not in idle}
    return DesignSpace(network, fixed, dict(axes), tuple(found), read, request)


_SMALL = 100_000
"""Grids whose axes have fewer values together are built without a look at a miniature."""


def _refuse_beforehand(
    spec: Spec, knobs: Mapping[str, Any], axes: Mapping[str, tuple[Any, ...]], request: Request
) -> None:
    """Raises `UsageError` where tables will be too large, before any is made: as far as a miniature of the grid tells.

    The miniature has three values of each axis, one where they are words. What differs only between other values is not
    in it, so that it tells of no more than there will be.
    """
    if sum(map(len, axes.values())) < _SMALL:
        return
    chosen = {
        axis: tuple(dict.fromkeys((values[0], values[len(values) // 2], values[-1])))
        if is_ordered(values)
        else values[:1]
        for axis, values in axes.items()
    }
    times = [len(values) // len(few) for values, few in zip(axes.values(), chosen.values(), strict=True)]
    back = range(len(axes))
    _refuse_large(sum(_region(part, back).held_at(times) for part in parts(spec, knobs, chosen, request)), axes)


def _refuse_large(held: int, axes: Mapping[str, Sized]) -> None:
    """Raises `UsageError` for tables of so many bytes."""
    if held > MOST_TABLES:
        longest = max(axes, key=lambda axis: len(axes[axis]))
        most = f"{MOST_TABLES // 2**20} MiB"
        raise UsageError(
            f"the costs of this grid are tables of more than {most}: give fewer values, of {longest} above all"
        )


def freeze_table(table: Array) -> bytes | tuple[Any, ...]:
    """Equal for equal tables of one shape."""
    return tuple(table.ravel().tolist()) if table.dtype == object else table.tobytes()


def taken(table: Array, chosen: Sequence[Array]) -> Array:
    """A table at some values of each axis that it varies along."""
    found = table
    for axis, some in enumerate(chosen):
        if 1 < table.shape[axis] != len(some):  # ascending and without repeats: so many are all
            found = found.take(some, axis=axis)
    return found


def _region(part: SpacePart, back: Sequence[int]) -> Region:
    box = tuple(part.box[position] for position in back)
    if part.costs is None:
        return Region(box, {}, part.reason)
    every = {**part.costs._asdict(), **part.more}
    costs = {metric: _candidates(cost, back) for metric, cost in every.items()}
    later = {metric: partial(_found, find, back) for metric, find in part.later.items()}
    return Region(box, LazyCosts(costs, later) if later else costs, "", part.dtypes)


def _found(find: Callable[[], Any], back: Sequence[int]) -> tuple[TableTerms, ...]:
    return _candidates(find(), back)


def _candidates(cost: Any, back: Sequence[int]) -> tuple[TableTerms, ...]:
    each = cost.candidates if isinstance(cost, Most) else (cost,)
    return tuple(_without_dominated([tuple(_terms(one, back)) for one in each]))


def _terms(cost: Any, back: Sequence[int]) -> Iterator[TableTerm]:
    if isinstance(cost, Sum):
        for factor, fields in cost.terms:
            yield TableTerm(factor, tuple(np.transpose(field.array, back) for field in fields))
    elif isinstance(cost, Field):
        assert cost.denominator == 1, "costs are whole"
        yield TableTerm(1, (np.transpose(cost.array, back),))
    else:
        yield TableTerm(index(cost), ())


def _without_dominated(candidates: list[TableTerms]) -> list[TableTerms]:
    """Leave out candidates that another one exceeds everywhere: most steps of a network never are its peak."""
    kept: list[TableTerms] = []
    for one in sorted(candidates, key=lambda terms: -sum(term.bound for term in terms)):
        if not any(_covers(other, one) for other in kept):
            kept.append(one)
    return kept


def _covers(larger: TableTerms, smaller: TableTerms) -> bool:
    """Whether each term of the smaller sum has one of its own in the larger, of the same axes and nowhere smaller."""
    left = list(larger)
    for term in smaller:
        found = next((i for i, other in enumerate(left) if _term_covers(other, term)), None)
        if found is None:
            return False
        del left[found]
    return all(map(_is_positive, left))


def _term_covers(larger: TableTerm, smaller: TableTerm) -> bool:
    shapes = [table.shape for table in larger.tables] == [table.shape for table in smaller.tables]
    if not shapes or not _is_positive(larger) or not _is_positive(smaller):
        return False
    return all(
        bool((a * larger.factor >= b * smaller.factor).all()) if i == 0 else bool((a >= b).all())
        for i, (a, b) in enumerate(zip(larger.tables, smaller.tables, strict=True))
    ) and (bool(larger.tables) or larger.factor >= smaller.factor)


def _is_positive(term: TableTerm) -> bool:
    """Whether a term is nowhere below zero: where it is, adding it makes a sum smaller."""
    return term.factor > 0 and all(bool((table >= 0).all()) for table in term.tables)
