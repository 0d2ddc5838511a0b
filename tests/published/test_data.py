"""The figures themselves: none twice, each with a source, all that is defined used."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

import pytest
from helpers.paths import ROOT

from convcost import load
from convcost.conventions.catalog import all_conventions
from convcost.published.choices import KINDS
from convcost.published.data import accuracies, claims, definitions, sources
from convcost.published.figure import HABITS, QUANTITIES
from convcost.published.latency import timings
from convcost.published.tasks import on_tasks
from convcost.spec.zoo import files


def test_no_figure_stands_twice_and_everything_that_is_defined_is_used():
    every = claims()
    keys = Counter(
        (c.source, c.locator, c.item, c.model, *sorted(c.knobs.items()), c.figure.quantity, c.part) for c in every
    )
    assert [key for key, count in keys.items() if count > 1] == []
    assert {key for claim in every for key in claim.counting} == set(definitions())
    others = [*accuracies(), *on_tasks(), *timings()]
    assert {claim.source for claim in every} | {one.source for one in others} == set(sources())
    page = (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
    words = {*QUANTITIES, *(claim.figure.unit for claim in every)}
    assert [word for word in sorted(words) if f"`{word}`" not in page and word] == []


@pytest.mark.parametrize("name", ["sources.yaml", "definitions.yaml", "setups.yaml"])
def test_no_key_stands_twice(name: str):
    """Of which a reader of YAML takes the last without a word."""
    text = (ROOT / "specs" / "published" / name).read_text(encoding="utf-8")
    keys = Counter(re.findall(r"^(\w+):", text, re.MULTILINE))
    assert len(keys) >= 20
    assert [key for key, count in keys.items() if count > 1] == []


def test_sources_and_definitions_hold():
    for source in sources().values():
        assert source.kind in KINDS
        assert source.read in ("A", "B", "C"), "a figure from memory is no published figure"
        assert 1998 <= source.year <= 2030
    for way in definitions().values():
        assert way.says
        assert way.convention in (*all_conventions(), "")
        assert way.habit in HABITS


def test_accuracies_are_many_and_each_has_a_place():
    every = accuracies()
    assert len(every) >= 1400
    assert len({one.family for one in every}) >= 90
    assert [key for key, n in Counter((o.source, o.locator, o.item) for o in every).items() if n > 1] == []
    for one in every:
        assert one.tier in KINDS, one
        assert 30 < Fraction(one.top1) < 95, one
        assert one.top5 == "" or Fraction(one.top1) < Fraction(one.top5) < 100, one
        assert one.params == "" or Fraction(1, 10) < Fraction(one.params) < 1000, one
        assert one.macs == "" or 5 < Fraction(one.macs) < 1_000_000, one
        assert one.convention in ("", *all_conventions(), *definitions()), one
        assert (one.convention == "") == (one.macs == ""), one


def test_accuracies_of_networks_of_the_zoo_name_them_at_the_resolution_of_the_evaluation():
    named = [one for one in accuracies() if one.model]
    assert len(named) >= 750
    shapes: dict[str, int] = {}
    for one in named:
        key = f"{one.model} {sorted(one.knobs.items())}"
        if key not in shapes:
            shapes[key] = load(one.model, **one.knobs).graph.input_shape[0]
        assert shapes[key] == one.resolution, one


def test_the_published_folder_holds_no_specs():
    assert not [path for path in files() if "published" in path]
