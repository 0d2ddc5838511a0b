"""What every test may ask for."""

from __future__ import annotations

import pytest
from helpers.cli import Cli
from helpers.paths import ROOT


@pytest.fixture(scope="session")
def cli() -> Cli:
    """The command line: `cli("report", "vgg16")`, `cli.ok(…)`, `cli.json(…)`, `cli.refused(…)`."""
    return Cli()


@pytest.fixture
def in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """For messages that name files as seen from the root of the repository."""
    monkeypatch.chdir(ROOT)
