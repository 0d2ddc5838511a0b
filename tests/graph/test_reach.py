"""Which positions ops read: every op is followed, or it is said here that it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from helpers.op_rows import ROWS, name_of
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.graph.graph import Graph, Node
from convcost.graph.reach import NotLocal, Portion, Spread, Window, routes
from convcost.graph.walk import Step, walk
from convcost.ops import OPS

if TYPE_CHECKING:
    from helpers.systems import Row

#: Where an element comes from is what another input says, or several elements are summed into one.
NOT_FOLLOWED = {"deform_conv2d", "grid_sample", "roi_align", "scatter", "fold", "unknown"}


def step_of(row: Row) -> Step:
    case = row.case
    inputs = {f"x{at}": tuple(shape) for at, shape in enumerate(case.shapes)}
    it = Node("it", case.op, tuple(inputs), OPS[case.op].convert(case.attrs))
    return walk(Graph("one", inputs or {"none": (1,)}, (it,), ("it",))).steps[0]


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_every_op_is_followed_or_named_here(row: Row) -> None:
    step = step_of(row)
    several = len(step.input_shapes) > 1
    if step.input_shapes and (step.node.op in NOT_FOLLOWED or (step.node.op == "gather" and several)):
        with pytest.raises(NotLocal):
            routes(step)
        return
    if not step.input_shapes:
        return
    rank = len(step.cost.out[0])
    found = routes(step)
    assert [len(way.reads) for way in found] == [len(way.to) for way in found] == list(map(len, step.input_shapes))
    assert [tuple(read.size for read in way.reads) for way in found] == list(step.input_shapes)
    for way in found:
        for to in way.to:
            assert all(0 <= axis < rank for axis in ({to} if isinstance(to, int) else to))


def test_every_op_has_a_row() -> None:
    assert {row.case.op for row in ROWS} == {*OPS}


@pytest.mark.parametrize(
    ("read", "taps"),
    [
        # Bilinear, from 2 to 4: centres at -1/4, 1/4, 3/4, 5/4.
        (Window(2, stride=2, extent=2, scale=4, ahead=-1), [[-1, 0], [0, 1], [0, 1], [1, 2]]),
        # A transposed convolution of 3 taps, stride 2, one cropped: 2·i - 1 + tap.
        (Spread(2, 2, 1, 3), [[0], [0, 1], [1], [1, 2]]),
        # Dilated by the stride: every second position is reached by nothing.
        (Spread(2, 2, 0, 3, apart=2), [[-1, 0], [], [0, 1], []]),
        (Portion(5, 2), [[0, 1, 2], [2, 3, 4]]),
    ],
)
def test_what_single_positions_read(read: Window | Spread | Portion, taps: list[list[int]]) -> None:
    assert [list(read.taps(at)) for at in range(len(taps))] == taps
    # The next ones are the same, moved on.
    assert [[at - read.stride for at in read.taps(read.scale + number)] for number in range(len(taps))] == taps


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.integers(1, 6), st.integers(0, 5), st.integers(1, 6), st.integers(1, 6), st.integers(0, 20))
def test_what_reaches_a_position_of_a_transposed_convolution(
    scale: int, before: int, kernel: int, apart: int, at: int
) -> None:
    # Position i puts its taps on i·scale - before + apart·tap.
    reached = [i for i in range(-40, 41) if any(i * scale - before + apart * tap == at for tap in range(kernel))]
    assert [*Spread(9, scale, before, apart * (kernel - 1) + 1, apart).taps(at)] == reached


def test_what_reaches_a_position_is_no_loop_over_taps() -> None:
    taps = Spread(10**9, 3, 0, 2 * (10**9 - 1) + 1, 2).taps(10**9)
    # 3·i = 10^9 - 2·tap, for all i that are even, from -(10^9 - 2)/3 to 10^9/3.
    assert taps == range(-333_333_332, 333_333_333 + 1, 2)


@settings(deadline=None, derandomize=True, max_examples=400)
@given(
    st.integers(1, 12),
    st.integers(1, 9),
    st.integers(0, 9),
    st.integers(1, 4),
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=4),
)
def test_what_windows_reach_of_an_axis(
    size: int, stride: int, before: int, kernel: int, apart: int, parts: list[tuple[int, int]]
) -> None:
    read = Window(size, stride, before, apart * (kernel - 1) + 1, apart=apart)
    expected = []
    for start, many in parts:
        reached = {p * stride - before + apart * tap for p in range(start, start + many) for tap in range(kernel)}
        if apart == 1 and stride <= kernel:  # no gaps: a range that may be empty anywhere
            low, high = max(min(reached), 0), min(max(reached) + 1, size)
        else:
            inside = reached & {*range(size)}
            low, high = min(inside, default=size), max(inside, default=-1) + 1
        expected.append((low, high))
    assert [read.clipped(start, start + many) for start, many in parts] == expected
    starts, stops = np.array([start for start, _ in parts]), np.array([sum(part) for part in parts])
    lows, highs = (np.broadcast_to(end, len(parts)).tolist() for end in read.clipped(starts, stops))
    assert [*zip(lows, highs, strict=True)] == expected


def test_what_windows_reach_is_no_loop_over_taps() -> None:
    n = 10**9
    # Taps at -n, -n + 7, …: of n + 1 of them the first from 0 on is at -n modulo 7; the last in the axis at n - 1 or before.
    assert Window(n, 3, n, 7 * n + 1, apart=7).clipped(0, 1) == (-n % 7, n - (n - 1 + n) % 7)
