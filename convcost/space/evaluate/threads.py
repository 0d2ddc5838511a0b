"""Persistent worker threads with reusable arrays."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from multiprocessing import parent_process
from queue import SimpleQueue
from typing import Any

import numpy as np

from convcost.core.dims import Array

BLOCK = 2**17
"""Cells worked on at once: 1 MiB."""


class _Scratch(threading.local):
    """Work arrays that each thread reuses: allocating memory takes as long as filling it."""

    def __init__(self) -> None:
        self.arrays: dict[Any, Array] = {}

    def array(self, use: str, shape: Sequence[int], dtype: Any) -> Array:
        """An array to write into, valid until the next request for the same use in this thread."""
        size = prod(shape)
        if size > BLOCK:
            return np.empty(shape, dtype=dtype)
        if (use, dtype) not in self.arrays:
            self.arrays[use, dtype] = np.empty(BLOCK, dtype=dtype)
        return self.arrays[use, dtype][:size].reshape(shape)


SCRATCH = _Scratch()
_Ended = SimpleQueue[BaseException | None]


class _Helpers:
    """Persistent threads that wait for work. Submitting takes half as long as with an executor."""

    def __init__(self) -> None:
        self.work: SimpleQueue[tuple[Callable[[], None], _Ended]] = SimpleQueue()
        self.starting = threading.Lock()
        self.count = 0

    def ask(self, run: Callable[[], None], ended: _Ended) -> None:
        """Run a function on one of them, which reports its end."""
        if not self.count:
            with self.starting:
                while self.count < thread_count() - 1:
                    self.count += 1
                    threading.Thread(target=self._serve, name=f"convcost-{self.count}", daemon=True).start()
        self.work.put((run, ended))

    def _serve(self) -> None:
        while True:
            run, ended = self.work.get()
            found: BaseException | None = None
            try:
                run()
            except BaseException as error:  # noqa: BLE001 - it is raised where the work was asked for
                found = error
            ended.put(found)
            del run, ended, found  # a thread that waits keeps no array alive


_HELPERS = [_Helpers()]


def on_threads(run: Callable[[], None], threads: int) -> None:
    """Run the same function on several threads, at most `thread_count()`, including this one; not reentrant."""
    ended: _Ended = SimpleQueue()
    asked = 0
    try:
        for _ in range(0 if sys.is_finalizing() else threads - 1):
            _HELPERS[0].ask(run, ended)
            asked += 1
        run()
    finally:
        found = [ended.get() for _ in range(asked)]
    wrong = [error for error in found if error is not None]
    try:
        if wrong:
            raise wrong[0]
    finally:
        del found, wrong  # a traceback holds this frame, which would hold the error


_ALONE: list[bool] = []


def be_alone() -> None:
    """Use a single thread from now on: processes share the cores."""
    _ALONE[:] = [True]
    thread_count.cache_clear()


@cache
def thread_count() -> int:
    """The number of threads in this process: one per core, but a single one if processes share the cores already."""
    if _ALONE or parent_process() is not None:
        return 1
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


if hasattr(os, "register_at_fork"):  # threads do not outlive a fork
    os.register_at_fork(after_in_child=lambda: _HELPERS.__setitem__(0, _Helpers()))
    os.register_at_fork(after_in_child=thread_count.cache_clear)
