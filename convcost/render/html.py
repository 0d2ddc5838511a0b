"""The one page template: self-contained HTML, light and dark, for keyboard, screen reader and phone.

A page is a title, sections of finished HTML, and facts at its foot. The functions here write the pieces; what is
plain text is escaped here and nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from convcost.render.cells import bar, bars_of, columns_of, without_blocks
from convcost.render.escape import in_html, printable
from convcost.render.palette import css

SCRIPTS = ("save.js", "tables.js", "figures.js")
"""What every table and every picture of a page can do."""


class Section(NamedTuple):
    """One part of a page."""

    key: str
    """Its anchor."""
    heading: str
    body: str
    """Finished HTML."""
    about: str = ""


class Card(NamedTuple):
    """One number at the top of a page."""

    name: str
    short: str
    exact: str = ""
    key: str = ""
    """An id, where a script changes the number."""


@lru_cache(maxsize=8)
def asset(name: str) -> str:
    """The text of a file in the folder `assets`, without its comments and indentation."""
    with open(os.path.join(os.path.dirname(__file__), "assets", name), encoding="utf-8") as file:
        lines = (line.strip() for line in file)
        return "".join(f"{line}\n" for line in lines if not line.startswith("//"))


def page(
    title: str,
    sections: Sequence[Section],
    *,
    subtitle: str = "",
    top: str = "",
    facts: Iterable[tuple[str, str]] = (),
    scripts: Sequence[str] = (),
    style: str = "",
) -> str:
    """A whole page; `top` is finished HTML above the sections, `facts` are its footer, `scripts` run at its end.

    `style` is what only this kind of page has.

    >>> "<h1>a &amp; b</h1>" in page("a & b", [Section("x", "X", "<p>y</p>")])
    True
    """
    links = "".join(f'<li><a href="#{s.key}">{in_html(s.heading)}</a></li>' for s in sections if s.heading)
    nav = f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n' if links.count("<li>") > 2 else ""
    foot = "".join(f"<dt>{in_html(word)}</dt><dd>{in_html(said)}</dd>\n" for word, said in facts)
    body = f"""<body>
<a class="skip" href="#main">Skip to content</a>
<header>
<h1>{in_html(title)}</h1>
{f'<p class="sub">{in_html(subtitle)}</p>' if subtitle else ""}
{nav}</header>
<main id="main">
{top}
{"".join(map(_section, sections))}</main>
<footer>
<dl>
{foot}</dl>
</footer>
{"".join(f"<script>{script}</script>" + chr(10) for script in (*map(asset, SCRIPTS), *scripts))}</body>
"""
    styles = f'<style id="palette">\n{css()}\n</style>\n<style>\n{asset("page.css")}{style}{_sizes(body)}</style>\n'
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(styles + body)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{in_html(title)}</title>
<link rel="icon" href="data:,">
{styles}</head>
{body}</html>
"""


_SIZED = re.compile(r' class="(?:[^"]* )?([bw])(\d+)"')


def _sizes(body: str) -> str:
    r"""The rules of the classes that say how long a bar is, in per cent, and how wide a picture, in pixels.

    >>> _sizes('<td class="n bar b33"></td><svg class="w1064"></svg>')
    '.b33{--bar:33}.w1064{--wide:66.5rem}\n'
    """
    rules = {"b": ".b{0}{{--bar:{0}}}", "w": ".w{0}{{--wide:{1:g}rem}}"}
    used = sorted({(kind, int(size)) for kind, size in _SIZED.findall(body)})
    return "".join(rules[kind].format(size, size / 16) for kind, size in used) + "\n" * bool(used)


def _policy(page: str) -> str:
    """What a browser lets the page do: run just these scripts in just this style, and ask nobody for anything.

    A style in an attribute does not count, nor does a script that comes with a text. A picture that is saved as PNG is `data:`.
    """
    allowed = "; ".join(f"{kind}-src {_digests(page, kind)}" for kind in ("style", "script"))
    return f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; {allowed}; require-trusted-types-for 'script'"


