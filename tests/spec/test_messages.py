"""What is said of specs that are wrong: every malformed spec of tests/cases/invalid against its message."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.invalid import BOMBS, CASES, NAMES, QUICK, difference, expected, skip_without_libyaml
from helpers.limits import bounded, posix, process
from helpers.paths import ROOT

if TYPE_CHECKING:
    from helpers.cli import Cli

pytestmark = pytest.mark.usefixtures("in_root")

#: Cases that also run as a process, to see exit status, both streams, time and memory as a shell would.
AS_PROCESS = [
    *BOMBS,
    "alias_bomb",
    "block_used_often",
    "bytes_binary",
    "cycle_argument",
    "cycle_two",
    "number_digits",
    "repeat_billion",
    "several_problems",
    "top_empty",
    "unicode",
]

#: What is only wrong at a preset: `report`, which reads the default knobs, may answer.
ONLY_AT_A_PRESET = {"preset_breaks", "preset_value"}


@pytest.mark.parametrize("name", QUICK)
def test_message(cli: Cli, name: str) -> None:
    skip_without_libyaml(name)
    result = cli("spec", "validate", CASES / f"{name}.yaml")
    assert not difference(name, result.stderr)
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("name", [name for name in QUICK if name not in ONLY_AT_A_PRESET])
def test_report_and_resolve_say_the_same(cli: Cli, name: str) -> None:
    for command in (("report",), ("spec", "resolve")):
        result = cli(*command, CASES / f"{name}.yaml")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == cli("spec", "validate", CASES / f"{name}.yaml").stderr


@posix
@pytest.mark.parametrize("name", AS_PROCESS)
def test_message_as_process(name: str, tmp_path: Path) -> None:
    skip_without_libyaml(name)
    ended = process(tmp_path, "report", str(CASES / f"{name}.yaml"))
    bounded(ended)
    assert not difference(name, ended.stderr)
    assert (ended.status, ended.stdout) == (2, "")


def test_every_case_is_whole() -> None:
    files = {path.name for path in (ROOT / CASES).iterdir()}
    assert files == {f"{name}{ending}" for name in NAMES for ending in (".yaml", ".txt")}
    assert len(NAMES) >= 75
    assert set(AS_PROCESS) | ONLY_AT_A_PRESET <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_expected_messages_are_well_formed(name: str) -> None:
    """One problem a line, each at a place that exists, in the order of the file, none twice, nothing of Python's."""
    text = expected(name)
    assert text.endswith("\n")
    lines = text.splitlines()
    source = (ROOT / CASES / f"{name}.yaml").read_bytes().decode("utf-8", "replace").lstrip("\ufeff").splitlines()
    places = []
    for said in lines:
        match = re.fullmatch(rf"{CASES.as_posix()}/{name}\.yaml:(\d+):(\d+): (\S.*)", said)
        assert match, said
        line, column = int(match[1]), int(match[2])
        places.append((line, column))
        # A problem may be that the file ends.
        assert line <= len(source) + 1
        assert column <= len([*source, ""][line - 1]) + 1 or not source
        assert not re.search(r"None|True|False|Fraction\(|<[a-z]+ |object at|Error\b", match[3].partition("'")[0]), said
        assert len(said) < 400 + len(name)
    assert places == sorted(places)
    assert len(set(lines)) == len(lines)


def test_the_comparison_can_fail(cli: Cli) -> None:
    name = "stride_zero"
    got = cli("spec", "validate", CASES / f"{name}.yaml").stderr
    assert not difference(name, got)
    for wrong in (
        got.replace("got 0", "got 1"),
        got.replace(":5:47:", ":5:48:"),
        got + got,
        got.partition("\n")[2],
        got.rstrip("\n"),
        "",
    ):
        assert difference(name, wrong)


def test_input_shape_of_a_wrong_spec(cli: Cli, tmp_path: Path) -> None:
    """--input replaces the input of the spec; what is wrong there is said all the same."""
    for name in ("input_count_of_sizes", "input_scalar", "input_of_itself", "input_words", "top_types"):
        result = cli("report", CASES / f"{name}.yaml", "--input", "8")
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"{name}.yaml:" in result.stderr
    path = tmp_path / "zero.yaml"
    path.write_text("convcost: 1\nname: zero\nknobs: {n: 0}\ninput: [8, 8, 8 // n]\nlayers: [relu]\n")
    assert "division by zero" in cli.refused_in_a_line("report", path, "--input", "8")
    cli.ok("report", path, "--input", "8", "--set", "n=2")
