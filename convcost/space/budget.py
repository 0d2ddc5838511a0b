"""Budgets: upper bounds on MACs, parameters, peak bytes of activations; of deployed networks on RAM and flash; on latency."""

from __future__ import annotations

from typing import Any, NamedTuple

from convcost.core.dtypes import DEFAULT, MIXED, as_text, check_dtype
from convcost.core.errors import UsageError
from convcost.core.metrics import METRICS
from convcost.core.reading import parse_bytes, parse_count, parse_duration
from convcost.core.units import binary, duration, exact


class Budget(NamedTuple):
    """A bound on one metric."""

    metric: str
    limit: int
    """The largest count of the metric that is still allowed: MACs, bytes, femtoseconds."""
    text: str
    """The metric in the user's words."""

    def amount(self, value: int) -> str:
        """A value of the metric in the budget's own unit."""
        return METRICS[self.metric].written(value)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data, a limit on latency in milliseconds."""
        return {"metric": self.metric, "limit": METRICS[self.metric].value(self.limit)}


def budgets_of(
    max_macs: Any,
    max_params: Any,
    max_peak: Any,
    dtype: str = DEFAULT,
    *,
    max_ram: Any = None,
    max_flash: Any = None,
    max_latency: Any = None,
    device: str = "",
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
    if max_latency is not None:
        time = parse_duration(max_latency)
        found.append(Budget("latency_ms", time, f"latency <= {duration(time)}{f' on {device}' if device else ''}"))
    if not found:
        raise UsageError(
            "give at least one budget: max_macs, max_params, max_peak, max_ram, max_flash or max_latency (--max-macs 300M, "
            "--max-params 4M, --max-peak 256KiB, --max-ram 256KiB, --max-flash 1MiB, --max-latency 20ms --device NAME)"
        )
    return tuple(found)
