"""What tests send to other processes: a process that begins anew can import helpers, but no test."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from threading import Lock

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


def fails(number: int) -> int:
    """Prints, which must not get into its answer, and raises for 3."""
    print("said by a worker")
    if number == 3:
        raise ValueError("three")
    return square(number)


class TwoWords(Exception):
    """Can be packed, but not made again: its arguments are not those of its constructor."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class Unsendable(Exception):
    """Holds what cannot be packed."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.lock = Lock()


def fails_unsendably(number: int) -> None:
    raise Unsendable("no answer") if number else TwoWords("no", "answer")


def sleeps(folder: str, seconds: float) -> int:
    """Says which process it is, and then takes its time."""
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(seconds)
    return os.getpid()
