"""How much room a text takes: a picture cannot ask the font, but it can know the widest one that it names.

The widths are those of DejaVu Sans, which is what a reader without the fonts before it sees; all others in
`palette.FONT` are narrower, so that what fits by this measure fits everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

_GROUPS = {
    280: "'ijl",
    300: "IJ",
    320: " \u00a0,.·",
    340: "/:;\\|",
    360: "f",
    380: "-",
    400: "()[]t",
    420: "!r²³",
    460: '"',
    500: "*_`–",
    540: "?sz",
    560: "Lc",
    580: "Fk",
    600: "vxy",
    620: "PTYaeo",
    640: "$0123456789ESbdghnpqu{}",
    660: "K",
    700: "ABCRVXZ",
    740: "U",
    760: "HN",
    780: "&DG",
    800: "OQ",
    820: "w",
    840: "#+<=>^~×≤≥→−↕↑↓±",
    880: "M",
    960: "%",
    980: "m",
}
"""Thousandths of the font size -> the characters that take up to as much."""
_BOLD = 1.12
"""Bold letters are wider by so much, on average."""


@cache
def _widths() -> dict[str, int]:
    return {character: width for width, characters in _GROUPS.items() for character in characters}


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The most that a text takes across, in the unit of its font size.

    >>> text_width("ijl", 10), text_width("mm", 10)
    (8.4, 19.6)
    """
    widths = _widths()
    thousandths = sum(widths.get(character, 1000) for character in text)
    return round(thousandths * size * (_BOLD if bold else 1)) / 1000


def shortened(text: str, room: float, size: float) -> str:
    """The text, or as much of it as the room holds with an ellipsis at its end; empty where not even that fits.

    >>> shortened("depthwise", 100, 10), shortened("depthwise", 40, 10), shortened("depthwise", 3, 10)
    ('depthwise', 'depth…', '')
    """
    if text_width(text, size) <= room:
        return text
    while text and text_width(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text.rstrip()}…" if text else ""


def wrapped(text: str, room: float, size: float, *, most: int = 2, bold: bool = False) -> list[str]:
    """The text in lines that the room holds, broken at blanks and behind dots; what is too long for `most` is shortened.

    >>> wrapped("conv2d 3×3 depthwise", 90, 13), wrapped("stage1.block1.expand", 100, 13)
    (['conv2d 3×3', 'depthwise'], ['stage1.block1.', 'expand'])
    """
    lines: list[str] = []
    for piece in _pieces(text):
        joined = f"{lines[-1]}{piece}" if lines else piece
        if lines and text_width(joined.rstrip(), size, bold=bold) <= room:
            lines[-1] = joined
        else:
            lines.append(piece)
    if len(lines) > most:
        lines = [*lines[: most - 1], "".join(lines[most - 1 :])]
    return [shortened(line.strip(), room / (_BOLD if bold else 1), size) for line in lines]


def _pieces(text: str) -> Sequence[str]:
    """The parts between which a line may break, each with what ends it."""
    pieces, start = [], 0
    for at, character in enumerate(text, start=1):
        if character == " " or (character == "." and not text[at : at + 1].isdigit()):
            pieces.append(text[start:at])
            start = at
    return [*pieces, text[start:]] if start < len(text) else pieces
