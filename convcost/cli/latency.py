"""`convcost latency`: how long networks take on devices, and what the time goes into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convcost.cli.given import refuse_undrawn, tell_unshown
from convcost.cli.options import (
    Word,
    batch_option,
    dtype_option,
    input_option,
    models_argument,
    opened,
    output_options,
    partial_option,
    set_option,
    settings,
)
from convcost.cli.output import command_line, deliver, is_picture
from convcost.core.levels import LEVELS, MOST_ROWS

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from convcost.networks.inputs import GivenShape
    from convcost.render.table import Table

_BY = (*LEVELS, "kind")
_PICTURES = ("roofline", "kinds")


@click.command("latency", epilog="\b\nExample:\n  convcost latency resnet50 efficientnet_b0 --device v100 -o why.html")
@models_argument
@click.option(
    "--device",
    "devices",
    multiple=True,
    required=True,
    metavar="NAME",
    help="On which device that `convcost devices` lists, or a file states; repeatable.",
)
@set_option
@input_option
@batch_option
@dtype_option
@click.option(
    "--by",
    type=Word(_BY),
    metavar=f"[{'|'.join(_BY)}]",
    help=f"What a row stands for. Default: the first of unit, block, stage with at most {MOST_ROWS} rows; in CSV, layer; of "
    "several networks or devices, the totals.",
)
@click.option(
    "--picture",
    type=Word(_PICTURES),
    help="What -o FILE.svg shows: layers under the device's roofs, or beside the rates of one that was measured, or the time by "
    "kind of kernel. Default: roofline; of "
    "several networks or devices, kinds.",
)
@partial_option
@output_options
@click.pass_context
def latency_command(
    ctx: click.Context,
    models: tuple[str, ...],
    devices: tuple[str, ...],
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    batch: int,
    dtype: str | None,
    by: str | None,
    picture: str | None,
    output: str | None,
    format_: str | None,
) -> None:
    """How long MODEL takes on a device, with how far off that is, part by part, and what the time goes into.

    Several networks or devices are a row each, with the share of every kind of kernel, and why one takes longer though it
    has fewer MACs. A device is calibrated - fitted to networks that somebody measured, its error that of networks left out
    in turn - or a roofline of a datasheet's peak figures. What a device was never fitted on is refused (exit status 2);
    what goes far beyond it is marked with ~. With -o FILE.html a page; FILE.svg, .png and .pdf are the picture alone.
    """
    from convcost.networks.latencies import latencies

    refuse_undrawn(ctx)
    if is_picture(output, format_):
        tell_unshown(ctx, ["by"], "a picture is of every layer, or of --picture kinds; a table or a page has such rows")
    knobs = settings(set_)
    networks = [opened(model, knobs, input_) for model in models]
    if by is not None and len(networks) * len(devices) > 1:
        raise click.UsageError(f"--by {by} is of one network on one device: ask for one at a time")
    found = latencies(networks, devices, dtype, batch)

    def table() -> Table:
        return found.table() if len(found) > 1 else found[0].table(by)

    def figure() -> go.Figure:
        from convcost import plots

        shown = picture or ("kinds" if len(found) > 1 else "roofline")
        return plots.roofline_figure(found) if shown == "roofline" else plots.kinds_figure(found)

    def page() -> str:
        from convcost.pages.latency import latency_page

        return latency_page(found, command_line(), by)

    deliver(output, format_, table, figure=figure, page=page)
