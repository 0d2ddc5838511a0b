"""A network whose first layers run in patches, and the choice of patches: memory against multiply-accumulates, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import Any, NamedTuple

from convcost.core.checks import check_switch
from convcost.core.dims import Shape
from convcost.core.dtypes import as_text, asked_dtype, one_word
from convcost.core.errors import UsageError
from convcost.core.reading import python_int, whole_number
from convcost.core.units import binary, counted, exact, percent, shape_text
from convcost.core.version import __version__
from convcost.graph.typed import as_dtype, used_dtypes
from convcost.graph.walk import Walked
from convcost.memory.lifetimes import tensor_bytes
from convcost.memory.patches import (
    MOST_ALONG,
    Candidate,
    Grid,
    Numbers,
    Outside,
    Rules,
    candidates,
    depths,
    on_grid,
    outside,
    tried_along,
)
from convcost.memory.policies import POLICIES
from convcost.memory.region import End, region, until
from convcost.memory.rows import RingBuffers, on_rows, strips
from convcost.render.escape import printable
from convcost.render.table import Table, Tabular
from convcost.results.memory import check_place, stored_weights
from convcost.results.report import Report, inputs_dict, json_value, title, unknown_notes

MOST_PATCHES = 4_096
"""The most patches of a grid that is asked for."""


class PatchOptions(NamedTuple):
    """What is assumed of patches."""

    policy: str = "fused"
    dtype: str | None = None
    stream: bool = False
    """Whether rows are kept for the next instead of computed again."""
    input_in_ram: bool = False
    equal: bool = False
    limit: int | None = None
    """In bytes, for what is needed."""
    weights_in: str = "flash"
    """Where weights lie; in `ram` they count in what is needed, besides the peak."""

    def checked(self) -> PatchOptions:
        """The same; raises `UsageError` for a place where no weights lie, and for what is not either so or not."""
        return self._replace(
            stream=check_switch(self.stream, "stream"),
            input_in_ram=check_switch(self.input_in_ram, "input_in_ram"),
            equal=check_switch(self.equal, "equal"),
            weights_in=check_place(self.weights_in),
        )

    @property
    def rules(self) -> Rules:
        """How patches are cut, and what lies in memory beside them."""
        return Rules(self.dtype, self.input_in_ram, self.equal)


class Patch(NamedTuple):
    """One patch: where its tile lies in the output, what it reads of the input, and what it comes to."""

    place: tuple[int, ...]
    """Its number along each axis, from 0."""
    tile: tuple[tuple[int, int], ...]
    """Along each axis the first position and the one after the last."""
    reads: tuple[tuple[int, int], ...]
    macs: int
    bytes: int
    """The most alive while it runs, without the whole output."""

    @property
    def shape(self) -> tuple[int, ...]:
        """How much of the input it reads along each axis."""
        return tuple(stop - start for start, stop in self.reads)


class PatchLayer(NamedTuple):
    """A layer that multiplies: its multiply-accumulates without and with patches."""

    name: str
    op: str
    shape: Shape
    patch: tuple[int, ...]
    """Positions of its output in the largest patch, along each axis; where rows are kept, the rows of its ring buffer first."""
    macs: int
    patched: int


class Cheaper(NamedTuple):
    """Another way to keep a limit, and the network's multiply-accumulates in it."""

    policy: str
    stream: bool
    macs: int

    @property
    def option(self) -> str:
        """What asks for it."""
        return "--stream" if self.stream else f"--policy {self.policy}"


