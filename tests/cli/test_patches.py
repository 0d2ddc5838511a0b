"""`convcost memory … --patches`: what it prints and writes, limits, and options that do not go together."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

import convcost

if TYPE_CHECKING:
    from helpers.cli import Cli

MEMORY = ("memory", "mobilenet_v2", "--dtype", "int8", "--policy", "tinyengine")


def test_the_notes_say_what_the_numbers_are(cli: Cli) -> None:
    text = " ".join(cli.ok(*MEMORY, "--patches", "4x4", "--until", "stage3.block1").split())
    for said in (
        "4×4 patches that read up to 75×75×3 of the input, clipped at the borders",
        "28×28×32, put together in 25,088 bytes",
        "158 KiB (162,288 bytes): 137,200 alive in a patch, at stage2.block1.expand.conv2d, and the whole output",
        "196 KiB (200,704 bytes) as int8; 1.34 MiB (1,404,928 bytes) otherwise",
        "328,693,616; 300,774,272 otherwise (+9.28 %)",
    ):
        assert said in text


def test_json_is_the_same_as_in_python(cli: Cli) -> None:
    found = cli.json(*MEMORY, "--patches", "4x4", "--until", "stage3.block1")
    same = convcost.load("mobilenet_v2").patches("4x4", "stage3.block1", policy="tinyengine", dtype="int8")
    assert found == json.loads(json.dumps(same.to_dict()))
    assert found["schema"] == "convcost.patches/1"
    assert (found["stage_bytes"], found["rest_bytes"], found["peak_bytes"]) == (162_288, 200_704, 200_704)
    assert sum(patch["macs"] for patch in found["patches"]) == found["stage_macs"]
    assert sum(layer["macs_in_patches"] for layer in found["layers"]) == found["stage_macs"]
    # The first tile ends at 7; back from there: 6·2 + 3 = 15, 16, 15·2 + 3 = 33, 34, and 33·2 + 3 = 69.
    assert found["patches"][0]["tile"] == [[0, 7], [0, 7]]
    assert found["patches"][0]["reads"] == [[0, 69], [0, 69]]


def test_csv_has_a_row_per_layer(cli: Cli) -> None:
    lines = cli.ok(*MEMORY, "--patches", "2x2", "--until", "stem", "--format", "csv").splitlines()
    assert lines[0] == "name,op,shape,patch,macs,macs_in_patches"
    # 112 output rows in halves: 56 each, nothing twice.
    assert lines[1:] == ["stem.conv2d,conv2d 3×3,112x112x32,56x56,10838016,10838016"]


def test_all_is_the_front(cli: Cli) -> None:
    found = cli.json(*MEMORY, "--patches", "all")
    assert found["schema"] == "convcost.patch_front/1"
    assert found["front"][0] == {"until": None, "grid": [], "peak_bytes": 1_404_928, "macs": 300_774_272}
    assert {"until": "stage3.block1.project.batch_norm", "grid": [3, 4], "peak_bytes": 200_704} in [
        {key: one[key] for key in ("until", "grid", "peak_bytes")} for one in found["front"]
    ]
    assert found["obstacle"] == "global_avg_pool looks at all positions"


def test_a_limit(cli: Cli) -> None:
    kept = cli.json(*MEMORY, "--patches", "auto", "--limit", "256KiB")
    assert kept["peak_bytes"] <= 256 * 1024
    assert kept["limit"] == {"bytes": 256 * 1024, "fits": True}
    over = cli(*MEMORY, "--patches", "2x2", "--until", "stage3", "--limit", "100KiB", code=1)
    assert "limit        " in over.stdout
    assert "no patches keep 1,024 bytes: the lowest peak is " in cli.refused(
        *MEMORY, "--patches", "auto", "--limit", "1KiB"
    )


def test_columns_have_names_and_what_was_tried_is_said(cli: Cli) -> None:
    network = convcost.load("mobilenet_v2")
    front = network.patch_front(policy="tinyengine", dtype="int8")
    for found in (front, network.patches("2x2", "stem"), network.patches(stream=True, until="stem")):
        assert all(found.table().headers)
    text = " ".join(cli.ok(*MEMORY, "--patches", "all").split())
    assert (
        f"{len(front.choices)} choices that no other surpasses; {front.tried:,} were tried, each a depth with" in text
    )


def test_what_is_cheaper_is_named_where_patches_are_dear(cli: Cli) -> None:
    """Each as it comes out when it is asked for; without need nothing is named."""
    auto = ("--patches", "auto", "--limit", "256KiB")
    fused = (*MEMORY[:-1], "fused", *auto)
    dear, tiny, rows = cli.json(*fused), cli.json(*MEMORY, *auto), cli.json(*fused, "--stream")
    assert dear["macs"] > 1.2 * dear["macs_without_patches"]
    assert dear["cheaper"] == [
        {"policy": "tinyengine", "stream": False, "macs": tiny["macs"]},
        {"policy": "fused", "stream": True, "macs": rows["macs"]},
    ]
    assert tiny["cheaper"] == rows["cheaper"] == []
    text = " ".join(cli.ok(*fused).split())
    assert f"within the same limit: --policy tinyengine {tiny['macs']:,} (+6.02 %), --stream 300,774,272" in text


def test_what_cannot_be_asked_for_besides_is_not_named() -> None:
    """The policy that is asked for already, and kept rows beside equal patches, which they exclude."""
    network = convcost.load("mobilenet_v2")
    lowest = network.patch_front(policy="tinyengine", dtype="int8").choices[-1].peak
    tiny = network.patches("auto", limit=lowest, policy="tinyengine", dtype="int8")
    assert tiny.macs > 1.2 * tiny.whole_macs
    assert [way.option for way in tiny.cheaper] == ["--stream"]
    equal = network.patches("auto", limit=256 * 1024, equal=True, dtype="int8")
    assert equal.macs > 1.2 * equal.whole_macs
    assert [way.option for way in equal.cheaper] == ["--policy tinyengine"]


def test_kept_rows(cli: Cli) -> None:
    found = cli.json(*MEMORY, "--stream", "--until", "stage3")
    assert found["macs"] == found["macs_without_patches"] == 300_774_272
    assert found["ring_rows"]["input"] == found["ring_rows"]["stem.conv2d"] == 3
    assert "strips side by side are 1x2, got 2×2 patches" in cli.refused(*MEMORY, "--stream", "--patches", "2x2")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--until", "stage3"), "say how patches run: give --patches GRID or --stream"),
        (("--patches", "auto"), "--patches auto chooses patches that keep a limit: give --limit, as in --limit 256KiB"),
        (("--picture", "patches", "-o", "x.svg"), "--picture patches draws --patches, as in --patches 3x3"),
        (("--patches", "2x2", "--order", "best"), "--order has no meaning with --patches"),
        (("--patches", "2x2", "--batch", "2"), "--batch has no meaning with --patches"),
        (
            ("--patches", "auto", "--board", "arduino_nano_33_ble"),
            "--board does not go with --patches: TensorFlow Lite",
        ),
        (("--patches", "2x2", "--runtime", "tflm"), "give what the RAM of the device has for them as --limit"),
        (
            ("--stream", "--kernels", "cmsis_nn"),
            "--kernels does not go with --stream: TensorFlow Lite Micro runs layer by",
        ),
        (("--stream", "--equal-patches"), "equal patches are not clipped at borders"),
        (("--patches", "2x2", "--until", "stage9"), "there is no stage, block or layer 'stage9'. Did you mean stage"),
    ],
)
def test_options_that_do_not_go_together(cli: Cli, options: tuple[str, ...], said: str) -> None:
    assert said in cli.refused(*MEMORY, *options)


def test_a_picture_and_a_page(cli: Cli, tmp_path: Path) -> None:
    picture, page = tmp_path / "patches.svg", tmp_path / "patches.html"
    for path in (picture, page):
        cli.ok(*MEMORY, "--patches", "4x4", "--until", "stage3.block1", "-o", str(path))
    text = picture.read_text(encoding="utf-8")
    # 16 patches and the one picked out, its own part, 16 tiles, and two maps.
    assert len(list(ET.fromstring(text).iter("{http://www.w3.org/2000/svg}path"))) == 16 + 2 + 16 + 2
    assert "the patch picked out reads 75×75" in text
    assert "324" not in re.findall(r"<text[^>]*>([^<]*)</text>", text)
    whole = page.read_text(encoding="utf-8")
    assert whole.count("<svg") == 2  # for a screen and for a phone
    assert "119,202,032" in whole


def test_weights_in_ram_count_in_the_limit(cli: Cli) -> None:
    """3,504,872 parameters of a byte, as the network's report says, besides the peak."""
    found = cli.json(*MEMORY, "--patches", "4x4", "--until", "stage3.block1", "--weights-in", "ram", "--limit", "4MiB")
    assert found["needed_bytes"] == 200_704 + 3_504_872
    assert found["limit"] == {"bytes": 4 << 20, "fits": True}
    over = cli(*MEMORY, "--patches", "4x4", "--weights-in", "ram", "--limit", "3MiB", code=1)
    assert "bytes of RAM besides" in over.stdout
    said = cli.refused(*MEMORY, "--patches", "auto", "--weights-in", "ram", "--limit", "3MiB")
    assert "and weights 3,504,872, with " in said
