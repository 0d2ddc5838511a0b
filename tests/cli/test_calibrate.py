"""`convcost calibrate`: what is printed of a table, the file of the device, and that its error is honest."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
import yaml
from helpers.paths import ROOT

from convcost import calibrate, load
from convcost.devices import calibration
from convcost.devices.kernels import kernels, total
from convcost.devices.stored import find
from convcost.networks.calibrate import rate
from convcost.networks.measured.profiled import paired

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.cli import Cli

TABLE = ROOT / "tests" / "measured" / "measured.csv"
SPEEDS = {"pointwise": 40_000, "depthwise": 200_000, "vector": 500_000, "kernels": 5 * 10**9}
"""A device that is known: femtoseconds. Products of vectors are slower than those of matrices, as on any device."""


def made_up(tmp_path: Path, noise: float = 0.0) -> Path:
    """A table of times that such a device takes for MobileNets."""
    chance = random.Random(7)
    path = tmp_path / "made_up.csv"
    rows = []
    for version in (1, 2):
        for width in ("0.5", "0.75", "1.0", "1.25"):
            for resolution in (96, 128, 160, 224):
                counts = total(kernels(load(f"mobilenet_v{version}", width=width, resolution=resolution).walked))
                ms = sum(time * counts.get(term, 0) for term, time in SPEEDS.items()) / 10**12
                rows.append(f"mobilenet_v{version},{width},{resolution},{ms * (1 + noise * chance.uniform(-1, 1)):.9f}")
    path.write_text("\n".join(["network,width,resolution,ms", *rows, ""]), encoding="utf-8")
    return path


def test_a_device_that_is_known_is_found_and_predicts_what_it_has_not_seen(cli: Cli, tmp_path: Path) -> None:
    device = tmp_path / "own.yaml"
    found = cli.json("calibrate", made_up(tmp_path), "-o", device)
    assert found["schema"] == "convcost.calibration/1"
    assert found["device"] == "own"
    assert found["error"]["networks"] == 32
    assert found["error"]["worst"] < 1e-4
    for term, time in SPEEDS.items():
        assert found["femtoseconds"][term] == pytest.approx(time, rel=1e-3)
    counts = total(kernels(load("mobilenet_v2", width="0.35").walked))
    ms = sum(time * counts[term] for term, time in SPEEDS.items()) / 10**12
    one = find(str(device))
    assert sum(t.total for t in one.times(load("mobilenet_v2", width="0.35").walked)) / 10**12 == pytest.approx(
        ms, rel=1e-3
    )


def test_what_is_printed_can_be_read(cli: Cli, tmp_path: Path) -> None:
    said = cli.ok("calibrate", made_up(tmp_path), "--title", "My board", "--threads", "2")
    assert said.startswith("My board · 32 networks\n")
    assert "of 32 networks, each left out in turn" in said
    assert "pointwise  " in said
    assert "25 GMAC/s" in said  # 40 ps for each
    assert "5 us per kernel" in said
    assert "all 32 rows of" in said
    record = cli.ok("calibrate", made_up(tmp_path), "--format", "csv").splitlines()
    assert record[0] == "network,ms,left_out_ms,error"
    assert len(record) == 33


def test_that_groups_were_left_out_is_said_wherever_the_error_is(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 32 networks, 320 rows are 10 fits."""
    monkeypatch.setattr(calibration, "MOST_FITTED", 320)
    device = tmp_path / "own.yaml"
    said = "worst of 32 networks, left out in turn in 10 groups"
    assert said in cli.ok("calibrate", made_up(tmp_path))
    assert cli.json("calibrate", made_up(tmp_path), "-o", device)["error"]["groups"] == 10
    assert said in " ".join(cli.ok("latency", "mobilenet_v2", "--device", device).split())


def test_latencies_dealt_out_anew_are_not_predicted(cli: Cli, tmp_path: Path) -> None:
    """The printed error is that of predictions: with the times of other networks it is that of a guess."""
    honest = cli.json("calibrate", TABLE)["error"]
    head, *rows = TABLE.read_text(encoding="utf-8").splitlines()
    names = [row.rpartition(",")[0] for row in rows]
    for seed in (1, 2, 3):
        times = [row.rpartition(",")[2] for row in rows]
        random.Random(seed).shuffle(times)
        path = tmp_path / "shuffled.csv"
        path.write_text("\n".join([head, *map(",".join, zip(names, times))]), encoding="utf-8")
        shuffled = cli.json("calibrate", path)["error"]
        assert shuffled["median"] > 5 * honest["median"]
        assert shuffled["worst"] > 1


def test_the_file_of_a_device_says_where_it_is_from(cli: Cli, tmp_path: Path) -> None:
    table = tmp_path / "all.csv"
    rows = TABLE.read_text(encoding="utf-8").splitlines()[1:]
    lines = [f"Phone {phone},{phone},4,{row}" for phone in (1, 2) for row in rows]
    table.write_text("\n".join(["device,runtime,threads,network,resolution,ms", *lines]), encoding="utf-8")
    assert "--where device=" in cli.refused_in_a_line("calibrate", table, "-o", tmp_path / "no.yaml")
    assert not (tmp_path / "no.yaml").exists()
    path = tmp_path / "phone.yaml"
    cli.ok("calibrate", table, "--where", "device=phone 2", "-o", path)
    stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (stated["title"], stated["source"]) == ("Phone 2", "all.csv, device=Phone 2")
    given = ("--title", "T", "--runtime", "R 1.2", "--threads", "8", "--source", "my desk")
    cli.ok("calibrate", table, "--where", "device=phone 2", *given, "-o", path)
    stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert [stated[key] for key in ("title", "runtime", "threads", "source")] == ["T", "R 1.2", 8, "my desk"]


