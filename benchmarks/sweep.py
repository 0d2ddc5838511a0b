"""Whole design spaces beside the plainest thing that could be done instead: ratios, measured alternately in one run.

    python benchmarks/sweep.py [ROUNDS]

- grid: 2·10^7 EfficientNets (resolution × width × depth) from their tables, beside `ndarray.fill` on the same array and
  beside a Python loop over the int walk; and with the allocation of a new array in both.
- front: 10^8 configurations to their exact 2-objective front, beside filling the array.
- walk: 1,000 resolutions at once beside one int walk, for every family of the zoo.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

import convcost
from convcost.graph.walk import walk
from convcost.space.evaluate import empty, evaluate
from convcost.space.front import grid_front, objectives_of
from convcost.space.open import design_space
from convcost.spec import zoo

GRID = {"resolution": "32:231", "width": "0.25:2.246:0.004", "depth": "1:2.99:0.01"}
FRONT = {"resolution": "32:531", "width": "0.2:2.199:0.001", "depth": "1:1.99:0.01"}


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def beside(actions: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Times of actions that take turns, so that a machine that changes speed changes it for all."""
    found: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            found[name].append(seconds(action))
    return found


def ratio(times: dict[str, list[float]], of: str, to: str) -> tuple[float, float]:
    """How many times longer `of` takes than `to`: the median over rounds, and the least."""
    each = [a / b for a, b in zip(times[of], times[to], strict=True)]
    return statistics.median(each), min(each)


def grid(rounds: int) -> None:
    made_in = seconds(lambda: design_space("efficientnet", {}, over=GRID))
    made = design_space("efficientnet", {}, over=GRID)
    out = empty(made, "macs")
    times = beside(
        {
            "grid": lambda: evaluate(made, "macs", out=out),
            "fill": lambda: out.fill(1),
            "new grid": lambda: evaluate(made, "macs"),
            "new fill": lambda: empty(made, "macs").fill(1),
        },
        rounds,
    )
    points = made.points
    walks = beside({"walk": lambda: convcost.load("efficientnet", width="1.1", depth="1.2").report()}, 5)["walk"]
    graph = convcost.load("efficientnet", width="1.1", depth="1.2").graph
    bare = beside({"walk": lambda: walk(graph)}, 5)["walk"]
    best = min(times["grid"])
    print(f"grid of {points:,} EfficientNets, MACs as int64; tables made once in {made_in * 1000:.0f} ms")
    for name in times:
        print(
            f"  {name:<10}{statistics.median(times[name]) * 1000:>10.1f} ms{points / statistics.median(times[name]) / 1e9:>8.2f} G points/s"
        )
    for of, to in (("grid", "fill"), ("new grid", "new fill")):
        middle, least = ratio(times, of, to)
        print(f"  rate of {of} to {to}: {1 / middle:.2f} (best round {1 / least:.2f})")
    print(
        f"  {statistics.median(walks) / (best / points):,.0f} times a loop over load and report, "
        f"{statistics.median(bare) / (best / points):,.0f} times one over the walk alone"
    )


def front(rounds: int) -> None:
    made = design_space("efficientnet", {}, over=FRONT)
    array = np.empty(made.points)
    print(f"front of {made.points:,} EfficientNets, beside filling {array.nbytes / 1e6:,.0f} MB")
    for texts in (["macs", "max:params"], ["macs", "max:activations"], ["macs", "resolution"]):
        objectives = objectives_of(texts, made.axes)
        size = len(grid_front(made, objectives))
        times = beside({"front": lambda o=objectives: grid_front(made, o), "fill": lambda: array.fill(1.0)}, rounds)
        middle, least = ratio(times, "front", "fill")
        print(
            f"  {', '.join(texts):<26}{size:>7,} points{statistics.median(times['front']):>8.2f} s, {middle:.0f} times the fill (best round {least:.0f})"
        )


def walks(rounds: int) -> None:
    print("1,000 resolutions at once beside one int walk (load and report; the bare walk of a known graph)")
    for spec in zoo.all_specs():
        knob = spec.knobs.get("resolution")
        if knob is None:
            continue
        axis = {"resolution": f"{knob.default}:{int(knob.default) + 999}"}
        graph = convcost.load(spec.name).graph
        times = beside(
            {
                "sweep": lambda name=spec.name, axis=axis: design_space(name, {}, over=axis),
                "report": lambda name=spec.name: convcost.load(name).report(),
                "walk": lambda graph=graph: walk(graph),
            },
            rounds,
        )
        middle, _ = ratio(times, "sweep", "report")
        bare, _ = ratio(times, "sweep", "walk")
        print(f"  {spec.name:<24}{statistics.median(times['sweep']) * 1000:>8.1f} ms{middle:>8.1f}{bare:>8.1f}")


def main(rounds: int) -> None:
    """All three."""
    grid(rounds)
    front(max(3, rounds // 4))
    walks(max(3, rounds // 4))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
