"""`convcost frontier`: formats that agree, and what is refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from convcost.published.data import accuracies

if TYPE_CHECKING:
    from helpers.cli import Cli


pytestmark = pytest.mark.usefixtures("costs_once")
HEAD = "item,model,knobs,resolution,top1,macs,convention,family"


def table(path: Path, *rows: str, head: str = HEAD) -> str:
    path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    return str(path)


def test_where_no_family_is_near_all_are_named(cli: Cli) -> None:
    said = cli("frontier", "--family", "nothing").stderr
    assert said.startswith("there is no family 'nothing'. Known: AlexNet, AttentiveNAS, BagNet, BN-Inception, ")
    assert said.endswith(", ZFNet\n")
    listed = said.partition("Known: ")[2].strip().split(", ")
    assert set(listed) == {row.family for row in accuracies()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--family", "mobilenetvv1"], "there is no family 'mobilenetvv1'. Did you mean MobileNetV1?"),
        (["--source", "efficientnt"], "there is no source 'efficientnt'. Did you mean efficientnet?"),
        (
            ["--x", "latency"],
            "latency is of one setup: name it, e.g. --setup sd855 for what is printed",
        ),
        (["--setup", "sd855"], "a setup has latencies, and macs is counted: leave out the setup, or ask for latency"),
        (["--year", "18"], "'18' is no year or span of years, e.g. 2018 or 2015-2019"),
        (["--year", "1990"], "nothing to show: "),
        (["--year", "2026-2018"], "the span of years 2026-2018 begins at 2026 and ends before it, at 2018"),
        (["--resolution", "300-200"], "the span of resolutions 300-200 begins at 300 and ends before it, at 200"),
        (
            ["--y", "map"],
            "map is of detection, and without a task accuracies are of ImageNet: ask for --task detection",
        ),
        (
            ["--task", "detection", "--imagenet-only"],
            "--imagenet-only is of ImageNet, and nobody checked what networks for detection learnt from",
        ),
        (
            ["--your", "resnet18=no"],
            "resnet18, top1: an accuracy is a number of per cent above 0, at most 100, e.g. 72.3, got 'no'",
        ),
        (
            ["--your", "resnet18=172"],
            "resnet18, top1: an accuracy is a number of per cent above 0, at most 100, e.g. 72.3, got '172'",
        ),
        (["--your", "resnet18=0.72"], "resnet18, top1: 0.72 is a fraction, and accuracies are per cent: write 72"),
        (
            ["--your", "resnet18=0.6985"],
            "resnet18, top1: 0.6985 is a fraction, and accuracies are per cent: write 69.85",
        ),
        (
            ["--y", "top5", "--your", "resnet18=0.9"],
            "resnet18, top5: 0.9 is a fraction, and accuracies are per cent: write 90",
        ),
        (["--your", "resnet18=1"], "resnet18, top1: 1 is a fraction, and accuracies are per cent: write 100"),
        (
            ["--highlight", "mobilnet_v2"],
            "no family 'mobilnet_v2' to highlight is in the picture. Did you mean MobileNetV2?",
        ),
        (["--add", "none.csv"], "none.csv: "),
        (["--min", "0.7"], "the least accuracy: 0.7 is a fraction, and accuracies are per cent: write 70"),
        (["--convention", "papper"], "there is no convention 'papper'. Did you mean paper?"),
        (["--data", "none.csv"], "none.csv: "),
        (
            ["--your", "resnet18=1e99999999"],
            "resnet18, top1: an accuracy is a number of per cent above 0, at most 100, e.g. 72.3, got '1e99999999'",
        ),
        (["--max", "little"], "'little' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
        (["--x", "peak", "--max", "1MB"], "'1MB': MB may mean powers of 1,000 or of 1,024; write 1MiB, or the bytes"),
        (
            ["--min", "0"],
            "the least accuracy: an accuracy is a number of per cent above 0, at most 100, e.g. 72.3, got '0'",
        ),
        (["--max", "1M", "--min", "99"], "nothing to show: no point has macs at most 1,000,000, top1 at least 99 %"),
    ],
)
def test_refusals_are_one_line(
    cli: Cli, options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("frontier", *options, "-o", "out.html")
    assert done.exit_code == 2
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [["--data", "free.csv"], ["--data", "some.csv", "--your", "free.yaml=70"]])
def test_what_costs_nothing_has_no_place_on_the_axis(
    cli: Cli, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("free.csv").write_text("item,top1,macs\nfree,70,0\n")
    Path("some.csv").write_text("item,top1,macs\nsome,70,5\n")
    Path("free.yaml").write_text("convcost: 1\nname: free\ninput: [8, 8, 3]\nlayers:\n  - max_pool: {kernel: 2}\n")
    why = (
        "free: costs 0 MACs, and the axis of costs is logarithmic: leave it out of the picture; as a table it is shown"
    )
    for file in ("f.svg", "f.html"):
        assert cli.refused_in_a_line("frontier", *options, "-o", file) == why
    assert "free" in cli.ok("frontier", *options)


@pytest.mark.parametrize(
    ("head", "row", "message"),
    [
        ("item,top1,mac", "a,70,5", "bad.csv:1: there is no column 'mac'. Did you mean macs?"),
        ("item,macs", "a,5", "bad.csv:1: the column top1 is missing. Columns: "),
        ("item,top1", "a,", "bad.csv:2: top1 is empty"),
        ("item,top1", "a,0.7.1", "bad.csv:2: top1 must be an accuracy in per cent, e.g. 70.6, got '0.7.1'"),
        ("item,top1", "a,101", "bad.csv:2: top1 must be an accuracy in per cent, e.g. 70.6, got '101'"),
        ("item,top1", "a,0.7", "bad.csv:2: top1: 0.7 is a fraction, and accuracies are per cent: write 70"),
        (
            "item,top1,macs",
            "a,70,5X",
            "bad.csv:2: macs must be a number of millions, e.g. 3.47, or with its unit, 3.47M, got '5X'",
        ),
        (
            "item,top1,macs",
            "a,70,300774272",
            "bad.csv:2: macs are in millions, and 300774272 looks like a count: write 300.774272, or 300.774272M",
        ),
        (
            "item,top1,params",
            "a,70,3504872",
            "bad.csv:2: params are in millions, and 3504872 looks like a count: write",
        ),
        ("item,top1,macs,flops", "a,70,5,10", "bad.csv:2: macs and flops exclude each other"),
        ("item,top1,family,label", "a,70,A,B", "bad.csv:2: family and label exclude each other"),
        ("item,top1,year", "a,70,soon", "bad.csv:2: year must be a whole number, got 'soon'"),
        ("item,top1,model,knobs", "a,70,vgg16,width", "bad.csv:2: knobs: 'width' is not KEY=VALUE, e.g. width=0.75"),
        ("item,top1,model,knobs", "a,70,vgg16,wid=1", "bad.csv:2: vgg16 has no knob 'wid'. Did you mean width?"),
        (
            "item,top1,model,knobs,resolution",
            "a,70,mobilenet_v1,resolution=192,160",
            "bad.csv:2: resolution is 160, but knobs say 192; leave out one",
        ),
        ("item,top1", "a,70,71", "bad.csv:2: 3 cells where the header has 2 columns; a cell with a comma in it"),
    ],
)
def test_a_wrong_table_is_told_where(
    cli: Cli, head: str, row: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "bad.csv", row, head=head)
    done = cli("frontier", "--data", "bad.csv", "-o", "out.svg")
    assert (done.exit_code, done.stderr.splitlines()[0][: len(message)]) == (2, message)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


@pytest.mark.parametrize(
    ("said", "item", "family", "cost"),
    [
        ("mobilenet_v2:width=0.5=66", "mobilenet_v2:width=0.5", "MobileNetV2", 97_131_840),
        ("mobilenet_v2=66", "mobilenet_v2", "MobileNetV2", 300_774_272),
        ("mobilenet_v2:width=0.5=66=My Net", "mobilenet_v2:width=0.5", "My Net", 97_131_840),
        ("lenet5=66=2 of mine", "lenet5", "2 of mine", 416_520),
        ("lenet5=66=Mine, a=b", "lenet5", "Mine, a=b", 416_520),
        ("lenet5=66=lr=0.1, 90", "lenet5", "lr=0.1, 90", 416_520),
        ("mobilenet_v1:width=1,resolution=224=70.6=a=1", "mobilenet_v1", "a=1", 568_740_352),
    ],
)
def test_your_network_may_carry_knobs_and_a_label(cli: Cli, said: str, item: str, family: str, cost: int) -> None:
    """97 M at width 0.5 and 301 M at 1.0: MobileNetV2's repository; LeNet-5 by hand, 416,520; 569 M: MobileNetV1's paper."""
    (own,) = [p for p in cli.json("frontier", "--source", "mobilenet_v1", "--your", said)["points"] if p["yours"]]
    assert (own["item"], own["family"], own["macs"]) == (item, family, cost)


@pytest.mark.parametrize("said", ["resnet18", "=66", "resnet18="])
def test_what_is_no_network_with_its_accuracy_is_refused_with_the_form(cli: Cli, said: str) -> None:
    done = cli("frontier", "--your", said)
    assert done.exit_code == 2
    assert (
        f"{said!r} is not MODEL=ACCURACY or MODEL=ACCURACY=LABEL, e.g. my.yaml=72.3=MyNet; the accuracy is that of --y"
        in done.stderr
    )


def test_families_to_highlight_stand_with_commas_or_one_by_one(cli: Cli) -> None:
    asked = [cli.json("frontier", *words)["highlighted"] for words in (
        ["--highlight", "mobilenet_v2, efficientnet"], ["--highlight", "mobilenet_v2", "--highlight", "efficientnet"],
    )]  # fmt: skip
    assert asked == [["MobileNetV2", "EfficientNet"]] * 2


def test_machine_formats_agree(cli: Cli) -> None:
    few = ["--family", "MobileNetV1", "--tier", "authors"]
    data = cli.json("frontier", *few)
    rows = list(csv.DictReader(io.StringIO(cli.ok("frontier", *few, "--format", "csv"))))
    assert data["schema"] == "convcost.frontier/1"
    assert [p["macs"] for p in data["points"]] == [int(row["macs"]) for row in rows]
    assert [str(p["front"]) for p in data["points"]] == [row["front"] for row in rows]
    text = cli.ok("frontier", *few)
    assert sum("  *  " in line for line in text.splitlines()) == sum(p["front"] for p in data["points"])


def test_bytes_depend_on_nothing_but_the_data(cli: Cli, tmp_path: Path) -> None:
    outputs = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        for ending in ("html", "svg", "csv", "json", "md"):
            done = cli("frontier", "--family", "MobileNetV2", "-o", folder / f"front.{ending}")
            assert done.exit_code == 0, done.output
        outputs.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert outputs[0] == outputs[1]
    assert b"2026" not in outputs[0]["front.svg"]
