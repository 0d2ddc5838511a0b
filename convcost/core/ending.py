"""How a process ends that is told to end: at Ctrl-C, SIGTERM or SIGHUP it tidies up, and is gone.

The command line raises no exception then. An exception has to find its way out of whatever was being done - an import, a
destructor, a lock that another thread holds - and can be lost or shown as a traceback on that way.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress

TYPE_CHECKING = False  # see convcost/__init__.py; what is imported here is imported before a signal is heeded
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any, NoReturn

_BY_SIGNAL = 128
"""A shell adds this to the number of the signal that has ended a program: 130 after Ctrl-C, 143 after SIGTERM."""
KEYBOARD = ("SIGINT",)
OTHERS = ("SIGTERM", "SIGHUP")
"""By name, since not every system has them."""
_TIDY: list[Callable[[], object]] = []


def heed(names: tuple[str, ...]) -> dict[int, Any]:
    """From now on these signals end the process at once, if nobody else minds them; what was done about them before.

    A signal that is ignored, as in a background job or under nohup, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    numbers = [number for name in names if (number := getattr(signal, name, None)) is not None]
    free = [one for one in numbers if signal.getsignal(one) in (signal.SIG_DFL, signal.default_int_handler)]
    return {number: signal.signal(number, _end) for number in free}


@contextmanager
def heeded(names: tuple[str, ...]) -> Iterator[None]:
    """As `heed`, for as long as something is being done."""
    before = heed(names)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def tidied(tidy: Callable[[], object]) -> Iterator[None]:
    """If the process is ended meanwhile, what is begun here is tidied away first; nothing is if it ends by itself."""
    _TIDY.append(tidy)
    try:
        yield
    finally:
        _TIDY.remove(tidy)


@contextmanager
def held() -> Iterator[None]:
    """Signals wait for what must not be left half done; it has to be short."""
    came: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [number for name in KEYBOARD + OTHERS if (number := getattr(signal, name, None)) is not None]
        ours = [one for one in numbers if signal.getsignal(one) is not None]  # else it could not be set back
        before = {number: signal.signal(number, lambda one, _: came.append(one)) for number in ours}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def deaf() -> None:
    """Ctrl-C passes by the calling thread, and the processes that it starts from their very beginning."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    for tidy in reversed(_TIDY):
        with suppress(Exception):  # whatever it is, there is nobody left to be told
            tidy()
    with suppress(OSError, AttributeError, ValueError):  # standard error is closed
        if number == signal.SIGINT and sys.stderr.isatty():
            os.write(2, b"\n")  # the prompt does not stand behind ^C
    os._exit(_BY_SIGNAL + number)
