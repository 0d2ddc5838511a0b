"""`convcost import`: any network as a spec of its own."""

from __future__ import annotations

from os.path import splitext
from typing import TYPE_CHECKING

import click

from convcost.cli.options import (
    SPEC_FILE,
    input_option,
    model_argument,
    opened,
    output_to,
    partial_option,
    set_option,
    settings,
)
from convcost.cli.output import command_line, emit

if TYPE_CHECKING:
    from convcost.networks.inputs import GivenShape


@click.command("import", epilog="\b\nExample:\n  convcost import mobilenet_v2 --set width=0.5 -o net.yaml")
@model_argument
@set_option
@input_option
@click.option("--flat", is_flag=True, help="Every layer and every attribute spelled out, as spec resolve writes it.")
@partial_option
@output_to(SPEC_FILE)
def import_command(
    model: str, set_: tuple[tuple[str, str], ...], input_: GivenShape | None, flat: bool, output: str | None
) -> None:
    """MODEL as a spec to read and to change: what repeats in it is written once, as blocks with arguments.

    The spec stands for the same network, layer by layer, with the same names; what could not be written so would be
    written layer by layer. It holds the network at these knobs and has none of its own.
    """
    from convcost.render.escape import printable
    from convcost.spec.compact import compact
    from convcost.spec.write import resolved

    network = opened(model, settings(set_), input_)
    name = splitext(network.name)[0] if network.origin.of_spec().spec.foreign else network.name
    write = resolved if flat else compact
    text = write(network.graph, name, network.caption)
    emit(f"# made by {printable(command_line())}\n{text}", output)
