"""The command line: formats, files, groups. Misuse is in test_invalid.py, shown commands in test_docs.py."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import convcost
from convcost.render.table import FORMATS, Table, grid, render

if TYPE_CHECKING:
    from helpers.cli import Cli


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("level", ["layer", "block", "stage", "op"])
def test_every_format_at_every_level_names_the_convention(cli: Cli, fmt: str, level: str) -> None:
    text = cli.ok("report", "googlenet", "--by", level, "--format", fmt)
    assert "paper" in text
    assert text.endswith("\n")
    assert "1582671872" in text.replace(",", "") or fmt == "csv"


def test_csv_holds_exact_integers_that_add_up(cli: Cli) -> None:
    rows = list(csv.DictReader(io.StringIO(cli.ok("report", "vgg16", "--format", "csv"))))
    assert sum(int(row["macs"]) for row in rows) == 15_470_264_320
    assert rows[0]["output_shape"] == "224x224x64"


def test_json_groups_stand_beside_the_layers(cli: Cli) -> None:
    data = cli.json("report", "resnet50", "--by", "stage")
    assert data["by"] == "stage"
    assert sum(group["macs"] for group in data["groups"]) == data["totals"]["macs"] == 4_089_184_256
    assert len(data["layers"]) == sum(group["layers"] for group in data["groups"])


def test_the_command_says_what_the_library_says(cli: Cli) -> None:
    for model in ("lenet5", "efficientnet_b3"):
        assert cli.json("report", model) == convcost.load(model).report().to_dict()


@pytest.mark.parametrize(
    ("ending", "start"),
    [("json", "{"), ("csv", "name,"), ("md", "### "), ("html", "<!doctype html>"), ("tex", "% "), ("txt", "LeNet-5")],
)
def test_a_files_ending_chooses_the_format(cli: Cli, tmp_path: Path, ending: str, start: str) -> None:
    target = tmp_path / f"report.{ending}"
    assert cli.ok("report", "lenet5", "-o", target) == ""
    assert target.read_text(encoding="utf-8").startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_a_file_is_replaced_whole_and_a_link_stays_a_link(cli: Cli, tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("old")
    link.symlink_to(target)
    cli.ok("report", "lenet5", "-o", link)
    assert link.is_symlink()
    assert json.loads(target.read_text(encoding="utf-8"))["network"] == "lenet5"


def test_markdown_escapes_what_would_end_a_cell() -> None:
    table = Table("", ("a", "b"), (False, False), [["x|y", "z"]], [], {})
    lines = render(table, "markdown").splitlines()
    assert [line.replace("\\|", "").count("|") for line in lines if line.startswith("|")] == [3, 3, 3]
    assert "x\\|y" in lines[2]


def test_html_escapes_names_from_the_file(cli: Cli, tmp_path: Path) -> None:
    spec = tmp_path / "x.yaml"
    spec.write_text("convcost: 1\nname: x\ntitle: '<i>x'\ninput: [4]\nlayers: [{linear: {channels: 2}}]\n")
    text = cli.ok("report", spec, "--format", "html")
    assert "<i>" not in text
    assert "&lt;i&gt;x" in text


def test_latex_is_a_table_with_escaped_names(cli: Cli) -> None:
    text = cli.ok("report", "mobilenet_v1", "--format", "latex")
    assert r"\toprule" in text
    assert r"batch\_norm" in text
    assert "% needs \\usepackage{booktabs}\n\\begin{tabular}" in text
    assert text.splitlines()[-4] == r"\midrule"
    assert text.splitlines()[-3].split("&")[0].strip() == "total"
    assert "×" not in "".join(line for line in text.splitlines() if not line.startswith("%"))
    assert r"$\times$" in text
    assert not re.search(r"(?<!\\)%", "\n".join(line for line in text.splitlines() if not line.startswith("%")))


def test_no_escape_codes_in_a_pipe_or_elsewhere(cli: Cli) -> None:
    assert "\x1b" not in cli.ok("report", "lenet5") + cli.ok("-h") + cli.ok("list")


def test_list_shows_every_family_with_year_and_source(cli: Cli) -> None:
    data = cli.json("list")
    assert data["schema"] == "convcost.list/1"
    shown = {network["name"]: network for network in data["networks"]}
    assert {"lenet5", "alexnet_ungrouped", "vgg19", "googlenet_aux", "resnet152", "efficientnet_b7"} <= set(shown)
    assert shown["resnet50"]["macs"] == 4_089_184_256
    assert all(network["year"] and network["source"] for network in shown.values())


def test_batch_is_exact_beyond_64_bits(cli: Cli) -> None:
    data = cli.json("report", "resnet50", "--batch", "10000000000")
    assert data["totals"]["macs"] == 40_891_842_560_000_000_000


@pytest.mark.parametrize("command", [[], ["report"], ["list"], ["spec"], ["spec", "ops"]])
def test_help_works_everywhere(cli: Cli, command: list[str]) -> None:
    assert cli.ok(*command, "-h") == cli.ok(*command, "--help")
    assert "Example:" in cli.ok(*command, "-h")


def test_completion_knows_the_zoo() -> None:
    from convcost.cli.options import complete_convention, complete_model

    def texts(found: list[object]) -> list[str]:
        return [getattr(item, "value", item) for item in found]  # type: ignore[misc]

    assert texts(complete_model(None, None, "lenet")) == ["lenet5", "lenet5_1998"]  # type: ignore[arg-type]
    assert [item.type for item in complete_model(None, None, "./my")] == ["file"]  # type: ignore[arg-type]
    assert complete_convention(None, None, "pa") == ["paper"]  # type: ignore[arg-type]


def test_grid_sets_numbers_flush_right() -> None:
    assert grid(("a", "n"), [("long", "1"), ("x", "1,000")], (False, True)) == [
        "a         n",
        "long      1",
        "x     1,000",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", "lenet5", "--symbols", ""], "needs names with commas between them, got ''"),
        (["explain", "lenet5", "--symbols", "classes,classes"], "classes stands twice"),
        (["sweep", "lenet5", "--over", "classes=1,2", "--front", ""], "needs names with commas between them, got ''"),
        (["sweep", "lenet5", "--over", "classes=1,2", "--front", "macs,macs"], "macs stands twice"),
        (["explain", "lenet5", "-o", "x.parquet"], "x.parquet: Parquet holds the points of a sweep; .json"),
        (["explore", "lenet5", "-o", "x.csv"], "explore writes a page; FILE must end in .html, got x.csv"),
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
