"""`convcost list`: the networks of the zoo."""

from __future__ import annotations

import click

from convcost.cli.options import convention_option, output_options
from convcost.cli.output import format_of, show


@click.command("list", epilog="\b\nExample:\n  convcost list 'mobilenet*'")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@convention_option
@output_options
def list_command(patterns: tuple[str, ...], convention: str, output: str | None, format_: str | None) -> None:
    """The zoo: every network by name, with its parameters, MACs, year and source.

    With a PATTERN, only names and families that match it, as in 'efficientnet*', or that contain it, as in efficient.
    """
    from convcost.networks.listing import list_table

    show(list_table(patterns, convention), output, format_of(output, format_))
