"""Time of one elaboration, walk and report in a warm process, per network; and of the walk alone.

    python benchmarks/walk.py [BEFORE]

BEFORE is the folder of another version of convcost, such as a git worktree of an earlier commit. Then each network is
counted by both versions in turn, each in a process of its own, and the ratio of their times is shown.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

MODELS = ("lenet5", "vgg16", "mobilenet_v2", "resnet50", "resnet152", "efficientnet_b0", "efficientnet_b7")
ROUNDS = 41
HERE = Path(__file__).resolve().parent.parent


def seconds(action: Callable[[], object]) -> float:
    """The CPU time of one run."""
    start = time.process_time()
    action()
    return time.process_time() - start


def milliseconds(action: Callable[[], object], runs: int = 15) -> float:
    """The median of a few runs."""
    return 1000 * statistics.median(seconds(action) for _ in range(runs))


def one_version() -> None:
    """One line per network."""
    import convcost
    from convcost.graph.walk import walk

    print(f"{'network':<18}{'layers':>8}{'load and report':>18}{'walk only':>12}{'µs a layer':>12}")
    for model in MODELS:
        graph = convcost.load(model).graph
        whole = milliseconds(lambda model=model: convcost.load(model).report())
        only = milliseconds(lambda graph=graph: walk(graph))
        layers = len(graph.nodes)
        print(f"{model:<18}{layers:>8}{whole:>15.1f} ms{only:>9.1f} ms{1000 * whole / layers:>12.1f}")


def answer() -> None:
    """Count the networks that are named on standard input, one a line, and say after each how long it took."""
    import convcost

    for model in map(str.strip, sys.stdin):
        print(seconds(lambda model=model: convcost.load(model).report()), flush=True)


class Version:
    """A process that counts with the convcost of a folder."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "convcost" / "__init__.py").is_file():
            raise SystemExit(f"{folder} holds no convcost")
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--answer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(folder)},
        )

    def time(self, model: str) -> float:
        """The seconds that one report takes it."""
        assert self.process.stdin
        assert self.process.stdout
        print(model, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def end(self) -> None:
        """Let the process end."""
        self.process.communicate()


def two_versions(before: Path) -> None:
    """One line per network: both times, and the ratio of this version's to the other's."""
    versions = old, new = Version(before), Version(HERE)
    print(f"{'network':<18}{'before':>12}{'now':>12}{'ratio':>8}   (medians of {ROUNDS} rounds, each version in turn)")
    for model in MODELS:
        for version in versions:
            version.time(model)  # rules, specs and bytecode are read once
        rounds = []
        for turn in range(ROUNDS):
            first, second = (old, new) if turn % 2 else (new, old)
            times = {first: first.time(model), second: second.time(model)}
            rounds.append((times[old], times[new]))
        was, now = (1000 * statistics.median(one[at] for one in rounds) for at in (0, 1))
        ratio = statistics.median(after / earlier for earlier, after in rounds)
        print(f"{model:<18}{was:>9.1f} ms{now:>9.1f} ms{ratio:>8.2f}")
    for version in versions:
        version.end()


if __name__ == "__main__":
    if sys.argv[1:] == ["--answer"]:
        answer()
    elif len(sys.argv) > 1:
        two_versions(Path(sys.argv[1]).resolve())
    else:
        one_version()
