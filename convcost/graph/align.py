"""Which part of one network stands for which part of another: aligned by what they are, never by name or number.

How to use it:

    old, new = items(one.walked), items(other.walked)   # graph/items.py: units as plain data, also from a file
    found = align(old, new)
    found.root                     # a tree of pairs: stages, in them blocks, in them units
    found.units                    # the units that stand for each other, as (old item, new item)
    found.at(1), found.at(2)       # stages, blocks: (old part, new part), None where there is no counterpart
    changes(found)                 # graph/changes.py: what differs, in words, with costs: "what grew"

Stages are aligned first, then the blocks of two stages that stand for each other, then the units of two blocks: as
sequences, by the bags of units in them, their feature-map sizes relative to the network's largest, and their channels.
Names decide only between what is otherwise alike. What stands in another order is found too (`Pair.moved`). The same two
networks always give the same answer, and in the other direction the mirror of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import log2
from typing import Any

from convcost.graph.items import Item
from convcost.graph.sequences import aligned, moved

_ALONE = 99
"""The level of what has no spatial extent any more."""
_ENOUGH = 250
"""How alike two parts must be to stand for each other, of about 1000."""
_FEW = 4
"""Units on both sides of a gap that are taken as replaced by each other."""


@dataclass(frozen=True)
class Part:
    """A stage, a block or a unit of one network: a node of the tree of its scopes."""

    name: str
    """The scopes joined by dots, or the name of its only unit."""
    path: tuple[str, ...]
    """Where it stands: the scopes around it and its own; of a unit without a scope of its own, its name at the end."""
    items: tuple[Item, ...] = field(hash=False)
    """Its units."""
    children: tuple[Part, ...] = field(hash=False)
    """What it consists of; none of a unit."""
    levels: tuple[int, int] = (0, 0)
    """How often the map that it reads, and the one that it makes, was halved."""

    @property
    def own_name(self) -> str:
        """Its name without that of what contains it."""
        return self.path[-1] if self.path else ""

    @property
    def is_unit(self) -> bool:
        """Whether it is a single unit."""
        return bool(self.items) and not self.children

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """What its authors chose, unit by unit."""
        return tuple(item.own for item in self.items)

    @cached_property
    def exact(self) -> tuple[Any, ...]:
        """The same with all shapes."""
        return tuple(item.exact for item in self.items)

    @cached_property
    def bags(self) -> tuple[Counter[Any], Counter[Any], Counter[Any]]:
        """Its units, more and more alike: as written, by core, by kind."""
        return (
            Counter(item.own for item in self.items),
            Counter(item.core for item in self.items),
            Counter(item.kind for item in self.items),
        )

    @cached_property
    def channels(self) -> int:
        """The channels that it makes; 0 if nobody knows."""
        made = self.items[-1].makes
        return made[-1] if made else 0


@dataclass(frozen=True)
class Pair:
    """A part of the old network and the part of the new one that stands for it; None where there is none."""

    old: Part | None
    new: Part | None
    children: tuple[Pair, ...] = ()
    """The pairs of what both consist of; none of units, and of what was added, removed, moved or replaced as a whole."""
    moved: bool = False
    """Whether they are the same, but stand in another order among what is beside them."""
    replaced: bool = False
    """Whether they have too little in common to be compared, but stand in the same place."""

    @property
    def path(self) -> tuple[str, ...]:
        """The place, in the new network where there is one."""
        part = self.new or self.old
        return part.path if part else ()


@dataclass(frozen=True)
class Alignment:
    """Two networks aligned."""

    old: tuple[Item, ...]
    new: tuple[Item, ...]
    root: Pair
    """The pair of both networks as wholes."""
    flat: bool = False
    """Whether scopes were left aside, because the same layers stand in others."""

    @cached_property
    def leaves(self) -> tuple[Pair, ...]:
        """The pairs that contain no others, in the order of the new network, removed parts where they stood."""
        return tuple(_leaves(self.root))

    @cached_property
    def units(self) -> tuple[tuple[Item, Item], ...]:
        """The units that stand for each other."""
        return tuple(_units(self.leaves))

    def at(self, depth: int) -> tuple[tuple[Part | None, Part | None], ...]:
        """The parts at a depth of scopes, 1 for stages, 2 for blocks; what has fewer scopes stands for itself."""
        return tuple(_at(self.root, depth))

    @property
    def mirrored(self) -> Alignment:
        """The same in the other direction."""
        return Alignment(self.new, self.old, _mirrored(self.root), self.flat)


def align(old: Sequence[Item], new: Sequence[Item]) -> Alignment:
    """Which units, blocks and stages of two networks stand for each other.

    >>> from convcost import load
    >>> from convcost.graph.items import items
    >>> a, b = (items(load("mobilenet_v2", depth=depth).walked) for depth in (1, 1.25))
    >>> [new.name for old, new in align(a, b).at(2) if old is None]  # ceil(1.25 × n) of n = 1, 2, 3, 4
    ['stage1.block2', 'stage2.block3', 'stage3.block4', 'stage4.block5', 'stage5.block4', 'stage6.block4', 'stage7.block2']
    """
    if _order(old) > _order(new):  # so that the other direction is the mirror, however ties are decided
        return align(new, old).mirrored
    whole, other = tree(old), tree(new)
    root = _pair(whole, other)
    found = Alignment(tuple(old), tuple(new), root)
    if _alike(found) * 5 < 4 * min(len(old), len(new)):
        flat = Alignment(tuple(old), tuple(new), _pair(_flat(whole), _flat(other)), flat=True)
        if _alike(flat) > _alike(found) + min(len(old), len(new)) // 10:
            return flat  # the same layers under other scopes
    return found


def _order(items: Sequence[Item]) -> tuple[Any, ...]:
    return len(items), [(item.text, item.makes, item.name) for item in items]


def _alike(found: Alignment) -> int:
    return sum(old.own == new.own for old, new in found.units)


def tree(items: Sequence[Item]) -> Part:
    """The units as a tree of their scopes; a scope with a single unit is that unit."""
    return Part("", (), tuple(items), _children(items, (), _largest(items)))


def _children(items: Sequence[Item], path: tuple[str, ...], largest: int) -> tuple[Part, ...]:
    """What a scope consists of: the scopes in it, and each unit that stands in none of these by itself."""
    deep = len(path)
    groups: dict[tuple[str, int], list[Item]] = {}
    for at, item in enumerate(items):
        key = (item.scope[deep], -1) if len(item.scope) > deep else (item.name, at)  # items of one name stay apart
        groups.setdefault(key, []).append(item)
    return tuple(_part(members, (*path, name.rpartition(".")[2]), largest) for (name, _), members in groups.items())


def _part(items: list[Item], path: tuple[str, ...], largest: int) -> Part:
    levels = _level(items[0].reads[0] if items[0].reads else (), largest), _level(items[-1].makes, largest)
    if len(items) == 1:
        return Part(items[0].name, path, (items[0],), (), levels)
    return Part(".".join(path), path, tuple(items), _children(items, path, largest), levels)


def _flat(whole: Part) -> Part:
    """The tree without scopes: all units beside each other."""
    largest = _largest(whole.items)
    units = [_part([item], (item.name,), largest) for item in whole.items]
    return replace(whole, children=tuple(units))


def _largest(items: Sequence[Item]) -> int:
    """The extent of the network's largest map along its first axis."""
    return max((_extent(shape) for item in items for shape in (*item.reads, item.makes)), default=1)


