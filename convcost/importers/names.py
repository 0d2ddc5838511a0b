"""Names of nodes, from the names and module paths that a file keeps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from convcost.importers.model import Op

LONGEST = 120
"""Characters of the longest name: those of hostile files are cut."""
MOST_OF_A_LAYER = 4
"""The most ops of a module that is one layer: a convolution with its norm and its activation."""
_SPLIT = re.compile(r"[^\w-]+")


class Name(NamedTuple):
    """A dotted path and the scopes in it."""

    path: str
    scope: tuple[str, ...]


def plain(text: str) -> str:
    """A text as a name: words, joined by `_` where something else stood between them.

    >>> plain("model/conv1;bn 1:0"), plain("-inf"), plain("::")
    ('model_conv1_bn_1_0', 'inf', '')
    """
    return "_".join(filter(None, _SPLIT.split(text[:LONGEST]))).lstrip("-")


def free(base: str, taken: dict[str, int], form: str = "{}_{}") -> str:
    """A name that nothing has: this one, or with the next number behind it. Taken names say which number they were given last.

    >>> taken: dict[str, int] = {}
    >>> [free("x", taken), free("x", taken), free("x_2", taken), free("x", taken)]
    ['x', 'x_2', 'x_2_2', 'x_3']
    """
    name, number = base, taken.get(base, 1)
    while name in taken:
        number += 1
        name = form.format(base, number)
    taken[name], taken[base] = 1, number
    return name


class Names:
    """Gives each node a name that no other has.

    The only op of a module is called like the module; of several, the one with weights is, and the others get what they do
    behind it. A module that does one thing and is called again has the number of the call behind its name. An op without a
    module keeps the name that the file gives it.
    """

    def __init__(self, ops: Iterable[Op], taken: Iterable[str]) -> None:
        self.taken = {*taken}
        self.counts: Counter[str] = Counter()
        calls = [(op.path, op.type) for op in ops]
        self.modules = Counter(path for path, _ in calls)
        """Module -> how many ops it has itself."""
        kinds = Counter(path for path, _ in {*calls})
        self.repeated = {path for path, count in self.modules.items() if count > 1 == kinds[path]}
        """Modules that do one thing, and are called several times."""
        self.inner = {path[:depth] for path in self.modules for depth in range(len(path))}
        """Modules that contain others, or so many ops that they are parts of a network themselves: attention."""
        self.inner |= {path for path, count in self.modules.items() if count > MOST_OF_A_LAYER}
        self.mains: dict[tuple[str, ...], str] = {}
        """Module -> the kind of the node that has been named after it."""

    def take(self, op: Op, kind: str, *, weighted: bool = False) -> Name:
        """The name of the next node that an op becomes, which is of this kind."""
        path = tuple(part for module in op.path if (part := plain(module)))[:16]
        leaf = plain(op.name) or kind
        if path and op.path not in self.inner:
            leaf = path[-1] if self.is_main(op, kind, weighted=weighted) else f"{path[-1]}_{kind}"
            path = path[:-1]
        elif path:
            leaf = kind
        return self.unique(path, leaf)

    def is_main(self, op: Op, kind: str, *, weighted: bool) -> bool:
        """Whether a node is named after the module of its op, as another one was before if that is called several times."""
        if op.path in self.mains:
            return op.path in self.repeated and self.mains[op.path] == kind
        if self.modules[op.path] <= 1 or op.path in self.repeated or weighted:
            self.mains[op.path] = kind
        return op.path in self.mains

    def stored(self, name: str, module: tuple[str, ...]) -> Name:
        """The name of a stored tensor that is read as data: its own path if it has one, else in the module that reads it.

        >>> Names([], []).stored("encoder.pos_embedding", ()).path, Names([], []).stored("/head/Constant_3", ("head",)).path
        ('encoder.pos_embedding', 'head.Constant_3')
        """
        parts = [plain(part) for part in name.split(".")]
        if "/" in name or "::" in name or not all(parts) or len(parts) < 2:
            parts = [*map(plain, module), plain(name.rpartition("/")[2]) or "constant"]
        *scope, leaf = filter(None, parts)
        return self.unique(tuple(scope[:16]), leaf)

    def unique(self, scope: tuple[str, ...], leaf: str) -> Name:
        """A name in a scope, with a number behind it if it is taken."""
        base = ".".join((*scope, leaf))
        name, number = base, self.counts[base]
        while name in self.taken:
            number += 1
            name = f"{base}_{number}"
        self.counts[base] = number
        self.taken.add(name)
        return Name(name, scope)
