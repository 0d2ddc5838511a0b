"""Changes of a network in the words of the field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from functools import cached_property

from convcost.core.units import counted
from convcost.graph.align import Pair, Part, alike
from convcost.graph.drawn import SHORT
from convcost.graph.items import PER_CHANNEL, Item

_MOST_TEXTS = 4


def made_words(old: Item, new: Item, made: Sequence[str]) -> str:
    """What was changed at a unit, from the names of the attributes that differ; empty if nothing was."""
    if old.ops != new.ops:
        said = _of_ops(old, new)
        kept = [key for key in made if "." not in key and old.kind.split()[0] == new.kind.split()[0]]
    else:
        said, kept = [], list(made)
    said += [_of_attribute(key, old, new) for key in kept]
    return ", ".join(dict.fromkeys(filter(None, said)))


def _of_attribute(key: str, old: Item, new: Item) -> str:
    was, now = old.choices.get(key), new.choices.get(key)
    of_op, _, attribute = key.rpartition(".")
    if attribute in ("bias", "output"):
        return f"{'+' if now == 'yes' else '-'} {attribute}{f' ({of_op})' if of_op else ''}"
    if attribute in ("kernel", "stride", "dilation", "padding", "size"):
        was, now = (_short_sizes(value) for value in (was, now))
    if attribute == "groups" and PER_CHANNEL in (was, now):
        was, now = ("depthwise" if value == PER_CHANNEL else value for value in (was, now))
    if attribute == "channels" and None in (was, now):  # of a depthwise layer they are those that it reads
        was, now = (str(item.makes[-1]) if item.makes else "?" for item in (old, new))
        if was == now:
            return ""
    name = f"{of_op} {attribute}".strip()
    return f"{name} {was or 'none'} -> {now or 'none'}"


def _short_sizes(value: str | None) -> str | None:
    """`2` for `2×2`."""
    parts = (value or "").split("×")
    return parts[0] if value and len(set(parts)) == 1 else value


def _of_ops(old: Item, new: Item) -> list[str]:
    """Ops that were swapped, put to a unit, or taken from it."""
    if old.kind.split()[0] != new.kind.split()[0]:
        return [f"{old.text} -> {new.text}"]
    gone, come = _only(old.ops, new.ops), _only(new.ops, old.ops)
    if not gone and not come:
        return [f"{' + '.join(map(_short, old.ops))} -> {' + '.join(map(_short, new.ops))}"]
    if len(gone) == len(come):
        return [f"{_short(was)} -> {_short(now)}" for was, now in zip(gone, come)]
    return [*(f"- {_short(op)}" for op in gone), *(f"+ {_short(op)}" for op in come)]


def _only(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """The ops of the first that the second does not have, each as often as it has more of it."""
    rest = list(second)
    left = []
    for op in first:
        if op in rest:
            rest.remove(op)
        else:
            left.append(op)
    return left


def _short(op: str) -> str:
    return SHORT.get(op, op)


def replaced_words(old: Sequence[Item], new: Sequence[Item]) -> str:
    """Units that stand in the place of others; a standard convolution and a separable one by their names."""
    said = f"{texts(old)} -> {texts(new)}"
    names = _is_standard(old), _is_separable(new), _is_separable(old), _is_standard(new)
    if names[0] and names[1]:
        return f"standard -> separable: {said}"
    if names[2] and names[3]:
        return f"separable -> standard: {said}"
    return said


def _is_standard(items: Sequence[Item]) -> bool:
    return [item.kind for item in items] == ["conv2d"]


def _is_separable(items: Sequence[Item]) -> bool:
    return [item.kind for item in items] == ["conv2d depthwise", "conv2d"] and items[1].core == "conv2d 1×1"


def texts(items: Sequence[Item]) -> str:
    """Units as they are drawn, the first of many."""
    if len(items) == 1:
        return items[0].text
    said = [item.core for item in items]
    if len(said) <= _MOST_TEXTS:
        return ", ".join(said)
    return f"{counted(len(said), 'unit')}: {', '.join(said[:3])}, …"


def whole_words(beside: Siblings, child: Pair, words: str) -> str:
    """A part that was added or removed: by how much the repeats of one like it grew, or what it consists of."""
    part = child.new or child.old
    assert part is not None
    before, after = beside.news.repeats(part) if child.new else beside.olds.repeats(part)[::-1]
    if min(before, after) > 0 and before != after:
        sign, what = "+" if after > before else "-", "layer" if part.is_unit else "block"
        return f"repeats {before} -> {after} ({sign} {counted(abs(after - before), what)})"
    return words or texts(part.items)


class Siblings:
    """What two parts consist of, seen from the new network, and from the old one; looked through once for all of it."""

    def __init__(self, parent: Pair) -> None:
        self.news = _Beside(parent.children, whole=not parent.path)
        self.olds = _Beside([Pair(pair.new, pair.old) for pair in parent.children], whole=not parent.path)


class _Beside:
    def __init__(self, pairs: Sequence[Pair], *, whole: bool) -> None:
        self._pairs = pairs
        self._whole = whole

    def repeats(self, part: Part) -> tuple[int, int]:
        """How many parts like one of the new network there are beside it, in the old network and in the new one.

        Units: equal ones that follow on each other. Among the stages of a whole network, equal ones; in a stage all of its
        blocks, where another is like it, because the first of them has a stride or no shortcut.
        """
        if part.is_unit:
            return self._rows[id(part)]
        return self._equal[part.key] if self._whole else self._blocks

    @cached_property
    def _blocks(self) -> tuple[int, int]:
        """All blocks; none where one without a counterpart is of the old network, is not like the others, or like none that has one."""
        alone = [pair for pair in self._pairs if not (pair.old and pair.new)]
        come = [pair.new for pair in alone if pair.new and not pair.new.is_unit]
        if any(pair.old and not pair.old.is_unit for pair in alone) or not all(alike(come[0], part) for part in come):
            return 0, 0
        if not any(pair.old and pair.new and alike(pair.new, come[0]) for pair in self._pairs):
            return 0, 0
        olds, news = ([part for part in side if part and not part.is_unit] for side in _sides(self._pairs))
        return len(olds), len(news)

    @cached_property
    def _equal(self) -> dict[Hashable, tuple[int, int]]:
        """What its authors chose for a block -> how many such blocks there are, in the old network and in the new one."""
        blocks = [(pair.new.key, pair.old) for pair in self._pairs if pair.new and not pair.new.is_unit]
        kept = Counter(key for key, old in blocks if old)
        lost = Counter(pair.old.key for pair in self._pairs if pair.old and not pair.new)
        return {
            key: (kept[key] + lost[key] if kept[key] else 0, ones)
            for key, ones in Counter(key for key, _ in blocks).items()
        }

    @cached_property
    def _rows(self) -> dict[int, tuple[int, int]]:
        """Of each part: equal ones that each read the one before, among them this one: those with a counterpart, and all."""
        rows: list[list[Pair]] = []
        last: Part | None = None
        for pair in self._pairs:
            if (part := pair.new) is None:
                continue
            if not (last and part.key == last.key and part.items[0].inputs == (last.items[0].name,)):
                rows.append([])
            rows[-1].append(pair)
            last = part
        counts = [(sum(pair.old is not None for pair in row), len(row)) for row in rows]
        return {id(pair.new): count for row, count in zip(rows, counts) for pair in row}


def _sides(pairs: Sequence[Pair]) -> tuple[list[Part | None], list[Part | None]]:
    return [pair.old for pair in pairs], [pair.new for pair in pairs]
