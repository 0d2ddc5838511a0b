"""How much room a text takes: a picture cannot ask the font, but it can know the widest one that it names.

The widths are those of DejaVu Sans, which is what a reader without the fonts before it sees; all others in
`palette.FONT` are narrower, so that what fits by this measure fits everywhere.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

#: Hundredths of the font size, rounded up -> the characters that are so wide.
_REGULAR = {
    28: "'ijl",
    30: "IJ",
    32: " \u00a0,.·",
    34: "/:;\\|",
    36: "f",
    37: "-",
    40: "()[]t",
    41: "!²³",
    42: "r",
    46: '"',
    50: "*_`–°",
    53: "sz",
    54: "?",
    55: "c",
    56: "L",
    58: "Fk",
    60: "vxy",
    61: "P",
    62: "TYaeo",
    64: "$0123456789ESbdghnpqu{}µ",
    66: "K",
    69: "ABVXZ",
    70: "CR",
    74: "U",
    75: "N",
    76: "H",
    78: "&DG",
    79: "OQ",
    82: "w",
    84: "#+<=>^~×±−→←↑↓↕≤≥∗≡",
    87: "M",
    96: "%",
    97: "½¼¾",
    98: "m",
    99: "W",
}
_BOLD = {
    31: "'",
    35: " \u00a0ijl",
    37: "/\\|",
    38: ",.IJ·",
    40: ":;",
    42: "-",
    44: "f²³",
    46: "!()[]",
    48: "t",
    50: "_`r–°",
    53: '"*',
    59: "?z",
    60: "cs",
    64: "L",
    65: "x",
    66: "vy",
    67: "k",
    68: "ae",
    69: "EFTo",
    70: "$0123456789",
    72: "bdghnpqu{}",
    73: "SYZ",
    74: "CPµ",
    77: "B",
    78: "AKRVX",
    82: "U",
    83: "G",
    84: "#+<=>DHN^~×±−→←↑↓↕≤≥∗≡",
    86: "OQ",
    88: "&",
    93: "w",
    100: "@M…",
    101: "%",
    104: "½¼¾",
    105: "m",
}
_WIDEST = {False: 100, True: 111}
_ADVANCES = {
    bold: {character: advance for advance, characters in table.items() for character in characters}
    for bold, table in ((False, _REGULAR), (True, _BOLD))
}
MORE = "…"


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The most that a line takes across, in the unit of its font size.

    >>> text_width("ijl", 10), text_width("mm", 10), text_width("mm", 10, bold=True)
    (8.4, 19.6, 21.0)
    """
    advances, widest = _ADVANCES[bold], _WIDEST[bold]
    return round(sum(advances.get(character, widest) for character in text) * size / 100, 3)


def shortened(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text, or as much of it as the room holds with an ellipsis at its end; empty where not even that fits.

    >>> shortened("depthwise", 100, 10), shortened("depthwise", 40, 10), shortened("depthwise", 3, 10)
    ('depthwise', 'depth…', '')
    """
    if text_width(text, size, bold=bold) <= room:
        return text
    # Widths only grow with a text, and one may have a name for each of thousands of layers: halved, not shortened by one each time.
    most = bisect_right(range(1, len(text)), room, key=lambda end: text_width(text[:end] + MORE, size, bold=bold))
    return text[:most].rstrip(" ·+_.") + MORE if most else ""


def wrapped(text: str, room: float, size: float, *, most: int = 2, bold: bool = False) -> list[str]:
    """At most so many lines, broken after spaces, underscores and dots; what does not fit is shortened.

    >>> wrapped("conv2d 3×3 + bn + relu", 80, 10), wrapped("stage1.block1.expand", 100, 13), wrapped("5.74 MiB", 40, 13)
    (['conv2d 3×3', '+ bn + relu'], ['stage1.block1.', 'expand'], ['5.74', 'MiB'])
    """
    lines = [""]
    words = _words(text)
    for at, word in enumerate(words):
        line = lines[-1] + word
        if not lines[-1] or text_width(line.rstrip(), size, bold=bold) <= room:
            lines[-1] = line
        elif len(lines) < most:
            lines.append(word)
        else:
            lines[-1] += "".join(words[at:])
            break
    return [shortened(line.strip(), room, size, bold=bold) for line in lines]


def _words(text: str) -> list[str]:
    """Pieces that a line may end after; a plus stays with what it adds, a stride with what it is of, a number is whole."""
    words = [""]
    for at, letter in enumerate(text):
        words[-1] += letter
        before, following = text[max(0, at - 1) : at], text[at + 1 : at + 2]
        number = letter == "." and before.isdigit() and following.isdigit()
        if letter in " _." and words[-1].strip() != "+" and following not in ("", "/") and not number:
            words.append("")
    return words


def longest_word(text: str, size: float, *, bold: bool = False) -> float:
    """The width below which a text cannot be broken into lines.

    >>> longest_word("global_avg_pool", 100) == text_width("global_", 100)
    True
    """
    return max(text_width(word.rstrip(), size, bold=bold) for word in _words(text))
