"""Errors, each with a one-line message: `file:line:column: where: what. hint`."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple


class Where(NamedTuple):
    """A place in a text: the file as the user named it, line and column counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """One thing that is wrong, its place in the file, and the part of the network that it concerns.

    >>> print(Problem(Where("net.yaml", 14, 9), "stage3.block2", "stride must be >= 1, got 0"))
    net.yaml:14:9: stage3.block2: stride must be >= 1, got 0
    """

    where: Where | None
    scope: str
    what: str

    def __str__(self) -> str:
        return one_line(": ".join(str(part) for part in (self.where, self.scope, self.what) if part))


MOST_SHOWN = 60
"""The most problems that are listed in one message."""
MOST_PROBLEMS = 1000
"""The number of problems after which a file is not read any further."""
_LONGEST = 400
_MOST_LISTED = 24
"""The most names that a hint lists."""


def one_line(text: str) -> str:
    r"""A message on one line of limited length, whatever the file it quotes contains.

    >>> print(one_line("a\nb"))
    a\nb
    """
    return spelled(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 100]} … {text[-80:]}")


def spelled(text: str) -> str:
    r"""A text in which characters that cannot be printed, such as the end of a line, are spelled out.

    >>> print(spelled("a\nb") + spelled("c" + chr(8)))
    a\nbc\x08
    """
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def lines_spelled(text: str) -> str:
    r"""The lines of a text, each as `spelled`.

    >>> print(lines_spelled("a\nb" + chr(8)))
    a
    b\x08
    """
    return "\n".join(map(spelled, text.split("\n")))


class ConvcostError(Exception):
    r"""Base of every error that convcost raises on purpose; its text is meant for the user, and what it quotes is spelled out.

    >>> print(ConvcostError("padding must be same or valid, got \t"))
    padding must be same or valid, got \t
    """

    def __init__(self, text: str) -> None:
        super().__init__(lines_spelled(text))


class SpecError(ConvcostError):
    """A spec, or the network it describes, is invalid; carries every problem found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_reading_order(problems)
        assert self.problems, "what is refused is refused in words"
        shown, more = self.problems[:MOST_SHOWN], len(self.problems) - MOST_SHOWN
        super().__init__("\n".join([*map(str, shown), *([f"… and {more} more problems"] if more > 0 else [])]))

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Problem, ...]]]:
        """Pickled as its problems; by default an exception is rebuilt from its message."""
        return type(self), (self.problems,)


class UsageError(ConvcostError):
    """A name or value that the caller gave does not exist or does not fit."""


class OutputError(ConvcostError):
    """A result could not be written."""


def listed(problems: Sequence[str]) -> str:
    r"""Messages as one, a line each, as many as a spec's problems are shown.

    >>> print(listed(["a.csv:2: x is empty", "a.csv:4: x is empty"]))
    a.csv:2: x is empty
    a.csv:4: x is empty
    """
    more = len(problems) - MOST_SHOWN
    return "\n".join([*map(one_line, problems[:MOST_SHOWN]), *([f"… and {more} more problems"] if more > 0 else [])])


_MOST_COMPARED = 200
"""Words that a mistyped one is compared with, whatever they begin with."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant, if one is similar.

    >>> nearest("Relu", ["elu", "relu"]), nearest("zzz", ["relu"])
    ('relu', None)
    """
    import difflib  # only ever needed on the way to an error

    every = sorted(known)
    if len(every) > 1000 or len(word) > 100:  # the comparison is quadratic, and no such word was mistyped
        return None
    # Of many, as of the zoo's networks, only those with its first letter are compared: a file may lack a thousand.
    likely = [name for name in every if name[:1] == word[:1]] if len(every) > _MOST_COMPARED else every
    close = difflib.get_close_matches(word, likely, n=3, cutoff=0.6)
    found = [name for name in every if name.lower() == word.lower()]
    found += sorted(close, key=lambda name: name[:1] != word[:1])  # people rarely mistype the first letter
    found += [name for name in every if len(word) > 1 and word in name]
    return found[0] if found else None


def in_reading_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems once each, as they stand in their files.

    >>> late, soon = (Problem(Where("net.yaml", line, 1), "", "is wrong") for line in (9, 2))
    >>> [str(problem) for problem in in_reading_order([late, soon, late])]
    ['net.yaml:2:1: is wrong', 'net.yaml:9:1: is wrong']
    """

    def place(problem: Problem) -> tuple[str, int, int, str, str]:
        where = problem.where or Where("", 0, 0)
        return (where.file, where.line, where.column, problem.scope, problem.what)

    return tuple(sorted(set(problems), key=place))


def is_one_of(given: object, known: Container[str]) -> bool:
    """Whether what a caller in Python gives is one of these names: a number or a list is none, and a list has no hash.

    >>> is_one_of("paper", {"paper": 1}), is_one_of(["paper"], {"paper": 1})
    (True, False)
    """
    return isinstance(given, str) and given in known


def did_you_mean(word: object, known: Iterable[str], also: Iterable[str] = (), *, listed_by: str = "") -> str:
    """A hint that ends a message: the nearest known word, else all of them if they are few, else the command that lists them.

    Words that are `also` possible are suggested if one is near, but not listed. To what is no word, none is near.

    >>> did_you_mean("kernal", ["kernel", "stride"])
    '. Did you mean kernel?'
    >>> did_you_mean("zzz", ["kernel", "stride"])
    '. Known: kernel, stride'
    >>> did_you_mean("zzz", map(str, range(100)), listed_by="convcost spec ops")
    '. `convcost spec ops` lists all'
    """
    names = sorted(known)
    if isinstance(word, str) and (found := nearest(word, {*names, *also})):
        return f". Did you mean {found}?"
    if len(names) > _MOST_LISTED:
        return f". `{listed_by}` lists all" if listed_by else ""
    return f". Known: {', '.join(names)}" if names else ""


class Unfit(ValueError):
    """A value is not of its kind; the message continues "ATTRIBUTE must be …"."""
