"""Published latencies beside what a calibrated device of the same setup predicts, with the error.

A latency that the device was fitted on is compared with what a fit without it says, so that no error looks smaller than that
of a network which nobody has measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from convcost.core.errors import UsageError, did_you_mean, is_one_of
from convcost.core.kept import Answers, answers
from convcost.core.units import counted, exact
from convcost.core.version import __version__
from convcost.devices.device import FEMTOSECONDS, Device
from convcost.devices.kernels import kernels, total
from convcost.devices.stored import calibrated_names, find
from convcost.networks.latency import latency
from convcost.networks.load import open_network
from convcost.published.latency import Setup, Timing, Timings, decimal, setups, timings_on, where
from convcost.render.table import Table, Tabular

NO_DEVICE = "no device"
"""In place of a prediction where no device is calibrated for a setup."""
ALL = "all"
LEFT_OUT, NEW, BEYOND, LACKS = "left out", "not in the fit", "beyond the fit", "of another kind"
"""What a prediction is of: a network of the fit, predicted by all others; another one, that is like them; one that differs
from them all; one with work that none of them has, of which there is no prediction."""


class Prediction(NamedTuple):
    """What a calibrated device says of a published latency."""

    ms: Fraction | None
    """None where it says nothing."""
    how: str
    """One of `LEFT_OUT`, `NEW`, `BEYOND` and `LACKS`, or `NO_DEVICE`."""


class Compared(NamedTuple):
    """A published latency and its prediction."""

    timing: Timing
    prediction: Prediction

    @property
    def error(self) -> Fraction | None:
        """How much more is predicted than is printed, as a share of what is printed; None without a prediction.

        >>> Compared(timings_on("sd855")[0], Prediction(Fraction(36, 10), NEW)).error
        Fraction(1, 4)
        """
        return None if self.prediction.ms is None else self.prediction.ms / self.timing.ms - 1


def prediction(timing: Timing, known: Answers) -> Prediction:
    """What the calibrated device of a latency's setup says of it; the device has the name of the setup."""
    key = timing.setup.key
    if key not in calibrated_names():
        return Prediction(None, NO_DEVICE)
    asked = ("latency", key, timing.network, str(timing.ms))
    ms, how = known.of(asked, lambda: _predicted(timing), timing.model)
    return Prediction(None if ms is None else Fraction(ms), how)


def _predicted(timing: Timing) -> tuple[str | None, str]:
    """Milliseconds as exact text, and what they are of."""
    device = find(timing.setup.key)
    assert isinstance(device, Device)
    for one in device.fitted:
        if one.network == timing.network and one.ms == float(timing.ms) and one.left_out_ms is not None:
            return str(Fraction(str(one.left_out_ms))), LEFT_OUT
    network, batch = open_network(timing.model, timing.knobs), timing.setup.batch
    dtype = device.asked(network.walked, None)
    if device.lacks(total(kernels(network.walked, dtype, batch, winograd=device.winograd))):
        return None, LACKS
    found = latency(network, device, dtype, batch)
    return str(Fraction(found.femtoseconds, FEMTOSECONDS)), BEYOND if found.extrapolated else NEW


