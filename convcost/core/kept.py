"""A cache of computed answers between calls, keyed by the content of everything that the numbers depend on.

The key is a digest of convcost's own source and data and of the zoo, so that nothing has to be invalidated: after any
change, another key is asked for. If a file cannot be read or written, the answer is computed again. Files are plain
JSON with a checksum: reading them executes nothing.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from _blake2 import blake2b  # what hashlib has under this name; hashlib loads all of OpenSSL first
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from convcost import core
from convcost.core.files import PART, whole
from convcost.core.places import MODEL_FILE, PACKAGE, of_zoo, zoo_directory

SHIPPED = os.path.join(PACKAGE, "counted")
"""Answers that a wheel ships with; they are never found once its source or data has changed."""
_MOST_FILES, _MOST_BYTES = 200, 16 * 2**20
_TOO_FRESH = 2 * 10**7
"""Nanoseconds by which file timestamps may lag behind the process clock."""
_DATA = (".py", ".yaml", ".csv", ".json", ".css", ".js")
"""What the names of source and of data end in: tables are answered from as specs are, and pages hold scripts and styles."""
_LEFT_OUT = frozenset({"__pycache__", "specs", os.path.basename(SHIPPED)})
_OURS = re.compile(rf"[0-9a-f]{{32}}-[\w-]+\.json|{re.escape(PART)}")


def place() -> str | None:
    """The cache folder: CONVCOST_CACHE, or one in the user's cache directory; None if caching is turned off."""
    said = os.environ.get("CONVCOST_CACHE", "")
    if said:
        return None if said == "0" else said
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        base = base if os.path.isabs(base) else os.path.expanduser("~/.cache")
    return os.path.join(base, "convcost") if os.path.isabs(base) else None


def fingerprint() -> str | None:
    """A digest of all that a number of the zoo depends on: convcost's source and data, and the zoo's files, byte by byte.

    None if a file cannot be read, or has changed since this process started: then the code that runs is not the code
    on disk.
    """
    try:
        digest, newest = content((PACKAGE, zoo_directory()))
    except OSError:
        return None
    return digest if newest + _TOO_FRESH < core.BEGUN else None


def content(roots: Iterable[str]) -> tuple[str, int]:
    """A digest of the names and bytes of all source and data below some folders, and the time of the last change.

    The time is the inode's, in nanoseconds: nothing that writes, moves or copies a file can set it back.
    """
    digest, newest = blake2b(digest_size=16), 0
    for root in roots:
        for name, path in _files(root, ""):
            with open(path, "rb", buffering=0) as file:
                text = file.readall()
                newest = max(newest, os.fstat(file.fileno()).st_ctime_ns)
            digest.update(f"{name}\0{len(text)}\0".encode())
            digest.update(text)
    return digest.hexdigest(), newest


def _files(folder: str, inside: str) -> Iterator[tuple[str, str]]:
    """Name and path of source and data below a folder, in an order that does not depend on the machine.

    What only a wheel has inside the package is left out: `specs`, as the zoo is digested separately, and the answers that
    it ships with.
    """
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.endswith(_DATA):
            yield inside + entry.name, entry.path
        elif entry.name not in _LEFT_OUT and entry.is_dir():
            yield from _files(entry.path, f"{inside}{entry.name}/")


class Answers:
    """Questions and their computed answers; only JSON values, which are read back as they were written."""

    def __init__(self, known: dict[str, Any]) -> None:
        self._known = known
        self.new: dict[str, Any] = {}
        """Answers computed in this process."""

    def of(self, question: tuple[Any, ...], count: Callable[[], Any], *models: str) -> Any:
        """The answer; computed if it is not cached, and always if one of `models` may be a file.

        >>> known = Answers({})
        >>> [known.of(("two", 1), lambda: word) for word in ("counted", "not counted again")]
        ['counted', 'counted']
        """
        if not all(map(of_zoo, models)):
            return count()
        asked = repr(question)
        found = self.new.get(asked, self._known.get(asked))
        if found is None:
            found = self.new[asked] = count()
        return found

    @property
    def all(self) -> dict[str, Any]:
        """The cached answers and the new ones."""
        return {**self._known, **self.new}


@contextmanager
def answers(kind: str) -> Iterator[Answers]:
    """The cached answers of one kind for the current source and zoo; new ones are written on exit."""
    folder = place()
    state = fingerprint() if folder is not None else None
    if folder is None or state is None:
        yield Answers({})
        return
    name = f"{state}-{kind}.json"
    known = Answers({**_read(SHIPPED, name), **_read(folder, name)})
    yield known
    if known.new and fingerprint() == state:  # not if somebody edits meanwhile
        _write(folder, name, known.all)


def kept_text(
    kind: str,
    question: tuple[Any, ...],
    write: Callable[[], str],
    models: Iterable[str],
    keep: Callable[[], bool] = lambda: True,
) -> str:
    """A cached text, in a file of its own; computed again if one of `models` may be a spec, or if it was not to `keep`.

    Of a model file, the text is that of the state in which the file is: it depends on no other file.
    """
    states = [state_of(model) for model in models]
    if None in states:
        return write()
    if any(states):
        question = (*question, *states)
    with answers(f"{kind}-{blake2b(repr(question).encode(), digest_size=8).hexdigest()}") as known:
        text = str(known.of(question, write))
        if not keep():
            known.new.clear()
        return text


def state_of(model: str) -> str | None:
    """What changes whenever a model file does: the file itself, its size and the time of its inode.

    Empty for a network of the zoo; None for a spec, which may be built on others, and for a file that has just been written.
    """
    if of_zoo(model):
        return ""
    try:
        found = os.stat(model) if MODEL_FILE.search(model) else None
    except OSError:
        return None
    if found is None or found.st_ctime_ns + _TOO_FRESH > time.time_ns():
        return None
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_ctime_ns}"


def packed(name: str, found: dict[str, Any]) -> bytes:
    """The content of a cache file: a line with the checksum of name and text, and the text."""
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
    return _checksum(name, text) + b"\n" + text


def _checksum(name: str, text: bytes) -> bytes:
    return blake2b(name.encode() + b"\n" + text, digest_size=16).hexdigest().encode()


def _read(folder: str, name: str) -> dict[str, Any]:
    """The answers in a file; none if it does not exist or fails its checksum."""
    path = os.path.join(folder, name)
    try:
        with open(path, "rb") as file:
            stated, _, text = file.read().partition(b"\n")
        if stated != _checksum(name, text):
            return {}
        found: dict[str, Any] = json.loads(text)
    except (OSError, ValueError):
        return {}
    with suppress(OSError):
        os.utime(path)  # used just now, and so the last to be tidied away
    return found


def _write(folder: str, name: str, found: dict[str, Any]) -> None:
    """Write a file whole, so that no reader sees half of it; failing to write is no error."""
    with suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with whole(os.path.join(folder, name)) as file:
            file.write(packed(name, found))
        _tidy(folder)


def _tidy(folder: str) -> None:
    """Keep the folder small: delete the least recently used files, and abandoned temporary ones; leave other files alone."""
    with os.scandir(folder) as entries:
        ours = [entry for entry in entries if _OURS.match(entry.name)]
    kept = size = 0
    for entry in sorted(ours, key=lambda entry: entry.stat().st_mtime_ns, reverse=True):
        kept, size = kept + 1, size + entry.stat().st_size
        if kept > _MOST_FILES or size > _MOST_BYTES:
            with suppress(OSError):
                os.unlink(entry.path)
