"""A reader's own device, as docs/latency.md walks through it: networks of torchvision measured here, with onnxruntime.

    pip install torch torchvision onnx onnxruntime
    pytest -m oracle tests/oracle/test_own_device.py -s

A device is fitted to some networks; ten others are predicted, and what was measured of them is printed beside it. The machine
may be busy: what is compared is the processor's time of one thread, the least of several runs.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from helpers.paths import ROOT

from convcost import calibrate, latency, load
from convcost.devices.kernels import kernels, total

from .require import require

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.cli import Cli

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in ("onnxruntime", "onnx", "torch", "torchvision")),
        reason="pip install torch torchvision onnx onnxruntime",
    ),
]
FITTED = (
    "mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5", "mnasnet1_3", "shufflenet_v2_x0_5", "shufflenet_v2_x1_5",
    "squeezenet1_0", "densenet121", "resnet18", "resnet50", "regnet_x_400mf", "regnet_y_800mf",
    "resnext50_32x4d", "regnet_x_1_6gf", "vgg11",
)  # fmt: skip
TEN = (
    "mobilenet_v3_large", "mnasnet0_75", "shufflenet_v2_x1_0", "squeezenet1_1", "densenet169", "resnet34", "resnet101",
    "regnet_y_400mf", "wide_resnet50_2", "vgg13",
)  # fmt: skip


def script() -> str:
    """The program that the page shows."""
    text = (ROOT / "docs" / "latency.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"^<!-- file: measure.py -->\n```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.filterwarnings("ignore")
def test_ten_networks_are_predicted_by_a_device_that_was_fitted_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    require("torch")
    require("torchvision")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["measure.py", *FITTED, *TEN])
    out = io.StringIO()
    with redirect_stdout(out):
        exec(compile(script(), "measure.py", "exec"), {"__name__": "__main__"})
    head, *rows = csv.reader(line for line in out.getvalue().splitlines() if line.count(",") == 2)
    measured = {name: float(ms) for name, _, ms in rows}
    assert list(measured) == [*FITTED, *TEN]
    table = tmp_path / "measured.csv"
    table.write_text("\n".join(map(",".join, [head, *rows[: len(FITTED)]])) + "\n", encoding="utf-8")
    for name in (*FITTED[:4], *TEN[:4]):  # the file that ran is the network of the zoo
        file = total(kernels(load(f"{name}.onnx").walked, winograd=False))
        assert file == total(kernels(load(name).walked, winograd=False)), name
    device = tmp_path / "here.yaml"
    print(cli.ok("calibrate", table, "--no-winograd", "-o", device))
    predicted = {name: latency(name, str(device)).ms for name in TEN}
    print(f"{'network':20}{'measured':>10}{'predicted':>11}")
    for name in TEN:
        print(f"{name:20}{measured[name]:10.2f}{predicted[name]:11.2f}{predicted[name] / measured[name] - 1:+8.1%}")
    off = sorted(abs(predicted[name] / measured[name] - 1) for name in TEN)
    assert (off[4] + off[5]) / 2 <= 0.15
    assert off[-1] <= 0.75
    assert calibrate(table, winograd=False).device.error.median <= 0.30  # what is printed beside each
