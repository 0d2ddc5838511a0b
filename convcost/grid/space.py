"""A design space around a network that is loaded already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcost.grid.axes import axes_of
from convcost.grid.build import Request
from convcost.grid.sweep import check_buildable
from convcost.grid.tables import Tables, tables
from convcost.network import Network
from convcost.report import Report


def space(network: Network, report: Report, over: Mapping[str, Any]) -> Tables:
    """The tables of a grid of knob values, with the report's batch, dtype and memory policy; raises as `design_space`."""
    axes = axes_of(network.spec, network.name, over, shaped=network.input_shape is not None)
    request = Request(report.batch, report.dtype, report.memory_policy, network.input_shape)
    made = tables(network.spec, network.name, network.knobs, axes, request)
    check_buildable(network.spec, network.knobs, made)
    return made
