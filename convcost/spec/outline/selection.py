"""Which patterns are written as blocks, which pieces as groups, and what blocks are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable
from string import ascii_lowercase

from convcost.spec.outline.patterns import Member, Pattern, Patterns, flat
from convcost.spec.outline.pieces import Fork, Item, Leaf, Piece

FEWEST_IN_GROUP = 6
"""Lines that a scope must have to be written as a group."""
MOST_NESTED = 4
"""Groups within groups."""
_SHORT = {"batch_norm": "bn", "layer_norm": "ln", "group_norm": "gn"}
"""What ops are called in the names of blocks that are chains of them; others without the number of their axes."""
_LONGEST_CHAIN = 3


class Selection:
    """Decides once for all pieces inside a piece."""

    def __init__(self, root: Pattern, patterns: Patterns, inline: Container[str], taken: Container[str]) -> None:
        self.root, self.patterns, self.taken = root, patterns, taken
        self.parents: dict[int, Piece] = {}
        self.leaves: dict[int, Leaf] = {}
        self.paths: set[str] = set()
        self.flats: dict[int, list[Item]] = {}
        self.places: dict[int, dict[int, int]] = {}
        self._index(root.model)
        self.groups: dict[int, bool] = {}
        candidates = [p for p in patterns.all.values() if _may_be_block(p) and p.model.path not in inline]
        self.chosen = {pattern.number for pattern in candidates}
        for _ in range(4):
            self.groups.clear()
            sites = Counter[int]()
            self._count(root.model, sites, set())
            kept = {pattern.number for pattern in candidates if self._pays(pattern, sites[pattern.number])}
            if kept == self.chosen:
                break
            self.chosen = kept
        self.groups.clear()
        self.in_order: list[Pattern] = []
        self._order(root.model, set())
        self.names: dict[int, str] = {}
        for pattern in self.in_order:
            self.names[pattern.number] = self._name(pattern)

    def _pays(self, pattern: Pattern, sites: int) -> bool:
        """Whether it is shorter, or clearer, to write a pattern once and call it at so many places."""
        if pattern.flags:
            return True
        lines = self.lines(pattern.model.items)
        return sites * lines > sites + lines + 3 or (sites > 0 and self.is_large(pattern.model))

    def _index(self, piece: Piece) -> None:
        for item in flat(piece.items):
            if isinstance(item, Leaf):
                self.leaves[item.at] = item
                self.paths.add(item.node.name)
            if isinstance(item, (Leaf, Piece)):
                self.parents[id(item)] = piece
            if isinstance(item, Piece):
                self.paths.add(item.path)
                self._index(item)

    def chain(self, made: int, piece: Piece) -> tuple[Leaf, list[Piece]]:
        """The node at a place of the order, and the pieces around it that stand in a piece, the outermost first."""
        leaf = self.leaves[made]
        found: list[Piece] = []
        around = self.parents[id(leaf)]
        while around is not piece:
            found.append(around)
            around = self.parents[id(around)]
        return leaf, found[::-1]

    def flat_of(self, piece: Piece) -> list[Item]:
        """The items of a piece, those of its forks too."""
        if id(piece) not in self.flats:
            self.flats[id(piece)] = list(flat(piece.items))
        return self.flats[id(piece)]

    def place(self, item: Item, member: Member) -> int:
        """The place of an item in a member of a pattern."""
        if id(member) not in self.places:
            self.places[id(member)] = {id(each): at for at, each in enumerate(member.items) if each}
        return self.places[id(member)][id(item)]

    def is_block(self, pattern: Pattern) -> bool:
        """Whether a pattern is a block, called by name."""
        return pattern.number in self.chosen

    def is_group(self, piece: Piece) -> bool:
        """Whether a piece that is no block is written as a group, not layer by layer."""
        return self.is_large(piece) and sum(map(self.is_large, self._around(piece))) < MOST_NESTED

    def is_large(self, piece: Piece) -> bool:
        """Whether it would be one, if it did not stand in others too deep."""
        if id(piece) not in self.groups:
            forks = any(isinstance(item, Fork) for item in piece.items)
            alone = len(piece.items) == 1 and isinstance(piece.items[0], Piece)
            several = self.lines(piece.items) >= FEWEST_IN_GROUP and not alone
            self.groups[id(piece)] = piece.glue == "." and (forks or several)
        return self.groups[id(piece)]

    def _around(self, piece: Piece) -> list[Piece]:
        """The pieces around one, up to the block or network that it is written in."""
        found: list[Piece] = []
        around = self.parents[id(piece)]
        while around.path and not self.is_block(self.patterns.of[id(around)][0]):
            found.append(around)
            around = self.parents[id(around)]
        return found

    def lines(self, items: Iterable[Item]) -> int:
        """About how many lines items take."""
        many, before = 0, ("", -1)
        for item in items:
            if isinstance(item, Leaf):
                many += 1
            elif isinstance(item, Fork):
                many += 2 + sum(1 + self.lines(branch) for branch in item.branches)
            else:
                pattern = self.patterns.of[id(item)][0]
                here = re.sub(r"(?<!\d)\d+$", "", item.name), pattern.number
                if self.is_block(pattern):
                    many += here != before
                else:
                    many += self.lines(item.items) + 2 * self.is_large(item)
                before = here
        return many

    def _count(self, piece: Piece, sites: Counter[int], seen: set[int]) -> None:
        """How often each pattern is called, if those chosen are written once."""
        for item in flat(piece.items):
            if isinstance(item, Piece):
                pattern = self.patterns.of[id(item)][0]
                sites[pattern.number] += 1
                if not self.is_block(pattern):
                    self._count(item, sites, seen)
                elif pattern.number not in seen:
                    seen.add(pattern.number)
                    self._count(pattern.model, sites, seen)

    def _order(self, piece: Piece, seen: set[int]) -> None:
        for item in flat(piece.items):
            if isinstance(item, Piece):
                pattern = self.patterns.of[id(item)][0]
                if not self.is_block(pattern):
                    self._order(item, seen)
                elif pattern.number not in seen:
                    seen.add(pattern.number)
                    self._order(pattern.model, seen)
                    self.in_order.append(pattern)

    def _words(self, piece: Piece) -> list[str]:
        """The words of the names of a piece and of those around it."""
        names = [piece.name]
        while (piece := self.parents[id(piece)]).path:
            names.append(piece.name)
        return _words(".".join(reversed(names)))

    def _name(self, pattern: Pattern) -> str:
        """A name for a block: the ops that it is a chain of, or what its scopes are called but for numbers."""
        names = []
        if len(pattern.flat) <= _LONGEST_CHAIN and all(isinstance(item, Leaf) for item in pattern.flat):
            words = [_word(pattern, at) for at in range(len(pattern.flat))]
            names.append(
                "_".join(words if "act" not in words else ["norm" if word == "bn" else word for word in words])
            )
        scopes = [self._words(member.piece) for member in pattern.members]
        for level in range(-1, -min(map(len, scopes)) - 1, -1):
            word, times = Counter(words[level] for words in scopes).most_common(1)[0]
            if 2 * times > len(scopes):
                names.append("_".join([word, *names[-1:]]) if level < -1 and names else word)
        names.append("block")
        used = {*self.names.values()}
        # Not by numbers, which layers have.
        names += [f"{names[0]}_{letter}" for letter in ascii_lowercase[1:]]
        names += [f"block_{number}" for number in range(1, len(used) + 3)]
        return next(name for name in names if name not in used and name not in self.taken)


def _words(path: str) -> list[str]:
    """The words of a path that are not only numbers, without the number at the end.

    >>> _words("features.3.conv_2"), _words("inception_4a.1x1")
    (['features', 'conv'], ['inception'])
    """
    words = (re.sub(r"\W", "_", re.sub(r"_?(?<!\d)\d+[a-z]?$", "", word)) for word in path.split("."))
    return [word for word in words if re.fullmatch(r"[A-Za-z_]\w*", word)]


def _word(pattern: Pattern, at: int) -> str:
    """What an op is called in the name of a block that is a chain of it and others."""
    ops = {item.node.op for member in pattern.members if isinstance(item := member.items[at], Leaf)}
    op = ops.pop()
    return "act" if ops else _SHORT.get(op, re.sub(r"\dd$", "", op))


def _may_be_block(pattern: Pattern) -> bool:
    model = pattern.model
    return len(pattern.members) > 1 and model.closed and bool(model.inputs)
