"""Limits on latency: what is measured on a device, what grows, what a lock file holds, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.checks import budgets, net

import convcost
from convcost import UsageError
from convcost.networks.latency import latency

if TYPE_CHECKING:
    from helpers.cli import Cli

DEVICE = """\
title: A device of round figures
femtoseconds:
  direct: 1000000
  im2col: 0
  pointwise: 1000000
  weights: 0
  activations: 0
  kernels: 500000000000
error: {median: 0.01, p90: 0.02, worst: 0.03, networks: 4}
"""
"""A nanosecond for each MAC, half a millisecond for each kernel."""
KERNELS = 3 * 500_000_000_000


def time(wide: int = 8) -> int:
    """Of the small network, whose stem is a window, all else products: nanoseconds of its MACs, and three kernels."""
    return 64 * (27 * 4 + 4 * wide + wide * 2) * 10**6 + KERNELS


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text(DEVICE)
    return tmp_path


def test_a_limit_on_latency_is_what_one_works_out_by_hand(here: Path, cli: Cli) -> None:
    """64 · 156 MACs in 9.984 µs, and 1.5 ms for three kernels."""
    (here / "net.yaml").write_text(net())
    assert time() == 1_509_984_000_000
    (line,) = convcost.check("net.yaml", max_latency="1.51ms", device="own.yaml").lines
    assert (line.measured, line.allowed, line.verdict) == (time(), 1_510_000_000_000, "holds")
    (line,) = convcost.check("net.yaml", max_latency="1.509983999999ms", device="own.yaml").lines
    assert (line.headroom, line.verdict) == (-1, "broken")  # a femtosecond
    assert [(part.name, part.after, part.unit) for part in line.largest] == [
        ("stem", 507, "µs"),  # 500 µs and 64·108 ns
        ("expand", 502, "µs"),
        ("project", 501, "µs"),
    ]
    found = cli.json("check", "net.yaml", "--max-latency", "1ms", "--device", "own.yaml", code=1)
    (said,) = found["limits"]
    assert (said["metric"], said["measured"], said["allowed"]) == ("latency_ms", 1.509984, 1.0)
    assert said["headroom"] == -0.509984
    assert "own: A device of round figures; ±1.0 % median" in said["under"]


def test_a_budgets_file_names_the_device_and_the_lock_file_holds_what_it_says(here: Path, cli: Cli) -> None:
    text = "defaults: {device: own.yaml, limits: {latency: 2ms, growth.latency: 0%}}\nnetworks: [net.yaml]"
    budgets(here, text, net=net(8))
    cli("check", "--update", code=0)
    lock = (here / "convcost-lock.yaml").read_text()
    assert f"    device: own\n    latency_fs: {time(8)}\n" in lock
    cli("check", code=0)
    (here / "net.yaml").write_text(net(9))
    grown = cli.json("check", code=1)["limits"]
    (line,) = (one for one in grown if one["limit"] == "growth.latency")
    assert (line["before"], line["measured"]) == (time(8) / 10**12, time(9) / 10**12)
    assert line["grew"][0]["name"] == "expand"
    shutil.copy("own.yaml", "other.yaml")
    (here / "convcost-budgets.yaml").write_text(text.replace("own.yaml", "other.yaml"))
    assert "convcost-lock.yaml has net.yaml at device own" in cli("check", code=2).stderr


def test_growth_alone_leaves_latencies_out(here: Path) -> None:
    """They need a device, which growth of all else does not."""
    (here / "net.yaml").write_text(net())
    found = convcost.check("net.yaml", baseline=convcost.load("net.yaml"), tolerance="0%")
    assert [line.limit for line in found.lines] == ["growth.macs", "growth.params", "growth.peak", "growth.weights"]


def test_growth_from_a_baseline(here: Path) -> None:
    for wide in (8, 9):
        (here / f"net{wide}.yaml").write_text(net(wide))
    limits = {"growth.latency": "0.025%"}
    (line,) = convcost.check("net9.yaml", baseline="net8.yaml", limits=limits, device="own.yaml").lines
    assert (line.before, line.measured, line.verdict) == (time(8), time(9), "broken")  # by 384 ns of 1,509,984
    assert line.allowed == time(8) * 100025 // 100000


def test_what_says_nothing_is_refused(here: Path, cli: Cli) -> None:
    (here / "net.yaml").write_text(net(limits="{latency: 2ms}"))
    assert "a latency is of a device: say device: NAME" in cli("check", "net.yaml", code=2).stderr
    assert "20ms, 1.5s or 300us" in cli("check", "net.yaml", "--max-latency", "20", code=2).stderr
    budgets(here, "networks: [{model: net.yaml, device: owl.yaml}]")
    assert "owl.yaml" in cli("check", code=2).stderr
    budgets(here, "networks: [{model: net.yaml, device: sd85}]")
    said = cli("check", code=2).stderr
    assert "convcost-budgets.yaml:1:" in said
    assert "Did you mean sd855 or" in said
    (failure,) = convcost.check("resnet18", max_latency="2ms", device="sd855").failures
    assert "resnet18: no network that sd855 was fitted on" in failure.what


def test_a_report_has_a_column_of_times_that_add_up(here: Path, cli: Cli) -> None:
    (here / "net.yaml").write_text(net())
    report = convcost.load("net.yaml").report(device="own.yaml")
    assert {layer.name: layer.femtoseconds for layer in report.layers} == {
        "stem": 64 * 108 * 10**6 + KERNELS // 3,
        "expand": 64 * 32 * 10**6 + KERNELS // 3,
        "project": 64 * 16 * 10**6 + KERNELS // 3,
    }
    assert report.totals.femtoseconds == time()
    data = json.loads(cli.ok("report", "net.yaml", "--device", "own.yaml", "--by", "layer", "--format", "json"))
    assert data["totals"]["latency_ms"] == 1.509984
    assert [layer["latency_ms"] for layer in data["layers"]] == [0.506912, 0.502048, 0.501024]
    assert (data["device"]["name"], data["device"]["error"]["median"]) == ("own", 0.01)
    text = cli.ok("report", "net.yaml", "--device", "own.yaml", "--sort", "latency", "--columns", "macs,latency")
    assert "1.51 ms on own: A device of round figures, as fp32: ±1.0 % median" in " ".join(text.split())
    assert report.to_frame("op")["latency_ms"].tolist() == [0.506912, 0.502048 + 0.501024]
    assert "latency_ms" not in convcost.load("net.yaml").report().to_dict()["totals"]
    assert "cannot be sorted by 'latency'" in cli("report", "net.yaml", "--sort", "latency", code=2).stderr
    assert "convcost latency" in cli("report", "net.yaml", "vgg16", "--device", "own.yaml", code=2).stderr


def test_a_report_of_a_network_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="no network that sd855 was fitted on"):
        convcost.load("resnet18").report(device="sd855")


def test_a_time_is_in_one_unit_and_what_is_left_of_it_to_three_digits(here: Path, cli: Cli) -> None:
    (here / "net.yaml").write_text(net())
    said = " ".join(cli("check", "net.yaml", "--max-latency", "1ms", "--device", "own.yaml", code=1).output.split())
    assert "1.5100 ms 1.0000 ms -0.510 ms" in said  # 1.509984 ms of 1 ms
    assert "over by 0.510 ms (51.00 %); largest: stem 0.507 ms, expand 0.502 ms, project 0.501 ms" in said
    assert "µs" not in said


def test_what_is_extrapolated_has_its_mark_in_the_row(cli: Cli) -> None:
    limits = ("--max-latency", "1s", "--max-macs", "10G", "--device", "pixel1")
    names = ["mobilenet_v2", "mobilenet_v2:resolution=448"]
    assert [latency(convcost.load(name), "pixel1").extrapolated for name in names] == [False, True]
    rows = [line for line in cli("check", *names, *limits).output.splitlines() if line.startswith("mobilenet_v2")]
    assert ["~" in row for row in rows if " latency " in row] == [False, True]
    assert not any("~" in row for row in rows if " macs " in row)
    marks = [one.get("extrapolated") for one in cli.json("check", *names, *limits)["limits"]]
    assert marks == [None, False, None, True]
    (broken,) = convcost.check(names[1], max_latency="1ms", device="pixel1").lines
    assert broken.text.startswith("latency: ~")


def test_a_network_that_is_refused_is_counted_with_the_others() -> None:
    found = convcost.check("mobilenet_v2", "resnet18", max_latency="1s", device="sd855")
    assert found.title == "convcost check · 1 limit of 2 networks · 1 not checked"
