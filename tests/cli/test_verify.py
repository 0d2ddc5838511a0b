"""`convcost verify`: exit status, formats, filters, and what a bad file of figures is answered with."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.paths import ROOT

from convcost.render.table import FORMATS

if TYPE_CHECKING:
    from helpers.cli import Cli

HEAD = "model,knobs,quantity,part,printed,unit,counting,because,computed\n"


def mine(folder: Path, text: str) -> str:
    path = folder / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_what_is_reproduced_or_explained_exits_0_and_what_is_not_1(cli: Cli, tmp_path: Path) -> None:
    cli.ok("verify", "lenet5")
    cli.ok("verify", "--data", mine(tmp_path, f"{HEAD}lenet5,,params,,61706,,,,\n"))
    cli.ok("verify", "--data", mine(tmp_path, f"{HEAD}lenet5,,macs,,357600,,conv_only,,\n"))
    failed = cli("verify", "--data", mine(tmp_path, f"{HEAD}lenet5,,params,,61707,,,,\n"))
    assert failed.exit_code == 1
    assert "unexplained" in failed.stdout
    assert failed.stderr == ""


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_has_every_figure(cli: Cli, fmt: str) -> None:
    result = cli("verify", "lenet5_1998", "--format", fmt)
    assert result.exit_code == 0
    assert "340908" in result.stdout.replace(",", "")
    assert result.stdout.endswith("\n")


def test_csv_and_json_are_one_record_per_figure(cli: Cli) -> None:
    rows = list(csv.DictReader(io.StringIO(cli.ok("verify", "mobilenet_v2", "--format", "csv"))))
    data = cli.json("verify", "mobilenet_v2")
    assert data["schema"] == "convcost.verify/1"
    assert data["totals"]["figures"] == len(rows) == len(data["figures"])
    assert data["totals"]["unexplained"] == 0
    found = [r for r in rows if (r["source"], r["item"], r["quantity"]) == ("mobilenet_v2", "MobileNetV2", "params")]
    assert [(r["printed"], r["recounted"], r["counting"]) for r in found] == [("3.4 M", "3.47", "no_bn")]
    assert [(r["found"], r["refound"]) for r in found] == [("3504872", "3470760")]  # the slim list's 3.47 M
    exactly = {figure["item"]: figure["found"] for figure in data["figures"] if figure["source"] == "mobilenet_v2"}
    assert exactly["row 1, conv2d"] == [224, 224, 3]
    assert exactly["MobileNetV2, 1×1"] == 2560  # 1,280 · 2 bytes
    assert exactly["MobileNetV2 1.4"] is None  # an accuracy


def test_without_a_model_there_is_a_summary_and_every_difference(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "all.txt"
    cli.ok("verify", "--source", "mobilenet_v1", "-o", target)
    text = target.read_text(encoding="utf-8")
    assert text.splitlines()[0].split() == [
        "source",
        "kind",
        "year",
        "figures",
        "reproduced",
        "differs",
        "cited",
        "unexplained",
    ]
    assert "misprint: the column sums to 99.29 %" in " ".join(text.split())


def test_a_network_without_published_figures_is_said_to_have_none(cli: Cli, tmp_path: Path) -> None:
    spec = tmp_path / "mine.yaml"
    spec.write_text("convcost: 1\nname: mine\ninput: [8, 8, 3]\nlayers: [relu]\n")
    for fmt in FORMATS:
        cli.ok("verify", spec, "--format", fmt)
    assert "none of these networks is among the published figures" in cli.ok("verify", spec)


def test_names_that_do_not_exist(cli: Cli) -> None:
    for arguments, message in [
        (("mobilnet_v2",), "there is no network 'mobilnet_v2' in the zoo. Did you mean mobilenet_v2?"),
        (("--source", "mobilenet_v9"), "there is no source 'mobilenet_v9'. Did you mean mobilenet_v"),
    ]:
        result = cli("verify", *arguments)
        assert result.exit_code == 2
        assert message in result.stderr
        assert result.stdout == ""


# Text of the file, and what is said after the path of the file.
BAD = [
    ("", ":1: the column model is missing. Columns: source, locator, item, model, knobs, run, quantity"),
    ("model,printed\nlenet5,1\n", ":1: the column quantity is missing. Columns: source, locator, item, model"),
    ("model,quantity,printed,konbs\n", ":1: there is no column 'konbs'. Did you mean knobs?"),
    ("model,model,quantity,printed\n", ":1: the column model stands twice"),
    (f"{HEAD}lenet5,,params,,sixty,,,,\n", ":2: printed: 'sixty' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (f"{HEAD}\nlenet5,,params,,60,Q,,,\n", ":3: unit: there is no 'Q' for params. Known: B, G, Gi, K, "),
    (f"{HEAD}lenet5,,parms,,60,K,,,\n", ":2: quantity: there is no 'parms'. Did you mean params?"),
    (f"{HEAD}lenet5,,,,60,K,,,\n", ":2: quantity is empty"),
    (f"{HEAD}lenet6,,params,,60,K,,,\n", ":2: there is no network 'lenet6' in the zoo. Did you mean lenet5?"),
    (f"{HEAD}lenet5,width=2,params,,60,K,,,\n", ":2: lenet5 has no knob 'width'. Known: classes, resolution"),
    (f"{HEAD}lenet5,width,params,,60,K,,,\n", ":2: knobs: 'width' is not KEY=VALUE, e.g. width=0.75"),
    (f"{HEAD}vgg,width=1 width=2,params,,60,K,,,\n", ":2: knobs: width is set twice"),
    (f"{HEAD}lenet5,,params,c9,60,K,,,\n", ":2: part: no layer of lenet5 matches 'c9'"),
    (
        f"{HEAD}lenet5,,kernel,conv2d*,5,,,,\nlenet5,,stride,*,1,,,,\n",
        ":3: part: the layers matching '*' have no common",
    ),
    (f"{HEAD}lenet5,,blocks,stage*,5,,,,\n", ":2: part: no block matches 'stage*'"),
    (f"{HEAD}lenet5,,channels_at,99,5,,,,\n", ":2: part: no block puts out a map of size '99'"),
    (f"{HEAD}lenet5,,params,,60,K,conv_olny,,\n", ":2: counting: there is no 'conv_olny'. Did you mean conv_only?"),
    (f"{HEAD}lenet5,,params,,60,K,no_bn,typo,61.7\n", ":2: counting and because exclude each other"),
    (f"{HEAD}lenet5,,params,,60,K,,typo,\n", ":2: because and computed go together"),
    (
        "model,quantity,printed,difference\nlenet5,params,60,2\n",
        ":2: difference is of what is printed and computed, and there is no because",
    ),
    (
        "model,quantity,printed,because,computed,difference\nlenet5,params,60,typo,61706,much\n",
        ":2: difference: 'much' is no number, e.g. -39.7, or one for each axis, -3×-3×0",
    ),
    (
        f"{HEAD}lenet5,,params,,60,000,,,,\n",
        ":2: 10 cells where the header has 9 columns; a cell with a comma in it needs",
    ),
    (f"{HEAD}lenet5,,params\n", ":2: 3 cells where the header has 9 columns"),
    (f'{HEAD}"lenet5,,params,,60,K,,,\n', ":2: not valid CSV: unexpected end of data"),
    (f'{HEAD}lenet5,,params,,60,K,,,\n"lenet5"x,,params,,60,K,,,\n', ":3: not valid CSV: "),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_bad_file_is_answered_with_file_and_line(cli: Cli, text: str, message: str, tmp_path: Path) -> None:
    path = mine(tmp_path, text)
    result = cli("verify", "--data", path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{path}{message}"), result.stderr
    assert result.stdout == ""


def test_everything_that_is_wrong_is_said_at_once(cli: Cli, tmp_path: Path) -> None:
    path = mine(tmp_path, f"{HEAD}lenet5,,params,,x,K,,,\nlenet5,,parms,,60,K,,,\n")
    assert [line.split(": ")[0] for line in cli("verify", "--data", path).stderr.splitlines()] == [
        f"{path}:2",
        f"{path}:3",
    ]
    many = mine(tmp_path, HEAD + "lenet5,,params,,x,K,,,\n" * 100)
    assert cli("verify", "--data", many).stderr.splitlines()[-1] == "… and 40 more problems"


def test_files_that_are_none(cli: Cli, tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes(b"model,quantity,printed\nlen\xe9t,params,1\n")
    for path, message in [(tmp_path / "no.csv", "No such file or directory"), (latin, "not UTF-8 text")]:
        result = cli("verify", "--data", path)
        assert result.exit_code == 2
        assert message in result.stderr
        assert "Traceback" not in result.output


def test_a_metafile_of_mmpretrain_as_it_is(cli: Cli, tmp_path: Path) -> None:
    """VGG-11 by hand: 7,609,090,048 multiply-accumulates, 132,863,336 parameters; 7.63 G counts ReLU and pools as well."""
    path = tmp_path / "metafile.yml"
    head = "Models:\n  - Name: vgg11_8xb32_in1k\n    In Collection: VGG\n    Metadata:\n"
    path.write_text(f"{head}      FLOPs: 7630000000\n      Parameters: 132860000\n", encoding="utf-8")
    found = cli.json("verify", "--data", path)["figures"]
    assert [(one["quantity"], one["verdict"], one["counting"]) for one in found] == [
        ("macs", "differs", ["mmcv_classifier"]),
        ("params", "reproduced", []),
    ]
    assert [one["found"] for one in found] == [7_609_090_048, 132_863_336]
    path.write_text(f"{head}      FLOPs: 132860000\n      Parameters: 7630000000\n", encoding="utf-8")
    failed = cli("verify", "--data", path)
    assert failed.exit_code == 1
    assert "no way in which figures of mmpretrain are counted gives it" in " ".join(failed.stdout.split())
    path.write_text("Models: {}\n", encoding="utf-8")
    wrong = cli("verify", "--data", path)
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith(f"{path}:1:1: a metafile has a list of Models")


def test_a_spreadsheets_byte_order_mark_and_line_ends_are_read(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes(b'\xef\xbb\xbfmodel,quantity,printed\r\nlenet5,params,"61,706"\r\n')
    cli.ok("verify", "--data", path)


def test_reports_do_not_wait_for_published_figures() -> None:
    """A report imports none of it, and verify imports neither numpy nor pandas."""
    code = "import sys; from convcost.cli import main; main({arguments}, standalone_mode=False); print(*sys.modules)"
    for arguments, forbidden in [
        (["report", "lenet5"], {"csv", "convcost.published", "convcost.published_data", "convcost.verification"}),
        (["verify", "lenet5"], {"numpy", "pandas", "plotly", "sympy"}),
    ]:
        done = subprocess.run(
            [sys.executable, "-c", code.replace("{arguments}", repr(arguments))],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert not forbidden & set(done.stdout.splitlines()[-1].split())


def test_latencies_stand_among_the_figures_of_a_network_each_with_its_setup(cli: Cli) -> None:
    """The authors' table: 12 ms on the CPU of a Pixel 4 with 4 threads, 9.0 on its GPU, 3.8 on its EdgeTPU in int8."""
    found = cli.json("verify", "efficientnet_lite0", "--source", "efficientnet_lite")
    timed = {one["run"]: one for one in found["figures"] if one["quantity"] == "latency"}
    printed = {key: one["printed"] for key, one in timed.items()}
    assert printed["pixel4_t4"] == "12 ms"
    assert printed["pixel4_gpu"] == "9.0 ms"
    assert printed["pixel4_tpu_int8"] == "3.8 ms"
    assert {one["verdict"] for one in timed.values()} == {"cited"}


