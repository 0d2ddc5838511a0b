"""CPU time of whole commands, side by side in one run: medians and ratios, nothing gated.

    python benchmarks/startup.py [RUNS]

Bytecode must be cached, as it is for any user after the first run; the first, uncounted round sees to that.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import numpy'": ["-c", "import numpy"],
    "convcost report mobilenet_v2": ["-m", "convcost", "report", "mobilenet_v2"],
    "convcost report efficientnet_b7": ["-m", "convcost", "report", "efficientnet_b7"],
    "convcost list": ["-m", "convcost", "list"],
}
REFERENCE = "python -c 'import numpy'"


def cpu_seconds(arguments: list[str]) -> float:
    """User and system time of one finished process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = os.times()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, env=environment, check=True)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def main(runs: int) -> None:
    """Interleave the commands, so that a machine that changes speed changes it for all."""
    rounds = [{name: cpu_seconds(arguments) for name, arguments in COMMANDS.items()} for _ in range(runs + 1)][1:]
    print(f"{'command':<34}{'median CPU':>12}{'ratio':>8}   ({runs} rounds; ratio to {REFERENCE}, round by round)")
    for name in COMMANDS:
        seconds = statistics.median(one[name] for one in rounds)
        ratio = statistics.median(one[name] / one[REFERENCE] for one in rounds)
        print(f"{name:<34}{seconds * 1000:>9.0f} ms{ratio:>8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
