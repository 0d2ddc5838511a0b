"""A run under CI fails for what it left out, but for what is on the list."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.paths import TESTS
from helpers.skips import ALLOWED, is_allowed

CONFTEST = """
from helpers.skips import Skips

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Skips())
"""
RUNS = "def test_runs(): pass\n"
ONE = f"import pytest\n\n{RUNS}\ndef test_left_out(): pytest.skip('no such thing')\n"
MODULE = "import pytest\npytest.importorskip('no_such_module_at_all')\n"
LISTED = f"import pytest\n\n{RUNS}\ndef test_left_out(): pytest.skip('the files are not beside the project')\n"


def run(folder: Path, text: str, *options: str, **environment: str) -> tuple[int, str]:
    """A run of pytest of its own over one file."""
    tests = folder / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text(CONFTEST)
    (tests / "test_one.py").write_text(text)
    (tests / "test_two.py").write_text(RUNS)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("CI", "PYTEST", "CONVCOST_W"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(TESTS), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("options", [("-n0",), ("-n1",)])
@pytest.mark.parametrize(("text", "said"), [(ONE, "test_one.py::test_left_out: "), (MODULE, "test_one.py: ")])
def test_a_skip_that_is_not_on_the_list_fails_the_run(
    tmp_path: Path, text: str, said: str, options: tuple[str, ...]
) -> None:
    status, output = run(tmp_path, text, *options, CI="true")
    assert status == 1, output
    assert "not on the list" in output
    assert said in output


@pytest.mark.parametrize(("text", "ci"), [(LISTED, "true"), (ONE, ""), (RUNS, "true")])
def test_others_do_not(tmp_path: Path, text: str, ci: str) -> None:
    assert run(tmp_path, text, "-n0", CI=ci)[0] == 0


def test_what_could_not_be_installed_is_named() -> None:
    asked = ("tests/browser/test_pages.py::test_it", "Skipped: none of chromium, google-chrome is installed")
    assert not is_allowed(*asked, without=frozenset())
    assert not is_allowed(*asked, without=frozenset({"latex"}))
    assert is_allowed(*asked, without=frozenset({"browser"}))


def test_the_list_is_short() -> None:
    assert len(ALLOWED) <= 12
    assert all((TESTS.parent / allowed.path).exists() for allowed in ALLOWED)
