"""The explorer: what its sliders show is what the library counts, to the unit."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

import convcost

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
    """A batch of 10^9 takes MobileNetV2 to 3·10^17 MACs, beyond 2^53."""
    page = opened(
        "explore", "mobilenet_v2", "--over", "width=0.5,1", "--over", "resolution=96,224", "--batch", "1000000000"
    ).page
    assert space(page)["big"] is True
    slide(page, {"width": 1, "resolution": 1})
    assert shown(page) == totals("mobilenet_v2", {"width": "1", "resolution": "224"}, batch=10**9)


def test_a_budget_is_kept_and_its_edge_cannot_be_widened(opened: Callable[..., Any]) -> None:
    """The marked front of width × resolution against every network of the grid, counted by the sweep."""
    from convcost.grid.sweep import sweep

    page = opened("explore", "mobilenet_v2", "--over", "width=0.25:1.5:0.25", "--over", "resolution=96:320:16").page
    page.fill("#max-macs", "200M")
    page.wait_for_function("document.getElementById('words').textContent.startsWith('Does not fit')")
    slide(page, {"width": 1})
    page.wait_for_function("document.getElementById('words').textContent === 'Fits the budget.'")
    axes = space(page)["axes"]
    page.wait_for_selector("#front", state="attached")
    front = json.loads(page.locator("#front").get_attribute("data-front"))
    grid = sweep("mobilenet_v2", width="0.25:1.5:0.25", resolution="96:320:16").metrics["macs"] <= 200_000_000
    held = {(c, r) for r in range(len(axes["width"])) for c in range(len(axes["resolution"])) if grid[r, c]}
    expected = {(c, r) for c, r in held if not any((a >= c and b >= r) and (a, b) != (c, r) for a, b in held)}
    assert {(c, r) for c, r in front} == expected


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
