"""What can be counted of a network: every metric once, with its names for people, its unit, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, Literal

from convcost.core.display import Display
from convcost.core.units import FEMTOSECONDS, binary, compact, exact, milliseconds

#: What one of it is.
Unit = Literal["MACs", "FLOPs", "operations", "elements", "bytes", "layers", "MACs per byte", "ms"]
#: How the layers' shares make the network's: added up, the most at once, along the longest way; as the ratio of two sums; or
#: layers have no shares.
Over = Literal["sum", "peak", "path", "ratio", "whole"]
#: What has to be chosen before the number means anything.
Need = Literal["convention", "dtype", "memory_policy", "deployment", "device"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that can be counted; the names differ only where a place is too narrow, or has room, for another."""

    key: str
    """In JSON, CSV and code."""
    heading: str
    """In tables and notes of a network's totals."""
    unit: Unit
    short: str
    """In lists of budgets."""
    column: str
    """Over values with every digit."""
    full: str
    """Spelled out, on cards and pictures."""
    claimed: str
    """In tables of what is printed elsewhere."""
    over: Over
    needs: tuple[Need, ...]
    swept: bool
    """Whether it is computed at every point of a grid."""
    examples: str
    """How its budget may be given; empty where none can be."""

    @property
    def written(self) -> Callable[[int], str]:
        """For people: bytes in binary and times, to three digits; all else with every digit. No ratio: of that, `text` is.

        >>> METRICS["macs"].written(300_774_272), METRICS["weight_bytes"].written(14_158_848)
        ('300,774,272', '13.5 MiB')
        >>> METRICS["latency_ms"].written(20_742_000_000_000)
        '20.7 ms'
        """
        return self._own or exact

    @property
    def rounded(self) -> Callable[[int], str]:
        """To three digits: bytes in powers of 1,024, all else in powers of 1,000.

        >>> METRICS["macs"].rounded(300_774_272), METRICS["weight_bytes"].rounded(14_158_848)
        ('301 M', '13.5 MiB')
        """
        return self._own or compact

    @property
    def _own(self) -> Callable[[int], str] | None:
        """How what is no plain count is written."""
        return {"bytes": binary, "ms": milliseconds}.get(self.unit)

    def value(self, count: int) -> float:
        """What JSON, CSV and code say: the count itself, and of a time, which is counted in femtoseconds, its unit.

        >>> METRICS["macs"].value(300_774_272), METRICS["latency_ms"].value(20_742_000_000_000)
        (300774272, 20.742)
        """
        return count / FEMTOSECONDS if self.unit == "ms" else count

    def brief(self, value: float) -> str:
        """Such a value to three digits.

        >>> METRICS["macs"].brief(300_774_272), METRICS["latency_ms"].brief(20.742)
        ('301 M', '20.7 ms')
        """
        return self.shown(value) if self.unit == "ms" else self.rounded(int(value))

    def shown(self, value: float) -> str:
        """Such a value for people: every digit of a count, three of a time or a ratio.

        >>> METRICS["weight_bytes"].shown(14_158_848), METRICS["latency_ms"].shown(20.742)
        ('14,158,848', '20.7 ms')
        """
        if self.over == "ratio":
            return Display().ratio(Fraction(value))
        return milliseconds(round(value * FEMTOSECONDS)) if self.unit == "ms" else exact(int(value))

    def text(self, number: int | Fraction, asked: Display) -> str:
        """In the unit and to the digits that are asked for; a ratio to three digits, or to those that are asked for.

        >>> METRICS["macs"].text(300_774_272, Display("M")), METRICS["weight_bytes"].text(14_158_848, Display("k"))
        ('301 M', '13,827 KiB')
        >>> METRICS["intensity"].text(Fraction(14 * 14 * 512 * 512, 1_851_392), Display("M"))
        '27.8'
        """
        if isinstance(number, Fraction):
            return asked.ratio(number)
        if self.unit == "ms":
            return milliseconds(number, asked.digits or 3)
        return asked.bytes(number, self.key) if self.unit == "bytes" else asked.count(number, self.key)

    def under(self, unit: str) -> Metric:
        """The metric by the name of what a convention counts in, if it depends on one; else as it is.

        >>> METRICS["operations"].under("FLOPs").full, METRICS["params"].under("FLOPs").full
        ('FLOPs', 'parameters')
        """
        if "convention" not in self.needs:
            return self
        return replace(self, heading=unit, short=unit, column=unit, full=unit, claimed=unit)


def _metric(
    key: str,
    heading: str,
    unit: Unit,
    *,
    short: str = "",
    column: str = "",
    full: str = "",
    claimed: str = "",
    over: Over = "sum",
    needs: tuple[Need, ...] = (),
    swept: bool = False,
    examples: str = "",
) -> Metric:
    """A metric whose names are its heading unless they are given."""
    short, column, full, claimed = (name or heading for name in (short, column, full, claimed))
    return Metric(key, heading, unit, short, column, full, claimed, over, needs, swept, examples)


