"""Options that say how a network is deployed, and what `memory` shows of one that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from convcost.cli.given import options_given
from convcost.cli.options import Word
from convcost.cli.output import command_line, deliver, tell
from convcost.deploy.runtime import KERNELS, RUNTIMES

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from convcost.networks.deployment import Deployed
    from convcost.networks.network import Network

Command = TypeVar("Command", bound=Callable[..., Any])


def complete_board(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[Any]:
    """Names of boards that begin so; without one, the shell completes file names."""
    from click.shell_completion import CompletionItem

    from convcost.devices.board import list_boards

    found = [CompletionItem(name) for name in list_boards() if name.startswith(begun)]
    return found or [CompletionItem(begun, type="file")]


runtime_option = click.option(
    "--runtime",
    type=Word(list(RUNTIMES)),
    help="Plan memory as this runtime does, to the byte; int8 unless --dtype says.",
)
pointers_option = click.option(
    "--pointers", type=click.Choice(["32", "64"]), help="Bits of the target's addresses; default: the board's, else 64."
)
kernels_option = click.option("--kernels", type=Word(list(KERNELS)), help="Library of kernels; default: reference.")


def board_option(says: str) -> Callable[[Command], Command]:
    """--board, with what it does to a command."""
    return click.option(
        "--board",
        metavar="NAME",
        shell_complete=complete_board,
        help=f"{says}; NAME is one of `convcost boards`, or a YAML file.",
    )


def deployment_options(board: str) -> Callable[[Command], Command]:
    """--runtime, --pointers, --kernels, and --board with what it does."""
    return lambda command: runtime_option(pointers_option(kernels_option(board_option(board)(command))))


def is_deployed(runtime: str | None, board: str | None, pointers: str | None, kernels: str | None) -> bool:
    """Whether the options ask for a runtime; `click.UsageError` for those that mean something under one alone."""
    if runtime is not None or board is not None:
        return True
    for option, value in (("--pointers", pointers), ("--kernels", kernels)):
        if value:
            raise click.UsageError(f"{option} {value} is of a runtime: give --runtime tflm, or --board NAME, as well")
    return False


_DECIDED = {
    "policy": "the runtime's own planner places buffers",
    "weights": "weights are of the type that --dtype says",
    "weights_in": "weights stay in flash",
    "order": "kernels run in the order of the model file",
    "parts": "a kernel computes its layer at once",
    "align": "buffers are aligned to 16 bytes",
    "batch": "one input at a time",
    "picture": "the picture is the arena",
}
"""By the name of an option's parameter: what a runtime does."""


def refuse_decided(context: click.Context) -> None:
    """`click.UsageError` if an option was given of what a runtime decides."""
    for name, decided in _DECIDED.items():
        for option in options_given(context, [name]):
            raise click.UsageError(f"leave out {option}: under a runtime (--runtime, --board) it is decided: {decided}")


def show_deployed(
    context: click.Context, found: Deployed, by: str, format_: str | None, output: str | None, data: dict[str, Any]
) -> None:
    """Write what `memory` shows of a deployed network; exit status 1 if it does not fit."""
    from convcost.networks.deployed_tables import title

    def page() -> str:
        from dataclasses import replace

        from convcost.pages.files import page as page_of

        steps, tensors = (found.table(level, data) for level in ("step", "tensor"))
        parts = [figure(), replace(steps, title="Kernels"), replace(tensors, title="Buffers", notes=[])]
        return page_of(title(found), parts, [("command", command_line())], {1: "Where it lies"})

    def figure() -> go.Figure:
        from convcost.plots.arena import arena_figure

        return arena_figure(found)

    deliver(output, format_, lambda: found.table(by, data), figure=figure, page=page)
    leave(context, found, output)


def leave(context: click.Context, found: Deployed, output: str | None) -> None:
    """Exit status 1 if a deployed network does not fit; of what a file was written of, this is said, too."""
    if not found.fits:
        for word, said in found.notes if output is not None else ():
            if word in ("verdict", "limit", "would fit"):
                tell(f"{word}: {said}")
        context.exit(1)


_OF_POLICY = (
    "order",
    "peak_activation_bytes",
    "peak_position",
    "alive_at_peak",
    "weights",
    "parts",
    "splits",
    "align",
    "arenas",
    "timeline",
    "tensors",
)
"""Keys of what a policy says, beside what a runtime does."""


def memory_data(network: Network, found: Deployed, policy: str) -> dict[str, Any]:
    """What JSON says beside the deployment: the memory of a policy, of tensors of the same type.

    The policy names what is its own, so that nobody takes it for the runtime's.
    """
    from convcost.memory.usage import Options
    from convcost.results.memory import memory_table

    dtype = None if found.stated else found.deployment.dtype
    usage = network.memory(**Options(policy, dtype).arguments())
    data = memory_table(network.report(dtype=dtype, memory_policy=policy), usage).data
    return {**data, "policy": {**data["policy"], "figures": [name for name in _OF_POLICY if name in data]}}
