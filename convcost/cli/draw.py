"""`convcost draw`: a picture of the architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convcost.cli.options import input_option, model_argument, opened, partial_option, set_option, settings
from convcost.cli.output import command_line, emit
from convcost.core.errors import UsageError

if TYPE_CHECKING:
    from convcost.networks.inputs import GivenShape

BY = ("macs", "params", "memory")
FORMATS = ("text", "svg", "tikz", "json", "html")
_ENDINGS = {".svg": "svg", ".tex": "tikz", ".json": "json", ".html": "html", ".htm": "html", ".txt": "text"}
_PHOTOS = (".png", ".pdf")


@click.command("draw", epilog="\b\nExample:\n  convcost draw mobilenet_v2 -o mobilenet_v2.svg")
@model_argument
@click.option(
    "--by", "--color", type=click.Choice(BY), default="macs", show_default=True, help="What the colour of a box says."
)
@click.option("--depth", type=click.IntRange(1), metavar="N", help="Go into so many scopes: 1 stages, 2 blocks, …")
@click.option("--unfold", multiple=True, metavar="NAME", help="Show what is inside of this stage or block; repeatable.")
@set_option
@input_option
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Default: what FILE ends with, else text.")
@partial_option
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(), help="Write here: .svg, .tex, .html, .json, .txt, .png, .pdf."
)
def draw_command(
    model: str,
    by: str,
    depth: int | None,
    unfold: tuple[str, ...],
    set_: tuple[tuple[str, str], ...],
    input_: GivenShape | None,
    format_: str | None,
    output: str | None,
) -> None:
    """The architecture of MODEL as a picture: stages as boxes to scale, each repeated block drawn once.

    At most 40 boxes, unless --depth or --unfold ask for more: equal neighbours are one box with ×n, and blocks that
    repeat are drawn below by letter. Heights are maps, widths are channels, both logarithmic. An .html page unfolds on
    click; .tex is a TikZ picture; .png and .pdf need the extra image. Without FILE, the boxes as text.
    """
    from convcost.diagrams.architecture.draw import plan
    from convcost.render.table import ending, json_text

    said = ending(output)
    kind = format_ or _ENDINGS.get(said) or ("photo" if said in _PHOTOS else "" if said else "text")
    if not kind:
        known = ", ".join([*_ENDINGS, *_PHOTOS])
        raise UsageError(f"{output}: the ending {said} says no format; known are {known}; else give --format")
    network = opened(model, settings(set_), input_)
    planned = plan(network, by=by, depth=depth, unfold=unfold)
    diagram = planned.diagram()
    if kind == "html":
        from convcost.pages.diagram import diagram_page

        emit(diagram_page(planned, [("command", command_line())]), output)
    elif kind == "photo":
        from convcost.pages.diagram import photo

        emit(photo(diagram, str(output)), output)
    elif kind == "json":
        emit(json_text(diagram.to_dict()), output)
    else:
        emit({"svg": diagram.svg, "tikz": diagram.tikz, "text": diagram.text}[kind](), output)
