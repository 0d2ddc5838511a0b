"""Arithmetic of windows: positions, paddings and taps, found again by stepping over the axis."""

from __future__ import annotations

import numpy as np
import sympy
from helpers.steps import lines_run
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convcost.core import dims
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


KERNELS = st.tuples(*[st.integers(1, 9), st.integers(1, 9), *[st.integers(1, 6)] * 2, *[st.integers(0, 9)] * 2])


def stepped(size: int, slid: window.Slide, kernel: int, stride: int, dilation: int) -> int:
    on_input = range(slid.before, slid.before + size)
    taps = [start * stride + tap * dilation for start in range(slid.out) for tap in range(kernel)]
    return sum(tap in on_input for tap in taps)


@settings(exactly, max_examples=400)
@given(KERNELS)
def test_real_taps_are_those_that_stepping_finds_on_the_input(case):
    size, kernel, stride, dilation, before, after = case
    slid = window.slide(size, window.dilated(kernel, dilation), stride, (before, after))
    assume(slid.fits)
    found = window.real_taps(size, slid, kernel, stride, dilation)
    assert found == stepped(size, slid, kernel, stride, dilation)


@exactly
@given(st.lists(KERNELS, min_size=1, max_size=5))
def test_real_taps_are_the_same_over_arrays(cases):
    slides = [window.slide(n, window.dilated(k, d), s, (b, a)) for n, k, s, d, b, a in cases]
    assume(all(slid.fits for slid in slides))
    size, kernel, stride, dilation, *_ = (np.array(column) for column in zip(*cases, strict=True))
    slid = window.Slide(*(np.array(column) for column in zip(*slides, strict=True)))
    found = window.real_taps(size, slid, kernel, stride, dilation)
    assert found.tolist() == [stepped(n, slid, k, s, d) for (n, k, s, d, *_), slid in zip(cases, slides, strict=True)]


@settings(exactly, max_examples=12)
@given(KERNELS, st.sampled_from(["size", "kernel", "stride", "dilation"]))
def test_real_taps_are_the_same_over_symbols(case, symbolic):
    size, kernel, stride, dilation, before, after = case
    slid = window.slide(size, window.dilated(kernel, dilation), stride, (before, after))
    assume(slid.fits)
    numbers = {"size": size, "kernel": kernel, "stride": stride, "dilation": dilation}
    form = window.real_taps(slid=slid, **(numbers | {symbolic: N}))
    assert form.subs(N, numbers[symbolic]).doit() == stepped(size, slid, kernel, stride, dilation)


def test_real_taps_of_the_largest_kernel_by_hand():
    # A window of n taps on n, one position per element: that at p begins p - before, and misses |p - before| of them.
    n = dims.LARGEST
    slid = window.slide(n, n, 1, "same")
    before, after = (n - 1) // 2, n // 2
    missed = before * (before + 1) // 2 + after * (after + 1) // 2
    assert window.real_taps(n, slid, n, 1, 1) == n * n - missed


@exactly
@given(*[st.integers(1, 10**9)] * 4)
def test_the_work_of_real_taps_is_bounded_by_the_digits_of_stride_and_dilation(size, kernel, stride, dilation):
    slid = window.slide(size, window.dilated(kernel, dilation), stride, "same")
    # Euclid's algorithm ends after less than 5 rounds per decimal digit of the smaller of the two (Lamé).
    assert lines_run(lambda: window.real_taps(size, slid, kernel, stride, dilation)) < 50 + 2 * 10 * 5 * 10
