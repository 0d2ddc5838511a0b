"""The boxes of a picture as lines of text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.core.units import shape_text
from convcost.diagrams.architecture.picture import Box, Picture
from convcost.diagrams.architecture.words import share_text
from convcost.render.escape import printable

_WIDEST = 44


def text(diagram: Picture) -> str:
    """The row of stages and each block, a line per box; what a box reads is said where it is not the line above."""
    groups = [("", [at for at, box in enumerate(diagram.boxes) if not box.panel])]
    groups += [
        (panel.letter, [at for at, box in enumerate(diagram.boxes) if box.panel == panel.letter])
        for panel in diagram.panels
    ]
    rows = {at: _row(diagram, at, numbers) for _, numbers in groups for at in numbers}
    wide = [max((len(row[column]) for row in rows.values()), default=0) for column in range(4)]
    heads = {panel.letter: panel for panel in diagram.panels}
    lines = [diagram.title, diagram.facts]
    for letter, numbers in groups:
        lines.append("")
        if letter:
            panel = heads[letter]
            many = (
                f" ×{panel.places}, sizes of {panel.shown}, shares of all {panel.places} together"
                if panel.places > 1
                else ""
            )
            lines.append(f"{letter} = {panel.name}{many}")
        for at in numbers:
            name, said, shape, share, reads = rows[at]
            cells = [name.ljust(wide[0]), said.ljust(wide[1]), shape.rjust(wide[2]), share.rjust(wide[3]), reads]
            lines.append("  ".join(cells).rstrip())
    return "\n".join(map(printable, lines)) + "\n"


def _row(diagram: Picture, at: int, numbers: Sequence[int]) -> tuple[str, str, str, str, str]:
    box = diagram.boxes[at]
    said = box.text if len(box.text) <= _WIDEST else f"{box.text[: _WIDEST - 1]}…"
    share = "" if box.kind == "input" else share_text(box.share) if box.known else "?"
    return _name(box), said, shape_text(box.shape), share, _reads(diagram, at, numbers)


def _name(box: Box) -> str:
    return f"{box.name} ×{box.repeats}" if box.repeats > 1 else box.name


def _reads(diagram: Picture, at: int, numbers: Sequence[int]) -> str:
    """The boxes that a box reads, if these are others than the one above."""
    sources = [edge.source for edge in diagram.edges if edge.target == at]
    place = numbers.index(at)
    above = numbers[place - 1] if place else -1
    if sources in ([above], []):
        return ""
    return "← " + ", ".join("from outside" if source < 0 else _short(diagram.boxes[source]) for source in sources)


def _short(box: Box) -> str:
    return box.name.rpartition(".")[2] if box.panel else box.name
