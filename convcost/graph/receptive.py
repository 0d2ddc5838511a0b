"""Receptive fields: which part of the network's inputs an element of each layer's output can depend on.

Along each axis of an input, the field of position p begins at start + p·jump and is so many positions long: its `size`. The
middle of the first one, its centre, is start + (size - 1) / 2.
Padding is counted in, as in Araujo et al., Computing Receptive Fields of Convolutional Neural Networks (Distill 2019,
doi:10.23915/distill.00021): a field may begin before the input, and be larger than it. Where branches join, the field is what
either of them sees. After upsampling a jump is an average, and may be a fraction: fields then repeat only every so many
positions, their `period`, and the size is that of the largest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple, TypeAlias

from convcost.core.axes import position
from convcost.core.errors import UsageError
from convcost.core.units import exact
from convcost.graph.reach import NotLocal, Reads, Route, routes
from convcost.graph.walk import Step, Walked, output_edges


class Field(NamedTuple):
    """The receptive field of a layer along one axis of an input.

    Position p's begins at `start + p·jump` where the `period` is 1, which it is but behind upsampling. There neighbours may
    see alike: the formula holds for every `period`-th position, and the jump is an average. Pairs of positions, each repeated
    once, see from 0, 0, 2, 2, 4, 4 …: a jump of 1 with a period of 2.
    """

    size: int
    """The positions of the largest field, padding included; of what sees all of the input, the input's."""
    jump: Fraction | None
    """How far the field moves from one position to the next, on average; 0 where all see the same, None where that is not followed."""
    start: int | None
    """Where the field of the first position begins: negative in the padding."""
    bound: bool = False
    """Whether it may be smaller than that: some op was not followed position by position."""
    period: int | None = 1
    """After how many positions a field is as large again, and `period · jump` further on; None where nothing is known of that."""

    @property
    def centre(self) -> Fraction | None:
        """The middle of the first position's field, the first position of the input being 0; None where nothing moves.

        >>> Field(3, Fraction(2), -1).centre, Field(6, Fraction(2), -2).centre
        (Fraction(0, 1), Fraction(1, 2))
        """
        return None if self.start is None else self.start + Fraction(self.size - 1, 2)


Fields: TypeAlias = Mapping[str, tuple[Field, ...]]
"""Name of an input that a layer depends on -> the field along each of its axes but the channels."""


class _Moving(NamedTuple):
    """Fields that repeat along an axis of the tensor."""

    axis: int | None
    """None if there is one field for all elements."""
    shift: int
    """How far the fields lie behind those that stand as many positions before them as there are `spans`."""
    spans: tuple[tuple[int, int], ...]
    """Of the first positions: where the field begins and ends."""
    bound: bool

    def at(self, place: int) -> tuple[int, int]:
        around, which = divmod(place, len(self.spans))
        first, stop = self.spans[which]
        return first + around * self.shift, stop + around * self.shift


class _Scattered(NamedTuple):
    """Fields whose size is known, but not which element has which."""

    axes: frozenset[int]
    """The axes of the tensor over which the elements are scattered."""
    size: int
    span: tuple[int, int]
    """What they see together."""
    made: str
    """The step that moved them: fields from one such step lie at the same places."""
    bound: bool


_Track: TypeAlias = _Moving | _Scattered
_Axis: TypeAlias = tuple[str, int]
"""An axis of an input of the network."""
_LONGEST = 4096
"""The most fields that are kept before they repeat."""
_MOST_COMPARED = 2**20
"""Positions whose fields are looked at in a network, about a second: behind upsampling fields repeat late, and where that is
later and later, what is said from there on is a bound."""


MOST_FIELDS = 500_000
"""Fields that layers read, one for each axis of each input that what they read depends on; a second."""


