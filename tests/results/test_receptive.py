"""Receptive fields in a report: columns at every level, records and JSON."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import convcost
from convcost.core.errors import UsageError
from convcost.pages.layers import layers_html
from convcost.results.receptive import derivation, field_columns
from convcost.results.rows import FIELDS


@pytest.fixture(scope="module")
def report() -> convcost.Report:
    return convcost.load("vgg16").report(receptive=True)


def columns(table: convcost.Table) -> dict[str, tuple[str, ...]]:
    at = [table.headers.index(name) for name in ("receptive field", "jump", "start")]
    return {row[0]: tuple(row[place] for place in at) for row in table.rows}


def test_a_row_has_the_field_of_its_last_layer(report: convcost.Report) -> None:
    stages = columns(report.table("stage"))
    assert stages["stage5"] == columns(report.table("unit"))["stage5.pool"] == ("212", "32", "-90")
    assert columns(report.table("layer"))["fc6"] == ("224", "0", "0")
    # Each number of the vector has seen one field; which one is not said.
    assert columns(report.table("layer"))["flatten"] == ("212", "", "")


def test_what_is_no_part_of_the_network_in_order_has_none(report: convcost.Report) -> None:
    assert set(columns(report.table("op")).values()) == {("", "", "")}
    *_, (rest, fields) = columns(report.table("stage", top=2)).items()
    assert (rest.startswith("all others"), fields) == (True, ("", "", ""))


def test_columns_can_be_chosen(report: convcost.Report) -> None:
    assert report.table("stage", columns=["macs", "jump"]).headers == ("stage", "MACs", "jump")


def test_every_column_says_how_it_is_had(report: convcost.Report) -> None:
    """A row has a field along each axis, by which none is before another."""
    assert [column.key for column in field_columns(report.fields)] == [*FIELDS]
    for key in FIELDS:
        with pytest.raises(UsageError, match=f"no column '{key}': give --receptive"):
            convcost.load("lenet5").report().table(columns=[key])
        with pytest.raises(UsageError, match=f"cannot be sorted by '{key}', which is a number for each axis"):
            report.table(sort=key)


def test_json_and_csv_have_every_layers(report: convcost.Report) -> None:
    data = report.to_dict()
    found = next(layer for layer in data["layers"] if layer["name"] == "stage5.pool")["receptive_field"]
    assert found == {
        "input": {
            "size": [212, 212],
            "jump": [32, 32],
            "start": [-90, -90],
            "centre": ["31/2", "31/2"],  # from -90 to 121
            "period": [1, 1],
            "at_most": [False, False],
        }
    }
    moved = next(layer for layer in data["layers"] if layer["name"] == "flatten")["receptive_field"]["input"]
    assert moved["jump"] == moved["start"] == moved["centre"] == moved["period"] == [None, None]
    record = next(one for one in report.table("layer").records if one["name"] == "stage5.pool")
    assert (record["receptive_field"], record["jump"], record["start"]) == ("212", "32", "-90")


UP = """
convcost: 1
name: up
input: [40, 1]
layers:
  - {conv1d: {channels: 1, kernel: 4, stride: 2, dilation: 3, padding: 2}, name: down}
  - {upsample1d: {scale: 2, mode: nearest}, name: up}
"""


def test_behind_upsampling_the_jump_is_said_to_be_an_average(tmp_path: Path) -> None:
    """Four taps 3 apart are 10 positions, from -2 with a step of 2; each is there twice, so that fields are those of every
    second position: the 36th (35) sees from 2·17 - 2 = 32."""
    path = tmp_path / "up.yaml"
    path.write_text(UP)
    found = convcost.load(path).report(receptive=True)
    up = found.to_dict()["layers"][-1]["receptive_field"]["input"]
    assert up == {"size": [10], "jump": [1], "start": [-2], "centre": ["5/2"], "period": [2], "at_most": [False]}
    whole, part = divmod(35, 2)
    assert (up["start"][0] + whole * 2 * up["jump"][0], part) == (32, 1)
    said = "behind upsampling a jump is an average"
    assert said in dict(found.table().notes)["receptive"]
    assert said not in dict(convcost.load("lenet5").report(receptive=True).table().notes)["receptive"]


def test_a_page_has_them_beside_the_output(report: convcost.Report) -> None:
    page = layers_html(report, convcost.load("vgg16").walked)
    headings = [text for text in re.sub(r"<[^>]+>", "\n", page[: page.index("</thead>")]).splitlines() if text.strip()]
    at = headings.index("output")
    assert headings[at : at + 5] == ["output", "receptive field", "jump", "start", "params"]
    row = page[page.index('id="row-stage5.pool"') :]
    assert "<td>7×7×512</td><td>212</td><td>32</td><td>-90</td>" in row[: row.index("</tr>")]
    # The column that shares are of is still the MACs.
    assert headings[int(page.split('data-sum="')[1].split('"')[0])] == "MACs"


def test_without_being_asked_nothing_is_said() -> None:
    plain = convcost.load("vgg16").report()
    assert "receptive field" not in plain.table().headers
    assert "receptive_field" not in plain.to_dict()["layers"][0]


def test_axes_and_inputs_are_told_apart() -> None:
    clip = columns(convcost.load("s3d").report(receptive=True).table("layer"))
    first = next(iter(clip.values()))
    # A convolution of 1×7×7 by strides of 1×2×2.
    assert first == ("1×7×7", "1×2×2", "0×-3×-3")


@pytest.mark.parametrize(
    ("network", "layer", "text"),
    [
        ("vgg16", "stage5.pool", "196 + (2 - 1)·16 = 212 positions, jump 16·2 = 32, from -90"),
        ("resnet50", "conv1.conv2d", "1 + (7 - 1)·1 = 7 positions, jump 1·2 = 2, from 0 - 3·1 = -3"),
        # 1 + 6·(1 + 1) behind the first level; dilation 2.
        ("tcn", "level2.block.conv1.conv1d", "13 + (7 - 1)·2·1 = 25 positions, jump 1·1 = 1, from -12 - 12·1 = -24"),
        ("resnet50", "conv2_x.block1.add", ""),
        ("unet", "up1.convs.conv1.conv", ""),
    ],
)
def test_how_a_field_follows_from_the_one_before(network: str, layer: str, text: str) -> None:
    report = convcost.load(network).report(receptive=True)
    step = next(one.step for one in report.layers if one.name == layer)
    assert derivation(report.fields, step) == text