@pytest.mark.parametrize("fmt", FORMATS)
def test_latencies_in_every_format(fmt: str, cli: Cli) -> None:
    assert "3.1" in cli.ok("verify", "efficientnet_b7", "--latency", "e5_2690", "--format", fmt)
    assert "Xeon" in cli.ok("verify", "efficientnet_b7", "--latency", "all", "--format", fmt) or fmt == "csv"


def test_a_latency_as_json_names_all_that_it_was_measured_on(cli: Cli) -> None:
    found = cli.json("verify", "mobilenet_v2", "--latency", "pixel3_int8", "--source", "mobilenet_v3")
    assert found["schema"] == "convcost.published_latencies/1"
    assert found["setup"] == {
        "key": "pixel3_int8",
        "device": "Google Pixel 3",
        "unit": "one large core of the CPU",
        "runtime": "TensorFlow Lite of 2019",
        "dtype": "int8",
        "threads": 1,
        "batch": 1,
        "title": "Google Pixel 3, one large core of the CPU, TensorFlow Lite of 2019, 1 thread, int8",
    }
    assert [(one["network"], one["ms"], one["printed"]) for one in found["latencies"]] == [
        ("mobilenet_v2", 37.0, "37.0"),
        ("mobilenet_v2:width=0.35", 11.9, "11.9"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--latency", "pixle1"], "there are no published latencies of 'pixle1'. Did you mean pixel1?"),
        (["--latency", "all", "--source", "nobody"], "there is no source 'nobody'"),
        (["--latency", "sd855", "--data", "x.csv"], "--latency shows published latencies, and --data checks a file"),
    ],
)
def test_what_latencies_cannot_be_asked_for(options: list[str], message: str, cli: Cli) -> None:
    failed = cli("verify", *options)
    assert failed.exit_code == 2
    assert failed.stderr.startswith(message)
