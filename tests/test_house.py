"""The house has floors: what is imported stands lower, and no modules import each other; no exceptions."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.house import circles, flat, long_functions, problems, sizes, sources, upward

import convcost

HOUSE = sources(Path(convcost.__file__).parent)


def test_the_house_stands_right():
    assert problems(HOUSE) == []


def test_every_package_is_looked_at():
    assert {"core", "render", "ops", "graph", "spec", "memory", "space", "plots", "cli"} <= set(sizes(HOUSE))


def test_no_package_stands_in_the_place_of_a_function():
    """`convcost.report` would become a module as soon as something below it is imported."""
    packages = {module.split(".")[1] for module in HOUSE if module.count(".") >= 1}
    assert packages & set(convcost.__all__) == {"plots"}, "the pictures are a package, and shown as one"


def planted(module: str, text: str) -> dict[str, str]:
    """The house with text added to a module, or with a module more."""
    return {**HOUSE, module: f"{HOUSE.get(module, '')}\n{text}\n"}


PARSE, TREE = "convcost.spec.parse", "convcost.spec.tree"
CIRCLES = {
    "at the top": "from convcost.spec.parse import parse",
    "in a function": "def late():\n    from convcost.spec.parse import parse",
    "in a method": "class Late:\n    def method(self):\n        if self:\n            import convcost.spec.parse",
    "under TYPE_CHECKING": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from convcost.spec import parse",
}


@pytest.mark.parametrize("sort", CIRCLES)
def test_a_planted_circle_of_each_sort_is_found(sort: str):
    (group,) = circles(planted(TREE, CIRCLES[sort]))
    assert {PARSE, TREE} <= set(group)


def test_a_circle_between_packages_is_found_even_where_it_leads_down_on_one_side():
    (group,) = circles(planted("convcost.core.dims", "def late():\n    from convcost.graph.walk import walk"))
    assert {"convcost.core.dims", "convcost.graph.walk"} <= set(group)


@pytest.mark.parametrize(
    ("module", "text", "message"),
    [
        ("convcost.core.new", "import convcost.graph.walk", "convcost.core.new:2 imports convcost.graph.walk, from floor 0 to floor 3"),
        ("convcost.ops.new", "from convcost.graph import walk", "convcost.ops.new:2 imports convcost.graph.walk, from floor 2 to floor 3"),
        ("convcost.memory.new", "from convcost.spec import parse", "convcost.memory.new:2 imports convcost.spec.parse, from floor 5 to floor 5"),
        ("convcost.ops.new", "import convcost", "convcost.ops.new:2 imports convcost, which no floor has"),
        ("convcost.graph.new", "def late():\n    from convcost import load", "convcost.graph.new:3 imports convcost, which no floor has"),
        ("convcost.graph.new", "from . import walk", "convcost.graph.new:2 imports convcost.relative, which no floor has"),
        ("convcost.graph.new", "from convcost.gone import it", "convcost.graph.new:2 imports convcost.gone, which no floor has"),
        ("convcost.extra.new", "from convcost.core import dims", "convcost.extra.new:2 imports convcost.core.dims; no floor has extra"),
    ],
)  # fmt: skip
def test_a_planted_import_that_does_not_lead_down_is_found(module: str, text: str, message: str):
    assert upward(planted(module, text)) == [message]


def test_a_long_function_and_a_flat_module_are_found():
    long = "def long():\n" + "    pass\n" * 59
    assert long_functions(planted("convcost.core.new", long)) == ["convcost.core.new.long has 60 lines"]
    assert long_functions(planted("convcost.core.new", long.replace("    pass\n", "", 1))) == []
    assert flat(planted("convcost.new", "")) == ["convcost.new"]
