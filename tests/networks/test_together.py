"""Several networks as rows: which columns, in which units, to how many digits - in text alone."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

import convcost
from convcost.core.errors import UsageError

NETS = ("vgg16", "mobilenet_v2", "lenet5")
#: LeNet-5 by hand: 5·5·1·6 + 6, 5·5·6·16 + 16, 400·120 + 120, 120·84 + 84, 84·10 + 10 parameters.
LENET_PARAMS = 156 + 2_416 + 48_120 + 10_164 + 850
LENET_MACS = 28 * 28 * 6 * 25 + 10 * 10 * 16 * 25 * 6 + 400 * 120 + 120 * 84 + 84 * 10


def test_a_row_per_network_in_the_order_given() -> None:
    table = convcost.side_by_side(*NETS)
    assert [row[0] for row in table.rows] == list(NETS)
    assert table.headers == ("network", "input", "params", "MACs", "ratio", "peak")
    assert table.rows[2][1:4] == ["32×32×1", f"{LENET_PARAMS:,}", f"{LENET_MACS:,}"]
    vgg, mobilenet = (convcost.load(name).report().totals.macs for name in NETS[:2])
    assert [row[4] for row in table.rows] == ["1.0000", f"{mobilenet / vgg:.4f}", f"{LENET_MACS / vgg:.4f}"]


def test_what_a_convention_counts_stands_beside_the_macs_and_has_the_ratio() -> None:
    table = convcost.side_by_side("alexnet", "lenet5", convention="torch")
    assert table.headers[3:6] == ("MACs", "FLOPs (torch)", "ratio")
    macs, flops = (int(table.rows[1][at].replace(",", "")) for at in (3, 4))
    assert flops == 2 * macs  # PyTorch counts two for each of the convolutions and matrix products of this network
    assert ("ratio", "of FLOPs (torch) to the first network") in table.notes


def test_columns_stand_as_they_are_asked() -> None:
    table = convcost.side_by_side(*NETS, columns=["peak", "params_ratio", "depth", "input"])
    assert table.headers == ("network", "peak", "params ratio", "depth", "input")
    assert table.rows[2][2:] == [f"{LENET_PARAMS / 138_357_544:.4f}", "5", "32×32×1"]


@pytest.mark.parametrize(
    ("units", "digits", "heads", "cells"),
    [
        ("", None, ("params", "MACs"), [f"{LENET_PARAMS:,}", f"{LENET_MACS:,}"]),
        ("k", None, ("params (k)", "MACs (k)"), ["61.7", "417"]),
        ("M", 4, ("params (M)", "MACs (M)"), ["0.06171", "0.4165"]),
        ("params=k,macs=M", 2, ("params (k)", "MACs (M)"), ["62", "0.42"]),
        # The unit that fits the largest of the column: VGG-16 has 138 M parameters, 15.5 G MACs.
        ("", 3, ("params (M)", "MACs (G)"), ["0.0617", "0.000417"]),
        ("auto", None, ("params (M)", "MACs (G)"), ["0.0617", "0.000417"]),
    ],
)
def test_units_and_digits_are_those_of_a_whole_column(
    units: str, digits: int | None, heads: tuple[str, str], cells: list[str]
) -> None:
    table = convcost.side_by_side(*NETS, columns=["params", "macs"], units=units, digits=digits)
    assert table.headers[1:] == heads
    assert table.rows[2][1:] == cells


def test_bytes_have_the_binary_unit_of_that_name_and_layers_none() -> None:
    table = convcost.side_by_side(*NETS, columns=["weights", "depth"], units="M", digits=4)
    assert table.headers[1:] == ("weights (MiB)", "depth")
    assert table.rows[2][1:] == [f"{LENET_PARAMS * 4 / 2**20:.4f}", "5"]


def test_json_and_csv_are_exact_whatever_is_shown() -> None:
    """JSON is whole; CSV has the columns that are asked for, as that of one network."""
    plain = convcost.side_by_side(*NETS)
    shown = convcost.side_by_side(*NETS, columns=["params"], units="M", digits=1)
    assert shown.render("json") == plain.render("json")
    assert shown.render("csv").splitlines()[::3] == ["network,params", f"lenet5,{LENET_PARAMS}"]
    for fmt in ("json", "csv"):
        assert convcost.side_by_side(*NETS, units="M", digits=1).render(fmt) == plain.render(fmt)
    assert json.loads(plain.render("json"))["networks"][2]["totals"]["params"] == LENET_PARAMS
    assert list(csv.DictReader(io.StringIO(plain.render("csv"))))[2]["macs"] == str(LENET_MACS)


@pytest.mark.parametrize("fmt", ["table", "markdown", "latex", "html"])
def test_every_text_has_the_chosen_digits_and_the_units_in_its_heads(fmt: str) -> None:
    text = convcost.side_by_side(*NETS, columns=["params"], units="M", digits=3).render(fmt)
    assert "params (M)" in text
    assert "0.0617" in text
    assert "61,706" not in text


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"columns": ["parms"]}, r"there is no column 'parms'\. Did you mean params\?"),
        ({"columns": ["peek_ratio"]}, r"there is no column 'peek_ratio'\. Did you mean peak_ratio\?"),
        ({"columns": ["top_1"]}, r"there is no column 'top_1'\. Did you mean top1\?"),
        (
            {"columns": ["macs", "cited"]},
            r"the column cited says where an accuracy is printed: name top1 or top5 as well",
        ),
        ({"units": "X"}, "there is no unit 'X'"),
        ({"digits": 0}, "digits must be an integer from 1 to 30, got 0"),
        ({"by": "stage", "columns": ["params"]}, "columns, units and digits are of the totals"),
    ],
)
def test_what_is_not_there_is_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        convcost.side_by_side("lenet5", "alexnet", **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["params"], ""),
        (["params", "macs"], "convention"),
        (["params", "input", "ratio"], "ratio convention"),
        (["params_ratio"], "ratio"),
        (["weights"], "memory"),
        (["macs", "peak_ratio"], "ratio memory convention"),
    ],
)
def test_notes_are_on_columns_that_are_there(columns: list[str], said: str) -> None:
    table = convcost.side_by_side("vgg11", "lenet5", columns=columns)
    notes = dict(table.notes)
    assert [*notes] == said.split()
    assert ("peak" in notes.get("memory", "")) == ("peak_ratio" in columns)
    assert [line.split(":")[0][2:] for line in table.render("latex").splitlines() if re.match("% [a-z]+: ", line)] == [
        *notes
    ]
