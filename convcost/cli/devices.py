"""`convcost devices`: what a latency can be asked of."""

from __future__ import annotations

import click

from convcost.cli.options import output_options
from convcost.cli.output import format_of, show


@click.command("devices", epilog="\b\nExample:\n  convcost devices pixel")
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@output_options
def devices_command(patterns: tuple[str, ...], output: str | None, format_: str | None) -> None:
    """The devices that --device knows, each with how far off it is: calibrated ones, and rooflines of datasheets.

    With a PATTERN, only devices whose name, title or runtime matches it, as in 'sd*', or contains it, as in ncnn. The error
    is of networks that were left out of the fit in turn. `convcost calibrate TABLE.csv -o my.yaml` makes a device of
    your own measurements; then --device my.yaml.
    """
    from convcost.devices.catalog import devices_table

    show(devices_table(patterns), output, format_of(output, format_))
