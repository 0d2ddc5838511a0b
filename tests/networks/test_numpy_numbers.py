"""Numbers of other libraries are Python's inside: they are exact, beyond what numpy's would hold, too."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import convcost
from convcost.core.errors import UsageError

HUGE = 10**12


@pytest.mark.parametrize("batch", [np.int32(64), np.uint8(200), np.int64(HUGE)])
def test_a_batch_of_numpy_is_that_number(batch: Any) -> None:
    once = convcost.load("lenet5").report().totals
    for totals in (
        convcost.load("lenet5").report(batch=batch).totals,
        convcost.load("lenet5").training(batch=batch).report.totals,
    ):
        assert (totals.macs, totals.params) == (int(batch) * once.macs, once.params)
    (swept,) = convcost.sweep("lenet5", classes=[10], batch=batch).records()
    assert swept["macs"] == int(batch) * once.macs
    assert convcost.latency("vgg16", "a100", batch=batch).ms == convcost.latency("vgg16", "a100", batch=int(batch)).ms
    assert f'"batch": {int(batch)}' in json.dumps(convcost.load("lenet5").report(batch=batch).to_dict())
    (checked,) = convcost.check("lenet5", max_macs="1M", batch=batch).to_dict()["limits"]
    assert f'"measured": {int(batch) * once.macs}' in json.dumps(checked)


def test_filters_of_numpy_are_that_number() -> None:
    """3·3 taps at each position of a map that is 2 smaller than 10^6, of 1,000 channels each, for 10^9 filters."""
    found = convcost.compare((10**6, 10**6, 1000), np.int64(10**9), 3).alternatives[0]
    assert found.macs == 9 * (10**6 - 2) ** 2 * 1000 * 10**9 > 2**63


@pytest.mark.parametrize("kernel", [Decimal("2.5"), Decimal(3), np.float32(3), 3.0])
def test_what_is_written_with_a_point_is_no_integer(kernel: Any) -> None:
    with pytest.raises(UsageError, match=r"^standard: convolution: kernel must be an integer, got "):
        convcost.compare((6, 6, 3), 5, kernel)


def test_a_time_without_a_unit_is_none() -> None:
    with pytest.raises(UsageError, match=r"^'20' is not a time, e\.g\. 20ms"):
        convcost.check("mobilenet_v2", max_latency=20, device="a100")


def test_sizes_of_numpy_are_those_of_python() -> None:
    """A layer of numpy's sizes is the same, and its JSON is written."""
    of_numpy = convcost.compare(
        np.array([6, 6, 3]), np.int16(5), np.array([3, 3]), stride=np.int8(1), padding=np.array([1, 1])
    )
    assert of_numpy == convcost.compare((6, 6, 3), 5, 3, padding=[1, 1])
    assert of_numpy.table().render("json") == convcost.compare((6, 6, 3), 5, 3, padding=[1, 1]).table().render("json")


def test_bytes_bits_and_parts_of_numpy_are_those_of_python() -> None:
    found = convcost.deployed("ds_cnn_s", limit=np.int64(16384), pointers=np.int64(32))
    assert found.table().render("json") == convcost.deployed("ds_cnn_s", limit="16KiB", pointers=32).table().render(
        "json"
    )
    network = convcost.load("mobilenet_v2")
    for patched in (network.patches, network.patch_front):
        of_numpy, of_text = (patched(policy="mcunet", limit=limit).table() for limit in (np.int64(2**20), "1MiB"))
        assert of_numpy.render("json") == of_text.render("json")
    assert network.memory(align=np.int64(16), parts=np.int64(4)) == network.memory(align=16, parts=4)
    assert network.report().by(np.int64(1)) == network.report().by(1)
