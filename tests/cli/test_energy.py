"""`convcost report --energy`: rows, formats, and what it refuses."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.cli import Cli


def test_command(cli: Cli) -> None:
    # 416,520 MACs of 0.23 pJ alone are 95.8 nJ.
    text = cli.ok("report", "lenet5", "--energy", "--dtype", "int8")
    assert "with SRAM of 8 KB" in text
    assert "horowitz_45nm, 45 nm CMOS at 0.9 V" in text
    data = cli.json("report", "lenet5", "--energy", "jouppi_7nm", "--dtype", "int8")
    assert data["energy"]["table"]["name"] == "jouppi_7nm"
    assert data["totals"]["macs"] == 416_520
    assert Fraction(data["energy"]["compute_pj"]) > 416_520 * Fraction("0.077")


@pytest.mark.parametrize("fmt", ["table", "json", "csv", "markdown", "html", "latex"])
@pytest.mark.parametrize("by", [("--by", "stage"), ("--by", "op"), ("--by", "layer"), ("--depth", "1"), ()])
def test_every_format(cli: Cli, by: tuple[str, ...], fmt: str) -> None:
    assert cli.ok("report", "lenet5", "--energy", *by, "--format", fmt)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lenet5", "--energy", "horowits_45nm"), "Did you mean horowitz_45nm?"),
        (("lenet5", "alexnet", "--energy"), "--energy is of one network, not of 2: ask for one at a time"),
        (("lenet5", "--energy", "--top", "3"), "--top: --energy has rows and columns of its own"),
        (("lenet5", "--energy", "--runtime", "tflm"), "--runtime: --energy has rows and columns of its own"),
    ],
)
def test_misuse(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    assert said in cli.refused("report", *arguments)
