"""Pages as a reader sees them: they open without a network, sort, fold, explain, and fit a phone."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

import convcost
from convcost.published.frontier import frontier

if TYPE_CHECKING:
    from helpers.cli import Cli

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


LETTERING = """() => {
    const shown = [...document.querySelectorAll("figure svg text")].filter(text => text.getBoundingClientRect().width > 0);
    const sizes = shown.map(text => parseFloat(getComputedStyle(text).fontSize) * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b));
    const small = document.querySelector("footer");
    return [Math.min(...sizes), Math.max(...sizes), parseFloat(getComputedStyle(small).fontSize)];
}"""


@pytest.mark.parametrize("width", [1600, 1280, 1000, 700, 390])
@pytest.mark.parametrize(
    "command", [("report", "mobilenet_v2"), ("explore", "mobilenet_v2"), ("memory", "lenet5")], ids=" ".join
)
def test_lettering_is_as_large_as_the_small_text_of_the_page(
    opened: Callable[..., Any], command: tuple[str, ...], width: int
) -> None:
    page = opened(*command, width=width).page
    page.wait_for_selector("figure svg text >> visible=true")
    least, most, small = page.evaluate(LETTERING)
    assert 0.9 * small - 0.1 <= least <= most <= 1.1 * small + 0.1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_bytes_sort_by_size_whatever_their_unit(opened: Callable[..., Any]) -> None:
    """From 540 KiB to 2.87 MiB."""
    grid = ["--over", "width=0.25:2:0.25", "--over", "resolution=96:448:32"]
    page = opened("fit", "mobilenet_v2", "--max-macs", "300M", *grid, "--dtype", "int8").page
    page.get_by_role("button", name="peak bytes", exact=True).click()
    texts = page.locator("table.sortable tbody tr td:nth-of-type(4)").all_text_contents()
    assert {text.split()[1] for text in texts} == {"KiB", "MiB"}
    sizes = [Fraction(text.split()[0]) * {"KiB": 1, "MiB": 1024}[text.split()[1]] for text in texts]
    assert sizes == sorted(sizes, reverse=True)


def test_an_explanation_opens_by_keyboard_with_formula_and_value(opened: Callable[..., Any]) -> None:
    page = opened("report", "alexnet").page
    page.get_by_role("button", name="layers", exact=True).click()
    name = page.locator("#layer-table tbody tr.k3 > th > button", has_text="conv2").first
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
    page.get_by_role("button", name="layers", exact=True).click()
    page.get_by_label("in groups").uncheck()  # so that rows have their whole names
    macs = page.evaluate(
        """[...document.querySelectorAll("#layer-table tbody tr.k3 > th > button")].map(button => {
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


def test_what_a_page_shows_is_what_json_says(cli: Cli, opened: Callable[..., Any]) -> None:
    page = opened("report", "efficientnet_b0").page
    totals = cli.json("report", "efficientnet_b0")["totals"]
    foot = [cell.strip() for cell in page.locator("#layer-table tfoot tr > *").all_inner_texts()]
    assert foot[4:7] == [f"{totals[name]:,}" for name in ("params", "macs", "activations")]
    assert f"{totals['macs']:,}" in page.locator(".cards").inner_text()


def test_on_a_phone_every_family_of_the_landscape_is_at_hand(opened: Callable[..., Any]) -> None:
    found = frontier()
    page = opened("frontier", width=390).page
    page.wait_for_selector("#pareto .scatterlayer .point", state="attached")
    buttons = page.locator(".legend button")
    assert [text.split(" ", 1)[1] for text in buttons.all_text_contents()] == [*found.families, "front"]
    assert page.locator("#pareto .legend").count() == 0
    for box in [buttons.nth(at).bounding_box() for at in range(buttons.count())]:
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
    family = found.families[-1]
    count = sum(point.measured.family == family for point in found.points)
    last = page.get_by_role("button", name=family, exact=True)
    last.click()
    shown = "document.querySelectorAll('#pareto .scatterlayer .point').length"
    page.wait_for_function(f"{shown} === {len(found.points) - count}")
    assert last.get_attribute("aria-pressed") == "false"
    last.click()
    page.wait_for_function(f"{shown} === {len(found.points)}")
    last.dblclick()
    page.wait_for_function(f"{shown} === {count}")
