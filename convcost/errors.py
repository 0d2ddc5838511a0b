"""What can go wrong, said in one line each: `file:line:column: where: what. hint`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Where(NamedTuple):
    """A place in a text: the file as the user named it, line and column counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """One thing that is wrong, where it stands, and in which part of the network.

    >>> print(Problem(Where("net.yaml", 14, 9), "stage3.block2", "stride must be >= 1, got 0"))
    net.yaml:14:9: stage3.block2: stride must be >= 1, got 0
    """

    where: Where | None
    scope: str
    what: str

    def __str__(self) -> str:
        return ": ".join(str(part) for part in (self.where, self.scope, self.what) if part)


class ConvcostError(Exception):
    """Base of every error that convcost raises on purpose; its text is meant for the user."""


class SpecError(ConvcostError):
    """A spec, or the network it describes, does not hold; carries every problem found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=_reading_order))
        super().__init__("\n".join(map(str, self.problems)))


class UsageError(ConvcostError):
    """A name or value that the caller gave does not exist or does not fit."""


class OutputError(ConvcostError):
    """A result could not be written."""


def _reading_order(problem: Problem) -> tuple[str, int, int, str, str]:
    where = problem.where or Where("", 0, 0)
    return (where.file, where.line, where.column, problem.scope, problem.what)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that ends a message: the nearest known word, else all of them if they are few.

    >>> did_you_mean("kernal", ["kernel", "stride"])
    '. Did you mean kernel?'
    >>> did_you_mean("zzz", ["kernel", "stride"])
    '. Known: kernel, stride'
    """
    import difflib  # only ever needed on the way to an error

    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    near = near or [name for name in names if len(word) > 1 and word in name]
    if near:
        return f". Did you mean {near[0]}?"
    return f". Known: {', '.join(names)}" if 0 < len(names) <= 24 else ""
