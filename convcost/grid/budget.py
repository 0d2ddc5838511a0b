"""Budgets: at most so many MACs, parameters, bytes of activations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from convcost.errors import UsageError, did_you_mean
from convcost.units import DTYPE_BITS, binary, exact

_COUNTS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
_BYTES = {
    **{"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12},
    **{"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40},
}
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?(?:[eE]\d{1,2})?)\s*([A-Za-z]*)\s*")


PEAK = "peak_activation_bytes"


class Budget(NamedTuple):
    """A bound on one metric."""

    metric: str
    limit: int
    """The largest value of the metric that is still allowed."""
    text: str
    """As the user thinks of it."""

    def amount(self, value: int) -> str:
        """A value of the metric in the budget's own unit."""
        return binary(value) if self.metric == PEAK else exact(value)


def budgets_of(max_macs: Any, max_params: Any, max_peak: Any, dtype: str = "fp32") -> tuple[Budget, ...]:
    """The budgets that are given; raises `UsageError`.

    >>> budgets_of("300M", None, "256KiB", "int8")[1].limit
    262144
    """
    if dtype not in DTYPE_BITS:
        raise UsageError(f"there is no dtype {dtype!r}{did_you_mean(dtype, DTYPE_BITS)}")
    found = []
    for metric, given in (("macs", max_macs), ("params", max_params)):
        if given is not None:
            limit = amount(given, _COUNTS, f"the budget of {metric}", "300M or 4.1G")
            found.append(Budget(metric, limit, f"{metric} <= {exact(limit)}"))
    if max_peak is not None:
        size = amount(max_peak, _BYTES, "the budget of peak memory", "256KiB or 1.5MiB")
        text = f"peak activations <= {binary(size)} as {dtype}"
        found.append(Budget(PEAK, size, text))
    if not found:
        raise UsageError("give at least one budget: MACs, params or peak memory")
    return tuple(found)


def amount(given: Any, units: Mapping[str, int], what: str, example: str) -> int:
    """A number with a unit as an integer; raises `UsageError`."""
    match = _AMOUNT.fullmatch(str(given))
    if isinstance(given, bool) or match is None or match[2].lower() not in units:
        raise UsageError(f"{what} must be a number such as {example}, got {str(given)[:40]!r}")
    value = Fraction(match[1]) * units[match[2].lower()]
    if value < 1:
        raise UsageError(f"{what} must be at least 1, got {given}")
    return int(value)