def _extent(shape: Sequence[int]) -> int:
    return shape[-3] if len(shape) >= 3 else shape[0] if len(shape) == 2 else 1


def _level(shape: Sequence[int], largest: int) -> int:
    size = _extent(shape)
    return _ALONE if size <= 1 else round(log2(largest / size))


def _pair(old: Part, new: Part) -> Pair:
    """Two parts that stand for each other, with what stands for each other in them."""
    if old.is_unit and new.is_unit:
        return Pair(old, new)
    first, second = ((part,) if part.is_unit else part.children for part in (old, new))
    names = [part.own_name for part in first], [part.own_name for part in second]
    elsewhere = moved([part.exact for part in first], [part.exact for part in second], names)
    gone, come = {i for i, _ in elsewhere}, {j: i for i, j in elsewhere}
    here = [i for i in range(len(first)) if i not in gone]
    there = [j for j in range(len(second)) if j not in come]
    pairs = _in_order([first[i] for i in here], [second[j] for j in there])
    children: list[Pair] = []
    before = 0
    for pair, place in pairs:
        if place is not None:
            for j in range(before, there[place]):
                children += [Pair(first[come[j]], second[j], moved=True)] if j in come else []
            before = there[place] + 1
        children.append(pair)
    children += [Pair(first[come[j]], second[j], moved=True) for j in range(before, len(second)) if j in come]
    return Pair(old, new, tuple(_separable(children)))


def _separable(pairs: Sequence[Pair]) -> Iterator[Pair]:
    """The pairs; a depthwise convolution without a counterpart and the 1×1 after it, which stands for a convolution of
    the same kernel, as one that is replaced by both.
    """
    at = 0
    while at < len(pairs):
        first, second = pairs[at], pairs[at + 1] if at + 1 < len(pairs) else None
        if second is None or not (_is_split(first, second) or _is_split(_mirrored(first), _mirrored(second))):
            yield first
            at += 1
            continue
        old, new = ([part for part in parts if part] for parts in ((first.old, second.old), (first.new, second.new)))
        yield Pair(_together(old), _together(new), replaced=True)
        at += 2


