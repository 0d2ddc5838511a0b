"""Changes of a network in the words of the field."""

from __future__ import annotations

from collections.abc import Sequence

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


def whole_words(parent: Pair, child: Pair, words: str) -> str:
    """A part that was added or removed: by how much the repeats of one like it grew, or what it consists of."""
    part = child.new or child.old
    assert part is not None
    before, after = _repeats(parent, part, new=child.new is not None)
    if min(before, after) > 0 and before != after:
        sign, what = "+" if after > before else "-", "layer" if part.is_unit else "block"
        return f"repeats {before} -> {after} ({sign} {counted(abs(after - before), what)})"
    return words or texts(part.items)


def _repeats(parent: Pair, part: Part, *, new: bool) -> tuple[int, int]:
    """How many parts like one there are beside it, in both networks.

    Units: equal ones that follow on each other. Among the stages of a whole network, equal ones; in a stage all of its
    blocks, where another is like it, because the first of them has a stride or no shortcut.
    """
    pairs = [pair if new else Pair(pair.new, pair.old) for pair in parent.children]
    if part.is_unit:
        counts = _in_a_row(pairs, part)
    elif parent.path and _are_repeats(pairs, part):
        blocks = [[side for side in sides if side and not side.is_unit] for sides in _sides(pairs)]
        counts = len(blocks[0]), len(blocks[1])
    else:
        whole = not parent.path
        ones = [pair for pair in pairs if whole and pair.new and not pair.new.is_unit and pair.new.key == part.key]
        theirs = [pair.old for pair in ones if pair.old]
        lost = [pair.old for pair in pairs if pair.old and not pair.new]
        counts = len(theirs) + sum(any(one.key == old.key for old in theirs) for one in lost), len(ones)
    return counts if new else counts[::-1]


def _are_repeats(pairs: Sequence[Pair], part: Part) -> bool:
    """Whether all blocks that have no counterpart are on the side of a part, and like it, and so is one that has."""
    alone = [pair for pair in pairs if not (pair.old and pair.new)]
    blocks = [side for pair in alone for side in (pair.old, pair.new) if side and not side.is_unit]
    only_here = not any(pair.old and not pair.old.is_unit for pair in alone)
    has_one = any(pair.old and pair.new and alike(pair.new, part) for pair in pairs)
    return only_here and has_one and all(alike(block, part) for block in blocks)


def _sides(pairs: Sequence[Pair]) -> tuple[list[Part | None], list[Part | None]]:
    return [pair.old for pair in pairs], [pair.new for pair in pairs]


def _in_a_row(pairs: Sequence[Pair], part: Part) -> tuple[int, int]:
    """Equal units that each read the one before, among them this one: those with a counterpart, and all."""
    row = [pair for pair in pairs if pair.new]
    at = next(at for at, pair in enumerate(row) if pair.new is part)

    def continues(first: int) -> bool:
        before, after = row[first].new, row[first + 1].new
        return bool(before and after and before.key == after.key and after.items[0].inputs == (before.items[0].name,))

    start = stop = at
    while start > 0 and continues(start - 1):
        start -= 1
    while stop < len(row) - 1 and continues(stop):
        stop += 1
    ones = row[start : stop + 1]
    return sum(pair.old is not None for pair in ones), len(ones)
