"""`convcost diff`: what differs between two networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convcost.cli.options import (
    Word,
    batch_option,
    complete_model,
    convention_option,
    dtype_option,
    input_option,
    memory_option,
    output_options,
    partial_option,
    remember,
    set_option,
    settings,
)
from convcost.cli.output import deliver
from convcost.core.errors import UsageError
from convcost.core.levels import DIFFERENCES

if TYPE_CHECKING:
    from convcost.networks.inputs import GivenShape

DIFFERS = 1
"""The exit status with --exit-code where the networks differ."""


@click.command(
    "diff",
    epilog="\b\nExample:\n  convcost diff resnet50 resnet101\n  convcost diff main:net.yaml net.yaml --exit-code",
)
@click.argument("old", shell_complete=complete_model)
@click.argument("new", shell_complete=complete_model)
@click.option(
    "--by",
    type=Word(DIFFERENCES),
    help="What a row stands for. Default: change; of more changes than fit a screen, block or stage.",
)
@click.option("--all", "all_", is_flag=True, help="A row for each part, also where nothing differs.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if the networks differ, with 0 if they do not.")
@set_option
@input_option
@batch_option
@convention_option
@dtype_option
@memory_option
@partial_option
@output_options
@click.pass_context
def diff_command(
    ctx: click.Context,
    old: str,
    new: str,
    by: str | None,
    all_: bool,
    exit_code: bool,
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    batch: int,
    convention: str,
    dtype: str | None,
    memory: str,
    output: str | None,
    format_: str | None,
) -> None:
    """What differs between OLD and NEW: changes made, what follows from them, and what they cost.

    Each is a MODEL, as for the other commands, or a file of a git revision: main:net.yaml, HEAD~1:specs/net.yaml. Stages,
    blocks and layers are aligned by what they are, never by name or number: an inserted block is one row.
    --set and --input are for both.
    """
    from convcost.graph.partial import unknown_ops
    from convcost.networks.difference import diff
    from convcost.networks.revision import opened_at

    knobs = settings(set_)
    old, new = _whole_names(old, new)
    networks = []
    for model in (old, new):
        networks.append(opened_at(model, knobs, input_))
        remember(model, unknown_ops(networks[-1].steps))
    found = diff(*networks, called=(old, new), convention=convention, batch=batch, dtype=dtype, memory_policy=memory)
    deliver(output, format_, lambda: found.table(by, all=all_))
    if exit_code and found.differs:
        ctx.exit(DIFFERS)


def _whole_names(old: str, new: str) -> tuple[str, str]:
    """OLD and NEW, where a revision alone, `main:`, is the other one's file in it; raises `UsageError` for one without its colon."""
    from convcost.networks.revision import of_same_file
    from convcost.spec.zoo import find, is_path, split_name

    if old.endswith(":") and not new.endswith(":"):
        return of_same_file(old, new), new
    if new.endswith(":") and not old.endswith(":"):
        return old, of_same_file(new, old)
    if is_path(split_name(new)[0]) and ":" not in old and not is_path(old):
        try:
            find(old)
        except UsageError as error:
            raise UsageError(f"{error}; of a git revision it is {old}:{new}, or {old}: for the same file") from None
    return old, new
