"""The explorer: what its sliders show is what the library counts, to the unit."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.pages import until, until_same
from helpers.paths import SPECS

import convcost
from convcost.core.errors import SpecError
from convcost.core.reading import parse_bytes, parse_count
from convcost.core.units import compact

METRICS = {
    "macs": "macs",
    "params": "params",
    "activations": "activations",
    "peak_activation_bytes": "peak_activation_bytes",
}


def slide(page: Any, place: dict[str, int]) -> None:
    page.evaluate(
        """place => Object.entries(place).forEach(([name, at]) => {
            const slider = document.getElementById("knob-" + name);
            slider.value = at;
            slider.dispatchEvent(new Event("input", {bubbles: true}));
        })""",
        place,
    )


def shown(page: Any) -> dict[str, int]:
    return {m: int(page.locator(f"#card-{m}").get_attribute("data-value")) for m in METRICS}


def space(page: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.locator("#space").text_content())
    return found


def totals(model: str, knobs: dict[str, str], **options: Any) -> dict[str, int]:
    numbers = {name: int(value) if name == "resolution" else value for name, value in knobs.items()}
    found = convcost.load(model, **numbers).report(**options).totals
    return {metric: getattr(found, field) for metric, field in METRICS.items()}


@pytest.mark.parametrize(
    ("model", "options", "count"),
    [("mobilenet_v2", [], 50), ("efficientnet_b0", ["--dtype", "int8", "--batch", "3"], 15), ("vgg16", [], 10)],
)
def test_fifty_random_places_show_what_the_library_counts(
    opened: Callable[..., Any], model: str, options: list[str], count: int
) -> None:
    page = opened("explore", model, *options).page
    axes = space(page)["axes"]
    chance = random.Random(20260101)
    given: dict[str, Any] = {"dtype": "int8", "batch": 3} if options else {}
    for _ in range(count):
        place = {name: chance.randrange(len(values)) for name, values in axes.items()}
        slide(page, place)
        knobs = {name: axes[name][at] for name, at in place.items()}
        assert shown(page) == totals(model, knobs, **given), knobs


def test_it_starts_at_the_network_itself(opened: Callable[..., Any]) -> None:
    page = opened("explore", "mobilenet_v2", "--set", "width=0.75", "--set", "resolution=192").page
    assert shown(page) == totals("mobilenet_v2", {"width": "0.75", "resolution": "192"})
    assert page.locator("#out-width").text_content() == "0.75"
    assert page.locator("#words").text_content() == "Fits the budget."


def test_counts_beyond_doubles_are_exact(opened: Callable[..., Any]) -> None:
    """Widths of 100,001 and more: entries of the tables are beyond 2^53 and odd, so that doubles would round them."""
    page = opened(
        "explore", "mobilenet_v1", "--over", "width=100001,100003", "--over", "resolution=1001,1003", "--set", "width=100001",
        "--set", "resolution=1001",
    ).page  # fmt: skip
    assert space(page)["big"] is True
    slide(page, {"width": 1, "resolution": 1})
    right = totals("mobilenet_v1", {"width": "100003", "resolution": "1003"})
    assert shown(page) == right
    assert right["macs"] != int(float(right["macs"]))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("macs", "300M"), ("macs", "4.1G"), ("macs", "8.2M"), ("macs", "2.01M"), ("macs", "4B"), ("macs", "300e6"),
        ("macs", "300,774,272"), ("macs", "3,00M"), ("macs", "lots"), ("macs", "1.5MiB"),
        ("macs", "4.1"), ("macs", "25Mi"), ("macs", "2p"), ("peak", "25mi"), ("peak", "0.3KiB"), ("peak", "2m"),
        ("peak", "256KiB"), ("peak", "1.5 MiB"), ("peak", "100B"), ("peak", "100000"), ("peak", "1.5MB"), ("peak", "2TiB"),
    ],
)  # fmt: skip
def test_budgets_are_read_as_on_the_command_line(opened: Callable[..., Any], field: str, text: str) -> None:
    page = opened("explore", "mobilenet_v2", "--over", "width=1", "--over", "resolution=96,224").page
    try:
        limit = parse_count(text) if field == "macs" else parse_bytes(text)
    except convcost.UsageError:
        limit = None
    metric = {"macs": "macs", "peak": "peak_activation_bytes"}[field]
    box = page.locator(f"[data-metric={metric}]")
    box.fill(text)
    until(page, "document.querySelector(`[data-metric=${argument[0]}]`).dataset.read === argument[1]", [metric, text])
    assert box.get_attribute("aria-invalid") == str(limit is None).lower()
    assert box.get_attribute("data-limit") == ("" if limit is None else str(limit))


def test_a_budget_is_kept_and_its_edge_cannot_be_widened(opened: Callable[..., Any]) -> None:
    """The marked front of width × resolution against every network of the grid, counted by the sweep."""
    from convcost.space.sweep import sweep

    page = opened("explore", "mobilenet_v2", "--over", "width=0.25:1.5:0.25", "--over", "resolution=96:320:16").page
    page.fill("#max-macs", "200M")
    until(page, "document.getElementById('words').textContent.startsWith('Does not fit')")
    slide(page, {"width": 1})
    until(page, "document.getElementById('words').textContent === 'Fits the budget.'")
    axes = space(page)["axes"]
    grid = sweep("mobilenet_v2", width="0.25:1.5:0.25", resolution="96:320:16").metrics["macs"] <= 200_000_000
    held = {(c, r) for r in range(len(axes["width"])) for c in range(len(axes["resolution"])) if grid[r, c]}
    expected = {(c, r) for c, r in held if not any((a >= c and b >= r) and (a, b) != (c, r) for a, b in held)}
    front = "JSON.parse(document.getElementById('front').dataset.front)"  # drawn anew a frame after the words
    until_same(page, f"{front}.sort(([a, b], [c, d]) => a - c || b - d)", sorted([c, r] for c, r in expected))


def test_keys_move_a_slider_and_wrong_budgets_are_marked(opened: Callable[..., Any]) -> None:
    page = opened("explore", "resnet50", width=390).page
    before = shown(page)["macs"]
    page.focus("#knob-resolution")
    page.keyboard.press("ArrowRight")
    assert page.locator("#out-resolution").text_content() == "225"
    assert shown(page)["macs"] > before
    page.fill("#max-macs", "many")
    assert page.locator("#max-macs").get_attribute("aria-invalid") == "true"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def said(page: Any) -> str:
    return str(page.locator("#words").text_content())


@pytest.mark.parametrize("name", ["unet.yaml", "unet_wide.yaml", "unrounded.yaml"])
def test_what_cannot_be_built_is_said_with_the_reason_and_no_word_of_budgets(
    opened: Callable[..., Any], name: str
) -> None:
    """At places of every kind, against what the library says of the same knobs."""
    page = opened("explore", str(SPECS / name)).page
    axes = space(page)["axes"]
    chance = random.Random(8)
    lacking = 0
    for _ in range(25):
        place = {axis: chance.randrange(len(values)) for axis, values in axes.items()}
        slide(page, place)
        knobs = {axis: axes[axis][at] for axis, at in place.items()}
        try:
            expected = totals(str(SPECS / name), knobs)
        except SpecError as error:
            lacking += 1
            assert page.locator(".cards b").all_text_contents() == ["cannot be built"] * 4
            assert page.locator(".cards .over").count() == 0
            assert said(page).startswith("Cannot be built")
            assert "budget" not in said(page)
            wrong = {
                problem.scope for problem in error.problems
            }  # the layer is the same; sizes may be those of another
            assert any(f": {layer}: " in said(page) for layer in wrong)
        else:
            assert shown(page) == expected
    assert lacking > 5


def test_the_first_size_of_a_kind_is_told_its_own_reason(opened: Callable[..., Any]) -> None:
    """32 is the smallest size; 36 is the first that is a multiple of 4 and not of 8: 9×9 pools to 4×4, which grows to 8×8."""
    page = opened("explore", str(SPECS / "unet.yaml")).page
    sizes = space(page)["axes"]["resolution"]
    slide(page, {"resolution": sizes.index("36")})
    assert said(page) == (
        "Cannot be built: at resolution 36: join3: concat needs shapes that agree in all axes but channels, got 8×8×256 and 9×9×128 "
        "(inputs: up3 8×8×256, down3.relu 9×9×128)."
    )
    slide(page, {"resolution": sizes.index("37")})
    assert said(page).startswith("Cannot be built, as at resolution 36: join3: concat needs")


def test_curves_stop_where_nothing_can_be_built(opened: Callable[..., Any]) -> None:
    page = opened("explore", str(SPECS / "unet.yaml")).page
    page.wait_for_selector("[data-dots=macs]", state="attached")
    sizes = [int(size) for size in space(page)["axes"]["resolution"]]
    dots = page.locator("[data-dots=macs]").get_attribute("d")
    assert dots.count("M") == sum(size % 8 == 0 for size in sizes)
    assert page.locator("[data-line]").count() == 0
    legend = page.locator("#legend").text_content()
    assert legend == "Along resolution, what cannot be built is left out; the level dashed line is the budget."
    assert page.locator("#front, #compound, #fitting").count() == 0


@pytest.mark.parametrize(("axis", "dense"), [("width=60:70", True), ("width=8:128:8", False)])
def test_a_curve_steps_only_where_every_whole_number_was_counted(
    opened: Callable[..., Any], tmp_path: Path, axis: str, dense: bool
) -> None:
    spec = tmp_path / "wide.yaml"
    layers = "[{conv2d: {channels: width, kernel: 3, padding: same}}]"
    spec.write_text(f"convcost: 1\nname: wide\nknobs: {{width: 64}}\ninput: [8, 8, 3]\nlayers: {layers}\n")
    page = opened("explore", str(spec), "--over", axis).page
    page.wait_for_selector("[data-line=macs]", state="attached")
    values = space(page)["axes"]["width"]
    line = page.locator("[data-line=macs]")
    assert line.get_attribute("data-steps") == str(dense).lower()
    assert (line.get_attribute("d").count("H") == len(values)) == dense  # a level piece for each
    assert ("L" in line.get_attribute("d")) != dense
    assert page.locator("[data-dots=macs]").count() == (not dense)
    said = f"at every width from {values[0]} to {values[-1]}" if dense else f"at {len(values)} widths"
    assert page.locator("figcaption").first.text_content() == f"MACs {said}"


INSIDE = """id => {
    const [line, missing] = [document.getElementById(id), document.getElementById("missing")];
    const svg = line.ownerSVGElement;
    const inside = (x, y) => missing.isPointInFill(Object.assign(svg.createSVGPoint(), {x, y}));
    let [crossed, seen] = [0, 0];
    for (const part of line.getAttribute("d").split(/(?=M)/)) {
        const piece = document.createElementNS("http://www.w3.org/2000/svg", "path");
        piece.setAttribute("d", part);
        const length = piece.getTotalLength();
        for (let at = 0; at <= length; at += 0.25) {
            const {x, y} = piece.getPointAtLength(at);
            seen += 1;
            crossed += [[-.3, -.3], [.3, -.3], [-.3, .3], [.3, .3]].every(([dx, dy]) => inside(x + dx, y + dy));
        }
    }
    return [crossed, seen];
}"""


@pytest.mark.parametrize("name", ["unet_wide.yaml", "unrounded.yaml"])
def test_no_line_of_the_map_crosses_what_cannot_be_built(opened: Callable[..., Any], name: str) -> None:
    page = opened("explore", str(SPECS / name)).page
    page.wait_for_selector("#front", state="attached")
    for line in ("front", "compound"):
        crossed, seen = page.evaluate(INSIDE, line)
        assert crossed == 0
        assert seen > 10
    assert "grey cannot be built" in page.locator("#legend").text_content()


def test_where_no_size_can_be_built_there_is_no_curve(opened: Callable[..., Any]) -> None:
    """A width of 1.05 makes 33.6 channels, at every resolution."""
    page = opened("explore", str(SPECS / "unrounded.yaml")).page
    slide(page, {"width": space(page)["axes"]["width"].index("1.05")})
    until(page, "document.getElementById('legend').textContent.includes('nothing can be built here')")
    assert page.locator("#pictures figcaption").all_text_contents() == ["width × resolution: what fits"]
    assert "level dashed line" not in page.locator("#legend").text_content()


def test_the_legend_tells_what_is_there(opened: Callable[..., Any]) -> None:
    page = opened("explore", "mobilenet_v2").page
    page.wait_for_selector("#front", state="attached")
    legend = page.locator("#legend")
    assert "grey" not in legend.text_content()
    assert "the dashed line is compound scaling" in legend.text_content()
    page.fill("#max-macs", "1")
    until(page, "document.getElementById('legend').textContent.startsWith('Nothing on the map fits')")
    assert "thick line" not in legend.text_content()
    page.fill("#max-macs", "")
    until(page, "!document.getElementById('legend').textContent.includes('budget')")
    assert page.locator("#front").count() == 0


def test_cards_round_as_the_command_does(opened: Callable[..., Any], tmp_path: Path) -> None:
    """1,005,000 is half way between 1.00 and 1.01 M, and the double 1.005 below it; 8·10¹⁵ bytes are 7.105 PiB."""
    path = tmp_path / "net.yaml"
    path.write_text(
        "convcost: 1\nname: net\nknobs: {high: 1005, wide: 1000}\ninput: [high, wide, 1]\n"
        "layers:\n  - {conv2d: {channels: 1, kernel: 1}}\n",
        encoding="utf-8",
    )
    page = opened("explore", path, "--over", "high=1005,1000000000", "--over", "wide=1000,1000000").page
    assert page.locator("#card-macs").text_content() == compact(1_005_000) == "1.01 M"
    slide(page, {"high": 1, "wide": 1})
    assert page.locator("#card-macs").text_content() == "1.00 P"
    assert page.locator("#card-peak_activation_bytes").text_content() == "7.11 PiB"
