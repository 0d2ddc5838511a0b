"""Checks of arguments that several packages share."""

from __future__ import annotations

from typing import Any

from convcost.core.errors import UsageError
from convcost.core.reading import python_int
from convcost.core.units import say

LARGEST_BATCH = 10**15


def check_batch(batch: Any) -> int:
    """The batch size, if it is one; raises `UsageError`."""
    batch = python_int(batch)
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= LARGEST_BATCH:
        bound = f"<= {LARGEST_BATCH:,}" if isinstance(batch, int) and batch > 1 else "an integer >= 1"
        raise UsageError(f"batch must be {bound}, got {say(batch)}")
    return batch
