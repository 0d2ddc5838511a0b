"""The picture as TikZ: a LaTeX document of one picture, which compiles by itself."""

from __future__ import annotations

from collections.abc import Iterator

from convcost.diagrams.architecture.picture import STACK, Box, Edge, Label, Picture
from convcost.render.latex import escaped
from convcost.render.palette import LIGHT
from convcost.render.svg_marks import number

_POINTS = 0.75
"""TeX's big points in a pixel."""


def tikz(picture: Picture) -> str:
    r"""The picture as a LaTeX document of one page of its size, which needs no more than TikZ; one pixel is 0.75 bp.

    >>> from convcost import load
    >>> load("lenet5").diagram().tikz().splitlines()[0]
    '\\documentclass{article}'
    """
    colors = {"ink": LIGHT.ink, "muted": LIGHT.muted, "grid": LIGHT.grid, "tint": LIGHT.series[0]}
    page = f"paperwidth={number(picture.width * _POINTS + 2)}bp, paperheight={number(picture.height * _POINTS + 2)}bp, margin=0bp"
    lines = [
        r"\documentclass{article}",
        rf"\usepackage[{page}]{{geometry}}",
        r"\usepackage[T1]{fontenc}",
        r"\usepackage[scaled=0.9]{helvet}",
        r"\usepackage{tikz}",
        r"\usetikzlibrary{arrows.meta}",
        r"\renewcommand{\familydefault}{\sfdefault}",
        r"\pagestyle{empty}\parindent=0pt\topskip=0pt",
        *(rf"\definecolor{{{name}}}{{HTML}}{{{color[1:].upper()}}}" for name, color in colors.items()),
        r"\begin{document}",
        r"\noindent%",
        rf"\begin{{tikzpicture}}[x={_POINTS}bp, y=-{_POINTS}bp, line width=0.6bp,",
        r"  flow/.style={muted, rounded corners=3bp, -{Latex[length=3.6bp, width=3.6bp]}},",
        r"  box/.style={draw=muted, rounded corners=1.6bp}, every node/.style={inner sep=0, outer sep=0, anchor=base}]",
        *(
            rf"\draw[grid, rounded corners=4bp] ({number(p.x)},{number(p.y)}) rectangle ({number(p.x + p.width)},{number(p.y + p.height)});"
            for p in picture.panels
        ),
        rf"\useasboundingbox (0,0) rectangle ({number(picture.width)},{number(picture.height)});",
        *map(_edge, picture.edges),
        *map(_box, picture.boxes),
        *_legend(picture),
        *map(_label, picture.labels),
        r"\end{tikzpicture}",
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


def _box(box: Box) -> str:
    corners = f"({number(box.x)},{number(box.y)}) rectangle ({number(box.x + box.width)},{number(box.y + box.height)})"
    if box.kind == "input":
        return rf"\draw[box, dashed] {corners};"
    dashed = "" if box.known else ", dashed"
    behind = ""
    if box.repeats > 1:
        x, y = box.x + STACK, box.y - STACK
        behind = (
            rf"\draw[box] ({number(x)},{number(y)}) rectangle ({number(x + box.width)},{number(y + box.height)});"
            "\n"
        )
    return rf"{behind}\draw[box{dashed}, fill=tint!{round(6 + 56 * box.tint)}] {corners};"


def _edge(edge: Edge) -> str:
    return rf"\draw[flow] {' -- '.join(f'({number(x)},{number(y)})' for x, y in edge.points)};"


def _label(label: Label) -> str:
    anchor = {"start": "base west", "middle": "base", "end": "base east"}[label.anchor]
    size = f"{label.size * _POINTS:g}"
    weight = r"\bfseries" if label.bold else ""
    tone = "white" if label.tone == "badge" else label.tone
    behind = ", fill=ink, rounded corners=1.5bp, inner sep=2bp" if label.tone == "badge" else ""
    font = rf"\fontsize{{{size}bp}}{{{size}bp}}\selectfont{weight}"
    return rf"\node[anchor={anchor}, text={tone}, font={font}{behind}] at ({number(label.x)},{number(label.y)}) {{{escaped(label.text)}}};"


def _legend(picture: Picture) -> Iterator[str]:
    if picture.legend is None:
        return
    x, y = picture.legend
    for step in range(5):
        yield rf"\draw[grid, fill=tint!{6 + 14 * step}] ({number(x + 20 * step)},{number(y - 9)}) rectangle ({number(x + 20 * step + 20)},{number(y + 1)});"
