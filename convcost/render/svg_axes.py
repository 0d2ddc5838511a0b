"""Axes of the light renderer: where a value falls, which ticks to print, what they say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from convcost.render.escape import of_figure

_SI = ("", "k", "M", "G", "T", "P", "E")


class Tick(NamedTuple):
    """A mark on an axis."""

    value: float
    text: str


class PlotAxis:
    """One axis of a plotly layout, over the values that its traces hold."""

    def __init__(self, layout: Mapping[str, Any], values: Sequence[Any], start: float = 0, end: float = 1) -> None:
        self.layout = layout
        self.title = of_figure((layout.get("title") or {}).get("text", ""))
        self.labels = list(dict.fromkeys(v for v in values if isinstance(v, str)))
        """The categories, if the axis has no numbers."""
        self.log = layout.get("type") == "log"
        self.low, self.high = self._range([float(v) for v in values if v is not None and not isinstance(v, str)])
        self.start, self.end = start, end

    def _range(self, values: Sequence[float]) -> tuple[float, float]:
        reverse = self.layout.get("autorange") == "reversed"
        if self.labels:
            low, high = -0.5, len(self.labels) - 0.5
        elif given := self.layout.get("range"):
            low, high = given
        else:
            seen = [math.log10(v) for v in values if v > 0] if self.log else list(values)
            low, high = min(seen, default=0), max(seen, default=1)
            pad = (high - low) * 0.04 or 0.5
            zero = not self.log and (low == 0 or self.layout.get("rangemode") == "tozero")
            low, high = (min(0, low) if zero else low - pad), high + pad
        high = high if low != high else low + 1  # all values are one, and the range that was given is that one
        return (high, low) if reverse else (low, high)

    def place(self, start: float, end: float) -> PlotAxis:
        """Where the axis runs on the paper."""
        self.start, self.end = start, end
        return self

    def at(self, value: Any) -> float:
        """The place of a value on the paper."""
        if isinstance(value, str):
            number = float(self.labels.index(value))
        else:
            number = math.log10(value) if self.log else float(value)
        return self.start + (number - self.low) / (self.high - self.low) * (self.end - self.start)

    def value(self, place: float) -> float:
        """The value at a place on the paper; the reverse of `at` for numbers."""
        number = self.low + (place - self.start) / (self.end - self.start) * (self.high - self.low)
        return 10**number if self.log else number

    def step(self) -> float:
        """The width of one category on the paper, or of one unit where there are numbers."""
        if not self.labels:
            return abs(self.at(self.low + 1) - self.at(self.low))
        return abs(self.end - self.start) / max(1, len(self.labels))

    def ticks(self, most: int) -> list[Tick]:
        """Ticks at round values, up to a maximal number."""
        if self.labels:
            every = max(1, -(-len(self.labels) // most))
            return [Tick(float(i), of_figure(text)) for i, text in enumerate(self.labels) if i % every == 0]
        if given := self.layout.get("tickvals"):
            texts = self.layout.get("ticktext") or [self._text(v) for v in given]
            shown = [Tick(v, of_figure(str(text))) for v, text in zip(given, texts, strict=True) if self._inside(v)]
            return shown[:: max(1, -(-len(shown) // most))]
        return [Tick(v, self._text(v)) for v in (self._log_values(most) if self.log else self._values(most))]

    def tick_at(self, tick: Tick) -> float:
        """The place of a tick on the paper."""
        return self.at(self.labels[int(tick.value)] if self.labels else tick.value)

    def _inside(self, value: float) -> bool:
        number = math.log10(value) if self.log else value
        low, high = sorted((self.low, self.high))
        return low - 1e-9 <= number <= high + 1e-9

    def _log_values(self, most: int) -> list[float]:
        low, high = sorted((self.low, self.high))
        for digits in ((1, 2, 5), (1, 3), (1,)):
            values = [d * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for d in digits]
            values = [v for v in values if self._inside(v)]
            if len(values) <= most:
                break
        return values

    def _values(self, most: int) -> list[float]:
        low, high = sorted((self.low, self.high))
        power = 10 ** math.floor(math.log10((high - low) / max(1, most)))
        step = next(s * power for s in (1, 2, 5, 10) if (high - low) / (s * power) <= most)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return [round(i * step, 12) for i in range(first, last + 1)]

    def _text(self, value: float) -> str:
        suffix = self.layout.get("ticksuffix", "")
        return f"{si(value) if self.layout.get('tickformat') == '~s' else f'{value:.12g}'}{suffix}"


def si(value: float) -> str:
    """A number with an SI prefix, as d3's `~s` writes it.

    >>> si(10_000_000), si(1.5e9), si(0), si(0.2)
    ('10M', '1.5G', '0', '0.2')
    """
    power = min(len(_SI) - 1, max(0, int(math.log10(abs(value)) + 1e-9) // 3)) if value else 0
    return f"{value / 1000**power:.6g}{_SI[power]}"
