"""`convcost compare`: what a layer would cost, built in other ways."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from convcost.cli.given import refuse, tell_unshown
from convcost.cli.options import InputShape, Sizes, Zeros, output_options
from convcost.cli.output import command_line, deliver, is_picture, text_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from convcost.alternatives.recipes import LayerToBuild
    from convcost.render.canvas import Drawing
    from convcost.render.table import Table


def _no_networks(_context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]) -> None:
    """Networks are compared elsewhere; asked for here, that is said before any option is missed."""
    if names:
        shown = shlex.join(["convcost", "report", *names, *(["OTHER"] if len(names) == 1 else [])])
        raise click.UsageError(f"compare builds one layer in several ways; networks side by side: {shown}")


@click.command("compare", epilog="\b\nExample:\n  convcost compare --input 6x6x3 --filters 5 --kernel 3")
@click.argument("networks", nargs=-1, metavar="", expose_value=False, callback=_no_networks)
@click.option(
    "--input",
    "input_",
    type=InputShape(),
    required=True,
    metavar="SHAPE",
    help="HxWxC, 6x6x3; a sequence, 5000x12 (length, channels); a volume, 16x112x112x3 (depth first).",
)
@click.option("--filters", type=click.IntRange(1), required=True, help="Filters, that is output channels n_c'.")
@click.option(
    "--kernel", type=Sizes(), required=True, metavar="K", help="Filter size f: 3, or one per axis: 1x7, 3x1x1."
)
@click.option("--stride", type=Sizes(), default="1", show_default=True, metavar="S", help="Steps: 2, or 2x1.")
@click.option(
    "--padding",
    type=Zeros(),
    default="valid",
    show_default=True,
    metavar="P",
    help="valid, same, causal (of a sequence), or zeros: 1, 1x2.",
)
@click.option("--bias", is_flag=True, help="Count a bias per filter.")
@click.option(
    "--against",
    multiple=True,
    metavar="WAY",
    help="separable (the default); grouped:g, g groups; bottleneck:b, a 1×1 to b channels (not a factor) first; "
    "inverted:t, t times the input's channels inside; spatial, one convolution per axis: k×1, then 1×k; "
    "standard (alone). Repeatable.",
)
@click.option("--execute", is_flag=True, help="Prove it: really run the convolutions and count.")
@click.option(
    "--law",
    is_flag=True,
    help="How the ratio depends on n_c' and f: numbers of filters and filter sizes instead of this layer alone; of one way.",
)
@output_options
@click.pass_context
def compare_command(
    ctx: click.Context,
    input_: tuple[int, ...],
    filters: int,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Any,
    bias: bool,
    against: tuple[str, ...],
    execute: bool,
    law: bool,
    output: str | None,
    format_: str | None,
) -> None:
    """One layer, several ways to build it: normal convolution against depthwise separable and others.

    Multiplications, parameters and activations of each step, and the ratio as a number, as an exact fraction and as a
    law that follows from the rules by cancelling. --input says along how many axes the filters slide: one (conv1d), two or
    three (conv3d). -o FILE.svg draws the layer as the course does: input, filters and outputs as boxes, normal above, the
    other ways below. Whole networks stand side by side in `convcost report A B`.
    """
    from convcost.alternatives.comparison import comparison_table
    from convcost.alternatives.recipes import LayerToBuild

    if len(input_) == 1:
        raise click.BadParameter(
            "needs height, width and channels, e.g. 6x6x3; length and channels of a sequence, e.g. 5000x12; or depth, "
            "height, width and channels of a volume, e.g. 16x112x112x3",
            param_hint="'--input'",
        )
    if law:
        refuse(ctx, ["execute"], "a law is of many layers, of which none is run: leave out --execute, or --law")
    elif is_picture(output, format_):
        tell_unshown(ctx, ("bias", "execute"), "a picture shows the multiplications of the layer; a page has all else")
    elif text_format(output, format_) == "csv":
        tell_unshown(
            ctx, ["execute"], "CSV holds the steps alone; JSON and Markdown, -o FILE.json or .md, say what was run"
        )
    layer = LayerToBuild(input_, filters, kernel, stride, padding, bias)
    chosen = against or ("separable",)

    if law:
        _deliver_law(layer, chosen, output, format_)
        return

    def picture() -> Drawing:
        from convcost.diagrams.course import course

        return course(layer, chosen)

    def table() -> Table:
        return comparison_table(layer, chosen, execute=execute)

    def page() -> str:
        from convcost.pages.compare import compare_page

        return compare_page(layer, chosen, table(), command_line())

    deliver(output, format_, table, figure=picture, page=page)


def _deliver_law(layer: LayerToBuild, chosen: Sequence[str], output: str | None, format_: str | None) -> None:
    """How the ratio of one way depends on the filters, as a table or as a picture."""
    from convcost.alternatives.ratios import ratios

    if len(chosen) > 1:
        raise click.UsageError(f"--law shows one way at a time, got {', '.join(chosen)}")
    found = ratios(layer, chosen[0])

    def figure() -> go.Figure:
        from convcost.plots import ratio_figure

        return ratio_figure(found, layer)

    deliver(output, format_, found.table, figure=figure)
