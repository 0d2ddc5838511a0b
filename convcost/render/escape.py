r"""What a file says - titles, names, items, notes - written so that it stays words: a function for each destination.

Nothing that convcost read, and nothing that it was told on its command line, is markup, code or a command to a terminal
where it is shown again. LaTeX has its function in `convcost.render.latex`.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any


def printable(text: str) -> str:
    r"""A text on one line that a terminal shows as it stands.

    Ends of lines and tabs become blanks. What cannot be printed is spelled out: control characters, such as those that begin
    a terminal's commands, marks that turn the direction of writing, halves of characters.

    >>> print(printable("My network\nof two lines\n"), printable("\x1b[31mred \u202e"))
    My network of two lines \x1b[31mred \u202e
    """
    if text.isprintable():
        return text
    text = re.sub(r"[^\S\xa0]+", lambda blanks: blanks[0] if set(blanks[0]) == {" "} else " ", text).strip(" ")
    return "".join(char if char.isprintable() or char == "\xa0" else repr(char)[1:-1] for char in text)


def in_html(text: str) -> str:
    """A text as HTML and as SVG, between tags and in quoted attributes.

    >>> in_html("a < b & 'c'")
    'a &lt; b &amp; &#x27;c&#x27;'
    """
    return html.escape(printable(text))


def lines_in_html(text: str) -> str:
    r"""The lines of a text, as `in_html`.

    >>> lines_in_html("a\n<b>")
    'a\n&lt;b&gt;'
    """
    return "\n".join(map(in_html, text.split("\n")))


def in_figure(text: str) -> str:
    """A text as plotly's, which reads tags and entities in every title, name and label; `of_figure` reads it back.

    >>> in_figure("<b>R&D</b> -> x")
    '&lt;b>R&amp;D&lt;/b> -> x'
    """
    return printable(text).replace("&", "&amp;").replace("<", "&lt;")


def of_figure(text: str) -> str:
    """What plotly shows of a text: without its tags, its entities resolved.

    >>> of_figure("<b>R&amp;D</b>")
    'R&D'
    """
    return html.unescape(re.sub(r"</?(b|i|sup|sub)>", "", text))


_MARKDOWN = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|$)"  # an escape
    r"|[`|$]"  # code, the next cell, a formula
    r"|\*(?! )|(?<! )\*|~(?! )|(?<! )~|(?<![^\W_])_|_(?![^\W_])"  # emphasis begins and ends at a word
    r"|<(?=[A-Za-z/!?])|&(?=#?\w+;)"  # raw HTML, an entity
    r"|\](?=[(\[:])|(?<= )#+$"  # a link, the end of a heading
)


def in_markdown(text: str) -> str:
    r"""A text as Markdown, in a line that begins with something else; only where it would say something else than itself is a character escaped.

    >>> print(in_markdown("s1_conv 3×3 <= 5 [1]"), in_markdown("a|b <img> [x](y) **z** _q_"))
    s1_conv 3×3 <= 5 [1] a\|b \<img> [x\](y) \*\*z\*\* \_q\_
    """
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}", printable(text))


_FORMULA = re.compile(r"(?<![^;])'*[=+\-@＝＋－＠](?!$)", re.DOTALL)
"""How a cell begins that a spreadsheet would run, or that would be taken for one which is marked; where the comma is that
of decimals, a cell begins after every semicolon.
"""
_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?: ?%)?", re.IGNORECASE | re.ASCII)


def in_csv(value: Any) -> Any:
    """A value as a cell of CSV that a spreadsheet shows and does not run: what begins like a formula has an apostrophe before it.

    Numbers stay numbers, and `from_csv` takes the apostrophes off again.

    >>> in_csv("=1+1"), in_csv("'=1+1"), in_csv("-5"), in_csv(-5), in_csv("a=b"), in_csv("a;=1+1")
    ("'=1+1", "''=1+1", '-5', -5, 'a=b', "a;'=1+1")
    """
    if not isinstance(value, str):
        return value
    text = printable(value)
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(lambda found: f"'{found[0]}", text)


def from_csv(cell: str) -> str:
    """The text of a cell, whether it was marked as no formula or not.

    >>> from_csv("'=1+1"), from_csv("'quoted'"), from_csv("a;'=1+1")
    ('=1+1', "'quoted'", 'a;=1+1')
    """
    return _FORMULA.sub(lambda found: found[0].replace("'", "", 1), cell)


def in_json(text: str) -> str:
    r"""JSON in which characters that cannot be printed are escapes: it says the same, and is no command to a terminal.

    >>> print(in_json('"\x9b31m"'))
    "\u009b31m"
    """
    if text.replace("\n", "").isprintable():
        return text
    return re.sub(r"[^ -~\n]", lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)
