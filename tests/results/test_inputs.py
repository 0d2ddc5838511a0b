"""Networks of several inputs, and of inputs of any number of axes: every door, every format."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import convcost
from convcost import plots
from convcost.core.errors import UsageError
from convcost.memory.policies import POLICIES
from convcost.pages.explore import explore_page
from convcost.pages.report import report_page
from convcost.render.table import FORMATS

if TYPE_CHECKING:
    from helpers.cli import Cli

TOWERS = """convcost: 1
name: towers
knobs: {resolution: 32, length: 77}
inputs: {image: [resolution, resolution, 3], tokens: [length]}
layers:
  - {conv2d: {channels: 8, kernel: 3}, name: conv, in: image}
  - flatten
  - {linear: {channels: 5}, name: left}
  - {linear: {channels: 5}, name: right, in: tokens}
  - {add: {}, in: [left, right], name: joined}
"""


@pytest.fixture
def towers(tmp_path: Path) -> str:
    """A 3×3 convolution and a linear layer on the image, a linear layer on the tokens."""
    path = tmp_path / "towers.yaml"
    path.write_text(TOWERS, encoding="utf-8")
    return str(path)


def macs(side: int, tokens: int) -> int:
    """27 products for each of 8 channels at each position, 5 for each element of either tower."""
    return (side - 2) ** 2 * 8 * 27 + (side - 2) ** 2 * 8 * 5 + tokens * 5


def test_a_report_names_each_input(towers: str) -> None:
    report = convcost.load(towers).report()
    assert report.totals.macs == macs(32, 77)
    assert report.table().title == "towers · inputs image 32×32×3, tokens 77 · batch 1"
    data = report.to_dict()
    assert data["inputs"] == {"image": [32, 32, 3], "tokens": [77]}
    assert data["input_shape"] == [32, 32, 3]
    for fmt in FORMATS:
        assert "77" in report.table().render(fmt)
    assert "input 224×224×3" in convcost.load("vgg16").report().table().title


def test_inputs_are_set_by_name(cli: Cli, towers: str) -> None:
    both = ("--input", "image=16x20", "--input", "tokens=9")
    report = cli.json("report", towers, *both)
    assert report["inputs"] == {"image": [16, 20, 3], "tokens": [9]}
    assert report["totals"]["macs"] == 14 * 18 * 8 * (27 + 5) + 9 * 5
    given = {"image": (16, 20), "tokens": 9}
    assert convcost.load(towers, input_shape=given).report().totals.macs == report["totals"]["macs"]
    assert convcost.report(towers, input_shape=given).totals.macs == report["totals"]["macs"]
    one = convcost.load(towers, input_shape={"tokens": 9})
    assert dict(one.graph.inputs) == {"image": (32, 32, 3), "tokens": (9,)}
    assert (dict(one.input_shapes), one.input_shape) == ({"tokens": (9,)}, (9,))
    assert one.label == "towers tokens 9"
    for command in ("explain", "memory", "reconcile"):
        more = ("paper", "thop") if command == "reconcile" else ()
        assert "image 16×20×3, tokens 9" in cli.ok(command, towers, *more, *both)
    assert convcost.load("lenet5", input_shape={"input": 40}).knobs["resolution"] == 40


def test_a_size_that_a_knob_sets_is_set_by_the_knob(towers: str) -> None:
    """`resolution` gives the image of 48, so that it can still be varied; no knob gives one of 48×40."""
    square = convcost.load(towers, input_shape={"image": 48, "tokens": 7})
    assert (square.knobs["resolution"], dict(square.input_shapes)) == (48, {"tokens": (7,)})
    assert square.at(resolution=20).report().totals.macs == macs(20, 7)
    oblong = convcost.load(towers, input_shape={"image": (48, 40)})
    assert (oblong.knobs["resolution"], dict(oblong.input_shapes)) == (32, {"image": (48, 40, 3)})
    assert oblong.at(length=7).graph.inputs["tokens"] == (7,)
    with pytest.raises(UsageError, match="resolution sets the input, and towers has an input shape of its own"):
        oblong.at(resolution=20)
    again = convcost.load(oblong, input_shape={"image": 20})
    assert (again.knobs["resolution"], dict(again.input_shapes)) == (20, {})


def test_networks_are_equal_and_pickled_with_their_inputs(towers: str) -> None:
    one, same, other = (convcost.load(towers, input_shape={"tokens": n}) for n in (9, 9, 10))
    assert one == same != other
    assert len({one, same, other}) == 2
    assert pickle.loads(pickle.dumps(one)) == one


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["image=96", "image=97"], "image is given twice"),
        (["image=96", "5"], "of several shapes each needs its input's name"),
        (["5"], "towers has several inputs, image and tokens: say whose shape it is, as in --input image=…"),
        (["imag=5"], "towers has no input 'imag'. Did you mean image?"),
        (["sound=5"], "towers has no input 'sound'. Known: image, tokens"),
        (["tokens=5x5"], "the input tokens of towers is one number, got [5, 5]"),
        (["image=3x96x96"], "the input image of towers is 96x96x3, not 3x96x96"),
        (["image=1x3x96x96"], "The batch is no part of it, and channels come last: 96x96x3"),
        (["image="], "'' is not SIZE, HxW or HxWxC"),
        (["=5"], "'=5' is not SIZE, HxW or HxWxC, e.g. 224 or 224x224x3; NAME=SHAPE where there are several inputs"),
    ],
)
def test_what_is_wrong_with_an_input_is_told(cli: Cli, towers: str, options: list[str], said: str) -> None:
    result = cli("report", towers, *(word for option in options for word in ("--input", option)))
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_knob_and_the_size_that_it_sets_exclude_each_other(towers: str) -> None:
    with pytest.raises(UsageError, match="give length or an input shape, not both"):
        convcost.load(towers, length=5, input_shape={"tokens": 6})
    assert convcost.load(towers, length=5, input_shape={"image": 40}).report().totals.macs == macs(40, 5)


def test_one_of_several_inputs_is_swept_and_fitted(cli: Cli, towers: str) -> None:
    grid = convcost.load(towers, input_shape={"image": 40}).sweep(length="5:9")
    assert grid.macs.tolist() == [macs(40, n) for n in range(5, 10)]
    grid = convcost.sweep(towers, length=[5, 9], resolution=[20, 24])
    assert grid.macs.tolist() == [[macs(side, n) for side in (20, 24)] for n in (5, 9)]
    oblong = convcost.load(towers, input_shape={"image": (40, 30), "tokens": 3})
    data = cli.json("sweep", towers, "--over", "resolution=20:22", "--input", "tokens=3")
    assert [point["macs"] for point in data["points"]] == [macs(side, 3) for side in (20, 21, 22)]
    assert data["inputs"] == {"tokens": [3]}
    with pytest.raises(UsageError, match="length sets the input: give it as an axis or an input shape, not both"):
        oblong.sweep(length=[5, 9])
    network = convcost.load(towers, input_shape={"image": (40, 30)})
    found = convcost.fit(network, max_params=38 * 28 * 8 * 5 + 5 + 8 * 27 + 8 + 5 * 61, over={"length": "1:200"})
    assert [one.knobs["length"] for one in found.maximal] == [60]  # a bias for each class


def test_pages_and_pictures_of_several_inputs(towers: str) -> None:
    network = convcost.load(towers, input_shape={"image": (24, 20)})
    report = network.report()
    page = report_page(network, report)
    assert "image 24×20×3, tokens 77" in page
    assert "inputs image 24×20×3, tokens 77" in str(plots.memory_timeline(report, network.memory()).layout.title.text)
    explored = explore_page(network, report)
    assert 'id="knob-length"' in explored
    assert 'id="knob-resolution"' not in explored  # the shape that is given takes its place


@pytest.mark.parametrize("policy", POLICIES)
def test_an_input_is_alive_until_its_last_use(towers: str, policy: str) -> None:
    lives = convcost.load(towers).memory(policy).lives
    first, second = lives.tensors[:2]
    assert (first.name, second.name) == ("image", "tokens")
    kept = policy in ("sum", "training")
    assert (first.last, second.last) == ((5, 5) if kept else (0, 3))


def test_the_table_of_memory_begins_with_the_inputs(cli: Cli, towers: str) -> None:
    data = cli.json("memory", towers)
    assert data["timeline"][0]["layer"] == "image, tokens"
    assert data["timeline"][0]["live_bytes"] == 4 * (32 * 32 * 3 + 77)
    assert "image, tokens              32×32×3 + 77" in cli.ok("memory", towers)


VOLUME = "convcost: 1\nname: video\nknobs: {resolution: 24}\ninput: [6, resolution, resolution, 3]\n"
SEQUENCE = "convcost: 1\nname: ecg\nknobs: {resolution: 50}\ninput: [resolution, 12]\n"


def spec(folder: Path, text: str, layers: str) -> str:
    path = folder / "net.yaml"
    path.write_text(f"{text}layers: {layers}\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("given", "shape", "resolution"),
    [
        (16, (6, 16, 16, 3), 16),
        ((16, 20), (6, 16, 20, 3), 24),
        ((4, 16, 16), (4, 16, 16, 3), 24),
        ((6, 16, 16), (6, 16, 16, 3), 16),
        ((6, 16, 16, 1), (6, 16, 16, 1), 24),
    ],
)
def test_one_size_of_a_volume_is_height_and_width(tmp_path: Path, given: Any, shape: Any, resolution: int) -> None:
    """The depth stays what the spec states; so does `resolution` where it does not give the whole shape."""
    network = convcost.load(spec(tmp_path, VOLUME, "[conv3d: {channels: 2, kernel: 1}]"), input_shape=given)
    assert (network.graph.input_shape, network.knobs["resolution"]) == (shape, resolution)


@pytest.mark.parametrize(
    ("given", "shape", "resolution"), [(80, (80, 12), 80), ((80, 12), (80, 12), 80), ((80, 1), (80, 1), 50)]
)
def test_one_size_of_a_sequence_is_its_length(tmp_path: Path, given: Any, shape: Any, resolution: int) -> None:
    network = convcost.load(spec(tmp_path, SEQUENCE, "[conv1d: {channels: 2, kernel: 1}]"), input_shape=given)
    assert (network.graph.input_shape, network.knobs["resolution"]) == (shape, resolution)


def test_sizes_of_any_number_of_axes_on_the_command_line(cli: Cli, tmp_path: Path) -> None:
    ecg = spec(tmp_path, SEQUENCE, "[conv1d: {channels: 2, kernel: 1}]")
    assert cli.json("report", ecg, "--input", "5000x12")["totals"]["macs"] == 5000 * 12 * 2
    wrong = cli("report", ecg, "--input", "12x5000")
    assert "sizes go length x channels: the input of ecg is 5000x12, not 12x5000" in wrong.stderr
    assert (
        "the input of ecg is [length] or [length, channels], got [1, 50, 12]"
        in cli("report", ecg, "--input", "1x50x12").stderr
    )
    video = spec(tmp_path, VOLUME, "[conv3d: {channels: 2, kernel: 1}]")
    assert cli.json("report", video, "--input", "16x112x112x3")["totals"]["macs"] == 16 * 112 * 112 * 3 * 2
    need = "a size, [height, width], [depth, height, width] or [depth, height, width, channels]"
    assert need in cli("report", video, "--input", "1x2x3x4x5").stderr


def test_maps_shrink_where_the_map_does(cli: Cli, tmp_path: Path) -> None:
    """Heads and tokens of attention have as many axes as a map, and are none."""
    layers = """
  - {conv2d: {channels: 8, kernel: 4, stride: 4}, name: patches}
  - {reshape: {shape: [2, 18, 8]}, name: heads}
  - {transpose: {axes: [0, 2, 1]}, name: turned}
  - {matmul: {}, name: context, in: [turned, heads]}
  - {reshape: {shape: [4, 4, 8]}, name: small}"""
    path = spec(tmp_path, "convcost: 1\nname: net\ninput: [24, 24, 3]\n", layers)
    assert cli.json("explain", path)["resolution_drops"] == [{"layer": "patches", "from": [24, 24], "to": [6, 6]}]
    ecg = spec(
        tmp_path,
        SEQUENCE,
        "[{max_pool1d: {kernel: 2}, name: a}, {conv1d: {channels: 2, kernel: 5, padding: 2}, name: b}]",
    )
    assert cli.json("explain", ecg)["resolution_drops"] == [{"layer": "a", "from": [50], "to": [25]}]
