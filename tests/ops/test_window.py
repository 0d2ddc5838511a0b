"""Arithmetic of windows: positions, paddings and taps, found again by stepping over the axis."""

from __future__ import annotations

import numpy as np
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convcost.ops import window

exactly = settings(deadline=None, derandomize=True, max_examples=150, database=None)

N = sympy.Symbol("n", integer=True, positive=True)


def steps(size: int, extent: int, stride: int, padding: tuple[int, int], ceil_mode: bool) -> int:
    """How many windows there are, found by stepping over the padded axis."""
    before, after = padding
    end, start, windows = before + size + after, 0, 0
    while start + extent <= end:
        start, windows = start + stride, windows + 1
    uncovered = start - stride + extent < end
    return windows + (ceil_mode and uncovered and start < before + size)


@exactly
@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 5), st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_slide_takes_as_many_positions_as_stepping_does(size, extent, stride, before, after, ceil_mode):
    slide = window.slide(size, extent, stride, (before, after), ceil_mode)
    windows = steps(size, extent, stride, (before, after), ceil_mode)
    assert slide.fits == (windows > 0)
    assert (slide.before, slide.after) == (before, after)
    if slide.fits and not (ceil_mode and after >= extent):  # no pool may have a window in nothing but zeros
        assert slide.out == windows


@exactly
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 5))
def test_same_padding_is_the_least_that_gives_one_position_per_stride_with_the_odd_zero_behind(size, extent, stride):
    slide = window.slide(size, extent, stride, "same")
    assert slide.out == len(range(0, size, stride))
    assert 0 <= slide.after - slide.before <= 1
    assert window.slide(size, extent, stride, (slide.before, slide.after)).out == slide.out
    zeros = slide.before + slide.after
    if zeros:
        assert window.slide(size, extent, stride, (0, zeros - 1)).out < slide.out


@exactly
@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 5), st.integers(0, 2), st.integers(0, 2))
def test_unslide_is_the_smallest_size_that_slide_leads_back_from(size, extent, stride, before, after):
    spread = window.unslide(size, extent, stride, (before, after))
    assume(spread.out >= 1)
    assert spread.out == spread.least
    assert window.slide(spread.least, extent, stride, (before, after)).out == size
    assert window.slide(spread.least - 1, extent, stride, (before, after)).out < size
    assert window.slide(spread.most, extent, stride, (before, after)).out == size
    assert window.slide(spread.most + 1, extent, stride, (before, after)).out > size


@exactly
@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 5))
def test_unslide_with_same_padding_gives_each_position_a_stride(size, extent, stride):
    spread = window.unslide(size, extent, stride, "same")
    assert spread.out == len(range(size * stride))
    back = [wanted for wanted in range(1, 100) if window.slide(wanted, extent, stride, "same").out == size]
    assert [spread.least, spread.most] == [min(back), max(back)]


@exactly
@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 5))
def test_unslide_with_valid_padding_keeps_strides_and_windows(size, extent, stride):
    covered = {at * stride + step for at in range(size) for step in range(max(stride, extent))}
    spread = window.unslide(size, extent, stride, "valid")
    assert spread.out == len(covered)
    assert spread[1:] == window.unslide(size, extent, stride, (0, 0))[1:]


@exactly
@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 5), st.integers(0, 4))
def test_unslide_with_extra_is_what_keras_does_in_words(size, extent, stride, extra):
    # deconv_output_length: "valid" pads by 0, "same" by half the window on both sides.
    for word, cropped in (("valid", 0), ("same", 2 * (extent // 2))):
        assert window.unslide(size, extent, stride, word, extra).out == (size - 1) * stride + extent - cropped + extra


@exactly
@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_causal_windows_end_at_every_stride_th_position_and_look_at_nothing_later(size, kernel, stride, dilation):
    extent = window.dilated(kernel, dilation)
    slid = window.slide(size, extent, stride, "causal")
    ends = [start * stride - slid.before + extent - 1 for start in range(slid.out)]
    assert ends == list(range(0, size, stride))
    assert slid.after == 0


@exactly
@given(st.integers(1, 7), st.integers(1, 4))
def test_dilated_reaches_from_the_first_tap_to_the_last(kernel, dilation):
    taps = range(0, kernel * dilation, dilation)
    assert window.dilated(kernel, dilation) == taps[-1] - taps[0] + 1


@exactly
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 5))
def test_total_is_the_sum_over_ints_arrays_and_symbols(counts, factor):
    expected = [sum(factor * i + 1 for i in range(count)) for count in counts]
    assert [window.total(count, lambda i: factor * i + 1) for count in counts] == expected
    assert window.total(np.array(counts), lambda i: factor * i + 1).tolist() == expected
    closed = window.total(N, lambda i: factor * i + 1)
    assert [closed.subs(N, count).doit() for count in counts] == expected


@exactly
@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 3), st.integers(0, 3))
def test_real_taps_are_those_that_stepping_finds_on_the_input(size, kernel, stride, dilation, before, after):
    slid = window.slide(size, window.dilated(kernel, dilation), stride, (before, after))
    assume(slid.fits)
    on_input = range(before, before + size)
    taps = [start * stride + tap * dilation for start in range(slid.out) for tap in range(kernel)]
    assert window.real_taps(size, slid, kernel, stride, dilation) == sum(tap in on_input for tap in taps)
