"""Where the output goes: full devices, closed pipes, files that stay whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.invalid import CASES
from helpers.limits import posix, shell

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
    "args", [("report", "vgg16"), ("list",), ("spec", "resolve", "vgg16"), ("--help",), ("--version",)], ids=" ".join
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
