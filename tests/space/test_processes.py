"""Workers do what they are asked, say what went wrong, and are gone when nobody waits for them any more."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from helpers.limits import posix
from helpers.paths import ROOT
from helpers.sent import dies_once, fails, fails_unsendably, sleeps, square

from convcost.space.processes import EngineError, Processes
from convcost.space.workers import results

pytestmark = posix


def is_there(pid: str) -> bool:
    """Whether a process runs still; one that has ended, and that nobody has asked how, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][1] != "Z"
    except OSError:
        return False


def begun(folder: Path, count: int) -> list[str]:
    """The processes that `sleeps` has noted, as soon as there are so many."""
    deadline = time.monotonic() + 60
    while len(found := [path.name for path in folder.iterdir()]) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def all_gone(pids: list[str], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while found := any(map(is_there, pids)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return not found


def test_what_a_function_raises_is_raised_here_and_says_where_it_was() -> None:
    with pytest.raises(ValueError, match="three") as raised:
        list(results(fails, range(9), jobs=2))
    (note,) = raised.value.__notes__
    assert note.startswith("In a worker process:\nTraceback")
    assert 'raise ValueError("three")' in note


@pytest.mark.parametrize(("number", "name"), [(0, "TwoWords"), (1, "Unsendable")])
def test_an_error_that_cannot_be_sent_is_said_all_the_same(number: int, name: str) -> None:
    """It is neither a death of the worker nor what goes wrong when it is made again here."""
    with closing(Processes(fails_unsendably)) as processes:
        with pytest.raises(RuntimeError) as raised:
            processes(number)
        assert str(raised.value) == f"helpers.sent.{name}: no answer"
        (note,) = raised.value.__notes__
        assert note.startswith("In a worker process:\nTraceback")
        with pytest.raises(RuntimeError):  # the same worker answers the next time
            processes(number)
        assert len(processes._all) == 1


def test_of_a_worker_that_has_died_nothing_is_left(tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Kept(list[subprocess.Popen[bytes]]):
        def append(self, process: subprocess.Popen[bytes]) -> None:
            started.append(process)
            super().append(process)

    with closing(Processes(partial(dies_once, str(tmp_path)))) as processes:
        processes._all = Kept()
        assert processes(5) == 25
        dead, alive = started
        assert processes._all == [alive]
        assert (dead.returncode, alive.poll()) == (-signal.SIGKILL, None)
        assert all(pipe is not None and pipe.closed for pipe in (dead.stdin, dead.stdout))


def test_a_function_that_cannot_be_found_there_says_so() -> None:
    code = (
        "from convcost.space.workers import results\n"
        "def mine(number): return number\n"
        "try: list(results(mine, range(3), jobs=2))\n"
        "except AttributeError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert (done.stdout.count("mine"), done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a process table")
def test_workers_are_gone_when_the_rest_is_not_wanted(tmp_path: Path) -> None:
    """The first result is there at once; what takes a minute is not waited for."""
    work = partial(sleeps, str(tmp_path))
    with closing(results(work, [0.0, 60.0, 60.0, 60.0], jobs=2)) as found:
        first = next(found)
        pids = begun(tmp_path, 2)
        start = time.monotonic()
    assert time.monotonic() - start < 10
    assert str(first) in pids
    assert all_gone(pids, 0)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a process table")
def test_workers_are_gone_when_their_parent_was_killed(tmp_path: Path) -> None:
    """By SIGKILL, of which nothing can be told to anybody."""
    code = (
        "from functools import partial\nfrom helpers.sent import sleeps\nfrom convcost.space.workers import results\n"
        f"list(results(partial(sleeps, {str(tmp_path)!r}), [60.0] * 4, jobs=2))"
    )
    path = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
    with subprocess.Popen([sys.executable, "-c", path + code]) as parent:
        pids = begun(tmp_path, 2)
        assert len(pids) == 2
        parent.kill()
    assert all_gone(pids, 10)


def test_a_worker_that_cannot_be_started_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(EngineError, match="cannot start a worker process: No such file or directory; try fewer --jobs"):
        list(results(square, range(3), jobs=2))


def test_none_is_started_once_they_were_ended() -> None:
    processes = Processes(square)
    processes.end()
    with pytest.raises(EngineError, match="the work was given up"):
        processes(1)
