"""Networks side by side: totals and ratios, rows that meet by what they are, names that carry knobs, what is refused."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from helpers.edits import EDITS
from helpers.pages import table_of

import convcost
from convcost.core.errors import UsageError
from convcost.networks.beside import merged
from convcost.render.table import FORMATS
from convcost.results.report import LEVELS

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.cli import Cli


def data_of(cli: Cli, *arguments: str) -> dict[str, Any]:
    data = cli.json("report", *arguments)
    assert data["schema"] == "convcost.side_by_side/1"
    return data


# Totals.


def test_totals_are_those_of_each_report_with_their_ratio_to_the_first(cli: Cli) -> None:
    data = data_of(cli, "resnet50", "mobilenet_v2", "vgg16", "--dtype", "int8", "--batch", "2", "--convention", "torch")
    for entry, name in zip(data["networks"], ("resnet50", "mobilenet_v2", "vgg16"), strict=True):
        report = convcost.load(name).report("torch", batch=2, dtype="int8").to_dict()
        assert entry["label"] == name
        assert {key: entry["totals"][key] for key in report["totals"]} == report["totals"]
        assert entry["totals"]["layers"] == len(report["layers"])
    first, second, _ = data["networks"]
    # 300,774,272 / 4,089,184,256 MACs, 3,504,872 / 25,557,032 params: both published to three digits (docs/published.md).
    assert round(second["ratios"]["macs"], 6) == 0.073554
    assert round(second["ratios"]["params"], 6) == 0.137139
    assert set(first["ratios"].values()) <= {1.0}


def test_the_text_shows_totals_beside_each_other(cli: Cli) -> None:
    _, _, heads, _, first, second, *_ = cli.ok("report", "resnet50", "mobilenet_v2").splitlines()
    assert heads.split() == ["network", "input", "params", "MACs", "ratio", "peak"]
    assert first.split()[:5] == ["resnet50", "224×224×3", "25,557,032", "4,089,184,256", "1.0000"]
    assert second.split()[:5] == ["mobilenet_v2", "224×224×3", "3,504,872", "300,774,272", "0.0736"]


# Rows.


def test_one_pixel_more_is_paid_for_stage_by_stage(cli: Cli) -> None:
    data = data_of(cli, "mobilenet_v2", "mobilenet_v2:resolution=225", "--by", "stage")
    rows = {row["name"]: row for row in data["rows"]}
    # The stem writes 113·113 maps and not 112·112: 32 filters of 27 taps.
    assert rows["stem"]["differences"] == [0, (113**2 - 112**2) * 32 * 27]
    # The head's 1×1 from 320 to 1280 channels runs on 8·8 and not 7·7.
    assert rows["head"]["differences"] == [0, (64 - 49) * 320 * 1280]
    assert rows["classifier"]["differences"] == [0, 0]
    whole = 344_759_744 - 300_774_272  # what `sweep --cliffs` says of 224 and 225 (README.md)
    assert sum(row["differences"][1] for row in data["rows"]) == whole
    assert rows["head"]["shares"] == [None, (64 - 49) * 320 * 1280 / whole]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("others", [["resnet34"], ["mobilenet_v2", "vgg16"]], ids=" ".join)
def test_rows_add_up_to_the_totals_whatever_the_networks_share(cli: Cli, others: list[str], level: str) -> None:
    data = data_of(cli, "resnet50", *others, "--by", level)
    for at, network in enumerate(data["networks"]):
        found = [row["networks"][at] for row in data["rows"] if row["networks"][at]]
        for field in ("macs", "operations", "params", "activations", "layers"):
            assert sum(one[field] for one in found) == network["totals"][field]
    records = list(csv.DictReader(io.StringIO(cli.ok("report", "resnet50", *others, "--by", level, "--format", "csv"))))
    for network in data["networks"]:
        gain = network["totals"]["operations"] - data["networks"][0]["totals"]["operations"]
        assert sum(int(one["difference"]) for one in records if one["network"] == network["label"]) == gain


def test_shares_of_a_saving_are_positive(cli: Cli) -> None:
    rows = data_of(cli, "resnet34", "resnet18", "--by", "stage")["rows"]
    # 3, 4, 6, 3 blocks against 2, 2, 2, 2 of the same cost in every stage: 1 of the 8 that are saved is here.
    share = next(row["shares"][1] for row in rows if row["name"] == "conv2_x")
    assert share == 1 / 8
    assert "12.50 %" in next(
        line for line in cli.ok("report", "resnet34", "resnet18", "--by", "stage").splitlines() if "conv2_x" in line
    )


@pytest.mark.parametrize("pair", [("vgg16", "resnet18"), ("resnet18", "vgg16")])
def test_no_difference_is_a_share_of_plain_zero(cli: Cli, pair: tuple[str, str]) -> None:
    """A layer that costs nothing, and a saving as the whole difference: zero divided by a negative number has no sign."""
    assert not re.search(r"-0\.0\b", cli("report", *pair, "--by", "stage", "--format", "json").stdout)


def test_rows_stand_in_an_order_that_suits_both() -> None:
    assert merged([["a", "b"], ["b", "a"]]) == ["a", "b"]
    assert merged([["a", "c"], ["a", "b", "c"], ["x", "a", "y"]]) == ["x", "a", "b", "c", "y"]
    assert merged([["a"], ["p", "q"]]) == ["a", "p", "q"]
    assert merged([[], ["p"], []]) == ["p"]


@pytest.mark.parametrize("level", ["stage", "block"])
def test_an_inserted_stage_is_one_row_and_the_others_do_not_differ(cli: Cli, tmp_path: Path, level: str) -> None:
    edit = EDITS["a row more in the third place of the table"]
    rows = data_of(cli, *edit.write(tmp_path), "--by", level)["rows"]
    (differs,) = [row for row in rows if row["differences"][1]]
    assert differs["names"] == [None, "stage3" if level == "stage" else "stage3.block1"]
    assert differs["differences"] == [0, edit.macs]
    assert differs["shares"][1] == 1


def test_across_families_rows_have_maps_of_one_size(cli: Cli) -> None:
    rows = data_of(cli, "mobilenet_v2", "efficientnet_b0", "--by", "stage")["rows"]
    assert all(None not in row["names"] for row in rows)
    assert all(len({tuple(one["output_shape"][:-1]) for one in row["networks"]}) == 1 for row in rows)
    names = [row["names"] for row in rows if row["names"][0].startswith("stage")]
    assert names == [[f"stage{at}", f"stage{at + 1}"] for at in range(1, 8)]


@pytest.mark.parametrize("level", [None, "stage"])
@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_has_both_networks(cli: Cli, fmt: str, level: str | None) -> None:
    text = cli.ok("report", "resnet18", "resnet34", *(["--by", level] if level else []), "--format", fmt).replace(
        ",", ""
    )
    assert "resnet34" in text
    assert "3663761408" in text or (level and fmt == "csv")  # CSV has no totals beside rows
    shown = convcost.side_by_side("resnet18", "resnet34", by=level).render(fmt).replace(",", "")
    if fmt == "html":  # the command's page has a picture as well, and the table behind it
        assert "<svg" not in shown
        assert "<svg" in text
        assert table_of(text, "table2") == table_of(shown, "rows")
    else:
        assert shown == text


# Names that carry knobs.


def test_options_are_for_all_networks_and_knobs_for_one(cli: Cli) -> None:
    data = data_of(cli, "mobilenet_v2:width=0.5", "mobilenet_v1", "--input", "192x160")
    assert [entry["input_shape"] for entry in data["networks"]] == [[192, 160, 3]] * 2
    assert [entry["label"] for entry in data["networks"]] == [
        "mobilenet_v2:width=0.5 192×160×3",
        "mobilenet_v1 192×160×3",
    ]
    assert cli.ok("report", "mobilenet_v2:width=0.5", "--by", "op") == cli.ok(
        "report", "mobilenet_v2", "--set", "width=0.5", "--by", "op"
    )


# What is refused.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mobilenet_v2:width", "vgg16"], "'mobilenet_v2:width': after the colon stand knobs, as in mobilenet_v2:width=0.75,resolution=192"),
        (["mobilenet_v2:", "vgg16"], "'mobilenet_v2:': after the colon stand knobs, as in mobilenet_v2:width=0.75,resolution=192"),
        ([":width=1"], "':width=1': after the colon stand knobs, as in mobilenet_v2:width=0.75,resolution=192"),
        (["mobilenet_v2:width=1,,depth=1"], "'mobilenet_v2:width=1,,depth=1': after the colon stand knobs, as in mobilenet_v2:width=0.75,resolution=192"),
        (["mobilenet_v2:width=1,width=2"], "mobilenet_v2:width=1,width=2: width is set twice"),
        (["mobilenet_v2", "lenet5", "--set", "depth=2"], "lenet5 has no knob 'depth'"),
        (["mobilenet_v2:width=1", "--set", "width=2"], "mobilenet_v2:width=1: width is set twice, in the name and beside it"),
        (["mobilenet_v2:wdth=1", "vgg16"], "mobilenet_v2 has no knob 'wdth'. Did you mean width?"),
        (["mobilenet_v2:resolution=96", "vgg16", "--input", "96"], "give resolution or an input shape, not both"),
        (["vgg16", "nonet/a:b.yaml"], "nonet/a:b.yaml: cannot be read"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_message(cli: Cli, arguments: list[str], message: str) -> None:
    result = cli("report", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(message), result.stderr


def test_the_library_refuses_what_it_cannot_compare() -> None:
    for few in ((), ("vgg16",)):
        with pytest.raises(UsageError, match=f"two networks or more, got {len(few)}"):
            convcost.side_by_side(*few)
    with pytest.raises(UsageError, match=r"cannot group by 'stages'\. Did you mean stage\?"):
        convcost.side_by_side("vgg16", "vgg19", by="stages")
    with pytest.raises(UsageError, match=r"there is no format 'tex'\. Did you mean latex\?"):
        convcost.side_by_side("vgg16", "vgg19").render("tex")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["resnet50", "mobilenet_v2"], "convcost report resnet50 mobilenet_v2"),
        (["resnet50", "--input", "6x6x3", "--filters", "5", "--kernel", "3"], "convcost report resnet50 OTHER"),
    ],
)
def test_compare_says_where_networks_are_compared(cli: Cli, arguments: list[str], shown: str) -> None:
    result = cli("compare", *arguments)
    assert result.exit_code == 2
    assert result.stderr.endswith(f"compare builds one layer in several ways; networks side by side: {shown}\n")
