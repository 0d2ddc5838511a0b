"""Time of one elaboration and walk in a warm process, per network; and the same from a resolved graph alone.

python benchmarks/walk.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import convcost
from convcost.graph.walk import walk

MODELS = ("lenet5", "vgg16", "mobilenet_v2", "resnet50", "resnet152", "efficientnet_b0", "efficientnet_b7")


def milliseconds(action: Callable[[], object], runs: int = 15) -> float:
    """The median of a few runs."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times)


def main() -> None:
    """One line per network."""
    print(f"{'network':<18}{'layers':>8}{'load and report':>18}{'walk only':>12}{'µs a layer':>12}")
    for model in MODELS:
        graph = convcost.load(model).graph
        whole = milliseconds(lambda model=model: convcost.load(model).report())
        only = milliseconds(lambda graph=graph: walk(graph))
        layers = len(graph.nodes)
        print(f"{model:<18}{layers:>8}{whole:>15.1f} ms{only:>9.1f} ms{1000 * whole / layers:>12.1f}")


if __name__ == "__main__":
    main()
