"""Files that cannot be read, or not to an end: each is one line, whatever the command."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.invalid import CASES, expected
from helpers.limits import posix

if TYPE_CHECKING:
    from helpers.cli import Cli

pytestmark = pytest.mark.usefixtures("in_root")


BOTH = pytest.mark.parametrize("command", [("report",), ("spec", "validate"), ("spec", "resolve")], ids=" ".join)


@BOTH
def test_directory(cli: Cli, command: Sequence[str], tmp_path: Path) -> None:
    path = tmp_path / "folder.yaml"
    path.mkdir()
    assert cli.refused_in_a_line(*command, path) == f"{path}: cannot be read: Is a directory"


@BOTH
def test_missing_file(cli: Cli, command: Sequence[str], tmp_path: Path) -> None:
    path = tmp_path / "missing.yaml"
    assert cli.refused_in_a_line(*command, path) == f"{path}: cannot be read: No such file or directory"


@BOTH
def test_unreadable_file(cli: Cli, command: Sequence[str], tmp_path: Path) -> None:
    memory = Path("/proc/self/mem")
    if memory.exists():
        assert cli.refused_in_a_line(*command, memory) == f"{memory}: cannot be read: Input/output error"
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        path = tmp_path / "closed.yaml"
        path.write_text("convcost: 1\n")
        path.chmod(0)
        assert cli.refused_in_a_line(*command, path) == f"{path}: cannot be read: Permission denied"


@BOTH
def test_file_of_two_mebibytes(cli: Cli, command: Sequence[str], tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("# more\n" * (2 << 20))
    assert cli.refused_in_a_line(*command, path) == f"{path}: is larger than a spec may be (1,048,576 bytes)"


@BOTH
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device")
def test_file_without_end(cli: Cli, command: Sequence[str]) -> None:
    assert cli.refused_in_a_line(*command, "/dev/zero") == "/dev/zero: is larger than a spec may be (1,048,576 bytes)"


@BOTH
@posix
def test_pipe_that_closes_at_once(cli: Cli, command: Sequence[str], tmp_path: Path) -> None:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: os.close(os.open(path, os.O_WRONLY)), daemon=True)
    writer.start()
    assert cli.refused_in_a_line(*command, path) == f"{path}:1:1: the file is empty; a spec starts with 'convcost: 1'"
    writer.join(10)


@BOTH
@pytest.mark.parametrize(
    "name", ["../no_such_x", "no/such\nfile.yaml", "./a\0b", "a\0b", "\0", "a\nb", "", " ", "x" * 5000, "~"]
)
def test_odd_names(cli: Cli, command: Sequence[str], name: str) -> None:
    said = cli.refused_in_a_line(*command, name)
    assert "cannot be read" in said or "there is no network" in said


def test_several_files_at_once(cli: Cli, tmp_path: Path) -> None:
    """Whatever is wrong with one of the files, the others are checked too."""
    missing, bad = str(tmp_path / "missing.yaml"), str(CASES / "stride_zero.yaml")
    result = cli("spec", "validate", missing, "no_such_net", "specs/vgg.yaml", bad)
    assert result.exit_code == 2
    assert result.stdout == "specs/vgg.yaml: ok\n"
    lines = result.stderr.splitlines()
    assert f"{missing}: cannot be read: No such file or directory" in lines
    assert any(line.startswith("there is no network 'no_such_net'") for line in lines)
    assert set(expected("stride_zero").splitlines()) <= set(lines)
    assert len(lines) == 4
