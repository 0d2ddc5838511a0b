"""The exit status of partial answers: 3, with a line on standard error; 0 with --partial; 2 where numbers are needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from convcost.cli import main

if TYPE_CHECKING:
    from helpers.cli import Cli

NET = """
convcost: 1
name: net
knobs: {width: 8, resolution: 8}
input: [resolution, resolution, 3]
layers:
  - {conv2d: {channels: width, kernel: 1}, name: conv}
  - {unknown: {type: Foo, shape: [8, 8, 2]}, name: foo}
  - {unknown: {type: Bar}, name: bar}
"""
LINE = "partial: 2 ops are unknown (1 Foo, 1 Bar); counts are lower bounds; --partial accepts it\n"
#: Commands that show what is known.
SHOWN = [
    ["report"],
    ["report", "--by", "stage"],
    ["explain"],
    ["explain", "{}", "foo"],
    ["explain", "{}", "--symbols", "width"],
    ["memory"],
    ["memory", "--by", "tensor"],
    ["latency", "--device", "v100"],
    ["latency", "--device", "v100", "--by", "kind"],
    ["rewrite", "--to", "separable"],
    ["reconcile"],
    ["reconcile", "{}", "paper", "thop"],
    ["import"],
    ["import", "--flat"],
]
#: Commands that need numbers.
REFUSED = [
    ["sweep", "--over", "width=8:16:8"],
    ["fit", "--max-macs", "1M"],
    ["explore", "-o", "page.html"],
    ["reconcile", "--printed", "1k"],
    ["memory", "--limit", "1MiB"],
    ["frontier", "--your", "{}=70"],
]


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """kernel 3 so that something can be rewritten."""
    path = tmp_path / "net.yaml"
    path.write_text(NET.replace("kernel: 1", "kernel: 3, padding: 1"))
    monkeypatch.chdir(tmp_path)
    return str(path)


def words(command: list[str], net: str) -> list[str]:
    if any("{}" in word for word in command):
        return [word.replace("{}", net) for word in command]
    return [command[0], net, *command[1:]]


@pytest.mark.parametrize("command", SHOWN, ids=" ".join)
def test_a_partial_answer_has_status_3_and_a_line(cli: Cli, net: str, command: list[str]) -> None:
    ran = cli(*words(command, net), code=3)
    assert ran.stdout
    assert ran.stderr == LINE
    accepted = cli.ok(*words(command, net), "--partial")
    assert accepted.replace(" --partial", "") == ran.stdout  # a written spec says which command made it


PATCHES = ("--patches 2x2", "--stream", "--patches all", "--patches all --until conv", "--patches auto --limit 3KiB")


@pytest.mark.usefixtures("net")
@pytest.mark.parametrize("how", PATCHES)
def test_patches_end_before_an_op_that_makes_nobody_knows_what(cli: Cli, how: str) -> None:
    Path("net.yaml").write_text(NET.replace(", shape: [8, 8, 2]", ""))
    ran = cli("memory", "net.yaml", *how.split(), code=3)
    assert "conv" in ran.stdout
    assert ran.stderr == LINE


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("command", REFUSED, ids=" ".join)
def test_what_needs_numbers_is_refused_in_a_line(cli: Cli, net: str, command: list[str]) -> None:
    said = cli.refused_in_a_line(*words(command, net))
    assert "2 ops are unknown (1 Foo, 1 Bar), so that " in said


def test_every_command_that_takes_a_model_and_shows_what_it_costs_accepts_partial_answers() -> None:
    context = click.Context(main)
    without = set()
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        names = {parameter.name for parameter in command.params}
        if names & {"model", "models"} and "partial" not in names:
            without.add(name)
    assert without == {"sweep", "fit", "explore", "verify", "calibrate"}  # these refuse it, or leave such a network out


@pytest.mark.usefixtures("net")
def test_of_several_networks_each_has_its_line(cli: Cli) -> None:
    Path("other.yaml").write_text(NET.replace("name: net", "name: other"))
    ran = cli("report", "net.yaml", "other.yaml", "vgg16", code=3)
    said = "2 ops are unknown (1 Foo, 1 Bar); counts are lower bounds; --partial accepts it\n"
    assert ran.stderr == f"partial: net.yaml: {said}partial: other.yaml: {said}"


def test_files_are_written_all_the_same(cli: Cli, net: str) -> None:
    for name in ("report.json", "report.html", "report.svg", "report.tex"):
        assert cli("report", net, "-o", name, code=3).stderr == LINE
        assert Path(name).stat().st_size > 0
    assert json.loads(Path("report.json").read_text())["complete"] is False


def test_a_limit_that_is_exceeded_is_a_failure_and_one_that_is_not_is_accepted_with_partial(cli: Cli, net: str) -> None:
    # conv reads 8·8·3 and writes 8·8·8 of 4 bytes
    over = cli("memory", net, "--limit", "2815", code=1)
    assert ">= 2,816 of 2,815 bytes: over by 1" in over.stdout
    assert "it fits, as far as it is known" in cli.ok("memory", net, "--limit", "2816", "--partial")


def test_a_spec_is_written_as_ever(cli: Cli, net: str) -> None:
    flat = cli.ok("spec", "resolve", net)
    assert "{unknown: {type: Bar, behind: false}, name: bar, in: foo}" in flat
    assert cli.ok("spec", "validate", net) == f"{net}: ok\n"


def test_published_figures_of_it_are_not_verified(cli: Cli, net: str) -> None:
    Path("claims.csv").write_text(f"model,quantity,printed\n{net},macs,14k\n")
    said = cli.refused_in_a_line("verify", "--data", "claims.csv")
    assert "2 ops are unknown (1 Foo, 1 Bar), so that there are only lower bounds to compare with" in said


def test_a_partial_report_is_never_kept(cli: Cli, net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zoo of one's own may have such a network: the second time it is as partial as the first."""
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    (zoo / "net.yaml").write_text(Path(net).read_text())
    monkeypatch.setattr("convcost.core.kept.of_zoo", lambda model: model == "net.yaml")
    monkeypatch.setenv("CONVCOST_CACHE", str(tmp_path / "kept"))
    for _ in range(2):
        assert cli("report", "net.yaml", code=3).stderr == LINE
    assert not list(tmp_path.glob("kept/*"))
