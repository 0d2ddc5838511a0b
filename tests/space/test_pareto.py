"""Fronts against brute force: ties, duplicates, mixed directions; what has no order is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost import UsageError
from convcost.core.metrics import SWEPT
from convcost.space.evaluate import evaluate
from convcost.space.front import FrontPoints, grid_front, local_front, merge, objectives_of
from convcost.space.open import design_space
from convcost.space.pareto import front
from convcost.space.windows import windows

exactly = settings(deadline=None, derandomize=True, max_examples=200, database=None)
POINTS = st.integers(1, 4).flatmap(lambda d: st.lists(st.tuples(*[st.integers(0, 4)] * d), min_size=1, max_size=30))


def by_brute_force(points):
    """Compare every point with every other; of equal ones keep the first."""
    dominated = [any(all(a <= b for a, b in zip(q, p)) and q != p for q in points) for p in points]
    return [i for i, p in enumerate(points) if not dominated[i] and p not in points[:i]]


@exactly
@given(POINTS)
def test_fronts_of_one_to_four_objectives(points):
    assert front([np.array(column) for column in zip(*points)]).tolist() == by_brute_force(points)


@exactly
@given(POINTS, st.data())
def test_any_mix_of_minimise_and_maximise(points, data):
    names = [f"o{i}" for i in range(len(points[0]))]
    largest = [name for name in names if data.draw(st.booleans())]
    signed = [tuple(-v if name in largest else v for name, v in zip(names, point)) for point in points]
    table = dict(zip(names, map(list, zip(*points))))
    found = convcost.pareto(table, minimise=[n for n in names if n not in largest], maximise=largest)
    assert list(zip(*found.values())) == [points[i] for i in by_brute_force(signed)]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_large_sets_are_culled_without_loss(count):
    random = np.random.default_rng(count)
    columns = [random.integers(0, 300, 40_000) for _ in range(count)]
    points = list(zip(*(column.tolist() for column in columns)))
    found = front(columns).tolist()
    chosen = np.array([points[i] for i in found])
    for i in random.integers(0, len(points), 300).tolist() + found[:50]:
        beaten = ((chosen <= points[i]).all(axis=1) & (chosen < points[i]).any(axis=1)).any()
        equal_before = points[i] in points[:i]
        assert (i in found) == (not beaten and not equal_before)
    assert not any(((chosen <= p).all(axis=1) & (chosen < p).any(axis=1)).any() for p in chosen[:200])


def test_integers_beyond_a_float_and_fractions_are_compared_exactly():
    big = 2**60
    assert front([np.array([big + 1, big]), np.array([0, 0])]).tolist() == [1]
    table = {"a": [10**30 + 1, 10**30], "b": [Fraction(1, 3), Fraction(1, 3)]}
    assert convcost.pareto(table, minimise=["a", "b"]) == {"a": [10**30], "b": [Fraction(1, 3)]}


def test_a_frame_keeps_its_rows_and_index():
    frame = pd.DataFrame({"macs": [3, 1, 2], "top1": [70.0, 60.0, 60.0]}, index=["x", "y", "z"])
    assert list(convcost.pareto(frame, minimise="macs", maximise="top1").index) == ["x", "y"]


REFUSED = [
    ({"minimise": "a"}, {"a": [1.0, float("nan")]}, "a has NaN, which is neither better nor worse than anything"),
    ({"minimise": "a"}, pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), "a has missing values"),
    ({"minimise": "a"}, {"a": ["x", "y"]}, "a is not a column of numbers"),
    ({"minimise": "b"}, {"a": [1]}, "there is no column 'b'"),
    ({"minimise": "a", "maximise": "a"}, {"a": [1]}, "a is an objective twice"),
    ({"minimise": "a"}, {"a": [1, 2], "b": [1]}, "columns must be equally long, got a 2, b 1"),
    ({}, {"a": [1]}, "a front needs one to 4 objectives, got 0"),
    ({"minimise": list("abcde")}, {name: [1] for name in "abcde"}, "a front needs one to 4 objectives, got 5"),
]


@pytest.mark.parametrize(("asked", "points", "message"), REFUSED)
def test_what_cannot_be_ordered_is_refused(asked, points, message):
    with pytest.raises(UsageError, match=message):
        convcost.pareto(points, **asked)


SPACES = [
    ("mobilenet_v2", {"width": "0.3:1:0.1", "resolution": "96:160:9", "depth": "0.5:2:0.5"}, ["macs", "resolution"]),
    (
        "efficientnet",
        {"depth": [1, "1.5", 2], "resolution": [64, 65, 66, 90], "width": "0.2:1:0.1"},
        ["macs", "max:params"],
    ),
    ("alexnet", {"resolution": "1:120:7"}, ["macs", "resolution"]),
    (
        "resnet",
        {"config": [18, 34], "width": "0.5:1:0.25", "resolution": "64:128:16"},
        ["macs", "params", "max:activations"],
    ),
    (
        "mobilenet_v1",
        {"width": "0.5:1:0.1", "resolution": "64:96:8"},
        ["macs", "min:peak_activation_bytes", "width", "resolution"],
    ),
]


@pytest.mark.parametrize(("model", "axes", "texts"), SPACES)
@pytest.mark.parametrize("size", [37, 10**6])
def test_the_front_of_a_grid_is_that_of_its_points(model, axes, texts, size):
    made = design_space(model, {}, over=axes)
    objectives = objectives_of(texts, made.axes)
    points = [
        (tuple((-1 if one.largest else 1) * record[one.name] for one in objectives), record)
        for record in convcost.sweep(model, **{name: axes[name] for name in axes}).records()
        if record["macs"] is not None
    ]
    expected = {points[i][0] for i in by_brute_force([point for point, _ in points])}
    found = grid_front(made, objectives, size=size)
    signed = []
    for where in found:
        window = tuple(slice(at, at + 1) for at in where.values())
        values = {name: made.axes[name][at] for name, at in where.items()}
        values |= {metric: int(evaluate(made, metric, window).item()) for metric in SWEPT}
        signed.append(tuple((-1 if one.largest else 1) * values[one.name] for one in objectives))
    assert len(signed) == len(expected)
    assert set(signed) == expected


def test_merging_fronts_is_associative_and_finds_the_front_of_all():
    made = design_space("mobilenet_v2", {}, over={"width": "0.2:1:0.05", "resolution": "64:128:4"})
    objectives = objectives_of(["macs", "max:params"], made.axes)
    parts = [local_front(made, objectives, window) for window in windows(made.shape, 20)]
    left = parts[0]
    for part in parts[1:]:
        left = merge(left, part)
    right = parts[-1]
    for part in reversed(parts[:-1]):
        right = merge(part, right)
    (whole,) = (local_front(made, objectives, window) for window in windows(made.shape, 10**6))
    for found in (left, right):
        assert isinstance(found, FrontPoints)
        assert found.positions.tolist() == whole.positions.tolist()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["mcs"], "there is no metric or axis 'mcs'. Did you mean macs?"),
        (["most:macs"], "'most:macs': say min:macs or max:macs"),
        (["macs", "max:macs"], "macs is an objective twice"),
        (["block"], "block is not a number and cannot be an objective"),
    ],
)
def test_objectives_that_do_not_exist_are_refused(texts, message):
    made = design_space("resnet", {}, over={"block": ["basic", "bottleneck"]})
    with pytest.raises(UsageError) as error:
        objectives_of(texts, made.axes)
    assert str(error.value) == message
