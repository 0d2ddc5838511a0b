"""What a wheel brings along: the answers that were counted of its own source, and nothing else that lies beside them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from helpers.paths import ROOT

STATE, BEFORE = "0123456789abcdef" * 2, "fedcba9876543210" * 2
Ship = Callable[..., tuple[dict[str, str], list[str]]]


@pytest.fixture
def ship(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ship:
    """Runs the hook as hatchling does, in `tmp_path`; what goes into the wheel, and what is warned of."""
    interface = ModuleType("interface")
    interface.BuildHookInterface = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hatchling.builders.hooks.plugin.interface", interface)
    for name in ("hatchling", "hatchling.builders", "hatchling.builders.hooks", "hatchling.builders.hooks.plugin"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    spec = spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(tmp_path)

    def shipped(counted: str, printed: str, code: int = 0, stderr: str = "") -> tuple[dict[str, str], list[str]]:
        def counting(
            _: list[str], *, env: dict[str, str], cwd: str, **_kwargs: Any
        ) -> subprocess.CompletedProcess[str]:
            folder = Path(cwd, env["CONVCOST_CACHE"])  # which is where a process that runs there keeps what it counts
            folder.mkdir(exist_ok=True)
            (folder / f"{STATE}-list.json").touch()
            return subprocess.CompletedProcess([], code, printed, stderr)

        monkeypatch.setenv("CONVCOST_COUNTED", counted)
        monkeypatch.setattr(module.subprocess, "run", counting)
        warned: list[str] = []
        hook = module.Counted()
        hook.root, hook.app = str(ROOT), SimpleNamespace(display_warning=warned.append)
        data: dict[str, Any] = {"force_include": {}}
        hook.initialize("standard", data)
        hook.finalize("standard", data, "")
        return data["force_include"], warned

    return shipped


@pytest.mark.parametrize("relative", [True, False])
def test_only_what_was_counted_of_this_source_goes_along(ship: Ship, tmp_path: Path, *, relative: bool) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    for name in (f"{BEFORE}-list.json", "notes.txt", f"{STATE}-list.json.part", f"{STATE}.json", "id_rsa"):
        (folder / name).touch()
    found = ship("kept" if relative else str(folder), f"{STATE}\n")
    assert found == ({str(folder / f"{STATE}-list.json"): f"convcost/counted/{STATE}-list.json"}, [])


@pytest.mark.parametrize(
    ("printed", "code", "stderr", "why"),
    [
        (f"{STATE}\n", 1, "Traceback\nMemoryError: none left\n", "MemoryError: none left"),
        ("\n", 0, "", "nothing was kept of the source as it is"),
        (f"{BEFORE}\n", 0, "", "nothing was kept of the source as it is"),
        ("../\n", 0, "", "nothing was kept of the source as it is"),
    ],
)
def test_after_a_count_that_failed_nothing_goes_along(
    ship: Ship, printed: str, code: int, stderr: str, why: str
) -> None:
    assert ship("kept", printed, code, stderr) == ({}, [f"nothing is counted beforehand: {why}"])
