"""How long a network takes: sums over kernels by hand, what it goes into, what is refused and what is marked."""

from __future__ import annotations

from pathlib import Path

import pytest

from convcost import UsageError, latencies, latency, load
from convcost.devices.device import Device, Errors, Fitted, Roofline
from convcost.networks.latencies import why
from convcost.networks.latency import KINDS, Latency, divided, kind_of

MICROSECOND = 10**9  # femtoseconds
#: A convolution 3×3 of 8×8×3 to 4 maps, an activation that is fused into it, a depthwise one, a 1×1, an addition, a dense layer.
NET = """\
name: small
input: [8, 8, 3]
layers:
  - conv2d: {channels: 4, kernel: 3, padding: same, name: stem}
  - activation: relu
  - add:
      - - conv2d: {channels: 4, kernel: 3, groups: 4, padding: same, name: depthwise}
        - conv2d: {channels: 4, kernel: 1, name: pointwise}
      - []
  - flatten
  - linear: {features: 10, name: fc}
"""
