"""`convcost reconcile`: why tools and papers disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convcost.cli.options import (
    batch_option,
    complete_convention,
    dtype_option,
    input_option,
    model_argument,
    opened,
    output_options,
    partial_option,
    set_option,
    settings,
)
from convcost.cli.output import deliver

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from convcost.networks.inputs import GivenShape


@click.command("reconcile", epilog="\b\nExample:\n  convcost reconcile resnet50 paper thop")
@model_argument
@click.argument("conventions", nargs=-1, metavar="[FIRST] [SECOND]", shell_complete=complete_convention)
@set_option
@input_option
@batch_option
@dtype_option
@click.option("--printed", multiple=True, metavar="FIGURE", help="Whose figure is this? 4.13G, 300M, …; repeatable.")
@partial_option
@output_options
def reconcile_command(
    model: str,
    conventions: tuple[str, ...],
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    batch: int,
    dtype: str | None,
    printed: tuple[str, ...],
    output: str | None,
    format_: str | None,
) -> None:
    """Why two counts of MODEL differ: from the total of one convention to that of another, term by term.

    With one convention, the way leads from `paper` to it; without any, all conventions stand side by side. --printed
    finds the convention, and the network of the family, that give a figure which a tool or a paper prints.
    """
    from convcost.conventions.convention import PAPER
    from convcost.core.printed import Printed
    from convcost.networks.conventions import all_table, pair_table, printed_table

    if len(conventions) > 2 or (conventions and printed):
        raise click.UsageError("give at most two conventions, or figures with --printed")
    if printed and batch != 1:
        raise click.UsageError("printed figures are of one image: leave out --batch")
    if printed and dtype is not None:
        raise click.UsageError("printed figures are of the types that the network states: leave out --dtype")
    network = opened(model, settings(set_), input_)
    if printed:
        found = printed_table(network, [Printed.parse(figure) for figure in printed])
        deliver(output, format_, lambda: found)
    elif conventions:
        first, second = (PAPER, *conventions)[-2:]

        def figure() -> go.Figure:
            from convcost.plots import waterfall
            from convcost.results.report import said

            return waterfall(
                network.reconcile(first, second, batch=batch, dtype=dtype), said(network.report(batch=batch))
            )

        deliver(output, format_, lambda: pair_table(network, first, second, batch, dtype), figure=figure)
    else:
        every = all_table(network, batch, dtype)

        def bars() -> go.Figure:
            from convcost.plots import operations_figure
            from convcost.results.report import said

            return operations_figure(every.data, said(network.report(batch=batch)))

        deliver(output, format_, lambda: every, figure=bars)
