"""Runs the tests that cover a mutant against it, in a copy of the project: the checkout is never changed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml

from mutation.mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
COVERING = {
    "core": ("core", "conventions", "ops", "results/test_report.py", "cli/test_report.py", "test_front_door.py"),
    "ops": ("ops/test_rules.py", "ops"),
    "spec": ("spec/test_cases.py", "spec/test_knobs.py", "spec/test_repeats.py", "spec/test_sharing.py", "spec"),
    "memory": ("memory", "results/test_types.py", "cli/test_memory.py"),
    "space": ("space", "cli/test_sweep.py", "cli/test_fit.py"),
    "importers": ("importers", "cli/test_import.py"),
    "devices": ("devices", "networks/test_latency.py", "cli/test_latency.py", "cli/test_calibrate.py"),
}
"""Package -> what covers it, a file being near all of its modules; of any other one, the tests in the folder of its name."""
DOCTESTS = "tests/test_doctests.py::test_examples_in_docstrings_give_what_they_show"
QUICK = ("-m", "not slow and not repeats and not browser and not oracle")
COPIED = ("convcost", "specs", "tests", "docs", "pyproject.toml", "README.md", "CHANGELOG.md")
BROAD = {
    *("tests/core/test_kept.py", "tests/core/test_metrics.py", "tests/ops/test_teeth.py", "tests/ops/test_purity.py"),
    "tests/spec/test_valid.py",
    "tests/importers/test_onnx_hostile.py",
}
"""What looks at much and sees little of a single number: it runs with the slow tests, if nothing else has noticed."""
SECONDS = (120, 900)
"""Of CPU that tests near a module may take, and others, several times what they need: a loop without end is noticed, too."""
PASSED = (0, 5)
"""Of pytest: no test failed, there was none."""
BOUNDED = """
import math, resource, sys
import pytest

