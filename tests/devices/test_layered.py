"""Fits to layers: what is left out, and what the rest says of it, found again by trying."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.least_squares import tried

from convcost import UsageError
from convcost.devices.calibration import Measured, columns_of, work
from convcost.devices.layered import Timed, calibrated_layers

TERMS = ("direct", "pointwise", "elementwise", "kernels")
SPEEDS = np.array([2e-8, 3e-8, 1e-7, 4e-3])
"""Milliseconds for one of each."""


def network(seed, layers, noise=0.0):
    """Layers of one kind each, as in a network."""
    chance = np.random.default_rng(seed)
    rows = []
    for at in range(layers):
        kind = at % 3
        counts = {TERMS[kind]: int(chance.integers(10**5, 10**7)), "kernels": 1}
        ms = sum(SPEEDS[TERMS.index(term)] * count for term, count in counts.items())
        rows.append(Measured(f"layer{at}", ms * (1 + noise * chance.uniform(-1, 1)), counts))
    return Timed(f"net{seed}", tuple(rows))


def guessed(kept, row_terms, floor_of, columns):
    """What rows say of terms: errors count as shares of the time, but of a hundredth of the network's at the least."""
    scale = np.array([max(row.ms, floor_of[row.ms]) for row in kept])
    matrix = np.array([[work(row.terms, column) for column in columns] for row in kept]) / scale[:, None]
    largest = matrix.max(axis=0)
    x = tried(matrix / largest, np.array([row.ms for row in kept]) / scale) / largest
    return sum(float(np.array([work(terms, column) for column in columns]) @ x) for terms in row_terms)


def test_a_known_device_is_found_from_the_layers_of_one_network():
    found = calibrated_layers([network(1, 30)])
    assert [found.coefficients[term] for term in TERMS] == pytest.approx(list(SPEEDS * 1e12), rel=1e-6)
    assert (found.error.networks, found.error.of) == (30, "layers")
    assert found.error.worst < 1e-9
    assert [(one.network, one.left_out_ms) for one in found.fitted] == [("net1", None)]


def test_of_several_networks_each_is_left_out_with_all_its_layers():
    networks = [network(seed, 9, noise=0.3) for seed in range(4)]
    found = calibrated_layers(networks)
    rows = [row for one in networks for row in one.layers]
    columns = columns_of(rows)
    floors = {row.ms: 0.01 * one.ms for one in networks for row in one.layers}
    again = [
        guessed([row for row in rows if row not in one.layers], [row.terms for row in one.layers], floors, columns)
        for one in networks
    ]
    assert [one.left_out_ms for one in found.fitted] == pytest.approx(again, rel=1e-6)
    off = sorted(abs(guess / one.ms - 1) for guess, one in zip(again, networks))
    assert found.error.median == pytest.approx((off[1] + off[2]) / 2, rel=1e-5)
    assert (found.error.networks, found.error.of) == (4, "networks")


def test_of_a_network_with_work_of_its_own_the_others_say_nothing():
    odd = network(7, 9)
    odd = odd._replace(layers=(*odd.layers, Measured("attention", 3.0, {"matmul": 10**6, "kernels": 1})))
    found = calibrated_layers([network(1, 9), network(2, 9), odd])
    assert [one.left_out_ms is None for one in found.fitted] == [False, False, True]
    assert found.error.networks == 2
    assert found.coefficients["matmul"] > 0


def test_a_network_that_was_profiled_twice_is_left_out_twice():
    networks = [network(seed, 9, noise=0.3) for seed in range(4)]
    twice = [*networks, *(one._replace(network=f"{one.network} again") for one in networks)]
    assert calibrated_layers(twice).error.median == pytest.approx(calibrated_layers(networks).error.median, rel=1e-6)


def test_where_no_network_says_anything_of_another_layers_are_left_out():
    own = [Measured(f"own{at}", 1.0 + at, {"matmul": 10**6 * (at + 1), "kernels": 1}) for at in range(4)]
    found = calibrated_layers([network(1, 9), Timed("attention", tuple(own))])
    assert [one.left_out_ms for one in found.fitted] == [None, None]
    assert (found.error.networks, found.error.of) == (13, "layers")


def test_layers_whose_times_are_dealt_out_anew_are_not_predicted():
    one = network(3, 60, noise=0.05)
    order = np.random.default_rng(0).permutation(60)
    shuffled = Timed("net", tuple(row._replace(ms=one.layers[at].ms) for row, at in zip(one.layers, order)))
    assert calibrated_layers([shuffled]).error.median > 5 * calibrated_layers([one]).error.median


def test_too_few_layers_are_refused():
    with pytest.raises(UsageError, match="at least 8 layers, got 7 layers"):
        calibrated_layers([network(1, 7)])
