"""Tables of pages as a reader uses them: whole, folded, searched, sorted, narrowed, linked to, saved."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers.pages import until_same

import convcost

if TYPE_CHECKING:
    from helpers.cli import Cli

ROWS = """[...document.querySelectorAll('#layer-table tbody tr')].filter(row => row.offsetParent)
    .map(row => [...row.cells].map(cell => cell.textContent.trim()))"""
MACS = 5


def rows(page: Any) -> list[list[str]]:
    """The cells of the rows that show."""
    found: list[list[str]] = page.evaluate(ROWS)
    return found


def choose(page: Any, kind: str, *, flat: bool = False) -> None:
    page.get_by_role("button", name=kind, exact=True).click()
    if flat:
        page.get_by_label("in groups").uncheck()


def until_at_row(page: Any, row: str) -> None:
    """Wait until a link has led to a row, which shows and has the focus: the page hears of it after the click is over."""
    until_same(page, "document.activeElement.closest('tr')?.id", row)
    assert page.locator(f"[id='{row}']").is_visible()


def count(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.mark.parametrize("model", ["mobilenet_v2", "squeezenet1_0"])
def test_each_kind_of_row_divides_the_whole_network(opened: Callable[..., Any], model: str) -> None:
    report = convcost.load(model).report()
    page = opened("report", model).page
    for kind in ("stages", "blocks", "units", "layers"):
        button = page.get_by_role("button", name=kind, exact=True)
        if not button.is_visible():
            continue
        button.click()
        page.get_by_label("in groups").uncheck()
        assert sum(count(row[MACS]) for row in rows(page)) == report.totals.macs
        assert sum(count(row[4]) for row in rows(page)) == report.totals.params
        page.get_by_label("in groups").check()
    page.get_by_label("in groups").uncheck()
    assert [row[0] for row in rows(page)] == [layer.name for layer in report.layers]


def test_folds_open_one_by_one_and_names_say_what_folds_do_not(opened: Callable[..., Any]) -> None:
    page = opened("report", "mobilenet_v2").page
    assert page.get_by_role("button", name="blocks", exact=True).get_attribute("aria-pressed") == "true"
    choose(page, "stages")
    assert [row[0] for row in rows(page)][:3] == ["stem", "stage1", "stage2"]
    for name in ("stage2", "block1", "expand"):
        button = page.locator("#layer-table").get_by_role("button", name=name, exact=True).first
        assert button.get_attribute("aria-expanded") == "false"
        button.click()
        assert button.get_attribute("aria-expanded") == "true"
    assert [row[0] for row in rows(page)][2:9] == [
        "stage2",
        "block1",
        "expand",
        "conv2d",
        "batch_norm",
        "relu6",
        "depthwise",
    ]
    assert rows(page)[4][1] == "conv2d 1×1 + bn + relu6"
    page.locator("#layer-table").get_by_role("button", name="stage2", exact=True).click()
    assert [row[0] for row in rows(page)][:4] == ["stem", "stage1", "stage2", "stage3"]


def test_sorting_keeps_folds_together_or_ranks_the_whole_network(opened: Callable[..., Any]) -> None:
    report = convcost.load("mobilenet_v2").report()
    page = opened("report", "mobilenet_v2").page
    choose(page, "blocks")
    head = page.get_by_role("button", name="MACs", exact=True)
    head.click()
    assert page.locator("#layer-table thead th[aria-sort=descending]").count() == 1
    depths = page.evaluate(
        "[...document.querySelectorAll('#layer-table tbody tr')].filter(r => r.offsetParent).map(r => +r.className[1])"
    )
    found = rows(page)
    tops = [count(row[MACS]) for row, depth in zip(found, depths, strict=True) if depth == 0]
    assert tops == sorted(tops, reverse=True)
    for at, depth in enumerate(depths[:-1]):
        if depth == depths[at + 1] == 1:
            assert count(found[at][MACS]) >= count(found[at + 1][MACS])
    choose(page, "layers", flat=True)
    ranked = sorted((layer.macs for layer in report.layers), reverse=True)
    assert [count(row[MACS]) for row in rows(page)] == ranked
    head.click()
    assert [count(row[MACS]) for row in rows(page)] == ranked[::-1]
    head.click()  # and back to the order of the network
    assert page.locator("#layer-table thead th[aria-sort]").count() == 0
    assert [row[0] for row in rows(page)] == [layer.name for layer in report.layers]


def test_a_search_says_how_many_match_and_what_they_cost(opened: Callable[..., Any]) -> None:
    report = convcost.load("mobilenet_v2").report()
    page = opened("report", "mobilenet_v2").page
    field = page.get_by_label("Search Layers")
    field.fill("3x3 depthwise")
    wanted = [layer for layer in report.layers if layer.kind == "conv2d 3×3 depthwise"]
    assert len(rows(page)) == len(wanted) == 17  # as many as there are blocks
    macs = sum(layer.macs for layer in wanted)
    said = page.locator("#layers [role=status]").inner_text()
    assert said.startswith("17 of ")
    assert f"{macs:,} MACs, {100 * macs / report.totals.macs:.2f} %" in said
    field.fill("stage4 linear")
    assert rows(page) == []
    choose(page, "layers")
    field.fill("STAGE4.block1 relu6")
    assert [row[0] for row in rows(page)] == [
        layer.name for layer in report.layers if layer.name.startswith("stage4.block1") and layer.op == "relu6"
    ]
    field.fill("")
    assert page.locator("#layers [role=status]").inner_text() == ""
    assert len(rows(page)) > len(report.layers)


@pytest.mark.parametrize(
    ("command", "table"),
    [
        (("report", "mobilenet_v2", "--convention", "thop"), "layer-table"),
        (("report", "squeezenet1_0"), "layer-table"),
        (("report", "mobilenet_v2", "resnet50"), "table2"),
        (("compare", "--input", "6x6x3", "--filters", "5", "--kernel", "3"), "steps-table"),
        (("memory", "lenet5"), "table3"),
        (("reconcile", "resnet50", "thop"), "table2"),
    ],
    ids=" ".join,
)
def test_what_is_saved_is_the_csv_of_the_command(
    cli: Cli, opened: Callable[..., Any], command: tuple[str, ...], table: str, tmp_path: Path
) -> None:
    page = opened(*command).page
    frame = page.locator(f".tools:has(+ .wide #{table})")
    with page.expect_download() as saved:
        frame.get_by_role("button", name="CSV").click()
    path = tmp_path / "saved.csv"
    saved.value.save_as(path)
    assert saved.value.suggested_filename.endswith(".csv")
    assert path.read_bytes().decode() == cli.ok(*command, "--format", "csv")


def test_pictures_are_saved_whole_and_coloured(opened: Callable[..., Any], tmp_path: Path) -> None:
    page = opened("report", "mobilenet_v2", scheme="dark").page
    for kind in ("SVG", "PNG"):
        with page.expect_download() as saved:
            page.get_by_role("button", name=f"Save By stage as {kind}").click()
        assert saved.value.suggested_filename == f"mobilenetv2-by-stage.{kind.lower()}"
        saved.value.save_as(tmp_path / saved.value.suggested_filename)
    drawn = ET.parse(tmp_path / "mobilenetv2-by-stage.svg").getroot()
    inside = "".join(drawn.itertext())
    assert "MobileNetV2: By stage" in inside
    assert "prefers-color-scheme:dark" in inside
    assert drawn.findall(".//{http://www.w3.org/2000/svg}a") == []
    used = {one.get("class") for one in drawn.iter() if one.get("class")}
    assert all(f".{name}{{" in inside for names in used if names for name in names.split())
    size = [round(2 * float(drawn.get(side, 0))) for side in ("width", "height")]
    seen = page.evaluate(SEEN, base64.b64encode((tmp_path / "mobilenetv2-by-stage.png").read_bytes()).decode())
    assert seen["size"] == size
    assert seen["corner"] == [255, 255, 255, 255]  # white paper, whatever the screen
    assert seen["blue"] > 1000  # bars of #0072b2


SEEN = """async data => {
    const image = new Image();
    image.src = "data:image/png;base64," + data;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    const all = pen.getImageData(0, 0, image.width, image.height).data;
    let blue = 0;
    for (let at = 0; at < all.length; at += 4) blue += all[at] === 0 && all[at + 1] === 0x72 && all[at + 2] === 0xb2;
    return {size: [image.width, image.height], corner: [...all.slice(0, 4)], blue};
}"""


def test_a_name_in_a_picture_leads_to_its_row(opened: Callable[..., Any]) -> None:
    page = opened("report", "mobilenet_v2").page
    choose(page, "stages")
    page.get_by_label("Search Layers").fill("linear")
    page.locator('#where a[href="#row-stage5"]').first.click()
    until_at_row(page, "row-stage5")
    assert page.get_by_label("Search Layers").input_value() == ""
    page.evaluate("location.hash = '#row-stage5.block2.expand'")  # a unit that is folded twice
    until_at_row(page, "row-stage5.block2.expand")


def test_a_box_of_the_architecture_leads_to_its_row(opened: Callable[..., Any]) -> None:
    page = opened("report", "mobilenet_v2").page
    box = page.locator('#architecture .wide-picture:not(.narrow) a[href="#row-classifier"]')
    box.scroll_into_view_if_needed()
    box.click()
    until_at_row(page, "row-classifier")
    page.locator('#architecture .wide-picture:not(.narrow) [aria-label="stage2"]').click()
    page.locator("#architecture .unfolded:visible h3 a").click()
    until_at_row(page, "row-stage2")


CUT = """[...document.querySelectorAll("figure svg text")].filter(text => {
    const [box, frame] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()];
    return box.width && (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2);
}).map(text => text.textContent)"""


@pytest.mark.parametrize("model", ["mobilenet_v2", "unet", "inception_v3"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_label_of_a_picture_is_cut_off(opened: Callable[..., Any], model: str, width: int) -> None:
    assert opened("report", model, width=width).page.evaluate(CUT) == []


def test_no_label_of_patches_is_cut_off_on_a_phone(opened: Callable[..., Any]) -> None:
    asked = ("--policy", "tinyengine", "--patches", "4x4", "--until", "stage3.block1")
    page = opened("memory", "mobilenet_v2", "--dtype", "int8", *asked, width=390).page
    assert page.locator("figure svg:visible text").count() > 5
    assert page.evaluate(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.usefixtures("keeping")
def test_on_a_phone_networks_that_fit_are_listed_with_their_accuracy(opened: Callable[..., Any]) -> None:
    """It is what they are sorted by."""
    page = opened("list", "--board", "arduino_nano_33_ble", width=390).page
    heads = "[...document.querySelectorAll('main thead th')].filter(h => h.offsetParent).map(h => h.textContent)"
    assert page.evaluate(heads) == ["network", "RAM", "accuracy (%)"]
    assert page.evaluate("(f => f.scrollWidth <= f.clientWidth)(document.querySelector('main table').closest('.wide'))")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    "command",
    [("report", "mobilenet_v2"), ("memory", "unet"), ("sweep", "mobilenet_v2", "--over", "resolution=96:128:8")],
    ids=" ".join,
)
def test_pictures_are_as_wide_as_their_column(opened: Callable[..., Any], command: tuple[str, ...]) -> None:
    """No empty half: of two pictures beside each other each takes its half, another all of it, less a little."""
    page = opened(*command).page
    shares = page.evaluate(
        """[...document.querySelectorAll("main figure")].filter(f => f.offsetParent).map(figure => {
            const svg = [...figure.querySelectorAll("svg")].find(one => one.getBoundingClientRect().width);
            return svg.getBoundingClientRect().width / figure.clientWidth;
        })"""
    )
    assert shares
    assert min(shares) > 0.95
    frame = page.evaluate("document.querySelector('main').clientWidth")
    for row in page.evaluate(
        "[...document.querySelectorAll('.charts')].map(c => [...c.children].map(f => f.getBoundingClientRect().width))"
    ):
        assert sum(row) > 0.9 * frame


def test_columns_are_chosen(opened: Callable[..., Any]) -> None:
    page = opened("report", "lenet5").page
    page.locator("#layers summary").click()
    page.locator("#layers .columns").get_by_label("input").uncheck()
    shown = "[...document.querySelectorAll('#layer-table thead th')].filter(h => h.offsetParent).map(h => h.innerText.trim().split(' ')[0])"
    assert "input" not in "".join(page.evaluate(shown))
    page.keyboard.press("Escape")
    assert page.locator("#layers .columns").get_attribute("open") is None


@pytest.mark.parametrize("model", ["mobilenet_v2", "inception_v3", "nasnet_large"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_number_is_cut_off(opened: Callable[..., Any], model: str, width: int) -> None:
    """The last column, the shares, ends within the frame, however the table is folded; on a phone names and numbers come first."""
    page = opened("report", model, width=width).page
    for kind in ("stages", "blocks", "units", "layers"):
        button = page.get_by_role("button", name=kind, exact=True)
        if not button.is_visible():
            continue
        button.click()
        inner, outer = page.evaluate(
            "(t => [t.scrollWidth, t.clientWidth])(document.getElementById('layer-table').closest('.wide'))"
        )
        assert inner <= outer, kind
    page.get_by_label("in groups").uncheck()  # whole names take no more than their place either
    assert page.evaluate(
        "(f => f.scrollWidth <= f.clientWidth)(document.getElementById('layer-table').closest('.wide'))"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width < 1000:
        heads = page.evaluate(
            "[...document.querySelectorAll('#layer-table thead th')].filter(h => h.offsetParent).map(h => h.textContent)"
        )
        assert heads == ["layer", "MACs", "share"]


def test_without_a_script_a_page_is_a_plain_whole_table(cli: Cli, chromium: Any, tmp_path: Path) -> None:
    report = convcost.load("mobilenet_v2").report()
    cli.ok("report", "mobilenet_v2", "-o", tmp_path / "x.html")
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.goto((tmp_path / "x.html").as_uri())
    names = page.locator("#layer-table tbody tr")
    assert names.count() >= len(report.layers)
    assert page.locator("#layer-table tbody tr:visible").count() == names.count()
    assert page.locator("button:visible, input:visible").count() == 0
    page.close()


def test_rows_that_are_all_the_same_are_all_saved(cli: Cli, opened: Callable[..., Any], tmp_path: Path) -> None:
    """A head and two rows, which say the same of every column."""
    claims = tmp_path / "twice.csv"
    claims.write_text("model,quantity,printed\nlenet5,params,61706\nlenet5,params,61706\n", encoding="utf-8")
    page = opened("verify", "--data", claims).page
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    path = tmp_path / "saved.csv"
    saved.value.save_as(path)
    text = path.read_bytes().decode()
    assert text == cli.ok("verify", "--data", claims, "--format", "csv")
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("~12.3 ms", 12.3), ("<=1.5 M", 1_500_000), ("0.067 G", 67_000_000), ("1.5 PiB", 3 * 2**49), ("2 E", 2 * 10**18),
        ("1.00 MiB", 2**20), ("3.4 MACs", 3.4), ("1,234", 1234), ("2e3", 2000), ("-5", -5),
    ],
)  # fmt: skip
def test_cells_sort_by_the_numbers_that_they_say(opened: Callable[..., Any], text: str, number: float) -> None:
    """Also what is extrapolated, and in every unit that a number may be written in."""
    assert opened("compare", "--input", "6x6x3", "--filters", "5", "--kernel", "3").page.evaluate(
        "text => convcost.number(text)", text
    ) == pytest.approx(number, rel=1e-15)
