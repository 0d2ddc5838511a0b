"""convcost: what a convolutional network costs, exactly, and where each number comes from.

>>> import convcost
>>> convcost.load("mobilenet_v2", width=0.75).report().totals.macs
209069792
"""

from __future__ import annotations

from convcost.core import doors, moved
from convcost.core.version import __version__

TYPE_CHECKING = False  # type checkers know it by its name; importing typing costs more than all the rest here
if TYPE_CHECKING:
    from typing import Any

    from convcost import plots
    from convcost.alternatives.comparison import Comparison, compare
    from convcost.conventions.catalog import list_conventions
    from convcost.conventions.convention import Convention
    from convcost.conventions.reconcile import Reconciliation
    from convcost.core.errors import ConvcostError, OutputError, SpecError, UsageError
    from convcost.devices.board import Board
    from convcost.devices.catalog import list_devices
    from convcost.devices.device import Device, Roofline
    from convcost.devices.listing import boards
    from convcost.diagrams.architecture.diagram import Diagram
    from convcost.diagrams.architecture.draw import draw
    from convcost.formulas.explain import Explanation, explain
    from convcost.graph.graph import Graph, Node
    from convcost.graph.walk import Step, Walked
    from convcost.memory.usage import Usage
    from convcost.networks.ask import reconcile, report, rewrite
    from convcost.networks.budgets.check import check
    from convcost.networks.budgets.checked import Checked
    from convcost.networks.calibrate import Calibrated, calibrate
    from convcost.networks.deployment import Deployed, deployed
    from convcost.networks.difference import Difference, diff
    from convcost.networks.from_torch import from_torch
    from convcost.networks.latencies import Latencies, latencies
    from convcost.networks.latency import Latency, latency
    from convcost.networks.listing import list_networks
    from convcost.networks.load import load
    from convcost.networks.network import Network
    from convcost.published.deployable import Deployable, deployable
    from convcost.published.frontier import Frontier, frontier
    from convcost.published.predictions import PublishedLatencies, PublishedSetups, published_latencies
    from convcost.published.side_by_side import side_by_side
    from convcost.published.verify import Verdict, Verdicts, verify
    from convcost.render.table import Table
    from convcost.results.patches import Patches, PatchFront
    from convcost.results.report import Group, LayerCost, Report, Totals
    from convcost.results.training import Training
    from convcost.space.fit import Fit, fit
    from convcost.space.pareto import pareto
    from convcost.space.space import DesignSpace
    from convcost.space.sweep import Sweep, sweep

__all__ = [
    "Board",
    "Calibrated",
    "Checked",
    "Comparison",
    "ConvcostError",
    "Convention",
    "Deployable",
    "Deployed",
    "DesignSpace",
    "Device",
    "Diagram",
    "Difference",
    "Energy",
    "Explanation",
    "Fit",
    "Frontier",
    "Graph",
    "Group",
    "Latencies",
    "Latency",
    "LayerCost",
    "Network",
    "Node",
    "OutputError",
    "PatchFront",
    "Patches",
    "PublishedLatencies",
    "PublishedSetups",
    "Reconciliation",
    "Report",
    "Roofline",
    "SpecError",
    "Step",
    "Sweep",
    "Table",
    "Totals",
    "Training",
    "Usage",
    "UsageError",
    "Verdict",
    "Verdicts",
    "Walked",
    "__version__",
    "boards",
    "calibrate",
    "check",
    "compare",
    "deployable",
    "deployed",
    "diff",
    "draw",
    "energy",
    "explain",
    "fit",
    "from_torch",
    "frontier",
    "latencies",
    "latency",
    "list_conventions",
    "list_devices",
    "list_networks",
    "load",
    "pareto",
    "plots",
    "published_latencies",
    "reconcile",
    "report",
    "rewrite",
    "side_by_side",
    "sweep",
    "verify",
]

#: Name -> the module that has it, imported when the name is first asked for: importing convcost costs next to nothing.
_LATER = {
    "Board": "convcost.devices.board",
    "Calibrated": "convcost.networks.calibrate",
    "Checked": "convcost.networks.budgets.checked",
    "Comparison": "convcost.alternatives.comparison",
    "ConvcostError": "convcost.core.errors",
    "Convention": "convcost.conventions.convention",
    "Deployable": "convcost.published.deployable",
    "Deployed": "convcost.networks.deployment",
    "DesignSpace": "convcost.space.space",
    "Device": "convcost.devices.device",
    "Difference": "convcost.networks.difference",
    "Diagram": "convcost.diagrams.architecture.diagram",
    "Energy": "convcost.networks.energy",
    "Explanation": "convcost.formulas.explain",
    "Fit": "convcost.space.fit",
    "Frontier": "convcost.published.frontier",
    "Graph": "convcost.graph.graph",
    "Group": "convcost.results.report",
    "Latencies": "convcost.networks.latencies",
    "Latency": "convcost.networks.latency",
    "LayerCost": "convcost.results.report",
    "Network": "convcost.networks.network",
    "Node": "convcost.graph.graph",
    "OutputError": "convcost.core.errors",
    "PatchFront": "convcost.results.patches",
    "Patches": "convcost.results.patches",
    "Reconciliation": "convcost.conventions.reconcile",
    "PublishedLatencies": "convcost.published.predictions",
    "PublishedSetups": "convcost.published.predictions",
    "Report": "convcost.results.report",
    "Roofline": "convcost.devices.device",
    "SpecError": "convcost.core.errors",
    "Step": "convcost.graph.walk",
    "Sweep": "convcost.space.sweep",
    "Table": "convcost.render.table",
    "Totals": "convcost.results.report",
    "Training": "convcost.results.training",
    "Usage": "convcost.memory.usage",
    "UsageError": "convcost.core.errors",
    "Verdict": "convcost.published.verify",
    "Verdicts": "convcost.published.verify",
    "Walked": "convcost.graph.walk",
    "boards": "convcost.devices.listing",
    "calibrate": "convcost.networks.calibrate",
    "check": "convcost.networks.budgets.check",
    "compare": "convcost.alternatives.comparison",
    "deployable": "convcost.published.deployable",
    "deployed": "convcost.networks.deployment",
    "diff": "convcost.networks.difference",
    "draw": "convcost.diagrams.architecture.draw",
    "energy": "convcost.networks.energy",
    "explain": "convcost.formulas.explain",
    "fit": "convcost.space.fit",
    "from_torch": "convcost.networks.from_torch",
    "frontier": "convcost.published.frontier",
    "latencies": "convcost.networks.latencies",
    "latency": "convcost.networks.latency",
    "list_conventions": "convcost.conventions.catalog",
    "list_devices": "convcost.devices.catalog",
    "list_networks": "convcost.networks.listing",
    "load": "convcost.networks.load",
    "pareto": "convcost.space.pareto",
    "published_latencies": "convcost.published.predictions",
    "reconcile": "convcost.networks.ask",
    "report": "convcost.networks.ask",
    "rewrite": "convcost.networks.ask",
    "side_by_side": "convcost.published.side_by_side",
    "sweep": "convcost.space.sweep",
    "verify": "convcost.published.verify",
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "plots":
        return import_module("convcost.plots")
    if name not in _LATER:
        raise AttributeError(f"module 'convcost' has no attribute {name!r}")
    found = getattr(import_module(_LATER[name]), name)
    globals()[name] = found  # asked for once
    return found


doors.open_front(__getattr__)
moved.keep()
