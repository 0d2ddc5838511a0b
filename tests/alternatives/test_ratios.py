"""Ratios over the number and the size of the filters: what they take, and what is refused."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from convcost.alternatives.ratios import ratios
from convcost.alternatives.recipes import LayerToBuild
from convcost.core.errors import UsageError

COURSE = LayerToBuild((6, 6, 3), 5, 3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"filters": []}, "ratios are over filter sizes and numbers of filters: give one of each, or more"),
        ({"kernels": ()}, "ratios are over filter sizes and numbers of filters: give one of each, or more"),
        ({"filters": [4, "5"]}, "a number of filters must be an integer >= 1, got '5'"),
        ({"filters": [4, True]}, "a number of filters must be an integer >= 1, got true"),
        ({"kernels": [3, 0]}, "a filter size must be an integer >= 1, got 0"),
        (
            {"filters": range(1, 5002), "kernels": (1, 3)},
            "ratios are of at most 10,000 filters, got 10,002: give fewer sizes, or numbers",
        ),
        ({"kernels": [10**10]}, "a filter size must be <= 1,000,000,000, got 10000000000"),
    ],
)
def test_what_is_no_number_of_filters_or_size_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        ratios(COURSE, **given)
    assert str(refused.value) == said


def test_numbers_of_numpy_are_those_of_python() -> None:
    found = ratios(COURSE, kernels=np.array([1, 3]), filters=[np.int32(5)])
    assert found.points == ((1 + Fraction(1, 5), Fraction(1, 5) + Fraction(1, 9)),)
    assert json.loads(found.table().render("json"))["filters"] == [5]
