"""Branches that start from one edge and are joined: what a spec writes as `parallel`.

A fork is only found where a spec can say it: its branches stand one after the other, directly before the node that joins
them in this order; and what is made in one is read in this one only.
"""

from __future__ import annotations

import re

from convcost.spec.outline.pieces import Fork, Item, Leaf, Piece, Wiring

DEEPEST = 3
"""Forks within forks of one scope."""
JOINS = ("add", "multiply", "concat", "matmul", "combine")
"""Ops by which branches are joined; others have inputs that are not of one kind."""
MOST_WORK = 50
"""Steps per node spent on looking for forks, so that a hostile graph takes no time."""


class Forks:
    """Finds the forks of all pieces of a graph."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.left = MOST_WORK * len(wiring.walked.steps)

    def find(self, piece: Piece) -> None:
        """Put forks in the place of the items that they consist of, in a piece and in those inside."""
        for item in piece.items:
            if isinstance(item, Piece):
                self.find(item)
        done: list[Item] = []
        for item in piece.items:
            may = isinstance(item, Leaf) and self.left > 0 and _may_join(item, piece)
            fork = self.fork(done, item) if may and isinstance(item, Leaf) else None
            if fork is None:
                done.append(item)
            else:
                while done and done[-1].at >= fork.at:
                    done.pop()
                done.append(fork)
        piece.items = done

    def fork(self, before: list[Item], join: Leaf) -> Fork | None:
        """The fork that a node joins, of the items before it."""
        fork, branches, stop = "", list[list[Item]](), len(before)
        for number in range(len(join.inputs) - 1, -1, -1):
            edge = join.inputs[number]
            start = stop
            while start > 0 and (start == stop or edge):
                item = before[start - 1]
                self.left -= 1
                if start == stop and item.output != edge:
                    break
                if start < stop and not _leads(item, before[start]):
                    break
                if start < stop and before[start].inputs[0] in (fork, *join.inputs):
                    break
                start -= 1
            begun = before[start].inputs[0] if start < stop and before[start].inputs else edge if start == stop else ""
            if not begun or (fork and begun != fork):
                return None
            fork = begun
            branches.append(before[start:stop])
            stop = start
        if stop == len(before) or sum(not branch for branch in branches) > 1:
            return None
        branches.reverse()
        found = Fork(tuple(branches), join, before[stop].at, (fork,))
        return found if self._fits(found) else None

    def _fits(self, fork: Fork) -> bool:
        """Whether what is made in a branch is read there or by the join alone, forks do not nest too deep, and there is enough
        in them: `x + relu(x)` is clearer by names.
        """
        items = [item for branch in fork.branches for item in branch]
        fewest = 3 if not _is_generated(fork.join) else 1 if isinstance(items[0], Piece) else 2
        if nesting(fork) > DEEPEST or len(items) < fewest:
            return False
        for branch in fork.branches:
            for item in branch:
                if isinstance(item, Leaf) and len(item.inputs) == 0:
                    return False
            if not branch:
                continue
            at, end = branch[0].at, branch[-1].end
            if any(not _starts_or_follows(item, before, fork) for before, item in zip([None, *branch], branch)):
                return False
            for made in range(at, end):
                readers = self.wiring.readers[made]
                self.left -= 1 + len(readers)
                if any(not (at <= reader < end or reader == fork.join.at) for reader in readers):
                    return False
        return True


def _may_join(item: Item, piece: Piece) -> bool:
    """Whether an item is a node that can join branches; in the network itself, where every line counts, one that is called
    after its op or joins more than two.
    """
    if not isinstance(item, Leaf) or item.node.op not in JOINS or not item.node.trainable or item.node.shares:
        return False
    if not len({*item.inputs}) == len(item.inputs) > 1:
        return False
    return bool(piece.path) or len(item.inputs) > 2 or _is_generated(item)


def _is_generated(leaf: Leaf) -> bool:
    """Whether a node may be called after its op."""
    return bool(re.fullmatch(rf"{leaf.node.op}(_\d+)?", leaf.name))


def _leads(item: Item, to: Item) -> bool:
    """Whether an item is what the next one reads first."""
    return bool(item.output) and to.inputs[:1] == (item.output,)


def _starts_or_follows(item: Item, before: Item | None, fork: Fork) -> bool:
    return item.inputs[:1] == fork.inputs if before is None else _leads(before, item)


def nesting(item: Item) -> int:
    """How many forks stand inside one another."""
    if not isinstance(item, Fork):
        return 0
    return 1 + max((nesting(inner) for branch in item.branches for inner in branch), default=0)
