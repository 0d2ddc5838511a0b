"""Rows that people ask for: what each stands for, which, in which order, of which columns, and how numbers are written."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from helpers.by_hand import network
from helpers.random_graphs import graph, node
from helpers.zoo import an_end_of_each_family, loaded

import convcost
from convcost.core.errors import UsageError
from convcost.results.report import SUMMED
from convcost.results.rows import levels_that_fit


def small() -> convcost.Report:
    """A scope of two units, then a convolution with its norm and activation outside any scope, a pool and a classifier."""
    text = (
        "convcost: 1\nname: small\ninput: [8, 8, 3]\nlayers:\n"
        "  - name: stage1\n    layers:\n"
        "      - name: a\n        layers: [{conv2d: {channels: 4, kernel: 3, padding: 1, bias: false}}, batch_norm, relu]\n"
        "      - name: b\n        layers: [{conv2d: {channels: 8, kernel: 1, bias: false}}]\n"
        "  - {conv2d: {channels: 2, kernel: 1, bias: false}, name: last}\n"
        "  - batch_norm\n  - relu\n  - global_avg_pool\n  - flatten\n  - {dropout: {rate: 0.5}}\n  - {linear: {channels: 10}, name: scores}\n  - softmax\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.yaml"
        path.write_text(text)
        return convcost.report(str(path))


A, B, LAST, SCORES = 8 * 8 * 4 * 27, 8 * 8 * 8 * 4, 8 * 8 * 2 * 8, 2 * 10
"""MACs of the four weighted layers: output elements times taps."""


def rows(table: convcost.Table) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in table.rows}


def test_a_unit_is_a_convolution_with_its_norm_and_activation() -> None:
    table = small().table("unit")
    assert [(row[0], row[1]) for row in table.rows] == [
        ("stage1.a", "conv2d 3×3 + bn + relu"),
        ("stage1.b", "conv2d 1×1"),
        ("last", "conv2d 1×1 + bn + relu"),
        ("global_avg_pool", "global_avg_pool"),
        ("scores", "linear + softmax"),
    ]
    assert [row[5] for row in table.rows] == [f"{A:,}", f"{B:,}", f"{LAST:,}", "0", "20"]
    assert rows(table)["stage1.a"][3] == str(4 * 27 + 2 * 4)  # with the norm's scale and shift
    assert rows(table)["global_avg_pool"][2] == "1×1×2"  # not the vector that the view behind it makes


def test_ops_outside_scopes_are_no_stages_of_their_own() -> None:
    assert [group.name for group in small().by("stage")] == ["stage1", "last", "global_avg_pool", "scores"]
    assert [group.layers for group in small().by("stage")] == [4, 3, 3, 2]


def test_depth_is_the_number_of_scopes() -> None:
    report = small()
    assert [group.name for group in report.by(2)] == [group.name for group in report.by("block")]
    assert [group.name for group in report.by(1)] == [group.name for group in report.by("stage")]
    assert report.by(9)[0].name == "stage1.a"
    data = report.table(1).data
    assert (data["by"], data["depth"], data["groups"][0]["macs"]) == ("depth", 1, A + B)


@pytest.mark.parametrize("model", an_end_of_each_family(1))
def test_every_level_is_a_partition(model: str) -> None:
    """By another way than the sums: each layer is in one part, and parts of a level lie inside those of a coarser one."""
    report = loaded(model).report()
    every = [layer.name for layer in report.layers]
    for level in ("unit", 1, 2, 3, 4):
        found = [layer.name for layers in report.parts(level).values() for layer in layers]
        assert sorted(found) == sorted(every)
    for field in SUMMED:
        assert sum(getattr(group, field) for group in report.by("unit")) == getattr(report.totals, field)
        assert sum(getattr(group, field) for group in report.by(3)) == getattr(report.totals, field)
    fine, coarse = report.parts(2), report.parts(1)
    stage_of = {layer.name: name for name, layers in coarse.items() for layer in layers}
    assert all(len({stage_of[layer.name] for layer in layers}) == 1 for layers in fine.values())


def test_the_usual_level_is_the_finest_that_fits() -> None:
    assert levels_that_fit({"unit": 40, "block": 2, "stage": 1}, 40) == "unit"
    assert levels_that_fit({"unit": 41, "block": 40, "stage": 1}, 40) == "block"
    assert levels_that_fit({"unit": 99, "block": 41, "stage": 9}, 40) == "stage"
    heads = {model: loaded(model).report().table().headers[0] for model in ("lenet5", "mobilenet_v2", "densenet121")}
    assert heads == {"lenet5": "unit", "mobilenet_v2": "block", "densenet121": "stage"}


def test_a_network_without_scopes_is_shown_by_op_where_it_is_long() -> None:
    nodes = [node("c0", "conv2d", "input", channels=4, kernel=1)]
    nodes += [node(f"c{at}", "conv2d", f"c{at - 1}", channels=4, kernel=1) for at in range(1, 60)]
    table = network(graph(nodes, input_shape=(4, 4, 4))).report().table()
    assert table.headers[0] == "op"
    assert [row[:2] for row in table.rows] == [["conv2d 1×1", "60"]]


def test_sorting_by_a_metric_puts_the_largest_first() -> None:
    report = small()
    assert [row[0] for row in report.table("unit", sort="macs").rows][:2] == ["stage1.a", "stage1.b"]
    assert report.table("unit", sort="params").rows[0][0] == "stage1.a"  # 116 against 30 and 32
    assert [row[0] for row in report.table("unit", sort="name").rows] == sorted(
        row[0] for row in report.table("unit").rows
    )
    assert report.table("unit", sort="macs").total == report.table("unit").total


def test_top_keeps_the_largest_and_adds_the_rest_up() -> None:
    table = small().table("unit", top=2)
    assert [row[0] for row in table.rows] == ["stage1.a", "stage1.b", "all others (3)"]
    assert table.rows[-1][2:4] == ["", ""]  # units here and there read and make nothing together
    assert table.rows[-1][5] == f"{LAST + SCORES:,}"
    assert [record["name"] for record in table.records] == ["stage1.a", "stage1.b"]
    assert len(small().table("unit", top=5).rows) == 5
    assert [row[0] for row in small().table("unit", sort="name", top=1).rows] == ["global_avg_pool", "all others (4)"]


@pytest.mark.parametrize(
    ("only", "level", "found"),
    [
        ("linear", "unit", ["scores"]),
        ("conv2d", "unit", ["stage1.a", "stage1.b", "last"]),
        ("conv2d 1x1", "unit", ["stage1.b", "last"]),
        ("softmax", "unit", ["scores"]),  # never drawn as itself: what it is drawn with
        ("stage1", "unit", ["stage1.a", "stage1.b"]),
        ("stage*", "stage", ["stage1"]),
        ("relu", "layer", ["stage1.a.relu", "relu"]),
        ("linear,stage1.b", "unit", ["stage1.b", "scores"]),
    ],
)
def test_only_some(only: str, level: str, found: list[str]) -> None:
    table = small().table(level, only=only)
    assert [row[0] for row in table.rows] == found
    assert table.total is not None
    assert table.total[0] == "total shown"
    assert small().to_dict() == table.data or table.data["groups"]  # JSON has everything


def test_the_total_of_some_rows_is_theirs() -> None:
    table = small().table("unit", only="linear", columns=["params", "macs", "share"])
    assert table.total == ["total shown", "30", "20", f"{round(10000 * SCORES / (A + B + LAST + SCORES)) / 100:.2f} %"]


def test_columns_by_key_or_heading_in_their_order() -> None:
    table = small().table("unit", columns=["MACs", "activations", "op"])
    assert table.headers == ("unit", "MACs", "activations", "op")
    assert rows(table)["stage1.b"] == [f"{B:,}", str(8 * 8 * 8), "conv2d 1×1"]
    assert table.render("csv").splitlines()[0] == "name,macs,activations,text"
    layers = small().table("layer", columns=["padding_macs", "used_params"], only="conv2d")
    assert layers.headers == ("layer", "MACs with padding zeros", "params at each use")
    # Of the 3·8 rows of taps of a 3×3 window over 8 rows, two fall outside, and so for columns: 24·24 - 22·22 taps.
    assert layers.rows[0][1] == f"{(24 * 24 - 22 * 22) * 3 * 4:,}"


def test_units_and_digits_touch_text_only() -> None:
    report = small()
    table = report.table("unit", units="k", digits=2)
    assert rows(table)["stage1.a"][4] == "6.9 k"  # 6,912
    assert table.data == report.table("unit").data
    assert table.render("csv") == report.table("unit").render("csv")
    assert rows(report.table("unit", units="macs=k"))["stage1.a"][3:5] == ["116", "6.91 k"]


def test_default_csv_is_of_all_layers() -> None:
    report = loaded("densenet121").report()
    assert len(report.table().records) == len(report.layers)
    assert report.table().render("csv") == report.table("layer").render("csv")
    assert report.table().data == report.to_dict() == report.table("layer").data


def test_bars_are_shares_of_the_largest_row() -> None:
    assert small().table("unit").bars == (1.0, B / A, LAST / A, 0.0, SCORES / A)
    assert small().table("unit", top=1).bars == (1.0, 0.0)
    assert small().table("unit", columns=["macs"]).bars == ()


def test_the_closing_notes_say_where_the_cost_is() -> None:
    notes = dict(small().table().notes)
    whole = A + B + LAST + SCORES
    first = [
        ("stage1.a (conv2d 3×3 + bn + relu)", A),
        ("stage1.b (conv2d 1×1)", B),
        ("last (conv2d 1×1 + bn + relu)", LAST),
    ]
    assert notes["largest"] == ", ".join(f"{name} {100 * n / whole:.2f} %" for name, n in first)
    assert re.split(" [0-9.]+ %", notes["by op"])[:2] == ["conv2d 3×3", ", conv2d 1×1"]
    assert "maps shrink" not in notes  # 8×8 until it is pooled to a point
    assert notes["rows"] == "5 units of 12 layers; --by layer shows them"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"by": "stages"}, "cannot group by 'stages'. Did you mean stage?"),
        ({"by": 0}, "depth must be an integer >= 1, got 0"),
        ({"sort": "mac"}, "rows cannot be sorted by 'mac'. Did you mean macs?"),
        (
            {"sort": "receptive_field"},
            "rows cannot be sorted by 'receptive_field', which is a number for each axis; the columns of --receptive say",
        ),
        (
            {"sort": "latency"},
            "rows cannot be sorted by 'latency': give --device NAME (in Python, device=NAME) as well",
        ),
        (
            {"columns": ["Receptive-Field"]},
            "a table by unit has no column 'Receptive-Field': give --receptive (in Python",
        ),
        (
            {"columns": ["jump"]},
            "a table by unit has no column 'jump': give --receptive (in Python, receptive=True) as well",
        ),
        ({"columns": ["latency_ms"]}, "a table by unit has no column 'latency_ms': give --device NAME"),
        ({"top": 0}, "top must be an integer >= 1, got 0"),
        ({"only": "conv3d"}, "no layer, op or part of this network is 'conv3d'. Did you mean conv2d?"),
        ({"columns": ["parms"]}, "a table by unit has no column 'parms'. Did you mean params?"),
        ({"units": "X"}, "there is no unit 'X'"),
        ({"units": "mac=M"}, "units: there is no metric 'mac'. Did you mean macs?"),
        ({"digits": 0}, "digits must be an integer from 1 to 30, got 0"),
    ],
)
def test_what_is_wrong_is_said(asked: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as error:
        small().table(**asked)
    assert str(error.value).startswith(said)


def test_a_frame_by_unit() -> None:
    frame = small().to_frame("unit")
    assert frame["name"].tolist() == ["stage1.a", "stage1.b", "last", "global_avg_pool", "scores"]
    assert frame["macs"].sum() == A + B + LAST + SCORES
    assert small().to_frame()["unit"].tolist()[:3] == ["stage1.a"] * 3