@dataclass(frozen=True, slots=True)
class PublishedLatencies(Tabular):
    """The published latencies of one setup beside their predictions."""

    setup: Setup
    rows: tuple[Compared, ...] = field(hash=False)
    fitted: Device | None = None
    """The device, where these are what it was fitted on."""

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<PublishedLatencies on {self.setup.title} · {counted(len(self), 'network')}>"

    @property
    def device(self) -> str:
        """What of it a device is calibrated for; empty if none is."""
        return "" if all(one.prediction.how == NO_DEVICE for one in self.rows) else self.setup.key

    @property
    def errors(self) -> tuple[Fraction, ...]:
        """Sizes of the errors, the smallest first."""
        return tuple(sorted(abs(error) for one in self.rows if (error := one.error) is not None))

    def table(self) -> Table:
        """A row per latency, in the order of the sources; the first columns are a table for `convcost calibrate`."""
        marks = {
            at: f"[{number}]" for number, at in enumerate(dict.fromkeys(where(one.timing) for one in self.rows), 1)
        }
        compared = [
            [
                one.timing.network,
                one.timing.figure,
                *([_text(one), signed(one.error), one.prediction.how] if self.device else []),
                marks[where(one.timing)],
            ]
            for one in self.rows
        ]
        predicted = ("predicted", "error", "network is") if self.device else ()
        return Table(
            title=f"{'Latencies of the fit' if self.fitted else 'Published latencies'} · {self.setup.title}",
            headers=("network", "measured" if self.fitted else "printed", *predicted, "source"),
            numeric=(False, True, *(True, True, False)[: len(predicted)], False),
            rows=compared,
            records=[_record(one) for one in self.rows],
            data=self._data(),
            notes=[*self._notes(), *((mark, at) for at, mark in marks.items())],
        )

    def _notes(self) -> Iterator[tuple[str, str]]:
        if not self.device:
            yield NO_DEVICE, f"is calibrated for {self.setup.key}: `convcost calibrate` takes these rows as CSV"
            return
        device = self.fitted or find(self.setup.key)
        assert isinstance(device, Device)
        yield "device", f"{self.setup.key}, {device.error.text}"
        if self.errors:
            yield "errors", f"here {share(median(self.errors))} median, {share(self.errors[-1])} worst"
        if any(one.prediction.how == LEFT_OUT for one in self.rows):
            yield LEFT_OUT, "predicted by a fit on all the others"

    def _data(self) -> dict[str, Any]:
        return {
            "schema": "convcost.published_latencies/1",
            "version": __version__,
            "setup": {**self.setup._asdict(), "title": self.setup.title},
            "device": self.device or None,
            "latencies": [
                {
                    **_fields(one),
                    "top1": one.timing.top1 or None,
                    "knobs": dict(one.timing.knobs),
                    "model": one.timing.model,
                }
                for one in self.rows
            ],
        }


@dataclass(frozen=True, slots=True)
class PublishedSetups(Tabular):
    """The published latencies of every setup, one by one: what is measured on two setups is never compared."""

    setups: tuple[PublishedLatencies, ...]

    def __len__(self) -> int:
        return len(self.setups)

    def __repr__(self) -> str:
        return f"<PublishedSetups of {counted(len(self), 'setup')}>"

    def table(self) -> Table:
        """A row per setup."""
        return Table(
            title="Published latencies",
            headers=("setup", "measured on", "networks", "median error", "worst", "sources"),
            numeric=(False, False, True, True, True, False),
            priority=(0, 1, 0, 0, 2, 3),
            rows=[
                [
                    one.setup.key,
                    one.setup.title,
                    exact(len(one)),
                    share(median(one.errors)) if one.errors else NO_DEVICE,
                    share(one.errors[-1]) if one.errors else "",
                    ", ".join(dict.fromkeys(row.timing.source for row in one.rows)),
                ]
                for one in self.setups
            ],
            records=[_record(row) for one in self.setups for row in one.rows],
            data={
                "schema": "convcost.published_latencies/1",
                "version": __version__,
                "setups": [one.table().data for one in self.setups],
            },
            notes=[
                ("setups", f"{exact(len(self.setups))}; --latency SETUP shows one, with every network"),
                ("error", "of the calibrated device of that name, each network of its fit left out in turn"),
            ],
        )


def published_latencies(
    setup: str = ALL, models: str | Sequence[str] = (), source: str | None = None
) -> PublishedLatencies | PublishedSetups:
    """Published latencies beside their predictions: those of one setup, or of all, setup by setup.

    All networks or those of some families and presets, and of one source. `setup` may also be a calibrated device, by name
    or as a file: then they are those that it was fitted on. Raises `UsageError` for unknown names.

    >>> published_latencies("sd855", "mobilenet_v1")
    <PublishedLatencies on Snapdragon 855, CPU, Paddle Lite, 1 thread, fp32 · 4 networks>
    """
    with answers("verify") as known:
        if setup != ALL and not is_one_of(setup, setups()):
            return _own_table(setup, whole=not models and source is None)
        if setup != ALL:
            return _compared(timings_on(setup, models, source), known)
        every = [_compared(timings_on(key, models, source), known) for key in setups()]
    return PublishedSetups(tuple(one for one in every if one.rows))


