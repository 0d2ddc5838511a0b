"""`convcost report`: look at networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from convcost.cli.options import (
    Word,
    batch_option,
    can_be_kept,
    convention_option,
    dtype_option,
    input_option,
    memory_option,
    models_argument,
    opened,
    output_options,
    partial_option,
    set_option,
    settings,
)
from convcost.cli.output import command_line, deliver, emit, text_format
from convcost.core.kept import kept_text
from convcost.core.levels import LEVELS
from convcost.render.table import render

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from convcost.networks.inputs import GivenShape
    from convcost.networks.network import Network
    from convcost.render.table import Table


@click.command("report", epilog="\b\nExample:\n  convcost report mobilenet_v2 --set width=0.75 --input 192 --by stage")
@models_argument
@set_option
@input_option
@batch_option
@click.option("--by", type=Word(LEVELS), help="What a row stands for. Default: layer; of several networks, the totals.")
@convention_option
@dtype_option
@memory_option
@partial_option
@output_options
@click.pass_context
def report_command(
    ctx: click.Context,
    models: tuple[str, ...],
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    batch: int,
    by: str | None,
    convention: str,
    dtype: str | None,
    memory: str,
    output: str | None,
    format_: str | None,
) -> None:
    """Shapes, parameters and MACs of MODEL, layer by layer and in total; of several, side by side.

    MODEL is a name that `convcost list` shows, the path of a YAML spec or of a model file (.onnx, .tflite, .keras, .pt2), with knobs of its own if need be:
    mobilenet_v2:width=0.75,resolution=192. Several are compared with the first, --by stage and the like row by row;
    --set and --input are for all. With -o FILE.html, a page: tables that sort
    and fold, pictures, and where each number comes from; with -o FILE.svg, .png or .pdf a picture of where the cost is.
    """
    knobs = settings(set_)
    options: dict[str, Any] = {"convention": convention, "batch": batch, "dtype": dtype, "memory_policy": memory}
    fmt = text_format(output, format_)
    if fmt is not None:
        asked = (models, knobs, input_, by, options, fmt)

        def write() -> str:
            return render(_table(_opened(models, knobs, input_), by, options), fmt)

        names = [*models, *map(str, knobs.values())]
        emit(kept_text("report", asked, write, names, keep=lambda: can_be_kept(ctx)), output)
        return
    networks = _opened(models, knobs, input_)
    if len(networks) > 1:
        together = _table(networks, by, options)

        def side() -> go.Figure:
            from convcost.plots import networks_figure

            return networks_figure(together.data)

        deliver(output, format_, lambda: together, figure=side)
        return
    (network,), level = networks, by or "layer"
    report = network.report(**options)

    def figure() -> go.Figure:
        from convcost.plots import cost_by

        return cost_by(report, "stage" if level == "layer" else level)

    def page() -> str:
        from convcost.pages.report import report_page

        return report_page(network, report, command_line())

    deliver(output, format_, lambda: _table(networks, by, options), figure=figure, page=page)


def _opened(models: tuple[str, ...], knobs: dict[str, str], input_: GivenShape | None) -> list[Network]:
    return [opened(model, knobs, input_) for model in models]


def _table(networks: list[Network], by: str | None, options: dict[str, Any]) -> Table:
    """One network by its rows, several side by side."""
    if len(networks) > 1:
        from convcost.networks.side_by_side import side_by_side

        return side_by_side(*networks, by=by, **options)
    return networks[0].report(**options).table(by or "layer")
