"""Widths of text without a browser, so that labels are placed where they fit: advances of DejaVu Sans, the widest of the fonts asked for."""

from __future__ import annotations

from functools import lru_cache

#: Hundredths of the font size, rounded up -> the characters that are so wide.
_REGULAR = {
    28: "'ijl",
    30: "IJ",
    32: " ,.·",
    34: "/:;\\|",
    37: "-f",
    40: "()[]t",
    42: "!²r",
    50: '*_`–"',
    53: "sz",
    56: "?cL",
    58: "Fk",
    62: "vxyPTYaeo",
    64: "$0123456789ESbdghnpqu{}",
    70: "KABVXZCR",
    76: "UNH",
    79: "&DGOQ",
    84: "w#+<=>^~×→−",
    87: "M",
    97: "%½",
}
_BOLD = {
    31: "'",
    35: " ijl",
    38: "/\\|,.IJ·",
    42: "-:;",
    46: "f²!()[]",
    50: "t_`r–",
    53: '"*',
    60: "?zcs",
    66: "Lxvy",
    70: "kaeEFTo$0123456789",
    74: "bdghnpqu{}SYZCP",
    78: "BAKRVX",
    84: "UG#+<=>DHN^~×→−",
    88: "OQ&",
    93: "w",
}
_WIDEST = {False: 100, True: 111}
_ADVANCES = {
    bold: {letter: advance for advance, letters in table.items() for letter in letters}
    for bold, table in ((False, _REGULAR), (True, _BOLD))
}
LINE = 1.3
"""Distance of lines, in font sizes."""
ASCENT, DESCENT = 0.93, 0.24
"""What a line takes above and below its baseline, in font sizes."""
MORE = "…"


@lru_cache(maxsize=4096)
def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a line in the widest of the fonts asked for, in pixels; other fonts take less.

    >>> width("ill", 100), width("112×112", 10)
    (84.0, 46.8)
    """
    advances, widest = _ADVANCES[bold], _WIDEST[bold]
    return sum(advances.get(letter, widest) for letter in text) * size / 100


def fitted(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text, or its beginning with an ellipsis where it is wider than the room.

    >>> fitted("inception", 40, 10), fitted("stem", 40, 10)
    ('incep…', 'stem')
    """
    if width(text, size, bold=bold) <= room:
        return text
    while text and width(text + MORE, size, bold=bold) > room:
        text = text[:-1]
    return text.rstrip(" ·+_.") + MORE


def wrapped(text: str, room: float, size: float, most: int, *, bold: bool = False) -> tuple[str, ...]:
    """At most so many lines, broken after spaces, underscores and dots; what does not fit ends with an ellipsis.

    >>> wrapped("global_avg_pool", 66, 10, 2), wrapped("conv2d 3×3 + bn + relu", 80, 10, 2)
    (('global_avg_', 'pool'), ('conv2d 3×3', '+ bn + relu'))
    """
    lines = [""]
    words = _words(text)
    for at, word in enumerate(words):
        line = lines[-1] + word
        if not lines[-1] or width(line.rstrip(), size, bold=bold) <= room:
            lines[-1] = line
        elif len(lines) < most:
            lines.append(word)
        else:
            lines[-1] += "".join(words[at:])
            break
    return tuple(fitted(line.rstrip(), room, size, bold=bold) for line in lines)


def _words(text: str) -> list[str]:
    """Pieces that a line may end after; a plus stays with what it adds, a stride with what it is of."""
    words = [""]
    for at, letter in enumerate(text):
        words[-1] += letter
        plus = words[-1].strip() == "+"
        following = text[at + 1 : at + 2]
        if letter in " _." and not plus and following not in ("", "/"):
            words.append("")
    return words


def longest_word(text: str, size: float, *, bold: bool = False) -> float:
    """The width below which a text cannot be broken into lines.

    >>> longest_word("global_avg_pool", 100) == width("global_", 100)
    True
    """
    return max(width(word.rstrip(), size, bold=bold) for word in _words(text))
