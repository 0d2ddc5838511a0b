"""Calibration against other ways to find the same: every set of columns tried, gradients followed, conditions checked."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.least_squares import tried
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from convcost import UsageError, load
from convcost.devices import calibration
from convcost.devices.calibration import Measured, calibrated, columns_of, nonnegative, work
from convcost.devices.kernels import kernels, total
from convcost.devices.layered import Timed, calibrated_layers
from convcost.published.latency import timings_on


def followed(matrix, target, steps=200_000):
    """The same by projected gradients with momentum (Beck and Teboulle, 2009)."""
    pace = 1 / np.linalg.norm(matrix, 2) ** 2
    x = ahead = np.zeros(matrix.shape[1])
    momentum = 1.0
    for _ in range(steps):
        new = np.maximum(0, ahead - pace * (matrix.T @ (matrix @ ahead - target)))
        if (new - x) @ (ahead - new) > 0:  # it turns back: begin anew
            momentum, ahead = 1.0, x
            continue
        later = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = new + (momentum - 1) / later * (new - x)
        if np.abs(new - x).max() <= 1e-15 * max(1.0, np.abs(new).max()):
            return new
        x, momentum = new, later
    return x


def left_out(table):
    """What the others say of each network, the fit by trying."""
    columns = columns_of(table)
    matrix = np.array([[work(one.terms, column) / one.ms for column in columns] for one in table], float)
    matrix /= np.maximum(matrix.max(axis=0), 1e-300)
    found = []
    for at, one in enumerate(table):
        others = np.arange(len(table)) != at
        found.append(one.ms * float(matrix[at] @ tried(matrix[others], np.ones(len(table) - 1))))
    return found


def synthetic(seed, networks, terms, noise):
    """Networks of random work, and times of which some are by chance."""
    chance = np.random.default_rng(seed)
    counts = chance.integers(1, 10**6, (networks, len(terms)))
    speeds = chance.uniform(0, 1e-3, len(terms))
    speeds[0] = 0
    ms = (counts @ speeds) * chance.uniform(1 - noise, 1 + noise, networks)
    return [Measured(f"net{at}", float(ms[at]), dict(zip(terms, map(int, counts[at])))) for at in range(networks)]


TABLES = {
    "three terms": synthetic(1, 9, ("direct", "pointwise", "kernels"), 0.05),
    "much by chance": synthetic(2, 14, ("direct", "winograd", "pointwise", "elementwise", "kernels"), 0.6),
    "more terms than networks allow": synthetic(
        3, 6, ("direct", "im2col", "winograd", "pointwise", "depthwise", "vector", "weights", "elementwise"), 0.2
    ),
}


@pytest.fixture(scope="module")
def paddle():
    """The 23 networks that Paddle Lite was timed with, without what ships of the device."""
    return [
        Measured(one.network, float(one.ms), total(kernels(load(one.network).walked)))
        for one in timings_on("sd855").timings
    ]


@pytest.mark.parametrize("name", TABLES)
def test_predictions_of_networks_that_are_left_out_are_recounted(name):
    table = TABLES[name]
    assert [one.left_out_ms for one in calibrated(table).fitted] == pytest.approx(left_out(table), rel=1e-6)


def test_the_error_on_published_latencies_is_recounted(paddle):
    found = calibrated(paddle)
    again = left_out(paddle)
    assert [one.left_out_ms for one in found.fitted] == pytest.approx(again, rel=1e-5)
    off = sorted(abs(guess / one.ms - 1) for guess, one in zip(again, paddle))
    assert found.error.median == pytest.approx(off[11], rel=1e-4)  # the twelfth of 23
    assert found.error.worst == pytest.approx(off[-1], rel=1e-4)
    assert off[11] <= 0.04
    assert off[-1] <= 0.10


def test_gradients_lead_to_the_same_fit(paddle):
    for table in (*TABLES.values(), paddle):
        columns = columns_of(table)
        matrix = np.array([[work(one.terms, column) / one.ms for column in columns] for one in table], float)
        matrix /= matrix.max(axis=0)
        ones = np.ones(len(table))
        exact, other = nonnegative(matrix, ones), followed(matrix, ones)
        assert matrix @ exact == pytest.approx(matrix @ other, abs=2e-4)
        assert np.linalg.norm(matrix @ exact - ones) <= np.linalg.norm(matrix @ other - ones) + 1e-12


_NUMBERS = st.floats(-100, 100).map(lambda number: round(number, 3))


@given(st.data(), st.integers(1, 7), st.integers(1, 5))
def test_no_other_numbers_that_are_not_negative_are_better(data, rows, width):
    """The conditions of Karush, Kuhn and Tucker, which here are enough; and every set of columns."""
    matrix = data.draw(arrays.arrays(float, (rows, width), elements=_NUMBERS))
    target = data.draw(arrays.arrays(float, rows, elements=_NUMBERS))
    x = nonnegative(matrix, target)
    scale = max(1.0, np.abs(matrix).max()) * max(1.0, np.abs(target).max()) * rows
    gradient = matrix.T @ (target - matrix @ x)
    assert (x >= 0).all()
    assert (gradient <= 1e-6 * scale).all()
    assert abs(float(gradient @ x)) <= 1e-6 * scale * max(1.0, float(x.max()))
    least = np.linalg.norm(target - matrix @ tried(matrix, target))
    assert np.linalg.norm(target - matrix @ x) <= least + 1e-6 * scale


@given(st.permutations(range(9)))
@example([1, 2, 3, 4, 5, 6, 7, 8, 0])
def test_the_order_of_rows_changes_nothing(order):
    table = TABLES["three terms"]
    first, again = calibrated(table), calibrated([table[at] for at in order])
    assert again.coefficients == pytest.approx(first.coefficients, rel=1e-6, abs=1)
    assert again.error.median == pytest.approx(first.error.median, rel=1e-6)


def test_times_in_another_unit_are_other_coefficients_and_the_same_error():
    table = TABLES["much by chance"]
    slow = calibrated([one._replace(ms=1000 * one.ms) for one in table])
    fast = calibrated(table)
    assert slow.error == pytest.approx(fast.error)
    for term, time in fast.coefficients.items():
        assert slow.coefficients[term] == pytest.approx(1000 * time, rel=1e-6, abs=1000)


def test_a_network_that_was_measured_twice_is_left_out_twice():
    """Else its twin would say what it takes, and the error would be that of repeating a measurement."""
    table = TABLES["much by chance"]
    twice = [one for network in table for one in (network, network._replace(network=f"{network.network} again"))]
    assert len(columns_of(twice)) == len(columns_of(table)) == 5
    assert calibrated(twice).error.median == pytest.approx(calibrated(table).error.median, rel=1e-6)


def test_a_term_that_others_have_next_to_nothing_of_is_not_fitted_to_them():
    """A softmax of a thousand numbers says nothing of what the swishes of one network take, nor is it a kernel's overhead."""
    chance = np.random.default_rng(5)
    table = []
    for at in range(8):
        terms = {
            "pointwise": int(chance.integers(10**7, 10**9)),
            "activations": 10**7,
            "exponentials": 1000,
            "kernels": 50,
        }
        table.append(Measured(f"net{at}", 5 + terms["pointwise"] / 10**8, terms))
    swish = Measured("swish", 40.0, {**table[0].terms, "exponentials": 5 * 10**6})
    found = calibrated([*table, swish])
    assert found.left == {"swish": "no other network has exponentials"}
    assert "exponentials" not in found.coefficients
    two = calibrated(
        [*table, swish, swish._replace(network="swish2", ms=44.0, terms={**swish.terms, "pointwise": 10**9})]
    )
    assert two.left == {}
    assert 5 * two.coefficients["exponentials"] / 10**6 == pytest.approx(35.0, rel=0.2)  # milliseconds


