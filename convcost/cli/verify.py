"""`convcost verify`: published figures, recomputed."""

from __future__ import annotations

import click

from convcost.cli.options import complete_model, output_options
from convcost.cli.output import format_of, show
from convcost.core.errors import UsageError

_NOT_HELD = 1


def complete_source(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Keys of sources that begin so."""
    from convcost.published.data import sources

    return [key for key in sources() if key.startswith(begun)]


def complete_setup(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Keys of setups of published latencies that begin so, and the word for all of them."""
    from convcost.published.latency import setups
    from convcost.published.predictions import ALL

    return [key for key in (ALL, *setups()) if key.startswith(begun)]


@click.command("verify", epilog="\b\nExample:\n  convcost verify mobilenet_v1 --source mobilenet_v1")
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=complete_model)
@click.option("--source", metavar="KEY", shell_complete=complete_source, help="Only the figures of this source.")
@click.option(
    "--data",
    type=click.Path(),
    metavar="FILE",
    help="Check this file of figures instead: CSV, or a metafile.yml of mmpretrain.",
)
@click.option(
    "--latency",
    metavar="SETUP",
    shell_complete=complete_setup,
    help="Only the latencies of a setup, beside what the calibrated device of that name predicts; or of a device, "
    "those of its fit; all lists the setups.",
)
@output_options
def verify_command(
    models: tuple[str, ...],
    source: str | None,
    data: str | None,
    latency: str | None,
    output: str | None,
    format_: str | None,
) -> None:
    """Recompute the figures that papers and libraries print, and say what becomes of each.

    reproduced: within the printed rounding; differs: not, for the reason shown, which is recomputed where it is a way
    to count; cited: an accuracy or a latency, which cannot be recomputed; unexplained: anything else, and the exit
    status is 1. Beside a latency stands what a calibrated device predicts, with its error.

    Without MODEL, a summary per source and every difference; with families or presets, or --data, every figure.
    docs/published.md says how to read the verdicts and how to write a file for --data.
    """
    from convcost.published.verify import verify

    wanted = format_of(output, format_)  # before anything is counted
    if latency is not None:
        if data is not None:
            raise UsageError("--latency shows published latencies, and --data checks a file of yours: give one of them")
        from convcost.published.predictions import published_latencies

        show(published_latencies(latency, models, source).table(), output, wanted)
        return
    verdicts = verify(models, data, source)
    table = verdicts.table("figure" if models or data else "source")
    show(table, output, wanted)
    if verdicts.unexplained:
        raise SystemExit(_NOT_HELD)
