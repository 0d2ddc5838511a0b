"""The arena of every TFLite file at hand, head and total, against TensorFlow Lite Micro itself.

    pip install tflite-micro
    pytest -m oracle tests/oracle/test_tflm.py -rs

Files are those that `tests/helpers/tflm_files.py` makes, and all beside the project; more can be named:
`CONVCOST_TFLITE=DIRECTORY:DIRECTORY`. What the runtime refuses - a kernel or a type that it lacks - is not compared.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers.paths import ROOT
from helpers.tflm_files import FILES

from convcost.deploy.arena import arena
from convcost.deploy.stated import stated_program

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(find_spec("tflite_micro") is None, reason="pip install tflite-micro"),
]
BESIDE = ROOT.parent / "shared" / "models"
ASK = """
import os, sys
from tflite_micro import runtime
for path in sys.argv[1:]:
    print("FILE", path, file=sys.stderr, flush=True)
    if not os.fork():  # the runtime ends the process for some of what it cannot do
        data = open(path, "rb").read()
        # The persistent part grows from the arena's end, so that this is a multiple of 16.
        runtime.Interpreter.from_bytes(data, arena_size=64 << 20).print_allocations()
        os._exit(0)
    os.wait()
"""


class Measured(NamedTuple):
    """What the runtime takes."""

    head: int
    total: int


def measured(paths: list[Path]) -> dict[Path, Measured | str]:
    """What the runtime prints about each file, or why it refuses it."""
    ran = subprocess.run([sys.executable, "-c", ASK, *map(str, paths)], capture_output=True, text=True, check=True)
    found: dict[Path, Measured | str] = {}
    for part in ran.stderr.split("FILE ")[1:]:
        path, _, printed = part.partition("\n")
        numbers = [re.search(rf"Arena allocation {what} (\d+)", printed) for what in ("head", "total")]
        found[Path(path)] = (
            Measured(*(int(number[1]) for number in numbers if number))
            if all(numbers)
            else printed.strip().partition("\n")[0]
        )
    return found


def compared(paths: list[Path]) -> dict[Path, tuple[Measured, Measured]]:
    """Ours and theirs, of the files that the runtime runs."""
    pairs = {}
    for path, theirs in measured(paths).items():
        if isinstance(theirs, Measured):
            ours = arena(stated_program(str(path)))
            pairs[path] = Measured(ours.head, ours.total), theirs
    return pairs


def test_a_file_for_each_kernel(tmp_path: Path):
    """The runtime runs all of them."""
    paths = []
    for number, make in enumerate(FILES.values()):
        paths.append(tmp_path / f"{number}.tflite")
        paths[-1].write_bytes(make())
    found = compared(paths)
    assert len(found) == len(FILES) > 100
    wrong = {name: found[path] for name, path in zip(FILES, paths, strict=True) if found[path][0] != found[path][1]}
    assert not wrong


def test_files_at_hand():
    directories = [BESIDE, *map(Path, filter(None, os.environ.get("CONVCOST_TFLITE", "").split(":")))]
    paths = sorted(path for directory in directories for path in directory.rglob("*.tflite"))
    if not paths:
        pytest.skip("no TFLite files beside the project, none named by CONVCOST_TFLITE")
    found = compared(paths)
    assert {path.name: pair for path, pair in found.items() if pair[0] != pair[1]} == {}
