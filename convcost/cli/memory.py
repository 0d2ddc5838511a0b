"""`convcost memory`: live ranges of activations, their peak in bytes, and arena plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from convcost.cli.deployment import deployment_options, is_deployed, memory_data, refuse_decided, show_deployed
from convcost.cli.given import refuse_undrawn, tell_unshown
from convcost.cli.options import (
    Bytes,
    Dtype,
    Word,
    accepts_partial,
    batch_option,
    dtype_option,
    input_option,
    model_argument,
    opened,
    partial_option,
    set_option,
    settings,
)
from convcost.cli.output import command_line, deliver, is_drawn, tell
from convcost.cli.patches import OF_ACTIVATIONS, is_rows, patches_options
from convcost.memory.policies import POLICIES
from convcost.memory.usage import Options, Runs
from convcost.render.table import FORMATS
from convcost.results.memory import LEVELS, PICTURES, PLACES

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from convcost.networks.inputs import GivenShape


_WHOLE = "a page has both, and a picture is of every tensor; a table has the rows that you choose"
"""Why --by changes nothing there."""


@click.command("memory", epilog="\b\nExample:\n  convcost memory mobilenet_v2 --dtype int8 --limit 1MiB")
@model_argument
@click.option("--policy", type=Word(list(POLICIES)), default="fused", show_default=True, help="Who writes where.")
@deployment_options("Whether it fits a board, under --runtime tflm")
@dtype_option
@click.option("--weights", type=Dtype(), help="Type of the weights, if it is another.")
@click.option(
    "--weights-in",
    type=Word(PLACES),
    default="flash",
    show_default=True,
    help="Where weights lie: in ram they count in what is needed.",
)
@click.option(
    "--order", type=Word(get_args(Runs)), default="given", show_default=True, help="In which order layers run."
)
@click.option(
    "--split-expansion",
    "parts",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="Run blocks (expand, depthwise, project) in N parts.",
)
@click.option("--limit", type=Bytes(), metavar="SIZE", help="Exit 1 if more is needed: 256KiB, 1.5MiB, 100000.")
@click.option("--align", type=int, default=1, metavar="BYTES", help="Of which the arena's offsets are multiples.")
@set_option
@input_option
@batch_option
@click.option(
    "--picture",
    type=Word((*PICTURES, "patches")),
    default="timeline",
    show_default=True,
    help="What -o FILE.svg shows: what is alive when, or where it lies; with --patches always these.",
)
@click.option("--by", type=Word(LEVELS), default="step", show_default=True, help="What a row stands for.")
@click.option(
    "--format",
    "format_",
    type=Word(FORMATS),
    help="Default: what FILE ends with, else table; html has a picture.",
)
@partial_option
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(), help="Write here; .svg, .png and .pdf are the picture alone."
)
@patches_options
@click.pass_context
def memory_command(
    ctx: click.Context,
    model: str,
    policy: str,
    runtime: str | None,
    pointers: str | None,
    kernels: str | None,
    board: str | None,
    dtype: str | None,
    weights: str | None,
    weights_in: str,
    order: Runs,
    parts: int,
    limit: int | None,
    align: int,
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    batch: int,
    picture: str,
    by: str,
    format_: str | None,
    output: str | None,
) -> None:
    """Which activations of MODEL are alive when, the peak, and where the tensors could lie in memory.

    Every number is of a named policy: who fuses, who writes over what, how long tensors are kept. `training` keeps what
    the backward pass needs. --order best runs the layers in the order that needs least. --runtime tflm is no policy but
    what TensorFlow Lite Micro does: its arena to the byte, and with --board NAME whether RAM and flash are enough. The
    planner greedy_by_size is not its own: that orders tensors of one size the other way, and rounds sizes up.
    """
    from convcost.networks.within_memory import limited, weights_apart, weights_in_ram
    from convcost.results.memory import limit_notes, memory_page_parts, memory_table

    refuse_undrawn(ctx)
    if is_drawn(output, format_):
        tell_unshown(ctx, ["by"], _WHOLE)
    if limit is None and is_rows(output, format_):
        tell_unshown(ctx, ("weights", "weights_in"), OF_ACTIVATIONS)
    network = opened(model, settings(set_), input_)
    if is_deployed(runtime, board, pointers, kernels):
        refuse_decided(ctx)
        found = network.deployed(
            dtype=dtype,
            board=board,
            limit=limit,
            runtime=runtime or "tflm",
            pointers=int(pointers) if pointers else None,
            kernels=kernels or "reference",
        )
        show_deployed(ctx, found, by, format_, output, memory_data(network, found, policy))
        return
    options = Options(policy, dtype, order, parts, align)
    usage = network.memory(batch=batch, **options.arguments())
    report = network.report(batch=batch, dtype=dtype, memory_policy=policy)
    stored = weights_in_ram(weights) if weights_in == "ram" else weights_apart
    bound = limited(network, usage, limit, partial=accepts_partial(ctx), stored=stored)

    def figure() -> go.Figure:
        from convcost.plots import memory_figure

        return memory_figure(report, usage, picture, bound.size if bound else None)

    def page() -> str:
        from convcost.pages.files import page as page_of
        from convcost.plots import memory_figure
        from convcost.results.report import title

        names = PICTURES if usage.arena else PICTURES[:1]
        drawn = [memory_figure(report, usage, name, bound.size if bound else None) for name in names]
        parts = [*drawn, *memory_page_parts(report, usage, weights, bound, weights_in)]
        headings = dict(enumerate(("What is alive when", "Where it lies")[: len(drawn)], start=1))
        return page_of(title(report), parts, [("command", command_line())], headings)

    deliver(
        output, format_, lambda: memory_table(report, usage, by, weights, bound, weights_in), figure=figure, page=page
    )
    if bound is not None and not bound.kept:
        for word, said in limit_notes(usage, bound) if output is not None else ():
            tell(f"{word}: {said}")
        ctx.exit(1)
