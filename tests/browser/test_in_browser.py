"""Pages as a reader sees them: they open without a network, sort, fold, explain, and fit a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from helpers.pages import until, until_same

import convcost
from convcost.diagrams.architecture.page import MOST
from convcost.diagrams.architecture.sheet import NAME, SIZE, TEXT
from convcost.published.frontier import frontier

if TYPE_CHECKING:
    from helpers.cli import Cli

COMMANDS = [
    ("report", "mobilenet_v2"),
    ("report", "resnet50", "--convention", "thop"),
    ("report", "lenet5"),
    ("frontier", "--family", "mobilenet*"),
    ("frontier", "--task", "detection"),
    ("compare", "--input", "6x6x3", "--filters", "5", "--kernel", "3"),
    ("reconcile", "resnet50", "thop"),
    ("list", "vgg*"),
    ("memory", "unet"),
    ("report", "vgg11", "vgg16", "--by", "stage"),
    ("sweep", "mobilenet_v2", "--over", "resolution=96,224", "--over", "width=0.5,1", "--over", "depth=1,2"),
    ("sweep", "mobilenet_v2", "--over", "resolution=96:224:32", "--over", "width=0.5,1"),
    ("rewrite", "vgg16", "--to", "separable"),
    ("diff", "mobilenet_v2", "mobilenet_v2:width=0.75"),
    ("report", "mobilenet_v2", "mobilenet_v1", "resnet50"),
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
    const shown = [...document.querySelectorAll("figure svg:not(.diagram) text")].filter(text => text.getBoundingClientRect().width > 0);
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
    assert 0.9 * small - 0.1 <= least <= most <= small + 0.1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


DIAGRAMS = """() => [...document.querySelectorAll("svg.diagram")].filter(one => one.getBoundingClientRect().width).map(one => ({
    column: one.parentElement.clientWidth - parseFloat(getComputedStyle(one.parentElement).paddingLeft),
    wide: one.viewBox.baseVal.width,
    drawn: [...one.querySelectorAll("text")].map(text => parseFloat(getComputedStyle(text).fontSize)),
    shown: [...one.querySelectorAll("text")].map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a),
}))"""


@pytest.mark.parametrize("width", [1600, 1280, 1000, 700, 390])
@pytest.mark.parametrize("model", ["mobilenet_v2", "unet"])
def test_lettering_of_an_architecture_is_in_steps_that_its_column_scales(
    opened: Callable[..., Any], model: str, width: int
) -> None:
    """How wide such a drawing is, its network decides, so that no one size fits: it fills its column within limits."""
    page = opened("report", model, width=width).page
    page.locator("#architecture figure [role=button]:visible").first.click()  # what is inside has the same letters
    pictures = page.evaluate(DIAGRAMS)
    assert len(pictures) == 2
    for picture in pictures:
        scale = min(MOST, max(1.0, picture["column"] / picture["wide"]))
        assert set(picture["drawn"]) <= {NAME, TEXT, SIZE}
        assert picture["shown"] == pytest.approx([size * scale for size in picture["drawn"]], rel=0.005)
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


MARKS = "#landscape .wide-picture [data-family] > *"
AWAKE = "#landscape .wide-picture [data-line]"


def family_at(page: Any, name: str) -> int:
    """The place of a family in the data of the page."""
    found = "JSON.parse(document.getElementById('landscape-data').textContent).families.findIndex(f => f.name === name)"
    return int(page.evaluate(f"name => {found}", name))


NAMES = """[...new Set([...document.querySelectorAll("#landscape .wide-picture [data-name]")].map(name => name.textContent))]
    .filter(name => name !== "Pareto front").sort()"""


def until_awake(page: Any, *families: str) -> None:
    """Wait until just these families stand out, by the names beside their lines; a pointer's move may be told of late."""
    until_same(page, NAMES, sorted({*families}))


@pytest.mark.usefixtures("costs_once")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_landscape_shows_every_point_and_wakes_what_is_chosen(opened: Callable[..., Any], width: int) -> None:
    found = frontier()
    page = opened("frontier", width=width).page
    page.wait_for_selector(MARKS, state="attached")
    assert page.locator(MARKS).count() == len(found.points)
    assert page.locator("#points tbody tr").count() == len(found.points)
    until_awake(page, *found.highlighted)
    if width == 390:
        page.locator("#landscape summary").click()
    buttons = page.locator("#landscape .families button")
    assert buttons.count() == len(found.families)
    for box in [buttons.nth(at).bounding_box() for at in range(buttons.count())]:
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
    button = page.get_by_role("button", name=re.compile("^DenseNet "))
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    page.mouse.move(0, 0)
    until_awake(page, *found.highlighted, "DenseNet")
    page.get_by_role("button", name="Let all families sleep").click()
    until_awake(page)
    page.get_by_role("button", name="Show all").click()
    until_awake(page, *found.highlighted)


