"""The specs in tests/cases/invalid: NAME.yaml is answered with exactly what NAME.txt says.

A name that begins with bomb_ is a spec that would take for ever, or all memory, if nothing bounded it: it is only ever run
in a process of its own, under limits.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
import yaml

from helpers.paths import ROOT

#: As seen from the root of the repository, for this is how messages name them.
CASES = Path("tests/cases/invalid")
NAMES = sorted(path.stem for path in (ROOT / CASES).glob("*.yaml"))
BOMBS = [name for name in NAMES if name.startswith("bomb_")]
QUICK = [name for name in NAMES if name not in BOMBS]
#: Messages that are libyaml's own.
LIBYAML = {name for name in NAMES if ": not valid YAML: " in (ROOT / CASES / f"{name}.txt").read_text(encoding="utf-8")}


def expected(name: str) -> str:
    return (ROOT / CASES / f"{name}.txt").read_text(encoding="utf-8")


def difference(name: str, got: str, want: str | None = None) -> str:
    """Where the answer is not what the case says, as a diff; empty if they are the same."""
    want = expected(name) if want is None else want
    lines = (text.splitlines(keepends=True) for text in (want, got))
    return "" if got == want else "".join(difflib.unified_diff(*lines, f"{name}.txt", "stderr")) or "line ends differ"


def skip_without_libyaml(name: str) -> None:
    if name in LIBYAML and not yaml.__with_libyaml__:
        pytest.skip("PyYAML was built without libyaml, whose words these are")
