"""Room for words in a drawing: names along an axis in rows, notes on lines, none on another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from convcost.render.lettering import text_width
from convcost.render.rectangle import Rectangle

_APART = 4
"""Pixels between two names in a row."""
_STEP = 16
"""Pixels by which a note is moved to where there is room."""


class Name(NamedTuple):
    """A name along an axis, the middle of its text, and in which row below the axis it stands."""

    text: str
    middle: float
    row: int


def in_rows(names: Sequence[tuple[float, str]], low: float, high: float, size: float, most: int = 3) -> list[Name]:
    """As many names as have room between two edges, each below its place, in as few rows as that takes, up to so many.

    From both ends inwards, the ends first; what has no room in the first row stands in the next. Those at an edge are
    moved inside. In order of their places.

    >>> in_rows([(10, "stem"), (30, "stage1"), (50, "stage2")], 0, 100, 10)
    [Name(text='stem', middle=12.65, row=0), Name(text='stage1', middle=30, row=1), Name(text='stage2', middle=50, row=0)]
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in range(most)]
    found: list[Name] = []
    for place, text in _inwards(sorted(names)):
        half = text_width(text, size) / 2
        middle = max(low + half, min(place, high - half))
        left, right = middle - half - _APART, middle + half
        row = next(
            (at for at, held in enumerate(taken) if all(right + _APART <= a or b <= left for a, b in held)), None
        )
        if row is not None and low <= middle - half and middle + half <= high:
            taken[row].append((left + _APART, right))
            found.append(Name(text, middle, row))
    return sorted(found, key=lambda name: name.middle)


def _inwards(names: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """First, last, second, second to last, …"""
    half = (len(names) + 1) // 2
    ends = [*zip(names[:half], names[::-1][:half])]
    return list(dict.fromkeys(name for pair in ends for name in pair))


class Note(NamedTuple):
    """Words on a line across the picture: their left edge and base line."""

    text: str
    left: float
    base: float


def on_lines(
    notes: Iterable[tuple[str, float, float]], frame: Rectangle, size: float, taken: Sequence[Rectangle] = ()
) -> list[Note]:
    """Notes (words, left edge, height of the line) so that none lies on another nor on what is taken, the highest first.

    Above its line; else beside the note that is in the way; else below the line; else further to the left, above or
    below. One that has no room anywhere is left out.

    >>> frame = Rectangle(0, 0, 200, 100)
    >>> [note[1:] for note in on_lines([("one", 150, 50), ("two", 150, 54), ("three", 150, 90)], frame, 10)]
    [(150, 46), (117.6, 46), (150, 86)]
    """
    found: list[tuple[Note, Rectangle]] = []
    for text, left, line in sorted(notes, key=lambda note: note[2]):
        wide = text_width(text, size)
        base = max(line - 4, frame.top + size)
        beside = [(room.left - wide - 12, note.base) for note, room in found if room.top < line < note.base + 2 * size]
        under = line + size + 1
        steps = range(int(left) - _STEP, int(frame.left), -_STEP)
        further = [(float(across), at) for at in (base, under) for across in steps]
        for across, at in ((left, base), *beside[::-1], (left, under), *further):
            room = Rectangle(across - 2, at - 0.8 * size, across + wide + 2, at + 0.25 * size)
            held = (*taken, *(other for _, other in found))
            inside = frame.left <= room.left and room.bottom <= frame.bottom + 1
            if inside and not any(room.meets(other) for other in held):
                found.append((Note(text, across, at), room))
                break
    return [note for note, _ in found]
