"""Every device that comes with convcost, recounted from its own file: its fit, its error, and how good both are."""

import csv
import random
import re
import shutil
import subprocess
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from helpers.zoo import loaded

from convcost.devices.calibration import Measured, calibrated
from convcost.devices.device import Device
from convcost.devices.kernels import TERMS, kernels, total
from convcost.devices.stored import calibrated_names, find
from convcost.published.latency import setups, timings_on

ROOT = Path(__file__).resolve().parents[2]
NAMES = calibrated_names()
WRITTEN = 0.5001e-4
"""How far a number of a file may be off, which has four decimals there."""


@cache
def refitted(name):
    """The fit to the networks that a device's file states, made anew."""
    return calibrated(Measured(row.network, row.ms, row.terms) for row in find(name).fitted)


def medians(runtime):
    found = [find(name) for name in NAMES]
    return [one.error.median for one in found if isinstance(one, Device) and one.runtime == runtime]


@pytest.mark.parametrize("name", NAMES)
def test_a_fit_follows_from_the_networks_in_its_file(name):
    one, again = find(name), refitted(name)
    assert again.tied == one.tied
    for term, time in one.coefficients.items():
        assert again.coefficients[term] == pytest.approx(time, rel=1e-6, abs=2), term


@pytest.mark.parametrize("name", NAMES)
def test_each_stated_prediction_is_that_of_a_fit_to_the_other_networks(name):
    """The file says what was predicted of a network that was left out: the rest of its rows says so again."""
    one, again = find(name), refitted(name)
    assert [row.network for row in again.fitted] == [row.network for row in one.fitted]
    for row, recomputed in zip(one.fitted, again.fitted):
        assert (row.left_out_ms is None) == (recomputed.left_out_ms is None), row.network
        if row.left_out_ms is not None:
            assert row.left_out_ms == pytest.approx(recomputed.left_out_ms, rel=1e-9, abs=WRITTEN), row.network


@pytest.mark.parametrize("name", NAMES)
def test_the_stated_error_is_that_of_the_recomputed_predictions(name):
    one, again = find(name), refitted(name)
    off = np.array([abs(row.left_out_ms / row.ms - 1) for row in again.fitted if row.left_out_ms is not None])
    assert len(off) == one.error.networks
    stated = (one.error.median, one.error.p90, one.error.worst)
    assert stated == pytest.approx((np.median(off), np.quantile(off, 0.9), off.max()), abs=WRITTEN)


def recounted(device, network):
    """What the network is made of, counted anew."""
    walked = loaded(network).walked
    return total(kernels(walked, device.asked(walked, None), 1, winograd=device.winograd))


@pytest.mark.parametrize("name", [name for name in NAMES if name in setups()])
def test_what_a_device_was_fitted_on_is_printed_and_of_networks_of_the_zoo(name):
    one = find(name)
    printed = {(timing.network, timing.ms) for timing in timings_on(name).timings}
    assert {(row.network, Fraction(str(row.ms))) for row in one.fitted} <= printed
    for row in one.fitted:
        assert recounted(one, row.network) == row.terms, row.network


def recomputed_alike(device):
    """What the four tests above hold a file to, of one that is not at its place."""
    again = calibrated(Measured(row.network, row.ms, row.terms) for row in device.fitted)
    times = [(time, again.coefficients[term]) for term, time in device.coefficients.items()]
    guesses = [(row.left_out_ms, new.left_out_ms) for row, new in zip(device.fitted, again.fitted)]
    stated = (device.error.median, device.error.p90, device.error.worst)
    return (
        all(time == pytest.approx(new, rel=1e-6, abs=2) for time, new in times)
        and all(old == new or old == pytest.approx(new, rel=1e-9, abs=WRITTEN) for old, new in guesses)
        and stated == pytest.approx((again.error.median, again.error.p90, again.error.worst), abs=WRITTEN)
        and device.error.networks == again.error.networks
        and all(recounted(device, row.network) == row.terms for row in device.fitted)
    )


