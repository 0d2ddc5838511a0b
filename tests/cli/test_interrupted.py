"""Ctrl-C and SIGTERM: a command ends at once and leaves nothing behind, neither a process nor half a file."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from helpers.interrupted import LONG, NEEDS, OLD, Interrupted, interrupted
from helpers.limits import posix

pytestmark = [posix, pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs a process table")]
KEYBOARD, ASKED = (signal.SIGINT, True), (signal.SIGTERM, False)
#: One moment of each: `python tests/helpers/interrupted.py` has ten of all.
RUNS = [
    ("report", *KEYBOARD, 0.0),
    ("verify", *ASKED, 0.1),
    ("list", *KEYBOARD, 0.4),
    ("csv", *ASKED, 1.5),
    ("parquet", *KEYBOARD, 2.0),
    ("jobs", *KEYBOARD, 0.8),
    ("jobs", *KEYBOARD, 2.0),
    ("jobs", *ASKED, 2.2),
    ("jobs front", *ASKED, 1.2),
    ("dask", *KEYBOARD, 2.5),
    ("dask", *ASKED, 3.5),
]


@pytest.mark.parametrize(("name", "number", "group", "moment"), RUNS)
def test_a_command_that_is_interrupted(name: str, number: int, group: bool, moment: float, tmp_path: Path) -> None:
    if name in NEEDS and not find_spec(NEEDS[name]):
        pytest.skip(f"{NEEDS[name]} is not installed")
    found = interrupted(LONG[name], number, moment, group=group, folder=tmp_path)
    assert found.wrong(number) == []


def test_whatever_is_wrong_is_noticed() -> None:
    right = Interrupted(130, 0.1, {}, "", {"old.csv": OLD})
    done = right._replace(files={"old.csv": "new"}, whole=True)
    early = done._replace(status=0, sent=False)
    for fine in (right, done, done._replace(status=0), early, early._replace(status=1, own=1)):
        assert fine.wrong(signal.SIGINT) == []
    for wrong in (
        right._replace(status=1),
        right._replace(status=143),
        right._replace(seconds=2.1),
        right._replace(left={1: "worker"}),
        right._replace(said="Traceback"),
        right._replace(files={}),
        right._replace(files={"old.csv": "new"}),
        right._replace(files={"old.csv": OLD, ".convcost-1-2.part": "half"}),
        right._replace(status=0),
        done._replace(status=1),
        done._replace(left={1: "worker"}),
        early._replace(status=130),
        early._replace(status=0, own=1),
        early._replace(whole=False),
    ):
        assert len(wrong.wrong(signal.SIGINT)) == 1


def test_a_command_that_ends_without_its_work_is_noticed(tmp_path: Path) -> None:
    """A network that is not there: exit status 2 long before the signal, and the old file, which is not the new one."""
    typo = ("sweep", "nosuchmodel", *LONG["csv"][2:])
    found = interrupted(typo, signal.SIGINT, 60.0, group=True, folder=tmp_path)
    assert not found.sent
    status, said, files = found.wrong(signal.SIGINT)
    assert status == "exit status 2"
    assert "'nosuchmodel'" in said
    assert files == "files: ['old.csv']"


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As of a job in the background, and under nohup."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from convcost.core.ending import KEYBOARD, heed\n"
        "assert heed(KEYBOARD) == {}\n"
        "signal.raise_signal(signal.SIGINT)\n"
        "print('here')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "here\n"


#: Pytest in the background, or under nohup, hands on that SIGINT is ignored: Python then has no handler of its own.
AS_IN_FRONT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def test_a_caller_of_the_command_line_keeps_its_own_ctrl_c() -> None:
    """Who calls `main` in a program of its own finds its signals as they were."""
    code = (
        f"{AS_IN_FRONT}"
        "from convcost.cli import main\n"
        "main(['report', 'lenet5'], standalone_mode=False)\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\n"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


def test_what_must_not_be_half_done_is_finished_first() -> None:
    code = (
        f"{AS_IN_FRONT}import os\n"
        "from convcost.core.ending import KEYBOARD, heed, held, tidied\n"
        "heed(KEYBOARD)\n"
        "with tidied(lambda: os.write(1, b'tidied')), held():\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    os.write(1, b'finished ')\n"
        "os.write(1, b'not reached')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "finished tidied", "")
