"""The files that a glob matches: each once, and no folder looked into twice, however many ways lead to it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from fnmatch import filter as fitting
from glob import has_magic

_ANY_DEPTH = "**"


def is_glob(text: str, folder: str) -> bool:
    """Whether a name is one of several files: it has wildcards, and is not itself the name of a file."""
    return has_magic(text) and not os.path.isfile(os.path.join(folder, text))


def matching(pattern: str, folder: str) -> list[tuple[str, str]]:
    """The files that a pattern matches from a folder: what they are called from there, and their paths.

    As in a shell, `**` is folders at any depth, those behind links aside, and wildcards match no name that begins with a dot.
    A name that is there is itself, not a pattern.
    """
    drive, rest = os.path.splitdrive(pattern.replace(os.sep, "/"))
    *words, last = (word for word in rest.split("/") if word != ".")
    if last == _ANY_DEPTH:
        words, last = [*words, last], "*"
    places = [os.path.join(folder, drive + ("/" if rest.startswith("/") else ""))]
    for before, word in zip(["", *words], words):
        if word != _ANY_DEPTH:
            places = _folders(path for place in places for path in _fitting(place, word))
        elif before != word:
            places = _folders(_below(places))
    found = sorted(path for place in places for path in _fitting(place, last) if os.path.isfile(path))
    return [(os.path.relpath(path, folder or ".").replace(os.sep, "/"), path) for path in found]


def _fitting(place: str, word: str) -> list[str]:
    """What a word of a pattern matches in a folder."""
    path = os.path.join(place, word)
    if os.path.lexists(path):
        return [path]
    if not has_magic(word):
        return []
    names = [name for name, _ in _entries(place) if word.startswith(".") or not name.startswith(".")]
    return [os.path.join(place, name) for name in fitting(names, word)]


def _below(places: Iterable[str]) -> Iterator[str]:
    """Folders, and those in them at any depth; no links, nothing hidden."""
    waiting, seen = [*places], set[str]()
    while waiting:
        place = waiting.pop()
        if place not in seen:
            seen.add(place)
            yield place
            inside = (name for name, is_folder in _entries(place) if is_folder and not name.startswith("."))
            waiting += [os.path.join(place, name) for name in inside]


def _folders(paths: Iterable[str]) -> list[str]:
    """Those that are folders, each once, though links and `..` lead to it; by a path that is no link if there is one."""
    found: dict[tuple[int, int], str] = {}
    for path in sorted(paths, key=lambda path: (os.path.islink(path), path)):
        try:
            state = os.stat(path or ".")
        except OSError:
            continue
        if stat.S_ISDIR(state.st_mode):
            found.setdefault((state.st_dev, state.st_ino), path)
    return [*found.values()]


def _entries(place: str) -> list[tuple[str, bool]]:
    """The names in a folder, and whether they are folders and no links; none of what cannot be looked into."""
    try:
        with os.scandir(place or ".") as entries:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except OSError:
        return []
