"""Looking at a network must stay instant: heavy libraries are imported only by what needs them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from helpers.paths import ROOT
from helpers.slow import slow

HEAVY = ("numpy", "pandas", "plotly", "sympy", "onnx", "torch", "tabulate", "jsonschema", "importlib.metadata")


def loaded_after(code: str) -> set[str]:
    """The heavy modules that a fresh interpreter has loaded after running some code."""
    listing = f"import sys\n{code}\nprint('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", listing],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
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
    ["list"],
    ["spec", "validate", "specs/vgg.yaml"],
    ["spec", "resolve", "lenet5"],
    ["spec", "ops", "conv2d"],
]


@pytest.mark.parametrize("arguments", slow(COMMANDS, ["list"]), ids=" ".join)
def test_a_command_imports_nothing_heavy(arguments: list[str]) -> None:
    run = f"from convcost.cli import main\nmain({arguments!r}, standalone_mode=False)"
    assert loaded_after(run) == set()


def test_importing_the_library_imports_nothing_heavy() -> None:
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
