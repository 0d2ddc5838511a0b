"""Bounds of time and memory around a case, and what to call one that breaks them."""

from __future__ import annotations

import contextlib
import resource
import signal
import time
from collections.abc import Iterator
from types import FrameType

SECONDS = 2.0
"""Of processor time: the most that a case may take."""
BYTES = 400 << 20
"""The most memory that a process that does nothing else may have had while a case ran."""
_IDLE = 160 << 20
"""What such a process has before; what one has beyond that is of other work, and no case's."""
_WAITED = 60.0
"""Of a clock: so long a case that only waits is let wait."""
_SLACK = 3
"""A case is cut after so many times its bound; one that ends before is named by how long it took."""
_ADDRESSES = 3 << 30


class Late(BaseException):
    """The alarm; no handler of `Exception` may swallow it."""


class Large(Exception):
    """More memory than a case may take."""


class Slow(Exception):
    """More time than a case may take."""


def limit() -> None:
    """Bound the addresses of this process, so that a bomb is a `MemoryError` and no dead machine."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, resource.getrlimit(resource.RLIMIT_AS)[1]))


@contextlib.contextmanager
def watched(seconds: float = SECONDS, most: int = BYTES) -> Iterator[None]:
    """Cut what takes far too long (`Late`); after it, raise `Slow` or `Large` for what broke a bound."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise Late

    before = {number: signal.signal(number, ring) for number in (signal.SIGVTALRM, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_VIRTUAL, _SLACK * seconds)
    signal.setitimer(signal.ITIMER_REAL, _WAITED)
    _forget_peak()
    others = max(0, peak() - _IDLE)
    begun = time.process_time()
    try:
        yield
    finally:
        took = time.process_time() - begun
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
    if took > seconds:
        raise Slow(f"{took:.1f} s")
    if (held := peak() - others) > most:
        raise Large(f"{held >> 20} MiB")


def _forget_peak() -> None:
    """Let the mark of the most memory begin again at what there is now, where the system can."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def peak() -> int:
    """The most memory since that, in bytes."""
    with contextlib.suppress(OSError, StopIteration), open("/proc/self/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
