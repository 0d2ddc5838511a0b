"""What a printed figure stands for, and figures that cannot be read."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest

from convcost.core.errors import UsageError
from convcost.published.figure import figure

# printed, unit, rounding, and values that it does and does not stand for; the bounds follow from the last digit.
READINGS = [
    (
        "569",
        "M",
        "",
        [568_500_000, 569_500_000],
        [568_499_999, 569_500_001],
    ),  # a value exactly between may become either
    ("4.24", "M", "", [4_235_000, 4_245_000], [4_234_999, 4_245_001]),
    ("300", "M", "down", [300_000_000, 300_999_999], [299_999_999, 301_000_000]),
    ("15300", "M", "to 100", [15_250_000_000, 15_350_000_000], [15_249_999_999, 15_350_000_001]),
    ("700", "K", "down to 100", [700_000, 799_999], [699_999, 800_000]),
    ("112", "Ki", "", [114_688, 114_176, 115_200], [114_175, 112_000]),  # 112 · 1024, and half of 1024 to either side
    ("112", "K", "", [112_000, 111_500], [114_688, 111_499]),
    ("233", "MiB", "", [244_318_208], [233_000_000]),  # 233 · 1024²
    ("60,000", "", "", [60_000], [59_999, 60_001]),  # a count in ones is exact
    ("~4.1", "G", "", [4_089_184_256], [4_160_000_000]),
    ("94.86", "%", "", [Fraction(94857, 1000)], [Fraction(94854, 1000)]),
]


@pytest.mark.parametrize(("printed", "unit", "rounding", "fitting", "others"), READINGS)
def test_a_printed_figure_stands_for_what_rounds_to_it(printed, unit, rounding, fitting, others):
    quantity = {"MiB": "weight_bytes", "%": "macs_share"}.get(unit, "macs")
    read = figure(quantity, printed, unit, rounding)
    assert [value for value in fitting if not read.fits(Fraction(value))] == []
    assert [value for value in others if read.fits(Fraction(value))] == []


@pytest.mark.parametrize(
    ("quantity", "printed", "computed"),
    [
        ("input_shape", "224×224×3", "227×227"),
        ("input_shape", "224²×3", "1000"),
        ("input_shape", "224×224", "227×227×3"),
        ("macs", "529", "568.7×3"),
    ],
)
def test_a_difference_of_other_axes_is_refused(quantity: str, printed: str, computed: str) -> None:
    with pytest.raises(UsageError, match=f"^difference: {printed} and {computed} have not as many axes"):
        figure(quantity, printed, "", "").less(computed)


def test_a_printed_shape_may_leave_out_the_channels_and_square_a_side():
    assert figure("input_shape", "112²×64", "", "").fits((112, 112, 64))
    assert figure("input_shape", "112 × 112 × 64".replace(" ", ""), "", "").fits((112, 112, 64))
    assert figure("output_shape", "7x7", "", "").fits((7, 7, 2048))
    assert not figure("output_shape", "7×7", "", "").fits((7, 8, 2048))
    assert not figure("output_shape", "1000", "", "").fits((1, 1, 1000))


def test_what_is_found_is_written_with_one_digit_more_than_is_printed():
    assert figure("params", "4.2", "M", "").written(Fraction(4_231_976)) == "4.23"
    assert figure("params", "2.7", "Ki", "").written(Fraction(9_408)) == "9.19"  # 9,408 / 1,024 = 9.1875
    assert figure("params", "60,000", "", "").written(Fraction(61_706)) == "61,706"
    assert figure("macs", "15300", "M", "to 100").written(Fraction(15_470_264_320)) == "15,470.3"


def test_b_means_bytes_of_memory_and_billions_of_counts():
    """lenet5: 61,706 parameters of 4 bytes."""
    assert figure("weight_bytes", "246,824", "B", "").fits(Fraction(246_824))
    assert figure("macs", "2.3", "B", "").fits(Fraction(2_300_000_000))


@pytest.mark.parametrize("together", ["4.24M", "4.24 M"])
def test_a_unit_may_stand_behind_the_number(together):
    assert figure("params", together, "", "") == figure("params", "4.24", "M", "")


WRONG = [
    (("weights", "1", "", ""), "quantity: there is no 'weights'"),
    (("macs", "1", "Q", ""), "unit: there is no 'Q' for MACs. Known: B, G, Gi, K, Ki, M, Mi, P, Pi, T, Ti"),
    (("macs", "1", "KiB", ""), "unit: there is no 'KiB' for MACs. Did you mean Ki?"),
    (("weight_bytes", "1", "G", ""), "printed: '1 G': G may mean powers of 1,000 or of 1,024; write 1GiB"),
    (("macs", "3,00", "M", ""), "printed: '3,00 M' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "7,24.4", "M", ""), "printed: '7,24.4 M' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "9" * 5000, "", ""), "is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "4", "M", "to 00"), "rounding: 'to 00' is not empty, down, to N or down to N"),
    (("input_shape", "224x224", "M", ""), "unit: a shape has none, got 'M'"),
    (("input_shape", "224x224", "", "to 7"), "rounding: a shape has none, got 'to 7'"),
    (("macs", "4.2M", "M", ""), "printed: '4.2M M' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "4.2Q", "", ""), "printed: '4.2Q' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "-4", "M", ""), "printed: '-4 M' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "4", "M", "up"), "rounding: 'up' is not empty, down, to N or down to N"),
    (("macs", "4", "M", "to 0"), "rounding: 'to 0' is not empty, down, to N or down to N"),
    (("macs", "15301", "M", "to 100"), "printed: 15301 M is no multiple of 100 M, as rounding says"),
    (("params", "61", "", "down to 10"), "printed: 61 is no multiple of 10, as rounding says"),
    (("input_shape", "224 by 224", "", ""), "printed: '224 by 224' is not a shape, e.g. 112×112×64 or 112²×64"),
]


@pytest.mark.parametrize(("cells", "message"), WRONG)
def test_a_figure_that_cannot_be_read_is_refused(cells, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        figure(*cells)
