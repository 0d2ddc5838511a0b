"""Files that cannot be read, or not to an end: each is one line, whatever the command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.invalid import CASES, expected
from helpers.limits import posix

from convcost import SpecError, load

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


NO_FILE = "cannot be read: it is a pipe or a device; write what it gives to a file"


@BOTH
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device")
def test_file_without_end(cli: Cli, command: Sequence[str]) -> None:
    assert cli.refused_in_a_line(*command, "/dev/zero") == f"/dev/zero: {NO_FILE}"


@posix
@pytest.mark.parametrize(
    "command",
    [
        *(("report", f"pipe{ending}") for ending in (".yaml", ".onnx", ".tflite", ".keras", ".pt2", ".param", ".json")),
        ("spec", "resolve", "pipe.yaml"),
        ("memory", "pipe.yaml"),
        ("sweep", "pipe.yaml", "--over", "n=1"),
        ("diff", "lenet5", "pipe.onnx"),
        ("check", "pipe.yaml"),
        ("check", "lenet5", "--max-macs", "1G", "--lock", "pipe.yaml"),
        ("import", "pipe.onnx"),
        ("latency", "lenet5", "--device", "./pipe.yaml"),
        ("calibrate", "pipe.csv"),
        ("calibrate", "pipe.json"),
        ("frontier", "--data", "pipe.csv"),
        ("verify", "--data", "pipe.csv"),
    ],
    ids=" ".join,
)
def test_a_pipe_is_refused_and_not_waited_for(
    cli: Cli, command: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody ever writes to it: a command that opened it would not come back."""
    monkeypatch.chdir(tmp_path)
    (name,) = (word for word in command if "pipe" in word)
    os.mkfifo(name)
    assert cli.refused_in_a_line(*command) == f"{os.path.basename(name)}: {NO_FILE}"


@BOTH
@posix
def test_a_name_that_is_no_text_is_refused(cli: Cli, command: Sequence[str], tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("convcost: 1\n")
    said = cli.refused_in_a_line(*command, os.fsdecode(path))
    assert said == rf"{tmp_path}/\xff.yaml: is not UTF-8; rename what it names"
    with pytest.raises(SpecError, match="cannot be read: its path is not UTF-8; rename the file or its folder"):
        load(os.fsdecode(path))


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
