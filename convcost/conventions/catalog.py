"""Reading conventions.yaml: the named ways to count operations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import yaml

from convcost.conventions.convention import Convention
from convcost.core.errors import UsageError, did_you_mean


@lru_cache(maxsize=1)
def all_conventions() -> dict[str, Convention]:
    """Every convention by name."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "conventions.yaml"), encoding="utf-8") as file:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        entries: dict[str, Any] = yaml.load(file, Loader=loader)  # noqa: S506 - a safe loader, our own file
    groups: dict[str, list[str]] = {}
    for name, words in entries.pop("groups").items():  # a group may name those before it
        groups[name] = [op for word in words.split(", ") for op in groups.get(word, [word])]
    return {name: _convention(name, entries, groups) for name in entries}


def _convention(name: str, entries: Mapping[str, Any], groups: Mapping[str, list[str]]) -> Convention:
    stated = entries[name]
    terms, ignored, limits = (_by_op(key, name, entries, groups) for key in ("terms", "ignored", "limits"))
    ignored = {op: why for op, why in ignored.items() if op not in terms}
    return Convention(name, stated["unit"], stated["counts"], stated["source"], terms, ignored, limits)


def _by_op(key: str, name: str, entries: Mapping[str, Any], groups: Mapping[str, list[str]]) -> dict[str, Any]:
    """What a convention states under a key, per op, merged over the convention that it is `like`."""
    stated = entries[name]
    inherited = _by_op(key, stated["like"], entries, groups) if "like" in stated else {}
    if key == "terms":
        ignored = {
            op for words in stated.get("ignored", ()) for word in words.split(", ") for op in _named(word, groups)
        }
        inherited = {op: said for op, said in inherited.items() if op.partition(" ")[0] not in ignored}
    own = {word: said for words, said in stated.get(key, {}).items() for word in words.split(", ")}
    return inherited | {op: said for word, said in own.items() for op in _named(word, groups)}


def _named(word: str, groups: Mapping[str, list[str]]) -> list[str]:
    """The ops that a word stands for, each in the form or variant that follows the word.

    >>> _named("joins as functional", {"joins": ["add", "multiply"]})
    ['add as functional', 'multiply as functional']
    """
    op, space, form = word.partition(" ")
    return [one + space + form for one in groups.get(op, [op])]


def convention(name: str) -> Convention:
    """A convention by name; raises `UsageError`.

    >>> convention("paper").unit
    'MACs'
    """
    known = all_conventions()
    if name not in known:
        figure = "; for a printed figure: reconcile MODEL --printed" if name[:1].isdigit() else ""
        raise UsageError(f"there is no convention {name!r}{did_you_mean(name, known)}{figure}")
    return known[name]


def list_conventions() -> tuple[str, ...]:
    """The names of all conventions, that of the papers first.

    >>> list_conventions()[:3]
    ('paper', 'with_bias', 'connections')
    """
    return tuple(all_conventions())
