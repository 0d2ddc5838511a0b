"""Budgets: upper bounds on MACs, parameters, peak bytes of activations; of deployed networks on RAM and flash."""

from __future__ import annotations

from typing import Any, NamedTuple

from convcost.core.dtypes import DEFAULT, MIXED, as_text, check_dtype
from convcost.core.errors import UsageError
from convcost.core.metrics import METRICS
from convcost.core.reading import parse_bytes, parse_count
from convcost.core.units import binary, exact


class Budget(NamedTuple):
    """A bound on one metric."""

    metric: str
    limit: int
    """The largest value of the metric that is still allowed."""
    text: str
    """The metric in the user's words."""

    def amount(self, value: int) -> str:
        """A value of the metric in the budget's own unit."""
        return METRICS[self.metric].written(value)


def budgets_of(
    max_macs: Any, max_params: Any, max_peak: Any, dtype: str = DEFAULT, *, max_ram: Any = None, max_flash: Any = None
) -> tuple[Budget, ...]:
    """The budgets that are given, peak memory as a dtype or as the types that networks state; raises `UsageError`.

    >>> budgets_of("300M", None, "256KiB", "int8")[1].limit
    262144
    """
    dtype = dtype if dtype == MIXED else check_dtype(dtype)
    found = []
    for metric, given in (("macs", max_macs), ("params", max_params)):
        if given is not None:
            limit = parse_count(given)
            found.append(Budget(metric, limit, f"{metric} <= {exact(limit)}"))
    if max_peak is not None:
        size = parse_bytes(max_peak)
        text = f"peak activations <= {binary(size)} as {as_text(dtype)}"
        found.append(Budget("peak_activation_bytes", size, text))
    for metric, given in (("ram_bytes", max_ram), ("flash_bytes", max_flash)):
        if given is not None:
            limit = parse_bytes(given)
            found.append(Budget(metric, limit, f"{METRICS[metric].short} <= {binary(limit)}"))
    if not found:
        raise UsageError(
            "give at least one budget: max_macs, max_params, max_peak, max_ram or max_flash "
            "(--max-macs 300M, --max-params 4M, --max-peak 256KiB, --max-ram 256KiB, --max-flash 1MiB)"
        )
    return tuple(found)
