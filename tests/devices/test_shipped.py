"""Every device that comes with convcost, recounted from its own file: its fit, its error, and how good both are."""

import re
from pathlib import Path

import numpy as np
import pytest

from convcost.devices.calibration import Measured, calibrated
from convcost.devices.device import Device
from convcost.devices.kernels import TERMS
from convcost.devices.stored import calibrated_names, find

ROOT = Path(__file__).resolve().parents[2]
NAMES = calibrated_names()


def medians(runtime):
    found = [find(name) for name in NAMES]
    return [one.error.median for one in found if isinstance(one, Device) and one.runtime == runtime]


@pytest.mark.parametrize("name", NAMES)
def test_a_fit_follows_from_the_networks_in_its_file(name):
    one = find(name)
    again = calibrated(Measured(row.network, row.ms, row.terms) for row in one.fitted)
    assert again.tied == one.tied
    for term, time in one.coefficients.items():
        assert again.coefficients[term] == pytest.approx(time, rel=1e-6, abs=2), term


@pytest.mark.parametrize("name", NAMES)
def test_the_stated_error_is_that_of_the_stated_predictions(name):
    one = find(name)
    off = sorted(abs(row.left_out_ms / row.ms - 1) for row in one.fitted if row.left_out_ms is not None)
    assert len(off) == one.error.networks
    assert one.error.worst == pytest.approx(off[-1], abs=2e-3)
    middle = (off[(len(off) - 1) // 2] + off[len(off) // 2]) / 2
    assert one.error.median == pytest.approx(middle, abs=2e-3)


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
