"""`convcost latency` and `convcost devices`: what they print, mark and refuse, and the question of a new user."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.checks import macs, net

from convcost import list_devices, load
from convcost.devices.stored import find

if TYPE_CHECKING:
    from helpers.cli import Cli

#: A MAC takes a nanosecond, a byte a picosecond, a kernel a microsecond.
SLOW = "title: A slow one\nmacs_per_second: {fp32: 1e9, int8: 2e9}\nbytes_per_second: 1e12\noverhead_us: 1\n"
OWN = """\
title: A board
runtime: A runtime
threads: 2
source: measured in a test
femtoseconds: {direct: 3, im2col: 5, pointwise: 7, weights: 11, activations: 13, kernels: 10000}
error: {median: 0.01, p90: 0.05, worst: 0.2, networks: 7}
networks:
- {network: small, ms: 1, terms: {direct: 6000, im2col: 1700, pointwise: 3000, weights: 600, activations: 1800, kernels: 3}}
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(net(), encoding="utf-8")
    Path("slow.yaml").write_text(SLOW, encoding="utf-8")
    Path("own.yaml").write_text(OWN, encoding="utf-8")


def test_a_latency_has_its_error_its_source_and_what_bounds_it(cli: Cli) -> None:
    said = " ".join(cli.ok("latency", "net.yaml", "--device", "own.yaml").split())
    assert "±1.0 % median, 5.0 % for nine in ten, 20 % worst of 7 networks, each left out in turn" in said
    assert "device own: A board, A runtime, 2 threads" in said
    assert "source measured in a test" in said
    assert "fitted on 1 network: small; 1.00 ms to 1.00 ms" in said
    assert sorted(re.findall(r"(\w+) \S+ ms \(", said.partition("kinds ")[2].partition(" bound ")[0])) == [
        "convolution",
        "overhead",
        "pointwise",
    ]
    assert re.search(r"bound .*compute", said)


def test_json_has_latency_ms_per_layer_and_in_total(cli: Cli) -> None:
    found = cli.json("latency", "net.yaml", "--device", "slow.yaml")
    assert found["schema"] == "convcost.latency/1"
    # MACs outweigh bytes everywhere; three kernels.
    assert found["latency_ms"] == pytest.approx((macs() * 1e-9 + 3e-6) * 1e3)
    assert [layer["latency_ms"] for layer in found["layers"]] == pytest.approx(
        [64 * 27 * 4 * 1e-6 + 1e-3, 64 * 32 * 1e-6 + 1e-3, 64 * 16 * 1e-6 + 1e-3]
    )
    assert {layer["bound"] for layer in found["layers"]} == {"compute"}
    assert found["error"] is None
    assert found["device"]["kind"] == "roofline"
    halved = cli.json("latency", "net.yaml", "--device", "slow.yaml", "--dtype", "int8", "--batch", "4")
    assert halved["latency_ms"] == pytest.approx((4 * macs() / 2 * 1e-9 + 3e-6) * 1e3)


@pytest.mark.parametrize("level", ["unit", "layer", "block", "stage", "op", "kind"])
def test_rows_of_every_level_add_up(cli: Cli, level: str) -> None:
    found = cli.json("latency", "mobilenet_v2", "--device", "raspberry_pi_4_ncnn_1t", "--by", level)
    parts = found["layers"] if level == "layer" else found["groups"]
    assert sum(part["latency_ms"] for part in parts) == pytest.approx(found["latency_ms"])
    assert sum(part["macs"] for part in parts) == load("mobilenet_v2").report().totals.macs


def test_what_is_of_another_kind_is_refused_in_a_line(cli: Cli) -> None:
    said = cli.refused_in_a_line("latency", "resnet18", "--device", "sd855")
    # 16 convolutions 3×3 in blocks, of which 3 have stride 2.
    lacks = "winograd (13 layers, as conv2_x.block1.conv1.conv2d)"
    assert said.startswith(
        f"resnet18: no network that sd855 was fitted on has more than a trace of {lacks}, so that its time there is not known. "
    )
    assert "convcost calibrate TABLE.csv -o device.yaml" in said
    said = cli.refused_in_a_line("latency", "vit_b_16", "--device", "raspberry_pi_4_ncnn_1t")
    assert "trace of matmul (24 layers" in said  # scores and values of twelve
    assert "Only rooflines take it" in said
    # One of several that is refused leaves no table without it.
    cli.refused("latency", "mobilenet_v1", "resnet18", "--device", "sd855")


