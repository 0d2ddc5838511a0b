"""The boxes of a picture as lines of text, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.core.units import shape_text
from convcost.diagrams.architecture.picture import Box, Panel, Picture
from convcost.diagrams.architecture.words import left_open, share_text

_WIDEST = 44


def text(diagram: Picture) -> str:
    """The row of stages and each block, a line per box; what a box reads is said where it is not the line above."""
    groups = [("", [at for at, box in enumerate(diagram.boxes) if not box.panel])]
    groups += [
        (panel.letter, [at for at, box in enumerate(diagram.boxes) if box.panel == panel.letter])
        for panel in diagram.panels
    ]
    rows = {at: _row(diagram, at, numbers) for _, numbers in groups for at in numbers}
    heads = {"": ("", "makes", _OF[diagram.by])} | {panel.letter: _head(panel, diagram.by) for panel in diagram.panels}
    least = (0, 0, len("makes"), max(len(share) for *_, share in heads.values()))
    wide = [max([low, *(len(row[column]) for row in rows.values())]) for column, low in enumerate(least)]
    lines = [diagram.title, diagram.facts]
    for letter, numbers in groups:
        name, shape, share = heads[letter]
        begin = name.ljust(wide[0] + 2 + wide[1])
        lines += ["", f"{begin}  {shape.rjust(wide[2])}  {share.rjust(wide[3])}"]
        for at in numbers:
            name, said, shape, share, reads = rows[at]
            cells = [name.ljust(wide[0]), said.ljust(wide[1]), shape.rjust(wide[2]), share.rjust(wide[3]), reads]
            lines.append("  ".join(cells).rstrip())
    if signs := left_open(diagram.boxes):
        lines += ["", *signs]
    return "\n".join(lines) + "\n"


_OF = {"macs": "MACs", "params": "params", "memory": "alive"}
"""What shares are of -> the head of their column."""


def _head(panel: Panel, by: str) -> tuple[str, str, str]:
    """What stands over the boxes of a block: its name, and that their shares are those of all of its copies."""
    if panel.places == 1:
        return f"{panel.letter} = {panel.name}", "", _OF[by]
    most = "most of" if by == "memory" else "of all"
    return f"{panel.letter} = {panel.name} ×{panel.places}, sizes of {panel.shown}", "", f"{most} ×{panel.places}"


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
