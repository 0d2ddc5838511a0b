"""Things with something wrong: trees of lists and mappings, texts, tables, bytes."""

from __future__ import annotations

import copy
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from fuzz.values import CHARACTERS, value

TOKEN = re.compile(r"[\w.]+|[^\w\s]")
_FEW = (1, 1, 1, 2, 2, 3, 5)
_NASTY = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)
_WORDS = (0, 1, 2, 3, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 4)


# -- trees -------------------------------------------------------------------------------------------------------------


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Each container in a tree with each of its keys."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, inner in items:
        yield tree, key
        yield from places(inner)


def tree(rng: Random, source: Any, drawn: Callable[[Random], Any] = value) -> Any:
    """A copy in which a few values are replaced, left out, doubled, exchanged, renamed, or taken from elsewhere."""
    made = copy.deepcopy(source)
    for _ in range(rng.choice(_FEW)):
        spots = [*places(made)]
        if not spots:
            return drawn(rng)
        inside, key = rng.choice(spots)
        other, place = rng.choice(spots)
        taken = copy.deepcopy(other[place])
        how = rng.randrange(8)
        if how < 3:
            inside[key] = copy.deepcopy(drawn(rng))  # what is drawn from a list stays as it is for the cases after
        elif how == 3:
            del inside[key]
        elif how == 4:
            inside[key] = taken
        elif how == 5 and isinstance(inside, list):
            inside[key:key] = [copy.deepcopy(inside[key]) for _ in range(rng.choice((1, 1, 2, 9, 60)))]
        elif how == 5:
            renamed = str(rng.choice((place, drawn(rng), f"{key}x")))
            items = [(renamed if name == key else name, inner) for name, inner in inside.items()]
            inside.clear()
            inside.update(items)
        elif how == 6:
            inside[key] = rng.choice(
                ([inside[key]], {"layers": [inside[key]]}, [taken, inside[key]], {str(place): taken})
            )
        else:
            other[place], inside[key] = copy.deepcopy(inside[key]), taken
    return made


# -- texts -------------------------------------------------------------------------------------------------------------


def text(rng: Random, source: str, others: Sequence[str]) -> str:
    """A text with a few tokens, characters or lines changed, or lines of others put in."""
    for _ in range(rng.choice(_FEW)):
        source = rng.choice(_TEXTUAL)(rng, source, others)
    return source


def _token(rng: Random, source: str, _others: Sequence[str]) -> str:
    tokens = [*TOKEN.finditer(source)]
    numbers = [each for each in tokens if each[0][0].isdigit()]
    if not tokens:
        return value(rng)
    found = rng.choice(numbers if numbers and rng.random() < 0.4 else tokens)
    new = value(rng) if rng.random() < 0.6 else rng.choice(tokens)[0]
    return source[: found.start()] + new + source[found.end() :]


def _character(rng: Random, source: str, _others: Sequence[str]) -> str:
    at = rng.randrange(len(source) + 1)
    return source[:at] + rng.choice(CHARACTERS) * rng.choice((1, 1, 1, 3, 50)) + source[at:]


def _gap(rng: Random, source: str, _others: Sequence[str]) -> str:
    at = rng.randrange(len(source) + 1)
    return source[:at] + source[at + rng.choice((1, 1, 2, 5, 30, 300)) :]


def _line(rng: Random, source: str, others: Sequence[str]) -> str:
    lines = source.split("\n")
    row, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(5)
    if how == 0:
        lines[row:row] = [lines[row]] * rng.choice((1, 1, 2, 40))
    elif how == 1:
        lines[row] = " " * rng.randrange(12) + lines[row].strip()
    elif how == 2:
        lines.insert(row, rng.choice(rng.choice(others).split("\n")))
    elif how == 3:
        lines[row], lines[other] = lines[other], lines[row]
    else:
        del lines[row]
    return "\n".join(lines)


def _whole(rng: Random, source: str, _others: Sequence[str]) -> str:
    old, new = rng.choice(
        (("\n", "\r\n"), ("\n", "\r"), ("  ", "\t"), (" ", ""), (",", ", "), ("1", "9" * 30), ("\n", "\n\n"))
    )
    return rng.choice(
        (source.replace(old, new), "\ufeff" + source, f"{source}\n---\n{source}", source[: len(source) // 2])
    )


_TEXTUAL = (_token, _token, _token, _token, _character, _gap, _line, _line, _whole)


# -- tables ------------------------------------------------------------------------------------------------------------


def table(rng: Random, source: str, most: int = 4, cell: Callable[[Random], str] = value) -> str:
    """A CSV of the head and a few rows, in which cells, rows and columns are replaced, left out, doubled, exchanged."""
    head, *body = csv.reader(io.StringIO(source))
    rows = [head, *rng.sample(body, min(len(body), rng.randint(0, most)))]
    for _ in range(rng.choice(_FEW)):
        other = rng.randrange(len(rows))
        row = rng.randrange(len(rows)) or other
        column = rng.randrange(len(rows[row]) or 1)
        how = rng.randrange(10)
        if how < 6:
            rows[row][column : column + 1] = [cell(rng)]
        elif how == 6:
            rows[row].insert(column, cell(rng))
        elif how == 7:
            del rows[row][column : column + 1]
        elif how == 8:
            rows.insert(row, list(rows[other]))
        else:
            rows = [cells[:column] + cells[column + 1 :] for cells in rows]
    made = io.StringIO()
    csv.writer(made, lineterminator=rng.choice(("\n", "\r\n"))).writerows(rows)
    return made.getvalue() if rng.random() < 0.85 else _character(rng, made.getvalue(), ())


# -- bytes -------------------------------------------------------------------------------------------------------------


def data(rng: Random, source: bytes) -> bytes:
    """Bytes of which a few are changed, put in, left out, or copied from elsewhere, or words of four that are numbers."""
    made = bytearray(source)
    for _ in range(rng.choice(_FEW)):
        at, other, length = rng.randrange(len(made) or 1), rng.randrange(len(made) or 1), rng.randrange(1, 40)
        match rng.randrange(9):
            case 0:
                made[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                made[at : at + 1] = bytes([rng.choice(_NASTY)])
            case 2:
                del made[at : at + length]
            case 3:
                made[at:at] = rng.randbytes(length % 9)
            case 4:
                made[at : at + length] = made[other : other + length]
            case 5:
                made[at:at] = made[other : other + 5 * length]
            case 6 | 7:
                made[at & ~3 : (at & ~3) + 4] = rng.choice(_WORDS).to_bytes(4, "little")
            case _ if rng.random() < 0.2:
                del made[at:]
    return bytes(made)
