"""The house has floors: what is imported stands lower, or on the same floor and does not import back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import convcost

FOLDER = Path(convcost.__file__).parent
TOP = "convcost"
#: Module or package of convcost -> its floor; `convcost` is convcost/__init__.py. Modules of a package live together.
FLOORS = {
    **dict.fromkeys(["amounts", "dims", "units", "errors", "version", "palette"], 0),
    **dict.fromkeys(["cost", "graph", "expr"], 1),
    "ops": 2,
    **dict.fromkeys(["walk", "spec", "conventions"], 3),
    **dict.fromkeys(["published_data", "published_figures"], 4),
    **dict.fromkeys(["memory", "rewrite", "compare", "formula", "law", "engine", "fronts", "executors"], 4),
    **dict.fromkeys(["report", "tables", "render", "memory_tables", "explain", "comparison", "reconcile"], 5),
    **dict.fromkeys(["network", "beside", "listing", "closed_form", "reconciliation", "rewriting", "remedies", TOP], 6),
    **dict.fromkeys(["grid", "pages", "plots"], 6),
    **dict.fromkeys(["published", "published_count", "verification"], 6),
    "html": 4,
    "report_page": 6,
    **dict.fromkeys(["frontier", "frontier_tables", "explore"], 6),
    **dict.fromkeys(["cli", "__main__"], 7),
}
#: (importer, imported): allowed inside functions only, where the import runs when both modules are long complete.
LAZY = {
    ("report", "tables"): "Report's text and tables, so that reports load without what tables need",
    ("reconcile", "reconciliation"): "Reconciliation.table: results show themselves, whatever floor they stand on",
}


class Import(NamedTuple):
    """One module of convcost imports another; `lazy` if it does so inside a function."""

    module: str
    line: int
    target: str
    lazy: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def sources() -> dict[str, str]:
    """The text of every module, by its dotted name; a package is named like its __init__.py."""
    texts = {}
    for path in sorted(FOLDER.rglob("*.py")):
        parts = [TOP, *path.relative_to(FOLDER).with_suffix("").parts]
        texts[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return texts


def house_of(module: str) -> str:
    """The entry of the table that a module belongs to.

    >>> house_of("convcost.spec.parse"), house_of("convcost.dims"), house_of("convcost")
    ('spec', 'dims', 'convcost')
    """
    return [*module.split("."), TOP][1]


def imports(texts: dict[str, str]) -> Iterator[Import]:
    """Every import of convcost's own modules: at the top, inside functions and under TYPE_CHECKING alike."""
    for module, text in texts.items():
        tree = ast.parse(text)
        functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        inside = {id(node) for function in functions for node in ast.walk(function)}
        for node in ast.walk(tree):
            for target in targets(node, texts):
                yield Import(module, getattr(node, "lineno", 0), target, id(node) in inside)


def targets(node: ast.AST, known: dict[str, str]) -> list[str]:
    """The modules of convcost that one statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.split(".")[0] == TOP]
    if isinstance(node, ast.ImportFrom) and node.level:
        return ["convcost.relative"]  # resolved by nobody: write it out
    if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == TOP:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if name in known else node.module for name in names]
    return []


def problems(texts: dict[str, str]) -> list[str]:
    """What is wrong with the house, in one line each."""
    strangers = sorted({house_of(module) for module in texts} - set(FLOORS))
    if strangers:
        return [f"tell the table where it lives: {name}" for name in strangers]
    found, below = [], {}
    for each in imports(texts):
        importer, imported = house_of(each.module), house_of(each.target)
        if importer == imported or (each.lazy and (importer, imported) in LAZY):
            continue
        if imported not in FLOORS:
            found.append(f"{each}, which the table does not know")
        elif FLOORS[imported] > FLOORS[importer]:
            found.append(f"{each}, from floor {FLOORS[importer]} up to floor {FLOORS[imported]}")
        below.setdefault(importer, set()).add(imported)
    return found or circle(below)


def circle(below: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        return [f"{' -> '.join(error.args[1])} go round in a circle"]
    return []


def test_imports_point_only_downward():
    assert problems(sources()) == []


def test_the_table_lists_no_module_that_is_gone():
    assert set(FLOORS) == {house_of(module) for module in sources()}


def test_every_lazy_import_is_still_needed():
    assert {(house_of(each.module), house_of(each.target)) for each in imports(sources()) if each.lazy} >= set(LAZY)


PLANTED = [
    (
        "convcost.dims",
        "from convcost.walk import Walk",
        "convcost.dims:1 imports convcost.walk, from floor 0 up to floor 3",
    ),
    ("convcost.dims", "from convcost import cost", "convcost.dims:1 imports convcost.cost, from floor 0 up to floor 1"),
    (
        "convcost.graph",
        "import convcost.ops.conv",
        "convcost.graph:1 imports convcost.ops.conv, from floor 1 up to floor 2",
    ),
    ("convcost.ops.conv", "import convcost", "convcost.ops.conv:1 imports convcost, from floor 2 up to floor 6"),
    (
        "convcost.ops.conv",
        "from convcost import load",
        "convcost.ops.conv:1 imports convcost, from floor 2 up to floor 6",
    ),
    (
        "convcost.spec.parse",
        "def late():\n    from convcost.memory import peak",
        "convcost.spec.parse:2 imports convcost.memory, from floor 3 up to floor 4",
    ),
    (
        "convcost.units",
        "if TYPE_CHECKING:\n    from convcost.cost import OpCost",
        "convcost.units:2 imports convcost.cost, from floor 0 up to floor 1",
    ),
    ("convcost.walk", "import yaml\nfrom convcost.spec.model import Spec", "go round in a circle"),
    ("convcost.report", "from convcost.tables import to_frame", "go round in a circle"),
    (
        "convcost.tables",
        "from convcost import __version__",
        "convcost.tables:1 imports convcost, from floor 5 up to floor 6",
    ),
    ("convcost.walk", "from . import dims", "convcost.walk:1 imports convcost.relative, which the table does not know"),
    ("convcost.new", "", "tell the table where it lives: new"),
    ("convcost.newer.part", "", "tell the table where it lives: newer"),
]


@pytest.mark.parametrize(("module", "text", "problem"), PLANTED)
def test_a_planted_violation_is_found(module, text, problem):
    (found,) = problems({**sources(), module: text})
    assert found.endswith(problem)


def test_imports_within_a_package_and_lazy_ones_that_are_documented_are_allowed():
    planted = {
        "convcost.spec.model": "from convcost.spec import parse",
        "convcost.report": "def late():\n    from convcost.tables import to_frame",
    }
    assert problems({**sources(), **planted}) == []
