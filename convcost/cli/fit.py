"""`convcost fit`: which configurations stay within a budget."""

from __future__ import annotations

from typing import Any

import click

from convcost.cli.deployment import deployment_options, is_deployed
from convcost.cli.given import tell_unshown
from convcost.cli.options import (
    Amount,
    Axis,
    Word,
    batch_option,
    complete_knob,
    deploy_option,
    device_option,
    dtype_option,
    memory_option,
    model_argument,
    named,
    output_options,
    rewrite_option,
    set_option,
    settings,
)
from convcost.cli.output import format_of, show


@click.command("fit", epilog="\b\nExample:\n  convcost fit mobilenet_v2 --max-macs 300M --maximise macs")
@model_argument
@click.option("--max-macs", type=Amount("macs"), metavar="COUNT", help="At most so many MACs: 300M, 4.1G.")
@click.option("--max-params", type=Amount("params"), metavar="COUNT", help="At most so many parameters: 4M.")
@click.option(
    "--max-peak", type=Amount("peak"), metavar="SIZE", help="At most so much for activations at once: 256KiB."
)
@click.option(
    "--max-ram", type=Amount("ram"), metavar="SIZE", help="At most so large an arena, of --runtime tflm: 256KiB."
)
@click.option(
    "--max-flash", type=Amount("flash"), metavar="SIZE", help="At most so large a model file, as --deploy says: 1MiB."
)
@click.option("--max-latency", type=Amount("latency"), metavar="TIME", help="At most so long on --device: 20ms, 300us.")
@device_option
@deploy_option("As this type, int8 unless said: with RAM, weights and biases, flash.")
@deployment_options("At most the RAM and flash of a board, under --runtime tflm")
@dtype_option
@click.option(
    "--over",
    type=Axis("width=0.25:1:0.25"),
    multiple=True,
    shell_complete=complete_knob,
    metavar="KNOB[=VALUES]",
    help="An axis, as for sweep; default: width by 0.01 (an integer: by 1), resolution by 1, unless set; so too a KNOB alone.",
)
@click.option("--along", type=Word(["compound"]), help="Scale depth, width and resolution together.")
@click.option("--maximise", metavar="WHAT", help="Pick the one with most macs, params, resolution, width, …")
@set_option
@batch_option
@memory_option
@rewrite_option
@click.option("--limit", type=click.IntRange(1), default=40, show_default=True, help="Rows that a table shows.")
@output_options
@click.pass_context
def fit_command(
    ctx: click.Context,
    model: str,
    max_macs: str | None,
    max_params: str | None,
    max_peak: str | None,
    max_ram: str | None,
    max_flash: str | None,
    max_latency: str | None,
    device: str | None,
    deploy: str | bool,
    runtime: str | None,
    pointers: str | None,
    kernels: str | None,
    board: str | None,
    dtype: str | None,
    over: tuple[tuple[tuple[str, str | None], ...], ...],
    along: str | None,
    maximise: str | None,
    set_: tuple[tuple[str, str], ...],
    batch: int,
    memory: str,
    rewrite: str,
    limit: int,
    output: str | None,
    format_: str | None,
) -> None:
    """The largest versions of MODEL within a budget, rounding rules and all.

    Shown are maximal configurations: no knob of theirs can grow without breaking a budget, and what breaks is said.
    Exit status 1 if nothing fits; then the nearest is shown, and what it lacks. --max-ram bounds the arena of TensorFlow
    Lite Micro, --max-flash the model file, both of the network as int8 unless --deploy says; --board NAME bounds both.
    """
    from convcost.space.compound import compound_table
    from convcost.space.fit import fit, fit_table
    from convcost.space.target import device_of

    fmt = format_of(output, format_)
    budgets = {"max_macs": max_macs, "max_params": max_params, "max_peak": max_peak}
    if max_latency is not None and device is None:
        raise click.UsageError("a latency is of a device: give --device NAME; `convcost devices` lists all")
    on = device_of(device)
    budgets |= {"max_latency": max_latency}
    common: dict[str, Any] = {
        **budgets,
        "device": on,
        "dtype": dtype,
        "batch": batch,
        "memory_policy": memory,
        "rewrite": rewrite,
    }
    limits: dict[str, Any] = {"max_ram": max_ram, "max_flash": max_flash, "board": board}
    if not (max_ram or max_flash or deploy):
        is_deployed(runtime, board, pointers, kernels)
    if along:
        from convcost.networks.load import open_network
        from convcost.space.budget import budgets_of
        from convcost.space.compound import compound

        if over or maximise:
            raise click.UsageError("--along has its own axes and its own goal: leave out --over and --maximise")
        if any((*limits.values(), deploy, runtime)):
            raise click.UsageError(
                "--along compound counts MACs, parameters and peak alone; for RAM and flash search a grid: "
                "--over width,resolution"
            )
        tell_unshown(ctx, ["limit"], "--along compound shows all that it finds; leave it out")
        found = compound(model, settings(set_), **common)
        dtype = dtype or open_network(model, settings(set_)).dtype
        said = budgets_of(dtype=dtype, **budgets, device=on.name if on else "")
        show(compound_table(model, found, said, rewrite), output, fmt)
        ctx.exit(0 if found else 1)
    common |= {
        "deploy": deploy,
        "runtime": runtime,
        "kernels": kernels,
        "pointers": int(pointers) if pointers else None,
    }
    result = fit(model, settings(set_), over=named(over), maximise=maximise, **limits, **common)
    show(fit_table(result, limit), output, fmt)
    ctx.exit(0 if result.fits else 1)