_EVERY = (
    _metric("macs", "MACs", "MACs", swept=True, examples="300M or 1.5G"),
    _metric("flops", "FLOPs", "FLOPs"),
    _metric("padding_macs", "MACs with padding zeros", "MACs"),
    _metric("operations", "operations", "operations", needs=("convention",)),
    _metric("params", "params", "elements", full="parameters", swept=True, examples="4M"),
    _metric("used_params", "params at each use", "elements"),
    _metric("buffers", "buffers", "elements"),
    _metric("activations", "activations", "elements", swept=True),
    _metric("conv_activations", "activations of conv and linear layers", "elements"),
    _metric(
        "weight_bytes",
        "weights",
        "bytes",
        column="weight bytes",
        full="weight size",
        claimed="weights in memory",
        needs=("dtype",),
    ),
    _metric("activation_bytes", "activations in memory", "bytes", column="activation bytes", needs=("dtype",)),
    _metric("peak_activation_elements", "peak elements", "elements", over="peak", needs=("memory_policy",), swept=True),
    _metric(
        "peak_activation_bytes",
        "peak memory",
        "bytes",
        short="peak",
        column="peak bytes",
        over="peak",
        needs=("dtype", "memory_policy"),
        swept=True,
        examples="256KiB or 1.5MiB",
    ),
    _metric(
        "bytes_moved",
        "bytes moved",
        "bytes",
        short="moved",
        needs=("dtype", "memory_policy"),
        swept=True,
    ),
    _metric("bytes_read", "inputs read", "bytes", column="input bytes read", needs=("dtype", "memory_policy")),
    _metric(
        "bytes_written", "outputs written", "bytes", column="output bytes written", needs=("dtype", "memory_policy")
    ),
    _metric("weight_bytes_read", "weights read", "bytes", column="weight bytes read", needs=("dtype", "memory_policy")),
    _metric(
        "intensity",
        "MACs/byte",
        "MACs per byte",
        short="MACs/B",
        full="arithmetic intensity",
        over="ratio",
        needs=("dtype", "memory_policy"),
    ),
    _metric("latency_ms", "latency", "ms", needs=("device",), examples="20ms or 1.5s"),
    _metric("depth", "depth", "layers", over="path"),
    _metric("layers", "layers", "layers"),
    _metric(
        "ram_bytes",
        "RAM",
        "bytes",
        column="RAM bytes",
        full="arena in RAM",
        over="whole",
        needs=("deployment",),
        examples="256KiB or 1.5MiB",
    ),
    _metric(
        "arena_head_bytes",
        "head of the arena",
        "bytes",
        short="head",
        column="head bytes",
        over="whole",
        needs=("deployment",),
    ),
    _metric(
        "deployed_weight_bytes",
        "deployed weights",
        "bytes",
        column="deployed weight bytes",
        full="deployed weights and biases",
        over="whole",
        needs=("deployment",),
    ),
    _metric(
        "flash_bytes",
        "flash",
        "bytes",
        column="flash bytes",
        full="size in flash",
        over="whole",
        needs=("deployment",),
        examples="512KiB or 1MiB",
    ),
)

METRICS: Final[Mapping[str, Metric]] = {metric.key: metric for metric in _EVERY}
"""Key -> metric. Everything that names, writes or reads one looks here."""
SWEPT = tuple(key for key, metric in METRICS.items() if metric.swept)
"""What a sweep computes at every point of a grid."""
BUDGETED = tuple(key for key in SWEPT if METRICS[key].examples)
"""What a budget can bound of any network."""
DEPLOYED = tuple(key for key, metric in METRICS.items() if "deployment" in metric.needs)
"""What can be computed at every point of a grid once it is said how the networks are deployed."""
TIMED = tuple(key for key, metric in METRICS.items() if "device" in metric.needs)
"""What can be computed at every point of a grid once a device is named."""
_OTHER: Final[Mapping[str, str]] = {"latency": "latency_ms"}
"""Another word for a metric -> its key: a limit on it, an axis of a picture and a column are called so."""
MAIN = tuple(key for key in SWEPT if METRICS[key].over == "sum" and not METRICS[key].needs)
"""What is said of every layer, group and network first: the sums of what a sweep computes, whatever dtype or policy is chosen."""
MOVED = ("bytes_read", "bytes_written", "weight_bytes_read", "bytes_moved")
"""The bytes that a layer moves: of what it reads, of what it writes, of its weights, and all three."""
RATIOS = tuple(key for key, metric in METRICS.items() if metric.over == "ratio")
"""What is no sum over layers, but a ratio of two."""
_RATIO_OF = {"intensity": ("macs", "bytes_moved")}
TRAFFIC = (*MOVED, "macs", "intensity")
"""What a table says of what is moved."""


def key_of(word: str) -> str:
    """The key of a metric by any word for it; what is no metric stays as it is.

    >>> key_of("latency"), key_of("latency_ms"), key_of("width")
    ('latency_ms', 'latency_ms', 'width')
    """
    return _OTHER.get(word, word)


def counted(metrics: Iterable[str]) -> tuple[str, ...]:
    """What has to be counted for these metrics: in place of a ratio the two that it is of.

    >>> counted(["intensity", "params", "macs"])
    ('macs', 'bytes_moved', 'params')
    """
    return tuple(dict.fromkeys(one for metric in metrics for one in _RATIO_OF.get(metric, (metric,))))


def column_of(name: str) -> str:
    """What stands over a column of a metric's values, or of anything else's: its own name.

    >>> column_of("peak_activation_bytes"), column_of("resolution")
    ('peak bytes', 'resolution')
    """
    return METRICS[name].column if name in METRICS else name
