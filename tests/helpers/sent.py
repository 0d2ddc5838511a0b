"""What tests send to other processes: a process that begins anew can import helpers, but no test."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from convcost import Network, Totals, load


def square(number: int) -> int:
    return number * number


def dies_once(folder: str, number: int) -> int:
    """Kills its own process the first time it is asked for 5."""
    marker = Path(folder) / "died"
    if number == 5 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(number)


def always_dies(_: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def totals(network: Network) -> Totals:
    return network.report().totals


def totals_of(model: str) -> Totals:
    return totals(load(model))
