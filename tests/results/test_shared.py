"""Weights that several layers use: stored once, multiplied at each use, and said to be so wherever they are counted."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from helpers.by_hand import network, sharing
from helpers.random_graphs import graph, node

import convcost
from convcost.conventions.catalog import all_conventions
from convcost.core.errors import SpecError
from convcost.formulas.closed_form import closed_form
from convcost.formulas.explain import explain
from convcost.formulas.symbols import symbol
from convcost.graph.graph import Graph, Node
from convcost.graph.walk import walk
from convcost.networks.side_by_side import side_by_side
from convcost.pages.report import report_page
from convcost.published.count import Recount
from convcost.published.data import Definition
from convcost.render.table import FORMATS
from convcost.spec.write import resolved

C, SIDE = 8, 6
WEIGHTS = C * C * 9
MACS = SIDE * SIDE * WEIGHTS
"""Of each of three 3×3 convolutions on a 6×6×8 map."""


def conv(name: str, before: str, **more: bool) -> Node:
    return node(name, "conv2d", before, channels=C, kernel=3, padding=1, **more)


def recursive() -> Graph:
    """Two uses of one convolution and its batch-norm; a third with the same weights, but its own biases; and a fixed filter."""
    return graph(
        [
            conv("one.conv", "input"),
            node("one.norm", "batch_norm", "one.conv"),
            sharing(conv("two.conv", "one.norm"), "one.conv"),
            sharing(node("two.norm", "batch_norm", "two.conv"), "one.norm"),
            node("two.act", "relu", "two.norm"),
            sharing(conv("three", "two.act"), "one.conv", "weights"),
            replace(conv("blur", "three", bias=False), trainable=False),
        ],
        input_shape=(SIDE, SIDE, C),
    )


STORED = WEIGHTS + C + 2 * C + C
"""The convolution with its biases, scale and shift, and the biases of the third use."""
USED = 3 * (WEIGHTS + C) + 2 * 2 * C


def test_the_totals_are_what_is_stored() -> None:
    totals = network(recursive()).report(dtype="fp16").totals
    assert (totals.params, totals.used_params) == (STORED, USED)
    assert totals.buffers == 2 * C + WEIGHTS  # mean and variance once, and the fixed filter
    assert totals.weight_bytes == 2 * STORED
    assert totals.macs == 4 * MACS


def test_rows_say_who_shares() -> None:
    report = network(recursive()).report()
    params = {row[0]: row[4] for row in report.table("layer").rows}
    assert params == {
        "one.conv": "584",
        "one.norm": "16",
        "two.conv": "shared",
        "two.norm": "shared",
        "two.act": "0",
        "three": "8 + shared",
        "blur": "0",
    }
    assert (params["one.conv"], params["one.norm"]) == (str(WEIGHTS + C), str(2 * C))
    notes = dict(report.table().notes)
    assert notes["params"].startswith(f"{STORED} stored ({STORED}), {USED:,} counted at each use, ")
    said = "3 layers use weights of earlier ones, which are stored once: those of one.conv, one.norm"
    assert notes["shared"] == said
    assert "not shown" not in report.table("layer").render("table", 80)  # all of it fits, as without sharing
    by_unit = {row[0]: row[4] for row in report.table("unit").rows}
    assert by_unit == {"one.conv": str(WEIGHTS + C + 2 * C), "two.conv": "shared", "three": "8 + shared", "blur": "0"}


def test_json_names_the_owner() -> None:
    data = network(recursive()).report().to_dict()
    shared = {layer["name"]: layer["shared"] for layer in data["layers"]}
    assert shared == {
        "one.conv": None,
        "one.norm": None,
        "two.conv": "one.conv",
        "two.norm": "one.norm",
        "two.act": None,
        "three": {"weights": "one.conv"},
        "blur": None,
    }
    assert [layer["name"] for layer in data["layers"] if not layer["trainable"]] == ["blur"]
    assert data["totals"]["used_params"] == sum(layer["used_params"] for layer in data["layers"]) == USED
    assert sum(layer["params"] for layer in data["layers"]) == STORED
    assert json.loads(json.dumps(data)) == data


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("level", ["layer", "stage", "op"])
def test_every_format_at_every_level(fmt: str, level: str) -> None:
    report = network(recursive()).report()
    assert report.table(level).render(fmt)
    if level == "layer" and fmt == "csv":
        assert ",weights:one.conv," in report.table(level).render(fmt)
    assert int(report.to_frame(level)["params"].sum()) == STORED
    assert int(report.to_frame(level)["used_params"].sum()) == USED


def test_explanations_say_whose_weights_they_are() -> None:
    net = network(recursive())
    notes = {
        name: dict(explain(net, name).table().notes) for name in ("two.conv", "three", "one.conv", "two.act", "blur")
    }
    assert notes["two.conv"]["shared"] == "its weights and biases are those of one.conv, which stores them"
    assert notes["three"]["shared"] == "its weights are those of one.conv, which stores them"
    assert "shared" not in {*notes["one.conv"], *notes["two.act"]}
    assert notes["blur"]["not trained"] == f"its {WEIGHTS} weights and biases are buffers"
    # The formula is that of the layer, whoever stores what it uses.
    rows = {row[0]: row[-1] for row in explain(net, "two.conv").table().rows}
    assert rows["params"] == str(WEIGHTS + C)
    assert dict(explain(net).table().notes)["params"].startswith(f"{STORED} stored")


def test_conventions_count_every_use() -> None:
    alone = graph([replace(node, shares={}) for node in recursive().nodes], input_shape=(SIDE, SIDE, C))
    for convention in all_conventions():
        shared, plain = (network(one).report(convention).totals for one in (recursive(), alone))
        assert (shared.macs, shared.operations, shared.activations) == (plain.macs, plain.operations, plain.activations)
        assert (shared.params, plain.params) == (STORED, USED)


def test_activations_in_memory_do_not_depend_on_who_stores_weights() -> None:
    alone = graph([replace(node, shares={}) for node in recursive().nodes], input_shape=(SIDE, SIDE, C))
    for policy in ("fused", "training", "inplace"):
        assert network(recursive()).memory(policy).peak == network(alone).memory(policy).peak


def test_side_by_side_pages_and_rewrites() -> None:
    net = network(recursive())
    table = side_by_side(net, net.rewrite("grouped:2", excluded=["blur"]))
    at = table.headers.index("params")
    assert [row[at] for row in table.rows] == [str(STORED), str(WEIGHTS // 2 + C + 2 * C + C)]
    page = report_page(net, net.report())
    assert "shared" in page
    assert f"{STORED} stored" in page


def test_the_resolved_form_says_who_shares() -> None:
    net = network(recursive())
    lines = resolved(net.graph, "net", net.caption).splitlines()
    ends = {
        line.split("name: ")[1].split(",")[0]: line.split(", in: ")[1]
        for line in lines
        if "name: " in line and " in: " in line
    }
    assert ends["two.conv"] == "one.norm, share: one.conv}"
    assert ends["three"] == "two.act, share: {weights: one.conv}}"
    assert ends["blur"] == "three, trainable: false}"
    assert ends["one.conv"] == "input}"


def test_weights_of_another_size_are_not_shared() -> None:
    source = graph(
        [conv("a", "input"), sharing(node("b", "conv2d", "a", channels=C, kernel=1), "a")], input_shape=(6, 6, C)
    )
    with pytest.raises(SpecError, match=f"b: shares the weights of a, which has {WEIGHTS}, but needs {C * C}"):
        walk(source)


SPEC = """convcost: 1
name: shared
knobs: {times: 5, width: 8}
inputs: {image: [16, 16, 3], first: {height: 3, width: 16, channels: 16}}
layers:
  - {source: {shape: [1, 16]}, name: token}
  - {conv2d: {channels: width, kernel: 3, padding: same}, name: head, in: image}
  - {layers: [{conv2d: {channels: width, kernel: 3, padding: same}, name: c}, batch_norm, relu], name: unit, repeat: times, share: true}
  - {conv2d: {channels: width, kernel: 3, padding: same}, name: tail, share: {weights: unit1.c}}
  - {conv2d: {channels: 4, kernel: 5}, name: fixed, trainable: false}
  - {conv2d: {channels: 1, kernel: 1}, name: other, in: first, side: true}
  - {add: {broadcast: true}, in: [first, token], side: true}
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "shared.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return str(path)


