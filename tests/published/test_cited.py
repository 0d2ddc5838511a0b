"""Which published accuracy stands beside a network: only of that network, chosen by rule, with where it is printed."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import pytest

import convcost
from convcost.core.axes import size_of
from convcost.networks.load import load, open_network
from convcost.published.cited import accuracy_of, published_of
from convcost.published.data import accuracies
from convcost.spec.zoo import names

SPECS = Path(__file__).parents[2] / "specs"
#: The file itself, read without convcost.
ROWS = list(csv.DictReader((SPECS / "published/accuracy.csv").read_text(encoding="utf-8").splitlines()))
ZOO = frozenset(names())
COUNTED = [one for one in accuracies() if one.model in ZOO]


@pytest.mark.parametrize("one", COUNTED[::15], ids=lambda one: one.at.rpartition(":")[2])
def test_each_is_found_at_the_network_that_it_is_of(one) -> None:
    network = open_network(one.model, one.knobs)
    if one.resolution not in (0, size_of(network.graph.input_shape, "height")):
        network = open_network(one.model, one.knobs, one.resolution)
    assert one in published_of(network)
    others = {name: value for name, value in one.knobs.items() if name != "resolution"}
    larger = size_of(network.graph.input_shape, "height") + 32
    assert one not in published_of(open_network(one.model, others, larger))


def test_the_papers_own_figure_comes_first_and_the_others_are_counted() -> None:
    found = accuracy_of(load("mobilenet_v1"), ["top1"])
    here = [row for row in ROWS if row["model"] == "mobilenet_v1" and row["resolution"] == "224"]
    full = [row for row in here if row["knobs"] in ("", "width=1.0", "width=1")]
    (own,) = (row for row in full if row["source"] == "mobilenet_v1" and row["locator"] == "Table 6")
    assert found is not None
    assert (found.measured.top1, found.measured.locator) == (own["top1"], "Table 6")
    assert sorted(one.top1 for one in (found.measured, *found.others)) == sorted(row["top1"] for row in full)


def test_a_figure_that_its_authors_have_replaced_comes_last() -> None:
    """NASNet's paper cites 70.9 for ShuffleNet 2×, whose own says an error of 26.3 %, as MobileNetV2's cites it."""
    found = accuracy_of(load("shufflenet_v1_x2_0"), ["top1"])
    assert found is not None
    assert (found.measured.top1, [one.top1 for one in found.others]) == ("73.7", ["70.9"])


def test_another_papers_figure_stands_behind_that_of_the_authors() -> None:
    """ResNet-50's paper prints errors of ten crops; EfficientNet's cites 76.0, the authors of ResNeXt 76.1."""
    found = accuracy_of(load("resnet50"), ["top1"])
    assert found is not None
    assert [one.tier for one in (found.measured, *found.others)] == [
        "authors", "paper", *["library"] * 3, *["reimplementation"] * 6,
    ]  # fmt: skip
    both = accuracy_of(load("resnet50"), ["top1", "top5"])
    assert both is not None
    assert (both.measured.top1, both.measured.top5, both.measured.tier) == (
        "76.0",
        "93.0",
        "paper",
    )  # authors: no top-5


@pytest.mark.parametrize(
    "model", ["lenet5", "mobilenet_v2:width=0.6", "mobilenet_v2:classes=10", "mobilenet_v2:resolution=200", "unet"]
)
def test_none_is_guessed_for_a_network_that_nobody_measured(model: str) -> None:
    table = convcost.side_by_side("mobilenet_v2", model, columns=["top1", "top5"])
    assert table.rows[1][1:] == ["-", "-", "-"]
    assert table.data["networks"][1]["accuracy"] is None
    assert any(word == "none printed" and load(model).label in said for word, said in table.notes)


def test_a_file_of_the_same_name_and_a_rewrite_are_other_networks(tmp_path: Path) -> None:
    copy = tmp_path / "mobilenet_v2.yaml"
    copy.write_bytes((SPECS / "mobilenet_v2.yaml").read_bytes())
    assert published_of(load("mobilenet_v2"))
    assert published_of(load(str(copy))) == []
    assert published_of(load("vgg16").rewrite("separable")) == []


def test_the_table_says_where_each_is_printed_and_what_else_is() -> None:
    table = convcost.side_by_side("mobilenet_v2", "efficientnet_b0", "lenet5", columns=["params", "top1"])
    assert table.headers == ("network", "params", "top-1 (%)", "cited")
    assert [row[2:] for row in table.rows] == [["72.0", "[1]"], ["77.1", "[2]"], ["-", "-"]]
    notes = dict(table.notes)
    assert "arXiv 1801.04381), Table 4, at 224" in notes["[1]"]
    assert notes["[2]"].endswith("Table 2, at 224, AutoAugment")
    others = [Fraction(one.top1) for one in published_of(load("efficientnet_b0")) if one.top1 != "77.1"]
    assert "of its own paper" in notes["accuracy"]
    assert (
        f"efficientnet_b0 {len(others) + 1} more: {float(min(others))} to {float(max(others))}" in notes["also printed"]
    )
    assert notes["none printed"] == "of lenet5"
    entry = table.data["networks"][0]["accuracy"]
    assert (entry["top1"], entry["where"], entry["resolution"]) == ("72.0", "arXiv 1801.04381", 224)
    assert [record["accuracy_source"] for record in table.records] == ["mobilenet_v2", "efficientnet", ""]
