"""`convcost explore`: sliders for a network's knobs, on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convcost.cli.options import (
    Setting,
    batch_option,
    dtype_option,
    input_option,
    memory_option,
    model_argument,
    set_option,
    settings,
)
from convcost.cli.output import command_line, emit

if TYPE_CHECKING:
    from convcost.networks.inputs import GivenShape


@click.command("explore", epilog="\b\nExample:\n  convcost explore mobilenet_v2 -o explore.html")
@model_argument
@click.option(
    "--over",
    type=Setting(),
    multiple=True,
    metavar="KNOB=VALUES",
    help="A slider: START:STOP:STEP or values with commas; repeatable. Default: width, depth, resolution, else every number.",
)
@set_option
@input_option
@batch_option
@dtype_option
@memory_option
@click.option(
    "-o",
    "--output",
    metavar="FILE.html",
    type=click.Path(),
    required=True,
    help="The page to write, whole or not at all.",
)
def explore_command(
    model: str,
    over: tuple[tuple[str, str], ...],
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    batch: int,
    dtype: str | None,
    memory: str,
    output: str,
) -> None:
    """A page with sliders for width, depth, resolution of MODEL: costs and fit to a budget, live and exact.

    The page carries the tables that `convcost sweep` multiplies out, and needs nothing else: no network, no Python.
    """
    from convcost.networks.load import open_network
    from convcost.pages.explore import explore_page
    from convcost.spec.zoo import split_name

    if output != "-" and not output.lower().endswith((".html", ".htm")):
        raise click.BadParameter(f"explore writes a page; FILE must end in .html, got {output}", param_hint="'-o'")
    knobs = settings(set_)
    network = open_network(model, knobs, input_)
    report = network.report(batch=batch, dtype=dtype, memory_policy=memory)
    emit(
        explore_page(network, report, settings(over, "--over"), command_line(), {**split_name(model)[1], **knobs}),
        output,
    )
