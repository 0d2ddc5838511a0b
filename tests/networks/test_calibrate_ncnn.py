"""`calibrate` on the published times of ncnn's benchmark and on its very networks, where both are beside the project."""

from __future__ import annotations

import csv
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
from helpers.paths import ROOT

from convcost import calibrate, load
from convcost.devices.device import Device
from convcost.devices.kernels import kernels, total
from convcost.devices.stored import find
from convcost.networks.measured.columns import chosen
from convcost.networks.measured.sheet import read_sheet

if TYPE_CHECKING:
    from pathlib import Path

    from convcost.networks.calibrate import Calibrated

SHARED = ROOT.parent / "shared"
MODELS, TABLE = SHARED / "models" / "ncnn", SHARED / "research" / "data" / "ncnn_latency.csv"
pytestmark = pytest.mark.skipif(
    not (TABLE.exists() and MODELS.exists()), reason="ncnn's benchmark is not beside the project"
)
SETTINGS = {
    "Raspberry Pi 4 Model B": (("1", "-1"), 0.15),
    "Raspberry Pi 5 Broadcom BCM2712, Cortex": (("4", "-1"), 0.25),
    "NVIDIA Jetson Nano": (("1", "0"), 0.25),
}
"""Device -> its threads and GPU (-1 is none), and how far off half of the networks may be."""
OPEN = {"FastestDet": "352x352x3", "vision_transformer": "384x384x3"}
"""The sizes at which ncnn's benchmark runs those whose files state none (benchmark/benchncnn.cpp)."""


def where(device: str) -> dict[str, str]:
    threads, gpu = SETTINGS[device][0]
    return {"device": device, "threads": threads, "powersave": "0", "gpu": gpu}


def stem(name: str) -> str:
    """The file of a network, without its ending and what is said behind it."""
    return name.rpartition("/")[2].partition(".param")[0]


def fitted(path: Path, **said: Any) -> Calibrated:
    return calibrate(path, models=str(MODELS), **said)


@pytest.mark.parametrize("device", SETTINGS)
def test_networks_are_predicted_as_well_as_is_said(device: str) -> None:
    found = fitted(TABLE, where=where(device))
    error = found.device.error
    assert error.networks >= 30
    off = [abs(one.left_out_ms / one.ms - 1) for one in found.device.fitted if one.left_out_ms is not None]
    assert error.median == pytest.approx(median(off), abs=1e-3)
    assert error.median <= SETTINGS[device][1]
    times = {
        row["model"]: float(row["min_ms"])
        for row in csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines())
        if row["device"].startswith(device) and (row["threads"], row["gpu"]) == SETTINGS[device][0]
    }
    assert {stem(one.network): one.ms for one in found.device.fitted}.items() <= (times.items())


def test_files_without_sizes_say_so_and_are_given_them_in_a_column(tmp_path: Path) -> None:
    """Names with dashes, as older logs of the benchmark have them, are those of the same files."""
    path = tmp_path / "pi4.csv"
    cells = [row.cells for row in chosen(read_sheet(str(TABLE)), where("Raspberry Pi 4 Model B")).rows]
    named = [(one["model"].replace("_", "-"), OPEN.get(one["model"], ""), one["min_ms"]) for one in cells]

    path.write_text("\n".join(["model,min_ms", *(f"{name},{ms}" for name, _, ms in named)]))
    left = {stem(name): why for name, why in fitted(path).left.items()}
    # the one network with transposed convolutions is read, and nothing could tell how wrong its time would be
    assert left.pop("mobilenet_yolo").startswith("no other network has")
    assert left.keys() == OPEN.keys()
    for why in left.values():
        assert why.startswith("its file leaves the size of its input open: a column input of the table says it")

    path.write_text("\n".join(["model,input,min_ms", *map(",".join, named)]))
    given = fitted(path)
    # the transformer is counted then, and attention is of no other network
    left = {stem(name): why for name, why in given.left.items()}
    assert left.keys() == {"mobilenet_yolo", "vision_transformer"}
    assert left["vision_transformer"] == "no other network has matmul"
    detector = next(one for one in given.device.fitted if "FastestDet" in one.network)
    at_352 = load(str(MODELS / "FastestDet.param"), input_shape=(352, 352, 3))
    assert detector.terms == total(kernels(at_352.walked))


SHIPPED = {
    "raspberry_pi_4_ncnn_1t": "Raspberry Pi 4 Model B",
    "raspberry_pi_5_ncnn_4t": "Raspberry Pi 5 Broadcom BCM2712, Cortex",
    "jetson_nano_gpu_ncnn": "NVIDIA Jetson Nano",
}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_device_that_comes_along_can_be_rebuilt(tmp_path: Path, name: str) -> None:
    path = tmp_path / "t.csv"
    cells = [row.cells for row in chosen(read_sheet(str(TABLE)), where(SHIPPED[name])).rows]
    rows = [f"{one['model']},{OPEN.get(one['model'], '')},{one['min_ms']}" for one in cells]
    path.write_text("\n".join(["model,input,min_ms", *rows]))
    again, stated = fitted(path).device, find(name)
    assert isinstance(stated, Device)
    assert again.error[:4] == pytest.approx(stated.error[:4], abs=1e-4)
    assert dict(again.coefficients) == pytest.approx(dict(stated.coefficients), rel=1e-6)
