"""What holds of all commands: help, and nothing but text in a pipe. Shown commands are in test_docs.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.cli import Cli


@pytest.mark.usefixtures("one_list")
def test_no_escape_codes_in_a_pipe_or_elsewhere(cli: Cli) -> None:
    assert "\x1b" not in cli.ok("report", "lenet5") + cli.ok("-h") + cli.ok("list")


@pytest.mark.parametrize("command", [[], ["report"], ["list"], ["spec"], ["spec", "ops"]])
def test_help_works_everywhere(cli: Cli, command: list[str]) -> None:
    assert cli.ok(*command, "-h") == cli.ok(*command, "--help")
    assert "Example:" in cli.ok(*command, "-h")
