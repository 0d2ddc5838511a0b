"""What the cells of a page's table show beside their text, and the exact records that the page keeps behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from convcost.render.escape import in_csv

_SHARE = re.compile(r"(?:[<>]=)?(\d[\d,]*(?:\.\d+)?) %")
_BLOCKS = re.compile("([█▉▊▋▌▍▎▏]*)(?: .*)?")
_EIGHTHS = "█▉▊▋▌▍▎▏"
"""Block characters, from eight eighths to one."""
_EXACT = 2**53
"""From here on a script's numbers are not exact."""


def bars_of(heading: str, cells: Sequence[str]) -> list[float] | None:
    """The bars of a column of shares or of block characters, in per cent of its longest; None for another column.

    >>> bars_of("share", ("25.00 %", "50.00 %")), bars_of("", ("██", "█ ← peak")), bars_of("op", ("add",))
    ([50.0, 100.0], [100.0, 50.0], None)
    """
    sizes = shares(cells) if "share" in heading else None if heading else _lengths(cells)
    most = max(sizes, default=0.0) if sizes else 0.0
    return [100 * size / most for size in sizes] if sizes and most else None


def shares(cells: Sequence[str]) -> list[float]:
    """The shares that cells say, 0 for a cell that says none.

    >>> shares(["12.50 %", "<=1.00 %", "1,250.00 %", "?"])
    [12.5, 1.0, 1250.0, 0.0]
    """
    return [float(found[1].replace(",", "")) if (found := _SHARE.fullmatch(cell)) else 0.0 for cell in cells]


def _lengths(cells: Sequence[str]) -> list[float] | None:
    """The lengths of bars of block characters, in characters; None if a cell is something else."""
    found = [_BLOCKS.fullmatch(cell) for cell in cells]
    if not all(found):
        return None
    return [sum(1 - _EIGHTHS.index(block) / 8 for block in one[1]) if one else 0.0 for one in found]


def without_blocks(cell: str) -> str:
    """What stands beside a bar of block characters.

    >>> without_blocks("██▌ ← peak")
    '← peak'
    """
    return cell.lstrip(_EIGHTHS).strip()


def bar(part: float) -> str:
    """The class of a cell whose bar is so many per cent of its column's longest; none where there is nothing to see.

    >>> bar(33.333), bar(0.2), bar(0.0)
    ('b33', 'b1', '')
    """
    return f"b{max(1, round(part))}" if part >= 0.1 else ""


def columns_of(records: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Exact records by column, for a script that writes them as the CSV that a command writes.

    A column is its name, its different values, and which of them is each row's: the places are left out where all values
    differ, a single 0 where all are the same, and another column's name where that one's places tell which value it is.
    Texts are front-coded: how much each begins like the one before, and the rest. Texts that begin the first column's are
    how many of its last words, between dots, they leave out; others among them stand as they are. Where all rows are the
    same, the first column has its places, which tell how many there are.

    >>> columns_of([{"op": "add", "n": 1, "at": "a.b"}, {"op": "add", "n": 2, "at": "a.c"}])
    [['op', ['add'], 0], ['n', [1, 2]], ['at', {'front': [0, 'a.b', 2, 'c']}]]
    >>> columns_of([{"name": "a.b", "in": "a"}, {"name": "a.c.d", "in": "a.c"}])[1]
    ['in', {'cut': [1, 1]}]
    """
    columns = {name: [_plain(record.get(name)) for record in records] for name in (records[0] if records else ())}
    different = {name: [*dict.fromkeys(values)] for name, values in columns.items()}
    first = next(iter(columns), "")
    made = []
    for name, values in columns.items():
        ways = [_of_places(values, different[name])]
        if (
            len(different[first]) > 1
            and name != first
            and all(isinstance(value, str) for value in (*values, *columns[first]))
        ):
            cut = [_left_out(str(whole), str(value)) for whole, value in zip(columns[first], values)]
            ways += [[{"cut": cut}]] if any(isinstance(words, int) for words in cut) else []
        ways += _of_others(name, columns, different)
        made.append([in_csv(name), *min(ways, key=_weight)])
    if len(records) > 1 and all(len(values) == 1 for values in different.values()):
        made[0][2] = [0] * len(records)
    return made


def _of_places(values: Sequence[int | str], different: Sequence[int | str]) -> list[Any]:
    """The different values, and the place of each row's among them."""
    if len(different) == 1:
        return [different, 0]
    if len(different) == len(values):
        return [_coded(different)]
    places = {value: place for place, value in enumerate(different)}
    return [_coded(different), [places[value] for value in values]]


def _of_others(
    name: str, columns: Mapping[str, Sequence[int | str]], different: Mapping[str, Sequence[int | str]]
) -> Iterator[list[Any]]:
    """A column's values for the different ones of each column before it that tells them, unless one value is in all rows."""
    for other, told in different.items():
        if other == name or len(different[name]) == 1:
            return
        if not len(different[name]) <= len(told) < len(columns[other]):
            continue
        of: dict[int | str, int | str] = {}
        if all(of.setdefault(one, value) == value for one, value in zip(columns[other], columns[name])):
            yield [_coded([of[one] for one in told]), in_csv(other)]


def _left_out(whole: str, text: str) -> int | str:
    """How many words at the end of a whole name a text leaves out; itself if it does not begin that name."""
    return whole[len(text) :].count(".") if f"{whole}.".startswith(f"{text}.") else text


def _weight(way: Sequence[Any]) -> int:
    """About how long it is when it is written."""
    return len(str(way))


def _coded(values: Sequence[int | str]) -> Any:
    texts = [value for value in values if isinstance(value, str)]
    return {"front": _front_coded(texts)} if len(texts) == len(values) else list(values)


def _front_coded(texts: Sequence[str]) -> list[int | str]:
    """For each text how many characters it has in common with the beginning of the one before, and the rest."""
    made: list[int | str] = []
    for before, text in zip(["", *texts], texts):
        alike = next(
            (at for at, pair in enumerate(zip(before, text)) if pair[0] != pair[1]), min(len(before), len(text))
        )
        made += [alike, text[alike:]]
    return made


def _plain(value: Any) -> int | str:
    """A value that a script turns into the text that Python's `csv` writes."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _EXACT:
        return value
    return "" if value is None else str(in_csv(value))
