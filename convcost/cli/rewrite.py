"""`convcost rewrite`: what a network would cost with its convolutions rebuilt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convcost.cli.given import tell_unshown
from convcost.cli.options import (
    convention_option,
    dtype_option,
    format_option,
    input_option,
    memory_option,
    model_argument,
    opened,
    partial_option,
    set_option,
    settings,
)
from convcost.cli.output import deliver, emit, is_picture, show
from convcost.render.table import ending

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from convcost.networks.inputs import GivenShape

_OF_A_SPEC = ("", ".yaml", ".yml")
"""Endings of a file that the new network is written to, beside the table that is printed."""


@click.command("rewrite", epilog="\b\nExample:\n  convcost rewrite vgg16 --to separable")
@model_argument
@click.option("--to", required=True, metavar="WAY", help="separable, standard, grouped:G or deployed.")
@click.option("--layers", default="*", show_default=True, metavar="PATTERN", help="Which: a glob over layer names.")
@click.option(
    "--except", "excluded", multiple=True, metavar="PATTERN", help="Which to leave as they are, of these; repeatable."
)
@set_option
@input_option
@convention_option
@dtype_option
@memory_option
@partial_option
@click.option(
    "-o",
    "--output",
    metavar="FILE.yaml",
    type=click.Path(),
    help="Write the new network as a spec; any other ending: the table, the page, the picture.",
)
@format_option
@click.pass_context
def rewrite_command(
    ctx: click.Context,
    model: str,
    to: str,
    layers: str,
    excluded: tuple[str, ...],
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    convention: str,
    dtype: str | None,
    memory: str,
    output: str | None,
    format_: str | None,
) -> None:
    """MODEL with its convolutions rebuilt: before and after, layer by layer and in total.

    separable: each convolution over several channels and taps becomes depthwise and pointwise. standard: depthwise and
    pointwise become one convolution again. grouped:G: convolutions get G groups where G divides their channels. deployed:
    batch-norms, layer scales and branches that are linear in one tensor are merged into one convolution, as for inference;
    what cannot be merged stays, and is named.

    A spec that -o writes holds this one network: it has no knobs left to sweep. To change knobs, --set them here.
    """
    from convcost.networks.before_after import rewrite_table
    from convcost.spec.write import resolved

    if output == "-":
        tell_unshown(
            ctx,
            ("format_", "convention", "dtype", "memory"),
            "-o - prints the new network as a spec, without a table; -o FILE.yaml prints the table",
        )
    elif is_picture(output, format_):
        tell_unshown(ctx, ["convention"], "the picture shows MACs; a table or a page has operations as well")
    before = opened(model, settings(set_), input_)
    after = before.rewrite(to, layers, excluded=excluded)
    table = rewrite_table(before, after, convention, dtype=dtype, memory_policy=memory)
    if ending(output) not in _OF_A_SPEC:

        def figure() -> go.Figure:
            from convcost.plots import before_after

            return before_after(before.report(), after.report())

        deliver(output, format_, lambda: table, figure=figure)
        return
    if output is not None:  # first: where it cannot be written, nothing is told
        emit(resolved(after.graph, after.name, after.caption), output)
    if output != "-":
        show(table, None, format_ or "table")