@dataclass(frozen=True, slots=True)
class Patches(Tabular):
    """A network whose first layers run in patches; counts are exact, memory is in bytes."""

    report: Report
    options: PatchOptions
    dtype: str
    end: str
    """The layer whose output is put together."""
    shape: Shape
    """Of that output."""
    grid: tuple[int, ...]
    """Patches along each axis."""
    patches: tuple[Patch, ...]
    layers: tuple[PatchLayer, ...]
    inside_bytes: int
    """The most that is alive in a patch, without the whole output."""
    inside_at: str
    """The layer at which that is."""
    output_bytes: int
    """Of the whole output of the layers in patches."""
    rest_bytes: int
    """The most that is alive after the patches."""
    rest_at: str
    whole_bytes: int
    """The peak of the network without patches."""
    whole_macs: int
    """Of the network without patches."""
    input_bytes: int
    """Of the network's whole input."""
    rings: Mapping[str, int] | None = None
    """Where rows are kept: tensor -> rows of its ring buffer."""
    cheaper: tuple[Cheaper, ...] = ()
    """Where patches that keep a limit are dear: what keeps it with fewer multiply-accumulates."""
    untried: int = 0
    """So many layers at which patches might end were not tried."""

    def __repr__(self) -> str:
        return printable(
            f"<Patches {self.report.network} · {grid_text(self.grid)} up to {self.end} · peak {exact(self.peak)} bytes · "
            f"{exact(self.macs)} MACs ({self.overhead:+.1%})>"
        )

    @property
    def stage_bytes(self) -> int:
        """The peak while patches run: what is alive in the largest, and the whole output."""
        return self.inside_bytes + self.output_bytes

    @property
    def peak(self) -> int:
        """The peak of the network."""
        return max(self.stage_bytes, self.rest_bytes)

    @property
    def needed(self) -> int:
        """The peak, and weights if they lie in RAM."""
        return self.peak + weights_beside(self.report, self.options)

    @property
    def stage_macs(self) -> int:
        """Multiply-accumulates of the layers in patches, without patches."""
        return sum(layer.macs for layer in self.layers)

    @property
    def patched_macs(self) -> int:
        """The same, over all patches."""
        return sum(layer.patched for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the network, with patches."""
        return self.whole_macs - self.stage_macs + self.patched_macs

    @property
    def overhead(self) -> float:
        """By how much patches raise the network's multiply-accumulates, of 1."""
        return self.macs / self.whole_macs - 1 if self.whole_macs else 0.0

    @property
    def reads(self) -> tuple[int, ...]:
        """How much of the input the largest patch reads along each axis."""
        return max((patch.shape for patch in self.patches), key=prod)

    def table(self) -> Table:
        """A row per layer in patches."""
        held = "rows kept" if self.options.stream else "in a patch"
        headers = ("layer", "op", "output", held, "MACs", "in rows" if self.options.stream else "in patches", "more")
        rows = [
            [
                layer.name,
                layer.op,
                shape_text(layer.shape),
                shape_text((*layer.patch, layer.shape[-1])),
                exact(layer.macs),
                exact(layer.patched),
                more(layer.macs, layer.patched),
            ]
            for layer in self.layers
        ]
        total = ["up to the end", "", "", "", exact(self.stage_macs), exact(self.patched_macs)]
        return Table(
            title(self.report),
            headers,
            (False, False, False, False, True, True, True),
            rows,
            [_layer_record(layer) for layer in self.layers],
            self._data(),
            total=[*total, more(self.stage_macs, self.patched_macs)],
            notes=[*unknown_notes(self.report), *self._notes()],
            priority=(0, 2, 3, 1, 1, 0, 0),
        )

    def figure(self) -> Any:
        """The patches on the input, as a picture."""
        from convcost.core.doors import public

        return public("plots").patch_picture(self)

    def _notes(self) -> Iterator[tuple[str, str]]:
        if self.options.stream:
            yield "rows", f"kept for the next ones instead of computed again, {self._strips()}"
            inside = (
                f"{exact(self.inside_bytes)} of ring buffers, the largest at {self.inside_at}, and the whole output"
            )
        else:
            cut = "all as large as the largest" if self.options.equal else "clipped at the borders"
            reads = shape_text((*self.reads, next(iter(self.report.inputs.values()))[-1]))
            yield "patches", f"{grid_text(self.grid)} that read up to {reads} of the input, {cut}"
            inside = f"{exact(self.inside_bytes)} alive in a patch, at {self.inside_at}, and the whole output"
        yield "end", f"{self.end}: {shape_text(self.shape)}, put together in {exact(self.output_bytes)} bytes"
        yield from _untried_note(self.untried)
        yield "before it", f"{binary(self.stage_bytes)} ({exact(self.stage_bytes)} bytes): {inside}"
        yield "after it", f"{binary(self.rest_bytes)} ({exact(self.rest_bytes)} bytes), at {self.rest_at}"
        before = f"{binary(self.whole_bytes)} ({exact(self.whole_bytes)} bytes) otherwise"
        yield "peak memory", f"{binary(self.peak)} ({exact(self.peak)} bytes) as {as_text(self.dtype)}; {before}"
        if self.options.weights_in == "ram":
            yield "weights", f"{exact(self.needed - self.peak)} bytes of RAM besides"
        yield from limit_note(self.options.limit, self.needed)
        yield "MACs", f"{exact(self.macs)}; {exact(self.whole_macs)} otherwise ({more(self.whole_macs, self.macs)})"
        if self.cheaper:
            ways = (f"{way.option} {exact(way.macs)} ({more(self.whole_macs, way.macs)})" for way in self.cheaper)
            yield "fewer MACs", f"within the same limit: {', '.join(ways)}"
        yield "policy", f"{self.options.policy}: {POLICIES[self.options.policy].says}"
        yield "input", input_text(self.options, self.input_bytes)

    def _strips(self) -> str:
        strips = prod(self.grid[1:])
        return "over the whole width" if strips == 1 else f"in {exact(strips)} strips side by side, which overlap"

    def _data(self) -> dict[str, Any]:
        return {
            "schema": "convcost.patches/1",
            **_head(self.report, self.options, self.dtype),
            "until": self.end,
            "ends_not_tried": self.untried,
            "grid": list(self.grid),
            "output_shape": list(self.shape),
            "output_bytes": self.output_bytes,
            "patch_bytes": self.inside_bytes,
            "patch_peak_at": self.inside_at,
            "stage_bytes": self.stage_bytes,
            "rest_bytes": self.rest_bytes,
            "rest_peak_at": self.rest_at,
            "peak_bytes": self.peak,
            "peak_bytes_without_patches": self.whole_bytes,
            "input_bytes": self.input_bytes,
            "stage_macs": self.patched_macs,
            "stage_macs_without_patches": self.stage_macs,
            "macs": self.macs,
            "macs_without_patches": self.whole_macs,
            "weights_in": self.options.weights_in,
            "needed_bytes": self.needed,
            **limit_dict(self.options.limit, self.needed),
            "cheaper": [way._asdict() for way in self.cheaper],
            "layers": [
                _layer_record(layer) | {"shape": list(layer.shape), "patch": list(layer.patch)} for layer in self.layers
            ],
            "stream": self.options.stream,
            "ring_rows": None if self.rings is None else dict(self.rings),
            "patches": [
                {
                    "place": list(patch.place),
                    "tile": [list(side) for side in patch.tile],
                    "reads": [list(side) for side in patch.reads],
                    "macs": patch.macs,
                    "bytes": patch.bytes,
                }
                for patch in self.patches
            ],
        }


def _head(report: Report, options: PatchOptions, dtype: str) -> dict[str, Any]:
    return {
        "version": __version__,
        "network": report.network,
        "knobs": {name: json_value(value) for name, value in report.knobs.items()},
        **inputs_dict(report.inputs),
        "dtype": dtype,
        "policy": {"name": options.policy, "says": POLICIES[options.policy].says},
        "input_in_ram": options.input_in_ram,
        "equal": options.equal,
        "complete": report.complete,
    }


def _layer_record(layer: PatchLayer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "op": layer.op,
        "shape": "x".join(map(str, layer.shape)),
        "patch": "x".join(map(str, layer.patch)),
        "macs": layer.macs,
        "macs_in_patches": layer.patched,
    }


def weights_beside(report: Report, options: PatchOptions) -> int:
    """Bytes of weights that lie in RAM."""
    return stored_weights(report, options.dtype).bytes if options.weights_in == "ram" else 0


def _untried_note(untried: int) -> Iterator[tuple[str, str]]:
    if untried:
        what = counted(untried, "layer")
        yield "not tried", f"{what} at which patches might end, spread evenly among those that were; --until names any"


def limit_note(limit: int | None, needed: int) -> Iterator[tuple[str, str]]:
    """Whether a limit is kept, if there is one."""
    if limit is not None:
        verdict = "it fits" if needed <= limit else f"over by {exact(needed - limit)}"
        yield "limit", f"{exact(needed)} of {exact(limit)} bytes: {verdict}"


def limit_dict(limit: int | None, needed: int) -> dict[str, Any]:
    """The same as data."""
    return {} if limit is None else {"limit": {"bytes": limit, "fits": needed <= limit}}


def input_text(options: PatchOptions, size: int) -> str:
    """Where the network's input lies."""
    if options.input_in_ram:
        return f"in memory as a whole, {exact(size)} bytes, until all of it has been read"
    part = "row" if options.stream else "patch"
    return f"each {part} of it is brought when its turn comes; all of it, {exact(size)} bytes, is never in memory"


def grid_text(counts: Sequence[int]) -> str:
    """A grid in words.

    >>> grid_text((4, 4))
    '4×4 patches'
    """
    return f"{'×'.join(map(str, counts))} patches"


def more(before: int, after: int) -> str:
    """How much more something has become.

    >>> more(100, 142), more(91_282_688, 91_282_688)
    ('+42.00 %', '+0.00 %')
    """
    if after < before:
        return f"-{percent(before - after, before)}"
    return f"+{percent(after - before, before)}" if before else ""


def parse_grid(given: Any, axes: int) -> tuple[int, ...]:
    """Patches along each axis of a map, from `3x3`, `4` or numbers; raises `UsageError`.

    >>> parse_grid("3x4", 2), parse_grid(4, 2), parse_grid((2, 2), 2)
    ((3, 4), (4, 4), (2, 2))
    """
    if isinstance(given, str):
        parts: list[Any] = [whole_number(part.strip()) for part in given.lower().replace("×", "x").split("x")]
    else:
        parts = [python_int(part) for part in (given if isinstance(given, Iterable) else [given])]
    counts = tuple(part for part in parts if type(part) is int and part > 0)
    counts = () if len(counts) < len(parts) else counts * axes if len(counts) == 1 else counts
    if not counts or len(counts) != axes or prod(counts) > MOST_PATCHES:
        kind = "x".join("3" * axes)
        raise UsageError(
            f"a grid of patches is a number for each of {counted(axes, 'axis', 'axes')}, as in {kind}, of {exact(MOST_PATCHES)} "
            f"patches at most, got {given}"
        )
    return counts


class Patcher:
    """A network under options: runs it in patches of one grid, or of many."""

    def __init__(self, walked: Walked, report: Report, options: PatchOptions, name: str | None = None) -> None:
        dtype = asked_dtype(options.dtype)
        self._given = walked, name
        self.options, self.report = options._replace(dtype=dtype), report
        self.dtype = one_word(used_dtypes(walked, dtype))
        walked = as_dtype(walked, dtype)
        if name is None:
            self.region = region(walked, options.policy)
            self.ends: Sequence[End] = self.region.ends
        else:
            self.region, end = until(walked, options.policy, name)
            self.ends = (end,)
        if not self.ends:
            raise UsageError(f"no layer can run in patches: {self.region.obstacle or 'no tensor is put together'}")
        self.outside: Outside = outside(self.region, dtype)
        self.whole_macs = self.region.macs()

    def under(self, options: PatchOptions) -> Patcher:
        """The same network, up to the same end, under other options."""
        walked, name = self._given
        return Patcher(walked, self.report, options, name)

    def measured(self, end: End, counts: Sequence[int], untried: int = 0) -> Patches:
        """The network in patches of one grid, chosen without a look at so many other ends.

        Raises `UsageError` for a grid that is finer than the output.
        """
        sides = end.shape[:-1]
        if any(n > size for n, size in zip(counts, sides)):
            raise UsageError(f"{grid_text(counts)} need an output of that many positions, got {shape_text(end.shape)}")
        return _result(self, end, self.ran(end, counts), untried)

    def ran(self, end: End, counts: Sequence[int]) -> Grid:
        """The layers up to an end in patches, or row by row."""
        if not self.options.stream:
            return on_grid(self.region, end, counts, self.options.rules)
        if counts[0] != 1:
            raise UsageError(
                f"kept rows go through the whole map: strips side by side are 1x{counts[-1]}, got {grid_text(counts)}"
            )
        return on_rows(self.ring_buffers, end, counts, self.options.rules)

    @cached_property
    def ring_buffers(self) -> RingBuffers:
        """Of all ends."""
        return RingBuffers(self.region, self.options.policy)

    def tried(self, ends: Sequence[End], grid: Sequence[int] = ()) -> Iterator[tuple[Candidate, int, int]]:
        """Every grid, or only one, at each of these ends: with the peak and the multiply-accumulates of the whole network."""
        sizes = {end: self.output_bytes(end) for end in ends}
        before = {end: self.stage_macs(end) for end in ends}
        by_rank: dict[int, list[End]] = {}
        for end in ends:
            by_rank.setdefault(len(end.shape), []).append(end)
        for alike in by_rank.values():
            for one in self._candidates(alike, self.numbers(alike[0], grid)):
                peak = max(one.live + sizes[one.end], self.outside.rest[one.end.position])
                yield one, peak, self.whole_macs - before[one.end] + one.macs

    def numbers(self, end: End, grid: Sequence[int] = ()) -> Numbers:
        """How many patches are tried along each axis of the map of an end; kept rows are a single strip from above."""
        axes = len(end.shape) - 1
        strips = axes - 1 if self.options.stream else axes
        tried = [(n,) for n in grid] if grid else [tried_along(strips)] * axes
        return [(1,), *tried[1:]] if self.options.stream else tried

    def depths(self, ends: Sequence[End], grid: Sequence[int] = ()) -> Sequence[End]:
        """Those of some ends at which every grid is tried, or only one."""
        return depths(self.region, ends, max((self.numbers(end, grid) for end in ends), key=len)) if ends else ends

    def _candidates(self, ends: Sequence[End], numbers: Numbers) -> Iterator[Candidate]:
        if self.options.stream:
            return strips(self.ring_buffers, ends, self.options.rules, numbers)
        return candidates(self.region, ends, self.options.rules, numbers)

    def least(self, end: End) -> int:
        """What the peak is no lower than, however fine the patches: the whole output, and what is alive after it."""
        return max(self.output_bytes(end), self.outside.rest[end.position])

    def output_bytes(self, end: End) -> int:
        """Of the whole tensor that the patches make."""
        tensors = (self.region.lives.tensors[number] for number in self.region.lives.home[end.edge])
        dtype = next((tensor.dtype for tensor in tensors), None)
        return tensor_bytes(Sized(end.shape, dtype), self.options.dtype, 1)

    def stage_macs(self, end: End) -> int:
        """Of the layers up to an end, without patches."""
        return self._macs_up_to[end.position]

    @cached_property
    def _macs_up_to(self) -> list[int]:
        """Position -> multiply-accumulates of all steps up to it."""
        return [*accumulate(int(step.cost.macs) for step in self.region.walked.steps)]


class Sized(NamedTuple):
    """A tensor by shape and type."""

    shape: Shape
    dtype: str | None


def _result(patcher: Patcher, end: End, grid: Grid, untried: int) -> Patches:
    steps, inputs = patcher.region.walked.steps, patcher.region.walked.inputs
    name = next(name for name in inputs if name in grid.along[0])
    # Without a step before the patches' largest there is the input alone.
    at = int(grid.at.flat[int(grid.live.argmax())])
    rest_at = patcher.outside.rest_at[end.position]
    return Patches(
        report=patcher.report,
        options=patcher.options,
        dtype=patcher.dtype,
        end=end.edge,
        shape=end.shape,
        grid=grid.counts,
        patches=tuple(_patches(grid, end, name)),
        layers=tuple(_layers(patcher, grid)),
        inside_bytes=int(grid.live.max()),
        inside_at=steps[at].node.name if at >= 0 else name,
        output_bytes=patcher.output_bytes(end),
        rest_bytes=patcher.outside.rest[end.position],
        rest_at=steps[rest_at].node.name if rest_at < len(steps) else "the output",
        whole_bytes=patcher.outside.peak,
        whole_macs=patcher.whole_macs,
        rings=grid.rings,
        untried=untried,
        input_bytes=sum(tensor_bytes(Sized(shape, None), patcher.options.dtype, 1) for shape in inputs.values()),
    )


def _patches(grid: Grid, end: End, name: str) -> Iterator[Patch]:
    import numpy as np

    for index in np.ndindex(*grid.counts):
        sides = [
            tuple((int(along[edge].start[i]), int(along[edge].stop[i])) for i, along in zip(index, grid.along))
            for edge in (end.edge, name)
        ]
        yield Patch(index, sides[0], sides[1], int(grid.macs[index]), int(grid.live[index]))


def _layers(patcher: Patcher, grid: Grid) -> Iterator[PatchLayer]:
    for step in patcher.region.steps:
        if step.node.name in grid.layers:
            extents = tuple(int(along[step.node.name].extent.max()) for along in grid.along)
            if grid.rings is not None:
                extents = (grid.rings.get(step.node.name, 1), *extents[1:])
            macs, patched = int(step.cost.macs), grid.layers[step.node.name]
            yield PatchLayer(step.node.name, step.kind, step.cost.out[0], extents, macs, patched)


class Choice(NamedTuple):
    """One depth and one grid, with what the network then comes to."""

    end: str
    grid: tuple[int, ...]
    peak: int
    macs: int


@dataclass(frozen=True, slots=True)
class PatchFront(Tabular):
    """The best of all depths and grids that were tried: none of them has a lower peak without more multiply-accumulates."""

    report: Report
    options: PatchOptions
    dtype: str
    choices: tuple[Choice, ...]
    """From the fewest multiply-accumulates, those without patches, to the lowest peak."""
    tried: int
    """So many pairs of a depth and a grid were looked at."""
    obstacle: str
    """The first layer that cannot run on a patch, and why; empty if all can."""
    untried: int = 0
    """So many layers at which patches might end were not tried."""
    along: int = MOST_ALONG
    """So many patches were tried along an axis at most."""

    def __repr__(self) -> str:
        peaks = [choice.peak for choice in self.choices]
        return printable(
            f"<PatchFront {self.report.network} · {len(peaks)} of {exact(self.tried)} · {min(peaks):,} to {max(peaks):,} bytes>"
        )

    @property
    def needed(self) -> int:
        """The lowest peak, and weights if they lie in RAM."""
        return self.choices[-1].peak + weights_beside(self.report, self.options)

    def table(self) -> Table:
        """A row per choice."""
        whole = self.choices[0].macs
        rows = [
            [
                choice.end or "without patches",
                "×".join(map(str, choice.grid)),
                exact(choice.peak),
                binary(choice.peak),
                exact(choice.macs),
                more(whole, choice.macs),
            ]
            for choice in self.choices
        ]
        records = [
            {
                "until": choice.end or None,
                "grid": "x".join(map(str, choice.grid)) or None,
                "peak_bytes": choice.peak,
                "macs": choice.macs,
            }
            for choice in self.choices
        ]
        return Table(
            title(self.report),
            ("up to", "patches", "peak bytes", "peak", "MACs", "more"),
            (False, True, True, True, True, True),
            rows,
            records,
            {
                "schema": "convcost.patch_front/1",
                **_head(self.report, self.options, self.dtype),
                "tried": self.tried,
                "ends_not_tried": self.untried,
                "obstacle": self.obstacle or None,
                **limit_dict(self.options.limit, self.needed),
                "front": [{**record, "grid": list(one.grid)} for record, one in zip(records, self.choices)],
            },
            notes=[*unknown_notes(self.report), *self._notes()],
            priority=(0, 0, 0, 1, 2, 0),
        )

    def _notes(self) -> Iterator[tuple[str, str]]:
        one, many, cut = (
            ("strip", "strips", "side by side") if self.options.stream else ("patch", "patches", "along an axis")
        )
        most = counted(self.along, one, many)
        tried = f"{exact(self.tried)} were tried, each a depth with a grid of up to {most} {cut}"
        yield "front", f"{counted(len(self.choices), 'choice')} that no other surpasses; {tried}"
        yield from _untried_note(self.untried)
        yield "peak", f"as {as_text(self.dtype)}"
        yield from limit_note(self.options.limit, self.needed)
        if self.obstacle:
            yield "no further", self.obstacle
        yield "policy", f"{self.options.policy}: {POLICIES[self.options.policy].says}"


def front(patcher: Patcher) -> PatchFront:
    """What no other choice surpasses, of all depths and grids, or of many depths some."""
    ends = patcher.depths(patcher.ends)
    found = [(macs, peak, prod(one.counts), one.end.position, one) for one, peak, macs in patcher.tried(ends)]
    kept = [Choice("", (), patcher.outside.peak, patcher.whole_macs)]
    for macs, peak, _, _, one in sorted(found, key=lambda entry: entry[:4]):
        if peak < kept[-1].peak:
            if macs == kept[-1].macs and kept[-1].end:
                kept.pop()
            kept.append(Choice(one.end.edge, one.counts, peak, macs))
    return PatchFront(
        patcher.report,
        patcher.options,
        patcher.dtype,
        tuple(kept),
        len(found),
        patcher.region.obstacle,
        len(patcher.ends) - len(ends),
        max(max(map(max, patcher.numbers(end))) for end in ends),
    )


def within(patcher: Patcher, limit: int) -> Patches:
    """The patches that keep a limit in bytes with the fewest multiply-accumulates, of these the fewest patches; raises
    `UsageError` if none do. Where they are dear, with what is cheaper.
    """
    found = _within(patcher, limit)
    if found.macs * 100 <= found.whole_macs * (100 + _DEAR):
        return found
    return replace(found, cheaper=tuple(_cheaper(patcher, limit, found.macs)))


_DEAR = 20
"""Per cent more multiply-accumulates from which on other ways are looked at."""


def _cheaper(patcher: Patcher, limit: int, macs: int) -> Iterator[Cheaper]:
    """Depthwise convolutions in place, and kept rows, as far as they keep the limit with fewer multiply-accumulates."""
    options = patcher.options
    others = [options._replace(policy="tinyengine"), options._replace(stream=True)]
    for other in others:
        if other == options or (other.stream and other.equal):
            continue
        try:
            found = _within(patcher.under(other), limit)
        except UsageError:  # no patches keep the limit in this way
            continue
        if found.macs < macs:
            yield Cheaper(other.policy, other.stream, found.macs)


def _within(patcher: Patcher, limit: int) -> Patches:
    weights = weights_beside(patcher.report, patcher.options)
    able = [end for end in patcher.ends if patcher.least(end) + weights <= limit]
    ends = patcher.depths(able)
    found = [(macs, prod(one.counts), peak, one) for one, peak, macs in patcher.tried(ends)]
    kept = [entry for entry in found if entry[2] + weights <= limit]
    if not kept:
        which = "no patches" if ends == able else f"no patches up to {exact(len(ends))} of {exact(len(able))} ends"
        raise UsageError(f"{which} keep {exact(limit)} bytes: {_lowest(patcher, weights)}")
    one = min(kept, key=lambda entry: entry[:3])[3]
    return patcher.measured(one.end, one.counts, len(able) - len(ends))


def _lowest(patcher: Patcher, weights: int) -> str:
    """The lowest peak of all patches that are tried, and which have it."""
    ends, every = patcher.depths(patcher.ends), len(patcher.ends)
    peak, _, lowest = min(((peak, macs, one) for one, peak, macs in patcher.tried(ends)), key=lambda entry: entry[:2])
    beside = f" and weights {exact(weights)}" if weights else ""
    of = f" of {exact(len(ends))} of {exact(every)} ends that were tried (--until names any)" * (len(ends) < every)
    return f"the lowest peak{of} is {exact(peak)}{beside}, with {grid_text(lowest.counts)} up to {lowest.end.edge}"


def deepest(patcher: Patcher, given: Any) -> Patches:
    """The patches of one grid that end where the peak is lowest, of these with the fewest multiply-accumulates."""
    counts = parse_grid(given, len(patcher.ends[0].shape) - 1)
    fitting = [end for end in patcher.ends if all(n <= size for n, size in zip(counts, end.shape))]
    if not fitting:
        raise UsageError(
            f"{grid_text(counts)} need an output of that many positions, got {shape_text(patcher.ends[0].shape)}"
        )
    ends = patcher.depths(fitting, counts)
    found = [(peak, macs, one.end) for one, peak, macs in patcher.tried(ends, counts) if one.counts == counts]
    end = min(found, key=lambda entry: entry[:2])[2] if found else fitting[0]  # which says why there are none
    return patcher.measured(end, counts, len(fitting) - len(ends))


def chosen(patcher: Patcher, grid: Any) -> Patches:
    """The patches that are asked for: `auto` for those that keep the limit."""
    limit = patcher.options.limit
    if patcher.options.stream and patcher.options.equal:
        raise UsageError("equal patches are not clipped at borders, but kept rows have none: give one or the other")
    if grid == "auto" or (grid is None and limit is not None):
        if limit is None:
            raise UsageError("auto chooses patches that keep a limit: give one")
        return within(patcher, limit)
    if grid is None and not patcher.options.stream:
        raise UsageError("give a grid of patches, as in 3x3, or a limit that patches are to keep")
    return deepest(patcher, 1 if grid is None else grid)
