"""Fitting a table to the width of a screen, so that no line of it wraps and no number is cut.

What gives way, in this order, until the table fits:

1. texts are shortened in the middle, `stage2.…conv2d`, and headings over narrower numbers with them; formulas and prose go
   on in further lines instead;
2. whole columns go, those that a table can spare first; a note says which;
3. texts become shorter still, at first no further than that formulas and words stay in one piece;
4. numbers of five digits and more get a unit, `301 M`; a note says so;
5. columns go that a table would rather not spare, from the right; the first one stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from convcost.core.units import compact, counted

GAP = 2
"""Blanks between columns."""
_READABLE, _LEAST = 24, 8
"""To how many characters texts are shortened before columns go, and after."""
_HEADING, _LEAST_HEADING = 14, 6
"""The same for headings over numbers that are narrower."""
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+")
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True)
class Column:
    """A column of a table, and how it gives way."""

    heading: str
    cells: tuple[str, ...]
    numeric: bool
    shorten: bool
    """Whether its cells may be shortened; those of numbers never are."""
    priority: int
    """0 stays; of the others the highest goes first, columns of the same number together."""
    wrap: bool = False
    """Whether its cells go on in further lines, where others are shortened."""

    @cached_property
    def width(self) -> int:
        """Of heading and cells."""
        return max(columns_of(self.heading), self.inner)

    @cached_property
    def inner(self) -> int:
        """Of the cells alone."""
        return max((columns_of(line) for cell in self.cells for line in cell.split("\n")), default=0)

    @cached_property
    def word(self) -> int:
        """Of the longest piece of its cells that has no blank: a formula, a word."""
        return max((columns_of(word) for cell in self.cells for word in cell.split()), default=0)

    def least(self, text: int, heading: int, *, whole: bool = False) -> int:
        """How narrow it may become where texts are shortened to so much, and headings over numbers.

        Where words are to stay `whole`, what goes on in further lines is as wide as its longest one.
        """
        if self.wrap and whole:
            return min(self.width, max(self.word, text))
        if self.shorten or self.wrap:
            return min(self.width, text)
        return max(self.inner, min(columns_of(self.heading), heading))

    def at(self, width: int) -> Column:
        """The column with what is wider shortened; a narrower one is as it was."""
        if self.wrap:
            cells = tuple("\n".join(_lines(cell, width, "", cut=True)) for cell in self.cells)
        else:
            cells = tuple(shortened(cell, width) for cell in self.cells) if self.shorten else self.cells
        return replace(self, heading=shortened(self.heading, width), cells=cells)

    def rounded(self) -> Column:
        """The column with numbers of five digits and more to three digits and with a unit, where it holds numbers."""
        if not self.numeric:
            return self
        return replace(self, cells=tuple(map(with_units, self.cells)))


@dataclass(frozen=True, slots=True)
class Fitted:
    """The columns that fit, and what became of the others."""

    columns: tuple[Column, ...]
    hidden: tuple[str, ...]
    """Headings of columns that are not shown."""
    rounded: bool
    """Whether numbers are shown to three digits."""

    def notes(self, width: int) -> list[tuple[str, str]]:
        """What a reader has to know of a table that gave way."""
        if not self.hidden and not self.rounded:
            return []
        lost = [", ".join(dict.fromkeys(self.hidden))] if self.hidden else []
        lost += ["all but three digits of numbers"] if self.rounded else []
        few = f"{counted(width, 'column')} are too few"
        return [
            ("not shown", f"{' and '.join(lost)}: {few}; a wider terminal, a file (-o) or a pipe (| less -S) has all")
        ]


def fit(columns: Sequence[Column], width: int) -> Fitted:
    """The columns as they fit a screen of that width; the least that there can be where even that is wider.

    >>> name = Column("layer", ("stage2.block1.expand.conv2d",), False, True, 0)
    >>> macs = Column("MACs", ("19,267,584",), True, False, 0)
    >>> [column.cells[0] for column in fit([name, macs], 36).columns]
    ['stage2.block…pand.conv2d', '19,267,584']
    """
    tried = Fitted((), (), rounded=False)
    for tried, text, heading, whole in _ways(columns):
        least = [column.least(text, heading, whole=whole) for column in tried.columns]
        widths = _widths(tried.columns, width, least)
        if widths is not None:
            break
    else:
        widths = [column.least(_LEAST, _LEAST_HEADING) for column in tried.columns]
    return replace(tried, columns=tuple(column.at(w) for column, w in zip(tried.columns, widths, strict=True)))


def _ways(columns: Sequence[Column]) -> Iterator[tuple[Fitted, int, int, bool]]:
    """What may be shown, the fullest first; how short its texts and headings may become; whether words stay whole."""
    priorities = sorted({column.priority for column in columns} - {0}, reverse=True)
    kept = tuple(columns)
    for most in (None, *priorities):
        kept = tuple(column for column in kept if most is None or column.priority < most)
        yield Fitted(kept, _headings(columns, kept), rounded=False), _READABLE, _HEADING, False
    hidden = _headings(columns, kept)
    for whole in (True, False):
        yield Fitted(kept, hidden, rounded=False), _LEAST, _LEAST_HEADING, whole
    short = tuple(column.rounded() for column in kept)
    for number in range(len(kept), 0, -1):
        gone = (*hidden, *(column.heading for column in kept[number:]))
        yield Fitted(short[:number], gone, rounded=short[:number] != kept[:number]), _LEAST, _LEAST_HEADING, False


def _headings(columns: Sequence[Column], kept: Sequence[Column]) -> tuple[str, ...]:
    """Of the columns that are not kept, in their order."""
    shown = set(map(id, kept))
    return tuple(column.heading for column in columns if id(column) not in shown and column.heading)


def _widths(columns: Sequence[Column], width: int, least: Sequence[int]) -> list[int] | None:
    """The widths of columns that fit, the widest ones cut first; None if they do not fit at the least ones."""
    room = width - GAP * (len(columns) - 1)
    most = [column.width for column in columns]
    if sum(least) > room:
        return None
    cap = max(most, default=0)
    widths = most
    while sum(widths) > room:
        cap -= 1
        widths = [max(low, min(high, cap)) for low, high in zip(least, most)]
    return _spread(widths, most, room)


def _spread(widths: list[int], most: Sequence[int], room: int) -> list[int]:
    """Give what the last cut left over back to the columns from the left."""
    spare = room - sum(widths)
    for at, (has, wants) in enumerate(zip(widths, most)):
        more = min(spare, wants - has)
        widths[at] += more
        spare -= more
    return widths


def shortened(text: str, width: int) -> str:
    """A text with its middle left out, where it is wider.

    >>> shortened("stage2.block1.expand.conv2d", 13), shortened("conv2d", 13)
    ('stage2…conv2d', 'conv2d')
    """
    if columns_of(text) <= width:
        return text
    keep = width - 1
    head = _begin(text, keep - keep // 2)
    tail = _begin(text[::-1], keep // 2)[::-1]
    return f"{head}…{tail}"


def _begin(text: str, width: int) -> str:
    """The beginning of a text, no wider than that."""
    while columns_of(text) > width:
        text = text[: max(0, min(len(text) - 1, width))]
    return text


def _piece(word: str, width: int) -> str:
    """The beginning of a word that is wider than a line: up to a sign between two terms, if there is one."""
    part = _begin(word, width)
    apart = max((at for at, sign in enumerate(part, 1) if not sign.isalnum() and sign not in ",._"), default=0)
    return part[:apart] if apart > len(part) // 3 else part


def with_units(text: str) -> str:
    """A cell with its numbers of five digits and more to three digits.

    >>> with_units(">= 300,774,272"), with_units("1,280"), with_units("+19,267,584")
    ('>= 301 M', '1,280', '+19.3 M')
    """
    return _GROUPED.sub(lambda found: _unit(found[0]), text)


def _unit(grouped: str) -> str:
    number = int(grouped.replace(",", ""))
    return compact(number) if number >= 10_000 else grouped


def columns_of(text: str) -> int:
    """How many columns of a screen a text takes: signs of East Asian scripts take two.

    >>> columns_of("224×224×3"), columns_of("畳み込み")
    (9, 8)
    """
    if text.isascii() or max(text) < "\u0300":
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum((not combining(sign)) * (2 if east_asian_width(sign) in "WF" else 1) for sign in text)


def padded(text: str, width: int, *, right: bool) -> str:
    """A text filled up with blanks to a width, at its left if it is set flush right.

    >>> padded("2,160", 7, right=True), padded("op", 4, right=False)
    ('  2,160', 'op  ')
    """
    blanks = " " * (width - columns_of(text))
    return f"{blanks}{text}" if right else f"{text}{blanks}"


def bar(share: float, width: int) -> str:
    """A bar of blocks, to an eighth of a character, for a share of its full width; something for whatever is not nothing.

    >>> bar(0.5, 4), bar(0.0001, 4), bar(0, 4)
    ('██', '▏', '')
    """
    eighths = max(round(share * width * 8), int(share > 0))
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def wrapped(word: str, said: str, width: int, *, cut: bool = True) -> list[str]:
    """A note in lines of at most so many columns; its text is a column of its own.

    A word that is wider, such as a path, is `cut`, or stands in a line that is too long.

    >>> wrapped("params", "61,706 of them", 22)
    ['params       61,706 of', '             them']
    """
    return _lines(f"{word:<12} {said}", width, " " * 13, cut=cut)


def heading_lines(title: str, width: int) -> list[str]:
    """A title in lines of at most so many columns, apart where its parts are.

    >>> heading_lines("LeNet-5 (lenet5) · input 32×32×1 · batch 1", 36)
    ['LeNet-5 (lenet5) · input 32×32×1', '  · batch 1']
    """
    lines: list[str] = []
    for part in title.split(" · "):
        joined = f"{lines[-1]} · {part}" if lines else part
        if lines and columns_of(joined) <= width:
            lines[-1] = joined
        else:
            lines += _lines(f"  · {part}" if lines else part, width, "    ", cut=True)
    return lines


def _lines(text: str, width: int, indent: str, *, cut: bool) -> list[str]:
    """A text in lines, all but the first indented. Not textwrap: it counts signs, of which some take two columns."""
    begin = text[: len(text) - len(text.lstrip())]
    lines, empty = [begin], True
    for word in re.split(r"(?<=\S) ", text.strip()):
        rest = word
        if not empty and columns_of(f"{lines[-1]} {rest}") <= width:
            lines[-1] += f" {rest}"
            continue
        if not empty:
            lines.append(indent)
        while cut and columns_of(lines[-1] + rest) > width > len(indent) + 1:
            part = _piece(rest, width - columns_of(lines[-1]))
            lines[-1] += part
            rest = rest[len(part) :]
            lines.append(indent)
        lines[-1] += rest
        empty = False
    return lines
