"""`convcost report`: formats and groups, what a wrong argument is answered with, and odd ones that are right."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import convcost
from convcost.render.table import FORMATS

if TYPE_CHECKING:
    from helpers.cli import Cli

pytestmark = pytest.mark.usefixtures("in_root")


@pytest.fixture
def cli(cli: Cli) -> Cli:
    """Whatever is wrong is said at once."""
    return cli.within(10)


MISUSE: dict[tuple[str, ...], str] = {
    ("vgg61x",): r"there is no network 'vgg61x' in the zoo\. Did you mean vgg\d\d\? \(.*'convcost list' shows all.*\)",
    ("mobilenetv2",): r"there is no network 'mobilenetv2' in the zoo\. Did you mean mobilenet_v2\? \(.*\)",
    ("vgg16", "--set", "widht=1"): r"vgg16 has no knob 'widht'\. Did you mean width\?",
    (
        "vgg16",
        "--set",
        "model=1",
    ): r"vgg16 has no knob 'model'\. Known: ceil_mode, classes, config, depth, lrn, norm, resolution, width",
    ("vgg16", "--set", "width=0"): r"width must be a decimal > 0, got 0",
    ("vgg16", "--set", "width=-1"): r"width must be a decimal > 0, got -1",
    ("vgg16", "--set", "width=abc"): r"width must be a decimal > 0, got abc",
    ("vgg16", "--set", "width=true"): r"width must be a decimal > 0, got true",
    ("vgg16", "--set", "width=[1]"): r"width must be a decimal > 0, got \[1\]",
    ("vgg16", "--set", "width=1/2"): r"width must be a decimal > 0, got 1/2",
    ("vgg16", "--set", "width=nan"): r"width must be a decimal > 0, got nan",
    ("vgg16", "--set", "width=1e99"): r"width must be <= 1,000,000,000, got 1e99",
    ("vgg16", "--set", f"width={'9' * 5000}"): r"the number 9+… has too many digits \(at most 18, exponents up to 99\)",
    ("vgg16", "--set", "resolution=224.5"): r"resolution must be an integer >= 0, got 224\.5",
    ("vgg16", "--set", "resolution=1"): r".*specs/vgg\.yaml:\d+:\d+: stage1\.pool: .*window must fit.*",
    ("vgg16", "--set", "classes=0"): r".*specs/vgg\.yaml:\d+:\d+: fc8: channels must be >= 1, got 0",
    ("vgg16", "--set", "classes=1e10"): r"classes must be <= 1,000,000,000, got 1e10",
    ("vgg16", "--set", "config=Z"): r"config must be A or B or C or D or E, got Z",
    ("googlenet", "--set", "aux=2"): r"aux must be true or false, got 2",
    ("googlenet", "--set", "aux=1"): r"aux must be true or false, got 1",
    ("vgg16", "--set", "width=1", "--set", "width=2"): r"Error: Invalid value for '--set': width is set twice",
    ("vgg16", "--set", "width"): r"Error: Invalid value for '--set': 'width' is not KEY=VALUE, e\.g\. width=0\.75",
    ("vgg16", "--set", "width="): r"Error: Invalid value for '--set': 'width=' is not KEY=VALUE, e\.g\. width=0\.75",
    ("vgg16", "--set", "=1"): r"Error: Invalid value for '--set': '=1' is not KEY=VALUE, e\.g\. width=0\.75",
    ("vgg16", "--input", "0"): r"an input size must be an integer from 1 to 1,000,000,000, got 0",
    ("vgg16", "--input", "0x224x3"): r"an input size must be an integer from 1 to 1,000,000,000, got 0",
    ("vgg16", "--input", "9" * 11): r"an input size must be an integer from 1 to 1,000,000,000, got 9{11}",
    ("vgg16", "--input", "3x224"): r".*specs/vgg\.yaml:\d+:\d+: stage2\.pool: .*window must fit.*, got 1×112",
    (
        "vgg16",
        "--input",
        "3x224x224",
    ): r"sizes go height x width x channels: the input of vgg16 is 224x224x3, not 3x224x224",
    (
        "vgg16",
        "--input",
        "224x224x3x1",
    ): r"the input of vgg16 is a size, \[height, width\] or \[height, width, channels\], got \[224, 224, 3, 1\]",
    ("vgg16", "--input", ""): r"Error: Invalid value for '--input': '' is not SIZE, HxW or .*",
    ("vgg16", "--input", "-1"): r"Error: Invalid value for '--input': '-1' is not SIZE, HxW or .*",
    ("vgg16", "--input", "224", "--set", "resolution=224"): r"give resolution or an input shape, not both",
    ("vgg16", "--batch", "0"): r"batch must be an integer >= 1, got 0",
    ("vgg16", "--batch", "-1"): r"batch must be an integer >= 1, got -1",
    ("vgg16", "--batch", "9" * 4299): r"batch must be .*",
    ("vgg16", "--batch", "1.5"): r"Error: Invalid value for '--batch': '1\.5' is not a valid integer.*",
    ("vgg16", "--convention", "papr"): r"there is no convention 'papr'\. Did you mean paper\?",
    ("vgg16", "--dtype", "fp31"): r"Error: Invalid value for '--dtype': 'fp31' is not one of 'fp64', .*",
    (
        "vgg16",
        "--by",
        "blok",
    ): r"Error: Invalid value for '--by': 'blok' is not one of 'unit', 'layer', 'block', 'stage', 'op'\. Did you mean block\?",
    ("vgg16", "--format", "xml"): r"Error: Invalid value for '--format': 'xml' is not one of 'table', .*",
    ("vgg16", "--memory", "none"): r"Error: Invalid value for '--memory': 'none' is not one of 'fused', .*",
    ("vgg16", "-o", "no.xlsx"): r"no\.xlsx: the ending \.xlsx says no format; known are "
    r"\.json, \.csv, \.md, \.html, \.htm, \.tex, \.txt, \.svg, \.png, \.pdf; else give --format",
    ("vgg16", "-o", ""): r".*No such file or directory.*",
    ("vgg16", "-o", "no/such/folder/a.json"): r"cannot write no/such/folder/a\.json: there is no folder no/such/folder",
    ("vgg16", "-o", "specs"): r"cannot write specs: Is a directory",
    (): r"Error: Missing argument 'MODEL\.\.\.'\.",
}


@pytest.mark.parametrize("args", MISUSE, ids=lambda args: "-".join(args)[:60].replace("\0", "0") or "nothing")
def test_misuse(cli: Cli, args: tuple[str, ...]) -> None:
    result = cli("report", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    said = result.stderr.rstrip("\n").splitlines()
    assert re.fullmatch(MISUSE[args], said[-1])
    # click puts its usage before the error; the library says one line.
    assert len(said) == 1 or said[0].startswith("Usage: convcost report")


def test_four_channels_are_an_input_like_any_other(cli: Cli) -> None:
    assert cli.json("report", "vgg16", "--input", "224x224x4")["input_shape"] == [224, 224, 4]


def test_large_batch_is_exact(cli: Cli) -> None:
    one = cli.json("report", "vgg16")["totals"]
    many = cli.json("report", "vgg16", "--batch", 10**10)["totals"]
    assert many.pop("intensity") > one.pop("intensity")  # weights are read once
    weights = one["weight_bytes_read"]
    assert many.pop("bytes_moved") == (one.pop("bytes_moved") - weights) * 10**10 + weights
    once = {"params", "used_params", "buffers", "weight_bytes", "weight_bytes_read"}
    for name, value in one.items():
        assert many[name] == value * (1 if name in once else 10**10), name


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("level", ["unit", "layer", "block", "stage", "op"])
def test_every_format_at_every_level_names_the_convention(cli: Cli, fmt: str, level: str) -> None:
    rows = [] if fmt == "html" else ["--by", level]  # a page has the rows of all levels
    text = cli.ok("report", "googlenet", *rows, "--format", fmt)
    assert "paper" in text
    assert text.endswith("\n")
    assert "1582671872" in text.replace(",", "") or fmt == "csv"


def test_csv_holds_exact_integers_that_add_up(cli: Cli) -> None:
    rows = list(csv.DictReader(io.StringIO(cli.ok("report", "vgg16", "--format", "csv"))))
    assert sum(int(row["macs"]) for row in rows) == 15_470_264_320
    assert rows[0]["output_shape"] == "224x224x64"


def test_json_groups_stand_beside_the_layers(cli: Cli) -> None:
    data = cli.json("report", "resnet50", "--by", "stage")
    assert data["by"] == "stage"
    assert sum(group["macs"] for group in data["groups"]) == data["totals"]["macs"] == 4_089_184_256
    assert len(data["layers"]) == sum(group["layers"] for group in data["groups"])


def test_the_command_says_what_the_library_says(cli: Cli) -> None:
    for model in ("lenet5", "efficientnet_b3"):
        assert cli.json("report", model) == convcost.load(model).report().to_dict()


def test_html_escapes_names_from_the_file(cli: Cli, tmp_path: Path) -> None:
    spec = tmp_path / "x.yaml"
    spec.write_text("convcost: 1\nname: x\ntitle: '<i>x'\ninput: [4]\nlayers: [{linear: {channels: 2}}]\n")
    text = cli.ok("report", spec, "--format", "html")
    assert "<i>" not in text
    assert "&lt;i&gt;x" in text


def test_latex_is_a_table_with_escaped_names(cli: Cli) -> None:
    text = cli.ok("report", "mobilenet_v1", "--by", "layer", "--format", "latex")
    assert r"\toprule" in text
    assert r"batch\_norm" in text
    assert "% needs \\usepackage{booktabs,siunitx}\n\\begingroup\n" in text
    assert text.splitlines()[-5] == r"\midrule"
    assert text.splitlines()[-4].split("&")[0].strip() == "total"
    assert "×" not in "".join(line for line in text.splitlines() if not line.startswith("%"))
    assert r"$\times$" in text
    assert not re.search(r"(?<!\\)%", "\n".join(line for line in text.splitlines() if not line.startswith("%")))


def test_batch_is_exact_beyond_64_bits(cli: Cli) -> None:
    data = cli.json("report", "resnet50", "--batch", "10000000000")
    assert data["totals"]["macs"] == 40_891_842_560_000_000_000


def test_traffic_shows_what_each_row_moves(cli: Cli) -> None:
    text = cli.ok("report", "mobilenet_v1", "--traffic", "--by", "layer", "--only", "stage7.block1.*.conv2d")
    depthwise, pointwise = (" ".join(line.split()) for line in text.splitlines() if line.startswith("stage7"))
    assert depthwise.endswith(" 14×14×512 392 KiB 392 KiB 18.0 KiB 802 KiB 903,168 1.10")
    assert pointwise.endswith(" 14×14×512 392 KiB 392 KiB 1.00 MiB 1.77 MiB 51,380,224 27.8")
    assert "each tensor moved once by each layer that uses it, after the fusion of policy" in " ".join(text.split())


def test_traffic_stands_beside_columns_that_are_asked_for_at_every_level(cli: Cli) -> None:
    for level in ("unit", "layer", "block", "stage", "op"):
        text = cli.ok("report", "lenet5", "--traffic", "--by", level)
        assert "bytes moved" in text.splitlines()[2]
    head = cli.ok("report", "lenet5", "--traffic", "--columns", "params", "--by", "stage", "--format", "csv").split(
        "\n"
    )[0]
    assert head == "name,params,bytes_read,bytes_written,weight_bytes_read,bytes_moved,macs,intensity"
    text = cli.ok("report", "lenet5", "alexnet", "--traffic")
    assert "MACs/byte" in text.splitlines()[2]
    assert "leave out --by" in cli.refused("report", "lenet5", "alexnet", "--traffic", "--by", "stage")


def test_rows_are_sorted_by_what_they_move_and_by_intensity(cli: Cli) -> None:
    layers = cli.json("report", "vgg16")["layers"]
    for key in ("bytes_moved", "intensity"):
        rows = list(csv.DictReader(io.StringIO(cli.ok("report", "vgg16", "--sort", key, "--format", "csv"))))
        values = [float(row[key] or -1) for row in rows]
        assert values == sorted((one[key] if one[key] is not None else -1 for one in layers), reverse=True)


def test_json_has_the_parts_of_what_is_moved_of_layers_groups_and_totals(cli: Cli) -> None:
    data = cli.json("report", "resnet18", "--by", "stage", "--dtype", "int8")
    assert data["totals"]["intensity"] == data["totals"]["macs"] / data["totals"]["bytes_moved"]
    for one in (data["totals"], *data["layers"], *data["groups"]):
        assert one["bytes_moved"] == one["bytes_read"] + one["bytes_written"] + one["weight_bytes_read"]
        assert (one["intensity"] is None) == (one["bytes_moved"] == 0)
    for key in ("bytes_read", "bytes_written", "weight_bytes_read", "bytes_moved"):
        assert sum(one[key] for one in data["layers"]) == sum(one[key] for one in data["groups"]) == data["totals"][key]


def test_what_is_moved_is_sorted_out_by_policy(cli: Cli) -> None:
    fused, unfused = (cli.json("report", "resnet18", "--memory", one)["totals"] for one in ("fused", "unfused"))
    # A batch-norm reads and writes a map, and so does the activation behind it: twice what both write.
    assert unfused["bytes_moved"] > fused["bytes_moved"]
    assert unfused["weight_bytes_read"] == fused["weight_bytes_read"] == 4 * (11_689_512 + 9_600)


@pytest.mark.parametrize("ending", ["html", "svg"])
@pytest.mark.parametrize(
    "words",
    [
        ("--only", "linear"),
        ("--sort", "macs"),
        ("--top", "2"),
        ("--columns", "macs"),
        ("--units", "M"),
        ("--digits", "2"),
    ],
    ids=" ".join,
)
def test_what_chooses_rows_and_columns_is_told_where_all_are_shown(
    cli: Cli, tmp_path: Path, words: tuple[str, str], ending: str
) -> None:
    path = tmp_path / f"lenet5.{ending}"
    result = cli("report", "lenet5", *words, "-o", path, code=0)
    assert result.stderr.startswith(f"{words[0]}: a page or picture of a network is of all of it")
    assert path.exists()
    assert cli("report", "lenet5", *words, "-o", tmp_path / "lenet5.csv", code=0).stderr == ""


@pytest.mark.parametrize("words", [("--by", "layer"), ("--depth", "1")], ids=" ".join)
def test_a_page_of_a_network_has_rows_of_every_level(cli: Cli, words: tuple[str, str], tmp_path: Path) -> None:
    said = cli("report", "lenet5", *words, "-o", tmp_path / "x.html", code=0).stderr
    assert said.startswith(f"{words[0]}: a page or picture of a network is of all of it")
    assert "ending .weird says no format" in cli.refused("report", "lenet5", *words, "-o", "no.weird")


def test_a_picture_has_a_bar_for_each_layer_where_these_are_asked_for(cli: Cli, tmp_path: Path) -> None:
    for level, rows in (("layer", ("c1", "c3", "c5")), ("op", ("conv2d 5×5", "linear"))):
        path = tmp_path / f"{level}.svg"
        cli.ok("report", "lenet5", "--by", level, "-o", path)
        drawn = path.read_text(encoding="utf-8")
        assert f"lenet5: cost by {level}" in drawn
        assert all(f">{name}<" in drawn for name in rows)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--traffic",), "--traffic"),
        (("--receptive", "--device", "v100"), "--receptive, --device"),
        (("--deploy",), "--deploy"),
        (("--convention", "thop"), "--convention"),
    ],
)
def test_a_picture_of_a_network_shows_three_counts(
    cli: Cli, words: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    said = (
        f"{named}: a picture of a network shows its MACs, params and activations; a page, -o FILE.html, has all else\n"
    )
    assert cli("report", "lenet5", *words, "-o", tmp_path / "x.svg", code=0).stderr == said
    assert cli("report", "lenet5", *words, "-o", tmp_path / "x.html", code=0).stderr == ""


@pytest.mark.parametrize("words", [("--traffic",), ("--columns", "params"), ("--units", "M"), ("--digits", "2")])
def test_a_picture_of_several_networks_shows_three_counts(cli: Cli, words: tuple[str, ...], tmp_path: Path) -> None:
    said = f"{words[0]}: a picture of several networks shows their MACs, params and peak memory; "
    asked = ("report", "lenet5", "vgg11", *words, "-o")
    assert cli(*asked, tmp_path / "x.svg", code=0).stderr == f"{said}a page, -o FILE.html, has the table\n"
    assert cli(*asked, tmp_path / "x.html", code=0).stderr == ""


def test_csv_of_several_networks_has_the_columns_that_are_asked_for(cli: Cli) -> None:
    """LeNet-5 has 61,706 parameters; AlexNet, with 60,965,224 (as of Caffe), 987.995 times as many, and 57.1 % of Caffe's."""
    asked = ("--columns", "params,input,params_ratio,peak", "--format", "csv")
    assert cli.ok("report", "lenet5", "alexnet", *asked).splitlines()[:2] == [
        "network,params,input_shape,params_ratio,peak_activation_bytes",
        f"lenet5,61706,32x32x1,1.0,{4 * (28 * 28 * 6 + 14 * 14 * 6)}",
    ]
    assert (
        cli.ok("report", "lenet5", "alexnet", *asked)
        .splitlines()[2]
        .startswith(f"alexnet,60965224,227x227x3,{60_965_224 / 61_706},")
    )
    cited = cli.ok("report", "lenet5", "alexnet", "--columns", "top1,macs", "--format", "csv").splitlines()
    assert cited[0] == "network,top1,macs,accuracy_tier,accuracy_source,accuracy_locator,accuracy_recipe"
    assert cited[1:] == ["lenet5,,416520,,,,", "alexnet,57.1,724406816,authors,caffe,bvlc_alexnet,"]


def test_csv_has_the_share_that_is_asked_for(cli: Cli) -> None:
    """c1 of LeNet-5: 28·28·6 outputs of 5·5 taps, of 416,520 MACs."""
    rows = cli.ok("report", "lenet5", "--columns", "share,macs", "--format", "csv").splitlines()
    assert rows[:3] == ["name,share,macs", f"c1,{28 * 28 * 6 * 25 / 416_520},{28 * 28 * 6 * 25}", "c1_tanh,0.0,0"]