def params(times: int, width: int, taps: int = 9, *, separable: bool = False) -> int:
    """The source and the first convolution; that of the units with its norm, once; biases of its last use; and the other."""
    unit = width * taps + width * width if separable else width * width * taps
    stem = 3 * taps + 3 * width if separable else 3 * width * taps
    return 16 + (stem + width) + (unit + width + 2 * width if times else 0) + width + (16 + 1)


def test_resolving_twice_gives_the_same_text_and_the_same_costs(spec: str, tmp_path: Path) -> None:
    net = convcost.load(spec)
    text = resolved(net.graph, "shared", net.caption)
    assert "inputs: {image: [16, 16, 3], first: {height: 3, width: 16, channels: 16}}\n" in text
    path = tmp_path / "resolved.yaml"
    path.write_text(text, encoding="utf-8")
    again = convcost.load(str(path))
    assert resolved(again.graph, "shared", again.caption) == text
    assert again.report().totals == net.report().totals
    assert [s.node.shares for s in again.steps] == [s.node.shares for s in net.steps]
    assert net.report().totals.params == params(5, 8)


@pytest.mark.parametrize("rewrite", ["", "separable"])
def test_a_sweep_counts_what_is_stored(spec: str, rewrite: str) -> None:
    """Repetitions are built up to three times, whatever their number; the second and later ones store nothing."""
    grid = convcost.sweep(spec, times="1:9", width=[8, 12], rewrite=rewrite)
    # The fixed filter is no parameter either way.
    expected = [[params(times, width, separable=bool(rewrite)) for width in (8, 12)] for times in range(1, 10)]
    assert grid.params.tolist() == expected
    for times, width in ((1, 12), (4, 8), (9, 12)):
        net = convcost.load(spec, times=times, width=width)
        totals = (net.rewrite(rewrite) if rewrite else net).report().totals
        at = times - 1, (8, 12).index(width)
        assert (grid.params[at], grid.macs[at]) == (totals.params, totals.macs)


def test_published_ways_of_counting_see_stored_weights_once(spec: str) -> None:
    def count(terms: dict[str, int]) -> int:
        way = Definition(params={"*": {name: Fraction(factor) for name, factor in terms.items()}})
        return int(Recount().count("params", "", spec, {}, way))

    assert count({"weights": 1, "biases": 1}) == params(5, 8)
    assert count({"buffers": 1}) == 2 * 8 + 4 * (8 * 25 + 1)  # mean and variance, and the fixed filter with its biases
    assert count({"weights": 1}) == params(5, 8) - (8 + 8 + 8 + 8 + 1)


def test_closed_forms_add_up_what_is_stored(spec: str) -> None:
    form = closed_form(spec, None, ["width"], {"times": "7"})
    for width in (5, 8):
        assert form.quantities["params"].subs(symbol("width"), width) == params(7, width)
