"""Colours that can be told apart, and read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from convcost.core.patterns import plain
from convcost.published.data import accuracies
from convcost.render.families import FAMILIES, MARKS, family_look, family_looks
from convcost.render.palette import DARK, LIGHT
from convcost.render.svg_marks import readable, shade

if TYPE_CHECKING:
    from helpers.cli import Cli


def test_shades_run_evenly_from_light_to_dark() -> None:
    lightness = [sum(int(shade(i / 50)[j : j + 2], 16) for j in (1, 3, 5)) for i in range(51)]
    assert lightness == sorted(lightness, reverse=True)


def contrast(color: str, paper: str) -> float:
    """The contrast ratio of WCAG 2.1."""

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(color), luminance(paper)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("surface", [LIGHT, DARK])
def test_colours_stand_off_the_paper(surface: Any) -> None:
    """WCAG 2.1: 4.5 for text; marks may go down to 2 because shape and place tell them apart as well."""
    assert contrast(surface.ink, surface.paper) > 7
    assert contrast(surface.muted, surface.paper) > 4.5
    assert all(contrast(color, surface.paper) > 2 for color in surface.series)


@pytest.mark.parametrize("surface", [LIGHT, DARK])
def test_names_in_the_colour_of_a_family_can_be_read(surface: Any) -> None:
    """WCAG 2.1: 4.5 for text, 2 for marks that have a shape as well."""
    assert all(contrast(color, surface.paper) >= 4.5 for color in surface.letters)
    assert all(contrast(color, surface.paper) > 2 for color in surface.families)
    assert len(surface.letters) == len(surface.families) == len(FAMILIES)


def test_every_published_family_has_a_place_of_its_own_in_the_table() -> None:
    listed = [name for row in FAMILIES for name in row]
    assert {row.family for row in accuracies()} == set(listed)
    assert len({plain(name) for name in listed}) == len(listed)
    assert max(map(len, FAMILIES)) <= len(MARKS)
    assert len(set(family_looks(listed).values())) == len(listed)


def test_a_family_that_is_not_listed_always_looks_the_same_and_never_like_one_beside_it() -> None:
    assert family_look("OurNet") == family_look("our_net") == family_look("OurNet")
    together = family_looks([row.family for row in accuracies()] + [f"own{index}" for index in range(15)])
    assert len(set(together.values())) == len(together)


def test_numbers_stand_off_every_shade_of_a_map(cli: Cli, tmp_path: Path) -> None:
    assert all(contrast(readable(shade(i / 500)), shade(i / 500)) >= 4.5 for i in range(501))
    page = tmp_path / "x.html"
    cli("sweep", "mobilenet_v2", "--over", "resolution=96:256:32", "--over", "width=0.25:1.5:0.25", "-o", page)
    shown = re.findall(
        r'<path stroke="(#\w{6})" d="[^"]*">(?:<title>[^<]*</title>)?</path><text fill="(#\w{6})"',
        page.read_text("utf-8"),
    )
    assert len(shown) >= 36  # six sizes by six widths; as many again where the drawing for a phone has room
    assert all(contrast(ink, cell) >= 4.5 for cell, ink in shown)
