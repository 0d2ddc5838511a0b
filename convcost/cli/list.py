"""`convcost list`: the networks of the zoo."""

from __future__ import annotations

from typing import Any

import click

from convcost.cli.deployment import board_option, kernels_option, pointers_option
from convcost.cli.options import Bytes, Count, Dtype, Word, Years, convention_option, output_options
from convcost.cli.output import command_line, deliver, format_of, show
from convcost.conventions.convention import PAPER
from convcost.core.tasks import TASKS


@click.command(
    "list",
    epilog="\b\nExample:\n  convcost list 'mobilenet*'\n  convcost list --task detection --max-macs 10G"
    "\n  convcost list --max-ram 256KiB --max-flash 1MiB",
)
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--family", multiple=True, metavar="PATTERN", help="Only families that match; repeatable.")
@click.option(
    "--task",
    multiple=True,
    type=Word(TASKS),
    metavar="TASK",
    help=f"Only networks for it; repeatable: {', '.join(TASKS)}.",
)
@click.option(
    "--year", type=Years(), default="", metavar="YEARS", help="Only networks of these years: 2018, 2019-2026."
)
@click.option(
    "--max-macs",
    type=Count(),
    metavar="COUNT",
    help="Only what has at most so many MACs, as --convention counts them: 600M.",
)
@click.option("--max-params", type=Count(), metavar="COUNT", help="Only what has at most so many parameters: 5M.")
@board_option("Only what fits a board once deployed")
@click.option("--max-ram", type=Bytes(), metavar="SIZE", help="Only what fits so much RAM once deployed: 256KiB.")
@click.option("--max-flash", type=Bytes(), metavar="SIZE", help="Only what fits so much flash once deployed: 1MiB.")
@click.option("--dtype", type=Dtype(), help="Of a network once deployed; default: int8.")
@pointers_option
@kernels_option
@convention_option
@output_options
@click.pass_context
def list_command(
    ctx: click.Context,
    patterns: tuple[str, ...],
    family: tuple[str, ...],
    task: tuple[str, ...],
    year: str,
    max_macs: int | None,
    max_params: int | None,
    board: str | None,
    max_ram: int | None,
    max_flash: int | None,
    dtype: str | None,
    pointers: str | None,
    kernels: str | None,
    convention: str,
    output: str | None,
    format_: str | None,
) -> None:
    """The zoo: every network by name, with its task, parameters, MACs, year and source; -o FILE.html is a page with a search.

    With a PATTERN, only names and families that match it, as in 'efficientnet*', or that contain it, as in efficient; exit
    status 1 if --task, --year and the like leave none.
    With --board, --max-ram or --max-flash, those that fit under TensorFlow Lite Micro, with the accuracy that is cited for
    each, also at other widths and input sizes of which one is printed; exit status 1 if none does.
    """
    asked: dict[str, Any] = {
        "family": family,
        "task": task,
        "year": year,
        "max_macs": max_macs,
        "max_params": max_params,
    }
    wanted = format_of(output, format_)  # before anything is counted
    if board is not None or max_ram is not None or max_flash is not None:
        if convention != PAPER:
            raise click.UsageError(
                f"--convention {convention} is of the list without a board, RAM or flash: leave out either"
            )
        from convcost.published.deployable import deployable

        found = deployable(
            *patterns,
            board=board,
            max_ram=max_ram,
            max_flash=max_flash,
            dtype=dtype or "int8",
            pointers=int(pointers) if pointers else None,
            kernels=kernels or "reference",
            **asked,
        )
        show(found.table(), output, wanted)
        ctx.exit(0 if found.networks else 1)
    for option, given in (("--dtype", dtype), ("--pointers", pointers), ("--kernels", kernels)):
        if given:
            raise click.UsageError(f"{option} is of deployed networks: give --board, --max-ram or --max-flash as well")
    from convcost.networks.listing import list_table

    table = list_table(patterns, convention, **asked)

    def page() -> str:
        from convcost.pages.zoo import zoo_page

        return zoo_page(table, [("command", command_line())], whole=not (patterns or any(asked.values())))

    deliver(output, format_, lambda: table, page=page)
    ctx.exit(0 if table.rows else 1)
