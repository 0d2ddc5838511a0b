"""Looking at a network must stay instant: heavy libraries are imported only by what needs them."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from keyword import iskeyword
from pathlib import Path

import pytest
from helpers.paths import ROOT

from convcost.cli.main import SECTIONS

HEAVY = ("numpy", "pandas", "plotly", "sympy", "onnx", "torch", "tabulate", "jsonschema", "importlib.metadata")


def loaded_after(code: str, among: tuple[str, ...] = HEAVY, cache: str = "0") -> set[str]:
    """The modules, of those that are looked for, that a fresh interpreter has loaded after running some code."""
    listing = f"import sys\n{code}\nprint('LOADED', *[m for m in {among!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", listing],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CONVCOST_CACHE": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


COMMANDS = [
    ["report", "mobilenet_v2"],
    ["report", "resnet50", "--by", "stage", "--format", "json"],
    ["report", "vgg16", "--format", "csv"],
    ["report", "resnet50", "mobilenet_v2", "--by", "stage"],
    ["memory", "resnet50", "--order", "best"],
    ["list", "vgg*"],
    ["explain", "alexnet", "conv2"],
    ["compare", "--input", "6x6x3", "--filters", "5", "--kernel", "3"],
    [
        "compare",
        *[
            "--input",
            "8x8x6",
            "--filters",
            "9",
            "--kernel",
            "1x3",
            "--stride",
            "2",
            "--against",
            "grouped:3",
            "--against",
            "inverted:2",
        ],
    ],
    ["rewrite", "lenet5", "--to", "separable"],
    ["reconcile", "lenet5"],
    ["verify", "lenet5"],
    ["diff", "lenet5", "mobilenet_v2"],
    ["draw", "mobilenet_v2"],
    ["draw", "lenet5", "--format", "json"],
    ["check", "lenet5", "--max-macs", "1G", "--max-peak", "1MiB"],
    ["check", "lenet5", "--max-macs", "1G", "--baseline", "lenet5"],
    ["--help"],
    ["spec", "validate", "specs/vgg.yaml"],
    ["spec", "resolve", "lenet5"],
    ["spec", "ops", "conv2d"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_imports_nothing_heavy(arguments: list[str]) -> None:
    run = f"from convcost.cli import main\nmain({arguments!r}, standalone_mode=False)"
    assert loaded_after(run) == set()


COMMAND_MODULES = tuple(f"convcost.cli.{name}{'_' * iskeyword(name)}" for names in SECTIONS.values() for name in names)


@pytest.mark.parametrize("arguments", [["report", "lenet5"], ["list", "lenet5"], ["spec", "ops"]], ids=" ".join)
def test_only_the_command_that_runs_is_imported(arguments: list[str]) -> None:
    run = f"from convcost.cli import main\nmain({arguments!r}, standalone_mode=False)"
    assert loaded_after(run, COMMAND_MODULES) == {f"convcost.cli.{arguments[0]}"}


def test_every_command_is_where_the_group_looks_for_it() -> None:
    for module in COMMAND_MODULES:
        name = module.rpartition(".")[2].rstrip("_")
        assert getattr(import_module(module), f"{name}_command").name == name


@pytest.mark.parametrize("arguments", [["report", "lenet5"], ["list", "lenet5"]], ids=" ".join)
def test_what_is_known_needs_neither_rules_nor_yaml(arguments: list[str], tmp_path: Path) -> None:
    run = f"from convcost.cli import main\nmain({arguments!r}, standalone_mode=False)"
    counting = ("yaml", "convcost.ops", "convcost.spec", "convcost.memory.layout", "convcost.networks.network")
    assert loaded_after(run, counting, str(tmp_path)) == set(counting)
    assert loaded_after(run, counting, str(tmp_path)) == set()


def test_importing_convcost_imports_next_to_nothing() -> None:
    own = "sorted(m for m in sys.modules if m.startswith('convcost'))"
    few = ["convcost", *(f"convcost.core{part}" for part in ("", ".doors", ".moved", ".version"))]
    code = f"import convcost\nassert {own} == {few}, {own}"
    names = (*HEAVY, "typing", "re", "dataclasses", "click", "yaml")
    assert loaded_after(code, names) == loaded_after("pass", names)


def test_using_the_library_imports_nothing_heavy() -> None:
    code = "import convcost; convcost.load('efficientnet_b0').report().totals"
    assert loaded_after(code) == set()


def test_the_check_sees_a_heavy_import() -> None:
    assert "numpy" in loaded_after("import numpy")
    assert "pandas" in loaded_after("import convcost; convcost.load('lenet5').report().to_frame()")


def test_the_library_lists_what_it_has_and_nothing_else() -> None:
    code = "import convcost; found = dir(convcost)\nassert found == sorted(convcost.__all__), found"
    assert loaded_after(code) == set()
    import convcost

    assert {"fit", "load", "pareto", "side_by_side", "sweep"} <= set(dir(convcost))
    assert all(hasattr(convcost, name) for name in dir(convcost))
