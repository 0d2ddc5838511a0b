"""Which nodes need no name, because the one that they would get from their op is theirs."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from convcost.spec.outline.pieces import Leaf

MOST_ROUNDS = 8
"""Times that names are generated again after some were found to be others."""


def generated(named: Iterable[tuple[str, Leaf | None]], read: Container[int]) -> set[int]:
    """The identities of the nodes of one scope whose names are those that a spec generates.

    `named` is what gets a name there, in order: the name, and the node if it may get it from its op.
    """
    entries = list(named)
    free = {
        id(leaf)
        for name, leaf in entries
        if leaf and id(leaf) not in read and re.fullmatch(rf"{leaf.node.op}(_\d+)?", name)
    }
    for _ in range(MOST_ROUNDS):
        coming = {name for name, leaf in entries if leaf is None or id(leaf) not in free}
        taken: set[str] = set()
        counts: dict[str, int] = {}
        wrong = set()
        for name, leaf in entries:
            if leaf is None or id(leaf) not in free:
                continue
            made, count = leaf.node.op, counts.get(leaf.node.op, 1)
            while made in taken or made in coming:
                count += 1
                made = f"{leaf.node.op}_{count}"
            if made == name:
                counts[leaf.node.op] = count
                taken.add(name)
            else:
                wrong.add(id(leaf))
        if not wrong:
            return free
        free -= wrong
    return set()
