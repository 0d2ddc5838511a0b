"""CPU time and memory of whole commands, side by side in one run: medians and ratios, nothing gated.

    python benchmarks/startup.py [RUNS]

Bytecode must be cached and what was counted kept, as they are for any user after the first run; the first, uncounted
round sees to that. Rows that say `cold` run with CONVCOST_CACHE=0: everything is counted, every time.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from typing import NamedTuple

COMPARE = ["compare", "--input", "6x6x3", "--filters", "5", "--kernel", "3"]
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import numpy'": ["-c", "import numpy"],
    "python -c 'import convcost'": ["-c", "import convcost"],
    "convcost --version": ["-m", "convcost", "--version"],
    "convcost --help": ["-m", "convcost", "--help"],
    "convcost report mobilenet_v2": ["-m", "convcost", "report", "mobilenet_v2"],
    "convcost report efficientnet_b7": ["-m", "convcost", "report", "efficientnet_b7"],
    "convcost compare (6x6x3, 5 of 3x3)": ["-m", "convcost", *COMPARE],
    "convcost list": ["-m", "convcost", "list"],
    "convcost frontier --format csv": ["-m", "convcost", "frontier", "--format", "csv"],
    "convcost verify": ["-m", "convcost", "verify"],
}
COLD = ("convcost report mobilenet_v2", "convcost list", "convcost frontier --format csv", "convcost verify")
REFERENCE = "python -c 'import numpy'"


class Run(NamedTuple):
    """What one finished process took."""

    cpu: float
    """User and system time, in seconds."""
    memory: float
    """The most that was resident at once, in MB of 10^6 bytes; at least what this process holds, as Linux counts."""


def run(arguments: list[str], kept: str) -> Run:
    """One process, with `kept` as CONVCOST_CACHE."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["CONVCOST_CACHE"] = kept
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6)


def main(runs: int) -> None:
    """Interleave the commands, so that a machine that changes speed changes it for all."""
    cold = {f"{name}, cold": COMMANDS[name] for name in COLD}
    with tempfile.TemporaryDirectory() as kept:
        rounds = [
            {name: run(arguments, "0" if name in cold else kept) for name, arguments in {**COMMANDS, **cold}.items()}
            for _ in range(runs + 1)
        ][1:]
    print(f"{'command':<38}{'median CPU':>12}{'ratio':>8}{'memory':>11}   ({runs} rounds; ratio to {REFERENCE})")
    for name in rounds[0]:
        seconds, memory = (statistics.median(one[name][at] for one in rounds) for at in (0, 1))
        ratio = statistics.median(one[name].cpu / one[REFERENCE].cpu for one in rounds)
        print(f"{name:<38}{seconds * 1000:>9.0f} ms{ratio:>8.2f}{memory:>8.1f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
