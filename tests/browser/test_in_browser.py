"""Pages as a reader sees them: they open without a network, sort, fold, explain, and fit a phone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

import convcost
from convcost.cli.main import main
from convcost.frontier import frontier

COMMANDS = [
    ("report", "mobilenet_v2"),
    ("report", "resnet50", "--convention", "thop", "--by", "stage"),
    ("report", "lenet5"),
    ("frontier", "--family", "mobilenet*"),
    ("compare", "--input", "6x6x3", "--filters", "5", "--kernel", "3"),
    ("reconcile", "resnet50", "thop"),
    ("list", "vgg*"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_and_fits(opened: Callable[..., Any], command: tuple[str, ...], width: int, scheme: str) -> None:
    page = opened(*command, width=width, scheme=scheme).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)" if scheme == "light" else "rgb(13, 17, 23)"
    )
    assert page.locator("h1").count() == 1
    assert (
        page.evaluate(
            "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i)"
        )
        == []
    )
    small = "[...document.querySelectorAll('svg text')].filter(t => t.getBoundingClientRect().width > 0)"
    sizes = page.evaluate(
        f"{small}.map(t => parseFloat(getComputedStyle(t).fontSize) * Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b))"
    )
    assert all(size >= 8.5 for size in sizes), min(sizes)


def shown_rows(page: Any) -> list[list[str]]:
    rows: list[list[str]] = page.evaluate(
        "[...document.querySelectorAll('#layer-table tbody tr')].filter(r => r.offsetParent)"
        ".map(r => [...r.cells].map(c => c.textContent.trim()))"
    )
    return rows


def test_layers_fold_and_sort(opened: Callable[..., Any]) -> None:
    report = convcost.load("mobilenet_v2").report()
    page = opened("report", "mobilenet_v2").page
    assert [row[0] for row in shown_rows(page)][:2] == ["stem", "stage1"]  # a long table opens folded
    page.get_by_role("button", name="stem", exact=True).click()
    assert [row[0] for row in shown_rows(page)][1] == report.layers[0].name
    page.get_by_role("button", name="Unfold all").click()
    groups = sum(1 for stage in report.by("stage") if stage.layers > 1)
    assert len(shown_rows(page)) == len(report.layers) + groups
    page.get_by_role("button", name="Fold all", exact=True).click()
    page.get_by_role("button", name="MACs", exact=True).click()
    sums = [int(row[5].replace(",", "")) for row in shown_rows(page)]
    assert sums == sorted((stage.macs for stage in report.by("stage")), reverse=True)
    page.get_by_role("button", name="MACs", exact=True).click()
    assert [int(row[5].replace(",", "")) for row in shown_rows(page)] == sums[::-1] or sums.count(0) > 1
    assert page.locator("#layer-table thead th[aria-sort=ascending]").count() == 1


def test_an_explanation_opens_by_keyboard_with_formula_and_value(opened: Callable[..., Any]) -> None:
    page = opened("report", "alexnet").page
    name = page.locator("#layer-table tbody tr:not(.group) > th > button", has_text="conv2").first
    assert name.get_attribute("aria-expanded") == "false"
    name.focus()
    page.keyboard.press("Enter")
    assert name.get_attribute("aria-expanded") == "true"
    text = page.locator("tr.explanation").inner_text()
    assert "27·27·256·5·5·96/2" in text  # Krizhevsky and others: 256 kernels of 5×5×48 on 27×27 maps
    assert "223,948,800" in text
    page.get_by_role("button", name="params", exact=True).click()  # sorting takes the explanation along
    assert "conv2" in page.locator("tr.explanation").evaluate("r => r.previousElementSibling.cells[0].textContent")
    page.keyboard.press("Shift+Tab")
    name.click()
    assert page.locator("tr.explanation").count() == 0


def test_every_explanation_is_of_its_own_layer(opened: Callable[..., Any]) -> None:
    report = convcost.load("squeezenet1_0").report()
    page = opened("report", "squeezenet1_0").page
    macs = page.evaluate(
        """[...document.querySelectorAll("#layer-table tbody tr:not(.group) > th > button")].map(button => {
            button.click();
            const rows = [...button.closest("tr").nextElementSibling.querySelectorAll("tbody tr")];
            const found = rows.find(row => row.cells[0].textContent === "MACs").cells[3].textContent;
            button.click();
            return [button.textContent, found];
        })"""
    )
    assert dict(macs) == {layer.name: f"{layer.macs:,}" for layer in report.layers}


def points(page: Any) -> int:
    return int(page.locator("#pareto .scatterlayer .point").count())


def test_the_landscape_shows_every_point_hovers_and_hides_a_family(opened: Callable[..., Any]) -> None:
    found = frontier()
    page = opened("frontier").page
    page.wait_for_selector("#pareto .scatterlayer .point", state="attached")
    assert points(page) == len(found.points)
    assert page.locator("#points tbody tr").count() == len(found.points)
    family = found.families[0]
    count = sum(point.measured.family == family for point in found.points)
    page.locator("#pareto .legend .traces", has_text=family).first.locator(".legendtoggle").click()
    page.wait_for_function(
        f"document.querySelectorAll('#pareto .scatterlayer .point').length === {len(found.points) - count}"
    )


def told(page: Any, mark: Any) -> str:
    """What a pointer over a mark is told; on a busy machine plotly may miss a move, or still be drawing."""
    from playwright.sync_api import TimeoutError as Late

    label = page.locator("#pareto .hoverlayer .hovertext")
    for _ in range(20):
        page.mouse.move(0, 0)  # away, so that the label of the mark before is gone
        try:
            label.first.wait_for(state="detached", timeout=1500)
            box = mark.bounding_box()
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            label.first.wait_for(state="attached", timeout=1500)
            return str(page.locator("#pareto .hoverlayer").text_content(timeout=1500))
        except Late:
            continue
    raise AssertionError("no label appears over the mark")


def test_hovering_tells_network_numbers_and_source(opened: Callable[..., Any]) -> None:
    page = opened("frontier", "--family", "MobileNetV1", "--source", "mobilenet_v1").page
    mark = page.locator("#pareto .scatterlayer .point")
    mark.first.wait_for(state="attached")
    said = [told(page, mark.nth(index)) for index in range(mark.count())]
    (one,) = {text for text in said if "1.0-224" in text}
    for part in ("568,740,352 MACs", "top-1 70.6 %", "mobilenet_v1", "arXiv 1704.04861, Table"):
        assert part in one


def test_a_legend_or_a_title_never_runs_out_of_a_picture(opened: Callable[..., Any]) -> None:
    for width in (1280, 390):
        page = opened("reconcile", "resnet50", "ptflops", width=width).page
        outside = page.evaluate(
            """[...document.querySelectorAll("svg text")].filter(text => {
                const [box, frame] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
                return box.width && (box.left < frame.left - 1 || box.right > frame.right + 1);
            }).map(text => text.textContent)"""
        )
        assert outside == []


def test_what_a_page_shows_is_what_json_says(opened: Callable[..., Any]) -> None:
    page = opened("report", "efficientnet_b0").page
    totals = json.loads(CliRunner().invoke(main, ["report", "efficientnet_b0", "--format", "json"]).stdout)["totals"]
    foot = [cell.strip() for cell in page.locator("#layer-table tfoot tr > *").all_inner_texts()]
    assert foot[4:7] == [f"{totals[name]:,}" for name in ("params", "macs", "activations")]
    assert f"{totals['macs']:,}" in page.locator(".cards").inner_text()
