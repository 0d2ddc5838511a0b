"""Limits on what a network costs: what can be limited, under which names, and how amounts are read."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final, Literal, NamedTuple

from convcost.core.errors import UsageError, Where, did_you_mean, is_one_of
from convcost.core.metrics import METRICS, Metric
from convcost.core.reading import SHARES, parse_bytes, parse_count, parse_duration, read
from convcost.core.units import say


class Kind(NamedTuple):
    """One thing that can be limited."""

    name: str
    """In `limits:` and in results."""
    key: str
    """Of its metric."""
    of: Literal["network", "layer"] = "network"
    """Whose: the network's, or that of each of its layers."""
    grows: bool = False
    """Whether the limit is on its growth."""

    @property
    def metric(self) -> Metric:
        """What is counted."""
        return METRICS[self.key]

    @property
    def deployed(self) -> bool:
        """Whether it is of the network under a runtime."""
        return "deployment" in self.metric.needs

    @property
    def timed(self) -> bool:
        """Whether it is of the network on a device."""
        return "device" in self.metric.needs


BOARD = "board"
"""Limits RAM and flash to what a board has; how much that is, is looked up where the limit is checked."""
_ABSOLUTE = (
    Kind("macs", "macs"),
    Kind("flops", "flops"),
    Kind("operations", "operations"),
    Kind("params", "params"),
    Kind("buffers", "buffers"),
    Kind("activations", "activations"),
    Kind("peak", "peak_activation_bytes"),
    Kind("weights", "weight_bytes"),
    Kind("bytes_moved", "bytes_moved"),
    Kind("ram", "ram_bytes"),
    Kind("flash", "flash_bytes"),
    Kind("latency", "latency_ms"),
    Kind("layer_macs", "macs", "layer"),
    Kind("layer_params", "params", "layer"),
    Kind("layer_activations", "activations", "layer"),
)
_OF_BOARD = (Kind(f"{BOARD}.ram", "ram_bytes"), Kind(f"{BOARD}.flash", "flash_bytes"))
GROWTH = "growth"
_LOCKED = ("macs", "params", "peak", "weights")
LOCKED: Final[Mapping[str, str]] = {kind.name: kind.key for kind in _ABSOLUTE if kind.name in _LOCKED}
"""Name -> key of the metrics whose growth can be limited: those that a lock file holds."""
TIMED: Final[Mapping[str, str]] = {"latency": "latency_ms"}
"""The same of those that a lock file holds of a network with a device; `growth` alone does not limit them."""
LIMITS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        *_ABSOLUTE,
        *_OF_BOARD,
        *(Kind(f"{GROWTH}.{name}", key, grows=True) for name, key in {**LOCKED, **TIMED}.items()),
    )
}
"""Name -> kind, in the order in which they are shown."""
_STATED = tuple(dict.fromkeys(name.partition(".")[0] for name in LIMITS))
"""The keys of `limits:`."""
_MEANT = {
    **{kind.key: kind.name for kind in _ABSOLUTE},
    "parameters": "params",
    "size": "weights",
    "sram": "ram",
    "arena": "ram",
    "memory": "peak",
    "maccs": "macs",
    "time": "latency",
    "ms": "latency",
    "tolerance": "growth",
}
"""Other words for them."""


class Limit(NamedTuple):
    """The largest amount that is allowed."""

    name: str
    """A key of `LIMITS`."""
    amount: Fraction
    """Counts, bytes, femtoseconds, or of growth the share by which it may grow: 1/100; 0 of a board, until that is looked up."""
    said: str
    """As it was written."""
    where: Where | None = None

    @property
    def kind(self) -> Kind:
        """What is limited."""
        return LIMITS[self.name]

    def allowed(self, before: int = 0) -> int:
        """The largest whole amount that keeps the limit; growth is from what it was `before`.

        >>> Limit("growth.macs", Fraction(1, 100), "1%").allowed(1999)
        2018
        """
        return int(before * (1 + self.amount) if self.kind.grows else self.amount)


def read_limit(name: str, given: Any, where: Where | None = None) -> dict[str, Limit]:
    """A limit as it is written under its name; `growth` alone limits that of all that a lock file holds, `board` RAM and flash.

    Raises `UsageError` for an unknown name and for what is no amount.

    >>> read_limit("peak", "256KiB")["peak"].amount
    Fraction(262144, 1)
    >>> [*read_limit("growth", "1%")], read_limit("growth.macs", "0.5 %")["growth.macs"].amount
    (['growth.macs', 'growth.params', 'growth.peak', 'growth.weights'], Fraction(1, 200))
    """
    said = given if isinstance(given, str) else say(given)
    if name == GROWTH:
        amount = _share(given)
        return {key: Limit(key, amount, said, where) for key in (f"{GROWTH}.{part}" for part in LOCKED)}
    if name == BOARD:
        return {kind.name: Limit(kind.name, Fraction(0), said, where) for kind in _OF_BOARD}
    if not is_one_of(name, LIMITS) or name.startswith(f"{BOARD}."):
        hint = _hint(name) if isinstance(name, str) else did_you_mean(name, _STATED)
        raise UsageError(f"there is no limit {name!r}{hint}")
    kind = LIMITS[name]
    if kind.grows:
        return {name: Limit(name, _share(given), said, where)}
    parse = _READ.get(kind.metric.unit, parse_count)
    return {name: Limit(name, Fraction(parse(given)), said, where)}


_READ: Final = {"bytes": parse_bytes, "ms": parse_duration}
"""Unit of a metric -> how its amounts are read, where they are no counts."""


def _hint(name: str) -> str:
    bare = name.lower().removeprefix("max_").removeprefix("max-")
    meant = _MEANT.get(bare, bare)
    if name.startswith(f"{GROWTH}."):
        part = bare.removeprefix(f"{GROWTH}.")
        return did_you_mean(_MEANT.get(part, part), {**LOCKED, **TIMED})
    return f". Did you mean {meant}?" if meant in _STATED else did_you_mean(bare, _STATED)


def _share(given: Any) -> Fraction:
    """A growth in per cent, with its sign: a bare number might be meant as a share of one."""
    text = given.strip().removeprefix("+") if isinstance(given, str) else given
    amount = read(text, SHARES)
    if amount.unit != "%" and amount.value:
        raise UsageError(f"{say(given)!r}: a growth is said in per cent, as in 1%")
    return amount.value / 100
