"""`convcost report`: look at networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from convcost.cli.given import options_given, refuse, tell_unshown
from convcost.cli.options import (
    Word,
    batch_option,
    can_be_kept,
    complete_device,
    convention_option,
    deploy_option,
    dtype_option,
    input_option,
    memory_option,
    models_argument,
    number_options,
    opened,
    output_options,
    partial_option,
    set_option,
    settings,
)
from convcost.cli.output import command_line, deliver, emit, format_of, is_drawn, is_picture, text_format, width_of
from convcost.core.display import display
from convcost.core.kept import kept_text
from convcost.core.levels import LEVELS, MOST_ROWS
from convcost.core.metrics import TRAFFIC
from convcost.memory.optimizers import OPTIMIZERS
from convcost.render.table import render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import plotly.graph_objects as go

    from convcost.networks.inputs import GivenShape
    from convcost.networks.network import Network
    from convcost.render.table import Table


@click.command("report", epilog="\b\nExample:\n  convcost report mobilenet_v2 --set width=0.75 --input 192 --by stage")
@models_argument
@set_option
@input_option
@batch_option
@click.option(
    "--by",
    type=Word(LEVELS),
    metavar=f"[{'|'.join(LEVELS)}]",
    help=f"What a row stands for: a unit is what a person would draw as one, a convolution with its batch-norm and activation. "
    f"Default: the first of unit, block, stage with at most {MOST_ROWS} rows; in CSV, layer; of several networks, the totals.",
)
@click.option("--depth", type=int, metavar="N", help="A row for each of the first N scopes: 1 is stage, 2 is block.")
@click.option("--sort", metavar="COLUMN", help="Rows by a metric, the largest first, or by name.")
@click.option("--top", type=int, metavar="N", help="The first N rows, and the rest as one; the largest without --sort.")
@click.option(
    "--only", metavar="OP,…", help="Rows of these ops, kinds, layers or parts; globs go too, as in 'stage2.*'."
)
@click.option(
    "--traffic",
    is_flag=True,
    help="What each row reads and writes, in bytes, after what --memory fuses; MACs per byte.",
)
@convention_option
@dtype_option
@memory_option
@deploy_option(
    "Also the size in flash, item by item: batch-norms folded, biases int32. Default: int8; a .tflite as it is."
)
@click.option("--runtime", metavar="[tflm]", help="The arena in RAM as this runtime plans it; memory shows all of it.")
@click.option("--board", metavar="NAME", help="Whether it fits a board that `convcost boards` lists, or a file states.")
@click.option(
    "--device",
    metavar="NAME",
    shell_complete=complete_device,
    help="How long each row takes there: one of `convcost devices`, or a file; latency says what bounds it.",
)
@click.option(
    "--energy",
    is_flag=False,
    flag_value="horowitz_45nm",
    metavar="[TABLE]",
    help="What it takes in energy, a range from the nearest memory to the farthest: horowitz_45nm (default) or jouppi_7nm.",
)
@click.option("--training", is_flag=True, help="A training step: MACs of both gradients, bytes held and moved.")
@click.option(
    "--optimizer", type=Word(list(OPTIMIZERS)), help="What it remembers counts in --training.  [default: sgd]"
)
@click.option("--receptive", is_flag=True, help="The receptive field of each row: size, jump and start, in positions.")
@partial_option
@number_options
@output_options
@click.pass_context
def report_command(
    ctx: click.Context,
    models: tuple[str, ...],
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    batch: int,
    by: str | None,
    depth: int | None,
    sort: str | None,
    top: int | None,
    only: str | None,
    traffic: bool,
    convention: str,
    dtype: str | None,
    memory: str,
    deploy: str | bool,
    runtime: str | None,
    board: str | None,
    device: str | None,
    energy: str | None,
    training: bool,
    optimizer: str | None,
    receptive: bool,
    columns: tuple[str, ...] | None,
    units: str,
    digits: int | None,
    output: str | None,
    format_: str | None,
) -> None:
    """Shapes, parameters and MACs of MODEL, part by part and in total; of several, side by side.

    MODEL is a name that `convcost list` shows, the path of a YAML spec or of a model file (.onnx, .tflite, .keras, .pt2, .param), with knobs of its own if need be:
    mobilenet_v2:width=0.75,resolution=192. Several are a row each, with the ratio to the first - --columns params,macs,top1 says which numbers, published accuracies
    among them - or, --by stage and the like, compared row by row; --set and --input are for all. With -o FILE.html, a page: tables that sort
    and fold, pictures, and where each number comes from; with -o FILE.svg, .png or .pdf a picture of where the cost is.
    """
    if by is not None and depth is not None:
        raise click.UsageError("--depth N is itself what a row stands for: give it or --by")
    level = by if depth is None else depth
    shown: dict[str, Any] = {
        "sort": sort,
        "top": top,
        "only": only,
        "columns": columns,
        "units": units,
        "digits": digits,
        "traffic": traffic,
    }
    knobs = settings(set_)
    options: dict[str, Any] = {"convention": convention, "batch": batch, "dtype": dtype, "memory_policy": memory}
    options |= {"deploy": deploy} if deploy else {}
    options |= {"receptive": True} if receptive else {}
    options |= {"device": device} if device is not None else {}
    if energy is not None or training or optimizer is not None:
        deliver(output, format_, _of_another_kind(ctx, level, knobs))
        return
    _tell_what_is_not_shown(ctx)
    if runtime is not None or board is not None:
        _show_deployed(ctx, _opened(models, knobs, input_), level, shown, options, (output, format_))
        return
    fmt = text_format(output, format_)
    if fmt is None:
        _show_drawn(_opened(models, knobs, input_), level, shown, options, (output, format_))
        return
    width = width_of(output) if fmt == "table" else None
    asked = (models, knobs, input_, level, shown, options, fmt, width)

    def write() -> str:
        return render(_table(_opened(models, knobs, input_), level, shown, options), fmt, width)

    names = [*models, *map(str, knobs.values()), *([device] if device is not None else [])]
    cited = {"top1", "top5"} & set(columns or ())  # of a table that is no part of what kept texts depend on
    emit(kept_text("report", asked, write, names, keep=lambda: can_be_kept(ctx) and not cited), output)


_OF_A_TABLE = ("sort", "top", "only", "columns", "units", "digits")
"""The options that choose what a table shows; a page and a picture show what they show."""


def _tell_what_is_not_shown(ctx: click.Context) -> None:
    """Say which options change nothing of what is written."""
    asked = ctx.params
    target, one = (asked["output"], asked["format_"]), len(asked["models"]) == 1
    deployed = asked["runtime"] is not None or asked["board"] is not None
    if text_format(*target) == "csv":
        tell_unshown(
            ctx,
            ("deploy", "runtime") if asked["board"] is None else ("deploy",),
            "said of the whole network, and CSV holds rows alone; JSON and Markdown, -o FILE.json or .md, hold both",
        )
    elif deployed:
        format_of(*target)  # refuses a picture
    elif is_drawn(*target):
        _tell_where_all_is_shown(ctx, one=one, picture=is_picture(*target))


def _tell_where_all_is_shown(ctx: click.Context, *, one: bool, picture: bool) -> None:
    """The same, of a page or picture of one network, or of several."""
    if one:
        tell_unshown(
            ctx,
            _OF_A_TABLE if picture else ("by", "depth", *_OF_A_TABLE),
            "a page or picture of a network is of all of it, exact, and a page sorts and folds; a table in a file, "
            "as -o FILE.md or .csv, has the rows and columns that you choose",
        )
    if picture and one:
        tell_unshown(
            ctx,
            ("traffic", "receptive", "device", "deploy", "convention"),
            "a picture of a network shows its MACs, params and activations; a page, -o FILE.html, has all else",
        )
    elif picture and ctx.params["by"] is None:
        tell_unshown(
            ctx,
            ("traffic", "columns", "units", "digits", "convention"),
            "a picture of several networks shows their MACs, params and peak memory; a page, -o FILE.html, has the table",
        )


def _show_drawn(
    networks: list[Network],
    level: str | int | None,
    shown: dict[str, Any],
    options: dict[str, Any],
    target: tuple[str | None, str | None],
) -> None:
    """The page or picture of a network, or of several side by side."""
    if len(networks) > 1:
        together = _table(networks, level, shown, options)

        def side() -> go.Figure:
            from convcost.plots import networks_figure

            return networks_figure(together.data)

        deliver(*target, lambda: together, figure=side)
        return
    (network,) = networks
    report = network.report(**options)

    def figure() -> go.Figure:
        from convcost.plots import cost_by

        return cost_by(report, "stage" if level is None else level)

    def page() -> str:
        from convcost.pages.report import report_page

        return report_page(network, report, command_line())

    deliver(*target, lambda: _table(networks, level, shown, options), figure=figure, page=page)


def _of_another_kind(ctx: click.Context, level: str | int | None, knobs: dict[str, str]) -> Callable[[], Table]:
    """The table of energy, or of a training step, that the options ask for; raises `UsageError` for others beside it."""
    asked = ctx.params
    if asked["energy"] is not None:
        _of_one("--energy is", asked["models"])
        refuse(ctx, _NOT_OF_ENERGY, "--energy has rows and columns of its own; --by and --depth choose the rows")
        how = {"dtype": asked["dtype"], "batch": asked["batch"], "memory_policy": asked["memory"]}
        network = opened(asked["models"][0], knobs, asked["input_"])
        return lambda: network.energy(asked["energy"], **how).table(level)
    if not asked["training"]:
        raise click.UsageError("--optimizer is of a training step: give --training as well")
    _of_one("--training is", asked["models"])
    if names := ", ".join(options_given(ctx, _NOT_OF_TRAINING)):
        raise click.UsageError(f"--training has columns and a memory policy of its own: leave out {names}")
    network = opened(asked["models"][0], knobs, asked["input_"])
    step = network.training(asked["optimizer"] or "sgd", batch=asked["batch"], dtype=asked["dtype"])
    return lambda: step.table(level, display(asked["units"], asked["digits"]))


def _of_one(what: str, models: Sequence[str]) -> None:
    if len(models) > 1:
        raise click.UsageError(f"{what} of one network, not of {len(models)}: ask for one at a time")


_NOT_OF_ENERGY = (
    *("sort", "top", "only", "convention", "deploy", "runtime", "board", "training", "optimizer"),
    *("receptive", "device", "traffic", "columns", "units", "digits"),
)
"""The options that say nothing of energy."""
_NOT_OF_TRAINING = (
    *("sort", "top", "only", "convention", "memory", "deploy", "runtime", "board"),
    *("receptive", "device", "traffic", "columns"),
)
"""The options that a training step has no use for."""


def _show_deployed(
    ctx: click.Context,
    networks: list[Network],
    level: str | int | None,
    shown: dict[str, Any],
    options: dict[str, Any],
    target: tuple[str | None, str | None],
) -> None:
    """The report of a network with what it needs under a runtime, and of a board; exit status 1 if it does not fit.

    Its type is that of --deploy, else of --dtype, as in a sweep.
    """
    from dataclasses import replace

    from convcost.cli.deployment import leave
    from convcost.deploy.lowered import deployed_as
    from convcost.networks.deployed_tables import deployed_dict

    _of_one("--runtime and --board are", ctx.params["models"])
    if options["batch"] != 1:
        raise click.UsageError("--runtime and --board are of one image at a time: leave out --batch")
    deploy, board = ctx.params["deploy"], ctx.params["board"]
    kind = deployed_as(deploy, options["dtype"])
    options = options | ({"deploy": kind or True} if deploy else {})
    found = networks[0].deployed(dtype=kind, runtime=ctx.params["runtime"] or "tflm", board=board)

    def table() -> Table:
        made = _table(networks, level, shown, options)
        data = {**made.data, **deployed_dict(found, found.searched)}
        return replace(made, data=data, notes=[*made.notes, *found.notes])

    deliver(*target, table)
    leave(ctx, found, target[0])


def _opened(models: tuple[str, ...], knobs: dict[str, str], input_: GivenShape | None) -> list[Network]:
    return [opened(model, knobs, input_) for model in models]


def _table(networks: list[Network], level: str | int | None, shown: dict[str, Any], options: dict[str, Any]) -> Table:
    """One network by its rows, several side by side; raises `UsageError`."""
    if len(networks) == 1:
        return networks[0].report(**options).table(level, **shown)
    numbers = {name: shown[name] for name in ("columns", "units", "digits")}
    given = [f"--{name}" for name in ("sort", "top", "only") if shown[name] is not None]
    given += ["--depth"] if isinstance(level, int) else []
    if given or isinstance(level, int):
        raise click.UsageError(
            f"{', '.join(given)}: the rows of one network can be chosen, not those of {len(networks)}"
        )
    if "receptive" in options:
        raise click.UsageError(
            f"--receptive adds columns to the rows of one network, not of {len(networks)}: ask for one at a time"
        )
    if "device" in options:
        raise click.UsageError(
            f"--device adds a column to the rows of one network, not of {len(networks)}: "
            "convcost latency MODEL... --device NAME shows several"
        )
    if "deploy" in options:
        raise click.UsageError(f"--deploy says the items of one network, not of {len(networks)}: ask for one at a time")
    from convcost.published.side_by_side import side_by_side

    if shown["traffic"] and isinstance(level, str):
        raise click.UsageError("--traffic: the parts of several networks side by side show no bytes; leave out --by")
    if shown["traffic"]:
        numbers["columns"] = (*(numbers["columns"] or ("input",)), *TRAFFIC)
    return side_by_side(*networks, by=level, **numbers, **options)