class Bound:
    def pytest_collection(self):
        used = math.ceil(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
        resource.setrlimit(resource.RLIMIT_CPU, (used + {limit}, resource.RLIM_INFINITY))

sys.exit(pytest.main(sys.argv[1:], plugins=[Bound()]))
"""
"""What Python runs: the seconds of CPU count from where tests are collected, for what starting takes depends on the machine."""
KILLED, TIMED_OUT, SURVIVED, EQUIVALENT = "killed", "killed by its time", "survived", "equivalent"


class Outcome(NamedTuple):
    """What became of a mutant."""

    mutant: Mutant
    word: str
    why: str = ""
    """The reason why it is equivalent, or the test that noticed it."""


def modules(*names: str) -> list[str]:
    """The files of packages and modules: `ops`, `spec/elaborate.py`, all seen from convcost/."""
    found: list[Path] = []
    for name in names:
        path = ROOT / "convcost" / name
        if not path.exists():
            raise SystemExit(f"there is no convcost/{name}")
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [str(path.relative_to(ROOT)) for path in found]


def all_mutants(files: list[str]) -> list[Mutant]:
    """Every mutant of these files."""
    return [one for file in files for one in mutants(file, (ROOT / file).read_text(encoding="utf-8"))]


def equivalents() -> dict[tuple[str, str], str]:
    """File and line as it is then -> why no result can change."""
    listed = yaml.safe_load((Path(__file__).parent / "equivalent.yaml").read_text(encoding="utf-8"))
    return {(entry["file"], entry["line"]): entry["why"] for entry in listed}


def stages(file: str) -> list[tuple[str, ...]]:
    """What pytest is asked, until a test notices: what is near a module, all that covers it, what looks at much, what takes long.

    Near are its own doctests, and the tests that import it or whose names have a word of its own.
    """
    package = Path(file).parts[1]
    words = {word for part in Path(file).with_suffix("").parts[2:] for word in part.split("_")}
    paths = [ROOT / "tests" / name for name in COVERING.get(package, (package,))]
    found = [one for path in paths for one in (sorted(path.glob("test_*.py")) if path.is_dir() else [path])]
    tests = [*dict.fromkeys(str(one.relative_to(ROOT)) for one in found)]
    named = {str(path.relative_to(ROOT)) for path in paths}
    quick = [one for one in tests if one not in BROAD]
    name = ".".join(Path(file).with_suffix("").parts).removesuffix(".__init__")
    near = [one for one in quick if one in named or words & {*Path(one).stem.split("_")} or _imports(one, name)]
    rest = [one for one in quick if one not in near]
    broad = [one for one in tests if one in BROAD]
    asked = [
        *((*QUICK, *some) for some in ([f"{DOCTESTS}[{name}]", *near], rest, broad) if some),
        ("-m", "slow", *tests),
    ]
    return [one for one in asked if len(one) > len(QUICK)]


def _imports(test: str, module: str) -> bool:
    """Whether it does, or imports the package of a package that the module is in."""
    inner = module.rpartition(".")[0] if module.count(".") > 2 else module
    return re.search(rf"\b{re.escape(inner)}\b", (ROOT / test).read_text(encoding="utf-8")) is not None


class Bench:
    """A copy of the project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._passes: dict[str, bool] = {}
        for source in filter(Path.exists, (ROOT / name for name in COPIED)):
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, folder / source.name)

    def outcome(self, mutant: Mutant, most: int | None = None) -> Outcome:
        """Runs the tests that cover it, stage by stage, until one notices; of `most` stages, if that is given."""
        why = equivalents().get((mutant.file, mutant.shown))
        if why:
            return Outcome(mutant, EQUIVALENT, why)
        for stage, asked in enumerate(stages(mutant.file)[:most]):
            found = self._run(mutant, asked, SECONDS[stage > 0])
            if found:
                return found
        return Outcome(mutant, SURVIVED)

    def _run(self, mutant: Mutant, asked: tuple[str, ...], limit: int) -> Outcome | None:
        """None if no test of these notices that passes without the mutant."""
        asked = tuple(word for word in asked if self._passes.get(word, True))
        with self._changed(mutant):
            code, said = self._pytest(asked, limit)
        if code in PASSED:
            return None
        if code == -signal.SIGXCPU:
            return Outcome(mutant, TIMED_OUT)
        lost = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR "))]
        if not lost:
            return self._kept_from_starting(mutant, asked)
        test = lost[0].split()[1]
        file = test if test.startswith(DOCTESTS) else test.partition("::")[0]
        if file not in self._passes:
            self._passes[file] = self._pytest((file,), None)[0] in PASSED
        return Outcome(mutant, KILLED, lost[0][:160]) if self._passes[file] else self._run(mutant, asked, limit)

    def _kept_from_starting(self, mutant: Mutant, asked: tuple[str, ...]) -> Outcome:
        """Where pytest names no test: the mutant's doing only if pytest gets as far as collecting without it."""
        code, said = self._pytest(("--collect-only", *asked), None)
        if code not in PASSED:
            raise RuntimeError(f"pytest ends with {code} without any mutant: {said[-2000:]}")
        return Outcome(mutant, KILLED, "pytest does not start")

    @contextmanager
    def _changed(self, mutant: Mutant) -> Iterator[None]:
        """The mutant in the place of the module; its date is another one, so that what was compiled is not taken for it."""
        path = self.folder / mutant.file
        before = path.stat()
        try:
            path.write_text(mutant.text, encoding="utf-8")
            os.utime(path, (before.st_atime, before.st_mtime + 60))
            yield
        finally:
            path.write_text(mutant.source, encoding="utf-8")
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def _pytest(self, asked: tuple[str, ...], limit: int | None) -> tuple[int, str]:
        """The exit status, and what is said; without a limit of seconds, what is compiled is kept."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1" if limit else ""}
        run = ("-c", BOUNDED.format(limit=limit)) if limit else ("-m", "pytest")
        command = [sys.executable, *run, "-x", "-q", "-n0", "--tb=no", "--no-header", *asked]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


@contextmanager
def bench() -> Iterator[Bench]:
    """A bench that is cleared away afterwards."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        yield Bench(Path(folder))
