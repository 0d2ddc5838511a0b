"""Writing a finished text, all or nothing, to standard output or to a file."""

from __future__ import annotations

import errno
import io
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast

import click

from convcost.core.errors import OutputError, UsageError, lines_spelled
from convcost.core.files import whole
from convcost.render.table import EXTENSIONS, PICTURES, Table, ending, render

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from convcost.render.canvas import Drawing


_SIGPIPE_STATUS = 141  # what a shell reports for a program that a closed pipe has ended
OUTPUT = ("-o", "--output")
"""The options behind which a file to write stands."""
_USUAL_WIDTH = 80  # of a terminal that does not say


def emit(text: str | bytes, path: str | None) -> None:
    """Write to a file, or to standard output if there is none; raises `OutputError`."""
    data = text.encode("utf-8") if isinstance(text, str) else text
    if path is None or path == "-":
        _to_stdout(data)
    else:
        _to_file(data, path)


def tell(text: str) -> None:
    """Write lines to standard error, where a terminal shows them; what cannot be printed of them is spelled out."""
    click.echo(lines_spelled(text), err=True)


def show(table: Table, path: str | None, fmt: str) -> None:
    """Write a table in a format to a file, or to standard output, fitted to its width if that is a terminal."""
    emit(_page([table]) if fmt == "html" else render(table, fmt, width_of(path)), path)


def _page(parts: list[go.Figure | Table]) -> str:
    """A page of a table, the last of the parts, and its picture, that says which command made it."""
    from convcost.pages.files import page

    table = parts[-1]
    return page(table.heading or table.title or "convcost", parts, [("command", command_line())])


def width_of(path: str | None) -> int | None:
    """The columns of the terminal that is written to; None for a file and for a pipe, which get all that there is.

    COLUMNS goes before what the terminal says, as everywhere.
    """
    try:
        if path not in (None, "-") or not sys.stdout.isatty():
            return None
        said = os.environ.get("COLUMNS", "")
        columns = int(said) if said.isdecimal() else 0
        return columns or os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL_WIDTH
    except (AttributeError, OSError, ValueError):  # standard output is closed, or no file at all
        return None


def is_picture(path: str | None, given: str | None) -> bool:
    """Whether the file's extension is that of an image, and no other format was given."""
    return given is None and ending(path) in PICTURES


def is_page(path: str | None) -> bool:
    """Whether the file's extension is that of a page."""
    return EXTENSIONS.get(ending(path)) == "html"


def text_format(path: str | None, given: str | None) -> str | None:
    """The format, if it is one of plain text; None for a page, for an image, and for an unknown extension."""
    if is_picture(path, given):
        return None
    fmt = {"text": "table"}.get(given or "", given) or EXTENSIONS.get(ending(path), None if ending(path) else "table")
    return None if fmt == "html" else fmt


def format_of(path: str | None, given: str | None, also: Sequence[str] = ()) -> str:
    """The format asked for, else that of the file's extension, else a table.

    Raises `UsageError` for an image and for an unknown extension; its text names those that are `also` possible.
    """
    if is_picture(path, given):
        raise UsageError(f"{path}: there is no picture of this; {', '.join(EXTENSIONS)} can be written")
    said = ending(path)
    if said == ".parquet" and given is None:
        raise UsageError(f"{path}: Parquet holds the points of a sweep; {', '.join(EXTENSIONS)} can be written here")
    if given is None and said and said not in EXTENSIONS:
        known = ", ".join([*EXTENSIONS, *also])
        raise UsageError(f"{path}: the ending {said} says no format; known are {known}; else give --format")
    return {"text": "table"}.get(given or "", given) or EXTENSIONS.get(said, "table")


def is_drawn(path: str | None, given: str | None) -> bool:
    """Whether an image or a page is asked for; raises `UsageError` for an unknown extension."""
    return is_picture(path, given) or format_of(path, given, PICTURES) == "html"


def deliver(
    output: str | None,
    format_: str | None,
    table: Callable[[], Table],
    *,
    figure: Callable[[], go.Figure | Drawing] | None = None,
    page: Callable[[], str] | None = None,
) -> None:
    """Write what the options ask for: a table, a page, or an image; only that one is made.

    A page that is not given contains the figure and the table. Raises `OutputError`, and `UsageError` if there is no
    figure for an image.
    """
    if is_picture(output, format_) and figure is not None and output is not None:
        from convcost.pages.files import image

        emit(image(figure(), output), output)
        return
    wanted = format_of(output, format_, PICTURES if figure is not None else ())
    if wanted == "html" and page is not None:
        emit(page(), output)
    elif wanted == "html" and figure is not None:
        emit(_page([figure(), table()]), output)
    else:
        show(table(), output, wanted)


def command_line() -> str:
    """The current command as a reader could type it, independent of the output file's name and of the folder of specs."""
    context = click.get_current_context().find_root()
    words = [part for word in context.meta.get("convcost.words", ()) for part in apart(str(word))]
    shown = [_word(before, word) for before, word in zip(["", *words], words)]
    return shlex.join(["convcost", *shown])


def apart(word: str) -> list[str]:
    """`--output=FILE` and `-oFILE` as two words, like everyone else."""
    if word.startswith("--output="):
        return ["--output", word.removeprefix("--output=")]
    return ["-o", word[2:]] if word.startswith("-o") and len(word) > 2 else [word]


def _word(before: str, word: str) -> str:
    if before in OUTPUT:
        return f"FILE{ending(word)}"
    return os.path.basename(word) if os.path.isabs(word) else word


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
    """Discard buffered output, so that Python does not try to write it again, and fail, at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _reader_gone() -> NoReturn:
    """The reader of the pipe (`head`, a pager) has closed it: exit silently, as other programs do."""
    raise SystemExit(_SIGPIPE_STATUS)


def _to_file(data: bytes, path: str) -> None:
    with whole_file(path) as file:
        file.write(data)


@contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """A file to write to, as `files.whole`; raises `OutputError`."""
    try:
        if not path:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        with whole(path) as file:
            yield file
    except OSError as error:
        raise OutputError(f"cannot write {path or repr(path)}: {_why(error, path)}") from None


def _why(error: OSError, path: str) -> str:
    """What is wrong, in words; of a file that cannot be made, which folder is not there."""
    if path and isinstance(error, FileNotFoundError):
        try:
            folders = [os.path.dirname(path), os.path.dirname(os.path.realpath(path))]  # of a link, where it leads
        except FileNotFoundError:
            return "the working folder has been deleted; change to one that exists"
        for folder in filter(None, folders):
            if not os.path.exists(folder):
                return f"there is no folder {folder}"
    return error.strerror or str(error)


class _Stdout(io.RawIOBase):
    """Standard output, with the error handling of `emit`."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        _to_stdout(bytes(data))
        return len(data)


@contextmanager
def stream(path: str | None) -> Iterator[BinaryIO]:
    """A target for output that does not fit in memory: a whole file, or standard output; raises `OutputError`."""
    if path is None or path == "-":
        yield cast("BinaryIO", _Stdout())
    else:
        with whole_file(path) as file:
            yield file
