"""Pieces that are alike: equal but for the values of attributes, or because some of their items are left out.

A pattern has a model, the piece that all others are compared with, and members: each with the item that stands for each of
the model's, or none where it leaves that out.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from convcost.graph.graph import Node
from convcost.ops import OPS
from convcost.spec.outline.pieces import Fork, Item, Leaf, Piece, output
from convcost.spec.write import attributes, in_flow, modifiers

MOST_ROUNDS = 4
"""Times that patterns are looked for again after some have become one."""
MOST_LIKE = 8
"""Patterns of scopes with the same name but for numbers that are compared with one another."""
_NO_ACTIVATIONS = ("batch_norm", "identity")
"""Element-wise ops that no other would take the place of."""
MOST_MATCHED = 200
"""Items that one fork may stand for."""
Key = tuple[Any, ...]


@dataclass(slots=True, eq=False)
class Member:
    """A piece as one of a pattern."""

    piece: Piece
    items: list[Item | None]
    """The item that stands for each of the model's, in the order of `flat`."""
    flags: dict[str, bool] = field(default_factory=dict)
    args: dict[str, Any] = field(default_factory=dict)
    """Argument -> its value, where the pattern is a block; without those of items that it leaves out."""


@dataclass(slots=True, eq=False)
class Pattern:
    """What equal pieces have in common."""

    number: int
    model: Piece
    flat: list[Item]
    keys: list[Key]
    """Of the items of the model, in the order of `flat`."""
    members: list[Member] = field(default_factory=list)
    optional: dict[tuple[int, int], str] = field(default_factory=dict)
    """Items, and branches of forks, that some members leave out -> the flag that says so: by their place in `flat`, and the
    number of the branch, which is -1 for an item."""

    @property
    def flags(self) -> list[str]:
        return list(dict.fromkeys(self.optional.values()))

    def is_shortcut(self, flag: str) -> bool:
        """Whether what a flag leaves out are whole branches of forks."""
        left_out = {key for key, word in self.optional.items() if word == flag}
        places = {id(item): at for at, item in enumerate(self.flat)}
        for at, item in enumerate(self.flat):
            for number, branch in enumerate(item.branches if isinstance(item, Fork) else ()):
                inside = {(places[id(inner)], -1) for inner in branch}
                if (at, number) in left_out or (inside and inside <= left_out):
                    left_out -= {(at, number), *inside}
        return not left_out


class Merged(NamedTuple):
    """A pattern that is another one with items left out."""

    into: Pattern
    items: list[int | None]
    """For each item of the other pattern, the place of its own."""
    flags: dict[str, bool]


def flat(items: Iterable[Item]) -> Iterator[Item]:
    """The items of a piece, with those of forks behind these, and their joins."""
    for item in items:
        yield item
        if isinstance(item, Fork):
            for branch in item.branches:
                yield from flat(branch)
            yield item.join


