"""The command line in this process, as a shell would see it: exit status and both streams."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from click.testing import CliRunner

from convcost.cli import main
from helpers.limits import at_most


class Ran(NamedTuple):
    """What a command left behind."""

    exit_code: int
    stdout: str
    stderr: str
    output: str
    """Both streams, as they would stand in a terminal."""
    stdout_bytes: bytes


class Cli:
    """`cli("report", "vgg16")` runs `convcost report vgg16`; an exception other than an exit is the test's failure."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds

    def __call__(self, *arguments: object, code: int | None = None) -> Ran:
        """Whatever comes of it; with `code`, that has to be the exit status."""
        with at_most(self.seconds):
            result = CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="convcost")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert code in (None, result.exit_code), result.output
        return Ran(result.exit_code, result.stdout, result.stderr, result.output, result.stdout_bytes)

    def ok(self, *arguments: object) -> str:
        """What is printed where all goes well: exit status 0, and nothing to complain about."""
        ran = self(*arguments, code=0)
        assert ran.stderr == ""
        return ran.stdout

    def json(self, *arguments: object, code: int = 0) -> Any:
        """The answer to `--format json`, read; with status 0, nothing may be complained about."""
        ran = self(*arguments, "--format", "json", code=code)
        assert code or ran.stderr == ""
        return json.loads(ran.stdout)

    def refused(self, *arguments: object) -> str:
        """What is said on standard error where the exit status has to be 2, and nothing may be printed."""
        ran = self(*arguments, code=2)
        assert ran.stdout == ""
        return ran.stderr

    def refused_in_a_line(self, *arguments: object) -> str:
        """The same, where that has to be one line; without its end."""
        said = self.refused(*arguments)
        assert said.count("\n") == 1
        assert said.endswith("\n")
        return said[:-1]

    def within(self, seconds: float) -> Cli:
        """The same, where a command that takes longer than so much processor time is a failure."""
        return Cli(seconds)
