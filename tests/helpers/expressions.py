"""All regular expressions of the package, and how each is used: found in the source, so that none is left out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import convcost

ROOT = Path(convcost.__file__).parent
USES = ("match", "fullmatch", "search", "split", "sub", "subn", "findall", "finditer")
_ANY = re.compile(rf"\bre\.[a-z]|[A-Z]\w*\.(?:{'|'.join(USES)})\(")
"""What stands in every module that has or uses one."""
#: Positions of `flags` among the arguments of a function of re.
_FLAGS = {"compile": 1, "split": 3, "sub": 4, "subn": 4}


class Used(NamedTuple):
    """A regular expression and one of the ways in which it is used."""

    where: str
    pattern: re.Pattern[str]
    use: str

    def run(self, text: str) -> None:
        """Use it on a text as the code does."""
        if self.use == "finditer":
            list(self.pattern.finditer(text))
        elif self.use in ("sub", "subn"):
            self.pattern.sub("", text)
        else:
            getattr(self.pattern, self.use)(text)


@cache
def every_use() -> tuple[Used, ...]:
    """All regular expressions that are written in the package, each with its uses."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}
    trees = {path: ast.parse(text) for path, text in texts.items() if _ANY.search(text)}
    called = {
        (_name(call.func.value), call.func.attr)
        for tree in trees.values()
        for call in _calls(tree)
        if isinstance(call.func, ast.Attribute) and call.func.attr in USES
    }
    return tuple(used for path, tree in trees.items() for used in _of_module(path, tree, called))


def _of_module(path: Path, tree: ast.Module, called: set[tuple[str, str]]) -> Iterator[Used]:
    texts = {
        _name(target): _text(node.value, {})
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }
    names = {
        id(inner): _name(target)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        for inner in ast.walk(node.value)
    }
    for call in _calls(tree):
        function = call.func
        if not isinstance(function, ast.Attribute) or _name(function.value) != "re":
            continue
        if function.attr != "compile" and function.attr not in USES:
            continue
        pattern = re.compile(_text(call.args[0], texts) or "", _flags(call, function.attr))
        where = f"{path.relative_to(ROOT)}:{call.lineno}"
        if function.attr != "compile":
            yield Used(where, pattern, function.attr)
            continue
        name = names.get(id(call), "")
        for use in USES:
            # One of several that are made at once, or of a class, may be called by another name: whatever its use is.
            if (name, use) in called:
                yield Used(where, pattern, use)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _text(node: ast.AST, known: dict[str, str | None]) -> str | None:
    """A text as it is written; what is put into it, where that is no constant of the module, is a word."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, known) or "word" for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, known)
    return known.get(_name(node)) or "word"


def _flags(call: ast.Call, function: str) -> int:
    given = [word.value for word in call.keywords if word.arg == "flags"] + call.args[_FLAGS.get(function, 2) :][:1]
    return sum(
        {int(getattr(re, _name(node))) for flags in given for node in ast.walk(flags) if hasattr(re, _name(node))}
    )
