"""The SRAM that Arm's compiler for Ethos-U plans (`ethos-u-vela`), against what convcost says is alive at once.

With cascading and buffering of weights switched off, vela runs layer after layer as TensorFlow Lite Micro does. Its SRAM is
then the most that is alive at once, of maps in NHCWB16, whose channels come in bricks of 16; inputs and outputs of the network
stay as they are (NHWC). With cascading - the next layer begins before the one before it has ended - it needs less: that is a
schedule of its own, and convcost does not predict it. Nor does it predict networks whose layers vela merges: with pads and
pools it plans less than what is alive between them.

Skipped where `vela` is not on the PATH (`pip install ethos-u-vela`) or the files are not beside the project.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers.paths import ROOT

from convcost.deploy.arena import arena
from convcost.deploy.program import Program
from convcost.deploy.stated import stated_program

pytestmark = pytest.mark.oracle

FILES = ROOT.parent / "shared" / "models" / "mlperf_tiny"
NAMES = ("ad01_int8", "kws_ref_model", "pretrainedResnet_quant", "vww_96_int8")
BRICK = 16
"""Channels of a brick of NHCWB16."""


def vela() -> str:
    found = shutil.which("vela")
    if not found:
        pytest.skip("vela is not on the PATH: pip install ethos-u-vela")
    return found


def sram(path: Path, folder: Path, *options: str) -> float:
    """KiB of SRAM that vela plans for a file."""
    command = [vela(), "--accelerator-config", "ethos-u55-128", "--optimise", "Size", *options]
    command += ["--output-dir", str(folder), str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Total SRAM used\s+([\d.]+) KiB", said)
    assert found, said
    return float(found[1])


def in_bricks(program: Program) -> Program:
    """The same program, with the channels of the maps between its kernels rounded up to bricks."""
    ends = {*program.inputs, *program.outputs}
    tensors = tuple(
        tensor
        if number in ends or tensor.stored or len(tensor.shape) != 4
        else tensor._replace(shape=(*tensor.shape[:-1], -(-tensor.shape[-1] // BRICK) * BRICK))
        for number, tensor in enumerate(program.tensors)
    )
    return Program(tensors, program.kernels, program.inputs, program.outputs, program.stated)


@pytest.mark.parametrize("name", NAMES)
def test_layer_by_layer_it_is_what_is_alive_at_once_in_bricks(name: str, tmp_path: Path) -> None:
    path = FILES / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    alive = arena(in_bricks(stated_program(str(path)))).bound
    assert sram(path, tmp_path, "--disable-cascading", "--disable-buffering") == pytest.approx(alive / 1024, abs=0.006)


@pytest.mark.parametrize("name", NAMES)
def test_cascading_never_needs_more(name: str, tmp_path: Path) -> None:
    path = FILES / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    alive = arena(in_bricks(stated_program(str(path)))).bound
    assert sram(path, tmp_path) <= alive / 1024 + 0.006
