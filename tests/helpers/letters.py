"""Where the texts and boxes of a drawing stand, to see that none is cut off and none lies on another.

Texts are measured with the advances of DejaVu Sans from its own file where the machine has it, which is what Chromium
sets them in; else by the package's own measure, which a test compares with that file.
"""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from convcost.render.lettering import text_width
from convcost.render.rectangle import Rectangle

SVG = "{http://www.w3.org/2000/svg}"
FONTS = Path("/usr/share/fonts/truetype/dejavu")
INHERITED = ("font-size", "font-weight", "text-anchor")
ASCENT, DESCENT = 0.76, 0.05  # of the font size: capitals and digits stand that high; few letters hang lower


class Written(NamedTuple):
    """A text and what it covers."""

    text: str
    box: Rectangle


@cache
def advances(bold: bool) -> dict[int, float] | None:
    """Character -> how far it moves the pen, in font sizes; None where the font is not installed."""
    path = FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    if not path.exists():
        return None
    data = path.read_bytes()
    count = struct.unpack(">H", data[4:6])[0]
    entries = (struct.unpack(">4sLLL", data[12 + 16 * at : 28 + 16 * at]) for at in range(count))
    place = {tag: offset for tag, _, offset, _ in entries}

    def word(at: int) -> int:
        return int(struct.unpack(">H", data[at : at + 2])[0])

    unit, wide = word(place[b"head"] + 18), word(place[b"hhea"] + 34)
    cmap = place[b"cmap"]
    tables = (
        cmap + struct.unpack(">L", data[cmap + 8 + 8 * at : cmap + 12 + 8 * at])[0] for at in range(word(cmap + 2))
    )
    start = next(table for table in tables if word(table) == 4)
    segments = word(start + 6) // 2
    found = {}
    for at in range(segments):
        ends = start + 14 + 2 * at
        last, first = word(ends), word(ends + 2 * segments + 2)
        delta, shift_at = word(ends + 4 * segments + 2), ends + 6 * segments + 2
        for code in range(first, min(last, 0x2FFF) + 1):
            shift = word(shift_at)
            glyph = code + delta if not shift else word(shift_at + shift + 2 * (code - first)) + delta
            glyph = min(glyph & 0xFFFF, wide - 1)
            found[code] = word(place[b"hmtx"] + 4 * glyph) / unit
    return found


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is."""
    known = advances(bold)
    if known is None:
        return text_width(text, size, bold=bold)
    return size * sum(known.get(ord(character), 1.0) for character in text)


def texts(drawing: str) -> list[Written]:
    """All texts of an SVG with their boxes, titles and tooltips aside."""
    return list(_boxes(ET.fromstring(drawing), {}))


def _boxes(one: ET.Element, around: Mapping[str, str]) -> Iterator[Written]:
    """The texts in an element; what one does not say of its look, the groups around it say."""
    look = {**around, **{name: value for name in INHERITED if (value := one.get(name)) is not None}}
    if one.tag == f"{SVG}text" and (one.text or "").strip():
        yield Written(one.text or "", _box(one, look))
    for inner in one:
        yield from _boxes(inner, look)


def _box(one: ET.Element, look: Mapping[str, str]) -> Rectangle:
    text = one.text or ""
    size = float(look.get("font-size", "13"))
    wide = width(text, size, bold=look.get("font-weight") == "600")
    shift = {"middle": wide / 2, "end": wide}.get(look.get("text-anchor", "start"), 0.0)
    turned = one.get("transform")
    if turned:  # the title of a vertical axis, read from below
        x, y = map(float, turned[turned.index("(") + 1 : turned.index(")")].split())
        return Rectangle(x - ASCENT * size, y + shift - wide, x + DESCENT * size, y + shift)
    x, y = float(one.get("x", 0)), float(one.get("y", 0))
    return Rectangle(x - shift, y - ASCENT * size, x - shift + wide, y + DESCENT * size)


def clipped(drawing: str) -> list[str]:
    """The texts that reach over the edge of a drawing."""
    _, _, wide, high = map(float, ET.fromstring(drawing).get("viewBox", "0 0 0 0").split())
    drawn = Rectangle(0, 0, wide, high).wider(0.5)
    return [text for text, box in texts(drawing) if not drawn.holds(box)]


def overlapping(drawing: str) -> list[tuple[str, str]]:
    """Pairs of texts of which one lies on the other."""
    return [(one.text, other.text) for one, other in combinations(texts(drawing), 2) if one.box.meets(other.box)]


def covered(drawing: str) -> list[str]:
    """Texts that a box with an edge of its own lies across: those neither inside nor outside of it."""
    root = ET.fromstring(drawing)
    found = []
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("rx") is None:
            continue
        left, top, wide, high = (float(rect.get(name, 0)) for name in ("x", "y", "width", "height"))
        edge = Rectangle(left, top, left + wide, top + high)
        inside = Rectangle(left - 0.5, top - 0.5, left + wide + 0.5, top + high)
        found += [text for text, box in texts(drawing) if box.meets(edge) and not inside.holds(box)]
    return found


def struck(drawing: str) -> list[str]:
    """Texts through which a dashed line across the picture runs; those with a halo stand on the line that they name."""
    root = ET.fromstring(drawing)
    paths = (path.get("d", "") for path in root.iter(f"{SVG}path") if path.get("stroke-dasharray"))
    ends = [found.groups() for path in paths if (found := re.fullmatch(r"M(\S+) (\S+)H(\S+)", path))]
    lines = [Rectangle(float(left), float(y), float(right), float(y) + 0.5) for left, y, right in ends]
    named = {one.text for one in root.iter(f"{SVG}text") if one.get("paint-order")}
    return [text for text, box in texts(drawing) if text not in named and any(map(box.meets, lines))]
