"""A picture says what it is drawn for: whatever was asked for beside the network stands in it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.letters import SVG, clipped, overlapping

if TYPE_CHECKING:
    from helpers.cli import Cli

NET = "mobilenet_v2:width=0.55,resolution=132"
KNOBS = ("width 0.55", "132×132×3")
GRID = ("--over", "width=0.5,1", "--over", "resolution=96,128", "--over", "depth=1,2")
BYTES = ("--metric", "peak_activation_bytes", "--dtype", "int8", "--memory", "inplace")
ASKED = {
    "report": (("report", NET), KNOBS),
    "report by op": (("report", NET, "--by", "op"), KNOBS),
    "beside": (
        ("report", NET, "vgg16", "--by", "stage", "--batch", "3", "--convention", "thop"),
        ("width=0.55,resolution=132", "batch 3", "convention thop"),
    ),
    "together": (("report", NET, "vgg16", "--dtype", "int8"), ("width=0.55,resolution=132", "int8", "policy fused")),
    "memory": (
        ("memory", NET, "--dtype", "int8", "--policy", "inplace", "--batch", "2", "--order", "best"),
        (*KNOBS, "int8", "batch 2", "policy inplace", "order best"),
    ),
    "arena": (
        ("memory", NET, "--dtype", "int8", "--picture", "arena", "--align", "16", "--split-expansion", "4"),
        (*KNOBS, "int8", "policy fused", "multiples of 16", "in 4 parts"),
    ),
    "draw": (("draw", NET), KNOBS),
    "rewrite": (("rewrite", NET, "--to", "standard"), KNOBS),
    "reconcile": (("reconcile", NET), KNOBS),
    "waterfall": (("reconcile", NET, "paper", "thop"), KNOBS),
    "marks": (("sweep", "mobilenet_v2:width=0.55", "--over", "resolution=96:224:32"), ("width 0.55",)),
    "stairs": (("sweep", "mobilenet_v2", "--set", "width=0.55", "--over", "resolution=96:120"), ("width 0.55",)),
    "bars": (("sweep", "vgg16:resolution=132", "--over", "config=A,B,C"), ("resolution 132",)),
    "map": (
        ("sweep", "mobilenet_v2", "--input", "132x150x3", "--over", "width=0.5:1:0.25", "--over", "classes=10,100"),
        ("132×150×3",),
    ),
    "points": (
        ("sweep", "mobilenet_v2:classes=77", *GRID, "--batch", "5"),
        ("classes 77", "batch 5"),
    ),
    "bytes": (
        ("sweep", "mobilenet_v2:width=0.55", "--over", "resolution=96,128", *BYTES),
        ("width 0.55", "int8", "policy inplace"),
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_was_asked_for_stands_in_the_picture(name: str, cli: Cli, tmp_path: Path) -> None:
    command, asked = ASKED[name]
    path = tmp_path / "drawn.svg"
    cli.ok(*command, "-o", path)
    drawing = path.read_text(encoding="utf-8")
    written = " ".join(text.text or "" for text in ET.fromstring(drawing).iter(f"{SVG}text"))
    assert [one for one in asked if one not in written] == []
    assert clipped(drawing) == []
    assert overlapping(drawing) == []


@pytest.mark.parametrize("kind", ["text", "tikz", "json"])
def test_every_form_of_a_drawing_says_it(kind: str, cli: Cli) -> None:
    assert "width 0.55" in cli.ok("draw", NET, "--format", kind)


def test_nothing_is_said_that_does_not_matter(cli: Cli, tmp_path: Path) -> None:
    """MACs depend on no dtype and on no policy."""
    path = tmp_path / "drawn.svg"
    cli.ok("sweep", "mobilenet_v2", "--over", "resolution=96,128", "--dtype", "int8", "-o", path)
    drawing = path.read_text(encoding="utf-8")
    assert "int8" not in drawing
    assert "policy" not in drawing


def test_two_metrics_that_are_asked_for_are_the_axes(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "drawn.svg"
    cli.ok("sweep", "mobilenet_v2", *GRID, "--metric", "params", "--metric", "peak_activation_bytes", "-o", path)
    written = [text.text or "" for text in ET.fromstring(path.read_text(encoding="utf-8")).iter(f"{SVG}text")]
    assert {"params", "peak bytes"} <= {*written}
    assert not any("MACs" in text for text in written)
