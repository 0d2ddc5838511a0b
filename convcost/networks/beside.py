"""Which groups of layers of several networks stand in one row: by what they are, not by what they are called."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from convcost.graph.align import Alignment, Part, align
from convcost.graph.items import Item, items
from convcost.graph.walk import Walked
from convcost.results.report import Report

_DEPTH = {"stage": 1, "block": 2}


class Beside(NamedTuple):
    """One row: the name of the group in each network, None where it has none."""

    names: tuple[str | None, ...]

    @property
    def name(self) -> str:
        """What the first network that has it calls it."""
        return next(name for name in self.names if name is not None)

    @property
    def text(self) -> str:
        """All of its names, where they differ; `+` before one that the first network does not have."""
        others = dict.fromkeys(name for name in self.names if name not in (None, self.name))
        said = " -> ".join([self.name, *(_after(self.name, name or "") for name in others)])
        return said if self.names[0] is not None else f"+ {said}"


def _after(name: str, other: str) -> str:
    """Another name of what has a name; the end that both have in common is left out.

    >>> _after("stage1", "stage2"), _after("stage1.block1.project.conv2d", "stage2.block1.project.conv2d")
    ('stage2', 'stage2.…')
    """
    mine, theirs = name.split("."), other.split(".")
    alike = 0
    while alike < min(len(mine), len(theirs)) - 1 and mine[-1 - alike] == theirs[-1 - alike]:
        alike += 1
    return other if alike < 2 else ".".join([*theirs[:-alike], "…"])


def beside(reports: Sequence[Report], walked: Sequence[Walked], level: str) -> list[Beside]:
    """The rows of several networks at a level, in an order that suits all of them; each group stands in one row.

    >>> from convcost import load
    >>> networks = [load(name) for name in ("mobilenet_v2", "efficientnet_b0")]
    >>> rows = beside([one.report() for one in networks], [one.walked for one in networks], "stage")
    >>> [row.text for row in rows][:3]  # EfficientNet's count begins at 2
    ['stem', 'stage1 -> stage2', 'stage2 -> stage3']
    """
    groups = [list(report.parts(level)) for report in reports]
    first = items(walked[0])
    keys: list[dict[str, Hashable]] = [{name: (0, name) for name in groups[0]}]
    for at in range(1, len(reports)):
        if level == "op":
            same = {name: name for name in groups[at] if name in keys[0]}
        else:
            same = _same(align(first, items(walked[at])), reports[0], reports[at], level)
        keys.append({name: (0, same[name]) if name in same else (1, name) for name in groups[at]})
    names = [{key: name for name, key in known.items()} for known in keys]
    return [Beside(tuple(known.get(key) for known in names)) for key in merged([list(known) for known in names])]


def _same(found: Alignment, old: Report, new: Report, level: str) -> dict[str, str]:
    """Group of the new network -> the one of the old that it stands for; each at most once."""
    owners = _owners(old, level), _owners(new, level)
    same: dict[str, str] = {}
    taken: set[str] = set()
    for mine, theirs in _pairs(found, level, owners):
        if theirs not in same and mine not in taken:
            same[theirs] = mine
            taken.add(mine)
    return same


_Owners = Mapping[str, str]


def _owners(report: Report, level: str) -> dict[str, str]:
    """Name of a layer -> of its group."""
    return {layer.name: name for name, layers in report.parts(level).items() for layer in layers}


def _pairs(found: Alignment, level: str, owners: tuple[_Owners, _Owners]) -> Iterator[tuple[str, str]]:
    """Groups that stand for each other: those of parts, then those of layers."""
    for old, new in found.at(_DEPTH[level]) if level in _DEPTH else ():
        if old and new:
            mine, theirs = _groups(old, owners[0]), _groups(new, owners[1])
            if len(mine) == len(theirs) == 1:
                yield mine[0], theirs[0]
    for one, other in found.units:
        for a, b in _layers(one, other):
            yield owners[0][a], owners[1][b]


def _groups(part: Part, owners: _Owners) -> list[str]:
    return list(dict.fromkeys(owners[name] for item in part.items for name in item.steps))


def _layers(old: Item, new: Item) -> Iterator[tuple[str, str]]:
    """The layers of two units that stand for each other: those of the same op, and one that stands in the place of another."""
    for tag, a, b, c, d in SequenceMatcher(None, old.ops, new.ops, autojunk=False).get_opcodes():
        if tag == "equal" or (tag == "replace" and b - a == d - c):
            yield from zip(old.steps[a:b], new.steps[c:d])


def merged(orders: Sequence[Sequence[Hashable]]) -> list[Hashable]:
    """All keys once; one that a later order adds comes right before its next known one.

    >>> merged([["stem", "stage1", "head"], ["stem", "stage1", "stage2", "head", "aux"]])
    ['stem', 'stage1', 'stage2', 'head', 'aux']
    """
    whole: list[Hashable] = []
    for order in orders:
        known, before, new = set(whole), dict[Hashable, list[Hashable]](), list[Hashable]()
        for key in order:
            if key in known:
                before[key] = new
                new = []
            else:
                new.append(key)
        whole = [*(one for key in whole for one in (*before.get(key, ()), key)), *new]
    return whole
