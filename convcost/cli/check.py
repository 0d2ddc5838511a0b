"""`convcost check`: whether networks keep their budgets."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from convcost.cli.options import (
    Amount,
    Dtype,
    Limited,
    Setting,
    accepts_partial,
    complete_convention,
    complete_device,
    complete_model,
    input_option,
    partial_option,
    settings,
)
from convcost.cli.output import emit, show, tell
from convcost.core.errors import OutputError, UsageError
from convcost.memory.policies import POLICIES
from convcost.render.table import ending

if TYPE_CHECKING:
    from convcost.networks.budgets.checked import Checked
    from convcost.networks.inputs import GivenShape

_NAMED = 8
"""Networks that a line names."""
_ENDINGS = {".json": "json", ".md": "markdown", ".sarif": "sarif", ".xml": "junit", ".txt": "table"}
PARTIAL = 3
"""The exit status where nobody knows whether all limits hold; see `cli.main`."""
_FORMATS = ("table", "json", "markdown", "github", "sarif", "junit")


@click.command("check", epilog="\b\nExample:\n  convcost check mobilenet_v2 --max-macs 310M --max-params 4M")
@click.argument("models", nargs=-1, metavar="[MODEL...]", shell_complete=complete_model)
@click.option("--max-macs", type=Amount("macs"), metavar="COUNT", help="At most so many MACs: 300M, 4.1G.")
@click.option("--max-params", type=Amount("params"), metavar="COUNT", help="At most so many parameters: 4M.")
@click.option(
    "--max-peak", type=Amount("peak"), metavar="SIZE", help="At most so much for activations at once: 256KiB."
)
@click.option("--max-weights", type=Amount("weights"), metavar="SIZE", help="At most so much for the parameters: 1MiB.")
@click.option(
    "--max-ram",
    type=Amount("ram"),
    metavar="SIZE",
    help="At most so much for the arena of TensorFlow Lite Micro: 256KiB.",
)
@click.option("--max-flash", type=Amount("flash"), metavar="SIZE", help="At most so much for the model file: 1MiB.")
@click.option(
    "--board", metavar="NAME", help="At most the RAM and flash of a board, with the runtime's code: see boards."
)
@click.option("--max-latency", type=Amount("latency"), metavar="TIME", help="At most so long on --device: 20ms, 300us.")
@click.option(
    "--device",
    metavar="NAME",
    shell_complete=complete_device,
    help="What latency is of: one of `convcost devices`, or a file that states one.",
)
@click.option(
    "--limit",
    "limits",
    type=Limited(),
    multiple=True,
    metavar="NAME=AMOUNT",
    help="Any limit: layer_macs=20M; repeatable.",
)
@click.option(
    "--baseline",
    metavar="MODEL",
    help="Growth is from this network, not from the lock file; main: is each own file of the git revision.",
)
@click.option(
    "--tolerance", type=Amount("growth"), metavar="SHARE", help="May grow so much: 1%; default with --baseline: 0%."
)
@click.option(
    "--set", "set_", type=Setting(), multiple=True, metavar="KEY=VALUE", help="Set a knob of the spec; repeatable."
)
@input_option
@click.option("--batch", type=int, help="Images at once.")
@click.option("--convention", shell_complete=complete_convention, help="What counts as an operation.")
@click.option("--dtype", type=Dtype(), help="Type of every element; default: what the network states.")
@click.option("--memory", type=click.Choice(list(POLICIES)), help="Policy of peak memory.")
@click.option(
    "--lock", metavar="FILE", type=click.Path(), help="The lock file; default: convcost-lock.yaml beside the budgets."
)
@click.option("--update", is_flag=True, help="Write what the networks cost now to the lock file.")
@partial_option
@click.option("-o", "--output", metavar="FILE", type=click.Path(), help="Write to FILE, whole or not at all.")
@click.option("--format", "format_", type=click.Choice(_FORMATS), help="Default: what FILE ends with, else table.")
@click.pass_context
def check_command(
    ctx: click.Context,
    models: tuple[str, ...],
    max_macs: str | None,
    max_params: str | None,
    max_peak: str | None,
    max_weights: str | None,
    max_ram: str | None,
    max_flash: str | None,
    board: str | None,
    max_latency: str | None,
    device: str | None,
    limits: tuple[tuple[str, str], ...],
    baseline: str | None,
    tolerance: str | None,
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    batch: int | None,
    convention: str | None,
    dtype: str | None,
    memory: str | None,
    lock: str | None,
    update: bool,
    output: str | None,
    format_: str | None,
) -> None:
    """Whether networks keep their limits on MACs, parameters, memory, time and growth; for builds.

    Without MODEL, convcost-budgets.yaml of this folder or the nearest above it says which networks and limits; MODEL may
    also be a budgets file. A spec may state limits: of its own. Growth is against convcost-lock.yaml, which --update
    writes, or against --baseline. Exit status 0: all hold; 1: one is broken; 2: something could not be checked; 3: with
    unknown ops, nobody knows.
    """
    from convcost.devices.stored import as_device
    from convcost.networks.budgets.check import Wanted, limits_given, run
    from convcost.networks.budgets.file import left_aside
    from convcost.spec.tree import shown_path

    if aside := left_aside(models):
        tell(aside)
    said = {
        "macs": max_macs,
        "params": max_params,
        "peak": max_peak,
        "weights": max_weights,
        "ram": max_ram,
        "flash": max_flash,
        "board": board,
        "latency": max_latency,
        "growth": tolerance,
    }
    given = {**settings(limits, "--limit"), **{name: amount for name, amount in said.items() if amount is not None}}
    conditions: dict[str, Any] = {
        "input": input_,
        "batch": batch,
        "convention": convention,
        "dtype": dtype,
        "memory": memory,
        "device": None if device is None else as_device(device),
    }
    wanted = Wanted(
        limits_given(given),
        {name: value for name, value in conditions.items() if value is not None},
        baseline,
        settings(set_),
    )
    fmt = format_ or _format_of(output)
    done = run(models, wanted, lock, update=update)
    if output not in (None, "-") and os.path.realpath(output) == os.path.realpath(done.budgets.lock):
        raise UsageError(f"{shown_path(output)} is the lock file: give -o another file for the result")
    result = done.result
    for failure in result.failures if fmt != "github" else ():  # whose runner would read names as commands
        tell(failure.text)
    if fmt == "github" and output and result.failures:
        tell("not everything could be checked: the file that is written says what, and why")
    if update and not result.failures:
        emit(done.lock_text(), done.budgets.lock)
        tell(f"wrote {shown_path(done.budgets.lock)}: {_changes(done.changed())}")
    if fmt == "table" and output in (None, "-"):
        if result.lines:
            show(replace(result.table(), notes=result.notes), output, fmt)  # what is not checked has been told
    else:
        emit(result.render(fmt), output)
    if fmt == "github":
        _summarise(result)
    ctx.exit(0 if result.status == PARTIAL and accepts_partial(ctx) else result.status)


def _format_of(output: str | None) -> str:
    """The format that a file's ending says."""
    said = ending(output)
    if said and said not in _ENDINGS:
        raise UsageError(
            f"{output}: the ending {said} says no format; known are {', '.join(_ENDINGS)}; else give --format"
        )
    return _ENDINGS.get(said, "table")


def _changes(names: list[str]) -> str:
    """Which networks a lock file says something else of than before."""
    if not names:
        return "nothing has changed"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"changed {', '.join(names[:_NAMED])}{more}"


def _summarise(result: Checked) -> None:
    """Append the summary to the page of the build, if its runner says where."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{result.render('markdown')}\n")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
