"""Commands that are interrupted: `python tests/helpers/interrupted.py [TIMES]` does it at ten moments of every long one.

What must hold is looked up in the process table, by a mark in the environment that every process of a command inherits.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
MOST_SECONDS = 2.0
"""From the signal to the end of the command, and of every process that it has started."""
MOMENTS = (0.0, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.2, 3.2, 4.8)
"""Seconds after the command has begun to heed signals, which it does before it imports anything else of its own."""
OLD = "old, and whole\n"
"""What is in the file that a command would replace."""
_AXES = ("--over", "width=0.1:2:0.001", "--over", "resolution=32:512:1", "--over", "classes=1:40")
GRID = ("sweep", "mobilenet_v1", *_AXES)
"""A design space of 3.7e7 networks: a minute and more to write, and seconds to search."""
LONG = {
    "csv": (*GRID, "-o", "old.csv"),
    "json": (*GRID, "-o", "old.json"),
    "parquet": (*GRID, "-o", "old.parquet"),
    "jobs": (*GRID, "--jobs", "2", "-o", "old.csv"),
    "jobs parquet": (*GRID, "--jobs", "3", "-o", "old.parquet"),
    "jobs front": (*GRID, "--front", "macs,params,max:resolution", "--jobs", "2", "-o", "old.json"),
    "dask": (*GRID, "--engine", "dask", "--jobs", "2", "-o", "old.csv"),
    "fit": ("fit", "mobilenet_v2", "--max-macs", "100M", "-o", "old.json"),
    "verify": ("verify", "-o", "old.html"),
    "list": ("list", "-o", "old.json"),
    "frontier": ("frontier", "-o", "old.html"),
    "explore": ("explore", "mobilenet_v2", "-o", "old.html"),
    "report": ("report", "nasnet_large", "-o", "old.html"),
    "check": (
        "check",
        *(f"efficientnet_b{i}" for i in range(8)),
        "--max-macs",
        "1G",
        "--format",
        "json",
        "-o",
        "old.json",
    ),
}
"""A name -> a command that takes long, and writes a file if it comes to that."""
_LAST = {".html": "</html>", ".json": "}", ".csv": "\0", ".parquet": "\0"}
"""What the last word of a whole file is; grids as CSV and Parquet take so long to write that none is ever whole."""
NEEDS = {"dask": "distributed", "parquet": "pyarrow", "jobs parquet": "pyarrow"}
"""What has to be installed for it."""


class Interrupted(NamedTuple):
    """What became of a command that got a signal."""

    status: int
    seconds: float
    left: dict[int, str]
    """Its processes that were there `MOST_SECONDS` after the signal."""
    said: str
    files: dict[str, str]
    """Name -> what is in the file, of all in its folder."""
    whole: bool = False
    """Whether its file is written, and no other: it had done its work before it heeded the signal."""
    sent: bool = True
    """Whether it was still there when the signal was sent."""
    own: int = 0
    """The exit status of a command that is let do its work."""

    def wrong(self, number: int) -> list[str]:
        """What is not as it has to be."""
        # Python gives signals back just before its end; a shell says the same of a process that ends by one then.
        right = [128 + number, -number] * self.sent + [self.own] * (self.whole or not self.sent)
        found = [] if self.status in right else [f"exit status {self.status}"]
        found += [f"{self.seconds:.1f} seconds"] * (self.seconds > MOST_SECONDS)
        found += [f"still there: {command}" for command in self.left.values()]
        found += [f"said: {self.said}"] * bool(self.said.strip())
        kept = self.sent and [*self.files.values()] == [OLD]
        return found + [f"files: {sorted(self.files)}"] * (not self.whole and not kept)


def interrupted(command: Sequence[str], number: int, moment: float, *, group: bool, folder: Path) -> Interrupted:
    """Run a command in an empty folder, where only the file that it will replace stands, and interrupt it.

    The whole group is sent the signal, as a terminal does, or the parent alone, as `kill` does.
    """
    old = folder / command[command.index("-o") + 1]
    old.write_text(OLD)
    mark = f"CONVCOST_TEST={os.getpid()}-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CONVCOST_CACHE": "0", **dict([mark.split("=")])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while process.poll() is None and not _heeds(process.pid):
        time.sleep(0.002)
    with suppress(subprocess.TimeoutExpired):
        process.wait(moment)
    begun = time.monotonic()
    sent = process.poll() is None
    if sent:
        (os.killpg if group else os.kill)(process.pid, number)
    try:
        process.wait(20 * MOST_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
    seconds = time.monotonic() - begun
    while (left := dict(_marked(mark.encode()))) and time.monotonic() < begun + max(MOST_SECONDS, seconds):
        time.sleep(0.01)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    said = process.communicate()[1].decode()
    files = {one.name: one.read_text(errors="replace") for one in folder.iterdir()}
    whole = [*files] == [old.name] and files[old.name].rstrip().endswith(_LAST[old.suffix])
    own = int(command[0] == "check")  # whose budget is exceeded
    return Interrupted(process.returncode, seconds, left, said, files, whole, sent, own)


#: Whoever starts the tests may have Ctrl-C ignored, as a shell does for a job in the background; a command would keep to that.
_RUN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from convcost.__main__ import run; run()"
)


def _heeds(pid: int) -> bool:
    """Whether a process has set what it does at SIGTERM."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> signal.SIGTERM - 1 & 1)


def _marked(mark: bytes) -> Iterator[tuple[int, str]]:
    """The processes with a mark in their environment, and how they were called; those that have ended but for their name aside."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes() and (place / "stat").read_text().rpartition(")")[2][1] != "Z":
                yield int(place.name), (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:200]
        except OSError:  # it has just ended
            continue


def main(times: int = 1) -> int:
    """Interrupt everything at every moment, so many times; the number of runs in which something was wrong."""
    from importlib.util import find_spec

    bad = done = late = 0
    chosen = {name: one for name, one in LONG.items() if name not in NEEDS or find_spec(NEEDS[name])}
    print(*(f"left out: {name} needs {NEEDS[name]}" for name in LONG.keys() - chosen.keys()), sep="\n")
    for _ in range(times):
        for name, command in chosen.items():
            for moment in MOMENTS:
                for number, group in ((signal.SIGINT, True), (signal.SIGTERM, False)):
                    with TemporaryDirectory() as folder:
                        found = interrupted(command, number, moment, group=group, folder=Path(folder))
                    done, late = done + 1, late + (found.whole or not found.sent)
                    if wrong := found.wrong(number):
                        bad += 1
                        print(f"{name}, {signal.Signals(number).name} after {moment} s: {'; '.join(wrong)}", flush=True)
    print(f"{done} runs, of which {late} had ended before; {bad} wrong")
    return bad


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:]))))
