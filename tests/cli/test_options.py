"""Options that several commands have: conventions, names, files; what they refuse, and what a shell completes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.cli import Cli


def test_completion_knows_the_zoo() -> None:
    from convcost.cli.options import complete_convention, complete_model

    def texts(found: list[object]) -> list[str]:
        return [getattr(item, "value", item) for item in found]  # type: ignore[misc]

    assert texts(complete_model(None, None, "lenet")) == ["lenet5", "lenet5_1998"]  # type: ignore[arg-type]
    assert [item.type for item in complete_model(None, None, "./my")] == ["file"]  # type: ignore[arg-type]
    assert complete_convention(None, None, "pa") == ["paper"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", "lenet5", "--symbols", ""], "needs names with commas between them, got ''"),
        (["explain", "lenet5", "--symbols", "classes,classes"], "classes stands twice"),
        (["sweep", "lenet5", "--over", "classes=1,2", "--front", ""], "needs names with commas between them, got ''"),
        (["sweep", "lenet5", "--over", "classes=1,2", "--front", "macs,macs"], "macs stands twice"),
        (["explain", "lenet5", "-o", "x.parquet"], "x.parquet: Parquet holds the points of a sweep; .json"),
        (["explore", "lenet5", "-o", "x.csv"], "explore writes a page; FILE must end in .html, got x.csv"),
        (["spec", "resolve", "lenet5", "-o", "x.csv"], "'-o' / '--output': x.csv: a spec is written as FILE.yaml"),
        (["spec", "ops", "zzzzzz"], "there is no op or block 'zzzzzz'. `convcost spec ops` lists all"),
        (["verify", "--source", "zzzzzz"], "there is no source 'zzzzzz'. `convcost verify` lists all"),
        (["verify", "--latency", "zzzzzz"], "latencies of 'zzzzzz'. `convcost verify --latency all` lists all"),
    ],
)
def test_what_a_command_cannot_do_is_refused(
    cli: Cli, arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_metric_that_is_named_twice_is_shown_once(cli: Cli) -> None:
    once = cli.ok("sweep", "lenet5", "--over", "classes=1,2", "--metric", "macs")
    assert cli.ok("sweep", "lenet5", "--over", "classes=1,2", "--metric", "macs", "--metric", "macs") == once


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (["report", "resnet50", "--by", "stage"], "4,133,742,592"),
        (["list"], "4,133,742,592"),
        (["explain", "resnet50"], "4,133,742,592 MACs under thop"),
        # 56·56·64 elements, four for each
        (["explain", "resnet50", "conv2_x.block1.conv1.batch_norm"], "thop: 4 × 200,704 elements read = 802,816 MACs"),
        (["explain", "resnet50", "conv1.relu"], "thop: 0 MACs: thop has no hook for it, or one that counts nothing"),
        (["rewrite", "resnet50", "--to", "separable"], "operations"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_convention_in_every_command(cli: Cli, command: list[str], wanted: str) -> None:
    result = cli(*command, "--convention", "thop")
    assert result.exit_code == 0, result.output
    assert wanted in result.output


def test_closed_forms_know_no_other_convention(cli: Cli) -> None:
    result = cli("explain", "resnet50", "--symbols", "width", "--convention", "thop")
    assert result.exit_code == 2
    assert "--symbols counts MACs and params; it takes no --convention thop" in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "lenet5", "--columns", ",".join(f"c{at}" for at in range(60_000))), "has no column 'c0'"),
        (
            ("report", "lenet5", *(word for at in range(30_000) for word in ("--set", f"c{at}=1"))),
            "lenet5 has no knob 'c0'",
        ),
        (
            ("report", "lenet5", *(word for at in range(30_000) for word in ("--input", f"c{at}=1"))),
            "c0",
        ),
    ],
    ids=["columns", "set", "input"],
)
def test_many_names_are_looked_through_once(cli: Cli, words: tuple[str, ...], said: str) -> None:
    assert said in cli.within(3).refused(*words)


def test_many_columns_of_a_table_are_looked_through_once(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{at}" for at in range(40_000)) + "\n" + "1," * 39_999 + "1\n", encoding="utf-8")
    assert "wide.csv:1: " in cli.within(3).refused("calibrate", path)