def test_settings_without_a_known_name_are_not_merged(cli: Cli, tmp_path: Path) -> None:
    head, *rows = TABLE.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "t.csv"
    plain = cli.json("calibrate", TABLE)["femtoseconds"]
    for column in ("nthreads", "opt_level", "use_gpu", "mhz"):
        slow = [f"{row},0" for row in rows]
        fast = [f"{row.rpartition(',')[0]},{float(row.rpartition(',')[2]) / 3:.4f},1" for row in rows]
        path.write_text("\n".join([f"{head},{column}", *slow, *fast, ""]), encoding="utf-8")
        assert f"differ in {column}: 0, 1; choose" in cli.refused_in_a_line(
            "calibrate", path, "-o", tmp_path / "d.yaml"
        )
        assert not (tmp_path / "d.yaml").exists()
        alone = cli.json("calibrate", path, "--where", f"{column}=0")
        assert alone["femtoseconds"] == plain
    path.write_text("\n".join([f"{head},nthreads", *(f"{row},4" for row in rows)]), encoding="utf-8")
    assert cli.json("calibrate", path, "--where", "nthreads=4")["threads"] == 4


def test_the_model_of_a_profile_is_sought_in_a_folder_that_is_there(cli: Cli, tmp_path: Path) -> None:
    profile = tmp_path / "net-a_2026.json"
    profile.write_text('[{"cat": "Node", "name": "c_kernel_time", "ts": 1, "dur": 5, "args": {"op_name": "Conv"}}]')
    said = cli.refused_in_a_line("calibrate", profile, "--models", tmp_path / "none")
    assert said.endswith("none is no folder; --models names the folder that has the model files")
    assert paired([str(profile)], [True], str(tmp_path)) == [(str(profile), "net-a_2026")]
    profile.unlink()
    (tmp_path / "Net_A.onnx").write_bytes(b"")
    assert paired([str(profile)], [True], str(tmp_path)) == [(str(profile), "Net_A")]


def test_what_was_left_out_is_named_with_its_reason(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TABLE.read_text(encoding="utf-8") + "mobilenet_v9,,3\nvit_b_16,,100\n", encoding="utf-8")
    left = cli.json("calibrate", path)["left_out"]
    assert left["mobilenet_v9"].startswith("there is no such network in the zoo")
    assert left["vit_b_16"].startswith("no other network has matmul")
    assert "left out" in cli.ok("calibrate", path)


def test_what_cannot_be_written_or_read_is_refused_in_a_line(cli: Cli, tmp_path: Path) -> None:
    assert "a device is written as FILE.yaml" in cli.refused_in_a_line("calibrate", TABLE, "-o", tmp_path / "d.csv")
    assert "cannot be read" in cli.refused_in_a_line("calibrate", tmp_path / "none.csv")
    assert "there is no folder" in cli("calibrate", TABLE, "-o", tmp_path / "none" / "d.yaml", code=2).stderr
    assert "there is no column 'maker'" in cli.refused_in_a_line("calibrate", TABLE, "--where", "maker=x")


def test_the_result_in_python() -> None:
    found = calibrate(TABLE, name="phone")
    assert found.device.name == "phone"
    frame = found.to_frame()
    assert [*frame.columns] == ["network", "ms", "left_out_ms", "error"]
    assert len(frame) == len(found.device.fitted)
    assert "left out" in found._repr_html_()
    assert repr(found).startswith("<Calibrated phone · ±")


@pytest.mark.parametrize(
    ("term", "femtoseconds", "said"),
    [
        ("direct_int8", 500, "500 fs per MAC, 2,000 GMAC/s"),
        ("winograd", 10**6, "1 ns per multiplication, 1 G multiplications/s"),
        ("weights", 10**5, "100 ps per byte, 10 GB/s"),
        ("elementwise", 2 * 10**6, "2 ns per element, 0.5 G elements/s"),
        ("kernels", 3 * 10**9, "3 us per kernel"),
    ],
)
def test_rates(term: str, femtoseconds: int, said: str) -> None:
    assert rate(term, femtoseconds) == said


def test_a_device_that_is_written_is_read(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """900,000 s for a kernel are 9·10²⁰ fs: more digits than a number of a spec may have."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kn.yaml").write_text(
        "convcost: 1\nname: tiny\nknobs: {w: 4}\ninput: [8, 8, 3]\nlayers:\n  - conv2d: {channels: w, kernel: 3}\n"
    )
    (tmp_path / "slow.csv").write_text(
        "network,s\n" + "".join(f"./kn.yaml:w={w},{900_000 + 7 * w}\n" for w in range(1, 8))
    )
    found = cli.json("calibrate", "slow.csv", "-o", "slow.yaml")
    assert found["femtoseconds"]["kernels"] == 9 * 10**20
    assert cli.json("latency", "kn.yaml", "--device", "./slow.yaml")["device"]["name"] == "slow"
