"""Threads that stay, and the arrays that each of them works in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from math import prod
from multiprocessing import parent_process
from typing import Any

import numpy as np

from convcost.grid.guards import Array

BLOCK = 2**17
"""Cells worked on at once: 1 MiB."""


class _Scratch(threading.local):
    """Arrays that each thread keeps to work in: to get new memory each time takes as long as to fill it."""

    def __init__(self) -> None:
        self.arrays: dict[Any, Array] = {}

    def array(self, use: str, shape: Sequence[int], dtype: Any) -> Array:
        """An array of some size to write into, which lasts until the same use of it in this thread."""
        size = prod(shape)
        if size > BLOCK:
            return np.empty(shape, dtype=dtype)
        if (use, dtype) not in self.arrays:
            self.arrays[use, dtype] = np.empty(BLOCK, dtype=dtype)
        return self.arrays[use, dtype][:size].reshape(shape)


SCRATCH = _Scratch()


def on_threads(run: Callable[[], None], threads: int) -> None:
    """The same function on several threads, this one among them."""
    others = [_pool().submit(run) for _ in range(threads - 1)]
    try:
        run()
    finally:
        for other in others:
            other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads that stay, for the next window."""
    return ThreadPoolExecutor(max(1, thread_count() - 1), "convcost")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not outlive a fork


def thread_count() -> int:
    """How many threads work in this process: one for each core, but one in all where processes share them already."""
    if parent_process() is not None:
        return 1
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))