def _digests(page: str, tag: str) -> str:
    """The digests of all that stands in such a tag."""
    found = dict.fromkeys(re.findall(rf"<{tag}(?: id=\"\w+\")?>(.*?)</{tag}>", page, re.DOTALL))
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def _section(section: Section) -> str:
    heading = f'<h2 id="{section.key}-title">{in_html(section.heading)}</h2>\n' if section.heading else ""
    named = f' aria-labelledby="{section.key}-title"' if heading else ""
    about = f'<p class="about">{in_html(section.about)}</p>\n' if section.about else ""
    return f'<section id="{section.key}"{named}>\n{heading}{about}{section.body}\n</section>\n'


def cards(numbers: Iterable[Card]) -> str:
    """Numbers in a row: what it is, short for the eye, exact below."""

    def item(card: Card) -> str:
        key = f' id="{card.key}"' if card.key else ""
        exact_key = f' id="{card.key}-exact"' if card.key else ""
        return f'<li>{in_html(card.name)}<b{key}>{in_html(card.short)}</b><span class="exact"{exact_key}>{in_html(card.exact)}</span></li>'

    return f'<ul class="cards">{"".join(map(item, numbers))}</ul>\n'


def chart(label: str, wide: str, narrow: str = "", *, caption: str = "") -> str:
    """A figure with its description; the narrow drawing replaces it on a phone."""
    shown = f"<figcaption>{in_html(caption)}</figcaption>" if caption else ""
    small = f'<div class="narrow">{narrow}</div>' if narrow else ""
    kind = ' class="has-narrow"' if narrow else ""
    picture = f'<div role="img" aria-label="{in_html(label)}"><div class="wide-picture">{wide}</div>{small}</div>'
    return f"<figure{kind}>{shown}{picture}</figure>\n"


_LONG = 32
"""From so many characters on the words of a column wrap."""


def head_row(headers: Sequence[str], numeric: Sequence[bool]) -> str:
    """The head of a table; a script makes buttons of its cells where the table sorts."""
    cells = [f'<th scope="col"{_right(number)}>{in_html(text)}</th>' for text, number in zip(headers, numeric)]
    return f"<thead><tr>{''.join(cells)}</tr></thead>\n"


def row(
    cells: Sequence[str],
    numeric: Sequence[bool],
    *,
    head: int = 0,
    bars: Sequence[float | None] = (),
    long: Collection[int] = (),
    linked: Collection[int] = (),
    breaks: bool = False,
    attributes: str = "",
) -> str:
    """A row of a table: the cell at `head` names it, `bars` are drawn in per cent of their columns, `long` cells wrap.

    In cells that are `linked` the numbers of arXiv lead there; a name that `breaks` may do so behind each `_`.
    """
    made = []
    for at, (text, number) in enumerate(zip(cells, numeric, strict=True)):
        part = bars[at] if bars else None
        classes = ["n"] * number + ["long"] * (at in long) + (["bar", bar(part)] if part is not None else [])
        named = f' class="{" ".join(filter(None, classes))}"' if any(classes) else ""
        tag, scope = ("th", ' scope="row"') if at == head else ("td", "")
        shown = with_links(text) if at in linked else in_html(text)
        if breaks and at == head:
            shown = shown.replace("_", "_<wbr>")
        made.append(f"<{tag}{scope}{named}>{shown}</{tag}>")
    return f"<tr{attributes}>{''.join(made)}</tr>\n"


_ARXIV = re.compile(r"arXiv (\d{4}\.\d{4,5})")


def with_links(text: str) -> str:
    """A text with its arXiv numbers as links; a page asks for nothing until somebody follows one.

    >>> with_links("Lin & al., arXiv 1708.02002, Figure 3")
    'Lin &amp; al., <a href="https://arxiv.org/abs/1708.02002" rel="noreferrer">arXiv 1708.02002</a>, Figure 3'
    """
    return _ARXIV.sub(r'<a href="https://arxiv.org/abs/\1" rel="noreferrer">arXiv \1</a>', in_html(text))


