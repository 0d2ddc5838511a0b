"""Bounds of time and memory, for what bad input must not be able to use up."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest

from helpers.paths import ROOT

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, limits and devices")

#: Of processor time: 2 on a quiet machine, and a busy one may take twice as long.
MOST_SECONDS = 4.0
MOST_BYTES = 300 << 20


class TooSlow(AssertionError):
    """Something that should be over at once is not."""


@contextlib.contextmanager
def at_most(seconds: float | None) -> Iterator[None]:
    """End what runs inside when it takes too long; where there is no such clock, or no bound, let it run."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"still busy after {seconds} s")

    if seconds is None:
        yield
        return
    try:
        before = signal.signal(signal.SIGVTALRM, ring)
    except (AttributeError, ValueError):  # no such signal, or not the main thread
        yield
        return
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class Ended(NamedTuple):
    """A process that has ended."""

    status: int
    stdout: str
    stderr: str
    seconds: float
    """Of processor time."""
    bytes: int
    """Most memory at once."""


#: The process that is measured is the child of a small one, because a child starts with the memory mark of its parent.
LAUNCH = """
import json, os, resource, sys
child = os.fork()
if not child:
    resource.setrlimit(resource.RLIMIT_CPU, (6, 6))
    try:
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    except (OSError, ValueError):
        pass
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
_, status, used = os.wait4(child, 0)
unit = 1 if sys.platform == "darwin" else 1024
with open(sys.argv[1], "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss * unit], file)
"""


def process(tmp_path: Path, *args: str) -> Ended:
    """`convcost ARGS` in a process of its own, measured and under limits that only a defect can reach."""
    usage = tmp_path / "usage.json"
    launched = subprocess.run(
        [sys.executable, "-c", LAUNCH, str(usage), "-m", "convcost", *args],
        capture_output=True,
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    status, seconds, peak = json.loads(usage.read_text())
    return Ended(status, launched.stdout.decode(), launched.stderr.decode(), seconds, peak)


def shell(script: str, *args: str) -> subprocess.CompletedProcess[str]:
    """A line of sh in which "$@" is `convcost ARGS`."""
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "convcost", *args]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)


def bounded(ended: Ended) -> None:
    """What holds however bad the input is."""
    assert "Traceback" not in ended.stderr, ended.stderr[-2000:]
    assert ended.status in {0, 2}
    assert ended.seconds < MOST_SECONDS
    assert ended.bytes < MOST_BYTES
