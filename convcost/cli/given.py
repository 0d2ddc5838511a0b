"""Which options stand on the command line; those that change nothing of what is asked for are refused, or told."""

from __future__ import annotations

from collections.abc import Iterable

import click
from click.core import ParameterSource

from convcost.cli.output import is_drawn, tell


def options_given(context: click.Context, names: Iterable[str]) -> list[str]:
    """Those of the options, by the names of their parameters, that stand on the command line; as they are written there."""
    called = {one.name: one.opts[0] for one in context.command.params}
    return [called[name] for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]


def refuse(context: click.Context, names: Iterable[str], why: str) -> None:
    """`click.UsageError` that names those of the options that stand on the command line, if any, and says `why` they cannot."""
    if found := ", ".join(options_given(context, names)):
        raise click.UsageError(f"{found}: {why}")


def tell_unshown(context: click.Context, names: Iterable[str], why: str) -> None:
    """Say on standard error which of the options on the command line change nothing of what is written, and `why`: all else is as
    it was asked for.
    """
    if found := ", ".join(options_given(context, names)):
        tell(f"{found}: {why}")


def refuse_undrawn(context: click.Context) -> None:
    """`click.UsageError` for a --picture that is chosen where no file shows one; a page shows all."""
    asked = context.params
    if options_given(context, ["picture"]) and not is_drawn(asked["output"], asked["format_"]):
        raise click.UsageError(
            f"--picture {asked['picture']} is drawn in a file: give -o FILE.svg, .png, .pdf or .html as well"
        )