class Patterns:
    """The patterns of the pieces inside a piece."""

    def __init__(self, root: Piece, inline: Container[str] = (), *, variants: bool = True) -> None:
        self.inline = inline
        """Paths of models that are no blocks, and so cannot stand for pieces that leave items out."""
        self.known: dict[Key, Pattern] = {}
        self.merged: dict[int, Merged] = {}
        self.of: dict[int, tuple[Pattern, Member]] = {}
        """By the identity of a piece."""
        self.inputs: dict[tuple[int, str], int] = {}
        """Identity of a piece, and an edge that it reads -> the number of that input."""
        self.shown: dict[int, tuple[Key, dict[str, Any]]] = {}
        for _ in range(MOST_ROUNDS if variants else 1):
            self.all: dict[int, Pattern] = {}
            self.of.clear()
            self._classify(root)
            if not variants or not self._merge_variants():
                break
        else:
            self.all = {}
            self.of.clear()
            self._classify(root)

    # -- equal pieces --------------------------------------------------------------------------------------------

    def _classify(self, piece: Piece) -> None:
        for inner in flat(piece.items):
            if isinstance(inner, Piece):
                self._classify(inner)
        if not piece.path:
            return
        keys: list[Key] = []
        self.inputs |= {(id(piece), edge): number for number, edge in enumerate(piece.inputs)}
        key = self._sequence(piece.items, piece.inputs[0] if piece.inputs else "", piece, keys)
        whole = (key, len(piece.inputs), "" if piece.closed else piece.path)
        items = list(flat(piece.items))
        own = self.known.get(whole)
        if own is None:
            own = self.known[whole] = Pattern(len(self.known), piece, items, keys)
        member = Member(piece, list(items))
        pattern = own
        while (merged := self.merged.get(pattern.number)) is not None:
            member.items = [None if at is None else member.items[at] for at in merged.items]
            member.flags |= merged.flags
            pattern = merged.into
        member.flags = {**dict.fromkeys(pattern.flags, True), **member.flags}
        if pattern.number not in self.all:
            self.all[pattern.number] = pattern
            pattern.members = []
        pattern.members.append(member)
        self.of[id(piece)] = pattern, member

    def _sequence(self, items: Sequence[Item], flow: str, piece: Piece, keys: list[Key]) -> Key:
        """The key of a sequence; those of its items are added in the order of `flat`."""
        made = []
        for item in items:
            at = len(keys)
            keys.append(())
            reads = () if item.inputs == (flow,) else tuple(self._seen(edge, piece) for edge in item.inputs)
            keys[at] = (*self._item(item, piece, keys), reads)
            made.append(keys[at])
            flow = output([item], flow)
        return tuple(made)

    def _item(self, item: Item, piece: Piece, keys: list[Key]) -> Key:
        if isinstance(item, Piece):
            pattern, _ = self.of[id(item)]
            owner = piece.relative(item.owner) if item.owner and piece.has(item.owner) else ""
            return "piece", item.name, item.glue, pattern.number, owner
        if isinstance(item, Leaf):
            return self._leaf(item, piece)
        branches = [self._sequence(branch, item.inputs[0], piece, keys) for branch in item.branches]
        join = self._leaf(item.join, piece)
        keys.append(join)
        order = tuple(
            next((n for n, b in enumerate(item.branches) if b and b[-1].output == e), -1) for e in item.join.inputs
        )
        return "fork", tuple(branches), join, order

    def _leaf(self, leaf: Leaf, piece: Piece) -> Key:
        if id(leaf) not in self.shown:
            self.shown[id(leaf)] = _shape(leaf.node), written(leaf.node)
        shares = tuple((what, piece.relative(owner)) for what, owner in leaf.node.shares.items() if piece.has(owner))
        name, op = leaf.name, leaf.node.op
        if is_activation(op) and re.fullmatch(rf"{op}(_\d+)?", name):  # it may be called after whatever op it is
            name = f"={name[len(op) :]}"
        return "leaf", name, self.shown[id(leaf)][0], shares, leaf.unused

    def attributes(self, leaf: Leaf) -> dict[str, Any]:
        """The attributes of a node as a spec writes them."""
        if id(leaf) not in self.shown:
            self.shown[id(leaf)] = _shape(leaf.node), written(leaf.node)
        return self.shown[id(leaf)][1]

    def _seen(self, edge: str, piece: Piece) -> str | int:
        """An edge as seen from inside a piece: the number of an input, or a relative name."""
        number = self.inputs.get((id(piece), edge))
        return piece.relative(edge) if number is None else number

    # -- pieces that leave items out -----------------------------------------------------------------------------

    def _merge_variants(self) -> bool:
        """Find patterns that are others with items left out; returns whether there are any."""
        families: dict[str, dict[int, Pattern]] = {}
        for pattern in self.all.values():
            for member in pattern.members:
                family = re.sub(r"\d+[a-z]?(?![A-Za-z0-9])|\d+", "0", member.piece.path)
                families.setdefault(family, {})[pattern.number] = pattern
        found = False
        for alike in families.values():
            several = sorted(alike.values(), key=lambda pattern: -len(pattern.flat))[:MOST_LIKE]
            for at, large in enumerate(several):
                if large.number in self.merged or large.model.path in self.inline:
                    continue
                for small in several[at + 1 :]:
                    if small.number not in self.merged and self._merge(large, small):
                        found = True
        return found

    def _merge(self, large: Pattern, small: Pattern) -> bool:
        """Make a pattern one of the other's with items left out, if it is."""
        match = _Match(large, small) if _comparable(large, small) else None
        if match is None or match.sequence(large.model.items, small.model.items) is None or not match.is_close:
            return False
        left_out = [key for key in match.left_out if key not in large.optional]
        if any(self._is_repeated(large, at) for at, branch in left_out if branch < 0):
            return False
        states: dict[str, set[bool]] = {}
        for key, flag in large.optional.items():
            states.setdefault(flag, set()).add(key in match.left_out or _within(large, key, match.left_out))
        if any(len(both) > 1 for both in states.values()):
            return False
        flags = {flag: not both.pop() for flag, both in states.items()}
        if left_out:
            flag = _flag_name(large, left_out, [*flags])
            large.optional |= dict.fromkeys(left_out, flag)
            flags[flag] = False
        self.merged[small.number] = Merged(large, match.items, flags)
        return True

    def _is_repeated(self, pattern: Pattern, at: int) -> bool:
        """Whether an item is a piece that the pattern has more of: how many there are is no variant of it."""
        item = pattern.flat[at]
        if not isinstance(item, Piece):
            return False
        own = self.of[id(item)][0]
        others = [other for other in pattern.flat if isinstance(other, Piece) and other is not item]
        base = item.name.rstrip("0123456789")
        return any(self.of[id(o)][0] is own and o.name.rstrip("0123456789") == base for o in others)


