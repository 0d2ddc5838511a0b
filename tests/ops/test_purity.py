"""Rules contain nothing that would break one of the three number systems, or make a count a float."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import convcost.ops
from convcost.ops import OPS

FOLDER = Path(convcost.ops.__file__).parent
#: These read what a spec says and keep the table; all other files of the folder hold rules and what rules share.
NO_RULES = {"__init__.py", "attributes.py", "manual.py", "traits.py", "registry.py"}
RULE_FILES = sorted(path for path in FOLDER.glob("*.py") if path.name not in NO_RULES)

MAY_IMPORT = {
    "typing",
    "__future__",
    "collections.abc",
    "dataclasses",
    "convcost.core.axes",
    "convcost.core.cost",
    "convcost.core.dims",
    "convcost.ops",
}
#: Arithmetic of windows that, as that of core/dims.py, tells the number systems apart inside; tests/ops/test_window.py
#: runs each over all of them.
TELLS_SYSTEMS_APART = {"slide", "unslide", "total"}
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)
BANNED_NODES: dict[type[ast.AST], str] = {
    ast.If: "a statement if",
    ast.While: "a statement while",
    ast.Match: "a statement match",
    ast.Try: "a statement try",
    ast.Assert: "a statement assert",
    ast.IfExp: "a ternary",
    ast.BoolOp: "and, or, not",
    ast.Not: "and, or, not",
}
BANNED_NAMES = {"round", "min", "max", "math", "float", "abs", "any", "all", "divmod", "pow", "range", "sorted"}


def impurities(source: str) -> Iterator[tuple[int, str]]:
    """Line and description of everything in a source text that a rule must not contain."""
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if getattr(node, "name", "") not in TELLS_SYSTEMS_APART]
    arguments = [node for node in ast.walk(tree) if isinstance(node, ast.arg)]
    flags = {each.arg for each in arguments if isinstance(each.annotation, ast.Name) and each.annotation.id == "Flag"}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        yield from ((line, what) for what in (*faults(node), *foreign_imports(node), *conversions(node, flags)))


def faults(node: ast.AST) -> Iterator[str]:
    """What is wrong with one node, whatever stands around it."""
    if type(node) in BANNED_NODES:
        yield BANNED_NODES[type(node)]
    match node:
        case ast.comprehension(ifs=[_, *_]):
            yield "a condition in a comprehension"
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) if not isinstance(operator, ARITHMETIC):
            yield f"the operator {type(operator).__name__}"
        case ast.Compare() if compares_dims(node):
            yield "== or !=, instead of equal()"
        case ast.Name(id=name) if name in BANNED_NAMES:
            yield f"the name {name}"
        case ast.Constant(value=float()):
            yield "a float"


def conversions(node: ast.AST, flags: set[str]) -> Iterator[str]:
    """int() and bool() of anything but a plain truth value; `flags` are their names."""
    match node:
        case ast.Call(func=ast.Name(id="int" | "bool" as name), args=[argument]):
            if not (isinstance(argument, ast.Name) and argument.id in flags):
                yield f"{name}() of something that is no Flag"


def foreign_imports(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            modules = [alias.name for alias in names]
        case ast.ImportFrom(module=module):
            modules = [module or "."]
        case _:
            modules = []
    for module in modules:
        if not any(module == known or module.startswith(known + ".") for known in MAY_IMPORT):
            yield f"an import of {module}"


def compares_dims(node: ast.Compare) -> bool:
    """Whether == or != (or `is`, or `in`) compares anything but the lengths of two shapes, which are plain ints."""
    ordered = all(isinstance(sign, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for sign in node.ops) and len(node.ops) == 1
    lengths = all(
        isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id == "len"
        for side in (node.left, *node.comparators)
    )
    return not (ordered or lengths)


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_rules_are_pure(path):
    assert list(impurities(path.read_text(encoding="utf-8"))) == []


def test_every_rule_stands_in_a_file_that_is_looked_at():
    files = {Path(inspect.getsourcefile(op.rule) or "") for op in OPS.values()}
    assert files <= set(RULE_FILES)


PURE = '''
from typing import Any
from convcost.core.cost import Check, OpCost
from convcost.core.dims import Dim, equal, maximum, where
from convcost.ops.attributes import Flag, Map, Size
from convcost.ops.registry import op

@op("pure")
def pure(x: Map, *, size: Size, bias: Flag = True) -> OpCost:
    """A rule may do this."""
    need = "{0}, not {1}"
    wide = where(x[0] > size, x[0], maximum(size, 3) * int(bias))
    out = tuple(-(-axis // 2) % size + 1 - wide for axis in x)
    return OpCost(out=(out,), checks=(Check(len(x) == len(out), need, (x, out)), Check(x[0] <= 3, need)))
'''


def test_a_pure_rule_is_let_through():
    assert list(impurities(PURE)) == []


# What is planted in front of the last line of the pure rule, and what must be found.
PLANTED = [
    ("if size > 3: size = 3", "a statement if"),
    ("while size > 3: size = size - 1", "a statement while"),
    ("match size:\n        case 3: size = 4", "a statement match"),
    ("try: size = 3\n    finally: size = 4", "a statement try"),
    ("assert size > 3", "a statement assert"),
    ("size = 3 if bias else 4", "a ternary"),
    ("size = size and 3", "and, or, not"),
    ("size = size or 3", "and, or, not"),
    ("size = not size", "and, or, not"),
    ("size = sum(axis for axis in x if axis > 3)", "a condition in a comprehension"),
    ("size = [axis for axis in x if axis > 3]", "a condition in a comprehension"),
    ("size = size / 2", "the operator Div"),
    ("size /= 2", "the operator Div"),
    ("size = size ** 2", "the operator Pow"),
    ("size = size << 1", "the operator LShift"),
    ("size = round(size)", "the name round"),
    ("size = min(size, 3)", "the name min"),
    ("size = max(size, 3)", "the name max"),
    ("size = math.ceil(size)", "the name math"),
    ("size = float(size)", "the name float"),
    ("size = list(map(float, x))", "the name float"),
    ("size = size * 2.0", "a float"),
    ("size = int(size)", "int() of something that is no Flag"),
    ("size = size * bool(x[0])", "bool() of something that is no Flag"),
    ("size = where(size == 3, 4, 5)", "== or !=, instead of equal()"),
    ("size = where(size != 3, 4, 5)", "== or !=, instead of equal()"),
    ("size = where(size is None, 4, 5)", "== or !=, instead of equal()"),
    ("size = where(1 < size < 3, 4, 5)", "== or !=, instead of equal()"),
    ("size = where(len(x) == size, 4, 5)", "== or !=, instead of equal()"),
    ("import numpy", "an import of numpy"),
    ("import numpy as np", "an import of numpy"),
    ("from sympy import Max", "an import of sympy"),
    ("import math", "an import of math"),
    ("from math import ceil", "an import of math"),
    ("from convcost.graph import Node", "an import of convcost.graph"),
    ("from convcost import graph", "an import of convcost"),
    ("import yaml", "an import of yaml"),
    ("import pandas.core", "an import of pandas.core"),
    ("from . import registry", "an import of ."),
]


@pytest.mark.parametrize(("statement", "what"), PLANTED, ids=lambda text: text.split("\n")[0])
def test_a_planted_impurity_is_found(statement, what):
    *above, last = PURE.rstrip().splitlines()
    planted = "\n".join([*above, f"    {statement}", last])
    assert {found for _, found in impurities(planted)} == {what}
