"""Templates of pages: what is text stays text."""

from __future__ import annotations

from convcost.render import html
from convcost.render.cells import columns_of
from convcost.render.escape import in_html

HOSTILE = "</script><img src=x onerror=alert(1)>&\"'"


def test_the_template_escapes_what_is_text() -> None:
    cards = html.cards([html.Card(HOSTILE, HOSTILE, HOSTILE)])
    table = html.table(("a", HOSTILE), (False, True), [[HOSTILE, HOSTILE]], label=HOSTILE)
    page = html.page(
        HOSTILE, [html.Section("k", HOSTILE, cards + table, HOSTILE)], subtitle=HOSTILE, facts=[(HOSTILE, HOSTILE)]
    )
    assert "<img" not in page
    assert page.count(in_html(HOSTILE)) >= 10


def test_of_rows_that_are_all_the_same_it_is_kept_how_many_there_are() -> None:
    assert columns_of([{"op": "add", "n": 1}] * 3) == [["op", ["add"], [0, 0, 0]], ["n", [1], 0]]
    assert columns_of([{"op": "add", "n": 1}]) == [["op", ["add"], 0], ["n", [1], 0]]
