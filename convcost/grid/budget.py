"""Budgets: at most so many MACs, parameters, bytes of activations."""

from __future__ import annotations

from typing import Any, NamedTuple

from convcost.amounts import COUNTS, read_amount
from convcost.errors import UsageError
from convcost.units import binary, check_dtype, exact, parse_bytes

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
    check_dtype(dtype)
    found = []
    for metric, given in (("macs", max_macs), ("params", max_params)):
        if given is not None:
            limit = parse_count(given, f"the budget of {metric}")
            found.append(Budget(metric, limit, f"{metric} <= {exact(limit)}"))
    if max_peak is not None:
        size = parse_bytes(str(max_peak))
        text = f"peak activations <= {binary(size)} as {dtype}"
        found.append(Budget(PEAK, size, text))
    if not found:
        raise UsageError("give at least one budget: MACs, params or peak memory")
    return tuple(found)


def parse_count(given: Any, what: str) -> int:
    """A count as people write it: 300M, 4.1G, 300e6; raises `UsageError`.

    >>> parse_count("4.1G", "it")
    4100000000
    """
    amount = None if isinstance(given, bool) else read_amount(str(given))
    if amount is None or amount.unit.lower() not in COUNTS:
        raise UsageError(f"{what} must be a number such as 300M or 4.1G, got {str(given)[:40]!r}")
    return int(amount.number * COUNTS[amount.unit.lower()])
