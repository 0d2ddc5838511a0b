"""The values of an axis: exact decimals, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import count

import numpy as np
import pytest

import convcost
from convcost import UsageError
from convcost.space.axes import values_of
from convcost.spec.syntax import Knob

REFUSED = [
    ({"widht": [1, 2]}, "mobilenet_v2 has no knob 'widht'. Did you mean width?"),
    ({"width": []}, "the axis width has no values"),
    ({"width": ["0.5", "0.50"]}, "the axis width has 0.5 twice"),
    ({"width": "1:0.5:0.1"}, "width: the start must not be above the stop, got 1:0.5:0.1"),
    ({"width": "1:2:0"}, "width: the step must be above 0, got 1:2:0"),
    ({"width": "1:2:3:4"}, "width: '1:2:3:4' is not START:STOP or START:STOP:STEP, e.g. 96:320:32"),
    ({"width": "0.5:1"}, "width: 0.5:1 goes up by 1 and misses its end; give a step: 0.5:1:0.05"),
    ({"resolution": "96:224:32.5"}, "resolution must be an integer >= 0, got 128.5"),
    ({"width": b"0.5"}, "width must be a list of values, a range, or text like 0.5:1:0.1, got bytes"),
    (
        {"width": np.ones((2, 2))},
        "width must be a list of values, a range, or text like 0.5:1:0.1, got ndarray",
    ),
    ({"resolution": "0.5:2:0.5"}, "resolution must be an integer >= 0, got 0.5"),
    ({"resolution": "1:100000000"}, "the axis resolution has 100,000,000 values; the most is 1,000,000"),
    pytest.param(
        {"resolution": "1:1000000", "classes": "1:1000000", "width": "0.001:1000:0.001"},
        "1,000,000 × 1,000,000 × 1,000,000 are 1,000,000,000,000,000,000 points; the most that is swept is 10,000,000,000,000",
        marks=pytest.mark.slow,
    ),
    (
        {"resolution": "1:1000000", "classes": "1:1000"},
        (
            "1,000,000,000 points need 49,000,000,000 bytes at once; read them in pieces: "
            "convcost.space.sweep.pieces, or convcost sweep … -o FILE"
        ),
    ),
    ({}, "a sweep needs at least one axis; mobilenet_v2 has the knobs scaling, width, depth, resolution, classes"),
]


@pytest.mark.parametrize(("axes", "message"), REFUSED)
def test_axes_that_do_not_fit_are_refused_with_one_line(axes, message):
    with pytest.raises(UsageError) as error:
        convcost.sweep("mobilenet_v2", **axes)
    assert str(error.value) == message


def test_axis_values_are_exact_decimals():
    grid = convcost.sweep("mobilenet_v2", width="0.1:0.9:0.1", resolution=[32])
    assert grid.axes["width"] == tuple(Fraction(i, 10) for i in range(1, 10))
    assert convcost.sweep("mobilenet_v2", width=[0.1, 0.7], resolution=[32]).axes["width"] == (
        Fraction(1, 10),
        Fraction(7, 10),
    )


@pytest.mark.parametrize(
    "axes",
    [
        {"resolution": range(10**30)},
        {"resolution": range(10**30, 0, -1)},
        {"resolution": count(1)},
        {"width": "0.001:1e90:0.001"},
        {"width": "0.001:1000:0.001", "resolution": "224:1000224"},
        {"width": "0.001:1000:0.001", "resolution": "1:1000000", "classes": "1:11"},
    ],
)
def test_too_many_values_are_counted_and_not_made(axes, monkeypatch):
    monkeypatch.setattr("convcost.space.axes.knob_value", lambda *_: pytest.fail("a value was made"))
    with pytest.raises(UsageError, match=r"the most (is|that is swept is) [0-9,]+$"):
        convcost.sweep("mobilenet_v2", **axes)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (range(9, 3, -3), (6, 9)),
        (range(3, 9, 3), (3, 6)),
        ("2:6:2", (2, 4, 6)),
        ("1.0:3.0:1.0", (1, 2, 3)),
        (iter([7, 5]), (5, 7)),
    ],
)
def test_an_axis_of_integers_by_any_way_to_state_it(given, values):
    assert values_of(Knob("n", None, 1), given) == values
    assert values_of(Knob("n", None, Fraction(1)), list(values)) == tuple(map(Fraction, values))
