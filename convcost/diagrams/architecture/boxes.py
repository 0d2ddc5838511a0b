"""Which parts of a network are boxes: a row of stages, and each repeated block once, at most forty in all."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from convcost.core.dims import Shape
from convcost.core.errors import UsageError, did_you_mean
from convcost.diagrams.architecture.parts import LONGEST_PERIOD, Part, Wiring, folded, group, outline, stem, tree
from convcost.diagrams.architecture.valley import positions, valley

MOST = 40
"""Boxes of a picture for which nobody asked for more."""
_EVERYTHING = 16
"""A network that comes to so many boxes is drawn unit by unit."""
_FEWEST = 6
"""A row of fewer boxes says too little; it is unfolded."""
_WELL_FILLED = 18
"""Up to so many boxes, scopes of which nothing is drawn are opened in the row."""
_LONGEST = 24
"""A row of more boxes is folded, so that room is left for the blocks."""
_CELL = 10
"""Inside a block, scopes are unfolded as long as it has no more boxes."""
_WORTH = 0.06
"""A block is drawn if it has this share of the cost, or of the units."""
_CELLS = 4

Link = tuple[int, int, Shape]
"""From which box, to which, and the shape of the tensor."""


@dataclass(frozen=True)
class Scene:
    """Boxes by number and the tensors between them; the first ones are what is given from outside."""

    given: tuple[tuple[str, Shape], ...]
    """Name and shape of each tensor that comes from outside."""
    parts: tuple[Part, ...]
    links: tuple[Link, ...]
    """Numbers count the given tensors first, then the parts."""
    ends: tuple[int, ...]
    """The boxes whose tensors leave."""


@dataclass(frozen=True)
class Cell:
    """A kind of block, drawn once."""

    letter: str
    name: str
    shown: Part
    """The one whose sizes are drawn."""
    places: tuple[Part, ...]
    """All of its kind."""
    scene: Scene


@dataclass(frozen=True)
class Chosen:
    """What is drawn."""

    wired: Wiring
    root: Part
    row: Scene
    cells: tuple[Cell, ...]

    @property
    def letters(self) -> Mapping[tuple[int, ...], str]:
        """The units of each place of a drawn block -> its letter."""
        return {place.units: cell.letter for cell in self.cells for place in cell.places}


SQUARE = re.compile(r"\b(?!1×)(\d+)×\1\b")
"""The kernel of a block may be larger in some stages; 1×1 is something else."""
Weigh = Callable[[int], float]
"""The share of a unit in the network's cost."""


def choose(
    wired: Wiring, weigh: Weigh, *, depth: int | None = None, unfold: Sequence[str] = (), most: int = MOST
) -> Chosen:
    """The boxes of a picture: scopes down to a depth, or as many as say enough; `unfold` are scopes to show inside.

    Raises `UsageError` for a scope that does not exist.
    """
    root = tree(wired)
    row: list[Part] = []
    if wired.units:  # else the network is its input
        row = _at_depth(root, wired, depth) if depth else _row(root, wired)
    for name in unfold:
        row = _unfolded(row, name, root, wired)
    row = _acyclic(row, wired)
    if not depth and not unfold:
        row = _pooled(row, wired)
    scene = linked(row, wired, wired.inputs)
    left = most - len(row) - len(wired.inputs)
    cells = _cells(row, wired, weigh, left)
    if not depth and not unfold:
        more = _acyclic(_filled(row, cells, wired, left - sum(len(cell.scene.parts) for cell in cells)), wired)
        scene = linked(more, wired, wired.inputs)
    return Chosen(wired, root, scene, tuple(cells))


def _filled(row: Sequence[Part], cells: Sequence[Cell], wired: Wiring, left: int) -> list[Part]:
    """The row with large scopes opened in which nothing is drawn yet, as long as there is room."""
    shown = {unit for cell in cells for place in cell.places for unit in place.units}
    found: list[Part] = []
    for at, part in enumerate(row):
        inner = _at_depth(part.first, wired, 1)
        more = len(inner) - 1
        large = 10 * len(part.units) > len(wired.units) and shown.isdisjoint(part.units)
        fits = more <= left and len(found) + len(inner) + len(row) - at - 1 <= _WELL_FILLED
        if large and fits and not part.is_unit and not part.is_run:
            found += inner
            left -= more
        else:
            found.append(part)
    return found


