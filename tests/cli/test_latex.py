"""Every LaTeX that convcost writes compiles: all tables of all commands in one document, and nothing of it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from helpers import tex
from helpers.paths import ROOT

from convcost.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.cli import Cli

#: One of each table at least; those with signs, Greek, formulas, several units, unknown and not counted ops.
TABLES = (
    ("report", "lenet5"),
    ("report", "mobilenet_v2", "--by", "stage", "--dtype", "int8"),
    ("report", "vit_b_16", "--by", "op", "--convention", "thop"),
    ("report", "resnet50", "--columns", "params,macs", "--units", "M"),
    ("report", "resnet50", "mobilenet_v2", "lenet5"),
    ("report", "resnet50", "mobilenet_v2", "lenet5", "--columns", "params,macs,peak,top1,top5", "--digits", "3"),
    ("diff", "mobilenet_v1", "mobilenet_v2"),
    ("report", "mobilenet_v1", "mobilenet_v2", "--by", "op"),
    ("report", "mobilenet_v2", "mobilenet_v2:resolution=225", "--by", "stage"),
    ("explain", "alexnet", "conv2"),
    ("explain", "mobilenet_v2"),
    ("explain", "vit_b_16", "layer1.attention.scores"),
    ("explain", "mobilenet_v2", "--symbols", "resolution"),
    ("explain", "vit_b_16", "multi_head_attention", "--symbols", "t,c,heads"),
    (
        "compare",
        "--input",
        "6x6x3",
        "--filters",
        "5",
        "--kernel",
        "3",
        "--against",
        "grouped:1",
        "--against",
        "spatial",
    ),
    ("rewrite", "mobilenet_v1", "--to", "standard"),
    ("rewrite", "vgg16", "--to", "grouped:4"),
    ("reconcile", "resnet50", "ptflops"),
    ("reconcile", "resnet50", "--printed", "4.13G", "--printed", "3.8G"),
    ("memory", "mobilenet_v2", "--limit", "1MiB", "--dtype", "int8"),
    ("memory", "lenet5", "--by", "tensor"),
    ("verify", "mobilenet_v2", "--source", "mobilenet_v2"),
    ("frontier", "--family", "mobilenetv[12]", "--tier", "paper"),
    ("list", "mobilenet*"),
    ("boards", "arduino*"),
    ("latency", "mobilenet_v2", "--device", "sd855", "--by", "stage"),
    ("latency", "resnet18", "efficientnet_b0", "--device", "jetson_agx_xavier_gpu_ncnn", "--device", "v100"),
    ("devices", "jetson*"),
    ("calibrate", str(ROOT / "tests" / "measured" / "measured.csv")),
    ("sweep", "mobilenet_v2", "--over", "resolution=96:224:32"),
    ("sweep", "mobilenet_v2", "--over", "resolution=223:226", "--cliffs"),
    ("sweep", "mobilenet_v2", "--over", "width=0.5,1", "--over", "resolution=192,224", "--front", "macs"),
    ("fit", "mobilenet_v2", "--max-macs", "300M", "--maximise", "macs"),
)
NO_TABLE = {"explore", "import", "spec", "draw", "check"}
"""Commands that write no table."""


def test_no_command_is_forgotten() -> None:
    assert {name for name, *_ in TABLES} | NO_TABLE == set(main.list_commands(click.Context(main)))


@pytest.mark.skipif(tex.engine() is None or tex.reader() is None, reason="no LaTeX, or no pdftotext, here")
def test_a_compiled_table_shows_the_numbers_as_people_write_them(cli: Cli, tmp_path: Path) -> None:
    exact = cli.ok("report", "resnet50", "mobilenet_v2", "--format", "latex")
    rounded = cli.ok("report", "resnet50", "vgg16", "--columns", "macs,top1", "--digits", "3", "--format", "latex")
    assert tex.complaints(tex.document([exact, rounded]), tmp_path) == []
    first, second = (page.split() for page in tex.pages(tmp_path))
    assert first[:6] == ["network", "input", "params", "MACs", "ratio", "peak"]
    assert first[first.index("resnet50") + 1 :][:4] == ["224×224×3", "25,557,032", "4,089,184,256", "1.0000"]
    assert "0.0736" in first  # and not 0.073,6
    assert second[second.index("resnet50") + 1 :][:3] == ["4.09", "76.1", "[1]"]
    assert second.count("[1]") == 2  # in the row, and below the table
    assert "README.md)," in second


@pytest.mark.skipif(tex.engine() is None, reason="no LaTeX with booktabs and siunitx here")
def test_every_table_compiles(cli: Cli, tmp_path: Path) -> None:
    ran = {arguments: cli(*arguments, "--format", "latex") for arguments in TABLES}
    assert [(arguments, one.stderr) for arguments, one in ran.items() if "tabular" not in one.stdout] == []
    parts = [one.stdout for one in ran.values()]
    if tex.complaints(tex.document(parts), tmp_path):
        each = {arguments: tex.complaints(tex.document([part]), tmp_path) for arguments, part in zip(TABLES, parts)}
        assert {arguments: said for arguments, said in each.items() if said} == {}
