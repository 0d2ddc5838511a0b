"""The parts of a grid are the whole grid, each point once, however its points are told apart."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
import pytest
from helpers.specs import assert_swept_like_walked, written

from convcost.networks.load import load
from convcost.space import build
from convcost.space.build import Request, divided
from convcost.space.numbers import Undecided, along
from convcost.space.open import design_space
from convcost.space.sweep import sweep
from convcost.space.tally import Tally
from convcost.spec import calls

WRAPPED = 8 * (2**61 - 1)
"""A number that Python hashes as it hashes 0: hashes of integers are remainders by 2^61 - 1."""


def test_labels_with_one_hash_are_told_apart() -> None:
    labels = np.array([[0, 5], [WRAPPED, 5], [0, 5]], dtype=object)
    assert hash(tuple(labels[0])) == hash(tuple(labels[1]))
    parts = divided((np.arange(3), np.arange(2)), labels)
    assert [[chosen.tolist() for chosen in part] for part in parts] == [[[0, 2], [0, 1]], [[1], [0, 1]]]


def test_a_grid_is_cut_along_an_axis_that_varies_whatever_the_length_of_the_others() -> None:
    """Along two values, of which both are labelled alike, nothing is cut."""
    labels = np.array([[False, False, True], [False, False, True]])
    parts = divided((np.arange(2), np.arange(3)), labels)
    assert [[chosen.tolist() for chosen in part] for part in parts] == [[[0, 1], [0, 1]], [[0, 1], [2]]]


def test_labels_that_are_all_equal_cut_nothing_and_lose_nothing() -> None:
    with pytest.raises(AssertionError, match="none do"):
        divided((np.arange(2),), np.array([7, 7]))


def test_a_sum_of_products_that_is_one_number_everywhere_is_that_number() -> None:
    x, y = along([1, 2], 0, 2), along([1, 2], 1, 2)
    assert int(x * y + (3 - x) * y - 3 * y + 4) == 4
    with pytest.raises(Undecided):
        int(x * y + (3 - x) * y)


LARGE = "(2147483648 * 1073741824 - 1) * 8"  # the same: a literal has 18 digits at most


@pytest.mark.parametrize("item", [f"n * {LARGE}", f"n * ({LARGE} + 5)", "n * m + (1 - n) * m - m"])
def test_every_point_of_a_grid_is_in_one_region(tmp_path: Path, item: str) -> None:
    text = f"""
        knobs: {{n: 0, m: 0, s: [4, 5]}}
        input: [8, 8, 3]
        layers:
          - {{conv2d: {{channels: "s[{item}]", kernel: 1}}, if: m < 2}}
          - {{conv2d: {{channels: 4, kernel: 1}}, if: m == 2}}
    """
    path, axes = written(tmp_path, text), {"n": [0, 1], "m": [0, 1, 2]}
    assert_swept_like_walked(path, **axes)
    made = design_space(str(path), {}, over=axes)
    assert sum(prod(region.shape) for region in made.regions) == 6


@pytest.mark.parametrize(
    ("place", "number"),
    [
        ("channels", "max(n * m, 16)"),
        ("channels", "ceil(max(n * m, 10.5) * m)"),
        ("channels", "where(max(n * m, 10.5) >= 10.25, 5, 1)"),
        ("channels", "where(min(max(n * m, 10.5), 10.25) < 10.25, 5, 1)"),
        ("channels", "max(n * m, 2.5) + max(n, m * 0.5)"),
        ("channels", f"where(n * m > 2, {LARGE} + 1, 5) % 1000 + 1"),
        ("kernel", "max(n * m, 1)"),
        ("kernel", "max(n * m, 1.5)"),
        ("repeat", "max(n * m, 2)"),
        ("height", "max(n * m, 8)"),
        ("height", "max(n * m, 8.5)"),
    ],
)
def test_the_larger_of_a_product_and_a_number_may_stand_anywhere(tmp_path: Path, place: str, number: str) -> None:
    """A whole number or a fraction, everywhere the larger one or nowhere."""
    filled = {"channels": "4", "kernel": "1", "repeat": "1", "height": "32"} | {place: number}
    text = f"""
        knobs: {{n: 1, m: 1}}
        input: ["{filled["height"]}", 32, 3]
        layers:
          - {{conv2d: {{channels: "{filled["channels"]}", kernel: "{filled["kernel"]}", padding: same}}, repeat: "{filled["repeat"]}"}}
    """
    assert_swept_like_walked(written(tmp_path, text), n=[1, 2, 3], m=[1, 2, 5])


def test_a_box_is_refused_only_if_its_middle_is_infeasible_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At n 1 and 5 it has no channels; were the whole box said to be infeasible, 2 to 4 would be lost."""
    text = """
        knobs: {n: 3, m: 1}
        input: [8, 8, 3]
        layers:
          - conv2d: {channels: "(n - 1) * (5 - n) * m", kernel: 1}
    """
    network = load(str(written(tmp_path, text)))
    origin, axes = network.origin.of_spec(), {"n": (1, 2, 3, 4, 5), "m": (1, 2)}
    monkeypatch.setattr(build, "_part", lambda *_: None)
    tried = build.parts(origin.spec, origin.knobs, axes, Request())
    with pytest.raises(AssertionError, match="the grid refuses what can be built"):
        list(tried)
    grid = build._Grid(origin.spec, origin.knobs, axes, Request(), Tally())
    assert build._reason(grid, (np.array([0, 4]), np.arange(2))).startswith("at n 1, m 1: ")
    with pytest.raises(Undecided):
        build._reason(grid, (np.arange(5), np.arange(2)))


@pytest.mark.parametrize(
    "layers",
    [
        "[{layers: [{conv2d: {channels: 3, kernel: 1}}, relu, relu], repeat: n}]",
        "[{layers: [{parallel: {a: [relu], b: [relu]}, join: concat}], repeat: n}]",
    ],
    ids=["alike", "wider and wider"],
)
def test_networks_of_too_many_layers_are_not_built_again_to_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layers: str
) -> None:
    """Three layers a repetition, of sixty that they may have here."""

    def again(*_: object) -> str:
        raise AssertionError("they are built again")

    network = load(str(written(tmp_path, f"knobs: {{n: 1}}\ninput: [1, 1, 1]\nlayers: {layers}\n")))
    monkeypatch.setattr(build, "_reason", again)
    monkeypatch.setattr(calls, "MOST_NODES", 60)
    monkeypatch.setattr(build, "MOST_NODES", 60)
    found = sweep(network, n=[20, 21, 22])
    said = "a network may have 5,000 layers, this one has more"
    assert [record["infeasible"] for record in found.records()] == [None, said, said]