@pytest.mark.parametrize(
    ("network", "device", "words", "first"),
    [
        ("resnet18", "sd855", (), "snapdragon"),  # no other of its runtime knows them: one of a like chip
        ("mobilenet_v2", "pixel1", ("--dtype", "int8"), ""),
        ("densenet121", "pixel1", (), ""),
        ("mobilenet_v2", "raspberry_pi_4_ncnn_1t", ("--dtype", "fp16"), None),
    ],
)
def test_a_refusal_is_short_and_names_devices_that_take_it(
    cli: Cli, network: str, device: str, words: tuple[str, ...], first: str | None
) -> None:
    said = cli.refused_in_a_line("latency", network, "--device", device, *words)
    assert len(said) < 450
    assert said.count(". ") == 1
    named = re.search(r"Devices with such networks: ([^;]*);", said)
    assert (named is None) == (first is None)
    if named and first is not None:
        names = named[1].split(" or ")
        assert names[0].startswith(first)
        assert len(names) <= 4
        for name in names[:3]:
            cli.ok("latency", network, "--device", name, *words)


def test_what_goes_beyond_is_marked_in_text_json_and_csv(cli: Cli) -> None:
    Path("own.yaml").write_text(OWN.replace("pointwise: 3000", "pointwise: 30"), encoding="utf-8")
    text = cli.ok("latency", "net.yaml", "--device", "own.yaml")
    assert "extrapolated" in text
    assert re.search(r"^total .*~", text, re.MULTILINE)
    found = cli.json("latency", "net.yaml", "--device", "own.yaml")
    assert found["extrapolated"] is True
    assert found["reasons"]
    csv = cli.ok("latency", "net.yaml", "--device", "own.yaml", "--format", "csv").splitlines()
    assert csv[0].endswith(",extrapolated")
    assert all(line.endswith(",True") for line in csv[1:])
    both = cli.ok("latency", "net.yaml", "--device", "own.yaml", "--device", "slow.yaml")
    assert re.search(r"extrapolated +net\.yaml|extrapolated +tiny on own", both)


def test_why_an_efficientnet_is_slower_than_a_resnet_of_more_macs(cli: Cli) -> None:
    """One command: fewer MACs, more time, and which kinds of kernel take it."""
    words = ("latency", "resnet18", "efficientnet_b0", "--device", "jetson_agx_xavier_gpu_ncnn")
    found = cli.json(*words)["latencies"]
    assert [one["network"] for one in found] == ["resnet18", "efficientnet_b0"]
    assert found[1]["totals"]["macs"] * 4 < found[0]["totals"]["macs"]
    assert found[1]["latency_ms"] > found[0]["latency_ms"]
    said = " ".join(cli.ok(*words).split())
    why = re.search(
        r"why efficientnet_b0 has (\S+) × the MACs of resnet18 and takes (\S+) × as long: (\S+) ms, (.*?) measured",
        said,
    )
    assert why
    assert float(why[1]) == pytest.approx(found[1]["macs_ratio"], rel=5e-3)
    assert float(why[2]) == pytest.approx(found[1]["ratio"], rel=5e-3)
    parts = dict(part.rsplit(" ", 1) for part in why[4].split(", "))
    assert {"depthwise", "elementwise", "overhead", "convolution"} <= {*parts}
    assert sum(map(float, parts.values())) == pytest.approx(float(why[3]), abs=0.05)
    assert float(parts["overhead"]) > 0 > float(parts["convolution"])
    for ending in ("svg", "html"):
        cli.ok(*words, "-o", f"why.{ending}")
        text = Path(f"why.{ending}").read_text(encoding="utf-8")
        assert "efficientnet_b0: time" in text
        assert "overhead" in text
    assert "beside the rates of" in Path("why.html").read_text(encoding="utf-8")


