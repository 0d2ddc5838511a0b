"""What results say of themselves: one line at a prompt, a table in a notebook, and every format by one method."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from typing import Any

import pytest

import convcost
from convcost.cli import main
from convcost.core.metrics import SWEPT
from convcost.render.table import FORMATS

NETWORK = convcost.load("mobilenet_v2", width=0.75)
#: Made by hand from the names and from figures that other tests hold to print.
SAID = {
    "network": (NETWORK, "<Network mobilenet_v2:width=0.75>"),
    "report": (
        NETWORK.report(),
        "<Report MobileNetV2 (mobilenet_v2) · width 0.75 · input 224×224×3 · batch 1 · 209,069,792 MACs (paper)>",
    ),
    "reconciliation": (
        convcost.load("resnet50").reconcile("paper", "ptflops_aten"),  # the 1000 biases of fc
        "<Reconciliation resnet50 · paper 4,089,184,256 -> ptflops_aten 4,089,185,256 · 1 term>",
    ),
    "fit": (
        convcost.fit("mobilenet_v2", max_macs="300M", over={"width": [0.5, 0.75, 1]}),  # 1.0 takes 300,774,272
        "<Fit mobilenet_v2 · macs <= 300,000,000 · 2 fit, 1 are maximal>",
    ),
    "sweep": (
        convcost.sweep("mobilenet_v2", width=[0.5, 1], resolution=[96, 160, 224]),
        f"<Sweep mobilenet_v2 · 2 width × 3 resolution · {', '.join(SWEPT)}>",
    ),
    "table": (convcost.side_by_side("vgg16", "vgg19"), "<Table vgg16 beside vgg19 · batch 1 · 2 rows>"),
}


@pytest.mark.parametrize("name", SAID)
def test_results_say_what_they_are_in_one_line_and_show_a_table(name: str) -> None:
    result, said = SAID[name]
    assert repr(result) == said
    assert "<table" in result._repr_html_()


def test_the_memory_of_a_network_says_its_peak() -> None:
    usage = convcost.load("mobilenet_v2").memory(dtype="int8")  # 112·112·96 and 56·56·96 bytes
    assert repr(usage).startswith("<Usage fused · int8 · order given · peak 1,505,280 bytes · ")


@pytest.mark.parametrize("fmt", FORMATS)
def test_what_a_command_prints_a_table_renders(fmt: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    commands = {
        "report lenet5 --by stage": convcost.load("lenet5").report().table("stage"),
        "report lenet5": convcost.load("lenet5").report().table(),
        "fit lenet5 --max-macs 300k --over resolution=28:40": convcost.fit(
            "lenet5", max_macs="300k", over={"resolution": "28:40"}
        ).table(),
    }
    for command, table in commands.items():
        if fmt == "html" and command.startswith("report"):
            continue  # the command writes a whole page
        with pytest.raises(SystemExit):
            main([*command.split(), "--format", fmt], prog_name="convcost")
        shown = table.render(fmt)
        if fmt == "html":  # a page of a command has parts with numbers, and says which command it was
            shown = shown.replace('<section id="table">', '<section id="part1">').replace('id="rows', 'id="table1')
            said = f"<dt>command</dt><dd>convcost {command} --format html</dd>\n"
            shown = shown.replace("<dt>made by</dt>", f"{said}<dt>made by</dt>")
        assert shown == capsysbinary.readouterr().out.decode()


def test_a_sweep_has_all_its_points_in_its_table_and_says_when_it_has_not() -> None:
    grid = convcost.sweep("lenet5", resolution=range(28, 101))
    assert len(list(csv.DictReader(io.StringIO(grid.table().render("csv"))))) == len(grid) == 73
    assert "of which the first 40 are shown" in grid._repr_html_()
    assert len(grid.table(3).rows) == 3
    assert [row["macs"] for row in grid.table().records] == grid.macs.tolist()


def test_a_reconciliation_renders_its_terms() -> None:
    data = json.loads(convcost.load("resnet50").reconcile("paper", "thop").table().render("json"))
    assert (data["schema"], data["network"]) == ("convcost.reconcile/1", "resnet50")
    assert sum(term["difference"] for term in data["terms"]) == 4_133_742_592 - 4_089_184_256


def test_a_table_is_a_frame() -> None:
    frame: Any = convcost.load("lenet5").report().table("op").to_frame()
    assert frame["macs"].sum() == 416_520


def test_a_small_result_stays_small_at_a_prompt() -> None:
    code = "import convcost; print(repr(convcost.fit('mobilenet_v2', max_macs='300M')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(done.stdout) < 200
