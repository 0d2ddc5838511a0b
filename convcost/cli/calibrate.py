"""`convcost calibrate`: a device from networks that were measured on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from convcost.cli.given import refuse
from convcost.cli.options import Setting, Word, batch_option, dtype_option, format_option, input_option, settings
from convcost.cli.output import emit, show
from convcost.core.errors import UsageError

if TYPE_CHECKING:
    from convcost.networks.inputs import GivenShape

UNITS = ("ms", "us", "ns", "s", "inf/s", "img/s")


@click.command("calibrate", epilog="\b\nExample:\n  convcost calibrate measured.csv --where threads=1 -o device.yaml")
@click.argument("files", nargs=-1, required=True, metavar="TABLE.csv | PROFILE MODEL ...", type=click.Path())
@click.option(
    "--where",
    type=Setting('device="Pixel 4"'),
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only rows of this value, or that begin so; * takes every one. Repeatable.",
)
@click.option("--time", metavar="COLUMN", help="The column of times, where its heading does not say it.")
@click.option("--unit", type=Word(UNITS), help="What times are in, where the heading does not say it.")
@click.option("--network", metavar="COLUMN", help="The column of networks, where its heading does not say it.")
@click.option(
    "--models",
    metavar="FOLDER",
    type=click.Path(),
    help="Where the networks are: squeezenet is FOLDER/squeezenet.onnx, .tflite, .param, .yaml …",
)
@click.option(
    "--by", type=Word(("layer", "network")), default="layer", show_default=True, help="What profiles are fitted to."
)
@click.option(
    "--repeats",
    type=Word(("min", "median")),
    default="min",
    show_default=True,
    help="Which time counts of what ran several times.",
)
@click.option(
    "--winograd/--no-winograd", default=True, show_default=True, help="Whether the runtime knows this algorithm."
)
@input_option
@dtype_option
@batch_option
@click.option("--name", default="", help="Of the device; default: that of the file.")
@click.option("--title", default="", metavar="TEXT", help="What was measured on; default: what --where says.")
@click.option("--runtime", default="", metavar="TEXT", help="With its version.")
@click.option("--threads", type=click.IntRange(1), help="How many ran.")
@click.option("--source", default="", metavar="TEXT", help="Where the measurements are from; default: the table.")
@click.option(
    "-o", "--output", metavar="FILE.yaml", type=click.Path(), help="Write the device, for --device FILE.yaml."
)
@format_option
def calibrate_command(
    files: tuple[str, ...],
    where: tuple[tuple[str, str], ...],
    time: str | None,
    unit: str | None,
    network: str | None,
    models: str | None,
    by: str,
    repeats: str,
    winograd: bool,
    input_: GivenShape | None,
    dtype: str | None,
    batch: int,
    output: str | None,
    format_: str | None,
    **words: Any,
) -> None:
    """A device from your own measurements: what it takes for each kind of work, and how far off that is.

    TABLE is a CSV file of networks and how long each took; networks are named as everywhere, mobilenet_v2:width=0.5, or are
    files of --models; columns may be knobs: width. PROFILE is what onnxruntime (enable_profiling) or TensorFlow Lite's
    benchmark_model (--enable_op_profiling) wrote down, or a CSV file of layers, and MODEL the file that ran.

    The coefficients are those whose relative errors are smallest and of which none is negative. Each network is then left
    out in turn and predicted by a fit to the others: these are the errors that are printed, and that go with every time.
    """
    from convcost.devices.profiles import is_profile
    from convcost.networks.calibrate import calibrate
    from convcost.networks.measured.profiled import TABLES, paired

    if output is not None and not output.endswith((".yaml", ".yml")):
        raise UsageError(f"{output}: a device is written as FILE.yaml; --format says how the table is printed")
    words["name"] = words["name"] or os.path.splitext(os.path.basename(output or ""))[0]
    measured = [is_profile(file) or file.lower().endswith(TABLES) for file in files]
    ctx = click.get_current_context()
    is_table = len(files) == 1 and not is_profile(files[0])
    if is_table:
        refuse(ctx, ["by"], "a table of networks has times of whole networks alone; leave it out")
    elif not any(file.lower().endswith(TABLES) for file in files):
        refuse(ctx, ("where", "time", "unit", "network"), "said of a CSV table; a profile says itself what it holds")
    found = calibrate(
        files[0] if is_table else dict(paired(files, measured, models)), by=by, where=settings(where, "--where"),
        time=time, unit=unit, network=network, models=models, input_shape=input_, dtype=dtype, batch=batch,
        repeats=repeats, winograd=winograd, **words,
    )  # fmt: skip
    if output is not None:
        emit(found.yaml(), output)
    show(found.table(), None, {"text": "table"}.get(format_ or "", format_ or "table"))
