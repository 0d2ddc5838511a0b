"""Knobs may be called as anything else is: options, parameters, columns; what cannot be told apart is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.cli import Cli
from helpers.specs import written

import convcost
from convcost import UsageError, load
from convcost.formulas.explain import explain
from convcost.networks.ask import reconcile
from convcost.space.axes import COLUMNS
from convcost.space.compound import compound

NAMES = ("self", "batch", "dtype", "memory", "device", "model", "knobs", "settings", "values", "layer", "over", "limit")


@pytest.fixture
def odd(tmp_path: Path) -> str:
    """Its channels are the sum of all knobs, each of which is 2, so that its MACs are three times as many."""
    knobs = ", ".join(f"{name}: 2" for name in NAMES)
    text = f"knobs: {{{knobs}}}\ninput: [1, 1, 3]\nlayers:\n  - conv2d: {{channels: {' + '.join(NAMES)}, kernel: 1}}\n"
    return str(written(tmp_path, text))


@pytest.mark.parametrize("name", NAMES)
def test_a_knob_may_be_called_like_anything_that_a_function_takes(odd: str, name: str) -> None:
    five = 3 * (2 * len(NAMES) + 3)
    assert load(odd, {name: 5}).report().totals.macs == load(odd).at({name: 5}).report().totals.macs == five
    grid = convcost.sweep(odd, {name: [4, 5]})
    assert grid.at({name: 5})["macs"] == grid.at(**{name: "5"})["macs"] == five
    assert grid.why({name: 5}) == grid.why(**{name: 5}) == ""
    found = convcost.fit(odd, {}, over={name: [4, 5]}, max_macs=five)
    assert [one.knobs[name] for one in found.maximal] == [5]
    said = Cli().ok("sweep", odd, "--over", f"{name}=4,5", "--metric", "macs", "--format", "csv")
    assert said == f"{name},macs\n4,{five - 3}\n5,{five}\n"


@pytest.mark.parametrize(
    ("function", "arguments", "name", "value"),
    [
        (convcost.sweep, (), "batch", [1, 2]),
        (convcost.fit, (), "dtype", 3),
        (compound, (), "device", 3),
        (convcost.report, (), "batch", 1),
        (explain, (), "layer", 1),
        (reconcile, ("paper", "ptflops"), "batch", 1),
        (convcost.latency, ("x",), "dtype", 1),
        (convcost.energy, (), "batch", 1),
    ],
)
def test_what_is_both_a_knob_and_an_option_is_refused_unless_knobs_stand_apart(
    odd: str, function: Callable[..., Any], arguments: tuple[Any, ...], name: str, value: Any
) -> None:
    with pytest.raises(
        UsageError, match=rf"^{name} is a knob of .*net.yaml and an option of {function.__name__}: set the"
    ):
        function(odd, *arguments, **{name: value})


def test_the_hint_is_what_does_it(odd: str) -> None:
    """A function that takes knobs in a mapping sweeps or sets them there; another is given a network."""
    with pytest.raises(UsageError, match=r"set the knob in a mapping, as in sweep\('.*net.yaml', \{'batch': …\}\)$"):
        convcost.sweep(odd, batch=[1, 2])
    assert convcost.sweep(odd, {"batch": [1, 2]}).axes == {"batch": (1, 2)}
    with pytest.raises(UsageError, match=r"set the knob before, as in load\('.*net.yaml', \{'batch': …\}\), and give"):
        convcost.energy(odd, batch=1)
    convcost.energy(load(odd, {"batch": 5}), batch=1)


def test_over_is_a_mapping_of_axes_only_where_it_is_an_option(odd: str) -> None:
    with pytest.raises(UsageError, match=r"^batch is a knob of .* as in sweep\("):
        convcost.sweep(odd, over={"batch": [1, 2]}, batch=3)


def test_an_option_is_meant_beside_axes_in_a_mapping(odd: str) -> None:
    """At a batch of 3 the axis has 7 as its largest value within 3 · 3 · (2 · 11 + 7) MACs."""
    found = convcost.fit(odd, over={"batch": range(1, 10)}, batch=3, max_macs=9 * (2 * len(NAMES) + 5))
    assert [one.knobs["batch"] for one in found.maximal] == [7]


def test_a_mapping_that_is_no_knobs_leaves_the_doubt(odd: str) -> None:
    with pytest.raises(UsageError, match=r"^batch is a knob of"):
        convcost.report(odd, input_shape={"input": (2, 2, 3)}, batch=2)


def test_an_option_is_meant_beside_a_mapping_or_a_network(odd: str) -> None:
    assert convcost.report(odd, {}, batch=2).totals.macs == 2 * convcost.report(odd).totals.macs
    grid = convcost.sweep(load(odd, {"batch": 3}), self=[1, 2], batch=2)
    assert grid.at(self=2)["macs"] == 2 * 3 * (2 * len(NAMES) + 1)


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_an_axis_that_is_called_like_another_column_is_refused(tmp_path: Path, name: str) -> None:
    text = f"knobs: {{{name}: 2}}\ninput: [1, 1, 3]\nlayers:\n  - conv2d: {{channels: {name}, kernel: 1}}\n"
    path = str(written(tmp_path, text))
    assert load(path, {name: 5}).report().totals.macs == 15
    with pytest.raises(UsageError, match=f"^{name} cannot be an axis: points have a column of this name"):
        convcost.sweep(path, {name: [1, 2]})


@pytest.mark.parametrize(
    ("default", "axis", "given"),
    [
        ("true", [True, False], ("true", True)),
        ("0.5", "0.5:1:0.25", ("0.75", 0.75)),
        ("[1, 2]", [(1, 2), (3, 4)], ("[3, 4]", [3, 4], (3, 4))),
        ("same", ["same", "valid"], ("valid",)),
        ("2", [2, 3], ("3", 3, "3e0")),
    ],
)
def test_a_point_is_named_as_load_takes_it(tmp_path: Path, default: str, axis: Any, given: tuple[Any, ...]) -> None:
    text = f"knobs: {{k: {default}}}\ninput: [4, 4, 3]\nlayers:\n  - conv2d: {{channels: 8, kernel: 1}}\n"
    grid = convcost.sweep(str(written(tmp_path, text)), k=axis)
    for value in given:
        assert grid.at(k=value)["macs"] == 4 * 4 * 3 * 8
        assert grid.why(k=value) == ""
    with pytest.raises(UsageError, match=r"^k must be .*, got a table row$"):
        grid.at(k={})


def test_an_edge_of_a_knob_that_is_no_axis_is_refused() -> None:
    found = convcost.fit("mobilenet_v2", max_macs="300M", over={"width": "0.5:1:0.25"}, maximise="macs")
    assert found.best is not None
    with pytest.raises(UsageError, match=r"there is no axis 'widht'\. Did you mean width"):
        found.edge(found.best, "widht")
