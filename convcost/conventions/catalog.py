"""Reading conventions.yaml: the named ways to count operations."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import yaml

from convcost.conventions.convention import Convention
from convcost.core.errors import UsageError, did_you_mean, is_one_of


@lru_cache(maxsize=1)
def _entries() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "conventions.yaml"), encoding="utf-8") as file:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        entries: dict[str, Any] = yaml.load(file, Loader=loader)  # noqa: S506 - a safe loader, our own file
    return entries


def group_words() -> dict[str, str]:
    """Words for several ops -> these, as conventions.yaml has them: a group may name those before it."""
    words: dict[str, str] = _entries()["groups"]
    return words


@lru_cache(maxsize=1)
def groups() -> dict[str, list[str]]:
    """Words for several ops -> these."""
    found: dict[str, list[str]] = {}
    for name, words in group_words().items():
        found[name] = [op for word in words.split(", ") for op in found.get(word, [word])]
    return found


@lru_cache(maxsize=1)
def all_conventions() -> dict[str, Convention]:
    """Every convention by name."""
    entries = {name: stated for name, stated in _entries().items() if name != "groups"}
    return {name: _convention(name, entries) for name in entries}


def _convention(name: str, entries: Mapping[str, Any]) -> Convention:
    stated = entries[name]
    terms, ignored, limits = (_by_op(key, name, entries) for key in ("terms", "ignored", "limits"))
    ignored = {op: why for op, why in ignored.items() if op not in terms}
    return Convention(name, stated["unit"], stated["counts"], stated["source"], terms, ignored, limits)


def _by_op(key: str, name: str, entries: Mapping[str, Any]) -> dict[str, Any]:
    """What a convention states under a key, per op, merged over the convention that it is `like`."""
    stated = entries[name]
    inherited = _by_op(key, stated["like"], entries) if "like" in stated else {}
    if key == "terms":
        ignored = {op for words in stated.get("ignored", ()) for op in named(words)}
        inherited = {op: said for op, said in inherited.items() if op.partition(" ")[0] not in ignored}
    return inherited | {op: said for words, said in stated.get(key, {}).items() for op in named(words)}


def named(words: str) -> list[str]:
    """The ops that words stand for, each in the form or variant that follows its word.

    >>> named("joins as functional, prelu")
    ['add as functional', 'multiply as functional', 'prelu']
    """
    found = []
    for word in words.split(", "):
        op, space, form = word.partition(" ")
        found += [one + space + form for one in groups().get(op, [op])]
    return found


def in_words(ops: Iterable[str]) -> list[str]:
    """The shortest words for some ops in their forms or variants: those of groups that are whole, largest first.

    >>> in_words(["add as functional", "relu", "multiply as functional"])
    ['joins as functional', 'relu']
    """
    left = dict.fromkeys(ops)
    places = {op: place for place, op in enumerate(left)}
    endings = dict.fromkeys(op.partition(" ")[2] for op in left)
    found: dict[str, int] = {}
    for group, members in sorted(groups().items(), key=lambda entry: -len(entry[1])):
        for ending in endings:
            written = [f"{op} {ending}".strip() for op in members]
            if len(written) > 1 and all(op in left for op in written):
                found[f"{group} {ending}".strip()] = min(places[op] for op in written)
                for op in written:
                    del left[op]
    found |= {op: places[op] for op in left}
    return sorted(found, key=found.__getitem__)


def convention(name: str) -> Convention:
    """A convention by name; raises `UsageError`.

    >>> convention("paper").unit
    'MACs'
    """
    known = all_conventions()
    if not is_one_of(name, known):
        hint = _instead(name, known) if isinstance(name, str) else "; convcost.list_conventions() has all"
        raise UsageError(f"there is no convention {name!r}{hint}")
    return known[name]


def _instead(name: str, known: Mapping[str, Convention]) -> str:
    """What was probably meant: the conventions that count in the unit of that name, a printed figure, a near name.

    >>> _instead("flops", all_conventions())
    '; FLOPs are what torch, calflops and tf_profiler count'
    """
    in_unit = [one for one in known.values() if one.unit.lower() == name.lower()]
    if in_unit:
        *others, last = (one.name for one in in_unit)
        who = f"{', '.join(others)} and {last} count" if others else f"{last} counts"
        return f"; {in_unit[0].unit} are what {who}"
    figure = "; for a printed figure: reconcile MODEL --printed" if name[:1].isdigit() else ""
    return f"{did_you_mean(name, known)}{figure}"


def list_conventions() -> tuple[str, ...]:
    """The names of all conventions, that of the papers first.

    >>> list_conventions()[:3]
    ('paper', 'with_bias', 'connections')
    """
    return tuple(all_conventions())