def test_formats_and_files(cli: Cli) -> None:
    words = ("latency", "net.yaml", "--device", "slow.yaml")
    assert len(cli.ok(*words, "--format", "csv").splitlines()) == 1 + 3
    assert cli.ok(*words, "--format", "markdown").startswith("### tiny")
    for picture in ("roofline", "kinds"):
        cli.ok(*words, "--picture", picture, "-o", f"{picture}.svg")
    assert "under the roofs of slow" in Path("roofline.svg").read_text(encoding="utf-8")
    assert "MACs and time by kind of kernel" in Path("kinds.svg").read_text(encoding="utf-8")
    cli.ok(*words, "-o", "page.html")
    page = Path("page.html").read_text(encoding="utf-8")
    assert "convcost latency net.yaml --device slow.yaml -o FILE.html" in page
    assert "A slow one" in page


def test_several_devices_are_a_row_each(cli: Cli) -> None:
    found = cli.json("latency", "net.yaml", "--device", "slow.yaml", "--device", "own.yaml")["latencies"]
    assert [one["device"]["name"] for one in found] == ["slow", "own"]
    assert found[0]["ratio"] == 1
    assert found[1]["ratio"] == pytest.approx(found[1]["latency_ms"] / found[0]["latency_ms"])
    text = cli.ok("latency", "net.yaml", "lenet5", "--device", "slow.yaml", "--device", "v100")
    assert len(re.findall(r"^(?:tiny|lenet5) +(?:slow|v100) ", text, re.MULTILINE)) == 4


def test_knobs_and_inputs_are_those_of_other_commands(cli: Cli) -> None:
    device = ("--device", "raspberry_pi_4_ncnn_1t")
    knob = cli.json("latency", "mobilenet_v2", *device, "--set", "resolution=128")
    given = cli.json("latency", "mobilenet_v2", *device, "--input", "128")
    named = cli.json("latency", "mobilenet_v2:resolution=128", *device)
    assert knob["latency_ms"] == given["latency_ms"] == named["latency_ms"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("net.yaml",), "Missing option '--device'"),
        (("net.yaml", "--device", "v10"), "there is no device 'v10'. Did you mean v100?"),
        (("net.yaml", "--device", "v100", "--device", "v100"), "the device v100 is given twice"),
        (("net.yaml", "lenet5", "--device", "v100", "--by", "kind"), "--by kind is of one network on one device"),
        (("net.yaml", "--device", "v100", "--by", "kinds"), "Did you mean kind?"),
        (("net.yaml", "--device", "jetson_nano", "--dtype", "int8"), "jetson_nano states its speed for fp32"),
        (("net.yaml", "--device", "none.yaml"), "none.yaml: cannot be read"),
        (("net.yaml", "--device", "v100", "--device", "t4", "--picture", "roofline", "-o", "x.svg"), "of one device"),
        (("net.yaml", "--board", "v100"), "Did you mean '--device'?"),
    ],
)
def test_what_it_refuses(cli: Cli, words: tuple[str, ...], said: str) -> None:
    assert said in cli("latency", *words, code=2).stderr


def test_unknown_ops_make_it_a_lower_bound_and_the_exit_status_3(cli: Cli) -> None:
    text = net().replace(
        "- {conv2d: {channels: 2",
        "- {unknown: {type: Strange, shape: [8, 8, 8]}, name: odd}\n  - {conv2d: {channels: 2",
    )
    Path("odd.yaml").write_text(text, encoding="utf-8")
    ran = cli("latency", "odd.yaml", "--device", "slow.yaml", code=3)
    assert re.search(r"time +>= ", ran.stdout)
    assert re.search(r"^total .*>= ", ran.stdout, re.MULTILINE)
    assert "counts are lower bounds; --partial accepts it" in ran.stderr
    found = cli.json("latency", "odd.yaml", "--device", "slow.yaml", "--partial")
    assert found["complete"] is False
    assert [one["type"] for one in found["unknown"]] == ["Strange"]
    # The three convolutions at least.
    assert found["latency_ms"] >= (macs() * 1e-9 + 3e-6) * 1e3
    beside = cli("latency", "odd.yaml", "net.yaml", "--device", "slow.yaml", "--partial", code=0).stdout
    assert ">= " in beside
    assert re.search(r"^net\.yaml: tiny.* \?", beside, re.MULTILINE)


