"""`convcost explain`: where numbers come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convcost.cli.options import (
    Word,
    complete_layer,
    convention_option,
    dtype_option,
    input_option,
    listed,
    model_argument,
    opened,
    output_option,
    partial_option,
    remember,
    set_option,
    settings,
)
from convcost.cli.output import format_of, show
from convcost.conventions.convention import PAPER
from convcost.render.table import FORMATS

if TYPE_CHECKING:
    from convcost.networks.inputs import GivenShape


@click.command("explain", epilog="\b\nExample:\n  convcost explain alexnet conv2")
@model_argument
@click.argument("layer", required=False, shell_complete=complete_layer)
@set_option
@input_option
@convention_option
@dtype_option
@click.option(
    "--device", metavar="NAME", help="Also how its time on a device is made of counts; `convcost devices` lists all."
)
@click.option("--symbols", metavar="KNOB,…", help="Closed forms: leave these knobs as symbols.")
@click.option(
    "--format",
    "format_",
    type=Word((*FORMATS, "text")),
    help="Default: what FILE ends with, else table (also called text).",
)
@partial_option
@output_option
def explain_command(
    model: str,
    layer: str | None,
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    convention: str,
    dtype: str | None,
    device: str | None,
    symbols: str | None,
    output: str | None,
    format_: str | None,
) -> None:
    """Where the numbers of MODEL come from: of one LAYER or block, or of the totals.

    Each number of a layer is shown as formula, with the operands put in, and as a value; the formula is the op's own
    rule, run over numbers that remember how they were made. LAYER is a name that `convcost report` shows, or an end of
    one that fits only one. Sizes are called by their axes (h, w, c; t of a sequence, d of a volume), or by where they come
    from: c/heads of the channels that attention cuts. With --symbols, MACs and parameters as polynomials in the knobs.
    """
    from convcost.formulas.explain import explain

    if symbols is not None:
        if input_ is not None:
            raise click.UsageError("--symbols takes no --input; give sizes with --set resolution=…")
        if convention != PAPER:
            raise click.UsageError(f"--symbols counts MACs and params; it takes no --convention {convention}")
        if dtype is not None:
            raise click.UsageError("--symbols counts MACs and params, which have no bits: leave out --dtype")
        if device is not None:
            raise click.UsageError("--symbols counts MACs and params, which take no time: leave out --device")
        from convcost.formulas.closed_form import closed_form_table
        from convcost.graph.partial import UnknownOp

        table = closed_form_table(model, layer, listed(symbols, "--symbols"), settings(set_))
        remember(model, [UnknownOp(**op) for op in table.data["unknown"]])
    else:
        network = opened(model, settings(set_), input_)
        explained = explain(network, layer, convention=convention, dtype=dtype)
        table = explained.table()
        if device is not None:
            from dataclasses import replace

            from convcost.networks.latency import latency, sum_text

            found = latency(network, device, dtype)
            names = {one.name for one in explained.layers}
            said = [("time", sum_text(found, names)), ("error", found.error)]
            parts = [one for one in found.to_dict()["layers"] if one["name"] in names]
            data = {"device": found.device.name, "extrapolated": found.extrapolated, "layers": parts}
            table = replace(table, notes=[*table.notes, *said], data={**table.data, "latency": data})
    show(table, output, format_of(output, format_))
