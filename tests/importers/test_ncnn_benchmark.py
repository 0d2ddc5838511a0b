"""The networks of ncnn's own benchmark, where they are at hand beside the project: recounted from what their lines say.

All weights of a convolution are used at each position that it makes, so that its products are the file's number of weights
times the map that the file's hint says; what is stored is the numbers of weights and biases. Against the zoo, batch-norms are
folded there: a convolution gets a bias for each channel whose norm had a factor and a shift.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from helpers.paths import ROOT

import convcost

if TYPE_CHECKING:
    from helpers.cli import Cli

    from convcost.networks.network import Network

MODELS = ROOT.parent / "shared" / "models" / "ncnn"
FILES = sorted(MODELS.glob("*.param"))
pytestmark = pytest.mark.skipif(not FILES, reason="the networks of ncnn's benchmark are not beside the project")

OPEN = {"FastestDet": 352, "vision_transformer": 384}
"""The sizes at which ncnn's benchmark runs those that state none (benchmark/benchncnn.cpp)."""
WITHOUT_HINTS = (*OPEN, "blazeface")
DETECTORS = {
    "mobilenet_ssd", "mobilenet_ssd_int8", "squeezenet_ssd", "squeezenet_ssd_int8", "mobilenet_yolo", "mobilenetv2_yolov3",
    "yolo-fastest-1.1", "yolov4-tiny",
}  # fmt: skip
"""Those whose last layer finds boxes, which nobody can count."""


class Line(NamedTuple):
    type: str
    reads: list[str]
    makes: list[str]
    keys: dict[str, str]


def lines(path: Path) -> Iterator[Line]:
    for words in map(str.split, path.read_text().splitlines()[2:]):
        reads, makes = int(words[2]), int(words[3])
        keys = dict(word.split("=") for word in words[4 + reads + makes :])
        yield Line(words[0], words[4 : 4 + reads], words[4 + reads : 4 + reads + makes], keys)


def network(name: str) -> Network:
    size = {"input_shape": (OPEN[name], OPEN[name], 3)} if name in OPEN else {}
    return convcost.load(str(MODELS / f"{name}.param"), **size)


def map_of(line: Line) -> int:
    """Positions of what a layer makes, as its hint says them: how long it is, number of axes, width, height, channels."""
    _, axes, width, height, _ = map(int, line.keys["-23330"].split(",")[:5])
    return width * height if axes == 3 else 1


def recounted(path: Path) -> tuple[int, int]:
    """Products and weights of a file."""
    positions: dict[str, int] = {}
    macs = stored = 0
    for line in lines(path):
        weights = 0
        if line.type.startswith(("Convolution", "Deconvolution")):
            weights, bias = int(line.keys["6"]), int(line.keys["0"]) * int(line.keys.get("5", 0))
        elif line.type == "InnerProduct":
            weights, bias = int(line.keys["2"]), int(line.keys["0"]) * int(line.keys.get("1", 0))
        if weights:
            spread = line.type.startswith("Deconvolution")
            macs += weights * (positions[line.reads[0]] if spread else map_of(line))
            stored += weights + bias
        if line.type == "MemoryData":
            stored += int(line.keys["0"])
        if line.type == "BatchNorm":
            stored += 2 * int(line.keys["0"])  # factor and shift; mean and variance are no parameters
        if "-23330" in line.keys:
            positions |= dict.fromkeys(line.makes, map_of(line))
    return macs, stored


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_products_and_weights_are_those_of_the_lines(path: Path):
    report = network(path.stem).report()
    assert bool(report.to_dict()["complete"]) is (path.stem not in DETECTORS)
    if path.stem not in WITHOUT_HINTS:
        assert (report.totals.macs, report.totals.params) == recounted(path)


@pytest.mark.parametrize(
    "name", ["resnet18", "resnet50", "vgg16", "googlenet", "mobilenet", "squeezenet", "mobilenet_ssd"]
)
def test_integers_change_types_and_nothing_else(name: str):
    plain, integers = (network(one).report().totals for one in (name, f"{name}_int8"))
    assert (plain.macs, plain.params) == (integers.macs, integers.params)


# -- the zoo -----------------------------------------------------------------------------------------------------------

