"""Patch-based inference: the first layers of a network run on one part of the map after the other.

The output of these layers is cut into a grid of tiles, and for each tile all layers run on what the tile depends on: a
patch, which is larger the further back it lies. Only the tiles' tensor lies in memory as a whole. Where patches overlap,
positions are computed several times.

Everything is exact integer arithmetic, axis by axis. Along one axis a tile is a range of positions, and so is what any layer
needs for it: the union of what all its readers need. Ranges are clipped to the map, beyond which there are zeros. The
positions that a layer computes for a patch are the product of its ranges, so that sums over all patches are products of
sums over each axis. Ranges are arrays over (ends, tiles): all grids and all depths are followed at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from math import prod
from operator import mul
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from convcost.core.dims import LARGEST_INT64, Array
from convcost.core.dtypes import DEFAULT, DTYPE_BITS
from convcost.graph.walk import output_edges
from convcost.memory.lifetimes import Sized, tensor_bytes
from convcost.memory.region import End, Region

_FAR = 1 << 40
"""Beyond all positions that are near; what starts here and stops at its negative is nothing."""
_NEAR = 1 << 20
"""Positions below are followed as int64: the third power fits, which windows with gaps come to."""


class Rules(NamedTuple):
    """How patches are cut, and what lies in memory beside them."""

    dtype: str | None = None
    input_in_ram: bool = False
    """Whether the network's input lies in memory as a whole, where patches are read from it; else each patch of it is brought
    (from a sensor, from a file) when its turn comes."""
    equal: bool = False
    """Whether all patches are as large as the largest and none is clipped at the border, as MCUNetV2 counts them."""


class Tiles(NamedTuple):
    """The tiles of one axis, for several numbers of tiles, one after the other."""

    starts: Array
    """(ends, tiles)"""
    stops: Array
    firsts: Array
    """For each number of tiles, where its first is."""


def tiles(sizes: Sequence[int], numbers: Sequence[int], *, equal: bool = False) -> Tiles:
    """Cut axes of several sizes into each of several numbers of tiles, which differ by one position at most; `equal` ones are
    as large as the largest of these, so that the last may end beyond the axis.

    >>> cut = tiles([7], [2, 3])
    >>> cut.starts.tolist(), cut.stops.tolist(), cut.firsts.tolist()
    ([[0, 3, 0, 2, 4]], [[3, 7, 2, 4, 7]], [0, 2])
    >>> tiles([7], [3], equal=True).stops.tolist()
    [[3, 6, 9]]
    """
    wide = max(sizes) * (max(numbers) + 1) >= LARGEST_INT64
    size = np.array(sizes, dtype=object if wide else np.int64)[:, None]
    index = np.concatenate([np.arange(number) for number in numbers])
    of = np.repeat(np.array(numbers, dtype=np.int64), numbers)
    firsts = np.cumsum([0, *numbers[:-1]])
    if equal:
        length = -(-size // of)
        return Tiles(length * index, length * (index + 1), firsts)
    return Tiles(size * index // of, size * (index + 1) // of, firsts)


class Range(NamedTuple):
    """The positions along one axis that are needed of one edge: arrays over (ends, tiles); nothing where stop <= start."""

    start: Array
    stop: Array

    @property
    def extent(self) -> Array:
        """How many."""
        extent: Array = np.maximum(self.stop - self.start, 0)
        return extent


def ranges(
    region: Region,
    ends: Sequence[End],
    axis: int,
    cut: Tiles,
    *,
    clipped: bool = True,
    steps: range | None = None,
) -> dict[str, Range]:
    """What is needed of every edge for each tile of each end, along one axis: backwards from the ends, through some steps or all."""
    positions = range(len(region.steps)) if steps is None else steps
    shape, beyond = cut.starts.shape, _furthest(region, ends, axis, positions)
    dtype, far = (np.int64, _FAR) if beyond < _NEAR else (object, 2 * beyond)
    found: dict[str, Range] = {}

    def join(edge: str, start: Array, stop: Array) -> None:
        known = found.get(edge)
        if known is not None:
            start, stop = np.minimum(start, known.start), np.maximum(stop, known.stop)
        found[edge] = Range(start, stop)

    for row, end in enumerate(ends):
        start, stop = np.full(shape, far, dtype), np.full(shape, -far, dtype)
        start[row], stop[row] = cut.starts[row], cut.stops[row]
        join(end.edge, start, stop)
    for position in reversed(positions):
        step, windows = region.walked.steps[position], region.windows[position]
        made = [edge for edge in output_edges(step.node, step.cost) if edge in found]
        if not made or not windows:
            continue
        start = reduce(np.minimum, [found[edge].start for edge in made])
        stop = reduce(np.maximum, [found[edge].stop for edge in made])
        empty = stop <= start
        start, stop = np.where(empty, 0, start), np.where(empty, 1, stop)
        for edge, window in zip(step.node.inputs, windows):
            first, last = (window[axis].clipped if clipped else window[axis].needs)(start, stop)
            nothing = empty | (last <= first)
            join(edge, np.where(nothing, far, first), np.where(nothing, -far, last))
    return found


def _furthest(region: Region, ends: Sequence[End], axis: int, positions: range) -> int:
    """More than any position that windows come to along an axis, beyond the ends of maps too."""
    # Equal tiles end beyond the axis, by less than its size.
    of: dict[str, int] = {end.edge: 2 * end.shape[axis] for end in ends}
    furthest = max(of.values())
    for position in reversed(positions):
        step, windows = region.walked.steps[position], region.windows[position]
        made = [of[edge] for edge in output_edges(step.node, step.cost) if edge in of]
        for edge, each in zip(step.node.inputs, windows) if made else ():
            window = each[axis]
            moved, around = max(made) * window.stride + abs(window.ahead), abs(window.before) + window.extent
            of[edge] = max(of.get(edge, 0), moved // window.scale + around + 1)
            furthest = max(furthest, 2 * int(moved + around + window.size))
    return furthest


def exact_dtype(region: Region, spans: Sequence[Mapping[str, Array]], times: int = 1) -> Any:
    """The type of numbers in which sums of products of extents are exact: that of Python where they may pass 64 bits.

    `spans` are extents of edges along each axis, which are multiplied; multiply-accumulates are summed over so many patches.
    """
    most = [{edge: int(extent.max()) for edge, extent in along.items()} for along in spans]
    macs = sum(each * prod(along.get(name, 1) for along in most) for name, each in per_position(region).items())
    bits = 0
    for tensor in region.lives.tensors:
        sides = [max(size, along.get(tensor.name, 0)) for size, along in zip(tensor.shape, most)]
        bits += 64 * prod([*sides, *tensor.shape[len(sides) :]])
    return np.int64 if max(macs * times, bits) < LARGEST_INT64 else object


def per_position(region: Region) -> dict[str, int]:
    """Step that multiplies -> its multiply-accumulates for one position of its output."""
    return {
        step.node.name: int(step.cost.macs) // prod(step.cost.out[0][:-1]) for step in region.steps if step.cost.macs
    }


def tensor_sizes(
    region: Region, ends: Sequence[End], spans: Sequence[dict[str, Array]], rules: Rules
) -> Iterator[tuple[int, Array | int]]:
    """Each tensor that is alive up to the last end, and its bytes in a patch; `spans` are extents of edges along each axis, of
    any shapes that numpy brings together, ends first.

    The tensor of an end is not in the patch: the patch's part of it is written to its place in the whole.
    """
    inputs = region.walked.inputs
    for number, tensor in enumerate(region.lives.tensors):
        if tensor.first > max(end.position for end in ends):
            continue
        if any(tensor.name not in along for along in spans):
            # An input that other layers read, or a tensor that leads to no end.
            yield number, tensor_bytes(tensor, rules.dtype, 1) if tensor.name in inputs else 0
            continue
        if tensor.name in inputs and rules.input_in_ram:
            yield number, tensor_bytes(tensor, rules.dtype, 1)
            continue
        extents = [along[tensor.name] for along in spans]
        size = in_bytes(reduce(mul, extents) * tensor.shape[-1], tensor, rules.dtype)
        for row, end in enumerate(ends):
            if number in region.lives.home[end.edge]:
                theirs = [along[end.edge][row] for along in spans]
                same = [(mine[row] == other) for mine, other in zip(extents, theirs)]
                size[row] = np.where(reduce(np.logical_and, same), 0, size[row])
        yield number, size


def in_bytes(elements: Array, tensor: Sized, dtype: str | None) -> Array:
    """Bytes of so many elements of a tensor's type, rounded up."""
    bits = DTYPE_BITS[tensor.dtype or dtype or DEFAULT]
    return -(-elements * bits // 8)


def alive(region: Region, sizes: dict[int, Array | int], last: int, rules: Rules) -> Iterator[tuple[int, Array | int]]:
    """Each position up to the last and the bytes alive there in a patch."""
    lives = region.lives
    shared: dict[int, Array | int] = {}
    for over, under in lives.begins_over.items():
        if over in sizes and under in sizes:
            shared[lives.tensors[over].first] = np.minimum(sizes[over], sizes[under])
    whole = {at for at in sizes if rules.input_in_ram and lives.tensors[at].name in region.walked.inputs}
    always = sum(sizes[at] for at in whole)
    if lives.windows is not None:
        for at, held in lives.windows:
            if at <= last:
                here = sum((sizes.get(i, 0) for i in held if i not in whole), 0)
                yield at, always + here - shared.get(at, 0)
        return
    born: dict[int, list[int]] = {}
    dead: dict[int, list[int]] = {}
    for number in sizes:
        if number not in whole:
            born.setdefault(lives.tensors[number].first, []).append(number)
            dead.setdefault(lives.tensors[number].last, []).append(number)
    live: Array | int = always
    for at in range(-1, last + 1):
        live = live + sum((sizes[number] for number in born.get(at, ())), 0)
        yield at, live - shared.get(at, 0)
        live = live - sum((sizes[number] for number in dead.get(at, ())), 0)


class Grid(NamedTuple):
    """What patches of one grid come to, patch by patch: arrays with an axis for each axis of the map."""

    counts: tuple[int, ...]
    """Patches along each axis."""
    along: tuple[dict[str, Range], ...]
    """Axis -> edge -> what each tile needs of it: arrays over tiles."""
    macs: Array
    live: Array
    """The most bytes alive in a patch, without the whole output."""
    at: Array
    """The position at which that is."""
    layers: dict[str, int]
    """Step that multiplies -> its multiply-accumulates over all patches."""
    rings: dict[str, int] | None = None
    """Where rows are kept: tensor -> rows of its ring buffer; `live` are all ring buffers then, `at` makes the largest."""


def on_grid(region: Region, end: End, counts: Sequence[int], rules: Rules) -> Grid:
    """Run the layers up to an end on a grid of patches."""
    cuts = [tiles([size], [n], equal=rules.equal) for size, n in zip(end.shape, counts)]
    found = [ranges(region, [end], axis, cut, clipped=not rules.equal) for axis, cut in enumerate(cuts)]
    dtype = exact_dtype(region, [{edge: one.extent for edge, one in every.items()} for every in found], prod(counts))
    spans = [
        {edge: _on_axis(one.extent.astype(dtype), axis, len(counts)) for edge, one in every.items()}
        for axis, every in enumerate(found)
    ]
    shape = tuple(counts)
    macs, layers = np.zeros(shape, dtype), dict[str, int]()
    for name, each in per_position(region).items():
        if name in spans[0]:
            here = each * reduce(mul, [along[name][0] for along in spans])
            macs += here
            layers[name] = int(here.sum())
    sizes = dict(tensor_sizes(region, [end], spans, rules))
    most, at = np.zeros(shape, dtype), np.full(shape, -1, dtype=np.int64)
    for position, live in alive(region, sizes, end.position, rules):
        here = np.broadcast_to(live, (1, *shape))[0]
        at, most = np.where(here > most, position, at), np.maximum(most, here)
    along = tuple({edge: Range(one.start[0], one.stop[0]) for edge, one in every.items()} for every in found)
    return Grid(shape, along, macs, most, at, layers)


def _on_axis(extents: Array, axis: int, rank: int) -> Array:
    """Extents, whose last axis are tiles, with these along one of so many axes."""
    *before, count = extents.shape
    return extents.reshape(*before, *(count if at == axis else 1 for at in range(rank)))


class Candidate(NamedTuple):
    """One depth and one grid."""

    end: End
    counts: tuple[int, ...]
    macs: int
    """Multiply-accumulates of the layers in patches, over all patches."""
    live: int
    """The most bytes alive in a patch, without the whole output."""


MOST_ALONG = 8
"""The most patches along an axis that are tried."""
_MOST_OF_A_MAP = 1 << 16
"""Patches of all grids that are tried of a map, of which those of many axes have many."""
_AT_ONCE = 1 << 25
"""Elements that are followed at once: bytes of tensors in the patches of every grid, or what the ranges of an axis come to."""
_PER_RANGE = 16
"""Elements for each tile of an axis and each edge: starts, stops and extents, and what is made on the way to them."""
_PER_PAIR = 256
"""Elements that a layer at one end takes as long as, however few patches there are."""
_PER_CALL = 20_000
"""Elements that a layer of all ends that are followed at once takes as long as, however few its arrays have."""


def tried_along(axes: int) -> range:
    """The numbers of patches that are tried along each of so many axes: fewer where the grids would have too many patches.

    >>> [max(tried_along(axes)) for axes in (1, 2, 3, 4, 6, 11)]  # 1 + 2 + … + 8 is 36, 36³ is below 2¹⁶, 36⁴ is not
    [8, 8, 8, 5, 3, 1]
    """
    most = next(n for n in range(MOST_ALONG, 0, -1) if n == 1 or (n * (n + 1) // 2) ** axes <= _MOST_OF_A_MAP)
    return range(1, most + 1)


Numbers: TypeAlias = Sequence[Sequence[int]]
"""Axis -> how many patches along it are tried."""
Live: TypeAlias = "Callable[[Sequence[End], Sequence[dict[str, Array]]], Iterator[Array | int]]"
"""Some ends, and extents of tensors along each axis -> the bytes that are alive, at one position after the other."""


def candidates(region: Region, ends: Sequence[End], rules: Rules, numbers: Numbers) -> Iterator[Candidate]:
    """Every grid of so many patches along each axis, at every end that has so many positions."""

    def live(some: Sequence[End], spans: Sequence[dict[str, Array]]) -> Iterator[Array | int]:
        sizes = dict(tensor_sizes(region, some, spans, rules))
        for _, here in alive(region, sizes, max(end.position for end in some), rules):
            yield here

    return every_grid(region, ends, rules, numbers, [tensor.name for tensor in region.lives.tensors], live)


MOST_IN_PATCHES = 540_000_000
"""Elements, as patches of every layer on every grid, that are followed to choose a depth; a second or two."""


def depths(region: Region, ends: Sequence[End], numbers: Numbers) -> Sequence[End]:
    """Those of some ends that are tried: all, or of more than can be followed so many, spread evenly, the last among them."""
    layers, at_once = max(1, len(region.steps)), _at_once(region, numbers)
    each = max(_elements(region, numbers), layers * _PER_PAIR) + layers * _PER_CALL // at_once
    most, count = max(1, MOST_IN_PATCHES // each), len(ends)
    return ends if count <= most else [ends[count * part // most - 1] for part in range(1, most + 1)]


def _elements(region: Region, numbers: Numbers) -> int:
    """What all grids of so many patches along each axis come to at one end: these patches of every layer, or the ranges of the
    axis that is cut most.
    """
    along = [sum(tried) for tried in numbers]
    return max(prod(along), _PER_RANGE * max(along)) * max(1, len(region.steps))


def _at_once(region: Region, numbers: Numbers) -> int:
    """How many ends are followed at once."""
    return max(1, _AT_ONCE // _elements(region, numbers))


def every_grid(
    region: Region, ends: Sequence[End], rules: Rules, numbers: Numbers, tensors: Sequence[str], live: Live
) -> Iterator[Candidate]:
    """Every grid at every end, so many ends at once that these take little memory; what is alive are some of the tensors."""
    at_once = _at_once(region, numbers)
    for low in range(0, len(ends), at_once):
        yield from _of_ends(region, ends[low : low + at_once], rules, numbers, tensors, live)


def _of_ends(
    region: Region, ends: Sequence[End], rules: Rules, numbers: Numbers, tensors: Sequence[str], live: Live
) -> Iterator[Candidate]:
    rank, axes, alike = len(numbers), list[_Along](), _alike(region, ends)
    for axis, tried in enumerate(numbers):
        same = (axes[other] for other in range(axis) if alike and [*numbers[other]] == [*tried])
        axes.append(next(same, None) or _along(region, ends, axis, rules, tried, tensors))
    grids = np.array(list(itertools.product(*[range(len(tried)) for tried in numbers])))
    dtype = exact_dtype(region, [{**one.largest, **one.sums} for one in axes])
    macs, most = np.zeros((len(ends), len(grids)), dtype), np.zeros((len(ends), len(grids)), dtype)
    for name, each in per_position(region).items():
        if name in axes[0].sums:
            macs += each * reduce(mul, [one.sums[name][:, chosen].astype(dtype) for one, chosen in zip(axes, grids.T)])
    # The tiles of each axis that may need most get an axis of their own, after those of ends and grids.
    spans = [
        {edge: _on_axis(each[:, chosen].astype(dtype), axis, rank) for edge, each in one.largest.items()}
        for axis, (one, chosen) in enumerate(zip(axes, grids.T))
    ]
    for here in live(ends, spans):
        largest = np.max(here, axis=tuple(range(2, 2 + rank))) if isinstance(here, np.ndarray) else here
        most = np.maximum(most, largest)
    counts = [tuple(tried[i] for tried, i in zip(numbers, grid)) for grid in grids.tolist()]
    fits = np.array([[all(n <= size for n, size in zip(grid, end.shape)) for grid in counts] for end in ends])
    for row, column in zip(*np.nonzero(fits)):
        yield Candidate(ends[row], counts[column], int(macs[row, column]), int(most[row, column]))


class _Along(NamedTuple):
    """What grids of several numbers of tiles need along one axis, by edge."""

    sums: dict[str, Array]
    """(ends, numbers): of what multiplies, the extents of all tiles together."""
    largest: dict[str, Array]
    """(ends, numbers, tiles): of tensors, the extents of tiles one of which needs most, whatever the tiles of other axes are."""


def _along(
    region: Region, ends: Sequence[End], axis: int, rules: Rules, numbers: Sequence[int], tensors: Sequence[str]
) -> _Along:
    cut = tiles([end.shape[axis] for end in ends], numbers, equal=rules.equal)
    found = ranges(region, ends, axis, cut, clipped=not rules.equal)
    extents = {edge: one.extent for edge, one in found.items()}
    names = [name for name in tensors if name in extents]
    picked = _largest(np.array([extents[name] for name in names]), cut.firsts, numbers)
    multiplies = [name for name in per_position(region) if name in extents]
    sums = {name: np.add.reduceat(extents[name], cut.firsts, axis=1) for name in multiplies}
    rows = np.arange(len(ends))[:, None, None]
    return _Along(sums, {edge: extents[edge][rows, picked] for edge in {*names, *(end.edge for end in ends)}})


def _largest(extents: Array, firsts: Array, numbers: Sequence[int]) -> Array:
    """The tiles that no other of the same grid surpasses in all tensors: (ends, numbers, so many), some of them repeated; all
    where they are many, as a single grid has.

    `extents` are (tensors, ends, tiles).
    """
    found = np.zeros((extents.shape[1], len(numbers), 1), dtype=np.int64)
    for at, (first, number) in enumerate(zip(firsts, numbers)):
        order, kept = np.broadcast_to(np.arange(number), (len(found), number)), np.full((len(found), 1), number)
        if number <= MOST_ALONG:
            here = extents[:, :, first : first + number]
            # (ends, tile, other): whether the other needs as much or more of every tensor.
            below = (here[:, :, :, None] <= here[:, :, None, :]).all(axis=0)
            earlier = np.tri(number, k=-1, dtype=bool)
            beaten = (below & (~np.swapaxes(below, 1, 2) | earlier)).any(axis=2)
            order, kept = np.argsort(beaten, axis=1, kind="stable"), (~beaten).sum(axis=1)[:, None]
        most = int(kept.max())
        if most > found.shape[2]:
            found = np.concatenate([found, np.repeat(found[:, :, :1], most - found.shape[2], axis=2)], axis=2)
        slots = np.arange(found.shape[2])[None]
        found[:, at] = first + np.take_along_axis(order, np.where(slots < kept, slots, 0), axis=1)
    return found


def _alike(region: Region, ends: Sequence[End]) -> bool:
    """Whether all axes of the maps are the same to every layer, so that one need be followed alone."""
    sides = (end.shape[:-1] for end in ends)
    every = (windows for step in region.windows for windows in step)
    return all(len({*shape}) == 1 for shape in itertools.chain(sides, every))


class Outside(NamedTuple):
    """The memory of a network without patches, and of what comes after each end."""

    peak: int
    """Without patches."""
    rest: tuple[int, ...]
    """Position -> the most bytes alive after it."""
    rest_at: tuple[int, ...]
    """Position -> where that is."""


def outside(region: Region, dtype: str | None) -> Outside:
    """What the whole network needs, and what is left to run after each position."""
    size = {tensor: tensor_bytes(tensor, dtype, 1) for tensor in region.lives.tensors}.__getitem__
    length = region.lives.length
    most, at = [0] * (length + 1), [length] * (length + 1)
    live = dict.fromkeys(range(-1, length), 0) | dict(region.lives.timeline(size))
    for position in range(length - 1, -1, -1):
        more = live[position] >= most[position + 1]
        most[position] = live[position] if more else most[position + 1]
        at[position] = position if more else at[position + 1]
    return Outside(max(live.values()), tuple(most[1:]), tuple(at[1:]))
