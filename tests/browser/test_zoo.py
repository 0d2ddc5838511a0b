"""The page of the zoo as a reader uses it: searched, filtered, sorted, on a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from helpers.pages import until_same

from convcost import UsageError, list_networks
from convcost.networks.listing import list_table

pytestmark = pytest.mark.usefixtures("one_list", "keeping")
NAMES = """[...document.querySelectorAll('#zoo-table tbody tr')].filter(row => row.offsetParent)
    .map(row => row.cells[0].textContent)"""


def names(page: Any) -> list[str]:
    """The networks that show."""
    found: list[str] = page.evaluate(NAMES)
    return found


def test_filters_find_what_the_command_finds(opened: Callable[..., Any]) -> None:
    page = opened("list").page
    every = list(list_networks())
    assert names(page) == every
    page.get_by_label("Task", exact=True).select_option("detection")
    assert names(page) == list(list_networks(task="detection"))
    page.get_by_label("MACs at most").fill("10 g")
    assert names(page) == list(list_networks(task="detection", max_macs="10G"))
    assert f"of {len(every)} rows match" in page.locator("#networks [role=status]").inner_text()
    assert page.locator("code").inner_text() == "convcost list --task detection --max-macs 10g"
    page.get_by_role("button", name="Clear").click()
    assert names(page) == every
    assert not page.locator("code").is_visible()
    page.get_by_label("Years").fill("2018 – 2019")
    page.get_by_label("Params at most").fill("5,000,000")
    assert names(page) == list(list_networks(year="2018-2019", max_params="5M"))
    page.get_by_label("Family", exact=True).select_option("MobileNetV3")
    assert names(page) == list(list_networks(family="MobileNetV3", year="2018-2019", max_params="5M"))


def test_under_another_convention_filter_and_command_find_the_same(opened: Callable[..., Any]) -> None:
    page = opened("list", "--convention", "thop").page
    page.get_by_label("MACs at most").fill("4.1G")
    shown = names(page)
    assert "resnet50" not in shown  # 4,133,742,592 with what thop counts of norms and pools; 4,089,184,256 of its paper
    assert page.locator("code").inner_text() == "convcost list --convention thop --max-macs 4.1G"
    assert shown == [one["name"] for one in list_table((), "thop", max_macs="4.1G").records]


def test_a_search_narrows_what_filters_leave_and_columns_sort(opened: Callable[..., Any]) -> None:
    page = opened("list").page
    page.get_by_label("Search Networks of the zoo").fill("1512.03385")
    found = names(page)
    assert "resnet50" in found
    assert "resnet110" in found
    page.get_by_label("MACs at most").fill("1G")
    assert "resnet50" not in names(page)
    assert "resnet110" in names(page)
    page.get_by_label("MACs at most").fill("")
    page.get_by_role("button", name="MACs", exact=True).click()
    # arXiv 1512.03385, Table 1: 11.3, 7.6 and 3.8 G; of Table 6 the network of 20 layers at 32 pixels costs least
    deep = [name for name in names(page) if name in ("resnet50", "resnet101", "resnet152", "resnet20")]
    assert deep == ["resnet152", "resnet101", "resnet50", "resnet20"]
    assert names(page)[-1] == "resnet20"


@pytest.mark.parametrize("field", ["Years", "MACs at most", "Params at most"])
def test_what_cannot_be_read_is_marked_and_filters_nothing(opened: Callable[..., Any], field: str) -> None:
    page = opened("list", "vgg*").page
    every = names(page)
    page.get_by_label(field).fill("x")
    assert page.get_by_label(field).get_attribute("aria-invalid") == "true"
    assert names(page) == every
    if field == "Years":
        page.get_by_label(field).fill("2026-2018")
        assert page.get_by_label(field).get_attribute("aria-invalid") == "true"
    page.get_by_label(field).fill("2014" if field == "Years" else "1k")
    assert page.get_by_label(field).get_attribute("aria-invalid") == "false"
    assert names(page) == (every if field == "Years" else [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_names_and_counts_without_scrolling_sideways(opened: Callable[..., Any], scheme: str) -> None:
    page = opened("list", width=390, scheme=scheme).page
    until_same(page, "document.documentElement.scrollWidth", 390)
    heads = page.locator("#zoo-table thead th:visible")
    assert [text.strip() for text in heads.all_inner_texts()] == ["network", "params", "MACs"]
    assert page.evaluate("document.querySelector('.wide').scrollWidth <= document.querySelector('.wide').clientWidth")
    page.get_by_text("Columns").click()
    page.get_by_label("source", exact=True).check()
    assert page.locator("#zoo-table a[href='https://arxiv.org/abs/1404.5997']").first.is_visible()


@pytest.mark.parametrize("text", ["1E6", "0.3B", "25Mi", "62,006", "1.5", "1,2,3", "constructor"])
def test_counts_are_read_as_on_the_command_line(opened: Callable[..., Any], text: str) -> None:
    page = opened("list", "lenet*", "mobilenet_v2*").page
    try:
        right = list(list_networks("lenet*", "mobilenet_v2*", max_macs=text))
    except UsageError:
        right = None
    every = names(page)
    page.get_by_label("MACs at most").fill(text)
    assert names(page) == (every if right is None else right)
    assert page.get_by_label("MACs at most").get_attribute("aria-invalid") == str(right is None).lower()
