"""What every test may ask for. Nothing that a test counts comes from an earlier run, or stays for a later one."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from helpers.cli import Cli
from helpers.paths import ROOT
from helpers.skips import Skips
from hypothesis import settings

from convcost.core.kept import Answers
from convcost.networks import listing
from convcost.published import cost
from convcost.published.frontier import frontier
from convcost.render.table import Table

# At once, and so for every process that a test begins; tests of keeping set a folder.
os.environ["CONVCOST_CACHE"] = "0"


# A machine that runs other work as well makes any example slow now and then; what has to be fast is timed in test_speed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """The one process that hears of every test watches over what was skipped."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Skips(), "skips")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, so that no worker is left with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """Thirty thousand tests stay until the end: nothing is gained by looking through them for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as the command does


@pytest.fixture(scope="session")
def cli() -> Cli:
    """The command line: `cli("report", "vgg16")`, `cli.ok(…)`, `cli.json(…)`, `cli.refused(…)`."""
    return Cli()


@pytest.fixture(scope="session")
def counted_in_this_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all processes of this run keep what convcost has counted; another run has another one.

    Who has built a wheel of this source just now has all answers that it brings along, by the name of hatch_build.py.
    """
    if built := os.environ.get("CONVCOST_COUNTED"):
        return Path(built)
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "counted"


@pytest.fixture(scope="session")
def counted_once(counted_in_this_run: Path) -> Callable[..., Table]:
    """The list of the zoo as the library makes it, which takes seconds; each answer is counted once for all tests."""
    count = listing.list_table

    @cache
    def once(*args: Any, **options: Any) -> Table:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("CONVCOST_CACHE", str(counted_in_this_run))
            return count(*args, **options)

    return once


@pytest.fixture
def one_list(counted_once: Callable[..., Table], monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what `convcost list` does with the list, not of how it is made."""
    monkeypatch.setattr(listing, "list_table", counted_once)


@pytest.fixture
def keeping(counted_in_this_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what is told of the whole zoo, not of how it is counted, which takes seconds each time."""
    monkeypatch.setenv("CONVCOST_CACHE", str(counted_in_this_run))


@pytest.fixture(scope="session")
def costs(counted_in_this_run: Path) -> Answers:
    """What the networks behind published accuracies cost; each is counted once for all tests."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CONVCOST_CACHE", str(counted_in_this_run))
        frontier()
        with cost.answers("frontier") as known:
            return Answers(known.all)


@pytest.fixture
def costs_once(costs: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what becomes of costs in a picture, not of how they are counted."""
    monkeypatch.setattr(cost, "answers", lambda _kind: nullcontext(costs))


@pytest.fixture
def in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """For messages that name files as seen from the root of the repository."""
    monkeypatch.chdir(ROOT)