def _comparable(large: Pattern, small: Pattern) -> bool:
    """Whether one may be the other with items left out."""
    one, two = large.model, small.model
    return not small.optional and one.closed and two.closed and one is not two and len(one.inputs) == len(two.inputs)


def _within(pattern: Pattern, key: tuple[int, int], left_out: Sequence[tuple[int, int]]) -> bool:
    """Whether an item stands inside a branch that is left out."""
    item = pattern.flat[key[0]]
    for at, branch in left_out:
        around = pattern.flat[at]
        inside = around.branches[branch] if branch >= 0 and isinstance(around, Fork) else []
        if inside and inside[0].at <= item.at and item.end <= inside[-1].end:
            return True
    return False


class _Match:
    """Compares the items of two patterns, of which one may leave some out."""

    def __init__(self, large: Pattern, small: Pattern) -> None:
        self.places = {id(item): at for at, item in enumerate(large.flat)}
        self.others = {id(item): at for at, item in enumerate(small.flat)}
        self.large, self.small = large, small
        self.items: list[int | None] = [None] * len(large.flat)
        self.left_out: list[tuple[int, int]] = []

    @property
    def is_close(self) -> bool:
        """Whether most of the larger pattern is in both."""
        many = [0 if isinstance(item, Fork) else item.end - item.at for item in self.large.flat]
        kept = sum(nodes for nodes, at in zip(many, self.items) if at is not None)
        return kept > 1 and 2 * kept >= sum(many)

    def sequence(self, mine: Sequence[Item], others: Sequence[Item], *, whole: bool = True) -> int | None:
        """How many of the other's items the sequence of the larger pattern stands for; None if not for all, or it differs."""
        at = 0
        for item in mine:
            step = self.item(item, others[at : at + MOST_MATCHED])
            if step is None:
                return None
            if step == 0:
                self.left_out.append((self.places[id(item)], -1))
            at += step
        return None if whole and at < len(others) else (at or (1 if not others else 0))

    def item(self, item: Item, others: Sequence[Item]) -> int | None:
        """How many of the other's items this one stands for: none if it is left out."""
        place = self.places[id(item)]
        if others and self.large.keys[place] == self.small.keys[self.others[id(others[0])]]:
            self.same(item, others[0])
            return 1
        if not isinstance(item, Fork) or not others:
            return 0
        other, before = others[0], (list(self.items), list(self.left_out))
        if isinstance(other, Fork) and self.forks(item, other):
            return 1
        self.items, self.left_out = before
        for number, branch in enumerate(item.branches):
            before = list(self.items), list(self.left_out)
            step = self.sequence(branch, others, whole=False) if branch else 0
            if step and sum(self.items[self.places[id(inner)]] is not None for inner in flat(branch)) >= step:
                rest = [each for each in range(len(item.branches)) if each != number]
                self.left_out += [(place, each) for each in rest]
                return step
            self.items, self.left_out = before
        return 0

    def forks(self, mine: Fork, other: Fork) -> bool:
        keys = self.large.keys[self.places[id(mine)]], self.small.keys[self.others[id(other)]]
        if len(mine.branches) != len(other.branches) or keys[0][2] != keys[1][2] or keys[0][-1] != keys[1][-1]:
            return False
        for one, two in zip(mine.branches, other.branches):
            if self.sequence(one, two) is None:
                return False
        self.items[self.places[id(mine)]] = self.others[id(other)]
        self.items[self.places[id(mine.join)]] = self.others[id(other.join)]
        return True

    def same(self, item: Item, other: Item) -> None:
        for one, two in zip(flat([item]), flat([other])):
            self.items[self.places[id(one)]] = self.others[id(two)]