def _is_split(first: Pair, second: Pair) -> bool:
    depthwise, old, new = first.new, second.old, second.new
    if first.old or not (depthwise and old and new) or second.moved:
        return False
    if not (depthwise.is_unit and old.is_unit and new.is_unit):
        return False
    deep, was, now = depthwise.items[0], old.items[0], new.items[0]
    same_window = deep.choices.get("kernel") == was.choices.get("kernel") != now.choices.get("kernel")
    return deep.kind == f"{was.kind} depthwise" and was.kind == now.kind and same_window


def _in_order(first: Sequence[Part], second: Sequence[Part]) -> Iterator[tuple[Pair, int | None]]:
    """The pairs of two sequences of parts; with each the last place of the second that it reaches, if it has one."""
    keys = [[(part.exact, part.own_name) for part in parts] for parts in (first, second)]
    coarse = [[part.items[0].core for part in parts] for parts in (first, second)]
    pairs = aligned(keys[0], keys[1], lambda i, j: _likeness(first[i], second[j]), coarse)
    i = j = 0
    for at, to in [*pairs, (len(first), len(second))]:
        yield from _gap(first[i:at], second[j:to], to - 1)
        if at < len(first):
            yield _pair(first[at], second[to]), to
        i, j = at + 1, to + 1


def _gap(gone: Sequence[Part], come: Sequence[Part], last: int) -> Iterator[tuple[Pair, int | None]]:
    """Parts without a counterpart between two that have one: replaced where there are few on both sides."""
    if len(gone) == len(come) == 1:
        old, new = gone[0], come[0]
        yield Pair(old, new, replaced=not (old.is_unit and new.is_unit)), last
        return
    if gone and come and len(gone) + len(come) <= _FEW and all(part.is_unit for part in (*gone, *come)):
        yield Pair(_together(gone), _together(come), replaced=True), last
        return
    for part in gone:
        yield Pair(part, None), None
    for at, part in enumerate(come, last + 1 - len(come)):
        yield Pair(None, part), at


def _together(parts: Sequence[Part]) -> Part:
    """Units beside each other as one part."""
    if len(parts) == 1:
        return parts[0]
    members = tuple(item for part in parts for item in part.items)
    return Part(parts[0].name, parts[0].path, members, tuple(parts), (parts[0].levels[0], parts[-1].levels[1]))


def _likeness(old: Part, new: Part) -> int:
    """How alike two parts are, of about 1000; 0 if they cannot stand for each other."""
    written, cores, kinds = (_common(one, other) for one, other in zip(old.bags, new.bags))
    same_size = old.levels[1] == new.levels[1]
    if old.is_unit and new.is_unit and not kinds:
        return 0
    score = 300 * written + 200 * cores + 250 * kinds
    total = int(score) + 150 * same_size + 40 * (old.levels[0] == new.levels[0])
    if old.channels and new.channels:
        total += 50 * min(old.channels, new.channels) // max(old.channels, new.channels)
    total += 10 * (old.own_name == new.own_name)
    enough = total >= _ENOUGH and (kinds > 0) and (same_size or kinds >= 0.5)
    return total if enough else 0


def _common(one: Counter[Any], other: Counter[Any]) -> float:
    """The share of what two bags have in common: 1 for equal ones, 0 for nothing (Dice)."""
    return 2 * (one & other).total() / (one.total() + other.total())


def _bare(name: str) -> str:
    """A name without its numbers: numbers shift when something is inserted."""
    return re.sub(r"\d+", "#", name)


def same_name(old: str, new: str) -> bool:
    """Whether two names are the same but for numbers in them.

    >>> same_name("block2", "block3"), same_name("stem", "head")
    (True, False)
    """
    return _bare(old) == _bare(new)


def alike(one: Part, other: Part) -> bool:
    """Whether two parts may be repeats of one block: nearly the same ops, and as many channels."""
    return one.channels == other.channels and _common(one.bags[1], other.bags[1]) >= 0.7


def _leaves(pair: Pair) -> Iterator[Pair]:
    if not pair.children and any(part.items for part in (pair.old, pair.new) if part):
        yield pair
    for child in pair.children:
        yield from _leaves(child)


def _units(leaves: Sequence[Pair]) -> Iterator[tuple[Item, Item]]:
    for leaf in leaves:
        if leaf.old and leaf.new and (leaf.moved or (leaf.old.is_unit and leaf.new.is_unit)):
            yield from zip(leaf.old.items, leaf.new.items)


def _at(pair: Pair, depth: int) -> Iterator[tuple[Part | None, Part | None]]:
    deep = max(len(part.path) for part in (pair.old, pair.new) if part)
    if deep < depth and pair.children:
        for child in pair.children:
            yield from _at(child, depth)
    else:
        yield pair.old, pair.new


def _mirrored(pair: Pair) -> Pair:
    children = tuple(map(_mirrored, pair.children))
    return replace(pair, old=pair.new, new=pair.old, children=children)
