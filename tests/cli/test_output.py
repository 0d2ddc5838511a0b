"""Where the output goes: endings, full devices, closed pipes; files that are whole or not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import pytest
from helpers.invalid import CASES
from helpers.limits import posix, shell
from helpers.pages import COMMANDS
from helpers.paths import ROOT

if TYPE_CHECKING:
    from helpers.cli import Cli

pytestmark = pytest.mark.usefixtures("in_root")


@pytest.fixture
def cli(cli: Cli) -> Cli:
    """Whatever is wrong is said at once."""
    return cli.within(10)


full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")


@pytest.mark.parametrize("name", ["plain.txt", "plain", "forced.xlsx"])
def test_no_ending_txt_and_a_stated_format_stay(cli: Cli, name: str, tmp_path: Path) -> None:
    forced = ("--format", "table") if name == "forced.xlsx" else ()
    cli.ok("report", "lenet5", "-o", tmp_path / name, *forced)
    assert (tmp_path / name).read_text() == cli.ok("report", "lenet5")


@posix
@full
def test_full_device() -> None:
    ended = shell('exec "$@"', "report", "vgg16", "-o", "/dev/full")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "cannot write /dev/full: No space left on device\n"


@posix
@full
@pytest.mark.parametrize(
    "args",
    [("report", "vgg16"), ("list", "r*"), ("spec", "resolve", "vgg16"), ("--help",), ("--version",)],
    ids=" ".join,
)
def test_full_standard_output(args: tuple[str, ...]) -> None:
    ended = shell('exec "$@" > /dev/full', *args)
    assert ended.returncode == 2
    assert ended.stderr == "cannot write to standard output: No space left on device\n"


@posix
def test_closed_standard_output() -> None:
    ended = shell('exec "$@" >&-', "report", "vgg16")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("cannot write to standard output: ")


@posix
@full
def test_nowhere_to_complain() -> None:
    for script in ('exec "$@" 2> /dev/full', 'exec "$@" 2>&-', 'exec "$@" >&- 2>&-'):
        assert shell(script, "report", "no_such_net").returncode == 2


@posix
def test_reader_that_has_seen_enough(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text("convcost: 1\nname: long\ninput: [2, 2, 2]\nlayers: [{relu: , repeat: 5000, name: act}]\n")
    ended = shell('"$@" | head -n 1', "report", str(path), "--format", "csv")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("name,")


@posix
def test_file_stays_whole_if_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("precious")
    ended = shell('ulimit -f 0; exec "$@"', "report", "vgg16", "-o", str(path))
    assert ended.returncode == 2
    assert ended.stderr == f"cannot write {path}: File too large\n"
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_file_stays_whole_if_the_network_is_wrong(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("precious")
    for args in ((str(CASES / "stride_zero.yaml"),), ("vgg16", "--batch", "0"), ("vgg16", "--convention", "papr")):
        cli("report", *args, "-o", path, code=2)
        assert path.read_text() == "precious"
    cli.ok("report", "vgg16", "-o", path)
    assert json.loads(path.read_text())["network"] == "vgg16"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("ending", [".html", ".svg"])
def test_a_folder_that_is_not_there_is_one_clear_error(
    cli: Cli, command: list[str], ending: str, tmp_path: Path
) -> None:
    path = tmp_path / "none" / f"x{ending}"
    done = cli(*command, "-o", path)
    assert (done.exit_code, done.stderr) == (2, f"cannot write {path}: there is no folder {path.parent}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(cli: Cli, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = cli("explore", "mobilenet_v2", "-o", tmp_path / "x.html")
    assert done.stderr.endswith(": Permission denied\n")


@posix
def test_a_folder_that_has_been_deleted_meanwhile(tmp_path: Path) -> None:
    """It is blamed itself, and neither the file nor standard output."""
    (tmp_path / "net.yaml").write_text("convcost: 1\nname: net\ninput: [2]\nlayers: [{relu: }]\n")
    gone = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    for args, said in (
        (("report", "../net.yaml", "-o", "x.json"), "the working folder has been deleted; change to one that exists\n"),
        (
            ("report", "lenet5", "-o", "x.json"),
            "cannot write x.json: the working folder has been deleted; change to one",
        ),
        (("check",), "the working folder has been deleted; change to one that exists\n"),
    ):
        ended = shell(f"cd {tmp_path} && {gone}", *args)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith(said)
    assert shell(f"cd {tmp_path} && {gone}", "report", "lenet5").returncode == 0


def test_an_error_of_the_system_names_the_file_that_it_is_about() -> None:
    """Whichever it is, and wherever it comes from: standard output is blamed for nothing else."""
    code = (
        "import sys, yaml\n"
        "def refuse(*_, **__): raise PermissionError(13, 'Permission denied', 'deep/inside.bin')\n"
        "yaml.parse = refuse\n"
        "sys.argv = ['convcost', 'spec', 'resolve', 'lenet5']\n"
        "from convcost.__main__ import run\n"
        "run()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", "deep/inside.bin: Permission denied\n")


@posix
def test_a_protected_file_is_one_clear_error(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("precious")
    path.chmod(0o444)
    said = cli.refused_in_a_line("report", "lenet5", "-o", path)
    assert said == f"cannot write {path}: it is protected against writing"
    assert path.read_text() == "precious"


@posix
@pytest.mark.parametrize("ending", ["json", "csv", "html", "svg", "tex"])
def test_names_that_are_no_text_can_be_written(cli: Cli, tmp_path: Path, ending: str) -> None:
    for args in (("report", "lenet5"), ("sweep", "mobilenet_v1", "--over", "width=0.5,1")):
        path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff." + ending.encode())
        cli.ok(*args, f"-o{path}")
        assert Path(path).stat().st_size
        Path(path).unlink()


@pytest.mark.parametrize("ending", [".png", ".pdf"])
def test_without_the_extra_a_picture_is_one_clear_error(
    cli: Cli, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "kaleido", None)
    path = tmp_path / f"x{ending}"
    done = cli("report", "lenet5", "-o", path)
    assert done.exit_code == 2
    assert done.stderr == (
        f"cannot write {path}: {ending[1:].upper()} needs the extra image (pip install 'convcost[image]') and Chrome or "
        "Chromium (ModuleNotFoundError); .svg and .html need neither\n"
    )
    assert not path.exists()


def test_without_a_chrome_a_picture_is_one_clear_error(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("kaleido")

    def no_chrome(*_: Any, **__: Any) -> None:
        raise RuntimeError("Kaleido requires Google Chrome to be installed.\nMany lines follow.")

    monkeypatch.setattr(go.Figure, "to_image", no_chrome)
    path = tmp_path / "x.png"
    done = cli("frontier", "--family", "vgg", "-o", path)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert "Chrome or Chromium (RuntimeError)" in done.stderr
    assert not path.exists()


@pytest.mark.parametrize("command", [["list"], ["verify"], ["explain", "alexnet"], ["spec", "ops"]])
def test_what_has_no_picture_says_so(cli: Cli, command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    done = cli(*command, "-o", path)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{path}: there is no picture of this; .json, .csv, .md, .html")
    assert not path.exists()


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
