"""`convcost sweep`: a whole design space at once."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

import click

from convcost.cli.deployment import deployment_options, is_deployed
from convcost.cli.given import tell_unshown
from convcost.cli.options import (
    Setting,
    Word,
    batch_option,
    complete_knob,
    deploy_option,
    device_option,
    dtype_option,
    input_option,
    listed,
    memory_option,
    model_argument,
    rewrite_option,
    set_option,
    settings,
)
from convcost.cli.output import command_line, deliver, format_of, is_drawn, is_picture, stream
from convcost.core.metrics import DEPLOYED, RATIOS, SWEPT, TIMED, key_of
from convcost.render.table import FORMATS
from convcost.space.workers import ENGINES, check_engine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convcost.networks.inputs import GivenShape
    from convcost.render.table import Table
    from convcost.space.space import DesignSpace


_MOST_ON_A_PAGE = 20_000


class _MetricWord(Word):
    """A metric, by its key or by another word for it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(super().convert(key_of(str(value)), param, ctx))


@click.command(
    "sweep",
    epilog="\b\nExample:\n  convcost sweep mobilenet_v2 --over width=0.35:1.4:0.35 --over resolution=96:224:32",
)
@model_argument
@click.option(
    "--over",
    type=Setting("width=0.25:1:0.25"),
    multiple=True,
    required=True,
    shell_complete=complete_knob,
    metavar="KNOB=VALUES",
    help="An axis: START:STOP:STEP (both ends included) or values with commas; repeatable.",
)
@set_option
@input_option
@click.option(
    "--metric",
    "metrics",
    type=_MetricWord((*SWEPT, *RATIOS, *TIMED, *DEPLOYED)),
    multiple=True,
    help="What to show; repeatable. Of three knobs or more, a picture draws the first two.",
)
@click.option(
    "--front", metavar="OBJECTIVE,…", help="Only points that no other dominates: macs,resolution or max:params."
)
@click.option("--cliffs", is_flag=True, help="Where the cost jumps along the axis, and which values are free.")
@device_option
@deploy_option("As this type, int8 unless said: with RAM, weights and biases, flash.")
@deployment_options("RAM and flash as on a board, with its addresses and the runtime's code")
@batch_option
@dtype_option
@memory_option
@rewrite_option
@click.option(
    "--limit",
    type=click.IntRange(1),
    help=f"Rows that a table shows. Default: 40, and of a page {_MOST_ON_A_PAGE:,}; CSV, JSON and Parquet hold all.",
)
@click.option("--jobs", type=int, default=1, show_default=True, help="Processes to work on.")
@click.option("--engine", type=Word(ENGINES), default="local", show_default=True, help="What runs the jobs.")
@click.option("--scheduler", metavar="ADDRESS", help="Of a running dask cluster.")
@click.option("--format", "format_", type=Word((*FORMATS, "parquet")), help="Default: what FILE ends with, else table.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(), help="Write to FILE, whole or not at all.")
@click.pass_context
def sweep_command(
    ctx: click.Context,
    model: str,
    over: tuple[tuple[str, str], ...],
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    metrics: tuple[str, ...],
    front: str | None,
    cliffs: bool,
    device: str | None,
    deploy: str | bool,
    runtime: str | None,
    pointers: str | None,
    kernels: str | None,
    board: str | None,
    batch: int,
    dtype: str | None,
    memory: str,
    rewrite: str,
    limit: int | None,
    jobs: int,
    engine: str,
    scheduler: str | None,
    format_: str | None,
    output: str | None,
) -> None:
    """What every network of a grid of knob values costs, in exact integers.

    Points of the grid where no network can be built are shown as such. CSV, JSON and Parquet are written as they are
    computed, so that a grid may be larger than memory; a table shows its first rows. -o FILE.html or .svg draws it: an axis as a
    curve, two as a map, more as points. With --runtime, --deploy or --board: RAM and flash of the networks as deployed; with
    --device how long they take there, as `convcost latency` says of one.
    """
    from convcost.space.cliffs import cliffs_table
    from convcost.space.front import front_table
    from convcost.space.open import design_space
    from convcost.space.points_table import MOST_SHOWN
    from convcost.space.sweep import default_metrics, sweep_table
    from convcost.space.target import HowDeployed, device_of
    from convcost.space.writers import write

    check_engine(jobs, engine, scheduler)
    axes = settings(over, "--over")
    drawn = _drawn(ctx, axes)
    objectives = listed(front, "--front") if front is not None else []
    names = {*metrics, *(key_of(name.strip().rpartition(":")[2]) for name in objectives)}
    if not deploy and not names & {*DEPLOYED}:
        is_deployed(runtime, board, pointers, kernels)
    if device is None and names & {*TIMED}:
        raise click.UsageError("a latency is of a device: give --device NAME; `convcost devices` lists all")
    how = HowDeployed(runtime, deploy, board, int(pointers) if pointers else None, kernels)
    made = design_space(
        model,
        settings(set_),
        over=axes,
        batch=batch,
        dtype=dtype,
        memory_policy=memory,
        input_shape=input_,
        rewrite=rewrite,
        target=how.target(dtype, limited=bool(names & {*DEPLOYED})),
        device=device_of(device),
        buildable=True,
    )
    fmt = "parquet" if not format_ and str(output).lower().endswith(".parquet") else format_
    fmt = fmt or ("picture" if is_picture(output, format_) else format_of(output, format_, (".parquet", ".svg")))
    shown = tuple(dict.fromkeys(metrics)) or default_metrics(made)
    limit = limit or (_MOST_ON_A_PAGE if fmt == "html" else MOST_SHOWN)
    if cliffs:
        if front is not None or len(metrics) > 1:
            raise click.UsageError("--cliffs looks at one --metric, and makes no --front")
        table = cliffs_table(made, metrics[0] if metrics else "macs", limit)
    elif front is not None:
        with _Progress(made.points) as progress:
            table = front_table(
                made,
                objectives,
                shown,
                None if fmt in {"csv", "json", "parquet"} else limit,
                progress,
                jobs=jobs,
                engine=engine,
                scheduler=scheduler,
            )
    elif fmt in {"csv", "json", "parquet"}:
        if fmt == "parquet" and output is None:
            raise click.UsageError("Parquet is no text: give -o FILE")
        with stream(output) as file, _Progress(made.points) as progress:
            write(made, fmt, file, shown, progress, jobs=jobs, engine=engine, scheduler=scheduler)
        return
    else:
        table = sweep_table(made, shown, limit)
    if fmt == "parquet":
        raise click.UsageError("Parquet holds the points of a grid; write fronts and cliffs as csv or json")
    _deliver(table, made if front is None else None, drawn, output, format_)


_OF_DEPLOYED = ("deploy", "runtime", "board", "pointers", "kernels")


def _drawn(ctx: click.Context, axes: Mapping[str, str]) -> tuple[str, ...]:
    """The metrics that a picture draws; raises `UsageError` for others. What says nothing of these, or of a table of cliffs, is told."""
    from convcost.space.sweep import DEFAULT_METRICS

    asked = ctx.params
    metrics = tuple(dict.fromkeys(asked["metrics"]))
    counts = tuple(one for one in metrics if one not in RATIOS)
    drawn = counts[:2] or DEFAULT_METRICS[:1]
    picture = is_picture(asked["output"], asked["format_"]) and asked["front"] is None
    if picture:
        if ratio := next((one for one in metrics if one in RATIOS), ""):
            remedy = "leave it out, or write" if counts else "write"
            raise click.UsageError(
                f"a picture draws counts, not the ratio {ratio}: {remedy} a table, csv, json or parquet"
            )
        if beyond := ", ".join(counts[1 if len(axes) < 3 else 2 :]):
            raise click.UsageError(
                f"a picture of one or two knobs draws one --metric, one of more knobs two; leave out {beyond}, "
                "or write a page, -o FILE.html"
            )
        tell_unshown(
            ctx, ("cliffs", "limit"), "a picture draws the whole grid; a page, -o FILE.html, has the table as well"
        )
    if picture or asked["cliffs"]:
        what = f"says nothing of {drawn[0]}, which is all that is shown; give --metric"
        tell_unshown(ctx, () if {*drawn} & {*TIMED} else ["device"], f"{what} latency_ms")
        tell_unshown(ctx, () if {*drawn} & {*DEPLOYED} else _OF_DEPLOYED, f"{what} ram_bytes or flash_bytes")
    return drawn


def _deliver(
    table: Table, drawn: DesignSpace | None, metrics: tuple[str, ...], output: str | None, format_: str | None
) -> None:
    """The table, or with it the pictures of a grid that can be drawn: of its points, the second metric against the first."""
    if drawn is None or not is_drawn(output, format_):
        deliver(output, format_, lambda: table)
        return
    from convcost.plots import sweep_figures

    def page() -> str:
        from convcost.pages.files import page as page_of

        figures = sweep_figures(drawn, *metrics)
        several = {1: "What the knobs change"} if len(figures) > 1 else {}
        parts = [figures if several else figures[0], table]
        return page_of(table.heading or table.title, parts, [("command", command_line())], several)

    deliver(output, format_, lambda: table, figure=lambda: sweep_figures(drawn, *metrics)[0], page=page)


class _Progress:
    """How far a long run is, on standard error if that is a terminal."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.begun = total, 0, time.monotonic()
        self.shown = 0.0

    def __enter__(self) -> Self:
        return self

    def __call__(self, points: int) -> None:
        self.done += points
        now = time.monotonic()
        if now - self.begun > 1 and now - self.shown > 0.2 and sys.stderr.isatty():
            self.shown = now
            click.echo(f"\r{100 * self.done // self.total:3d} % of {self.total:,} points", nl=False, err=True)

    def __exit__(self, *_: object) -> None:
        if self.shown:
            click.echo("\r" + " " * 40 + "\r", nl=False, err=True)
