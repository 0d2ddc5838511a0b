"""The group of all commands, their order in the help, and what becomes of errors."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import click

from convcost.cli.compare import compare_command
from convcost.cli.explain import explain_command
from convcost.cli.explore import explore_command
from convcost.cli.fit import fit_command
from convcost.cli.frontier import frontier_command
from convcost.cli.list import list_command
from convcost.cli.memory import memory_command
from convcost.cli.output import abandon
from convcost.cli.reconcile import reconcile_command
from convcost.cli.report import report_command
from convcost.cli.rewrite import rewrite_command
from convcost.cli.spec import spec_group
from convcost.cli.sweep import sweep_command
from convcost.cli.verify import verify_command
from convcost.core.errors import ConvcostError
from convcost.core.version import __version__

#: Heading -> commands, in the order in which help shows them.
SECTIONS = {
    "Look": (list_command, report_command, explain_command, memory_command),
    "What if": (compare_command, rewrite_command, sweep_command, fit_command, explore_command),
    "Landscape": (frontier_command,),
    "Trust": (verify_command, reconcile_command),
    "Specs": (spec_group,),
}


class _Failure(click.ClickException):
    """Bad input: what the library said, on stderr, and exit status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        del file
        click.echo(self.message, err=True)


class _Group(click.Group):
    """Commands under headings; errors of the library without a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """As click's, but help that cannot be written ends with one line too, or quietly if even that cannot be."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            abandon(1)
            with suppress(OSError):
                os.write(2, f"cannot write to standard output: {error.strerror}\n".encode())
            abandon(2)
            raise SystemExit(_Failure.exit_code) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["convcost.words"] = list(args)  # pages say which command made them
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConvcostError as error:
            raise _Failure(str(error)) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for heading, commands in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(c.name or "", c.get_short_help_str(200)) for c in commands])


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  convcost report mobilenet_v2",
)
@click.version_option(__version__, prog_name="convcost")
def main() -> None:
    """What a convolutional network costs - MACs, parameters, activations, peak memory - exactly.

    Networks are YAML files or names of the zoo that ships with convcost.
    """


for _commands in SECTIONS.values():
    for _command in _commands:
        main.add_command(_command)
