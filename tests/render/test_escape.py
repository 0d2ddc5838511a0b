"""One function for each destination, which nothing goes around; what each writes, by hand."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

import convcost
from convcost.render.escape import from_csv, in_csv, in_figure, in_html, in_json, in_markdown, of_figure, printable

PACKAGE = Path(convcost.__file__).parent
#: What only the modules beside it may use, so that all others go through their functions.
ONLY = {
    r"\bhtml\.escape\(|from html import .*\bescape\b|xml\.sax": {"render/escape.py"},
    r"\bcsv\.(Dict)?[wW]riter\(": {"render/table.py", "space/writers.py"},
    r"Content-Security-Policy": {"render/html.py"},
}


@pytest.mark.parametrize("pattern", ONLY)
def test_nothing_goes_around_the_functions(pattern: str) -> None:
    files = PACKAGE.rglob("*.py")
    using = {str(file.relative_to(PACKAGE).as_posix()) for file in files if re.search(pattern, file.read_text("utf-8"))}
    assert using == ONLY[pattern]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("畳み込み 3×3 é ∞", "畳み込み 3×3 é ∞"),
        ("  indented", "  indented"),
        ("two\nlines\n", "two lines"),
        ("a\r\n\t b\u2028c\x85", "a b c"),
        ("\x1b]0;t\x07", r"\x1b]0;t\x07"),
        ("\x9b1m\x7f\x00", r"\x9b1m\x7f\x00"),
        ("a\u202eb\u2066c\u200f", r"a\u202eb\u2066c\u200f"),
        ("\udcff\ufeff", r"\udcff\ufeff"),
        ("1\xa0MiB", "1\xa0MiB"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("s1_conv 3×3, stage_1.block_2, 2 * 3, a ~ b, <= 5, -> x, R&D, #5, [1] (2)", None),
        ("snake_ _q_ __x__", r"snake\_ \_q\_ \_\_x\_\_"),
        ("*a* **b** 2*3", r"\*a\* \*\*b\*\* 2\*3"),
        ("~~gone~~", r"\~\~gone\~\~"),
        ("<b> </b> <!-- <?x", r"\<b> \</b> \<!-- \<?x"),
        ("&lt; &#60; & x", r"\&lt; \&#60; & x"),
        ("[a](b) ![a](b) [a][b] [a]: b", r"[a\](b) ![a\](b) [a\][b] [a\]: b"),
        ("a|b `c` $d$", r"a\|b \`c\` \$d\$"),
        (r"C:\new \* \\", r"C:\new \\\* \\\\"),
        ("# x ##", r"# x \##"),
        ("-5 %", None),
    ],
)
def test_markdown_is_escaped_where_it_would_say_something(text: str, source: str | None) -> None:
    assert in_markdown(text) == (text if source is None else source)


@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
def test_a_cell_is_no_formula(sign: str) -> None:
    assert in_csv(f"{sign}cmd|' /C calc'!A0") == f"'{sign}cmd|' /C calc'!A0"
    assert in_csv(f"\t\n {sign}1+1") == f"'{sign}1+1"
    assert in_csv(sign) == sign
    # Where the comma is that of decimals, a semicolon ends a cell, quoted as a whole or not.
    assert in_csv(f"a;{sign}1+1;'{sign}2") == f"a;'{sign}1+1;''{sign}2"
    assert in_csv(f"{sign}1;{sign}2") == f"'{sign}1;'{sign}2"


@pytest.mark.parametrize("length", range(7))
def test_a_cell_is_read_as_it_was_written(length: int) -> None:
    for letters in product("';=a", repeat=length):
        text = "".join(letters)
        assert from_csv(in_csv(text)) == text


@pytest.mark.parametrize("value", ["-5", "+5.25", "-1,234.5", "+19 %", "-1e-3", -5, 2.5, True, None, "a=b", "5-3", "'"])
def test_numbers_and_other_words_are_cells_as_they_are(value: object) -> None:
    assert in_csv(value) is value or in_csv(value) == value


def test_tags_and_entities_are_letters() -> None:
    assert in_html("<a href=\"x\" b='c'>&\n") == "&lt;a href=&quot;x&quot; b=&#x27;c&#x27;&gt;&amp;"
    assert in_figure("<br>&lt;\n<b>") == "&lt;br>&amp;lt; &lt;b>"
    assert of_figure("<b>a</b><sup>2</sup> " + in_figure("<b>&lt;")) == "a2 <b>&lt;"


def test_json_says_the_same_in_escapes() -> None:
    text = '{\n  "a": "é\x9b\u202e\udcff\U000e0001"\n}'
    assert in_json(text) == '{\n  "a": "é\\u009b\\u202e\\udcff\\udb40\\udc01"\n}'
