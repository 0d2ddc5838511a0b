"""Every device that comes with convcost, recounted from its own file: its fit, its error, and how good both are."""

import numpy as np
import pytest

from convcost.devices.calibration import Measured, calibrated
from convcost.devices.device import Device
from convcost.devices.stored import calibrated_names, find

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
    paddle, pixel = find("snapdragon_855_paddle_lite_1t").error, find("pixel_1_tflite").error
    assert paddle.median <= 0.04
    assert paddle.worst <= 0.10
    assert pixel.median <= 0.045
    assert np.median(medians("ncnn")) <= 0.15


@pytest.mark.parametrize("name", ["snapdragon_855_paddle_lite_1t", "pixel_1_tflite", "raspberry_pi_4_ncnn_1t"])
def test_latencies_of_other_networks_are_not_fitted(name):
    """The error is honest: with the measured times dealt out anew, it is that of a guess."""
    one = find(name)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(one.fitted))
        rows = [Measured(row.network, one.fitted[at].ms, row.terms) for row, at in zip(one.fitted, order)]
        error = calibrated(rows).error
        assert error.median > 5 * one.error.median
        assert error.median > 0.25
