"""Other counters beside convcost, on the same networks: cold (a fresh process) and warm (in one that has all loaded).

    python benchmarks/counters.py

They need torch and torchvision; what is not installed is left out. The number each prints follows its own convention.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import time

NETWORKS = {"mobilenet_v2": "mobilenet_v2", "resnet50": "resnet50", "vgg16": "vgg16"}
#: Tool -> how to get ready, and how to count `model` for the input `x`.
TOOLS = {
    "fvcore": (
        "import logging; logging.disable(50); from fvcore.nn import FlopCountAnalysis",
        "FlopCountAnalysis(model, x).total()",
    ),
    "ptflops": (
        "from ptflops import get_model_complexity_info",
        "get_model_complexity_info(model, (3, 224, 224), as_strings=False, print_per_layer_stat=False, verbose=False)[0]",
    ),
    "torchinfo": ("from torchinfo import summary", "summary(model, input_data=x, verbose=0).total_mult_adds"),
    "thop": ("from thop import profile", "profile(model, (x,), verbose=False)[0]"),
}
#: torchvision is often installed without its compiled operators, and then does not import: declare them.
TORCH = """import torch
library = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):
    try:
        library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:
        pass
import torchvision
x = torch.zeros(1, 3, 224, 224)
model = torchvision.models.{name}().eval()
"""
OURS = ("import convcost", "convcost.load('{name}').report().totals.macs")


def script(ready: str, count: str, name: str) -> str:
    """A program that counts once cold, five times warm, and prints both."""
    return (
        f"import time\nstart = time.perf_counter()\n{ready.replace('{name}', name)}\n"
        f"count = lambda: {count.replace('{name}', name)}\ntotal = count()\ncold = time.perf_counter() - start\n"
        "times = []\nfor _ in range(5):\n    start = time.perf_counter()\n    count()\n    times.append(time.perf_counter() - start)\n"
        "print('RESULT', int(total), cold, sorted(times)[2])"
    )


def measured(ready: str, count: str, name: str) -> tuple[int, float, float, float] | None:
    """What it counts, seconds of a whole process, of the first count with imports, of a warm count."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script(ready, count, name)],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
    )
    whole = time.perf_counter() - start
    for line in done.stdout.splitlines():
        if line.startswith("RESULT"):
            total, cold, warm = line.split()[1:]
            return int(float(total)), whole, float(cold), float(warm)
    return None


def main() -> None:
    """A line per network and tool, with ratios to convcost in the same run."""
    has_torch = importlib.util.find_spec("torch") and importlib.util.find_spec("torchvision")
    tools = [name for name in TOOLS if importlib.util.find_spec(name)] if has_torch else []
    print(f"{'network':<14}{'counter':<11}{'counts':>16}{'cold':>10}{'warm':>11}{'cold ×':>8}{'warm ×':>8}")
    for ours, theirs in NETWORKS.items():
        runs = [measured(*OURS, ours) for _ in range(3)]
        known = [run for run in runs if run]
        cold, warm = (statistics.median(run[i] for run in known) for i in (1, 3))
        print(f"{ours:<14}{'convcost':<11}{known[0][0]:>16,}{cold:>8.2f} s{warm * 1000:>8.1f} ms{1:>8}{1:>8}")
        for tool in tools:
            ready, count = TOOLS[tool]
            found = measured(f"{TORCH.format(name=theirs)}{ready}", count, theirs)
            if found:
                total, whole, _, each = found
                print(
                    f"{ours:<14}{tool:<11}{total:>16,}{whole:>8.2f} s{each * 1000:>8.1f} ms{whole / cold:>8.1f}{each / warm:>8.1f}"
                )
    if not tools:
        print("no other counter is installed here (fvcore, ptflops, torchinfo or thop, with torch and torchvision)")


if __name__ == "__main__":
    main()
