"""Sweeps against the networks that they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

import convcost


def assert_a_sweep_is_the_network_at_each_point(model: str, axes: Mapping[str, Sequence[Any]]) -> None:
    """MACs and parameters of each point are those of the network that is loaded with its values."""
    swept = convcost.sweep(model, **axes)
    for at, values in zip(np.ndindex(swept.macs.shape), product(*axes.values())):
        totals = convcost.load(model, **dict(zip(axes, values))).report().totals
        assert (swept.macs[at], swept.params[at]) == (totals.macs, totals.params)
