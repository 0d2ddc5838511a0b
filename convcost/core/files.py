"""Files: those that may be read, and writing one whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from functools import partial

from convcost.core.ending import held, tidied

TYPE_CHECKING = False  # see convcost/__init__.py
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_NOT_RESERVED = (errno.EOPNOTSUPP, errno.EINVAL)
"""What a file system answers that cannot keep room for a file beforehand."""
NO_ZERO = "no name of a file has a zero byte"
PART = ".convcost-"
"""What a file that is being written is called first, then `PROCESS-RANDOM.part`: short, as the name it will have may be as
long as names can be.
"""


def state_to_read(path: str) -> os.stat_result:
    """The state of a file that is about to be read; raises `OSError` for what is none, and for a name that is no text.

    To read a pipe or a device would wait for its writer, or never end; a name that is no UTF-8 could stand in no result.
    """
    _check_name(path)
    if not is_text(path):
        raise OSError(errno.EILSEQ, "its path is not UTF-8; rename the file or its folder", path)
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device; write what it gives to a file", path)
    return found


def _check_name(path: str) -> None:
    """Raise `OSError` for a name that no file can have, which the system is not even asked about (`ValueError`)."""
    if "\0" in path:
        raise OSError(errno.EINVAL, NO_ZERO, path)


def is_text(name: str) -> bool:
    r"""Whether a word of the command line, or a file's name, is text: bytes that are not UTF-8 are half surrogates in it.

    >>> is_text("é.yaml"), is_text(b"\xff.yaml".decode("utf-8", "surrogateescape"))
    (True, False)
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def whole(path: str) -> Iterator[BinaryIO]:
    """A file to write to that has its name only once it is complete, also if a signal ends the process; raises `OSError`.

    A file that it takes the place of keeps its mode, its owner and its other names, and is left alone if it is protected.
    """
    _check_name(path)
    if os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe cannot be replaced
        with open(path, "wb") as file:
            yield file
        return
    target = os.path.realpath(path)
    before = _to_replace(target)
    part = os.path.join(os.path.dirname(target), f"{PART}{os.getpid()}-{os.urandom(4).hex()}.part")
    with tidied(partial(os.unlink, part)):
        try:
            with open(part, "xb") as file:
                yield file
            if before is None or (before.st_nlink == 1 and _is_made_alike(part, target, before)):
                os.replace(part, target)
            else:
                with held():
                    _copy(part, target)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part)


def _to_replace(target: str) -> os.stat_result | None:
    """The state of a file that is there already; raises `PermissionError` if it is protected, which root would not notice."""
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return None
    if not found.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is protected against writing", target)
    return found


def _is_made_alike(part: str, target: str, before: os.stat_result) -> bool:
    """Give a file the owner, the mode and the access list of another; whether that can be done."""
    import shutil  # for little more than this

    made = os.stat(part)
    try:
        if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
            os.chown(part, before.st_uid, before.st_gid)
        shutil.copystat(target, part)
        os.utime(part)
    except OSError:
        return False
    return True


def _copy(part: str, target: str) -> None:
    """Copy into a file that others know by another name, or that is another's; the room for it is there first, or nothing is
    changed, where the file system can say so.
    """
    import shutil

    with open(part, "rb") as new, open(target, "r+b") as old:
        size, before = os.fstat(new.fileno()).st_size, os.fstat(old.fileno()).st_size
        try:
            if size > before and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(old.fileno(), 0, size)
        except OSError as error:
            old.truncate(before)
            if error.errno not in _NOT_RESERVED:
                raise
        shutil.copyfileobj(new, old, 1 << 20)
        old.truncate()
