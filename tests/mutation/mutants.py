"""The mutants of a module: each differs from it in one token."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

OPERATORS = {
    "+": "-", "-": "+", "*": "+", "/": "*", "//": "*", "%": "//", "**": "*", "|": "&", "&": "|", "<<": ">>", ">>": "<<",
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "and": "or", "or": "and",
    "in": "not in", "not in": "in", "is": "is not", "is not": "is", "+=": "-=", "-=": "+=", "*=": "+=", "//=": "*=",
}  # fmt: skip
"""What an operator becomes."""
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "ceil": "floor", "floor": "ceil"}
"""What the name of a function becomes."""
CHECKED_ONLY = {"strict", "slots", "frozen", "repr", "compare", "maxsize", "init", "kw_only"}
"""Keyword arguments that change no result, only what is checked, kept or shown."""
Place = tuple[int, int]


class Mutant(NamedTuple):
    """A module with one token changed."""

    file: str
    """As seen from the root of the repository."""
    line: int
    column: int
    """Of the first character, from 0."""
    old: str
    new: str
    source: str

    @property
    def label(self) -> str:
        """What to call it: `convcost/core/dims.py:12:8 + -> -`."""
        return f"{self.file}:{self.line}:{self.column} {self.old or 'nothing'} -> {self.new or 'nothing'}"

    @property
    def text(self) -> str:
        """The whole module."""
        lines = self.source.splitlines(keepends=True)
        lines[self.line - 1] = self._changed(lines[self.line - 1])
        return "".join(lines)

    @property
    def shown(self) -> str:
        """The line as it is then, without its indent: the same wherever in the file it stands."""
        return self._changed(self.source.splitlines()[self.line - 1]).strip()

    def _changed(self, line: str) -> str:
        return line[: self.column] + self.new + line[self.column + len(self.old) :]


def mutants(file: str, source: str) -> list[Mutant]:
    """All of them, in the order of their places.

    >>> [(one.column, one.old, one.new) for one in mutants("x.py", "def f(n: int = 2): return n + 1 if n else -n")]
    [(15, '2', '3'), (28, '+', '-'), (30, '1', '2'), (35, '', 'not '), (42, '-', '')]
    >>> mutants("x.py", "a = b[1:]\\n")[0].text
    'a = b[2:]\\n'
    """
    found = _Finder(source)
    found.visit(ast.parse(source))
    places = sorted(dict.fromkeys(found.changes))
    return [Mutant(file, line, column, old, new, source) for (line, column), old, new in places]


class _Finder(ast.NodeVisitor):
    """Collects changes of a module: place, what stands there, what shall stand there."""

    def __init__(self, source: str) -> None:
        self.changes: list[tuple[Place, str, str]] = []
        self._lines = source.splitlines()
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        self._tokens = [token for token in tokens if token.type in (tokenize.OP, tokenize.NAME)]

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self._operator(node.left, node.right)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._operator(node.target, node.value)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, right in zip([node.left, *node.comparators], node.comparators):
            self._operator(left, right)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:]):
            self._operator(left, right)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub):
            old = "not " if isinstance(node.op, ast.Not) else "-"
            self._change((node.lineno, node.col_offset), old, "")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._change(_start(node), str(node.value), str(not node.value))
        elif isinstance(node.value, int) and node.lineno == node.end_lineno:
            line = self._lines[node.lineno - 1].encode()
            self._change(_start(node), line[node.col_offset : node.end_col_offset].decode(), str(node.value + 1))

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in NAMES:
            self._change(_start(node.func), node.func.id, NAMES[node.func.id])
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            return self.visit(node.args[0])  # types joined by | are no numbers
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in CHECKED_ONLY:
            self.generic_visit(node)

    def visit_If(self, node: ast.If | ast.While | ast.IfExp) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        self._negated(node.test)
        self.generic_visit(node)

    visit_While = visit_IfExp = visit_If  # noqa: N815

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._negated(test)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Without decorators and annotations, which change no result."""
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Nothing: Python 3.11 does not say where the parts of a formatted string stand."""

    def _negated(self, test: ast.expr) -> None:
        """A condition without an operator of its own, which would be turned round otherwise."""
        if isinstance(test, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            self._change(_start(test), "", "not ")

    def _operator(self, left: ast.expr, right: ast.expr) -> None:
        """What stands between two operands, behind the brackets that close and before those that open."""
        start, end = self._place(_end(left)), self._place(_start(right))
        between = [token for token in self._tokens if start <= token.start < end and token.string not in "()"]
        if len({token.start[0] for token in between}) == 1:
            old = " ".join(token.string for token in between)
            if old in OPERATORS:
                self.changes.append((between[0].start, old, OPERATORS[old]))

    def _change(self, place: Place, old: str, new: str) -> None:
        self.changes.append((self._place(place), old, new))

    def _place(self, place: Place) -> Place:
        """The tree counts bytes, tokens and lines count characters."""
        line, offset = place
        return line, len(self._lines[line - 1].encode()[:offset].decode())


def _start(node: ast.expr) -> Place:
    return node.lineno, node.col_offset


def _end(node: ast.expr) -> Place:
    return node.end_lineno or 0, node.end_col_offset or 0


def every(sources: Iterator[tuple[str, str]]) -> list[Mutant]:
    """The mutants of several modules."""
    return [mutant for file, source in sources for mutant in mutants(file, source)]