STEM = 112 * 112
#: File -> the same network of the zoo, MACs and parameters that the file has more, batch-norms folded.
TWINS: dict[str, tuple[str, int, int]] = {
    "alexnet": ("alexnet", 0, 0),
    "vgg16": ("vgg16", 0, 0),
    "googlenet": ("googlenet", 0, 0),
    "mobilenet": ("mobilenet_v1", 0, 0),
    "mnasnet": ("mnasnet1_0", 0, 0),
    "shufflenet_v2": ("shufflenet_v2_x1_0", 0, 0),
    "efficientnet_b0": ("efficientnet_b0", 0, 0),
    "regnety_400m": ("regnet_y_400mf", 0, 0),
    "nanodet_m": ("nanodet_m", 0, 0),
    # The stride of a bottleneck is in its first convolution, as in He et al.
    "resnet50": ("resnet50_v1", 0, 0),
    # Caffe's version projects the shortcut of the first stage too: 1x1, 64 to 64 channels, on 56x56.
    "resnet18": ("resnet18", 56 * 56 * 64 * 64, 64 * 64 + 64),
    # Its first block widens 32 channels by 1x1 to as many, where the paper's has no such convolution.
    "mobilenet_v2": ("mobilenet_v2", STEM * 32 * 32, 32 * 32 + 32),
    # The first unit of each stage is a quarter of what it adds to the channels before (216, 240, 480) wide, not of what it makes.
    "shufflenet": (
        "shufflenet_v1",
        56 * 56 * 24 * (54 - 60) + 28 * 28 * 9 * (54 - 60) + 28 * 28 * (54 - 60) * 216 // 3
        + 28 * 28 * 240 // 3 * (60 - 120) + 14 * 14 * 9 * (60 - 120) + 14 * 14 * (60 - 120) * 240 // 3
        + 14 * 14 * 480 // 3 * (120 - 240) + 7 * 7 * 9 * (120 - 240) + 7 * 7 * (120 - 240) * 480 // 3,
        (54 - 60) * (24 + 9 + 216 // 3 + 2) + (60 - 120) * (240 // 3 + 9 + 240 // 3 + 2) + (120 - 240) * (480 // 3 + 9 + 480 // 3 + 2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TWINS)
def test_the_same_network_of_the_zoo_costs_the_same(name: str):
    twin, macs, params = TWINS[name]
    ours, theirs = network(name).report().totals, convcost.load(twin).report().totals
    # A norm has two parameters and two buffers for each channel; folded, one parameter is left.
    assert (ours.macs, ours.params) == (theirs.macs + macs, theirs.params - theirs.buffers // 2 + params)


def test_squeezenet_pads_its_last_convolution():
    """A classifier of 1x1 with a zero around the map of 14x14: 16x16 positions."""
    ours = network("squeezenet").report().totals
    theirs = convcost.load("squeezenet1_1", input_shape=(227, 227, 3)).report().totals
    assert ours.macs == theirs.macs + (16 * 16 - 14 * 14) * 512 * 1000
    assert ours.params == theirs.params


def test_a_vision_transformer_is_that_of_the_zoo():
    ours = network("vision_transformer").report().totals
    theirs = convcost.load("vit_b_32", input_shape=(384, 384, 3)).report().totals
    assert (ours.macs, ours.params) == (theirs.macs, theirs.params)


def test_mobilenet_v3_is_that_of_the_papers_first_version():
    """Its last block but two keeps 14x14, and its last but one is the one of stride 2; gates are a quarter, not rounded to 8."""
    gate = 2 * 672 * 168
    wide = 14 * 14 * (25 * 672 + 672 * 160) + gate + 14 * 14 * 160 * 672 + 7 * 7 * (25 * 672 + 672 * 160) + gate
    later = 7 * 7 * (25 * 672 + 672 * 160) + gate + 7 * 7 * (160 * 960 + 25 * 960 + 960 * 160) + 2 * 960 * 240
    gates = 2 * 72 * (18 - 24) + 2 * 2 * 120 * (30 - 32)
    ours, theirs = network("mobilenet_v3").report().totals, convcost.load("mobilenet_v3_large").report().totals
    assert ours.macs == theirs.macs + wide - later + gates


# -- as a user ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPEN)
def test_a_file_without_a_size_asks_for_one(cli: Cli, name: str):
    said = cli.refused_in_a_line("report", MODELS / f"{name}.param")
    assert "has an open size: say it with --input" in said


@pytest.mark.parametrize("name", ["mobilenet_v3", "regnety_400m", "efficientnetv2_b0"])
def test_a_report_is_there_at_once(cli: Cli, name: str):
    begun = process_time()
    cli.ok("report", MODELS / f"{name}.param")
    assert process_time() - begun < 0.3


@pytest.mark.parametrize("name", ["mobilenet_v2", "shufflenet", "resnet18_int8", "squeezenet"])
def test_an_imported_spec_costs_what_the_file_costs(cli: Cli, name: str, tmp_path: Path):
    spec = tmp_path / "net.yaml"
    cli("import", MODELS / f"{name}.param", "-o", spec, code=0)
    found, whole = (cli.json("report", path) for path in (spec, MODELS / f"{name}.param"))
    assert found["totals"] == whole["totals"]


def test_the_resolution_may_be_a_symbol_or_a_sweep(cli: Cli):
    """MobileNetV2: maps are multiples of 1/32, so that all but the 1280x1000 classifier goes with their area."""
    path = MODELS / "mobilenet_v2.param"
    square, rest = divmod(recounted(path)[0] - 1280 * 1000, 49)
    assert rest == 0
    assert f"{square}·m² + 1280000" in cli.ok("explain", path, "--symbols", "resolution")
    rows = cli.json("sweep", path, "--over", "resolution=160,192,224")
    assert [row["macs"] for row in rows["points"]] == [square * n * n + 1_280_000 for n in (5, 6, 7)]