def test_devices_are_listed_in_every_format(cli: Cli) -> None:
    text = cli.ok("devices").splitlines()
    assert [line.split()[0] for line in text[2 : 2 + len(list_devices())]] == [*list_devices()]
    found = cli.json("devices", "sd855*", "v100")["devices"]
    assert [one["kind"] for one in found] == ["calibrated"] * 3 + ["roofline"]
    one = found[0]
    device = find(one["name"])
    assert one["error"]["networks"] == len(one["fitted_on"]) == len(device.fitted)  # type: ignore[union-attr]
    assert all(one["source"] for one in found)
    assert len(cli.ok("devices", "ncnn", "--format", "csv").splitlines()) > 40
    assert "no device matches 'zzz'" in cli("devices", "zzz", code=2).stderr


def test_explain_says_how_a_time_is_made_of_counts(cli: Cli) -> None:
    words = ("explain", "mobilenet_v1", "stage7.block1.pointwise.conv2d", "--device", "sd855")
    said = " ".join(cli.ok(*words).split())
    whole, terms = re.search(r"time (\S+) ms on sd855 = (.*) error ", said).groups()  # type: ignore[union-attr]
    each = [re.fullmatch(r"([\d,]+) (\w+) × ([\d,.]+) ps", term) for term in terms.split(" + ")]
    counts = {one[2]: int(one[1].replace(",", "")) for one in each if one}
    # 14·14 positions, 512 channels to 512, fp32.
    assert counts == {
        "pointwise": 14 * 14 * 512 * 512,
        "weights": 512 * 512 * 4,
        "activations": 2 * 14 * 14 * 512,
        "kernels": 1,
    }
    sums = sum(int(one[1].replace(",", "")) * float(one[3].replace(",", "")) for one in each if one)
    assert float(whole) == pytest.approx(sums / 1e9, rel=5e-3)
    (layer,) = cli.json(*words)["latency"]["layers"]
    assert layer["latency_ms"] == pytest.approx(sums / 1e9, rel=5e-4)
    block = " ".join(cli.ok("explain", "mobilenet_v1", "stage7.block1", "--device", "sd855").split())
    assert f"{14 * 14 * 512 * 9:,} depthwise × " in block
    assert "2 kernels × " in block
    roof = " ".join(cli.ok("explain", "net.yaml", "expand", "--device", "slow.yaml").split())
    assert (
        "time 0.00305 ms on slow: compute 0.00205 ms (67 %), overhead 0.00100 ms (33 %)" in roof
    )  # 64·4·8 ns, and 1 µs
    fused = " ".join(cli.ok("explain", "mobilenet_v1", "stem.batch_norm", "--device", "v100").split())
    assert "time none on v100" in fused
    assert "leave out --device" in cli("explain", "net.yaml", "--symbols", "x", "--device", "v100", code=2).stderr


def test_files_of_one_name_are_told_apart_by_their_paths(cli: Cli) -> None:
    """The second device does all in half of the time."""
    for folder, speed in (("da", 10**9), ("db", 2 * 10**9)):
        Path(folder).mkdir()
        text = f"macs_per_second: {{fp32: {speed}}}\nbytes_per_second: {speed}\n"
        Path(folder, "dev.yaml").write_text(text, encoding="utf-8")
    Path("v100.yaml").write_text(SLOW, encoding="utf-8")
    both = ("latency", "net.yaml", "--device", "da/dev.yaml", "--device", "db/dev.yaml")
    found = cli.json(*both)["latencies"]
    assert [one["device"]["name"] for one in found] == ["da/dev.yaml", "db/dev.yaml"]
    assert found[1]["latency_ms"] == found[0]["latency_ms"] / 2
    assert found[1]["ratio"] == 0.5
    cli.ok(*both, "-o", "page.html")
    known = cli.json("latency", "net.yaml", "--device", "v100", "--device", "v100.yaml")["latencies"]
    assert [one["device"]["name"] for one in known] == ["v100", "v100.yaml"]
    for again in ("da/dev.yaml", "./da/dev.yaml", Path("da/dev.yaml").resolve()):
        assert cli.refused_in_a_line(*both, "--device", again) == "the device dev is given twice"
