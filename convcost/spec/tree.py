"""YAML with positions: text -> a tree in which every value knows its file, line and column.

The tree is built from the parser's events, so that neither expansion nor nesting is unbounded. Plain scalars
follow YAML 1.2's core schema (`no` is a word, `010` is ten, `12:30` is text, `1e3` is a thousand) and decimals are
exact. Duplicate keys, tags, anchors and aliases are refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

from convcost.core.errors import MOST_PROBLEMS, Problem, SpecError, Where
from convcost.core.expr import ExprError, number
from convcost.core.files import state_to_read

LARGEST_FILE = 1 << 20
"""Bytes of a spec."""
DEEPEST = 32
"""Nested lists and mappings."""
MOST_VALUES = 250_000
"""Values, lists and mappings of a file. 1 MiB could hold twice as many, of one letter each, and take seconds to read; the
5,000 layers that a network may have, every attribute written out, are a third of it."""
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
# libyaml's parser where PyYAML was built with it; the pure Python one reads the same language, slower.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ScalarNode(NamedTuple):
    """One value: an int, an exact decimal, a truth value, nothing, or text."""

    where: Where
    value: int | Fraction | bool | str | None
    text: str = ""
    """As it is written."""
    quoted: bool = False
    broken: bool = False
    """Whether it has been reported."""

    @property
    def kind(self) -> str:
        return self.text if self.value is not None else "nothing"


class SequenceNode(NamedTuple):
    """A list."""

    where: Where
    items: tuple[Tree, ...]

    @property
    def kind(self) -> str:
        return "a list"


class MappingNode(NamedTuple):
    """Keys and values; keys are unique."""

    where: Where
    pairs: dict[str, Tree]
    keys: dict[str, Where]
    """The position of each key."""

    @property
    def kind(self) -> str:
        return "a mapping"


Tree = ScalarNode | SequenceNode | MappingNode


def read_text(path: str, kind: str = "a spec", largest: int = LARGEST_FILE) -> str:
    """The text of a spec, or of another `kind` of file; raises `SpecError` if it is missing, unreadable, too large or not text."""
    shown, data = shown_path(path), read_bytes(path, largest + 1)
    if len(data) > largest:
        raise SpecError([Problem(None, shown, f"is larger than {kind} may be ({largest:,} bytes)")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = _place(shown, data[: error.start].decode("utf-8", "replace"))
        what = f"not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}"
        raise SpecError([Problem(where, "", what)]) from None


def read_bytes(path: str, most: int) -> bytes:
    """So many bytes of a file, from its beginning; raises `SpecError` if it is missing or cannot be read."""
    try:
        state_to_read(path)
        with open(path, "rb") as file:
            return file.read(most)
    except OSError as error:
        raise SpecError([Problem(None, shown_path(path), f"cannot be read: {error.strerror or error}")]) from None


@lru_cache(maxsize=2)
def texts(folder: str) -> dict[str, str]:
    """The text of every spec in a folder, by its name without the extension; read once."""
    names = sorted(name.removesuffix(".yaml") for name in os.listdir(folder) if name.endswith(".yaml"))
    return {name: read_text(os.path.join(folder, f"{name}.yaml")) for name in names}


def shown_path(path: str) -> str:
    """The path as messages show it: relative if the file is below the working directory."""
    here = os.path.join(_here(), "")
    absolute = os.path.normpath(os.path.join(here, path))
    shown = absolute[len(here) :] if absolute.startswith(here) else path
    return shown if shown.isprintable() else repr(shown)


def _here() -> str:
    """The working folder; nothing where it has been deleted."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def parse_tree(
    text: str, file: str, begins: str = "a spec starts with 'convcost: 1'", most: int = MOST_VALUES
) -> tuple[Tree, list[Problem]]:
    """The tree of a YAML document and what is wrong with it; raises `SpecError` if there is no tree at all, or one of more
    than so many values.
    """
    builder = _Builder(file, most)
    try:
        tree = builder.document(iter(yaml.parse(text, Loader=_Loader)))
    except yaml.MarkedYAMLError as error:
        raise SpecError([_syntax(error, text, file)]) from None
    except yaml.YAMLError:
        # What is left is a character that YAML does not allow, whose place the exception tells only as an offset.
        at = next((i for i, char in enumerate(text) if yaml.reader.Reader.NON_PRINTABLE.match(char)), 0)
        what = f"not valid YAML: the character U+{ord(text[at]):04X} is not allowed"
        raise SpecError([Problem(_place(file, text[:at]), "", what)]) from None
    if tree is None:
        raise SpecError([Problem(Where(file, 1, 1), "", f"the file is empty; {begins}")])
    return tree, builder.problems


