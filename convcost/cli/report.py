"""`convcost list` and `convcost report`: look at networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from convcost.cli.options import (
    convention_option,
    dtype_option,
    input_option,
    memory_option,
    models_argument,
    output_options,
    set_option,
    settings,
)
from convcost.cli.output import command_line, deliver
from convcost.networks.load import open_named
from convcost.results.report import LEVELS

if TYPE_CHECKING:
    import plotly.graph_objects as go


@click.command("report", epilog="\b\nExample:\n  convcost report mobilenet_v2 --set width=0.75 --input 192 --by stage")
@models_argument
@set_option
@input_option
@click.option("--batch", type=int, default=1, show_default=True, help="Images at once.")
@click.option(
    "--by", type=click.Choice(LEVELS), help="What a row stands for. Default: layer; of several networks, the totals."
)
@convention_option
@dtype_option
@memory_option
@output_options
def report_command(
    models: tuple[str, ...],
    set_: tuple[tuple[str, str], ...],
    input_: tuple[int, ...] | None,
    batch: int,
    by: str | None,
    convention: str,
    dtype: str,
    memory: str,
    output: str | None,
    format_: str | None,
) -> None:
    """Shapes, parameters and MACs of MODEL, layer by layer and in total; of several, side by side.

    MODEL is a name that `convcost list` shows, or the path of a YAML spec, with knobs of its own if need be:
    mobilenet_v2:width=0.75,resolution=192. Several are compared with the first, --by stage and the like row by row;
    --set and --input are for all. With -o FILE.html, a page: tables that sort
    and fold, pictures, and where each number comes from; with -o FILE.svg, .png or .pdf a picture of where the cost is.
    """
    from convcost.results.report import report_table

    networks = [open_named(model, settings(set_), input_) for model in models]
    if len(networks) > 1:
        from convcost.networks.side_by_side import side_by_side

        options: dict[str, Any] = {"convention": convention, "batch": batch, "dtype": dtype, "memory_policy": memory}
        deliver(output, format_, lambda: side_by_side(*networks, by=by, **options))
        return
    (network,), level = networks, by or "layer"
    report = network.report(convention, batch=batch, dtype=dtype, memory_policy=memory)

    def figure() -> go.Figure:
        from convcost.plots import cost_by

        return cost_by(report, "stage" if level == "layer" else level)

    def page() -> str:
        from convcost.pages.report import report_page

        return report_page(network, report, command_line())

    deliver(output, format_, lambda: report_table(report, level), figure=figure, page=page)
