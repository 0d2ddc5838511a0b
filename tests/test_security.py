"""SECURITY.md promises no more than the code holds: each bound is its constant, and what it says never runs is nowhere called."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest
from fuzz import watch
from helpers.house import sources
from helpers.paths import ROOT

import convcost

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
HOUSE = sources(Path(convcost.__file__).parent)
ROWS = re.findall(r"^\| (?!what|\*\*)(.+?) \| (.+?) \| `(.+?)` \|$", PAGE, re.MULTILINE)
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def amount(text: str) -> int:
    """A number as the page writes it.

    >>> amount("1 MiB"), amount("5,000"), amount("10¹³"), amount("2⁴")
    (1048576, 5000, 10000000000000, 16)
    """
    number, _, unit = text.partition(" ")
    if raised := re.fullmatch("(10|2)([⁰¹²³⁴⁵⁶⁷⁸⁹]+)", number):
        return int(raised[1]) ** int(raised[2].translate(RAISED))
    return int(number.replace(",", "")) * UNITS.get(unit, 1)


@pytest.mark.parametrize(("stated", "constant"), [row[1:] for row in ROWS], ids=[row[2] for row in ROWS])
def test_each_bound_is_that_of_its_constant(stated: str, constant: str) -> None:
    module, _, name = constant.rpartition(".")
    assert amount(stated) == getattr(import_module(f"convcost.{module}"), name)


def test_the_fuzzer_holds_what_the_page_says_of_time_and_memory() -> None:
    ((seconds, mebibytes),) = re.findall(
        r"more than (\d+) seconds of a processor,\nor more than (\d+) MiB, for a fault", PAGE
    )
    assert (int(seconds), int(mebibytes) << 20) == (watch.SECONDS, watch.BYTES)


def test_every_row_of_the_table_was_read() -> None:
    in_table = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| what", "| **"))]
    assert len(ROWS) == len(in_table) > 50
    assert len({constant for *_, constant in ROWS}) == len(ROWS)


#: Where the work begins that files and command lines cause: modules, and packages with all of theirs.
BOUNDED = (
    *("spec.tree", "spec.reader", "spec.lookup", "spec.calls", "spec.elaborate", "spec.layers"),
    *("space.axes", "space.build", "space.fit", "space.space", "space.sweep"),
    *("memory.arena", "memory.order", "memory.usage", "importers", "graph"),
)
#: What is shown, what a pattern is, and what becomes of a module of your own: no bounds of what a file may cause.
NO_BOUNDS = {
    "importers.names.MOST_OF_A_LAYER",
    "importers.torch.archive.LONGEST_EXPRESSION",
    "importers.torch.program.LONGEST",
    "importers.torch.program.MOST_REAL",
    "space.fit.MOST_SHOWN",
}


def test_every_bound_stands_in_the_table() -> None:
    stated = {constant for *_, constant in ROWS}
    found = {
        f"{module.removeprefix('convcost.')}.{target.id}"
        for module, text in HOUSE.items()
        if f"{module}.".startswith(tuple(f"convcost.{one}." for one in BOUNDED))
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and re.match("(MOST|LARGEST|LONGEST|DEEPEST)_?", target.id)
    }
    assert len(found) > 50
    assert found - stated == NO_BOUNDS


#: Modules that start programs or exchange what runs, and what they use for it: the page names what for.
ALLOWED = {
    "convcost.networks.revision": {"subprocess"},
    "convcost.space.processes": {"subprocess", "pickle"},
}
RUNS = {
    "subprocess",
    "pickle",
    "marshal",
    "shelve",
    "ctypes",
    "socket",
    "ssl",
    "http",
    "urllib.request",
    "runpy",
    "code",
}
CALLS = {"eval", "exec", "compile", "__import__"}


def imported(tree: ast.AST) -> set[str]:
    """The modules that a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_nothing_but_these_starts_programs_or_reads_pickles() -> None:
    for module, text in HOUSE.items():
        assert imported(ast.parse(text)) & RUNS == ALLOWED.get(module, set()), module


def test_no_text_becomes_code() -> None:
    for module, text in HOUSE.items():
        called = {
            node.func.id
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & CALLS, module
        assert not re.search(
            r"yaml\.(unsafe_load|full_load|Loader\b|UnsafeLoader|FullLoader)|os\.(system|popen|exec)", text
        ), module
