"""The course's picture in a real browser: its lettering fits where it was laid out, on a screen and on a phone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from convcost.render.rectangle import Rectangle

LAYERS = {
    "course": ("--input", "6x6x3", "--filters", "5", "--kernel", "3"),
    "large": ("--input", "224x224x3", "--filters", "512", "--kernel", "3", "--against", "separable", "--against", "inverted:6"),
}  # fmt: skip
BOXES = """() => {
    const svg = [...document.querySelectorAll("#picture svg")].find((one) => one.getClientRects().length);
    const box = (one) => { const r = one.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
    return [box(svg), ...[...svg.querySelectorAll("text")].map((one) => [...box(one), one.textContent])];
}"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", LAYERS)
def test_no_lettering_is_cut_off_or_overlaps(opened: Callable[..., Any], name: str, width: int) -> None:
    page = opened("compare", *LAYERS[name], width=width).page
    frame, *texts = page.evaluate(BOXES)
    assert len(texts) > 30
    # A line's box is higher than its letters: a fifth of it above and below is air.
    boxes = [
        (Rectangle(left, top + (bottom - top) / 5, right, bottom - (bottom - top) / 5), text)
        for left, top, right, bottom, text in texts
    ]
    assert [text for box, text in boxes if not Rectangle(*frame).holds(box)] == []
    assert [(one, other) for (a, one), (b, other) in combinations(boxes, 2) if a.meets(b)] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
