"""`convcost boards`: microcontrollers and what memory they have."""

from __future__ import annotations

import click

from convcost.cli.options import Bytes, output_options
from convcost.cli.output import format_of, show


@click.command("boards", epilog="\b\nExample:\n  convcost boards --min-ram 256KiB --min-flash 1MiB")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--min-ram", type=Bytes(), default=0, metavar="SIZE", help="Only with so much RAM in one piece: 256KiB.")
@click.option("--min-flash", type=Bytes(), default=0, metavar="SIZE", help="Only with so much flash: 1MiB.")
@output_options
def boards_command(
    patterns: tuple[str, ...], min_ram: int, min_flash: int, output: str | None, format_: str | None
) -> None:
    """The boards that --board knows: chip, core, clock, RAM, flash, accelerator; each with its sources in JSON.

    With a PATTERN, only boards whose name, chip or vendor matches it, as in 'nucleo*', or contains it, as in esp32.
    A board of your own is a YAML file: ram: 256KiB, flash: 1MiB; then --board my_board.yaml.
    """
    from convcost.devices.listing import boards_table

    show(boards_table(patterns, min_ram, min_flash), output, format_of(output, format_))