@pytest.mark.usefixtures("costs_once")
def test_by_keyboard_a_family_wakes_while_its_button_has_the_focus(opened: Callable[..., Any]) -> None:
    page = opened("frontier").page
    before = frontier().highlighted
    page.locator("#landscape .families button").first.focus()
    until_awake(page, *before)
    page.get_by_role("button", name=re.compile("^AlexNet ")).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    until_awake(page, *before, "AlexNet")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    until(page, f"{NAMES}.includes('AlexNet')")


@pytest.mark.usefixtures("costs_once")
def test_hovering_tells_network_numbers_and_source_and_wakes_the_family(opened: Callable[..., Any]) -> None:
    page = opened("frontier", "--highlight", "efficientnet", "--family", "mobilenet*", "--family", "efficientnet").page
    marks = page.locator(f"#landscape [data-family='{family_at(page, 'MobileNetV1')}'] > *")
    said = []
    for index in range(marks.count()):
        page.mouse.move(0, 0)
        until(page, "!document.querySelector('#landscape div.told')")
        box = marks.nth(index).bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        said.append(page.locator("#landscape div.told").inner_text())
    (one,) = {text for text in said if "1.0-224" in text and "paper" in text}
    for part in ("568,740,352 MACs", "top-1 70.6 %", "mobilenet_v1", "arXiv 1704.04861, Table"):
        assert part in one
    until(page, f"{NAMES}.includes('MobileNetV1')")
    page.mouse.move(0, 0)
    until_awake(page, "EfficientNet")


@pytest.mark.usefixtures("costs_once")
def test_a_drag_zooms_and_all_is_shown_again(opened: Callable[..., Any]) -> None:
    page = opened("frontier").page
    box = page.locator("#landscape .wide-picture svg").bounding_box()
    ticks = "[...document.querySelectorAll('#landscape .wide-picture svg > text')].map(t => t.textContent).join(' ')"
    before = page.evaluate(ticks)
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.1 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
    page.mouse.up()
    until(page, f"{ticks} !== argument", before)
    assert page.evaluate(OVERLAPS) == []
    page.get_by_role("button", name="Show all").click()
    page.mouse.move(0, 0)
    until_same(page, ticks, before)


OVERLAPS = """(() => {
    const texts = [...document.querySelectorAll("#landscape .wide-picture svg text")].map(text => [text.textContent, text.getBoundingClientRect()]);
    const frame = document.querySelector("#landscape .wide-picture svg").getBoundingClientRect();
    const out = texts.filter(([, box]) => box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom);
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top + 2 < b.bottom - 2 && b.top + 2 < a.bottom - 2;
    const met = texts.flatMap(([one, a], at) => texts.slice(at + 1).filter(([, b]) => meet(a, b)).map(([two]) => [one, two]));
    return [...out.map(([text]) => text), ...met];
})()"""


def test_an_axis_of_fractions_of_a_millisecond_has_marks(opened: Callable[..., Any]) -> None:
    page = opened("frontier", "--x", "latency", "--device", "a100", "--source", "mobilenet_v1").page
    kept = json.loads(page.locator("#landscape-data").text_content())
    assert kept["x"]["range"][1] < 0  # logarithms of milliseconds
    texts = page.locator("#landscape .wide-picture svg > text[text-anchor=middle]").all_text_contents()
    marks = [float(text) for text in texts if re.fullmatch(r"0\.0*[125]", text)]
    low, high = (10**end for end in kept["x"]["range"])
    assert len(marks) > 1
    assert all(low <= mark <= high for mark in marks)


@pytest.mark.usefixtures("costs_once")
@pytest.mark.parametrize("width", [1600, 1280, 700, 390])
@pytest.mark.parametrize("x", ["macs", "peak"])
def test_no_text_of_the_landscape_meets_another_or_leaves_it(opened: Callable[..., Any], x: str, width: int) -> None:
    page = opened("frontier", "--x", x, width=width).page
    page.wait_for_selector(AWAKE, state="attached")
    assert page.evaluate(OVERLAPS) == []
    page.get_by_role("button", name="Wake all").click()
    assert page.evaluate(OVERLAPS) == []
    page.get_by_role("button", name="Zoom in").click()
    assert page.evaluate(OVERLAPS) == []


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