class _Work:
    """How many positions may still be looked at."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, positions: int) -> bool:
        """Whether so many may, which are then counted."""
        enough = positions <= self.left
        self.left -= positions * enough
        return enough


def receptive_fields(walked: Walked) -> Mapping[str, Fields]:
    """The receptive field of each layer's (first) output, by the layer's name; raises `UsageError` where there are too many.

    VGG-16 up to its last pool, five times 2 or 3 convolutions of 3×3 and a pool of 2×2:
    6, 16, 44, 100 and 212 positions.

    >>> from convcost import load
    >>> receptive_fields(load("vgg16").walked)["stage5.pool"]["input"][0]
    Field(size=212, jump=Fraction(32, 1), start=-90, bound=False, period=1)
    """
    sizes = {name: _positions(shape) for name, shape in walked.inputs.items()}
    most = max(map(len, sizes.values()), default=0)
    own = [_Moving(axis, 1, ((0, 1),), False) for axis in range(most)]  # of all inputs: what is alike is followed once
    seen: dict[str, dict[_Axis, _Track]] = {
        name: {(name, axis): own[axis] for axis in range(len(sizes[name]))} for name in sizes
    }
    places = {name: place for place, name in enumerate(sizes)}
    found: dict[str, Fields] = {}
    work, read = _Work(_MOST_COMPARED), 0
    for step in walked.steps:
        read += sum(len(seen.get(edge, ())) for edge in step.node.inputs)
        if read > MOST_FIELDS:
            raise UsageError(
                f"layers depend on too many of the {exact(len(sizes))} inputs for their receptive fields: up to {step.node.name} "
                f"they read more than {exact(MOST_FIELDS)}, each along one axis of one input"
            )
        tracks = _tracks(step, seen, sizes, work)
        for edge in output_edges(step.node, step.cost):
            seen[edge] = tracks
        fields = {id(track): _field(track) for track in tracks.values()}
        found[step.node.name] = {
            name: tuple(fields[id(tracks[name, axis])] for axis in range(len(sizes[name])))
            for name in sorted({name for name, _ in tracks}, key=places.__getitem__)
        }
    return found


def _positions(shape: Sequence[int]) -> Sequence[int]:
    """The sizes of the axes of an input that have positions: all but the channels; the numbers of a vector stand along one."""
    return shape[:-1] if len(shape) > 1 else shape


def _tracks(
    step: Step, seen: Mapping[str, Mapping[_Axis, _Track]], sizes: Mapping[str, Sequence[int]], work: _Work
) -> dict[_Axis, _Track]:
    """What a step sees along each axis of each input that it depends on."""
    try:
        ways: Sequence[Route | None] = routes(step)
    except NotLocal:
        ways = [None] * len(step.node.inputs)
    read: dict[_Axis, list[tuple[int, _Track]]] = {}
    for place, edge in enumerate(step.node.inputs):
        for key, track in seen.get(edge, {}).items():
            read.setdefault(key, []).append((place, track))
    found: dict[_Axis, _Track] = {}
    known: dict[tuple[int, ...], _Track] = {}
    one: dict[_Track, _Track] = {}  # of equal ones, so that what follows is followed once for all of them
    for key, tracks in read.items():
        size = sizes[key[0]][key[1]]
        alike = (size, *(part for place, track in tracks for part in (place, id(track))))
        if alike not in known:
            each = [
                _through(track, ways[place], step.input_shapes[place], size, step.node.name, work)
                for place, track in tracks
            ]
            met = _met(each, step, size, work)
            known[alike] = one.setdefault(met, met)
        found[key] = known[alike]
    return found


def _met(tracks: Sequence[_Track], step: Step, size: int, work: _Work) -> _Track:
    """What a step sees by all that it reads."""
    if step.traits.joins and any(isinstance(track, _Scattered) for track in tracks):
        return _side_by_side(tracks, step, size, work)
    return _joined(tracks, step.cost.out[0] if step.cost.out else (), size, work)


def _side_by_side(tracks: Sequence[_Track], step: Step, size: int, work: _Work) -> _Track:
    """Of moved elements that are concatenated: along an axis of positions each element is of one branch."""
    out, shape = step.cost.out[0], step.input_shapes[0]
    at = position(len(shape), step.node.attrs["axis"])
    if at is None or at == len(shape) - 1 > 0:
        return _joined(tracks, out, size, work)
    spans = [_together(track, out, size) for track in tracks]
    sizes = [track.size if isinstance(track, _Scattered) else _largest(track) for track in tracks]
    axes = frozenset({at}).union(*(track.axes for track in tracks if isinstance(track, _Scattered)))
    return _Scattered(axes, max(sizes), _widest(spans), step.node.name, any(track.bound for track in tracks))


def _largest(track: _Moving) -> int:
    return max(stop - first for first, stop in track.spans)


def _through(track: _Track, way: Route | None, shape: Sequence[int], size: int, name: str, work: _Work) -> _Track:
    """What is seen through one input of a step; `shape` is that input's, `size` that of the axis of the network's input."""
    if isinstance(track, _Moving) and track.axis is None:
        return track
    if way is None:
        return _constant(_together(track, shape, size), bound=True)
    return _moved(track, way, name) if isinstance(track, _Scattered) else _along(track, way, shape, size, name, work)


def _moved(track: _Scattered, way: Route, name: str) -> _Track:
    """Elements that stand anywhere, and go on as they are, or are read all, or in part, of which nothing more is known."""
    reads = [way.reads[axis] for axis in track.axes]
    if not all(read.same for read in reads):
        return _constant(track.span, bound=track.bound or not all(read.whole for read in reads))
    to = frozenset(place for axis in track.axes for place in _places(way.to[axis]))
    again = any(isinstance(way.to[axis], frozenset) for axis in track.axes)
    return track._replace(axes=to, made=name if again else track.made)


def _along(track: _Moving, way: Route, shape: Sequence[int], size: int, name: str, work: _Work) -> _Track:
    """Fields that move along an axis, which is read by a window, or whole, or whose elements are moved."""
    axis = track.axis or 0
    read, to = way.reads[axis], way.to[axis]
    if read.whole:
        return _constant(_together(track, shape, size), bound=track.bound)
    if not isinstance(to, frozenset):
        return _composed(track, read, to, shape, size, work)
    if shape[axis] == 1:
        return _constant(track.at(0), bound=track.bound)
    return _Scattered(to, _largest(track), _together(track, shape, size), name, track.bound)


def _places(to: int | frozenset[int]) -> frozenset[int]:
    return to if isinstance(to, frozenset) else frozenset({to})


def _constant(span: tuple[int, int], *, bound: bool) -> _Moving:
    return _Moving(None, 0, (span,), bound)


def _together(track: _Track, shape: Sequence[int], size: int) -> tuple[int, int]:
    """What all positions of a tensor see together, of the input itself."""
    if isinstance(track, _Scattered):
        return track.span
    last = 0 if track.axis is None else shape[track.axis] - 1
    near = len(track.spans)
    ends = [track.at(at) for at in (*range(min(near, last + 1)), *range(max(0, last + 1 - near), last + 1))]
    return max(0, min(first for first, _ in ends)), min(size, max(stop for _, stop in ends))


def _composed(track: _Moving, read: Reads, to: int, shape: Sequence[int], size: int, work: _Work) -> _Track:
    """The fields of an output that reads positions of the input by a window."""
    period = len(track.spans)
    if read.stride == 0:
        return _constant(_hull(track, read, 0), bound=track.bound)
    common = gcd(period * read.scale, read.stride)
    spans = period * read.scale // common
    # What each of them costs: the ends of the positions that it reads, and to be kept and compared itself.
    if spans > _LONGEST or (spans > 1 and not work.take(spans * (2 + min(len(read.taps(0)), 2 * period)))):
        wide = _largest(track) + abs(track.shift)
        return _Scattered(frozenset({to}), wide, _together(track, shape, size), "", bound=True)
    found = [_hull(track, read, at) for at in range(spans)]
    return _Moving(to, track.shift * (read.stride // common), tuple(found), track.bound)


def _hull(track: _Moving, read: Reads, at: int) -> tuple[int, int]:
    """What one position of an output sees; nothing where it reads none."""
    taps, near = read.taps(at), len(track.spans)
    if not taps:
        first, _ = track.at(at * read.stride // read.scale)
        return first, first
    ends = taps if len(taps) <= 2 * near else (*taps[:near], *taps[-near:])
    return _widest([track.at(tap) for tap in ends])


def _joined(tracks: Sequence[_Track], out: Sequence[int], size: int, work: _Work) -> _Track:
    """What one branch or another sees."""
    first, *others = tracks
    if all(other == first for other in others):
        return first
    wholes = [
        track for track in tracks if isinstance(track, _Moving) and track.axis is None and track.spans[0] == (0, size)
    ]
    if wholes:
        return min(wholes, key=lambda track: track.bound)
    moving = [track for track in tracks if isinstance(track, _Moving)]
    axes = {track.axis for track in moving} - {None}
    period = lcm(*(len(track.spans) for track in moving))
    followed = period == 1 or (period <= _LONGEST and work.take(period * len(moving)))
    if len(moving) < len(tracks) or len(axes) > 1 or not followed:
        spans = [_together(track, out, size) for track in tracks]
        whole = min(span[0] for span in spans), max(span[1] for span in spans)
        return _constant(whole, bound=True)
    (axis,) = axes or {None}
    ahead = {track.shift * (period // len(track.spans)) for track in moving}
    bound = any(track.bound for track in moving)
    if len(ahead) == 1:
        each = [[track.at(at) for track in moving] for at in range(period)]
        return _Moving(axis, ahead.pop(), tuple(map(_widest, each)), bound)
    return _enclosing(moving, period, 1 if axis is None else out[axis])


def _widest(spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """What holds all of them; those in which there is nothing do not count, unless all are so."""
    some = [span for span in spans if span[0] < span[1]] or spans
    return min(first for first, _ in some), max(stop for _, stop in some)


def _enclosing(tracks: Sequence[_Moving], period: int, positions: int) -> _Moving:
    """Fields of the first branch that moves, made so much larger that at each position they hold those of all.

    Differences grow evenly, so that they are largest at an end.
    """
    of = next(track for track in tracks if track.axis is not None)
    near = min(period, positions)
    ends = {*range(near), *range(positions - near, positions)}
    before = after = 0
    for at in ends:
        first, stop = of.at(at)
        low, high = _widest([track.at(at) for track in tracks])
        before, after = max(before, first - low), max(after, high - stop)
    spans = tuple((first - before, stop + after) for first, stop in of.spans)
    return of._replace(spans=spans, bound=True)


def _field(track: _Track) -> Field:
    if isinstance(track, _Scattered):
        return Field(track.size, None, None, track.bound, None)
    jump = Fraction(track.shift, len(track.spans))
    return Field(_largest(track), jump, track.spans[0][0], track.bound, _period(track))


def _period(track: _Moving) -> int:
    """After how many positions fields repeat; they may do so before the spans that are kept end."""
    spans = len(track.spans)
    for each in range(1, spans):
        ahead, rest = divmod(track.shift * each, spans)
        if (
            spans % each == 0
            and not rest
            and all(
                track.at(at + each) == (first + ahead, stop + ahead) for at, (first, stop) in enumerate(track.spans)
            )
        ):
            return each
    return spans
