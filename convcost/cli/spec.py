"""`convcost spec …`: the spec language - check, resolve, schema, ops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convcost.cli.options import (
    SPEC_FILE,
    FileOf,
    complete_model,
    input_option,
    model_argument,
    output_options,
    output_to,
    set_option,
    settings,
)
from convcost.cli.output import emit, format_of, show
from convcost.core.errors import ConvcostError, SpecError

if TYPE_CHECKING:
    from convcost.networks.inputs import GivenShape


@click.group("spec", epilog="\b\nExample:\n  convcost spec validate my_net.yaml")
def spec_command() -> None:
    """The spec language: validate, resolve, schema, ops."""


@spec_command.command("validate", epilog="\b\nExample:\n  convcost spec validate specs/vgg.yaml specs/resnet.yaml")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, shell_complete=complete_model)
def validate_command(files: tuple[str, ...]) -> None:
    """Check specs at their default knobs and at every preset; report every problem at once."""
    from convcost.networks.load import validate
    from convcost.render.escape import printable

    wrong, fine = [], []
    for file in files:
        try:
            problems = validate(file)
            found = [str(SpecError(problems))] if problems else []
        except ConvcostError as error:
            found = [str(error)]
        wrong += found
        fine += [] if found else [f"{printable(file)}: ok\n"]
    emit("".join(fine), None)
    if wrong:
        raise ConvcostError("\n".join(wrong))


@spec_command.command(
    "resolve", epilog="\b\nExample:\n  convcost spec resolve mobilenet_v2 --set width=0.5 -o flat.yaml"
)
@model_argument
@set_option
@input_option
@output_to(SPEC_FILE)
def resolve_command(
    model: str, set_: tuple[tuple[str, str], ...], input_: GivenShape | None, output: str | None
) -> None:
    """The network for given knobs as a flat spec: every layer, input and attribute explicit."""
    from convcost.networks.load import open_network
    from convcost.spec.write import resolved

    network = open_network(model, settings(set_), input_)
    emit(resolved(network.graph, network.name, network.caption), output)


@spec_command.command("schema", epilog="\b\nExample:\n  convcost spec schema -o convcost.schema.json")
@output_to(FileOf("a schema", ".json"))
def schema_command(output: str | None) -> None:
    """JSON Schema of the language, for completion and checks in an editor."""
    from convcost.render.table import json_text
    from convcost.spec.schema import json_schema

    emit(json_text(json_schema()), output)


@spec_command.command("ops", epilog="\b\nExample:\n  convcost spec ops conv2d")
@click.argument("op", required=False)
@output_options
def ops_command(op: str | None, output: str | None, format_: str | None) -> None:
    """The ops and the blocks of the standard library: all on one line each, or the manual page of OP, which may be a block."""
    from convcost.ops.manual import manual, overview
    from convcost.render.table import Table
    from convcost.spec import standard

    fmt = format_of(output, format_)
    if op:
        page = standard.manual(op) if op in standard.names() else manual(op, standard.names())
        if fmt == "table":
            emit(page.text, output)
        else:
            show(page.table(), output, fmt)
        return
    rows = [(name, "op", *rest) for name, *rest in overview()]
    rows += [(name, "block", *rest) for name, *rest in standard.overview()]
    headers = ("op", "kind", "attributes", "what it does")
    records = [dict(zip(headers, row, strict=True)) for row in rows]
    table = Table(
        "",
        headers,
        (False,) * 4,
        [list(row) for row in rows],
        records,
        {"ops": records},
        priority=(0, 2, 1, 0),
        wrap=(False, False, True, True),
    )
    show(table, output, fmt)
