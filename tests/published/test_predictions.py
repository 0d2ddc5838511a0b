"""Published latencies beside predictions: by hand, for a device that takes a nanosecond for a MAC."""

from __future__ import annotations

import csv
import io
import statistics
from fractions import Fraction
from pathlib import Path

import pytest

from convcost import load
from convcost.core.errors import UsageError
from convcost.core.kept import Answers
from convcost.devices.device import Device, Errors, Fitted
from convcost.devices.kernels import kernels, total
from convcost.devices.stored import calibrated_names, find, written
from convcost.published import predictions
from convcost.published.latency import Setup, Timing, setups, timings_on
from convcost.published.predictions import (
    BEYOND,
    LACKS,
    LEFT_OUT,
    NEW,
    NO_DEVICE,
    Compared,
    Prediction,
    PublishedLatencies,
    prediction,
    published_latencies,
)
from convcost.render.table import render

NANOSECOND = 10**6
SETUP = Setup("slow", "A slow device", "CPU", "a runtime", "fp32", 1)


def timing(ms: str, model: str = "mobilenet_v1", unit: str = "ms", **knobs: str) -> Timing:
    return Timing("x.csv:2", SETUP, "mobilenet_v1", "Table 1", model, model, ms, unit, knobs)


def slow_device() -> Device:
    """It takes a nanosecond for each MAC, and nothing for all else; it was fitted on MobileNets at 224 and at 128."""
    terms = {name: total(kernels(load(name).walked)) for name in ("mobilenet_v1", "mobilenet_v1:resolution=128")}
    macs = ("direct", "winograd", "pointwise", "depthwise", "vector")
    return Device(
        name="slow",
        coefficients={term: NANOSECOND if term in macs else 0 for term in terms["mobilenet_v1"]},
        error=Errors(0.1, 0.2, 0.3, 2),
        fitted=(
            Fitted("mobilenet_v1", 600.0, terms["mobilenet_v1"], 540.0),
            Fitted("mobilenet_v1:resolution=128", 190.0, terms["mobilenet_v1:resolution=128"], None),
        ),
    )


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "calibrated_names", lambda: ("slow",))
    monkeypatch.setattr(predictions, "find", {"slow": slow_device()}.get)


@pytest.mark.usefixtures("slow")
def test_a_network_of_the_fit_is_predicted_by_all_the_others_and_no_other_is() -> None:
    """MobileNet at 192 has 418,127,872 MACs by hand: 568,740,352 less its classifier, times (192/224)², and that again."""
    known = Answers({})
    assert prediction(timing("600"), known) == Prediction(Fraction(540), LEFT_OUT)
    assert prediction(timing("601"), known) == Prediction(Fraction(568_740_352, 10**6), NEW)  # another measurement
    at_192 = (568_740_352 - 1_024_000) * 36 // 49 + 1_024_000
    assert prediction(timing("400", resolution="192"), known) == Prediction(Fraction(at_192, 10**6), NEW)


@pytest.mark.usefixtures("slow")
def test_what_goes_beyond_the_fit_is_marked_and_what_is_of_another_kind_is_not_predicted() -> None:
    known = Answers({})
    assert prediction(timing("9000", resolution="896"), known).how == BEYOND  # 16 times as much work as any of the fit
    assert prediction(timing("9000", model="vit_b_16"), known) == Prediction(None, LACKS)


def test_without_a_device_nothing_is_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "calibrated_names", tuple)
    assert prediction(timing("600"), Answers({})) == Prediction(None, NO_DEVICE)
    table = published_latencies("sd855").table()
    assert table.headers == ("network", "printed", "source")
    assert dict(table.notes)[NO_DEVICE].startswith("is calibrated for sd855")


@pytest.mark.usefixtures("slow")
def test_errors_are_of_what_is_printed_in_its_own_unit() -> None:
    """600 ms printed and 540 predicted are 10 % too few; 2 a second are 500 ms, of which 568.7 are 13.7 % too many."""
    known = Answers({})
    rows = [timing("600"), timing("2.0", unit="inf/s", classes="1000")]
    found = PublishedLatencies(SETUP, tuple(Compared(one, prediction(one, known)) for one in rows))
    assert [one.error for one in found.rows] == [Fraction(-1, 10), Fraction(568_740_352, 500 * 10**6) - 1]
    assert [row[2:5] for row in found.table().rows] == [
        ["540.0 ms", "-10.0 %", LEFT_OUT],
        ["1.76 inf/s", "+13.7 %", NEW],
    ]
    assert found.device == "slow"
    assert dict(found.table().notes)["errors"] == "here 11.9 % median, 13.7 % worst"


def test_a_setup_as_csv_is_a_table_of_networks_and_milliseconds() -> None:
    rows = list(csv.DictReader(io.StringIO(render(published_latencies("l4r5_xcubeai7").table(), "csv"))))
    assert list(rows[0])[:2] == ["network", "ms"]
    printed = {one.network: one.ms for one in timings_on("l4r5_xcubeai7").timings}
    assert len(rows) == len(printed) == 4
    assert all(abs(Fraction(row["ms"]) - printed[row["network"]]) < Fraction(1, 10**8) for row in rows)


def test_all_setups_are_listed_and_none_is_averaged_with_another() -> None:
    found = published_latencies(models="mobilenet_v3", source="mobilenet_v3")
    assert {one.setup.key for one in found.setups} == {
        *("pixel1_2019", "pixel2", "pixel3"),
        *("pixel1_2019_int8", "pixel2_int8", "pixel3_int8"),
    }
    assert all({row.timing.setup for row in one.rows} == {one.setup} for one in found.setups)
    assert found.table().total is None


@pytest.mark.parametrize("name", [name for name in calibrated_names() if name not in setups()])
def test_a_device_without_a_setup_is_compared_with_what_it_was_fitted_on(name: str) -> None:
    """And the median of these errors, counted here, is the one that its file states."""
    device = find(name)
    assert isinstance(device, Device)
    found = published_latencies(name)
    assert [one.timing.network for one in found.rows] == [one.network for one in device.fitted]
    assert len(found.errors) == device.error.networks
    assert abs(statistics.median(found.errors) - Fraction(device.error.median)) < Fraction(1, 1000)
    assert abs(max(found.errors) - Fraction(device.error.worst)) < Fraction(1, 1000)


def test_a_device_of_ones_own_is_compared_with_its_table(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(written(slow_device()), encoding="utf-8")
    found = published_latencies(str(path))
    assert [(one.timing.network, one.error) for one in found.rows] == [
        ("mobilenet_v1", Fraction(-1, 10)),
        ("mobilenet_v1:resolution=128", None),
    ]
    assert found.table().title.startswith("Latencies of the fit")


def test_the_table_of_a_device_is_shown_whole() -> None:
    name = next(name for name in calibrated_names() if name not in setups())
    with pytest.raises(UsageError, match="has a table of its own, with all its networks"):
        published_latencies(name, "mobilenet_v2")


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match=r"no published latencies of 'pixle1'\. Did you mean pixel1"):
        published_latencies("pixle1")
    with pytest.raises(UsageError, match="there is no source 'mobilnet_slim'"):
        published_latencies("pixel1", source="mobilnet_slim")
