"""`convcost memory … --patches`: the first layers in patches, the choice of patches, and the same rows kept instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from convcost.cli.given import options_given, refuse, refuse_undrawn, tell_unshown
from convcost.cli.options import opened, settings
from convcost.cli.output import command_line, deliver, is_picture, tell, text_format

if TYPE_CHECKING:
    from convcost.networks.network import Network
    from convcost.results.patches import Patches, PatchFront

    Result = Patches | PatchFront

_OTHERS = ("order", "parts", "align", "weights", "by", "batch")
"""Options of the command that say nothing about patches."""
_RUNTIME = ("runtime", "board", "pointers", "kernels")
"""Options of a runtime, whose interpreter runs whole layers."""


OF_ACTIVATIONS = "activations alone are shown here: with --limit SIZE weights count against it; a table of memory says what they take"
"""Why options of weights are refused."""


class Asked(NamedTuple):
    """What the options of patches say."""

    patches: str | None
    until: str | None
    stream: bool
    input_in_ram: bool
    equal_patches: bool


def patches_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of patches; a command that is called with any of them runs the first layers in patches instead."""

    @click.option(
        "--patches",
        metavar="GRID",
        help="Run the first layers on one part of the map after the other: 3x3; auto keeps --limit; all shows the choice.",
    )
    @click.option("--until", metavar="NAME", help="Stage, block or layer with which patches end.")
    @click.option("--stream", is_flag=True, help="Keep rows for the next ones (ring buffers) instead of patches.")
    @click.option("--input-in-ram", is_flag=True, help="The whole input lies in memory while patches run.")
    @click.option("--equal-patches", is_flag=True, help="No patch is clipped at a border (as MCUNetV2 counts).")
    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        asked = Asked(*(options.pop(name) for name in Asked._fields))
        if asked == (None, None, False, False, False):
            if options.get("picture") == "patches":
                raise click.UsageError("--picture patches draws --patches, as in --patches 3x3")
            return command(*arguments, **options)
        return _run(click.get_current_context(), asked, options)

    return wrapped


def is_rows(output: str | None, format_: str | None) -> bool:
    """Whether only tensors or steps are shown, as a picture and CSV do, without notes on the whole."""
    return is_picture(output, format_) or text_format(output, format_) == "csv"


def _run(ctx: click.Context, asked: Asked, options: Mapping[str, Any]) -> None:
    if asked.patches is None and not asked.stream:
        raise click.UsageError(
            "--until, --input-in-ram and --equal-patches say how patches run: give --patches GRID or --stream"
        )
    for option in options_given(ctx, _OTHERS):
        raise click.UsageError(f"{option} has no meaning with --patches")
    for option in options_given(ctx, _RUNTIME):
        asks = "--stream" if asked.patches is None else "--patches"
        raise click.UsageError(
            f"{option} does not go with {asks}: TensorFlow Lite Micro runs layer by layer, neither patches nor kept rows; "
            f"leave {option} out and give what the RAM of the device has for them as --limit, as in --limit 256KiB"
        )
    refuse_undrawn(ctx)
    if options["picture"] != "patches":
        refuse(ctx, ["picture"], "patches have one picture; leave it out, or say --picture patches")
    if options["limit"] is None and (asked.patches == "all" or is_rows(options["output"], options["format_"])):
        tell_unshown(ctx, ["weights_in"], OF_ACTIVATIONS)
    network = opened(options["model"], settings(options["set_"]), options["input_"])
    found = _found(network, asked, options)
    figure, page = _shown(found)
    deliver(options["output"], options["format_"], found.table, figure=figure, page=page)
    limit, needed = options["limit"], found.needed
    if limit is not None and needed > limit:
        from convcost.results.patches import limit_note

        for word, said in limit_note(limit, needed) if options["output"] is not None else ():
            tell(f"{word}: {said}")
        ctx.exit(1)


def _shown(found: Result) -> tuple[Callable[[], Any] | None, Callable[[], str] | None]:
    """How patches are drawn, alone and on a page; a choice of them is a table."""
    from convcost.results.patches import Patches

    if not isinstance(found, Patches):
        return None, None

    def page() -> str:
        from convcost.pages.patches import patches_page

        return patches_page(found, [("command", command_line())])

    return found.figure, page


def _found(network: Network, asked: Asked, options: Mapping[str, Any]) -> Result:
    assumed = {
        **{name: options[name] for name in ("policy", "dtype", "limit", "weights_in")},
        "stream": asked.stream,
        "input_in_ram": asked.input_in_ram,
        "equal": asked.equal_patches,
    }
    if asked.patches == "all":
        return network.patch_front(asked.until, **assumed)
    if asked.patches == "auto" and options["limit"] is None:
        raise click.UsageError("--patches auto chooses patches that keep a limit: give --limit, as in --limit 256KiB")
    return network.patches(asked.patches or 1, asked.until, **assumed)