def exactly(wired: Wiring) -> Callable[[Part], Hashable]:
    """Equal for parts with the same ops, wired alike, that make tensors of the same shapes."""
    return lambda part: outline(part, wired, lambda unit: (wired.units[unit].text, wired.out(unit)))


def _roughly(wired: Wiring) -> Callable[[Part], Hashable]:
    return lambda part: (outline(part, wired, lambda unit: wired.kinds[unit]), wired.out(part.units[-1]))


def kind_of(part: Part, wired: Wiring) -> Hashable:
    """Equal for blocks of one kind: the same ops, wired alike, whatever their sizes, strides and activations."""
    return outline(part, wired, lambda unit: SQUARE.sub("k×k", wired.units[unit].anchor.kind))


def _at_depth(part: Part, wired: Wiring, depth: int) -> list[Part]:
    """The parts after going in so many times; runs of parts that are alike are one."""
    found: list[Part] = []
    for run in folded(part.parts, wired, exactly(wired), LONGEST_PERIOD):
        inner = run.first
        if depth <= 1 or inner.is_unit or run.is_run:
            found.append(run)
        else:
            found += _at_depth(inner, wired, depth - 1)
    return found


def _row(root: Part, wired: Wiring) -> list[Part]:
    """The row of stages: every unit where these are few, else coarse, with what is nearly everything opened."""
    if len(root.units) <= _EVERYTHING:
        return _finest(root)
    finest = _at_depth(root, wired, len(root.units))
    if len(finest) <= _EVERYTHING:
        return finest
    found = _at_depth(root, wired, 1)
    while (big := _largest(found)) is not None:
        kind = kind_of(found[big], wired)
        alike = [part for part in found if not part.is_unit and not part.is_run and kind_of(part, wired) == kind]
        inner = {id(part): _at_depth(part, wired, 1) for part in alike}
        dominates = 2 * len(found[big].units) > len(root.units) or _leaving(found[big], wired) > 1
        more = sum(map(len, inner.values())) - len(alike)
        if len(found) + more > _LONGEST or (len(found) >= _FEWEST and not dominates):
            break
        found = [one for part in found for one in inner.get(id(part), [part])]
    return found if len(found) <= _LONGEST else _shortened(found, wired)


def _leaving(part: Part, wired: Wiring) -> int:
    """Maps of how many sizes are read from outside: the levels of a backbone."""
    own = set(part.units)
    read = [unit for unit in part.units if any(reader not in own for reader in wired.readers[unit])]
    return len({positions(wired.out(unit)) for unit in read})


def _finest(part: Part) -> list[Part]:
    return [part] if part.is_unit else [unit for inner in part.parts for unit in _finest(inner)]


def _largest(row: Sequence[Part]) -> int | None:
    """The scope with the most units, if there is one."""
    scopes = [at for at, part in enumerate(row) if not part.is_unit and not part.is_run]
    return max(scopes, key=lambda at: len(row[at].units), default=None)


