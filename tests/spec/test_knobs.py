"""Knobs as they are set on the command line: lists, and names of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from convcost import load

if TYPE_CHECKING:
    from helpers.cli import Cli

pytestmark = pytest.mark.usefixtures("in_root")


@pytest.mark.parametrize("value", ["[4,x,9]", "[4,1.5]", "[]", "[[1],2,3]", "[true]", "4", "x"])
def test_list_knob(cli: Cli, value: str) -> None:
    said = cli.refused_in_a_line("report", "tests/cases/valid/knobs.yaml", "--set", f"sizes={value}")
    assert said == f"sizes must be a list of integers, got {value}"


def test_knobs_may_have_any_name(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    knobs = ("model", "input_shape", "set", "self", "knobs", "spec")
    path.write_text(
        f"convcost: 1\nname: odd\nknobs: {{{', '.join(f'{knob}: 1' for knob in knobs)}}}\ninput: [1, 1, 1]\n"
        f"layers:\n  - conv2d: {{channels: {' + '.join(knobs)}, kernel: 1, bias: false}}\n"
    )
    settings = [part for i, knob in enumerate(knobs, start=2) for part in ("--set", f"{knob}={i}")]
    answer = cli.json("report", path, *settings)
    assert answer["knobs"] == {knob: i for i, knob in enumerate(knobs, start=2)}
    assert answer["totals"]["macs"] == 2 + 3 + 4 + 5 + 6 + 7
    assert load(str(path), model=3, self=4, set=5).report().totals.macs == 3 + 4 + 5 + 1 + 1 + 1
