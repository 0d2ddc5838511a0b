"""The group of all commands, their order in the help, and error handling."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
from keyword import iskeyword
from types import ModuleType
from typing import Any

import click

from convcost.cli.options import unaccepted
from convcost.cli.output import OUTPUT, abandon, apart, tell
from convcost.core.ending import OTHERS, heeded
from convcost.core.errors import ConvcostError, lines_spelled, one_line
from convcost.core.files import NO_ZERO, is_text
from convcost.core.version import __version__

#: Heading -> commands, in the order in which help shows them; `convcost.cli.NAME` has NAME_command, `import_` that of import.
SECTIONS = {
    "Look": ("list", "report", "explain", "memory", "latency", "draw"),
    "What if": ("compare", "rewrite", "sweep", "fit", "explore"),
    "Landscape": ("frontier", "boards", "devices", "calibrate"),
    "Keep": ("diff", "check"),
    "Trust": ("verify", "reconcile"),
    "Models": ("import", "spec"),
}
_NAMES = tuple(name for names in SECTIONS.values() for name in names)


PARTIAL = 3
"""The exit status of an answer with lower bounds, where a network has unknown ops."""


def _module(name: str) -> ModuleType:
    """The module of a command; one whose name is a word of Python ends with an underscore."""
    return import_module(f"convcost.cli.{name}{'_' * iskeyword(name)}")


def _blamed(error: OSError) -> str:
    """What an error of the system is about: the file that it names, the working folder, or standard output."""
    if error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    try:
        os.getcwd()
    except OSError:
        return "the working folder has been deleted; change to one that exists"
    return f"cannot write to standard output: {error.strerror}" if error.strerror else str(error)


class _Failure(click.ClickException):
    """Bad input: what the library said, on stderr, and exit status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        del file
        click.echo(self.message, err=True)


class _Group(click.Group):
    """Commands under headings, each imported when it is asked for; errors of the library without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(_NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; for an unknown name all are imported, so that click can suggest one."""
        for name in (cmd_name,) if cmd_name in _NAMES else _NAMES:
            if name not in self.commands:
                self.add_command(getattr(_module(name), f"{name}_command"))
        return super().get_command(ctx, cmd_name)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """As click's, but a file that could not be used is also a one-line error, or silent if even that cannot be written."""
        try:
            with heeded(OTHERS):  # not the keyboard, which is a caller's own
                return super().main(*args, **kwargs)
        except OSError as error:
            abandon(1)
            with suppress(OSError):
                os.write(2, f"{one_line(_blamed(error))}\n".encode())
            abandon(2)
            raise SystemExit(_Failure.exit_code) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; an unknown one, and an option that would be another's value, are said with a remedy."""
        try:
            name, command, rest = super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            from convcost.cli.mistakes import for_command

            if hint := for_command(args[0], args[1:]):
                raise click.UsageError(f"{error.message} {hint}", ctx) from None
            raise
        if command is not None and any(one.startswith("-") and other.startswith("--") for one, other in pairwise(rest)):
            from convcost.cli.mistakes import swallowed

            if found := swallowed(command, rest):
                raise click.UsageError(
                    f"{found[0]} needs a value before {found[1]}.", click.Context(command, ctx, name)
                )
        return name, command, rest

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["convcost.words"] = list(args)  # pages say which command made them
        words = [part for word in args for part in apart(word)]
        if strange := [word for before, word in zip(["", *words], words) if before not in OUTPUT and not is_text(word)]:
            shown = os.fsencode(strange[0]).decode("utf-8", "backslashreplace")
            raise _Failure(f"{shown}: is not UTF-8; rename what it names")
        if strange := [word for word in words if "\0" in word]:  # of a caller in Python: no shell can say it
            raise _Failure(lines_spelled(f"{strange[0]}: cannot be read or written: {NO_ZERO}"))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """As click's; of what a message quotes, a file's name say, a terminal is shown nothing that it would obey."""
        try:
            return self._answered(ctx)
        except click.ClickException as error:
            error.message = lines_spelled(error.message)  # type: ignore[misc]  # final for whoever only reads it
            raise

    def _answered(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
        except click.NoSuchOption as error:
            from convcost.cli.mistakes import for_option

            hint = error.ctx and for_option(error.option_name, error.ctx.command, ctx.meta["convcost.words"][1:])
            raise (
                click.UsageError(f"No such option '{error.option_name}'. {hint}", error.ctx) if hint else error
            ) from None
        except click.MissingParameter as error:
            from convcost.cli.mistakes import for_missing

            said = error.param and for_missing(error.param.opts[0], ctx.meta["convcost.words"][1:])
            raise (click.UsageError(f"{error.format_message()} {said}", error.ctx) if said else error) from None
        except ConvcostError as error:
            raise _Failure(str(error)) from None
        if lines := unaccepted(ctx):
            tell("\n".join(lines))
            ctx.exit(PARTIAL)
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, names in SECTIONS.items():
            commands = [command for name in names if (command := self.get_command(ctx, name))]
            with formatter.section(heading):
                formatter.write_dl([(command.name or "", command.get_short_help_str(200)) for command in commands])


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  convcost report mobilenet_v2",
)
@click.version_option(__version__, prog_name="convcost")
def main() -> None:
    """What a convolutional network costs - MACs, parameters, activations, peak memory - exactly.

    Networks are names of the zoo that ships with convcost, YAML specs, or model files: .onnx, .tflite, .keras, .pt2, .param.
    """