def _shape(node: Node) -> Key:
    """What nodes that may stand for one another have in common: the op, which attributes they have, and how they are written."""
    shown = written(node)
    fixed = tuple((name, None if is_value(value) else repr(value)) for name, value in shown.items())
    return "" if is_activation(node.op) else node.op, fixed, in_flow(modifiers(node)), len(node.inputs)


def is_activation(op: str) -> bool:
    """Whether an op is one that others of its kind may stand for: an element-wise function without attributes or a norm's."""
    return OPS[op].traits.elementwise and not OPS[op].attrs and op not in _NO_ACTIVATIONS


def written(node: Node) -> dict[str, Any]:
    """The attributes of a node as a spec writes them, no padding as the number 0 that it is beside others."""
    shown = attributes(node)
    if no_padding(node.op, "padding", node.attrs.get("padding")):
        shown["padding"] = 0
    return shown


def no_padding(op: str, attr: str, value: Any) -> bool:
    """Whether the value of an attribute is a padding of 0, which is written as `valid`."""
    if attr != "padding" or value is None:
        return False
    kind = OPS[op].attrs[attr].kind
    return bool(kind.show(value) == "valid" and kind.convert(0) == value)


def is_value(value: Any) -> bool:
    """Whether a value may be an argument of a block: a number, a truth value, or a list of integers."""
    if isinstance(value, list):
        return bool(value) and all(type(part) is int for part in value)
    return isinstance(value, (int, Fraction, float))


def _flag_name(pattern: Pattern, left_out: Sequence[tuple[int, int]], taken: Sequence[str]) -> str:
    """What the argument is called that says whether items are built: after their scope or op, a shortcut if they are none."""
    at, branch = left_out[0]
    item = pattern.flat[at]
    word = "shortcut"
    if branch >= 0 and isinstance(item, Fork):
        inside = item.branches[branch]
        item = inside[0] if inside else item
    if isinstance(item, (Leaf, Piece)):
        word = next((part for part in item.name.split(".") if re.fullmatch(r"[A-Za-z_]\w*", part)), "full")
        if isinstance(item, Leaf) and OPS[item.node.op].traits.elementwise:
            word = "act" if item.node.op != "batch_norm" else "norm"
    while word in taken:
        word += "_"
    return word
