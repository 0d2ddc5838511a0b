"""Every format that convcost writes, read back by a reader that knows nothing of convcost: what is no such format is refused."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import yaml

from helpers.pages import Tags


class Read(NamedTuple):
    """What a reader found in a text."""

    rows: tuple[tuple[str, ...], ...] = ()
    """The cells of its tables, row by row, headings too, where it has tables."""
    data: Any = None
    """What it holds, where it is data."""


def read(kind: str, text: str) -> Read:
    """The text as what it says that it is; raises `AssertionError` or the error of the reader."""
    assert text.endswith("\n"), "a text ends its last line"
    return _READERS[kind](text)


def leaves(data: Any) -> Iterator[str]:
    """Every key and every value in data, as a cell of CSV would have it; a shape also as one."""
    if isinstance(data, dict):
        yield from data
        data = list(data.values())
    if isinstance(data, list):
        if all(isinstance(item, int) for item in data):
            yield "x".join(map(str, data))
        for item in data:
            yield from leaves(item)
    else:
        yield "" if data is None else str(data)


def tokens(kind: str, text: str) -> set[str]:
    """The words of a text, of a page those that it shows, without the commas between thousands."""
    if kind == "html":
        text = re.sub(r"(?s)<(script|style)\b.*?</\1>|<[^>]*>", " ", text)
    return {*re.split(r"[\s&]+", text.replace(",", ""))}


_NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?(e[+-]?\d+)?|\d+(x\d+)+")


def numbers(cells: Iterable[str]) -> set[str]:
    """The cells that are numbers or shapes, without the commas between thousands."""
    return {cell.replace(",", "") for cell in cells if _NUMBER.fullmatch(cell)}


def _table(text: str) -> Read:
    for line in text.splitlines():
        assert line == line.rstrip(), "no spaces at the end of a line"
    return Read()


def _json(text: str) -> Read:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        assert max(Counter(key for key, _ in found).values(), default=1) == 1, "a key stands twice"
        return dict(found)

    return Read(data=json.loads(text, parse_constant=refuse, object_pairs_hook=pairs))


def _csv(text: str) -> Read:
    rows = [tuple(row) for row in csv.reader(text.splitlines(keepends=True), strict=True)]
    assert rows[0], "a heading, also where there is no row"
    assert {len(row) for row in rows} <= {len(rows[0])}, "each row is as wide as the heading"
    assert len({*rows[0]}) == len(rows[0]), "no column stands twice"
    return Read(tuple(rows))


def _markdown(text: str) -> Read:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in lines]
    assert {len(row) for row in rows} == {len(rows[0])}, "each row is as wide as the heading"
    heads = [at for at, row in enumerate(rows) if all(re.fullmatch(":?-+:?", cell) for cell in row)]
    assert heads[:1] == [1], "a heading, and a rule below it"
    return Read(tuple(row for at, row in enumerate(rows) if at not in heads))


class _Page(Tags):
    """The cells of tables as well."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & {*self.open}:
            self.rows[-1][-1] += data


def _html(text: str) -> Read:
    page = _Page()
    page.feed(text)
    page.close()
    assert text.startswith("<!doctype html>")
    assert not page.open, f"{page.open} stay open"
    assert page.seen[:2] == ["html", "head"]
    assert page.seen.count("body") == 1
    return Read(tuple(tuple(cell.strip() for cell in row) for row in page.rows))


def _latex(text: str) -> Read:
    plain = re.sub(r"\\[\\{}%&]|(?<!\\)%.*", "", text)
    assert plain.count("{") == plain.count("}"), "braces are closed"
    begun = re.findall(r"\\(begin|end)\{(\w+)\}", text)
    open_: list[str] = []
    for word, name in begun:
        assert word == "begin" or open_.pop() == name
        if word == "begin":
            open_.append(name)
    assert not open_
    return Read()


def _xml(root: str) -> Callable[[str], Read]:
    def reader(text: str) -> Read:
        found = ET.fromstring(text)
        assert found.tag.rpartition("}")[2] == root
        return Read()

    return reader


def _sarif(text: str) -> Read:
    data = _json(text).data
    assert data["version"] == "2.1.0"
    assert all(run["tool"]["driver"]["name"] == "convcost" for run in data["runs"])
    return Read(data=data)


def _github(text: str) -> Read:
    said = [line for line in text.splitlines() if line.startswith("::")]
    for line in said:
        assert re.fullmatch(r"::(error|warning|notice)( \w+=[^,:]*(,\w+=[^,:]*)*)?::.+", line), line
    return Read()


def _yaml(text: str) -> Read:
    return Read(data=yaml.safe_load(text))


_READERS: dict[str, Callable[[str], Read]] = {
    "table": _table,
    "text": _table,
    "json": _json,
    "csv": _csv,
    "markdown": _markdown,
    "html": _html,
    "latex": _latex,
    "tikz": _latex,
    "svg": _xml("svg"),
    "junit": _xml("testsuites"),
    "sarif": _sarif,
    "github": _github,
    "yaml": _yaml,
}
