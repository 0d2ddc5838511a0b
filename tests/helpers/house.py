"""The import graph of a package, drawn from its code: `python tests/helpers/house.py [FOLDER]` prints what is wrong.

Imports inside functions and under TYPE_CHECKING count like any other, and so do those between modules of one package.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

TOP = "convcost"
#: The packages, lowest first. Those of one line do not know each other; whatever a package imports stands on a lower one.
FLOORS = (
    ("core",),
    ("render",),
    ("ops",),
    ("graph",),
    ("importers",),
    ("spec", "conventions", "memory"),
    ("deploy",),
    ("results", "devices"),
    ("networks",),
    ("formulas", "space"),
    ("published", "alternatives"),
    ("plots", "diagrams"),
    ("pages",),
    ("cli", "testing"),
)
FLOOR = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}
LONGEST = 60
"""Lines of a function; commands, whose options are lines, aside."""


class Import(NamedTuple):
    """One module imports another."""

    module: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def sources(folder: Path) -> dict[str, str]:
    """The text of every module below a folder, by its dotted name; a package is named like its __init__.py."""
    texts = {}
    for path in sorted(folder.rglob("*.py")):
        parts = [TOP, *path.relative_to(folder).with_suffix("").parts]
        texts[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return texts


def package_of(module: str) -> str:
    """The package that a module belongs to; a flat module is its own, the front door has none.

    >>> package_of("convcost.spec.parse"), package_of("convcost.ops"), package_of("convcost")
    ('spec', 'ops', '')
    """
    return [*module.split("."), ""][1]


@cache
def nodes(text: str) -> tuple[ast.AST, ...]:
    """Everything that a text consists of; a house with something planted in it is the same house but for one text."""
    return tuple(ast.walk(ast.parse(text)))


def imports(texts: Mapping[str, str]) -> list[Import]:
    """Every import of own modules, wherever it stands."""
    return [
        Import(module, node.lineno, target)
        for module, text in texts.items()
        for node in nodes(text)
        for target in dict.fromkeys(_targets(node, texts))
        if target != module
    ]


def _targets(node: ast.AST, known: Mapping[str, str]) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names if alias.name.split(".")[0] == TOP)
        case ast.ImportFrom(level=level) if level:
            yield f"{TOP}.relative"  # no module has this name: write it out
        case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == TOP:
            for alias in names:
                inner = f"{module}.{alias.name}"
                yield inner if inner in known else module


def upward(texts: Mapping[str, str]) -> list[str]:
    """Imports that do not lead down to a lower floor, or lead to what no floor has."""
    found = []
    for each in imports(texts):
        importer, imported = package_of(each.module), package_of(each.target)
        if importer in ("", "__main__") or (importer == imported and each.target in texts):
            continue  # the front door shows what all floors have; circles within a package are found apart
        if importer not in FLOOR:
            found.append(f"{each}; no floor has {importer}")
        elif imported not in FLOOR or each.target not in texts:
            found.append(f"{each}, which no floor has")
        elif FLOOR[imported] >= FLOOR[importer]:
            found.append(f"{each}, from floor {FLOOR[importer]} to floor {FLOOR[imported]}")
    return found


def circles(texts: Mapping[str, str]) -> list[list[str]]:
    """Modules that import each other, directly or by way of others; each group sorted."""
    reach: dict[str, set[str]] = {module: set() for module in texts}
    for each in imports(texts):
        if each.target in texts and TOP not in (each.module, each.target):
            reach[each.module].add(each.target)
    for middle in texts:
        for module in texts:
            if middle in reach[module]:
                reach[module] |= reach[middle]
    groups = {frozenset(b for b in reach[a] if a in reach[b]) for a in texts if a in reach[a]}
    return sorted(sorted(group) for group in groups)


def long_functions(texts: Mapping[str, str]) -> list[str]:
    """Functions of `LONGEST` lines or more."""
    return [
        f"{module}.{node.name} has {lines} lines"
        for module, text in texts.items()
        if package_of(module) != "cli"
        for node in nodes(text)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (lines := (node.end_lineno or 0) - node.lineno + 1) >= LONGEST
    ]


def flat(texts: Mapping[str, str]) -> list[str]:
    """Modules that stand in no package."""
    packages = {module.rpartition(".")[0] for module in texts}
    allowed = {TOP, f"{TOP}.__main__"}
    return [module for module in texts if module.count(".") == 1 and module not in packages | allowed]


def problems(texts: Mapping[str, str]) -> list[str]:
    """All that is wrong with a house, in a line each."""
    return [
        *(f"{' <-> '.join(group)}" for group in circles(texts)),
        *upward(texts),
        *long_functions(texts),
        *(f"{module} stands in no package" for module in flat(texts)),
    ]


def sizes(texts: Mapping[str, str]) -> dict[str, int]:
    """Lines of code per package, comments and blank lines included."""
    lines: dict[str, int] = {}
    for module, text in texts.items():
        package = package_of(module) or "(front door)"
        lines[package] = lines.get(package, 0) + text.count("\n")
    return lines


if __name__ == "__main__":
    house = sources(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / TOP)
    for package, count in sorted(sizes(house).items(), key=lambda each: FLOOR.get(each[0], -1)):
        print(f"{count:6,}  {package}")
    wrong = problems(house)
    print(f"{len(circles(house))} circles, {len(upward(house))} imports that do not lead down")
    print(*wrong, sep="\n")
    sys.exit(bool(wrong))