def _own_table(name: str, *, whole: bool) -> PublishedLatencies:
    """What a calibrated device was fitted on, each network beside what a fit without it says; raises `UsageError`."""
    known = calibrated_names()
    if not is_one_of(name, known) and not (isinstance(name, str) and name.endswith((".yaml", ".yml"))):
        hint = did_you_mean(name, [*setups(), *known], listed_by="convcost verify --latency all")
        raise UsageError(f"there are no published latencies of {name!r}{hint}")
    device = find(name)
    if not isinstance(device, Device):
        raise UsageError(f"{name} is a roofline, and was fitted on nothing: name a setup or a calibrated device")
    if not whole:
        raise UsageError(f"{name} has a table of its own, with all its networks: leave out MODEL and the source")
    setup = Setup(device.name, device.title or device.name, "", device.runtime, device.dtype, device.threads)
    rows = [
        Timing(f"{device.name}: {one.network}", setup, device.source, "", one.network, one.network, str(one.ms), "ms")
        for one in device.fitted
    ]
    guesses = [None if one.left_out_ms is None else Fraction(str(one.left_out_ms)) for one in device.fitted]
    found = [Compared(row, Prediction(ms, LEFT_OUT if ms else LACKS)) for row, ms in zip(rows, guesses, strict=True)]
    return PublishedLatencies(setup, tuple(found), device)


def _compared(found: Timings, known: Answers) -> PublishedLatencies:
    return PublishedLatencies(found.setup, tuple(Compared(one, prediction(one, known)) for one in found.timings))


def median(sizes: Sequence[Fraction]) -> Fraction:
    """The middle one of sorted numbers, or what lies halfway between the two in the middle.

    >>> median([Fraction(1), Fraction(2), Fraction(9)]), median([Fraction(1), Fraction(2)])
    (Fraction(2, 1), Fraction(3, 2))
    """
    half = len(sizes) // 2
    return sizes[half] if len(sizes) % 2 else (sizes[half - 1] + sizes[half]) / 2


def share(value: Fraction) -> str:
    """In per cent, with a decimal.

    >>> share(Fraction(31, 1000)), share(Fraction(1, 3))
    ('3.1 %', '33.3 %')
    """
    return f"{float(100 * value):.1f} %"


def signed(value: Fraction | None) -> str:
    """An error in per cent with its sign.

    >>> signed(Fraction(-1, 40)), signed(Fraction(1, 40)), signed(None)
    ('-2.5 %', '+2.5 %', '')
    """
    return "" if value is None else f"{float(100 * value):+.1f} %"


def as_printed(one: Compared) -> str:
    """The prediction in the unit of what is printed, with one digit more.

    >>> as_printed(Compared(timings_on("sd855")[0], Prediction(Fraction(36, 10), NEW)))
    '3.600'
    """
    found = one.prediction.ms
    return "" if found is None else one.timing.written(found)


def _text(one: Compared) -> str:
    return f"{as_printed(one)} {one.timing.unit}" if one.prediction.ms is not None else "-"


def _record(one: Compared) -> dict[str, Any]:
    """A flat record for CSV; network and ms come first, as a calibration takes them."""
    return {name: "" if value is None else value for name, value in _fields(one).items()}


def _fields(one: Compared) -> dict[str, Any]:
    timing, found = one.timing, one.prediction.ms
    return {
        "network": timing.network,
        "ms": decimal(timing.ms),
        "predicted_ms": None if found is None else decimal(found),
        "error": None if one.error is None else float(one.error),
        "network_is": one.prediction.how,
        "setup": timing.setup.key,
        "printed": timing.printed,
        "unit": timing.unit,
        **{name: getattr(timing, name) for name in ("item", "source", "locator", "note")},
    }