def _shortened(row: list[Part], wired: Wiring) -> list[Part]:
    """A row that is not too long: roughly equal neighbours are one, then those of one map, then just neighbours."""
    row = folded(row, wired, _roughly(wired), LONGEST_PERIOD)
    if len(row) > _LONGEST:
        row = _by_map(row, wired)
    while len(row) > _LONGEST:
        step = -(-len(row) // _LONGEST)
        row = [group(row[at : at + step]) for at in range(0, len(row), step)]
    return row


def _by_map(row: Sequence[Part], wired: Wiring) -> list[Part]:
    groups: list[list[Part]] = []
    for part in row:
        if groups and positions(wired.out(part.units[-1])) == positions(wired.out(groups[-1][-1].units[-1])):
            groups[-1].append(part)
        else:
            groups.append([part])
    return [group(parts) for parts in groups]


def _unfolded(row: Sequence[Part], name: str, root: Part, wired: Wiring) -> list[Part]:
    """The row with one scope replaced by what it contains; raises `UsageError`."""
    wanted = tuple(name.split("."))
    found: list[Part] = []
    for part in row:
        inner = part.first
        inside = next((one for one in _scopes(part) if one.path == wanted), None)
        if inside is None:
            found.append(part)
        elif wanted in (part.path, inner.path):
            found += _at_depth(inner, wired, 1) if not part.is_run else [*_at_depth(inner, wired, 1), *part.parts[1:]]
        else:
            found += _unfolded(part.parts, name, root, wired)
    if len(found) == len(row):
        known = {".".join(one.path) for part in root.parts for one in _scopes(part)}
        if name in known:
            return found
        outer = [".".join(part.path) for part in root.parts if not part.is_unit]
        raise UsageError(f"there is no stage or block {name!r} to unfold{did_you_mean(name, outer, known)}")
    return found


def _scopes(part: Part) -> Iterator[Part]:
    """All scopes of a part, itself included, outermost first; runs are looked through."""
    if part.is_unit:
        return
    if not part.is_run:
        yield part
    for inner in part.parts:
        yield from _scopes(inner)


def _acyclic(row: list[Part], wired: Wiring) -> list[Part]:
    """The row with scopes opened until no two parts wait for each other."""
    while True:
        scene = linked(row, wired, wired.inputs)
        stuck = _in_circles(len(scene.given) + len(row), scene.links)
        wide = [at - len(scene.given) for at in stuck]
        wide = [at for at in wide if at >= 0 and not row[at].is_unit]
        if not wide:
            return row
        at = max(wide, key=lambda at: len(row[at].units))
        row[at : at + 1] = row[at].parts
        row.sort(key=lambda part: part.units[0])


def _pooled(row: list[Part], wired: Wiring) -> list[Part]:
    """The row of a U with each pool drawn with the stage that it leads to, as the arrow downwards of papers."""
    scene = linked(row, wired, wired.inputs)
    shapes = [*wired.inputs.values(), *(wired.out(part.units[-1]) for part in row)]
    if valley(shapes, [(source, target) for source, target, _ in scene.links]) is None:
        return row
    found: list[Part] = []
    for part in row:
        before = found[-1] if found else None
        if before is not None and before.is_unit and not wired.units[before.units[0]].anchor.traits.weighted:
            same = positions(wired.out(before.units[0])) == positions(wired.out(part.units[-1]))
            if same and wired.readers[before.units[0]] == (part.units[0],):
                found[-1] = replace(group([before, *(part.parts or [part])]), name=part.name, path=part.path)
                continue
        found.append(part)
    return found


def _in_circles(count: int, links: Sequence[Link]) -> list[int]:
    waits = [0] * count
    after = defaultdict(list)
    for source, target, _ in links:
        waits[target] += 1
        after[source].append(target)
    ready = [at for at in range(count) if not waits[at]]
    for at in ready:
        for target in after[at]:
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    return [at for at in range(count) if waits[at]]


def linked(parts: Sequence[Part], wired: Wiring, inputs: Mapping[str, Shape] | None = None) -> Scene:
    """Parts with the tensors between them; without `inputs`, those from outside the parts are given as they come."""
    owner = {unit: at for at, part in enumerate(parts) for unit in part.units}
    given: dict[int, tuple[str, Shape]] = {}
    if inputs is not None:
        given = {-1 - at: (name, shape) for at, (name, shape) in enumerate(inputs.items())}
    found: dict[tuple[int, int], Shape] = {}
    for at, part in enumerate(parts):
        for unit in part.units:
            for source, shape in wired.reads[unit]:
                if source not in owner and source not in given:
                    given[source] = ("", shape)
                if source not in owner or owner[source] != at:
                    found.setdefault((source if source not in owner else owner[source] + 10**9, at), shape)
    numbers = {source: number for number, source in enumerate(given)}
    count = len(given)
    links = tuple(
        (source - 10**9 + count if source >= 10**9 else numbers[source], target + count, shape)
        for (source, target), shape in found.items()
    )
    leaves = set(wired.outputs)
    inner = {unit for part in parts for unit in part.units}
    ends = [
        at + count
        for at, part in enumerate(parts)
        if any(unit in leaves or any(r not in inner for r in wired.readers[unit]) for unit in part.units)
    ]
    return Scene(tuple(given.values()), tuple(parts), links, tuple(ends))


def is_path(scene: Scene) -> bool:
    """Whether the parts follow each other without branch or skip."""
    count = len(scene.given)
    return len(scene.given) <= 1 and {(a, b) for a, b, _ in scene.links} == {
        (at, at + 1) for at in range(count - 1 if count else 0, count + len(scene.parts) - 1)
    }


def _cells(row: Sequence[Part], wired: Wiring, weigh: Weigh, left: int) -> list[Cell]:
    """The kinds of blocks worth drawing, those that repeat and have the largest share first, within so many boxes."""
    kinds: dict[Hashable, list[Part]] = defaultdict(list)
    for part in row:
        for scope in _scopes(part):
            kinds[kind_of(scope, wired)].append(scope)
    worth = {key: _worth(places, weigh, wired) for key, places in kinds.items()}
    able = [key for key, places in kinds.items() if worth[key] >= _WORTH and _is_block(places, wired)]
    outer = {key: _outer(kinds[key], [kinds[other] for other in able if other != key]) for key in able}
    worth = {key: _worth(places, weigh, wired) for key, places in outer.items()}
    wanted = [key for key in able if worth[key] >= _WORTH and (len(outer[key]) > 1 or len(kinds[key]) == 1)]
    ordered = sorted(wanted, key=lambda key: (len(outer[key]) == 1, -round(worth[key], 9)))
    found: list[Cell] = []
    for key in ordered:
        places = outer[key]
        shown = max(places, key=lambda place: sum(map(weigh, place.units)))
        scene = _inside(shown, wired, left)
        if scene is None or len(found) == _CELLS:
            continue
        found.append(Cell("", _named(places), shown, tuple(places), scene))
        left -= len(scene.parts)
    return sorted_by_place(found)


def _is_block(places: Sequence[Part], wired: Wiring) -> bool:
    """Whether a kind of scope is worth a drawing of its own: no row of blocks, and no chain of two or of which there is one."""
    parts = folded(places[0].parts, wired, exactly(wired), 3)
    scene = linked(parts, wired)
    straight = is_path(scene)
    if _is_row(scene):
        return False
    return not straight or (len(parts) > 2 and len(places) > 1)


def _is_row(scene: Scene) -> bool:
    """Whether its scopes follow each other, as blocks do in a stage."""
    count = len(scene.given)
    scopes = [at + count for at, part in enumerate(scene.parts) if not part.is_unit]
    joined = {(source, target) for source, target, _ in scene.links}
    return len(scopes) > 1 and all(pair in joined for pair in pairwise(scopes))


def _outer(places: Sequence[Part], others: Sequence[Sequence[Part]]) -> list[Part]:
    """The places that do not lie inside of blocks of other kinds."""
    around = [set(other.units) for kind in others for other in kind]
    return [place for place in places if not any(set(place.units) < outside for outside in around)]


def _letter(at: int) -> str:
    return "ABCDEFGH"[at]


def sorted_by_place(cells: Sequence[Cell]) -> list[Cell]:
    """Letters in the order in which the blocks first appear."""
    ordered = sorted(cells, key=lambda cell: cell.places[0].units[0])
    return [replace(cell, letter=_letter(at)) for at, cell in enumerate(ordered)]


def _worth(places: Sequence[Part], weigh: Weigh, wired: Wiring) -> float:
    """The larger of the shares of the cost and of the units that a kind of block has."""
    members = {unit for place in places for unit in place.units}
    return max(sum(map(weigh, members)), len(members) / len(wired.units))


def _inside(shown: Part, wired: Wiring, left: int) -> Scene | None:
    """A block's own boxes: its scopes unfolded where that stays small; None where it does not fit."""
    parts = folded(shown.parts, wired, exactly(wired), 3)
    while True:
        alike: dict[Hashable, list[int]] = defaultdict(list)
        for at, part in enumerate(parts):
            if not part.is_unit and not part.is_run:
                alike[kind_of(part, wired)].append(at)
        few = min(alike.values(), key=lambda places: len(parts[places[0]].parts), default=[])
        if not few or len(parts) + sum(len(parts[at].parts) - 1 for at in few) > min(_CELL, left):
            break
        for at in reversed(few):
            parts[at : at + 1] = parts[at].parts
    return linked(parts, wired) if len(parts) <= left else None


def _named(places: Sequence[Part]) -> str:
    names = [place.name for place in places]
    return stem(names) or stem([place.path[-1] for place in places]) or "block"
