"""`convcost frontier`: accuracy against cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convcost.cli.given import refuse, tell_unshown
from convcost.cli.options import Word, complete_device, convention_option, output_options
from convcost.cli.output import command_line, deliver, format_of, is_drawn
from convcost.cli.verify import complete_setup
from convcost.core.errors import UsageError
from convcost.published.choices import ACCURACIES, COSTS, KINDS, LANDSCAPES, TIERS

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from convcost.published.own import Own


class OwnNetwork(click.ParamType["Own"]):
    """MODEL=ACCURACY[=LABEL]."""

    name = "own"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Own:
        from convcost.published.own import read_own

        try:
            return read_own(str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)


@click.command("frontier", epilog="\b\nExample:\n  convcost frontier --family 'mobilenet*' --front-only")
@click.option(
    "--x",
    type=Word(tuple(COSTS)),
    default="macs",
    show_default=True,
    help="The cost.",
)
@click.option(
    "--setup",
    metavar="SETUP",
    shell_complete=complete_setup,
    help="With --x latency: whose published latencies, e.g. sd855; convcost verify --latency all lists them.",
)
@click.option(
    "--device",
    metavar="DEVICE",
    shell_complete=complete_device,
    help="With --x latency: predicted for one of `convcost devices`, or a file that states one.",
)
@click.option(
    "--extrapolated",
    is_flag=True,
    help="With --device: networks far from all that it was fitted on may be on the front, too.",
)
@click.option(
    "--y",
    type=Word((*ACCURACIES, *LANDSCAPES.values())),
    help="The accuracy on ImageNet, or the metric of --task. Default: top1, with a task its metric.",
)
@click.option(
    "--task",
    type=Word(tuple(LANDSCAPES)),
    help="A landscape of its own, by its own metric: box mAP of detection, mIoU of segmentation.",
)
@click.option("--dataset", metavar="NAME", default="", help="With --task: which; default: of which most is printed.")
@click.option("--family", multiple=True, metavar="PATTERN", help="Only families or networks that match; repeatable.")
@click.option("--year", default="", metavar="YEARS", help="Only networks of these years: 2018, 2015-2019.")
@click.option(
    "--tier",
    multiple=True,
    type=Word((*KINDS, "all")),
    help="Whose figures; repeatable. Default: paper, authors and library.",
)
@click.option(
    "--source", multiple=True, metavar="PATTERN", help="Only figures of these sources, of any tier; repeatable."
)
@click.option(
    "--resolution",
    default="",
    metavar="SIZES",
    help="Only what was evaluated at this size: 224, 192-256, of squares; 1024x2048, height by width.",
)
@click.option(
    "--imagenet-only",
    is_flag=True,
    help="Leave out what learnt from more than ImageNet-1k: other images, or a teacher.",
)
@click.option(
    "--max", "most", metavar="COST", help="Only what costs at most this, of --x: 500M, 4.1G; bytes: 256KiB; 20ms."
)
@click.option("--min", "least", metavar="ACCURACY", help="Only what is at least so accurate, of --y: 75.")
@click.option("--front-only", is_flag=True, help="Leave out what is dominated.")
@click.option(
    "--highlight",
    multiple=True,
    metavar="PATTERN,…",
    help="Families that stand out in the picture. Default: those that hold most of the front, and the best known.",
)
@click.option("--ablations", is_flag=True, help="Show ablations too, which are no members of their families.")
@click.option(
    "--your",
    "yours",
    multiple=True,
    type=OwnNetwork(),
    metavar="MODEL=ACCURACY[=LABEL]",
    help="Your network with its accuracy of --y, beside the published ones: my.yaml=72.3; repeatable.",
)
@click.option(
    "--add",
    multiple=True,
    metavar="FILE.csv",
    type=click.Path(),
    help="Your table, beside the published accuracies; repeatable.",
)
@click.option("--data", metavar="FILE.csv", type=click.Path(), help="Your table instead of the published accuracies.")
@convention_option
@output_options
@click.pass_context
def frontier_command(
    ctx: click.Context,
    x: str,
    y: str | None,
    task: str | None,
    dataset: str,
    family: tuple[str, ...],
    year: str,
    tier: tuple[str, ...],
    source: tuple[str, ...],
    resolution: str,
    imagenet_only: bool,
    most: str | None,
    least: str | None,
    setup: str | None,
    device: str | None,
    extrapolated: bool,
    front_only: bool,
    highlight: tuple[str, ...],
    ablations: bool,
    yours: tuple[Own, ...],
    add: tuple[str, ...],
    data: str | None,
    convention: str,
    output: str | None,
    format_: str | None,
) -> None:
    """Published accuracies against what the networks cost, and the front that no other network beats.

    Networks of the zoo are counted here, at the resolution of the evaluation; for others the printed figure stands in
    where it counts the same. What neither gives is left out, and named. -o FILE.html is a picture to look into.
    """
    from convcost.pages.frontier import frontier_page
    from convcost.published.frontier import frontier, frontier_table

    if not is_drawn(output, format_) and format_of(output, format_) != "json":  # refused before anything is counted
        tell_unshown(
            ctx, ["highlight"], "families stand out in a picture: give -o FILE.svg, .png, .pdf or .html as well"
        )
    if device is None:
        refuse(ctx, ["extrapolated"], "said of what a device predicts: give --x latency --device NAME as well")
    if "convention" not in COSTS[x].needs:
        tell_unshown(ctx, ["convention"], f"says what counts as an operation, and --x {x} counts none; leave it out")
    found = frontier(
        x=x,
        y=y,
        task=task or "",
        dataset=dataset,
        convention=convention,
        family=family,
        year=year,
        tier=() if "all" in tier else tier or TIERS,
        source=source,
        resolution=resolution,
        imagenet_only=imagenet_only,
        yours=yours,
        add=add,
        data=data,
        highlight=[pattern.strip() for patterns in highlight for pattern in patterns.split(",") if pattern.strip()],
        ablations=ablations,
        front_only=front_only,
        most=most,
        least=least,
        setup=setup,
        device=device,
        extrapolated=extrapolated,
    )

    def figure() -> go.Figure:
        from convcost.plots.frontier import frontier as picture

        return picture(found)

    def page() -> str:
        return frontier_page(found, [("command", command_line())])

    deliver(output, format_, lambda: frontier_table(found), figure=figure, page=page)
