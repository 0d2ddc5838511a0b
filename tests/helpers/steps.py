"""How much work a call does, in lines of Python that it runs: the same on every machine, however busy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def lines_run(call: Callable[[], object]) -> int:
    """How many lines run, in whatever functions.

    >>> lines_run(lambda: sum(i for i in range(1000))) - lines_run(lambda: sum(i for i in range(10)))
    990
    """
    count = 0

    def trace(_frame: FrameType, event: str, _what: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