def _place(file: str, before: str) -> Where:
    """The position at the end of the text that precedes an error."""
    lines = before.split("\n")
    return Where(file, len(lines), len(lines[-1]) + 1)


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    """The parser's error, with its context and the most common cause."""
    mark, context = error.problem_mark or error.context_mark, error.context_mark
    where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file, 1, 1)
    line = text.splitlines()[where.line - 1] if where.line <= len(text.splitlines()) else ""
    hint = ""
    if line[where.column - 1 : where.column] == "\t":
        hint = "; a tab cannot indent, use spaces"
    elif context and mark and context.line != mark.line:
        hint = f" ({error.context} from line {context.line + 1})"
    elif error.context == "while parsing a flow mapping":
        hint = "; inside { } quote an expression that has brackets or commas"
    return Problem(where, "", f"not valid YAML: {error.problem or error.context}{hint}")


class _Builder:
    """Turns events into a tree; recursion follows the nesting, which is bounded."""

    def __init__(self, file: str, most: int) -> None:
        self.file = file
        self.most = self.left = most
        self.problems: list[Problem] = []

    def bound(self) -> None:
        """Stop at too many problems."""
        if len(self.problems) >= MOST_PROBLEMS:
            raise SpecError(self.problems)

    def where(self, event: Any) -> Where:
        return Where(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def document(self, events: Iterator[Any]) -> Tree | None:
        tree: Tree | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and tree is not None:
                raise SpecError([Problem(self.where(event), "", "a file holds one spec, not several documents")])
            if isinstance(event, yaml.NodeEvent):
                tree = self.node(event, events, 0)
        return tree

    def node(self, event: Any, events: Iterator[Any], depth: int) -> Tree:
        where = self.where(event)
        self.left -= 1
        if self.left < 0:
            remedy = "write what repeats once, as a block or with repeat"
            raise SpecError([Problem(where, "", f"the file holds more than {self.most:,} values; {remedy}")])
        if depth > DEEPEST:
            raise SpecError([Problem(where, "", f"lists and mappings nest deeper than {DEEPEST}")])
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            hint = "anchors and aliases (& and *) are not part of the language; name a block and use it twice"
            raise SpecError([Problem(where, "", hint)])
        if event.tag not in (None, "!"):
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.problems.append(Problem(where, "", f"tags are not part of the language, got {tag}"))
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, where)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                items.append(self.node(event, events, depth + 1))
            return SequenceNode(where, tuple(items))
        return self.mapping(where, events, depth)

    def mapping(self, where: Where, events: Iterator[Any], depth: int) -> MappingNode:
        pairs: dict[str, Tree] = {}
        keys: dict[str, Where] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            self.bound()
            key = self.node(event, events, depth + 1)
            value = self.node(next(events), events, depth + 1)
            if not isinstance(key, ScalarNode):
                self.problems.append(Problem(key.where, "", f"a key must be a word, got {key.kind}"))
                continue
            # The text as written: a preset may be called 1_0, a column 18 or true.
            name = str(event.value)
            if name == "<<":
                hint = "merge keys (<<) are not part of the language; name a block and use it twice"
                self.problems.append(Problem(key.where, "", hint))
                continue
            if name in pairs:
                self.problems.append(
                    Problem(key.where, "", f"the key {name!r} stands twice (first in line {keys[name].line})")
                )
                continue
            pairs[name], keys[name] = value, key.where
        return MappingNode(where, pairs, keys)

    def scalar(self, event: Any, where: Where) -> ScalarNode:
        text: str = event.value
        if not event.implicit[0]:  # quoted, or a block of text
            return ScalarNode(where, text, text, quoted=True)
        if text.lower() in _WORDS:
            return ScalarNode(where, _WORDS[text.lower()], text)
        try:
            value = number(text)
        except ExprError as error:
            self.problems.append(Problem(where, "", str(error)))
            return ScalarNode(where, text, text, broken=True)
        return ScalarNode(where, text if value is None else value, text)
