"""Budgets: at most so many MACs, parameters, bytes of activations."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, NamedTuple

from convcost.errors import UsageError
from convcost.units import binary, check_dtype, exact, parse_bytes

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
_AMOUNT = re.compile(r"(\d{1,30}(?:\.\d{1,30})?(?:[eE]\d{1,2})?)\s*([A-Za-z]?)")


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
    match = _AMOUNT.fullmatch(str(given).strip())
    if isinstance(given, bool) or match is None or match[2].lower() not in _UNITS:
        raise UsageError(f"{what} must be a number such as 300M or 4.1G, got {str(given)[:40]!r}")
    return int(Fraction(match[1]) * _UNITS[match[2].lower()])
