"""Getting a finished text out: whole or not at all, to standard output or to a file."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NoReturn, cast

from convcost.errors import OutputError
from convcost.render import EXTENSIONS

_SIGPIPE_STATUS = 141  # what a shell reports for a program that a closed pipe has ended


def emit(text: str | bytes, path: str | None) -> None:
    """Write to a file, or to standard output if there is none; raises `OutputError`."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    if path is None or path == "-":
        _to_stdout(data)
    else:
        _to_file(data, path)


def format_of(path: str | None, given: str | None) -> str:
    """The format asked for, else what the file's ending says, else a table."""
    ending = os.path.splitext(path or "")[1].lower()
    return {"text": "table"}.get(given or "", given) or EXTENSIONS.get(ending, "table")


def _to_stdout(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except (OSError, AttributeError) as error:  # AttributeError: standard output is closed, and None
        abandon(1)
        if getattr(error, "errno", None) == errno.EPIPE:
            _reader_gone()
        why = getattr(error, "strerror", None) or "it is closed"
        raise OutputError(f"cannot write to standard output: {why}") from None


def abandon(descriptor: int) -> None:
    """Let what is still buffered go nowhere, so that Python does not try it again and complain when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _reader_gone() -> NoReturn:
    """The reader of the pipe (`head`, a pager) has seen enough: end quietly, as other programs do."""
    raise SystemExit(_SIGPIPE_STATUS)


def _to_file(data: bytes, path: str) -> None:
    with whole_file(path) as file:
        file.write(data)


@contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """A file to write to that appears under its name only once it is complete; raises `OutputError`.

    It is written beside its place and renamed, so that nobody ever sees half of it, whatever interrupts the writing.
    """
    try:
        if not path:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe cannot be replaced
            with open(path, "wb") as file:
                yield file
            return
        target = os.path.realpath(path)
        part = f"{target}.{os.getpid()}.part"
        try:
            with open(part, "xb") as file:
                yield file
            os.replace(part, target)
        except BaseException:
            if os.path.exists(part):
                os.unlink(part)
            raise
    except OSError as error:
        raise OutputError(f"cannot write {path or repr(path)}: {error.strerror or error}") from None


class _Stdout(io.RawIOBase):
    """Standard output, with the manners of `emit`."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        _to_stdout(bytes(data))
        return len(data)


@contextmanager
def stream(path: str | None) -> Iterator[BinaryIO]:
    """Somewhere to write what is too long to hold: a whole file, or standard output; raises `OutputError`."""
    if path is None or path == "-":
        yield cast("BinaryIO", _Stdout())
    else:
        with whole_file(path) as file:
            yield file
