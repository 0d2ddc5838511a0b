"""Speed as ratios within one run, with margins that a busy machine cannot eat; benchmarks/ measures the rest."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest
from helpers.deployed import alone

import convcost
from convcost.published.data import Measured
from convcost.published.highlight import highlighted
from convcost.published.point import Point
from convcost.space.evaluate import empty, evaluate
from convcost.space.front import grid_front, objectives_of
from convcost.space.open import design_space


def best(action, rounds=5, clock=time.perf_counter):
    times = []
    for _ in range(rounds):
        start = clock()
        action()
        times.append(clock() - start)
    return min(times)


def test_a_point_of_a_grid_takes_less_than_a_five_thousandth_of_a_network_alone():
    made = design_space(
        "efficientnet", {}, over={"resolution": "32:131", "width": "0.25:2.24:0.01", "depth": "1:1.99:0.01"}
    )
    out = empty(made, "macs")
    point = best(lambda: evaluate(made, "macs", out=out)) / made.points
    assert best(lambda: convcost.load("efficientnet").report()) > 5000 * point


def test_a_grid_is_written_in_a_few_fills_of_its_array():
    """About 1.15 fills on a quiet machine (benchmarks/sweep.py)."""
    axes = {"resolution": "32:231", "width": "0.25:2.246:0.004", "depth": "1:1.99:0.01"}
    made = design_space("efficientnet", {}, over=axes)
    out = empty(made, "macs")
    grid, fill = best(lambda: evaluate(made, "macs", out=out)), best(lambda: out.fill(1))
    assert grid < 5 * fill


@pytest.mark.parametrize("model", ["lenet5", "lenet5_1998", "vgg16", "mobilenet_v2", "resnet152"])
def test_a_thousand_resolutions_take_less_than_fifty_networks_alone(model):
    size = convcost.load(model).graph.input_shape[0]
    axis = {"resolution": range(size, size + 1000)}
    many = best(lambda: design_space(model, {}, over=axis), clock=time.process_time)
    assert many < 50 * best(lambda: convcost.load(model).report(), clock=time.process_time)


def test_the_front_of_ten_million_configurations_takes_less_than_many_fills_of_their_array():
    axes = {"resolution": "32:231", "width": "0.2:1.199:0.002", "depth": "1:1.99:0.01"}
    made = design_space("efficientnet", {}, over=axes)
    array = np.empty(made.points)
    front = best(lambda: grid_front(made, objectives_of(["macs", "max:params"], made.axes)), rounds=3)
    assert front < 100 * best(lambda: array.fill(1.0))


def test_a_hundred_thousand_networks_are_deployed_in_the_time_of_two_hundred_alone():
    """About 20 on a quiet machine."""
    grid = best(lambda: convcost.fit("mobilenet_v1", max_ram="96KiB"), rounds=2, clock=time.process_time)
    assert grid < 200 * best(lambda: alone("mobilenet_v1", {"width": "0.25"}), clock=time.process_time)


def test_four_times_as_many_families_of_a_front_are_chosen_from_in_less_than_eight_times_the_time():
    def points(count):
        rows = (Measured(f"mine.csv:{at}", f"family{at}", "net", top1="70") for at in range(count))
        return [Point(row, Fraction(70), 1, "given", front=True) for row in rows]

    few, many = (points(count) for count in (6000, 24000))
    times = [
        best(lambda found=found: highlighted(found, (), ()), rounds=3, clock=time.process_time) for found in (few, many)
    ]
    assert times[1] < 8 * times[0]