def test_networks_that_are_all_the_same_are_refused():
    with pytest.raises(UsageError, match="all networks have the same counts"):
        calibrated([one._replace(terms=TABLES["three terms"][0].terms) for one in TABLES["three terms"]])


@pytest.mark.parametrize("layered", [False, True])
def test_a_network_that_takes_no_time_by_what_was_fitted_is_refused(layered):
    """1 ps for 10¹⁵ of one kind are 10⁻¹² fs for each, of which 0 are kept."""
    rows = [Measured(f"net{at}", 1e-9 * at, {"pointwise": 10**15 * at}) for at in range(1, 10)]
    with pytest.raises(UsageError) as caught:
        calibrated_layers([Timed("net1", tuple(rows))]) if layered else calibrated(rows)
    why = "net1 takes no time by what was fitted (0 fs for each of pointwise): leave it out"
    assert str(caught.value) == why


@pytest.mark.parametrize(("most", "groups"), [(900, 0), (899, 29), (1, 10)])
def test_of_many_networks_groups_are_left_out(most, groups, monkeypatch):
    """30 networks are 900 rows of 30 fits; 899 rows are 29 fits, and 10 are the fewest. net0 took twice as long as the 2·0.5 + 5
    that others say, which is said without it.
    """
    monkeypatch.setattr(calibration, "MOST_FITTED", most)
    rows = [Measured(f"net{at}", 2.0 * at + 5, {"pointwise": 1000 * at, "kernels": 1000}) for at in range(1, 30)]
    odd = Measured("net0", 12.0, {"pointwise": 500, "kernels": 1000})
    found = calibrated([odd, *rows])
    assert found.error.groups == groups
    assert found.fitted[0].left_out_ms == pytest.approx(6)


def test_of_many_layers_groups_are_left_out(monkeypatch):
    """20 layers of 200 rows are 10 fits."""
    monkeypatch.setattr(calibration, "MOST_FITTED", 200)
    rows = [Measured(f"l{at}", 2.0 * at + 5, {"pointwise": 1000 * at, "kernels": 1000}) for at in range(1, 21)]
    found = calibrated_layers([Timed("net", tuple(rows))])
    assert (found.error.groups, found.error.of, found.error.networks) == (10, "layers", 20)
    assert found.error.worst == pytest.approx(0, abs=1e-9)


def test_too_few_are_refused():
    with pytest.raises(UsageError, match="at least 4 networks, got 3 networks"):
        calibrated(TABLES["three terms"][:3])
