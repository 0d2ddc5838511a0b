"""The laws that are written down are those that follow from the recipes, for every way, shape of filter and stride."""

from __future__ import annotations

from itertools import product

import pytest

from convcost.alternatives import known_laws
from convcost.alternatives.known_laws import FORMS, Form, known_law
from convcost.alternatives.law import law_of
from convcost.alternatives.recipes import RECIPES, LayerToBuild

LAYERS = [
    LayerToBuild((12, 14, 6), 9, kernel, stride)
    for kernel in product((1, 3, 5), repeat=2)
    for stride in product((1, 2, 3), repeat=2)
]


def differences(way: str) -> list[LayerToBuild]:
    """The layers for which the law that is written down is not the one that sympy derives."""
    amount = 3 if RECIPES[way].amount else 1

    def of(law) -> tuple:
        return str(law), law.written_terms(), law.assumptions, law.value()

    return [layer for layer in LAYERS if of(known_law(layer, way, amount)) != of(law_of(layer, way, amount))]


def test_every_way_has_its_law_written_down():
    assert set(FORMS) == set(RECIPES)


@pytest.mark.parametrize("way", RECIPES)
def test_a_known_law_is_the_one_that_is_derived(way: str):
    assert differences(way) == []


@pytest.mark.parametrize(
    ("way", "wrong"),
    [
        ("separable", Form(("1/n_c", "1/f_h·f_w"), map_cancels=True)),
        ("separable", Form(("1/n_c'", "1/f_h·f_h"), map_cancels=True)),
        ("bottleneck", Form(("b·s_h·s_w/f_h·f_w·n_c'", "b/n_c"), map_cancels=True)),
        ("spatial", Form(("s_h/f_w", "n_c'/f_h·n_c"), map_cancels=False)),
    ],
)
def test_a_wrong_law_is_noticed(monkeypatch: pytest.MonkeyPatch, way: str, wrong: Form):
    monkeypatch.setitem(known_laws.FORMS, way, wrong)
    assert differences(way) != []
