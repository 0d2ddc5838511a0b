"""A layered layout: boxes in ranks along the flow, branches side by side, skips beside the boxes that they pass.

Everything here is along the flow and across it; which of the two is horizontal is the caller's choice.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import NamedTuple

from convcost.core.errors import UsageError
from convcost.core.units import exact

Point = tuple[float, float]
"""Along, across."""
MOST_PASSED = 50_000
"""Ranks that the links of one picture lead past, or end at."""
_SWEEPS = 8
_ROUNDS, _PUSHES = 120, 6
_TRACK = 6.0
"""Distance of lines beside each other."""
_FEW = 2
"""Lines of a box that may end at its sides; more come together before it, around its middle."""
_HEAD = 9.0
"""What the head of an arrow takes."""
_LINE = 7.0
"""What a line takes across, to each side."""


class Spot(NamedTuple):
    """What a box takes, from its middle."""

    core: float
    """The box itself along the flow, to each side."""
    full: float
    """The same with its labels."""
    reach: float
    """Along the flow, ahead: the box and the size of its tensor."""
    before: float
    """Across, to the low side, labels included."""
    after: float
    """Across, to the high side."""
    edge: float
    """The box itself across, to each side."""


class Style(NamedTuple):
    """Distances of a layout."""

    gap: float
    """Along, between boxes with their labels."""
    need: float
    """Along, between boxes without: room for an arrow and the size of its tensor."""
    apart: float
    """Across, between boxes of one rank."""
    low_only: bool = False
    """Whether lines may enter and leave boxes only at the low side, because labels are at the other."""
    main: bool = False
    """Whether the longest way runs straight even where branches could be set symmetrically."""


@dataclass(frozen=True)
class Laid:
    """Where the boxes are, and how each link runs."""

    along: tuple[float, ...]
    across: tuple[float, ...]
    routes: tuple[tuple[Point, ...], ...]
    ranks: tuple[int, ...]


@dataclass
class _Net:
    """Boxes and, numbered after them, the places where links pass a rank."""

    ranks: list[int]
    spots: list[Spot]
    real: int
    ways: list[list[int]]
    sources: dict[int, int] = field(default_factory=dict)
    """Of each place that a link passes, the box that it comes from."""
    """Each link as the numbers that it goes through."""
    after: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    before: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    rows: list[list[int]] = field(default_factory=list)


def ranked(count: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """The rank of each box: after all that it reads, and what reads nothing right before its reader.

    >>> ranked(4, [(0, 1), (1, 2), (3, 2)])
    [0, 1, 2, 1]
    """
    after: dict[int, list[int]] = defaultdict(list)
    waits = [0] * count
    for source, target in links:
        after[source].append(target)
        waits[target] += 1
    sources = {at for at in range(count) if not waits[at]}
    ranks, ready = [0] * count, sorted(sources)
    for at in ready:
        for target in after[at]:
            ranks[target] = max(ranks[target], ranks[at] + 1)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    for at in sources:
        if after[at]:
            ranks[at] = min(ranks[target] for target in after[at]) - 1
    return ranks


def layered(
    spots: Sequence[Spot], links: Sequence[tuple[int, int]], style: Style, lanes: Sequence[int] | None = None
) -> Laid:
    """Places for boxes, with each link as a line of right angles that crosses no box but its own ends.

    The links must not go in circles. `lanes` fixes the place of each box across. Raises `UsageError` for too many places.
    """
    net = _net(spots, links, style)
    if lanes is None:
        _ordered(net, style)
        across = _across(net, style)
    else:
        across = _in_lanes(net, lanes, style)
    pieces = _pieces(net, across, style)
    along, tracks = _along(net, across, pieces, style, in_lanes=lanes is not None)
    routes = [_route(way, net, along, across, tracks, pieces) for way in net.ways]
    return Laid(
        tuple(along[net.ranks[at]] for at in range(net.real)),
        tuple(across[: net.real]),
        tuple(routes),
        tuple(net.ranks[: net.real]),
    )


def _net(spots: Sequence[Spot], links: Sequence[tuple[int, int]], style: Style) -> _Net:
    """Links that pass ranks go through places of their own there, one for all links of a box."""
    ranks = ranked(len(spots), links)
    passed = sum(ranks[target] - ranks[source] for source, target in links)
    if passed > MOST_PASSED:
        raise UsageError(
            f"lines that lead past {exact(passed)} ranks of boxes are too many for a picture; the most is {exact(MOST_PASSED)}: "
            "with a smaller --depth, and less of --unfold, boxes are fewer"
        )
    net = _Net(ranks, list(spots), len(spots), [])
    passing: dict[tuple[int, int], int] = {}
    line = Spot(0, 0, 0, _LINE, _LINE, 0)
    for source, target in links:
        way = [source]
        for rank in range(ranks[source] + 1, ranks[target]):
            if (source, rank) not in passing:
                passing[source, rank] = len(net.spots)
                net.sources[len(net.spots)] = source
                net.spots.append(line)
                ranks.append(rank)
            way.append(passing[source, rank])
        way.append(target)
        net.ways.append(way)
    for a, b in dict.fromkeys(pair for way in net.ways for pair in pairwise(way)):
        net.after[a].append(b)
        net.before[b].append(a)
    net.rows = [[] for _ in range(max(ranks, default=0) + 1)]
    lines = list(range(net.real, len(net.spots)))
    for at in [*lines, *range(net.real)] if style.low_only else [*range(net.real), *lines]:
        net.rows[ranks[at]].append(at)
    return net


def _ordered(net: _Net, style: Style) -> None:
    """Order the ranks by the means of their neighbours, back and forth, and keep the order with the fewest crossings."""
    del style
    best, least = [list(row) for row in net.rows], _crossings(net)
    place = {at: n for row in net.rows for n, at in enumerate(row)}
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        beside = net.before if down else net.after
        for row in net.rows if down else net.rows[::-1]:
            mean = {
                at: sum(place[other] for other in beside[at]) / len(beside[at]) if beside[at] else float(place[at])
                for at in row
            }
            row.sort(key=mean.__getitem__)
            place.update((at, n) for n, at in enumerate(row))
        if (crossings := _crossings(net)) < least:
            best, least = [list(row) for row in net.rows], crossings
    net.rows = best


def _crossings(net: _Net) -> int:
    count = 0
    for above, below in pairwise(net.rows):
        place = {at: n for n, at in enumerate(below)}
        before: list[int] = []
        for a in above:
            ends = [place[b] for b in net.after[a]]
            count += sum(len(before) - bisect_right(before, end) for end in ends)
            for end in ends:
                insort(before, end)
    return count


def _across(net: _Net, style: Style) -> list[float]:
    """Places across: what lies on one straight way has one place, and each is as near the middle of its neighbours as can be."""
    straight = _straight(net, style)
    order, crossing = _sequence(net, straight)
    while crossing:
        straight = _loosened(net, straight, crossing)
        order, crossing = _sequence(net, straight)
    apart = _constraints(net, straight, style)
    beside: dict[int, list[int]] = {at: [] for at in order}
    for a, others in net.after.items():
        for b in others:
            if straight[a] != straight[b]:
                beside[straight[a]].append(straight[b])
                beside[straight[b]].append(straight[a])
    near = {at: others for at, others in beside.items() if others}
    place = dict.fromkeys(order, 0.0)
    for _ in range(_ROUNDS):
        wanted = {at: sum(place[one] for one in others) / len(others) for at, others in near.items()}
        for at, middle in wanted.items():
            place[at] += (middle - place[at]) / 2
        _pushed(place, apart)
    rank = {at: n for n, at in enumerate(order)}
    for (a, b), room in sorted(apart.items(), key=lambda item: rank[item[0][0]]):
        place[b] = max(place[b], place[a] + room)
    _settled(place, apart, near)
    return [round(place[straight[at]] * 2) / 2 for at in range(len(net.spots))]


def _settled(place: dict[int, float], apart: dict[tuple[int, int], float], near: dict[int, list[int]]) -> None:
    """Move what still has room right to the middle of its neighbours."""
    lows: dict[int, list[tuple[int, float]]] = defaultdict(list)
    highs: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for (a, b), room in apart.items():
        lows[b].append((a, room))
        highs[a].append((b, room))
    for at, others in near.items():
        low = max((place[a] + room for a, room in lows[at]), default=-inf)
        high = min((place[b] - room for b, room in highs[at]), default=inf)
        place[at] = max(low, min(high, sum(place[one] for one in others) / len(others)))


def _pushed(place: dict[int, float], apart: dict[tuple[int, int], float]) -> None:
    """Push what is too near apart, both by the same, a few times."""
    pairs = list(apart.items())
    for turn in range(_PUSHES):
        for (a, b), room in pairs if turn % 2 else reversed(pairs):
            lacking = place[a] + room - place[b]
            if lacking > 0:
                place[a] -= lacking / 2
                place[b] += lacking / 2


def _straight(net: _Net, style: Style) -> list[int]:
    """A number for each place, equal along a straight way: of chains, of what passes ranks, and of the longest branch."""
    length = [0] * len(net.spots)
    for row in net.rows[::-1]:
        for at in row:
            length[at] = 1 + max((length[b] for b in net.after[at] if b < net.real), default=0)
    came = [0] * len(net.spots)
    for row in net.rows:
        for at in row:
            came[at] = 1 + max((came[a] for a in net.before[at] if a < net.real), default=0)
    group = list(range(len(net.spots)))
    backwards = [_best(net.before[at], net, came, style, at) for at in range(len(net.spots))]
    for row in net.rows:
        for at in row:
            following = _best(net.after[at], net, length, style, at)
            if following is not None and backwards[following] == at:
                group[following] = group[at]
    return group


def _best(choices: Sequence[int], net: _Net, length: Sequence[int], style: Style, at: int) -> int | None:
    """The neighbour that the way goes straight on to, if there is one."""
    boxes = [one for one in choices if one < net.real]
    if at >= net.real:
        lines = [one for one in choices if one >= net.real]
        return lines[0] if lines else (boxes[0] if len(boxes) == 1 else None)
    if not boxes or (len(choices) > _FEW and not style.main):
        return choices[0] if len(choices) == 1 else None
    if len(boxes) == 1:
        return boxes[0]
    best = max(boxes, key=lambda one: length[one])
    ties = sum(length[one] == length[best] for one in boxes)
    if style.main or (len(boxes) == 2 and ties == 1):
        return best
    return None


def _sequence(net: _Net, straight: Sequence[int]) -> tuple[list[int], set[int]]:
    """The straight ways from the low side to the high one, and those that wait for each other because they cross."""
    after: dict[int, set[int]] = defaultdict(set)
    waits = dict.fromkeys(straight, 0)
    for row in net.rows:
        for a, b in pairwise(straight[at] for at in row):
            if b not in after[a]:
                after[a].add(b)
                waits[b] += 1
    ready = [at for at in waits if not waits[at]]
    for at in ready:
        for other in sorted(after[at]):
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    return ready, set(waits).difference(ready)


def _loosened(net: _Net, straight: Sequence[int], among: set[int]) -> list[int]:
    """The longest of some straight ways cut in two."""
    members: dict[int, list[int]] = defaultdict(list)
    for at, group in enumerate(straight):
        if group in among:
            members[group].append(at)
    _, longest = max((len(those), those) for those in members.values())
    longest.sort(key=net.ranks.__getitem__)
    found = list(straight)
    for at in longest[len(longest) // 2 :]:
        found[at] = longest[len(longest) // 2]
    return found


def _constraints(net: _Net, straight: Sequence[int], style: Style) -> dict[tuple[int, int], float]:
    apart: dict[tuple[int, int], float] = {}
    for row in net.rows:
        for a, b in pairwise(row):
            lines = (a >= net.real) + (b >= net.real)
            room = net.spots[a].after + net.spots[b].before + (style.apart if not lines else 4 * (2 - lines))
            key = straight[a], straight[b]
            apart[key] = max(apart.get(key, 0.0), room)
    return apart


def _in_lanes(net: _Net, lanes: Sequence[int], style: Style) -> list[float]:
    """Places across where each box has its lane; links stay in the lane of the box that they come from."""
    lane = list(lanes) + [0] * (len(net.spots) - net.real)
    for way in net.ways:
        for at in way[1:-1]:
            lane[at] = lane[way[0]]
    highs: dict[int, float] = defaultdict(float)
    lows: dict[int, float] = defaultdict(float)
    for at, spot in enumerate(net.spots):
        lows[lane[at]] = max(lows[lane[at]], spot.before)
        highs[lane[at]] = max(highs[lane[at]], spot.after)
    place: dict[int, float] = {}
    low = 0.0
    for number in sorted(lows):
        place[number] = low + lows[number]
        low += lows[number] + highs[number] + style.apart
    for row in net.rows:
        row.sort(key=lambda at: lane[at])
    return [place[number] for number in lane]


class _Sides(NamedTuple):
    """Of which links the first piece leaves, and the last one enters, at the side of a box."""

    leaves: frozenset[tuple[int, int]]
    enters: frozenset[tuple[int, int]]


def _pieces(net: _Net, across: Sequence[float], style: Style) -> _Sides:
    leaves, enters = set(), set()
    for way in net.ways:
        if len(way) == 2:
            continue
        many_out, many_in = (len(net.after[way[0]]), len(net.before[way[-1]]))
        if (style.low_only or many_out <= _FEW) and _is_free(net, way[0], way[1], across, style):
            leaves.add((way[0], way[1]))
        if (style.low_only or many_in <= _FEW) and _is_free(net, way[-1], way[-2], across, style):
            enters.add((way[-2], way[-1]))
    return _Sides(frozenset(leaves), frozenset(enters))


def _is_free(net: _Net, box: int, line: int, across: Sequence[float], style: Style) -> bool:
    """Whether a line can run straight across from the side of a box to a place beside it."""
    to = across[line]
    spot, at = net.spots[box], across[box]
    if at - spot.before <= to <= at + spot.after or (style.low_only and to > at):
        return False
    low, high = min(at, to) - 3, max(at, to) + 3
    for other in net.rows[net.ranks[box]]:
        if other == box or net.sources.get(other) == net.sources[line]:
            continue
        if across[other] - net.spots[other].before < high and across[other] + net.spots[other].after > low:
            return False
    return True


_Tracks = dict[tuple[int, int], float]
"""Two places of neighbouring ranks -> where along the flow the line between them goes across."""


def _along(
    net: _Net, across: Sequence[float], sides: _Sides, style: Style, *, in_lanes: bool
) -> tuple[list[float], _Tracks]:
    """The place of each rank along the flow, and of the lines that go across between them.

    In lanes, labels of one rank may stand over boxes of the next one.
    """
    along: list[float] = [0.0]
    tracks: _Tracks = {}
    lanes: dict[float, float] = {}
    for rank, (row, following) in enumerate(pairwise(net.rows)):
        # In lanes, a line down passes the labels of the box that it comes from, a line up those of where it goes.
        down = not in_lanes or _middle(row, net, across) < _middle(following, net, across)
        up = not in_lanes or _middle(row, net, across) > _middle(following, net, across)
        levels = _levels(_jogs(row, net, across, sides), across)
        count = max(levels.values(), default=-1) + 1
        start, reach = along[rank], _most(row, net, "reach")
        core, next_core = _most(row, net, "core"), _most(following, net, "core")
        full, next_full = _most(row, net, "full" if down else "core"), _most(following, net, "full" if up else "core")
        far = start + full + style.gap + next_full
        if count:
            first = start + max(full, reach)
            room = max(style.gap, _TRACK * (count + 1))
            for pair, level in levels.items():
                tracks[pair] = first + room * (level + 1) / (count + 1)
            far = first + room + next_full
        far = max(far, start + core + style.need + next_core, start + reach + _HEAD + next_core)
        if in_lanes:
            for at in (at for at in row if at < net.real):
                lanes[across[at]] = start + net.spots[at].full + style.gap
            beside = [lanes.get(across[at], 0.0) + net.spots[at].full for at in following if at < net.real]
            far = max([far, *beside])
        along.append(round(far * 2) / 2)
    return along, tracks


def _middle(row: Sequence[int], net: _Net, across: Sequence[float]) -> float:
    """The place across of the boxes of a rank."""
    return sum(across[at] for at in row if at < net.real) / max(1, sum(at < net.real for at in row))


def _most(row: Sequence[int], net: _Net, name: str) -> float:
    return max((float(getattr(net.spots[at], name)) for at in row), default=0.0)


def _jogs(row: Sequence[int], net: _Net, across: Sequence[float], sides: _Sides) -> list[tuple[int, int]]:
    return [
        (a, b)
        for a in row
        for b in net.after[a]
        if across[a] != across[b] and (a, b) not in sides.leaves and (a, b) not in sides.enters
    ]


def _levels(jogs: Sequence[tuple[int, int]], across: Sequence[float]) -> dict[tuple[int, int], int]:
    """Lines across that would lie on each other get levels of their own; those of one box stay together."""
    groups: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pair in jogs:
        groups[pair[0]].append(pair)
    sole: dict[int, list[int]] = defaultdict(list)
    for source, pairs in groups.items():
        if len(pairs) == 1:
            sole[pairs[0][1]].append(source)
    bundles = [[pair for source in sources for pair in groups.pop(source)] for sources in sole.values()]
    bundles += groups.values()
    taken: list[list[tuple[float, float]]] = []
    levels = {}
    for bundle in sorted(bundles, key=lambda pairs: min(min(across[a], across[b]) for a, b in pairs)):
        ends = [across[at] for pair in bundle for at in pair]
        low, high = min(ends) - _TRACK, max(ends) + _TRACK
        for level, intervals in enumerate([*taken, []]):
            if all(high <= start or end <= low for start, end in intervals):
                if level == len(taken):
                    taken.append([])
                taken[level].append((low, high))
                levels.update(dict.fromkeys(bundle, level))
                break
    return levels


_SHIFT = 5.0
"""Along the flow, between a line that enters at the side of a box and one that leaves there."""


def _route(
    way: Sequence[int], net: _Net, along: Sequence[float], across: Sequence[float], tracks: _Tracks, sides: _Sides
) -> tuple[Point, ...]:
    """The corners of a link."""
    points: list[Point] = []

    def go(a: float, b: float) -> None:
        if not points or points[-1] != (a, b):
            points.append((a, b))

    both = {one for one, _ in sides.leaves} & {one for _, one in sides.enters}
    for a, b in pairwise(way):
        here, there = along[net.ranks[a]], along[net.ranks[b]]
        if a == way[0]:
            if (a, b) in sides.leaves:
                at = here + (_SHIFT if a in both else 0)
                edge = net.spots[a].edge
                go(at, across[a] + (edge if across[b] > across[a] else -edge))
                go(at, across[b])
            else:
                go(here + net.spots[a].core, across[a])
        if (a, b) in sides.enters:
            at = there - (_SHIFT if b in both else 0)
            edge = net.spots[b].edge
            go(at, across[a])
            go(at, across[b] + (edge if across[a] > across[b] else -edge))
            continue
        if (a, b) in tracks:
            go(tracks[a, b], across[a])
            go(tracks[a, b], across[b])
        if b == way[-1]:
            go(there - net.spots[b].core, across[b])
    return _straightened(points)


def _straightened(points: Sequence[Point]) -> tuple[Point, ...]:
    """Without corners that are none."""
    found = [points[0]]
    for before, here, after in zip(points, points[1:], points[2:]):
        if not (before[0] == here[0] == after[0] or before[1] == here[1] == after[1]):
            found.append(here)
    return (*found, points[-1])