def test_a_changed_digit_of_a_calibrated_device_is_noticed(tmp_path):
    """In twelve places of a file: coefficients, errors, latencies, predictions, terms."""
    text = (ROOT / "convcost" / "devices" / "calibrated" / "h747_cubeai10.yaml").read_text(encoding="utf-8")
    start, dice = text.index("femtoseconds:"), random.Random(19)
    numbers = [m for m in re.finditer(r"(?<=: )\d+(\.\d+)?\b", text) if m.start() > start and float(m[0])]
    path = tmp_path / "h747_cubeai10.yaml"
    path.write_text(text, encoding="utf-8")
    assert recomputed_alike(find(str(path)))
    for number in dice.sample(numbers, 12):
        at = dice.choice([place for place in range(*number.span()) if text[place].isdigit()])
        wrong = str((int(text[at]) + dice.randint(1, 9)) % 10)
        path.write_text(text[:at] + wrong + text[at + 1 :], encoding="utf-8")
        assert not recomputed_alike(find(str(path))), f"{number[0]} at {at}, its digit replaced by {wrong}"


def test_errors_are_small_where_they_should_be():
    paddle, pixel = find("sd855").error, find("pixel1").error
    assert paddle.median <= 0.04
    assert paddle.worst <= 0.10
    assert pixel.median <= 0.045
    assert np.median(medians("ncnn")) <= 0.15


@pytest.mark.parametrize("name", ["sd855", "pixel1", "raspberry_pi_4_ncnn_1t"])
def test_latencies_of_other_networks_are_not_fitted(name):
    """The error is honest: with the measured times dealt out anew, it is that of a guess."""
    one = find(name)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(one.fitted))
        rows = [Measured(row.network, one.fitted[at].ms, row.terms) for row, at in zip(one.fitted, order)]
        error = calibrated(rows).error
        assert error.median > 5 * one.error.median
        assert error.median > 0.25


def test_the_page_of_devices_says_what_is_there():
    page = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE))
    assert list(rows) == list(TERMS)
    assert all(rows[term].startswith(text) for term, text in TERMS.items())
    ncnn = sorted(medians("ncnn"))
    gpus = [name for name in NAMES if "_gpu_" in name]
    words = " ".join(page.split())
    assert f"ncnn on {len(ncnn) - len(gpus)} settings of CPUs and {len(gpus)} of GPUs" in words
    assert f"between {100 * ncnn[0]:.0f} and {100 * ncnn[-1]:.0f} %, half of them below 10 %" in words
    assert np.median(ncnn) < 0.1
    for name, said in (
        ("sd855", "1.3 % median and 4 % at worst"),
        ("pixel1", "2.2 % and 12 %"),
        ("h747_cubeai10", "1.2 % and 4 %"),
    ):
        median, worst = re.findall(r"[\d.]+", said)
        error = find(name).error
        assert said in words
        assert (f"{100 * error.median:.1f}", f"{100 * error.worst:.0f}") == (median, worst)


LOG = """Typical output

### Board "5" (4 cores, 2.4 GHz)
```
$ ./benchncnn 10 4 2 -1 0
loop_count = 10
num_threads = 4
powersave = 2
gpu_device = -1
          squeezenet  min =   11.73  max =   11.88  avg =   11.78
          FastestDet  min = 1538.76  max = 1544.81  avg = 1540.79
```
"""


@pytest.mark.skipif(shutil.which("awk") is None, reason="there is no awk")
def test_the_page_makes_a_table_of_ncnn_s_log(tmp_path):
    page = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8")
    script = re.search(r"<!-- file: ncnn.awk -->\n```awk\n(.*?)```", page, re.DOTALL)[1]
    (tmp_path / "ncnn.awk").write_text(script, encoding="utf-8")
    made = subprocess.run(["awk", "-f", tmp_path / "ncnn.awk"], input=LOG, capture_output=True, text=True, check=True)
    assert list(csv.DictReader(made.stdout.splitlines())) == [
        {
            "device": "Board 5 (4 cores, 2.4 GHz)", "threads": "4", "powersave": "2", "gpu": "-1", "model": model,
            "input": size, "min_ms": ms,
        }
        for model, size, ms in (("squeezenet", "", "11.73"), ("FastestDet", "352", "1538.76"))
    ]  # fmt: skip
