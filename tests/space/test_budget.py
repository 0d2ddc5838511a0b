"""Budgets as people write them."""

from __future__ import annotations

import pytest

import convcost
from convcost import UsageError
from convcost.space.budget import budgets_of


def test_budgets_as_people_write_them():
    macs, params, peak = budgets_of("4.1G", 5_000_000, "256KiB", "int8")
    assert (macs.limit, params.limit, peak.limit) == (4_100_000_000, 5_000_000, 262_144)
    assert budgets_of("300e6", None, None)[0].limit == 300_000_000


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "give at least one budget: max_macs, max_params, max_peak, max_ram, max_flash or max_latency"),
        ({"max_macs": "many"}, "'many' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
        ({"max_macs": "300M", "dtype": "int9"}, "there is no dtype 'int9'. Did you mean int8?"),
        ({"max_macs": "300M", "maximise": "weight"}, "there is no metric or axis 'weight'"),
        ({"max_macs": "300M", "over": {"resolution": "1:100000", "width": "0.1:100:0.1"}}, "fit looks at every point"),
    ],
)
def test_budgets_that_make_no_sense_are_refused(asked, message):
    with pytest.raises(UsageError) as error:
        convcost.fit("mobilenet_v2", **asked)
    assert str(error.value).startswith(message)
