"""Pictures of architectures in a real browser: text stays where the tables of widths say, and boxes unfold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.zoo import loaded

from convcost.diagrams.architecture.extents import label_extent

MEASURED = """() => [...document.querySelectorAll("text")].map(text => {
    const box = text.getBBox();
    return [text.textContent, box.x, box.x + box.width];
})"""


@pytest.mark.parametrize("name", ["mobilenet_v2", "unet", "googlenet", "nasnet_mobile", "vit_b_16"])
def test_no_text_is_wider_than_it_was_taken_for(chromium: Any, tmp_path: Path, name: str) -> None:
    diagram = loaded(name).diagram()
    path = tmp_path / "net.svg"
    path.write_text(diagram.svg(), encoding="utf-8")
    page = chromium.new_page()
    page.goto(path.as_uri())
    measured = page.evaluate(MEASURED)
    page.close()
    assert [text for text, *_ in measured] == [label.text for label in diagram.labels]
    for label, (text, left, right) in zip(diagram.labels, measured):
        room = label_extent(label)
        assert room.left - 0.75 <= left, text
        assert right <= room.right + 0.75, text


@pytest.mark.parametrize("width", [1280, 390])
def test_a_click_shows_what_is_inside_and_a_second_hides_it(opened: Callable[..., Any], width: int) -> None:
    page = opened("draw", "mobilenet_v2", width=width).page
    shown = page.locator(".unfolded:visible h3")
    assert shown.count() == 0
    stage = page.locator("figure [data-opens][aria-label='stage3']:visible")
    stage.click()
    assert shown.all_inner_texts() == ["stage3"]
    page.locator(".unfolded:visible [data-opens]").first.press("Enter")
    assert shown.all_inner_texts() == ["stage3", "stage3.block1"]
    page.locator("figure [data-opens][aria-label='stage4']:visible").click()
    assert shown.all_inner_texts() == ["stage4"]
    page.locator("figure [data-opens][aria-label='stage4']:visible").click()
    assert shown.count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