def table(
    headers: Sequence[str],
    numeric: Sequence[bool],
    rows: Sequence[Sequence[str]],
    total: Sequence[str] | None = None,
    *,
    label: str = "",
    key: str = "",
    sortable: bool | None = None,
    records: Sequence[Mapping[str, Any]] = (),
    minor: Sequence[int] = (),
) -> str:
    """A table of text.

    A script lets it be sorted and searched if it is `sortable`: if told so, or where each row has a name. A
    table with a key draws its shares as bars, and its exact `records` can be saved as CSV. On a phone its `minor` columns
    are hidden until they are asked for.
    """
    head = _head(numeric, rows)
    if sortable is None:
        sortable = len(rows) > 2 and all(cells[head] for cells in rows)
    bars = [bars_of(name, cells) if key else None for name, cells in zip(headers, zip(*rows))]
    widest = [max(map(len, cells)) for cells in zip(*rows)]
    long = [at for at, size in enumerate(widest) if size > _LONG and not numeric[at]]
    body = []
    for at, cells in enumerate(rows):
        parts = [part[at] if part else None for part in bars]
        texts = [cell if part is None else without_blocks(cell) for cell, part in zip(cells, parts, strict=True)]
        body.append(row(texts, numeric, head=head, bars=parts, long=long))
    foot = f"<tfoot>{row(total, numeric, head=head)}</tfoot>\n" if total else ""
    made = f"{head_row(headers, numeric)}<tbody>\n{''.join(body)}</tbody>\n{foot}"
    attributes = ' class="sortable"' if sortable else ""
    hidden = sorted({*range(head), *minor}) if minor else []
    attributes += f' data-minor="{" ".join(map(str, hidden))}"' if hidden else ""
    return framed(made, label=label, key=key, attributes=attributes, records=records)


def _head(numeric: Sequence[bool], rows: Sequence[Sequence[str]]) -> int:
    """The column that names the rows: of the first two the one whose words differ, else the first.

    Where the first goes on in rows below, left empty there, it is that one: such rows belong together.

    >>> _head((True, False), [["1", "conv1"], ["2", "conv2"]]), _head((True, False), [["8", "yes"], ["16", "yes"]])
    (1, 0)
    >>> _head((False, False), [["separable", "depthwise"], ["", "pointwise"]])
    0
    """
    if not all(numeric[0] or cells[0] for cells in rows):
        return 0
    words = [at for at, number in enumerate(numeric[:2]) if not number]
    return next((at for at in words if len({cells[at] for cells in rows}) == len(rows)), 0)


def framed(
    inner: str, *, label: str = "", key: str = "", attributes: str = "", records: Sequence[Mapping[str, Any]] = ()
) -> str:
    """A table in a frame that scrolls, also by keyboard, where it is wider than the page; behind it its exact records."""
    named = in_html(label or "Table")
    kept = data(f"{key}-records", columns_of(records)) if records and key else ""
    identity = f' id="{key}"' if key else ""
    made = f"<table{identity}{attributes}>\n{inner}</table>"
    return f'<div class="wide tall" tabindex="0" role="region" aria-label="{named}">\n{made}\n</div>\n{kept}'


def data(key: str, content: Any) -> str:
    """JSON data for a script of the page, which shows its texts as they are."""
    text = json.dumps(_printable(content), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{key}">{text}</script>\n'


def _printable(content: Any) -> Any:
    if isinstance(content, str):
        return printable(content)
    if isinstance(content, dict):
        return {printable(key): _printable(value) for key, value in content.items()}
    return [_printable(one) for one in content] if isinstance(content, (list, tuple)) else content


def notes(pairs: Iterable[tuple[str, str]]) -> str:
    """The notes below a table."""
    said = "".join(f"<dt>{in_html(word)}</dt><dd>{in_html(text)}</dd>\n" for word, text in pairs)
    return f"<dl>\n{said}</dl>\n" if said else ""


def _right(number: bool) -> str:
    return ' class="n"' if number else ""
