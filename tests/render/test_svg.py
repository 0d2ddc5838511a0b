"""The light renderer: what it draws, its axes and its lines."""

from __future__ import annotations

import re
from itertools import pairwise

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost import plots
from convcost.core.errors import UsageError
from convcost.render.svg_axes import PlotAxis, si
from convcost.render.svg_marks import path


def test_the_light_renderer_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(UsageError, match=r"^the light renderer draws scatter, bar and heatmap, not pie;"):
        plots.svg(go.Figure(go.Pie(values=[1, 2])))


@given(st.floats(1e-3, 1e15), st.floats(1.01, 1e9), st.booleans())
def test_ticks_are_round_few_and_inside(low: float, factor: float, log: bool) -> None:
    axis = PlotAxis({"type": "log"} if log else {}, [low, low * factor]).place(0, 500)
    ticks = axis.ticks(8)
    assert len(ticks) <= 8 or log
    for tick in ticks:
        assert -1 <= axis.tick_at(tick) <= 501
        assert f"{tick.value:e}".split("e")[0].rstrip("0").rstrip(".") in {*"123456789"} or not log


@pytest.mark.parametrize(("value", "text"), [(1e7, "10M"), (1e9, "1G"), (5e8, "500M"), (999, "999"), (2e12, "2T")])
def test_counts_read_in_si(value: float, text: str) -> None:
    assert si(value) == text


corners = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=12)


@given(corners)
def test_a_short_path_is_the_same_line(points: list[tuple[int, int]]) -> None:
    """Straight runs are cut into steps of one: it does not matter which of them are one stroke."""
    text = path([(x / 10, y / 10) for x, y in points])
    x, y = (round(float(n) * 10) for n in re.match(r"M(\S+) ([^hvl]+)", text).groups())
    met = [(x, y)]
    for kind, one, two in re.findall(r"([hvl])(-?[\d.]+)(?: ?(-?[\d.]+))?", text):
        across, down = {"h": (one, 0), "v": (0, one), "l": (one, two)}[kind]
        x, y = x + round(float(across) * 10), y + round(float(down) * 10)
        met.append((x, y))
    assert steps(met) == steps(points)


def steps(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The points that a line meets, with all between two that are above or beside each other."""
    met = points[:1]
    for (x, y), (to_x, to_y) in pairwise(points):
        many = abs(to_x - x) + abs(to_y - y) if x == to_x or y == to_y else 1
        met += [(x + (to_x - x) * at // many, y + (to_y - y) * at // many) for at in range(1, many + 1)]
    return met
