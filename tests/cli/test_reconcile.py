"""`convcost reconcile`: two conventions, all of them, or whose a printed figure is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from convcost.conventions.catalog import all_conventions

if TYPE_CHECKING:
    from helpers.cli import Cli


def test_command_pair_as_json(cli: Cli) -> None:
    data = cli.json("reconcile", "resnet50", "thop")
    assert data["schema"] == "convcost.reconcile/1"
    assert (data["first"]["name"], data["second"]["name"]) == ("paper", "thop")
    assert data["first"]["operations"] + sum(t["difference"] for t in data["terms"]) == data["second"]["operations"]
    assert data["second"]["operations"] == 4_133_742_592


def test_command_all(cli: Cli) -> None:
    text = cli.ok("reconcile", "resnet50")
    assert all(f"\n{name} " in text for name in all_conventions())


def test_command_whose_figure(cli: Cli) -> None:
    # Measured: ptflops prints 4,132,436,968 and thop 4,133,742,592 for ResNet-50; the paper says 3.8e9 of its v1.
    data = cli.json("reconcile", "resnet50", "--printed", "4.13G", "--printed", "3.8G", "--printed", "5.03G")
    found = [(m["figure"], m["network"], m["conventions"], m["operations"]) for m in data["found"]]
    assert ("4.13G", "resnet50", ["ptflops"], 4_132_436_968) in found
    assert ("4.13G", "resnet50", ["thop"], 4_133_742_592) in found
    assert ("3.8G", "resnet50_v1", ["paper"], 3_857_973_248) in found
    assert data["missing"] == ["5.03G"]


def test_the_family_s_own_network_is_asked_too(cli: Cli) -> None:
    """mobilenet_v1 has 568,740,352 MACs; the shallow preset, which is asked for, has others."""
    data = cli.json("reconcile", "mobilenet_v1_shallow", "--printed", "569M")
    assert ("mobilenet_v1", 568_740_352) in [(m["network"], m["operations"]) for m in data["found"]]
    said = cli.refused("reconcile", "resnet50", "--printed", "4.1G", "--batch", "2")
    assert "printed figures are of one image: leave out --batch" in said


@pytest.mark.parametrize("fmt", ["table", "json", "csv", "markdown", "html", "latex"])
@pytest.mark.parametrize("arguments", [(), ("thop",), ("--printed", "4.13G")])
def test_every_format(cli: Cli, arguments: tuple[str, ...], fmt: str) -> None:
    assert cli.ok("reconcile", "resnet50", *arguments, "--format", fmt)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("resnet50", "thopp"), "there is no convention 'thopp'. Did you mean thop?"),
        (("resnet50", "a", "b", "c"), "give at most two conventions, or figures with --printed"),
        (("resnet50", "thop", "--printed", "4G"), "give at most two conventions, or figures with --printed"),
        (("resnet50", "--printed", "many"), "'many' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
        (("resnet50", "--printed", "4.1"), "'4.1' is not a whole number; a unit goes with it, as in 4.1M or 4.1G"),
        (("resnet50", "--batch", "0"), "batch must be an integer >= 1, got 0"),
    ],
)
def test_misuse(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    assert said in cli.refused("reconcile", *arguments)


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        ("25", "a figure needs its unit, as in 25G or 25M"),
        # What PyTorch's own counter prints for ResNet-50 (test_catalog.py).
        ("8.15G", "nearest is resnet50, torch: 8,178,368,512"),
    ],
)
def test_a_figure_that_nothing_gives(cli: Cli, figure: str, said: str) -> None:
    assert said in " ".join(cli.ok("reconcile", "resnet50", "--printed", figure).split())
