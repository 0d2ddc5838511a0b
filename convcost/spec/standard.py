"""The standard library of blocks: one file per block in this folder's `library/`, read only if a spec uses it.

Here a block is known by its name and its arguments; `parse.standard_spec` makes syntax of it.
"""

from __future__ import annotations

import os
import re
import textwrap
from functools import lru_cache

from convcost.ops.manual import Entry, Manual
from convcost.spec.tree import MappingNode, ScalarNode, Tree, parse_tree, read_text

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "library")


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """The names of all blocks of the library."""
    return frozenset(name.removesuffix(".yaml") for name in os.listdir(FOLDER) if name.endswith(".yaml"))


def path(name: str) -> str:
    """The file of a block."""
    return os.path.join(FOLDER, f"{name}.yaml")


@lru_cache(maxsize=256)
def tree(name: str) -> MappingNode:
    """The file of a block as a tree."""
    found, _ = parse_tree(read_text(path(name)), path(name))
    assert isinstance(found, MappingNode)
    return found


def arguments(name: str) -> dict[str, Tree]:
    """The arguments of a block with their defaults, as they are written; one without a value must be given."""
    args = tree(name).pairs.get("args")
    return dict(args.pairs) if isinstance(args, MappingNode) else {}


def must_be_given(default: Tree) -> bool:
    """Whether an argument has no default."""
    return isinstance(default, ScalarNode) and default.value is None


def manual(name: str) -> Manual:
    """The manual page of a block: what it is for, its arguments, its source, and its layers as the file has them."""
    said = {key: value.text for key, value in tree(name).pairs.items() if isinstance(value, ScalarNode)}
    text = read_text(path(name))
    keys = tree(name).keys
    first = min(keys[key].line for key in ("inputs", "layers") if key in keys)
    about = [*textwrap.wrap(said["about"], 118), "", *textwrap.wrap(f"Source: {said['source']}.", 118)]
    body = "\n".join([*about, "", *text.splitlines()[first - 1 :]])
    return Manual(name, "block", summary(name), tuple(_entry(*pair) for pair in arguments(name).items()), body)


def summary(name: str) -> str:
    """The first sentence of what a block is for."""
    about = tree(name).pairs["about"]
    text = about.text if isinstance(about, ScalarNode) else ""
    return re.split(r"[.:;] |\.$", text)[0]


def _entry(name: str, default: Tree) -> Entry:
    return Entry(name, "", default.text if isinstance(default, ScalarNode) and default.value is not None else None)


def overview() -> list[tuple[str, str, str]]:
    """Name, arguments and summary of every block."""
    return [
        (
            name,
            ", ".join(arg if must_be_given(default) else f"[{arg}]" for arg, default in arguments(name).items()),
            summary(name),
        )
        for name in sorted(names())
    ]
