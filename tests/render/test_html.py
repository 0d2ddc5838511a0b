"""Templates of pages: what is text stays text."""

from __future__ import annotations

from convcost.render import html
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
