"""What a picture of accuracy against cost can show; apart, so that the command line can list it without loading data."""

from __future__ import annotations

from convcost.core.metrics import METRICS

COSTS = {
    "macs": METRICS["operations"],
    "params": METRICS["params"],
    "activations": METRICS["activations"],
    "peak": METRICS["peak_activation_bytes"],
    "weight_bytes": METRICS["weight_bytes"],
    "bytes_moved": METRICS["bytes_moved"],
    "latency": METRICS["latency_ms"],
}
"""What may stand on the x axis; bytes as fp32, `macs` are what the convention counts, a latency what is printed for one
setup or predicted for one device, in femtoseconds."""
LATENCY = "latency"
"""The cost that is not counted of a network alone."""
ACCURACIES = ("top1", "top5")
"""What may stand on the y axis: accuracies on ImageNet."""
LANDSCAPES = {"detection": "map", "segmentation": "miou"}
"""Each task that has a landscape of its own, and its metric, which stands on the y axis there."""
METRICS_OF_TASKS = {"accuracy": "accuracy", "map": "box mAP", "miou": "mIoU"}
"""Each metric of tasks.csv as people write it; all in per cent. `map` is the mean over IoUs from 0.5 to 0.95, as COCO has it."""
KINDS = ("paper", "authors", "library", "reimplementation")
"""Who speaks in a source: the paper, its authors' repository, a library that ships the network, someone else."""
TIERS = KINDS[:-1]
"""Whose figures are taken unless the caller says otherwise."""
