"""Published latencies: milliseconds as printed, each of one network on one setup; those of two setups never meet.

The files are specs/published/latency.csv and specs/published/setups.yaml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from convcost.core.errors import UsageError, did_you_mean, is_one_of
from convcost.core.units import counted
from convcost.core.version import __version__
from convcost.published.chosen import Chosen, known_source
from convcost.published.data import NO_KNOBS, sources
from convcost.published.rows import key_values, one_of, published_file, published_yaml, read_rows
from convcost.render.table import Table, Tabular

_Conversion = Callable[[Fraction, int], Fraction]
#: What a latency is printed in -> milliseconds of one run, from the figure and the batch.
_UNITS: Mapping[str, _Conversion] = {
    "ms": lambda printed, _batch: printed,
    "s": lambda printed, _batch: 1000 * printed,
    "inf/s": lambda printed, batch: 1000 * batch / printed,
}
#: And back.
_PRINTED: Mapping[str, _Conversion] = {**_UNITS, "s": lambda ms, _batch: ms / 1000}
_COLUMNS = ("setup", "source", "locator", "item", "model", "knobs", "printed", "unit", "top1", "note")
_SAID = ("item", "source", "locator", "printed", "unit", "top1", "note")
_NEEDED = ("setup", "source", "item", "model", "printed", "unit")


class Setup(NamedTuple):
    """What a latency was measured on; a latency of one says nothing beside a latency of another."""

    key: str
    device: str
    """As the source calls it."""
    unit: str
    """The part of the device that computes."""
    runtime: str
    """With its version, where that is known."""
    dtype: str
    """What the network computes in: fp32, fp16, int8; `float` where the source does not say how many bits."""
    threads: int | None = None
    """None where the source does not say."""
    batch: int = 1

    @property
    def title(self) -> str:
        """Device, what computes, runtime, threads, numbers, batch: what stands on an axis of milliseconds.

        >>> setups()["sd855_t2"].title
        'Snapdragon 855, CPU, Paddle Lite, 2 threads, fp32'
        """
        threads = counted(self.threads, "thread") if self.threads else ""
        batch = f"batch {self.batch}" if self.batch != 1 else ""
        return ", ".join(filter(None, (self.device, self.unit, self.runtime, threads, self.dtype, batch)))


class Timing(NamedTuple):
    """One published latency."""

    at: str
    """Its file and line, for messages."""
    setup: Setup
    source: str
    locator: str
    item: str
    """The name of the row in print."""
    model: str
    printed: str
    unit: str
    """ms, s, or inf/s for inferences a second."""
    knobs: Mapping[str, str] = NO_KNOBS
    top1: str = ""
    """Accuracy on ImageNet in per cent, where the same table prints it."""
    note: str = ""

    @property
    def ms(self) -> Fraction:
        """Milliseconds of one run, exactly as printed; of a whole batch where there is one.

        >>> timings_on("sd855")[0].ms
        Fraction(72, 25)
        """
        return _UNITS[self.unit](Fraction(self.printed), self.setup.batch)

    @property
    def network(self) -> str:
        """The network as the command line takes it.

        >>> timings_on("pixel1")[0].network
        'mobilenet_v2:width=1.4,resolution=224'
        """
        return ":".join(filter(None, (self.model, ",".join(f"{name}={value}" for name, value in self.knobs.items()))))

    def written(self, ms: Fraction) -> str:
        """A latency of this setup in the unit that is printed here, with one digit more.

        >>> timings_on("sd855")[0].written(Fraction(3)), timings_on("l4r5_xcubeai7")[0].written(Fraction(8))
        ('3.000', '125.0000')
        """
        places = len(self.printed.partition(".")[2]) + 1
        return f"{float(_PRINTED[self.unit](ms, self.setup.batch)):.{places}f}"

    @property
    def figure(self) -> str:
        """As printed, with its unit."""
        return f"{self.printed} {self.unit}"


@dataclass(frozen=True, slots=True)
class Timings(Tabular):
    """Published latencies of one setup: they can be compared, fitted and drawn together. Of two setups there are none."""

    setup: Setup
    timings: tuple[Timing, ...]

    def __post_init__(self) -> None:
        strangers = [one for one in self.timings if one.setup != self.setup]
        if strangers:
            raise UsageError(
                f"{strangers[0].at}: measured on {strangers[0].setup.title}, not on {self.setup.title}: "
                "latencies of two setups are not compared; ask for one of them"
            )

    def __len__(self) -> int:
        return len(self.timings)

    def __getitem__(self, at: int) -> Timing:
        return self.timings[at]

    def __repr__(self) -> str:
        return f"<Timings on {self.setup.title} · {counted(len(self), 'network')}>"

    def table(self) -> Table:
        """A row per network, in the order of the sources; as CSV what `convcost calibrate` takes: network, ms."""
        return Table(
            title=f"Published latencies · {self.setup.title}",
            headers=("network", "printed", "item", "where"),
            numeric=(False, True, False, False),
            rows=[[one.network, one.figure, one.item, where(one)] for one in self.timings],
            records=[{"network": one.network, "ms": decimal(one.ms)} for one in self.timings],
            data={
                "schema": "convcost.published_latencies/1",
                "version": __version__,
                "setup": {**self.setup._asdict(), "title": self.setup.title},
                "latencies": [
                    {**{name: getattr(one, name) for name in _SAID}, "network": one.network, "ms": decimal(one.ms)}
                    for one in self.timings
                ],
            },
        )


def decimal(ms: Fraction) -> float:
    """Milliseconds for JSON and CSV: exact where nine decimal places are enough, else rounded to them.

    >>> decimal(Fraction(72, 25)), decimal(Fraction(1, 3))
    (2.88, 0.333333333)
    """
    return float(round(ms, 9))


def where(one: Timing) -> str:
    """Its source and the place in it."""
    known = sources().get(one.source)
    return ", ".join(filter(None, (known.where if known else one.source, one.locator)))


@lru_cache(maxsize=1)
def setups() -> dict[str, Setup]:
    """Every setup by key.

    >>> setups()["sd855"].runtime, setups()["sd855"].threads
    ('Paddle Lite', 1)
    """
    return {key: Setup(key, **entry) for key, entry in published_yaml("setups.yaml").items()}


@lru_cache(maxsize=1)
def timings() -> tuple[Timing, ...]:
    """The published latencies that ship with convcost, in the order of the file."""

    def timing(at: str, cells: dict[str, str]) -> Timing:
        for column in _NEEDED:
            if not cells[column]:
                raise UsageError(f"{column} is empty")
        one_of("source", cells["source"], sources())
        one_of("setup", cells["setup"], setups())
        one_of("unit", cells["unit"], _UNITS)
        if not _is_positive(cells["printed"]):
            raise UsageError(f"printed: {cells['printed']!r} is no number above 0, e.g. 20.74")
        made: dict[str, Any] = {**cells, "setup": setups()[cells["setup"]]}
        return Timing(at=at, **{**made, "knobs": key_values(cells["knobs"], "knobs", "width=0.75")})

    return tuple(read_rows(published_file("latency.csv"), _COLUMNS, _NEEDED, timing))


def _is_positive(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal() and Fraction(text) > 0


def timings_on(setup: str, models: str | Sequence[str] = (), source: str | None = None) -> Timings:
    """The published latencies of one setup, all or those of some families and presets and of one source.

    Raises `UsageError` for unknown names.

    >>> timings_on("pixel1", "mobilenet_v2", "mobilenet_slim")
    <Timings on Google Pixel 1, one large core of the CPU, TensorFlow Lite of 2018, 1 thread, fp32 · 22 networks>
    """
    if not is_one_of(setup, setups()):
        hint = did_you_mean(setup, setups(), listed_by="convcost verify --latency all")
        raise UsageError(f"there are no published latencies of {setup!r}{hint}")
    known_source(source)
    chosen = Chosen(models, source)
    return Timings(setups()[setup], tuple(one for one in timings() if one.setup.key == setup and chosen.has(one)))
